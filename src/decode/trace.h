/* What a recorder holds at its group's end, as the caller gets it (lace.h). */
#ifndef LACE_DECODE_TRACE_H
#define LACE_DECODE_TRACE_H
#include "decode/decoder.h"

/* Copies the trace of a group that has ended into result, whose threads are filled already. */
int lace_trace_take(const struct lace_decoder *decoder, int group, const int *prompt, int prompt_count, bool barrier,
                    struct lace_run_result *result, struct lace_error *err);
#endif
