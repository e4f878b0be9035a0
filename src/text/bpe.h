/* Byte pair encoding of one word: the merge rule of lowest rank first, leftmost where ranks are equal.
 *
 *   word -> symbols (bytes, or characters with byte fallback and unknowns) -> merges -> ids
 *
 * A word that is a token and comes out as this token is found in the vocabulary at once; which tokens do is found out as
 * words come by. */
#ifndef LACE_BPE_H
#define LACE_BPE_H
#include "text/vocab.h"
#include "text/word_cache.h"

struct lace_bpe {
    struct lace_vocab vocab;
    struct lace_bpe_rule {
        int left, right, rank, id; /* left < 0: an empty slot */
    } * rules;                     /* (mask + 1) open addressing */
    size_t mask;
    uint64_t
        *filter; /* (filter_mask + 1 bits) of a pair's hash: most pairs have no rule, and this says so from the cache */
    size_t filter_mask;
    struct lace_word_cache cache; /* of words that are no tokens */
    unsigned char *whole;         /* (vocab.size) enum: whether a token's name is encoded as this token */
    bool byte_level;              /* symbols are bytes; else characters */
    bool ignore_merges;           /* a word that is a token becomes it, whatever the merges would make */
    bool fuse_unk, byte_fallback;
    int unk;            /* -1: what the vocabulary cannot say is left out */
    int byte_ids[256];  /* byte-level: of each byte, else of <0x..>; -1: the vocabulary has no such token */
    bool fallback;      /* any of them is there */
    int ascii_ids[128]; /* of each ASCII character, not byte-level */
    bool cuts;          /* joins is known: not byte-level */
    /* Whether a merge may join what ends with one character to what begins with another: ASCII and U+2581 (last). Where
     * none does, a text without words can be cut, so that its parts are words that were seen before. */
    bool joins[129][129];
};

/* Room for that many rules; the vocabulary is complete. */
int lace_bpe_init(struct lace_bpe *bpe, size_t rules, struct lace_error *err);
/* A later rule for a pair replaces an earlier one. */
void lace_bpe_add(struct lace_bpe *bpe, int left, int right, int rank, int id);
/* After the last rule: looks up bytes and characters, and what joins. */
int lace_bpe_finish(struct lace_bpe *bpe, struct lace_error *err);
void lace_bpe_release(struct lace_bpe *bpe);

/* Scratch of a caller, grown as words need it; zero it to begin. */
struct lace_bpe_scratch {
    struct lace_bpe_symbol {
        int id;
        int32_t before, after; /* -1: none */
    } * symbols;
    struct lace_bpe_pair {
        int rank, at, id;
    } * heap;
    size_t cap;
};
/* The ids of a word of len < 2^29 bytes, in scratch->symbols[0..*count).id. part: it was cut out of a word. */
int lace_bpe_word(const struct lace_bpe *bpe, struct lace_bpe_scratch *scratch, const char *bytes, size_t len,
                  bool part, size_t *count, struct lace_error *err);
/* The bytes of a word up to the first place where it may be cut; not byte-level. */
size_t lace_bpe_cut(const struct lace_bpe *bpe, const char *bytes, size_t len);
void lace_bpe_scratch_release(struct lace_bpe_scratch *scratch);
#endif
