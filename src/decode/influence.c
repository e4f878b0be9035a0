/* Causal influence: finished texts go through the model once more, all of them forced, in as many groups as there are
 * conditions: as it was; with one thread unseen by the others; with nobody seen. What a thread wrote stays the same, so
 * the difference of a token's log-probability between two conditions is what seeing that thread was worth. The decoder
 * does the replay, so tags, steps, the clock and the wait at the barrier are those of the run, and the first condition
 * gives the run's own log-probabilities bit for bit. */
#include "decode/decoder.h"
#include "decode/engine.h"
#include "decode/saved.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES ((size_t)512 << 20) /* of the groups that run at once; one always may */

struct condition { /* a group */
    const struct lace_trace *trace;
    float **logprob; /* (N) of each token */
    int *done;       /* (N) */
};

struct replay {
    const struct lace_engine *engine;
    struct lace_trace *trace;
    struct lace_decoder *decoder;
    int conditions, together, most; /* most: tokens of a thread, with its tag */
    float *values;                  /* (conditions, tokens of all threads) */
    size_t tokens;
    struct condition *condition; /* (conditions) */
    float **starts;              /* (conditions, N) */
    int *counts;                 /* the same */
};

static void chosen(void *user, int thread, int id, const float *logits, double lse)
{
    struct condition *c = user;
    if (c->done[thread] < c->trace->threads[thread].count)
        c->logprob[thread][c->done[thread]++] = (float)(logits[id] - lse);
}

static int check(struct replay *r, struct lace_error *err)
{
    const struct lace_trace *t = r->trace;
    int vocabulary = r->engine->model->config.vocab_size, context = lace_config_context(&r->engine->model->config);
    if (t->prompt_count > context)
        return lace_fail(err, LACE_BAD, "The prompt has %d tokens; the model's context holds %d.", t->prompt_count,
                         context);
    for (int n = 0; n < t->thread_count; n++) {
        int tag[LACE_TAG_TOKENS], tagged = lace_format_tag(&r->engine->format, n, t->thread_count, tag);
        if (!tagged) return lace_fail(err, LACE_BAD, "The model has no tag for %d threads.", t->thread_count);
        if (!t->threads[n].count)
            return lace_fail(err, LACE_BAD, "Thread %d of the trace has no tokens; its influence is not known.", n + 1);
        for (int i = 0; i < t->threads[n].count; i++)
            if (t->threads[n].ids[i] < 0 || t->threads[n].ids[i] >= vocabulary)
                return lace_fail(err, LACE_BAD,
                                 "Token %d of the trace is not in the vocabulary of %d: another model wrote it; name "
                                 "that one with --model.",
                                 t->threads[n].ids[i], vocabulary);
        r->tokens += (size_t)t->threads[n].count;
        if (t->threads[n].count > context)
            return lace_fail(err, LACE_BAD, "Thread %d has %d tokens; the model's context holds %d.", n + 1,
                             t->threads[n].count, context);
        if (t->threads[n].count + tagged > r->most) r->most = t->threads[n].count + tagged;
    }
    return 0;
}

static int prepare(struct replay *r, struct lace_error *err)
{
    const struct lace_trace *t = r->trace;
    size_t N = (size_t)t->thread_count, C = (size_t)r->conditions, group = N * (size_t)r->most, total;
    size_t fit = CACHE_BYTES / (lace_cache_slot_bytes(r->engine->model, r->engine->kv) * group + 1);
    r->together = LACE_FEW_ROWS / t->thread_count;
    if ((size_t)r->together > fit) r->together = fit ? (int)fit : 1;
    if (r->together > r->conditions) r->together = r->conditions;
    if (!lace_mul(C, r->tokens, &total)) return lace_fail(err, LACE_BAD, "The trace is too large.");
    r->values = calloc(total + 1, sizeof *r->values);
    r->condition = calloc(C, sizeof *r->condition);
    r->starts = calloc(C * N, sizeof *r->starts);
    r->counts = calloc(C * N, sizeof *r->counts);
    if (!r->values || !r->condition || !r->starts || !r->counts) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (size_t c = 0, at = 0; c < C; c++) {
        r->condition[c] = (struct condition){t, r->starts + c * N, r->counts + c * N};
        for (size_t n = 0; n < N; n++) {
            r->starts[c * N + n] = r->values + at;
            at += (size_t)t->threads[n].count;
        }
    }
    struct lace_decoder_options size = {.groups = r->together,
                                        .threads = t->thread_count,
                                        .prompt = t->prompt_count,
                                        .tokens = r->most,
                                        .kv = r->engine->kv,
                                        /* all groups read one prompt */
                                        .slots = t->prompt_count + r->together * (int)group};
    return lace_decoder_open(&r->decoder, r->engine->model, &r->engine->format, &size, err);
}

