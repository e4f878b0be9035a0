/* From the program's start to the first token. Each sample is a forked child, in which nothing has been loaded, no
 * worker started and no kernel compiled yet; the files are in the page cache after the first. */
#include "bench/bench.h"
#include "decode/engine.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, PROMPT = 64 };

struct times {
    double read, pack, tokenizer, prefill, first, total;
    double peak, peak_total; /* bytes above those at the start: while the weights came in, to the first token */
    int code;
    struct lace_error err;
};

static struct lace_ops timing;
static const struct lace_ops *timed;
static double pack_seconds;
static volatile unsigned char touched;

/* A number that the system tells of this process, in bytes; 0: it does not. */
static double status_bytes(const char *name)
{
    char line[256];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) kb = atof(line + strlen(name));
    if (f) fclose(f);
    return 1024 * kb;
}

/* A fork begins with its parent's peak: 5 sets it to what is resident, which is returned. */
static double reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) fputs("5", f);
    return f && !fclose(f) ? status_bytes("VmRSS:") : 0;
}

/* Touches the source's pages first: mapped files are read there, and packing is what is left. */
static void matrix_pack(struct lace_matrix *m, const void *w, enum lace_dtype source)
{
    size_t bytes = lace_dtype_size(source, (size_t)m->in * m->out);
    unsigned char sum = 0;
    for (size_t i = 0; i < bytes; i += 4096) sum = (unsigned char)(sum + ((const unsigned char *)w)[i]);
    touched = sum;
    double from = lace_now();
    timed->matrix_pack(m, w, source);
    pack_seconds += lace_now() - from;
}

static int first_token(const struct lace_bench *b, const struct lace_model *m, const struct lace_format *format,
                       struct times *t, struct lace_error *err)
{
    struct lace_decoder *d;
    struct lace_decoder_options size = {.groups = 1,
                                        .threads = THREADS,
                                        .prompt = PROMPT,
                                        .tokens = 3 * LACE_TAG_TOKENS,
                                        .kv = b->kv < 0 ? lace_model_kv_dtype(m) : (enum lace_dtype)b->kv};
    struct lace_group_options group = {
        .threads = THREADS, .sampling = {0, 0, 1, 0, 1}, .seed = 1, .barrier = true, .budget = 8};
    int ids[PROMPT], group_index;
    double from = lace_now();
    for (int i = 0; i < PROMPT; i++) ids[i] = i % m->config.vocab_size;
    int code = lace_decoder_open(&d, m, format, &size, err);
    if (code) return code;
    if ((group_index = lace_decoder_add(d, ids, PROMPT, &group, err)) < 0) code = group_index;
    t->prefill = lace_now() - from;
    from = lace_now();
    for (int running = 1; !code && running > 0 && !lace_decoder_thread(d, group_index, 0)->chosen;)
        if ((running = lace_decoder_step(d, NULL, err)) < 0) code = running;
    t->first = lace_now() - from;
    lace_decoder_close(&d);
    return code;
}

static int load(const struct lace_bench *b, const char *dir, struct times *t, struct lace_error *err)
{
    char path[PATH_MAX + 64], lattice[PATH_MAX + 16];
    struct lace_model *model = NULL;
    struct lace_tokenizer *tokenizer = NULL;
    struct lace_format format = {.tokenizer = NULL};
    timed = b->ops;
    timing = *b->ops;
    timing.matrix_pack = matrix_pack;
    snprintf(lattice, sizeof lattice, "%s/lattice", dir);
    snprintf(path, sizeof path, "%s/lattice_config.json", lattice);
    double resident = reset_peak(), start = lace_now(), from = start;
    int code = lace_model_load(&model, dir, access(path, F_OK) ? NULL : lattice,
                               &(struct lace_model_options){false, (int)b->dtype, &timing}, err);
    t->pack = pack_seconds;
    t->read = lace_now() - from - t->pack;
    t->peak = status_bytes("VmHWM:") - resident;
    from = lace_now();
    if (!code) code = lace_tokenizer_open_folder(&tokenizer, dir, err);
    if (!code) code = lace_format_open(&format, tokenizer, -1, err);
    t->tokenizer = lace_now() - from;
    if (!code) code = first_token(b, model, &format, t, err);
    t->total = b->start + lace_now() - start;
    t->peak_total = resident > 0 ? status_bytes("VmHWM:") - resident : 0;
    lace_format_release(&format);
    lace_tokenizer_close(&tokenizer);
    lace_model_free(&model);
    return code;
}

