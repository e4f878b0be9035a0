/* An index is as hostile as any file: its shards must be plain names beside it, and it and they must agree. */
#include "io/weights.h"
#include "io/json.h"
#include "io/model_dir.h"
#include "io/safetensors.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_SHARDS 1000
#define MAX_INDEX  ((size_t)64 << 20)

void lace_weights_close_files(struct lace_weights *w, int keep)
{
    for (int i = 0; i < w->file_count; i++) {
        if (i == keep || !w->files[i].map) continue;
        munmap(w->files[i].map, w->files[i].bytes);
        w->files[i].map = NULL;
    }
}

void lace_weights_close(struct lace_weights *w)
{
    lace_weights_close_files(w, -1);
    for (int i = 0; i < w->file_count; i++) free(w->files[i].path);
    for (size_t i = 0; i < w->count; i++) free(w->tensors[i].name);
    free(w->files);
    free(w->tensors);
    free(w->taken);
    *w = (struct lace_weights){0};
}

int lace_weights_add(struct lace_weights *w, char *path, void *map, size_t bytes, const struct lace_tensor *add,
                     size_t count, struct lace_error *err)
{
    struct lace_weight_file *files = realloc(w->files, sizeof *files * (size_t)(w->file_count + 1));
    if (files) w->files = files;
    struct lace_tensor *tensors = realloc(w->tensors, sizeof *tensors * (w->count + count + 1));
    if (tensors) w->tensors = tensors;
    if (!files || !tensors) {
        lace_fail(err, LACE_MEMORY, "Out of memory while opening %.300s.", path);
        for (size_t i = 0; i < count; i++) free(add[i].name);
        munmap(map, bytes);
        free(path);
        return LACE_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        struct lace_tensor *t = &w->tensors[w->count++];
        *t = add[i];
        t->file = w->file_count;
    }
    w->files[w->file_count++] = (struct lace_weight_file){path, map, bytes};
    return 0;
}

static int add_file(struct lace_weights *w, const char *path, struct lace_error *err)
{
    struct lace_safetensors file;
    int code = lace_safetensors_open(&file, path, err);
    if (code) return code;
    code = lace_weights_add(w, file.path, file.map, file.map_bytes, file.tensors, file.count, err);
    lace_free(file.tensors);
    return code;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lace_tensor *)a)->name, ((const struct lace_tensor *)b)->name);
}

