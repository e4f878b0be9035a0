/* The family `chain`: the value of a letter, through definitions in any order, modulo p.
 *   Find k (mod 13): f=c+3, k=c*f, c=5.
 * The definitions that lead to the asked letter are a graph much wider than deep, so that threads can work on different
 * branches. A line evaluates one of them, its operands copied:
 *   f=c+3=5+3, f=8.
 * In words a letter is the initial of somebody who has so many coins; lines keep the letters. A second definition of a
 * letter says the same as the first and is not part of the problem, nor is what does not lead to the asked letter. */
#include "synth/scan.h"
#include "synth/work.h"
#include <stdlib.h>
#include <string.h>

enum { DEFINITIONS = 40, MODULUS = 97, HARDEST = 8, STRATEGIES = 3 };
enum { RIGHT, LOOKUP, WRONG_SUM, WRONG_DIFFERENCE, WRONG_PRODUCT };

/* name = left op right; op 0: name = left. A letter of 0 stands for the number beside it. */
struct definition {
    char name, op, letter[2];
    int number[2];
};

struct chain {
    int modulus, count;
    char asked;
    struct definition def[DEFINITIONS];
    /* what follows from these; letters are counted from a */
    short first[26];                      /* the letter's first definition, -1: none */
    bool needed[26];                      /* it leads to the asked one */
    int value[26], height[26], depth[26]; /* of needed letters; height 0: given, depth 0: asked */
    short rank[STRATEGIES][DEFINITIONS];
};

static const char *const names[26] = {"Ann", "Bob", "Cy",  "Dan", "Eve", "Fay", "Gus", "Hal",  "Ida",
                                      "Jim", "Kim", "Leo", "Max", "Ned", "Ora", "Pam", "Quin", "Ray",
                                      "Sue", "Tom", "Uma", "Vic", "Wes", "Xia", "Yan", "Zoe"};
/* $u: the asked letter; $p: the modulus; $d: the definitions. The last ones are in words. */
static const char *const wordings[] = {
    "Find $u (mod $p): $d.",
    "Mod $p: $d. What is $u?",
    "$d (mod $p). Give $u.",
    "Coins are counted mod $p. $d. How many has $u?",
    "How many coins has $u, counted mod $p? $d.",
};
enum { WORDINGS = sizeof wordings / sizeof *wordings, IN_WORDS = 3 };

static int compute(int modulus, char op, int left, int right)
{
    if (op == '+') return (left + right) % modulus;
    if (op == '-') return ((left - right) % modulus + modulus) % modulus;
    return left * right % modulus;
}

/* ---- what follows from the definitions ---- */

/* Evaluates a letter and all that it needs; false: a circle or a letter without a definition, left in *culprit. */
static bool evaluate(struct chain *p, int letter, int depth, signed char *state, char *culprit)
{
    *culprit = (char)('a' + letter);
    if (depth > p->depth[letter]) p->depth[letter] = depth;
    if (state[letter] == 1 || p->first[letter] < 0) return false;
    const struct definition *d = &p->def[p->first[letter]];
    int operand[2] = {d->number[0], d->number[1]}, height = 0;
    bool again = state[letter] == 2;
    state[letter] = 1;
    for (int i = 0; i < (d->op ? 2 : 1); i++) {
        if (!d->letter[i]) continue;
        int other = d->letter[i] - 'a';
        /* A letter that was evaluated is gone through again only where it now lies deeper. */
        if ((state[other] != 2 || p->depth[other] <= depth) && !evaluate(p, other, depth + 1, state, culprit))
            return false;
        operand[i] = p->value[other];
        if (p->height[other] > height) height = p->height[other];
    }
    state[letter] = 2;
    if (again) return true;
    p->needed[letter] = true;
    p->value[letter] = d->op ? compute(p->modulus, d->op, operand[0], operand[1]) : operand[0];
    p->height[letter] = d->op ? height + 1 : 0;
    return true;
}

static void post_order(const struct chain *p, int letter, bool *seen, short *rank, short *next)
{
    if (seen[letter]) return;
    seen[letter] = true;
    const struct definition *d = &p->def[p->first[letter]];
    for (int i = 0; i < 2; i++)
        if (d->letter[i]) post_order(p, d->letter[i] - 'a', seen, rank, next);
    rank[p->first[letter]] = (*next)++;
}

