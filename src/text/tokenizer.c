#include "text/tokenizer_internal.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)1 << 28)

/* ---- text to ids ---- */

struct encoder {
    const struct lace_tokenizer *t;
    struct lace_matcher matcher;
    struct lace_normalizer_room room;
    struct lace_pretokenizer_run run;
    struct lace_bpe_scratch scratch;
    bool special;
    int **ids;
    size_t *capacity, *count;
};

static int emit(struct encoder *e, int id, struct lace_error *err)
{
    if (*e->count == *e->capacity) {
        size_t cap = *e->capacity ? *e->capacity * 2 : 64;
        int *ids = realloc(*e->ids, cap * sizeof *ids);
        if (!ids) return lace_fail(err, LACE_MEMORY, "Out of memory while encoding a text.");
        *e->ids = ids;
        *e->capacity = cap;
    }
    (*e->ids)[(*e->count)++] = id;
    return 0;
}

static int encode_part(struct encoder *e, const char *bytes, size_t len, bool part, struct lace_error *err)
{
    size_t count;
    int code = lace_bpe_word(&e->t->bpe, &e->scratch, bytes, len, part, &count, err);
    for (size_t i = 0; !code && i < count; i++) code = emit(e, e->scratch.symbols[i].id, err);
    return code;
}

static int encode_word(void *user, const char *bytes, size_t len, struct lace_error *err)
{
    struct encoder *e = user;
    const struct lace_bpe *bpe = &e->t->bpe;
    if (!bpe->cuts) return encode_part(e, bytes, len, false, err);
    if (bpe->ignore_merges && lace_vocab_find(&bpe->vocab, LACE_TOKEN_MODEL, bytes, len) >= 0)
        return encode_part(e, bytes, len, false, err);
    int code = 0;
    for (size_t cut; len && !code; bytes += cut, len -= cut) {
        cut = lace_bpe_cut(bpe, bytes, len);
        code = encode_part(e, bytes, cut, true, err);
    }
    return code;
}

/* What lies between added tokens: first as it is written, then normalized. begins: at the start of the text. */
static int encode_between(struct encoder *e, bool normalized, const char *bytes, size_t len, bool begins, bool inside,
                          struct lace_error *err);

static int encode_gap(struct encoder *e, bool normalized, const char *bytes, size_t len, bool begins, bool inside,
                      struct lace_error *err)
{
    if (!len) return 0;
    if (normalized) {
        e->run.inside = inside;
        return lace_pretokenize(&e->run, bytes, len, begins, err);
    }
    int code = lace_normalize(&e->t->normalizer, &e->matcher, &e->room, &bytes, &len, inside, &begins, err);
    return code ? code : encode_between(e, true, bytes, len, begins, inside, err);
}

static int encode_between(struct encoder *e, bool normalized, const char *bytes, size_t len, bool begins, bool inside,
                          struct lace_error *err)
{
    struct lace_added_scan scan = {
        normalized ? &e->t->added.normalized : &e->t->added.raw, &e->t->bpe.vocab, e->special, bytes, len, .at = 0};
    for (bool more = true; more;) {
        more = lace_added_next(&scan);
        bool start = !scan.gap;
        int code = encode_gap(e, normalized, bytes + scan.gap, scan.gap_len, begins && start, inside && start, err);
        if (!code && more) code = emit(e, scan.id, err);
        if (code) return code;
    }
    return 0;
}

static int encode_text(struct encoder *e, const char *text, size_t len, bool inside, struct lace_error *err)
{
    struct lace_text repaired;
    lace_text_init(&repaired);
    if (!lace_utf8_valid(text, len)) {
        lace_utf8_lossy(&repaired, text, len);
        if (repaired.failed) return lace_fail(err, LACE_MEMORY, "Out of memory while encoding %zu bytes.", len);
        text = repaired.data;
        len = repaired.len;
    }
    int code = lace_matcher_init(&e->matcher, err);
    e->matcher.new_characters = lace_unicode_any_new(text, len);
    e->run = (struct lace_pretokenizer_run){&e->t->pretokenizer, &e->matcher, encode_word, e, .inside = false};
    if (!code) code = encode_between(e, false, text, len, true, inside, err);
    lace_pretokenizer_run_release(&e->run);
    lace_normalizer_room_release(&e->room);
    lace_bpe_scratch_release(&e->scratch);
    lace_matcher_release(&e->matcher);
    lace_text_release(&repaired);
    return code;
}

int lace_tokenizer_encode(const struct lace_tokenizer *t, const char *text, size_t len, int flags, int **ids,
                          size_t *capacity, size_t *count, struct lace_error *err)
{
    const struct lace_postprocessor *post = &t->postprocessor;
    struct encoder e = {
        .t = t, .special = flags & LACE_ENCODE_SPECIAL, .ids = ids, .capacity = capacity, .count = count};
    int code = 0;
    *count = 0;
    if (len > MAX_TEXT)
        return lace_fail(err, LACE_BAD, "A text of %zu bytes is too long; at most %zu are encoded at once.", len,
                         MAX_TEXT);
    for (int i = 0; flags & LACE_ENCODE_BEGIN && i < post->before_count && !code; i++)
        code = emit(&e, post->before[i], err);
    if (!code && len) code = encode_text(&e, text, len, flags & LACE_ENCODE_INSIDE, err);
    for (int i = 0; flags & LACE_ENCODE_END && i < post->after_count && !code; i++)
        code = emit(&e, post->after[i], err);
    return code;
}

/* ---- tokens ---- */

int lace_tokenizer_size(const struct lace_tokenizer *t) { return t->bpe.vocab.size; }

const char *lace_tokenizer_bytes(const struct lace_tokenizer *t, int id, size_t *len)
{
    const struct lace_vocab *v = &t->bpe.vocab;
    *len = 0;
    if (!lace_vocab_has(v, id)) return NULL;
    *len = v->tokens[id].piece_len;
    return v->text.data + v->tokens[id].piece;
}

bool lace_tokenizer_is_special(const struct lace_tokenizer *t, int id)
{
    return lace_vocab_has(&t->bpe.vocab, id) && t->bpe.vocab.tokens[id].special;
}

int lace_tokenizer_id(const struct lace_tokenizer *t, const char *token)
{
    int id = lace_vocab_find(&t->bpe.vocab, LACE_TOKEN_ADDED, token, strlen(token));
    return id >= 0 ? id : lace_tokenizer_model_id(t, token, strlen(token));
}

/* ---- ids to text ---- */

int lace_tokenizer_decode(const struct lace_tokenizer *t, const int *ids, size_t count, bool skip_special,
                          struct lace_text *out, struct lace_error *err)
{
    lace_detokenize_all(&t->detokenizer, &t->bpe.vocab, ids, count, skip_special, out);
    return out->failed ? lace_fail(err, LACE_MEMORY, "Out of memory while decoding %zu tokens.", count) : 0;
}

void lace_tokenizer_stream(const struct lace_tokenizer *t, struct lace_detokenizer_stream *state, int id,
                           bool skip_special, struct lace_text *out)
{
    if (skip_special && lace_tokenizer_is_special(t, id)) return;
    lace_detokenizer_push(state, &t->detokenizer, &t->bpe.vocab, id, out);
}

void lace_tokenizer_stream_end(const struct lace_tokenizer *t, struct lace_detokenizer_stream *state,
                               struct lace_text *out)
{
    lace_detokenizer_end(state, &t->detokenizer, out);
}
