/* The halves of joints (join.h) that need values: letters as lengths of roads (`path`), as digits or factors (`product`),
 * and as operands of definitions (`chain`). */
#include "synth/join.h"
#include <string.h>

/* ---- path: the length of a road ---- */

static uint32_t path_letters(const void *problem)
{
    const struct lace_path *p = problem;
    uint32_t letters = 0;
    for (int i = 0; i < p->node_count; i++) letters |= (uint32_t)1 << p->node[i];
    return letters;
}

static int path_numbers(const void *problem, const uint8_t id[JOIN_LETTERS], uint8_t *out)
{
    struct lace_path p = *(const struct lace_path *)problem;
    for (int v = 0; v < PATH_NODES; v++) /* letters do not count */
        for (int i = 0; i < 2; i++)
            if (p.in[v].toll[i]) p.in[v].toll[i] = (char)id[p.in[v].toll[i] - 'a'];
    uint64_t shape = lace_path_shape(&p);
    memcpy(out, &shape, sizeof shape);
    return sizeof shape;
}

static int path_parse(void *problem, const char *prompt, const int value[JOIN_LETTERS], struct lace_error *err)
{
    struct lace_path_road roads[PATH_ROADS];
    int count = 0, start = 0, goal = 0;
    if (!lace_path_read_prompt(prompt, true, roads, &count, &start, &goal))
        return lace_fail(err, LACE_BAD,
                         "The second half is not a path problem; one reads `Shortest from a to d: a3b, a(p)c, b4d, "
                         "c6d.`, where p has a value.");
    for (int i = 0; i < count; i++) {
        if (!roads[i].toll) continue;
        int length = value[roads[i].toll - 'a'];
        if (length < 1)
            return lace_fail(err, LACE_BAD,
                             length < 0 ? "Nothing says how long the road (%c) is; give the letter a value."
                                        : "The road (%c) has no length; the letter must be 1 or more.",
                             roads[i].toll);
        if (length > PATH_LENGTH)
            return lace_fail(err, LACE_BAD, "The road (%c) is %d long; a way is at most %d.", roads[i].toll, length,
                             PATH_LENGTH);
        roads[i].length = (uint8_t)length;
    }
    return lace_path_init(problem, start, goal, roads, count, err);
}

/* The roads that a line adds up; NULL: those are settled. */
static const struct lace_path_end *roads_of(const struct lace_path *p, int move)
{
    if (move == PATH_MOVES - 1) return NULL;
    return move < PATH_NODES ? &p->in[move] : &p->out[move - PATH_NODES];
}

static int path_needs(const void *problem, int move, char letter[2])
{
    const struct lace_path_end *end = roads_of(problem, move);
    int needs = 0;
    for (int k = 0; end && k < end->count; k++)
        if (end->toll[k]) letter[needs++] = end->toll[k];
    return needs;
}

static void path_put(void *problem, int move, char letter, int value)
{
    struct lace_path *p = problem;
    struct lace_path_end *end = move < PATH_NODES ? &p->in[move] : &p->out[move - PATH_NODES];
    for (int k = 0; k < 2; k++)
        if (end->toll[k] == letter) end->length[k] = (uint8_t)value;
}

static bool path_taken(const void *problem, const struct lace_work_line *line, char letter, int *value)
{
    const struct lace_path_end *end = roads_of(problem, line->move);
    struct lace_path_term term[2];
    int terms = lace_path_terms(line, term);
    for (int i = 0; end && i < terms; i++)
        for (int k = 0; k < end->count; k++)
            if (end->node[k] == term[i].node && end->toll[k] == letter) return *value = term[i].add, true;
    return false;
}

const struct lace_join_second lace_join_path = {
    .work = &lace_path_work,
    .letters = path_letters,
    .numbers = path_numbers,
    .parse = path_parse,
    .prompt = lace_path_prompt,
    .needs = path_needs,
    .put = path_put,
    .taken = path_taken,
};

/* ---- product: a digit, or a factor of a term; only partial products need them ---- */

