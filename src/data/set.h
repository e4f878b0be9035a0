/* A set of 64-bit hashes: open addressing, grown by doubling. */
#ifndef LACE_SET_H
#define LACE_SET_H
#include "base/base.h"

struct lace_set {
    uint64_t *slots; /* 0: empty; the hash 0 is kept as 1 */
    size_t count, cap;
};
int lace_set_add(struct lace_set *set, uint64_t hash); /* 1: it was new; 0: it was there; -1: no memory */
bool lace_set_has(const struct lace_set *set, uint64_t hash);
void lace_set_release(struct lace_set *set);
#endif
