/* lace bench: a table that grows while it measures, or one JSON object at the end. */
#include "options.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *model, *shape, *dtype, *kv_dtype, *files, *threads = "1,4,8,16";
static bool json, quick;
static int workers, groups = 1, steps;

static const struct cli_option options[] = {
    {"model", 'm', CLI_TEXT, &model, "DIR", "Decode, prefill and load with this model."},
    {"shape", 0, CLI_CHOICE, &shape, NULL, "Decode and prefill with random weights of this shape: the default.",
     .choices = "qwen3-0.6b"},
    {"threads", 'n', CLI_TEXT, &threads, "N,...", "Numbers of reasoning threads to decode."},
    {"groups", 'g', CLI_INT, &groups, "N", "Groups of so many threads that decode together.", .min = 1, .max = 128},
    {"dtype", 0, CLI_CHOICE, &dtype, NULL, "The type of the weights; by default what this CPU is fast at.",
     .choices = "bf16|f32|q8_0|q4_0|q4_k|q5_k|q6_k"},
    {"kv-dtype", 0, CLI_CHOICE, &kv_dtype, NULL, "The type of keys and values; f32 with f32 weights, else bf16.",
     .choices = "bf16|f32"},
    {"steps", 0, CLI_INT, &steps, "N", "Steps to decode behind a prompt of 128 tokens; 24, or with --quick 6.",
     .min = 1, .max = 1 << 16},
    {"workers", 0, CLI_INT, &workers, "N", "OS threads; by default all cores.", .min = 0, .max = 1024},
    {"files", 0, CLI_TEXT, &files, "DIR", "The tokenizer's text and vocabularies are kept here, and taken from here."},
    {"quick", 'q', CLI_FLAG, &quick, NULL, "Fewer samples."},
    {"json", 'j', CLI_FLAG, &json, NULL, "JSON instead of a table."},
    {0},
};

struct output {
    char part[16];
    int figures;
    double product_rate, read_bandwidth;
};

/* 3 digits of a value with the unit's own scale, into text. */
static const char *scaled(char *text, size_t size, double value, const char *unit)
{
    static const char *const up[] = {"", "k", "M", "G", "T", "P"}, *const down[] = {"", "m", "\xc2\xb5", "n"};
    int step = 0;
    double v = value;
    if (!strcmp(unit, "")) {
        snprintf(text, size, "%+.1f %%", 100 * value);
        return text;
    }
    if (!strcmp(unit, "s")) {
        for (; v > 0 && v < 1 && step < 3; step++) v *= 1000;
        snprintf(text, size, "%.*f %ss", v < 10 ? 2 : v < 100 ? 1 : 0, v, down[step]);
        return text;
    }
    bool counted = !strcmp(unit, "rows") || !strcmp(unit, "ids"),
         plain = counted || !strcmp(unit, "tokens/s") || !strcmp(unit, "times");
    for (; !plain && v >= 1000 && step < 5; step++) v /= 1000;
    int digits = counted || v >= 100 ? 0 : v < 10 ? 2 : 1;
    snprintf(text, size, "%.*f %s%s", digits, v, up[step], unit);
    return text;
}

static void print_row(struct output *out, const struct lace_bench_figure *f)
{
    char value[32], low[32], high[32], range[80] = "", step[32] = "";
    if (strcmp(out->part, f->part)) printf("%s%s\n", out->figures ? "\n" : "", f->part);
    if (!strcmp(f->name, "skipped")) {
        printf("  skipped: %s\n", f->label);
        return;
    }
    if (f->samples > 1) {
        char *unit = strchr(scaled(low, sizeof low, f->low, f->unit), ' ');
        const char *last = strchr(scaled(high, sizeof high, f->high, f->unit), ' ');
        if (unit && last && !strcmp(unit, last)) *unit = 0;
        snprintf(range, sizeof range, "%s .. %s", low, high);
    }
    if (f->seconds > 0) {
        char text[32];
        snprintf(step, sizeof step, "in %s", scaled(text, sizeof text, f->seconds, "s"));
    }
    int wide = 0; /* a sign outside ASCII takes two bytes and one column */
    for (const char *c = f->label; *c; c++) wide += (*c & 0xc0) == 0x80;
    printf("  %-*s %14s", 50 + wide, f->label, scaled(value, sizeof value, f->value, f->unit));
    if (f->of) printf("  %5.1f %% of %-14s", 100 * f->share, f->of);
    else if (*step || *range) printf("  %25s", "");
    if (*step || *range) printf("  %-10s", step);
    if (*range) printf("  %s", range);
    puts("");
}

