/* The page: whatever names say, it stays a page; it has a picture of everything that there is. */
#include "study_test.h"
#include "eval/report.h"
#include <ctype.h>

static char folder[] = "/tmp/lace-report-XXXXXX", path[64];

static int set_up(void **state)
{
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/page.html", folder);
    return 0;
}

static int tear_down(void **state)
{
    lace_remove_folder(folder);
    return 0;
}

static char *page_of(const struct lace_study *s)
{
    struct lace_eval_result r;
    struct lace_error err;
    char *bytes;
    size_t len;
    assert_works(lace_study_summary(s, &r, &err), err);
    assert_works(lace_report_write(path, s, &r, "a <test> & more", &err), err);
    assert_works(lace_read_file(path, 1 << 24, &bytes, &len, &err), err);
    assert_true(strlen(bytes) == len);
    lace_eval_release(&r);
    return bytes;
}

/* Every element that must be closed is, in its order. */
static void tags_are_closed(const char *page)
{
    static const char *const open_ended[] = {"meta", "th", "br", "!doctype", "path/", "tr/"};
    char stack[64][16];
    int depth = 0;
    for (const char *at = strchr(page, '<'); at; at = strchr(at, '<')) {
        char name[16] = "";
        bool closes = at[1] == '/';
        const char *from = at + 1 + closes, *end = strchr(at, '>');
        assert_non_null(end);
        for (int i = 0; i < 15 && (isalnum((unsigned char)from[i]) || from[i] == '!'); i++)
            name[i] = from[i], name[i + 1] = 0;
        assert_true(name[0]);
        bool open = end[-1] == '/';
        for (size_t i = 0; i < sizeof open_ended / sizeof *open_ended; i++) open |= !strcmp(name, open_ended[i]);
        at = end;
        if (open) continue;
        if (!closes) {
            assert_true(depth < 64);
            strcpy(stack[depth++], name);
        } else {
            if (!depth || strcmp(stack[depth - 1], name))
                fail_msg("</%s> closes <%s>", name, depth ? stack[depth - 1] : "nothing");
            depth--;
        }
    }
    assert_int_equal(depth, 0);
}

static int count(const char *page, const char *what)
{
    int n = 0;
    for (const char *at = page; (at = strstr(at, what)); at++) n++;
    return n;
}

static void everything_has_its_picture(void **state)
{
    static const struct made_cell cells[] = {
        {"chain", 1, 0, 12}, {"chain", 2, 0, 12}, {"chain", 2, 1, 12}, {"search", 2, 0, 12}, {"search", 3, 0, 12}};
    struct lace_study s = make_study(cells, 5, usual_arms, 4, 2, (int[]){4, 1, 2}, 3, usual_right);
    char *page = page_of(&s);
    tags_are_closed(page);
    /* headline; two families over difficulty; one over ambiguity; threads; three prices; differences */
    assert_int_equal(count(page, "<svg"), 1 + 2 + 1 + 1 + 3 + 1);
    assert_true(!strstr(page, "http") && !strstr(page, "<script") && !strstr(page, "nan") && !strstr(page, "inf"));
    assert_non_null(strstr(page, "prefers-color-scheme:dark"));
    assert_non_null(strstr(page, "a &lt;test&gt; &amp; more"));
    assert_non_null(strstr(page, "models/seed &quot;0&quot;") ? page : strstr(page, "some/path"));
    lace_free(page);
    lace_study_release(&s);
}

/* From a database names are anybody's. */
static void names_cannot_break_out(void **state)
{
    static const struct made_cell cells[] = {{"</title><script>x", 1, 0, 8}, {"</title><script>x", 2, 0, 8}};
    static const struct made_arm arms[] = {{"independent\"><b", LACE_PICK_VOTE, true},
                                           {"lace", LACE_PICK_VERDICT, false},
                                           {"<img src=x>", LACE_PICK_VERDICT, true},
                                           {"\x01\x1f", LACE_PICK_VERDICT, true}};
    struct lace_study s = make_study(cells, 2, arms, 4, 1, (int[]){4}, 1, usual_right);
    assert_int_equal(lace_study_warn(&s, NULL, "</div><script>alert(1)</script>"), 0);
    free(s.trials[0].path);
    s.trials[0].path = strdup("</code><iframe>");
    char *page = page_of(&s);
    tags_are_closed(page);
    assert_true(!strstr(page, "<script") && !strstr(page, "<img") && !strstr(page, "<iframe") && !strstr(page, "<b\""));
    for (const char *c = page; *c; c++) assert_true((unsigned char)*c >= 32 || *c == '\n');
    lace_free(page);
    lace_study_release(&s);
}

/* A single arm, a single problem; nothing solved. */
static double never(int model, int threads, int arm, int cell) { return -1; }
static void little_is_enough(void **state)
{
    static const struct made_cell cell = {"search", 1, 0, 1};
    struct lace_study s = make_study(&cell, 1, usual_arms, 1, 1, (int[]){4}, 1, never);
    char *page = page_of(&s);
    tags_are_closed(page);
    assert_true(count(page, "<svg") == 4 && strstr(page, "none") && !strstr(page, "nan"));
    lace_free(page);
    struct lace_eval_result r;
    struct lace_error err;
    assert_works(lace_study_summary(&s, &r, &err), err);
    assert_int_equal(lace_report_write("/nowhere/page.html", &s, &r, NULL, &err), LACE_SYSTEM);
    lace_eval_release(&r);
    lace_study_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_has_its_picture),
        cmocka_unit_test(names_cannot_break_out),
        cmocka_unit_test(little_is_enough),
    };
    return cmocka_run_group_tests_name("report", tests, set_up, tear_down);
}
