/* Records in files: made in any part, counted, shown without obeying what they hold. */
#include "data/diversity.h"
#include "synth/data.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int keep(void *user, const char *bytes, size_t len)
{
    lace_text_add(user, bytes, len);
    return 0;
}

static int refuse(void *user, const char *bytes, size_t len) { return 1; }

static void parts_add_up_to_the_whole(void **state)
{
    struct lace_data_knobs knobs;
    struct lace_text whole, parts;
    struct lace_error err;
    lace_text_init(&whole);
    lace_text_init(&parts);
    lace_data_knobs_defaults(&knobs);
    assert_int_equal(lace_data_make("search", &knobs, 5, 20, keep, &whole, &err), 0);
    assert_int_equal(lace_data_make("search", &knobs, 5, 13, keep, &parts, &err), 0);
    assert_int_equal(lace_data_make("search", &knobs, 18, 7, keep, &parts, &err), 0);
    assert_string_equal(whole.data, parts.data);
    lace_text_clear(&whole);
    assert_int_equal(lace_data_make("search", &knobs, UINT64_MAX, 1, keep, &whole, &err),
                     0); /* no loop for ever at the edge */
    assert_int_equal(lace_data_make("search", &knobs, 0, 5, refuse, NULL, &err), LACE_STOPPED);
    assert_int_equal(lace_data_make("sarch", &knobs, 0, 5, keep, &whole, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "sarch"));
    lace_text_release(&whole);
    lace_text_release(&parts);
}

