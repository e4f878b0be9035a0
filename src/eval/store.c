#include "eval/store.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION 0x6c616365 /* "lace" */
#define VERSION     2
#define MOST        (1 << 24) /* rows of a table that are read back: hostile files end here */

static const char *const schema =
    "CREATE TABLE run (id INTEGER PRIMARY KEY, time TEXT NOT NULL, version TEXT NOT NULL, seed INTEGER NOT NULL,"
    " budget INTEGER, rounds INTEGER, inject REAL,"
    " inject_kind TEXT, development INTEGER);"
    "CREATE TABLE model (run INTEGER NOT NULL, id INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (run, id));"
    "CREATE TABLE cell (run INTEGER NOT NULL, id INTEGER NOT NULL, family TEXT NOT NULL, difficulty INTEGER NOT NULL,"
    " ambiguity INTEGER NOT NULL, PRIMARY KEY (run, id));"
    "CREATE TABLE problem (run INTEGER NOT NULL, id INTEGER NOT NULL, cell INTEGER NOT NULL, name TEXT NOT NULL,"
    " prompt TEXT NOT NULL, answer TEXT, PRIMARY KEY (run, id));"
    "CREATE TABLE arm (run INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, own_pick TEXT NOT NULL,"
    " baseline INTEGER NOT NULL, PRIMARY KEY (run, id));"
    "CREATE TABLE trial (run INTEGER NOT NULL, id INTEGER NOT NULL, model INTEGER NOT NULL, threads INTEGER NOT NULL,"
    " arm INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (run, id));"
    "CREATE TABLE cost (run INTEGER NOT NULL, trial INTEGER NOT NULL, cell INTEGER NOT NULL, temperature REAL NOT NULL,"
    " tuned INTEGER NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (run, trial, cell));"
    "CREATE TABLE outcome (run INTEGER NOT NULL, trial INTEGER NOT NULL, problem INTEGER NOT NULL, verdict REAL NOT "
    "NULL,"
    " vote REAL NOT NULL, logprob REAL NOT NULL, coverage REAL NOT NULL, thread_accuracy REAL NOT NULL,"
    " format REAL NOT NULL, diversity REAL NOT NULL, tokens REAL NOT NULL, fed REAL NOT NULL, steps REAL NOT NULL,"
    " memory REAL NOT NULL, trials REAL NOT NULL, duplicates REAL NOT NULL, wrong_steps REAL NOT NULL,"
    " repaired REAL NOT NULL, error_types REAL NOT NULL, injected REAL NOT NULL, believed REAL NOT NULL,"
    " rejected REAL NOT NULL, starts TEXT NOT NULL, verdicts TEXT NOT NULL, PRIMARY KEY (run, trial, problem)) WITHOUT "
    "ROWID;"
    "CREATE TABLE error (run INTEGER NOT NULL, trial INTEGER NOT NULL, problem INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " name TEXT NOT NULL, count REAL NOT NULL, PRIMARY KEY (run, trial, problem, kind)) WITHOUT ROWID;"
    "CREATE TABLE warning (run INTEGER NOT NULL, text TEXT NOT NULL);"
    "CREATE VIEW result AS SELECT o.run, m.path AS model, t.threads, a.name AS arm, c.family, c.difficulty, "
    "c.ambiguity,"
    " p.name AS problem, k.temperature, CASE a.own_pick WHEN 'vote' THEN o.vote ELSE o.verdict END AS accuracy,"
    " o.verdict, o.vote, o.logprob, o.coverage, o.thread_accuracy, o.format, o.diversity, o.tokens, o.fed, o.steps,"
    " o.memory, o.trials, o.duplicates, o.wrong_steps, o.repaired, o.error_types, o.injected, o.believed, o.rejected,"
    " o.starts, o.verdicts, p.prompt, p.answer"
    " FROM outcome o JOIN trial t ON t.run = o.run AND t.id = o.trial JOIN arm a ON a.run = o.run AND a.id = t.arm"
    " JOIN model m ON m.run = o.run AND m.id = t.model JOIN problem p ON p.run = o.run AND p.id = o.problem"
    " JOIN cell c ON c.run = o.run AND c.id = p.cell"
    " JOIN cost k ON k.run = o.run AND k.trial = o.trial AND k.cell = p.cell;";

