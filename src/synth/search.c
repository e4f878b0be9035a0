/* Problems of the family `search` as text: drawing, writing, reading, solving, checking a step.
 * One table of wordings drives both the writer and the reader, so neither can know one more. */
#include "synth/search.h"
#include "decode/format.h"
#include "synth/scan.h"
#include <stdlib.h>
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

enum lace_split lace_search_side(const struct lace_search *p)
{
    uint8_t numbers[4 + 2 * SEARCH_STAGES] = {(uint8_t)p->stages, (uint8_t)p->modulus, (uint8_t)p->options,
                                              (uint8_t)p->given};
    for (int k = 0; k < p->stages; k++) {
        numbers[4 + 2 * k] = (uint8_t)p->a[k];
        numbers[5 + 2 * k] = (uint8_t)p->t[k];
    }
    return lace_family_side(numbers, (size_t)(4 + 2 * p->stages));
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

static struct lace_interval options_of(const struct lace_data_knobs *knobs)
{
    return knobs->options.low || knobs->options.high ? knobs->options : (struct lace_interval){8, 8};
}

int lace_search_draw(struct lace_search *p, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                     struct lace_error *err)
{
    static const int moduli_by_default[] = {11, 13};
    struct lace_interval options = options_of(knobs);
    const int *moduli = knobs->modulus_count ? knobs->moduli : moduli_by_default;
    int modulus_count = knobs->modulus_count ? knobs->modulus_count : 2;
    if (options.low < 2 || options.low > options.high || options.high >= SEARCH_MODULUS)
        return lace_fail(err, LACE_BAD, "The range options is %d:%d; it must lie within 2:%d.", options.low,
                         options.high, SEARCH_MODULUS - 1);
    int fit[8], fits = 0;
    *p = (struct lace_search){.stages = lace_family_draw(rng, knobs->difficulty),
                              .options = lace_family_draw(rng, options)};
    for (int i = 0; i < modulus_count; i++) {
        int modulus = moduli[i];
        if (modulus > SEARCH_MODULUS || !prime(modulus))
            return lace_fail(err, LACE_BAD, "The modulus %d is not a prime of at most %d.", modulus, SEARCH_MODULUS);
        if (modulus > p->options) fit[fits++] = modulus;
    }
    if (!fits) return lace_fail(err, LACE_BAD, "No modulus exceeds %d options; add a larger prime.", p->options);
    p->modulus = fit[lace_rng_below(rng, (uint32_t)fits)];
    draw_letters(p->unknown, p->stages, rng);
    for (int tries = 0; tries < 100000; tries++) {
        int c = p->given = (int)lace_rng_below(rng, (uint32_t)p->modulus);
        for (int k = 0; k < p->stages; k++) {
            p->a[k] = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2);
            p->solution[k] = 1 + (int)lace_rng_below(rng, (uint32_t)p->options);
            p->t[k] = (p->a[k] * p->solution[k] + c) % p->modulus;
            c = p->solution[k];
        }
        if (lace_search_side(p) == knobs->split) return 0;
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
static struct equation distraction(const struct lace_search *p, struct lace_rng *rng)
{
    struct equation e = {.a = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2)};
    do e.unknown = (char)('a' + lace_rng_below(rng, 26));
    while (memchr(p->unknown, e.unknown, (size_t)p->stages));
    int from = (int)lace_rng_below(rng, (uint32_t)p->stages), x = 1 + (int)lace_rng_below(rng, (uint32_t)p->options);
    if (from) e.from = p->unknown[from - 1], e.c = p->solution[from - 1];
    else e.c = (int)lace_rng_below(rng, (uint32_t)p->modulus);
    e.t = (e.a * x + e.c) % p->modulus;
    return e;
}

void lace_search_prompt(const struct lace_search *p, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    struct equation equations[SEARCH_STAGES + 1];
    int count = p->stages, wording = 0;
    for (int k = 0; k < count; k++)
        equations[k] = (struct equation){p->unknown[k], k ? p->unknown[k - 1] : 0, p->a[k], p->given, p->t[k]};
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, WORDINGS - 1);
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        equations[count++] = distraction(p, rng);
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

int lace_search_line(const struct lace_search *p, const struct lace_search_step *step, char *text)
{
    char *at = text;
    *at++ = p->unknown[step->stage];
    *at++ = '*';
    at = lace_put_number(at, p->a[step->stage]);
    *at++ = '+';
    at = lace_put_number(at, step->c);
    *at++ = '=';
    at = lace_put_number(at, p->t[step->stage]);
    at = lace_put_text(at, ", try ");
    at = lace_put_number(at, step->x);
    at = lace_put_text(at, ": ");
    at = lace_put_number(at, step->m);
    *at++ = '+';
    at = lace_put_number(at, step->c);
    *at++ = '=';
    at = lace_put_number(at, step->v);
    at = lace_put_text(at, step->yes ? ", yes.\n" : ", no.\n");
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

int lace_search_parse(struct lace_search *p, const char *prompt, struct lace_error *err)
{
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

/* The line of a step as numbers; the unknown, a and t go beside it. False: not a step. */
static bool read_line(const char *text, struct lace_search_step *step, char *unknown, int *a, int *t, int *c_again)
{
    int c, x, m, v;
    const char *at =
        get_number(lace_get_text(get_number(lace_get_text(lace_get_letter(text, unknown), "*"), a), "+"), &c);
    at = get_number(lace_get_text(get_number(lace_get_text(at, "="), t), ", try"), &x);
    at = get_number(lace_get_text(get_number(lace_get_text(at, ":"), &m), "+"), c_again);
    at = lace_get_text(get_number(lace_get_text(at, "="), &v), ",");
    if (!at) return false;
    const char *yes = lace_get_text(at, "yes."), *end = yes ? yes : lace_get_text(at, "no.");
    if (!end || *lace_skip_space(end)) return false;
    *step = (struct lace_search_step){
        .c = (uint8_t)c, .x = (uint8_t)x, .m = (uint8_t)m, .v = (uint8_t)v, .yes = yes != NULL};
    return true;
}

int lace_search_check_line(const struct lace_search *p, const char *text, struct lace_search_seen *out,
                           struct lace_search_step *numbers)
{
    struct lace_search_step step;
    int a = 0, t = 0, c_again = 0, k = 0;
    char unknown = 0;
    *out = (struct lace_search_seen){.stage = -1};
    if (!read_line(text, &step, &unknown, &a, &t, &c_again)) return LACE_STEP_NONE;
    while (k < p->stages && p->unknown[k] != unknown) k++;
    step.stage = (uint8_t)k;
    if (numbers) *numbers = step;
    *out = (struct lace_search_seen){
        .stage = k, .option = step.x, .claims = step.yes, .believed = step.v == t, .given = step.c};
    if (k == p->stages) return out->stage = -1, SEARCH_LOOKUP;
    out->on_path = step.c == (k ? p->solution[k - 1] : p->given);
    if (a != p->a[k] || t != p->t[k] || c_again != step.c || step.x < 1 || step.x > p->options) return SEARCH_LOOKUP;
    if (k ? step.c < 1 || step.c > p->options : step.c != p->given) return SEARCH_LOOKUP;
    if (step.m != a * step.x % p->modulus) return SEARCH_PRODUCT;
    if (step.v != (step.m + step.c) % p->modulus) return SEARCH_SUM;
    return step.yes == (step.v == t) ? SEARCH_RIGHT : SEARCH_VERDICT;
}

/* ---- the family ---- */

static int check(const struct lace_family *family, const char *prompt, const char *answer, struct lace_error *err)
{
    struct lace_search p;
    int code = lace_search_parse(&p, prompt, err), value;
    if (code) return code;
    const char *end = get_number(answer, &value);
    return end && !*lace_skip_space(end) && value == p.solution[p.stages - 1];
}

static int solve(const struct lace_family *family, const char *prompt, struct lace_text *answer, struct lace_error *err)
{
    struct lace_search p;
    int code = lace_search_parse(&p, prompt, err);
    if (!code) lace_text_print(answer, "%d", p.solution[p.stages - 1]);
    return code;
}

int lace_search_check_step(const char *prompt, const char *step, struct lace_search_seen *out)
{
    struct lace_search p;
    *out = (struct lace_search_seen){.stage = -1};
    return lace_search_parse(&p, prompt, NULL) ? LACE_STEP_NONE : lace_search_check_line(&p, step, out, NULL);
}

static void check_step(const struct lace_family *family, const char *prompt, const char *step,
                       struct lace_step_check *out)
{
    struct lace_search_seen seen;
    *out = (struct lace_step_check){.result = lace_search_check_step(prompt, step, &seen)};
    if (out->result == LACE_STEP_NONE) return;
    out->key = (uint64_t)(seen.stage + 1) << 32 | (uint64_t)seen.given << 16 | (uint64_t)seen.option;
    out->claims = seen.claims;
    out->believed = seen.believed;
    out->misled = seen.stage >= 0 && !seen.on_path;
}

/* Exactly one option fits, so a find contradicts every other one of the same c. */
enum lace_stance lace_search_stance(const struct lace_search *p, const struct lace_search_step *lie,
                                    const struct lace_search_step *line)
{
    int stage = lie->stage;
    bool lied = lie->v == p->t[stage], found = line->v == p->t[line->stage], same = line->x == lie->x;
    if (line->stage == stage) {
        if (line->c != lie->c) return LACE_STANCE_NONE;
        return same ? lace_stance_of(found == lied, true) : lace_stance_of(false, found && lied);
    }
    bool right = line->stage > stage && line->c == p->solution[line->stage - 1];
    if (line->stage != stage + 1) return lace_stance_of(false, right);
    return lied ? lace_stance_of(line->c == lie->x, true) : lace_stance_of(false, right);
}

static enum lace_stance stance(const struct lace_family *family, const char *prompt, const char *lie, const char *text)
{
    struct lace_search p;
    struct lace_search_seen seen;
    struct lace_search_step wrong, line;
    struct lace_text answer;
    if (lace_search_parse(&p, prompt, NULL) || lace_search_check_line(&p, lie, &seen, &wrong) == LACE_STEP_NONE ||
        seen.stage < 0)
        return LACE_STANCE_NONE;
    lace_text_init(&answer);
    int value = -1;
    bool answers = lace_format_answer(text, strlen(text), &answer) && get_number(answer.data, &value);
    lace_text_release(&answer);
    if (answers && wrong.stage + 1 < p.stages) return LACE_STANCE_NONE;
    if (answers && wrong.v == p.t[wrong.stage]) return lace_stance_of(value == wrong.x, true);
    if (answers) return lace_stance_of(false, value == wrong.x);
    if (lace_search_check_line(&p, text, &seen, &line) == LACE_STEP_NONE || seen.stage < 0) return LACE_STANCE_NONE;
    return lace_search_stance(&p, &wrong, &line);
}

/* The parts of the options from 1 up. */
static int place(const struct lace_family *family, const char *prompt, const char *line, int parts)
{
    struct lace_search p;
    struct lace_search_seen seen;
    if (lace_search_parse(&p, prompt, NULL) || lace_search_check_line(&p, line, &seen, NULL) == LACE_STEP_NONE)
        return -1;
    return seen.stage >= 0 && seen.option >= 1 && seen.option <= p.options ? (seen.option - 1) * parts / p.options : -1;
}

/* The option that fits, with a wrong number, so that it does not seem to; where none fits, any other. */
static int miss(const struct lace_search *p, int stage, int c, struct lace_rng *rng, struct lace_text *out,
                struct lace_error *err)
{
    int x = 1 + (int)lace_rng_below(rng, (uint32_t)p->options), t = p->t[stage];
    for (int i = 1; i <= p->options; i++)
        if ((p->a[stage] * i + c) % p->modulus == t) x = i;
    struct lace_search_step line = lace_search_try(p, stage, c, x);
    int right = line.v, v;
    do v = (int)lace_rng_below(rng, (uint32_t)p->modulus);
    while (v == t || v == right);
    if (lace_rng_below(rng, 2)) line.m = (uint8_t)((v - c + p->modulus) % p->modulus); /* the sum fits it */
    line.v = (uint8_t)v;
    line.yes = false;
    char text[SEARCH_LINE];
    lace_text_add(out, text, (size_t)lace_search_line(p, &line, text));
    return out->failed ? lace_fail(err, LACE_MEMORY, "Out of memory while a step is forged.") : 0;
}

static int forge(const struct lace_family *family, const char *prompt, const char *so_far, enum lace_falsehood kind,
                 struct lace_rng *rng, struct lace_text *out, struct lace_error *err)
{
    struct lace_search p;
    int code = lace_search_parse(&p, prompt, err);
    if (code) return code;
    int stage = 0, c = p.given;
    bool tried[SEARCH_MODULUS] = {false};
    for (const char *line = so_far; *line;) {
        size_t len = strcspn(line, "\n");
        char text[2 * SEARCH_LINE];
        struct lace_search_seen seen;
        if (len < sizeof text) {
            memcpy(text, line, len);
            text[len] = 0;
            int result = lace_search_check_line(&p, text, &seen, NULL);
            if (result != LACE_STEP_NONE && result != SEARCH_LOOKUP) {
                bool on = seen.believed && seen.stage + 1 < p.stages; /* its own find: it goes on from there */
                int next = seen.stage + on, given = on ? seen.option : seen.given;
                if (next != stage || given != c) memset(tried, 0, sizeof tried);
                stage = next;
                c = given;
                if (!on) tried[seen.option] = true;
            }
        }
        line += len + (line[len] == '\n');
    }
    if (kind == LACE_FALSE_MISS) return miss(&p, stage, c, rng, out, err);
    /* A fresh wrong option where there is one: a claim for one it has just refused is too easy to doubt. */
    int fresh[SEARCH_MODULUS], wrong[SEARCH_MODULUS], fresh_count = 0, wrong_count = 0;
    for (int x = 1; x <= p.options; x++) {
        if ((p.a[stage] * x + c) % p.modulus == p.t[stage]) continue;
        wrong[wrong_count++] = x;
        if (!tried[x]) fresh[fresh_count++] = x;
    }
    if (!wrong_count)
        return lace_fail(err, LACE_BAD, "With one option there is no wrong one to claim; give the problem more.");
    int x = fresh_count ? fresh[lace_rng_below(rng, (uint32_t)fresh_count)]
                        : wrong[lace_rng_below(rng, (uint32_t)wrong_count)];
    int m = p.a[stage] * x % p.modulus;
    if (lace_rng_below(rng, 2)) m = ((p.t[stage] - c) % p.modulus + p.modulus) % p.modulus;
    struct lace_search_step lie = {.stage = (uint8_t)stage,
                                   .c = (uint8_t)c,
                                   .x = (uint8_t)x,
                                   .m = (uint8_t)m,
                                   .v = (uint8_t)p.t[stage],
                                   .yes = true};
    char line[SEARCH_LINE];
    lace_text_add(out, line, (size_t)lace_search_line(&p, &lie, line));
    return out->failed ? lace_fail(err, LACE_MEMORY, "Out of memory while a step is forged.") : 0;
}

static int side(const struct lace_family *family, const char *prompt, enum lace_split *side, struct lace_error *err)
{
    struct lace_search p;
    int code = lace_search_parse(&p, prompt, err);
    if (!code) *side = lace_search_side(&p);
    return code;
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    return lace_search_budget(knobs->difficulty.high, options_of(knobs).high, threads);
}

static const char *const strategies[] = {"up", "down", "random", NULL};
static const char *const errors[] = {"right", "lookup error", "wrong product", "wrong sum", "wrong verdict", NULL};

const struct lace_family lace_family_search = {
    .name = "search",
    .summary = "find the last of a chain of unknowns, each tried option by option modulo a prime",
    .easiest = 1,
    .hardest = SEARCH_STAGES,
    .trained_low = 1,
    .trained_high = 4,
    .uses_options = true,
    .uses_moduli = true,
    .strategies = strategies,
    .errors = errors,
    .make = lace_search_make,
    .write = lace_search_write,
    .check = check,
    .solve = solve,
    .check_step = check_step,
    .forge = forge,
    .stance = stance,
    .place = place,
    .side = side,
    .race = lace_search_race,
    .budget = budget,
};