/* Labels are ours, but a model's path is in one. */
static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') printf("\\%c", *text);
        else if ((unsigned char)*text < ' ') printf("\\u%04x", (unsigned char)*text);
        else putchar(*text);
    }
    putchar('"');
}

static void print_json(struct output *out, const struct lace_bench_figure *f)
{
    printf("%s\n  {\"part\": \"%s\", \"name\": \"%s\", \"label\": ", out->figures ? "," : "{\"figures\": [", f->part,
           f->name);
    print_text(f->label + strspn(f->label, " "));
    printf(", \"unit\": \"%s\", \"value\": %.6g, \"low\": %.6g, \"high\": %.6g, \"samples\": %d", f->unit, f->value,
           f->low, f->high, f->samples);
    if (f->threads) printf(", \"threads\": %d", f->threads);
    if (f->lattice >= 0) printf(", \"lattice\": %s", f->lattice ? "true" : "false");
    if (f->seconds > 0) printf(", \"seconds\": %.6g", f->seconds);
    if (f->of) printf(", \"share\": %.5g, \"of\": \"%s\"", f->share, f->of);
    printf("}");
}

static int show(void *user, const struct lace_bench_figure *f)
{
    struct output *out = user;
    if (!strcmp(f->name, "product_rate")) out->product_rate = f->value;
    if (!strcmp(f->name, "read_bandwidth")) out->read_bandwidth = f->value;
    if (json) print_json(out, f);
    else print_row(out, f);
    snprintf(out->part, sizeof out->part, "%s", f->part);
    out->figures++;
    return fflush(stdout) != 0;
}

static int run(int count, char **args)
{
    static const char parts[] = "decode|prefill|train|load|tokenizer";
    struct lace_error err;
    struct output out = {.figures = 0};
    struct lace_bench_options o = {.parts = LACE_BENCH_ALL,
                                   .model = model,
                                   .shape = shape,
                                   .dtype = dtype,
                                   .kv_dtype = kv_dtype,
                                   .workers = workers,
                                   .groups = groups,
                                   .steps = steps,
                                   .quick = quick,
                                   .files = files,
                                   .figure = show,
                                   .user = &out};
    int list[16];
    if (count && strcmp(args[0], "all")) {
        int index = cli_choice_index(parts, args[0]);
        if (index < 0)
            return cli_misuse("There is no benchmark '%s'; the parts are decode, prefill, train, load, "
                              "tokenizer and all.",
                              args[0]);
        o.parts = 1 << index;
    }
    if (model && shape) return cli_misuse("--model and --shape exclude each other.");
    o.threads = list;
    for (const char *at = threads;; at++) {
        char *end;
        long n = strtol(at, &end, 10);
        if (end == at || *at == ' ' || n < 1 || n > 128 || (*end && *end != ',') || o.thread_count == 16)
            return cli_misuse("--threads takes up to 16 numbers from 1 to 128, separated by commas, not '%s'.",
                              threads);
        list[o.thread_count++] = (int)n;
        at = end;
        if (!*at) break;
    }
    int code = lace_bench(&o, &err);
    if (json && out.figures)
        printf("\n], \"product_rate\": %.6g, \"read_bandwidth\": %.6g}\n", out.product_rate, out.read_bandwidth);
    return code ? cli_fail("%s", err.text) : 0;
}

const struct cli_command cmd_bench = {
    .name = "bench",
    .summary = "Measure decoding, prefill, training, loading and the tokenizer",
    .usage = "[decode|prefill|train|load|tokenizer|all]\n[--model DIR] [--threads 1,4,8,16] [--json]",
    .description =
        "Measures the limits of this machine first (rate of large products, rate of reading memory), then what lace "
        "reaches, each figure "
        "with its share of a limit. Limits are the best of several samples, other figures medians; the range of "
        "the samples stands beside them. Rates depend on what else the machine "
        "does: compare ratios that were measured in one run. With LLAMA_BATCHED_BENCH=/path/to/llama-batched-bench "
        "decode and prefill also alternate with llama.cpp and print the ratio; it runs the GGUF file of --model or, "
        "beside the random shape, of LLAMA_MODEL (scripts/make_gguf.py makes one).",
    .examples = "lace bench\nlace bench decode --threads 8 --json\nlace bench load --model ~/models/qwen3-0.6b\n"
                "lace bench tokenizer --quick\n"
                "LLAMA_MODEL=q.gguf LLAMA_BATCHED_BENCH=~/llama.cpp/llama-batched-bench \\\n"
                "  lace bench decode --dtype q8_0",
    .options = options,
    .args_min = 0,
    .args_max = 1,
    .run = run,
};
