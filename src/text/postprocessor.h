/* Post-processors: the ids that a tokenizer puts before and after a text (<s>, <|begin_of_text|>). */
#ifndef LACE_POSTPROCESSOR_H
#define LACE_POSTPROCESSOR_H
#include "text/vocab.h"
#include <jansson.h>

#define LACE_TEMPLATE_IDS 16

struct lace_postprocessor {
    int before[LACE_TEMPLATE_IDS], before_count, after[LACE_TEMPLATE_IDS], after_count;
    bool loaded; /* a template was read */
};
/* value: null, TemplateProcessing, ByteLevel, or a Sequence of these. Every id is a token of the vocabulary. */
int lace_postprocessor_load(struct lace_postprocessor *post, const json_t *value, const struct lace_vocab *vocab,
                            const char *path, struct lace_error *err);
#endif
