/* Problems flow through a decoder of each worker: a group that ends makes room for the next problem. The foreign
 * arm runs in waves of neighbouring problems, so that each group has another one of the same age beside it, and the
 * same one whatever the number of workers. */
#include "eval/rollout.h"
#include "eval/dump.h"
#include "eval/inject.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES  ((int64_t)256 << 20) /* of one worker's keys and values */
#define ROWS_AT_ONCE 128                  /* of one worker's step, as many as a decoder takes */

struct seat {            /* a group in flight */
    int problem, prompt; /* its index; tokens of its prompt */
    int *told;           /* (N): tokens of each thread that the others have been given, or that it was given */
    int inject_thread, inject_step; /* -1: none, or done */
    struct lace_forced lie;         /* what it is made to write, from then on */
    struct lace_text words;
    bool stands; /* and has written */
    int *forced;
    size_t forced_cap;
};

struct player { /* one worker */
    const struct lace_arm *arm;
    const struct lace_rollout *r;
    struct lace_outcome *outcome;
    struct lace_decoder *decoder;
    struct seat *seats;
    int groups, threads, paste; /* paste: as in struct lace_group_options */
    long *done;                 /* shared by all workers */
    int *stop;
};

/* ---- what a record allows ---- */

static int rounds_of(const struct lace_rollout *r, const struct lace_record *p)
{
    int rounds = r->rounds ? r->rounds[p - r->problems] : 0;
    if (rounds) return rounds;
    return p->meta ? (int)json_integer_value(json_object_get(p->meta, "budget")) : 0;
}

/* Tokens of a thread; a serial one works for all. */
static int budget_of(const struct lace_arm *arm, const struct lace_rollout *r, const struct lace_record *p,
                     struct lace_error *err)
{
    int times = arm->serial ? r->threads : 1, tokens = 0;
    if (r->budget) return r->budget * times;
    int code = lace_format_budget(&arm->engine->format, p, times * rounds_of(r, p), &tokens, err);
    return code ? code : tokens;
}

/* ---- judging a group ---- */

/* What the thread wrote, without its tag and without what was pasted; ids has room for all of it. */
static struct lace_said said_by(const struct lace_thread *t, int *ids)
{
    struct lace_said said = {.text = t->text.data,
                             .len = t->text.len,
                             .ids = ids,
                             .verdict = t->verdict != LACE_VERDICT_NONE,
                             .p_best = t->p[LACE_VERDICT_BEST],
                             .logprob = t->sampled ? t->logprob / t->sampled : 0,
                             .tokens = t->chosen,
                             .fed = t->heard,
                             .steps = t->clock_end};
    for (int i = t->tag_count; i < t->count; i++)
        if (!t->pasted[i]) ids[said.count++] = t->ids[i];
    return said;
}

static int judge(const struct player *w, int g, struct lace_error *err)
{
    const struct seat *seat = &w->seats[g];
    const struct lace_record *p = &w->r->problems[seat->problem];
    struct lace_outcome *o = &w->outcome[seat->problem];
    const struct lace_forced *lie = seat->stands ? &seat->lie : NULL;
    struct lace_said said[LACE_FEW_ROWS];
    int total = 0, *ids;
    for (int n = 0; n < w->threads; n++) total += lace_decoder_thread(w->decoder, g, n)->count;
    if (!(ids = malloc(sizeof *ids * (size_t)total))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int n = 0, at = 0; n < w->threads; n++) {
        const struct lace_thread *t = lace_decoder_thread(w->decoder, g, n);
        said[n] = said_by(t, ids + at);
        at += t->count;
        /* Who lies about an answer does so without a doubt: the pick goes by that. */
        if (seat->stands && seat->lie.thread == n && lace_inject_kinds[seat->lie.kind].verdict)
            said[n].p_best = t->verdict == LACE_VERDICT_BEST;
    }
    uint64_t seed = w->r->seed + (uint64_t)(w->r->first + seat->problem);
    int code = lace_judge(p, said, w->threads, seed, o, err);
    o->memory = (double)lace_decoder_group_bytes(w->decoder, seat->prompt, 1, total);
    if (!code && lie) code = lace_judge_forced(p, said, w->threads, lie, o, err);
    if (!code && w->r->dump) code = lace_dump_group(p, said, w->threads, seed, lie, o, &w->r->dump[seat->problem], err);
    free(ids);
    return code;
}

/* ---- exchanging text ---- */

/* A thread takes part in a round's exchange while it still works: one that has stated its answer neither gets
 * anything nor waits for others. */
static bool works(const struct lace_thread *t)
{
    struct lace_text answer;
    lace_text_init(&answer);
    bool answered = lace_format_answer(t->text.data, t->text.len, &answer);
    lace_text_release(&answer);
    return t->end == LACE_RUNNING && !t->at_lead && !answered;
}

