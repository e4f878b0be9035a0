/* A training run: settings -> model, sources, trainer -> a folder with
 *
 *     settings.yaml      the resolved settings; a run goes on only with the same
 *     metrics.jsonl      one line a step
 *     checkpoint-N/      the last two; resuming takes the latest that is whole
 *     model/             at the end: the backbone in bf16 with its tokenizer, and model/lattice
 */
#include "io/json.h"
#include "train/rl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct run {
    const struct lace_train_options *options;
    struct lace_settings settings;
    struct lace_sources sources;
    struct lace_tokenizer *tokenizer;
    struct lace_format format;
    struct lace_model *model;
    struct lace_trainer trainer;
    struct lace_trainer_options train;
    struct lace_rl_options rl;
    struct lace_model *reference; /* of rl: the model as it was at the start */
    struct lace_rl *lattice_grpo; /* NULL: another stage */
    struct lace_ranks ranks;
    const char *out, *tokenizer_path;
    int checkpoint_every, keep;
    int end;    /* id of the end token, -1 */
    int folder; /* the run's, locked; -1: not open */
    FILE *metrics;
};

/* ---- settings ---- */

static int read_trainer(struct run *r, struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    struct lace_trainer_options *o = &r->train;
    int code, seed = 1;
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
        (code = lace_settings_int(s, "checkpoint_every", 1, INT_MAX, &r->checkpoint_every, err)))
        return code;
    o->seed = (uint64_t)seed;
    return 0;
}

static int read_rl(struct run *r, struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    struct lace_rl_options *o = &r->rl;
    int code;
    lace_rl_defaults(o);
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
    return 0;
}

static int read_config(struct run *r, struct lace_config *c, struct lace_error *err)
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

static int read_name(struct lace_settings *s, const char *key, const char *const *names, int *out,
                     struct lace_error *err)
{
    const char *text = NULL;
    int code = lace_settings_string(s, key, &text, err);
    if (code || !text) return code;
    int found = lace_name_index(names, text);
    if (found < 0) return lace_fail(err, LACE_BAD, "%s: %s cannot be \"%.40s\".", s->path, key, text);
    *out = found;
    return 0;
}

