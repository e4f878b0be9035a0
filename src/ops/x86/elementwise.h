/* The ops that touch each element a few times, for one vector level; formulas stand in the reference files.
 * What is bound by memory is spread over workers in fixed pieces, so no result depends on their number. */
#ifndef LACE_OPS_ELEMENTWISE_H
#define LACE_OPS_ELEMENTWISE_H
#include "ops/quant.h"
#include "ops/x86/vec.h"
#include <math.h>
#include <string.h>

enum { GRAIN = 16384 }; /* elements per piece of work */

#define MASKED(i, n) vmask mask = vtail((n) - (i))
#define GET(p)       vloadm(p, mask)
#define PUT(p, a)    vstorem(p, a, mask)

/* Runs body for i, i + L, ... below n with a tail mask, in parallel where it pays. */
#define FLAT(n, ...)                                                                                                   \
    do {                                                                                                               \
        _Pragma("omp parallel for schedule(static) if (n > 2 * GRAIN)") for (size_t piece = 0; piece < n;              \
                                                                             piece += GRAIN)                           \
        {                                                                                                              \
            size_t end = n - piece < GRAIN ? n : piece + GRAIN;                                                        \
            for (size_t i = piece; i < end; i += L) {                                                                  \
                MASKED(i, end);                                                                                        \
                __VA_ARGS__                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static void add_vector(float *y, const float *x, size_t n) { FLAT(n, PUT(y + i, vadd(GET(y + i), GET(x + i)));); }

static double sum_squares(const float *x, size_t n)
{
    enum { PARTS = 64 };
    double part[PARTS] = {0};
    size_t each = (n + PARTS * L - 1) / (PARTS * L) * L;
#pragma omp parallel for schedule(static) if (n > 2 * GRAIN)
    for (int p = 0; p < PARTS; p++) {
        size_t end = (p + 1) * each < n ? (p + 1) * each : n;
        for (size_t i = p * each; i < end;) { /* short runs in f32 lanes, their sums in double */
            vec sum = vzero();
            for (size_t stop = i + 16 * L < end ? i + 16 * L : end; i < stop; i += L) {
                vec a = vloadm(x + i, vtail(end - i));
                sum = vfma(a, a, sum);
            }
            part[p] += vsum(sum);
        }
    }
    double total = 0;
    for (int p = 0; p < PARTS; p++) total += part[p];
    return total;
}

static void adamw(float *w, float *m, float *v, const float *g, size_t n, float lr, float beta1, float beta2, float eps,
                  float weight_decay, float grad_scale, long step)
{
    vec unbias1 = vset((float)(1 / (1 - pow(beta1, step)))), unbias2 = vset((float)(1 / (1 - pow(beta2, step))));
    vec b1 = vset(beta1), b2 = vset(beta2), c1 = vset(1 - beta1), c2 = vset(1 - beta2), rate = vset(lr);
    FLAT(n, {
        vec d = vmul(GET(g + i), vset(grad_scale)), wi = GET(w + i);
        vec mi = vfma(b1, GET(m + i), vmul(c1, d)), vi = vfma(b2, GET(v + i), vmul(c2, vmul(d, d)));
        vec move = vdiv(vmul(mi, unbias1), vadd(vsqrt(vmul(vi, unbias2)), vset(eps)));
        PUT(m + i, mi);
        PUT(v + i, vi);
        PUT(w + i, vfnma(rate, vfma(vset(weight_decay), wi, move), wi));
    });
}

static void swiglu_forward(float *y, const float *gate, const float *up, size_t n)
{
    FLAT(n, {
        vec a = GET(gate + i);
        PUT(y + i, vmul(vmul(a, vsigmoid(a)), GET(up + i)));
    });
}

static void swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n)
{
    FLAT(n, {
        vec g = GET(gate + i), u = GET(up + i), d = GET(dy + i), s = vsigmoid(g);
        PUT(dgate + i, vmul(vmul(vmul(d, u), s), vfma(g, vsub(vset(1), s), vset(1))));
        PUT(dup + i, vmul(vmul(d, g), s));
    });
}

/* lace_code_inputs, two vectors at a time where they hold 32 numbers. */
INLINE void code_inputs(struct lace_coded *to, const float *x)
{
#ifdef __AVX512F__
    const __m512i size = _mm512_set1_epi32(0x7fffffff), unit = _mm512_set1_epi32(0x4b400000);
    vec a = vload(x), b = vload(x + L);
    union {
        uint32_t u;
        float f;
    } most = {.u = _mm512_reduce_max_epu32(_mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(a), size),
                                                            _mm512_and_si512(_mm512_castps_si512(b), size)))};
    bool finite = most.u < 0x7f800000, some = finite && most.f > 1e-30f;
    vec inverse = vset(some ? 127 / most.f : 0), shift = vset(12582912.0f);
    to->scale = some ? most.f / 127 : finite ? 0 : NAN;
    if (!finite) a = b = vzero();
    __m512i first = _mm512_sub_epi32(_mm512_castps_si512(vadd(vmul(a, inverse), shift)), unit),
            last = _mm512_sub_epi32(_mm512_castps_si512(vadd(vmul(b, inverse), shift)), unit);
    _mm_storeu_si128((__m128i *)to->code, _mm512_cvtepi32_epi8(first));
    _mm_storeu_si128((__m128i *)(to->code + L), _mm512_cvtepi32_epi8(last));
    int32_t half[2] = {_mm512_reduce_add_epi32(first), _mm512_reduce_add_epi32(last)};
    to->sum = to->scale * (float)(half[0] + half[1]);
    to->minus[0] = -half[0];
    to->minus[1] = -half[1];
#else
    lace_code_inputs(to, x);
#endif
}

