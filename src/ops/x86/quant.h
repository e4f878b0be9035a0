/* Products on quantised blocks (ops/quant.h), written once for all levels. A tile is a few rows by W vectors of
 * outputs: their integer sums stay in registers for a group of 32 inputs, their f32 sums for a piece. All rows meet a
 * piece of a block of 64 outputs while it is in the nearest cache, and fetch the next one meanwhile, each tile its share.
 *
 * Without an instruction that adds four products of bytes, even and odd bytes are multiplied as 16-bit pairs. */
#ifndef LACE_OPS_X86_QUANT_H
#define LACE_OPS_X86_QUANT_H
#include "ops/quant.h"
#include "ops/x86/blocks.h"
#include "ops/x86/vec.h"

#ifdef __AVX512F__
INLINE ivec iand(ivec a, ivec b) { return _mm512_and_si512(a, b); }
INLINE ivec ior(ivec a, ivec b) { return _mm512_or_si512(a, b); }
INLINE ivec iadd(ivec a, ivec b) { return _mm512_add_epi32(a, b); }
INLINE ivec ileft(ivec a, int n) { return _mm512_slli_epi32(a, (unsigned)n); }
INLINE ivec iright(ivec a, int n) { return _mm512_srli_epi32(a, (unsigned)n); }
INLINE vec vfloat(ivec a) { return _mm512_cvtepi32_ps(a); }
INLINE vec vhalves(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256(p)); }
INLINE vec vsigned(const void *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(p))); }
INLINE vec vunsigned(const void *p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(p))); }
INLINE ivec ieven(ivec a) { return _mm512_srai_epi16(_mm512_slli_epi16(a, 8), 8); }
INLINE ivec iodd(ivec a) { return _mm512_srai_epi16(a, 8); }
INLINE ivec iodd_bytes(ivec a) { return _mm512_srli_epi16(a, 8); }
INLINE ivec ipairs(ivec a, ivec b) { return _mm512_madd_epi16(a, b); }
enum { QUANT_ROWS = 3, QUANT_VECTORS = 4 };
#else
INLINE ivec iand(ivec a, ivec b) { return _mm256_and_si256(a, b); }
INLINE ivec ior(ivec a, ivec b) { return _mm256_or_si256(a, b); }
INLINE ivec iadd(ivec a, ivec b) { return _mm256_add_epi32(a, b); }
INLINE ivec ileft(ivec a, int n) { return _mm256_slli_epi32(a, n); }
INLINE ivec iright(ivec a, int n) { return _mm256_srli_epi32(a, n); }
INLINE vec vfloat(ivec a) { return _mm256_cvtepi32_ps(a); }
INLINE vec vhalves(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128(p)); }
INLINE vec vsigned(const void *p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(p))); }
INLINE vec vunsigned(const void *p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(p))); }
INLINE ivec ieven(ivec a) { return _mm256_srai_epi16(_mm256_slli_epi16(a, 8), 8); }
INLINE ivec iodd(ivec a) { return _mm256_srai_epi16(a, 8); }
INLINE ivec iodd_bytes(ivec a) { return _mm256_srli_epi16(a, 8); }
INLINE ivec ipairs(ivec a, ivec b) { return _mm256_madd_epi16(a, b); }
enum { QUANT_ROWS = 2, QUANT_VECTORS = 2 };
#endif
enum { WIDE = 32 * LACE_BLOCK_OUT }; /* bytes of a group's codes, one a byte */
INLINE ivec ibytes(int a) { return iset(a * 0x01010101); }
/* A value that the compiler keeps in a register, rather than loading it once more for each row. */
#define KEPT(a) __asm__("" : "+v"(a))

/* Adds to c (R, W) the products of four inputs: w are W vectors of four unsigned codes for each output. */
INLINE void dot_quads(ivec c[QUANT_ROWS][QUANT_VECTORS], const ivec *w, const int8_t *const *x, int at, const int R,
                      const int W)
{
#ifdef __AVX512VNNI__
#    pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#    pragma GCC unroll 4
        for (int v = 0; v < W; v++) {
            int four;
            memcpy(&four, x[r] + at, sizeof four);
            c[r][v] = _mm512_dpbusd_epi32(c[r][v], w[v], iset(four));
        }
#else
    ivec even[QUANT_VECTORS], odd[QUANT_VECTORS];
#    pragma GCC unroll 4
    for (int v = 0; v < W; v++) even[v] = iand(w[v], iset(0x00ff00ff)), odd[v] = iodd_bytes(w[v]);
#    pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
        int four;
        memcpy(&four, x[r] + at, sizeof four);
        ivec a = ieven(iset(four)), b = iodd(iset(four));
#    pragma GCC unroll 4
        for (int v = 0; v < W; v++) c[r][v] = iadd(c[r][v], iadd(ipairs(even[v], a), ipairs(odd[v], b)));
    }
#endif
}

