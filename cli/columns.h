/* Threads side by side while they write.
 *
 *     1 ------------ writes | 2 ------ waits | 3 ...      a head: the thread, and what it does or concluded
 *     g*9+3=1, try 1: no.   | g*9+3=1, ...                its text, wrapped; while it runs the last lines
 *     ...                   | [[
 *     (as many rows of columns as N threads need)
 *
 * On a terminal the picture is drawn over itself at most 25 times a second; at the end the whole texts replace it and
 * stay. Without cursor control (TERM=dumb) only that last picture is printed. NO_COLOR: no colours. While a picture
 * is open nothing else may write to the terminal; cli_columns_close gives it back, also after an error. */
#ifndef LACE_CLI_COLUMNS_H
#define LACE_CLI_COLUMNS_H
#include "lace.h"
#include <stdbool.h>

struct cli_columns;

/* title: a line above the picture; problem: shown under it, may be NULL. NULL: out of memory. */
struct cli_columns *cli_columns_open(int threads, const char *title, const char *problem);
/* Adds what a thread wrote, which may end inside a character. True: the user pressed Ctrl-C. */
bool cli_columns_write(struct cli_columns *columns, int thread, const char *bytes, size_t len);
/* Prints the last picture, with result (NULL: stopped or failed) its verdicts and the picked thread. Nulls the handle. */
void cli_columns_close(struct cli_columns **columns, const struct lace_run_result *result);
#endif
