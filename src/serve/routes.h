/* What each route answers. Nothing here knows how bytes come and go: http.c hands over a whole body and takes a whole
 * answer, or a stream's events as they come. */
#ifndef LACE_ROUTES_H
#define LACE_ROUTES_H
#include "serve/reply.h"
#include "serve/server.h"

enum { LACE_ROUTE_OTHER = 9 }; /* what is not in the table, in the counts */
struct lace_asset;
struct lace_call {
    struct lace_server *server;
    int route; /* of the table in routes.c */
    const char *path;
    struct lace_text body;
    int fd; /* the client's socket */
    double began;
    /* the answer */
    int status;
    const char *type; /* of its content */
    struct lace_text out;
    struct lace_refusal refusal; /* where status is none of 2xx */
    const struct lace_asset *asset;
    bool streams, over, gone; /* events follow; no more of them; the client left before the answer */
    /* while it is answered */
    struct lace_ask ask;
    struct lace_job job;
    struct lace_stream stream;
    bool submitted;
    double flushed; /* when the last events were given out */
};

/* The route of a request; a negative code and a refusal where there is none, or not by this method. */
int lace_route_find(const char *method, const char *path, struct lace_refusal *refusal);
bool lace_route_is_open(int route); /* it needs no key */
bool lace_route_takes_body(int route);
extern const char *const lace_route_names[];

/* Waits for the whole answer, or until the request of a stream stands in the line. Events of a stream follow. */
void lace_route_answer(struct lace_call *call);
/* Waits for events and puts them into out, which is empty; sets over with the last ones. */
void lace_route_more(struct lace_call *call);
/* Ends what still runs for it, and releases all of the call. */
void lace_route_end(struct lace_call *call);
#endif
