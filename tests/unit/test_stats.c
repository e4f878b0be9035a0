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

/* ---- the bootstrap: how often its interval holds the truth ---- */

static bool holds(struct lace_estimate e, double truth) { return e.low <= truth + 1e-12 && truth <= e.high + 1e-12; }

/* Differences of two arms on the same problems: +1 where the first alone solves one, -1 where the second does. The
 * number of covered truths is binomial; at 95 % and 2,000 experiments its standard deviation is
 * sqrt(2000 * 0.95 * 0.05) = 9.7, so an honest interval covers at least 1900 - 4 * 9.7 = 1861 (93 %). It may
 * cover more: the two made-up problems and the grid of counts widen it where nearly all differences are alike. */
enum { EXPERIMENTS = 2000, LEAST = 1861, DRAWS = 300 };

static void the_paired_bootstrap_covers(void **state)
{
    static const struct {
        int problems;
        double better, worse; /* probabilities of +1 and -1 */
    } cases[] = {{150, 0.5, 0.1}, {100, 0.05, 0.05}, {80, 0.98, 0}, {60, 0.02, 0.005}, {20, 0.8, 0}};
    struct lace_rng rng;
    lace_rng_init(&rng, 2, 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int covered = 0, n = cases[k].problems;
        double x[200], truth = 100 * (cases[k].better - cases[k].worse), width = 0;
        for (int trial = 0; trial < EXPERIMENTS; trial++) {
            struct lace_estimate e;
            for (int i = 0; i < n; i++) {
                double u = lace_rng_uniform(&rng);
                x[i] = u < cases[k].better ? 100 : u < cases[k].better + cases[k].worse ? -100 : 0;
            }
            struct lace_sample s = {x, 1, n, 1, NULL, 1, NULL, -100, 100, DRAWS};
            assert_int_equal(lace_sample_estimate(&s, (uint64_t)trial, &e, NULL), 0);
            assert_true(e.low <= e.value && e.value <= e.high && e.low < e.high);
            covered += holds(e, truth);
            width += (e.high - e.low) / EXPERIMENTS;
        }
        if (covered < LEAST) fail_msg("case %zu: %d of %d", k, covered, EXPERIMENTS);
        double p = cases[k].better + cases[k].worse, d = truth / 100,
               normal = 2 * 1.96 * 100 * sqrt((p - d * d) / n); /* and it is not wide for nothing */
        if (n > 100) assert_true(width < 1.05 * normal);
    }
}

/* Hard problems are hard for both arms: pairing takes that out, and it must not take more. */
static void pairing_narrows(void **state)
{
    enum { PROBLEMS = 100 };
    struct lace_rng rng;
    lace_rng_init(&rng, 3, 1);
    int covered = 0;
    double paired = 0, single = 0;
    for (int trial = 0; trial < EXPERIMENTS; trial++) {
        double x[PROBLEMS], both[PROBLEMS][2];
        struct lace_estimate e, apart[2];
        for (int i = 0; i < PROBLEMS; i++) {
            double easy = lace_rng_uniform(&rng);
            both[i][0] = lace_rng_uniform(&rng) < fmin(1, easy + 0.1);
            both[i][1] = both[i][0] && lace_rng_uniform(&rng) < 0.9;
            x[i] = both[i][0] - both[i][1];
        }
        struct lace_sample s = {x, 1, PROBLEMS, 1, NULL, 1, NULL, -1, 1, DRAWS},
                           t = {&both[0][0], 1, PROBLEMS, 2, NULL, 1, NULL, 0, 1, DRAWS};
        assert_int_equal(lace_sample_estimate(&s, (uint64_t)trial, &e, NULL), 0);
        assert_int_equal(lace_sample_estimate(&t, (uint64_t)trial, apart, NULL), 0);
        assert_true(fabs(apart[0].value - apart[1].value - e.value) < 1e-12);
        covered += holds(e, 0.1 * (0.5 * 0.9 * 0.9 + 0.9 * 0.1 + 0.1)); /* a tenth of E min(1, easy + 0.1) */
        paired += e.high - e.low;
        single += hypot(apart[0].high - apart[0].low, apart[1].high - apart[1].low);
    }
    assert_true(covered >= LEAST);
    assert_true(paired < 0.6 * single);
}

