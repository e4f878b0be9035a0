/* What the machine can do: the rate of large products and of reading memory, all workers at work. Limits are the best
 * of several samples; shares of them are therefore never flattered by a slow moment. */
#include "bench/bench.h"
#include <omp.h>
#include <string.h>

enum { SIDE = 2048 };

static int product_rate(struct lace_bench *b, enum lace_dtype dtype, int samples, struct lace_error *err)
{
    const struct lace_ops *ops = b->ops;
    size_t count = (size_t)SIDE * SIDE;
    float *x = lace_alloc_array(count, sizeof *x), *y = lace_alloc_array(count, sizeof *y);
    struct lace_operand operand = {dtype, SIDE, lace_alloc(count * (dtype == LACE_BF16 ? 2 : 4))};
    struct lace_matrix m = {SIDE, SIDE, dtype, lace_alloc(ops->matrix_bytes(dtype, SIDE, SIDE)), NULL};
    struct lace_samples seconds = {.count = 0};
    char label[96];
    int code = 0;
    if (!x || !y || !operand.data || !m.forward)
        code = lace_fail(err, LACE_MEMORY, "Out of memory for a product of %d x %d.", SIDE, SIDE);
    for (size_t i = 0; i < count && !code; i++) x[i] = (float)(i * 2654435761u % 2048) / 1024 - 1;
    if (!code) {
        ops->matrix_pack(&m, x, LACE_F32);
        ops->operand_make(&operand, x, SIDE);
        ops->matrix_forward(y, &operand, &m, SIDE, false); /* oneDNN compiles its kernel */
    }
    double begin = lace_now();
    for (int i = 0; i < samples && !code && (i == 0 || lace_now() - begin < 5); i++) { /* plain C takes long */
        double from = lace_now();
        ops->matrix_forward(y, &operand, &m, SIDE, false);
        lace_samples_add(&seconds, lace_now() - from);
    }
    lace_free(x);
    lace_free(y);
    lace_free(operand.data);
    lace_free(m.forward);
    if (code) return code;
    double flops = 2.0 * SIDE * SIDE * SIDE;
    b->product_rate[dtype] = flops / lace_samples_least(&seconds);
    snprintf(label, sizeof label, "%s products of %d\xc2\xb3, %s, %d worker%s", dtype == LACE_BF16 ? "bf16" : "f32",
             SIDE, ops->name, b->workers, b->workers == 1 ? "" : "s");
    struct lace_bench_figure f = {.part = "machine",
                                  .name = dtype == LACE_BF16 ? "product_rate" : "product_rate_f32",
                                  .label = label,
                                  .unit = "FLOP/s",
                                  .lattice = -1};
    struct lace_samples best = {.count = 0};
    for (int i = 0; i < seconds.count; i++) lace_samples_add(&best, flops / seconds.at[i]);
    f.value = b->product_rate[dtype];
    f.low = lace_samples_least(&best);
    f.high = f.value;
    f.samples = best.count;
    return lace_bench_put(b, &f, err);
}

typedef uint64_t lanes __attribute__((vector_size(64)));

/* A sum of all words: eight vectors at once keep enough lines in flight. */
#if defined __x86_64__ && !defined __SANITIZE_THREAD__ /* its runtime starts after the choice among clones */
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
static uint64_t
sum_words(const void *from, size_t bytes)
{
    enum { AT_ONCE = 8 };
    const lanes *v = from;
    lanes sum[AT_ONCE] = {{0}};
    for (size_t i = 0; i + AT_ONCE <= bytes / sizeof *v; i += AT_ONCE)
        for (int j = 0; j < AT_ONCE; j++) sum[j] += v[i + (size_t)j];
    for (int j = 1; j < AT_ONCE; j++) sum[0] += sum[j];
    uint64_t total = 0;
    for (int j = 0; j < 8; j++) total += sum[0][j];
    return total;
}

static int read_bandwidth(struct lace_bench *b, int samples, struct lace_error *err)
{
    size_t bytes = (size_t)1 << 30, piece = (size_t)1 << 20;
    unsigned char *memory = lace_alloc(bytes);
    struct lace_samples rates = {.count = 0};
    char label[96];
    uint64_t sum = 0;
    if (!memory) return lace_fail(err, LACE_MEMORY, "Out of memory for a buffer of 1 GiB.");
    memset(memory, 1, bytes);
    for (int i = 0; i < samples; i++) {
        double from = lace_now();
#pragma omp parallel for schedule(static) reduction(+ : sum)
        for (size_t at = 0; at < bytes; at += piece) sum += sum_words(memory + at, piece);
        lace_samples_add(&rates, (double)bytes / (lace_now() - from));
    }
    lace_free(memory);
    if (sum != (uint64_t)samples * (bytes / 8) * 0x0101010101010101u)
        return lace_fail(err, LACE_SYSTEM, "Memory was read back wrongly.");
    b->read_bandwidth = lace_samples_most(&rates);
    snprintf(label, sizeof label, "reading 1 GiB in huge pages, %d worker%s", b->workers, b->workers == 1 ? "" : "s");
    return lace_bench_put(b,
                          &(struct lace_bench_figure){.part = "machine",
                                                      .name = "read_bandwidth",
                                                      .label = label,
                                                      .unit = "B/s",
                                                      .lattice = -1,
                                                      .value = b->read_bandwidth,
                                                      .low = lace_samples_least(&rates),
                                                      .high = b->read_bandwidth,
                                                      .samples = samples},
                          err);
}

int lace_bench_limits(struct lace_bench *b, struct lace_error *err)
{
    bool quick = b->options->quick;
    int code = product_rate(b, LACE_BF16, quick ? 5 : 15, err);
    if (!code) code = product_rate(b, LACE_F32, quick ? 2 : 5, err);
    return code ? code : read_bandwidth(b, quick ? 5 : 12, err);
}
