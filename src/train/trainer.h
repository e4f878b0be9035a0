/* One optimiser over one flat block of weights, fed with shards.
 *
 *   draw groups -> shards -> (each worker: forward, loss, backward) -> sum of gradients -> clip -> AdamW -> pack
 *
 * A step is a pure function of (settings, seed, step, weights, moments), so that a resumed run ends with the same
 * bits as an uninterrupted one on as many workers. */
#ifndef LACE_TRAINER_H
#define LACE_TRAINER_H
#include "train/ranks.h"
#include "train/shard.h"

struct lace_trainer_options {
    /* A step holds `shards` shards of at most shard_rows rows each, rl's as many as its rollouts fill. No more than
     * `shards` workers sum gradients: on all machines with as many cores the sums have one order. */
    int steps, shards, shard_rows;
    double lr, lattice_lr; /* lattice tensors learn at lr * lattice_lr */
    double warmup, floor;  /* shares: of the steps for the rise; of lr at the cosine's end */
    double beta1, beta2, eps, weight_decay, clip;
    bool muon;   /* matrices learn by Muon with the momentum beta1, the rest by AdamW */
    bool freeze; /* the backbone stays as it is */
    uint64_t seed;
    int workers;                    /* 0: all */
    const struct lace_ranks *ranks; /* NULL: this process trains alone */
};

struct lace_step_report {
    double loss;      /* mean over the learned tokens */
    double grad_norm; /* before clipping */
    double lr;
    long tokens;  /* rows taken through the model */
    long learned; /* tokens with a loss */
    double flops; /* of the step's products and attention, forward and backward */
    bool burst;   /* the loss was no number or beyond all measure, and nothing was learned */
};

struct lace_worker {
    struct lace_cache cache;
    struct lace_state state;
    float *grad;    /* (values) */
    float *logprob; /* (rows) */
    double loss;
};

struct lace_trainer {
    struct lace_trainer_options options;
    struct lace_model *model;         /* borrowed, opened for training */
    const struct lace_format *format; /* borrowed */
    const struct lace_sources *sources;
    struct lace_ranks ranks;
    struct lace_shard *shards; /* this rank's share of the step's: shard j is number j * ranks.count + ranks.rank */
    int shard_count;
    struct lace_worker *workers;
    float *m, *v;   /* (values); of what learns by Muon, v stays 0 */
    float *scratch; /* of Muon: (OS threads, scratch_floats) */
    size_t scratch_floats;
    long step; /* finished steps */
    long tokens;
};

void lace_trainer_defaults(struct lace_trainer_options *options);
int lace_trainer_init(struct lace_trainer *trainer, struct lace_model *model, const struct lace_format *format,
                      const struct lace_sources *sources, const struct lace_trainer_options *options,
                      struct lace_error *err);
void lace_trainer_release(struct lace_trainer *trainer);

/* What one update learns from. weigh, where there is one, is called between a shard's forward and backward pass, with
 * the log-probabilities of its targets in worker->logprob, and rewrites the shard's weights; it runs on several
 * workers at once. */
struct lace_lesson {
    struct lace_shard *shards;
    int count;
    double tokens; /* the loss is a mean over so many, of all ranks */
    void (*weigh)(void *user, int shard, struct lace_worker *worker);
    void *user;
};
/* One update. A loss that bursts is an error, report->burst is set, and the weights stay as they were. */
int lace_trainer_learn(struct lace_trainer *trainer, const struct lace_lesson *lesson, struct lace_step_report *report,
                       struct lace_error *err);
/* Its part that takes memory: forward and backward of every shard; the gradients lie in the workers. */
int lace_trainer_pass(struct lace_trainer *trainer, const struct lace_lesson *lesson, struct lace_error *err);
/* Sets out to draw the groups of this rank's shard `index` in a step: returns where in the run it lies, 0 to 1. */
double lace_trainer_stream(const struct lace_trainer *trainer, long step, int index, struct lace_rng *rng);
/* One update with groups that are drawn from the sources. */
int lace_trainer_step(struct lace_trainer *trainer, struct lace_step_report *report, struct lace_error *err);

/* ---- trial.c: the longest batch first, so that memory fails before anything is learned ---- */
/* Refuses what needs more memory than is left, before it is taken: afterwards the system would end the process. */
int lace_trainer_check_memory(const struct lace_trainer *trainer, struct lace_error *err);
/* Fills a shard for every worker with copies of a group, takes them forward and backward and throws the gradients away:
 * not a bit of the training changes. Sets trial->rows and ->memory. */
int lace_trainer_try(struct lace_trainer *trainer, const struct lace_script *script, bool shut,
                     struct lace_train_trial *trial, struct lace_error *err);
/* The same with the longest of the groups that the rest of the run will draw, among at most 256 spread over it. */
int lace_trainer_try_longest(struct lace_trainer *trainer, struct lace_train_trial *trial, struct lace_error *err);

/* A stage as its YAML file describes it, without the run's folder: nothing is written or resumed. options outlive it. */
struct lace_training;
int lace_training_open(struct lace_training **training, const struct lace_train_options *options,
                       struct lace_error *err);
void lace_training_close(struct lace_training **training);
struct lace_trainer *lace_training_trainer(struct lace_training *training);

/* The whole state into dir (weights that are no numbers are refused), atomically (a folder under a temporary name, then renamed): the model in F32 as Hugging
 * Face's directory, its lattice, optimizer.safetensors, trainer.json. */
int lace_checkpoint_save(const struct lace_trainer *trainer, const char *dir, struct lace_error *err);
/* Restores weights, moments and step into a trainer whose model has the same shapes. */
int lace_checkpoint_load(struct lace_trainer *trainer, const char *dir, struct lace_error *err);
#endif
