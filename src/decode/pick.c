#include "decode/pick.h"

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
