/* The family `product` as facts and moves: every fact is a move, and every partial product is another one that rounds a
 * factor and corrects. Who tries a partial product again takes the other way, so that the two check each other.
 * Strategies: by the digits of the second factor (of an equation: left side first), by those of
 * the first (right side first), by rounding. */
#include "synth/product.h"
#include "synth/scan.h"
#include <string.h>

enum { BY_SECOND = 1, BY_FIRST, ROUNDING, ROUNDED = PRODUCT_FACTS };

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    int digits = lace_family_draw(rng, knobs->difficulty);
    return lace_product_draw(problem, lace_rng_below(rng, 2), digits, NULL, NULL, 0, rng, err);
}

static int numbers(const void *problem, uint8_t *out)
{
    const struct lace_product *p = problem;
    int n = 0;
    out[n++] = p->equation;
    out[n++] = (uint8_t)(p->equation ? p->left : p->digits);
    out[n++] = (uint8_t)p->factor;
    for (int i = 0; i < p->count; i++) {
        out[n++] = (uint8_t)p->p[i];
        out[n++] = (uint8_t)p->q[i];
    }
    return n;
}

static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    lace_product_prompt(problem, ambiguity, 0, rng, out);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_product_parse(problem, text, NULL, err);
}

static void solution(const void *problem, char *answer)
{
    const struct lace_product *p = problem;
    *lace_put_number(answer, p->fact[p->facts - 1].value) = 0;
}

static bool accepts(const void *problem, const char *answer)
{
    const struct lace_product *p = problem;
    return lace_is_number(answer, 9, p->fact[p->facts - 1].value);
}

/* ---- moves ---- */

static int move_count(const void *problem) { return PRODUCT_MOVES; }

static int rank_count(const void *problem) { return PRODUCT_MOVES; }

static int rank(const void *problem, int strategy, int move)
{
    const struct lace_product *p = problem;
    int fact = lace_product_fact_of(move);
    const struct lace_product_fact *f = &p->fact[fact];
    if (fact >= p->facts) return 0;
    /* The facts of a product alternate between the two digits of the second factor, from the units on. */
    bool later = p->equation ? f->kind <= PRODUCT_SUM && f->right != (strategy == BY_FIRST)
                             : f->kind == PRODUCT_TIMES && strategy != BY_FIRST && f->second == p->letter[p->digits];
    bool last = p->equation ? f->kind > PRODUCT_SUM : f->kind != PRODUCT_TIMES;
    return fact + (later || last ? PRODUCT_FACTS : 0);
}

/* The move that settled the fact; -1: none. */
static int settled(lace_work_known known, int fact)
{
    return known[fact] ? fact : known[ROUNDED + fact] ? ROUNDED + fact : -1;
}

static int useful(const void *problem, int strategy, lace_work_known known, short *moves)
{
    const struct lace_product *p = problem;
    int count = 0;
    for (int i = 0; i < p->facts; i++) {
        const struct lace_product_fact *f = &p->fact[i];
        bool ready = settled(known, i) < 0;
        for (int k = 0; k < 2 && ready; k++) ready = f->operand[k] < 0 || settled(known, f->operand[k]) >= 0;
        if (ready) moves[count++] = (short)(i + (f->kind == PRODUCT_TIMES && strategy == ROUNDING ? ROUNDED : 0));
    }
    return count;
}

static void pack(const struct lace_product *p, const struct lace_product_line *line, struct lace_work_line *out)
{
    memcpy(out->part, line, sizeof *line);
    out->move = (short)line->fact; /* whichever way it was written */
    out->value = line->fact < 0 ? 0 : lace_product_value(p, line);
    out->yes = true;
}

void lace_product_line_of(const struct lace_work_line *in, struct lace_product_line *line)
{
    _Static_assert(sizeof *line <= sizeof in->part, "a line fits");
    memcpy(line, in->part, sizeof *line);
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *out)
{
    const struct lace_product *p = problem;
    struct lace_product_line line;
    int values[2], fact = lace_product_fact_of(move), uses = 0;
    const struct lace_product_fact *f = &p->fact[fact];
    for (int i = 0; i < 2; i++) {
        int from = f->operand[i] < 0 ? -1 : settled(known, f->operand[i]);
        values[i] = from < 0 ? f->given[i] : known[from]->value;
        if (from >= 0) out->uses[uses++] = (short)from;
    }
    bool rounded = move >= ROUNDED;
    if (known[move]) lace_product_line_of(known[move], &line), rounded = !line.rounded;
    lace_product_compute(p, fact, values, rounded && f->kind == PRODUCT_TIMES, &line);
    pack(p, &line, out);
    out->move = (short)move;
}

/* A number that a hasty writer puts in its place: off by one or by ten, its digits exchanged, or a neighbour in the
 * table. */
