/* A saved run of any bytes: refused with a sentence, or read; and what was read and is written again is read as the
 * same. */
#include "decode/saved.h"
#include "fuzz.h"

static void must(int truth)
{
    if (!truth) abort();
}

static char *trace_of(const struct lace_run_result *run)
{
    struct lace_error err;
    char *json;
    size_t len;
    must(!lace_trace_json(run, &json, &len, &err));
    return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_run_result run, again;
    struct lace_error err = {""};
    char *prompt, *trace, *second;
    char *copy = malloc(size + 1); /* not terminated by luck */
    memcpy(copy, data, size);
    int code = lace_run_read(copy, size, "fuzz.json", &run, &prompt, &err);
    free(copy);
    if (code) {
        must(err.text[0] && !run.threads && !run.trace && !prompt);
        return 0;
    }
    free(prompt);
    for (int n = 0; n < run.thread_count; n++) { /* every index that is used to print lies within its list */
        const struct lace_trace_thread *t = &run.trace->threads[n];
        for (int i = 0; i < t->count; i++) must(t->ends[i] <= strlen(run.threads[n].text));
        for (int m = 0; run.trace->influence && m < run.thread_count; m++)
            must(run.trace->influence->token[n * run.thread_count + m] < run.trace->threads[m].count);
    }
    trace = trace_of(&run);
    struct lace_text whole;
    lace_text_init(&whole);
    lace_text_str(&whole, "{\"threads\": [");
    for (int n = 0; n < run.thread_count; n++) {
        lace_text_str(&whole, n ? ", {\"text\": \"" : "{\"text\": \"");
        for (const char *c = run.threads[n].text; *c; c++) {
            if ((unsigned char)*c < 0x20 || *c == '"' || *c == '\\') lace_text_print(&whole, "\\u%04x", *c);
            else lace_text_add(&whole, c, 1);
        }
        lace_text_str(&whole, "\"}");
    }
    lace_text_print(&whole, "], \"trace\": %s}", trace);
    must(!lace_run_read(whole.data, whole.len, "again.json", &again, NULL, &err));
    second = trace_of(&again);
    must(!strcmp(trace, second));
    free(second);
    free(trace);
    lace_text_release(&whole);
    lace_run_release(&again);
    lace_run_release(&run);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"answer\": \"6\", \"picked\": 1, \"prompt\": \"p\", \"threads\": [{\"text\": \"ab\", \"verdict\": "
        "\"fail\"}, {\"text\": "
        "\"c\", \"answer\": \"6\", \"verdict\": \"best\", \"p_best\": 0.5}], \"trace\": {\"layers\": [2], \"threads\": "
        "[{\"pieces\": [\"a\", \"b\"], \"from\": [[0, 0.5], [0, 0.25]], \"gate\": [0.1, 0.2], \"logprob\": [-1, null], "
        "\"time\": "
        "[0, 1], \"ids\": [5, 6]}, {\"pieces\": [\"c\"], \"from\": [[1, 0]], \"gate\": [0.5], \"logprob\": [-2], "
        "\"time\": [0], "
        "\"ids\": [7]}], \"flow\": [[[0, 0.4], [1, 0]]], \"gates\": [{\"layer\": 2, \"mean\": 0.3, \"min\": 0.1, "
        "\"max\": 0.5}], "
        "\"agreement\": [0, null], \"diversity\": [0.5, null], \"elsewhere\": 0, \"residue\": 1e-6, \"barrier\": true, "
        "\"prompt_ids\": [1, 2], \"influence\": {\"mean\": [[0, 1], [2, 0]], \"token\": [[null, 0], [1, null]], "
        "\"change\": [[0, "
        "1], [2, 0]], \"all\": [1, 2], \"drift\": 0}}}",
        "{\"threads\": [{\"text\": \"\"}], \"trace\": {\"layers\": [], \"threads\": [{\"pieces\": [], \"from\": [], "
        "\"gate\": [], "
        "\"logprob\": [], \"time\": [], \"ids\": []}], \"flow\": [], \"gates\": [], \"agreement\": [], \"diversity\": "
        "[], "
        "\"prompt_ids\": []}}",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
