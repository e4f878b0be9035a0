/* Problems and lines of the family `product` as text. One table of wordings drives both the writer and the reader, so
 * neither can know one more. */
#include "synth/product.h"
#include "synth/scan.h"
#include <string.h>

/* $m: the product in letters; $n: the same in digits; $q: the equation; $f: what the letters are. */
static const char *const products[] = {
    "Find $m: $f.", "What is $m? $f.", "$f. Find $m.", "Find $n.", "What is $n?",
};
static const char *const equations[] = {
    "Find z: $q, $f.",
    "What is z? $q, $f.",
    "$f, and $q. Find z.",
};
enum { PRODUCTS = sizeof products / sizeof *products, EQUATIONS = sizeof equations / sizeof *equations };

/* ---- writing ---- */

struct definition {
    char letter;
    int p, q;
    char unknown[2];
};

static char *put_factor(char *at, char unknown, int number)
{
    if (!unknown) return lace_put_number(at, number);
    *at++ = unknown;
    return at;
}

static char *put_definitions(char *at, const struct definition *list, int count)
{
    for (int i = 0; i < count; i++) {
        if (i) at = lace_put_text(at, ", ");
        *at++ = list[i].letter;
        *at++ = '=';
        at = put_factor(at, list[i].unknown[0], list[i].p);
        if (list[i].q) *at++ = '*', at = put_factor(at, list[i].unknown[1], list[i].q);
    }
    return at;
}

static char *put_equation(char *at, const struct lace_product *p)
{
    at = lace_put_number(lace_put_text(at, "z*"), p->factor);
    for (int i = 0; i < p->count; i++) {
        *at++ = i == p->left ? '=' : '+';
        *at++ = p->letter[i];
    }
    return at;
}

static char *put_product(char *at, const struct lace_product *p, bool letters)
{
    for (int i = 0; i < p->count; i++) {
        if (i == p->digits) *at++ = '*';
        *at++ = letters ? p->letter[i] : (char)('0' + p->p[i]);
    }
    return at;
}

void lace_product_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng, struct lace_text *out)
{
    const struct lace_product *p = problem;
    struct definition list[PRODUCT_TERMS + 3];
    const char *const *wordings = p->equation ? equations : products;
    int count = p->count, wording = 0, kinds = p->equation ? EQUATIONS : PRODUCTS;
    for (int i = 0; i < count; i++) {
        list[i] = (struct definition){p->letter[i], p->p[i], p->q[i], {p->unknown[i][0], p->unknown[i][1]}};
        if (p->unknown[i][0] && !p->equation) kinds = PRODUCTS - 2; /* not in digits */
    }
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, (uint32_t)kinds - 1);
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, (uint32_t)(p->equation ? EQUATIONS : PRODUCTS - 2));
        struct definition strange = {.p = 1 + (int)lace_rng_below(rng, 9)};
        do strange.letter = (char)('a' + lace_rng_below(rng, 25)); /* z is what equations ask for */
        while (used >> (strange.letter - 'a') & 1 || memchr(p->letter, strange.letter, (size_t)p->count));
        if (p->equation) strange.q = 1 + (int)lace_rng_below(rng, 9);
        list[count++] = strange;
        for (int i = count - 1; i > 0; i--) {
            int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
            struct definition t = list[i];
            list[i] = list[j];
            list[j] = t;
        }
    }
    char text[64 + 8 * (PRODUCT_TERMS + 3)], *at = text;
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 'm') at = put_product(at, p, true);
        else if (*w == 'n') at = put_product(at, p, false);
        else if (*w == 'q') at = put_equation(at, p);
        else at = put_definitions(at, list, count);
    }
    lace_text_add(out, text, (size_t)(at - text));
}

