/* Groups join and leave between steps: what a group needs, whether that is free, which rows and slots become its own,
 * and what its caller may ask of its threads while it is there. What is refused for good (check) is told apart from
 * what only waits for others to leave (fits). */
#include "decode/decoder_parts.h"

#define VERDICT_ROOM (LACE_TAG_TOKENS + LACE_VERDICT_TOKENS) /* tag, lead and verdict around the budget */
#define PLAIN_ROOM   2                                       /* tag alone */

/* ---- what a group needs ---- */

/* Slots of a thread besides its budget; a replay's budget counts all of its tokens. */
static int extra_room(const struct lace_group_options *o)
{
    return o->replay ? 0 : o->plain ? PLAIN_ROOM : VERDICT_ROOM;
}

static int slots_of_thread(const struct lace_group_options *o) { return o->budget + o->paste + extra_room(o); }

/* A plain thread without a tag starts from the prompt's last token, which it reads itself: its logits are wanted. */
static bool tagless(const struct lace_decoder *d, const struct lace_group_options *o)
{
    return o->plain && !d->format->special_tags;
}

static int tag_of(const struct lace_decoder *d, const struct lace_group_options *o, int n, int *ids)
{
    return o->solo || o->plain ? lace_format_tag(d->format, 0, 1, ids) : lace_format_tag(d->format, n, o->threads, ids);
}

size_t lace_decoder_group_bytes(const struct lace_decoder *d, int prompt, int threads, int tokens)
{
    return lace_cache_slot_bytes(d->model, d->cache.dtype) * ((size_t)prompt + (size_t)threads * (size_t)tokens);
}

int lace_decoder_most_tokens(const struct lace_decoder *d, int count, const struct lace_group_options *o)
{
    int context = lace_config_context(&d->model->config) - count,
        cache = (d->options.slots - count) / (o->threads > 0 ? o->threads : 1),
        most = context < cache ? context : cache;
    if (most > d->options.tokens) most = d->options.tokens;
    return most - extra_room(o);
}

static int check_prompt(const struct lace_decoder *d, const int *prompt, int count, struct lace_error *err)
{
    int vocabulary = d->model->config.vocab_size;
    if (count < 1)
        return lace_fail(err, LACE_BAD,
                         "The prompt is empty; write the problem after the options, or - to read it from stdin.");
    if (count > d->options.prompt)
        return lace_fail(err, LACE_BAD, "The prompt has %d tokens; at most %d fit here.", count, d->options.prompt);
    for (int i = 0; i < count; i++)
        if (prompt[i] < 0 || prompt[i] >= vocabulary)
            return lace_fail(err, LACE_BAD, "Token %d is not in the vocabulary of %d.", prompt[i], vocabulary);
    return 0;
}

static int check_threads(const struct lace_decoder *d, const struct lace_group_options *o, struct lace_error *err)
{
    int tag[LACE_TAG_TOKENS], most = o->plain ? 1 : d->options.threads;
    if (o->threads < 1 || o->threads > most)
        return lace_fail(err, LACE_BAD, "The number of threads must be from 1 to %d, not %d.", most, o->threads);
    if (d->model->lattice.kind != LACE_KIND_NONE && o->threads > d->model->lattice.max_threads)
        return lace_fail(err, LACE_BAD, "This lattice was made for at most %d threads, not %d; ask for fewer, or switch it off.",
                         d->model->lattice.max_threads, o->threads);
    int tag_count = tagless(d, o) ? 1 : tag_of(d, o, o->threads - 1, tag);
    if (!tag_count) return lace_fail(err, LACE_BAD, "The model has no tag for %d threads; use fewer.", o->threads);
    if (!o->replay && tag_count + (o->plain ? 0 : d->format->lead_count + LACE_VERDICT_TOKENS) > extra_room(o))
        return lace_fail(err, LACE_BAD, "The tokenizer splits the tag of %d threads into %d tokens; that is too many.",
                         o->threads, tag_count);
    return 0;
}

static int check_length(const struct lace_decoder *d, int count, const struct lace_group_options *o,
                        struct lace_error *err)
{
    int context = lace_config_context(&d->model->config), most = d->options.tokens - extra_room(o);
    if (o->budget < 1 || o->budget > most)
        return lace_fail(err, LACE_BAD, "The budget of a thread must be from 1 to %d tokens, not %d.", most, o->budget);
    if (o->paste < 0 || o->paste > most - o->budget)
        return lace_fail(err, LACE_BAD, "There is no room for %d pasted tokens beside a budget of %d.", o->paste,
                         o->budget);
    if (o->paste && d->model->lattice.kind != LACE_KIND_NONE)
        return lace_fail(err, LACE_BAD, "Text is pasted into threads of models without a lattice only.");
    if (count + slots_of_thread(o) > context)
        return lace_fail(
            err, LACE_BAD,
            "A prompt of %d tokens and a budget of %d are longer than the model's context of %d; use less of either.",
            count, o->budget, context);
    if (count + (int64_t)o->threads * slots_of_thread(o) > d->options.slots)
        return lace_fail(err, LACE_BAD,
                         "A prompt of %d tokens and %d threads of %d need more than the %d tokens of the cache; use "
                         "less of either.",
                         count, o->threads, o->budget, d->options.slots);
    return 0;
}

