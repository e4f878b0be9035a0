/* Writing JSON: strings and numbers that any parser takes, whatever a model wrote. */
#ifndef LACE_CLI_JSON_OUT_H
#define LACE_CLI_JSON_OUT_H
#include <stddef.h>
#include <stdio.h>

/* A quoted string; what is not UTF-8 becomes U+FFFD. */
void cli_json_text(FILE *file, const char *text, size_t len);
void cli_json_string(FILE *file, const char *text); /* NULL: null */
/* The shortest of up to digits significant digits; null where JSON has no such number (infinities, NaN). */
void cli_json_number(FILE *file, double value, int digits);
#endif
