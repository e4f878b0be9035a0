/* The tokenizers, chat templates and ends of texts of GGUF files: the ids are those of the tokenizer.json that the file
 * was made from (scripts/golden_gguf.py), and malformed metadata get a sentence. */
#include "gguf_test.h"
#include "tokenizer_test.h"
#include "text/chat.h"
#include "text/gguf_text.h"
#include <limits.h>
#include <unistd.h>

#define GGUF "tests/golden/gguf/"

static void same_text(const struct lace_tokenizer *a, const struct lace_tokenizer *b, const char *name,
                      const struct lace_text *text)
{
    struct lace_error err;
    struct lace_text one, other;
    int *ids[2] = {NULL, NULL};
    size_t capacity[2] = {0, 0}, count[2];
    lace_text_init(&one);
    lace_text_init(&other);
    for (int flags = 0; flags < 16; flags++) {
        if (lace_tokenizer_encode(a, text->data, text->len, flags, &ids[0], &capacity[0], &count[0], &err) ||
            lace_tokenizer_encode(b, text->data, text->len, flags, &ids[1], &capacity[1], &count[1], &err))
            fail_msg("%s: %s", name, err.text);
        if (count[0] != count[1] || memcmp(ids[0], ids[1], count[0] * sizeof(int)))
            fail_msg("%s: other ids from the GGUF file for \"%s\"", name, text->data);
    }
    assert_int_equal(lace_tokenizer_decode(a, ids[0], count[0], false, &one, &err), 0);
    assert_int_equal(lace_tokenizer_decode(b, ids[1], count[1], false, &other, &err), 0);
    assert_int_equal(one.len, other.len);
    assert_memory_equal(one.data ? one.data : "", other.data ? other.data : "", one.len);
    lace_text_release(&one);
    lace_text_release(&other);
    free(ids[0]);
    free(ids[1]);
}

static void ids_are_those_of_tokenizer_json(void **state)
{
    static const char *const names[] = {"llama2", "smollm", "llama3", "qwen2", "tekken"};
    struct lace_error err;
    struct lace_text text;
    json_t *cases = lace_json_read(CASES, 1 << 20, &err);
    assert_non_null(cases);
    lace_text_init(&text);
    for (int k = 0; k < 5; k++) {
        char path[PATH_MAX];
        struct lace_tokenizer *json, *gguf;
        snprintf(path, sizeof path, "tests/golden/tokenizer_%s.json", names[k]);
        if (lace_tokenizer_open(&json, path, &err)) fail_msg("%s", err.text);
        snprintf(path, sizeof path, GGUF "vocab_%s.gguf", names[k]);
        if (lace_tokenizer_open_folder(&gguf, path, &err)) fail_msg("%s", err.text);
        assert_int_equal(lace_tokenizer_size(gguf), lace_tokenizer_size(json));
        for (int id = 0; id < lace_tokenizer_size(json); id++)
            assert_int_equal(lace_tokenizer_is_special(gguf, id), lace_tokenizer_is_special(json, id));
        for (uint64_t i = 0; i < 300; i++) {
            make_string(cases, 78, i, &text);
            same_text(json, gguf, path, &text);
        }
        lace_tokenizer_close(&json);
        lace_tokenizer_close(&gguf);
    }
    lace_text_release(&text);
    json_decref(cases);
}

static void templates_and_ends(void **state)
{
    struct lace_chat_template *chat;
    struct lace_chat_options options = {.add_generation_prompt = 0};
    struct lace_error err;
    struct lace_text out;
    json_t *generation, *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "Hi");
    lace_text_init(&out);
    assert_int_equal(lace_chat_template_open(&chat, GGUF "qwen3.gguf", &err), 0);
    assert_true(lace_chat_template_exists(chat));
    assert_string_equal(lace_chat_template_token(chat, "eos_token"), "</s>");
    assert_string_equal(lace_chat_template_token(chat, "bos_token"), "<s>");
    if (lace_chat_template_render(chat, messages, &options, &out, &err)) fail_msg("%s", err.text);
    assert_string_equal(out.data, "user: Hi</s>");
    lace_chat_template_close(&chat);
    json_decref(messages);

    if (lace_gguf_generation(GGUF "vocab_llama3.gguf", &generation, &err)) fail_msg("%s", err.text);
    const json_t *ends = json_object_get(generation, "eos_token_id");
    assert_true(json_array_size(ends) >= 1);
    assert_true(json_is_false(json_object_get(generation, "do_sample")));
    json_decref(generation);
    lace_text_release(&out);
}

/* ---- hostile metadata ---- */

