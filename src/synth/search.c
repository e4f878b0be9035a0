/* Problems and lines of the family `search` as text: drawing, writing, reading.
 * One table of wordings drives both the writer and the reader, so neither can know one more. */
#include "synth/search.h"
#include "synth/scan.h"
#include <string.h>

/* $u: the asked unknown; $b: the options; $p: the modulus; $e: the equations. */
static const char *const wordings[] = {
    "Find $u (each from 1 to $b, mod $p): $e.",
    "What is $u? Each unknown is from 1 to $b, mod $p: $e.",
    "Mod $p, with each unknown from 1 to $b: $e. Find $u.",
    "$e (mod $p, each from 1 to $b). Give $u.",
};
enum { WORDINGS = sizeof wordings / sizeof *wordings, EQUATIONS = 26 };

/* u*a + (from or c) = t; from is 0 where c is a number. */
struct equation {
    char unknown, from;
    int a, c, t;
};

/* ---- drawing ---- */

static bool prime(int n)
{
    for (int d = 2; d * d <= n; d++)
        if (n % d == 0) return false;
    return n > 1;
}

int lace_search_numbers(const void *problem, uint8_t *numbers)
{
    const struct lace_search *p = problem;
    int n = 0;
    numbers[n++] = (uint8_t)p->stages;
    numbers[n++] = (uint8_t)p->modulus;
    numbers[n++] = (uint8_t)p->options;
    numbers[n++] = (uint8_t)p->given;
    for (int k = 0; k < p->stages; k++) {
        numbers[n++] = (uint8_t)p->a[k];
        numbers[n++] = (uint8_t)p->t[k];
    }
    return n;
}

static void draw_letters(char *letters, int count, struct lace_rng *rng)
{
    if (lace_rng_below(rng, 2)) {
        int start = (int)lace_rng_below(rng, (uint32_t)(26 - count + 1));
        for (int i = 0; i < count; i++) letters[i] = (char)('a' + start + i);
        return;
    }
    for (int i = 0, need = count; i < 26 && need; i++) /* each subset is equally likely, and comes out in order */
        if ((int)lace_rng_below(rng, (uint32_t)(26 - i)) < need) letters[count - need--] = (char)('a' + i);
}

struct lace_interval lace_search_options(const struct lace_data_knobs *knobs)
{
    return knobs->options.low || knobs->options.high ? knobs->options : (struct lace_interval){8, 8};
}

int lace_search_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    static const int moduli_by_default[] = {11, 13};
    struct lace_search *p = problem;
    struct lace_interval options = lace_search_options(knobs);
    const int *moduli = knobs->modulus_count ? knobs->moduli : moduli_by_default;
    int modulus_count = knobs->modulus_count ? knobs->modulus_count : 2;
    if (options.low < 2 || options.low > options.high || options.high >= SEARCH_MODULUS)
        return lace_fail(err, LACE_BAD, "The range options is %d:%d; it must lie within 2:%d.", options.low,
                         options.high, SEARCH_MODULUS - 1);
    int fit[8], fits = 0;
    *p = (struct lace_search){.stages = knobs->difficulty.low, .options = lace_family_draw(rng, options)};
    for (int i = 0; i < modulus_count; i++) {
        int modulus = moduli[i];
        if (modulus > SEARCH_MODULUS || !prime(modulus))
            return lace_fail(err, LACE_BAD, "The modulus %d is not a prime of at most %d.", modulus, SEARCH_MODULUS);
        if (modulus > p->options) fit[fits++] = modulus;
    }
    if (!fits) return lace_fail(err, LACE_BAD, "No modulus exceeds %d options; add a larger prime.", p->options);
    p->modulus = fit[lace_rng_below(rng, (uint32_t)fits)];
    draw_letters(p->unknown, p->stages, rng);
    for (int tries = 0; tries < 100000; tries++) { /* the letters stay: they do not count for the split */
        uint8_t numbers[LACE_WORK_NUMBERS];
        int c = p->given = (int)lace_rng_below(rng, (uint32_t)p->modulus);
        for (int k = 0; k < p->stages; k++) {
            p->a[k] = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2);
            p->solution[k] = 1 + (int)lace_rng_below(rng, (uint32_t)p->options);
            p->t[k] = (p->a[k] * p->solution[k] + c) % p->modulus;
            c = p->solution[k];
        }
        if (lace_family_side_of(numbers, (size_t)lace_search_numbers(p, numbers)) == knobs->split) return 0;
    }
    return lace_fail(err, LACE_BAD,
                     "There are too few problems of %d stages, %d options and modulus %d for both sides of the split.",
                     p->stages, p->options, p->modulus);
}

/* ---- writing ---- */

