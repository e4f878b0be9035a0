#include "text/postprocessor.h"
#include "io/json.h"
#include <string.h>

/* Appends the ids of one special token to a side of the template being read. */
static int add_special(int *ids, int *count, const json_t *specials, const char *name, const struct lace_vocab *vocab,
                       const char *path, struct lace_error *err)
{
    const json_t *list = json_object_get(json_object_get(specials, name), "ids");
    if (!json_is_array(list))
        return lace_fail(err, LACE_BAD, "%.200s: the template uses \"%.60s\", which its special_tokens lack.", path,
                         name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *id = json_array_get(list, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= vocab->size ||
            !lace_vocab_has(vocab, (int)json_integer_value(id)))
            return lace_fail(err, LACE_BAD, "%.200s: the template gives \"%.60s\" an id that is no token.", path, name);
        if (*count == LACE_TEMPLATE_IDS)
            return lace_fail(err, LACE_BAD, "%.200s: the template adds more than %d tokens to a side.", path,
                             LACE_TEMPLATE_IDS);
        ids[(*count)++] = (int)json_integer_value(id);
    }
    return 0;
}

static int load_template(struct lace_postprocessor *post, const json_t *value, const struct lace_vocab *vocab,
                         const char *path, struct lace_error *err)
{
    const json_t *single = json_object_get(value, "single"), *specials = json_object_get(value, "special_tokens");
    int code = 0, texts = 0;
    const char *name;
    if (post->loaded)
        return lace_fail(err, LACE_BAD, "%.200s: more than one TemplateProcessing is not supported.", path);
    post->loaded = true;
    if (!json_is_array(single))
        return lace_fail(err, LACE_BAD, "%.200s: a TemplateProcessing has no list \"single\".", path);
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *piece = json_array_get(single, i), *special = json_object_get(piece, "SpecialToken"),
                     *text = json_object_get(piece, "Sequence");
        if ((code = lace_json_string(special ? special : text, "id", NULL, &name, path, err))) return code;
        if (special && texts) code = add_special(post->after, &post->after_count, specials, name, vocab, path, err);
        else if (special) code = add_special(post->before, &post->before_count, specials, name, vocab, path, err);
        else if (strcmp(name, "A") || texts++)
            return lace_fail(err, LACE_BAD, "%.200s: a template that does not use the text just once is not supported.",
                             path);
        if (code) return code;
    }
    if (!texts)
        return lace_fail(err, LACE_BAD, "%.200s: a template that does not use the text just once is not supported.",
                         path);
    return 0;
}

int lace_postprocessor_load(struct lace_postprocessor *post, const json_t *value, const struct lace_vocab *vocab,
                            const char *path, struct lace_error *err)
{
    const char *type;
    int code;
    if (!value || json_is_null(value)) return 0;
    if ((code = lace_json_string(value, "type", NULL, &type, path, err))) return code;
    if (!strcmp(type, "ByteLevel")) return 0; /* it only moves offsets, which we do not give */
    if (!strcmp(type, "TemplateProcessing")) return load_template(post, value, vocab, path, err);
    if (strcmp(type, "Sequence"))
        return lace_fail(err, LACE_BAD,
                         "%.200s: the post-processor %.40s is not supported; it would change the tokens.", path, type);
    const json_t *list = json_object_get(value, "processors");
    if (!json_is_array(list))
        return lace_fail(err, LACE_BAD, "%.200s: a Sequence of post-processors has no list.", path);
    for (size_t i = 0; i < json_array_size(list) && !code; i++)
        code = lace_postprocessor_load(post, json_array_get(list, i), vocab, path, err);
    return code;
}
