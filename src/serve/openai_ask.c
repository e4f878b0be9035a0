#include "serve/openai.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- refusals ---- */

int lace_refuse(struct lace_refusal *r, int status, const char *param, const char *format, ...)
{
    *r = (struct lace_refusal){.status = status, .type = "invalid_request_error"};
    if (status == 401) r->type = "authentication_error", r->code = "invalid_api_key";
    if (status == 404) r->code = "not_found";
    if (status == 429) r->type = "rate_limit_error", r->code = "rate_limit_exceeded";
    if (status >= 500) r->type = "server_error";
    if (param) snprintf(r->param, sizeof r->param, "%.60s", param);
    va_list args;
    va_start(args, format);
    vsnprintf(r->message, sizeof r->message, format, args);
    va_end(args);
    return LACE_BAD;
}

void lace_refusal_write(struct lace_text *out, const struct lace_refusal *r)
{
    lace_text_str(out, "{\"error\": {\"message\": ");
    lace_write_quoted(out, r->message, strlen(r->message));
    lace_text_print(out, ", \"type\": \"%s\", \"param\": ", r->type);
    if (r->param[0]) lace_write_quoted(out, r->param, strlen(r->param));
    else lace_text_str(out, "null");
    lace_text_str(out, ", \"code\": ");
    if (r->code) lace_write_quoted(out, r->code, strlen(r->code));
    else lace_text_str(out, "null");
    lace_text_str(out, "}}\n");
}

/* ---- typed members: the first that is wrong is the refusal, and the rest give their defaults ---- */

struct reader {
    const json_t *object;
    const char *prefix; /* "", "lace." */
    struct lace_refusal *refusal;
    bool failed;
};

static const json_t *member(const struct reader *r, const char *key)
{
    const json_t *value = json_object_get(r->object, key);
    return r->failed || json_is_null(value) ? NULL : value;
}

static void wrong(struct reader *r, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void wrong(struct reader *r, const char *key, const char *format, ...)
{
    char name[64], text[400];
    va_list args;
    if (r->failed) return;
    snprintf(name, sizeof name, "%s%s", r->prefix, key);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lace_refuse(r->refusal, 400, name, "'%s' %s", name, text);
    r->failed = true;
}

static json_int_t get_int(struct reader *r, const char *key, json_int_t fallback, json_int_t low, json_int_t high)
{
    const json_t *value = member(r, key);
    if (!value) return fallback;
    json_int_t number = json_integer_value(value);
    /* Some clients write every number with a point. */
    if (json_is_real(value) && json_real_value(value) == floor(json_real_value(value)) &&
        fabs(json_real_value(value)) < 9e15)
        number = (json_int_t)json_real_value(value);
    else if (!json_is_integer(value)) wrong(r, key, "must be a whole number.");
    if (number < low || number > high)
        wrong(r, key, "is %lld; it must be from %lld to %lld.", (long long)number, (long long)low, (long long)high);
    return r->failed ? fallback : number;
}

static double get_real(struct reader *r, const char *key, double fallback, double low, double high)
{
    const json_t *value = member(r, key);
    if (!value) return fallback;
    double number = json_number_value(value);
    if (!json_is_number(value)) wrong(r, key, "must be a number.");
    else if (!(number >= low && number <= high)) wrong(r, key, "is %g; it must be from %g to %g.", number, low, high);
    return r->failed ? fallback : number;
}

static bool get_bool(struct reader *r, const char *key, bool fallback)
{
    const json_t *value = member(r, key);
    if (value && !json_is_boolean(value)) wrong(r, key, "must be true or false.");
    return value && !r->failed ? json_is_true(value) : fallback;
}

/* One of the names, or -1 where it is not given. */
static int get_choice(struct reader *r, const char *key, const char *const *names, const char *list)
{
    const json_t *value = member(r, key);
    const char *name = json_string_value(value);
    if (!value) return -1;
    for (int i = 0; names[i] && name; i++)
        if (!strcmp(names[i], name)) return i;
    wrong(r, key, "must be one of %s.", list);
    return -1;
}

static bool listed(const char *const *names, const char *key)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], key)) return true;
    return false;
}

