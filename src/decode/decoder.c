/* A decoder's memory: how many rows and slots its options need, and all of it taken at open. */
#include "decode/decoder_parts.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_PROMPTS 64 /* that no group reads any more, at most */
#define MOST_SLOTS   (1 << 28)

static void release_threads(struct lace_decoder *d)
{
    for (int r = 0; d->threads && r < d->options.rows; r++) {
        lace_text_release(&d->threads[r].text);
        free(d->threads[r].ids);
        free(d->threads[r].pasted);
    }
    free(d->threads);
}

void lace_decoder_close(struct lace_decoder **decoder)
{
    struct lace_decoder *d = *decoder;
    if (!d) return;
    for (int i = 0; d->recorders && i < d->options.traces; i++) lace_recorder_release(&d->recorders[i]);
    release_threads(d);
    void *lists[] = {d->recorders, d->pointers, d->taken, d->groups, d->view_groups,
                     d->spans,     d->row_of,   d->work,  d->target, d->logprob};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]);
    lace_batch_release(&d->batch);
    lace_state_release(&d->state);
    lace_prompts_release(&d->prompts);
    lace_room_release(&d->room);
    lace_cache_release(&d->cache);
    free(d);
    *decoder = NULL;
}

void lace_decoder_claim(struct lace_decoder *d)
{
    const struct lace_arena *all[] = {&d->cache.memory, &d->state.memory};
    for (int i = 0; i < 2; i++) memset(all[i]->base, 0, all[i]->size); /* as it is */
}

static int check_options(struct lace_decoder_options *o, struct lace_error *err)
{
    if (!o->workers) o->workers = omp_get_max_threads();
    if (o->groups < 1 || o->threads < 1 || o->prompt < 1 || o->tokens < 1 || o->rows < 0 || o->slots < 0 ||
        o->traces < 0)
        return lace_fail(err, LACE_BAD,
                         "A decoder needs at least one group, one thread, one prompt token and one new token.");
    if (o->rows > LACE_FEW_ROWS || (!o->rows && o->threads > LACE_FEW_ROWS / o->groups))
        return lace_fail(
            err, LACE_BAD,
            "%d groups of %d threads are more than the %d rows that one step decodes; use fewer of either.", o->groups,
            o->threads, LACE_FEW_ROWS);
    if (!o->rows) o->rows = o->groups * o->threads;
    if (o->threads > o->rows)
        return lace_fail(err, LACE_BAD, "A group of %d threads does not fit into %d rows.", o->threads, o->rows);
    int64_t slots = o->groups * (int64_t)o->prompt + o->rows * (int64_t)o->tokens;
    if (!o->slots && slots <= MOST_SLOTS) o->slots = (int)slots;
    if (!o->slots || o->slots > MOST_SLOTS)
        return lace_fail(err, LACE_BAD, "%lld tokens of context at once are too many.", (long long)slots);
    return 0;
}

static int give_threads(struct lace_decoder *d)
{
    static const char dots[] = "................................................................";
    int rows = d->options.rows, tokens = d->options.tokens;
    if (!(d->threads = calloc((size_t)rows, sizeof *d->threads))) return -1;
    for (int r = 0; r < rows; r++) {
        struct lace_thread *t = &d->threads[r];
        if (!(t->ids = calloc((size_t)tokens + 1, sizeof *t->ids))) return -1;
        if (!(t->pasted = calloc((size_t)tokens + 1, sizeof *t->pasted))) return -1;
        for (size_t i = 0; i < 8 * (size_t)tokens; i += 64) lace_text_add(&t->text, dots, 64);
        if (t->text.failed) return -1; /* the room stays when the text is cleared */
    }
    return 0;
}