/* forward: from what is given, level by level; backward: what lies deepest below the question first; branch: one branch
 * below the question after the other. */
static void fill_ranks(struct chain *p)
{
    short at[STRATEGIES] = {0};
    bool seen[26] = {false};
    memset(p->rank, 0, sizeof p->rank);
    for (int level = 0; level < 26; level++)
        for (int i = 0; i < p->count; i++) {
            int letter = p->def[i].name - 'a';
            if (!p->needed[letter] || p->first[letter] != i) continue;
            if (p->height[letter] == level) p->rank[0][i] = at[0]++;
            if (p->depth[letter] == 25 - level) p->rank[1][i] = at[1]++;
        }
    post_order(p, p->asked - 'a', seen, p->rank[2], &at[2]);
}

/* Fills what follows; false: the letter in *culprit is at fault. */
static bool finish(struct chain *p, char *culprit)
{
    signed char state[26] = {0};
    for (int i = 0; i < 26; i++) {
        p->first[i] = -1;
        p->needed[i] = false;
        p->value[i] = p->height[i] = p->depth[i] = 0;
    }
    for (int i = p->count; i-- > 0;) p->first[p->def[i].name - 'a'] = (short)i;
    if (!evaluate(p, p->asked - 'a', 0, state, culprit)) return false;
    fill_ranks(p);
    return true;
}

/* ---- drawing ---- */

static int modulus_of(const struct lace_data_knobs *knobs, struct lace_rng *rng, int *modulus, struct lace_error *err)
{
    static const int by_default[] = {11, 13};
    int count = knobs->modulus_count ? knobs->modulus_count : 2;
    *modulus = (knobs->modulus_count ? knobs->moduli : by_default)[lace_rng_below(rng, (uint32_t)count)];
    if (*modulus >= 5 && *modulus <= MODULUS) return 0;
    return lace_fail(err, LACE_BAD, "The modulus %d of a chain must lie within 5:%d.", *modulus, MODULUS);
}

static char draw_op(struct lace_rng *rng) { return "+-*"[lace_rng_below(rng, 3)]; }

/* A tree of `nodes` definitions grows downward, each below the shallower of two that have room; slots that stay free
 * get a given letter, a number, or a definition that lies deeper, which makes the tree a graph. */
static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct chain *p = problem;
    int nodes = 2 + 2 * knobs->difficulty.low, given = 2 + nodes / 5, depth[DEFINITIONS] = {0}, letters[26];
    char culprit;
    p->count = nodes + given;
    int code = modulus_of(knobs, rng, &p->modulus, err);
    if (code) return code;
    for (int i = 0; i < 26; i++) letters[i] = 'a' + i;
    lace_rng_shuffle(rng, letters, 26);
    int used[DEFINITIONS] = {0}; /* slots of a node that are taken by other nodes */
    for (int i = 0; i < p->count; i++) p->def[i] = (struct definition){.name = (char)letters[i]};
    for (int i = 1; i < nodes; i++) {
        int above = -1;
        for (int tries = 0; tries < 2 || above < 0; tries++) {
            int other = (int)lace_rng_below(rng, (uint32_t)i);
            if (used[other] < 2 && (above < 0 || depth[other] < depth[above])) above = other;
        }
        p->def[above].letter[used[above]++] = p->def[i].name;
        depth[i] = depth[above] + 1;
    }
    int next = 0; /* each given letter is used once before any is used again */
    for (int i = 0; i < nodes; i++) {
        struct definition *d = &p->def[i];
        d->op = draw_op(rng);
        for (int slot = used[i]; slot < 2; slot++) {
            int kind = (int)lace_rng_below(rng, 4), other = (int)lace_rng_below(rng, (uint32_t)nodes);
            if (kind == 0 && depth[other] > depth[i] && d->letter[0] != p->def[other].name)
                d->letter[slot] = p->def[other].name;
            else if (kind == 1 && slot == 1) d->number[1] = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2);
            else d->letter[slot] = p->def[nodes + next++ % given].name;
        }
        if (lace_rng_below(rng, 2) && d->letter[1]) {
            char t = d->letter[0];
            d->letter[0] = d->letter[1];
            d->letter[1] = t;
        }
    }
    for (int i = nodes; i < p->count; i++) p->def[i].number[0] = (int)lace_rng_below(rng, (uint32_t)p->modulus);
    if (next < given) p->count = nodes + (next ? next : 1);
    p->asked = p->def[0].name;
    for (int i = p->count - 1; i > 0; i--) {
        int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
        struct definition t = p->def[i];
        p->def[i] = p->def[j];
        p->def[j] = t;
    }
    finish(p, &culprit);
    return 0;
}