static void check_known(struct reader *r, const char *const *known, const char *const *ignored)
{
    const char *key;
    json_t *value;
    if (r->failed) return;
    json_object_foreach((json_t *)r->object, key, value)
    {
        if (listed(known, key) || (ignored && listed(ignored, key))) continue;
        char name[48];
        snprintf(name, sizeof name, "%.40s", key);
        wrong(r, name, "is not a field that this server knows; leave it out.");
        return;
    }
}

/* ---- prompts ---- */

static void take_ids(struct reader *r, const char *key, const json_t *list, struct lace_ask_prompt *p,
                     const struct lace_ask_limits *limits)
{
    size_t count = json_array_size(list), i;
    const json_t *value;
    if (count > (size_t)limits->prompt) {
        wrong(r, key, "has %zu tokens; at most %d are taken.", count, limits->prompt);
        return;
    }
    if (!(p->ids = malloc(sizeof *p->ids * (count + 1)))) {
        lace_refuse(r->refusal, 500, NULL, "Out of memory.");
        r->failed = true;
        return;
    }
    json_array_foreach(list, i, value)
    {
        json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || id >= limits->vocabulary) {
            wrong(r, key, "has an entry, number %zu, that is not a token id from 0 to %d.", i, limits->vocabulary - 1);
            return;
        }
        p->ids[i] = (int)id;
    }
    p->count = (int)count;
    if (!count) wrong(r, key, "is empty.");
}

static void take_prompt(struct reader *r, const char *key, const json_t *value, struct lace_ask_prompt *p,
                        const struct lace_ask_limits *limits)
{
    if (json_is_string(value)) {
        p->text = json_string_value(value);
        p->len = json_string_length(value);
        if (!p->len) wrong(r, key, "is empty.");
    } else if (json_is_array(value)) take_ids(r, key, value, p, limits);
    else wrong(r, key, "must be a text, a list of token ids, or a list of either.");
}

static void take_prompts(struct reader *r, struct lace_ask *ask, const char *key, const struct lace_ask_limits *limits)
{
    const json_t *value = member(r, key), *first = json_array_get(value, 0), *one;
    bool several = json_is_array(value) && (json_is_string(first) || json_is_array(first));
    size_t count = several ? json_array_size(value) : 1, i;
    if (r->failed) return;
    if (!value) {
        wrong(r, key, "is missing.");
        return;
    }
    if (count > (size_t)limits->n) {
        wrong(r, key, "has %zu entries; at most %d are taken.", count, limits->n);
        return;
    }
    if (!(ask->prompt = calloc(count, sizeof *ask->prompt))) {
        lace_refuse(r->refusal, 500, NULL, "Out of memory.");
        r->failed = true;
        return;
    }
    ask->prompt_count = (int)count;
    if (!several) take_prompt(r, key, value, &ask->prompt[0], limits);
    else json_array_foreach(value, i, one) if (!r->failed) take_prompt(r, key, one, &ask->prompt[i], limits);
}

static void check_content(struct reader *r, const json_t *content)
{
    size_t i;
    const json_t *part;
    if (!content || json_is_null(content) || json_is_string(content)) return;
    if (!json_is_array(content)) {
        wrong(r, "messages", "has a content that is neither a text nor a list of text parts.");
        return;
    }
    json_array_foreach(content, i, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));
        if (!json_is_object(part) || !type || strcmp(type, "text") || !json_is_string(json_object_get(part, "text"))) {
            wrong(r, "messages", "has a content part that is not text; this server takes text alone.");
            return;
        }
    }
}

static void take_messages(struct reader *r, struct lace_ask *ask, const struct lace_ask_limits *limits)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool", "function", NULL};
    const json_t *list = member(r, "messages"), *message;
    size_t i;
    if (r->failed) return;
    if (!json_is_array(list) || !json_array_size(list)) {
        wrong(r, "messages", "must be a list of at least one message.");
        return;
    }
    if (json_array_size(list) > (size_t)limits->messages) {
        wrong(r, "messages", "has %zu entries; at most %d are taken.", json_array_size(list), limits->messages);
        return;
    }
    json_array_foreach(list, i, message)
    {
        const char *role = json_string_value(json_object_get(message, "role"));
        if (!json_is_object(message) || !role || !listed(roles, role)) {
            wrong(r, "messages",
                  "has an entry, number %zu, without a role: system, developer, user, assistant or tool.", i);
            return;
        }
        check_content(r, json_object_get(message, "content"));
        if (r->failed) return;
    }
    ask->messages = list;
}

