/* Two doors: a tokenizer.json (first byte even), whose tokenizer then encodes a text; and texts for tokenizers
 * that are known to be good (first byte odd), which must come back unchanged where they are UTF-8. */
#include "fuzz.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

static struct lace_tokenizer *known[3];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const files[] = {"recipes/tokenizer.json", "tests/golden/tokenizer_gpt2.json",
                                        "tests/golden/tokenizer_qwen2.json"};
    struct lace_error err;
    for (int i = 0; i < 3; i++)
        if (lace_tokenizer_open(&known[i], files[i], &err)) {
            fprintf(stderr, "%s (run from the repository's root)\n", err.text);
            abort();
        }
    return 0;
}

static void encode(const struct lace_tokenizer *t, const char *text, size_t len, bool same)
{
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count;
    if (!lace_tokenizer_encode(t, text, len, true, &ids, &capacity, &count, &err)) {
        struct lace_text out;
        lace_text_init(&out);
        for (size_t i = 0; i < count; i++)
            if (ids[i] < 0 || ids[i] >= lace_tokenizer_size(t)) abort();
        if (lace_tokenizer_decode(t, ids, count, false, &out, &err)) abort();
        if (out.len && !lace_utf8_valid(out.data, out.len)) abort();
        if (same && lace_utf8_valid(text, len) && (out.len != len || (len && memcmp(out.data, text, len)))) abort();
        lace_text_release(&out);
    } else if (same) abort();
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    const char *bytes = (const char *)data + 1;
    struct lace_tokenizer *t;
    struct lace_error err;
    if (data[0] & 1) {
        int which = data[0] / 2 % 3;
        encode(known[which], bytes, size - 1, which < 2); /* the third normalizes */
    } else if (!lace_tokenizer_parse(&t, bytes, size - 1, "input", &err)) {
        encode(t, "ab aab 12 <x>\xff e\xcc\x81 ba", 22, false);
        lace_tokenizer_close(&t);
    }
    return 0;
}

#define BL "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}"
#define MODEL                                                                                                          \
    "\"model\":{\"type\":\"BPE\",\"ignore_merges\":true,\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"aab\":5,\"1\":3},"       \
    "\"merges\":[\"a b\",[\"a\",\"ab\"]]}"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "\n{\"added_tokens\":[{\"id\":7,\"content\":\"<x>\",\"special\":true,\"normalized\":false}],\"normalizer\":{"
        "\"type\":\"NFC\"},\"pre_tokenizer\":" BL ",\"decoder\":" BL "," MODEL "}",
        " {\"added_tokens\":[{\"id\":2,\"content\":\"ab\"}],\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":"
        "[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s)| "
        "?\\\\p{L}+|[^\\\\s]+\"},\"behavior\":\"Removed\",\"invert\":true},{\"type\":\"Digits\",\"individual_digits\":"
        "true}," BL "]},\"decoder\":" BL "," MODEL "}",
        "!q*7+4=2, try 3: 10+4=3, no.\n[[best]] <|end|>",
        "#don't  é <|endoftext|>\xff",
        "%e\xcc\x81 12 <think>\r\n",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
