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
    lace_text_release(&s->text);
    free(s->ids);
    *s = (struct lace_shard){0};
}

void lace_shard_clear(struct lace_shard *s)
{
    s->batch.rows = s->batch.lattice_rows = s->batch.outs = 0;
    s->group_count = s->span_count = s->prompt_rows = 0;
    s->weights = 0;
    s->ranges = 0;
}

/* A thread being laid out: its rows are appended to the batch token by token; a row's target is the next token. */
struct writer {
    struct lace_shard *shard;
    const struct lace_format *format;
    int first_row, prompt, thread, time, steps, tokens;
    bool full;
};

static void put(struct writer *w, int id, float weight)
{
    struct lace_batch *b = &w->shard->batch;
    if (w->tokens > 0 && weight >= 0) { /* the row before this token predicts it */
        b->out_row[b->outs] = b->rows - 1;
        w->shard->target[b->outs] = id;
        w->shard->weight[b->outs++] = weight;
        w->shard->weights += weight;
    }
    if (b->rows + w->shard->prompt_rows >= b->row_cap) {
        w->full = true;
        return;
    }
    int r = b->rows++;
    b->token[r] = id;
    b->position[r] = w->prompt + w->tokens++;
    b->time[r] = w->time++;
    b->thread[r] = w->thread;
    b->step[r] = w->steps;
    b->slot[r] = r;
    w->steps += w->format->ends_step[id];
}

static int put_text(struct writer *w, const char *text, size_t len, size_t keep, float weight, struct lace_error *err)
{
    size_t count;
    int code =
        lace_tokenizer_encode(w->format->tokenizer, text, len, false, &w->shard->ids, &w->shard->id_cap, &count, err);
    for (size_t i = 0; i < count && i < keep && !code && !w->full; i++) put(w, w->shard->ids[i], weight);
    return code;
}

static bool corrupted(const struct lace_record *record, int thread, int step)
{
    size_t i;
    json_t *mark;
    json_array_foreach(record->meta ? json_object_get(record->meta, "corrupted") : NULL, i,
                       mark) if (json_integer_value(json_array_get(mark, 0)) == thread &&
                                 json_integer_value(json_array_get(mark, 1)) == step) return true;
    return false;
}

/* Everything up to the lead. The last row is the lead's last token, which waits at the barrier. */
static int put_thread(struct writer *w, const struct lace_record *record, int index, const struct lace_source *source,
                      struct lace_rng *rng, struct lace_error *err)
{
    const struct lace_record_thread *t = &record->threads[index];
    struct lace_text *text = &w->shard->text;
    int code = 0, tag[LACE_TAG_TOKENS], count = lace_format_tag(w->format, w->thread, record->thread_count, tag);
    if (!count)
        return lace_fail(err, LACE_BAD, "The tokenizer has no tag for %d threads; train with fewer.",
                         record->thread_count);
    for (int i = 0; i < count; i++) put(w, tag[i], -1);
    bool cut = !t->answer, midstep = cut && lace_rng_uniform(rng) < source->midstep;
    for (int i = 0; i < t->count && !code && !w->full; i++) {
        size_t keep = midstep && i == t->count - 1 ? 1 + lace_rng_below(rng, 12) : (size_t)-1;
        code = put_text(w, t->steps[i], strlen(t->steps[i]), keep, corrupted(record, index, i) ? 0 : 1, err);
    }
    if (t->answer && !code) {
        lace_text_clear(text);
        lace_text_print(text, "Answer: %s.\n", t->answer);
        if (text->failed) return lace_fail(err, LACE_MEMORY, "Out of memory.");
        code = put_text(w, text->data, text->len, (size_t)-1, 1, err);
    }
    for (int i = 0; i < w->format->lead_count && !w->full; i++)
        put(w, w->format->lead[i], cut ? 0 : 1); /* a cut thread did not choose to end */
    return code;
}

