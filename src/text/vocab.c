#include "text/vocab.h"
#include "text/utf8.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- the alphabet ---- */

/* Printable bytes stand for themselves, the others for U+0100 and up in order. */
static int point_of(int byte)
{
    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174) return byte;
    return byte < 33 ? 256 + byte : byte < 161 ? 256 + 33 + byte - 127 : 256 + 67;
}

static int byte_of(uint32_t point)
{
    int byte = point < 256 ? (int)point : point < 289 ? (int)point - 256 : point < 323 ? (int)point - 162 : 173;
    return point < 324 && point_of(byte) == (int)point ? byte : -1;
}

int lace_alphabet_char(unsigned char byte, char out[2])
{
    int point = point_of(byte);
    if (point < 128) {
        out[0] = (char)point;
        return 1;
    }
    out[0] = (char)(0xc0 | point >> 6);
    out[1] = (char)(0x80 | (point & 63));
    return 2;
}

bool lace_alphabet_bytes(struct lace_text *out, const char *written, size_t len)
{
    size_t start = out->len, n;
    for (size_t i = 0; i < len; i += n) {
        int byte = byte_of(lace_utf8_point(written + i, &n));
        if (byte < 0) {
            if (!out->failed) out->len = start;
            return false;
        }
        lace_text_add(out, &(char){(char)byte}, 1);
    }
    return true;
}

/* ---- tokens ---- */

uint32_t lace_vocab_hash(const struct lace_vocab *v, enum lace_token_kind kind, const char *name, size_t len)
{
    uint64_t h = v->seed ^ (len + ((uint64_t)kind << 32)), word;
    for (; len >= 8; name += 8, len -= 8) {
        memcpy(&word, name, 8);
        h = (h ^ word) * 0x9fb21c651e98df25u;
        h ^= h >> 29;
    }
    word = 0;
    for (size_t i = 0; i < len; i++) word |= (uint64_t)(unsigned char)name[i] << 8 * i;
    h = (h ^ word) * 0x9fb21c651e98df25u;
    h = (h ^ h >> 35) * 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(h >> 32);
}

static int resize(struct lace_vocab *v, size_t slots, struct lace_error *err)
{
    struct lace_vocab_slot *old = v->slots, *made = lace_alloc_array(slots, sizeof *made);
    if (!made) return lace_fail(err, LACE_MEMORY, "Out of memory for a vocabulary.");
    for (size_t i = 0; i < slots; i++) made[i].id = -1;
    for (size_t i = 0; i < v->slot_count; i++) {
        if (old[i].id < 0) continue;
        size_t at = old[i].hash & (slots - 1);
        while (made[at].id >= 0) at = (at + 1) & (slots - 1);
        made[at] = old[i];
    }
    lace_free(old);
    v->slots = made;
    v->slot_count = slots;
    return 0;
}

int lace_vocab_init(struct lace_vocab *v, size_t room, struct lace_error *err)
{
    size_t slots = 256;
    *v = (struct lace_vocab){.tokens = NULL};
    if (getrandom(&v->seed, sizeof v->seed, GRND_NONBLOCK) < 0) v->seed = 0x2545f4914f6cdd1du;
    while (slots / 2 < room && slots < 2 * (size_t)LACE_TOKEN_IDS) slots *= 2;
    return resize(v, slots, err);
}

void lace_vocab_release(struct lace_vocab *v)
{
    free(v->tokens);
    lace_free(v->slots);
    lace_text_release(&v->text);
    *v = (struct lace_vocab){.tokens = NULL};
}

int lace_vocab_find_hashed(const struct lace_vocab *v, uint32_t hash, enum lace_token_kind kind, const char *name,
                           size_t len)
{
    for (size_t at = hash & (v->slot_count - 1); v->slots[at].id >= 0; at = (at + 1) & (v->slot_count - 1)) {
        const struct lace_vocab_slot *s = &v->slots[at];
        if (s->hash == hash && s->name_len == len && !memcmp(v->text.data + s->name, name, len) &&
            v->tokens[s->id].kind == kind)
            return s->id;
    }
    return -1;
}

int lace_vocab_find(const struct lace_vocab *v, enum lace_token_kind kind, const char *name, size_t len)
{
    return lace_vocab_find_hashed(v, lace_vocab_hash(v, kind, name, len), kind, name, len);
}

/* The slot of an id, made where there is none; NULL: no memory. */
static struct lace_token *token_of(struct lace_vocab *v, int id)
{
    if (id >= v->capacity) {
        int capacity = v->capacity ? v->capacity : 512;
        while (capacity <= id) capacity *= 2;
        struct lace_token *tokens = realloc(v->tokens, (size_t)capacity * sizeof *tokens);
        if (!tokens) return NULL;
        memset(tokens + v->capacity, 0, (size_t)(capacity - v->capacity) * sizeof *tokens);
        v->tokens = tokens;
        v->capacity = capacity;
    }
    if (id >= v->size) v->size = id + 1;
    return &v->tokens[id];
}

int lace_vocab_add(struct lace_vocab *v, int id, enum lace_token_kind kind, const char *name, size_t len,
                   const char *path, struct lace_error *err)
{
    int code = 0, shown = len < 60 ? (int)len : 60; /* names need not be terminated */
    if (id < 0 || id >= LACE_TOKEN_IDS)
        return lace_fail(err, LACE_BAD, "%.200s: the id of token \"%.*s\" must be a whole number from 0 to %d.", path,
                         shown, name, LACE_TOKEN_IDS - 1);
    if (len > LACE_TOKEN_MAX)
        return lace_fail(err, LACE_BAD, "%.200s: token %d is longer than %zu bytes.", path, id, LACE_TOKEN_MAX);
    struct lace_token *t = token_of(v, id);
    if (t && t->kind)
        return lace_fail(err, LACE_BAD, "%.200s: id %d belongs to two tokens, one of them \"%.*s\".", path, id, shown,
                         name);
    if (lace_vocab_find(v, kind, name, len) >= 0)
        return lace_fail(err, LACE_BAD, "%.200s: token \"%.*s\" is there twice.", path, shown, name);
    if (2 * v->used >= v->slot_count) code = resize(v, 2 * v->slot_count, err);
    size_t at = v->text.len;
    lace_text_add(&v->text, name, len);
    if (!t || code || v->text.failed || v->text.len > UINT32_MAX)
        return lace_fail(err, LACE_MEMORY, "Out of memory for the vocabulary of %.200s.", path);
    *t = (struct lace_token){(uint32_t)at, (uint32_t)len, (uint32_t)at, (uint32_t)len, .kind = (unsigned char)kind};
    if (kind != LACE_TOKEN_ADDED) v->count++;
    if (kind == LACE_TOKEN_MODEL && len > v->longest) v->longest = len;

    uint32_t hash = lace_vocab_hash(v, kind, name, len);
    for (at = hash & (v->slot_count - 1); v->slots[at].id >= 0;) at = (at + 1) & (v->slot_count - 1);
    v->slots[at] = (struct lace_vocab_slot){hash, id, t->name, t->name_len};
    v->used++;
    return 0;
}

void lace_vocab_set_piece(struct lace_vocab *v, int id, const char *piece, size_t len)
{
    struct lace_token *t = &v->tokens[id];
    t->piece = (uint32_t)v->text.len;
    t->piece_len = (uint32_t)len;
    lace_text_add(&v->text, piece, len);
}
