#include "text/gguf_text.h"
#include "io/gguf.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define KEY(name) "tokenizer.ggml." name

static bool is(struct lace_string s, const char *text)
{
    return s.bytes && s.len == strlen(text) && !memcmp(s.bytes, text, s.len);
}

static bool is_any(struct lace_string s, const char *const *texts)
{
    for (; *texts; texts++)
        if (is(s, *texts)) return true;
    return false;
}

static int out_of_memory(const struct lace_gguf *file, struct lace_error *err)
{
    return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", file->path);
}

static int special_id(const struct lace_gguf *file, const char *key, int fallback, int *id, struct lace_error *err)
{
    long value;
    int code = lace_gguf_int(file, key, fallback, -1, INT_MAX, &value, err);
    *id = (int)value;
    return code;
}

/* ---- the tokenizer ---- */

/* The arrays, in memory of their own where they need it; what lace_tokenizer_build reads. */
struct arrays {
    struct lace_tokenizer_parts parts;
    struct lace_string *tokens, *merges;
    float *scores;
    int *types;
    char model[24], pre[40];
};

static int read_strings(const struct lace_gguf *file, const char *key, struct lace_string **out, size_t *count,
                        struct lace_error *err)
{
    const struct lace_gguf_pair *pair;
    int code = lace_gguf_array(file, key, LACE_GGUF_STRING, &pair, err);
    *count = pair ? pair->count : 0;
    if (code || !pair) return code;
    if (!(*out = lace_alloc_array(pair->count + 1, sizeof **out))) return out_of_memory(file, err);
    const unsigned char *at = pair->data;
    for (size_t i = 0; i < pair->count; i++) (*out)[i] = lace_gguf_next(&at);
    return 0;
}

/* An array that has one value for every token. */
static int find_beside(const struct lace_gguf *file, const char *key, enum lace_gguf_type type, size_t count,
                       const struct lace_gguf_pair **pair, struct lace_error *err)
{
    int code = lace_gguf_array(file, key, type, pair, err);
    if (code || !*pair || (*pair)->count == count) return code;
    return lace_fail(err, LACE_BAD, "%.200s: \"%s\" has %zu values for %zu tokens.", file->path, key, (*pair)->count,
                     count);
}

static int read_tokens(struct arrays *a, const struct lace_gguf *file, struct lace_error *err)
{
    const struct lace_gguf_pair *scores, *types;
    size_t count;
    int code = read_strings(file, KEY("tokens"), &a->tokens, &count, err);
    if (code || (code = find_beside(file, KEY("scores"), LACE_GGUF_F32, count, &scores, err)) ||
        (code = find_beside(file, KEY("token_type"), LACE_GGUF_I32, count, &types, err)))
        return code;
    if (count > INT_MAX) return lace_fail(err, LACE_BAD, "%.200s: %zu tokens are too many.", file->path, count);
    a->parts.tokens = a->tokens;
    a->parts.count = (int)count;
    if (scores && !(a->scores = lace_alloc_array(count + 1, sizeof *a->scores))) return out_of_memory(file, err);
    if (types && !(a->types = lace_alloc_array(count + 1, sizeof *a->types))) return out_of_memory(file, err);
    for (size_t i = 0; i < count && scores; i++) a->scores[i] = (float)lace_gguf_number(scores, i);
    for (size_t i = 0; i < count && types; i++) {
        long type = lace_gguf_whole(types, i);
        a->types[i] = type < 0 || type > INT_MAX ? INT_MAX : (int)type; /* which is no type */
    }
    a->parts.scores = a->scores;
    a->parts.types = a->types;
    return 0;
}

