/* The family `levy`: an equation and a path (join.h). The lengths of some roads are z:
 *   Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(z)g, f4h, g6h.
 * No node has the letter of a term. */
#include "synth/join.h"

enum { HARDEST = 6 };

static int terms_of(int difficulty) { return 1 + difficulty / 2; } /* on a side: letters are left for the nodes */

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_join *j = problem;
    struct lace_product *p = &j->first.product;
    struct lace_path_road roads[PATH_ROADS];
    int d = lace_family_draw(rng, knobs->difficulty), terms = terms_of(d), start, goal, code;
    j->kind = LACE_JOIN_LEVY;
    if ((code = lace_product_draw(p, true, terms, NULL, NULL, 0, rng, err))) return code;
    int count = lace_path_draw_roads(d, lace_product_letters(true, terms), rng, roads, &start, &goal),
        some = 1 + (int)lace_rng_below(rng, (uint32_t)d);
    char letter[HARDEST];
    int value[HARDEST];
    for (int k = 0; k < some; k++) letter[k] = 'z', value[k] = p->fact[p->facts - 1].value;
    return lace_join_put_lengths(&j->second.path, start, goal, roads, count, letter, value, some, rng, err);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_join_parse(problem, LACE_JOIN_LEVY, text, err);
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high, t = terms_of(d);
    int lines = 4 * t - 1 + 2 * d + 3; /* of the equation, and of `middle` */
    if (threads == 1) return lines;
    /* The least numbers of rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more: the equation
     * and then what of the way its z keeps waiting. */
    if (threads < 4) return threads == 2 ? lines / 2 + 2 + t : 3 * t + 3 + d / 3;
    return 2 * t + 4 + (threads < 6 ? (d + 1) / 3 : 0);
}

static const struct lace_work work = {
    LACE_JOIN_WORK,
    .draw = draw,
    .parse = parse,
};

static const char *const strategies[] = {"middle", "forward", "backward", "random", NULL};
static const char *const errors[] = {
    "right", "lookup error", "wrong rounding", "wrong product", "wrong sum", "wrong choice", NULL};

const struct lace_family lace_family_levy = {
    .name = "levy",
    .summary = "the shortest way, where the lengths of some roads are found by an equation",
    .easiest = 1,
    .hardest = HARDEST,
    .trained_low = 1,
    .trained_high = 3,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .budget = budget,
};
