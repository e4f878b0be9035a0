#include "train/trainer.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

void lace_trainer_defaults(struct lace_trainer_options *o)
{
    *o = (struct lace_trainer_options){.steps = 1000,
                                       .shards = 4,
                                       .shard_rows = 2048,
                                       .lr = 1e-3,
                                       .lattice_lr = 3,
                                       .warmup = 0.05,
                                       .floor = 0.1,
                                       .beta1 = 0.9,
                                       .beta2 = 0.95,
                                       .eps = 1e-8,
                                       .weight_decay = 0.1,
                                       .clip = 1,
                                       .seed = 1};
}

void lace_trainer_release(struct lace_trainer *t)
{
    for (int i = 0; t->shards && i < t->shard_count; i++) lace_shard_release(&t->shards[i]);
    for (int i = 0; t->workers && i < t->options.workers; i++) {
        lace_cache_release(&t->workers[i].cache);
        lace_state_release(&t->workers[i].state);
        lace_free(t->workers[i].grad);
        lace_free(t->workers[i].logprob);
    }
    free(t->shards);
    free(t->workers);
    lace_free(t->m);
    lace_free(t->v);
    lace_free(t->scratch);
    *t = (struct lace_trainer){0};
}

/* Muon is for matrices between layers: rows of the embedding and of the head are learned each for itself. */
static bool learns_by_muon(const struct lace_trainer *t, const struct lace_weight *w)
{
    return t->options.muon && lace_params[w->param].form == MATRIX && w->param != P_HEAD;
}

static int take_scratch(struct lace_trainer *t, struct lace_error *err)
{
    for (int i = 0; i < t->model->count; i++) {
        const struct lace_weight *w = &t->model->weights[i];
        size_t need = learns_by_muon(t, w) ? lace_muon_scratch(w->rows, w->cols) : 0;
        if (need > t->scratch_floats) t->scratch_floats = need;
    }
    if (!t->scratch_floats) return 0;
    t->scratch = lace_alloc_array(t->scratch_floats * (size_t)omp_get_max_threads(), sizeof(float));
    return t->scratch ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for the optimiser.");
}

int lace_trainer_init(struct lace_trainer *t, struct lace_model *model, const struct lace_format *format,
                      const struct lace_sources *sources, const struct lace_trainer_options *options,
                      struct lace_error *err)
{
    *t = (struct lace_trainer){.options = *options, .model = model, .format = format, .sources = sources};
    struct lace_trainer_options *o = &t->options;
    int code = 0;
    t->ranks = o->ranks ? *o->ranks : (struct lace_ranks){.count = 1};
    if (o->shards < t->ranks.count)
        return lace_fail(err, LACE_BAD, "%d shards cannot be spread over %d ranks; raise shards.", o->shards,
                         t->ranks.count);
    t->shard_count = (o->shards - t->ranks.rank + t->ranks.count - 1) / t->ranks.count;
    if (!o->workers) o->workers = omp_get_max_threads();
    if (o->workers > t->shard_count) o->workers = t->shard_count;
    if (!model->master) return lace_fail(err, LACE_BAD, "The model was not opened for training.");
    if (o->freeze && model->lattice.kind == LACE_KIND_NONE)
        return lace_fail(err, LACE_BAD, "The backbone is frozen and there is no lattice: nothing is left to train.");
    if ((code = lace_trainer_check_memory(t, err))) return code;
    t->shards = calloc((size_t)t->shard_count, sizeof *t->shards);
    t->workers = calloc((size_t)o->workers, sizeof *t->workers);
    t->m = lace_alloc_array(model->values, sizeof(float));
    t->v = lace_alloc_array(model->values, sizeof(float));
    if (!t->shards || !t->workers || !t->m || !t->v)
        code = lace_fail(err, LACE_MEMORY, "Out of memory for the optimiser's moments.");
    if (!code) code = take_scratch(t, err);
    for (int i = 0; i < t->shard_count && !code; i++) code = lace_shard_init(&t->shards[i], o->shard_rows, err);
    struct lace_state_options s = {o->shard_rows, 512, o->shard_rows, o->shard_rows, 1, true};
    for (int i = 0; i < o->workers && !code; i++) {
        struct lace_worker *w = &t->workers[i];
        code = lace_cache_init(&w->cache, model, o->shard_rows, LACE_F32, err);
        if (!code) code = lace_state_init(&w->state, model, &s, err);
        w->grad = code ? NULL : lace_alloc_array(model->values, sizeof(float));
        w->logprob = code ? NULL : lace_alloc_array((size_t)o->shard_rows + 64, sizeof(float));
        if (!code && (!w->grad || !w->logprob)) code = lace_fail(err, LACE_MEMORY, "Out of memory for the gradients.");
    }
    if (code) lace_trainer_release(t);
    return code;
}

