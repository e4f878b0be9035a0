/* The tokens of a vocabulary, by id and by name.
 *
 *   name    what the model matches a text with: raw bytes where the vocabulary is byte-level, else the token as written
 *   piece   what the token writes inside a text; at first the name
 *
 * A name is looked up among one kind only, because a byte-level token and one that stands for itself may share bytes. */
#ifndef LACE_VOCAB_H
#define LACE_VOCAB_H
#include "base/base.h"

#define LACE_TOKEN_IDS (1 << 21)       /* more than any vocabulary in use */
#define LACE_TOKEN_MAX ((size_t)65536) /* bytes of a token as written */

enum lace_token_kind {
    LACE_TOKEN_NONE,
    LACE_TOKEN_MODEL,   /* a token of the model that words can become */
    LACE_TOKEN_LITERAL, /* one of a byte-level model that has characters outside the byte alphabet: no word is it */
    LACE_TOKEN_ADDED,   /* an added token that the model does not have */
};

struct lace_token {
    uint32_t name, name_len, piece, piece_len; /* in text */
    uint32_t
        first_len; /* with a Metaspace decoder: what the token writes at the start of all stands behind its piece */
    unsigned char kind;
    bool added, special, single_word, lstrip, rstrip; /* the last three of added tokens */
    bool byte;                                        /* <0x..>: piece is a byte, maybe of a character in parts */
};

struct lace_vocab {
    struct lace_token *tokens; /* (capacity), zero from size on */
    int size, capacity;        /* size: 1 + the largest id */
    int count;                 /* tokens of the model */
    size_t longest;            /* bytes of the longest name of the model */
    struct lace_text text;
    struct lace_vocab_slot {
        uint32_t hash;
        int id;                  /* -1: empty */
        uint32_t name, name_len; /* of the token, so that a look-up touches two lines of memory and not three */
    } * slots;
    size_t slot_count, used; /* slot_count is a power of two */
    uint64_t seed;           /* of the hash, so that no file can be made to collide */
};
/* room: how many tokens will come, or 0. */
int lace_vocab_init(struct lace_vocab *vocab, size_t room, struct lace_error *err);
void lace_vocab_release(struct lace_vocab *vocab);
/* A new token; fails where the id (from 0 to LACE_TOKEN_IDS - 1) or the name of its kind is taken. The written form
 * is for errors. */
int lace_vocab_add(struct lace_vocab *vocab, int id, enum lace_token_kind kind, const char *name, size_t len,
                   const char *path, struct lace_error *err);
/* The id of a name, or -1; with the hash of the name, where the caller has another use for it. */
int lace_vocab_find(const struct lace_vocab *vocab, enum lace_token_kind kind, const char *name, size_t len);
int lace_vocab_find_hashed(const struct lace_vocab *vocab, uint32_t hash, enum lace_token_kind kind, const char *name,
                           size_t len);
uint32_t lace_vocab_hash(const struct lace_vocab *vocab, enum lace_token_kind kind, const char *name, size_t len);
/* piece is not in the vocabulary's own text; the caller looks at text.failed once. */
void lace_vocab_set_piece(struct lace_vocab *vocab, int id, const char *piece, size_t len);

static inline bool lace_vocab_has(const struct lace_vocab *vocab, int id)
{
    return id >= 0 && id < vocab->size && vocab->tokens[id].kind;
}
static inline const char *lace_vocab_name(const struct lace_vocab *vocab, int id)
{
    return vocab->text.data + vocab->tokens[id].name;
}

/* ---- the alphabet of byte-level vocabularies ---- */

/* A byte as it is written, in UTF-8: 1 or 2 bytes, returned length. */
int lace_alphabet_char(unsigned char byte, char out[2]);
/* Appends the bytes that a token as written stands for; false, and nothing appended, where it has other characters. */
bool lace_alphabet_bytes(struct lace_text *out, const char *written, size_t len);
#endif
