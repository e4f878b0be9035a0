/* GGUF: what is read, and the malformed files that have hurt others. */
#include "gguf_test.h"
#include "io/gguf.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int try(const char *recipe, struct lace_error *err)
{
    struct lace_gguf file;
    size_t len;
    unsigned char *bytes = gguf_make(recipe, &len);
    err->text[0] = 0;
    int code = lace_gguf_parse(&file, bytes, len, "here", err);
    if (code) assert_memory_equal(err->text, "here", 4);
    lace_gguf_close(&file);
    free(bytes);
    return code;
}

static void tables_are_checked(void **state)
{
    static const struct {
        const char *recipe, *says; /* NULL: accepted */
    } cases[] = {
        {HEAD(0, 0), NULL},
        {"GGUF 4:2 8:0 8:0", NULL},
        {HEAD(0, 0) "p:32", NULL},
        {HEAD(0, 2) "s:a 4:4 4:7 s:b 4:8 s:text", NULL},
        {HEAD(0, 1) "s:a 4:9 4:8 8:2 s:one s:two", NULL},
        {HEAD(0, 1) "s:a 4:9 4:4 8:0", NULL},
        {HEAD(1, 0) V("t", 3, 0, 0) "p:32 z:12", NULL},
        {HEAD(1, 0) V("t", 3, 0, 0) "p:32 z:12 p:32", NULL},
        {HEAD(2, 0) V("u", 3, 0, 0) T("t", 32, 2, 8, 32) "p:32 z:32 z:68", NULL},
        {HEAD(1, 1) "s:general.alignment 4:4 4:64 " T("t", 256, 1, 12, 0) "p:64 z:144", NULL},
        {HEAD(1, 1) "s:general.alignment 4:4 4:1 " V("t", 1, 0, 0) "z:4", NULL},
        /* magic and version */
        {"", "no GGUF file"},
        {"GGU", "no GGUF file"},
        {"GGUE 4:3 8:0 8:0", "no GGUF file"},
        {"GGUF", "its first bytes"},
        {"GGUF 4:0 8:0 8:0", "version 0"},
        {"GGUF 4:1 8:0 8:0", "version 1"},
        {"GGUF 4:4 8:0 8:0", "version 4"},
        {"GGUF 4:0x03000000 8:0 8:0", "big-endian"},
        {"GGUF 4:3 8:0 4:0", "its first bytes"},
        /* counts */
        {HEAD(0, -1), "claims"},
        {HEAD(-1, 0), "claims"},
        {HEAD(0, 1), "claims"},
        {HEAD(1, 0) "z:32", "claims"},
        {HEAD(0x8000000000000000, 0), "claims"},
        {HEAD(0, 65537) "z:1000000", "claims"},
        /* keys */
        {HEAD(0, 1) "s: 4:4 4:7 z:4", "0 bytes long"},
        {HEAD(0, 1) "8:-1 a z:20", "inside a key"},
        {HEAD(0, 1) "8:65536 z:70000", "65536 bytes long"},
        {HEAD(0, 1) "8:2 1:97 1:0 4:4 4:7", "printable"},
        {HEAD(0, 1) "8:2 1:97 1:27 4:4 4:7", "printable"},
        {HEAD(0, 2) "s:a 4:4 4:7 s:a 4:4 4:7", "there twice"},
        {HEAD(0, 2) "s:a 4:0 1:7 s:a 4:8 s:x z:9", "there twice"},
        /* values */
        {HEAD(0, 1) "s:a 4:13 8:0 8:0", "unknown type 13"},
        {HEAD(0, 1) "s:a 4:-1 8:0 8:0", "unknown type"},
        {HEAD(0, 1) "s:abcdef 4:10 4:0", "more than the rest"},
        {HEAD(0, 1) "s:a 4:7 1:2", "bool of value 2"},
        {HEAD(0, 1) "s:a 4:8 8:1", "past the end"},
        {HEAD(0, 1) "s:a 4:8 8:-1 z:9", "past the end"},
        {HEAD(0, 1) "s:a 4:8 8:0x7fffffffffffffff", "past the end"},
        {HEAD(0, 1) "s:abcdef 4:9 4:4", "inside an array"},
        {HEAD(0, 1) "s:a 4:9 4:4 8:-1", "more than the rest"},
        {HEAD(0, 1) "s:a 4:9 4:4 8:0x4000000000000001 4:1", "more than the rest"},
        {HEAD(0, 1) "s:a 4:9 4:12 8:0x2000000000000000", "more than the rest"},
        {HEAD(0, 1) "s:a 4:9 4:8 8:0x1000000000000000 z:99", "more than the rest"},
        {HEAD(0, 1) "s:a 4:9 4:8 8:2 s:one 8:9 z:8", "past the end"},
        {HEAD(0, 1) "s:a 4:9 4:7 8:3 1:1 1:0 1:3", "bool of value 3"},
        {HEAD(0, 1) "s:a 4:9 4:9 8:1 4:4 8:1 4:1", "array of arrays"},
        {HEAD(0, 1) "s:a 4:9 4:77 8:1 4:4", "unknown type 77"},
        /* alignment */
        {HEAD(0, 1) "s:general.alignment 4:4 4:0", "must be from 1"},
        {HEAD(0, 1) "s:general.alignment 4:4 4:13", "no power of two"},
        {HEAD(0, 1) "s:general.alignment 4:4 4:0x80000000", "must be from 1"},
        {HEAD(0, 1) "s:general.alignment 4:5 4:-32", "must be from 1"},
        {HEAD(0, 1) "s:general.alignment 4:8 s:32", "must be a whole number"},
        {HEAD(0, 1) "s:general.alignment 4:6 4:0x42000000", "must be a whole number"},
        {HEAD(0, 1) "s:general.alignment 4:9 4:4 8:1 4:32", "must be a whole number"},
        /* tensors */
        {HEAD(1, 0) "s: 4:1 8:1 4:0 8:0 p:32 z:4", "0 bytes long"},
        {HEAD(1, 0) "8:65 z:120", "65 bytes long"},
        {HEAD(1, 0) "8:-1 z:120", "inside a tensor's name"},
        {HEAD(1, 0) "s:a/\033b 4:1 8:1 4:0 8:0 p:32 z:4", "printable"},
        {HEAD(2, 0) V("t", 8, 0, 0) V("t", 8, 0, 32) "p:32 z:64", "there twice"},
        {HEAD(1, 0) "s:t 4:0 4:0 8:0 z:64", "0 dimensions"},
        {HEAD(1, 0) "s:t 4:5 8:1 8:1 8:1 8:1 8:1 4:0 8:0 z:64", "5 dimensions"},
        {HEAD(1, 0) "s:t 4:-1 z:64", "4294967295 dimensions"},
        {HEAD(1, 0) V("t", 0, 0, 0) "p:32", "is 0"},
        {HEAD(1, 0) T("t", 4, 0, 0, 0) "p:32", "is 0"},
        {HEAD(1, 0) "s:t 4:4 8:1 8:1", "claims"},
        {HEAD(1, 0) "s:t 4:4 8:1 8:1 z:4", "inside the table"},
        {HEAD(1, 0) V("t", 1, 99, 0) "p:32 z:4", "unknown type 99"},
        {HEAD(1, 0) V("t", 1, -1, 0) "p:32 z:4", "unknown type"},
        {HEAD(1, 0) V("t", 32, 4, 0) "p:32 z:400", "unknown type 4"}, /* Q4_2 is gone */
        {HEAD(1, 0) V("t", 32, 9, 0) "p:32 z:400", "of type Q8_1; lace reads"},
        {HEAD(1, 0) V("t", 256, 17, 0) "p:32 z:400", "of type IQ2_XS; lace reads"},
        {HEAD(1, 0) V("t", 33, 8, 0) "p:32 z:68", "no multiple of Q8_0's 32"},
        {HEAD(1, 0) T("t", 128, 2, 12, 0) "p:32 z:144", "no multiple of Q4_K's 256"},
        {HEAD(1, 0) V("t", 1, 0, 32) "p:32 z:64", "should at 0"},
        {HEAD(1, 0) V("t", 1, 0, 7) "p:32 z:64", "should at 0"},
        {HEAD(2, 0) V("t", 1, 0, 0) V("u", 1, 0, 4) "p:32 z:64", "should at 32"},
        {HEAD(2, 0) V("t", 1, 0, 0) V("u", 1, 0, 0) "p:32 z:64", "should at 32"},
        {HEAD(2, 0) V("t", 1, 0, 0) V("u", 1, 0, 64) "p:32 z:128", "should at 32"},
        /* sizes that wrap */
        {HEAD(1, 0) V("t", 0x4000000000000000, 0, 0) "p:32 z:64", "too large"},
        {HEAD(1, 0) T("t", 0x100000000, 0x100000000, 24, 0) "p:32 z:64", "too large"},
        {HEAD(1, 0) "s:t 4:4 8:0x40000000 8:0x40000000 8:0x40000000 8:4 4:0 8:0 p:32 z:64", "too large"},
        {HEAD(1, 0) T("t", 0x8000000000000000, 2, 8, 0) "p:32 z:64", "too large"},
        {HEAD(2, 0) V("t", 0x7FFFFFFFFFFFFFC0, 24, 0) V("u", 0x7FFFFFFFFFFFFFC0, 24, 0x7FFFFFFFFFFFFFC0) "p:32 z:64",
         "need"}, /* the sum is 2^64 - 128 */
        {HEAD(3, 0) V("t", 0x7FFFFFFFFFFFFFC0, 24, 0) V("u", 0x7FFFFFFFFFFFFFC0, 24, 0x7FFFFFFFFFFFFFC0)
             V("v", 0x100, 24, 0xFFFFFFFFFFFFFF80) "p:32 z:64",
         "together too large"},
        {HEAD(1, 0) V("t", 0xFFFFFFFFFFFFFFFF, 24, 0) "p:32 z:64", "together too large"}, /* padding wraps */
        {HEAD(1, 0) V("t", 0xFFFFFFFFFFFFFFE0, 24, 0) "p:32 z:64", "need"},
        /* the end */
        {HEAD(1, 0) V("t", 8, 0, 0) "p:32 z:31", "cut short"},
        {HEAD(1, 0) V("t", 8, 0, 0), "cut short"},
        {HEAD(1, 0) V("t", 8, 0, 0) "p:32 z:33", "1 bytes follow"},
        {HEAD(1, 0) V("t", 1, 0, 0) "p:32 z:40", "8 bytes follow"},
        {HEAD(0, 0) "p:32 z:1", "1 bytes follow"},
    };
    struct lace_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = try(cases[i].recipe, &err);
        if (!cases[i].says && code) fail_msg("%s: %s", cases[i].recipe, err.text);
        if (cases[i].says && (code != LACE_BAD || !strstr(err.text, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].recipe, code, err.text);
    }
}

