#include "serve/assets.h"
#include <string.h>

static const char routes[] = "lace " /* what answers at this address */
                             "serves OpenAI's interface:\n\n"
                             "    GET  /health\n"
                             "    GET  /v1/models\n"
                             "    GET  /metrics\n"
                             "    POST /v1/completions\n"
                             "    POST /v1/chat/completions\n"
                             "    POST /tokenize\n"
                             "    POST /detokenize\n\n"
                             "{\"lace\": {\"threads\": 4}} in a completion makes its choice out of four threads that "
                             "read each other.\n";

static const struct lace_asset assets[] = {
    {"/", "text/plain; charset=utf-8", routes, sizeof routes - 1},
};

const struct lace_asset *lace_asset_find(const char *path)
{
    for (size_t i = 0; i < sizeof assets / sizeof *assets; i++)
        if (!strcmp(assets[i].path, path)) return &assets[i];
    return NULL;
}
