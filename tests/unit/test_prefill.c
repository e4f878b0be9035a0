/* A prompt longer than one prefill batch: its pieces must give the keys and values that one pass over it gives. */
#include "model_test.h"
#include "decode/decoder.h"

enum { LONG = 1100 }; /* nine pieces of at most 128 rows, the last of them short */

/* The first token's distribution, read from a thread that is made to write "[[" at once: p of the three verdicts. */
static void a_long_prompt_is_read_in_pieces(void **state)
{
    struct lace_tokenizer *tokenizer;
    struct lace_format format;
    struct lace_error err;
    assert_works(lace_tokenizer_open(&tokenizer, "recipes/tokenizer.json", &err), err);
    assert_works(lace_format_open(&format, tokenizer, -1, &err), err);
    struct lace_config c = {.vocab_size = lace_tokenizer_size(tokenizer),
                            .hidden_size = 64,
                            .intermediate_size = 96,
                            .num_hidden_layers = 3,
                            .num_attention_heads = 4,
                            .num_key_value_heads = 2,
                            .head_dim = 16,
                            .max_position_embeddings = 2048,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .tie_word_embeddings = true};
    struct lace_model *m;
    struct lace_decoder *d;
    struct lace_rng rng;
    int prompt[LONG], tag[LACE_TAG_TOKENS], tag_count = lace_format_tag(&format, 0, 1, tag),
                                            rows = LONG + tag_count + 1;
    assert_works(lace_model_create(&m, &c, 5, &(struct lace_model_options){true, LACE_F32, NULL}, &err), err);
    scramble(m, 0, 0);
    lace_rng_init(&rng, 1, 1);
    for (int i = 0; i < LONG; i++) prompt[i] = (int)lace_rng_below(&rng, (uint32_t)c.vocab_size);
    assert_works(lace_decoder_open(&d, m, &format, &(struct lace_decoder_options){1, 1, LONG, 64, 0}, &err), err);
    struct lace_group_options o = {.threads = 1, .sampling = {0, 0, 1, 0, 1}, .budget = 8};
    assert_works(lace_decoder_add(d, prompt, LONG, &o, &err), err);
    lace_decoder_force(d, 0, 0, format.lead, format.lead_count);
    while (!lace_decoder_done(d, 0)) assert_works(lace_decoder_step(d, NULL, &err), err);

    /* the same tokens as one causal sequence */
    struct lace_cache cache;
    struct lace_batch b;
    struct lace_state s;
    struct lace_state_options whole = {rows, 1, rows, rows, omp_get_max_threads(), false};
    assert_works(lace_cache_init(&cache, m, rows, LACE_F32, &err), err);
    assert_works(lace_batch_init(&b, rows, 1, rows, &err), err);
    assert_works(lace_state_init(&s, m, &whole, &err), err);
    for (int i = 0; i < LONG; i++) put_row(&b, prompt[i], i, i, 0, 0);
    for (int i = 0; i < tag_count; i++) put_row(&b, tag[i], LONG + i, 0, 0, 0);
    put_row(&b, format.lead[0], rows - 1, 0, 0, 0);
    struct lace_group g = {.prompt = {0, rows, 0, 0}, .see = -1};
    b.outs = 1;
    b.out_row[0] = rows - 1;
    assert_works(lace_view_build(&b, &g, 1, &cache, m, &err), err);
    lace_forward(m, &s, &cache, &b);
    lace_logits(m, &s, &b, 0, 1);
    double lse = lace_log_sum_exp(s.logits, c.vocab_size);
    for (int v = 1; v < 4; v++) { /* sums over 1100 keys in another order: some 1e-6 of logits of size 5 */
        double got = log(lace_decoder_thread(d, 0, 0)->p[v]), want = s.logits[format.verdict[v]] - lse;
        if (!(fabs(got - want) < 1e-4)) fail_msg("log p[%d] is %.7g, in one pass %.7g", v, got, want);
    }
    lace_state_release(&s);
    lace_batch_release(&b);
    lace_cache_release(&cache);
    lace_decoder_close(&d);
    lace_model_free(&m);
    lace_format_release(&format);
    lace_tokenizer_close(&tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_long_prompt_is_read_in_pieces)};
    return cmocka_run_group_tests_name("prefill", tests, NULL, NULL);
}
