/* A model's chat template: conversations as Transformers renders them (golden cases), where the template is found, what it
 * is given, and what is said where something is missing. */
#include "io/json.h"
#include "text/chat.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static char dir[] = "/tmp/lace_chat_XXXXXX";

static void put(const char *name, const char *text)
{
    char path[PATH_MAX];
    struct lace_error err;
    assert_int_equal(lace_join(path, dir, name, &err), 0);
    if (lace_write_file(path, text, strlen(text), &err)) fail_msg("%s", err.text);
}

static int empty_dir(void **state)
{
    lace_remove_folder(dir);
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    lace_remove_folder(dir);
    return 0;
}

/* What the model in dir makes of messages; "! ..." is an error. */
static const char *render_with(const char *messages, struct lace_chat_options o)
{
    static char text[2048];
    struct lace_chat_template *chat;
    struct lace_error err = {""};
    struct lace_text out;
    lace_text_init(&out);
    assert_int_equal(lace_chat_template_open(&chat, dir, &err), 0);
    json_t *list = lace_json_parse(messages, strlen(messages), "messages", &err);
    assert_non_null(list);
    int code = lace_chat_template_render(chat, list, &o, &out, &err);
    snprintf(text, sizeof text, "%s%s", code ? "! " : "", code ? err.text : out.data);
    json_decref(list);
    lace_text_release(&out);
    lace_chat_template_close(&chat);
    return text;
}

static const char *render(const char *messages) { return render_with(messages, (struct lace_chat_options){0}); }

#define HI "[{\"role\": \"user\", \"content\": \"Hi\"}]"

/* ---- golden cases ---- */

static struct lace_chat_template *golden_template(const char *name, const json_t *tokens)
{
    static char last[64];
    static struct lace_chat_template *chat;
    char path[PATH_MAX], *source;
    size_t len;
    struct lace_error err;
    if (name && !strcmp(last, name)) return chat;
    lace_chat_template_close(&chat);
    if (!name) return NULL;
    snprintf(last, sizeof last, "%s", name);
    snprintf(path, sizeof path, "tests/golden/chat/%s.jinja", name);
    if (lace_read_file(path, 1 << 20, &source, &len, &err)) fail_msg("%s", err.text);
    json_t *config = json_deep_copy(tokens);
    json_object_set_new(config, "chat_template", json_stringn(source, len));
    lace_free(source);
    assert_int_equal(lace_chat_template_make(&chat, config, path, &err), 0);
    json_decref(config);
    return chat;
}

/* A case is [template, conversation, add_generation_prompt, text or null, error]. */
static bool render_case(const json_t *root, const json_t *one, bool continued)
{
    const char *name = json_string_value(json_array_get(one, 0));
    size_t index = (size_t)json_integer_value(json_array_get(one, 1));
    const json_t *talk = json_array_get(json_object_get(root, "conversations"), index), *text = json_array_get(one, 3),
                 *tools = json_array_get(json_object_get(root, "tools"),
                                         (size_t)json_integer_value(json_object_get(talk, "tools")));
    char *tools_text = json_is_null(tools) ? NULL : json_dumps(tools, 0),
         *variables = json_dumps(json_object_get(talk, "variables"), 0);
    struct lace_chat_options o = {.tools = tools_text,
                                  .variables = variables,
                                  .add_generation_prompt = json_is_true(json_array_get(one, 2)),
                                  .continue_final = continued,
                                  .now = json_integer_value(json_object_get(root, "clock"))};
    struct lace_error err = {""};
    struct lace_text out;
    lace_text_init(&out);
    struct lace_chat_template *chat = golden_template(name, json_object_get(root, "tokens"));
    int code = lace_chat_template_render(chat, json_object_get(talk, "messages"), &o, &out, &err);
    if (json_is_null(text)) {
        const char *why = json_string_value(json_array_get(one, 4));
        if (code != LACE_BAD) fail_msg("%s, conversation %zu: Jinja2 says %s", name, index, why);
        if (!strncmp(why, "raised: ", 8) && !strstr(err.text, why + 8))
            fail_msg("%s, conversation %zu: %s, not %s", name, index, err.text, why);
    } else {
        if (code) fail_msg("%s, conversation %zu: %s", name, index, err.text);
        if (out.len != json_string_length(text) || memcmp(out.data, json_string_value(text), out.len))
            fail_msg("%s, conversation %zu\nhas: %s\nnot: %s", name, index, out.data, json_string_value(text));
    }
    lace_text_release(&out);
    free(tools_text);
    free(variables);
    return json_is_null(text);
}

