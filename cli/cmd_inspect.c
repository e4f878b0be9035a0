/* lace inspect: what flowed between the threads of one problem, or of a run that was saved. */
#include "conversation.h"
#include "inspect_out.h"
#include "model_options.h"
#include "outlet.h"
#include "run_options.h"
#include "run_out.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES ((size_t)64 << 20)

static const char *html;
static bool json, no_influence;

static const struct cli_option options[] = {
    {"Model", .kind = CLI_SECTION},
    CLI_MODEL_OPTIONS,
    CLI_THREAD_OPTIONS("4"),
    CLI_SAMPLING_OPTIONS,
    {"Output", .kind = CLI_SECTION},
    {"no-influence", 0, CLI_FLAG, &no_influence, NULL,
     "Only what was recorded: no thread is muted, nothing is run a second time."},
    {"html", 0, CLI_TEXT, &html, "FILE",
     "Writes the run there as a page to look at in a browser, as the server's own page shows it; it needs nothing "
     "else."},
    {"json", 'j', CLI_FLAG, &json, NULL, "The run with its trace and influence as JSON; lace inspect reads it again."},
    {0},
};

/* A saved run is known by its name: no problem ends so, and a mistyped name must not be solved as one. */
static bool is_file(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && !strcmp(name + len - 5, ".json");
}

static int read_file(const char *name, char **bytes, size_t *len)
{
    FILE *file = fopen(name, "rb");
    *bytes = NULL;
    if (!file) return cli_fail("The run %s cannot be read: %s.", name, strerror(errno));
    if (fseek(file, 0, SEEK_END) || ftell(file) < 0 || (size_t)ftell(file) > FILE_BYTES) {
        fclose(file);
        return cli_fail("%s is no run: it has more than %zu MiB.", name, FILE_BYTES >> 20);
    }
    *len = (size_t)ftell(file);
    rewind(file);
    *bytes = malloc(*len + 1);
    bool whole = *bytes && fread(*bytes, 1, *len, file) == *len;
    fclose(file);
    if (whole) return 0;
    free(*bytes);
    *bytes = NULL;
    return cli_fail("%s cannot be read.", name);
}

/* name: where the run comes from, in a complaint. */
static int write_page(const char *run, size_t len, const char *name)
{
    struct cli_outlet outlet;
    struct lace_error err;
    char *page;
    size_t page_len;
    if (lace_page_write(run, len, &page, &page_len, &err)) return cli_fail("%s: %s", name, err.text);
    int status = cli_outlet_open(&outlet, html);
    if (!status) {
        cli_outlet_write(&outlet, page, page_len);
        status = cli_outlet_close(&outlet, 0);
    }
    free(page);
    return status;
}

/* What was asked for: tables, JSON, or a page. */
static int show(const struct lace_engine *engine, const struct lace_run_options *o, const struct lace_run_result *r,
                const char *prompt)
{
    if (!html && !json) cli_inspect_print(r);
    if (!html) return json ? cli_run_print(stdout, engine, o, r, prompt, 0) : 0;
    char *run = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&run, &len);
    if (!memory) return cli_fail("Out of memory.");
    int status = cli_run_print(memory, engine, o, r, prompt, 0);
    if (fclose(memory) && !status) status = cli_fail("Out of memory.");
    if (!status) status = write_page(run, len, html);
    free(run);
    return status;
}

/* A saved run. Its influence is measured where a model is named: which one wrote it the file cannot prove. */
static int inspect_file(const char *name)
{
    struct lace_run_result result;
    struct lace_engine *engine;
    struct lace_error err;
    char *bytes, *prompt;
    size_t len = 0;
    int status = read_file(name, &bytes, &len);
    if (status) return status;
    if (html && !cli_model.model) { /* the page shows what is no trace, too: a plain run, a comparison that it saved */
        status = write_page(bytes, len, name);
        free(bytes);
        return status;
    }
    int code = lace_run_read(bytes, len, name, &result, &prompt, &err);
    free(bytes);
    if (code) return cli_fail("%s", err.text);
    if (cli_model.model && !no_influence && result.thread_count > 1 && !(status = cli_model_open(&engine))) {
        if (lace_trace_influence(engine, &result, &err)) status = cli_fail("%s", err.text);
        lace_engine_close(&engine);
    }
    if (!status) status = show(NULL, NULL, &result, prompt);
    free(prompt);
    lace_run_release(&result);
    return status;
}

static int inspect_prompt(const char *argument)
{
    struct lace_run_options o;
    struct lace_run_result result;
    struct lace_engine *engine;
    struct lace_error err;
    char *prompt;
    size_t len;
    int status = cli_read_text(argument, "prompt", &prompt, &len);
    if (status) return status;
    if (strspn(prompt, " \t\r\n") == len)
        status = cli_misuse("The prompt is empty; write the problem after the options, or - to read it from stdin.");
    if (!status && !(status = cli_model_open(&engine))) {
        cli_run_take(engine, false, &o);
        o.trace = 1;
        if (lace_run(engine, prompt, &o, &result, &err)) status = cli_fail("%s", err.text);
        else {
            if (!no_influence && result.thread_count > 1 && lace_trace_influence(engine, &result, &err))
                status = cli_fail("%s", err.text);
            else status = show(engine, &o, &result, prompt);
            lace_run_release(&result);
        }
        lace_engine_close(&engine);
    }
    free(prompt);
    return status;
}

static int run(int count, char **args) { return is_file(args[0]) ? inspect_file(args[0]) : inspect_prompt(args[0]); }

const struct cli_command cmd_inspect = {
    .name = "inspect",
    .summary = "Show what flowed between the threads of a problem, and what it was worth",
    .usage = "[OPTION...] PROMPT\n[OPTION...] -\n[OPTION...] RUN.json",
    .description =
        "Solves the problem and prints, for each lattice layer, how much attention each thread paid to each other one, "
        "how far the gates were open, how alike the threads were over time, and influence: each thread is muted for "
        "the others, their texts go through the model again, and what their words lose in probability is reported. An "
        "open gate alone proves nothing; a loss does. RUN.json is what lace run --trace --json or lace inspect --json "
        "printed; its influence is measured where --model names the model that wrote it. docs/trace.md defines every "
        "figure.",
    .examples = "lace inspect \"Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6.\"\n"
                "lace run --trace --json - < problem.txt > run.json\n"
                "lace inspect run.json\n"
                "lace inspect run.json --html run.html\n"
                "lace inspect --json --threads 8 - < problem.txt | jq .trace.influence.mean",
    .options = options,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
