/* UTF-8 and what the tokenizer knows of Unicode. */
#include "text/unicode.h"
#include "text/unicode_table.h"
#include "text/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <cmocka.h>

static void broken_utf8_is_replaced_by_maximal_parts(void **state)
{
    static const struct {
        const char *bytes, *out;
    } cases[] = {{"a\xff"
                  "b",
                  "a\xef\xbf\xbd"
                  "b"},
                 {"\xe2\x82", "\xef\xbf\xbd"},
                 {"\xe2(\x82", "\xef\xbf\xbd(\xef\xbf\xbd"},
                 {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\xf0\x9f\x98x", "\xef\xbf\xbdx"},
                 {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
                 {"é€😀", "é€😀"}};
    struct lace_text out;
    lace_text_init(&out);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lace_text_clear(&out);
        lace_utf8_lossy(&out, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(out.data, cases[i].out);
        assert_int_equal(lace_utf8_valid(cases[i].bytes, strlen(cases[i].bytes)), i == 6);
    }
    lace_text_release(&out);
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t len = 0; len <= 10; len++) assert_int_equal(lace_utf8_whole("xé€😀", len), whole[len]);
    assert_int_equal(lace_utf8_whole("a\x80\x80\x80\x80", 5), 5); /* broken for good: nothing to wait for */
    assert_int_equal(lace_utf8_whole("\xed\xa0", 2), 2);
}

static size_t encode(uint32_t c, char *out)
{
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (uint8_t *)out);
}

static bool is_point(uint32_t c) { return c < 0xd800 || (c > 0xdfff && c < 0x110000); }

static void points_come_back(void **state)
{
    char bytes[8];
    for (uint32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 7) {
        if (!is_point(c)) continue;
        size_t n, len = encode(c, bytes + 1);
        bytes[0] = 'x';
        assert_int_equal(lace_utf8_point(bytes + 1, &n), c);
        assert_int_equal(n, len);
        assert_int_equal(lace_utf8_before(bytes, len + 1), 1);
    }
}

/* Characters in the blocks that lace_unicode_composed trusts are their own NFC, are no marks, and join nothing. */
static void composed_texts_are_their_own_nfc(void **state)
{
    static bool second[0x110000];
    size_t trusted = 0;
    for (uint32_t c = 0; c < 0x110000; c++) { /* what a canonical composition may end with */
        utf8proc_int32_t parts[8];
        if (!is_point(c)) continue;
        utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, 8, UTF8PROC_DECOMPOSE, NULL);
        for (utf8proc_ssize_t i = 1; i < n; i++) second[parts[i]] = true;
    }
    for (uint32_t c = 0; c < 0x110000; c++) {
        char bytes[5] = {0};
        if (!is_point(c)) continue;
        size_t len = encode(c, bytes);
        if (!lace_unicode_composed(bytes, len)) continue;
        trusted++;
        if (!c) continue; /* NUL ends utf8proc_NFC's text */
        char *nfc = (char *)utf8proc_NFC((uint8_t *)bytes);
        if (strcmp(nfc, bytes) || second[c] || utf8proc_get_property((utf8proc_int32_t)c)->combining_class)
            fail_msg("U+%04X is trusted", c);
        free(nfc);
    }
    assert_true(trusted > 90000);
}

/* New characters are found, and stand for one of equal length that PCRE2 knows. */
static void new_characters_are_seen_as_old_ones(void **state)
{
    struct lace_text seen;
    lace_text_init(&seen);
    for (size_t i = 0; i < sizeof lace_new_characters / sizeof *lace_new_characters; i++)
        for (uint32_t c = lace_new_characters[i][0]; c <= lace_new_characters[i][1]; c++) {
            char bytes[8] = "a";
            size_t n, len = 1 + encode(c, bytes + 1);
            assert_true(lace_unicode_any_new(bytes, len));
            lace_text_clear(&seen);
            lace_unicode_seen(&seen, bytes, len);
            assert_int_equal(seen.len, len);
            assert_int_equal(lace_utf8_point(seen.data + 1, &n), lace_new_characters[i][2]);
            assert_false(lace_unicode_any_new(seen.data, seen.len));
        }
    static const char old[] = "plain é 漢字 한글 😀 \xef\xbf\xbd";
    assert_false(lace_unicode_any_new(old, sizeof old - 1));
    lace_text_release(&seen);
}

static void words_and_blanks(void **state)
{
    static const uint32_t words[] = {'a', '_', '0', 0xe9, 0x301, 0x4e2d, 0x200d, 0x24b6, 0x2160, 0x1c89},
                          others[] = {' ', '-', 0xb2, 0xd7, 0x2028, 0x1f600, 0xad, 0xbd},
                          blanks[] = {' ', '\t', '\r', 0x85, 0xa0, 0x2003, 0x3000, 0x2029},
                          solid[] = {'a', 0x180e, 0x200b, 0xfeff, 0, 0x1f};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_true(lace_unicode_word(words[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_false(lace_unicode_word(others[i]));
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) assert_true(lace_unicode_space(blanks[i]));
    for (size_t i = 0; i < sizeof solid / sizeof *solid; i++) assert_false(lace_unicode_space(solid[i]));
    assert_int_equal(lace_unicode_lower(0x10d50), 0x10d70);
    assert_int_equal(lace_unicode_lower('A'), 'a');
    assert_int_equal(lace_unicode_lower(0xc9), 0xe9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_utf8_is_replaced_by_maximal_parts),
        cmocka_unit_test(points_come_back),
        cmocka_unit_test(composed_texts_are_their_own_nfc),
        cmocka_unit_test(new_characters_are_seen_as_old_ones),
        cmocka_unit_test(words_and_blanks),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
