/* Requests on their way: a job is what one request asks of the model, a choice one continuation or one group of
 * threads in it. Jobs stand in one bounded line, first come, first served.
 *
 *     an HTTP worker                                the scheduler's worker (scheduler.c)
 *     lace_queue_submit(job) ----- the line ------> starts its choices as rows and slots become free
 *     lace_queue_wait(job)  <----- published ------ after each step: new text; at the end: results
 *
 * The scheduler alone touches a job between submit and its end, except for what is marked `lock`. A job always ends:
 * done, cancelled (its client left), failed, or out of time; then its HTTP worker owns it again. */
#ifndef LACE_QUEUE_H
#define LACE_QUEUE_H
#include "decode/result.h"
#include "serve/openai.h"
#include <pthread.h>

struct lace_token_log { /* a token that a thread chose */
    int id;
    float logprob;
    size_t at; /* bytes of the thread's text before it */
};

struct lace_choice_thread {
    struct lace_text text;        /* lock: what may be shown of it so far; grows only where the job streams threads */
    struct lace_token_log *log;   /* lock: logged entries may be read */
    struct lace_score_token *top; /* (log, top) the most probable tokens in each place */
    int logged, written, log_cap; /* written: by the scheduler, not yet published */
    size_t text_before;           /* bytes of the text before the token that comes next */
    bool over;                    /* lock: its last text is published */
    bool cut;                     /* lock, once over: it ended because its budget ran out */
};

enum lace_choice_state { LACE_CHOICE_WAITS, LACE_CHOICE_RUNS, LACE_CHOICE_DONE };

struct lace_choice {
    struct lace_job *job;
    int prompt; /* index into the job's */
    uint64_t seed;
    enum lace_choice_state state; /* lock */
    int group;                    /* of the decoder, while it runs */
    int cached;
    int tokens;                        /* chosen in the last step */
    struct lace_choice_thread *thread; /* (threads of the ask), from its start on */
    struct lace_run_result result;     /* once done */
    int shown;                         /* the thread whose text is the choice's */
    double joined, started, ended;     /* its prompt began to be read; was read; the end */
};

struct lace_job_prompt {
    int *ids, count;
};

struct lace_job {
    /* set by the HTTP worker */
    const struct lace_ask *ask;
    struct lace_job_prompt *prompt; /* (ask's prompt_count) */
    struct lace_choice *choice;     /* (choices) */
    int choices;
    struct lace_group_options options; /* of every choice, but for its seed */
    int fd;                            /* the client's socket: watched for its hanging up; -1: none */
    double deadline;                   /* lace_now() after which it is given up */
    int vocabulary;
    bool streams; /* its threads' text is wanted while they write */
    /* the scheduler's */
    int next;                /* the first choice that has not started */
    int left;                /* choices that have not ended */
    double submitted, first; /* first: a thread wrote its first token; 0: not yet */
    bool first_told;         /* to the metrics */
    struct lace_job *later;  /* in the line */
    /* lock */
    bool gone; /* its client left: end it */
    bool over;
    struct lace_refusal refusal; /* status 0: it went well */
    bool waits_for_text;         /* its HTTP worker wants to be woken by text, not only by the end */
    bool fresh;                  /* text was published since it looked last */
    pthread_cond_t changed;
};

struct lace_queue {
    pthread_mutex_t lock;
    pthread_cond_t work;             /* for the scheduler */
    struct lace_job *first;          /* jobs that have not ended, in order of arrival */
    int jobs, waiting, most_waiting; /* waiting: of which no choice has started */
    double job_seconds;              /* how long jobs took of late */
    bool draining, closing;          /* no new jobs; end those that run */
};
int lace_queue_init(struct lace_queue *queue, int most_waiting, struct lace_error *err);
void lace_queue_release(struct lace_queue *queue);

int lace_job_init(struct lace_job *job, const struct lace_ask *ask, int choices, struct lace_error *err);
void lace_job_release(struct lace_job *job); /* one that is over, or was never submitted */

/* Puts a job at the end of the line. A full line, or a server that is going down, refuses. */
int lace_queue_submit(struct lace_queue *queue, struct lace_job *job, struct lace_refusal *refusal);
/* Waits, at most until the time `until`, for the end of a job; with text, also for text. */
enum lace_wake { LACE_WAKE_TIME, LACE_WAKE_TEXT, LACE_WAKE_END };
enum lace_wake lace_queue_wait(struct lace_queue *queue, struct lace_job *job, bool text, double until);
bool lace_queue_drains(struct lace_queue *queue);
/* Ends a job whose client has left, and waits for its end. */
void lace_queue_cancel(struct lace_queue *queue, struct lace_job *job);
#endif
