/* How long a text is: in tokens of a model, or, without one, in words, numbers and signs. */
#ifndef LACE_MEASURE_H
#define LACE_MEASURE_H
#include "text/tokenizer.h"

struct lace_measure {
    struct lace_tokenizer *tokenizer; /* NULL: words, numbers and signs */
    int *ids;
    size_t capacity;
};
int lace_measure_open(struct lace_measure *measure, const char *model, struct lace_error *err); /* NULL: words */
int lace_measure(struct lace_measure *measure, const char *text, size_t len);
void lace_measure_close(struct lace_measure *measure);
#endif
