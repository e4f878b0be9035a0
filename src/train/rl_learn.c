/* What rollouts are worth, and what each of their tokens adds to the gradient; rl.h has the formulas. */
#include "train/rl_parts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- shards ---- */

static int grow_shards(struct lace_rl *r, struct lace_error *err)
{
    int rows = r->trainer->options.shard_rows, cap = r->shard_cap + 1;
    struct lace_shard *shards = realloc(r->shards, sizeof *shards * (size_t)cap);
    if (shards) r->shards = shards;
    struct place **places = realloc(r->places, sizeof *places * (size_t)cap);
    if (places) r->places = places;
    float **reference = realloc(r->reference_logprob, sizeof *reference * (size_t)cap);
    if (reference) r->reference_logprob = reference;
    float **old = realloc(r->old_logprob, sizeof *old * (size_t)cap);
    if (old) r->old_logprob = old;
    if (!shards || !places || !reference || !old) return lace_fail(err, LACE_MEMORY, "Out of memory for a shard.");
    int i = r->shard_cap, code = lace_shard_init(&r->shards[i], rows, err);
    if (code) return code;
    r->places[i] = calloc((size_t)rows / 16 + 2, sizeof **places); /* a shard's own limit of groups, and the end */
    r->reference_logprob[i] = calloc((size_t)rows, sizeof(float));
    r->old_logprob[i] = calloc((size_t)rows, sizeof(float));
    r->shard_cap++;
    if (r->places[i] && r->reference_logprob[i] && r->old_logprob[i]) return 0;
    return lace_fail(err, LACE_MEMORY, "Out of memory for a shard.");
}

/* Longest first: what does not fit shows before anything is computed. Equal ones keep their order. */
static void sort_by_length(struct lace_rl *r, int total)
{
    for (int i = 0; i < total; i++) {
        int j = i;
        for (; j > 0 && r->rollouts[r->order[j - 1]].script.count < r->rollouts[i].script.count; j--)
            r->order[j] = r->order[j - 1];
        r->order[j] = i;
    }
}

int lace_rl_fill_shards(struct lace_rl *r, struct lace_error *err)
{
    struct lace_trainer *t = r->trainer;
    int total = r->problem_count * r->options.rollouts, context = lace_config_context(&t->model->config);
    sort_by_length(r, total);
    r->shard_count = 0;
    for (int i = 0; i < total; i++) {
        struct rollout *o = &r->rollouts[r->order[i]];
        int fits = 0, code;
        while (!fits) {
            struct lace_shard *s = r->shard_count ? &r->shards[r->shard_count - 1] : NULL;
            if (s) {
                struct place place = {r->order[i], s->batch.outs};
                if ((fits = lace_shard_lay(s, t->format, &o->script, false, context, err)) < 0) return fits;
                if (fits) r->places[r->shard_count - 1][s->group_count - 1] = place;
            }
            if (fits) break;
            if (r->shard_count == r->shard_cap && (code = grow_shards(r, err))) return code;
            lace_shard_clear(&r->shards[r->shard_count++]);
        }
    }
    for (int i = 0; i < r->shard_count; i++) {
        r->places[i][r->shards[i].group_count].first_out = r->shards[i].batch.outs;
        lace_shard_close(&r->shards[i]);
        r->shards[i].batch.temperature = (float)r->options.temperature;
    }
    return 0;
}

/* Mean pairwise cosine distance of the threads' mean hidden states, in last (rows, D). */
static double diversity(const struct lace_group *g, const float *last, int D, double *pool)
{
    int pairs = 0;
    double sum = 0;
    for (int n = 0; n < g->threads; n++) {
        double *mean = pool + (size_t)n * (size_t)D, square = 0;
        memset(mean, 0, sizeof *mean * (size_t)D);
        for (int i = 0; i < g->thread[n].rows; i++)
            for (int j = 0; j < D; j++) mean[j] += last[(size_t)(g->thread[n].row + i) * (size_t)D + (size_t)j];
        for (int j = 0; j < D; j++) square += mean[j] * mean[j];
        for (int j = 0; j < D; j++) mean[j] /= square > 0 ? sqrt(square) : 1;
        for (int m = 0; m < n; m++, pairs++) {
            double dot = 0;
            for (int j = 0; j < D; j++) dot += mean[j] * pool[(size_t)m * (size_t)D + (size_t)j];
            sum += 1 - dot;
        }
    }
    return pairs ? sum / pairs : 0;
}

