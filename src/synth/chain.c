/* Problems of the family `chain`: what follows from the definitions, drawing, writing and reading them. One table of
 * wordings drives both the writer and the reader, so neither can know one more. */
#include "synth/chain.h"
#include "synth/scan.h"
#include <assert.h>
#include <string.h>

enum { MODULUS = 97 };

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

int lace_chain_compute(int modulus, char op, int left, int right)
{
    if (op == '+') return (left + right) % modulus;
    if (op == '-') return ((left - right) % modulus + modulus) % modulus;
    return left * right % modulus;
}

/* ---- what follows from the definitions ---- */

/* Evaluates a letter and all that it needs; false: a circle or a letter without a definition, left in *culprit. */
static bool evaluate(struct lace_chain *p, int letter, int depth, signed char *state, char *culprit)
{
    *culprit = (char)('a' + letter);
    if (depth > p->depth[letter]) p->depth[letter] = depth;
    if (state[letter] == 1 || p->first[letter] < 0) return false;
    const struct lace_chain_definition *d = &p->def[p->first[letter]];
    int operand[2] = {d->number[0], d->number[1]};
    bool again = state[letter] == 2;
    state[letter] = 1;
    for (int i = 0; i < (d->op ? 2 : 1); i++) {
        if (!d->letter[i]) continue;
        int other = d->letter[i] - 'a';
        /* A letter that was evaluated is gone through again only where it now lies deeper. */
        if ((state[other] != 2 || p->depth[other] <= depth) && !evaluate(p, other, depth + 1, state, culprit))
            return false;
        operand[i] = p->value[other];
    }
    state[letter] = 2;
    if (again) return true;
    p->needed[letter] = true;
    p->value[letter] = d->op ? lace_chain_compute(p->modulus, d->op, operand[0], operand[1]) : operand[0];
    return true;
}

static void post_order(const struct lace_chain *p, int letter, bool *seen, short *rank, short *next)
{
    if (seen[letter]) return;
    seen[letter] = true;
    const struct lace_chain_definition *d = &p->def[p->first[letter]];
    for (int i = 0; i < 2; i++)
        if (d->letter[i]) post_order(p, d->letter[i] - 'a', seen, rank, next);
    rank[p->first[letter]] = (*next)++;
}

/* forward: in the order of the prompt; backward: what lies deepest below the question first; branch: one branch below the
 * question after the other. */
static void fill_ranks(struct lace_chain *p)
{
    short at[CHAIN_STRATEGIES] = {0};
    bool seen[26] = {false};
    memset(p->rank, 0, sizeof p->rank);
    for (int level = 0; level < 26; level++)
        for (int i = 0; i < p->count; i++) {
            int letter = p->def[i].name - 'a';
            if (!p->needed[letter] || p->first[letter] != i) continue;
            if (!level) p->rank[0][i] = at[0]++;
            if (p->depth[letter] == 25 - level) p->rank[1][i] = at[1]++;
        }
    post_order(p, p->asked - 'a', seen, p->rank[2], &at[2]);
}

