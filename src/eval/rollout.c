/* Problems flow through a decoder of each worker: a group that ends makes room for the next problem. The foreign
 * arm runs in waves of neighbouring problems, so that each group has another one of the same age beside it, and the
 * same one whatever the number of workers. */
#include "eval/rollout.h"
#include "eval/stats.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 64 /* of one worker's step: enough for the products, few enough for the cache */

struct seat { /* a group in flight */
    int problem;
    int inject_thread, inject_step; /* -1: none, or done */
    int *forced;
    size_t forced_cap;
};

struct player { /* one worker */
    const struct lace_arm *arm;
    const struct lace_rollout *r;
    struct lace_outcome *outcome;
    struct lace_decoder *decoder;
    struct seat *seats;
    int groups, threads;
    long *done; /* shared by all workers */
    int *stop;
};

/* ---- what a record allows ---- */

static int rounds_of(const struct lace_rollout *r, const struct lace_record *p)
{
    if (r->rounds) return r->rounds;
    return p->meta ? (int)json_integer_value(json_object_get(p->meta, "budget")) : 0;
}

/* Tokens of a thread: rounds times the tokens of a step as the record writes it, and the answer's line with the lead. */
static int budget_of(const struct lace_arm *arm, const struct lace_rollout *r, const struct lace_record *p,
                     struct lace_error *err)
{
    int times = arm->serial ? r->threads : 1, rounds = rounds_of(r, p), step = 0;
    if (r->budget) return r->budget * times;
    if (rounds < 1)
        return lace_fail(err, LACE_BAD, "Record %s holds no budget of rounds; give --budget TOKENS.", p->id);
    int *ids = NULL;
    size_t capacity = 0, count = 0;
    int code = 0;
    for (int n = 0; n < p->thread_count && !code; n++)
        for (int i = 0; i < p->threads[n].count && i < 4 && !code; i++) {
            code = lace_tokenizer_encode(arm->engine->tokenizer, p->threads[n].steps[i], strlen(p->threads[n].steps[i]),
                                         false, &ids, &capacity, &count, err);
            if ((int)count > step) step = (int)count;
        }
    char line[128];
    snprintf(line, sizeof line, "Answer: %.80s.\n", p->answer ? p->answer : "0");
    if (!code)
        code = lace_tokenizer_encode(arm->engine->tokenizer, line, strlen(line), false, &ids, &capacity, &count, err);
    free(ids);
    if (!code && !step)
        code = lace_fail(err, LACE_BAD, "Record %s has no steps to measure a round by; give --budget TOKENS.", p->id);
    return code ? code : times * (rounds * step) + (int)count + arm->engine->format.lead_count;
}

/* ---- judging a group ---- */

/* Counts trials (steps the family can read), those that any thread had made in an earlier round, and false ones. */
static void count_trials(const struct lace_family *family, const struct lace_record *p, const struct lace_decoder *d,
                         int g, int threads, struct lace_outcome *o)
{
    enum { MOST = 4096 };
    uint64_t seen[MOST];
    const char *at[LACE_FEW_ROWS], *end[LACE_FEW_ROWS];
    int seen_count = 0;
    bool more;
    for (int n = 0; n < threads; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, g, n);
        at[n] = t->text.data;
        end[n] = t->text.data + t->text.len;
    }
    do {
        int before = seen_count;
        more = false;
        for (int n = 0; n < threads; n++) {
            const char *line = at[n] ? memchr(at[n], '\n', (size_t)(end[n] - at[n])) : NULL;
            if (!line) continue;
            more = true;
            char step[256];
            size_t len = (size_t)(line + 1 - at[n]);
            struct lace_step_check check = {.result = LACE_STEP_NONE};
            if (len < sizeof step) {
                memcpy(step, at[n], len);
                step[len] = 0;
                family->check_step(family, p->prompt, step, &check);
            }
            at[n] = line + 1;
            if (check.result == LACE_STEP_NONE) continue;
            o->trials++;
            o->wrong += check.result != LACE_STEP_RIGHT;
            bool again = false;
            for (int i = 0; i < before && !again; i++) again = seen[i] == check.key;
            o->duplicates += again;
            if (seen_count < MOST) seen[seen_count++] = check.key;
        }
    } while (more);
}

