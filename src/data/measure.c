#include "data/measure.h"
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>

int lace_measure_open(struct lace_measure *m, const char *model, struct lace_error *err)
{
    *m = (struct lace_measure){0};
    return model ? lace_tokenizer_open_folder(&m->tokenizer, model, err) : 0;
}

static int words(const char *text, size_t len)
{
    int count = 0;
    for (size_t i = 0; i < len;) {
        size_t start = i;
        while (i < len && (isalpha((unsigned char)text[i]) || (unsigned char)text[i] >= 0x80)) i++;
        if (i == start)
            while (i < len && isdigit((unsigned char)text[i])) i++;
        if (i == start) i++;
        count += !isspace((unsigned char)text[start]);
    }
    return count;
}

int lace_measure(struct lace_measure *m, const char *text, size_t len)
{
    size_t count;
    if (!m->tokenizer || lace_tokenizer_encode(m->tokenizer, text, len, false, &m->ids, &m->capacity, &count, NULL))
        return words(text, len);
    return count < INT_MAX ? (int)count : INT_MAX;
}

void lace_measure_close(struct lace_measure *m)
{
    lace_tokenizer_close(&m->tokenizer);
    free(m->ids);
    *m = (struct lace_measure){0};
}
