/* Byte pair encoding of one word: the merge rule of lowest rank first, leftmost where ranks are equal. */
#ifndef LACE_BPE_H
#define LACE_BPE_H
#include "base/base.h"

struct lace_bpe {
    struct lace_bpe_rule {
        int left, right, rank, id; /* left < 0: an empty slot */
    } * rules;                     /* (mask + 1) open addressing */
    size_t mask;
    int byte_ids[256]; /* -1: the vocabulary has no such token */
};

int lace_bpe_init(struct lace_bpe *bpe, size_t rules, struct lace_error *err); /* room for that many */
void lace_bpe_add(struct lace_bpe *bpe, int left, int right, int rank,
                  int id); /* a later rule for a pair replaces an earlier */
const struct lace_bpe_rule *lace_bpe_find(const struct lace_bpe *bpe, int left, int right);
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
/* The ids of a word, in scratch->symbols[0..*count).id; len < 2^29. */
int lace_bpe_word(const struct lace_bpe *bpe, struct lace_bpe_scratch *scratch, const char *bytes, size_t len,
                  size_t *count, struct lace_error *err);
void lace_bpe_scratch_release(struct lace_bpe_scratch *scratch);
#endif