int lace_shard_add(struct lace_shard *s, const struct lace_format *format, const struct lace_record *record,
                   const struct lace_source *source, struct lace_rng *rng, int context, struct lace_error *err)
{
    struct lace_shard before = *s;
    struct lace_batch *b = &s->batch;
    int N = record->thread_count, code, order[LACE_RECORD_THREADS], kept[LACE_RECORD_THREADS],
        start = source->start ? (int)lace_rng_below(rng, (uint32_t)source->start + 1) : 0;
    static const char blank[] = " \t\r\n";
    const char *from = record->prompt + strspn(record->prompt, blank), *to = from + strlen(from);
    size_t prompt;
    bool full = s->group_count == s->group_cap || s->span_count + N > s->span_cap, too_long = false;

    while (to > from && strchr(blank, to[-1])) to--; /* as lace_engine_prompt reads a problem */
    lace_text_clear(&s->text);
    lace_text_print(&s->text, "%.*s\n", (int)(to - from), from);
    if (s->text.failed) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    code =
        lace_tokenizer_encode(format->tokenizer, s->text.data, s->text.len, false, &s->ids, &s->id_cap, &prompt, err);
    if (code) return code;
    full |= b->rows + s->prompt_rows + (int)prompt > b->row_cap;
    if (!full) {
        memcpy(s->prompts + s->prompt_rows, s->ids, prompt * sizeof(int));
        s->prompt_rows += (int)prompt;
    }
    for (int n = 0; n < N; n++) order[n] = n;
    if (source->shuffle) lace_rng_shuffle(rng, order, N);
    for (int n = 0; n < N; n++) kept[n] = !source->keep || n < source->keep;
    if (source->keep) lace_rng_shuffle(rng, kept, N);

    struct lace_group group = {.prompt = {0, (int)prompt, 0, 0},
                               .thread = s->spans + s->span_count,
                               .threads = N,
                               .see = source->shut ? -1 : s->group_count},
                      *g = &group;
    int barrier = 0;
    struct writer writers[LACE_RECORD_THREADS];
    for (int n = 0; n < N && !full && !code; n++) {
        if (!kept[n]) { /* a thread that is not there */
            writers[n].first_row = b->rows;
            g->thread[n] = (struct lace_span){b->rows, 0, 0, 0};
            continue;
        }
        int late = start + (source->jitter ? (int)lace_rng_below(rng, (uint32_t)source->jitter + 1) : 0);
        writers[n] = (struct writer){s, format, b->rows, (int)prompt, n, late, 0, 0, false};
        code = put_thread(&writers[n], record, order[n], source, rng, err);
        enum lace_verdict verdict = record->threads[order[n]].verdict;
        int lead_row = b->rows - 1, lead_time = writers[n].time - 1;
        if (!code && verdict != LACE_VERDICT_NONE && !writers[n].full) {
            char rest[16];
            int len = snprintf(rest, sizeof rest, "%s]]", lace_verdict_names[verdict]);
            code = put_text(&writers[n], rest, (size_t)len, (size_t)-1, 1, err);
            if (!writers[n].full) b->rows--; /* the last token is only a target */
        }
        full |= writers[n].full;
        too_long |= writers[n].prompt + writers[n].tokens > context;
        g->thread[n] = (struct lace_span){writers[n].first_row, b->rows - writers[n].first_row, 0, 0};
        writers[n].first_row = lead_row; /* from here on the clock stands at the barrier */
        if (lead_time > barrier) barrier = lead_time;
    }
    s->ranges += (long)prompt + (long)(b->rows - before.batch.rows) * (N + 1);
    full |= s->ranges > (long)b->row_cap * MOST_SEGMENTS;
    if (full || too_long || code) {
        struct lace_text text = s->text; /* take the half-written group back, not the scratch that grew */
        int *ids = s->ids;
        size_t id_cap = s->id_cap;
        *s = before;
        s->text = text;
        s->ids = ids;
        s->id_cap = id_cap;
        if (code) return code;
        if (too_long)
            return lace_fail(err, LACE_BAD,
                             "Record %s is longer than the model's context of %d tokens; take easier problems.",
                             record->id, context);
        if (!s->group_count)
            return lace_fail(err, LACE_BAD,
                             "Record %s with its %d threads does not fit a shard of %d rows; raise shard_rows or take "
                             "easier problems.",
                             record->id, N, b->row_cap);
        return 0;
    }
    for (int n = 0; n < N; n++) /* all verdicts are decided in the same step */
        for (int r = writers[n].first_row, time = barrier; r < g->thread[n].row + g->thread[n].rows; r++)
            b->time[r] = time++;
    s->groups[s->group_count++] = group;
    s->span_count += N;
    return 1;
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
    return lace_view_build(&s->batch, s->groups, s->group_count, cache, &model->lattice, err);
}
