/* Joints as facts and moves (join.h): each member asks the half that a move belongs to, whose moves count from 0. */
#include "synth/join.h"
#include <assert.h>
#include <string.h>

enum { PROMPT = 4096, STOPS = 8 };

/* What the kinds of joints are made of. */
static const struct kind {
    const struct lace_join_first *first;
    const struct lace_join_second *second;
    const char *name, *example;
    uint8_t error[8]; /* the joint's number of an error of the second; those of the first are the joint's own */
} kinds[] = {
    [LACE_JOIN_TOLL] = {&lace_join_search,
                        &lace_join_path,
                        "toll",
                        "Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(p)c, b4d, c6d.",
                        {0, 1, 3, 5}},
    [LACE_JOIN_FARE] = {&lace_join_chain,
                        &lace_join_path,
                        "fare",
                        "Find k (mod 13): k=c+3, c=5. Shortest from a to d: a3b, a(k)e, b4d, e6d.",
                        {0, 1, 2, 5}},
    [LACE_JOIN_BILL] = {&lace_join_search,
                        &lace_join_product,
                        "bill",
                        "Find p (each from 1 to 8, mod 11): p*3+4=5. Find a*xy: a=p, x=8, y=6.",
                        {0, 1, 5, 2, 3, 6}},
    [LACE_JOIN_TAB] = {&lace_join_chain,
                       &lace_join_product,
                       "tab",
                       "Find k (mod 13): k=c+3, c=5. Find a*xy: a=k, x=8, y=6.",
                       {0, 1, 5, 4, 2, 6}},
    [LACE_JOIN_LOAN] = {&lace_join_search,
                        &lace_join_definitions,
                        "loan",
                        "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): c=5, k=c*p.",
                        {0, 1, 3, 5, 2}},
    [LACE_JOIN_LEVY] = {&lace_join_equation,
                        &lace_join_path,
                        "levy",
                        "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(z)g, f4h, g6h.",
                        {0, 1, 4, 5}},
};

/* A problem taken apart. */
struct halves {
    const struct kind *kind;
    const struct lace_join_first *first;
    const struct lace_join_second *second;
    const void *one, *two;
    int behind; /* the first move of the second half */
};
static struct halves halves_of(const void *problem)
{
    const struct lace_join *j = problem;
    const struct kind *kind = &kinds[j->kind];
    return (struct halves){kind, kind->first, kind->second, &j->first, &j->second, kind->first->moves};
}

/* The line of the second half as that half counts its moves. */
static struct lace_work_line inner(const struct halves *h, const struct lace_work_line *line)
{
    struct lace_work_line own = *line;
    own.move = (short)(line->move - h->behind);
    return own;
}

/* ---- problems ---- */

int lace_join_draw_search(struct lace_search *s, int stages, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                          struct lace_error *err)
{
    struct lace_data_knobs own = *knobs;
    if (own.options.high > JOIN_OPTIONS)
        return lace_fail(err, LACE_BAD, "The range options is %d:%d; it must lie within 2:%d.", own.options.low,
                         own.options.high, JOIN_OPTIONS);
    own.difficulty.low = stages;
    return lace_search_draw(s, &own, rng, err);
}

void lace_join_name_unknowns(struct lace_search *s, uint32_t used, struct lace_rng *rng)
{
    int free = JOIN_LETTERS - __builtin_popcount(used), left = s->stages;
    assert(free >= left);
    for (int i = 0; i < JOIN_LETTERS && left; i++) { /* any of the other letters, in order */
        if (used >> i & 1) continue;
        if ((int)lace_rng_below(rng, (uint32_t)free--) < left) s->unknown[s->stages - left--] = (char)('a' + i);
    }
}

int lace_join_draw_chain(struct lace_chain *c, int nodes, uint32_t used, int most, int count, char *letter,
                         const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    int code = 0, value = 0, listed = 0;
    for (int tries = 0; tries < 10000 && (value < 1 || value > most); tries++) {
        memset(c, 0, sizeof *c);
        if ((code = lace_chain_draw_nodes(c, nodes, used, knobs, rng, err))) return code;
        value = c->value[c->asked - 'a'];
    }
    if (value < 1 || value > most)
        return lace_fail(err, LACE_BAD, "No chain of %d definitions comes to 1 to %d; try another seed.", nodes, most);
    letter[listed++] = c->asked;
    for (int i = 0; i < c->count && listed < count; i++) {
        int name = c->def[i].name - 'a';
        bool other = c->def[i].op && c->def[i].name != c->asked;
        if (other && c->value[name] >= 1 && c->value[name] <= most) letter[listed++] = c->def[i].name;
    }
    return listed;
}

