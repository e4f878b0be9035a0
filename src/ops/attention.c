/* Attention over a view, with a sink. For row r, head h, over the slots s that the row sees:
 *   x_s = scale q.k_s,  Z = sink + sum_s exp(x_s),  p_s = exp(x_s) / Z,  out = sum_s p_s v_s,  lse = log Z
 * The sink is a key of logit 0 and value 0: its share of the probability goes nowhere. Backward, with
 * D = dout . out (what the softmax's own derivative needs; the sink adds nothing to it, as its value is 0):
 *   dv_s += p_s dout,  dx_s = p_s (dout . v_s - D),  dq += scale dx_s k_s,  dk_s += scale dx_s q */
#include "ops/cpu.h"
#include <math.h>

size_t lace_attention_scratch(const struct lace_view *view, int H, int K, int d) { return 64; }

static float dot(const float *a, const float *b, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Number i of keys or values, which are f32 or bf16. */
static float number(const void *x, size_t i, bool half)
{
    return half ? lace_bf16_to_f32(((const uint16_t *)x)[i]) : ((const float *)x)[i];
}

static float score(const float *q, const void *k, size_t at, int d, float scale, bool half)
{
    float sum = 0;
    if (!half) return scale * dot(q, (const float *)k + at, d);
    for (int c = 0; c < d; c++) sum += lace_bf16_to_f32(lace_f32_to_bf16(scale * q[c])) * number(k, at + c, true);
    return sum;
}

static void forward(float *out, float *lse, const float *q, const void *k, const void *v, const struct lace_view *view,
                    int H, int K, int d, float scale, float sink, bool half)
{
    for (int b = 0; b < view->blocks; b++) {
        const struct lace_view_block *block = &view->block[b];
        for (int i = 0; i < block->rows; i++) {
            const struct lace_range *range = view->range + block->first + (size_t)i * block->segs;
            for (int h = 0; h < H; h++) {
                size_t line = (size_t)(block->row + i) * H + h, key_head = (size_t)h * K / H;
                const float *ql = q + line * d;
                float *ol = out + line * d, max = sink > 0 ? 0 : -INFINITY, sum;
                for (int s = 0; s < block->segs; s++)
                    for (int t = range[s].lo; t < range[s].hi; t++)
                        max = fmaxf(max, score(ql, k, ((size_t)t * K + key_head) * d, d, scale, half));
                for (int c = 0; c < d; c++) ol[c] = 0;
                sum = sink > 0 ? sink * expf(-max) : 0;
                for (int s = 0; s < block->segs; s++)
                    for (int t = range[s].lo; t < range[s].hi; t++) {
                        size_t at = ((size_t)t * K + key_head) * d;
                        float p = expf(score(ql, k, at, d, scale, half) - max);
                        sum += p;
                        for (int c = 0; c < d; c++) ol[c] += p * number(v, at + c, half);
                    }
                for (int c = 0; c < d && sum > 0; c++) ol[c] /= sum;
                lse[line] = sum > 0 ? max + logf(sum) : -INFINITY;
            }
        }
    }
}

void lace_attention_forward(float *out, float *lse, const float *q, const float *k, const float *v,
                            const struct lace_view *view, int H, int K, int d, float scale, float sink,
                            struct lace_scratch *scratch)
{
    forward(out, lse, q, k, v, view, H, K, d, scale, sink, false);
}

void lace_attention_forward_bf16(float *out, float *lse, const float *q, const uint16_t *k, const uint16_t *v,
                                 const struct lace_view *view, int H, int K, int d, float scale, float sink,
                                 struct lace_scratch *scratch)
{
    forward(out, lse, q, k, v, view, H, K, d, scale, sink, true);
}

void lace_attention_backward(float *dq, float *dk, float *dv, const float *dout, const float *out, const float *lse,
                             const float *q, const float *k, const float *v, const struct lace_view *view, int H, int K,
                             int d, float scale, float sink, struct lace_scratch *scratch)
{
    for (int b = 0; b < view->blocks; b++) {
        const struct lace_view_block *block = &view->block[b];
        for (int i = 0; i < block->rows; i++) {
            const struct lace_range *range = view->range + block->first + (size_t)i * block->segs;
            for (int h = 0; h < H; h++) {
                size_t line = (size_t)(block->row + i) * H + h, key_head = (size_t)h * K / H;
                const float *ql = q + line * d, *dol = dout + line * d;
                float D = dot(dol, out + line * d, d);
                for (int s = 0; s < block->segs; s++)
                    for (int t = range[s].lo; t < range[s].hi; t++) {
                        size_t at = ((size_t)t * K + key_head) * d;
                        float p = expf(scale * dot(ql, k + at, d) - lse[line]);
                        float dx = scale * p * (dot(dol, v + at, d) - D);
                        for (int c = 0; c < d; c++) {
                            dv[at + c] += p * dol[c];
                            dq[line * d + c] += dx * k[at + c];
                            dk[at + c] += dx * ql[c];
                        }
                    }
            }
        }
    }
}
