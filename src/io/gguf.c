/* One cursor walks the file from its first byte to the end of the tables; what it takes is counted off from what is
 * left, so that no length can lead outside. Sizes of tensors are products and sums with every step checked. */
#include "io/gguf.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_ENTRIES = 1 << 16, /* pairs, and tensors: more than any model in use, and a bound on what is allocated */
    MAX_KEY = 65535,       /* the format's limits */
    MAX_NAME = 64,
    MAX_DIMENSIONS = 4,
    MAX_ALIGNMENT = 1 << 16, /* ours: files in use have 32, a few a page */
};

static const struct {
    const char *name;
    size_t bytes;
} value_types[LACE_GGUF_TYPES] = {
    {"u8", 1},   {"i8", 1},     {"u16", 2},    {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"string", 8}, {"array", 12}, {"u64", 8}, {"i64", 8}, {"f64", 8}, /* the least that one takes */
};

/* The types of tensors by the file's numbers; those without a name here are not in use any more, or not known. */
static const struct {
    const char *name;
    enum lace_tensor_type type; /* LACE_T_COUNT: none of ours */
} tensor_types[] = {
    [0] = {"F32", LACE_T_F32},       [1] = {"F16", LACE_T_F16},        [2] = {"Q4_0", LACE_T_Q4_0},
    [3] = {"Q4_1", LACE_T_Q4_1},     [6] = {"Q5_0", LACE_T_Q5_0},      [7] = {"Q5_1", LACE_T_Q5_1},
    [8] = {"Q8_0", LACE_T_Q8_0},     [9] = {"Q8_1", LACE_T_COUNT},     [10] = {"Q2_K", LACE_T_COUNT},
    [11] = {"Q3_K", LACE_T_COUNT},   [12] = {"Q4_K", LACE_T_Q4_K},     [13] = {"Q5_K", LACE_T_Q5_K},
    [14] = {"Q6_K", LACE_T_Q6_K},    [15] = {"Q8_K", LACE_T_COUNT},    [16] = {"IQ2_XXS", LACE_T_COUNT},
    [17] = {"IQ2_XS", LACE_T_COUNT}, [18] = {"IQ3_XXS", LACE_T_COUNT}, [19] = {"IQ1_S", LACE_T_COUNT},
    [20] = {"IQ4_NL", LACE_T_COUNT}, [21] = {"IQ3_S", LACE_T_COUNT},   [22] = {"IQ2_S", LACE_T_COUNT},
    [23] = {"IQ4_XS", LACE_T_COUNT}, [24] = {"I8", LACE_T_I8},         [25] = {"I16", LACE_T_I16},
    [26] = {"I32", LACE_T_I32},      [27] = {"I64", LACE_T_I64},       [28] = {"F64", LACE_T_F64},
    [29] = {"IQ1_M", LACE_T_COUNT},  [30] = {"BF16", LACE_T_BF16},     [34] = {"TQ1_0", LACE_T_COUNT},
    [35] = {"TQ2_0", LACE_T_COUNT},  [39] = {"MXFP4", LACE_T_COUNT},   [40] = {"NVFP4", LACE_T_COUNT},
};
enum { TENSOR_TYPES = sizeof tensor_types / sizeof *tensor_types };

/* ---- taking from the file ---- */

struct cursor {
    const unsigned char *at;
    size_t left;
    const char *path;
};

/* Little-endian, from wherever it lies. */
static uint64_t whole(const unsigned char *p, size_t bytes)
{
    uint64_t x = 0;
    while (bytes-- > 0) x = x << 8 | p[bytes];
    return x;
}

/* The next bytes; NULL: the file ends before. */
static const unsigned char *take(struct cursor *c, size_t bytes)
{
    if (bytes > c->left) return NULL;
    c->at += bytes;
    c->left -= bytes;
    return c->at - bytes;
}

