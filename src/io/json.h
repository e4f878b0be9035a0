/* Small helpers over Jansson: parse with a depth and size limit, read typed members with a sentence on error. */
#ifndef LACE_JSON_H
#define LACE_JSON_H
#include "base/base.h"
#include <jansson.h>

/* Parses one document; refuses duplicate keys, depth over 64 and non-UTF-8. what names it in errors. NULL on failure. */
json_t *lace_json_parse(const char *bytes, size_t len, const char *what, struct lace_error *err);
/* Reads a file of at most max bytes and parses it. */
json_t *lace_json_read(const char *path, size_t max, struct lace_error *err);
/* Writes an object, which is released, as dir/name. NULL object: out of memory. */
int lace_json_write(json_t *object, const char *dir, const char *name, struct lace_error *err);
/* The same of a file whose whole numbers may be beyond 64 bits; these become real. "model_max_length" of many a
 * tokenizer_config.json is 1e30, with all its digits. */
json_t *lace_json_read_wide(const char *path, size_t max, struct lace_error *err);
/* Members with a default where they are missing or null; an error where the type or the range is wrong. */
int lace_json_int(const json_t *object, const char *key, int fallback, int low, int high, int *out, const char *what,
                  struct lace_error *err);
int lace_json_double(const json_t *object, const char *key, double fallback, double low, double high, double *out,
                     const char *what, struct lace_error *err);
int lace_json_bool(const json_t *object, const char *key, bool fallback, bool *out, const char *what,
                   struct lace_error *err);
/* NULL fallback: the member must be there. The text belongs to the object. */
int lace_json_string(const json_t *object, const char *key, const char *fallback, const char **out, const char *what,
                     struct lace_error *err);
#endif
