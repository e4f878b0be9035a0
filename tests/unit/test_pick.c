/* The answer of a group from the answers of its threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "decode/pick.h"
#include <string.h>

static void by_verdict_the_surest_thread_speaks(void **state)
{
    const struct lace_ballot b[] = {{"7", 0.2, -1}, {"8", 0.6, -3}, {"7", 0.5, -0.5}, {NULL, 0.9, -0.1}};
    assert_int_equal(lace_pick(b, 4, LACE_PICK_VERDICT, 1), 1); /* thread 3 has no answer to speak */
    assert_int_equal(lace_pick(b, 4, LACE_PICK_LOGPROB, 1), 2);
    assert_int_equal(lace_pick(b, 4, LACE_PICK_VOTE, 1), 2); /* of the two that say 7, the more probable */
}

static void without_verdicts_the_votes_decide(void **state)
{
    const struct lace_ballot b[] = {{"8", 0, -0.1}, {"1,000", 0, -2}, {"1000", 0, -1}, {NULL, 0.9, 0}};
    assert_int_equal(lace_pick(b, 4, LACE_PICK_VERDICT, 1), 2);
    assert_int_equal(lace_pick(b, 1, LACE_PICK_VERDICT, 1), 0);
}

static void nobody_is_picked_where_nobody_answers(void **state)
{
    const struct lace_ballot b[] = {{NULL, 0.5, -1}, {NULL, 0, -2}};
    for (enum lace_pick_by by = LACE_PICK_VERDICT; by <= LACE_PICK_LOGPROB; by++) {
        assert_int_equal(lace_pick(b, 2, by, 1), -1);
        assert_int_equal(lace_pick(b, 0, by, 1), -1);
    }
}

/* Three answers with two votes each: over the seeds each wins a third, and a seed always gives the same one. */
static void ties_are_broken_evenly_by_the_seed(void **state)
{
    const struct lace_ballot b[] = {{"1", 0, -1}, {"2", 0, -1}, {"9", 0, 0}, {"3", 0, -1},
                                    {"3", 0, -2}, {"2", 0, -2}, {"1", 0, -2}};
    int won[7] = {0};
    for (uint64_t seed = 0; seed < 3000; seed++) {
        int n = lace_pick(b, 7, LACE_PICK_VOTE, seed);
        assert_int_equal(n, lace_pick(b, 7, LACE_PICK_VOTE, seed));
        assert_in_range(n, 0, 6);
        won[n]++;
    }
    assert_int_equal(won[0] + won[1] + won[3], 3000); /* the first of each pair is the more probable; 9 has one vote */
    for (int n = 0; n < 4; n++)
        if (n != 2)
            assert_in_range(won[n], 1000 - 103, 1000 + 103); /* four standard deviations: 4 sqrt(3000 * 2 / 9) */
}

/* Right: the answer that the record has; a letter cannot be. */
static int by_record(const struct lace_record *problem, const char *answer)
{
    return !strcmp(answer, problem->answer) ? 1 : answer[0] >= '0' && answer[0] <= '9' ? 0 : -1;
}

static void graded_answers_are_picked_from(void **state)
{
    const struct lace_record problem = {.id = "p", .answer = "7"};
    static const char *const texts[] = {"Answer: 8.\n", "I think\n", "Answer: x.\n", "Answer: 7.\n[[best]]", ""};
    static const double p_best[] = {0.5, 0.9, 0.8, 0.6, 0}, logprob[] = {-1, 0, 0, -2, 0};
    struct lace_graded g = {0};
    struct lace_error err;
    assert_false(lace_graded_right(&g, LACE_PICK_VERDICT, 1)); /* of nobody */
    for (int n = 0; n < 5; n++)
        assert_int_equal(lace_graded_add(&g, &problem, by_record, (struct lace_string){texts[n], strlen(texts[n])},
                                         p_best[n], logprob[n], &err),
                         0);
    assert_int_equal(g.count, 5);
    assert_string_equal(g.ballots[0].answer, "8");
    assert_null(g.ballots[1].answer); /* says nothing */
    assert_null(g.ballots[2].answer); /* nothing that could be right */
    assert_string_equal(g.ballots[3].answer, "7");
    assert_null(g.ballots[4].answer);
    for (int n = 0; n < 5; n++) assert_int_equal(g.right[n], n == 3);
    assert_true(lace_graded_right(&g, LACE_PICK_VERDICT, 1));
    assert_false(lace_graded_right(&g, LACE_PICK_LOGPROB, 1));
    int won = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) won += lace_graded_right(&g, LACE_PICK_VOTE, seed);
    assert_in_range(won, 500 - 64, 500 + 64); /* one vote each */
    lace_graded_release(&g);
    assert_int_equal(g.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_verdict_the_surest_thread_speaks),   cmocka_unit_test(without_verdicts_the_votes_decide),
        cmocka_unit_test(nobody_is_picked_where_nobody_answers), cmocka_unit_test(ties_are_broken_evenly_by_the_seed),
        cmocka_unit_test(graded_answers_are_picked_from),
    };
    return cmocka_run_group_tests_name("pick", tests, NULL, NULL);
}
