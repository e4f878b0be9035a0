#include "options.h"
#include "progress.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lace_eval_options o;
static const char *arms = "independent,isolated,serial,lace,muted,foreign";
static struct cli_range difficulty = {4, 4}, choices;
static long seed = 1;
static bool json;
static const char *save;
static volatile sig_atomic_t interrupted;

static void prepare(void)
{
    lace_eval_defaults(&o);
    o.family = "search";
    o.count = 1000;
}

static const struct cli_option options[] = {
    {"data", 'd', CLI_TEXT, &o.data, "FILE",
     "Problems, as lace data make writes them; - is stdin. Without it they are made."},
    {"family", 'f', CLI_TEXT, &o.family, "F", "Family of the problems that are made."},
    {"difficulty", 0, CLI_RANGE, &difficulty, "A[:B]", "Difficulty of the problems that are made.", .min = 1,
     .max = 1000},
    {"options", 0, CLI_RANGE, &choices, "A[:B]", "`search`: options at each stage; 8 by default.", .min = 2,
     .max = 1000},
    {"count", 'n', CLI_INT, &o.count, "N", "How many problems; 0: all of the file.", .min = 0, .max = 1000000},
    {"model", 'm', CLI_TEXT, &o.model, "DIR",
     "The model with its lattice; its folders base and isolated are the baselines."},
    {"arms", 'a', CLI_TEXT, &arms, "A,B,...",
     "What to compare; isolated=DIR names an arm's own model, lace:aligned another visible set."},
    {"threads", 't', CLI_INT, &o.threads, "N", "Reasoning threads.", .min = 1, .max = 128},
    {"rounds", 0, CLI_INT, &o.rounds, "R", "Budget of a thread in rounds, instead of the problem's own.", .min = 0,
     .max = 100000},
    {"budget", 0, CLI_INT, &o.budget, "TOKENS", "Budget of a thread in tokens.", .min = 0, .max = 10000000},
    {"temperature", 'T', CLI_REAL, &o.temperature, "X",
     "Of every arm; by default each arm's best on a development set.", .min = -1, .max = 100},
    {"development", 0, CLI_INT, &o.development, "N", "Problems of that set; none of them is a test problem.", .min = 1,
     .max = 100000},
    {"inject", 0, CLI_REAL, &o.inject, "SHARE",
     "Share of the problems in which one thread is made to claim something false.", .min = 0, .max = 1},
    {"seed", 's', CLI_LONG, &seed, "S", "Of the problems, the threads and the intervals.", .min = 0, .max = 9e15},
    {"workers", 0, CLI_INT, &o.workers, "N", "OS threads; by default all cores.", .min = 0, .max = 1024},
    {"json", 'j', CLI_FLAG, &json, NULL, "Everything, as JSON."},
    {"save", 0, CLI_TEXT, &save, "FILE", "Writes the JSON there too, beside what is printed."},
    {0},
};

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

struct display {
    struct cli_progress bar;
    char label[96];
};

static int show(void *user, const char *what, long done, long total)
{
    struct display *d = user;
    if (strcmp(d->label, what)) {
        if (d->label[0]) cli_progress_end(&d->bar);
        snprintf(d->label, sizeof d->label, "%s", what);
        cli_progress_start(&d->bar, d->label, "problems", total);
    }
    cli_progress_update(&d->bar, done, NULL);
    return interrupted;
}

static void print_estimate(FILE *out, const char *name, struct lace_estimate e, const char *end)
{
    fprintf(out, "\"%s\": %.4f, \"%s_ci\": [%.4f, %.4f]%s", name, e.value, name, e.low, e.high, end);
}

static void print_json(FILE *out, const struct lace_eval_result *r)
{
    fprintf(out, "{\"problems\": %d, \"threads\": %d, \"arms\": {", r->problems, r->threads);
    for (int i = 0; i < r->arm_count; i++) {
        const struct lace_eval_arm *a = &r->arm[i];
        fprintf(out, "%s\n  \"%s\": {\"accuracy\": %.4f, \"ci\": [%.4f, %.4f], \"own_pick\": \"%s\", ", i ? "," : "",
                a->name, a->accuracy.value, a->accuracy.low, a->accuracy.high, a->own_pick);
        print_estimate(out, "verdict", a->pick[LACE_PICK_VERDICT], ", ");
        print_estimate(out, "vote", a->pick[LACE_PICK_VOTE], ", ");
        print_estimate(out, "logprob", a->pick[LACE_PICK_LOGPROB], ", ");
        print_estimate(out, "coverage", a->coverage, ", ");
        print_estimate(out, "thread_accuracy", a->thread_accuracy, ", ");
        print_estimate(out, "format", a->format, ", ");
        print_estimate(out, "diversity", a->diversity, ", ");
        fprintf(out,
                "\"temperature\": %.2f, \"tokens\": %.1f, \"steps\": %.2f, \"steps_solved\": %.2f, \"duplicates\": "
                "%.4f, \"wrong_steps\": %.5f, \"seconds\": %.2f}",
                a->temperature, a->tokens, a->steps, a->steps_solved, a->duplicates, a->wrong_steps, a->seconds);
    }
    fprintf(out, "},\n \"delta\": ");
    if (r->against[0])
        fprintf(out, "{\"points\": %.2f, \"ci\": [%.2f, %.2f], \"against\": \"%s\"}}\n", r->delta.value, r->delta.low,
                r->delta.high, r->against);
    else fprintf(out, "null}\n");
}

