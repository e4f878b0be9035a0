#include "run_out.h"
#include "json_out.h"
#include <stdlib.h>

static void print_rate(const char *name, int tokens, double seconds)
{
    printf("\"%s_n\": %d, \"%s_ms\": %.3f, \"%s_per_token_ms\": ", name, tokens, name, 1000 * seconds, name);
    cli_json_number(stdout, tokens ? 1000 * seconds / tokens : 0, 6);
    printf(", \"%s_per_second\": ", name);
    cli_json_number(stdout, seconds > 0 ? tokens / seconds : 0, 6);
}

/* What was counted and measured. */
static void print_figures(const struct lace_engine *engine, const struct lace_run_options *o,
                          const struct lace_run_result *r, double load)
{
    struct lace_engine_info info;
    lace_engine_info(engine, &info);
    printf(",\n \"usage\": {\"prompt_tokens\": %d, \"completion_tokens\": %d, \"total_tokens\": %d},\n \"timings\": {",
           r->prompt_tokens, r->completion_tokens, r->prompt_tokens + r->completion_tokens);
    print_rate("prompt", r->prompt_tokens, r->prompt_seconds);
    printf(", ");
    print_rate("predicted", r->completion_tokens, r->decode_seconds);
    printf(", \"first_token_ms\": %.3f", 1000 * r->first_seconds);
    printf(", \"steps\": %d, \"load_ms\": %.3f},\n \"model\": ", r->steps, 1000 * load);
    cli_json_string(stdout, info.path);
    printf(", \"lattice\": \"%s\", \"seed\": %llu", info.lattice, (unsigned long long)o->seed);
}

int cli_run_print(const struct lace_engine *engine, const struct lace_run_options *o, const struct lace_run_result *r,
                  const char *prompt, double load)
{
    struct lace_error err;
    char *traced = NULL;
    size_t len;
    if (r->trace && lace_trace_json(r, &traced, &len, &err)) return cli_fail("%s", err.text);
    printf("{\"answer\": ");
    cli_json_string(stdout, r->answer);
    printf(", \"picked\": ");
    if (r->picked >= 0) printf("%d", r->picked);
    else printf("null");
    printf(",\n \"threads\": [");
    for (int n = 0; n < r->thread_count; n++) {
        const struct lace_run_thread *t = &r->threads[n];
        printf("%s{\"text\": ", n ? ",\n  " : "\n  ");
        cli_json_string(stdout, t->text);
        printf(", \"answer\": ");
        cli_json_string(stdout, t->answer);
        printf(", \"verdict\": \"%s\", \"p_best\": ", lace_verdict_names[t->verdict]);
        cli_json_number(stdout, t->p_best, 9);
        printf(", \"tokens\": %d, \"logprob\": ", t->tokens);
        cli_json_number(stdout, t->logprob, 9);
        printf(", \"cut\": %s}", t->cut ? "true" : "false");
    }
    printf("]");
    if (o) print_figures(engine, o, r, load);
    if (traced) {
        printf(",\n \"prompt\": ");
        cli_json_string(stdout, prompt);
        printf(",\n \"trace\": %s", traced);
    }
    puts("}");
    free(traced);
    return 0;
}
