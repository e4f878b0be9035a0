/* The family `search`: find the last of K unknowns, each of which needs the one before.
 *   Find r (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2, r*9+q=0.
 * Stage k: the unknown u_k in 1..B with (u_k*a_k + c_k) mod p = t_k; c_1 is given, c_(k+1) is u_k.
 * p is prime, so exactly one option fits. A round of a thread tries one option and is one line:
 *   q*7+4=2, try 3: 10+4=3, no.
 * search.c reads and writes problems and steps; search_policy.c decides who tries what. */
#ifndef LACE_SEARCH_H
#define LACE_SEARCH_H
#include "synth/family.h"

enum { SEARCH_STAGES = 12, SEARCH_MODULUS = 97, SEARCH_THREADS = 64 };

struct lace_search {
    int stages, options, modulus, given; /* given: c_1 */
    char unknown[SEARCH_STAGES];         /* lower-case letters */
    int a[SEARCH_STAGES], t[SEARCH_STAGES];
    int solution[SEARCH_STAGES];
};

enum search_strategy { SEARCH_DEFAULT, SEARCH_UP, SEARCH_DOWN, SEARCH_RANDOM };
enum search_error {
    SEARCH_RIGHT,
    SEARCH_LOOKUP,  /* a number that is not the prompt's, or an option out of range */
    SEARCH_PRODUCT, /* the product is wrong */
    SEARCH_SUM,     /* the product is right, the sum is wrong */
    SEARCH_VERDICT, /* the numbers are right, yes or no is wrong */
};
enum search_mark { SEARCH_PLAIN, SEARCH_MOVED_ON, SEARCH_RECHECKED, SEARCH_STRUCK, SEARCH_SKIPPED };
extern const char *const lace_search_mark_names[];

/* One line of a thread, as numbers; letter, a and t are the stage's. */
struct lace_search_step {
    uint8_t stage, c, x, m, v;
    bool yes;           /* as written; whoever reads it goes by v and t */
    uint8_t falsehood;  /* enum lace_falsehood */
    bool slip;          /* the falsehood is one of the trace's slips */
    uint8_t mark, from; /* enum search_mark, and the thread whose writing caused it */
};

struct lace_search_trace {
    int threads, budget;
    struct lace_search_step *steps;       /* (N, budget) */
    int count[SEARCH_THREADS];            /* steps of each thread */
    int answer[SEARCH_THREADS];           /* 0: none */
    int claimed[SEARCH_THREADS];          /* the round of its first right claim of the last unknown, from 1; 0: none */
    const struct lace_search_step *slips; /* lines to be wrong with: false in themselves, on a true c */
    int slip_count;
    int astray; /* so many threads that answer last are to end with a false yes, and answer by it */
};

/* Draws the numbers of a problem, its letters too; loops until it is on the knobs' side of the split. */
int lace_search_draw(struct lace_search *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                     struct lace_error *err);
int lace_search_parse(struct lace_search *problem, const char *prompt, struct lace_error *err);
void lace_search_prompt(const struct lace_search *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out);
enum lace_split lace_search_side(const struct lace_search *problem);
/* Writes the line into text (LINE bytes are enough) and returns its length. */
enum { SEARCH_LINE = 64 };
int lace_search_line(const struct lace_search *problem, const struct lace_search_step *step, char *text);

/* What a line says: the details behind check_step of the family. */
struct lace_search_seen {
    int stage, option; /* stage from 0 */
    bool claims;       /* says yes */
    bool believed;     /* the written value meets the target: what readers act on, whatever the verdict */
    int given;         /* the value that was carried over from the previous stage, */
    bool on_path;      /* and whether it is the true one: a right step may follow from another's lie */
};
/* enum search_error, or LACE_STEP_NONE */
int lace_search_check_step(const char *prompt, const char *step, struct lace_search_seen *out);
/* The same for a problem that has been read; step, which may be NULL, gets the line's numbers. */
int lace_search_check_line(const struct lace_search *problem, const char *text, struct lace_search_seen *out,
                           struct lace_search_step *step);
/* How a line stands to a false one; both are about stages of the problem. */
enum lace_stance lace_search_stance(const struct lace_search *problem, const struct lace_search_step *lie,
                                    const struct lace_search_step *line);
/* The true line of an option. */
struct lace_search_step lace_search_try(const struct lace_search *problem, int stage, int c, int x);

/* The rounds within which the sharing threads solve at least 97 % of the problems; K*B for one thread. */
int lace_search_budget(int stages, int options, int threads);
/* Runs a policy for trace->budget rounds; the caller sets threads, budget and steps. */
int lace_search_run(const struct lace_search *problem, enum lace_policy policy, enum search_strategy strategy,
                    const double *weights, /* of falsehoods; NULL: nobody errs */
                    struct lace_rng *rng, struct lace_search_trace *trace, struct lace_error *err);

/* make and race of the family: search_record.c */
int lace_search_make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     struct lace_record *out, struct lace_error *err);
int lace_search_write(const struct lace_family *family, struct lace_record *record, const struct lace_family_plan *plan,
                      struct lace_rng *rng, struct lace_error *err);
int lace_search_race(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     enum lace_policy policy, int threads, int budget, int *round, struct lace_error *err);
#endif
