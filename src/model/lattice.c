/* Lattice attention (docs/model.md): a side path from the attention's output to the residual stream, in which a
 * thread's row reads what the other threads of its group have written so far.
 *
 *   low rank   z = W_down rmsnorm(a);  q, k, v = W_q z, W_k z, W_v z;  q, k turned by three axes
 *              o = attention over the visible rows, with a sink;  u = alpha g o,  g = sigmoid(W_g z + b_g)
 *              h <- h + W_o a + W_up u
 *   full       q, k: the backbone's own, turned by three axes; v: the backbone's own;  g from rmsnorm(a)
 *              h <- h + W_o (a + u)
 */
#include "model/forward.h"
#include <math.h>
#include <string.h>

struct shape {
    int R;       /* rows that take part */
    int Q, r, M; /* H * d; width; lattice heads */
    int K, w;    /* key heads, width of a head */
    int lattice; /* index among the lattice layers */
    bool full;
    float scale;
};

static struct shape shape_of(const struct lace_model *m, int layer, const struct lace_batch *b)
{
    const struct lace_lattice_config *l = &m->lattice;
    bool full = l->kind == LACE_KIND_FULL;
    int w = l->width / l->heads;
    return (struct shape){b->lattice_rows,
                          m->config.num_attention_heads * m->config.head_dim,
                          l->width,
                          l->heads,
                          full ? m->config.num_key_value_heads : l->heads,
                          w,
                          lace_lattice_layer(l, layer),
                          full,
                          1 / sqrtf((float)w)};
}

void lace_lattice_forward(const struct lace_model *m, int layer, struct lace_layer_state *a, struct lace_state *s,
                          struct lace_cache *cache, const struct lace_batch *b)
{
    const struct lace_ops *ops = m->ops;
    struct shape n = shape_of(m, layer, b);
    void *k_layer = lace_cache_lattice(cache, cache->lk, n.lattice), *v_layer;
    const struct lace_operand *gate_in = n.full ? &a->lat_in : &a->z;
#define MATRIX(p) (&lace_model_weight(m, layer, p)->matrix)
#define VALUE(p)  (lace_model_weight(m, layer, p)->value)

    ops->rmsnorm_forward(s->x, a->rstd_lat, a->att, VALUE(P_LAT_NORM), (float)m->config.rms_norm_eps, n.R, n.Q);
    ops->operand_make(&a->lat_in, s->x, n.R);
    if (n.full) {
        v_layer = lace_cache_layer(cache, cache->v, layer);
    } else {
        v_layer = lace_cache_lattice(cache, cache->lv, n.lattice);
        ops->matrix_forward(s->y, &a->lat_in, MATRIX(P_LAT_DOWN), n.R, false);
        ops->operand_make(&a->z, s->y, n.R);
        ops->matrix_forward(a->lq, &a->z, MATRIX(P_LAT_Q), n.R, false);
        ops->matrix_forward(s->lk, &a->z, MATRIX(P_LAT_K), n.R, false);
        ops->matrix_forward(s->lv, &a->z, MATRIX(P_LAT_V), n.R, false);
        ops->rope(a->lq, s->lat_cosine, s->lat_sine, 1, n.R, n.M, n.w);
        ops->rope(s->lk, s->lat_cosine, s->lat_sine, 1, n.R, n.M, n.w);
        lace_store_rows(cache, k_layer, s->lk, b->slot, n.R, n.r, ops);
        lace_store_rows(cache, v_layer, s->lv, b->slot, n.R, n.r, ops);
    }
    lace_attend(ops, cache, a->lo, a->llse, a->lq, k_layer, v_layer, &b->lattice.view, n.M, n.K, n.w, n.scale, 1,
                &s->scratch);
    ops->matrix_forward(s->x, gate_in, MATRIX(P_LAT_GATE), n.R, false);
    ops->gate_forward(s->y, a->lg, a->lo, s->x, VALUE(P_LAT_GATE_BIAS), VALUE(P_LAT_ALPHA), n.R, n.M, n.w);
    if (s->watch.lattice)
        s->watch.lattice(s->watch.user, &(struct lace_lattice_values){n.lattice, n.M, n.K, n.w, n.scale, a->lq, a->llse,
                                                                      a->lg, k_layer, cache->dtype, &b->lattice.view});
    if (n.full) {
        ops->add(s->y, a->att, (size_t)n.R * n.Q);
        memcpy(s->y + (size_t)n.R * n.Q, a->att + (size_t)n.R * n.Q, sizeof(float) * (size_t)(b->rows - n.R) * n.Q);
        ops->operand_make(&a->att_op, s->y, b->rows);
    } else {
        ops->operand_make(&a->lu, s->y, n.R);
        ops->matrix_forward(a->mid, &a->lu, MATRIX(P_LAT_UP), n.R, true);
    }
}

