/* The family `knights` as moves: a line draws one conclusion of a case, from a statement and what the case holds so far. */
#include "synth/knights.h"
#include "synth/scan.h"
#include <assert.h>
#include <string.h>

enum { STRATEGIES = 3 };
enum { RIGHT, LOOKUP, WRONG_CLAIM, WRONG_CONCLUSION, WRONG_VERDICT };
/* What readers take from a line. */
enum { KNAVE = 1, KNIGHT, AGREES, DEAD };
/* The parts of a line: what its first letters say, a bit each in the order of the case; the one of another group; those
 * whom the statement has otherwise than these letters; what it claims of its subject; the conclusion. */
enum { STATE, OUTSIDE, MISCOPIED, CLAIM, CONCLUSION };

/* ---- moves: a statement of a case ---- */

static int move_of(int g, int way, bool knight, int j) { return ((g * 2 + way) * 2 + !knight) * KNIGHTS_SIZE + j; }

static int moves(const void *problem) { return move_of(((const struct lace_knights *)problem)->groups, 0, true, 0); }
static int ranks(const void *problem) { return 2 * ((const struct lace_knights *)problem)->groups; }

/* A case is one rank: its lines are drawn in order. knight: the first of a group is assumed to be a knight first;
 * knave; last: as knight, with the last of the group. */
static int rank(const void *problem, int strategy, int move)
{
    int g = move / (4 * KNIGHTS_SIZE), knave = move / KNIGHTS_SIZE % 2;
    return 2 * g + (strategy == 2 ? !knave : knave);
}

/* The move that settles the group in this case: it agrees, or the other case is dead and all of this one is drawn.
 * -1: open. */
static int settled_by(const struct lace_knights *p, lace_work_known known, int g, int way, bool knight)
{
    int last = p->group[g].size - 1, own = move_of(g, way, knight, last), other = move_of(g, way, !knight, last);
    for (int j = 0; j < last; j++)
        if (!known[move_of(g, way, knight, j)]) return -1;
    if (known[own]) return known[own]->value == AGREES ? own : -1;
    return known[other] && known[other]->value == DEAD ? other : -1;
}

/* The case that a group is settled in: its moves begin at *first; the settling move, or -1. */
static int settled(const struct lace_knights *p, lace_work_known known, int g, int *first)
{
    for (int way = 0; way < 2; way++)
        for (int knave = 0; knave < 2; knave++) {
            int by = settled_by(p, known, g, way, !knave);
            *first = move_of(g, way, !knave, 0);
            if (by >= 0) return by;
        }
    return -1;
}

/* Whether a letter of a settled group is a knight; uses: what settled it, and the last line of the case, which builds on
 * the others. */
static bool known_knight(const struct lace_knights *p, lace_work_known known, char c, short *uses, int *count)
{
    int g = p->home[lace_knights_letter(c)], last = p->group[g].size - 1, first, by = settled(p, known, g, &first);
    assert(by >= 0);
    const struct lace_knights_plan *plan = &p->plan[g][first / (2 * KNIGHTS_SIZE) % 2];
    uses[(*count)++] = (short)by;
    uses[(*count)++] = (short)(first + last - 1);
    if (plan->person[0] == p->place[lace_knights_letter(c)]) return !(first / KNIGHTS_SIZE % 2);
    int j = 0;
    while (plan->person[j + 1] != p->place[lace_knights_letter(c)]) j++;
    return known[first + j]->value == KNIGHT;
}

static int useful(const void *problem, int strategy, lace_work_known known, short *list)
{
    const struct lace_knights *p = problem;
    int count = 0, way = strategy == 3, ignored;
    bool is_settled[KNIGHTS_GROUPS];
    for (int g = 0; g < p->groups; g++) is_settled[g] = p->needed[g] && settled(p, known, g, &ignored) >= 0;
    for (int g = 0; g < p->groups; g++) {
        if (!p->needed[g] || is_settled[g]) continue;
        const struct lace_knights_group *group = &p->group[g];
        for (int knave = 0; knave < 2; knave++) {
            int first = move_of(g, way, !knave, 0), j = 0, last = group->size - 1;
            while (j < group->size && known[first + j]) j++;
            if (j == group->size) continue; /* this case is dead */
            const struct lace_work_line *other = known[move_of(g, way, knave, last)];
            if (j == last && other && other->value == DEAD) continue;
            char outside = lace_knights_outsider(p, g, &group->says[(int)p->plan[g][way].statement[j]]);
            if (!outside || is_settled[(int)p->home[lace_knights_letter(outside)]]) list[count++] = (short)(first + j);
        }
    }
    return count;
}

