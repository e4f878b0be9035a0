/* Settings -> tokenizer, model, sources, trainer and, for rl, the reference: a run before its first step. */
#include "io/model_dir.h"
#include "train/run.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_trainer(struct lace_train_run *r, struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    struct lace_trainer_options *o = &r->train;
    static const char *const optimizers[] = {"adamw", "muon", NULL};
    int code, seed = 1, optimizer = 0;
    lace_trainer_defaults(o);
    o->freeze = !strcmp(r->options->stage, "cpt");
    o->workers = r->options->workers;
    o->ranks = &r->ranks;
    r->checkpoint_every = 100;
    r->keep = 2;
    if ((code = lace_settings_int(s, "seed", 0, INT_MAX, &seed, err)) ||
        (code = lace_settings_int(s, "steps", 1, 100000000, &o->steps, err)) ||
        (code = lace_settings_int(s, "shards", 1, 4096, &o->shards, err)) ||
        (code = lace_settings_int(s, "shard_rows", 64, 1 << 20, &o->shard_rows, err)) ||
        (code = lace_settings_double(s, "lr", 0, 1, &o->lr, err)) ||
        (code = lace_settings_double(s, "lattice_lr", 0, 1000, &o->lattice_lr, err)) ||
        (code = lace_settings_double(s, "warmup", 0, 1, &o->warmup, err)) ||
        (code = lace_settings_double(s, "floor", 0, 1, &o->floor, err)) ||
        (code = lace_settings_double(s, "beta1", 0, 0.99999, &o->beta1, err)) ||
        (code = lace_settings_double(s, "beta2", 0, 0.99999, &o->beta2, err)) ||
        (code = lace_settings_double(s, "eps", 1e-30, 1, &o->eps, err)) ||
        (code = lace_settings_double(s, "weight_decay", 0, 1, &o->weight_decay, err)) ||
        (code = lace_settings_double(s, "clip", 0, 1e9, &o->clip, err)) ||
        (code = lace_settings_bool(s, "freeze", &o->freeze, err)) ||
        (code = lace_settings_choice(s, "optimizer", optimizers, &optimizer, err)) ||
        (code = lace_settings_int(s, "checkpoint_every", 1, INT_MAX, &r->checkpoint_every, err)))
        return code;
    o->muon = optimizer == 1;
    o->seed = (uint64_t)seed;
    return 0;
}

static int read_rl(struct lace_train_run *r, struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    struct lace_rl_options *o = &r->rl;
    int code;
    lace_rl_defaults(o);
    o->workers = r->options->workers;
    /* problems are spread over the ranks, not shards; but each rank needs a worker that learns */
    if (r->train.shards < r->ranks.count) r->train.shards = r->ranks.count;
    if ((code = lace_settings_int(s, "rl.problems", 1, 1 << 16, &o->problems, err)) ||
        (code = lace_settings_int(s, "rl.rollouts", 2, 1024, &o->rollouts, err)) ||
        (code = lace_settings_int(s, "rl.epochs", 1, 64, &o->epochs, err)) ||
        (code = lace_settings_int(s, "rl.rounds", 0, 1 << 16, &o->rounds, err)) ||
        (code = lace_settings_double(s, "rl.temperature", 1e-3, 10, &o->temperature, err)) ||
        (code = lace_settings_double(s, "rl.level", 0, 100, &o->level, err)) ||
        (code = lace_settings_double(s, "rl.kl", 0, 100, &o->kl, err)) ||
        (code = lace_settings_double(s, "rl.clip", 0, 1, &o->clip, err)) ||
        (code = lace_settings_double(s, "rl.format", 0, 100, &o->format, err)) ||
        (code = lace_settings_double(s, "rl.diversity", 0, 100, &o->diversity, err)))
        return code;
    if (r->train.steps % o->epochs)
        return lace_fail(
            err, LACE_BAD,
            "%s: steps is %d and rl.epochs %d; rollouts are learned from so many times, so steps must be a "
            "multiple of it.",
            s->path, r->train.steps, o->epochs);
    return 0;
}