/* Quad j of a group: W vectors of four codes for each output, from `column` on. Wide: all codes are bytes already. */
INLINE void load_quad(const enum lace_dtype type, const bool wide, ivec *w, const uint8_t *low, int column, const int j,
                      const int W)
{
    const struct lace_quant q = lace_quant(type);
    const uint8_t *at = low + 4 * column, *high = at + q.low * LACE_BLOCK_OUT;
#pragma GCC unroll 4
    for (int v = 0; v < W; v++) {
        if (wide || q.low == 32) {
            w[v] = iload((const int32_t *)(at + j * 4 * LACE_BLOCK_OUT) + v * L);
            KEPT(w[v]);
            continue;
        }
        ivec pair = iload((const int32_t *)(at + j % 4 * 4 * LACE_BLOCK_OUT) + v * L);
        w[v] = iand(j < 4 ? pair : iright(pair, 4), ibytes(15));
        if (q.high == 4) {
            ivec bit = iload((const int32_t *)high + v * L);
            w[v] = ior(w[v], iand(j < 4 ? ileft(bit, 4 - j) : iright(bit, j - 4), ibytes(16)));
        } else if (q.high == 8) {
            ivec bits = iload((const int32_t *)(high + j / 4 * 4 * LACE_BLOCK_OUT) + v * L);
            w[v] = ior(w[v], iand(j % 4 < 3 ? ileft(bits, 4 - 2 * (j % 4)) : iright(bits, 2), ibytes(48)));
        }
    }
}

/* y (R, stride) (+)= what `groups` groups of inputs from `chunk` on add, for W vectors of outputs from `column` on, of
 * which n are stored. wide: the piece's codes as bytes, or NULL. */
INLINE void quant_tile(const enum lace_dtype type, const uint8_t *wide, float *y, size_t stride,
                       const struct lace_coded *x, size_t row, const uint8_t *chunk, int column, int groups, int n,
                       const int R, const int W, bool add, const char *ahead, int lines)
{
    const struct lace_quant q = lace_quant(type);
    const int parts = q.scales == 2 ? 2 : 1, each = q.chunk / 32;
    vec f[QUANT_ROWS][QUANT_VECTORS];
    vmask mask[QUANT_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < W; v++) mask[v] = vtail(n > v * L ? (size_t)(n - v * L) : 0);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < W; v++) f[r][v] = add ? vloadm(y + r * stride + v * L, mask[v]) : vzero();

    for (int g = 0; g < groups; g++) {
        const uint8_t *head = chunk + (size_t)(g / each) * lace_quant_chunk(q),
                      *group = head + lace_quant_head(q) + g % each * lace_quant_group(q);
        const uint8_t *mins = group + q.scales * LACE_BLOCK_OUT,
                      *low = wide ? wide + g * WIDE : mins + q.mins * LACE_BLOCK_OUT;
        const int8_t *codes[QUANT_ROWS];
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) codes[r] = x[r * row + g].code;
#pragma GCC unroll 2
        for (int part = 0; part < parts; part++) {
            ivec c[QUANT_ROWS][QUANT_VECTORS];
#pragma GCC unroll 4
            for (int r = 0; r < R; r++) {
                const int32_t *minus = x[r * row + g].minus;
                ivec start = !q.offset    ? iset(0)
                             : parts == 2 ? ileft(iset(minus[part]), q.offset)
                                          : ileft(iset(minus[0] + minus[1]), q.offset);
#pragma GCC unroll 4
                for (int v = 0; v < W; v++) c[r][v] = start;
            }
#pragma GCC unroll 8
            for (int j = 8 / parts * part; j < 8 / parts * (part + 1); j++) {
                ivec w[QUANT_VECTORS];
                for (int i = 0; i < lines; i++, ahead += 64) _mm_prefetch(ahead, _MM_HINT_T0);
                load_quad(type, wide, w, low, column, j, W);
                dot_quads(c, w, codes, 4 * j, R, W);
            }
#pragma GCC unroll 4
            for (int v = 0; v < W; v++) {
                vec scale = vhalves(head + 2 * (column + v * L));
                if (q.scales) scale = vmul(scale, vsigned(group + part * LACE_BLOCK_OUT + column + v * L));
#pragma GCC unroll 4
                for (int r = 0; r < R; r++)
                    f[r][v] = vfma(vfloat(c[r][v]), vmul(scale, vset(x[r * row + g].scale)), f[r][v]);
            }
        }
#pragma GCC unroll 4
        for (int v = 0; v < q.mins * W; v++) {
            vec min = vmul(vhalves(head + 2 * (LACE_BLOCK_OUT + column + v * L)), vunsigned(mins + column + v * L));
#pragma GCC unroll 4
            for (int r = 0; r < R; r++) f[r][v] = vfnma(min, vset(x[r * row + g].sum), f[r][v]);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < W; v++) vstorem(y + r * stride + v * L, f[r][v], mask[v]);
}

