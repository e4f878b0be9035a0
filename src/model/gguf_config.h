/* What a GGUF file says of its model, as the text of a config.json. */
#ifndef LACE_GGUF_CONFIG_H
#define LACE_GGUF_CONFIG_H
#include "io/weights.h"

/* path: the file, or its first part. The caller frees *text with lace_free. An architecture, a tensor or a key that would
 * change the result and is not computed here is refused by name. */
int lace_gguf_config(const char *path, char **text, struct lace_error *err);
#endif
