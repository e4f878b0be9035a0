/* A server and what its parts share. The HTTP side has a worker for each connection (libmicrohttpd's), which parses,
 * waits and writes; the model has one of its own (scheduler.c); and a watch ends connections that take too long to
 * send their request. */
#ifndef LACE_SERVER_H
#define LACE_SERVER_H
#include "serve/scheduler.h"

enum { LACE_SOCKETS = 8, LACE_KEY_BYTES = 256 };

struct lace_connection {
    int fd;
    double since; /* when it began to owe us a request; 0: it does not, one is being answered */
    struct lace_connection *later;
};

struct lace_key {
    char bytes[LACE_KEY_BYTES]; /* zeros behind it */
};

struct lace_server {
    const struct lace_engine *engine;
    struct lace_serve_options options;
    struct lace_run_options defaults;
    struct lace_ask_limits ask;
    struct lace_queue queue;
    struct lace_metrics metrics;
    struct lace_scheduler scheduler;
    char name[128], address[300];
    struct lace_key *keys;
    int key_count;
    char *cert, *key; /* PEM */
    int socket[LACE_SOCKETS], sockets;
    struct MHD_Daemon *daemon[LACE_SOCKETS];
    bool quiet[LACE_SOCKETS]; /* it takes no more connections */
    bool own_sockets, bound, queue_open, scheduler_open;
    /* connections and the watch over them */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct lace_connection *connections;
    int connection_count, calls; /* calls: requests whose answers are not written yet */
    bool closing, watching;
    pthread_t watch;
};

/* http.c */
int lace_http_open(struct lace_server *server, struct lace_error *err); /* one daemon for each socket */
void lace_http_quiesce(struct lace_server *server);                     /* no new connections */
void lace_http_close(struct lace_server *server);
#endif
