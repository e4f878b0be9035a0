#include "serve/listen.h"
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

int lace_listen_name(int fd, char *address, size_t size, struct lace_error *err)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_storage room;
    } a;
    socklen_t len = sizeof a;
    char host[64], port[16];
    memset(&a, 0, sizeof a);
    if (getsockname(fd, &a.any, &len))
        return lace_fail(err, LACE_SYSTEM, "File descriptor %d is no socket: %s.", fd, strerror(errno));
    if (a.any.sa_family == AF_UNIX) snprintf(address, size, "%s", a.local.sun_path);
    else if (getnameinfo(&a.any, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        return lace_fail(err, LACE_SYSTEM, "The address of socket %d is of no kind known here.", fd);
    else snprintf(address, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

int lace_listen_tcp(const char *host, int port, int *fd, char *address, size_t size, struct lace_error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list;
    char service[16];
    int on = 1, found, trouble = 0;
    snprintf(service, sizeof service, "%d", port);
    *fd = -1;
    if ((found = getaddrinfo(host, service, &hints, &list)))
        return lace_fail(err, LACE_BAD, "The host %.200s is not known: %s.", host, gai_strerror(found));
    for (const struct addrinfo *a = list; a && *fd < 0; a = a->ai_next) {
        int s = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (s < 0) {
            trouble = errno;
            continue;
        }
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (!bind(s, a->ai_addr, a->ai_addrlen) && !listen(s, BACKLOG)) *fd = s;
        else {
            trouble = errno;
            close(s);
        }
    }
    freeaddrinfo(list);
    if (*fd < 0)
        return lace_fail(err, LACE_SYSTEM, "%.200s port %d cannot be listened on: %s; choose another with --port.",
                         host, port, strerror(trouble));
    return lace_listen_name(*fd, address, size, err);
}

/* Whether somebody listens at a socket's path. 0: it was left by a server that did not end well; otherwise why not:
 * EISCONN: somebody does, or what the system says. Not to block: the queue of a busy server may be full. */
static int whose(const struct sockaddr_un *a)
{
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), trouble = EISCONN;
    if (s < 0) return errno;
    if (connect(s, (const struct sockaddr *)a, sizeof *a) && errno != EAGAIN && errno != EPROTOTYPE)
        trouble = errno == ECONNREFUSED ? 0 : errno;
    close(s);
    return trouble;
}

static bool address(struct sockaddr_un *a, const char *path)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    return (size_t)snprintf(a->sun_path, sizeof a->sun_path, "%s", path) < sizeof a->sun_path;
}

void lace_listen_clear(const char *path)
{
    struct sockaddr_un a;
    struct stat st;
    if (address(&a, path) && !stat(path, &st) && S_ISSOCK(st.st_mode) && !whose(&a)) unlink(path);
}

/* Why a path that was in use still is. Whatever is there, but for a socket that nobody needs, is not ours to remove. */
static int refuse(const struct sockaddr_un *a, struct lace_error *err)
{
    const char *path = a->sun_path;
    struct stat st;
    if (stat(path, &st))
        return lace_fail(err, LACE_SYSTEM, "%s is in use (%s); name another path with --socket.", path,
                         strerror(errno));
    if (S_ISDIR(st.st_mode))
        return lace_fail(err, LACE_BAD, "%s is a folder; name a new file in it: --socket %s/lace.sock.", path, path);
    if (!S_ISSOCK(st.st_mode))
        return lace_fail(err, LACE_BAD, "%s is %s; it is left as it is: remove it, or name another path with --socket.",
                         path, S_ISREG(st.st_mode) ? "an ordinary file, no socket" : "no socket");
    int trouble = whose(a);
    if (trouble == EISCONN)
        return lace_fail(err, LACE_BAD,
                         "Another program listens on the socket %s; end it, or name another path with --socket.", path);
    return lace_fail(err, LACE_SYSTEM,
                     "The socket %s is there, and cannot be taken (%s); remove it, or name another path with --socket.",
                     path, strerror(trouble ? trouble : EADDRINUSE));
}

int lace_listen_unix(const char *path, int *fd, struct lace_error *err)
{
    struct sockaddr_un a;
    *fd = -1;
    if (!address(&a, path))
        return lace_fail(err, LACE_BAD, "The path of the socket has %zu bytes; at most %zu are possible.", strlen(path),
                         sizeof a.sun_path - 1);
    lace_listen_clear(path);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0 && !bind(s, (struct sockaddr *)&a, sizeof a) && !listen(s, BACKLOG)) {
        *fd = s;
        return 0;
    }
    int trouble = errno;
    if (s >= 0) close(s);
    if (trouble == EADDRINUSE) return refuse(&a, err);
    return lace_fail(err, LACE_SYSTEM, "The socket %.200s cannot be listened on: %s.", path, strerror(trouble));
}
