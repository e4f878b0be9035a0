/* lace serve: the server as a process. Signals, systemd's sockets and what it says on stderr are here; the server
 * itself is the library's. */
#include "model_options.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct lace_serve_options o;
static struct cli_list keys;
static double drain_seconds = 30;
static bool verbose;

static const struct cli_option options[] = {
    {"Model", .kind = CLI_SECTION},
    CLI_MODEL_OPTIONS,
    {"name", 0, CLI_TEXT, &o.name, "NAME", "How requests call the model; its directory's name by default."},
    {"Address", .kind = CLI_SECTION},
    {"host", 0, CLI_TEXT, &o.host, "HOST", "Where to listen; 127.0.0.1 by default, which other machines cannot reach."},
    {"port", 'p', CLI_INT, &o.port, "PORT", "0: any free one.", .min = 0, .max = 65535},
    {"socket", 0, CLI_TEXT, &o.socket_path, "PATH", "A UNIX socket instead."},
    {"tls-cert", 0, CLI_TEXT, &o.tls_cert, "FILE", "Certificate (PEM): HTTPS instead of HTTP."},
    {"tls-key", 0, CLI_TEXT, &o.tls_key, "FILE", "Its key."},
    {"Who may ask", .kind = CLI_SECTION},
    {"api-key", 0, CLI_LIST, &keys, "KEY", "All but /health and the page itself needs a key; may be given again."},
    {"api-key-file", 0, CLI_TEXT, &o.api_key_file, "FILE", "The same, one key on a line: other users do not see it."},
    {"cors", 0, CLI_TEXT, &o.cors, "ORIGIN",
     "Let the pages of this origin ask, *: of any; without keys also requests to its name."},
    {"Capacity", .kind = CLI_SECTION},
    {"threads", 'n', CLI_INT, &o.threads, "N",
     "Reasoning threads of requests that do not say how many; 0: they get an ordinary continuation.", .min = 0,
     .max = 128},
    {"rows", 0, CLI_INT, &o.rows, "N", "Threads, of all requests, that decode at once.", .min = 1, .max = 128},
    {"cache", 0, CLI_INT, &o.cache, "TOKENS",
     "What the key/value cache holds; 0: what 512 MiB hold, or what one request needs.", .min = 0, .max = 1 << 28},
    {"queue", 0, CLI_INT, &o.queue, "N", "Requests that may wait; one more is answered 429.", .min = 1, .max = 65536},
    {"workers", 0, CLI_INT, &o.workers, "N", "OS threads of the model; 0: all cores.", .min = 0, .max = 1024},
    {"Limits", .kind = CLI_SECTION},
    {"max-threads", 0, CLI_INT, &o.max_threads, "N", "Threads of a choice.", .min = 1, .max = 128},
    {"max-n", 0, CLI_INT, &o.max_n, "N", "Choices of a request.", .min = 1, .max = 1024},
    {"max-tokens", 0, CLI_INT, &o.max_tokens, "N", "Tokens of a thread; 0: the model's context.", .min = 0,
     .max = 1 << 24},
    {"traces", 0, CLI_INT, &o.traces, "N", "Choices that may be traced at once, which takes 2 MiB each; 0: none.",
     .min = 0, .max = 64},
    {"max-body", 0, CLI_INT, &o.max_body, "BYTES", "Of a request.", .min = 1024, .max = 1 << 28},
    {"max-header", 0, CLI_INT, &o.max_header, "BYTES", "Of a request's header.", .min = 1024, .max = 1 << 20},
    {"max-connections", 0, CLI_INT, &o.max_connections, "N", "One more is closed.", .min = 1, .max = 65536},
    {"receive-seconds", 0, CLI_REAL, &o.receive_seconds, "S", "A request must have arrived after so long.", .min = 0.1,
     .max = 86400},
    {"request-seconds", 0, CLI_REAL, &o.request_seconds, "S", "And be answered after so long.", .min = 0.1,
     .max = 604800},
    {"drain-seconds", 0, CLI_REAL, &drain_seconds, "S", "What requests get to end after SIGTERM.", .min = 0,
     .max = 86400},
    {"Output", .kind = CLI_SECTION},
    {"warn-group-think", 0, CLI_REAL, &o.warn_group_think, "X",
     "Say so on stderr when the threads of the last groups are this much alike, 0 to 1 (docs/serving.md); 0: never.",
     .min = 0, .max = 1},
    {"warn-disagreement", 0, CLI_REAL, &o.warn_disagreement, "X",
     "And when this share of their verdicts contradict each other.", .min = 0, .max = 1},
    {"verbose", 'v', CLI_FLAG, &verbose, NULL, "A line on stderr for each request."},
    {0},
};

