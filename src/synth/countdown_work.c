/* The family `countdown` as facts and moves: a move tries a number and an operation at a stage, and the facts are which
 * of these reach the target. */
#include "synth/countdown.h"
#include "synth/scan.h"
#include <stdlib.h>

enum { RIGHT, LOOKUP, WRONG_FIRST, WRONG_SECOND, WRONG_VERDICT };
/* The parts of a line. */
enum { LEFT, FROM, NUMBER, OP, VALUE, SIGN, SECOND, TO };
static const char operations[] = "+-*/";

/* ---- answers ---- */

static void put_way(char *at, int from, int op, int first, int target, int v)
{
    at = lace_put_number(at, from);
    *at++ = operations[op];
    at = lace_put_number(at, first);
    *at++ = v <= target ? '+' : '-';
    at = lace_put_number(at, abs(target - v));
    *at = 0;
}

static void solution(const void *problem, char *answer)
{
    const struct lace_countdown *p = problem;
    int last = p->targets - 1, from = lace_countdown_from(p, last), first = p->number[p->first[last]];
    put_way(answer, from, p->op[last], first, p->target[last], lace_countdown_apply(from, p->op[last], first));
}

static const char *get_operation(const char *at, int *op)
{
    for (*op = 0; at && *op < COUNTDOWN_OPERATIONS; ++*op) {
        char text[2] = {operations[*op], 0};
        const char *end = lace_get_text(at, text);
        if (end) return end;
    }
    return NULL;
}

static bool accepts(const void *problem, const char *answer)
{
    const struct lace_countdown *p = problem;
    int from, first, second, op, sign, last = p->targets - 1;
    const char *at = lace_get_number(get_operation(lace_get_number(answer, 2, &from), &op), 2, &first);
    at = lace_get_number(get_operation(at, &sign), 2, &second);
    if (!at || *lace_skip_space(at) || sign > 1 || from != lace_countdown_from(p, last)) return false;
    int i = lace_countdown_index(p, first), v = lace_countdown_apply(from, op, first),
        left = lace_countdown_left(p, last);
    return i >= 0 && left >> i & 1 && v && lace_countdown_fits(p, left, second, first) &&
           (sign ? v - second : v + second) == p->target[last];
}

/* ---- moves: a number and an operation, at a stage ---- */

static int moves(const void *problem)
{
    const struct lace_countdown *p = problem;
    return p->targets * p->count * COUNTDOWN_OPERATIONS;
}

static int ranks(const void *problem) { return ((const struct lace_countdown *)problem)->count * COUNTDOWN_OPERATIONS; }

/* small: the smallest number first, with every operation; large; operation: every sum, then every difference, ... */
static int rank(const void *problem, int strategy, int move)
{
    const struct lace_countdown *p = problem;
    int op = move % COUNTDOWN_OPERATIONS, i = move / COUNTDOWN_OPERATIONS % p->count;
    return strategy == 3 ? op * p->count + p->place[0][i] : p->place[strategy - 1][i] * COUNTDOWN_OPERATIONS + op;
}

/* The move that found a stage, the first if there are several; -1: it is open. */
static int find_of(const struct lace_countdown *p, lace_work_known known, int stage)
{
    int each = p->count * COUNTDOWN_OPERATIONS, best = -1;
    for (int m = stage * each; m < (stage + 1) * each; m++) {
        if (!known[m] || !known[m]->value) continue;
        if (best < 0 || known[m]->round < known[best]->round ||
            (known[m]->round == known[best]->round && known[m]->thread < known[best]->thread))
            best = m;
    }
    return best;
}

/* What is left after a find: by its own words, so that a false one leaves what it says. */
static int left_after(const struct lace_countdown *p, const struct lace_work_line *line)
{
    return line->part[LEFT] & ~(1 << lace_countdown_index(p, line->part[NUMBER])) &
           ~(1 << lace_countdown_index(p, line->part[SECOND]));
}

static int useful(const void *problem, int strategy, lace_work_known known, short *list)
{
    const struct lace_countdown *p = problem;
    int stage = 0, count = 0, left = lace_countdown_left(p, 0);
    for (int m; stage < p->targets && (m = find_of(p, known, stage)) >= 0; stage++) left = left_after(p, known[m]);
    if (stage == p->targets) return 0;
    int from = lace_countdown_from(p, stage);
    for (int i = 0; i < p->count; i++)
        for (int op = 0; op < COUNTDOWN_OPERATIONS && left >> i & 1; op++) {
            int move = (stage * p->count + i) * COUNTDOWN_OPERATIONS + op;
            if (!known[move] && lace_countdown_apply(from, op, p->number[i])) list[count++] = (short)move;
        }
    return count;
}

