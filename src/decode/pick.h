/* The answer of a group from the answers of its threads. */
#ifndef LACE_PICK_H
#define LACE_PICK_H
#include "decode/decoder.h"

struct lace_ballot {    /* what a thread brings to the choice */
    const char *answer; /* NULL: none; such a thread is no candidate */
    double p_best;      /* 0: never asked */
    double logprob;     /* mean log-probability of a token */
};
/* The chosen thread, or -1 where no thread has an answer. Votes compare answers with lace_format_same; ties between
 * answers are broken at random by seed; among the voters of the winning answer the one with the highest mean
 * log-probability speaks. By verdict: the highest p_best; where no thread was asked, by vote. */
int lace_pick(const struct lace_ballot *ballots, int count, enum lace_pick_by by, uint64_t seed);
#endif
