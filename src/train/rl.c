#include "train/rl_parts.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

void lace_rl_defaults(struct lace_rl_options *o)
{
    *o = (struct lace_rl_options){.problems = 16,
                                  .rollouts = 8,
                                  .epochs = 1,
                                  .temperature = 1,
                                  .level = 0.1,
                                  .kl = 0.02,
                                  .clip = 0.2,
                                  .format = 0.1,
                                  .diversity = 0.05};
}

void lace_rl_close(struct lace_rl **rl)
{
    struct lace_rl *r = *rl;
    if (!r) return;
    for (int i = 0; r->problems && i < r->problem_count; i++) {
        lace_record_release(&r->problems[i].record);
        free(r->problems[i].prompt);
    }
    for (int i = 0; r->rollouts && i < r->problem_count * r->options.rollouts; i++)
        lace_script_release(&r->rollouts[i].script);
    for (int k = 0; r->decoders && k < r->players; k++) lace_decoder_close(&r->decoders[k]);
    for (int i = 0; i < r->shard_cap; i++) {
        lace_shard_release(&r->shards[i]);
        free(r->places[i]);
        free(r->reference_logprob[i]);
        free(r->old_logprob[i]);
    }
    free(r->problems);
    free(r->rollouts);
    free(r->order);
    free(r->decoders);
    free(r->shards);
    free(r->places);
    free(r->reference_logprob);
    free(r->old_logprob);
    free(r->tallies);
    free(r);
    *rl = NULL;
}

int lace_rl_open(struct lace_rl **rl, struct lace_trainer *trainer, const struct lace_model *reference,
                 const struct lace_rl_options *options, lace_grade_fn *grade, struct lace_error *err)
{
    struct lace_rl *r = calloc(1, sizeof *r);
    *rl = r;
    if (!r) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    const struct lace_ranks *ranks = &trainer->ranks;
    if (options->problems < ranks->count) {
        free(r);
        *rl = NULL;
        return lace_fail(err, LACE_BAD, "%d problems a step cannot be spread over %d ranks; raise rl.problems.",
                         options->problems, ranks->count);
    }
    int count = (options->problems - ranks->rank + ranks->count - 1) / ranks->count;
    size_t groups = (size_t)count * (size_t)options->rollouts, workers = (size_t)trainer->options.workers;
    size_t players = (size_t)(options->workers ? options->workers : omp_get_max_threads());
    if (players > groups) players = groups;
    *r = (struct lace_rl){.options = *options,
                          .trainer = trainer,
                          .reference = reference,
                          .grade = grade,
                          .problem_count = count,
                          .problems = calloc((size_t)count, sizeof *r->problems),
                          .rollouts = calloc(groups, sizeof *r->rollouts),
                          .order = calloc(groups, sizeof *r->order),
                          .players = (int)players,
                          .decoders = calloc(players, sizeof *r->decoders),
                          .tallies = calloc(workers, sizeof *r->tallies)};
    if (r->problems && r->rollouts && r->order && r->decoders && r->tallies) return 0;
    lace_rl_close(rl);
    return lace_fail(err, LACE_MEMORY, "Out of memory for %zu rollouts.", groups);
}

/* ---- a step ---- */

/* The means over all ranks; each has counted its share. */
static int report_tallies(const struct lace_rl *r, double tokens, struct lace_step_report *step,
                          struct lace_rl_report *report, struct lace_error *err)
{
    const struct lace_model *m = r->trainer->model;
    double times = tokens * r->options.epochs;
    struct {
        double rows, loss, kl, entropy, clipped, gate[LACE_MAX_LAYERS];
        double reward, reward_std, zero, length, pick, coverage, format, diversity, agreement, tokens;
    } sum = {.reward = report->reward,
             .reward_std = report->reward_std,
             .zero = report->frac_reward_zero_std,
             .length = report->mean_length,
             .pick = report->pick_accuracy,
             .coverage = report->coverage,
             .format = report->format,
             .diversity = report->diversity,
             .agreement = report->agreement,
             .tokens = (double)report->rollout_tokens};
    for (int k = 0; k < r->trainer->options.workers; k++) {
        const struct tally *t = &r->tallies[k];
        sum.rows += t->rows;
        sum.loss += t->loss;
        sum.kl += t->kl;
        sum.entropy += t->entropy;
        sum.clipped += t->clipped;
        for (int i = 0; i < m->lattice.layer_count; i++) sum.gate[i] += t->gate[i];
    }
    int code = lace_ranks_sum(&r->trainer->ranks, (double *)&sum, sizeof sum / sizeof(double), err);
    if (code) return code;
    step->loss = sum.loss / times;
    *report = (struct lace_rl_report){.reward = sum.reward,
                                      .reward_std = sum.reward_std,
                                      .frac_reward_zero_std = sum.zero,
                                      .kl = sum.kl / times,
                                      .entropy = sum.entropy / times,
                                      .clip_ratio = sum.clipped / times,
                                      .mean_length = sum.length,
                                      .pick_accuracy = sum.pick,
                                      .coverage = sum.coverage,
                                      .format = sum.format,
                                      .diversity = sum.diversity,
                                      .agreement = sum.agreement,
                                      .rollout_seconds = report->rollout_seconds,
                                      .rollout_tokens = (long)sum.tokens};
    for (int i = 0; i < m->lattice.layer_count; i++) {
        const float *alpha = lace_model_weight(m, m->lattice.layers[i], P_LAT_ALPHA)->value;
        report->gate[i] = sum.gate[i] / sum.rows;
        for (int j = 0; j < m->lattice.heads; j++) report->alpha[i] += fabs(alpha[j]) / m->lattice.heads;
    }
    return 0;
}

/* Everything of a step that one rank does alone. */
static int prepare(struct lace_rl *r, struct lace_rl_report *report, struct lace_error *err)
{
    double began = lace_now();
    int code = lace_rl_draw_problems(r, err);
    if (!code) code = lace_rl_prepare_decoders(r, err);
    if (!code) code = lace_rl_roll_out(r, err);
    report->rollout_seconds = lace_now() - began;
    if (!code) code = lace_rl_fill_shards(r, err);
    if (!code) code = lace_rl_refer(r, err);
    if (!code) lace_rl_reward(r, report);
    return code;
}

int lace_rl_step(struct lace_rl *r, struct lace_step_report *step, struct lace_rl_report *report,
                 struct lace_error *err)
{
    const struct lace_ranks *ranks = &r->trainer->ranks;
    double began = lace_now(), tokens = 0;
    *report = (struct lace_rl_report){0};
    *step = (struct lace_step_report){0};
    int code = lace_ranks_agree(ranks, prepare(r, report, err), err);
    for (int i = 0; i < r->shard_count; i++) tokens += r->shards[i].weights;
    if (code || (code = lace_ranks_sum(ranks, &tokens, 1, err))) return code;
    memset(r->tallies, 0, sizeof *r->tallies * (size_t)r->trainer->options.workers);
    for (r->epoch = 0; r->epoch < r->options.epochs; r->epoch++) {
        struct lace_lesson lesson = {r->shards, r->shard_count, tokens, lace_rl_weigh, r};
        struct lace_step_report one;
        if ((code = lace_trainer_learn(r->trainer, &lesson, &one, err))) {
            step->burst = one.burst;
            return code;
        }
        one.tokens += step->tokens;
        one.flops += step->flops;
        *step = one;
    }
    code = report_tallies(r, tokens, step, report, err);
    report->update_seconds = lace_now() - began - report->rollout_seconds;
    return code;
}
