/* What the threads of a group wrote, as a line of JSON: all that its figures are computed from. */
#ifndef LACE_DUMP_H
#define LACE_DUMP_H
#include "eval/inject.h"

/* Appends members "id" to "threads" and "outcome", without the braces around them: the caller adds whose arm it was.
 * forced: what a thread was made to write; NULL: nothing. */
int lace_dump_group(const struct lace_record *problem, const struct lace_said *said, int threads, uint64_t seed,
                    const struct lace_forced *forced, const struct lace_outcome *outcome, struct lace_text *out,
                    struct lace_error *err);
#endif
