/* Making a model from nothing, and attaching a lattice; load.c makes one from a directory. All ways build the list of
 * weights from the table, give it memory, fill it and pack it. */
#include "model/model_internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Appends the occurrences of the parameters first .. last - 1 to the list of weights; lattice tensors always come
 * after the backbone's, so that attaching a lattice leaves the backbone's offsets as they are. */
static int list_weights(struct lace_model *m, enum lace_param first, enum lace_param last, struct lace_error *err)
{
    int layers = m->config.num_hidden_layers, most = m->count + layers * (int)(last - first) + P_COUNT;
    struct lace_weight *grown = realloc(m->weights, sizeof *grown * (size_t)most);
    if (!grown) return lace_fail(err, LACE_MEMORY, "Out of memory for the list of weights.");
    m->weights = grown;
    for (int layer = 0; layer <= layers; layer++)
        for (enum lace_param p = first; p < last; p++) {
            const struct lace_param_spec *spec = &lace_params[p];
            if ((spec->scope == ONCE) != (layer == layers) || !lace_param_present(&m->config, &m->lattice, p, layer))
                continue;
            struct lace_weight *w = &m->weights[m->count];
            *w = (struct lace_weight){
                .param = p, .layer = spec->scope == ONCE ? -1 : layer, .offset = m->values, .packed = m->dtype};
            w->rows = lace_letter_size(spec->rows, &m->config, &m->lattice);
            w->cols = lace_letter_size(spec->cols, &m->config, &m->lattice);
            size_t values;
            if (!lace_mul((size_t)w->rows, (size_t)w->cols, &values) || !lace_add(values, 15, &values) ||
                !lace_add(m->values, values / 16 * 16, &m->values) || m->values > (size_t)1 << 40)
                return lace_fail(err, LACE_BAD, "The model's shapes are too large to hold.");
            m->index[layer][p] = m->count++;
        }
    return 0;
}

int lace_model_new(struct lace_model **out, const struct lace_config *config, const struct lace_lattice_config *lattice,
                   const struct lace_model_options *options, struct lace_error *err)
{
    struct lace_model *m = calloc(1, sizeof *m);
    *out = m;
    if (!m) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    m->config = *config;
    if (lattice) m->lattice = *lattice;
    m->ops = options && options->ops ? options->ops : lace_ops_cpu(err);
    if (!m->ops) return LACE_BAD;
    m->dtype = options && options->dtype >= 0  ? (enum lace_dtype)options->dtype
               : lace_ops_prefers_bf16(m->ops) ? LACE_BF16
                                               : LACE_F32;
    m->trained = options && options->train;
    m->index = malloc(sizeof *m->index * (size_t)(config->num_hidden_layers + 1));
    if (!m->index) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    memset(m->index, 0xff, sizeof *m->index * (size_t)(config->num_hidden_layers + 1));
    int code = list_weights(m, 0, P_LAT_NORM, err);
    return code || m->lattice.kind == LACE_KIND_NONE ? code : list_weights(m, P_LAT_NORM, P_COUNT, err);
}

int lace_model_give_master(struct lace_model *m, size_t kept, struct lace_error *err)
{
    if (!m->trained) return 0;
    float *grown = lace_alloc_array(m->values, sizeof(float));
    if (!grown) return lace_fail(err, LACE_MEMORY, "Out of memory: the weights need %zu MiB.", m->values >> 18);
    if (m->master) memcpy(grown, m->master, sizeof(float) * kept);
    lace_free(m->master);
    m->master = grown;
    for (int i = 0; i < m->count; i++) {
        struct lace_weight *w = &m->weights[i];
        w->value = m->master + w->offset;
        if (lace_params[w->param].form == TABLE) w->table = w->value, w->table_type = LACE_F32;
    }
    return 0;
}

/* Whether a weight has a matrix: a head's of its own, or the embedding's where the two are one. */
static bool has_matrix(const struct lace_model *m, const struct lace_weight *w)
{
    enum lace_form form = lace_params[w->param].form;
    return form == MATRIX || (form == TABLE && m->config.tie_word_embeddings);
}

int lace_model_give_packed(struct lace_model *m, struct lace_error *err)
{
    struct lace_arena count = {.base = NULL};
    if (m->trained) return 0;
    for (int i = 0; i < m->count; i++) {
        const struct lace_weight *w = &m->weights[i];
        if (has_matrix(m, w)) lace_arena_take(&count, m->ops->matrix_bytes(w->packed, w->cols, w->rows));
    }
    return count.used ? lace_arena_init(&m->packed, count.used, err) : 0;
}

static void *take_packed(struct lace_model *m, size_t bytes)
{
    void *piece = m->packed.base ? lace_arena_take(&m->packed, bytes) : NULL;
    return piece ? piece : lace_alloc(bytes);
}

