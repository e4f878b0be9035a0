/* Block formats: the numbers of random blocks are, bit for bit, those that the Python package gguf gives
 * (scripts/golden_blocks.py). */
#include "base/dtype.h"
#include "io/safetensors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct lace_safetensors golden;

static const struct lace_tensor *part(enum lace_dtype type, const char *what)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%s", lace_dtype_name(type), what);
    const struct lace_tensor *t = lace_safetensors_find(&golden, name);
    if (!t) fail_msg("tests/golden/blocks.safetensors has no %s", name);
    return t;
}

static void same(enum lace_dtype type, const float *got, const float *want, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[first + i], sizeof *got))
            fail_msg("%s: number %zu is %.9g, not %.9g", lace_dtype_name(type), first + i, got[i], want[first + i]);
}

static void blocks_as_defined(void **state)
{
    for (enum lace_dtype type = LACE_Q8_0; type < LACE_DTYPES; type++) {
        const struct lace_tensor *blocks = part(type, "blocks"), *values = part(type, "values");
        size_t count = values->bytes / sizeof(float);
        float *want = malloc(values->bytes), *got = malloc(values->bytes);
        memcpy(want, values->data, values->bytes);
        assert_int_equal(lace_dtype_size(type, count), blocks->bytes);
        assert_true(lace_dtype_has_blocks(type));
        lace_dtype_to_f32(type, blocks->data, 0, count, got);
        same(type, got, want, 0, count);
        for (size_t first = 0; first < count; first += 37) /* pieces that begin and end within blocks */
            for (size_t some = 0; some <= 300; some += 75) {
                size_t n = count - first < some ? count - first : some;
                for (size_t i = 0; i < n + 1 && i < count; i++) got[i] = -7;
                lace_dtype_to_f32(type, blocks->data, first, n, got);
                same(type, got, want, first, n);
                if (n < count) assert_true(got[n] == -7); /* not one number too many */
            }
        free(want);
        free(got);
    }
}

static void plain_types(void **state)
{
    float wide[3] = {1.5f, -2, 0.25f}, got[2];
    uint16_t brain[3], half[3];
    for (int i = 0; i < 3; i++) brain[i] = lace_f32_to_bf16(wide[i]), half[i] = lace_f32_to_f16(wide[i]);
    const void *const data[] = {wide, brain, half};
    for (enum lace_dtype type = LACE_F32; type <= LACE_F16; type++) {
        assert_false(lace_dtype_has_blocks(type));
        assert_int_equal(lace_dtype_size(type, 3), type == LACE_F32 ? 12 : 6);
        lace_dtype_to_f32(type, data[type], 1, 2, got);
        assert_true(got[0] == -2 && got[1] == 0.25f);
    }
}

static void names(void **state)
{
    assert_string_equal(lace_dtype_name(LACE_BF16), "BF16");
    assert_string_equal(lace_dtype_name(LACE_Q6_K), "Q6_K");
    assert_null(lace_dtype_name(LACE_DTYPES));
}

int main(void)
{
    struct lace_error err;
    if (lace_safetensors_open(&golden, "tests/golden/blocks.safetensors", &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_as_defined), cmocka_unit_test(plain_types),
                                       cmocka_unit_test(names)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lace_safetensors_close(&golden);
    return failed;
}
