/* What makes a tokenizer, whether it comes from JSON or from arrays. */
#include "text/tokenizer_internal.h"
#include "text/utf8.h"
#include <stdlib.h>
#include <string.h>

#define MAX_ADDED ((size_t)1024)

struct lace_tokenizer *lace_tokenizer_new(const char *path)
{
    struct lace_tokenizer *t = calloc(1, sizeof *t);
    if (t && !(t->path = strdup(path))) lace_tokenizer_close(&t);
    return t;
}

void lace_tokenizer_close(struct lace_tokenizer **tokenizer)
{
    struct lace_tokenizer *t = *tokenizer;
    if (!t) return;
    lace_normalizer_release(&t->normalizer);
    lace_pretokenizer_release(&t->pretokenizer);
    lace_bpe_release(&t->bpe);
    lace_added_release(&t->added);
    lace_text_release(&t->room);
    free(t->path);
    free(t);
    *tokenizer = NULL;
}

/* ---- the model ---- */

/* Sets *name to what the model calls a written token, which may lie in room; returns its kind. */
static enum lace_token_kind name_of(const struct lace_tokenizer *t, struct lace_text *room, const char *written,
                                    size_t len, struct lace_string *name)
{
    *name = (struct lace_string){written, len};
    if (!t->pretokenizer.byte_level) return LACE_TOKEN_MODEL;
    lace_text_clear(room);
    if (!lace_alphabet_bytes(room, written, len)) return LACE_TOKEN_LITERAL;
    *name = (struct lace_string){room->data ? room->data : "", room->len};
    return LACE_TOKEN_MODEL;
}

int lace_tokenizer_model_id(const struct lace_tokenizer *t, const char *written, size_t len)
{
    struct lace_text room;
    struct lace_string name;
    lace_text_init(&room);
    enum lace_token_kind kind = name_of(t, &room, written, len, &name);
    int id = room.failed ? -1 : lace_vocab_find(&t->bpe.vocab, kind, name.bytes, name.len);
    lace_text_release(&room);
    return id;
}

int lace_tokenizer_add_model(struct lace_tokenizer *t, int id, const char *written, size_t len, struct lace_error *err)
{
    struct lace_string name;
    enum lace_token_kind kind = name_of(t, &t->room, written, len, &name);
    if (t->room.failed) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", t->path);
    return lace_vocab_add(&t->bpe.vocab, id, kind, name.bytes, name.len, t->path, err);
}

/* The ids of left, right and both together, as written. */
static void merged_ids(const struct lace_tokenizer *t, const char *left, size_t left_len, const char *right,
                       size_t right_len, struct lace_text *room, int ids[3])
{
    const struct lace_vocab *v = &t->bpe.vocab;
    bool plain = true; /* no token with characters outside the byte alphabet */
    lace_text_clear(room);
    if (!t->pretokenizer.byte_level) lace_text_add(room, left, left_len);
    else plain = lace_alphabet_bytes(room, left, left_len);
    size_t middle = room->len;
    if (!t->pretokenizer.byte_level) lace_text_add(room, right, right_len);
    else if (plain) plain = lace_alphabet_bytes(room, right, right_len);
    if (room->failed || !room->data) return;
    if (plain) {
        ids[0] = lace_vocab_find(v, LACE_TOKEN_MODEL, room->data, middle);
        ids[1] = lace_vocab_find(v, LACE_TOKEN_MODEL, room->data + middle, room->len - middle);
        ids[2] = lace_vocab_find(v, LACE_TOKEN_MODEL, room->data, room->len);
        return;
    }
    lace_text_clear(room);
    lace_text_add(room, left, left_len);
    lace_text_add(room, right, right_len);
    if (room->failed) return;
    ids[0] = lace_tokenizer_model_id(t, left, left_len);
    ids[1] = lace_tokenizer_model_id(t, right, right_len);
    ids[2] = lace_tokenizer_model_id(t, room->data, room->len);
}

int lace_tokenizer_add_merge(struct lace_tokenizer *t, size_t rank, const char *left, size_t left_len,
                             const char *right, size_t right_len, struct lace_error *err)
{
    int ids[3] = {-1, -1, -1};
    if (left_len + right_len <= LACE_TOKEN_MAX) merged_ids(t, left, left_len, right, right_len, &t->room, ids);
    if (t->room.failed) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", t->path);
    if (ids[0] < 0 || ids[1] < 0 || ids[2] < 0)
        return lace_fail(
            err, LACE_BAD, "%.200s: merge %zu (%.*s and %.*s) names or makes a token that is not in the vocabulary.",
            t->path, rank, (int)(left_len < 60 ? left_len : 60), left, (int)(right_len < 60 ? right_len : 60), right);
    lace_bpe_add(&t->bpe, ids[0], ids[1], (int)rank, ids[2]);
    return 0;
}

/* ---- added tokens ---- */

/* As it is sought after normalization, and as the decoder gets it. */
static int normalize(const struct lace_tokenizer *t, const char *content, size_t len, struct lace_text *out,
                     struct lace_error *err)
{
    struct lace_matcher matcher;
    struct lace_normalizer_room room = {.text = {{.data = NULL}}};
    bool begins = true;
    int code = lace_matcher_init(&matcher, err);
    matcher.new_characters = true;
    if (!code) code = lace_normalize(&t->normalizer, &matcher, &room, &content, &len, false, &begins, err);
    if (!code) lace_text_add(out, content, len);
    if (out->failed) code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", t->path);
    lace_normalizer_room_release(&room);
    lace_matcher_release(&matcher);
    return code;
}

int lace_tokenizer_add(struct lace_tokenizer *t, const struct lace_added_rule *rule, struct lace_error *err)
{
    struct lace_vocab *v = &t->bpe.vocab;
    struct lace_text sought;
    int code = 0;
    lace_text_init(&sought);
    if (!rule->len || rule->len > MAX_ADDED)
        return lace_fail(err, LACE_BAD, "%.200s: added token %d must have 1 to %zu bytes of content.", t->path,
                         rule->id, MAX_ADDED);
    if (!lace_vocab_has(v, rule->id))
        code = lace_vocab_add(v, rule->id, LACE_TOKEN_ADDED, rule->content, rule->len, t->path, err);
    else if (v->tokens[rule->id].added)
        code = lace_fail(err, LACE_BAD, "%.200s: id %d belongs to two added tokens.", t->path, rule->id);
    if (!code && rule->normalized) code = normalize(t, rule->content, rule->len, &sought, err);
    else lace_text_add(&sought, rule->content, rule->len);
    if (!code && !sought.data) code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", t->path);
    if (!code && !sought.len)
        code = lace_fail(err, LACE_BAD, "%.200s: normalization leaves nothing of added token \"%.*s\".", t->path,
                         (int)rule->len, rule->content);
    if (!code) {
        struct lace_token *token = &v->tokens[rule->id];
        token->added = true;
        token->special = rule->special;
        token->single_word = rule->single_word;
        token->lstrip = rule->lstrip;
        token->rstrip = rule->rstrip;
        lace_vocab_set_piece(v, rule->id, sought.data, sought.len);
        code = lace_added_put(&t->added, rule->normalized, sought.data, sought.len, rule->id, err);
        if (code == LACE_BAD)
            lace_fail(err, LACE_BAD, "%.200s: added token \"%.*s\" is sought like another one.", t->path,
                      (int)rule->len, rule->content);
    }
    lace_text_release(&sought);
    return code;
}
