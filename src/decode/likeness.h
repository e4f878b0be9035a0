/* How alike the threads of a group ended, without knowing who is right. A group is worth more than one thread only while
 * its threads differ:
 *   group-think    mean over pairs of threads: the likeness of what they wrote (Jaccard, of the sets of their runs of
 *                  three tokens) where both give the same answer; 0 where they do not. 1: N copies of one thread
 *   disagreement   share of the pairs whose verdicts cannot both be true: the same answer, and one of them is a failure;
 *                  other answers, and neither is. Of the pairs in which both have an answer and a verdict */
#ifndef LACE_LIKENESS_H
#define LACE_LIKENESS_H
#include "base/base.h"

struct lace_likeness_thread {
    const int *ids;
    int count;
    const char *answer; /* NULL: none */
    enum lace_verdict verdict;
};
struct lace_likeness {
    int pairs, judged; /* of them with answers and verdicts */
    double group_think, disagreement;
};
/* Only the first so many threads, and tokens of each, are compared: the cost has a bound. */
enum { LACE_LIKENESS_THREADS = 32, LACE_LIKENESS_TOKENS = 4096 };

/* scratch: LACE_LIKENESS_THREADS * LACE_LIKENESS_TOKENS. */
void lace_likeness(const struct lace_likeness_thread *threads, int count, uint32_t *scratch, struct lace_likeness *out);
#endif
