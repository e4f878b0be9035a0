/* A lattice knows the weights that it was trained with: in every type and format that holds them, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "model/attach.h"
#include "model/fingerprint.h"

static const struct lace_config shape = {.vocab_size = 90,
                                         .hidden_size = 32,
                                         .intermediate_size = 48,
                                         .num_hidden_layers = 3,
                                         .num_attention_heads = 4,
                                         .num_key_value_heads = 2,
                                         .head_dim = 8,
                                         .max_position_embeddings = 64,
                                         .rms_norm_eps = 1e-6,
                                         .rope_theta = 10000,
                                         .tie_word_embeddings = false};
static char dir[] = "/tmp/lace-fingerprint-XXXXXX", room[4][128];
static struct lace_error err;

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    lace_remove_folder(dir);
    return 0;
}

/* A path in the folder; the last four stay. */
static const char *in(const char *name)
{
    static int next;
    char *path = room[next++ % 4];
    snprintf(path, sizeof room[0], "%s/%s", dir, name);
    return path;
}

static struct lace_model *made(uint64_t seed)
{
    struct lace_model_options options = {.train = true, .dtype = LACE_F32};
    struct lace_lattice_start start = {.alpha = 0.5f, .gate = 0.5f, .seed = 3};
    struct lace_lattice_config l;
    struct lace_model *m;
    assert_int_equal(lace_model_create(&m, &shape, seed, &options, &err), 0);
    lace_lattice_defaults(&l, &shape);
    assert_int_equal(lace_model_attach(m, &l, &start, &err), 0);
    return m;
}

static void save(const struct lace_model *m, const char *model, const char *lattice, enum lace_dtype type)
{
    char path[128];
    snprintf(path, sizeof path, "%s", lattice ? in(lattice) : "");
    if (lace_model_save(m, model ? in(model) : NULL, lattice ? path : NULL, type, &err)) fail_msg("%s", err.text);
}

/* Whether the lattice says that it belongs to another backbone, in decoding and in training alike. */
static bool warns(const char *model, const char *lattice)
{
    bool said[2];
    for (int train = 0; train < 2; train++) {
        struct lace_model_options options = {.train = train, .dtype = LACE_F32};
        struct lace_model *m;
        if (lace_model_load(&m, in(model), in(lattice), &options, &err)) fail_msg("%s", err.text);
        said[train] = m->warning;
        if (m->warning && (!strstr(m->warning, in(model)) || !strstr(m->warning, in(lattice))))
            fail_msg("both must be named: %s", m->warning);
        lace_model_free(&m);
    }
    assert_int_equal(said[0], said[1]);
    return said[0];
}

static void export_as(const char *model, const char *out, const char *dtype)
{
    struct lace_export_options o = {.model = in(model), .out = in(out), .dtype = dtype};
    if (lace_export(&o, NULL, &err)) fail_msg("%s", err.text);
}

static void the_same_weights_are_known_in_any_type(void **state)
{
    (void)state;
    struct lace_model *m = made(1);
    save(m, "f32", "lattice", LACE_F32);
    save(m, "bf16", NULL, LACE_BF16);
    export_as("bf16", "back", "f32");
    export_as("f32", "f16", "f16");
    assert_false(warns("f32", "lattice"));
    assert_false(warns("bf16", "lattice"));
    assert_false(warns("back", "lattice"));
    assert_false(warns("f16", "lattice")); /* rounded twice it could not be told: it is not compared */
    lace_model_free(&m);
}

static void others_are_told(void **state)
{
    (void)state;
    struct lace_model *m = made(2);
    save(m, "other", NULL, LACE_BF16);
    save(m, "other32", NULL, LACE_F32);
    export_as("other", "other16", "f16");
    assert_true(warns("other", "lattice"));
    assert_true(warns("other32", "lattice"));
    assert_false(warns("other16", "lattice")); /* not compared */
    lace_model_free(&m);
}

