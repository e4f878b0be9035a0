/* A training run as train.c takes it through its steps: what the settings name, opened, and the run's folder
 *
 *     settings.yaml      the settings, with those of --set; a run goes on only with the same
 *     metrics.jsonl      one line a step
 *     checkpoint-N/      the last two; resuming takes the latest that is whole
 *     model/             at the end, whole or not at all: the backbone in bf16 with its tokenizer, and model/lattice
 */
#ifndef LACE_TRAIN_RUN_H
#define LACE_TRAIN_RUN_H
#include "train/rl.h"
#include <stdio.h>

struct lace_train_run {
    const struct lace_train_options *options;
    struct lace_settings settings;
    struct lace_sources sources;
    struct lace_tokenizer *tokenizer;
    struct lace_format format;
    struct lace_model *model;
    struct lace_trainer trainer;
    struct lace_trainer_options train;
    struct lace_rl_options rl;
    struct lace_model *reference; /* of rl: the model as it was at the start */
    struct lace_rl *lattice_grpo; /* NULL: another stage */
    struct lace_ranks ranks;
    const char *out, *tokenizer_path;
    int checkpoint_every, keep;
    int end;    /* id of the end token, -1 */
    int folder; /* the run's, locked; -1: not open */
    FILE *metrics;
};

/* ---- run_open.c ---- */
/* Everything up to the first step; writes nothing. options outlive the run; release it in any case. */
int lace_train_run_open(struct lace_train_run *run, const struct lace_train_options *options,
                        const struct lace_ranks *ranks, struct lace_error *err);
void lace_train_run_release(struct lace_train_run *run);

/* ---- run_folder.c ---- */
/* Every rank looks at what is there and takes the checkpoint; the first one alone writes. */
int lace_train_run_start(struct lace_train_run *run, struct lace_error *err);
/* The highest N of the folder's checkpoint-N that is at most `most`, or -1. */
long lace_train_run_latest(const char *out, long most);
/* A checkpoint of the present step; older ones than the last two go. */
int lace_train_run_save(struct lace_train_run *run, struct lace_error *err);
/* The trained model, at the end; a model/ from before gives way to it. */
int lace_train_run_export(struct lace_train_run *run, struct lace_error *err);
#endif
