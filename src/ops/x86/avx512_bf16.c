/* AVX-512 with VDPBF16PS, which multiplies pairs of bf16 and adds both products to a lane of f32:
 * bf16 products of few rows at twice the rate of f32, and from half the bytes.
 *
 * A tile is up to 6 rows by a packed row of 64 outputs. An element is one chain over the pairs of inputs in
 * order. Memory must stay busy while later tiles meet a piece that the first has brought near, so the first two
 * tiles each fetch half of the piece that follows. */
#include "ops/x86/attention.h"
#include "ops/x86/product.h"
#include "ops/x86/quant.h"

INLINE void dot_tile(float *y, size_t stride, const uint16_t *x, size_t in, const int32_t *packed, int inputs, int n,
                     const int M, const int W, bool add, const char *ahead, int lines)
{
    __m512 c[6][4];
    vmask mask[4];
#pragma GCC unroll 4
    for (int w = 0; w < W; w++) mask[w] = vtail(n > w * L ? n - w * L : 0);
#pragma GCC unroll 6
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) c[m][w] = add ? vloadm(y + m * stride + w * L, mask[w]) : vzero();

#define STEP(pair)                                                                                                     \
    do {                                                                                                               \
        __m512bh b[4];                                                                                                 \
        _Pragma("GCC unroll 4") for (int w = 0; w < W; w++) b[w] = (__m512bh)_mm512_loadu_si512(row + w * L);          \
        _Pragma("GCC unroll 6") for (int m = 0; m < M; m++)                                                            \
        {                                                                                                              \
            __m512bh a = (__m512bh)_mm512_set1_epi32(pair);                                                            \
            _Pragma("GCC unroll 4") for (int w = 0; w < W; w++) c[m][w] = _mm512_dpbf16_ps(c[m][w], b[w], a);          \
        }                                                                                                              \
    } while (0)

    const int32_t *row = packed;
    int k = 0;
#define RUN(lines)                                                                                                     \
    for (; k + 1 < inputs; k += 2, row += LACE_BLOCK_OUT, ahead += 64 * lines) {                                       \
        _Pragma("GCC unroll 4") for (int i = 0; i < lines; i++) _mm_prefetch(ahead + 64 * i, _MM_HINT_T0);             \
        STEP(pair_at(x + m * in + k));                                                                                 \
    }
    if (lines == 4) RUN(4)
    else if (lines == 2) RUN(2)
    else RUN(0)
#undef RUN
    if (k < inputs) STEP(x[m * in + k]); /* the 16 bits after an odd last input are another row's */
#undef STEP
#pragma GCC unroll 6
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) vstorem(y + m * stride + w * L, c[m][w], mask[w]);
}

static void dot_rows(float *y, size_t stride, const uint16_t *x, size_t in, const int32_t *packed, int inputs, int n,
                     int rows, bool add, const char *ahead, int lines)
{
#define CASE(M)                                                                                                        \
    case M:                                                                                                            \
        if (n <= L) dot_tile(y, stride, x, in, packed, inputs, n, M, 1, add, ahead, lines);                            \
        else dot_tile(y, stride, x, in, packed, inputs, n, M, 4, add, ahead, lines);                                   \
        break
    switch (rows) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
    }
#undef CASE
}

static void block_dot(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add)
{
    int tiles = (rows + 5) / 6; /* of about the same height */
    for (int k = 0; k < in; k += 2 * PIECE) {
        const uint16_t *from = (const uint16_t *)x + k;
        const int32_t *piece = (const int32_t *)block + (size_t)k / 2 * LACE_BLOCK_OUT;
        /* Pieces lie one after another through all blocks; past the last one a fetch has no effect. */
        const char *ahead = (const char *)(piece + PIECE * LACE_BLOCK_OUT);
        int inputs = in - k < 2 * PIECE ? in - k : 2 * PIECE, lines = tiles == 1 ? 4 : 2;
        for (int i = 0, m = 0; i < tiles; i++) {
            int M = rows * (i + 1) / tiles - m;
            dot_rows(y + (size_t)m * out, out, from + (size_t)m * in, in, piece, inputs, n, M, add || k, ahead,
                     i < 2 ? lines : 0);
            ahead += PIECE * LACE_BLOCK_OUT * 2;
            m += M;
        }
    }
}

static void product(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                    bool accumulate)
{
    if (x->dtype == LACE_BF16) over_plain_blocks(block_dot, y, x, packed, in, out, rows, accumulate);
    else lace_product_avx512(y, x, packed, in, out, rows, accumulate);
}

void lace_quant_avx512_vnni(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                            bool accumulate)
{
    product_quant(y, x, m, rows, accumulate);
}

static void matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                           bool accumulate)
{
    if (lace_dtype_has_blocks(m->dtype)) product_quant(y, x, m, rows, accumulate);
    else if (rows <= LACE_FEW_ROWS || !lace_dnn_product(y, x, m->forward, m->in, m->out, rows, accumulate))
        product(y, x, m->forward, m->in, m->out, rows, accumulate);
}

static void matrix_backward_input(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                  bool accumulate)
{
    if (!lace_dnn_product(dx, dy, m->backward, m->out, m->in, rows, accumulate))
        product(dx, dy, m->backward, m->out, m->in, rows, accumulate);
}

void lace_ops_fill_avx512_bf16(struct lace_ops *ops)
{
    ops->matrix_forward = matrix_forward;
    ops->matrix_backward_input = matrix_backward_input;
    ops->attention_forward_bf16 = attention_forward_bf16;
}
