/* Normalizers: what a tokenizer does to a text before it is divided, as Tokenizers does it.
 * A list of steps; a Sequence is flattened. Most texts pass untouched and uncopied. */
#ifndef LACE_NORMALIZER_H
#define LACE_NORMALIZER_H
#include "text/pattern.h"

struct lace_normalizer {
    struct lace_normalizer_step {
        enum lace_normalizer_kind {
            LACE_NORMALIZE_NFC,
            LACE_NORMALIZE_NFD,
            LACE_NORMALIZE_NFKC,
            LACE_NORMALIZE_NFKD,
            LACE_NORMALIZE_LOWERCASE,
            LACE_NORMALIZE_STRIP,
            LACE_NORMALIZE_PREPEND,
            LACE_NORMALIZE_REPLACE,
        } kind;
        bool left, right;            /* STRIP */
        struct lace_pattern pattern; /* REPLACE */
        struct lace_text content;    /* PREPEND, REPLACE */
    } * steps;
    int count;
};
/* value: null, or one normalizer of a tokenizer.json. */
int lace_normalizer_load(struct lace_normalizer *normalizer, const json_t *value, const char *path,
                         struct lace_error *err);
/* A step of kind PREPEND or REPLACE (of a literal) for tokenizers that come from no JSON. */
int lace_normalizer_prepend(struct lace_normalizer *normalizer, const char *content, struct lace_error *err);
int lace_normalizer_replace(struct lace_normalizer *normalizer, const char *literal, const char *content,
                            struct lace_error *err);
int lace_normalizer_nfc(struct lace_normalizer *normalizer, struct lace_error *err);
void lace_normalizer_release(struct lace_normalizer *normalizer);

/* Two buffers that take turns; zero them to begin, release them at the end. */
struct lace_normalizer_room {
    struct lace_text text[2];
};
/* Normalizes *len bytes of valid UTF-8 at *bytes; both are set to the result, which is in the room or the text itself.
 * inside: the text goes on after another, so nothing is prepended. *begins: whether the text's first character is the
 * first of the whole; cleared when that character is stripped or replaced by nothing. */
int lace_normalize(const struct lace_normalizer *normalizer, struct lace_matcher *matcher,
                   struct lace_normalizer_room *room, const char **bytes, size_t *len, bool inside, bool *begins,
                   struct lace_error *err);
void lace_normalizer_room_release(struct lace_normalizer_room *room);
#endif
