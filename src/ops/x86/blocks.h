/* How a product with few rows is spread over workers: by blocks of 64 outputs, as the weights are packed. */
#ifndef LACE_OPS_BLOCKS_H
#define LACE_OPS_BLOCKS_H
#include "ops/cpu.h"
#include <omp.h>

enum { PIECE = 64 }; /* rows of a packed block (16 KiB) per visit: with the next one it fits the nearest cache */

/* y (rows, stride out) for n <= 64 outputs of one block. */
typedef void block_product(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add);

/* Spreads blocks over the workers; where there are fewer blocks than workers want, rows are split as well. A row of x
 * is x_bytes long, a packed block block_bytes. */
static inline void over_blocks(block_product *one, float *y, const void *x, size_t x_bytes, const void *packed,
                               size_t block_bytes, int in, int out, int rows, bool add)
{
    int blocks = (int)(lace_pad_out(out) / LACE_BLOCK_OUT), parts = 1,
        workers = omp_in_parallel() ? 1 : omp_get_max_threads();
    if (rows <= 0) return;
    if (rows > 12 && blocks < 2 * workers) parts = (2 * workers + blocks - 1) / blocks;
    int step = (rows + parts - 1) / parts;
    step = (step + 5) / 6 * 6;
    parts = (rows + step - 1) / step;
#pragma omp parallel for collapse(2) schedule(static) if (workers > 1 && (size_t)rows * in * out > 100000)
    for (int b = 0; b < blocks; b++)
        for (int part = 0; part < parts; part++) {
            int first = part * step, n = out - b * LACE_BLOCK_OUT, some = rows - first < step ? rows - first : step;
            one(y + (size_t)first * out + (size_t)b * LACE_BLOCK_OUT, (const char *)x + (size_t)first * x_bytes,
                (const char *)packed + (size_t)b * block_bytes, in, out, n < LACE_BLOCK_OUT ? n : LACE_BLOCK_OUT, some,
                add);
        }
}

/* The same for a matrix of plain numbers. */
static inline void over_plain_blocks(block_product *one, float *y, const struct lace_operand *x, const void *packed,
                                     int in, int out, int rows, bool add)
{
    size_t element = x->dtype == LACE_BF16 ? sizeof(uint16_t) : sizeof(float);
    over_blocks(one, y, x->data, (size_t)in * element, packed, lace_pad_in(x->dtype, in) * LACE_BLOCK_OUT * element, in,
                out, rows, add);
}
#endif