/* Threads of one problem succeed and fail together. Counted one by one they look like four times the evidence. */
static void groups_are_the_unit(void **state)
{
    enum { PROBLEMS = 60, THREADS = 4 };
    struct lace_rng rng;
    lace_rng_init(&rng, 4, 1);
    int by_group = 0, by_thread = 0;
    for (int trial = 0; trial < EXPERIMENTS; trial++) {
        double group[PROBLEMS] = {0}, thread[PROBLEMS * THREADS];
        struct lace_estimate e, f;
        for (int i = 0; i < PROBLEMS; i++) {
            double p = lace_rng_uniform(&rng) < 0.5 ? 0.9 : 0.1;
            for (int n = 0; n < THREADS; n++) {
                thread[i * THREADS + n] = lace_rng_uniform(&rng) < p;
                group[i] += thread[i * THREADS + n] / THREADS;
            }
        }
        struct lace_sample s = {group, 1, PROBLEMS, 1, NULL, 1, NULL, 0, 1, DRAWS},
                           t = {thread, 1, PROBLEMS * THREADS, 1, NULL, 1, NULL, 0, 1, DRAWS};
        assert_int_equal(lace_sample_estimate(&s, (uint64_t)trial, &e, NULL), 0);
        assert_int_equal(lace_sample_estimate(&t, (uint64_t)trial, &f, NULL), 0);
        by_group += holds(e, 0.5);
        by_thread += holds(f, 0.5);
    }
    assert_true(by_group >= LEAST);
    assert_true(by_thread < 0.85 * EXPERIMENTS);
}

/* Families count alike, however many problems each has; and an interval over strata covers too. */
static void strata_are_averaged(void **state)
{
    enum { MANY = 90, FEW = 30 };
    struct lace_rng rng;
    int stratum[MANY + FEW] = {0}, covered = 0;
    double x[MANY + FEW];
    struct lace_estimate e;
    lace_rng_init(&rng, 5, 1);
    for (int i = 0; i < FEW; i++) stratum[3 * i + 1] = 1;
    for (int trial = 0; trial < EXPERIMENTS; trial++) {
        double sum[2] = {0};
        for (int i = 0; i < MANY + FEW; i++) {
            x[i] = lace_rng_uniform(&rng) < (stratum[i] ? 0.9 : 0.3);
            sum[stratum[i]] += x[i];
        }
        struct lace_sample s = {x, 1, MANY + FEW, 1, stratum, 2, NULL, 0, 1, DRAWS};
        assert_int_equal(lace_sample_estimate(&s, (uint64_t)trial, &e, NULL), 0);
        assert_true(fabs(e.value - (sum[0] / MANY + sum[1] / FEW) / 2) < 1e-12);
        covered += holds(e, 0.6);
    }
    assert_true(covered >= LEAST);
    const double weight[] = {0.25, 0.75};
    struct lace_sample s = {(double[]){0, 1, 1, 0, 0, 1}, 1, 6, 1, (int[]){0, 0, 1, 1, 1, 1}, 2, weight, 0, 1, DRAWS};
    assert_int_equal(lace_sample_estimate(&s, 1, &e, NULL), 0);
    assert_true(fabs(e.value - (0.25 * 0.5 + 0.75 * 0.5)) < 1e-12);
    s.strata = 3;
    assert_int_equal(lace_sample_estimate(&s, 1, &e, NULL), LACE_BAD); /* a stratum without problems */
}

/* Many families, and the many cells of a robustness score: what widens each must not move their mean. */
static void many_strata_cover(void **state)
{
    static const struct {
        int strata, each;
        double share; /* of solved problems; in every second stratum half of it */
    } cases[] = {{12, 84, 0.1}, {12, 84, 0.9}, {7, 143, 0.1}, {200, 5, 0.8}};
    enum { MOST = 1100, TRIALS = 1000 }; /* 950 - 4 sqrt(1000 * 0.95 * 0.05) = 922 */
    static double x[MOST];
    static int stratum[MOST];
    struct lace_rng rng;
    lace_rng_init(&rng, 7, 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int covered = 0, n = cases[k].strata * cases[k].each;
        double truth = cases[k].share * (cases[k].strata / 2 * 0.5 + (cases[k].strata + 1) / 2) / cases[k].strata;
        for (int i = 0; i < n; i++) stratum[i] = i % cases[k].strata;
        for (int trial = 0; trial < TRIALS; trial++) {
            struct lace_estimate e;
            for (int i = 0; i < n; i++) x[i] = lace_rng_uniform(&rng) < cases[k].share / (1 + stratum[i] % 2);
            struct lace_sample s = {x, 1, n, 1, stratum, cases[k].strata, NULL, 0, 1, DRAWS};
            assert_int_equal(lace_sample_estimate(&s, (uint64_t)trial, &e, NULL), 0);
            covered += holds(e, truth);
        }
        if (covered < 922) fail_msg("case %zu: %d of %d", k, covered, TRIALS);
    }
}

