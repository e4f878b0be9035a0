/* tokenizer.json to a struct lace_tokenizer. The rule: read what is understood, refuse by name what would
 * change ids, ignore what cannot. */
#include "io/json.h"
#include "text/tokenizer_internal.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define MAX_FILE  ((size_t)64 << 20)
#define MAX_TOKEN ((size_t)65536)
#define MAX_ADDED ((size_t)1024)

static int refuse(const struct lace_tokenizer *t, struct lace_error *err, const char *what)
{
    return lace_fail(err, LACE_BAD, "%.200s: %s is not supported; it would change the tokens.", t->path, what);
}

static int no_memory(const struct lace_tokenizer *t, struct lace_error *err)
{
    return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", t->path);
}

static bool missing(const json_t *value) { return !value || json_is_null(value); }

static bool is_type(const json_t *object, const char *type)
{
    const char *name = json_string_value(json_object_get(object, "type"));
    return name && !strcmp(name, type);
}

/* ByteLevel's alphabet: printable bytes stand for themselves, the others for U+0100 and up in order. */
static int byte_point(int byte)
{
    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174) return byte;
    return byte < 33 ? 256 + byte : byte < 161 ? 256 + 33 + byte - 127 : 256 + 67;
}

int lace_byte_char(unsigned char byte, char out[2])
{
    int point = byte_point(byte);
    if (point < 128) {
        out[0] = (char)point;
        return 1;
    }
    out[0] = (char)(0xc0 | point >> 6);
    out[1] = (char)(0x80 | (point & 63));
    return 2;
}

/* The bytes that a vocabulary token stands for; one with characters outside the alphabet stands for itself. */
static void add_token_bytes(struct lace_text *out, const char *token, size_t len)
{
    static const unsigned char other[] = {127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138,
                                          139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 150,
                                          151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 173};
    size_t start = out->len;
    for (size_t i = 0; i < len;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)token + i, (utf8proc_ssize_t)(len - i), &point);
        int byte = n < 1 ? -1 : point < 256 ? point : point < 289 ? point - 256 : point < 324 ? other[point - 289] : -1;
        if (byte < 0 || byte_point(byte) != point) {
            if (out->failed) return;
            out->len = start;
            lace_text_add(out, token, len);
            return;
        }
        lace_text_add(out, &(char){(char)byte}, 1);
        i += (size_t)n;
    }
}

/* The slot of an id from 0 to LACE_TOKEN_IDS - 1, made where there is none; NULL: no memory. */
static struct lace_token *slot_of(struct lace_tokenizer *t, int id)
{
    if (id >= t->capacity) {
        int capacity = t->capacity ? t->capacity : 512;
        while (capacity <= id) capacity *= 2;
        struct lace_token *tokens = realloc(t->tokens, (size_t)capacity * sizeof *tokens);
        if (!tokens) return NULL;
        memset(tokens + t->capacity, 0, (size_t)(capacity - t->capacity) * sizeof *tokens);
        t->tokens = tokens;
        t->capacity = capacity;
    }
    if (id >= t->size) t->size = id + 1;
    return &t->tokens[id];
}

/* ---- Model ---- */

static int load_vocab(struct lace_tokenizer *t, json_t *vocab, struct lace_error *err)
{
    const char *token;
    json_t *value;
    if (!json_is_object(vocab)) return lace_fail(err, LACE_BAD, "%.200s: the model has no vocab.", t->path);
    t->vocab = json_incref(vocab);
    json_object_foreach(vocab, token, value)
    {
        json_int_t id = json_integer_value(value);
        size_t len = strlen(token);
        if (!json_is_integer(value) || id < 0 || id >= LACE_TOKEN_IDS)
            return lace_fail(err, LACE_BAD, "%.200s: the id of token \"%.60s\" must be a whole number from 0 to %d.",
                             t->path, token, LACE_TOKEN_IDS - 1);
        if (len > MAX_TOKEN)
            return lace_fail(err, LACE_BAD, "%.200s: token %lld is longer than %zu bytes.", t->path, (long long)id,
                             MAX_TOKEN);
        struct lace_token *slot = slot_of(t, (int)id);
        if (!slot) return no_memory(t, err);
        if (slot->present)
            return lace_fail(err, LACE_BAD, "%.200s: id %lld belongs to two tokens, one of them \"%.60s\".", t->path,
                             (long long)id, token);
        slot->present = true;
        slot->at = t->text.len;
        add_token_bytes(&t->text, token, len);
        slot->len = t->text.len - slot->at;
        if (t->text.failed) return no_memory(t, err);
        if (len > t->longest) t->longest = len;
    }
    for (int b = 0; b < 256; b++) {
        char name[2];
        json_t *id = json_object_getn(vocab, name, (size_t)lace_byte_char((unsigned char)b, name));
        t->bpe.byte_ids[b] = id ? (int)json_integer_value(id) : -1;
    }
    return 0;
}

