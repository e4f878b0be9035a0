/* The ops on single rows and vectors: each backward against central differences of a definition in double, and
 * every level against the reference on sizes that leave tails. */
#include "ops_test.h"

/* ---- definitions in double; loss = sum of coefficient * output ---- */
struct rms {
    double *x, *w;
    const float *c;
    int rows, cols;
};
static double rms_loss(void *context)
{
    struct rms *p = context;
    double loss = 0;
    for (int r = 0; r < p->rows; r++) {
        const double *x = p->x + r * p->cols;
        double sum = 0;
        for (int i = 0; i < p->cols; i++) sum += x[i] * x[i];
        for (int i = 0; i < p->cols; i++) loss += p->c[r * p->cols + i] * x[i] / sqrt(sum / p->cols + 1e-6) * p->w[i];
    }
    return loss;
}

static void rmsnorm_derivative(void **state)
{
    const struct lace_ops *ops = level_of(state);
    int rows = 3, cols = 21, n = rows * cols;
    float *x = random_floats(n), *w = random_floats(cols), *c = random_floats(n), *y = zeros(n), *rstd = zeros(rows),
          *dx = zeros(n), *dw = zeros(cols);
    struct rms p = {widen(x, n), widen(w, cols), c, rows, cols};
    ops->rmsnorm_forward(y, rstd, x, w, 1e-6f, rows, cols);
    double loss = 0;
    for (int i = 0; i < n; i++) loss += (double)y[i] * c[i];
    assert_true(fabs(loss - rms_loss(&p)) < 1e-5);
    ops->rmsnorm_backward(dx, dw, c, x, rstd, w, rows, cols);
    assert_gradient("x", dx, p.x, n, rms_loss, &p);
    assert_gradient("w", dw, p.w, cols, rms_loss, &p);
    memset(dx, 0, n * sizeof(float));
    ops->rmsnorm_backward(dx, NULL, c, x, rstd, w, rows, cols); /* frozen */
    assert_gradient("x", dx, p.x, n, rms_loss, &p);
    ops->rmsnorm_forward(x, NULL, x, w, 1e-6f, rows, cols); /* in place */
    assert_same_bits("y", x, y, n);
    void *all[] = {x, w, c, y, rstd, dx, dw, p.x, p.w};
    for (int i = 0; i < 9; i++) lace_free(all[i]);
}

struct bias {
    double *x, *b;
    const float *c;
    int rows, cols;
};
static double bias_loss(void *context) /* of (x + b)^3: its gradient depends on the place */
{
    struct bias *p = context;
    double loss = 0;
    for (int i = 0; i < p->rows * p->cols; i++) loss += p->c[i] * pow(p->x[i] + p->b[i % p->cols], 3);
    return loss;
}
static void bias_derivative(void **state)
{
    const struct lace_ops *ops = level_of(state);
    int rows = 5, cols = 37, n = rows * cols;
    float *x = random_floats(n), *b = random_floats(cols), *c = random_floats(n), *dy = zeros(n), *db = zeros(cols);
    struct bias p = {widen(x, n), widen(b, cols), c, rows, cols};
    ops->bias_forward(x, b, rows, cols);
    for (int i = 0; i < n; i++) assert_true(x[i] == (float)p.x[i] + b[i % cols]);
    for (int i = 0; i < n; i++) dy[i] = 3 * c[i] * x[i] * x[i];
    ops->bias_backward(db, dy, rows, cols);
    assert_gradient("b", db, p.b, cols, bias_loss, &p);
    ops->bias_backward(db, dy, rows, cols); /* adds */
    for (int i = 0; i < cols; i++) db[i] /= 2;
    assert_gradient("b", db, p.b, cols, bias_loss, &p);
    void *all[] = {x, b, c, dy, db, p.x, p.b};
    for (int i = 0; i < 7; i++) lace_free(all[i]);
}