static int read_config(struct lace_train_run *r, struct lace_config *c, struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    *c = (struct lace_config){.vocab_size = (lace_tokenizer_size(r->tokenizer) + 63) / 64 * 64,
                              .hidden_size = 256,
                              .intermediate_size = 1024,
                              .num_hidden_layers = 4,
                              .num_attention_heads = 4,
                              .num_key_value_heads = 2,
                              .head_dim = 64,
                              .max_position_embeddings = 2048,
                              .rms_norm_eps = 1e-6,
                              .rope_theta = 10000,
                              .tie_word_embeddings = true};
    int code;
    if ((code = lace_settings_int(s, "model.vocab_size", lace_tokenizer_size(r->tokenizer), 1 << 22, &c->vocab_size,
                                  err)) ||
        (code = lace_settings_int(s, "model.hidden_size", 16, 1 << 16, &c->hidden_size, err)) ||
        (code = lace_settings_int(s, "model.intermediate_size", 16, 1 << 18, &c->intermediate_size, err)) ||
        (code = lace_settings_int(s, "model.num_hidden_layers", 1, LACE_MAX_LAYERS, &c->num_hidden_layers, err)) ||
        (code = lace_settings_int(s, "model.num_attention_heads", 1, 1024, &c->num_attention_heads, err)) ||
        (code = lace_settings_int(s, "model.num_key_value_heads", 1, 1024, &c->num_key_value_heads, err)) ||
        (code = lace_settings_int(s, "model.head_dim", 2, 1024, &c->head_dim, err)) ||
        (code = lace_settings_int(s, "model.max_position_embeddings", 16, 1 << 24, &c->max_position_embeddings, err)) ||
        (code = lace_settings_double(s, "model.rms_norm_eps", 0, 1, &c->rms_norm_eps, err)) ||
        (code = lace_settings_double(s, "model.rope_theta", 1, 1e12, &c->rope_theta, err)) ||
        (code = lace_settings_bool(s, "model.tie_word_embeddings", &c->tie_word_embeddings, err)))
        return code;
    return 0;
}

/* lattice.layers, lattice.width, ...: a new lattice for the model. */
static int read_lattice(struct lace_train_run *r, struct lace_lattice_config *l, struct lace_lattice_start *start,
                        struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    const struct lace_config *c = &r->model->config;
    double alpha = 0, gate = 0.2;
    int code, kind = 0, visible = LACE_CAUSAL, topology = LACE_ALL, theta[3], theta_count = 0, axes = 0;
    *start = (struct lace_lattice_start){.tied = true, .seed = r->train.seed};
    lace_lattice_defaults(l, c);
    if ((code = lace_settings_choice(s, "lattice.kind", lace_kind_names + LACE_KIND_LATTICE, &kind, err))) return code;
    kind += LACE_KIND_LATTICE; /* "none" is no lattice to attach */
    if (kind == LACE_KIND_FULL) {
        l->width = c->num_attention_heads * c->head_dim;
        l->heads = c->num_attention_heads;
    }
    if ((code = lace_settings_ints(s, "lattice.layers", 0, LACE_MAX_LAYERS - 1, l->layers, LACE_MAX_LAYERS,
                                   &l->layer_count, err)) ||
        (code = lace_settings_int(s, "lattice.width", 2, 1 << 17, &l->width, err)) ||
        (code = lace_settings_int(s, "lattice.heads", 1, 1024, &l->heads, err)) ||
        (code = lace_settings_choice(s, "lattice.visible", lace_visible_names, &visible, err)) ||
        (code = lace_settings_int(s, "lattice.window", 1, 1 << 24, &l->window, err)) ||
        (code = lace_settings_bool(s, "lattice.self", &l->self, err)) ||
        (code = lace_settings_choice(s, "lattice.topology", lace_topology_names, &topology, err)) ||
        (code = lace_settings_int(s, "lattice.ring", 1, LACE_MAX_THREADS, &l->ring, err)) ||
        (code = lace_settings_int(s, "lattice.max_threads", 1, LACE_MAX_THREADS, &l->max_threads, err)) ||
        (code = lace_settings_ints(s, "lattice.theta", 1, 1 << 30, theta, 3, &theta_count, err)) ||
        (code = lace_settings_double(s, "lattice.alpha", 0, 100, &alpha, err)) ||
        (code = lace_settings_double(s, "lattice.gate", 1e-6, 1 - 1e-6, &gate, err)) ||
        (code = lace_settings_bool(s, "lattice.tied", &start->tied, err)))
        return code;
    l->kind = (enum lace_kind)kind;
    l->visible = (enum lace_visible)visible;
    l->topology = (enum lace_topology)topology;
    for (int i = 0; i < theta_count; i++) l->theta[i] = theta[i];
    int head = l->heads ? l->width / l->heads : 0;
    l->axes[LACE_AXIS_THREAD] = l->axes[LACE_AXIS_STEP] = head / 4 / 2 * 2;
    l->axes[LACE_AXIS_TOKEN] = head - 2 * l->axes[LACE_AXIS_STEP];
    if ((code = lace_settings_ints(s, "lattice.axes", 0, 1024, l->axes, 3, &axes, err))) return code;
    start->alpha = (float)alpha;
    start->gate = (float)gate;
    return 0;
}

