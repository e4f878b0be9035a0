#include "data/set.h"
#include <stdlib.h>

/* The slot of the hash, or the empty one where it belongs. */
static size_t find(const struct lace_set *set, uint64_t hash)
{
    size_t at = (size_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 32) & (set->cap - 1);
    while (set->slots[at] && set->slots[at] != hash) at = (at + 1) & (set->cap - 1);
    return at;
}

static bool grow(struct lace_set *set)
{
    struct lace_set larger = {.cap = set->cap ? set->cap * 2 : 1024, .count = set->count};
    if (!(larger.slots = calloc(larger.cap, sizeof *larger.slots))) return false;
    for (size_t i = 0; i < set->cap; i++)
        if (set->slots[i]) larger.slots[find(&larger, set->slots[i])] = set->slots[i];
    free(set->slots);
    *set = larger;
    return true;
}

int lace_set_add(struct lace_set *set, uint64_t hash)
{
    hash += !hash;
    if (set->count * 2 >= set->cap && !grow(set)) return -1;
    size_t at = find(set, hash);
    if (set->slots[at]) return 0;
    set->slots[at] = hash;
    set->count++;
    return 1;
}

bool lace_set_has(const struct lace_set *set, uint64_t hash)
{
    hash += !hash;
    return set->cap && set->slots[find(set, hash)];
}

void lace_set_release(struct lace_set *set)
{
    free(set->slots);
    *set = (struct lace_set){0};
}
