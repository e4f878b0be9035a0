/* The family `loan`: a search and a chain (join.h). The unknowns stand in the chain's definitions like letters that are
 * given, each in one place:
 *   Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find k (mod 13): c=5, f=c+q, k=f*p. */
#include "synth/join.h"

enum { HARDEST = 6 };

/* The chain's moduli are the knobs' primes beyond the options, of which the search has found one. */
static struct lace_data_knobs beyond(const struct lace_data_knobs *knobs, int options)
{
    struct lace_data_knobs own = *knobs;
    own.modulus_count = 0;
    for (int i = 0; i < knobs->modulus_count; i++)
        if (knobs->moduli[i] > options) own.moduli[own.modulus_count++] = knobs->moduli[i];
    return own;
}

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_join *j = problem;
    struct lace_search *s = &j->first.search;
    struct lace_chain *c = &j->second.chain;
    int d = lace_family_draw(rng, knobs->difficulty), code;
    j->kind = LACE_JOIN_LOAN;
    if ((code = lace_join_draw_search(s, d, knobs, rng, err))) return code;
    struct lace_data_knobs own = beyond(knobs, s->options);
    for (int tries = 0; tries < 10000; tries++) {
        uint32_t used = 0;
        *c = (struct lace_chain){0};
        if ((code = lace_chain_draw_nodes(c, d + d / 2, 0, &own, rng, err))) return code;
        for (int i = 0; i < c->count; i++) used |= (uint32_t)1 << (c->def[i].name - 'a');
        lace_join_name_unknowns(s, used, rng);
        if (lace_chain_borrow(c, s->unknown, s->solution, d, rng)) return 0;
    }
    return lace_fail(err, LACE_BAD, "No chain has room for %d unknowns; try another seed.", d);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_join_parse(problem, LACE_JOIN_LOAN, text, err);
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high, B = lace_search_options(knobs).high;
    if (threads == 1) return d * B + d + d / 2; /* every line there is */
    /* The search, and what of the chain cannot be evaluated meanwhile: as many rounds more as let sharing threads solve
     * 97 % by `lace data ceiling`, or one or two more. */
    int more = threads == 2   ? d + 1
               : threads == 3 ? (d + 7) / 3
               : threads == 4 ? d
                              : (2 * d + 3 + 2 * (threads > 5)) / 3;
    return lace_search_budget(d, B, threads) + more;
}

static const struct lace_work work = {
    LACE_JOIN_WORK,
    .draw = draw,
    .parse = parse,
};

static const char *const strategies[] = {"forward", "backward", "branch", "random", NULL};
static const char *const errors[] = {
    "right", "lookup error", "wrong product", "wrong sum", "wrong verdict", "wrong difference", NULL};

const struct lace_family lace_family_loan = {
    .name = "loan",
    .summary = "the value of a letter through definitions, some operands of which are found by a search",
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