static bool take_whole(struct cursor *c, size_t bytes, uint64_t *out)
{
    const unsigned char *p = take(c, bytes);
    if (p) *out = whole(p, bytes);
    return p != NULL;
}

static int cut_short(const struct cursor *c, const char *where, struct lace_error *err)
{
    return lace_fail(err, LACE_BAD, "%.300s ends inside %s; it is damaged or cut short.", c->path, where);
}

static bool take_string(struct cursor *c, struct lace_string *out)
{
    uint64_t len = 0;
    if (!take_whole(c, 8, &len) || len > c->left) return false;
    out->len = (size_t)len;
    out->bytes = (const char *)take(c, out->len);
    return true;
}

/* A key or a tensor's name: ASCII without blanks, so that messages can show it. */
static int take_name(struct cursor *c, size_t most, const char *what, char **name, struct lace_error *err)
{
    struct lace_string s;
    if (!take_string(c, &s)) return cut_short(c, what, err);
    if (!s.len || s.len > most)
        return lace_fail(err, LACE_BAD, "%.300s: %s is %zu bytes long; from 1 to %zu are accepted.", c->path, what,
                         s.len, most);
    for (size_t i = 0; i < s.len; i++)
        if (s.bytes[i] <= ' ' || s.bytes[i] > '~')
            return lace_fail(err, LACE_BAD, "%.300s: %s holds bytes that are no printable ASCII.", c->path, what);
    *name = strndup(s.bytes, s.len);
    return *name ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory while reading %.300s.", c->path);
}

/* ---- the pairs ---- */

static int take_values(struct cursor *c, struct lace_gguf_pair *pair, uint64_t count, struct lace_error *err)
{
    size_t size = value_types[pair->type].bytes;
    if (count > c->left / size)
        return lace_fail(err, LACE_BAD, "%.300s: \"%.100s\" has %llu values, more than the rest of the file holds.",
                         c->path, pair->key, (unsigned long long)count);
    pair->count = (size_t)count;
    pair->data = c->at;
    if (pair->type != LACE_GGUF_STRING) {
        take(c, pair->count * size); /* no overflow: it is at most what is left */
        for (size_t i = 0; pair->type == LACE_GGUF_BOOL && i < pair->count; i++)
            if (pair->data[i] > 1)
                return lace_fail(err, LACE_BAD, "%.300s: \"%.100s\" is a bool of value %d.", c->path, pair->key,
                                 pair->data[i]);
        return 0;
    }
    struct lace_string s;
    for (size_t i = 0; i < pair->count; i++)
        if (!take_string(c, &s))
            return lace_fail(err, LACE_BAD, "%.300s: string %zu of \"%.100s\" leads past the end of the file.", c->path,
                             i, pair->key);
    return 0;
}

static int take_type(struct cursor *c, const struct lace_gguf_pair *pair, uint64_t *type, struct lace_error *err)
{
    if (!take_whole(c, 4, type)) return cut_short(c, "a value", err);
    if (*type < LACE_GGUF_TYPES) return 0;
    return lace_fail(err, LACE_BAD, "%.300s: \"%.100s\" is of the unknown type %llu.", c->path, pair->key,
                     (unsigned long long)*type);
}

static int take_pair(struct cursor *c, struct lace_gguf_pair *pair, struct lace_error *err)
{
    uint64_t type = 0, count = 1;
    int code = take_name(c, MAX_KEY, "a key", &pair->key, err);
    if (code || (code = take_type(c, pair, &type, err))) return code;
    pair->array = type == LACE_GGUF_ARRAY;
    if (pair->array) {
        if ((code = take_type(c, pair, &type, err))) return code;
        if (type == LACE_GGUF_ARRAY)
            return lace_fail(err, LACE_BAD, "%.300s: \"%.100s\" is an array of arrays, which lace does not read.",
                             c->path, pair->key);
        if (!take_whole(c, 8, &count)) return cut_short(c, "an array", err);
    }
    pair->type = (enum lace_gguf_type)type;
    return take_values(c, pair, count, err);
}

