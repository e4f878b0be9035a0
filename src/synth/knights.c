/* The family `knights`: knights say what is true, knaves what is false; who is what?
 *   Knights are honest, knaves lie: a says b lies, b says a like c, c says a honest; d says f unlike b, e says d like f,
 *   f says e lies. Who of d, e, f are knights?
 * Everybody says one thing about one or two others: that one lies or is honest, that two are alike or unlike. Groups
 * are parted by semicolons and hang together by single statements. In a group nothing follows before somebody is
 * assumed to be a knight or a knave; each line then draws one conclusion, and the statement that is left over agrees
 * or makes the case dead, which settles the other one. In lines a capital letter is a knight, a small one a knave:
 *   Abc| c says a honest, so C, dead.
 * The first letter is the assumption, the next ones are what followed, the last one may be of another group. */
#include "synth/scan.h"
#include "synth/work.h"
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 9, SIZE = 4, HARDEST = 6, STRATEGIES = 3 };
enum kind { LIES, HONEST, UNLIKE, LIKE }; /* the lowest bit: the speaker is what the one is, or what both are alike */
enum { RIGHT, LOOKUP, WRONG_KIND, WRONG_LIKENESS, WRONG_VERDICT };
/* What readers take from a line. */
enum { KNAVE = 1, KNIGHT, AGREES, DEAD };
/* The parts of a line: what its letters say, a bit each in the order of the case; the one of another group; the
 * conclusion. */
enum { STATE, OUTSIDE, CONCLUSION };

struct statement {
    enum kind kind;
    char about[2]; /* the second one 0 with LIES and HONEST */
};
struct group {
    int size;
    char person[SIZE]; /* in alphabetical order */
    struct statement says[SIZE];
};
/* A case of a group: who is assumed, and in which order which statements give whom; the last statement is left over
 * and judges its speaker. */
struct plan {
    bool works;
    char statement[SIZE], person[SIZE + 1]; /* indices in the group; person[0] is assumed, person[j + 1] given by [j] */
};

struct knights {
    int groups, asked;
    struct group group[GROUPS];
    /* what follows */
    signed char home[26], place[26]; /* the group of a letter, -1: none; its index there */
    struct plan plan[GROUPS][2];     /* the first person is assumed, or the last one */
    bool needed[GROUPS], truth[26];
};

static int letter(char c) { return c - 'a'; }

static int find_place(const struct knights *p, int g, char c)
{
    return c && p->home[letter(c)] == g ? p->place[letter(c)] : -1;
}

/* The member of a statement that is of another group; 0: none. */
static char outsider(const struct knights *p, int g, const struct statement *s)
{
    for (int i = 0; i < 2; i++)
        if (s->about[i] && p->home[letter(s->about[i])] != g) return s->about[i];
    return 0;
}

/* ---- what follows from the statements ---- */

/* Which statements give whom does not depend on who is what: each leaves one member open. */
static struct plan make_plan(const struct knights *p, int g, int assumed)
{
    const struct group *group = &p->group[g];
    struct plan plan = {.person = {(char)assumed}};
    int known = 1 << assumed, used = 0;
    for (int j = 0; j + 1 < group->size; j++) {
        int found = -1, whom = -1;
        for (int s = 0; s < group->size && found < 0; s++) {
            int open = used >> s & 1 ? 0 : known >> s & 1 ? 0 : 1 << s;
            for (int k = 0; k < 2; k++) {
                int i = find_place(p, g, group->says[s].about[k]);
                if (i >= 0 && !(known >> i & 1)) open |= 1 << i;
            }
            if (used >> s & 1 || !open || open & (open - 1)) continue;
            found = s;
            whom = __builtin_ctz((unsigned)open);
        }
        if (found < 0) return plan;
        used |= 1 << found;
        known |= 1 << whom;
        plan.statement[j] = (char)found;
        plan.person[j + 1] = (char)whom;
    }
    for (int s = 0; s < group->size; s++)
        if (!(used >> s & 1)) plan.statement[group->size - 1] = (char)s;
    /* The left-over statement judges its speaker. */
    plan.person[group->size] = plan.statement[group->size - 1];
    plan.works = true;
    return plan;
}

/* What a statement says of one of its members, given the others; knight: a bit for each letter. */
static bool conclude(const struct statement *s, char speaker, char whom, uint32_t knight)
{
    bool result = s->kind & 1; /* speaker = one, or speaker = (one = other), as one sum of bits */
    if (speaker != whom) result ^= !(knight >> letter(speaker) & 1);
    for (int k = 0; k < 2; k++)
        if (s->about[k] && s->about[k] != whom) result ^= !(knight >> letter(s->about[k]) & 1);
    return result;
}

