/* The parts of a tokenizer, which tokenizer_load.c and tokenizer_build.c fill. Immutable once loaded, but for what
 * bpe.c notes about words. */
#ifndef LACE_TOKENIZER_INTERNAL_H
#define LACE_TOKENIZER_INTERNAL_H
#include "text/added.h"
#include "text/bpe.h"
#include "text/detokenizer.h"
#include "text/normalizer.h"
#include "text/postprocessor.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"

struct lace_tokenizer {
    char *path;
    struct lace_text room; /* while it is made */
    struct lace_normalizer normalizer;
    struct lace_pretokenizer pretokenizer;
    struct lace_bpe bpe; /* has the vocabulary */
    struct lace_added added;
    struct lace_postprocessor postprocessor;
    struct lace_detokenizer detokenizer;
};

#define LACE_TOKENIZER_FILE ((size_t)64 << 20) /* bytes of a tokenizer.json */

/* What tokenizer_config.json says about added tokens, which is stronger than tokenizer.json. */
struct lace_tokenizer_config {
    const char *path;
    struct lace_config_token {
        int id;
        const char *content;
        const json_t *value; /* its flags */
    } * tokens;              /* (count), of added_tokens_decoder, by id */
    size_t count;
    const char *names[64]; /* (name_count): bos_token and the like, additional_special_tokens */
    size_t name_count;
};
const json_t *lace_tokenizer_config_token(const struct lace_tokenizer_config *config,
                                          const char *content); /* or NULL */
/* config: NULL, or what a directory adds. */
int lace_tokenizer_read(struct lace_tokenizer **tokenizer, const char *json, size_t len, const char *path,
                        const struct lace_tokenizer_config *config, struct lace_error *err);

/* An empty one that errors will call path; NULL: no memory. */
struct lace_tokenizer *lace_tokenizer_new(const char *path);
/* Makes an added token of a text sought in texts. It has its id, or gets one of kind ADDED. */
struct lace_added_rule {
    const char *content;
    size_t len;
    int id;
    bool special, normalized, single_word, lstrip, rstrip;
};
int lace_tokenizer_add(struct lace_tokenizer *tokenizer, const struct lace_added_rule *rule, struct lace_error *err);
/* The id of a token of the model as written, or -1. */
int lace_tokenizer_model_id(const struct lace_tokenizer *tokenizer, const char *written, size_t len);
/* A token of the model as written: byte-level names are the bytes that it stands for. */
int lace_tokenizer_add_model(struct lace_tokenizer *tokenizer, int id, const char *written, size_t len,
                             struct lace_error *err);
/* The rule that joins two tokens, all three as written; rank is also its number in errors. */
int lace_tokenizer_add_merge(struct lace_tokenizer *tokenizer, size_t rank, const char *left, size_t left_len,
                             const char *right, size_t right_len, struct lace_error *err);
#endif