/* ---- the tensors ---- */

static int take_tensor_type(struct cursor *c, struct lace_tensor *t, struct lace_error *err)
{
    uint64_t type = 0;
    if (!take_whole(c, 4, &type)) return cut_short(c, "the table of tensors", err);
    const char *name = type < TENSOR_TYPES ? tensor_types[type].name : NULL;
    t->type = name ? tensor_types[type].type : LACE_T_COUNT;
    if (t->type < LACE_T_COUNT) return 0;
    if (!name)
        return lace_fail(err, LACE_BAD, "%.300s: the tensor %.64s is of the unknown type %llu.", c->path, t->name,
                         (unsigned long long)type);
    return lace_fail(err, LACE_BAD,
                     "%.300s: the tensor %.64s is of type %s; lace reads F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, "
                     "Q4_K, Q5_K and Q6_K.",
                     c->path, t->name, name);
}

/* All but where it begins: *offset is from the end of the tables. */
static int take_tensor(struct cursor *c, struct lace_tensor *t, uint64_t *offset, struct lace_error *err)
{
    uint64_t rank = 0;
    int code = take_name(c, MAX_NAME, "a tensor's name", &t->name, err);
    if (code) return code;
    if (!take_whole(c, 4, &rank)) return cut_short(c, "the table of tensors", err);
    if (!rank || rank > MAX_DIMENSIONS)
        return lace_fail(err, LACE_BAD, "%.300s: the tensor %.64s has %llu dimensions; from 1 to %d are accepted.",
                         c->path, t->name, (unsigned long long)rank, MAX_DIMENSIONS);
    t->rank = (int)rank;
    for (int i = t->rank; i-- > 0;) { /* the file has the length of a row first */
        if (!take_whole(c, 8, &t->shape[i])) return cut_short(c, "the table of tensors", err);
        if (!t->shape[i])
            return lace_fail(err, LACE_BAD, "%.300s: a dimension of the tensor %.64s is 0.", c->path, t->name);
    }
    if ((code = take_tensor_type(c, t, err))) return code;
    if (!take_whole(c, 8, offset)) return cut_short(c, "the table of tensors", err);
    size_t block = lace_tensor_type_block(t->type);
    if (t->shape[t->rank - 1] % block)
        return lace_fail(err, LACE_BAD, "%.300s: a row of the tensor %.64s has %llu elements, no multiple of %s's %zu.",
                         c->path, t->name, (unsigned long long)t->shape[t->rank - 1], lace_tensor_type_name(t->type),
                         block);
    if (!lace_tensor_size(t, &t->bytes))
        return lace_fail(err, LACE_BAD, "%.300s: the shape of the tensor %.64s is too large.", c->path, t->name);
    return 0;
}

/* The next multiple of a power of two; false: it does not fit. */
static bool align(size_t at, size_t to, size_t *out)
{
    if (!lace_add(at, to - 1, out)) return false;
    *out = *out / to * to;
    return true;
}

/* Every tensor begins where the one before it, padded, ends, as the writers of the format have it. */
static int take_tensors(struct cursor *c, struct lace_gguf *file, size_t count, const unsigned char *begin,
                        size_t alignment, struct lace_error *err)
{
    size_t next = 0, end = 0, base;
    uint64_t offset = 0;
    for (; file->count < count; file->count++) {
        struct lace_tensor *t = &file->tensors[file->count];
        int code = take_tensor(c, t, &offset, err);
        if (!code && offset != next)
            code = lace_fail(err, LACE_BAD, "%.300s: the tensor %.64s begins at %llu of the data and should at %zu.",
                             c->path, t->name, (unsigned long long)offset, next);
        if (!code && (!lace_add(next, t->bytes, &end) || !align(end, alignment, &next)))
            code =
                lace_fail(err, LACE_BAD, "%.300s: the tensors up to %.64s are together too large.", c->path, t->name);
        if (code) {
            free(t->name);
            t->name = NULL;
            return code;
        }
        t->data = (void *)(uintptr_t)offset; /* until the tables' end is known */
    }
    size_t tables = (size_t)(c->at - begin), total = tables + c->left;
    if (!align(tables, alignment, &base) || (count && (base > total || end > total - base)))
        return lace_fail(err, LACE_BAD,
                         "%.300s: the tensors need %zu bytes behind the %zu of the tables, and the file "
                         "has %zu; it is damaged or cut short.",
                         c->path, end, tables, total);
    for (size_t i = 0; i < count; i++) file->tensors[i].data = begin + base + (uintptr_t)file->tensors[i].data;
    if (base < total && total - base > next)
        return lace_fail(err, LACE_BAD, "%.300s: %zu bytes follow the last tensor.", c->path, total - base - next);
    return 0;
}

