/* Two families in one problem: letters in the second half stand for numbers that the first half finds.
 *   Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Shortest from a to h: a3b, a(q)c, b4d, c(p)d, d2h.
 * Prompt and lines are those of the two halves; what a joint adds is that a line of the second copies a number that a line
 * of the first found. The moves are those of the first, then those of the second; a move of the second is useful once the
 * letters in it are known. The answer is the second's.
 * A family of this kind is a file of its own with its row of the table in join.c: how a problem is drawn, how its prompt
 * reads, its errors and its budget. join_first.c and join_second.c say of each half what a joint has to know. */
#ifndef LACE_JOIN_H
#define LACE_JOIN_H
#include "synth/chain.h"
#include "synth/path.h"
#include "synth/product.h"
#include "synth/search.h"

enum { JOIN_LETTERS = 26, JOIN_OPTIONS = 9 }; /* of a search in a joint; lengths of ways stay below 100 */

/* The half that finds values of letters. `problem` is that half. */
struct lace_join_first {
    const struct lace_work *work;
    int moves;                         /* more than any problem has */
    int (*ranks)(const void *problem); /* these two where a joint ranks otherwise than the family; NULL: as it does */
    int (*rank)(const void *problem, int strategy, int move);
    int (*parse)(void *problem, const char *prompt, struct lace_error *err);
    void (*prompt)(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng, struct lace_text *out);
    /* Each letter that is needed for the asked one: its value, and its number among numbers(), from 1. Others: -1, 0. A
     * letter of the half's own that cannot stand for a number in the second has a number, and no value. */
    void (*letters)(const void *problem, int value[JOIN_LETTERS], uint8_t id[JOIN_LETTERS]);
    /* Whether the letter's value follows from what is known: the value and the move of the line, -1 where it is given. */
    bool (*found)(const void *problem, lace_work_known known, char letter, int *value, short *move);
    /* Whether the line says what its letter is, and not only what it is not. A letter of 0: it is about none. */
    bool (*says)(const void *problem, const struct lace_work_line *line, char *letter, int *value);
};

/* The half in which letters stand for numbers. `problem` is that half, with the true values in it. */
struct lace_join_second {
    const struct lace_work *work;
    uint32_t (*letters)(const void *problem); /* its own (bits), those of the first half left out */
    int (*numbers)(const void *problem, const uint8_t id[JOIN_LETTERS], uint8_t *numbers);
    int (*parse)(void *problem, const char *prompt, const int value[JOIN_LETTERS], struct lace_error *err);
    void (*prompt)(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng, struct lace_text *out);
    int (*needs)(const void *problem, int move, char letter[2]); /* the letters in a move; returns their number */
    void (*put)(void *problem, int move, char letter, int value);
    /* Whether the line copied a number for the letter. */
    bool (*taken)(const void *problem, const struct lace_work_line *line, char letter, int *value);
};

extern const struct lace_join_first lace_join_search, lace_join_chain, lace_join_equation;
extern const struct lace_join_second lace_join_path, lace_join_product, lace_join_definitions;

enum lace_join_kind { LACE_JOIN_TOLL, LACE_JOIN_FARE, LACE_JOIN_BILL, LACE_JOIN_TAB, LACE_JOIN_LOAN, LACE_JOIN_LEVY };
struct lace_join {
    enum lace_join_kind kind;
    union lace_join_one {
        struct lace_search search;
        struct lace_chain chain;
        struct lace_product product;
    } first;
    union lace_join_two {
        struct lace_path path;
        struct lace_product product;
        struct lace_chain chain;
    } second;
};

/* Draws a search of so many unknowns, whose letters may be given anew: any that are not among `used` (bits). */
int lace_join_draw_search(struct lace_search *s, int stages, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                          struct lace_error *err);
void lace_join_name_unknowns(struct lace_search *s, uint32_t used, struct lace_rng *rng);
/* Draws a chain of so many definitions, its letters not among `used`, until the asked one is 1 to `most`; then `letter`
 * has the asked one and others of such values that are evaluated on the way to it, `count` at most in all. Returns their
 * number, or an error. */
int lace_join_draw_chain(struct lace_chain *c, int nodes, uint32_t used, int most, int count, char *letter,
                         const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err);
/* Gives some of the roads, drawn, a letter and its value as their length: the first letter to the first road of a random
 * order, and so on; fills the path. */
int lace_join_put_lengths(struct lace_path *p, int start, int goal, struct lace_path_road *roads, int count,
                          const char *letter, const int *value, int letters, struct lace_rng *rng,
                          struct lace_error *err);
int lace_join_parse(struct lace_join *j, enum lace_join_kind kind, const char *text, struct lace_error *err);

/* As in struct lace_work: */
int lace_join_numbers(const void *problem, uint8_t *numbers);
void lace_join_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out);
void lace_join_solution(const void *problem, char *answer);
bool lace_join_accepts(const void *problem, const char *answer);
int lace_join_meta(const void *problem, json_t *meta);
int lace_join_moves(const void *problem);
int lace_join_ranks(const void *problem);
int lace_join_rank(const void *problem, int strategy, int move);
int lace_join_useful(const void *problem, int strategy, lace_work_known known, short *moves);
void lace_join_perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line);
bool lace_join_falsify(const void *problem, struct lace_work_line *line, enum lace_falsehood kind,
                       struct lace_rng *rng);
int lace_join_write(const void *problem, const struct lace_work_line *line, char *text);
bool lace_join_answer(const void *problem, lace_work_known known, char *answer);
bool lace_join_read(const void *problem, const char *text, struct lace_work_line *line);
void lace_join_judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out);
enum lace_stance lace_join_stance(const void *problem, const struct lace_work_line *lie,
                                  const struct lace_work_line *line);

/* What the struct lace_work of all joints has in common; .draw and .parse are the family's. */
#define LACE_JOIN_WORK                                                                                                 \
    .bytes = sizeof(struct lace_join), .ranked = 3, .solution = lace_join_solution, .accepts = lace_join_accepts,      \
    .meta = lace_join_meta, .numbers = lace_join_numbers, .prompt = lace_join_prompt, .moves = lace_join_moves,        \
    .ranks = lace_join_ranks, .rank = lace_join_rank, .useful = lace_join_useful, .perform = lace_join_perform,        \
    .falsify = lace_join_falsify, .write = lace_join_write, .answer = lace_join_answer, .read = lace_join_read,        \
    .judge = lace_join_judge, .stance = lace_join_stance, .lookup = 1 /* as in both halves */
#endif