static uint32_t product_letters(const void *problem)
{
    const struct lace_product *p = problem;
    uint32_t letters = p->equation ? (uint32_t)1 << 25 : 0; /* z */
    for (int i = 0; i < p->count; i++) letters |= (uint32_t)1 << (p->letter[i] - 'a');
    return letters;
}

static int product_numbers(const void *problem, const uint8_t id[JOIN_LETTERS], uint8_t *out)
{
    const struct lace_product *p = problem;
    int n = lace_product_work.numbers(p, out);
    for (int i = 0; i < p->count; i++)
        for (int k = 0; k < 2; k++) out[n++] = p->unknown[i][k] ? id[p->unknown[i][k] - 'a'] : 0;
    return n;
}

static int product_needs(const void *problem, int move, char letter[2])
{
    const struct lace_product *p = problem;
    const struct lace_product_fact *f = &p->fact[lace_product_fact_of(move)];
    int needs = 0;
    for (int k = 0; k < 2; k++)
        if (f->unknown[k]) letter[needs++] = f->unknown[k];
    return needs;
}

static void product_put(void *problem, int move, char letter, int value)
{
    struct lace_product_fact *f = &((struct lace_product *)problem)->fact[lace_product_fact_of(move)];
    for (int k = 0; k < 2; k++)
        if (f->unknown[k] == letter) f->given[k] = value;
}

static bool product_taken(const void *problem, const struct lace_work_line *line, char letter, int *value)
{
    const struct lace_product *p = problem;
    struct lace_product_line own;
    lace_product_line_of(line, &own);
    for (int k = 0; k < 2; k++)
        if (p->fact[own.fact].unknown[k] == letter) return *value = k ? own.v : own.u, true;
    return false;
}

const struct lace_join_second lace_join_product = {
    .work = &lace_product_work,
    .letters = product_letters,
    .numbers = product_numbers,
    .parse = lace_product_parse,
    .prompt = lace_product_prompt,
    .needs = product_needs,
    .put = product_put,
    .taken = product_taken,
};

/* ---- chain: an operand of a definition ---- */

static uint32_t chain_letters(const void *problem)
{
    const struct lace_chain *c = problem;
    uint32_t letters = 0;
    for (int i = 0; i < c->count - c->outside; i++) letters |= (uint32_t)1 << (c->def[i].name - 'a');
    return letters;
}

/* Letters of the first half in place of their values, which follow from it. */
static int chain_numbers(const void *problem, const uint8_t id[JOIN_LETTERS], uint8_t *out)
{
    enum { NO_NUMBER = 100 }; /* is given in a chain */
    struct lace_chain own = *(const struct lace_chain *)problem;
    for (int i = own.count - own.outside; i < own.count; i++)
        own.def[i].number[0] = NO_NUMBER + id[own.def[i].name - 'a'];
    return lace_chain_numbers(&own, out);
}

static int chain_needs(const void *problem, int move, char letter[2])
{
    const struct lace_chain *c = problem;
    const char *operand = c->def[move].letter;
    int needs = 0;
    for (int k = 0; k < 2; k++)
        if (operand[k] && lace_chain_outside(c, operand[k] - 'a')) letter[needs++] = operand[k];
    return needs;
}

static void chain_put(void *problem, int move, char letter, int value)
{
    ((struct lace_chain *)problem)->value[letter - 'a'] = value;
}

static bool chain_taken(const void *problem, const struct lace_work_line *line, char letter, int *value)
{
    const struct lace_chain *c = problem;
    for (int k = 0; k < 2; k++)
        if (c->def[line->move].letter[k] == letter) return *value = line->part[k], true;
    return false;
}

const struct lace_join_second lace_join_definitions = {
    .work = &lace_chain_work,
    .letters = chain_letters,
    .numbers = chain_numbers,
    .parse = lace_chain_parse_with,
    .prompt = lace_chain_put_prompt,
    .needs = chain_needs,
    .put = chain_put,
    .taken = chain_taken,
};
