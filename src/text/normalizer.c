#include "text/normalizer.h"
#include "io/json.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define MOST_STEPS 64

/* ---- loading ---- */

/* A new step at the end, or NULL without memory. */
static struct lace_normalizer_step *add(struct lace_normalizer *n, enum lace_normalizer_kind kind,
                                        struct lace_error *err)
{
    struct lace_normalizer_step *steps = realloc(n->steps, ((size_t)n->count + 1) * sizeof *steps);
    if (!steps) {
        lace_fail(err, LACE_MEMORY, "Out of memory for a normalizer.");
        return NULL;
    }
    n->steps = steps;
    steps[n->count] = (struct lace_normalizer_step){.kind = kind};
    return &steps[n->count++];
}

static int set_content(struct lace_normalizer_step *step, const char *content, size_t len, struct lace_error *err)
{
    lace_text_add(&step->content, content, len);
    return step->content.data ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for a normalizer.");
}

int lace_normalizer_nfc(struct lace_normalizer *n, struct lace_error *err)
{
    return add(n, LACE_NORMALIZE_NFC, err) ? 0 : LACE_MEMORY;
}

int lace_normalizer_prepend(struct lace_normalizer *n, const char *content, struct lace_error *err)
{
    struct lace_normalizer_step *step = add(n, LACE_NORMALIZE_PREPEND, err);
    return step ? set_content(step, content, strlen(content), err) : LACE_MEMORY;
}

int lace_normalizer_replace(struct lace_normalizer *n, const char *literal, const char *content, struct lace_error *err)
{
    struct lace_normalizer_step *step = add(n, LACE_NORMALIZE_REPLACE, err);
    if (!step) return LACE_MEMORY;
    lace_text_str(&step->pattern.literal, literal);
    if (!step->pattern.literal.data) return lace_fail(err, LACE_MEMORY, "Out of memory for a normalizer.");
    return set_content(step, content, strlen(content), err);
}

static int load_content(struct lace_normalizer_step *step, const json_t *value, const char *key, const char *path,
                        struct lace_error *err)
{
    const char *content;
    int code = lace_json_string(value, key, NULL, &content, path, err);
    return code ? code : set_content(step, content, json_string_length(json_object_get(value, key)), err);
}

int lace_normalizer_load(struct lace_normalizer *n, const json_t *value, const char *path, struct lace_error *err)
{
    static const char *const plain[] = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase"}; /* by enum lace_normalizer_kind */
    const char *type;
    struct lace_normalizer_step *step;
    int code;
    if (!value || json_is_null(value)) return 0;
    if ((code = lace_json_string(value, "type", NULL, &type, path, err))) return code;
    if (n->count >= MOST_STEPS)
        return lace_fail(err, LACE_BAD, "%.200s: more than %d normalizers are not supported.", path, MOST_STEPS);
    if (!strcmp(type, "Sequence")) {
        const json_t *list = json_object_get(value, "normalizers");
        if (!json_is_array(list))
            return lace_fail(err, LACE_BAD, "%.200s: a Sequence of normalizers has no list.", path);
        for (size_t i = 0; i < json_array_size(list) && !code; i++)
            code = lace_normalizer_load(n, json_array_get(list, i), path, err);
        return code;
    }
    for (int i = 0; i < 5; i++)
        if (!strcmp(type, plain[i])) return add(n, (enum lace_normalizer_kind)i, err) ? 0 : LACE_MEMORY;
    if (!strcmp(type, "Strip")) {
        if (!(step = add(n, LACE_NORMALIZE_STRIP, err))) return LACE_MEMORY;
        code = lace_json_bool(value, "strip_left", true, &step->left, path, err);
        return code ? code : lace_json_bool(value, "strip_right", true, &step->right, path, err);
    }
    if (!strcmp(type, "Prepend")) {
        if (!(step = add(n, LACE_NORMALIZE_PREPEND, err))) return LACE_MEMORY;
        return load_content(step, value, "prepend", path, err);
    }
    if (!strcmp(type, "Replace")) {
        if (!(step = add(n, LACE_NORMALIZE_REPLACE, err))) return LACE_MEMORY;
        code = lace_pattern_load(&step->pattern, json_object_get(value, "pattern"), "a Replace", path, err);
        return code ? code : load_content(step, value, "content", path, err);
    }
    return lace_fail(err, LACE_BAD, "%.200s: the normalizer %.40s is not supported; it would change the tokens.", path,
                     type);
}

void lace_normalizer_release(struct lace_normalizer *n)
{
    for (int i = 0; i < n->count; i++) {
        lace_pattern_release(&n->steps[i].pattern);
        lace_text_release(&n->steps[i].content);
    }
    free(n->steps);
    *n = (struct lace_normalizer){.steps = NULL};
}

/* ---- the steps ---- */

static bool is_ascii(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] & 0x80) return false;
    return true;
}

static int compose(struct lace_text *out, const char *bytes, size_t len, int options, struct lace_error *err)
{
    utf8proc_uint8_t *made = NULL;
    if (!len) return 0;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)len, &made,
                                      (utf8proc_option_t)(UTF8PROC_STABLE | options));
    if (n < 0) return lace_fail(err, LACE_BAD, "A text cannot be normalized: %s.", utf8proc_errmsg(n));
    lace_text_add(out, (char *)made, (size_t)n);
    free(made);
    return 0;
}