int lace_weights_finish(struct lace_weights *w, struct lace_error *err)
{
    qsort(w->tensors, w->count, sizeof *w->tensors, by_name);
    for (size_t i = 1; i < w->count; i++)
        if (!strcmp(w->tensors[i - 1].name, w->tensors[i].name))
            return lace_fail(err, LACE_BAD, "The tensor \"%.100s\" is in two files, %.150s and %.150s.",
                             w->tensors[i].name, lace_weights_path(w, &w->tensors[i - 1]),
                             lace_weights_path(w, &w->tensors[i]));
    if (!(w->taken = calloc(w->count + 1, sizeof *w->taken))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    return 0;
}

static const struct lace_tensor *find(const struct lace_weights *w, const char *name)
{
    struct lace_tensor key = {.name = (char *)name};
    return w->count ? bsearch(&key, w->tensors, w->count, sizeof key, by_name) : NULL;
}

/* A plain name of a safetensors file: no path can be smuggled in. */
static bool is_shard_name(const char *name)
{
    static const char ending[] = ".safetensors";
    size_t len = strlen(name), tail = sizeof ending - 1;
    return name[0] != '.' && !strchr(name, '/') && len > tail && len < NAME_MAX && !strcmp(name + len - tail, ending);
}

/* The index of the shard of this path among the open files; opens it where it is new. */
static int open_shard(struct lace_weights *w, const char *dir, const char *name, const char *index, int *at,
                      struct lace_error *err)
{
    char path[PATH_MAX];
    int code = lace_join(path, dir, name, err);
    if (code) return code;
    for (*at = 0; *at < w->file_count; (*at)++)
        if (!strcmp(w->files[*at].path, path)) return 0;
    if (w->file_count == MAX_SHARDS)
        return lace_fail(err, LACE_BAD, "%s lists more than %d shards.", index, MAX_SHARDS);
    if (access(path, F_OK))
        return lace_fail(err, LACE_BAD, "The shard %s, which %s lists, is not there; download it again.", path, index);
    return add_file(w, path, err);
}

static int read_index(struct lace_weights *w, const char *dir, const char *path, struct lace_error *err)
{
    json_t *root = lace_json_read(path, MAX_INDEX, err), *map = json_object_get(root, "weight_map"), *shard;
    const char *name;
    int code = root ? 0 : LACE_BAD, at;
    if (!code && !json_object_size(map))
        code = lace_fail(err, LACE_BAD,
                         "%s: \"weight_map\" is missing or empty; it must say which shard holds which "
                         "tensor.",
                         path);
    if (!code) json_object_foreach(map, name, shard)
        {
            const char *file = json_string_value(shard);
            if (!file || !is_shard_name(file))
                code = lace_fail(err, LACE_BAD,
                                 "%s: the shard of \"%.100s\" must be the plain name of a .safetensors file beside it.",
                                 path, name);
            if (code || (code = open_shard(w, dir, file, path, &at, err))) break;
        }
    if (!code) code = lace_weights_finish(w, err);
    if (!code) json_object_foreach(map, name, shard)
        {
            const struct lace_tensor *t = find(w, name);
            if ((code = open_shard(w, dir, json_string_value(shard), path, &at, err))) break;
            if (t && t->file == at) continue;
            code = lace_fail(err, LACE_BAD, "%s lists the tensor \"%.100s\" in %.100s, which does not hold it.", path,
                             name, json_string_value(shard));
            break;
        }
    json_decref(root);
    return code;
}

int lace_weights_open(struct lace_weights *w, const char *dir, const char *stem, struct lace_error *err)
{
    char path[PATH_MAX], index[PATH_MAX], name[80];
    *w = (struct lace_weights){0};
    snprintf(name, sizeof name, "%.40s.safetensors", stem);
    int code = lace_join(path, dir, name, err);
    snprintf(name, sizeof name, "%.40s.safetensors.index.json", stem);
    if (!code) code = lace_join(index, dir, name, err);
    if (code) return code;
    bool whole = !access(path, F_OK) || access(index, F_OK); /* where neither is there, the file is what is missing */
    code = whole ? add_file(w, path, err) : read_index(w, dir, index, err);
    if (!code && whole) code = lace_weights_finish(w, err);
    if (code) lace_weights_close(w);
    return code;
}

int lace_weights_open_model(struct lace_weights *w, const char *model, struct lace_error *err)
{
    char path[PATH_MAX];
    int gguf = lace_model_gguf(model, path, err);
    if (gguf < 0) return gguf;
    return gguf ? lace_weights_open_gguf(w, path, err) : lace_weights_open(w, model, "model", err);
}

const struct lace_tensor *lace_weights_take(struct lace_weights *w, const char *name)
{
    const struct lace_tensor *t = find(w, name);
    if (t) w->taken[t - w->tensors] = true;
    return t;
}

const char *lace_weights_path(const struct lace_weights *w, const struct lace_tensor *t)
{
    return w->files[t->file].path;
}

void lace_weights_drop(const void *from, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = ((uintptr_t)from + page - 1) / page * page,
              end = ((uintptr_t)from + bytes) / page * page;
    if (end > first) madvise((void *)first, end - first, MADV_DONTNEED); /* advice: refusal costs memory only */
}

void lace_weights_scatter(const struct lace_weights *w, bool scattered)
{
    for (int i = 0; i < w->file_count; i++)
        if (w->files[i].map) madvise(w->files[i].map, w->files[i].bytes, scattered ? MADV_RANDOM : MADV_NORMAL);
}

size_t lace_weights_bytes(const struct lace_weights *w)
{
    size_t sum = 0;
    for (int i = 0; i < w->file_count; i++) sum += w->files[i].bytes;
    return sum;
}
