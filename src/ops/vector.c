/* Plain vectors: rounding, the residual's sum and the gradient's norm. */
#include "ops/cpu.h"

void lace_to_bf16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = lace_f32_to_bf16(x[i]);
}

void lace_add_vector(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

double lace_sum_squares(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sum;
}
