/* How alike threads are, on texts whose figures can be worked out by hand. */
#include "model_test.h"
#include "decode/likeness.h"

static uint32_t scratch[LACE_LIKENESS_THREADS * LACE_LIKENESS_TOKENS];
static int a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 2, 3, 4, 7, 8}, c[] = {9, 9, 9, 9, 9}, d[] = {1, 2};
#define THREAD(ids, answer, verdict)                                                                                   \
    {                                                                                                                  \
        ids, (int)(sizeof ids / sizeof *ids), answer, verdict                                                          \
    }
static struct lace_likeness of(const struct lace_likeness_thread *t, int count)
{
    struct lace_likeness out;
    lace_likeness(t, count, scratch, &out);
    return out;
}

static void copies_of_one_thread_are_group_think(void **state)
{
    struct lace_likeness x =
        of((struct lace_likeness_thread[]){THREAD(a, "6", LACE_VERDICT_BEST), THREAD(a, "6.0", LACE_VERDICT_SUCCESS),
                                           THREAD(a, "6", LACE_VERDICT_SUCCESS)},
           3);
    assert_int_equal(x.pairs, 3);
    assert_true(x.group_think == 1);
    assert_true(x.disagreement == 0);
}

static void other_ways_or_other_answers_are_not(void **state)
{
    /* runs of three: a 123 234 345 456, b 123 234 347 478: two of six; c has one run alone */
    struct lace_likeness x = of((struct lace_likeness_thread[]){THREAD(a, "6", 0), THREAD(b, "6", 0)}, 2);
    assert_true(x.group_think == 2.0 / 6 && x.judged == 0 && x.disagreement == 0);
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", 0), THREAD(c, "6", 0)}, 2);
    assert_true(x.group_think == 0);
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", 0), THREAD(a, "7", 0), THREAD(a, NULL, 0)}, 3);
    assert_true(x.group_think == 0 && x.pairs == 3);
    x = of((struct lace_likeness_thread[]){THREAD(d, "6", 0), THREAD(d, "6", 0)}, 2);
    assert_true(x.group_think == 1);
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", 0), {NULL, 0, "6", 0}}, 2);
    assert_true(x.group_think == 0);
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", 0)}, 1);
    assert_true(x.pairs == 0 && x.group_think == 0);
}

static void verdicts_that_cannot_both_be_true(void **state)
{
    enum lace_verdict best = LACE_VERDICT_BEST, good = LACE_VERDICT_SUCCESS, fail = LACE_VERDICT_FAIL;
    struct lace_likeness x = of((struct lace_likeness_thread[]){THREAD(a, "6", best), THREAD(b, "6", fail)}, 2);
    assert_true(x.disagreement == 1);
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", best), THREAD(b, "7", good)}, 2);
    assert_true(x.disagreement == 1);
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", best), THREAD(b, "7", fail), THREAD(c, "8", fail)}, 3);
    assert_true(x.disagreement == 0 && x.judged == 3);
    /* of four threads one has no verdict: three pairs are judged, and one of them is wrong */
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", best), THREAD(b, "6", good), THREAD(c, "7", fail),
                                           THREAD(a, "6", LACE_VERDICT_NONE)},
           4);
    assert_true(x.judged == 3 && x.disagreement == 0 && x.pairs == 6);
    x = of((struct lace_likeness_thread[]){THREAD(a, "6", best), THREAD(b, "6", fail), THREAD(c, "7", fail)}, 3);
    assert_true(x.disagreement == 1.0 / 3);
}

static void the_cost_has_a_bound(void **state)
{
    static int ids[10000];
    struct lace_likeness_thread many[64];
    for (int i = 0; i < 10000; i++) ids[i] = i;
    for (int n = 0; n < 64; n++) many[n] = (struct lace_likeness_thread){ids, 10000, "6", LACE_VERDICT_BEST};
    struct lace_likeness x = of(many, 64);
    assert_int_equal(x.pairs, 32 * 31 / 2);
    assert_true(x.group_think == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_one_thread_are_group_think),
        cmocka_unit_test(other_ways_or_other_answers_are_not),
        cmocka_unit_test(verdicts_that_cannot_both_be_true),
        cmocka_unit_test(the_cost_has_a_bound),
    };
    return cmocka_run_group_tests_name("likeness", tests, NULL, NULL);
}
