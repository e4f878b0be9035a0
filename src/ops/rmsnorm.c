/* RMSNorm (Zhang & Sennrich 2019) over the last dimension:
 *   y = x * rstd * w,  rstd = 1 / sqrt(mean(x^2) + eps)
 *   dx = rstd * (w * dy - x * rstd^2 * mean(w * dy * x)),  dw = sum over rows of dy * x * rstd */
#include "ops/cpu.h"
#include <math.h>

void lace_rmsnorm_forward(float *y, float *rstd, const float *x, const float *w, float eps, int rows, int cols)
{
    for (int r = 0; r < rows; r++) {
        const float *xr = x + (size_t)r * cols;
        float *yr = y + (size_t)r * cols, sum = 0;
        for (int c = 0; c < cols; c++) sum += xr[c] * xr[c];
        float s = 1 / sqrtf(sum / cols + eps);
        for (int c = 0; c < cols; c++) yr[c] = xr[c] * s * w[c];
        if (rstd) rstd[r] = s;
    }
}

void lace_rmsnorm_backward(float *dx, float *dw, const float *dy, const float *x, const float *rstd, const float *w,
                           int rows, int cols)
{
    for (int r = 0; r < rows; r++) {
        const float *dyr = dy + (size_t)r * cols, *xr = x + (size_t)r * cols;
        float *dxr = dx + (size_t)r * cols, s = rstd[r], dot = 0;
        for (int c = 0; c < cols; c++) dot += w[c] * dyr[c] * xr[c];
        float shift = dot / cols * s * s;
        for (int c = 0; c < cols; c++) dxr[c] += s * (w[c] * dyr[c] - xr[c] * shift);
        for (int c = 0; dw && c < cols; c++) dw[c] += dyr[c] * xr[c] * s;
    }
}
