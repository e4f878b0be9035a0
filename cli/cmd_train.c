#include "interrupt.h"
#include "options.h"
#include "progress.h"
#include <stdio.h>
#include <string.h>

static const char *config;
static struct cli_list sets;
static bool resume;
static int workers;

static const struct cli_option options[] = {
    {"config", 'c', CLI_TEXT, &config, "FILE", "Settings in YAML; recipes/ holds the shipped model's."},
    {"set", 's', CLI_LIST, &sets, "KEY=VALUE", "Overrides one setting; may be given again."},
    {"resume", 'r', CLI_FLAG, &resume, NULL, "Go on from the run's last checkpoint."},
    {"workers", 0, CLI_INT, &workers, "N",
     "OS threads; by default all cores. A run resumed on as many ends with the same bits.", .min = 0, .max = 1024},
    {0},
};

struct display {
    struct cli_progress bar;
    long first;
};

static int show(void *user, const struct lace_train_progress *p)
{
    struct display *d = user;
    char note[80];
    if (p->rank) return cli_interrupted; /* the first rank speaks for all */
    if (!d->bar.label) {
        d->first = p->step - 1;
        cli_progress_start(&d->bar, p->stage, "steps", p->steps - d->first);
    }
    snprintf(note, sizeof note, "loss %.4f  %.0f tokens/s", p->loss, p->tokens_per_second);
    cli_progress_update(&d->bar, p->step - d->first, note);
    return cli_interrupted;
}

/* From here on there are steps to save. */
static void tell(void *user, const struct lace_train_trial *t)
{
    (void)user;
    cli_catch_interrupts();
    if (!t->rank)
        fprintf(stderr, "longest batch: %d rows a worker, of groups of %d tokens; memory at most %.0f MiB\n", t->rows,
                t->longest, (double)t->memory / (1 << 20));
}

static void warn(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "lace: warning: %s\n", line);
}

static int run(int count, char **args)
{
    struct lace_error err;
    struct display display = {0};
    const char *list[CLI_LIST_MAX + 1] = {0};
    (void)count;
    if (!config) return cli_misuse("Training needs its settings: --config FILE.yaml (see recipes/).");
    memcpy(list, sets.item, sizeof *list * (size_t)sets.count);
    struct lace_train_options o = {args[0], config, list, resume, workers, show, &display, tell, warn};
    cli_end_at_interrupt("lace: Stopped before a step was done; nothing is lost.\n");
    int code = lace_train(&o, &err);
    if (display.bar.label) cli_progress_end(&display.bar);
    return code ? cli_fail("%s", err.text) : 0;
}

const struct cli_command cmd_train = {
    .name = "train",
    .summary = "Train a model, a lattice, or both",
    .usage = "STAGE --config FILE.yaml [--set KEY=VALUE] [--resume]",
    .description =
        "STAGE is pretrain (a small backbone from nothing), cpt (a new lattice on a frozen backbone), sft "
        "(all parameters) or rl (Lattice GRPO: whole groups are rewarded for the answer that they pick). "
        "The run's folder holds its settings, metrics.jsonl, the last two checkpoints and, at the "
        "end, the model. "
        "The longest batch runs first, so that memory fails early; lace plot draws the curves. "
        "Ctrl-C saves a checkpoint before it ends, once there is a step to save. `make mpi` builds what `mpirun -n 4 "
        "lace train ...` needs to spread a step's shards over processes. docs/training.md has every setting.",
    .examples = "lace train pretrain --config recipes/base.yaml\nlace train sft --config recipes/lace.yaml --set "
                "lr=3e-4 --resume",
    .options = options,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
