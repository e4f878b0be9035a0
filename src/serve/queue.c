#include "serve/queue.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* Conditions that wait on the clock of lace_now. */
static int cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr)) return -1;
    int bad = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) || pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return bad ? -1 : 0;
}

int lace_queue_init(struct lace_queue *q, int most_waiting, struct lace_error *err)
{
    *q = (struct lace_queue){.most_waiting = most_waiting};
    if (pthread_mutex_init(&q->lock, NULL)) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (!cond_init(&q->work)) return 0;
    pthread_mutex_destroy(&q->lock);
    return lace_fail(err, LACE_MEMORY, "Out of memory.");
}

void lace_queue_release(struct lace_queue *q)
{
    pthread_cond_destroy(&q->work);
    pthread_mutex_destroy(&q->lock);
}

int lace_job_init(struct lace_job *job, const struct lace_ask *ask, int choices, struct lace_error *err)
{
    *job = (struct lace_job){.ask = ask, .choices = choices, .left = choices, .fd = -1};
    job->prompt = calloc((size_t)ask->prompt_count, sizeof *job->prompt);
    job->choice = calloc((size_t)choices, sizeof *job->choice);
    if (!job->prompt || !job->choice || cond_init(&job->changed)) {
        free(job->prompt);
        free(job->choice);
        *job = (struct lace_job){0};
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    for (int i = 0; i < choices; i++) job->choice[i] = (struct lace_choice){.job = job, .group = -1};
    return 0;
}

void lace_job_release(struct lace_job *job)
{
    if (!job->choice) return;
    for (int i = 0; i < job->choices; i++) {
        struct lace_choice *c = &job->choice[i];
        for (int n = 0; c->thread && n < job->ask->threads; n++) {
            lace_text_release(&c->thread[n].text);
            free(c->thread[n].log);
            free(c->thread[n].top);
        }
        free(c->thread);
        lace_run_release(&c->result);
    }
    for (int i = 0; i < job->ask->prompt_count; i++) free(job->prompt[i].ids);
    free(job->prompt);
    free(job->choice);
    pthread_cond_destroy(&job->changed);
    *job = (struct lace_job){0};
}

/* When a place in the line may be free: what the line takes at the pace of late. */
static int retry_after(const struct lace_queue *q)
{
    int running = q->jobs - q->waiting;
    double seconds = q->job_seconds * (q->waiting + 1) / (running > 0 ? running : 1) / 2;
    return seconds < 1 ? 1 : seconds > 60 ? 60 : (int)ceil(seconds);
}

int lace_queue_submit(struct lace_queue *q, struct lace_job *job, struct lace_refusal *refusal)
{
    int code = 0;
    pthread_mutex_lock(&q->lock);
    if (q->draining) {
        code = lace_refuse(refusal, 503, NULL, "The server is going down.");
        refusal->retry_after = 5;
    } else if (q->waiting >= q->most_waiting) {
        code = lace_refuse(refusal, 429, NULL, "%d requests are waiting already; try again later.", q->waiting);
        refusal->retry_after = retry_after(q);
    } else {
        struct lace_job **last = &q->first;
        while (*last) last = &(*last)->later;
        *last = job;
        job->submitted = lace_now();
        q->jobs++;
        q->waiting++;
        pthread_cond_signal(&q->work);
    }
    pthread_mutex_unlock(&q->lock);
    return code;
}

static struct timespec time_of(double seconds)
{
    double whole = floor(seconds);
    return (struct timespec){(time_t)whole, (long)((seconds - whole) * 1e9)};
}

enum lace_wake lace_queue_wait(struct lace_queue *q, struct lace_job *job, bool text, double until)
{
    struct timespec time = time_of(until);
    enum lace_wake wake = LACE_WAKE_TIME;
    pthread_mutex_lock(&q->lock);
    job->waits_for_text = text;
    while (!job->over && !(text && job->fresh))
        if (pthread_cond_timedwait(&job->changed, &q->lock, &time)) break;
    if (job->over) wake = LACE_WAKE_END;
    else if (text && job->fresh) wake = LACE_WAKE_TEXT;
    if (text) job->fresh = false;
    job->waits_for_text = false;
    pthread_mutex_unlock(&q->lock);
    return wake;
}

void lace_queue_cancel(struct lace_queue *q, struct lace_job *job)
{
    pthread_mutex_lock(&q->lock);
    job->gone = true;
    pthread_cond_signal(&q->work);
    while (!job->over) pthread_cond_wait(&job->changed, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

bool lace_queue_drains(struct lace_queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool draining = q->draining;
    pthread_mutex_unlock(&q->lock);
    return draining;
}
