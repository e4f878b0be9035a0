/* The tokenizer of a model's directory. Transformers lets tokenizer_config.json change the flags of added tokens and add
 * more of them; so do we, because these decide what a text is divided at. */
#include "io/json.h"
#include "io/model_dir.h"
#include "text/gguf_text.h"
#include "text/tokenizer_internal.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The text of a token: a string, or an object with its content. */
static const char *content_of(const json_t *value)
{
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

static void add_name(struct lace_tokenizer_config *c, const json_t *value)
{
    const char *name = content_of(value);
    if (name && *name && c->name_count < sizeof c->names / sizeof *c->names) c->names[c->name_count++] = name;
}

static int by_id(const void *a, const void *b)
{
    int x = ((const struct lace_config_token *)a)->id, y = ((const struct lace_config_token *)b)->id;
    return (x > y) - (x < y);
}

static int take(struct lace_tokenizer_config *c, const json_t *root, struct lace_error *err)
{
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
    static const char *const lists[] = {"extra_special_tokens", "additional_special_tokens"};
    json_t *list = json_object_get(root, "added_tokens_decoder"), *value;
    const char *key;
    if (!json_is_object(root)) return lace_fail(err, LACE_BAD, "%.200s: a JSON object is expected.", c->path);
    if (json_object_size(list) && !(c->tokens = calloc(json_object_size(list), sizeof *c->tokens)))
        return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", c->path);
    json_object_foreach(list, key, value)
    {
        char *end;
        long id = strtol(key, &end, 10);
        const char *content = content_of(value);
        if (end == key || *end || id < 0 || id >= LACE_TOKEN_IDS || !json_is_object(value) || !content)
            return lace_fail(err, LACE_BAD, "%.200s: added_tokens_decoder has \"%.40s\", which is no token.", c->path,
                             key);
        c->tokens[c->count++] = (struct lace_config_token){(int)id, content, value};
    }
    if (c->count) qsort(c->tokens, c->count, sizeof *c->tokens, by_id);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) add_name(c, json_object_get(root, names[i]));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; k < json_array_size(json_object_get(root, lists[i])); k++)
            add_name(c, json_array_get(json_object_get(root, lists[i]), k));
    return 0;
}

const json_t *lace_tokenizer_config_token(const struct lace_tokenizer_config *config, const char *content)
{
    for (size_t i = 0; i < config->count; i++)
        if (!strcmp(config->tokens[i].content, content)) return config->tokens[i].value;
    return NULL;
}

static int open_with(struct lace_tokenizer **tokenizer, const char *path, const struct lace_tokenizer_config *config,
                     struct lace_error *err)
{
    char *bytes;
    size_t len;
    *tokenizer = NULL;
    int code = lace_read_file(path, LACE_TOKENIZER_FILE, &bytes, &len, err);
    if (code) return code;
    code = lace_tokenizer_read(tokenizer, bytes, len, path, config, err);
    lace_free(bytes);
    return code;
}

int lace_tokenizer_open(struct lace_tokenizer **tokenizer, const char *path, struct lace_error *err)
{
    return open_with(tokenizer, path, NULL, err);
}

int lace_tokenizer_open_folder(struct lace_tokenizer **tokenizer, const char *folder, struct lace_error *err)
{
    char path[PATH_MAX], config_path[PATH_MAX];
    struct lace_tokenizer_config config = {.path = config_path};
    json_t *root = NULL;
    *tokenizer = NULL;
    int gguf = lace_model_gguf(folder, path, err);
    if (gguf) return gguf < 0 ? gguf : lace_tokenizer_open_gguf(tokenizer, path, err);
    int code = lace_join(path, folder, "tokenizer.json", err);
    if (!code) code = lace_join(config_path, folder, "tokenizer_config.json", err);
    if (code) return code;
    if (access(path, F_OK) && errno == ENOENT)
        return lace_fail(err, LACE_BAD,
                         "%.200s has no tokenizer.json; save_pretrained of Transformers writes one, also from an older "
                         "tokenizer.model.",
                         folder);
    if (access(config_path, F_OK)) return open_with(tokenizer, path, NULL, err);
    if (!(root = lace_json_read_wide(config_path, LACE_TOKENIZER_FILE, err))) return LACE_BAD;
    code = take(&config, root, err);
    if (!code) code = open_with(tokenizer, path, &config, err);
    free(config.tokens);
    json_decref(root);
    return code;
}