/* Fills what follows; false: the letter in *culprit is at fault. */
static bool finish(struct lace_chain *p, char *culprit)
{
    signed char state[26] = {0};
    for (int i = 0; i < 26; i++) {
        p->first[i] = -1;
        p->needed[i] = false;
        p->value[i] = p->depth[i] = 0;
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

/* While a problem is drawn: its first `nodes` definitions are a graph, those behind them are given. */
struct drawing {
    int nodes, given;
    int depth[CHAIN_DEFINITIONS], used[CHAIN_DEFINITIONS]; /* of a node; its slots that are taken by other nodes */
};

/* A tree grows downward, each node below the shallower of two that have room. */
static void grow(struct lace_chain *p, struct drawing *g, struct lace_rng *rng)
{
    for (int i = 1; i < g->nodes; i++) {
        int above = -1;
        for (int tries = 0; tries < 2 || above < 0; tries++) {
            int other = (int)lace_rng_below(rng, (uint32_t)i);
            if (g->used[other] < 2 && (above < 0 || g->depth[other] < g->depth[above])) above = other;
        }
        p->def[above].letter[g->used[above]++] = p->def[i].name;
        g->depth[i] = g->depth[above] + 1;
    }
}

/* Slots that stayed free get a given letter, a number, or a node that lies deeper, which makes the tree a graph. */
static void fill_slots(struct lace_chain *p, const struct drawing *g, struct lace_rng *rng)
{
    int next = 0; /* each given letter is used once before any is used again */
    for (int i = 0; i < g->nodes; i++) {
        struct lace_chain_definition *d = &p->def[i];
        d->op = draw_op(rng);
        for (int slot = g->used[i]; slot < 2; slot++) {
            int kind = (int)lace_rng_below(rng, 4), other = (int)lace_rng_below(rng, (uint32_t)g->nodes);
            if (kind == 0 && g->depth[other] > g->depth[i] && d->letter[0] != p->def[other].name)
                d->letter[slot] = p->def[other].name;
            else if (kind == 1 && slot == 1) d->number[1] = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2);
            else d->letter[slot] = p->def[g->nodes + next++ % g->given].name;
        }
        if (lace_rng_below(rng, 2) && d->letter[1]) {
            char t = d->letter[0];
            d->letter[0] = d->letter[1];
            d->letter[1] = t;
        }
    }
    for (int i = g->nodes; i < p->count; i++) p->def[i].number[0] = (int)lace_rng_below(rng, (uint32_t)p->modulus);
    if (next < g->given) p->count = g->nodes + (next ? next : 1);
}

int lace_chain_draw_nodes(struct lace_chain *p, int nodes, uint32_t used, const struct lace_data_knobs *knobs,
                          struct lace_rng *rng, struct lace_error *err)
{
    int letters[26], left = 0;
    struct drawing drawing = {.nodes = nodes, .given = 2 + nodes / 5};
    char culprit;
    int code = modulus_of(knobs, rng, &p->modulus, err);
    if (code) return code;
    p->count = nodes + drawing.given;
    p->outside = 0;
    for (int i = 0; i < 26; i++) letters[i] = 'a' + i;
    lace_rng_shuffle(rng, letters, 26);
    for (int i = 0; i < 26; i++)
        if (!(used >> (letters[i] - 'a') & 1)) letters[left++] = letters[i];
    assert(left >= p->count);
    for (int i = 0; i < p->count; i++) p->def[i] = (struct lace_chain_definition){.name = (char)letters[i]};
    grow(p, &drawing, rng);
    fill_slots(p, &drawing, rng);
    p->asked = p->def[0].name;
    for (int i = p->count - 1; i > 0; i--) {
        int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
        struct lace_chain_definition t = p->def[i];
        p->def[i] = p->def[j];
        p->def[j] = t;
    }
    finish(p, &culprit);
    return 0;
}

bool lace_chain_outside(const struct lace_chain *p, int letter) { return p->first[letter] >= p->count - p->outside; }

/* Whether some definition has the letter as an operand. */
static bool stands(const struct lace_chain *p, char letter)
{
    for (int i = 0; i < p->count; i++)
        if (p->def[i].letter[0] == letter || p->def[i].letter[1] == letter) return true;
    return false;
}

/* A letter from outside is as good as given, by a definition behind all others. */
static bool add_outside(struct lace_chain *p, char letter, int value)
{
    if (p->count == CHAIN_DEFINITIONS) return false;
    p->def[p->count++] = (struct lace_chain_definition){.name = letter, .number = {value}};
    p->outside++;
    return true;
}

bool lace_chain_borrow(struct lace_chain *p, const char *letter, const int *value, int count, struct lace_rng *rng)
{
    int slot[2 * CHAIN_DEFINITIONS], slots = 0, kept = 0;
    char culprit;
    for (int i = 0; i < p->count; i++)
        for (int k = 0; k < 2 && p->def[i].op; k++) {
            char other = p->def[i].letter[k];
            if (!other || lace_chain_given(p, other - 'a')) slot[slots++] = 2 * i + k;
        }
    if (slots < count) return false;
    lace_rng_shuffle(rng, slot, slots);
    for (int n = 0; n < count; n++) {
        struct lace_chain_definition *d = &p->def[slot[n] / 2];
        d->letter[slot[n] % 2] = letter[n];
        d->number[slot[n] % 2] = 0;
    }
    for (int i = 0; i < p->count; i++) /* what is given and not needed any more is left out */
        if (p->def[i].op || stands(p, p->def[i].name)) p->def[kept++] = p->def[i];
    p->count = kept;
    for (int n = 0; n < count; n++)
        if (!add_outside(p, letter[n], value[n])) return false;
    return finish(p, &culprit);
}

int lace_chain_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    return lace_chain_draw_nodes(problem, 2 + 2 * knobs->difficulty.low, 0, knobs, rng, err);
}

