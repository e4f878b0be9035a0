/* What the targets share: now and then (1 in 64) a mutation is one of the target's own first inputs, so that no
 * corpus need be kept. */
#ifndef LACE_FUZZ_H
#define LACE_FUZZ_H
#include "base/base.h"
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static inline size_t fuzz_mutate(uint8_t *data, size_t size, size_t max, unsigned seed, const char *const *seeds,
                                 const size_t *lens, size_t count)
{
    if (seed % 64 == 0) {
        size_t i = seed / 64 % count, len = lens ? lens[i] : strlen(seeds[i]);
        if (len <= max) {
            memcpy(data, seeds[i], len);
            return len;
        }
    }
    return LLVMFuzzerMutate(data, size, max);
}
#endif
