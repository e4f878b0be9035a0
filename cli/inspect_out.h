/* A traced run as tables and small pictures in text: who drew from whom, how far the gates were open, agreement and
 * diversity over time, and what muting a thread changed for the others. */
#ifndef LACE_CLI_INSPECT_OUT_H
#define LACE_CLI_INSPECT_OUT_H
#include "options.h"

void cli_inspect_print(const struct lace_run_result *result);
#endif
