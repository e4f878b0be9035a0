/* Import: every format with the oddities of the real sets, and lines that must be dropped for a reason. */
#include "data/answer.h"
#include "data/import.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void boxes(void **state)
{
    static const struct {
        const char *text, *holds; /* NULL: none; "<": never closed */
    } cases[] = {
        {"so \\boxed{7}.", "7"},
        {"\\boxed{1} and \\boxed{2}", "2"},
        {"\\boxed{\\frac{\\sqrt{2}}{3}}", "\\frac{\\sqrt{2}}{3}"},
        {"\\boxed{\\{1,2\\}}", "\\{1,2\\}"},
        {"\\boxed{a\\\\b}", "a\\\\b"},
        {"\\fbox{9}", "9"},
        {"\\boxed{1} \\fbox{9}", "9"},
        {"$\\boxed 42$.", "42"},
        {"\\boxed {6}", "6"},
        {"\\boxed{3", "<"},
        {"\\boxed{\\frac{1}{2}", "<"},
        {"\\boxed{1} \\boxed{2", "<"},
        {"\\boxed{3\\", "<"},
        {"\\boxedness", NULL},
        {"boxed{7}", NULL},
        {"\\boxed $", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *from, *holds = cases[i].holds;
        size_t len;
        enum lace_box box = lace_answer_boxed(cases[i].text, &from, &len);
        enum lace_box expected = !holds ? LACE_BOX_NONE : *holds == '<' ? LACE_BOX_OPEN : LACE_BOX_FOUND;
        if (box != expected || (box == LACE_BOX_FOUND && (len != strlen(holds) || memcmp(from, holds, len))))
            fail_msg("%s: %d", cases[i].text, box);
    }
}

static void answers_lose_only_what_never_counts(void **state)
{
    static const char *const cases[][2] = {
        {" 42 ", "42"},
        {"42.", "42"},
        {"$42$", "42"},
        {"\\(42\\)", "42"},
        {"\\[ 42 \\].", "42"},
        {"$$4$$", "4"},
        {"**42**", "42"},
        {"\\text{Evelyn}", "Evelyn"},
        {"\\boxed{\\text{No.}}", "No"},
        {"\\text{a}+\\text{b}", "\\text{a}+\\text{b}"},
        {"\\$1,234.50", "1234.50"},
        {"$18", "18"},
        {"1,234,567", "1234567"},
        {"12{,}345", "12345"},
        {"12,\\!345", "12345"},
        {"12\\,345", "12345"},
        {"70\xc2\xa0"
         "000",
         "70000"},
        {"1,2", "1,2"},
        {"1,234,5", "1,234,5"},
        {"(1,234)", "(1,234)"},
        {"\\{100,200\\}", "\\{100,200\\}"},
        {"1,\\sqrt{2}", "1,\\sqrt{2}"},
        {"-3", "-3"},
        {"0.5", "0.5"},
        {"1, 2, \\ldots", "1, 2, \\ldots"},
        {"\\frac{1}{2}", "\\frac{1}{2}"},
        {"$x$ and $y$", "x$ and $y"}, /* two formulas in one answer: nothing better can be said */
        {"", ""},
        {".", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_text out;
        lace_text_init(&out);
        lace_answer_clean(cases[i][0], strlen(cases[i][0]), &out);
        lace_text_str(&out, "");
        if (strcmp(out.data, cases[i][1])) fail_msg("%s: %s", cases[i][0], out.data);
        lace_text_release(&out);
    }
}

static void numbers_and_units(void **state)
{
    static const char *const cases[][3] = {
        {"18", "18", ""},
        {"18 apples", "18", "apples"},
        {"18 dollars a day", "18", "dollars a day"},
        {"5\\%", "5", "%"},
        {"50%", "50", "%"},
        {"3\\text{ cm}^2", "3", "\\text{ cm}^2"},
        {"-4 degrees", "-4", "degrees"},
        {"1/2 cup", "1/2", "cup"},
        {"0.75", "0.75", ""},
        {"12 m/s", "12", "m/s"},
        {"2x", NULL, NULL},
        {"10 - 3", NULL, NULL},
        {"x", NULL, NULL},
        {"", NULL, NULL},
        {"-", NULL, NULL},
        {"3, 4", NULL, NULL},
        {"+7", "7", ""},
        {"$5 bills", "5", "bills"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_text number, unit;
        lace_text_init(&number);
        lace_text_init(&unit);
        bool is = lace_answer_number(cases[i][0], &number, &unit);
        lace_text_str(&unit, "");
        if (is != !!cases[i][1] || (is && (strcmp(number.data, cases[i][1]) || strcmp(unit.data, cases[i][2]))))
            fail_msg("%s: %d %s %s", cases[i][0], is, is ? number.data : "", unit.data);
        lace_text_release(&number);
        lace_text_release(&unit);
    }
}

#define PROBLEM "\"problem\":\"Find x.\""

static void formats(void **state)
{
    static const struct {
        const char *line, *format, *prompt, *answer, *steps; /* steps: of the only thread, joined; NULL: no thread */
        int difficulty;
        const char *id; /* NULL: made of the problem */
    } cases[] = {
        {"{\"question\":\"How many?\",\"answer\":\"Half: 48/2 = <<48/2=24>>24 clips.\\nAll: 48+24 = <<48+24=72>>72 "
         "clips.\\n#### 72\"}",
         "gsm8k", "How many?", "72", "Half: 48/2 = 24 clips.\nAll: 48+24 = 72 clips.\n"},
        {"{\"question\":\"How much?\",\"answer\":\"It is $<<1000*5=5000>>5,000.\\n#### 5,000\"}", "gsm8k", "How much?",
         "5000", "It is $5,000.\n"},
        {"{\"question\":\"q\",\"answer\":\"#### -12 degrees.\"}", "gsm8k", "q", "-12", NULL},
        {"{\"question\":\"q\",\"answer\":\"a << b and c\\r\\n####  $1,080.50 \\r\\n\"}", "gsm8k", "q", "1080.50",
         "a << b and c\n"},
        {"{\"question\":\"q\",\"answer\":\"use #### to mark\\n#### 3\"}", "gsm8k", "q", "3", "use #### to mark\n"},
        {"{" PROBLEM ",\"level\":\"Level 4\",\"type\":\"Algebra\",\"solution\":\"First $\\\\boxed{1}$ no, "
         "$\\\\boxed{\\\\frac{3}{\\\\sqrt{4}}}$.\"}",
         "math", "Find x.", "\\frac{3}{\\sqrt{4}}", "First $\\boxed{1}$ no, $\\boxed{\\frac{3}{\\sqrt{4}}}$.\n", 4},
        {"{" PROBLEM ",\"level\":\"Level ?\",\"solution\":\"It is \\\\fbox{12,000}\"}", "math", "Find x.", "12000",
         "It is \\fbox{12,000}\n"},
        {"{" PROBLEM ",\"solution\":\"$\\\\boxed{6.0}$\",\"answer\":\"6\",\"level\":2,\"unique_id\":\"t/a/1.json\"}",
         "math", "Find x.", "6", "$\\boxed{6.0}$\n", 2, "t/a/1.json"},
        {"{\"data_source\":\"math_dapo\",\"prompt\":[{\"role\":\"user\",\"content\":\"Solve the following math problem "
         "step "
         "by step. The last line of your response should be of the form Answer: $Answer (without quotes) where $Answer "
         "is the answer to the problem.\\n\\nWhat is 2+2?\\n\\nRemember to put your answer on its own line after "
         "\\\"Answer:\\\".\"}],\"ability\":\"MATH\",\"reward_model\":{\"ground_truth\":\"4\",\"style\":\"rule\"},"
         "\"extra_"
         "info\":{\"index\":\"9a9b\"}}",
         "dapo", "What is 2+2?\n\n", "4", NULL, 0, "9a9b"},
        {"{\"prompt\":[{\"role\":\"system\",\"content\":\"Be "
         "brief.\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
         "\"text\":\"Why?\"}]}],\"reward_model\":{\"ground_truth\":[\"7\"]},\"extra_info\":{\"index\":12}}",
         "dapo", "Why?", "7", NULL, 0, "12"},
        {"{\"prompt\":\"Why?\",\"reward_model\":{\"ground_truth\":34}}", "dapo", "Why?", "34"},
        {"{\"ID\":\"2024-II-4\",\"Problem\":\"Let $x$.\",\"Solution\":\"So 33.\",\"Answer\":33}", "aime", "Let $x$.",
         "33", "So 33.\n", 0, "2024-II-4"},
        {"{\"Problem\":\"Let $x$.\",\"Answer\":\"025\"}", "aime", "Let $x$.", "25"},
        {"{\"Problem\":\"Let $x$.\",\"Answer\":\"000\"}", "aime", "Let $x$.", "0"},
        {"{\"prompt\":\"2+2?\",\"answer\":4}", "plain", "2+2?", "4"},
        {"{\"id\":7,\"question\":\"1/4?\",\"answer\":0.25}", "plain", "1/4?", "0.25", NULL, 0, "7"},
        {"{\"problem\":\"p\",\"answer\":\"$x^2$\",\"solution\":\"a\\n\\nb\",\"difficulty\":3}", "plain", "p", "x^2",
         "a\nb\n", 3},
        {"{\"prompt\":\"a\\r\\nb\",\"answer\":\"c\",\"solution\":null}", "plain", "a\nb", "c"},
        {"{\"id\":\"r\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"1\",\"threads\":[]}", "record", "p", "1", NULL, 0,
         "r"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_record r;
        struct lace_error err;
        struct lace_text steps;
        enum lace_import_format format = LACE_IMPORT_AUTO;
        const char *reason = lace_import_line(&r, cases[i].line, strlen(cases[i].line), &format, true, &err);
        if (reason) fail_msg("%s: %s %s", cases[i].line, reason, err.text);
        lace_text_init(&steps);
        for (int j = 0; r.thread_count && j < r.threads->count; j++) lace_text_str(&steps, r.threads->steps[j]);
        assert_string_equal(lace_import_formats[format], cases[i].format);
        assert_string_equal(r.prompt, cases[i].prompt);
        assert_string_equal(r.answer, cases[i].answer);
        assert_int_equal(r.difficulty, cases[i].difficulty);
        assert_int_equal(r.thread_count, cases[i].steps != NULL);
        if (cases[i].steps) {
            assert_string_equal(steps.data, cases[i].steps);
            assert_string_equal(r.threads->answer, r.answer);
        }
        if (cases[i].id) assert_string_equal(r.id, cases[i].id);
        else assert_int_equal(strncmp(r.id, cases[i].format, strlen(cases[i].format)), 0);
        lace_record_release(&r);
        lace_text_release(&steps);
    }
}

static void bad_lines_have_reasons(void **state)
{
    static const struct {
        const char *line, *reason;
        enum lace_import_format format;
    } cases[] = {
        {"", "not JSON"},
        {"{\"question\":\"q\"", "not JSON"},
        {"{\"question\":\"q\",\"question\":\"r\",\"answer\":\"1\"}", "not JSON"},
        {"{\"prompt\":\"a\\u0000b\",\"answer\":\"1\"}", "not JSON"},
        {"{\"prompt\":\"q\",\"answer\":99999999999999999999999}", "not JSON"},
        {"{\"prompt\":\"\xff\",\"answer\":\"1\"}", "invalid UTF-8"},
        {"{\"prompt\":\"\xed\xa0\x80\",\"answer\":\"1\"}", "invalid UTF-8"},
        {"[1]", "not an object"},
        {"\"text\"", "not an object"},
        {"null", "not an object"},
        {"{}", "no problem text"},
        {"{\"answer\":\"1\"}", "no problem text"},
        {"{\"prompt\":\" \\n\",\"answer\":\"1\"}", "no problem text"},
        {"{\"prompt\":null,\"answer\":\"1\"}", "no problem text"},
        {"{\"prompt\":{},\"answer\":\"1\"}", "no problem text"},
        {"{\"prompt\":[],\"answer\":\"1\"}", "no problem text"},
        {"{\"prompt\":[{\"role\":\"assistant\",\"content\":\"hi\"}],\"answer\":\"1\"}", "no problem text"},
        {"{\"prompt\":[1,null,{\"content\":7}],\"answer\":\"1\"}", "no problem text"},
        {"{\"prompt\":\"p\"}", "no answer"},
        {"{\"prompt\":\"p\",\"answer\":\"\"}", "no answer"},
        {"{\"prompt\":\"p\",\"answer\":\" $$ \"}", NULL},
        {"{\"prompt\":\"p\",\"answer\":\".\"}", "no answer"},
        {"{\"prompt\":\"p\",\"answer\":true}", "no answer"},
        {"{\"prompt\":\"p\",\"answer\":\"one\\ntwo\"}", "answer of many lines"},
        {"{\"prompt\":[{\"content\":\"p\"}],\"reward_model\":{\"ground_truth\":[\"1\",\"2\"]}}", "several answers"},
        {"{\"prompt\":[{\"content\":\"p\"}],\"reward_model\":[]}", "no answer"},
        {"{\"question\":\"q\",\"answer\":\"so it is 5\"}", "no ####", LACE_IMPORT_GSM8K},
        {"{\"question\":\"q\",\"answer\":5}", "no answer", LACE_IMPORT_GSM8K},
        {"{\"question\":\"q\",\"answer\":\"#### \"}", "no answer"},
        {"{\"question\":\"q\",\"answer\":\"#### five\"}", "answer is no number"},
        {"{" PROBLEM ",\"solution\":\"\\\\boxed{\\\\frac{1}{2}\"}", "unbalanced box"},
        {"{" PROBLEM ",\"solution\":\"it is 3\"}", "no box", LACE_IMPORT_MATH},
        {"{" PROBLEM "}", "no solution", LACE_IMPORT_MATH},
        {"{\"id\":\"r\",\"task\":\"t\",\"threads\":[]}", "not a record"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_record r;
        struct lace_error err;
        enum lace_import_format format = cases[i].format;
        const char *reason = lace_import_line(&r, cases[i].line, strlen(cases[i].line), &format, true, &err);
        if (!reason != !cases[i].reason || (reason && strcmp(reason, cases[i].reason)))
            fail_msg("%s: %s", cases[i].line, reason ? reason : "accepted");
        if (reason) assert_null(r.id);
        lace_record_release(&r);
    }
    struct lace_record r;
    struct lace_error err;
    enum lace_import_format format = LACE_IMPORT_AUTO;
    char *deep = malloc(1000);
    memset(deep, '[', 1000);
    assert_string_equal(lace_import_line(&r, deep, 1000, &format, true, &err), "not JSON");
    assert_string_equal(lace_import_line(&r, deep, LACE_RECORD_BYTES + 1, &format, true, &err), "line too long");
    free(deep);
    struct lace_text many; /* a solution of more lines than a thread may have steps */
    lace_text_init(&many);
    lace_text_str(&many, "{\"prompt\":\"p\",\"answer\":\"1\",\"solution\":\"");
    for (int i = 0; i < 5000; i++) lace_text_str(&many, "x\\n");
    lace_text_str(&many, "\"}");
    assert_string_equal(lace_import_line(&r, many.data, many.len, &format, true, &err), "too many lines");
    assert_null(lace_import_line(&r, many.data, many.len, &format, false, &err));
    lace_record_release(&r);
    lace_text_release(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes),
        cmocka_unit_test(answers_lose_only_what_never_counts),
        cmocka_unit_test(numbers_and_units),
        cmocka_unit_test(formats),
        cmocka_unit_test(bad_lines_have_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