static int slip(const struct lace_product_fact *f, const struct lace_product_line *line, struct lace_rng *rng)
{
    int w = line->w, off = lace_rng_below(rng, 2) ? 1 : -1, result = w;
    switch (lace_rng_below(rng, 3)) {
    case 0:
        if (f->kind == PRODUCT_TIMES) result = w + off * (lace_rng_below(rng, 2) ? line->u : line->v);
        else if (f->kind == PRODUCT_TOTAL) result = line->u; /* the carry is forgotten */
        else result = w + 10 * off;
        break;
    case 1: result = w > 9 && w < 100 ? w % 10 * 10 + w / 10 : w + off; break;
    default: result = w + off;
    }
    return result == w || result < 0 ? w + 1 : result;
}

static bool falsify(const void *problem, struct lace_work_line *out, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct lace_product *p = problem;
    struct lace_product_line line;
    lace_product_line_of(out, &line);
    const struct lace_product_fact *f = &p->fact[line.fact];
    if (kind == LACE_FALSE_FLIP) return false; /* no line ends in a word that its numbers settle */
    int w = slip(f, &line, rng);
    if (f->kind == PRODUCT_TOTAL) line.so = w * f->place + line.so % f->place;
    if (line.rounded && line.whole &&
        lace_rng_below(rng, 2)) { /* the correction is wrong, and the difference fits it */
        if (w > line.whole) w = line.w > 0 ? line.w - 1 : line.w + 1;
        line.back = line.whole - w;
    }
    line.w = w;
    int move = out->move;
    pack(p, &line, out);
    out->move = (short)move;
    return true;
}

static int write_line(const void *problem, const struct lace_work_line *line, char *text)
{
    struct lace_product_line own;
    lace_product_line_of(line, &own);
    return lace_product_write_line(problem, &own, text);
}

static bool answer(const void *problem, lace_work_known known, char *out)
{
    const struct lace_product *p = problem;
    int last = settled(known, p->facts - 1);
    if (last >= 0) *lace_put_number(out, known[last]->value) = 0;
    return last >= 0;
}

static bool read_line(const void *problem, const char *text, struct lace_work_line *out)
{
    struct lace_product_line line;
    if (!lace_product_read_line(problem, text, &line)) return false;
    pack(problem, &line, out);
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    struct lace_product_line own;
    lace_product_line_of(line, &own);
    out->result = lace_product_judge(problem, &own, &out->misled);
    out->believed = true;
}

/* What the operands of the line would be if the false one were true, against what they are. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct lace_product *p = problem;
    struct lace_product_line own, right, wrong;
    if (line->move == lie->move) return lace_stance_of(line->value == lie->value, line->value != lie->value);
    lace_product_line_of(line, &own);
    const struct lace_product_fact *f = &p->fact[own.fact];
    int truth[2], values[2], below = f->kind == PRODUCT_TOTAL ? f->place : 1;
    for (int i = 0; i < 2; i++) {
        truth[i] = f->operand[i] >= 0 ? p->fact[f->operand[i]].value : f->given[i];
        values[i] = f->operand[i] == lie->move ? lie->value : truth[i];
    }
    lace_product_compute(p, own.fact, truth, own.rounded, &right);
    lace_product_compute(p, own.fact, values, own.rounded, &wrong);
    const int taken[] = {own.u, own.v, own.so % below}, by_truth[] = {right.u, right.v, right.so % below},
              by_lie[] = {wrong.u, wrong.v, wrong.so % below};
    for (int i = 0; i < 3; i++)
        if (by_truth[i] != by_lie[i] && (taken[i] == by_lie[i] || taken[i] == by_truth[i]))
            return lace_stance_of(taken[i] == by_lie[i], true);
    return LACE_STANCE_NONE;
}

/* ---- the family ---- */

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high;
    /* The least numbers of rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more. */
    if (threads == 1) return 4 * d - 1; /* every fact */
    if (threads < 4) return threads == 2 ? (7 * d + 5) / 3 : (5 * d + 7) / 3;
    return threads < 6 ? (3 * d + 5) / 2 : d + 3; /* with many threads the carry is what takes time */
}

const struct lace_work lace_product_work = {
    .bytes = sizeof(struct lace_product),
    .ranked = 3,
    .draw = draw,
    .numbers = numbers,
    .prompt = prompt,
    .parse = parse,
    .solution = solution,
    .accepts = accepts,
    .moves = move_count,
    .ranks = rank_count,
    .rank = rank,
    .useful = useful,
    .perform = perform,
    .falsify = falsify,
    .write = write_line,
    .answer = answer,
    .read = read_line,
    .judge = judge,
    .stance = stance,
    .lookup = PRODUCT_WRONG_LOOKUP,
};

static const char *const strategies[] = {"second", "first", "rounding", "random", NULL};
static const char *const errors[] = {
    "right", "lookup error", "wrong rounding", "wrong product", "wrong sum", "wrong total", NULL};

const struct lace_family lace_family_product = {
    .name = "product",
    .summary = "long multiplication and linear equations, taken apart into small steps",
    .easiest = 1,
    .hardest = PRODUCT_DIGITS,
    .trained_low = 1,
    .trained_high = 4,
    .strategies = strategies,
    .errors = errors,
    .work = &lace_product_work,
    .budget = budget,
};
