/* A run that is read again from its JSON. What a file says of lengths is compared with what it holds before there is
 * memory for it; a reader goes on after the first complaint without doing anything, and the first is the one told. */
#include "decode/saved.h"
#include "io/json.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *name;
    struct lace_error *err;
    bool failed;
};

static void wrong(struct reader *r, const char *what, const char *is)
{
    if (!r->failed) lace_fail(r->err, LACE_BAD, "%.200s is no run that lace can read: %s %s.", r->name, what, is);
    r->failed = true;
}

static void *give(struct reader *r, size_t count, size_t size)
{
    void *memory = r->failed ? NULL : calloc(count + 1, size);
    if (!memory && !r->failed) {
        lace_fail(r->err, LACE_MEMORY, "Out of memory for %.200s.", r->name);
        r->failed = true;
    }
    return memory;
}

/* A list of exactly so many entries. */
static const json_t *list_of(struct reader *r, const json_t *list, size_t count, const char *what)
{
    if (!json_is_array(list)) wrong(r, what, "is missing, or is no list");
    else if (json_array_size(list) != count) wrong(r, what, "has not the length that it should have");
    return r->failed ? NULL : list;
}

/* Numbers that may be null, which stands for what is unknown. */
static void read_reals(struct reader *r, const json_t *list, size_t count, float *to, const char *what)
{
    if (!list_of(r, list, count, what) || !to) return;
    for (size_t i = 0; i < count && !r->failed; i++) {
        const json_t *value = json_array_get(list, i);
        double x = json_is_null(value) ? NAN : json_number_value(value);
        if ((!json_is_number(value) && !json_is_null(value)) || fabs(x) > 1e9)
            wrong(r, what, "holds what is no number");
        to[i] = (float)x;
    }
}

static void read_ints(struct reader *r, const json_t *list, size_t count, int *to, const char *what)
{
    if (!list_of(r, list, count, what) || !to) return;
    for (size_t i = 0; i < count && !r->failed; i++) {
        const json_t *value = json_array_get(list, i);
        json_int_t x = json_is_null(value) ? -1 : json_integer_value(value);
        if ((!json_is_integer(value) && !json_is_null(value)) || x < -1 || x > INT_MAX)
            wrong(r, what, "holds what is no whole number from 0 on");
        to[i] = (int)x;
    }
}

static char *read_text(struct reader *r, const json_t *object, const char *key, bool needed)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (!text && (needed || (value && !json_is_null(value)))) wrong(r, key, "is missing, or is no text");
    if (text && strlen(text) != json_string_length(value)) wrong(r, key, "holds a zero byte");
    char *to = text ? give(r, json_string_length(value), 1) : NULL;
    return to ? memcpy(to, text, json_string_length(value)) : NULL;
}

static void read_thread(struct reader *r, const json_t *from, struct lace_run_thread *to)
{
    const char *verdict = json_string_value(json_object_get(from, "verdict"));
    if (!json_is_object(from)) wrong(r, "a thread", "is no object");
    to->text = read_text(r, from, "text", true);
    to->answer = read_text(r, from, "answer", false);
    to->said = to->text ? strlen(to->text) : 0;
    for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL && verdict; v++)
        if (!strcmp(lace_verdict_names[v], verdict)) to->verdict = (enum lace_verdict)v;
    to->p_best = json_number_value(json_object_get(from, "p_best"));
    to->logprob = json_number_value(json_object_get(from, "logprob"));
    to->cut = json_is_true(json_object_get(from, "cut"));
}

