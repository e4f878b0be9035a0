#include "serve/scheduler.h"
#include "decode/likeness.h"
#include "decode/pick.h"
#include "decode/trace.h"
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_STEP 0.05 /* seconds that prompts may make a step take; where a step alone takes more, twice that */
#define FIRST_ROWS   32   /* rows of prompts in a step until their cost is known */

/* ---- what the threads write ---- */

/* Called within a step: a token and the most probable ones in its place, for jobs that want them. */
static void chosen(void *user, int thread, int id, const float *logits, double lse)
{
    struct lace_choice *c = user;
    struct lace_choice_thread *t = &c->thread[thread];
    c->tokens++;
    int top = c->job->ask->top_logprobs, V = 0, kept = 0;
    if (!c->job->first) c->job->first = lace_now();
    if (t->written == t->log_cap) return;
    t->log[t->written] = (struct lace_token_log){id, (float)(logits[id] - lse), t->text_before};
    struct lace_score_token *best = t->top + (size_t)t->written * top;
    t->written++;
    V = top ? c->job->vocabulary : 0;
    for (int i = 0; i < V; i++) {
        if (kept == top && logits[i] <= best[top - 1].logprob) continue;
        int at = kept < top ? kept++ : top - 1;
        for (; at > 0 && best[at - 1].logprob < logits[i]; at--) best[at] = best[at - 1];
        best[at] = (struct lace_score_token){i, logits[i]};
    }
    for (int i = 0; i < kept; i++) best[i].logprob = (float)(best[i].logprob - lse);
}

/* How much of a thread's text may be shown: not the verdict, nor what may be the beginning of one. */
static size_t shown(const struct lace_thread *t, bool plain)
{
    if (plain) return t->sent;
    if (t->said < t->text.len) return t->said < t->sent ? t->said : t->sent;
    return t->end == LACE_RUNNING && t->sent && t->text.data[t->sent - 1] == '[' ? t->sent - 1 : t->sent;
}

/* Hands out what the step added; the queue is locked. */
static void publish(struct lace_scheduler *s, struct lace_choice *c)
{
    struct lace_job *job = c->job;
    bool fresh = false;
    for (int n = 0; n < job->options.threads; n++) {
        const struct lace_thread *from = lace_decoder_thread(s->decoder, c->group, n);
        struct lace_choice_thread *t = &c->thread[n];
        size_t to = shown(from, job->options.plain);
        t->text_before = from->text.len;
        t->logged = t->written;
        if (!job->streams) continue;
        if (to > t->text.len) {
            lace_text_add(&t->text, from->text.data + t->text.len, to - t->text.len);
            fresh = true;
        }
        if (from->end != LACE_RUNNING && !t->over) {
            t->over = fresh = true;
            t->cut = from->cut;
        }
    }
    if (!fresh) return;
    job->fresh = true;
    if (job->waits_for_text) pthread_cond_signal(&job->changed);
}

/* ---- ends; the queue is locked ---- */

static void end_job(struct lace_scheduler *s, struct lace_job *job)
{
    struct lace_queue *q = s->queue;
    struct lace_job **at = &q->first;
    while (*at != job) at = &(*at)->later;
    *at = job->later;
    q->jobs--;
    q->waiting -= !job->next;
    q->job_seconds += 0.2 * (lace_now() - job->submitted - q->job_seconds);
    job->over = true;
    pthread_cond_signal(&job->changed);
}

static void leave(struct lace_scheduler *s, struct lace_choice *c)
{
    lace_decoder_remove(s->decoder, c->group);
    s->seat[c->group] = NULL;
    s->running--;
    c->group = -1;
    c->state = LACE_CHOICE_DONE;
}

/* Ends a job before its time. */
static void give_up(struct lace_scheduler *s, struct lace_job *job)
{
    for (int i = 0; i < job->choices; i++)
        if (job->choice[i].state == LACE_CHOICE_RUNS) leave(s, &job->choice[i]);
    end_job(s, job);
}

static void count(struct lace_scheduler *s, const struct lace_choice *c)
{
    struct lace_metrics *m = s->metrics;
    pthread_mutex_lock(&m->lock);
    m->choices++;
    for (int n = 0; n < c->result.thread_count && c->job->ask->group; n++) m->verdicts[c->result.threads[n].verdict]++;
    pthread_mutex_unlock(&m->lock);
}

/* ---- how alike the threads of groups are ---- */

/* What a thread paid to the others, mean over threads and lattice layers. */
static double cross_mass(const struct lace_trace *t)
{
    int N = t->thread_count;
    double sum = 0;
    for (int i = 0; i < t->layer_count * N * N; i++)
        if (i / N % N != i % N) sum += t->flow[i];
    return sum / t->layer_count / N;
}

