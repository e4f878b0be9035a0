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

/* 1: the answer is right; 0: wrong; negative: it cannot be right whatever the problem, and is no candidate. How problems
 * are judged is known to those who call, not here. */
typedef int lace_grade_fn(const struct lace_record *problem, const char *answer);

/* The ballots of a group whose answers are graded; begins as {0}, is to be released in any case. */
struct lace_graded {
    int count;
    struct lace_ballot ballots[LACE_FEW_ROWS];
    bool right[LACE_FEW_ROWS];
    struct lace_text answers[LACE_FEW_ROWS]; /* what the ballots point to */
};
/* The ballot of the next thread, of what it wrote; a group has at most LACE_FEW_ROWS. */
int lace_graded_add(struct lace_graded *graded, const struct lace_record *problem, lace_grade_fn *grade,
                    struct lace_string text, double p_best, double logprob, struct lace_error *err);
/* Whether the thread that lace_pick chooses is right. */
bool lace_graded_right(const struct lace_graded *graded, enum lace_pick_by by, uint64_t seed);
void lace_graded_release(struct lace_graded *graded);
#endif
