/* PCG32 (O'Neill 2014, pcg-random.org): 64-bit congruential state, permuted 32-bit output. */
#include "base/base.h"
#include <math.h>

uint32_t lace_rng_u32(struct lace_rng *rng)
{
    uint64_t old = rng->state;
    rng->state = old * 6364136223846793005u + rng->inc;
    uint32_t mixed = (uint32_t)(((old >> 18) ^ old) >> 27);
    unsigned turn = (unsigned)(old >> 59);
    return mixed >> turn | mixed << (-turn & 31);
}

void lace_rng_init(struct lace_rng *rng, uint64_t seed, uint64_t stream)
{
    *rng = (struct lace_rng){0, stream << 1 | 1};
    lace_rng_u32(rng);
    rng->state += seed;
    lace_rng_u32(rng);
}

uint32_t lace_rng_below(struct lace_rng *rng, uint32_t bound)
{
    uint32_t reject = -bound % bound; /* 2^32 mod bound: the part that would favour small values */
    for (;;) {
        uint32_t x = lace_rng_u32(rng);
        if (x >= reject) return x % bound;
    }
}

double lace_rng_uniform(struct lace_rng *rng)
{
    uint64_t high = lace_rng_u32(rng) >> 5, low = lace_rng_u32(rng) >> 6;
    return (double)(high << 26 | low) / 9007199254740992.0; /* 2^53 */
}

double lace_rng_normal(struct lace_rng *rng)
{
    double radius = sqrt(-2 * log(1 - lace_rng_uniform(rng)));
    return radius * cos(6.283185307179586 * lace_rng_uniform(rng));
}

void lace_rng_shuffle(struct lace_rng *rng, int *items, int count)
{
    for (int i = count - 1; i > 0; i--) {
        int j = (int)lace_rng_below(rng, (uint32_t)i + 1), t = items[i];
        items[i] = items[j];
        items[j] = t;
    }
}