/* ---- training seeds ---- */

static void student_has_the_published_values(void **state)
{
    static const double table[][2] = {{1, 12.7062}, {2, 4.3027},  {3, 3.1824},
                                      {10, 2.2281}, {30, 2.0423}, {1000, 1.9623}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_true(fabs(lace_student(table[i][0]) - table[i][1]) < 1e-4);
}

/* Three seeds that differ by nothing, a little, or more than the problems do. Drawing seeds with replacement, as a
 * bootstrap would, covers 77 % in the last setting; the t interval covers what it says. */
static void intervals_over_seeds_cover(void **state)
{
    enum { SEEDS = 3, PROBLEMS = 200 };
    static const double spread[] = {0, 0.02, 0.08};
    struct lace_rng rng;
    lace_rng_init(&rng, 6, 1);
    for (int k = 0; k < 3; k++) {
        int covered = 0;
        for (int trial = 0; trial < EXPERIMENTS; trial++) {
            static double x[SEEDS * PROBLEMS];
            double hard[PROBLEMS];
            struct lace_estimate e;
            for (int i = 0; i < PROBLEMS; i++) hard[i] = 0.3 * lace_rng_uniform(&rng);
            for (int m = 0; m < SEEDS; m++) {
                double own = spread[k] * lace_rng_normal(&rng);
                for (int i = 0; i < PROBLEMS; i++) {
                    bool lace = lace_rng_uniform(&rng) < 0.75 - hard[i] + own,
                         base = lace_rng_uniform(&rng) < 0.4 - hard[i];
                    x[m * PROBLEMS + i] = lace - base;
                }
            }
            struct lace_sample s = {x, SEEDS, PROBLEMS, 1, NULL, 1, NULL, -1, 1, DRAWS};
            assert_int_equal(lace_sample_estimate(&s, (uint64_t)trial, &e, NULL), 0);
            covered += holds(e, 0.35);
        }
        if (covered < LEAST) fail_msg("seeds that differ by %g: %d of %d", spread[k], covered, EXPERIMENTS);
    }
}

static void figures_are_deterministic_and_none_is_certain(void **state)
{
    double x[] = {1, 2, 3, 4, 5, 6}, y[] = {1, 1, 1, 1};
    struct lace_estimate a, b, c;
    struct lace_error err;
    struct lace_sample s = {x, 1, 6, 1, NULL, 1, NULL, 0, 7, 0}, t = {y, 1, 4, 1, NULL, 1, NULL, 0, 1, 0};
    lace_sample_estimate(&s, 7, &a, NULL);
    lace_sample_estimate(&s, 7, &b, NULL);
    lace_sample_estimate(&s, 8, &c, NULL);
    assert_true(a.value == b.value && a.low == b.low && a.high == b.high);
    assert_true(fabs(a.value - 3.5) < 1e-12 && a.low < 3.5 && a.high > 3.5);
    assert_true(fabs(a.low - c.low) < 0.2);
    lace_sample_estimate(&t, 7, &a, NULL);
    assert_true(a.value == 1 && a.high == 1 && a.low < 0.8); /* four of four say little */
    s.count = 0;
    assert_int_equal(lace_sample_estimate(&s, 7, &a, &err), LACE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_has_the_published_values),
        cmocka_unit_test(wilson_covers),
        cmocka_unit_test(the_paired_bootstrap_covers),
        cmocka_unit_test(pairing_narrows),
        cmocka_unit_test(groups_are_the_unit),
        cmocka_unit_test(strata_are_averaged),
        cmocka_unit_test(many_strata_cover),
        cmocka_unit_test(student_has_the_published_values),
        cmocka_unit_test(intervals_over_seeds_cover),
        cmocka_unit_test(figures_are_deterministic_and_none_is_certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
