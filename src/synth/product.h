/* The family `product`: long multiplication and linear equations, taken apart into steps with small numbers.
 *   Find abc*xy: a=7, b=3, c=9, x=8, y=6.               739*86; `Find 739*86.` is the same problem
 *   Find z: z*4+a+b=c+d, a=3*7, b=2*9, c=5*9, d=14.
 * A line is one partial product, one sum, or one digit of the total:
 *   c*y: 9*6=54.                    or rounded and corrected: c*y: 9*6=60-6=54.
 *   b*y+c*x: 18+72=90.              what belongs into b's column
 *   From b: 90+5=95, so 954.        with the carry of 54, the total of the digits from b on: 39*6+9*80
 *   All: 56+9=65, so 65954.         the last total, with no digit above
 *   a to b: 21+18=39.               the terms from a to b of an equation
 *   z*4: 59-39=20.                  the difference of its sides, whichever is larger
 *   z: 20/4=5.                      rounded down
 * What a line settles is a fact; its value follows from those of at most two others.
 * product.c has the numbers, product_text.c reads and writes problems and lines, and product_work.c says which lines lead
 * to the answer. */
#ifndef LACE_PRODUCT_H
#define LACE_PRODUCT_H
#include "synth/work.h"

/* Totals have up to two digits more than the first factor: 9 digits fit an int. */
enum {
    PRODUCT_DIGITS = 7,
    PRODUCT_TERMS = 2 * PRODUCT_DIGITS,
    PRODUCT_FACTS = 4 * PRODUCT_DIGITS + 4,
    PRODUCT_LINE = 96,
    PRODUCT_MOVES = 2 * PRODUCT_FACTS
};

enum lace_product_kind {
    PRODUCT_TIMES,  /* p*q */
    PRODUCT_COLUMN, /* u+v, two partial products */
    PRODUCT_TOTAL,  /* u+carry of v, a column and the total so far */
    PRODUCT_SUM,    /* u+v, the terms before and one more */
    PRODUCT_MINUS,  /* u-v, the sides */
    PRODUCT_OVER,   /* u/q */
};

struct lace_product_fact {
    enum lace_product_kind kind;
    char first, second; /* the letters by which a line names it; 0: it has none */
    bool right;         /* of an equation's right side */
    int place;          /* PRODUCT_TOTAL: ten to the number of digits below this column */
    int q;              /* the factor of z, of PRODUCT_MINUS and PRODUCT_OVER */
    int operand[2];     /* facts; -1: the prompt's given[], or an unknown of that value */
    int given[2];
    char unknown[2];
    int value;
};

struct lace_product {
    bool equation;
    int digits; /* the difficulty */
    /* A product: the digits of the first factor, highest first, and then the two of the second.
     * An equation: the terms of the left side, and then of the right. */
    int count, left;
    char letter[PRODUCT_TERMS + 2];
    int p[PRODUCT_TERMS + 2], q[PRODUCT_TERMS + 2]; /* a digit is p; a term is p*q, or p where q is 0 */
    char unknown[PRODUCT_TERMS + 2][2];             /* the letter that stands for p or q, 1 to 9; 0: none */
    int factor;                                     /* of z */
    int facts;
    struct lace_product_fact fact[PRODUCT_FACTS]; /* each after its operands; the last is the answer */
};

/* A line as numbers. */
struct lace_product_line {
    int fact;     /* -1: about nothing in the problem */
    bool rounded; /* u*v=whole-back=w */
    int u, v, w, whole, back;
    int so; /* PRODUCT_TOTAL: w before the digits below */
};

/* Draws a problem that has each of so many unknowns once, as a factor or as a digit of one. */
int lace_product_draw(struct lace_product *p, bool equation, int digits, const char *unknown, const int *value,
                      int count, struct lace_rng *rng, struct lace_error *err);
/* The letters that such a problem gives to its own numbers (bits). */
uint32_t lace_product_letters(bool equation, int digits);
/* Distractions avoid the letters of `used` (bits). */
void lace_product_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng,
                         struct lace_text *out);
/* value (26) has that of every letter that may be an unknown, and -1 for others; NULL: none may. */
int lace_product_parse(void *problem, const char *prompt, const int *value, struct lace_error *err);
/* Makes the facts of a problem that has everything else. */
void lace_product_settle(struct lace_product *p);
/* The line of a fact whose operands have these values. */
void lace_product_compute(const struct lace_product *p, int fact, const int values[2], bool rounded,
                          struct lace_product_line *line);
/* What is read from a line: its result, or the total. */
int lace_product_value(const struct lace_product *p, const struct lace_product_line *line);
int lace_product_write_line(const struct lace_product *p, const struct lace_product_line *line, char *text);
bool lace_product_read_line(const struct lace_product *p, const char *text, struct lace_product_line *line);
/* 0: right; otherwise what is wrong with the line: */
enum {
    PRODUCT_WRONG_LOOKUP = 1,
    PRODUCT_WRONG_ROUNDING,
    PRODUCT_WRONG_PRODUCT,
    PRODUCT_WRONG_SUM,
    PRODUCT_WRONG_TOTAL
};
int lace_product_judge(const struct lace_product *p, const struct lace_product_line *line, bool *misled);
/* The fact of a line of lace_product_work as numbers. */
void lace_product_line_of(const struct lace_work_line *in, struct lace_product_line *line);
/* The fact of a move, which may be written in two ways. */
static inline int lace_product_fact_of(int move) { return move % PRODUCT_FACTS; }
extern const struct lace_work lace_product_work;
#endif
