/* Families whose problems are facts and moves: a family says which moves are useful to whoever knows certain facts and
 * what a move comes to; this engine writes any number of threads that work on it, under every policy.
 *
 * A move is one line of a thread, written in one round. What it came to is a fact for whoever reads it. In each round
 * a thread knows, of earlier rounds, its own lines (alone, tagged) or everybody's (shared), and of the moves that are
 * useful then it takes the first in its order: the strategy ranks the moves, a thread begins at its share of the ranks
 * and goes on in a circle; alone, and with the strategy "random", each thread has an order of its own.
 *
 * shared, with two threads or more:
 *   1. Who reads that the answer follows tries the line that it rests on once more; if it comes to the same, it answers.
 *   2. Thread n+1 (mod N) watches thread n: a find of it in the last round is tried again, and so is a line whose
 *      numbers are false. All others believe what they read and build on it.
 *   3. Where more second tries differ from a line than agree with it, it is struck with all that was built on it, and
 *      threads go back to what is then useful.
 *   4. Moves of one round differ where there are enough of them: a lower thread chooses first. Where all are taken or
 *      none is left, a thread tries again what its nearest neighbour below newly wrote in the last round.
 * Readers go by a line's numbers (value), never by its last word: a flipped word is harmless.
 *
 * To write a family: a problem struct without pointers, and a `const struct lace_work` for it. Example: chain.h. */
#ifndef LACE_WORK_H
#define LACE_WORK_H
#include "synth/family.h"

enum {
    LACE_WORK_MOVES = 1152, /* of a problem */
    LACE_WORK_THREADS = LACE_DATA_THREADS,
    LACE_WORK_USES = 6,   /* moves that one line builds on */
    LACE_WORK_PARTS = 12, /* numbers of a line */
    LACE_WORK_LINE = 128, /* bytes of a line, its newline and its end included */
    LACE_WORK_ANSWER = 128,
    LACE_WORK_NUMBERS = 512, /* bytes that tell a problem from all others */
};

enum lace_work_mark {
    LACE_WORK_PLAIN,
    LACE_WORK_MOVED_ON,  /* builds on what another thread wrote in the last round */
    LACE_WORK_RECHECKED, /* tries again what another thread wrote */
    LACE_WORK_CORRECTED, /* the same, and comes to something else: the other's line was false */
    LACE_WORK_STRUCK,    /* the last line was void, because another corrected what it was built on */
    LACE_WORK_SKIPPED,   /* leaves out what it would have done next, because another has done it */
    LACE_WORK_AVOIDED,   /* the same, where the other announced a dead end */
    LACE_WORK_COLLIDED,  /* writes what another writes in this round, as if it did not know whose turn it is */
};

struct lace_work_line {
    /* the family's */
    short move;
    short uses[LACE_WORK_USES]; /* the moves whose lines its operands were copied from; -1 after the last */
    int part[LACE_WORK_PARTS];  /* operands as copied, results as written */
    int value;                  /* what readers take from its numbers; equal values: the lines say the same */
    bool yes;                   /* its last word as written, where a line ends in a word */
    bool find;                  /* readers build on it without another look: the next thread tries it again */
    bool dead;                  /* it announces a dead end */
    /* the engine's */
    uint8_t thread, falsehood, mark, from; /* enum lace_falsehood, enum lace_work_mark */
    bool slip;                             /* the falsehood is one of the trace's slips */
    uint16_t round;
};

struct lace_work_trace;

/* What somebody knows: known[move] is the line that readers go by, NULL where the move is open. */
typedef const struct lace_work_line *const *lace_work_known;

struct lace_work {
    size_t bytes; /* of the family's problem struct, called `problem` below; it holds no pointers */
    int ranked;   /* strategies 1 to ranked have ranks of the family's; the one after them must be "random" */

    /* ---- problems ---- */
    /* Draws a problem of the knobs, on either side of the split: the engine draws again where it is the other one. */
    int (*draw)(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err);
    /* The numbers that make it this problem, whatever its letters, order and wording; returns how many. */
    int (*numbers)(const void *problem, uint8_t *numbers);
    void (*prompt)(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out);
    /* Reads any prompt of prompt(), and refuses whatever has not exactly one answer. */
    int (*parse)(void *problem, const char *prompt, struct lace_error *err);
    void (*solution)(const void *problem, char *answer);
    bool (*accepts)(const void *problem, const char *answer);
    /* Adds members of its own to a record's meta, such as the modulus; non-zero: no memory. May be NULL. */
    int (*meta)(const void *problem, json_t *meta);

