#include "text/detokenizer.h"
#include "io/json.h"
#include "text/utf8.h"
#include <ctype.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define MOST_STEPS  16

/* ---- loading ---- */

/* What is done to every token by itself. */
struct token_step {
    bool strip;
    struct lace_pattern pattern; /* replaced by content */
    const char *content;         /* to strip: one character */
    size_t len;
    int start, stop; /* so many of it at either end */
};

struct chain {
    struct token_step steps[MOST_STEPS];
    int count;
    enum { PER_TOKEN, AFTER_FALLBACK, WHOLE } stage;
    bool fallback, alphabet;
};

static int out_of_place(const char *type, const char *path, struct lace_error *err)
{
    return lace_fail(err, LACE_BAD, "%.200s: the decoder %.40s in this place of its Sequence is not supported.", path,
                     type);
}

static int load_strip(struct lace_detokenizer *d, struct chain *c, const json_t *value, const char *path,
                      struct lace_error *err)
{
    struct token_step step = {.strip = true};
    int code = lace_json_string(value, "content", NULL, &step.content, path, err);
    if (!code) code = lace_json_int(value, "start", 0, 0, 1024, &step.start, path, err);
    if (!code) code = lace_json_int(value, "stop", 0, 0, 1024, &step.stop, path, err);
    if (code) return code;
    step.len = strlen(step.content);
    if (!step.len || lace_utf8_size(*step.content) != step.len)
        return lace_fail(err, LACE_BAD, "%.200s: the decoder Strip needs one character as its content.", path);
    if (c->stage == PER_TOKEN) {
        if (d->metaspace || c->count == MOST_STEPS) return out_of_place("Strip", path, err);
        c->steps[c->count++] = step;
        return 0;
    }
    if (c->stage != WHOLE || step.stop || d->lead) return out_of_place("Strip", path, err);
    d->lead = step.start;
    memcpy(d->drop, step.content, step.len);
    d->drop_len = step.len;
    return 0;
}

static int load_replace(struct lace_detokenizer *d, struct chain *c, const json_t *value, const char *path,
                        struct lace_error *err)
{
    if (c->stage != PER_TOKEN || d->metaspace || c->count == MOST_STEPS) return out_of_place("Replace", path, err);
    struct token_step *step = &c->steps[c->count++];
    *step = (struct token_step){.strip = false};
    int code = lace_json_string(value, "content", NULL, &step->content, path, err);
    if (code) return code;
    step->len = json_string_length(json_object_get(value, "content"));
    return lace_pattern_load(&step->pattern, json_object_get(value, "pattern"), "a Replace", path, err);
}

static int load_metaspace(struct lace_detokenizer *d, struct chain *c, const json_t *value, const char *path,
                          struct lace_error *err)
{
    const char *replacement, *scheme;
    bool prefix;
    if (c->stage != PER_TOKEN || c->count) return out_of_place("Metaspace", path, err);
    int code = lace_json_string(value, "replacement", NULL, &replacement, path, err);
    if (!code) code = lace_json_bool(value, "add_prefix_space", true, &prefix, path, err);
    if (!code) code = lace_json_string(value, "prepend_scheme", prefix ? "always" : "never", &scheme, path, err);
    if (code) return code;
    d->space_len = strlen(replacement);
    if (!d->space_len || lace_utf8_size(*replacement) != d->space_len)
        return lace_fail(err, LACE_BAD, "%.200s: the replacement of Metaspace must be one character.", path);
    memcpy(d->space, replacement, d->space_len);
    d->metaspace = strcmp(scheme, "never") != 0;
    struct token_step *step = &c->steps[c->count++];
    *step = (struct token_step){.content = " ", .len = 1};
    lace_text_add(&step->pattern.literal, replacement, d->space_len);
    return step->pattern.literal.data ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
}

