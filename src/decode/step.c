/* A step of the lockstep: one row for every thread that runs and does not wait, and behind them as many rows of
 * prompts as the step still holds, all in one forward pass; then every thread writes its token. Prompts and pasted
 * texts that are read outside of a step go through the same pass. */
#include "decode/decoder_parts.h"

/* ---- rows ---- */

static int slot_of(const struct lace_decoder *d, const struct group *g, int n)
{
    return d->room.block[g->block].slot + n * g->per_thread;
}

/* What a group's threads read before their own tokens. */
static struct lace_span prompt_of(const struct lace_decoder *d, const struct group *g)
{
    if (g->prompt < 0) return (struct lace_span){0};
    return (struct lace_span){0, 0, lace_prompts_slot(&d->prompts, g->prompt), g->prompt_count};
}

/* The next token of thread n that has no keys yet, with `ahead` others before it in this batch. */
static int add_row(struct lace_decoder *d, const struct group *g, int n, int ahead)
{
    struct lace_batch *b = &d->batch;
    const struct lace_thread *t = g->thread[n];
    int r = b->rows++, at = t->fed + ahead;
    b->token[r] = t->ids[at];
    b->position[r] = g->prompt_count + at;
    b->time[r] = g->clock;
    b->thread[r] = n;
    b->step[r] = t->steps;
    b->slot[r] = slot_of(d, g, n) + at;
    return r;
}

static void no_rows(struct lace_decoder *d) { d->batch.rows = d->batch.lattice_rows = d->batch.outs = d->views = 0; }

static int compute(struct lace_decoder *d, struct lace_error *err)
{
    struct lace_batch *b = &d->batch;
    lace_batch_store_times(b, &d->cache);
    int code = lace_view_build(b, d->view_groups, d->views, &d->cache, d->model, err);
    if (!code) lace_forward(d->model, &d->state, &d->cache, b);
    return code;
}

/* ---- rows of threads ---- */

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

/* Whose threads the lattice shows to those of group g; -1: nobody's. */
static int seen_by(const struct lace_decoder *d, int g)
{
    const struct group *group = &d->groups[g];
    if (!group->used || group->options.plain || group->options.see == LACE_SEE_NONE) return -1;
    if (group->options.see == LACE_SEE_OWN) return g;
    int other = g; /* the next group that runs; alone: nothing to see */
    do other = (other + 1) % d->options.groups;
    while (other != g && !d->groups[other].used);
    return other == g ? -1 : other;
}

/* A row for thread n where it runs; every thread's span, because what has been written stays visible. */
static struct lace_span gather_thread(struct lace_decoder *d, int g, int n)
{
    struct lace_batch *b = &d->batch;
    struct group *group = &d->groups[g];
    const struct lace_thread *t = group->thread[n];
    bool runs = t->end == LACE_RUNNING && !t->held && !waiting(t);
    struct lace_span span = {b->rows, runs, slot_of(d, group, n), t->fed};
    if (group->recorder)
        lace_recorder_row(group->recorder, n, runs ? b->rows : -1, t->fed + 1 - t->tag_count, group->clock);
    if (!runs) return span;
    int r = add_row(d, group, n, 0);
    if (t->fed + 1 < t->count) return span; /* of a tag or a lead; its next token is known */
    d->row_of[b->outs].group = g;
    d->row_of[b->outs].thread = n;
    b->out_row[b->outs++] = r;
    return span;
}

static void gather_threads(struct lace_decoder *d)
{
    struct lace_span *span = d->spans;
    no_rows(d);
    for (int g = 0; g < d->options.groups; g++) {
        struct group *group = &d->groups[g];
        struct lace_group *view = &d->view_groups[d->views++];
        *view = (struct lace_group){.thread = span, .see = seen_by(d, g)};
        if (!group->used || !lace_decoder_started(d, g)) continue;
        release(group);
        if (group->recorder) lace_recorder_place(group->recorder, slot_of(d, group, 0), group->per_thread);
        view->prompt = prompt_of(d, group);
        view->threads = group->options.threads;
        view->show = group->options.show;
        view->unheard = group->options.unheard;
        for (int n = 0; n < view->threads; n++) *span++ = gather_thread(d, g, n);
    }
    d->batch.lattice_rows = d->batch.rows;
}

/* ---- rows of prompts ---- */

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

/* Behind those of the threads, first come, first served. */
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