/* ---- a file, and statements that remember the first failure ---- */

struct file {
    sqlite3 *db;
    const char *path;
    int code;
    struct lace_error *err;
};

static int failed(struct file *f, const char *what)
{
    if (!f->code) f->code = lace_fail(f->err, LACE_SYSTEM, "%s: %s: %s.", f->path, what, sqlite3_errmsg(f->db));
    return f->code;
}

static void run(struct file *f, const char *sql)
{
    if (!f->code && sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK) failed(f, "the database refuses");
}

static sqlite3_stmt *prepare(struct file *f, const char *sql)
{
    sqlite3_stmt *s = NULL;
    if (!f->code && sqlite3_prepare_v2(f->db, sql, -1, &s, NULL) != SQLITE_OK) failed(f, "the database refuses");
    return f->code ? NULL : s;
}

/* Values by letter: i int64, d double, s text (may be NULL). Then the statement is run and ready for the next. */
static void insert(struct file *f, sqlite3_stmt *s, const char *types, ...)
{
    if (f->code) return;
    va_list list;
    va_start(list, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 'i') sqlite3_bind_int64(s, i + 1, va_arg(list, int64_t));
        else if (types[i] == 'd') sqlite3_bind_double(s, i + 1, va_arg(list, double));
        else sqlite3_bind_text(s, i + 1, va_arg(list, const char *), -1, SQLITE_STATIC);
    }
    va_end(list);
    if (sqlite3_step(s) != SQLITE_DONE) failed(f, "the results cannot be written");
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
}

static int64_t number(struct file *f, const char *sql)
{
    sqlite3_stmt *s = prepare(f, sql);
    int64_t value = 0;
    if (s && sqlite3_step(s) == SQLITE_ROW) value = sqlite3_column_int64(s, 0);
    else if (s) failed(f, "the file cannot be read");
    sqlite3_finalize(s);
    return value;
}

/* Opens the file and sees whose it is; with `make` an empty one gets the tables. */
static int open_file(struct file *f, const char *path, bool make, struct lace_error *err)
{
    *f = (struct file){.path = path, .err = err};
    int flags = make ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(path, &f->db, flags, NULL) != SQLITE_OK) return failed(f, "the database cannot be opened");
    sqlite3_busy_timeout(f->db, 10000); /* another evaluation may be writing its run */
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    int64_t owner = number(f, "PRAGMA application_id"), tables = number(f, "SELECT count(*) FROM sqlite_master");
    if (f->code) return f->code;
    if (make && !tables && !owner) {
        char sql[96];
        run(f, "BEGIN IMMEDIATE");
        if (!number(f, "SELECT count(*) FROM sqlite_master")) run(f, schema); /* nobody was faster */
        snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION, VERSION);
        run(f, sql);
        run(f, "COMMIT");
    } else if (owner != APPLICATION)
        return f->code = lace_fail(err, LACE_BAD, "%s is a database, but holds no results of lace.", path);
    else if (number(f, "PRAGMA user_version") != VERSION && !f->code)
        return f->code =
                   lace_fail(err, LACE_BAD, "%s was written by another version of lace; name another file.", path);
    return f->code;
}

static int close_file(struct file *f)
{
    sqlite3_close(f->db);
    return f->code;
}

int lace_store_prepare(const char *path, struct lace_error *err)
{
    struct file f;
    open_file(&f, path, true, err);
    return close_file(&f);
}

/* ---- writing ---- */

static const char *const picks[LACE_EVAL_PICKS] = {"verdict", "vote", "logprob"};