/* One of everything. */
static const char whole[] =
    "GGUF 4:3 8:2 8:13 s:u8 4:0 1:200 s:i8 4:1 1:-2 s:u16 4:2 1:1 1:2 s:i16 4:3 1:-3 1:-1 "
    "s:u32 4:4 4:-1 s:i32 4:5 4:-5 s:f32 4:6 4:0x3fc00000 s:bool 4:7 1:1 s:text 4:8 s:caf\xc3\xa9 "
    "s:list 4:9 4:8 8:3 s:a s: s:ccc s:u64 4:10 8:-1 s:i64 4:11 8:-9 "
    "s:f64 4:12 8:0xc004000000000000 " V("w", 3, 30, 0) T("m", 32, 3, 8, 32) "p:32 z:32 z:102";

static void every_cut_is_refused(void **state)
{
    struct lace_gguf file;
    struct lace_error err;
    size_t len;
    unsigned char *bytes = gguf_make(whole, &len);
    for (size_t cut = 0; cut < len; cut++) {
        unsigned char *part = malloc(cut ? cut : 1);
        memcpy(part, bytes, cut);
        if (lace_gguf_parse(&file, part, cut, "here", &err) != LACE_BAD) fail_msg("%zu of %zu bytes", cut, len);
        free(part);
    }
    free(bytes);
}