/* A merge as "left right" or ["left", "right"]; the result is their concatenation. */
static int load_merge(struct lace_tokenizer *t, const json_t *merge, size_t rank, struct lace_error *err)
{
    const char *left, *right;
    size_t a, b;
    if (json_is_string(merge)) {
        left = json_string_value(merge);
        const char *space = strchr(left, ' ');
        if (!space || strchr(space + 1, ' '))
            return lace_fail(err, LACE_BAD, "%.200s: merge %zu is not two tokens with a space between.", t->path, rank);
        a = (size_t)(space - left);
        right = space + 1;
        b = strlen(right);
    } else {
        const json_t *first = json_array_get(merge, 0), *second = json_array_get(merge, 1);
        if (json_array_size(merge) != 2 || !json_is_string(first) || !json_is_string(second))
            return lace_fail(err, LACE_BAD, "%.200s: merge %zu is not a pair of tokens.", t->path, rank);
        left = json_string_value(first);
        right = json_string_value(second);
        a = json_string_length(first);
        b = json_string_length(second);
    }
    const json_t *left_id = json_object_getn(t->vocab, left, a), *right_id = json_object_getn(t->vocab, right, b),
                 *id = NULL;
    if (left_id && right_id && a + b <= MAX_TOKEN) {
        char *joined = malloc(a + b + 1);
        if (!joined) return no_memory(t, err);
        memcpy(joined, left, a);
        memcpy(joined + a, right, b);
        id = json_object_getn(t->vocab, joined, a + b);
        free(joined);
    }
    if (!id)
        return lace_fail(err, LACE_BAD,
                         "%.200s: merge %zu (%.*s and %.*s) names or makes a token that is not in the vocabulary.",
                         t->path, rank, (int)(a < 60 ? a : 60), left, (int)(b < 60 ? b : 60), right);
    lace_bpe_add(&t->bpe, (int)json_integer_value(left_id), (int)json_integer_value(right_id), (int)rank,
                 (int)json_integer_value(id));
    return 0;
}

static int load_model(struct lace_tokenizer *t, const json_t *model, struct lace_error *err)
{
    if (!json_is_object(model)) return lace_fail(err, LACE_BAD, "%.200s: there is no model.", t->path);
    const char *type = "BPE"; /* old files leave it out */
    bool fallback;
    int code = lace_json_string(model, "type", type, &type, t->path, err);
    if (!code && strcmp(type, "BPE"))
        code = lace_fail(err, LACE_BAD, "%.200s: the model %.40s is not supported; BPE is.", t->path, type);
    if (!code) code = lace_json_bool(model, "byte_fallback", false, &fallback, t->path, err);
    if (!code && fallback) code = refuse(t, err, "byte_fallback");
    if (!code) code = lace_json_bool(model, "ignore_merges", false, &t->ignore_merges, t->path, err);
    if (code) return code;
    const json_t *dropout = json_object_get(model, "dropout");
    if (!missing(dropout) && json_number_value(dropout) != 0) return refuse(t, err, "dropout");
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (int i = 0; i < 2; i++) {
        const json_t *affix = json_object_get(model, affixes[i]);
        if (!missing(affix) && (!json_is_string(affix) || json_string_length(affix))) return refuse(t, err, affixes[i]);
    }
    if ((code = load_vocab(t, json_object_get(model, "vocab"), err))) return code;
    if (!missing(json_object_get(model, "unk_token"))) /* harmless where every byte of UTF-8 has a token */
        for (int b = 0; b < 0xf5; b++)
            if (t->bpe.byte_ids[b] < 0 && b != 0xc0 && b != 0xc1)
                return refuse(t, err, "unk_token with a vocabulary that lacks bytes");
    const json_t *merges = json_object_get(model, "merges");
    if (!json_is_array(merges)) return lace_fail(err, LACE_BAD, "%.200s: the model has no merges.", t->path);
    size_t count = json_array_size(merges);
    if (count > LACE_TOKEN_IDS)
        return lace_fail(err, LACE_BAD, "%.200s: there are %zu merges; at most %d are accepted.", t->path, count,
                         LACE_TOKEN_IDS);
    code = lace_bpe_init(&t->bpe, count, err);
    for (size_t i = 0; !code && i < count; i++) code = load_merge(t, json_array_get(merges, i), i, err);
    return code;
}

