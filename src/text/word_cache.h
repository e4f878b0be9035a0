/* Words that became several tokens lately, shared by all workers of a tokenizer without a lock.
 *
 *   hash -> one place -> the word as it was, and its ids
 *
 * A place is written by whoever comes last. Readers never wait: a sequence number tells them that a place changed under
 * their eyes, and then they do not know the word. What is found is what merging would give, so results never depend on
 * it. */
#ifndef LACE_WORD_CACHE_H
#define LACE_WORD_CACHE_H
#include "base/base.h"

enum { LACE_CACHED_BYTES = 24, LACE_CACHED_IDS = 8 };

struct lace_word_cache {
    struct lace_word_place {
        uint32_t turn; /* odd: being written */
        uint32_t size; /* bytes of the word, and above them its number of ids; 0: empty */
        uint32_t word[LACE_CACHED_BYTES / 4], ids[LACE_CACHED_IDS];
    } * places; /* (LACE_CACHED_WORDS), each a cache line */
};
int lace_word_cache_init(struct lace_word_cache *cache, struct lace_error *err);
void lace_word_cache_release(struct lace_word_cache *cache);
/* The number of ids of a word, into ids (LACE_CACHED_IDS); 0: not known. */
int lace_word_cache_get(const struct lace_word_cache *cache, uint32_t hash, const char *word, size_t len,
                        uint32_t *ids);
/* Notes a word; one that is too long, or has too many ids, is left alone. */
void lace_word_cache_put(const struct lace_word_cache *cache, uint32_t hash, const char *word, size_t len,
                         const uint32_t *ids, int count);
#endif
