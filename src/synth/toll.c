/* The family `toll`, for evaluation only: a search and a path (join.h). The lengths of some roads are the unknowns:
 *   Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Shortest from a to h: a3b, a(q)c, b4d, c(p)d, d2h.
 * Trained on are other joints of a search, and other joints with a path, but none of these two halves. */
#include "synth/join.h"

enum { HARDEST = 7 }; /* as many letters as there are */

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_join *j = problem;
    struct lace_search *s = &j->first.search;
    struct lace_path_road roads[PATH_ROADS];
    int start, goal, code;
    j->kind = LACE_JOIN_TOLL;
    if ((code = lace_join_draw_search(s, lace_family_draw(rng, knobs->difficulty), knobs, rng, err))) return code;
    int count = lace_path_draw_roads(s->stages + 1, 0, rng, roads, &start, &goal);
    lace_join_name_unknowns(s, lace_path_used(roads, count), rng);
    return lace_join_put_lengths(&j->second.path, start, goal, roads, count, s->unknown, s->solution, s->stages, rng,
                                 err);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_join_parse(problem, LACE_JOIN_TOLL, text, err);
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high, B = lace_search_options(knobs).high;
    if (threads == 1) return d * B + 2 * (d + 1) + 3; /* every line there is */
    /* The search, and what of the way cannot be settled meanwhile: as many rounds more as let sharing threads solve 97 %
     * by `lace data ceiling`, or one more. */
    return lace_search_budget(d, B, threads) + (threads == 2 ? 4 + d - d / 4 : 4 + d / 3);
}

static const struct lace_work work = {
    LACE_JOIN_WORK,
    .draw = draw,
    .parse = parse,
};

static const char *const strategies[] = {"middle", "forward", "backward", "random", NULL};
static const char *const errors[] = {
    "right", "lookup error", "wrong product", "wrong sum", "wrong verdict", "wrong choice", NULL};

const struct lace_family lace_family_toll = {
    .name = "toll",
    .summary = "the shortest way, where the lengths of some roads are found by a search",
    .easiest = 1,
    .hardest = HARDEST,
    .trained_low = 1,
    .trained_high = 4,
    .evaluation_only = true,
    .uses_options = true,
    .uses_moduli = true,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .budget = budget,
};
