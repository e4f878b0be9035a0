/* A decoder from inside, for its own files: decoder.c (its memory), group.c (who is in it), step.c (the rows of a
 * forward pass), thread.c (what a thread writes, and when it ends). */
#ifndef LACE_DECODER_PARTS_H
#define LACE_DECODER_PARTS_H
#include "decode/decoder.h"
#include "decode/prompts.h"

#define LACE_VERDICT_TOKENS 8 /* after the lead; what is not whole then is none */

struct group {
    bool used;
    struct lace_group_options options;
    int prompt, prompt_count; /* index of the prompt, -1: none; how many of its tokens the group reads */
    int block, per_thread;    /* of the room: its threads' slots, one thread's after the other's */
    int clock, chosen;
    struct lace_recorder *recorder; /* NULL: it is not traced */
    struct lace_thread **thread;    /* (threads) rows of the decoder */
};

struct lace_decoder {
    const struct lace_model *model;
    const struct lace_format *format;
    struct lace_decoder_options options;
    struct lace_cache cache;
    struct lace_room room;
    struct lace_prompts prompts;
    struct lace_state state;
    struct lace_batch batch;
    int widest, prefill_rows;       /* rows of a step; of prompts, beside threads */
    struct lace_group *view_groups; /* groups, then prompts that are read in this step */
    int views;
    struct lace_span *spans; /* (rows) of the threads in view_groups */
    struct {
        int group, thread;
    } * row_of; /* of the batch's out rows */
    struct group *groups;
    struct lace_thread **pointers; /* (groups, threads) what the groups' lists lie in */
    struct lace_thread *threads;   /* (rows) */
    bool *taken;                   /* (rows) */
    struct lace_candidate *work;   /* (V) of the sampler */
    int *target;                   /* (rows) zeros, and logprob: of the loss that gives each row's log sum exp */
    float *logprob;
    struct lace_recorder *recorders; /* (traces) */
};

/* thread.c */
/* The token that thread n writes next, chosen from logits (V) or forced, and whether that ends it. */
void lace_decoder_write(struct lace_decoder *decoder, struct group *group, int n, const float *logits, double lse);
/* What it has written since, as far as no stop string can take it back. */
void lace_decoder_hand_on(const struct lace_decoder *decoder, int group, int n, lace_token_fn *on_token);
#endif
