/* Tokenizer: equal ids to Tokenizers' (golden cases), our own tokenizer's promises, and hostile files. */
#include "io/json.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CASES "tests/golden/tokenizer_cases.json"

static size_t unhex(const char *hex, unsigned char *out)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        out[i] = (unsigned char)byte;
    }
    return len;
}

static void check_ids(const json_t *expected, const int *ids, size_t count, const char *hex)
{
    if (json_array_size(expected) != count)
        fail_msg("%s: %zu ids instead of %zu", hex, count, json_array_size(expected));
    for (size_t i = 0; i < count; i++)
        if (json_integer_value(json_array_get(expected, i)) != ids[i]) fail_msg("%s: id %zu is %d", hex, i, ids[i]);
}

static void ids_equal_those_of_tokenizers(void **state)
{
    struct lace_error err;
    json_t *root = lace_json_read(CASES, 1 << 20, &err);
    assert_non_null(root);
    const json_t *sets = json_object_get(root, "sets");
    assert_true(json_array_size(sets) >= 4);
    int *ids = NULL;
    size_t capacity = 0, count;
    for (size_t s = 0; s < json_array_size(sets); s++) {
        const json_t *set = json_array_get(sets, s), *cases = json_object_get(set, "cases");
        struct lace_tokenizer *t;
        if (lace_tokenizer_open(&t, json_string_value(json_object_get(set, "file")), &err)) fail_msg("%s", err.text);
        assert_true(json_array_size(cases) >= 100);
        for (size_t c = 0; c < json_array_size(cases); c++) {
            const json_t *one = json_array_get(cases, c), *plain = json_array_get(one, 2),
                         *back = json_array_get(one, 3);
            const char *hex = json_string_value(json_array_get(one, 0));
            unsigned char *text = malloc(strlen(hex) + 1), *decoded = malloc(strlen(hex) * 4 + 64);
            size_t len = unhex(hex, text);
            struct lace_text out;
            lace_text_init(&out);
            assert_int_equal(lace_tokenizer_encode(t, (char *)text, len, false, &ids, &capacity, &count, &err), 0);
            check_ids(json_is_null(plain) ? json_array_get(one, 1) : plain, ids, count, hex);
            assert_int_equal(lace_tokenizer_encode(t, (char *)text, len, true, &ids, &capacity, &count, &err), 0);
            check_ids(json_array_get(one, 1), ids, count, hex);
            assert_int_equal(lace_tokenizer_decode(t, ids, count, false, &out, &err), 0);
            size_t n = unhex(json_is_null(back) ? hex : json_string_value(back), decoded);
            assert_int_equal(out.len, n);
            assert_memory_equal(out.data ? out.data : "", decoded, n);
            lace_text_release(&out);
            free(text);
            free(decoded);
        }
        lace_tokenizer_close(&t);
    }
    free(ids);
    json_decref(root);
}