/* Follows a case through its plan; knight holds the truth of other groups. Returns whether it agrees. */
static bool follow(const struct knights *p, int g, const struct plan *plan, bool assumed, uint32_t *knight)
{
    const struct group *group = &p->group[g];
    for (int i = 0; i < group->size; i++) *knight &= ~(1u << letter(group->person[i]));
    *knight |= (uint32_t)assumed << letter(group->person[(int)plan->person[0]]);
    for (int j = 0; j < group->size; j++) {
        int s = plan->statement[j];
        char whom = group->person[(int)plan->person[j + 1]];
        bool result = conclude(&group->says[s], group->person[s], whom, *knight);
        if (j + 1 == group->size) return result == (*knight >> letter(whom) & 1);
        *knight |= (uint32_t)result << letter(whom);
    }
    return false;
}

/* Settles a group after those that it needs; false: it cannot be, or hangs in a circle. */
static bool settle(struct knights *p, int g, uint32_t *knight, signed char *state)
{
    if (state[g]) return state[g] == 2;
    state[g] = 1;
    for (int i = 0; i < p->group[g].size; i++) {
        char other = outsider(p, g, &p->group[g].says[i]);
        if (other && (p->home[letter(other)] < 0 || !settle(p, p->home[letter(other)], knight, state))) return false;
    }
    if (!p->plan[g][0].works) return false;
    uint32_t knave_case = *knight, knight_case = *knight;
    bool knave = follow(p, g, &p->plan[g][0], false, &knave_case),
         is_knight = follow(p, g, &p->plan[g][0], true, &knight_case);
    if (knave == is_knight) return false;
    *knight = knave ? knave_case : knight_case;
    state[g] = 2;
    p->needed[g] = true;
    return true;
}

static bool finish(struct knights *p)
{
    signed char state[GROUPS] = {0};
    uint32_t knight = 0;
    memset(p->home, -1, sizeof p->home);
    memset(p->needed, 0, sizeof p->needed);
    for (int g = 0; g < p->groups; g++)
        for (int i = 0; i < p->group[g].size; i++) {
            int c = letter(p->group[g].person[i]);
            p->home[c] = (signed char)g;
            p->place[c] = (signed char)i;
        }
    for (int g = 0; g < p->groups; g++) {
        p->plan[g][0] = make_plan(p, g, 0);
        p->plan[g][1] = make_plan(p, g, p->group[g].size - 1);
        if (!p->plan[g][1].works) p->plan[g][1] = p->plan[g][0];
    }
    if (!settle(p, p->asked, &knight, state)) return false;
    for (int i = 0; i < 26; i++) p->truth[i] = knight >> i & 1;
    return true;
}

/* ---- drawing ---- */

static void add_person(struct group *group, char c)
{
    int at = group->size++;
    for (; at > 0 && group->person[at - 1] > c; at--) group->person[at] = group->person[at - 1];
    group->person[at] = c;
}

/* Statements of a group that are true of its solution; links: letters of other groups that it is to speak of. */
static void draw_statements(struct group *group, uint32_t knight, const char *links, int link_count,
                            struct lace_rng *rng)
{
    int order[SIZE] = {0, 1, 2, 3};
    lace_rng_shuffle(rng, order, group->size);
    for (int i = 0; i < group->size; i++) {
        int speaker = order[i], one = (speaker + 1 + (int)lace_rng_below(rng, (uint32_t)group->size - 1)) % group->size;
        struct statement *s = &group->says[speaker];
        *s = (struct statement){.about = {group->person[one]}};
        if (i < link_count) s->about[1] = links[i];
        else if (group->size > 2 && lace_rng_below(rng, 2)) {
            int other = one;
            while (other == one || other == speaker) other = (int)lace_rng_below(rng, (uint32_t)group->size);
            s->about[1] = group->person[other];
        }
        s->kind = s->about[1] ? UNLIKE : LIES;
        if (conclude(s, group->person[speaker], group->person[speaker], knight) !=
            (knight >> letter(group->person[speaker]) & 1))
            s->kind |= 1;
    }
}

static bool draw_group(struct knights *p, int g, uint32_t knight, const char *links, int link_count,
                       struct lace_rng *rng)
{
    for (int tries = 0; tries < 200; tries++) {
        draw_statements(&p->group[g], knight, links, link_count, rng);
        struct plan plan = make_plan(p, g, 0);
        uint32_t wrong = knight;
        bool truth = knight >> letter(p->group[g].person[0]) & 1;
        if (!plan.works || !make_plan(p, g, p->group[g].size - 1).works) continue;
        if (!follow(p, g, &plan, !truth, &wrong)) return true;
    }
    return false;
}

