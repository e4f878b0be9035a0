/* A new lattice: which layers, how many parameters, and that what is written is what training would start from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "model/attach.h"

static const struct lace_config qwen3_1_7b = {.vocab_size = 151936,
                                              .hidden_size = 2048,
                                              .intermediate_size = 6144,
                                              .num_hidden_layers = 28,
                                              .num_attention_heads = 16,
                                              .num_key_value_heads = 8,
                                              .head_dim = 128,
                                              .max_position_embeddings = 40960,
                                              .rms_norm_eps = 1e-6,
                                              .rope_theta = 1e6,
                                              .tie_word_embeddings = true};
static const struct lace_config small = {.vocab_size = 50,
                                         .hidden_size = 32,
                                         .intermediate_size = 48,
                                         .num_hidden_layers = 4,
                                         .num_attention_heads = 4,
                                         .num_key_value_heads = 2,
                                         .head_dim = 8,
                                         .max_position_embeddings = 64,
                                         .rms_norm_eps = 1e-6,
                                         .rope_theta = 10000,
                                         .tie_word_embeddings = false};

static void layers_are(const char *text, int count, const int *expected)
{
    struct lace_lattice_config l;
    struct lace_error err;
    assert_int_equal(lace_layers_parse(&l, &qwen3_1_7b, text, &err), 0);
    assert_int_equal(l.layer_count, count);
    for (int i = 0; i < count; i++) assert_int_equal(l.layers[i], expected[i]);
}

static void test_layers(void **state)
{
    layers_are("every:2:from-middle", 7, (int[]){14, 16, 18, 20, 22, 24, 26});
    layers_are("every:4", 7, (int[]){3, 7, 11, 15, 19, 23, 27});
    layers_are("every:28", 1, (int[]){27});
    layers_are("3,5,27", 3, (int[]){3, 5, 27});
    static const char *const bad[] = {
        "",    "every", "every:", "every:0", "every:-1", "every:2:", "every:2:middle", "every:29", "28",
        "3,3", "5,3",   "3,",     ",3",      "3 5",      "-1",       "99999999999",    "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lace_lattice_config l;
        struct lace_error err = {{0}};
        assert_int_equal(lace_layers_parse(&l, &qwen3_1_7b, bad[i], &err), LACE_BAD);
        assert_true(strlen(err.text) > 20);
    }
}

static void test_share(void **state)
{
    struct lace_attach_options o;
    struct lace_lattice_config l;
    size_t backbone, lattice;
    lace_attach_defaults(&o);
    assert_int_equal(lace_attach_config(&l, &qwen3_1_7b, &o, NULL), 0);
    lace_config_count(&qwen3_1_7b, &l, &backbone, &lattice);
    assert_int_equal(backbone, 1720574976); /* what Transformers counts */
    assert_true(lattice > 0 && (double)lattice < 0.01 * (double)backbone);
    o.kind = "full";
    o.layers = "every:1";
    assert_int_equal(lace_attach_config(&l, &qwen3_1_7b, &o, NULL), 0);
    lace_config_count(&qwen3_1_7b, &l, &backbone, &lattice);
    assert_true(lattice > 0 && (double)lattice < 0.01 * (double)backbone);
}

/* The model of a configuration with the lattice of options, as training makes it. */
static struct lace_model *attached(const struct lace_config *config, const struct lace_attach_options *o)
{
    struct lace_model_options options = {.train = true, .dtype = LACE_F32};
    struct lace_lattice_start start = {(float)o->alpha, (float)o->gate, o->tied, o->seed};
    struct lace_lattice_config l;
    struct lace_model *m;
    assert_int_equal(lace_model_create(&m, config, 9, &options, NULL), 0);
    assert_int_equal(lace_attach_config(&l, config, o, NULL), 0);
    assert_int_equal(lace_model_attach(m, &l, &start, NULL), 0);
    return m;
}

static void test_written(void **state)
{
    char dir[] = "/tmp/lace-attach-XXXXXX", model[64], out[64];
    static const char *const kinds[] = {"lattice", "full"};
    assert_non_null(mkdtemp(dir));
    snprintf(model, sizeof model, "%s/model", dir);
    for (int k = 0; k < 2; k++)
        for (int tied = 0; tied < 2; tied++) {
            struct lace_model_options options = {.train = true, .dtype = LACE_F32};
            struct lace_attach_options o;
            struct lace_attach_report report;
            struct lace_model *loaded, *made;
            struct lace_error err;
            size_t backbone, lattice;
            snprintf(out, sizeof out, "%s/%s-%d", dir, kinds[k], tied);
            lace_attach_defaults(&o);
            o.model = model;
            o.out = out;
            o.kind = kinds[k];
            o.layers = "1,2";
            o.alpha = 0.5;
            o.tied = tied;
            made = attached(&small, &o);
            assert_int_equal(lace_model_save(made, model, NULL, LACE_F32, &err), 0);
            if (lace_attach(&o, &report, &err)) fail_msg("%s", err.text);
            assert_int_equal(lace_model_load(&loaded, model, out, &options, &err), 0);
            assert_int_equal(loaded->values, made->values);
            assert_memory_equal(loaded->master, made->master, sizeof(float) * made->values);
            lace_model_count(made, &backbone, &lattice);
            assert_int_equal(report.parameters, backbone);
            assert_int_equal(report.lattice_parameters, lattice);
            assert_int_equal(report.layer_parameters * 2, lattice);
            assert_int_equal(lace_attach(&o, NULL, &err), LACE_BAD); /* nothing is overwritten */
            lace_model_free(&loaded);
            lace_model_free(&made);
        }
    lace_remove_folder(dir);
}

