/* Text of a model broken into lines of a column, and written so that a terminal obeys nothing in it. */
#ifndef LACE_CLI_WRAP_H
#define LACE_CLI_WRAP_H
#include <stdbool.h>
#include <stddef.h>

enum cli_line_kind { CLI_LINE_PLAIN, CLI_LINE_ANSWER, CLI_LINE_BEST, CLI_LINE_SUCCESS, CLI_LINE_FAIL };

struct cli_line {
    size_t from, to;         /* bytes of the text */
    int columns;             /* what they take */
    bool more;               /* goes on with the line before; drawn with CLI_INDENT blanks in front */
    enum cli_line_kind kind; /* of the whole line that it is part of */
};
#define CLI_INDENT 2

struct cli_lines {
    struct cli_line *line;
    int count, capacity;
};
/* Breaks at words, and inside those that are longer than a line. A character that is not whole yet at the end of the
 * text is left for later, unless it is the last text. False: out of memory. */
bool cli_wrap(struct cli_lines *lines, const char *text, size_t len, int width, bool last);

/* A growing piece of output; once memory ran out it stays failed. */
struct cli_buffer {
    char *data;
    size_t len, capacity;
    bool failed;
};
void cli_put(struct cli_buffer *out, const char *bytes, size_t len);
void cli_puts(struct cli_buffer *out, const char *text);
/* At most width columns of a text: control characters become ".", what is not UTF-8 U+FFFD, a tab a blank. Returns the
 * columns that were used. */
int cli_put_text(struct cli_buffer *out, const char *text, size_t len, int width);
#endif
