#include "options.h"
#include <stdio.h>

static const char *out, *dtype = "bf16";
static bool json;

static const struct cli_option options[] = {
    {"out", 'o', CLI_TEXT, &out, "DIR", "The new directory; it must not hold anything."},
    {"dtype", 'd', CLI_CHOICE, &dtype, NULL, "Type of all tensors; bf16 by default.", .choices = "bf16|f16|f32"},
    {"merge-dtype", 0, CLI_CHOICE, &dtype, NULL, "Another name of --dtype.", .choices = "bf16|f16|f32"},
    {"json", 'j', CLI_FLAG, &json, NULL, "The sizes as JSON."},
    {0},
};

static int run(int count, char **args)
{
    struct lace_export_report r;
    struct lace_error err;
    (void)count;
    if (!out) return cli_misuse("lace export needs a folder for the new model: --out DIR.");
    struct lace_export_options o = {.model = args[0], .out = out, .dtype = dtype};
    if (lace_export(&o, &r, &err)) return cli_fail("%s", err.text);
    if (json) printf("{\"tensors\": %zu, \"parameters\": %zu, \"bytes\": %zu}\n", r.tensors, r.parameters, r.bytes);
    else
        printf("%s: %zu tensors, %zu parameters in %s, %.1f MB\n", out, r.tensors, r.parameters, dtype,
               (double)r.bytes / 1e6);
    return 0;
}

const struct cli_command cmd_export = {
    .name = "export",
    .summary = "Write a model in another type, as one file",
    .usage = "MODEL --out DIR [OPTION...]",
    .description =
        "Reads a Hugging Face directory, of one file or of shards, and writes one with all tensors in one type. "
        "Tokenizer, chat template, generation settings and the lattice are copied as they are. Tensors pass "
        "through one by one: the model need not fit into memory.",
    .examples = "lace export runs/sft/model --out released --dtype bf16\n"
                "python3 -c 'import transformers as t; t.AutoModel.from_pretrained(\"released\")'",
    .options = options,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
