/* Bias of a linear layer: y[r,:] += b;  db += sum over rows of dy[r,:]. */
#include "ops/cpu.h"

void lace_bias_forward(float *y, const float *b, int rows, int cols)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) y[(size_t)r * cols + c] += b[c];
}

void lace_bias_backward(float *db, const float *dy, int rows, int cols)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) db[c] += dy[(size_t)r * cols + c];
}
