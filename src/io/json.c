/* Jansson with our limits. Depth is checked before parsing, because Jansson recurses (its own limit, 2048,
 * is generous for a worker's stack) and because every reader here wants the same one. */
#include "io/json.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64

/* Brackets outside strings. Text that is not JSON may be miscounted, but then the parser refuses it. */
static bool too_deep(const char *bytes, size_t len)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (quoted) {
            if (c == '\\') i++;
            else if (c == '"') quoted = false;
        } else if (c == '"') quoted = true;
        else if ((c == '{' || c == '[') && ++depth > MAX_DEPTH) return true;
        else if ((c == '}' || c == ']') && depth) depth--;
    }
    return false;
}

json_t *lace_json_parse(const char *bytes, size_t len, const char *what, struct lace_error *err)
{
    if (too_deep(bytes, len)) {
        lace_fail(err, LACE_BAD, "%.200s is nested deeper than the %d levels accepted here.", what, MAX_DEPTH);
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root) return root;
    if (json_error_code(&error) == json_error_out_of_memory)
        lace_fail(err, LACE_MEMORY, "Out of memory while parsing %.200s.", what);
    else
        lace_fail(err, LACE_BAD, "%.200s is not valid JSON: %s (line %d, column %d).", what, error.text, error.line,
                  error.column);
    return NULL;
}

json_t *lace_json_read(const char *path, size_t max, struct lace_error *err)
{
    char *bytes;
    size_t len;
    if (lace_read_file(path, max, &bytes, &len, err)) return NULL;
    json_t *root = lace_json_parse(bytes, len, path, err);
    lace_free(bytes);
    return root;
}

/* Writes ".0" behind every whole number of more than 18 digits that stands outside of strings. */
static void widen(struct lace_text *out, const char *bytes, size_t len)
{
    size_t done = 0, digits = 0;
    bool quoted = false, whole = true;
    for (size_t i = 0; i <= len; i++) {
        char c = i < len ? bytes[i] : 0;
        if (!quoted && c >= '0' && c <= '9') {
            digits++;
            continue;
        }
        if (c == '.' || c == 'e' || c == 'E' || c == '+' || (c == '-' && digits)) {
            whole = false; /* what follows belongs to the same number */
            digits = 0;
            continue;
        }
        if (digits > 18 && whole) {
            lace_text_add(out, bytes + done, i - done);
            lace_text_str(out, ".0");
            done = i;
        }
        digits = 0;
        whole = true;
        if (quoted && c == '\\') i++;
        else if (c == '"') quoted = !quoted;
    }
    lace_text_add(out, bytes + done, len - done);
}

json_t *lace_json_read_wide(const char *path, size_t max, struct lace_error *err)
{
    char *bytes;
    size_t len;
    struct lace_text wide;
    json_t *root = NULL;
    if (lace_read_file(path, max, &bytes, &len, err)) return NULL;
    lace_text_init(&wide);
    widen(&wide, bytes, len);
    if (wide.failed) lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    else root = lace_json_parse(wide.data, wide.len, path, err);
    lace_text_release(&wide);
    lace_free(bytes);
    return root;
}

int lace_json_write(json_t *object, const char *dir, const char *name, struct lace_error *err)
{
    char path[PATH_MAX];
    char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(object);
    if (!text) return lace_fail(err, LACE_MEMORY, "Out of memory while writing %s.", name);
    int code = lace_join(path, dir, name, err);
    if (!code) code = lace_write_file(path, text, strlen(text), err);
    free(text);
    return code;
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

int lace_json_int(const json_t *object, const char *key, int fallback, int low, int high, int *out, const char *what,
                  struct lace_error *err)
{
    const json_t *value = member(object, key);
    *out = fallback;
    if (!value) return 0;
    if (!json_is_integer(value)) return lace_fail(err, LACE_BAD, "%.200s: \"%s\" must be a whole number.", what, key);
    json_int_t number = json_integer_value(value);
    if (number < low || number > high)
        return lace_fail(err, LACE_BAD, "%.200s: \"%s\" is %lld; it must be from %d to %d.", what, key,
                         (long long)number, low, high);
    *out = (int)number;
    return 0;
}

int lace_json_double(const json_t *object, const char *key, double fallback, double low, double high, double *out,
                     const char *what, struct lace_error *err)
{
    const json_t *value = member(object, key);
    *out = fallback;
    if (!value) return 0;
    if (!json_is_number(value)) return lace_fail(err, LACE_BAD, "%.200s: \"%s\" must be a number.", what, key);
    double number = json_number_value(value);
    if (!(number >= low && number <= high)) /* a NaN fails too */
        return lace_fail(err, LACE_BAD, "%.200s: \"%s\" is %g; it must be from %g to %g.", what, key, number, low,
                         high);
    *out = number;
    return 0;
}

int lace_json_bool(const json_t *object, const char *key, bool fallback, bool *out, const char *what,
                   struct lace_error *err)
{
    const json_t *value = member(object, key);
    *out = fallback;
    if (!value) return 0;
    if (!json_is_boolean(value)) return lace_fail(err, LACE_BAD, "%.200s: \"%s\" must be true or false.", what, key);
    *out = json_is_true(value);
    return 0;
}

int lace_json_string(const json_t *object, const char *key, const char *fallback, const char **out, const char *what,
                     struct lace_error *err)
{
    const json_t *value = member(object, key);
    *out = fallback;
    if (!value && fallback) return 0;
    if (!value) return lace_fail(err, LACE_BAD, "%.200s: \"%s\" is missing; it must be a string.", what, key);
    if (!json_is_string(value)) return lace_fail(err, LACE_BAD, "%.200s: \"%s\" must be a string.", what, key);
    *out = json_string_value(value);
    return 0;
}
