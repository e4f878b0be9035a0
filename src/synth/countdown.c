/* The family `countdown`: reach targets in turn from given numbers, none of which is used twice.
 *   Start at 7. Reach 25, 40 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, 5, 6, 9, 12, none
 *   twice. How is 40 reached?
 * A line tries one number and operation from a state, the numbers that are left and the value reached; the second
 * number follows from the target, and is there or is not:
 *   3 5 9 12: 25+5=30+10=40, no.
 * All ways to a target use the same two numbers, so a find leaves one state, and the answer is the last way: 25+6+9.
 * Values lie within 1 to 60 and quotients are whole. */
#include "synth/scan.h"
#include "synth/work.h"
#include <stdlib.h>
#include <string.h>

enum { TARGETS = 6, NUMBERS = 12, LARGEST = 20, MOST = 60, OPERATIONS = 4, STRATEGIES = 3 };
enum { RIGHT, LOOKUP, WRONG_FIRST, WRONG_SECOND, WRONG_VERDICT };
static const char operations[] = "+-*/";

struct countdown {
    int targets, count, start;
    int target[TARGETS], number[NUMBERS]; /* the numbers in the order of the prompt */
    /* what follows */
    int used[TARGETS];                  /* the two numbers that reach each target, as a set of indices */
    int first[TARGETS], op[TARGETS];    /* and the first way, by index and operation */
    signed char index[MOST + 1];        /* of a number, -1: it is not there */
    int place[STRATEGIES - 1][NUMBERS]; /* of a number among the others: ascending, descending */
};

/* The parts of a line. */
enum { LEFT, FROM, NUMBER, OP, VALUE, SIGN, SECOND, TO };

static int from_of(const struct countdown *p, int stage) { return stage ? p->target[stage - 1] : p->start; }

/* a op b; 0 where it is not allowed. */
static int apply(int a, int op, int b)
{
    int v = op == 0 ? a + b : op == 1 ? a - b : op == 2 ? a * b : b && a % b == 0 ? a / b : 0;
    return v >= 1 && v <= MOST ? v : 0;
}

static int index_of(const struct countdown *p, int number)
{
    return number >= 0 && number <= MOST ? p->index[number] : -1;
}

/* False: a number is there twice, or is none that a problem may have. */
static bool fill_index(struct countdown *p)
{
    memset(p->index, -1, sizeof p->index);
    for (int i = 0; i < p->count; i++) {
        if (p->number[i] > MOST || p->index[p->number[i]] >= 0) return false;
        p->index[p->number[i]] = (signed char)i;
    }
    return true;
}

/* The number is among those left, and is another one than the first. */
static bool fits(const struct countdown *p, int left, int second, int first)
{
    int i = index_of(p, second);
    return i >= 0 && left >> i & 1 && second != first;
}

/* Finds the ways to a target; false: none, or ways that use different numbers. */
static bool solve_stage(struct countdown *p, int stage, int left)
{
    int from = from_of(p, stage), target = p->target[stage];
    p->used[stage] = 0;
    for (int i = 0; i < p->count; i++)
        for (int op = 0; op < OPERATIONS && left >> i & 1; op++) {
            int v = apply(from, op, p->number[i]), second = abs(target - v);
            if (!v || !fits(p, left, second, p->number[i])) continue;
            int used = 1 << i | 1 << index_of(p, second);
            if (p->used[stage] && p->used[stage] != used) return false;
            if (!p->used[stage]) p->first[stage] = i, p->op[stage] = op;
            p->used[stage] = used;
        }
    return p->used[stage] != 0;
}

static void fill_places(struct countdown *p)
{
    for (int i = 0; i < p->count; i++) {
        int smaller = 0;
        for (int k = 0; k < p->count; k++) smaller += p->number[k] < p->number[i];
        p->place[0][i] = smaller;
        p->place[1][i] = p->count - 1 - smaller;
    }
}

/* The numbers that are left for a stage. */
static int left_for(const struct countdown *p, int stage)
{
    int left = (1 << p->count) - 1;
    for (int k = 0; k < stage; k++) left &= ~p->used[k];
    return left;
}

