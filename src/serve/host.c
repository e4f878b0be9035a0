#include "serve/host.h"
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { NAME = 256 }; /* a name of the DNS has 253 bytes at most */

/* The host without its port and a last dot; false: it is none. *literal: it stood in the brackets of an IPv6 address. */
static bool take_apart(const char *host, char *name, bool *literal)
{
    *literal = *host == '[';
    const char *from = host + *literal;
    size_t len = strcspn(from, *literal ? "]" : ":");
    const char *rest = from + len;
    if (*literal && *rest++ != ']') return false;
    if (*rest && (*rest != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1))) return false;
    if (len && !*literal && from[len - 1] == '.') len--;
    if (!len || len >= NAME) return false;
    memcpy(name, from, len);
    name[len] = 0;
    return true;
}

bool lace_host_is_ours(const char *host, const char *listens, const char *origin)
{
    char name[NAME], other[NAME];
    unsigned char address[sizeof(struct in6_addr)];
    bool literal, ignored;
    if (origin && !strcmp(origin, "*")) return true;
    if (!take_apart(host, name, &literal)) return false;
    if (literal) return inet_pton(AF_INET6, name, address) == 1;
    if (inet_pton(AF_INET, name, address) == 1 || !strcasecmp(name, "localhost")) return true;
    if (listens && !strcasecmp(name, listens)) return true;
    const char *named = origin ? strstr(origin, "://") : NULL;
    return named && take_apart(named + 3, other, &ignored) && !strcasecmp(name, other);
}
