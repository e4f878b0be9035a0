/* Ctrl-C and SIGTERM: the first asks a command to stop where nothing is lost, a second Ctrl-C ends it at once. A second
 * SIGTERM is no impatience: mpirun sends one behind the terminal's signal. */
#ifndef LACE_CLI_INTERRUPT_H
#define LACE_CLI_INTERRUPT_H
#include <signal.h>

extern volatile sig_atomic_t cli_interrupted;
void cli_catch_interrupts(void);
/* Until cli_catch_interrupts there is nothing to save: either signal ends the program at once, as a failure, with this
 * line on stderr. The line must outlive the command. */
void cli_end_at_interrupt(const char *line);
#endif
