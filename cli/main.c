/* The program: a table of commands. Each lives in its own cmd_<name>.c; see options.h. */
#include "options.h"
#include <stdio.h>

#define COMMAND(name) extern const struct cli_command name;
#include "commands.h"
#undef COMMAND

static const struct cli_command *const commands[] = {
#define COMMAND(name) &name,
#include "commands.h"
#undef COMMAND
    NULL,
};

int main(int argc, char **argv)
{
    int status = cli_main(commands, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
    /* A result that did not reach the disk or the pipe is a failure, however well it was computed. */
    if (fflush(stdout) || ferror(stdout)) return status ? status : cli_fail("The output could not be written.");
    return status;
}