static void add_number(const struct chain *p, int letter, uint8_t *id, uint8_t *next, uint8_t *out, int *count)
{
    const struct definition *d = &p->def[p->first[letter]];
    id[letter] = ++*next;
    int at = *count;
    *count += 5; /* op, then kind and number of each operand */
    memset(out + at, 0, 5);
    out[at] = (uint8_t)d->op;
    for (int i = 0; i < (d->op ? 2 : 1); i++) {
        if (d->letter[i] && !id[d->letter[i] - 'a']) add_number(p, d->letter[i] - 'a', id, next, out, count);
        out[at + 1 + 2 * i] = d->letter[i] != 0;
        out[at + 2 + 2 * i] = d->letter[i] ? id[d->letter[i] - 'a'] : (uint8_t)d->number[i];
    }
}

/* The graph below the asked letter, its letters replaced by the order of a walk through it. */
static int numbers(const void *problem, uint8_t *out)
{
    const struct chain *p = problem;
    uint8_t id[26] = {0}, next = 0;
    int count = 1;
    out[0] = (uint8_t)p->modulus;
    add_number(p, p->asked - 'a', id, &next, out, &count);
    return count;
}

/* ---- writing ---- */

static char *put_operand(char *at, const struct definition *d, int i, bool words)
{
    if (!d->letter[i]) return lace_put_number(at, d->number[i]);
    if (words) return lace_put_text(at, names[d->letter[i] - 'a']);
    *at++ = d->letter[i];
    return at;
}

static char *put_definition(char *at, const struct definition *d, bool words)
{
    if (words) at = lace_put_text(lace_put_text(at, names[d->name - 'a']), " has ");
    else *at++ = d->name, *at++ = '=';
    at = put_operand(at, d, 0, words);
    if (!d->op) return at;
    if (words) at = lace_put_text(at, d->op == '+' ? " plus " : d->op == '-' ? " minus " : " times ");
    else *at++ = d->op;
    return put_operand(at, d, 1, words);
}

/* Puts a definition at a random place of the list from `from` on. */
static void insert(struct definition *list, int *count, int from, struct definition d, struct lace_rng *rng)
{
    int at = from + (int)lace_rng_below(rng, (uint32_t)(*count - from) + 1);
    memmove(&list[at + 1], &list[at], (size_t)(*count - at) * sizeof *list);
    list[at] = d;
    ++*count;
}

/* One or two definitions of letters that lead nowhere, and a second one of a letter that counts. */
static void distract(const struct chain *p, struct definition *list, int *count, struct lace_rng *rng)
{
    for (int i = 1 + (int)lace_rng_below(rng, 2), tries = 0; i > 0 && tries < 50; tries++) {
        struct definition d = {.name = (char)('a' + lace_rng_below(rng, 26)), .op = draw_op(rng)};
        bool there = false;
        for (int k = 0; k < *count; k++) there |= list[k].name == d.name;
        if (there) continue;
        d.letter[0] = p->def[lace_rng_below(rng, (uint32_t)p->count)].name;
        if (lace_rng_below(rng, 2)) d.letter[1] = p->def[lace_rng_below(rng, (uint32_t)p->count)].name;
        else d.number[1] = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2);
        insert(list, count, 0, d, rng);
        i--;
    }
    const struct definition *known = &p->def[lace_rng_below(rng, (uint32_t)p->count)],
                            *from = &p->def[lace_rng_below(rng, (uint32_t)p->count)];
    if (known == from) return;
    int difference = compute(p->modulus, '-', p->value[known->name - 'a'], p->value[from->name - 'a']), after = 0;
    while (list[after].name != known->name) after++;
    insert(list, count, after + 1,
           (struct definition){.name = known->name, .op = '+', .letter = {from->name}, .number = {0, difference}}, rng);
}

