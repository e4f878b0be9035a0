/* The page as a file with a run inside: whatever the run says, it stays data. */
#include <lace.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) n++;
    return n;
}

static char *write_page(const char *json)
{
    struct lace_error err;
    char *html;
    size_t len;
    int code = lace_page_write(json, strlen(json), &html, &len, &err);
    if (code) fail_msg("%s", err.text);
    assert_int_equal(strlen(html), len);
    return html;
}

static void holds_everything(void **state)
{
    char *html = write_page("{\"threads\": [{\"text\": \"hello\"}]}");
    assert_non_null(strstr(html, "id=\"run-data\">{\"threads\": [{\"text\": \"hello\"}]}</script>"));
    assert_null(strstr(html, " src="));
    assert_null(strstr(html, " href="));
    assert_non_null(strstr(html, "Content-Security-Policy\" content=\"default-src 'none'; script-src 'nonce-"));
    assert_int_equal(count(html, "<script nonce=\""), count(html, "</script>") - 1); /* the run has none */
    assert_true(count(html, "<script nonce=\"") > 4);
    assert_int_equal(count(html, "<style nonce=\""), 1);
    assert_non_null(strstr(html, "lace.View = class")); /* the last but one of the scripts */
    free(html);
}

static void a_nonce_is_used_once(void **state)
{
    char *one = write_page("{\"threads\": []}"), *other = write_page("{\"threads\": []}");
    const char *a = strstr(one, "script-src 'nonce-"), *b = strstr(other, "script-src 'nonce-");
    assert_memory_not_equal(a, b, strlen("script-src 'nonce-") + 32);
    free(one);
    free(other);
}

static void a_text_stays_a_text(void **state)
{
    char *plain = write_page("{\"threads\": []}");
    static const char *const texts[] = {"</script><script>alert(1)</script>", "<!-- <script>", "<!--", "]]>",
                                        "</SCRIPT >"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"threads\": [], \"prompt\": \"%s\"}", texts[i]);
        char *html = write_page(json);
        assert_int_equal(count(html, "<"), count(plain, "<")); /* no tag more than with an empty run */
        free(html);
    }
    free(plain);
}

static void refuses(void **state)
{
    static const struct {
        const char *json, *part;
    } cases[] = {
        {"", "not valid JSON"},
        {"{", "not valid JSON"},
        {"{\"threads\": [], \"threads\": []}", "not valid JSON"},
        {"{\"threads\": \"\xff\"}", "not valid JSON"},
        {"[]", "no run"},
        {"1", "no run"},
        {"null", "no run"},
        {"{}", "no run"},
        {"{\"threads\": {}}", "no run"},
        {"{\"runs\": 2}", "no run"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_error err;
        char *html;
        size_t len;
        assert_int_equal(lace_page_write(cases[i].json, strlen(cases[i].json), &html, &len, &err), LACE_BAD);
        assert_null(html);
        if (!strstr(err.text, cases[i].part)) fail_msg("%s: %s", cases[i].json, err.text);
    }
    char deep[300];
    struct lace_error err;
    size_t len;
    char *html;
    memset(deep, '[', sizeof deep);
    assert_int_equal(lace_page_write(deep, sizeof deep, &html, &len, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "deeper"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holds_everything), cmocka_unit_test(a_nonce_is_used_once),
                                       cmocka_unit_test(a_text_stays_a_text), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
