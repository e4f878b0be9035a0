/* YAML to a flat list of dotted keys, and typed reads of them. The list is what --set edits and what errors
 * quote; nesting exists only in the file. Writing back is in settings_format.c. */
#include "io/settings.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <yaml.h>

#define MAX_FILE  ((size_t)1 << 20)
#define MAX_ITEMS 4096
#define MAX_DEPTH 16
#define MAX_KEY   256

struct reader {
    yaml_parser_t parser;
    struct lace_settings *settings;
    struct lace_error *err;
    char key[MAX_KEY];
};

static int no_memory(struct lace_error *err)
{
    return lace_fail(err, LACE_MEMORY, "Out of memory while reading settings.");
}

static int find(const struct lace_settings *s, const char *key)
{
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->items[i].key, key)) return i;
    return -1;
}

bool lace_settings_has(const struct lace_settings *s, const char *key)
{
    size_t len = strlen(key);
    for (int i = 0; i < s->count; i++)
        if (!strncmp(s->items[i].key, key, len) && (s->items[i].key[len] == 0 || s->items[i].key[len] == '.'))
            return true;
    return false;
}

/* A key may not hold a value and have keys below it: no file could say that, nor read it back. */
static const char *conflict(const struct lace_settings *s, const char *key)
{
    size_t len = strlen(key);
    for (int i = 0; i < s->count; i++) {
        const char *other = s->items[i].key;
        size_t n = strlen(other);
        if ((n < len && key[n] == '.' && !memcmp(key, other, n)) ||
            (n > len && other[len] == '.' && !memcmp(key, other, len)))
            return other;
    }
    return NULL;
}

static bool good_key(const char *key)
{
    if (!*key || strlen(key) >= MAX_KEY) return false;
    int depth = 1;
    for (const char *p = key; *p; p++) {
        bool word =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';
        if (!word && (*p != '.' || p == key || p[1] == '.' || !p[1] || ++depth > MAX_DEPTH)) return false;
    }
    return true;
}

static bool good_text(const char *text, size_t len)
{
    utf8proc_int32_t point;
    for (size_t i = 0; i < len;) {
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(len - i), &point);
        if (n <= 0 || !point) return false;
        i += (size_t)n;
    }
    return true;
}

static int put(struct lace_settings *s, const char *key, const char *value, int line, enum lace_setting_kind kind,
               struct lace_error *err)
{
    int i = find(s, key);
    char *text = strdup(value);
    if (!text) return no_memory(err);
    if (i >= 0) {
        free(s->items[i].value);
    } else {
        if (s->count == MAX_ITEMS) {
            free(text);
            return lace_fail(err, LACE_BAD, "There are more than %d settings.", MAX_ITEMS);
        }
        if ((s->count & (s->count - 1)) == 0) { /* grow at powers of two */
            size_t cap = s->count ? (size_t)s->count * 2 : 1;
            struct lace_setting *items = realloc(s->items, cap * sizeof *items);
            if (items) s->items = items;
            bool *used = realloc(s->used, cap * sizeof *used);
            if (used) s->used = used;
            if (!items || !used) {
                free(text);
                return no_memory(err);
            }
        }
        char *name = strdup(key);
        if (!name) {
            free(text);
            return no_memory(err);
        }
        i = s->count++;
        s->items[i].key = name;
        s->used[i] = false;
    }
    s->items[i].value = text;
    s->items[i].line = line;
    s->items[i].kind = kind;
    return 0;
}

static bool is_null(const char *text)
{
    return !*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") || !strcmp(text, "NULL");
}

/* ---- The file ---- */

static int line_of(const struct reader *r, const yaml_event_t *event) { return (int)event->start_mark.line + 1; }

