/* A tokenizer from a GGUF file's arrays. Control tokens become special ones and user-defined tokens added ones, both
 * sought before normalization; the others are the model's.
 *
 * SentencePiece merges the pair whose result has the best score, leftmost first. That is merging by rules: one for every
 * way to divide a token into two others, its rank the place of its score among all scores. */
#include "text/tokenizer_internal.h"
#include "text/utf8.h"
#include <stdlib.h>
#include <string.h>

#define MAX_SCORED 256 /* bytes: every division of a token is looked at */

static int type_of(const struct lace_tokenizer_parts *p, int id) { return p->types ? p->types[id] : LACE_TYPE_NORMAL; }

static bool is_model(int type)
{
    return type == LACE_TYPE_NORMAL || type == LACE_TYPE_UNKNOWN || type == LACE_TYPE_BYTE;
}

static int check(const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    const int ids[] = {p->bos, p->eos, p->unk};
    bool llama = !strcmp(p->model, "llama");
    if (!llama && strcmp(p->model, "gpt2"))
        return lace_fail(err, LACE_BAD, "%.200s: the tokenizer model \"%.40s\" is not supported; llama and gpt2 are.",
                         p->path, p->model);
    if (p->count < 1 || p->count > LACE_TOKEN_IDS)
        return lace_fail(err, LACE_BAD, "%.200s: a vocabulary of %d tokens; from 1 to %d are accepted.", p->path,
                         p->count, LACE_TOKEN_IDS);
    if (llama && !p->scores)
        return lace_fail(err, LACE_BAD, "%.200s: a tokenizer of type llama needs a score for every token.", p->path);
    if (!llama && !p->pre)
        return lace_fail(err, LACE_BAD, "%.200s: a tokenizer of type gpt2 must name its pre-tokenizer.", p->path);
    for (int i = 0; i < 3; i++)
        if (ids[i] < -1 || ids[i] >= p->count)
            return lace_fail(err, LACE_BAD, "%.200s: special token %d is not in the vocabulary of %d.", p->path, ids[i],
                             p->count);
    if ((p->add_bos && p->bos < 0) || (p->add_eos && p->eos < 0))
        return lace_fail(err, LACE_BAD, "%.200s: a token is to be added to texts that the vocabulary does not name.",
                         p->path);
    for (int id = 0; id < p->count; id++) {
        const struct lace_string *token = &p->tokens[id];
        if (type_of(p, id) < LACE_TYPE_NORMAL || type_of(p, id) > LACE_TYPE_BYTE)
            return lace_fail(err, LACE_BAD, "%.200s: token %d has the unknown type %d.", p->path, id, type_of(p, id));
        if (!lace_utf8_valid(token->bytes, token->len))
            return lace_fail(err, LACE_BAD, "%.200s: token %d is not UTF-8.", p->path, id);
        if (llama && token->len > MAX_SCORED)
            return lace_fail(err, LACE_BAD, "%.200s: token %d is longer than %d bytes.", p->path, id, MAX_SCORED);
        if (llama && p->scores[id] != p->scores[id])
            return lace_fail(err, LACE_BAD, "%.200s: the score of token %d is no number.", p->path, id);
    }
    return 0;
}

/* ---- rules from scores ---- */

struct division {
    float score;
    int left, right, id;
};

static int by_score(const void *a, const void *b)
{
    float x = ((const struct division *)a)->score, y = ((const struct division *)b)->score;
    return (x < y) - (x > y);
}

static int find(const struct lace_tokenizer *t, const char *bytes, size_t len)
{
    return lace_vocab_find(&t->bpe.vocab, LACE_TOKEN_MODEL, bytes, len);
}

static int add_scored(struct lace_tokenizer *t, const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    struct division *list = NULL;
    size_t count = 0, cap = 0;
    int code = 0;
    for (int id = 0; id < p->count && !code; id++) {
        const struct lace_string *token = &p->tokens[id];
        if (type_of(p, id) != LACE_TYPE_NORMAL) continue;
        for (size_t at = 1; at < token->len && !code; at++) {
            if ((token->bytes[at] & 0xc0) == 0x80) continue;
            int left = find(t, token->bytes, at), right = left < 0 ? -1 : find(t, token->bytes + at, token->len - at);
            if (right < 0 || type_of(p, left) != LACE_TYPE_NORMAL || type_of(p, right) != LACE_TYPE_NORMAL) continue;
            if (count == cap) {
                struct division *more = realloc(list, (cap = cap ? 2 * cap : 1024) * sizeof *list);
                if (!more) code = lace_fail(err, LACE_MEMORY, "Out of memory for the merges of %.200s.", p->path);
                else list = more;
            }
            if (!code) list[count++] = (struct division){p->scores[id], left, right, id};
        }
    }
    if (!code && count > 4 * (size_t)LACE_TOKEN_IDS)
        code = lace_fail(err, LACE_BAD, "%.200s: the vocabulary can be merged in %zu ways; at most %d are accepted.",
                         p->path, count, 4 * LACE_TOKEN_IDS);
    if (!code) code = lace_bpe_init(&t->bpe, count, err);
    if (count) qsort(list, count, sizeof *list, by_score);
    for (size_t i = 0, rank = 0; i < count && !code; i++) {
        if (i && list[i].score < list[i - 1].score) rank = i; /* equal scores: the leftmost goes first */
        lace_bpe_add(&t->bpe, list[i].left, list[i].right, (int)rank, list[i].id);
    }
    free(list);
    return code;
}

