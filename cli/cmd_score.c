#include "json_out.h"
#include "model_options.h"
#include "utf8.h"
#include <stdlib.h>
#include <string.h>

static const char *list;
static int top;
static bool json;

static const struct cli_option options[] = {
    CLI_MODEL_OPTIONS,
    {"ids", 0, CLI_TEXT, &list, "1,2,3", "Score these tokens instead of a text."},
    {"top", 't', CLI_INT, &top, "K", "The K most probable tokens in each place, too.", .min = 0, .max = 1e6},
    {"json", 'j', CLI_FLAG, &json, NULL, "JSON: ids, logprobs, top."},
    {0},
};

static void print_json(const int *ids, size_t count, const float *logprobs, const struct lace_score_token *best)
{
    printf("{\"ids\": [");
    for (size_t i = 0; i < count; i++) printf("%s%d", i ? ", " : "", ids[i]);
    printf("], \"logprobs\": [");
    for (size_t i = 0; i < count; i++) {
        if (i) printf(", ");
        cli_json_number(stdout, logprobs[i], 9);
    }
    printf("], \"top\": [");
    for (size_t i = 0; i < count && top; i++) {
        printf(i ? ", [" : "[");
        for (int k = 0; k < top && i; k++) { /* nothing is known before the first token */
            const struct lace_score_token *t = &best[i * (size_t)top + (size_t)k];
            printf("%s{\"id\": %d, \"logprob\": ", k ? ", " : "", t->id);
            cli_json_number(stdout, t->logprob, 9);
            putchar('}');
        }
        putchar(']');
    }
    puts("]}");
}

/* A token's text in quotes, as JSON writes it; returns the columns it takes, near enough for a table. */
static int print_token(const struct lace_engine *engine, int id, FILE *file)
{
    size_t len;
    int columns = 2;
    const char *text = lace_token_bytes(engine, id, &len);
    if (!text) text = "";
    cli_json_text(file, text, len);
    for (size_t i = 0; i < len;) {
        int n = cli_utf8_size(text + i, len - i);
        columns += text[i] == '\n' || text[i] == '\t' || text[i] == '"' || text[i] == '\\' ? 2 : 1;
        i += n > 0 ? (size_t)n : 1;
    }
    return columns;
}

static void print_table(const struct lace_engine *engine, const int *ids, size_t count, const float *logprobs,
                        const struct lace_score_token *best)
{
    double sum = 0;
    printf("%-20s %8s %10s%s\n", "token", "id", "logprob", top ? "  most probable" : "");
    for (size_t i = 0; i < count; i++) {
        int columns = print_token(engine, ids[i], stdout);
        printf("%*s %8d ", columns < 20 ? 20 - columns : 0, "", ids[i]);
        if (i) printf("%10.4f", logprobs[i]);
        else printf("%10s", "-");
        for (int k = 0; k < top && i; k++) {
            const struct lace_score_token *t = &best[i * (size_t)top + (size_t)k];
            printf("  ");
            print_token(engine, t->id, stdout);
            printf(" %.4f", t->logprob);
        }
        putchar('\n');
        sum += logprobs[i];
    }
    printf("%zu tokens, log-probability %.4f", count, sum);
    if (count > 1) printf(", mean %.4f", sum / (double)(count - 1));
    putchar('\n');
}

static int score(const struct lace_engine *engine, const int *ids, size_t count)
{
    struct lace_error err;
    struct lace_engine_info info;
    lace_engine_info(engine, &info);
    if (top > info.vocabulary) top = info.vocabulary;
    float *logprobs = calloc(count + 1, sizeof *logprobs);
    struct lace_score_token *best = calloc(count * (size_t)top + 1, sizeof *best);
    int status = 0;
    if (!logprobs || !best) status = cli_fail("Out of memory for %zu tokens; ask for fewer with --top.", count);
    else if (lace_score(engine, ids, count, logprobs, top ? best : NULL, top, &err)) status = cli_fail("%s", err.text);
    else if (json) print_json(ids, count, logprobs, best);
    else print_table(engine, ids, count, logprobs, best);
    free(best);
    free(logprobs);
    return status;
}

static int run(int argc, char **args)
{
    struct lace_engine *engine = NULL;
    struct lace_error err;
    char *text = NULL;
    int *ids = NULL, status = 0;
    size_t len, count = 0;
    if (!argc == !list) return cli_misuse("lace score takes a text or --ids, one of them.");
    if (list) status = cli_read_ids(list, "--ids", &ids, &count);
    else status = cli_read_text(args[0], "text", &text, &len);
    if (!status) status = cli_model_open(&engine);
    if (!status && text && lace_tokenize(engine, text, len, &ids, &count, &err)) status = cli_fail("%s", err.text);
    if (!status) status = score(engine, ids, count);
    lace_engine_close(&engine);
    free(ids);
    free(text);
    return status;
}

const struct cli_command cmd_score = {
    .name = "score",
    .summary = "Print the log-probability of every token of a text",
    .usage = "[--model DIR] [--top K] [--json] TEXT\n[--model DIR] [--top K] [--json] --ids 1,2,3",
    .description = "Each token given those before it; the first has none before it: its value is 0 in JSON, and its "
                   "list under top is empty. "
                   "TEXT - reads stdin as it is. One text is one thread, so a lattice changes nothing here.",
    .examples = "lace score \"Find i (each from 1 to 8, mod 11): g*9+3=1.\"\nlace score --ids 12,7,99 --top 5 --json",
    .options = options,
    .args_max = 1,
    .run = run,
};