static int load_one(struct lace_detokenizer *d, struct chain *c, const json_t *value, const char *path,
                    struct lace_error *err)
{
    const char *type;
    int code = lace_json_string(value, "type", NULL, &type, path, err);
    if (code) return code;
    if (!strcmp(type, "Sequence")) {
        const json_t *list = json_object_get(value, "decoders");
        if (!json_is_array(list)) return lace_fail(err, LACE_BAD, "%.200s: a Sequence of decoders has no list.", path);
        for (size_t i = 0; i < json_array_size(list) && !code; i++)
            code = load_one(d, c, json_array_get(list, i), path, err);
        return code;
    }
    if (!strcmp(type, "Strip")) return load_strip(d, c, value, path, err);
    if (!strcmp(type, "Replace")) return load_replace(d, c, value, path, err);
    if (!strcmp(type, "Metaspace")) return load_metaspace(d, c, value, path, err);
    if (!strcmp(type, "Fuse")) c->stage = WHOLE;
    else if (!strcmp(type, "ByteFallback")) {
        if (c->stage != PER_TOKEN) return out_of_place(type, path, err);
        c->stage = AFTER_FALLBACK;
        c->fallback = true;
    } else if (!strcmp(type, "ByteLevel")) {
        if (c->stage != PER_TOKEN || d->metaspace) return out_of_place(type, path, err);
        c->stage = WHOLE;
        c->alphabet = true;
    } else
        return lace_fail(err, LACE_BAD, "%.200s: the decoder %.40s is not supported; it would change the text.", path,
                         type);
    return 0;
}

/* ---- pieces ---- */

static int replace(struct lace_text *text, struct lace_text *spare, const struct token_step *step,
                   struct lace_matcher *matcher, struct lace_error *err)
{
    struct lace_matches m;
    size_t done = 0;
    int got, code = lace_matches_begin(&m, &step->pattern, matcher, text->data, text->len, err);
    if (code) return code;
    lace_text_clear(spare);
    while ((got = lace_matches_next(&m, err)) == 1) {
        lace_text_add(spare, text->data + done, m.start - done);
        lace_text_add(spare, step->content, step->len);
        done = m.end;
    }
    lace_text_add(spare, text->data + done, text->len - done);
    lace_matches_end(&m);
    struct lace_text swap = *text;
    *text = *spare;
    *spare = swap;
    return got;
}

static void strip(struct lace_text *text, const struct token_step *step)
{
    size_t from = 0, to = text->len;
    for (int i = 0; i < step->start && to - from >= step->len && !memcmp(text->data + from, step->content, step->len);
         i++)
        from += step->len;
    for (int i = 0;
         i < step->stop && to - from >= step->len && !memcmp(text->data + to - step->len, step->content, step->len);
         i++)
        to -= step->len;
    memmove(text->data, text->data + from, to - from);
    text->len = to - from;
}