struct swiglu {
    double *gate, *up;
    const float *c;
    int n;
};
static double swiglu_loss(void *context)
{
    struct swiglu *p = context;
    double loss = 0;
    for (int i = 0; i < p->n; i++) loss += p->c[i] * p->gate[i] / (1 + exp(-p->gate[i])) * p->up[i];
    return loss;
}
static void swiglu_derivative(void **state)
{
    const struct lace_ops *ops = level_of(state);
    int n = 77;
    float *gate = random_floats(n), *up = random_floats(n), *c = random_floats(n), *dgate = random_floats(n),
          *dup = random_floats(n);
    for (int i = 0; i < n; i++) gate[i] *= 5;
    struct swiglu p = {widen(gate, n), widen(up, n), c, n};
    ops->swiglu_backward(dgate, dup, c, gate, up, n);
    assert_gradient("gate", dgate, p.gate, n, swiglu_loss, &p);
    assert_gradient("up", dup, p.up, n, swiglu_loss, &p);
    void *all[] = {gate, up, c, dgate, dup, p.gate, p.up};
    for (int i = 0; i < 7; i++) lace_free(all[i]);
}

struct gate {
    double *o, *logit, *bias, *alpha;
    const float *c;
    int rows, M, w;
};
static double gate_loss(void *context)
{
    struct gate *p = context;
    double loss = 0;
    for (int r = 0; r < p->rows; r++)
        for (int m = 0; m < p->M; m++)
            for (int i = 0; i < p->w; i++) {
                int at = r * p->M + m;
                loss += p->c[at * p->w + i] * p->alpha[m] / (1 + exp(-p->logit[at] - p->bias[m])) * p->o[at * p->w + i];
            }
    return loss;
}
static void gate_derivative(void **state)
{
    const struct lace_ops *ops = level_of(state);
    int rows = 5, M = 3, w = 18, n = rows * M, N = n * w;
    float *o = random_floats(N), *logit = random_floats(n), *bias = random_floats(M), *alpha = random_floats(M),
          *c = random_floats(N);
    float *u = zeros(N), *g = zeros(n), *d_o = random_floats(N), *dlogit = random_floats(n), *dbias = zeros(M),
          *dalpha = zeros(M);
    struct gate p = {widen(o, N), widen(logit, n), widen(bias, M), widen(alpha, M), c, rows, M, w};
    ops->gate_forward(u, g, o, logit, bias, alpha, rows, M, w);
    ops->gate_backward(d_o, dlogit, dbias, dalpha, c, g, o, alpha, rows, M, w);
    assert_gradient("o", d_o, p.o, N, gate_loss, &p);
    assert_gradient("logit", dlogit, p.logit, n, gate_loss, &p);
    assert_gradient("bias", dbias, p.bias, M, gate_loss, &p);
    assert_gradient("alpha", dalpha, p.alpha, M, gate_loss, &p);
    ops->gate_forward(o, g, o, logit, bias, alpha, rows, M, w); /* in place */
    assert_same_bits("u", o, u, N);
    void *all[] = {o, logit, bias, alpha, c, u, g, d_o, dlogit, dbias, dalpha, p.o, p.logit, p.bias, p.alpha};
    for (int i = 0; i < 15; i++) lace_free(all[i]);
}

struct entropy {
    double *z;
    const int *target;
    const float *weight;
    int rows, V;
};
static double entropy_loss(void *context)
{
    struct entropy *p = context;
    double loss = 0;
    for (int r = 0; r < p->rows; r++) {
        double sum = 0;
        for (int i = 0; i < p->V; i++) sum += exp(p->z[r * p->V + i]);
        loss -= p->weight[r] * (p->z[r * p->V + p->target[r]] - log(sum));
    }
    return loss;
}
static void cross_entropy_derivative(void **state)
{
    const struct lace_ops *ops = level_of(state);
    int rows = 3, V = 37, n = rows * V, target[] = {0, 36, 17};
    float *z = random_floats(n), weight[] = {0.7f, 0, -1.5f}, logprob[3], lse[3];
    for (int i = 0; i < n; i++) z[i] *= 4;
    struct entropy p = {widen(z, n), target, weight, rows, V};
    ops->cross_entropy_forward(logprob, lse, z, target, rows, V);
    double loss = 0;
    for (int r = 0; r < rows; r++) loss -= (double)weight[r] * logprob[r];
    assert_true(fabs(loss - entropy_loss(&p)) < 1e-5);
    ops->cross_entropy_backward(z, lse, target, weight, rows, V);
    assert_gradient("logits", z, p.z, n, entropy_loss, &p);
    lace_free(z), lace_free(p.z);
}

