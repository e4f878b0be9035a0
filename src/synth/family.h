/* A family makes problems that can be checked exactly, and writes them solved by several threads.
 * Invariant: make() is a pure function of (knobs, index), and a problem's side of the split follows from its numbers
 * alone. To add a family: files that define `const struct lace_family lace_family_NAME`, one row of the table in
 * family.c, and one row of the table in tests/family_test.h.
 *
 * A line of a thread is one round: it names what it works on, copies its operands out of the prompt or out of earlier
 * lines, does one small operation, and ends with the consequence. It can be checked by the prompt alone. Whoever reads
 * a line goes by its numbers, so check_step tells apart what a line says (claims) and what follows from it (believed).
 */
#ifndef LACE_FAMILY_H
#define LACE_FAMILY_H
#include "io/record.h"

/* What a family says of a line. Other results than these are indices of the family's own table of errors. */
/* What the knobs of any family may be; a family's own limits may be narrower. */
enum { LACE_DATA_THREADS = 64, LACE_DATA_ROUNDS = 4096, LACE_DATA_AMBIGUITY = 2 };

enum { LACE_STEP_NONE = -1, LACE_STEP_RIGHT = 0 }; /* NONE: not a step, or the prompt cannot be read */

struct lace_step_check {
    int result;    /* LACE_STEP_RIGHT, LACE_STEP_NONE, or i: errors[i] names what is wrong */
    uint64_t key;  /* what was attempted: two lines of one problem with the same key are the same trial */
    bool claims;   /* says that it found something which others may build on */
    bool believed; /* a reader who goes by what was computed, whatever the last word says, takes it for a find */
    bool misled;   /* right or wrong in itself, it builds on something false that must have been written before */
};

/* How a line, or a statement of an answer, stands to a false line that was written before it. */
enum lace_stance { LACE_STANCE_NONE, LACE_STANCE_BELIEVES, LACE_STANCE_REJECTS };
static inline enum lace_stance lace_stance_of(bool believes, bool rejects)
{
    return believes ? LACE_STANCE_BELIEVES : rejects ? LACE_STANCE_REJECTS : LACE_STANCE_NONE;
}

struct lace_work;

/* How the threads of a given problem are to be written. */
struct lace_family_plan {
    enum lace_policy policy;
    int strategy; /* by number; 0: the policy's own */
    int threads;
    const double *weights; /* of falsehoods (lace_data_knobs); NULL: nobody errs */
    /* Wrong lines of this problem as somebody wrote them, e.g. the model's own: under the shared policy with weights they
     * take the place of made-up falsehoods wherever a thread comes to the same attempt. */
    const char *const *slips;
    int slip_count;
};

struct lace_family {
    const char *name, *summary;
    int easiest, hardest;          /* difficulty */
    int trained_low, trained_high; /* the difficulties of the training set */
    bool evaluation_only;          /* never trained on: training refuses it */
    bool uses_options, uses_moduli;
    const char *const
        *strategies;           /* three names or more, NULL at the end; the knob 1 is the first, 0 the policy's own */
    const char *const *errors; /* errors[0] is "right"; NULL at the end; what check_step and fault can find */
    const struct lace_work *work; /* what the functions of work.h build on */
    /* What is wrong with an answer that is refused, an index of errors; NULL: the family does not tell. */
    int (*fault)(const struct lace_family *family, const char *prompt, const char *answer);
    /* The rounds that threads who share take for a problem of these knobs. */
    int (*budget)(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads);
};

extern const struct lace_family lace_family_search, lace_family_chain, lace_family_countdown, lace_family_knights,
    lace_family_path, lace_family_product, lace_family_program, lace_family_toll,
    lace_family_fare, lace_family_bill, lace_family_tab, lace_family_loan, lace_family_levy;

