/* GGUF files: whatever passes must lie inside the bytes, and every value must be readable. What passes is also taken for a
 * model: its configuration, its tensors' names, its tokenizer and its chat template. */
#include "fuzz.h"
#include "io/gguf.h"
#include "io/weights.h"
#include "model/config.h"
#include "text/chat.h"
#include "text/gguf_text.h"
#include <sys/mman.h>
#include <unistd.h>

static void inside(const uint8_t *data, size_t size, const void *at, size_t bytes)
{
    if ((const uint8_t *)at < data || bytes > (size_t)(data + size - (const uint8_t *)at)) abort();
}

/* As a model's file. */
static void use(const char *path)
{
    struct lace_config config;
    struct lace_chat_template *chat;
    struct lace_tokenizer *tokenizer;
    struct lace_weights weights;
    struct lace_error err;
    json_t *generation;
    char *text;
    int *ids = NULL;
    size_t capacity = 0, count;
    float out[16];
    if (!lace_config_read(&config, path, &text, &err)) lace_free(text);
    if (!lace_gguf_generation(path, &generation, &err)) json_decref(generation);
    if (!lace_chat_template_open(&chat, path, &err)) lace_chat_template_close(&chat);
    if (!lace_tokenizer_open_gguf(&tokenizer, path, &err)) {
        lace_tokenizer_encode(tokenizer, "ab a</s>", 8, LACE_ENCODE_ALL, &ids, &capacity, &count, &err);
        lace_tokenizer_close(&tokenizer);
        free(ids);
    }
    if (lace_weights_open_model(&weights, path, &err)) return;
    for (size_t i = 0; i < weights.count; i++) {
        const struct lace_tensor *t = &weights.tensors[i];
        size_t elements = t->bytes / lace_tensor_type_bytes(t->type) * lace_tensor_type_block(t->type);
        if (lace_tensor_to_f32(t, 0, elements < 16 ? elements : 16, out, &err)) continue;
        lace_tensor_to_f32(t, elements - (elements < 7 ? elements : 7), elements < 7 ? elements : 7, out, &err);
    }
    lace_weights_close(&weights);
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
    char path[64];
    int fd = memfd_create("gguf", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    use(path);
    close(fd);
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

/* A model of one layer as the files in use have it, without most of its tensors. */
static size_t seed_file(uint8_t *to)
{
    static const struct {
        const char *key;
        int value;
    } numbers[] = {{"general.alignment", 64},         {"llama.context_length", 64},
                   {"llama.embedding_length", 32},    {"llama.block_count", 1},
                   {"llama.feed_forward_length", 32}, {"llama.attention.head_count", 2},
                   {"tokenizer.ggml.eos_token_id", 3}};
    static const char *const texts[][2] = {{"general.architecture", "llama"},
                                           {"tokenizer.ggml.model", "gpt2"},
                                           {"tokenizer.ggml.pre", "gpt-2"},
                                           {"tokenizer.chat_template", "{{ bos_token }}"},
                                           {"llama.rope.scaling.type", "yarn"}};
    static const char *const tokens[] = {"a", "b", "ab", "</s>"};
    size_t at = 4;
    memcpy(to, "GGUF", 4);
    at = put(to, put(to, put(to, at, 3, 4), 2, 8), 7 + 5 + 6, 8);
    for (int i = 0; i < 7; i++)
        at = put(to, put(to, put_text(to, at, numbers[i].key), LACE_GGUF_U32, 4), (uint64_t)numbers[i].value, 4);
    for (int i = 0; i < 5; i++)
        at = put_text(to, put(to, put_text(to, at, texts[i][0]), LACE_GGUF_STRING, 4), texts[i][1]);
    at = put(to, put(to, put_text(to, at, "llama.rope.freq_base"), LACE_GGUF_F32, 4), 0x461c4000, 4);
    at = put(to, put(to, put_text(to, at, "llama.rope.scaling.factor"), LACE_GGUF_F32, 4), 0x40000000, 4);
    at = put(to, put(to, put_text(to, at, "llama.attention.layer_norm_rms_epsilon"), LACE_GGUF_F32, 4), 0x3727c5ac, 4);
    at = put(to, put(to, put(to, put_text(to, at, "tokenizer.ggml.tokens"), LACE_GGUF_ARRAY, 4), LACE_GGUF_STRING, 4),
             4, 8);
    for (int i = 0; i < 4; i++) at = put_text(to, at, tokens[i]);
    at = put(to, put(to, put(to, put_text(to, at, "tokenizer.ggml.token_type"), LACE_GGUF_ARRAY, 4), LACE_GGUF_I32, 4),
             4, 8);
    for (int i = 0; i < 4; i++) at = put(to, at, i < 3 ? 1 : 3, 4);
    at = put(to, put(to, put(to, put_text(to, at, "tokenizer.ggml.merges"), LACE_GGUF_ARRAY, 4), LACE_GGUF_STRING, 4),
             1, 8);
    at = put_text(to, at, "a b");
    at = put(to, put(to, put(to, put_text(to, at, "token_embd.weight"), 2, 4), 32, 8), 4, 8);
    at = put(to, put(to, at, 8, 4), 0, 8); /* Q8_0 */
    at = put(to, put(to, put(to, put_text(to, at, "blk.0.attn_q.weight"), 2, 4), 32, 8), 32, 8);
    at = put(to, put(to, at, 1, 4), 192, 8); /* F16, behind 4 * 34 bytes and padding */
    memset(to + at, 0, 4096);
    return (at + 63) / 64 * 64 + 192 + 2048;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static uint8_t first[8192];
    static size_t len;
    if (!len) len = seed_file(first);
    static const char none[24] = "GGUF\3";
    const char *const seeds[] = {none, (const char *)first};
    size_t lens[] = {sizeof none, len};
    return fuzz_mutate(data, size, max, seed, seeds, lens, 2);
}
