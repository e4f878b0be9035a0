/* A model from a directory or a GGUF file. All tensors are checked before any memory is taken; then each is packed in
 * pieces of rows, and the pages that it came from are given back at once: at no time are the weights in memory twice. */
#include "model/model_internal.h"
#include "io/model_dir.h"
#include "model/fingerprint.h"
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)16 << 20) /* bytes of a checkpoint that are packed at once */

static const char *where(const struct lace_weights *source, const char *dir)
{
    return source->file_count == 1 ? source->files[0].path : dir;
}

/* Whether the tensor of a weight is there as the configuration wants it. */
static int check_weight(const struct lace_weight *w, struct lace_weights *source, const char *dir,
                        const struct lace_tensor **out, struct lace_error *err)
{
    char name[96];
    const struct lace_tensor *t = *out = lace_weights_take(source, lace_weight_name(w, name));
    enum lace_dtype type;
    if (!t)
        return lace_fail(err, LACE_BAD, "%s: the tensor %s is missing; the file does not belong to %s.",
                         where(source, dir), name,
                         lace_weight_is_lattice(w) ? "this backbone or lattice_config.json"
                         : source->gguf            ? "its metadata"
                                                   : "this config.json");
    const char *path = lace_weights_path(source, t);
    bool fits = lace_params[w->param].form == VECTOR
                    ? t->rank == 1 && t->shape[0] == (uint64_t)w->cols
                    : t->rank == 2 && t->shape[0] == (uint64_t)w->rows && t->shape[1] == (uint64_t)w->cols;
    if (!fits && lace_weight_is_lattice(w))
        return lace_fail(err, LACE_BAD,
                         "%s: the tensor %s does not have the shape (%d, %d) that this model asks for; the lattice was "
                         "made for another one.",
                         path, name, w->rows, w->cols);
    if (!fits)
        return lace_fail(err, LACE_BAD, "%s: the tensor %s does not have the shape (%d, %d) that %s for.", path, name,
                         w->rows, w->cols, source->gguf ? "the metadata ask" : "config.json asks");
    if (!lace_tensor_dtype(t, &type))
        return lace_fail(err, LACE_BAD, "%s: the tensor %s is of type %s; lace reads F32, F16 and BF16.", path, name,
                         lace_tensor_type_name(t->type));
    return 0;
}

/* A tensor of the model that nothing here would compute with: the result would not be the model's. */
static int check_rest(const struct lace_model *m, const struct lace_weights *source, struct lace_error *err)
{
    for (size_t i = 0; i < source->count; i++) {
        const char *name = source->tensors[i].name;
        if (source->taken[i] || (strncmp(name, "model.", 6) && strncmp(name, "lm_head.", 8))) continue;
        if (strstr(name, ".rotary_emb.")) continue; /* old files hold the rotation's frequencies */
        if (m->config.tie_word_embeddings && !strcmp(name, "lm_head.weight")) continue;
        return lace_fail(err, LACE_BAD,
                         "%s holds the tensor %.100s, which %s not account for; the model would run wrongly.",
                         lace_weights_path(source, &source->tensors[i]), name,
                         source->gguf ? "its metadata do" : "this model's config.json does");
    }
    return 0;
}

static int check_part(const struct lace_model *m, struct lace_weights *source, const char *dir, bool lattice,
                      struct lace_error *err)
{
    int code = 0;
    const struct lace_tensor *t;
    for (int i = 0; i < m->count && !code; i++) {
        struct lace_weight *w = &m->weights[i];
        enum lace_dtype type;
        if (lace_weight_is_lattice(w) != lattice || (code = check_weight(w, source, dir, &t, err))) continue;
        lace_tensor_dtype(t, &type);
        if (lace_dtype_has_blocks(type) && !m->trained) w->packed = type; /* the products read them as they are */
    }
    return code || lattice ? code : check_rest(m, source, err);
}

/* Packs a matrix from the checkpoint, a piece of its rows after the other: the packed form of the first 64 k outputs
 * is a prefix of the whole. */
static int pack_pieces(const struct lace_model *m, struct lace_weight *w, const struct lace_tensor *t,
                       struct lace_error *err)
{
    enum lace_dtype type;
    lace_tensor_dtype(t, &type);
    size_t line = lace_dtype_size(type, (size_t)w->cols), most = PIECE / line / 64 * 64,
           in_file = t->bytes / (size_t)w->rows;
    bool there = lace_tensor_in_place(t);
    void *copy = NULL;
    if (!most) most = 64;
    if (most > (size_t)w->rows) most = (size_t)w->rows;
    if (!there && !(copy = lace_alloc_array(most, line)))
        return lace_fail(err, LACE_MEMORY, "Out of memory while packing the weights.");
    for (size_t row = 0, rows; row < (size_t)w->rows; row += rows) {
        rows = (size_t)w->rows - row < most ? (size_t)w->rows - row : most;
        const char *from = (const char *)t->data + row * in_file;
        if (copy) lace_tensor_rows(t, row, rows, copy);
        struct lace_matrix piece = {w->cols, (int)rows, w->packed,
                                    (char *)w->matrix.forward + m->ops->matrix_bytes(w->packed, w->cols, (int)row),
                                    NULL};
        m->ops->matrix_pack(&piece, copy ? copy : from, type);
        lace_weights_drop(from, rows * in_file);
    }
    lace_free(copy);
    return 0;
}

