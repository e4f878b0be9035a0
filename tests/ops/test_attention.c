/* Attention over views: against double, gradients against central differences, and the bits of a row whatever
 * other rows, blocks and empty segments the view holds. */
#include "ops_test.h"
#include <omp.h>

/* A random batch: blocks of threads after a prompt, in the shapes that views take. */
struct batch {
    int R, S, H, K, d;
    float scale, sink;
    struct lace_view view;
    struct lace_view_block *block;
    struct lace_range *range;
    float *q, *k, *v, *dout;
    bool half; /* keys and values are given as bf16 */
};

enum kind { CAUSAL, OTHERS, WINDOW, NOTHING };

/* Each block: `threads` threads of `length` rows, a prompt of `prompt` slots that some row sees. */
static struct batch batch_make(enum kind kind, int blocks, int threads, int length, int prompt, int H, int K, int d,
                               float sink)
{
    struct batch b = {.R = blocks * threads * length,
                      .S = blocks * (prompt + threads * length) + 3,
                      .H = H,
                      .K = K,
                      .d = d,
                      .scale = (float)(1 / sqrt(d)) * 2,
                      .sink = sink};
    int segs = threads + 1;
    b.range = calloc((size_t)b.R * segs, sizeof *b.range);
    b.block = calloc(blocks, sizeof *b.block);
    b.view = (struct lace_view){blocks, b.block, b.range, prompt + threads * length};
    for (int g = 0; g < blocks; g++) {
        int base = 1 + g * (prompt + threads * length);
        b.block[g] =
            (struct lace_view_block){g * threads * length, threads * length, segs, g * threads * length * segs};
        for (int n = 0; n < threads; n++)
            for (int t = 0; t < length; t++) {
                struct lace_range *r = b.range + b.block[g].first + (n * length + t) * segs;
                if (kind == CAUSAL || kind == WINDOW) r[0] = (struct lace_range){base, base + prompt};
                for (int m = 0; m < threads; m++) {
                    int own = base + prompt + m * length;
                    if (kind == CAUSAL && m == n) r[1 + m] = (struct lace_range){own, own + t + 1};
                    if (kind == OTHERS && m != n) r[1 + m] = (struct lace_range){own, own + t + 1};
                    if (kind == WINDOW && m != n && t % 3)
                        r[1 + m] = (struct lace_range){own + (t > 4 ? t - 4 : 0), own + t + 1};
                }
            }
    }
    size_t rows = (size_t)b.R * H * d, slots = (size_t)b.S * K * d;
    b.q = random_floats(rows), b.dout = random_floats(rows), b.k = random_floats(slots), b.v = random_floats(slots);
    return b;
}
static void batch_free(struct batch *b)
{
    free(b->range), free(b->block);
    lace_free(b->q), lace_free(b->k), lace_free(b->v), lace_free(b->dout);
}

static struct lace_scratch scratch_for(const struct lace_ops *ops, const struct lace_view *view, int H, int K, int d)
{
    struct lace_scratch s = {2, (ops->attention_scratch(view, H, K, d) + 63) / 64 * 64, NULL};
    s.base = lace_alloc(s.workers * s.bytes_each);
    memset(s.base, 0xff, s.workers * s.bytes_each); /* NaN: whatever lies there must not matter */
    return s;
}

static uint16_t *round_all(const float *x, size_t n)
{
    uint16_t *y = lace_alloc_array(n, sizeof *y);
    for (size_t i = 0; i < n; i++) y[i] = lace_f32_to_bf16(x[i]);
    return y;
}

static void forward(const struct lace_ops *ops, const struct batch *b, const struct lace_view *view, float *out,
                    float *lse)
{
    struct lace_scratch s = scratch_for(ops, view, b->H, b->K, b->d);
    if (b->half) {
        size_t slots = (size_t)b->S * b->K * b->d;
        uint16_t *k = round_all(b->k, slots), *v = round_all(b->v, slots);
        ops->attention_forward_bf16(out, lse, b->q, k, v, view, b->H, b->K, b->d, b->scale, b->sink, &s);
        lace_free(k), lace_free(v);
    } else ops->attention_forward(out, lse, b->q, b->k, b->v, view, b->H, b->K, b->d, b->scale, b->sink, &s);
    lace_free(s.base);
}