/* Here every gradient reaches one product alone. */
static void product_backward(const struct lace_model *m, int layer, enum lace_param p, float *dx, struct lace_state *s,
                             const float *dy, const struct lace_operand *x, int rows, bool add, float *grad)
{
    struct lace_operand op = lace_gradient(m, s, dy, lace_model_weight(m, layer, p)->rows, rows);
    lace_product_backward(m, layer, p, dx, &op, x, rows, add, grad);
}

/* Reads s->dh, the gradient of mid (low rank), or s->datt, the gradient of what o_proj reads (full); adds to
 * s->datt the gradient of the attention's output, and for full to s->dq, s->dlk, s->dv (dq and dlk before they are
 * turned back; the caller does that with its own). */
void lace_lattice_backward(const struct lace_model *m, int layer, struct lace_layer_state *a, struct lace_state *s,
                           const struct lace_cache *cache, const struct lace_batch *b, float *grad)
{
    const struct lace_ops *ops = m->ops;
    struct shape n = shape_of(m, layer, b);
    const float *k_layer = lace_cache_lattice(cache, cache->lk, n.lattice),
                *v_layer = n.full ? lace_cache_layer(cache, cache->v, layer)
                                  : lace_cache_lattice(cache, cache->lv, n.lattice);
    float *dlogit = s->lk, *d_o = s->x, *du = s->y, *dlq = s->dgate, *dz = s->dup,
          *dnorm = s->dx; /* free at this point */
    size_t width = (size_t)n.R * n.r;

    if (n.full) memcpy(du, s->datt, sizeof(float) * width);
    else product_backward(m, layer, P_LAT_UP, du, s, s->dh, &a->lu, n.R, false, grad);
    ops->gate_backward(d_o, dlogit, grad + lace_model_weight(m, layer, P_LAT_GATE_BIAS)->offset,
                       grad + lace_model_weight(m, layer, P_LAT_ALPHA)->offset, du, a->lg, a->lo, VALUE(P_LAT_ALPHA),
                       n.R, n.M, n.w);

    memset(dlq, 0, sizeof(float) * width);
    memset(s->dlk, 0, sizeof(float) * (size_t)cache->slots * n.K * n.w);
    float *dv = s->dv;
    if (!n.full) memset(dv = s->dlv, 0, sizeof(float) * (size_t)cache->slots * n.r);
    ops->attention_backward(dlq, s->dlk, dv, d_o, a->lo, a->llse, a->lq, k_layer, v_layer, &b->lattice.view, n.M, n.K,
                            n.w, n.scale, 1, &s->scratch);
    if (n.full) {
        product_backward(m, layer, P_LAT_GATE, dnorm, s, dlogit, &a->lat_in, n.R, false, grad);
        ops->rope(dlq, s->lat_cosine, s->lat_sine, -1, n.R, n.M, n.w);
        memcpy(s->dq, dlq, sizeof(float) * width);
    } else {
        product_backward(m, layer, P_LAT_GATE, dz, s, dlogit, &a->z, n.R, false, grad);
        ops->rope(dlq, s->lat_cosine, s->lat_sine, -1, n.R, n.M, n.w);
        product_backward(m, layer, P_LAT_Q, dz, s, dlq, &a->z, n.R, true, grad);
        lace_gather_rows(d_o, s->dlk, b->slot, n.R, n.r);
        ops->rope(d_o, s->lat_cosine, s->lat_sine, -1, n.R, n.M, n.w);
        product_backward(m, layer, P_LAT_K, dz, s, d_o, &a->z, n.R, true, grad);
        lace_gather_rows(d_o, s->dlv, b->slot, n.R, n.r);
        product_backward(m, layer, P_LAT_V, dz, s, d_o, &a->z, n.R, true, grad);
        product_backward(m, layer, P_LAT_DOWN, dnorm, s, dz, &a->lat_in, n.R, false, grad);
    }
    ops->rmsnorm_backward(s->datt, grad + lace_model_weight(m, layer, P_LAT_NORM)->offset, dnorm, a->att, a->rstd_lat,
                          VALUE(P_LAT_NORM), n.R, n.Q);
}
