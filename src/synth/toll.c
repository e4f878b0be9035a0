/* The family `toll`, for evaluation only: two trained families in one problem. The lengths of some roads are unknowns of
 * a search:
 *   Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Shortest from a to h: a3b, a(q)c, b4d, c(p)d, d2h.
 * The prompt is one of `search` and one of `path`, and so are the lines; what is new is that a line of the second needs
 * what was found by lines of the first. The answer is the length of the way. */
#include "synth/path.h"
#include "synth/scan.h"
#include "synth/search.h"
#include <string.h>

enum {
    OPTIONS = 9,                      /* at most; distances stay below 100 */
    HARDEST = 7,                      /* as many letters as there are */
    TRIALS = SEARCH_STAGES * OPTIONS, /* moves: those of search, fewer than this, then those of path */
    MOVES = TRIALS + PATH_MOVES,
    PROMPT = 4096
};
enum { RIGHT, LOOKUP, WRONG_PRODUCT, WRONG_SUM, WRONG_VERDICT, WRONG_CHOICE };

struct toll {
    struct lace_search s;
    struct lace_path p;
};

/* ---- problems ---- */

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct toll *t = problem;
    struct lace_data_knobs own = *knobs;
    if (own.options.high > OPTIONS)
        return lace_fail(err, LACE_BAD, "The range options is %d:%d; it must lie within 2:%d.", own.options.low,
                         own.options.high, OPTIONS);
    own.difficulty.low = lace_family_draw(rng, knobs->difficulty);
    int code = lace_search_draw(&t->s, &own, rng, err), start, goal, left = t->s.stages;
    if (code) return code;

    struct lace_path_road roads[PATH_ROADS];
    int count = lace_path_draw_roads(t->s.stages + 1, rng, roads, &start, &goal), order[PATH_ROADS], free = PATH_NODES;
    uint32_t used = 0;
    for (int i = 0; i < count; i++) {
        order[i] = i;
        used |= (uint32_t)1 << roads[i].from | (uint32_t)1 << roads[i].to;
    }
    free -= __builtin_popcount(used);
    for (int i = 0; i < PATH_NODES && left; i++) { /* any of the other letters, in order */
        if (used >> i & 1) continue;
        if ((int)lace_rng_below(rng, (uint32_t)free--) < left) t->s.unknown[t->s.stages - left--] = (char)('a' + i);
    }
    lace_rng_shuffle(rng, order, count);
    for (int k = 0; k < t->s.stages; k++) {
        roads[order[k]].toll = t->s.unknown[k];
        roads[order[k]].length = (uint8_t)t->s.solution[k];
    }
    return lace_path_init(&t->p, start, goal, roads, count, err);
}

static int stage_of(const struct lace_search *s, char unknown)
{
    for (int k = 0; k < s->stages; k++)
        if (s->unknown[k] == unknown) return k;
    return -1;
}

static int numbers(const void *problem, uint8_t *out)
{
    const struct toll *t = problem;
    struct lace_path p = t->p;
    int n = 0;
    out[n++] = (uint8_t)t->s.stages;
    out[n++] = (uint8_t)t->s.options;
    out[n++] = (uint8_t)t->s.modulus;
    out[n++] = (uint8_t)t->s.given;
    for (int k = 0; k < t->s.stages; k++) {
        out[n++] = (uint8_t)t->s.a[k];
        out[n++] = (uint8_t)t->s.t[k];
    }
    for (int v = 0; v < PATH_NODES; v++) /* letters do not count */
        for (int i = 0; i < 2; i++)
            if (p.in[v].toll[i]) p.in[v].toll[i] = (char)(1 + stage_of(&t->s, p.in[v].toll[i]));
    uint64_t shape = lace_path_shape(&p);
    memcpy(out + n, &shape, sizeof shape);
    return n + (int)sizeof shape;
}

static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    const struct toll *t = problem;
    uint32_t used = 0;
    for (int k = 0; k < t->s.stages; k++) used |= (uint32_t)1 << (t->s.unknown[k] - 'a');
    lace_search_prompt(&t->s, ambiguity, rng, out);
    lace_text_str(out, " ");
    lace_path_prompt(&t->p, ambiguity, used, rng, out);
}

