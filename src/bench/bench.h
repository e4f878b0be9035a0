/* Measurements: the machine's limits first, then what lace does, each figure beside its share of a limit.
 *
 *   samples of seconds  ->  median, least, most  ->  a rate  ->  the caller's `figure`
 *
 * One file for each part; all of them go through the same entry points as lace run and lace train. */
#ifndef LACE_BENCH_H
#define LACE_BENCH_H
#include "decode/decoder.h"

#define LACE_BENCH_SAMPLES 64

struct lace_samples {
    double at[LACE_BENCH_SAMPLES];
    int count;
};
void lace_samples_add(struct lace_samples *samples, double value);
double lace_samples_median(const struct lace_samples *samples);
double lace_samples_least(const struct lace_samples *samples);
double lace_samples_most(const struct lace_samples *samples);

struct lace_bench {
    const struct lace_bench_options *options;
    const struct lace_ops *ops;
    enum lace_dtype dtype;  /* of the products */
    enum lace_dtype blocks; /* of the backbone's weights, where they are of blocks; else as dtype */
    int kv; /* enum lace_dtype of keys and values; -1: what suits the model */
    int workers;
    double start;           /* seconds of CPU time of this process before the benchmark began */
    double product_rate[2]; /* FLOP/s, by dtype */
    double read_bandwidth;  /* B/s */
};

/* Seconds of CPU time of all workers so far, which other programs of a busy machine change less than the clock's. */
double lace_bench_cpu(void);
/* Hand a figure to the caller: as it is; with median, least and most of values; the same of amount / seconds. */
int lace_bench_put(struct lace_bench *bench, const struct lace_bench_figure *figure, struct lace_error *err);
int lace_bench_rate(struct lace_bench *bench, struct lace_bench_figure figure, double amount,
                    const struct lace_samples *seconds, struct lace_error *err);
int lace_bench_value(struct lace_bench *bench, struct lace_bench_figure figure, const struct lace_samples *values,
                     struct lace_error *err);
int lace_bench_skip(struct lace_bench *bench, const char *part, const char *why, struct lace_error *err);

/* What decode and prefill run on: a model with its lattice, the same without it, and a tokenizer whose every token is
 * special, so that no thread ends before its budget. */
struct lace_subject {
    char label[96];
    struct lace_model *model;
    struct lace_model plain; /* shares the weights of model */
    struct lace_tokenizer *tokenizer;
    struct lace_format format;
    size_t backbone_bytes, lattice_bytes; /* of weights that a step reads */
    enum lace_dtype kv;                   /* of keys and values */
    double row_flops;                     /* of the backbone's products for one row, without the head */
};
int lace_subject_open(struct lace_subject *subject, const struct lace_bench *bench, struct lace_error *err);
void lace_subject_close(struct lace_subject *subject);
/* Opens a decoder and prefills `prompt` tokens for each of `groups` groups of `threads` threads with room for `steps` steps; seconds of the
 * prefill, and the rows that the model computed, counted where it looks up their embeddings; both may be NULL. */
int lace_subject_start(const struct lace_subject *subject, const struct lace_model *model, int prompt, int groups,
                       int threads, int steps, struct lace_decoder **decoder, double *seconds, long *rows,
                       struct lace_error *err);

int lace_bench_limits(struct lace_bench *bench, struct lace_error *err);
int lace_bench_decode(struct lace_bench *bench, const struct lace_subject *subject, struct lace_error *err);
int lace_bench_prefill(struct lace_bench *bench, const struct lace_subject *subject, struct lace_error *err);
/* Nothing without LLAMA_BATCHED_BENCH. */
int lace_bench_llama(struct lace_bench *bench, const struct lace_subject *subject, struct lace_error *err);
int lace_bench_train(struct lace_bench *bench, struct lace_error *err);
int lace_bench_tokenizer(struct lace_bench *bench, struct lace_error *err);
int lace_bench_load(struct lace_bench *bench, struct lace_error *err); /* forks: before any worker exists */
#endif
