/* Request bodies of all kinds. Whatever is taken lies within the limits, and whatever is refused is told in JSON that
 * parses again; texts of any bytes are written as JSON strings that parse. */
#include "fuzz.h"
#include "serve/openai.h"
#include "text/utf8.h"
#include <math.h>

static const struct lace_run_options defaults = {.threads = 4, .sampling = {0, 0, 1, 0, 1}, .barrier = 1};
static const struct lace_ask_limits limits = {.model = "m",
                                              .n = 8,
                                              .threads = 16,
                                              .messages = 100,
                                              .tokens = 500,
                                              .prompt = 300,
                                              .vocabulary = 512,
                                              .traces = 2,
                                              .lattice = true,
                                              .defaults = &defaults};

static void must(int truth)
{
    if (!truth) abort();
}

static void check_choices(const struct lace_ask *a)
{
    const struct lace_sampling *s = &a->sampling;
    must(a->n >= 1 && (long)a->n * a->prompt_count <= limits.n && a->max_tokens >= 0 && a->max_tokens <= limits.tokens);
    must(a->threads >= 1 && a->threads <= limits.threads && a->budget >= 0 && a->budget <= limits.tokens);
    must(a->group_budget >= 0 && a->group_budget <= limits.tokens * limits.threads);
    must(!a->trace || a->n * a->prompt_count <= limits.traces);
    must(a->top_logprobs >= 0 && a->top_logprobs <= LACE_ASK_TOP && a->stop_count <= LACE_ASK_STOPS);
    must(s->temperature >= 0 && s->temperature <= 100 && s->top_p > 0 && s->top_p <= 1 && s->top_k >= 0);
    must(s->min_p >= 0 && s->min_p < 1 && s->repetition_penalty > 0 && s->repetition_penalty <= 100);
    must(a->early_stop >= 0 && a->early_stop <= 1 && a->seed <= INT64_MAX);
    for (int i = 0; i < a->stop_count; i++) must(a->stop[i][0] && strlen(a->stop[i]) <= LACE_ASK_STOP_BYTES);
}

static void check_taken(const struct lace_ask *a)
{
    for (int i = 0; i < a->prompt_count && a->prompt; i++) {
        const struct lace_ask_prompt *p = &a->prompt[i];
        must((p->text != NULL) != (p->ids != NULL) && p->count <= limits.prompt);
        for (int k = 0; k < p->count; k++) must(p->ids[k] >= 0 && p->ids[k] < limits.vocabulary);
        must(!p->text || (strlen(p->text) == p->len && lace_utf8_valid(p->text, p->len)));
    }
    if (a->kind == LACE_ASK_COMPLETION || a->kind == LACE_ASK_CHAT) check_choices(a);
    if (a->kind == LACE_ASK_CHAT) {
        struct lace_refusal refusal;
        struct lace_text text;
        lace_text_init(&text);
        must(lace_ask_last_user(a, &text, &refusal) ? refusal.status == 400 : text.len > 0);
        lace_text_release(&text);
        json_t *messages = lace_ask_messages(a);
        must(json_array_size(messages) == json_array_size(a->messages));
        json_decref(messages);
    }
}

static void check_refused(const struct lace_refusal *r)
{
    struct lace_text out;
    struct lace_error err;
    lace_text_init(&out);
    lace_refusal_write(&out, r);
    json_t *root = lace_json_parse(out.data, out.len, "refusal", &err), *error = json_object_get(root, "error");
    must(r->status == 400 || r->status == 404);
    must(json_string_length(json_object_get(error, "message")) > 0 && json_object_size(error) == 4);
    json_decref(root);
    lace_text_release(&out);
}

static void check_quoted(const char *bytes, size_t len)
{
    struct lace_text out, lossy;
    struct lace_error err;
    lace_text_init(&out);
    lace_text_init(&lossy);
    lace_write_quoted(&out, bytes, len);
    lace_utf8_lossy(&lossy, bytes, len);
    if (!memchr(bytes, 0, len)) { /* Jansson takes no zero byte */
        json_t *text = lace_json_parse(out.data, out.len, "text", &err);
        must(json_string_length(text) == lossy.len && !memcmp(json_string_value(text), lossy.data, lossy.len));
        json_decref(text);
    }
    lace_text_release(&out);
    lace_text_release(&lossy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_ask ask;
    struct lace_refusal refusal;
    if (!size) return 0;
    enum lace_ask_kind kind = (enum lace_ask_kind)(data[0] % 4);
    char *body = malloc(size); /* of its exact size, so that a read beyond the end is seen */
    memcpy(body, data + 1, size - 1);
    if (lace_ask_parse(&ask, kind, body, size - 1, &limits, &refusal)) check_refused(&refusal);
    else check_taken(&ask);
    lace_ask_release(&ask);
    check_quoted(body, size - 1);
    free(body);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "0{\"prompt\": \"a\", \"n\": 2, \"max_tokens\": 5, \"temperature\": 0.5, \"top_p\": 0.9, \"stop\": [\"x\", "
        "\"y\"], "
        "\"seed\": 7, \"logprobs\": 3, \"model\": \"m\", \"stream\": true, \"stream_options\": {\"include_usage\": "
        "true}}",
        "0{\"prompt\": [[1, 2], [3]], \"lace\": {\"threads\": 4, \"lattice\": \"off\", \"visible\": \"window:3\", "
        "\"pick\": "
        "\"vote\", \"barrier\": false, \"early_stop\": 0.9, \"budget\": 9, \"group_budget\": 30, \"return_threads\": "
        "true}}",
        "1{\"messages\": [{\"role\": \"system\", \"content\": null}, {\"role\": \"user\", \"content\": [{\"type\": "
        "\"text\", "
        "\"text\": \"\\u00e9\"}]}], \"logprobs\": true, \"top_logprobs\": 2, \"max_completion_tokens\": 4, \"user\": "
        "\"u\"}",
        "1{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"tools\": [], \"tool_choice\": \"none\", "
        "\"response_format\": {\"type\": \"text\"}, \"modalities\": [\"text\"], \"chat_template_kwargs\": {\"a\": 1}}",
        "2{\"content\": \"text\", \"add_special\": false, \"with_pieces\": true}",
        "3{\"tokens\": [1, 2, 511]}",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
