/* Embedding: x[r,:] = table[ids[r],:]; backward dtable[ids[r],:] += dx[r,:]. */
#include "ops/cpu.h"

void lace_embedding_forward(float *x, const void *table, enum lace_dtype dtype, const int *ids, int rows, int D)
{
    for (int r = 0; r < rows; r++) lace_dtype_to_f32(dtype, table, (size_t)ids[r] * D, (size_t)D, x + (size_t)r * D);
}

/* Rows in order on one worker: several rows may name the same id, and the sum must not depend on a schedule. */
void lace_embedding_backward(float *dtable, const float *dx, const int *ids, int rows, int D)
{
    for (int r = 0; r < rows; r++) {
        float *to = dtable + (size_t)ids[r] * D;
        const float *from = dx + (size_t)r * D;
        for (int c = 0; c < D; c++) to[c] += from[c];
    }
}
