/* The terminal on stdout: its size, and giving it back in order when a signal comes. */
#ifndef LACE_CLI_TERMINAL_H
#define LACE_CLI_TERMINAL_H
#include <stdbool.h>

struct cli_terminal {
    int width, height;
    bool cursor; /* the cursor can be moved: a terminal that is not dumb */
    bool colour;
    bool unicode; /* the locale's encoding is UTF-8 */
};
void cli_terminal_look(struct cli_terminal *terminal);

/* From here to the release the cursor is hidden and lines do not wrap. Ctrl-C and SIGTERM set a flag; a second one ends
 * the program, with the cursor back. Ctrl-Z gives the terminal back until the program goes on. */
void cli_terminal_take(void);
void cli_terminal_release(void);
int cli_terminal_stopped(void);  /* the number of the signal that asked to end: Ctrl-C, SIGTERM or SIGHUP; 0: none */
bool cli_terminal_resized(void); /* the size has changed since the last question */
bool cli_terminal_resumed(void); /* it was suspended since the last question: the old picture is gone */

/* Columns that a character of bytes 1 to 4 takes: 0 for combining ones, 2 for wide ones; -1: not printable. */
int cli_character_width(const char *bytes, int count);
#endif