static int next(struct reader *r, yaml_event_t *event)
{
    if (!yaml_parser_parse(&r->parser, event)) {
        if (r->parser.error == YAML_MEMORY_ERROR) return no_memory(r->err);
        size_t line = r->parser.error == YAML_READER_ERROR ? r->parser.mark.line : r->parser.problem_mark.line;
        return lace_fail(r->err, LACE_BAD, "%.200s:%zu: not valid YAML: %s.", r->settings->path, line + 1,
                         r->parser.problem ? r->parser.problem : "unknown problem");
    }
    const char *what = NULL;
    if (event->type == YAML_ALIAS_EVENT) what = "aliases (*name) are";
    else if (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) what = "anchors (&name) are";
    else if (event->type == YAML_SCALAR_EVENT && event->data.scalar.tag) what = "tags (!name) are";
    else if (event->type == YAML_SCALAR_EVENT &&
             !good_text((char *)event->data.scalar.value, event->data.scalar.length))
        what = "a NUL is";
    else if (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor) what = "anchors (&name) are";
    else if (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag) what = "tags (!name) are";
    else if (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor)
        what = "anchors (&name) are";
    else if (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.tag) what = "tags (!name) are";
    if (!what) return 0;
    int line = line_of(r, event);
    yaml_event_delete(event);
    return lace_fail(r->err, LACE_BAD, "%.200s:%d: %s not accepted in settings.", r->settings->path, line, what);
}

static int refuse(struct reader *r, int line, const char *why)
{
    return lace_fail(r->err, LACE_BAD, "%.150s:%d: %.200s: %s.", r->settings->path, line, *r->key ? r->key : "the file",
                     why);
}

static int put_new(struct reader *r, const char *value, int line, enum lace_setting_kind kind)
{
    if (!*r->key) return refuse(r, line, "settings must be a map of keys");
    if (find(r->settings, r->key) >= 0) return refuse(r, line, "this key is given twice");
    if (conflict(r->settings, r->key)) return refuse(r, line, "this key has both a value and keys below it");
    return put(r->settings, r->key, value, line, kind, r->err);
}

/* Adds ".name" to the key; the length before is what the caller restores. */
static int enter(struct reader *r, const char *name, int line)
{
    size_t len = strlen(r->key);
    if (len + 1 + strlen(name) >= MAX_KEY) return refuse(r, line, "the key is too long");
    snprintf(r->key + len, MAX_KEY - len, "%s%s", len ? "." : "", name);
    if (!good_key(r->key)) return refuse(r, line, "keys are letters, digits, _ and -, at most 16 levels deep");
    return 0;
}

static int read_map(struct reader *r, int depth);

/* Scalars become "a,b"; maps are read below their index. */
static int read_list(struct reader *r, int depth, int line)
{
    struct lace_text joined;
    lace_text_init(&joined);
    int scalars = 0, maps = 0, code;
    size_t len = strlen(r->key);
    yaml_event_t event;
    for (;;) {
        if ((code = next(r, &event))) goto done;
        yaml_event_type_t type = event.type;
        int at = line_of(r, &event);
        if (type == YAML_SCALAR_EVENT) {
            const char *text = (char *)event.data.scalar.value;
            if (strchr(text, ',')) code = refuse(r, at, "a comma inside a list's text is not accepted");
            if (scalars++) lace_text_str(&joined, ",");
            lace_text_str(&joined, text);
        }
        yaml_event_delete(&event);
        if (code) goto done;
        if (type == YAML_SEQUENCE_END_EVENT) break;
        if (type == YAML_SEQUENCE_START_EVENT) code = refuse(r, at, "a list inside a list is not accepted");
        else if (type == YAML_MAPPING_START_EVENT) {
            char index[16];
            snprintf(index, sizeof index, "%d", maps++);
            if ((code = enter(r, index, at))) goto done;
            code = read_map(r, depth + 1);
            r->key[len] = 0;
        }
        if (!code && scalars && maps) code = refuse(r, at, "a list holds either values or maps, not both");
        if (code) goto done;
    }
    if (joined.failed) code = no_memory(r->err);
    else if (!maps) code = put_new(r, joined.data ? joined.data : "", line, LACE_SETTING_LIST);
done:
    lace_text_release(&joined);
    return code;
}

