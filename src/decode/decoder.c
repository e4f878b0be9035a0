#include "decode/decoder.h"
#include "decode/prompts.h"
#include <omp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VERDICT_ROOM (LACE_TAG_TOKENS + 8) /* tag, lead and verdict around the budget */
#define PLAIN_ROOM   2                     /* tag alone */
#define KEPT_PROMPTS 64                    /* that no group reads any more, at most */

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
    struct lace_group *view_groups; /* groups, then prompts that are read in this step */
    int views;
    struct lace_span *spans;
    struct group *groups;
    struct lace_thread *threads; /* (rows) */
    struct lace_thread **pointers;
    bool *taken; /* (rows) */
    struct {
        int group, thread;
    } * row_of; /* of the batch's out rows */
    struct lace_candidate *work;
    int *target; /* zeros: of the loss that gives each row's log sum exp */
    float *logprob;
    int widest, prefill_rows; /* rows of a step; of prompts, beside threads */
    int prompt_cap;
    struct lace_recorder *recorders; /* (traces) */
};

void lace_decoder_close(struct lace_decoder **decoder)
{
    struct lace_decoder *d = *decoder;
    if (!d) return;
    for (int r = 0; d->threads && r < d->options.rows; r++) {
        lace_text_release(&d->threads[r].text);
        free(d->threads[r].ids);
        free(d->threads[r].pasted);
    }
    free(d->threads);
    free(d->pointers);
    free(d->taken);
    free(d->groups);
    free(d->view_groups);
    free(d->spans);
    free(d->row_of);
    free(d->work);
    free(d->target);
    free(d->logprob);
    for (int i = 0; d->recorders && i < d->options.traces; i++) lace_recorder_release(&d->recorders[i]);
    free(d->recorders);
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

static int give_groups(struct lace_decoder *d)
{
    const struct lace_decoder_options *o = &d->options;
    size_t rows = (size_t)o->rows, groups = (size_t)o->groups;
    d->groups = calloc(groups, sizeof *d->groups);
    d->view_groups = calloc(groups + (size_t)d->prompt_cap, sizeof *d->view_groups);
    d->pointers = calloc(groups * (size_t)o->threads, sizeof *d->pointers);
    d->threads = calloc(rows, sizeof *d->threads);
    d->taken = calloc(rows, sizeof *d->taken);
    d->spans = calloc(rows, sizeof *d->spans);
    d->row_of = calloc(rows, sizeof *d->row_of);
    d->work = calloc((size_t)d->model->config.vocab_size, sizeof *d->work);
    d->target = calloc(rows, sizeof *d->target);
    d->logprob = calloc(rows, sizeof *d->logprob);
    if (!d->target || !d->logprob || !d->groups || !d->view_groups || !d->spans || !d->row_of || !d->work ||
        !d->pointers || !d->threads || !d->taken)
        return -1;
    for (int g = 0; g < o->groups; g++) d->groups[g].thread = d->pointers + (size_t)g * o->threads;
    for (int r = 0; r < o->rows; r++) {
        struct lace_thread *t = &d->threads[r];
        if (!(t->ids = calloc((size_t)o->tokens + 1, sizeof *t->ids))) return -1;
        if (!(t->pasted = calloc((size_t)o->tokens + 1, sizeof *t->pasted))) return -1;
        for (int i = 0; i < 8 * o->tokens; i += 64)
            lace_text_add(&t->text, "................................................................", 64);
        if (t->text.failed) return -1; /* the room stays when the text is cleared */
    }
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
    if (!o->slots && slots <= 1 << 28) o->slots = (int)slots;
    if (!o->slots || o->slots > 1 << 28)
        return lace_fail(err, LACE_BAD, "%lld tokens of context at once are too many.", (long long)slots);
    return 0;
}

int lace_decoder_open(struct lace_decoder **decoder, const struct lace_model *m, const struct lace_format *format,
                      const struct lace_decoder_options *options, struct lace_error *err)
{
    *decoder = NULL;
    struct lace_decoder_options o = *options;
    int code = check_options(&o, err);
    if (code) return code;
    struct lace_decoder *d = calloc(1, sizeof *d);
    if (!d) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    *decoder = d;
    d->model = m;
    d->format = format;
    d->options = o;
    d->prompt_cap = o.groups + KEPT_PROMPTS;
    int64_t keys = o.prompt + (int64_t)o.threads * o.tokens;
    int prefill = o.groups * (int64_t)o.prompt < LACE_FEW_ROWS ? o.groups * o.prompt : LACE_FEW_ROWS;
    d->widest = o.rows + prefill < LACE_FEW_ROWS ? o.rows + prefill : LACE_FEW_ROWS;
    d->prefill_rows = d->widest;
    struct lace_state_options s = {d->widest, o.rows, o.slots, keys < o.slots ? (int)keys : o.slots, o.workers, false};
    code = lace_cache_init(&d->cache, m, o.slots, o.kv, err);
    if (!code) code = lace_room_init(&d->room, o.slots, d->prompt_cap + o.groups, err);
    if (!code) code = lace_prompts_init(&d->prompts, &d->room, &d->cache, d->prompt_cap, err);
    if (!code)
        code = lace_batch_init(&d->batch, d->widest, o.groups + d->prompt_cap, o.rows * (o.threads + 1) + 2 * d->widest,
                               err);
    if (!code) code = lace_state_init(&d->state, m, &s, err);
    if (!code && give_groups(d))
        code = lace_fail(err, LACE_MEMORY, "Out of memory for %d groups of %d threads.", o.groups, o.threads);
    if (!code) code = give_recorders(d, err);
    if (code) lace_decoder_close(decoder);
    return code;
}

void lace_decoder_forget(struct lace_decoder *d) { lace_prompts_forget(&d->prompts); }

int lace_decoder_free_groups(const struct lace_decoder *d)
{
    int count = 0;
    for (int g = 0; g < d->options.groups; g++) count += !d->groups[g].used;
    return count;
}

static int free_rows(const struct lace_decoder *d)
{
    int count = 0;
    for (int r = 0; r < d->options.rows; r++) count += !d->taken[r];
    return count;
}

void lace_decoder_use(const struct lace_decoder *d, struct lace_decoder_use *use)
{
    int free_slots = lace_prompts_free_slots(&d->prompts);
    *use = (struct lace_decoder_use){.thread_rows = d->batch.lattice_rows,
                                     .prompt_rows = d->batch.rows - d->batch.lattice_rows,
                                     .rows = d->options.rows,
                                     .rows_taken = d->options.rows - free_rows(d),
                                     .slots = d->options.slots,
                                     .slots_taken = d->options.slots - free_slots,
                                     .slots_kept = free_slots - (d->room.slots - d->room.taken)};
}

size_t lace_decoder_group_bytes(const struct lace_decoder *d, int prompt, int threads, int tokens)
{
    return lace_cache_slot_bytes(d->model, d->cache.dtype) * ((size_t)prompt + (size_t)threads * (size_t)tokens);
}

/* ---- starting a group ---- */

/* Slots of each thread. */
static int room_of(const struct lace_group_options *o)
{
    return o->replay ? o->budget : o->budget + o->paste + (o->plain ? PLAIN_ROOM : VERDICT_ROOM);
}
/* A plain thread without a tag starts from the prompt's last token, which it reads itself: its logits are wanted. */
static bool tagless(const struct lace_decoder *d, const struct lace_group_options *o)
{
    return o->plain && !d->format->special_tags;
}
static int tag_of(const struct lace_decoder *d, const struct lace_group_options *o, int n, int *ids)
{
    return o->solo || o->plain ? lace_format_tag(d->format, 0, 1, ids) : lace_format_tag(d->format, n, o->threads, ids);
}

int lace_decoder_check(const struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *o,
                       struct lace_error *err)
{
    const struct lace_config *c = &d->model->config;
    int tag[LACE_TAG_TOKENS], tag_count, room = o->plain ? PLAIN_ROOM : VERDICT_ROOM;
    if (count < 1)
        return lace_fail(err, LACE_BAD,
                         "The prompt is empty; write the problem after the options, or - to read it from stdin.");
    if (count > d->options.prompt)
        return lace_fail(err, LACE_BAD, "The prompt has %d tokens; at most %d fit here.", count, d->options.prompt);
    for (int i = 0; i < count; i++)
        if (prompt[i] < 0 || prompt[i] >= c->vocab_size)
            return lace_fail(err, LACE_BAD, "Token %d is not in the vocabulary of %d.", prompt[i], c->vocab_size);
    if (o->threads < 1 || o->threads > d->options.threads || (o->plain && o->threads > 1))
        return lace_fail(err, LACE_BAD, "The number of threads must be from 1 to %d, not %d.",
                         o->plain ? 1 : d->options.threads, o->threads);
    if (d->model->lattice.kind != LACE_KIND_NONE && o->threads > d->model->lattice.max_threads)
        return lace_fail(err, LACE_BAD, "This lattice was made for at most %d threads, not %d.",
                         d->model->lattice.max_threads, o->threads);
    tag_count = tagless(d, o) ? 1 : tag_of(d, o, o->threads - 1, tag);
    if (!tag_count) return lace_fail(err, LACE_BAD, "The model has no tag for %d threads; use fewer.", o->threads);
    if (o->replay) room = 0;
    else if (tag_count + (o->plain ? 0 : d->format->lead_count + 8) > room)
        return lace_fail(err, LACE_BAD, "The tokenizer splits the tag of %d threads into %d tokens; that is too many.",
                         o->threads, tag_count);
    if (o->budget < 1 || o->budget > d->options.tokens - room)
        return lace_fail(err, LACE_BAD, "The budget of a thread must be from 1 to %d tokens, not %d.",
                         d->options.tokens - room, o->budget);
    if (o->paste < 0 || o->paste > d->options.tokens - room - o->budget)
        return lace_fail(err, LACE_BAD, "There is no room for %d pasted tokens beside a budget of %d.", o->paste,
                         o->budget);
    if (o->paste && d->model->lattice.kind != LACE_KIND_NONE)
        return lace_fail(err, LACE_BAD, "Text is pasted into threads of models without a lattice only.");
    if (count + room_of(o) > lace_config_context(c))
        return lace_fail(
            err, LACE_BAD,
            "A prompt of %d tokens and a budget of %d are longer than the model's context of %d; use less of either.",
            count, o->budget, lace_config_context(c));
    if (count + (int64_t)o->threads * room_of(o) > d->options.slots)
        return lace_fail(err, LACE_BAD,
                         "A prompt of %d tokens and %d threads of %d need more than the %d tokens of the cache; use "
                         "less of either.",
                         count, o->threads, o->budget, d->options.slots);
    if (o->trace && lace_recorder_need(o->threads, room_of(o)) > (d->options.traces ? d->options.trace_bytes : 0))
        return lace_fail(
            err, LACE_BAD,
            "The trace of %d threads of %d tokens takes %zu bytes, and %zu are kept for one; ask for fewer "
            "threads or tokens.",
            o->threads, o->budget, lace_recorder_need(o->threads, room_of(o)),
            d->options.traces ? d->options.trace_bytes : 0);
    return lace_sampling_check(&o->sampling, err);
}

/* One that no group uses; NULL: all are in use. */
static struct lace_recorder *free_recorder(const struct lace_decoder *d)
{
    for (int i = 0; i < d->options.traces; i++)
        if (!d->recorders[i].busy) return &d->recorders[i];
    return NULL;
}

int lace_decoder_most_tokens(const struct lace_decoder *d, int count, const struct lace_group_options *o)
{
    int context = lace_config_context(&d->model->config) - count,
        cache = (d->options.slots - count) / (o->threads > 0 ? o->threads : 1),
        most = context < cache ? context : cache;
    if (most > d->options.tokens) most = d->options.tokens;
    return most - (o->plain ? PLAIN_ROOM : VERDICT_ROOM);
}

bool lace_decoder_fits(const struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *o)
{
    return lace_decoder_free_groups(d) && free_rows(d) >= o->threads && (!o->trace || free_recorder(d)) &&
           lace_prompts_free_slots(&d->prompts) >=
               lace_prompts_need(&d->prompts, prompt, count - tagless(d, o)) + (int64_t)o->threads * room_of(o);
}

/* The first free rows of the decoder, each at the start of its text. */
static void take_rows(struct lace_decoder *d, struct group *g, const int *prompt, int count)
{
    const struct lace_group_options *o = &g->options;
    for (int n = 0, r = 0; n < o->threads; n++, r++) {
        while (d->taken[r]) r++;
        d->taken[r] = true;
        struct lace_thread *t = g->thread[n] = &d->threads[r],
                           start = {.ids = t->ids, .pasted = t->pasted, .text = t->text};
        *t = start;
        lace_text_clear(&t->text);
        if (o->plain) t->stream = LACE_STREAM_INSIDE; /* it goes on where the prompt ends; a leading blank is its own */
        if (tagless(d, o)) {
            t->ids[0] = prompt[count - 1];
            t->count = 1;
        } else t->count = tag_of(d, o, n, t->ids);
        t->tag_count = t->count;
        lace_rng_init(&t->rng, o->seed, (uint64_t)n);
    }
}

int lace_decoder_join(struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *options,
                      int *cached, struct lace_error *err)
{
    int code = lace_decoder_check(d, prompt, count, options, err), index = 0, known = 0;
    if (code) return code;
    while (index < d->options.groups && d->groups[index].used) index++;
    if (index == d->options.groups) return lace_fail(err, LACE_BAD, "All %d groups are busy.", d->options.groups);
    if (!lace_decoder_fits(d, prompt, count, options))
        return lace_fail(err, LACE_BAD, "There is no room for %d more threads now.", options->threads);
    struct group *g = &d->groups[index];
    g->options = *options;
    g->prompt = -1;
    g->prompt_count = count - tagless(d, options);
    g->per_thread = room_of(options);
    g->clock = g->chosen = 0;
    int own = options->threads * g->per_thread;
    if (g->prompt_count) g->prompt = lace_prompts_take(&d->prompts, prompt, g->prompt_count, own, &known);
    g->block = !g->prompt_count || g->prompt >= 0 ? lace_prompts_make_room(&d->prompts, own) : -1;
    if (g->block < 0) {
        if (g->prompt >= 0) lace_prompts_leave(&d->prompts, g->prompt);
        return lace_fail(err, LACE_BAD, "There is no room for %d more threads now.", options->threads);
    }
    take_rows(d, g, prompt, count);
    g->recorder = options->trace ? free_recorder(d) : NULL;
    if (g->recorder) {
        bool shut = options->plain || options->see == LACE_SEE_NONE || d->model->lattice.kind == LACE_KIND_NONE;
        lace_recorder_begin(g->recorder, options->threads, g->per_thread, shut ? 0 : d->model->lattice.layer_count);
    }
    g->used = true;
    if (cached) *cached = known;
    return index;
}

void lace_decoder_remove(struct lace_decoder *d, int group)
{
    struct group *g = &d->groups[group];
    if (!g->used) return;
    g->used = false;
    for (int n = 0; n < g->options.threads; n++) d->taken[g->thread[n] - d->threads] = false;
    lace_room_give(&d->room, g->block);
    if (g->recorder) g->recorder->busy = false;
    if (g->prompt >= 0) lace_prompts_leave(&d->prompts, g->prompt);
}

const struct lace_recorder *lace_decoder_trace(const struct lace_decoder *d, int group)
{
    return d->groups[group].recorder;
}

const struct lace_thread *lace_decoder_thread(const struct lace_decoder *d, int group, int thread)
{
    return d->groups[group].thread[thread];
}
const struct lace_model *lace_decoder_model(const struct lace_decoder *d) { return d->model; }
void *lace_decoder_user(const struct lace_decoder *d, int group) { return d->groups[group].options.user; }

bool lace_decoder_done(const struct lace_decoder *d, int group)
{
    const struct group *g = &d->groups[group];
    for (int n = 0; n < g->options.threads; n++)
        if (g->thread[n]->end == LACE_RUNNING) return false;
    return true;
}

bool lace_decoder_started(const struct lace_decoder *d, int group)
{
    const struct group *g = &d->groups[group];
    return g->prompt < 0 || d->prompts.prompt[g->prompt].done >= g->prompt_count;
}

void lace_decoder_prefill_rows(struct lace_decoder *d, int rows) { d->prefill_rows = rows; }

void lace_decoder_force(struct lace_decoder *d, int group, int thread, const int *ids, int count)
{
    d->groups[group].thread[thread]->forced = ids;
    d->groups[group].thread[thread]->forced_count = count;
}

void lace_decoder_let_judge(struct lace_decoder *d, int group, int thread)
{
    d->groups[group].thread[thread]->released = true;
}

void lace_decoder_hold(struct lace_decoder *d, int group, int thread, bool held)
{
    d->groups[group].thread[thread]->held = held;
}

/* ---- text from elsewhere ---- */

static int compute(struct lace_decoder *d, struct lace_error *err);

/* The token that still waits to be read goes first; the last pasted one waits in its place, so that the next step
 * gives the logits after it. */
int lace_decoder_paste(struct lace_decoder *d, int group, int thread, const int *ids, int count, struct lace_error *err)
{
    struct group *g = &d->groups[group];
    struct lace_thread *t = g->thread[thread];
    struct lace_batch *b = &d->batch;
    if (count < 0 || count > g->options.paste - t->heard || t->fed != t->count - 1)
        return lace_fail(err, LACE_BAD, "There is no room for %d more pasted tokens in thread %d.", count, thread + 1);
    for (int i = 0; i < count; i++) {
        t->pasted[t->count] = true;
        t->ids[t->count++] = ids[i];
    }
    t->heard += count;
    while (t->fed < t->count - 1) {
        int rows = t->count - 1 - t->fed, slot = d->room.block[g->block].slot + thread * g->per_thread;
        if (rows > d->widest) rows = d->widest;
        for (int r = 0; r < rows; r++) {
            b->token[r] = t->ids[t->fed + r];
            b->position[r] = g->prompt_count + t->fed + r;
            b->time[r] = g->clock;
            b->thread[r] = thread;
            b->step[r] = t->steps;
            b->slot[r] = slot + t->fed + r;
            t->steps += lace_format_ends_step(d->format, b->token[r]);
        }
        b->rows = rows;
        b->lattice_rows = b->outs = 0;
        d->views = 1;
        d->view_groups[0] = (struct lace_group){.thread = d->spans, .threads = 1, .see = -1};
        if (g->prompt >= 0)
            d->view_groups[0].prompt =
                (struct lace_span){0, 0, lace_prompts_slot(&d->prompts, g->prompt), g->prompt_count};
        d->spans[0] = (struct lace_span){0, rows, slot, t->fed};
        int code = compute(d, err);
        if (code) return code;
        t->fed += rows;
    }
    return 0;
}

/* ---- a step ---- */

static bool waiting(const struct lace_thread *t)
{
    return t->end == LACE_RUNNING && t->at_lead && !t->released && t->fed == t->count - 1;
}

/* Opens the barrier when every running thread stands at it. */
static void release(struct group *g)
{
    bool all = true;
    for (int n = 0; n < g->options.threads; n++) all &= g->thread[n]->end != LACE_RUNNING || waiting(g->thread[n]);
    for (int n = 0; n < g->options.threads; n++)
        if (waiting(g->thread[n]) && (all || !g->options.barrier)) g->thread[n]->released = true;
}

/* The rows of the threads: one for each that runs and does not wait. */
static void gather_threads(struct lace_decoder *d)
{
    struct lace_batch *b = &d->batch;
    b->rows = b->outs = 0;
    for (int i = 0, g = 0; g < d->options.groups; g++) {
        struct group *group = &d->groups[g];
        struct lace_group *view = &d->view_groups[g];
        *view = (struct lace_group){.thread = d->spans + i, .see = -1};
        if (!group->used || !lace_decoder_started(d, g)) continue;
        release(group);
        int first = d->room.block[group->block].slot;
        if (group->recorder) lace_recorder_place(group->recorder, first, group->per_thread);
        if (group->prompt >= 0)
            view->prompt = (struct lace_span){0, 0, lace_prompts_slot(&d->prompts, group->prompt), group->prompt_count};
        view->threads = group->options.threads;
        view->show = group->options.show;
        view->unheard = group->options.unheard;
        i += view->threads;
        for (int n = 0; n < view->threads; n++) {
            struct lace_thread *t = group->thread[n];
            bool runs = t->end == LACE_RUNNING && !t->held && !waiting(t);
            view->thread[n] = (struct lace_span){b->rows, runs, first + n * group->per_thread, t->fed};
            if (group->recorder)
                lace_recorder_row(group->recorder, n, runs ? b->rows : -1, t->fed + 1 - t->tag_count, group->clock);
            if (!runs) continue;
            int r = b->rows++;
            b->token[r] = t->ids[t->fed];
            b->position[r] = group->prompt_count + t->fed;
            b->time[r] = group->clock;
            b->thread[r] = n;
            b->step[r] = t->steps;
            b->slot[r] = view->thread[n].slot + t->fed;
            if (t->fed + 1 < t->count) continue;
            d->row_of[b->outs].group = g;
            d->row_of[b->outs].thread = n;
            b->out_row[b->outs++] = r;
        }
    }
    b->lattice_rows = b->rows;
    for (int g = 0; g < d->options.groups; g++) {
        if (!d->groups[g].used || d->groups[g].options.plain || d->groups[g].options.see == LACE_SEE_NONE) continue;
        d->view_groups[g].see = g;
        if (d->groups[g].options.see != LACE_SEE_FOREIGN) continue;
        int other = g; /* the next group that runs; alone: nothing to see */
        do other = (other + 1) % d->options.groups;
        while (other != g && !d->groups[other].used);
        d->view_groups[g].see = other == g ? -1 : other;
    }
    d->views = d->options.groups;
}

/* The prompt that has waited longest and is not in this step yet; -1: none. */
static int next_prompt(const struct lace_decoder *d, uint64_t after)
{
    int found = -1;
    for (int i = 0; i < d->prompts.cap; i++) {
        const struct lace_prompt *p = &d->prompts.prompt[i];
        if (p->block >= 0 && p->refs && p->done < p->count && p->used > after &&
            (found < 0 || p->used < d->prompts.prompt[found].used))
            found = i;
    }
    return found;
}

/* Rows of prompts behind those of the threads, first come, first served. */
static void gather_prompts(struct lace_decoder *d)
{
    struct lace_batch *b = &d->batch;
    int room = d->widest - b->rows;
    if (b->lattice_rows && room > d->prefill_rows) room = d->prefill_rows;
    for (int p = next_prompt(d, 0); p >= 0 && room > 0; p = next_prompt(d, d->prompts.prompt[p].used)) {
        struct lace_prompt *prompt = &d->prompts.prompt[p];
        int left = prompt->count - prompt->done, rows = left < room ? left : room,
            slot = lace_prompts_slot(&d->prompts, p);
        d->view_groups[d->views++] = (struct lace_group){.prompt = {b->rows, rows, slot, prompt->done}, .see = -1};
        for (int i = 0; i < rows; i++) {
            int r = b->rows++, at = prompt->done + i;
            b->token[r] = d->prompts.token[slot + at];
            b->position[r] = b->time[r] = at;
            b->thread[r] = b->step[r] = 0;
            b->slot[r] = slot + at;
        }
        prompt->done += rows;
        room -= rows;
    }
}

static int compute(struct lace_decoder *d, struct lace_error *err)
{
    struct lace_batch *b = &d->batch;
    lace_batch_store_times(b, &d->cache);
    int code = lace_view_build(b, d->view_groups, d->views, &d->cache, d->model, err);
    if (!code) lace_forward(d->model, &d->state, &d->cache, b);
    return code;
}

int lace_decoder_add(struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *options,
                     struct lace_error *err)
{
    int group = lace_decoder_join(d, prompt, count, options, NULL, err), code = 0;
    while (group >= 0 && !code && !lace_decoder_started(d, group)) {
        d->batch.rows = d->batch.lattice_rows = d->batch.outs = d->views = 0;
        gather_prompts(d);
        code = compute(d, err);
    }
    if (code) lace_decoder_remove(d, group);
    return code ? code : group;
}

static bool ends_with(const struct lace_text *text, const char *what)
{
    size_t n = strlen(what);
    return n && text->len >= n && !memcmp(text->data + text->len - n, what, n);
}

/* The strings that end a thread's text: those of its options, and the lead of the verdict where none is wanted. */
static const char *stop_of(const struct lace_decoder *d, const struct lace_group_options *o, int i)
{
    if (i < o->stop_count) return o->stops[i];
    return i == o->stop_count && o->plain && d->format->special_tags ? "[[" : NULL;
}

/* Whether what was written from byte `before` on completes one; then the text ends before the first. */
static bool stops_at(const struct lace_decoder *d, struct lace_text *text, size_t before,
                     const struct lace_group_options *o)
{
    const char *first = NULL, *stop;
    for (int i = 0; (stop = stop_of(d, o, i)); i++) {
        size_t n = strlen(stop), from = before >= n ? before - n + 1 : 0;
        const char *found = n && text->len >= n ? memmem(text->data + from, text->len - from, stop, n) : NULL;
        if (found && (!first || found < first)) first = found;
    }
    if (!first) return false;
    text->len = (size_t)(first - text->data);
    text->data[text->len] = 0;
    return true;
}

/* How many of the last bytes may be the beginning of one. */
static size_t withheld(const struct lace_decoder *d, const struct lace_text *text, const struct lace_group_options *o)
{
    const char *stop;
    size_t most = 0;
    for (int i = 0; (stop = stop_of(d, o, i)); i++) {
        size_t n = strlen(stop), k = n ? n - 1 : 0;
        if (k > text->len) k = text->len;
        while (k > most && memcmp(text->data + text->len - k, stop, k)) k--;
        if (k > most) most = k;
    }
    return most;
}

static void hand_on(struct lace_decoder *d, int g, int n, lace_token_fn *on_token)
{
    const struct lace_group_options *o = &d->groups[g].options;
    struct lace_thread *t = d->groups[g].thread[n];
    size_t to = t->text.len;
    if (t->sent == to) return;
    if (t->end == LACE_RUNNING) to -= withheld(d, &t->text, o);
    if (t->sent >= to) return;
    if (on_token) on_token(o->user, g, n, t->text.data + t->sent, to - t->sent);
    t->sent = to;
}

static void append(struct lace_decoder *d, struct group *group, int n, int id)
{
    struct lace_thread *t = group->thread[n];
    t->pasted[t->count] = false;
    t->ids[t->count++] = id;
    lace_tokenizer_stream(d->format->tokenizer, &t->stream, id, true, &t->text);
    if (group->recorder) lace_recorder_token(group->recorder, n, t->count - 1 - t->tag_count, t->text.len);
}

/* A character that is not whole when its thread ends will not become so; one behind a stop string was never said. */
static void end_text(struct lace_decoder *d, struct lace_thread *t)
{
    if (t->end == LACE_END_STOP) t->stream.held_len = 0;
    else lace_tokenizer_stream_end(d->format->tokenizer, &t->stream, &t->text);
}

static void finish(struct lace_decoder *d, int g, int n, enum lace_end end)
{
    struct group *group = &d->groups[g];
    struct lace_thread *t = group->thread[n];
    t->end = end;
    t->clock_end = group->clock;
    end_text(d, t);
    if (end != LACE_END_VERDICT || group->options.barrier || !(group->options.early_stop > 0) ||
        t->p[LACE_VERDICT_BEST] < group->options.early_stop)
        return;
    for (int m = 0; m < group->options.threads; m++)
        if (group->thread[m]->end == LACE_RUNNING) {
            group->thread[m]->end = LACE_END_EARLY;
            end_text(d, group->thread[m]);
            group->thread[m]->clock_end = group->clock;
        }
}

/* A thread's new token, from its logits or from what it is forced to write; then whether that ends it. */
static void advance(struct lace_decoder *d, int g, int n, const float *logits, double lse)
{
    struct group *group = &d->groups[g];
    struct lace_thread *t = group->thread[n];
    const struct lace_format *f = d->format;
    bool judged = t->at_lead;
    int id;
    if (t->forced_count) {
        id = *t->forced++;
        t->forced_count--;
    } else {
        id = lace_sample(logits, d->model->config.vocab_size, &group->options.sampling, t->ids + t->tag_count,
                         t->count - t->tag_count, &t->rng, d->work);
        t->logprob += logits[id] - lse;
        t->sampled++;
    }
    t->chosen++;
    group->chosen++;
    if (judged && !t->judged) {
        t->judged = true; /* not p != 0: all three may round to 0 */
        for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL; v++) t->p[v] = (float)exp(logits[f->verdict[v]] - lse);
        t->chosen_before_lead = t->chosen - 1;
    }
    size_t before = t->text.len;
    if (group->recorder) lace_recorder_chosen(group->recorder, n, id, logits[id] - lse);
    append(d, group, n, id);
    if (group->options.chosen) group->options.chosen(group->options.user, n, id, logits, lse);
    if (group->options.replay) {
        t->at_lead |= ends_with(&t->text, "[["); /* the barrier holds as it did */
        if (!t->forced_count) finish(d, g, n, LACE_END_TOKEN);
        return;
    }
    if (judged) {
        t->verdict = lace_format_verdict(t->text.data, t->text.len);
        if (t->verdict != LACE_VERDICT_NONE) finish(d, g, n, LACE_END_VERDICT);
        else if (lace_format_is_end(f, id) || t->chosen - t->chosen_before_lead >= 8 ||
                 (t->chosen - t->chosen_before_lead == 1 && f->single[1] && f->single[2] && f->single[3]))
            finish(d, g, n, LACE_END_TOKEN); /* no verdict came */
        return;
    }
    if (!group->options.plain && ends_with(&t->text, "[[")) {
        t->at_lead = true;
        t->said = t->text.len - 2;
        return;
    }
    if (lace_format_is_end(f, id)) finish(d, g, n, LACE_END_TOKEN);
    if (t->end == LACE_RUNNING && stops_at(d, &t->text, before, &group->options)) finish(d, g, n, LACE_END_STOP);
    t->said = t->text.len;
    bool spent = t->chosen + (group->options.paste_spends ? t->heard : 0) >= group->options.budget ||
                 (group->options.group_budget && group->chosen >= group->options.group_budget);
    if (t->end != LACE_RUNNING || !spent) return;
    t->cut = true;
    t->forced_count = 0;
    if (group->options.plain) {
        finish(d, g, n, LACE_END_BUDGET);
        t->said = t->text.len;
        return;
    }
    for (int i = 0; i < f->lead_count; i++) append(d, group, n, f->lead[i]); /* its verdict is asked for now */
    t->at_lead = true;
}