/* ---- a step ---- */

double lace_trainer_stream(const struct lace_trainer *t, long step, int index, struct lace_rng *rng)
{
    uint64_t number = (uint64_t)index * (uint64_t)t->ranks.count + (uint64_t)t->ranks.rank;
    lace_rng_init(rng, t->options.seed, (uint64_t)step * (uint64_t)t->options.shards + number);
    return t->options.steps > 1 ? (double)step / (t->options.steps - 1) : 0;
}

static int fill_shard(struct lace_trainer *t, int index, struct lace_error *err)
{
    struct lace_shard *s = &t->shards[index];
    struct lace_rng rng;
    double progress = lace_trainer_stream(t, t->step, index, &rng);
    lace_shard_clear(s);
    for (int fits = 1; fits > 0;) {
        struct lace_record record;
        const struct lace_source *source;
        int code = lace_sources_draw(t->sources, &rng, progress, &record, &source, err);
        if (code) return code;
        fits = lace_shard_add(s, t->format, &record, source, &rng, lace_config_context(&t->model->config), err);
        lace_record_release(&record);
        if (fits < 0) return fits;
    }
    lace_shard_close(s);
    return 0;
}

static int run_shard(struct lace_trainer *t, struct lace_worker *w, const struct lace_lesson *lesson, int index,
                     struct lace_error *err)
{
    struct lace_shard *s = &lesson->shards[index];
    int code = lace_shard_views(s, &w->cache, t->model, err);
    if (code) return code;
    lace_forward(t->model, &w->state, &w->cache, &s->batch);
    if (lesson->weigh) {
        lace_loss(t->model, &w->state, &s->batch, s->target, NULL, w->logprob, NULL, true);
        lesson->weigh(lesson->user, index, w);
    }
    for (int i = 0; i < s->batch.outs; i++) s->weight[i] = (float)(s->weight[i] / lesson->tokens);
    lace_loss(t->model, &w->state, &s->batch, s->target, s->weight, w->logprob, w->grad, t->options.freeze);
    for (int i = 0; i < s->batch.outs; i++) w->loss -= (double)s->weight[i] * w->logprob[i];
    lace_backward(t->model, &w->state, &w->cache, &s->batch, w->grad, t->options.freeze);
    return 0;
}

/* Multiplications and additions of a batch's products (6 per weight and row that it meets) and attention (forward
 * 4 per visible key and query dimension, backward 10: scores again, dp, dq, dk, dv). */
