/* What /metrics tells: counters and histograms in Prometheus' text form. The scheduler's are written by its worker
 * alone, those of requests by any HTTP worker; both under one lock, held for some additions at a time. */
#ifndef LACE_METRICS_H
#define LACE_METRICS_H
#include "decode/decoder.h"
#include <pthread.h>

enum { LACE_BUCKETS = 16, LACE_ROUTES = 12, LACE_STATUSES = 16 };

struct lace_histogram {
    uint64_t count[LACE_BUCKETS + 1]; /* the last: above all bounds */
    double sum;
};

/* A figure of groups: its sum and count, and of late: a mean in which a group counts a sixteenth, and those before it
 * less and less. */
struct lace_course {
    double sum, late;
    uint64_t count;
};

struct lace_metrics {
    pthread_mutex_t lock;
    uint64_t requests[LACE_ROUTES][LACE_STATUSES]; /* by the tables of routes.c and metrics.c */
    uint64_t cancelled, refused_full;
    uint64_t prompt_tokens, cached_tokens, completion_tokens, choices, steps;
    uint64_t verdicts[4]; /* of threads, by enum lace_verdict */
    struct lace_histogram request_seconds, first_token_seconds, step_seconds;
    struct lace_course group_think, disagreement; /* of groups (likeness.h) */
    struct lace_course cross_mass;                /* of traced ones */
    struct lace_decoder_use use;                  /* after the last step */
    int groups, waiting, connections;
};
int lace_metrics_init(struct lace_metrics *metrics, struct lace_error *err);
void lace_metrics_release(struct lace_metrics *metrics);

void lace_metrics_observe(struct lace_histogram *histogram, double seconds);
void lace_metrics_follow(struct lace_course *course, double value);
void lace_metrics_request(struct lace_metrics *metrics, int route, int status, double seconds);
/* routes: (LACE_ROUTES) names, NULL: unused. */
void lace_metrics_write(struct lace_metrics *metrics, const char *const *routes, const char *model,
                        struct lace_text *out);
#endif
