/* What the steps of `lace data` have in common: files in and out, the bar, the report of what was dropped and why. */
#ifndef LACE_CLI_DATA_STEP_H
#define LACE_CLI_DATA_STEP_H
#include "options.h"

struct cli_step_options {
    const char *out, *dropped;
    bool json;
};
extern struct cli_step_options cli_step;

#define CLI_STEP_OPTIONS                                                                                               \
    {"Output", .kind = CLI_SECTION},                                                                                   \
        {"out",         'o',    CLI_TEXT,                                                                              \
         &cli_step.out, "FILE", "Where to write; stdout by default. The file appears when it is complete."},           \
        {"dropped", 0, CLI_TEXT, &cli_step.dropped, "FILE", "Where the dropped records go, each with its reason."},    \
    {                                                                                                                  \
        "json", 'j', CLI_FLAG, &cli_step.json, NULL, "The report in JSON: on stdout where -o is given, else stderr."   \
    }

/* One step: the files are the arguments (none: stdin), step calls the library. Returns the exit status. */
typedef int cli_step_fn(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err);
int cli_step_run(const char *name, int count, char **files, cli_step_fn *step);

/* The tables and functions of the steps, for cmd_data.c. */
#define CLI_STEP(name)                                                                                                 \
    extern const struct cli_option cli_##name##_options[];                                                             \
    int cli_##name##_run(int count, char **args)
CLI_STEP(import);
CLI_STEP(filter);
CLI_STEP(solve);
CLI_STEP(steps);
CLI_STEP(weave);
CLI_STEP(label);
CLI_STEP(dedupe);
CLI_STEP(stats);
CLI_STEP(pipeline);
#undef CLI_STEP
#endif
