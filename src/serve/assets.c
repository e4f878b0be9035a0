#include "serve/assets.h"
#include <string.h>

/* Unsigned, because a byte of a letter beyond ASCII is no char everywhere. */
static const unsigned char index_html[] = {
#include "serve/page/index.html.inc"
};
static const unsigned char style_css[] = {
#include "serve/page/style.css.inc"
};
static const unsigned char icon_svg[] = {
#include "serve/page/icon.svg.inc"
};
static const unsigned char dom_js[] = {
#include "serve/page/dom.js.inc"
};
static const unsigned char run_js[] = {
#include "serve/page/run.js.inc"
};
static const unsigned char client_js[] = {
#include "serve/page/client.js.inc"
};
static const unsigned char charts_js[] = {
#include "serve/page/charts.js.inc"
};
static const unsigned char threads_js[] = {
#include "serve/page/threads.js.inc"
};
static const unsigned char view_js[] = {
#include "serve/page/view.js.inc"
};
static const unsigned char page_js[] = {
#include "serve/page/page.js.inc"
};

#define BYTES(name) (const char *)name, sizeof name
#define SCRIPT      "text/javascript; charset=utf-8"
static const struct lace_asset assets[] = {
    {"/", "text/html; charset=utf-8", BYTES(index_html)},
    {"/style.css", "text/css; charset=utf-8", BYTES(style_css)},
    {"/icon.svg", "image/svg+xml", BYTES(icon_svg)},
    {"/dom.js", SCRIPT, BYTES(dom_js)},
    {"/run.js", SCRIPT, BYTES(run_js)},
    {"/client.js", SCRIPT, BYTES(client_js)},
    {"/charts.js", SCRIPT, BYTES(charts_js)},
    {"/threads.js", SCRIPT, BYTES(threads_js)},
    {"/view.js", SCRIPT, BYTES(view_js)},
    {"/page.js", SCRIPT, BYTES(page_js)},
};

const struct lace_asset *lace_asset_find(const char *path)
{
    for (size_t i = 0; i < sizeof assets / sizeof *assets; i++)
        if (!strcmp(assets[i].path, path)) return &assets[i];
    return NULL;
}
