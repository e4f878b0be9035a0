#include "decode/sampler.h"
#include <math.h>
#include <stdlib.h>

int lace_sampling_check(const struct lace_sampling *s, struct lace_error *err)
{
    if (!(s->temperature >= 0 && s->temperature <= 100))
        return lace_fail(err, LACE_BAD, "The temperature must be between 0 and 100, not %g.", s->temperature);
    if (s->top_k < 0) return lace_fail(err, LACE_BAD, "top_k must be 0 (all) or more, not %d.", s->top_k);
    if (!(s->top_p > 0 && s->top_p <= 1))
        return lace_fail(err, LACE_BAD, "top_p must be above 0 and at most 1, not %g.", s->top_p);
    if (!(s->min_p >= 0 && s->min_p < 1))
        return lace_fail(err, LACE_BAD, "min_p must be from 0 to below 1, not %g.", s->min_p);
    if (!(s->repetition_penalty > 0 && s->repetition_penalty <= 100))
        return lace_fail(err, LACE_BAD, "repetition_penalty must be above 0 and at most 100, not %g.",
                         s->repetition_penalty);
    return 0;
}

double lace_log_sum_exp(const float *logits, int V)
{
    float most = logits[0];
    for (int i = 1; i < V; i++)
        if (logits[i] > most) most = logits[i];
    double sum = 0;
    for (int i = 0; i < V; i++) sum += exp((double)logits[i] - most);
    return most + log(sum);
}

/* Most probable first; equal logits by id, so that the order is the same everywhere. */
static int by_logit(const void *a, const void *b)
{
    const struct lace_candidate *x = a, *y = b;
    return x->logit < y->logit ? 1 : x->logit > y->logit ? -1 : x->id - y->id;
}

static void penalise(struct lace_candidate *c, int V, const int *history, int count, double penalty)
{
    for (int i = 0; i < count; i++) {
        int id = history[i];
        bool first = id >= 0 && id < V;
        for (int j = 0; j < i && first; j++) first = history[j] != id;
        if (first) c[id].logit = (float)(c[id].logit > 0 ? c[id].logit / penalty : c[id].logit * penalty);
    }
}

/* The first of the largest, eight lanes at a time; 0 where the first logit is NaN. */
static int largest(const float *logits, int V)
{
    enum { LANES = 8 };
    float most[LANES];
    int i = 0;
    for (int j = 0; j < LANES; j++) most[j] = logits[0];
    for (; i + LANES <= V; i += LANES)
        for (int j = 0; j < LANES; j++) most[j] = logits[i + j] > most[j] ? logits[i + j] : most[j];
    for (; i < V; i++) most[0] = logits[i] > most[0] ? logits[i] : most[0];
    for (int j = 1; j < LANES; j++) most[0] = most[j] > most[0] ? most[j] : most[0];
    for (i = 0; i < V; i++)
        if (logits[i] == most[0]) return i;
    return 0;
}

int lace_sample(const float *logits, int V, const struct lace_sampling *s, const int *history, int count,
                struct lace_rng *rng, struct lace_candidate *c)
{
    bool penalty = s->repetition_penalty != 1 && count;
    int chosen = 0;
    if (s->temperature == 0 && !penalty) return largest(logits, V);
    for (int i = 0; i < V; i++) c[i] = (struct lace_candidate){logits[i], i};
    if (penalty) penalise(c, V, history, count, s->repetition_penalty);
    bool sort = s->temperature == 0 || (s->top_k && s->top_k < V) || s->top_p < 1 || s->min_p > 0;
    if (sort) qsort(c, (size_t)V, sizeof *c, by_logit);
    int kept = V;
    if (s->temperature == 0) kept = 1;
    else {
        if (s->top_k && s->top_k < kept) kept = s->top_k;
        float most = c[0].logit;
        for (int i = 1; i < kept && !sort; i++)
            if (c[i].logit > most) most = c[i].logit;
        double sum = 0, part = 0;
        for (int i = 0; i < kept; i++) sum += exp((c[i].logit - most) / s->temperature);
        if (s->top_p < 1) { /* the smallest set that holds at least top_p */
            int n = 0;
            while (n < kept && part < s->top_p * sum) part += exp((c[n++].logit - most) / s->temperature);
            kept = n;
            sum = part;
        }
        if (s->min_p > 0) {
            double floor = log(s->min_p);
            part = 0;
            int n = 0;
            while (n < kept && (c[n].logit - most) / s->temperature >= floor)
                part += exp((c[n++].logit - most) / s->temperature);
            kept = n;
            sum = part;
        }
        double draw = lace_rng_uniform(rng) * sum;
        for (chosen = 0; chosen < kept - 1; chosen++) {
            draw -= exp((c[chosen].logit - most) / s->temperature);
            if (draw < 0) break;
        }
    }
    return c[chosen].id;
}
