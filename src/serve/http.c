/* Bytes and connections over libmicrohttpd, which gives every connection a worker of its own: it may wait for the
 * model where it stands. What a client may send is bounded before it is read: connections, header, body, and the time
 * until a request is complete. A client that only closes its sending side counts as gone, like with most servers. */
#include "serve/assets.h"
#include "serve/host.h"
#include "serve/routes.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRITE_SECONDS 60 /* a client that reads nothing for so long is dropped */
#define STACK_BYTES   (512 << 10)
#define EVENT_BYTES   16384

struct http_call {
    struct lace_call call;
    struct lace_connection *connection;
    bool started, refused; /* counted among the server's calls; answered before its body was read */
    size_t given;          /* bytes of out that a stream's client has had */
};

/* ---- connections and the watch over them ---- */

static void note_connection(void *user, struct MHD_Connection *c, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct lace_server *s = user;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct lace_connection *connection = info ? malloc(sizeof *connection) : NULL;
        *context = connection;
        if (!connection) return; /* its requests will be refused */
        *connection = (struct lace_connection){.fd = info->connect_fd, .since = lace_now()};
        pthread_mutex_lock(&s->lock);
        connection->later = s->connections;
        s->connections = connection;
        s->connection_count++;
        pthread_mutex_unlock(&s->lock);
        return;
    }
    struct lace_connection *connection = *context;
    if (!connection) return;
    pthread_mutex_lock(&s->lock);
    struct lace_connection **at = &s->connections;
    while (*at != connection) at = &(*at)->later;
    *at = connection->later;
    s->connection_count--;
    pthread_mutex_unlock(&s->lock);
    free(connection);
}

static void *watch(void *user)
{
    struct lace_server *s = user;
    pthread_mutex_lock(&s->lock);
    while (!s->closing) {
        struct timespec until;
        double oldest = lace_now() - s->options.receive_seconds;
        for (struct lace_connection *c = s->connections; c; c = c->later)
            if (c->since > 0 && c->since < oldest) {
                shutdown(c->fd, SHUT_RDWR); /* its worker finds it closed */
                c->since = 0;
            }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 250000000;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* A request begins to be answered, or is answered: then the connection owes the next one. */
static void count_call(struct lace_server *s, struct lace_connection *c, int more)
{
    pthread_mutex_lock(&s->lock);
    s->calls += more;
    c->since = more > 0 ? 0 : lace_now();
    if (!s->calls) pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* ---- who may ask ---- */

/* Every key is compared in full, whatever the earlier ones said, so that time tells nothing. */
static bool key_is_known(const struct lace_server *s, const char *given)
{
    struct lace_key key = {""};
    size_t len = strlen(given);
    unsigned found = 0;
    if (len >= sizeof key.bytes) len = 0;
    memcpy(key.bytes, given, len);
    for (int i = 0; i < s->key_count; i++) {
        unsigned char difference = 0;
        for (int k = 0; k < LACE_KEY_BYTES; k++) difference |= (unsigned char)(key.bytes[k] ^ s->keys[i].bytes[k]);
        found |= (unsigned)(difference == 0);
    }
    return found && len;
}

static bool may_ask(const struct lace_server *s, struct MHD_Connection *c)
{
    const char *bearer = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION),
               *plain = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-API-Key");
    if (!s->key_count) return true;
    if (bearer && !strncasecmp(bearer, "Bearer ", 7)) return key_is_known(s, bearer + 7);
    return plain && key_is_known(s, plain);
}

/* Without a key a name that was rebound to this machine would open it to the page behind the name. Only browsers are
 * fooled so, and they reach no UNIX socket and always send a Host. */
static bool host_may_ask(const struct lace_server *s, struct MHD_Connection *c)
{
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (s->key_count || !host || (info && info->client_addr && info->client_addr->sa_family == AF_UNIX)) return true;
    return lace_host_is_ours(host, s->options.host, s->options.cors);
}

/* Whether a browser's page may have its way: a page of this server itself, or of the origin that --cors allows. Other
 * pages could not read the answer anyway, but they could make the model work. */
static bool origin_may_ask(const struct lace_server *s, struct MHD_Connection *c)
{
    const char *origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin"),
               *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (!origin || (s->options.cors && (!strcmp(s->options.cors, "*") || !strcmp(s->options.cors, origin))))
        return true;
    const char *name = strstr(origin, "://");
    return name && host && !strcmp(name + 3, host);
}

/* ---- answers ---- */

static void add_cors(const struct lace_server *s, struct MHD_Response *response, bool preflight)
{
    if (!s->options.cors) return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", s->options.cors);
    MHD_add_response_header(response, "Vary", "Origin");
    if (!preflight) return;
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    MHD_add_response_header(response, "Access-Control-Allow-Headers", "Authorization, Content-Type, X-API-Key");
    MHD_add_response_header(response, "Access-Control-Max-Age", "600");
}

static enum MHD_Result send_response(struct http_call *h, struct MHD_Connection *c, int status,
                                     struct MHD_Response *response)
{
    const struct lace_server *s = h->call.server;
    if (!response) return MHD_NO;
    if (h->call.type) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, h->call.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (h->call.asset) {
        MHD_add_response_header(response, "Content-Security-Policy", LACE_PAGE_POLICY);
        MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    }
    add_cors(s, response, status == MHD_HTTP_NO_CONTENT);
    if (status == 401) MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (h->call.refusal.allow) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, h->call.refusal.allow);
    if (h->call.refusal.retry_after) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", h->call.refusal.retry_after);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    /* A body that was not read would be taken for the next request. */
    if (h->refused || lace_queue_drains(&h->call.server->queue))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    h->call.status = status;
    enum MHD_Result result = MHD_queue_response(c, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_text(struct http_call *h, struct MHD_Connection *c)
{
    struct lace_call *call = &h->call;
    if (call->refusal.status) {
        lace_text_clear(&call->out);
        lace_refusal_write(&call->out, &call->refusal);
        call->type = "application/json";
    }
    if (!call->out.data) return MHD_NO;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(call->out.len, call->out.data, MHD_RESPMEM_MUST_FREE);
    if (response) call->out = (struct lace_text){0};
    return send_response(h, c, call->refusal.status ? call->refusal.status : call->status, response);
}

/* Asked for bytes of a stream: what is left of the last events, or the next ones as soon as there are some. */
static ssize_t read_stream(void *user, uint64_t position, char *buffer, size_t room)
{
    struct http_call *h = user;
    struct lace_call *call = &h->call;
    if (h->given == call->out.len) {
        lace_text_clear(&call->out);
        h->given = 0;
        if (!call->over) lace_route_more(call);
        if (call->out.failed || call->gone) return MHD_CONTENT_READER_END_WITH_ERROR;
        if (!call->out.len) return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t left = call->out.len - h->given, some = left < room ? left : room;
    memcpy(buffer, call->out.data + h->given, some);
    h->given += some;
    return (ssize_t)some;
}

static enum MHD_Result reply(struct http_call *h, struct MHD_Connection *c)
{
    struct lace_call *call = &h->call;
    MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, 0u); /* waiting for the model is no idling */
    lace_route_answer(call);
    MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)WRITE_SECONDS);
    if (call->gone) {
        call->status = 499;
        return MHD_NO;
    }
    if (!call->streams) return send_text(h, c);
    return send_response(h, c, MHD_HTTP_OK,
                         MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BYTES, read_stream, h, NULL));
}