static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    const struct chain *p = problem;
    struct definition list[DEFINITIONS + 3];
    int count = p->count, wording = 0;
    memcpy(list, p->def, sizeof p->def);
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, WORDINGS - 1);
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        distract(p, list, &count, rng);
    }
    bool words = wording >= IN_WORDS;
    char text[128 + 32 * (DEFINITIONS + 3)], *at = text;
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 'p') at = lace_put_number(at, p->modulus);
        else if (*w == 'u' && words) at = lace_put_text(at, names[p->asked - 'a']);
        else if (*w == 'u') *at++ = p->asked;
        else
            for (int i = 0; i < count; i++) {
                if (i) at = lace_put_text(at, ", ");
                at = put_definition(at, &list[i], words);
            }
    }
    lace_text_add(out, text, (size_t)(at - text));
}

/* ---- reading ---- */

/* A letter, or somebody's name. */
static const char *get_name(const char *at, bool words, char *out)
{
    if (!words) return lace_get_letter(at, out);
    for (int i = 0; i < 26 && at; i++) {
        const char *end = lace_get_text(at, names[i]);
        if (!end) continue;
        *out = (char)('a' + i);
        return end;
    }
    return NULL;
}

static const char *get_operand(const char *at, bool words, struct definition *d, int i)
{
    const char *end = lace_get_number(at, 2, &d->number[i]);
    return end ? end : get_name(at, words, &d->letter[i]);
}

static const char *get_definition(const char *at, bool words, struct definition *d)
{
    static const char *const ops[2][3] = {{"+", "-", "*"}, {" plus", " minus", " times"}};
    *d = (struct definition){0};
    at = get_operand(lace_get_text(get_name(at, words, &d->name), words ? " has" : "="), words, d, 0);
    for (int i = 0; at && i < 3; i++) {
        const char *end = lace_get_text(at, ops[words][i]);
        if (!end) continue;
        d->op = "+-*"[i];
        return get_operand(end, words, d, 1);
    }
    return at;
}

static const char *get_definitions(const char *at, bool words, struct chain *p)
{
    for (p->count = 0; at; at = lace_get_text(at, ",")) {
        if (p->count == DEFINITIONS) return NULL;
        at = get_definition(at, words, &p->def[p->count++]);
        if (!at || !lace_get_text(at, ",")) return at;
    }
    return NULL;
}

