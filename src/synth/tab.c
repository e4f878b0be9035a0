/* The family `tab`: a chain and a product or an equation (join.h). Some of the digits, or of the factors of terms, are
 * letters of the chain:
 *   Find k (mod 13): h=6, g=h+3, k=h*g. Find ab*xy: a=7, b=k, x=g, y=6. */
#include "synth/join.h"

enum { HARDEST = 6, DIGIT = 9 };

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_join *j = problem;
    char letter[HARDEST];
    int d = lace_family_draw(rng, knobs->difficulty), value[HARDEST];
    bool equation = lace_rng_below(rng, 2);
    j->kind = LACE_JOIN_TAB;
    int letters = lace_join_draw_chain(&j->first.chain, d + 1, lace_product_letters(equation, d), DIGIT, d, letter,
                                       knobs, rng, err);
    if (letters < 0) return letters;
    for (int k = 0; k < letters; k++) value[k] = j->first.chain.value[letter[k] - 'a'];
    return lace_product_draw(&j->second.product, equation, d, letter, value, letters, rng, err);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_join_parse(problem, LACE_JOIN_TAB, text, err);
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high;
    if (threads == 1) return 5 * d; /* every line there is */
    /* The least numbers of rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more. */
    return threads == 2 ? 3 * d + 3 : threads == 3 ? 2 * d + 4 : (3 * d + 11) / 2;
}

static const struct lace_work work = {
    LACE_JOIN_WORK,
    .draw = draw,
    .parse = parse,
};

static const char *const strategies[] = {"second", "first", "rounding", "random", NULL};
static const char *const errors[] = {"right",         "lookup error",   "wrong sum",   "wrong difference",
                                     "wrong product", "wrong rounding", "wrong total", NULL};

const struct lace_family lace_family_tab = {
    .name = "tab",
    .summary = "a product or an equation, some numbers of which are letters of a chain",
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