static void every_value_reads_back(void **state)
{
    static const struct {
        const char *key;
        long value;
    } numbers[] = {{"u8", 200}, {"i8", -2},  {"u16", 0x201},    {"i16", -3},    {"u32", 4294967295},
                   {"i32", -5}, {"i64", -9}, {"u64", LONG_MAX}, {"missing", 77}};
    struct lace_gguf file;
    struct lace_error err;
    struct lace_string s;
    const struct lace_gguf_pair *pair;
    size_t len;
    long n;
    double x;
    bool b;
    unsigned char *bytes = gguf_make(whole, &len);
    if (lace_gguf_parse(&file, bytes, len, "here", &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_int_equal(lace_gguf_int(&file, numbers[i].key, 77, LONG_MIN, LONG_MAX, &n, &err), 0);
        assert_int_equal(n, numbers[i].value);
    }
    assert_int_equal(lace_gguf_real(&file, "f32", 0, -9, 9, &x, &err), 0);
    assert_true(x == 1.5);
    assert_int_equal(lace_gguf_real(&file, "f64", 0, -9, 9, &x, &err), 0);
    assert_true(x == -2.5);
    assert_int_equal(lace_gguf_real(&file, "i8", 0, -9, 9, &x, &err), 0);
    assert_true(x == -2);
    assert_int_equal(lace_gguf_bool(&file, "bool", false, &b, &err), 0);
    assert_true(b);
    assert_int_equal(lace_gguf_string(&file, "text", &s, &err), 0);
    assert_int_equal(s.len, 5);
    assert_memory_equal(s.bytes, "caf\xc3\xa9", 5);
    assert_int_equal(lace_gguf_array(&file, "list", LACE_GGUF_STRING, &pair, &err), 0);
    const unsigned char *at = pair->data;
    static const char *const list[] = {"a", "", "ccc"};
    assert_int_equal(pair->count, 3);
    for (int i = 0; i < 3; i++) {
        s = lace_gguf_next(&at);
        assert_int_equal(s.len, strlen(list[i]));
        assert_memory_equal(s.bytes, list[i], s.len);
    }
    assert_int_equal(lace_gguf_string(&file, "missing", &s, &err), 0);
    assert_null(s.bytes);
    assert_int_equal(lace_gguf_array(&file, "missing", LACE_GGUF_STRING, &pair, &err), 0);
    assert_null(pair);

    const struct lace_tensor *t = lace_gguf_tensor(&file, "m");
    assert_non_null(t);
    assert_int_equal(t->type, LACE_T_Q8_0);
    assert_int_equal(t->shape[0], 3);
    assert_int_equal(t->shape[1], 32);
    assert_int_equal(t->bytes, 102);
    assert_ptr_equal((const unsigned char *)t->data + 102, bytes + len);
    assert_ptr_equal((const unsigned char *)lace_gguf_tensor(&file, "w")->data + 32, t->data);
    assert_null(lace_gguf_tensor(&file, "x"));
    lace_gguf_close(&file);
    free(bytes);
}

static void types_are_checked(void **state)
{
    struct lace_gguf file;
    struct lace_error err;
    struct lace_string s;
    const struct lace_gguf_pair *pair;
    size_t len;
    long n;
    double x;
    bool b;
    unsigned char *bytes = gguf_make(whole, &len);
    if (lace_gguf_parse(&file, bytes, len, "here", &err)) fail_msg("%s", err.text);
    assert_int_equal(lace_gguf_int(&file, "text", 0, 0, 9, &n, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "\"text\" must be a whole number, and is of type string"));
    assert_int_equal(lace_gguf_int(&file, "f32", 0, 0, 9, &n, &err), LACE_BAD);
    assert_int_equal(lace_gguf_int(&file, "bool", 0, 0, 9, &n, &err), LACE_BAD);
    assert_int_equal(lace_gguf_int(&file, "list", 0, 0, 9, &n, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "an array of string"));
    assert_int_equal(lace_gguf_int(&file, "u8", 0, 0, 199, &n, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "from 0 to 199, not 200"));
    assert_int_equal(lace_gguf_real(&file, "bool", 0, 0, 9, &x, &err), LACE_BAD);
    assert_int_equal(lace_gguf_real(&file, "f64", 0, 0, 9, &x, &err), LACE_BAD);
    assert_int_equal(lace_gguf_bool(&file, "u8", false, &b, &err), LACE_BAD);
    assert_int_equal(lace_gguf_string(&file, "list", &s, &err), LACE_BAD);
    assert_int_equal(lace_gguf_string(&file, "u64", &s, &err), LACE_BAD);
    assert_int_equal(lace_gguf_array(&file, "text", LACE_GGUF_STRING, &pair, &err), LACE_BAD);
    assert_int_equal(lace_gguf_array(&file, "list", LACE_GGUF_I32, &pair, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "must be an array of whole numbers"));
    lace_gguf_close(&file);
    free(bytes);
}

static void files_that_are_none(void **state)
{
    static char path[] = "/tmp/lace-gguf-XXXXXX";
    struct lace_gguf file;
    struct lace_error err;
    assert_int_equal(lace_gguf_open(&file, "/nonexistent.gguf", &err), LACE_SYSTEM);
    assert_int_equal(lace_gguf_open(&file, "/tmp", &err), LACE_BAD);
    int fd = mkstemp(path);
    assert_int_equal(lace_gguf_open(&file, path, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "is empty"));
    size_t len;
    unsigned char *bytes = gguf_make(whole, &len);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    free(bytes);
    if (lace_gguf_open(&file, path, &err)) fail_msg("%s", err.text);
    assert_int_equal(file.map_bytes, len);
    assert_int_equal(file.count, 2);
    lace_gguf_close(&file);
    unlink(path);
}

/* row i + s d / 2 of a head lies at 2 i + s: every place once, and each head in its own rows */
static void turned_rows(void **state)
{
    static const size_t places[] = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
    struct lace_tensor t = {.turned = 6};
    for (size_t row = 0; row < 12; row++) assert_int_equal(lace_tensor_row(&t, row), places[row]);
    t.turned = 0;
    for (size_t row = 0; row < 12; row++) assert_int_equal(lace_tensor_row(&t, row), row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_checked),     cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_value_reads_back), cmocka_unit_test(types_are_checked),
        cmocka_unit_test(files_that_are_none),    cmocka_unit_test(turned_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