static void conversations_equal_those_of_transformers(void **state)
{
    struct lace_error err;
    json_t *root = lace_json_read("tests/golden/chat_cases.json", 1 << 20, &err);
    if (!root) fail_msg("%s", err.text);
    const char *const sets[] = {"cases", "continued"};
    int refused[2] = {0, 0};
    for (int s = 0; s < 2; s++) {
        const json_t *cases = json_object_get(root, sets[s]);
        assert_true(json_array_size(cases) >= (s ? 50 : 600));
        for (size_t i = 0; i < json_array_size(cases); i++)
            refused[s] += render_case(root, json_array_get(cases, i), s);
    }
    assert_true(refused[0] > 100 && refused[1] > 5);
    golden_template(NULL, NULL);
    json_decref(root);
}

static void the_configuration_holds_a_template_and_tokens(void **state)
{
    put("tokenizer_config.json",
        "{\"chat_template\": \"{{ bos_token }}{{ eos_token }}{{ image_token }}{{ pad_token is defined }}"
        "{% for m in messages %}{{ m.role }}:{{ m.content }}{% endfor %}\","
        "\"bos_token\": {\"content\": \"<s>\", \"lstrip\": false}, \"model_max_length\": "
        "1000000000000000019884624838656, \"eos_token\": \"</s>\", \"pad_token\": null,"
        "\"extra_special_tokens\": {\"image_token\": \"<img>\"}}");
    assert_string_equal(render(HI), "<s></s><img>Falseuser:Hi");
}

static void a_file_comes_before_the_configuration(void **state)
{
    put("tokenizer_config.json", "{\"chat_template\": \"configured\", \"bos_token\": \"<s>\"}");
    put("chat_template.jinja", "file {{ bos_token }}\n");
    assert_string_equal(render(HI), "file <s>");
    put("chat_template.jinja", "{% if %}");
    assert_non_null(strstr(render(HI), "chat_template.jinja, line 1: "));
}

static void named_templates_are_chosen(void **state)
{
    put("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"default\", \"template\": \"d\"},"
                                 "{\"name\": \"tool_use\", \"template\": \"t {{ tools[0].function.name }}\"}]}");
    struct lace_chat_options o = {.tools = "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]"};
    assert_string_equal(render(HI), "d");
    assert_string_equal(render_with(HI, o), "t f");
    o.name = "default";
    assert_string_equal(render_with(HI, o), "d");
    o.name = "rag";
    assert_non_null(strstr(render_with(HI, o), "has no chat template \"rag\""));
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/chat_templates", dir);
    assert_int_equal(mkdir(folder, 0777), 0);
    put("chat_templates/rag.jinja", "r");
    assert_string_equal(render_with(HI, o), "r");
}

/* As Transformers: null members are left out, reasoning has several names. */
static void messages_are_made_ready(void **state)
{
    put("chat_template.jinja",
        "{% for m in messages %}{{ m | tojson }}{% endfor %}{{ tools }}{{ add_generation_prompt }}");
    assert_string_equal(render("[{\"role\": \"assistant\", \"content\": null, \"tool_calls\": []}]"),
                        "{\"role\": \"assistant\", \"tool_calls\": []}NoneFalse");
    assert_string_equal(
        render("[{\"role\": \"a\", \"reasoning\": \"r\"}]"),
        "{\"thinking\": \"r\", \"role\": \"a\", \"reasoning\": \"r\", \"reasoning_content\": \"r\"}NoneFalse");
    struct lace_chat_options o = {.variables = "{\"enable_thinking\": false, \"bos_token\": \"B\"}",
                                  .add_generation_prompt = 1};
    put("chat_template.jinja", "{{ enable_thinking }}{{ bos_token }}{{ add_generation_prompt }}{{ documents }}");
    assert_string_equal(render_with(HI, o), "FalseBTrueNone");
}

