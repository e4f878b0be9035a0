#include "decode/saved.h"
#include "text/quote.h"
#include <stdlib.h>

/* ---- memory ---- */

struct lace_influence *lace_influence_new(int threads)
{
    size_t N = (size_t)threads;
    struct lace_influence *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->mean = calloc(N * N, sizeof *f->mean);
    f->token = calloc(N * N, sizeof *f->token);
    f->change = calloc(N * N, sizeof *f->change);
    f->all = calloc(N, sizeof *f->all);
    if (f->mean && f->token && f->change && f->all) return f;
    lace_influence_free(f);
    return NULL;
}

void lace_influence_free(struct lace_influence *f)
{
    if (!f) return;
    free(f->mean);
    free(f->token);
    free(f->change);
    free(f->all);
    free(f);
}

void lace_trace_free(struct lace_trace *trace)
{
    if (!trace) return;
    for (int n = 0; n < trace->thread_count && trace->threads; n++) {
        struct lace_trace_thread *t = &trace->threads[n];
        void *lists[] = {t->ids, t->ends, t->times, t->from, t->gate, t->logprob};
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]);
    }
    void *lists[] = {trace->prompt_ids, trace->layers,    trace->threads,  trace->flow,
                     trace->gates,      trace->agreement, trace->diversity};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]);
    lace_influence_free(trace->influence);
    free(trace);
}

void lace_run_release(struct lace_run_result *result)
{
    for (int n = 0; n < result->thread_count; n++) {
        free(result->threads[n].text);
        free(result->threads[n].answer);
    }
    free(result->threads);
    free(result->answer);
    lace_trace_free(result->trace);
    *result = (struct lace_run_result){.picked = -1};
}

/* ---- as JSON ---- */

static void write_reals(struct lace_text *out, const float *x, int count)
{
    lace_text_str(out, "[");
    for (int i = 0; i < count; i++) {
        lace_text_str(out, i ? "," : "");
        lace_write_rounded(out, (double)x[i], 4);
    }
    lace_text_str(out, "]");
}

static void write_ints(struct lace_text *out, const int *x, int count)
{
    lace_text_str(out, "[");
    for (int i = 0; i < count; i++)
        if (x[i] < 0) lace_text_str(out, i ? ",null" : "null");
        else lace_text_print(out, i ? ",%d" : "%d", x[i]);
    lace_text_str(out, "]");
}

static void write_thread(struct lace_text *out, const struct lace_trace_thread *t, const char *text, int N)
{
    lace_text_str(out, "{\"pieces\": [");
    for (int i = 0; i < t->count; i++) {
        size_t from = i ? t->ends[i - 1] : 0;
        lace_text_str(out, i ? "," : "");
        lace_write_quoted(out, text + from, t->ends[i] - from);
    }
    lace_text_str(out, "],\n    \"from\": [");
    for (int i = 0; i < t->count; i++) {
        lace_text_str(out, i ? "," : "");
        write_reals(out, t->from + (size_t)i * (size_t)N, N);
    }
    lace_text_str(out, "],\n    \"gate\": ");
    write_reals(out, t->gate, t->count);
    lace_text_str(out, ",\n    \"logprob\": ");
    write_reals(out, t->logprob, t->count);
    lace_text_str(out, ",\n    \"time\": ");
    write_ints(out, t->times, t->count);
    lace_text_str(out, ",\n    \"ids\": ");
    write_ints(out, t->ids, t->count);
    lace_text_str(out, "}");
}

static void write_influence(struct lace_text *out, const struct lace_influence *f, int N)
{
    static const char *const names[] = {"{\"mean\": [", "],\n   \"token\": [", "],\n   \"change\": ["};
    for (int k = 0; k < 3; k++) {
        lace_text_str(out, names[k]);
        for (int m = 0; m < N; m++) {
            lace_text_str(out, m ? "," : "");
            if (k == 1) write_ints(out, f->token + m * N, N);
            else write_reals(out, (k ? f->change : f->mean) + m * N, N);
        }
    }
    lace_text_str(out, "],\n   \"all\": ");
    write_reals(out, f->all, N);
    lace_text_str(out, ", \"drift\": ");
    lace_write_number(out, f->drift, 3);
    lace_text_str(out, "}");
}

void lace_trace_write(struct lace_text *out, const struct lace_run_result *result)
{
    const struct lace_trace *t = result->trace;
    int N = t->thread_count;
    lace_text_str(out, "{\"layers\": ");
    write_ints(out, t->layers, t->layer_count);
    lace_text_str(out, ",\n  \"threads\": [");
    for (int n = 0; n < N; n++) {
        lace_text_str(out, n ? ",\n   " : "\n   ");
        write_thread(out, &t->threads[n], result->threads[n].text, N);
    }
    lace_text_str(out, "],\n  \"flow\": [");
    for (int l = 0; l < t->layer_count; l++) {
        lace_text_str(out, l ? ", [" : "[");
        for (int n = 0; n < N; n++) {
            lace_text_str(out, n ? "," : "");
            write_reals(out, t->flow + ((size_t)l * (size_t)N + (size_t)n) * (size_t)N, N);
        }
        lace_text_str(out, "]");
    }
    lace_text_str(out, "],\n  \"gates\": [");
    for (int l = 0; l < t->layer_count; l++) {
        lace_text_print(out, "%s{\"layer\": %d, \"mean\": ", l ? ", " : "", t->layers[l]);
        lace_write_rounded(out, t->gates[l].mean, 4);
        lace_text_str(out, ", \"min\": ");
        lace_write_rounded(out, t->gates[l].least, 4);
        lace_text_str(out, ", \"max\": ");
        lace_write_rounded(out, t->gates[l].most, 4);
        lace_text_str(out, "}");
    }
    lace_text_str(out, "],\n  \"agreement\": ");
    write_reals(out, t->agreement, t->steps);
    lace_text_str(out, ",\n  \"diversity\": ");
    write_reals(out, t->diversity, t->steps);
    lace_text_str(out, ",\n  \"elsewhere\": ");
    lace_write_number(out, t->elsewhere, 3);
    lace_text_str(out, ", \"residue\": ");
    lace_write_number(out, t->residue, 3);
    lace_text_print(out, ", \"barrier\": %s,\n  \"prompt_ids\": ", t->barrier ? "true" : "false");
    write_ints(out, t->prompt_ids, t->prompt_count);
    if (t->influence) {
        lace_text_str(out, ",\n  \"influence\": ");
        write_influence(out, t->influence, N);
    }
    lace_text_str(out, "}");
}

int lace_trace_json(const struct lace_run_result *result, char **json, size_t *len, struct lace_error *err)
{
    struct lace_text out;
    *json = NULL;
    *len = 0;
    if (!result->trace) return lace_fail(err, LACE_BAD, "The run was not traced; set options.trace.");
    lace_text_init(&out);
    lace_trace_write(&out, result);
    if (out.failed) {
        lace_text_release(&out);
        return lace_fail(err, LACE_MEMORY, "Out of memory for the trace.");
    }
    *json = out.data;
    *len = out.len;
    return 0;
}
