/* Softmax cross-entropy: logprob[r] = logits[r,target] - lse[r], lse = max + log sum exp(logits - max).
 * The gradient of -weight logprob is weight * (softmax - onehot). */
#include "ops/cpu.h"
#include <math.h>

void lace_cross_entropy_forward(float *logprob, float *lse, const float *logits, const int *target, int rows, int V)
{
    for (int r = 0; r < rows; r++) {
        const float *z = logits + (size_t)r * V;
        float max = z[0];
        double sum = 0;
        for (int i = 1; i < V; i++) max = z[i] > max ? z[i] : max;
        for (int i = 0; i < V; i++) sum += expf(z[i] - max);
        lse[r] = max + (float)log(sum);
        logprob[r] = z[target[r]] - lse[r];
    }
}

void lace_cross_entropy_backward(float *logits, const float *lse, const int *target, const float *weight, int rows,
                                 int V)
{
    for (int r = 0; r < rows; r++) {
        float *z = logits + (size_t)r * V;
        for (int i = 0; i < V; i++) z[i] = weight[r] * expf(z[i] - lse[r]);
        z[target[r]] -= weight[r];
    }
}
