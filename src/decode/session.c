#include "decode/session.h"
#include "decode/pick.h"
#include "decode/result.h"
#include "decode/trace.h"
#include <stdlib.h>
#include <string.h>

#define VERDICT_TOKENS 64 /* room after the budget: tag, lead and verdict */
#define TRACE_BYTES    ((size_t)64 << 20)

struct listener {
    const struct lace_run_options *options;
    const struct lace_tokenizer *tokenizer;
    int stop;
    double first; /* when the first token was chosen; 0: not yet */
    /* of a conversation, by thread: whether its text has begun, whether its first blank is to be left out (where words
     * have their blank in front, as SentencePiece writes them, a text by itself begins without it), and is */
    bool begun[LACE_FEW_ROWS], blank[LACE_FEW_ROWS], given[LACE_FEW_ROWS];
};

static bool begins_with_blank(const struct lace_tokenizer *t, int id, size_t len)
{
    struct lace_detokenizer_stream start = {0};
    struct lace_text alone;
    lace_text_init(&alone);
    lace_tokenizer_stream(t, &start, id, false, &alone);
    bool shorter = !alone.failed && alone.len < len;
    lace_text_release(&alone);
    return shorter;
}

static void chosen(void *user, int thread, int id, const float *logits, double lse)
{
    struct listener *l = user;
    size_t len;
    if (!l->first) l->first = lace_now();
    if (!l->options->chat || l->begun[thread] || lace_tokenizer_is_special(l->tokenizer, id)) return;
    const char *bytes = lace_tokenizer_bytes(l->tokenizer, id, &len);
    l->begun[thread] = bytes && len;
    l->blank[thread] = l->begun[thread] && *bytes == ' ' && begins_with_blank(l->tokenizer, id, len);
}

static void heard(void *user, int group, int thread, const char *bytes, size_t len)
{
    struct listener *l = user;
    (void)group;
    size_t skip = len && !l->given[thread] && l->blank[thread];
    l->given[thread] |= len != 0;
    if (len > skip && l->options->piece && l->options->piece(l->options->user, thread, bytes + skip, len - skip))
        l->stop = 1;
}

static void leave_blanks_out(const struct listener *l, struct lace_run_result *r)
{
    for (int n = 0; n < r->thread_count; n++) {
        struct lace_run_thread *t = &r->threads[n];
        if (!l->blank[n] || t->text[0] != ' ') continue;
        memmove(t->text, t->text + 1, strlen(t->text)); /* with its end */
        t->said -= t->said > 0;
    }
}

/* ---- the decoder ---- */

/* What holds this run. A session's decoder also holds some more of a growing conversation, and its prompt twice: the
 * one that was read last stays until its beginning has been taken over. */
static int fit(struct lace_session *s, int count, int threads, int tokens, bool trace, struct lace_error *err)
{
    struct lace_decoder_options *size = &s->size;
    if (s->decoder && size->prompt >= count && size->threads >= threads && size->tokens >= tokens &&
        size->traces >= trace)
        return 0;
    if (trace && lace_recorder_need(threads, tokens) > TRACE_BYTES)
        return lace_fail(err, LACE_BAD,
                         "The trace of %d threads of %d tokens takes %zu MiB; at most %zu are kept. Use fewer threads, "
                         "or a smaller budget.",
                         threads, tokens - VERDICT_TOKENS, lace_recorder_need(threads, tokens) >> 20,
                         TRACE_BYTES >> 20);
    lace_decoder_close(&s->decoder);
    int context = lace_config_context(&s->engine->model->config), more = count / 2 + 256;
    int prompt = s->once || count > context - more ? count : count + more;
    *size = (struct lace_decoder_options){
        .groups = 1, .threads = threads, .prompt = prompt, .tokens = tokens, .traces = trace, .kv = s->engine->kv};
    int64_t slots = (s->once ? 1 : 2) * (int64_t)prompt + (int64_t)threads * tokens;
    if (!s->once && slots <= 1 << 28) size->slots = (int)slots;
    return lace_decoder_open(&s->decoder, s->engine->model, &s->engine->format, size, err);
}

/* Tokens of a thread */
static int find_budget(const struct lace_engine *e, int count, const struct lace_run_options *o, int *budget,
                       struct lace_error *err)
{
    int context = lace_config_context(&e->model->config), room = context - count - VERDICT_TOKENS;
    *budget = o->budget;
    if (!*budget) *budget = room < 2048 ? room : 2048;
    if (*budget > room && *budget == e->defaults.budget && room > 0) *budget = room; /* the model's own gives way */
    if (*budget >= 1 && *budget <= room) return 0;
    return lace_fail(
        err, LACE_BAD,
        "A prompt of %d tokens and a budget of %d are longer than the model's context of %d; use less of either.",
        count, o->budget, context);
}

/* ---- a run ---- */

static int copy_answer(struct lace_run_result *r, int picked, size_t len, struct lace_error *err)
{
    free(r->answer);
    r->picked = picked;
    r->answer = strndup(r->threads[picked].text, len);
    return r->answer ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
}

