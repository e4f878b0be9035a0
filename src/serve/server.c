#include "serve/server.h"
#include "serve/listen.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_BYTES ((size_t)512 << 20)
#define TRACE_BYTES ((size_t)2 << 20) /* of records of a choice: 4 threads of 14000 tokens, 16 of 1500 */
#define FILE_BYTES  (1 << 20)         /* certificates, keys */

void lace_serve_defaults(struct lace_serve_options *o)
{
    *o = (struct lace_serve_options){.host = "127.0.0.1",
                                     .port = 8080,
                                     .rows = 96, /* leaves a step room for prompts */
                                     .queue = 128,
                                     .max_threads = LACE_FEW_ROWS,
                                     .max_n = 64,
                                     .traces = 4,
                                     .max_body = 1 << 20,
                                     .max_header = 16384,
                                     .max_connections = 256,
                                     .receive_seconds = 30,
                                     .request_seconds = 600};
}

static int in_range(const char *what, double value, double low, double high, struct lace_error *err)
{
    if (value >= low && value <= high) return 0;
    return lace_fail(err, LACE_BAD, "%s must be from %g to %g, not %g.", what, low, high, value);
}

static int check(const struct lace_serve_options *o, struct lace_error *err)
{
    const struct {
        const char *what;
        double value, low, high;
    } ranges[] = {{"The port", o->port, 0, 65535},
                  {"The number of threads", o->threads, 0, LACE_FEW_ROWS},
                  {"The number of rows", o->rows, 1, LACE_FEW_ROWS},
                  {"The number of tokens in the cache", o->cache, 0, 1 << 28},
                  {"The number of waiting requests", o->queue, 1, 65536},
                  {"The number of workers", o->workers, 0, 1024},
                  {"The most threads of a choice", o->max_threads, 1, LACE_FEW_ROWS},
                  {"The most choices of a request", o->max_n, 1, 1024},
                  {"The most tokens of a thread", o->max_tokens, 0, 1 << 24},
                  {"The number of traces", o->traces, 0, 64},
                  {"The size of a body", o->max_body, 1024, 1 << 28},
                  {"The size of a header", o->max_header, 1024, 1 << 20},
                  {"The number of connections", o->max_connections, 1, 65536},
                  {"The threshold of group-think", o->warn_group_think, 0, 1},
                  {"The threshold of disagreement", o->warn_disagreement, 0, 1},
                  {"The time for a request to arrive", o->receive_seconds, 0.1, 86400},
                  {"The time for a request to be answered", o->request_seconds, 0.1, 86400 * 7.0}};
    int code = 0;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && !code; i++)
        code = in_range(ranges[i].what, ranges[i].value, ranges[i].low, ranges[i].high, err);
    if (!code && !o->tls_cert != !o->tls_key)
        code = lace_fail(err, LACE_BAD, "TLS needs both a certificate and its key: --tls-cert and --tls-key.");
    if (!code && o->socket_count > LACE_SOCKETS)
        code = lace_fail(err, LACE_BAD, "At most %d sockets can be served.", LACE_SOCKETS);
    return code;
}

/* ---- keys ---- */

static int add_key(struct lace_server *s, const char *key, size_t len, const char *where, struct lace_error *err)
{
    if (!len || len >= LACE_KEY_BYTES)
        return lace_fail(err, LACE_BAD, "%s: an API key must have 1 to %d bytes.", where, LACE_KEY_BYTES - 1);
    struct lace_key *grown = realloc(s->keys, sizeof *grown * ((size_t)s->key_count + 1));
    if (!grown) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    s->keys = grown;
    memset(&grown[s->key_count], 0, sizeof *grown);
    memcpy(grown[s->key_count++].bytes, key, len);
    return 0;
}

