#include "columns.h"
#include "terminal.h"
#include "wrap.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LEAST = 26, MOST = 60, GAP = 3, REDRAW_MS = 40 };
enum shade { PLAIN, DIM, BOLD, GREEN, GOOD, RED, CYAN };
static const char *const codes[] = {"", "\033[2m", "\033[1m", "\033[32m", "\033[1;32m", "\033[31m", "\033[1;36m"};

struct column {
    struct cli_buffer text;
    struct cli_lines lines;
    int pieces;
};

struct cli_columns {
    const char *title, *problem;
    int threads;
    struct column *column;
    struct cli_terminal terminal;
    double started, drawn;
    struct cli_buffer out;
    int *widths, lines, line_capacity; /* of the picture on the screen: what each of its lines takes */
    int used;                          /* columns of the line that is being drawn */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a line of the picture ---- */

static void put(struct cli_columns *c, enum shade shade, const char *text, size_t len, int width)
{
    bool colour = c->terminal.colour && shade != PLAIN && len;
    if (width <= 0) return;
    if (colour) cli_puts(&c->out, codes[shade]);
    c->used += cli_put_text(&c->out, text, len, width);
    if (colour) cli_puts(&c->out, "\033[0m");
}

static void puts_shaded(struct cli_columns *c, enum shade shade, const char *text)
{
    put(c, shade, text, strlen(text), c->terminal.width - c->used);
}

static void pad_to(struct cli_columns *c, int column)
{
    for (; c->used < column; c->used++) cli_put(&c->out, " ", 1);
}

static void repeat(struct cli_columns *c, enum shade shade, const char *glyph, int times)
{
    if (c->terminal.colour && shade != PLAIN) cli_puts(&c->out, codes[shade]);
    for (int i = 0; i < times; i++) cli_puts(&c->out, glyph);
    if (c->terminal.colour && shade != PLAIN) cli_puts(&c->out, "\033[0m");
    c->used += times > 0 ? times : 0;
}

/* Ends a line. Trailing blanks go, so that a narrower terminal does not wrap them. */
static void end_line(struct cli_columns *c)
{
    while (c->out.len && c->out.data[c->out.len - 1] == ' ') c->out.len--, c->used--;
    cli_puts(&c->out, c->terminal.cursor ? "\033[K\n" : "\n");
    if (c->lines == c->line_capacity) {
        int capacity = 2 * c->line_capacity + 64;
        int *grown = realloc(c->widths, sizeof *grown * (size_t)capacity);
        if (!grown) {
            c->out.failed = true;
            return;
        }
        c->widths = grown;
        c->line_capacity = capacity;
    }
    c->widths[c->lines++] = c->used;
    c->used = 0;
}

/* ---- a thread ---- */

static bool ends(const struct column *column, const char *tail)
{
    size_t n = strlen(tail);
    return column->text.len >= n && !memcmp(column->text.data + column->text.len - n, tail, n);
}

/* What stands at the right of a thread's head. */
static enum shade state_of(const struct cli_columns *c, int n, const struct lace_run_result *result, bool last,
                           char *state, size_t size)
{
    static const enum shade shades[] = {DIM, GOOD, GREEN, RED};
    const struct column *column = &c->column[n];
    const char *said = "";
    enum lace_verdict verdict = LACE_VERDICT_NONE;
    if (result) verdict = result->threads[n].verdict;
    else
        for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL; v++) {
            char tag[16];
            snprintf(tag, sizeof tag, "[[%s]]", lace_verdict_names[v]);
            if (ends(column, tag)) verdict = (enum lace_verdict)v;
        }
    if (verdict) said = lace_verdict_names[verdict];
    else if (result) said = "no verdict";
    else if (last) said = "stopped";
    else if (!column->pieces) said = "reads";
    else if (ends(column, "[[")) said = "waits";
    else said = "writes";
    snprintf(state, size, "%s%s", said, result && result->threads[n].cut ? ", cut" : "");
    return shades[verdict];
}

static void put_head(struct cli_columns *c, int n, int width, const struct lace_run_result *result, bool last)
{
    bool picked = result && result->picked == n, utf8 = c->terminal.unicode;
    char name[24], state[64];
    enum shade shade = state_of(c, n, result, last, state, sizeof state);
    int until = c->used + width;
    snprintf(name, sizeof name, picked ? utf8 ? "\xe2\x98\x85 %d " : "* %d " : "%d ", n + 1);
    put(c, picked ? GOOD : CYAN, name, strlen(name), width);
    int rule = until - c->used - (int)strlen(state) - 1;
    if (rule < 1) {
        pad_to(c, until);
        return;
    }
    repeat(c, picked ? GOOD : DIM, picked ? utf8 ? "\xe2\x94\x81" : "=" : utf8 ? "\xe2\x94\x80" : "-", rule);
    cli_put(&c->out, " ", 1);
    c->used++;
    put(c, shade, state, strlen(state), until - c->used);
}

