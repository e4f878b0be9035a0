/* The one inner loop of attention and of the products with few rows:
 *   C[m,n] (+)= sum over k of A[m,k] B[k,n]
 * A by two strides (so it may be transposed), rows of B and C contiguous; B is f32, or bf16 that is widened. Every element is one chain of fused
 * multiply-adds in the order of k, starting at 0 or at C: its bits do not depend on how rows or columns are
 * tiled, nor on where a long k is cut. */
#ifndef LACE_OPS_OUTER_H
#define LACE_OPS_OUTER_H
#include <stdbool.h>
#include "ops/x86/vec.h"

struct strided {
    const float *at;
    size_t m, k; /* strides */
};

INLINE vec outer_get(const void *B, size_t at, const bool half)
{
    return half ? vload_bf16((const uint16_t *)B + at) : vload((const float *)B + at);
}
INLINE vec outer_getm(const void *B, size_t at, vmask m, const bool half)
{
    return half ? vloadm_bf16((const uint16_t *)B + at, m) : vloadm((const float *)B + at, m);
}

INLINE void outer_tile(float *C, size_t cs, struct strided A, const void *B, size_t bs, int K, const int M,
                       const int W, vmask last, bool add, const bool half)
{
    vec c[12][4];
#pragma GCC unroll 12
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            c[m][w] = !add ? vzero() : w < W - 1 ? vload(C + m * cs + w * L) : vloadm(C + m * cs + w * L, last);
    for (int k = 0; k < K; k++) {
        vec b[4];
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            b[w] = w < W - 1 ? outer_get(B, k * bs + w * L, half) : outer_getm(B, k * bs + w * L, last, half);
#pragma GCC unroll 12
        for (int m = 0; m < M; m++) {
            vec a = vset(A.at[m * A.m + k * A.k]);
#pragma GCC unroll 4
            for (int w = 0; w < W; w++) c[m][w] = vfma(a, b[w], c[m][w]);
        }
    }
#pragma GCC unroll 12
    for (int m = 0; m < M; m++) {
#pragma GCC unroll 4
        for (int w = 0; w < W - 1; w++) vstore(C + m * cs + w * L, c[m][w]);
        vstorem(C + m * cs + (W - 1) * L, c[m][W - 1], last);
    }
}

INLINE void outer_rows(float *C, size_t cs, struct strided A, const void *B, size_t bs, int K, int M, const int W,
                       vmask last, bool add, const bool half)
{
    const int tall = L == 16 ? (W <= 2 ? 12 : 6) : (W == 1 ? 12 : 6);
    int m = 0;
#define ROWS(n)                                                                                                        \
    for (; m + n <= M; m += n)                                                                                         \
    outer_tile(C + m * cs, cs, (struct strided){A.at + m * A.m, A.m, A.k}, B, bs, K, n, W, last, add, half)
    ROWS(tall);
    ROWS(4);
    ROWS(2);
    ROWS(1);
#undef ROWS
}

INLINE void outer_any(float *C, size_t cs, struct strided A, const void *B, size_t bs, int K, int M, int N, bool add,
                      const bool half)
{
    const int widest = L == 16 ? 4 : 2;
    const size_t size = half ? sizeof(uint16_t) : sizeof(float);
    for (int n = 0; n < N; n += widest * L) {
        int left = N - n, w = left >= widest * L ? widest : (left + L - 1) / L;
        vmask last = vtail(left - (w - 1) * L);
        const void *from = (const char *)B + n * size;
        switch (w) {
        case 1: outer_rows(C + n, cs, A, from, bs, K, M, 1, last, add, half); break;
        case 2: outer_rows(C + n, cs, A, from, bs, K, M, 2, last, add, half); break;
#ifdef __AVX512F__
        case 3: outer_rows(C + n, cs, A, from, bs, K, M, 3, last, add, half); break;
        default: outer_rows(C + n, cs, A, from, bs, K, M, 4, last, add, half);
#endif
        }
    }
}

static __attribute__((noinline, unused)) void outer(float *C, size_t cs, struct strided A, const float *B, size_t bs,
                                                    int K, int M, int N, bool add)
{
    outer_any(C, cs, A, B, bs, K, M, N, add, false);
}
static __attribute__((noinline, unused)) void outer_bf16(float *C, size_t cs, struct strided A, const uint16_t *B,
                                                         size_t bs, int K, int M, int N, bool add)
{
    outer_any(C, cs, A, B, bs, K, M, N, add, true);
}
#endif
