/* The family `countdown`: reach targets in turn from given numbers, none of which is used twice.
 *   Start at 7. Reach 25, 40 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, 5, 6, 9, 12, none
 *   twice. How is 40 reached?
 * A line tries one number and operation from a state, the numbers that are left and the value reached; the second
 * number follows from the target, and is there or is not:
 *   3 5 9 12: 25+5=30+10=40, no.
 * All ways to a target use the same two numbers, so a find leaves one state, and the answer is the last way: 25+6+9.
 * Values lie within 1 to 60 and quotients are whole.
 * countdown.c makes, writes and reads problems; countdown_work.c says which lines lead to the answer. */
#ifndef LACE_COUNTDOWN_H
#define LACE_COUNTDOWN_H
#include "synth/work.h"

enum {
    COUNTDOWN_TARGETS = 6,
    COUNTDOWN_NUMBERS = 12,
    COUNTDOWN_MOST = 60,
    COUNTDOWN_OPERATIONS = 4,
    COUNTDOWN_STRATEGIES = 3
};

struct lace_countdown {
    int targets, count, start;
    int target[COUNTDOWN_TARGETS], number[COUNTDOWN_NUMBERS]; /* the numbers in the order of the prompt */
    /* what follows */
    int used[COUNTDOWN_TARGETS]; /* the two numbers that reach each target, as a set of indices */
    int first[COUNTDOWN_TARGETS], op[COUNTDOWN_TARGETS];    /* and the first way, by index and operation */
    signed char index[COUNTDOWN_MOST + 1];                  /* of a number, -1: it is not there */
    int place[COUNTDOWN_STRATEGIES - 1][COUNTDOWN_NUMBERS]; /* of a number among the others: ascending, descending */
};

/* What a stage begins at. */
static inline int lace_countdown_from(const struct lace_countdown *p, int stage)
{
    return stage ? p->target[stage - 1] : p->start;
}

/* a op b, the operations counted as + - * and / are written; 0 where it is not allowed. */
int lace_countdown_apply(int a, int op, int b);
/* Of a number; -1: the problem has it not. */
int lace_countdown_index(const struct lace_countdown *p, int number);
/* The number is among those left, and is another one than the first. */
bool lace_countdown_fits(const struct lace_countdown *p, int left, int second, int first);
/* The numbers that are left for a stage, where each was left as it should be. */
int lace_countdown_left(const struct lace_countdown *p, int stage);
/* How many numbers a problem has. */
int lace_countdown_count(int targets);

/* As in struct lace_work: */
int lace_countdown_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                        struct lace_error *err);
int lace_countdown_numbers(const void *problem, uint8_t *numbers);
void lace_countdown_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out);
int lace_countdown_parse(void *problem, const char *prompt, struct lace_error *err);
#endif
