/* The lattice's gate: how loud the other threads are, per row and lattice head.
 *   u[r,m,:] = alpha[m] * g[r,m] * o[r,m,:],  g = sigmoid(logit + bias[m])
 * With t[r,m] = sum over the head's width of du * o:
 *   d_o = alpha g du,  dalpha[m] = sum_r g t,  dlogit = alpha t g (1 - g),  dbias[m] = sum_r dlogit */
#include "ops/cpu.h"
#include <math.h>

void lace_gate_forward(float *u, float *g, const float *o, const float *logit, const float *bias, const float *alpha,
                       int rows, int M, int w)
{
    for (int r = 0; r < rows; r++)
        for (int m = 0; m < M; m++) {
            size_t at = (size_t)r * M + m;
            g[at] = 1 / (1 + expf(-(logit[at] + bias[m])));
            for (int i = 0; i < w; i++) u[at * w + i] = alpha[m] * g[at] * o[at * w + i];
        }
}

void lace_gate_backward(float *d_o, float *dlogit, float *dbias, float *dalpha, const float *du, const float *g,
                        const float *o, const float *alpha, int rows, int M, int w)
{
    for (int m = 0; m < M; m++) {
        double sum_bias = 0, sum_alpha = 0;
        for (int r = 0; r < rows; r++) {
            size_t at = (size_t)r * M + m;
            float t = 0;
            for (int i = 0; i < w; i++) {
                t += du[at * w + i] * o[at * w + i];
                d_o[at * w + i] = alpha[m] * g[at] * du[at * w + i];
            }
            dlogit[at] = alpha[m] * t * g[at] * (1 - g[at]);
            sum_alpha += g[at] * t;
            sum_bias += dlogit[at];
        }
        dalpha[m] += (float)sum_alpha;
        dbias[m] += (float)sum_bias;
    }
}
