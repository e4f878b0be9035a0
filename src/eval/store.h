/* Studies in one SQLite file: each evaluation adds a run, one row per problem and arm, so that anyone can ask what no
 * table prints. The tables are described in docs/evaluation.md; the view `result` joins them. */
#ifndef LACE_STORE_H
#define LACE_STORE_H
#include "eval/study.h"

/* Makes the file with its tables where it is not there; an error where it cannot be written or is another's. */
int lace_store_prepare(const char *path, struct lace_error *err);
/* Adds the study as a run, whole or not at all. */
int lace_store_write(const char *path, const struct lace_study *study, const struct lace_eval_options *options,
                     struct lace_error *err);
/* Reads a run (0: the last); the caller releases the study. about, which may be NULL, gets what else the run says of
 * itself. */
struct lace_store_about {
    long run;
    char time[32], version[32];
};
int lace_store_read(const char *path, long run, struct lace_study *study, struct lace_store_about *about,
                    struct lace_error *err);
#endif
