/* What is written into a database is read back to the last bit; runs are added beside each other; files that are
 * damaged, foreign or hostile end in one sentence. */
#include "study_test.h"
#include "eval/store.h"
#include <sqlite3.h>
#include <unistd.h>

static char folder[] = "/tmp/lace-store-XXXXXX", path[64];

static int set_up(void **state)
{
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/results.sqlite", folder);
    return 0;
}

static int tear_down(void **state)
{
    lace_remove_folder(folder);
    return 0;
}

static const struct made_cell cells[] = {{"chain", 1, 0, 12}, {"search", 2, 1, 9}};
static const int threads[] = {4, 1};

static struct lace_study study(void)
{
    struct lace_study s = make_study(cells, 2, usual_arms, 4, 2, threads, 2, usual_right);
    assert_int_equal(lace_study_warn(&s, NULL, "One's \"word\"."), 0);
    return s;
}

static void write_run(const struct lace_study *s)
{
    struct lace_eval_options o;
    struct lace_error err;
    lace_eval_defaults(&o);
    assert_works(lace_store_write(path, s, &o, &err), err);
}

static void sql(const char *text)
{
    sqlite3 *db;
    char *said = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &said) != SQLITE_OK) fail_msg("%s: %s", text, said);
    sqlite3_close(db);
}

static double ask(const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, text, -1, &q, NULL) != SQLITE_OK) fail_msg("%s: %s", text, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    double x = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return x;
}

static void a_run_is_read_as_it_was_written(void **state)
{
    struct lace_study s = study(), t;
    struct lace_store_about about;
    struct lace_error err;
    write_run(&s);
    assert_works(lace_store_read(path, 0, &t, &about, &err), err);
    assert_true(about.run == 1 && strlen(about.time) == 20);
    assert_string_equal(about.version, LACE_VERSION);
    assert_true(t.inject == s.inject && t.inject_kind == s.inject_kind);
    assert_true(t.seed == s.seed && t.cell_count == 2 && t.problem_count == 21 && t.arm_count == 4 &&
                t.model_count == 2 && t.thread_count == 2 && t.warning_count == 1);
    assert_memory_equal(t.cells, s.cells, 2 * sizeof *s.cells);
    assert_memory_equal(t.threads, s.threads, sizeof s.threads);
    assert_string_equal(t.warnings[0], s.warnings[0]);
    for (int m = 0; m < 2; m++) assert_string_equal(t.models[m], s.models[m]);
    for (int a = 0; a < 4; a++) {
        assert_string_equal(t.arms[a].name, s.arms[a].name);
        assert_true(t.arms[a].own_pick == s.arms[a].own_pick && t.arms[a].rival == s.arms[a].rival);
    }
    for (int i = 0; i < 21; i++) {
        assert_string_equal(t.problems[i].id, s.problems[i].id);
        assert_string_equal(t.problems[i].prompt, s.problems[i].prompt);
        assert_true(t.problems[i].cell == s.problems[i].cell && !t.problems[i].answer == !s.problems[i].answer);
    }
    for (int i = 0; i < 16; i++) {
        const struct lace_trial *x = &s.trials[i], *y = &t.trials[i];
        assert_string_equal(x->path, y->path);
        assert_memory_equal(x->temperature, y->temperature, 2 * sizeof *x->temperature);
        assert_memory_equal(x->tuned, y->tuned, 2 * sizeof *x->tuned);
        assert_memory_equal(x->seconds, y->seconds, 2 * sizeof *x->seconds);
        assert_memory_equal(x->outcome, y->outcome, 21 * sizeof *x->outcome);
    }
    lace_study_release(&t);
    lace_study_release(&s);
}

static void runs_lie_beside_each_other(void **state)
{
    struct lace_study s = study(), t;
    struct lace_store_about about;
    struct lace_error err;
    s.seed = 77;
    write_run(&s);
    assert_works(lace_store_read(path, 0, &t, &about, &err), err);
    assert_true(about.run == 2 && t.seed == 77);
    lace_study_release(&t);
    assert_works(lace_store_read(path, 1, &t, &about, &err), err);
    assert_true(about.run == 1 && t.seed == 3);
    lace_study_release(&t);
    assert_int_equal(lace_store_read(path, 9, &t, NULL, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "holds no run 9"));
    lace_study_release(&s);
}

/* What docs/evaluation.md says one may ask. */
static void anyone_can_ask(void **state)
{
    struct lace_study s = study();
    double right = 0, errors = 0;
    for (int i = 0; i < 12; i++) right += lace_study_trial(&s, 1, 0, 3)->outcome[i].right[LACE_PICK_VERDICT] / 12;
    for (int i = 0; i < 16; i++)
        for (int p = 0; p < 21; p++) errors += s.trials[i].outcome[p].errors[4];
    assert_true(ask("SELECT count(*) FROM result WHERE run = 1") == 2 * 2 * 4 * 21);
    assert_true(fabs(ask("SELECT avg(accuracy) FROM result WHERE run = 1 AND arm = 'lace' AND family = 'chain' AND "
                         "threads = 4 AND model LIKE '%\"1\"'") -
                     right) < 1e-12);
    assert_true(ask("SELECT sum(count) FROM error WHERE run = 1 AND kind = 4") == errors);
    lace_study_release(&s);
}

static void refuses(const char *says)
{
    struct lace_study t;
    struct lace_error err = {""};
    if (!lace_store_read(path, 1, &t, NULL, &err)) fail_msg("no complaint of: %s", says);
    size_t len = strlen(err.text);
    if (!strstr(err.text, says) || strchr(err.text, '\n') || err.text[len - 1] != '.')
        fail_msg("\"%s\" is not in: %s", says, err.text);
    assert_true(!t.trials && !t.problems);
}

