/* Decoders: what ids write. Every decoder of these families is some of the following, in this order; that is what makes
 * a stream possible. A file with another order is refused.
 *
 *   per token   Replace, Strip, the byte alphabet of ByteLevel: done once, at load (lace_token.piece)
 *   per run     ByteFallback: <0xE2><0x82><0xAC> is one character
 *   the whole   Fuse, then Strip of leading characters; Metaspace: the first token loses its spaces */
#ifndef LACE_DETOKENIZER_H
#define LACE_DETOKENIZER_H
#include "text/pattern.h"
#include "text/vocab.h"

struct lace_detokenizer {
    bool byte_level; /* pieces are bytes; what is not UTF-8 in the whole becomes U+FFFD */
    bool spaced;     /* no decoder: tokens are joined by blanks, as Tokenizers does */
    bool metaspace;  /* a first token is written without the characters that become spaces */
    char space[4];   /* that character */
    size_t space_len;
    int lead;     /* so many characters at the start of the whole are dropped ... */
    char drop[4]; /* ... if they are this one */
    size_t drop_len;
};
/* value: null, or the decoder of a tokenizer.json. Sets the pieces of the vocabulary, which is complete, from names that
 * are bytes where byte_level, and from the pieces of added tokens. */
int lace_detokenizer_load(struct lace_detokenizer *d, const json_t *value, bool byte_level, struct lace_vocab *vocab,
                          const char *path, struct lace_error *err);
/* The decoder of SentencePiece models (U+2581 is a space, <0x..> a byte, one leading space is dropped), and of
 * byte-level ones, without JSON. */
int lace_detokenizer_set(struct lace_detokenizer *d, bool byte_level, bool lead, struct lace_vocab *vocab,
                         struct lace_error *err);

/* Appends what ids write, exactly as Tokenizers: a run of byte tokens that is not UTF-8 becomes one U+FFFD for each byte.
 * Ids without a token add nothing. */
void lace_detokenize_all(const struct lace_detokenizer *d, const struct lace_vocab *vocab, const int *ids, size_t count,
                         bool skip_special, struct lace_text *out);

/* The same for ids that come one by one: what a stream gives is always whole characters, and all of it together is
 * what lace_detokenize_all writes. (A broken run of byte tokens alone may differ: characters that were whole when they
 * were given stay, and only the bytes behind them become U+FFFD.) Zero it to begin. */
struct lace_detokenizer_stream {
    bool begun;            /* a token came */
    int dropped;           /* leading characters that are gone; -1: no more */
    unsigned char held[4]; /* the beginning of a character */
    unsigned char held_len;
};
/* For a text that goes on after another: nothing is dropped at its start. */
#define LACE_STREAM_INSIDE ((struct lace_detokenizer_stream){.begun = true, .dropped = -1})
void lace_detokenizer_push(struct lace_detokenizer_stream *stream, const struct lace_detokenizer *d,
                           const struct lace_vocab *vocab, int id, struct lace_text *out);
/* What is held back comes to nothing more: U+FFFD. */
void lace_detokenizer_end(struct lace_detokenizer_stream *stream, const struct lace_detokenizer *d,
                          struct lace_text *out);
#endif
