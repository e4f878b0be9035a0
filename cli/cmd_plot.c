#include "options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *out = "curves.svg", *keys;
static int smooth;

static const struct cli_option options[] = {
    {"out", 'o', CLI_TEXT, &out, "FILE", "The picture, .svg or .png."},
    {"keys", 'k', CLI_TEXT, &keys, "K,...",
     "A panel each, as metrics.jsonl names them; `gate` stands for gate/1, gate/3 and so on. By default loss, "
     "grad_norm, lr and tokens_per_second; of rl reward, kl, entropy, pick_accuracy, coverage, diversity, agreement, "
     "and gate and alpha (the lattice's scale) of every layer."},
    {"smooth", 's', CLI_INT, &smooth, "N",
     "The strong line is a mean over N lines of metrics, the values lie pale behind it; 1: none. By default a "
     "twentieth of the run.",
     .min = 1, .max = 1e9},
    {0},
};

static int run(int count, char **args)
{
    struct lace_error err;
    size_t length = 2;
    char *rest = keys ? strdup(keys) : NULL;
    for (const char *c = keys; c && *c; c++) length += *c == ',';
    const char **list = calloc(length, sizeof *list), **runs = calloc((size_t)count + 1, sizeof *runs);
    if (!list || !runs || (keys && !rest)) return cli_fail("Out of memory.");
    for (size_t i = 0; rest; i++) list[i] = strsep(&rest, ",");
    memcpy(runs, args, sizeof *runs * (size_t)count);
    int code = lace_curves(&(struct lace_curves_options){runs, keys ? list : NULL, out, smooth}, &err);
    if (!code) puts(out);
    return code ? cli_fail("%s", err.text) : 0;
}

const struct cli_command cmd_plot = {
    .name = "plot",
    .summary = "draw the curves of training runs, one or several in a picture",
    .usage = "RUN... [--out FILE.svg|FILE.png] [--keys K,...]",
    .description =
        "RUN is the folder of a run of lace train (its out:), or a metrics file; a run that is still at work shows how "
        "far it is. The picture's name is printed. gnuplot draws it; Debian has it as gnuplot-nox.",
    .examples = "lace plot runs/lace\nlace plot runs/rl --keys reward,kl,gate --out rl.png\n"
                "# two runs compared\nlace plot runs/lace runs/wider --keys loss --smooth 50",
    .options = options,
    .args_min = 1,
    .args_max = -1,
    .run = run,
};
