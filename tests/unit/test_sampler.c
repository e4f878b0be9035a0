/* The sampler: which tokens each setting leaves, with what probabilities, and what it reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "decode/sampler.h"

enum { V = 8, DRAWS = 20000 };
static const struct lace_sampling plain = {1, 0, 1, 0, 1};
/* probabilities 0.32, 0.02, 0.16, 0.04, 0.24, 0.02, 0.08, 0.12 */
static const double share[V] = {0.32, 0.02, 0.16, 0.04, 0.24, 0.02, 0.08, 0.12};
static float logits[V];

static int prepare(void **state)
{
    for (int i = 0; i < V; i++) logits[i] = (float)(log(share[i]) + 3); /* no normalised logits come out of a model */
    return 0;
}

static int draw(const struct lace_sampling *s, const int *history, int count, struct lace_rng *rng, float *logprob)
{
    struct lace_candidate work[V];
    int id = lace_sample(logits, V, s, history, count, rng, work);
    assert_in_range(id, 0, V - 1);
    if (logprob) *logprob = (float)(logits[id] - lace_log_sum_exp(logits, V));
    return id;
}

/* Draws follow the expected shares: chi-square at the 0.1 % point of its degrees of freedom; a token of share 0 never
 * comes. The seed is fixed, so this fails always or never. */
static void follows(const struct lace_sampling *s, const double *expected)
{
    static const double limit[] = {0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32};
    int seen[V] = {0}, freedom = -1;
    double sum = 0, square = 0;
    struct lace_rng rng;
    lace_rng_init(&rng, 11, 3);
    for (int i = 0; i < DRAWS; i++) {
        float logprob;
        int id = draw(s, NULL, 0, &rng, &logprob);
        seen[id]++;
        assert_true(fabs(logprob - log(share[id])) < 1e-5); /* of the model itself, whatever was cut */
    }
    for (int i = 0; i < V; i++) sum += expected[i];
    for (int i = 0; i < V; i++) {
        double want = expected[i] / sum * DRAWS;
        if (want == 0) {
            if (seen[i]) fail_msg("token %d was cut and came %d times", i, seen[i]);
            continue;
        }
        freedom++;
        square += (seen[i] - want) * (seen[i] - want) / want;
    }
    if (!(freedom ? square < limit[freedom] : seen[0] == DRAWS))
        fail_msg("chi-square %g with %d degrees of freedom", square, freedom);
}

static void all_tokens_come_as_the_model_says(void **state) { follows(&plain, share); }

static void temperature_sharpens_and_flattens(void **state)
{
    for (double t = 0.5; t <= 2; t *= 2) {
        struct lace_sampling s = plain;
        double expected[V];
        s.temperature = t;
        for (int i = 0; i < V; i++) expected[i] = pow(share[i], 1 / t);
        follows(&s, expected);
    }
}

static void top_k_keeps_the_k_most_probable(void **state)
{
    struct lace_sampling s = plain;
    s.top_k = 3;
    follows(&s, (double[V]){0.32, 0, 0.16, 0, 0.24});
    s.top_k = 1;
    follows(&s, (double[V]){1});
    s.top_k = 100;
    follows(&s, share);
}

static void top_p_keeps_the_smallest_set_that_holds_p(void **state)
{
    struct lace_sampling s = plain;
    s.top_p = 0.5; /* 0.32 + 0.24 */
    follows(&s, (double[V]){[0] = 0.32, [4] = 0.24});
    s.top_p = 0.6; /* needs the 0.16 as well */
    follows(&s, (double[V]){[0] = 0.32, [2] = 0.16, [4] = 0.24});
    s.top_p = 1e-9;
    follows(&s, (double[V]){1});
    s.top_k = 3; /* of what top-k leaves: 0.32 of 0.72 is less than half */
    s.top_p = 0.5;
    follows(&s, (double[V]){[0] = 0.32, [4] = 0.24});
    s.top_p = 0.4;
    follows(&s, (double[V]){1});
}

static void min_p_keeps_what_is_probable_enough(void **state)
{
    struct lace_sampling s = plain;
    s.min_p = 0.3; /* of 0.32: 0.096 */
    follows(&s, (double[V]){[0] = 0.32, [2] = 0.16, [4] = 0.24, [7] = 0.12});
    s.temperature = 0.5; /* shares are squared first */
    follows(&s, (double[V]){[0] = 0.1024, [4] = 0.0576});
}