static char *put_name(char *at, const struct lace_product *p, const struct lace_product_fact *f)
{
    switch (f->kind) {
    case PRODUCT_TIMES:
        *at++ = f->first;
        if (f->second) *at++ = '*', *at++ = f->second;
        break;
    case PRODUCT_COLUMN:
        *at++ = f->first, *at++ = '*', *at++ = p->letter[p->digits + 1], *at++ = '+';
        *at++ = f->second, *at++ = '*', *at++ = p->letter[p->digits];
        break;
    case PRODUCT_TOTAL:
        at = lace_put_text(at, f->first ? "From " : "All");
        if (f->first) *at++ = f->first;
        break;
    case PRODUCT_SUM:
        *at++ = f->first;
        at = lace_put_text(at, " to ");
        *at++ = f->second;
        break;
    case PRODUCT_MINUS: at = lace_put_number(lace_put_text(at, "z*"), f->q); break;
    case PRODUCT_OVER: *at++ = 'z'; break;
    }
    return at;
}

static const char sign_of[] = {
    [PRODUCT_TIMES] = '*', [PRODUCT_COLUMN] = '+', [PRODUCT_TOTAL] = '+',
    [PRODUCT_SUM] = '+',   [PRODUCT_MINUS] = '-',  [PRODUCT_OVER] = '/',
};

int lace_product_write_line(const struct lace_product *p, const struct lace_product_line *line, char *text)
{
    const struct lace_product_fact *f = &p->fact[line->fact];
    char *at = lace_put_text(put_name(text, p, f), ": ");
    at = lace_put_number(at, line->u);
    *at++ = sign_of[f->kind];
    at = lace_put_number(at, line->v);
    *at++ = '=';
    if (line->rounded) {
        at = lace_put_number(at, line->whole);
        *at++ = '-';
        at = lace_put_number(at, line->back);
        *at++ = '=';
    }
    at = lace_put_number(at, line->w);
    if (f->kind == PRODUCT_TOTAL) at = lace_put_number(lace_put_text(at, ", so "), line->so);
    at = lace_put_text(at, ".\n");
    *at = 0;
    return (int)(at - text);
}

/* ---- reading problems ---- */

static const char *get_factor(const char *at, int digits, int *number, char *unknown)
{
    const char *end = lace_get_number(at, digits, number);
    return end ? end : lace_get_letter(at, unknown);
}

static const char *get_definitions(const char *at, struct definition *list, int *count)
{
    for (*count = 0;; at = lace_get_text(at, ",")) {
        if (*count == PRODUCT_TERMS + 3) return NULL;
        struct definition *d = &list[(*count)++];
        *d = (struct definition){0};
        at = get_factor(lace_get_text(lace_get_letter(at, &d->letter), "="), 2, &d->p, &d->unknown[0]);
        if (!at) return NULL;
        const char *times = lace_get_text(at, "*"), *more = lace_get_text(at, ",");
        if (times && (!(at = get_factor(times, 1, &d->q, &d->unknown[1])) || (!d->q && !d->unknown[1]))) return NULL;
        if (times) more = lace_get_text(at, ",");
        char letter;
        /* "a=3, and z*..." and "a=3, z*...": the list ends where no definition follows. */
        if (!more || !lace_get_text(lace_get_letter(more, &letter), "=")) return at;
    }
}

/* Letters, or digits, which then get letters of their own. */
static const char *get_product(const char *at, bool letters, struct lace_product *p)
{
    at = lace_skip_space(at);
    for (p->count = 0; *at; at++) {
        const char *times = p->digits ? NULL : lace_get_text(at, "*");
        if (times) {
            if (!p->count) return NULL;
            p->digits = p->count;
            at = lace_skip_space(times);
        }
        if (letters ? *at < 'a' || *at > 'z' : *at < '0' || *at > '9') break;
        if (p->count - (p->digits ? p->digits : 0) == (p->digits ? 2 : PRODUCT_DIGITS)) return NULL;
        p->letter[p->count] = letters ? *at : (char)(p->digits ? 'x' + p->count - p->digits : 'a' + p->count);
        p->p[p->count++] = letters ? 0 : *at - '0';
    }
    return p->digits && p->count == p->digits + 2 ? at : NULL;
}

