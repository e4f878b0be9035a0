/* Linear layers of every level: against sums in double, row by row independent, bit-equal when repeated, and
 * from two workers at once. */
#include "ops_test.h"
#include <omp.h>

struct layer {
    int in, out, rows;
    enum lace_dtype dtype;
    float *w, *x, *dy;
    struct lace_matrix m;
    struct lace_operand xo, dyo;
};

static float rounded(enum lace_dtype dtype, float f)
{
    return dtype == LACE_BF16 ? lace_bf16_to_f32(lace_f32_to_bf16(f)) : f;
}

static struct lace_operand operand(const struct lace_ops *ops, enum lace_dtype dtype, const float *x, int rows,
                                   int cols)
{
    struct lace_operand o = {dtype, cols, lace_alloc(LACE_PAD_ROWS(rows) * cols * 4)};
    memset(o.data, 0xff,
           LACE_PAD_ROWS(rows) * cols * (dtype == LACE_BF16 ? 2 : 4)); /* NaN: the padding must be cleared */
    ops->operand_make(&o, x, rows);
    return o;
}

static struct layer layer_make(const struct lace_ops *ops, int in, int out, int rows, enum lace_dtype dtype)
{
    struct layer l = {in,
                      out,
                      rows,
                      dtype,
                      random_floats((size_t)in * out),
                      random_floats((size_t)rows * in),
                      random_floats((size_t)rows * out)};
    l.m = (struct lace_matrix){in, out, dtype, lace_alloc(ops->matrix_bytes(dtype, in, out)),
                               lace_alloc(ops->matrix_bytes(dtype, out, in))};
    ops->matrix_pack(&l.m, l.w, LACE_F32);
    l.xo = operand(ops, dtype, l.x, rows, in);
    l.dyo = operand(ops, dtype, l.dy, rows, out);
    return l;
}
static void layer_free(struct layer *l)
{
    void *all[] = {l->w, l->x, l->dy, l->m.forward, l->m.backward, l->xo.data, l->dyo.data};
    for (int i = 0; i < 7; i++) lace_free(all[i]);
}

static void compare(const struct lace_ops *ops, int in, int out, int rows, enum lace_dtype dtype)
{
    struct layer l = layer_make(ops, in, out, rows, dtype);
    for (size_t i = 0; i < (size_t)in * out; i++) l.w[i] = rounded(dtype, l.w[i]);
    for (size_t i = 0; i < (size_t)rows * in; i++) l.x[i] = rounded(dtype, l.x[i]);
    for (size_t i = 0; i < (size_t)rows * out; i++) l.dy[i] = rounded(dtype, l.dy[i]);
    float *y = zeros(LACE_PAD_ROWS(rows) * out), *dx = zeros(LACE_PAD_ROWS(rows) * in), *dw = zeros((size_t)in * out);
    float *wy = zeros((size_t)rows * out), *wdx = zeros((size_t)rows * in), *wdw = zeros((size_t)in * out);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < out; o++) {
            double sum = 0;
            for (int i = 0; i < in; i++) sum += (double)l.x[(size_t)r * in + i] * l.w[(size_t)o * in + i];
            wy[(size_t)r * out + o] = (float)sum;
        }
    double *row = lace_alloc_array(in, sizeof(double));
    for (int r = 0; r < rows; r++) {
        memset(row, 0, in * sizeof(double));
        for (int o = 0; o < out; o++)
            for (int i = 0; i < in; i++) row[i] += (double)l.dy[(size_t)r * out + o] * l.w[(size_t)o * in + i];
        for (int i = 0; i < in; i++) wdx[(size_t)r * in + i] = (float)row[i];
    }
    for (int o = 0; o < out; o++) {
        memset(row, 0, in * sizeof(double));
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < in; i++) row[i] += (double)l.dy[(size_t)r * out + o] * l.x[(size_t)r * in + i];
        for (int i = 0; i < in; i++) wdw[(size_t)o * in + i] = (float)row[i];
    }
    double tolerance = 3e-6; /* of the largest sum: f32 accumulation, inputs exactly as rounded */
    ops->matrix_forward(y, &l.xo, &l.m, rows, false);
    assert_close("y", y, wy, (size_t)rows * out, tolerance);
    ops->matrix_forward(y, &l.xo, &l.m, rows, true);
    for (size_t i = 0; i < (size_t)rows * out; i++) wy[i] *= 2;
    assert_close("y accumulated", y, wy, (size_t)rows * out, tolerance);
    ops->matrix_backward_input(dx, &l.dyo, &l.m, rows, false);
    assert_close("dx", dx, wdx, (size_t)rows * in, tolerance);
    ops->matrix_backward_input(dx, &l.dyo, &l.m, rows, true);
    for (size_t i = 0; i < (size_t)rows * in; i++) wdx[i] *= 2;
    assert_close("dx accumulated", dx, wdx, (size_t)rows * in, tolerance);
    ops->matrix_backward_weight(dw, &l.dyo, &l.xo, rows);
    assert_close("dw", dw, wdw, (size_t)in * out, tolerance);
    ops->matrix_backward_weight(dw, &l.dyo, &l.xo, rows);
    for (size_t i = 0; i < (size_t)in * out; i++) wdw[i] *= 2;
    assert_close("dw accumulated", dw, wdw, (size_t)in * out, tolerance);
    void *all[] = {y, dx, dw, wy, wdx, wdw, row};
    for (int i = 0; i < 7; i++) lace_free(all[i]);
    layer_free(&l);
}

