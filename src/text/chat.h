/* The chat template of a model: chat_template.jinja, or else "chat_template" of tokenizer_config.json, or a GGUF file's, with the special
 * tokens that it names. Conversations are made ready for it as Transformers 5 does (apply_chat_template): members of a
 * message that are null are left out, and reasoning is found under each of its names. */
#ifndef LACE_CHAT_H
#define LACE_CHAT_H
#include "base/base.h"
#include <jansson.h>

struct lace_chat_template;
/* A directory without a template, and one whose template cannot be read, open too: rendering says what is wrong. */
int lace_chat_template_open(struct lace_chat_template **chat, const char *dir, struct lace_error *err);
/* From what tokenizer_config.json would hold ("chat_template", "bos_token", ...): for other formats of models. path names
 * it in errors. */
int lace_chat_template_make(struct lace_chat_template **chat, const json_t *config, const char *path,
                            struct lace_error *err);
void lace_chat_template_close(struct lace_chat_template **chat); /* NULL is fine; nulls the handle */
/* Whether the model came with a template, be it one that cannot be used. */
bool lace_chat_template_exists(const struct lace_chat_template *chat);
/* A token that the configuration names ("eos_token"), or NULL; belongs to the template. */
const char *lace_chat_template_token(const struct lace_chat_template *chat, const char *name);
/* Whether there is a template to render with; if not, err says why. */
int lace_chat_template_check(const struct lace_chat_template *chat, struct lace_error *err);
/* Appends the conversation as the model reads it. The JSON in options is parsed here; messages is a list. */
int lace_chat_template_render(const struct lace_chat_template *chat, const json_t *messages,
                              const struct lace_chat_options *options, struct lace_text *out, struct lace_error *err);
#endif