static bool read_wording(int wording, const char *at, struct chain *p)
{
    bool words = wording >= IN_WORDS;
    for (const char *w = wordings[wording]; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (!w[1] && !*lace_skip_space(at)) return true; /* a missing last stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 'u') at = get_name(at, words, &p->asked);
        else if (*w == 'p') at = lace_get_number(at, 2, &p->modulus);
        else at = get_definitions(at, words, p);
    }
    return at && !*lace_skip_space(at);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    struct chain *p = problem;
    bool read = false;
    char culprit;
    for (int i = 0; i < WORDINGS && !read; i++) {
        *p = (struct chain){0};
        read = read_wording(i, text, p);
    }
    if (!read)
        return lace_fail(err, LACE_BAD,
                         "The prompt is not a chain problem; one reads `Find k (mod 13): f=c+3, k=c*f, c=5.`.");
    if (p->modulus < 2 || p->modulus > MODULUS)
        return lace_fail(err, LACE_BAD, "The modulus %d must lie within 2:%d.", p->modulus, MODULUS);
    for (int i = 0; i < p->count; i++)
        for (int k = 0; k < 2; k++)
            if (p->def[i].number[k] >= p->modulus)
                return lace_fail(err, LACE_BAD, "The number %d is not below the modulus %d.", p->def[i].number[k],
                                 p->modulus);
    if (!finish(p, &culprit))
        return lace_fail(err, LACE_BAD,
                         p->first[culprit - 'a'] < 0 ? "The letter %c has no definition; add one."
                                                     : "The definition of %c leads in a circle.",
                         culprit);
    for (int i = 0; i < p->count; i++) {
        const struct definition *d = &p->def[i];
        int operand[2] = {d->number[0], d->number[1]};
        bool known = p->needed[d->name - 'a'] && p->first[d->name - 'a'] != i;
        for (int k = 0; k < 2 && known; k++)
            if (d->letter[k] && !p->needed[d->letter[k] - 'a']) known = false;
            else if (d->letter[k]) operand[k] = p->value[d->letter[k] - 'a'];
        int value = d->op ? compute(p->modulus, d->op, operand[0], operand[1]) : operand[0];
        if (known && value != p->value[d->name - 'a'])
            return lace_fail(err, LACE_BAD, "The letter %c has two definitions that do not agree; leave one.", d->name);
    }
    return 0;
}

static void solution(const void *problem, char *answer)
{
    const struct chain *p = problem;
    *lace_put_number(answer, p->value[p->asked - 'a']) = 0;
}

static bool accepts(const void *problem, const char *answer)
{
    const struct chain *p = problem;
    int value;
    const char *end = lace_get_number(answer, 2, &value);
    return end && !*lace_skip_space(end) && value == p->value[p->asked - 'a'];
}

static int meta(const void *problem, json_t *meta)
{
    return json_object_set_new(meta, "modulus", json_integer(((const struct chain *)problem)->modulus));
}

/* ---- moves: definitions ---- */

static int moves(const void *problem) { return ((const struct chain *)problem)->count; }

static int rank(const void *problem, int strategy, int move)
{
    return ((const struct chain *)problem)->rank[strategy - 1][move];
}

static bool given(const struct chain *p, int letter)
{
    return !p->def[p->first[letter]].op && !p->def[p->first[letter]].letter[0];
}

static int useful(const void *problem, int strategy, lace_work_known known, short *list)
{
    const struct chain *p = problem;
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        const struct definition *d = &p->def[i];
        int letter = d->name - 'a';
        if (known[i] || !p->needed[letter] || p->first[letter] != i || given(p, letter)) continue;
        bool ready = true;
        for (int k = 0; k < 2; k++)
            if (d->letter[k] && !given(p, d->letter[k] - 'a') && !known[p->first[d->letter[k] - 'a']]) ready = false;
        if (ready) list[count++] = (short)i;
    }
    return count;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line)
{
    const struct chain *p = problem;
    const struct definition *d = &p->def[move];
    int uses = 0;
    for (int k = 0; k < 2; k++) {
        line->part[k] = d->number[k];
        if (!d->letter[k]) continue;
        int other = d->letter[k] - 'a', first = p->first[other];
        if (given(p, other)) line->part[k] = p->value[other];
        else line->part[k] = known[first]->value, line->uses[uses++] = (short)first;
    }
    line->value = line->part[2] = d->op ? compute(p->modulus, d->op, line->part[0], line->part[1]) : line->part[0];
    line->find = d->name == p->asked;
    line->yes = true;
}

/* A slip: one too many or too few, or another operation than the one that is written. */
static bool falsify(const void *problem, struct lace_work_line *line, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct chain *p = problem;
    const struct definition *d = &p->def[line->move];
    if (kind != LACE_FALSE_FORGE || !d->op) return false;
    int slips[5] = {line->value + 1, line->value - 1 + p->modulus, line->part[0] + line->part[1],
                    line->part[0] - line->part[1] + p->modulus, line->part[0] * line->part[1]};
    for (int start = (int)lace_rng_below(rng, 5), i = 0; i < 5; i++) {
        int slip = slips[(start + i) % 5] % p->modulus;
        if (slip == line->value) continue;
        line->value = line->part[2] = slip;
        return true;
    }
    return false;
}

/* The definition as the prompt has it, its operands copied, and the value beside its letter, where whoever needs it looks
 * as for one that is given: tokens that a small model only has to copy are cheaper than those that it has to find. */
static int write(const void *problem, const struct lace_work_line *line, char *text)
{
    const struct definition *d = &((const struct chain *)problem)->def[line->move];
    char *at = put_definition(text, d, false);
    *at++ = '=';
    at = lace_put_number(at, line->part[0]);
    if (d->op) {
        *at++ = d->op;
        at = lace_put_number(at, line->part[1]);
    }
    at = lace_put_text(at, ", ");
    *at++ = d->name;
    *at++ = '=';
    at = lace_put_text(lace_put_number(at, line->part[2]), ".\n");
    *at = 0;
    return (int)(at - text);
}

static bool answer(const void *problem, lace_work_known known, char *text)
{
    const struct chain *p = problem;
    int first = p->first[p->asked - 'a'];
    if (!known[first]) return false;
    *lace_put_number(text, known[first]->value) = 0;
    return true;
}

static bool same(const struct definition *a, const struct definition *b)
{
    if (a->name != b->name || a->op != b->op) return false;
    for (int k = 0; k < 2; k++)
        if (a->letter[k] != b->letter[k] || a->number[k] != b->number[k]) return false;
    return true;
}

static bool read(const void *problem, const char *text, struct lace_work_line *line)
{
    const struct chain *p = problem;
    struct definition d;
    char again = 0;
    const char *at = lace_get_number(lace_get_text(get_definition(text, false, &d), "="), 2, &line->part[0]);
    if (at && d.op) {
        char op[2] = {d.op, 0};
        at = lace_get_number(lace_get_text(at, op), 2, &line->part[1]);
    }
    at = lace_get_letter(lace_get_text(at, ","), &again);
    at = lace_get_number(lace_get_text(at, "="), 2, &line->part[2]);
    at = lace_get_text(at, ".");
    if (!at || *lace_skip_space(at)) return false;
    line->value = line->part[2];
    line->yes = true;
    for (int i = 0; i < p->count; i++)
        if (again == d.name && same(&d, &p->def[i])) line->move = (short)i;
    for (int k = 0, uses = 0; k < 2 && line->move >= 0; k++)
        if (d.letter[k] && p->first[d.letter[k] - 'a'] >= 0 && !given(p, d.letter[k] - 'a'))
            line->uses[uses++] = p->first[d.letter[k] - 'a'];
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    const struct chain *p = problem;
    const struct definition *d = &p->def[line->move];
    out->believed = true;
    out->result = RIGHT;
    for (int k = 0; k < (d->op ? 2 : 1); k++) {
        int other = d->letter[k] - 'a', part = line->part[k];
        if (part >= p->modulus) out->result = LOOKUP;
        else if (!d->letter[k]) out->result = part == d->number[k] ? out->result : LOOKUP;
        else if (p->first[other] < 0) out->result = LOOKUP;
        else if (given(p, other)) out->result = part == p->def[p->first[other]].number[0] ? out->result : LOOKUP;
        else if (!p->needed[other] || part != p->value[other]) out->misled = true;
    }
    if (out->result || !d->op) return;
    if (line->value != compute(p->modulus, d->op, line->part[0], line->part[1]))
        out->result = d->op == '+' ? WRONG_SUM : d->op == '-' ? WRONG_DIFFERENCE : WRONG_PRODUCT;
}

/* A second definition of a letter is about the same. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct chain *p = problem;
    const struct definition *d = &p->def[line->move];
    char letter = p->def[lie->move].name;
    if (d->name == letter) return lace_stance_of(line->value == lie->value, line->value != lie->value);
    for (int k = 0; k < 2; k++)
        if (d->letter[k] == letter)
            return lace_stance_of(line->part[k] == lie->value,
                                  p->needed[letter - 'a'] && line->part[k] == p->value[letter - 'a']);
    return LACE_STANCE_NONE;
}

/* ---- the family ---- */

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high, nodes = 2 + 2 * d;
    /* Two threads are held up by the number of definitions, more by the depth of their graph. The least numbers of
     * rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more. */
    int rounds = threads == 2 ? d + 4 : 4 + (d + 3) / 2 + (threads == 3);
    return threads == 1 || rounds > nodes ? nodes : rounds;
}

static const struct lace_work work = {
    .bytes = sizeof(struct chain),
    .ranked = STRATEGIES,
    .draw = draw,
    .numbers = numbers,
    .prompt = prompt,
    .parse = parse,
    .solution = solution,
    .accepts = accepts,
    .meta = meta,
    .moves = moves,
    .ranks = moves,
    .rank = rank,
    .useful = useful,
    .perform = perform,
    .falsify = falsify,
    .write = write,
    .answer = answer,
    .read = read,
    .judge = judge,
    .stance = stance,
    .lookup = LOOKUP,
};

static const char *const strategies[] = {"forward", "backward", "branch", "random", NULL};
static const char *const errors[] = {"right", "lookup error", "wrong sum", "wrong difference", "wrong product", NULL};

const struct lace_family lace_family_chain = {
    .name = "chain",
    .summary = "the value of a letter through definitions in any order, modulo a prime",
    .easiest = 1,
    .hardest = HARDEST,
    .trained_low = 1,
    .trained_high = 4,
    .uses_moduli = true,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    LACE_WORK_FAMILY,
    .budget = budget,
};
