/* The halves of joints (join.h) that find values: what a line of `search`, of `chain` or of an equation says of a letter. */
#include "synth/join.h"
#include <string.h>

/* ---- search: a letter is an unknown, and a find says what it is ---- */

static int search_ranks(const void *problem)
{
    const struct lace_search *s = problem;
    return s->stages * s->options;
}

/* Small options first, stage by stage: whatever the strategy, which is that of the second half. */
static int search_rank(const void *problem, int strategy, int move)
{
    const struct lace_search *s = problem;
    int K = s->stages, B = s->options;
    return move < K * B ? move % B * K + move / B : 0;
}

static int search_parse(void *problem, const char *prompt, struct lace_error *err)
{
    const struct lace_search *s = problem;
    int code = lace_search_parse(problem, prompt, err);
    if (code || s->options <= JOIN_OPTIONS) return code;
    return lace_fail(err, LACE_BAD, "There are %d options; a joint has at most %d.", s->options, JOIN_OPTIONS);
}

static void search_letters(const void *problem, int value[JOIN_LETTERS], uint8_t id[JOIN_LETTERS])
{
    const struct lace_search *s = problem;
    for (int i = 0; i < JOIN_LETTERS; i++) value[i] = -1, id[i] = 0;
    for (int k = 0; k < s->stages; k++) {
        value[s->unknown[k] - 'a'] = s->solution[k];
        id[s->unknown[k] - 'a'] = (uint8_t)(k + 1);
    }
}

static bool search_found(const void *problem, lace_work_known known, char letter, int *value, short *move)
{
    const struct lace_search *s = problem;
    const char *at = memchr(s->unknown, letter, (size_t)s->stages);
    const struct lace_work_line *line = at ? lace_search_found(s, known, (int)(at - s->unknown)) : NULL;
    if (!line) return false;
    *value = line->part[SEARCH_X];
    *move = line->move;
    return true;
}

static bool search_says(const void *problem, const struct lace_work_line *line, char *letter, int *value)
{
    const struct lace_search *s = problem;
    int stage = line->part[SEARCH_STAGE];
    *letter = s->unknown[stage];
    *value = line->part[SEARCH_X];
    return line->value == s->t[stage];
}

const struct lace_join_first lace_join_search = {
    .work = &lace_search_work,
    .moves = SEARCH_STAGES * JOIN_OPTIONS,
    .ranks = search_ranks,
    .rank = search_rank,
    .parse = search_parse,
    .prompt = lace_search_put_prompt,
    .letters = search_letters,
    .found = search_found,
    .says = search_says,
};

/* ---- chain: a line says what its letter is ---- */

static void chain_letters(const void *problem, int value[JOIN_LETTERS], uint8_t id[JOIN_LETTERS])
{
    const struct lace_chain *c = problem;
    uint8_t numbers[LACE_WORK_NUMBERS];
    lace_chain_walk(c, id, numbers);
    for (int i = 0; i < JOIN_LETTERS; i++) value[i] = c->needed[i] ? c->value[i] : -1;
}

static bool chain_found(const void *problem, lace_work_known known, char letter, int *value, short *move)
{
    const struct lace_chain *c = problem;
    int i = letter - 'a', first = c->first[i];
    if (first < 0) return false;
    bool given = lace_chain_given(c, i);
    if (!given && !known[first]) return false;
    *value = given ? c->value[i] : known[first]->value;
    *move = (short)(given ? -1 : first);
    return true;
}

static bool chain_says(const void *problem, const struct lace_work_line *line, char *letter, int *value)
{
    const struct lace_chain *c = problem;
    *letter = c->def[line->move].name;
    *value = line->value;
    return true;
}

const struct lace_join_first lace_join_chain = {
    .work = &lace_chain_work,
    .moves = CHAIN_DEFINITIONS,
    .parse = lace_chain_parse,
    .prompt = lace_chain_put_prompt,
    .letters = chain_letters,
    .found = chain_found,
    .says = chain_says,
};

/* ---- product: an equation, whose last line says what z is ---- */

static int equation_parse(void *problem, const char *prompt, struct lace_error *err)
{
    const struct lace_product *p = problem;
    int code = lace_product_parse(problem, prompt, NULL, err);
    if (code || p->equation) return code;
    return lace_fail(err, LACE_BAD, "The first half is a product, which finds no letter; give an equation.");
}

static void equation_letters(const void *problem, int value[JOIN_LETTERS], uint8_t id[JOIN_LETTERS])
{
    const struct lace_product *p = problem;
    for (int i = 0; i < JOIN_LETTERS; i++) value[i] = -1, id[i] = 0;
    for (int i = 0; i < p->count; i++) id[p->letter[i] - 'a'] = (uint8_t)(i + 2);
    id['z' - 'a'] = 1;
    value['z' - 'a'] = p->fact[p->facts - 1].value;
}

/* What false lines come to may be no length; then the second half waits until they are corrected. */
static bool equation_found(const void *problem, lace_work_known known, char letter, int *value, short *move)
{
    const struct lace_product *p = problem;
    const struct lace_work_line *line = known[p->facts - 1];
    if (letter != 'z' || !line || line->value > PATH_LENGTH) return false;
    *value = line->value;
    *move = (short)(p->facts - 1);
    return true;
}

static bool equation_says(const void *problem, const struct lace_work_line *line, char *letter, int *value)
{
    const struct lace_product *p = problem;
    bool last = lace_product_fact_of(line->move) == p->facts - 1;
    *letter = last ? 'z' : 0;
    *value = line->value;
    return last;
}

const struct lace_join_first lace_join_equation = {
    .work = &lace_product_work,
    .moves = PRODUCT_MOVES,
    .parse = equation_parse,
    .prompt = lace_product_prompt,
    .letters = equation_letters,
    .found = equation_found,
    .says = equation_says,
};
