/* Writing a model back, in the form that Transformers and PEFT read. */
#include "model/model.h"
#include "io/safetensors.h"
#include <limits.h>
#include <stdlib.h>

static int save_part(const struct lace_model *m, const char *dir, const char *file_name, bool lattice,
                     enum lace_dtype type, struct lace_error *err)
{
    char path[PATH_MAX], (*names)[96] = calloc((size_t)m->count, sizeof *names);
    struct lace_tensor *tensors = calloc((size_t)m->count, sizeof *tensors);
    uint16_t *halves = type == LACE_BF16 ? lace_alloc_array(m->values, sizeof *halves) : NULL;
    size_t count = 0;
    int code = lace_join(path, dir, file_name, err);
    if (!code && (!names || !tensors || (type == LACE_BF16 && !halves)))
        code = lace_fail(err, LACE_MEMORY, "Out of memory while saving %s.", path);
    for (int i = 0; i < m->count && !code; i++) {
        const struct lace_weight *w = &m->weights[i];
        if (lace_weight_is_lattice(w) != lattice) continue;
        size_t values = (size_t)w->rows * w->cols;
        bool vector = lace_params[w->param].form == VECTOR;
        struct lace_tensor *t = &tensors[count];
        t->name = (char *)lace_weight_name(w, names[count++]);
        t->rank = vector ? 1 : 2;
        t->shape[0] = (uint64_t)(vector ? w->cols : w->rows);
        t->shape[1] = (uint64_t)w->cols;
        t->type = type == LACE_F32 ? LACE_T_F32 : LACE_T_BF16;
        t->bytes = values * (type == LACE_F32 ? 4 : 2);
        t->data = w->value;
        if (type == LACE_BF16) {
            for (size_t j = 0; j < values; j++) halves[w->offset + j] = lace_f32_to_bf16(w->value[j]);
            t->data = halves + w->offset;
        }
    }
    static const char *const metadata[] = {"format", "pt", NULL};
    if (!code) code = lace_safetensors_write(path, tensors, count, metadata, err);
    lace_free(halves);
    free(tensors);
    free(names);
    return code;
}

int lace_model_save(const struct lace_model *m, const char *dir, const char *lattice_dir, enum lace_dtype type,
                    struct lace_error *err)
{
    int code = 0;
    if (!m->master) return lace_fail(err, LACE_BAD, "Only a model opened for training can be saved.");
    if (dir) code = lace_make_dir(dir, err);
    if (dir && !code)
        code = lace_config_write(&m->config, m->config_json, type == LACE_F32 ? "float32" : "bfloat16", dir, err);
    if (dir && !code) code = save_part(m, dir, "model.safetensors", false, type, err);
    if (!lattice_dir || code) return code;
    if (m->lattice.kind == LACE_KIND_NONE) return lace_fail(err, LACE_BAD, "The model has no lattice to save.");
    code = lace_make_dir(lattice_dir, err);
    if (!code) code = lace_lattice_config_write(&m->lattice, lattice_dir, err);
    return code ? code : save_part(m, lattice_dir, "lattice_model.safetensors", true, type, err);
}
