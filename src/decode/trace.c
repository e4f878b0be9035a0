#include "decode/trace.h"
#include "text/quote.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    free(trace);
}

/* ---- from a recorder ---- */

static void *copy(const void *from, size_t count, size_t size)
{
    void *to = calloc(count + 1, size); /* never of no bytes: NULL means that there is no memory */
    if (to && count) memcpy(to, from, count * size);
    return to;
}

static int take_thread(const struct lace_recorder *r, int n, const struct lace_thread *from, size_t text_len,
                       struct lace_trace_thread *to)
{
    const struct lace_recorder_thread *t = &r->thread[n];
    int count = from->count - from->tag_count;
    if (count > t->count) count = t->count;
    size_t T = (size_t)count;
    to->count = count;
    to->ids = copy(from->ids + from->tag_count, T, sizeof *to->ids);
    to->ends = calloc(T + 1, sizeof *to->ends);
    to->times = copy(t->time, T, sizeof *to->times);
    to->from = copy(t->from, T * (size_t)r->threads, sizeof *to->from);
    to->gate = copy(t->gate, T, sizeof *to->gate);
    to->logprob = copy(t->logprob, T, sizeof *to->logprob);
    if (!to->ids || !to->ends || !to->times || !to->from || !to->gate || !to->logprob) return -1;
    for (int i = 0; i < count; i++) {
        /* a stop string took some of the text back; what a character waited for came with the end */
        to->ends[i] = t->end[i] >= 0 && (size_t)t->end[i] < text_len && i + 1 < count ? (size_t)t->end[i] : text_len;
        if (to->times[i] >= 0) to->times[i] -= r->first > 0 ? r->first : 0;
    }
    return 0;
}

static int take_group(const struct lace_recorder *r, struct lace_trace *to)
{
    size_t N = (size_t)r->threads, L = (size_t)r->layers;
    to->flow = calloc(L * N * N + 1, sizeof *to->flow);
    to->gates = calloc(L + 1, sizeof *to->gates);
    to->agreement = copy(r->agreement, (size_t)r->steps, sizeof *to->agreement);
    to->diversity = copy(r->diversity, (size_t)r->steps, sizeof *to->diversity);
    if (!to->flow || !to->gates || !to->agreement || !to->diversity) return -1;
    for (size_t i = 0; i < L * N * N; i++) {
        long rows = r->rows[i / N % N];
        to->flow[i] = rows ? (float)(r->flow[i] / (double)rows) : 0;
    }
    for (size_t l = 0; l < L; l++) {
        const struct lace_recorder_gate *g = &r->gate[l];
        if (g->count) to->gates[l] = (struct lace_trace_gate){g->sum / (double)g->count, g->low, g->high};
    }
    to->steps = r->steps;
    to->elsewhere = r->elsewhere;
    to->residue = r->residue;
    return 0;
}

int lace_trace_take(const struct lace_decoder *d, int group, const int *prompt, int prompt_count, bool barrier,
                    struct lace_run_result *result, struct lace_error *err)
{
    const struct lace_recorder *r = lace_decoder_trace(d, group);
    struct lace_trace *to = calloc(1, sizeof *to);
    int code = r && to ? 0 : -1;
    if (!code) {
        *to = (struct lace_trace){
            .thread_count = r->threads, .layer_count = r->layers, .prompt_count = prompt_count, .barrier = barrier};
        to->threads = calloc((size_t)r->threads, sizeof *to->threads);
        to->prompt_ids = copy(prompt, (size_t)prompt_count, sizeof *prompt);
        to->layers = copy(lace_decoder_model(d)->lattice.layers, (size_t)r->layers, sizeof *to->layers);
        if (!to->threads || !to->prompt_ids || !to->layers || take_group(r, to)) code = -1;
    }
    for (int n = 0; !code && n < r->threads; n++)
        code = take_thread(r, n, lace_decoder_thread(d, group, n), strlen(result->threads[n].text), &to->threads[n]);
    if (!code) result->trace = to;
    else lace_trace_free(to);
    return code ? lace_fail(err, LACE_MEMORY, "Out of memory for the trace.") : 0;
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
