#include "run_out.h"
#include "json_out.h"
#include <stdlib.h>

static void print_rate(FILE *out, const char *name, int tokens, double seconds)
{
    fprintf(out, "\"%s_n\": %d, \"%s_ms\": %.3f, \"%s_per_token_ms\": ", name, tokens, name, 1000 * seconds, name);
    cli_json_number(out, tokens ? 1000 * seconds / tokens : 0, 6);
    fprintf(out, ", \"%s_per_second\": ", name);
    cli_json_number(out, seconds > 0 ? tokens / seconds : 0, 6);
}

/* What was counted and measured. */
static void print_figures(FILE *out, const struct lace_engine *engine, const struct lace_run_options *o,
                          const struct lace_run_result *r, double load)
{
    struct lace_engine_info info;
    lace_engine_info(engine, &info);
    fprintf(out,
            ",\n \"usage\": {\"prompt_tokens\": %d, \"completion_tokens\": %d, \"total_tokens\": %d},\n \"timings\": {",
            r->prompt_tokens, r->completion_tokens, r->prompt_tokens + r->completion_tokens);
    print_rate(out, "prompt", r->prompt_tokens, r->prompt_seconds);
    fprintf(out, ", ");
    print_rate(out, "predicted", r->completion_tokens, r->decode_seconds);
    fprintf(out, ", \"first_token_ms\": %.3f", 1000 * r->first_seconds);
    fprintf(out, ", \"steps\": %d, \"load_ms\": %.3f},\n \"model\": ", r->steps, 1000 * load);
    cli_json_string(out, info.path);
    fprintf(out, ", \"lattice\": \"%s\", \"seed\": %llu", info.lattice, (unsigned long long)o->seed);
}

int cli_run_print(FILE *out, const struct lace_engine *engine, const struct lace_run_options *o,
                  const struct lace_run_result *r, const char *prompt, double load)
{
    struct lace_error err;
    char *traced = NULL;
    size_t len;
    if (r->trace && lace_trace_json(r, &traced, &len, &err)) return cli_fail("%s", err.text);
    fprintf(out, "{\"answer\": ");
    cli_json_string(out, r->answer);
    fprintf(out, ", \"picked\": ");
    if (r->picked >= 0) fprintf(out, "%d", r->picked);
    else fprintf(out, "null");
    fprintf(out, ",\n \"threads\": [");
    for (int n = 0; n < r->thread_count; n++) {
        const struct lace_run_thread *t = &r->threads[n];
        fprintf(out, "%s{\"text\": ", n ? ",\n  " : "\n  ");
        cli_json_string(out, t->text);
        fprintf(out, ", \"answer\": ");
        cli_json_string(out, t->answer);
        fprintf(out, ", \"verdict\": \"%s\", \"p_best\": ", lace_verdict_names[t->verdict]);
        cli_json_number(out, t->p_best, 9);
        fprintf(out, ", \"tokens\": %d, \"logprob\": ", t->tokens);
        cli_json_number(out, t->logprob, 9);
        fprintf(out, ", \"cut\": %s}", t->cut ? "true" : "false");
    }
    fprintf(out, "]");
    if (o) print_figures(out, engine, o, r, load);
    if (traced) {
        fprintf(out, ",\n \"prompt\": ");
        cli_json_string(out, prompt);
        fprintf(out, ",\n \"trace\": %s", traced);
    }
    fputs("}\n", out);
    free(traced);
    return 0;
}