/* A whole tokenizer, a key on each line. */
static const char gpt2[] = "s:general.architecture 4:8 s:llama\n"
                           "s:tokenizer.ggml.model 4:8 s:gpt2\n"
                           "s:tokenizer.ggml.pre 4:8 s:gpt-2\n"
                           "s:tokenizer.ggml.tokens 4:9 4:8 8:4 s:a s:b s:ab s:</s>\n"
                           "s:tokenizer.ggml.token_type 4:9 4:5 8:4 4:1 4:1 4:1 4:3\n"
                           "s:tokenizer.ggml.merges 4:9 4:8 8:1 8:3 a 1:32 b\n"
                           "s:tokenizer.ggml.eos_token_id 4:4 4:3\n"
                           "s:tokenizer.chat_template 4:8 s:hello\n";
static const char spm[] = "s:general.architecture 4:8 s:llama\n"
                          "s:tokenizer.ggml.model 4:8 s:llama\n"
                          "s:tokenizer.ggml.tokens 4:9 4:8 8:4 s:<unk> s:<s> s:</s> s:a\n"
                          "s:tokenizer.ggml.scores 4:9 4:6 8:4 4:0 4:0 4:0 4:0\n"
                          "s:tokenizer.ggml.token_type 4:9 4:5 8:4 4:2 4:3 4:3 4:1\n";