/* The backward of a rotation is its transpose: <R x, y> = <x, R^T y>; and turning back restores x. */
static void rope_turns(void **state)
{
    const struct lace_ops *ops = level_of(state);
    static const int ds[] = {2, 16, 20, 64, 128};
    for (int k = 0; k < 5; k++) {
        int rows = 3, heads = 5, d = ds[k], half = d / 2, n = rows * heads * d;
        float *x = random_floats(n), *y = zeros(n), *c = zeros(rows * half), *s = zeros(rows * half);
        for (int i = 0; i < rows * half; i++) {
            double angle = 7 * lace_rng_uniform(&rng);
            c[i] = (float)cos(angle), s[i] = (float)sin(angle);
        }
        memcpy(y, x, n * sizeof(float));
        ops->rope(y, c, s, 1, rows, heads, d);
        for (int r = 0; r < rows; r++)
            for (int h = 0; h < heads; h++)
                for (int i = 0; i < half; i++) {
                    int a = (r * heads + h) * d + i, b = a + half, t = r * half + i;
                    assert_true(fabs(y[a] - ((double)x[a] * c[t] - (double)x[b] * s[t])) < 1e-6);
                    assert_true(fabs(y[b] - ((double)x[b] * c[t] + (double)x[a] * s[t])) < 1e-6);
                }
        ops->rope(y, c, s, -1, rows, heads, d);
        assert_close("x", y, x, n, 1e-6);
        lace_free(x), lace_free(y), lace_free(c), lace_free(s);
    }
}

static void embedding(void **state)
{
    const struct lace_ops *ops = level_of(state);
    int D = 19, ids[] = {4, 0, 4};
    float *table = random_floats(5 * D), *x = zeros(3 * D), *dtable = zeros(5 * D), *want = zeros(5 * D);
    uint16_t half[5 * 19];
    for (int i = 0; i < 5 * D; i++) half[i] = lace_f32_to_bf16(table[i]);
    ops->embedding_forward(x, table, LACE_F32, ids, 3, D);
    for (int i = 0; i < D; i++) assert_true(x[i] == table[4 * D + i] && x[D + i] == table[i] && x[2 * D + i] == x[i]);
    ops->embedding_forward(x, half, LACE_BF16, ids, 3, D);
    for (int i = 0; i < D; i++) assert_true(x[D + i] == lace_bf16_to_f32(half[i]));
    for (int i = 0; i < 5 * D; i++) half[i] = lace_f32_to_f16(table[i]);
    ops->embedding_forward(x, half, LACE_F16, ids, 3, D);
    for (int i = 0; i < D; i++) assert_true(x[D + i] == lace_f16_to_f32(half[i]));
    ops->embedding_backward(dtable, x, ids, 3, D);
    for (int i = 0; i < D; i++) want[i] = x[D + i], want[4 * D + i] = x[i] + x[2 * D + i];
    assert_same_bits("dtable", dtable, want, 5 * D);
    lace_free(table), lace_free(x), lace_free(dtable), lace_free(want);
}

static void adamw_steps(void **state)
{
    const struct lace_ops *ops = level_of(state);
    enum { N = 45 };
    float *w = random_floats(N), *m = zeros(N), *v = zeros(N);
    double *W = widen(w, N), M[N] = {0}, V[N] = {0};
    for (int step = 1; step <= 5; step++) {
        float *g = random_floats(N);
        ops->adamw(w, m, v, g, N, 1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.5f, step);
        for (int i = 0; i < N; i++) {
            double d = 0.5 * g[i];
            M[i] = 0.9 * M[i] + 0.1 * d, V[i] = 0.95 * V[i] + 0.05 * d * d;
            W[i] -= 1e-2 * (M[i] / (1 - pow(0.9, step)) / (sqrt(V[i] / (1 - pow(0.95, step))) + 1e-8) + 0.1 * W[i]);
            assert_true(fabs(w[i] - W[i]) < 2e-6);
        }
        lace_free(g);
    }
    lace_free(w), lace_free(m), lace_free(v), lace_free(W);
}

