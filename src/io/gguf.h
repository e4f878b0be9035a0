/* Strict reader of GGUF files, versions 2 and 3: metadata under keys, and the table of tensors, over a read-only mapping.
 * A file is hostile until checked: every count, length, type and offset is held against what is left of the file before
 * it is used or anything is allocated, and nothing is handed out before the whole table has passed.
 *
 *   "GGUF", version, tensors, pairs | key type value ... | name shape type offset ... | padding | the tensors' bytes
 *
 * Tensors keep the file's names here, and have their shapes as everywhere in lace, rows first; io/gguf_weights.c gives
 * them the names of a Hugging Face checkpoint. */
#ifndef LACE_GGUF_H
#define LACE_GGUF_H
#include "io/tensor.h"

enum lace_gguf_type { /* as the file numbers them */
                      LACE_GGUF_U8,
                      LACE_GGUF_I8,
                      LACE_GGUF_U16,
                      LACE_GGUF_I16,
                      LACE_GGUF_U32,
                      LACE_GGUF_I32,
                      LACE_GGUF_F32,
                      LACE_GGUF_BOOL,
                      LACE_GGUF_STRING,
                      LACE_GGUF_ARRAY,
                      LACE_GGUF_U64,
                      LACE_GGUF_I64,
                      LACE_GGUF_F64,
                      LACE_GGUF_TYPES
};

struct lace_gguf_pair {
    char *key;
    enum lace_gguf_type type; /* of the value; of an array: of its elements, which are never arrays */
    bool array;
    size_t count;              /* of an array's elements; else 1 */
    const unsigned char *data; /* of the first value in the file; need not be aligned */
};

struct lace_gguf {
    char *path;
    void *map;
    size_t map_bytes;
    struct lace_gguf_pair *pairs; /* sorted by key */
    size_t pair_count;
    struct lace_tensor *tensors; /* sorted by name */
    size_t count;
};

int lace_gguf_open(struct lace_gguf *file, const char *path, struct lace_error *err);
/* Parses bytes instead of a file (the fuzzer's and the tests' door); pointers lead into bytes. */
int lace_gguf_parse(struct lace_gguf *file, const void *bytes, size_t len, const char *path, struct lace_error *err);
void lace_gguf_close(struct lace_gguf *file);

/* Refuses a file that is a later part of a model in several (io/gguf_weights.c): the metadata are in the first. */
int lace_gguf_check_first(const struct lace_gguf *file, struct lace_error *err);

/* NULL where there is no such key or tensor. */
const struct lace_gguf_pair *lace_gguf_find(const struct lace_gguf *file, const char *key);
const struct lace_tensor *lace_gguf_tensor(const struct lace_gguf *file, const char *name);

/* Single values, with a default where the key is missing; an error where the type or the range is wrong. */
int lace_gguf_int(const struct lace_gguf *file, const char *key, long fallback, long low, long high, long *out,
                  struct lace_error *err);
int lace_gguf_real(const struct lace_gguf *file, const char *key, double fallback, double low, double high, double *out,
                   struct lace_error *err);
int lace_gguf_bool(const struct lace_gguf *file, const char *key, bool fallback, bool *out, struct lace_error *err);
/* Into the file; NULL bytes where the key is missing. */
int lace_gguf_string(const struct lace_gguf *file, const char *key, struct lace_string *out, struct lace_error *err);

/* An array of this type (NULL in *pair where the key is missing); any integer type goes for LACE_GGUF_I32. */
int lace_gguf_array(const struct lace_gguf *file, const char *key, enum lace_gguf_type type,
                    const struct lace_gguf_pair **pair, struct lace_error *err);
/* The strings of an array in order: start with *at = pair->data, and take no more than pair->count. */
struct lace_string lace_gguf_next(const unsigned char **at);
/* A number of an array, or of a single value (index 0). Whole numbers beyond a long become its limits. */
long lace_gguf_whole(const struct lace_gguf_pair *pair, size_t index);
double lace_gguf_number(const struct lace_gguf_pair *pair, size_t index);
#endif