/* The asked group has four members, the others three; each of them is spoken of by a group nearer to the asked one. */
static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct knights *p = problem;
    for (int tries = 0; tries < 1000; tries++) {
        int letters[26], next = 0, depth[GROUPS] = {0}, link_count[GROUPS] = {0};
        char links[GROUPS][SIZE];
        uint32_t knight = lace_rng_u32(rng);
        bool good = true;
        *p = (struct knights){.groups = knobs->difficulty.low + 1};
        for (int i = 0; i < 26; i++) letters[i] = 'a' + i;
        lace_rng_shuffle(rng, letters, 26);
        memset(p->home, -1, sizeof p->home);
        for (int g = 0; g < p->groups; g++) {
            struct group *group = &p->group[g];
            for (int i = 0; i < (g ? 3 : 4); i++) add_person(group, (char)letters[next++]);
            for (int i = 0; i < group->size; i++) {
                p->home[letter(group->person[i])] = (signed char)g;
                p->place[letter(group->person[i])] = (signed char)i;
            }
            int above = -1;
            for (int k = 0; g && (k < 2 || above < 0); k++) {
                int other = (int)lace_rng_below(rng, (uint32_t)g);
                if (link_count[other] < (other ? 1 : 3) && (above < 0 || depth[other] < depth[above])) above = other;
            }
            if (!g) continue;
            links[above][link_count[above]++] = group->person[lace_rng_below(rng, 3)];
            depth[g] = depth[above] + 1;
        }
        for (int g = 0; g < p->groups && good; g++) good = draw_group(p, g, knight, links[g], link_count[g], rng);
        if (good && finish(p)) return 0;
    }
    return lace_fail(err, LACE_BAD, "No knights and knaves in %d groups were found.", knobs->difficulty.low + 1);
}

/* ---- the same problem under other letters ---- */

enum { CODED = 2 + 10 }; /* bytes of a person */

/* The least code of a group over all orders of its members; a member of another group is the hash of that group's code
 * and its place in it. place: of each member in the least order. */
static int code_group(const struct knights *p, int g, uint8_t *code, int *place)
{
    const struct group *group = &p->group[g];
    uint64_t linked[SIZE] = {0};
    for (int i = 0; i < group->size; i++) {
        char other = outsider(p, g, &group->says[i]);
        uint8_t inner[1 + SIZE * CODED + 1];
        int places[SIZE];
        if (!other) continue;
        int count = code_group(p, p->home[letter(other)], inner, places);
        inner[count++] = (uint8_t)places[(int)p->place[letter(other)]];
        linked[i] = lace_hash(inner, (size_t)count);
    }
    int order[SIZE], count = 1 + group->size * CODED, orders = 1;
    for (int i = 2; i <= group->size; i++) orders *= i;
    for (int o = 0; o < orders; o++) {
        int left[SIZE], to[SIZE], rest = o;
        for (int i = 0; i < group->size; i++) left[i] = i;
        for (int i = 0; i < group->size; i++) { /* the o-th order */
            int k = rest % (group->size - i);
            rest /= group->size - i;
            order[i] = left[k];
            to[order[i]] = i;
            memmove(&left[k], &left[k + 1], (size_t)(group->size - i - k - 1) * sizeof *left);
        }
        uint8_t next[1 + SIZE * CODED] = {(uint8_t)group->size};
        for (int i = 0; i < group->size; i++) {
            const struct statement *s = &group->says[order[i]];
            uint8_t *at = &next[1 + i * CODED];
            int inside = 0;
            *at++ = (uint8_t)s->kind;
            for (int k = 0; k < 2; k++) { /* a set: who is like whom has no order */
                int member = find_place(p, g, s->about[k]);
                if (member >= 0) inside |= 1 << to[member];
            }
            *at++ = (uint8_t)inside;
            memcpy(at, &linked[order[i]], sizeof *linked);
        }
        if (o && memcmp(next, code, (size_t)count) >= 0) continue;
        memcpy(code, next, (size_t)count);
        memcpy(place, to, sizeof to);
    }
    return count;
}

static int numbers(const void *problem, uint8_t *out)
{
    const struct knights *p = problem;
    int place[SIZE];
    return code_group(p, p->asked, out, place);
}

/* ---- writing ---- */

/* $g: the statements; $q: the persons of the asked group. */
static const char *const wordings[] = {
    "Knights are honest, knaves lie: $g. Who of $q are knights?",
    "$g. Knights are honest, knaves lie. Who of $q are knights?",
    "On an island of honest knights and lying knaves $g. Name the knights among $q.",
    "Name the knights among $q, who are honest; knaves lie. You hear: $g.",
};
enum { WORDINGS = sizeof wordings / sizeof *wordings };
/* $s says something of $t and $u; which of the two manners is the prompt's. */
static const char *const manners[2][4] = {
    {"$s says $t lies", "$s says $t honest", "$s says $t unlike $u", "$s says $t like $u"},
    {"$s calls $t a liar", "$s calls $t honest", "$s calls $t and $u different", "$s calls $t and $u alike"},
};