/* Both parts are whole prompts; the first ends with a stop, but not with every one. */
static bool split(const char *text, struct lace_search *s, const char **rest)
{
    char first[PROMPT];
    int stops = 0;
    for (size_t i = 0; text[i] && i + 1 < sizeof first && stops < 8; i++) {
        first[i] = text[i];
        if (text[i] != '.' && text[i] != '?') continue;
        stops++;
        first[i + 1] = 0;
        if (lace_search_parse(s, first, NULL)) continue;
        *rest = text + i + 1;
        return true;
    }
    return false;
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    struct toll *t = problem;
    struct lace_path_road roads[PATH_ROADS];
    const char *rest = "";
    int count = 0, start = 0, goal = 0;
    if (!split(text, &t->s, &rest) || !lace_path_read_prompt(rest, true, roads, &count, &start, &goal))
        return lace_fail(err, LACE_BAD,
                         "The prompt is not a toll problem; one reads `Find p (each from 1 to 8, mod 11): p*3+4=5. "
                         "Shortest from a to d: a3b, a(p)c, b4d, c6d.`.");
    if (t->s.options > OPTIONS)
        return lace_fail(err, LACE_BAD, "There are %d options; a toll has at most %d.", t->s.options, OPTIONS);
    for (int i = 0; i < count; i++) {
        if (!roads[i].toll) continue;
        int k = stage_of(&t->s, roads[i].toll);
        if (k < 0) return lace_fail(err, LACE_BAD, "The toll %c has no equation; add one.", roads[i].toll);
        roads[i].length = (uint8_t)t->s.solution[k];
    }
    return lace_path_init(&t->p, start, goal, roads, count, err);
}

static void solution(const void *problem, char *answer)
{
    lace_path_work.solution(&((const struct toll *)problem)->p, answer);
}

static bool accepts(const void *problem, const char *answer)
{
    return lace_path_work.accepts(&((const struct toll *)problem)->p, answer);
}

static int meta(const void *problem, json_t *meta)
{
    const struct toll *t = problem;
    return json_object_set_new(meta, "modulus", json_integer(t->s.modulus)) |
           json_object_set_new(meta, "options", json_integer(t->s.options));
}

/* ---- moves: trials, then those of path, which find what they know behind the trials ---- */

static int move_count(const void *problem) { return MOVES; }

static int rank_count(const void *problem)
{
    const struct toll *t = problem;
    return t->s.stages * t->s.options + lace_path_work.ranks(&t->p);
}

static int rank(const void *problem, int strategy, int move)
{
    const struct toll *t = problem;
    int K = t->s.stages, B = t->s.options;
    if (move >= TRIALS) return K * B + lace_path_work.rank(&t->p, strategy, move - TRIALS);
    return move < K * B ? move % B * K + move / B : 0;
}

/* The roads that a line of path adds up. */
static const struct lace_path_end *roads_of(const struct toll *t, int move)
{
    if (move == PATH_MOVES - 1) return NULL;
    return move < PATH_NODES ? &t->p.in[move] : &t->p.out[move - PATH_NODES];
}

static int useful(const void *problem, int strategy, lace_work_known known, short *moves)
{
    const struct toll *t = problem;
    short ways[PATH_MOVES];
    int count = lace_search_work.useful(&t->s, strategy, known, moves),
        some = lace_path_work.useful(&t->p, strategy, known + TRIALS, ways);
    for (int i = 0; i < some; i++) {
        const struct lace_path_end *end = roads_of(t, ways[i]);
        bool paid = true;
        for (int k = 0; end && k < end->count; k++)
            if (end->toll[k]) paid &= lace_search_found(&t->s, known, stage_of(&t->s, end->toll[k])) != NULL;
        if (paid) moves[count++] = (short)(TRIALS + ways[i]);
    }
    return count;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *out)
{
    const struct toll *t = problem;
    if (move < TRIALS) {
        lace_search_work.perform(&t->s, known, move, out);
        return;
    }
    /* The line of path, with the lengths as they were found. */
    struct lace_path p = t->p;
    int at = move - TRIALS, uses = 0;
    struct lace_path_end *end = at == PATH_MOVES - 1 ? NULL : at < PATH_NODES ? &p.in[at] : &p.out[at - PATH_NODES];
    const struct lace_work_line *toll[2] = {NULL, NULL};
    for (int k = 0; end && k < end->count; k++)
        if (end->toll[k] && (toll[k] = lace_search_found(&t->s, known, stage_of(&t->s, end->toll[k]))))
            end->length[k] = (uint8_t)toll[k]->part[SEARCH_X];
    lace_path_work.perform(&p, known + TRIALS, at, out);
    out->move = (short)move;
    while (uses < LACE_WORK_USES && out->uses[uses] >= 0) out->uses[uses++] += TRIALS;
    for (int k = 0; k < 2; k++)
        if (toll[k]) out->uses[uses++] = toll[k]->move;
}

