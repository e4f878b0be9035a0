/* All that an evaluation found out, before any figure is made of it: problems in cells (a family at a difficulty and
 * an ambiguity), and trials (an arm of a model with so many threads) with an outcome for every problem. It is what
 * lace eval fills, what the database holds, and what every figure, table and picture is computed from. */
#ifndef LACE_STUDY_H
#define LACE_STUDY_H
#include "eval/judge.h"

struct lace_cell {
    char family[32];
    int difficulty, ambiguity;
    int first, count; /* its problems */
};

struct lace_problem {
    char *id, *prompt, *answer; /* answer may be NULL */
    int cell;
};

struct lace_study_arm {
    char name[64];
    enum lace_pick_by own_pick;
    bool rival; /* a parallel baseline: the best of these is what lace is compared with */
};

struct lace_trial {
    int model, threads, arm;      /* indices */
    char *path;                   /* of the model that ran */
    double *temperature;          /* (cells) */
    bool *tuned;                  /* (cells) chosen on development problems, not given */
    double *seconds;              /* (cells) */
    struct lace_outcome *outcome; /* (problems) */
};

enum { LACE_STUDY_LIST = 32 }; /* models, and numbers of threads */

struct lace_study {
    struct lace_cell *cells;
    struct lace_problem *problems;
    struct lace_study_arm arms[LACE_EVAL_ARMS];
    char *models[LACE_STUDY_LIST];
    int threads[LACE_STUDY_LIST];
    int cell_count, problem_count, arm_count, model_count, thread_count;
    struct lace_trial *trials; /* (models, threads, arms) */
    uint64_t seed;
    double inject; /* share of the problems in which one thread was made to write something false, and what */
    enum lace_inject inject_kind;
    char **warnings; /* sentences about what may flatter */
    int warning_count;
};

/* Room for the trials, once cells, problems, arms, models and threads are known. */
int lace_study_trials(struct lace_study *study, struct lace_error *err);
struct lace_trial *lace_study_trial(const struct lace_study *study, int model, int threads, int arm);
int lace_study_warn(struct lace_study *study, struct lace_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void lace_study_release(struct lace_study *study);

/* The figures; the caller releases the result. */
int lace_study_summary(const struct lace_study *study, struct lace_eval_result *result, struct lace_error *err);
/* Adds the robustness scores to the result, where there are levels to score over: robustness.c. */
int lace_study_robustness(const struct lace_study *study, struct lace_eval_result *result, struct lace_error *err);
#endif