/* lattice.layers, lattice.width, ...: a new lattice for the model. */
static int read_lattice(struct run *r, struct lace_lattice_config *l, struct lace_lattice_start *start,
                        struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    const struct lace_config *c = &r->model->config;
    double alpha = 0, gate = 0.2;
    int code, kind = LACE_KIND_LATTICE, visible = LACE_CAUSAL, topology = LACE_ALL, theta[3], theta_count = 0, axes = 0;
    *start = (struct lace_lattice_start){.tied = true, .seed = r->train.seed};
    lace_lattice_defaults(l, c);
    if ((code = read_name(s, "lattice.kind", lace_kind_names, &kind, err))) return code;
    if (kind == LACE_KIND_FULL) {
        l->width = c->num_attention_heads * c->head_dim;
        l->heads = c->num_attention_heads;
    }
    if ((code = lace_settings_ints(s, "lattice.layers", 0, LACE_MAX_LAYERS - 1, l->layers, LACE_MAX_LAYERS,
                                   &l->layer_count, err)) ||
        (code = lace_settings_int(s, "lattice.width", 2, 1 << 17, &l->width, err)) ||
        (code = lace_settings_int(s, "lattice.heads", 1, 1024, &l->heads, err)) ||
        (code = read_name(s, "lattice.visible", lace_visible_names, &visible, err)) ||
        (code = lace_settings_int(s, "lattice.window", 1, 1 << 24, &l->window, err)) ||
        (code = lace_settings_bool(s, "lattice.self", &l->self, err)) ||
        (code = read_name(s, "lattice.topology", lace_topology_names, &topology, err)) ||
        (code = lace_settings_int(s, "lattice.ring", 1, LACE_MAX_THREADS, &l->ring, err)) ||
        (code = lace_settings_int(s, "lattice.max_threads", 1, LACE_MAX_THREADS, &l->max_threads, err)) ||
        (code = lace_settings_ints(s, "lattice.theta", 1, 1 << 30, theta, 3, &theta_count, err)) ||
        (code = lace_settings_double(s, "lattice.alpha", 0, 100, &alpha, err)) ||
        (code = lace_settings_double(s, "lattice.gate", 1e-6, 1, &gate, err)) ||
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
static int open_model(struct run *r, struct lace_error *err)
{
    struct lace_settings *s = &r->settings;
    struct lace_model_options options = {.train = true, .dtype = -1};
    const char *init = NULL, *lattice = NULL, *dtype = NULL;
    char path[PATH_MAX];
    int code;
    if ((code = lace_settings_string(s, "init.model", &init, err)) ||
        (code = lace_settings_string(s, "init.lattice", &lattice, err)) ||
        (code = lace_settings_string(s, "dtype", &dtype, err)) ||
        (code = lace_settings_string(s, "tokenizer", &r->tokenizer_path, err)))
        return code;
    if (dtype) {
        if (strcmp(dtype, "f32") && strcmp(dtype, "bf16"))
            return lace_fail(err, LACE_BAD, "%s: dtype must be f32 or bf16, not \"%.20s\".", s->path, dtype);
        options.dtype = !strcmp(dtype, "bf16") ? LACE_BF16 : LACE_F32;
    }
    bool pretrain = !strcmp(r->options->stage, "pretrain");
    if (!init && !pretrain)
        return lace_fail(err, LACE_BAD, "%s: init.model is missing; %s trains a model that exists.", s->path,
                         r->options->stage);
    if (!r->tokenizer_path && !init)
        return lace_fail(err, LACE_BAD, "%s: tokenizer is missing; name a tokenizer.json.", s->path);
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

/* ---- the run's folder ---- */

/* The highest N of the folder's checkpoint-N, or -1. */
static long latest_checkpoint(const char *out)
{
    DIR *d = opendir(out);
    long best = -1;
    if (!d) return -1;
    for (struct dirent *e; (e = readdir(d));) {
        long n;
        char rest;
        if (sscanf(e->d_name, "checkpoint-%ld%c", &n, &rest) == 1 && n > best) best = n;
    }
    closedir(d);
    return best;
}

static int checkpoint_path(const struct run *r, long step, char *path, struct lace_error *err)
{
    char name[48];
    snprintf(name, sizeof name, "checkpoint-%ld", step);
    return lace_join(path, r->out, name, err);
}

static int save_checkpoint(struct run *r, struct lace_error *err)
{
    char path[PATH_MAX];
    int code = checkpoint_path(r, r->trainer.step, path, err);
    if (code || (code = lace_checkpoint_save(&r->trainer, path, err))) return code;
    DIR *d = opendir(r->out);
    for (struct dirent *e; d && (e = readdir(d));) {
        long n;
        char rest;
        int read =
            sscanf(e->d_name, "checkpoint-%ld.tm%c", &n, &rest); /* 1: whole; 2: half-written when a run was killed */
        bool old =
            read == 1 && !strchr(e->d_name, '.') && n < r->trainer.step - (r->keep - 1) * (long)r->checkpoint_every;
        if ((old || (read == 2 && rest == 'p')) && !lace_join(path, r->out, e->d_name, NULL)) lace_remove_folder(path);
    }
    if (d) closedir(d);
    return 0;
}

/* Keeps the lines of the steps that the checkpoint holds. */
static int open_metrics(struct run *r, long steps, struct lace_error *err)
{
    char path[PATH_MAX], *bytes = NULL;
    size_t len = 0, keep = 0;
    int code = lace_join(path, r->out, "metrics.jsonl", err);
    if (code) return code;
    if (steps > 0 && !access(path, F_OK) && (code = lace_read_file(path, (size_t)1 << 30, &bytes, &len, err)))
        return code;
    while (keep < len) {
        char *end = memchr(bytes + keep, '\n', len - keep);
        long step; /* a step of rl may hold several updates, and a line is a step */
        if (!end || sscanf(bytes + keep, "{\"step\": %ld", &step) != 1 || step > steps) break;
        keep = (size_t)(end - bytes) + 1;
    }
    code = lace_write_file(path, bytes ? bytes : "", keep, err);
    lace_free(bytes);
    if (code) return code;
    if (!(r->metrics = fopen(path, "a")))
        return lace_fail(err, LACE_SYSTEM, "Cannot write %s: %s.", path, strerror(errno));
    return 0;
}

static int copy_file(const char *from, const char *dir, const char *name, struct lace_error *err)
{
    char path[PATH_MAX], *bytes;
    size_t len;
    int code = lace_join(path, dir, name, err);
    if (code || (code = lace_read_file(from, (size_t)64 << 20, &bytes, &len, err))) return code;
    code = lace_write_file(path, bytes, len, err);
    lace_free(bytes);
    return code;
}

static int export_model(struct run *r, struct lace_error *err)
{
    char dir[PATH_MAX], lattice[PATH_MAX], source[PATH_MAX];
    const char *init = NULL;
    int code = lace_join(dir, r->out, "model", err);
    if (!code) code = lace_join(lattice, dir, "lattice", err);
    if (!code)
        code =
            lace_model_save(r->model, dir, r->model->lattice.kind == LACE_KIND_NONE ? NULL : lattice, LACE_BF16, err);
    if (!code) code = lace_settings_string(&r->settings, "init.model", &init, err);
    if (!code && !r->tokenizer_path) code = lace_join(source, init, "tokenizer.json", err);
    return code ? code : copy_file(r->tokenizer_path ? r->tokenizer_path : source, dir, "tokenizer.json", err);
}

/* The value of a key, NULL where it is left to its default. */
static const char *value_of(const struct lace_settings *s, const char *key)
{
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->items[i].key, key) && s->items[i].kind != LACE_SETTING_NULL) return s->items[i].value;
    return NULL;
}

static bool same_value(const char *a, const char *b)
{
    if (!a || !b) return a == b;
    if (!strcmp(a, b)) return true;
    char *a_end, *b_end;
    double x = strtod(a, &a_end), y = strtod(b, &b_end);
    return a_end != a && b_end != b && !*a_end && !*b_end && x == y; /* 1e-3 and 0.001 */
}

/* A run goes on only with the settings it began with, but for those that change no bit of the result. */
static int same_settings(const struct run *r, const char *path, struct lace_error *err)
{
    static const char *const free_keys[] = {"out", "checkpoint_every", "stage",
                                            NULL}; /* a stage that differs shows below */
    struct lace_settings began;
    if (access(path, F_OK)) return 0;
    int code = lace_settings_read(&began, path, err);
    if (code) return code;
    const struct lace_settings *both[] = {&began, &r->settings};
    const char *stage = value_of(&began, "stage"), none[] = "not set";
    if (stage && strcmp(stage, r->options->stage))
        code = lace_fail(err, LACE_BAD, "%s: the run began with the stage %.40s and cannot go on with %s.", path, stage,
                         r->options->stage);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < both[k]->count && !code; i++) {
            const char *key = both[k]->items[i].key, *then = value_of(&began, key), *now = value_of(&r->settings, key);
            if (lace_name_index(free_keys, key) >= 0 || same_value(then, now)) continue;
            code = lace_fail(err, LACE_BAD,
                             "%.200s: the run began with %.60s %.60s and cannot go on with %.60s; give the settings it "
                             "began with, or another folder with --set out=DIR.",
                             path, key, then ? then : none, now ? now : none);
        }
    lace_settings_release(&began);
    return code;
}

