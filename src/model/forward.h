/* The forward pass of a lattice model and, mirrored, its backward pass: one composition for training, prefill
 * and decoding. docs/model.md holds the formulas. */
#ifndef LACE_FORWARD_H
#define LACE_FORWARD_H
#include "model/batch.h"

/* What one layer computes. In training each layer has its own (the backward pass reads it); in decoding all
 * layers share one. Shapes in the letters of ops.h, R rows; lattice tensors have lattice_rows rows. */
struct lace_layer_state {
    float *in;                       /* (R, D) residual stream before attention */
    float *mid;                      /* (R, D) after attention and lattice */
    float *rstd_in, *rstd_mid;       /* (R) */
    struct lace_operand x_in, x_mid; /* (R, D) the normed streams */
    float *q_raw, *k_raw;            /* (R, H*d), (R, K*d) before QK-norm; NULL without */
    float *rstd_q, *rstd_k;          /* (R, H), (R, K) */
    float *q;                        /* (R, H*d) after QK-norm and rotation */
    float *att, *lse;                /* (R, H*d), (R, H) */
    struct lace_operand att_op;      /* (R, H*d) what o_proj reads */
    float *gate, *up;                /* (R, F) */
    struct lace_operand hidden;      /* (R, F) */
    /* lattice layers: */
    float *rstd_lat;            /* (R) */
    struct lace_operand lat_in; /* (R, H*d) the normed attention output */
    struct lace_operand z;      /* (R, r) */
    float *lq;                  /* (R, width) rotated lattice queries */
    float *lo, *llse;           /* (R, width), (R, M) */
    float *lg;                  /* (R, M) gates */
    struct lace_operand lu;     /* (R, r) what W_up reads */
};

/* What a lattice layer made of the batch's first rows, in the letters of ops.h. Given to whoever watches, while it is
 * there: the next layer overwrites it. k is the layer's whole store. */
struct lace_lattice_values {
    int lattice;                 /* index among the lattice layers */
    int heads, key_heads, width; /* of a head */
    float scale;
    const float *q, *lse, *gate; /* (R, M * width), (R, M), (R, M) */
    const void *k;               /* (S, K * width) */
    enum lace_dtype dtype;       /* of k, LACE_F32 or LACE_BF16 */
    const struct lace_view *view;
};
struct lace_watch {
    void (*lattice)(void *user, const struct lace_lattice_values *values); /* only reads; NULL: nobody watches */
    void *user;
};

struct lace_state {
    int row_cap;
    bool training;
    struct lace_watch watch;         /* set by the caller before a pass */
    struct lace_layer_state *layers; /* (L) */
    float *last;                     /* (R, D) the stream after the last layer */
    /* scratch */
    float *x, *k, *v, *lk, *lv, *y; /* (R, widest of the things put there) */
    float *cosine, *sine;           /* (R, d/2) backbone rotation */
    float *lat_cosine, *lat_sine;   /* (R, pairs of a lattice head) */
    float *rstd_out;                /* (out rows) */
    struct lace_operand out;        /* (out rows, D) */
    float *logits, *lse;            /* (out_cap, V), (out_cap) */
    int out_cap;
    /* backward only */
    float *dh, *dx, *dq, *datt, *dgate, *dup; /* (R, ...) */
    float *dk, *dv, *dlk, *dlv;               /* (S, ...) of the layer at hand */
    struct lace_operand dy;                   /* (R, widest) */
    struct lace_operand dy_gate, dy_up;       /* (R, F) */
    struct lace_scratch scratch;
    struct lace_arena memory;
};

struct lace_state_options {
    int rows;     /* the most rows of a batch */
    int outs;     /* the most logits rows at once */
    int slots;    /* of the cache (backward) */
    int max_keys; /* the most slots a row's block spans */
    int workers;  /* OpenMP workers that this state's operations may use */
    bool training;
};
int lace_state_init(struct lace_state *state, const struct lace_model *model, const struct lace_state_options *options,
                    struct lace_error *err);
