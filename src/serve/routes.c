#include "serve/routes.h"
#include "serve/assets.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FLUSH_SECONDS 0.03 /* a stream's events are sent at most so often: what came meanwhile goes together */
#define QUIET_SECONDS 10   /* after which a stream that has nothing to say sends a comment */

enum route {
    R_HEALTH,
    R_MODELS,
    R_MODEL,
    R_METRICS,
    R_COMPLETIONS,
    R_CHAT,
    R_TOKENIZE,
    R_DETOKENIZE,
    R_ASSET,
    ROUTES = LACE_ROUTE_OTHER
};
static const struct {
    const char *method, *path;
    int kind; /* enum lace_ask_kind, -1: no body */
} routes[ROUTES] = {
    [R_HEALTH] = {"GET", "/health", -1},
    [R_MODELS] = {"GET", "/v1/models", -1},
    [R_MODEL] = {"GET", "/v1/models/", -1}, /* and the model's name */
    [R_METRICS] = {"GET", "/metrics", -1},
    [R_COMPLETIONS] = {"POST", "/v1/completions", LACE_ASK_COMPLETION},
    [R_CHAT] = {"POST", "/v1/chat/completions", LACE_ASK_CHAT},
    [R_TOKENIZE] = {"POST", "/tokenize", LACE_ASK_TOKENIZE},
    [R_DETOKENIZE] = {"POST", "/detokenize", LACE_ASK_DETOKENIZE},
    [R_ASSET] = {"GET", NULL, -1}, /* assets.c */
};
const char *const lace_route_names[LACE_ROUTES] = {"/health",   "/v1/models",      "/v1/models/{model}",
                                                   "/metrics",  "/v1/completions", "/v1/chat/completions",
                                                   "/tokenize", "/detokenize",     "/",
                                                   "other"};

int lace_route_find(const char *method, const char *path, struct lace_refusal *refusal)
{
    for (int i = 0; i < ROUTES; i++) {
        bool here = i == R_ASSET   ? lace_asset_find(path) != NULL
                    : i == R_MODEL ? !strncmp(path, routes[i].path, strlen(routes[i].path))
                                   : !strcmp(path, routes[i].path);
        if (!here) continue;
        if (!strcmp(method, routes[i].method) || (!strcmp(method, "HEAD") && routes[i].kind < 0)) return i;
        lace_refuse(refusal, 405, NULL, "%.100s takes %s, not %.20s.", path, routes[i].method, method);
        refusal->allow = routes[i].kind < 0 ? "GET, HEAD" : "POST";
        return LACE_BAD;
    }
    return lace_refuse(refusal, 404, NULL,
                       "There is nothing at %.200s; the routes are /v1/chat/completions, "
                       "/v1/completions, /v1/models, /tokenize, /detokenize, /metrics and /health.",
                       path);
}

/* A browser has no key when it loads the page, which tells nothing: what it asks for then needs one. */
bool lace_route_is_open(int route) { return route == R_HEALTH || route == R_ASSET; }
bool lace_route_takes_body(int route) { return routes[route].kind >= 0; }

/* ---- short answers ---- */

static void answer_health(struct lace_call *call)
{
    bool draining = lace_queue_drains(&call->server->queue);
    if (draining) call->status = 503;
    lace_text_str(&call->out, draining ? "{\"status\": \"draining\"}\n" : "{\"status\": \"ok\"}\n");
}

static void write_model(struct lace_call *call)
{
    const struct lace_server *s = call->server;
    struct lace_engine_info info;
    lace_engine_info(s->engine, &info);
    lace_text_str(&call->out, "{\"id\": ");
    lace_write_quoted(&call->out, s->name, strlen(s->name));
    lace_text_print(
        &call->out,
        ", \"object\": \"model\", \"created\": 0, \"owned_by\": \"lace\", \"max_model_len\": %d, \"meta\": "
        "{\"n_vocab\": %d, \"n_ctx_train\": %d, \"n_embd\": %d, \"n_params\": %zu}, \"lace\": {\"lattice\": "
        "\"%s\", \"max_threads\": %d, \"lattice_parameters\": %zu}}",
        info.context, info.vocabulary, info.context, info.width, info.parameters, info.lattice, s->ask.threads,
        info.lattice_parameters);
}

static void answer_models(struct lace_call *call)
{
    lace_text_str(&call->out, "{\"object\": \"list\", \"data\": [");
    write_model(call);
    lace_text_str(&call->out, "]}\n");
}

