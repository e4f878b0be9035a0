#include "wrap.h"
#include "terminal.h"
#include "utf8.h"
#include <stdlib.h>
#include <string.h>

/* Bytes of what stands at text, and in *columns what it takes when it is drawn; 0: an unfinished character. */
static size_t next(const char *text, size_t len, int *columns)
{
    int n = cli_utf8_size(text, len);
    *columns = 1;
    if (n == 0) return 0;
    if (n < 0) return 1;
    *columns = cli_character_width(text, n);
    if (*columns < 0) *columns = 1;
    return (size_t)n;
}

static bool add(struct cli_lines *l, struct cli_line line)
{
    if (l->count == l->capacity) {
        int capacity = l->capacity ? 2 * l->capacity : 64;
        struct cli_line *grown = realloc(l->line, sizeof *grown * (size_t)capacity);
        if (!grown) return false;
        l->line = grown;
        l->capacity = capacity;
    }
    l->line[l->count++] = line;
    return true;
}

static bool holds(const char *text, size_t len, const char *what)
{
    return memmem(text, len, what, strlen(what)) != NULL;
}

static enum cli_line_kind kind_of(const char *text, size_t len)
{
    if (holds(text, len, "[[best]]")) return CLI_LINE_BEST;
    if (holds(text, len, "[[success]]")) return CLI_LINE_SUCCESS;
    if (holds(text, len, "[[fail]]")) return CLI_LINE_FAIL;
    return holds(text, len, "Answer: ") || holds(text, len, "\\boxed{") ? CLI_LINE_ANSWER : CLI_LINE_PLAIN;
}

/* The lines of one line of the text, from .. to. */
static bool wrap_line(struct cli_lines *lines, const char *text, size_t from, size_t to, int width, bool last)
{
    enum cli_line_kind kind = kind_of(text + from, to - from);
    bool more = false;
    for (;;) {
        int columns = more ? CLI_INDENT : 0, w, at_break = 0;
        size_t at = from, cut = from;
        while (at < to) {
            size_t n = next(text + at, to - at, &w);
            if (!n && !last) to = at; /* held back */
            if (!n && !last) break;
            if (!n) n = to - at;
            if (columns + w > width && at > from) break;
            if (text[at] == ' ') cut = at, at_break = columns;
            columns += w;
            at += n;
        }
        bool end = at >= to;
        if (!end && text[at] == ' ') cut = at, at_break = columns;
        if (end || cut == from) cut = at, at_break = columns;
        if (!add(lines, (struct cli_line){from, cut, at_break, more, kind})) return false;
        if (end) return true;
        for (from = cut; from < to && text[from] == ' ';) from++;
        if (from == to) return true;
        more = width > 4 * CLI_INDENT;
    }
}

bool cli_wrap(struct cli_lines *lines, const char *text, size_t len, int width, bool last)
{
    lines->count = 0;
    for (size_t from = 0; from < len;) {
        const char *end = memchr(text + from, '\n', len - from);
        size_t to = end ? (size_t)(end - text) : len;
        if (!wrap_line(lines, text, from, to, width, last || end)) return false;
        from = to + 1;
    }
    return true;
}

void cli_put(struct cli_buffer *out, const char *bytes, size_t len)
{
    if (out->len + len > out->capacity) {
        size_t capacity = 2 * out->capacity + len + 256;
        char *grown = out->failed ? NULL : realloc(out->data, capacity);
        if (!grown) {
            out->failed = true;
            return;
        }
        out->data = grown;
        out->capacity = capacity;
    }
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
}

void cli_puts(struct cli_buffer *out, const char *text) { cli_put(out, text, strlen(text)); }

int cli_put_text(struct cli_buffer *out, const char *text, size_t len, int width)
{
    int used = 0, w;
    for (size_t i = 0; i < len;) {
        int n = cli_utf8_size(text + i, len - i);
        size_t size = next(text + i, len - i, &w);
        if (used + w > width) break;
        if (n <= 0) cli_puts(out, "\xef\xbf\xbd");
        else if (text[i] == '\t') cli_put(out, " ", 1);
        else if (cli_character_width(text + i, n) < 0) cli_put(out, ".", 1);
        else cli_put(out, text + i, size);
        used += w;
        i += size ? size : len - i;
    }
    return used;
}
