/* Commands and their options as tables; parsing, help and complaints all derive from them.
 *
 * To add a command: write cli/cmd_<name>.c with one `const struct cli_command cmd_<name>` and add the line
 * COMMAND(cmd_<name>) to cli/commands.h. The options are plain file-scope variables whose initial values are
 * the defaults, so that the help can show them:
 *
 *     static int threads = 8;
 *     static const char *out;
 *     static const struct cli_option options[] = {
 *         {"threads", 'n', CLI_INT, &threads, "N", "Reasoning threads.", .min = 1, .max = 64},
 *         {"out", 'o', CLI_TEXT, &out, "FILE", "Where to write; stdout by default."},
 *         {0},
 *     };
 *
 * Exit statuses: 0 done, 1 it failed, 2 the command line was wrong. stdout carries results only. */
#ifndef LACE_CLI_OPTIONS_H
#define LACE_CLI_OPTIONS_H
#include "lace.h"
#include <stdbool.h>

enum cli_kind {
    CLI_FLAG,    /* bool *: true when given; takes no value */
    CLI_INT,     /* int * */
    CLI_LONG,    /* long * */
    CLI_REAL,    /* double *: finite */
    CLI_TEXT,    /* const char **: points into the arguments */
    CLI_RANGE,   /* struct cli_range *: "A" or "A:B", A <= B; the limits hold for both ends */
    CLI_CHOICE,  /* const char **: one of the names in .choices, which are separated by '|' */
    CLI_LIST,    /* struct cli_list *: may be given several times */
    CLI_SECTION, /* no option: a heading of the help, in .name */
};

struct cli_range {
    int lo, hi;
};

#define CLI_LIST_MAX 64
struct cli_list {
    int count;
    const char *item[CLI_LIST_MAX];
};

struct cli_option {
    const char *name; /* long name without the dashes; NULL ends a table */
    char letter;      /* short name, or 0 */
    enum cli_kind kind;
    void *value;
    const char *argument; /* how the help calls the value: N, DIR, FILE */
    const char *help;     /* a sentence */
    double min, max;      /* inclusive; none where both are 0 */
    const char *choices;  /* of CLI_CHOICE: "aligned|window|causal" */
    bool *given;          /* set when the option is given; may be NULL */
};

struct cli_command {
    const char *name;
    const char *summary;                /* one line, a verb first, no full stop */
    const char *usage;                  /* what follows `lace NAME`: one line or several, separated by '\n' */
    const char *description;            /* a paragraph of the help; may be NULL. Wrapped at 80 columns */
    const char *examples;               /* whole command lines, separated by '\n'; "# text" lines explain */
    const struct cli_option *options;   /* may be NULL */
    const struct cli_command *commands; /* sub-commands, ended by one without a name; then run is NULL */
    int args_min, args_max;             /* how many positional arguments; args_max -1: any number */
    void (*prepare)(void);              /* fills the defaults that are not constants; may be NULL */
    int (*run)(int count, char **args); /* the positional arguments; returns the exit status */
};

/* Runs the command that arg[0] names (arg without the program's name), or help, or --version. */
int cli_main(const struct cli_command *const *commands, int count, char **arg);

/* One sentence on stderr, after "lace: ". Return 1 and 2, so that a command writes `return cli_fail(...)`. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The index of a chosen name in "a|b|c", -1 where it is not there: for enums. */
int cli_choice_index(const char *choices, const char *name);
#endif
