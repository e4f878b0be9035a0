/* Wilson's interval, the bootstrap, the interval over training seeds, and how far two texts are apart. */
#include "eval/stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

void lace_percentiles(double *values, int count, double *low, double *high)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    *low = quantile(values, count, 0.025);
    *high = quantile(values, count, 0.975);
}

/* By Simpson's rule and bisection: to six digits; it is needed a few times a run. */
double lace_student(double df)
{
    enum { PIECES = 400 };
    double scale = exp(lgamma((df + 1) / 2) - lgamma(df / 2)) / sqrt(df * M_PI), low = 0, high = M_PI / 2;
    for (int i = 0; i < 40; i++) { /* t = sqrt(df) tan(u) turns the density into a power of cos(u) */
        double middle = (low + high) / 2, sum = 0;
        for (int k = 0; k <= PIECES; k++)
            sum += (k == 0 || k == PIECES ? 1 : k % 2 ? 4 : 2) * pow(cos(middle * k / PIECES), df - 1);
        if (scale * sqrt(df) * sum * middle / (3 * PIECES) < 0.475) low = middle;
        else high = middle;
    }
    return sqrt(df) * tan(low);
}

/* ---- samples ---- */

static double weight_of(const struct lace_sample *s, int f) { return s->weight ? s->weight[f] : 1.0 / s->strata; }
static int draws_of(const struct lace_sample *s) { return s->resamples ? s->resamples : LACE_RESAMPLES; }
static int stratum_of(const struct lace_sample *s, int i) { return s->stratum ? s->stratum[i] : 0; }

/* How many problems each stratum holds; the caller frees it. */
static int *sizes_of(const struct lace_sample *s, struct lace_error *err)
{
    int *size = calloc((size_t)(s->strata > 0 ? s->strata : 1), sizeof *size);
    bool empty = s->count < 1 || s->seeds < 1 || s->strata < 1;
    for (int i = 0; i < s->count && size && !empty; i++) size[stratum_of(s, i)]++;
    for (int f = 0; f < s->strata && size && !empty; f++) empty = !size[f];
    if (size && !empty) return size;
    if (size) lace_fail(err, LACE_BAD, "A mean needs at least one problem.");
    else lace_fail(err, LACE_MEMORY, "Out of memory.");
    free(size);
    return NULL;
}

/* y (count, columns): each problem's mean over the seeds. */
static void over_seeds(const struct lace_sample *s, double *y)
{
    size_t all = (size_t)s->count * (size_t)s->columns;
    memset(y, 0, all * sizeof *y);
    for (int k = 0; k < s->seeds; k++)
        for (size_t i = 0; i < all; i++) y[i] += s->x[(size_t)k * all + i] / s->seeds;
}

int lace_sample_means(const struct lace_sample *s, double *mean, struct lace_error *err)
{
    int *size = sizes_of(s, err), C = s->columns;
    if (!size) return LACE_BAD;
    memset(mean, 0, sizeof *mean * (size_t)C);
    for (int k = 0; k < s->seeds; k++)
        for (int i = 0; i < s->count; i++) {
            int f = stratum_of(s, i);
            for (int c = 0; c < C; c++)
                mean[c] += s->x[((size_t)k * s->count + i) * C + c] * weight_of(s, f) / ((double)size[f] * s->seeds);
        }
    free(size);
    return 0;
}

int lace_resample(const struct lace_sample *s, uint64_t seed, double *means, struct lace_error *err)
{
    int C = s->columns, R = draws_of(s), *size = sizes_of(s, err), *list = NULL, code = 0;
    if (!size) return LACE_BAD;
    double *y = lace_alloc_array((size_t)s->count * (size_t)C + (size_t)C, sizeof *y), *sum = y + (size_t)s->count * C;
    list = lace_alloc_array((size_t)s->count, sizeof *list); /* problems, stratum by stratum */
    if (!y || !list) {
        code = lace_fail(err, LACE_MEMORY, "Out of memory: the bootstrap of %d problems.", s->count);
        goto done;
    }
    over_seeds(s, y);
    for (int f = 0, at = 0; f < s->strata; f++)
        for (int i = 0; i < s->count; i++)
            if (stratum_of(s, i) == f) list[at++] = i;
    struct lace_rng rng;
    lace_rng_init(&rng, seed, 0x626f6f74);
    for (int c = 0; c < C; c++) { /* the draws begin where their mean becomes the sample's: see stats.h */
        double mean = 0, middle = 0;
        const int *own = list;
        for (int f = 0; f < s->strata; own += size[f++]) {
            double all = 0;
            for (int i = 0; i < size[f]; i++) all += y[(size_t)own[i] * C + c];
            mean += weight_of(s, f) * all / size[f];
            middle += weight_of(s, f) * (all + s->low + s->high) / (size[f] + 2);
        }
        for (int r = 0; r < R; r++) means[(size_t)c * R + r] = mean - middle;
    }
    for (int r = 0; r < R; r++) {
        const int *own = list;
        for (int f = 0; f < s->strata; own += size[f++]) {
            int n = size[f] + 2, bounds[2] = {0, 0};
            for (int c = 0; c < C; c++) sum[c] = 0;
            for (int i = 0; i < size[f]; i++) {
                int drawn = (int)((uint64_t)lace_rng_u32(&rng) * (uint32_t)n >> 32); /* uneven by n in 2^32 at most */
                if (drawn >= size[f]) {
                    bounds[drawn - size[f]]++;
                    continue;
                }
                const double *row = y + (size_t)own[drawn] * C;
                for (int c = 0; c < C; c++) sum[c] += row[c];
            }
            double outer = bounds[0] * s->low + bounds[1] * s->high;
            for (int c = 0; c < C; c++) means[(size_t)c * R + r] += weight_of(s, f) * (sum[c] + outer) / size[f];
        }
    }
    for (size_t i = 0; i < (size_t)C * (size_t)R; i++) means[i] = fmin(fmax(means[i], s->low), s->high);
done:
    lace_free(list);
    lace_free(y);
    free(size);
    return code;
}

