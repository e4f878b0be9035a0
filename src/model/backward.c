/* The forward pass in reverse. s->dh holds the gradient of the residual stream and flows down through the layers;
 * gradients of weights are added to grad at their offsets. */
#include "model/forward.h"
#include <math.h>
#include <string.h>

struct lace_operand lace_gradient(const struct lace_model *m, struct lace_state *s, const float *dy, int cols, int rows)
{
    struct lace_operand op = {s->dy.dtype, cols, s->dy.data};
    m->ops->operand_make(&op, dy, rows);
    return op;
}

void lace_product_backward(const struct lace_model *m, int layer, enum lace_param p, float *dx,
                           const struct lace_operand *dy, const struct lace_operand *x, int rows, bool add, float *grad)
{
    const struct lace_weight *w = lace_model_weight(m, layer, p);
    if (dx) m->ops->matrix_backward_input(dx, dy, &w->matrix, rows, add);
    if (grad) m->ops->matrix_backward_weight(grad + w->offset, dy, x, rows);
}

static float *gradient_of(const struct lace_model *m, int layer, enum lace_param p, float *grad)
{
    return grad ? grad + lace_model_weight(m, layer, p)->offset : NULL;
}

/* db += the sum of dy's rows, where the model has this bias and it is trained. */
static void bias_backward(const struct lace_model *m, int layer, enum lace_param p, const float *dy, int rows,
                          float *grad)
{
    const struct lace_weight *w = grad ? lace_model_weight(m, layer, p) : NULL;
    if (w) m->ops->bias_backward(grad + w->offset, dy, rows, w->cols);
}

/* Back through the norm of queries or keys, into dx; without one dy is what it was. Returns where the gradient is. */
static const float *norm_backward(const struct lace_model *m, int layer, enum lace_param p, float *dx, const float *dy,
                                  const float *x, const float *rstd, int heads, float *grad)
{
    const struct lace_weight *w = lace_model_weight(m, layer, p);
    if (!w) return dy;
    memset(dx, 0, sizeof(float) * (size_t)heads * w->cols);
    m->ops->rmsnorm_backward(dx, gradient_of(m, layer, p, grad), dy, x, rstd, w->value, heads, w->cols);
    return dx;
}

static void feed_forward_backward(const struct lace_model *m, int layer, struct lace_layer_state *a,
                                  struct lace_state *s, int R, float *grad)
{
    const struct lace_config *c = &m->config;
    const struct lace_ops *ops = m->ops;
    int D = c->hidden_size, F = c->intermediate_size;
    const float *norm = lace_model_weight(m, layer, P_POST_NORM)->value;
    struct lace_operand dy = {s->dy.dtype, D, s->dy.data};
    for (int r = 0, rows; r < R;
         r += rows) { /* piece by piece, as forward; the weights' gradients take all rows at once */
        rows = lace_piece_rows(s, R - r);
        float *dh = s->dh + (size_t)r * D;
        struct lace_operand d = lace_operand_rows(&dy, r), up = lace_operand_rows(&s->dy_up, r),
                            gate = lace_operand_rows(&s->dy_gate, r);
        ops->operand_make(&d, dh, rows);
        bias_backward(m, layer, P_DOWN_BIAS, dh, rows, grad);
        lace_product_backward(m, layer, P_DOWN, s->x, &d, NULL, rows, false, NULL);
        ops->swiglu_backward(s->dgate, s->dup, s->x, a->gate + (size_t)r * F, a->up + (size_t)r * F, (size_t)rows * F);
        ops->operand_make(&up, s->dup, rows);
        ops->operand_make(&gate, s->dgate, rows);
        bias_backward(m, layer, P_UP_BIAS, s->dup, rows, grad);
        bias_backward(m, layer, P_GATE_BIAS, s->dgate, rows, grad);
        lace_product_backward(m, layer, P_UP, s->dx, &up, NULL, rows, false, NULL);
        lace_product_backward(m, layer, P_GATE, s->dx, &gate, NULL, rows, true, NULL);
        ops->rmsnorm_backward(dh, gradient_of(m, layer, P_POST_NORM, grad), s->dx, a->mid + (size_t)r * D,
                              a->rstd_mid + r, norm, rows, D);
    }
    lace_product_backward(m, layer, P_DOWN, NULL, &dy, &a->hidden, R, false, grad);
    lace_product_backward(m, layer, P_UP, NULL, &s->dy_up, &a->x_mid, R, false, grad);
    lace_product_backward(m, layer, P_GATE, NULL, &s->dy_gate, &a->x_mid, R, false, grad);
}

