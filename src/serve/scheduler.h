/* The worker that owns the model: it starts choices in the order of the line as rows and slots become free, runs one
 * step after the other for all of them, hands out what they write, and ends them. */
#ifndef LACE_SCHEDULER_H
#define LACE_SCHEDULER_H
#include "decode/engine.h"
#include "serve/metrics.h"
#include "serve/queue.h"

/* A figure that is watched: told once when it passes its threshold, and again after it has been below. */
struct lace_warning {
    double threshold; /* 0: not watched */
    bool told;
};
enum { LACE_WARN_GROUP_THINK, LACE_WARN_DISAGREEMENT, LACE_WARNINGS };
#define LACE_WARN_AFTER 8 /* groups: one alike group is no news */

struct lace_scheduler {
    const struct lace_engine *engine;
    struct lace_queue *queue;
    struct lace_metrics *metrics;
    struct lace_decoder *decoder;
    struct lace_choice **seat; /* (groups): who runs as which group */
    int groups, running;
    double plain_step, row_seconds; /* a step of threads alone, of late; what a row of a prompt adds to one */
    uint32_t *likeness;             /* scratch */
    struct lace_warning warning[LACE_WARNINGS];
    void (*warn)(void *user, const char *line); /* may be NULL */
    void *user;
    char news[300]; /* to be told when the lock is free; "": none */
    pthread_t worker;
};
struct lace_scheduler_options {
    struct lace_decoder_options size;
    double warn_above[LACE_WARNINGS]; /* 0: not watched */
    void (*warn)(void *user, const char *line);
    void *user;
};
int lace_scheduler_open(struct lace_scheduler *scheduler, const struct lace_engine *engine,
                        const struct lace_scheduler_options *options, struct lace_queue *queue,
                        struct lace_metrics *metrics, struct lace_error *err);
/* Ends what still runs (the queue must be draining), and the worker. */
void lace_scheduler_close(struct lace_scheduler *scheduler);
#endif