static int give_groups(struct lace_decoder *d)
{
    const struct lace_decoder_options *o = &d->options;
    size_t rows = (size_t)o->rows, groups = (size_t)o->groups;
    d->groups = calloc(groups, sizeof *d->groups);
    d->view_groups = calloc(groups + (size_t)d->prompts.cap, sizeof *d->view_groups);
    d->pointers = calloc(groups * (size_t)o->threads, sizeof *d->pointers);
    d->taken = calloc(rows, sizeof *d->taken);
    d->spans = calloc(rows, sizeof *d->spans);
    d->row_of = calloc(rows, sizeof *d->row_of);
    d->work = calloc((size_t)d->model->config.vocab_size, sizeof *d->work);
    d->target = calloc(rows, sizeof *d->target);
    d->logprob = calloc(rows, sizeof *d->logprob);
    if (!d->target || !d->logprob || !d->groups || !d->view_groups || !d->spans || !d->row_of || !d->work ||
        !d->pointers || !d->taken)
        return -1;
    for (int g = 0; g < o->groups; g++) d->groups[g].thread = d->pointers + (size_t)g * o->threads;
    return 0;
}

static int give_recorders(struct lace_decoder *d, struct lace_error *err)
{
    struct lace_decoder_options *o = &d->options;
    const struct lace_model *m = d->model;
    int layers = m->lattice.kind == LACE_KIND_NONE ? 0 : m->lattice.layer_count, code = 0;
    if (!o->traces) return 0;
    if (!o->trace_bytes) o->trace_bytes = lace_recorder_need(o->threads, o->tokens);
    if (!(d->recorders = calloc((size_t)o->traces, sizeof *d->recorders)))
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int i = 0; i < o->traces && !code; i++)
        code = lace_recorder_init(&d->recorders[i], o->threads, o->trace_bytes, layers, m->config.hidden_size,
                                  o->workers, err);
    return code;
}

static int give_all(struct lace_decoder *d, struct lace_error *err)
{
    const struct lace_decoder_options *o = &d->options;
    int prompts = o->groups + KEPT_PROMPTS,
        prefill = o->groups * (int64_t)o->prompt < LACE_FEW_ROWS ? o->groups * o->prompt : LACE_FEW_ROWS;
    int64_t keys = o->prompt + (int64_t)o->threads * o->tokens;
    d->widest = o->rows + prefill < LACE_FEW_ROWS ? o->rows + prefill : LACE_FEW_ROWS;
    d->prefill_rows = d->widest;
    struct lace_state_options s = {d->widest,  o->rows, o->slots, keys < o->slots ? (int)keys : o->slots,
                                   o->workers, false};
    int code = lace_cache_init(&d->cache, d->model, o->slots, o->kv, err);
    if (!code) code = lace_room_init(&d->room, o->slots, prompts + o->groups, err);
    if (!code) code = lace_prompts_init(&d->prompts, &d->room, &d->cache, prompts, err);
    if (!code)
        code =
            lace_batch_init(&d->batch, d->widest, o->groups + prompts, o->rows * (o->threads + 1) + 2 * d->widest, err);
    if (!code) code = lace_state_init(&d->state, d->model, &s, err);
    if (!code && (give_groups(d) || give_threads(d)))
        code = lace_fail(err, LACE_MEMORY, "Out of memory for %d groups of %d threads.", o->groups, o->threads);
    return code ? code : give_recorders(d, err);
}

int lace_decoder_open(struct lace_decoder **decoder, const struct lace_model *m, const struct lace_format *format,
                      const struct lace_decoder_options *options, struct lace_error *err)
{
    *decoder = NULL;
    struct lace_decoder_options o = *options;
    int code = check_options(&o, err);
    if (code) return code;
    struct lace_decoder *d = *decoder = calloc(1, sizeof *d);
    if (!d) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    d->model = m;
    d->format = format;
    d->options = o;
    code = give_all(d, err);
    if (code) lace_decoder_close(decoder);
    return code;
}

void lace_decoder_prefill_rows(struct lace_decoder *d, int rows) { d->prefill_rows = rows; }

const struct lace_model *lace_decoder_model(const struct lace_decoder *d) { return d->model; }
