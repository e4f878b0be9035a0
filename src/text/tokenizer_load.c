/* tokenizer.json to a struct lace_tokenizer. The rule: read what is understood, refuse by name what would
 * change ids, ignore what cannot. */
#include "io/json.h"
#include "text/tokenizer_internal.h"
#include "text/tokenizer_scan.h"
#include <string.h>

static int refuse(const struct lace_tokenizer *t, struct lace_error *err, const char *what)
{
    return lace_fail(err, LACE_BAD, "%.200s: %s is not supported; it would change the tokens.", t->path, what);
}

static bool missing(const json_t *value) { return !value || json_is_null(value); }

/* ---- the model ---- */

static int load_vocab(struct lace_tokenizer *t, const struct lace_tokenizer_scan *scan, struct lace_error *err)
{
    struct lace_json_reader r = {.at = scan->vocab, .end = scan->vocab_end, .path = t->path};
    int code = lace_vocab_init(&t->bpe.vocab, 0, err);
    int64_t id;
    bool more = lace_json_reader_take(&r, '{') && !lace_json_reader_take(&r, '}');
    while (more && !code) {
        lace_text_clear(&r.text);
        if ((code = lace_json_reader_string(&r, err))) break;
        if (!lace_json_reader_take(&r, ':')) code = lace_json_reader_fail(&r, err);
        else if (lace_json_reader_number(&r, &id) || id < 0 || id >= LACE_TOKEN_IDS)
            code = lace_fail(err, LACE_BAD, "%.200s: the id of token \"%.60s\" must be a whole number from 0 to %d.",
                             t->path, r.text.data, LACE_TOKEN_IDS - 1);
        else code = lace_tokenizer_add_model(t, (int)id, r.text.data, r.text.len, err);
        more = !code && lace_json_reader_take(&r, ',');
        if (!code && !more && !lace_json_reader_take(&r, '}')) code = lace_json_reader_fail(&r, err);
    }
    lace_text_release(&r.text);
    return code;
}

/* A merge as "left right" or ["left", "right"]; the result is their concatenation. */
static int load_merge(struct lace_tokenizer *t, struct lace_json_reader *r, size_t rank, struct lace_error *err)
{
    size_t left;
    int code;
    lace_text_clear(&r->text);
    if (lace_json_reader_take(r, '[')) {
        if ((code = lace_json_reader_string(r, NULL))) goto odd;
        left = r->text.len;
        if (!lace_json_reader_take(r, ',') || (code = lace_json_reader_string(r, NULL)) ||
            !lace_json_reader_take(r, ']'))
            goto odd;
        return lace_tokenizer_add_merge(t, rank, r->text.data, left, r->text.data + left, r->text.len - left, err);
    }
    if ((code = lace_json_reader_string(r, NULL))) goto odd;
    const char *space = memchr(r->text.data, ' ', r->text.len);
    left = space ? (size_t)(space - r->text.data) : r->text.len;
    if (!space || memchr(space + 1, ' ', r->text.len - left - 1))
        return lace_fail(err, LACE_BAD, "%.200s: merge %zu is not two tokens with a space between.", t->path, rank);
    return lace_tokenizer_add_merge(t, rank, r->text.data, left, space + 1, r->text.len - left - 1, err);
odd:
    if (r->text.failed) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", t->path);
    return lace_fail(err, LACE_BAD, "%.200s: merge %zu is not a pair of tokens.", t->path, rank);
}

static int load_merges(struct lace_tokenizer *t, const struct lace_tokenizer_scan *scan, struct lace_error *err)
{
    struct lace_json_reader r = {.at = scan->merges, .end = scan->merges_end, .path = t->path};
    size_t count = lace_tokenizer_scan_merges(scan), rank = 0;
    if (count > LACE_TOKEN_IDS)
        return lace_fail(err, LACE_BAD, "%.200s: there are %zu merges; at most %d are accepted.", t->path, count,
                         LACE_TOKEN_IDS);
    int code = lace_bpe_init(&t->bpe, count, err);
    bool more = lace_json_reader_take(&r, '[') && !lace_json_reader_take(&r, ']');
    while (more && !code) {
        if (rank == count) code = lace_json_reader_fail(&r, err); /* no room was made for what is no value */
        else code = load_merge(t, &r, rank++, err);
        more = !code && lace_json_reader_take(&r, ',');
        if (!code && !more && !lace_json_reader_take(&r, ']')) code = lace_json_reader_fail(&r, err);
    }
    lace_text_release(&r.text);
    return code;
}

static int load_unknown(struct lace_tokenizer *t, const json_t *model, struct lace_error *err)
{
    struct lace_bpe *bpe = &t->bpe;
    const json_t *unk = json_object_get(model, "unk_token");
    int code = lace_json_bool(model, "byte_fallback", false, &bpe->byte_fallback, t->path, err);
    if (!code) code = lace_json_bool(model, "fuse_unk", false, &bpe->fuse_unk, t->path, err);
    if (code) return code;
    bpe->unk = -1;
    if (missing(unk)) return 0;
    if (!json_is_string(unk)) return lace_fail(err, LACE_BAD, "%.200s: \"unk_token\" must be a string.", t->path);
    bpe->unk = lace_tokenizer_model_id(t, json_string_value(unk), json_string_length(unk));
    if (bpe->unk < 0 && !bpe->byte_level)
        return lace_fail(err, LACE_BAD, "%.200s: the unk_token \"%.60s\" is not in the vocabulary.", t->path,
                         json_string_value(unk));
    return 0;
}

