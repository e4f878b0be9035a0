/* Answers in OpenAI's shape: a whole one when the job is over, or the events of a stream.
 *
 * A stream's index counts choices; with lace.stream_threads it counts threads, choice by choice. What is written
 * while it is chosen (continuations, a thread alone, streamed threads) is sent as it comes, never ending inside a
 * character; a group's text is sent when its thread has been picked. */
#ifndef LACE_REPLY_H
#define LACE_REPLY_H
#include "decode/engine.h"
#include "serve/queue.h"

struct lace_reply {
    const struct lace_engine *engine;
    const char *model;
    struct lace_job *job;
    char id[48];
    long created;
};
void lace_reply_init(struct lace_reply *reply, const struct lace_engine *engine, const char *model,
                     struct lace_job *job);
/* The whole answer of a job that is over and went well. */
void lace_reply_write(const struct lace_reply *reply, struct lace_text *out);

struct lace_stream_part {   /* of one index */
    struct lace_text fresh; /* bytes that are not sent yet */
    size_t taken, sent;     /* of the thread's text: copied out of the job; sent */
    int logs;               /* entries of the log that are sent */
    bool began, ended;
};
struct lace_stream {
    struct lace_reply reply;
    struct lace_text head; /* what every event begins with */
    struct lace_stream_part *part;
    int parts, threads; /* threads of a choice that have an index of their own */
};
int lace_stream_init(struct lace_stream *stream, const struct lace_reply *reply);
void lace_stream_release(struct lace_stream *stream);
/* Appends the events for all that is new; where the job is over, also the last ones. Returns whether it is over. */
bool lace_stream_next(struct lace_stream *stream, struct lace_queue *queue, struct lace_text *out);
#endif