static enum MHD_Result refuse(struct http_call *h, struct MHD_Connection *c, int status, const char *message)
{
    lace_refuse(&h->call.refusal, status, NULL, "%s", message);
    h->refused = true;
    return send_text(h, c);
}

/* What can be said before the body is there. */
static enum MHD_Result begin(struct http_call *h, struct MHD_Connection *c, const char *path, const char *method)
{
    const struct lace_server *s = h->call.server;
    const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct lace_refusal refusal;
    if (!strcmp(method, "OPTIONS") && s->options.cors && origin_may_ask(s, c)) {
        h->call.type = NULL;
        return send_response(h, c, MHD_HTTP_NO_CONTENT,
                             MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
    }
    int route = lace_route_find(method, path, &refusal);
    h->call.route = route < 0 ? LACE_ROUTE_OTHER : route;
    if ((route < 0 || !lace_route_is_open(route)) && !may_ask(s, c))
        return refuse(h, c, 401, "A valid API key is needed: Authorization: Bearer KEY.");
    if (route < 0) {
        h->call.refusal = refusal;
        h->refused = true;
        return send_text(h, c);
    }
    if (!lace_route_is_open(route) && !host_may_ask(s, c))
        return refuse(h, c, 403,
                      "This server has no key and does not know the name in the header Host; call it by its address, or "
                      "start it with --api-key KEY or --cors http://NAME:PORT.");
    if (!origin_may_ask(s, c))
        return refuse(h, c, 403, "Pages of this origin may not call this server; --cors ORIGIN lets them.");
    if (length && (strlen(length) > 12 || atoll(length) > s->options.max_body))
        return refuse(h, c, 413, "The request body is larger than this server takes.");
    return MHD_YES;
}

static enum MHD_Result answer(void *user, struct MHD_Connection *c, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct lace_server *s = user;
    struct http_call *h = *state;
    if (!h) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        if (!info || !info->socket_context || !(h = calloc(1, sizeof *h))) return MHD_NO;
        h->connection = info->socket_context;
        h->call = (struct lace_call){.server = s, .fd = h->connection->fd, .began = lace_now(), .path = path};
        *state = h;
        return begin(h, c, path, method);
    }
    h->call.path = path;
    if (*upload_size) {
        /* One that says no length: the rest of a body that is too large is not kept. */
        size_t room = (size_t)s->options.max_body - h->call.body.len;
        if (lace_route_takes_body(h->call.route) && *upload_size <= room && !h->refused)
            lace_text_add(&h->call.body, upload, *upload_size);
        else h->refused = true;
        *upload_size = 0;
        return MHD_YES;
    }
    count_call(s, h->connection, 1);
    h->started = true;
    if (h->refused && lace_route_takes_body(h->call.route))
        return refuse(h, c, 413, "The request body is larger than this server takes.");
    if (h->call.body.failed) return refuse(h, c, 500, "Out of memory.");
    return reply(h, c);
}

