#include "serve/reply.h"
#include "decode/saved.h"
#include "text/utf8.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void lace_reply_init(struct lace_reply *r, const struct lace_engine *engine, const char *model, struct lace_job *job)
{
    static atomic_ullong count;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *r = (struct lace_reply){.engine = engine, .model = model, .job = job, .created = (long)now.tv_sec};
    snprintf(r->id, sizeof r->id, "%s-%llx%08llx", job->ask->kind == LACE_ASK_CHAT ? "chatcmpl" : "cmpl",
             (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec,
             (unsigned long long)atomic_fetch_add(&count, 1));
}

static bool chats(const struct lace_reply *r) { return r->job->ask->kind == LACE_ASK_CHAT; }

/* ---- parts of an answer ---- */

static void write_head(struct lace_text *out, const struct lace_reply *r, bool chunk)
{
    lace_text_print(out, "{\"id\": \"%s\", \"object\": \"%s%s\", \"created\": %ld, \"model\": ", r->id,
                    chats(r) ? "chat.completion" : "text_completion", chats(r) && chunk ? ".chunk" : "", r->created);
    lace_write_quoted(out, r->model, strlen(r->model));
}

static void write_token(struct lace_text *out, const struct lace_reply *r, int id, float logprob)
{
    size_t len = 0;
    const char *bytes = lace_tokenizer_bytes(r->engine->tokenizer, id, &len);
    lace_text_str(out, "{\"token\": ");
    lace_write_quoted(out, bytes ? bytes : "", len);
    lace_text_str(out, ", \"logprob\": ");
    lace_write_number(out, logprob, 9);
    lace_text_str(out, ", \"bytes\": [");
    for (size_t i = 0; i < len && bytes; i++) lace_text_print(out, "%s%d", i ? ", " : "", (unsigned char)bytes[i]);
    lace_text_str(out, "]");
}

static bool logged(const struct lace_reply *r, const struct lace_choice_thread *t, int i, size_t len)
{
    return t->log[i].at < len && !lace_tokenizer_is_special(r->engine->tokenizer, t->log[i].id);
}

static void write_chat_logprobs(struct lace_text *out, const struct lace_reply *r, const struct lace_choice_thread *t,
                                int from, int to, size_t len)
{
    int top = r->job->ask->top_logprobs;
    const char *comma = "";
    lace_text_str(out, "{\"content\": [");
    for (int i = from; i < to; i++) {
        if (!logged(r, t, i, len)) continue;
        lace_text_str(out, comma);
        comma = ", ";
        write_token(out, r, t->log[i].id, t->log[i].logprob);
        lace_text_str(out, ", \"top_logprobs\": [");
        for (int k = 0; k < top; k++) {
            const struct lace_score_token *best = &t->top[(size_t)i * top + k];
            lace_text_str(out, k ? ", " : "");
            write_token(out, r, best->id, best->logprob);
            lace_text_str(out, "}");
        }
        lace_text_str(out, "]}");
    }
    lace_text_str(out, "], \"refusal\": null}");
}

static void write_name(struct lace_text *out, const struct lace_reply *r, int id)
{
    size_t len = 0;
    const char *bytes = lace_tokenizer_bytes(r->engine->tokenizer, id, &len);
    lace_write_quoted(out, bytes ? bytes : "", len);
}

/* The older shape, of /v1/completions: parallel lists. Two tokens of the same text (broken bytes) would be one key
 * twice; the more probable one stays. */
static void write_text_logprobs(struct lace_text *out, const struct lace_reply *r, const struct lace_choice_thread *t,
                                int from, int to, size_t len)
{
    static const char *const lists[] = {"tokens", "token_logprobs", "text_offset", "top_logprobs"};
    int top = r->job->ask->top_logprobs;
    for (int list = 0; list < 4; list++) {
        const char *comma = "";
        lace_text_print(out, "%s\"%s\": ", list ? ", " : "{", lists[list]);
        if (list == 3 && !top) {
            lace_text_str(out, "null");
            continue;
        }
        lace_text_str(out, "[");
        for (int i = from; i < to; i++) {
            if (!logged(r, t, i, len)) continue;
            lace_text_str(out, comma);
            comma = ", ";
            if (list == 0) write_name(out, r, t->log[i].id);
            if (list == 1) lace_write_number(out, t->log[i].logprob, 9);
            if (list == 2) lace_text_print(out, "%zu", t->log[i].at);
            if (list < 3) continue;
            lace_text_str(out, "{");
            for (int k = 0, written = 0; k < top; k++) {
                const struct lace_score_token *best = &t->top[(size_t)i * top + k];
                struct lace_text name, other;
                bool twice = false;
                lace_text_init(&name);
                write_name(&name, r, best->id);
                for (int j = 0; j < k && !twice; j++) {
                    lace_text_init(&other);
                    write_name(&other, r, best[j - k].id);
                    twice = !name.data || !other.data || !strcmp(name.data, other.data);
                    lace_text_release(&other);
                }
                if (!twice && name.data) {
                    lace_text_print(out, "%s%s: ", written++ ? ", " : "", name.data);
                    lace_write_number(out, best->logprob, 9);
                }
                lace_text_release(&name);
            }
            lace_text_str(out, "}");
        }
        lace_text_str(out, "]");
    }
    lace_text_str(out, "}");
}

static void write_logprobs(struct lace_text *out, const struct lace_reply *r, const struct lace_choice_thread *t,
                           int from, int to, size_t len)
{
    if (!r->job->ask->logprobs || !t) lace_text_str(out, "null");
    else if (chats(r)) write_chat_logprobs(out, r, t, from, to, len);
    else write_text_logprobs(out, r, t, from, to, len);
}

static void write_optional(struct lace_text *out, const char *text)
{
    if (text) lace_write_quoted(out, text, strlen(text));
    else lace_text_str(out, "null");
}

/* A thread as `lace run --json` prints it. */
static void write_thread(struct lace_text *out, const struct lace_run_thread *t)
{
    lace_text_str(out, "\"text\": ");
    lace_write_quoted(out, t->text, strlen(t->text));
    lace_text_str(out, ", \"answer\": ");
    write_optional(out, t->answer);
    lace_text_print(out, ", \"verdict\": \"%s\", \"p_best\": ", lace_verdict_names[t->verdict]);
    lace_write_number(out, t->p_best, 9);
    lace_text_print(out, ", \"tokens\": %d, \"logprob\": ", t->tokens);
    lace_write_number(out, t->logprob, 9);
    lace_text_print(out, ", \"cut\": %s", t->cut ? "true" : "false");
}

static void write_trace(struct lace_text *out, const struct lace_run_result *result)
{
    struct lace_text trace;
    if (!result->trace) return;
    lace_text_init(&trace);
    lace_trace_write(&trace, result);
    for (size_t i = 0; i < trace.len; i++)
        if (trace.data[i] == '\n') trace.data[i] = ' '; /* an event of a stream is one line */
    lace_text_str(out, ", \"trace\": ");
    lace_text_add(out, trace.data, trace.len);
    if (trace.failed) out->failed = true;
    lace_text_release(&trace);
}

/* What is ours of a choice: the seed, and of a group its answer, who was picked, and its threads where they are wanted. */
static void write_lace(struct lace_text *out, const struct lace_reply *r, const struct lace_choice *c)
{
    const struct lace_ask *ask = r->job->ask;
    const struct lace_run_result *result = &c->result;
    lace_text_print(out, "{\"seed\": %llu", (unsigned long long)c->seed);
    if (ask->group) {
        lace_text_str(out, ", \"answer\": ");
        write_optional(out, result->answer);
        if (result->picked >= 0) lace_text_print(out, ", \"picked\": %d", result->picked);
        else lace_text_str(out, ", \"picked\": null");
        lace_text_print(out, ", \"shown\": %d, \"verdict\": \"%s\", \"steps\": %d", c->shown,
                        lace_verdict_names[result->threads[c->shown].verdict], result->steps);
    }
    if (ask->group && ask->return_threads) {
        lace_text_str(out, ", \"threads\": [");
        for (int n = 0; n < result->thread_count; n++) {
            lace_text_str(out, n ? ", {" : "{");
            write_thread(out, &result->threads[n]);
            lace_text_str(out, "}");
        }
        lace_text_str(out, "]");
    }
    write_trace(out, result);
    lace_text_str(out, "}");
}

static const char *finish_reason(const struct lace_run_thread *t) { return t->cut ? "length" : "stop"; }

/* Prompt tokens count once for all choices of a prompt; completion tokens for each thread, and together. */
static void write_usage(struct lace_text *out, const struct lace_job *job)
{
    int prompt = 0, completion = 0, cached = 0;
    for (int i = 0; i < job->ask->prompt_count; i++) prompt += job->prompt[i].count;
    for (int i = 0; i < job->choices; i++) {
        completion += job->choice[i].result.completion_tokens;
        if (i % job->ask->n == 0) cached += job->choice[i].cached;
    }
    lace_text_print(out,
                    "{\"prompt_tokens\": %d, \"completion_tokens\": %d, \"total_tokens\": %d, "
                    "\"prompt_tokens_details\": {\"cached_tokens\": %d}, \"completion_tokens_details\": "
                    "{\"reasoning_tokens\": 0}, \"completion_tokens_per_thread\": [",
                    prompt, completion, prompt + completion, cached);
    for (int i = 0; i < job->choices; i++) {
        const struct lace_run_result *result = &job->choice[i].result;
        lace_text_str(out, i ? ", [" : "[");
        for (int n = 0; n < result->thread_count; n++)
            lace_text_print(out, "%s%d", n ? ", " : "", result->threads[n].tokens);
        lace_text_str(out, "]");
    }
    lace_text_str(out, "]}");
}

static void write_rate(struct lace_text *out, const char *name, int tokens, double seconds)
{
    lace_text_print(out, "\"%s_n\": %d, \"%s_ms\": %.3f, \"%s_per_token_ms\": ", name, tokens, name, 1000 * seconds,
                    name);
    lace_write_number(out, tokens ? 1000 * seconds / tokens : 0, 6);
    lace_text_print(out, ", \"%s_per_second\": ", name);
    lace_write_number(out, seconds > 0 ? tokens / seconds : 0, 6);
}

/* By the clock: from the first choice's start until all prompts were read, and from then until the last choice's end. */
static void write_timings(struct lace_text *out, const struct lace_job *job)
{
    int read = 0, cached = 0, predicted = 0;
    double joined = INFINITY, started = INFINITY, ended = 0;
    for (int i = 0; i < job->choices; i++) {
        const struct lace_choice *c = &job->choice[i];
        predicted += c->result.completion_tokens;
        if (i % job->ask->n == 0) {
            read += job->prompt[c->prompt].count - c->cached;
            cached += c->cached;
        }
        joined = fmin(joined, c->joined);
        started = fmin(started, c->started);
        ended = fmax(ended, c->ended);
    }
    lace_text_print(out, "{\"cache_n\": %d, ", cached);
    write_rate(out, "prompt", read, started - joined);
    lace_text_str(out, ", ");
    write_rate(out, "predicted", predicted, ended - started);
    lace_text_print(out, ", \"queue_ms\": %.3f, \"first_token_ms\": %.3f}", 1000 * (joined - job->submitted),
                    1000 * (job->first - job->submitted));
}

/* ---- a whole answer ---- */

static void write_choice(struct lace_text *out, const struct lace_reply *r, int index)
{
    const struct lace_choice *c = &r->job->choice[index];
    int n = c->shown;
    const struct lace_run_thread *t = &c->result.threads[n];
    lace_text_print(out, "{\"index\": %d, ", index);
    if (chats(r)) lace_text_str(out, "\"message\": {\"role\": \"assistant\", \"content\": ");
    else lace_text_str(out, "\"text\": ");
    lace_write_quoted(out, t->text, t->said);
    if (chats(r)) lace_text_str(out, ", \"refusal\": null}");
    lace_text_str(out, ", \"logprobs\": ");
    write_logprobs(out, r, &c->thread[n], 0, c->thread[n].logged, t->said);
    lace_text_print(out, ", \"finish_reason\": \"%s\", \"lace\": ", finish_reason(t));
    write_lace(out, r, c);
    lace_text_str(out, "}");
}

void lace_reply_write(const struct lace_reply *r, struct lace_text *out)
{
    write_head(out, r, false);
    lace_text_str(out, ", \"choices\": [");
    for (int i = 0; i < r->job->choices; i++) {
        lace_text_str(out, i ? ", " : "");
        write_choice(out, r, i);
    }
    lace_text_str(out, "], \"usage\": ");
    write_usage(out, r->job);
    lace_text_str(out, ", \"timings\": ");
    write_timings(out, r->job);
    lace_text_str(out, "}\n");
}

/* ---- a stream ---- */

int lace_stream_init(struct lace_stream *s, const struct lace_reply *reply)
{
    *s = (struct lace_stream){.reply = *reply,
                              .threads = reply->job->ask->stream_threads ? reply->job->ask->threads : 1};
    s->parts = reply->job->choices * s->threads;
    s->part = calloc((size_t)s->parts, sizeof *s->part);
    lace_text_str(&s->head, "data: ");
    write_head(&s->head, &s->reply, true);
    lace_text_str(&s->head, ", \"choices\": [");
    return s->part && !s->head.failed ? 0 : -1;
}

void lace_stream_release(struct lace_stream *s)
{
    for (int i = 0; i < s->parts && s->part; i++) lace_text_release(&s->part[i].fresh);
    free(s->part);
    lace_text_release(&s->head);
    *s = (struct lace_stream){.parts = 0};
}

static void open_chunk(struct lace_text *out, const struct lace_stream *s)
{
    lace_text_add(out, s->head.data, s->head.len);
}

static void close_chunk(struct lace_text *out, const struct lace_stream *s)
{
    lace_text_str(out, s->reply.job->ask->include_usage ? "], \"usage\": null}\n\n" : "]}\n\n");
}

/* A piece of an index's text. log entries `from` to `to` of t go with it. */
static void write_delta(struct lace_text *out, struct lace_stream *s, int index, const char *bytes, size_t len,
                        const struct lace_choice_thread *t, int from, int to, size_t sent)
{
    struct lace_stream_part *p = &s->part[index];
    open_chunk(out, s);
    lace_text_print(out, "{\"index\": %d, ", index);
    if (chats(&s->reply)) {
        lace_text_print(out, "\"delta\": {%s\"content\": ", p->began ? "" : "\"role\": \"assistant\", ");
        lace_write_quoted(out, bytes, len);
        lace_text_str(out, "}");
    } else {
        lace_text_str(out, "\"text\": ");
        lace_write_quoted(out, bytes, len);
    }
    p->began = true;
    lace_text_str(out, ", \"logprobs\": ");
    write_logprobs(out, &s->reply, t, from, to, sent);
    lace_text_str(out, ", \"finish_reason\": null}");
    close_chunk(out, s);
}

/* The last chunk of an index: why it ended, and what is ours. */
static void write_end(struct lace_text *out, struct lace_stream *s, int index)
{
    int choice = index / s->threads, n = index % s->threads;
    const struct lace_choice *c = &s->reply.job->choice[choice];
    const struct lace_run_thread *t = &c->result.threads[s->threads > 1 ? n : c->shown];
    open_chunk(out, s);
    lace_text_print(out, "{\"index\": %d, %s, \"logprobs\": null, \"finish_reason\": \"%s\", \"lace\": ", index,
                    chats(&s->reply) ? "\"delta\": {}" : "\"text\": \"\"", finish_reason(t));
    if (s->reply.job->ask->stream_threads) {
        lace_text_print(out, "{\"choice\": %d, \"thread\": %d, \"picked\": %s, ", choice, n,
                        c->result.picked == n ? "true" : "false");
        write_thread(out, t);
        lace_text_print(out, ", \"seed\": %llu", (unsigned long long)c->seed);
        if (n == s->threads - 1) write_trace(out, &c->result); /* of all of them, with the last */
        lace_text_str(out, "}");
    } else write_lace(out, &s->reply, c);
    lace_text_str(out, "}");
    close_chunk(out, s);
}

/* What has come of a thread since last time, while the lock is held: copied, so that it is written without it. */
static void take(struct lace_stream_part *p, const struct lace_choice_thread *t)
{
    if (t->text.len <= p->taken) return;
    lace_text_add(&p->fresh, t->text.data + p->taken, t->text.len - p->taken);
    p->taken = t->text.len;
}

/* Sends a part's fresh bytes up to a character's end, all of them at the end. Entries of the log are complete up to
 * `logs`; the scheduler writes only behind them. */
static void send_fresh(struct lace_text *out, struct lace_stream *s, int index, const struct lace_choice_thread *t,
                       int logs, bool over)
{
    struct lace_stream_part *p = &s->part[index];
    size_t len = over ? p->fresh.len : lace_utf8_whole(p->fresh.data ? p->fresh.data : "", p->fresh.len);
    int to = p->logs;
    if (!len) return;
    p->sent += len;
    while (to < logs && t->log[to].at < p->sent) to++;
    write_delta(out, s, index, p->fresh.data, len, t, p->logs, to, p->sent);
    p->logs = to;
    memmove(p->fresh.data, p->fresh.data + len, p->fresh.len - len);
    p->fresh.len -= len;
}

static void send_choice(struct lace_text *out, struct lace_stream *s, int choice, bool done, const int *logs)
{
    struct lace_job *job = s->reply.job;
    struct lace_choice *c = &job->choice[choice];
    for (int n = 0; n < s->threads && job->streams; n++) {
        int index = choice * s->threads + n;
        send_fresh(out, s, index, &c->thread[n], logs[n], done);
    }
    if (!done) return;
    for (int n = 0; n < s->threads; n++) {
        int index = choice * s->threads + n;
        if (s->part[index].ended) continue;
        if (!job->streams) {
            int shown = c->shown;
            const struct lace_run_thread *t = &c->result.threads[shown];
            write_delta(out, s, index, t->text, t->said, &c->thread[shown], 0, c->thread[shown].logged, t->said);
        } else if (!s->part[index].began) write_delta(out, s, index, "", 0, NULL, 0, 0, 0);
        write_end(out, s, index);
        s->part[index].ended = true;
    }
}

bool lace_stream_next(struct lace_stream *s, struct lace_queue *q, struct lace_text *out)
{
    struct lace_job *job = s->reply.job;
    bool over, failed;
    for (int i = 0; i < job->choices; i++) {
        struct lace_choice *c = &job->choice[i];
        int logs[LACE_FEW_ROWS] = {0};
        pthread_mutex_lock(&q->lock);
        bool done = c->state == LACE_CHOICE_DONE && c->result.threads, runs = c->state != LACE_CHOICE_WAITS;
        for (int n = 0; n < s->threads && runs; n++) {
            take(&s->part[i * s->threads + n], &c->thread[n]);
            logs[n] = c->thread[n].logged;
        }
        pthread_mutex_unlock(&q->lock);
        if (runs && !s->part[(i + 1) * s->threads - 1].ended) send_choice(out, s, i, done, logs);
    }
    pthread_mutex_lock(&q->lock);
    over = job->over;
    failed = over && (job->refusal.status || job->gone);
    pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < job->choices && !failed; i++) over &= s->part[(i + 1) * s->threads - 1].ended;
    if (!over) return false;
    if (failed && job->refusal.status) {
        struct lace_text body;
        lace_text_init(&body);
        lace_refusal_write(&body, &job->refusal);
        if (body.data) lace_text_print(out, "data: %s\n", body.data);
        lace_text_release(&body);
    }
    if (failed) return true;
    if (job->ask->include_usage) {
        open_chunk(out, s);
        lace_text_str(out, "], \"usage\": ");
        write_usage(out, job);
        lace_text_str(out, ", \"timings\": ");
        write_timings(out, job);
        lace_text_str(out, "}\n\n");
    }
    lace_text_str(out, "data: [DONE]\n\n");
    return true;
}
