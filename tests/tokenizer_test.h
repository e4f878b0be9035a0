/* What the tests of the tokenizer share: strings made from a seed as scripts/golden_tokenizer.py makes them, and hex. */
#ifndef LACE_TOKENIZER_TEST_H
#define LACE_TOKENIZER_TEST_H
#include "io/json.h"
#include "text/tokenizer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <cmocka.h>

#define CASES "tests/golden/tokenizer_cases.json"

static inline void add_hex(struct lace_text *out, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2) {
        unsigned byte = 0;
        sscanf(hex, "%2x", &byte);
        lace_text_add(out, &(char){(char)byte}, 1);
    }
}

/* splitmix64 */
static inline uint64_t below(uint64_t *state, uint64_t bound)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % bound;
}

static inline void make_string(const json_t *root, uint64_t seed, uint64_t index, struct lace_text *out)
{
    const json_t *texts = json_object_get(root, "texts"), *ranges = json_object_get(root, "ranges");
    uint64_t r = seed * 1000003 + index;
    lace_text_clear(out);
    lace_text_str(out, "");
    for (uint64_t parts = 1 + below(&r, 6); parts--;) {
        uint64_t kind = below(&r, 20);
        if (kind < 8) add_hex(out, json_string_value(json_array_get(texts, below(&r, json_array_size(texts)))));
        else if (kind < 10)
            for (uint64_t n = 1 + below(&r, kind == 9 ? 40 : 3); n--;) lace_text_str(out, " ");
        else if (kind < 12)
            for (uint64_t n = 1 + below(&r, kind == 11 ? 40 : 4); n--;) lace_text_print(out, "%d", (int)below(&r, 10));
        else if (kind < 19) {
            const json_t *range = json_array_get(ranges, below(&r, json_array_size(ranges)));
            uint64_t first = (uint64_t)json_integer_value(json_array_get(range, 0)),
                     last = (uint64_t)json_integer_value(json_array_get(range, 1));
            for (uint64_t n = 1 + below(&r, 6); n--;) {
                utf8proc_uint8_t bytes[4];
                utf8proc_ssize_t len =
                    utf8proc_encode_char((utf8proc_int32_t)(first + below(&r, last - first + 1)), bytes);
                lace_text_add(out, (char *)bytes, (size_t)len);
            }
        } else lace_text_add(out, &(char){(char)(128 + below(&r, 128))}, 1);
    }
}
#endif
