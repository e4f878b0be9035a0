/* Tokenizer: ids and texts equal to Tokenizers' (golden cases of every family), streams, tokenizers from arrays, and our
 * own tokenizer's promises. */
#include "text/utf8.h"
#include "tokenizer_test.h"
#include <pthread.h>

/* ---- equal to Tokenizers ---- */

static void check_ids(const json_t *expected, const int *ids, size_t count, const char *hex)
{
    if (json_array_size(expected) != count)
        fail_msg("%s: %zu ids instead of %zu", hex, count, json_array_size(expected));
    for (size_t i = 0; i < count; i++)
        if (json_integer_value(json_array_get(expected, i)) != ids[i]) fail_msg("%s: id %zu is %d", hex, i, ids[i]);
}

static void digest(uint64_t *h, const void *bytes, size_t len)
{
    static const unsigned char end[] = {255, 255, 255, 255};
    for (size_t i = 0; i < len + 4; i++)
        *h = (*h ^ (i < len ? ((const unsigned char *)bytes)[i] : end[i - len])) * 0x100000001b3u;
}

/* Whatever a stream gives is whole characters, and together they are the text. */
static void check_stream(const struct lace_tokenizer *t, const int *ids, size_t count, const struct lace_text *whole)
{
    struct lace_detokenizer_stream stream = {.begun = false};
    struct lace_text out;
    lace_text_init(&out);
    for (size_t i = 0, before = 0; i <= count; i++, before = out.len) {
        if (i < count) lace_tokenizer_stream(t, &stream, ids[i], false, &out);
        else lace_tokenizer_stream_end(t, &stream, &out);
        assert_true(lace_utf8_valid((out.data ? out.data : "") + before, out.len - before));
    }
    assert_int_equal(out.len, whole->len);
    assert_memory_equal(out.data ? out.data : "", whole->data ? whole->data : "", out.len);
    lace_text_release(&out);
}

static json_t *read_cases(void)
{
    struct lace_error err;
    json_t *root = lace_json_read(CASES, 1 << 20, &err);
    if (!root) fail_msg("%s", err.text);
    return root;
}

static struct lace_tokenizer *open_file(const char *path)
{
    struct lace_tokenizer *t;
    struct lace_error err;
    if (lace_tokenizer_open(&t, path, &err)) fail_msg("%s", err.text);
    return t;
}

static void listed_texts_have_the_ids_of_tokenizers(void **state)
{
    json_t *root = read_cases();
    const json_t *sets = json_object_get(root, "sets");
    struct lace_error err;
    struct lace_text text, decoded, out;
    int *ids = NULL;
    size_t capacity = 0, count;
    lace_text_init(&text);
    lace_text_init(&decoded);
    lace_text_init(&out);
    assert_true(json_array_size(sets) >= 9);
    for (size_t s = 0; s < json_array_size(sets); s++) {
        const json_t *set = json_array_get(sets, s), *cases = json_object_get(set, "cases");
        struct lace_tokenizer *t = open_file(json_string_value(json_object_get(set, "file")));
        assert_true(json_array_size(cases) >= 60);
        for (size_t c = 0; c < json_array_size(cases); c++) {
            const json_t *one = json_array_get(cases, c), *plain = json_array_get(one, 2),
                         *back = json_array_get(one, 3);
            const char *hex = json_string_value(json_array_get(one, 0));
            lace_text_clear(&text);
            lace_text_clear(&decoded);
            lace_text_clear(&out);
            add_hex(&text, hex);
            add_hex(&decoded, json_is_null(back) ? hex : json_string_value(back));
            assert_int_equal(lace_tokenizer_encode(t, text.data, text.len, 0, &ids, &capacity, &count, &err), 0);
            check_ids(json_array_get(one, json_is_null(plain) ? 1 : 2), ids, count, hex);
            assert_int_equal(
                lace_tokenizer_encode(t, text.data, text.len, LACE_ENCODE_ALL, &ids, &capacity, &count, &err), 0);
            check_ids(json_array_get(one, 1), ids, count, hex);
            assert_int_equal(lace_tokenizer_decode(t, ids, count, false, &out, &err), 0);
            assert_int_equal(out.len, decoded.len);
            assert_memory_equal(out.data ? out.data : "", decoded.data ? decoded.data : "", decoded.len);
            check_stream(t, ids, count, &out);
        }
        lace_tokenizer_close(&t);
    }
    lace_text_release(&text);
    lace_text_release(&decoded);
    lace_text_release(&out);
    free(ids);
    json_decref(root);
}