/* Gives one weight its values from a checked tensor. */
static int fill_weight(struct lace_model *m, struct lace_weight *w, const struct lace_tensor *t, struct lace_error *err)
{
    enum lace_form form = lace_params[w->param].form;
    size_t count = (size_t)w->rows * w->cols;
    enum lace_dtype type;
    lace_tensor_dtype(t, &type);
    int code = lace_model_give(m, w, err);
    if (code) return code;
    if (w->value) {
        code = lace_tensor_to_f32(t, 0, count, w->value, err);
        lace_weights_drop(t->data, t->bytes);
        if (!code && w->matrix.forward) m->ops->matrix_pack(&w->matrix, w->value, LACE_F32);
        return code;
    }
    if (form == TABLE) {
        w->table_type = type;
        w->mapped = lace_tensor_in_place(t);
        if (w->mapped) w->table = t->data;
        else if ((code = lace_model_give_table(w, w->table_type, err))) return code;
        else lace_tensor_rows(t, 0, (size_t)w->rows, (void *)w->table);
    }
    return w->matrix.forward ? pack_pieces(m, w, t, err) : 0;
}

static int fill_part(struct lace_model *m, struct lace_weights *source, bool lattice, struct lace_error *err)
{
    char name[96];
    int code = 0;
    for (int i = 0; i < m->count && !code; i++)
        if (lace_weight_is_lattice(&m->weights[i]) == lattice)
            code =
                fill_weight(m, &m->weights[i], lace_weights_take(source, lace_weight_name(&m->weights[i], name)), err);
    return code;
}

/* Only the file with the embedding stays open, where it is looked up in place. */
static void close_files(struct lace_model *m)
{
    const struct lace_weight *embed = lace_model_weight(m, 0, P_EMBED);
    char name[96];
    if (!embed->mapped) lace_weights_close(&m->source);
    else lace_weights_close_files(&m->source, lace_weights_take(&m->source, lace_weight_name(embed, name))->file);
}

/* Whether the lattice was trained with these weights, where it says with which. */
static int check_backbone(struct lace_model *m, const char *dir, const char *lattice_dir, struct lace_error *err)
{
    const struct lace_fingerprint *trained = &m->lattice.backbone;
    struct lace_fingerprint here;
    if (!trained->vectors.known && !trained->matrices.known) return 0;
    int code = lace_fingerprint_take(&here, m, &m->source, err);
    if (code || !lace_fingerprint_differs(trained, &here)) return code;
    if (asprintf(&m->warning,
                 "The lattice %.200s was made for other weights than those of %.200s, so what its threads tell each "
                 "other may be nonsense; name the model that it belongs to.",
                 lattice_dir, dir) >= 0)
        return 0;
    m->warning = NULL;
    return lace_fail(err, LACE_MEMORY, "Out of memory.");
}

int lace_model_load(struct lace_model **model, const char *dir, const char *lattice_dir,
                    const struct lace_model_options *options, struct lace_error *err)
{
    struct lace_config config;
    struct lace_lattice_config lattice = {0};
    struct lace_weights adapter = {0};
    char *text = NULL;
    *model = NULL;
    int code = lace_model_dir_check(dir, err);
    if (!code) code = lace_config_read(&config, dir, &text, err);
    if (!code && lattice_dir) code = lace_lattice_dir_check(lattice_dir, err);
    if (!code && lattice_dir) code = lace_lattice_config_read(&lattice, &config, lattice_dir, err);
    if (!code) code = lace_model_new(model, &config, lattice_dir ? &lattice : NULL, options, err);
    struct lace_model *m = *model;
    if (m) m->config_json = text;
    else lace_free(text);
    if (!code) code = lace_weights_open_model(&m->source, dir, err);
    if (!code) code = check_part(m, &m->source, dir, false, err);
    if (!code && lattice_dir) code = lace_weights_open(&adapter, lattice_dir, "lattice_model", err);
    if (!code && lattice_dir) code = check_part(m, &adapter, lattice_dir, true, err);
    if (!code && lattice_dir) code = check_backbone(m, dir, lattice_dir, err);
    if (!code) code = lace_model_give_master(m, 0, err);
    if (!code) code = lace_model_give_packed(m, err);
    if (!code) code = fill_part(m, &m->source, false, err);
    if (!code && lattice_dir) code = fill_part(m, &adapter, true, err);
    lace_weights_close(&adapter);
    if (code) lace_model_free(model);
    else close_files(m);
    return code;
}

int lace_model_examine(struct lace_config *config, struct lace_fingerprint *print, const char *dir,
                       struct lace_error *err)
{
    struct lace_model *m = NULL;
    struct lace_weights source = {0};
    int code = lace_model_dir_check(dir, err);
    if (!code) code = lace_config_read(config, dir, NULL, err);
    if (!code) code = lace_model_new(&m, config, NULL, NULL, err);
    if (!code) code = lace_weights_open_model(&source, dir, err);
    if (!code) code = check_part(m, &source, dir, false, err);
    if (!code && print) code = lace_fingerprint_take(print, m, &source, err);
    lace_weights_close(&source);
    lace_model_free(&m);
    return code;
}
