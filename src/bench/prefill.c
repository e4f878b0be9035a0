/* Prefill: many rows meet each weight, so its limit is the rate of products. And the shared prefix: a group's prompt is
 * computed and kept once, however many threads read it. */
#include "bench/bench.h"

enum { PROMPT = 512, LONG = 2000, GROUP = 8 };

static double flops(const struct lace_subject *s, int rows)
{
    const struct lace_config *c = &s->model->config;
    double keys = 0.5 * rows * (rows + 1.0);
    return s->row_flops * rows + 4 * keys * c->num_attention_heads * c->head_dim * c->num_hidden_layers;
}

static int shared_prefix(struct lace_bench *b, const struct lace_subject *s, int prompt, int threads,
                         struct lace_error *err)
{
    struct lace_decoder *d;
    double seconds;
    long rows;
    char label[96];
    int code = lace_subject_start(s, s->model, prompt, 1, threads, 8, &d, &seconds, &rows, err);
    if (code) return code;
    struct lace_samples count = {{(double)rows}, 1},
                        kept = {{(double)lace_decoder_group_bytes(d, prompt, threads, 0)}, 1},
                        own = {{(double)lace_decoder_group_bytes(d, 0, threads, 100)}, 1};
    lace_decoder_close(&d);
    struct lace_bench_figure f = {
        .part = "prefill", .name = "shared_rows", .label = label, .unit = "rows", .threads = threads, .lattice = 1};
    snprintf(label, sizeof label, "%d tokens for %d thread%s: rows computed", prompt, threads, threads == 1 ? "" : "s");
    f.seconds = seconds;
    f.share = flops(s, (int)rows) / seconds / b->product_rate[s->model->dtype];
    f.of = "product_rate";
    if ((code = lace_bench_value(b, f, &count, err))) return code;
    f = (struct lace_bench_figure){
        .part = "prefill", .name = "shared_bytes", .label = label, .unit = "B", .threads = threads, .lattice = 1};
    snprintf(label, sizeof label, "  keys and values of the prompt");
    if ((code = lace_bench_value(b, f, &kept, err))) return code;
    f.name = "own_bytes";
    snprintf(label, sizeof label, "  keys and values of 100 tokens a thread");
    return lace_bench_value(b, f, &own, err);
}

int lace_bench_prefill(struct lace_bench *b, const struct lace_subject *s, struct lace_error *err)
{
    struct lace_samples time = {.count = 0}, cpu = {.count = 0};
    char label[160];
    int code = 0, longest = lace_config_context(&s->model->config) - 128, prompt = PROMPT < longest ? PROMPT : longest,
        samples = b->options->quick ? 2 : 5;
    if (prompt < 1) return lace_bench_skip(b, "prefill", "the model's context is too short", err);
    for (int i = 0; i <= samples && !code; i++) {
        struct lace_decoder *d;
        double seconds, from = lace_bench_cpu();
        code = lace_subject_start(s, &s->plain, prompt, 1, 1, 8, &d, &seconds, NULL, err);
        if (code) return code;
        lace_decoder_close(&d);
        if (!i) continue; /* the first compiles kernels */
        lace_samples_add(&time, seconds);
        lace_samples_add(&cpu, lace_bench_cpu() - from);
    }
    snprintf(label, sizeof label, "%d tokens; %s", prompt, s->label);
    struct lace_bench_figure f = {.part = "prefill",
                                  .name = "tokens",
                                  .label = label,
                                  .unit = "tokens/s",
                                  .threads = 1,
                                  .lattice = 0,
                                  .share =
                                      flops(s, prompt) / lace_samples_median(&time) / b->product_rate[s->model->dtype],
                                  .of = "product_rate"};
    code = lace_bench_rate(b, f, prompt, &time, err);
    f = (struct lace_bench_figure){
        .part = "prefill", .name = "cpu", .label = "  CPU time", .unit = "s", .threads = 1, .lattice = 0};
    if (!code) code = lace_bench_value(b, f, &cpu, err);
    prompt = LONG < longest ? LONG : longest;
    if (!code) code = shared_prefix(b, s, prompt, 1, err);
    return code ? code : shared_prefix(b, s, prompt, GROUP, err);
}