static void add_number(const struct lace_chain *p, int letter, uint8_t *id, uint8_t *next, uint8_t *out, int *count)
{
    const struct lace_chain_definition *d = &p->def[p->first[letter]];
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
int lace_chain_walk(const struct lace_chain *p, uint8_t *id, uint8_t *out)
{
    uint8_t next = 0;
    int count = 1;
    memset(id, 0, 26);
    out[0] = (uint8_t)p->modulus;
    add_number(p, p->asked - 'a', id, &next, out, &count);
    return count;
}

int lace_chain_numbers(const void *problem, uint8_t *out)
{
    uint8_t id[26];
    return lace_chain_walk(problem, id, out);
}

/* ---- writing ---- */

static char *put_operand(char *at, const struct lace_chain_definition *d, int i, bool words)
{
    if (!d->letter[i]) return lace_put_number(at, d->number[i]);
    if (words) return lace_put_text(at, names[d->letter[i] - 'a']);
    *at++ = d->letter[i];
    return at;
}

char *lace_chain_put_definition(char *at, const struct lace_chain_definition *d, bool words)
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
static void insert(struct lace_chain_definition *list, int *count, int from, struct lace_chain_definition d,
                   struct lace_rng *rng)
{
    int at = from + (int)lace_rng_below(rng, (uint32_t)(*count - from) + 1);
    memmove(&list[at + 1], &list[at], (size_t)(*count - at) * sizeof *list);
    list[at] = d;
    ++*count;
}

/* One or two definitions of letters that lead nowhere, and a second one of a letter that counts. */
static void distract(const struct lace_chain *p, uint32_t used, struct lace_chain_definition *list, int *count,
                     struct lace_rng *rng)
{
    for (int i = 1 + (int)lace_rng_below(rng, 2), tries = 0; i > 0 && tries < 50; tries++) {
        struct lace_chain_definition d = {.name = (char)('a' + lace_rng_below(rng, 26)), .op = draw_op(rng)};
        bool there = used >> (d.name - 'a') & 1;
        for (int k = 0; k < *count; k++) there |= list[k].name == d.name;
        if (there) continue;
        d.letter[0] = p->def[lace_rng_below(rng, (uint32_t)p->count)].name;
        if (lace_rng_below(rng, 2)) d.letter[1] = p->def[lace_rng_below(rng, (uint32_t)p->count)].name;
        else d.number[1] = 2 + (int)lace_rng_below(rng, (uint32_t)p->modulus - 2);
        insert(list, count, 0, d, rng);
        i--;
    }
    const struct lace_chain_definition *known = &p->def[lace_rng_below(rng, (uint32_t)(p->count - p->outside))],
                                       *from = &p->def[lace_rng_below(rng, (uint32_t)p->count)];
    if (known == from) return;
    int difference = lace_chain_compute(p->modulus, '-', p->value[known->name - 'a'], p->value[from->name - 'a']),
        after = 0;
    while (list[after].name != known->name) after++;
    insert(list, count, after + 1,
           (struct lace_chain_definition){
               .name = known->name, .op = '+', .letter = {from->name}, .number = {0, difference}},
           rng);
}

/* In an order in which a definition stands behind those that it needs; what cannot stand so comes last. */
static void sort(const struct lace_chain *p, struct lace_chain_definition *list)
{
    bool placed[CHAIN_DEFINITIONS] = {false}, said[26] = {false};
    int count = p->count - p->outside;
    for (int i = count; i < p->count; i++) said[p->def[i].name - 'a'] = true;
    for (int n = 0, before = -1; n < count;) {
        bool stuck = n == before;
        before = n;
        for (int i = 0; i < count; i++) {
            const struct lace_chain_definition *d = &p->def[i];
            bool ready = true;
            for (int k = 0; k < 2; k++)
                if (d->letter[k] && !said[d->letter[k] - 'a']) ready = false;
            if (placed[i] || !(ready || stuck)) continue;
            placed[i] = said[d->name - 'a'] = true;
            list[n++] = *d;
        }
    }
}

void lace_chain_put_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng,
                           struct lace_text *out)
{
    const struct lace_chain *p = problem;
    struct lace_chain_definition list[CHAIN_DEFINITIONS + 3];
    int count = p->count - p->outside, wording = 0;
    memcpy(list, p->def, sizeof p->def);
    if (ambiguity < 2) sort(p, list);
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, WORDINGS - 1);
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        distract(p, used, list, &count, rng);
    }
    bool words = wording >= IN_WORDS;
    char text[128 + 32 * (CHAIN_DEFINITIONS + 3)], *at = text;
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 'p') at = lace_put_number(at, p->modulus);
        else if (*w == 'u' && words) at = lace_put_text(at, names[p->asked - 'a']);
        else if (*w == 'u') *at++ = p->asked;
        else
            for (int i = 0; i < count; i++) {
                if (i) at = lace_put_text(at, ", ");
                at = lace_chain_put_definition(at, &list[i], words);
            }
    }
    lace_text_add(out, text, (size_t)(at - text));
}

