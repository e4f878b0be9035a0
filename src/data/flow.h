/* What every step of the pipeline does besides its own work: records come in file after file, line after line; the
 * step keeps or drops each, and both are counted. A line that is no record is dropped like any other, because one
 * damaged line must not cost a night's work. */
#ifndef LACE_FLOW_H
#define LACE_FLOW_H
#include "io/lines.h"
#include "io/record.h"

struct lace_flow {
    const struct lace_data_flow *o;
    struct lace_data_report *report;
    struct lace_record_file *records; /* of a step that reads records, */
    struct lace_lines lines;          /* or of one that reads lines of any kind */
    int file;                         /* in o->in, of the next one */
    uint64_t total;                   /* lines of all files; 0: unknown */
    uint64_t settled;                 /* kept and dropped */
    struct lace_text line;
};

/* Empties the report and counts the lines of files that can be read twice. */
int lace_flow_open(struct lace_flow *flow, const struct lace_data_flow *options, struct lace_data_report *report,
                   struct lace_error *err);
/* 1: a record, the caller's to release; 0: the end; negative: an error. */
int lace_flow_next(struct lace_flow *flow, struct lace_record *record, struct lace_error *err);
/* 1: a line, in flow->lines; 0: the end. For import, which says by itself what counts as read. */
int lace_flow_next_line(struct lace_flow *flow, size_t *len, struct lace_error *err);
/* Up to most records at once, for steps that ask about many in one go; count 0: the end. The caller releases them, also
 * after an error. */
int lace_flow_window(struct lace_flow *flow, struct lace_record *records, int most, int *count, struct lace_error *err);
/* Tells the caller's progress what was kept and dropped so far; non-zero: he wants to stop. For lace_ask. */
int lace_flow_tick(void *flow);
/* Writes the record out; it stays the caller's. */
int lace_flow_keep(struct lace_flow *flow, struct lace_record *record, struct lace_error *err);
/* reason has at most 23 bytes: it is a name in the report, and "dropped" in the meta of the record. */
int lace_flow_drop(struct lace_flow *flow, struct lace_record *record, const char *reason, struct lace_error *err);
/* A line that is no record: what lies in the file of the dropped is a record made of its place and the complaint. */
int lace_flow_drop_line(struct lace_flow *flow, const char *reason, const char *complaint, struct lace_error *err);
void lace_flow_close(struct lace_flow *flow);

/* Adds to the count of that name; a full list counts nothing more. */
void lace_tally_add(struct lace_data_tally *list, int size, const char *name, uint64_t count);
#define LACE_TALLY(list, name) lace_tally_add(list, (int)(sizeof(list) / sizeof *(list)), name, 1)

/* ---- what several steps ask of a record ---- */
/* meta, made where it is missing; NULL: no memory. */
json_t *lace_record_meta(struct lace_record *record);
/* Frees thread n and closes the gap; marks in meta that name threads are renumbered, those of thread n removed. */
int lace_record_remove_thread(struct lace_record *record, int n, struct lace_error *err);
/* Whether the answer is right, by the family's checker where the task is ours. */
bool lace_record_right(const struct lace_record *record, const char *answer);
/* Appends the steps of a thread. */
void lace_record_thread_text(const struct lace_record_thread *thread, struct lace_text *out);
/* Replaces the text, which may be NULL, by a copy. */
int lace_record_set(char **text, const char *value, struct lace_error *err);
#endif
