/* The Reasoning Robustness Score. Levels d_1 < ... < d_k of difficulty (or ambiguity), accuracy A(d):
 *
 *     area  = integral of A from d_1 to d_k by the trapezoid rule / (d_k - d_1)        in [0, 1]
 *     score = (area of the arm - area of independent by vote) / (1 - area of independent by vote)
 *
 * The area of several families is the mean of theirs. docs/evaluation.md works an example by hand. */
#include "eval/stats.h"
#include "eval/study.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int level_of(const struct lace_cell *c, bool ambiguity) { return ambiguity ? c->ambiguity : c->difficulty; }

/* The trapezoid's share of level x among those of the cells from..to - 1: half the way to its neighbours. */
static double share(const struct lace_study *s, int from, int to, bool ambiguity, int x)
{
    int least = x, most = x, below = x, above = x;
    for (int c = from; c < to; c++) {
        int y = level_of(&s->cells[c], ambiguity);
        if (y < least) least = y;
        if (y > most) most = y;
        if (y < x && (below == x || y > below)) below = y;
        if (y > x && (above == x || y < above)) above = y;
    }
    return most > least ? (above - below) / (2.0 * (most - least)) : 0;
}

/* What each cell's accuracy counts in the area; false where no family has two levels. Families with a single level
 * count nothing. */
static bool weigh(const struct lace_study *s, bool ambiguity, double *weight)
{
    int families = 0;
    for (int from = 0, to; from < s->cell_count; from = to) {
        bool several = false;
        for (to = from; to < s->cell_count && !strcmp(s->cells[to].family, s->cells[from].family); to++)
            several |= level_of(&s->cells[to], ambiguity) != level_of(&s->cells[from], ambiguity);
        for (int c = from; c < to; c++) {
            int x = level_of(&s->cells[c], ambiguity), same = 0;
            for (int b = from; b < to; b++) same += level_of(&s->cells[b], ambiguity) == x;
            weight[c] = several ? share(s, from, to, ambiguity, x) / same : 0;
        }
        families += several;
    }
    for (int c = 0; c < s->cell_count && families; c++) weight[c] /= families;
    return families > 0;
}

static double score_of(double area, double base) { return base < 1 ? (area - base) / (1 - base) : NAN; }

/* One seed: the percentiles of the scores of the resampled areas. x: (problems, arms + 1), the last the baseline. */
static int by_resampling(const struct lace_sample *sample, uint64_t seed, struct lace_eval_robustness *r,
                         struct lace_error *err)
{
    int A = sample->columns - 1;
    double *means = lace_alloc_array((size_t)sample->columns, sizeof *means * LACE_RESAMPLES);
    int code = means ? lace_resample(sample, seed, means, err) : lace_fail(err, LACE_MEMORY, "Out of memory.");
    double *base = means + (size_t)A * LACE_RESAMPLES;
    for (int a = 0; a < A && !code; a++) {
        double *scores = means + (size_t)a * LACE_RESAMPLES;
        int count = 0;
        for (int i = 0; i < LACE_RESAMPLES; i++)
            if (base[i] < 1) scores[count++] = score_of(scores[i], base[i]);
        if (count) lace_percentiles(scores, count, &r->score[a].low, &r->score[a].high);
        r->score[a].low = fmin(r->score[a].low, r->score[a].value);
        r->score[a].high = fmax(r->score[a].high, r->score[a].value);
    }
    lace_free(means);
    return code;
}

