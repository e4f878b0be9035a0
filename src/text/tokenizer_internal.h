/* What tokenizer_load.c fills and tokenizer.c reads. Immutable once loaded. */
#ifndef LACE_TOKENIZER_INTERNAL_H
#define LACE_TOKENIZER_INTERNAL_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/bpe.h"
#include "text/tokenizer.h"
#include <jansson.h>
#include <pcre2.h>

#define LACE_TOKEN_IDS   (1 << 21) /* more than any vocabulary in use */
#define LACE_TOKEN_STEPS 16

struct lace_token {
    size_t at, len; /* in text */
    bool present, added, special;
};

/* Added tokens: first child, next sibling. Node 0 is the root. */
struct lace_trie {
    struct lace_trie_node {
        int child, sibling, id; /* 0: none; id -1: no token ends here */
        unsigned char byte;
    } * nodes;
    int count, cap;
};

/* One pre-tokenizer: a split by a pattern, or ByteLevel's prefix space (its own pattern is a split after it). */
struct lace_token_step {
    enum { LACE_STEP_SPLIT, LACE_STEP_PREFIX_SPACE } kind;
    pcre2_code *pattern;
    bool removed, invert; /* matches are left out; matches and gaps are exchanged */
};

struct lace_tokenizer {
    char *path;
    struct lace_token *tokens; /* (capacity), zero from size on */
    int size, capacity;
    struct lace_text text; /* the bytes of all tokens */
    json_t *vocab;         /* token as written in the file -> id */
    size_t longest;        /* bytes of the longest vocabulary token */
    struct lace_bpe bpe;
    bool ignore_merges, nfc;
    struct lace_trie raw, normalized; /* added tokens sought before and after normalization */
    struct lace_token_step steps[LACE_TOKEN_STEPS];
    int step_count;
};

/* A byte as ByteLevel writes it, in UTF-8: 1 or 2 bytes, returned length. */
int lace_byte_char(unsigned char byte, char out[2]);
/* The longest token at the start of bytes: its id and length, or -1. */
int lace_trie_match(const struct lace_trie *trie, const char *bytes, size_t len, size_t *matched);
/* NFC of valid UTF-8 into a buffer to be freed. */
int lace_nfc(const char *bytes, size_t len, char **out, size_t *out_len, struct lace_error *err);
int lace_tokenizer_load_steps(struct lace_tokenizer *t, const json_t *pre, struct lace_error *err);
#endif