static void malformed_tokenizers_are_refused(void **state)
{
    static const struct {
        const char *base, *instead, *says; /* NULL: accepted */
    } cases[] = {
        {gpt2, NULL, NULL},
        {spm, NULL, NULL},
        {gpt2, "-s:tokenizer.ggml.token_type", NULL},
        {gpt2, "-s:tokenizer.ggml.merges", NULL},
        {spm, "s:tokenizer.ggml.add_bos_token 4:7 1:0", NULL},
        {gpt2, "-s:tokenizer.ggml.model", "holds no tokenizer"},
        {gpt2, "s:tokenizer.ggml.model 4:8 s:bert", "model \"bert\" is not supported"},
        {gpt2, "s:tokenizer.ggml.model 4:8 s:", "is not supported"},
        {gpt2, "s:tokenizer.ggml.model 4:4 4:1", "must be a string"},
        {gpt2, "-s:tokenizer.ggml.pre", "does not name its pre-tokenizer"},
        {gpt2, "s:tokenizer.ggml.pre 4:8 s:default", "does not name its pre-tokenizer"},
        {gpt2, "s:tokenizer.ggml.pre 4:8 s:falcon", "pre-tokenizer \"falcon\" is not supported"},
        {gpt2, "s:tokenizer.ggml.pre 4:8 s:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "is no name"},
        {gpt2, "s:tokenizer.ggml.pre 4:8 8:3 a 1:0 b", "is no name"},
        {gpt2, "-s:tokenizer.ggml.tokens", "tokens"},
        {gpt2, "s:tokenizer.ggml.tokens 4:8 s:a", "must be an array of strings"},
        {gpt2, "s:tokenizer.ggml.tokens 4:9 4:4 8:1 4:1", "must be an array of strings"},
        {gpt2, "s:tokenizer.ggml.tokens 4:9 4:8 8:0", "values for 0 tokens"},
        {gpt2, "s:tokenizer.ggml.tokens 4:9 4:8 8:4 s:a s:a s:ab s:</s>", "there twice"},
        {gpt2, "s:tokenizer.ggml.tokens 4:9 4:8 8:4 s:a s:b s:ab 8:1 1:255", "not UTF-8"},
        {gpt2, "s:tokenizer.ggml.token_type 4:9 4:5 8:3 4:1 4:1 4:1", "3 values for 4 tokens"},
        {gpt2, "s:tokenizer.ggml.token_type 4:9 4:5 8:4 4:1 4:1 4:1 4:9", "unknown type"},
        {gpt2, "s:tokenizer.ggml.token_type 4:9 4:5 8:4 4:1 4:1 4:1 4:-1", "unknown type"},
        {gpt2, "s:tokenizer.ggml.token_type 4:9 4:6 8:4 4:1 4:1 4:1 4:1", "array of whole numbers"},
        {gpt2, "s:tokenizer.ggml.merges 4:9 4:8 8:1 s:ab", "not two tokens"},
        {gpt2, "s:tokenizer.ggml.merges 4:9 4:8 8:1 8:3 a 1:32 c", "not in the vocabulary"},
        {gpt2, "s:tokenizer.ggml.merges 4:8 s:x", "must be an array of strings"},
        {gpt2, "s:tokenizer.ggml.eos_token_id 4:4 4:4", "not in the vocabulary"},
        {gpt2, "s:tokenizer.ggml.eos_token_id 4:4 4:-1", "must be from -1"},
        {gpt2, "s:tokenizer.ggml.eos_token_id 4:6 4:0", "whole number"},
        {gpt2, "s:tokenizer.ggml.add_bos_token 4:7 1:1", "does not name"},
        {gpt2, "s:tokenizer.ggml.add_bos_token 4:4 4:1", "must be a bool"},
        {spm, "-s:tokenizer.ggml.scores", "needs a score"},
        {spm, "s:tokenizer.ggml.scores 4:9 4:6 8:1 4:0", "1 values for 4 tokens"},
        {spm, "s:tokenizer.ggml.scores 4:9 4:5 8:4 4:0 4:0 4:0 4:0", "array of f32"},
        {spm, "s:tokenizer.ggml.scores 4:9 4:6 8:4 4:0 4:0 4:0 4:0x7fc00000", "no number"},
        {spm, "s:tokenizer.ggml.remove_extra_whitespaces 4:7 1:1", "is not supported"},
        {spm, "s:tokenizer.ggml.bos_token_id 4:4 4:100", "not in the vocabulary"},
    };
    static char path[] = "/tmp/lace-gguf-text-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_tokenizer *t;
        struct lace_error err = {.text = ""};
        gguf_write(path, cases[i].base, cases[i].instead, 0, "");
        int code = lace_tokenizer_open_gguf(&t, path, &err);
        if (!cases[i].says && code) fail_msg("%s: %s", cases[i].instead, err.text);
        if (cases[i].says && (code != LACE_BAD || !strstr(err.text, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].instead, code, err.text);
        lace_tokenizer_close(&t);
    }
    unlink(path);
}

static void malformed_templates_are_refused(void **state)
{
    static const struct {
        const char *instead, *says;
    } cases[] = {
        {NULL, NULL},
        {"-s:tokenizer.chat_template", "template"},
        {"s:tokenizer.chat_template 4:4 4:0", "must be a string"},
        {"s:tokenizer.chat_template 4:8 8:1 1:255", "not UTF-8"},
        {"s:tokenizer.chat_template 4:8 s:{%if", "an expression is expected"},
        {"s:tokenizer.chat_templates 4:9 4:8 8:1 s:tool_use", NULL}, /* named, and not there */
        {"s:tokenizer.chat_templates 4:9 4:8 8:1 8:2 a 1:0", "no name"},
        {"s:tokenizer.chat_templates 4:8 s:a", "array of strings"},
        {"s:tokenizer.ggml.bos_token_id 4:8 s:x", "whole number"},
    };
    static char path[] = "/tmp/lace-gguf-chat-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_chat_template *chat;
        struct lace_error err = {.text = ""};
        gguf_write(path, gpt2, cases[i].instead, 0, "");
        assert_int_equal(lace_chat_template_open(&chat, path, &err), 0);
        int code = lace_chat_template_check(chat, &err);
        if (!cases[i].says && code) fail_msg("%s: %s", cases[i].instead, err.text);
        if (cases[i].says && (!code || !strstr(err.text, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].instead, code, err.text);
        lace_chat_template_close(&chat);
    }
    unlink(path);
}

static void ends_have_many_names(void **state)
{
    static const char base[] = "s:tokenizer.ggml.tokens 4:9 4:8 8:5 s:a s:<|endoftext|> s:<|im_end|> s:<|eot_id|> s:b\n"
                               "s:tokenizer.ggml.token_type 4:9 4:5 8:5 4:1 4:3 4:3 4:4 4:1\n"
                               "s:tokenizer.ggml.eos_token_id 4:4 4:2\n"
                               "s:general.sampling.temp 4:6 4:0x3f000000\n";
    static char path[] = "/tmp/lace-gguf-ends-XXXXXX";
    struct lace_error err;
    json_t *g;
    close(mkstemp(path));
    gguf_write(path, base, NULL, 0, "");
    if (lace_gguf_generation(path, &g, &err)) fail_msg("%s", err.text);
    char *text = json_dumps(g, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"do_sample\":true,\"eos_token_id\":[2,1,2],\"min_p\":0.0,\"repetition_penalty\":1.0,"
                              "\"temperature\":0.5,\"top_k\":0,\"top_p\":1.0}");
    free(text);
    json_decref(g);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_tokenizer_json),
        cmocka_unit_test(templates_and_ends),
        cmocka_unit_test(malformed_tokenizers_are_refused),
        cmocka_unit_test(malformed_templates_are_refused),
        cmocka_unit_test(ends_have_many_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