/* A pre-training run makes its model; the other stages take theirs from a directory and may attach a lattice. */
static int open_model(struct lace_train_run *r, struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    struct lace_model_options options = {.train = true, .dtype = -1};
    static const char *const dtypes[] = {"f32", "bf16", NULL};
    const char *init = NULL, *lattice = NULL;
    char path[PATH_MAX];
    int code, dtype = -1;
    if ((code = lace_settings_string(s, "init.model", &init, err)) ||
        (code = lace_settings_string(s, "init.lattice", &lattice, err)) ||
        (code = lace_settings_choice(s, "dtype", dtypes, &dtype, err)) ||
        (code = lace_settings_string(s, "tokenizer", &r->tokenizer_path, err)))
        return code;
    if (dtype >= 0) options.dtype = dtype ? LACE_BF16 : LACE_F32;
    bool pretrain = !strcmp(r->options->stage, "pretrain");
    if (!init && !pretrain)
        return lace_fail(err, LACE_BAD, "%s: init.model is missing; %s trains a model that exists.", s->path,
                         r->options->stage);
    if (!r->tokenizer_path && !init)
        return lace_fail(err, LACE_BAD, "%s: tokenizer is missing; name a tokenizer.json.", s->path);
    if (init && access(init, F_OK))
        return lace_fail(err, LACE_BAD,
                         "%.150s: init.model is %.150s, which is not there (%s); train it first, or name another with "
                         "--set init.model=DIR.",
                         s->path, init, strerror(errno));
    if (init && (code = lace_model_not_gguf(init, "Training", err))) return code;
    if (!r->tokenizer_path) {
        if ((code = lace_join(path, init, "tokenizer.json", err))) return code;
        if ((code = lace_tokenizer_open(&r->tokenizer, path, err))) return code;
    } else if ((code = lace_tokenizer_open(&r->tokenizer, r->tokenizer_path, err))) return code;
    r->end = lace_tokenizer_id(r->tokenizer, "<|end|>");
    if ((code = lace_format_open(&r->format, r->tokenizer, r->end, err))) return code;
    if (!init) {
        struct lace_config config;
        if ((code = read_config(r, &config, err))) return code;
        return lace_model_create(&r->model, &config, r->train.seed, &options, err);
    }
    bool fresh = lattice && !strcmp(lattice, "new");
    if ((code = lace_model_load(&r->model, init, fresh ? NULL : lattice, &options, err))) return code;
    if (lace_tokenizer_size(r->tokenizer) > r->model->config.vocab_size)
        return lace_fail(err, LACE_BAD, "The tokenizer has %d tokens, the model %s only %d.",
                         lace_tokenizer_size(r->tokenizer), init, r->model->config.vocab_size);
    if (!fresh) return 0;
    struct lace_lattice_config l;
    struct lace_lattice_start start;
    if ((code = read_lattice(r, &l, &start, err))) return code;
    return lace_model_attach(r->model, &l, &start, err);
}