static char *put_statement(char *at, const char *manner, char speaker, const struct statement *s)
{
    for (const char *w = manner; *w; w++)
        if (*w != '$') *at++ = *w;
        else *at++ = *++w == 's' ? speaker : s->about[*w == 'u'];
    return at;
}

static char *put_groups(char *at, const struct knights *p, const int *order, bool shuffled, int manner,
                        struct lace_rng *rng)
{
    for (int i = 0; i < p->groups; i++) {
        const struct group *group = &p->group[order[i]];
        int speakers[SIZE] = {0, 1, 2, 3};
        if (shuffled) lace_rng_shuffle(rng, speakers, group->size);
        if (i) at = lace_put_text(at, "; ");
        for (int k = 0; k < group->size; k++) {
            const struct statement *s = &group->says[speakers[k]];
            if (k) at = lace_put_text(at, ", ");
            at = put_statement(at, manners[manner][s->kind], group->person[speakers[k]], s);
        }
    }
    return at;
}

/* Two more people, of whom nobody else speaks. */
static void distract(struct knights *p, struct lace_rng *rng)
{
    int g = p->groups;
    for (int tries = 0; p->group[g].size < 2 && tries < 1000; tries++) {
        char c = (char)('a' + lace_rng_below(rng, 26));
        if (p->home[letter(c)] >= 0) continue;
        add_person(&p->group[g], c);
        p->home[letter(c)] = (signed char)g;
    }
    if (p->group[g].size < 2) return;
    draw_statements(&p->group[g], lace_rng_u32(rng), NULL, 0, rng);
    p->groups++;
}

static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    struct knights p = *(const struct knights *)problem;
    int wording = 0, manner = 0, order[GROUPS];
    if (ambiguity == 1) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        manner = wording ? (int)lace_rng_below(rng, 2) : 1;
    }
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        manner = (int)lace_rng_below(rng, 2);
        distract(&p, rng);
    }
    for (int i = 0; i < p.groups; i++) order[i] = i;
    lace_rng_shuffle(rng, order, p.groups); /* always: the asked group is not to be known by its place */
    char text[128 + GROUPS * SIZE * 48], *at = text;
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 'g') at = put_groups(at, &p, order, ambiguity == 2, manner, rng);
        else
            for (int i = 0; i < p.group[p.asked].size; i++) {
                if (i) at = lace_put_text(at, ", ");
                *at++ = p.group[p.asked].person[i];
            }
    }
    lace_text_add(out, text, (size_t)(at - text));
}

/* ---- reading ---- */

static const char *get_statement(const char *at, const char *manner, char *speaker, struct statement *s)
{
    for (const char *w = manner; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') at = lace_get_text(at, fixed);
        else at = lace_get_letter(at, *++w == 's' ? speaker : &s->about[*w == 'u']);
    }
    return at;
}

/* A statement in one of the manners of a row; NULL: none. Of several that fit the longest counts: one may begin
 * another. */
static const char *get_any(const char *at, int manner, char *speaker, struct statement *out)
{
    const char *best = NULL;
    for (int kind = LIES; kind <= LIKE && at; kind++) {
        struct statement s = {.kind = (enum kind)kind};
        char who;
        const char *end = get_statement(at, manners[manner][kind], &who, &s);
        if (!end || (best && end <= best)) continue;
        best = end;
        *speaker = who;
        *out = s;
    }
    return best;
}

static const char *get_groups(const char *at, struct knights *p, int manner)
{
    for (p->groups = 0; at; at = lace_get_text(at, ";")) {
        struct group *group = &p->group[p->groups];
        if (p->groups == GROUPS) return NULL;
        *group = (struct group){0};
        for (bool more = true; more;) {
            char speaker;
            struct statement s;
            if (group->size == SIZE || !(at = get_any(at, manner, &speaker, &s))) return NULL;
            add_person(group, speaker);
            for (int i = group->size - 1; i >= 0; i--) { /* beside its speaker, as add_person moved them */
                if (group->person[i] == speaker) {
                    group->says[i] = s;
                    break;
                }
                group->says[i] = group->says[i - 1];
            }
            const char *comma = lace_get_text(at, ",");
            char ignored;
            struct statement none;
            more = comma && get_any(comma, manner, &ignored, &none);
            if (more) at = comma;
        }
        p->groups++;
        if (!lace_get_text(at, ";")) return at;
    }
    return NULL;
}

static const char *get_asked(const char *at, char *asked, int *count)
{
    for (*count = 0; at; at = lace_get_text(at, ",")) {
        if (*count == SIZE) return NULL;
        at = lace_get_letter(at, &asked[(*count)++]);
        const char *comma = lace_get_text(at, ",");
        char next;
        /* "a, b, who are": a letter after the comma is asked for where no word begins with it. */
        const char *end = comma ? lace_get_letter(comma, &next) : NULL;
        if (!end || isalpha((unsigned char)*end)) return at;
    }
    return NULL;
}