static void our_own_tokenizer_keeps_its_pieces(void **state)
{
    static const char *const pieces[] = {"q",  "*",  "7", "+", "4", "=", "2",    ", try ", "3",
                                         ": ", "10", "+", "4", "=", "3", ", no", ".\n"};
    static const char *const single[] = {", try ", ": ",     ", no",     ", yes",     ".\n",    "Answer: ",  "Find ",
                                         " mod ",  " from ", " to ",     "[[",        "best]]", "success]]", "fail]]",
                                         " = ",    ", ",     ".\n",      "What is ",  "none",   "<|end|>",   "<|pad|>",
                                         "<|1|>",  "<|16|>", "<|of 1|>", "<|of 16|>", " the"};
    struct lace_tokenizer *t;
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count, len;
    assert_int_equal(lace_tokenizer_open(&t, "recipes/tokenizer.json", &err), 0);
    assert_true(lace_tokenizer_size(t) <= 512);
    const char *text = "q*7+4=2, try 3: 10+4=3, no.\n";
    assert_int_equal(lace_tokenizer_encode(t, text, strlen(text), true, &ids, &capacity, &count, &err), 0);
    assert_int_equal(count, 17);
    for (size_t i = 0; i < 17; i++) {
        const char *bytes = lace_tokenizer_bytes(t, ids[i], &len);
        assert_int_equal(len, strlen(pieces[i]));
        assert_memory_equal(bytes, pieces[i], len);
    }
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        assert_int_equal(lace_tokenizer_encode(t, single[i], strlen(single[i]), true, &ids, &capacity, &count, &err),
                         0);
        if (count != 1) fail_msg("\"%s\" is %zu tokens", single[i], count);
        assert_int_equal(lace_tokenizer_is_special(t, ids[0]), single[i][0] == '<');
        if (single[i][0] == '<') assert_int_equal(lace_tokenizer_id(t, single[i]), ids[0]);
    }
    for (int i = 0; i < 100; i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", i);
        assert_int_equal(lace_tokenizer_encode(t, number, strlen(number), true, &ids, &capacity, &count, &err), 0);
        assert_int_equal(count, 1);
    }
    assert_int_equal(lace_tokenizer_encode(t, "123", 3, true, &ids, &capacity, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(lace_tokenizer_encode(t, "<|end|>", 7, false, &ids, &capacity, &count, &err), 0);
    assert_true(count > 1);
    assert_int_equal(lace_tokenizer_encode(t, "", 0, false, &ids, &capacity, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(lace_tokenizer_id(t, "nonesuch"), -1);
    assert_null(lace_tokenizer_bytes(t, -1, &len));
    assert_null(lace_tokenizer_bytes(t, 1 << 30, &len));
    assert_false(lace_tokenizer_is_special(t, -1));
    struct lace_text out;
    lace_text_init(&out);
    int some[] = {-5, 'a', lace_tokenizer_id(t, "<|end|>"), 1 << 29, 0xc3, 'b'};
    assert_int_equal(lace_tokenizer_decode(t, some, 6, true, &out, &err), 0);
    assert_string_equal(out.data, "a\xef\xbf\xbd"
                                  "b");
    lace_text_release(&out);
    free(ids);
    lace_tokenizer_close(&t);
    lace_tokenizer_close(&t);
}

static void digits_of_large_numbers_are_tokens_for_the_families(void **state)
{
    static const struct {
        const char *text;
        size_t tokens;
    } cases[] = {
        {"5", 1},
        {"54", 1},
        {"954", 3},
        {"65954", 5},
        {"739*86", 5},
        {"Find abc*xy: a=7", 11},
        {"From b: 90+5=95, so 954.\n", 13},
        {"To d: b3+4=7, c5+6=11, so 7.\n", 19},
        {"a3b, a(q)c", 9},
        {"5 2 4 to none, step 2 by reverse: 4 2 5.\n", 18},
        {"q*7+4=2, try 3: 10+4=3, no.\n", 17},
    };
    struct lace_tokenizer *t;
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count;
    assert_int_equal(lace_tokenizer_open(&t, "recipes/tokenizer-families.json", &err), 0);
    assert_true(lace_tokenizer_size(t) <= 1024);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        assert_int_equal(lace_tokenizer_encode(t, text, strlen(text), true, &ids, &capacity, &count, &err), 0);
        if (count != cases[i].tokens) fail_msg("%s: %zu tokens", text, count);
    }
    free(ids);
    lace_tokenizer_close(&t);
}

/* A run without a boundary must not cost its square. */
static void long_texts_encode_in_reasonable_time(void **state)
{
    static const char *const files[] = {"recipes/tokenizer.json", "tests/golden/tokenizer_qwen2.json",
                                        "tests/golden/tokenizer_gpt2.json"};
    size_t size = 1 << 19, capacity = 0, count;
    char *text = malloc(size);
    int *ids = NULL;
    struct lace_error err;
    for (size_t f = 0; f < 3; f++) {
        struct lace_tokenizer *t;
        assert_int_equal(lace_tokenizer_open(&t, files[f], &err), 0);
        for (const char *c = "a <\n\xff\xe2"; *c; c++) {
            memset(text, *c, size);
            double start = lace_now();
            assert_int_equal(lace_tokenizer_encode(t, text, size, true, &ids, &capacity, &count, &err), 0);
            assert_true(count > 0);
            if (lace_now() - start > 20)
                fail_msg("%s: 2^19 times %02x take %.1f s", files[f], (unsigned char)*c, lace_now() - start);
        }
        lace_tokenizer_close(&t);
    }
    free(ids);
    free(text);
}

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
        lace_tokenizer_encode(t, "ab ab\xff é", 9, true, &ids, &capacity, &count, NULL);
        free(ids);
    }
    lace_tokenizer_close(&t);
    return code;
}