int lace_decoder_add(struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *options,
                     struct lace_error *err)
{
    int group = lace_decoder_join(d, prompt, count, options, NULL, err), code = 0;
    while (group >= 0 && !code && !lace_decoder_started(d, group)) {
        no_rows(d);
        gather_prompts(d);
        code = compute(d, err);
    }
    if (code) lace_decoder_remove(d, group);
    return code ? code : group;
}

/* ---- text from elsewhere ---- */

/* The token that still waits to be read goes first; the last pasted one waits in its place, so that the next step
 * gives the logits after it. */
int lace_decoder_paste(struct lace_decoder *d, int group, int thread, const int *ids, int count, struct lace_error *err)
{
    struct group *g = &d->groups[group];
    struct lace_thread *t = g->thread[thread];
    if (count < 0 || count > g->options.paste - t->heard || t->fed != t->count - 1)
        return lace_fail(err, LACE_BAD, "There is no room for %d more pasted tokens in thread %d.", count, thread + 1);
    for (int i = 0; i < count; i++) {
        t->pasted[t->count] = true;
        t->ids[t->count++] = ids[i];
    }
    t->heard += count;
    while (t->fed < t->count - 1) {
        int rows = t->count - 1 - t->fed;
        if (rows > d->widest) rows = d->widest;
        no_rows(d);
        for (int i = 0; i < rows; i++) {
            int r = add_row(d, g, thread, i);
            t->steps += lace_format_ends_step(d->format, d->batch.token[r]);
        }
        d->spans[0] = (struct lace_span){0, rows, slot_of(d, g, thread), t->fed};
        d->view_groups[d->views++] =
            (struct lace_group){.prompt = prompt_of(d, g), .thread = d->spans, .threads = 1, .see = -1};
        int code = compute(d, err);
        if (code) return code;
        t->fed += rows;
    }
    return 0;
}

/* ---- a step ---- */

/* Called for each lattice layer of a step in which traced groups have rows. */
static void watch(void *user, const struct lace_lattice_values *values)
{
    struct lace_decoder *d = user;
    for (int i = 0; i < d->options.traces; i++)
        if (d->recorders[i].busy) lace_recorder_lattice(&d->recorders[i], values);
}

/* The step's forward pass, with the logits of the threads that write a token now and their log sum exp. */
static int compute_logits(struct lace_decoder *d, struct lace_error *err)
{
    const struct lace_batch *b = &d->batch;
    bool traced = false;
    for (int i = 0; i < d->options.traces; i++) traced |= d->recorders[i].busy;
    d->state.watch = (struct lace_watch){traced ? watch : NULL, d};
    int code = compute(d, err);
    d->state.watch.lattice = NULL; /* pasted texts and prompts alone are nobody's tokens */
    if (code) return code;
    lace_logits(d->model, &d->state, b, 0, b->outs);
    if (b->outs)
        d->model->ops->cross_entropy_forward(d->logprob, d->state.lse, d->state.logits, d->target, b->outs,
                                             d->model->config.vocab_size);
    return 0;
}

/* The clock of every group that has started, and the tokens whose keys are stored now. */
static void tick(struct lace_decoder *d)
{
    for (int g = 0; g < d->options.groups; g++) {
        const struct lace_group *view = &d->view_groups[g];
        struct group *group = &d->groups[g];
        if (!view->threads) continue;
        group->clock++;
        for (int n = 0; n < view->threads; n++) {
            struct lace_thread *t = group->thread[n];
            if (view->thread[n].rows) t->steps += lace_format_ends_step(d->format, t->ids[t->fed++]);
        }
    }
}

int lace_decoder_step(struct lace_decoder *d, lace_token_fn *on_token, struct lace_error *err)
{
    const struct lace_batch *b = &d->batch;
    gather_threads(d);
    gather_prompts(d);
    int code = b->rows ? compute_logits(d, err) : 0, running = 0;
    if (code) return code;
    tick(d);
    for (int i = 0; i < b->outs; i++) {
        struct group *group = &d->groups[d->row_of[i].group];
        int n = d->row_of[i].thread;
        if (group->thread[n]->end == LACE_RUNNING) /* not ended early by one before it */
            lace_decoder_write(d, group, n, d->state.logits + (size_t)i * d->model->config.vocab_size, d->state.lse[i]);
    }
    for (int g = 0; g < d->options.groups; g++) {
        struct group *group = &d->groups[g];
        if (!group->used) continue;
        if (group->recorder && d->view_groups[g].threads)
            lace_recorder_step(group->recorder, group->clock - 1, d->state.last);
        for (int n = 0; n < group->options.threads; n++) lace_decoder_hand_on(d, g, n, on_token);
        running += !lace_decoder_done(d, g);
    }
    return running;
}
