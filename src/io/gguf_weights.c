/* The tensors of GGUF files under the names of a Hugging Face checkpoint. Where the file's way of rotary embedding is to
 * turn neighbours, the rows of q and k are in another order there (lace_tensor_row): the conversion did that, once, for
 * the families below. A file may come in parts, NAME-00001-of-00003.gguf and so on; the first has the metadata. */
#include "io/gguf.h"
#include "io/weights.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PARTS = 1000 };

static const struct {
    const char *file, *model; /* before ".weight" or ".bias" */
} once[] = {{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}},
  per_layer[] = {{"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
                 {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
                 {"attn_output", "self_attn.o_proj"}, {"attn_q_norm", "self_attn.q_norm"},
                 {"attn_k_norm", "self_attn.k_norm"}, {"ffn_norm", "post_attention_layernorm"},
                 {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
                 {"ffn_down", "mlp.down_proj"}};
#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The name in a checkpoint, into to; false: no model of lace has the tensor. */
static bool model_name(const char *name, char *to, size_t room)
{
    const char *ending = strrchr(name, '.');
    int layer = -1, used = 0;
    char digits[12];
    if (!strcmp(name, "rope_freqs.weight")) return snprintf(to, room, "%s", name) > 0; /* read with the metadata */
    if (!ending || (strcmp(ending, ".weight") && strcmp(ending, ".bias"))) return false;
    if (sscanf(name, "blk.%3d.%n", &layer, &used) == 1 && used) {
        snprintf(digits, sizeof digits, "%d", layer);
        if (strncmp(name + 4, digits, strlen(digits)) || name[4 + strlen(digits)] != '.') return false; /* "blk.+1" */
    } else used = 0;
    size_t len = (size_t)(ending - name) - (size_t)used, rows = used ? COUNT(per_layer) : COUNT(once);
    for (size_t i = 0; i < rows; i++) {
        const char *file = used ? per_layer[i].file : once[i].file, *model = used ? per_layer[i].model : once[i].model;
        if (strlen(file) != len || strncmp(name + used, file, len)) continue;
        if (used) snprintf(to, room, "model.layers.%d.%s%s", layer, model, ending);
        else snprintf(to, room, "%s%s", model, ending);
        return true;
    }
    return false;
}

/* The width of the heads whose pairs lie together; 0: the file has its rows as Hugging Face does. */
static int turned_width(const struct lace_gguf *file, long *width, struct lace_error *err)
{
    struct lace_string arch;
    char key[96];
    long hidden, heads;
    *width = 0;
    int code = lace_gguf_string(file, "general.architecture", &arch, err);
    if (code || !arch.bytes || arch.len > 40) return code;
    bool turned =
        (arch.len == 5 && !memcmp(arch.bytes, "llama", 5)) || (arch.len == 7 && !memcmp(arch.bytes, "smollm3", 7));
    if (!turned) return 0;
    snprintf(key, sizeof key, "%.*s.embedding_length", (int)arch.len, arch.bytes);
    if ((code = lace_gguf_int(file, key, 0, 0, INT_MAX, &hidden, err))) return code;
    snprintf(key, sizeof key, "%.*s.attention.head_count", (int)arch.len, arch.bytes);
    if ((code = lace_gguf_int(file, key, 1, 1, INT_MAX, &heads, err))) return code;
    snprintf(key, sizeof key, "%.*s.attention.key_length", (int)arch.len, arch.bytes);
    return lace_gguf_int(file, key, hidden / heads, 0, 1 << 20, width, err);
}

static bool ends_in_any(const char *name, const char *const *endings)
{
    for (; *endings; endings++) {
        size_t n = strlen(name), m = strlen(*endings);
        if (n >= m && !strcmp(name + n - m, *endings)) return true;
    }
    return false;
}

/* Gives the tensors of a file their names in a checkpoint. */
static int rename_all(struct lace_gguf *file, long width, struct lace_error *err)
{
    static const char *const turned[] = {".q_proj.weight", ".k_proj.weight", ".q_proj.bias", ".k_proj.bias", NULL};
    char name[128];
    for (size_t i = 0; i < file->count; i++) {
        struct lace_tensor *t = &file->tensors[i];
        if (!model_name(t->name, name, sizeof name))
            return lace_fail(err, LACE_BAD,
                             "%.300s holds the tensor %.64s, which no model that lace runs has; it would run wrongly.",
                             file->path, t->name);
        char *copy = strdup(name);
        if (!copy) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.300s.", file->path);
        free(t->name);
        t->name = copy;
        bool heads = width > 0 && width % 2 == 0 && t->shape[0] % (uint64_t)width == 0; /* else the shape is refused */
        if (heads && ends_in_any(name, turned)) t->turned = (int)width;
    }
    return 0;
}

static int read_part(const struct lace_gguf *file, long *no, long *count, struct lace_error *err)
{
    int code = lace_gguf_int(file, "split.no", 0, 0, MAX_PARTS - 1, no, err);
    return code ? code : lace_gguf_int(file, "split.count", 1, 0, MAX_PARTS, count, err);
}

int lace_gguf_check_first(const struct lace_gguf *file, struct lace_error *err)
{
    long no, count;
    int code = read_part(file, &no, &count, err);
    if (code || !no) return code;
    return lace_fail(err, LACE_BAD,
                     "%.300s is part %ld of %ld of a model; name the first part, which ends in -00001-of-%05ld.gguf.",
                     file->path, no + 1, count, count);
}

/* Opens a part and adds it. The first says how many there are (*parts) and how wide the turned heads are. */
static int add_part(struct lace_weights *w, const char *path, long number, long *parts, long *width,
                    struct lace_error *err)
{
    struct lace_gguf file;
    long no, count;
    int code = lace_gguf_open(&file, path, err);
    if (code) return code;
    if (!number) code = lace_gguf_check_first(&file, err);
    if (!code && !(code = read_part(&file, &no, &count, err)) && (no != number || (number && count != *parts)))
        code =
            lace_fail(err, LACE_BAD, "%.300s is not part %ld of %ld of the model, as its name says; download it again.",
                      path, number + 1, *parts);
    if (!code && !number) {
        *parts = count > 1 ? count : 1;
        code = turned_width(&file, width, err);
    }
    if (!code) code = rename_all(&file, *width, err);
    if (code) {
        lace_gguf_close(&file);
        return code;
    }
    code = lace_weights_add(w, file.path, file.map, file.map_bytes, file.tensors, file.count, err);
    file.path = NULL;
    file.map = NULL;
    file.count = 0; /* the names and the mapping are the table's now */
    lace_gguf_close(&file);
    return code;
}

/* Where the other parts are: the name up to "-00001-of-00003.gguf". */
static int part_stem(const char *path, long parts, size_t *stem, struct lace_error *err)
{
    char ending[32];
    size_t len = strlen(path), tail = (size_t)snprintf(ending, sizeof ending, "-00001-of-%05ld.gguf", parts);
    *stem = len - tail;
    if (len > tail && !strcmp(path + len - tail, ending)) return 0;
    return lace_fail(err, LACE_BAD,
                     "%.300s is the first of %ld parts of a model; its name must end in %s, and the "
                     "others lie beside it.",
                     path, parts, ending);
}

int lace_weights_open_gguf(struct lace_weights *w, const char *path, struct lace_error *err)
{
    char name[PATH_MAX];
    long parts = 1, width = 0;
    size_t stem = 0;
    *w = (struct lace_weights){.gguf = true};
    int code = add_part(w, path, 0, &parts, &width, err);
    if (!code && parts > 1) code = part_stem(path, parts, &stem, err);
    for (long i = 1; i < parts && !code; i++) {
        if (snprintf(name, sizeof name, "%.*s-%05ld-of-%05ld.gguf", (int)stem, path, i + 1, parts) >= (int)sizeof name)
            code = lace_fail(err, LACE_BAD, "The path %.300s is too long.", path);
        else if (access(name, F_OK))
            code = lace_fail(err, LACE_BAD, "Part %ld of %ld of the model, %.300s, is not there; download it again.",
                             i + 1, parts, name);
        else code = add_part(w, name, i, &parts, &width, err);
    }
    if (!code) code = lace_weights_finish(w, err);
    if (code) lace_weights_close(w);
    return code;
}
