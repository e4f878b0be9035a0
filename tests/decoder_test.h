/* What the tests of the decoder share: a tokenizer, small random models, prompts as tokens, and what a group wrote. */
#ifndef DECODER_TEST_H
#define DECODER_TEST_H
#include "model_test.h"
#include "decode/decoder.h"

enum { GROUPS = 3, THREADS = 4, PROMPT = 40, TOKENS = 88 };
static struct lace_tokenizer *tokenizer;
static struct lace_format format;

static inline struct lace_model *make_model(enum lace_dtype dtype, const struct lace_lattice_config *lattice)
{
    struct lace_config c = {.vocab_size = lace_tokenizer_size(tokenizer),
                            .hidden_size = 64,
                            .intermediate_size = 96,
                            .num_hidden_layers = 4,
                            .num_attention_heads = 4,
                            .num_key_value_heads = 2,
                            .head_dim = 16,
                            .max_position_embeddings = 128,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .tie_word_embeddings = true};
    struct lace_model *m;
    struct lace_error err;
    assert_works(lace_model_create(&m, &c, 5, &(struct lace_model_options){true, (int)dtype, NULL}, &err), err);
    if (lattice)
        assert_works(lace_model_attach(m, lattice, &(struct lace_lattice_start){0.5f, 0.5f, true, 3}, &err), err);
    scramble(m, 0, 0.8f);
    return m;
}
static const struct lace_lattice_config causal = {.kind = LACE_KIND_LATTICE,
                                                  .layers = {1, 2},
                                                  .layer_count = 2,
                                                  .width = 32,
                                                  .heads = 2,
                                                  .visible = LACE_CAUSAL,
                                                  .window = 3,
                                                  .topology = LACE_ALL,
                                                  .ring = 1,
                                                  .axes = {8, 4, 4},
                                                  .theta = {10000, 100, 100},
                                                  .max_threads = 16};

static inline struct lace_decoder *make_decoder(const struct lace_model *m, int groups)
{
    struct lace_decoder *d;
    struct lace_error err;
    struct lace_decoder_options size = {groups, THREADS, PROMPT, TOKENS, 0, .kv = kv_type};
    assert_works(lace_decoder_open(&d, m, &format, &size, &err), err);
    return d;
}

struct words {
    int ids[PROMPT], count;
};
static inline struct words words(const char *text)
{
    struct words w;
    struct lace_error err;
    int *ids = NULL;
    size_t capacity = 0, count = 0;
    assert_works(lace_tokenizer_encode(tokenizer, text, strlen(text), true, &ids, &capacity, &count, &err), err);
    assert_in_range(count, 1, PROMPT);
    memcpy(w.ids, ids, count * sizeof *ids);
    w.count = (int)count;
    free(ids);
    return w;
}

static inline struct lace_group_options defaults(int threads, uint64_t seed)
{
    return (struct lace_group_options){
        .threads = threads, .sampling = {1, 0, 1, 0, 1}, .seed = seed, .barrier = true, .budget = 20};
}
static inline int add(struct lace_decoder *d, const char *prompt, struct lace_group_options o)
{
    struct words p = words(prompt);
    struct lace_error err;
    int g = lace_decoder_add(d, p.ids, p.count, &o, &err);
    if (g < 0) fail_msg("%s", err.text);
    return g;
}
static inline void step(struct lace_decoder *d)
{
    struct lace_error err;
    assert_works(lace_decoder_step(d, NULL, &err), err);
}
static inline void finish(struct lace_decoder *d, int group)
{
    for (int i = 0; !lace_decoder_done(d, group); i++) {
        assert_true(i < 4 * TOKENS);
        step(d);
    }
}

/* What a group wrote, to be compared after the decoder has gone on. */
struct text {
    int threads, count[THREADS], ids[THREADS][TOKENS + 1];
    double logprob[THREADS];
    float p[THREADS][4];
    enum lace_end end[THREADS];
    int clock_end[THREADS];
};
static inline struct text read_text(const struct lace_decoder *d, int g, int threads)
{
    struct text x = {.threads = threads};
    for (int n = 0; n < threads; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, g, n);
        assert_in_range(t->count, 1, TOKENS);
        memcpy(x.ids[n], t->ids, sizeof(int) * (size_t)t->count);
        memcpy(x.p[n], t->p, sizeof t->p);
        x.count[n] = t->count;
        x.logprob[n] = t->logprob;
        x.end[n] = t->end;
        x.clock_end[n] = t->clock_end;
    }
    return x;
}
static inline struct text decode(struct lace_decoder *d, const char *prompt, struct lace_group_options o)
{
    int g = add(d, prompt, o);
    finish(d, g);
    struct text x = read_text(d, g, o.threads);
    lace_decoder_remove(d, g);
    return x;
}
static inline bool same_text(const struct text *a, const struct text *b) { return !memcmp(a, b, sizeof *a); }

static inline int open_all(void **state)
{
    struct lace_error err;
    assert_works(lace_tokenizer_open(&tokenizer, "recipes/tokenizer.json", &err), err);
    assert_works(lace_format_open(&format, tokenizer, lace_tokenizer_id(tokenizer, "<|end|>"), &err), err);
    return 0;
}
static inline int close_all(void **state)
{
    lace_format_release(&format);
    lace_tokenizer_close(&tokenizer);
    return 0;
}

#endif
