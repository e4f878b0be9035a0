/* The family `search`: find the last of K unknowns, each of which needs the one before.
 *   Find r (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2, r*9+q=0.
 * Stage k: the unknown u_k in 1..B with (u_k*a_k + c_k) mod p = t_k; c_1 is given, c_(k+1) is u_k.
 * p is prime, so exactly one option fits. A round of a thread tries one option and is one line:
 *   q*7+4=2, try 3: 10+4=3, no.
 * search.c reads and writes problems and lines; search_work.c says what lines come to; who tries what is older than the
 * engine of work.h and differs from it: search_policy.c. */
#ifndef LACE_SEARCH_H
#define LACE_SEARCH_H
#include "synth/work.h"

enum { SEARCH_STAGES = 12, SEARCH_MODULUS = 97 };

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

/* A line: a move is an option of a stage. Its parts are the stage, from 0, the value c that was carried over from the
 * stage before, the option x, the product m and, of a line that was read, what is wrong with it; its value is the sum. It
 * is a find where the value meets the target: readers go by that, whatever the last word says. */
enum { SEARCH_STAGE, SEARCH_C, SEARCH_X, SEARCH_M, SEARCH_RESULT };
static inline short lace_search_move(const struct lace_search *p, int stage, int x)
{
    return (short)(stage * p->options + x - 1);
}
/* Fills the family's part of the true line of an option. */
void lace_search_try(const struct lace_search *p, int stage, int c, int x, struct lace_work_line *line);
/* The find of a stage among what is known; NULL: none. */
const struct lace_work_line *lace_search_found(const struct lace_search *p, lace_work_known known, int stage);

/* The knob, 8 where it is left out. */
struct lace_interval lace_search_options(const struct lace_data_knobs *knobs);
/* Draws a problem of difficulty.low stages on the knobs' side of the split, its letters too. */
int lace_search_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err);
/* As in struct lace_work: */
int lace_search_numbers(const void *problem, uint8_t *numbers);
void lace_search_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out);
/* The same, where distractions avoid the letters of `used` (bits). */
void lace_search_put_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng,
                            struct lace_text *out);
int lace_search_parse(void *problem, const char *prompt, struct lace_error *err);
int lace_search_write_line(const void *problem, const struct lace_work_line *line, char *text);
bool lace_search_read_line(const void *problem, const char *text, struct lace_work_line *line);
extern const struct lace_work lace_search_work;

/* The rounds within which the sharing threads solve at least 97 % of the problems; K*B for one thread. */
int lace_search_budget(int stages, int options, int threads);
int lace_search_run(const void *problem, enum lace_policy policy, int strategy, const double *weights,
                    struct lace_rng *rng, struct lace_work_trace *trace, struct lace_error *err);
#endif
