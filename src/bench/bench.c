#include "bench/bench.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

double lace_bench_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- samples ---- */

void lace_samples_add(struct lace_samples *s, double value)
{
    if (s->count < LACE_BENCH_SAMPLES) s->at[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double lace_samples_median(const struct lace_samples *s)
{
    double sorted[LACE_BENCH_SAMPLES];
    if (!s->count) return 0;
    memcpy(sorted, s->at, sizeof *sorted * (size_t)s->count);
    qsort(sorted, (size_t)s->count, sizeof *sorted, by_value);
    return (sorted[(s->count - 1) / 2] + sorted[s->count / 2]) / 2;
}

double lace_samples_least(const struct lace_samples *s)
{
    double least = s->count ? s->at[0] : 0;
    for (int i = 1; i < s->count; i++) least = s->at[i] < least ? s->at[i] : least;
    return least;
}

double lace_samples_most(const struct lace_samples *s)
{
    double most = s->count ? s->at[0] : 0;
    for (int i = 1; i < s->count; i++) most = s->at[i] > most ? s->at[i] : most;
    return most;
}

int lace_bench_put(struct lace_bench *b, const struct lace_bench_figure *f, struct lace_error *err)
{
    if (!b->options->figure || !b->options->figure(b->options->user, f)) return 0;
    return lace_fail(err, LACE_STOPPED, "The benchmark was stopped.");
}

int lace_bench_value(struct lace_bench *b, struct lace_bench_figure f, const struct lace_samples *values,
                     struct lace_error *err)
{
    f.value = lace_samples_median(values);
    f.low = lace_samples_least(values);
    f.high = lace_samples_most(values);
    f.samples = values->count;
    return lace_bench_put(b, &f, err);
}

int lace_bench_rate(struct lace_bench *b, struct lace_bench_figure f, double amount, const struct lace_samples *seconds,
                    struct lace_error *err)
{
    f.seconds = lace_samples_median(seconds);
    f.value = amount / f.seconds;
    f.low = amount / lace_samples_most(seconds);
    f.high = amount / lace_samples_least(seconds);
    f.samples = seconds->count;
    return lace_bench_put(b, &f, err);
}

int lace_bench_skip(struct lace_bench *b, const char *part, const char *why, struct lace_error *err)
{
    return lace_bench_put(
        b, &(struct lace_bench_figure){.part = part, .name = "skipped", .label = why, .unit = "", .lattice = -1}, err);
}

/* ---- the whole ---- */

/* LACE_DTYPES: there is none of that name, or it is read only. */
static enum lace_dtype named(const char *dtype)
{
    enum lace_dtype type = 0;
    while (type < LACE_DTYPES && (type == LACE_F16 || strcasecmp(dtype, lace_dtype_name(type)))) type++;
    return type;
}

static int check(const struct lace_bench_options *o, struct lace_error *err)
{
    if (!(o->parts & LACE_BENCH_ALL))
        return lace_fail(err, LACE_BAD,
                         "Nothing is to be measured; the parts are decode, prefill, train, load and "
                         "tokenizer.");
    if (o->shape && strcmp(o->shape, "qwen3-0.6b"))
        return lace_fail(err, LACE_BAD, "There is no shape \"%.40s\"; the shape is qwen3-0.6b.", o->shape);
    enum lace_dtype type;
    if (o->dtype && (type = named(o->dtype)) == LACE_DTYPES)
        return lace_fail(err, LACE_BAD, "dtype must be bf16, f32, q8_0, q4_0, q4_k, q5_k or q6_k, not \"%.20s\".",
                         o->dtype);
    if (o->dtype && o->model && lace_dtype_has_blocks(type))
        return lace_fail(err, LACE_BAD, "Weights of type %s are random ones; a model has the type of its file.",
                         o->dtype);
    if (o->kv_dtype && strcmp(o->kv_dtype, "bf16") && strcmp(o->kv_dtype, "f32"))
        return lace_fail(err, LACE_BAD, "kv_dtype must be bf16 or f32, not \"%.20s\".", o->kv_dtype);
    int groups = o->groups > 1 ? o->groups : 1;
    for (int i = 0; i < o->thread_count; i++)
        if (o->threads[i] < 1 || o->threads[i] > LACE_FEW_ROWS / groups)
            return lace_fail(err, LACE_BAD, "The number of threads must be from 1 to %d, not %d.",
                             LACE_FEW_ROWS / groups, o->threads[i]);
    return 0;
}

int lace_bench(const struct lace_bench_options *options, struct lace_error *err)
{
    struct lace_bench b = {.options = options, .ops = lace_ops_cpu(err)};
    b.start = lace_bench_cpu();
    if (!b.ops) return LACE_BAD;
    int code = check(options, err), parts = options->parts;
    if (code) return code;
    b.dtype = lace_ops_prefers_bf16(b.ops) ? LACE_BF16 : LACE_F32;
    b.blocks = options->dtype ? named(options->dtype) : b.dtype;
    if (!lace_dtype_has_blocks(b.blocks)) b.dtype = b.blocks;
    b.kv = !options->kv_dtype ? -1 : (int)named(options->kv_dtype);
    b.workers = options->workers ? options->workers : omp_get_max_threads();
    omp_set_num_threads(b.workers);

    if (parts & LACE_BENCH_LOAD) code = lace_bench_load(&b, err);
    if (!code && parts & ~(LACE_BENCH_LOAD | LACE_BENCH_TOKENIZER)) code = lace_bench_limits(&b, err);
    if (!code && parts & (LACE_BENCH_DECODE | LACE_BENCH_PREFILL)) {
        struct lace_subject subject;
        code = lace_subject_open(&subject, &b, err);
        if (!code && parts & LACE_BENCH_DECODE) code = lace_bench_decode(&b, &subject, err);
        if (!code && parts & LACE_BENCH_PREFILL) code = lace_bench_prefill(&b, &subject, err);
        if (!code) code = lace_bench_llama(&b, &subject, err);
        lace_subject_close(&subject);
    }
    if (!code && parts & LACE_BENCH_TRAIN) code = lace_bench_train(&b, err);
    if (!code && parts & LACE_BENCH_TOKENIZER) code = lace_bench_tokenizer(&b, err);
    return code;
}
