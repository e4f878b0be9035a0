#include "options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *out, *kind = "lattice", *layers = "every:2:from-middle", *visible = "causal", *topology = "all";
static int width, heads, max_threads = 16;
static long seed = 1;
static double alpha, gate = 0.2;
static bool self, untied, verbose, json;

static const struct cli_option options[] = {
    {"out", 'o', CLI_TEXT, &out, "DIR", "The new lattice's folder; it must not hold anything."},
    {"Lattice", .kind = CLI_SECTION},
    {"kind", 0, CLI_CHOICE, &kind, NULL,
     "Low-dimensional attention of its own, or the backbone's heads over all threads.", .choices = "lattice|full"},
    {"layers", 0, CLI_TEXT, &layers, "WHICH", "every:K, every:K:from-middle, or a list as 14,18,22."},
    {"width", 'r', CLI_INT, &width, "R", "Dimensions that the threads exchange; an eighth of the model's by default.",
     .min = 2, .max = 131072},
    {"heads", 0, CLI_INT, &heads, "M", "Lattice heads; 4 by default, 1 where the width is no multiple of 64.", .min = 1,
     .max = 1024},
    {"visible", 0, CLI_TEXT, &visible, "V", "What of the others a thread sees: aligned, causal or window:W."},
    {"self", 0, CLI_FLAG, &self, NULL, "A thread's own past is visible in the lattice too."},
    {"topology", 0, CLI_TEXT, &topology, "T",
     "Which threads see each other: all, or ring:W, the W neighbours on each side."},
    {"max-threads", 0, CLI_INT, &max_threads, "N", "The most threads of a group.", .min = 1, .max = 256},
    {"Start", .kind = CLI_SECTION},
    {"alpha", 0, CLI_REAL, &alpha, "X", "Scale of the lattice heads; at 0 the model is unchanged.", .min = 0,
     .max = 100},
    {"gate", 0, CLI_REAL, &gate, "X", "How far the gates are open.", .min = 1e-6, .max = 0.999999},
    {"untied", 0, CLI_FLAG, &untied, NULL, "Random values inside, rather than such that listening copies at once."},
    {"seed", 's', CLI_LONG, &seed, "S", "Of the random start values.", .min = 0, .max = 9e15},
    {"Output", .kind = CLI_SECTION},
    {"verbose", 'v', CLI_FLAG, &verbose, NULL, "A line for each layer."},
    {"json", 'j', CLI_FLAG, &json, NULL, "The sizes as JSON."},
    {0},
};

/* "name:W" with W from 1 to most; 0: it is something else. */
static int width_of(const char *text, const char *name, long most)
{
    size_t n = strlen(name);
    char *end;
    if (strncmp(text, name, n) || text[n] != ':' || text[n + 1] < '0' || text[n + 1] > '9') return 0;
    long w = strtol(text + n + 1, &end, 10);
    return *end || w < 1 || w > most ? 0 : (int)w;
}

static int read_options(struct lace_attach_options *o)
{
    lace_attach_defaults(o);
    o->out = out;
    o->kind = kind;
    o->layers = layers;
    o->width = width;
    o->heads = heads;
    o->self = self;
    o->max_threads = max_threads;
    o->alpha = alpha;
    o->gate = gate;
    o->tied = !untied;
    o->seed = (uint64_t)seed;
    if (!strcmp(visible, "aligned")) o->visible = LACE_ALIGNED;
    else if (!strcmp(visible, "causal")) o->visible = LACE_CAUSAL;
    else if ((o->window = width_of(visible, "window", 1 << 24))) o->visible = LACE_WINDOW;
    else return cli_misuse("--visible has no value '%s'; it takes aligned, causal or window:W.", visible);
    if (strcmp(topology, "all") && !(o->ring = width_of(topology, "ring", 256)))
        return cli_misuse("--topology has no value '%s'; it takes all or ring:W.", topology);
    return 0;
}

static double share(const struct lace_attach_report *r)
{
    return (double)r->lattice_parameters / (double)(r->parameters + r->lattice_parameters);
}

static void print_json(const struct lace_attach_report *r)
{
    printf("{\"parameters\": %zu, \"lattice_parameters\": %zu, \"share\": %.6g, \"width\": %d, \"heads\": %d, "
           "\"layers\": [",
           r->parameters, r->lattice_parameters, share(r), r->width, r->heads);
    for (int i = 0; i < r->layer_count; i++) printf("%s%d", i ? ", " : "", r->layers[i]);
    puts("]}");
}

static void print_table(const struct lace_attach_report *r)
{
    if (verbose) {
        printf("%5s  %s\n", "layer", "lattice parameters");
        for (int i = 0, k = 0; i < r->backbone_layers; i++) {
            bool has = k < r->layer_count && r->layers[k] == i;
            if (has) printf("%5d  %zu\n", i, r->layer_parameters);
            else printf("%5d  -\n", i);
            k += has;
        }
    }
    printf("%s: %d of %d layers, width %d, %d head%s; %zu parameters, %.2f %% of the model's %zu\n", out,
           r->layer_count, r->backbone_layers, r->width, r->heads, r->heads == 1 ? "" : "s", r->lattice_parameters,
           100 * share(r), r->parameters + r->lattice_parameters);
}

static int run(int count, char **args)
{
    struct lace_attach_options o;
    struct lace_attach_report report;
    struct lace_error err;
    (void)count;
    if (!out) return cli_misuse("lace init needs a folder for the lattice: --out DIR.");
    int status = read_options(&o);
    if (status) return status;
    o.model = args[0];
    if (lace_attach(&o, &report, &err)) return cli_fail("%s", err.text);
    if (json) print_json(&report);
    else print_table(&report);
    return 0;
}

const struct cli_command cmd_init = {
    .name = "init",
    .summary = "Attach a new lattice to a model",
    .usage = "MODEL --out DIR [OPTION...]",
    .description = "Writes lattice_config.json and lattice_model.safetensors. The model itself is read and not "
                   "changed, and its outputs with the "
                   "new lattice are its own until the lattice is trained (lace train cpt).",
    .examples =
        "lace init ~/Qwen3-0.6B --out lattice\nlace run --model ~/Qwen3-0.6B --lattice lattice \"What is 6 times 7?\"",
    .options = options,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
