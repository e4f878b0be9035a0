#include "model_options.h"
#include "utf8.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cli_model_options cli_model;

static int read_visible(struct lace_engine_options *o)
{
    const char *v = cli_model.visible;
    if (!strcmp(v, "aligned")) o->visible = LACE_ALIGNED;
    else if (!strcmp(v, "causal")) o->visible = LACE_CAUSAL;
    else if (!strncmp(v, "window:", 7)) {
        char *end;
        errno = 0;
        long width = strtol(v + 7, &end, 10);
        if (errno || end == v + 7 || *end || v[7] < '0' || v[7] > '9' || width < 1 || width > 1 << 24)
            return cli_misuse("--visible window:W takes a number of positions from 1 on, not '%s'.", v + 7);
        o->visible = LACE_WINDOW;
        o->window = (int)width;
    } else return cli_misuse("--visible has no value '%s'; it takes aligned, causal or window:W.", v);
    return 0;
}

int cli_model_open(struct lace_engine **engine)
{
    struct lace_engine_options o;
    struct lace_error err;
    lace_engine_defaults(&o);
    o.model = cli_model.model;
    o.lattice = cli_model.lattice;
    o.dtype = cli_model.dtype;
    o.kv_dtype = cli_model.kv_dtype;
    *engine = NULL;
    int status = cli_model.visible ? read_visible(&o) : 0;
    if (status) return status;
    if (cli_model.isa) setenv("LACE_ISA", cli_model.isa, 1);
    if (lace_engine_open(engine, &o, &err)) return cli_fail("%s", err.text);
    struct lace_engine_info info;
    lace_engine_info(*engine, &info);
    if (info.warning) fprintf(stderr, "lace: warning: %s\n", info.warning);
    return 0;
}

int cli_text_open(struct lace_engine **engine)
{
    struct lace_engine_options o;
    struct lace_error err;
    lace_engine_defaults(&o);
    o.model = cli_model.model;
    o.text_only = 1;
    return lace_engine_open(engine, &o, &err) ? cli_fail("%s", err.text) : 0;
}

static int read_stdin(const char *what, char **text, size_t *len)
{
    size_t capacity = 0;
    *text = NULL;
    *len = 0;
    do {
        if (*len + 1 >= capacity) {
            capacity = capacity ? 2 * capacity : 4096;
            char *grown = capacity <= (size_t)64 << 20 ? realloc(*text, capacity) : NULL;
            if (!grown) {
                free(*text);
                *text = NULL;
                return cli_fail("The %s on stdin is too long: at most 32 MiB are read.", what);
            }
            *text = grown;
        }
        *len += fread(*text + *len, 1, capacity - *len - 1, stdin);
    } while (!feof(stdin) && !ferror(stdin));
    (*text)[*len] = 0;
    return ferror(stdin) ? cli_fail("The %s could not be read from stdin: %s.", what, strerror(errno)) : 0;
}

int cli_read_text(const char *argument, const char *what, char **text, size_t *len)
{
    int status = 0;
    if (!strcmp(argument, "-")) status = read_stdin(what, text, len);
    else if (!(*text = strdup(argument))) status = cli_fail("Out of memory.");
    else *len = strlen(argument);
    if (!status && memchr(*text, 0, *len))
        status = cli_fail("The %s holds a zero byte; it must be text in UTF-8.", what);
    for (size_t i = 0; !status && i < *len;) {
        int n = cli_utf8_size(*text + i, *len - i);
        if (n <= 0) status = cli_fail("The %s is not UTF-8: byte %zu does not belong to a character.", what, i);
        i += (size_t)(n > 0 ? n : 1);
    }
    if (!status) return 0;
    free(*text);
    *text = NULL;
    return status;
}

int cli_read_ids(const char *list, const char *option, int **ids, size_t *count)
{
    static const char blank[] = " \t\r\n";
    const char *at = list + strspn(list, blank);
    *count = 0;
    if (!(*ids = malloc(sizeof **ids * (strlen(list) + 1)))) return cli_fail("Out of memory.");
    for (;;) {
        char *end;
        errno = 0;
        long id = strtol(at, &end, 10);
        if (errno || *at < '0' || *at > '9' || id > INT_MAX) break;
        (*ids)[(*count)++] = (int)id;
        at = end + strspn(end, blank);
        if (!*at) return 0;
        if (*at == ',') at += 1 + strspn(at + 1, blank);
        else if (at == end) break;
    }
    free(*ids);
    *ids = NULL;
    return cli_misuse("%s%s are whole numbers separated by commas, not '%.60s'.", option ? option : "Token ids",
                      option ? " takes token ids, which" : "", list);
}