/* How a text is divided into words. Older Qwen files do not say it, and what SmolLM3's say is Llama 3's by another name. */
static int read_pre(struct arrays *a, const struct lace_gguf *file, struct lace_error *err)
{
    static const char *const qwen[] = {"qwen2", "qwen3", NULL};
    struct lace_string pre, arch;
    int code = lace_gguf_string(file, KEY("pre"), &pre, err);
    if (code || (code = lace_gguf_string(file, "general.architecture", &arch, err))) return code;
    if (!pre.bytes || is(pre, "default")) {
        if (!is_any(arch, qwen))
            return lace_fail(err, LACE_BAD,
                             "%.200s does not name its pre-tokenizer (" KEY(
                                 "pre") "), without which texts get wrong "
                                        "tokens; convert the model again with a llama.cpp of today.",
                             file->path);
        pre = (struct lace_string){"qwen2", 5};
    }
    if (is(pre, "smaug-bpe")) pre = (struct lace_string){"llama-bpe", 9};
    if (pre.len >= sizeof a->pre || memchr(pre.bytes, 0, pre.len))
        return lace_fail(err, LACE_BAD, "%.200s: \"" KEY("pre") "\" is no name.", file->path);
    memcpy(a->pre, pre.bytes, pre.len);
    a->parts.pre = a->pre;
    return 0;
}

/* What llama.cpp takes where a key is missing. */
static int read_specials(struct arrays *a, const struct lace_gguf *file, struct lace_error *err)
{
    static const char *const beginning[] = {"llama3", "llama-v3", "llama-bpe", "tekken", NULL};
    struct lace_tokenizer_parts *p = &a->parts;
    bool llama = !strcmp(a->model, "llama"),
         bos = llama || (p->pre && is_any((struct lace_string){p->pre, strlen(p->pre)}, beginning));
    int code;
    if ((code = special_id(file, KEY("bos_token_id"), llama ? 1 : -1, &p->bos, err)) ||
        (code = special_id(file, KEY("eos_token_id"), llama ? 2 : -1, &p->eos, err)) ||
        (code = special_id(file, KEY("unknown_token_id"), llama ? 0 : -1, &p->unk, err)) ||
        (code = lace_gguf_bool(file, KEY("add_bos_token"), bos && p->bos >= 0, &p->add_bos, err)) ||
        (code = lace_gguf_bool(file, KEY("add_eos_token"), false, &p->add_eos, err)))
        return code;
    return lace_gguf_bool(file, KEY("add_space_prefix"), true, &p->add_space_prefix, err);
}

static int read_arrays(struct arrays *a, const struct lace_gguf *file, struct lace_error *err)
{
    static const char *const models[] = {"llama", "gpt2", NULL};
    struct lace_string model;
    bool squeeze;
    int code = lace_gguf_string(file, KEY("model"), &model, err);
    if (code) return code;
    if (!model.bytes)
        return lace_fail(err, LACE_BAD,
                         "%.200s holds no tokenizer (" KEY("model") "); convert the model again with it.", file->path);
    if (!is_any(model, models))
        return lace_fail(err, LACE_BAD, "%.200s: the tokenizer model \"%.*s\" is not supported; llama and gpt2 are.",
                         file->path, (int)(model.len < 40 ? model.len : 40), model.bytes);
    memcpy(a->model, model.bytes, model.len);
    a->parts.path = file->path;
    a->parts.model = a->model;
    if ((code = lace_gguf_bool(file, KEY("remove_extra_whitespaces"), false, &squeeze, err))) return code;
    if (squeeze && is(model, "llama"))
        return lace_fail(err, LACE_BAD,
                         "%.200s: the setting " KEY("remove_extra_whitespaces") " is not supported; it "
                                                                                "would change the tokens.",
                         file->path);
    if ((code = read_tokens(a, file, err)) || (is(model, "gpt2") && (code = read_pre(a, file, err))) ||
        (code = read_specials(a, file, err)))
        return code;
    code = read_strings(file, KEY("merges"), &a->merges, &a->parts.merge_count, err);
    a->parts.merges = a->merges;
    return code;
}

