/* What the tokenizer must know of Unicode beside PCRE2's and utf8proc's tables. Those are a little older than the
 * ones in Tokenizers, and a new letter that is no letter here would change ids: patterns therefore see an old character
 * of the same category and length in place of a new one (unicode_table.h). */
#ifndef LACE_UNICODE_H
#define LACE_UNICODE_H
#include "base/base.h"

bool lace_unicode_space(uint32_t point); /* White_Space: Rust's char::is_whitespace, Oniguruma's \s */
bool lace_unicode_word(uint32_t point);  /* \w of Rust's regular expressions, which bound a single_word token */

uint32_t lace_unicode_lower(uint32_t point); /* Rust's to_lowercase, but for U+0130, which becomes two characters */

/* Whether valid UTF-8 holds a character that PCRE2 may not know; if so patterns are to see lace_unicode_seen of it. */
bool lace_unicode_any_new(const char *bytes, size_t len);
/* Appends the text as patterns see it: equally long, new characters replaced. */
void lace_unicode_seen(struct lace_text *out, const char *bytes, size_t len);

/* The bytes at the start of valid UTF-8 that Tokenizers' normalizers leave alone and utf8proc would not: one character,
 * or 0. */
size_t lace_unicode_still(const char *bytes, size_t len);
/* Whether valid UTF-8 is surely its own NFC: it holds nothing but characters that neither change nor combine. */
bool lace_unicode_composed(const char *bytes, size_t len);
#endif
