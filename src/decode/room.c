#include "decode/room.h"
#include <stdlib.h>

int lace_room_init(struct lace_room *r, int slots, int cap, struct lace_error *err)
{
    *r = (struct lace_room){.slots = slots, .cap = cap};
    r->block = calloc((size_t)cap, sizeof *r->block);
    r->order = calloc((size_t)cap, sizeof *r->order);
    if (r->block && r->order) return 0;
    lace_room_release(r);
    return lace_fail(err, LACE_MEMORY, "Out of memory.");
}

void lace_room_release(struct lace_room *r)
{
    free(r->block);
    free(r->order);
    *r = (struct lace_room){0};
}

/* Indices of the taken blocks into order, by slot; their number. Some hundred blocks at most, nearly in order. */
static int sort(struct lace_room *r)
{
    int count = 0;
    for (int i = 0; i < r->cap; i++) {
        if (!r->block[i].count) continue;
        int at = count++;
        for (; at > 0 && r->block[r->order[at - 1]].slot > r->block[i].slot; at--) r->order[at] = r->order[at - 1];
        r->order[at] = i;
    }
    return count;
}

int lace_room_take(struct lace_room *r, int count)
{
    int index = 0, end = 0, blocks;
    while (index < r->cap && r->block[index].count) index++;
    if (index == r->cap || count < 1 || count > r->slots - r->taken) return -1;
    blocks = sort(r);
    for (int i = 0; i < blocks; i++) {
        const struct lace_block *b = &r->block[r->order[i]];
        if (b->slot - end >= count) break;
        end = b->slot + b->count;
    }
    if (count > r->slots - end) return -1;
    r->block[index] = (struct lace_block){end, count};
    r->taken += count;
    return index;
}

void lace_room_give(struct lace_room *r, int block)
{
    r->taken -= r->block[block].count;
    r->block[block].count = 0;
}

void lace_room_shrink(struct lace_room *r, int block, int count)
{
    r->taken -= r->block[block].count - count;
    r->block[block].count = count;
}

void lace_room_pack(struct lace_room *r, lace_room_move_fn *move, void *user)
{
    int blocks = sort(r), end = 0;
    for (int i = 0; i < blocks; i++) {
        struct lace_block *b = &r->block[r->order[i]];
        if (b->slot != end) move(user, b->slot, end, b->count);
        b->slot = end;
        end += b->count;
    }
}
