/* Matrices of quantised blocks at every level: against sums in double over the numbers that blocks stand for, and bit
 * for bit against the reference, whatever the shape, the rows and their neighbours. */
#include "ops_test.h"

struct layer {
    enum lace_dtype type;
    int in, out, rows;
    uint8_t *blocks;
    float *x;
    struct lace_matrix m;
    struct lace_operand xo;
};

/* Blocks of random bytes, with factors in f16 between 2^-10 and 2^-8 of either sign. */
static uint8_t *random_blocks(enum lace_dtype type, size_t count)
{
    size_t bytes = (size_t)lace_dtype_bytes(type), blocks = count / (size_t)lace_dtype_block(type);
    int factor[2] = {type == LACE_Q6_K ? 208 : 0, 2}, factors = type == LACE_Q4_K || type == LACE_Q5_K ? 2 : 1;
    uint8_t *out = lace_alloc(blocks * bytes);
    for (size_t i = 0; i < blocks * bytes; i++) out[i] = (uint8_t)lace_rng_u32(&rng);
    for (size_t b = 0; b < blocks; b++)
        for (int f = 0; f < factors; f++) {
            float value = (float)((1 + 3 * lace_rng_uniform(&rng)) / 1024);
            uint16_t half = lace_f32_to_f16(lace_rng_below(&rng, 2) ? value : -value);
            memcpy(out + b * bytes + factor[f], &half, 2);
        }
    return out;
}

static struct layer layer_make(const struct lace_ops *ops, enum lace_dtype type, int in, int out, int rows)
{
    struct layer l = {type, in, out, rows};
    l.blocks = random_blocks(type, (size_t)in * out);
    l.x = random_floats((size_t)rows * in);
    l.m = (struct lace_matrix){in, out, type, lace_alloc(ops->matrix_bytes(type, in, out)), NULL};
    ops->matrix_pack(&l.m, l.blocks, type);
    l.xo = (struct lace_operand){LACE_BF16, in, lace_alloc(LACE_PAD_ROWS(rows) * (size_t)in * 2),
                                 lace_alloc((size_t)rows * in / 32 * sizeof(struct lace_coded))};
    ops->operand_make(&l.xo, l.x, rows);
    return l;
}
static void layer_free(struct layer *l)
{
    void *all[] = {l->blocks, l->x, l->m.forward, l->xo.data, l->xo.codes};
    for (int i = 0; i < 5; i++) lace_free(all[i]);
}

/* in, out */
static const int plain[][2] = {{32, 1}, {96, 33}, {256, 64}, {288, 130}, {1024, 200}};
static const int wide[][2] = {{256, 1}, {512, 33}, {768, 130}, {1024, 200}};
static const int *shape(enum lace_dtype type, int i)
{
    if (lace_dtype_block(type) == 32) return i < 5 ? plain[i] : NULL;
    return i < 4 ? wide[i] : NULL;
}

/* The reference itself: y is the sum over the blocks' numbers and the inputs' codes, up to f32's rounding; and the
 * codes stay within half a unit of the inputs, so y stays close to the product with the inputs themselves. */
static void reference_is_the_formula(void **state)
{
    if (level_of(state) != reference()) skip();
    const struct lace_ops *ops = reference();
    int rows = 3;
    for (enum lace_dtype type = LACE_Q8_0; type < LACE_DTYPES; type++)
        for (int s = 0; shape(type, s); s++) {
            int in = shape(type, s)[0], out = shape(type, s)[1];
            struct layer l = layer_make(ops, type, in, out, rows);
            float *y = zeros((size_t)rows * out), *w = zeros((size_t)in);
            ops->matrix_forward(y, &l.xo, &l.m, rows, false);
            for (int o = 0; o < out; o++) {
                lace_dtype_to_f32(type, l.blocks, (size_t)o * in, (size_t)in, w);
                for (int r = 0; r < rows; r++) {
                    double coded = 0, exact = 0, size = 0, room = 0;
                    for (int i = 0; i < in; i++) {
                        const struct lace_coded *c = &l.xo.codes[(r * in + i) / 32];
                        float x = l.x[(size_t)r * in + i];
                        if (!(fabsf(x - c->scale * c->code[i % 32]) <= 0.5001f * c->scale))
                            fail_msg("input %g is coded as %d times %g", x, c->code[i % 32], c->scale);
                        coded += (double)w[i] * c->scale * c->code[i % 32];
                        exact += (double)w[i] * x;
                        size += fabs((double)w[i] * c->scale * 127);
                        room += fabs((double)w[i] * c->scale) * 0.5001;
                    }
                    float got = y[r * out + o];
                    /* the chain rounds in/32 (at most three times as many) sums of at most `size` */
                    if (!(fabs(got - coded) <= 6e-8 * in / 32 * 3 * size + 1e-6 * size))
                        fail_msg("%s (%d, %d): y[%d][%d] is %g, expected %g", lace_dtype_name(type), in, out, r, o, got,
                                 coded);
                    assert_true(fabs(got - exact) <= room + 2e-6 * size);
                }
            }
            lace_free(y), lace_free(w), layer_free(&l);
        }
}

