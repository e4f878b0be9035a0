/* Ctrl-C and SIGTERM: the first asks a command to stop where nothing is lost, a second Ctrl-C ends it at once. A second
 * SIGTERM is no impatience: mpirun sends one behind the terminal's signal. */
#ifndef LACE_CLI_INTERRUPT_H
#define LACE_CLI_INTERRUPT_H
#include <signal.h>

extern volatile sig_atomic_t cli_interrupted;
void cli_catch_interrupts(void);
#endif