/* ---- drawing ---- */

static bool seen_before(const struct countdown *p, int stage, int target)
{
    for (int k = 0; k < stage; k++)
        if (p->target[k] == target) return true;
    return target == p->start;
}

static bool draw_stage(struct countdown *p, int stage, struct lace_rng *rng)
{
    int left = left_for(p, stage), from = from_of(p, stage);
    for (int tries = 0; tries < 40; tries++) {
        int i = (int)lace_rng_below(rng, (uint32_t)p->count), k = (int)lace_rng_below(rng, (uint32_t)p->count);
        if (i == k || !(left >> i & 1) || !(left >> k & 1)) continue;
        int v = apply(from, (int)lace_rng_below(rng, OPERATIONS), p->number[i]);
        int t = v ? apply(v, (int)lace_rng_below(rng, 2), p->number[k]) : 0;
        if (!t || seen_before(p, stage, t)) continue;
        p->target[stage] = t;
        if (solve_stage(p, stage, left)) return true;
    }
    return false;
}

/* Two more than are needed; with more than twelve few targets can be reached by one pair alone. */
static int count_of(int targets) { return 2 * targets + 2 < NUMBERS ? 2 * targets + 2 : NUMBERS; }

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct countdown *p = problem;
    for (int tries = 0; tries < 10000; tries++) {
        *p = (struct countdown){.targets = knobs->difficulty.low, .count = count_of(knobs->difficulty.low)};
        int pool[LARGEST], stage = 0;
        for (int i = 0; i < LARGEST - 1; i++) pool[i] = i + 2;
        for (int i = 0; i < p->count; i++) { /* a sorted choice */
            int j = i + (int)lace_rng_below(rng, (uint32_t)(LARGEST - 1 - i)), t = pool[i];
            pool[i] = pool[j];
            pool[j] = t;
            int at = i;
            for (; at > 0 && p->number[at - 1] > pool[i]; at--) p->number[at] = p->number[at - 1];
            p->number[at] = pool[i];
        }
        p->start = 2 + (int)lace_rng_below(rng, 19);
        fill_index(p);
        while (stage < p->targets && draw_stage(p, stage, rng)) stage++;
        fill_places(p);
        if (stage == p->targets) return 0;
    }
    return lace_fail(err, LACE_BAD, "No countdown of %d targets was found.", knobs->difficulty.low);
}

static int numbers(const void *problem, uint8_t *out)
{
    const struct countdown *p = problem;
    int count = 0;
    out[count++] = (uint8_t)p->targets;
    out[count++] = (uint8_t)p->start;
    for (int k = 0; k < p->targets; k++) out[count++] = (uint8_t)p->target[k];
    for (int smaller = 0; smaller < p->count; smaller++)
        for (int i = 0; i < p->count; i++)
            if (p->place[0][i] == smaller) out[count++] = (uint8_t)p->number[i];
    return count;
}

/* ---- writing ---- */

/* $s: the start; $t: the targets; $n: the numbers; $l: the last target; $c: how many numbers. */
static const char *const wordings[] = {
    "Start at $s. Reach $t in turn, each by one number (+ - * /) and another (+ -) out of $n, none twice. "
    "How is $l reached?",
    "With $n, none twice, go from $s to $t in turn, each by + - * / one number and + - another. How is $l reached?",
    "You have $n and may use each once. You are at $s and want $t in turn, each by + - * / one number and then + - "
    "another. Give the last way.",
    "There are $c numbers, $n, none to be used twice. From $s reach $t in turn, each by one number (+ - * /) and "
    "another (+ -). How is $l reached?",
};
enum { WORDINGS = sizeof wordings / sizeof *wordings, REDUNDANT = 3 };

static char *put_list(char *at, const int *list, int count, const char *between)
{
    for (int i = 0; i < count; i++) {
        if (i) at = lace_put_text(at, between);
        at = lace_put_number(at, list[i]);
    }
    return at;
}