static void answer_model(struct lace_call *call)
{
    const char *name = call->path + strlen(routes[R_MODEL].path);
    if (strcmp(name, call->server->name)) {
        lace_refuse(&call->refusal, 404, "model", "The model '%.100s' is not served here; '%.100s' is.", name,
                    call->server->name);
        call->refusal.code = "model_not_found";
        return;
    }
    write_model(call);
    lace_text_str(&call->out, "\n");
}

static void answer_metrics(struct lace_call *call)
{
    struct lace_server *s = call->server;
    pthread_mutex_lock(&s->lock);
    int connections = s->connection_count;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&s->metrics.lock);
    s->metrics.connections = connections;
    pthread_mutex_unlock(&s->metrics.lock);
    call->type = "text/plain; version=0.0.4; charset=utf-8";
    lace_metrics_write(&s->metrics, lace_route_names, s->name, &call->out);
}

/* ---- tokens ---- */

/* flags: enum lace_encode. */
static int encode(const struct lace_engine *e, const char *text, size_t len, int flags, int **ids, int *count,
                  struct lace_refusal *refusal)
{
    size_t capacity = 0, n = 0;
    struct lace_error err;
    *ids = NULL;
    int code = lace_tokenizer_encode(e->tokenizer, text, len, flags, ids, &capacity, &n, &err);
    if (code) {
        free(*ids);
        *ids = NULL;
        return lace_refuse(refusal, code == LACE_BAD ? 400 : 500, NULL, "%s", err.text);
    }
    *count = (int)n;
    return 0;
}

static void answer_tokenize(struct lace_call *call)
{
    const struct lace_engine *e = call->server->engine;
    const struct lace_ask *ask = &call->ask;
    int *ids, count;
    int flags = ask->special ? LACE_ENCODE_SPECIAL | LACE_ENCODE_BEGIN : 0;
    if (encode(e, ask->prompt[0].text, ask->prompt[0].len, flags, &ids, &count, &call->refusal)) return;
    lace_text_str(&call->out, "{\"tokens\": [");
    for (int i = 0; i < count; i++) {
        lace_text_str(&call->out, i ? ", " : "");
        if (ask->pieces) {
            size_t len = 0;
            const char *bytes = lace_tokenizer_bytes(e->tokenizer, ids[i], &len);
            lace_text_print(&call->out, "{\"id\": %d, \"piece\": ", ids[i]);
            lace_write_quoted(&call->out, bytes ? bytes : "", len);
            lace_text_str(&call->out, "}");
        } else lace_text_print(&call->out, "%d", ids[i]);
    }
    lace_text_print(&call->out, "], \"count\": %d, \"max_model_len\": %d}\n", count,
                    lace_config_context(&e->model->config));
    free(ids);
}

static void answer_detokenize(struct lace_call *call)
{
    const struct lace_ask_prompt *p = &call->ask.prompt[0];
    struct lace_error err;
    char *text;
    size_t len;
    if (lace_detokenize(call->server->engine, p->ids, (size_t)p->count, &text, &len, &err)) {
        lace_refuse(&call->refusal, 500, NULL, "%s", err.text);
        return;
    }
    lace_text_str(&call->out, "{\"content\": ");
    lace_write_quoted(&call->out, text, len);
    lace_text_str(&call->out, "}\n");
    free(text);
}

/* ---- prompts ---- */

/* A text as the model reads it. Threads, and any text for a model whose tags are special tokens, are given a problem
 * as `lace run` gives it; an ordinary continuation reads the text as it is, special tokens included. */
static int read_text(const struct lace_call *call, const char *text, size_t len, int **ids, int *count,
                     struct lace_refusal *refusal)
{
    const struct lace_engine *e = call->server->engine;
    struct lace_error err;
    size_t n;
    if (!call->ask.group && !e->format.special_tags)
        return encode(e, text, len, LACE_ENCODE_SPECIAL | LACE_ENCODE_BEGIN, ids, count, refusal);
    int code = lace_engine_prompt(e, text, ids, &n, &err);
    if (!code && n > (size_t)call->server->ask.prompt) {
        free(*ids);
        *ids = NULL;
        code = lace_fail(&err, LACE_BAD, "The prompt has %zu tokens; the model's context holds %d.", n,
                         call->server->ask.prompt);
    }
    if (code) return lace_refuse(refusal, code == LACE_BAD ? 400 : 500, "prompt", "%s", err.text);
    *count = (int)n;
    return 0;
}

