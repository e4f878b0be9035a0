/* A run as JSON: what `lace run --json` and `lace inspect --json` print. */
#ifndef LACE_CLI_RUN_OUT_H
#define LACE_CLI_RUN_OUT_H
#include "options.h"
#include <stdio.h>

/* options NULL: a run that was read from a file, without its token counts and times; then engine may be NULL. load:
 * seconds that the model took to open. prompt goes with a trace; it may be NULL. Returns the exit status. */
int cli_run_print(FILE *out, const struct lace_engine *engine, const struct lace_run_options *options,
                  const struct lace_run_result *result, const char *prompt, double load);
#endif