static void log_call(const struct lace_server *s, const struct lace_call *call, double seconds)
{
    char line[400];
    int tokens = 0;
    if (!s->options.log) return;
    for (int i = 0; i < call->job.choices && call->job.choice; i++)
        tokens += call->job.choice[i].result.completion_tokens;
    snprintf(line, sizeof line, "%d %s %.1f ms, %d tokens", call->status, lace_route_names[call->route], 1000 * seconds,
             tokens);
    s->options.log(s->options.user, line);
}

static void completed(void *user, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    struct lace_server *s = user;
    struct http_call *h = *state;
    if (!h) return;
    double seconds = lace_now() - h->call.began;
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK && h->call.submitted) h->call.status = 499;
    if (h->call.submitted) lace_queue_cancel(&s->queue, &h->call.job); /* over, where all went well */
    if (h->call.status) {
        lace_metrics_request(&s->metrics, h->call.route, h->call.status, seconds);
        log_call(s, &h->call, seconds);
    }
    lace_route_end(&h->call);
    if (h->started) count_call(s, h->connection, -1);
    free(h);
    *state = NULL;
}

/* ---- daemons ---- */

static int open_daemon(struct lace_server *s, int i, struct lace_error *err)
{
    const struct lace_serve_options *o = &s->options;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, s->key},
                                   {MHD_OPTION_END, 0, NULL}},
                          none[] = {{MHD_OPTION_END, 0, NULL}};
    if (s->cert) flags |= MHD_USE_TLS;
    s->daemon[i] = MHD_start_daemon(
        flags, 0, NULL, NULL, answer, s, MHD_OPTION_LISTEN_SOCKET, s->socket[i], MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)o->max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)o->max_header + EVENT_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(o->receive_seconds + 1), MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)STACK_BYTES, MHD_OPTION_NOTIFY_COMPLETED, completed, s, MHD_OPTION_NOTIFY_CONNECTION, note_connection,
        s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, s->cert ? tls : none, MHD_OPTION_END);
    if (s->daemon[i]) return 0;
    return lace_fail(err, LACE_SYSTEM,
                     s->cert ? "The HTTPS server could not be started; are the certificate and the key PEM "
                               "files that belong together?"
                             : "The HTTP server could not be started: %s.",
                     strerror(errno));
}

int lace_http_open(struct lace_server *s, struct lace_error *err)
{
    int code = 0;
    if (pthread_create(&s->watch, NULL, watch, s))
        return lace_fail(err, LACE_SYSTEM, "No more OS threads can be started.");
    s->watching = true;
    for (int i = 0; i < s->sockets && !code; i++) code = open_daemon(s, i, err);
    return code;
}

void lace_http_quiesce(struct lace_server *s)
{
    for (int i = 0; i < s->sockets; i++) {
        if (!s->daemon[i] || s->quiet[i]) continue;
        MHD_quiesce_daemon(s->daemon[i]);
        s->quiet[i] = true;
        if (s->own_sockets) close(s->socket[i]);
    }
}

void lace_http_close(struct lace_server *s)
{
    lace_http_quiesce(s);
    for (int i = 0; i < s->sockets; i++) {
        if (s->daemon[i]) MHD_stop_daemon(s->daemon[i]);
        else if (s->own_sockets) close(s->socket[i]);
        s->daemon[i] = NULL;
    }
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->watching) pthread_join(s->watch, NULL);
    s->watching = false;
    s->sockets = 0;
}