void lace_chain_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    lace_chain_put_prompt(problem, ambiguity, 0, rng, out);
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

static const char *get_operand(const char *at, bool words, struct lace_chain_definition *d, int i)
{
    const char *end = lace_get_number(at, 2, &d->number[i]);
    return end ? end : get_name(at, words, &d->letter[i]);
}

const char *lace_chain_get_definition(const char *at, bool words, struct lace_chain_definition *d)
{
    static const char *const ops[2][3] = {{"+", "-", "*"}, {" plus", " minus", " times"}};
    *d = (struct lace_chain_definition){0};
    at = get_operand(lace_get_text(get_name(at, words, &d->name), words ? " has" : "="), words, d, 0);
    for (int i = 0; at && i < 3; i++) {
        const char *end = lace_get_text(at, ops[words][i]);
        if (!end) continue;
        d->op = "+-*"[i];
        return get_operand(end, words, d, 1);
    }
    return at;
}

static const char *get_definitions(const char *at, bool words, struct lace_chain *p)
{
    for (p->count = 0; at; at = lace_get_text(at, ",")) {
        if (p->count == CHAIN_DEFINITIONS) return NULL;
        at = lace_chain_get_definition(at, words, &p->def[p->count++]);
        if (!at || !lace_get_text(at, ",")) return at;
    }
    return NULL;
}

static bool read_wording(int wording, const char *at, struct lace_chain *p)
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

/* A letter whose second definition, where its operands are known, says otherwise than the first; 0: none. */
static char second_opinion(const struct lace_chain *p)
{
    for (int i = 0; i < p->count; i++) {
        const struct lace_chain_definition *d = &p->def[i];
        int operand[2] = {d->number[0], d->number[1]}, letter = d->name - 'a';
        bool known = p->needed[letter] && p->first[letter] != i;
        for (int k = 0; k < 2 && known; k++)
            if (d->letter[k] && !p->needed[d->letter[k] - 'a']) known = false;
            else if (d->letter[k]) operand[k] = p->value[d->letter[k] - 'a'];
        int value = d->op ? lace_chain_compute(p->modulus, d->op, operand[0], operand[1]) : operand[0];
        if (known && value != p->value[letter]) return d->name;
    }
    return 0;
}

/* Letters that are nowhere defined, but have a value outside. */
static int bring_in(struct lace_chain *p, const int *value, struct lace_error *err)
{
    int count = p->count;
    for (int i = 0; i < count; i++)
        if (value[p->def[i].name - 'a'] >= 0)
            return lace_fail(err, LACE_BAD, "The letter %c stands for two numbers; give each its own.", p->def[i].name);
    for (int i = 0; i < 26; i++) {
        if (value[i] < 0 || !stands(p, (char)('a' + i))) continue;
        if (value[i] >= p->modulus)
            return lace_fail(err, LACE_BAD, "The letter %c is %d, which is not below the modulus %d.", 'a' + i,
                             value[i], p->modulus);
        if (!add_outside(p, (char)('a' + i), value[i]))
            return lace_fail(err, LACE_BAD, "There are more than %d definitions; leave some out.",
                             CHAIN_DEFINITIONS - p->outside);
    }
    return 0;
}

int lace_chain_parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_chain_parse_with(problem, text, NULL, err);
}

int lace_chain_parse_with(void *problem, const char *text, const int *value, struct lace_error *err)
{
    struct lace_chain *p = problem;
    bool read = false;
    int code;
    char culprit, odd;
    for (int i = 0; i < WORDINGS && !read; i++) {
        *p = (struct lace_chain){0};
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
    if (value && (code = bring_in(p, value, err))) return code;
    if (!finish(p, &culprit))
        return lace_fail(err, LACE_BAD,
                         p->first[culprit - 'a'] < 0 ? "The letter %c has no definition; add one."
                                                     : "The definition of %c leads in a circle.",
                         culprit);
    if (lace_chain_given(p, p->asked - 'a'))
        return lace_fail(err, LACE_BAD, "The value of %c is given; ask for a letter that is to be evaluated.",
                         p->asked);
    if ((odd = second_opinion(p)))
        return lace_fail(err, LACE_BAD, "The letter %c has two definitions that do not agree; leave one.", odd);
    return 0;
}
