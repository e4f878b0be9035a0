/* The log-probability of every token of a text, given those before it: one forward pass over all of it, as a prompt is
 * read, then logits for some rows at a time, because those of all rows would be the most of the memory. */
#include "decode/engine.h"
#include "decode/sampler.h"
#include "model/forward.h"
#include <omp.h>

static void best_tokens(const float *logits, int V, double lse, struct lace_score_token *best, int top)
{
    int kept = 0;
    for (int i = 0; i < V; i++) {
        if (kept == top && logits[i] <= best[top - 1].logprob) continue;
        int at = kept < top ? kept++ : top - 1;
        for (; at > 0 && best[at - 1].logprob < logits[i]; at--) best[at] = best[at - 1];
        best[at] = (struct lace_score_token){i, logits[i]};
    }
    for (int i = 0; i < kept; i++) best[i].logprob = (float)(best[i].logprob - lse);
}

struct pass {
    const struct lace_model *model;
    struct lace_cache cache;
    struct lace_batch batch;
    struct lace_state state;
    int outs; /* rows whose logits are computed at a time */
};

static void release(struct pass *p)
{
    lace_state_release(&p->state);
    lace_batch_release(&p->batch);
    lace_cache_release(&p->cache);
}

static int read_all(struct pass *p, const int *ids, int count, struct lace_error *err)
{
    struct lace_batch *b = &p->batch;
    p->outs = count < 256 ? count : 256;
    struct lace_state_options size = {count, p->outs, count, count, omp_get_max_threads(), false};
    int code = lace_cache_init(&p->cache, p->model, count, LACE_F32, err);
    if (!code) code = lace_batch_init(b, count, 1, count, err);
    if (!code) code = lace_state_init(&p->state, p->model, &size, err);
    if (code) return code;
    for (int r = 0; r < count; r++) {
        b->token[r] = ids[r];
        b->position[r] = b->time[r] = b->slot[r] = b->out_row[r] = r;
    }
    b->rows = b->outs = count;
    lace_batch_store_times(b, &p->cache);
    struct lace_group g = {.prompt = {0, count, 0, 0}, .see = -1};
    code = lace_view_build(b, &g, 1, &p->cache, p->model, err);
    if (!code) lace_forward(p->model, &p->state, &p->cache, b);
    return code;
}

static void score_rows(struct pass *p, const int *ids, int count, float *logprobs, struct lace_score_token *best,
                       int top)
{
    int V = p->model->config.vocab_size;
    logprobs[0] = 0;
    for (int i = 0; i < top; i++) best[i] = (struct lace_score_token){-1, 0};
    for (int first = 0; first < count; first += p->outs) {
        int rows = count - first < p->outs ? count - first : p->outs;
        lace_logits(p->model, &p->state, &p->batch, first, rows);
        for (int i = 0; i < rows && first + i + 1 < count; i++) {
            const float *logits = p->state.logits + (size_t)i * (size_t)V;
            double lse = lace_log_sum_exp(logits, V);
            size_t next = (size_t)(first + i + 1);
            logprobs[next] = (float)(logits[ids[next]] - lse);
            if (top) best_tokens(logits, V, lse, best + next * (size_t)top, top);
        }
    }
}

int lace_score(const struct lace_engine *e, const int *ids, size_t count, float *logprobs,
               struct lace_score_token *best, int top, struct lace_error *err)
{
    if (lace_engine_can_run(e, err)) return LACE_BAD;
    const struct lace_config *c = &e->model->config;
    if (!count) return lace_fail(err, LACE_BAD, "There is nothing to score: the text is empty.");
    if (count > (size_t)lace_config_context(c))
        return lace_fail(err, LACE_BAD, "The text has %zu tokens; the model's context holds %d.", count,
                         lace_config_context(c));
    for (size_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= c->vocab_size)
            return lace_fail(err, LACE_BAD, "Token %d is not in the vocabulary of %d.", ids[i], c->vocab_size);
    if (top < 0 || top > c->vocab_size) return lace_fail(err, LACE_BAD, "top must be from 0 to %d.", c->vocab_size);
    struct pass pass = {.model = e->model};
    int code = read_all(&pass, ids, (int)count, err);
    if (!code) score_rows(&pass, ids, (int)count, logprobs, best, top);
    release(&pass);
    return code;
}
