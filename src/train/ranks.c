#include "train/ranks.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef LACE_LIBDIR
#    define LACE_LIBDIR "/usr/local/lib"
#endif

/* Whether some mpirun started this process among others. */
static bool launched(void)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", NULL};
    for (int i = 0; sizes[i]; i++)
        if (getenv(sizes[i])) return atoi(getenv(sizes[i])) > 1;
    return false;
}

static void *open_library(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 16);
    while (len > 0 && path[len - 1] != '/') len--;
    memcpy(path + (len > 0 ? len : 0), "lace-mpi.so", sizeof "lace-mpi.so");
    void *library = len > 0 ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
    return library ? library : dlopen(LACE_LIBDIR "/lace-mpi.so", RTLD_NOW | RTLD_GLOBAL);
}

int lace_ranks_open(struct lace_ranks *r, struct lace_error *err)
{
    *r = (struct lace_ranks){.count = 1};
    if (!launched()) return 0;
    if (!(r->library = open_library()))
        return lace_fail(err, LACE_SYSTEM,
                         "mpirun started several processes, and lace-mpi.so is neither beside the program nor in %s; "
                         "`make mpi` builds it.",
                         LACE_LIBDIR);
    lace_mpi_open_fn *open = (lace_mpi_open_fn *)dlsym(r->library, "lace_mpi_open");
    if (open && !open(r)) return 0;
    *r = (struct lace_ranks){.count = 1};
    return lace_fail(err, LACE_SYSTEM, "MPI could not be started; see what mpirun says above.");
}

void lace_ranks_close(struct lace_ranks *r)
{
    if (r->close) r->close(); /* the library stays: MPI leaves handlers in the process */
    *r = (struct lace_ranks){.count = 1};
}

int lace_ranks_sum(const struct lace_ranks *r, double *values, size_t count, struct lace_error *err)
{
    if (r->count == 1 || !r->sum_doubles(values, count)) return 0;
    return lace_fail(err, LACE_SYSTEM, "Rank %d lost the other processes.", r->rank);
}

int lace_ranks_agree(const struct lace_ranks *r, int code, struct lace_error *err)
{
    if (r->count == 1) return code;
    enum { CODES = 1 - LACE_STOPPED };
    double counts[CODES] = {0};
    counts[-code] = 1;
    int lost = lace_ranks_sum(r, counts, CODES, err);
    if (lost) return lost;
    for (int i = CODES - 1; i > 0 && !code; i--)
        if (counts[i] > 0) return lace_fail(err, -i, "Another rank ended; see what it said.");
    return code;
}
