/* How sure a figure is. A group (a problem with its threads) is the unit: threads of one problem are not
 * independent, so a caller that has several values per problem averages them first. */
#ifndef LACE_STATS_H
#define LACE_STATS_H
#include "base/base.h"

enum { LACE_RESAMPLES = 10000 };

/* The share hits/count with Wilson's 95 % interval, which stays honest near 0 and 1 and for few trials. */
struct lace_estimate lace_wilson(uint64_t hits, uint64_t count);

/* The mean of x with its 95 % percentile bootstrap over count groups; deterministic in the seed. */
int lace_bootstrap_mean(const double *x, int count, uint64_t seed, struct lace_estimate *out, struct lace_error *err);

/* mean(a) - mean(b), where a[i] and b[i] belong to the same problem: drawn together, so that what makes a
 * problem hard for both cancels. */
int lace_bootstrap_difference(const double *a, const double *b, int count, uint64_t seed, struct lace_estimate *out,
                              struct lace_error *err);

/* Edit distance of two lists of tokens as a share of the longer: 0 the same, 1 nothing in common. row: room for m + 1. */
double lace_edit_share(const int *a, int n, const int *b, int m, int *row);
#endif