static int read_map(struct reader *r, int depth)
{
    size_t len = strlen(r->key);
    if (depth > MAX_DEPTH) return refuse(r, (int)r->parser.mark.line + 1, "nested too deeply");
    for (;;) {
        yaml_event_t event;
        int code = next(r, &event);
        if (code) return code;
        int line = line_of(r, &event);
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end)
            code = event.type == YAML_SCALAR_EVENT ? enter(r, (char *)event.data.scalar.value, line)
                                                   : refuse(r, line, "a key must be a plain word");
        yaml_event_delete(&event);
        if (end || code) return code;
        if ((code = next(r, &event))) return code;
        line = line_of(r, &event);
        if (event.type == YAML_SCALAR_EVENT) {
            const char *text = (char *)event.data.scalar.value;
            bool null = event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null(text);
            code = put_new(r, null ? "" : text, line, null ? LACE_SETTING_NULL : LACE_SETTING_SCALAR);
        }
        yaml_event_type_t type = event.type;
        yaml_event_delete(&event);
        if (type == YAML_MAPPING_START_EVENT) code = read_map(r, depth + 1);
        else if (type == YAML_SEQUENCE_START_EVENT) code = read_list(r, depth, line);
        if (code) return code;
        r->key[len] = 0;
    }
}

static int read_stream(struct reader *r)
{
    bool seen = false;
    for (;;) {
        yaml_event_t event;
        int code = next(r, &event);
        if (code) return code;
        int line = line_of(r, &event);
        yaml_event_type_t type = event.type;
        /* a file of comments alone is an empty document, whose scalar is null */
        bool empty = type == YAML_SCALAR_EVENT && event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                     is_null((char *)event.data.scalar.value);
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) return 0;
        if (type == YAML_DOCUMENT_START_EVENT) {
            if (seen) return refuse(r, line, "holds more than one document");
            seen = true;
        } else if (type == YAML_MAPPING_START_EVENT) code = read_map(r, 1);
        else if (type == YAML_SEQUENCE_START_EVENT || (type == YAML_SCALAR_EVENT && !empty))
            code = refuse(r, line, "settings must be a map of keys");
        if (code) return code;
    }
}

int lace_settings_parse(struct lace_settings *settings, const char *bytes, size_t len, const char *path,
                        struct lace_error *err)
{
    *settings = (struct lace_settings){0};
    if (len > MAX_FILE)
        return lace_fail(err, LACE_BAD, "%s is longer than the %zu bytes accepted for settings.", path, MAX_FILE);
    struct reader r = {.settings = settings, .err = err};
    if (!(settings->path = strdup(path))) return no_memory(err);
    if (!yaml_parser_initialize(&r.parser)) {
        lace_settings_release(settings);
        return no_memory(err);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, len);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    int code = read_stream(&r);
    yaml_parser_delete(&r.parser);
    if (code) lace_settings_release(settings);
    return code;
}

int lace_settings_read(struct lace_settings *settings, const char *path, struct lace_error *err)
{
    char *bytes;
    size_t len;
    *settings = (struct lace_settings){0};
    int code = lace_read_file(path, MAX_FILE, &bytes, &len, err);
    if (code) return code;
    code = lace_settings_parse(settings, bytes, len, path, err);
    lace_free(bytes);
    return code;
}

/* "[a, b]" as "a,b", in place */
static void unbracket(char *value)
{
    char *to = value;
    size_t len = strlen(value);
    bool start = true;
    value[len - 1] = 0;
    for (char *from = value + 1; *from; from++) {
        if (*from == ' ' && start) continue;
        if (*from == ',') {
            while (to > value && to[-1] == ' ') to--;
            start = true;
        } else start = false;
        *to++ = *from;
    }
    while (to > value && to[-1] == ' ') to--;
    *to = 0;
}