/* Seeds and problems are crossed: every seed's model meets the same problems. Var(mean) = between seeds / S + between
 * problems / P; what is left of a seed's mean on a problem is in both parts, which errs on the wide side. */
static int over_both(const struct lace_sample *s, struct lace_estimate *out, struct lace_error *err)
{
    int C = s->columns, S = s->seeds, *size = sizes_of(s, err);
    if (!size) return LACE_BAD;
    double *y = lace_alloc_array((size_t)s->count * (size_t)C, sizeof *y);
    if (!y) {
        free(size);
        return lace_fail(err, LACE_MEMORY, "Out of memory: the interval of %d problems.", s->count);
    }
    over_seeds(s, y);
    for (int c = 0; c < C; c++) {
        double between_seeds = 0, between_problems = 0, freedom = 0, mean = out[c].value;
        for (int k = 0; k < S; k++) {
            double own = 0;
            for (int i = 0; i < s->count; i++) {
                int f = stratum_of(s, i);
                own += s->x[((size_t)k * s->count + i) * C + c] * weight_of(s, f) / size[f];
            }
            between_seeds += (own - mean) * (own - mean) / ((S - 1.0) * S);
        }
        for (int f = 0; f < s->strata; f++) { /* with the two made-up problems of lace_resample */
            double n = size[f] + 2, sum = s->low + s->high, squares = s->low * s->low + s->high * s->high;
            for (int i = 0; i < s->count; i++)
                if (stratum_of(s, i) == f) {
                    sum += y[(size_t)i * C + c];
                    squares += y[(size_t)i * C + c] * y[(size_t)i * C + c];
                }
            double part = weight_of(s, f) * weight_of(s, f) * (squares - sum * sum / n) / ((n - 1) * n);
            between_problems += part;
            freedom += part * part / (n - 1);
        }
        freedom += between_seeds * between_seeds / (S - 1);
        double all = between_seeds + between_problems; /* Satterthwaite's degrees of freedom */
        double half = all > 0 ? lace_student(fmin(1000, fmax(1, all * all / freedom))) * sqrt(all) : 0;
        out[c].low = fmax(s->low, mean - half);
        out[c].high = fmin(s->high, mean + half);
    }
    lace_free(y);
    free(size);
    return 0;
}

int lace_sample_estimate(const struct lace_sample *s, uint64_t seed, struct lace_estimate *out, struct lace_error *err)
{
    int C = s->columns, R = draws_of(s);
    double *mean = lace_alloc_array((size_t)C * (1 + (size_t)R), sizeof *mean), *means = mean + C;
    if (!mean) return lace_fail(err, LACE_MEMORY, "Out of memory: the interval of %d problems.", s->count);
    int code = lace_sample_means(s, mean, err);
    for (int c = 0; c < C && !code; c++) out[c] = (struct lace_estimate){mean[c], mean[c], mean[c]};
    if (!code && s->seeds > 1) code = over_both(s, out, err);
    else if (!code && !(code = lace_resample(s, seed, means, err)))
        for (int c = 0; c < C; c++) {
            lace_percentiles(means + (size_t)c * R, R, &out[c].low, &out[c].high);
            out[c].low = fmin(out[c].low, out[c].value);
            out[c].high = fmax(out[c].high, out[c].value);
        }
    lace_free(mean);
    return code;
}

/* ---- texts ---- */

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