/* A content's text; that of its parts line by line. */
static void add_content(struct lace_text *out, const json_t *content)
{
    size_t i;
    const json_t *part;
    if (json_is_string(content)) lace_text_add(out, json_string_value(content), json_string_length(content));
    json_array_foreach(content, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        lace_text_add(out, "\n", i ? 1 : 0);
        lace_text_add(out, json_string_value(text), json_string_length(text));
    }
}

json_t *lace_ask_messages(const struct lace_ask *ask)
{
    size_t i;
    const json_t *message;
    json_t *list = json_array();
    json_array_foreach(ask->messages, i, message)
    {
        json_t *copy = json_copy((json_t *)message);
        if (json_is_array(json_object_get(copy, "content"))) {
            struct lace_text text;
            lace_text_init(&text);
            add_content(&text, json_object_get(message, "content"));
            json_t *joined = text.data ? json_stringn(text.data, text.len) : json_string("");
            lace_text_release(&text);
            if (json_object_set_new(copy, "content", joined)) {
                json_decref(copy);
                copy = NULL;
            }
        }
        if (!json_array_append_new(list, copy)) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

int lace_ask_last_user(const struct lace_ask *ask, struct lace_text *out, struct lace_refusal *refusal)
{
    for (size_t i = json_array_size(ask->messages); i-- > 0;) {
        const json_t *message = json_array_get(ask->messages, i);
        if (strcmp(json_string_value(json_object_get(message, "role")), "user")) continue;
        add_content(out, json_object_get(message, "content"));
        if (out->failed) return lace_refuse(refusal, 500, NULL, "Out of memory.");
        if (!out->len) break;
        return 0;
    }
    return lace_refuse(refusal, 400, "messages",
                       "'messages' has no text of a user; this model has no chat template and reads the last user "
                       "message alone.");
}

/* ---- what the choices are like ---- */

static void take_stops(struct reader *r, struct lace_ask *ask)
{
    const json_t *value = member(r, "stop");
    if (!value) return;
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count > LACE_ASK_STOPS) {
        wrong(r, "stop", "has %zu entries; at most %d are taken.", count, LACE_ASK_STOPS);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(one) || !json_string_length(one) || json_string_length(one) > LACE_ASK_STOP_BYTES) {
            wrong(r, "stop", "must be a text of 1 to %d bytes, or a list of such texts.", LACE_ASK_STOP_BYTES);
            return;
        }
        ask->stop[ask->stop_count++] = json_string_value(one);
    }
}

static void take_sampling(struct reader *r, struct lace_ask *ask, const struct lace_ask_limits *limits)
{
    const struct lace_sampling *d = &limits->defaults->sampling;
    struct lace_sampling *s = &ask->sampling;
    s->temperature = get_real(r, "temperature", d->temperature, 0, 100);
    s->top_p = get_real(r, "top_p", d->top_p, 1e-9, 1);
    s->top_k = (int)get_int(r, "top_k", d->top_k, -1, 1 << 30);
    if (s->top_k < 0) s->top_k = 0; /* vLLM's way to say all */
    s->min_p = get_real(r, "min_p", d->min_p, 0, 0.999999);
    s->repetition_penalty = get_real(r, "repetition_penalty", d->repetition_penalty, 1e-9, 100);
    ask->seeded = member(r, "seed") != NULL;
    ask->seed = (uint64_t)get_int(r, "seed", 0, 0, INT64_MAX);
    if (get_real(r, "presence_penalty", 0, -2, 2) != 0) wrong(r, "presence_penalty", "is not supported; leave it out.");
    if (get_real(r, "frequency_penalty", 0, -2, 2) != 0)
        wrong(r, "frequency_penalty", "is not supported; leave it out, or use repetition_penalty.");
}

