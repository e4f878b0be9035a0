#include "train/shard.h"
#include <stdlib.h>
#include <string.h>

#define MOST_SEGMENTS 17 /* prompt and 16 threads on every row; groups of more threads leave fewer rows */

int lace_shard_init(struct lace_shard *s, int rows, struct lace_error *err)
{
    *s = (struct lace_shard){.group_cap = rows / 16 + 1, .span_cap = rows / 8 + 1};
    int code = lace_batch_init(&s->batch, rows, s->group_cap, rows * MOST_SEGMENTS, err);
    if (code) return code;
    s->groups = lace_alloc_array((size_t)s->group_cap, sizeof *s->groups);
    s->spans = lace_alloc_array((size_t)s->span_cap, sizeof *s->spans);
    s->target = lace_alloc_array((size_t)rows, sizeof *s->target);
    s->weight = lace_alloc_array((size_t)rows, sizeof *s->weight);
    s->prompts = lace_alloc_array((size_t)rows, sizeof *s->prompts);
    if (s->groups && s->spans && s->target && s->weight && s->prompts) return 0;
    lace_shard_release(s);
    return lace_fail(err, LACE_MEMORY, "Out of memory for a shard of %d rows.", rows);
}

void lace_shard_release(struct lace_shard *s)
{
    lace_batch_release(&s->batch);
    lace_free(s->groups);
    lace_free(s->spans);
    lace_free(s->target);
    lace_free(s->weight);
    lace_free(s->prompts);
    lace_script_release(&s->script);
    *s = (struct lace_shard){0};
}

void lace_shard_clear(struct lace_shard *s)
{
    s->batch.rows = s->batch.lattice_rows = s->batch.outs = 0;
    s->group_count = s->span_count = s->prompt_rows = 0;
    s->weights = 0;
    s->ranges = 0;
}

/* ---- laying out ---- */

/* Whether the group fits behind those that are there; *ranges: what its views take. */
static bool fits(const struct lace_shard *s, const struct lace_script *script, long *ranges)
{
    const struct lace_batch *b = &s->batch;
    int rows = 0, unread = 0;
    for (int n = 0; n < script->threads; n++) {
        const struct lace_script_thread *t = &script->thread[n];
        if (!t->count) continue;
        unread = !t->read_last;
        rows += t->count - unread;
    }
    *ranges = script->prompt_count + (long)rows * (script->threads + 1);
    return s->group_count < s->group_cap && s->span_count + script->threads <= s->span_cap &&
           b->rows + s->prompt_rows + script->prompt_count + rows + unread <= b->row_cap &&
           s->ranges + *ranges <= (long)b->row_cap * MOST_SEGMENTS;
}

static void lay_thread(struct lace_shard *s, const struct lace_format *format, const struct lace_script *script, int n,
                       int barrier)
{
    struct lace_batch *b = &s->batch;
    const struct lace_script_thread *t = &script->thread[n];
    const int *token = script->token + t->first;
    const float *weight = script->weight + t->first;
    int steps = 0, time = t->start;
    for (int i = 0; i < t->count; i++) {
        if (i > 0 && weight[i] >= 0) { /* the row before this token predicts it */
            b->out_row[b->outs] = b->rows - 1;
            s->target[b->outs] = token[i];
            s->weight[b->outs++] = weight[i];
            s->weights += weight[i];
        }
        if (i == t->count - 1 && !t->read_last) break;
        int r = b->rows++;
        if (i == t->wait) time = barrier;
        b->token[r] = token[i];
        b->position[r] = script->prompt_count + i;
        b->time[r] = time++;
        b->thread[r] = n;
        b->step[r] = steps;
        b->slot[r] = r;
        steps += lace_format_ends_step(format, token[i]);
    }
}

int lace_shard_lay(struct lace_shard *s, const struct lace_format *format, const struct lace_script *script, bool shut,
                   int context, struct lace_error *err)
{
    struct lace_batch *b = &s->batch;
    int barrier = 0;
    long ranges;
    for (int n = 0; n < script->threads; n++) {
        const struct lace_script_thread *t = &script->thread[n];
        if (script->prompt_count + t->count > context)
            return lace_fail(err, LACE_BAD,
                             "Record %s is longer than the model's context of %d tokens; take easier problems.",
                             script->name, context);
        if (t->count && t->start + t->wait > barrier) barrier = t->start + t->wait;
    }
    if (!fits(s, script, &ranges)) {
        if (s->group_count) return 0;
        return lace_fail(err, LACE_BAD,
                         "Record %s with its %d threads does not fit a shard of %d rows; raise shard_rows or take "
                         "easier problems.",
                         script->name, script->threads, b->row_cap);
    }
    memcpy(s->prompts + s->prompt_rows, script->prompt, sizeof(int) * (size_t)script->prompt_count);
    s->prompt_rows += script->prompt_count;
    s->ranges += ranges;
    struct lace_group *g = &s->groups[s->group_count];
    *g = (struct lace_group){.prompt = {0, script->prompt_count, 0, 0},
                             .thread = s->spans + s->span_count,
                             .threads = script->threads,
                             .see = shut ? -1 : s->group_count};
    for (int n = 0; n < script->threads; n++) {
        int first = b->rows;
        lay_thread(s, format, script, n, barrier);
        g->thread[n] = (struct lace_span){first, b->rows - first, 0, 0};
    }
    s->group_count++;
    s->span_count += script->threads;
    return 1;
}

int lace_shard_add(struct lace_shard *s, const struct lace_format *format, const struct lace_record *record,
                   const struct lace_source *source, struct lace_rng *rng, int context, struct lace_error *err)
{
    int code = lace_script_read(&s->script, format, record, source, rng, err);
    return code ? code : lace_shard_lay(s, format, &s->script, source->shut, context, err);
}

void lace_shard_close(struct lace_shard *s)
{
    struct lace_batch *b = &s->batch;
    const int *prompt = s->prompts;
    b->lattice_rows = b->rows;
    for (int g = 0; g < s->group_count; g++) {
        struct lace_span *p = &s->groups[g].prompt;
        p->row = p->slot = b->rows;
        for (int i = 0; i < p->rows; i++) {
            int r = b->rows++;
            b->token[r] = *prompt++;
            b->position[r] = b->time[r] = i;
            b->thread[r] = b->step[r] = 0;
            b->slot[r] = r;
        }
        for (int n = 0; n < s->groups[g].threads; n++) s->groups[g].thread[n].slot = s->groups[g].thread[n].row;
    }
}

int lace_shard_views(struct lace_shard *s, struct lace_cache *cache, const struct lace_model *model,
                     struct lace_error *err)
{
    lace_batch_store_times(&s->batch, cache);
    return lace_view_build(&s->batch, s->groups, s->group_count, cache, model, err);
}
