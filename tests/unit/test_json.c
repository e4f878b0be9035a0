/* JSON: limits of the parser and the typed members. */
#include "io/json.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static json_t *parse(const char *text, struct lace_error *err)
{
    err->text[0] = 0;
    return lace_json_parse(text, strlen(text), "here", err);
}

static void bad_documents_get_a_sentence(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[1,]",
                                      "{\"a\":1,\"a\":2}",
                                      "\"\xff\"",
                                      "\"\xed\xa0\x80\"",
                                      "{} x",
                                      "nul",
                                      "\"\\ud800\"",
                                      "\"\\u0000\"",
                                      "[1e999]",
                                      "[99999999999999999999]",
                                      "{\"a\":{\"b\":1,\"b\":1}}",
                                      "\"a\nb\""};
    struct lace_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(parse(bad[i], &err));
        assert_memory_equal(err.text, "here", 4);
    }
    assert_null(lace_json_parse("{\"a\0\":1}", 8, "here", &err));
    assert_null(lace_json_parse("[", 1, "here", NULL));
}

static void depth_is_limited(void **state)
{
    struct lace_error err;
    char text[200000];
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    json_t *root = lace_json_parse(text, 128, "here", &err);
    assert_non_null(root);
    json_decref(root);
    memset(text, '[', sizeof text);
    assert_null(lace_json_parse(text, sizeof text, "here", &err));
    assert_non_null(strstr(err.text, "64"));
    /* brackets inside a string are no depth */
    memset(text + 1, '[', 1000);
    text[0] = '"';
    text[500] = '\\';
    text[501] = '"';
    text[1000] = '"';
    root = lace_json_parse(text, 1001, "here", &err);
    assert_non_null(root);
    json_decref(root);
}

static void members_have_types_ranges_and_defaults(void **state)
{
    struct lace_error err;
    int i;
    double d;
    bool b;
    const char *s;
    json_t *root = parse("{\"i\": 7, \"d\": 2.5, \"b\": true, \"s\": \"x\", \"n\": null, \"big\": 4294967296}", &err);
    assert_non_null(root);
    assert_int_equal(lace_json_int(root, "i", 1, 0, 7, &i, "w", &err), 0);
    assert_int_equal(i, 7);
    assert_int_equal(lace_json_int(root, "none", 3, 0, 1, &i, "w", &err), 0);
    assert_int_equal(i, 3);
    assert_int_equal(lace_json_int(root, "n", 4, 0, 1, &i, "w", &err), 0);
    assert_int_equal(i, 4);
    assert_int_equal(lace_json_int(root, "i", 1, 8, 9, &i, "w", &err), LACE_BAD);
    assert_string_equal(err.text, "w: \"i\" is 7; it must be from 8 to 9.");
    assert_int_equal(lace_json_int(root, "big", 1, INT_MIN, INT_MAX, &i, "w", &err), LACE_BAD);
    assert_int_equal(lace_json_int(root, "d", 1, 0, 9, &i, "w", &err), LACE_BAD);
    assert_int_equal(lace_json_int(root, "s", 1, 0, 9, &i, "w", &err), LACE_BAD);
    assert_int_equal(lace_json_double(root, "d", 0, 0, 3, &d, "w", &err), 0);
    assert_true(d == 2.5);
    assert_int_equal(lace_json_double(root, "i", 0, 0, 9, &d, "w", &err), 0);
    assert_int_equal(lace_json_double(root, "d", 0, 0, 1, &d, "w", &err), LACE_BAD);
    assert_int_equal(lace_json_double(root, "b", 0, 0, 1, &d, "w", &err), LACE_BAD);
    assert_int_equal(lace_json_bool(root, "b", false, &b, "w", &err), 0);
    assert_true(b);
    assert_int_equal(lace_json_bool(root, "i", false, &b, "w", &err), LACE_BAD);
    assert_int_equal(lace_json_string(root, "s", NULL, &s, "w", &err), 0);
    assert_string_equal(s, "x");
    assert_int_equal(lace_json_string(root, "n", "d", &s, "w", &err), 0);
    assert_string_equal(s, "d");
    assert_int_equal(lace_json_string(root, "n", NULL, &s, "w", &err), LACE_BAD);
    assert_int_equal(lace_json_string(root, "i", "d", &s, "w", &err), LACE_BAD);
    json_decref(root);
    assert_null(lace_json_read("/nonexistent/x.json", 100, &err));
    assert_null(lace_json_read("Makefile", 100, &err)); /* longer than allowed */
}

/* Only what has more digits than an integer surely holds changes, and nothing inside of strings. */
static void long_integers_become_real_where_asked(void **state)
{
    char path[] = "/tmp/lace_json_XXXXXX";
    struct lace_error err;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static const char text[] =
        "{\"a\": 1000000000000000019884624838656, \"b\": [-99999999999999999999], \"c\": 123456789,"
        "\"d\": \"12345678901234567890 \\\" 12345678901234567890\", \"e\": 1.12345678901234567890,"
        "\"f\": 1e5, \"g\": 2.5e-3, \"h\": -5}";
    assert_int_equal(lace_write_file(path, text, sizeof text - 1, &err), 0);
    assert_null(lace_json_read(path, 1000, &err));
    json_t *root = lace_json_read_wide(path, 1000, &err);
    if (!root) fail_msg("%s", err.text);
    assert_true(json_real_value(json_object_get(root, "a")) == 1e30);
    assert_true(json_real_value(json_array_get(json_object_get(root, "b"), 0)) == -1e20);
    assert_int_equal(json_integer_value(json_object_get(root, "c")), 123456789);
    assert_string_equal(json_string_value(json_object_get(root, "d")), "12345678901234567890 \" 12345678901234567890");
    assert_true(json_real_value(json_object_get(root, "e")) == 1.12345678901234567890);
    assert_int_equal(json_integer_value(json_object_get(root, "h")), -5);
    json_decref(root);
    assert_null(lace_json_read_wide(path, 10, &err));
    assert_int_equal(lace_write_file(path, "12345678901234567890", 20, &err), 0);
    root = lace_json_read_wide(path, 1000, &err);
    assert_true(json_is_real(root));
    json_decref(root);
    assert_int_equal(lace_write_file(path, "\"1234567890123456789", 20, &err), 0); /* no end */
    assert_null(lace_json_read_wide(path, 1000, &err));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_documents_get_a_sentence),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(members_have_types_ranges_and_defaults),
        cmocka_unit_test(long_integers_become_real_where_asked),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
