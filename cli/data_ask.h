/* The options by which a step of `lace data` names who writes, tries or judges: a model, or a teacher over HTTP. */
#ifndef LACE_CLI_DATA_ASK_H
#define LACE_CLI_DATA_ASK_H
#include "options.h"

extern struct lace_ask_options cli_ask;
extern long cli_ask_seed, cli_ask_reply_kib;

#define CLI_ASK_OPTIONS                                                                                                \
    {"Who is asked", .kind = CLI_SECTION},                                                                             \
        {"model",        'm',   CLI_TEXT,                                                                              \
         &cli_ask.model, "DIR", "A model that runs here; \"\" is the one that ships with lace."},                      \
        {"lattice", 0, CLI_TEXT, &cli_ask.lattice, "DIR|off", "Its lattice, which a sample by itself does not use."},  \
        {"teacher", 0, CLI_TEXT, &cli_ask.teacher, "URL", "A server with the OpenAI interface: http://host:8000/v1."}, \
        {"model-name", 0, CLI_TEXT, &cli_ask.model_name, "NAME", "The teacher's model."},                              \
        {"api-key-env", 0, CLI_TEXT, &cli_ask.api_key_env, "VAR", "The environment variable with the teacher's key."}, \
        {"parallel", 0, CLI_INT, &cli_ask.parallel, "K", "Requests at once.", .min = 1, .max = 256},                   \
        {"retries",        0,         CLI_INT,                                                                         \
         &cli_ask.retries, "N",       "Of a request that failed for now (429, 5xx, cut off, too slow).",               \
         .min = 0,         .max = 100},                                                                                \
        {"pause",  0,        CLI_REAL, &cli_ask.pause, "S", "Seconds before the first retry; doubled for each.",       \
         .min = 0, .max = 60},                                                                                         \
        {"timeout", 0, CLI_REAL, &cli_ask.timeout, "S", "Seconds of a request.", .min = 0.001, .max = 86400},          \
        {"reply-kib",   0, CLI_LONG, &cli_ask_reply_kib, "K", "The longest response that is read.", .min = 1,          \
         .max = 1 << 20},                                                                                              \
        {"temperature", 0, CLI_REAL, &cli_ask.temperature, "T", "Of the samples.", .min = 0, .max = 100},              \
        {"tokens", 0,                                                                                                  \
         CLI_INT,  &cli_ask.tokens,                                                                                    \
         "N",      "The most of a reply; 0: what the record's own rounds take, else 2048.",                            \
         .min = 0, .max = 1 << 20},                                                                                    \
        {"seed", 's', CLI_LONG, &cli_ask_seed, "S", "The same seed gives the same samples.", .min = 0, .max = 9e15},   \
    {                                                                                                                  \
        "journal", 0, CLI_TEXT, &cli_ask.journal, "FILE",                                                              \
            "Where replies are kept, so that a run which was stopped goes on; by default the output's name with "      \
            ".asked, "                                                                                                 \
            "gone when it is complete."                                                                                \
    }

/* Fills the defaults before the options are read: the command's .prepare. */
void cli_ask_prepare(void);
void cli_ask_prepare_exact(void); /* for who rewrites or judges: temperature 0 */
/* The options as the library takes them. needed: a model or a teacher must be named. 0, or the exit status. */
int cli_ask_read(struct lace_ask_options *out, bool needed);
#endif