static void watch(struct lace_scheduler *s, int which, const struct lace_course *course)
{
    static const char *const what[] = {
        "the threads of the last groups wrote much the same and gave the same answer (group-think %.2f, threshold "
        "%.2f): "
        "they cost more than one thread and say no more; raise the temperature, or use fewer",
        "verdicts in the last groups contradict each other (disagreement %.2f, threshold %.2f): do not trust the pick; "
        "consider \"pick\": \"vote\""};
    struct lace_warning *w = &s->warning[which];
    if (!(w->threshold > 0) || course->count < LACE_WARN_AFTER) return;
    bool above = course->late >= w->threshold;
    if (above && !w->told && s->warn) snprintf(s->news, sizeof s->news, what[which], course->late, w->threshold);
    w->told = above;
}

/* Counts a group that has ended, while the decoder still has its tokens. */
static void compare(struct lace_scheduler *s, const struct lace_choice *c)
{
    const struct lace_run_result *r = &c->result;
    struct lace_likeness_thread threads[LACE_LIKENESS_THREADS];
    struct lace_likeness alike;
    struct lace_metrics *m = s->metrics;
    if (!c->job->ask->group || r->thread_count < 2) return;
    for (int n = 0; n < r->thread_count && n < LACE_LIKENESS_THREADS; n++) {
        const struct lace_thread *t = lace_decoder_thread(s->decoder, c->group, n);
        threads[n] = (struct lace_likeness_thread){t->ids + t->tag_count, t->count - t->tag_count, r->threads[n].answer,
                                                   r->threads[n].verdict};
    }
    lace_likeness(threads, r->thread_count, s->likeness, &alike);
    pthread_mutex_lock(&m->lock);
    lace_metrics_follow(&m->group_think, alike.group_think);
    if (alike.judged) lace_metrics_follow(&m->disagreement, alike.disagreement);
    if (r->trace && r->trace->layer_count) lace_metrics_follow(&m->cross_mass, cross_mass(r->trace));
    struct lace_course think = m->group_think, against = m->disagreement;
    pthread_mutex_unlock(&m->lock);
    watch(s, LACE_WARN_GROUP_THINK, &think);
    if (!s->news[0]) watch(s, LACE_WARN_DISAGREEMENT, &against);
}

/* The queue is locked, and let go meanwhile. */
static void tell(struct lace_scheduler *s)
{
    if (!s->news[0]) return;
    pthread_mutex_unlock(&s->queue->lock);
    s->warn(s->user, s->news);
    s->news[0] = 0;
    pthread_mutex_lock(&s->queue->lock);
}

/* The picked thread; where no thread has an answer, the one that would be picked if its whole text were its answer. */
static int shown_thread(const struct lace_choice *c)
{
    const struct lace_run_result *r = &c->result;
    struct lace_ballot ballots[LACE_FEW_ROWS];
    if (r->picked >= 0) return r->picked;
    for (int n = 0; n < r->thread_count; n++)
        ballots[n] = (struct lace_ballot){r->threads[n].text, r->threads[n].p_best, r->threads[n].logprob};
    return lace_pick(ballots, r->thread_count, c->job->ask->pick, c->seed);
}

static void end_choice(struct lace_scheduler *s, struct lace_choice *c)
{
    struct lace_job *job = c->job;
    struct lace_error err;
    c->ended = lace_now();
    const struct lace_job_prompt *p = &job->prompt[c->prompt];
    int code = lace_group_result(s->decoder, c->group, job->options.threads, job->ask->pick, c->seed, &c->result, &err);
    if (!code && job->options.trace)
        code = lace_trace_take(s->decoder, c->group, p->ids, p->count, job->options.barrier, &c->result, &err);
    if (code) lace_refuse(&job->refusal, 500, NULL, "%s", err.text);
    else {
        c->shown = shown_thread(c);
        compare(s, c);
    }
    c->result.steps = lace_decoder_thread(s->decoder, c->group, 0)->clock_end;
    for (int n = 1; n < job->options.threads; n++) {
        int end = lace_decoder_thread(s->decoder, c->group, n)->clock_end;
        if (end > c->result.steps) c->result.steps = end;
    }
    count(s, c);
    leave(s, c);
    if (job->streams) {
        job->fresh = true;
        if (job->waits_for_text) pthread_cond_signal(&job->changed);
    }
    if (job->refusal.status) give_up(s, job);
    else if (!--job->left) end_job(s, job);
}