int lace_family_count(void);
const struct lace_family *lace_family_at(int i);
const struct lace_family *lace_family_find(const char *name, struct lace_error *err); /* NULL and err: no such */
/* What an answer is worth, by the problem's family or, where the task is none, by the record's own answer. 1: right; 0:
 * wrong; -1: wrong, and of a kind that cannot be right whatever the problem (a word where numbers are asked for): such an
 * answer is no candidate of any pick. */
int lace_family_grade(const struct lace_record *problem, const char *answer);
/* The name of a result of check_step: "right", "not a step", or the family's own. */
const char *lace_family_result(const struct lace_family *family, int result);
/* The name of the strategy of a knob: "default" for 0. */
const char *lace_family_strategy(const struct lace_family *family, int strategy);
/* How many threads of a record end with a false line: fewer than half of them, 0 where the knobs say so. */
int lace_family_astray(const struct lace_data_knobs *knobs, int threads, struct lace_rng *rng);

int lace_family_check_knobs(const struct lace_family *family, const struct lace_data_knobs *knobs,
                            struct lace_error *err);
/* Checks the knobs, then makes record `index`. On success the caller releases out; on failure it is empty. */
int lace_family_make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     struct lace_record *out, struct lace_error *err);

/* Replaces the threads of a record, and what its meta says of them, by those of the plan for its prompt; on failure the
 * record is as it was. LACE_BAD: the prompt cannot be read. */
int lace_family_write(const struct lace_family *family, struct lace_record *record, const struct lace_family_plan *plan,
                      struct lace_rng *rng, struct lace_error *err);
/* 1: right; 0: wrong; negative: the prompt cannot be read. */
int lace_family_check(const struct lace_family *family, const char *prompt, const char *answer, struct lace_error *err);
/* Appends the answer. */
int lace_family_solve(const struct lace_family *family, const char *prompt, struct lace_text *answer,
                      struct lace_error *err);
/* Judges one line by the prompt alone: every line stands for itself. */
void lace_family_check_step(const struct lace_family *family, const char *prompt, const char *step,
                            struct lace_step_check *out);
/* Appends a step, right in form and wrong in fact, where the thread's text so far ends. FORGE: it claims a find; MISS: its
 * numbers are wrong and it claims none, or only the value that every line of the family has. */
int lace_family_forge(const struct lace_family *family, const char *prompt, const char *so_far,
                      enum lace_falsehood kind, struct lace_rng *rng, struct lace_text *out, struct lace_error *err);
/* Believes: the line says the same false thing, or takes its operands from it. Rejects: it comes to something else about
 * the same, or takes its operands from what contradicts the false line. */
enum lace_stance lace_family_stance(const struct lace_family *family, const char *prompt, const char *lie,
                                    const char *line);
/* Where in the order of the first strategy the line's attempt stands: the part, from 0, of so many of equal size; -1: not
 * a step. */
int lace_family_place(const struct lace_family *family, const char *prompt, const char *line, int parts);
/* The side of the split on which the prompt's problem lies, whatever its wording. */
int lace_family_side(const struct lace_family *family, const char *prompt, enum lace_split *side,
                     struct lace_error *err);
/* Runs a policy on problem `index` without writing it down: the round in which the first thread answers rightly, 0 where
 * none does within the budget. */
int lace_family_race(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     enum lace_policy policy, int threads, int budget, int *round, struct lace_error *err);

/* Replaces the record's threads by drafts: each by itself, by a strategy that none before it used while there are such. */
int lace_family_drafts(const struct lace_family *family, struct lace_record *record, int threads, struct lace_rng *rng,
                       struct lace_error *err);

/* The generator of record `index`: its stream is the index. */
void lace_family_rng(struct lace_rng *rng, const struct lace_data_knobs *knobs, uint64_t index);
int lace_family_draw(struct lace_rng *rng, struct lace_interval range);
/* The side of the problem with these canonical numbers. */
enum lace_split lace_family_side_of(const uint8_t *numbers, size_t count);
#endif
