/* An arm of the evaluation, and what became of each problem under it. */
#ifndef LACE_ROLLOUT_H
#define LACE_ROLLOUT_H
#include "decode/decoder.h"
#include "decode/engine.h"
#include "decode/pick.h"
#include "synth/family.h"

struct lace_arm {
    char name[64];
    const struct lace_engine *engine; /* borrowed */
    struct lace_model model;          /* a copy of the engine's that may show other positions; shares its weights */
    enum lace_see see;
    bool solo;   /* threads know of no others */
    bool serial; /* one thread, N times the tokens */
    enum lace_pick_by own_pick;
};

struct lace_outcome { /* of one problem; shares over its threads where it says so */
    double right[LACE_EVAL_PICKS], any, thread_right, format, diversity;
    double tokens, steps, trials, duplicates, wrong;
};

struct lace_rollout {
    const struct lace_record *problems;
    int count, threads;
    int budget, rounds; /* as in lace_eval_options */
    double temperature, inject;
    uint64_t seed;
    int workers;
    const char *label; /* for the progress callback */
    int (*progress)(void *user, const char *what, long done, long total);
    void *user;
};
/* Runs every problem under the arm; outcome (count). */
int lace_rollout_run(const struct lace_arm *arm, const struct lace_rollout *rollout, struct lace_outcome *outcome,
                     struct lace_error *err);
#endif