static void made_texts_have_the_ids_of_tokenizers(void **state)
{
    json_t *root = read_cases();
    const json_t *sets = json_object_get(root, "sets");
    struct lace_error err;
    struct lace_text text, out;
    int *ids = NULL;
    size_t capacity = 0, count, total = 0;
    lace_text_init(&text);
    lace_text_init(&out);
    for (size_t s = 0; s < json_array_size(sets); s++) {
        const json_t *set = json_array_get(sets, s), *hashes = json_object_get(set, "hashes");
        const char *file = json_string_value(json_object_get(set, "file"));
        uint64_t seed = (uint64_t)json_integer_value(json_object_get(set, "seed"));
        struct lace_tokenizer *t = open_file(file);
        for (size_t i = 0; i < json_array_size(hashes); i++) {
            uint64_t h = 0xcbf29ce484222325u;
            char said[20];
            make_string(root, seed, i, &text);
            lace_text_clear(&out);
            assert_int_equal(
                lace_tokenizer_encode(t, text.data, text.len, LACE_ENCODE_ALL, &ids, &capacity, &count, &err), 0);
            digest(&h, ids, count * sizeof *ids);
            assert_int_equal(lace_tokenizer_decode(t, ids, count, false, &out, &err), 0);
            check_stream(t, ids, count, &out);
            assert_int_equal(lace_tokenizer_encode(t, text.data, text.len, 0, &ids, &capacity, &count, &err), 0);
            digest(&h, ids, count * sizeof *ids);
            digest(&h, out.data, out.len);
            snprintf(said, sizeof said, "%016llx", (unsigned long long)h);
            if (strcmp(said, json_string_value(json_array_get(hashes, i))))
                fail_msg("%s: string %zu of seed %llu has other ids or another text than Tokenizers gives: \"%s\"",
                         file, i, (unsigned long long)seed, text.data);
            total++;
        }
        lace_tokenizer_close(&t);
    }
    assert_true(total >= 2000);
    lace_text_release(&text);
    lace_text_release(&out);
    free(ids);
    json_decref(root);
}

/* Half of a character that a later id completes, and one that never comes to its end. */
static void a_stream_waits_for_whole_characters(void **state)
{
    static const char *const files[] = {"tests/golden/tokenizer_llama2.json", "tests/golden/tokenizer_smollm.json"};
    static const char euro[] = "\xe2\x82\xac";
    for (int f = 0; f < 2; f++) {
        struct lace_tokenizer *t = open_file(files[f]);
        struct lace_detokenizer_stream stream = {.begun = false};
        struct lace_text out;
        int ids[3];
        lace_text_init(&out);
        for (int i = 0; i < 3; i++) {
            char name[8];
            struct lace_text written; /* as the file has it: <0xE2>, or the alphabet's letter */
            lace_text_init(&written);
            snprintf(name, sizeof name, "<0x%02X>", (unsigned char)euro[i]);
            if (!f) lace_text_str(&written, name);
            else { /* a byte from 0xae is the character of its number; 0x82 and 0xac are not */
                static const char *const alphabet[] = {"\xc3\xa2", "\xc4\xa4", "\xc2\xac"};
                lace_text_str(&written, alphabet[i]);
            }
            ids[i] = lace_tokenizer_id(t, written.data);
            assert_true(ids[i] >= 0);
            lace_text_release(&written);
        }
        lace_tokenizer_stream(t, &stream, ids[0], true, &out);
        lace_tokenizer_stream(t, &stream, ids[1], true, &out);
        assert_int_equal(out.len, 0);
        lace_tokenizer_stream(t, &stream, ids[2], true, &out);
        assert_string_equal(out.data, euro); /* at once, not when something else comes */
        lace_tokenizer_stream(t, &stream, ids[0], true, &out);
        lace_tokenizer_stream(t, &stream, ids[1], true, &out);
        assert_string_equal(out.data, euro);
        lace_tokenizer_stream_end(t, &stream, &out);
        assert_string_equal(out.data, f ? "\xe2\x82\xac\xef\xbf\xbd" : "\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd");
        lace_text_release(&out);
        lace_tokenizer_close(&t);
    }
}