/* Called for each lattice layer of a step in which traced groups have rows. */
static void watch(void *user, const struct lace_lattice_values *values)
{
    struct lace_decoder *d = user;
    for (int i = 0; i < d->options.traces; i++)
        if (d->recorders[i].busy) lace_recorder_lattice(&d->recorders[i], values);
}

int lace_decoder_step(struct lace_decoder *d, lace_token_fn *on_token, struct lace_error *err)
{
    struct lace_batch *b = &d->batch;
    gather_threads(d);
    gather_prompts(d);
    bool traced = false;
    for (int i = 0; i < d->options.traces; i++) traced |= d->recorders[i].busy;
    if (b->rows) {
        d->state.watch = (struct lace_watch){traced ? watch : NULL, d};
        int code = compute(d, err);
        d->state.watch.lattice = NULL; /* pasted texts and prompts alone are nobody's tokens */
        if (code) return code;
        lace_logits(d->model, &d->state, b, 0, b->outs);
        if (b->outs)
            d->model->ops->cross_entropy_forward(d->logprob, d->state.lse, d->state.logits, d->target, b->outs,
                                                 d->model->config.vocab_size);
    }
    for (int g = 0; g < d->options.groups; g++) {
        struct group *group = &d->groups[g];
        if (!group->used || !d->view_groups[g].threads) continue;
        group->clock++;
        for (int n = 0; n < group->options.threads; n++) {
            struct lace_thread *t = group->thread[n];
            if (t->end != LACE_RUNNING || !d->view_groups[g].thread[n].rows) continue;
            t->steps += lace_format_ends_step(d->format, t->ids[t->fed++]);
        }
    }
    for (int i = 0; i < b->outs; i++) {
        int g = d->row_of[i].group, n = d->row_of[i].thread;
        if (d->groups[g].thread[n]->end == LACE_RUNNING)
            advance(d, g, n, d->state.logits + (size_t)i * d->model->config.vocab_size, d->state.lse[i]);
    }
    int running = 0;
    for (int g = 0; g < d->options.groups; g++) {
        if (!d->groups[g].used) continue;
        if (d->groups[g].recorder && d->view_groups[g].threads)
            lace_recorder_step(d->groups[g].recorder, d->groups[g].clock - 1, d->state.last);
        for (int n = 0; n < d->groups[g].options.threads; n++) hand_on(d, g, n, on_token);
        running += !lace_decoder_done(d, g);
    }
    return running;
}
