/* Every arithmetic operation of a lattice model, behind one table of functions.
 *
 *   reference (plain C)  ->  avx2  ->  avx512  ->  avx512_bf16  ->  amx
 *
 * lace_ops_cpu() picks the highest level that the CPU has; LACE_ISA=generic|avx2|avx512|avx512_bf16|amx
 * forces a lower one. A level fills only the entries that it makes faster; the reference fills all
 * and stays the oracle of the tests. A second backend (a GPU) is another complete table.
 *
 * Conventions. Matrices are row-major f32 unless said. A row is one token of one sequence. Arguments
 * run outputs, saved values, inputs, weights, sizes. In a backward function `+=` and `=` in the comment
 * say whether a gradient is added or written. Entries spread their work over OpenMP workers; called
 * from inside a parallel region (the trainer gives each worker its own share of the batch) they run on
 * the calling worker alone. A row's result never depends on the other rows of the call, except in
 * matrix_forward above LACE_FEW_ROWS rows, where oneDNN decides. No entry allocates after its first
 * call with a given shape.
 *
 * Letters: R rows, S slots of the key/value store, D width, H query heads, K key/value heads,
 * d head width, V vocabulary, M lattice heads.
 */
#ifndef LACE_OPS_H
#define LACE_OPS_H
#include "base/dtype.h" /* LACE_F16 is read only: by matrix_pack and embedding_forward, of checkpoints */

/* Row buffers that meet a matrix (operands, inputs, outputs) have room for rows rounded up to this
 * many; rows beyond the count are scratch, so that products see few distinct shapes. */
#define LACE_ROW_PAD        64
#define LACE_PAD_ROWS(rows) (((size_t)(rows) + LACE_ROW_PAD - 1) / LACE_ROW_PAD * LACE_ROW_PAD)

/* Up to this many rows a product runs on our own kernels whose result for a row does not depend on
 * the other rows: what decoding uses, however many groups share the batch. */
#define LACE_FEW_ROWS 128

/* A weight matrix (out, in), as the model file holds it, packed once into the layout of the products.
 * bf16: oneDNN's BA16a64b2a of the transposed matrix, which our kernels for few rows read as well:
 *     [out/64][in/32][16 pairs of in][64 of out][2]     zero-padded to full blocks
 * f32: oneDNN's BA16a64b: [out/64][in/16][16 of in][64 of out].
 * Quantised blocks: quant.h; `in` is a multiple of the block, and nothing is trained.
 * So the packed form of the first 64 k outputs is a prefix, and a large matrix can be packed piece by piece. */
struct lace_matrix {
    int in, out;
    enum lace_dtype dtype;
    void *forward;  /* W^T packed, for y = x W^T */
    void *backward; /* W packed, for dx = dy W; NULL where nothing is trained */
};

/* 32 inputs of a matrix of blocks: x[i] ~ scale * code[i], |code| <= 127. */
struct lace_coded {
    int8_t code[32];
    float scale, sum; /* sum: scale * the sum of the codes */
    int32_t minus[2]; /* the sums of the first and of the last 16 codes, negated */
};

/* The element type in which a matrix takes its input: rows of f32, or of bf16 rounded once and shared by
 * all products that read it and by the weight gradient. */
struct lace_operand {
    enum lace_dtype dtype;
    int cols;
    void *data;               /* (PAD_ROWS, cols) */
    struct lace_coded *codes; /* (rows, cols / 32), what matrices of blocks read; NULL where there are none */
    bool forward_only;        /* no weight gradient reads it: few rows need no clear rows behind them */
};

/* Which slots each query row sees. A block holds rows that share segments of the key/value store
 * (the prompt, each thread's own slots); row i of block b sees in segment s the slots lo <= slot < hi
 * of range[first + i * segs + s]; lo >= hi: nothing. Ordinary causal attention, lattice attention and
 * full collaboration are all views; so the mask is written down once, in model/view.c. */
