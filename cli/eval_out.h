/* The result of an evaluation as JSON and as tables: what `lace eval` and `lace report` print. */
#ifndef LACE_CLI_EVAL_OUT_H
#define LACE_CLI_EVAL_OUT_H
#include "lace.h"
#include <stdio.h>

void cli_eval_json(FILE *out, const struct lace_eval_result *result);
void cli_eval_table(FILE *out, const struct lace_eval_result *result);
#endif
