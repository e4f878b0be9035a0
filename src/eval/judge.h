/* What the threads of a group wrote -> what became of its problem. No model is needed here: what another program
 * sampled can be judged as well (lace eval --dump writes all that goes in). */
#ifndef LACE_JUDGE_H
#define LACE_JUDGE_H
#include "decode/pick.h"
#include "synth/family.h"

enum { LACE_ERRORS = 32 }; /* kinds of wrong steps of a family that are told apart */

struct lace_said {    /* by one thread */
    const char *text; /* what it wrote; nothing that was pasted */
    size_t len;
    const int *ids; /* (count) the tokens of it */
    int count;
    bool verdict;           /* it ended with one */
    double p_best, logprob; /* as in struct lace_ballot */
    int tokens, fed;        /* that it wrote; that were pasted into its context */
    int steps;              /* of the clock until it ended */
};

struct lace_outcome {              /* of one problem under one arm; all but the counts at the end are per problem */
    double right[LACE_EVAL_PICKS]; /* 1 or 0 */
    double any;                    /* 1: a thread is right */
    double thread_right, format;   /* shares of the threads */
    double diversity;              /* mean over pairs of threads: edit distance of their tokens, as a share */
    double tokens, fed;            /* of all threads: written; pasted in */
    double steps;                  /* of the clock until the group ended */
    double memory;                 /* bytes of keys and values at the end */
    double trials, duplicates;     /* steps; those that any thread had made before */
    double wrong, repaired;        /* false steps; those that a later right step corrects */
    double error_types;            /* different kinds of false steps, and of faults of answers */
    double injected;               /* 1: a thread was made to write something false; then shares of the others that */
    double believed, rejected;     /* believe and reject it: inject.h */
    double errors[LACE_ERRORS];    /* how often each, by the family's index */
    /* Of each thread a character, terminated: the part of the family's order in which its first step is (0 to 7), and
     * the first letter of its verdict; '-': none. Empty: nobody has looked. */
    char start[LACE_FEW_ROWS + 1], verdicts[LACE_FEW_ROWS + 1];
};
/* The members up to errors by name, in this order: columns of files and tables. */
struct lace_outcome_field {
    const char *name;
    size_t offset;
};
extern const struct lace_outcome_field lace_outcome_fields[];
extern const int lace_outcome_field_count;

/* seed decides between answers with equally many votes. */
int lace_judge(const struct lace_record *problem, const struct lace_said *said, int threads, uint64_t seed,
               struct lace_outcome *out, struct lace_error *err);
#endif