static double count_flops(const struct lace_model *m, const struct lace_shard *s, bool freeze)
{
    const struct lace_batch *b = &s->batch;
    const struct lace_config *c = &m->config;
    double flops = 0, keys = 0, window_keys = 0, lattice_keys = 0;
    double passes = freeze ? 4 : 6; /* frozen: no weight gradients of the backbone */
    for (int i = 0; i < m->count; i++) {
        const struct lace_weight *w = &m->weights[i];
        if (lace_params[w->param].form == VECTOR || (w->param == P_EMBED && !c->tie_word_embeddings)) continue;
        int rows = w->param == P_EMBED || w->param == P_HEAD ? b->outs
                   : lace_weight_is_lattice(w)               ? b->lattice_rows
                                                             : b->rows;
        flops += (lace_weight_is_lattice(w) ? 6 : passes) * rows * w->rows * (double)w->cols;
    }
    const struct lace_view *views[] = {&b->causal.view, &b->sliding.view, &b->lattice.view};
    double *sums[] = {&keys, &window_keys, &lattice_keys}, layer_keys = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < views[k]->blocks; i++)
            for (int j = 0; j < views[k]->block[i].rows * views[k]->block[i].segs; j++) {
                struct lace_range r = views[k]->range[views[k]->block[i].first + j];
                if (r.hi > r.lo) *sums[k] += r.hi - r.lo;
            }
    for (int layer = 0; layer < c->num_hidden_layers; layer++) layer_keys += c->sliding[layer] ? window_keys : keys;
    flops += 14 * layer_keys * c->num_attention_heads * c->head_dim;
    if (m->lattice.kind != LACE_KIND_NONE) flops += 14 * lattice_keys * m->lattice.width * m->lattice.layer_count;
    return flops;
}

static double learning_rate(const struct lace_trainer_options *o, long step)
{
    double at = (double)(step + 1) / o->steps;
    if (at < o->warmup) return o->lr * at / o->warmup;
    double along = o->warmup < 1 ? (at - o->warmup) / (1 - o->warmup) : 1;
    return o->lr * (o->floor + (1 - o->floor) * 0.5 * (1 + cos(M_PI * along)));
}

/* Sums the gradients of the workers, then of the ranks, into the first worker's. */
static int reduce(struct lace_trainer *t, struct lace_error *err)
{
    struct lace_model *m = t->model;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < m->count; i++) {
        size_t count = (size_t)m->weights[i].rows * m->weights[i].cols, at = m->weights[i].offset;
        for (int k = 1; k < t->options.workers; k++)
            m->ops->add(t->workers[0].grad + at, t->workers[k].grad + at, count);
    }
    if (t->ranks.count == 1 || !t->ranks.sum_floats(t->workers[0].grad, m->values)) return 0;
    return lace_fail(err, LACE_SYSTEM, "Rank %d lost the other processes.", t->ranks.rank);
}

static double norm(const struct lace_trainer *t)
{
    const struct lace_model *m = t->model;
    double *squares = calloc((size_t)m->count, sizeof *squares), sum = 0;
    if (!squares) return NAN;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < m->count; i++)
        squares[i] = m->ops->sum_squares(t->workers[0].grad + m->weights[i].offset,
                                         (size_t)m->weights[i].rows * m->weights[i].cols);
    for (int i = 0; i < m->count; i++) sum += squares[i];
    free(squares);
    return sqrt(sum);
}

static void update(struct lace_trainer *t, double lr, double scale)
{
    const struct lace_trainer_options *o = &t->options;
    struct lace_model *m = t->model;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < m->count; i++) {
        const struct lace_weight *w = &m->weights[i];
        bool lattice = lace_weight_is_lattice(w), decays = lace_params[w->param].form != VECTOR;
        if (o->freeze && !lattice) continue;
        float rate = (float)(lattice ? lr * o->lattice_lr : lr), decay = decays ? (float)o->weight_decay : 0;
        if (learns_by_muon(t, w))
            m->ops->muon(w->value, t->m + w->offset, t->workers[0].grad + w->offset, w->rows, w->cols, rate,
                         (float)o->beta1, decay, (float)scale,
                         t->scratch + t->scratch_floats * (size_t)omp_get_thread_num());
        else
            m->ops->adamw(w->value, t->m + w->offset, t->v + w->offset, t->workers[0].grad + w->offset,
                          (size_t)w->rows * w->cols, rate, (float)o->beta1, (float)o->beta2, (float)o->eps, decay,
                          (float)scale, t->step + 1);
    }
    lace_model_repack(m, o->freeze);
}

