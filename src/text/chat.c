#include "text/chat.h"
#include "io/json.h"
#include "io/model_dir.h"
#include "text/gguf_text.h"
#include "text/jinja_run.h"
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CONFIG   ((size_t)64 << 20)
#define MAX_TEMPLATE ((size_t)1 << 20) /* bytes of a file; the interpreter's own limit is smaller */
#define MAX_NAMED    64

struct named {
    char *name;
    struct lace_jinja *jinja; /* NULL: problem says why */
    struct lace_error problem;
};

struct lace_chat_template {
    char *path; /* of the model */
    struct named named[MAX_NAMED];
    int count;
    json_t *tokens;            /* bos_token, eos_token, ...: variables of every template */
    struct lace_error problem; /* why nothing could be read; empty: nothing went wrong */
};

/* ---- reading ---- */

static int add_template(struct lace_chat_template *c, const char *name, const char *source, size_t len,
                        const char *path, struct lace_error *err)
{
    for (int i = 0; i < c->count; i++)
        if (!strcmp(c->named[i].name, name)) return 0; /* a file comes before the configuration */
    if (c->count == MAX_NAMED)
        return lace_fail(err, LACE_BAD, "%.200s holds more than %d chat templates.", path, MAX_NAMED);
    struct named *n = &c->named[c->count];
    if (!(n->name = strdup(name))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    c->count++;
    lace_jinja_parse(&n->jinja, source, len, path, &n->problem);
    return 0;
}

static int read_template(struct lace_chat_template *c, const char *name, const char *path, struct lace_error *err)
{
    char *source;
    size_t len;
    int code = lace_read_file(path, MAX_TEMPLATE, &source, &len, err);
    if (code) return code;
    code = add_template(c, name, source, len, path, err);
    lace_free(source);
    return code;
}

/* chat_template.jinja is the default; chat_templates/NAME.jinja are the others. */
static int read_files(struct lace_chat_template *c, const char *dir, struct lace_error *err)
{
    char path[PATH_MAX], folder[PATH_MAX];
    int code = lace_join(path, dir, "chat_template.jinja", err);
    if (!code && !access(path, F_OK)) code = read_template(c, "default", path, err);
    if (!code) code = lace_join(folder, dir, "chat_templates", err);
    DIR *d = code ? NULL : opendir(folder);
    for (struct dirent *e; !code && d && (e = readdir(d));) {
        char name[NAME_MAX + 1];
        size_t len = strlen(e->d_name);
        if (len <= 6 || strcmp(e->d_name + len - 6, ".jinja")) continue;
        snprintf(name, sizeof name, "%.*s", (int)len - 6, e->d_name);
        if (!(code = lace_join(path, folder, e->d_name, err))) code = read_template(c, name, path, err);
    }
    if (d) closedir(d);
    return code;
}

/* A token is its text, or an object with the text as "content". */
static int add_tokens(struct lace_chat_template *c, const json_t *config, struct lace_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)config, key, value)
    {
        size_t len = strlen(key);
        if (len <= 6 || strcmp(key + len - 6, "_token")) continue;
        json_t *text = json_is_object(value) ? json_object_get(value, "content") : value;
        if (json_is_string(text) && json_object_set(c->tokens, key, text))
            return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    json_t *extra = json_object_get(config, "extra_special_tokens");
    return json_is_object(extra) ? add_tokens(c, extra, err) : 0;
}

static int take_config(struct lace_chat_template *c, const json_t *config, const char *path, bool templates,
                       struct lace_error *err)
{
    size_t i;
    json_t *item, *chat = json_object_get(config, "chat_template");
    const char *name, *source;
    if (!json_is_object(config)) return lace_fail(err, LACE_BAD, "%.200s: a JSON object is expected.", path);
    int code = add_tokens(c, config, err);
    if (code || !templates || !chat || json_is_null(chat)) return code;
    if (json_is_string(chat))
        return add_template(c, "default", json_string_value(chat), json_string_length(chat), path, err);
    if (!json_is_array(chat))
        return lace_fail(err, LACE_BAD, "%.200s: \"chat_template\" must be a string or a list of named templates.",
                         path);
    json_array_foreach(chat, i, item)
    {
        if ((code = lace_json_string(item, "name", NULL, &name, path, err)) ||
            (code = lace_json_string(item, "template", NULL, &source, path, err)) ||
            (code = add_template(c, name, source, strlen(source), path, err)))
            return code;
    }
    return 0;
}

static int read_config(struct lace_chat_template *c, const char *dir, const char *file, bool templates,
                       struct lace_error *err)
{
    char path[PATH_MAX];
    int code = lace_join(path, dir, file, err);
    if (code || access(path, F_OK)) return code;
    json_t *config = lace_json_read_wide(path, MAX_CONFIG, err);
    if (!config) return LACE_BAD;
    code = take_config(c, config, path, templates, err);
    json_decref(config);
    return code;
}

