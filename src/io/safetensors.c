/* Safetensors: 8 bytes of header length, a JSON header, then the tensors' bytes without gaps.
 * The order of checks matters: lengths against the real file before anything is allocated or read,
 * every product and sum checked, and tensors handed out only when the whole table has passed. */
#include "io/safetensors.h"
#include "io/json.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HEADER ((size_t)100000000) /* the reference implementation's limit */
#define METADATA   "__metadata__"
#define PIECE      ((size_t)1 << 20) /* bytes that are made at once for writing */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lace_tensor *)a)->name, ((const struct lace_tensor *)b)->name);
}

/* By span; a tensor without bytes comes before the one that begins at the same place. */
static int by_span(const void *a, const void *b)
{
    const struct lace_tensor *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    if (p != q) return p < q ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int read_entry(struct lace_tensor *tensor, const char *name, const json_t *entry, const unsigned char *data,
                      size_t size, const char *path, struct lace_error *err)
{
    if (!json_is_object(entry))
        return lace_fail(err, LACE_BAD, "%s: the entry of tensor \"%.100s\" is not an object.", path, name);
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (!type) return lace_fail(err, LACE_BAD, "%s: tensor \"%.100s\" has no dtype.", path, name);
    enum lace_tensor_type t = 0;
    while (t < LACE_T_BLOCKS && strcmp(lace_tensor_type_name(t), type)) t++;
    if (t == LACE_T_BLOCKS)
        return lace_fail(err, LACE_BAD, "%s: tensor \"%.100s\" has dtype %.20s, which is not known here.", path, name,
                         type);
    tensor->type = t;

    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape)) return lace_fail(err, LACE_BAD, "%s: tensor \"%.100s\" has no shape.", path, name);
    if (json_array_size(shape) > LACE_MAX_RANK)
        return lace_fail(err, LACE_BAD, "%s: tensor \"%.100s\" has %zu dimensions; at most %d are accepted.", path,
                         name, json_array_size(shape), LACE_MAX_RANK);
    tensor->rank = (int)json_array_size(shape);
    for (int i = 0; i < tensor->rank; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return lace_fail(err, LACE_BAD, "%s: dimension %d of tensor \"%.100s\" is not a whole number from 0.", path,
                             i, name);
        tensor->shape[i] = (uint64_t)json_integer_value(dim);
    }

    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return lace_fail(err, LACE_BAD, "%s: the data_offsets of tensor \"%.100s\" are not two whole numbers.", path,
                         name);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > size)
        return lace_fail(
            err, LACE_BAD,
            "%s: tensor \"%.100s\" spans %lld to %lld, but the data end at %zu; the file is damaged or cut short.",
            path, name, (long long)begin, (long long)end, size);
    if (!lace_tensor_size(tensor, &tensor->bytes))
        return lace_fail(err, LACE_BAD, "%s: the shape of tensor \"%.100s\" is too large.", path, name);
    if (tensor->bytes != (uint64_t)(end - begin))
        return lace_fail(err, LACE_BAD, "%s: tensor \"%.100s\" needs %zu bytes by its shape and spans %lld.", path,
                         name, tensor->bytes, (long long)(end - begin));
    tensor->data = data + begin;
    tensor->name = strdup(name);
    if (!tensor->name) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", path);
    return 0;
}

static int check_metadata(const json_t *metadata, const char *path, struct lace_error *err)
{
    if (!json_is_object(metadata)) return lace_fail(err, LACE_BAD, "%s: " METADATA " is not an object.", path);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)metadata, key, value) if (!json_is_string(value)) return lace_fail(
        err, LACE_BAD, "%s: \"%.100s\" in " METADATA " is not a string.", path, key);
    return 0;
}

