#include "model/batch.h"
#include <stdlib.h>
#include <string.h>

/* Bytes of keys, of the lattice's, slots. False: they are too many to be counted. */
static bool lay_out(struct lace_cache *c, struct lace_arena *arena, size_t bytes, size_t lattice_bytes, size_t slots,
                    enum lace_kind kind)
{
    size_t all;
    if (!lace_mul(bytes, 2, &all) || !lace_add(all, lattice_bytes, &all) || !lace_add(all, lattice_bytes, &all) ||
        !lace_add(all, slots * sizeof(int) + 5 * 64, &all))
        return false;
    c->k = lace_arena_take(arena, bytes);
    c->v = lace_arena_take(arena, bytes);
    c->time = lace_arena_take(arena, slots * sizeof(int));
    c->lk = lattice_bytes ? lace_arena_take(arena, lattice_bytes) : NULL;
    c->lv = lattice_bytes && kind == LACE_KIND_LATTICE ? lace_arena_take(arena, lattice_bytes) : NULL;
    return true;
}

int lace_cache_init(struct lace_cache *c, const struct lace_model *m, int slots, enum lace_dtype dtype,
                    struct lace_error *err)
{
    const struct lace_lattice_config *l = &m->lattice;
    *c = (struct lace_cache){.slots = slots, .dtype = dtype, .layers = m->config.num_hidden_layers};
    size_t padded = LACE_PAD_ROWS(slots), size = (size_t)lace_dtype_bytes(dtype), total, lattice_total;
    c->kv_width = m->config.num_key_value_heads * m->config.head_dim;
    c->lat_width = l->kind == LACE_KIND_FULL ? c->kv_width : l->kind == LACE_KIND_LATTICE ? l->width : 0;
    c->lat_layers = c->lat_width ? l->layer_count : 0;
    if (!lace_mul(padded, (size_t)c->kv_width, &c->kv_stride) ||
        !lace_mul(padded, (size_t)c->lat_width, &c->lat_stride) || !lace_mul(c->kv_stride, (size_t)c->layers, &total) ||
        !lace_mul(c->lat_stride, (size_t)c->lat_layers, &lattice_total))
        goto memory;
    if (!lace_mul(total, size, &total) || !lace_mul(lattice_total, size, &lattice_total)) goto memory;
    struct lace_arena count = {0};
    if (!lay_out(c, &count, total, lattice_total, padded, l->kind) || lace_arena_init(&c->memory, count.used, NULL))
        goto memory;
    lay_out(c, &c->memory, total, lattice_total, padded, l->kind);
    return 0;
memory:
    lace_cache_release(c);
    return lace_fail(err, LACE_MEMORY,
                     "Out of memory for the keys and values of %d tokens; ask for fewer threads or shorter texts.",
                     slots);
}

void lace_cache_release(struct lace_cache *c)
{
    lace_arena_release(&c->memory);
    *c = (struct lace_cache){0};
}

size_t lace_cache_slot_bytes(const struct lace_model *m, enum lace_dtype dtype)
{
    const struct lace_lattice_config *l = &m->lattice;
    size_t kv = (size_t)m->config.num_key_value_heads * (size_t)m->config.head_dim, lattice = 0;
    if (l->kind == LACE_KIND_LATTICE) lattice = 2 * (size_t)l->width; /* keys and values */
    if (l->kind == LACE_KIND_FULL) lattice = kv;                      /* keys; the values are the backbone's */
    return (size_t)lace_dtype_bytes(dtype) *
           (2 * kv * (size_t)m->config.num_hidden_layers + lattice * (size_t)l->layer_count);
}

/* size: bytes of a number */
static void move_layers(char *rows, size_t size, int layers, size_t stride, int width, int from, int to, int count)
{
    for (int layer = 0; layer < layers && rows; layer++, rows += stride * size)
        memmove(rows + (size_t)to * width * size, rows + (size_t)from * width * size, (size_t)count * width * size);
}

void lace_cache_move(struct lace_cache *c, int from, int to, int count)
{
    size_t size = (size_t)lace_dtype_bytes(c->dtype);
    move_layers(c->k, size, c->layers, c->kv_stride, c->kv_width, from, to, count);
    move_layers(c->v, size, c->layers, c->kv_stride, c->kv_width, from, to, count);
    move_layers(c->lk, size, c->lat_layers, c->lat_stride, c->lat_width, from, to, count);
    move_layers(c->lv, size, c->lat_layers, c->lat_stride, c->lat_width, from, to, count);
    memmove(c->time + to, c->time + from, sizeof *c->time * (size_t)count);
}

void lace_store_rows(const struct lace_cache *c, void *layer, const float *rows, const int *slot, int count, int width,
                     const struct lace_ops *ops)
{
    for (int r = 0; r < count; r++) {
        size_t at = (size_t)slot[r] * width;
        const float *row = rows + (size_t)r * width;
        if (c->dtype == LACE_BF16) ops->to_bf16((uint16_t *)layer + at, row, (size_t)width);
        else memcpy((float *)layer + at, row, sizeof(float) * (size_t)width);
    }
}

void lace_gather_rows(float *rows, const float *layer, const int *slot, int count, int width)
{
    for (int r = 0; r < count; r++)
        memcpy(rows + (size_t)r * width, layer + (size_t)slot[r] * width, sizeof(float) * (size_t)width);
}

static int store_init(struct lace_view_store *s, int blocks, int ranges)
{
    s->block = lace_alloc_array((size_t)blocks, sizeof *s->block);
    s->range = lace_alloc_array((size_t)ranges, sizeof *s->range);
    s->block_cap = blocks;
    s->range_cap = ranges;
    s->view = (struct lace_view){.block = s->block, .range = s->range};
    return s->block && s->range ? 0 : -1;
}

int lace_batch_init(struct lace_batch *b, int rows, int groups, int ranges, struct lace_error *err)
{
    *b = (struct lace_batch){.row_cap = rows};
    int **lists[] = {&b->token, &b->position, &b->time, &b->thread, &b->step, &b->slot, &b->out_row};
    bool ok = true;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ok &= (*lists[i] = lace_alloc_array(LACE_PAD_ROWS(rows), sizeof(int))) != NULL;
    if (!ok || store_init(&b->causal, 2 * groups, ranges) || store_init(&b->sliding, 2 * groups, ranges) ||
        store_init(&b->lattice, groups, ranges)) {
        lace_batch_release(b);
        return lace_fail(err, LACE_MEMORY, "Out of memory for a batch of %d rows.", rows);
    }
    return 0;
}

void lace_batch_release(struct lace_batch *b)
{
    int *lists[] = {b->token, b->position, b->time, b->thread, b->step, b->slot, b->out_row};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) lace_free(lists[i]);
    lace_free(b->causal.block);
    lace_free(b->causal.range);
    lace_free(b->sliding.block);
    lace_free(b->sliding.range);
    lace_free(b->lattice.block);
    lace_free(b->lattice.range);
    *b = (struct lace_batch){0};
}

void lace_batch_store_times(const struct lace_batch *b, struct lace_cache *cache)
{
    for (int r = 0; r < b->rows; r++) cache->time[b->slot[r]] = b->time[r];
}
