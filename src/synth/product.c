/* The family `product` in numbers: the facts of a problem, drawing one, and judging a line. product_text.c reads and writes
 * them. */
#include "synth/product.h"
#include <assert.h>
#include <string.h>

/* ---- facts ---- */

static int add_fact(struct lace_product *p, struct lace_product_fact fact)
{
    struct lace_product_line line;
    int values[2];
    assert(p->facts < PRODUCT_FACTS);
    p->fact[p->facts] = fact;
    for (int i = 0; i < 2; i++) values[i] = fact.operand[i] >= 0 ? p->fact[fact.operand[i]].value : fact.given[i];
    lace_product_compute(p, p->facts, values, false, &line);
    p->fact[p->facts].value = lace_product_value(p, &line);
    return p->facts++;
}

static struct lace_product_fact partial(const struct lace_product *p, int digit, int other)
{
    return (struct lace_product_fact){PRODUCT_TIMES,
                                      p->letter[digit],
                                      p->letter[other],
                                      .operand = {-1, -1},
                                      .given = {p->p[digit], p->p[other]},
                                      .unknown = {p->unknown[digit][0], p->unknown[other][0]}};
}

static void multiply(struct lace_product *p)
{
    int n = p->digits, high[PRODUCT_DIGITS], low[PRODUCT_DIGITS], column[PRODUCT_DIGITS + 1], total, place = 10;
    for (int i = n; i-- > 0;) { /* from the units on, so that operands come first */
        low[i] = add_fact(p, partial(p, i, n + 1));
        high[i] = add_fact(p, partial(p, i, n));
    }
    for (int i = n - 1; i-- > 0;)
        column[i] = add_fact(p, (struct lace_product_fact){PRODUCT_COLUMN, p->letter[i], p->letter[i + 1],
                                                           .operand = {low[i], high[i + 1]}});
    total = low[n - 1];
    for (int i = n - 2; i >= -1; i--, place *= 10)
        total = add_fact(p, (struct lace_product_fact){PRODUCT_TOTAL, i < 0 ? 0 : p->letter[i], .place = place,
                                                       .operand = {i < 0 ? high[0] : column[i], total}});
}

/* The sum of the terms first to last, term by term; a plain number is no fact: -1 and *given. */
static int add_up(struct lace_product *p, const int *term, int first, int last, int *given)
{
    int sum = term[first];
    *given = p->p[first];
    for (int i = first + 1; i <= last; i++) {
        struct lace_product_fact f = {PRODUCT_SUM,        p->letter[first],          p->letter[i],
                                      .right = first > 0, .operand = {sum, term[i]}, .given = {*given, p->p[i]}};
        sum = add_fact(p, f);
    }
    return sum;
}

static void balance(struct lace_product *p)
{
    int term[PRODUCT_TERMS], left, right, given[2];
    for (int i = 0; i < p->count; i++)
        term[i] = p->q[i] ? add_fact(p, (struct lace_product_fact){PRODUCT_TIMES, p->letter[i], .right = i >= p->left,
                                                                   .operand = {-1, -1}, .given = {p->p[i], p->q[i]},
                                                                   .unknown = {p->unknown[i][0], p->unknown[i][1]}})
                          : -1;
    left = add_up(p, term, 0, p->left - 1, &given[1]);
    right = add_up(p, term, p->left, p->count - 1, &given[0]);
    int rest = add_fact(p, (struct lace_product_fact){PRODUCT_MINUS, 'z', .q = p->factor, .operand = {right, left},
                                                      .given = {given[0], given[1]}});
    add_fact(p, (struct lace_product_fact){PRODUCT_OVER, 'z', .q = p->factor, .operand = {rest, -1}});
}

void lace_product_settle(struct lace_product *p)
{
    p->facts = 0;
    if (p->equation) balance(p);
    else multiply(p);
}

