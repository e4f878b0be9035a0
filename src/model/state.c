/* Memory of a pass: one block, laid out once by a first run that only counts. */
#include "model/forward.h"
#include <stdlib.h>

struct plan { /* hands out pieces of the arena, or only counts them */
    struct lace_arena *arena;
    enum lace_dtype dtype;
    bool codes; /* operands carry codes for matrices of blocks */
    bool training;
};

/* LACE_ROW_PAD is for what oneDNN meets: many rows, and training. With it the logits of a few rows would be as large as
 * a tenth of a small quantised model. */
static size_t with_room(const struct plan *p, size_t rows)
{
    return p->training || rows > LACE_FEW_ROWS ? LACE_PAD_ROWS(rows) : rows;
}

static float *floats(struct plan *p, size_t rows, size_t cols)
{
    return lace_arena_take(p->arena, with_room(p, rows) * cols * sizeof(float));
}

static struct lace_operand operand(struct plan *p, size_t rows, int cols)
{
    return (struct lace_operand){
        p->dtype, cols, lace_arena_take(p->arena, with_room(p, rows) * (size_t)cols * (p->dtype == LACE_BF16 ? 2 : 4)),
        NULL, !p->training};
}

/* Of inputs to the backbone's matrices, which may be of blocks. */
static struct lace_operand coded(struct plan *p, size_t rows, int cols)
{
    struct lace_operand x = operand(p, rows, cols);
    if (p->codes && cols % 32 == 0) x.codes = lace_arena_take(p->arena, rows * (size_t)(cols / 32) * sizeof *x.codes);
    return x;
}

static size_t widest(size_t a, size_t b) { return a > b ? a : b; }

static void lay_out_layer(struct plan *p, struct lace_layer_state *a, const struct lace_model *m, size_t R,
                          bool lattice)
{
    const struct lace_config *c = &m->config;
    const struct lace_lattice_config *l = &m->lattice;
    size_t D = (size_t)c->hidden_size, F = (size_t)c->intermediate_size, H = (size_t)c->num_attention_heads,
           K = (size_t)c->num_key_value_heads, d = (size_t)c->head_dim;
    a->in = floats(p, R, D);
    a->mid = floats(p, R, D);
    a->rstd_in = floats(p, R, 1);
    a->rstd_mid = floats(p, R, 1);
    a->x_in = coded(p, R, (int)D);
    a->x_mid = coded(p, R, (int)D);
    if (lace_config_qk_norm(c)) {
        a->q_raw = floats(p, R, H * d);
        a->k_raw = floats(p, R, K * d);
        a->rstd_q = floats(p, R, H);
        a->rstd_k = floats(p, R, K);
    }
    a->q = floats(p, R, H * d);
    a->att = floats(p, R, H * d);
    a->lse = floats(p, R, H);
    a->att_op = coded(p, R, (int)(H * d));
    a->gate = floats(p, R, F);
    a->up = floats(p, R, F);
    a->hidden = coded(p, R, (int)F);
    if (!lattice) return;
    a->rstd_lat = floats(p, R, 1);
    a->lat_in = operand(p, R, (int)(H * d));
    a->z = operand(p, R, l->width);
    a->lq = floats(p, R, (size_t)l->width);
    a->lo = floats(p, R, (size_t)l->width);
    a->llse = floats(p, R, (size_t)l->heads);
    a->lg = floats(p, R, (size_t)l->heads);
    a->lu = operand(p, R, l->width);
}