/* ---- the whole ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct lace_gguf_pair *)a)->key, ((const struct lace_gguf_pair *)b)->key);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lace_tensor *)a)->name, ((const struct lace_tensor *)b)->name);
}

static int check_version(uint64_t version, const char *path, struct lace_error *err)
{
    if (version == 2 || version == 3) return 0;
    if (version && !(version & 0xffff))
        return lace_fail(err, LACE_BAD, "%.300s is a big-endian GGUF file; lace reads little-endian ones.", path);
    return lace_fail(err, LACE_BAD,
                     "%.300s is of version %llu of GGUF; lace reads 2 and 3, which llama.cpp's "
                     "converter writes.",
                     path, (unsigned long long)version);
}

static int read_pairs(struct cursor *c, struct lace_gguf *file, size_t count, struct lace_error *err)
{
    int code = 0;
    for (; file->pair_count < count && !code; file->pair_count++)
        code = take_pair(c, &file->pairs[file->pair_count], err);
    if (code) return code;
    qsort(file->pairs, count, sizeof *file->pairs, by_key);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(file->pairs[i - 1].key, file->pairs[i].key))
            return lace_fail(err, LACE_BAD, "%.300s: the key \"%.100s\" is there twice.", c->path, file->pairs[i].key);
    return 0;
}

static int read_alignment(const struct lace_gguf *file, size_t *alignment, struct lace_error *err)
{
    long value;
    int code = lace_gguf_int(file, "general.alignment", 32, 1, MAX_ALIGNMENT, &value, err);
    *alignment = (size_t)value;
    if (code || !(value & (value - 1))) return code;
    return lace_fail(err, LACE_BAD, "%.300s: the alignment %ld is no power of two.", file->path, value);
}

static int read_all(struct cursor *c, struct lace_gguf *file, struct lace_error *err)
{
    const unsigned char *begin = c->at, *magic = take(c, 4);
    uint64_t version = 0, tensors = 0, pairs = 0;
    size_t alignment;
    int code;
    if (!magic || memcmp(magic, "GGUF", 4))
        return lace_fail(err, LACE_BAD, "%.300s is no GGUF file: it does not begin with GGUF.", c->path);
    if (!take_whole(c, 4, &version)) return cut_short(c, "its first bytes", err);
    if ((code = check_version(version, c->path, err))) return code;
    if (!take_whole(c, 8, &tensors) || !take_whole(c, 8, &pairs)) return cut_short(c, "its first bytes", err);
    /* a pair takes at least 8 + 1 + 4 + 1 bytes, a tensor 8 + 1 + 4 + 8 + 4 + 8 */
    if (tensors > MAX_ENTRIES || pairs > MAX_ENTRIES || pairs > c->left / 14 || tensors > c->left / 33)
        return lace_fail(
            err, LACE_BAD,
            "%.300s claims to hold %llu pairs of metadata and %llu tensors, more than lace accepts (%d) or "
            "the file can hold; it is damaged or cut short.",
            c->path, (unsigned long long)pairs, (unsigned long long)tensors, MAX_ENTRIES);
    file->path = strdup(c->path);
    file->pairs = lace_alloc_array((size_t)pairs + 1, sizeof *file->pairs);
    file->tensors = lace_alloc_array((size_t)tensors + 1, sizeof *file->tensors);
    if (!file->path || !file->pairs || !file->tensors)
        return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.300s.", c->path);
    if ((code = read_pairs(c, file, (size_t)pairs, err)) || (code = read_alignment(file, &alignment, err)) ||
        (code = take_tensors(c, file, (size_t)tensors, begin, alignment, err)))
        return code;
    qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < file->count; i++)
        if (!strcmp(file->tensors[i - 1].name, file->tensors[i].name))
            return lace_fail(err, LACE_BAD, "%.300s: the tensor %.64s is there twice.", c->path, file->tensors[i].name);
    return 0;
}