static int read_keys(struct lace_server *s, struct lace_error *err)
{
    const struct lace_serve_options *o = &s->options;
    char *bytes;
    size_t len;
    int code = 0;
    for (int i = 0; o->api_keys && o->api_keys[i] && !code; i++)
        code = add_key(s, o->api_keys[i], strlen(o->api_keys[i]), "--api-key", err);
    if (code || !o->api_key_file) return code;
    if ((code = lace_read_file(o->api_key_file, FILE_BYTES, &bytes, &len, err))) return code;
    for (char *line = bytes, *end; line < bytes + len && !code; line = end + 1) {
        end = memchr(line, '\n', (size_t)(bytes + len - line));
        if (!end) end = bytes + len;
        size_t n = (size_t)(end - line);
        while (n && strchr(" \t\r", line[n - 1])) n--;
        if (n && *line != '#') code = add_key(s, line, n, o->api_key_file, err);
    }
    lace_free(bytes);
    if (!code && !s->key_count)
        code = lace_fail(err, LACE_BAD, "%.300s holds no key; write one on each line.", o->api_key_file);
    return code;
}

static int read_tls(struct lace_server *s, struct lace_error *err)
{
    size_t len;
    int code = 0;
    if (!s->options.tls_cert) return 0;
    if (!(code = lace_read_file(s->options.tls_cert, FILE_BYTES, &s->cert, &len, err)))
        code = lace_read_file(s->options.tls_key, FILE_BYTES, &s->key, &len, err);
    return code;
}

/* ---- capacity and limits ---- */

/* As many tokens as some memory holds, but enough for a request of four threads, and no more than can be in use. */
static int default_cache(const struct lace_engine *e, const struct lace_serve_options *o)
{
    int context = lace_config_context(&e->model->config), thread = context < 2048 ? context : 2048;
    size_t slots = CACHE_BYTES / lace_cache_slot_bytes(e->model, e->kv), one = (size_t)thread * 5 + 4 * 64,
           all = (size_t)context * (size_t)o->rows;
    if (slots < one) slots = one;
    if (slots > all) slots = all;
    return slots > 1 << 28 ? 1 << 28 : (int)slots;
}

static void name_model(struct lace_server *s)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", s->options.name ? s->options.name : s->engine->path);
    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/' && !s->options.name;) path[--len] = 0;
    const char *slash = s->options.name ? NULL : strrchr(path, '/');
    snprintf(s->name, sizeof s->name, "%.120s", slash && slash[1] ? slash + 1 : path);
}

static void set_limits(struct lace_server *s)
{
    const struct lace_serve_options *o = &s->options;
    struct lace_engine_info info;
    lace_engine_info(s->engine, &info);
    int threads = o->max_threads < info.max_threads ? o->max_threads : info.max_threads, context = info.context;
    if (threads > o->rows) threads = o->rows;
    lace_run_defaults(s->engine, &s->defaults);
    s->ask = (struct lace_ask_limits){.model = s->name,
                                      .n = o->max_n,
                                      .threads = threads,
                                      .messages = 4096,
                                      .tokens = o->max_tokens && o->max_tokens < context ? o->max_tokens : context,
                                      .prompt = context,
                                      .vocabulary = info.vocabulary,
                                      .lattice = strcmp(info.lattice, "none") != 0,
                                      .traces = o->traces,
                                      .default_threads = o->threads < threads ? o->threads : threads,
                                      .defaults = &s->defaults};
}

static int open_scheduler(struct lace_server *s, struct lace_error *err)
{
    const struct lace_serve_options *o = &s->options;
    if (!s->options.cache) s->options.cache = default_cache(s->engine, o);
    struct lace_decoder_options size = {.groups = o->rows,
                                        .threads = s->ask.threads,
                                        .prompt = s->ask.prompt,
                                        .tokens = s->ask.tokens + LACE_TAG_TOKENS + 8,
                                        .workers = o->workers,
                                        .rows = o->rows,
                                        .slots = s->options.cache,
                                        .traces = o->traces,
                                        .trace_bytes = TRACE_BYTES,
                                        .kv = s->engine->kv};
    struct lace_scheduler_options scheduler = {
        .size = size, .warn_above = {o->warn_group_think, o->warn_disagreement}, .warn = o->warn, .user = o->user};
    int code = lace_queue_init(&s->queue, o->queue, err);
    if (code) return code;
    s->queue_open = true;
    if ((code = lace_scheduler_open(&s->scheduler, s->engine, &scheduler, &s->queue, &s->metrics, err))) return code;
    s->scheduler_open = true;
    return 0;
}

