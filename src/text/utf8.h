/* UTF-8 as the tokenizer and streamed output need it. What is not UTF-8 is replaced as Rust's
 * String::from_utf8_lossy (hence Tokenizers) does it: each maximal broken part becomes one U+FFFD. */
#ifndef LACE_UTF8_H
#define LACE_UTF8_H
#include "base/base.h"

/* The bytes of the first character of len >= 1 bytes, or, with *valid false, of the first broken part. */
size_t lace_utf8_next(const char *bytes, size_t len, bool *valid);
bool lace_utf8_valid(const char *bytes, size_t len);
/* How many bytes do not end inside a character: a stream sends these and keeps the rest for later. */
size_t lace_utf8_whole(const char *bytes, size_t len);
void lace_utf8_lossy(struct lace_text *out, const char *bytes, size_t len);
#endif
