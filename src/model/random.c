/* Random models for measurements: rows are cut at random places from a short pool of random numbers or blocks, and
 * packed at once, so that no f32 copy of a large model is ever held. */
#include "model/model_internal.h"
#include <string.h>

enum { NORMALS = 1 << 16, BLOCKS = 1 << 12 };

struct pool {
    struct lace_rng rng;
    float *normals;   /* (NORMALS) */
    uint16_t *halves; /* (NORMALS and a row more): bf16 of the weight at hand */
    uint8_t *blocks;  /* (BLOCKS and a row more): of the weight at hand */
};

/* All bytes of a block are random but its f16 factors, which give its numbers about the deviation sigma and, where
 * there are mins, a mean of about 0. */
static void draw_blocks(struct pool *p, enum lace_dtype type, double sigma, size_t count)
{
    static const struct {
        int at;           /* of d; dmin follows it */
        double unit, min; /* the deviation for d = 1; dmin for d = 1 */
    } of[LACE_DTYPES] = {[LACE_Q8_0] = {0, 74, 0},
                         [LACE_Q4_0] = {0, 4.6, 0},
                         [LACE_Q4_K] = {0, 240, 7.5},
                         [LACE_Q5_K] = {0, 490, 15.5},
                         [LACE_Q6_K] = {208, 1350, 0}};
    size_t bytes = (size_t)lace_dtype_bytes(type);
    uint16_t d = lace_f32_to_f16((float)(sigma / of[type].unit)),
             min = lace_f32_to_f16((float)(sigma / of[type].unit * of[type].min));
    for (size_t b = 0; b < count; b++) {
        uint8_t *to = p->blocks + b * bytes;
        for (size_t i = 0; i < bytes; i++) to[i] = (uint8_t)lace_rng_u32(&p->rng);
        memcpy(to + of[type].at, &d, sizeof d);
        if (of[type].min > 0) memcpy(to + of[type].at + sizeof d, &min, sizeof min);
    }
}

/* The rows of a weight in its own type, from a pool of `count` units of `bytes` each; a row is `units` of them. */
static void draw_rows(struct pool *p, uint8_t *to, const void *pool, uint32_t count, size_t bytes, size_t units,
                      int rows)
{
    for (int row = 0; row < rows; row++, to += units * bytes)
        memcpy(to, (const uint8_t *)pool + lace_rng_below(&p->rng, count) * bytes, units * bytes);
}

static int fill(struct lace_model *m, struct lace_weight *w, struct pool *p, struct lace_error *err)
{
    bool blocks = lace_dtype_has_blocks(w->packed);
    enum lace_dtype type = blocks ? w->packed : LACE_BF16;
    size_t unit = (size_t)lace_dtype_block(type), bytes = (size_t)lace_dtype_bytes(type),
           units = (size_t)w->cols / unit, count = (size_t)w->rows * w->cols;
    double sigma = lace_model_start_sigma(m, w);
    if (blocks) draw_blocks(p, type, sigma, BLOCKS + units);
    for (size_t j = 0; !blocks && j < NORMALS + units; j++)
        p->halves[j] = lace_f32_to_bf16((float)(sigma * p->normals[j % NORMALS]));
    bool own = w->table && w->table_type == type; /* else in a piece of its own, which the packing reads */
    void *piece = own ? NULL : lace_alloc(lace_dtype_size(type, count)), *to = own ? (void *)w->table : piece;
    if (!to) return lace_fail(err, LACE_MEMORY, "Out of memory for random weights.");
    draw_rows(p, to, blocks ? (void *)p->blocks : p->halves, blocks ? BLOCKS : NORMALS, bytes, units, w->rows);
    if (w->table && !own) lace_dtype_to_f32(type, to, 0, count, (float *)w->table);
    if (w->matrix.forward) m->ops->matrix_pack(&w->matrix, to, type);
    lace_free(piece);
    return 0;
}

static int fill_all(struct lace_model *m, uint64_t seed, struct lace_error *err)
{
    size_t most = 0;
    for (int i = 0; i < m->count; i++) most = (size_t)m->weights[i].cols > most ? (size_t)m->weights[i].cols : most;
    struct pool p = {.normals = lace_alloc_array(NORMALS, sizeof *p.normals),
                     .halves = lace_alloc_array(NORMALS + most, sizeof *p.halves),
                     .blocks = lace_alloc_array(BLOCKS + most / 32, 256)}; /* no block has more bytes */
    int code = p.normals && p.halves && p.blocks ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for random weights.");
    lace_rng_init(&p.rng, seed, 0);
    for (int i = 0; i < NORMALS && !code; i++) p.normals[i] = (float)lace_rng_normal(&p.rng);
    for (int i = 0; i < m->count && !code; i++) {
        struct lace_weight *w = &m->weights[i];
        if (lace_params[w->param].form != VECTOR) code = fill(m, w, &p, err);
        else
            for (int j = 0; j < w->cols; j++)
                w->value[j] = w->param == P_LAT_ALPHA ? 0.5f : lace_params[w->param].constant;
    }
    lace_free(p.normals);
    lace_free(p.halves);
    lace_free(p.blocks);
    return code;
}

int lace_model_random(struct lace_model **model, const struct lace_config *config,
                      const struct lace_lattice_config *lattice, enum lace_dtype type, uint64_t seed,
                      const struct lace_model_options *options, struct lace_error *err)
{
    *model = NULL;
    int code = lace_config_check(config, "The random model", err);
    if (!code && lattice) code = lace_lattice_config_check(lattice, config, "The random lattice", err);
    if (!code) code = lace_model_new(model, config, lattice, options, err);
    for (int i = 0; !code && i < (*model)->count; i++) {
        struct lace_weight *w = &(*model)->weights[i];
        if (lace_dtype_has_blocks(type) && lace_params[w->param].form != VECTOR && !lace_weight_is_lattice(w) &&
            w->cols % lace_dtype_block(type) == 0)
            w->packed = type;
    }
    if (!code) code = lace_model_give_all(*model, 0, err);
    if (!code) code = fill_all(*model, seed, err);
    if (code) lace_model_free(model);
    return code;
}
