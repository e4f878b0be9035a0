/* Embedding: x[r,:] = table[ids[r],:]; backward dtable[ids[r],:] += dx[r,:]. */
#include "ops/cpu.h"
#include <string.h>

void lace_embedding_forward(float *x, const void *table, enum lace_dtype dtype, const int *ids, int rows, int D)
{
    for (int r = 0; r < rows; r++) {
        size_t from = (size_t)ids[r] * D, to = (size_t)r * D;
        if (dtype == LACE_F32) {
            memcpy(x + to, (const float *)table + from, sizeof(float) * D);
        } else if (dtype == LACE_F16) {
            for (int c = 0; c < D; c++) x[to + c] = lace_f16_to_f32(((const uint16_t *)table)[from + c]);
        } else {
            for (int c = 0; c < D; c++) x[to + c] = lace_bf16_to_f32(((const uint16_t *)table)[from + c]);
        }
    }
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