static const int shapes[][2] = {{70, 33}, {64, 4}, {31, 65}, {256, 130}, {96, 192}, {1024, 256}}; /* in, out */

static void products(void **state)
{
    const struct lace_ops *ops = level_of(state);
    static const int rows[] = {1, 3, 17, 65, 200};
    for (int s = 0; s < 6; s++)
        for (int r = 0; r < 5; r++)
            for (int dtype = 0; dtype < 2; dtype++)
                if (s < 5 || r == 4) compare(ops, shapes[s][0], shapes[s][1], rows[r], dtype);
}

static void few_rows_stand_alone(void **state)
{
    const struct lace_ops *ops = level_of(state);
    for (int s = 0; s < 4; s++)
        for (int dtype = 0; dtype < 2; dtype++) {
            struct layer l = layer_make(ops, shapes[s][0], shapes[s][1], LACE_FEW_ROWS, dtype);
            size_t out = l.out;
            float *all = zeros(LACE_FEW_ROWS * out), *some = zeros(LACE_FEW_ROWS * out);
            ops->matrix_forward(all, &l.xo, &l.m, LACE_FEW_ROWS, false);
            for (int rows = 1; rows < LACE_FEW_ROWS; rows += rows < 20 ? 1 : 17)
                for (int first = 0; first + rows <= LACE_FEW_ROWS; first += 23) {
                    struct lace_operand x = l.xo;
                    x.data = (char *)x.data + (size_t)first * l.in * (dtype == LACE_BF16 ? 2 : 4);
                    ops->matrix_forward(some, &x, &l.m, rows, false);
                    assert_same_bits("row", some, all + first * out, rows * out);
                }
            /* Not even a NaN in the next row reaches this one. */
            memset((char *)l.xo.data + (size_t)l.in * (dtype == LACE_BF16 ? 2 : 4), 0xff, l.in);
            ops->matrix_forward(some, &l.xo, &l.m, 2, false);
            assert_same_bits("row beside NaN", some, all, out);
            lace_free(all);
            lace_free(some);
            layer_free(&l);
        }
}

