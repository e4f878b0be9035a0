/* Safetensors: round trips, and the malformed files that have hurt others. */
#include "io/safetensors.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/lace-safetensors-XXXXXX";

/* A file of this header and so many bytes of data, in memory of exactly its size (for the address sanitizer). */
static unsigned char *make(const char *header, size_t header_len, size_t data, size_t *len)
{
    *len = 8 + header_len + data;
    unsigned char *bytes = calloc(*len, 1);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)header_len >> 8 * i);
    memcpy(bytes + 8, header, header_len);
    return bytes;
}

static int try(const char *header, size_t data, struct lace_error *err)
{
    struct lace_safetensors file;
    size_t len;
    unsigned char *bytes = make(header, strlen(header), data, &len);
    err->text[0] = 0;
    int code = lace_safetensors_parse(&file, bytes, len, "here", err);
    if (code) assert_memory_equal(err->text, "here", 4);
    lace_safetensors_close(&file);
    free(bytes);
    return code;
}

#define T(name, type, shape, from, to)                                                                                 \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void headers_are_checked(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        const char *says; /* NULL: accepted */
    } cases[] = {
        {"{}", 0, NULL},
        {"{}   ", 0, NULL},
        {"{" T("a", "F32", "[2]", 0, 8) "}", 8, NULL},
        {"{" T("b", "F32", "[1]", 4, 8) "," T("a", "F32", "[1]", 0, 4) "}", 8, NULL},
        {"{" T("a", "F32", "[]", 0, 4) "}", 4, NULL},
        {"{" T("a", "F32", "[0]", 0, 0) "}", 0, NULL},
        {"{" T("a", "F32", "[3,0,2]", 0, 0) "," T("b", "U8", "[1]", 0, 1) "," T("c", "U8", "[0]", 1, 1) "}", 1, NULL},
        {"{\"__metadata__\":{\"format\":\"pt\"}," T("a", "BOOL", "[1]", 0, 1) "}", 1, NULL},
        {"{" T("", "I64", "[1,1,1,1,1,1,1,1]", 0, 8) "}", 8, NULL},
        {"", 0, "begin with {"},
        {" {}", 0, "begin with {"},
        {"[]", 0, "begin with {"},
        {"{", 0, "JSON"},
        {"{}x", 0, "JSON"},
        {"{\"\xff\":1}", 0, "JSON"},
        {"{" T("a", "U8", "[1]", 0, 1) "," T("a", "U8", "[1]", 0, 1) "}", 1, "duplicate"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
        {"{\"__metadata__\":[]}", 0, "not an object"},
        {"{\"__metadata__\":{\"a\":\"x\",\"a\":\"y\"}}", 0, "duplicate"},
        {"{\"a\":1}", 0, "not an object"},
        {"{\"a\":{}}", 0, "dtype"},
        {"{" T("a", "F33", "[1]", 0, 4) "}", 4, "not known"},
        {"{" T("a", "F32", "1", 0, 4) "}", 4, "no shape"},
        {"{" T("a", "F32", "[-1]", 0, 4) "}", 4, "whole number"},
        {"{" T("a", "F32", "[1.0]", 0, 4) "}", 4, "whole number"},
        {"{" T("a", "F32", "[\"1\"]", 0, 4) "}", 4, "whole number"},
        {"{" T("a", "F32", "[18446744073709551616]", 0, 4) "}", 4, "JSON"},
        {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, "9 dimensions"},
        {"{" T("a", "F32", "[9223372036854775807]", 0, 4) "}", 4, "too large"},
        {"{" T("a", "F64", "[2305843009213693952]", 0, 0) "}", 0, "too large"}, /* times 8 is 2^64: wraps to 0 */
        {"{" T("a", "U8", "[4294967296,4294967296]", 0, 0) "}", 0, "too large"},
        {"{" T("a", "U8", "[4611686018427387904,4611686018427387904,0]", 0, 0) "}", 0, "too large"},
        {"{" T("a", "F32", "[1]", 0, 8) "}", 8, "needs 4 bytes"},
        {"{" T("a", "F32", "[3]", 0, 8) "}", 8, "needs 12 bytes"},
        {"{" T("a", "F32", "[0]", 0, 4) "}", 4, "needs 0 bytes"},
        {"{" T("a", "F32", "[1]", 4, 0) "}", 4, "damaged"},
        {"{" T("a", "F32", "[1]", -4, 0) "}", 4, "damaged"},
        {"{" T("a", "F32", "[2]", 0, 8) "}", 7, "damaged"},
        {"{" T("a", "U8", "[1]", 9223372036854775806, 9223372036854775807) "}", 4, "damaged"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "two whole"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1, "two whole"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0.0,1]}}", 1, "two whole"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "two whole"},
        {"{" T("a", "U8", "[1]", 1, 2) "}", 2, "a hole"},
        {"{" T("a", "U8", "[1]", 0, 1) "," T("b", "U8", "[1]", 2, 3) "}", 3, "a hole"},
        {"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[2]", 1, 3) "}", 3, "an overlap"},
        {"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[2]", 0, 2) "}", 2, "an overlap"},
        {"{" T("a", "U8", "[1]", 0, 1) "}", 2, "1 bytes follow"},
        {"{}", 1, "1 bytes follow"},
    };
    struct lace_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = try(cases[i].header, cases[i].data, &err);
        if (!cases[i].says && code) fail_msg("%s: %s", cases[i].header, err.text);
        if (cases[i].says && (code != LACE_BAD || !strstr(err.text, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].header, code, err.text);
    }
}

