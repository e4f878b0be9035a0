/* What the tests of training share: the tokenizer of the recipes, very small models, sources from a text, folders. */
#ifndef TRAIN_TEST_H
#define TRAIN_TEST_H
#include "model_test.h"
#include "train/trainer.h"
#include <stdio.h>
#include <unistd.h>

static struct lace_tokenizer *tokenizer;
static struct lace_format format;
static char folder[] = "/tmp/lace-test-XXXXXX"; /* gone at the end */

/* Begins the program again with workers that sleep while they wait: on a busy machine most of the time would go into
 * their spinning, and libgomp reads this before main. */
static inline void wait_calmly(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1)) return;
    execv("/proc/self/exe", argv);
}

static int open_all(void **state)
{
    struct lace_error err;
    assert_works(lace_tokenizer_open(&tokenizer, "recipes/tokenizer.json", &err), err);
    assert_works(lace_format_open(&format, tokenizer, lace_tokenizer_id(tokenizer, "<|end|>"), &err), err);
    return mkdtemp(folder) ? 0 : -1;
}

static int close_all(void **state)
{
    lace_format_release(&format);
    lace_tokenizer_close(&tokenizer);
    lace_remove_folder(folder);
    return 0;
}

/* D 32, two layers, the lattice on the second; scrambled, so that every part matters. */
static inline struct lace_model *tiny_model(int dtype, bool lattice, uint64_t seed)
{
    const struct lace_config c = {.vocab_size = 512,
                                  .hidden_size = 32,
                                  .intermediate_size = 64,
                                  .num_hidden_layers = 2,
                                  .num_attention_heads = 2,
                                  .num_key_value_heads = 1,
                                  .head_dim = 16,
                                  .max_position_embeddings = 512,
                                  .rms_norm_eps = 1e-6,
                                  .rope_theta = 10000,
                                  .tie_word_embeddings = true};
    const struct lace_lattice_config l = {.kind = LACE_KIND_LATTICE,
                                          .layers = {1},
                                          .layer_count = 1,
                                          .width = 16,
                                          .heads = 2,
                                          .visible = LACE_CAUSAL,
                                          .window = 1,
                                          .ring = 1,
                                          .axes = {4, 2, 2},
                                          .theta = {10000, 100, 100},
                                          .max_threads = 16};
    struct lace_model *m;
    struct lace_error err;
    assert_works(lace_model_create(&m, &c, seed, &(struct lace_model_options){true, dtype, NULL}, &err), err);
    int first = m->count;
    if (lattice) {
        assert_works(lace_model_attach(m, &l, &(struct lace_lattice_start){0.5f, 0.5f, true, seed}, &err), err);
        scramble(m, first, 0.5f);
    }
    return m;
}

static inline struct lace_sources sources_of(const char *yaml)
{
    struct lace_settings settings;
    struct lace_sources sources;
    struct lace_error err;
    assert_works(lace_settings_parse(&settings, yaml, strlen(yaml), "test.yaml", &err), err);
    assert_works(lace_sources_read(&sources, &settings, 7, &err), err);
    assert_works(lace_settings_unused(&settings, &err), err);
    lace_settings_release(&settings);
    return sources;
}

static inline const char *in_folder(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void write_text(const char *path, const char *text)
{
    struct lace_error err;
    assert_works(lace_write_file(path, text, strlen(text), &err), err);
}
#endif
