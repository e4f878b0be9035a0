/* Problems of the family `countdown`: the arithmetic of a stage, drawing, writing and reading. One table of wordings
 * drives both the writer and the reader, so neither can know one more. */
#include "synth/countdown.h"
#include "synth/scan.h"
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 20 };

/* ---- a stage ---- */

int lace_countdown_apply(int a, int op, int b)
{
    int v = op == 0 ? a + b : op == 1 ? a - b : op == 2 ? a * b : b && a % b == 0 ? a / b : 0;
    return v >= 1 && v <= COUNTDOWN_MOST ? v : 0;
}

int lace_countdown_index(const struct lace_countdown *p, int number)
{
    return number >= 0 && number <= COUNTDOWN_MOST ? p->index[number] : -1;
}

bool lace_countdown_fits(const struct lace_countdown *p, int left, int second, int first)
{
    int i = lace_countdown_index(p, second);
    return i >= 0 && left >> i & 1 && second != first;
}

int lace_countdown_left(const struct lace_countdown *p, int stage)
{
    int left = (1 << p->count) - 1;
    for (int k = 0; k < stage; k++) left &= ~p->used[k];
    return left;
}

/* Two more than are needed; with more than twelve few targets can be reached by one pair alone. */
int lace_countdown_count(int targets)
{
    return 2 * targets + 2 < COUNTDOWN_NUMBERS ? 2 * targets + 2 : COUNTDOWN_NUMBERS;
}

/* False: a number is there twice, or is none that a problem may have. */
static bool fill_index(struct lace_countdown *p)
{
    memset(p->index, -1, sizeof p->index);
    for (int i = 0; i < p->count; i++) {
        if (p->number[i] > COUNTDOWN_MOST || p->index[p->number[i]] >= 0) return false;
        p->index[p->number[i]] = (signed char)i;
    }
    return true;
}

/* Finds the ways to a target; false: none, or ways that use different numbers. */
static bool solve_stage(struct lace_countdown *p, int stage, int left)
{
    int from = lace_countdown_from(p, stage), target = p->target[stage];
    p->used[stage] = 0;
    for (int i = 0; i < p->count; i++)
        for (int op = 0; op < COUNTDOWN_OPERATIONS && left >> i & 1; op++) {
            int v = lace_countdown_apply(from, op, p->number[i]), second = abs(target - v);
            if (!v || !lace_countdown_fits(p, left, second, p->number[i])) continue;
            int used = 1 << i | 1 << lace_countdown_index(p, second);
            if (p->used[stage] && p->used[stage] != used) return false;
            if (!p->used[stage]) p->first[stage] = i, p->op[stage] = op;
            p->used[stage] = used;
        }
    return p->used[stage] != 0;
}

static void fill_places(struct lace_countdown *p)
{
    for (int i = 0; i < p->count; i++) {
        int smaller = 0;
        for (int k = 0; k < p->count; k++) smaller += p->number[k] < p->number[i];
        p->place[0][i] = smaller;
        p->place[1][i] = p->count - 1 - smaller;
    }
}

/* ---- drawing ---- */

static bool seen_before(const struct lace_countdown *p, int stage, int target)
{
    for (int k = 0; k < stage; k++)
        if (p->target[k] == target) return true;
    return target == p->start;
}

static bool draw_stage(struct lace_countdown *p, int stage, struct lace_rng *rng)
{
    int left = lace_countdown_left(p, stage), from = lace_countdown_from(p, stage);
    for (int tries = 0; tries < 40; tries++) {
        int i = (int)lace_rng_below(rng, (uint32_t)p->count), k = (int)lace_rng_below(rng, (uint32_t)p->count);
        if (i == k || !(left >> i & 1) || !(left >> k & 1)) continue;
        int v = lace_countdown_apply(from, (int)lace_rng_below(rng, COUNTDOWN_OPERATIONS), p->number[i]);
        int t = v ? lace_countdown_apply(v, (int)lace_rng_below(rng, 2), p->number[k]) : 0;
        if (!t || seen_before(p, stage, t)) continue;
        p->target[stage] = t;
        if (solve_stage(p, stage, left)) return true;
    }
    return false;
}

int lace_countdown_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                        struct lace_error *err)
{
    struct lace_countdown *p = problem;
    for (int tries = 0; tries < 10000; tries++) {
        *p = (struct lace_countdown){.targets = knobs->difficulty.low,
                                     .count = lace_countdown_count(knobs->difficulty.low)};
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

int lace_countdown_numbers(const void *problem, uint8_t *out)
{
    const struct lace_countdown *p = problem;
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

void lace_countdown_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    const struct lace_countdown *p = problem;
    int wording = 0, list[COUNTDOWN_NUMBERS];
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

static bool read_wording(const char *w, const char *at, struct lace_countdown *p, int *last, int *count)
{
    for (; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (!w[1] && !*lace_skip_space(at)) return true; /* a missing last stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 's') at = lace_get_number(at, 2, &p->start);
        else if (*w == 't') at = get_list(at, p->target, COUNTDOWN_TARGETS, &p->targets);
        else if (*w == 'n') at = get_list(at, p->number, COUNTDOWN_NUMBERS, &p->count);
        else at = lace_get_number(at, 2, *w == 'c' ? count : last);
    }
    return at && !*lace_skip_space(at);
}

int lace_countdown_parse(void *problem, const char *text, struct lace_error *err)
{
    struct lace_countdown *p = problem;
    int read = 0, last = -1, count = -1;
    for (int i = 0; i < WORDINGS && !read; i++) {
        *p = (struct lace_countdown){0};
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
        if (!solve_stage(p, k, lace_countdown_left(p, k)))
            return lace_fail(err, LACE_BAD, "The target %d is reached by %s of the numbers that are left.",
                             p->target[k], p->used[k] ? "different pairs" : "no two");
    }
    fill_places(p);
    return 0;
}
