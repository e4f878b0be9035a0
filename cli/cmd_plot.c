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
    struct lace_error err = {{0}};
    size_t length = 2;
    char *names = strdup(keys ? keys : ""), *rest = names;
    for (const char *c = names; c && *c; c++) length += *c == ',';
    const char **list = calloc(length, sizeof *list), **runs = calloc((size_t)count + 1, sizeof *runs);
    bool room = names && list && runs;
    for (size_t i = 0; room && rest; i++) list[i] = strsep(&rest, ",");
    if (room) memcpy(runs, args, sizeof *runs * (size_t)count);
    struct lace_curves_options o = {runs, keys ? list : NULL, out, smooth};
    int code = room ? lace_curves(&o, &err) : -1;
    free(names);
    free(list);
    free(runs);
    if (code) return cli_fail("%s", room ? err.text : "Out of memory.");
    puts(out);
    return 0;
}

const struct cli_command cmd_plot = {
    .name = "plot",
    .summary = "Draw the curves of training runs, one or several in a picture",
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