static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    const struct countdown *p = problem;
    int wording = 0, list[NUMBERS];
    memcpy(list, p->number, sizeof list);
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, REDUNDANT - 1);
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        do lace_rng_shuffle(rng, list, p->count);
        while (list[0] < list[1]); /* another order than the plain one, whatever it is */
    }
    char text[512], *at = text;
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 's') at = lace_put_number(at, p->start);
        else if (*w == 't') at = put_list(at, p->target, p->targets, ", ");
        else if (*w == 'n') at = put_list(at, list, p->count, ", ");
        else at = lace_put_number(at, *w == 'c' ? p->count : p->target[p->targets - 1]);
    }
    lace_text_add(out, text, (size_t)(at - text));
}

/* ---- reading ---- */

/* Numbers with commas between them. */
static const char *get_list(const char *at, int *list, int most, int *count)
{
    for (*count = 0; at; at = lace_get_text(at, ",")) {
        const char *end = *count < most ? lace_get_number(at, 2, &list[*count]) : NULL;
        if (!end) return NULL;
        ++*count;
        const char *comma = lace_get_text(end, ",");
        int next;
        if (!comma || !lace_get_number(comma, 2, &next)) return end; /* the comma is the sentence's */
        at = end;
    }
    return NULL;
}

static bool read_wording(const char *w, const char *at, struct countdown *p, int *last, int *count)
{
    for (; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (!w[1] && !*lace_skip_space(at)) return true; /* a missing last stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 's') at = lace_get_number(at, 2, &p->start);
        else if (*w == 't') at = get_list(at, p->target, TARGETS, &p->targets);
        else if (*w == 'n') at = get_list(at, p->number, NUMBERS, &p->count);
        else at = lace_get_number(at, 2, *w == 'c' ? count : last);
    }
    return at && !*lace_skip_space(at);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    struct countdown *p = problem;
    int read = 0, last = -1, count = -1;
    for (int i = 0; i < WORDINGS && !read; i++) {
        *p = (struct countdown){0};
        last = count = -1;
        read = read_wording(wordings[i], text, p, &last, &count);
    }
    if (!read)
        return lace_fail(err, LACE_BAD,
                         "The prompt is not a countdown problem; one reads `Start at 7. Reach 25 in turn, each by one "
                         "number (+ - * /) and another (+ -) out of 3, 4, 6, 12, none twice. How is 25 reached?`.");
    if (last >= 0 && last != p->target[p->targets - 1])
        return lace_fail(err, LACE_BAD, "%d is asked for, but the last target is %d.", last, p->target[p->targets - 1]);
    if (count >= 0 && count != p->count)
        return lace_fail(err, LACE_BAD, "The prompt speaks of %d numbers and gives %d.", count, p->count);
    if (p->start < 1) return lace_fail(err, LACE_BAD, "The start is 0; it must be at least 1.");
    for (int i = 0; i < p->count; i++)
        if (p->number[i] < 1) return lace_fail(err, LACE_BAD, "0 is no number to use; leave it out.");
    if (!fill_index(p)) return lace_fail(err, LACE_BAD, "A number is there twice; all must differ.");
    for (int k = 0; k < p->targets; k++) {
        if (p->target[k] < 1 || seen_before(p, k, p->target[k]))
            return lace_fail(err, LACE_BAD, "The target %d is reached before or is 0; all must differ.", p->target[k]);
        if (!solve_stage(p, k, left_for(p, k)))
            return lace_fail(err, LACE_BAD, "The target %d is reached by %s of the numbers that are left.",
                             p->target[k], p->used[k] ? "different pairs" : "no two");
    }
    fill_places(p);
    return 0;
}

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
    const struct countdown *p = problem;
    int last = p->targets - 1, from = from_of(p, last), first = p->number[p->first[last]];
    put_way(answer, from, p->op[last], first, p->target[last], apply(from, p->op[last], first));
}

static const char *get_operation(const char *at, int *op)
{
    for (*op = 0; at && *op < OPERATIONS; ++*op) {
        char text[2] = {operations[*op], 0};
        const char *end = lace_get_text(at, text);
        if (end) return end;
    }
    return NULL;
}

static bool accepts(const void *problem, const char *answer)
{
    const struct countdown *p = problem;
    int from, first, second, op, sign, last = p->targets - 1;
    const char *at = lace_get_number(get_operation(lace_get_number(answer, 2, &from), &op), 2, &first);
    at = lace_get_number(get_operation(at, &sign), 2, &second);
    if (!at || *lace_skip_space(at) || sign > 1 || from != from_of(p, last)) return false;
    int i = index_of(p, first), v = apply(from, op, first), left = left_for(p, last);
    return i >= 0 && left >> i & 1 && v && fits(p, left, second, first) &&
           (sign ? v - second : v + second) == p->target[last];
}

/* ---- moves: a number and an operation, at a stage ---- */

static int moves(const void *problem)
{
    const struct countdown *p = problem;
    return p->targets * p->count * OPERATIONS;
}

static int ranks(const void *problem) { return ((const struct countdown *)problem)->count * OPERATIONS; }

/* small: the smallest number first, with every operation; large; operation: every sum, then every difference, ... */
static int rank(const void *problem, int strategy, int move)
{
    const struct countdown *p = problem;
    int op = move % OPERATIONS, i = move / OPERATIONS % p->count;
    return strategy == 3 ? op * p->count + p->place[0][i] : p->place[strategy - 1][i] * OPERATIONS + op;
}

/* The move that found a stage, the first if there are several; -1: it is open. */
static int find_of(const struct countdown *p, lace_work_known known, int stage)
{
    int each = p->count * OPERATIONS, best = -1;
    for (int m = stage * each; m < (stage + 1) * each; m++) {
        if (!known[m] || !known[m]->value) continue;
        if (best < 0 || known[m]->round < known[best]->round ||
            (known[m]->round == known[best]->round && known[m]->thread < known[best]->thread))
            best = m;
    }
    return best;
}

/* What is left after a find: by its own words, so that a false one leaves what it says. */
static int left_after(const struct countdown *p, const struct lace_work_line *line)
{
    return line->part[LEFT] & ~(1 << index_of(p, line->part[NUMBER])) & ~(1 << index_of(p, line->part[SECOND]));
}

static int useful(const void *problem, int strategy, lace_work_known known, short *list)
{
    const struct countdown *p = problem;
    int stage = 0, count = 0, left = left_for(p, 0);
    for (int m; stage < p->targets && (m = find_of(p, known, stage)) >= 0; stage++) left = left_after(p, known[m]);
    if (stage == p->targets) return 0;
    int from = from_of(p, stage);
    for (int i = 0; i < p->count; i++)
        for (int op = 0; op < OPERATIONS && left >> i & 1; op++) {
            int move = (stage * p->count + i) * OPERATIONS + op;
            if (!known[move] && apply(from, op, p->number[i])) list[count++] = (short)move;
        }
    return count;
}

/* Whoever reads a line takes it for a find where its second number is among those left. */
static void conclude(const struct countdown *p, struct lace_work_line *line)
{
    const int *part = line->part;
    line->find = part[LEFT] >= 0 && fits(p, part[LEFT], part[SECOND], part[NUMBER]);
    line->value = line->find ? 1 + part[SECOND] : 0;
    line->dead = !line->find;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line)
{
    const struct countdown *p = problem;
    int stage = move / OPERATIONS / p->count, op = move % OPERATIONS, number = p->number[move / OPERATIONS % p->count];
    int before = stage ? find_of(p, known, stage - 1) : -1, from = from_of(p, stage), target = p->target[stage];
    int v = apply(from, op, number);
    line->uses[0] = (short)before;
    line->part[LEFT] = before < 0 ? left_for(p, 0) : left_after(p, known[before]);
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
    const struct countdown *p = problem;
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
            if (v < 1 || v > MOST) continue;
            part[VALUE] = v;
            part[SECOND] = second;
            line->find = true;
        } else {
            int slip = 1 + (int)lace_rng_below(rng, 9), v = part[VALUE] + (lace_rng_below(rng, 2) ? slip : -slip);
            if (!first) v = part[VALUE];
            int second = first ? abs(part[TO] - v) : part[SECOND] + (lace_rng_below(rng, 2) ? slip : -slip);
            if (v < 1 || v > MOST || second < 0 || second > MOST || fits(p, part[LEFT], second, part[NUMBER])) continue;
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
    const struct countdown *p = problem;
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
    const struct countdown *p = problem;
    int find = find_of(p, known, p->targets - 1);
    for (int k = 0; k < p->targets; k++)
        if (find_of(p, known, k) < 0) return false;
    const int *part = known[find]->part;
    put_way(text, part[FROM], part[OP], part[NUMBER], part[TO], part[VALUE]);
    return true;
}

static bool read(const void *problem, const char *text, struct lace_work_line *line)
{
    const struct countdown *p = problem;
    const char *at = text;
    int *part = line->part, number, sign;
    for (const char *end; (end = lace_get_number(at, 2, &number)); at = end) {
        int i = index_of(p, number);
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
    int i = index_of(p, part[NUMBER]);
    for (int k = 0; k < p->targets && i >= 0; k++) {
        if (from_of(p, k) != part[FROM] || p->target[k] != part[TO]) continue;
        line->move = (short)((k * p->count + i) * OPERATIONS + part[OP]);
        if (k) line->uses[0] = (short)(((k - 1) * p->count + p->first[k - 1]) * OPERATIONS + p->op[k - 1]);
    }
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    const struct countdown *p = problem;
    const int *part = line->part;
    int stage = line->move / OPERATIONS / p->count, i = index_of(p, part[NUMBER]), left = left_for(p, stage);
    out->believed = line->find;
    if (part[LEFT] < 0 || !(part[LEFT] >> i & 1) ||
        __builtin_popcount((unsigned)part[LEFT]) != __builtin_popcount((unsigned)left))
        out->result = LOOKUP;
    else if (part[VALUE] != apply(part[FROM], part[OP], part[NUMBER])) out->result = WRONG_FIRST;
    else if ((part[SIGN] ? part[VALUE] - part[SECOND] : part[VALUE] + part[SECOND]) != part[TO])
        out->result = WRONG_SECOND;
    else out->result = line->yes == line->find ? RIGHT : WRONG_VERDICT;
    out->misled = part[LEFT] >= 0 && part[LEFT] != left;
}

/* A find says which numbers are left; whoever goes on from a target names them. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct countdown *p = problem;
    int stage = lie->move / OPERATIONS / p->count, own = line->move / OPERATIONS / p->count, left = line->part[LEFT];
    bool again = line->move == lie->move;
    if (own == stage && !lie->find) return lace_stance_of(again && !line->find, again && line->find);
    if (own == stage && line->find) {
        bool same = left_after(p, line) == left_after(p, lie);
        return lace_stance_of(same && again, !same); /* another way with the same two leaves the same */
    }
    if (own == stage) return lace_stance_of(false, again);
    if (own < stage || left < 0) return LACE_STANCE_NONE;
    bool by_lie = lie->find && !(left & ~left_after(p, lie)), by_truth = !(left & ~left_for(p, stage + 1));
    return lace_stance_of(by_lie && !by_truth, by_truth && !by_lie);
}

/* ---- the family ---- */

/* One thread may have to try everything: four operations with each number that is left. Of several, each tries its
 * share, and moving on costs some rounds: the least numbers of rounds in which sharing threads solve 97 % by
 * `lace data ceiling`, or one more. */
static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    static const int tries[TARGETS] = {8, 20, 26, 36, 52, 54}, moving[TARGETS] = {2, 1, 3, 3, 4, 5};
    int d = knobs->difficulty.high, all = 0;
    for (int k = 0; k < d; k++) all += OPERATIONS * (count_of(d) - 2 * k);
    return threads == 1 ? all : (tries[d - 1] + threads - 1) / threads + moving[d - 1] + (threads == 3);
}

static const struct lace_work work = {
    .bytes = sizeof(struct countdown),
    .ranked = STRATEGIES,
    .draw = draw,
    .numbers = numbers,
    .prompt = prompt,
    .parse = parse,
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
    .hardest = TARGETS,
    .trained_low = 1,
    .trained_high = 4,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    LACE_WORK_FAMILY,
    .budget = budget,
};
