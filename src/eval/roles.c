/* The plain estimate of mutual information is never below 0, and above it by chance wherever threads differ at all. So
 * the same is computed with the threads of each problem in random order: what a group did stays as it was (there is one
 * "best" in it, say), and who did it means nothing any more. */
#include "eval/roles.h"
#include "eval/stats.h"
#include "ops/ops.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 16 };

struct counts {
    double pair[LACE_FEW_ROWS][KINDS]; /* thread, label */
    double thread[LACE_FEW_ROWS], kind[KINDS], all;
};

static double information(const struct counts *c)
{
    double bits = 0;
    for (int n = 0; n < LACE_FEW_ROWS && c->all > 0; n++)
        for (int k = 0; k < KINDS; k++)
            if (c->pair[n][k] > 0)
                bits += c->pair[n][k] / c->all * log2(c->pair[n][k] * c->all / (c->thread[n] * c->kind[k]));
    return bits > 0 ? bits : 0; /* no information may come out as -1e-17 */
}

static void add(struct counts *c, int thread, int kind)
{
    c->pair[thread][kind]++;
    c->thread[thread]++;
    c->kind[kind]++;
    c->all++;
}

/* Labels are numbered in the order in which they turn up. */
static int kind_of(signed char *number, int *kinds, char label)
{
    signed char *at = &number[(unsigned char)label];
    if (*at < 0 && *kinds < KINDS) *at = (signed char)(*kinds)++;
    return *at < 0 ? KINDS - 1 : *at;
}

int lace_roles(const char *const *label, const int *table, int count, int tables, uint64_t seed,
               struct lace_eval_role *out, struct lace_error *err)
{
    struct counts *c = calloc((size_t)tables, sizeof *c);
    struct lace_rng rng;
    signed char number[256];
    int kinds = 0;
    double drawn[LACE_ROLE_SHUFFLES];
    *out = (struct lace_eval_role){0, 0};
    if (!c) return lace_fail(err, LACE_MEMORY, "Out of memory for the roles in %d problems.", count);
    memset(number, -1, sizeof number);
    lace_rng_init(&rng, seed, 0x726f6c65);
    for (int round = -1; round < LACE_ROLE_SHUFFLES; round++) { /* -1: as they are */
        double bits = 0;
        memset(c, 0, (size_t)tables * sizeof *c);
        for (int i = 0; i < count; i++) {
            int order[LACE_FEW_ROWS], threads = 0;
            for (; label[i][threads] && threads < LACE_FEW_ROWS; threads++)
                order[threads] = kind_of(number, &kinds, label[i][threads]);
            if (round >= 0) lace_rng_shuffle(&rng, order, threads);
            for (int n = 0; n < threads; n++) add(&c[table[i]], n, order[n]);
        }
        for (int t = 0; t < tables; t++) bits += information(&c[t]) / tables;
        if (round < 0) out->bits = bits;
        else drawn[round] = bits;
    }
    double low, high;
    lace_percentiles(drawn, LACE_ROLE_SHUFFLES, &low, &high); /* sorts */
    out->chance = drawn[LACE_ROLE_SHUFFLES * 95 / 100 - 1];
    free(c);
    return 0;
}
