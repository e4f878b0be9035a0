/* Reading the data sets of others. One function turns one JSON text into one record or a reason; the rest is files. */
#ifndef LACE_IMPORT_H
#define LACE_IMPORT_H
#include "io/record.h"

enum lace_import_format {
    LACE_IMPORT_AUTO,
    LACE_IMPORT_GSM8K,  /* question, answer: "... <<48/2=24>>24 ... #### 72" */
    LACE_IMPORT_MATH,   /* problem, solution (\boxed{...}), level, type */
    LACE_IMPORT_DAPO,   /* prompt: messages; reward_model.ground_truth; extra_info.index */
    LACE_IMPORT_AIME,   /* Problem, Answer, ID */
    LACE_IMPORT_PLAIN,  /* prompt, answer, and what else these are called */
    LACE_IMPORT_RECORD, /* our own */
};
extern const char *const lace_import_formats[]; /* "auto", "gsm8k", ..., NULL */

/* Which format an object has; never AUTO: what fits nothing else is PLAIN. */
enum lace_import_format lace_import_detect(const json_t *object);

/* A line of JSON. NULL: the record is there, the caller's to release. Otherwise the reason why not, of at most 23 bytes, and, where the
 * text was at least JSON, complaint says more (a JSON error); the record is empty. AUTO is found out and written back. */
const char *lace_import_line(struct lace_record *record, const char *line, size_t len, enum lace_import_format *format,
                             bool solutions, struct lace_error *complaint);
#endif