/* Whoever reads a line takes it for a find where its second number is among those left. */
static void conclude(const struct lace_countdown *p, struct lace_work_line *line)
{
    const int *part = line->part;
    line->find = part[LEFT] >= 0 && lace_countdown_fits(p, part[LEFT], part[SECOND], part[NUMBER]);
    line->value = line->find ? 1 + part[SECOND] : 0;
    line->dead = !line->find;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line)
{
    const struct lace_countdown *p = problem;
    int stage = move / COUNTDOWN_OPERATIONS / p->count, op = move % COUNTDOWN_OPERATIONS,
        number = p->number[move / COUNTDOWN_OPERATIONS % p->count];
    int before = stage ? find_of(p, known, stage - 1) : -1, from = lace_countdown_from(p, stage),
        target = p->target[stage];
    int v = lace_countdown_apply(from, op, number);
    line->uses[0] = (short)before;
    line->part[LEFT] = before < 0 ? lace_countdown_left(p, 0) : left_after(p, known[before]);
    line->part[FROM] = from;
    line->part[NUMBER] = number;
    line->part[OP] = op;
    line->part[VALUE] = v;
    line->part[SIGN] = v > target;
    line->part[SECOND] = abs(target - v);
    line->part[TO] = target;
    conclude(p, line);
    line->yes = line->find;
}

/* A false find names a number that is left, with a wrong first result that fits it or a right one that does not; a
 * missed one is wrong in the same places. */
static bool falsify(const void *problem, struct lace_work_line *line, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct lace_countdown *p = problem;
    if (kind == LACE_FALSE_FLIP) {
        line->yes = !line->yes;
        return true;
    }
    if (line->find != (kind == LACE_FALSE_MISS)) return false;
    bool first = lace_rng_below(rng, 2);
    for (int tries = 0; tries < 40; tries++) {
        int *part = line->part;
        if (kind == LACE_FALSE_FORGE) {
            int i = (int)lace_rng_below(rng, (uint32_t)p->count), second = p->number[i];
            if (!(part[LEFT] >> i & 1) || second == part[NUMBER]) continue;
            int v = first ? part[SIGN] ? part[TO] + second : part[TO] - second : part[VALUE];
            if (v < 1 || v > COUNTDOWN_MOST) continue;
            part[VALUE] = v;
            part[SECOND] = second;
            line->find = true;
        } else {
            int slip = 1 + (int)lace_rng_below(rng, 9), v = part[VALUE] + (lace_rng_below(rng, 2) ? slip : -slip);
            if (!first) v = part[VALUE];
            int second = first ? abs(part[TO] - v) : part[SECOND] + (lace_rng_below(rng, 2) ? slip : -slip);
            if (v < 1 || v > COUNTDOWN_MOST || second < 0 || second > COUNTDOWN_MOST ||
                lace_countdown_fits(p, part[LEFT], second, part[NUMBER]))
                continue;
            part[VALUE] = v;
            part[SECOND] = second;
            part[SIGN] = first ? v > part[TO] : part[SIGN];
            line->find = false;
        }
        line->yes = line->find;
        line->value = line->find ? 1 + part[SECOND] : 0;
        line->dead = !line->find;
        return true;
    }
    return false;
}

static int write(const void *problem, const struct lace_work_line *line, char *text)
{
    const struct lace_countdown *p = problem;
    const int *part = line->part;
    char *at = text;
    for (int i = 0; i < p->count; i++) {
        if (!(part[LEFT] >> i & 1)) continue;
        if (at > text) *at++ = ' ';
        at = lace_put_number(at, p->number[i]);
    }
    at = lace_put_number(lace_put_text(at, ": "), part[FROM]);
    *at++ = operations[part[OP]];
    at = lace_put_number(at, part[NUMBER]);
    *at++ = '=';
    at = lace_put_number(at, part[VALUE]);
    *at++ = part[SIGN] ? '-' : '+';
    at = lace_put_number(at, part[SECOND]);
    *at++ = '=';
    at = lace_put_number(at, part[TO]);
    at = lace_put_text(at, line->yes ? ", yes.\n" : ", no.\n");
    *at = 0;
    return (int)(at - text);
}

static bool answer(const void *problem, lace_work_known known, char *text)
{
    const struct lace_countdown *p = problem;
    int find = find_of(p, known, p->targets - 1);
    for (int k = 0; k < p->targets; k++)
        if (find_of(p, known, k) < 0) return false;
    const int *part = known[find]->part;
    put_way(text, part[FROM], part[OP], part[NUMBER], part[TO], part[VALUE]);
    return true;
}

