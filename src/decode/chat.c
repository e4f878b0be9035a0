/* Conversations for those who hold an engine. */
#include "decode/engine.h"
#include "io/json.h"
#include <string.h>

void lace_chat_defaults(struct lace_chat_options *options)
{
    *options = (struct lace_chat_options){.add_generation_prompt = 1};
}

int lace_chat_check(const struct lace_engine *e, struct lace_error *err)
{
    return lace_chat_template_check(e->chat, err);
}

int lace_chat_render(const struct lace_engine *e, const char *messages, const struct lace_chat_options *options,
                     char **text, size_t *len, struct lace_error *err)
{
    struct lace_text out;
    lace_text_init(&out);
    json_t *list = lace_json_parse(messages, strlen(messages), "The messages", err);
    if (!list) return LACE_BAD;
    int code = lace_chat_template_render(e->chat, list, options, &out, err);
    json_decref(list);
    if (code) lace_text_release(&out);
    else {
        *text = out.data;
        *len = out.len;
    }
    return code;
}
