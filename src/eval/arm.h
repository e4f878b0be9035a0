/* The arms by name: which model they run, and how. */
#ifndef LACE_ARM_H
#define LACE_ARM_H
#include "eval/rollout.h"

struct lace_arm_kind {
    const char *name, *folder;                   /* of the baseline beside the model */
    bool lattice, solo, serial, exchange, rival; /* rival: works in parallel, without a lattice; a baseline of lace */
    enum lace_see see;
    enum lace_pick_by own_pick;
};

/* "name", "name=DIR", "lace:aligned", "lace:window:4=DIR", "exchange:tagged:spend" taken apart. */
struct lace_arm_spec {
    char name[64];   /* without the folder: the name of its figures */
    const char *dir; /* borrowed from the text; NULL: the kind's own */
    struct lace_arm_kind kind;
    int visible, window; /* enum lace_visible; -1: the lattice's own */
    bool spend, hasty;
};
int lace_arm_parse(struct lace_arm_spec *spec, const char *text, struct lace_error *err);
/* The folder of its model, into path (PATH_MAX bytes), for the model at `model`; an error where there is none. */
int lace_arm_folder(const struct lace_arm_spec *spec, const char *model, char *path, struct lace_error *err);
/* The arm with an engine that was opened on that folder, with or without its lattice as the kind says. */
int lace_arm_init(struct lace_arm *arm, const struct lace_arm_spec *spec, const struct lace_engine *engine,
                  struct lace_error *err);
#endif
