/* GGUF files: whatever passes must lie inside the bytes, and every value must be readable. */
#include "fuzz.h"
#include "io/gguf.h"

static void inside(const uint8_t *data, size_t size, const void *at, size_t bytes)
{
    if ((const uint8_t *)at < data || bytes > (size_t)(data + size - (const uint8_t *)at)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_gguf file;
    struct lace_error err;
    volatile double sum = 0;
    if (lace_gguf_parse(&file, data, size, "input", &err)) return 0;
    for (size_t i = 0; i < file.pair_count; i++) {
        const struct lace_gguf_pair *pair = &file.pairs[i];
        const unsigned char *at = pair->data;
        if (lace_gguf_find(&file, pair->key) != pair) abort();
        for (size_t k = 0; k < pair->count; k++)
            if (pair->type == LACE_GGUF_STRING) {
                struct lace_string s = lace_gguf_next(&at);
                inside(data, size, s.bytes, s.len);
            } else sum += lace_gguf_number(pair, k);
    }
    for (size_t i = 0; i < file.count; i++) {
        inside(data, size, file.tensors[i].data, file.tensors[i].bytes);
        if (lace_gguf_tensor(&file, file.tensors[i].name) != &file.tensors[i]) abort();
    }
    lace_gguf_close(&file);
    return 0;
}

static size_t put(uint8_t *to, size_t at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) to[at++] = (uint8_t)(value >> 8 * i);
    return at;
}

static size_t put_text(uint8_t *to, size_t at, const char *text)
{
    at = put(to, at, strlen(text), 8);
    memcpy(to + at, text, strlen(text));
    return at + strlen(text);
}

static size_t seed_file(uint8_t *to)
{
    size_t at = 4;
    memcpy(to, "GGUF", 4);
    at = put(to, put(to, put(to, at, 3, 4), 2, 8), 4, 8);
    at = put_text(to, put(to, put_text(to, at, "general.architecture"), LACE_GGUF_STRING, 4), "llama");
    at = put(to, put(to, put_text(to, at, "general.alignment"), LACE_GGUF_U32, 4), 64, 4);
    at = put(to, put(to, put_text(to, at, "llama.rope.freq_base"), LACE_GGUF_F32, 4), 0x461c4000, 4);
    at = put(to, put(to, put(to, put_text(to, at, "tokens"), LACE_GGUF_ARRAY, 4), LACE_GGUF_STRING, 4), 2, 8);
    at = put_text(to, put_text(to, at, "a"), "bc");
    at = put(to, put(to, put_text(to, at, "v"), 1, 4), 5, 8);
    at = put(to, put(to, at, 0, 4), 0, 8);
    at = put(to, put(to, put(to, put_text(to, at, "m"), 2, 4), 32, 8), 2, 8);
    at = put(to, put(to, at, 8, 4), 64, 8);
    memset(to + at, 0, 256);
    return (at + 63) / 64 * 64 + 64 + 68;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static uint8_t first[1024];
    static size_t len;
    if (!len) len = seed_file(first);
    const char *const seeds[] = {"GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", (const char *)first};
    size_t lens[] = {24, len};
    return fuzz_mutate(data, size, max, seed, seeds, lens, 2);
}