/* Condition 0: as it was; 1 + m: thread m unseen; N + 1: nobody seen. */
static int start(struct replay *r, int c, struct lace_error *err)
{
    const struct lace_trace *t = r->trace;
    struct lace_group_options o = {.threads = t->thread_count,
                                   .see = c > t->thread_count ? LACE_SEE_NONE : LACE_SEE_OWN,
                                   .unheard = c <= t->thread_count ? c : 0,
                                   .sampling = {0, 0, 1, 0, 1},
                                   .barrier = t->barrier,
                                   .budget = r->most,
                                   .replay = true,
                                   .chosen = chosen,
                                   .user = &r->condition[c]};
    int group = lace_decoder_join(r->decoder, t->prompt_ids, t->prompt_count, &o, NULL, err);
    for (int n = 0; group >= 0 && n < t->thread_count; n++)
        lace_decoder_force(r->decoder, group, n, t->threads[n].ids, t->threads[n].count);
    return group;
}

static int run(struct replay *r, struct lace_error *err)
{
    for (int first = 0; first < r->conditions; first += r->together) {
        int group[LACE_FEW_ROWS], count = 0, running = 1;
        for (; count < r->together && first + count < r->conditions; count++)
            if ((group[count] = start(r, first + count, err)) < 0) return group[count];
        while (running > 0) running = lace_decoder_step(r->decoder, NULL, err);
        if (running < 0) return running;
        for (int i = 0; i < count; i++) lace_decoder_remove(r->decoder, group[i]);
    }
    return 0;
}

/* Means over the tokens that the model chose itself. */
static double compare(const struct replay *r, int c, int n, int *token, float *change)
{
    const struct lace_trace_thread *t = &r->trace->threads[n];
    const float *with = r->condition[0].logprob[n], *without = r->condition[c].logprob[n];
    double sum = 0;
    int count = 0;
    *token = -1;
    *change = 0;
    for (int i = 0; i < t->count; i++) {
        if (isnan(t->logprob[i])) continue;
        float d = with[i] - without[i];
        sum += d;
        count++;
        if (fabsf(d) > fabsf(*change)) *change = d, *token = i;
    }
    return count ? sum / count : 0;
}

static int measure(struct replay *r, struct lace_error *err)
{
    int N = r->trace->thread_count, unused;
    float change;
    struct lace_influence *f = lace_influence_new(N);
    if (!f) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int n = 0; n < N; n++) {
        f->all[n] = (float)compare(r, N + 1, n, &unused, &change);
        for (int m = 0; m < N; m++) {
            f->token[m * N + n] = -1;
            if (m != n) f->mean[m * N + n] = (float)compare(r, 1 + m, n, &f->token[m * N + n], &f->change[m * N + n]);
        }
    }
    for (int n = 0; n < N; n++)
        for (int i = 0; i < r->trace->threads[n].count; i++)
            if (!isnan(r->trace->threads[n].logprob[i]))
                f->drift = fmax(f->drift,
                                fabs((double)r->condition[0].logprob[n][i] - (double)r->trace->threads[n].logprob[i]));
    lace_influence_free(r->trace->influence);
    r->trace->influence = f;
    return 0;
}

int lace_trace_influence(const struct lace_engine *engine, struct lace_run_result *result, struct lace_error *err)
{
    struct lace_trace *t = result->trace;
    if (!t) return lace_fail(err, LACE_BAD, "The run was not traced; its influence cannot be measured.");
    struct replay r = {.engine = engine, .trace = t, .conditions = t->thread_count + 2};
    int code = lace_engine_can_run(engine, err);
    if (!code) code = check(&r, err);
    if (!code) code = prepare(&r, err);
    if (!code) code = run(&r, err);
    if (!code) code = measure(&r, err);
    lace_decoder_close(&r.decoder);
    free(r.values);
    free(r.condition);
    free(r.starts);
    free(r.counts);
    return code;
}
