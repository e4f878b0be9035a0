/* Intel AMX: bf16 products of few rows by tiles of 16 rows x 32 inputs against 32 inputs x 16 outputs. The packed
 * weights already have the tiles' pair layout: the four tiles of a step are the columns of 4 KiB that lie
 * together. Tiles 0..3 hold the sums of 64 outputs over all inputs, in order, 4 the rows, 5..7 weights; so a row's bits do not depend on
 * the other rows: every count of rows, from 1 on, takes this path. */
#include "ops/quant.h"
#include "ops/x86/blocks.h"
#include "ops/x86/tile.h"
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

enum { TILE_ROWS = 16, TILE_IN = 32, STEP_BYTES = TILE_IN * LACE_BLOCK_OUT * 2, AHEAD = 4 };

bool lace_amx_permit(void)
{
#ifdef LACE_AMX_SOFT
    return true;
#else
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 24 & 1) || !(d >> 22 & 1))
        return false; /* AMX-TILE, AMX-BF16 */
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_TILEDATA = 18 };
    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_TILEDATA);
#endif
}

static void configure(int rows)
{
    struct tile_config config = {.palette = 1};
    for (int t = 0; t < 8; t++) config.bytes[t] = 64, config.rows[t] = t <= 4 ? rows : TILE_ROWS;
    tile_configure(&config);
}

/* Tiles are named by numbers: gcc pastes them into the register's name. One step of all four sums: 32 inputs of the rows at x, stride in bytes. */
static inline void step(const void *x, size_t stride, const char *w)
{
    enum { BESIDE = 64, BELOW = 4 * 64 };
    TILE_LOAD(4, x, stride);
    TILE_LOAD(5, w, BELOW);
    TILE_DOT(0, 4, 5);
    TILE_LOAD(6, w + BESIDE, BELOW);
    TILE_DOT(1, 4, 6);
    TILE_LOAD(7, w + 2 * BESIDE, BELOW);
    TILE_DOT(2, 4, 7);
    TILE_LOAD(5, w + 3 * BESIDE, BELOW);
    TILE_DOT(3, 4, 5);
}

/* sums (rows, 64) of up to 16 rows; y is read and written with its stride in bytes. */
static void tile_rows(float *y, size_t stride, const uint16_t *x, const char *w, int in, int rows, bool add, bool fetch)
{
    if (add) {
        TILE_LOAD(0, y, stride);
        TILE_LOAD(1, y + 16, stride);
        TILE_LOAD(2, y + 32, stride);
        TILE_LOAD(3, y + 48, stride);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    int k = 0;
    for (; k + TILE_IN <= in; k += TILE_IN, w += STEP_BYTES) {
        for (int i = 0; fetch && i < STEP_BYTES; i += 64) _mm_prefetch(w + AHEAD * STEP_BYTES + i, _MM_HINT_T0);
        step(x + k, (size_t)in * 2, w);
    }
    if (k < in) { /* past a row's end lies another row, which must not meet even a weight of 0 (0 * NaN) */
        uint16_t rest[TILE_ROWS][TILE_IN] = {{0}};
        for (int r = 0; r < rows; r++) memcpy(rest[r], x + (size_t)r * in + k, (in - k) * sizeof(uint16_t));
        step(rest, sizeof rest[0], w);
    }
    TILE_STORE(0, y, stride);
    TILE_STORE(1, y + 16, stride);
    TILE_STORE(2, y + 32, stride);
    TILE_STORE(3, y + 48, stride);
}

static void block_amx(float *y, const void *x, const void *block, int in, int out, int n, int rows, bool add)
{
    for (int m = 0, set = 0; m < rows; m += TILE_ROWS) {
        int some = rows - m < TILE_ROWS ? rows - m : TILE_ROWS;
        float *to = y + (size_t)m * out;
        const uint16_t *from = (const uint16_t *)x + (size_t)m * in;
        if (some != set) configure(set = some);
        if (n == LACE_BLOCK_OUT) {
            tile_rows(to, (size_t)out * 4, from, block, in, some, add, m == 0);
            continue;
        }
        float part[TILE_ROWS][LACE_BLOCK_OUT] = {{0}}; /* the last block is narrower than its tiles */
        for (int r = 0; add && r < some; r++) memcpy(part[r], to + (size_t)r * out, n * sizeof(float));
        tile_rows(part[0], sizeof part[0], from, block, in, some, add, m == 0);
        for (int r = 0; r < some; r++) memcpy(to + (size_t)r * out, part[r], n * sizeof(float));
    }
    TILE_RELEASE(); /* oneDNN sets its own shapes, and the kernel need not save what is released */
}

static void matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                           bool accumulate)
{
    if (lace_dtype_has_blocks(m->dtype)) {
        lace_quant_avx512_vnni(y, x, m, rows, accumulate);
        return;
    }
    if (rows > LACE_FEW_ROWS && lace_dnn_product(y, x, m->forward, m->in, m->out, rows, accumulate)) return;
    if (x->dtype == LACE_BF16)
        over_plain_blocks(block_amx, y, x, m->forward, m->in, m->out, rows, accumulate);
    else lace_product_avx512(y, x, m->forward, m->in, m->out, rows, accumulate);
}

void lace_ops_fill_amx(struct lace_ops *ops) { ops->matrix_forward = matrix_forward; }
