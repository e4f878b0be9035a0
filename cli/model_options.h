/* The options by which every command that runs a model names it, and the text that it is given. */
#ifndef LACE_CLI_MODEL_OPTIONS_H
#define LACE_CLI_MODEL_OPTIONS_H
#include "options.h"

struct cli_model_options {
    const char *model, *lattice, *visible, *dtype, *kv_dtype, *isa;
};
extern struct cli_model_options cli_model;

#define CLI_ISA_LEVELS "generic|avx2|avx512|avx512_bf16|amx"
#define CLI_MODEL_OPTION                                                                                               \
    {                                                                                                                  \
        "model", 'm', CLI_TEXT, &cli_model.model, "DIR",                                                               \
            "Directory or GGUF file of the model; the one that ships with lace by default."                            \
    }
#define CLI_MODEL_OPTIONS                                                                                              \
    CLI_MODEL_OPTION, {"lattice",          'l',       CLI_TEXT,                                                        \
                       &cli_model.lattice, "DIR|off", "Directory of the lattice, or off; MODEL/lattice by default."},  \
        {"visible",                                                                                                    \
         0,                                                                                                            \
         CLI_TEXT,                                                                                                     \
         &cli_model.visible,                                                                                           \
         "V",                                                                                                          \
         "What of the others a thread sees: aligned, causal or window:W; what the lattice was trained with by "        \
         "default."},                                                                                                  \
        {"dtype",                                                                                                      \
         0,                                                                                                            \
         CLI_CHOICE,                                                                                                   \
         &cli_model.dtype,                                                                                             \
         NULL,                                                                                                         \
         "Type of the matrix products; what this CPU is fast at by default.",                                          \
         .choices = "bf16|f32"},                                                                                       \
        {"kv-dtype",                                                                                                   \
         0,                                                                                                            \
         CLI_CHOICE,                                                                                                   \
         &cli_model.kv_dtype,                                                                                          \
         NULL,                                                                                                         \
         "Type of the keys and values kept of what was read; f32 with f32 products, else bf16, by default.",           \
         .choices = "bf16|f32"},                                                                                       \
    {                                                                                                                  \
        "isa", 0, CLI_CHOICE, &cli_model.isa, "LEVEL", "Use no newer instructions than these.",                        \
            .choices = CLI_ISA_LEVELS                                                                                  \
    }

/* Opens the model of the options. 0, or the exit status after a complaint. */
int cli_model_open(struct lace_engine **engine);
/* The same of its tokenizer and chat template alone: the weights are not read. */
int cli_text_open(struct lace_engine **engine);

/* The text of an argument, "-": all of stdin; the caller frees it. what names it in complaints: "prompt". Text that is
 * not UTF-8 or holds a zero byte is refused. 0, or the exit status after a complaint. */
int cli_read_text(const char *argument, const char *what, char **text, size_t *len);
/* "1,2,3" as numbers; the caller frees them. option: --ids, or NULL for an argument. */
int cli_read_ids(const char *list, const char *option, int **ids, size_t *count);
#endif
