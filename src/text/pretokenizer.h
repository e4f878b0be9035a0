/* Pre-tokenizers: how a text is divided into the words that are encoded by themselves.
 * A list of steps; a Sequence is flattened, and what Tokenizers has a type for is a split by a pattern of ours. Each
 * step hands its pieces to the next by a call, so nothing but the ids is ever collected. ByteLevel, which writes bytes
 * in an alphabet, comes last; here bytes stay bytes. */
#ifndef LACE_PRETOKENIZER_H
#define LACE_PRETOKENIZER_H
#include "text/pattern.h"

#define LACE_PRETOKENIZER_STEPS 16

/* What becomes of the matches of a split, beside the gaps between them. */
enum lace_split_behavior {
    LACE_SPLIT_REMOVED,
    LACE_SPLIT_ISOLATED,
    LACE_SPLIT_WITH_PREVIOUS,
    LACE_SPLIT_WITH_NEXT,
    LACE_SPLIT_CONTIGUOUS,
};
enum lace_prepend_scheme { LACE_PREPEND_FIRST, LACE_PREPEND_NEVER, LACE_PREPEND_ALWAYS };

struct lace_pretokenizer {
    struct lace_pretokenizer_step {
        enum { LACE_STEP_SPLIT, LACE_STEP_PREFIX_SPACE, LACE_STEP_METASPACE } kind;
        struct lace_pattern pattern; /* SPLIT; METASPACE: its character */
        enum lace_split_behavior behavior;
        bool invert;                     /* matches and gaps are exchanged */
        enum lace_prepend_scheme scheme; /* METASPACE */
        bool split;                      /* METASPACE: also divides */
    } steps[LACE_PRETOKENIZER_STEPS];
    int count;
    bool byte_level;
};
/* value: null, or one pre-tokenizer of a tokenizer.json. */
int lace_pretokenizer_load(struct lace_pretokenizer *pre, const json_t *value, const char *path,
                           struct lace_error *err);
/* By the name that GGUF files give (tokenizer.ggml.pre), all of them byte-level; LACE_BAD lists those known. */
int lace_pretokenizer_named(struct lace_pretokenizer *pre, const char *name, const char *path, struct lace_error *err);
void lace_pretokenizer_release(struct lace_pretokenizer *pre);

/* Divides a text; zero it and set the first four to begin. */
struct lace_pretokenizer_run {
    const struct lace_pretokenizer *pre;
    struct lace_matcher *matcher;
    int (*word)(void *user, const char *bytes, size_t len, struct lace_error *err); /* non-zero ends the run */
    void *user;
    bool inside;                                    /* the text goes on after another: nothing is put before it */
    struct lace_text room[LACE_PRETOKENIZER_STEPS]; /* of the steps that write */
};
/* begins: the text's first character is the first of the whole. */
int lace_pretokenize(struct lace_pretokenizer_run *run, const char *bytes, size_t len, bool begins,
                     struct lace_error *err);
void lace_pretokenizer_run_release(struct lace_pretokenizer_run *run);
#endif
