#include "decode/trace.h"
#include "decode/saved.h"
#include <stdlib.h>
#include <string.h>

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
