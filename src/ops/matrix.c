/* Linear layers, y = x W^T: packing of the weights and the reference products that read them.
 *   dx = dy W,  dW = dy^T x
 * The packed form is documented at struct lace_matrix; lace_packed_index (cpu.h) is the one place that knows it. */
#include "ops/cpu.h"
#include <string.h>

size_t lace_matrix_bytes(enum lace_dtype dtype, int in, int out)
{
    return lace_pad_in(dtype, in) * lace_pad_out(out) * (dtype == LACE_BF16 ? 2 : 4);
}

/* Packs element (o, i) of the result from w[o * so + i * si]; strides swap the roles for the backward form. */
static void pack(void *packed, enum lace_dtype dtype, int in, int out, const void *w, enum lace_dtype source, size_t so,
                 size_t si)
{
    size_t width = lace_pad_in(dtype, in), blocks = lace_pad_out(out) / LACE_BLOCK_OUT;
#pragma omp parallel for schedule(static) if (width * blocks > 4096)
    for (size_t b = 0; b < blocks; b++) {
        size_t bytes = width * LACE_BLOCK_OUT * (dtype == LACE_BF16 ? 2 : 4);
        memset((char *)packed + b * bytes, 0, bytes);
        for (size_t i = 0; i < (size_t)in; i++)
            for (size_t o = b * LACE_BLOCK_OUT; o < (b + 1) * LACE_BLOCK_OUT && o < (size_t)out; o++) {
                size_t at = lace_packed_index(dtype, in, o, i), from = o * so + i * si;
                if (dtype == LACE_BF16 && source == LACE_BF16)
                    ((uint16_t *)packed)[at] = ((const uint16_t *)w)[from];
                else {
                    float f = source == LACE_BF16 ? lace_bf16_to_f32(((const uint16_t *)w)[from]) : ((const float *)w)[from];
                    if (dtype == LACE_BF16)
                        ((uint16_t *)packed)[at] = lace_f32_to_bf16(f);
                    else
                        ((float *)packed)[at] = f;
                }
            }
    }
}

void lace_matrix_pack(struct lace_matrix *m, const void *w, enum lace_dtype source)
{
    pack(m->forward, m->dtype, m->in, m->out, w, source, m->in, 1);
    if (m->backward) pack(m->backward, m->dtype, m->out, m->in, w, source, 1, m->in);
}

void lace_operand_make(struct lace_operand *operand, const float *x, int rows)
{
    size_t n = (size_t)rows * operand->cols, padded = LACE_PAD_ROWS(rows) * operand->cols;
    if (operand->dtype == LACE_F32) {
        if (x != operand->data) memcpy(operand->data, x, n * sizeof(float));
        memset((float *)operand->data + n, 0, (padded - n) * sizeof(float));
        return;
    }
    uint16_t *to = operand->data;
    for (size_t i = 0; i < n; i++) to[i] = lace_f32_to_bf16(x[i]);
    memset(to + n, 0, (padded - n) * sizeof(uint16_t));
}

static float element(const struct lace_operand *x, size_t at)
{
    return x->dtype == LACE_BF16 ? lace_bf16_to_f32(((const uint16_t *)x->data)[at]) : ((const float *)x->data)[at];
}

void lace_product_reference(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                            bool accumulate)
{
    bool bf16 = x->dtype == LACE_BF16;
    size_t blocks = lace_pad_out(out) / LACE_BLOCK_OUT;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++)
        for (int r = 0; r < rows; r++) {
            float sum[LACE_BLOCK_OUT] = {0};
            size_t first = b * LACE_BLOCK_OUT;
            for (int i = 0; i < in; i++) {
                size_t at = lace_packed_index(x->dtype, in, first, i);
                float xi = element(x, (size_t)r * in + i);
                for (int o = 0; o < LACE_BLOCK_OUT; o++)
                    sum[o] += xi * (bf16 ? lace_bf16_to_f32(((const uint16_t *)packed)[at + 2 * o]) : ((const float *)packed)[at + o]);
            }
            for (size_t o = 0; o < LACE_BLOCK_OUT && first + o < (size_t)out; o++) {
                float *to = y + (size_t)r * out + first + o;
                *to = accumulate ? *to + sum[o] : sum[o];
            }
        }
}

void lace_matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows, bool accumulate)
{
    lace_product_reference(y, x, m->forward, m->in, m->out, rows, accumulate);
}

void lace_matrix_backward_input(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                bool accumulate)
{
    lace_product_reference(dx, dy, m->backward, m->out, m->in, rows, accumulate);
}

void lace_matrix_backward_weight(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows)
{
    int out = dy->cols, in = x->cols;
#pragma omp parallel for schedule(static)
    for (int o = 0; o < out; o++)
        for (int r = 0; r < rows; r++) {
            float d = element(dy, (size_t)r * out + o);
            for (int i = 0; i < in; i++) dw[(size_t)o * in + i] += d * element(x, (size_t)r * in + i);
        }
}