/* Levels against the reference, past the size from which they use several workers, and the extremes of exp. */
static void large_and_odd(void **state)
{
    const struct lace_ops *ops = level_of(state), *ref = reference();
    size_t n = 70001;
    float *a = random_floats(n), *b = random_floats(n), *c = random_floats(n), *y = zeros(n), *z = zeros(n),
          *y2 = zeros(n), *z2 = zeros(n);
    for (size_t i = 0; i < n; i++) a[i] *= i % 3 ? 10 : 200;
    ops->swiglu_forward(y, a, b, n), ref->swiglu_forward(z, a, b, n);
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(y[i] - z[i]) <= 2e-6f * fabsf(z[i]) + 1e-30f))
            fail_msg("swiglu(%g) is %.9g, expected %.9g", a[i], y[i], z[i]);
    ops->swiglu_backward(y, y2, c, a, b, n), ref->swiglu_backward(z, z2, c, a, b, n);
    assert_close("dgate", y, z, n, 1e-6), assert_close("dup", y2, z2, n, 1e-6);
    assert_true(fabs(ops->sum_squares(b, n) / ref->sum_squares(b, n) - 1) < 1e-7);
    assert_true(ops->sum_squares(b, 0) == 0 && fabs(ops->sum_squares(b, 1) - (double)b[0] * b[0]) < 1e-7);
    memcpy(y, a, n * 4), memcpy(z, a, n * 4);
    ops->add(y, b, n), ref->add(z, b, n);
    assert_same_bits("sum", y, z, n);

    int rows = 7, cols = 10000;
    float s[7], t[7], weight[7] = {1, 2, 0, -1, 0.5f, 1, 1}, lse[7], lse2[7];
    int target[7] = {0, 9999, 3, 17, 5000, 9998, 1};
    ops->rmsnorm_forward(y, s, a, b, 1e-5f, rows, cols), ref->rmsnorm_forward(z, t, a, b, 1e-5f, rows, cols);
    assert_close("rmsnorm", y, z, (size_t)rows * cols, 1e-5);
    memset(y, 0, n * 4), memset(z, 0, n * 4), memset(y2, 0, n * 4), memset(z2, 0, n * 4);
    ops->rmsnorm_backward(y, y2, c, a, t, b, rows, cols), ref->rmsnorm_backward(z, z2, c, a, t, b, rows, cols);
    assert_close("rmsnorm dx", y, z, (size_t)rows * cols, 1e-5), assert_close("rmsnorm dw", y2, z2, cols, 1e-5);
    ops->cross_entropy_forward(s, lse, a, target, rows, cols),
        ref->cross_entropy_forward(t, lse2, a, target, rows, cols);
    assert_close("logprob", s, t, rows, 1e-6), assert_close("lse", lse, lse2, rows, 1e-6);
    memcpy(y, a, n * 4), memcpy(z, a, n * 4);
    ops->cross_entropy_backward(y, lse2, target, weight, rows, cols),
        ref->cross_entropy_backward(z, lse2, target, weight, rows, cols);
    assert_close("dlogits", y, z, (size_t)rows * cols, 1e-6);
    void *all[] = {a, b, c, y, z, y2, z2};
    for (int i = 0; i < 7; i++) lace_free(all[i]);
}