/* One number in the middle of one tensor: what is trained from here on belongs to the new weights. */
static void a_backbone_that_was_trained_on_is_another(void **state)
{
    (void)state;
    static const struct {
        enum lace_param param;
        int layer;
        bool told;
    } rows[] = {{P_V, 1, true}, {P_EMBED, 0, true}, {P_NORM, 0, true}, {P_POST_NORM, 2, true}, {P_HEAD, 0, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lace_model *m = made(1);
        struct lace_weight *w = lace_model_weight(m, rows[i].layer, rows[i].param);
        w->value[(size_t)w->rows * w->cols / 2] += 0.5f;
        save(m, "tuned", "tuned/lattice", LACE_BF16);
        assert_int_equal(warns("tuned", "lattice"), rows[i].told);
        assert_int_equal(warns("f32", "tuned/lattice"), rows[i].told);
        assert_false(warns("tuned", "tuned/lattice"));
        lace_model_free(&m);
    }
}

/* Of before there were fingerprints. */
static void a_lattice_without_one_says_nothing(void **state)
{
    (void)state;
    char path[128], *bytes, *at;
    size_t len;
    struct lace_model *m = made(1);
    save(m, NULL, "old", LACE_F32);
    lace_model_free(&m);
    snprintf(path, sizeof path, "%s/lattice_config.json", in("old"));
    assert_int_equal(lace_read_file(path, 1 << 16, &bytes, &len, &err), 0);
    at = strstr(bytes, "\"backbone\"");
    assert_non_null(at);
    while (at[-1] != ',') at--;
    at[-1] = '}'; /* it is the last member */
    assert_int_equal(lace_write_file(path, bytes, (size_t)(at - bytes), &err), 0);
    lace_free(bytes);
    assert_false(warns("f32", "old"));
    assert_false(warns("other", "old"));
}

static void a_new_lattice_has_one(void **state)
{
    (void)state;
    struct lace_attach_options o;
    lace_attach_defaults(&o);
    o.model = in("bf16");
    o.out = in("new");
    if (lace_attach(&o, NULL, &err)) fail_msg("%s", err.text);
    assert_false(warns("f32", "new"));
    assert_true(warns("other", "new"));
}

static struct lace_fingerprint print_of(const char *model)
{
    struct lace_config config;
    struct lace_fingerprint print;
    if (lace_model_examine(&config, &print, model, &err)) fail_msg("%s", err.text);
    return print;
}

/* GGUF files have the rows of q and k in another order, norms in F32, and matrices in blocks where they are quantised. */
static void gguf_files_have_that_of_their_checkpoint(void **state)
{
    (void)state;
    static const struct {
        const char *file, *model;
    } rows[] = {{"llama3", "llama3"},   {"llama_bias", "llama_bias"},      {"qwen3", "qwen3"},
                {"smollm3", "smollm3"}, {"qwen2-00001-of-00002", "qwen2"}, {"qwen2_yarn", "qwen2_yarn"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/golden/models/%s", rows[i].model);
        struct lace_fingerprint model = print_of(path);
        snprintf(path, sizeof path, "tests/golden/gguf/%s.gguf", rows[i].file);
        struct lace_fingerprint file = print_of(path);
        assert_true(model.vectors.known && model.matrices.known);
        assert_true(file.vectors.known && file.matrices.known);
        if (lace_fingerprint_differs(&model, &file)) fail_msg("%s is not known again", rows[i].file);
    }
    struct lace_fingerprint quantised = print_of("tests/golden/gguf/q8_0.gguf"),
                            f16 = print_of("tests/golden/models/mistral_nemo"),
                            half = print_of("tests/golden/gguf/mistral_nemo.gguf");
    assert_true(quantised.vectors.known && !quantised.matrices.known);
    assert_true(!f16.vectors.known && !f16.matrices.known);
    assert_true(half.vectors.known && !half.matrices.known); /* F16, its norms F32 */
}

/* Where matrices are blocks, norms tell. */
static void what_is_known_is_compared(void **state)
{
    (void)state;
    struct lace_fingerprint whole = {{1, true}, {2, true}}, blocks = {{1, true}, {0, false}},
                            others = {{3, true}, {0, false}}, none = {0};
    assert_false(lace_fingerprint_differs(&whole, &blocks));
    assert_true(lace_fingerprint_differs(&whole, &others));
    assert_false(lace_fingerprint_differs(&whole, &none));
    assert_false(lace_fingerprint_differs(&none, &others));
    blocks.matrices = (struct lace_print){4, true};
    assert_true(lace_fingerprint_differs(&whole, &blocks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_weights_are_known_in_any_type),
        cmocka_unit_test(others_are_told),
        cmocka_unit_test(a_backbone_that_was_trained_on_is_another),
        cmocka_unit_test(a_lattice_without_one_says_nothing),
        cmocka_unit_test(a_new_lattice_has_one),
        cmocka_unit_test(gguf_files_have_that_of_their_checkpoint),
        cmocka_unit_test(what_is_known_is_compared),
    };
    return cmocka_run_group_tests_name("fingerprint", tests, make_folder, remove_folder);
}