/* Takes the codes of a piece out of their halves of bytes. */
INLINE void widen_piece(const enum lace_dtype type, uint8_t *wide, const uint8_t *chunk, int groups)
{
    const struct lace_quant q = lace_quant(type);
    const int each = q.chunk / 32, behind = LACE_BLOCK_OUT * (q.scales + q.mins);
    for (int g = 0; g < groups; g++) {
        const uint8_t *low = chunk + (size_t)(g / each) * (size_t)lace_quant_chunk(q) + lace_quant_head(q) +
                             g % each * lace_quant_group(q) + behind;
#pragma GCC unroll 8
        for (int j = 0; j < 8; j++)
            for (int v = 0; v < LACE_BLOCK_OUT / L; v++) {
                ivec w[1];
                load_quad(type, false, w, low, v * L, j, 1);
                memcpy(wide + g * WIDE + (j * LACE_BLOCK_OUT + v * L) * 4, w, sizeof *w);
            }
    }
}

/* All rows and the n <= 64 outputs of a block. A piece is 256 inputs: with the next one, which comes near meanwhile, it
 * fits the nearest cache; many rows do better with fewer visits to y. Where several tiles of rows meet a piece, its codes
 * are made into bytes once. */
INLINE void quant_block(const enum lace_dtype type, float *y, const void *codes, const void *packed, int in, int out,
                        int n, int rows, bool add)
{
    enum { MOST_IN = 512, COLUMNS = QUANT_VECTORS * L, WIDE_TILES = 3 };
    const struct lace_quant q = lace_quant(type);
    const int piece_in = rows > LACE_FEW_ROWS ? MOST_IN : 256;
    const size_t piece = (size_t)(piece_in / q.chunk) * (size_t)lace_quant_chunk(q), row = (size_t)in / 32;
    int tiles = (rows + QUANT_ROWS - 1) / QUANT_ROWS, visits = tiles * ((n + COLUMNS - 1) / COLUMNS);
    const int steps = piece_in / 4; /* of a tile in a piece: each fetches `lines` */
    int lines = ((int)(piece / 64) + steps * visits - 1) / (steps * visits);
    const uint8_t *from = packed;
    uint8_t wide[MOST_IN / 32 * WIDE] __attribute__((aligned(64)));
    const bool widen = q.low != 32 && tiles >= WIDE_TILES;
    for (int k = 0; k < in; k += piece_in, from += piece) {
        const struct lace_coded *x = (const struct lace_coded *)codes + k / 32;
        const char *ahead = (const char *)from + piece, *end = ahead + piece;
        int groups = (in - k < piece_in ? in - k : piece_in) / 32;
        if (widen) widen_piece(type, wide, from, groups);
        for (int i = 0, m = 0, M; i < tiles; i++, m += M) {
            M = rows * (i + 1) / tiles - m;
            for (int c = 0; c < n; c += COLUMNS, ahead += 64 * (size_t)lines * (size_t)steps) {
                float *to = y + (size_t)m * (size_t)out + c;
                int fetches = ahead < end ? lines : 0;
#define TILE(R, wide)                                                                                                  \
    quant_tile(type, wide, to, (size_t)out, x + (size_t)m * row, row, from, c, groups, n - c, R, QUANT_VECTORS,        \
               add || k, ahead, fetches)
#define CASE(R)                                                                                                        \
case R:                                                                                                                \
    if (widen) TILE(R, wide);                                                                                          \
    else TILE(R, NULL);                                                                                                \
    break
                switch (M) {
                    CASE(1);
                    CASE(2);
#ifdef __AVX512F__
                    CASE(3);
#endif
                }
#undef CASE
#undef TILE
            }
        }
    }
}

#define FORMAT(type, name)                                                                                             \
    static void name(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add)           \
    {                                                                                                                  \
        quant_block(type, y, x, block, in, out, n, rows, add);                                                         \
    }
FORMAT(LACE_Q8_0, block_q8_0)
FORMAT(LACE_Q4_0, block_q4_0)
FORMAT(LACE_Q4_K, block_q4_k)
FORMAT(LACE_Q5_K, block_q5_k)
FORMAT(LACE_Q6_K, block_q6_k)
#undef FORMAT

static __attribute__((unused)) void product_quant(float *y, const struct lace_operand *x, const struct lace_matrix *m,
                                                  int rows, bool accumulate)
{
    static block_product *const block[LACE_DTYPES] = {[LACE_Q8_0] = block_q8_0,
                                                      [LACE_Q4_0] = block_q4_0,
                                                      [LACE_Q4_K] = block_q4_k,
                                                      [LACE_Q5_K] = block_q5_k,
                                                      [LACE_Q6_K] = block_q6_k};
    over_blocks(block[m->dtype], y, x->codes, (size_t)(m->in / 32) * sizeof *x->codes, m->forward,
                lace_quant_block(m->dtype, m->in), m->in, m->out, rows, accumulate);
}
#endif
