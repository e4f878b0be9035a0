/* Products with few rows, reading the packed weights once: a worker takes whole blocks of 64 outputs, and all
 * rows meet a piece of the block while it is in the nearest cache. Each result is one chain over the inputs in
 * order, whatever the number of rows. */
#ifndef LACE_OPS_PRODUCT_H
#define LACE_OPS_PRODUCT_H
#include "ops/x86/blocks.h"
#include "ops/x86/outer.h"
#include <string.h>

INLINE void block_f32(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add)
{
    for (int k = 0; k < in; k += PIECE)
        outer(y, out, (struct strided){(const float *)x + k, in, 1}, (const float *)block + (size_t)k * LACE_BLOCK_OUT,
              LACE_BLOCK_OUT, in - k < PIECE ? in - k : PIECE, rows, n, add || k);
}

static __attribute__((unused)) void product_f32(float *y, const struct lace_operand *x, const void *packed, int in,
                                                int out, int rows, bool accumulate)
{
    over_plain_blocks(block_f32, y, x, packed, in, out, rows, accumulate);
}

INLINE int pair_at(const uint16_t *x)
{
    int pair;
    memcpy(&pair, x, sizeof pair);
    return pair;
}

/* C[m, w*L..] (+)= sum over pairs of inputs, widened to f32. The last input of an odd count stands alone: the 16 bits after it
 * belong to another row and must not be read as numbers, not even against a weight of 0 (0 * NaN). */
INLINE void pair_tile(float *C, size_t cs, const uint16_t *x, size_t xs, const int32_t *B, int inputs, const int M,
                      const int W, vmask last, bool add)
{
    vec c[4][4];
#pragma GCC unroll 4
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            c[m][w] = !add ? vzero() : w < W - 1 ? vload(C + m * cs + w * L) : vloadm(C + m * cs + w * L, last);
    for (int k = 0; k < inputs; k += 2) {
        const int32_t *row = B + (size_t)k / 2 * LACE_BLOCK_OUT;
        bool whole = k + 1 < inputs;
        vec even[4], odd[4];
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) {
            ivec pair = iload(row + w * L);
            even[w] = vwiden_even(pair);
            odd[w] = vwiden_odd(pair);
        }
#pragma GCC unroll 4
        for (int m = 0; m < M; m++) {
            const uint16_t *from = x + m * xs + k;
            ivec pair = iset(whole ? pair_at(from) : *from);
            vec a = vwiden_even(pair), b = vwiden_odd(pair);
#pragma GCC unroll 4
            for (int w = 0; w < W; w++) c[m][w] = vfma(b, odd[w], vfma(a, even[w], c[m][w]));
        }
    }
#pragma GCC unroll 4
    for (int m = 0; m < M; m++) {
#pragma GCC unroll 4
        for (int w = 0; w < W - 1; w++) vstore(C + m * cs + w * L, c[m][w]);
        vstorem(C + m * cs + (W - 1) * L, c[m][W - 1], last);
    }
}

INLINE void pair_rows(float *C, size_t cs, const uint16_t *x, size_t xs, const int32_t *B, int inputs, int M,
                      const int W, vmask last, bool add)
{
    int m = 0;
#define ROWS(n)                                                                                                        \
    for (; m + n <= M; m += n) pair_tile(C + m * cs, cs, x + m * xs, xs, B, inputs, n, W, last, add)
    ROWS(4);
    ROWS(2);
    ROWS(1);
#undef ROWS
}

static __attribute__((noinline, unused)) void pairs(float *C, size_t cs, const uint16_t *x, size_t xs, const int32_t *B,
                                                    int inputs, int M, int N, bool add)
{
    const int widest = L == 16 ? 4 : 2;
    for (int n = 0; n < N; n += widest * L) {
        int left = N - n, w = left >= widest * L ? widest : (left + L - 1) / L;
        vmask last = vtail(left - (w - 1) * L);
        switch (w) {
        case 1: pair_rows(C + n, cs, x, xs, B + n, inputs, M, 1, last, add); break;
        case 2: pair_rows(C + n, cs, x, xs, B + n, inputs, M, 2, last, add); break;
#ifdef __AVX512F__
        case 3: pair_rows(C + n, cs, x, xs, B + n, inputs, M, 3, last, add); break;
        default: pair_rows(C + n, cs, x, xs, B + n, inputs, M, 4, last, add);
#endif
        }
    }
}

INLINE void block_bf16(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add)
{
    for (int k = 0; k < in; k += 2 * PIECE)
        pairs(y, out, (const uint16_t *)x + k, in, (const int32_t *)block + (size_t)k / 2 * LACE_BLOCK_OUT,
              in - k < 2 * PIECE ? in - k : 2 * PIECE, rows, n, add || k);
}

static __attribute__((unused)) void product_bf16(float *y, const struct lace_operand *x, const void *packed, int in,
                                                 int out, int rows, bool accumulate)
{
    over_plain_blocks(block_bf16, y, x, packed, in, out, rows, accumulate);
}
#endif