static void write_lists(struct file *f, const struct lace_study *s, int64_t id)
{
    sqlite3_stmt *q = prepare(f, "INSERT INTO model VALUES (?, ?, ?)");
    for (int i = 0; i < s->model_count; i++) insert(f, q, "iis", id, (int64_t)i, s->models[i]);
    sqlite3_finalize(q);
    q = prepare(f, "INSERT INTO cell VALUES (?, ?, ?, ?, ?)");
    for (int i = 0; i < s->cell_count; i++)
        insert(f, q, "iisii", id, (int64_t)i, s->cells[i].family, (int64_t)s->cells[i].difficulty,
               (int64_t)s->cells[i].ambiguity);
    sqlite3_finalize(q);
    q = prepare(f, "INSERT INTO problem VALUES (?, ?, ?, ?, ?, ?)");
    for (int i = 0; i < s->problem_count; i++)
        insert(f, q, "iiisss", id, (int64_t)i, (int64_t)s->problems[i].cell, s->problems[i].id, s->problems[i].prompt,
               s->problems[i].answer);
    sqlite3_finalize(q);
    q = prepare(f, "INSERT INTO arm VALUES (?, ?, ?, ?, ?)");
    for (int i = 0; i < s->arm_count; i++)
        insert(f, q, "iissi", id, (int64_t)i, s->arms[i].name, picks[s->arms[i].own_pick], (int64_t)s->arms[i].rival);
    sqlite3_finalize(q);
    q = prepare(f, "INSERT INTO warning VALUES (?, ?)");
    for (int i = 0; i < s->warning_count; i++) insert(f, q, "is", id, s->warnings[i]);
    sqlite3_finalize(q);
}

static void write_trials(struct file *f, const struct lace_study *s, int64_t id)
{
    sqlite3_stmt *trial = prepare(f, "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?)"),
                 *cost = prepare(f, "INSERT INTO cost VALUES (?, ?, ?, ?, ?, ?)"),
                 *error = prepare(f, "INSERT INTO error VALUES (?, ?, ?, ?, ?, ?)"),
                 *outcome = prepare(f, "INSERT INTO outcome VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    int count = s->model_count * s->thread_count * s->arm_count;
    for (int i = 0; i < count && !f->code; i++) {
        const struct lace_trial *t = &s->trials[i];
        insert(f, trial, "iiiiis", id, (int64_t)i, (int64_t)t->model, (int64_t)s->threads[t->threads], (int64_t)t->arm,
               t->path);
        for (int c = 0; c < s->cell_count; c++)
            insert(f, cost, "iiidid", id, (int64_t)i, (int64_t)c, t->temperature[c], (int64_t)t->tuned[c],
                   t->seconds[c]);
        for (int p = 0; p < s->problem_count && !f->code; p++) {
            const struct lace_outcome *o = &t->outcome[p];
            const struct lace_family *family = lace_family_find(s->cells[s->problems[p].cell].family, NULL);
            sqlite3_bind_int64(outcome, 1, id);
            sqlite3_bind_int64(outcome, 2, i);
            sqlite3_bind_int64(outcome, 3, p);
            for (int k = 0; k < lace_outcome_field_count; k++)
                sqlite3_bind_double(outcome, 4 + k, *(const double *)((const char *)o + lace_outcome_fields[k].offset));
            sqlite3_bind_text(outcome, 4 + lace_outcome_field_count, o->start, -1, SQLITE_STATIC);
            sqlite3_bind_text(outcome, 5 + lace_outcome_field_count, o->verdicts, -1, SQLITE_STATIC);
            if (sqlite3_step(outcome) != SQLITE_DONE) failed(f, "the results cannot be written");
            sqlite3_reset(outcome);
            for (int k = 0; k < LACE_ERRORS; k++)
                if (o->errors[k] > 0)
                    insert(f, error, "iiiisd", id, (int64_t)i, (int64_t)p, (int64_t)k,
                           family ? lace_family_result(family, k) : "", o->errors[k]);
        }
    }
    sqlite3_finalize(trial);
    sqlite3_finalize(cost);
    sqlite3_finalize(error);
    sqlite3_finalize(outcome);
}

int lace_store_write(const char *path, const struct lace_study *s, const struct lace_eval_options *o,
                     struct lace_error *err)
{
    struct file f;
    char now[32];
    time_t seconds = time(NULL);
    struct tm utc;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    if (!open_file(&f, path, true, err)) {
        run(&f, "BEGIN IMMEDIATE");
        sqlite3_stmt *q = prepare(&f, "INSERT INTO run (time, version, seed, budget, rounds, inject, inject_kind, "
                                      "development) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        insert(&f, q, "ssiiidsi", now, LACE_VERSION, (int64_t)s->seed, (int64_t)o->budget, (int64_t)o->rounds,
               s->inject, lace_inject_name(s->inject_kind), (int64_t)o->development);
        sqlite3_finalize(q);
        int64_t id = sqlite3_last_insert_rowid(f.db);
        write_lists(&f, s, id);
        write_trials(&f, s, id);
        run(&f, "COMMIT");
    }
    return close_file(&f); /* what is not committed is rolled back */
}

/* ---- reading: nothing that a file says is believed before it is checked ---- */

static int damaged(struct file *f, const char *what)
{
    if (!f->code) f->code = lace_fail(f->err, LACE_BAD, "%s: the run is damaged: %s.", f->path, what);
    return f->code;
}

static sqlite3_stmt *query(struct file *f, const char *sql, int64_t id)
{
    sqlite3_stmt *q = prepare(f, sql);
    if (q) sqlite3_bind_int64(q, 1, id);
    return q;
}

/* The next row; column 0 must count on from 0. */
static bool next(struct file *f, sqlite3_stmt *q, int expected)
{
    if (f->code) return false;
    int code = sqlite3_step(q);
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_ROW) return failed(f, "the file cannot be read"), false;
    if (expected >= 0 && sqlite3_column_int64(q, 0) != expected) return damaged(f, "its rows are not numbered"), false;
    return true;
}

