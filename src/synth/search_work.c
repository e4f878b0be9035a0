/* The family `search` as facts and moves: what an option of a stage comes to, and how lines stand to each other. Joints
 * (join.h) build on these too, under the engine's policy. */
#include "synth/scan.h"
#include "synth/search.h"
#include <string.h>

static void solution(const void *problem, char *answer)
{
    const struct lace_search *p = problem;
    *lace_put_number(answer, p->solution[p->stages - 1]) = 0;
}

static bool accepts(const void *problem, const char *answer)
{
    const struct lace_search *p = problem;
    return lace_is_number(answer, 2, p->solution[p->stages - 1]);
}

static int meta(const void *problem, json_t *meta)
{
    const struct lace_search *p = problem;
    return json_object_set_new(meta, "modulus", json_integer(p->modulus)) |
           json_object_set_new(meta, "options", json_integer(p->options));
}

/* ---- moves: the options of each stage ---- */

static int move_count(const void *problem)
{
    const struct lace_search *p = problem;
    return p->stages * p->options;
}

static int rank_count(const void *problem) { return ((const struct lace_search *)problem)->options; }

static int rank(const void *problem, int strategy, int move)
{
    int B = ((const struct lace_search *)problem)->options;
    return strategy == SEARCH_DOWN ? B - 1 - move % B : move % B;
}

const struct lace_work_line *lace_search_found(const struct lace_search *p, lace_work_known known, int stage)
{
    for (int x = 1; x <= p->options; x++) {
        const struct lace_work_line *line = known[lace_search_move(p, stage, x)];
        if (line && line->find) return line;
    }
    return NULL;
}

static int useful(const void *problem, int strategy, lace_work_known known, short *moves)
{
    const struct lace_search *p = problem;
    int count = 0, stage = 0;
    while (stage < p->stages && lace_search_found(p, known, stage)) stage++;
    for (int x = 1; x <= p->options && stage < p->stages; x++)
        if (!known[lace_search_move(p, stage, x)]) moves[count++] = lace_search_move(p, stage, x);
    return count;
}

void lace_search_try(const struct lace_search *p, int stage, int c, int x, struct lace_work_line *line)
{
    int m = p->a[stage] * x % p->modulus;
    line->move = lace_search_move(p, stage, x);
    line->part[SEARCH_STAGE] = stage;
    line->part[SEARCH_C] = c;
    line->part[SEARCH_X] = x;
    line->part[SEARCH_M] = m;
    line->value = (m + c) % p->modulus;
    line->yes = line->find = line->value == p->t[stage];
    line->dead = !line->find;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line)
{
    const struct lace_search *p = problem;
    int stage = move / p->options;
    const struct lace_work_line *before = stage ? lace_search_found(p, known, stage - 1) : NULL;
    lace_search_try(p, stage, before ? before->part[SEARCH_X] : p->given, move % p->options + 1, line);
    if (before) line->uses[0] = before->move;
}

/* The product that comes to v with c, which may be a number of the prompt beyond the modulus. */
static int product_before(const struct lace_search *p, int v, int c)
{
    return (v + p->modulus - c % p->modulus) % p->modulus;
}

static bool falsify(const void *problem, struct lace_work_line *line, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct lace_search *p = problem;
    int v = p->t[line->part[SEARCH_STAGE]];
    if (kind != LACE_FALSE_FLIP && (kind == LACE_FALSE_MISS) != line->yes) return false;
    line->yes = !line->yes;
    if (kind == LACE_FALSE_FLIP) return true;
    if (kind == LACE_FALSE_MISS) v = (v + 1 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 1)) % p->modulus;
    /* Half of the lies begin in the product, so that the sum fits it. */
    if (lace_rng_below(rng, 2)) line->part[SEARCH_M] = product_before(p, v, line->part[SEARCH_C]);
    line->value = v;
    line->find = kind == LACE_FALSE_FORGE;
    line->dead = !line->find;
    return true;
}

/* ---- lines as others wrote them ---- */

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    const struct lace_search *p = problem;
    int stage = line->part[SEARCH_STAGE];
    out->result = line->part[SEARCH_RESULT];
    out->believed = line->find;
    out->misled = line->part[SEARCH_C] != (stage ? p->solution[stage - 1] : p->given);
}

/* Exactly one option fits, so a find contradicts every other one of the same c. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct lace_search *p = problem;
    int stage = lie->part[SEARCH_STAGE], at = line->part[SEARCH_STAGE], c = line->part[SEARCH_C];
    bool lied = lie->value == p->t[stage], found = line->value == p->t[at];
    if (at == stage) {
        if (c != lie->part[SEARCH_C]) return LACE_STANCE_NONE;
        return line->move == lie->move ? lace_stance_of(found == lied, true) : lace_stance_of(false, found && lied);
    }
    bool right = at > stage && c == p->solution[at - 1];
    if (at != stage + 1) return lace_stance_of(false, right);
    return lied ? lace_stance_of(c == lie->part[SEARCH_X], true) : lace_stance_of(false, right);
}

/* An answer speaks of the last stage alone; it contradicts a find of another option, and that its own was none. */
static enum lace_stance answer_stance(const void *problem, const struct lace_work_line *lie, const char *answer)
{
    const struct lace_search *p = problem;
    int stage = lie->part[SEARCH_STAGE], value;
    if (stage + 1 < p->stages || !lace_get_number(answer, 2, &value)) return LACE_STANCE_NONE;
    bool lied = lie->value == p->t[stage], same = value == lie->part[SEARCH_X];
    return lied ? lace_stance_of(same, true) : lace_stance_of(false, same);
}

