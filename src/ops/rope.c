/* Rotary embedding (Su et al. 2021), halves convention of the Qwen and Llama checkpoints: each pair (i, i + d/2)
 * of a head is turned by the row's angle for i. The backward is the turn by the opposite angle (sign -1). */
#include "ops/cpu.h"

void lace_rope(float *x, const float *cosine, const float *sine, float sign, int rows, int heads, int d)
{
    int half = d / 2;
    for (int r = 0; r < rows; r++) {
        const float *c = cosine + (size_t)r * half, *s = sine + (size_t)r * half;
        for (int h = 0; h < heads; h++) {
            float *a = x + ((size_t)r * heads + h) * d, *b = a + half;
            for (int i = 0; i < half; i++) {
                float p = a[i], q = b[i];
                a[i] = p * c[i] - sign * q * s[i];
                b[i] = q * c[i] + sign * p * s[i];
            }
        }
    }
}