void lace_product_compute(const struct lace_product *p, int fact, const int values[2], bool rounded,
                          struct lace_product_line *line)
{
    const struct lace_product_fact *f = &p->fact[fact];
    *line = (struct lace_product_line){.fact = fact, .u = values[0], .v = values[1]};
    switch (f->kind) {
    case PRODUCT_TIMES:
        line->w = line->u * line->v;
        line->rounded = rounded;
        /* What a false line found for an unknown may have two digits. */
        line->whole = (line->u > 5 ? (line->u + 9) / 10 * 10 : 5) * line->v;
        line->back = line->whole - line->w;
        break;
    case PRODUCT_COLUMN:
    case PRODUCT_SUM: line->w = line->u + line->v; break;
    case PRODUCT_TOTAL:
        line->v = values[1] / f->place;
        line->w = line->u + line->v;
        /* Lines that others wrote may have any numbers; true totals are far below. */
        line->so = (int)(((long long)line->w * f->place + values[1] % f->place) % 1000000000);
        break;
    case PRODUCT_MINUS:
        if (line->u < line->v) line->u = values[1], line->v = values[0];
        line->w = line->u - line->v;
        break;
    case PRODUCT_OVER:
        line->v = f->q;
        line->w = line->u / f->q;
        break;
    }
}

int lace_product_value(const struct lace_product *p, const struct lace_product_line *line)
{
    return p->fact[line->fact].kind == PRODUCT_TOTAL ? line->so : line->w;
}

/* ---- drawing ---- */

uint32_t lace_product_letters(bool equation, int digits)
{
    uint32_t a_to = ((uint32_t)1 << (equation ? 2 * digits : digits)) - 1;
    return a_to | (equation ? (uint32_t)1 << 25 : (uint32_t)3 << 23); /* z, or x and y */
}

/* Puts unknowns in places of their own: digits, or factors of terms. */
static void place(struct lace_product *p, const char *unknown, const int *value, int count, struct lace_rng *rng)
{
    int slot[2 * PRODUCT_TERMS + 2], slots = 0;
    for (int i = 0; i < p->count && count; i++)
        for (int k = 0; k < (p->q[i] ? 2 : !p->equation); k++) slot[slots++] = 2 * i + k;
    assert(count <= slots);
    if (count) lace_rng_shuffle(rng, slot, slots);
    for (int n = 0; n < count; n++) {
        int i = slot[n] / 2, k = slot[n] % 2;
        p->unknown[i][k] = unknown[n];
        *(k ? &p->q[i] : &p->p[i]) = value[n];
    }
}

static bool draw_product(struct lace_product *p, const char *unknown, const int *value, int count, struct lace_rng *rng)
{
    p->count = p->digits + 2;
    for (int i = 0; i < p->count; i++) {
        p->letter[i] = (char)(i < p->digits ? 'a' + i : 'x' + i - p->digits);
        p->p[i] = 1 + (int)lace_rng_below(rng, 9);
    }
    place(p, unknown, value, count, rng);
    lace_product_settle(p);
    for (int i = 0; i < p->facts; i++) { /* no column has three digits */
        const struct lace_product_fact *f = &p->fact[i];
        if (f->kind == PRODUCT_TOTAL ? f->value / f->place > 99 : f->value > 99) return false;
    }
    return true;
}

static int sum_of(const struct lace_product *p, int first, int count)
{
    int sum = 0;
    for (int i = first; i < first + count; i++) sum += p->p[i] * p->q[i];
    return sum;
}

/* Terms whose sum is likely near what is left for them. */
static int draw_terms(struct lace_product *p, int first, int count, int room, struct lace_rng *rng)
{
    int sum = 0;
    for (int i = 0; i < count; i++) {
        int most = 3 * (room - sum) / (2 * (count - i));
        if (most < 4) most = 4;
        if (most > 81) most = 81;
        int u = 2 + (int)lace_rng_below(rng, (uint32_t)(most / 2 < 9 ? most / 2 : 9) - 1), more = most / u;
        p->p[first + i] = u;
        p->q[first + i] = 1 + (int)lace_rng_below(rng, (uint32_t)(more < 9 ? more : 9));
        sum += p->p[first + i] * p->q[first + i];
    }
    return sum;
}