#define BL                         "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define FILE_OF(top, pre, model)   "{" top "\"pre_tokenizer\":" pre ",\"decoder\":" BL ",\"model\":" model "}"
#define MODEL(more, vocab, merges) "{\"type\":\"BPE\"," more "\"vocab\":{" vocab "},\"merges\":[" merges "]}"
#define SMALL                      MODEL("", "\"a\":0,\"b\":1,\"ab\":2", "\"a b\"")
#define ADDED(x)                   "\"added_tokens\":[" x "],"
#define SPLIT(pattern, more)                                                                                           \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":" pattern "," more "}," BL "]}"
#define ISOLATED "\"behavior\":\"Isolated\",\"invert\":false"

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
        {FILE_OF(ADDED("{\"id\":7,\"content\":\"<x>\",\"special\":true}"), BL, SMALL), NULL},
        {FILE_OF(ADDED("{\"id\":2,\"content\":\"ab\"}"), BL, SMALL), NULL},
        {FILE_OF("", SPLIT("{\"String\":\"a\"}", ISOLATED), SMALL), NULL},
        /* merges that are odd but harmless: two ways to one token, a token from itself and nothing */
        {FILE_OF("", BL, MODEL("", "\"a\":0,\"\":1,\"aa\":2,\"aaa\":3", "\"a \",\" a\",\"a a\",\"aa a\",\"a aa\"")),
         NULL},
        {"", "JSON"},
        {"[]", "object"},
        {"{}", "decoder"},
        {"{\"decoder\":" BL "}", "no ByteLevel"},
        {"{\"decoder\":{\"type\":\"WordPiece\"}}", "decoder"},
        {"{\"decoder\":" BL ",\"pre_tokenizer\":" BL "}", "no model"},
        {FILE_OF("", "{\"type\":\"Whitespace\"}", SMALL), "Whitespace"},
        {FILE_OF("", "{\"type\":\"Digits\"}", SMALL), "no ByteLevel"},
        {FILE_OF("", "{\"type\":\"Sequence\",\"pretokenizers\":[" BL "," BL "]}", SMALL), "after ByteLevel"},
        {FILE_OF("", "{\"type\":\"Sequence\"}", SMALL), "no list"},
        {FILE_OF("", SPLIT("{\"Regex\":\"(\"}", ISOLATED), SMALL), "not accepted"},
        {FILE_OF("", SPLIT("{\"Regex\":\"[a&&b]\"}", ISOLATED), SMALL), "&&"},
        {FILE_OF("", SPLIT("{\"Regex\":\"^a\"}", ISOLATED), SMALL), "anchor"},
        {FILE_OF("", SPLIT("{\"Regex\":\"a\\\\Kb\"}", ISOLATED), SMALL), "escape"},
        {FILE_OF("", SPLIT("{\"Regex\":\"(*COMMIT)a\"}", ISOLATED), SMALL), "verb"},
        {FILE_OF("", SPLIT("{\"Regex\":\"(?R)\"}", ISOLATED), SMALL), "group or flag"},
        {FILE_OF("", SPLIT("{\"Regex\":\"a\\\\\"}", ISOLATED), SMALL), "backslash"},
        {FILE_OF("", SPLIT("{\"Regex\":\"\\\\C\"}", ISOLATED), SMALL), "not accepted"},
        {FILE_OF("", SPLIT("{\"Regex\":\"\"}", ISOLATED), SMALL), "needs a pattern"},
        {FILE_OF("", SPLIT("{}", ISOLATED), SMALL), "needs a pattern"},
        {FILE_OF("", SPLIT("{\"Regex\":\"a\"}", "\"behavior\":\"MergedWithNext\""), SMALL), "MergedWithNext"},
        {FILE_OF("\"normalizer\":{\"type\":\"NFKC\"},", BL, SMALL), "NFKC"},
        {FILE_OF("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"}]},", BL, SMALL),
         "Lowercase"},
        {FILE_OF("\"post_processor\":{\"type\":\"TemplateProcessing\"},", BL, SMALL), "TemplateProcessing"},
        {FILE_OF("\"truncation\":{\"max_length\":3},", BL, SMALL), "truncation"},
        {FILE_OF("\"padding\":{\"strategy\":{\"Fixed\":9}},", BL, SMALL), "padding"},
        {FILE_OF("", BL, "{\"type\":\"Unigram\"}"), "Unigram"},
        {FILE_OF("", BL, MODEL("\"byte_fallback\":true,", "", "")), "byte_fallback"},
        {FILE_OF("", BL, MODEL("\"dropout\":0.1,", "", "")), "dropout"},
        {FILE_OF("", BL, MODEL("\"end_of_word_suffix\":\"</w>\",", "", "")), "end_of_word_suffix"},
        {FILE_OF("", BL, MODEL("\"unk_token\":\"a\",", "\"a\":0", "")), "unk_token"},
        {FILE_OF("", BL, "{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}"), "no vocab"},
        {FILE_OF("", BL, "{\"type\":\"BPE\",\"vocab\":{}}"), "no merges"},
        {FILE_OF("", BL, MODEL("", "\"a\":-1", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":2097152", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":9223372036854775807", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":1.0", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":\"1\"", "")), "whole number"},
        {FILE_OF("", BL, MODEL("", "\"a\":1,\"b\":1", "")), "two tokens"},
        {FILE_OF("", BL, MODEL("", "\"a\":1,\"a\":2", "")), "duplicate"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "\"a b\"")), "merge 0 (a and b)"},
        {FILE_OF("", BL, MODEL("", "\"a\":0,\"b\":1", "\"a b\"")), "merge 0 (a and b)"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "\"a\"")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "\"a a a\"")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "[\"a\"]")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "[\"a\",1]")), "merge 0 is not"},
        {FILE_OF("", BL, MODEL("", "\"a\":0", "5")), "merge 0 is not"},
        {FILE_OF("\"added_tokens\":{},", BL, SMALL), "must be a list"},
        {FILE_OF(ADDED("1"), BL, SMALL), "content"},
        {FILE_OF(ADDED("{\"content\":\"x\"}"), BL, SMALL), "needs an id"},
        {FILE_OF(ADDED("{\"content\":\"\",\"id\":9}"), BL, SMALL), "needs an id"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":-9}"), BL, SMALL), "\"id\""},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":2097152}"), BL, SMALL), "\"id\""},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":1}"), BL, SMALL), "does not agree"},
        {FILE_OF(ADDED("{\"content\":\"ab\",\"id\":9}"), BL, SMALL), "does not agree"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":9},{\"content\":\"y\",\"id\":9}"), BL, SMALL), "does not agree"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":9,\"lstrip\":true}"), BL, SMALL), "lstrip"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":9,\"rstrip\":true}"), BL, SMALL), "rstrip"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":9,\"single_word\":true}"), BL, SMALL), "single_word"},
        {FILE_OF(ADDED("{\"content\":\"x\",\"id\":9,\"special\":1}"), BL, SMALL), "special"},
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
        FILE_OF(ADDED("{\"id\":7,\"content\":\"<x>\",\"special\":true}"), SPLIT("{\"Regex\":\"a+\"}", ISOLATED), SMALL);
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
    const char *json = FILE_OF("", SPLIT("{\"Regex\":\"(a|aa)+\\\\d\"}", ISOLATED), SMALL);
    assert_int_equal(lace_tokenizer_parse(&t, json, strlen(json), "here", &err), 0);
    char text[64];
    memset(text, 'a', sizeof text);
    assert_int_equal(lace_tokenizer_encode(t, text, sizeof text, true, &ids, &capacity, &count, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "pattern failed"));
    free(ids);
    lace_tokenizer_close(&t);
}

