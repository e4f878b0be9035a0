/* Decoding: one step of N threads reads all weights once, so its limit is the rate at which they can be read. */
#include "bench/bench.h"
#include <string.h>

enum { PROMPT = 128, WARM = 4 };

/* cpu: of all workers, which other programs of a busy machine change less than the time by the clock. */
static int step(struct lace_decoder *d, struct lace_samples *seconds, double *cpu, struct lace_error *err)
{
    double from = lace_now(), cpu_from = lace_bench_cpu();
    int running = lace_decoder_step(d, NULL, err);
    if (seconds) lace_samples_add(seconds, lace_now() - from);
    *cpu += lace_bench_cpu() - cpu_from;
    return running < 0 ? running : 0;
}

static const char *plural(int n) { return n == 1 ? "" : "s"; }

/* "4 threads", "8 groups of 4 threads" */
static const char *crowd(char *text, size_t size, const struct lace_bench *b, int threads)
{
    int groups = b->options->groups > 1 ? b->options->groups : 1;
    if (groups > 1) snprintf(text, size, "%d groups of %d thread%s", groups, threads, plural(threads));
    else snprintf(text, size, "%d thread%s", threads, plural(threads));
    return text;
}

static int put(struct lace_bench *b, const struct lace_subject *s, int threads, int lattice,
               const struct lace_samples *seconds, double cpu, struct lace_error *err) /* cpu: of a step */
{
    char label[96], who[48];
    size_t bytes = s->backbone_bytes + (lattice ? s->lattice_bytes : 0);
    int groups = b->options->groups > 1 ? b->options->groups : 1;
    snprintf(label, sizeof label, "%s, lattice %s", crowd(who, sizeof who, b, threads), lattice ? "on" : "off");
    struct lace_bench_figure f = {.part = "decode",
                                  .name = "tokens",
                                  .label = label,
                                  .unit = "tokens/s",
                                  .threads = threads,
                                  .lattice = lattice,
                                  .share = (double)bytes / lace_samples_median(seconds) / b->read_bandwidth,
                                  .of = "read_bandwidth"};
    int code = lace_bench_rate(b, f, groups * threads, seconds, err);
    if (code) return code;
    struct lace_samples time = {{cpu}, 1};
    snprintf(label, sizeof label, "  CPU time of a step");
    return lace_bench_value(
        b,
        (struct lace_bench_figure){
            .part = "decode", .name = "cpu", .label = label, .unit = "s", .threads = threads, .lattice = lattice},
        &time, err);
}

/* Off and on take turns step by step, so that a slow moment of the machine meets both. */
static int measure(struct lace_bench *b, const struct lace_subject *s, int threads, int steps, double *seconds,
                   struct lace_error *err)
{
    bool both = s->model->lattice.kind != LACE_KIND_NONE && threads <= s->model->lattice.max_threads;
    struct lace_decoder *off = NULL, *on = NULL;
    double cpu[2] = {0, 0};
    struct lace_samples time[2] = {{.count = 0}, {.count = 0}}, extra = {.count = 0};
    int groups = b->options->groups > 1 ? b->options->groups : 1,
        code = lace_subject_start(s, &s->plain, PROMPT, groups, threads, steps + WARM, &off, NULL, NULL, err);
    if (!code && both)
        code = lace_subject_start(s, s->model, PROMPT, groups, threads, steps + WARM, &on, NULL, NULL, err);
    int every = (steps + LACE_BENCH_SAMPLES - 1) / LACE_BENCH_SAMPLES; /* the context grows: samples of all of it */
    for (int i = 0; i < steps + WARM && !code; i++) {
        bool sample = i >= WARM && (i - WARM) % every == 0;
        if (i == WARM) cpu[0] = cpu[1] = 0;
        code = step(off, sample ? &time[0] : NULL, &cpu[0], err);
        if (!code && both) code = step(on, sample ? &time[1] : NULL, &cpu[1], err);
    }
    lace_decoder_close(&off);
    lace_decoder_close(&on);
    if (code || (code = put(b, s, threads, 0, &time[0], cpu[0] / steps, err))) return code;
    *seconds = lace_samples_median(&time[0]);
    if (!both) return 0;
    if ((code = put(b, s, threads, 1, &time[1], cpu[1] / steps, err))) return code;
    char label[96], who[48];
    for (int i = 0; i < time[0].count; i++) lace_samples_add(&extra, time[1].at[i] / time[0].at[i] - 1);
    snprintf(label, sizeof label, "%s, what the lattice adds", crowd(who, sizeof who, b, threads));
    return lace_bench_value(
        b,
        (struct lace_bench_figure){
            .part = "decode", .name = "overhead", .label = label, .unit = "", .threads = threads, .lattice = 1},
        &extra, err);
}

static int sampling(struct lace_bench *b, int V, int threads, double step_seconds, struct lace_error *err)
{
    float *logits = lace_alloc_array((size_t)V, sizeof *logits);
    struct lace_candidate *work = lace_alloc_array((size_t)V, sizeof *work);
    struct lace_samples seconds = {.count = 0};
    struct lace_sampling greedy = {0, 0, 1, 0, 1};
    struct lace_rng rng;
    char label[96];
    int code = logits && work ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
    lace_rng_init(&rng, 1, 0);
    for (int i = 0; i < V && !code; i++) logits[i] = (float)lace_rng_normal(&rng);
    for (int i = 0; i < 12 && !code; i++) {
        double from = lace_now();
        for (int n = 0; n < threads; n++) lace_sample(logits, V, &greedy, NULL, 0, &rng, work);
        if (i >= 2) lace_samples_add(&seconds, lace_now() - from);
    }
    lace_free(logits);
    lace_free(work);
    if (code) return code;
    snprintf(label, sizeof label, "%d thread%s, choosing among %d tokens, greedily", threads, plural(threads), V);
    struct lace_bench_figure f = {.part = "decode",
                                  .name = "sampling",
                                  .label = label,
                                  .unit = "s",
                                  .threads = threads,
                                  .lattice = -1,
                                  .share = lace_samples_median(&seconds) / step_seconds,
                                  .of = "step"};
    return lace_bench_value(b, f, &seconds, err);
}

int lace_bench_decode(struct lace_bench *b, const struct lace_subject *s, struct lace_error *err)
{
    static const int usual[] = {1, 4, 8, 16};
    const int *threads = b->options->thread_count ? b->options->threads : usual;
    int count = b->options->thread_count ? b->options->thread_count : 4,
        steps = b->options->steps   ? b->options->steps
                : b->options->quick ? 6
                                    : 24,
        code = 0, most = 0;
    double seconds = 0, longest = 0;
    struct lace_samples bytes = {{(double)s->backbone_bytes}, 1};
    char label[160];
    snprintf(label, sizeof label, "weights of a step; %s", s->label);
    code = lace_bench_value(
        b, (struct lace_bench_figure){.part = "decode", .name = "weights", .label = label, .unit = "B", .lattice = 0},
        &bytes, err);
    for (int i = 0; i < count && !code; i++) {
        code = measure(b, s, threads[i], steps, &seconds, err);
        if (threads[i] > most) most = threads[i], longest = seconds;
    }
    return code ? code : sampling(b, s->model->config.vocab_size, most, longest, err);
}
