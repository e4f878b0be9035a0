/* Three doors, by the first byte: a tokenizer.json, whose tokenizer then encodes and decodes; texts for tokenizers that are
 * known to be good, which must come back unchanged where nothing normalizes them; and arrays as a GGUF file holds them. */
#include "fuzz.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

static struct lace_tokenizer *known[6];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const files[] = {"recipes/tokenizer.json",
                                        "tests/golden/tokenizer_smollm.json",
                                        "tests/golden/tokenizer_llama3.json",
                                        "tests/golden/tokenizer_qwen2.json",
                                        "tests/golden/tokenizer_llama2.json",
                                        "tests/golden/tokenizer_odd.json"};
    struct lace_error err;
    for (int i = 0; i < 6; i++)
        if (lace_tokenizer_open(&known[i], files[i], &err)) {
            fprintf(stderr, "%s (run from the repository's root)\n", err.text);
            abort();
        }
    return 0;
}

/* A stream gives whole characters, and as many bytes as the decoded text has where that is no broken run. */
static void stream(const struct lace_tokenizer *t, const int *ids, size_t count, const struct lace_text *whole)
{
    struct lace_detokenizer_stream s = {.begun = false};
    struct lace_text out;
    lace_text_init(&out);
    for (size_t i = 0, before = 0; i <= count; i++, before = out.len) {
        if (i < count) lace_tokenizer_stream(t, &s, ids[i], false, &out);
        else lace_tokenizer_stream_end(t, &s, &out);
        if (out.len > before && !lace_utf8_valid(out.data + before, out.len - before)) abort();
    }
    bool broken = memmem(whole->data ? whole->data : "", whole->len, "\xef\xbf\xbd", 3) != NULL;
    if (!broken && (out.len != whole->len || (out.len && memcmp(out.data, whole->data, out.len)))) abort();
    lace_text_release(&out);
}

static void encode(const struct lace_tokenizer *t, const char *text, size_t len, int flags, bool same)
{
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count;
    if (!lace_tokenizer_encode(t, text, len, flags, &ids, &capacity, &count, &err)) {
        struct lace_text out;
        lace_text_init(&out);
        for (size_t i = 0; i < count; i++)
            if (ids[i] < 0 || ids[i] >= lace_tokenizer_size(t)) abort();
        if (lace_tokenizer_decode(t, ids, count, false, &out, &err)) abort();
        if (out.len && !lace_utf8_valid(out.data, out.len)) abort();
        if (same && lace_utf8_valid(text, len) && (out.len != len || (len && memcmp(out.data, text, len)))) abort();
        stream(t, ids, count, &out);
        lace_text_release(&out);
    } else if (same) abort();
    free(ids);
}