/* A conversation as the model's chat template writes it. */
static int render(const struct lace_call *call, struct lace_text *out, struct lace_refusal *refusal)
{
    struct lace_chat_options options;
    struct lace_error err;
    char *variables = NULL;
    json_t *messages = lace_ask_messages(&call->ask);
    lace_chat_defaults(&options);
    if (messages && call->ask.template_arguments)
        options.variables = variables = json_dumps(call->ask.template_arguments, JSON_COMPACT);
    int code = messages ? lace_chat_template_render(call->server->engine->chat, messages, &options, out, &err)
                        : lace_fail(&err, LACE_MEMORY, "Out of memory.");
    json_decref(messages);
    free(variables);
    return code ? lace_refuse(refusal, code == LACE_BAD ? 400 : 500, "messages", "%s", err.text) : 0;
}

static int read_chat(struct lace_call *call, struct lace_job_prompt *p)
{
    const struct lace_engine *e = call->server->engine;
    bool rendered = lace_chat_template_exists(e->chat);
    struct lace_text text;
    lace_text_init(&text);
    int code = rendered ? render(call, &text, &call->refusal) : lace_ask_last_user(&call->ask, &text, &call->refusal);
    const char *bytes = text.data ? text.data : "";
    /* what begins the text is the template's affair */
    if (!code && rendered) code = encode(e, bytes, text.len, LACE_ENCODE_SPECIAL, &p->ids, &p->count, &call->refusal);
    else if (!code) code = read_text(call, bytes, text.len, &p->ids, &p->count, &call->refusal);
    lace_text_release(&text);
    return code;
}

static int read_prompt(struct lace_call *call, int i)
{
    const struct lace_ask *ask = &call->ask;
    struct lace_job_prompt *p = &call->job.prompt[i];
    if (ask->kind == LACE_ASK_CHAT) return read_chat(call, p);
    const struct lace_ask_prompt *from = &ask->prompt[i];
    if (from->text) return read_text(call, from->text, from->len, &p->ids, &p->count, &call->refusal);
    if (!(p->ids = malloc(sizeof *p->ids * (size_t)from->count)))
        return lace_refuse(&call->refusal, 500, NULL, "Out of memory.");
    memcpy(p->ids, from->ids, sizeof *p->ids * (size_t)from->count);
    p->count = from->count;
    return 0;
}

/* ---- completions ---- */

static void set_options(struct lace_call *call)
{
    const struct lace_ask *ask = &call->ask;
    call->job.options = (struct lace_group_options){.threads = ask->threads,
                                                    .see = ask->muted ? LACE_SEE_NONE : LACE_SEE_OWN,
                                                    .plain = !ask->group,
                                                    .show = {ask->visible_set, ask->visible, ask->window},
                                                    .sampling = ask->sampling,
                                                    .barrier = ask->barrier,
                                                    .group_budget = ask->group_budget,
                                                    .trace = ask->trace,
                                                    .early_stop = ask->early_stop,
                                                    .stops = ask->stop,
                                                    .stop_count = ask->stop_count};
}

/* Tokens of a thread: what is asked for, which must fit; otherwise the model's own, as far as there is room. */
static int set_budget(struct lace_call *call)
{
    const struct lace_ask *ask = &call->ask;
    const struct lace_server *s = call->server;
    struct lace_group_options *o = &call->job.options;
    struct lace_error err;
    int asked = ask->max_tokens;
    if (ask->budget && (!asked || ask->budget < asked)) asked = ask->budget;
    o->budget = asked ? asked : s->defaults.budget ? s->defaults.budget : 2048;
    if (o->budget > s->ask.tokens) o->budget = s->ask.tokens;
    for (int i = 0; i < ask->prompt_count; i++) {
        const struct lace_job_prompt *p = &call->job.prompt[i];
        int most = lace_decoder_most_tokens(s->scheduler.decoder, p->count, o);
        if (!asked && most >= 1 && o->budget > most) o->budget = most;
        if (lace_decoder_check(s->scheduler.decoder, p->ids, p->count, o, &err))
            return lace_refuse(&call->refusal, 400, NULL, "%s", err.text);
    }
    return 0;
}

static int draw_seed(uint64_t *seed)
{
    if (getrandom(seed, sizeof *seed, 0) != sizeof *seed) return -1;
    *seed &= (UINT64_C(1) << 53) - 1; /* what a JSON number tells exactly */
    return 0;
}