/* The line's conclusion as what readers take from it. */
static int value_of(const struct lace_knights *p, int move, const int *part)
{
    int g = move / (4 * KNIGHTS_SIZE), j = move % KNIGHTS_SIZE, way = move / (2 * KNIGHTS_SIZE) % 2;
    const struct lace_knights_plan *plan = &p->plan[g][way];
    if (j + 1 < p->group[g].size) return part[CONCLUSION] ? KNIGHT : KNAVE;
    for (int i = 0; i < p->group[g].size; i++)
        if (plan->person[i] == plan->person[j + 1]) return (part[STATE] >> i & 1) == part[CONCLUSION] ? AGREES : DEAD;
    return DEAD;
}

/* The knights that the letters of a line name. */
static uint32_t named_knights(const struct lace_knights *p, int move, const int *part)
{
    int g = move / (4 * KNIGHTS_SIZE), j = move % KNIGHTS_SIZE, way = move / (2 * KNIGHTS_SIZE) % 2;
    const struct lace_knights_plan *plan = &p->plan[g][way];
    const struct lace_knights_group *group = &p->group[g];
    uint32_t knight = 0;
    for (int i = 0; i <= j && i < group->size; i++)
        knight |= (uint32_t)(part[STATE] >> i & 1) << lace_knights_letter(group->person[(int)plan->person[i]]);
    char outside = lace_knights_outsider(p, g, &group->says[(int)plan->statement[j]]);
    if (outside) knight |= (uint32_t)part[OUTSIDE] << lace_knights_letter(outside);
    return knight;
}

/* A move's statement, its speaker, and who is in question. */
static const struct lace_knights_statement *statement_of(const struct lace_knights *p, int move, char *speaker,
                                                         char *whom)
{
    int g = move / (4 * KNIGHTS_SIZE), j = move % KNIGHTS_SIZE, way = move / (2 * KNIGHTS_SIZE) % 2;
    const struct lace_knights_plan *plan = &p->plan[g][way];
    const struct lace_knights_group *group = &p->group[g];
    *speaker = group->person[(int)plan->statement[j]];
    *whom = group->person[(int)plan->person[j + 1]];
    return &group->says[(int)plan->statement[j]];
}

/* Claim and conclusion as they follow, the one from the letters of the line, the other from these and the claim. */
static bool claim_of(const struct lace_knights *p, int move, const int *part)
{
    char speaker, whom;
    const struct lace_knights_statement *s = statement_of(p, move, &speaker, &whom);
    return lace_knights_claim(s, lace_knights_subject(s, whom), named_knights(p, move, part));
}

static bool conclusion_of(const struct lace_knights *p, int move, const int *part)
{
    char speaker, whom;
    const struct lace_knights_statement *s = statement_of(p, move, &speaker, &whom);
    return lace_knights_conclude(s, speaker, whom, part[CLAIM], named_knights(p, move, part));
}

/* Who of a statement's people stands in capitals: whoever is in question does not. */
static uint32_t capitals_of(const struct lace_knights *p, int move, const int *part)
{
    char speaker, whom;
    const struct lace_knights_statement *s = statement_of(p, move, &speaker, &whom);
    uint32_t said = 1u << lace_knights_letter(speaker);
    for (int k = 0; k < 2; k++)
        if (s->about[k]) said |= 1u << lace_knights_letter(s->about[k]);
    return said & ~(1u << lace_knights_letter(whom)) & named_knights(p, move, part);
}

static void take(const struct lace_knights *p, struct lace_work_line *line)
{
    bool closes = line->move % KNIGHTS_SIZE + 1 == p->group[line->move / (4 * KNIGHTS_SIZE)].size;
    line->value = value_of(p, line->move, line->part);
    line->find = closes;
    line->dead = line->value == DEAD;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line)
{
    const struct lace_knights *p = problem;
    int g = move / (4 * KNIGHTS_SIZE), j = move % KNIGHTS_SIZE, first = move - j, uses = 0;
    const struct lace_knights_plan *plan = &p->plan[g][move / (2 * KNIGHTS_SIZE) % 2];
    line->part[STATE] = !(move / KNIGHTS_SIZE % 2);
    for (int i = 0; i < j; i++) {
        line->part[STATE] |= (known[first + i]->value == KNIGHT) << (i + 1);
        line->uses[uses++] = (short)(first + i);
    }
    char outside = lace_knights_outsider(p, g, &p->group[g].says[(int)plan->statement[j]]);
    if (outside) line->part[OUTSIDE] = known_knight(p, known, outside, line->uses, &uses);
    line->part[CLAIM] = claim_of(p, move, line->part);
    line->part[CONCLUSION] = conclusion_of(p, move, line->part);
    take(p, line);
    line->yes = line->value != DEAD;
}

