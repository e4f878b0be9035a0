/* One problem from text to answer, and the log-probabilities of a text. */
#include "decode/engine.h"
#include "decode/session.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>

void lace_run_defaults(const struct lace_engine *engine, struct lace_run_options *options)
{
    *options = engine->defaults;
}

int lace_run(const struct lace_engine *e, const char *prompt, const struct lace_run_options *o,
             struct lace_run_result *result, struct lace_error *err)
{
    struct lace_session session = {.engine = e, .once = true};
    int code = lace_session_run(&session, prompt, o, result, err);
    lace_decoder_close(&session.decoder);
    return code;
}

/* ---- scoring ---- */

static void best_tokens(const float *logits, int V, double lse, struct lace_score_token *best, int top)
{
    int kept = 0;
    for (int i = 0; i < V; i++) {
        if (kept == top && logits[i] <= best[top - 1].logprob) continue;
        int at = kept < top ? kept++ : top - 1;
        for (; at > 0 && best[at - 1].logprob < logits[i]; at--) best[at] = best[at - 1];
        best[at] = (struct lace_score_token){i, logits[i]};
    }
    for (int i = 0; i < kept; i++) best[i].logprob = (float)(best[i].logprob - lse);
}

static int score_rows(const struct lace_model *m, const int *ids, int count, float *logprobs,
                      struct lace_score_token *best, int top, struct lace_error *err)
{
    struct lace_cache cache = {0};
    struct lace_batch b = {0};
    struct lace_state state = {0};
    struct lace_state_options size = {count, count < 256 ? count : 256, count, count, omp_get_max_threads(), false};
    int code = lace_cache_init(&cache, m, count, LACE_F32, err);
    if (!code) code = lace_batch_init(&b, count, 1, count, err);
    if (!code) code = lace_state_init(&state, m, &size, err);
    if (!code) {
        for (int r = 0; r < count; r++) {
            b.token[r] = ids[r];
            b.position[r] = b.time[r] = b.slot[r] = b.out_row[r] = r;
        }
        b.rows = b.outs = count;
        lace_batch_store_times(&b, &cache);
        struct lace_group g = {.prompt = {0, count, 0, 0}, .see = -1};
        code = lace_view_build(&b, &g, 1, &cache, m, err);
    }
    if (!code) {
        int V = m->config.vocab_size;
        lace_forward(m, &state, &cache, &b);
        logprobs[0] = 0;
        for (int i = 0; i < top; i++) best[i] = (struct lace_score_token){-1, 0};
        for (int first = 0; first < count; first += size.outs) {
            int rows = count - first < size.outs ? count - first : size.outs;
            lace_logits(m, &state, &b, first, rows);
            for (int i = 0; i < rows && first + i + 1 < count; i++) {
                const float *logits = state.logits + (size_t)i * V;
                double lse = lace_log_sum_exp(logits, V);
                logprobs[first + i + 1] = (float)(logits[ids[first + i + 1]] - lse);
                if (top) best_tokens(logits, V, lse, best + (size_t)(first + i + 1) * top, top);
            }
        }
    }
    lace_state_release(&state);
    lace_batch_release(&b);
    lace_cache_release(&cache);
    return code;
}

int lace_score(const struct lace_engine *e, const int *ids, size_t count, float *logprobs,
               struct lace_score_token *best, int top, struct lace_error *err)
{
    const struct lace_config *c = &e->model->config;
    if (!count) return lace_fail(err, LACE_BAD, "There is nothing to score: the text is empty.");
    if (count > (size_t)lace_config_context(c))
        return lace_fail(err, LACE_BAD, "The text has %zu tokens; the model's context holds %d.", count,
                         lace_config_context(c));
    for (size_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= c->vocab_size)
            return lace_fail(err, LACE_BAD, "Token %d is not in the vocabulary of %d.", ids[i], c->vocab_size);
    if (top < 0 || top > c->vocab_size) return lace_fail(err, LACE_BAD, "top must be from 0 to %d.", c->vocab_size);
    return score_rows(e->model, ids, (int)count, logprobs, best, top, err);
}