/* Fills the job: n choices for each prompt, whose seeds count up from the request's. */
static int prepare(struct lace_call *call)
{
    const struct lace_ask *ask = &call->ask;
    struct lace_job *job = &call->job;
    struct lace_error err;
    uint64_t seed = ask->seed;
    if (lace_job_init(job, ask, ask->n * ask->prompt_count, &err))
        return lace_refuse(&call->refusal, 500, NULL, "%s", err.text);
    if (!ask->seeded && draw_seed(&seed)) return lace_refuse(&call->refusal, 500, NULL, "There are no random numbers.");
    for (int i = 0; i < ask->prompt_count; i++)
        if (read_prompt(call, i)) return LACE_BAD;
    for (int i = 0; i < job->choices; i++) {
        job->choice[i].prompt = i / ask->n;
        job->choice[i].seed = seed + (uint64_t)(i % ask->n);
    }
    set_options(call);
    job->fd = call->fd;
    job->deadline = call->began + call->server->options.request_seconds;
    job->vocabulary = call->server->engine->model->config.vocab_size;
    job->streams = ask->stream && (ask->stream_threads || ask->threads == 1);
    return set_budget(call);
}

static void complete(struct lace_call *call)
{
    struct lace_server *s = call->server;
    struct lace_reply reply;
    if (prepare(call)) return;
    lace_reply_init(&reply, s->engine, s->name, &call->job);
    if (call->ask.stream && lace_stream_init(&call->stream, &reply)) {
        lace_refuse(&call->refusal, 500, NULL, "Out of memory.");
        return;
    }
    if (lace_queue_submit(&s->queue, &call->job, &call->refusal)) return;
    call->submitted = true;
    if (call->ask.stream) {
        call->streams = true;
        call->type = "text/event-stream; charset=utf-8";
        return;
    }
    while (lace_queue_wait(&s->queue, &call->job, false, lace_now() + 3600) != LACE_WAKE_END) {
    }
    call->gone = call->job.gone;
    if (call->job.refusal.status) call->refusal = call->job.refusal;
    else if (!call->gone) lace_reply_write(&reply, &call->out);
}

void lace_route_more(struct lace_call *call)
{
    struct lace_queue *q = &call->server->queue;
    while (!call->out.len && !call->over && !call->out.failed) {
        double next = call->flushed + FLUSH_SECONDS;
        enum lace_wake wake = LACE_WAKE_TIME;
        /* Asleep while events may not be sent: text that comes meanwhile wakes nobody, and then is there at once. */
        if (lace_now() < next) wake = lace_queue_wait(q, &call->job, false, next);
        if (wake != LACE_WAKE_END) wake = lace_queue_wait(q, &call->job, true, lace_now() + QUIET_SECONDS);
        call->flushed = lace_now();
        if (wake == LACE_WAKE_TIME) lace_text_str(&call->out, ": the threads are still at work\n\n");
        call->over = lace_stream_next(&call->stream, q, &call->out);
    }
    call->gone = call->over && call->job.gone;
}

/* ---- all of them ---- */

static void give_answer(struct lace_call *call)
{
    int kind = routes[call->route].kind;
    if (kind >= 0 && lace_ask_parse(&call->ask, (enum lace_ask_kind)kind, call->body.data ? call->body.data : "",
                                    call->body.len, &call->server->ask, &call->refusal))
        return;
    lace_text_release(&call->body);
    switch ((enum route)call->route) {
    case R_HEALTH: answer_health(call); break;
    case R_MODELS: answer_models(call); break;
    case R_MODEL: answer_model(call); break;
    case R_METRICS: answer_metrics(call); break;
    case R_TOKENIZE: answer_tokenize(call); break;
    case R_DETOKENIZE: answer_detokenize(call); break;
    case R_COMPLETIONS:
    case R_CHAT: complete(call); break;
    case R_ASSET:
        call->asset = lace_asset_find(call->path);
        call->type = call->asset->type;
        lace_text_add(&call->out, call->asset->bytes, call->asset->len);
        break;
    case ROUTES: break;
    }
}

void lace_route_answer(struct lace_call *call)
{
    call->status = 200;
    call->type = "application/json";
    give_answer(call);
    if (!call->refusal.status && call->out.failed) lace_refuse(&call->refusal, 500, NULL, "Out of memory.");
    if (call->refusal.status) call->status = call->refusal.status;
}

void lace_route_end(struct lace_call *call)
{
    if (call->submitted) lace_queue_cancel(&call->server->queue, &call->job);
    call->submitted = false;
    lace_stream_release(&call->stream);
    if (call->job.choice) lace_job_release(&call->job);
    lace_ask_release(&call->ask);
    lace_text_release(&call->body);
    lace_text_release(&call->out);
}
