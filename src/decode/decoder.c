#include "decode/decoder.h"
#include <omp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFILL_ROWS 512
#define VERDICT_ROOM (LACE_TAG_TOKENS + 8) /* lead and verdict after the budget */

struct group {
    bool used;
    struct lace_group_options options;
    int prompt_count, slot, clock, chosen;
    struct lace_thread *threads;
};

struct lace_decoder {
    const struct lace_model *model;
    const struct lace_format *format;
    struct lace_decoder_options options;
    struct lace_cache cache;
    struct lace_state state;
    struct lace_batch batch;
    struct lace_group *view_groups;
    struct lace_span *spans;
    struct group *groups;
    struct {
        int group, thread;
    } * row_of; /* of the batch's out rows */
    struct lace_candidate *work;
    int *target; /* zeros: of the loss that gives each row's log sum exp */
    float *logprob;
    int group_slots;
};

void lace_decoder_close(struct lace_decoder **decoder)
{
    struct lace_decoder *d = *decoder;
    if (!d) return;
    for (int g = 0; d->groups && g < d->options.groups; g++) {
        for (int n = 0; d->groups[g].threads && n < d->options.threads; n++) {
            lace_text_release(&d->groups[g].threads[n].text);
            free(d->groups[g].threads[n].ids);
        }
        free(d->groups[g].threads);
    }
    free(d->groups);
    free(d->view_groups);
    free(d->spans);
    free(d->row_of);
    free(d->work);
    free(d->target);
    free(d->logprob);
    lace_batch_release(&d->batch);
    lace_state_release(&d->state);
    lace_cache_release(&d->cache);
    free(d);
    *decoder = NULL;
}

static int give_groups(struct lace_decoder *d)
{
    const struct lace_decoder_options *o = &d->options;
    size_t rows = (size_t)o->groups * (size_t)o->threads;
    d->groups = calloc((size_t)o->groups, sizeof *d->groups);
    d->view_groups = calloc((size_t)o->groups, sizeof *d->view_groups);
    d->spans = calloc(rows, sizeof *d->spans);
    d->row_of = calloc(rows, sizeof *d->row_of);
    d->work = calloc((size_t)d->model->config.vocab_size, sizeof *d->work);
    d->target = calloc(rows, sizeof *d->target);
    d->logprob = calloc(rows, sizeof *d->logprob);
    if (!d->target || !d->logprob || !d->groups || !d->view_groups || !d->spans || !d->row_of || !d->work) return -1;
    for (int g = 0; g < o->groups; g++) {
        d->groups[g].slot = g * d->group_slots;
        if (!(d->groups[g].threads = calloc((size_t)o->threads, sizeof(struct lace_thread)))) return -1;
        for (int n = 0; n < o->threads; n++) {
            struct lace_thread *t = &d->groups[g].threads[n];
            t->slot = d->groups[g].slot + o->prompt + n * o->tokens;
            if (!(t->ids = calloc((size_t)o->tokens + 1, sizeof *t->ids))) return -1;
            for (int i = 0; i < 8 * o->tokens; i += 64)
                lace_text_add(&t->text, "................................................................", 64);
            if (t->text.failed) return -1; /* the room stays when the text is cleared */
        }
    }
    return 0;
}

int lace_decoder_open(struct lace_decoder **decoder, const struct lace_model *m, const struct lace_format *format,
                      const struct lace_decoder_options *options, struct lace_error *err)
{
    *decoder = NULL;
    struct lace_decoder_options o = *options;
    if (!o.workers) o.workers = omp_get_max_threads();
    if (o.groups < 1 || o.threads < 1 || o.prompt < 1 || o.tokens < 1)
        return lace_fail(err, LACE_BAD,
                         "A decoder needs at least one group, one thread, one prompt token and one new token.");
    if (o.threads > LACE_FEW_ROWS / o.groups)
        return lace_fail(
            err, LACE_BAD,
            "%d groups of %d threads are more than the %d rows that one step decodes; use fewer of either.", o.groups,
            o.threads, LACE_FEW_ROWS);
    int64_t group_slots = o.prompt + (int64_t)o.threads * o.tokens, slots = group_slots * o.groups;
    if (slots > 1 << 28)
        return lace_fail(err, LACE_BAD, "%lld tokens of context at once are too many.", (long long)slots);
    struct lace_decoder *d = calloc(1, sizeof *d);
    if (!d) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    *decoder = d;
    d->model = m;
    d->format = format;
    d->options = o;
    d->group_slots = (int)group_slots;
    int rows = o.groups * o.threads, prefill = o.prompt < PREFILL_ROWS ? o.prompt : PREFILL_ROWS,
        widest = rows > prefill ? rows : prefill;
    struct lace_state_options s = {widest, rows, (int)slots, (int)group_slots, o.workers, false};
    int code = lace_cache_init(&d->cache, m, (int)slots, err);
    if (!code) code = lace_batch_init(&d->batch, widest, o.groups, rows * (o.threads + 1) + prefill, err);
    if (!code) code = lace_state_init(&d->state, m, &s, err);
    if (!code && give_groups(d))
        code = lace_fail(err, LACE_MEMORY, "Out of memory for %d groups of %d threads.", o.groups, o.threads);
    if (code) lace_decoder_close(decoder);
    return code;
}

