/* Settings: YAML to dotted keys, typed reads, --set, and writing back. */
#include "io/settings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char example[] = "# a recipe\n"
                              "model:\n"
                              "  layers: 4\n"
                              "  name: 'a: b'\n"
                              "  empty: ''\n"
                              "train:\n"
                              "  rate: 3e-4\n"
                              "  resume: yes\n"
                              "  ids: [1, 2,3]\n"
                              "  from: null\n"
                              "  words:\n"
                              "  - a\n"
                              "  - \"b c\"\n"
                              "curriculum:\n"
                              "- difficulty: 1\n"
                              "  steps: {min: 2, max: 3}\n"
                              "- difficulty: 2\n"
                              "top.dotted: 5\n";

static void the_example_reads(void **state)
{
    struct lace_settings s;
    struct lace_error err;
    assert_int_equal(lace_settings_parse(&s, example, strlen(example), "x.yaml", &err), 0);
    int i = 0, ids[4], count = -1;
    double d = 0;
    bool b = false;
    const char *text = NULL;
    assert_int_equal(lace_settings_int(&s, "model.layers", 1, 9, &i, &err), 0);
    assert_int_equal(i, 4);
    assert_int_equal(lace_settings_string(&s, "model.name", &text, &err), 0);
    assert_string_equal(text, "a: b");
    assert_int_equal(lace_settings_string(&s, "model.empty", &text, &err), 0);
    assert_string_equal(text, "");
    assert_int_equal(lace_settings_double(&s, "train.rate", 0, 1, &d, &err), 0);
    assert_true(d == 3e-4);
    assert_int_equal(lace_settings_bool(&s, "train.resume", &b, &err), 0);
    assert_true(b);
    assert_int_equal(lace_settings_ints(&s, "train.ids", 0, 9, ids, 4, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_int_equal(ids[2], 3);
    assert_int_equal(lace_settings_ints(&s, "model.layers", 0, 9, ids, 4, &count, &err), 0);
    assert_int_equal(count, 1);
    text = "default";
    assert_int_equal(lace_settings_string(&s, "train.from", &text, &err), 0); /* null: the default stays */
    assert_string_equal(text, "default");
    assert_int_equal(lace_settings_string(&s, "train.words", &text, &err), 0);
    assert_string_equal(text, "a,b c");
    assert_int_equal(lace_settings_int(&s, "curriculum.0.steps.max", 0, 9, &i, &err), 0);
    assert_int_equal(i, 3);
    assert_int_equal(lace_settings_int(&s, "curriculum.1.difficulty", 0, 9, &i, &err), 0);
    assert_int_equal(i, 2);
    assert_true(lace_settings_has(&s, "curriculum.1"));
    assert_false(lace_settings_has(&s, "curriculum.2"));
    assert_false(lace_settings_has(&s, "curri"));
    assert_int_equal(lace_settings_int(&s, "top.dotted", 0, 9, &i, &err), 0);
    i = 77;
    assert_int_equal(lace_settings_int(&s, "missing", 0, 9, &i, &err), 0);
    assert_int_equal(i, 77);
    assert_int_equal(lace_settings_int(&s, "model.layers", 5, 9, &i, &err), LACE_BAD);
    assert_string_equal(err.text, "x.yaml:3: model.layers must be a whole number from 5 to 9, not \"4\".");
    assert_int_equal(lace_settings_int(&s, "train.rate", 0, 9, &i, &err), LACE_BAD);
    assert_int_equal(lace_settings_double(&s, "train.rate", 1, 9, &d, &err), LACE_BAD);
    assert_int_equal(lace_settings_bool(&s, "train.rate", &b, &err), LACE_BAD);
    assert_int_equal(lace_settings_choice(&s, "model.name", (const char *const[]){"c", "a: b", NULL}, &i, &err), 0);
    assert_int_equal(i, 1);
    assert_int_equal(lace_settings_choice(&s, "missing", (const char *const[]){NULL}, &i, &err), 0);
    assert_int_equal(lace_settings_choice(&s, "model.name", (const char *const[]){"c", "d", "e", NULL}, &i, &err),
                     LACE_BAD);
    assert_string_equal(err.text, "x.yaml:4: model.name must be c, d or e, not \"a: b\".");
    assert_int_equal(i, 1);
    assert_int_equal(lace_settings_ints(&s, "train.ids", 0, 9, ids, 2, &count, &err), LACE_BAD);
    assert_int_equal(lace_settings_ints(&s, "train.words", 0, 9, ids, 4, &count, &err), LACE_BAD);
    lace_settings_release(&s);
    lace_settings_release(&s);
}

static void unknown_keys_get_a_suggestion(void **state)
{
    struct lace_settings s;
    struct lace_error err;
    int i;
    const char *text = "model:\n  layrs: 4\n";
    assert_int_equal(lace_settings_parse(&s, text, strlen(text), "x.yaml", &err), 0);
    assert_int_equal(lace_settings_unused(&s, &err), LACE_BAD);
    assert_string_equal(err.text, "x.yaml:2: model.layrs is not a known setting here.");
    lace_settings_int(&s, "model.width", 0, 9, &i, &err);
    lace_settings_int(&s, "model.layers", 0, 9, &i, &err);
    lace_settings_int(&s, "train.steps", 0, 9, &i, &err);
    assert_int_equal(lace_settings_unused(&s, &err), LACE_BAD);
    assert_string_equal(err.text, "x.yaml:2: model.layrs is not a known setting; did you mean model.layers?");
    lace_settings_int(&s, "model.layrs", 0, 9, &i, &err);
    assert_int_equal(lace_settings_unused(&s, &err), 0);
    assert_int_equal(lace_settings_set(&s, "train.stesp=1", &err), 0);
    assert_int_equal(lace_settings_unused(&s, &err), LACE_BAD);
    assert_string_equal(err.text, "--set train.stesp is not a known setting; did you mean train.steps?");
    lace_settings_release(&s);
}

static void set_replaces_and_adds(void **state)
{
    struct lace_settings s;
    struct lace_error err;
    int i, ids[4], count;
    const char *text;
    assert_int_equal(lace_settings_parse(&s, example, strlen(example), "x.yaml", &err), 0);
    assert_int_equal(lace_settings_set(&s, "model.layers=6", &err), 0);
    assert_int_equal(lace_settings_int(&s, "model.layers", 0, 9, &i, &err), 0);
    assert_int_equal(i, 6);
    assert_int_equal(lace_settings_set(&s, "new.key=a=b", &err), 0);
    assert_int_equal(lace_settings_string(&s, "new.key", &text, &err), 0);
    assert_string_equal(text, "a=b");
    assert_int_equal(lace_settings_set(&s, "train.ids=[ 7 , 8 ]", &err), 0);
    assert_int_equal(lace_settings_ints(&s, "train.ids", 0, 9, ids, 4, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(ids[1], 8);
    assert_int_equal(lace_settings_set(&s, "train.ids=[]", &err), 0);
    assert_int_equal(lace_settings_ints(&s, "train.ids", 0, 9, ids, 4, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(lace_settings_set(&s, "train.ids=4,5", &err), 0);
    assert_int_equal(lace_settings_ints(&s, "train.ids", 0, 9, ids, 4, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(lace_settings_set(&s, "train.ids=4,", &err), 0);
    assert_int_equal(lace_settings_ints(&s, "train.ids", 0, 9, ids, 4, &count, &err), LACE_BAD);
    assert_memory_equal(err.text, "--set train.ids must be", 23);
    static const char *const bad[] = {"",        "=",
                                      "x",       "=x",
                                      "a..b=1",  ".a=1",
                                      "a.=1",    "a b=1",
                                      "model=1", "model.layers.x=1",
                                      "a=\xff",  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_int_equal(lace_settings_set(&s, bad[k], &err), LACE_BAD);
    lace_settings_release(&s);
}

static void bad_files_name_the_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"a: 1\na: 2\n", "x:2: a: this key is given twice"},
        {"a:\n  b: 1\n  b: 2\n", "x:3: a.b: this key"},
        {"a: 1\na.b: 2\n", "x:2: a.b: this key has both"},
        {"a.b: 1\na: 2\n", "x:2: a: this key has both"},
        {"- 1\n", "x:1: the file: settings must be a map"},
        {"hello\n", "settings must be a map"},
        {"a: &x 1\nb: *x\n", "x:1: anchors"},
        {"b: *x\n", "x:1:"},
        {"a: &x {b: 1}\n", "anchors"},
        {"a: &x [1]\n", "anchors"},
        {"a: !!int 1\n", "tags"},
        {"a: !!map {b: 1}\n", "tags"},
        {"<<: 1\n", "keys are letters"},
        {"a b: 1\n", "keys are letters"},
        {"? [a]\n: 1\n", "a key must be"},
        {"? {a: 1}\n: 1\n", "a key must be"},
        {"'': 1\n", "keys are letters"},
        {"a: [[1]]\n", "list inside a list"},
        {"a: [1, {b: 2}]\n", "either values or maps"},
        {"a: [{b: 2}, 1]\n", "either values or maps"},
        {"a: ['1,2']\n", "comma inside"},
        {"a: \"x\\0y\"\n", "NUL"},
        {"a: 1\n---\nb: 2\n", "more than one document"},
        {"a: {\n", "x:2: not valid YAML"},
        {"a: 1\n\tb: 2\n", "x:2: not valid YAML"},
        {"a: \xff\n", "not valid YAML"},
        {"a: 1\n b: 2\n", "not valid YAML"},
        {"{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}", "nested too deeply"},
    };
    struct lace_settings s;
    struct lace_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = lace_settings_parse(&s, cases[i].text, strlen(cases[i].text), "x", &err);
        if (code != LACE_BAD || !strstr(err.text, cases[i].says)) fail_msg("%s: %d %s", cases[i].text, code, err.text);
        assert_null(s.items);
    }
    static const char *const fine[] = {"", "# only a comment\n", "a: {}\n", "a: []\n", "---\na: 1\n...\n", "~\n"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        if (lace_settings_parse(&s, fine[i], strlen(fine[i]), "x", &err)) fail_msg("%s: %s", fine[i], err.text);
        lace_settings_release(&s);
    }
    for (size_t cut = 0; cut <= strlen(example); cut++) { /* any cut is read or refused, never worse */
        char *part = malloc(cut + 1);
        memcpy(part, example, cut);
        if (!lace_settings_parse(&s, part, cut, "x", &err)) lace_settings_release(&s);
        free(part);
    }
    /* deep flow nesting, and too many keys */
    char *deep = malloc(200001);
    memset(deep, '[', 200000);
    assert_int_equal(lace_settings_parse(&s, deep, 200000, "x", &err), LACE_BAD);
    free(deep);
    struct lace_text many;
    lace_text_init(&many);
    for (int i = 0; i < 4097; i++) lace_text_print(&many, "k%d: 1\n", i);
    assert_int_equal(lace_settings_parse(&s, many.data, many.len, "x", &err), LACE_BAD);
    lace_text_release(&many);
    assert_int_equal(lace_settings_parse(&s, example, (size_t)2 << 20, "x", &err), LACE_BAD); /* before it is read */
    assert_int_equal(lace_settings_read(&s, "/nonexistent", &err), LACE_SYSTEM);
}

static void written_settings_read_back(void **state)
{
    struct lace_settings s, back;
    struct lace_error err;
    struct lace_text out;
    lace_text_init(&out);
    assert_int_equal(lace_settings_parse(&s, example, strlen(example), "x.yaml", &err), 0);
    static const char *const more[] = {"a.text=- x # no comment",
                                       "a.null='null'",
                                       "a.n=null",
                                       "a.quote=\"\\",
                                       "a.line=one\ntwo\n",
                                       "a.tab=\t",
                                       "a.utf=ä € 😀 \u2028 \xc2\x85",
                                       "a.minus=-",
                                       "a.neg=-1",
                                       "a.list=1,2",
                                       "a.words=[a b, c: d, -]",
                                       "a.empty=",
                                       "a.none=[]",
                                       "curriculum.1.more=1",
                                       "curriculum.0.more=1",
                                       "sparse.0.x=1",
                                       "sparse.2.x=1",
                                       "leaf.0=1",
                                       "mixed.0.x=1",
                                       "mixed.name=1",
                                       "a.star=*x",
                                       "a.bang=!x",
                                       "a.amp=&x",
                                       "a.colon=x: y",
                                       "a.at=@`%",
                                       "a.doc=---",
                                       "0.x=1",
                                       "1.x=1",
                                       "a.commas=,,",
                                       "a.sp= x "};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (lace_settings_set(&s, more[i], &err)) fail_msg("%s: %s", more[i], err.text);
    assert_int_equal(lace_settings_format(&s, &out, &err), 0);
    if (lace_settings_parse(&back, out.data, out.len, "back", &err)) fail_msg("%s\n%s", err.text, out.data);
    assert_int_equal(back.count, s.count);
    for (int i = 0; i < s.count; i++) {
        int j = 0;
        while (j < back.count && strcmp(s.items[i].key, back.items[j].key)) j++;
        if (j == back.count) fail_msg("%s is lost:\n%s", s.items[i].key, out.data);
        assert_string_equal(s.items[i].value, back.items[j].value);
        assert_int_equal(s.items[i].kind == LACE_SETTING_NULL, back.items[j].kind == LACE_SETTING_NULL);
    }
    assert_non_null(strstr(out.data, "\ncurriculum:\n  - difficulty: 1\n    steps:\n      min: 2\n"));
    assert_non_null(strstr(out.data, "  ids: [1, 2, 3]\n"));
    lace_settings_release(&back);
    lace_settings_release(&s);
    lace_text_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_reads),          cmocka_unit_test(unknown_keys_get_a_suggestion),
        cmocka_unit_test(set_replaces_and_adds),      cmocka_unit_test(bad_files_name_the_line),
        cmocka_unit_test(written_settings_read_back),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
