/* What became of a group, by hand: votes, ties, answers that are none, steps and their repair. */
#include "eval/judge.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* p = 2: 2*3+4 = 10; q = 6: 6*7+2 = 44 = 0 (mod 11). */
static struct lace_record problem = {.id = "p",
                                     .task = "search",
                                     .prompt = "Find q (each from 1 to 8, mod 11): p*3+4=10, q*7+p=0.",
                                     .answer = "6",
                                     .difficulty = 2};
static struct lace_record imported = {.id = "i", .task = "gsm8k", .prompt = "How many?", .answer = "1,200"};

static struct lace_outcome judge(const struct lace_record *p, const char *const *texts, int count, uint64_t seed)
{
    struct lace_said said[8] = {{0}};
    struct lace_outcome o;
    struct lace_error err;
    int ids[8][256];
    for (int n = 0; n < count; n++) {
        said[n].text = texts[n];
        said[n].len = strlen(texts[n]);
        said[n].ids = ids[n];
        for (size_t i = 0; i < said[n].len && i < 256; i++) ids[n][said[n].count++] = (unsigned char)texts[n][i];
        said[n].p_best = 0.1 * (n + 1);
        said[n].logprob = -1 - n;
        said[n].tokens = 10 * (n + 1);
        said[n].steps = 7 * (n + 1);
    }
    if (lace_judge(p, said, count, seed, &o, &err)) fail_msg("%s", err.text);
    return o;
}

/* An evaluator that takes "no answer" for an answer like any other calls the first group wrong, and one that lets words
 * vote where a number is asked for the second: both lose what the one right thread found. The third is nobody's. */
static void invalid_answers_have_no_vote(void **state)
{
    static const char *const silent[] = {"I think\n", "It is\n", "Answer: 6", "Answer: 6.\n"},
                             *const wordy[] = {"Answer: unknown.\n", "Answer: unknown.\n", "Answer: 6.\n"},
                             *const none[] = {"Answer: unknown.\n", "", "Answer: .\n"};
    struct lace_outcome o = judge(&problem, silent, 4, 1);
    for (int by = 0; by < LACE_EVAL_PICKS; by++) assert_true(o.right[by] == 1);
    assert_true(o.any == 1 && o.thread_right == 0.25);
    for (uint64_t seed = 0; seed < 50; seed++) {
        o = judge(&problem, wordy, 3, seed);
        for (int by = 0; by < LACE_EVAL_PICKS; by++) assert_true(o.right[by] == 1);
    }
    o = judge(&problem, none, 3, 1);
    for (int by = 0; by < LACE_EVAL_PICKS; by++) assert_true(o.right[by] == 0);
    assert_true(o.any == 0);
}

/* The same for imported problems; a right answer that is a word makes words candidates. */
static void imported_answers_are_compared_by_kind(void **state)
{
    static const char *const texts[] = {"Answer: many.\n", "Answer: many.\n", "so \\boxed{1200.0}",
                                        "Answer: $1,200.\n"},
                             *const words[] = {"Answer: north.\n", "Answer: south.\n", "Answer: north.\n"};
    struct lace_outcome o = judge(&imported, texts, 4, 1);
    assert_true(o.right[LACE_PICK_VOTE] == 1 && o.thread_right == 0.5 && o.trials == 0);
    struct lace_record way = {.id = "w", .task = "way", .prompt = "Which way?", .answer = "north"};
    o = judge(&way, words, 3, 1);
    assert_true(o.right[LACE_PICK_VOTE] == 1);
    assert_true(o.right[LACE_PICK_VERDICT] == 1 && o.right[LACE_PICK_LOGPROB] == 1);
}

/* Two of four say 6, two say 5: a coin that the seed throws. 4 sqrt(2000 / 4) = 89. */
static void ties_are_thrown_by_the_seed(void **state)
{
    static const char *const texts[] = {"Answer: 5.\n", "Answer: 6.\n", "Answer: 5.\n", "Answer: 6.0.\n"},
                             *const turned[] = {"Answer: 6.\n", "Answer: 5.\n", "Answer: 5.\n", "Answer: 6.\n"};
    int right = 0, other = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct lace_outcome o = judge(&problem, texts + 0, 3, seed), again = judge(&problem, texts, 3, seed);
        assert_true(o.right[LACE_PICK_VOTE] == 0 && again.right[LACE_PICK_VOTE] == 0); /* two to one */
        o = judge(&problem, turned, 4, seed);
        again = judge(&problem, turned, 4, seed);
        assert_true(o.right[LACE_PICK_VOTE] == again.right[LACE_PICK_VOTE]);
        right += o.right[LACE_PICK_VOTE] == 1;
        o = judge(&problem, (const char *const[]){turned[1], turned[0]}, 2, seed);
        other += o.right[LACE_PICK_VOTE] == 1;
    }
    assert_in_range(right, 1000 - 89, 1000 + 89);
    assert_in_range(other, 1000 - 89, 1000 + 89);
}

