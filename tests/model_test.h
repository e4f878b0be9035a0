/* What the tests of the model share: a group of threads written down by hand, and one training-style pass over
 * whole groups (rows of all threads first, then the prompts; a row's slot is its number). */
#ifndef MODEL_TEST_H
#define MODEL_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "model/forward.h"

enum { MAX_TOKENS = 96, MAX_THREADS = 8, MAX_GROUPS = 4, MAX_ROWS = MAX_GROUPS * MAX_TOKENS * 2 };

struct story_thread {
    int count, index; /* index: what stands in the batch as the thread's number */
    int token[MAX_TOKENS], time[MAX_TOKENS], step[MAX_TOKENS];
};
struct story { /* a prompt and its threads */
    int prompt_count, prompt[MAX_TOKENS];
    int threads, see; /* as in struct lace_group */
    struct story_thread thread[MAX_THREADS];
};

/* The type of keys and values of the passes, and of the decoders (decoder_test.h), that are opened from now on. */
static enum lace_dtype kv_type = LACE_F32;

struct pass {
    const struct lace_model *model;
    struct lace_cache cache;
    struct lace_state state;
    struct lace_batch batch;
    struct lace_group group[MAX_GROUPS];
    struct lace_span span[MAX_GROUPS][MAX_THREADS];
    struct lace_error err;
};

#define assert_works(call, err)                                                                                        \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s", (err).text);                                                                    \
    } while (0)

static inline void put_row(struct lace_batch *b, int token, int position, int time, int thread, int step)
{
    int r = b->rows++;
    b->token[r] = token;
    b->position[r] = position;
    b->time[r] = time;
    b->thread[r] = thread;
    b->step[r] = step;
    b->slot[r] = r;
}

/* Lays the groups out and runs the forward pass; all rows are out rows. */
static inline void pass_open(struct pass *p, const struct lace_model *m, const struct story *stories, int count)
{
    int rows = 0, ranges = 0;
    *p = (struct pass){.model = m};
    for (int g = 0; g < count; g++) {
        int own = 0;
        for (int n = 0; n < stories[g].threads; n++) own += stories[g].thread[n].count;
        rows += own + stories[g].prompt_count;
        ranges += own * (MAX_THREADS + 1) + stories[g].prompt_count;
    }
    assert_true(count <= MAX_GROUPS && rows <= MAX_ROWS);
    struct lace_state_options o = {rows, rows, rows, rows, omp_get_max_threads(), m->trained};
    assert_works(lace_cache_init(&p->cache, m, rows, kv_type, &p->err), p->err);
    assert_works(lace_batch_init(&p->batch, rows, count, ranges, &p->err), p->err);
    assert_works(lace_state_init(&p->state, m, &o, &p->err), p->err);
    struct lace_batch *b = &p->batch;
    for (int g = 0; g < count; g++) {
        const struct story *s = &stories[g];
        p->group[g] = (struct lace_group){.thread = p->span[g], .threads = s->threads, .see = s->see};
        for (int n = 0; n < s->threads; n++) {
            const struct story_thread *t = &s->thread[n];
            p->span[g][n] = (struct lace_span){b->rows, t->count, b->rows, 0};
            for (int j = 0; j < t->count; j++)
                put_row(b, t->token[j], s->prompt_count + j, t->time[j], t->index, t->step[j]);
        }
    }
    b->lattice_rows = b->rows;
    for (int g = 0; g < count; g++) {
        p->group[g].prompt = (struct lace_span){b->rows, stories[g].prompt_count, b->rows, 0};
        for (int j = 0; j < stories[g].prompt_count; j++) put_row(b, stories[g].prompt[j], j, j, 0, 0);
    }
    for (int r = 0; r < b->rows; r++) b->out_row[b->outs++] = r;
    lace_batch_store_times(b, &p->cache);
    assert_works(lace_view_build(b, p->group, count, &p->cache, m, &p->err), p->err);
    lace_forward(m, &p->state, &p->cache, b);
    lace_logits(m, &p->state, b, 0, b->outs);
}

static inline void pass_close(struct pass *p)
{
    lace_state_release(&p->state);
    lace_batch_release(&p->batch);
    lace_cache_release(&p->cache);
}

/* Logits (V) after token j of thread n; n = -1: of the prompt. */
static inline const float *pass_logits(const struct pass *p, int g, int n, int j)
{
    const struct lace_span *s = n < 0 ? &p->group[g].prompt : &p->span[g][n];
    assert_in_range(j, 0, s->rows - 1);
    return p->state.logits + (size_t)(s->row + j) * p->model->config.vocab_size;
}

/* The gradient of -sum weight log p(target) into grad, and the log-probabilities; as pass_open laid the rows out. */
static inline void pass_backward(struct pass *p, const int *target, const float *weight, float *logprob, float *grad,
                                 bool frozen)
{
    lace_loss(p->model, &p->state, &p->batch, target, weight, logprob, grad, frozen);
    lace_backward(p->model, &p->state, &p->cache, &p->batch, grad, frozen);
}

/* Values of a size that makes every part of the model matter; alpha as given. */
static inline void scramble(struct lace_model *m, int first, float alpha)
{
    for (int i = first; i < m->count; i++) {
        struct lace_weight *w = &m->weights[i];
        struct lace_rng rng;
        lace_rng_init(&rng, 99, (uint64_t)i);
        bool vector = lace_params[w->param].form == VECTOR;
        for (int j = 0; j < w->rows * w->cols; j++)
            w->value[j] = (float)(lace_rng_normal(&rng) * (vector ? 0.2 : 1 / sqrt(w->cols)));
        for (int j = 0; j < w->cols && vector; j++) w->value[j] += lace_params[w->param].constant;
        for (int j = 0; j < w->cols && w->param == P_LAT_ALPHA; j++) w->value[j] = j % 2 ? -alpha : alpha;
    }
    lace_model_repack(m, false);
}
#endif