static void broken_utf8_is_replaced_by_maximal_parts(void **state)
{
    static const struct {
        const char *bytes, *out;
    } cases[] = {{"a\xff"
                  "b",
                  "a\xef\xbf\xbd"
                  "b"},
                 {"\xe2\x82", "\xef\xbf\xbd"},
                 {"\xe2(\x82", "\xef\xbf\xbd(\xef\xbf\xbd"},
                 {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\xf0\x9f\x98x", "\xef\xbf\xbdx"},
                 {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
                 {"é€😀", "é€😀"}};
    struct lace_text out;
    lace_text_init(&out);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lace_text_clear(&out);
        lace_utf8_lossy(&out, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(out.data, cases[i].out);
        assert_int_equal(lace_utf8_valid(cases[i].bytes, strlen(cases[i].bytes)), i == 6);
    }
    lace_text_release(&out);
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t len = 0; len <= 10; len++) assert_int_equal(lace_utf8_whole("xé€😀", len), whole[len]);
    assert_int_equal(lace_utf8_whole("a\x80\x80\x80\x80", 5), 5); /* broken for good: nothing to wait for */
    assert_int_equal(lace_utf8_whole("\xed\xa0", 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_equal_those_of_tokenizers),
        cmocka_unit_test(our_own_tokenizer_keeps_its_pieces),
        cmocka_unit_test(digits_of_large_numbers_are_tokens_for_the_families),
        cmocka_unit_test(long_texts_encode_in_reasonable_time),
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(patterns_are_bounded),
        cmocka_unit_test(broken_utf8_is_replaced_by_maximal_parts),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
