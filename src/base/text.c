/* A growing text; a failed growth is remembered, so that callers check once at the end. */
#include "base/base.h"
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void lace_text_init(struct lace_text *text) { *text = (struct lace_text){0}; }

static bool reserve(struct lace_text *text, size_t more)
{
    size_t need;
    if (text->failed || !lace_add(text->len, more, &need) || !lace_add(need, 1, &need)) goto fail;
    if (need > text->cap) {
        size_t cap = text->cap ? text->cap : 64;
        while (cap < need)
            if (!lace_mul(cap, 2, &cap)) goto fail;
        char *data = realloc(text->data, cap);
        if (!data) goto fail;
        text->data = data;
        text->cap = cap;
    }
    return true;
fail:
    lace_text_release(text);
    text->failed = true;
    return false;
}

void lace_text_add(struct lace_text *text, const char *bytes, size_t len)
{
    if (!reserve(text, len)) return;
    if (len) memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = 0;
}

void lace_text_str(struct lace_text *text, const char *str) { lace_text_add(text, str, strlen(str)); }

void lace_text_print(struct lace_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !reserve(text, (size_t)len)) return;
    va_start(args, format);
    vsnprintf(text->data + text->len, (size_t)len + 1, format, args);
    va_end(args);
    text->len += (size_t)len;
}

void lace_text_clear(struct lace_text *text)
{
    text->len = 0;
    if (text->data) text->data[0] = 0;
}

void lace_text_release(struct lace_text *text)
{
    free(text->data);
    *text = (struct lace_text){0};
}

int lace_text_distance(const char *a, const char *b)
{
    enum { MOST = 256 };
    size_t n = strlen(a), m = strlen(b);
    int row[MOST + 1];
    if (m > MOST || n > MOST) return INT_MAX;
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}
