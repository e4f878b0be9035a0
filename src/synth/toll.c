/* The family `toll`, for evaluation only: a search and a path (join.h). The lengths of some roads are the unknowns:
 *   Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Shortest from a to h: a3b, a(q)c, b4d, c(p)d, d2h.
 * Trained on are other joints of a search, and other joints with a path, but none of these two halves. */
#include "synth/join.h"
#include <string.h>

enum { HARDEST = 7 }; /* as many letters as there are */

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_join *j = problem;
    struct lace_search *s = &j->first.search;
    struct lace_path_road roads[PATH_ROADS];
    int start, goal, order[PATH_ROADS], code;
    j->kind = LACE_JOIN_TOLL;
    if ((code = lace_join_draw_search(s, lace_family_draw(rng, knobs->difficulty), knobs, rng, err))) return code;
    int count = lace_path_draw_roads(s->stages + 1, 0, rng, roads, &start, &goal);
    lace_join_name_unknowns(s, lace_path_used(roads, count), rng);
    for (int i = 0; i < count; i++) order[i] = i;
    lace_rng_shuffle(rng, order, count);
    for (int k = 0; k < s->stages; k++) {
        roads[order[k]].toll = s->unknown[k];
        roads[order[k]].length = (uint8_t)s->solution[k];
    }
    return lace_path_init(&j->second.path, start, goal, roads, count, err);
}

/* Older than the other joints: its problems lie on the side of the split on which these numbers put them. */
static int numbers(const void *problem, uint8_t *out)
{
    const struct lace_join *j = problem;
    const struct lace_search *s = &j->first.search;
    int count = lace_join_numbers(problem, out);
    out[1] = (uint8_t)s->options;
    out[2] = (uint8_t)s->modulus;
    return count;
}

/* Older in this, too: distractions of the search may have the letter of a node. */
static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    const struct lace_join *j = problem;
    const struct lace_search *s = &j->first.search;
    uint32_t used = 0;
    for (int k = 0; k < s->stages; k++) used |= (uint32_t)1 << (s->unknown[k] - 'a');
    lace_search_prompt(s, ambiguity, rng, out);
    lace_text_str(out, " ");
    lace_path_prompt(&j->second.path, ambiguity, used, rng, out);
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
    LACE_JOIN_WORK, .draw = draw, .numbers = numbers, .prompt = prompt, .parse = parse,
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
