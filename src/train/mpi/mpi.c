/* lace-mpi.so: see ranks.h. Built apart (`make mpi`), with mpicc's flags. */
#include "train/ranks.h"
#include <limits.h>
#include <mpi.h>

/* To the first rank and back, rather than MPI_Allreduce: there every rank may add in another order. */
static int sum(void *values, size_t count, size_t size, MPI_Datatype type, int rank)
{
    enum { PIECE = 1 << 24 };
    for (size_t done = 0; done < count;) {
        int piece = count - done < PIECE ? (int)(count - done) : PIECE;
        void *at = (char *)values + done * size;
        if (MPI_Reduce(rank ? at : MPI_IN_PLACE, at, piece, type, MPI_SUM, 0, MPI_COMM_WORLD) != MPI_SUCCESS ||
            MPI_Bcast(at, piece, type, 0, MPI_COMM_WORLD) != MPI_SUCCESS)
            return -1;
        done += (size_t)piece;
    }
    return 0;
}

static int own_rank;
static int sum_floats(float *values, size_t count) { return sum(values, count, sizeof *values, MPI_FLOAT, own_rank); }
static int sum_doubles(double *values, size_t count)
{
    return sum(values, count, sizeof *values, MPI_DOUBLE, own_rank);
}
static void end(void) { MPI_Finalize(); }

__attribute__((visibility("default"))) lace_mpi_open_fn lace_mpi_open;
int lace_mpi_open(struct lace_ranks *ranks)
{
    int given;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS) return -1;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &ranks->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks->count);
    own_rank = ranks->rank;
    ranks->sum_floats = sum_floats;
    ranks->sum_doubles = sum_doubles;
    ranks->close = end;
    return 0;
}