static const char *get_equation(const char *at, struct lace_product *p)
{
    at = lace_get_number(lace_get_text(at, "z*"), 1, &p->factor);
    for (p->count = 0; at; p->count++) {
        const char *plus = lace_get_text(at, "+"), *equals = lace_get_text(at, "=");
        if (!plus && !equals) break;
        if (equals ? p->left || !p->count : !p->count && p->left) return NULL;
        if (equals) p->left = p->count;
        if (p->count == PRODUCT_TERMS) return NULL;
        at = lace_get_letter(plus ? plus : equals, &p->letter[p->count]);
    }
    return at && p->left && p->count > p->left ? at : NULL;
}

static bool read_wording(const char *w, const char *at, struct lace_product *p, struct definition *list, int *count)
{
    for (; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (*w == '.' && !w[1] && !*lace_skip_space(at)) return true; /* a missing last full stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 'm') at = get_product(at, true, p);
        else if (*w == 'n') at = get_product(at, false, p);
        else if (*w == 'q') at = get_equation(at, p);
        else at = get_definitions(at, list, count);
    }
    return at && !*lace_skip_space(at);
}

/* Puts the value of an unknown in its place. */
static int value_of(const struct definition *d, int k, const int *value, int *out, struct lace_error *err)
{
    if (!d->unknown[k]) return 0;
    *out = value ? value[d->unknown[k] - 'a'] : -1;
    if (*out < 0)
        return lace_fail(err, LACE_BAD, "The letter %c in %c=... has no value; give it one.", d->unknown[k], d->letter);
    if (*out < 1 || *out > 9)
        return lace_fail(err, LACE_BAD, "The letter %c in %c=... is %d; only 1 to 9 fits there.", d->unknown[k],
                         d->letter, *out);
    return 0;
}

static int define(struct lace_product *p, const struct definition *list, int count, const int *value,
                  struct lace_error *err)
{
    for (int i = 0; i < p->count; i++) {
        int found = 0;
        for (int k = 0; k < i; k++)
            if (p->letter[k] == p->letter[i])
                return lace_fail(err, LACE_BAD, "The letter %c stands in two places; give each its own.", p->letter[i]);
        for (int k = 0; k < count; k++) {
            if (list[k].letter != p->letter[i]) continue;
            p->p[i] = list[k].p;
            p->q[i] = list[k].q;
            memcpy(p->unknown[i], list[k].unknown, 2);
            int code = value_of(&list[k], 0, value, &p->p[i], err);
            if (!code) code = value_of(&list[k], 1, value, &p->q[i], err);
            if (code) return code;
            found++;
        }
        if (found != 1)
            return lace_fail(err, LACE_BAD, "The letter %c has %s; it needs one.", p->letter[i],
                             found ? "two values" : "no value");
        if (value && value[p->letter[i] - 'a'] >= 0)
            return lace_fail(err, LACE_BAD, "The letter %c stands for two numbers; give each its own.", p->letter[i]);
        if (p->equation && p->unknown[i][0] && !p->q[i])
            return lace_fail(err, LACE_BAD, "The term %c is a letter alone; give its product with a digit.",
                             p->letter[i]);
        if (!p->equation && (p->p[i] > 9 || p->q[i]))
            return lace_fail(err, LACE_BAD, "The letter %c is a digit of a factor; give it one digit.", p->letter[i]);
        if (p->equation && (p->letter[i] == 'z' || (p->q[i] && p->p[i] > 9)))
            return lace_fail(err, LACE_BAD, "The term %c is not a product of two digits, or a plain number.",
                             p->letter[i]);
    }
    return 0;
}

int lace_product_parse(void *problem, const char *prompt, const int *value, struct lace_error *err)
{
    struct lace_product *p = problem;
    struct definition list[PRODUCT_TERMS + 3];
    int count = 0, read = 0, code = 0;
    for (int i = 0; i < PRODUCTS + EQUATIONS && !read; i++) {
        memset(p, 0, sizeof *p);
        p->equation = i >= PRODUCTS;
        count = 0;
        read = read_wording(p->equation ? equations[i - PRODUCTS] : products[i], prompt, p, list, &count);
    }
    if (!read)
        return lace_fail(err, LACE_BAD,
                         "The prompt is not a product or an equation of ours; one reads `Find 739*86.`, another "
                         "`Find z: z*4+a=b, a=3*7, b=45.`.");
    if ((count || p->equation) && (code = define(p, list, count, value, err))) return code;
    if (p->equation) {
        p->digits = p->count > 2 * p->left ? (p->count + 1) / 2 : p->left;
        if (!p->factor) return lace_fail(err, LACE_BAD, "The factor of z is 0; any value fits.");
        if (p->left > PRODUCT_DIGITS || p->count - p->left > PRODUCT_DIGITS)
            return lace_fail(err, LACE_BAD, "A side of the equation has more than %d terms.", PRODUCT_DIGITS);
    }
    lace_product_settle(p);
    if (!p->equation) return 0;
    const struct lace_product_fact *rest = &p->fact[p->facts - 2];
    int right = rest->operand[0] >= 0 ? p->fact[rest->operand[0]].value : rest->given[0];
    int left = rest->operand[1] >= 0 ? p->fact[rest->operand[1]].value : rest->given[1];
    if (left > right || rest->value % p->factor)
        return lace_fail(err, LACE_BAD, "z is %d/%d; it must be a whole number, and not negative.", right - left,
                         p->factor);
    return 0;
}

/* ---- lines ---- */

static const char *get_name(const char *text, const struct lace_product *p, struct lace_product_fact *name)
{
    char tens = p->equation ? 0 : p->letter[p->digits], units = p->equation ? 0 : p->letter[p->digits + 1], second;
    const char *at, *next;
    *name = (struct lace_product_fact){.kind = PRODUCT_TOTAL};
    if (!p->equation && (at = lace_get_text(text, "All"))) return at;
    if (!p->equation && (at = lace_get_letter(lace_get_text(text, "From"), &name->first))) return at;
    if (!(at = lace_get_letter(text, &name->first))) return NULL;
    if (p->equation) {
        if (name->first == 'z' && (next = lace_get_number(lace_get_text(at, "*"), 1, &name->q)))
            return name->kind = PRODUCT_MINUS, next;
        if ((next = lace_get_letter(lace_get_text(at, "to"), &name->second))) return name->kind = PRODUCT_SUM, next;
        name->kind = name->first == 'z' ? PRODUCT_OVER : PRODUCT_TIMES;
        return at;
    }
    if (!(at = lace_get_letter(lace_get_text(at, "*"), &second))) return NULL;
    name->kind = PRODUCT_TIMES;
    name->second = second;
    if (second != units || !(next = lace_get_text(at, "+"))) return at;
    name->kind = PRODUCT_COLUMN;
    next = lace_get_letter(lace_get_text(lace_get_letter(next, &name->second), "*"), &second);
    return next && second == tens ? next : NULL;
}

static int find_fact(const struct lace_product *p, const struct lace_product_fact *name)
{
    for (int i = 0; i < p->facts; i++) {
        const struct lace_product_fact *f = &p->fact[i];
        if (f->kind == name->kind && f->first == name->first && f->second == name->second &&
            (f->kind != PRODUCT_MINUS || f->q == name->q))
            return i;
    }
    return -1;
}

bool lace_product_read_line(const struct lace_product *p, const char *text, struct lace_product_line *line)
{
    enum { DIGITS = 9 };
    struct lace_product_fact name;
    const char *at = lace_get_text(get_name(text, p, &name), ":");
    char sign[2] = {0};
    *line = (struct lace_product_line){0};
    if (!at) return false;
    sign[0] = sign_of[name.kind];
    line->fact = find_fact(p, &name);
    at = lace_get_number(lace_get_text(lace_get_number(at, DIGITS, &line->u), sign), DIGITS, &line->v);
    at = lace_get_number(lace_get_text(at, "="), DIGITS, &line->w);
    const char *back = lace_get_text(at, "-");
    if (back && name.kind == PRODUCT_TIMES) {
        line->rounded = true;
        line->whole = line->w;
        at = lace_get_number(lace_get_text(lace_get_number(back, DIGITS, &line->back), "="), DIGITS, &line->w);
    }
    if (name.kind == PRODUCT_TOTAL) at = lace_get_number(lace_get_text(at, ", so"), DIGITS, &line->so);
    at = lace_get_text(at, ".");
    return at && !*lace_skip_space(at);
}
