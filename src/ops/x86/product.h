/* Products with few rows, reading the packed weights once: a worker takes whole blocks of 64 outputs, and all
 * rows meet a piece of the block while it is in the nearest cache. Each result is one chain over the inputs in
 * order, whatever the number of rows. */
#ifndef LACE_OPS_PRODUCT_H
#define LACE_OPS_PRODUCT_H
#include "ops/cpu.h"
#include "ops/x86/outer.h"
#include <omp.h>
#include <string.h>

enum { PIECE = 128 }; /* rows of a packed block (32 KiB) per visit */

/* y (rows, stride out) for n <= 64 outputs of one block. */
typedef void block_product(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add);

/* Spreads blocks over the workers; where there are fewer blocks than workers want, rows are split as well. */
INLINE void over_blocks(block_product *one, size_t element, float *y, const struct lace_operand *x, const void *packed,
                        int in, int out, int rows, bool add)
{
    int blocks = (int)(lace_pad_out(out) / LACE_BLOCK_OUT), parts = 1, workers = omp_in_parallel() ? 1 : omp_get_max_threads();
    size_t bytes = lace_pad_in(x->dtype, in) * LACE_BLOCK_OUT * element;
    if (rows > 12 && blocks < 2 * workers) parts = (2 * workers + blocks - 1) / blocks;
    int step = (rows + parts - 1) / parts;
    step = (step + 5) / 6 * 6;
    parts = (rows + step - 1) / step;
#pragma omp parallel for collapse(2) schedule(static) if (workers > 1 && (size_t)rows * in * out > 100000)
    for (int b = 0; b < blocks; b++)
        for (int part = 0; part < parts; part++) {
            int first = part * step, n = out - b * LACE_BLOCK_OUT, some = rows - first < step ? rows - first : step;
            one(y + (size_t)first * out + (size_t)b * LACE_BLOCK_OUT, (const char *)x->data + (size_t)first * in * element,
                (const char *)packed + b * bytes, in, out, n < LACE_BLOCK_OUT ? n : LACE_BLOCK_OUT, some, add);
        }
}

INLINE void block_f32(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add)
{
    for (int k = 0; k < in; k += PIECE)
        outer(y, out, (struct strided){(const float *)x + k, in, 1}, (const float *)block + (size_t)k * LACE_BLOCK_OUT,
              LACE_BLOCK_OUT, in - k < PIECE ? in - k : PIECE, rows, n, add || k);
}

static __attribute__((unused)) void product_f32(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows, bool accumulate)
{
    over_blocks(block_f32, sizeof(float), y, x, packed, in, out, rows, accumulate);
}

INLINE int pair_at(const uint16_t *x)
{
    int pair;
    memcpy(&pair, x, sizeof pair);
    return pair;
}

/* C[m, w*L..] (+)= sum over pairs of inputs, widened to f32. The last input of an odd count stands alone: the 16 bits after it
 * belong to another row and must not be read as numbers, not even against a weight of 0 (0 * NaN). */
INLINE void pair_tile(float *C, size_t cs, const uint16_t *x, size_t xs, const int32_t *B, int inputs, const int M, const int W, vmask last, bool add)
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

INLINE void pair_rows(float *C, size_t cs, const uint16_t *x, size_t xs, const int32_t *B, int inputs, int M, const int W, vmask last, bool add)
{
    int m = 0;
#define ROWS(n)                                                                                                        \
    for (; m + n <= M; m += n) pair_tile(C + m * cs, cs, x + m * xs, xs, B, inputs, n, W, last, add)
    ROWS(4);
    ROWS(2);
    ROWS(1);
#undef ROWS
}

static __attribute__((noinline, unused)) void pairs(float *C, size_t cs, const uint16_t *x, size_t xs, const int32_t *B, int inputs, int M, int N, bool add)
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

static __attribute__((unused)) void product_bf16(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows, bool accumulate)
{
    over_blocks(block_bf16, sizeof(uint16_t), y, x, packed, in, out, rows, accumulate);
}
#endif