static int size_of(struct file *f, const char *sql, int64_t id, int least, int most, const char *what)
{
    sqlite3_stmt *q = query(f, sql, id);
    int64_t count = 0;
    if (q && sqlite3_step(q) == SQLITE_ROW) count = sqlite3_column_int64(q, 0);
    else if (q) failed(f, "the file cannot be read");
    sqlite3_finalize(q);
    if (!f->code && (count < least || count > most)) damaged(f, what);
    return f->code ? 0 : (int)count;
}

static char *text_at(struct file *f, sqlite3_stmt *q, int column, bool may_be_null)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    if (!text && may_be_null) return NULL;
    char *copy = text ? strdup(text) : NULL;
    if (!text) damaged(f, "a text is missing");
    else if (!copy && !f->code) f->code = lace_fail(f->err, LACE_MEMORY, "Out of memory.");
    return copy;
}

static int int_at(struct file *f, sqlite3_stmt *q, int column, int least, int most)
{
    int64_t value = sqlite3_column_int64(q, column);
    if (value >= least && value <= most) return (int)value;
    damaged(f, "a number is out of range");
    return least;
}

static double real_at(struct file *f, sqlite3_stmt *q, int column)
{
    double value = sqlite3_column_double(q, column);
    if (value >= -1e300 && value <= 1e300) return value;
    damaged(f, "a number is out of range");
    return 0;
}

/* A character for each thread, out of those that are known. */
static void read_labels(struct file *f, sqlite3_stmt *q, int column, const char *known, char *out)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    size_t len = text ? strlen(text) : LACE_FEW_ROWS + 1;
    if (len > LACE_FEW_ROWS || strspn(text, known) != len) damaged(f, "what its threads did is unreadable");
    else memcpy(out, text, len + 1);
}

