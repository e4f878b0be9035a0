/* The processes that train one model together (`mpirun -n 4 lace train ...`). Each takes its share of a step's shards
 * or problems and has the same weights; gradients are summed over all of them before the update. MPI itself lies in a
 * small library of its own, lace-mpi.so, which is opened only under mpirun: without it a program starts as fast as
 * ever, and nothing else depends on MPI. */
#ifndef LACE_RANKS_H
#define LACE_RANKS_H
#include "base/base.h"

struct lace_ranks {
    int rank, count; /* 0 and 1 where the process is alone: then nothing below is called */
    /* Sums over all ranks, in place; every rank gets the same bits. 0, or negative where MPI failed. */
    int (*sum_floats)(float *values, size_t count);
    int (*sum_doubles)(double *values, size_t count);
    void (*close)(void);
    void *library;
};
/* Under mpirun: joins the others. The program's own folder, then LIBDIR, are searched for lace-mpi.so. */
int lace_ranks_open(struct lace_ranks *ranks, struct lace_error *err);
void lace_ranks_close(struct lace_ranks *ranks);

/* Sums count doubles over the ranks; alone it does nothing. */
int lace_ranks_sum(const struct lace_ranks *ranks, double *values, size_t count, struct lace_error *err);
/* The worst of all ranks' codes, so that all go on or none does: a rank that is well gets a sentence of its own. */
int lace_ranks_agree(const struct lace_ranks *ranks, int code, struct lace_error *err);

/* What lace-mpi.so defines. */
typedef int lace_mpi_open_fn(struct lace_ranks *ranks);
#endif
