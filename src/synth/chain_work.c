/* The family `chain` as facts and moves: a move is a definition, and the fact is the value of its letter. The strategies
 * go through the graph in the order of the prompt, backward from the question, or one branch after the other. */
#include "synth/chain.h"
#include "synth/scan.h"

enum { HARDEST = 8 };
enum { RIGHT, LOOKUP, WRONG_SUM, WRONG_DIFFERENCE, WRONG_PRODUCT };

static void solution(const void *problem, char *answer)
{
    const struct lace_chain *p = problem;
    *lace_put_number(answer, p->value[p->asked - 'a']) = 0;
}

static bool accepts(const void *problem, const char *answer)
{
    const struct lace_chain *p = problem;
    return lace_is_number(answer, 2, p->value[p->asked - 'a']);
}

static int meta(const void *problem, json_t *meta)
{
    return json_object_set_new(meta, "modulus", json_integer(((const struct lace_chain *)problem)->modulus));
}

/* ---- moves: definitions ---- */

static int moves(const void *problem) { return ((const struct lace_chain *)problem)->count; }

static int rank(const void *problem, int strategy, int move)
{
    return ((const struct lace_chain *)problem)->rank[strategy - 1][move];
}

bool lace_chain_given(const struct lace_chain *p, int letter)
{
    return !p->def[p->first[letter]].op && !p->def[p->first[letter]].letter[0];
}

static int useful(const void *problem, int strategy, lace_work_known known, short *list)
{
    const struct lace_chain *p = problem;
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        const struct lace_chain_definition *d = &p->def[i];
        int letter = d->name - 'a';
        if (known[i] || !p->needed[letter] || p->first[letter] != i || lace_chain_given(p, letter)) continue;
        bool ready = true;
        for (int k = 0; k < 2; k++)
            if (d->letter[k] && !lace_chain_given(p, d->letter[k] - 'a') && !known[p->first[d->letter[k] - 'a']])
                ready = false;
        if (ready) list[count++] = (short)i;
    }
    return count;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line)
{
    const struct lace_chain *p = problem;
    const struct lace_chain_definition *d = &p->def[move];
    int uses = 0;
    for (int k = 0; k < 2; k++) {
        line->part[k] = d->number[k];
        if (!d->letter[k]) continue;
        int other = d->letter[k] - 'a', first = p->first[other];
        if (lace_chain_given(p, other)) line->part[k] = p->value[other];
        else line->part[k] = known[first]->value, line->uses[uses++] = (short)first;
    }
    line->value = line->part[2] =
        d->op ? lace_chain_compute(p->modulus, d->op, line->part[0], line->part[1]) : line->part[0];
    line->find = d->name == p->asked;
    line->yes = true;
}

/* A slip: one too many or too few, or another operation than the one that is written. */
static bool falsify(const void *problem, struct lace_work_line *line, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct lace_chain *p = problem;
    const struct lace_chain_definition *d = &p->def[line->move];
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
    const struct lace_chain_definition *d = &((const struct lace_chain *)problem)->def[line->move];
    char *at = lace_chain_put_definition(text, d, false);
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
    const struct lace_chain *p = problem;
    int first = p->first[p->asked - 'a'];
    if (!known[first]) return false;
    *lace_put_number(text, known[first]->value) = 0;
    return true;
}

static bool same(const struct lace_chain_definition *a, const struct lace_chain_definition *b)
{
    if (a->name != b->name || a->op != b->op) return false;
    for (int k = 0; k < 2; k++)
        if (a->letter[k] != b->letter[k] || a->number[k] != b->number[k]) return false;
    return true;
}

static bool read(const void *problem, const char *text, struct lace_work_line *line)
{
    const struct lace_chain *p = problem;
    struct lace_chain_definition d;
    char again = 0;
    const char *at = lace_get_number(lace_get_text(lace_chain_get_definition(text, false, &d), "="), 2, &line->part[0]);
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
    for (int i = 0; i < p->count - p->outside; i++)
        if (again == d.name && same(&d, &p->def[i])) line->move = (short)i;
    for (int k = 0, uses = 0; k < 2 && line->move >= 0; k++)
        if (d.letter[k] && p->first[d.letter[k] - 'a'] >= 0 && !lace_chain_given(p, d.letter[k] - 'a'))
            line->uses[uses++] = p->first[d.letter[k] - 'a'];
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    const struct lace_chain *p = problem;
    const struct lace_chain_definition *d = &p->def[line->move];
    out->believed = true;
    out->result = RIGHT;
    for (int k = 0; k < (d->op ? 2 : 1); k++) {
        int other = d->letter[k] - 'a', part = line->part[k];
        if (part >= p->modulus) out->result = LOOKUP;
        else if (!d->letter[k]) out->result = part == d->number[k] ? out->result : LOOKUP;
        else if (p->first[other] < 0) out->result = LOOKUP;
        else if (lace_chain_outside(p, other)) /* another number may follow from a falsehood */
            out->misled |= part != p->value[other];
        else if (lace_chain_given(p, other))
            out->result = part == p->def[p->first[other]].number[0] ? out->result : LOOKUP;
        else if (!p->needed[other] || part != p->value[other]) out->misled = true;
    }
    if (out->result || !d->op) return;
    if (line->value != lace_chain_compute(p->modulus, d->op, line->part[0], line->part[1]))
        out->result = d->op == '+' ? WRONG_SUM : d->op == '-' ? WRONG_DIFFERENCE : WRONG_PRODUCT;
}

/* A second definition of a letter is about the same. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct lace_chain *p = problem;
    const struct lace_chain_definition *d = &p->def[line->move];
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

const struct lace_work lace_chain_work = {
    .bytes = sizeof(struct lace_chain),
    .ranked = CHAIN_STRATEGIES,
    .draw = lace_chain_draw,
    .numbers = lace_chain_numbers,
    .prompt = lace_chain_prompt,
    .parse = lace_chain_parse,
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
    .summary = "the value of a letter through definitions, modulo a prime",
    .easiest = 1,
    .hardest = HARDEST,
    .trained_low = 1,
    .trained_high = 4,
    .uses_moduli = true,
    .strategies = strategies,
    .errors = errors,
    .work = &lace_chain_work,
    .budget = budget,
};