static int add_rules(struct lace_tokenizer *t, const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    int code = p->merge_count > LACE_TOKEN_IDS
                   ? lace_fail(err, LACE_BAD, "%.200s: there are %zu merges; at most %d are accepted.", p->path,
                               p->merge_count, LACE_TOKEN_IDS)
                   : lace_bpe_init(&t->bpe, p->merge_count, err);
    for (size_t i = 0; i < p->merge_count && !code; i++) {
        const char *left = p->merges[i].bytes, *space = memchr(left, ' ', p->merges[i].len);
        size_t a = space ? (size_t)(space - left) : 0, b = space ? p->merges[i].len - a - 1 : 0;
        if (!space || memchr(space + 1, ' ', b))
            return lace_fail(err, LACE_BAD, "%.200s: merge %zu is not two tokens with a space between.", p->path, i);
        code = lace_tokenizer_add_merge(t, i, left, a, space + 1, b, err);
    }
    return code;
}

/* ---- the whole ---- */

static int add_tokens(struct lace_tokenizer *t, const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    int code = lace_vocab_init(&t->bpe.vocab, (size_t)p->count, err);
    for (int id = 0; id < p->count && !code; id++) {
        const struct lace_string *s = &p->tokens[id];
        /* a name that no text can have: what is unused, and the control tokens of a llama model, are never merged */
        if (is_model(type_of(p, id)) || (t->bpe.byte_level && type_of(p, id) != LACE_TYPE_UNUSED))
            code = lace_tokenizer_add_model(t, id, s->bytes, s->len, err);
        else code = lace_vocab_add(&t->bpe.vocab, id, LACE_TOKEN_ADDED, s->bytes, s->len, p->path, err);
    }
    return code;
}

static int add_added(struct lace_tokenizer *t, const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    int code = 0;
    for (int id = 0; id < p->count && !code; id++) {
        int type = type_of(p, id);
        bool special = type == LACE_TYPE_CONTROL || type == LACE_TYPE_UNKNOWN;
        if (!p->tokens[id].len || (!special && type != LACE_TYPE_USER_DEFINED)) continue;
        code = lace_tokenizer_add(
            t, &(struct lace_added_rule){p->tokens[id].bytes, p->tokens[id].len, id, .special = special}, err);
    }
    return code;
}

static int build_llama(struct lace_tokenizer *t, const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    int code = 0;
    t->bpe.byte_fallback = t->bpe.fuse_unk = true;
    t->bpe.unk = p->unk;
    if (p->add_space_prefix) code = lace_normalizer_prepend(&t->normalizer, "\xe2\x96\x81", err);
    if (!code) code = lace_normalizer_replace(&t->normalizer, " ", "\xe2\x96\x81", err);
    if (!code) code = add_tokens(t, p, err);
    if (!code) code = add_scored(t, p, err);
    return code;
}

static int build_gpt2(struct lace_tokenizer *t, const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    int code = lace_pretokenizer_named(&t->pretokenizer, p->pre, p->path, err);
    t->bpe.byte_level = true;
    t->bpe.unk = -1;
    /* as these families' tokenizer.json has it */
    t->bpe.ignore_merges = !strncmp(p->pre, "llama", 5) || !strcmp(p->pre, "tekken");
    if (!code && strstr(p->pre, "qwen")) code = lace_normalizer_nfc(&t->normalizer, err);
    if (!code) code = add_tokens(t, p, err);
    return code ? code : add_rules(t, p, err);
}

int lace_tokenizer_build(struct lace_tokenizer **out, const struct lace_tokenizer_parts *p, struct lace_error *err)
{
    *out = NULL;
    int code = check(p, err);
    if (code) return code;
    struct lace_tokenizer *t = lace_tokenizer_new(p->path);
    if (!t) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", p->path);
    bool llama = !strcmp(p->model, "llama");
    code = llama ? build_llama(t, p, err) : build_gpt2(t, p, err);
    if (!code) code = lace_bpe_finish(&t->bpe, err);
    if (!code) code = add_added(t, p, err);
    if (!code) code = lace_detokenizer_set(&t->detokenizer, !llama, llama && p->add_space_prefix, &t->bpe.vocab, err);
    if (p->add_bos) t->postprocessor.before[t->postprocessor.before_count++] = p->bos;
    if (p->add_eos) t->postprocessor.after[t->postprocessor.after_count++] = p->eos;
    lace_text_release(&t->room);
    if (code) lace_tokenizer_close(&t);
    *out = t;
    return code;
}
