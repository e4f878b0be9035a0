/* What a step of Lattice GRPO works on, for its own files: rl.c (the step), rl_play.c (rollouts), rl_learn.c (what they
 * are worth, and what is learned from them). */
#ifndef LACE_RL_PARTS_H
#define LACE_RL_PARTS_H
#include "train/rl.h"

struct rollout {
    struct lace_script script;
    int problem, right; /* right: the picked thread's answer */
    double reward, advantage, coverage, format, diversity, agreement;
    long chosen; /* tokens */
};

struct problem {
    struct lace_record record;
    int *prompt, prompt_count, budget;
    size_t capacity;
};

struct place { /* of a rollout in a shard */
    int rollout, first_out;
};

struct lace_rl {
    struct lace_rl_options options;
    struct lace_trainer *trainer;       /* borrowed */
    const struct lace_model *reference; /* borrowed */
    lace_grade_fn *grade;
    int problem_count;                        /* this rank's share: problem i is number i * ranks.count + ranks.rank */
    struct problem *problems;                 /* (problems) */
    struct rollout *rollouts;                 /* (problems * rollouts) */
    int *order;                               /* of the rollouts, longest first */
    int players;                              /* OS threads that roll out; it is the trainer's workers that learn */
    struct lace_decoder **decoders;           /* (players) */
    struct lace_decoder_options room;         /* of each */
    struct lace_shard *shards;                /* (shard_cap) */
    struct place **places;                    /* (shard_cap) one for each group of the shard */
    float **reference_logprob, **old_logprob; /* (shard_cap) one for each out row */
    int shard_count, shard_cap;
    int epoch;
    struct tally { /* of a worker, while weights are made */
        double loss, kl, entropy, clipped, rows, gate[LACE_MAX_LAYERS];
    } * tallies;
};

/* ---- rl_play.c ---- */
int lace_rl_draw_problems(struct lace_rl *rl, struct lace_error *err);
/* Decoders with room for the widest problem of this step. */
int lace_rl_prepare_decoders(struct lace_rl *rl, struct lace_error *err);
/* Every problem as often as the options say, by all workers; what each group reached stands in its rollout. */
int lace_rl_roll_out(struct lace_rl *rl, struct lace_error *err);

/* ---- rl_learn.c ---- */
/* Lays the rollouts into shards, longest first. */
int lace_rl_fill_shards(struct lace_rl *rl, struct lace_error *err);
/* The reference model's view of every rollout: log-probabilities for the distance, hidden states for the diversity. */
int lace_rl_refer(struct lace_rl *rl, struct lace_error *err);
/* Rewards and advantages of all rollouts, and their part in the report. */
void lace_rl_reward(struct lace_rl *rl, struct lace_rl_report *report);
/* Each chosen token's share in the gradient, from what the present model says of it: lace_lesson's weigh. */
void lace_rl_weigh(void *rl, int shard, struct lace_worker *worker);
#endif