/* Byte-level, what stands for an unknown byte is written in the alphabet; that is harmless where none is unknown. */
static int check_bytes(const struct lace_tokenizer *t, const json_t *model, struct lace_error *err)
{
    bool unknown = !missing(json_object_get(model, "unk_token"));
    if (!t->bpe.byte_level || (!unknown && !t->bpe.byte_fallback)) return 0;
    for (int b = 0; b < 0xf5; b++)
        if (t->bpe.byte_ids[b] < 0 && b != 0xc0 && b != 0xc1)
            return refuse(t, err,
                          unknown ? "unk_token with a byte-level vocabulary that lacks bytes"
                                  : "byte_fallback with a byte-level vocabulary that lacks bytes");
    return 0;
}

static int load_model(struct lace_tokenizer *t, const json_t *model, const struct lace_tokenizer_scan *scan,
                      struct lace_error *err)
{
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    if (!json_is_object(model)) return lace_fail(err, LACE_BAD, "%.200s: there is no model.", t->path);
    const char *type = "BPE"; /* old files leave it out */
    int code = lace_json_string(model, "type", type, &type, t->path, err);
    if (!code && strcmp(type, "BPE"))
        code = lace_fail(err, LACE_BAD, "%.200s: the model %.40s is not supported; BPE is.", t->path, type);
    if (!code) code = lace_json_bool(model, "ignore_merges", false, &t->bpe.ignore_merges, t->path, err);
    if (code) return code;
    const json_t *dropout = json_object_get(model, "dropout");
    if (!missing(dropout) && json_number_value(dropout) != 0) return refuse(t, err, "dropout");
    for (int i = 0; i < 2; i++) {
        const json_t *affix = json_object_get(model, affixes[i]);
        if (!missing(affix) && (!json_is_string(affix) || json_string_length(affix))) return refuse(t, err, affixes[i]);
    }
    t->bpe.byte_level = t->pretokenizer.byte_level;
    if (!scan->vocab) return lace_fail(err, LACE_BAD, "%.200s: the model has no vocab.", t->path);
    if ((code = load_vocab(t, scan, err)) || (code = load_unknown(t, model, err))) return code;
    if (!scan->merges) return lace_fail(err, LACE_BAD, "%.200s: the model has no merges.", t->path);
    code = load_merges(t, scan, err);
    if (!code) code = lace_bpe_finish(&t->bpe, err);
    return code ? code : check_bytes(t, model, err);
}

/* ---- added tokens ---- */

static int load_flags(struct lace_added_rule *rule, const json_t *token, const char *path, struct lace_error *err)
{
    int code = lace_json_bool(token, "special", false, &rule->special, path, err);
    if (!code) code = lace_json_bool(token, "normalized", !rule->special, &rule->normalized, path, err);
    if (!code) code = lace_json_bool(token, "single_word", false, &rule->single_word, path, err);
    if (!code) code = lace_json_bool(token, "lstrip", false, &rule->lstrip, path, err);
    return code ? code : lace_json_bool(token, "rstrip", false, &rule->rstrip, path, err);
}

/* Adds a token whose id is what Tokenizers would give it: that of the vocabulary, else the next one, whatever the file
 * says. */
static int put_added(struct lace_tokenizer *t, const struct lace_added_rule *rule, int *next, const char *path,
                     struct lace_error *err)
{
    int known = lace_tokenizer_model_id(t, rule->content, rule->len);
    if (known < 0) known = (*next)++;
    if (known != rule->id)
        return lace_fail(
            err, LACE_BAD,
            "%.200s: added token \"%.60s\" has id %d, where Tokenizers would give it %d by its place after "
            "the vocabulary; one of the two is wrong.",
            path, rule->content, rule->id, known);
    return lace_tokenizer_add(t, rule, err);
}

static int load_added(struct lace_tokenizer *t, const json_t *token, const struct lace_tokenizer_config *config,
                      int *next, struct lace_error *err)
{
    struct lace_added_rule rule = {.content = NULL};
    int code;
    if ((code = lace_json_string(token, "content", NULL, &rule.content, t->path, err))) return code;
    if ((code = lace_json_int(token, "id", -1, 0, LACE_TOKEN_IDS - 1, &rule.id, t->path, err))) return code;
    rule.len = json_string_length(json_object_get(token, "content"));
    if (rule.id < 0 || !rule.len)
        return lace_fail(err, LACE_BAD, "%.200s: added token \"%.60s\" needs an id and content.", t->path,
                         rule.content);
    if ((code = load_flags(&rule, token, t->path, err))) return code;
    const json_t *other = config ? lace_tokenizer_config_token(config, rule.content) : NULL;
    bool special = rule.special; /* what is special once stays so */
    if (other && (code = load_flags(&rule, other, config->path, err))) return code;
    rule.special |= special;
    return put_added(t, &rule, next, t->path, err);
}

