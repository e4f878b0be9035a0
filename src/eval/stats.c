/* Wilson's interval, the bootstrap, and how far two texts are apart. */
#include "eval/stats.h"
#include <math.h>
#include <stdlib.h>

struct lace_estimate lace_wilson(uint64_t hits, uint64_t count)
{
    if (!count) return (struct lace_estimate){0, 0, 1};
    double n = (double)count, p = (double)hits / n, z = 1.959963984540054, z2 = z * z;
    double middle = (p + z2 / (2 * n)) / (1 + z2 / n),
           half = z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    /* At 0 and at n the bound is exactly 0 or 1; rounding would leave 1e-17. */
    return (struct lace_estimate){p, hits ? middle - half : 0, hits == count ? 1 : middle + half};
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int count, double q)
{
    double at = q * (count - 1);
    int i = (int)at;
    return i + 1 < count ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

int lace_bootstrap_difference(const double *a, const double *b, int count, uint64_t seed, struct lace_estimate *out,
                              struct lace_error *err)
{
    *out = (struct lace_estimate){0};
    if (count < 1) return lace_fail(err, LACE_BAD, "A mean needs at least one group.");
    double *means = lace_alloc_array((size_t)count + LACE_RESAMPLES, sizeof *means), *x = means + LACE_RESAMPLES;
    if (!means) return lace_fail(err, LACE_MEMORY, "Out of memory: the bootstrap of %d groups.", count);
    struct lace_rng rng;
    lace_rng_init(&rng, seed, 0x626f6f74);
    for (int i = 0; i < count; i++) {
        x[i] = b ? a[i] - b[i] : a[i];
        out->value += x[i] / count;
    }
    for (int r = 0; r < LACE_RESAMPLES; r++) {
        double sum = 0;
        for (int i = 0; i < count; i++) sum += x[lace_rng_below(&rng, (uint32_t)count)];
        means[r] = sum / count;
    }
    qsort(means, LACE_RESAMPLES, sizeof *means, ascending);
    out->low = quantile(means, LACE_RESAMPLES, 0.025);
    out->high = quantile(means, LACE_RESAMPLES, 0.975);
    lace_free(means);
    return 0;
}

int lace_bootstrap_mean(const double *x, int count, uint64_t seed, struct lace_estimate *out, struct lace_error *err)
{
    return lace_bootstrap_difference(x, NULL, count, seed, out, err);
}

double lace_edit_share(const int *a, int n, const int *b, int m, int *row)
{
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = corner + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return n || m ? (double)row[m] / (n > m ? n : m) : 0;
}