/* The trainer's situation: workers of one region call the same op at once; every result has the bits of a lone run. */
static void two_workers(void **state)
{
    const struct lace_ops *ops = level_of(state);
    enum { WORKERS = 2, TIMES = 6 };
    int in = 96, out = 192, rows = 192, bad = 0;
    struct layer l[WORKERS];
    float *y[WORKERS], *dx[WORKERS], *dw[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        l[i] = layer_make(ops, in, out, rows, LACE_BF16);
        y[i] = zeros((size_t)rows * out), dx[i] = zeros((size_t)rows * in), dw[i] = zeros((size_t)in * out);
    }
    for (int pass = 0; pass < 2; pass++) {
#pragma omp parallel num_threads(pass ? WORKERS : 1) reduction(+ : bad)
        for (int time = 0; time < TIMES; time++)
#pragma omp for schedule(static, 1)
            for (int i = 0; i < WORKERS; i++) {
                float *ty = zeros((size_t)rows * out), *tdx = zeros((size_t)rows * in), *tdw = zeros((size_t)in * out);
                ops->matrix_forward(ty, &l[i].xo, &l[i].m, rows, false);
                ops->matrix_backward_input(tdx, &l[i].dyo, &l[i].m, rows, true);
                ops->matrix_backward_weight(tdw, &l[i].dyo, &l[i].xo, rows);
                if (!pass && !time) {
                    memcpy(y[i], ty, (size_t)rows * out * 4), memcpy(dx[i], tdx, (size_t)rows * in * 4),
                        memcpy(dw[i], tdw, (size_t)in * out * 4);
                } else {
                    bad += memcmp(y[i], ty, (size_t)rows * out * 4) || memcmp(dx[i], tdx, (size_t)rows * in * 4) ||
                           memcmp(dw[i], tdw, (size_t)in * out * 4);
                }
                lace_free(ty), lace_free(tdx), lace_free(tdw);
            }
    }
    assert_int_equal(bad, 0);
    for (int i = 0; i < WORKERS; i++) lace_free(y[i]), lace_free(dx[i]), lace_free(dw[i]), layer_free(&l[i]);
}

static void no_rows(void **state)
{
    const struct lace_ops *ops = level_of(state);
    for (int dtype = 0; dtype < 2; dtype++) {
        struct layer l = layer_make(ops, 70, 33, 1, dtype);
        float y[64] = {5}, dw[70 * 33] = {5};
        ops->operand_make(&l.xo, l.x, 0);
        ops->matrix_forward(y, &l.xo, &l.m, 0, false);
        ops->matrix_backward_input(y, &l.dyo, &l.m, 0, true);
        ops->matrix_backward_weight(dw, &l.dyo, &l.xo, 0);
        assert_true(y[0] == 5 && dw[0] == 5 && dw[1] == 0);
        layer_free(&l);
    }
}

static void packing(void **state)
{
    const struct lace_ops *ops = level_of(state);
    float w[3] = {1, 2, 3}; /* out 3, in 1 */
    uint16_t half[3] = {lace_f32_to_bf16(1), lace_f32_to_bf16(2), lace_f32_to_bf16(3)};
    struct lace_matrix m = {1, 3, LACE_BF16, lace_alloc(ops->matrix_bytes(LACE_BF16, 1, 3)), NULL};
    assert_int_equal(ops->matrix_bytes(LACE_BF16, 1, 3), 32 * 64 * 2);
    assert_int_equal(ops->matrix_bytes(LACE_F32, 17, 65), 32 * 128 * 4);
    for (int source = 0; source < 2; source++) {
        memset(m.forward, 0xff, 32 * 64 * 2);
        ops->matrix_pack(&m, source == LACE_BF16 ? (void *)half : w, source);
        const uint16_t *p = m.forward;
        for (int i = 0; i < 32 * 64; i++) assert_int_equal(p[i], i < 6 && i % 2 == 0 ? half[i / 2] : 0);
    }
    lace_free(m.forward);
}

int main(void)
{
    static const struct check checks[] = {
        {"products and their gradients", products},
        {"few rows stand alone", few_rows_stand_alone},
        {"two workers at once, always the same bits", two_workers},
        {"no rows at all", no_rows},
        {"packing", packing},
    };
    return run_checks("matrix", checks, 5);
}