static void put_text_line(struct cli_columns *c, int n, int i, int width)
{
    static const enum shade shades[] = {PLAIN, BOLD, GOOD, GREEN, RED};
    const struct column *column = &c->column[n];
    if (i < 0 || i >= column->lines.count) return;
    const struct cli_line *line = &column->lines.line[i];
    int indent = line->more ? CLI_INDENT : 0;
    pad_to(c, c->used + indent);
    put(c, shades[line->kind], column->text.data + line->from, line->to - line->from, width - indent);
}

/* ---- the picture ---- */

struct layout {
    int columns, bands, width; /* threads beside each other, rows of them, and a column's width */
    int height;                /* lines of text in a band */
    bool brief;                /* no room for bands: a line for each thread */
};

static struct layout lay_out(const struct cli_columns *c, int fixed, bool last)
{
    struct layout l;
    int W = c->terminal.width;
    l.columns = (W + GAP) / (LEAST + GAP);
    if (l.columns > c->threads) l.columns = c->threads;
    if (l.columns < 1) l.columns = 1;
    l.bands = (c->threads + l.columns - 1) / l.columns;
    l.columns = (c->threads + l.bands - 1) / l.bands;
    l.width = (W + GAP) / l.columns - GAP;
    if (l.width > MOST) l.width = MOST;
    if (l.width < 1) l.width = 1;
    int room = c->terminal.height - 1 - fixed;
    l.height = last ? 1 << 30 : (room - 2 * l.bands + 1) / l.bands; /* a head each, and a blank line between them */
    l.brief = !last && l.height < 2;
    return l;
}

static void separator(struct cli_columns *c, int k, const struct layout *l)
{
    pad_to(c, k * (l->width + GAP) - GAP);
    puts_shaded(c, DIM, c->terminal.unicode ? " \xe2\x94\x82 " : " | ");
}

static void draw_band(struct cli_columns *c, int first, const struct layout *l, const struct lace_run_result *result,
                      bool last)
{
    int count = first + l->columns <= c->threads ? l->columns : c->threads - first, rows = 0;
    for (int k = 0; k < count; k++) {
        if (k) separator(c, k, l);
        put_head(c, first + k, l->width, result, last);
        if (c->column[first + k].lines.count > rows) rows = c->column[first + k].lines.count;
    }
    end_line(c);
    if (rows > l->height) rows = l->height;
    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < count; k++) {
            int hidden = c->column[first + k].lines.count - rows;
            if (k) separator(c, k, l);
            put_text_line(c, first + k, i + (hidden > 0 ? hidden : 0), l->width);
        }
        end_line(c);
    }
}

/* A line for each thread: its number, and the last of what it wrote. */
static void draw_brief(struct cli_columns *c, const struct layout *l, int room)
{
    int rows = (c->threads + l->columns - 1) / l->columns, shown = rows > room ? room - 1 : rows;
    for (int i = 0; i < shown; i++) {
        for (int k = 0; k < l->columns && i * l->columns + k < c->threads; k++) {
            char name[16];
            int n = i * l->columns + k;
            if (k) separator(c, k, l);
            snprintf(name, sizeof name, "%3d ", n + 1);
            put(c, CYAN, name, strlen(name), l->width);
            put_text_line(c, n, c->column[n].lines.count - 1, l->width - 4);
        }
        end_line(c);
    }
    if (shown < rows) {
        char more[48];
        snprintf(more, sizeof more, "and %d more threads", c->threads - shown * l->columns);
        puts_shaded(c, DIM, more);
        end_line(c);
    }
}

static void draw_foot(struct cli_columns *c, const struct lace_run_result *result, bool last)
{
    const char *dot = c->terminal.unicode ? " \xc2\xb7 " : ", ";
    char text[160];
    long tokens = 0;
    double seconds = result ? result->decode_seconds : now() - c->started;
    for (int n = 0; n < c->threads; n++) tokens += result ? result->threads[n].tokens : c->column[n].pieces;
    if (result && result->picked >= 0) {
        const struct lace_run_thread *t = &result->threads[result->picked];
        puts_shaded(c, BOLD, "Answer: ");
        puts_shaded(c, GOOD, result->answer);
        snprintf(text, sizeof text, "   thread %d of %d", result->picked + 1, c->threads);
        puts_shaded(c, DIM, text);
        if (t->p_best > 0) {
            snprintf(text, sizeof text, "%sp(best) %.2f", dot, t->p_best);
            puts_shaded(c, DIM, text);
        }
    } else if (result) puts_shaded(c, RED, "No answer");
    else if (last) puts_shaded(c, RED, "Stopped");
    snprintf(text, sizeof text, "%s%ld tokens", c->used ? dot : "", tokens);
    puts_shaded(c, DIM, text);
    if (seconds > 0 && tokens) {
        snprintf(text, sizeof text, seconds < 9.95 ? " in %.1f s%s%.0f/s" : " in %.0f s%s%.0f/s", seconds, dot,
                 (double)tokens / seconds);
        puts_shaded(c, DIM, text);
    }
    end_line(c);
}