/* The definition, in double; loss = sum dout * out. */
struct exact {
    const struct batch *b;
    double *q, *k, *v, *out;
};
static double exact_loss(void *context)
{
    struct exact *e = context;
    const struct batch *b = e->b;
    int H = b->H, K = b->K, d = b->d;
    double loss = 0;
    for (int g = 0; g < b->view.blocks; g++)
        for (int i = 0; i < b->block[g].rows; i++)
            for (int h = 0; h < H; h++) {
                size_t line = (size_t)(b->block[g].row + i) * H + h;
                double Z = b->sink, *o = e->out + line * d;
                memset(o, 0, d * sizeof *o);
                for (int s = 0; s < b->block[g].segs; s++) {
                    struct lace_range r = b->range[b->block[g].first + i * b->block[g].segs + s];
                    for (int t = r.lo; t < r.hi; t++) {
                        size_t at = ((size_t)t * K + h * K / H) * d;
                        double x = 0;
                        for (int c = 0; c < d; c++) x += e->q[line * d + c] * e->k[at + c];
                        x = exp(x * b->scale);
                        Z += x;
                        for (int c = 0; c < d; c++) o[c] += x * e->v[at + c];
                    }
                }
                for (int c = 0; c < d; c++) {
                    if (Z > 0) o[c] /= Z;
                    loss += o[c] * b->dout[line * d + c];
                }
            }
    return loss;
}

static void gradients(const struct lace_ops *ops, struct batch *b, float *dq, float *dk, float *dv)
{
    size_t rows = (size_t)b->R * b->H * b->d;
    float *out = random_floats(rows), *lse = zeros((size_t)b->R * b->H);
    forward(ops, b, &b->view, out, lse);
    struct lace_scratch s = scratch_for(ops, &b->view, b->H, b->K, b->d);
    ops->attention_backward(dq, dk, dv, b->dout, out, lse, b->q, b->k, b->v, &b->view, b->H, b->K, b->d, b->scale,
                            b->sink, &s);
    lace_free(s.base), lace_free(out), lace_free(lse);
}

static void derivative(void **state)
{
    const struct lace_ops *ops = level_of(state);
    for (int kind = CAUSAL; kind <= NOTHING; kind++) {
        struct batch b = batch_make(kind, 2, 2, 3, 2, 4, 2, 5, kind != CAUSAL);
        size_t rows = (size_t)b.R * b.H * b.d, slots = (size_t)b.S * b.K * b.d;
        struct exact e = {&b, widen(b.q, rows), widen(b.k, slots), widen(b.v, slots),
                          lace_alloc_array(rows, sizeof(double))};
        float *out = random_floats(rows), *lse = zeros((size_t)b.R * b.H), *want = zeros(rows);
        forward(ops, &b, &b.view, out, lse);
        exact_loss(&e);
        for (size_t i = 0; i < rows; i++) want[i] = (float)e.out[i];
        assert_close("out", out, want, rows, 2e-6);
        float *dq = zeros(rows), *dk = zeros(slots), *dv = zeros(slots);
        gradients(ops, &b, dq, dk, dv);
        assert_gradient("q", dq, e.q, rows, exact_loss, &e);
        assert_gradient("k", dk, e.k, slots, exact_loss, &e);
        assert_gradient("v", dv, e.v, slots, exact_loss, &e);
        gradients(ops, &b, dq, dk, dv); /* adds */
        for (size_t i = 0; i < slots; i++) dk[i] /= 2;
        assert_gradient("k twice", dk, e.k, slots, exact_loss, &e);
        void *all[] = {e.q, e.k, e.v, e.out, out, lse, want, dq, dk, dv};
        for (int i = 0; i < 10; i++) lace_free(all[i]);
        batch_free(&b);
    }
}

