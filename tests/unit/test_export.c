/* lace_export: every checkpoint of tests/golden/models in every type, and a round through training's own saving. */
#include "io/safetensors.h"
#include "model/model.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/lace-export-XXXXXX";
static const char root[] = "tests/golden/models";
static const char *const names[] = {"llama2", "llama3_2", "llama_bias", "smollm3", "qwen2", "qwen3_window", "mistral"};
enum { NAMES = sizeof names / sizeof *names };

static struct lace_model *load(const char *dir)
{
    struct lace_model *m;
    struct lace_error err;
    if (lace_model_load(&m, dir, NULL, &(struct lace_model_options){true, LACE_F32, NULL}, &err))
        fail_msg("%s", err.text);
    return m;
}

static void same_config(const struct lace_model *a, const struct lace_model *b)
{
    assert_memory_equal(&a->config, &b->config, sizeof a->config);
    assert_int_equal(a->values, b->values);
}

static void values_survive(void **state)
{
    static const char *const dtypes[] = {"f32", "bf16", "f16"};
    char from[256], out[256];
    struct lace_error err;
    for (int i = 0; i < NAMES; i++)
        for (int d = 0; d < 3; d++) {
            struct lace_export_report report;
            snprintf(from, sizeof from, "%s/%s", root, names[i]);
            snprintf(out, sizeof out, "%s/%s-%s", folder, names[i], dtypes[d]);
            struct lace_export_options o = {from, out, dtypes[d]};
            if (lace_export(&o, &report, &err)) fail_msg("%s: %s", names[i], err.text);
            struct lace_model *a = load(from), *b = load(out);
            same_config(a, b);
            assert_int_equal(report.tensors, a->count);
            size_t backbone, lattice;
            lace_model_count(a, &backbone, &lattice);
            assert_int_equal(report.parameters, backbone);
            assert_int_equal(report.bytes, backbone * (d ? 2 : 4));
            for (size_t v = 0; v < a->values; v++) {
                float x = a->master[v], want = d == 0   ? x
                                               : d == 1 ? lace_bf16_to_f32(lace_f32_to_bf16(x))
                                                        : lace_f16_to_f32(lace_f32_to_f16(x));
                if (b->master[v] != want)
                    fail_msg("%s in %s: value %zu is %g, not %g", names[i], dtypes[d], v, b->master[v], want);
            }
            lace_model_free(&a);
            lace_model_free(&b);
            assert_int_equal(lace_export(&o, NULL, &err), LACE_BAD); /* nothing is overwritten */
        }
}

/* A checkpoint that is trained goes back with the config.json that it came with. */
static void a_checkpoint_is_saved_as_it_came(void **state)
{
    char from[256], out[256], path[300], *text, *before;
    size_t len;
    struct lace_error err;
    for (int i = 0; i < NAMES; i++) {
        snprintf(from, sizeof from, "%s/%s", root, names[i]);
        snprintf(out, sizeof out, "%s/saved-%s", folder, names[i]);
        struct lace_model *a = load(from);
        assert_int_equal(lace_model_save(a, out, NULL, LACE_BF16, &err), 0);
        struct lace_model *b = load(out);
        same_config(a, b);
        snprintf(path, sizeof path, "%s/config.json", out);
        assert_int_equal(lace_read_file(path, 1 << 20, &text, &len, &err), 0);
        snprintf(path, sizeof path, "%s/config.json", from);
        assert_int_equal(lace_read_file(path, 1 << 20, &before, &len, &err), 0);
        assert_non_null(strstr(text, "bfloat16"));
        for (const char *key = strstr(before, "\n  \""); key; key = strstr(key + 1, "\n  \"")) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)(strchr(key + 4, '"') - key - 2), key + 3);
            if (!strstr(text, name)) fail_msg("%s: %s is gone", names[i], name);
        }
        lace_free(text);
        lace_free(before);
        lace_model_free(&a);
        lace_model_free(&b);
    }
}

static void what_does_not_fit_is_told(void **state)
{
    struct lace_error err;
    char model[256], out[256];
    snprintf(model, sizeof model, "%s/large", folder);
    snprintf(out, sizeof out, "%s/large-f16", folder);
    struct lace_model *m = load("tests/golden/models/llama3");
    lace_model_weight(m, 0, P_UP)->value[3] = 1e5f; /* fits into bf16, not into f16 */
    assert_int_equal(lace_model_save(m, model, NULL, LACE_BF16, &err), 0);
    lace_model_free(&m);
    struct lace_export_options o = {model, out, "f16"};
    assert_int_equal(lace_export(&o, NULL, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "mlp.up_proj.weight"));
    assert_non_null(strstr(err.text, "F16"));
    snprintf(out, sizeof out, "%s/large-f16/model.safetensors", folder);
    assert_int_not_equal(access(out, F_OK), 0); /* no half a file */
    snprintf(out, sizeof out, "%s/large-none", folder);
    o.dtype = "int8";
    assert_int_equal(lace_export(&o, NULL, &err), LACE_BAD);
    o.dtype = NULL;
    o.model = "tests/golden";
    assert_int_not_equal(lace_export(&o, NULL, &err), 0);
    assert_int_not_equal(access(out, F_OK), 0);
}

static int make_folder(void **state) { return mkdtemp(folder) ? 0 : -1; }
static int drop_folder(void **state)
{
    lace_remove_folder(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_survive),
        cmocka_unit_test(a_checkpoint_is_saved_as_it_came),
        cmocka_unit_test(what_does_not_fit_is_told),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
