#include "conversation.h"
#include "json_out.h"
#include "model_options.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cli_chat_options cli_chat;

static int read_file(const char *path, char **text)
{
    FILE *file = fopen(path, "rb");
    size_t len = 0, capacity = 1 << 16, got = 1;
    *text = file ? malloc(capacity) : NULL;
    while (*text && (got = fread(*text + len, 1, capacity - len - 1, file)) > 0) {
        len += got;
        if (len + 1 < capacity) continue;
        char *grown = capacity < (size_t)16 << 20 ? realloc(*text, capacity *= 2) : NULL;
        if (!grown) free(*text);
        *text = grown;
    }
    bool failed = !file || ferror(file);
    if (file) fclose(file);
    if (!failed && *text && !memchr(*text, 0, len)) {
        (*text)[len] = 0;
        return 0;
    }
    free(*text);
    *text = NULL;
    return failed ? cli_fail("The tools in %s cannot be read: %s.", path, strerror(errno))
                  : cli_fail("The tools in %s are no JSON, or are longer than 16 MiB.", path);
}

int cli_conversation_begin(struct cli_conversation *c)
{
    *c = (struct cli_conversation){0};
    int status = cli_chat.tools ? read_file(cli_chat.tools, &c->tools) : 0;
    return status || !cli_chat.system ? status : cli_conversation_add(c, "system", cli_chat.system);
}

int cli_conversation_add(struct cli_conversation *c, const char *role, const char *text)
{
    if (c->count == c->capacity) {
        int capacity = c->capacity ? 2 * c->capacity : 16;
        struct cli_message *grown = realloc(c->message, sizeof *grown * (size_t)capacity);
        if (!grown) return cli_fail("Out of memory.");
        c->message = grown;
        c->capacity = capacity;
    }
    char *copy = strdup(text);
    if (!copy) return cli_fail("Out of memory.");
    c->message[c->count++] = (struct cli_message){role, copy};
    return 0;
}

void cli_conversation_drop(struct cli_conversation *c)
{
    if (c->count) free(c->message[--c->count].text);
}

void cli_conversation_end(struct cli_conversation *c)
{
    while (c->count) cli_conversation_drop(c);
    free(c->message);
    free(c->tools);
    *c = (struct cli_conversation){0};
}

static char *messages_json(const struct cli_conversation *c)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out) return NULL;
    putc('[', out);
    for (int i = 0; i < c->count; i++) {
        fprintf(out, "%s{\"role\": \"%s\", \"content\": ", i ? ", " : "", c->message[i].role);
        cli_json_string(out, c->message[i].text);
        putc('}', out);
    }
    putc(']', out);
    if (!fclose(out)) return text;
    free(text);
    return NULL;
}

/* --think as a variable, before those of --variables; NULL where neither is given. */
static int variables_json(char **text)
{
    const char *given = cli_chat.variables;
    *text = NULL;
    if (!given && !cli_chat.think) return 0;
    if (given) given += strspn(given, " \t\r\n");
    if (given && *given != '{')
        return cli_misuse("--variables takes a JSON object, such as '{\"date_string\": \"today\"}'.");
    const char *rest = given ? given + 1 : "}";
    rest += strspn(rest, " \t\r\n");
    int made = cli_chat.think
                   ? asprintf(text, "{\"enable_thinking\": %s%s%s", strcmp(cli_chat.think, "on") ? "false" : "true",
                              *rest == '}' ? "" : ", ", rest)
                   : asprintf(text, "%s", given);
    return made < 0 ? cli_fail("Out of memory.") : 0;
}

int cli_conversation_render(const struct cli_conversation *c, const struct lace_engine *engine, char **text)
{
    struct lace_chat_options o;
    struct lace_error err;
    size_t len;
    char *variables, *messages;
    int status = variables_json(&variables);
    if (status) return status;
    lace_chat_defaults(&o);
    o.tools = c->tools;
    o.variables = variables;
    o.name = cli_chat.template_name;
    if (!(messages = messages_json(c))) status = cli_fail("Out of memory.");
    else if (lace_chat_render(engine, messages, &o, text, &len, &err)) status = cli_fail("%s", err.text);
    free(messages);
    free(variables);
    return status;
}
