/* The resolved settings as YAML, so that a run can be repeated from its folder. Whatever settings.c
 * accepted must read back to the same keys and values; when in doubt a text is quoted. */
#include "io/settings.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool plain(const char *text, size_t len)
{
    static const char *const reserved[] = {"null", "Null", "NULL", NULL};
    if (!len) return false;
    for (int i = 0; reserved[i]; i++)
        if (strlen(reserved[i]) == len && !memcmp(text, reserved[i], len)) return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '/' || c == '.';
        if (!word && !((c == '-' || c == '+') && len > i + 1 && (i || (text[i + 1] >= '0' && text[i + 1] <= '9'))))
            return false;
    }
    return true;
}

static void add_text(struct lace_text *out, const char *text, size_t len)
{
    if (plain(text, len)) {
        lace_text_add(out, text, len);
        return;
    }
    lace_text_str(out, "\"");
    for (size_t i = 0; i < len;) {
        utf8proc_int32_t point = (unsigned char)text[i];
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(len - i), &point);
        if (n < 1) n = 1;
        /* raw only what YAML calls printable and does not fold as a line break */
        bool raw = (point >= 0x20 && point < 0x7f) ||
                   (point >= 0xa0 && point < 0xd800 && point != 0x2028 && point != 0x2029) || point >= 0x10000;
        if (point == '"' || point == '\\') lace_text_print(out, "\\%c", (int)point);
        else if (point == '\n') lace_text_str(out, "\\n");
        else if (raw) lace_text_add(out, text + i, (size_t)n);
        else lace_text_print(out, "\\u%04X", (unsigned)point);
        i += (size_t)n;
    }
    lace_text_str(out, "\"");
}

static void add_value(struct lace_text *out, const struct lace_setting *item)
{
    size_t len = strlen(item->value);
    /* numbers with commas between (from --set) are meant as a list and read back to the same text as one */
    bool numbers = strchr(item->value, ',') && strspn(item->value, "0123456789+-.,eE") == len;
    if (item->kind == LACE_SETTING_NULL) lace_text_str(out, "null");
    else if (item->kind == LACE_SETTING_LIST || numbers) {
        lace_text_str(out, "[");
        for (const char *p = item->value; len;) {
            size_t n = strcspn(p, ",");
            add_text(out, p, n);
            if (!p[n]) break;
            lace_text_str(out, ", ");
            p += n + 1;
        }
        lace_text_str(out, "]");
    } else add_text(out, item->value, len);
}

static bool below(const struct lace_setting *item, const char *prefix, size_t len)
{
    return !strncmp(item->key, prefix, len);
}

/* Maps below prefix.0, prefix.1, ... and nothing else read back as a list; anything else stays a map. */
static bool is_list(const struct lace_settings *s, const char *prefix, size_t len)
{
    long expected = -1;
    if (!len) return false;
    for (int i = 0; i < s->count; i++) {
        if (!below(&s->items[i], prefix, len)) continue;
        const char *part = s->items[i].key + len;
        size_t n = strspn(part, "0123456789");
        if (!n || n > 6 || part[n] != '.' || (part[0] == '0' && n > 1)) return false;
        long index = strtol(part, NULL, 10);
        if (index > expected && index != ++expected) return false; /* first seen out of order */
    }
    return expected >= 0;
}

/* Writes everything below prefix (which ends with a dot, or is empty), grouped by its first word. */
static void add_level(struct lace_text *out, const struct lace_settings *s, bool *done, const char *prefix, int indent,
                      bool inline_first)
{
    size_t len = strlen(prefix);
    bool list = is_list(s, prefix, len);
    for (int i = 0; i < s->count; i++) {
        if (done[i] || !below(&s->items[i], prefix, len)) continue;
        const char *part = s->items[i].key + len;
        size_t n = strcspn(part, ".");
        if (!inline_first) lace_text_print(out, "%*s", indent, "");
        inline_first = false;
        if (list) lace_text_str(out, "- ");
        else {
            add_text(out, part, n);
            lace_text_str(out, ":");
        }
        if (!part[n]) {
            lace_text_str(out, " ");
            add_value(out, &s->items[i]);
            lace_text_str(out, "\n");
            done[i] = true;
            continue;
        }
        char *inner = strndup(s->items[i].key, len + n + 1);
        if (!inner) { /* the caller sees it as out of memory */
            lace_text_release(out);
            out->failed = true;
            return;
        }
        if (!list) lace_text_str(out, "\n");
        add_level(out, s, done, inner, indent + 2, list);
        free(inner);
        if (out->failed) return;
    }
}

int lace_settings_format(const struct lace_settings *s, struct lace_text *out, struct lace_error *err)
{
    bool *done = calloc((size_t)s->count + 1, sizeof *done);
    if (done) add_level(out, s, done, "", 0, false);
    bool failed = !done || out->failed;
    free(done);
    if (failed) return lace_fail(err, LACE_MEMORY, "Out of memory while writing settings.");
    return 0;
}
