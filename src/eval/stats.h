/* How sure a figure is. A group (a problem with its threads) is the unit: threads of one problem are not
 * independent, so a caller that has several values per problem averages them first. docs/evaluation.md says why
 * each interval is as it is; tests/unit/test_stats.c simulates how often they hold the truth. */
#ifndef LACE_STATS_H
#define LACE_STATS_H
#include "base/base.h"

enum { LACE_RESAMPLES = 10000 };

/* The share hits/count with Wilson's 95 % interval, which stays honest near 0 and 1 and for few trials. */
struct lace_estimate lace_wilson(uint64_t hits, uint64_t count);

/* Bounded values of problems, one for each training seed and column. Columns of a problem are drawn together, so what
 * makes it hard for two arms cancels in their difference. */
struct lace_sample {
    const double *x; /* (seeds, count, columns) */
    int seeds, count, columns;
    const int *stratum; /* (count), from 0; NULL: all in one. Every stratum holds a problem */
    int strata;
    const double *weight; /* (strata) of a stratum's mean, their sum is 1; NULL: all the same */
    double low, high;     /* the least and the most that x can be */
    int resamples;        /* 0: LACE_RESAMPLES */
};
/* The means: the weighted mean over strata of the mean over their problems and seeds. mean (columns). */
int lace_sample_means(const struct lace_sample *sample, double *mean, struct lace_error *err);
/* The means of LACE_RESAMPLES bootstrap draws of problems within their strata, averaged over seeds first;
 * deterministic in the seed. means (columns, draws). As many are drawn as a stratum has, out of these and two made-up
 * problems, one at each bound: without them a sample whose values are all alike would claim to be certain. They pull every stratum
 * towards the middle, and more strata make the interval narrower but the pull no less: so all draws are moved back by
 * what it comes to, within the bounds. */
int lace_resample(const struct lace_sample *sample, uint64_t seed, double *means, struct lace_error *err);
/* The means with their 95 % intervals; out (columns). One training seed: the percentiles of lace_resample. Several: a
 * t interval whose variance has a part between seeds and a part between problems. */
int lace_sample_estimate(const struct lace_sample *sample, uint64_t seed, struct lace_estimate *out,
                         struct lace_error *err);
/* The 2.5 % and 97.5 % points of count values, which are sorted on return. */
void lace_percentiles(double *values, int count, double *low, double *high);
/* For 1 to 1000 degrees of freedom: the point below which Student's t lies with probability 0.975. */
double lace_student(double df);

/* Edit distance of two lists of tokens as a share of the longer: 0 the same, 1 nothing in common. row: room for m + 1. */
double lace_edit_share(const int *a, int n, const int *b, int m, int *row);
#endif
