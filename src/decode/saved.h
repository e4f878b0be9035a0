/* A run with its trace as JSON: written and released (saved.c), read again (saved_read.c). No model: the fuzzer drives
 * these files alone. */
#ifndef LACE_SAVED_H
#define LACE_SAVED_H
#include "base/base.h"

/* Limits of what is read. */
enum { LACE_SAVED_THREADS = 128, LACE_SAVED_TOKENS = 1 << 20, LACE_SAVED_LAYERS = 1024 };

/* Adds the object that "trace" names. */
void lace_trace_write(struct lace_text *out, const struct lace_run_result *result);
void lace_trace_free(struct lace_trace *trace);
struct lace_influence *lace_influence_new(int threads); /* zeros; NULL: no memory */
void lace_influence_free(struct lace_influence *influence);
#endif