/* The slip is a wrong conclusion, half of the time by a wrong claim; at the end of a case it makes a dead one agree, or
 * the other way round. */
static bool falsify(const void *problem, struct lace_work_line *line, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct lace_knights *p = problem;
    if (kind == LACE_FALSE_FLIP) {
        line->yes = !line->yes;
        return line->find;
    }
    if ((line->value == AGREES) != (kind == LACE_FALSE_MISS)) return false;
    if (lace_rng_below(rng, 2)) line->part[CLAIM] = !line->part[CLAIM];
    line->part[CONCLUSION] = !line->part[CONCLUSION];
    take(p, line);
    line->yes = line->value != DEAD;
    return true;
}

static int write(const void *problem, const struct lace_work_line *line, char *text)
{
    const struct lace_knights *p = problem;
    int g = line->move / (4 * KNIGHTS_SIZE), j = line->move % KNIGHTS_SIZE;
    const struct lace_knights_plan *plan = &p->plan[g][line->move / (2 * KNIGHTS_SIZE) % 2];
    const struct lace_knights_group *group = &p->group[g];
    char speaker, whom, *at = text;
    const struct lace_knights_statement *s = statement_of(p, line->move, &speaker, &whom);
    char outside = lace_knights_outsider(p, g, s);
    for (int i = 0; i <= j && i < group->size; i++)
        *at++ = lace_knights_as(group->person[(int)plan->person[i]], line->part[STATE] >> i & 1);
    if (outside) *at++ = lace_knights_as(outside, line->part[OUTSIDE]);
    at = lace_knights_put(lace_put_text(at, "| "), speaker, s,
                          capitals_of(p, line->move, line->part) ^ (uint32_t)line->part[MISCOPIED]);
    at = lace_put_text(at, ": ");
    *at++ = lace_knights_as(lace_knights_subject(s, whom), line->part[CLAIM]);
    at = lace_put_text(at, ", so ");
    *at++ = lace_knights_as(whom, line->part[CONCLUSION]);
    if (line->find) at = lace_put_text(at, line->yes ? ", yes" : ", dead");
    at = lace_put_text(at, ".\n");
    *at = 0;
    return (int)(at - text);
}

static bool answer(const void *problem, lace_work_known known, char *text)
{
    const struct lace_knights *p = problem;
    const struct lace_knights_group *group = &p->group[p->asked];
    uint32_t knight = 0;
    int first;
    if (settled(p, known, p->asked, &first) < 0) return false;
    for (int i = 0; i < group->size; i++) {
        short uses[2];
        int count = 0;
        knight |= (uint32_t)known_knight(p, known, group->person[i], uses, &count)
                  << lace_knights_letter(group->person[i]);
    }
    lace_knights_put_answer(group, knight, text);
    return true;
}

/* ---- lines as others wrote them ---- */

static bool same(const struct lace_knights_statement *a, const struct lace_knights_statement *b)
{
    return a->kind == b->kind && a->about[0] == b->about[0] && a->about[1] == b->about[1];
}

/* Which move the line is, by its first letter and its statement; -1: none. */
static int find_move(const struct lace_knights *p, const char *state, const bool *knight, int count, char speaker,
                     const struct lace_knights_statement *s, char whom, bool closes)
{
    int g = count ? p->home[lace_knights_letter(state[0])] : -1, said = g < 0 ? -1 : lace_knights_place(p, g, speaker);
    if (said < 0 || !p->needed[g] || !same(s, &p->group[g].says[said])) return -1;
    const struct lace_knights_group *group = &p->group[g];
    for (int way = 0; way < 2; way++) {
        const struct lace_knights_plan *plan = &p->plan[g][way];
        if (group->person[(int)plan->person[0]] != state[0]) continue;
        int j = 0, letters = 0;
        while (plan->statement[j] != said) j++;
        while (letters <= j && letters < group->size && letters < count &&
               group->person[(int)plan->person[letters]] == state[letters])
            letters++;
        if (letters != (j + 1 < group->size ? j + 1 : group->size)) return -1;
        char outside = lace_knights_outsider(p, g, s);
        if (count != letters + (outside != 0) || (outside && state[letters] != outside)) return -1;
        if (group->person[(int)plan->person[j + 1]] != whom || closes != (j + 1 == group->size)) return -1;
        return move_of(g, way, knight[0], j);
    }
    return -1;
}

