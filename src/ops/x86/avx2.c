/* AVX2 with FMA: every op, written once in the headers beside. Debian's oneDNN has no packed products and no
 * bf16 for these CPUs, so our own products serve any number of rows here; only the weight gradient is oneDNN's. */
#include "ops/x86/attention.h"
#include "ops/x86/elementwise.h"
#include "ops/x86/product.h"
#include "ops/x86/quant.h"

static void product(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                    bool accumulate)
{
    (x->dtype == LACE_BF16 ? product_bf16 : product_f32)(y, x, packed, in, out, rows, accumulate);
}

static void matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                           bool accumulate)
{
    if (lace_dtype_has_blocks(m->dtype)) product_quant(y, x, m, rows, accumulate);
    else product(y, x, m->forward, m->in, m->out, rows, accumulate);
}

static void matrix_backward_input(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                  bool accumulate)
{
    product(dx, dy, m->backward, m->out, m->in, rows, accumulate);
}

void lace_ops_fill_avx2(struct lace_ops *ops)
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