static void damage_is_found(void **state)
{
    static const char *const harm[][2] = {
        {"DELETE FROM outcome WHERE run = 1 AND trial = 3 AND problem = 5", "outcomes are missing"},
        {"UPDATE outcome SET problem = 1000000 WHERE run = 1 AND trial = 3 AND problem = 5", "out of range"},
        {"UPDATE outcome SET trial = -1 WHERE run = 1 AND trial = 3 AND problem = 5", "out of range"},
        {"UPDATE outcome SET tokens = 9e999 WHERE run = 1 AND trial = 3 AND problem = 5", "out of range"},
        {"UPDATE outcome SET vote = 0.5 WHERE run = 1 AND trial = 3 AND problem = 5", "neither right nor wrong"},
        {"UPDATE outcome SET starts = '0189' WHERE run = 1 AND trial = 3 AND problem = 5", "did is unreadable"},
        {"UPDATE outcome SET verdicts = 'best' WHERE run = 1 AND trial = 3 AND problem = 5", "did is unreadable"},
        {"UPDATE outcome SET verdicts = replace(hex(zeroblob(99)), '0', 's') WHERE run = 1", "did is unreadable"},
        {"UPDATE outcome SET believed = 9e999 WHERE run = 1 AND trial = 3 AND problem = 5", "out of range"},
        {"UPDATE run SET inject = 9e999 WHERE id = 1", "out of range"},
        {"DELETE FROM trial WHERE run = 1 AND id = 3", "trials are missing"},
        {"UPDATE trial SET arm = 0 WHERE run = 1", "out of order"},
        {"UPDATE trial SET threads = 100000 WHERE run = 1", "out of range"},
        {"DELETE FROM cost WHERE run = 1 AND trial = 3", "outcomes are missing"},
        {"UPDATE cost SET cell = 2 WHERE run = 1 AND trial = 3 AND cell = 1", "out of range"},
        {"DELETE FROM problem WHERE run = 1 AND id = 3", "not numbered"},
        {"UPDATE problem SET cell = 1 WHERE run = 1 AND id = 3", "cell by cell"},
        {"UPDATE problem SET cell = 77 WHERE run = 1 AND id = 3", "out of range"},
        {"DELETE FROM model WHERE run = 1", "no models"},
        {"DELETE FROM arm WHERE run = 1", "no arms"},
        {"DELETE FROM cell WHERE run = 1", "no cells"},
        {"INSERT INTO cell VALUES (1, 2, 'search', 3, 0)", "a cell has no problems"},
        {"INSERT INTO error VALUES (1, 0, 0, 99, 'x', 1)", "out of range"},
        {"WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO arm SELECT 1, i, "
         "'x',"
         " 'vote', 0 FROM n",
         "no arms"},
    };
    char copy[80], saved[64];
    snprintf(saved, sizeof saved, "%s", path);
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        char *bytes;
        size_t len;
        struct lace_error err;
        assert_works(lace_read_file(saved, 1 << 24, &bytes, &len, &err), err);
        snprintf(copy, sizeof copy, "%s/damaged", folder);
        assert_works(lace_write_file(copy, bytes, len, &err), err);
        lace_free(bytes);
        snprintf(path, sizeof path, "%s", copy);
        sql(harm[i][0]);
        refuses(harm[i][1]);
        snprintf(path, sizeof path, "%s", saved);
    }
}

/* Cut off anywhere, or with bytes turned over: an error or a reading, never a crash. */
static void broken_files(void **state)
{
    char *bytes, broken[80], saved[64];
    size_t len;
    struct lace_error err;
    struct lace_rng rng;
    struct lace_study t;
    snprintf(saved, sizeof saved, "%s", path);
    assert_works(lace_read_file(path, 1 << 24, &bytes, &len, &err), err);
    snprintf(broken, sizeof broken, "%s/broken", folder);
    lace_rng_init(&rng, 4, 1);
    int refused = 0;
    for (int i = 0; i < 60; i++) {
        char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        size_t cut = i % 2 ? len : lace_rng_below(&rng, (uint32_t)len);
        for (int k = 0; k < 40 && i % 2; k++) copy[lace_rng_below(&rng, (uint32_t)len)] ^= (char)(1 << (k % 8));
        assert_works(lace_write_file(broken, copy, cut, &err), err);
        free(copy);
        if (!lace_store_read(broken, 0, &t, NULL, &err)) lace_study_release(&t);
        else refused++;
    }
    assert_true(refused >= 30);
    lace_free(bytes);
    snprintf(path, sizeof path, "%s", broken);
    assert_works(lace_write_file(path, "no database, but long enough to be none at all.", 47, &err), err);
    refuses("not a database");
    assert_int_equal(lace_store_prepare(path, &err), LACE_SYSTEM);
    assert_works(lace_write_file(path, "", 0, &err), err);
    refuses("holds no results of lace");
    sql("CREATE TABLE theirs (x)");
    refuses("holds no results of lace");
    assert_int_equal(lace_store_prepare(path, &err), LACE_BAD); /* and nothing is added to it */
    unlink(path);
    refuses("there is no such file");
    assert_works(lace_store_prepare(path, &err), err);
    refuses("holds no run 1");
    sql("PRAGMA user_version = 9");
    refuses("another version");
    snprintf(path, sizeof path, "%s", saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_read_as_it_was_written),
        cmocka_unit_test(runs_lie_beside_each_other),
        cmocka_unit_test(anyone_can_ask),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(broken_files),
    };
    return cmocka_run_group_tests_name("store", tests, set_up, tear_down);
}
