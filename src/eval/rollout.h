/* An arm of the evaluation, and how its threads work on problems. */
#ifndef LACE_ROLLOUT_H
#define LACE_ROLLOUT_H
#include "decode/decoder.h"
#include "decode/engine.h"
#include "eval/judge.h"

struct lace_arm {
    char name[64];
    const struct lace_engine *engine; /* borrowed */
    struct lace_model model;          /* a copy of the engine's that may show other positions; shares its weights */
    enum lace_see see;
    bool solo;           /* threads know of no others */
    bool serial;         /* one thread, N times the tokens */
    bool exchange;       /* each thread gets the others' steps as text, after every round */
    bool exchange_spend; /* and what it gets uses up its budget */
    bool hasty;          /* verdicts do not wait for each other */
    enum lace_pick_by own_pick;
};

struct lace_rollout {
    const struct lace_record *problems;
    const int *rounds; /* (count) budget of each in rounds, 0: the record's own; NULL: all the records' own */
    int count, threads;
    int first;                  /* number of the first problem in the whole evaluation: seeds are counted on from it */
    int budget;                 /* tokens of a thread instead; 0: none */
    double temperature, inject; /* inject: share of the problems in which one thread is made to write something false */
    enum lace_inject inject_kind;
    uint64_t seed;
    int workers;
    const char *label; /* for the progress callback */
    int (*progress)(void *user, const char *what, long done, long total);
    void *user;
    struct lace_text *dump; /* (count), each initialised: gets the problem's threads as a line of JSON; NULL: nothing */
};
/* Runs every problem under the arm; outcome (count). */
int lace_rollout_run(const struct lace_arm *arm, const struct lace_rollout *rollout, struct lace_outcome *outcome,
                     struct lace_error *err);
#endif