static void free_packed(const struct lace_model *m, void *memory)
{
    uintptr_t base = (uintptr_t)m->packed.base;
    if (!base || (uintptr_t)memory < base || (uintptr_t)memory >= base + m->packed.size) lace_free(memory);
}

int lace_model_give(struct lace_model *m, struct lace_weight *w, struct lace_error *err)
{
    enum lace_form form = lace_params[w->param].form;
    if (!m->trained && form == VECTOR && !(w->value = lace_alloc_array((size_t)w->cols, sizeof(float)))) goto memory;
    if (!has_matrix(m, w)) return 0;
    if (m->trained && lace_dtype_has_blocks(w->packed))
        return lace_fail(err, LACE_BAD, "Weights of type %s cannot be trained; take the model in BF16, F16 or F32.",
                         lace_dtype_name(w->packed));
    w->matrix = (struct lace_matrix){w->cols, w->rows, w->packed, NULL, NULL};
    if (!(w->matrix.forward = take_packed(m, m->ops->matrix_bytes(w->packed, w->cols, w->rows)))) goto memory;
    if (m->trained && !(w->matrix.backward = lace_alloc(m->ops->matrix_bytes(m->dtype, w->rows, w->cols)))) goto memory;
    return 0;
memory:
    return lace_fail(err, LACE_MEMORY, "Out of memory for the weights; a smaller model or more memory is needed.");
}

int lace_model_give_table(struct lace_weight *w, enum lace_dtype type, struct lace_error *err)
{
    w->table_type = type;
    w->table = lace_alloc(lace_dtype_size(type, (size_t)w->rows * w->cols));
    return w->table ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for the embedding.");
}

int lace_model_give_all(struct lace_model *m, int first, struct lace_error *err)
{
    int code = lace_model_give_master(m, first < m->count ? m->weights[first].offset : 0, err);
    if (!code && !first) code = lace_model_give_packed(m, err);
    for (int i = first; i < m->count && !code; i++) {
        code = lace_model_give(m, &m->weights[i], err);
        if (!code && !m->trained && lace_params[m->weights[i].param].form == TABLE)
            code = lace_model_give_table(&m->weights[i], m->weights[i].packed, err);
    }
    return code;
}

void lace_model_free(struct lace_model **model)
{
    struct lace_model *m = *model;
    if (!m) return;
    for (int i = 0; i < m->count; i++) {
        struct lace_weight *w = &m->weights[i];
        if (!m->master) {
            lace_free(w->value);
            if (!w->mapped) lace_free((void *)w->table);
        }
        free_packed(m, w->matrix.forward);
        lace_free(w->matrix.backward);
    }
    lace_arena_release(&m->packed);
    lace_free(m->master);
    lace_weights_close(&m->source);
    lace_free(m->config_json);
    free(m->warning);
    free(m->index);
    free(m->weights);
    free(m);
    *model = NULL;
}

void lace_model_repack(struct lace_model *m, bool lattice_only)
{
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < m->count; i++) {
        struct lace_weight *w = &m->weights[i];
        if (w->matrix.forward && w->value && (!lattice_only || lace_weight_is_lattice(w)))
            m->ops->matrix_pack(&w->matrix, w->value, LACE_F32);
    }
}

/* ---- from nothing ---- */

static void fill_normal(float *out, size_t count, double sigma, struct lace_rng *rng)
{
    for (size_t i = 0; i < count; i++) out[i] = (float)(sigma * lace_rng_normal(rng));
}

double lace_model_start_sigma(const struct lace_model *m, const struct lace_weight *w)
{
    if (lace_weight_is_lattice(w)) return 1 / sqrt(w->cols);
    bool into_stream = w->param == P_O || w->param == P_DOWN; /* GPT-2's scaling of what adds to the residual stream */
    return into_stream ? 0.02 / sqrt(2.0 * m->config.num_hidden_layers) : 0.02;
}

/* Start values of the weights from index first on; each tensor has its own stream. */
static void start_values(struct lace_model *m, int first, uint64_t seed)
{
    for (int i = first; i < m->count; i++) {
        struct lace_weight *w = &m->weights[i];
        const struct lace_param_spec *spec = &lace_params[w->param];
        size_t count = (size_t)w->rows * w->cols;
        struct lace_rng rng;
        lace_rng_init(&rng, seed, (uint64_t)i);
        if (spec->form == VECTOR)
            for (size_t j = 0; j < count; j++) w->value[j] = spec->constant;
        else fill_normal(w->value, count, lace_model_start_sigma(m, w), &rng);
    }
}