/* Records of `search` are what the shipped model was trained on: for the same knobs they stay the same bytes. */
static void search_records_stay_the_same_bytes(void **state)
{
    static const struct {
        uint64_t hash;
        int policy, strategy;
        double corrupt;
        struct lace_interval difficulty, options, threads, ambiguity;
        int budget, moduli[3], modulus_count;
        enum lace_split split;
    } cases[] = {
        {0x939140432ad98442u,
         LACE_POLICY_SHARED,
         0,
         0,
         {4, 4},
         {8, 8},
         {4, 4},
         {0, 0},
         0,
         {11, 13},
         2,
         LACE_SPLIT_TEST},
        {0x65fce52a2289ca8fu,
         LACE_POLICY_SHARED,
         0,
         0.5,
         {1, 4},
         {4, 10},
         {2, 8},
         {0, 2},
         0,
         {11, 13},
         2,
         LACE_SPLIT_TRAIN},
        {0x431c1e7b2d8c1905u,
         LACE_POLICY_ALONE,
         0,
         0,
         {1, 4},
         {4, 10},
         {1, 1},
         {0, 1},
         64,
         {11, 13},
         2,
         LACE_SPLIT_TRAIN},
        {0xa23982049f6a776fu,
         LACE_POLICY_TAGGED,
         0,
         0,
         {2, 4},
         {4, 10},
         {2, 16},
         {1, 2},
         0,
         {11, 13},
         2,
         LACE_SPLIT_TRAIN},
        {0x1988a46d32b8e291u,
         LACE_POLICY_SHARED,
         2,
         1,
         {5, 12},
         {2, 16},
         {1, 9},
         {2, 2},
         0,
         {11, 13, 97},
         3,
         LACE_SPLIT_TRAIN},
        {0xc2b1621447f7a56fu,
         LACE_POLICY_SHARED,
         3,
         0.5,
         {3, 3},
         {6, 6},
         {3, 3},
         {0, 0},
         9,
         {7, 13},
         2,
         LACE_SPLIT_TRAIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_data_knobs knobs;
        struct lace_text text;
        struct lace_error err = {""};
        lace_text_init(&text);
        lace_data_knobs_defaults(&knobs);
        knobs.policy = cases[i].policy;
        knobs.strategy = cases[i].strategy;
        knobs.corrupt = cases[i].corrupt;
        knobs.difficulty = cases[i].difficulty;
        knobs.options = cases[i].options;
        knobs.threads = cases[i].threads;
        knobs.ambiguity = cases[i].ambiguity;
        knobs.budget = cases[i].budget;
        memcpy(knobs.moduli, cases[i].moduli, sizeof cases[i].moduli);
        knobs.modulus_count = cases[i].modulus_count;
        knobs.split = cases[i].split;
        knobs.seed = 11 + i;
        if (lace_data_make("search", &knobs, 3, 300, keep, &text, &err)) fail_msg("%s", err.text);
        uint64_t hash = lace_hash(text.data, text.len);
        if (hash != cases[i].hash) fail_msg("case %zu: 0x%016llxu", i, (unsigned long long)hash);
        lace_text_release(&text);
    }
}

static struct lace_record_thread thread_of(char **steps, int count)
{
    return (struct lace_record_thread){.steps = steps, .count = count};
}

static void distance_counts_words(void **state)
{
    char *a[] = {"one two three\n", "four"}, *b[] = {"one two", "three four\n"}, *c[] = {"one 2 three four five\n"},
         *none[] = {""};
    struct lace_record_thread x = thread_of(a, 2), y = thread_of(b, 2), z = thread_of(c, 1), empty = thread_of(none, 1);
    assert_true(lace_data_distance(&x, &y) == 0);
    assert_true(fabs(lace_data_distance(&x, &z) - 2.0 / 5) < 1e-12);
    assert_true(lace_data_distance(&x, &empty) == 1);
    assert_true(lace_data_distance(&empty, &empty) == 0);
}

static uint64_t count_of(const struct lace_data_tally *list, const char *name)
{
    for (; list->name[0]; list++)
        if (!strcmp(list->name, name)) return list->count;
    return 0;
}

static void statistics_agree_with_the_marks(void **state)
{
    struct lace_data_knobs knobs;
    struct lace_text text;
    struct lace_data_stats stats;
    struct lace_error err = {""};
    char path[] = "/tmp/lace-test-XXXXXX";
    lace_text_init(&text);
    lace_data_knobs_defaults(&knobs);
    knobs.difficulty = (struct lace_interval){2, 11};
    knobs.corrupt = 0.5;
    knobs.split = LACE_SPLIT_TEST;
    assert_int_equal(lace_data_make("search", &knobs, 0, 200, keep, &text, &err), 0);
    int file = mkstemp(path);
    assert_true(write(file, text.data, text.len) == (ssize_t)text.len);
    close(file);
    if (lace_data_stats(path, NULL, &stats, &err)) fail_msg("%s", err.text);
    assert_true(stats.records == 200 && stats.threads == 800 && stats.unread == 0 && stats.test_side == 200);
    assert_in_range(stats.corrupted, 70, 130);
    assert_int_equal(count_of(stats.kinds, "flip"), count_of(stats.checks, "wrong verdict"));
    assert_int_equal(count_of(stats.kinds, "forge") + count_of(stats.kinds, "miss"),
                     count_of(stats.checks, "wrong product") + count_of(stats.checks, "wrong sum"));
    assert_int_equal(count_of(stats.verdicts, "best") + count_of(stats.verdicts, "success"), stats.right);
    assert_int_equal(count_of(stats.verdicts, "fail"), 800 - stats.right);
    assert_true(stats.diversity > 0.1 && stats.diversity < 0.9 && stats.most_steps >= stats.rounds);
    assert_string_equal(stats.difficulties[0].name, "2");
    assert_string_equal(stats.difficulties[9].name, "11"); /* by number, not by spelling */
    lace_text_release(&text);

    lace_text_init(&text);
    assert_int_equal(lace_data_show(path, 3, 2, 100, 0, keep, &text, &err), 0);
    assert_non_null(strstr(text.data, "search-"));
    assert_null(strchr(text.data, '\033'));
    assert_non_null(strstr(text.data, "[[best]]"));
    lace_text_clear(&text);
    assert_int_equal(lace_data_show(path, 0, 0, 100, 1, keep, &text, &err), 0);
    assert_non_null(strchr(text.data, '\033'));
    lace_text_release(&text);
    unlink(path);
    assert_true(lace_data_stats(path, NULL, &stats, &err) < 0);
    assert_true(lace_data_show(path, 0, 0, 100, 1, keep, &text, &err) < 0);
}

static void a_shown_record_cannot_command_the_terminal(void **state)
{
    char *steps[] = {"\033]0;title\a evil\x7f\xc2\x9b 31m \xc3\xa9\n"};
    struct lace_record_thread thread = {.steps = steps, .count = 1, .answer = "\033[2J"};
    struct lace_record record = {
        .id = "\033c", .prompt = "a\rb", .answer = "\b", .threads = &thread, .thread_count = 1};
    struct lace_text text;
    lace_text_init(&text);
    lace_data_render(&record, 80, false, &text);
    for (size_t i = 0; i < text.len; i++) assert_true((unsigned char)text.data[i] >= 32 || text.data[i] == '\n');
    assert_null(strstr(text.data, "\xc2\x9b"));
    assert_non_null(strstr(text.data, "\xc3\xa9"));
    lace_text_clear(&text);
    lace_data_render(&record, 1, true, &text); /* narrower than a column */
    lace_text_release(&text);
}

static void families_are_listed(void **state)
{
    struct lace_data_family family;
    assert_true(lace_data_family_count() >= 1);
    for (int i = 0; i < lace_data_family_count(); i++) {
        assert_int_equal(lace_data_family(i, &family), 0);
        assert_ptr_equal(lace_family_find(family.name, NULL)->name, family.name);
        assert_true(family.difficulty.low <= family.trained.low && family.trained.high <= family.difficulty.high);
    }
    assert_int_equal(lace_data_family(lace_data_family_count(), &family), LACE_BAD);
    assert_int_equal(lace_data_family(-1, &family), LACE_BAD);
    assert_int_equal(lace_data_check("search", "Find p (each from 1 to 8, mod 11): p*3+4=5.", "4", NULL), 1);
    assert_int_equal(lace_data_check("none", "", "", NULL), LACE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_add_up_to_the_whole),
        cmocka_unit_test(search_records_stay_the_same_bytes),
        cmocka_unit_test(distance_counts_words),
        cmocka_unit_test(statistics_agree_with_the_marks),
        cmocka_unit_test(a_shown_record_cannot_command_the_terminal),
        cmocka_unit_test(families_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
