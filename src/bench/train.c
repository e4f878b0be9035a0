/* Steps of the shipped model's own training, from its recipes, in memory: real data, forward, backward, optimiser. */
#include "bench/bench.h"
#include "decode/engine.h"
#include "train/trainer.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* recipes/NAME beside the program's source tree (build/lace: one above), or under the working directory. */
static bool find_recipe(char *path, const char *name)
{
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (snprintf(path, PATH_MAX, "recipes/%s", name) < PATH_MAX && !access(path, R_OK)) return true;
    for (int up = 0; len > 0 && up < 3; up++) {
        program[len] = 0;
        char *slash = strrchr(program, '/');
        if (!slash) break;
        *slash = 0;
        len = slash - program;
        if (snprintf(path, PATH_MAX, "%s/recipes/%s", program, name) < PATH_MAX && !access(path, R_OK)) return true;
    }
    return false;
}

static int measure(struct lace_bench *b, const char *stage, const char *recipe, const char *const *sets,
                   const char *what, struct lace_error *err)
{
    struct lace_train_options options = {.stage = stage, .config = recipe, .sets = sets, .workers = b->workers};
    struct lace_training *training;
    int code = lace_training_open(&training, &options, err), steps = b->options->quick ? 2 : 6;
    if (code) return code;
    struct lace_trainer *t = lace_training_trainer(training);
    struct lace_samples tokens = {.count = 0}, rates = {.count = 0}, seconds = {.count = 0};
    char label[128];
    for (int i = 0; i <= steps && !code; i++) {
        struct lace_step_report report;
        double from = lace_now();
        code = lace_trainer_step(t, &report, err);
        double time = lace_now() - from;
        if (!i || code) continue; /* the first compiles kernels */
        lace_samples_add(&tokens, report.tokens / time);
        lace_samples_add(&rates, report.flops / time);
        lace_samples_add(&seconds, time);
    }
    bool lattice = t->model->lattice.kind != LACE_KIND_NONE;
    snprintf(label, sizeof label, "%s, %s: steps of %d x %d rows", what, t->model->dtype == LACE_BF16 ? "bf16" : "f32",
             t->options.shards, t->options.shard_rows);
    struct lace_bench_figure f = {.part = "train",
                                  .name = "tokens",
                                  .label = label,
                                  .unit = "tokens/s",
                                  .lattice = lattice,
                                  .seconds = lace_samples_median(&seconds)};
    double limit = b->product_rate[t->model->dtype];
    if (!code) code = lace_bench_value(b, f, &tokens, err);
    f.name = "flops";
    f.unit = "FLOP/s";
    f.seconds = 0;
    f.share = lace_samples_median(&rates) / limit;
    f.of = "product_rate";
    snprintf(label, sizeof label, "  its products and attention");
    if (!code) code = lace_bench_value(b, f, &rates, err);
    lace_training_close(&training);
    return code;
}

int lace_bench_train(struct lace_bench *b, struct lace_error *err)
{
    char base[PATH_MAX], lace[PATH_MAX], tokenizer[PATH_MAX + 16] = "tokenizer=", shipped[PATH_MAX],
                                                              model[PATH_MAX + 16], lattice[PATH_MAX + 32];
    struct lace_error why;
    const char *dtype = b->dtype == LACE_BF16 ? "dtype=bf16" : "dtype=f32";
    if (!find_recipe(base, "base.yaml") || !find_recipe(tokenizer + 10, "tokenizer.json"))
        return lace_bench_skip(b, "train", "there is no recipes/base.yaml here; run it from the source tree", err);
    int code = measure(b, "pretrain", base, (const char *const[]){tokenizer, dtype, NULL}, "base.yaml", err);
    if (code) return code;
    if (!find_recipe(lace, "lace.yaml")) return 0;
    if (lace_engine_find(shipped, &why))
        return lace_bench_skip(b, "train", "lace.yaml: the shipped model was not found", err);
    snprintf(model, sizeof model, "init.model=%s", shipped);
    snprintf(lattice, sizeof lattice, "init.lattice=%s/lattice", shipped);
    return measure(b, "sft", lace, (const char *const[]){model, lattice, dtype, NULL}, "lace.yaml, lattice", err);
}