/* The characters that stand still are starters to Tokenizers: nothing moves or joins across them. */
static int normal_form(struct lace_text *out, const char *bytes, size_t len, enum lace_normalizer_kind kind,
                       struct lace_error *err)
{
    static const int options[] = {UTF8PROC_COMPOSE, UTF8PROC_DECOMPOSE, UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                                  UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT};
    size_t start = 0;
    for (size_t i = 0; i < len; i += lace_utf8_size(bytes[i])) {
        size_t still = bytes[i] & 0x80 ? lace_unicode_still(bytes + i, len - i) : 0;
        if (!still) continue;
        int code = compose(out, bytes + start, i - start, options[kind], err);
        if (code) return code;
        lace_text_add(out, bytes + i, still);
        start = i + still;
    }
    return compose(out, bytes + start, len - start, options[kind], err);
}

/* Character by character, as Rust's to_lowercase: only U+0130 becomes two. */
static void lowercase(struct lace_text *out, const char *bytes, size_t len)
{
    size_t n;
    for (size_t i = 0; i < len; i += n) {
        utf8proc_uint8_t character[4];
        uint32_t c = lace_utf8_point(bytes + i, &n);
        if (c == 0x130) {
            lace_text_str(out, "i\xcc\x87");
            continue;
        }
        size_t made = (size_t)utf8proc_encode_char((utf8proc_int32_t)lace_unicode_lower(c), character);
        lace_text_add(out, (char *)character, made);
    }
}

static void strip(const struct lace_normalizer_step *step, const char **bytes, size_t *len, bool *begins)
{
    size_t n;
    while (step->left && *len && lace_unicode_space(lace_utf8_point(*bytes, &n))) {
        *bytes += n;
        *len -= n;
        *begins = false;
    }
    while (step->right && *len) {
        size_t last = lace_utf8_before(*bytes, *len);
        if (!lace_unicode_space(lace_utf8_point(*bytes + last, &n))) break;
        *len = last;
    }
}

static int replace(const struct lace_normalizer_step *step, struct lace_matcher *matcher, struct lace_text *out,
                   const char *bytes, size_t len, bool *begins, struct lace_error *err)
{
    struct lace_matches m;
    size_t done = 0;
    int got = 0, code = lace_matches_begin(&m, &step->pattern, matcher, bytes, len, err);
    while (!code && (got = lace_matches_next(&m, err)) == 1) {
        /* what replaces the start of a text counts as its start where it replaces one character */
        if (!m.start && m.end && (!step->content.len || m.end > lace_utf8_size(bytes[0]))) *begins = false;
        lace_text_add(out, bytes + done, m.start - done);
        lace_text_add(out, step->content.data, step->content.len);
        done = m.end;
    }
    lace_matches_end(&m);
    lace_text_add(out, bytes + done, len - done);
    return code ? code : got;
}

static bool changes_nothing(const struct lace_normalizer_step *step, const char *bytes, size_t len, bool inside)
{
    switch (step->kind) {
    case LACE_NORMALIZE_NFC: return is_ascii(bytes, len) || lace_unicode_composed(bytes, len);
    case LACE_NORMALIZE_NFD:
    case LACE_NORMALIZE_NFKC:
    case LACE_NORMALIZE_NFKD: return is_ascii(bytes, len);
    case LACE_NORMALIZE_PREPEND: return inside || !len;
    case LACE_NORMALIZE_REPLACE:
        return !len ||
               (!step->pattern.code && !memmem(bytes, len, step->pattern.literal.data, step->pattern.literal.len));
    default: return false;
    }
}

int lace_normalize(const struct lace_normalizer *n, struct lace_matcher *matcher, struct lace_normalizer_room *room,
                   const char **bytes, size_t *len, bool inside, bool *begins, struct lace_error *err)
{
    int turn = 0;
    for (int i = 0; i < n->count; i++) {
        const struct lace_normalizer_step *step = &n->steps[i];
        struct lace_text *out = &room->text[turn];
        int code = 0;
        if (step->kind == LACE_NORMALIZE_STRIP) {
            strip(step, bytes, len, begins);
            continue;
        }
        if (changes_nothing(step, *bytes, *len, inside)) continue;
        lace_text_clear(out);
        switch (step->kind) {
        case LACE_NORMALIZE_LOWERCASE: lowercase(out, *bytes, *len); break;
        case LACE_NORMALIZE_PREPEND:
            lace_text_add(out, step->content.data, step->content.len);
            lace_text_add(out, *bytes, *len);
            break;
        case LACE_NORMALIZE_REPLACE: code = replace(step, matcher, out, *bytes, *len, begins, err); break;
        default: code = normal_form(out, *bytes, *len, step->kind, err); break;
        }
        if (code) return code;
        if (out->failed) return lace_fail(err, LACE_MEMORY, "Out of memory while encoding a text.");
        *bytes = out->data ? out->data : "";
        *len = out->len;
        turn = !turn;
    }
    return 0;
}

void lace_normalizer_room_release(struct lace_normalizer_room *room)
{
    lace_text_release(&room->text[0]);
    lace_text_release(&room->text[1]);
}
