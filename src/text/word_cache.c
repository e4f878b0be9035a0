#include "text/word_cache.h"
#include <string.h>

enum { PLACES = 8192, WORDS = LACE_CACHED_BYTES / 4 };

_Static_assert(sizeof(struct lace_word_place) == 64, "a place is a cache line");

int lace_word_cache_init(struct lace_word_cache *cache, struct lace_error *err)
{
    cache->places = lace_alloc_array(PLACES, sizeof *cache->places);
    return cache->places ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for the words of a tokenizer.");
}

void lace_word_cache_release(struct lace_word_cache *cache)
{
    lace_free(cache->places);
    cache->places = NULL;
}

static uint32_t size_of(size_t len, int count) { return (uint32_t)len | (uint32_t)count << 8; }

int lace_word_cache_get(const struct lace_word_cache *cache, uint32_t hash, const char *word, size_t len, uint32_t *ids)
{
    if (len > LACE_CACHED_BYTES) return 0;
    struct lace_word_place *p = &cache->places[hash & (PLACES - 1)];
    uint32_t turn = __atomic_load_n(&p->turn, __ATOMIC_ACQUIRE), key[WORDS] = {0};
    uint32_t size = __atomic_load_n(&p->size, __ATOMIC_RELAXED), differs = turn & 1;
    int count = (int)(size >> 8);
    if (differs || !count || (size & 255) != len) return 0;
    memcpy(key, word, len);
    for (int i = 0; i < WORDS; i++) differs |= key[i] ^ __atomic_load_n(&p->word[i], __ATOMIC_RELAXED);
    if (differs) return 0;
    for (int i = 0; i < LACE_CACHED_IDS; i++) ids[i] = __atomic_load_n(&p->ids[i], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&p->turn, __ATOMIC_RELAXED) == turn ? count : 0;
}

void lace_word_cache_put(const struct lace_word_cache *cache, uint32_t hash, const char *word, size_t len,
                         const uint32_t *ids, int count)
{
    if (len > LACE_CACHED_BYTES || count > LACE_CACHED_IDS || count < 1) return;
    struct lace_word_place *p = &cache->places[hash & (PLACES - 1)];
    uint32_t turn = __atomic_load_n(&p->turn, __ATOMIC_RELAXED), key[WORDS] = {0};
    if (turn & 1 || !__atomic_compare_exchange_n(&p->turn, &turn, turn + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return; /* another worker writes there */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(key, word, len);
    __atomic_store_n(&p->size, size_of(len, count), __ATOMIC_RELAXED);
    for (int i = 0; i < WORDS; i++) __atomic_store_n(&p->word[i], key[i], __ATOMIC_RELAXED);
    for (int i = 0; i < count; i++) __atomic_store_n(&p->ids[i], ids[i], __ATOMIC_RELAXED);
    __atomic_store_n(&p->turn, turn + 2, __ATOMIC_RELEASE);
}