static void operand_rounds(void **state)
{
    const struct lace_ops *ops = level_of(state);
    float special[] = {0,        -0.0f,     1,   1.00390625f, 1.01171875f, -3.1415927f,
                       INFINITY, -INFINITY, NAN, 1e-40f,      3.4e38f,     1.0039063f};
    int n = sizeof special / sizeof *special;
    uint16_t out[64 * 12];
    memset(out, 0xff, sizeof out);
    struct lace_operand o = {LACE_BF16, n, out};
    ops->operand_make(&o, special, 1);
    for (int i = 0; i < n; i++) assert_int_equal(out[i], lace_f32_to_bf16(special[i]));
    for (int i = n; i < 64 * n; i++) assert_int_equal(out[i], 0);
    memset(out, 0xff, sizeof out);
    ops->to_bf16(out, special, (size_t)n - 1);
    for (int i = 0; i + 1 < n; i++) assert_int_equal(out[i], lace_f32_to_bf16(special[i]));
    assert_int_equal(out[n - 1], 0xffff);
}

/* An op's result for a row is the same alone and among others. */
static void rows_stand_alone(void **state)
{
    const struct lace_ops *ops = level_of(state);
    int rows = 9, cols = 43;
    float *x = random_floats(rows * cols), *w = random_floats(cols), *y = zeros(rows * cols), *one = zeros(cols),
          rstd[9], lse[9], lp[9], l1, p1;
    int target[9] = {1, 2, 3, 4, 5, 6, 7, 8, 42};
    ops->rmsnorm_forward(y, rstd, x, w, 1e-6f, rows, cols);
    ops->cross_entropy_forward(lp, lse, x, target, rows, cols);
    for (int r = 0; r < rows; r++) {
        ops->rmsnorm_forward(one, NULL, x + r * cols, w, 1e-6f, 1, cols);
        assert_same_bits("rmsnorm", one, y + r * cols, cols);
        ops->cross_entropy_forward(&p1, &l1, x + r * cols, target + r, 1, cols);
        assert_same_bits("logprob", &p1, lp + r, 1);
    }
    ops->swiglu_forward(y, x, x + cols, (rows - 1) * cols);
    for (int r = 0; r < rows - 1; r++) {
        ops->swiglu_forward(one, x + r * cols, x + (r + 1) * cols, cols);
        assert_same_bits("swiglu", one, y + r * cols, cols);
    }
    lace_free(x), lace_free(w), lace_free(y), lace_free(one);
}

static void selection(void **state)
{
    struct lace_error err;
    const struct lace_ops *best = lace_ops_cpu(&err);
    assert_non_null(best);
    assert_null(lace_ops_level("sse9"));
    char *before = getenv("LACE_ISA"), keep[64];
    if (before) snprintf(keep, sizeof keep, "%s", before);
    setenv("LACE_ISA", "generic", 1);
    assert_ptr_equal(lace_ops_cpu(&err), lace_ops_level("generic"));
    assert_false(lace_ops_prefers_bf16(lace_ops_cpu(&err)));
    setenv("LACE_ISA", "sse9", 1);
    assert_null(lace_ops_cpu(&err));
    assert_non_null(strstr(err.text, "sse9"));
    if (before) setenv("LACE_ISA", keep, 1);
    else unsetenv("LACE_ISA");
    assert_ptr_equal(lace_ops_cpu(&err), best);
    const struct lace_ops *ops = level_of(state);
    for (const void *const *p = (const void *const *)ops; p < (const void *const *)(ops + 1); p++)
        assert_non_null(*p); /* complete */
    assert_string_equal(ops->name, *state);
}

int main(void)
{
    static const struct check checks[] = {
        {"selection", selection},
        {"rmsnorm's derivative", rmsnorm_derivative},
        {"bias's derivative", bias_derivative},
        {"swiglu's derivative", swiglu_derivative},
        {"gate's derivative", gate_derivative},
        {"cross-entropy's derivative", cross_entropy_derivative},
        {"rope turns and turns back", rope_turns},
        {"embedding", embedding},
        {"adamw against double", adamw_steps},
        {"operands round to nearest even", operand_rounds},
        {"large, odd and extreme", large_and_odd},
        {"rows stand alone", rows_stand_alone},
    };
    return run_checks("ops", checks, sizeof checks / sizeof *checks);
}
