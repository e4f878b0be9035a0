/* The worker that owns the model: it starts choices in the order of the line as rows and slots become free, runs one
 * step after the other for all of them, hands out what they write, and ends them. */
#ifndef LACE_SCHEDULER_H
#define LACE_SCHEDULER_H
#include "decode/engine.h"
#include "serve/metrics.h"
#include "serve/queue.h"

struct lace_scheduler {
    const struct lace_engine *engine;
    struct lace_queue *queue;
    struct lace_metrics *metrics;
    struct lace_decoder *decoder;
    struct lace_choice **seat; /* (groups): who runs as which group */
    int groups, running;
    double plain_step, row_seconds; /* a step of threads alone, of late; what a row of a prompt adds to one */
    pthread_t worker;
};
int lace_scheduler_open(struct lace_scheduler *scheduler, const struct lace_engine *engine,
                        const struct lace_decoder_options *size, struct lace_queue *queue, struct lace_metrics *metrics,
                        struct lace_error *err);
/* Ends what still runs (the queue must be draining), and the worker. */
void lace_scheduler_close(struct lace_scheduler *scheduler);
#endif