static void take_logprobs(struct reader *r, struct lace_ask *ask)
{
    const json_t *value = member(r, "logprobs");
    if (ask->kind == LACE_ASK_CHAT) {
        ask->logprobs = get_bool(r, "logprobs", false);
        ask->top_logprobs = (int)get_int(r, "top_logprobs", 0, 0, LACE_ASK_TOP);
        if (ask->top_logprobs && !ask->logprobs) wrong(r, "top_logprobs", "needs 'logprobs': true.");
    } else if (value) {
        ask->logprobs = true;
        ask->top_logprobs = (int)get_int(r, "logprobs", 0, 0, LACE_ASK_TOP);
    }
}

/* Members that would change the answer and are not implemented: refused unless they ask for nothing. */
static void refuse_missing(struct reader *r, struct lace_ask *ask)
{
    static const char *const empty[] = {"logit_bias", "tools",  "functions",          "prediction",
                                        "audio",      "suffix", "web_search_options", NULL};
    for (int i = 0; empty[i]; i++) {
        const json_t *value = member(r, empty[i]);
        bool none = !value || (json_is_object(value) && !json_object_size(value)) ||
                    (json_is_array(value) && !json_array_size(value)) ||
                    (json_is_string(value) && !json_string_length(value));
        if (!none) wrong(r, empty[i], "is not supported; leave it out.");
    }
    if (get_bool(r, "echo", false)) wrong(r, "echo", "is not supported; leave it out.");
    int best_of = (int)get_int(r, "best_of", ask->n, 1, 1 << 20);
    if (best_of != ask->n) wrong(r, "best_of", "is not supported other than as 'n'; use 'lace' with threads.");
    const json_t *format = member(r, "response_format"), *choice = member(r, "tool_choice"),
                 *modalities = member(r, "modalities");
    const char *type = json_string_value(json_is_object(format) ? json_object_get(format, "type") : format);
    if (format && (!type || strcmp(type, "text")))
        wrong(r, "response_format", "must be {\"type\": \"text\"}; no other format is supported.");
    type = json_string_value(choice);
    if (choice && (!type || (strcmp(type, "none") && strcmp(type, "auto"))))
        wrong(r, "tool_choice", "is not supported; leave it out.");
    type = json_string_value(json_array_get(modalities, 0));
    if (modalities && (json_array_size(modalities) != 1 || !type || strcmp(type, "text")))
        wrong(r, "modalities", "must be [\"text\"].");
}

static void take_visible(struct reader *r, struct lace_ask *ask, const struct lace_ask_limits *limits)
{
    const json_t *value = member(r, "visible");
    const char *name = json_string_value(value);
    if (!value) return;
    if (!limits->lattice) {
        wrong(r, "visible", "chooses what a lattice shows, and this model has none.");
        return;
    }
    ask->visible_set = true;
    if (name && !strcmp(name, "aligned")) ask->visible = LACE_ALIGNED;
    else if (name && !strcmp(name, "causal")) ask->visible = LACE_CAUSAL;
    else if (name && !strncmp(name, "window:", 7) && strlen(name) < 16 && name[7] &&
             strspn(name + 7, "0123456789") == strlen(name + 7) && atoi(name + 7) >= 1 && atoi(name + 7) <= 1 << 24) {
        ask->visible = LACE_WINDOW;
        ask->window = atoi(name + 7);
    } else wrong(r, "visible", "must be \"aligned\", \"causal\" or \"window:W\" with a number of positions.");
}

