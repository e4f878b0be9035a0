/* The bar draws over itself with a carriage return and erases to the end of the line. */
#include "progress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

bool cli_quiet;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* "42 s", "3:07", "2:03:07". */
static void time_text(char *text, size_t size, double seconds)
{
    long s = seconds < 1e8 ? (long)(seconds + 0.5) : 100000000;
    if (s < 60) snprintf(text, size, "%ld s", s);
    else if (s < 3600) snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
    else snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

void cli_progress_start(struct cli_progress *p, const char *label, const char *unit, long total)
{
    *p = (struct cli_progress){.label = label, .unit = unit, .total = total, .started = now()};
    const char *term = getenv("TERM");
    p->terminal = isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
    p->drawn = p->terminal ? 0 : p->started; /* a short run on a pipe says nothing */
}

void cli_progress_update(struct cli_progress *p, long done, const char *note)
{
    double t = now();
    if (cli_quiet || t - p->drawn < (p->terminal ? 0.1 : 10)) return;
    p->drawn = t;
    double elapsed = t - p->started, rate = elapsed > 0 ? (double)done / elapsed : 0;
    char left[32], text[256];
    size_t len = 0;
    int columns = 80;
    if (p->terminal) {
        struct winsize size;
        if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col > 0) columns = size.ws_col;
    } else {
        columns = (int)sizeof text;
    }
    len += (size_t)snprintf(text, sizeof text, "%.40s ", p->label);
    if (p->total > 0) {
        double share = (double)done / (double)p->total;
        if (share > 1) share = 1;
        if (p->terminal && columns >= 60) {
            enum { BAR = 20 };
            int full = (int)(share * BAR);
            text[len++] = '[';
            for (int i = 0; i < BAR; i++) text[len++] = i < full ? '#' : ' ';
            text[len++] = ']';
            text[len++] = ' ';
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "%3.0f%% ", 100 * share);
    }
    len += (size_t)snprintf(text + len, sizeof text - len,
                            rate >= 10 || rate == 0 ? "%ld %.20s, %.0f/s" : "%ld %.20s, %.2f/s", done, p->unit, rate);
    if (p->total > 0 && rate > 0) {
        time_text(left, sizeof left, done < p->total ? (double)(p->total - done) / rate : 0);
        len += (size_t)snprintf(text + len, sizeof text - len, ", %s left", left);
    }
    if (note) len += (size_t)snprintf(text + len, sizeof text - len, ", %.80s", note);
    if (p->terminal) fprintf(stderr, "\r%.*s\033[K", columns - 1, text); /* one line, or the terminal scrolls */
    else fprintf(stderr, "%s\n", text);
    fflush(stderr);
    p->shown = p->terminal;
}

void cli_progress_clear(struct cli_progress *p)
{
    if (!p->shown) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->shown = false;
}

void cli_progress_end(struct cli_progress *p) { cli_progress_clear(p); }