static void lay_out(struct lace_state *s, struct plan *p, const struct lace_model *m,
                    const struct lace_state_options *o)
{
    const struct lace_config *c = &m->config;
    size_t R = (size_t)o->rows, S = (size_t)o->slots, D = (size_t)c->hidden_size,
           Q = (size_t)c->num_attention_heads * c->head_dim, KV = (size_t)c->num_key_value_heads * c->head_dim,
           F = (size_t)c->intermediate_size, V = (size_t)c->vocab_size,
           W = m->lattice.kind == LACE_KIND_NONE ? 0 : (size_t)m->lattice.width,
           wide = widest(widest(D, Q), widest(F, W));
    bool lattice = m->lattice.kind != LACE_KIND_NONE;
    for (int layer = 0; layer < (o->training ? c->num_hidden_layers : 1); layer++)
        lay_out_layer(p, &s->layers[layer], m, R, o->training ? lace_lattice_layer(&m->lattice, layer) >= 0 : lattice);
    if (!o->training) s->layers[0].mid = s->layers[0].in; /* the stream flows through one buffer */
    for (int layer = 1; layer < c->num_hidden_layers && !o->training; layer++) s->layers[layer] = s->layers[0];
    s->last = o->training ? floats(p, R, D) : s->layers[0].in;
    s->x = floats(p, R, wide);
    s->y = floats(p, R, wide);
    s->k = floats(p, R, KV);
    s->v = floats(p, R, KV);
    if (lattice) {
        s->lk = floats(p, R, W);
        s->lv = floats(p, R, W);
        s->lat_cosine = floats(p, R, W / (size_t)m->lattice.heads / 2);
        s->lat_sine = floats(p, R, W / (size_t)m->lattice.heads / 2);
    }
    s->cosine = floats(p, R, (size_t)c->head_dim / 2);
    s->sine = floats(p, R, (size_t)c->head_dim / 2);
    s->rstd_out = floats(p, (size_t)o->outs, 1);
    s->out = coded(p, (size_t)o->outs, (int)D);
    s->logits = floats(p, (size_t)o->outs, V);
    s->lse = floats(p, (size_t)o->outs, 1);
    s->scratch.base = lace_arena_take(p->arena, s->scratch.bytes_each * (size_t)s->scratch.workers);
    if (!o->training) return;
    s->dh = floats(p, R, D);
    s->dx = floats(p, R, wide);
    s->dq = floats(p, R, Q);
    s->datt = floats(p, R, Q);
    s->dgate = floats(p, R, widest(F, W)); /* the lattice's backward pass borrows these two */
    s->dup = floats(p, R, widest(F, W));
    s->dk = floats(p, S, KV);
    s->dv = floats(p, S, KV);
    if (lattice) {
        s->dlk = floats(p, S, W);
        s->dlv = floats(p, S, W);
    }
    s->dy = operand(p, widest(R, (size_t)o->outs), (int)widest(wide, V));
    s->dy_gate = operand(p, R, (int)F);
    s->dy_up = operand(p, R, (int)F);
}

static size_t scratch_bytes(const struct lace_model *m, int max_keys)
{
    const struct lace_view view = {.max_keys = max_keys};
    const struct lace_config *c = &m->config;
    size_t bytes = m->ops->attention_scratch(&view, c->num_attention_heads, c->num_key_value_heads, c->head_dim),
           lattice = 0;
    if (m->lattice.kind == LACE_KIND_LATTICE)
        lattice =
            m->ops->attention_scratch(&view, m->lattice.heads, m->lattice.heads, m->lattice.width / m->lattice.heads);
    return (widest(bytes, lattice) + 63) / 64 * 64;
}

static bool has_codes(const struct lace_model *m)
{
    bool codes = false;
    for (int i = 0; i < m->count; i++) codes |= lace_dtype_has_blocks(m->weights[i].packed);
    return codes;
}

size_t lace_state_bytes(const struct lace_model *m, const struct lace_state_options *o)
{
    struct lace_state s = {.scratch = {o->workers, scratch_bytes(m, o->max_keys), NULL}};
    struct lace_arena count = {0};
    if (!(s.layers = calloc((size_t)m->config.num_hidden_layers, sizeof *s.layers))) return 0;
    lay_out(&s, &(struct plan){&count, m->dtype, has_codes(m), o->training}, m, o);
    free(s.layers);
    return count.used;
}

int lace_state_init(struct lace_state *s, const struct lace_model *m, const struct lace_state_options *o,
                    struct lace_error *err)
{
    *s = (struct lace_state){.row_cap = o->rows, .training = o->training, .out_cap = o->outs};
    s->layers = calloc((size_t)m->config.num_hidden_layers, sizeof *s->layers);
    if (!s->layers) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    s->scratch = (struct lace_scratch){o->workers, scratch_bytes(m, o->max_keys), NULL};
    int code = lace_arena_init(&s->memory, lace_state_bytes(m, o), err);
    if (code) {
        lace_state_release(s);
        return code;
    }
    lay_out(s, &(struct plan){&s->memory, m->dtype, has_codes(m), o->training}, m, o);
    return 0;
}

void lace_state_release(struct lace_state *s)
{
    free(s->layers);
    lace_arena_release(&s->memory);
    *s = (struct lace_state){0};
}
