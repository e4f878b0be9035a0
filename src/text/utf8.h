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

/* ---- of text that is known to be UTF-8 ---- */

/* The bytes of a character, from its first. */
static inline size_t lace_utf8_size(char first)
{
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* The first character's code point; *size is its bytes. */
static inline uint32_t lace_utf8_point(const char *bytes, size_t *size)
{
    const unsigned char *p = (const unsigned char *)bytes;
    *size = lace_utf8_size(*bytes);
    switch (*size) {
    case 1: return p[0];
    case 2: return (uint32_t)(p[0] & 31) << 6 | (p[1] & 63);
    case 3: return (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
    default: return (uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 63) << 12 | (uint32_t)(p[2] & 63) << 6 | (p[3] & 63);
    }
}

/* Where the character before `at` begins; at > 0. */
static inline size_t lace_utf8_before(const char *bytes, size_t at)
{
    do at--;
    while (at && (bytes[at] & 0xc0) == 0x80);
    return at;
}
#endif
