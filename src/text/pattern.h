/* The patterns of a tokenizer.json. Tokenizers runs Oniguruma, we run PCRE2's JIT; the two agree on what these files
 * use. What they read differently is translated (\s, \d, \w, scripts) or refused by name, never matched wrongly. */
#ifndef LACE_PATTERN_H
#define LACE_PATTERN_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/base.h"
#include <jansson.h>
#include <pcre2.h>

struct lace_pattern {
    pcre2_code *code; /* NULL: literal is sought as it stands */
    bool jit;         /* pcre2_jit_match can run it */
    struct lace_text literal;
};
/* {"Regex": ...} or {"String": ...}; who names the part of the tokenizer in errors. */
int lace_pattern_load(struct lace_pattern *pattern, const json_t *value, const char *who, const char *path,
                      struct lace_error *err);
int lace_pattern_regex(struct lace_pattern *pattern, const char *regex, const char *who, const char *path,
                       struct lace_error *err);
/* PCRE2's own syntax, for the patterns that are ours. */
int lace_pattern_ours(struct lace_pattern *pattern, const char *regex, struct lace_error *err);
void lace_pattern_release(struct lace_pattern *pattern);

/* What matching needs beside the pattern; one for all patterns of a caller. */
struct lace_matcher {
    pcre2_match_data *data;
    pcre2_match_context *limits;
    bool new_characters; /* the text may hold characters that PCRE2 does not know */
};
int lace_matcher_init(struct lace_matcher *matcher, struct lace_error *err);
void lace_matcher_release(struct lace_matcher *matcher);

/* One pass over a text of valid UTF-8. As in Tokenizers an empty match counts unless it ends where the last one did. */
struct lace_matches {
    const struct lace_pattern *pattern;
    struct lace_matcher *matcher;
    const char *bytes; /* the text as the pattern sees it */
    size_t len, from, start, end;
    bool any;
    struct lace_text seen;
};
int lace_matches_begin(struct lace_matches *matches, const struct lace_pattern *pattern, struct lace_matcher *matcher,
                       const char *bytes, size_t len, struct lace_error *err);
int lace_matches_next(struct lace_matches *matches, struct lace_error *err); /* 1: start and end are set; 0: no more */
void lace_matches_end(struct lace_matches *matches);
#endif