/* Tokens: a byte of length and type, then the text; what is left over are merges of a byte of length. */
static void build(const char *bytes, size_t len)
{
    enum { MOST = 64 };
    static const char *const pre[] = {"gpt-2", "qwen2", "tekken", "llama-bpe"};
    struct lace_string tokens[MOST], merges[MOST];
    float scores[MOST];
    int types[MOST];
    struct lace_tokenizer_parts p = {
        .path = "input", .tokens = tokens, .merges = merges, .scores = scores, .types = types};
    if (len < 2) return;
    p.model = bytes[0] & 1 ? "llama" : "gpt2";
    p.pre = pre[bytes[0] / 2 & 3];
    p.add_space_prefix = bytes[0] & 8;
    p.bos = p.eos = p.unk = -1;
    p.unk = bytes[0] & 16 ? 0 : -1;
    size_t at = 2, wanted = (unsigned char)bytes[1] % MOST;
    for (; (size_t)p.count < wanted && at < len; p.count++) {
        size_t n = (unsigned char)bytes[at] >> 3;
        types[p.count] = (bytes[at] & 7) % 7;
        scores[p.count] = (float)(signed char)bytes[at];
        if (n > len - ++at) n = len - at;
        tokens[p.count] = (struct lace_string){bytes + at, n};
        at += n;
    }
    for (; p.merge_count < MOST && at < len; p.merge_count++) {
        size_t n = (unsigned char)bytes[at] & 31;
        if (n > len - ++at) n = len - at;
        merges[p.merge_count] = (struct lace_string){bytes + at, n};
        at += n;
    }
    struct lace_tokenizer *t;
    struct lace_error err;
    if (lace_tokenizer_build(&t, &p, &err)) return;
    encode(t, bytes, len, LACE_ENCODE_ALL, false);
    lace_tokenizer_close(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    const char *bytes = (const char *)data + 1;
    struct lace_tokenizer *t;
    struct lace_error err;
    if (data[0] % 4 == 1) {
        int which = data[0] / 4 % 6;
        encode(known[which], bytes, size - 1, LACE_ENCODE_SPECIAL, which < 3);
        encode(known[which], bytes, size - 1, data[0] / 4 % 16, false);
    } else if (data[0] % 4 == 3) build(bytes, size - 1);
    else if (!lace_tokenizer_parse(&t, bytes, size - 1, "input", &err)) {
        encode(t, "ab aab 12 <x>\xff e\xcc\x81 ba", 22, LACE_ENCODE_ALL, false);
        encode(t, "\xe2\x96\x81 x\n  <y>  ", 13, 0, false);
        lace_tokenizer_close(&t);
    }
    return 0;
}

#define BL "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}"
#define MODEL                                                                                                          \
    "\"model\":{\"type\":\"BPE\",\"ignore_merges\":true,\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"aab\":3,\"1\":4},"       \
    "\"merges\":[\"a b\",[\"a\",\"ab\"]]}"
#define CHARACTERS                                                                                                     \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"fuse_unk\":true,\"byte_fallback\":true,\"vocab\":{\"?\":0,"     \
    "\"a\":1,\"\xe2\x96\x81\":2,\"\xe2\x96\x81"                                                                        \
    "a\":3,\"<0x20>\":4},\"merges\":[\"\xe2\x96\x81 a\"]}"
#define SPACES "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xe2\x96\x81\"},\"content\":\" \"}"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        " {\"added_tokens\":[{\"id\":5,\"content\":\"<x>\",\"special\":true},{\"id\":6,\"content\":\"e\xcc\x81\","
        "\"normalized\":true,\"lstrip\":true}],\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":" BL
        ",\"decoder\":" BL "," MODEL "}",
        " {\"added_tokens\":[{\"id\":5,\"content\":\"<y>\"}],\"pre_tokenizer\":{\"type\":\"Sequence\","
        "\"pretokenizers\":"
        "[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s)| "
        "?\\\\p{L}+|[^\\\\s]+\"},\"behavior\":\"Removed\",\"invert\":true},{\"type\":\"Digits\",\"individual_digits\":"
        "true}," BL "]},\"decoder\":" BL "," MODEL "}",
        " {\"added_tokens\":[{\"id\":5,\"content\":\"<x>\",\"rstrip\":true,\"single_word\":true}],\"normalizer\":{"
        "\"type\":"
        "\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"},{\"type\":\"Lowercase\"},"
        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true},{\"type\":\"NFKD\"}]},\"post_processor\":{"
        "\"type\":"
        "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"s\"}},{\"Sequence\":{\"id\":\"A\"}}],"
        "\"special_tokens\":{\"s\":{\"ids\":[1]}}},\"decoder\":{\"type\":\"Sequence\",\"decoders\":[" SPACES
        ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" "
        "\",\"start\":1,\"stop\":0}]}," CHARACTERS "}",
        " {\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":\"first\"},"
        "\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\"}," CHARACTERS "}",
        "\x01q*7+4=2, try 3: 10+4=3, no.\n[[best]] <|end|>",
        "\x05#don't  é <|endoftext|>\xff",
        "\x0d%e\xcc\x81 12 <think>\r\n",
        "\x11 \xe2\x96\x81 the <s> \xe2\x82\xac",
        "\x03\x09\x05\x09"
        "a\x09"
        "b\x11"
        "ab\x1a<s>\x0d"
        "u\x03"
        "a b",
        "\x03\x08\x03\x09"
        "a\x09"
        "b\x11"
        "ab\x03"
        "a b",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