/* ---- a model's directory ---- */

static void write_file(const char *folder, const char *name, const char *text, size_t len)
{
    char path[4096];
    struct lace_error err;
    if (lace_join(path, folder, name, &err) || lace_write_file(path, text, len, &err)) fail_msg("%s", err.text);
}

static void a_directory_has_the_ids_of_transformers(void **state)
{
    json_t *root = read_cases();
    const json_t *configs = json_object_get(root, "configs");
    char folder[] = "/tmp/lace-tokenizer-XXXXXX";
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count;
    assert_non_null(mkdtemp(folder));
    assert_true(json_array_size(configs) >= 40);
    for (size_t i = 0; i < json_array_size(configs); i++) {
        const json_t *one = json_array_get(configs, i);
        char *bytes, *config = json_dumps(json_object_get(one, "config"), 0);
        size_t len;
        struct lace_tokenizer *t;
        assert_int_equal(lace_read_file(json_string_value(json_object_get(one, "file")), 1 << 20, &bytes, &len, &err),
                         0);
        write_file(folder, "tokenizer.json", bytes, len);
        write_file(folder, "tokenizer_config.json", config, strlen(config));
        if (lace_tokenizer_open_folder(&t, folder, &err)) fail_msg("%s", err.text);
        const char *text = json_string_value(json_object_get(one, "text"));
        assert_int_equal(lace_tokenizer_encode(t, text, strlen(text), LACE_ENCODE_ALL, &ids, &capacity, &count, &err),
                         0);
        check_ids(json_object_get(one, "ids"), ids, count, config);
        lace_tokenizer_close(&t);
        lace_free(bytes);
        free(config);
    }
    static const struct {
        const char *config, *says;
    } wrong[] = {
        {"[]", "object"},
        {"{\"added_tokens_decoder\":{\"9999\":{\"content\":\"<x>\"}}}", "<x>"},
        {"{\"added_tokens_decoder\":{\"1\":{\"content\":\"</s>\",\"lstrip\":1}}}", "lstrip"},
        {"{\"added_tokens_decoder\":{\"-1\":{\"content\":\"</s>\"}}}", "no token"},
        {"{\"added_tokens_decoder\":{\"1x\":{\"content\":\"</s>\"}}}", "no token"},
        {"{\"added_tokens_decoder\":{\"1\":\"</s>\"}}", "no token"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct lace_tokenizer *t;
        write_file(folder, "tokenizer_config.json", wrong[i].config, strlen(wrong[i].config));
        assert_int_equal(lace_tokenizer_open_folder(&t, folder, &err), LACE_BAD);
        assert_null(t);
        if (!strstr(err.text, wrong[i].says)) fail_msg("%s: %s", wrong[i].config, err.text);
    }
    lace_remove_folder(folder);
    struct lace_tokenizer *t;
    assert_int_equal(lace_tokenizer_open_folder(&t, folder, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "no tokenizer.json"));
    free(ids);
    json_decref(root);
}

/* A text that goes on gets no blank of its own; the parts of a text then have the ids of a whole. */
static void a_text_inside_another_begins_without_a_blank(void **state)
{
    static const char *const files[] = {"tests/golden/tokenizer_llama2.json", "tests/golden/tokenizer_mistral3.json"};
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count;
    for (int f = 0; f < 2; f++) {
        struct lace_tokenizer *t = open_file(files[f]);
        for (int inside = 0; inside < 2; inside++) {
            struct lace_text out;
            lace_text_init(&out);
            assert_int_equal(
                lace_tokenizer_encode(t, "the", 3, inside ? LACE_ENCODE_INSIDE : 0, &ids, &capacity, &count, &err), 0);
            for (size_t i = 0; i < count; i++) {
                size_t len;
                const char *bytes = lace_tokenizer_bytes(t, ids[i], &len);
                lace_text_add(&out, bytes, len);
            }
            assert_string_equal(out.data, inside ? "the" : " the");
            lace_text_release(&out);
        }
        lace_tokenizer_close(&t);
    }
    free(ids);
}

/* ---- tokenizers from arrays ---- */

struct parts {
    struct lace_tokenizer_parts p;
    struct lace_string *tokens, *merges;
    float *scores;
    int *types;
    struct lace_text text; /* of merges written as pairs */
};

/* The arrays that a GGUF file of the same tokenizer holds. */
static void take_parts(struct parts *parts, const json_t *root, const char *pre)
{
    json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab"), *value;
    const json_t *added = json_object_get(root, "added_tokens"), *merges = json_object_get(model, "merges");
    size_t size = json_object_size(vocab) + json_array_size(added), n = 0;
    const char *key;
    *parts = (struct parts){.tokens = calloc(size, sizeof *parts->tokens),
                            .merges = calloc(json_array_size(merges) + 1, sizeof *parts->merges),
                            .scores = calloc(size, sizeof *parts->scores),
                            .types = calloc(size, sizeof *parts->types)};
    json_object_foreach(vocab, key, value)
    {
        size_t id = (size_t)json_integer_value(value);
        parts->tokens[id] = (struct lace_string){key, strlen(key)};
        parts->scores[id] = -(float)id; /* as SentencePiece trains them */
        parts->types[id] = !pre && strlen(key) == 6 && !memcmp(key, "<0x", 3) ? LACE_TYPE_BYTE : LACE_TYPE_NORMAL;
        if (id >= n) n = id + 1;
    }
    for (size_t i = 0; i < json_array_size(added); i++) {
        const json_t *token = json_array_get(added, i);
        size_t id = (size_t)json_integer_value(json_object_get(token, "id"));
        const char *content = json_string_value(json_object_get(token, "content"));
        parts->tokens[id] = (struct lace_string){content, strlen(content)};
        parts->types[id] = !strcmp(content, "<unk>") && !pre                 ? LACE_TYPE_UNKNOWN
                           : json_is_true(json_object_get(token, "special")) ? LACE_TYPE_CONTROL
                                                                             : LACE_TYPE_USER_DEFINED;
        if (id >= n) n = id + 1;
    }
    for (size_t i = 0; i < json_array_size(merges) && pre; i++) {
        const json_t *one = json_array_get(merges, i);
        size_t at = parts->text.len;
        if (json_is_string(one)) lace_text_str(&parts->text, json_string_value(one));
        else
            lace_text_print(&parts->text, "%s %s", json_string_value(json_array_get(one, 0)),
                            json_string_value(json_array_get(one, 1)));
        parts->merges[i] = (struct lace_string){(char *)at, parts->text.len - at};
    }
    for (size_t i = 0; i < json_array_size(merges) && pre; i++)
        parts->merges[i].bytes = parts->text.data + (size_t)parts->merges[i].bytes;
    parts->p = (struct lace_tokenizer_parts){.path = "arrays",
                                             .model = pre ? "gpt2" : "llama",
                                             .pre = pre,
                                             .tokens = parts->tokens,
                                             .scores = pre ? NULL : parts->scores,
                                             .types = parts->types,
                                             .count = (int)n,
                                             .merges = parts->merges,
                                             .merge_count = pre ? json_array_size(merges) : 0,
                                             .bos = -1,
                                             .eos = -1,
                                             .unk = pre ? -1 : 0,
                                             .add_space_prefix = !pre};
}

static void release_parts(struct parts *parts)
{
    free(parts->tokens);
    free(parts->merges);
    free(parts->scores);
    free(parts->types);
    lace_text_release(&parts->text);
}

static void arrays_make_the_same_tokenizer(void **state)
{
    static const struct {
        const char *file, *pre, *bos; /* pre NULL: of type llama */
    } kinds[] = {{"tests/golden/tokenizer_llama2.json", NULL, "<s>"},
                 {"tests/golden/tokenizer_smollm.json", "smollm", NULL},
                 {"tests/golden/tokenizer_llama3.json", "llama-bpe", "<|begin_of_text|>"},
                 {"tests/golden/tokenizer_qwen2.json", "qwen2", NULL},
                 {"tests/golden/tokenizer_tekken.json", "tekken", "<s>"}};
    json_t *cases = read_cases();
    struct lace_error err;
    struct lace_text text;
    int *a = NULL, *b = NULL;
    size_t a_cap = 0, b_cap = 0, a_count, b_count;
    lace_text_init(&text);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        json_t *root = lace_json_read(kinds[k].file, 1 << 20, &err);
        struct lace_tokenizer *json = open_file(kinds[k].file), *made;
        struct parts parts;
        take_parts(&parts, root, kinds[k].pre);
        if (kinds[k].bos) {
            parts.p.bos = lace_tokenizer_id(json, kinds[k].bos);
            parts.p.add_bos = true;
        }
        if (lace_tokenizer_build(&made, &parts.p, &err)) fail_msg("%s: %s", kinds[k].file, err.text);
        release_parts(&parts); /* nothing of it is kept */
        json_decref(root);
        assert_int_equal(lace_tokenizer_size(made), lace_tokenizer_size(json));
        for (uint64_t i = 0; i < 300; i++) {
            struct lace_text one, other;
            lace_text_init(&one);
            lace_text_init(&other);
            make_string(cases, 77, i, &text);
            for (int flags = 0; flags < 16; flags += 15) {
                assert_int_equal(lace_tokenizer_encode(json, text.data, text.len, flags, &a, &a_cap, &a_count, &err),
                                 0);
                assert_int_equal(lace_tokenizer_encode(made, text.data, text.len, flags, &b, &b_cap, &b_count, &err),
                                 0);
                if (a_count != b_count || memcmp(a, b, a_count * sizeof *a))
                    fail_msg("%s: other ids from arrays for \"%s\"", kinds[k].file, text.data);
            }
            assert_int_equal(lace_tokenizer_decode(json, a, a_count, false, &one, &err), 0);
            assert_int_equal(lace_tokenizer_decode(made, b, b_count, false, &other, &err), 0);
            assert_int_equal(one.len, other.len);
            assert_memory_equal(one.data ? one.data : "", other.data ? other.data : "", one.len);
            lace_text_release(&one);
            lace_text_release(&other);
        }
        lace_tokenizer_close(&json);
        lace_tokenizer_close(&made);
    }
    lace_text_release(&text);
    free(a);
    free(b);
    json_decref(cases);
}

