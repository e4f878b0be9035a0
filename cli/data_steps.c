/* The steps of the pipeline: their options. */
#include "data_ask.h"
#include "data_step.h"
#include <string.h>

/* ---- import ---- */

static const char *format = "auto", *task;
static bool no_solutions;

const struct cli_option cli_import_options[] = {
    {"format", 'f', CLI_CHOICE, &format, "NAME", "What the files hold; by default each file's first good line decides.",
     .choices = "auto|gsm8k|math|dapo|aime|plain|record"},
    {"task", 't', CLI_TEXT, &task, "NAME", "The records' task; the format's name by default."},
    {"no-solutions", 0, CLI_FLAG, &no_solutions, NULL, "Leave written solutions out; else they become a thread."},
    CLI_STEP_OPTIONS,
    {0},
};

static int import(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err)
{
    struct lace_import_options o = {format, task, !no_solutions};
    return lace_data_import(flow, &o, report, err);
}

int cli_import_run(int count, char **args) { return cli_step_run("import", count, args, import); }

/* ---- filter ---- */

static int samples = 8;
static double low, high = 0.5;
static struct lace_ask_options ask;

const struct cli_option cli_filter_options[] = {
    {"samples", 'k', CLI_INT, &samples, "K", "Samples of each problem.", .min = 1, .max = 1024},
    {"low", 0, CLI_REAL, &low, "R", "Kept are pass rates above this,", .min = 0, .max = 1},
    {"high", 0, CLI_REAL, &high, "R", "and up to this.", .min = 0, .max = 1},
    CLI_ASK_OPTIONS,
    CLI_STEP_OPTIONS,
    {0},
};

static int filter(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err)
{
    struct lace_filter_options o = {ask, samples, low, high};
    return lace_data_filter(flow, &o, report, err);
}

int cli_filter_run(int count, char **args)
{
    int status = cli_ask_read(&ask, true);
    return status ? status : cli_step_run("filter", count, args, filter);
}

/* ---- solve ---- */

static int threads = 4, tries = 2;
static double alike = 0.8;
static bool keep_drafts, any;

const struct cli_option cli_solve_options[] = {
    {"threads", 'n', CLI_INT, &threads, "N", "Drafts of each problem.", .min = 1, .max = 64},
    {"tries", 0, CLI_INT, &tries, "K",
     "Replies asked for a draft; one like another, or without an answer, is not taken.", .min = 1, .max = 100},
    {"alike", 0, CLI_REAL, &alike, "J", "From which likeness (as of dedupe) a draft is like another.", .min = 0.01,
     .max = 1},
    {"keep", 0, CLI_FLAG, &keep_drafts, NULL, "Threads that are there stay, as the first drafts."},
    {"any", 0, CLI_FLAG, &any, NULL, "Keep also problems that no draft solves."},
    CLI_ASK_OPTIONS,
    CLI_STEP_OPTIONS,
    {0},
};

static int solve(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err)
{
    struct lace_solve_options o = {ask, threads, tries, alike, keep_drafts, any};
    return lace_data_solve(flow, &o, report, err);
}

int cli_solve_run(int count, char **args)
{
    int status = cli_ask_read(&ask, false);
    return status ? status : cli_step_run("solve", count, args, solve);
}

/* ---- steps ---- */

static int step_tokens = 128, thread_tokens = 3000;
static const char *tokenizer;

const struct cli_option cli_steps_options[] = {
    {"step-tokens", 0, CLI_INT, &step_tokens, "N", "The most of a step.", .min = 1, .max = 1 << 20},
    {"thread-tokens", 0, CLI_INT, &thread_tokens, "N", "The most of a thread.", .min = 1, .max = 1 << 24},
    {"tokenizer", 0, CLI_TEXT, &tokenizer, "DIR", "Count this model's tokens; by default words, numbers and signs."},
    CLI_ASK_OPTIONS,
    CLI_STEP_OPTIONS,
    {0},
};

static int steps(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err)
{
    struct lace_steps_options o = {ask, tokenizer, step_tokens, thread_tokens};
    return lace_data_steps(flow, &o, report, err);
}

int cli_steps_run(int count, char **args)
{
    int status = cli_ask_read(&ask, false);
    return status ? status : cli_step_run("steps", count, args, steps);
}

/* ---- weave ---- */

static int weave_samples = 4, weave_threads;
static double errs = 0.5;
static bool no_made_up;

const struct cli_option cli_weave_options[] = {
    {"threads", 'n', CLI_INT, &weave_threads, "N",
     "Of problems of our own families; 0: as many as drafts, at least two.", .min = 0, .max = 64},
    {"errs", 0, CLI_REAL, &errs, "SHARE", "Share of the records in which wrong steps are written.", .min = 0, .max = 1},
    {"samples", 'k', CLI_INT, &weave_samples, "K", "Samples of each problem, whose false steps are used.", .min = 1,
     .max = 1024},
    {"no-made-up", 0, CLI_FLAG, &no_made_up, NULL, "No wrong steps but those that somebody made."},
    {"tokenizer", 0, CLI_TEXT, &tokenizer, "DIR",
     "This model's tokens are the clock; by default words, numbers and signs."},
    CLI_ASK_OPTIONS,
    CLI_STEP_OPTIONS,
    {0},
};

static int weave(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err)
{
    struct lace_weave_options o = {ask, weave_samples, weave_threads, errs, !no_made_up, tokenizer};
    return lace_data_weave(flow, &o, report, err);
}

int cli_weave_run(int count, char **args)
{
    int status = cli_ask_read(&ask, false);
    return status ? status : cli_step_run("weave", count, args, weave);
}

/* ---- label ---- */

static bool need_right;

const struct cli_option cli_label_options[] = {
    {"need-right", 0, CLI_FLAG, &need_right, NULL, "Drop records without a right thread."},
    CLI_ASK_OPTIONS,
    CLI_STEP_OPTIONS,
    {0},
};

static int label(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err)
{
    struct lace_label_options o = {ask, need_right};
    return lace_data_label(flow, &o, report, err);
}

int cli_label_run(int count, char **args)
{
    int status = cli_ask_read(&ask, false);
    if (!ask.tokens) ask.tokens = 256;
    return status ? status : cli_step_run("label", count, args, label);
}

/* ---- dedupe ---- */

static double threshold = 0.8;
static struct cli_list against;
static bool keep_threads;

const struct cli_option cli_dedupe_options[] = {
    {"threshold", 't', CLI_REAL, &threshold, "J", "How alike near duplicates are: shared three-word shingles.",
     .min = 0.4, .max = 1},
    {"against", 'a', CLI_LIST, &against, "FILE", "Drop what is in this file too (a test set); may be given again."},
    {"keep-threads", 0, CLI_FLAG, &keep_threads, NULL, "Leave near duplicates among a record's threads alone."},
    CLI_STEP_OPTIONS,
    {0},
};

static int dedupe(const struct lace_data_flow *flow, struct lace_data_report *report, struct lace_error *err)
{
    const char *files[CLI_LIST_MAX + 1] = {0};
    struct lace_dedupe_options o;
    memcpy(files, against.item, sizeof *files * (size_t)against.count);
    lace_dedupe_defaults(&o);
    o.threshold = threshold;
    o.against = files;
    o.threads = !keep_threads;
    return lace_data_dedupe(flow, &o, report, err);
}

int cli_dedupe_run(int count, char **args) { return cli_step_run("dedupe", count, args, dedupe); }
