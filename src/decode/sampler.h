/* The next token from logits: penalty, temperature, top-k, top-p, min-p in this order, as Transformers applies them. */
#ifndef LACE_SAMPLER_H
#define LACE_SAMPLER_H
#include "base/base.h"

struct lace_candidate {
    float logit;
    int id;
};

int lace_sampling_check(const struct lace_sampling *sampling, struct lace_error *err);
/* A token from logits (V); history (count): what the thread wrote, for the penalty. work: (V) room. */
int lace_sample(const float *logits, int V, const struct lace_sampling *sampling, const int *history, int count,
                struct lace_rng *rng, struct lace_candidate *work);
/* log sum exp of logits (V). */
double lace_log_sum_exp(const float *logits, int V);
#endif