/* ---- Added tokens ---- */

/* A new node's index, or 0 where memory ran out (the root, 0, is made first). */
static int trie_node(struct lace_trie *trie, struct lace_trie_node node)
{
    if (trie->count == trie->cap) {
        int cap = trie->cap ? trie->cap * 2 : 64;
        struct lace_trie_node *nodes = realloc(trie->nodes, (size_t)cap * sizeof *nodes);
        if (!nodes) return 0;
        trie->nodes = nodes;
        trie->cap = cap;
    }
    trie->nodes[trie->count] = node;
    return trie->count++;
}

static int trie_add(struct lace_trie *trie, const char *bytes, size_t len, int id)
{
    int at = 0;
    if (!trie->count) trie_node(trie, (struct lace_trie_node){.id = -1});
    if (!trie->count) return LACE_MEMORY;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        int child = trie->nodes[at].child;
        while (child && trie->nodes[child].byte != byte) child = trie->nodes[child].sibling;
        if (!child) {
            child = trie_node(trie, (struct lace_trie_node){0, trie->nodes[at].child, -1, byte});
            if (!child) return LACE_MEMORY;
            trie->nodes[at].child = child;
        }
        at = child;
    }
    if (trie->nodes[at].id < 0) trie->nodes[at].id = id;
    return 0;
}

int lace_trie_match(const struct lace_trie *trie, const char *bytes, size_t len, size_t *matched)
{
    int at = 0, id = -1;
    if (!trie->count) return -1;
    for (size_t i = 0; i < len; i++) {
        at = trie->nodes[at].child;
        while (at && trie->nodes[at].byte != (unsigned char)bytes[i]) at = trie->nodes[at].sibling;
        if (!at) break;
        if (trie->nodes[at].id >= 0) {
            id = trie->nodes[at].id;
            *matched = i + 1;
        }
    }
    return id;
}

int lace_nfc(const char *bytes, size_t len, char **out, size_t *out_len, struct lace_error *err)
{
    utf8proc_uint8_t *made = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)len, &made, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0) return lace_fail(err, LACE_BAD, "A text cannot be normalized: %s.", utf8proc_errmsg(n));
    *out = (char *)made;
    *out_len = (size_t)n;
    return 0;
}

static int load_added(struct lace_tokenizer *t, const json_t *token, struct lace_error *err)
{
    static const char *const refused[] = {"single_word", "lstrip", "rstrip"};
    const char *content;
    int id, code;
    bool flag, special, normalized;
    if ((code = lace_json_string(token, "content", NULL, &content, t->path, err))) return code;
    if ((code = lace_json_int(token, "id", -1, 0, LACE_TOKEN_IDS - 1, &id, t->path, err))) return code;
    size_t len = strlen(content);
    if (id < 0 || !len || len > MAX_ADDED)
        return lace_fail(err, LACE_BAD, "%.200s: added token \"%.60s\" needs an id and 1 to %zu bytes of content.",
                         t->path, content, MAX_ADDED);
    for (int i = 0; i < 3; i++) {
        if ((code = lace_json_bool(token, refused[i], false, &flag, t->path, err))) return code;
        if (flag)
            return lace_fail(
                err, LACE_BAD,
                "%.200s: added token \"%.60s\" has %s, which is not supported; it would change the tokens.", t->path,
                content, refused[i]);
    }
    if ((code = lace_json_bool(token, "special", false, &special, t->path, err))) return code;
    if ((code = lace_json_bool(token, "normalized", !special, &normalized, t->path, err))) return code;

    struct lace_token *slot = slot_of(t, id);
    if (!slot) return no_memory(t, err);
    const json_t *known = json_object_get(t->vocab, content);
    if (slot->added || (known ? json_integer_value(known) != id : slot->present))
        return lace_fail(err, LACE_BAD,
                         "%.200s: added token \"%.60s\" has id %d, which does not agree with the vocabulary.", t->path,
                         content, id);
    *slot = (struct lace_token){t->text.len, len, true, true, special};
    lace_text_add(&t->text, content, len);
    if (t->text.failed) return no_memory(t, err);
    if (!normalized || !t->nfc) code = trie_add(normalized ? &t->normalized : &t->raw, content, len, id);
    else {
        char *text;
        if ((code = lace_nfc(content, len, &text, &len, err))) return code;
        code = trie_add(&t->normalized, text, len, id);
        free(text);
    }
    return code ? no_memory(t, err) : 0;
}

