/* Sockets that listen. */
#ifndef LACE_LISTEN_H
#define LACE_LISTEN_H
#include "base/base.h"

/* Binds host (an address or a name) and port (0: any free one). *fd is the caller's; address gets "host:port". */
int lace_listen_tcp(const char *host, int port, int *fd, char *address, size_t size, struct lace_error *err);
/* A UNIX socket at path; one that an earlier server left there is replaced, anything else is refused and stays. */
int lace_listen_unix(const char *path, int *fd, struct lace_error *err);
/* Removes a socket on which nobody listens (any more); anything else at the path stays. */
void lace_listen_clear(const char *path);
/* What an open socket listens on: "host:port", or the path of a UNIX socket. */
int lace_listen_name(int fd, char *address, size_t size, struct lace_error *err);
#endif