/* The byte that <0x..> names, or -1. As Rust reads a number, a sign may stand for the first digit. */
static int byte_token(const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    int value = 0;
    if (len != 6 || memcmp(text, "<0x", 3) || text[5] != '>') return -1;
    for (int i = text[3] == '+'; i < 2; i++) {
        const char *digit = text[3 + i] ? strchr(digits, tolower((unsigned char)text[3 + i])) : NULL;
        if (!digit) return -1;
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

/* A token as the file has it. */
static void written(const struct lace_vocab *v, const struct lace_token *t, bool byte_level, struct lace_text *out)
{
    lace_text_clear(out);
    if (!byte_level || t->kind != LACE_TOKEN_MODEL || t->added) {
        lace_text_add(out, v->text.data + t->piece, t->piece_len);
        return;
    }
    for (uint32_t i = 0; i < t->name_len; i++) {
        char character[2];
        int n = lace_alphabet_char((unsigned char)v->text.data[t->name + i], character);
        lace_text_add(out, character, (size_t)n);
    }
}

static int make_pieces(const struct lace_detokenizer *d, const struct chain *c, bool byte_level,
                       struct lace_vocab *vocab, struct lace_error *err)
{
    struct lace_matcher matcher;
    struct lace_text text, spare, first;
    lace_text_init(&text);
    lace_text_init(&spare);
    lace_text_init(&first);
    int code = lace_matcher_init(&matcher, err);
    matcher.new_characters = true;
    for (int id = 0; id < vocab->size && !code; id++) {
        struct lace_token *t = &vocab->tokens[id];
        if (!t->kind) continue;
        if (byte_level && c->alphabet && !c->count && t->kind == LACE_TOKEN_MODEL && !t->added) continue; /* its name */
        written(vocab, t, byte_level, &text);
        lace_text_clear(&first);
        for (size_t i = 0, n; d->metaspace && i < text.len; i += n) {
            n = lace_utf8_size(text.data[i]);
            if (n != d->space_len || memcmp(text.data + i, d->space, n)) lace_text_add(&first, text.data + i, n);
        }
        for (int i = 0; i < c->count && !code && !text.failed; i++) {
            if (c->steps[i].strip) strip(&text, &c->steps[i]);
            else code = replace(&text, &spare, &c->steps[i], &matcher, err);
        }
        if (code || text.failed) break;
        int byte = c->fallback ? byte_token(text.data, text.len) : -1;
        if (c->alphabet) {
            lace_text_clear(&spare);
            if (lace_alphabet_bytes(&spare, text.data, text.len)) {
                struct lace_text swap = text;
                text = spare;
                spare = swap;
            }
        }
        t->byte = byte >= 0;
        if (t->byte) {
            lace_vocab_set_piece(vocab, id, &(char){(char)byte}, 1);
            continue;
        }
        if (text.len != t->piece_len || (text.len && memcmp(text.data, vocab->text.data + t->piece, text.len)))
            lace_vocab_set_piece(vocab, id, text.data, text.len);
        if (!d->metaspace) continue;
        size_t len = text.len;
        lace_text_add(&text, first.data ? first.data : "", first.len);
        if (text.failed) break;
        lace_vocab_set_piece(vocab, id, text.data, text.len);
        t->piece_len = (uint32_t)len;
        t->first_len = (uint32_t)first.len;
    }
    if (!code && (text.failed || spare.failed || first.failed || vocab->text.failed || vocab->text.len > UINT32_MAX))
        code = lace_fail(err, LACE_MEMORY, "Out of memory for the pieces of a vocabulary.");
    lace_text_release(&text);
    lace_text_release(&spare);
    lace_text_release(&first);
    lace_matcher_release(&matcher);
    return code;
}

int lace_detokenizer_load(struct lace_detokenizer *d, const json_t *value, bool byte_level, struct lace_vocab *vocab,
                          const char *path, struct lace_error *err)
{
    struct chain c = {.count = 0};
    int code = 0;
    *d = (struct lace_detokenizer){.spaced = !value || json_is_null(value)};
    if (!d->spaced) code = load_one(d, &c, value, path, err);
    d->byte_level = c.alphabet;
    if (!code) code = make_pieces(d, &c, byte_level, vocab, err);
    for (int i = 0; i < c.count; i++) lace_pattern_release(&c.steps[i].pattern);
    return code;
}

int lace_detokenizer_set(struct lace_detokenizer *d, bool byte_level, bool lead, struct lace_vocab *vocab,
                         struct lace_error *err)
{
    struct chain c = {.alphabet = byte_level, .fallback = !byte_level, .count = !byte_level};
    *d = (struct lace_detokenizer){.byte_level = byte_level, .lead = lead, .drop = " ", .drop_len = 1};
    if (!byte_level) {
        c.steps[0] = (struct token_step){.content = " ", .len = 1};
        lace_text_str(&c.steps[0].pattern.literal, "\xe2\x96\x81");
        if (c.steps[0].pattern.literal.failed) return lace_fail(err, LACE_MEMORY, "Out of memory for a vocabulary.");
    }
    int code = make_pieces(d, &c, byte_level, vocab, err);
    lace_pattern_release(&c.steps[0].pattern);
    return code;
}

/* ---- a stream ---- */

/* Appends whole characters, but for those that the start of the whole loses. */
static void give(struct lace_detokenizer_stream *s, const struct lace_detokenizer *d, const char *bytes, size_t len,
                 struct lace_text *out)
{
    while (s->dropped >= 0 && s->dropped < d->lead && len >= d->drop_len && !memcmp(bytes, d->drop, d->drop_len)) {
        bytes += d->drop_len;
        len -= d->drop_len;
        s->dropped++;
    }
    if (len) s->dropped = -1;
    lace_text_add(out, bytes, len);
}

/* A broken part is one U+FFFD to a byte-level decoder, and one for each byte to ByteFallback. */
static void give_broken(struct lace_detokenizer_stream *s, const struct lace_detokenizer *d, size_t bytes,
                        struct lace_text *out)
{
    for (size_t i = 0; i < (d->byte_level ? 1 : bytes); i++) give(s, d, REPLACEMENT, 3, out);
}

static void give_byte(struct lace_detokenizer_stream *s, const struct lace_detokenizer *d, char byte,
                      struct lace_text *out)
{
    char *held = (char *)s->held;
    held[s->held_len++] = byte;
    while (s->held_len && lace_utf8_whole(held, s->held_len)) {
        bool valid;
        size_t n = lace_utf8_next(held, s->held_len, &valid);
        if (valid) give(s, d, held, n, out);
        else give_broken(s, d, n, out);
        memmove(held, held + n, s->held_len - n);
        s->held_len = (unsigned char)(s->held_len - n);
    }
}

void lace_detokenizer_end(struct lace_detokenizer_stream *s, const struct lace_detokenizer *d, struct lace_text *out)
{
    if (s->held_len) give_broken(s, d, s->held_len, out);
    s->held_len = 0;
}

void lace_detokenizer_push(struct lace_detokenizer_stream *s, const struct lace_detokenizer *d,
                           const struct lace_vocab *vocab, int id, struct lace_text *out)
{
    if (!lace_vocab_has(vocab, id)) return;
    const struct lace_token *t = &vocab->tokens[id];
    const char *piece = vocab->text.data + t->piece;
    size_t len = t->piece_len;
    bool first = !s->begun;
    s->begun = true;
    if (d->byte_level || t->byte) {
        if (!s->held_len && lace_utf8_valid(piece, len)) give(s, d, piece, len, out);
        else
            for (size_t i = 0; i < len; i++) give_byte(s, d, piece[i], out);
        return;
    }
    lace_detokenizer_end(s, d, out);
    if (d->spaced && !first) give(s, d, " ", 1, out);
    if (d->metaspace && first) {
        piece += len;
        len = t->first_len;
    }
    give(s, d, piece, len, out);
}

/* ---- the whole ---- */

void lace_detokenize_all(const struct lace_detokenizer *d, const struct lace_vocab *vocab, const int *ids, size_t count,
                         bool skip_special, struct lace_text *out)
{
    struct lace_detokenizer_stream s = {.begun = false};
    struct lace_text run;
    lace_text_init(&run);
    for (size_t i = 0; i <= count; i++) {
        if (i < count && (!lace_vocab_has(vocab, ids[i]) || (skip_special && vocab->tokens[ids[i]].special))) continue;
        if (i < count && vocab->tokens[ids[i]].byte) {
            lace_text_add(&run, vocab->text.data + vocab->tokens[ids[i]].piece, 1);
            s.begun = true;
            continue;
        }
        if (run.len) {
            if (lace_utf8_valid(run.data, run.len)) give(&s, d, run.data, run.len, out);
            else give_broken(&s, d, run.len, out);
            lace_text_clear(&run);
        }
        if (i < count) lace_detokenizer_push(&s, d, vocab, ids[i], out);
    }
    lace_detokenizer_end(&s, d, out);
    if (run.failed) { /* the caller looks at out */
        lace_text_release(out);
        out->failed = true;
    }
    lace_text_release(&run);
}