static void print_table(const struct lace_eval_result *r)
{
    printf("%d problems, %d threads; shares in per cent, 95 %% intervals\n\n", r->problems, r->threads);
    printf("%-16s %4s  %-22s %6s %6s %6s %6s %6s %7s %6s\n", "arm", "T", "accuracy", "vote", "any", "thread", "format",
           "divers", "tokens", "clock");
    for (int i = 0; i < r->arm_count; i++) {
        const struct lace_eval_arm *a = &r->arm[i];
        char accuracy[48];
        snprintf(accuracy, sizeof accuracy, "%5.1f [%.1f, %.1f] %c", 100 * a->accuracy.value, 100 * a->accuracy.low,
                 100 * a->accuracy.high, !strcmp(a->own_pick, "vote") ? 'v' : ' ');
        printf("%-16s %4.1f  %-22s %6.1f %6.1f %6.1f %6.1f %6.2f %7.0f %6.1f\n", a->name, a->temperature, accuracy,
               100 * a->pick[LACE_PICK_VOTE].value, 100 * a->coverage.value, 100 * a->thread_accuracy.value,
               100 * a->format.value, a->diversity.value, a->tokens, a->steps);
    }
    printf("\naccuracy: by the arm's own pick, v: by vote. clock: lockstep tokens until the group ended.\n");
    if (r->against[0])
        printf("lace is ahead of %s by %.1f points [%.1f, %.1f]\n", r->against, r->delta.value, r->delta.low,
               r->delta.high);
}

static int run(int count, char **args)
{
    static struct lace_eval_result result;
    struct lace_error err;
    struct display display = {{0}, ""};
    const char *names[LACE_EVAL_ARMS + 2] = {0};
    (void)count;
    (void)args;
    o.arms = names;
    o.seed = o.knobs.seed = (uint64_t)seed;
    o.knobs.difficulty = (struct lace_interval){difficulty.lo, difficulty.hi};
    o.knobs.options = (struct lace_interval){choices.lo, choices.hi};
    o.knobs.threads = (struct lace_interval){o.threads, o.threads};
    if (save) { /* better now than after a quarter of an hour */
        FILE *file = fopen(save, "a");
        if (!file || fclose(file)) return cli_fail("Cannot write %s: %s.", save, strerror(errno));
    }
    char *list = strdup(arms), *rest = list;
    if (!list) return cli_fail("Out of memory.");
    for (int i = 0; i <= LACE_EVAL_ARMS && (names[i] = strsep(&rest, ",")); i++) {
    }
    o.progress = show;
    o.user = &display;
    signal(SIGINT, interrupt);
    int code = lace_eval(&o, &result, &err);
    if (display.label[0]) cli_progress_end(&display.bar);
    free(list);
    if (code) return cli_fail("%s", err.text);
    if (json) print_json(stdout, &result);
    else print_table(&result);
    if (!save) return 0;
    FILE *file = fopen(save, "w");
    if (!file) return cli_fail("Cannot write %s: %s.", save, strerror(errno));
    print_json(file, &result);
    bool failed = ferror(file);
    return fclose(file) || failed ? cli_fail("Cannot write %s: %s.", save, strerror(errno)) : 0;
}

const struct cli_command cmd_eval = {
    .name = "eval",
    .summary = "compare the lattice with strong baselines on held-out problems",
    .usage = "[--data FILE | --family F --difficulty A[:B] --count N]\n[--arms A,B,...] [--threads N]",
    .description = "Every arm gets the same problems, seeds and tokens. independent: the clean model, N threads and a "
                   "vote. isolated: threads that divide "
                   "the work by their tags. serial: one thread with N times the tokens. lace: threads with the "
                   "lattice, answering by their own verdict. "
                   "muted: its gates forced shut. foreign: each thread sees threads of another problem.",
    .examples =
        "lace eval --difficulty 4 --count 1000\nlace eval --data test.jsonl --arms independent,lace --threads 8 --json",
    .options = options,
    .args_min = 0,
    .args_max = 0,
    .prepare = prepare,
    .run = run,
};
