/* The rows of one forward pass, where their keys and values are kept, and what each row may see.
 *
 * A row is one token. Rows of threads come first, rows of prompts after them, so that the lattice works on the
 * first lattice_rows rows only. Training, prefill and decoding differ in nothing but the batch: training holds
 * whole groups at once, prefill one prompt, decoding one row for each thread. */
#ifndef LACE_BATCH_H
#define LACE_BATCH_H
#include "model/model.h"

/* Keys and values of every layer, one slot a token. A sequence (a prompt, a thread) occupies consecutive slots,
 * which the batch's maker hands out; threads read their prompt where it lies. */
struct lace_cache {
    int slots;
    enum lace_dtype dtype; /* LACE_F32; or LACE_BF16: half of the memory, rounded, and nothing is trained on it */
    void *k, *v;           /* (L, S, K*d) */
    void *lk, *lv;         /* (lattice layers, S, width); full: lk (.., K*d), no lv */
    int *time;                    /* (S): the step of the lockstep clock at which the slot's token was written */
    size_t kv_stride, lat_stride; /* numbers of one layer */
    int kv_width, lat_width;
    int layers, lat_layers;
    struct lace_arena memory; /* all of these; a slot takes none before it is filled */
};
int lace_cache_init(struct lace_cache *cache, const struct lace_model *model, int slots, enum lace_dtype dtype,
                    struct lace_error *err);
void lace_cache_release(struct lace_cache *cache);
/* What is stored in count slots, to other slots; the ranges may overlap. */
void lace_cache_move(struct lace_cache *cache, int from, int to, int count);
/* The bytes of a token. */
size_t lace_cache_slot_bytes(const struct lace_model *model, enum lace_dtype dtype);
/* One layer of k, v (lace_cache_layer) or of lk, lv (lace_cache_lattice). */
static inline void *lace_cache_layer(const struct lace_cache *cache, const void *all, int layer)
{
    return (char *)all + (size_t)layer * cache->kv_stride * (size_t)lace_dtype_bytes(cache->dtype);
}
static inline void *lace_cache_lattice(const struct lace_cache *cache, const void *all, int layer)
{
    return (char *)all + (size_t)layer * cache->lat_stride * (size_t)lace_dtype_bytes(cache->dtype);
}
/* Rows (count, width) of a batch to their slots of one layer of the cache. */
void lace_store_rows(const struct lace_cache *cache, void *layer, const float *rows, const int *slot, int count,
                     int width, const struct lace_ops *ops);
/* Rows (count, width) of a batch from their slots of what a layer's cache has gradients in. */
void lace_gather_rows(float *rows, const float *layer, const int *slot, int count, int width);

/* Consecutive rows of one sequence: batch rows row .. row + rows - 1 follow the past tokens already stored in
 * the sequence's slots slot .. slot + past - 1. rows may be 0 (a finished thread stays visible). */
struct lace_span {
    int row, rows;
    int slot, past;
};

/* Other positions than the lattice's own settings show, for one group. */
struct lace_show {
    bool set;
    enum lace_visible visible;
    int window;
};

/* One group in the batch: its prompt (rows 0 where it is cached) and its threads. */
struct lace_group {
    struct lace_span prompt;
    struct lace_span *thread;
    int threads;
    int see; /* whose threads its lattice shows: its own index; another group's (`foreign`); -1: gates shut */
    int unheard; /* 1 + the thread whose positions the others do not see; 0: none */
    struct lace_show show;
};

struct lace_view_store { /* a view with room to be built in */
    struct lace_view view;
    struct lace_view_block *block;
    struct lace_range *range;
    int block_cap, range_cap;
};

struct lace_batch {
    int rows, lattice_rows;
    int *token, *position, *time, *thread, *step, *slot; /* (rows) */
    int outs;
    int *out_row;      /* (outs): the rows whose logits are wanted */
    float temperature; /* what lace_loss divides the logits by; 0: 1 */
    int row_cap;
    struct lace_view_store causal, sliding, lattice; /* sliding: causal within the model's window */
};

int lace_batch_init(struct lace_batch *batch, int rows, int groups, int ranges, struct lace_error *err);
void lace_batch_release(struct lace_batch *batch);

/* Builds the views. The mask is written down here and nowhere else (drawn in view.c). Times of the batch's own
 * rows must stand in cache->time already (lace_batch_store_times). */
int lace_view_build(struct lace_batch *batch, const struct lace_group *groups, int count,
                    const struct lace_cache *cache, const struct lace_model *model, struct lace_error *err);
/* What ordinary attention sees in a layer. */
static inline const struct lace_view *lace_causal_view(const struct lace_model *model, const struct lace_batch *batch,
                                                       int layer)
{
    return model->config.sliding[layer] ? &batch->sliding.view : &batch->causal.view;
}
void lace_batch_store_times(const struct lace_batch *batch, struct lace_cache *cache);
#endif