/* Whether the line stands among these tokens, which begin with a line. */
static bool holds(const struct lace_format *f, const int *ids, int count, const int *line, int length)
{
    for (int i = 0; i + length <= count; i++)
        if ((!i || lace_format_ends_step(f, ids[i - 1])) && !memcmp(ids + i, line, sizeof *line * (size_t)length))
            return true;
    return false;
}

/* Rounds: a thread that has ended a line waits until every other one that still works has; then each gets the lines
 * that the others wrote since the last exchange, in the order of the threads, as they were written, but none that it
 * has already: threads that agree would fill each other's contexts with repetitions. A line that states an answer is
 * not passed on: every thread answers for itself. */
static int exchange(struct player *w, int g, struct lace_error *err)
{
    struct seat *seat = &w->seats[g];
    const struct lace_format *f = &w->arm->engine->format;
    bool in[LACE_FEW_ROWS], all = true, any = false;
    for (int n = 0; n < w->threads; n++) {
        const struct lace_thread *t = lace_decoder_thread(w->decoder, g, n);
        in[n] = works(t);
        if (!in[n]) continue;
        bool ended = t->count > seat->told[n] && t->text.len && t->text.data[t->text.len - 1] == '\n';
        lace_decoder_hold(w->decoder, g, n, ended);
        all &= ended;
        any = true;
    }
    if (!all || !any) return 0;
    int count[LACE_FEW_ROWS], total = 0, code = 0;
    for (int n = 0; n < w->threads; n++) {
        count[n] = in[n] ? lace_decoder_thread(w->decoder, g, n)->count - seat->told[n] : 0;
        total += count[n];
    }
    int *lines = malloc(sizeof *lines * (size_t)total), *text = malloc(sizeof *text * (size_t)total);
    if (!lines || !text) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int n = 0, at = 0; n < w->threads && !code; at += count[n++])
        if (count[n])
            memcpy(lines + at, lace_decoder_thread(w->decoder, g, n)->ids + seat->told[n], sizeof *lines * count[n]);
    for (int n = 0; n < w->threads && !code; n++) {
        if (!in[n]) continue;
        const struct lace_thread *t = lace_decoder_thread(w->decoder, g, n);
        int length = 0;
        for (int m = 0, at = 0; m < w->threads; at += count[m++]) {
            if (m == n || holds(f, t->ids + t->tag_count, t->count - t->tag_count, lines + at, count[m]) ||
                holds(f, text, length, lines + at, count[m]))
                continue;
            memcpy(text + length, lines + at, sizeof *text * (size_t)count[m]);
            length += count[m];
        }
        /* What the model's context cannot hold beside the thread's own tokens is not passed on. */
        if (length && length <= w->paste - t->heard) code = lace_decoder_paste(w->decoder, g, n, text, length, err);
        lace_decoder_hold(w->decoder, g, n, false);
        seat->told[n] = t->count;
    }
    free(lines);
    free(text);
    return code;
}

/* ---- running ---- */

static int start_problem(struct player *w, int problem, struct lace_error *err)
{
    const struct lace_rollout *r = w->r;
    const struct lace_record *p = &r->problems[problem];
    int *ids, budget = budget_of(w->arm, r, p, err);
    size_t count;
    if (budget < 0) return budget;
    int code = lace_engine_prompt(w->arm->engine, p->prompt, &ids, &count, err);
    if (code) return code;
    uint64_t seed = r->seed * 1000003u + (uint64_t)(r->first + problem); /* the same for every arm */
    struct lace_group_options o = {.threads = w->threads,
                                   .see = w->arm->see,
                                   .solo = w->arm->solo,
                                   .seed = seed,
                                   .barrier = !w->arm->hasty,
                                   .budget = budget,
                                   .paste = w->paste,
                                   .paste_spends = w->arm->exchange_spend,
                                   .sampling = {r->temperature, 0, 1, 0, 1}};
    int g = lace_decoder_add(w->decoder, ids, (int)count, &o, err);
    free(ids);
    if (g < 0) return g;
    struct seat *seat = &w->seats[g];
    struct lace_rng rng;
    lace_rng_init(&rng, seed, 0x696e6a); /* a stream that no thread uses */
    seat->problem = problem;
    seat->prompt = (int)count;
    for (int n = 0; n < w->threads; n++) seat->told[n] = lace_decoder_thread(w->decoder, g, n)->tag_count;
    seat->inject_thread = seat->lie.thread = -1;
    seat->stands = false;
    if (lace_rng_uniform(&rng) < r->inject) {
        seat->inject_thread = (int)lace_rng_below(&rng, (uint32_t)w->threads);
        seat->inject_step = 1 + (int)lace_rng_below(&rng, 4);
    }
    return 0;
}

