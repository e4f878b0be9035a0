/* A database of results: whatever the file holds, a run is read whole and in bounds, or refused. */
#include "eval/store.h"
#include "fuzz.h"
#include <sqlite3.h>
#include <unistd.h>

static char path[64];
static char *seed_bytes;
static size_t seed_len;

static void remove_file(void) { unlink(path); }

/* A small run in small pages, so that mutations meet its rows. */
int LLVMFuzzerInitialize(int *count, char ***args)
{
    struct lace_study s = {.arm_count = 1, .thread_count = 1, .threads = {4}, .model_count = 1, .arms = {{"lace"}}};
    struct lace_eval_options o = {0};
    struct lace_error err;
    sqlite3 *db;
    snprintf(path, sizeof path, "/tmp/lace-fuzz-store-%d", (int)getpid());
    atexit(remove_file);
    s.models[0] = strdup("m");
    s.cells = calloc(1, sizeof *s.cells);
    s.problems = calloc(2, sizeof *s.problems);
    s.cells[0] = (struct lace_cell){"search", 1, 0, 0, 2};
    s.cell_count = 1;
    for (s.problem_count = 0; s.problem_count < 2; s.problem_count++)
        s.problems[s.problem_count] = (struct lace_problem){strdup("p"), strdup("q"), NULL, 0};
    if (lace_study_trials(&s, &err) || sqlite3_open(path, &db)) abort();
    s.trials[0].path = strdup("m");
    s.trials[0].outcome[1].errors[1] = 1;
    sqlite3_exec(db, "PRAGMA page_size = 512; CREATE TABLE t (x); DROP TABLE t; VACUUM", NULL, NULL, NULL);
    sqlite3_close(db);
    if (lace_store_write(path, &s, &o, &err) || lace_read_file(path, 1 << 20, &seed_bytes, &seed_len, &err)) abort();
    lace_study_release(&s);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_study s;
    struct lace_error err;
    FILE *file = fopen(path, "w");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
    if (lace_store_read(path, 0, &s, NULL, &err)) {
        if (s.trials || s.problems || !err.text[0]) abort();
        return 0;
    }
    double sum = 0; /* every row lies where it should */
    for (int i = 0; i < s.model_count * s.thread_count * s.arm_count; i++) {
        for (int c = 0; c < s.cell_count; c++) sum += s.trials[i].temperature[c] + s.trials[i].seconds[c];
        for (int p = 0; p < s.problem_count; p++)
            sum += s.trials[i].outcome[p].right[0] + s.trials[i].outcome[p].errors[31];
    }
    for (int p = 0; p < s.problem_count; p++)
        sum += (double)strlen(s.problems[p].prompt) + s.cells[s.problems[p].cell].count;
    if (!(sum == sum)) abort();
    lace_study_release(&s);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    const char *seeds[] = {seed_bytes};
    return fuzz_mutate(data, size, max, seed, seeds, &seed_len, 1);
}