static void read_lists(struct file *f, struct lace_study *s, int64_t id)
{
    int cells = size_of(f, "SELECT count(*) FROM cell WHERE run = ?", id, 1, MOST, "it has no cells"),
        problems = size_of(f, "SELECT count(*) FROM problem WHERE run = ?", id, 1, MOST, "it has no problems"),
        models = size_of(f, "SELECT count(*) FROM model WHERE run = ?", id, 1, LACE_STUDY_LIST, "it has no models"),
        arms = size_of(f, "SELECT count(*) FROM arm WHERE run = ?", id, 1, LACE_EVAL_ARMS, "it has no arms");
    if (f->code) return;
    s->cells = calloc((size_t)cells, sizeof *s->cells);
    s->problems = calloc((size_t)problems, sizeof *s->problems);
    if (!s->cells || !s->problems) {
        f->code = lace_fail(f->err, LACE_MEMORY, "Out of memory for %d problems.", problems);
        return;
    }
    sqlite3_stmt *q = query(f, "SELECT id, path FROM model WHERE run = ? ORDER BY id", id);
    while (s->model_count < models && next(f, q, s->model_count))
        if ((s->models[s->model_count] = text_at(f, q, 1, false))) s->model_count++;
    sqlite3_finalize(q);
    q = query(f, "SELECT id, family, difficulty, ambiguity FROM cell WHERE run = ? ORDER BY id", id);
    for (; s->cell_count < cells && next(f, q, s->cell_count); s->cell_count++) {
        struct lace_cell *c = &s->cells[s->cell_count];
        char *family = text_at(f, q, 1, false);
        snprintf(c->family, sizeof c->family, "%s", family ? family : "");
        free(family);
        c->difficulty = int_at(f, q, 2, -MOST, MOST);
        c->ambiguity = int_at(f, q, 3, -MOST, MOST);
    }
    sqlite3_finalize(q);
    q = query(f, "SELECT id, cell, name, prompt, answer FROM problem WHERE run = ? ORDER BY id", id);
    for (int i = 0, last = 0; i < problems && next(f, q, i); i++) {
        int cell = int_at(f, q, 1, 0, cells - 1);
        if (cell < last || cell > last + 1 || (i == 0 && cell)) damaged(f, "its problems do not lie cell by cell");
        s->problems[i] =
            (struct lace_problem){text_at(f, q, 2, false), text_at(f, q, 3, false), text_at(f, q, 4, true), cell};
        s->problem_count = i + 1;
        if (!s->cells[cell].count++) s->cells[cell].first = i;
        last = cell;
    }
    sqlite3_finalize(q);
    q = query(f, "SELECT id, name, own_pick, baseline FROM arm WHERE run = ? ORDER BY id", id);
    for (; s->arm_count < arms && next(f, q, s->arm_count); s->arm_count++) {
        struct lace_study_arm *a = &s->arms[s->arm_count];
        char *name = text_at(f, q, 1, false), *pick = text_at(f, q, 2, false);
        snprintf(a->name, sizeof a->name, "%s", name ? name : "");
        for (int by = 0; by < LACE_EVAL_PICKS && pick; by++)
            if (!strcmp(pick, picks[by])) a->own_pick = (enum lace_pick_by)by;
        a->rival = sqlite3_column_int64(q, 3) != 0;
        free(name);
        free(pick);
    }
    sqlite3_finalize(q);
    q = query(f, "SELECT text FROM warning WHERE run = ? LIMIT 1000", id);
    while (next(f, q, -1)) {
        char *text = text_at(f, q, 0, false);
        if (text && !f->code) f->code = lace_study_warn(s, f->err, "%s", text);
        free(text);
    }
    sqlite3_finalize(q);
    for (int c = 0; c < cells && !f->code; c++)
        if (!s->cells[c].count) damaged(f, "a cell has no problems");
}