/* Lines that the picture takes on the screen by now: a terminal that became narrower has wrapped them. */
static int lines_on_screen(const struct cli_columns *c)
{
    int lines = 0;
    for (int i = 0; i < c->lines; i++)
        lines += c->widths[i] > c->terminal.width ? (c->widths[i] + c->terminal.width - 1) / c->terminal.width : 1;
    return lines < c->terminal.height ? lines : c->terminal.height - 1;
}

/* Moves to where the picture begins. */
static void rewind_picture(struct cli_columns *c)
{
    char up[32];
    c->out.len = 0;
    if (!c->terminal.cursor) return;
    cli_terminal_resized();
    cli_terminal_look(&c->terminal);
    if (cli_terminal_resumed()) c->lines = 0;
    int lines = lines_on_screen(c);
    snprintf(up, sizeof up, lines ? "\r\033[%dA" : "\r", lines);
    cli_puts(&c->out, up);
    if (lines != c->lines) cli_puts(&c->out, "\033[J");
}

static void show(struct cli_columns *c)
{
    if (c->terminal.cursor) cli_puts(&c->out, "\033[J");
    if (c->out.failed) return;
    fwrite(c->out.data, 1, c->out.len, stdout);
    fflush(stdout);
    c->drawn = now();
}

static void erase(struct cli_columns *c)
{
    rewind_picture(c);
    if (c->lines) show(c);
}

static void draw(struct cli_columns *c, const struct lace_run_result *result, bool last)
{
    rewind_picture(c);
    c->lines = c->used = 0;
    if (c->title) {
        puts_shaded(c, DIM, c->title);
        end_line(c);
    }
    if (c->problem) {
        struct cli_lines problem = {0};
        size_t len = strlen(c->problem);
        while (len && c->problem[len - 1] == '\n') len--;
        cli_wrap(&problem, c->problem, len, c->terminal.width, true);
        for (int i = 0; i < problem.count && (last || i < c->terminal.height / 4); i++) {
            pad_to(c, problem.line[i].more ? CLI_INDENT : 0);
            put(c, BOLD, c->problem + problem.line[i].from, problem.line[i].to - problem.line[i].from,
                c->terminal.width - c->used);
            end_line(c);
        }
        free(problem.line);
    }
    if (c->lines) end_line(c);
    struct layout l = lay_out(c, c->lines + 2, last);
    for (int n = 0; n < c->threads; n++) {
        struct column *column = &c->column[n];
        if (!cli_wrap(&column->lines, column->text.data ? column->text.data : "", column->text.len, l.width, last))
            c->out.failed = true;
    }
    if (l.brief) draw_brief(c, &l, c->terminal.height - c->lines - 3);
    for (int band = 0; band < l.bands && !l.brief; band++) {
        if (band) end_line(c);
        draw_band(c, band * l.columns, &l, result, last);
    }
    end_line(c);
    draw_foot(c, result, last);
    show(c);
}

struct cli_columns *cli_columns_open(int threads, const char *title, const char *problem)
{
    struct cli_columns *c = calloc(1, sizeof *c);
    if (!c || !(c->column = calloc((size_t)threads, sizeof *c->column))) {
        free(c);
        return NULL;
    }
    c->threads = threads;
    c->title = title;
    c->problem = problem;
    c->started = now();
    cli_terminal_look(&c->terminal);
    if (c->terminal.cursor) {
        fflush(stdout);
        cli_terminal_take();
        draw(c, NULL, false);
    }
    return c;
}

bool cli_columns_write(struct cli_columns *c, int thread, const char *bytes, size_t len)
{
    struct column *column = &c->column[thread];
    cli_put(&column->text, bytes, len);
    if (!column->pieces++ && c->drawn && !thread) c->started = now(); /* the rate is of writing, not of the prompt */
    if (c->terminal.cursor && (now() - c->drawn) * 1000 >= REDRAW_MS) draw(c, NULL, false);
    return cli_terminal_stopped() != 0;
}

void cli_columns_close(struct cli_columns **columns, const struct lace_run_result *result)
{
    struct cli_columns *c = *columns;
    if (!c) return;
    bool written = result != NULL;
    for (int n = 0; n < c->threads; n++) written |= c->column[n].pieces > 0;
    if (written) draw(c, result, true);
    else erase(c); /* it failed before it began: the complaint stands alone */
    cli_terminal_release();
    for (int n = 0; n < c->threads; n++) {
        free(c->column[n].text.data);
        free(c->column[n].lines.line);
    }
    free(c->column);
    free(c->out.data);
    free(c->widths);
    free(c);
    *columns = NULL;
}