int lace_decoder_free_groups(const struct lace_decoder *d)
{
    int count = 0;
    for (int g = 0; g < d->options.groups; g++) count += !d->groups[g].used;
    return count;
}

size_t lace_decoder_group_bytes(const struct lace_decoder *d, int prompt, int threads, int tokens)
{
    const struct lace_cache *c = &d->cache;
    size_t slot = sizeof(float) * (2 * (size_t)c->kv_width * (size_t)d->model->config.num_hidden_layers +
                                   (c->lv ? 2 : 1) * (size_t)c->lat_width * (size_t)d->model->lattice.layer_count);
    return slot * ((size_t)prompt + (size_t)threads * (size_t)tokens);
}

/* ---- starting a group ---- */

static int prefill(struct lace_decoder *d, const struct group *g, const int *prompt, struct lace_error *err)
{
    struct lace_batch *b = &d->batch;
    for (int first = 0; first < g->prompt_count; first += PREFILL_ROWS) {
        int count = g->prompt_count - first < PREFILL_ROWS ? g->prompt_count - first : PREFILL_ROWS;
        for (int r = 0; r < count; r++) {
            b->token[r] = prompt[first + r];
            b->position[r] = b->time[r] = first + r;
            b->thread[r] = b->step[r] = 0;
            b->slot[r] = g->slot + first + r;
        }
        b->rows = count;
        b->lattice_rows = b->outs = 0;
        lace_batch_store_times(b, &d->cache);
        struct lace_group view = {.prompt = {0, count, g->slot, first}, .see = -1};
        int code = lace_view_build(b, &view, 1, &d->cache, &d->model->lattice, err);
        if (code) return code;
        lace_forward(d->model, &d->state, &d->cache, b);
    }
    return 0;
}

static int check_group(const struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *o,
                       struct lace_error *err)
{
    const struct lace_config *c = &d->model->config;
    int tag[LACE_TAG_TOKENS];
    if (count < 1)
        return lace_fail(err, LACE_BAD,
                         "The prompt is empty; write the problem after the options, or - to read it from stdin.");
    if (count > d->options.prompt)
        return lace_fail(err, LACE_BAD, "The prompt has %d tokens; at most %d fit here.", count, d->options.prompt);
    for (int i = 0; i < count; i++)
        if (prompt[i] < 0 || prompt[i] >= c->vocab_size)
            return lace_fail(err, LACE_BAD, "Token %d is not in the vocabulary of %d.", prompt[i], c->vocab_size);
    if (o->threads < 1 || o->threads > d->options.threads)
        return lace_fail(err, LACE_BAD, "The number of threads must be from 1 to %d, not %d.", d->options.threads,
                         o->threads);
    if (d->model->lattice.kind != LACE_KIND_NONE && o->threads > d->model->lattice.max_threads)
        return lace_fail(err, LACE_BAD, "This lattice was made for at most %d threads, not %d.",
                         d->model->lattice.max_threads, o->threads);
    if (!o->solo && !lace_format_tag(d->format, o->threads - 1, o->threads, tag))
        return lace_fail(err, LACE_BAD, "The model has no tag for %d threads; use fewer.", o->threads);
    if (o->budget < 1 || o->budget > d->options.tokens - VERDICT_ROOM)
        return lace_fail(err, LACE_BAD, "The budget of a thread must be from 1 to %d tokens, not %d.",
                         d->options.tokens - VERDICT_ROOM, o->budget);
    if (count + o->budget + VERDICT_ROOM > c->max_position_embeddings)
        return lace_fail(
            err, LACE_BAD,
            "A prompt of %d tokens and a budget of %d are longer than the model's context of %d; use less of either.",
            count, o->budget, c->max_position_embeddings);
    return lace_sampling_check(&o->sampling, err);
}