/* Jobs whose clients have hung up, whose time is over, or which a server that closes cannot finish. One poll for all
 * clients: a hang-up is seen before the next token. The sockets cannot be closed under us, because their HTTP workers
 * wait for the jobs' ends. */
static void sweep(struct lace_scheduler *s)
{
    enum { MOST = 256 };
    struct pollfd clients[MOST];
    struct lace_job *watched[MOST];
    struct lace_queue *q = s->queue;
    double now = lace_now();
    for (struct lace_job *job = q->first, *next = job; job;) {
        int count = 0;
        for (; next && count < MOST; next = next->later)
            if (next->fd >= 0 && !next->gone) {
                clients[count] = (struct pollfd){next->fd, POLLRDHUP, 0};
                watched[count++] = next;
            }
        if (count && poll(clients, (nfds_t)count, 0) > 0)
            for (int i = 0; i < count; i++)
                watched[i]->gone |= (clients[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
        while (job != next) {
            struct lace_job *later = job->later;
            if (!job->gone && now > job->deadline)
                lace_refuse(&job->refusal, 504, NULL, "The request took longer than this server allows.");
            else if (!job->gone && q->closing) lace_refuse(&job->refusal, 503, NULL, "The server is going down.");
            if (job->gone || job->refusal.status) give_up(s, job);
            job = later;
        }
    }
}

/* ---- starts ---- */

static int give_threads(struct lace_choice *c)
{
    const struct lace_job *job = c->job;
    int threads = job->options.threads, cap = job->ask->logprobs ? job->options.budget + 16 : 0;
    if (!(c->thread = calloc((size_t)threads, sizeof *c->thread))) return -1;
    for (int n = 0; n < threads && cap; n++) {
        struct lace_choice_thread *t = &c->thread[n];
        t->log = calloc((size_t)cap, sizeof *t->log);
        t->top = calloc((size_t)cap * (size_t)(job->ask->top_logprobs + 1), sizeof *t->top);
        t->log_cap = cap;
        if (!t->log || !t->top) return -1;
    }
    return 0;
}

/* Starts the next choice of the first job that has one, if there is room for it. The lock is let go meanwhile: only
 * this worker takes jobs out of the line. */
static bool start_next(struct lace_scheduler *s)
{
    struct lace_queue *q = s->queue;
    struct lace_job *job = q->first;
    struct lace_error err = {""};
    while (job && job->next == job->choices) job = job->later;
    if (!job) return false;
    struct lace_choice *c = &job->choice[job->next];
    const struct lace_job_prompt *p = &job->prompt[c->prompt];
    struct lace_group_options o = job->options;
    o.seed = c->seed;
    o.user = c;
    o.chosen = chosen;
    if (!lace_decoder_fits(s->decoder, p->ids, p->count, &o)) return false;
    pthread_mutex_unlock(&q->lock);
    c->joined = lace_now();
    int group = give_threads(c) ? lace_fail(&err, LACE_MEMORY, "Out of memory.")
                                : lace_decoder_join(s->decoder, p->ids, p->count, &o, &c->cached, &err);
    pthread_mutex_lock(&q->lock);
    if (group < 0) {
        lace_refuse(&job->refusal, 500, NULL, "%s", err.text);
        give_up(s, job);
        return true;
    }
    c->group = group;
    c->state = LACE_CHOICE_RUNS;
    if (lace_decoder_started(s->decoder, group)) c->started = c->joined; /* all of its prompt is in the cache */
    s->seat[group] = c;
    s->running++;
    q->waiting -= !job->next++;
    pthread_mutex_lock(&s->metrics->lock);
    s->metrics->cached_tokens += (uint64_t)c->cached;
    if (job->next == 1 || job->choice[job->next - 2].prompt != c->prompt)
        s->metrics->prompt_tokens += (uint64_t)p->count;
    pthread_mutex_unlock(&s->metrics->lock);
    return true;
}

/* ---- steps ---- */

/* How many rows of prompts the next step may take, from what the last ones cost. */
static void pace(struct lace_scheduler *s, const struct lace_decoder_use *use, double seconds)
{
    if (!use->thread_rows) return;
    if (!use->prompt_rows) s->plain_step += 0.2 * (seconds - s->plain_step);
    else {
        double cost = fmax(0, seconds - s->plain_step) / use->prompt_rows;
        s->row_seconds += (s->row_seconds > 0 ? 0.3 : 1) * (cost - s->row_seconds);
    }
    double longest = fmax(LONGEST_STEP, 2 * s->plain_step), rows = FIRST_ROWS;
    if (s->row_seconds > 0) rows = (longest - s->plain_step) / s->row_seconds;
    lace_decoder_prefill_rows(s->decoder, rows < 8 ? 8 : rows > LACE_FEW_ROWS ? LACE_FEW_ROWS : (int)rows);
}

/* Tokens that the last step chose. */
static int take_tokens(struct lace_scheduler *s)
{
    int tokens = 0;
    for (int g = 0; g < s->groups; g++) {
        if (!s->seat[g]) continue;
        tokens += s->seat[g]->tokens;
        s->seat[g]->tokens = 0;
    }
    return tokens;
}

/* seconds: of a step; 0: the worker goes idle. */
static void measure(struct lace_scheduler *s, double seconds, int tokens)
{
    struct lace_decoder_use use;
    struct lace_metrics *m = s->metrics;
    lace_decoder_use(s->decoder, &use);
    pthread_mutex_lock(&m->lock);
    m->use = use;
    m->groups = s->running;
    m->waiting = s->queue->waiting;
    m->completion_tokens += (uint64_t)tokens;
    if (seconds > 0) {
        m->steps++;
        lace_metrics_observe(&m->step_seconds, seconds);
    }
    pthread_mutex_unlock(&m->lock);
    if (seconds > 0) pace(s, &use, seconds);
}

/* The lock is let go while the model computes. */
static void step(struct lace_scheduler *s)
{
    struct lace_queue *q = s->queue;
    struct lace_error err;
    pthread_mutex_unlock(&q->lock);
    double from = lace_now();
    int code = lace_decoder_step(s->decoder, NULL, &err);
    double now = lace_now();
    pthread_mutex_lock(&q->lock);
    measure(s, now - from, take_tokens(s));
    for (int g = 0; g < s->groups; g++) {
        struct lace_choice *c = s->seat[g];
        if (!c) continue;
        struct lace_job *job = c->job;
        if (code < 0) {
            lace_refuse(&job->refusal, 500, NULL, "%s", err.text);
            give_up(s, job);
            continue;
        }
        if (!c->started && lace_decoder_started(s->decoder, g)) c->started = now;
        if (job->first && !job->first_told) {
            job->first_told = true;
            pthread_mutex_lock(&s->metrics->lock);
            lace_metrics_observe(&s->metrics->first_token_seconds, job->first - job->submitted);
            pthread_mutex_unlock(&s->metrics->lock);
        }
        publish(s, c);
        if (lace_decoder_done(s->decoder, g)) end_choice(s, c);
    }
}

static void *work(void *user)
{
    struct lace_scheduler *s = user;
    struct lace_queue *q = s->queue;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        tell(s);
        sweep(s);
        while (start_next(s)) {
        }
        if (s->running) {
            step(s);
            continue;
        }
        if (q->closing && !q->first) break;
        measure(s, 0, 0);
        if (!q->first) pthread_cond_wait(&q->work, &q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

int lace_scheduler_open(struct lace_scheduler *s, const struct lace_engine *engine,
                        const struct lace_scheduler_options *o, struct lace_queue *queue, struct lace_metrics *metrics,
                        struct lace_error *err)
{
    *s = (struct lace_scheduler){.engine = engine,
                                 .queue = queue,
                                 .metrics = metrics,
                                 .groups = o->size.groups,
                                 .warn = o->warn,
                                 .user = o->user};
    for (int i = 0; i < LACE_WARNINGS; i++) s->warning[i].threshold = o->warn_above[i];
    int code = lace_decoder_open(&s->decoder, engine->model, &engine->format, &o->size, err);
    if (code) return code;
    lace_decoder_claim(s->decoder);
    lace_decoder_prefill_rows(s->decoder, FIRST_ROWS);
    lace_decoder_use(s->decoder, &metrics->use);
    s->seat = calloc((size_t)s->groups, sizeof *s->seat);
    s->likeness = calloc((size_t)LACE_LIKENESS_THREADS * LACE_LIKENESS_TOKENS, sizeof *s->likeness);
    if (!s->seat || !s->likeness) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    else if (pthread_create(&s->worker, NULL, work, s))
        code = lace_fail(err, LACE_SYSTEM, "The model's worker could not be started: no more threads are allowed.");
    if (!code) return 0;
    free(s->seat);
    free(s->likeness);
    lace_decoder_close(&s->decoder);
    return code;
}

void lace_scheduler_close(struct lace_scheduler *s)
{
    pthread_mutex_lock(&s->queue->lock);
    s->queue->draining = s->queue->closing = true;
    pthread_cond_signal(&s->queue->work);
    pthread_mutex_unlock(&s->queue->lock);
    pthread_join(s->worker, NULL);
    free(s->seat);
    free(s->likeness);
    lace_decoder_close(&s->decoder);
    *s = (struct lace_scheduler){.seat = NULL};
}