/* Several seeds: the interval of the score's linear part in the two areas. */
static int by_gradient(const struct lace_sample *sample, const double *area, uint64_t seed,
                       struct lace_eval_robustness *r, struct lace_error *err)
{
    int C = sample->columns, A = C - 1;
    size_t rows = (size_t)sample->seeds * (size_t)sample->count;
    double *y = lace_alloc_array(rows, sizeof *y * (size_t)A), b = area[A], left = fmax(1 - b, 1e-9);
    if (!y) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (size_t i = 0; i < rows; i++)
        for (int a = 0; a < A; a++)
            y[i * (size_t)A + (size_t)a] = r->score[a].value + (sample->x[i * (size_t)C + (size_t)a] - area[a]) / left +
                                           (sample->x[i * (size_t)C + (size_t)A] - b) * (area[a] - 1) / (left * left);
    struct lace_sample linear = *sample;
    linear.x = y;
    linear.columns = A;
    linear.low = -1 / (left * left);
    linear.high = 1 / left;
    struct lace_estimate e[LACE_EVAL_ARMS];
    int code = lace_sample_estimate(&linear, seed, e, err);
    for (int a = 0; a < A && !code; a++) r->score[a].low = e[a].low, r->score[a].high = e[a].high;
    lace_free(y);
    return code;
}

static int score(const struct lace_study *s, int threads, bool ambiguity, const double *weight, int base,
                 struct lace_eval_robustness *r, struct lace_error *err)
{
    int A = s->arm_count, C = A + 1, strata = 0, P = 0, code = 0,
        *cell = malloc(sizeof *cell * (size_t)s->problem_count);
    double *x = lace_alloc_array((size_t)s->model_count * (size_t)s->problem_count, sizeof *x * (size_t)C);
    double *used = malloc(sizeof *used * (size_t)s->cell_count), area[LACE_EVAL_ARMS + 1] = {0};
    struct lace_estimate e[LACE_EVAL_ARMS + 1];
    if (!x || !cell || !used) {
        code = lace_fail(err, LACE_MEMORY, "Out of memory for the scores of %d problems.", s->problem_count);
        goto done;
    }
    for (int c = 0; c < s->cell_count; c++) {
        if (!(weight[c] > 0)) continue;
        used[strata] = weight[c];
        for (int i = 0; i < s->cells[c].count; i++) cell[P++] = strata;
        strata++;
    }
    for (int m = 0, row = 0; m < s->model_count; m++)
        for (int c = 0; c < s->cell_count; c++)
            for (int i = 0; i < s->cells[c].count && weight[c] > 0; i++, row++)
                for (int a = 0; a <= A; a++) {
                    const struct lace_trial *t = lace_study_trial(s, m, threads, a < A ? a : base);
                    x[(size_t)row * C + a] =
                        t->outcome[s->cells[c].first + i].right[a < A ? s->arms[a].own_pick : LACE_PICK_VOTE];
                }
    struct lace_sample sample = {x, s->model_count, P, C, cell, strata, used, 0, 1};
    *r = (struct lace_eval_robustness){.axis = ambiguity ? "ambiguity" : "difficulty", .threads = s->threads[threads]};
    if ((code = lace_sample_estimate(&sample, s->seed, e, err))) goto done;
    for (int a = 0; a <= A; a++) area[a] = e[a].value;
    for (int a = 0; a < A; a++) {
        r->area[a] = e[a];
        r->score[a].value = r->score[a].low = r->score[a].high = score_of(area[a], area[A]);
    }
    if (area[A] < 1)
        code =
            s->model_count > 1 ? by_gradient(&sample, area, s->seed, r, err) : by_resampling(&sample, s->seed, r, err);
done:
    free(cell);
    free(used);
    lace_free(x);
    return code;
}

int lace_study_robustness(const struct lace_study *s, struct lace_eval_result *r, struct lace_error *err)
{
    int base = -1, code = 0;
    for (int a = 0; a < s->arm_count; a++)
        if (!strcmp(s->arms[a].name, "independent")) base = a;
    double *weight = calloc((size_t)s->cell_count + 1, sizeof *weight);
    r->robustness = calloc(2 * (size_t)s->thread_count + 1, sizeof *r->robustness);
    if (!weight || !r->robustness) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int ambiguity = 0; ambiguity < 2 && base >= 0 && !code; ambiguity++)
        for (int t = 0; t < s->thread_count && weigh(s, ambiguity, weight) && !code; t++)
            code = score(s, t, ambiguity, weight, base, &r->robustness[r->robustness_count++], err);
    free(weight);
    return code;
}