static void header_lengths_are_checked(void **state)
{
    static const uint64_t lengths[] = {0,         1,         3,         100,        99999999,
                                       100000000, 100000001, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
    struct lace_safetensors file;
    struct lace_error err;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        unsigned char bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        for (int b = 0; b < 8; b++) bytes[b] = (unsigned char)(lengths[i] >> 8 * b);
        assert_int_equal(lace_safetensors_parse(&file, bytes, sizeof bytes, "here", &err), LACE_BAD);
    }
    for (size_t len = 0; len < 8; len++)
        assert_int_equal(lace_safetensors_parse(&file, "\2\0\0\0\0\0\0", len, "here", &err), LACE_BAD);
}

static void every_cut_is_refused(void **state)
{
    const char *header = "{" T("a", "F32", "[2]", 0, 8) "," T("b", "BF16", "[1]", 8, 10) "}";
    struct lace_safetensors file;
    struct lace_error err;
    size_t len;
    unsigned char *bytes = make(header, strlen(header), 10, &len);
    for (size_t cut = 0; cut < len; cut++) {
        unsigned char *part = malloc(cut ? cut : 1);
        memcpy(part, bytes, cut);
        assert_int_equal(lace_safetensors_parse(&file, part, cut, "here", &err), LACE_BAD);
        free(part);
    }
    assert_int_equal(lace_safetensors_parse(&file, bytes, len, "here", &err), 0);
    lace_safetensors_close(&file);
    free(bytes);
}

static void what_is_written_reads_back(void **state)
{
    struct lace_error err;
    float a[6] = {1, -2, 3.5f, NAN, INFINITY, 0};
    uint16_t b[3] = {lace_f32_to_bf16(1), lace_f32_to_bf16(-0.5f), lace_f32_to_bf16(3)};
    uint16_t h[8] = {0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0x8000, 0xfc01};
    unsigned char odd[3] = {1, 2, 3};
    const struct lace_tensor tensors[] = {
        {.name = "z", .type = LACE_T_F32, .rank = 2, .shape = {2, 3}, .data = a, .bytes = sizeof a},
        {.name = "odd", .type = LACE_T_U8, .rank = 1, .shape = {3}, .data = odd, .bytes = 3},
        {.name = "a \"b\"", .type = LACE_T_BF16, .rank = 1, .shape = {3}, .data = b, .bytes = sizeof b},
        {.name = "h", .type = LACE_T_F16, .rank = 1, .shape = {8}, .data = h, .bytes = sizeof h},
        {.name = "empty", .type = LACE_T_F64, .rank = 2, .shape = {0, 4}},
        {.name = "scalar", .type = LACE_T_F32, .data = a, .bytes = 4},
    };
    const char *const metadata[] = {"format", "pt", "note", "x", NULL};
    assert_int_equal(lace_safetensors_write(path, tensors, 6, metadata, &err), 0);
    struct lace_safetensors file;
    assert_int_equal(lace_safetensors_open(&file, path, &err), 0);
    assert_int_equal(file.count, 6);
    for (size_t i = 1; i < file.count; i++) assert_true(strcmp(file.tensors[i - 1].name, file.tensors[i].name) < 0);
    for (size_t i = 0; i < 6; i++) {
        const struct lace_tensor *t = lace_safetensors_find(&file, tensors[i].name);
        assert_non_null(t);
        assert_int_equal(t->type, tensors[i].type);
        assert_int_equal(t->rank, tensors[i].rank);
        assert_memory_equal(t->shape, tensors[i].shape, sizeof t->shape);
        assert_int_equal(t->bytes, tensors[i].bytes);
        if (t->bytes) assert_memory_equal(t->data, tensors[i].data, t->bytes);
    }
    assert_null(lace_safetensors_find(&file, "none"));
    float out[8];
    assert_int_equal(lace_tensor_to_f32(lace_safetensors_find(&file, "a \"b\""), 1, 2, out, &err), 0);
    assert_true(out[0] == -0.5f && out[1] == 3);
    assert_int_equal(lace_tensor_to_f32(lace_safetensors_find(&file, "h"), 0, 8, out, &err), 0);
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f && out[3] == 0x1.ff8p-15f && out[4] == 65504 &&
                isinf(out[5]));
    assert_true(out[6] == 0 && signbit(out[6]) && isnan(out[7]));
    assert_int_equal(lace_tensor_to_f32(lace_safetensors_find(&file, "z"), 0, 6, out, &err), 0);
    assert_memory_equal(out, a, sizeof a);
    assert_int_equal(lace_tensor_to_f32(lace_safetensors_find(&file, "z"), 6, 0, out, &err), 0);
    assert_int_equal(lace_tensor_to_f32(lace_safetensors_find(&file, "z"), 6, 1, out, &err), LACE_BAD);
    assert_int_equal(lace_tensor_to_f32(lace_safetensors_find(&file, "z"), SIZE_MAX, 2, out, &err), LACE_BAD);
    assert_int_equal(lace_tensor_to_f32(lace_safetensors_find(&file, "odd"), 0, 1, out, &err), LACE_BAD);
    lace_safetensors_close(&file);
}

