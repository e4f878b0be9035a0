/* One composition for all families; where they differ, the configuration says so.
 *
 * h <- h + o_proj(attention(rmsnorm(h))) [+ the lattice];  h <- h + down(silu(gate x) * up x), x = rmsnorm(h) */
#include "model/forward.h"
#include <math.h>
#include <string.h>

/* cos and sin of the angle of each rotary pair: coordinate of its axis times theta^(-2j/dims), j counted within
 * the axis: the lattice's three. */
static void rotation(float *cosine, float *sine, const int *const *coordinate, const int *dims, const double *theta,
                     int axes, int rows)
{
    float frequency[1024]; /* head_dim is at most 1024, checked in config.c */
    int pairs = 0;
    for (int axis = 0; axis < axes; axis++)
        for (int j = 0; j < dims[axis] / 2; j++) frequency[pairs++] = (float)pow(theta[axis], -2.0 * j / dims[axis]);
#pragma omp parallel for if (rows > 64)
    for (int r = 0; r < rows; r++) {
        float *c = cosine + (size_t)r * pairs, *s = sine + (size_t)r * pairs;
        int pair = 0;
        for (int axis = 0; axis < axes; axis++)
            for (int j = 0; j < dims[axis] / 2; j++, pair++) {
                float angle = (float)coordinate[axis][r] * frequency[pair];
                c[pair] = cosf(angle);
                s[pair] = sinf(angle);
            }
    }
}

/* The backbone's one axis, scaled as its family wants it. */
static void backbone_rotation(const struct lace_config *c, struct lace_state *s, const int *position, int rows)
{
    float shared[1024];
    int pairs = c->head_dim / 2;
    bool varies = c->rope.type == LACE_ROPE_DYNAMIC;
    float scale = lace_rope_frequencies(c, 0, shared);
#pragma omp parallel for if (rows > 64)
    for (int r = 0; r < rows; r++) {
        float own[1024];
        const float *frequency = shared;
        if (varies && position[r] >= c->max_position_embeddings) {
            lace_rope_frequencies(c, position[r], own);
            frequency = own;
        }
        for (int i = 0; i < pairs; i++) {
            float angle = (float)position[r] * frequency[i];
            s->cosine[(size_t)r * pairs + i] = scale * cosf(angle);
            s->sine[(size_t)r * pairs + i] = scale * sinf(angle);
        }
    }
}

static void rotations(const struct lace_model *m, struct lace_state *s, const struct lace_batch *b)
{
    const struct lace_lattice_config *l = &m->lattice;
    backbone_rotation(&m->config, s, b->position, b->rows);
    if (b->lattice.view.blocks == 0) return;
    /* full collaboration keeps the backbone's own coordinate on the token axis */
    const int *token_axis = l->kind == LACE_KIND_FULL ? b->position : b->time;
    rotation(s->lat_cosine, s->lat_sine, (const int *const[]){token_axis, b->thread, b->step}, l->axes, l->theta,
             LACE_AXES, b->lattice_rows);
}

static void product(const struct lace_model *m, int layer, enum lace_param p, float *y, const struct lace_operand *x,
                    int rows, bool add)
{
    m->ops->matrix_forward(y, x, &lace_model_weight(m, layer, p)->matrix, rows, add);
}

/* y += the bias, where this model has one. */
static void bias(const struct lace_model *m, int layer, enum lace_param p, float *y, int rows)
{
    const struct lace_weight *w = lace_model_weight(m, layer, p);
    if (w) m->ops->bias_forward(y, w->value, rows, w->cols);
}

static void attention_block(const struct lace_model *m, int layer, struct lace_layer_state *a, struct lace_state *s,
                            struct lace_cache *cache, const struct lace_batch *b)
{
    const struct lace_config *c = &m->config;
    const struct lace_ops *ops = m->ops;
    int R = b->rows, D = c->hidden_size, H = c->num_attention_heads, K = c->num_key_value_heads, d = c->head_dim;
    float eps = (float)c->rms_norm_eps;
    void *k_layer = lace_cache_layer(cache, cache->k, layer), *v_layer = lace_cache_layer(cache, cache->v, layer);
    int lattice = b->lattice.view.blocks ? lace_lattice_layer(&m->lattice, layer) : -1;
    bool normed = lace_config_qk_norm(c);
    float *q = normed ? a->q_raw : a->q, *k = normed ? a->k_raw : s->k;

