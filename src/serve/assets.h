/* Files that are part of the program and are served as they are: the page of src/serve/page, whose bytes the Makefile
 * turns into lists of numbers. One line of the table in assets.c each. */
#ifndef LACE_ASSETS_H
#define LACE_ASSETS_H
#include <stddef.h>

struct lace_asset {
    const char *path, *type; /* "/", "text/html; charset=utf-8" */
    const char *bytes;
    size_t len;
};
/* NULL: there is none at this path. */
const struct lace_asset *lace_asset_find(const char *path);

/* What a browser lets the page do: load the files beside it and ask the server that it came from. No other host, no
 * script or style in the markup, no text that becomes markup (Trusted Types, where the browser has them). */
#define LACE_PAGE_POLICY                                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "   \
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
#endif