    /* ---- moves ---- */
    int (*moves)(const void *problem); /* their number; they count from 0 */
    int (*ranks)(const void *problem); /* ranks are from 0 to this - 1 */
    int (*rank)(const void *problem, int strategy, int move);
    /* Lists the open moves that help whoever knows this and follows the strategy ("random" included), and returns
     * their number. Never none before the answer is known, where every line is true. */
    int (*useful)(const void *problem, int strategy, lace_work_known known, short *moves);
    /* Fills the family's part of the line: what the move truly comes to if what is known is true. */
    void (*perform)(const void *problem, lace_work_known known, int move, struct lace_work_line *line);
    /* Makes a true line false in a way that a hasty writer errs; false where this kind does not apply. FLIP: the last
     * word alone; FORGE: a number is wrong, and the line claims; MISS: a number is wrong, and a find is lost. */
    bool (*falsify)(const void *problem, struct lace_work_line *line, enum lace_falsehood kind, struct lace_rng *rng);
    /* Writes the line with its newline and a terminating 0, LACE_WORK_LINE bytes at most; returns its length. */
    int (*write)(const void *problem, const struct lace_work_line *line, char *text);
    /* Whether the answer follows from what is known; writes it into answer, LACE_WORK_ANSWER bytes at most. */
    bool (*answer)(const void *problem, lace_work_known known, char *answer);

    /* ---- lines as others wrote them ---- */
    /* Reads a line: its move, uses, parts, value and last word. False: not a line. A move of -1: a line, but about nothing
     * that is in the problem. */
    bool (*read)(const void *problem, const char *text, struct lace_work_line *line);
    /* Fills result, believed and misled for a line whose move is not negative. */
    void (*judge)(const void *problem, const struct lace_work_line *line, struct lace_step_check *out);
    /* How a line stands to a false one, both about moves of the problem, and the prompt alone says what is true. */
    enum lace_stance (*stance)(const void *problem, const struct lace_work_line *lie,
                               const struct lace_work_line *line);
    int lookup;   /* the result for a line about nothing in the problem: an index of the family's errors */
    int operands; /* of a line's parts, the first so many: others do not make it another trial; 0: all */

    /* ---- what `search`, which is older than the engine, does in its own way; NULL: the engine's ---- */
    /* Fills the empty trace; useful and answer are not asked then. */
    int (*run)(const void *problem, enum lace_policy policy, int strategy, const double *weights, struct lace_rng *rng,
               struct lace_work_trace *trace, struct lace_error *err);
    /* The budget, where it follows from more than the knobs. That of one thread is enough for any number that err. */
    int (*budget)(const void *problem, int threads);
    int (*forge)(const void *problem, const char *so_far, enum lace_falsehood kind, struct lace_rng *rng,
                 struct lace_text *out, struct lace_error *err);
    enum lace_stance (*answer_stance)(const void *problem, const struct lace_work_line *lie, const char *answer);
};

/* lace_family_make, where the knobs are known to be in range. */
int lace_work_make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                   struct lace_record *out, struct lace_error *err);

/* ---- a run of the policy, for the engine's own files and its test ---- */
struct lace_work_trace {
    int threads, budget;
    struct lace_work_line *lines; /* (N, budget) */
    int count[LACE_WORK_THREADS]; /* lines of each thread */
    bool answered[LACE_WORK_THREADS];
    char (*answer)[LACE_WORK_ANSWER];   /* (N) */
    int claimed[LACE_WORK_THREADS];     /* the round of its first line of the move that closed the problem, from 1 */
    const struct lace_work_line *slips; /* lines to be wrong with: false in themselves, on true operands */
    int slip_count;
    int astray;   /* so many threads that answer last are to end with a false line and what follows from it */
    bool collide; /* threads write what another writes in the same round, every second time that they can */
};
int lace_work_run(const struct lace_work *work, const void *problem, enum lace_policy policy, int strategy,
                  const double *weights, /* of falsehoods; NULL: nobody errs */
                  bool marks, struct lace_rng *rng, struct lace_work_trace *trace, struct lace_error *err);
#endif