int lace_safetensors_parse(struct lace_safetensors *file, const void *bytes, size_t len, const char *path,
                           struct lace_error *err)
{
    int code = LACE_MEMORY;
    json_t *root = NULL;
    *file = (struct lace_safetensors){0};
    if (len < 8) return lace_fail(err, LACE_BAD, "%s holds %zu bytes; a safetensors file has at least 8.", path, len);
    const unsigned char *p = bytes;
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--) header = header << 8 | p[i];
    if (header > MAX_HEADER)
        return lace_fail(err, LACE_BAD,
                         "%s: the header's length, %llu, is over the limit of %zu; this is no safetensors file.", path,
                         (unsigned long long)header, MAX_HEADER);
    if (header > len - 8)
        return lace_fail(err, LACE_BAD,
                         "%s: the header's length, %llu, leads past the end of the file; it is damaged or cut short.",
                         path, (unsigned long long)header);
    if (!header || p[8] != '{') return lace_fail(err, LACE_BAD, "%s: the header does not begin with {.", path);
    root = lace_json_parse((const char *)p + 8, (size_t)header, path, err);
    if (!root) return LACE_BAD;

    const unsigned char *data = p + 8 + header;
    size_t size = len - 8 - (size_t)header;
    file->path = strdup(path);
    file->tensors = lace_alloc_array(json_object_size(root) + 1, sizeof *file->tensors);
    if (!file->path || !file->tensors) {
        lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", path);
        goto fail;
    }
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry)
    {
        if (!strcmp(name, METADATA)) code = check_metadata(entry, path, err);
        else if (!(code = read_entry(&file->tensors[file->count], name, entry, data, size, path, err))) file->count++;
        if (code) goto fail;
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, by_span);
    const unsigned char *end = data;
    for (size_t i = 0; i < file->count; i++) {
        const struct lace_tensor *tensor = &file->tensors[i];
        if (tensor->data != end) {
            code = lace_fail(err, LACE_BAD, "%s: there is %s before the data of tensor \"%.100s\".", path,
                             (const unsigned char *)tensor->data < end ? "an overlap" : "a hole", tensor->name);
            goto fail;
        }
        end += tensor->bytes;
    }
    if (end != data + size) {
        code = lace_fail(err, LACE_BAD, "%s: %zu bytes follow the last tensor.", path, (size_t)(data + size - end));
        goto fail;
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
    json_decref(root);
    return 0;
fail:
    json_decref(root);
    lace_safetensors_close(file);
    return code;
}

int lace_safetensors_open(struct lace_safetensors *file, const char *path, struct lace_error *err)
{
    *file = (struct lace_safetensors){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return lace_fail(err, LACE_SYSTEM, "Cannot open %s: %s.", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return lace_fail(err, LACE_BAD, "%s is not a plain file.", path);
    }
    size_t len = (size_t)st.st_size;
    if (len < 8) { /* nothing can be mapped of an empty file */
        close(fd);
        return lace_fail(err, LACE_BAD, "%s holds %zu bytes; a safetensors file has at least 8.", path, len);
    }
    void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    int problem = errno;
    close(fd);
    if (map == MAP_FAILED) return lace_fail(err, LACE_SYSTEM, "Cannot map %s: %s.", path, strerror(problem));
    int code = lace_safetensors_parse(file, map, len, path, err);
    if (code) {
        munmap(map, len);
        return code;
    }
    file->map = map;
    file->map_bytes = len;
    return 0;
}

void lace_safetensors_close(struct lace_safetensors *file)
{
    for (size_t i = 0; i < file->count; i++) free(file->tensors[i].name);
    lace_free(file->tensors);
    free(file->path);
    if (file->map) munmap(file->map, file->map_bytes);
    *file = (struct lace_safetensors){0};
}

const struct lace_tensor *lace_safetensors_find(const struct lace_safetensors *file, const char *name)
{
    struct lace_tensor key = {.name = (char *)name};
    return file->count ? bsearch(&key, file->tensors, file->count, sizeof key, by_name) : NULL;
}

static int build_header(const struct lace_tensor *tensors, size_t count, const char *const *metadata, char **text,
                        const char *path, struct lace_error *err)
{
    int code = LACE_MEMORY;
    size_t offset = 0, bytes;
    json_t *root = json_object(), *pairs = NULL;
    for (; root && metadata && metadata[0]; metadata += 2) {
        if (!pairs) json_object_set_new(root, METADATA, pairs = json_object());
        if (!json_is_object(pairs) || json_object_set_new(pairs, metadata[0], json_string(metadata[1]))) goto fail;
    }
    for (size_t i = 0; root && i < count; i++) {
        const struct lace_tensor *tensor = &tensors[i];
        assert(tensor->rank >= 0 && tensor->rank <= LACE_MAX_RANK && tensor->type < LACE_T_BLOCKS);
        size_t end;
        if (!lace_tensor_size(tensor, &bytes) || bytes != tensor->bytes || !lace_add(offset, bytes, &end) ||
            end > INT64_MAX) {
            code = lace_fail(err, LACE_BAD, "Tensor \"%.100s\" for %s has %zu bytes, which is not what its shape says.",
                             tensor->name, path, tensor->bytes);
            goto fail;
        }
        if (json_object_get(root, tensor->name) || !strcmp(tensor->name, METADATA)) {
            code = lace_fail(err, LACE_BAD, "Two tensors for %s have the name \"%.100s\".", path, tensor->name);
            goto fail;
        }
        json_t *shape = json_array();
        for (int d = 0; d < tensor->rank; d++) json_array_append_new(shape, json_integer((json_int_t)tensor->shape[d]));
        json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", lace_tensor_type_name(tensor->type), "shape", shape,
                                  "data_offsets", (json_int_t)offset, (json_int_t)end);
        if (!entry || json_object_set_new(root, tensor->name, entry)) goto fail;
        offset = end;
    }
    if (root) *text = json_dumps(root, JSON_COMPACT);
    if (root && *text) {
        json_decref(root);
        return 0;
    }
fail:
    if (code == LACE_MEMORY)
        lace_fail(err, LACE_MEMORY, "The header of %s cannot be made: a name is not UTF-8, or memory ran out.", path);
    json_decref(root);
    return code;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = write(fd, (const char *)bytes + done, len - done);
        if (put < 0 && errno != EINTR) return false;
        if (put > 0) done += (size_t)put;
    }
    return true;
}