/* Tokens that tokenizer_config.json adds: its list in the order of ids, then what it names as bos_token and so on and
 * the vocabulary has. A name that is nowhere (a pad_token, as a rule) is left alone: no model was trained on it. */
static int load_configured(struct lace_tokenizer *t, const struct lace_tokenizer_config *config, int *next,
                           struct lace_error *err)
{
    int code = 0;
    for (size_t i = 0; i < config->count && !code; i++) {
        struct lace_added_rule rule = {config->tokens[i].content, strlen(config->tokens[i].content),
                                       config->tokens[i].id};
        int id = lace_tokenizer_id(t, rule.content);
        if (!rule.len || (id >= 0 && t->bpe.vocab.tokens[id].added)) continue;
        if (!(code = load_flags(&rule, config->tokens[i].value, config->path, err)))
            code = put_added(t, &rule, next, config->path, err);
    }
    for (size_t i = 0; i < config->name_count && !code; i++) {
        const char *name = config->names[i];
        int id = lace_tokenizer_model_id(t, name, strlen(name));
        if (id < 0 || t->bpe.vocab.tokens[id].added) continue;
        code = lace_tokenizer_add(t, &(struct lace_added_rule){name, strlen(name), id, .special = true}, err);
    }
    return code;
}

/* ---- the whole ---- */

/* Where a pre-tokenizer has to know which piece begins the text, normalizers that add there would blur it. */
static int check_first(const struct lace_tokenizer *t, struct lace_error *err)
{
    for (int i = 1; i < t->pretokenizer.count; i++)
        if (t->pretokenizer.steps[i].kind == LACE_STEP_METASPACE &&
            t->pretokenizer.steps[i].scheme == LACE_PREPEND_FIRST && t->normalizer.count)
            return refuse(t, err, "prepend_scheme \"first\" behind another pre-tokenizer, with a normalizer,");
    return 0;
}

static int load(struct lace_tokenizer *t, const json_t *root, const struct lace_tokenizer_scan *scan,
                const struct lace_tokenizer_config *config, struct lace_error *err)
{
    int code;
    if (!json_is_object(root)) return lace_fail(err, LACE_BAD, "%.200s: a tokenizer must be a JSON object.", t->path);
    if (!missing(json_object_get(root, "truncation"))) return refuse(t, err, "truncation");
    const json_t *padding = json_object_get(root, "padding"), *added = json_object_get(root, "added_tokens");
    const char *strategy = json_string_value(json_object_get(padding, "strategy"));
    if (!missing(padding) && (!strategy || strcmp(strategy, "BatchLongest")))
        return refuse(t, err, "padding to a fixed length");
    if ((code = lace_normalizer_load(&t->normalizer, json_object_get(root, "normalizer"), t->path, err)) ||
        (code = lace_pretokenizer_load(&t->pretokenizer, json_object_get(root, "pre_tokenizer"), t->path, err)) ||
        (code = check_first(t, err)) || (code = load_model(t, json_object_get(root, "model"), scan, err)))
        return code;
    if (!missing(added) && !json_is_array(added))
        return lace_fail(err, LACE_BAD, "%.200s: added_tokens must be a list.", t->path);
    int next = t->bpe.vocab.count;
    for (size_t i = 0; i < json_array_size(added); i++)
        if ((code = load_added(t, json_array_get(added, i), config, &next, err))) return code;
    if (config && (code = load_configured(t, config, &next, err))) return code;
    code = lace_postprocessor_load(&t->postprocessor, json_object_get(root, "post_processor"), &t->bpe.vocab, t->path,
                                   err);
    return code ? code
                : lace_detokenizer_load(&t->detokenizer, json_object_get(root, "decoder"), t->bpe.byte_level,
                                        &t->bpe.vocab, t->path, err);
}

int lace_tokenizer_read(struct lace_tokenizer **out, const char *json, size_t len, const char *path,
                        const struct lace_tokenizer_config *config, struct lace_error *err)
{
    *out = NULL;
    if (len > LACE_TOKENIZER_FILE)
        return lace_fail(err, LACE_BAD, "%.200s is longer than the %zu bytes accepted for a tokenizer.", path,
                         LACE_TOKENIZER_FILE);
    struct lace_tokenizer *t = lace_tokenizer_new(path);
    if (!t) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    struct lace_tokenizer_scan scan;
    int code = lace_tokenizer_scan(&scan, json, len, path, err);
    json_t *root = code ? NULL : lace_json_parse(scan.rest.data, scan.rest.len, path, err);
    if (!code) code = root ? load(t, root, &scan, config, err) : LACE_BAD;
    json_decref(root);
    lace_tokenizer_scan_release(&scan);
    lace_text_release(&t->room);
    if (code) lace_tokenizer_close(&t);
    *out = t;
    return code;
}

int lace_tokenizer_parse(struct lace_tokenizer **tokenizer, const char *json, size_t len, const char *path,
                         struct lace_error *err)
{
    return lace_tokenizer_read(tokenizer, json, len, path, NULL, err);
}
