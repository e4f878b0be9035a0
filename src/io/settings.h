/* Settings from a YAML file and --set key=value, checked against a table: unknown keys, wrong types and
 * values out of range get a sentence with file and line. Nested maps are written with dots (model.layers).
 * A key that begins a list of maps is written with its index (curriculum.0.difficulty).
 * Refused: anchors, aliases, tags, more than one document, commas inside a list's texts, depth over 16. */
#ifndef LACE_SETTINGS_H
#define LACE_SETTINGS_H
#include "base/base.h"

struct lace_setting {
    char *key, *value; /* scalars as text; a list of scalars [a, b] as "a,b" */
    int line;          /* 0: from --set */
    enum lace_setting_kind {
        LACE_SETTING_SCALAR,
        LACE_SETTING_LIST,
        LACE_SETTING_NULL
    } kind; /* a null leaves the default */
};
struct lace_settings {
    char *path;
    struct lace_setting *items;
    int count;
    bool *used;   /* (count) which keys somebody read */
    char **known; /* keys that somebody asked for, whether set or not: what a typing error is compared with */
    int known_count;
};

int lace_settings_read(struct lace_settings *settings, const char *path, struct lace_error *err);
int lace_settings_parse(struct lace_settings *settings, const char *bytes, size_t len, const char *path,
                        struct lace_error *err);
/* "key=value": replaces or adds; a list is [a, b] or a,b; null takes back to the default. */
int lace_settings_set(struct lace_settings *settings, const char *assignment, struct lace_error *err);
/* Whether the key or one below it (key.x) is set: how a reader of a list of maps finds its end. */
bool lace_settings_has(const struct lace_settings *s, const char *key);
/* Typed reads; a missing key leaves *out as it is (its default). */
int lace_settings_int(struct lace_settings *s, const char *key, int low, int high, int *out, struct lace_error *err);
int lace_settings_double(struct lace_settings *s, const char *key, double low, double high, double *out,
                         struct lace_error *err);
int lace_settings_bool(struct lace_settings *s, const char *key, bool *out, struct lace_error *err);
int lace_settings_string(struct lace_settings *s, const char *key, const char **out,
                         struct lace_error *err); /* borrowed */
/* One of names, which ends with NULL: *out is its index. */
int lace_settings_choice(struct lace_settings *s, const char *key, const char *const *names, int *out,
                         struct lace_error *err);
/* Numbers separated by commas, or a scalar; at most max; *count is left alone where the key is missing. */
int lace_settings_ints(struct lace_settings *s, const char *key, int low, int high, int *out, int max, int *count,
                       struct lace_error *err);
/* An error naming the first key that nobody read and the nearest known one. */
int lace_settings_unused(const struct lace_settings *s, struct lace_error *err);
/* The resolved settings as YAML text that reads back to the same settings (lists and nesting included). */
int lace_settings_format(const struct lace_settings *s, struct lace_text *out, struct lace_error *err);
void lace_settings_release(struct lace_settings *settings);
#endif
