/* Interaction points in texts that are no lines of ours: drafts become threads that read each other. */
#ifndef LACE_WEAVE_H
#define LACE_WEAVE_H
#include "data/claims.h"
#include "data/measure.h"
#include "io/record.h"

struct lace_slip { /* a step whose only claim is false, as somebody wrote it */
    char *step;
    struct lace_claim claim;
    int uses; /* threads that have written it */
};

struct lace_weaving {
    struct lace_measure *measure;
    int margin; /* tokens between the end of what one writes and the reader's step: 0 where tokens are the model's */
    struct lace_rng *rng;
    struct lace_slip *slips;
    int slip_count;
    bool errs;    /* wrong steps are to be written, */
    bool made_up; /* also one that nobody made */
    struct lace_data_report *report;
};

/* Collects the false claims of a text's lines; written: it is a draft, so a thread has them. Negative: no memory. */
int lace_slips_add(struct lace_slip **slips, int *count, const char *text, bool written);
void lace_slips_release(struct lace_slip **slips, int *count);

/* Writes the record's threads anew, as if all had been written at the same time, a token of each at a time, and each had
 * read the others. Marks go into meta. The record has two threads or more, and an answer. */
int lace_weave_text(struct lace_record *record, struct lace_weaving *weaving, struct lace_error *err);
#endif