static bool draw_equation(struct lace_product *p, const char *unknown, const int *value, int count,
                          struct lace_rng *rng)
{
    int d = p->digits, z = 2 + (int)lace_rng_below(rng, 8);
    p->equation = true;
    p->left = d;
    p->count = 2 * d;
    p->factor = 2 + (int)lace_rng_below(rng, 8);
    for (int i = 0; i < p->count; i++) p->letter[i] = (char)('a' + i);
    int rest = z * p->factor;
    if (rest > 48) return false;
    int left = draw_terms(p, 0, d, 99 - rest, rng), right = draw_terms(p, d, d - 1, left + rest - 1, rng);
    place(p, unknown, value, count, rng);
    left = sum_of(p, 0, d);
    right = sum_of(p, d, d - 1);
    p->p[2 * d - 1] = left + rest - right; /* a plain number, what is missing */
    if (left + rest > 99 || p->p[2 * d - 1] < 1) return false;
    lace_product_settle(p);
    return true;
}

int lace_product_draw(struct lace_product *p, bool equation, int digits, const char *unknown, const int *value,
                      int count, struct lace_rng *rng, struct lace_error *err)
{
    bool done = false;
    for (int tries = 0; tries < 10000 && !done; tries++) {
        memset(p, 0, sizeof *p);
        p->digits = digits;
        done = equation ? draw_equation(p, unknown, value, count, rng) : draw_product(p, unknown, value, count, rng);
    }
    return done ? 0 : lace_fail(err, LACE_BAD, "No problem of difficulty %d was found; try another seed.", digits);
}

/* ---- judging ---- */

int lace_product_judge(const struct lace_product *p, const struct lace_product_line *line, bool *misled)
{
    const struct lace_product_fact *f = &p->fact[line->fact];
    int values[2];
    struct lace_product_line truth;
    *misled = false;
    for (int i = 0; i < 2; i++) {
        values[i] = f->operand[i] >= 0 ? p->fact[f->operand[i]].value : f->given[i];
        int taken = i ? line->v : line->u;
        if (!f->unknown[i] || taken == values[i]) continue;
        if (taken > 99) return PRODUCT_WRONG_LOOKUP;
        *misled = true; /* another number for an unknown may follow from a falsehood */
        values[i] = taken;
    }
    lace_product_compute(p, line->fact, values, line->rounded, &truth);
    switch (f->kind) {
    case PRODUCT_TIMES:
        if (line->u != values[0] || line->v != values[1]) return PRODUCT_WRONG_LOOKUP;
        if (line->rounded && line->whole != truth.whole) return PRODUCT_WRONG_ROUNDING;
        if (line->rounded && line->back != truth.back) return PRODUCT_WRONG_PRODUCT;
        if (line->rounded) return line->w == truth.w ? 0 : PRODUCT_WRONG_SUM;
        return line->w == truth.w ? 0 : PRODUCT_WRONG_PRODUCT;
    case PRODUCT_SUM:
    case PRODUCT_COLUMN:
    case PRODUCT_MINUS:
        /* A number of the prompt is looked up; one of another line may follow from its falsehood. */
        for (int i = 0; i < 2; i++) {
            bool there = (i ? line->v : line->u) == f->given[i], swapped = (i ? line->u : line->v) == f->given[i];
            if (f->operand[i] < 0 && !there && !(f->kind == PRODUCT_MINUS && swapped)) return PRODUCT_WRONG_LOOKUP;
        }
        *misled = line->u != truth.u || line->v != truth.v;
        if (f->kind == PRODUCT_MINUS) return line->w == line->u - line->v ? 0 : PRODUCT_WRONG_SUM;
        return line->w == line->u + line->v ? 0 : PRODUCT_WRONG_SUM;
    case PRODUCT_TOTAL: {
        int below = values[1] % f->place;
        if (line->w != line->u + line->v) return PRODUCT_WRONG_SUM;
        if (line->so / f->place != line->w) return PRODUCT_WRONG_TOTAL;
        *misled = line->u != truth.u || line->v != truth.v || line->so % f->place != below;
        return 0;
    }
    default:
        if (line->v != f->q) return PRODUCT_WRONG_LOOKUP;
        *misled = line->u != truth.u;
        return line->w == line->u / f->q ? 0 : PRODUCT_WRONG_PRODUCT;
    }
}
