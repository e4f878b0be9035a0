#include "eval_out.h"
#include "options.h"

static const char *html;
static long chosen;
static bool json;

static const struct cli_option options[] = {
    {"run", 'r', CLI_LONG, &chosen, "N", "The run of that number; 0: the last.", .min = 0, .max = 9e15},
    {"html", 0, CLI_TEXT, &html, "FILE", "Writes a report with pictures there: one page that needs nothing else."},
    {"json", 'j', CLI_FLAG, &json, NULL, "Everything, as JSON."},
    {0},
};

static int run(int count, char **args)
{
    struct lace_eval_result result;
    struct lace_error err;
    (void)count;
    if (lace_eval_read(args[0], chosen, html, &result, &err)) return cli_fail("%s", err.text);
    if (json) cli_eval_json(stdout, &result);
    else if (!html) cli_eval_table(stdout, &result);
    lace_eval_release(&result);
    return 0;
}

const struct cli_command cmd_report = {
    .name = "report",
    .summary = "Show what lace eval --db kept: tables, JSON, or a page with pictures",
    .usage = "DATABASE [--run N] [--html FILE]",
    .description =
        "The figures are computed anew from the outcomes of every problem. The database is SQLite; its tables "
        "are described in docs/evaluation.md.",
    .examples = "lace report results.sqlite --html report.html\nlace report results.sqlite --run 1 --json",
    .options = options,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