/* The bytes of one tensor, a piece after the other. false: writing failed, errno says why; *code: filling did. */
static bool write_tensor(int fd, const struct lace_tensor *tensor, size_t index, lace_tensor_fill *fill, void *user,
                         void *piece, int *code, struct lace_error *err)
{
    size_t size = lace_tensor_type_bytes(tensor->type), total = tensor->bytes / size;
    if (!fill) return write_all(fd, tensor->data, tensor->bytes);
    for (size_t first = 0, n; first < total; first += n) {
        n = total - first < PIECE / size ? total - first : PIECE / size;
        if ((*code = fill(user, index, first, n, piece, err))) return false;
        if (!write_all(fd, piece, n * size)) return false;
    }
    return true;
}

/* lace_write_file would want the whole file in memory; this one streams, with the same promise. */
int lace_safetensors_stream(const char *path, const struct lace_tensor *tensors, size_t count,
                            const char *const *metadata, lace_tensor_fill *fill, void *user, struct lace_error *err)
{
    char *header = NULL, temporary[PATH_MAX];
    void *piece = NULL;
    if (snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof temporary)
        return lace_fail(err, LACE_BAD, "The path %.300s is too long.", path);
    int code = build_header(tensors, count, metadata, &header, path, err), problem, fd = -1;
    if (code) return code;
    size_t len = strlen(header), padded = (len + 7) / 8 * 8; /* the data then begin at a multiple of 8 */
    if (padded > MAX_HEADER) {
        free(header);
        return lace_fail(err, LACE_BAD, "The header of %s would be longer than the format allows.", path);
    }
    if (!(piece = lace_alloc(PIECE))) {
        free(header);
        return lace_fail(err, LACE_MEMORY, "Out of memory while writing %s.", path);
    }
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good =
        fd >= 0 && write_all(fd, length, 8) && write_all(fd, header, len) && write_all(fd, "       ", padded - len);
    for (size_t i = 0; good && i < count; i++) good = write_tensor(fd, &tensors[i], i, fill, user, piece, &code, err);
    good = good && !fsync(fd);
    problem = errno;
    if (fd >= 0 && close(fd) && good) {
        good = false;
        problem = errno;
    }
    if (good && rename(temporary, path)) {
        good = false;
        problem = errno;
    }
    free(header);
    lace_free(piece);
    if (good) return 0;
    if (fd >= 0) unlink(temporary);
    return code ? code : lace_fail(err, LACE_SYSTEM, "Cannot write %s: %s.", path, strerror(problem));
}

int lace_safetensors_write(const char *path, const struct lace_tensor *tensors, size_t count,
                           const char *const *metadata, struct lace_error *err)
{
    return lace_safetensors_stream(path, tensors, count, metadata, NULL, NULL, err);
}
