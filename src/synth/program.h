/* The family `program`: a short program over lists of numbers, from examples of its first step, its first two, ...
 *   Steps: +1, double, reverse, sort, even, odd, tail, turn. Find the program: 1: 3 1 2 to 2 1 3, 2: 5 2 4 to 8 4 10.
 * The answer is `reverse, double`. A line takes the list of one example one step further: by a step that is known, or by
 * a candidate, whose output passes or fails by a type of bug:
 *   5 2 4 to 8 4 10, step 1 by reverse: 4 2 5.
 *   4 2 5 to 8 4 10, step 2 try turn: 2 5 4, values.
 * program.c has the language and its interpreter, program_text.c problems and lines, program_work.c says which lines lead
 * to the answer. */
#ifndef LACE_PROGRAM_H
#define LACE_PROGRAM_H
#include "synth/family.h"

enum {
    PROGRAM_STEPS = 6,
    PROGRAM_EXAMPLES = 2 * PROGRAM_STEPS,
    PROGRAM_LIST = 4,
    PROGRAM_LINE = 128,
    PROGRAM_DEFAULT_OPTIONS = 8
};

/* ---- the language ---- */

/* Up to four numbers below 100: what is larger loses its hundreds. */
struct lace_list {
    uint8_t count, item[PROGRAM_LIST];
};

enum lace_operation {
    PROGRAM_ADD1,
    PROGRAM_ADD2,
    PROGRAM_ADD3,
    PROGRAM_DOUBLE,
    PROGRAM_REVERSE,
    PROGRAM_SORT,
    PROGRAM_TURN, /* the first becomes the last */
    PROGRAM_EVEN, /* keeps the even ones */
    PROGRAM_ODD,
    PROGRAM_TAIL, /* drops the first */
    PROGRAM_TAKE, /* keeps the first two */
    PROGRAM_SUM,  /* a list of one */
    PROGRAM_OPERATIONS
};
extern const char *const lace_operation_names[PROGRAM_OPERATIONS];

/* How an output fails, the first that fits. */
enum lace_bug {
    PROGRAM_PASSES,
    PROGRAM_LENGTH, /* too many or too few */
    PROGRAM_ORDER,  /* the right numbers */
    PROGRAM_OFFSET, /* all are off by the same */
    PROGRAM_VALUES,
    PROGRAM_BUGS
};
extern const char *const lace_bug_names[PROGRAM_BUGS]; /* "yes", "length", ... */

struct lace_list lace_operation_apply(enum lace_operation operation, struct lace_list list);
bool lace_list_equal(const struct lace_list *a, const struct lace_list *b);
enum lace_bug lace_list_compare(const struct lace_list *out, const struct lace_list *wanted);
/* A list as a number that no other list has, and back. */
int lace_list_pack(const struct lace_list *list);
struct lace_list lace_list_unpack(int packed);

/* ---- problems ---- */

struct lace_program_example {
    int steps; /* how many steps of the program it shows */
    struct lace_list in, out;
};

struct lace_program {
    int steps, options, examples;
    uint8_t option[PROGRAM_OPERATIONS];                    /* enum lace_operation, as the prompt lists them */
    struct lace_program_example example[PROGRAM_EXAMPLES]; /* example k of the first `steps` shows k + 1 steps */
    uint8_t solution[PROGRAM_STEPS];                       /* operations */
};

int lace_program_draw(struct lace_program *p, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                      struct lace_error *err);
void lace_program_prompt(const struct lace_program *p, int ambiguity, struct lace_rng *rng, struct lace_text *out);
int lace_program_parse(struct lace_program *p, const char *prompt, struct lace_error *err);
/* `reverse, double` as operations; -1: not a program. At most PROGRAM_STEPS. */
int lace_program_read(const char *text, uint8_t *operations);
/* Runs a program on all examples. PROGRAM_PASSES, or the bug of the first that fails. */
enum lace_bug lace_program_run(const struct lace_program *p, const uint8_t *operations);

/* ---- lines ---- */

/* `in` of an example, step `step` (from 0) by `operation` gives `out`. */
struct lace_program_line {
    int example; /* -1: of none that the problem has */
    int step, operation;
    bool trial; /* the step that the example shows for the first time */
    struct lace_list in, out;
    enum lace_bug says; /* the last word of a trial */
};

int lace_program_write_line(const struct lace_program *p, const struct lace_program_line *line, char *text);
bool lace_program_read_line(const struct lace_program *p, const char *text, struct lace_program_line *line);
/* 0: right; otherwise what is wrong with the line: */
enum { PROGRAM_WRONG_LOOKUP = 1, PROGRAM_WRONG_OUTPUT, PROGRAM_WRONG_VERDICT, PROGRAM_WRONG_ANSWER };
int lace_program_judge(const struct lace_program *p, const struct lace_program_line *line, bool *misled);
#endif
