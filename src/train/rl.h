/* Lattice GRPO: a problem is solved several times, each time by a whole group of threads; the group gets one reward,
 * which all tokens of its threads share.
 *
 *     problems -> rollouts (the decoder of `lace run`) -> rewards -> advantages -> one or more updates
 *
 *     reward    = right + w_format * format + w_diversity * diversity   (diversity counts where a thread is right)
 *     advantage = (reward - mean) / (deviation + level) over the rollouts of a problem: without the level, rollouts
 *                 that differ in nothing but a thousandth of diversity would count as much as right and wrong ones
 *     loss      = - min(ratio * A, clip(ratio, 1 - e, 1 + e) * A) + kl * (exp(d) - d - 1), per chosen token,
 *                 ratio = p / p_old, d = log p_ref - log p (Schulman's estimator), p_ref: the model at the start;
 *                 all p at the temperature at which the tokens were chosen
 *
 * GRPO: Shao et al. 2024; one reward for a group of threads: LACE. */
#ifndef LACE_RL_H
#define LACE_RL_H
#include "decode/pick.h"
#include "train/trainer.h"

struct lace_rl_options {
    int problems, rollouts; /* of a step; of a problem */
    int epochs;             /* updates with the same rollouts */
    int rounds;             /* budget of a thread; 0: the record's */
    double temperature;
    double level;             /* added to the deviation of rewards */
    double kl, clip;          /* weight of the distance to the reference; e */
    double format, diversity; /* weights of the reward's terms */
    int workers; /* OS threads that roll out; 0: all. No bit depends on them, so the trainer's shards do not bound them */
};
void lace_rl_defaults(struct lace_rl_options *options);

struct lace_rl_report { /* means over the step's groups; by TRL's names where it has one */
    double reward, reward_std, frac_reward_zero_std, kl, entropy, clip_ratio, mean_length;
    double pick_accuracy, coverage, format, diversity, agreement;
    double rollout_seconds, update_seconds;
    long rollout_tokens;
    double gate[LACE_MAX_LAYERS], alpha[LACE_MAX_LAYERS]; /* of each lattice layer: mean openness, mean size */
};

/* The loss of one chosen token with advantage A, from its log-probabilities now, when it was chosen and under the
 * reference; *weight: minus the loss's derivative by lp. */
struct lace_rl_token {
    double loss, kl, weight;
    bool clipped;
};
struct lace_rl_token lace_rl_token(const struct lace_rl_options *options, double A, double lp, double lp_old,
                                   double lp_ref);

struct lace_rl;
/* The reference is a copy of the model's weights as they are now, or those of a checkpoint's start. */
int lace_rl_open(struct lace_rl **rl, struct lace_trainer *trainer, const struct lace_model *reference,
                 const struct lace_rl_options *options, lace_grade_fn *grade, struct lace_error *err);
void lace_rl_close(struct lace_rl **rl);
/* lace_trainer_try with a rollout whose threads use up the largest budget of the problems to come, among at most 4096
 * spread over the rest of the run; opens the decoders with room for them. */
int lace_rl_try_longest(struct lace_rl *rl, struct lace_train_trial *trial, struct lace_error *err);
/* One step: rollouts and their updates. */
int lace_rl_step(struct lace_rl *rl, struct lace_step_report *step, struct lace_rl_report *report,
                 struct lace_error *err);
#endif
