/* A shard: the groups that one worker takes through forward and backward at once, laid out as a batch. */
#ifndef LACE_SHARD_H
#define LACE_SHARD_H
#include "model/forward.h"
#include "train/script.h"

struct lace_shard {
    struct lace_batch batch; /* thread rows while groups are added; prompt rows follow at close */
    struct lace_group *groups;
    struct lace_span *spans;
    int group_count, group_cap, span_count, span_cap;
    int *target;               /* (outs) the token that follows */
    float *weight;             /* (outs) 1 where it is learned, 0 where it was falsified or forced */
    double weights;            /* their sum */
    long ranges;               /* of the views that the groups so far take */
    int *prompts, prompt_rows; /* tokens of the groups' prompts, one after another */
    struct lace_script script; /* scratch */
};

int lace_shard_init(struct lace_shard *shard, int rows, struct lace_error *err);
void lace_shard_release(struct lace_shard *shard);
void lace_shard_clear(struct lace_shard *shard);
/* Lays one group out behind the groups that are there. 1: done; 0: it does not fit any more; negative: an error, also
 * where it would not fit an empty shard or the context, the model's longest sequence. */
int lace_shard_lay(struct lace_shard *shard, const struct lace_format *format, const struct lace_script *script,
                   bool shut, int context, struct lace_error *err);
/* The same with a record. */
int lace_shard_add(struct lace_shard *shard, const struct lace_format *format, const struct lace_record *record,
                   const struct lace_source *source, struct lace_rng *rng, int context, struct lace_error *err);
/* Puts the prompt rows behind the thread rows. */
void lace_shard_close(struct lace_shard *shard);
/* Slots are rows: builds the views over a cache of at least as many slots. */
int lace_shard_views(struct lace_shard *shard, struct lace_cache *cache, const struct lace_model *model,
                     struct lace_error *err);
#endif