static struct lace_chat_template *begin(struct lace_chat_template **chat, const char *path, struct lace_error *err)
{
    struct lace_chat_template *c = *chat = calloc(1, sizeof *c);
    if (c && (c->path = strdup(path)) && (c->tokens = json_object())) return c;
    lace_chat_template_close(chat);
    lace_fail(err, LACE_MEMORY, "Out of memory.");
    return NULL;
}

int lace_chat_template_open(struct lace_chat_template **chat, const char *dir, struct lace_error *err)
{
    char path[PATH_MAX];
    struct lace_chat_template *c = begin(chat, dir, err);
    if (!c) return LACE_MEMORY;
    if (lace_model_gguf(dir, path, NULL) > 0) {
        json_t *config;
        if (!lace_gguf_chat_config(path, &config, &c->problem)) take_config(c, config, path, true, &c->problem);
        json_decref(config);
        return 0;
    }
    /* special_tokens_map.json is older and comes first, so that the configuration has the last word */
    int code = read_files(c, dir, &c->problem);
    bool files = c->count != 0;
    if (!code) code = read_config(c, dir, "special_tokens_map.json", false, &c->problem);
    if (!code) read_config(c, dir, "tokenizer_config.json", !files, &c->problem);
    return 0;
}

int lace_chat_template_make(struct lace_chat_template **chat, const json_t *config, const char *path,
                            struct lace_error *err)
{
    struct lace_chat_template *c = begin(chat, path, err);
    if (!c) return LACE_MEMORY;
    take_config(c, config, path, true, &c->problem);
    return 0;
}

void lace_chat_template_close(struct lace_chat_template **chat)
{
    struct lace_chat_template *c = *chat;
    if (!c) return;
    for (int i = 0; i < c->count; i++) {
        lace_jinja_close(&c->named[i].jinja);
        free(c->named[i].name);
    }
    json_decref(c->tokens);
    free(c->path);
    free(c);
    *chat = NULL;
}

/* ---- choosing ---- */

static const struct named *find(const struct lace_chat_template *c, const char *name)
{
    for (int i = 0; i < c->count; i++)
        if (!strcmp(c->named[i].name, name)) return &c->named[i];
    return NULL;
}

static int choose(const struct lace_chat_template *c, const char *name, bool tools, const struct lace_jinja **jinja,
                  struct lace_error *err)
{
    const struct named *n = name ? find(c, name) : tools ? find(c, "tool_use") : NULL;
    if (!n && !name) n = find(c, "default");
    if (!n && c->problem.text[0]) return lace_fail(err, LACE_BAD, "%s", c->problem.text);
    if (!n && !c->count)
        return lace_fail(
            err, LACE_BAD,
            "%.200s has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): "
            "it is no model for conversations; use lace run, or put a template there.",
            c->path);
    if (!n)
        return lace_fail(err, LACE_BAD, "%.200s has no chat template \"%.60s\"; the first it has is \"%.60s\".",
                         c->path, name ? name : "default", c->named[0].name);
    if (!n->jinja) return lace_fail(err, LACE_BAD, "%s", n->problem.text);
    *jinja = n->jinja;
    return 0;
}

bool lace_chat_template_exists(const struct lace_chat_template *c) { return c->count || c->problem.text[0]; }

int lace_chat_template_check(const struct lace_chat_template *c, struct lace_error *err)
{
    const struct lace_jinja *jinja;
    return choose(c, NULL, false, &jinja, err);
}

const char *lace_chat_template_token(const struct lace_chat_template *c, const char *name)
{
    return json_string_value(json_object_get(c->tokens, name));
}

/* ---- the variables ---- */

static const char *const reasoning_names[] = {"reasoning_content", "thinking", "reasoning"};

/* A message without its null members; its reasoning stands under "thinking", first, and "reasoning_content" too. */
static json_t *ready_message(const json_t *message)
{
    json_t *ready = json_object(), *reasoning = NULL, *value;
    const char *key;
    for (int i = 0; i < 3 && !reasoning; i++) {
        reasoning = json_object_get(message, reasoning_names[i]);
        if (json_is_null(reasoning)) reasoning = NULL;
    }
    bool failed = !ready || (reasoning && json_object_set(ready, "thinking", reasoning));
    json_object_foreach((json_t *)message, key, value) if (!failed && !json_is_null(value)) failed =
        json_object_set(ready, key, value) != 0;
    if (!failed && reasoning) failed = json_object_set(ready, "reasoning_content", reasoning) != 0;
    if (!failed) return ready;
    json_decref(ready);
    return NULL;
}

