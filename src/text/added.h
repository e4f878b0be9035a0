/* Added tokens: sought in a text before anything else, some of them again after normalization. Leftmost, longest; the
 * rules for blanks at their sides and for whole words are Tokenizers'. */
#ifndef LACE_ADDED_H
#define LACE_ADDED_H
#include "text/vocab.h"

struct lace_added {
    struct lace_added_trie {
        struct lace_added_node {
            int child, sibling, id; /* 0: none; id -1: no token ends here. Node 0 is the root */
            unsigned char byte;
        } * nodes;
        int count, cap;
        int first[256]; /* child of the root by byte; 0: none */
    } raw, normalized;  /* sought before and after normalization */
};
/* The pattern of an added token; `id` is in the vocabulary, with its flags. LACE_BAD: the pattern is another's. */
int lace_added_put(struct lace_added *added, bool normalized, const char *pattern, size_t len, int id,
                   struct lace_error *err);
void lace_added_release(struct lace_added *added);

/* One pass over a text. Set the first five, zero the rest. */
struct lace_added_scan {
    const struct lace_added_trie *trie;
    const struct lace_vocab *vocab;
    bool special; /* special tokens are tokens; else they are text, and hide what they span, as Tokenizers has it */
    const char *bytes;
    size_t len;
    size_t at, done, blank, blank_end;
    size_t gap, gap_len; /* what lies before the token found; at the end, what lies behind the last one */
    int id;
};
bool lace_added_next(struct lace_added_scan *scan); /* false: no more, the gap is the rest */
#endif
