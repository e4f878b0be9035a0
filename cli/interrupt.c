#include "interrupt.h"
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t cli_interrupted;

static void interrupt(int number)
{
    (void)number;
    cli_interrupted = 1;
    signal(SIGINT, SIG_DFL);
}

static const char *volatile last_line;

/* Only what a signal handler may call: other OS threads are amid their products. */
static void end(int number)
{
    const char *line = last_line;
    ssize_t told = write(STDERR_FILENO, line, strlen(line));
    (void)number;
    (void)told; /* it ends, whether or not anybody reads why */
    _exit(1);
}

void cli_end_at_interrupt(const char *line)
{
    last_line = line;
    signal(SIGINT, end);
    signal(SIGTERM, end);
}

void cli_catch_interrupts(void)
{
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
}