/* ---- our own ---- */

static void our_own_tokenizer_keeps_its_pieces(void **state)
{
    static const char *const pieces[] = {"q",  "*",  "7", "+", "4", "=", "2",    ", try ", "3",
                                         ": ", "10", "+", "4", "=", "3", ", no", ".\n"};
    static const char *const single[] = {", try ", ": ",     ", no",     ", yes",     ".\n",    "Answer: ",  "Find ",
                                         " mod ",  " from ", " to ",     "[[",        "best]]", "success]]", "fail]]",
                                         " = ",    ", ",     ".\n",      "What is ",  "none",   "<|end|>",   "<|pad|>",
                                         "<|1|>",  "<|16|>", "<|of 1|>", "<|of 16|>", " the"};
    struct lace_tokenizer *t = open_file("recipes/tokenizer.json");
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count, len;
    assert_true(lace_tokenizer_size(t) <= 512);
    const char *text = "q*7+4=2, try 3: 10+4=3, no.\n";
    assert_int_equal(lace_tokenizer_encode(t, text, strlen(text), LACE_ENCODE_ALL, &ids, &capacity, &count, &err), 0);
    assert_int_equal(count, 17);
    for (size_t i = 0; i < 17; i++) {
        const char *bytes = lace_tokenizer_bytes(t, ids[i], &len);
        assert_int_equal(len, strlen(pieces[i]));
        assert_memory_equal(bytes, pieces[i], len);
    }
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        assert_int_equal(
            lace_tokenizer_encode(t, single[i], strlen(single[i]), LACE_ENCODE_SPECIAL, &ids, &capacity, &count, &err),
            0);
        if (count != 1) fail_msg("\"%s\" is %zu tokens", single[i], count);
        assert_int_equal(lace_tokenizer_is_special(t, ids[0]), single[i][0] == '<');
        if (single[i][0] == '<') assert_int_equal(lace_tokenizer_id(t, single[i]), ids[0]);
    }
    for (int i = 0; i < 100; i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", i);
        assert_int_equal(lace_tokenizer_encode(t, number, strlen(number), 0, &ids, &capacity, &count, &err), 0);
        assert_int_equal(count, 1);
    }
    assert_int_equal(lace_tokenizer_encode(t, "123", 3, 0, &ids, &capacity, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(lace_tokenizer_encode(t, "<|end|>", 7, 0, &ids, &capacity, &count, &err), 0);
    assert_true(count > 1);
    assert_int_equal(lace_tokenizer_encode(t, "", 0, LACE_ENCODE_ALL, &ids, &capacity, &count, &err), 0);
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
    static const char *const files[] = {"recipes/tokenizer.json",
                                        "tests/golden/tokenizer_qwen2.json",
                                        "tests/golden/tokenizer_smollm.json",
                                        "tests/golden/tokenizer_llama2.json",
                                        "tests/golden/tokenizer_mistral3.json",
                                        "tests/golden/tokenizer_odd.json"};
    size_t size = 1 << 17, capacity = 0, count;
    char *text = malloc(size);
    int *ids = NULL;
    struct lace_error err;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct lace_tokenizer *t = open_file(files[f]);
        for (const char *c = "a <\n\xff\xe2"; *c; c++) {
            memset(text, *c, size);
            double start = lace_now();
            assert_int_equal(lace_tokenizer_encode(t, text, size, LACE_ENCODE_ALL, &ids, &capacity, &count, &err), 0);
            if (lace_now() - start > 5)
                fail_msg("%s: 2^17 times %02x take %.1f s", files[f], (unsigned char)*c, lace_now() - start);
        }
        lace_tokenizer_close(&t);
    }
    free(ids);
    free(text);
}

