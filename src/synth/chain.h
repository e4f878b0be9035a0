/* The family `chain`: the value of a letter, through definitions, modulo p.
 *   Find k (mod 13): c=5, f=c+3, k=c*f.
 * A definition stands behind those that it needs, with ambiguity 2 anywhere. The definitions that lead to the asked letter are a graph much wider than deep, so that threads can work on different
 * branches. A line evaluates one of them, its operands copied:
 *   f=c+3=5+3, f=8.
 * In words a letter is the initial of somebody who has so many coins; lines keep the letters. A second definition of a
 * letter says the same as the first and is not part of the problem, nor is what does not lead to the asked letter.
 * chain.c makes, writes and reads problems; chain_work.c says which lines lead to the answer. */
#ifndef LACE_CHAIN_H
#define LACE_CHAIN_H
#include "synth/work.h"

enum { CHAIN_DEFINITIONS = 40, CHAIN_STRATEGIES = 3 };

/* name = left op right; op 0: name = left. A letter of 0 stands for the number beside it. */
struct lace_chain_definition {
    char name, op, letter[2];
    int number[2];
};

struct lace_chain {
    int modulus, count;
    int outside; /* so many of the definitions, the last ones, are not in the prompt: letters that joints find elsewhere */
    char asked;
    struct lace_chain_definition def[CHAIN_DEFINITIONS];
    /* what follows from these; letters are counted from a */
    short first[26];          /* the letter's first definition, -1: none */
    bool needed[26];          /* it leads to the asked one */
    int value[26], depth[26]; /* of needed letters; depth 0: asked */
    short rank[CHAIN_STRATEGIES][CHAIN_DEFINITIONS];
};

int lace_chain_compute(int modulus, char op, int left, int right);
/* A definition in letters, `f=c+3`, or in words, `Fay has Cy plus 3` (scan.h). */
char *lace_chain_put_definition(char *at, const struct lace_chain_definition *d, bool words);
const char *lace_chain_get_definition(const char *at, bool words, struct lace_chain_definition *d);

/* Draws a problem of `nodes` definitions to evaluate, whose letters avoid those of `used` (bits). */
int lace_chain_draw_nodes(struct lace_chain *p, int nodes, uint32_t used, const struct lace_data_knobs *knobs,
                          struct lace_rng *rng, struct lace_error *err);
/* Puts letters from outside into operands that are given, each in a place of its own; false: there are too few. */
bool lace_chain_borrow(struct lace_chain *p, const char *letter, const int *value, int count, struct lace_rng *rng);
/* The letter's value is found outside. */
bool lace_chain_outside(const struct lace_chain *p, int letter);
/* Distractions avoid the letters of `used`. */
void lace_chain_put_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng,
                           struct lace_text *out);
/* The letter's value is written in the prompt. */
bool lace_chain_given(const struct lace_chain *p, int letter);
/* As numbers() below; id (26) becomes the place of each letter in them, from 1, and is 0 for all others. */
int lace_chain_walk(const struct lace_chain *p, uint8_t *id, uint8_t *numbers);
/* value (26) has that of every letter that is found outside, and -1 for others; NULL: there are none. */
int lace_chain_parse_with(void *problem, const char *prompt, const int *value, struct lace_error *err);

/* As in struct lace_work: */
int lace_chain_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err);
int lace_chain_numbers(const void *problem, uint8_t *numbers);
void lace_chain_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out);
int lace_chain_parse(void *problem, const char *prompt, struct lace_error *err);
extern const struct lace_work lace_chain_work;
#endif
