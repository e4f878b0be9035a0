/* The problems of an evaluation: made or read, sorted into cells, and checked against what was trained on. */
#ifndef LACE_PROBLEMS_H
#define LACE_PROBLEMS_H
#include "eval/study.h"

struct lace_problems {
    struct lace_record *records; /* (count), cell by cell */
    int **rounds;                /* (threads, count) budget of each record with that many threads; 0: its own */
    int *cell;                   /* (count) */
    int count, thread_count;
    struct lace_cell *cells;
    int cell_count;
};

/* The problems that the options ask for. */
int lace_problems_open(struct lace_problems *problems, const struct lace_eval_options *options, struct lace_error *err);
/* Problems to choose temperatures on, like those of the evaluation's cells of one family, and never one of them:
 * `cells` of `like` from..to - 1. */
int lace_problems_development(struct lace_problems *problems, const struct lace_problems *like, int from, int to,
                              const struct lace_eval_options *options, struct lace_error *err);
/* Refuses problems on the training side of the split, and problems that a training file holds. */
int lace_problems_check(const struct lace_problems *problems, const struct lace_eval_options *options,
                        struct lace_error *err);
void lace_problems_release(struct lace_problems *problems);
#endif
