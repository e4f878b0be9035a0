#include "decode/likeness.h"
#include "decode/format.h"
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The set of a thread's runs of three tokens, as hashes, sorted; of a shorter thread its one run. Returns their number. */
static int runs_of(const struct lace_likeness_thread *t, uint32_t *out)
{
    int count = t->count < LACE_LIKENESS_TOKENS ? t->count : LACE_LIKENESS_TOKENS, made = 0, kept = 0;
    for (int i = 0; i + 3 <= count || (i == 0 && count); i++) {
        uint64_t hash = lace_hash(t->ids + i, sizeof *t->ids * (size_t)(count < 3 ? count : 3));
        out[made++] = (uint32_t)(hash ^ hash >> 32);
    }
    qsort(out, (size_t)made, sizeof *out, by_value);
    for (int i = 0; i < made; i++)
        if (!i || out[i] != out[kept - 1]) out[kept++] = out[i];
    return kept;
}

/* Two empty sets are the same. */
static double jaccard(const uint32_t *a, int a_count, const uint32_t *b, int b_count)
{
    int both = 0;
    for (int i = 0, j = 0; i < a_count && j < b_count;) {
        if (a[i] == b[j]) both++, i++, j++;
        else if (a[i] < b[j]) i++;
        else j++;
    }
    int any = a_count + b_count - both;
    return any ? (double)both / any : 1;
}

void lace_likeness(const struct lace_likeness_thread *t, int count, uint32_t *scratch, struct lace_likeness *out)
{
    int N = count < LACE_LIKENESS_THREADS ? count : LACE_LIKENESS_THREADS, runs[LACE_LIKENESS_THREADS], against = 0;
    double think = 0;
    *out = (struct lace_likeness){0};
    for (int n = 0; n < N; n++) runs[n] = runs_of(&t[n], scratch + (size_t)n * LACE_LIKENESS_TOKENS);
    for (int n = 0; n < N; n++)
        for (int m = 0; m < n; m++) {
            out->pairs++;
            if (!t[n].answer || !t[m].answer) continue;
            bool same = lace_format_same(t[n].answer, t[m].answer);
            if (same)
                think += jaccard(scratch + (size_t)n * LACE_LIKENESS_TOKENS, runs[n],
                                 scratch + (size_t)m * LACE_LIKENESS_TOKENS, runs[m]);
            if (!t[n].verdict || !t[m].verdict) continue;
            bool failed = t[n].verdict == LACE_VERDICT_FAIL, other = t[m].verdict == LACE_VERDICT_FAIL;
            out->judged++;
            against += same ? failed != other : !failed && !other;
        }
    if (out->pairs) out->group_think = think / out->pairs;
    if (out->judged) out->disagreement = (double)against / out->judged;
}
