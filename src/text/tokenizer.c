/* text -> lossy UTF-8 -> added tokens | gaps -> normalizer -> added tokens | gaps -> splits -> byte pairs -> ids
 * Each stage hands its pieces to the next by a call, so nothing but the ids is ever collected. */
#include "text/tokenizer_internal.h"
#include "text/utf8.h"
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)1 << 28)

struct encoder {
    const struct lace_tokenizer *t;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct lace_bpe_scratch scratch;
    bool special;
    int **ids;
    size_t *capacity, *count;
    struct lace_error *err;
};

static int emit(struct encoder *e, int id)
{
    if (*e->count == *e->capacity) {
        size_t cap = *e->capacity ? *e->capacity * 2 : 64;
        int *ids = realloc(*e->ids, cap * sizeof *ids);
        if (!ids) return lace_fail(e->err, LACE_MEMORY, "Out of memory while encoding a text.");
        *e->ids = ids;
        *e->capacity = cap;
    }
    (*e->ids)[(*e->count)++] = id;
    return 0;
}

/* With ignore_merges, a word that is a token becomes it, whatever the merges would make. */
static int whole_word(const struct encoder *e, const char *bytes, size_t len)
{
    size_t n = 0;
    if (len > e->t->longest) return -1;
    char name[2 * len]; /* the longest token bounds it: 64 KiB */
    for (size_t i = 0; i < len; i++) n += (size_t)lace_byte_char((unsigned char)bytes[i], name + n);
    const json_t *id = json_object_getn(e->t->vocab, name, n);
    return id ? (int)json_integer_value(id) : -1;
}

static int encode_word(struct encoder *e, const char *bytes, size_t len)
{
    int id = e->t->ignore_merges && len ? whole_word(e, bytes, len) : -1;
    if (id >= 0) return emit(e, id);
    size_t count;
    int code = lace_bpe_word(&e->t->bpe, &e->scratch, bytes, len, &count, e->err);
    for (size_t i = 0; !code && i < count; i++) code = emit(e, e->scratch.symbols[i].id);
    return code;
}

static int encode_steps(struct encoder *e, int step, const char *bytes, size_t len);

static int match(struct encoder *e, const pcre2_code *pattern, const char *bytes, size_t len, size_t from,
                 size_t *start, size_t *end)
{
    /* The text is known to be UTF-8; checking again at each match would make the whole quadratic. */
    int got = pcre2_match(pattern, (PCRE2_SPTR)bytes, len, from, PCRE2_NO_UTF_CHECK, e->match, e->limits);
    if (got == PCRE2_ERROR_JIT_STACKLIMIT)
        got =
            pcre2_match(pattern, (PCRE2_SPTR)bytes, len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, e->match, e->limits);
    if (got == PCRE2_ERROR_NOMATCH) return 0;
    if (got < 0) {
        PCRE2_UCHAR text[120];
        pcre2_get_error_message(got, text, sizeof text);
        return lace_fail(e->err, LACE_BAD, "The tokenizer's pattern failed on a text of %zu bytes: %s.", len,
                         (char *)text);
    }
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(e->match);
    *start = range[0];
    *end = range[1];
    return 1;
}

/* Matches and the gaps between them, in order. As in Tokenizers an empty match still divides the text,
 * and one directly after a match is skipped. */
static int encode_split(struct encoder *e, int step, const char *bytes, size_t len)
{
    const struct lace_token_step *s = &e->t->steps[step];
    bool keep_matches = !s->removed || s->invert, keep_gaps = !s->removed || !s->invert, any = false;
    size_t done = 0, from = 0, start = 0, end = 0, last = 0;
    int code = 0, got;
    while (from <= len && (got = match(e, s->pattern, bytes, len, from, &start, &end))) {
        if (got < 0) return got;
        if (start == end) {
            bool valid;
            from = start < len ? start + lace_utf8_next(bytes + start, len - start, &valid) : len + 1;
            if (any && start == last) continue;
        } else from = end;
        any = true;
        last = end;
        if (keep_gaps && start > done) code = encode_steps(e, step + 1, bytes + done, start - done);
        if (!code && keep_matches && end > start) code = encode_steps(e, step + 1, bytes + start, end - start);
        if (code) return code;
        done = end;
    }
    return keep_gaps && done < len ? encode_steps(e, step + 1, bytes + done, len - done) : 0;
}

static int encode_steps(struct encoder *e, int step, const char *bytes, size_t len)
{
    if (step == e->t->step_count) return encode_word(e, bytes, len);
    if (e->t->steps[step].kind == LACE_STEP_SPLIT) return encode_split(e, step, bytes, len);
    if (bytes[0] == ' ') return encode_steps(e, step + 1, bytes, len);
    char *spaced = malloc(len + 1);
    if (!spaced) return lace_fail(e->err, LACE_MEMORY, "Out of memory while encoding a text.");
    spaced[0] = ' ';
    memcpy(spaced + 1, bytes, len);
    int code = encode_steps(e, step + 1, spaced, len + 1);
    free(spaced);
    return code;
}

