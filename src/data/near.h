/* Texts that are nearly the same: the set of a text is its shingles (three words in a row, letter case, width and
 * spacing ignored; a run of digits is a word, so is every other sign), and two texts are as alike as their sets:
 * |A and B| / |A or B| (Jaccard).
 *
 * MinHash finds the candidates: 32 bands of as many rows as keep the chance of missing a pair that is exactly as alike
 * as the threshold under one in a million. Every candidate is then compared set by set, so nothing less alike ever
 * counts, and results depend on nothing but the texts and their order. */
#ifndef LACE_NEAR_H
#define LACE_NEAR_H
#include "base/base.h"

#define LACE_NEAR_LEAST 0.4 /* below this, 32 bands of one row miss more than one pair in a million */

struct lace_near;
int lace_near_open(struct lace_near **near, double threshold, struct lace_error *err);
/* *match: the most alike of the texts that reach the threshold, by its number in the order of adding, the first of
 * equals; -1: none does. *alike: how much. */
int lace_near_find(struct lace_near *near, const char *text, long *match, double *alike, struct lace_error *err);
int lace_near_add(struct lace_near *near, const char *text, struct lace_error *err);
void lace_near_close(struct lace_near **near);

/* The shingles of a text, sorted, each once; *count of them. NULL: no memory. The caller frees them with free(). */
uint32_t *lace_shingles(const char *text, size_t *count);
/* Two texts without words are the same: 1. */
double lace_jaccard(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count);
#endif
