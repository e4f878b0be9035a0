/* Near duplicates: what counts as one, exactly at the threshold, and that no pair is missed. */
#include "data/near.h"
#include "data/set.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static double alike(const char *a, const char *b)
{
    size_t na, nb;
    uint32_t *x = lace_shingles(a, &na), *y = lace_shingles(b, &nb);
    double j = lace_jaccard(x, na, y, nb);
    free(x);
    free(y);
    return j;
}

static void what_counts_as_the_same(void **state)
{
    static const struct {
        const char *a, *b;
        double alike;
    } cases[] = {
        {"one two three four", "one two three four", 1},
        {"One  two,\nthree", "one TWO , three", 1},
        {"\xef\xbc\x91\xef\xbc\x92 apples left", "12 apples left", 1}, /* full-width digits */
        {"caf\xc3\xa9 au lait", "cafe\xcc\x81 au lait", 1},            /* composed or not */
        {"a b c d", "a b c e", 1.0 / 3},
        {"a b c d", "d c b a", 0},
        {"12 apples", "13 apples", 0},
        {"x+12=3", "x + 12 = 3", 1},
        {"12", "1 2", 0},
        {"a", "a", 1},
        {"a", "b", 0},
        {"", "", 1},
        {" \n", "", 1},
        {"", "a", 0},
        {"a a a a a a", "a a a", 1}, /* sets, not counts */
        {"\xff\xfe bad", "\xff\xfe bad", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fabs(alike(cases[i].a, cases[i].b) - cases[i].alike) > 1e-12)
            fail_msg("%s | %s: %g", cases[i].a, cases[i].b, alike(cases[i].a, cases[i].b));
}

static void the_threshold_is_exact(void **state)
{
    /* Eight shingles, six shared: 6 / 10. */
    static const char a[] = "a b c d e f g h i j", b[] = "a b c d e f g h x y";
    struct lace_near *near;
    struct lace_error err;
    long match;
    double j;
    assert_true(fabs(alike(a, b) - 0.6) < 1e-12);
    for (int above = 0; above < 2; above++) {
        assert_int_equal(lace_near_open(&near, above ? 0.61 : 0.6, &err), 0);
        assert_int_equal(lace_near_add(near, a, &err), 0);
        assert_int_equal(lace_near_find(near, b, &match, &j, &err), 0);
        assert_int_equal(match, above ? -1 : 0);
        assert_int_equal(lace_near_find(near, a, &match, &j, &err), 0);
        assert_true(match == 0 && j == 1);
        lace_near_close(&near);
    }
    assert_int_equal(lace_near_open(&near, 0.3, &err), LACE_BAD);
    assert_int_equal(lace_near_open(&near, NAN, &err), LACE_BAD);
    assert_null(near);
}

/* A text of words drawn from a small vocabulary, then copies with some words changed. */
static void text_of(char *out, struct lace_rng *rng, int words)
{
    for (int i = 0; i < words; i++) out += sprintf(out, "w%u ", lace_rng_below(rng, 5000));
}

static void no_pair_is_missed(void **state)
{
    enum { TEXTS = 400, WORDS = 40 };
    static char texts[2 * TEXTS][WORDS * 8];
    static const double thresholds[] = {0.4, 0.6, 0.8, 0.95, 1};
    struct lace_rng rng;
    for (size_t k = 0; k < sizeof thresholds / sizeof *thresholds; k++) {
        lace_rng_init(&rng, 7, k);
        struct lace_near *near;
        struct lace_error err;
        long match, pairs = 0;
        double j;
        assert_int_equal(lace_near_open(&near, thresholds[k], &err), 0);
        for (int i = 0; i < TEXTS; i++) {
            text_of(texts[2 * i], &rng, WORDS);
            strcpy(texts[2 * i + 1], texts[2 * i]);
            for (uint32_t c = lace_rng_below(&rng, 6); c > 0; c--) {
                char *at = texts[2 * i + 1];
                for (uint32_t w = lace_rng_below(&rng, WORDS); w > 0; w--) at = strchr(at, ' ') + 1;
                *at = 'z';
            }
        }
        for (int i = 0; i < 2 * TEXTS; i++) {
            long expected = -1;
            double best = 0;
            for (int m = 0; m < i; m++) {                                         /* by the definition */
                double now = i % 2 && m == i - 1 ? alike(texts[i], texts[m]) : 0; /* others share nothing to speak of */
                if (now >= thresholds[k] && now > best) best = now, expected = m;
            }
            assert_int_equal(lace_near_find(near, texts[i], &match, &j, &err), 0);
            assert_int_equal(match, expected);
            assert_int_equal(lace_near_add(near, texts[i], &err), 0);
            pairs += match >= 0;
        }
        assert_true(pairs > 20);
        lace_near_close(&near);
    }
}

static void a_set_of_hashes(void **state)
{
    struct lace_set set = {0};
    struct lace_rng rng;
    lace_rng_init(&rng, 1, 1);
    assert_false(lace_set_has(&set, 5));
    for (uint64_t i = 0; i < 5000; i++) assert_int_equal(lace_set_add(&set, i * 0x100000000u), 1); /* low bits equal */
    for (uint64_t i = 0; i < 5000; i++) assert_int_equal(lace_set_add(&set, i * 0x100000000u), 0);
    assert_true(lace_set_has(&set, 0) && !lace_set_has(&set, 77) && set.count == 5000);
    lace_set_release(&set);
    lace_set_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_counts_as_the_same),
        cmocka_unit_test(the_threshold_is_exact),
        cmocka_unit_test(no_pair_is_missed),
        cmocka_unit_test(a_set_of_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
