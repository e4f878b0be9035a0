/* Scores of keys in bf16, for attention.h. The queries are rounded to bf16 too (ops.h), so that a level that multiplies
 * pairs of bf16 (VDPBF16PS) meets the keys as they lie: half the memory and half the multiplications. A score is then one
 * chain over the pairs of a head. The other levels widen some keys at a time, and go on as with f32. */
#ifndef LACE_OPS_X86_ATTENTION_BF16_H
#define LACE_OPS_X86_ATTENTION_BF16_H
#include "base/base.h"
#include "ops/x86/lines.h"

#ifdef __AVX512BF16__
/* 16 pairs fill the square that is turned below. */
static inline bool in_pairs(int d) { return d % (2 * L) == 0; }

/* to (d / 2, L): the pairs of the lines' rows of x, times factor. */
static void gather_pairs(int32_t *to, const float *x, const struct lines *t, int d, float factor)
{
    for (int c = 0; c < d; c += 2 * L) {
        vec row[L];
        for (int i = 0; i < L; i++) {
            const float *from = x + t->line[i] * d + c;
            vec low = vmul(vset(factor), vload(from)), high = vmul(vset(factor), vload(from + L));
            row[i] = (vec)_mm512_cvtne2ps_pbh(high, low);
        }
        turn_square(row);
        for (int p = 0; p < L; p++) _mm512_storeu_si512(to + (size_t)(c / 2 + p) * L, (ivec)row[p]);
    }
}

INLINE vec dot_pairs(vec sum, ivec a, int32_t b)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)_mm512_set1_epi32(b));
}
INLINE int32_t pair_of(const uint16_t *x)
{
    int32_t pair;
    memcpy(&pair, x, sizeof pair);
    return pair;
}

/* As own_scores. */
INLINE void own_pairs(float *score, const uint16_t *k, size_t stride, const int32_t *qt, int d, int count, int first,
                      int lines, const int M)
{
    for (int slot = 0; slot < count; slot += L) {
        vec sum[4] = {vzero(), vzero(), vzero(), vzero()};
        int some = count - slot < L ? count - slot : L;
        const uint16_t *from = k + (size_t)slot * stride;
        for (int c = 0; c < d; c += 2 * L) {
            vec x[L];
#    pragma GCC unroll 16
            for (int i = 0; i < L; i++) x[i] = vload((const float *)(from + (size_t)(i < some ? i : 0) * stride + c));
            turn_square(x);
#    pragma GCC unroll 16
            for (int i = 0; i < L; i++)
#    pragma GCC unroll 4
                for (int n = 0; n < M; n++)
                    sum[n] = dot_pairs(sum[n], (ivec)x[i], qt[(size_t)(c / 2 + i) * L + first + n]);
        }
        put_own(score + (size_t)slot * L, sum, some, first, lines, M);
    }
}

INLINE void pairs_tile(float *score, const uint16_t *k, size_t stride, const int32_t *qt, int pairs, const int M)
{
    vec sum[12];
#    pragma GCC unroll 12
    for (int m = 0; m < M; m++) sum[m] = vzero();
    for (int p = 0; p < pairs; p++) {
        ivec lines = _mm512_loadu_si512(qt + (size_t)p * L);
#    pragma GCC unroll 12
        for (int m = 0; m < M; m++) sum[m] = dot_pairs(sum[m], lines, pair_of(k + m * stride + 2 * p));
    }
#    pragma GCC unroll 12
    for (int m = 0; m < M; m++) vstore(score + m * L, sum[m]);
}

static void scores_in_pairs(float *score, const uint16_t *k, size_t stride, const int32_t *qt, int d, int count,
                            int first, int lines)
{
    if (lines <= 2 && first + 2 <= L) own_pairs(score, k, stride, qt, d, count, first, lines, 2);
    else if (lines <= 4 && first + 4 <= L) own_pairs(score, k, stride, qt, d, count, first, lines, 4);
    else {
        int m = 0;
        for (; m + 12 <= count; m += 12) pairs_tile(score + m * L, k + m * stride, stride, qt, d / 2, 12);
        for (; m + 4 <= count; m += 4) pairs_tile(score + m * L, k + m * stride, stride, qt, d / 2, 4);
        for (; m < count; m++) pairs_tile(score + m * L, k + m * stride, stride, qt, d / 2, 1);
    }
}
#else
static inline bool in_pairs(int d) { return false; }
static void gather_pairs(int32_t *to, const float *x, const struct lines *t, int d, float factor) {}
static void scores_in_pairs(float *score, const uint16_t *k, size_t stride, const int32_t *qt, int d, int count,
                            int first, int lines)
{
}
#endif

/* to (d, L), as gather, of the rounded values. */
static void gather_rounded(float *to, const float *x, const struct lines *t, int d, float factor)
{
    for (int i = 0; i < L; i++)
        for (int c = 0; c < d; c++)
            to[(size_t)c * L + i] = lace_bf16_to_f32(lace_f32_to_bf16(factor * x[t->line[i] * d + c]));
}

/* to (count, d) */
static void widen_rows(float *to, const uint16_t *rows, size_t stride, int count, int d)
{
    for (int i = 0; i < count; i++)
        for (int c = 0; c < d; c += L) {
            vmask m = vtail((size_t)(d - c));
            vstorem(to + (size_t)i * d + c, vloadm_bf16(rows + (size_t)i * stride + c, m), m);
        }
}
#endif
