/* The family `knights`: knights say what is true, knaves what is false; who is what?
 *   Knights are honest, knaves lie: a says b lies, b says a like c, c says a honest; d says f unlike b, e says d like f,
 *   f says e lies. Who of d, e, f are knights?
 * Everybody says one thing about one or two others: that one lies or is honest, that two are alike or unlike. Groups
 * are parted by semicolons and hang together by single statements. In a group nothing follows before somebody is
 * assumed to be a knight or a knave; each line then draws one conclusion, and the statement that is left over agrees
 * or makes the case dead, which settles the other one. In lines a capital letter is a knight, a small one a knave:
 *   Abc| c says A honest: A, so C, dead.
 * The first letter is the assumption, the next ones are what followed, the last one may be of another group. Behind the
 * colon stands what the statement claims of one person, then what this makes of the one in question. Statement, claim
 * and conclusion in one step would be a parity of three bits, which small models hardly learn.
 * knights.c draws, writes and reads problems; knights_work.c has the moves and their lines. */
#ifndef LACE_KNIGHTS_H
#define LACE_KNIGHTS_H
#include "synth/work.h"

enum { KNIGHTS_GROUPS = 9, KNIGHTS_SIZE = 4, KNIGHTS_HARDEST = 6 };
/* The lowest bit: the speaker is what the one is, or what both are alike. */
enum lace_knights_kind { KNIGHTS_LIES, KNIGHTS_HONEST, KNIGHTS_UNLIKE, KNIGHTS_LIKE };

struct lace_knights_statement {
    enum lace_knights_kind kind;
    char about[2]; /* the second one 0 with KNIGHTS_LIES and KNIGHTS_HONEST */
};
struct lace_knights_group {
    int size;
    char person[KNIGHTS_SIZE]; /* in alphabetical order */
    struct lace_knights_statement says[KNIGHTS_SIZE];
};
/* A case of a group: who is assumed, and in which order which statements give whom; the last statement is left over
 * and judges its speaker. */
struct lace_knights_plan {
    bool works;
    /* indices in the group; person[0] is assumed, person[j + 1] given by [j] */
    char statement[KNIGHTS_SIZE], person[KNIGHTS_SIZE + 1];
};

struct lace_knights {
    int groups, asked;
    struct lace_knights_group group[KNIGHTS_GROUPS];
    /* what follows */
    signed char home[26], place[26];                  /* the group of a letter, -1: none; its index there */
    struct lace_knights_plan plan[KNIGHTS_GROUPS][2]; /* the first person is assumed, or the last one */
    bool needed[KNIGHTS_GROUPS], truth[26];
};

static inline int lace_knights_letter(char c) { return c - 'a'; }

/* The index of a letter in a group; -1: it is of another one, or 0. */
static inline int lace_knights_place(const struct lace_knights *p, int g, char c)
{
    return c && p->home[lace_knights_letter(c)] == g ? p->place[lace_knights_letter(c)] : -1;
}

/* The member of a statement that is of another group; 0: none. */
static inline char lace_knights_outsider(const struct lace_knights *p, int g, const struct lace_knights_statement *s)
{
    for (int i = 0; i < 2; i++)
        if (s->about[i] && p->home[lace_knights_letter(s->about[i])] != g) return s->about[i];
    return 0;
}

/* Whom the claim of a statement is about, where it is to settle `whom`: him, or, of the speaker, the first it names. */
static inline char lace_knights_subject(const struct lace_knights_statement *s, char whom)
{
    return s->about[1] == whom ? whom : s->about[0];
}

/* Whether a statement claims that its subject is a knight, given the other one it names; knight: a bit for each letter. */
bool lace_knights_claim(const struct lace_knights_statement *s, char subject, uint32_t knight);
/* Whether `whom` is a knight if the speaker, or else the subject, is what `knight` says. */
bool lace_knights_conclude(const struct lace_knights_statement *s, char speaker, char whom, bool claim,
                           uint32_t knight);
/* Follows a case through its plan; knight holds the truth of other groups. Returns whether it agrees. */
bool lace_knights_follow(const struct lace_knights *p, int g, const struct lace_knights_plan *plan, bool assumed,
                         uint32_t *knight);
/* Who is a knight, a bit for each letter. */
uint32_t lace_knights_truth(const struct lace_knights *p);
/* The knights of a group as an answer. */
void lace_knights_put_answer(const struct lace_knights_group *group, uint32_t knight, char *at);
/* Writes a statement as lines have it, those of `knight` in capitals, and reads it (NULL: none is there); both return
 * where they ended. */
char *lace_knights_put(char *at, char speaker, const struct lace_knights_statement *s, uint32_t knight);
const char *lace_knights_get(const char *at, char *speaker, struct lace_knights_statement *s, uint32_t *knight);
/* A letter as lines have it. */
static inline char lace_knights_as(char c, bool knight) { return knight ? (char)(c - 'a' + 'A') : c; }
const char *lace_knights_get_as(const char *at, char *c, bool *knight);

/* The parts of struct lace_work that know problems, not lines. */
int lace_knights_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err);
int lace_knights_numbers(const void *problem, uint8_t *out);
void lace_knights_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out);
int lace_knights_parse(void *problem, const char *text, struct lace_error *err);
void lace_knights_solution(const void *problem, char *answer);
bool lace_knights_accepts(const void *problem, const char *answer);
#endif
