/* Muon (Jordan et al. 2024), at the size of AdamW's steps (Liu et al. 2025, arXiv 2502.16982): momentum as a matrix, with
 * all its singular values made about one.
 *   m = b m + g,  X = (g + b m) / |g + b m|                                       as (small, large): turned if need be
 *   five times:  A = X X^T,  X = 3.4445 X - (4.7750 A - 2.0315 A A) X            |X|'s singular values go to 0.7 .. 1.2
 *   w = (1 - lr * weight_decay) w - lr * 0.2 sqrt(max(rows, cols)) X
 * A step moves directions that gradients seldom reach as far as the common ones. */
#include "ops/cpu.h"
#include <math.h>

size_t lace_muon_scratch(int rows, int cols)
{
    size_t small = rows < cols ? rows : cols;
    return 2 * (size_t)rows * cols + 2 * small * small;
}

void lace_muon(float *w, float *m, const float *g, int rows, int cols, float lr, float momentum, float weight_decay,
               float grad_scale, float *scratch)
{
    bool turned = rows > cols;
    int a = turned ? cols : rows, b = turned ? rows : cols;
    size_t n = (size_t)rows * cols, square = (size_t)a * a;
    float *x = scratch, *y = x + n, *gram = y + n, *cubic = gram + square;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * grad_scale;
        m[i] = momentum * m[i] + d;
        y[i] = d + momentum * m[i];
        sum += (double)y[i] * y[i];
    }
    float scale = (float)(1 / (sqrt(sum) + 1e-12));
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            x[turned ? (size_t)j * rows + i : (size_t)i * cols + j] = scale * y[(size_t)i * cols + j];
    for (int step = 0; step < 5; step++) {
        lace_dnn_plain(true, a, a, b, 1, x, x, gram);
        lace_dnn_plain(false, a, a, a, 2.0315f, gram, gram, cubic);
        for (size_t i = 0; i < square; i++) cubic[i] -= 4.7750f * gram[i];
        for (int i = 0; i < a; i++) cubic[(size_t)i * a + i] += 3.4445f;
        lace_dnn_plain(false, a, b, a, 1, cubic, x, y);
        float *other = x;
        x = y;
        y = other;
    }
    float keep = 1 - lr * weight_decay, size = lr * 0.2f * sqrtf((float)b);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            size_t at = (size_t)i * cols + j;
            w[at] = keep * w[at] - size * x[turned ? (size_t)j * rows + i : at];
        }
}
