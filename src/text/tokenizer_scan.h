/* The two large members of a tokenizer.json, model.vocab and model.merges, read as they stand: a tree of a quarter of a
 * million nodes would take most of the time that loading takes. The rest of the file is small and goes to the JSON
 * parser, which finds an empty object and an empty list in their places. */
#ifndef LACE_TOKENIZER_SCAN_H
#define LACE_TOKENIZER_SCAN_H
#include "base/base.h"

struct lace_tokenizer_scan {
    const char *vocab, *vocab_end;   /* from { on; NULL: there is no such object */
    const char *merges, *merges_end; /* from [ on; NULL: there is no such list */
    struct lace_text rest;
};
/* Finds them. What is not JSON is left to the parser of the rest. */
int lace_tokenizer_scan(struct lace_tokenizer_scan *scan, const char *json, size_t len, const char *path,
                        struct lace_error *err);
size_t lace_tokenizer_scan_merges(const struct lace_tokenizer_scan *scan); /* their number */
void lace_tokenizer_scan_release(struct lace_tokenizer_scan *scan);

/* Reads one of them, value by value; zero it and set at, end and path to begin. */
struct lace_json_reader {
    const char *at, *end, *path;
    struct lace_text text; /* the strings read since it was last cleared, escapes resolved */
};
int lace_json_reader_fail(const struct lace_json_reader *r, struct lace_error *err);
/* Whether the next sign is c; if so it is taken. Blanks before it are. */
bool lace_json_reader_take(struct lace_json_reader *r, char c);
/* Appends the next string to the text. */
int lace_json_reader_string(struct lace_json_reader *r, struct lace_error *err);
/* The next value as a whole number; LACE_BAD without a message: it is another value. */
int lace_json_reader_number(struct lace_json_reader *r, int64_t *number);
#endif
