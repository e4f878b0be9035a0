/* lace: N reasoning threads of one transformer that attend to each other. */
#ifndef LACE_H
#define LACE_H
#include <stddef.h>
#include <stdint.h>
#define LACE_VERSION "0.1.0" /* the one place; the build reads it from here */
#define LACE_API __attribute__((visibility("default"))) /* what liblace.so exports */

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong, as one complete sentence that names the file, flag or shape and the remedy.
 * Every fallible function takes one last, may be given NULL, and returns 0 or a negative code. */
struct lace_error {
    char text[512];
};

enum lace_code {
    LACE_OK = 0,
    LACE_BAD = -1,     /* bad input: a file, a flag, a request */
    LACE_MEMORY = -2,  /* an allocation failed */
    LACE_SYSTEM = -3,  /* the operating system refused: cannot open, write, map */
    LACE_STOPPED = -4, /* the caller asked to stop; what was reached is saved */
};

/* ---- data ---- */
/* Problems of our own families, solved in writing by several threads. A record is a line of JSON:
 *   {"id", "task", "difficulty", "prompt", "answer",
 *    "threads": [{"steps": [...], "answer", "verdict", "strategy"}, ...], "meta": {...}}
 * Record i of (family, knobs) depends on nothing else, so any part of a set can be made alone. */
enum lace_split { LACE_SPLIT_TRAIN, LACE_SPLIT_TEST };
enum lace_policy {
    LACE_POLICY_SHARED, /* every thread uses what any thread wrote in earlier rounds */
    LACE_POLICY_TAGGED, /* each by itself, the work divided by the thread's tag */
    LACE_POLICY_ALONE,  /* each by itself, in a random order */
};
enum lace_strategy { LACE_STRATEGY_DEFAULT, LACE_STRATEGY_UP, LACE_STRATEGY_DOWN, LACE_STRATEGY_RANDOM };
enum lace_falsehood { LACE_FALSE_NONE, LACE_FALSE_FLIP, LACE_FALSE_FORGE, LACE_FALSE_MISS };
extern const char *const lace_policy_names[];    /* "shared", "tagged", "alone" */
extern const char *const lace_strategy_names[];  /* "default", "up", "down", "random" */
extern const char *const lace_falsehood_names[]; /* "", "flip", "forge", "miss" */

struct lace_interval {
    int low, high;
};

struct lace_data_knobs {
    struct lace_interval difficulty; /* of the family; `search`: number of stages, 1 to 12 */
    struct lace_interval options;    /* `search`: each unknown is from 1 to this; 8 */
    struct lace_interval threads;    /* 4 */
    struct lace_interval ambiguity;  /* 0: one wording; 1: other wordings; 2: also shuffled, one equation too many */
    int moduli[8], modulus_count; /* primes above options; 11 and 13 */
    enum lace_policy policy;
    enum lace_strategy strategy; /* default: random for alone, up for the others */
    int budget;                  /* rounds of a thread; 0: the family's own */
    double corrupt;              /* share of the records (of the shared policy) with falsified steps */
    double weights[4];           /* of the kinds of falsehood, by enum lace_falsehood */
    uint64_t seed;
    enum lace_split split; /* no problem is on both sides, whatever its wording */
};
void lace_data_knobs_defaults(struct lace_data_knobs *knobs);

#ifdef __cplusplus
}
#endif
#endif