struct lace_range {
    int lo, hi;
};
struct lace_view_block {
    int row, rows; /* query rows row .. row + rows - 1 */
    int segs;
    int first; /* into range */
};
struct lace_view {
    int blocks;
    const struct lace_view_block *block;
    const struct lace_range *range;
    int max_keys; /* the most slots that one block's segments span together (union over its rows) */
};

/* Working memory of an entry, one share per worker of the calling region. */
struct lace_scratch {
    int workers;
    size_t bytes_each; /* multiple of 64 */
    unsigned char *base;
};

struct lace_ops {
    const char *name; /* the level, "generic" for the reference */

    /* ---- matrices: y = x W^T, W (out, in) ---- */
    size_t (*matrix_bytes)(enum lace_dtype dtype, int in,
                           int out); /* of .forward; .backward is matrix_bytes(dtype, out, in) */
    /* Packs w (out, in), of type source, into m->forward and, unless NULL, m->backward. Blocks are packed as they are:
     * a matrix of blocks takes no other source. */
    void (*matrix_pack)(struct lace_matrix *m, const void *w, enum lace_dtype source);
    /* operand (R, cols) = x, rounded to the operand's type, and its codes where it has them. Rows from R up to PAD_ROWS
     * are cleared where anything reads them: oneDNN, for the weight gradient and above LACE_FEW_ROWS. */
    void (*operand_make)(struct lace_operand *operand, const float *x, int rows);
    /* y (R, out) = x W^T, or += where accumulate. */
    void (*matrix_forward)(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                           bool accumulate);
    /* dx (R, in) = dy W, or += where accumulate. */
    void (*matrix_backward_input)(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                  bool accumulate);
    /* dw (out, in) += dy^T x. Operands of the same dtype; rows beyond R are cleared by operand_make. */
    void (*matrix_backward_weight)(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows);

    /* ---- bias of a linear layer: y (rows, cols) += b (cols) ---- */
    void (*bias_forward)(float *y, const float *b, int rows, int cols);
    void (*bias_backward)(float *db, const float *dy, int rows, int cols); /* += */

    /* ---- embedding: x (R, D) = table[ids] ---- */
    void (*embedding_forward)(float *x, const void *table, enum lace_dtype dtype, const int *ids, int rows, int D);
    void (*embedding_backward)(float *dtable, const float *dx, const int *ids, int rows, int D); /* dtable (V, D) += */

    /* ---- RMSNorm: y = x * rstd * w, rstd = 1 / sqrt(mean(x^2) + eps); y may be x in forward ---- */
    void (*rmsnorm_forward)(float *y, float *rstd, const float *x, const float *w, float eps, int rows, int cols);
    /* dx +=, dw +=; dw may be NULL (frozen). */
    void (*rmsnorm_backward)(float *dx, float *dw, const float *dy, const float *x, const float *rstd, const float *w,
                             int rows, int cols);

    /* ---- rotary embedding: pairs (i, i + d/2) of each head turned by an angle of the row, in place.
     * cosine, sine (R, d/2); x (R, heads, d). sign +1: forward; -1: its transpose, which is the backward. ---- */
    void (*rope)(float *x, const float *cosine, const float *sine, float sign, int rows, int heads, int d);