/* ---- forging ---- */

/* The option that fits, with a wrong number, so that it does not seem to; where none fits, any other. */
static void miss(const struct lace_search *p, int stage, int c, struct lace_rng *rng, struct lace_work_line *line)
{
    int x = 1 + (int)lace_rng_below(rng, (uint32_t)p->options), t = p->t[stage], v;
    for (int i = 1; i <= p->options; i++)
        if ((p->a[stage] * i + c) % p->modulus == t) x = i;
    lace_search_try(p, stage, c, x, line);
    do v = (int)lace_rng_below(rng, (uint32_t)p->modulus);
    while (v == t || v == line->value);
    if (lace_rng_below(rng, 2)) line->part[SEARCH_M] = product_before(p, v, c); /* the sum fits it */
    line->value = v;
    line->yes = false;
}

/* Goes on from where the thread stands by what it wrote itself, a find that is false included. */
static int forge(const void *problem, const char *so_far, enum lace_falsehood kind, struct lace_rng *rng,
                 struct lace_text *out, struct lace_error *err)
{
    const struct lace_search *p = problem;
    int stage = 0, c = p->given;
    bool tried[SEARCH_MODULUS] = {false};
    for (const char *at = so_far; *at;) {
        size_t len = strcspn(at, "\n");
        char text[LACE_WORK_LINE];
        struct lace_work_line line = {.move = -1};
        if (len < sizeof text) {
            memcpy(text, at, len);
            text[len] = 0;
            if (lace_search_read_line(p, text, &line) && line.move >= 0 && line.part[SEARCH_RESULT] != SEARCH_LOOKUP) {
                int own = line.part[SEARCH_STAGE];
                bool on = line.find && own + 1 < p->stages; /* its own find: it goes on from there */
                int next = own + on, given = line.part[on ? SEARCH_X : SEARCH_C];
                if (next != stage || given != c) memset(tried, 0, sizeof tried);
                stage = next;
                c = given;
                if (!on) tried[line.part[SEARCH_X]] = true;
            }
        }
        at += len + (at[len] == '\n');
    }
    struct lace_work_line lie = {.uses = {-1}};
    if (kind == LACE_FALSE_MISS) miss(p, stage, c, rng, &lie);
    else {
        /* A fresh wrong option where there is one: a claim for one it has just refused is too easy to doubt. */
        int fresh[SEARCH_MODULUS], wrong[SEARCH_MODULUS], fresh_count = 0, wrong_count = 0;
        for (int x = 1; x <= p->options; x++) {
            if ((p->a[stage] * x + c) % p->modulus == p->t[stage]) continue;
            wrong[wrong_count++] = x;
            if (!tried[x]) fresh[fresh_count++] = x;
        }
        if (!wrong_count)
            return lace_fail(err, LACE_BAD, "With one option there is no wrong one to claim; give the problem more.");
        int x = fresh_count ? fresh[lace_rng_below(rng, (uint32_t)fresh_count)]
                            : wrong[lace_rng_below(rng, (uint32_t)wrong_count)];
        lace_search_try(p, stage, c, x, &lie);
        falsify(p, &lie, LACE_FALSE_FORGE, rng);
    }
    char text[LACE_WORK_LINE];
    lace_text_add(out, text, (size_t)lace_search_write_line(p, &lie, text));
    return out->failed ? lace_fail(err, LACE_MEMORY, "Out of memory while a step is forged.") : 0;
}

/* ---- the family ---- */

static int budget_of(const void *problem, int threads)
{
    const struct lace_search *p = problem;
    return lace_search_budget(p->stages, p->options, threads);
}

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    return lace_search_budget(knobs->difficulty.high, lace_search_options(knobs).high, threads);
}

const struct lace_work lace_search_work = {
    .bytes = sizeof(struct lace_search),
    .ranked = 2,
    .draw = lace_search_draw,
    .numbers = lace_search_numbers,
    .prompt = lace_search_prompt,
    .parse = lace_search_parse,
    .solution = solution,
    .accepts = accepts,
    .meta = meta,
    .moves = move_count,
    .ranks = rank_count,
    .rank = rank,
    .useful = useful,
    .perform = perform,
    .falsify = falsify,
    .write = lace_search_write_line,
    .read = lace_search_read_line,
    .judge = judge,
    .stance = stance,
    .lookup = SEARCH_LOOKUP,
    .operands = SEARCH_X + 1,
    .run = lace_search_run,
    .budget = budget_of,
    .forge = forge,
    .answer_stance = answer_stance,
};

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
    .work = &lace_search_work,
    .budget = budget,
};
