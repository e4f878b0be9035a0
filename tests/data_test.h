/* Running a step of the pipeline on a text of records. */
#ifndef LACE_DATA_TEST_H
#define LACE_DATA_TEST_H
#include "io/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct data_test {
    struct lace_text kept, dropped;
    struct lace_data_report report;
    struct lace_data_flow flow;
    const char *in[2];
    char path[32];
};

static int data_test_keep(void *user, const char *bytes, size_t len)
{
    lace_text_add(&((struct data_test *)user)->kept, bytes, len);
    return 0;
}

static int data_test_drop(void *user, const char *bytes, size_t len)
{
    lace_text_add(&((struct data_test *)user)->dropped, bytes, len);
    return 0;
}

static inline void data_test_open(struct data_test *t, const char *lines)
{
    memset(t, 0, sizeof *t);
    strcpy(t->path, "/tmp/lace-test-XXXXXX");
    int file = mkstemp(t->path);
    assert_true(file >= 0 && write(file, lines, strlen(lines)) == (ssize_t)strlen(lines));
    close(file);
    t->in[0] = t->path;
    t->flow = (struct lace_data_flow){t->in, data_test_keep, data_test_drop, NULL, t};
    lace_text_init(&t->kept);
    lace_text_init(&t->dropped);
    lace_text_str(&t->kept, "");
    lace_text_str(&t->dropped, "");
}

static inline void data_test_close(struct data_test *t)
{
    unlink(t->path);
    lace_text_release(&t->kept);
    lace_text_release(&t->dropped);
}

static inline uint64_t data_test_count(const struct lace_data_tally *list, const char *name)
{
    for (; list->name[0]; list++)
        if (!strcmp(list->name, name)) return list->count;
    return 0;
}

/* The first record that was kept; the caller releases it. */
static inline void data_test_first(const struct data_test *t, struct lace_record *out)
{
    struct lace_error err;
    const char *end = strchr(t->kept.data, '\n');
    assert_non_null(end);
    if (lace_record_parse(out, t->kept.data, (size_t)(end - t->kept.data), "kept", &err)) fail_msg("%s", err.text);
}
#endif