int lace_settings_set(struct lace_settings *settings, const char *assignment, struct lace_error *err)
{
    const char *equals = strchr(assignment, '=');
    char key[MAX_KEY];
    if (!equals || equals - assignment >= MAX_KEY)
        return lace_fail(err, LACE_BAD, "--set needs key=value, not \"%.100s\".", assignment);
    snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
    if (!good_key(key))
        return lace_fail(err, LACE_BAD, "--set %.100s: keys are letters, digits, _, - and dots between them.",
                         assignment);
    size_t len = strlen(equals + 1);
    if (!good_text(equals + 1, len) || len > MAX_FILE)
        return lace_fail(err, LACE_BAD, "--set %s: the value is not UTF-8.", key);
    const char *other = conflict(settings, key);
    if (other)
        return lace_fail(err, LACE_BAD,
                         "--set %.100s: a key cannot have both a value and keys below it, and %.100s is set.", key,
                         other);
    char *value = strdup(equals + 1);
    if (!value) return no_memory(err);
    enum lace_setting_kind kind = LACE_SETTING_SCALAR;
    if (!strcmp(value, "null") || !strcmp(value, "~")) {
        kind = LACE_SETTING_NULL;
        *value = 0;
    } else if (len >= 2 && value[0] == '[' && value[len - 1] == ']') {
        kind = LACE_SETTING_LIST;
        unbracket(value);
    }
    int code = put(settings, key, value, 0, kind, err);
    free(value);
    return code;
}

void lace_settings_release(struct lace_settings *s)
{
    for (int i = 0; i < s->count; i++) {
        free(s->items[i].key);
        free(s->items[i].value);
    }
    for (int i = 0; i < s->known_count; i++) free(s->known[i]);
    free(s->items);
    free(s->used);
    free(s->known);
    free(s->path);
    *s = (struct lace_settings){0};
}

/* ---- Typed reads ---- */

/* NULL in *item: not set, or null. */
static int ask(struct lace_settings *s, const char *key, const struct lace_setting **item, struct lace_error *err)
{
    *item = NULL;
    int known = 0;
    while (known < s->known_count && strcmp(s->known[known], key)) known++;
    if (known == s->known_count) {
        if ((known & (known - 1)) == 0) {
            char **grown = realloc(s->known, (known ? (size_t)known * 2 : 1) * sizeof *grown);
            if (!grown) return no_memory(err);
            s->known = grown;
        }
        if (!(s->known[known] = strdup(key))) return no_memory(err);
        s->known_count++;
    }
    int i = find(s, key);
    if (i < 0) return 0;
    s->used[i] = true;
    if (s->items[i].kind != LACE_SETTING_NULL) *item = &s->items[i];
    return 0;
}

static int wrong(const struct lace_settings *s, const struct lace_setting *item, struct lace_error *err,
                 const char *must)
{
    if (!item->line)
        return lace_fail(err, LACE_BAD, "--set %.100s must be %s, not \"%.60s\".", item->key, must, item->value);
    return lace_fail(err, LACE_BAD, "%.150s:%d: %.100s must be %s, not \"%.60s\".", s->path ? s->path : "settings",
                     item->line, item->key, must, item->value);
}

/* One number of a list or the whole value; *end is left after it and the spaces that follow. */
static bool whole_number(const char *text, char **end, int low, int high, int *out)
{
    errno = 0;
    long long number = strtoll(text, end, 10);
    if (*end == text || errno || number < low || number > high) return false;
    while (**end == ' ') ++*end;
    *out = (int)number;
    return true;
}