int lace_tokenizer_open_gguf(struct lace_tokenizer **tokenizer, const char *path, struct lace_error *err)
{
    struct lace_gguf file;
    struct arrays a = {.tokens = NULL};
    *tokenizer = NULL;
    int code = lace_gguf_open(&file, path, err);
    if (code) return code;
    code = read_arrays(&a, &file, err);
    if (!code) code = lace_tokenizer_build(tokenizer, &a.parts, err);
    lace_free(a.tokens);
    lace_free(a.merges);
    lace_free(a.scores);
    lace_free(a.types);
    lace_gguf_close(&file);
    return code;
}

/* ---- the chat template ---- */

/* The token of an id; NULL bytes: there is none. */
static struct lace_string token_text(const struct lace_gguf *file, int id)
{
    const struct lace_gguf_pair *tokens = lace_gguf_find(file, KEY("tokens"));
    struct lace_string s = {NULL, 0};
    if (!tokens || !tokens->array || tokens->type != LACE_GGUF_STRING || id < 0 || (size_t)id >= tokens->count)
        return s;
    const unsigned char *at = tokens->data;
    for (int i = 0; i <= id; i++) s = lace_gguf_next(&at);
    return s;
}

static int set_text(json_t *object, const char *name, struct lace_string s, const struct lace_gguf *file,
                    struct lace_error *err)
{
    if (!s.bytes || !json_object_set_new(object, name, json_stringn(s.bytes, s.len))) return 0;
    return lace_fail(err, LACE_BAD, "%.200s: what becomes the %s of the chat template is not UTF-8.", file->path, name);
}

/* Templates beside the default one: for tools, for retrieval. */
static int read_named(const struct lace_gguf *file, json_t *list, struct lace_error *err)
{
    const struct lace_gguf_pair *names;
    char key[128];
    int code = lace_gguf_array(file, "tokenizer.chat_templates", LACE_GGUF_STRING, &names, err);
    const unsigned char *at = names ? names->data : NULL;
    for (size_t i = 0; names && i < names->count && !code; i++) {
        struct lace_string name = lace_gguf_next(&at), source;
        json_t *one = json_object();
        if (name.len > 64 || memchr(name.bytes, 0, name.len))
            code = lace_fail(err, LACE_BAD, "%.200s: a chat template has no name.", file->path);
        snprintf(key, sizeof key, "tokenizer.chat_template.%.*s", (int)name.len, name.bytes);
        if (!code) code = lace_gguf_string(file, key, &source, err);
        if (!code) code = set_text(one, "name", name, file, err);
        if (!code) code = set_text(one, "template", source, file, err);
        if (!code && source.bytes) json_array_append(list, one);
        json_decref(one);
    }
    return code;
}

static int read_chat(const struct lace_gguf *file, json_t *config, struct lace_error *err)
{
    static const struct {
        const char *key, *name;
    } tokens[] = {{KEY("bos_token_id"), "bos_token"},
                  {KEY("eos_token_id"), "eos_token"},
                  {KEY("unknown_token_id"), "unk_token"},
                  {KEY("padding_token_id"), "pad_token"}};
    struct lace_string source;
    json_t *list = json_array(), *first = json_object();
    int code = list && first ? 0 : out_of_memory(file, err), id;
    for (int i = 0; i < 4 && !code; i++)
        if (!(code = special_id(file, tokens[i].key, -1, &id, err)))
            code = set_text(config, tokens[i].name, token_text(file, id), file, err);
    if (!code) code = lace_gguf_string(file, "tokenizer.chat_template", &source, err);
    if (!code && source.bytes && !(code = set_text(first, "template", source, file, err))) {
        json_object_set_new(first, "name", json_string("default"));
        json_array_append(list, first);
    }
    if (!code) code = read_named(file, list, err);
    if (!code && json_array_size(list)) json_object_set(config, "chat_template", list);
    json_decref(first);
    json_decref(list);
    return code;
}

/* ---- how it goes on ---- */