static bool read_wording(const char *w, int manner, const char *at, struct knights *p, char *asked, int *count)
{
    for (; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (!w[1] && !*lace_skip_space(at)) return true; /* a missing last stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 'g') at = get_groups(at, p, manner);
        else at = get_asked(at, asked, count);
    }
    return at && !*lace_skip_space(at);
}

static int check_letters(struct knights *p, const char *asked, int count, struct lace_error *err)
{
    bool there[26] = {false};
    int home = -1;
    for (int g = 0; g < p->groups; g++)
        for (int i = 0; i < p->group[g].size; i++) {
            char c = p->group[g].person[i];
            if (there[letter(c)]) return lace_fail(err, LACE_BAD, "%c says two things; leave one.", c);
            there[letter(c)] = true;
            if (c == asked[0]) home = g;
        }
    for (int g = 0; g < p->groups; g++)
        for (int i = 0; i < p->group[g].size; i++) {
            const struct statement *s = &p->group[g].says[i];
            char speaker = p->group[g].person[i];
            if (s->about[0] == speaker || s->about[1] == speaker || s->about[0] == s->about[1])
                return lace_fail(err, LACE_BAD, "%c speaks of itself, or of one person twice.", speaker);
            int inside = 0;
            for (int k = 0; k < p->group[g].size; k++)
                inside += p->group[g].person[k] == s->about[0] || p->group[g].person[k] == s->about[1];
            if (!inside || (s->about[1] && inside == 2) + inside < 1)
                return lace_fail(err, LACE_BAD, "%c speaks of nobody of its group.", speaker);
        }
    if (home < 0) return lace_fail(err, LACE_BAD, "%c is asked for and says nothing.", asked[0]);
    p->asked = home;
    if (count != p->group[home].size)
        return lace_fail(err, LACE_BAD, "%d are asked for, but the group of %c has %d.", count, asked[0],
                         p->group[home].size);
    for (int i = 0; i < count; i++)
        if (asked[i] != p->group[home].person[i])
            return lace_fail(err, LACE_BAD, "The question is not about one group in alphabetical order: %c.", asked[i]);
    return 0;
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    struct knights *p = problem;
    char asked[SIZE];
    int count = 0;
    bool read = false;
    for (int i = 0; i < 2 * WORDINGS && !read; i++) {
        *p = (struct knights){0};
        read = read_wording(wordings[i / 2], i % 2, text, p, asked, &count);
    }
    if (!read)
        return lace_fail(err, LACE_BAD,
                         "The prompt is not a knights problem; one reads `Knights are honest, knaves lie: a says b "
                         "lies, b says a like c, c says a honest. Who of a, b, c are knights?`.");
    int code = check_letters(p, asked, count, err);
    if (code) return code;
    for (int g = 0; g < p->groups; g++)
        if (p->group[g].size < 2) return lace_fail(err, LACE_BAD, "%c is a group alone.", p->group[g].person[0]);
    return finish(p)
               ? 0
               : lace_fail(err, LACE_BAD, "It does not follow from the statements who of the group of %c is what.",
                           p->group[p->asked].person[0]);
}

static void put_answer(const struct group *group, uint32_t knight, char *at)
{
    char *start = at;
    for (int i = 0; i < group->size; i++) {
        if (!(knight >> letter(group->person[i]) & 1)) continue;
        if (at > start) *at++ = ' ';
        *at++ = group->person[i];
    }
    if (at == start) at = lace_put_text(at, "none");
    *at = 0;
}

static uint32_t truth_of(const struct knights *p)
{
    uint32_t knight = 0;
    for (int i = 0; i < 26; i++) knight |= (uint32_t)p->truth[i] << i;
    return knight;
}

static void solution(const void *problem, char *answer)
{
    const struct knights *p = problem;
    put_answer(&p->group[p->asked], truth_of(p), answer);
}

static bool accepts(const void *problem, const char *answer)
{
    const struct knights *p = problem;
    const struct group *group = &p->group[p->asked];
    uint32_t named = 0, right = 0;
    for (int i = 0; i < group->size; i++)
        right |= (uint32_t)p->truth[letter(group->person[i])] << letter(group->person[i]);
    const char *at = lace_get_text(answer, "none");
    if (at && !*lace_skip_space(at)) return !right;
    for (at = answer; *lace_skip_space(at);) {
        char c;
        if (named) at = lace_skip_space(at), at += *at == ',';
        at = lace_get_letter(at, &c);
        if (!at || isalnum((unsigned char)*at) || named >> letter(c) & 1) return false;
        named |= 1u << letter(c);
    }
    return named && named == right;
}

/* ---- moves: a statement of a case ---- */

static int move_of(int g, int way, bool knight, int j) { return ((g * 2 + way) * 2 + !knight) * SIZE + j; }

static int moves(const void *problem) { return move_of(((const struct knights *)problem)->groups, 0, true, 0); }
static int ranks(const void *problem) { return 2 * ((const struct knights *)problem)->groups; }

/* A case is one rank: its lines are drawn in order. knight: the first of a group is assumed to be a knight first;
 * knave; last: as knight, with the last of the group. */
static int rank(const void *problem, int strategy, int move)
{
    int g = move / (4 * SIZE), knave = move / SIZE % 2;
    return 2 * g + (strategy == 2 ? !knave : knave);
}

/* The move that settles the group in this case: it agrees, or the other case is dead and all of this one is drawn.
 * -1: open. */
static int settled_by(const struct knights *p, lace_work_known known, int g, int way, bool knight)
{
    int last = p->group[g].size - 1, own = move_of(g, way, knight, last), other = move_of(g, way, !knight, last);
    for (int j = 0; j < last; j++)
        if (!known[move_of(g, way, knight, j)]) return -1;
    if (known[own]) return known[own]->value == AGREES ? own : -1;
    return known[other] && known[other]->value == DEAD ? other : -1;
}

/* The case that a group is settled in: its moves begin at *first; the settling move, or -1. */
static int settled(const struct knights *p, lace_work_known known, int g, int *first)
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
static bool known_knight(const struct knights *p, lace_work_known known, char c, short *uses, int *count)
{
    int g = p->home[letter(c)], last = p->group[g].size - 1, first, by = settled(p, known, g, &first);
    assert(by >= 0);
    const struct plan *plan = &p->plan[g][first / (2 * SIZE) % 2];
    uses[(*count)++] = (short)by;
    uses[(*count)++] = (short)(first + last - 1);
    if (plan->person[0] == p->place[letter(c)]) return !(first / SIZE % 2);
    int j = 0;
    while (plan->person[j + 1] != p->place[letter(c)]) j++;
    return known[first + j]->value == KNIGHT;
}

static int useful(const void *problem, int strategy, lace_work_known known, short *list)
{
    const struct knights *p = problem;
    int count = 0, way = strategy == 3, ignored;
    bool is_settled[GROUPS];
    for (int g = 0; g < p->groups; g++) is_settled[g] = p->needed[g] && settled(p, known, g, &ignored) >= 0;
    for (int g = 0; g < p->groups; g++) {
        if (!p->needed[g] || is_settled[g]) continue;
        const struct group *group = &p->group[g];
        for (int knave = 0; knave < 2; knave++) {
            int first = move_of(g, way, !knave, 0), j = 0, last = group->size - 1;
            while (j < group->size && known[first + j]) j++;
            if (j == group->size) continue; /* this case is dead */
            const struct lace_work_line *other = known[move_of(g, way, knave, last)];
            if (j == last && other && other->value == DEAD) continue;
            char outside = outsider(p, g, &group->says[(int)p->plan[g][way].statement[j]]);
            if (!outside || is_settled[(int)p->home[letter(outside)]]) list[count++] = (short)(first + j);
        }
    }
    return count;
}

/* The line's conclusion as what readers take from it. */
static int value_of(const struct knights *p, int move, const int *part)
{
    int g = move / (4 * SIZE), j = move % SIZE, way = move / (2 * SIZE) % 2;
    const struct plan *plan = &p->plan[g][way];
    if (j + 1 < p->group[g].size) return part[CONCLUSION] ? KNIGHT : KNAVE;
    for (int i = 0; i < p->group[g].size; i++)
        if (plan->person[i] == plan->person[j + 1]) return (part[STATE] >> i & 1) == part[CONCLUSION] ? AGREES : DEAD;
    return DEAD;
}

/* The knights that the letters of a line name. */
static uint32_t named_knights(const struct knights *p, int move, const int *part)
{
    int g = move / (4 * SIZE), j = move % SIZE, way = move / (2 * SIZE) % 2;
    const struct plan *plan = &p->plan[g][way];
    const struct group *group = &p->group[g];
    uint32_t knight = 0;
    for (int i = 0; i <= j && i < group->size; i++)
        knight |= (uint32_t)(part[STATE] >> i & 1) << letter(group->person[(int)plan->person[i]]);
    char outside = outsider(p, g, &group->says[(int)plan->statement[j]]);
    if (outside) knight |= (uint32_t)part[OUTSIDE] << letter(outside);
    return knight;
}

static int conclusion_of(const struct knights *p, int move, const int *part)
{
    int g = move / (4 * SIZE), j = move % SIZE, way = move / (2 * SIZE) % 2;
    const struct plan *plan = &p->plan[g][way];
    const struct group *group = &p->group[g];
    int s = plan->statement[j];
    return conclude(&group->says[s], group->person[s], group->person[(int)plan->person[j + 1]],
                    named_knights(p, move, part));
}

static void take(const struct knights *p, struct lace_work_line *line)
{
    bool closes = line->move % SIZE + 1 == p->group[line->move / (4 * SIZE)].size;
    line->value = value_of(p, line->move, line->part);
    line->find = closes;
    line->dead = line->value == DEAD;
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *line)
{
    const struct knights *p = problem;
    int g = move / (4 * SIZE), j = move % SIZE, first = move - j, uses = 0;
    const struct plan *plan = &p->plan[g][move / (2 * SIZE) % 2];
    line->part[STATE] = !(move / SIZE % 2);
    for (int i = 0; i < j; i++) {
        line->part[STATE] |= (known[first + i]->value == KNIGHT) << (i + 1);
        line->uses[uses++] = (short)(first + i);
    }
    char outside = outsider(p, g, &p->group[g].says[(int)plan->statement[j]]);
    if (outside) line->part[OUTSIDE] = known_knight(p, known, outside, line->uses, &uses);
    line->part[CONCLUSION] = conclusion_of(p, move, line->part);
    take(p, line);
    line->yes = line->value != DEAD;
}

/* The slip is the wrong conclusion; at the end of a case it makes a dead one agree, or the other way round. */
static bool falsify(const void *problem, struct lace_work_line *line, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct knights *p = problem;
    if (kind == LACE_FALSE_FLIP) {
        line->yes = !line->yes;
        return line->find;
    }
    if ((line->value == AGREES) != (kind == LACE_FALSE_MISS)) return false;
    line->part[CONCLUSION] = !line->part[CONCLUSION];
    take(p, line);
    line->yes = line->value != DEAD;
    return true;
}

static char as(char c, bool knight) { return knight ? (char)toupper((unsigned char)c) : c; }

static int write(const void *problem, const struct lace_work_line *line, char *text)
{
    const struct knights *p = problem;
    int g = line->move / (4 * SIZE), j = line->move % SIZE;
    const struct plan *plan = &p->plan[g][line->move / (2 * SIZE) % 2];
    const struct group *group = &p->group[g];
    const struct statement *s = &group->says[(int)plan->statement[j]];
    char *at = text, outside = outsider(p, g, s);
    for (int i = 0; i <= j && i < group->size; i++)
        *at++ = as(group->person[(int)plan->person[i]], line->part[STATE] >> i & 1);
    if (outside) *at++ = as(outside, line->part[OUTSIDE]);
    at = put_statement(lace_put_text(at, "| "), manners[0][s->kind], group->person[(int)plan->statement[j]], s);
    at = lace_put_text(at, ", so ");
    *at++ = as(group->person[(int)plan->person[j + 1]], line->part[CONCLUSION]);
    if (line->find) at = lace_put_text(at, line->yes ? ", yes" : ", dead");
    at = lace_put_text(at, ".\n");
    *at = 0;
    return (int)(at - text);
}

static bool answer(const void *problem, lace_work_known known, char *text)
{
    const struct knights *p = problem;
    const struct group *group = &p->group[p->asked];
    uint32_t knight = 0;
    int first;
    if (settled(p, known, p->asked, &first) < 0) return false;
    for (int i = 0; i < group->size; i++) {
        short uses[2];
        int count = 0;
        knight |= (uint32_t)known_knight(p, known, group->person[i], uses, &count) << letter(group->person[i]);
    }
    put_answer(group, knight, text);
    return true;
}

/* ---- lines as others wrote them ---- */

static const char *get_as(const char *at, char *c, bool *knight)
{
    if (!at) return NULL;
    at = lace_skip_space(at);
    if (!isalpha((unsigned char)*at) || (unsigned char)*at >= 128) return NULL;
    *knight = isupper((unsigned char)*at) != 0;
    *c = (char)tolower((unsigned char)*at);
    return at + 1;
}

static bool same(const struct statement *a, const struct statement *b)
{
    return a->kind == b->kind && a->about[0] == b->about[0] && a->about[1] == b->about[1];
}

/* Which move the line is, by its first letter and its statement; -1: none. */
static int find_move(const struct knights *p, const char *state, const bool *knight, int count, char speaker,
                     const struct statement *s, char whom, bool closes)
{
    int g = count ? p->home[letter(state[0])] : -1, said = g < 0 ? -1 : find_place(p, g, speaker);
    if (said < 0 || !p->needed[g] || !same(s, &p->group[g].says[said])) return -1;
    const struct group *group = &p->group[g];
    for (int way = 0; way < 2; way++) {
        const struct plan *plan = &p->plan[g][way];
        if (group->person[(int)plan->person[0]] != state[0]) continue;
        int j = 0, letters = 0;
        while (plan->statement[j] != said) j++;
        while (letters <= j && letters < group->size && letters < count &&
               group->person[(int)plan->person[letters]] == state[letters])
            letters++;
        if (letters != (j + 1 < group->size ? j + 1 : group->size)) return -1;
        char outside = outsider(p, g, s);
        if (count != letters + (outside != 0) || (outside && state[letters] != outside)) return -1;
        if (group->person[(int)plan->person[j + 1]] != whom || closes != (j + 1 == group->size)) return -1;
        return move_of(g, way, knight[0], j);
    }
    return -1;
}

static bool read(const void *problem, const char *text, struct lace_work_line *line)
{
    const struct knights *p = problem;
    char state[SIZE + 2], speaker, whom;
    bool knight[SIZE + 2], concluded;
    int count = 0, j, uses = 0;
    struct statement s;
    const char *at = text, *end;
    while (count < SIZE + 2 && (end = get_as(at, &state[count], &knight[count]))) at = end, count++;
    at = get_any(lace_get_text(at, "|"), 0, &speaker, &s);
    at = get_as(lace_get_text(at, ", so"), &whom, &concluded);
    if (!at || !count) return false;
    const char *yes = lace_get_text(at, ", yes"), *dead = lace_get_text(at, ", dead");
    end = lace_get_text(yes ? yes : dead ? dead : at, ".");
    if (!end || *lace_skip_space(end)) return false;
    line->yes = !dead;
    line->move = (short)find_move(p, state, knight, count, speaker, &s, whom, yes || dead);
    if (line->move < 0) return true;
    j = line->move % SIZE;
    for (int i = 0; i < count; i++) {
        bool inside = p->home[letter(state[i])] == line->move / (4 * SIZE);
        if (inside) line->part[STATE] |= knight[i] << i;
        else line->part[OUTSIDE] = knight[i];
    }
    line->part[CONCLUSION] = concluded;
    take(p, line);
    for (int i = 0; i < j; i++) line->uses[uses++] = (short)(line->move - j + i);
    char outside = outsider(p, line->move / (4 * SIZE), &s);
    if (outside) { /* in the true case of the other group everything is known */
        int g = p->home[letter(outside)], size = p->group[g].size;
        bool is_knight = p->truth[letter(p->group[g].person[(int)p->plan[g][0].person[0]])];
        line->uses[uses++] = (short)move_of(g, 0, is_knight, size - 1);
    }
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    const struct knights *p = problem;
    int g = line->move / (4 * SIZE), j = line->move % SIZE;
    const struct plan *plan = &p->plan[g][line->move / (2 * SIZE) % 2];
    const struct group *group = &p->group[g];
    const struct statement *s = &group->says[(int)plan->statement[j]];
    uint32_t knight = truth_of(p), named = named_knights(p, line->move, line->part);
    char outside = outsider(p, g, s);
    follow(p, g, plan, !(line->move / SIZE % 2), &knight);
    out->believed = line->value != DEAD;
    for (int i = 0; i <= j && i < group->size; i++) {
        int c = letter(group->person[(int)plan->person[i]]);
        if ((knight >> c & 1) != (named >> c & 1)) out->misled = true;
    }
    if (outside && p->truth[letter(outside)] != (line->part[OUTSIDE] != 0)) out->misled = true;
    if (conclusion_of(p, line->move, line->part) != line->part[CONCLUSION])
        out->result = s->about[1] ? WRONG_LIKENESS : WRONG_KIND;
    else out->result = line->yes == out->believed ? RIGHT : WRONG_VERDICT;
}

/* ---- the family ---- */

/* One thread may have to go through both cases of every group. More than four have no more to do than four. The least
 * numbers of rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more. */
static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    static const int rounds[3][HARDEST] = {{9, 13, 17, 21, 24, 28}, {8, 11, 14, 16, 18, 21}, {8, 11, 12, 15, 16, 19}};
    int d = knobs->difficulty.high;
    return threads == 1 ? 2 * (4 + 3 * d) : rounds[threads > 4 ? 2 : threads - 2][d - 1];
}

static const struct lace_work work = {
    .bytes = sizeof(struct knights),
    .ranked = STRATEGIES,
    .draw = draw,
    .numbers = numbers,
    .prompt = prompt,
    .parse = parse,
    .solution = solution,
    .accepts = accepts,
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
    .lookup = LOOKUP,
};

static const char *const strategies[] = {"knight", "knave", "last", "random", NULL};
static const char *const errors[] = {"right", "lookup error", "wrong kind", "wrong likeness", "wrong verdict", NULL};

const struct lace_family lace_family_knights = {
    .name = "knights",
    .summary = "who are the knights, by what people in groups say of one another",
    .easiest = 1,
    .hardest = HARDEST,
    .trained_low = 1,
    .trained_high = 4,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .make = lace_work_make,
    .write = lace_work_write,
    .check = lace_work_check,
    .solve = lace_work_solve,
    .check_step = lace_work_check_step,
    .forge = lace_work_forge,
    .side = lace_work_side,
    .race = lace_work_race,
    .budget = budget,
};