void lace_state_release(struct lace_state *state);
/* The bytes of state->memory; 0: no memory even to count them. */
size_t lace_state_bytes(const struct lace_model *model, const struct lace_state_options *options);

/* Fills the cache at the batch's slots and state->last. The views must be built. */
void lace_forward(const struct lace_model *model, struct lace_state *state, struct lace_cache *cache,
                  const struct lace_batch *batch);
/* state->logits (count, V) of the batch's out rows first .. first + count - 1 (count <= out_cap). */
void lace_logits(const struct lace_model *model, struct lace_state *state, const struct lace_batch *batch, int first,
                 int count);

/* Adds the gradient of state->last in state->dh down to the embedding into grad, a flat block like the masters.
 * frozen: only lattice tensors get gradients, and nothing is computed below the first lattice layer. */
void lace_backward(const struct lace_model *model, struct lace_state *state, const struct lace_cache *cache,
                   const struct lace_batch *batch, float *grad, bool frozen);
/* Loss of the batch's out rows: logprob (outs) of target at the batch's temperature, and, unless grad is NULL, with weight (outs) the gradient
 * of -sum weight logprob, added to grad (head, final norm) and written to state->dh. */
void lace_loss(const struct lace_model *model, struct lace_state *state, const struct lace_batch *batch,
               const int *target, const float *weight, float *logprob, float *grad, bool frozen);

/* Rows first .. of an operand. */
static inline struct lace_operand lace_operand_rows(const struct lace_operand *x, int first)
{
    size_t at = (size_t)first * x->cols * (x->dtype == LACE_BF16 ? sizeof(uint16_t) : sizeof(float));
    struct lace_coded *codes = x->codes ? x->codes + (size_t)first * (size_t)(x->cols / 32) : NULL;
    return (struct lace_operand){x->dtype, x->cols, (char *)x->data + at, codes, x->forward_only};
}
/* How many rows the feed-forward block takes at once. A worker that trains alone on a shard takes pieces whose
 * intermediate values stay in its cache; they start at multiples of LACE_ROW_PAD, and stay above LACE_FEW_ROWS. */
static inline int lace_piece_rows(const struct lace_state *s, int left)
{
    enum { PIECE = 256 };
    return s->training && left >= 2 * PIECE ? PIECE : left;
}

/* Attention over what is stored in a layer of the cache, of either type. */
static inline void lace_attend(const struct lace_ops *ops, const struct lace_cache *cache, float *out, float *lse,
                               const float *q, const void *k, const void *v, const struct lace_view *view, int H, int K,
                               int d, float scale, float sink, struct lace_scratch *scratch)
{
    if (cache->dtype == LACE_BF16)
        ops->attention_forward_bf16(out, lse, q, k, v, view, H, K, d, scale, sink, scratch);
    else ops->attention_forward(out, lse, q, k, v, view, H, K, d, scale, sink, scratch);
}

/* ---- products, in backward.c ---- */
/* dy (rows, cols) as an operand, in s->dy: all products that a gradient reaches share it. */
struct lace_operand lace_gradient(const struct lace_model *m, struct lace_state *s, const float *dy, int cols, int rows);
/* Backward of y = x W^T: dx = or += dy W (dx NULL: not wanted), dW += dy^T x (grad NULL: frozen). */
void lace_product_backward(const struct lace_model *m, int layer, enum lace_param p, float *dx,
                           const struct lace_operand *dy, const struct lace_operand *x, int rows, bool add,
                           float *grad);

/* ---- the lattice layer's part, in lattice.c ---- */
/* low rank: adds W_up u to mid. full: adds u to att, before o_proj reads it. */
void lace_lattice_forward(const struct lace_model *m, int layer, struct lace_layer_state *a, struct lace_state *s,
                          struct lace_cache *cache, const struct lace_batch *b);
void lace_lattice_backward(const struct lace_model *m, int layer, struct lace_layer_state *a, struct lace_state *s,
                           const struct lace_cache *cache, const struct lace_batch *b, float *grad);
#endif
