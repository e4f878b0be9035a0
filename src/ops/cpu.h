/* Private to src/ops: the reference functions (one file per op) and what the levels share.
 * A level is a function that overrides entries of the table below it. */
#ifndef LACE_OPS_CPU_H
#define LACE_OPS_CPU_H
#include "ops/ops.h"

#define LACE_BLOCK_OUT 64 /* outputs of one packed block, for both types */

/* Inputs that a packed matrix is padded to. */
static inline size_t lace_pad_in(enum lace_dtype dtype, int in)
{
    size_t step = dtype == LACE_BF16 ? 32 : 16;
    return ((size_t)in + step - 1) / step * step;
}
static inline size_t lace_pad_out(int out)
{
    return ((size_t)out + LACE_BLOCK_OUT - 1) / LACE_BLOCK_OUT * LACE_BLOCK_OUT;
}

/* Where element (o, i) of a matrix with `in` inputs lies in its packed form. */
static inline size_t lace_packed_index(enum lace_dtype dtype, int in, size_t o, size_t i)
{
    size_t block = o / LACE_BLOCK_OUT * LACE_BLOCK_OUT * lace_pad_in(dtype, in), lane = o % LACE_BLOCK_OUT;
    if (dtype == LACE_BF16) return block + i / 2 * 2 * LACE_BLOCK_OUT + 2 * lane + i % 2;
    return block + i * LACE_BLOCK_OUT + lane;
}

/* y (rows, out) = or += x times a packed matrix of `in` inputs; writes exactly `rows` rows. */
typedef void lace_product(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                          bool accumulate);

/* The reference. */
size_t lace_matrix_bytes(enum lace_dtype dtype, int in, int out);
void lace_matrix_pack(struct lace_matrix *m, const void *w, enum lace_dtype source);
void lace_operand_make(struct lace_operand *operand, const float *x, int rows);
lace_product lace_product_reference;
void lace_matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                         bool accumulate);
void lace_matrix_backward_input(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                bool accumulate);
void lace_matrix_backward_weight(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows);
void lace_bias_forward(float *y, const float *b, int rows, int cols);
void lace_bias_backward(float *db, const float *dy, int rows, int cols);
void lace_embedding_forward(float *x, const void *table, enum lace_dtype dtype, const int *ids, int rows, int D);
void lace_embedding_backward(float *dtable, const float *dx, const int *ids, int rows, int D);
void lace_rmsnorm_forward(float *y, float *rstd, const float *x, const float *w, float eps, int rows, int cols);
void lace_rmsnorm_backward(float *dx, float *dw, const float *dy, const float *x, const float *rstd, const float *w,
                           int rows, int cols);
void lace_rope(float *x, const float *cosine, const float *sine, float sign, int rows, int heads, int d);
size_t lace_attention_scratch(const struct lace_view *view, int H, int K, int d);
void lace_attention_forward(float *out, float *lse, const float *q, const float *k, const float *v,
                            const struct lace_view *view, int H, int K, int d, float scale, float sink,
                            struct lace_scratch *scratch);
void lace_attention_forward_bf16(float *out, float *lse, const float *q, const uint16_t *k, const uint16_t *v,
                                 const struct lace_view *view, int H, int K, int d, float scale, float sink,
                                 struct lace_scratch *scratch);
void lace_attention_backward(float *dq, float *dk, float *dv, const float *dout, const float *out, const float *lse,
                             const float *q, const float *k, const float *v, const struct lace_view *view, int H, int K,
                             int d, float scale, float sink, struct lace_scratch *scratch);
void lace_swiglu_forward(float *y, const float *gate, const float *up, size_t n);
void lace_swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n);
void lace_gate_forward(float *u, float *g, const float *o, const float *logit, const float *bias, const float *alpha,
                       int rows, int M, int w);
void lace_gate_backward(float *d_o, float *dlogit, float *dbias, float *dalpha, const float *du, const float *g,
                        const float *o, const float *alpha, int rows, int M, int w);
void lace_cross_entropy_forward(float *logprob, float *lse, const float *logits, const int *target, int rows, int V);
void lace_cross_entropy_backward(float *logits, const float *lse, const int *target, const float *weight, int rows,
                                 int V);
void lace_to_bf16(uint16_t *y, const float *x, size_t n);
void lace_add_vector(float *y, const float *x, size_t n);
double lace_sum_squares(const float *x, size_t n);
void lace_adamw(float *w, float *m, float *v, const float *g, size_t n, float lr, float beta1, float beta2, float eps,
                float weight_decay, float grad_scale, long step);
void lace_muon(float *w, float *m, const float *g, int rows, int cols, float lr, float momentum, float weight_decay,
               float grad_scale, float *scratch);

/* oneDNN (onednn.c). False where it has no fast kernel for the shape on this CPU: the caller computes it.
 * Rows are rounded up to LACE_ROW_PAD: the padding of y is written. */
bool lace_dnn_product(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                      bool accumulate);
bool lace_dnn_weight(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows);
/* As matrix_backward_weight, through oneDNN; bf16 widened first where the CPU's oneDNN lacks it. */
void lace_dnn_backward_weight(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows);
/* c (rows, cols) = scale * a (rows, in) b (in, cols), all f32 in plain row order; turned: b is (cols, in). */
void lace_dnn_plain(bool turned, int rows, int cols, int in, float scale, const float *a, const float *b, float *c);

/* Levels (x86/). Each overrides entries of the table of the level below. */
void lace_ops_fill_avx2(struct lace_ops *ops);
void lace_ops_fill_avx512(struct lace_ops *ops);
void lace_ops_fill_avx512_bf16(struct lace_ops *ops);
void lace_ops_fill_amx(struct lace_ops *ops);
bool lace_amx_permit(void);       /* asks the kernel for the tile state; once per process */
lace_product lace_product_avx512; /* the f32 matrices of the levels above */
#endif
