/* Whether a request's Host names this server in a way that no stranger's web page can bring about. A page may rebind its
 * own name to 127.0.0.1 and then counts as of one origin with the server; it cannot change an address or localhost. */
#ifndef LACE_HOST_H
#define LACE_HOST_H
#include <stdbool.h>

/* host: the header's value. listens: the name or address that is listened on. origin: whose pages may call anyway, such
 * as http://models.lan:8080, "*": any; NULL: none. */
bool lace_host_is_ours(const char *host, const char *listens, const char *origin);
#endif
