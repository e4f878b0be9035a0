/* Writing a model back, in the form that Transformers and PEFT read. */
#include "model/fingerprint.h"
#include "io/safetensors.h"
#include <limits.h>
#include <stdlib.h>

static enum lace_tensor_type type_of(enum lace_dtype type)
{
    return type == LACE_F32 ? LACE_T_F32 : type == LACE_BF16 ? LACE_T_BF16 : LACE_T_F16;
}

struct part {
    const struct lace_tensor *values; /* as they are in memory: f32 */
    enum lace_tensor_type type;       /* as they are written */
};

static int fill(void *user, size_t tensor, size_t first, size_t count, void *out, struct lace_error *err)
{
    const struct part *part = user;
    return lace_tensor_convert(&part->values[tensor], first, count, part->type, out, err);
}

static int save_part(const struct lace_model *m, const char *dir, const char *file_name, bool lattice,
                     enum lace_dtype type, struct lace_error *err)
{
    char path[PATH_MAX], (*names)[96] = calloc((size_t)m->count, sizeof *names);
    struct lace_tensor *values = calloc((size_t)m->count, sizeof *values),
                       *tensors = calloc((size_t)m->count, sizeof *tensors);
    size_t count = 0;
    int code = lace_join(path, dir, file_name, err);
    if (!code && (!names || !tensors || !values))
        code = lace_fail(err, LACE_MEMORY, "Out of memory while saving %s.", path);
    for (int i = 0; i < m->count && !code; i++) {
        const struct lace_weight *w = &m->weights[i];
        if (lace_weight_is_lattice(w) != lattice) continue;
        if (!w->value) {
            code = lace_fail(err, LACE_BAD, "Only a model opened for training can be saved.");
            break;
        }
        bool vector = lace_params[w->param].form == VECTOR;
        size_t elements = (size_t)w->rows * w->cols;
        struct lace_tensor *t = &values[count];
        *t = (struct lace_tensor){.name = (char *)lace_weight_name(w, names[count]),
                                  .type = LACE_T_F32,
                                  .rank = vector ? 1 : 2,
                                  .shape = {(uint64_t)(vector ? w->cols : w->rows), (uint64_t)w->cols},
                                  .data = w->value,
                                  .bytes = elements * sizeof(float)};
        tensors[count] = *t;
        tensors[count].type = type_of(type);
        tensors[count++].bytes = elements * lace_tensor_type_bytes(type_of(type));
    }
    static const char *const metadata[] = {"format", "pt", NULL};
    struct part part = {values, type_of(type)};
    if (!code) code = lace_safetensors_stream(path, tensors, count, metadata, fill, &part, err);
    free(values);
    free(tensors);
    free(names);
    return code;
}

int lace_model_save(const struct lace_model *m, const char *dir, const char *lattice_dir, enum lace_dtype type,
                    struct lace_error *err)
{
    int code = 0;
    if (dir) code = lace_make_dir(dir, err);
    if (dir && !code) code = lace_config_write(&m->config, m->config_json, lace_dtype_names[type], dir, err);
    if (dir && !code) code = save_part(m, dir, "model.safetensors", false, type, err);
    if (!lattice_dir || code) return code;
    if (m->lattice.kind == LACE_KIND_NONE) return lace_fail(err, LACE_BAD, "The model has no lattice to save.");
    struct lace_lattice_config lattice = m->lattice;
    struct lace_fingerprint backbone;
    code = lace_fingerprint_take(&backbone, m, NULL, err);
    if (backbone.matrices.known) lattice.backbone = backbone; /* a lattice alone was told its backbone's */
    if (!code) code = lace_make_dir(lattice_dir, err);
    if (!code) code = lace_lattice_config_write(&lattice, lattice_dir, err);
    return code ? code : save_part(m, lattice_dir, "lattice_model.safetensors", true, type, err);
}