/* Whether the chosen thread is where its falsehood is to stand; *missed: it will not be there any more. */
static bool is_due(const struct player *w, const struct seat *s, const struct lace_thread *t, bool *missed)
{
    int lines = 0;
    *missed = t->end != LACE_RUNNING;
    if (lace_inject_kinds[w->r->inject_kind].verdict) return !*missed && t->at_lead;
    for (size_t i = 0; i < t->text.len; i++) lines += t->text.data[i] == '\n';
    if (*missed || lines < s->inject_step || t->text.data[t->text.len - 1] != '\n') return false;
    struct lace_text answer;
    lace_text_init(&answer);
    *missed = lace_format_answer(t->text.data, t->text.len, &answer);
    lace_text_release(&answer);
    return !*missed;
}

/* A line is written where the chosen thread has finished the chosen step. A verdict is written where it stands at the
 * barrier, which it passes before all others, so that they judge with it in view. */
static int inject(struct player *w, int g, struct lace_error *err)
{
    struct seat *s = &w->seats[g];
    int n = s->inject_thread;
    bool missed;
    if (n < 0) return 0;
    const struct lace_thread *t = lace_decoder_thread(w->decoder, g, n);
    if (!is_due(w, s, t, &missed)) {
        if (missed) s->inject_thread = -1;
        return 0;
    }
    s->inject_thread = -1;
    const struct lace_record *p = &w->r->problems[s->problem];
    struct lace_rng rng;
    lace_rng_init(&rng, w->r->seed + (uint64_t)(w->r->first + s->problem), 0x666f72);
    bool verdict = lace_inject_kinds[w->r->inject_kind].verdict;
    unsigned how = LACE_ENCODE_INSIDE | (verdict ? LACE_ENCODE_SPECIAL : 0);
    char *so_far = strndup(t->text.data, t->text.len);
    size_t count;
    lace_text_clear(&s->words);
    int code = so_far ? lace_inject_write(w->r->inject_kind, p, so_far, &rng, &s->words, err)
                      : lace_fail(err, LACE_MEMORY, "Out of memory.");
    free(so_far);
    if (code || !s->words.len) return code;
    code = lace_tokenizer_encode(w->arm->engine->tokenizer, s->words.data, s->words.len, how, &s->forced,
                                 &s->forced_cap, &count, err);
    if (code) return code;
    s->lie = (struct lace_forced){
        .kind = w->r->inject_kind, .thread = n, .at = t->text.len, .len = s->words.len, .before = {0}};
    lace_decoder_force(w->decoder, g, n, s->forced, (int)count);
    if (verdict) lace_decoder_let_judge(w->decoder, g, n);
    return 0;
}

/* Whether all of it has been written by now: a budget may end in the middle. */
static void watch_falsehood(struct player *w, int g)
{
    struct seat *s = &w->seats[g];
    if (s->lie.thread < 0 || s->stands) return;
    const struct lace_text *text = &lace_decoder_thread(w->decoder, g, s->lie.thread)->text;
    if (text->len < s->lie.at + s->lie.len || memcmp(text->data + s->lie.at, s->words.data, s->words.len)) return;
    for (int n = 0; n < w->threads; n++) s->lie.before[n] = lace_decoder_thread(w->decoder, g, n)->text.len;
    s->stands = true;
}

static int report(struct player *w)
{
    const struct lace_rollout *r = w->r;
    int stop = 0;
#pragma omp critical
    {
        ++*w->done;
        if (r->progress && r->progress(r->user, r->label, *w->done, r->count)) *w->stop = 1;
        stop = *w->stop;
    }
    return stop;
}

/* The most groups of a wave such that no problem is left over alone: it would see nobody. */
static int wave_size(int count, int groups)
{
    for (int size = groups; size > 1; size--)
        if (count % size != 1) return size;
    return groups;
}

/* Every workers-th problem, or wave of them. */
static int play(struct player *w, int worker, int workers, struct lace_error *err)
{
    bool waves = w->arm->see == LACE_SEE_FOREIGN;
    int size = waves ? wave_size(w->r->count, w->groups) : 1, next = worker * size, code = 0;
    for (;;) {
        bool fill = !waves || lace_decoder_free_groups(w->decoder) == w->groups;
        while (fill && next < w->r->count && lace_decoder_free_groups(w->decoder)) {
            if ((code = start_problem(w, next, err))) return code;
            next += (next + 1) % size ? 1 : 1 + (workers - 1) * size;
            fill = !waves || next % size;
        }
        if (lace_decoder_free_groups(w->decoder) == w->groups) return 0;
        int running = lace_decoder_step(w->decoder, NULL, err);
        if (running < 0) return running;
        for (int g = 0; g < w->groups; g++) {
            if (w->seats[g].problem < 0) continue;
            watch_falsehood(w, g);
            if (!lace_decoder_done(w->decoder, g)) {
                if ((code = inject(w, g, err))) return code;
                if (w->arm->exchange && (code = exchange(w, g, err))) return code;
                continue;
            }
            if (waves && running) continue; /* it stays in view until the wave is over */
            if ((code = judge(w, g, err))) return code;
            lace_decoder_remove(w->decoder, g);
            w->seats[g].problem = -1;
            if (report(w)) return lace_fail(err, LACE_STOPPED, "Stopped.");
        }
    }
}

