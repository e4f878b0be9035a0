/* AVX-512 with VDPBF16PS, which multiplies pairs of bf16 and adds both products to a lane of f32:
 * bf16 products of few rows at twice the rate of f32, and from half the bytes. */
#ifdef __x86_64__
#include "ops/x86/product.h"

void lace_product_avx512_bf16(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows, bool accumulate)
{
    (x->dtype == LACE_BF16 ? product_bf16 : lace_product_avx512)(y, x, packed, in, out, rows, accumulate);
}

static void matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows, bool accumulate)
{
    if (rows <= LACE_FEW_ROWS || !lace_dnn_product(y, x, m->forward, m->in, m->out, rows, accumulate))
        lace_product_avx512_bf16(y, x, m->forward, m->in, m->out, rows, accumulate);
}

static void matrix_backward_input(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                  bool accumulate)
{
    if (!lace_dnn_product(dx, dy, m->backward, m->out, m->in, rows, accumulate))
        lace_product_avx512_bf16(dx, dy, m->backward, m->out, m->in, rows, accumulate);
}

void lace_ops_fill_avx512_bf16(struct lace_ops *ops)
{
    ops->matrix_forward = matrix_forward;
    ops->matrix_backward_input = matrix_backward_input;
}
#endif
