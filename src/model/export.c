/* lace_export: a checkpoint in another type, in one file, tensor by tensor from the mapping of the old one to the new
 * file, so that a model larger than memory can be converted. What belongs to the model beside its weights goes along. */
#include "io/model_dir.h"
#include "io/safetensors.h"
#include "model/model.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const lace_companions[] = {"tokenizer.json",
                                       "tokenizer_config.json",
                                       "tokenizer.model",
                                       "vocab.json",
                                       "merges.txt",
                                       "special_tokens_map.json",
                                       "added_tokens.json",
                                       "chat_template.jinja",
                                       "chat_template.json",
                                       "generation_config.json",
                                       NULL};
static const char *const lattice[] = {"lattice/lattice_config.json", "lattice/lattice_model.safetensors", NULL};

int lace_copy_files(const char *from, const char *to, const char *const *names, struct lace_error *err)
{
    for (int i = 0; names[i]; i++) {
        char source[PATH_MAX], target[PATH_MAX], *bytes;
        size_t len;
        int code = lace_join(source, from, names[i], err);
        if (!code) code = lace_join(target, to, names[i], err);
        if (code) return code;
        if (access(source, F_OK)) continue;
        char *slash = strrchr(target, '/');
        *slash = 0;
        code = lace_make_dir(target, err);
        *slash = '/';
        if (code || (code = lace_read_file(source, (size_t)1 << 30, &bytes, &len, err))) return code;
        code = lace_write_file(target, bytes, len, err);
        lace_free(bytes);
        if (code) return code;
    }
    return 0;
}

struct conversion {
    struct lace_weights source;
    enum lace_tensor_type type;
};

static bool is_number(const struct lace_tensor *t)
{
    return t->type == LACE_T_F32 || t->type == LACE_T_F16 || t->type == LACE_T_BF16;
}

static int fill(void *user, size_t tensor, size_t first, size_t count, void *out, struct lace_error *err)
{
    const struct conversion *c = user;
    const struct lace_tensor *t = &c->source.tensors[tensor];
    size_t size = lace_tensor_type_bytes(t->type);
    const char *from = (const char *)t->data + first * size;
    int code = 0;
    if (!is_number(t) || t->type == c->type) memcpy(out, from, count * size);
    else code = lace_tensor_convert(t, first, count, c->type, out, err);
    lace_weights_drop(from, count * size);
    return code;
}

static int convert(struct conversion *c, const char *out, struct lace_export_report *report, struct lace_error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    char path[PATH_MAX];
    size_t count = c->source.count;
    struct lace_tensor *tensors = lace_alloc_array(count + 1, sizeof *tensors);
    int code = lace_join(path, out, "model.safetensors", err);
    if (!tensors) return lace_fail(err, LACE_MEMORY, "Out of memory while writing %s.", path);
    for (size_t i = 0; i < count; i++) {
        struct lace_tensor *t = &tensors[i];
        *t = c->source.tensors[i];
        size_t elements = t->bytes / lace_tensor_type_bytes(t->type);
        if (is_number(t)) t->type = c->type;
        t->bytes = elements * lace_tensor_type_bytes(t->type);
        report->parameters += elements;
        report->bytes += t->bytes;
    }
    report->tensors = count;
    if (!code) code = lace_safetensors_stream(path, tensors, count, metadata, fill, c, err);
    lace_free(tensors);
    return code;
}

int lace_export(const struct lace_export_options *o, struct lace_export_report *report, struct lace_error *err)
{
    static const char *const dtypes[] = {"f32", "bf16", "f16", NULL}; /* by enum lace_dtype */
    static const enum lace_tensor_type types[] = {LACE_T_F32, LACE_T_BF16, LACE_T_F16};
    struct lace_export_report unused;
    struct lace_config config;
    struct conversion c = {.source = {0}};
    char *text = NULL;
    int dtype = lace_name_index(dtypes, o->dtype ? o->dtype : "bf16");
    if (dtype < 0)
        return lace_fail(err, LACE_BAD, "The type of an exported model is bf16, f16 or f32, not \"%.20s\".", o->dtype);
    if (!report) report = &unused;
    *report = (struct lace_export_report){0};
    c.type = types[dtype];
    int code = lace_new_dir_check(o->out, "exported model", err);
    if (!code) code = lace_model_not_gguf(o->model, "lace export", err);
    if (!code) code = lace_model_examine(&config, NULL, o->model, err); /* it must be whole */
    if (!code) code = lace_config_read(&config, o->model, &text, err);
    if (!code) code = lace_weights_open_model(&c.source, o->model, err);
    if (!code) code = lace_make_dir(o->out, err);
    if (!code) code = convert(&c, o->out, report, err);
    if (!code) code = lace_copy_files(o->model, o->out, lace_companions, err);
    if (!code) code = lace_copy_files(o->model, o->out, lattice, err);
    if (!code) code = lace_config_write(&config, text, lace_dtype_names[dtype], o->out, err);
    lace_weights_close(&c.source);
    lace_free(text);
    return code;
}
