#include "io/lines.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lace_lines_open(struct lace_lines *lines, const char *path, size_t most, struct lace_error *err)
{
    bool standard = !strcmp(path, "-");
    *lines = (struct lace_lines){.path = strdup(standard ? "standard input" : path), .most = most};
    if (!lines->path) return lace_fail(err, LACE_MEMORY, "Out of memory while opening %s.", path);
    lines->stream = standard ? stdin : fopen(path, "re");
    if (lines->stream) return 0;
    int code = lace_fail(err, LACE_SYSTEM, "Cannot open %s: %s.", path, strerror(errno));
    lace_lines_close(lines);
    return code;
}

int lace_lines_next(struct lace_lines *lines, size_t *len, struct lace_error *err)
{
    *len = 0;
    int c = getc_unlocked(lines->stream);
    if (c != EOF) lines->number++;
    else if (!ferror(lines->stream)) return 0;
    for (; c != EOF && c != '\n'; c = getc_unlocked(lines->stream)) {
        if (*len > lines->most) continue;
        if (*len == lines->cap) {
            size_t cap = lines->cap ? lines->cap * 2 : 4096;
            char *line = realloc(lines->line, cap);
            if (!line)
                return lace_fail(err, LACE_MEMORY, "Out of memory while reading line %ld of %s.", lines->number,
                                 lines->path);
            lines->line = line;
            lines->cap = cap;
        }
        lines->line[(*len)++] = (char)c;
    }
    if (ferror(lines->stream))
        return lace_fail(err, LACE_SYSTEM, "Cannot read %s after line %ld: %s.", lines->path, lines->number,
                         strerror(errno));
    if (lines->number == 1 && *len >= 3 && !memcmp(lines->line, "\xef\xbb\xbf", 3))
        memmove(lines->line, lines->line + 3, *len -= 3); /* what Windows programs put before UTF-8 */
    return 1;
}

void lace_lines_close(struct lace_lines *lines)
{
    if (lines->stream && lines->stream != stdin) fclose(lines->stream);
    free(lines->path);
    free(lines->line);
    *lines = (struct lace_lines){0};
}