static const int sizes[][7] = {
    /* blocks, threads, length, prompt, H, K, d */
    {2, 4, 37, 19, 4, 2, 64}, {1, 3, 70, 5, 6, 2, 16}, {3, 1, 1, 300, 8, 8, 128},
    {2, 4, 1, 70, 6, 2, 36},  {1, 2, 9, 0, 1, 1, 8},   {1, 4, 5, 130, 16, 1, 72},
};

/* x, n numbers, times factor, to what bf16 holds. */
static void round_in_place(float *x, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++) x[i] = lace_bf16_to_f32(lace_f32_to_bf16(factor * x[i]));
}

/* Keys, values and the scaled queries are rounded to bf16, and nothing else: the f32 reference on the rounded numbers.
 * Sums go in another order, as between the levels in f32. */
static void bf16_rounds_what_it_takes(void **state)
{
    const struct lace_ops *ops = level_of(state), *ref = reference();
    for (int i = 0; i < 6; i++)
        for (int kind = CAUSAL; kind <= NOTHING; kind++) {
            const int *z = sizes[i];
            struct batch b = batch_make(kind, z[0], z[1], z[2], z[3], z[4], z[5], z[6], kind != CAUSAL);
            size_t rows = (size_t)b.R * b.H * b.d, slots = (size_t)b.S * b.K * b.d, lines = (size_t)b.R * b.H;
            float *out = random_floats(rows), *lse = zeros(lines), *want = zeros(rows), *want_lse = zeros(lines);
            b.half = true;
            forward(ops, &b, &b.view, out, lse);
            b.half = false;
            round_in_place(b.k, slots, 1), round_in_place(b.v, slots, 1), round_in_place(b.q, rows, b.scale);
            b.scale = 1;
            forward(ref, &b, &b.view, want, want_lse);
            assert_close("out", out, want, rows, 3e-6);
            for (size_t n = 0; n < lines; n++)
                if (!(lse[n] == want_lse[n] || fabsf(lse[n] - want_lse[n]) < 1e-5))
                    fail_msg("lse[%zu] %g, expected %g", n, lse[n], want_lse[n]);
            lace_free(out), lace_free(lse), lace_free(want), lace_free(want_lse);
            batch_free(&b);
        }
}

static void against_reference(void **state)
{
    const struct lace_ops *ops = level_of(state), *ref = reference();
    for (int i = 0; i < 6; i++)
        for (int kind = CAUSAL; kind <= NOTHING; kind++)
            for (int sink = 0; sink < 2; sink++) {
                const int *z = sizes[i];
                struct batch b = batch_make(kind, z[0], z[1], z[2], z[3], z[4], z[5], z[6], (float)sink);
                size_t rows = (size_t)b.R * b.H * b.d, slots = (size_t)b.S * b.K * b.d, lines = (size_t)b.R * b.H;
                float *out = random_floats(rows), *lse = zeros(lines), *want = random_floats(rows),
                      *want_lse = zeros(lines);
                forward(ops, &b, &b.view, out, lse);
                forward(ref, &b, &b.view, want, want_lse);
                assert_close("out", out, want, rows, 3e-6);
                for (size_t n = 0; n < lines; n++)
                    if (!(lse[n] == want_lse[n] || fabsf(lse[n] - want_lse[n]) < 1e-5))
                        fail_msg("lse[%zu] %g, expected %g", n, lse[n], want_lse[n]);
                float *d[6] = {zeros(rows), zeros(slots), zeros(slots), zeros(rows), zeros(slots), zeros(slots)};
                gradients(ops, &b, d[0], d[1], d[2]);
                gradients(ref, &b, d[3], d[4], d[5]);
                assert_close("dq", d[0], d[3], rows, 1e-5);
                assert_close("dk", d[1], d[4], slots, 1e-5);
                assert_close("dv", d[2], d[5], slots, 1e-5);
                for (int n = 0; n < 6; n++) lace_free(d[n]);
                lace_free(out), lace_free(lse), lace_free(want), lace_free(want_lse);
                batch_free(&b);
            }
}

