/* A family makes problems that can be checked exactly, and writes them solved by several threads.
 * Invariant: make() is a pure function of (knobs, index), and a problem's side of the split follows
 * from its numbers alone. To add a family: one file that defines `const struct lace_family
 * lace_family_NAME`, and one row of the table in family.c. */
#ifndef LACE_FAMILY_H
#define LACE_FAMILY_H
#include "io/record.h"

enum lace_step_result {
    LACE_STEP_RIGHT,
    LACE_STEP_LOOKUP,  /* a number that is not the prompt's, or an option out of range */
    LACE_STEP_PRODUCT, /* the product is wrong */
    LACE_STEP_SUM,     /* the product is right, the sum is wrong */
    LACE_STEP_VERDICT, /* the numbers are right, yes or no is wrong */
    LACE_STEP_NONE,    /* not a step, or the prompt cannot be read */
};
extern const char *const lace_step_result_names[];

struct lace_step_check {
    int stage, option; /* stage from 0 */
    bool claims;       /* says yes */
    bool believed;     /* the written value meets the target: what readers act on, whatever the verdict */
    int given;         /* the value that was carried over from the previous stage, */
    bool on_path;      /* and whether it is the true one: a right step may follow from another's lie */
};

struct lace_family {
    const char *name, *summary;
    int easiest, hardest;          /* difficulty */
    int trained_low, trained_high; /* the difficulties of the training set */
    /* On success the caller releases out; on failure it is empty. */
    int (*make)(const struct lace_data_knobs *knobs, uint64_t index, struct lace_record *out, struct lace_error *err);
    /* 1: right; 0: wrong; negative: the prompt cannot be read. */
    int (*check)(const char *prompt, const char *answer, struct lace_error *err);
    /* Appends the answer. */
    int (*solve)(const char *prompt, struct lace_text *answer, struct lace_error *err);
    enum lace_step_result (*check_step)(const char *prompt, const char *step, struct lace_step_check *out);
    /* Appends a step that claims a find, right in form and wrong in fact, where the thread's text so far ends. */
    int (*forge)(const char *prompt, const char *so_far, struct lace_rng *rng, struct lace_text *out,
                 struct lace_error *err);
    /* The side of the split on which the prompt's problem lies, whatever its wording. */
    int (*side)(const char *prompt, enum lace_split *side, struct lace_error *err);
    /* Runs a policy on problem `index` without writing it down: the round in which the first thread answers
     * rightly, 0 where none does within the budget. */
    int (*race)(const struct lace_data_knobs *knobs, uint64_t index, enum lace_policy policy, int threads, int budget,
                int *round, struct lace_error *err);
    /* The budget that make() takes for threads that share. */
    int (*budget)(const struct lace_data_knobs *knobs, int threads);
};

extern const struct lace_family lace_family_search;

int lace_family_count(void);
const struct lace_family *lace_family_at(int i);
const struct lace_family *lace_family_find(const char *name, struct lace_error *err); /* NULL and err: no such */

int lace_family_check_knobs(const struct lace_family *family, const struct lace_data_knobs *knobs,
                            struct lace_error *err);
/* Checks the knobs, then makes record `index`. */
int lace_family_make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     struct lace_record *out, struct lace_error *err);

/* The generator of record `index`: its stream is the index. */
void lace_family_rng(struct lace_rng *rng, const struct lace_data_knobs *knobs, uint64_t index);
int lace_family_draw(struct lace_rng *rng, struct lace_interval range);
/* The side of the problem with these canonical numbers. */
enum lace_split lace_family_side(const uint8_t *numbers, size_t count);
#endif