static void take_lace(struct reader *r, struct lace_ask *ask, const struct lace_ask_limits *limits)
{
    static const char *const known[] = {"threads",        "lattice", "visible",        "pick",
                                        "barrier",        "budget",  "group_budget",   "early_stop",
                                        "return_threads", "trace",   "stream_threads", NULL};
    static const char *const lattices[] = {"auto", "on", "off", NULL}, *const picks[] = {"verdict", "vote", "logprob",
                                                                                         NULL};
    const json_t *value = member(r, "lace");
    struct reader own = {value, "lace.", r->refusal, r->failed};
    ask->group = value || limits->default_threads;
    ask->threads = 1;
    ask->barrier = limits->defaults->barrier;
    ask->pick = limits->defaults->pick;
    if (!ask->group || r->failed) return;
    if (value && !json_is_object(value)) {
        wrong(r, "lace", "must be an object.");
        return;
    }
    check_known(&own, known, NULL);
    int fallback = limits->default_threads ? limits->default_threads : limits->defaults->threads;
    ask->threads =
        (int)get_int(&own, "threads", fallback < limits->threads ? fallback : limits->threads, 1, limits->threads);
    int lattice = get_choice(&own, "lattice", lattices, "on, off, auto"),
        pick = get_choice(&own, "pick", picks, "verdict, vote, logprob");
    if (lattice == 1 && !limits->lattice) wrong(&own, "lattice", "cannot be on: this model has none.");
    ask->muted = lattice == 2;
    if (pick >= 0) ask->pick = (enum lace_pick_by)pick;
    take_visible(&own, ask, limits);
    ask->barrier = get_bool(&own, "barrier", ask->barrier);
    ask->budget = (int)get_int(&own, "budget", 0, 1, limits->tokens);
    ask->group_budget = (int)get_int(&own, "group_budget", 0, 1, (json_int_t)limits->tokens * limits->threads);
    ask->early_stop = get_real(&own, "early_stop", 0, 0, 1);
    if (ask->early_stop > 0 && ask->barrier)
        wrong(&own, "early_stop", "needs 'lace.barrier': false: with the barrier all threads end together.");
    ask->return_threads = get_bool(&own, "return_threads", false);
    ask->stream_threads = get_bool(&own, "stream_threads", false);
    ask->trace = get_bool(&own, "trace", false);
    if (ask->trace && !limits->traces) wrong(&own, "trace", "is not served here; leave it out.");
    if (ask->trace && (int64_t)ask->prompt_count * ask->n > limits->traces)
        wrong(&own, "trace", "is kept of at most %d choices of a request; ask for fewer.", limits->traces);
    if (ask->stream_threads && !ask->stream) wrong(&own, "stream_threads", "needs 'stream': true.");
    r->failed = own.failed;
}

static void take_model(struct reader *r, const struct lace_ask_limits *limits)
{
    const json_t *value = member(r, "model");
    const char *name = json_string_value(value);
    if (!value) return;
    if (!name) wrong(r, "model", "must be a text.");
    else if (*name && strcmp(name, limits->model)) {
        lace_refuse(r->refusal, 404, "model", "The model '%.100s' is not served here; '%.100s' is.", name,
                    limits->model);
        r->refusal->code = "model_not_found";
        r->failed = true;
    }
}

static void take_stream(struct reader *r, struct lace_ask *ask)
{
    static const char *const known[] = {"include_usage", "include_obfuscation", NULL};
    const json_t *value = member(r, "stream_options");
    struct reader own = {value, "stream_options.", r->refusal, r->failed};
    ask->stream = get_bool(r, "stream", false);
    if (!value) return;
    if (!json_is_object(value)) wrong(r, "stream_options", "must be an object.");
    if (!ask->stream) wrong(r, "stream_options", "needs 'stream': true.");
    own.failed = r->failed;
    check_known(&own, known, NULL);
    ask->include_usage = get_bool(&own, "include_usage", false);
    r->failed = own.failed;
}

static void take_generation(struct reader *r, struct lace_ask *ask, const struct lace_ask_limits *limits)
{
    ask->n = (int)get_int(r, "n", 1, 1, limits->n);
    ask->max_tokens = (int)get_int(r, "max_tokens", 0, 1, limits->tokens);
    if (member(r, "max_completion_tokens"))
        ask->max_tokens = (int)get_int(r, "max_completion_tokens", 0, 1, limits->tokens);
    take_stream(r, ask);
    take_sampling(r, ask, limits);
    take_stops(r, ask);
    take_logprobs(r, ask);
    refuse_missing(r, ask);
    take_lace(r, ask, limits);
    if (!r->failed && (int64_t)ask->prompt_count * ask->n > limits->n)
        wrong(r, "n", "times the number of prompts is %lld; at most %d choices are made for a request.",
              (long long)ask->prompt_count * ask->n, limits->n);
}

