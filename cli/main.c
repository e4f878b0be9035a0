/* The program: a table of commands. Each lives in its own cmd_<name>.c; see options.h. */
#include "options.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COMMAND(name) extern const struct cli_command name;
#include "commands.h"
#undef COMMAND

static const struct cli_command *const commands[] = {
#define COMMAND(name) &name,
#include "commands.h"
#undef COMMAND
    NULL,
};

/* libgomp's workers spin for milliseconds before they sleep. Where other programs want the cores that costs
 * much of the decoding rate (`lace bench decode` beside a busy core, with and without GOMP_SPINCOUNT). The library reads its setting before main, so the program starts itself once more with it. */
static void spin_briefly(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY") || setenv("GOMP_SPINCOUNT", "10000", 0)) return;
    execv("/proc/self/exe", argv); /* where this fails, it runs as it is */
}

int main(int argc, char **argv)
{
    spin_briefly(argv);
    int status = cli_main(commands, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
    /* A result that did not reach the disk or the pipe is a failure, however well it was computed. */
    if (fflush(stdout) || ferror(stdout))
        return status ? status
                      : cli_fail("The output could not be written to stdout; is the disk full, or stdout closed?");
    return status;
}