static void read_trace_thread(struct reader *r, const json_t *from, const char *text, size_t N,
                              struct lace_trace_thread *to)
{
    const json_t *pieces = json_object_get(from, "pieces"), *drawn = json_object_get(from, "from");
    size_t T = json_array_size(pieces), len = strlen(text), end = 0;
    if (!json_is_array(pieces) || T > LACE_SAVED_TOKENS) wrong(r, "'pieces'", "is missing, or too long");
    list_of(r, drawn, T, "'from'"); /* before there is memory for it */
    for (size_t i = 0; i < T && !r->failed; i++) list_of(r, json_array_get(drawn, i), N, "'from'");
    to->ids = give(r, T, sizeof *to->ids);
    to->ends = give(r, T, sizeof *to->ends);
    to->times = give(r, T, sizeof *to->times);
    to->from = give(r, T * N, sizeof *to->from);
    to->gate = give(r, T, sizeof *to->gate);
    to->logprob = give(r, T, sizeof *to->logprob);
    if (r->failed) return;
    to->count = (int)T;
    for (size_t i = 0; i < T && !r->failed; i++) {
        const json_t *piece = json_array_get(pieces, i);
        size_t size = json_string_length(piece);
        if (!json_is_string(piece) || size > len - end || memcmp(text + end, json_string_value(piece), size))
            wrong(r, "'pieces'", "are not the thread's text");
        else to->ends[i] = end += size;
    }
    if (end != len) wrong(r, "'pieces'", "are not the thread's text");
    for (size_t i = 0; i < T && !r->failed; i++) read_reals(r, json_array_get(drawn, i), N, to->from + i * N, "'from'");
    read_reals(r, json_object_get(from, "gate"), T, to->gate, "'gate'");
    read_reals(r, json_object_get(from, "logprob"), T, to->logprob, "'logprob'");
    read_ints(r, json_object_get(from, "time"), T, to->times, "'time'");
    read_ints(r, json_object_get(from, "ids"), T, to->ids, "'ids'");
}

/* (N, N) */
static void read_square(struct reader *r, const json_t *from, size_t N, float *to, const char *what)
{
    list_of(r, from, N, what);
    for (size_t n = 0; n < N && !r->failed; n++) read_reals(r, json_array_get(from, n), N, to + n * N, what);
}

static void read_influence(struct reader *r, const json_t *from, size_t N, struct lace_trace *to)
{
    const json_t *token = json_object_get(from, "token");
    if (!from || json_is_null(from) || r->failed) return;
    if (!(to->influence = lace_influence_new((int)N))) {
        lace_fail(r->err, LACE_MEMORY, "Out of memory for %.200s.", r->name);
        r->failed = true;
        return;
    }
    read_square(r, json_object_get(from, "mean"), N, to->influence->mean, "'mean'");
    read_square(r, json_object_get(from, "change"), N, to->influence->change, "'change'");
    list_of(r, token, N, "'token'");
    for (size_t m = 0; m < N && !r->failed; m++) {
        read_ints(r, json_array_get(token, m), N, to->influence->token + m * N, "'token'");
        for (size_t n = 0; n < N && !r->failed; n++)
            if (to->influence->token[m * N + n] >= to->threads[n].count) wrong(r, "'token'", "is beyond its thread");
    }
    read_reals(r, json_object_get(from, "all"), N, to->influence->all, "'all'");
    to->influence->drift = json_number_value(json_object_get(from, "drift"));
}

