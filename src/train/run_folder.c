/* The folder of a run: what may go on there, checkpoints, metrics, and the model at the end. */
#include "train/run.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

long lace_train_run_latest(const char *out, long most)
{
    DIR *d = opendir(out);
    long best = -1;
    if (!d) return -1;
    for (struct dirent *e; (e = readdir(d));) {
        long n;
        char rest;
        if (sscanf(e->d_name, "checkpoint-%ld%c", &n, &rest) == 1 && n > best && n <= most) best = n;
    }
    closedir(d);
    return best;
}

static int checkpoint_path(const struct lace_train_run *r, long step, char *path, struct lace_error *err)
{
    char name[48];
    snprintf(name, sizeof name, "checkpoint-%ld", step);
    return lace_join(path, r->out, name, err);
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

/* What a reader of the model needs beside its weights. */
static int copy_companions(struct lace_train_run *r, const char *dir, struct lace_error *err)
{
    const char *init = NULL;
    if (r->tokenizer_path) return copy_file(r->tokenizer_path, dir, "tokenizer.json", err);
    int code = lace_settings_string(&r->settings, "init.model", &init, err);
    return code ? code : lace_copy_files(init, dir, lace_companions, err); /* the tokenizer's ids are in all of them */
}

int lace_train_run_save(struct lace_train_run *r, struct lace_error *err)
{
    char path[PATH_MAX];
    int code = checkpoint_path(r, r->trainer.step, path, err);
    if (code || (code = lace_checkpoint_save(&r->trainer, path, err)) || (code = copy_companions(r, path, err)))
        return code;
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
static int open_metrics(struct lace_train_run *r, long steps, struct lace_error *err)
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
    setvbuf(r->metrics, NULL, _IOLBF, BUFSIZ); /* a run at work can be looked at */
    return 0;
}

/* Where model/ is, the stage counts as trained: it is there when all of it is. */
int lace_train_run_export(struct lace_train_run *r, struct lace_error *err)
{
    char dir[PATH_MAX], temporary[PATH_MAX], lattice[PATH_MAX];
    int code = lace_join(dir, r->out, "model", err);
    if (!code) code = lace_join(temporary, r->out, "model.tmp", err);
    if (!code) code = lace_join(lattice, temporary, "lattice", err);
    if (code) return code;
    lace_remove_folder(temporary);
    code =
        lace_model_save(r->model, temporary, r->model->lattice.kind == LACE_KIND_NONE ? NULL : lattice, LACE_BF16, err);
    if (!code) code = copy_companions(r, temporary, err);
    return code ? code : lace_replace_folder(temporary, dir, err);
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
static int same_settings(const struct lace_train_run *r, const char *path, struct lace_error *err)
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
static int lock_folder(struct lace_train_run *r, struct lace_error *err)
{
    if (r->folder >= 0 || (r->folder = open(r->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) return 0;
    if (!flock(r->folder, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) return 0;
    return lace_fail(err, LACE_BAD,
                     "Another run is at work in %s; let it end, or name another folder with --set out=DIR.", r->out);
}

static int write_settings(struct lace_train_run *r, const char *path, struct lace_error *err)
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
int lace_train_run_start(struct lace_train_run *r, struct lace_error *err)
{
    char path[PATH_MAX];
    int code = r->ranks.rank ? 0 : lock_folder(r, err);
    if (code || (code = lace_join(path, r->out, "model/model.safetensors", err))) return code;
    long latest = lace_train_run_latest(r->out, LONG_MAX);
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