/* In a conversation the answer is what a thread said, whether or not it states one as a problem's solution does. */
static int take_reply(const struct lace_run_options *o, struct lace_run_result *r, struct lace_error *err)
{
    int picked = o->threads == 1 ? 0 : r->picked;
    if (picked < 0) {
        struct lace_ballot *ballots = calloc((size_t)r->thread_count, sizeof *ballots);
        if (!ballots) return lace_fail(err, LACE_MEMORY, "Out of memory.");
        for (int n = 0; n < r->thread_count; n++)
            ballots[n] = (struct lace_ballot){r->threads[n].text, r->threads[n].p_best, r->threads[n].logprob};
        picked = lace_pick(ballots, r->thread_count, o->pick, o->seed);
        free(ballots);
    }
    return copy_answer(r, picked, r->threads[picked].said, err);
}

static int decode(struct lace_decoder *d, const int *ids, int count, const struct lace_group_options *group,
                  const struct lace_run_options *o, struct lace_run_result *result, struct lace_error *err)
{
    struct listener *listener = group->user;
    double start = lace_now();
    int index = lace_decoder_join(d, ids, count, group, &result->cached_tokens, err), running = 1, code = 0;
    if (index < 0) return index;
    while (!code && running > 0) {
        bool started = lace_decoder_started(d, index);
        running = lace_decoder_step(d, heard, err);
        if (running < 0) code = running;
        if (listener->stop) code = lace_fail(err, LACE_STOPPED, "Stopped.");
        result->steps += started;
        double *seconds = started ? &result->decode_seconds : &result->prompt_seconds, end = lace_now();
        *seconds += end - start;
        start = end;
    }
    if (!code) code = lace_group_result(d, index, o->threads, o->pick, o->seed, result, err);
    if (!code && o->trace) code = lace_trace_take(d, index, ids, count, o->barrier, result, err);
    if (!code && o->chat) {
        leave_blanks_out(listener, result);
        code = take_reply(o, result, err);
    }
    lace_decoder_remove(d, index);
    return code;
}

static int run_ids(struct lace_session *s, const int *ids, int count, const struct lace_run_options *o,
                   struct lace_run_result *result, struct lace_error *err)
{
    int stop_count = 0, budget, code = find_budget(s->engine, count, o, &budget, err);
    if (code) return code;
    if (o->threads < 1 || o->threads > LACE_FEW_ROWS)
        return lace_fail(err, LACE_BAD, "The number of threads must be from 1 to %d, not %d.", LACE_FEW_ROWS,
                         o->threads);
    while (o->stops && o->stops[stop_count]) stop_count++;
    if ((code = fit(s, count, o->threads, budget + VERDICT_TOKENS, o->trace, err))) return code;
    struct listener listener = {.options = o, .tokenizer = s->engine->tokenizer};
    struct lace_group_options group = {.threads = o->threads,
                                       .plain = o->chat && o->threads == 1,
                                       .sampling = o->sampling,
                                       .seed = o->seed,
                                       .barrier = o->barrier,
                                       .budget = budget,
                                       .group_budget = o->group_budget,
                                       .early_stop = o->early_stop,
                                       .trace = o->trace,
                                       .stops = o->stops,
                                       .stop_count = stop_count,
                                       .chosen = chosen,
                                       .user = &listener};
    code = decode(s->decoder, ids, count, &group, o, result, err);
    result->first_seconds = listener.first;
    return code;
}

int lace_session_run(struct lace_session *s, const char *prompt, const struct lace_run_options *o,
                     struct lace_run_result *result, struct lace_error *err)
{
    const struct lace_engine *e = s->engine;
    int *ids = NULL;
    size_t capacity = 0, count = 0;
    double began = lace_now();
    *result = (struct lace_run_result){.picked = -1};
    int code = lace_engine_can_run(e, err);
    if (code) return code;
    code = o->chat ? lace_tokenizer_encode(e->tokenizer, prompt, strlen(prompt), LACE_ENCODE_SPECIAL, &ids, &capacity,
                                           &count, err)
                   : lace_engine_prompt(e, prompt, &ids, &count, err);
    if (!code) {
        result->prompt_tokens = (int)count;
        if (count > (size_t)lace_config_context(&e->model->config))
            code = lace_fail(err, LACE_BAD, "The prompt has %zu tokens; the model's context holds %d.", count,
                             lace_config_context(&e->model->config));
        else code = run_ids(s, ids, (int)count, o, result, err);
    }
    free(ids);
    result->first_seconds -= began;
    if (code) lace_run_release(result);
    return code;
}

void lace_run_defaults(const struct lace_engine *engine, struct lace_run_options *options)
{
    *options = engine->defaults;
}

int lace_run(const struct lace_engine *e, const char *prompt, const struct lace_run_options *o,
             struct lace_run_result *result, struct lace_error *err)
{
    struct lace_session session = {.engine = e, .once = true};
    int code = lace_session_run(&session, prompt, o, result, err);
    lace_decoder_close(&session.decoder);
    return code;
}

/* ---- several runs ---- */

int lace_session_open(struct lace_session **session, const struct lace_engine *engine, struct lace_error *err)
{
    *session = calloc(1, sizeof **session);
    if (!*session) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    (*session)->engine = engine;
    return 0;
}

void lace_session_close(struct lace_session **session)
{
    if (!*session) return;
    lace_decoder_close(&(*session)->decoder);
    free(*session);
    *session = NULL;
}