static void to_bf16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = lace_f32_to_bf16(x[i]); /* without branches: it becomes vectors */
}

static void operand_make(struct lace_operand *operand, const float *x, int rows)
{
    size_t n = (size_t)rows * operand->cols, padded = LACE_PAD_ROWS(rows) * operand->cols;
    size_t element = operand->dtype == LACE_BF16 ? sizeof(uint16_t) : sizeof(float);
    uint16_t *to = operand->data;
#pragma omp parallel for schedule(static) if (n > 4 * GRAIN)
    for (size_t piece = 0; piece < n; piece += GRAIN) {
        size_t end = n - piece < GRAIN ? n : piece + GRAIN;
        if (operand->dtype == LACE_F32) memcpy((float *)operand->data + piece, x + piece, (end - piece) * element);
        else to_bf16(to + piece, x + piece, end - piece);
    }
    if (!operand->forward_only || rows > LACE_FEW_ROWS)
        memset((char *)operand->data + n * element, 0, (padded - n) * element);
    if (!operand->codes) return;
#pragma omp parallel for schedule(static) if (n > 4 * GRAIN)
    for (size_t group = 0; group < n / 32; group++) code_inputs(operand->codes + group, x + 32 * group);
}

static void rmsnorm_forward(float *y, float *rstd, const float *x, const float *w, float eps, int rows, int cols)
{
#pragma omp parallel for schedule(static) if ((size_t)rows * cols > 4 * GRAIN)
    for (int r = 0; r < rows; r++) {
        const float *xr = x + (size_t)r * cols;
        float *yr = y + (size_t)r * cols;
        vec sum = vzero();
        for (int i = 0; i < cols; i += L) {
            MASKED((size_t)i, (size_t)cols);
            vec a = GET(xr + i);
            sum = vfma(a, a, sum);
        }
        float s = 1 / sqrtf(vsum(sum) / cols + eps);
        for (int i = 0; i < cols; i += L) {
            MASKED((size_t)i, (size_t)cols);
            PUT(yr + i, vmul(vmul(GET(xr + i), vset(s)), GET(w + i)));
        }
        if (rstd) rstd[r] = s;
    }
}

static void rmsnorm_backward(float *dx, float *dw, const float *dy, const float *x, const float *rstd, const float *w,
                             int rows, int cols)
{
#pragma omp parallel if ((size_t)rows * cols > 4 * GRAIN)
    {
#pragma omp for schedule(static)
        for (int r = 0; r < rows; r++) {
            const float *dyr = dy + (size_t)r * cols, *xr = x + (size_t)r * cols;
            float *dxr = dx + (size_t)r * cols, s = rstd[r];
            vec sum = vzero();
            for (int i = 0; i < cols; i += L) {
                MASKED((size_t)i, (size_t)cols);
                sum = vfma(vmul(GET(w + i), GET(dyr + i)), GET(xr + i), sum);
            }
            vec shift = vset(vsum(sum) / cols * s * s);
            for (int i = 0; i < cols; i += L) {
                MASKED((size_t)i, (size_t)cols);
                vec d = vfnma(GET(xr + i), shift, vmul(GET(w + i), GET(dyr + i)));
                PUT(dxr + i, vfma(vset(s), d, GET(dxr + i)));
            }
        }
        if (dw) { /* by columns, so that each sum has one owner and the order of the rows */
#pragma omp for schedule(static)
            for (int i = 0; i < cols; i += L) {
                MASKED((size_t)i, (size_t)cols);
                vec sum = GET(dw + i);
                for (int r = 0; r < rows; r++)
                    sum = vfma(vmul(GET(dy + (size_t)r * cols + i), vset(rstd[r])), GET(x + (size_t)r * cols + i), sum);
                PUT(dw + i, sum);
            }
        }
    }
}

static void rope(float *x, const float *cosine, const float *sine, float sign, int rows, int heads, int d)
{
    int half = d / 2;
#pragma omp parallel for schedule(static) if ((size_t)rows * heads * d > 2 * GRAIN)
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < half; i += L) {
            MASKED((size_t)i, (size_t)half);
            vec c = GET(cosine + (size_t)r * half + i), s = vmul(vset(sign), GET(sine + (size_t)r * half + i));
            for (int h = 0; h < heads; h++) {
                float *a = x + ((size_t)r * heads + h) * d + i, *b = a + half;
                vec p = GET(a), q = GET(b);
                PUT(a, vfnma(q, s, vmul(p, c)));
                PUT(b, vfma(p, s, vmul(q, c)));
            }
        }
}

