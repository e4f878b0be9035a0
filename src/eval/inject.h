/* Contagion: one thread of a problem is made to write something false, and what the others make of it is counted.
 * docs/evaluation.md defines the figures, with an example. */
#ifndef LACE_INJECT_H
#define LACE_INJECT_H
#include "eval/judge.h"

struct lace_inject_kind {
    const char *name;
    bool verdict; /* stands in the verdict's place; the others are lines, between two lines of the thread */
    enum lace_falsehood line;
};
extern const struct lace_inject_kind lace_inject_kinds[]; /* by enum lace_inject */

/* Appends what a thread that has written so_far (terminated) is made to write next: a line, or what follows the lead
 * "[[". Nothing is appended where nothing false can be said: a thread without an answer has none to judge. */
int lace_inject_write(enum lace_inject kind, const struct lace_record *problem, const char *so_far,
                      struct lace_rng *rng, struct lace_text *out, struct lace_error *err);

struct lace_forced { /* what was written so */
    enum lace_inject kind;
    int thread;                   /* -1: nobody was made to */
    size_t at, len;               /* bytes of its text */
    size_t before[LACE_FEW_ROWS]; /* bytes of each thread's text when it stood there */
};
/* Fills injected, believed and rejected; nothing where forced->thread is -1. */
int lace_judge_forced(const struct lace_record *problem, const struct lace_said *said, int threads,
                      const struct lace_forced *forced, struct lace_outcome *out, struct lace_error *err);
#endif