static int widest_budget(const struct lace_arm *arm, const struct lace_rollout *r, int *prompt, struct lace_error *err)
{
    int most = 0;
    *prompt = 0;
    for (int i = 0; i < r->count; i++) {
        int *ids, budget = budget_of(arm, r, &r->problems[i], err);
        size_t count;
        if (budget < 0) return budget;
        int code = lace_engine_prompt(arm->engine, r->problems[i].prompt, &ids, &count, err);
        if (code) return code;
        free(ids);
        if (budget > most) most = budget;
        if ((int)count > *prompt) *prompt = (int)count;
    }
    return most;
}

static void close_player(struct player *w)
{
    for (int g = 0; g < w->groups && w->seats; g++) {
        free(w->seats[g].forced);
        free(w->seats[g].told);
        lace_text_release(&w->seats[g].words);
    }
    free(w->seats);
    lace_decoder_close(&w->decoder);
}

static int open_player(struct player *w, const struct lace_decoder_options *size, struct lace_error *err)
{
    bool ok = (w->seats = calloc((size_t)w->groups, sizeof *w->seats));
    for (int g = 0; g < w->groups && ok; g++) {
        w->seats[g].problem = -1;
        lace_text_init(&w->seats[g].words);
        ok = (w->seats[g].told = calloc((size_t)w->threads, sizeof(int)));
    }
    return ok ? lace_decoder_open(&w->decoder, &w->arm->model, &w->arm->engine->format, size, err)
              : lace_fail(err, LACE_MEMORY, "Out of memory.");
}

/* As many as a step has rows for and a worker's keys and values have memory for. */
static int groups_at_once(const struct lace_arm *arm, int threads, int64_t tokens)
{
    int64_t slot = (int64_t)lace_cache_slot_bytes(&arm->model, arm->engine->kv);
    int64_t most = ROWS_AT_ONCE / threads, fit = CACHE_BYTES / (slot * tokens);
    if (most > fit) most = fit;
    int least = arm->see == LACE_SEE_FOREIGN ? 2 : 1;
    return most < least ? least : (int)most;
}

int lace_rollout_run(const struct lace_arm *arm, const struct lace_rollout *r, struct lace_outcome *outcome,
                     struct lace_error *err)
{
    int threads = arm->serial ? 1 : r->threads, workers = r->workers ? r->workers : omp_get_max_threads(), prompt,
        code = 0, stop = 0;
    int budget = widest_budget(arm, r, &prompt, err);
    long done = 0;
    struct lace_error first = {{0}};
    if (budget < 0) return budget;
    if (threads > LACE_FEW_ROWS)
        return lace_fail(err, LACE_BAD, "At most %d threads can be evaluated, not %d.", LACE_FEW_ROWS, threads);
    if (workers > r->count) workers = r->count;
    int paste = 0, room = LACE_TAG_TOKENS + 16;
    if (arm->exchange) { /* all that the others write, or as much of it as the context holds */
        int64_t left = (int64_t)lace_config_context(&arm->engine->model->config) - prompt - budget - room,
                all = (int64_t)budget * (threads - 1);
        paste = left < 0 ? 0 : (int)(all < left ? all : left);
    }
    int groups = groups_at_once(arm, threads, (int64_t)prompt + (int64_t)threads * (budget + paste + room));
    struct lace_decoder_options size = {.groups = groups,
                                        .threads = threads,
                                        .prompt = prompt,
                                        .tokens = budget + paste + room,
                                        .workers = 1,
                                        .kv = arm->engine->kv};
#pragma omp parallel num_threads(workers)
    {
        struct player w = {.arm = arm,
                           .r = r,
                           .outcome = outcome,
                           .groups = groups,
                           .threads = threads,
                           .paste = paste,
                           .done = &done,
                           .stop = &stop};
        struct lace_error own = {{0}};
        omp_set_num_threads(1); /* a team of one counts for none: what it calls would start threads at every product */
        int failed = open_player(&w, &size, &own);
        if (!failed) failed = play(&w, omp_get_thread_num(), omp_get_num_threads(), &own);
        close_player(&w);
        if (failed)
#pragma omp critical
        {
            if (!code || code == LACE_STOPPED) code = failed, first = own; /* the others stop because this one failed */
            stop = 1;
        }
    }
    return code ? lace_fail(err, code, "%s", first.text) : 0;
}