static void read_trace(struct reader *r, const json_t *from, struct lace_run_result *run)
{
    const json_t *threads = json_object_get(from, "threads"), *layers = json_object_get(from, "layers"),
                 *gates = json_object_get(from, "gates"), *prompt = json_object_get(from, "prompt_ids"),
                 *flow = json_object_get(from, "flow"), *agreement = json_object_get(from, "agreement");
    size_t N = (size_t)run->thread_count, L = json_array_size(layers), S = json_array_size(agreement),
           P = json_array_size(prompt);
    if (!json_is_object(from)) wrong(r, "'trace'", "is missing: lace run --trace --json writes it");
    if (L > LACE_SAVED_LAYERS || S > LACE_SAVED_TOKENS || P > LACE_SAVED_TOKENS) wrong(r, "'trace'", "is too large");
    list_of(r, threads, N, "'trace.threads'");
    list_of(r, flow, L, "'flow'");
    list_of(r, gates, L, "'gates'");
    for (size_t l = 0; l < L && !r->failed; l++) list_of(r, json_array_get(flow, l), N, "'flow'");
    struct lace_trace *to = run->trace = give(r, 1, sizeof *to);
    if (!to) return;
    to->threads = give(r, N, sizeof *to->threads);
    to->layers = give(r, L, sizeof *to->layers);
    to->flow = give(r, L * N * N, sizeof *to->flow);
    to->gates = give(r, L, sizeof *to->gates);
    to->agreement = give(r, S, sizeof *to->agreement);
    to->diversity = give(r, S, sizeof *to->diversity);
    to->prompt_ids = give(r, P, sizeof *to->prompt_ids);
    if (r->failed) return;
    to->thread_count = (int)N;
    to->layer_count = (int)L;
    to->steps = (int)S;
    to->prompt_count = (int)P;
    to->barrier = json_is_true(json_object_get(from, "barrier"));
    to->elsewhere = json_number_value(json_object_get(from, "elsewhere"));
    to->residue = json_number_value(json_object_get(from, "residue"));
    for (size_t n = 0; n < N && !r->failed; n++)
        read_trace_thread(r, json_array_get(threads, n), run->threads[n].text, N, &to->threads[n]);
    read_ints(r, layers, L, to->layers, "'layers'");
    for (size_t l = 0; l < L && !r->failed; l++) {
        const json_t *gate = json_array_get(gates, l);
        read_square(r, json_array_get(flow, l), N, to->flow + l * N * N, "'flow'");
        to->gates[l] = (struct lace_trace_gate){json_number_value(json_object_get(gate, "mean")),
                                                json_number_value(json_object_get(gate, "min")),
                                                json_number_value(json_object_get(gate, "max"))};
    }
    read_reals(r, agreement, S, to->agreement, "'agreement'");
    read_reals(r, json_object_get(from, "diversity"), S, to->diversity, "'diversity'");
    read_ints(r, prompt, P, to->prompt_ids, "'prompt_ids'");
    read_influence(r, json_object_get(from, "influence"), N, to);
}

int lace_run_read(const char *json, size_t len, const char *name, struct lace_run_result *result, char **prompt,
                  struct lace_error *err)
{
    struct reader r = {name, err, false};
    *result = (struct lace_run_result){.picked = -1};
    if (prompt) *prompt = NULL;
    json_t *root = lace_json_parse(json, len, name, err);
    if (!root) return LACE_BAD;
    const json_t *threads = json_object_get(root, "threads"), *picked = json_object_get(root, "picked");
    size_t N = json_array_size(threads);
    if (!json_is_array(threads) || !N || N > LACE_SAVED_THREADS)
        wrong(&r, "'threads'", "is not a list of 1 to 128 threads");
    if ((result->threads = give(&r, N, sizeof *result->threads))) result->thread_count = (int)N;
    for (size_t n = 0; n < N && !r.failed; n++) read_thread(&r, json_array_get(threads, n), &result->threads[n]);
    result->answer = read_text(&r, root, "answer", false);
    if (json_is_integer(picked)) {
        if (json_integer_value(picked) < 0 || json_integer_value(picked) >= (json_int_t)N)
            wrong(&r, "'picked'", "is none of the threads");
        else result->picked = (int)json_integer_value(picked);
    }
    if (!r.failed) read_trace(&r, json_object_get(root, "trace"), result);
    for (size_t n = 0; n < N && !r.failed; n++) {
        result->threads[n].tokens = result->trace->threads[n].count;
        result->completion_tokens += result->threads[n].tokens;
    }
    if (!r.failed) result->steps = result->trace->steps;
    if (!r.failed) result->prompt_tokens = result->trace->prompt_count;
    if (prompt) *prompt = read_text(&r, root, "prompt", false);
    json_decref(root);
    if (!r.failed) return 0;
    lace_run_release(result);
    if (prompt) free(*prompt);
    if (prompt) *prompt = NULL;
    return LACE_BAD;
}
