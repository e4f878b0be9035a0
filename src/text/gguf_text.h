/* What a GGUF file says of texts, beside the weights: its tokenizer, its chat template, and where a text ends. */
#ifndef LACE_GGUF_TEXT_H
#define LACE_GGUF_TEXT_H
#include "text/tokenizer.h"
#include <jansson.h>

int lace_tokenizer_open_gguf(struct lace_tokenizer **tokenizer, const char *path, struct lace_error *err);
/* What tokenizer_config.json would hold of the chat template and its tokens; the caller releases *config. */
int lace_gguf_chat_config(const char *path, json_t **config, struct lace_error *err);
/* What generation_config.json would hold; the caller releases *generation. */
int lace_gguf_generation(const char *path, json_t **generation, struct lace_error *err);
#endif
