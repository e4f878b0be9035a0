/* One problem with its threads: a line of a JSONL data file (design: made, imported and rolled-out data alike).
 *   {"id", "task", "difficulty", "prompt", "answer",
 *    "threads": [{"steps": ["...", ...], "answer", "verdict", "strategy"}, ...], "meta": {...}} */
#ifndef LACE_RECORD_H
#define LACE_RECORD_H
#include "base/base.h"
#include <jansson.h>

struct lace_record_thread {
    char **steps; /* each step is the exact text of that piece of the thread, newline included */
    int count;
    char *answer; /* NULL: the thread has none */
    enum lace_verdict verdict;
    char *strategy; /* NULL: not known */
};

struct lace_record {
    char *id, *task, *prompt, *answer; /* answer NULL: not known */
    int difficulty;
    struct lace_record_thread *threads;
    int thread_count;
    json_t *meta; /* an object or NULL; steps of threads may be marked there */
};

/* Limits of a line: checked before anything is allocated. */
#define LACE_RECORD_BYTES   ((size_t)16 << 20)
#define LACE_RECORD_THREADS 256

int lace_record_parse(struct lace_record *record, const char *line, size_t len, const char *what,
                      struct lace_error *err);
/* Appends the record as one line, newline included. */
int lace_record_format(const struct lace_record *record, struct lace_text *out, struct lace_error *err);
void lace_record_release(struct lace_record *record);
/* Exchanges the threads and meta of two records. */
void lace_record_swap_threads(struct lace_record *a, struct lace_record *b);

/* A data file, line by line. */
struct lace_record_file;
int lace_record_open(struct lace_record_file **file, const char *path, struct lace_error *err); /* "-": stdin */
/* 1: a record was read; 0: the end; negative: an error that names the line. */
int lace_record_next(struct lace_record_file *file, struct lace_record *record, struct lace_error *err);
/* The line of the file that was read last, from 1. */
long lace_record_line(const struct lace_record_file *file);
void lace_record_close(struct lace_record_file **file);
#endif