static void read_trials(struct file *f, struct lace_study *s, int64_t id)
{
    int trials = size_of(f, "SELECT count(*) FROM trial WHERE run = ?", id, 1,
                         LACE_STUDY_LIST * LACE_STUDY_LIST * LACE_EVAL_ARMS, "it has no trials"),
        per = s->model_count * s->arm_count;
    if (f->code) return;
    if (trials % per || trials / per > LACE_STUDY_LIST) {
        damaged(f, "trials are missing");
        return;
    }
    s->thread_count = trials / per;
    if ((f->code = lace_study_trials(s, f->err))) return;
    sqlite3_stmt *q = query(f, "SELECT id, model, threads, arm, path FROM trial WHERE run = ? ORDER BY id", id);
    for (int i = 0; i < trials && next(f, q, i); i++) {
        struct lace_trial *t = &s->trials[i];
        if (sqlite3_column_int64(q, 1) != t->model || sqlite3_column_int64(q, 3) != t->arm)
            damaged(f, "its trials are out of order");
        s->threads[t->threads] = int_at(f, q, 2, 1, LACE_FEW_ROWS);
        t->path = text_at(f, q, 4, false);
    }
    sqlite3_finalize(q);
    int costs = 0, outcomes = 0, want = size_of(f, "SELECT count(*) FROM outcome WHERE run = ?", id, 0, INT32_MAX, "");
    q = query(f, "SELECT trial, cell, temperature, tuned, seconds FROM cost WHERE run = ?", id);
    for (; next(f, q, -1); costs++) {
        struct lace_trial *t = &s->trials[int_at(f, q, 0, 0, trials - 1)];
        int c = int_at(f, q, 1, 0, s->cell_count - 1);
        t->temperature[c] = real_at(f, q, 2);
        t->tuned[c] = sqlite3_column_int64(q, 3) != 0;
        t->seconds[c] = real_at(f, q, 4);
    }
    sqlite3_finalize(q);
    q = query(
        f,
        "SELECT trial, problem, verdict, vote, logprob, coverage, thread_accuracy, format, diversity, tokens,"
        " fed, steps, memory, trials, duplicates, wrong_steps, repaired, error_types, injected, believed, rejected,"
        " starts, verdicts FROM outcome WHERE run = ?",
        id);
    for (; next(f, q, -1); outcomes++) {
        struct lace_trial *t = &s->trials[int_at(f, q, 0, 0, trials - 1)];
        struct lace_outcome *o = &t->outcome[int_at(f, q, 1, 0, s->problem_count - 1)];
        for (int k = 0; k < lace_outcome_field_count; k++)
            *(double *)((char *)o + lace_outcome_fields[k].offset) = real_at(f, q, 2 + k);
        read_labels(f, q, 2 + lace_outcome_field_count, "-01234567", o->start);
        read_labels(f, q, 3 + lace_outcome_field_count, "-bsf", o->verdicts);
        for (int by = 0; by < LACE_EVAL_PICKS; by++)
            if (o->right[by] != 0 && o->right[by] != 1) damaged(f, "a pick is neither right nor wrong");
    }
    sqlite3_finalize(q);
    q = query(f, "SELECT trial, problem, kind, count FROM error WHERE run = ?", id);
    while (next(f, q, -1))
        s->trials[int_at(f, q, 0, 0, trials - 1)]
            .outcome[int_at(f, q, 1, 0, s->problem_count - 1)]
            .errors[int_at(f, q, 2, 0, LACE_ERRORS - 1)] = real_at(f, q, 3);
    sqlite3_finalize(q);
    if (!f->code && (costs != trials * s->cell_count || (int64_t)outcomes != (int64_t)trials * s->problem_count ||
                     outcomes != want))
        damaged(f, "outcomes are missing");
}

int lace_store_read(const char *path, long wanted, struct lace_study *s, struct lace_store_about *about,
                    struct lace_error *err)
{
    struct file f;
    *s = (struct lace_study){0};
    if (access(path, F_OK)) return lace_fail(err, LACE_SYSTEM, "%s: there is no such file.", path);
    if (!open_file(&f, path, false, err)) {
        sqlite3_stmt *q =
            prepare(&f, wanted ? "SELECT id, time, version, seed, inject, inject_kind FROM run WHERE id = ?"
                               : "SELECT id, time, version, seed, inject, inject_kind FROM run ORDER BY id DESC "
                                 "LIMIT 1");
        if (q && wanted) sqlite3_bind_int64(q, 1, wanted);
        int64_t id = 0;
        if (next(&f, q, -1)) {
            id = sqlite3_column_int64(q, 0);
            s->seed = (uint64_t)sqlite3_column_int64(q, 3);
            s->inject = real_at(&f, q, 4);
            const char *kind = (const char *)sqlite3_column_text(q, 5), *name;
            for (int k = 0; kind && (name = lace_inject_name(k)); k++)
                if (!strcmp(kind, name)) s->inject_kind = (enum lace_inject)k;
            if (about) {
                about->run = (long)id;
                snprintf(about->time, sizeof about->time, "%s", (const char *)sqlite3_column_text(q, 1));
                snprintf(about->version, sizeof about->version, "%s", (const char *)sqlite3_column_text(q, 2));
            }
        } else if (!f.code)
            f.code = wanted ? lace_fail(err, LACE_BAD, "%s holds no run %ld.", path, wanted)
                            : lace_fail(err, LACE_BAD, "%s holds no run.", path);
        sqlite3_finalize(q);
        if (!f.code) read_lists(&f, s, id);
        if (!f.code) read_trials(&f, s, id);
    }
    if (f.code) lace_study_release(s);
    return close_file(&f);
}