static void the_clock_is_given(void **state)
{
    struct lace_chat_options o = {.now = 1721984703};
    put("chat_template.jinja", "{{ strftime_now('%d %b %Y') }}");
    assert_string_equal(render_with(HI, o), "26 Jul 2024");
    assert_int_equal(strlen(render(HI)), 11);
}

static void the_last_message_can_be_continued(void **state)
{
    struct lace_chat_options o = {.continue_final = 1};
    put("chat_template.jinja", "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>\n{% endfor %}");
    assert_string_equal(
        render_with("[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"a\", \"content\": \"Well, \"}]", o),
        "<user>Hi<end>\n<a>Well, ");
    put("chat_template.jinja", "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}<end>{% endfor %}");
    assert_string_equal(render_with("[{\"role\": \"a\", \"content\": \" Well, \"}]", o), "<a>Well,");
    put("chat_template.jinja", "{{ messages[0].content[1].text }}<end>");
    assert_string_equal(render_with("[{\"content\": [{\"type\": \"image\"}, {\"text\": \"So\"}]}]", o), "So");
    assert_non_null(strstr(render_with("[{\"role\": \"a\"}]", o), "no text that could be continued"));
    put("chat_template.jinja", "nothing");
    assert_non_null(strstr(render_with("[{\"content\": \"x\"}]", o), "cannot be continued"));
    o.add_generation_prompt = 1;
    assert_non_null(strstr(render_with(HI, o), "not both"));
}

static void mistakes_get_a_sentence(void **state)
{
    assert_non_null(strstr(render(HI), "has no chat template"));
    put("tokenizer_config.json", "{\"chat_template\": null}");
    assert_non_null(strstr(render(HI), "has no chat template"));
    put("tokenizer_config.json", "{\"chat_template\": 7}");
    assert_non_null(strstr(render(HI), "must be a string or a list"));
    put("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"default\"}]}");
    assert_non_null(strstr(render(HI), "\"template\" is missing"));
    put("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"x\", \"template\": \"x\"}]}");
    assert_non_null(strstr(render(HI), "no chat template \"default\"; the first it has is \"x\""));
    put("tokenizer_config.json", "[]");
    assert_non_null(strstr(render(HI), "a JSON object is expected"));
    put("tokenizer_config.json", "{");
    assert_non_null(strstr(render(HI), "is not valid JSON"));
    put("tokenizer_config.json", "{\"chat_template\": \"\\n{% nonsense %}\"}");
    assert_non_null(strstr(render(HI), "tokenizer_config.json, line 2: "));
    put("tokenizer_config.json", "{\"chat_template\": \"{{ raise_exception('roles must alternate') }}\"}");
    assert_non_null(strstr(render(HI), "the template refuses: roles must alternate"));
    put("tokenizer_config.json", "{\"chat_template\": \"x\"}");
    assert_non_null(strstr(render("[]"), "is empty"));
    assert_non_null(strstr(render("{}"), "a JSON list"));
    assert_non_null(strstr(render("[1]"), "Message 1 of the conversation"));
    const struct lace_chat_options wrong[] = {{.tools = "{}"},    {.tools = "[1]"},    {.tools = "["},
                                              {.documents = "7"}, {.variables = "[]"}, {.variables = "x"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (strncmp(render_with(HI, wrong[i]), "! ", 2)) fail_msg("options %zu are taken", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_equal_those_of_transformers),
        cmocka_unit_test_setup(the_configuration_holds_a_template_and_tokens, empty_dir),
        cmocka_unit_test_setup(a_file_comes_before_the_configuration, empty_dir),
        cmocka_unit_test_setup(named_templates_are_chosen, empty_dir),
        cmocka_unit_test_setup(messages_are_made_ready, empty_dir),
        cmocka_unit_test_setup(the_clock_is_given, empty_dir),
        cmocka_unit_test_setup(the_last_message_can_be_continued, empty_dir),
        cmocka_unit_test_setup(mistakes_get_a_sentence, empty_dir),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, remove_dir);
}