int lace_model_create(struct lace_model **model, const struct lace_config *config, uint64_t seed,
                      const struct lace_model_options *options, struct lace_error *err)
{
    struct lace_model_options trained = options ? *options : (struct lace_model_options){.dtype = -1};
    trained.train = true;
    *model = NULL;
    int code = lace_config_check(config, "The new model", err);
    if (!code) code = lace_model_new(model, config, NULL, &trained, err);
    if (!code) code = lace_model_give_all(*model, 0, err);
    if (code) {
        lace_model_free(model);
        return code;
    }
    start_values(*model, 0, seed);
    lace_model_repack(*model, false);
    return 0;
}

/* up = (v down)^T, each column scaled to length 1: the first thing the lattice can do is to copy what the other
 * thread's attention gave, back into the directions it came from. Needs H * d = D, else the random start stays. */
static void tie_up(struct lace_model *m, int layer)
{
    struct lace_weight *down = lace_model_weight(m, layer, P_LAT_DOWN), *v = lace_model_weight(m, layer, P_LAT_V),
                       *up = lace_model_weight(m, layer, P_LAT_UP);
    int r = m->lattice.width, D = m->config.hidden_size;
    if (down->cols != D) return;
    for (int j = 0; j < r; j++) {
        double length = 0;
        for (int i = 0; i < D; i++) {
            double sum = 0;
            for (int k = 0; k < r; k++) sum += (double)v->value[(size_t)j * r + k] * down->value[(size_t)k * D + i];
            up->value[(size_t)i * r + j] = (float)sum;
            length += sum * sum;
        }
        for (int i = 0; i < D; i++) up->value[(size_t)i * r + j] /= (float)sqrt(length);
    }
}

/* Start values of the lattice, whose weights begin at index first. */
static void start_lattice(struct lace_model *m, int first, const struct lace_lattice_start *start)
{
    const struct lace_lattice_config *lattice = &m->lattice;
    start_values(m, first, start->seed);
    for (int i = 0; i < lattice->layer_count; i++) {
        int layer = lattice->layers[i];
        struct lace_weight *gate = lace_model_weight(m, layer, P_LAT_GATE),
                           *bias = lace_model_weight(m, layer, P_LAT_GATE_BIAS),
                           *alpha = lace_model_weight(m, layer, P_LAT_ALPHA);
        memset(gate->value, 0, sizeof(float) * (size_t)gate->rows * gate->cols);
        for (int h = 0; h < lattice->heads; h++) {
            bias->value[h] = logf(start->gate / (1 - start->gate));
            alpha->value[h] = start->alpha;
        }
        if (!start->tied || lattice->kind != LACE_KIND_LATTICE) continue;
        struct lace_weight *q = lace_model_weight(m, layer, P_LAT_Q), *k = lace_model_weight(m, layer, P_LAT_K);
        memcpy(k->value, q->value, sizeof(float) * (size_t)q->rows * q->cols);
        tie_up(m, layer);
    }
}

static int check_start(const struct lace_lattice_config *lattice, const struct lace_config *config,
                       const struct lace_lattice_start *start, struct lace_error *err)
{
    if (!(start->gate > 0 && start->gate < 1))
        return lace_fail(err, LACE_BAD, "The gate must start between 0 and 1, not at %g.", start->gate);
    return lace_lattice_config_check(lattice, config, "The new lattice", err);
}

int lace_model_attach(struct lace_model *m, const struct lace_lattice_config *lattice,
                      const struct lace_lattice_start *start, struct lace_error *err)
{
    int first = m->count, code;
    if (m->lattice.kind != LACE_KIND_NONE) return lace_fail(err, LACE_BAD, "The model has a lattice already.");
    if ((code = check_start(lattice, &m->config, start, err))) return code;
    m->lattice = *lattice;
    if ((code = list_weights(m, P_LAT_NORM, P_COUNT, err)) || (code = lace_model_give_all(m, first, err))) return code;
    start_lattice(m, first, start);
    lace_model_repack(m, true);
    return 0;
}

int lace_model_lattice(struct lace_model **model, const struct lace_config *config,
                       const struct lace_lattice_config *lattice, const struct lace_lattice_start *start,
                       struct lace_error *err)
{
    *model = NULL;
    int first = 0, code = check_start(lattice, config, start, err);
    if (!code) code = lace_model_new(model, config, lattice, NULL, err);
    struct lace_model *m = *model;
    while (!code && !lace_weight_is_lattice(&m->weights[first])) first++;
    for (int i = first; !code && i < m->count; i++) {
        struct lace_weight *w = &m->weights[i];
        if (!(w->value = lace_alloc_array((size_t)w->rows * w->cols, sizeof(float))))
            code = lace_fail(err, LACE_MEMORY, "Out of memory for the new lattice.");
    }
    if (code) lace_model_free(model);
    else start_lattice(m, first, start);
    return code;
}