int lace_join_put_lengths(struct lace_path *p, int start, int goal, struct lace_path_road *roads, int count,
                          const char *letter, const int *value, int letters, struct lace_rng *rng,
                          struct lace_error *err)
{
    int order[PATH_ROADS];
    for (int i = 0; i < count; i++) order[i] = i;
    lace_rng_shuffle(rng, order, count);
    for (int k = 0; k < letters; k++) {
        roads[order[k]].toll = letter[k];
        roads[order[k]].length = (uint8_t)value[k];
    }
    return lace_path_init(p, start, goal, roads, count, err);
}

int lace_join_numbers(const void *problem, uint8_t *out)
{
    struct halves h = halves_of(problem);
    int value[JOIN_LETTERS];
    uint8_t id[JOIN_LETTERS];
    h.first->letters(h.one, value, id);
    int count = h.first->work->numbers(h.one, out);
    return count + h.second->numbers(h.two, id, out + count);
}

void lace_join_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    struct halves h = halves_of(problem);
    int value[JOIN_LETTERS];
    uint8_t id[JOIN_LETTERS];
    uint32_t letters = 0;
    h.first->letters(h.one, value, id);
    for (int i = 0; i < JOIN_LETTERS; i++) letters |= (uint32_t)(id[i] > 0) << i;
    h.first->prompt(h.one, ambiguity, h.second->letters(h.two), rng, out);
    lace_text_str(out, " ");
    h.second->prompt(h.two, ambiguity, letters, rng, out);
}

/* Both halves are whole prompts; the first ends with a stop, but not with every one. */
static const char *parse_first(struct lace_join *j, const char *text)
{
    char first[PROMPT];
    int stops = 0;
    for (size_t i = 0; text[i] && i + 1 < sizeof first && stops < STOPS; i++) {
        first[i] = text[i];
        if (text[i] != '.' && text[i] != '?') continue;
        stops++;
        first[i + 1] = 0;
        if (!kinds[j->kind].first->parse(&j->first, first, NULL)) return text + i + 1;
    }
    return NULL;
}

int lace_join_parse(struct lace_join *j, enum lace_join_kind kind, const char *text, struct lace_error *err)
{
    const struct kind *k = &kinds[kind];
    int value[JOIN_LETTERS];
    uint8_t id[JOIN_LETTERS];
    j->kind = kind;
    const char *rest = parse_first(j, text);
    if (!rest) return lace_fail(err, LACE_BAD, "The prompt is not a %s problem; one reads `%s`.", k->name, k->example);
    k->first->letters(&j->first, value, id);
    return k->second->parse(&j->second, rest, value, err);
}

void lace_join_solution(const void *problem, char *answer)
{
    struct halves h = halves_of(problem);
    h.second->work->solution(h.two, answer);
}

bool lace_join_accepts(const void *problem, const char *answer)
{
    struct halves h = halves_of(problem);
    return h.second->work->accepts(h.two, answer);
}

int lace_join_meta(const void *problem, json_t *meta)
{
    struct halves h = halves_of(problem);
    return h.first->work->meta ? h.first->work->meta(h.one, meta) : 0;
}

/* ---- moves ---- */

int lace_join_moves(const void *problem)
{
    struct halves h = halves_of(problem);
    return h.behind + h.second->work->moves(h.two);
}

static int ranks_of(const struct lace_join_first *first, const void *problem)
{
    return (first->ranks ? first->ranks : first->work->ranks)(problem);
}

int lace_join_ranks(const void *problem)
{
    struct halves h = halves_of(problem);
    return ranks_of(h.first, h.one) + h.second->work->ranks(h.two);
}

int lace_join_rank(const void *problem, int strategy, int move)
{
    struct halves h = halves_of(problem);
    if (move < h.behind) return (h.first->rank ? h.first->rank : h.first->work->rank)(h.one, strategy, move);
    return ranks_of(h.first, h.one) + h.second->work->rank(h.two, strategy, move - h.behind);
}

int lace_join_useful(const void *problem, int strategy, lace_work_known known, short *moves)
{
    struct halves h = halves_of(problem);
    short later[LACE_WORK_MOVES];
    int count = h.first->work->useful(h.one, strategy, known, moves),
        some = h.second->work->useful(h.two, strategy, known + h.behind, later);
    for (int i = 0; i < some; i++) {
        char letter[2];
        int needs = h.second->needs(h.two, later[i], letter), value;
        short from;
        bool ready = true;
        for (int k = 0; k < needs; k++) ready &= h.first->found(h.one, known, letter[k], &value, &from);
        if (ready) moves[count++] = (short)(h.behind + later[i]);
    }
    return count;
}

