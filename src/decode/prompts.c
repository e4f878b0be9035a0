#include "decode/prompts.h"
#include <stdlib.h>
#include <string.h>

int lace_prompts_init(struct lace_prompts *p, struct lace_room *room, struct lace_cache *cache, int cap,
                      struct lace_error *err)
{
    *p = (struct lace_prompts){.room = room, .cache = cache, .cap = cap};
    p->token = lace_alloc_array((size_t)room->slots, sizeof *p->token);
    p->prompt = lace_alloc_array((size_t)cap, sizeof *p->prompt);
    if (!p->token || !p->prompt) {
        lace_prompts_release(p);
        return lace_fail(err, LACE_MEMORY, "Out of memory for the tokens of %d slots.", room->slots);
    }
    for (int i = 0; i < cap; i++) p->prompt[i].block = -1;
    return 0;
}

void lace_prompts_release(struct lace_prompts *p)
{
    lace_free(p->token);
    lace_free(p->prompt);
    *p = (struct lace_prompts){0};
}

/* ---- room ---- */

static void move(void *user, int from, int to, int count)
{
    struct lace_prompts *p = user;
    lace_cache_move(p->cache, from, to, count);
    memmove(p->token + to, p->token + from, sizeof *p->token * (size_t)count);
}

static void drop(struct lace_prompts *p, int index)
{
    lace_room_give(p->room, p->prompt[index].block);
    p->prompt[index].block = -1;
}

/* The prompt that nobody has read for longest, not counting `keep`; -1: all are read. */
static int oldest(const struct lace_prompts *p, int keep)
{
    int found = -1;
    for (int i = 0; i < p->cap; i++)
        if (p->prompt[i].block >= 0 && !p->prompt[i].refs && i != keep &&
            (found < 0 || p->prompt[i].used < p->prompt[found].used))
            found = i;
    return found;
}

int lace_prompts_free_slots(const struct lace_prompts *p)
{
    int slots = p->room->slots - p->room->taken;
    for (int i = 0; i < p->cap; i++)
        if (p->prompt[i].block >= 0 && !p->prompt[i].refs) slots += p->room->block[p->prompt[i].block].count;
    return slots;
}

static int make_room(struct lace_prompts *p, int slots, int keep)
{
    while (slots > p->room->slots - p->room->taken) {
        int old = oldest(p, keep);
        if (old < 0) return -1;
        drop(p, old);
    }
    int block = lace_room_take(p->room, slots);
    if (block >= 0) return block;
    lace_room_pack(p->room, move, p);
    return lace_room_take(p->room, slots);
}

int lace_prompts_make_room(struct lace_prompts *p, int slots) { return make_room(p, slots, -1); }

void lace_prompts_forget(struct lace_prompts *p)
{
    for (int i; (i = oldest(p, -1)) >= 0;) drop(p, i);
}

/* ---- taking and leaving ---- */

/* How many of the first tokens of prompt i equal ids; only of what is stored where `done` is true. */
static int equal(const struct lace_prompts *p, int i, const int *ids, int count, bool done)
{
    const int *token = p->token + lace_prompts_slot(p, i);
    int most = done ? p->prompt[i].done : p->prompt[i].count, n = 0;
    if (count < most) most = count;
    while (n < most && token[n] == ids[n]) n++;
    return n;
}

/* The stored prompt that shares the longest beginning. */
static int closest(const struct lace_prompts *p, const int *ids, int count, int *shared)
{
    int found = -1;
    *shared = 0;
    for (int i = 0; i < p->cap; i++) {
        if (p->prompt[i].block < 0) continue;
        int n = equal(p, i, ids, count, true);
        if (n > *shared) *shared = n, found = i;
    }
    return found;
}

/* The prompt that begins with all of ids, stored or about to be: a group reads its beginning where it lies. -1: none. */
static int covering(const struct lace_prompts *p, const int *ids, int count)
{
    for (int i = 0; i < p->cap; i++)
        if (p->prompt[i].block >= 0 && equal(p, i, ids, count, false) == count) return i;
    return -1;
}

int lace_prompts_need(const struct lace_prompts *p, const int *ids, int count)
{
    int i = covering(p, ids, count);
    return i >= 0 && p->prompt[i].refs ? 0 : count;
}

static int free_index(struct lace_prompts *p, int keep)
{
    for (int i = 0; i < p->cap; i++)
        if (p->prompt[i].block < 0) return i;
    int old = oldest(p, keep);
    if (old >= 0) drop(p, old);
    return old;
}

int lace_prompts_take(struct lace_prompts *p, const int *ids, int count, int own, int *cached)
{
    int shared, near, block, index = covering(p, ids, count);
    if (index >= 0) {
        struct lace_prompt *q = &p->prompt[index];
        *cached = q->done < count ? q->done : count;
        if (!q->refs++ && lace_prompts_free_slots(p) < own) { /* a longer one: its end makes way */
            lace_room_shrink(p->room, q->block, count);
            q->count = q->done = count;
        }
        q->used = ++p->clock;
        return index;
    }
    near = closest(p, ids, count, &shared);
    if ((index = free_index(p, near)) < 0 || (block = make_room(p, count, near)) < 0) {
        /* The only way left is over the near one itself; it is gone then, and nothing is shared. */
        shared = 0;
        if ((block = make_room(p, count, -1)) < 0) return -1;
        if ((index = free_index(p, -1)) < 0) {
            lace_room_give(p->room, block);
            return -1;
        }
    }
    struct lace_prompt *q = &p->prompt[index];
    *q = (struct lace_prompt){.block = block, .count = count, .done = shared, .refs = 1, .used = ++p->clock};
    memcpy(p->token + p->room->block[block].slot, ids, sizeof *ids * (size_t)count);
    if (shared) lace_cache_move(p->cache, lace_prompts_slot(p, near), p->room->block[block].slot, shared);
    *cached = shared;
    return index;
}

void lace_prompts_leave(struct lace_prompts *p, int index)
{
    struct lace_prompt *q = &p->prompt[index];
    q->used = ++p->clock;
    if (--q->refs || q->done == q->count) return;
    if (!q->done) { /* its only group left before anything was read */
        drop(p, index);
        return;
    }
    q->count = q->done;
    lace_room_shrink(p->room, q->block, q->count);
}
