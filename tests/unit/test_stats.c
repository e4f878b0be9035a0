/* Intervals: known values, and that they cover the truth as often as they promise. */
#include "eval/stats.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void wilson_has_the_published_values(void **state)
{
    /* Newcombe 1998, Statistics in Medicine 17: 857, table I, method 3; the last by the formula. */
    static const struct {
        int hits, count;
        double low, high;
    } cases[] = {{81, 263, 0.2553, 0.3662},
                 {15, 148, 0.0624, 0.1605},
                 {0, 20, 0, 0.1611},
                 {1, 29, 0.0061, 0.1718},
                 {29, 29, 0.8830, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_estimate e = lace_wilson((uint64_t)cases[i].hits, (uint64_t)cases[i].count);
        assert_true(fabs(e.low - cases[i].low) < 6e-5 && fabs(e.high - cases[i].high) < 6e-5);
        assert_true(e.low <= e.value && e.value <= e.high);
    }
    struct lace_estimate nothing = lace_wilson(0, 0);
    assert_true(nothing.low == 0 && nothing.high == 1);
}

static void wilson_covers(void **state)
{
    static const double shares[] = {0.03, 0.2, 0.5, 0.97};
    struct lace_rng rng;
    lace_rng_init(&rng, 1, 1);
    for (int s = 0; s < 4; s++) {
        int covered = 0;
        for (int trial = 0; trial < 4000; trial++) {
            int hits = 0;
            for (int i = 0; i < 200; i++) hits += lace_rng_uniform(&rng) < shares[s];
            struct lace_estimate e = lace_wilson((uint64_t)hits, 200);
            covered += e.low <= shares[s] && shares[s] <= e.high;
        }
        /* Nominal 95 %; the lattice of counts moves it by a point or two. */
        assert_in_range(covered, 4000 * 0.925, 4000 * 0.98);
    }
}

static void the_bootstrap_covers(void **state)
{
    struct lace_rng rng;
    lace_rng_init(&rng, 2, 1);
    enum { GROUPS = 80, TRIALS = 200 };
    int single = 0, paired = 0;
    double wide = 0, narrow = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double a[GROUPS], b[GROUPS];
        struct lace_estimate e;
        for (int i = 0; i < GROUPS; i++) {
            double hardness = lace_rng_normal(&rng); /* shared by both: pairing takes it out */
            a[i] = 0.5 + hardness + 0.3 * lace_rng_normal(&rng);
            b[i] = 0.2 + hardness + 0.3 * lace_rng_normal(&rng);
        }
        assert_int_equal(lace_bootstrap_mean(a, GROUPS, (uint64_t)trial, &e, NULL), 0);
        single += e.low <= 0.5 && 0.5 <= e.high;
        wide += e.high - e.low;
        assert_int_equal(lace_bootstrap_difference(a, b, GROUPS, (uint64_t)trial, &e, NULL), 0);
        paired += e.low <= 0.3 && 0.3 <= e.high;
        narrow += e.high - e.low;
    }
    assert_in_range(single, TRIALS * 0.88, TRIALS * 0.99); /* three standard deviations around 94 % */
    assert_in_range(paired, TRIALS * 0.88, TRIALS * 0.99);
    assert_true(narrow < 0.5 * wide);
}

static void the_bootstrap_is_deterministic_and_refuses_nothing(void **state)
{
    double x[] = {1, 2, 3, 4, 5, 6};
    struct lace_estimate a, b, c;
    struct lace_error err;
    lace_bootstrap_mean(x, 6, 7, &a, NULL);
    lace_bootstrap_mean(x, 6, 7, &b, NULL);
    lace_bootstrap_mean(x, 6, 8, &c, NULL);
    assert_true(a.value == b.value && a.low == b.low && a.high == b.high);
    assert_true(fabs(a.value - 3.5) < 1e-12 && a.low < 3.5 && a.high > 3.5);
    assert_true(fabs(a.low - c.low) < 0.2);
    lace_bootstrap_mean(x, 1, 7, &a, NULL);
    assert_true(a.low == 1 && a.high == 1);
    assert_int_equal(lace_bootstrap_mean(x, 0, 7, &a, &err), LACE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_has_the_published_values),
        cmocka_unit_test(wilson_covers),
        cmocka_unit_test(the_bootstrap_covers),
        cmocka_unit_test(the_bootstrap_is_deterministic_and_refuses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