/* Two runs in one folder would mix their checkpoints. The lock ends with the process, however that ends; a file system
 * without locks is taken on trust. */
static int lock_folder(struct run *r, struct lace_error *err)
{
    if (r->folder >= 0 || (r->folder = open(r->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) return 0;
    if (!flock(r->folder, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) return 0;
    return lace_fail(err, LACE_BAD,
                     "Another run is at work in %s; let it end, or name another folder with --set out=DIR.", r->out);
}

static int write_settings(struct run *r, const char *path, struct lace_error *err)
{
    struct lace_text text;
    int code;
    if ((code = lace_make_dir(r->out, err)) || (code = lock_folder(r, err))) return code;
    lace_text_init(&text);
    code = lace_settings_format(&r->settings, &text, err);
    if (!code) code = lace_write_file(path, text.data, text.len, err);
    lace_text_release(&text);
    return code;
}

/* Every rank looks at what is there and takes the checkpoint; the first one alone writes. */
static int start_run(struct run *r, struct lace_error *err)
{
    char path[PATH_MAX];
    int code = r->ranks.rank ? 0 : lock_folder(r, err);
    if (code || (code = lace_join(path, r->out, "model/model.safetensors", err))) return code;
    long latest = latest_checkpoint(r->out);
    if (latest >= 0 && !r->options->resume)
        return lace_fail(
            err, LACE_BAD,
            "%s holds a run already (checkpoint-%ld); go on with --resume, or name another folder with --set out=DIR.",
            r->out, latest);
    if (latest < 0 && !access(path, F_OK))
        return lace_fail(
            err, LACE_BAD,
            "%s holds a trained model and no checkpoint; remove it, or name another folder with --set out=DIR.",
            r->out);
    if ((code = lace_join(path, r->out, "settings.yaml", err))) return code;
    if (latest >= 0 && (code = same_settings(r, path, err))) return code;
    if (!r->ranks.rank && (code = write_settings(r, path, err))) return code;
    if (latest >= 0) {
        if ((code = checkpoint_path(r, latest, path, err)) || (code = lace_checkpoint_load(&r->trainer, path, err)))
            return code;
    }
    return r->ranks.rank ? 0 : open_metrics(r, r->trainer.step, err);
}

static void release(struct run *r)
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

static int name_last_good(const struct run *r, int code, struct lace_error *err)
{
    struct lace_error why = err ? *err : (struct lace_error){{0}};
    long latest = latest_checkpoint(r->out);
    if (latest < 0) return code;
    return lace_fail(err, code, "%.380s The last good checkpoint is %.80s/checkpoint-%ld.", why.text, r->out, latest);
}

static void write_rl(const struct run *r, const struct lace_rl_report *o)
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

static void write_metrics(const struct run *r, const struct lace_step_report *o, const struct lace_rl_report *rewards,
                          double seconds)
{
    fprintf(r->metrics,
            "{\"step\": %ld, \"loss\": %.6f, \"grad_norm\": %.5f, \"lr\": %.6g, \"tokens\": %ld, \"learned\": %ld, "
            "\"seconds\": %.4f, \"flops\": %.4g",
            r->trainer.step, o->loss, o->grad_norm, o->lr, o->tokens, o->learned, seconds, o->flops);
    if (rewards) write_rl(r, rewards);
    fputs("}\n", r->metrics);
}

/* The metrics so far and a checkpoint to disk. */
static int keep_step(struct run *r, struct lace_error *err)
{
    if (fflush(r->metrics) || ferror(r->metrics))
        return lace_fail(err, LACE_SYSTEM, "Cannot write the metrics of %s: %s.", r->out, strerror(errno));
    return save_checkpoint(r, err);
}

static int train_steps(struct run *r, struct lace_error *err)
{
    int code = 0;
    while (r->trainer.step < r->train.steps) {
        struct lace_step_report report;
        struct lace_rl_report rewards;
        double start = lace_now();
        long before = r->trainer.step;
        code = r->lattice_grpo ? lace_rl_step(r->lattice_grpo, &report, &rewards, err)
                               : lace_trainer_step(&r->trainer, &report, err);
        if (code) return name_last_good(r, code, err);
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
        if (code) return name_last_good(r, code, err);
        if (stop && !last)
            return lace_fail(err, LACE_STOPPED,
                             "Stopped after step %ld of %d; %s/checkpoint-%ld is saved: go on with --resume.",
                             r->trainer.step, r->train.steps, r->out, r->trainer.step);
    }
    return lace_ranks_agree(&r->ranks, r->ranks.rank ? 0 : export_model(r, err), err);
}

/* The stage stands among the settings, so that a run's folder says what it is. */
static int read_stage(struct run *r, struct lace_error *err)
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

static int grade(void *user, const struct lace_record *problem, const char *answer)
{
    (void)user;
    const struct lace_family *family = lace_family_find(problem->task, NULL);
    if (family) return family->check(family, problem->prompt, answer, NULL);
    return problem->answer && lace_format_same(answer, problem->answer);
}

/* Reinforcement needs the model as it was at the start beside the one that learns. */
static int open_rl(struct run *r, struct lace_error *err)
{
    const char *init = NULL, *lattice = NULL;
    struct lace_model_options options = {.dtype = (int)r->model->dtype};
    int code = lace_settings_string(&r->settings, "init.model", &init, err);
    if (!code) code = lace_settings_string(&r->settings, "init.lattice", &lattice, err);
    if (!code && lattice && !strcmp(lattice, "new"))
        code = lace_fail(err, LACE_BAD, "%s: rl goes on with a lattice that is trained; init.lattice cannot be new.",
                         r->settings.path);
    if (!code) code = lace_model_load(&r->reference, init, lattice, &options, err);
    return code ? code : lace_rl_open(&r->lattice_grpo, &r->trainer, r->reference, &r->rl, grade, NULL, err);
}

/* Everything up to the first step; writes nothing. */
static int open_run(struct run *r, const struct lace_train_options *options, const struct lace_ranks *ranks,
                    struct lace_error *err)
{
    static const char *const stages[] = {"pretrain", "cpt", "sft", "rl", NULL};
    *r = (struct run){.options = options, .folder = -1, .ranks = *ranks};
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

int lace_train(const struct lace_train_options *options, struct lace_error *err)
{
    struct run r;
    struct lace_ranks ranks;
    int code = lace_ranks_open(&ranks, err);
    if (code) return code;
    code = lace_ranks_agree(&ranks, open_run(&r, options, &ranks, err), err);
    if (!code) code = lace_ranks_agree(&ranks, start_run(&r, err), err);
    if (!code) code = train_steps(&r, err);
    release(&r);
    lace_ranks_close(&ranks);
    return code;
}

/* ---- in memory ---- */

struct lace_training {
    struct run run;
};

int lace_training_open(struct lace_training **training, const struct lace_train_options *options,
                       struct lace_error *err)
{
    if (!(*training = calloc(1, sizeof **training))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    int code = open_run(&(*training)->run, options, &(struct lace_ranks){.count = 1}, err);
    if (code) lace_training_close(training);
    return code;
}

void lace_training_close(struct lace_training **training)
{
    if (!*training) return;
    release(&(*training)->run);
    free(*training);
    *training = NULL;
}

struct lace_trainer *lace_training_trainer(struct lace_training *training) { return &training->run.trainer; }
