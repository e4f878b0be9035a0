/* AdamW (Loshchilov & Hutter 2019, algorithm 2 with a constant schedule multiplier):
 *   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
 *   w -= lr * (m / (1 - b1^step) / (sqrt(v / (1 - b2^step)) + eps) + weight_decay * w) */
#include "ops/cpu.h"
#include <math.h>

void lace_adamw(float *w, float *m, float *v, const float *g, size_t n, float lr, float beta1, float beta2, float eps,
                float weight_decay, float grad_scale, long step)
{
    float unbias1 = (float)(1 / (1 - pow(beta1, step))), unbias2 = (float)(1 / (1 - pow(beta2, step)));
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * grad_scale;
        m[i] = beta1 * m[i] + (1 - beta1) * d;
        v[i] = beta2 * v[i] + (1 - beta2) * d * d;
        w[i] -= lr * (m[i] * unbias1 / (sqrtf(v[i] * unbias2) + eps) + weight_decay * w[i]);
    }
}
