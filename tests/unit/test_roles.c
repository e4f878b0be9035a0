/* Bits that a thread's index tells, on made tables whose values are known. */
#include "eval/roles.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 400 };
static const char *labels[MOST];
static int tables[MOST];

static struct lace_eval_role roles(int count, int table_count, uint64_t seed)
{
    struct lace_eval_role r;
    struct lace_error err;
    if (lace_roles(labels, tables, count, table_count, seed, &r, &err)) fail_msg("%s", err.text);
    return r;
}

static void near(double got, double want)
{
    if (!(fabs(got - want) < 1e-9)) fail_msg("%.12f, not %.12f", got, want);
}

static void known_values(void **state)
{
    memset(tables, 0, sizeof tables);
    for (int i = 0; i < 100; i++) labels[i] = "0123"; /* the index tells everything: log2 4 */
    struct lace_eval_role r = roles(100, 1, 1);
    near(r.bits, 2);
    /* By chance: 9 degrees of freedom / (2 * 400 * ln 2) = 0.016 on average, and seldom more than twice that. */
    assert_true(r.chance > 0.016 && r.chance < 0.05);
    for (int i = 0; i < 100; i++) labels[i] = "ssss"; /* it tells nothing, nor does chance */
    r = roles(100, 1, 1);
    assert_true(r.bits == 0 && r.chance == 0);
    for (int i = 0; i < 100; i++) labels[i] = i % 4 ? "bs" : "sb"; /* 1 - H(1/4) */
    r = roles(100, 1, 1);
    near(r.bits, 1 + 0.25 * log2(0.25) + 0.75 * log2(0.75));
    assert_true(r.bits > r.chance);
    for (int i = 0; i < 100; i++) labels[i] = i % 2 ? "bs" : "sb"; /* every pair equally often */
    r = roles(100, 1, 1);
    near(r.bits, 0);
    assert_true(r.chance > 0);
}

/* One is best in every problem, at random: the group's own rule is no role. */
static void a_rule_of_the_group_is_no_role(void **state)
{
    static const char *const one[] = {"bsss", "sbss", "ssbs", "sssb"};
    struct lace_rng rng;
    int above = 0;
    lace_rng_init(&rng, 4, 4);
    memset(tables, 0, sizeof tables);
    for (uint64_t run = 0; run < 200; run++) {
        for (int i = 0; i < 60; i++) labels[i] = one[lace_rng_below(&rng, 4)];
        struct lace_eval_role r = roles(60, 1, run);
        above += r.bits > r.chance;
    }
    /* Chance exceeds its 95 % point in 10 of 200 runs; four standard deviations are 4 sqrt(200 * 0.05 * 0.95) = 12. */
    if (above > 22) fail_msg("%d of 200 runs without roles seem to have some", above);
    for (int i = 0; i < 60; i++) labels[i] = one[i % 5 ? 2 : 0]; /* nearly always the third */
    struct lace_eval_role r = roles(60, 1, 1);
    assert_true(r.bits > 2 * r.chance);
}

static void tables_are_counted_apart(void **state)
{
    for (int i = 0; i < 80; i++) labels[i] = i < 40 ? "bs" : "sb", tables[i] = i >= 40;
    near(roles(80, 2, 1).bits, 1); /* two models, the roles exchanged */
    memset(tables, 0, sizeof tables);
    near(roles(80, 1, 1).bits, 0);
    for (int i = 0; i < 80; i++) labels[i] = i < 40 ? "bs" : "ss", tables[i] = i >= 40;
    near(roles(80, 2, 1).bits, 0.5);
}

static void what_says_nothing_is_nothing(void **state)
{
    memset(tables, 0, sizeof tables);
    for (int i = 0; i < 20; i++) labels[i] = i % 2 ? "b" : "s"; /* a thread alone */
    assert_true(roles(20, 1, 1).bits == 0 && roles(20, 1, 1).chance == 0);
    for (int i = 0; i < 20; i++) labels[i] = "";
    assert_true(roles(20, 1, 1).bits == 0);
    assert_true(roles(0, 1, 1).bits == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(a_rule_of_the_group_is_no_role),
        cmocka_unit_test(tables_are_counted_apart),
        cmocka_unit_test(what_says_nothing_is_nothing),
    };
    return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