int lace_decoder_add(struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *options,
                     struct lace_error *err)
{
    int code = check_group(d, prompt, count, options, err), index = 0;
    if (code) return code;
    while (index < d->options.groups && d->groups[index].used) index++;
    if (index == d->options.groups) return lace_fail(err, LACE_BAD, "All %d groups are busy.", d->options.groups);
    struct group *g = &d->groups[index];
    g->options = *options;
    g->prompt_count = count;
    g->clock = g->chosen = 0;
    for (int n = 0; n < options->threads; n++) {
        struct lace_thread *t = &g->threads[n], start = {.ids = t->ids, .text = t->text, .slot = t->slot};
        *t = start;
        lace_text_clear(&t->text);
        t->count = t->tag_count = options->solo ? lace_format_tag(d->format, 0, 1, t->ids)
                                                : lace_format_tag(d->format, n, options->threads, t->ids);
        lace_rng_init(&t->rng, options->seed, (uint64_t)n);
    }
    if ((code = prefill(d, g, prompt, err))) return code;
    g->used = true;
    return index;
}

void lace_decoder_remove(struct lace_decoder *d, int group) { d->groups[group].used = false; }
const struct lace_thread *lace_decoder_thread(const struct lace_decoder *d, int group, int thread)
{
    return &d->groups[group].threads[thread];
}
void *lace_decoder_user(const struct lace_decoder *d, int group) { return d->groups[group].options.user; }

bool lace_decoder_done(const struct lace_decoder *d, int group)
{
    const struct group *g = &d->groups[group];
    for (int n = 0; n < g->options.threads; n++)
        if (g->threads[n].end == LACE_RUNNING) return false;
    return true;
}

void lace_decoder_force(struct lace_decoder *d, int group, int thread, const int *ids, int count)
{
    d->groups[group].threads[thread].forced = ids;
    d->groups[group].threads[thread].forced_count = count;
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
    for (int n = 0; n < g->options.threads; n++) all &= g->threads[n].end != LACE_RUNNING || waiting(&g->threads[n]);
    for (int n = 0; n < g->options.threads; n++)
        if (waiting(&g->threads[n]) && (all || !g->options.barrier)) g->threads[n].released = true;
}

/* The rows of this step: one for each running thread that does not wait. */
static void gather(struct lace_decoder *d)
{
    struct lace_batch *b = &d->batch;
    b->rows = b->outs = 0;
    for (int i = 0, g = 0; g < d->options.groups; g++) {
        struct group *group = &d->groups[g];
        struct lace_group *view = &d->view_groups[g];
        *view = (struct lace_group){.thread = d->spans + i, .see = -1};
        if (!group->used) continue;
        release(group);
        view->prompt = (struct lace_span){0, 0, group->slot, group->prompt_count};
        view->threads = group->options.threads;
        i += view->threads;
        for (int n = 0; n < view->threads; n++) {
            struct lace_thread *t = &group->threads[n];
            bool runs = t->end == LACE_RUNNING && !waiting(t);
            view->thread[n] = (struct lace_span){b->rows, runs, t->slot, t->fed};
            if (!runs) continue;
            int r = b->rows++;
            b->token[r] = t->ids[t->fed];
            b->position[r] = group->prompt_count + t->fed;
            b->time[r] = group->clock;
            b->thread[r] = n;
            b->step[r] = t->steps;
            b->slot[r] = t->slot + t->fed;
            if (t->fed + 1 < t->count) continue;
            d->row_of[b->outs].group = g;
            d->row_of[b->outs].thread = n;
            b->out_row[b->outs++] = r;
        }
    }
    b->lattice_rows = b->rows;
    for (int g = 0; g < d->options.groups; g++) {
        if (!d->groups[g].used || d->groups[g].options.see == LACE_SEE_NONE) continue;
        d->view_groups[g].see = g;
        if (d->groups[g].options.see != LACE_SEE_FOREIGN) continue;
        int other = g; /* the next group that runs; alone: nothing to see */
        do other = (other + 1) % d->options.groups;
        while (other != g && !d->groups[other].used);
        d->view_groups[g].see = other == g ? -1 : other;
    }
}

static bool ends_with(const struct lace_text *text, const char *what)
{
    size_t n = strlen(what);
    return n && text->len >= n && !memcmp(text->data + text->len - n, what, n);
}

/* Whether what was written from byte `before` on completes the stop string; then the text ends with it. A token may
 * hold more than the string's end. */
static bool stops_at(struct lace_text *text, size_t before, const char *stop)
{
    size_t n = strlen(stop), from = before >= n ? before - n + 1 : 0;
    const char *found = n && text->len >= n ? memmem(text->data + from, text->len - from, stop, n) : NULL;
    if (!found) return false;
    text->len = (size_t)(found - text->data) + n;
    text->data[text->len] = 0;
    return true;
}

