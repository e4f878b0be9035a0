/* lace data pipeline: every step is a call of this program, so that a step behaves here as it does by hand. */
#include "data_step.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;
static const char *config;
static struct cli_list sets;
static bool fresh, dry;

const struct cli_option cli_pipeline_options[] = {
    {"config", 'c', CLI_TEXT, &config, "FILE", "The steps, in YAML; recipes/pipeline.yaml is one."},
    {"set", 's', CLI_LIST, &sets, "KEY=VALUE", "Overrides a setting: steps.1.samples=4; may be given again."},
    {"fresh", 0, CLI_FLAG, &fresh, NULL, "Run all steps, also those whose results are there."},
    {"dry-run", 0, CLI_FLAG, &dry, NULL, "Only print the commands."},
    {0},
};

static void print_command(FILE *to, const struct lace_pipeline_step *step)
{
    fputs("lace data", to);
    for (int i = 0; i < step->arg_count; i++) {
        bool plain =
            *step->args[i] && strspn(step->args[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                    "-_=./:,+@%") == strlen(step->args[i]);
        putc(' ', to);
        if (!plain) putc('\'', to);
        for (const char *c = step->args[i]; *c; c++) {
            if (!plain && *c == '\'') fputs("'\\''", to);
            else putc((unsigned char)*c < 32 || *c == 127 ? '?' : *c, to);
        }
        if (!plain) putc('\'', to);
    }
    putc('\n', to);
}

static int run(void *user, const struct lace_pipeline_step *step)
{
    (void)user;
    if (dry) {
        print_command(stdout, step);
        return 0;
    }
    fprintf(stderr, "[%d/%d] %s", step->number, step->count, step->done ? "is there: " : "");
    print_command(stderr, step);
    if (step->done) return 0;
    char **argv = calloc((size_t)step->arg_count + 3, sizeof *argv);
    pid_t child;
    int status = 0;
    if (!argv) return cli_fail("Out of memory.");
    argv[0] = "lace";
    argv[1] = "data";
    memcpy(argv + 2, step->args, sizeof *argv * (size_t)step->arg_count);
    int failed = posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ);
    free(argv);
    if (failed) return cli_fail("The step cannot be started: %s.", strerror(failed));
    /* Ctrl-C reaches the step too, which keeps what it has; this program ends with it. */
    signal(SIGINT, SIG_IGN);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    signal(SIGINT, SIG_DFL);
    return !WIFEXITED(status) || WEXITSTATUS(status);
}

int cli_pipeline_run(int count, char **args)
{
    struct lace_error err;
    const char *list[CLI_LIST_MAX + 1] = {0};
    (void)count;
    (void)args;
    if (!config) return cli_misuse("The pipeline needs its steps: --config FILE.yaml (see recipes/pipeline.yaml).");
    memcpy(list, sets.item, sizeof *list * (size_t)sets.count);
    struct lace_pipeline_options o = {config, list, fresh, dry, run, NULL};
    return lace_data_pipeline(&o, &err) ? cli_fail("%s", err.text) : 0;
}
