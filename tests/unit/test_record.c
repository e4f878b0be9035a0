/* Data records: round trips, and lines that are not what they should be. */
#include "io/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define HEAD "\"id\":\"1\",\"task\":\"t\",\"prompt\":\"p\""

static const char full[] = "{\"id\":\"r1\",\"task\":\"sum\",\"difficulty\":3,\"prompt\":\"2+2?\\n\",\"answer\":\"4\","
                           "\"threads\":[{\"steps\":[\"a\\n\",\"é\"],"
                           "\"answer\":\"4\",\"verdict\":\"best\",\"strategy\":\"up\"},{\"steps\":[],\"answer\":null,"
                           "\"verdict\":\"\"}],\"meta\":{\"k\":[1,2]}}";

static void a_record_reads_and_writes_back(void **state)
{
    struct lace_record r;
    struct lace_error err;
    struct lace_text out;
    lace_text_init(&out);
    assert_int_equal(lace_record_parse(&r, full, strlen(full), "here", &err), 0);
    assert_string_equal(r.id, "r1");
    assert_string_equal(r.prompt, "2+2?\n");
    assert_int_equal(r.difficulty, 3);
    assert_int_equal(r.thread_count, 2);
    assert_int_equal(r.threads[0].count, 2);
    assert_string_equal(r.threads[0].steps[1], "é");
    assert_int_equal(r.threads[0].verdict, LACE_VERDICT_BEST);
    assert_string_equal(r.threads[0].strategy, "up");
    assert_null(r.threads[1].answer);
    assert_null(r.threads[1].strategy);
    assert_int_equal(lace_record_format(&r, &out, &err), 0);
    assert_int_equal(out.len, strlen(full) + 1);
    assert_memory_equal(out.data, full, strlen(full));
    assert_int_equal(out.data[out.len - 1], '\n');
    lace_record_release(&r);
    lace_record_release(&r); /* twice is fine */

    assert_int_equal(lace_record_parse(&r, "{" HEAD "}", strlen("{" HEAD "}"), "here", &err), 0);
    assert_null(r.answer);
    assert_int_equal(r.thread_count, 0);
    free(r.prompt);
    r.prompt = strdup("\xff");
    size_t before = out.len;
    assert_int_equal(lace_record_format(&r, &out, &err), LACE_BAD); /* not UTF-8: nothing is appended */
    assert_int_equal(out.len, before);
    lace_record_release(&r);
    lace_text_release(&out);
}

static void wrong_records_get_a_sentence(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "JSON"},
        {"[]", "object"},
        {"1", "object"},
        {"{}", "\"id\" is missing"},
        {"{\"id\":\"1\"}", "\"task\" is missing"},
        {"{\"id\":\"1\",\"task\":\"t\"}", "\"prompt\" is missing"},
        {"{\"id\":1,\"task\":\"t\",\"prompt\":\"p\"}", "\"id\" must be a string"},
        {"{\"id\":null,\"task\":\"t\",\"prompt\":\"p\"}", "\"id\" is missing"},
        {"{" HEAD ",\"answer\":4}", "\"answer\" must be"},
        {"{" HEAD ",\"difficulty\":\"3\"}", "\"difficulty\" must be"},
        {"{" HEAD ",\"difficulty\":99999999999}", "\"difficulty\" is"},
        {"{" HEAD ",\"meta\":[]}", "\"meta\" must be"},
        {"{" HEAD ",\"threads\":{}}", "\"threads\" must be"},
        {"{" HEAD ",\"theads\":[]}", "\"theads\" is not a member"},
        {"{" HEAD ",\"threads\":[1]}", "thread 1 must be an object"},
        {"{" HEAD ",\"threads\":[{\"steps\":[]},{}]}", "thread 2: \"steps\" must be"},
        {"{" HEAD ",\"threads\":[{\"steps\":\"x\"}]}", "\"steps\" must be"},
        {"{" HEAD ",\"threads\":[{\"steps\":[\"a\",2]}]}", "step 2 must be"},
        {"{" HEAD ",\"threads\":[{\"steps\":[],\"verdict\":\"good\"}]}", "not \"good\""},
        {"{" HEAD ",\"threads\":[{\"steps\":[],\"verdict\":1}]}", "\"verdict\" must be"},
        {"{" HEAD ",\"threads\":[{\"steps\":[],\"answer\":[]}]}", "\"answer\" must be"},
        {"{" HEAD ",\"threads\":[{\"steps\":[],\"step\":[]}]}", "\"step\" is not"},
        {"{" HEAD ",\"id\":\"2\"}", "duplicate"},
        {"{" HEAD ",\"answer\":\"\xff\"}", "decode"},
        {"{" HEAD ",\"answer\":\"\\u0000\"}", "JSON"},
    };
    struct lace_record r;
    struct lace_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = lace_record_parse(&r, cases[i].line, strlen(cases[i].line), "here", &err);
        if (code != LACE_BAD || memcmp(err.text, "here", 4) || !strstr(err.text, cases[i].says))
            fail_msg("%s: %d %s", cases[i].line, code, err.text);
        assert_null(r.id);
    }
    assert_int_equal(lace_record_parse(&r, full, LACE_RECORD_BYTES + 1, "here", &err),
                     LACE_BAD); /* before it is read */
    for (size_t cut = 0; cut < strlen(full); cut++) {
        char *part = malloc(cut + 1);
        memcpy(part, full, cut);
        assert_int_equal(lace_record_parse(&r, part, cut, "here", NULL), LACE_BAD);
        free(part);
    }
}