/* The stage stands among the settings, so that a run's folder says what it is. */
static int read_stage(struct lace_train_run *r, struct lace_error *err)
{
    char assignment[64];
    const char *stage = NULL;
    int code = lace_settings_string(&r->settings, "stage", &stage, err);
    if (!code && stage && strcmp(stage, r->options->stage))
        code = lace_fail(err, LACE_BAD, "%s says stage: %.40s, and the command %s.", r->settings.path, stage,
                         r->options->stage);
    if (code || stage) return code;
    snprintf(assignment, sizeof assignment, "stage=%s", r->options->stage);
    code = lace_settings_set(&r->settings, assignment, err);
    return code ? code : lace_settings_string(&r->settings, "stage", &stage, err);
}

/* Reinforcement needs the model as it was at the start beside the one that learns. */
static int open_rl(struct lace_train_run *r, struct lace_error *err)
{
    const char *init = NULL, *lattice = NULL;
    struct lace_model_options options = {.dtype = (int)r->model->dtype};
    int code = lace_settings_string(&r->settings, "init.model", &init, err);
    if (!code) code = lace_settings_string(&r->settings, "init.lattice", &lattice, err);
    if (!code && lattice && !strcmp(lattice, "new"))
        code = lace_fail(err, LACE_BAD, "%s: rl goes on with a lattice that is trained; init.lattice cannot be new.",
                         r->settings.path);
    if (!code) code = lace_model_load(&r->reference, init, lattice, &options, err);
    return code ? code : lace_rl_open(&r->lattice_grpo, &r->trainer, r->reference, &r->rl, lace_family_grade, err);
}

/* Everything up to the first step; writes nothing. */
int lace_train_run_open(struct lace_train_run *r, const struct lace_train_options *options,
                        const struct lace_ranks *ranks, struct lace_error *err)
{
    static const char *const stages[] = {"pretrain", "cpt", "sft", "rl", NULL};
    *r = (struct lace_train_run){.options = options, .folder = -1, .ranks = *ranks};
    if (lace_name_index(stages, options->stage) < 0)
        return lace_fail(err, LACE_BAD,
                         "There is no training stage \"%.40s\"; the stages are pretrain, cpt, sft and rl.",
                         options->stage);
    int code = lace_settings_read(&r->settings, options->config, err);
    for (int i = 0; !code && options->sets && options->sets[i]; i++)
        code = lace_settings_set(&r->settings, options->sets[i], err);
    if (!code) code = read_trainer(r, err);
    if (!code) code = lace_settings_string(&r->settings, "out", &r->out, err);
    if (!code && !r->out)
        code = lace_fail(err, LACE_BAD, "%s: out is missing; name the folder of the run.", options->config);
    if (!code) code = lace_sources_read(&r->sources, &r->settings, r->train.seed, err);
    if (!code) code = open_model(r, err);
    if (!code) code = read_stage(r, err);
    bool rl = !code && !strcmp(options->stage, "rl");
    if (rl) code = read_rl(r, err);
    if (!code) code = lace_settings_unused(&r->settings, err);
    if (!code) code = lace_trainer_init(&r->trainer, r->model, &r->format, &r->sources, &r->train, err);
    return code || !rl ? code : open_rl(r, err);
}

void lace_train_run_release(struct lace_train_run *r)
{
    if (r->metrics) fclose(r->metrics);
    if (r->folder >= 0) close(r->folder);
    lace_rl_close(&r->lattice_grpo);
    lace_trainer_release(&r->trainer);
    lace_model_free(&r->model);
    lace_model_free(&r->reference);
    lace_format_release(&r->format);
    lace_tokenizer_close(&r->tokenizer);
    lace_sources_release(&r->sources);
    lace_settings_release(&r->settings);
}
