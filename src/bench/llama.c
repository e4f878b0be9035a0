/* Beside llama.cpp: its llama-batched-bench (LLAMA_BATCHED_BENCH names the program) and lace take turns, round by round,
 * so that a slow moment of the machine meets both; what counts is the ratio within a round. llama.cpp runs a GGUF file:
 * LLAMA_MODEL, which scripts/make_gguf.py makes for the random shape, else --model. It gets the
 * settings that it is fastest with: the file read into memory, huge pages where malloc gives them, one cache for all. */
#include "bench/bench.h"
#include "io/json.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROMPT = 128, TOKENS = 32, WARM = 4, LONG = 512, MOST = 16 };

struct pair {
    struct lace_samples lace, llama, ratio; /* tokens a second; lace over llama.cpp in each round */
};

/* What the program prints, to be freed; its messages are dropped. Settings that not every version has go by environment
 * variables, which the others ignore; those that are set already stay. */
static int run(char *const *args, struct lace_text *out, struct lace_error *err)
{
    static char *const settings[] = {"LLAMA_ARG_LOAD_MODE=none", "LLAMA_ARG_NO_MMAP=1", "LLAMA_ARG_KV_UNIFIED=1",
                                     "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"};
    enum { SETTINGS = sizeof settings / sizeof *settings };
    extern char **environ;
    int pipes[2], status = -1, count = 0;
    pid_t child;
    char piece[4096];
    posix_spawn_file_actions_t actions;
    while (environ[count]) count++;
    char **given = calloc((size_t)count + SETTINGS + 1, sizeof *given);
    if (!given || pipe2(pipes, O_CLOEXEC)) {
        free(given);
        return lace_fail(err, LACE_SYSTEM, "No pipe to llama.cpp can be made.");
    }
    for (int i = 0; i < count; i++) given[SETTINGS + i] = environ[i];
    for (int i = 0; i < SETTINGS; i++) {
        given[i] = settings[i];
        size_t name = strcspn(settings[i], "=") + 1;
        for (int j = 0; j < count; j++)
            if (!strncmp(environ[j], settings[i], name)) given[i] = environ[j];
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int code = posix_spawn(&child, args[0], &actions, NULL, args, given);
    posix_spawn_file_actions_destroy(&actions);
    free(given);
    close(pipes[1]);
    for (ssize_t got; !code && (got = read(pipes[0], piece, sizeof piece)) > 0;) lace_text_add(out, piece, (size_t)got);
    close(pipes[0]);
    if (code) return lace_fail(err, LACE_SYSTEM, "LLAMA_BATCHED_BENCH: %s cannot be run: %s.", args[0], strerror(code));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (status || out->failed)
        return lace_fail(err, LACE_SYSTEM, "%s failed with %s; run it by hand to see why.", args[0], args[2]);
    return 0;
}

/* Its rates for each number of sequences: a column of its table. */
static int llama(const struct lace_bench *b, const char *file, int prompt, int tokens, const int *sequences, int count,
                 const char *column, double *rates, struct lace_error *err)
{
    char pp[16], tg[16], workers[16], list[128] = "", what[] = "llama-batched-bench's output";
    for (int i = 0, at = 0; i < count; i++) at += sprintf(list + at, "%s%d", i ? "," : "", sequences[i]);
    sprintf(pp, "%d", prompt);
    sprintf(tg, "%d", tokens);
    sprintf(workers, "%d", b->workers);
    char *args[] = {getenv("LLAMA_BATCHED_BENCH"),
                    "-m",
                    (char *)file,
                    "-npp",
                    pp,
                    "-ntg",
                    tg,
                    "-npl",
                    list,
                    "-pps",
                    "-c",
                    "2048",
                    "-b",
                    "2048",
                    "-ub",
                    "512",
                    "-t",
                    workers,
                    "-tb",
                    workers,
                    "--output-format",
                    "jsonl",
                    NULL};
    struct lace_text out;
    lace_text_init(&out);
    int code = run(args, &out, err), found = 0;
    for (char *line = code ? NULL : strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
        if (*line != '{') continue;
        json_t *row = lace_json_parse(line, strlen(line), what, err);
        for (int i = 0; row && i < count; i++)
            if (json_integer_value(json_object_get(row, "pl")) == sequences[i]) {
                rates[i] = json_number_value(json_object_get(row, column));
                found += rates[i] > 0;
            }
        json_decref(row);
    }
    lace_text_release(&out);
    if (!code && found < count)
        code = lace_fail(err, LACE_BAD, "%s printed no %s for %s sequences.", args[0], column, list);
    return code;
}

static int lace_decodes(const struct lace_subject *s, int threads, double *rate, struct lace_error *err)
{
    struct lace_decoder *d;
    int code = lace_subject_start(s, &s->plain, PROMPT, 1, threads, TOKENS + WARM, &d, NULL, NULL, err);
    double from = 0;
    if (code) return code;
    for (int i = 0; i < WARM + TOKENS && !code; i++) {
        if (i == WARM) from = lace_now();
        int running = lace_decoder_step(d, NULL, err);
        code = running < 0 ? running : 0;
    }
    *rate = threads * TOKENS / (lace_now() - from);
    lace_decoder_close(&d);
    return code;
}

static int lace_prefills(const struct lace_subject *s, double *rate, struct lace_error *err)
{
    struct lace_decoder *d;
    double seconds;
    int code = lace_subject_start(s, &s->plain, LONG, 1, 1, 8, &d, &seconds, NULL, err);
    if (code) return code;
    lace_decoder_close(&d);
    *rate = LONG / seconds;
    return 0;
}

static void add(struct pair *p, double lace, double other)
{
    lace_samples_add(&p->lace, lace);
    lace_samples_add(&p->llama, other);
    lace_samples_add(&p->ratio, lace / other);
}

static int put(struct lace_bench *b, const struct pair *p, const char *what, int threads, struct lace_error *err)
{
    char label[128];
    struct lace_bench_figure f = {.part = "llama.cpp", .label = label, .threads = threads, .lattice = -1};
    f.name = "lace", f.unit = "tokens/s";
    snprintf(label, sizeof label, "%s, lace", what);
    int code = lace_bench_value(b, f, &p->lace, err);
    f.name = "llama";
    snprintf(label, sizeof label, "%s, llama.cpp", what);
    if (!code) code = lace_bench_value(b, f, &p->llama, err);
    f.name = "ratio", f.unit = "times";
    snprintf(label, sizeof label, "%s, lace over llama.cpp", what);
    return code ? code : lace_bench_value(b, f, &p->ratio, err);
}

int lace_bench_llama(struct lace_bench *b, const struct lace_subject *s, struct lace_error *err)
{
    static const int usual[] = {1, 4, 8, 16}, one[] = {1};
    const struct lace_bench_options *o = b->options;
    const int *threads = o->thread_count ? o->threads : usual;
    const char *program = getenv("LLAMA_BATCHED_BENCH"), *file = getenv("LLAMA_MODEL");
    size_t length = o->model ? strlen(o->model) : 0;
    int count = o->thread_count ? o->thread_count : 4, rounds = o->quick ? 3 : 7, code = 0;
    bool decode = o->parts & LACE_BENCH_DECODE, prefill = o->parts & LACE_BENCH_PREFILL;
    struct pair decoding[MOST] = {{.ratio = {.count = 0}}}, prefilling = {.ratio = {.count = 0}};
    if (!program || !*program) return 0;
    if (!file && length > 5 && !strcmp(o->model + length - 5, ".gguf")) file = o->model;
    if (!file || count > MOST)
        return lace_bench_skip(b, "llama.cpp",
                               "it needs a GGUF file: --model, or LLAMA_MODEL (scripts/make_gguf.py makes one)", err);
    for (int round = 0; round < rounds && !code; round++) {
        double theirs[MOST] = {0}, ours;
        if (decode) code = llama(b, file, PROMPT, TOKENS, threads, count, "speed_tg", theirs, err);
        for (int i = 0; i < count && decode && !code; i++)
            if (!(code = lace_decodes(s, threads[i], &ours, err))) add(&decoding[i], ours, theirs[i]);
        if (prefill && !code) code = llama(b, file, LONG, 2, one, 1, "speed_pp", theirs, err);
        if (prefill && !code) code = lace_prefills(s, &ours, err); /* the first compiles kernels, and is not counted */
        if (prefill && !code && !round) code = lace_prefills(s, &ours, err);
        if (prefill && !code) add(&prefilling, ours, theirs[0]);
    }
    for (int i = 0; i < count && decode && !code; i++) {
        char what[48];
        snprintf(what, sizeof what, "%d thread%s", threads[i], threads[i] == 1 ? "" : "s");
        code = put(b, &decoding[i], what, threads[i], err);
    }
    return prefill && !code ? put(b, &prefilling, "prefill of 512", 1, err) : code;
}