int lace_trainer_pass(struct lace_trainer *t, const struct lace_lesson *lesson, struct lace_error *err)
{
    int code = 0, workers = t->options.workers;
    struct lace_error first = {{0}};
    /* each worker takes the same shards at every run, one after another: the sums have one order */
#pragma omp parallel for schedule(static, 1) num_threads(workers)
    for (int k = 0; k < workers; k++) {
        struct lace_worker *w = &t->workers[k];
        struct lace_error own;
        memset(w->grad, 0, sizeof(float) * t->model->values);
        w->loss = 0;
        for (int i = k; i < lesson->count; i += workers) {
            int failed = run_shard(t, w, lesson, i, &own);
            if (failed)
#pragma omp critical
                code = failed, first = own;
        }
    }
    code = lace_ranks_agree(&t->ranks, code, &first);
    return code ? lace_fail(err, code, "%s", first.text) : 0;
}

/* No numbers, or a model that is far worse than one that has learned nothing: guessing costs ln V a token, and a model
 * at four times that puts its trust in what is wrong. Rewards have no such bound. */
static bool bursts(const struct lace_trainer *t, const struct lace_lesson *lesson,
                   const struct lace_step_report *report)
{
    return !isfinite(report->loss) || !isfinite(report->grad_norm) ||
           (!lesson->weigh && report->loss > 4 * log(t->model->config.vocab_size));
}

int lace_trainer_learn(struct lace_trainer *t, const struct lace_lesson *lesson, struct lace_step_report *report,
                       struct lace_error *err)
{
    const struct lace_trainer_options *o = &t->options;
    int code = 0;
    *report = (struct lace_step_report){.lr = learning_rate(o, t->step)};
    if (!(lesson->tokens > 0))
        return lace_fail(err, LACE_BAD, "No token of this step is to be learned; the data source marks them all.");
    if ((code = lace_trainer_pass(t, lesson, err))) return code;
    double sums[3] = {0};
    for (int k = 0; k < o->workers; k++) sums[0] += t->workers[k].loss;
    for (int i = 0; i < lesson->count; i++) {
        sums[1] += lesson->shards[i].batch.rows;
        sums[2] += count_flops(t->model, &lesson->shards[i], o->freeze);
    }
    if ((code = reduce(t, err)) || (code = lace_ranks_sum(&t->ranks, sums, 3, err))) return code;
    report->loss = sums[0];
    report->tokens = (long)sums[1];
    report->flops = sums[2];
    report->learned = (long)lesson->tokens;
    report->grad_norm = norm(t);
    if ((report->burst = bursts(t, lesson, report)))
        return lace_fail(err, LACE_BAD,
                         "Step %ld: the loss is %g and the gradient's norm %g; training stopped. Lower lr or clip.",
                         t->step + 1, report->loss, report->grad_norm);
    update(t, report->lr, o->clip > 0 && report->grad_norm > o->clip ? o->clip / report->grad_norm : 1);
    t->step++;
    t->tokens += report->tokens;
    return 0;
}

int lace_trainer_step(struct lace_trainer *t, struct lace_step_report *report, struct lace_error *err)
{
    const struct lace_trainer_options *o = &t->options;
    struct lace_lesson lesson = {t->shards, t->shard_count};
    struct lace_error first = {{0}};
    int code = 0;
#pragma omp parallel for schedule(static, 1) num_threads(o->workers)
    for (int i = 0; i < t->shard_count; i++) {
        struct lace_error own;
        int failed = fill_shard(t, i, &own);
        if (failed)
#pragma omp critical
            code = failed, first = own;
    }
    code = lace_ranks_agree(&t->ranks, code, &first);
    for (int i = 0; i < t->shard_count; i++) lesson.tokens += t->shards[i].weights;
    if (!code) code = lace_ranks_sum(&t->ranks, &lesson.tokens, 1, &first);
    if (code) return lace_fail(err, code, "%s", first.text);
    return lace_trainer_learn(t, &lesson, report, err);
}
