/* The metrics.jsonl of a training run, read back: for every key its values over the steps. A line is an object with a
 * "step"; what else in it is a number is kept, whoever wrote it. */
#ifndef LACE_HISTORY_H
#define LACE_HISTORY_H
#include "base/base.h"

enum { LACE_HISTORY_KEYS = 1024, LACE_HISTORY_NAME = 64 };

struct lace_metric_point {
    double step, value;
};

struct lace_metric {
    char name[LACE_HISTORY_NAME]; /* "loss", "gate/12" */
    struct lace_metric_point *points;
    size_t count, cap;
};

struct lace_history {
    int count;
    struct lace_metric *metrics; /* (count) in the order in which the file names them */
    size_t lines;
};

/* path names it in errors. A last line without its end, of a run that is at work, is left out. Beside what the lines
 * hold, tokens_per_second is made of tokens and seconds, and rollout_tokens_per_second of those of the rollouts. On
 * failure the history is empty; otherwise the caller releases it. */
int lace_history_parse(struct lace_history *history, const char *bytes, size_t len, const char *path,
                       struct lace_error *err);
/* run: the folder of a run, or the file itself. */
int lace_history_read(struct lace_history *history, const char *run, struct lace_error *err);
void lace_history_release(struct lace_history *history); /* a zeroed one is fine */
/* NULL: no line has the key. */
const struct lace_metric *lace_history_find(const struct lace_history *history, const char *name);
#endif
