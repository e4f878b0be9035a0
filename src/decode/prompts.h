/* The prompts in the key/value cache. A prompt is read once, as a single row of tokens, for all groups that have it;
 * when its last group has gone it stays until its slots are needed, so that a later prompt with the same beginning
 * need not be read from its first token. A token's keys and values depend on the tokens before it alone, and a
 * row's bits not on the rows beside it (ops.h), so what is taken over is what would have been computed. */
#ifndef LACE_PROMPTS_H
#define LACE_PROMPTS_H
#include "decode/room.h"
#include "model/batch.h"

struct lace_prompt {
    int block;       /* of the room; -1: this index is free */
    int count, done; /* tokens; those whose keys and values are stored */
    int refs;        /* groups that read it */
    uint64_t used;   /* when it was last taken or left: the oldest goes first */
};

struct lace_prompts {
    struct lace_room *room;   /* borrowed, shared with the threads' blocks */
    struct lace_cache *cache; /* borrowed */
    int *token;               /* (slots): the token of each prompt slot */
    struct lace_prompt *prompt;
    int cap;
    uint64_t clock;
};
int lace_prompts_init(struct lace_prompts *prompts, struct lace_room *room, struct lace_cache *cache, int cap,
                      struct lace_error *err);
void lace_prompts_release(struct lace_prompts *prompts);

/* A block of the room, for which prompts that nobody reads make way; -1: even then there is no room. */
int lace_prompts_make_room(struct lace_prompts *prompts, int slots);
/* The prompt with these tokens (at least 1), taken for a group that needs `own` more slots, or -1 where there is no
 * room. *cached: how many of its tokens need not be read. */
int lace_prompts_take(struct lace_prompts *prompts, const int *ids, int count, int own, int *cached);
/* A group leaves it. */
void lace_prompts_leave(struct lace_prompts *prompts, int index);
/* Drops every prompt that no group reads: the weights have changed, and with them what its tokens' keys would be. */
void lace_prompts_forget(struct lace_prompts *prompts);
/* Slots that nobody needs: free, or of prompts without a group. */
int lace_prompts_free_slots(const struct lace_prompts *prompts);
/* Slots that lace_prompts_take would need: none where a group reads all of these tokens already. */
int lace_prompts_need(const struct lace_prompts *prompts, const int *ids, int count);

static inline int lace_prompts_slot(const struct lace_prompts *p, int index)
{
    return p->room->block[p->prompt[index].block].slot;
}
#endif
