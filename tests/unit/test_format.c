/* How a thread is written and read: tags, answers, verdicts, and when two answers say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "decode/format.h"

static void answers(const char *text, const char *want)
{
    struct lace_text got;
    lace_text_init(&got);
    bool found = lace_format_answer(text, strlen(text), &got);
    if (found != (want != NULL)) fail_msg("%s: %s", found ? "an answer was found" : "no answer was found", text);
    if (want && strcmp(got.data, want)) fail_msg("\"%s\" was read, expected \"%s\": %s", got.data, want, text);
    if (!want) assert_int_equal(got.len, 0);
    lace_text_release(&got);
}

static void the_last_stated_answer_counts(void **state)
{
    answers("x = 3.\nAnswer: 7.\n[[best]]", "7");
    answers("Answer: 7.\nNo.\nAnswer: 8.\n", "8");
    answers("Answer:   3.5 . \r\n", "3.5");
    answers("Answer: none.\n[[fail]]", "none");
    answers("Answer: \\frac{1}{2}\nwell", "\\frac{1}{2}");
    answers("so \\boxed{12}", "12");
    answers("so \\boxed{1}, no, \\boxed{\\frac{1}{2}} it is", "\\frac{1}{2}");
    answers("\\boxed{3}\nAnswer: 4.\n", "4");
    answers("9 * 8 = 72\n#### 72", "72");
    answers("#### 1\n#### 1,072.\n[[best]]", "1,072");
    answers("#### 72[[best]]", "72");
    answers("#### 72\nso \\boxed{73}", "73");
    answers("#### ", NULL);
}

static void what_is_no_answer_gives_none(void **state)
{
    answers("", NULL);
    answers("I do not know", NULL);
    answers("Answer: 1", NULL); /* cut off: it may have become 12 */
    answers("Answer: .\n", NULL);
    answers("Answer: \n7", NULL);
    answers("so \\boxed{\\frac{1}{2}", NULL);
    answers("so \\boxed{", NULL);
    answers("so \\boxed{}", NULL);
    answers("Answer:7\n", NULL);
    const char cut[] = "Answer: 7\n"; /* bytes beyond len are not the text's */
    struct lace_text got;
    lace_text_init(&got);
    for (size_t len = 0; len + 1 < sizeof cut; len++) assert_false(lace_format_answer(cut, len, &got));
    lace_text_str(&got, "kept ");
    assert_true(lace_format_answer(cut, sizeof cut - 1, &got));
    assert_string_equal(got.data, "kept 7"); /* appended */
    lace_text_release(&got);
}