/* ---- workers ---- */

struct worker {
    pthread_t handle;
    const struct lace_tokenizer *tokenizer;
    const json_t *root;
    uint64_t seed;
    int wrong;
};

static void *work(void *argument)
{
    struct worker *w = argument;
    struct lace_tokenizer *alone; /* sees each text once, so that it knows no word */
    struct lace_text text;
    int *a = NULL, *b = NULL;
    size_t a_cap = 0, b_cap = 0, a_count = 0, b_count = 0;
    lace_text_init(&text);
    for (uint64_t i = 0; i < 200; i++) {
        if (i % 20 == 0 && lace_tokenizer_open(&alone, "tests/golden/tokenizer_llama2.json", NULL)) w->wrong++;
        make_string(w->root, w->seed + i % 3, i % 40, &text);
        w->wrong += lace_tokenizer_encode(w->tokenizer, text.data, text.len, 0, &a, &a_cap, &a_count, NULL) != 0;
        w->wrong += lace_tokenizer_encode(alone, text.data, text.len, 0, &b, &b_cap, &b_count, NULL) != 0;
        w->wrong += a_count != b_count || memcmp(a, b, a_count * sizeof *a);
        if (i % 20 == 19) lace_tokenizer_close(&alone);
    }
    lace_text_release(&text);
    free(a);
    free(b);
    return NULL;
}