void lace_join_perform(const void *problem, lace_work_known known, int move, struct lace_work_line *out)
{
    struct halves h = halves_of(problem);
    if (move < h.behind) {
        h.first->work->perform(h.one, known, move, out);
        return;
    }
    /* The line of the second half, with the values as they were found. */
    union lace_join_two own = ((const struct lace_join *)problem)->second;
    char letter[2];
    short from[2] = {-1, -1};
    int at = move - h.behind, needs = h.second->needs(h.two, at, letter), value, uses = 0;
    for (int k = 0; k < needs; k++)
        if (h.first->found(h.one, known, letter[k], &value, &from[k])) h.second->put(&own, at, letter[k], value);
    h.second->work->perform(&own, known + h.behind, at, out);
    out->move = (short)move;
    while (uses < LACE_WORK_USES && out->uses[uses] >= 0) out->uses[uses++] += (short)h.behind;
    for (int k = 0; k < needs; k++)
        if (from[k] >= 0 && uses < LACE_WORK_USES) out->uses[uses++] = from[k];
}

bool lace_join_falsify(const void *problem, struct lace_work_line *out, enum lace_falsehood kind, struct lace_rng *rng)
{
    struct halves h = halves_of(problem);
    if (out->move < h.behind) return h.first->work->falsify(h.one, out, kind, rng);
    out->move -= (short)h.behind;
    bool done = h.second->work->falsify(h.two, out, kind, rng);
    out->move += (short)h.behind;
    return done;
}

bool lace_join_answer(const void *problem, lace_work_known known, char *out)
{
    struct halves h = halves_of(problem);
    return h.second->work->answer(h.two, known + h.behind, out);
}

/* ---- lines ---- */

int lace_join_write(const void *problem, const struct lace_work_line *line, char *text)
{
    struct halves h = halves_of(problem);
    if (line->move < h.behind) return h.first->work->write(h.one, line, text);
    struct lace_work_line own = inner(&h, line);
    return h.second->work->write(h.two, &own, text);
}

bool lace_join_read(const void *problem, const char *text, struct lace_work_line *out)
{
    struct halves h = halves_of(problem);
    struct lace_work_line empty = *out;
    if (h.first->work->read(h.one, text, out)) return true;
    *out = empty; /* what the first half read of it before it gave up */
    if (!h.second->work->read(h.two, text, out)) return false;
    if (out->move >= 0) out->move += (short)h.behind;
    for (int i = 0; i < LACE_WORK_USES && out->uses[i] >= 0; i++) out->uses[i] += (short)h.behind;
    return true;
}

void lace_join_judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    struct halves h = halves_of(problem);
    if (line->move < h.behind) {
        h.first->work->judge(h.one, line, out);
        return;
    }
    struct lace_work_line own = inner(&h, line);
    h.second->work->judge(h.two, &own, out);
    out->result = h.kind->error[out->result];
}

/* A number in the second half that is a letter's comes from the line that found it. */
static enum lace_stance across(const struct halves *h, const struct lace_work_line *lie,
                               const struct lace_work_line *line)
{
    struct lace_work_line own = inner(h, line);
    int said = 0, taken, value[JOIN_LETTERS];
    uint8_t id[JOIN_LETTERS];
    char letter;
    bool lied = h->first->says(h->one, lie, &letter, &said);
    if (!letter || !h->second->taken(h->two, &own, letter, &taken)) return LACE_STANCE_NONE;
    h->first->letters(h->one, value, id);
    return lace_stance_of(lied && taken == said, lied || taken == value[letter - 'a']);
}

enum lace_stance lace_join_stance(const void *problem, const struct lace_work_line *lie,
                                  const struct lace_work_line *line)
{
    struct halves h = halves_of(problem);
    bool early = lie->move < h.behind, earlier = line->move < h.behind;
    if (early && earlier) return h.first->work->stance(h.one, lie, line);
    if (early) return across(&h, lie, line);
    if (earlier) return LACE_STANCE_NONE; /* nothing in the first half builds on the second */
    struct lace_work_line own[2] = {inner(&h, lie), inner(&h, line)};
    return h.second->work->stance(h.two, &own[0], &own[1]);
}
