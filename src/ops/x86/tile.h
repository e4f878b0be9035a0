/* The tile instructions of Intel AMX that amx.c uses, or with LACE_AMX_SOFT a model of them in C, by which the
 * tests run the same kernel on any machine. A tile is up to 16 rows of 64 bytes. */
#ifndef LACE_OPS_TILE_H
#define LACE_OPS_TILE_H
#include <stdint.h>
#include <string.h>

struct tile_config { /* as LDTILECFG reads it */
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16]; /* per row */
    uint8_t rows[16];
} __attribute__((aligned(64)));

#ifndef LACE_AMX_SOFT
#    include <immintrin.h>
/* gcc 12's tile instructions do not say that they read memory: without a barrier it may leave earlier stores for
 * later, or drop them. (Of a configuration it declares only 8 of the 64 bytes.) */
#    define TILE_BARRIER() __asm__ volatile("" ::: "memory")
#    define TILE_LOAD(t, at, stride)                                                                                   \
        do {                                                                                                           \
            TILE_BARRIER();                                                                                            \
            _tile_loadd(t, at, stride);                                                                                \
        } while (0)
#    define TILE_STORE(t, at, stride) _tile_stored(t, at, stride)
#    define TILE_ZERO(t)              _tile_zero(t)
#    define TILE_DOT(c, a, b)         _tile_dpbf16ps(c, a, b)
#    define TILE_RELEASE()            _tile_release()
static inline void tile_configure(const struct tile_config *config)
{
    TILE_BARRIER();
    _tile_loadconfig(config);
}
#else
static __thread struct tile_config tile_shape;
static __thread uint8_t tile_data[8][16][64];
static inline void tile_configure(const struct tile_config *config)
{
    tile_shape = *config;
    memset(tile_data, 0, sizeof tile_data);
}
static inline void tile_move(int t, uint8_t *at, size_t stride, int store)
{
    for (int r = 0; r < tile_shape.rows[t]; r++)
        if (store) memcpy(at + r * stride, tile_data[t][r], tile_shape.bytes[t]);
        else memcpy(tile_data[t][r], at + r * stride, tile_shape.bytes[t]);
}
/* c (M, N) f32 += a (M, K pairs) b (K, N pairs), pair by pair in order. */
static inline void tile_dot(int c, int a, int b)
{
    for (int m = 0; m < tile_shape.rows[c]; m++)
        for (int k = 0; k < tile_shape.rows[b]; k++)
            for (int n = 0; n < tile_shape.bytes[c] / 4; n++) {
                uint16_t x[2], w[2];
                float sum;
                memcpy(x, tile_data[a][m] + 4 * k, 4);
                memcpy(w, tile_data[b][k] + 4 * n, 4);
                memcpy(&sum, tile_data[c][m] + 4 * n, 4);
                for (int i = 0; i < 2; i++) sum += lace_bf16_to_f32(x[i]) * lace_bf16_to_f32(w[i]);
                memcpy(tile_data[c][m] + 4 * n, &sum, 4);
            }
}
#    define TILE_LOAD(t, at, stride)  tile_move(t, (uint8_t *)(at), stride, 0)
#    define TILE_STORE(t, at, stride) tile_move(t, (uint8_t *)(at), stride, 1)
#    define TILE_ZERO(t)              memset(tile_data[t], 0, sizeof tile_data[t])
#    define TILE_DOT(c, a, b)         tile_dot(c, a, b)
#    define TILE_RELEASE()            memset(&tile_shape, 0, sizeof tile_shape)
#endif
#endif