/* They share the words that any of them met. */
static void workers_share_a_tokenizer(void **state)
{
    struct worker w[4];
    json_t *root = read_cases();
    struct lace_tokenizer *t = open_file("tests/golden/tokenizer_llama2.json");
    for (int i = 0; i < 4; i++) {
        w[i] = (struct worker){.tokenizer = t, .root = root, .seed = 90};
        assert_int_equal(pthread_create(&w[i].handle, NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(w[i].handle, NULL);
        assert_int_equal(w[i].wrong, 0);
    }
    lace_tokenizer_close(&t);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listed_texts_have_the_ids_of_tokenizers),
        cmocka_unit_test(made_texts_have_the_ids_of_tokenizers),
        cmocka_unit_test(a_stream_waits_for_whole_characters),
        cmocka_unit_test(a_directory_has_the_ids_of_transformers),
        cmocka_unit_test(a_text_inside_another_begins_without_a_blank),
        cmocka_unit_test(arrays_make_the_same_tokenizer),
        cmocka_unit_test(our_own_tokenizer_keeps_its_pieces),
        cmocka_unit_test(digits_of_large_numbers_are_tokens_for_the_families),
        cmocka_unit_test(long_texts_encode_in_reasonable_time),
        cmocka_unit_test(workers_share_a_tokenizer),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
