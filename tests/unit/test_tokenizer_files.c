/* Tokenizer files and arrays: what is accepted, what is refused by name, and that nothing hostile does harm. */
#include "tokenizer_test.h"
#include <math.h>

static int load(const char *json, struct lace_error *err)
{
    struct lace_tokenizer *t;
    size_t len = strlen(json);
    char *copy = malloc(len + 1); /* exactly sized, for the address sanitizer */
    memcpy(copy, json, len);
    err->text[0] = 0;
    int code = lace_tokenizer_parse(&t, copy, len, "here", err), *ids = NULL;
    free(copy);
    if (code) {
        assert_null(t);
        assert_memory_equal(err->text, "here", 4);
    } else {
        size_t capacity = 0, count;
        struct lace_text out;
        lace_text_init(&out);
        lace_tokenizer_encode(t, "ab <x>ab\xff é", 12, LACE_ENCODE_ALL, &ids, &capacity, &count, NULL);
        lace_tokenizer_decode(t, ids, count, false, &out, NULL);
        lace_text_release(&out);
        free(ids);
    }
    lace_tokenizer_close(&t);
    return code;
}

#define BL                         "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define FILE_OF(top, pre, model)   "{" top "\"pre_tokenizer\":" pre ",\"decoder\":" BL ",\"model\":" model "}"
#define PLAIN(top, model)          "{" top "\"model\":" model "}"
#define MODEL(more, vocab, merges) "{\"type\":\"BPE\"," more "\"vocab\":{" vocab "},\"merges\":[" merges "]}"
#define SMALL                      MODEL("", "\"a\":0,\"b\":1,\"ab\":2", "\"a b\"")
#define ADDED(x)                   "\"added_tokens\":[" x "],"
#define SPLIT(pattern, more)                                                                                           \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":" pattern "," more "}," BL "]}"
#define ISOLATED    "\"behavior\":\"Isolated\",\"invert\":false"
#define REGEX(r)    FILE_OF("", SPLIT("{\"Regex\":\"" r "\"}", ISOLATED), SMALL)
#define NORM(n)     PLAIN("\"normalizer\":" n ",", SMALL)
#define PRE(p)      PLAIN("\"pre_tokenizer\":" p ",", SMALL)
#define DECODER(d)  PLAIN("\"decoder\":" d ",", SMALL)
#define DECODERS(d) DECODER("{\"type\":\"Sequence\",\"decoders\":[" d "]}")
#define REPLACE     "{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},\"content\":\" \"}"
#define STRIP(n, m) "{\"type\":\"Strip\",\"content\":\" \",\"start\":" n ",\"stop\":" m "}"
#define POST(p)     PLAIN("\"post_processor\":" p ",", SMALL)
#define TEMPLATE(s)                                                                                                    \
    POST("{\"type\":\"TemplateProcessing\",\"single\":[" s                                                             \
         "],\"special_tokens\":{\"a\":{\"ids\":[0]},\"z\":{\"ids\":[9]}}}")
#define TEXT       "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}"
#define SPECIAL(s) "{\"SpecialToken\":{\"id\":\"" s "\",\"type_id\":0}}"
#define META(more) "{\"type\":\"Metaspace\",\"replacement\":\"_\"" more "}"