int lace_rl_refer(struct lace_rl *r, struct lace_error *err)
{
    struct lace_trainer *t = r->trainer;
    const struct lace_model *m = r->reference;
    int code = 0, D = m->config.hidden_size;
    struct lace_error first = {{0}};
#pragma omp parallel for schedule(static, 1) num_threads(t->options.workers)
    for (int k = 0; k < t->options.workers; k++) {
        struct lace_worker *w = &t->workers[k];
        struct lace_error own;
        double *pool = malloc(sizeof *pool * (size_t)LACE_RECORD_THREADS * (size_t)D);
        int failed = pool ? 0 : lace_fail(&own, LACE_MEMORY, "Out of memory.");
        for (int i = k; i < r->shard_count && !failed; i += t->options.workers) {
            struct lace_shard *s = &r->shards[i];
            if ((failed = lace_shard_views(s, &w->cache, m, &own))) break;
            lace_forward(m, &w->state, &w->cache, &s->batch);
            for (int g = 0; g < s->group_count; g++)
                r->rollouts[r->places[i][g].rollout].diversity = diversity(&s->groups[g], w->state.last, D, pool);
            lace_loss(m, &w->state, &s->batch, s->target, NULL, r->reference_logprob[i], NULL, true);
        }
        free(pool);
        if (failed)
#pragma omp critical
            code = failed, first = own;
    }
    return code ? lace_fail(err, code, "%s", first.text) : 0;
}

/* ---- rewards ---- */

void lace_rl_reward(struct lace_rl *r, struct lace_rl_report *report)
{
    int R = r->options.rollouts, P = r->options.problems, total = P * R; /* of all ranks */
    for (int p = 0; p < r->problem_count; p++) {
        struct rollout *o = r->rollouts + (size_t)p * (size_t)R;
        double mean = 0, square = 0;
        for (int i = 0; i < R; i++) {
            o[i].reward = o[i].right + r->options.format * o[i].format +
                          (o[i].coverage > 0 ? r->options.diversity * o[i].diversity : 0);
            mean += o[i].reward / R;
        }
        for (int i = 0; i < R; i++) square += (o[i].reward - mean) * (o[i].reward - mean) / R;
        double deviation = sqrt(square);
        report->reward_std += deviation / P;
        report->frac_reward_zero_std += (deviation < 1e-9) / (double)P; /* rounding of equal sums */
        for (int i = 0; i < R; i++) {
            o[i].advantage = deviation < 1e-9 ? 0 : (o[i].reward - mean) / (deviation + r->options.level);
            report->reward += o[i].reward / total;
            report->pick_accuracy += (double)o[i].right / total;
            report->coverage += o[i].coverage / total;
            report->format += o[i].format / total;
            report->diversity += o[i].diversity / total;
            report->agreement += o[i].agreement / total;
            report->mean_length += (double)o[i].chosen / r->problems[p].record.thread_count / total;
            report->rollout_tokens += o[i].chosen;
        }
    }
}

struct lace_rl_token lace_rl_token(const struct lace_rl_options *o, double A, double lp, double lp_old, double lp_ref)
{
    double ratio = exp(lp - lp_old), d = lp_ref - lp, kl = exp(d) - d - 1,
           near = fmin(fmax(ratio, 1 - o->clip), 1 + o->clip);
    bool clipped = near * A < ratio * A; /* the lesser of the two counts, and it does not depend on lp */
    return (struct lace_rl_token){.loss = o->kl * kl - (clipped ? near : ratio) * A,
                                  .kl = kl,
                                  .weight = (clipped ? 0 : ratio * A) + o->kl * (exp(d) - 1),
                                  .clipped = clipped};
}

void lace_rl_weigh(void *user, int index, struct lace_worker *w)
{
    struct lace_rl *r = user;
    struct lace_shard *s = &r->shards[index];
    struct tally *tally = &r->tallies[w - r->trainer->workers];
    const struct lace_model *m = r->trainer->model;
    float *old = r->old_logprob[index];
    if (r->epoch == 0) /* before the first update the model is the one that chose; NAN: it was forced */
        for (int i = 0; i < s->batch.outs; i++) old[i] = s->weight[i] > 0 ? w->logprob[i] : NAN;
    for (int g = 0; g < s->group_count; g++) {
        double A = r->rollouts[r->places[index][g].rollout].advantage;
        for (int i = r->places[index][g].first_out; i < r->places[index][g + 1].first_out; i++) {
            s->weight[i] = 0;
            if (isnan(old[i])) continue;
            struct lace_rl_token token =
                lace_rl_token(&r->options, A, w->logprob[i], old[i], r->reference_logprob[index][i]);
            s->weight[i] = (float)token.weight;
            tally->loss += token.loss;
            tally->kl += token.kl;
            tally->entropy -= w->logprob[i]; /* of the choices themselves: an unbiased estimate */
            tally->clipped += token.clipped;
        }
    }
    for (int i = 0; i < m->lattice.layer_count; i++) {
        const float *gate = w->state.layers[m->lattice.layers[i]].lg;
        size_t count = (size_t)s->batch.lattice_rows * (size_t)m->lattice.heads;
        for (size_t j = 0; j < count; j++) tally->gate[i] += gate[j] / (double)m->lattice.heads;
    }
    tally->rows += s->batch.lattice_rows;
}