static void test_refused(void **state)
{
    struct lace_attach_options o;
    struct lace_lattice_config l;
#define REFUSED(change)                                                                                                \
    do {                                                                                                               \
        struct lace_error err = {{0}};                                                                                 \
        lace_attach_defaults(&o);                                                                                      \
        change;                                                                                                        \
        assert_int_equal(lace_attach_config(&l, &small, &o, &err), LACE_BAD);                                          \
        assert_true(strlen(err.text) > 20);                                                                            \
    } while (0)
    REFUSED(o.kind = "none");
    REFUSED(o.kind = "fuller");
    REFUSED(o.layers = "4");
    REFUSED(o.width = 31);
    REFUSED(o.width = -2);
    REFUSED(o.heads = 3);
    REFUSED(o.kind = "full"; o.width = 16);
    REFUSED(o.window = 0);
    REFUSED(o.max_threads = 257);
    REFUSED(o.ring = -1);
}

/* An adapter comes from anywhere: what its lattice_config.json says wrongly is refused by name. */
static void what_an_adapter_says_is_checked(void **state)
{
    static const struct {
        const char *json, *says;
    } bad[] = {
        {"", "not valid JSON"},
        {"[]", "JSON object"},
        {"{\"lattice_type\": \"none\"}", "lattice_type must be"},
        {"{\"lattice_type\": \"LORA\"}", "\"LORA\" is unknown"},
        {"{\"lattice_type\": 7}", "lattice_type"},
        {"{\"lattice_type\": \"lattice\", \"lattice_type\": \"full\"}", "not valid JSON"},
        {"{\"visible\": \"future\"}", "\"future\" is unknown"},
        {"{\"topology\": \"clusters\"}", "\"clusters\" is unknown"},
        {"{\"gain\": 2}", "\"gain\" is not known"},
        {"{\"layers\": []}", "layers is empty"},
        {"{\"layers\": [1.5]}", "layers[0] must be a whole number"},
        {"{\"layers\": [2, 1]}", "must ascend"},
        {"{\"layers\": [1, 1]}", "must ascend"},
        {"{\"layers\": [4]}", "must ascend within 0 to 3"},
        {"{\"layers\": [-1]}", "layers[0]"},
        {"{\"layers\": [4294967297]}", "must ascend"},
        {"{\"layers\": \"all\"}", "must be a list"},
        {"{\"width\": 0}", "\"width\" is 0"},
        {"{\"width\": 1e3}", "\"width\" must be a whole number"},
        {"{\"width\": 99999999999999999999}", "JSON"},
        {"{\"heads\": 0}", "\"heads\" is 0"},
        {"{\"width\": 18, \"heads\": 4}", "does not split"},
        {"{\"width\": 16, \"heads\": 1, \"axes\": [8, 8]}", "three numbers"},
        {"{\"width\": 16, \"heads\": 1, \"axes\": [7, 5, 4]}", "is odd"},
        {"{\"width\": 16, \"heads\": 1, \"axes\": [8, 8, 8]}", "take 24 dimensions"},
        {"{\"width\": 16, \"heads\": 1, \"axes\": [999999999999, 2, 2]}", "dimensions"},
        {"{\"theta\": [10000, 100]}", "three numbers"},
        {"{\"theta\": [10000, 0, 100]}", "at least 1"},
        {"{\"theta\": [10000, null, 100]}", "theta[1]"},
        {"{\"window\": 0}", "\"window\" is 0"},
        {"{\"ring\": 100000}", "\"ring\" is 100000"},
        {"{\"max_threads\": 0}", "\"max_threads\" is 0"},
        {"{\"self\": 1}", "true or false"},
        {"{\"backbone\": \"0123456789abcdef\"}", "must be an object"},
        {"{\"backbone\": null}", "must be an object"},
        {"{\"backbone\": {\"heads\": \"0123456789abcdef\"}}", "\"heads\" is not known"},
        {"{\"backbone\": {\"vectors\": 7}}", "vectors of backbone must be 16"},
        {"{\"backbone\": {\"vectors\": \"0123456789abcde\"}}", "must be 16"},
        {"{\"backbone\": {\"matrices\": \"0123456789abcdef0\"}}", "matrices of backbone must be 16"},
        {"{\"backbone\": {\"matrices\": \"0123456789ABCDEF\"}}", "must be 16"},
        {"{\"backbone\": {\"matrices\": \"-123456789abcdef\"}}", "must be 16"},
    };
    char dir[] = "/tmp/lace-attach-XXXXXX", path[64];
    struct lace_lattice_config l;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/lattice_config.json", dir);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lace_error err = {""};
        assert_int_equal(lace_write_file(path, bad[i].json, strlen(bad[i].json), NULL), 0);
        assert_int_equal(lace_lattice_config_read(&l, &small, dir, &err), LACE_BAD);
        if (!strstr(err.text, bad[i].says) || !strstr(err.text, path))
            fail_msg("%s\nis refused with: %s", bad[i].json, err.text);
    }
    assert_int_equal(lace_write_file(path, "{}", 2, NULL), 0); /* all of it has defaults */
    assert_int_equal(lace_lattice_config_read(&l, &small, dir, NULL), 0);
    lace_remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(what_an_adapter_says_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
