#include "decode/result.h"
#include "decode/pick.h"
#include <stdlib.h>
#include <string.h>

/* Copies what a thread reached into the caller's result. */
static int take_thread(const struct lace_thread *t, struct lace_run_thread *out, struct lace_error *err)
{
    struct lace_text answer;
    lace_text_init(&answer);
    *out = (struct lace_run_thread){.verdict = t->verdict,
                                    .p_best = t->p[LACE_VERDICT_BEST],
                                    .logprob = t->sampled ? t->logprob / t->sampled : 0,
                                    .tokens = t->chosen,
                                    .said = t->said,
                                    .cut = t->cut};
    out->text = strndup(t->text.data, t->text.len);
    if (lace_format_answer(t->text.data, t->text.len, &answer)) out->answer = answer.data;
    else lace_text_release(&answer);
    return out->text && !answer.failed ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
}

int lace_group_result(const struct lace_decoder *d, int group, int threads, enum lace_pick_by pick, uint64_t seed,
                      struct lace_run_result *result, struct lace_error *err)
{
    struct lace_ballot *ballots = calloc((size_t)threads, sizeof *ballots);
    result->picked = -1;
    result->threads = calloc((size_t)threads, sizeof *result->threads);
    int code = ballots && result->threads ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int n = 0; n < threads && !code; n++) {
        struct lace_run_thread *t = &result->threads[n];
        result->thread_count = n + 1;
        code = take_thread(lace_decoder_thread(d, group, n), t, err);
        result->completion_tokens += t->tokens;
        ballots[n] = (struct lace_ballot){t->answer, t->p_best, t->logprob};
    }
    if (!code) {
        result->picked = lace_pick(ballots, threads, pick, seed);
        if (result->picked >= 0 && !(result->answer = strdup(result->threads[result->picked].answer)))
            code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    free(ballots);
    return code;
}