/* A checkpoint's generation_config.json lists every token that ends a turn or a text. A file names one or two of them; the
 * control tokens of these names do the same. */
static int read_ends(const struct lace_gguf *file, json_t *generation, struct lace_error *err)
{
    static const char *const keys[] = {KEY("eos_token_id"), KEY("eot_token_id"), KEY("eom_token_id")},
                             *const names[] = {"<|im_end|>",    "<|eot_id|>",      "<|eom_id|>",
                                               "<|endoftext|>", "<|end_of_text|>", NULL};
    const struct lace_gguf_pair *tokens, *types;
    json_t *list = json_array();
    int id, code = 0;
    for (int i = 0; i < 3 && !code; i++)
        if (!(code = special_id(file, keys[i], -1, &id, err)) && id >= 0) json_array_append_new(list, json_integer(id));
    if (!code) code = lace_gguf_array(file, KEY("tokens"), LACE_GGUF_STRING, &tokens, err);
    if (!code && tokens) code = find_beside(file, KEY("token_type"), LACE_GGUF_I32, tokens->count, &types, err);
    if (!code && tokens && types) {
        const unsigned char *at = tokens->data;
        for (size_t i = 0; i < tokens->count; i++) {
            struct lace_string s = lace_gguf_next(&at);
            if (s.len && *s.bytes == '<' && lace_gguf_whole(types, i) == LACE_TYPE_CONTROL && is_any(s, names))
                json_array_append_new(list, json_integer((json_int_t)i));
        }
    }
    if (!code && json_array_size(list)) json_object_set(generation, "eos_token_id", list);
    json_decref(list);
    return code;
}

/* The publisher's advice for sampling, which few files have. */
static int read_sampling(const struct lace_gguf *file, json_t *generation, struct lace_error *err)
{
    static const struct {
        const char *key, *name;
        double fallback;
    } numbers[] = {{"general.sampling.temp", "temperature", 1},
                   {"general.sampling.top_p", "top_p", 1},
                   {"general.sampling.min_p", "min_p", 0},
                   {"general.sampling.penalty_repeat", "repetition_penalty", 1}};
    double x;
    long top_k;
    bool any = lace_gguf_find(file, "general.sampling.top_k");
    int code = lace_gguf_int(file, "general.sampling.top_k", 0, INT_MIN, INT_MAX, &top_k, err);
    for (int i = 0; i < 4 && !code; i++) {
        any |= lace_gguf_find(file, numbers[i].key) != NULL;
        if (!(code = lace_gguf_real(file, numbers[i].key, numbers[i].fallback, -1e6, 1e6, &x, err)))
            json_object_set_new(generation, numbers[i].name, json_real(x));
    }
    json_object_set_new(generation, "top_k", json_integer(top_k > 0 ? top_k : 0));
    json_object_set_new(generation, "do_sample", json_boolean(any));
    return code;
}

static int open_and_read(const char *path, json_t **out,
                         int (*read)(const struct lace_gguf *file, json_t *object, struct lace_error *err),
                         struct lace_error *err)
{
    struct lace_gguf file;
    *out = NULL;
    int code = lace_gguf_open(&file, path, err);
    if (code) return code;
    json_t *object = json_object();
    code = object ? read(&file, object, err) : out_of_memory(&file, err);
    lace_gguf_close(&file);
    if (code) json_decref(object);
    else *out = object;
    return code;
}

static int read_generation(const struct lace_gguf *file, json_t *generation, struct lace_error *err)
{
    int code = read_ends(file, generation, err);
    return code ? code : read_sampling(file, generation, err);
}

int lace_gguf_chat_config(const char *path, json_t **config, struct lace_error *err)
{
    return open_and_read(path, config, read_chat, err);
}

int lace_gguf_generation(const char *path, json_t **generation, struct lace_error *err)
{
    return open_and_read(path, generation, read_generation, err);
}
