/* A model with what is needed to run it: what lace.h calls an engine. */
#ifndef LACE_ENGINE_H
#define LACE_ENGINE_H
#include "decode/format.h"
#include "model/model.h"
#include "text/chat.h"

struct lace_engine {
    char *path;
    struct lace_model *model; /* NULL: it was opened for texts alone */
    enum lace_dtype kv;       /* of the keys and values that its decoders keep */
    struct lace_tokenizer *tokenizer;
    struct lace_format format;
    struct lace_chat_template *chat;
    struct lace_run_options defaults; /* from generation_config.json */
};
/* The directory of the shipped model, into path (PATH_MAX bytes): $LACE_MODEL, beside the program's source tree, or
 * where it was installed. */
int lace_engine_find(char *path, struct lace_error *err);
/* Refuses an engine that was opened for texts alone. */
int lace_engine_can_run(const struct lace_engine *engine, struct lace_error *err);
/* Ids of a problem as a thread reads it: the text without surrounding blanks, then a line's end. */
int lace_engine_prompt(const struct lace_engine *engine, const char *prompt, int **ids, size_t *count,
                       struct lace_error *err);
#endif