static void a_verdict_stands_at_the_end(void **state)
{
    static const struct {
        const char *text;
        enum lace_verdict verdict;
    } cases[] = {{"x [[best]]", LACE_VERDICT_BEST},       {"[[success]]", LACE_VERDICT_SUCCESS},
                 {"\n[[fail]]", LACE_VERDICT_FAIL},       {"[[best]] ", LACE_VERDICT_NONE},
                 {"[[best]", LACE_VERDICT_NONE},          {"[[]]", LACE_VERDICT_NONE},
                 {"best]]", LACE_VERDICT_NONE},           {"", LACE_VERDICT_NONE},
                 {"[[best]][[fail]]", LACE_VERDICT_FAIL}, {"[[Best]]", LACE_VERDICT_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (lace_format_verdict(cases[i].text, strlen(cases[i].text)) != cases[i].verdict)
            fail_msg("read wrongly: %s", cases[i].text);
}

static void equal_numbers_are_the_same_answer(void **state)
{
    static const char *const same[][2] = {{"7", "7"},
                                          {"1,000", "1000"},
                                          {"1000", "1000.0"},
                                          {"$5", "5"},
                                          {"+3", "3"},
                                          {"-1,234,567.50", "-1234567.5"},
                                          {"0.1", ".1"},
                                          {"none", "None"},
                                          {"007", "7"},
                                          {"-0", "0"},
                                          {"nan", "nan "},
                                          {"", ""},
                                          /* as data sets and models write them */
                                          {"3/4", "0.75"},
                                          {"\\frac{3}{4}", "3/4"},
                                          {"\\dfrac34", "\\tfrac{3}{4}"},
                                          {"-\\frac{1}{2}", "-0.5"},
                                          {"$\\frac{1}{2}$", "0.50"},
                                          {"1{,}234", "1234"},
                                          {"1,\\!234", "1234"},
                                          {"\\$18", "18"},
                                          {"18 dollars", "18"},
                                          {"7", "7 apples"},
                                          {"3\\text{ cm}", "3 cm"},
                                          {"3\\text{ cm}", "3"},
                                          {"5\\%", "5"},
                                          {"5%", "5\\%"},
                                          {"x=5", "5"},
                                          {"x = 5", "5"},
                                          {"90^\\circ", "90"},
                                          {"90^{\\circ}", "90"},
                                          {"90\xc2\xb0", "90"},
                                          {"(1, 2)", "(1,2)"},
                                          {"\\left(1,2\\right)", "(1,2)"},
                                          {"\\text{north}", "North"},
                                          {"\\boxed{7}", "7"},
                                          {"\\(7\\)", "7"},
                                          {"\\frac{\\pi}{2}", "\\frac{ \\pi }{2}"},
                                          {"2\\sqrt{3}", "2 \\sqrt{3}"},
                                          {"\\dfrac{x+1}{2}", "\\frac{x+1}{2}"},
                                          {"10.", "10"},
                                          {"\\textbf{(B)}", "(B)"},
                                          {"12 cm^2", "12"},
                                          {"**42**", "42"}};
    static const char *const other[][2] = {{"7", "8"},
                                           {"1,2", "12"},
                                           {"1,0000", "10000"},
                                           {",100", "100"},
                                           {"1-2", "1"},
                                           {"1e3", "1000"},
                                           {"", "0"},
                                           {"-", "0"},
                                           {"0.1", "0.10001"},
                                           {"1/0", "1"},
                                           {"1/0", "2/0"},
                                           {"50%", "0.5"},
                                           {"2x", "2"},
                                           {"3xy", "3"},
                                           {"3cm", "3"},
                                           {"3 cm", "3 kg"},
                                           {"x", "X"},
                                           {"(1,2)", "(2,1)"},
                                           {"\\sqrt{4}", "2"},
                                           {"3\\pi", "3"},
                                           {"1,234", "(1,234)"},
                                           {"\\frac{1}{2}", "\\frac{2}{1}"},
                                           {"1\\frac{1}{2}", "1/2"},
                                           {"x=5", "x=6"},
                                           {"1 2", "1"},
                                           {"5-5", "0"},
                                           {"--5", "5"},
                                           {"\\frac{1}", "1"},
                                           {"\\frac", "1"},
                                           {"{", "}"},
                                           {"\\", "\\\\"},
                                           {"0x10", "16"},
                                           {"inf", "nan"},
                                           {"a b", "ab"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (!lace_format_same(same[i][0], same[i][1])) fail_msg("%s and %s are told apart", same[i][0], same[i][1]);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (lace_format_same(other[i][0], other[i][1]))
            fail_msg("%s and %s are taken for the same", other[i][0], other[i][1]);
    assert_false(lace_format_same(NULL, "7"));
    assert_false(lace_format_same("7", NULL));
    assert_false(lace_format_same(NULL, NULL));
    char digits[200];
    memset(digits, '1', sizeof digits - 1);
    digits[sizeof digits - 1] = 0;
    assert_true(lace_format_same(digits, digits)); /* too long for a number: as text */
    assert_false(lace_format_same(digits, digits + 1));
    /* Hostile ones end, and are themselves and nothing else. */
    static const char *const pieces[] = {"\\frac", "{", "}", "\\text{", "\\", "1", ",",   "/",
                                         "x=",     "~", " ", "$",       ".",  "-", "\xc2"};
    struct lace_rng rng;
    lace_rng_init(&rng, 9, 1);
    for (int i = 0; i < 3000; i++) {
        char a[400] = "", b[400] = "";
        for (int k = (int)lace_rng_below(&rng, 40); k > 0; k--) strcat(a, pieces[lace_rng_below(&rng, 15)]);
        for (int k = (int)lace_rng_below(&rng, 40); k > 0; k--) strcat(b, pieces[lace_rng_below(&rng, 15)]);
        assert_true(lace_format_same(a, a));
        assert_int_equal(lace_format_same(a, b), lace_format_same(b, a));
        assert_false(lace_format_same(a, "seven"));
    }
    char *deep = malloc(200001);
    assert_non_null(deep);
    memset(deep, '{', 200000);
    deep[200000] = 0;
    assert_false(lace_format_same(deep, "7"));
    free(deep);
}

static void an_answer_is_of_the_right_kind(void **state)
{
    assert_true(lace_format_possible("7", "8") && lace_format_possible("seven", NULL) &&
                lace_format_possible("a", "b"));
    assert_true(lace_format_possible("\\frac12", "3") && lace_format_possible("3 apples", "4"));
    assert_false(lace_format_possible("seven", "7") || lace_format_possible("", "7") ||
                 lace_format_possible(NULL, NULL));
}

static void our_tokenizer_has_tags_lead_and_verdicts_of_one_token(void **state)
{
    struct lace_tokenizer *t;
    struct lace_format f;
    struct lace_error err;
    int ids[LACE_TAG_TOKENS], end;
    if (lace_tokenizer_open(&t, "recipes/tokenizer.json", &err)) fail_msg("%s", err.text);
    end = lace_tokenizer_id(t, "<|end|>");
    if (lace_format_open(&f, t, end, &err)) fail_msg("%s", err.text);
    assert_true(f.special_tags);
    assert_true(f.end_count == 1 && lace_format_is_end(&f, end));
    assert_int_equal(f.lead_count, 1);
    assert_int_equal(f.lead[0], lace_tokenizer_id(t, "[["));
    for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL; v++) {
        assert_true(f.single[v]);
        for (int w = v + 1; w <= LACE_VERDICT_FAIL; w++) assert_int_not_equal(f.verdict[v], f.verdict[w]);
    }
    assert_int_equal(lace_format_tag(&f, 1, 4, ids), 2);
    assert_int_equal(ids[0], lace_tokenizer_id(t, "<|2|>"));
    assert_int_equal(ids[1], lace_tokenizer_id(t, "<|of 4|>"));
    assert_int_equal(lace_format_tag(&f, 15, 16, ids), 2);
    assert_int_equal(lace_format_tag(&f, 16, 17, ids), 0); /* no such tag */
    int lines = 0;
    for (int i = 0; i < lace_tokenizer_size(t); i++) {
        size_t len;
        const char *bytes = lace_tokenizer_bytes(t, i, &len);
        assert_int_equal(f.ends_step[i], bytes && memchr(bytes, '\n', len));
        lines += f.ends_step[i];
    }
    assert_true(lines >= 3);
    lace_format_release(&f);
    lace_tokenizer_close(&t);
}

static void other_tokenizers_write_the_tag_as_text(void **state)
{
    struct lace_tokenizer *t;
    struct lace_format f;
    struct lace_error err;
    struct lace_text text;
    int ids[LACE_TAG_TOKENS];
    if (lace_tokenizer_open(&t, "tests/golden/tokenizer_qwen2.json", &err)) fail_msg("%s", err.text);
    if (lace_format_open(&f, t, -1, &err)) fail_msg("%s", err.text);
    assert_false(f.special_tags);
    assert_int_equal(f.end_count, 0);
    int count = lace_format_tag(&f, 1, 4, ids);
    assert_in_range(count, 1, LACE_TAG_TOKENS);
    lace_text_init(&text);
    for (int i = 0; i < count; i++) {
        size_t len;
        const char *bytes = lace_tokenizer_bytes(t, ids[i], &len);
        lace_text_add(&text, bytes, len);
    }
    assert_string_equal(text.data, "Thread 2 of 4.\n");
    assert_true(lace_format_ends_step(&f, ids[count - 1]));
    /* a model may have room for more ids than its tokenizer has tokens, and choose one */
    for (int id = lace_tokenizer_size(t); id < lace_tokenizer_size(t) + 300; id++)
        assert_false(lace_format_ends_step(&f, id));
    lace_text_release(&text);
    lace_format_release(&f);
    lace_tokenizer_close(&t);
}

static void several_tokens_end_a_text(void **state)
{
    struct lace_format f = {0};
    lace_format_add_end(&f, -1);
    assert_int_equal(f.end_count, 0);
    for (int i = 0; i < 2 * LACE_ENDS; i++) lace_format_add_end(&f, 5 + i / 2); /* each twice */
    assert_int_equal(f.end_count, LACE_ENDS);
    assert_true(lace_format_is_end(&f, 5) && lace_format_is_end(&f, 4 + LACE_ENDS));
    lace_format_add_end(&f, 1000); /* one more than there is room for */
    assert_false(lace_format_is_end(&f, 1000) || lace_format_is_end(&f, 4) || lace_format_is_end(&f, -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_stated_answer_counts),
        cmocka_unit_test(what_is_no_answer_gives_none),
        cmocka_unit_test(a_verdict_stands_at_the_end),
        cmocka_unit_test(equal_numbers_are_the_same_answer),
        cmocka_unit_test(an_answer_is_of_the_right_kind),
        cmocka_unit_test(our_tokenizer_has_tags_lead_and_verdicts_of_one_token),
        cmocka_unit_test(other_tokenizers_write_the_tag_as_text),
        cmocka_unit_test(several_tokens_end_a_text),
    };
    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