    /* ---- attention over a view ----
     * out[r,h] = sum_s p v[s], p = exp(scale q.k) / (sink + sum exp(scale q.k)), s over the row's visible slots;
     * sink is 0 (ordinary) or 1 (a row may listen to nobody); a row that sees nothing gets zeros.
     * q, out (R, H, d); k, v (S, K, d), head h reads key head h * K / H; lse (R, H) = log of the denominator
     * (-inf where it is 0). R counts the whole batch: rows in no block are left untouched. */
    size_t (*attention_scratch)(const struct lace_view *view, int H, int K,
                                int d); /* bytes_each, forward and backward */
    void (*attention_forward)(float *out, float *lse, const float *q, const float *k, const float *v,
                              const struct lace_view *view, int H, int K, int d, float scale, float sink,
                              struct lace_scratch *scratch);
    /* The same with keys and values in bf16. The scaled query is rounded to bf16 as well; all sums are f32. */
    void (*attention_forward_bf16)(float *out, float *lse, const float *q, const uint16_t *k, const uint16_t *v,
                                   const struct lace_view *view, int H, int K, int d, float scale, float sink,
                                   struct lace_scratch *scratch);
    /* dq (R, H, d) +=, dk, dv (S, K, d) +=. */
    void (*attention_backward)(float *dq, float *dk, float *dv, const float *dout, const float *out, const float *lse,
                               const float *q, const float *k, const float *v, const struct lace_view *view, int H,
                               int K, int d, float scale, float sink, struct lace_scratch *scratch);

    /* ---- SwiGLU: y = silu(gate) * up, n elements ---- */
    void (*swiglu_forward)(float *y, const float *gate, const float *up, size_t n);
    void (*swiglu_backward)(float *dgate, float *dup, const float *dy, const float *gate, const float *up,
                            size_t n); /* = */

    /* ---- the lattice's gate: u[r,m,:] = alpha[m] * g[r,m] * o[r,m,:], g = sigmoid(logit + bias[m]) ----
     * u, o (R, M, w); g, logit (R, M); alpha, bias (M). u may be o in forward where nothing is trained. */
    void (*gate_forward)(float *u, float *g, const float *o, const float *logit, const float *bias, const float *alpha,
                         int rows, int M, int w);
    /* d_o =, dlogit =, dbias +=, dalpha +=. */
    void (*gate_backward)(float *d_o, float *dlogit, float *dbias, float *dalpha, const float *du, const float *g,
                          const float *o, const float *alpha, int rows, int M, int w);

    /* ---- softmax cross-entropy ---- logprob (R) = log softmax(logits)[target]; lse (R). */
    void (*cross_entropy_forward)(float *logprob, float *lse, const float *logits, const int *target, int rows, int V);
    /* logits, in place, becomes dlogits = weight[r] * (softmax - onehot(target)): the gradient of
     * -sum weight[r] logprob[r]. */
    void (*cross_entropy_backward)(float *logits, const float *lse, const int *target, const float *weight, int rows,
                                   int V);

    /* ---- plain vectors ---- */
    void (*to_bf16)(uint16_t *y, const float *x, size_t n); /* rounded to nearest, ties to even */
    void (*add)(float *y, const float *x, size_t n); /* y += x */
    double (*sum_squares)(const float *x, size_t n); /* accumulated in double, in a fixed order */
    /* AdamW (Loshchilov & Hutter 2019): g is scaled by grad_scale first; step counts from 1. */
    void (*adamw)(float *w, float *m, float *v, const float *g, size_t n, float lr, float beta1, float beta2, float eps,
                  float weight_decay, float grad_scale, long step);
    /* Muon, for a matrix: its one moment m; scratch: lace_muon_scratch(rows, cols) floats. */
    void (*muon)(float *w, float *m, const float *g, int rows, int cols, float lr, float momentum, float weight_decay,
                 float grad_scale, float *scratch);
};
size_t lace_muon_scratch(int rows, int cols);

/* The table for this CPU (or the level forced by LACE_ISA); the same pointer at every call.
 * NULL and err where LACE_ISA names an unknown level or one that the CPU lacks. */
const struct lace_ops *lace_ops_cpu(struct lace_error *err);
/* A level by name, for tests and the benchmark; NULL where the CPU lacks it. */
const struct lace_ops *lace_ops_level(const char *name);
/* The levels of this build, lowest first, ended by NULL. */
extern const char *const lace_ops_levels[];
/* Whether bf16 products are fast at this level; otherwise models compute in f32. */
bool lace_ops_prefers_bf16(const struct lace_ops *ops);
#endif