static char *put_equations(char *at, const struct equation *equations, int count)
{
    for (int i = 0; i < count; i++) {
        const struct equation *e = &equations[i];
        if (i) at = lace_put_text(at, ", ");
        *at++ = e->unknown;
        *at++ = '*';
        at = lace_put_number(at, e->a);
        *at++ = '+';
        if (e->from) *at++ = e->from;
        else at = lace_put_number(at, e->c);
        *at++ = '=';
        at = lace_put_number(at, e->t);
    }
    return at;
}

/* An equation that looks like the others and leads nowhere: a new letter, an option that fits. */
static struct equation distraction(const struct lace_search *p, uint32_t used, struct lace_rng *rng)
{
    struct equation e = {.a = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2)};
    do e.unknown = (char)('a' + lace_rng_below(rng, 26));
    while (used >> (e.unknown - 'a') & 1 || memchr(p->unknown, e.unknown, (size_t)p->stages));
    int from = (int)lace_rng_below(rng, (uint32_t)p->stages), x = 1 + (int)lace_rng_below(rng, (uint32_t)p->options);
    if (from) e.from = p->unknown[from - 1], e.c = p->solution[from - 1];
    else e.c = (int)lace_rng_below(rng, (uint32_t)p->modulus);
    e.t = (e.a * x + e.c) % p->modulus;
    return e;
}

void lace_search_put_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng,
                            struct lace_text *out)
{
    const struct lace_search *p = problem;
    struct equation equations[SEARCH_STAGES + 1];
    int count = p->stages, wording = 0;
    for (int k = 0; k < count; k++)
        equations[k] = (struct equation){p->unknown[k], k ? p->unknown[k - 1] : 0, p->a[k], p->given, p->t[k]};
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, WORDINGS - 1);
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        equations[count++] = distraction(p, used, rng);
        for (int i = count - 1; i > 0; i--) {
            int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
            struct equation t = equations[i];
            equations[i] = equations[j];
            equations[j] = t;
        }
    }
    char text[128 + 16 * (SEARCH_STAGES + 1)], *at = text;
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 'u') *at++ = p->unknown[p->stages - 1];
        else if (*w == 'b') at = lace_put_number(at, p->options);
        else if (*w == 'p') at = lace_put_number(at, p->modulus);
        else at = put_equations(at, equations, count);
    }
    lace_text_add(out, text, (size_t)(at - text));
}

void lace_search_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    lace_search_put_prompt(problem, ambiguity, 0, rng, out);
}

int lace_search_write_line(const void *problem, const struct lace_work_line *line, char *text)
{
    const struct lace_search *p = problem;
    int stage = line->part[SEARCH_STAGE], c = line->part[SEARCH_C];
    char *at = text;
    *at++ = p->unknown[stage];
    *at++ = '*';
    at = lace_put_number(at, p->a[stage]);
    *at++ = '+';
    at = lace_put_number(at, c);
    *at++ = '=';
    at = lace_put_number(at, p->t[stage]);
    at = lace_put_text(at, ", try ");
    at = lace_put_number(at, line->part[SEARCH_X]);
    at = lace_put_text(at, ": ");
    at = lace_put_number(at, line->part[SEARCH_M]);
    *at++ = '+';
    at = lace_put_number(at, c);
    *at++ = '=';
    at = lace_put_number(at, line->value);
    at = lace_put_text(at, line->yes ? ", yes.\n" : ", no.\n");
    *at = 0;
    return (int)(at - text);
}

/* ---- reading ---- */

/* The numbers of this family have one or two digits. */
static const char *get_number(const char *at, int *out) { return lace_get_number(at, 2, out); }

static const char *get_equations(const char *at, struct equation *equations, int *count)
{
    for (*count = 0;; at = lace_get_text(at, ",")) {
        if (*count == EQUATIONS) return NULL;
        struct equation *e = &equations[(*count)++];
        *e = (struct equation){0};
        at = lace_get_text(get_number(lace_get_text(lace_get_letter(at, &e->unknown), "*"), &e->a), "+");
        if (!at) return NULL;
        const char *number = get_number(at, &e->c);
        at = get_number(lace_get_text(number ? number : lace_get_letter(at, &e->from), "="), &e->t);
        if (!at || !lace_get_text(at, ",")) return at;
    }
}