static int load_in_child(const struct lace_bench *b, const char *dir, struct times *t, struct lace_error *err)
{
    int ends[2], status;
    if (pipe(ends)) return lace_fail(err, LACE_SYSTEM, "A pipe cannot be opened.");
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return lace_fail(err, LACE_SYSTEM, "A process cannot be started.");
    }
    if (!child) {
        *t = (struct times){.code = 0};
        t->code = load(b, dir, t, &t->err);
        _exit(write(ends[1], t, sizeof *t) != (ssize_t)sizeof *t);
    }
    close(ends[1]);
    bool came = read(ends[0], t, sizeof *t) == (ssize_t)sizeof *t; /* below PIPE_BUF: whole or not at all */
    close(ends[0]);
    waitpid(child, &status, 0);
    if (!came) return lace_fail(err, LACE_SYSTEM, "The process that loaded %s ended early.", dir);
    return t->code ? lace_fail(err, (enum lace_code)t->code, "%s", t->err.text) : 0;
}

static int memory_figures(struct lace_bench *b, const char *dir, const struct lace_samples *peak,
                          const struct lace_samples *total, struct lace_error *err)
{
    const struct lace_samples *samples[] = {peak, total};
    static const char *const names[] = {"peak_memory", "peak_memory_total"},
                             *const labels[] = {"most memory while the weights were read",
                                                "most memory up to the first token"};
    struct lace_weights weights;
    int code = lace_weights_open_model(&weights, dir, err);
    if (code) return code;
    double bytes = (double)lace_weights_bytes(&weights);
    lace_weights_close(&weights);
    for (int i = 0; i < 2 && !code && lace_samples_median(total) > 0; i++)
        code = lace_bench_value(b,
                                (struct lace_bench_figure){.part = "load",
                                                           .name = names[i],
                                                           .label = labels[i],
                                                           .unit = "B",
                                                           .lattice = -1,
                                                           .of = "weight_file",
                                                           .share = lace_samples_median(samples[i]) / bytes},
                                samples[i], err);
    return code;
}

int lace_bench_load(struct lace_bench *b, struct lace_error *err)
{
    static const char *const names[] = {
        "start", "read", "pack", "tokenizer", "prefill", "first_token", "first_token_total"};
    static const char *const labels[] = {"program and its libraries (CPU time)",
                                         "reading the files, memory for the weights",
                                         "packing them for the products",
                                         "tokenizer",
                                         "decoder, and prefill of 64 tokens",
                                         "the first token of 4 threads",
                                         "from the program's start to the first token"};
    enum { PARTS = sizeof names / sizeof *names };
    struct lace_samples samples[PARTS] = {{.count = 0}}, peak = {.count = 0}, peak_total = {.count = 0};
    char dir[PATH_MAX];
    struct lace_error why;
    int code = 0;
    if (b->options->model) snprintf(dir, sizeof dir, "%s", b->options->model);
    else if (lace_engine_find(dir, &why)) {
        if (b->options->parts == LACE_BENCH_LOAD) return lace_fail(err, LACE_BAD, "%s", why.text);
        return lace_bench_skip(b, "load", "the shipped model was not found", err);
    }
    for (int i = 0; i < (b->options->quick ? 3 : 9) && !code; i++) {
        struct times t;
        if ((code = load_in_child(b, dir, &t, err))) return code;
        double parts[PARTS] = {b->start, t.read, t.pack, t.tokenizer, t.prefill, t.first, t.total};
        for (int k = 0; k < PARTS; k++) lace_samples_add(&samples[k], parts[k]);
        lace_samples_add(&peak, t.peak);
        lace_samples_add(&peak_total, t.peak_total);
    }
    double total = lace_samples_median(&samples[PARTS - 1]);
    for (int k = 0; k < PARTS && !code; k++) {
        struct lace_bench_figure f = {.part = "load", .name = names[k], .label = labels[k], .unit = "s", .lattice = -1};
        if (k < PARTS - 1) f.share = lace_samples_median(&samples[k]) / total, f.of = "total";
        code = lace_bench_value(b, f, &samples[k], err);
    }
    return code ? code : memory_figures(b, dir, &peak, &peak_total, err);
}