/* One row alone, and beside an empty segment, has the bits that it had in company; and keys that a row does not
 * see never reach it, whatever they hold. */
static void rows_stand_alone(void **state)
{
    const struct lace_ops *ops = level_of(state);
    for (int run = 0; run < 4 * (WINDOW - CAUSAL + 1); run++) { /* heads of a width that fills vectors, and not */
        int kind = CAUSAL + run / 4;
        struct batch b = batch_make(kind, 3, 3, 21, 33, 4, 2, run % 2 ? 32 : 24, kind != CAUSAL);
        b.half = run & 2;
        size_t width = (size_t)b.H * b.d;
        float *all = random_floats(b.R * width), *one = random_floats(b.R * width), *lse = zeros(b.R * b.H),
              *lse1 = zeros(b.R * b.H);
        forward(ops, &b, &b.view, all, lse);
        for (int row = 0; row < b.R; row += 5) {
            const struct lace_view_block *from = &b.block[row / 63];
            struct lace_range range[9] = {{0, 0}};
            int segs = 0;
            for (int s = 0; s < from->segs; s++) {
                range[segs++] = b.range[from->first + (row - from->row) * from->segs + s];
                range[segs++] = (struct lace_range){7, 7 - s}; /* empty */
            }
            struct lace_view_block block = {row, 1, segs, 0};
            struct lace_view view = {1, &block, range, b.view.max_keys};
            forward(ops, &b, &view, one, lse1);
            assert_same_bits("row alone", one + row * width, all + row * width, width);
            assert_same_bits("lse alone", lse1 + row * b.H, lse + row * b.H, b.H);
        }
        /* Change the slots of the last step of every thread: only rows of the last step may notice. */
        for (int g = 0; g < 3; g++)
            for (int n = 0; n < 3; n++) {
                size_t slot = 1 + (size_t)g * (33 + 63) + 33 + n * 21 + 20;
                for (int c = 0; c < b.K * b.d; c++) b.k[slot * b.K * b.d + c] = 50, b.v[slot * b.K * b.d + c] = -1e30f;
            }
        forward(ops, &b, &b.view, one, lse1);
        for (int row = 0; row < b.R; row++)
            if (row % 21 != 20) assert_same_bits("past", one + row * width, all + row * width, width);
        lace_free(all), lace_free(one), lace_free(lse), lace_free(lse1);
        batch_free(&b);
    }
}

static void from_a_region(void **state)
{
    const struct lace_ops *ops = level_of(state);
    struct batch b = batch_make(OTHERS, 2, 4, 30, 10, 4, 2, 32, 1);
    size_t rows = (size_t)b.R * b.H * b.d, slots = (size_t)b.S * b.K * b.d;
    float *want[3] = {zeros(rows), zeros(slots), zeros(slots)};
    gradients(ops, &b, want[0], want[1], want[2]);
    float *got[2][3];
    for (int w = 0; w < 2; w++) got[w][0] = zeros(rows), got[w][1] = zeros(slots), got[w][2] = zeros(slots);
#pragma omp parallel for num_threads(2)
    for (int w = 0; w < 2; w++) gradients(ops, &b, got[w][0], got[w][1], got[w][2]);
    for (int w = 0; w < 2; w++)
        for (int i = 0; i < 3; i++)
            assert_same_bits("gradient", got[w][i], want[i], i ? slots : rows), lace_free(got[w][i]);
    for (int i = 0; i < 3; i++) lace_free(want[i]);
    batch_free(&b);
}

int main(void)
{
    static const struct check checks[] = {
        {"derivatives against differences", derivative},
        {"sizes against the reference", against_reference},
        {"bf16 against the reference", bf16_rounds_what_it_takes},
        {"a row's bits are its own", rows_stand_alone},
        {"from workers of a region", from_a_region},
    };
    return run_checks("attention", checks, 5);
}
