/* A file that has its name only when it is complete: until then it is FILE.part. What is no regular file (a device, a
 * pipe, also behind a link) is written as it is: a rename would put a plain file in the device's place. */
#ifndef LACE_CLI_OUTLET_H
#define LACE_CLI_OUTLET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_outlet {
    const char *name; /* NULL: stdout, or nothing where file is NULL */
    char part[4096];  /* empty: written in place */
    FILE *file;
    bool failed;
};
/* 0, or the exit status after a complaint. */
int cli_outlet_open(struct cli_outlet *outlet, const char *name);
void cli_outlet_write(struct cli_outlet *outlet, const char *bytes, size_t len);
int cli_outlet_complain(const struct cli_outlet *outlet); /* that a write failed; returns 1 */
/* Gives the file its name where status is 0, else removes it. Returns the status, or that of its own complaint. */
int cli_outlet_close(struct cli_outlet *outlet, int status);
#endif