static void same_bits_as_reference(void **state)
{
    const struct lace_ops *ops = level_of(state);
    static const int rows[] = {1, 2, 3, 5, 17, 66};
    for (enum lace_dtype type = LACE_Q8_0; type < LACE_DTYPES; type++)
        for (int s = 0; shape(type, s); s++)
            for (int i = 0; i < 6; i++) {
                struct layer l = layer_make(ops, type, shape(type, s)[0], shape(type, s)[1], rows[i]);
                size_t n = (size_t)rows[i] * l.out;
                float *got = random_floats(n + 64), *want = zeros(n + 64);
                memcpy(want, got, (n + 64) * sizeof(float));
                for (int add = 0; add < 2; add++) {
                    ops->matrix_forward(got, &l.xo, &l.m, rows[i], add);
                    reference()->matrix_forward(want, &l.xo, &l.m, rows[i], add);
                    assert_same_bits(lace_dtype_name(type), got, want, n + 64); /* and nothing beyond is written */
                }
                lace_free(got), lace_free(want), layer_free(&l);
            }
}

static void codes_are_the_same(void **state)
{
    const struct lace_ops *ops = level_of(state);
    enum { COLS = 320, ROWS = 40 }; /* enough for several workers */
    float *x = random_floats(ROWS * COLS);
    for (int i = 0; i < 32; i++) x[i] = 0, x[32 + i] = 1e-33f * i, x[64 + i] = 1e38f * (i % 7 - 3);
    x[96 + 5] = INFINITY, x[128 + 6] = NAN;
    struct lace_operand a = {LACE_F32, COLS, zeros(LACE_PAD_ROWS(ROWS) * COLS), lace_alloc(ROWS * COLS / 32 * 64)},
                        b = {LACE_F32, COLS, zeros(LACE_PAD_ROWS(ROWS) * COLS), lace_alloc(ROWS * COLS / 32 * 64)};
    ops->operand_make(&a, x, ROWS);
    reference()->operand_make(&b, x, ROWS);
    assert_memory_equal(a.codes, b.codes, ROWS * COLS / 32 * sizeof *a.codes);
    assert_true(a.codes[0].scale == 0 && a.codes[1].scale == 0 && a.codes[2].scale > 1e36f);
    assert_true(isnan(a.codes[3].scale) && isnan(a.codes[4].sum) && !isnan(a.codes[5].scale));
    void *all[] = {x, a.data, a.codes, b.data, b.codes};
    for (int i = 0; i < 5; i++) lace_free(all[i]);
}

static void rows_stand_alone(void **state)
{
    const struct lace_ops *ops = level_of(state);
    for (enum lace_dtype type = LACE_Q8_0; type < LACE_DTYPES; type++) {
        struct layer l = layer_make(ops, type, 512, 130, 70);
        float *all = zeros(70 * 130), *some = zeros(70 * 130);
        for (int i = 0; i < 512; i++) l.x[512 + i] = NAN; /* row 1: nothing of it may reach the others */
        ops->operand_make(&l.xo, l.x, 70);
        ops->matrix_forward(all, &l.xo, &l.m, 70, false);
        for (int o = 0; o < 130; o++) assert_true(isnan(all[130 + o]));
        for (int first = 0; first < 70; first += 11)
            for (int rows = 1; rows <= 70 - first; rows += rows < 9 ? 1 : 13) {
                struct lace_operand x = l.xo;
                x.codes += first * 512 / 32;
                ops->matrix_forward(some, &x, &l.m, rows, false);
                for (int r = 0; r < rows; r++)
                    if (first + r != 1) assert_same_bits("row", some + r * 130, all + (first + r) * 130, 130);
            }
        some[0] = 5;
        ops->matrix_forward(some, &l.xo, &l.m, 0, false);
        assert_true(some[0] == 5);
        lace_free(all), lace_free(some), layer_free(&l);
    }
}

/* A large matrix is packed in pieces of 64 outputs; the packed form is hardly larger than the file's. */
static void packed_by_pieces(void **state)
{
    const struct lace_ops *ops = level_of(state);
    for (enum lace_dtype type = LACE_Q8_0; type < LACE_DTYPES; type++) {
        struct layer l = layer_make(ops, type, 512, 200, 1);
        size_t bytes = ops->matrix_bytes(type, 512, 200), line = lace_dtype_size(type, 512);
        uint8_t *packed = lace_alloc(bytes);
        for (int row = 0; row < 200; row += 64) {
            struct lace_matrix piece = {512, row + 64 < 200 ? 64 : 200 - row, type,
                                        packed + ops->matrix_bytes(type, 512, row), NULL};
            ops->matrix_pack(&piece, l.blocks + (size_t)row * line, type);
        }
        assert_memory_equal(packed, l.m.forward, bytes);
        assert_true(ops->matrix_bytes(type, 512, 256) * 100 <= 256 * line * 103);
        lace_free(packed), layer_free(&l);
    }
}

static void embedding_of_blocks(void **state)
{
    const struct lace_ops *ops = level_of(state);
    static const int ids[] = {4, 0, 4, 6};
    for (enum lace_dtype type = LACE_Q8_0; type < LACE_DTYPES; type++) {
        uint8_t *table = random_blocks(type, 7 * 256);
        float x[4 * 256], want[256];
        ops->embedding_forward(x, table, type, ids, 4, 256);
        for (int r = 0; r < 4; r++) {
            lace_dtype_to_f32(type, table, (size_t)ids[r] * 256, 256, want);
            assert_same_bits("embedding", x + r * 256, want, 256);
        }
        lace_free(table);
    }
}

int main(void)
{
    static const struct check checks[] = {
        {"the reference is the formula", reference_is_the_formula},
        {"the bits of the reference", same_bits_as_reference},
        {"codes of inputs", codes_are_the_same},
        {"rows stand alone", rows_stand_alone},
        {"packed by pieces", packed_by_pieces},
        {"embedding", embedding_of_blocks},
    };
    return run_checks("quant", checks, 6);
}
