/* AVX-512 without bf16 instructions: the headers beside at twice the width; many rows go to oneDNN. */
#include "ops/x86/attention.h"
#include "ops/x86/elementwise.h"
#include "ops/x86/product.h"
#include "ops/x86/quant.h"

void lace_product_avx512(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                         bool accumulate)
{
    (x->dtype == LACE_BF16 ? product_bf16 : product_f32)(y, x, packed, in, out, rows, accumulate);
}

static void matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                           bool accumulate)
{
    if (lace_dtype_has_blocks(m->dtype)) product_quant(y, x, m, rows, accumulate);
    else if (rows <= LACE_FEW_ROWS || !lace_dnn_product(y, x, m->forward, m->in, m->out, rows, accumulate))
        lace_product_avx512(y, x, m->forward, m->in, m->out, rows, accumulate);
}

static void matrix_backward_input(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                  bool accumulate)
{
    if (!lace_dnn_product(dx, dy, m->backward, m->out, m->in, rows, accumulate))
        lace_product_avx512(dx, dy, m->backward, m->out, m->in, rows, accumulate);
}

void lace_ops_fill_avx512(struct lace_ops *ops)
{
    fill_elementwise(ops);
    ops->matrix_forward = matrix_forward;
    ops->matrix_backward_input = matrix_backward_input;
    ops->matrix_backward_weight = lace_dnn_backward_weight;
    ops->attention_scratch = attention_scratch;
    ops->attention_forward = attention_forward;
    ops->attention_forward_bf16 = attention_forward_bf16;
    ops->attention_backward = attention_backward;
}