static bool read(const void *problem, const char *text, struct lace_work_line *line)
{
    const struct lace_knights *p = problem;
    char state[KNIGHTS_SIZE + 2], speaker, subject, whom;
    bool knight[KNIGHTS_SIZE + 2], claim, concluded;
    int count = 0, j, uses = 0;
    uint32_t capitals;
    struct lace_knights_statement s;
    const char *at = text, *end;
    while (count < KNIGHTS_SIZE + 2 && (end = lace_knights_get_as(at, &state[count], &knight[count])))
        at = end, count++;
    at = lace_knights_get(lace_get_text(at, "|"), &speaker, &s, &capitals);
    at = lace_knights_get_as(lace_get_text(at, ":"), &subject, &claim);
    at = lace_knights_get_as(lace_get_text(at, ", so"), &whom, &concluded);
    if (!at || !count) return false;
    const char *yes = lace_get_text(at, ", yes"), *dead = lace_get_text(at, ", dead");
    end = lace_get_text(yes ? yes : dead ? dead : at, ".");
    if (!end || *lace_skip_space(end)) return false;
    line->yes = !dead;
    line->move = (short)find_move(p, state, knight, count, speaker, &s, whom, yes || dead);
    if (line->move >= 0 && subject != lace_knights_subject(&s, whom)) line->move = -1;
    if (line->move < 0) return true;
    j = line->move % KNIGHTS_SIZE;
    for (int i = 0; i < count; i++) {
        bool inside = p->home[lace_knights_letter(state[i])] == line->move / (4 * KNIGHTS_SIZE);
        if (inside) line->part[STATE] |= knight[i] << i;
        else line->part[OUTSIDE] = knight[i];
    }
    line->part[MISCOPIED] = (int)(capitals ^ capitals_of(p, line->move, line->part));
    line->part[CLAIM] = claim;
    line->part[CONCLUSION] = concluded;
    take(p, line);
    for (int i = 0; i < j; i++) line->uses[uses++] = (short)(line->move - j + i);
    char outside = lace_knights_outsider(p, line->move / (4 * KNIGHTS_SIZE), &s);
    if (outside) { /* in the true case of the other group everything is known */
        int g = p->home[lace_knights_letter(outside)], size = p->group[g].size;
        bool is_knight = p->truth[lace_knights_letter(p->group[g].person[(int)p->plan[g][0].person[0]])];
        line->uses[uses++] = (short)move_of(g, 0, is_knight, size - 1);
    }
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    const struct lace_knights *p = problem;
    int g = line->move / (4 * KNIGHTS_SIZE), j = line->move % KNIGHTS_SIZE;
    const struct lace_knights_plan *plan = &p->plan[g][line->move / (2 * KNIGHTS_SIZE) % 2];
    const struct lace_knights_group *group = &p->group[g];
    const struct lace_knights_statement *s = &group->says[(int)plan->statement[j]];
    uint32_t knight = lace_knights_truth(p), named = named_knights(p, line->move, line->part);
    char outside = lace_knights_outsider(p, g, s);
    lace_knights_follow(p, g, plan, !(line->move / KNIGHTS_SIZE % 2), &knight);
    out->believed = line->value != DEAD;
    for (int i = 0; i <= j && i < group->size; i++) {
        int c = lace_knights_letter(group->person[(int)plan->person[i]]);
        if ((knight >> c & 1) != (named >> c & 1)) out->misled = true;
    }
    if (outside && p->truth[lace_knights_letter(outside)] != (line->part[OUTSIDE] != 0)) out->misled = true;
    if (line->part[MISCOPIED]) out->result = LOOKUP;
    else if (claim_of(p, line->move, line->part) != line->part[CLAIM]) out->result = WRONG_CLAIM;
    else if (conclusion_of(p, line->move, line->part) != line->part[CONCLUSION]) out->result = WRONG_CONCLUSION;
    else out->result = line->yes == out->believed ? RIGHT : WRONG_VERDICT;
}

