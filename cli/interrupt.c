#include "interrupt.h"

volatile sig_atomic_t cli_interrupted;

static void interrupt(int number)
{
    (void)number;
    cli_interrupted = 1;
    signal(SIGINT, SIG_DFL);
}

void cli_catch_interrupts(void)
{
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
}