static int encode_added(struct encoder *e, bool normalized, const char *bytes, size_t len);

/* What lies between added tokens */
static int encode_gap(struct encoder *e, bool normalized, const char *bytes, size_t len)
{
    if (!len) return 0;
    if (normalized) return encode_steps(e, 0, bytes, len);
    bool ascii = true;
    for (size_t i = 0; i < len && ascii; i++) ascii = (unsigned char)bytes[i] < 128;
    if (!e->t->nfc || ascii) return encode_added(e, true, bytes, len);
    char *text;
    int code = lace_nfc(bytes, len, &text, &len, e->err);
    if (code) return code;
    code = encode_added(e, true, text, len);
    free(text);
    return code;
}

/* Leftmost, longest. A special token that is not wanted hides what it spans, as Tokenizers has it. */
static int encode_added(struct encoder *e, bool normalized, const char *bytes, size_t len)
{
    const struct lace_trie *trie = normalized ? &e->t->normalized : &e->t->raw;
    size_t done = 0;
    int code = 0;
    for (size_t i = 0; trie->count && i < len;) {
        size_t matched = 1;
        int id = lace_trie_match(trie, bytes + i, len - i, &matched);
        if (id >= 0 && (e->special || !e->t->tokens[id].special)) {
            code = encode_gap(e, normalized, bytes + done, i - done);
            if (!code) code = emit(e, id);
            if (code) return code;
            done = i + matched;
        }
        i += matched;
    }
    return encode_gap(e, normalized, bytes + done, len - done);
}

int lace_tokenizer_encode(const struct lace_tokenizer *t, const char *text, size_t len, bool special, int **ids,
                          size_t *capacity, size_t *count, struct lace_error *err)
{
    *count = 0;
    if (!len) return 0;
    if (len > MAX_TEXT)
        return lace_fail(err, LACE_BAD, "A text of %zu bytes is too long; at most %zu are encoded at once.", len,
                         MAX_TEXT);
    struct encoder e = {.t = t, .special = special, .ids = ids, .capacity = capacity, .count = count, .err = err};
    struct lace_text repaired;
    lace_text_init(&repaired);
    int code = LACE_MEMORY;
    if (!lace_utf8_valid(text, len)) {
        lace_utf8_lossy(&repaired, text, len);
        if (repaired.failed) goto fail;
        text = repaired.data;
        len = repaired.len;
    }
    e.match = pcre2_match_data_create(1, NULL);
    e.limits = pcre2_match_context_create(NULL);
    if (!e.match || !e.limits) goto fail;
    pcre2_set_match_limit(e.limits, 1000000); /* a pattern that backtracks without end becomes an error */
    code = encode_added(&e, false, text, len);
fail:
    if (code == LACE_MEMORY) lace_fail(err, LACE_MEMORY, "Out of memory while encoding a text of %zu bytes.", len);
    pcre2_match_data_free(e.match);
    pcre2_match_context_free(e.limits);
    lace_bpe_scratch_release(&e.scratch);
    lace_text_release(&repaired);
    return code;
}

int lace_tokenizer_size(const struct lace_tokenizer *t) { return t->size; }

const char *lace_tokenizer_bytes(const struct lace_tokenizer *t, int id, size_t *len)
{
    *len = 0;
    if (id < 0 || id >= t->size || !t->tokens[id].present) return NULL;
    *len = t->tokens[id].len;
    return t->text.data ? t->text.data + t->tokens[id].at : "";
}

bool lace_tokenizer_is_special(const struct lace_tokenizer *t, int id)
{
    return id >= 0 && id < t->size && t->tokens[id].special;
}

int lace_tokenizer_id(const struct lace_tokenizer *t, const char *token)
{
    const json_t *known = json_object_get(t->vocab, token);
    size_t len = strlen(token);
    if (known) return (int)json_integer_value(known);
    for (int id = t->size - 1; id >= 0; id--) /* added tokens come last as a rule */
        if (t->tokens[id].added && t->tokens[id].len == len && !memcmp(t->text.data + t->tokens[id].at, token, len))
            return id;
    return -1;
}

int lace_tokenizer_decode(const struct lace_tokenizer *t, const int *ids, size_t count, bool skip_special,
                          struct lace_text *out, struct lace_error *err)
{
    struct lace_text bytes;
    lace_text_init(&bytes);
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *piece = lace_tokenizer_bytes(t, ids[i], &len);
        if (piece && !(skip_special && t->tokens[ids[i]].special)) lace_text_add(&bytes, piece, len);
    }
    bool failed = bytes.failed;
    if (!failed) lace_utf8_lossy(out, bytes.data ? bytes.data : "", bytes.len);
    lace_text_release(&bytes);
    if (failed || out->failed) return lace_fail(err, LACE_MEMORY, "Out of memory while decoding %zu tokens.", count);
    return 0;
}
