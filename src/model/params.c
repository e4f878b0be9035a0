/* The one table of tensors, and the occurrences of its rows in a model. */
#include "model/model.h"
#include <stdio.h>

const struct lace_param_spec lace_params[P_COUNT] = {
    [P_EMBED] = {"model.embed_tokens.weight", ONCE, TABLE, N_V, N_D, 0, 0},
    [P_INPUT_NORM] = {"model.layers.%d.input_layernorm.weight", PER_LAYER, VECTOR, N_ONE, N_D, 0, 1},
    [P_Q] = {"model.layers.%d.self_attn.q_proj.weight", PER_LAYER, MATRIX, N_Q, N_D, 0, 0},
    [P_K] = {"model.layers.%d.self_attn.k_proj.weight", PER_LAYER, MATRIX, N_KV, N_D, 0, 0},
    [P_V] = {"model.layers.%d.self_attn.v_proj.weight", PER_LAYER, MATRIX, N_KV, N_D, 0, 0},
    [P_Q_BIAS] = {"model.layers.%d.self_attn.q_proj.bias", PER_LAYER, VECTOR, N_ONE, N_Q, 0, 0},
    [P_K_BIAS] = {"model.layers.%d.self_attn.k_proj.bias", PER_LAYER, VECTOR, N_ONE, N_KV, 0, 0},
    [P_V_BIAS] = {"model.layers.%d.self_attn.v_proj.bias", PER_LAYER, VECTOR, N_ONE, N_KV, 0, 0},
    [P_Q_NORM] = {"model.layers.%d.self_attn.q_norm.weight", PER_LAYER, VECTOR, N_ONE, N_HD, 0, 1},
    [P_K_NORM] = {"model.layers.%d.self_attn.k_norm.weight", PER_LAYER, VECTOR, N_ONE, N_HD, 0, 1},
    [P_O] = {"model.layers.%d.self_attn.o_proj.weight", PER_LAYER, MATRIX, N_D, N_Q, 0, 0},
    [P_O_BIAS] = {"model.layers.%d.self_attn.o_proj.bias", PER_LAYER, VECTOR, N_ONE, N_D, 0, 0},
    [P_POST_NORM] = {"model.layers.%d.post_attention_layernorm.weight", PER_LAYER, VECTOR, N_ONE, N_D, 0, 1},
    [P_GATE] = {"model.layers.%d.mlp.gate_proj.weight", PER_LAYER, MATRIX, N_F, N_D, 0, 0},
    [P_UP] = {"model.layers.%d.mlp.up_proj.weight", PER_LAYER, MATRIX, N_F, N_D, 0, 0},
    [P_DOWN] = {"model.layers.%d.mlp.down_proj.weight", PER_LAYER, MATRIX, N_D, N_F, 0, 0},
    [P_GATE_BIAS] = {"model.layers.%d.mlp.gate_proj.bias", PER_LAYER, VECTOR, N_ONE, N_F, 0, 0},
    [P_UP_BIAS] = {"model.layers.%d.mlp.up_proj.bias", PER_LAYER, VECTOR, N_ONE, N_F, 0, 0},
    [P_DOWN_BIAS] = {"model.layers.%d.mlp.down_proj.bias", PER_LAYER, VECTOR, N_ONE, N_D, 0, 0},
    [P_NORM] = {"model.norm.weight", ONCE, VECTOR, N_ONE, N_D, 0, 1},
    [P_HEAD] = {"lm_head.weight", ONCE, MATRIX, N_V, N_D, 0, 0},
    [P_LAT_NORM] = {"layers.%d.lattice.norm.weight", PER_LATTICE_LAYER, VECTOR, N_ONE, N_Q, 1, 1},
    [P_LAT_DOWN] = {"layers.%d.lattice.down.weight", PER_LATTICE_LAYER, MATRIX, N_R, N_Q, 0, 0},
    [P_LAT_Q] = {"layers.%d.lattice.q.weight", PER_LATTICE_LAYER, MATRIX, N_R, N_R, 0, 0},
    [P_LAT_K] = {"layers.%d.lattice.k.weight", PER_LATTICE_LAYER, MATRIX, N_R, N_R, 0, 0},
    [P_LAT_V] = {"layers.%d.lattice.v.weight", PER_LATTICE_LAYER, MATRIX, N_R, N_R, 0, 0},
    [P_LAT_GATE] = {"layers.%d.lattice.gate.weight", PER_LATTICE_LAYER, MATRIX, N_M, N_G, 1, 0},
    [P_LAT_GATE_BIAS] = {"layers.%d.lattice.gate.bias", PER_LATTICE_LAYER, VECTOR, N_ONE, N_M, 1, 0},
    [P_LAT_ALPHA] = {"layers.%d.lattice.alpha", PER_LATTICE_LAYER, VECTOR, N_ONE, N_M, 1, 0},
    [P_LAT_UP] = {"layers.%d.lattice.up.weight", PER_LATTICE_LAYER, MATRIX, N_D, N_R, 0, 0},
};

