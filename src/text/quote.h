/* Writing JSON: strings and numbers that any parser takes, whatever a model wrote. */
#ifndef LACE_QUOTE_H
#define LACE_QUOTE_H
#include "base/base.h"

/* A string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void lace_write_quoted(struct lace_text *out, const char *bytes, size_t len);
/* A number of so many significant digits: null where it is not finite. */
void lace_write_number(struct lace_text *out, double value, int digits);
/* The same with so many digits behind the point, and no zeros at its end. */
void lace_write_rounded(struct lace_text *out, double value, int places);
#endif
