/* Which slots of the key/value cache are taken, and by whom: blocks of consecutive slots, because what a row sees is
 * a range of slots. A block goes where it first fits. Where the free slots lie scattered the blocks are moved
 * together, so that "enough is free" always means "it fits". The number of blocks is fixed at init. */
#ifndef LACE_ROOM_H
#define LACE_ROOM_H
#include "base/base.h"

struct lace_block {
    int slot, count; /* count 0: this index is free */
};
struct lace_room {
    int slots, cap, taken;    /* taken: slots */
    struct lace_block *block; /* (cap) */
    int *order;               /* (cap) scratch */
};
int lace_room_init(struct lace_room *room, int slots, int cap, struct lace_error *err);
void lace_room_release(struct lace_room *room);

/* Takes count slots (at least 1). Returns the block's index, or -1: no gap is wide enough, or no index is free. */
int lace_room_take(struct lace_room *room, int count);
void lace_room_give(struct lace_room *room, int block);
/* Gives back all slots of the block behind the first count (at least 1). */
void lace_room_shrink(struct lace_room *room, int block, int count);
/* Moves all blocks down until no gap is left; `move` carries what lies in them (the ranges may overlap). */
typedef void lace_room_move_fn(void *user, int from, int to, int count);
void lace_room_pack(struct lace_room *room, lace_room_move_fn *move, void *user);
#endif