static int check_trace(const struct lace_decoder *d, const struct lace_group_options *o, struct lace_error *err)
{
    size_t need = lace_recorder_need(o->threads, slots_of_thread(o)),
           kept = d->options.traces ? d->options.trace_bytes : 0;
    if (need <= kept) return 0;
    return lace_fail(err, LACE_BAD,
                     "The trace of %d threads of %d tokens takes %zu bytes, and %zu are kept for one; ask for fewer "
                     "threads or tokens.",
                     o->threads, o->budget, need, kept);
}

int lace_decoder_check(const struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *o,
                       struct lace_error *err)
{
    int code = check_prompt(d, prompt, count, err);
    if (!code) code = check_threads(d, o, err);
    if (!code) code = check_length(d, count, o, err);
    if (!code && o->trace) code = check_trace(d, o, err);
    return code ? code : lace_sampling_check(&o->sampling, err);
}

/* ---- what is free ---- */

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

/* One that no group uses; NULL: all are in use. */
static struct lace_recorder *free_recorder(const struct lace_decoder *d)
{
    for (int i = 0; i < d->options.traces; i++)
        if (!d->recorders[i].busy) return &d->recorders[i];
    return NULL;
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

bool lace_decoder_fits(const struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *o)
{
    return lace_decoder_free_groups(d) && free_rows(d) >= o->threads && (!o->trace || free_recorder(d)) &&
           lace_prompts_free_slots(&d->prompts) >=
               lace_prompts_need(&d->prompts, prompt, count - tagless(d, o)) + (int64_t)o->threads * slots_of_thread(o);
}

/* ---- joining and leaving ---- */

/* The first free rows of the decoder, each at the start of its text. */
static void take_rows(struct lace_decoder *d, struct group *g, const int *prompt, int count)
{
    const struct lace_group_options *o = &g->options;
    for (int n = 0, r = 0; n < o->threads; n++, r++) {
        while (d->taken[r]) r++;
        d->taken[r] = true;
        struct lace_thread *t = g->thread[n] = &d->threads[r];
        *t = (struct lace_thread){.ids = t->ids, .pasted = t->pasted, .text = t->text};
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

/* The slots of its prompt and of its threads; false: there are none. */
static bool take_slots(struct lace_decoder *d, struct group *g, const int *prompt, int *cached)
{
    int own = g->options.threads * g->per_thread;
    *cached = 0;
    g->prompt = -1;
    if (g->prompt_count && (g->prompt = lace_prompts_take(&d->prompts, prompt, g->prompt_count, own, cached)) < 0)
        return false;
    if ((g->block = lace_prompts_make_room(&d->prompts, own)) >= 0) return true;
    if (g->prompt >= 0) lace_prompts_leave(&d->prompts, g->prompt);
    return false;
}

static void take_recorder(struct lace_decoder *d, struct group *g)
{
    const struct lace_group_options *o = &g->options;
    const struct lace_lattice_config *l = &d->model->lattice;
    g->recorder = o->trace ? free_recorder(d) : NULL;
    if (!g->recorder) return;
    bool shut = o->plain || o->see == LACE_SEE_NONE || l->kind == LACE_KIND_NONE;
    lace_recorder_begin(g->recorder, o->threads, g->per_thread, shut ? 0 : l->layer_count);
}

int lace_decoder_join(struct lace_decoder *d, const int *prompt, int count, const struct lace_group_options *options,
                      int *cached, struct lace_error *err)
{
    int code = lace_decoder_check(d, prompt, count, options, err), index = 0, known;
    if (code) return code;
    while (index < d->options.groups && d->groups[index].used) index++;
    if (index == d->options.groups) return lace_fail(err, LACE_BAD, "All %d groups are busy.", d->options.groups);
    struct group *g = &d->groups[index];
    g->options = *options;
    g->prompt_count = count - tagless(d, options);
    g->per_thread = slots_of_thread(options);
    g->clock = g->chosen = 0;
    if (!lace_decoder_fits(d, prompt, count, options) || !take_slots(d, g, prompt, &known))
        return lace_fail(err, LACE_BAD, "There is no room for %d more threads now.", options->threads);
    take_rows(d, g, prompt, count);
    take_recorder(d, g);
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

void lace_decoder_forget(struct lace_decoder *d) { lace_prompts_forget(&d->prompts); }

/* ---- while it is there ---- */

bool lace_decoder_started(const struct lace_decoder *d, int group)
{
    const struct group *g = &d->groups[group];
    return g->prompt < 0 || d->prompts.prompt[g->prompt].done >= g->prompt_count;
}

bool lace_decoder_done(const struct lace_decoder *d, int group)
{
    const struct group *g = &d->groups[group];
    for (int n = 0; n < g->options.threads; n++)
        if (g->thread[n]->end == LACE_RUNNING) return false;
    return true;
}

const struct lace_thread *lace_decoder_thread(const struct lace_decoder *d, int group, int thread)
{
    return d->groups[group].thread[thread];
}

const struct lace_recorder *lace_decoder_trace(const struct lace_decoder *d, int group)
{
    return d->groups[group].recorder;
}

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