int lace_gguf_parse(struct lace_gguf *file, const void *bytes, size_t len, const char *path, struct lace_error *err)
{
    struct cursor c = {bytes, len, path};
    *file = (struct lace_gguf){0};
    int code = read_all(&c, file, err);
    if (code) lace_gguf_close(file);
    return code;
}

int lace_gguf_open(struct lace_gguf *file, const char *path, struct lace_error *err)
{
    *file = (struct lace_gguf){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return lace_fail(err, LACE_SYSTEM, "Cannot open %.300s: %s.", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size) { /* nothing can be mapped of an empty file */
        close(fd);
        return lace_fail(err, LACE_BAD, "%.300s is %s.", path, S_ISREG(st.st_mode) ? "empty" : "not a plain file");
    }
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int problem = errno;
    close(fd);
    if (map == MAP_FAILED) return lace_fail(err, LACE_SYSTEM, "Cannot map %.300s: %s.", path, strerror(problem));
    int code = lace_gguf_parse(file, map, (size_t)st.st_size, path, err);
    if (code) {
        munmap(map, (size_t)st.st_size);
        return code;
    }
    file->map = map;
    file->map_bytes = (size_t)st.st_size;
    return 0;
}

void lace_gguf_close(struct lace_gguf *file)
{
    for (size_t i = 0; i < file->pair_count; i++) free(file->pairs[i].key);
    for (size_t i = 0; i < file->count; i++) free(file->tensors[i].name);
    lace_free(file->pairs);
    lace_free(file->tensors);
    free(file->path);
    if (file->map) munmap(file->map, file->map_bytes);
    *file = (struct lace_gguf){0};
}

/* ---- looking up ---- */

const struct lace_gguf_pair *lace_gguf_find(const struct lace_gguf *file, const char *key)
{
    struct lace_gguf_pair wanted = {.key = (char *)key};
    return file->pair_count ? bsearch(&wanted, file->pairs, file->pair_count, sizeof wanted, by_key) : NULL;
}

const struct lace_tensor *lace_gguf_tensor(const struct lace_gguf *file, const char *name)
{
    struct lace_tensor wanted = {.name = (char *)name};
    return file->count ? bsearch(&wanted, file->tensors, file->count, sizeof wanted, by_name) : NULL;
}

long lace_gguf_whole(const struct lace_gguf_pair *pair, size_t index)
{
    size_t size = value_types[pair->type].bytes;
    uint64_t x = whole(pair->data + index * size, size);
    switch (pair->type) {
    case LACE_GGUF_I8: return (int8_t)x;
    case LACE_GGUF_I16: return (int16_t)x;
    case LACE_GGUF_I32: return (int32_t)x;
    case LACE_GGUF_I64: return (int64_t)x;
    default: return x > LONG_MAX ? LONG_MAX : (long)x;
    }
}

double lace_gguf_number(const struct lace_gguf_pair *pair, size_t index)
{
    float narrow;
    double wide;
    if (pair->type == LACE_GGUF_F32) return memcpy(&narrow, pair->data + 4 * index, 4), narrow;
    if (pair->type == LACE_GGUF_F64) return memcpy(&wide, pair->data + 8 * index, 8), wide;
    return (double)lace_gguf_whole(pair, index);
}

static bool is_whole(enum lace_gguf_type type)
{
    return type <= LACE_GGUF_I32 || type == LACE_GGUF_U64 || type == LACE_GGUF_I64;
}

static int wrong_type(const struct lace_gguf *file, const struct lace_gguf_pair *pair, const char *wanted,
                      struct lace_error *err)
{
    return lace_fail(err, LACE_BAD, "%.300s: \"%.100s\" must be %s, and is %s%s.", file->path, pair->key, wanted,
                     pair->array ? "an array of " : "of type ", value_types[pair->type].name);
}

int lace_gguf_int(const struct lace_gguf *file, const char *key, long fallback, long low, long high, long *out,
                  struct lace_error *err)
{
    const struct lace_gguf_pair *pair = lace_gguf_find(file, key);
    *out = fallback;
    if (!pair) return 0;
    if (pair->array || !is_whole(pair->type)) return wrong_type(file, pair, "a whole number", err);
    *out = lace_gguf_whole(pair, 0);
    if (*out >= low && *out <= high) return 0;
    return lace_fail(err, LACE_BAD, "%.300s: \"%.100s\" must be from %ld to %ld, not %ld.", file->path, key, low, high,
                     *out);
}

int lace_gguf_real(const struct lace_gguf *file, const char *key, double fallback, double low, double high, double *out,
                   struct lace_error *err)
{
    const struct lace_gguf_pair *pair = lace_gguf_find(file, key);
    *out = fallback;
    if (!pair) return 0;
    if (pair->array || pair->type == LACE_GGUF_STRING || pair->type == LACE_GGUF_BOOL)
        return wrong_type(file, pair, "a number", err);
    *out = lace_gguf_number(pair, 0);
    if (*out >= low && *out <= high) return 0; /* not of a NaN */
    return lace_fail(err, LACE_BAD, "%.300s: \"%.100s\" must be from %g to %g, not %g.", file->path, key, low, high,
                     *out);
}

int lace_gguf_bool(const struct lace_gguf *file, const char *key, bool fallback, bool *out, struct lace_error *err)
{
    const struct lace_gguf_pair *pair = lace_gguf_find(file, key);
    *out = fallback;
    if (!pair) return 0;
    if (pair->array || pair->type != LACE_GGUF_BOOL) return wrong_type(file, pair, "a bool", err);
    *out = pair->data[0];
    return 0;
}

struct lace_string lace_gguf_next(const unsigned char **at)
{
    struct lace_string s = {(const char *)*at + 8, (size_t)whole(*at, 8)};
    *at += 8 + s.len;
    return s;
}

int lace_gguf_string(const struct lace_gguf *file, const char *key, struct lace_string *out, struct lace_error *err)
{
    const struct lace_gguf_pair *pair = lace_gguf_find(file, key);
    *out = (struct lace_string){NULL, 0};
    if (!pair) return 0;
    if (pair->array || pair->type != LACE_GGUF_STRING) return wrong_type(file, pair, "a string", err);
    const unsigned char *at = pair->data;
    *out = lace_gguf_next(&at);
    return 0;
}

int lace_gguf_array(const struct lace_gguf *file, const char *key, enum lace_gguf_type type,
                    const struct lace_gguf_pair **out, struct lace_error *err)
{
    static const char *const wanted[LACE_GGUF_TYPES] = {[LACE_GGUF_I32] = "an array of whole numbers",
                                                        [LACE_GGUF_F32] = "an array of f32",
                                                        [LACE_GGUF_STRING] = "an array of strings"};
    const struct lace_gguf_pair *pair = *out = lace_gguf_find(file, key);
    if (!pair) return 0;
    bool fits = type == LACE_GGUF_I32 ? is_whole(pair->type) : pair->type == type;
    return pair->array && fits ? 0 : wrong_type(file, pair, wanted[type], err);
}