static int ready_messages(const json_t *messages, json_t **ready, struct lace_error *err)
{
    size_t i;
    json_t *message;
    *ready = NULL;
    if (!json_is_array(messages))
        return lace_fail(err, LACE_BAD, "The messages of a conversation are a JSON list of objects.");
    if (!json_array_size(messages))
        return lace_fail(err, LACE_BAD, "The conversation is empty; it needs at least one message.");
    if (!(*ready = json_array())) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    json_array_foreach((json_t *)messages, i, message)
    {
        if (!json_is_object(message))
            return lace_fail(err, LACE_BAD,
                             "Message %zu of the conversation is not an object with a role and a content.", i + 1);
        if (json_array_append_new(*ready, ready_message(message))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    return 0;
}

/* Sets a variable to what a text holds as JSON: a list of objects, or none. */
static int set_list(json_t *variables, const char *name, const char *text, struct lace_error *err)
{
    size_t i;
    json_t *item, *list = text ? lace_json_parse(text, strlen(text), name, err) : json_null();
    if (!list) return LACE_BAD;
    bool fine = !text || json_is_array(list);
    if (fine) json_array_foreach(list, i, item) fine &= json_is_object(item);
    if (json_object_set_new(variables, name, list)) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    return fine ? 0 : lace_fail(err, LACE_BAD, "The %s of a conversation are a JSON list of objects.", name);
}

static int make_variables(const struct lace_chat_template *c, json_t *messages, const struct lace_chat_options *o,
                          json_t *variables, struct lace_error *err)
{
    int code = 0;
    json_t *more =
        o->variables ? lace_json_parse(o->variables, strlen(o->variables), "The template's variables", err) : NULL;
    if (o->variables && !more) return LACE_BAD;
    if (more && !json_is_object(more)) code = lace_fail(err, LACE_BAD, "The template's variables are a JSON object.");
    if (!code && (json_object_update(variables, c->tokens) || (more && json_object_update(variables, more)) ||
                  json_object_set(variables, "messages", messages) ||
                  json_object_set_new(variables, "add_generation_prompt", json_boolean(o->add_generation_prompt))))
        code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    json_decref(more);
    if (!code) code = set_list(variables, "tools", o->tools, err);
    return code ? code : set_list(variables, "documents", o->documents, err);
}

/* ---- rendering ---- */

#define CONTINUE_TAG "CONTINUE_FINAL_MESSAGE_TAG "

/* Marks the end of the last message; *final is its text, which belongs to the caller's messages. */
static int mark_final(json_t *messages, struct jinja_text *final, struct lace_error *err)
{
    json_t *message = json_array_get(messages, json_array_size(messages) - 1);
    json_t *holder = message, *content = json_object_get(message, "content");
    const char *key = "content";
    if (json_is_array(content)) { /* the last part with a text */
        size_t i = json_array_size(content);
        while (i-- > 0 && !json_is_string(json_object_get(json_array_get(content, i), "text")))
            ;
        json_t *copy = i < json_array_size(content) ? json_deep_copy(content) : NULL;
        holder = copy ? json_array_get(copy, i) : NULL;
        key = "text";
        content = holder ? json_object_get(json_array_get(content, i), "text") : NULL; /* not the copy's */
        if (copy && json_object_set_new(message, "content", copy)) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    if (!json_is_string(content))
        return lace_fail(err, LACE_BAD, "The last message has no text that could be continued.");
    *final = (struct jinja_text){json_string_value(content), json_string_length(content)};
    json_t *marked = json_sprintf("%s" CONTINUE_TAG, json_string_value(content));
    return json_object_set_new(holder, key, marked) ? lace_fail(err, LACE_MEMORY, "Out of memory.") : 0;
}

/* Cuts the output where the last message ends; blanks that the template took from its end stay away. */
static int cut_final(struct lace_text *out, size_t begin, struct jinja_text final, struct lace_error *err)
{
    static const char tag[] = CONTINUE_TAG;
    size_t len = sizeof tag - 2, at = out->len; /* without the blank */
    bool found = false;
    while (!found && at-- > begin) found = at + len <= out->len && !memcmp(out->data + at, tag, len);
    final = lace_jinja_strip(final, NULL, true, true);
    if (!found || (final.len && !memmem(out->data + begin, out->len - begin, final.bytes, final.len)))
        return lace_fail(err, LACE_BAD,
                         "The chat template does not write the last message as it is: it cannot be continued.");
    bool whole = at + len < out->len && out->data[at + len] == ' ';
    struct jinja_text text = {out->data + begin, at - begin};
    if (!whole) text = lace_jinja_strip(text, NULL, false, true);
    out->len = begin + text.len;
    out->data[out->len] = 0;
    return 0;
}

int lace_chat_template_render(const struct lace_chat_template *c, const json_t *messages,
                              const struct lace_chat_options *o, struct lace_text *out, struct lace_error *err)
{
    const struct lace_jinja *jinja = NULL;
    struct jinja_text final = {"", 0};
    json_t *ready = NULL, *variables = json_object();
    size_t begin = out->len;
    int code =
        variables ? choose(c, o->name, o->tools != NULL, &jinja, err) : lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (!code && o->continue_final && o->add_generation_prompt)
        code =
            lace_fail(err, LACE_BAD, "A conversation either continues its last message or begins a new one, not both.");
    if (!code) code = ready_messages(messages, &ready, err);
    if (!code && o->continue_final) code = mark_final(ready, &final, err);
    if (!code) code = make_variables(c, ready, o, variables, err);
    if (!code) code = lace_jinja_render(jinja, variables, o->now ? (time_t)o->now : time(NULL), out, err);
    if (!code && o->continue_final && (code = cut_final(out, begin, final, err))) out->len = begin;
    json_decref(ready);
    json_decref(variables);
    return code;
}