static bool read(const void *problem, const char *text, struct lace_work_line *line)
{
    const struct lace_countdown *p = problem;
    const char *at = text;
    int *part = line->part, number, sign;
    for (const char *end; (end = lace_get_number(at, 2, &number)); at = end) {
        int i = lace_countdown_index(p, number);
        if (i < 0 || part[LEFT] < 0 || part[LEFT] >> i & 1) part[LEFT] = -1;
        else part[LEFT] |= 1 << i;
    }
    at = lace_get_number(get_operation(lace_get_number(lace_get_text(at, ":"), 2, &part[FROM]), &part[OP]), 2,
                         &part[NUMBER]);
    at = get_operation(lace_get_number(lace_get_text(at, "="), 2, &part[VALUE]), &sign);
    at = lace_get_number(lace_get_text(lace_get_number(at, 2, &part[SECOND]), "="), 2, &part[TO]);
    at = lace_get_text(at, ",");
    const char *yes = lace_get_text(at, "yes."), *end = yes ? yes : lace_get_text(at, "no.");
    if (!end || *lace_skip_space(end) || sign > 1) return false;
    part[SIGN] = sign;
    line->yes = yes != NULL;
    conclude(p, line);
    int i = lace_countdown_index(p, part[NUMBER]);
    for (int k = 0; k < p->targets && i >= 0; k++) {
        if (lace_countdown_from(p, k) != part[FROM] || p->target[k] != part[TO]) continue;
        line->move = (short)((k * p->count + i) * COUNTDOWN_OPERATIONS + part[OP]);
        if (k) line->uses[0] = (short)(((k - 1) * p->count + p->first[k - 1]) * COUNTDOWN_OPERATIONS + p->op[k - 1]);
    }
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    const struct lace_countdown *p = problem;
    const int *part = line->part;
    int stage = line->move / COUNTDOWN_OPERATIONS / p->count, i = lace_countdown_index(p, part[NUMBER]),
        left = lace_countdown_left(p, stage);
    out->believed = line->find;
    if (part[LEFT] < 0 || !(part[LEFT] >> i & 1) ||
        __builtin_popcount((unsigned)part[LEFT]) != __builtin_popcount((unsigned)left))
        out->result = LOOKUP;
    else if (part[VALUE] != lace_countdown_apply(part[FROM], part[OP], part[NUMBER])) out->result = WRONG_FIRST;
    else if ((part[SIGN] ? part[VALUE] - part[SECOND] : part[VALUE] + part[SECOND]) != part[TO])
        out->result = WRONG_SECOND;
    else out->result = line->yes == line->find ? RIGHT : WRONG_VERDICT;
    out->misled = part[LEFT] >= 0 && part[LEFT] != left;
}

/* A find says which numbers are left; whoever goes on from a target names them. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct lace_countdown *p = problem;
    int stage = lie->move / COUNTDOWN_OPERATIONS / p->count, own = line->move / COUNTDOWN_OPERATIONS / p->count,
        left = line->part[LEFT];
    bool again = line->move == lie->move;
    if (own == stage && !lie->find) return lace_stance_of(again && !line->find, again && line->find);
    if (own == stage && line->find) {
        bool same = left_after(p, line) == left_after(p, lie);
        return lace_stance_of(same && again, !same); /* another way with the same two leaves the same */
    }
    if (own == stage) return lace_stance_of(false, again);
    if (own < stage || left < 0) return LACE_STANCE_NONE;
    bool by_lie = lie->find && !(left & ~left_after(p, lie)), by_truth = !(left & ~lace_countdown_left(p, stage + 1));
    return lace_stance_of(by_lie && !by_truth, by_truth && !by_lie);
}

/* ---- the family ---- */

/* One thread may have to try everything: four operations with each number that is left. Of several, each tries its
 * share, and moving on costs some rounds: the least numbers of rounds in which sharing threads solve 97 % by
 * `lace data ceiling`, or one more. */
static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    static const int tries[COUNTDOWN_TARGETS] = {8, 20, 26, 36, 52, 54}, moving[COUNTDOWN_TARGETS] = {2, 1, 3, 3, 4, 5};
    int d = knobs->difficulty.high, all = 0;
    for (int k = 0; k < d; k++) all += COUNTDOWN_OPERATIONS * (lace_countdown_count(d) - 2 * k);
    return threads == 1 ? all : (tries[d - 1] + threads - 1) / threads + moving[d - 1] + (threads == 3);
}

static const struct lace_work work = {
    .bytes = sizeof(struct lace_countdown),
    .ranked = COUNTDOWN_STRATEGIES,
    .draw = lace_countdown_draw,
    .numbers = lace_countdown_numbers,
    .prompt = lace_countdown_prompt,
    .parse = lace_countdown_parse,
    .solution = solution,
    .accepts = accepts,
    .moves = moves,
    .ranks = ranks,
    .rank = rank,
    .useful = useful,
    .perform = perform,
    .falsify = falsify,
    .write = write,
    .answer = answer,
    .read = read,
    .judge = judge,
    .stance = stance,
    .lookup = LOOKUP,
};

static const char *const strategies[] = {"small", "large", "operation", "random", NULL};
static const char *const errors[] = {"right", "lookup error", "wrong first step", "wrong second step", "wrong verdict",
                                     NULL};

const struct lace_family lace_family_countdown = {
    .name = "countdown",
    .summary = "reach targets in turn from given numbers by + - * /, none used twice",
    .easiest = 1,
    .hardest = COUNTDOWN_TARGETS,
    .trained_low = 1,
    .trained_high = 4,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .budget = budget,
};