static void files_are_checked(void **state)
{
    static const struct {
        const char *json, *says; /* NULL: accepted */
    } cases[] = {
        {FILE_OF("", BL, SMALL), NULL},
        {FILE_OF("", BL, MODEL("", "\"a\":0,\"b\":1,\"ab\":2", "[\"a\",\"b\"]")), NULL},
        {FILE_OF("", BL, "{\"vocab\":{\"a\":5},\"merges\":[]}"), NULL},
        {FILE_OF("", BL, MODEL("", "\"a\":0,\"\":1", "")), NULL},
        {FILE_OF("", BL, MODEL("\"ignore_merges\":true,", "\"a\":2097151", "")), NULL},
        {FILE_OF("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[]},", BL, SMALL), NULL},
        {FILE_OF(ADDED("{\"id\":3,\"content\":\"<x>\",\"special\":true}"), BL, SMALL), NULL},
        {FILE_OF(ADDED("{\"id\":2,\"content\":\"ab\"}"), BL, SMALL), NULL},
        {FILE_OF("", SPLIT("{\"String\":\"a\"}", ISOLATED), SMALL), NULL},
        /* merges that are odd but harmless: two ways to one token, a token from itself and nothing */
        {FILE_OF("", BL, MODEL("", "\"a\":0,\"\":1,\"aa\":2,\"aaa\":3", "\"a \",\" a\",\"a a\",\"aa a\",\"a aa\"")),
         NULL},
        {PLAIN("", SMALL), NULL},
        {PLAIN("", MODEL("\"unk_token\":\"a\",\"byte_fallback\":true,\"fuse_unk\":true,", "\"a\":0,\"<0x41>\":1", "")),
         NULL},
        {FILE_OF("", BL, MODEL("\"byte_fallback\":false,\"unk_token\":null,", "\"a\":0", "")), NULL},

        /* the file */
        {"", "JSON"},
        {"[]", "object"},
        {"{}", "no model"},
        {PLAIN("\"truncation\":{\"max_length\":3},", SMALL), "truncation"},
        {PLAIN("\"padding\":{\"strategy\":{\"Fixed\":9}},", SMALL), "padding"},

        /* normalizers */
        {NORM("{\"type\":\"NFC\"}"), NULL},
        {NORM("{\"type\":\"NFKD\"}"), NULL},
        {NORM("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}"), NULL},
        {NORM("{\"type\":\"Prepend\",\"prepend\":\"_\"}"), NULL},
        {NORM("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"\"}"), NULL},
        {NORM("{\"type\":\"Precompiled\"}"), "Precompiled"},
        {NORM("{\"type\":\"BertNormalizer\"}"), "BertNormalizer"},
        {NORM("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmt\"}]}"), "Nmt"},
        {NORM("{\"type\":\"Sequence\"}"), "no list"},
        {NORM("{\"type\":\"Prepend\"}"), "prepend"},
        {NORM("{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"}}"), "content"},
        {NORM("{\"type\":\"Replace\",\"pattern\":{},\"content\":\"\"}"), "needs a pattern"},
        {NORM("{\"type\":\"Strip\",\"strip_left\":1}"), "strip_left"},
        {NORM("1"), "type"},

        /* pre-tokenizers */
        {PRE("{\"type\":\"Whitespace\"}"), NULL},
        {PRE("{\"type\":\"WhitespaceSplit\"}"), NULL},
        {PRE("{\"type\":\"Punctuation\"}"), NULL},
        {PRE("{\"type\":\"Digits\"}"), NULL},
        {PRE(META("")), NULL},
        {PRE(META(",\"add_prefix_space\":false")), NULL},
        {PRE(META(",\"prepend_scheme\":\"first\",\"split\":false")), NULL},
        {PRE(META(",\"add_prefix_space\":false,\"prepend_scheme\":\"first\"")), "both"},
        {PRE(META(",\"prepend_scheme\":\"second\"")), "second"},
        {PRE("{\"type\":\"Metaspace\",\"replacement\":\"__\"}"), "one character"},
        {PRE("{\"type\":\"Metaspace\",\"replacement\":\"\"}"), "one character"},
        {PRE("{\"type\":\"BertPreTokenizer\"}"), "BertPreTokenizer"},
        {PRE("{\"type\":\"UnicodeScripts\"}"), "UnicodeScripts"},
        {PLAIN("\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":"
               "[{\"type\":\"Digits\"}," META(",\"prepend_scheme\":\"first\"") "]},",
               SMALL),
         "prepend_scheme"},
        {FILE_OF("", "{\"type\":\"Sequence\",\"pretokenizers\":[" BL "," BL "]}", SMALL), "after ByteLevel"},
        {FILE_OF("", "{\"type\":\"Sequence\"}", SMALL), "no list"},
        {FILE_OF("", SPLIT("{\"Regex\":\"\"}", ISOLATED), SMALL), "needs a pattern"},
        {FILE_OF("", SPLIT("{}", ISOLATED), SMALL), "needs a pattern"},
        {FILE_OF("", SPLIT("{\"Regex\":\"a\"}", "\"behavior\":\"MergedWithNext\""), SMALL), NULL},
        {FILE_OF("", SPLIT("{\"Regex\":\"a\"}", "\"behavior\":\"Merged\""), SMALL), "Merged"},

        /* patterns */
        {REGEX("\\\\w+|[^\\\\s\\\\p{^L}]|\\\\p{Han}\\\\x{41}"), NULL},
        {REGEX("(?<=a)b(?!c)(?i:d)(?:e)(?=f)(?<!g)[^\\\\[\\\\]]{1,2}{"), NULL},
        {REGEX("("), "not accepted"},
        {REGEX("[a&&b]"), "&&"},
        {REGEX("[a[b]]"), "set inside"},
        {REGEX("[[:alpha:]]"), "set inside"},
        {REGEX("[]a]"), "begins with ]"},
        {REGEX("[a"), "open set"},
        {REGEX("^a"), "anchor"},
        {REGEX("a$"), "anchor"},
        {REGEX("a\\\\Kb"), "escape"},
        {REGEX("\\\\bb"), "escape"},
        {REGEX("(a)\\\\1"), "escape"},
        {REGEX("\\\\h"), "escape"},
        {REGEX("\\\\C"), "escape"},
        {REGEX("\\\\xe4"), "braces"},
        {REGEX("\\\\pL"), "\\p{...}"},
        {REGEX("\\\\p{L"), "\\p{...}"},
        {REGEX("\\\\p{}"), "without a name"},
        {REGEX("\\\\p{Nonesuch}"), "not accepted"},
        {REGEX("[\\\\W]"), "\\W"},
        {REGEX("a{2}+"), "interval"},
        {REGEX("a{2}?"), "interval"},
        {REGEX("a{,2}"), "interval"},
        {REGEX("(*COMMIT)a"), "verb"},
        {REGEX("(?R)"), "group or flag"},
        {REGEX("a(?i)b"), "group or flag"},
        {REGEX("(?<n>a)"), "group or flag"},
        {REGEX("(?i:straSSe)"), "fold"},
        {REGEX("a\\\\"), "backslash"},
        {REGEX("\\\\u12"), "four digits"},

        /* post-processors */
        {POST("{\"type\":\"ByteLevel\"}"), NULL},
        {TEMPLATE(SPECIAL("a") "," TEXT "," SPECIAL("a")), NULL},
        {POST("{\"type\":\"RobertaProcessing\"}"), "RobertaProcessing"},
        {POST("{\"type\":\"TemplateProcessing\"}"), "single"},
        {POST("{\"type\":\"Sequence\"}"), "no list"},
        {TEMPLATE(SPECIAL("a")), "just once"},
        {TEMPLATE(TEXT "," TEXT), "just once"},
        {TEMPLATE("{\"Sequence\":{\"id\":\"B\"}}"), "just once"},
        {TEMPLATE(SPECIAL("b") "," TEXT), "special_tokens"},
        {TEMPLATE(SPECIAL("z") "," TEXT), "no token"},
        {TEMPLATE("{}," TEXT), "id"},

        /* decoders */
        {DECODERS(REPLACE ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}," STRIP("1", "0")), NULL},
        {DECODERS(STRIP("1", "1") "," REPLACE), NULL},
        {DECODERS(""), NULL},
        {DECODER(META("")), NULL},
        {DECODER("{\"type\":\"WordPiece\"}"), "WordPiece"},
        {DECODER("{\"type\":\"CTC\"}"), "CTC"},
        {DECODERS("{\"type\":\"Fuse\"}," REPLACE), "Replace in this place"},
        {DECODERS("{\"type\":\"ByteFallback\"}," REPLACE), "Replace in this place"},
        {DECODERS("{\"type\":\"Fuse\"}," STRIP("0", "1")), "Strip in this place"},
        {DECODERS("{\"type\":\"Fuse\"}," STRIP("1", "0") "," STRIP("1", "0")), "Strip in this place"},
        {DECODERS(META("") "," REPLACE), "Replace in this place"},
        {DECODERS(REPLACE "," META("")), "Metaspace in this place"},
        {DECODERS("{\"type\":\"Fuse\"},{\"type\":\"ByteLevel\"}"), "ByteLevel in this place"},
        {DECODERS("{\"type\":\"Strip\",\"content\":\"\",\"start\":1,\"stop\":0}"), "one character"},
        {DECODERS(STRIP("-1", "0")), "start"},
        {DECODER("{\"type\":\"Sequence\"}"), "no list"},
        {DECODER("7"), "type"},

        /* the model */
        {FILE_OF("", BL, "{\"type\":\"Unigram\"}"), "Unigram"},
        {FILE_OF("", BL, MODEL("\"byte_fallback\":true,", "\"a\":0", "")), "byte_fallback"},
        {FILE_OF("", BL, MODEL("\"dropout\":0.1,", "", "")), "dropout"},
        {FILE_OF("", BL, MODEL("\"end_of_word_suffix\":\"</w>\",", "", "")), "end_of_word_suffix"},
        {FILE_OF("", BL, MODEL("\"unk_token\":\"a\",", "\"a\":0", "")), "unk_token"},
        {PLAIN("", MODEL("\"unk_token\":\"x\",", "\"a\":0", "")), "unk_token"},
        {PLAIN("", MODEL("\"unk_token\":1,", "\"a\":0", "")), "unk_token"},
        {FILE_OF("", BL, "{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}"), "no vocab"},
        {FILE_OF("", BL, "{\"type\":\"BPE\",\"vocab\":{}}"), "no merges"},
        {FILE_OF("", BL, MODEL("", "\"a\":-1", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":2097152", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":9223372036854775807", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":1.0", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":\"1\"", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":1,\"b\":1", "")), "two tokens"},
        {FILE_OF("", BL, MODEL("", "\"a\":1,\"a\":2", "")), "twice"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "\"a b\"")), "merge 0 (a and b)"},
        {FILE_OF("", BL, MODEL("", "\"a\":0,\"b\":1", "\"a b\"")), "merge 0 (a and b)"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "\"a\"")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "\"a a a\"")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "[\"a\"]")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "[\"a\",1]")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "5")), "merge 0 is not"},

        /* added tokens */
        {FILE_OF("\"added_tokens\":{},", BL, SMALL), "must be a list"},
        {FILE_OF(ADDED("1"), BL, SMALL), "content"},
        {FILE_OF(ADDED("{\"content\":\"x\"}"), BL, SMALL), "needs an id"},
        {FILE_OF(ADDED("{\"content\":\"\",\"id\":3}"), BL, SMALL), "needs an id"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":-9}"), BL, SMALL), "\"id\""},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":2097152}"), BL, SMALL), "\"id\""},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":1}"), BL, SMALL), "has id 1"},
        {FILE_OF(ADDED("{\"content\":\"ab\",\"id\":9}"), BL, SMALL), "has id 9"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":9}"), BL, SMALL), "has id 9"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":3},{\"content\":\"y\",\"id\":3}"), BL, SMALL), "has id 3"},
        {FILE_OF(ADDED("{\"content\":\"a\",\"id\":0},{\"content\":\"a\",\"id\":0}"), BL, SMALL), "two added tokens"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":3,\"special\":1}"), BL, SMALL), "special"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":3,\"lstrip\":true,\"rstrip\":true,\"single_word\":true}"), BL, SMALL),
         NULL},
        {FILE_OF("\"normalizer\":{\"type\":\"NFC\"}," ADDED(
                     "{\"content\":\"\xc3\xa9\",\"id\":3},{\"content\":\"e\xcc\x81\",\"id\":4}"),
                 BL, SMALL),
         "like another"},
        {FILE_OF("\"normalizer\":{\"type\":\"Strip\"}," ADDED("{\"content\":\" \",\"id\":3}"), BL, SMALL),
         "leaves nothing"},
    };
    struct lace_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = load(cases[i].json, &err);
        if (!cases[i].says && code) fail_msg("%s: %s", cases[i].json, err.text);
        if (cases[i].says && (code != LACE_BAD || !strstr(err.text, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].json, code, err.text);
    }
    struct lace_tokenizer *t;
    assert_int_equal(lace_tokenizer_open(&t, "/nonexistent", &err), LACE_SYSTEM);
    assert_null(t);
}