static void threads_are_limited(void **state)
{
    struct lace_record r;
    struct lace_error err;
    for (int count = LACE_RECORD_THREADS; count <= LACE_RECORD_THREADS + 1; count++) {
        struct lace_text line;
        lace_text_init(&line);
        lace_text_str(&line, "{" HEAD ",\"threads\":[");
        for (int i = 0; i < count; i++) lace_text_str(&line, i ? ",{\"steps\":[]}" : "{\"steps\":[]}");
        lace_text_str(&line, "]}");
        assert_int_equal(lace_record_parse(&r, line.data, line.len, "here", &err),
                         count > LACE_RECORD_THREADS ? LACE_BAD : 0);
        lace_record_release(&r);
        lace_text_release(&line);
    }
    assert_non_null(strstr(err.text, "257 threads"));
}

static void files_name_the_line(void **state)
{
    char path[] = "/tmp/lace-record-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fprintf(f, "%s\n\n  \t\r\n{\"id\":1}\n%s\r\n", full, full);
    for (size_t i = 0; i < LACE_RECORD_BYTES + 10; i++) putc('x', f);
    fprintf(f, "\n{" HEAD "}\n\xff\n%c\n%s", 0, full); /* the last without a newline */
    fclose(f);
    struct lace_record_file *file;
    struct lace_record r;
    struct lace_error err;
    assert_int_equal(lace_record_open(&file, path, &err), 0);
    static const struct {
        int got;
        const char *says;
    } expected[] = {{1, ""},
                    {LACE_BAD, "line 4"},
                    {1, ""},
                    {LACE_BAD, "line 6 is longer"},
                    {1, ""},
                    {LACE_BAD, "line 8"},
                    {LACE_BAD, "line 9"},
                    {1, ""},
                    {0, ""},
                    {0, ""}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        err.text[0] = 0;
        int got = lace_record_next(file, &r, &err);
        if (got != expected[i].got || !strstr(err.text, expected[i].says)) fail_msg("%zu: %d %s", i, got, err.text);
        lace_record_release(&r);
    }
    lace_record_close(&file);
    lace_record_close(&file);
    unlink(path);
    assert_int_equal(lace_record_open(&file, "/nonexistent", &err), LACE_SYSTEM);
    assert_int_equal(lace_record_open(&file, "/tmp", &err), 0); /* a folder opens but does not read */
    assert_int_equal(lace_record_next(file, &r, &err), LACE_SYSTEM);
    lace_record_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_and_writes_back),
        cmocka_unit_test(wrong_records_get_a_sentence),
        cmocka_unit_test(threads_are_limited),
        cmocka_unit_test(files_name_the_line),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
