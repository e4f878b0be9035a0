/* Files that are part of the program and are served as they are: one line of the table in assets.c each. */
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
#endif
