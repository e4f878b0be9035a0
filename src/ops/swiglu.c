/* SwiGLU (Shazeer 2020): y = silu(gate) * up, silu(x) = x * s, s = 1 / (1 + e^-x)
 *   dup = dy * silu(gate),  dgate = dy * up * s * (1 + gate * (1 - s)) */
#include "ops/cpu.h"
#include <math.h>

void lace_swiglu_forward(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

void lace_swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float s = 1 / (1 + expf(-gate[i])), d = dy[i], g = gate[i], u = up[i];
        dgate[i] = d * u * s * (1 + g * (1 - s));
        dup[i] = d * g * s;
    }
}
