/* lace_train: a run step by step, each with its line of metrics. */
#include "train/run.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The weights whose loss has burst may lie in the last checkpoint: good is one that a later step was well with. */
static int name_last_good(const struct lace_train_run *r, bool burst, int code, struct lace_error *err)
{
    struct lace_error why = err ? *err : (struct lace_error){{0}};
    long latest = lace_train_run_latest(r->out, r->trainer.step - burst);
    if (latest >= 0)
        return lace_fail(err, code, "%.380s The last good checkpoint is %.80s/checkpoint-%ld.", why.text, r->out,
                         latest);
    return burst ? lace_fail(err, code, "%.400s There is no checkpoint from before.", why.text) : code;
}

static void write_rl(const struct lace_train_run *r, const struct lace_rl_report *o)
{
    const struct lace_lattice_config *l = &r->model->lattice;
    const struct {
        const char *name;
        double value;
    } figures[] = {{"reward", o->reward},
                   {"reward_std", o->reward_std},
                   {"frac_reward_zero_std", o->frac_reward_zero_std},
                   {"kl", o->kl},
                   {"entropy", o->entropy},
                   {"clip_ratio", o->clip_ratio},
                   {"completions/mean_length", o->mean_length},
                   {"pick_accuracy", o->pick_accuracy},
                   {"coverage", o->coverage},
                   {"format", o->format},
                   {"diversity", o->diversity},
                   {"agreement", o->agreement},
                   {"rollout_seconds", o->rollout_seconds},
                   {"rollout_tokens", (double)o->rollout_tokens},
                   {"update_seconds", o->update_seconds}};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        fprintf(r->metrics, ", \"%s\": %.6g", figures[i].name, figures[i].value);
    for (int i = 0; i < l->layer_count; i++)
        fprintf(r->metrics, ", \"gate/%d\": %.4f, \"alpha/%d\": %.4f", l->layers[i], o->gate[i], l->layers[i],
                o->alpha[i]);
}

static void write_metrics(const struct lace_train_run *r, const struct lace_step_report *o,
                          const struct lace_rl_report *rewards, double seconds)
{
    fprintf(r->metrics,
            "{\"step\": %ld, \"loss\": %.6f, \"grad_norm\": %.5f, \"lr\": %.6g, \"tokens\": %ld, \"learned\": %ld, "
            "\"seconds\": %.4f, \"flops\": %.4g",
            r->trainer.step, o->loss, o->grad_norm, o->lr, o->tokens, o->learned, seconds, o->flops);
    if (rewards) write_rl(r, rewards);
    fputs("}\n", r->metrics);
}

/* The metrics so far and a checkpoint to disk. */
static int keep_step(struct lace_train_run *r, struct lace_error *err)
{
    if (fflush(r->metrics) || ferror(r->metrics))
        return lace_fail(err, LACE_SYSTEM, "Cannot write the metrics of %s: %s.", r->out, strerror(errno));
    return lace_train_run_save(r, err);
}

/* The longest batch first. */
static int try_longest(struct lace_train_run *r, struct lace_error *err)
{
    struct lace_train_trial trial = {.rank = r->ranks.rank};
    if (r->trainer.step >= r->train.steps) return 0;
    int code = r->lattice_grpo ? lace_rl_try_longest(r->lattice_grpo, &trial, err)
                               : lace_trainer_try_longest(&r->trainer, &trial, err);
    if (!code && r->options->trial) r->options->trial(r->options->user, &trial);
    return code;
}

static int train_steps(struct lace_train_run *r, struct lace_error *err)
{
    int code = try_longest(r, err);
    if (code) return code;
    while (r->trainer.step < r->train.steps) {
        struct lace_step_report report = {0};
        struct lace_rl_report rewards;
        double start = lace_now();
        long before = r->trainer.step;
        code = r->lattice_grpo ? lace_rl_step(r->lattice_grpo, &report, &rewards, err)
                               : lace_trainer_step(&r->trainer, &report, err);
        if (code) return name_last_good(r, report.burst, code, err);
        double seconds = lace_now() - start;
        if (r->metrics) write_metrics(r, &report, r->lattice_grpo ? &rewards : NULL, seconds);
        struct lace_train_progress p = {r->options->stage, r->out,           r->trainer.step, r->train.steps,
                                        report.loss,       report.grad_norm, report.lr,       report.tokens / seconds,
                                        r->ranks.rank};
        double stops = r->options->progress && r->options->progress(r->options->user, &p);
        if ((code = lace_ranks_sum(&r->ranks, &stops, 1, err))) return code;
        bool stop = stops > 0, last = r->trainer.step >= r->train.steps;
        if (!stop && !last && r->trainer.step / r->checkpoint_every == before / r->checkpoint_every) continue;
        code = lace_ranks_agree(&r->ranks, r->ranks.rank ? 0 : keep_step(r, err), err);
        if (code) return name_last_good(r, false, code, err);
        if (stop && !last)
            return lace_fail(err, LACE_STOPPED,
                             "Stopped after step %ld of %d; %s/checkpoint-%ld is saved: go on with --resume.",
                             r->trainer.step, r->train.steps, r->out, r->trainer.step);
    }
    return lace_ranks_agree(&r->ranks, r->ranks.rank ? 0 : lace_train_run_export(r, err), err);
}

int lace_train(const struct lace_train_options *options, struct lace_error *err)
{
    struct lace_train_run r;
    struct lace_ranks ranks;
    int code = lace_ranks_open(&ranks, err);
    if (code) return code;
    code = lace_ranks_agree(&ranks, lace_train_run_open(&r, options, &ranks, err), err);
    if (!code && !ranks.rank && r.model->warning && options->warn) options->warn(options->user, r.model->warning);
    if (!code) code = lace_ranks_agree(&ranks, lace_train_run_start(&r, err), err);
    if (!code) code = train_steps(&r, err);
    lace_train_run_release(&r);
    lace_ranks_close(&ranks);
    return code;
}

/* ---- in memory ---- */

struct lace_training {
    struct lace_train_run run;
};

int lace_training_open(struct lace_training **training, const struct lace_train_options *options,
                       struct lace_error *err)
{
    if (!(*training = calloc(1, sizeof **training))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    int code = lace_train_run_open(&(*training)->run, options, &(struct lace_ranks){.count = 1}, err);
    if (code) lace_training_close(training);
    return code;
}

void lace_training_close(struct lace_training **training)
{
    if (!*training) return;
    lace_train_run_release(&(*training)->run);
    free(*training);
    *training = NULL;
}

struct lace_trainer *lace_training_trainer(struct lace_training *training) { return &training->run.trainer; }