/* Rounds:      thread 1            thread 2              thread 3
 *   1   p try 3, wrong sum    p try 1, right        p try 2, right, yes
 *   2   q try 5, right        p try 3, right: repairs   q try 6, right, yes
 *   3   -                     p try 1 again: idle       q try 5 again: idle; */
static void steps_are_counted_round_by_round(void **state)
{
    static const char *const texts[] = {
        "p*3+4=10, try 3: 9+4=3, no.\nq*7+2=0, try 5: 2+2=4, no.\n",
        "p*3+4=10, try 1: 3+4=7, no.\np*3+4=10, try 3: 9+4=2, no.\np*3+4=10, try 1: 3+4=7, no.\n",
        "p*3+4=10, try 2: 6+4=10, yes.\nq*7+2=0, try 6: 9+2=0, yes.\nq*7+2=0, try 5: 2+2=4, no.\nAnswer: 6.\n"};
    struct lace_outcome o = judge(&problem, texts, 3, 1);
    assert_true(o.trials == 8 && o.wrong == 1 && o.repaired == 1 && o.duplicates == 2 && o.error_types == 1);
    assert_true(o.tokens == 60 && o.steps == 21 && fabs(o.thread_right - 1 / 3.0) < 1e-12);
    /* In the same round nobody can have read it: no repair, nothing made before. */
    static const char *const together[] = {"p*3+4=10, try 3: 9+4=3, no.\n", "p*3+4=10, try 3: 9+4=2, no.\n"};
    o = judge(&problem, together, 2, 1);
    assert_true(o.trials == 2 && o.wrong == 1 && o.repaired == 0 && o.duplicates == 0);
    /* A thread mends its own; a second right line then is idle; two kinds of errors are two. */
    static const char *const own[] = {"p*3+4=10, try 3: 9+4=3, no.\np*3+4=10, try 3: 8+4=1, no.\n"
                                      "p*3+4=10, try 3: 9+4=2, no.\np*3+4=10, try 3: 9+4=2, no.\n"};
    o = judge(&problem, own, 1, 1);
    assert_true(o.trials == 4 && o.wrong == 2 && o.repaired == 2 && o.error_types == 2);
    assert_true(o.duplicates == 2); /* the second false one tries the same; so does the last */
}

/* An answer that there is no memory for is not a thread without an answer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* these have their own */
static void memory_that_is_short_is_said(void **state) { skip(); }
#else
void *__libc_realloc(void *old, size_t size);
static bool none;
void *realloc(void *old, size_t size) { return none ? NULL : __libc_realloc(old, size); }

static void memory_that_is_short_is_said(void **state)
{
    static const char text[] = "Answer: 6.\n";
    struct lace_outcome o;
    struct lace_error err = {""};
    struct lace_said said[1] = {{.text = text, .len = sizeof text - 1, .ids = (int[]){1}, .count = 1}};
    none = true;
    int code = lace_judge(&problem, said, 1, 1, &o, &err);
    none = false;
    assert_int_equal(code, LACE_MEMORY);
    assert_non_null(strstr(err.text, "Out of memory"));
    assert_int_equal(lace_judge(&problem, said, 1, 1, &o, &err), 0);
    assert_true(o.any == 1);
}
#endif

static void what_cannot_be_judged_is_refused(void **state)
{
    struct lace_outcome o;
    struct lace_error err;
    struct lace_said said[1] = {{.text = "", .ids = (int[]){0}}};
    assert_int_equal(lace_judge(&problem, said, 0, 1, &o, &err), LACE_BAD);
    assert_int_equal(lace_judge(&problem, said, 100000, 1, &o, &err), LACE_BAD);
    assert_int_equal(lace_judge(&problem, said, 1, 1, &o, &err), 0);
    assert_true(o.right[0] == 0 && o.diversity == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_answers_have_no_vote),     cmocka_unit_test(imported_answers_are_compared_by_kind),
        cmocka_unit_test(ties_are_thrown_by_the_seed),      cmocka_unit_test(steps_are_counted_round_by_round),
        cmocka_unit_test(what_cannot_be_judged_is_refused), cmocka_unit_test(memory_that_is_short_is_said),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