static void parse(struct reader *r, struct lace_ask *ask, const struct lace_ask_limits *limits)
{
    /* Harmless to leave aside: they name the caller, or ask for what is not ours to give. */
    static const char *const ignored[] = {"user",
                                          "metadata",
                                          "store",
                                          "service_tier",
                                          "safety_identifier",
                                          "prompt_cache_key",
                                          "prompt_cache_retention",
                                          "reasoning_effort",
                                          "verbosity",
                                          "parallel_tool_calls",
                                          "function_call",
                                          NULL};
    static const char *const generation[] = {"model",
                                             "prompt",
                                             "messages",
                                             "n",
                                             "max_tokens",
                                             "max_completion_tokens",
                                             "temperature",
                                             "top_p",
                                             "top_k",
                                             "min_p",
                                             "stop",
                                             "seed",
                                             "stream",
                                             "stream_options",
                                             "logprobs",
                                             "top_logprobs",
                                             "echo",
                                             "best_of",
                                             "logit_bias",
                                             "response_format",
                                             "tools",
                                             "tool_choice",
                                             "functions",
                                             "modalities",
                                             "prediction",
                                             "audio",
                                             "suffix",
                                             "web_search_options",
                                             "lace",
                                             "repetition_penalty",
                                             "presence_penalty",
                                             "frequency_penalty",
                                             "chat_template_kwargs",
                                             NULL};
    static const char *const tokens[] = {"model", "content", "prompt", "add_special", "with_pieces", "tokens", NULL};
    bool chooses = ask->kind == LACE_ASK_COMPLETION || ask->kind == LACE_ASK_CHAT;
    check_known(r, chooses ? generation : tokens, ignored);
    take_model(r, limits);
    if (ask->kind == LACE_ASK_COMPLETION) take_prompts(r, ask, "prompt", limits);
    if (ask->kind == LACE_ASK_CHAT) {
        take_messages(r, ask, limits);
        ask->prompt_count = 1;
        ask->template_arguments = member(r, "chat_template_kwargs");
        if (ask->template_arguments && !json_is_object(ask->template_arguments))
            wrong(r, "chat_template_kwargs", "must be an object.");
    }
    if (ask->kind == LACE_ASK_TOKENIZE) {
        const char *key = member(r, "content") ? "content" : "prompt";
        const json_t *value = member(r, key);
        if (!r->failed && !json_is_string(value)) wrong(r, key, "must be a text.");
        take_prompts(r, ask, key, limits);
        ask->special = get_bool(r, "add_special", true);
        ask->pieces = get_bool(r, "with_pieces", false);
    }
    if (ask->kind == LACE_ASK_DETOKENIZE) {
        const json_t *value = member(r, "tokens");
        if (!r->failed && !json_is_array(value)) wrong(r, "tokens", "must be a list of token ids.");
        if (!r->failed && !(ask->prompt = calloc(1, sizeof *ask->prompt))) {
            lace_refuse(r->refusal, 500, NULL, "Out of memory.");
            r->failed = true;
        }
        if (r->failed) return;
        ask->prompt_count = 1;
        take_ids(r, "tokens", value, &ask->prompt[0], limits);
    }
    if (chooses) take_generation(r, ask, limits);
}

int lace_ask_parse(struct lace_ask *ask, enum lace_ask_kind kind, const char *body, size_t len,
                   const struct lace_ask_limits *limits, struct lace_refusal *refusal)
{
    struct lace_error err = {""};
    *ask = (struct lace_ask){.kind = kind};
    if (!len) return lace_refuse(refusal, 400, NULL, "The request has no body; it must be a JSON object.");
    ask->root = lace_json_parse(body, len, "The request body", &err);
    if (!ask->root) return lace_refuse(refusal, 400, NULL, "%s", err.text);
    struct reader r = {ask->root, "", refusal, false};
    if (!json_is_object(ask->root)) {
        lace_refuse(refusal, 400, NULL, "The request body must be a JSON object.");
        r.failed = true;
    } else parse(&r, ask, limits);
    if (!r.failed) return 0;
    lace_ask_release(ask);
    return LACE_BAD;
}

void lace_ask_release(struct lace_ask *ask)
{
    for (int i = 0; i < ask->prompt_count && ask->prompt; i++) free(ask->prompt[i].ids);
    free(ask->prompt);
    json_decref(ask->root);
    *ask = (struct lace_ask){0};
}
