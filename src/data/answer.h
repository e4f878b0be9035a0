/* Final answers as data sets write them: in a box, after ####, with dollars, thousands separators and units. What
 * comes out is what lace_format_same compares, so only what never changes the value is taken away. */
#ifndef LACE_ANSWER_H
#define LACE_ANSWER_H
#include "base/base.h"

enum lace_box { LACE_BOX_NONE, LACE_BOX_FOUND, LACE_BOX_OPEN };
/* What the last \boxed{...} or \fbox{...} holds, braces balanced (\{ and \} count for nothing), or the token after
 * "\boxed "; OPEN: its brace is never closed. */
enum lace_box lace_answer_boxed(const char *text, const char **from, size_t *len);

/* Appends the answer: without blanks, math delimiters around it, \text around it, a closing full stop, signs of
 * money, separators of thousands (1,234 and 1{,}234 and 1\,234; never "1,2"). */
void lace_answer_clean(const char *text, size_t len, struct lace_text *out);

/* Splits "18 apples" or "\$18" or "5\%" or "3\text{ cm}": true where what remains after the unit is a number. number and
 * unit (may be NULL) are appended to. */
bool lace_answer_number(const char *text, struct lace_text *number, struct lace_text *unit);
#endif