bool lace_param_present(const struct lace_config *c, const struct lace_lattice_config *l, enum lace_param p, int layer)
{
    switch (p) {
    case P_HEAD: return !c->tie_word_embeddings;
    case P_Q_NORM:
    case P_K_NORM: return lace_config_qk_norm(c);
    case P_Q_BIAS:
    case P_K_BIAS:
    case P_V_BIAS: return c->attention_bias;
    case P_O_BIAS: return c->output_bias;
    case P_GATE_BIAS:
    case P_UP_BIAS:
    case P_DOWN_BIAS: return c->mlp_bias;
    default: break;
    }
    if (lace_params[p].scope != PER_LATTICE_LAYER) return true;
    return lace_lattice_layer(l, layer) >= 0 && (l->kind == LACE_KIND_LATTICE || lace_params[p].full);
}

int lace_letter_size(enum lace_letter letter, const struct lace_config *c, const struct lace_lattice_config *l)
{
    switch (letter) {
    case N_ONE: return 1;
    case N_D: return c->hidden_size;
    case N_V: return c->vocab_size;
    case N_F: return c->intermediate_size;
    case N_Q: return c->num_attention_heads * c->head_dim;
    case N_KV: return c->num_key_value_heads * c->head_dim;
    case N_HD: return c->head_dim;
    case N_R: return l->width;
    case N_M: return l->heads;
    case N_G: return l->kind == LACE_KIND_FULL ? c->num_attention_heads * c->head_dim : l->width;
    }
    return 0;
}

struct lace_weight *lace_model_weight(const struct lace_model *m, int layer, enum lace_param param)
{
    if (param == P_HEAD && m->config.tie_word_embeddings) param = P_EMBED;
    int row = lace_params[param].scope == ONCE ? m->config.num_hidden_layers : layer;
    int i = m->index[row][param];
    return i < 0 ? NULL : &m->weights[i];
}

const char *lace_weight_name(const struct lace_weight *weight, char *text)
{
    /* the formats are the table's own, each with at most one %d */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, 96, lace_params[weight->param].name, weight->layer);
#pragma GCC diagnostic pop
    return text;
}

bool lace_weight_is_lattice(const struct lace_weight *weight) { return weight->param >= P_LAT_NORM; }

void lace_model_count(const struct lace_model *m, size_t *backbone, size_t *lattice)
{
    *backbone = *lattice = 0;
    for (int i = 0; i < m->count; i++)
        *(lace_weight_is_lattice(&m->weights[i]) ? lattice : backbone) +=
            (size_t)m->weights[i].rows * m->weights[i].cols;
}

enum lace_dtype lace_model_kv_dtype(const struct lace_model *m)
{
    enum lace_dtype kv = m->dtype;
    for (int i = 0; i < m->count; i++)
        if (m->weights[i].matrix.forward && lace_dtype_has_blocks(m->weights[i].packed)) kv = LACE_BF16;
    return kv;
}

const char *lace_model_dtype_name(const struct lace_model *m)
{
    static const char *const names[LACE_DTYPES] = {"f32", "bf16", "f16", "q8_0", "q4_0", "q4_k", "q5_k", "q6_k"};
    size_t count[LACE_DTYPES] = {0};
    enum lace_dtype most = m->dtype;
    for (int i = 0; i < m->count; i++)
        if (m->weights[i].matrix.forward)
            count[m->weights[i].packed] += (size_t)m->weights[i].rows * m->weights[i].cols;
    for (enum lace_dtype type = 0; type < LACE_DTYPES; type++)
        if (count[type] > count[most]) most = type;
    return names[most];
}
