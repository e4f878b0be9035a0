/* Text to token ids and back, as tokenizer.json of Hugging Face's Tokenizers says (byte-level BPE).
 * What would change the ids and is not implemented is refused by name at load. As in Tokenizers: bytes that
 * are not UTF-8 are read as U+FFFD (text/utf8.h), and a byte that the vocabulary has no token for is left out. */
#ifndef LACE_TOKENIZER_H
#define LACE_TOKENIZER_H
#include "base/base.h"

struct lace_tokenizer;

int lace_tokenizer_open(struct lace_tokenizer **tokenizer, const char *path,
                        struct lace_error *err); /* path of a tokenizer.json */
int lace_tokenizer_parse(struct lace_tokenizer **tokenizer, const char *json, size_t len, const char *path,
                         struct lace_error *err);
void lace_tokenizer_close(struct lace_tokenizer **tokenizer);

int lace_tokenizer_size(const struct lace_tokenizer *tokenizer); /* 1 + the largest id */
/* Ids of a text; special tokens written in the text become their ids where `special` is true. *ids is grown with
 * realloc (start with NULL and 0); count is set. Thread-safe: a tokenizer is immutable once open. */
int lace_tokenizer_encode(const struct lace_tokenizer *tokenizer, const char *text, size_t len, bool special, int **ids,
                          size_t *capacity, size_t *count, struct lace_error *err);
/* The bytes of one token (not terminated, length in *len; may be part of a character). NULL: no such id.
 * An added token gives its content (Tokenizers, which maps it through the byte alphabet, garbles letters like é
 * there). Borrowed. */
const char *lace_tokenizer_bytes(const struct lace_tokenizer *tokenizer, int id, size_t *len);
bool lace_tokenizer_is_special(const struct lace_tokenizer *tokenizer, int id);
int lace_tokenizer_id(const struct lace_tokenizer *tokenizer,
                      const char *token); /* of an added or vocabulary token's content; -1 */
/* Appends the text of ids; skip_special leaves special tokens out. Invalid UTF-8 becomes U+FFFD;
 * ids without a token (a model's vocabulary is often padded) add nothing. For text that grows see text/utf8.h. */
int lace_tokenizer_decode(const struct lace_tokenizer *tokenizer, const int *ids, size_t count, bool skip_special,
                          struct lace_text *out, struct lace_error *err);
#endif