static void append(struct lace_decoder *d, int g, int n, int id, lace_token_fn *on_token)
{
    struct lace_thread *t = &d->groups[g].threads[n];
    size_t len;
    const char *bytes = lace_tokenizer_bytes(d->format->tokenizer, id, &len);
    t->ids[t->count++] = id;
    if (!bytes || lace_tokenizer_is_special(d->format->tokenizer, id)) return;
    lace_text_add(&t->text, bytes, len);
    if (on_token) on_token(d->groups[g].options.user, g, n, bytes, len);
}

static void finish(struct lace_decoder *d, int g, int n, enum lace_end end)
{
    struct group *group = &d->groups[g];
    struct lace_thread *t = &group->threads[n];
    t->end = end;
    t->clock_end = group->clock;
    if (end != LACE_END_VERDICT || group->options.barrier || !(group->options.early_stop > 0) ||
        t->p[LACE_VERDICT_BEST] < group->options.early_stop)
        return;
    for (int m = 0; m < group->options.threads; m++)
        if (group->threads[m].end == LACE_RUNNING) {
            group->threads[m].end = LACE_END_EARLY;
            group->threads[m].clock_end = group->clock;
        }
}

/* A thread's new token, from its logits or from what it is forced to write; then whether that ends it. */
static void advance(struct lace_decoder *d, int g, int n, const float *logits, double lse, lace_token_fn *on_token)
{
    struct group *group = &d->groups[g];
    struct lace_thread *t = &group->threads[n];
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
    }
    t->chosen++;
    group->chosen++;
    if (judged && !t->judged) {
        t->judged = true; /* not p != 0: all three may round to 0 */
        for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL; v++) t->p[v] = (float)exp(logits[f->verdict[v]] - lse);
        t->chosen_before_lead = t->chosen - 1;
    }
    size_t before = t->text.len;
    append(d, g, n, id, on_token);
    if (judged) {
        t->verdict = lace_format_verdict(t->text.data, t->text.len);
        if (t->verdict != LACE_VERDICT_NONE) finish(d, g, n, LACE_END_VERDICT);
        else if (id == f->end || t->chosen - t->chosen_before_lead >= 8 ||
                 (t->chosen - t->chosen_before_lead == 1 && f->single[1] && f->single[2] && f->single[3]))
            finish(d, g, n, LACE_END_TOKEN); /* no verdict came */
        return;
    }
    if (ends_with(&t->text, "[[")) {
        t->at_lead = true;
        return;
    }
    if (id == f->end) finish(d, g, n, LACE_END_TOKEN);
    for (int i = 0; i < group->options.stop_count && t->end == LACE_RUNNING; i++)
        if (stops_at(&t->text, before, group->options.stops[i])) finish(d, g, n, LACE_END_STOP);
    bool spent = t->chosen >= group->options.budget ||
                 (group->options.group_budget && group->chosen >= group->options.group_budget);
    if (t->end != LACE_RUNNING || !spent) return;
    t->cut = true; /* its verdict is asked for now */
    t->forced_count = 0;
    for (int i = 0; i < f->lead_count; i++) append(d, g, n, f->lead[i], on_token);
    t->at_lead = true;
}

int lace_decoder_step(struct lace_decoder *d, lace_token_fn *on_token, struct lace_error *err)
{
    struct lace_batch *b = &d->batch;
    gather(d);
    if (b->rows) {
        lace_batch_store_times(b, &d->cache);
        int code = lace_view_build(b, d->view_groups, d->options.groups, &d->cache, &d->model->lattice, err);
        if (code) return code;
        lace_forward(d->model, &d->state, &d->cache, b);
        lace_logits(d->model, &d->state, b, 0, b->outs);
        if (b->outs)
            d->model->ops->cross_entropy_forward(d->logprob, d->state.lse, d->state.logits, d->target, b->outs,
                                                 d->model->config.vocab_size);
    }
    int running = 0;
    for (int g = 0; g < d->options.groups; g++) {
        struct group *group = &d->groups[g];
        if (!group->used) continue;
        group->clock++;
        for (int n = 0; n < group->options.threads; n++) {
            struct lace_thread *t = &group->threads[n];
            if (t->end != LACE_RUNNING || !d->view_groups[g].thread[n].rows) continue;
            t->steps += d->format->ends_step[t->ids[t->fed++]];
        }
    }
    for (int i = 0; i < b->outs; i++) {
        int g = d->row_of[i].group, n = d->row_of[i].thread;
        if (d->groups[g].threads[n].end == LACE_RUNNING)
            advance(d, g, n, d->state.logits + (size_t)i * d->model->config.vocab_size, d->state.lse[i], on_token);
    }
    for (int g = 0; g < d->options.groups; g++) running += d->groups[g].used && !lace_decoder_done(d, g);
    return running;
}