/* grad: of the backbone, NULL where it is frozen; lattice_grad: always. */
static void attention_backward(const struct lace_model *m, int layer, struct lace_layer_state *a, struct lace_state *s,
                               const struct lace_cache *cache, const struct lace_batch *b, float *grad,
                               float *lattice_grad)
{
    const struct lace_config *c = &m->config;
    const struct lace_ops *ops = m->ops;
    int R = b->rows, N = b->lattice_rows, D = c->hidden_size, H = c->num_attention_heads, K = c->num_key_value_heads,
        d = c->head_dim;
    const float *k_layer = lace_cache_layer(cache, cache->k, layer),
                *v_layer = lace_cache_layer(cache, cache->v, layer);
    size_t slots = (size_t)cache->slots;
    bool lattice = b->lattice.view.blocks && lace_lattice_layer(&m->lattice, layer) >= 0,
         full = lattice && m->lattice.kind == LACE_KIND_FULL;

    struct lace_operand dy = lace_gradient(m, s, s->dh, D, R);
    bias_backward(m, layer, P_O_BIAS, s->dh, R, grad);
    lace_product_backward(m, layer, P_O, s->datt, &dy, &a->att_op, R, false, grad);
    memset(s->dk, 0, sizeof(float) * slots * K * d);
    memset(s->dv, 0, sizeof(float) * slots * K * d);
    if (lattice) lace_lattice_backward(m, layer, a, s, cache, b, lattice_grad);

    float *dq = s->x;
    memset(dq, 0, sizeof(float) * (size_t)R * H * d);
    ops->attention_backward(dq, s->dk, s->dv, s->datt, a->att, a->lse, a->q, k_layer, v_layer,
                            lace_causal_view(m, b, layer), H, K, d, 1 / sqrtf((float)d), 0, &s->scratch);
    if (!c->unturned[layer]) ops->rope(dq, s->cosine, s->sine, -1, R, H, d);
    if (full) ops->add(dq, s->dq, (size_t)N * H * d);
    const float *dlinear = norm_backward(m, layer, P_Q_NORM, s->y, dq, a->q_raw, a->rstd_q, R * H, grad);
    bias_backward(m, layer, P_Q_BIAS, dlinear, R, grad);
    dy = lace_gradient(m, s, dlinear, H * d, R);
    lace_product_backward(m, layer, P_Q, s->dx, &dy, &a->x_in, R, false, grad);

    lace_gather_rows(s->k, s->dk, b->slot, R, K * d);
    if (!c->unturned[layer]) ops->rope(s->k, s->cosine, s->sine, -1, R, K, d);
    if (full) {
        lace_gather_rows(s->lk, s->dlk, b->slot, N, K * d);
        ops->rope(s->lk, s->lat_cosine, s->lat_sine, -1, N, K, d);
        ops->add(s->k, s->lk, (size_t)N * K * d);
    }
    dlinear = norm_backward(m, layer, P_K_NORM, s->y, s->k, a->k_raw, a->rstd_k, R * K, grad);
    bias_backward(m, layer, P_K_BIAS, dlinear, R, grad);
    dy = lace_gradient(m, s, dlinear, K * d, R);
    lace_product_backward(m, layer, P_K, s->dx, &dy, &a->x_in, R, true, grad);

    lace_gather_rows(s->v, s->dv, b->slot, R, K * d);
    bias_backward(m, layer, P_V_BIAS, s->v, R, grad);
    dy = lace_gradient(m, s, s->v, K * d, R);
    lace_product_backward(m, layer, P_V, s->dx, &dy, &a->x_in, R, true, grad);
    ops->rmsnorm_backward(s->dh, gradient_of(m, layer, P_INPUT_NORM, grad), s->dx, a->in, a->rstd_in,
                          lace_model_weight(m, layer, P_INPUT_NORM)->value, R, D);
}

void lace_backward(const struct lace_model *m, struct lace_state *s, const struct lace_cache *cache,
                   const struct lace_batch *b, float *grad, bool frozen)
{
    float *backbone = frozen ? NULL : grad;
    int lowest = frozen && m->lattice.kind != LACE_KIND_NONE ? m->lattice.layers[0] : 0;
    for (int layer = m->config.num_hidden_layers - 1; layer >= lowest; layer--) {
        feed_forward_backward(m, layer, &s->layers[layer], s, b->rows, backbone);
        attention_backward(m, layer, &s->layers[layer], s, cache, b, backbone, grad);
    }
    if (!frozen)
        m->ops->embedding_backward(grad + lace_model_weight(m, 0, P_EMBED)->offset, s->dh, b->token, b->rows,
                                   m->config.hidden_size);
}

/* Logits at a temperature, and their gradient from that of the quotients. */
static void divide(float *x, size_t count, float temperature)
{
    if (temperature == 0 || temperature == 1) return;
    for (size_t i = 0; i < count; i++) x[i] /= temperature;
}

void lace_loss(const struct lace_model *m, struct lace_state *s, const struct lace_batch *b, const int *target,
               const float *weight, float *logprob, float *grad, bool frozen)
{
    const struct lace_ops *ops = m->ops;
    int D = m->config.hidden_size, V = m->config.vocab_size;
    float *backbone = frozen ? NULL : grad, *lse = s->lse;
    const struct lace_weight *norm = lace_model_weight(m, 0, P_NORM);
    if (grad) memset(s->dh, 0, sizeof(float) * (size_t)b->rows * D);
    for (int first = 0; first < b->outs; first += s->out_cap) {
        int count = b->outs - first < s->out_cap ? b->outs - first : s->out_cap;
        lace_logits(m, s, b, first, count); /* leaves the gathered stream in s->y */
        divide(s->logits, (size_t)count * (size_t)V, b->temperature);
        ops->cross_entropy_forward(logprob + first, lse, s->logits, target + first, count, V);
        if (!grad) continue;
        ops->cross_entropy_backward(s->logits, lse, target + first, weight + first, count, V);
        divide(s->logits, (size_t)count * (size_t)V, b->temperature);
        struct lace_operand dy = lace_gradient(m, s, s->logits, V, count);
        lace_product_backward(m, 0, P_HEAD, s->dx, &dy, &s->out, count, false, backbone);
        memset(s->x, 0, sizeof(float) * (size_t)count * D);
        ops->rmsnorm_backward(s->x, gradient_of(m, 0, P_NORM, backbone), s->dx, s->y, s->rstd_out, norm->value, count,
                              D);
        for (int i = 0; i < count; i++)
            ops->add(s->dh + (size_t)b->out_row[first + i] * D, s->x + (size_t)i * D, (size_t)D);
    }
}
