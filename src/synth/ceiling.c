/* What the policies reach when every step is right: the upper bound of a model that was trained on them. */
#include "eval/stats.h"
#include "synth/family.h"

enum { SHARED, TAGGED, ALONE, SERIAL, RACES, MOST = 1024 };

int lace_data_ceiling(const char *name, const struct lace_data_knobs *knobs, uint64_t problems,
                      struct lace_interval rounds, int (*row)(void *user, const struct lace_ceiling_row *row),
                      void *user, struct lace_error *err)
{
    const struct lace_family *family = lace_family_find(name, err);
    if (!family) return LACE_BAD;
    int code = lace_family_check_knobs(family, knobs, err), threads = knobs->threads.low;
    if (code) return code;
    if (threads != knobs->threads.high)
        return lace_fail(err, LACE_BAD, "A ceiling is of one number of threads; give one, not a range.");
    if (!problems) return lace_fail(err, LACE_BAD, "A ceiling needs at least one problem.");
    if (!rounds.low && !rounds.high) {
        rounds.high = family->budget(family, knobs, threads) * 3 / 2;
        rounds.low = threads > 1 ? 1 : knobs->difficulty.low;
    }
    if (rounds.high > MOST) rounds.high = MOST;
    if (rounds.low < 1 || rounds.low > rounds.high)
        return lace_fail(err, LACE_BAD, "The rounds are %d:%d; they must lie within 1:%d.", rounds.low, rounds.high,
                         MOST);

    static const enum lace_policy policy[RACES] = {LACE_POLICY_SHARED, LACE_POLICY_TAGGED, LACE_POLICY_ALONE,
                                                   LACE_POLICY_ALONE};
    uint64_t solved[RACES][MOST + 1] = {{0}};
    for (uint64_t i = 0; i < problems; i++)
        for (int k = 0; k < RACES; k++) {
            struct lace_data_knobs own = *knobs;
            int round, by = k == SERIAL ? threads : 1; /* a round of the race is N rounds of the serial thread */
            if (k != SHARED) own.strategy = 0;
            code =
                lace_family_race(family, &own, i, policy[k], k == SERIAL ? 1 : threads, rounds.high * by, &round, err);
            if (code) return code;
            if (round) solved[k][(round + by - 1) / by]++;
        }
    for (int r = 1; r <= rounds.high; r++) {
        for (int k = 0; k < RACES; k++) solved[k][r] += solved[k][r - 1];
        if (r < rounds.low) continue;
        struct lace_ceiling_row out = {
            r, lace_wilson(solved[SHARED][r], problems), lace_wilson(solved[TAGGED][r], problems),
            lace_wilson(solved[ALONE][r], problems), lace_wilson(solved[SERIAL][r], problems)};
        if (row(user, &out)) return lace_fail(err, LACE_STOPPED, "Stopped after %d rounds.", r);
    }
    return 0;
}