int lace_settings_int(struct lace_settings *s, const char *key, int low, int high, int *out, struct lace_error *err)
{
    const struct lace_setting *item;
    char *end, must[80];
    int code = ask(s, key, &item, err), number;
    if (code || !item) return code;
    if (whole_number(item->value, &end, low, high, &number) && !*end) {
        *out = number;
        return 0;
    }
    snprintf(must, sizeof must, "a whole number from %d to %d", low, high);
    return wrong(s, item, err, must);
}

int lace_settings_double(struct lace_settings *s, const char *key, double low, double high, double *out,
                         struct lace_error *err)
{
    const struct lace_setting *item;
    char *end, must[80];
    int code = ask(s, key, &item, err);
    if (code || !item) return code;
    double number = strtod(item->value, &end);
    if (end != item->value && !*end && isfinite(number) && number >= low && number <= high) {
        *out = number;
        return 0;
    }
    snprintf(must, sizeof must, "a number from %g to %g", low, high);
    return wrong(s, item, err, must);
}

int lace_settings_bool(struct lace_settings *s, const char *key, bool *out, struct lace_error *err)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", NULL};
    const struct lace_setting *item;
    int code = ask(s, key, &item, err);
    if (code || !item) return code;
    for (int i = 0; words[i]; i++)
        if (!strcasecmp(item->value, words[i])) {
            *out = i % 2 == 0;
            return 0;
        }
    return wrong(s, item, err, "true or false");
}

int lace_settings_string(struct lace_settings *s, const char *key, const char **out, struct lace_error *err)
{
    const struct lace_setting *item;
    int code = ask(s, key, &item, err);
    if (code || !item) return code;
    *out = item->value;
    return 0;
}

int lace_settings_choice(struct lace_settings *s, const char *key, const char *const *names, int *out,
                         struct lace_error *err)
{
    const struct lace_setting *item;
    char must[120] = "";
    int code = ask(s, key, &item, err);
    if (code || !item) return code;
    for (int i = 0; names[i]; i++) {
        size_t len = strlen(must);
        if (!strcmp(item->value, names[i])) {
            *out = i;
            return 0;
        }
        snprintf(must + len, sizeof must - len, "%s%s", !i ? "" : names[i + 1] ? ", " : " or ", names[i]);
    }
    return wrong(s, item, err, must);
}

int lace_settings_ints(struct lace_settings *s, const char *key, int low, int high, int *out, int max, int *count,
                       struct lace_error *err)
{
    const struct lace_setting *item;
    char must[120];
    int code = ask(s, key, &item, err), n = 0;
    if (code || !item) return code;
    for (const char *p = item->value; *p || n;) {
        char *end;
        int number;
        if (n == max || !whole_number(p, &end, low, high, &number) || (*end && *end != ',')) goto bad;
        out[n++] = number;
        if (!*end) break;
        p = end + 1;
    }
    *count = n;
    return 0;
bad:
    snprintf(must, sizeof must, "at most %d whole numbers from %d to %d, separated by commas", max, low, high);
    return wrong(s, item, err, must);
}

int lace_settings_unused(const struct lace_settings *s, struct lace_error *err)
{
    for (int i = 0; i < s->count; i++) {
        if (s->used[i]) continue;
        const struct lace_setting *item = &s->items[i];
        char where[200] = "--set";
        if (item->line) snprintf(where, sizeof where, "%.150s:%d:", s->path ? s->path : "settings", item->line);
        int nearest = -1, least = INT_MAX;
        for (int j = 0; j < s->known_count; j++) {
            int d = lace_text_distance(item->key, s->known[j]);
            if (d < least) {
                least = d;
                nearest = j;
            }
        }
        if (nearest < 0 || 3 * (size_t)least > strlen(item->key)) /* no slip of the pen */
            return lace_fail(err, LACE_BAD, "%s %.100s is not a known setting here.", where, item->key);
        return lace_fail(err, LACE_BAD, "%s %.100s is not a known setting; did you mean %.100s?", where, item->key,
                         s->known[nearest]);
    }
    return 0;
}
