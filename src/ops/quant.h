/* Private to src/ops: matrices of quantised blocks, as products read them.
 *
 * 64 outputs, and of their inputs a chunk (a block of the file: 32, of the K formats 256), lie together:
 *     f16 d [64]   (Q4_K, Q5_K: f16 dmin [64])          then for each group of 32 inputs, as far as the format has it:
 *     int8 scale [1, or 2 for halves of the group][64]  uint8 min [64]
 *     low  [8 quads of inputs][64][4] whole codes, or [4][64][4] low halves of bytes for quads 0 to 3, high for 4 to 7
 *     high [64][4] bit q for quad q, or [2][64][4] two bits for each quad of the first and of the second four
 * So four inputs of each output stand side by side, as integer dot products take them, scales are vectors over outputs,
 * and the packed matrix is as large as the file's (Q4_K: 2.8 % larger).
 *
 *   y[o] = sum over groups of  scale(o) * s * sum (code(o) - offset) * c  -  min(o) * s * sum c,   x ~ s * c
 *
 * The inputs' codes c (struct lace_coded) are made once for all matrices that read them. Sums of codes are exact, and
 * what follows is one chain of fused multiply-adds over the groups: all levels give the same bits, for any rows. */
#ifndef LACE_OPS_QUANT_H
#define LACE_OPS_QUANT_H
#include "ops/cpu.h"
#include <math.h>
#include <string.h>

struct lace_quant {
    int chunk;     /* inputs */
    int scales;    /* for each group: 0 (d is all), 1, or 2 */
    int mins;      /* 0 or 1 */
    int low, high; /* bytes of an output's codes in a group */
    int offset;    /* its binary logarithm; 0: none */
};

/* Inlined with a constant type it costs nothing. */
static inline __attribute__((always_inline)) struct lace_quant lace_quant(enum lace_dtype type)
{
    switch (type) {
    case LACE_Q8_0: return (struct lace_quant){32, 0, 0, 32, 0, 7};
    case LACE_Q4_0: return (struct lace_quant){32, 0, 0, 16, 0, 3};
    case LACE_Q4_K: return (struct lace_quant){256, 1, 1, 16, 0, 0};
    case LACE_Q5_K: return (struct lace_quant){256, 1, 1, 16, 4, 0};
    default: return (struct lace_quant){256, 2, 0, 16, 8, 5};
    }
}
static inline int lace_quant_head(struct lace_quant q) { return 2 * LACE_BLOCK_OUT * (1 + q.mins); }
static inline int lace_quant_group(struct lace_quant q)
{
    return LACE_BLOCK_OUT * (q.scales + q.mins + q.low + q.high);
}
static inline int lace_quant_chunk(struct lace_quant q)
{
    return lace_quant_head(q) + q.chunk / 32 * lace_quant_group(q);
}
/* Bytes of 64 packed outputs. */
static inline size_t lace_quant_block(enum lace_dtype type, int in)
{
    struct lace_quant q = lace_quant(type);
    return (size_t)(in / q.chunk) * (size_t)lace_quant_chunk(q);
}

/* 32 inputs. Too small a number for its inverse counts as 0; one that is not finite makes all 32 NaN. Rounding is by
 * the sum with 1.5 * 2^23, to even: plain arithmetic that compilers make vectors of, and the same everywhere. */
static inline void lace_code_inputs(struct lace_coded *to, const float *x)
{
    union {
        float f;
        uint32_t u;
    } most = {.u = 0}, n;
    int32_t half[2] = {0, 0};
    for (int i = 0; i < 32; i++) {
        memcpy(&n, x + i, sizeof n);
        n.u &= 0x7fffffff;
        most.u = n.u > most.u ? n.u : most.u;
    }
    bool finite = most.u < 0x7f800000, some = finite && most.f > 1e-30f;
    float inverse = some ? 127 / most.f : 0;
    to->scale = some ? most.f / 127 : finite ? 0 : NAN;
    for (int h = 0; h < 2; h++)
        for (int i = 16 * h; i < 16 * h + 16; i++) {
            n.f = (finite ? x[i] : 0) * inverse + 12582912.0f;
            int32_t code = (int32_t)(n.u - 0x4b400000u);
            to->code[i] = (int8_t)code;
            half[h] += code;
        }
    to->sum = to->scale * (float)(half[0] + half[1]);
    to->minus[0] = -half[0];
    to->minus[1] = -half[1];
}

/* A level's product on the packed blocks; rows of any number, each with the same bits alone. */
typedef void lace_quant_product(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                                bool accumulate);
lace_quant_product lace_quant_reference, lace_quant_avx512_vnni;
void lace_quant_pack(struct lace_matrix *m, const void *blocks);
void lace_quant_code_rows(struct lace_coded *to, const float *x, int rows, int cols);
#endif
