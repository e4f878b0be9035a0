/* Step decomposition and labels: where a text may be cut and where not, what is too long, who is best. */
#include "data_test.h"

/* The steps of the only thread, joined by '|', their line ends left out. */
static void steps_of(const char *thread, int step_tokens, struct data_test *t, char *out, size_t size)
{
    struct lace_steps_options o;
    struct lace_error err;
    struct lace_record record;
    char line[4096];
    lace_steps_defaults(&o);
    o.step_tokens = step_tokens;
    snprintf(line, sizeof line,
             "{\"id\":\"a\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"1\",\"threads\":[{\"steps\":[\"%s\"]}]}\n",
             thread);
    data_test_open(t, line);
    if (lace_data_steps(&t->flow, &o, &t->report, &err)) fail_msg("%s", err.text);
    out[0] = 0;
    if (!t->kept.len) return;
    data_test_first(t, &record);
    size_t at = 0;
    for (int i = 0; i < record.threads->count; i++) {
        const char *step = record.threads->steps[i];
        assert_int_equal(step[strlen(step) - 1], '\n');
        at += (size_t)snprintf(out + at, size - at, "%s%.*s", i ? "|" : "", (int)strlen(step) - 1, step);
    }
    lace_record_release(&record);
}

static void texts_are_cut_where_they_may_be(void **state)
{
    static const struct {
        const char *thread; /* as it stands in JSON */
        int most;
        const char *steps;
    } cases[] = {
        {"one two\\nthree\\n", 100, "one two|three"},
        {"  one  \\n\\n \\t\\n two", 100, "one|two"},
        {"One two three. Four five six. Seven.", 5, "One two three.|Four five six.|Seven."},
        {"One two. Three four. Five six seven eight.", 6, "One two. Three four.|Five six seven eight."},
        {"Is it? Yes! It is.", 5, "Is it? Yes!|It is."},
        {"The cost is 3.50 each. Then 4 of them.", 8, "The cost is 3.50 each.|Then 4 of them."},
        {"See e.g. Euler. He did it.", 7, "See e.g. Euler.|He did it."},
        {"By J. Doe it holds. So we end.", 7, "By J. Doe it holds.|So we end."},
        {"1. First do this. 2. Then do that.", 6, "1. First do this.|2. Then do that."},
        {"So $f(x) = 1. A$ holds. And $y$ too.", 13, "So $f(x) = 1. A$ holds.|And $y$ too."},
        {"So \\\\(a. B c d\\\\) holds. Then end.", 12, "So \\(a. B c d\\) holds.|Then end."},
        {"We have:\\n\\\\[\\na = b\\n\\\\]\\nSo.", 100, "We have:|\\[\na = b\n\\]|So."},
        {"$$\\nx\\n$$\\nend", 100, "$$\nx\n$$|end"},
        {"```\\nif a:\\n  b\\n```\\nend", 100, "```\nif a:\n  b\n```|end"},
        {"\\\\begin{align}\\na\\\\\\\\\\nb\\n\\\\end{align}\\nc", 100, "\\begin{align}\na\\\\\nb\n\\end{align}|c"},
        {"work\\nAnswer: 1.\\n", 100, "work"},
        {"work\\n**Answer:** 1\\nmore", 100, "work|more"},
        {"a [[best]] b", 100, "a [ [best]] b"},
        {"[[[x", 100, "[ [ [x"},
        {"a\\r\\nb\\r\\n", 100, "a|b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct data_test t;
        char steps[1024];
        steps_of(cases[i].thread, cases[i].most, &t, steps, sizeof steps);
        if (strcmp(steps, cases[i].steps)) fail_msg("%s: %s", cases[i].thread, steps);
        data_test_close(&t);
    }
}

static void limits_drop_threads_then_records(void **state)
{
    static const char lines[] =
        "{\"id\":\"a\",\"task\":\"t\",\"prompt\":\"p\",\"threads\":[{\"steps\":[\"one two three four five "
        "six\"]},{\"steps\":["
        "\"short\"]},{\"steps\":[\"a b\\n\",\"c d\\n\",\"e f\\n\",\"g h\\n\"]}],\"meta\":{}}\n"
        "{\"id\":\"b\",\"task\":\"t\",\"prompt\":\"p\",\"threads\":[{\"steps\":[\"one two three four five six\"]}]}\n"
        "{\"id\":\"c\",\"task\":\"t\",\"prompt\":\"p\"}\n"
        "{\"id\":\"d\",\"task\":\"t\",\"prompt\":\"p\",\"threads\":[{\"steps\":[\"\\n\"]}]}\n"
        /* marks of the thread that goes go, those of the others get its number */
        "{\"id\":\"e\",\"task\":\"t\",\"prompt\":\"p\",\"threads\":[{\"steps\":[\"one two three four five "
        "six\"]},{\"steps\":["
        "\"Answer: "
        "1\"]},{\"steps\":[\"x\"]}],\"meta\":{\"interactions\":[[0,0,\"a\",1],[1,0,\"b\",0],[2,0,\"c\",1]]}}\n";
    struct data_test t;
    struct lace_steps_options o;
    struct lace_error err;
    lace_steps_defaults(&o);
    o.step_tokens = 4;
    o.thread_tokens = 6;
    data_test_open(&t, lines);
    assert_int_equal(lace_data_steps(&t.flow, &o, &t.report, &err), 0);
    assert_true(t.report.read == 5 && t.report.kept == 2);
    assert_int_equal(data_test_count(t.report.dropped, "no thread left"), 2);
    assert_int_equal(data_test_count(t.report.dropped, "no threads"), 1);
    assert_int_equal(data_test_count(t.report.changed, "step too long"), 3);
    assert_int_equal(data_test_count(t.report.changed, "thread too long"), 1);
    assert_int_equal(data_test_count(t.report.changed, "thread without steps"), 1);
    assert_non_null(strstr(t.kept.data, "\"steps\":[\"Answer: 1\"]")); /* marked steps stay as they are */
    assert_non_null(strstr(t.kept.data, "\"interactions\":[[0,0,\"b\"],[1,0,\"c\",0]]"));
    assert_non_null(strstr(t.dropped.data, "\"dropped\":\"no threads\""));
    data_test_close(&t);
    o.step_tokens = 0;
    data_test_open(&t, lines);
    assert_int_equal(lace_data_steps(&t.flow, &o, &t.report, &err), LACE_BAD);
    data_test_close(&t);
}

static void labels_follow_the_answer(void **state)
{
    /* Thread 2 is right but erred once, 3 is right in two steps, 4 in one. */
    static const char lines[] =
        "{\"id\":\"a\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"1,000\",\"threads\":[{\"steps\":[\"x\"],\"answer\":"
        "\"7\","
        "\"verdict\":\"best\"},{\"steps\":[\"x\"],\"answer\":\"1000\"},{\"steps\":[\"x\",\"y\"],\"answer\":\"1000.0\"},"
        "{"
        "\"steps\":[\"x\"],\"answer\":\"1000\"},{\"steps\":[\"x\"]}],\"meta\":{\"corrupted\":[[1,0,\"flip\"]]}}\n"
        "{\"id\":\"b\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"1\",\"threads\":[{\"steps\":[\"x\"],\"answer\":"
        "\"7\"}]}\n"
        "{\"id\":\"c\",\"task\":\"t\",\"prompt\":\"p\",\"threads\":[{\"steps\":[\"x\"],\"answer\":\"7\"}]}\n"
        "{\"id\":\"d\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"1\"}\n";
    static const enum lace_verdict expected[] = {LACE_VERDICT_FAIL, LACE_VERDICT_SUCCESS, LACE_VERDICT_SUCCESS,
                                                 LACE_VERDICT_BEST, LACE_VERDICT_FAIL};
    for (int need = 0; need < 2; need++) {
        struct data_test t;
        struct lace_label_options o;
        struct lace_record record;
        struct lace_error err;
        lace_label_defaults(&o);
        o.need_right = need;
        data_test_open(&t, lines);
        assert_int_equal(lace_data_label(&t.flow, &o, &t.report, &err), 0);
        assert_int_equal(t.report.kept, need ? 1 : 2);
        assert_int_equal(data_test_count(t.report.dropped, "no right thread"), need);
        assert_int_equal(data_test_count(t.report.dropped, "no answer to compare"), 1);
        assert_int_equal(data_test_count(t.report.dropped, "no threads"), 1);
        assert_int_equal(data_test_count(t.report.changed, "best"), 1);
        data_test_first(&t, &record);
        for (int n = 0; n < 5; n++) assert_int_equal(record.threads[n].verdict, expected[n]);
        lace_record_release(&record);
        data_test_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_cut_where_they_may_be),
        cmocka_unit_test(limits_drop_threads_then_records),
        cmocka_unit_test(labels_follow_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
