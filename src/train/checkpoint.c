/* A checkpoint is a folder that any reader of model directories understands, with the optimiser's moments beside. */
#include "io/json.h"
#include "io/safetensors.h"
#include "train/trainer.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int save_moments(const struct lace_trainer *t, const char *dir, struct lace_error *err)
{
    char path[PATH_MAX], text[96];
    struct lace_tensor tensors[2] = {
        {.name = "exp_avg",
         .type = LACE_T_F32,
         .rank = 1,
         .shape = {t->model->values},
         .data = t->m,
         .bytes = t->model->values * 4},
        {.name = "exp_avg_sq",
         .type = LACE_T_F32,
         .rank = 1,
         .shape = {t->model->values},
         .data = t->v,
         .bytes = t->model->values * 4},
    };
    int code = lace_join(path, dir, "optimizer.safetensors", err);
    if (!code) code = lace_safetensors_write(path, tensors, 2, NULL, err);
    if (!code) code = lace_join(path, dir, "trainer.json", err);
    int len = snprintf(text, sizeof text, "{\"step\": %ld, \"tokens\": %ld}\n", t->step, t->tokens);
    return code ? code : lace_write_file(path, text, (size_t)len, err);
}

/* The update after a finite loss may still leave the range of floats; such weights must not become the last good ones. */
static int check_finite(const struct lace_trainer *t, struct lace_error *err)
{
    const float *blocks[] = {t->model->master, t->m, t->v};
    for (int b = 0; b < 3; b++)
        for (size_t i = 0; i < t->model->values; i++)
            if (!isfinite(blocks[b][i]))
                return lace_fail(
                    err, LACE_BAD,
                    "Step %ld left weights or moments that are no numbers; training stopped. Lower lr or clip.",
                    t->step);
    return 0;
}

int lace_checkpoint_save(const struct lace_trainer *t, const char *dir, struct lace_error *err)
{
    char temporary[PATH_MAX], lattice[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", dir) >= PATH_MAX)
        return lace_fail(err, LACE_BAD, "The path %.100s... is too long.", dir);
    int code = check_finite(t, err);
    if (code) return code;
    lace_remove_folder(temporary);
    code = lace_join(lattice, temporary, "lattice", err);
    if (!code)
        code = lace_model_save(t->model, temporary, t->model->lattice.kind == LACE_KIND_NONE ? NULL : lattice, LACE_F32,
                               err);
    if (!code) code = save_moments(t, temporary, err);
    return code ? code : lace_replace_folder(temporary, dir, err);
}

static int load_weights(struct lace_trainer *t, const char *dir, const char *file_name, bool lattice,
                        struct lace_error *err)
{
    char path[PATH_MAX], name[96];
    struct lace_safetensors file;
    int code = lace_join(path, dir, file_name, err);
    if (code || (code = lace_safetensors_open(&file, path, err))) return code;
    for (int i = 0; i < t->model->count && !code; i++) {
        struct lace_weight *w = &t->model->weights[i];
        if (lace_weight_is_lattice(w) != lattice) continue;
        const struct lace_tensor *x = lace_safetensors_find(&file, lace_weight_name(w, name));
        size_t count = (size_t)w->rows * w->cols;
        if (!x || x->type != LACE_T_F32 || x->bytes != count * 4)
            code = lace_fail(
                err, LACE_BAD,
                "%s: the tensor %s does not fit this run's model; resume with the settings the run began with.", path,
                name);
        else memcpy(w->value, x->data, count * 4);
    }
    lace_safetensors_close(&file);
    return code;
}

int lace_checkpoint_load(struct lace_trainer *t, const char *dir, struct lace_error *err)
{
    char path[PATH_MAX];
    struct lace_safetensors file;
    int code = load_weights(t, dir, "model.safetensors", false, err), step;
    double tokens;
    if (!code && t->model->lattice.kind != LACE_KIND_NONE)
        code = load_weights(t, dir, "lattice/lattice_model.safetensors", true, err);
    if (!code) code = lace_join(path, dir, "optimizer.safetensors", err);
    if (code || (code = lace_safetensors_open(&file, path, err))) return code;
    const struct lace_tensor *m = lace_safetensors_find(&file, "exp_avg"),
                             *v = lace_safetensors_find(&file, "exp_avg_sq");
    size_t bytes = t->model->values * 4;
    if (!m || !v || m->type != LACE_T_F32 || v->type != LACE_T_F32 || m->bytes != bytes || v->bytes != bytes)
        code = lace_fail(err, LACE_BAD, "%s: the moments do not fit this run's model.", path);
    else {
        memcpy(t->m, m->data, bytes);
        memcpy(t->v, v->data, bytes);
    }
    lace_safetensors_close(&file);
    if (!code) code = lace_join(path, dir, "trainer.json", err);
    json_t *o = code ? NULL : lace_json_read(path, 1 << 16, err);
    if (!o) return code ? code : LACE_BAD;
    code = lace_json_int(o, "step", -1, 0, INT_MAX, &step, path, err);
    if (!code) code = lace_json_double(o, "tokens", 0, 0, 1e18, &tokens, path, err);
    json_decref(o);
    if (code) return code;
    t->step = step;
    t->tokens = (long)tokens;
    lace_model_repack(t->model, false);
    return 0;
}