    ops->rmsnorm_forward(s->x, a->rstd_in, a->in, lace_model_weight(m, layer, P_INPUT_NORM)->value, eps, R, D);
    ops->operand_make(&a->x_in, s->x, R);
    product(m, layer, P_Q, q, &a->x_in, R, false);
    product(m, layer, P_K, k, &a->x_in, R, false);
    product(m, layer, P_V, s->v, &a->x_in, R, false);
    bias(m, layer, P_Q_BIAS, q, R);
    bias(m, layer, P_K_BIAS, k, R);
    bias(m, layer, P_V_BIAS, s->v, R);
    if (normed) {
        ops->rmsnorm_forward(a->q, a->rstd_q, q, lace_model_weight(m, layer, P_Q_NORM)->value, eps, R * H, d);
        ops->rmsnorm_forward(s->k, a->rstd_k, k, lace_model_weight(m, layer, P_K_NORM)->value, eps, R * K, d);
    }
    if (lattice >= 0 && m->lattice.kind == LACE_KIND_FULL) { /* the same queries and keys, turned by three axes */
        memcpy(a->lq, a->q, sizeof(float) * (size_t)b->lattice_rows * H * d);
        memcpy(s->lk, s->k, sizeof(float) * (size_t)b->lattice_rows * K * d);
        ops->rope(a->lq, s->lat_cosine, s->lat_sine, 1, b->lattice_rows, H, d);
        ops->rope(s->lk, s->lat_cosine, s->lat_sine, 1, b->lattice_rows, K, d);
        lace_store_rows(cache, lace_cache_lattice(cache, cache->lk, lattice), s->lk, b->slot, b->lattice_rows, K * d,
                        ops);
    }
    if (!c->unturned[layer]) {
        ops->rope(a->q, s->cosine, s->sine, 1, R, H, d);
        ops->rope(s->k, s->cosine, s->sine, 1, R, K, d);
    }
    lace_store_rows(cache, k_layer, s->k, b->slot, R, K * d, ops);
    lace_store_rows(cache, v_layer, s->v, b->slot, R, K * d, ops);
    lace_attend(ops, cache, a->att, a->lse, a->q, k_layer, v_layer, lace_causal_view(m, b, layer), H, K, d,
                1 / sqrtf((float)d), 0, &s->scratch);

    if (a->mid != a->in) memcpy(a->mid, a->in, sizeof(float) * (size_t)R * D);
    ops->operand_make(&a->att_op, a->att, R);
    if (lattice >= 0) lace_lattice_forward(m, layer, a, s, cache, b);
    product(m, layer, P_O, a->mid, &a->att_op, R, true);
    bias(m, layer, P_O_BIAS, a->mid, R);
}

static void feed_forward_block(const struct lace_model *m, int layer, struct lace_layer_state *a, float *out,
                               struct lace_state *s, int R)
{
    const struct lace_config *c = &m->config;
    const struct lace_ops *ops = m->ops;
    int D = c->hidden_size, F = c->intermediate_size;
    const float *norm = lace_model_weight(m, layer, P_POST_NORM)->value;
    for (int r = 0, rows; r < R; r += rows) {
        rows = lace_piece_rows(s, R - r);
        float *mid = a->mid + (size_t)r * D, *gate = a->gate + (size_t)r * F, *up = a->up + (size_t)r * F,
              *to = out + (size_t)r * D;
        struct lace_operand x = lace_operand_rows(&a->x_mid, r), hidden = lace_operand_rows(&a->hidden, r);
        ops->rmsnorm_forward(s->x, a->rstd_mid + r, mid, norm, (float)c->rms_norm_eps, rows, D);
        ops->operand_make(&x, s->x, rows);
        product(m, layer, P_GATE, gate, &x, rows, false);
        product(m, layer, P_UP, up, &x, rows, false);
        bias(m, layer, P_GATE_BIAS, gate, rows);
        bias(m, layer, P_UP_BIAS, up, rows);
        ops->swiglu_forward(s->x, gate, up, (size_t)rows * F);
        ops->operand_make(&hidden, s->x, rows);
        if (to != mid) memcpy(to, mid, sizeof(float) * (size_t)rows * D);
        product(m, layer, P_DOWN, to, &hidden, rows, true);
        bias(m, layer, P_DOWN_BIAS, to, rows);
    }
}

void lace_forward(const struct lace_model *m, struct lace_state *s, struct lace_cache *cache,
                  const struct lace_batch *b)
{
    int L = m->config.num_hidden_layers;
    const struct lace_weight *embed = lace_model_weight(m, 0, P_EMBED);
    rotations(m, s, b);
    m->ops->embedding_forward(s->layers[0].in, embed->table, embed->table_type, b->token, b->rows,
                              m->config.hidden_size);
    for (int layer = 0; layer < L; layer++) {
        attention_block(m, layer, &s->layers[layer], s, cache, b);
        feed_forward_block(m, layer, &s->layers[layer], layer + 1 < L ? s->layers[layer + 1].in : s->last, s, b->rows);
    }
}

void lace_logits(const struct lace_model *m, struct lace_state *s, const struct lace_batch *b, int first, int count)
{
    int D = m->config.hidden_size;
    if (!count) return; /* threads that still read their tags */
    for (int i = 0; i < count; i++)
        memcpy(s->y + (size_t)i * D, s->last + (size_t)b->out_row[first + i] * D, sizeof(float) * (size_t)D);
    m->ops->rmsnorm_forward(s->x, s->rstd_out, s->y, lace_model_weight(m, 0, P_NORM)->value,
                            (float)m->config.rms_norm_eps, count, D);
    m->ops->operand_make(&s->out, s->x, count);
    product(m, 0, P_HEAD, s->logits, &s->out, count, false);
}