/* ---- The whole ---- */

static int load_normalizer(struct lace_tokenizer *t, const json_t *normalizer, struct lace_error *err)
{
    if (missing(normalizer)) return 0;
    const char *type;
    int code = lace_json_string(normalizer, "type", NULL, &type, t->path, err);
    if (code) return code;
    if (!strcmp(type, "NFC")) t->nfc = true;
    else if (!strcmp(type, "Sequence")) {
        const json_t *list = json_object_get(normalizer, "normalizers");
        if (!json_is_array(list))
            return lace_fail(err, LACE_BAD, "%.200s: a Sequence of normalizers has no list.", t->path);
        for (size_t i = 0; i < json_array_size(list) && !code; i++)
            code = load_normalizer(t, json_array_get(list, i), err);
    } else code = lace_fail(err, LACE_BAD, "%.200s: the normalizer %.40s is not supported; NFC is.", t->path, type);
    return code;
}

static int load(struct lace_tokenizer *t, const json_t *root, struct lace_error *err)
{
    int code;
    if (!json_is_object(root)) return lace_fail(err, LACE_BAD, "%.200s: a tokenizer must be a JSON object.", t->path);
    if (!missing(json_object_get(root, "truncation"))) return refuse(t, err, "truncation");
    const json_t *padding = json_object_get(root, "padding");
    const char *strategy = json_string_value(json_object_get(padding, "strategy"));
    if (!missing(padding) && (!strategy || strcmp(strategy, "BatchLongest")))
        return refuse(t, err, "padding to a fixed length");
    const json_t *post = json_object_get(root, "post_processor"), *decoder = json_object_get(root, "decoder");
    if (!missing(post) && !is_type(post, "ByteLevel")) {
        const char *type = json_string_value(json_object_get(post, "type"));
        return lace_fail(err, LACE_BAD, "%.200s: the post-processor %.40s is not supported; ByteLevel is.", t->path,
                         type ? type : "without a type");
    }
    if (!is_type(decoder, "ByteLevel"))
        return lace_fail(err, LACE_BAD, "%.200s: the decoder must be ByteLevel.", t->path);
    if ((code = load_normalizer(t, json_object_get(root, "normalizer"), err))) return code;
    if ((code = lace_tokenizer_load_steps(t, json_object_get(root, "pre_tokenizer"), err))) return code;
    if ((code = load_model(t, json_object_get(root, "model"), err))) return code;
    const json_t *added = json_object_get(root, "added_tokens");
    if (!missing(added) && !json_is_array(added))
        return lace_fail(err, LACE_BAD, "%.200s: added_tokens must be a list.", t->path);
    for (size_t i = 0; i < json_array_size(added); i++)
        if ((code = load_added(t, json_array_get(added, i), err))) return code;
    return 0;
}

int lace_tokenizer_parse(struct lace_tokenizer **out, const char *json, size_t len, const char *path,
                         struct lace_error *err)
{
    *out = NULL;
    if (len > MAX_FILE)
        return lace_fail(err, LACE_BAD, "%.200s is longer than the %zu bytes accepted for a tokenizer.", path,
                         MAX_FILE);
    struct lace_tokenizer *t = calloc(1, sizeof *t);
    if (!t || !(t->path = strdup(path))) {
        lace_tokenizer_close(&t);
        return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    }
    json_t *root = lace_json_parse(json, len, path, err);
    int code = root ? load(t, root, err) : LACE_BAD;
    json_decref(root);
    if (code) {
        lace_tokenizer_close(&t);
        return code;
    }
    *out = t;
    return 0;
}

int lace_tokenizer_open(struct lace_tokenizer **tokenizer, const char *path, struct lace_error *err)
{
    char *bytes;
    size_t len;
    *tokenizer = NULL;
    int code = lace_read_file(path, MAX_FILE, &bytes, &len, err);
    if (code) return code;
    code = lace_tokenizer_parse(tokenizer, bytes, len, path, err);
    lace_free(bytes);
    return code;
}

void lace_tokenizer_close(struct lace_tokenizer **tokenizer)
{
    struct lace_tokenizer *t = *tokenizer;
    if (!t) return;
    for (int i = 0; i < t->step_count; i++) pcre2_code_free(t->steps[i].pattern);
    lace_bpe_release(&t->bpe);
    lace_text_release(&t->text);
    json_decref(t->vocab);
    free(t->raw.nodes);
    free(t->normalized.nodes);
    free(t->tokens);
    free(t->path);
    free(t);
    *tokenizer = NULL;
}
