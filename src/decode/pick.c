#include "decode/pick.h"
#include <assert.h>

static int pick_highest(const struct lace_ballot *b, int count, bool by_verdict)
{
    int chosen = -1;
    for (int n = 0; n < count; n++) {
        if (!b[n].answer || (by_verdict && !(b[n].p_best > 0))) continue;
        if (chosen < 0 || (by_verdict ? b[n].p_best > b[chosen].p_best : b[n].logprob > b[chosen].logprob)) chosen = n;
    }
    return chosen;
}

static int pick_vote(const struct lace_ballot *b, int count, uint64_t seed)
{
    struct lace_rng rng;
    lace_rng_init(&rng, seed, 0x766f7465); /* a stream of its own: threads use theirs */
    int winner = -1, most = 0, ties = 0;
    for (int n = 0; n < count; n++) {
        bool first = b[n].answer != NULL;
        int votes = 0;
        for (int m = 0; m < count && first; m++)
            if (lace_format_same(b[n].answer, b[m].answer)) {
                if (m < n) first = false; /* counted with an earlier thread */
                votes++;
            }
        if (!first || votes < most) continue;
        ties = votes > most ? 1 : ties + 1;
        if (lace_rng_below(&rng, (uint32_t)ties) == 0) winner = n; /* each of the tied answers with equal chance */
        most = votes;
    }
    if (winner < 0) return -1;
    int speaker = winner;
    for (int n = 0; n < count; n++)
        if (lace_format_same(b[n].answer, b[winner].answer) && b[n].logprob > b[speaker].logprob) speaker = n;
    return speaker;
}

int lace_pick(const struct lace_ballot *b, int count, enum lace_pick_by by, uint64_t seed)
{
    int chosen = -1;
    if (by != LACE_PICK_VOTE) chosen = pick_highest(b, count, by == LACE_PICK_VERDICT);
    return chosen < 0 ? pick_vote(b, count, seed) : chosen;
}

int lace_graded_add(struct lace_graded *g, const struct lace_record *problem, lace_grade_fn *grade,
                    struct lace_string text, double p_best, double logprob, struct lace_error *err)
{
    assert(g->count < LACE_FEW_ROWS);
    int n = g->count++;
    struct lace_text *answer = &g->answers[n];
    lace_text_init(answer);
    bool there = lace_format_answer(text.bytes, text.len, answer);
    if (answer->failed) return lace_fail(err, LACE_MEMORY, "Out of memory for the answers of a group.");
    int mark = there ? grade(problem, answer->data) : -1;
    g->right[n] = mark == 1;
    g->ballots[n] = (struct lace_ballot){mark >= 0 ? answer->data : NULL, p_best, logprob};
    return 0;
}

bool lace_graded_right(const struct lace_graded *g, enum lace_pick_by by, uint64_t seed)
{
    int picked = lace_pick(g->ballots, g->count, by, seed);
    return picked >= 0 && g->right[picked];
}

void lace_graded_release(struct lace_graded *g)
{
    for (int n = 0; n < g->count; n++) lace_text_release(&g->answers[n]);
    g->count = 0;
}
