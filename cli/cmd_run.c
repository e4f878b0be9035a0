/* lace run: one problem. A terminal shows the threads while they write; a pipe gets the answer, or JSON. */
#include "columns.h"
#include "conversation.h"
#include "model_options.h"
#include "progress.h"
#include "run_options.h"
#include "run_out.h"
#include "terminal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int pace;
static bool json, chat, trace;

static const struct cli_option options[] = {
    {"Model", .kind = CLI_SECTION},
    CLI_MODEL_OPTIONS,
    CLI_THREAD_OPTIONS("4"),
    CLI_SAMPLING_OPTIONS,
    {"Conversation", .kind = CLI_SECTION},
    {"chat", 'c', CLI_FLAG, &chat, NULL,
     "PROMPT is a turn of a conversation, put into the model's chat template; the answer is the whole reply. One "
     "thread "
     "by default, unless there is a lattice."},
    CLI_CHAT_OPTIONS,
    {"Output", .kind = CLI_SECTION},
    {"pace", 0, CLI_INT, &pace, "STEPS", "On a terminal: at most so many steps a second, to read along.", .min = 1,
     .max = 1000},
    {"json", 'j', CLI_FLAG, &json, NULL, "The threads, their verdicts, the answer, token counts and times as JSON."},
    {"trace", 0, CLI_FLAG, &trace, NULL,
     "With --json: also what each token drew from the other threads, and how far the gates were open. lace inspect "
     "reads it."},
    {0},
};

struct listener {
    struct cli_columns *columns; /* NULL: stdout is no terminal */
    struct cli_progress progress;
    bool bar; /* only where people look: a script that reads stderr gets complaints alone */
    long pieces;
    int last_thread;
    double next; /* with --pace: when the next step is due */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A step brings at most one piece of each thread, in their order: one that does not come later begins the next step. */
static void keep_pace(struct listener *l, int thread)
{
    bool next_step = thread <= l->last_thread;
    l->last_thread = thread;
    if (!pace || !next_step) return;
    double wait = l->next - now();
    if (wait > 0) usleep((useconds_t)(1e6 * wait));
    l->next = now() + 1.0 / pace;
}

static int heard(void *user, int thread, const char *bytes, size_t len)
{
    struct listener *l = user;
    if (l->columns) {
        keep_pace(l, thread);
        return cli_columns_write(l->columns, thread, bytes, len);
    }
    if (l->bar) cli_progress_update(&l->progress, ++l->pieces, NULL);
    return 0;
}

/* "lace-search, lattice, 4 threads, temperature 0.7, seed 1": what stands above the threads. */
static void write_title(const struct lace_engine *engine, const struct lace_run_options *o, char *title, size_t size)
{
    struct lace_engine_info info;
    char how[64] = "greedy", path[256];
    lace_engine_info(engine, &info);
    snprintf(path, sizeof path, "%s", info.path);
    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/';) path[--len] = 0;
    const char *name = strrchr(path, '/') && strrchr(path, '/')[1] ? strrchr(path, '/') + 1 : path;
    if (o->sampling.temperature > 0)
        snprintf(how, sizeof how, "temperature %g, seed %llu", o->sampling.temperature, (unsigned long long)o->seed);
    snprintf(title, size, "%.100s, %s, %d thread%s, %s", name,
             !strcmp(info.lattice, "none") ? "lattice off"
             : cli_model.visible           ? cli_model.visible
                                           : "lattice on",
             o->threads, o->threads == 1 ? "" : "s", how);
}

/* What stdout gets when it is no terminal. */
static int print_plain(const struct lace_engine *engine, const struct lace_run_options *o,
                       const struct lace_run_result *r, const char *prompt, double load)
{
    if (json) return cli_run_print(stdout, engine, o, r, prompt, load);
    if (r->answer) puts(r->answer);
    return 0;
}

static int solve(const struct lace_engine *engine, const char *prompt, bool from_stdin, double load)
{
    struct lace_run_options o;
    struct lace_run_result result;
    struct lace_error err;
    struct listener listener = {0};
    char title[200];
    bool picture = !json && isatty(STDOUT_FILENO);
    cli_run_take(engine, chat, &o);
    o.trace = trace;
    o.piece = heard;
    o.user = &listener;
    if (picture) {
        write_title(engine, &o, title, sizeof title);
        if (!(listener.columns = cli_columns_open(o.threads, title, from_stdin ? prompt : NULL)))
            return cli_fail("Out of memory.");
    } else if ((listener.bar = isatty(STDERR_FILENO))) cli_progress_start(&listener.progress, "run", "tokens", 0);
    int code = lace_run(engine, prompt, &o, &result, &err), status = 0;
    if (picture) cli_columns_close(&listener.columns, code ? NULL : &result);
    else if (listener.bar) cli_progress_end(&listener.progress);
    if (code) return code == LACE_STOPPED ? 128 + cli_terminal_stopped() : cli_fail("%s", err.text);
    if (!picture) status = print_plain(engine, &o, &result, prompt, load);
    if (!result.answer && !json) {
        cli_fail("No thread has an answer; a larger --budget, more --threads or another --seed may help.");
        status = 3;
    }
    lace_run_release(&result);
    return status;
}

/* The prompt as the only turn of a conversation */
static int wrap(const struct lace_engine *engine, char **prompt)
{
    struct cli_conversation c;
    char *text = NULL;
    int status = cli_conversation_begin(&c);
    if (!status) status = cli_conversation_add(&c, "user", *prompt);
    if (!status) status = cli_conversation_render(&c, engine, &text);
    cli_conversation_end(&c);
    if (status) return status;
    free(*prompt);
    *prompt = text;
    return 0;
}

static int run(int count, char **args)
{
    struct lace_engine *engine;
    char *prompt;
    size_t len;
    int status = cli_read_text(args[0], "prompt", &prompt, &len);
    double start = now();
    if (status) return status;
    if (strspn(prompt, " \t\r\n") == len)
        status = cli_misuse("The prompt is empty; write the problem after the options, or - to read it from stdin.");
    if (!status && trace && !json) status = cli_misuse("--trace is part of the JSON: give --json too.");
    if (!status && !chat &&
        (cli_chat.system || cli_chat.think || cli_chat.variables || cli_chat.tools || cli_chat.template_name))
        status = cli_misuse("--system, --think, --variables, --tools and --template belong to a conversation: give "
                            "--chat too.");
    if (!status && !(status = cli_model_open(&engine))) {
        if (chat) status = wrap(engine, &prompt);
        if (!status) status = solve(engine, prompt, !strcmp(args[0], "-"), now() - start);
        lace_engine_close(&engine);
    }
    free(prompt);
    return status;
}

const struct cli_command cmd_run = {
    .name = "run",
    .summary = "Solve one problem with several threads that read each other",
    .usage = "[OPTION...] PROMPT\n[OPTION...] -",
    .description = "PROMPT - reads stdin. A terminal shows the threads side by side while they write; a pipe gets the "
                   "answer alone. "
                   "The exit status is 3 where no thread has an answer; with --json the answer is null then.",
    .examples = "lace run \"Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6.\"\n"
                "lace run --threads 8 --temperature 0.8 --json - < problem.txt | jq .answer\n"
                "lace run --model ~/Qwen3-0.6B --chat --think off \"What is 6 times 7?\"",
    .options = options,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
