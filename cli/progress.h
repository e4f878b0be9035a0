/* A bar on stderr with the share done, the rate and the time left. On a terminal it is redrawn at most ten
 * times a second and gone at the end; on a pipe it is a line every ten seconds, so that logs stay short. */
#ifndef LACE_CLI_PROGRESS_H
#define LACE_CLI_PROGRESS_H
#include <stdbool.h>

struct cli_progress {
    const char *label, *unit; /* "train", "steps"; both outlive the bar */
    long total;               /* 0: unknown, no bar and no time left */
    double started, drawn;    /* seconds */
    bool terminal, shown;
};

void cli_progress_start(struct cli_progress *progress, const char *label, const char *unit, long total);
/* done counts from the start of the bar; note (a loss, an accuracy) may be NULL. Not thread-safe. */
void cli_progress_update(struct cli_progress *progress, long done, const char *note);
/* Clears the line. A message to stderr in between: call this first, the next update draws the bar again. */
void cli_progress_clear(struct cli_progress *progress);
void cli_progress_end(struct cli_progress *progress);

/* Set by --quiet: no bar at all. */
extern bool cli_quiet;
#endif