/* What a line takes a letter to be: -1: it does not say, or concludes it only now. */
static int taken_for(const struct lace_knights *p, const struct lace_work_line *line, char c)
{
    int g = line->move / (4 * KNIGHTS_SIZE), j = line->move % KNIGHTS_SIZE;
    const struct lace_knights_plan *plan = &p->plan[g][line->move / (2 * KNIGHTS_SIZE) % 2];
    for (int i = 0; i <= j && i < p->group[g].size; i++)
        if (p->group[g].person[(int)plan->person[i]] == c) return line->part[STATE] >> i & 1;
    return lace_knights_outsider(p, g, &p->group[g].says[(int)plan->statement[j]]) == c ? line->part[OUTSIDE] != 0 : -1;
}

/* In the middle of a case a line says what one person is there, at its end which case is true: lines of the case, and
 * those of other groups that take somebody from it, go by that. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct lace_knights *p = problem;
    int g = lie->move / (4 * KNIGHTS_SIZE), j = lie->move % KNIGHTS_SIZE, size = p->group[g].size;
    bool same_group = line->move / (4 * KNIGHTS_SIZE) == g, assumed = !(lie->move / KNIGHTS_SIZE % 2);
    const struct lace_knights_plan *plan = &p->plan[g][lie->move / (2 * KNIGHTS_SIZE) % 2];
    if (line->move == lie->move) return lace_stance_of(line->value == lie->value, line->value != lie->value);
    if (j + 1 < size) {
        char c = p->group[g].person[(int)plan->person[j + 1]];
        bool same_case = same_group && line->move / KNIGHTS_SIZE == lie->move / KNIGHTS_SIZE,
             truth = p->truth[lace_knights_letter(p->group[g].person[(int)plan->person[0]])] == assumed;
        if (!same_case && (same_group || !truth)) return LACE_STANCE_NONE;
        int taken = taken_for(p, line, c);
        return lace_stance_of(taken == (lie->value == KNIGHT), taken == (lie->value == KNAVE));
    }
    if (same_group) /* both cases cannot agree */
        return lace_stance_of(false, lie->value == AGREES && line->value == AGREES &&
                                         line->move / (2 * KNIGHTS_SIZE) == lie->move / (2 * KNIGHTS_SIZE));
    uint32_t truth = lace_knights_truth(p), said = truth;
    lace_knights_follow(p, g, plan, lie->value == AGREES ? assumed : !assumed, &said);
    for (int i = 0; i < size; i++) {
        int c = lace_knights_letter(p->group[g].person[i]), taken = taken_for(p, line, (char)('a' + c));
        if (taken < 0 || !((said ^ truth) >> c & 1)) continue;
        return lace_stance_of(taken == (int)(said >> c & 1), true);
    }
    return LACE_STANCE_NONE;
}

/* ---- the family ---- */

/* One thread may have to go through both cases of every group. More than four have no more to do than four. The least
 * numbers of rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more. */
static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    static const int rounds[3][KNIGHTS_HARDEST] = {
        {9, 13, 17, 21, 24, 28}, {8, 11, 14, 16, 18, 21}, {8, 11, 12, 15, 16, 19}};
    int d = knobs->difficulty.high;
    return threads == 1 ? 2 * (4 + 3 * d) : rounds[threads > 4 ? 2 : threads - 2][d - 1];
}

static const struct lace_work work = {
    .bytes = sizeof(struct lace_knights),
    .ranked = STRATEGIES,
    .draw = lace_knights_draw,
    .numbers = lace_knights_numbers,
    .prompt = lace_knights_prompt,
    .parse = lace_knights_parse,
    .solution = lace_knights_solution,
    .accepts = lace_knights_accepts,
    .moves = moves,
    .ranks = ranks,
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

static const char *const strategies[] = {"knight", "knave", "last", "random", NULL};
static const char *const errors[] = {"right", "lookup error", "wrong claim", "wrong conclusion", "wrong verdict", NULL};

const struct lace_family lace_family_knights = {
    .name = "knights",
    .summary = "who are the knights, by what people in groups say of one another",
    .easiest = 1,
    .hardest = KNIGHTS_HARDEST,
    .trained_low = 1,
    .trained_high = 4,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .budget = budget,
};