static bool falsify(const void *problem, struct lace_work_line *out, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct toll *t = problem;
    if (out->move < TRIALS) return lace_search_work.falsify(&t->s, out, kind, rng);
    out->move -= TRIALS;
    bool done = lace_path_work.falsify(&t->p, out, kind, rng);
    out->move += TRIALS;
    return done;
}

static int write_line(const void *problem, const struct lace_work_line *line, char *text)
{
    const struct toll *t = problem;
    struct lace_work_line own = *line;
    own.move -= TRIALS;
    return line->move < TRIALS ? lace_search_write_line(&t->s, line, text) : lace_path_work.write(&t->p, &own, text);
}

static bool answer(const void *problem, lace_work_known known, char *out)
{
    return lace_path_work.answer(&((const struct toll *)problem)->p, known + TRIALS, out);
}

static bool read_line(const void *problem, const char *text, struct lace_work_line *out)
{
    const struct toll *t = problem;
    if (lace_search_read_line(&t->s, text, out)) return true;
    if (!lace_path_work.read(&t->p, text, out)) return false;
    if (out->move >= 0) out->move += TRIALS;
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    static const int of_path[] = {RIGHT, LOOKUP, WRONG_SUM, WRONG_CHOICE};
    const struct toll *t = problem;
    if (line->move >= TRIALS) {
        struct lace_work_line own = *line;
        own.move -= TRIALS;
        lace_path_work.judge(&t->p, &own, out);
        out->result = of_path[out->result];
        return;
    }
    lace_search_work.judge(&t->s, line, out); /* the numbers of its errors are those of the first here */
}

/* The length of a road that is an unknown comes from the line that found it. */
static enum lace_stance stance_to_length(const struct toll *t, const struct lace_work_line *lie,
                                         const struct lace_work_line *line)
{
    const struct lace_path_end *end = roads_of(t, line->move - TRIALS);
    struct lace_path_term term[2];
    int stage = lie->part[SEARCH_STAGE], terms = lace_path_terms(line, term);
    bool lied = lie->value == t->s.t[stage];
    for (int i = 0; end && i < terms; i++)
        for (int k = 0; k < end->count; k++)
            if (end->node[k] == term[i].node && end->toll[k] == t->s.unknown[stage])
                return lace_stance_of(lied && term[i].add == lie->part[SEARCH_X],
                                      lied || term[i].add == t->s.solution[stage]);
    return LACE_STANCE_NONE;
}

static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct toll *t = problem;
    struct lace_work_line ways[2] = {*lie, *line};
    bool tried = lie->move < TRIALS, tries = line->move < TRIALS;
    if (tried && tries) return lace_search_work.stance(&t->s, lie, line);
    if (tried) return stance_to_length(t, lie, line);
    if (tries) return LACE_STANCE_NONE; /* no trial builds on a way */
    for (int i = 0; i < 2; i++) ways[i].move -= TRIALS;
    return lace_path_work.stance(&t->p, &ways[0], &ways[1]);
}

/* ---- the family ---- */

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high, B = knobs->options.high ? knobs->options.high : 8;
    if (threads == 1) return d * B + 2 * (d + 1) + 3; /* every line there is */
    /* The search, and what of the way cannot be settled meanwhile: as many rounds more as let sharing threads solve 97 %
     * by `lace data ceiling`, or one more. */
    return lace_search_budget(d, B, threads) + (threads == 2 ? 4 + d - d / 4 : 4 + d / 3);
}

static const struct lace_work work = {
    .bytes = sizeof(struct toll),
    .ranked = 3,
    .draw = draw,
    .numbers = numbers,
    .prompt = prompt,
    .parse = parse,
    .solution = solution,
    .accepts = accepts,
    .meta = meta,
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
    .lookup = LOOKUP,
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
