/* A training pass takes the feed-forward block in pieces of rows: the numbers are those of all rows at once. */
#include "model_test.h"

enum { ROWS = 700 }; /* a piece, and a rest that is no multiple of anything */

/* Log-probabilities and gradient of one long text, in pieces or whole. */
static void run(const struct lace_model *m, bool pieces, float *logprob, float *grad)
{
    struct pass p = {.model = m};
    int target[ROWS];
    float weight[ROWS];
    struct lace_state_options o = {ROWS, ROWS, ROWS, ROWS, omp_get_max_threads(), true};
    assert_works(lace_cache_init(&p.cache, m, ROWS, LACE_F32, &p.err), p.err);
    assert_works(lace_batch_init(&p.batch, ROWS, 1, ROWS, &p.err), p.err);
    assert_works(lace_state_init(&p.state, m, &o, &p.err), p.err);
    p.state.training = pieces; /* whole: what a pass that only decodes would do */
    for (int r = 0; r < ROWS; r++) {
        put_row(&p.batch, r * 7 % m->config.vocab_size, r, r, 0, 0);
        p.batch.out_row[p.batch.outs++] = r;
        target[r] = r * 5 % m->config.vocab_size;
        weight[r] = 0.001f * (float)(1 + r % 3);
    }
    p.group[0] = (struct lace_group){.prompt = {0, ROWS, 0, 0}};
    lace_batch_store_times(&p.batch, &p.cache);
    assert_works(lace_view_build(&p.batch, p.group, 1, &p.cache, m, &p.err), p.err);
    lace_forward(m, &p.state, &p.cache, &p.batch);
    memset(grad, 0, sizeof *grad * m->values);
    pass_backward(&p, target, weight, logprob, grad, false);
    pass_close(&p);
}

static void compare(enum lace_dtype dtype, double tolerance)
{
    struct lace_config c = {.vocab_size = 96,
                            .hidden_size = 64,
                            .intermediate_size = 160,
                            .num_hidden_layers = 2,
                            .num_attention_heads = 4,
                            .num_key_value_heads = 2,
                            .head_dim = 16,
                            .max_position_embeddings = 1024,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .tie_word_embeddings = true};
    struct lace_model *m;
    struct lace_error err;
    float logprob[2][ROWS];
    assert_works(lace_model_create(&m, &c, 5, &(struct lace_model_options){true, (int)dtype, NULL}, &err), err);
    scramble(m, 0, 0.8f);
    float *grad[2] = {lace_alloc_array(m->values, sizeof(float)), lace_alloc_array(m->values, sizeof(float))};
    double difference = 0, size = 0;
    for (int k = 0; k < 2; k++) run(m, k, logprob[k], grad[k]);
    for (int r = 0; r < ROWS; r++)
        assert_true(fabs(logprob[0][r] - logprob[1][r]) <= tolerance * (1 + fabs(logprob[0][r])));
    for (size_t i = 0; i < m->values; i++) {
        difference += pow(grad[0][i] - grad[1][i], 2);
        size += pow(grad[0][i], 2);
    }
    assert_true(size > 0);
    assert_true(sqrt(difference / size) <= tolerance);
    for (int k = 0; k < 2; k++) lace_free(grad[k]);
    lace_model_free(&m);
}

/* oneDNN may add in another order for another number of rows: rounding of f32, and, where a sum lies between two bf16
 * values, of one operand. */
static void f32(void **state) { compare(LACE_F32, 1e-5); }
static void bf16(void **state) { compare(LACE_BF16, 4e-3); }

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(f32), cmocka_unit_test(bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
