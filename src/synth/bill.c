/* The family `bill`: a search and a product or an equation (join.h). Some of the digits, or of the factors of terms, are
 * the unknowns:
 *   Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find ab*xy: a=7, b=q, x=p, y=6.
 *   Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find z: z*4+a+b=c+d, a=3*q, b=2*9, c=p*9, d=20. */
#include "synth/join.h"

enum { HARDEST = 6 };

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_join *j = problem;
    struct lace_search *s = &j->first.search;
    int d = lace_family_draw(rng, knobs->difficulty), code;
    bool equation = lace_rng_below(rng, 2);
    j->kind = LACE_JOIN_BILL;
    if ((code = lace_join_draw_search(s, d, knobs, rng, err))) return code;
    lace_join_name_unknowns(s, lace_product_letters(equation, d), rng);
    return lace_product_draw(&j->second.product, equation, d, s->unknown, s->solution, d, rng, err);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_join_parse(problem, LACE_JOIN_BILL, text, err);
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high, B = lace_search_options(knobs).high;
    if (threads == 1) return d * B + 4 * d - 1; /* every line there is */
    /* The search, and what of the product cannot be done meanwhile: as many rounds more as let sharing threads solve 97 %
     * by `lace data ceiling`, or one more. */
    int more = threads == 2 ? (7 * d + 2) / 3 : threads == 3 ? (3 * d + 4) / 2 : threads < 6 ? (3 * d + 3) / 2 : d + 3;
    return lace_search_budget(d, B, threads) + more;
}

static const struct lace_work work = {
    LACE_JOIN_WORK,
    .draw = draw,
    .parse = parse,
};

static const char *const strategies[] = {"second", "first", "rounding", "random", NULL};
static const char *const errors[] = {"right",         "lookup error",   "wrong product", "wrong sum",
                                     "wrong verdict", "wrong rounding", "wrong total",   NULL};

const struct lace_family lace_family_bill = {
    .name = "bill",
    .summary = "a product or an equation, some numbers of which are found by a search",
    .easiest = 1,
    .hardest = HARDEST,
    .trained_low = 1,
    .trained_high = 3,
    .uses_options = true,
    .uses_moduli = true,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .budget = budget,
};