static void temperature_zero_takes_the_most_probable(void **state)
{
    struct lace_sampling s = plain;
    struct lace_rng rng, untouched;
    float logprob, keep = logits[6];
    s.temperature = 0;
    s.top_k = 5;
    lace_rng_init(&rng, 1, 1);
    untouched = rng;
    assert_int_equal(draw(&s, NULL, 0, &rng, &logprob), 0);
    assert_true(fabs(logprob - log(0.32)) < 1e-5);
    logits[6] = logits[0]; /* equal logits: the lowest id */
    assert_int_equal(draw(&s, NULL, 0, &rng, &logprob), 0);
    s.repetition_penalty = 1.0001;
    assert_int_equal(draw(&s, (int[]){1}, 1, &rng, &logprob), 0);
    logits[6] = keep;
    assert_memory_equal(&rng, &untouched, sizeof rng);
}

static void a_penalty_weighs_on_what_was_written_once(void **state)
{
    struct lace_sampling s = plain;
    struct lace_rng rng;
    float logprob, keep[V];
    lace_rng_init(&rng, 1, 1);
    memcpy(keep, logits, sizeof keep);
    s.temperature = 0;
    s.repetition_penalty = 1.3; /* 1.86 / 1.3 = 1.43; the next is 1.57 */
    assert_int_equal(draw(&s, (int[]){5, 5}, 2, &rng, &logprob), 0);
    assert_int_equal(draw(&s, (int[]){0}, 1, &rng, &logprob), 4);
    assert_int_equal(draw(&s, (int[]){0, 4}, 2, &rng, &logprob), 0);          /* both weighed: 1.43 against 1.21 */
    assert_int_equal(draw(&s, (int[]){0, 0, 0, 0, 4}, 5, &rng, &logprob), 0); /* once, however often it was written */
    assert_int_equal(draw(&s, (int[]){0, -1, V}, 3, &rng, &logprob), 4);      /* ids that are none are passed over */
    assert_true(fabs(logprob - log(0.24)) < 1e-5);
    for (int i = 0; i < V; i++) logits[i] -= 4; /* negative logits grow */
    assert_int_equal(draw(&s, (int[]){0}, 1, &rng, &logprob), 4);
    memcpy(logits, keep, sizeof keep);
}

static void logits_of_any_size_are_summed(void **state)
{
    float big[3] = {1e30f, 1e30f, -1e30f}, one = -3;
    assert_true(fabs(lace_log_sum_exp(logits, V) - 3) < 1e-6);
    assert_true(lace_log_sum_exp(big, 3) == (double)1e30f + log(2));
    assert_true(lace_log_sum_exp(&one, 1) == -3);
}

static void bad_settings_are_named(void **state)
{
    static const struct {
        struct lace_sampling s;
        const char *word;
    } bad[] = {{{-1, 0, 1, 0, 1}, "temperature"},
               {{NAN, 0, 1, 0, 1}, "temperature"},
               {{INFINITY, 0, 1, 0, 1}, "temperature"},
               {{1, -1, 1, 0, 1}, "top_k"},
               {{1, 0, 0, 0, 1}, "top_p"},
               {{1, 0, 1.1, 0, 1}, "top_p"},
               {{1, 0, NAN, 0, 1}, "top_p"},
               {{1, 0, 1, -0.1, 1}, "min_p"},
               {{1, 0, 1, 1, 1}, "min_p"},
               {{1, 0, 1, 0, 0}, "repetition_penalty"},
               {{1, 0, 1, 0, NAN}, "repetition_penalty"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lace_error err = {""};
        assert_int_equal(lace_sampling_check(&bad[i].s, &err), LACE_BAD);
        if (!strstr(err.text, bad[i].word)) fail_msg("\"%s\" does not name %s", err.text, bad[i].word);
    }
    assert_int_equal(lace_sampling_check(&plain, NULL), 0);
    assert_int_equal(lace_sampling_check(&(struct lace_sampling){0, 50, 0.9, 0.05, 1.1}, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tokens_come_as_the_model_says),
        cmocka_unit_test(temperature_sharpens_and_flattens),
        cmocka_unit_test(top_k_keeps_the_k_most_probable),
        cmocka_unit_test(top_p_keeps_the_smallest_set_that_holds_p),
        cmocka_unit_test(min_p_keeps_what_is_probable_enough),
        cmocka_unit_test(temperature_zero_takes_the_most_probable),
        cmocka_unit_test(a_penalty_weighs_on_what_was_written_once),
        cmocka_unit_test(logits_of_any_size_are_summed),
        cmocka_unit_test(bad_settings_are_named),
    };
    return cmocka_run_group_tests_name("sampler", tests, prepare, NULL);
}
