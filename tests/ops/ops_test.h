/* What the op tests share: random data, comparisons, derivatives by central differences in double, and one
 * cmocka test per (check, level), so that a level missing on this CPU shows as skipped. */
#ifndef OPS_TEST_H
#define OPS_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ops/ops.h"

static struct lace_rng rng;

static inline float *random_floats(size_t n)
{
    float *x = lace_alloc_array(n ? n : 1, sizeof(float));
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(2 * lace_rng_uniform(&rng) - 1);
    return x;
}
static inline float *zeros(size_t n) { return lace_alloc_array(n ? n : 1, sizeof(float)); }
static inline double *widen(const float *x, size_t n)
{
    double *y = lace_alloc_array(n, sizeof(double));
    for (size_t i = 0; i < n; i++) y[i] = x[i];
    return y;
}

/* |got - want| <= tolerance * (1 + largest |want|): f32 sums err in proportion to what is summed. */
static inline void assert_close(const char *what, const float *got, const float *want, size_t n, double tolerance)
{
    double most = 1;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance * most) && !(got[i] == want[i]))
            fail_msg("%s[%zu] is %.9g, expected %.9g (tolerance %.2g)", what, i, got[i], want[i], tolerance * most);
}
static inline void assert_same_bits(const char *what, const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(float)))
            fail_msg("%s[%zu] is %.9g, expected exactly %.9g", what, i, got[i], want[i]);
}

/* grad must be what central differences of loss say, at every parameter. h = 1e-4 in double leaves an error of
 * about 1e-8; the f32 backward itself errs by some 1e-6. */
static inline void assert_gradient(const char *what, const float *grad, double *param, size_t n, double (*loss)(void *),
                                   void *context)
{
    for (size_t i = 0; i < n; i++) {
        double keep = param[i], h = 1e-4;
        param[i] = keep + h;
        double up = loss(context);
        param[i] = keep - h;
        double down = loss(context);
        param[i] = keep;
        double want = (up - down) / (2 * h);
        if (!(fabs(grad[i] - want) <= 2e-5 * (1 + fabs(want))))
            fail_msg("d%s[%zu] is %.9g, differences give %.9g", what, i, grad[i], want);
    }
}

static inline const struct lace_ops *level_of(void **state)
{
    const struct lace_ops *ops = lace_ops_level(*state);
    if (!ops) {
        print_message("skipped: this CPU has no %s\n", (const char *)*state);
        skip();
    }
    lace_rng_init(&rng, 7, 1);
    return ops;
}
static inline const struct lace_ops *reference(void) { return lace_ops_level("generic"); }

struct check {
    const char *name;
    CMUnitTestFunction run;
};
static inline int run_checks(const char *group, const struct check *checks, int count)
{
    static struct CMUnitTest tests[256];
    static char names[256][96];
    int n = 0;
    for (int c = 0; c < count; c++)
        for (int l = 0; lace_ops_levels[l]; l++, n++) {
            snprintf(names[n], sizeof names[n], "%s: %s", checks[c].name, lace_ops_levels[l]);
            tests[n] = (struct CMUnitTest){names[n], checks[c].run, NULL, NULL, (void *)lace_ops_levels[l]};
        }
    return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}
#endif