/* ---- addresses ---- */

static int open_sockets(struct lace_server *s, struct lace_error *err)
{
    const struct lace_serve_options *o = &s->options;
    const char *scheme = o->tls_cert ? "https" : "http";
    char where[256];
    int code = 0;
    s->own_sockets = !o->socket_count;
    if (o->socket_count) {
        for (int i = 0; i < o->socket_count; i++) s->socket[s->sockets++] = o->sockets[i];
        code = lace_listen_name(s->socket[0], where, sizeof where, err);
    } else if (o->socket_path) {
        if (!(code = lace_listen_unix(o->socket_path, &s->socket[0], err))) s->sockets = s->bound = 1;
        snprintf(where, sizeof where, "%.250s", o->socket_path);
    } else if (!(code = lace_listen_tcp(o->host, o->port, &s->socket[0], where, sizeof where, err))) s->sockets = 1;
    if (!code) snprintf(s->address, sizeof s->address, where[0] == '/' ? "unix:%.0s%s" : "%s://%s", scheme, where);
    return code;
}

int lace_serve_open(struct lace_server **server, const struct lace_engine *engine,
                    const struct lace_serve_options *options, struct lace_error *err)
{
    *server = NULL;
    int code = check(options, err);
    if (!code) code = lace_engine_can_run(engine, err);
    if (code) return code;
    struct lace_server *s = *server = calloc(1, sizeof *s);
    if (!s) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    s->engine = engine;
    s->options = *options;
    if (pthread_mutex_init(&s->lock, NULL) || pthread_cond_init(&s->changed, NULL) ||
        lace_metrics_init(&s->metrics, err)) {
        free(s);
        *server = NULL;
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    name_model(s);
    set_limits(s);
    code = read_keys(s, err);
    if (!code) code = read_tls(s, err);
    if (!code) code = open_sockets(s, err);
    if (!code) code = open_scheduler(s, err);
    if (!code) code = lace_http_open(s, err);
    if (code) lace_serve_close(server);
    return code;
}

void lace_serve_info(const struct lace_server *s, struct lace_serve_info *info)
{
    *info =
        (struct lace_serve_info){.address = s->address,
                                 .name = s->name,
                                 .rows = s->options.rows,
                                 .cache = s->options.cache,
                                 .cache_bytes = lace_cache_slot_bytes(s->engine->model, s->engine->kv) * (size_t)s->options.cache};
}

int lace_serve_drain(struct lace_server *s, double seconds)
{
    double until = lace_now() + seconds;
    pthread_mutex_lock(&s->queue.lock);
    s->queue.draining = true;
    pthread_mutex_unlock(&s->queue.lock);
    lace_http_quiesce(s);
    for (;;) {
        pthread_mutex_lock(&s->lock);
        int calls = s->calls;
        pthread_mutex_unlock(&s->lock);
        if (!calls || lace_now() >= until) return calls;
        usleep(10000);
    }
}

void lace_serve_close(struct lace_server **server)
{
    struct lace_server *s = *server;
    if (!s) return;
    if (s->scheduler_open) {
        lace_serve_drain(s, 0);
        lace_scheduler_close(&s->scheduler); /* every job is over now: their HTTP workers come free and write so */
        s->scheduler_open = false;
        lace_serve_drain(s, 1);
    }
    lace_http_close(s);
    if (s->queue_open) lace_queue_release(&s->queue);
    lace_metrics_release(&s->metrics);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    if (s->bound) lace_listen_clear(s->options.socket_path);
    free(s->keys);
    lace_free(s->cert);
    lace_free(s->key);
    free(s);
    *server = NULL;
}