static bool read_wording(const char *w, const char *at, struct lace_search *p, char *asked, struct equation *equations,
                         int *count)
{
    for (; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (*w == '.' && !w[1] && !*lace_skip_space(at)) return true; /* a missing last full stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 'u') at = lace_get_letter(at, asked);
        else if (*w == 'b') at = get_number(at, &p->options);
        else if (*w == 'p') at = get_number(at, &p->modulus);
        else at = get_equations(at, equations, count);
    }
    return at && !*lace_skip_space(at);
}

static const struct equation *find(const struct equation *equations, int count, char unknown)
{
    for (int i = 0; i < count; i++)
        if (equations[i].unknown == unknown) return &equations[i];
    return NULL;
}

int lace_search_parse(void *problem, const char *prompt, struct lace_error *err)
{
    struct lace_search *p = problem;
    struct equation equations[EQUATIONS];
    const struct equation *chain[SEARCH_STAGES];
    int count = 0, read = 0;
    char asked = 0;
    *p = (struct lace_search){0};
    for (int i = 0; i < WORDINGS && !read; i++) read = read_wording(wordings[i], prompt, p, &asked, equations, &count);
    if (!read)
        return lace_fail(
            err, LACE_BAD,
            "The prompt is not a search problem; one reads `Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2.`.");
    if (p->options < 1 || p->modulus <= p->options || p->modulus > SEARCH_MODULUS)
        return lace_fail(err, LACE_BAD, "The modulus %d must exceed the %d options and be at most %d.", p->modulus,
                         p->options, SEARCH_MODULUS);
    for (int i = 0; i < count; i++)
        if (find(equations, i, equations[i].unknown))
            return lace_fail(err, LACE_BAD, "The unknown %c has two equations; leave one.", equations[i].unknown);
    char at = asked;
    do {
        if (p->stages == SEARCH_STAGES)
            return lace_fail(err, LACE_BAD, "More than %d equations lead to %c, or they lead in a circle.",
                             SEARCH_STAGES, asked);
        if (!(chain[p->stages] = find(equations, count, at)))
            return lace_fail(err, LACE_BAD, "The unknown %c has no equation; add one.", at);
        at = chain[p->stages++]->from;
    } while (at);
    int c = p->given = chain[p->stages - 1]->c;
    for (int k = 0; k < p->stages; k++) {
        const struct equation *e = chain[p->stages - 1 - k];
        int fits = 0;
        p->unknown[k] = e->unknown;
        p->a[k] = e->a;
        p->t[k] = e->t;
        for (int x = 1; x <= p->options; x++)
            if ((e->a * x + c) % p->modulus == e->t) fits++, p->solution[k] = x;
        if (fits != 1)
            return lace_fail(err, LACE_BAD, "%s value from 1 to %d fits the equation of %c; exactly one must.",
                             fits ? "More than one" : "No", p->options, e->unknown);
        c = p->solution[k];
    }
    return 0;
}

/* What is wrong with a line about stage k that was written with these. */
static int fault(const struct lace_search *p, const struct lace_work_line *line, int a, int t, int c_again)
{
    int k = line->part[SEARCH_STAGE], c = line->part[SEARCH_C], m = line->part[SEARCH_M];
    if (a != p->a[k] || t != p->t[k] || c_again != c) return SEARCH_LOOKUP;
    if (k ? c < 1 || c > p->options : c != p->given) return SEARCH_LOOKUP;
    if (m != a * line->part[SEARCH_X] % p->modulus) return SEARCH_PRODUCT;
    if (line->value != (m + c) % p->modulus) return SEARCH_SUM;
    return line->yes == line->find ? SEARCH_RIGHT : SEARCH_VERDICT;
}

bool lace_search_read_line(const void *problem, const char *text, struct lace_work_line *line)
{
    const struct lace_search *p = problem;
    int k = 0, a, t, c, c_again, x, m;
    char unknown;
    const char *at =
        get_number(lace_get_text(get_number(lace_get_text(lace_get_letter(text, &unknown), "*"), &a), "+"), &c);
    at = get_number(lace_get_text(get_number(lace_get_text(at, "="), &t), ", try"), &x);
    at = get_number(lace_get_text(get_number(lace_get_text(at, ":"), &m), "+"), &c_again);
    at = lace_get_text(get_number(lace_get_text(at, "="), &line->value), ",");
    if (!at) return false;
    const char *yes = lace_get_text(at, "yes."), *end = yes ? yes : lace_get_text(at, "no.");
    if (!end || *lace_skip_space(end)) return false;
    line->yes = yes != NULL;
    line->find = line->value == t;
    while (k < p->stages && p->unknown[k] != unknown) k++;
    line->part[SEARCH_STAGE] = k;
    line->part[SEARCH_C] = c;
    line->part[SEARCH_X] = x;
    if (k == p->stages || x < 1 || x > p->options) return true;
    line->move = lace_search_move(p, k, x);
    line->dead = line->value != p->t[k];
    line->part[SEARCH_M] = m;
    line->part[SEARCH_RESULT] = fault(p, line, a, t, c_again);
    if (k) line->uses[0] = lace_search_move(p, k - 1, p->solution[k - 1]);
    return true;
}
