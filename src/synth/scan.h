/* Reading and writing the texts of problems and lines. Writers append at a pointer and return its new place; the caller
 * has sized the buffer, and nothing is terminated. Readers forgive case and spacing, return where they stopped, and
 * NULL where the text is something else; they pass NULL on, so that calls nest and the last one says it all. */
#ifndef LACE_SCAN_H
#define LACE_SCAN_H
#include <stdbool.h>

const char *lace_skip_space(const char *at);
/* Fixed text. A space in it stands for any number of them, none included. */
const char *lace_get_text(const char *at, const char *text);
/* A number of up to `digits` digits (at most 9). */
const char *lace_get_number(const char *at, int digits, int *out);
/* Whether the text is this number of up to `digits` digits, and nothing else. */
bool lace_is_number(const char *text, int digits, int number);
const char *lace_get_letter(const char *at, char *out); /* a to z, lower case only */

char *lace_put_number(char *at, long long n); /* not negative */
char *lace_put_text(char *at, const char *text);
#endif
