/* The family `fare`: a chain and a path (join.h). The lengths of some roads are letters of the chain:
 *   Find k (mod 13): c=6, f=c+3, k=c*f. Shortest from a to h: a3b, a(k)d, b4e, d(f)e, e2h.
 * The asked letter is one of them, so that every definition that leads to it is needed for the way. */
#include "synth/join.h"

enum { HARDEST = 6 }; /* as many letters as there are */

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_join *j = problem;
    struct lace_path_road roads[PATH_ROADS];
    char letter[HARDEST];
    int d = lace_family_draw(rng, knobs->difficulty), layers = d + 1, start, goal, value[HARDEST];
    int count = lace_path_draw_roads(layers, 0, rng, roads, &start, &goal);
    j->kind = LACE_JOIN_FARE;
    int letters = lace_join_draw_chain(&j->first.chain, d + 1, lace_path_used(roads, count), PATH_LENGTH / (layers + 1),
                                       d, letter, knobs, rng, err);
    if (letters < 0) return letters;
    for (int k = 0; k < letters; k++) value[k] = j->first.chain.value[letter[k] - 'a'];
    return lace_join_put_lengths(&j->second.path, start, goal, roads, count, letter, value, letters, rng, err);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_join_parse(problem, LACE_JOIN_FARE, text, err);
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high;
    if (threads == 1) return 3 * d + 6; /* every line of `middle` */
    /* The least numbers of rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more. */
    return threads == 2 ? 6 + 3 * d / 2 : threads == 3 ? d + 5 + d / 4 : d + 5;
}

static const struct lace_work work = {
    LACE_JOIN_WORK,
    .draw = draw,
    .parse = parse,
};

static const char *const strategies[] = {"middle", "forward", "backward", "random", NULL};
static const char *const errors[] = {"right",         "lookup error", "wrong sum", "wrong difference",
                                     "wrong product", "wrong choice", NULL};

const struct lace_family lace_family_fare = {
    .name = "fare",
    .summary = "the shortest way, where the lengths of some roads are letters of a chain",
    .easiest = 1,
    .hardest = HARDEST,
    .trained_low = 1,
    .trained_high = 3,
    .uses_moduli = true,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .budget = budget,
};