static void every_cut_is_refused(void **state)
{
    static const char whole[] =
        FILE_OF(ADDED("{\"id\":3,\"content\":\"<x>\",\"special\":true}"), SPLIT("{\"Regex\":\"a+\"}", ISOLATED), SMALL);
    struct lace_error err;
    char part[sizeof whole];
    for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
        memcpy(part, whole, cut);
        part[cut] = 0;
        assert_int_equal(load(part, &err), LACE_BAD);
    }
    assert_int_equal(load(whole, &err), 0);
}

/* A pattern that backtracks without end is an error of the text, not a hang. */
static void patterns_are_bounded(void **state)
{
    struct lace_tokenizer *t;
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count;
    const char *json = REGEX("(a|aa)+\\\\d");
    assert_int_equal(lace_tokenizer_parse(&t, json, strlen(json), "here", &err), 0);
    char text[64];
    memset(text, 'a', sizeof text);
    assert_int_equal(lace_tokenizer_encode(t, text, sizeof text, 0, &ids, &capacity, &count, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "pattern failed"));
    free(ids);
    lace_tokenizer_close(&t);
}

static void arrays_are_checked(void **state)
{
    static const struct lace_string tokens[] = {{"a", 1}, {"b", 1}, {"ab", 2}, {"<s>", 3}, {"<unused>", 8}},
                                    same[] = {{"a", 1}, {"a", 1}, {"ab", 2}, {"<s>", 3}, {"<unused>", 8}},
                                    broken[] = {{"a", 1}, {"\xff", 1}, {"ab", 2}, {"<s>", 3}, {"<unused>", 8}},
                                    merges[] = {{"a b", 3}}, unknown[] = {{"a c", 3}}, one[] = {{"ab", 2}};
    static const float scores[] = {-1, -2, -3, 0, 0}, nan_scores[] = {-1, NAN, -3, 0, 0};
    static const int types[] = {1, 1, 1, 3, 5}, odd[] = {1, 1, 7, 3, 5}, negative[] = {1, -1, 1, 3, 5};
    const struct lace_tokenizer_parts good[] = {{.path = "here",
                                                 .model = "llama",
                                                 .tokens = tokens,
                                                 .scores = scores,
                                                 .types = types,
                                                 .count = 5,
                                                 .bos = 3,
                                                 .eos = -1,
                                                 .unk = -1,
                                                 .add_bos = true,
                                                 .add_space_prefix = true},
                                                {.path = "here",
                                                 .model = "gpt2",
                                                 .pre = "gpt-2",
                                                 .tokens = tokens,
                                                 .types = types,
                                                 .count = 5,
                                                 .merges = merges,
                                                 .merge_count = 1,
                                                 .bos = -1,
                                                 .eos = -1,
                                                 .unk = -1}};
    struct lace_tokenizer *t;
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count;
    for (int i = 0; i < 2; i++) {
        if (lace_tokenizer_build(&t, &good[i], &err)) fail_msg("%s", err.text);
        assert_int_equal(lace_tokenizer_encode(t, "ab<unused><s>", 13, LACE_ENCODE_ALL, &ids, &capacity, &count, &err),
                         0);
        assert_true(count >= 2);
        assert_int_equal(ids[count - 1], 3);
        assert_int_equal(ids[0], i ? 2 : 3);
        for (size_t k = 0; k < count; k++) assert_int_not_equal(ids[k], 4); /* no text becomes what is unused */
        lace_tokenizer_close(&t);
    }
    free(ids);
#define WITH(i, ...)                                                                                                   \
    ({                                                                                                                 \
        struct lace_tokenizer_parts p = good[i];                                                                       \
        __VA_ARGS__;                                                                                                   \
        p;                                                                                                             \
    })
    const struct {
        struct lace_tokenizer_parts p;
        const char *says;
    } bad[] = {
        {WITH(0, p.model = "bert"), "bert"},
        {WITH(0, p.count = 0), "0 tokens"},
        {WITH(0, p.count = -1), "-1 tokens"},
        {WITH(0, p.count = 1 << 30), "tokens"},
        {WITH(0, p.scores = NULL), "score"},
        {WITH(0, p.scores = nan_scores), "no number"},
        {WITH(0, p.bos = 5), "special token 5"},
        {WITH(0, p.unk = -2), "special token -2"},
        {WITH(0, p.bos = -1), "added to texts"},
        {WITH(0, p.types = odd), "type 7"},
        {WITH(0, p.types = negative), "type -1"},
        {WITH(0, p.tokens = broken), "not UTF-8"},
        {WITH(0, p.tokens = same), "twice"},
        {WITH(1, p.tokens = same), "twice"},
        {WITH(1, p.pre = NULL), "pre-tokenizer"},
        {WITH(1, p.pre = "nonesuch"), "nonesuch"},
        {WITH(1, p.pre = ""), "\"\""},
        {WITH(1, p.merges = unknown), "merge 0"},
        {WITH(1, p.merges = one), "merge 0"},
        {WITH(1, p.merge_count = (size_t)1 << 40), "merges"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int code = lace_tokenizer_build(&t, &bad[i].p, &err);
        assert_null(t);
        if (code != LACE_BAD || !strstr(err.text, bad[i].says) || memcmp(err.text, "here", 4))
            fail_msg("%zu: %d %s", i, code, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(patterns_are_bounded),
        cmocka_unit_test(arrays_are_checked),
    };
    return cmocka_run_group_tests_name("tokenizer files", tests, NULL, NULL);
}