static void bad_tensors_are_not_written(void **state)
{
    struct lace_error err;
    char byte = 0;
    struct lace_tensor two[2] = {{.name = "a", .type = LACE_T_U8, .rank = 1, .shape = {1}, .data = &byte, .bytes = 1}};
    two[1] = two[0];
    unlink(path);
    assert_int_equal(lace_safetensors_write(path, two, 2, NULL, &err), LACE_BAD); /* one name twice */
    two[1].name = "__metadata__";
    assert_int_equal(lace_safetensors_write(path, two, 2, NULL, &err), LACE_BAD);
    two[1].name = "b";
    two[1].bytes = 2;
    assert_int_equal(lace_safetensors_write(path, two, 2, NULL, &err), LACE_BAD);
    two[1].bytes = 1;
    two[1].name = "\xff";
    assert_true(lace_safetensors_write(path, two, 2, NULL, &err) < 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(lace_safetensors_write("/nonexistent/x", two, 1, NULL, &err), LACE_SYSTEM);
    assert_int_equal(lace_safetensors_write(path, NULL, 0, NULL, &err), 0);
    struct lace_safetensors file;
    assert_int_equal(lace_safetensors_open(&file, path, &err), 0);
    assert_int_equal(file.count, 0);
    assert_null(lace_safetensors_find(&file, "a"));
    lace_safetensors_close(&file);
    lace_safetensors_close(&file); /* twice is fine */
    assert_int_equal(lace_safetensors_open(&file, "/nonexistent", &err), LACE_SYSTEM);
    assert_int_equal(lace_safetensors_open(&file, "/tmp", &err), LACE_BAD);
    assert_int_equal(lace_safetensors_open(&file, "/dev/null", &err), LACE_BAD);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(lace_safetensors_open(&file, path, &err), LACE_BAD);
}

/* Random single-byte damage: any outcome but a wild read (the sanitizers' part) or a file that claims too much. */
static void damage_never_escapes(void **state)
{
    const char *header =
        "{\"__metadata__\":{\"k\":\"v\"}," T("a", "F32", "[2]", 0, 8) "," T("b", "BF16", "[1]", 8, 10) "}";
    struct lace_rng rng;
    lace_rng_init(&rng, 1, 0);
    for (int i = 0; i < 20000; i++) {
        struct lace_safetensors file;
        size_t len;
        unsigned char *bytes = make(header, strlen(header), 10, &len);
        for (uint32_t n = 1 + lace_rng_below(&rng, 3); n--;)
            bytes[lace_rng_below(&rng, (uint32_t)len)] = (unsigned char)lace_rng_u32(&rng);
        if (!lace_safetensors_parse(&file, bytes, len, "here", NULL))
            for (size_t t = 0; t < file.count; t++)
                assert_true((const unsigned char *)file.tensors[t].data + file.tensors[t].bytes <= bytes + len);
        lace_safetensors_close(&file);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_checked),         cmocka_unit_test(header_lengths_are_checked),
        cmocka_unit_test(every_cut_is_refused),        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(bad_tensors_are_not_written), cmocka_unit_test(damage_never_escapes),
    };
    close(mkstemp(path));
    int failed = cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
    unlink(path);
    return failed;
}
