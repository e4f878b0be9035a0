/* metrics.jsonl read back: values by key and step, rates that are made of them, and files that no training wrote. */
#include "train/history.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int parse(struct lace_history *h, const char *text, struct lace_error *err)
{
    err->text[0] = 0;
    return lace_history_parse(h, text, strlen(text), "here", err);
}

static void values_by_key_and_step(void **state)
{
    struct lace_history h;
    struct lace_error err;
    static const char text[] =
        "{\"step\": 1, \"loss\": 2.5, \"tokens\": 100, \"seconds\": 0.5, \"stage\": \"rl\", \"gate/1\": 1}\n"
        "{\"step\": 3, \"loss\": -1, \"tokens\": 100, \"seconds\": 0, \"rollout_tokens\": 8, \"rollout_seconds\": 2}\n"
        "{\"step\": 4, \"lo";
    if (parse(&h, text, &err)) fail_msg("%s", err.text);
    assert_int_equal(h.lines, 2);
    const struct lace_metric *loss = lace_history_find(&h, "loss");
    assert_int_equal(loss->count, 2);
    assert_true(loss->points[0].step == 1 && loss->points[0].value == 2.5);
    assert_true(loss->points[1].step == 3 && loss->points[1].value == -1);
    assert_int_equal(lace_history_find(&h, "gate/1")->count, 1);
    const struct lace_metric *rate = lace_history_find(&h, "tokens_per_second");
    assert_int_equal(rate->count, 1); /* not of the step that took no time */
    assert_true(rate->points[0].value == 200);
    assert_true(lace_history_find(&h, "rollout_tokens_per_second")->points[0].value == 4);
    assert_null(lace_history_find(&h, "stage"));
    assert_null(lace_history_find(&h, "step"));
    lace_history_release(&h);
}

static void what_is_no_history_gets_a_sentence(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "holds no step yet"},
        {"{\"step\": 1, \"loss\": 2}", "holds no step yet"}, /* the line has not ended */
        {"{\"step\": 1}\n", "holds no step yet"},
        {"\n", "line 1 is not valid JSON"},
        {"[1]\n", "has no \"step\""},
        {"1\n", "has no \"step\""},
        {"{}\n", "has no \"step\""},
        {"{\"step\": \"1\"}\n", "has no \"step\""},
        {"{\"step\": -1, \"loss\": 1}\n", "has no \"step\""},
        {"{\"step\": 1, \"loss\": 1}\n{\"step\": 2, \"loss\": nan}\n", "here, line 2 is not valid JSON"},
        {"{\"step\": 1, \"loss\": 1e999}\n", "line 1 is not valid JSON"},
        {"{\"step\": 1, \"loss\": 1, \"loss\": 2}\n", "line 1 is not valid JSON"},
        {"{\"step\": 1, \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg\": 1}\n", "less than 64"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lace_history h;
        struct lace_error err;
        assert_int_equal(parse(&h, bad[i].text, &err), LACE_BAD);
        if (!strstr(err.text, bad[i].says)) fail_msg("\"%s\" is not in: %s", bad[i].says, err.text);
        assert_true(!h.count && !h.metrics);
    }
}

static void keys_are_limited(void **state)
{
    struct lace_text text;
    struct lace_history h;
    struct lace_error err;
    lace_text_init(&text);
    lace_text_str(&text, "{\"step\": 1");
    for (int i = 0; i < LACE_HISTORY_KEYS; i++) lace_text_print(&text, ", \"k%d\": %d", i, i);
    lace_text_str(&text, "}\n");
    assert_int_equal(parse(&h, text.data, &err), 0);
    assert_int_equal(h.count, LACE_HISTORY_KEYS);
    lace_history_release(&h);
    lace_text_str(&text, "{\"step\": 2, \"more\": 1}\n");
    assert_int_equal(parse(&h, text.data, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "line 2: a run has at most 1024 keys"));
    lace_text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_by_key_and_step),
        cmocka_unit_test(what_is_no_history_gets_a_sentence),
        cmocka_unit_test(keys_are_limited),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
