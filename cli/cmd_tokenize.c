#include "json_out.h"
#include "model_options.h"
#include <stdlib.h>
#include <string.h>

static bool decode, json;

static const struct cli_option options[] = {
    CLI_MODEL_OPTION,
    {"decode", 'd', CLI_FLAG, &decode, NULL, "The arguments are ids; print their text."},
    {"json", 'j', CLI_FLAG, &json, NULL, "JSON: ids, and each token's text."},
    {0},
};

static int print_ids(const struct lace_engine *engine, const int *ids, size_t count)
{
    if (json) printf("{\"ids\": [");
    for (size_t i = 0; i < count; i++) printf("%s%d", i ? json ? ", " : " " : "", ids[i]);
    if (!json) {
        putchar('\n');
        return 0;
    }
    printf("], \"tokens\": [");
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *bytes = lace_token_bytes(engine, ids[i], &len);
        if (i) printf(", ");
        cli_json_text(stdout, bytes ? bytes : "", len);
    }
    puts("]}");
    return 0;
}

static int run_encode(const struct lace_engine *engine, const char *argument)
{
    struct lace_error err;
    char *text;
    int *ids;
    size_t len, count;
    int status = cli_read_text(argument, "text", &text, &len);
    if (status) return status;
    status =
        lace_tokenize(engine, text, len, &ids, &count, &err) ? cli_fail("%s", err.text) : print_ids(engine, ids, count);
    if (!status) free(ids);
    free(text);
    return status;
}

static int run_decode(const struct lace_engine *engine, const char *argument)
{
    struct lace_error err;
    char *list, *text;
    int *ids = NULL;
    size_t len, count;
    int status = cli_read_text(argument, "list of ids", &list, &len);
    if (status) return status;
    status = cli_read_ids(list, NULL, &ids, &count);
    for (size_t i = 0; !status && i < count; i++) { /* Tokenizers would pass over it; who typed it wants to know */
        if (!lace_token_bytes(engine, ids[i], &len)) status = cli_fail("The model has no token %d.", ids[i]);
    }
    if (!status && lace_detokenize(engine, ids, count, &text, &len, &err)) status = cli_fail("%s", err.text);
    else if (!status) {
        if (json) {
            printf("{\"text\": ");
            cli_json_text(stdout, text, len);
            puts("}");
        } else {
            fwrite(text, 1, len, stdout);
            putchar('\n');
        }
        free(text);
    }
    free(ids);
    free(list);
    return status;
}

/* Ids given as several arguments are one list. */
static char *join(int count, char **args)
{
    size_t len = 1;
    for (int i = 0; i < count; i++) len += strlen(args[i]) + 1;
    char *list = calloc(len, 1);
    for (int i = 0; list && i < count; i++) {
        if (i) strcat(list, " ");
        strcat(list, args[i]);
    }
    return list;
}

static int run(int count, char **args)
{
    struct lace_engine *engine;
    if (count > 1 && !decode) return cli_misuse("lace tokenize takes one text; put it in quotes.");
    int status = cli_text_open(&engine);
    if (status) return status;
    if (decode) {
        char *list = join(count, args);
        status = list ? run_decode(engine, list) : cli_fail("Out of memory.");
        free(list);
    } else status = run_encode(engine, args[0]);
    lace_engine_close(&engine);
    return status;
}

const struct cli_command cmd_tokenize = {
    .name = "tokenize",
    .summary = "Print the token ids of a text, or the text of ids",
    .usage = "[--model DIR] [--json] TEXT\n[--model DIR] --decode ID...",
    .description = "TEXT - reads stdin as it is, its last line's end included. The ids are those of Transformers: "
                   "special tokens written in the text become their ids, and where the tokenizer puts a token before "
                   "every text, as Llama's does, it is there.",
    .examples = "lace tokenize \"What is 6 times 7?\"\nlace tokenize --decode 12,7,99\nlace tokenize --model "
                "~/models/Llama-3.2-1B \"Hello\"",
    .options = options,
    .args_min = 1,
    .args_max = -1,
    .run = run,
};