static int judge(const struct player *w, int g, struct lace_error *err)
{
    const struct lace_record *p = &w->r->problems[w->seats[g].problem];
    struct lace_outcome *o = &w->outcome[w->seats[g].problem];
    int N = w->threads, longest = 0, pairs = 0, right[LACE_FEW_ROWS];
    struct lace_ballot ballots[LACE_FEW_ROWS];
    struct lace_text answers[LACE_FEW_ROWS];
    const struct lace_family *family = lace_family_find(p->task, NULL);
    *o = (struct lace_outcome){0};
    for (int n = 0; n < N; n++) {
        const struct lace_thread *t = lace_decoder_thread(w->decoder, g, n);
        lace_text_init(&answers[n]);
        bool there = lace_format_answer(t->text.data, t->text.len, &answers[n]);
        right[n] = 0;
        if (there && family) right[n] = family->check(family, p->prompt, answers[n].data, NULL) == 1;
        else if (there) right[n] = lace_format_same(answers[n].data, p->answer);
        ballots[n] = (struct lace_ballot){there ? answers[n].data : NULL, t->p[LACE_VERDICT_BEST],
                                          t->chosen ? t->logprob / t->chosen : 0};
        o->any = right[n] ? 1 : o->any;
        o->thread_right += (double)right[n] / N;
        o->format += (double)(t->verdict != LACE_VERDICT_NONE) / N;
        o->tokens += t->chosen;
        if (t->clock_end > o->steps) o->steps = t->clock_end;
        if (t->count > longest) longest = t->count;
    }
    for (int by = 0; by < LACE_EVAL_PICKS; by++) {
        int picked = lace_pick(ballots, N, (enum lace_pick_by)by, w->r->seed + (uint64_t)w->seats[g].problem);
        o->right[by] = picked >= 0 && right[picked];
    }
    int *row = malloc(sizeof *row * ((size_t)longest + 1));
    for (int n = 0; n < N; n++) lace_text_release(&answers[n]);
    if (!row) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int n = 0; n < N; n++)
        for (int m = 0; m < n; m++, pairs++) {
            const struct lace_thread *a = lace_decoder_thread(w->decoder, g, n),
                                     *b = lace_decoder_thread(w->decoder, g, m);
            o->diversity += lace_edit_share(a->ids + a->tag_count, a->count - a->tag_count, b->ids + b->tag_count,
                                            b->count - b->tag_count, row);
        }
    if (pairs) o->diversity /= pairs;
    free(row);
    if (family) count_trials(family, p, w->decoder, g, N, o);
    return 0;
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
    uint64_t seed = r->seed * 1000003u + (uint64_t)problem; /* the same for every arm */
    struct lace_group_options o = {.threads = w->threads,
                                   .see = w->arm->see,
                                   .solo = w->arm->solo,
                                   .seed = seed,
                                   .barrier = true,
                                   .budget = budget,
                                   .sampling = {r->temperature, 0, 1, 0, 1}};
    int g = lace_decoder_add(w->decoder, ids, (int)count, &o, err);
    free(ids);
    if (g < 0) return g;
    struct seat *seat = &w->seats[g];
    struct lace_rng rng;
    lace_rng_init(&rng, seed, 0x696e6a); /* a stream that no thread uses */
    seat->problem = problem;
    seat->inject_thread = -1;
    if (lace_rng_uniform(&rng) < r->inject) {
        seat->inject_thread = (int)lace_rng_below(&rng, (uint32_t)w->threads);
        seat->inject_step = 1 + (int)lace_rng_below(&rng, 4);
    }
    return 0;
}

/* When the chosen thread has finished the chosen step, its next one is a false claim. */
static int inject(struct player *w, int g, struct lace_error *err)
{
    struct seat *s = &w->seats[g];
    if (s->inject_thread < 0) return 0;
    const struct lace_thread *t = lace_decoder_thread(w->decoder, g, s->inject_thread);
    const struct lace_record *p = &w->r->problems[s->problem];
    const struct lace_family *family = lace_family_find(p->task, err);
    if (!family) return LACE_BAD;
    int lines = 0;
    for (size_t i = 0; i < t->text.len; i++) lines += t->text.data[i] == '\n';
    if (t->end == LACE_RUNNING && (lines < s->inject_step || t->text.data[t->text.len - 1] != '\n')) return 0;
    int n = s->inject_thread;
    s->inject_thread = -1;
    struct lace_text answer, step;
    lace_text_init(&answer);
    lace_text_init(&step);
    bool over = t->end != LACE_RUNNING || lace_format_answer(t->text.data, t->text.len, &answer);
    lace_text_release(&answer);
    if (over) return 0;
    struct lace_rng rng;
    lace_rng_init(&rng, w->r->seed + (uint64_t)s->problem, 0x666f72);
    char *so_far = strndup(t->text.data, t->text.len);
    size_t count;
    int code = so_far ? family->forge(family, p->prompt, so_far, &rng, &step, err)
                      : lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (!code)
        code = lace_tokenizer_encode(w->arm->engine->tokenizer, step.data, step.len, false, &s->forced, &s->forced_cap,
                                     &count, err);
    if (!code) lace_decoder_force(w->decoder, g, n, s->forced, (int)count);
    free(so_far);
    lace_text_release(&step);
    return code;
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
            if (!lace_decoder_done(w->decoder, g)) {
                if ((code = inject(w, g, err))) return code;
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
    int groups = ROWS_AT_ONCE / threads > 1 ? ROWS_AT_ONCE / threads : 1;
    if (arm->see == LACE_SEE_FOREIGN && groups < 2) groups = 2;
    struct lace_decoder_options size = {groups, threads, prompt, budget + LACE_TAG_TOKENS + 16, 1};
#pragma omp parallel num_threads(workers)
    {
        struct player w = {arm,    r,       outcome, NULL, calloc((size_t)groups, sizeof *w.seats),
                           groups, threads, &done,   &stop};
        struct lace_error own = {{0}};
        int failed = w.seats ? lace_decoder_open(&w.decoder, &arm->model, &arm->engine->format, &size, &own)
                             : lace_fail(&own, LACE_MEMORY, "Out of memory.");
        for (int g = 0; g < groups && w.seats; g++) w.seats[g].problem = -1;
        if (!failed) failed = play(&w, omp_get_thread_num(), omp_get_num_threads(), &own);
        for (int g = 0; g < groups && w.seats; g++) free(w.seats[g].forced);
        free(w.seats);
        lace_decoder_close(&w.decoder);
        if (failed)
#pragma omp critical
        {
            if (!code || code == LACE_STOPPED) code = failed, first = own; /* the others stop because this one failed */
            stop = 1;
        }
    }
    return code ? lace_fail(err, code, "%s", first.text) : 0;
}
