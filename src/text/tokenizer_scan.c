#include "text/tokenizer_scan.h"
#include "text/utf8.h"
#include <string.h>
#include <utf8proc.h>

/* ---- finding ---- */

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++;
    return p;
}

/* Behind the string that begins at p, or end. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '\\') p++;
        else if (*p == '"') return p + 1;
    }
    return end;
}

/* Behind the value that begins at p. */
static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;
    if (p < end && *p != '"' && *p != '{' && *p != '[') {
        while (p < end && !memchr(",]} \t\r\n", *p, 7)) p++;
        return p;
    }
    do {
        if (p >= end) return end;
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
        p++;
    } while (depth > 0);
    return p;
}

/* A member's value, from its first sign to behind its last. */
struct span {
    const char *at, *end; /* at NULL: there is none, or more than one */
};

/* Looks for members of the object that begins at p. */
static void members(const char *p, const char *end, const char *const *names, struct span *found, int count)
{
    bool seen[2] = {false, false};
    for (int i = 0; i < count; i++) found[i] = (struct span){NULL, NULL};
    if (p >= end || *p != '{') return;
    for (p = skip_blanks(p + 1, end); p < end && *p == '"'; p = skip_blanks(p, end)) {
        const char *key = p + 1, *key_end = skip_string(p, end), *value = skip_blanks(key_end, end);
        if (value == end || *value != ':') return;
        value = skip_blanks(value + 1, end);
        p = skip_value(value, end);
        for (int i = 0; i < count; i++) {
            size_t len = strlen(names[i]);
            if ((size_t)(key_end - key) != len + 1 || memcmp(key, names[i], len)) continue;
            found[i] = seen[i] || value == end ? (struct span){NULL, NULL} : (struct span){value, p};
            seen[i] = true;
        }
        p = skip_blanks(p, end);
        if (p < end && *p == ',') p++;
    }
}

int lace_tokenizer_scan(struct lace_tokenizer_scan *s, const char *json, size_t len, const char *path,
                        struct lace_error *err)
{
    static const char *const outer[] = {"model"}, *const inner[] = {"vocab", "merges"};
    const char *end = json + len, *at = json;
    struct span model, found[2];
    members(skip_blanks(json, end), end, outer, &model, 1);
    members(model.at ? model.at : end, end, inner, found, 2);
    if (found[0].at && *found[0].at != '{') found[0].at = NULL;
    if (found[1].at && *found[1].at != '[') found[1].at = NULL;
    *s = (struct lace_tokenizer_scan){found[0].at, found[0].end, found[1].at, found[1].end, .rest = {.data = NULL}};
    bool swap = found[0].at && found[1].at && found[1].at < found[0].at;
    for (int i = 0; i < 2; i++) {
        int which = swap ? 1 - i : i;
        if (!found[which].at) continue;
        lace_text_add(&s->rest, at, (size_t)(found[which].at - at));
        lace_text_str(&s->rest, which ? "[]" : "{}");
        at = found[which].end;
    }
    lace_text_add(&s->rest, at, (size_t)(end - at));
    return s->rest.failed ? lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path) : 0;
}

size_t lace_tokenizer_scan_merges(const struct lace_tokenizer_scan *s)
{
    const char *p = s->merges ? skip_blanks(s->merges + 1, s->merges_end) : NULL, *end = s->merges_end;
    size_t count = 0;
    while (p && p < end && *p != ']') {
        const char *next = skip_value(p, end);
        if (next == p) break; /* no value; whoever reads it will say so */
        count++;
        p = skip_blanks(next, end);
        if (p < end && *p == ',') p = skip_blanks(p + 1, end);
    }
    return count;
}

void lace_tokenizer_scan_release(struct lace_tokenizer_scan *s) { lace_text_release(&s->rest); }

/* ---- reading ---- */

int lace_json_reader_fail(const struct lace_json_reader *r, struct lace_error *err)
{
    size_t left = (size_t)(r->end - r->at);
    return lace_fail(err, LACE_BAD, "%.200s is not valid JSON where its vocabulary says \"%.*s\".", r->path,
                     (int)(left < 40 ? left : 40), r->at);
}

bool lace_json_reader_take(struct lace_json_reader *r, char c)
{
    r->at = skip_blanks(r->at, r->end);
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}

/* Four hexadecimal digits at p, or -1. */
static int hex(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The escape whose backslash is at r->at. */
static bool escape(struct lace_json_reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = r->at + 1, *plain = p < r->end && *p ? strchr(from, *p) : NULL;
    utf8proc_uint8_t bytes[4];
    if (plain) {
        lace_text_add(&r->text, to + (plain - from), 1);
        r->at += 2;
        return true;
    }
    int point = p < r->end && *p == 'u' ? hex(p + 1, r->end) : -1;
    r->at += 6;
    if (point >= 0xd800 && point < 0xdc00) { /* the first half of a pair */
        int low = r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' ? hex(r->at + 2, r->end) : -1;
        if (low < 0xdc00 || low > 0xdfff) return false;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    }
    if (point < 0 || (point >= 0xd800 && point < 0xe000)) return false;
    lace_text_add(&r->text, (char *)bytes, (size_t)utf8proc_encode_char(point, bytes));
    return true;
}

int lace_json_reader_string(struct lace_json_reader *r, struct lace_error *err)
{
    const char *start = r->at;
    if (!lace_json_reader_take(r, '"')) return lace_json_reader_fail(r, err);
    for (;;) {
        const char *from = r->at;
        while (r->at < r->end && (unsigned char)*r->at >= ' ' && *r->at != '"' && *r->at != '\\') r->at++;
        if (!lace_utf8_valid(from, (size_t)(r->at - from))) break;
        lace_text_add(&r->text, from, (size_t)(r->at - from));
        if (r->text.failed) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", r->path);
        if (r->at == r->end || (unsigned char)*r->at < ' ') break;
        if (*r->at == '"') {
            r->at++;
            return 0;
        }
        if (!escape(r)) break;
    }
    r->at = start;
    return lace_json_reader_fail(r, err);
}

int lace_json_reader_number(struct lace_json_reader *r, int64_t *number)
{
    const char *p = skip_blanks(r->at, r->end), *digits;
    bool negative = p < r->end && *p == '-';
    *number = 0;
    for (digits = p += negative; p < r->end && *p >= '0' && *p <= '9'; p++)
        if (*number < INT64_MAX / 10 - 1) *number = *number * 10 + (*p - '0');
    if (p == digits || (*digits == '0' && p > digits + 1)) return LACE_BAD;
    if (p < r->end && (*p == '.' || *p == 'e' || *p == 'E')) return LACE_BAD;
    if (negative) *number = -*number;
    r->at = p;
    return 0;
}