static void gate_forward(float *u, float *g, const float *o, const float *logit, const float *bias, const float *alpha,
                         int rows, int M, int w)
{
#pragma omp parallel for schedule(static) if ((size_t)rows * M * w > 2 * GRAIN)
    for (int r = 0; r < rows; r++) {
        size_t at = (size_t)r * M;
        for (int m = 0; m < M; m += L) {
            MASKED((size_t)m, (size_t)M);
            PUT(g + at + m, vsigmoid(vadd(GET(logit + at + m), GET(bias + m))));
        }
        for (int m = 0; m < M; m++) {
            vec f = vset(alpha[m] * g[at + m]);
            for (int i = 0; i < w; i += L) {
                MASKED((size_t)i, (size_t)w);
                PUT(u + (at + m) * w + i, vmul(f, GET(o + (at + m) * w + i)));
            }
        }
    }
}

static void gate_backward(float *d_o, float *dlogit, float *dbias, float *dalpha, const float *du, const float *g,
                          const float *o, const float *alpha, int rows, int M, int w)
{
#pragma omp parallel for schedule(static) if ((size_t)rows * M * w > 2 * GRAIN)
    for (int m = 0; m < M; m++) {
        double sum_bias = 0, sum_alpha = 0;
        for (int r = 0; r < rows; r++) {
            size_t at = (size_t)r * M + m;
            vec sum = vzero(), f = vset(alpha[m] * g[at]);
            for (int i = 0; i < w; i += L) {
                MASKED((size_t)i, (size_t)w);
                vec d = GET(du + at * w + i);
                sum = vfma(d, GET(o + at * w + i), sum);
                PUT(d_o + at * w + i, vmul(f, d));
            }
            float t = vsum(sum);
            dlogit[at] = alpha[m] * t * g[at] * (1 - g[at]);
            sum_alpha += g[at] * t;
            sum_bias += dlogit[at];
        }
        dalpha[m] += (float)sum_alpha;
        dbias[m] += (float)sum_bias;
    }
}

static void cross_entropy_forward(float *logprob, float *lse, const float *logits, const int *target, int rows, int V)
{
#pragma omp parallel for schedule(static) if ((size_t)rows * V > 2 * GRAIN)
    for (int r = 0; r < rows; r++) {
        const float *z = logits + (size_t)r * V;
        vec most = vset(z[0]);
        for (int i = 0; i < V; i += L) {
            vmask mask = vtail(V - i);
            most = vmax(most, vselect(mask, GET(z + i), vset(z[0])));
        }
        float max = vlargest(most);
        double total = 0;
        for (int i = 0; i < V;) { /* a vocabulary is long: short runs in f32, their sums in double */
            vec sum = vzero();
            for (int stop = V - i > 64 * L ? i + 64 * L : V; i < stop; i += L) {
                vmask mask = vtail(V - i);
                sum = vadd(sum, vselect(mask, vexp(vsub(GET(z + i), vset(max))), vzero()));
            }
            total += vsum(sum);
        }
        lse[r] = max + (float)log(total);
        logprob[r] = z[target[r]] - lse[r];
    }
}

static void cross_entropy_backward(float *logits, const float *lse, const int *target, const float *weight, int rows,
                                   int V)
{
#pragma omp parallel for schedule(static) if ((size_t)rows * V > 2 * GRAIN)
    for (int r = 0; r < rows; r++) {
        float *z = logits + (size_t)r * V;
        if (weight[r] == 0) { /* prompt rows carry no loss */
            memset(z, 0, sizeof(float) * V);
            continue;
        }
        vec factor = vset(weight[r]), shift = vset(lse[r]);
        for (int i = 0; i < V; i += L) {
            vmask mask = vtail(V - i);
            PUT(z + i, vmul(factor, vexp(vsub(GET(z + i), shift))));
        }
        z[target[r]] -= weight[r];
    }
}

static void fill_elementwise(struct lace_ops *ops)
{
    ops->operand_make = operand_make;
    ops->rmsnorm_forward = rmsnorm_forward;
    ops->rmsnorm_backward = rmsnorm_backward;
    ops->rope = rope;
    ops->swiglu_forward = swiglu_forward;
    ops->swiglu_backward = swiglu_backward;
    ops->gate_forward = gate_forward;
    ops->gate_backward = gate_backward;
    ops->cross_entropy_forward = cross_entropy_forward;
    ops->cross_entropy_backward = cross_entropy_backward;
    ops->to_bf16 = to_bf16;
    ops->add = add_vector;
    ops->sum_squares = sum_squares;
    ops->adamw = adamw;
}
#endif
