/* The options of a run: threads, their budget, the choice of an answer, sampling. What is not given is the model's. */
#ifndef LACE_CLI_RUN_OPTIONS_H
#define LACE_CLI_RUN_OPTIONS_H
#include "options.h"

struct cli_run_options {
    int threads, budget, top_k; /* 0, 0, -1, and below -1: not given */
    long seed;
    double temperature, top_p, min_p;
    bool no_barrier;
    const char *pick;
    struct cli_list stops;
};
extern struct cli_run_options cli_run;

#define CLI_THREAD_OPTIONS(default_threads)                                                                              \
    {"Threads", .kind = CLI_SECTION},                                                                                    \
        {"threads", 'n',       CLI_INT, &cli_run.threads, "N", "Reasoning threads; " default_threads " by default.",     \
         .min = 1,  .max = 128},                                                                                         \
        {"pick",                                                                                                         \
         'p',                                                                                                            \
         CLI_CHOICE,                                                                                                     \
         &cli_run.pick,                                                                                                  \
         NULL,                                                                                                           \
         "Whose answer is given: the thread most probably best, the most frequent answer, or the thread surest of "      \
         "its "                                                                                                          \
         "words.",                                                                                                       \
         .choices = "verdict|vote|logprob"},                                                                             \
        {"budget", 'b',                                                                                                  \
         CLI_INT,  &cli_run.budget,                                                                                      \
         "N",      "Tokens of a thread; then its verdict is asked for. As the context allows by default, at most 2048.", \
         .min = 1, .max = 1 << 24},                                                                                      \
        {"no-barrier",        0,    CLI_FLAG,                                                                            \
         &cli_run.no_barrier, NULL, "A thread need not wait for the others with its verdict."},                          \
    {                                                                                                                    \
        "stop", 0, CLI_LIST, &cli_run.stops, "TEXT", "A thread's text ends before this; may be given again."             \
    }
#define CLI_SAMPLING_OPTIONS                                                                                           \
    {"Sampling (the model's generation_config.json says the defaults)", .kind = CLI_SECTION},                          \
        {"seed", 's', CLI_LONG, &cli_run.seed, "S", "The same seed writes the same.", .min = 0, .max = 9e15},          \
        {"temperature", 't',       CLI_REAL, &cli_run.temperature, "X", "0: always the most probable token.",          \
         .min = 0,      .max = 100},                                                                                   \
        {"top-k", 0, CLI_INT, &cli_run.top_k, "K", "Only the K most probable tokens; 0: all.", .min = 0, .max = 1e9},  \
        {"top-p",  0,       CLI_REAL, &cli_run.top_p, "P", "Only the most probable tokens that together have P.",      \
         .min = 0, .max = 1},                                                                                          \
    {                                                                                                                  \
        "min-p", 0, CLI_REAL, &cli_run.min_p, "P", "Only tokens with P times the probability of the most probable.",   \
            .min = 0, .max = 1                                                                                         \
    }

/* The model's own settings, and what was given over them. A conversation has one thread unless there is a lattice. */
void cli_run_take(const struct lace_engine *engine, bool chat, struct lace_run_options *options);
#endif
