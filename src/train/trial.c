/* Memory is told before it is taken, and taken before anything is learned: a run that would be ended by the system in its
 * hundredth step is refused, or fails, in the first minute. */
#include "train/trainer.h"
#include <string.h>
#include <sys/resource.h>

enum {
    LOOKS = 256,
    SHARD_ROW = 512, /* bytes of a shard's row: its ranges in three views, its lists */
};

int lace_trainer_check_memory(const struct lace_trainer *t, struct lace_error *err)
{
    const struct lace_trainer_options *o = &t->options;
    const struct lace_model *m = t->model;
    const struct lace_state_options s = {o->shard_rows, 512, o->shard_rows, o->shard_rows, 1, true};
    double rows = o->shard_rows, values = (double)m->values, left = (double)lace_memory_left(),
           cache = 8 * rows *
                   ((double)m->config.num_hidden_layers * m->config.num_key_value_heads * m->config.head_dim +
                    (double)m->lattice.layer_count * m->lattice.width),
           each = (double)lace_state_bytes(m, &s) + cache + 4 * values,
           need = o->workers * each + 8 * values + t->shard_count * rows * SHARD_ROW;
    if (left == 0 || need <= left) return 0;
    return lace_fail(
        err, LACE_MEMORY,
        "Training needs %.1f GiB beside the model, %.1f GiB for each of %d workers, and %.1f GiB are left; "
        "lower shard_rows, or take fewer --workers.",
        need / (1 << 30), each / (1 << 30), o->workers, left / (1 << 30));
}

int lace_trainer_try(struct lace_trainer *t, const struct lace_script *script, bool shut,
                     struct lace_train_trial *trial, struct lace_error *err)
{
    struct lace_lesson lesson = {.shards = t->shards, .count = t->options.workers};
    struct rusage usage;
    int code = 0;
    for (int i = 0; i < lesson.count && !code; i++) {
        struct lace_shard *s = &t->shards[i];
        int fits = 1;
        lace_shard_clear(s);
        while (fits > 0) fits = lace_shard_lay(s, t->format, script, shut, lace_config_context(&t->model->config), err);
        if (fits < 0) code = fits;
        lace_shard_close(s);
        lesson.tokens += s->weights;
    }
    code = lace_ranks_agree(&t->ranks, code, err);
    if (code) return code;
    if (!(lesson.tokens > 0)) lesson.tokens = 1; /* nothing of it is learned */
    code = lace_trainer_pass(t, &lesson, err);
    trial->rows = t->shards[0].batch.rows;
    trial->threads = script->threads;
    trial->longest = script->prompt_count + script->count;
    trial->memory = getrusage(RUSAGE_SELF, &usage) ? 0 : (size_t)usage.ru_maxrss << 10;
    return code;
}

static int rows_of(const struct lace_script *s) { return s->prompt_count + s->count; }

int lace_trainer_try_longest(struct lace_trainer *t, struct lace_train_trial *trial, struct lace_error *err)
{
    struct lace_script longest = {0}, one = {0};
    char name[64] = "";
    bool shut = false;
    long left = (t->options.steps - t->step) * t->shard_count, looks = left < LOOKS ? left : LOOKS;
    int code = 0;
    for (long i = 0; i < looks && !code; i++) { /* the first groups of shards that are to come */
        long at = (long)((double)left / (double)looks * (double)i);
        struct lace_record record;
        const struct lace_source *source;
        struct lace_rng rng;
        double progress = lace_trainer_stream(t, t->step + at / t->shard_count, (int)(at % t->shard_count), &rng);
        if ((code = lace_sources_draw(t->sources, &rng, progress, &record, &source, err))) break;
        code = lace_script_read(&one, t->format, &record, source, &rng, err);
        if (!code && (!i || rows_of(&one) > rows_of(&longest))) {
            struct lace_script spare = longest;
            longest = one;
            one = spare;
            shut = source->shut;
            snprintf(name, sizeof name, "%s", record.id);
            longest.name = name;
        }
        lace_record_release(&record);
    }
    code = lace_ranks_agree(&t->ranks, code, err);
    if (!code) code = lace_trainer_try(t, &longest, shut, trial, err);
    lace_script_release(&longest);
    lace_script_release(&one);
    return code;
}