static void prepare(void) { lace_serve_defaults(&o); }

static void print_line(void *user, const char *line) { fprintf(stderr, "%s\n", line); }

static void print_warning(void *user, const char *line) { fprintf(stderr, "lace: warning: %s\n", line); }

/* The sockets that systemd opened for us: LISTEN_FDS of them, from descriptor 3 on. */
static void take_sockets(int *sockets, int most)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    if (!pid || !count || atol(pid) != (long)getpid()) return;
    int n = atoi(count);
    o.sockets = sockets;
    o.socket_count = n < 0 ? 0 : n < most ? n : most;
    for (int i = 0; i < o.socket_count; i++) sockets[i] = 3 + i;
}

/* Tells systemd how far we are, where it asked to be told (Type=notify). */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof a.sun_path || (path[0] != '/' && path[0] != '@')) return;
    memcpy(a.sun_path, path, strlen(path));
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@') a.sun_path[0] = 0;
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0) return;
    if (sendto(s, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a, len) < 0)
        fprintf(stderr, "lace: systemd could not be told \"%s\": %s\n", state, strerror(errno));
    close(s);
}

static void print_address(const struct lace_server *server, const struct lace_engine *engine)
{
    struct lace_serve_info info;
    struct lace_engine_info model;
    lace_serve_info(server, &info);
    lace_engine_info(engine, &model);
    fprintf(stderr, "lace: %s (lattice: %s), %d threads at once, %d tokens of cache in %zu MiB\n", info.name,
            model.lattice, info.rows, info.cache, info.cache_bytes >> 20);
    fprintf(stderr, "lace: listening on %s\n", info.address);
}

/* Serves until a signal comes; a second one ends it at once. */
static int serve(const struct lace_engine *engine, const sigset_t *signals)
{
    struct lace_server *server;
    struct lace_error err;
    struct timespec none = {0, 0};
    int got, left = 1;
    if (lace_serve_open(&server, engine, &o, &err)) return cli_fail("%s", err.text);
    print_address(server, engine);
    notify("READY=1");
    sigwait(signals, &got);
    notify("STOPPING=1");
    fprintf(stderr, "lace: ending; requests that run have %g s\n", drain_seconds);
    for (double waited = 0; left && waited < drain_seconds && sigtimedwait(signals, NULL, &none) < 0; waited += 0.1)
        left = lace_serve_drain(server, 0.1);
    lace_serve_close(&server);
    return 0;
}

static int run(int count, char **args)
{
    static const char *list[CLI_LIST_MAX + 1]; /* ended by NULL */
    static int sockets[8];
    struct lace_engine *engine;
    sigset_t signals;
    memcpy(list, keys.item, sizeof *list * (size_t)keys.count);
    o.api_keys = list;
    if (verbose) o.log = print_line;
    o.warn = print_warning;
    take_sockets(sockets, 8);
    /* Blocked before any OS thread exists, so that all inherit it and the signal comes to sigwait. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    int status = cli_model_open(&engine);
    if (status) return status;
    status = serve(engine, &signals);
    lace_engine_close(&engine);
    return status;
}

const struct cli_command cmd_serve = {
    .name = "serve",
    .summary = "Answer over HTTP, as OpenAI's clients ask",
    .usage = "[OPTION...]",
    .description = "Serves /v1/chat/completions, /v1/completions and their kin until SIGTERM or Ctrl-C. The field "
                   "\"lace\": {\"threads\": 4} of a request makes its choice out of four threads that read each other. "
                   "http://127.0.0.1:8080/ in a browser is a page that shows them at work. docs/serving.md has every "
                   "field, systemd and several replicas.",
    .examples = "lace serve\n"
                "lace serve --threads 4 --api-key-file keys.txt --host 0.0.0.0 --tls-cert c.pem --tls-key k.pem\n"
                "curl http://127.0.0.1:8080/v1/completions -d '{\"prompt\": \"...\", \"lace\": {\"threads\": 4}}'",
    .options = options,
    .prepare = prepare,
    .run = run,
};
