/* Problems of the family `knights`: what follows from the statements, drawing, the same problem under other letters,
 * prompts and answers. */
#include "synth/knights.h"
#include "synth/scan.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- what follows from the statements ---- */

/* Which statements give whom does not depend on who is what: each leaves one member open. */
static struct lace_knights_plan make_plan(const struct lace_knights *p, int g, int assumed)
{
    const struct lace_knights_group *group = &p->group[g];
    struct lace_knights_plan plan = {.person = {(char)assumed}};
    int known = 1 << assumed, used = 0;
    for (int j = 0; j + 1 < group->size; j++) {
        int found = -1, whom = -1;
        for (int s = 0; s < group->size && found < 0; s++) {
            int open = used >> s & 1 ? 0 : known >> s & 1 ? 0 : 1 << s;
            for (int k = 0; k < 2; k++) {
                int i = lace_knights_place(p, g, group->says[s].about[k]);
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

bool lace_knights_claim(const struct lace_knights_statement *s, char subject, uint32_t knight)
{
    bool claim = s->kind & 1;
    for (int k = 0; k < 2; k++)
        if (s->about[k] && s->about[k] != subject) claim ^= !(knight >> lace_knights_letter(s->about[k]) & 1);
    return claim;
}

bool lace_knights_conclude(const struct lace_knights_statement *s, char speaker, char whom, bool claim, uint32_t knight)
{
    char other = speaker != whom ? speaker : lace_knights_subject(s, whom);
    return claim == (knight >> lace_knights_letter(other) & 1);
}

static bool infer(const struct lace_knights_statement *s, char speaker, char whom, uint32_t knight)
{
    return lace_knights_conclude(s, speaker, whom, lace_knights_claim(s, lace_knights_subject(s, whom), knight),
                                 knight);
}

bool lace_knights_follow(const struct lace_knights *p, int g, const struct lace_knights_plan *plan, bool assumed,
                         uint32_t *knight)
{
    const struct lace_knights_group *group = &p->group[g];
    for (int i = 0; i < group->size; i++) *knight &= ~(1u << lace_knights_letter(group->person[i]));
    *knight |= (uint32_t)assumed << lace_knights_letter(group->person[(int)plan->person[0]]);
    for (int j = 0; j < group->size; j++) {
        int s = plan->statement[j];
        char whom = group->person[(int)plan->person[j + 1]];
        bool result = infer(&group->says[s], group->person[s], whom, *knight);
        if (j + 1 == group->size) return result == (*knight >> lace_knights_letter(whom) & 1);
        *knight |= (uint32_t)result << lace_knights_letter(whom);
    }
    return false;
}

/* Settles a group after those that it needs; false: it cannot be, or hangs in a circle. */
static bool settle(struct lace_knights *p, int g, uint32_t *knight, signed char *state)
{
    if (state[g]) return state[g] == 2;
    state[g] = 1;
    for (int i = 0; i < p->group[g].size; i++) {
        char other = lace_knights_outsider(p, g, &p->group[g].says[i]);
        if (other &&
            (p->home[lace_knights_letter(other)] < 0 || !settle(p, p->home[lace_knights_letter(other)], knight, state)))
            return false;
    }
    if (!p->plan[g][0].works) return false;
    uint32_t knave_case = *knight, knight_case = *knight;
    bool knave = lace_knights_follow(p, g, &p->plan[g][0], false, &knave_case),
         is_knight = lace_knights_follow(p, g, &p->plan[g][0], true, &knight_case);
    if (knave == is_knight) return false;
    *knight = knave ? knave_case : knight_case;
    state[g] = 2;
    p->needed[g] = true;
    return true;
}

static bool finish(struct lace_knights *p)
{
    signed char state[KNIGHTS_GROUPS] = {0};
    uint32_t knight = 0;
    memset(p->home, -1, sizeof p->home);
    memset(p->needed, 0, sizeof p->needed);
    for (int g = 0; g < p->groups; g++)
        for (int i = 0; i < p->group[g].size; i++) {
            int c = lace_knights_letter(p->group[g].person[i]);
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

static void add_person(struct lace_knights_group *group, char c)
{
    int at = group->size++;
    for (; at > 0 && group->person[at - 1] > c; at--) group->person[at] = group->person[at - 1];
    group->person[at] = c;
}

/* Statements of a group that are true of its solution; links: letters of other groups that it is to speak of. */
static void draw_statements(struct lace_knights_group *group, uint32_t knight, const char *links, int link_count,
                            struct lace_rng *rng)
{
    int order[KNIGHTS_SIZE] = {0, 1, 2, 3};
    lace_rng_shuffle(rng, order, group->size);
    for (int i = 0; i < group->size; i++) {
        int speaker = order[i], one = (speaker + 1 + (int)lace_rng_below(rng, (uint32_t)group->size - 1)) % group->size;
        struct lace_knights_statement *s = &group->says[speaker];
        *s = (struct lace_knights_statement){.about = {group->person[one]}};
        if (i < link_count) s->about[1] = links[i];
        else if (group->size > 2 && lace_rng_below(rng, 2)) {
            int other = one;
            while (other == one || other == speaker) other = (int)lace_rng_below(rng, (uint32_t)group->size);
            s->about[1] = group->person[other];
        }
        s->kind = s->about[1] ? KNIGHTS_UNLIKE : KNIGHTS_LIES;
        if (infer(s, group->person[speaker], group->person[speaker], knight) !=
            (knight >> lace_knights_letter(group->person[speaker]) & 1))
            s->kind |= 1;
    }
}

static bool draw_group(struct lace_knights *p, int g, uint32_t knight, const char *links, int link_count,
                       struct lace_rng *rng)
{
    for (int tries = 0; tries < 200; tries++) {
        draw_statements(&p->group[g], knight, links, link_count, rng);
        struct lace_knights_plan plan = make_plan(p, g, 0);
        uint32_t wrong = knight;
        bool truth = knight >> lace_knights_letter(p->group[g].person[0]) & 1;
        if (!plan.works || !make_plan(p, g, p->group[g].size - 1).works) continue;
        if (!lace_knights_follow(p, g, &plan, !truth, &wrong)) return true;
    }
    return false;
}

/* The asked group has four members, the others three; each of them is spoken of by a group nearer to the asked one. */
int lace_knights_draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_knights *p = problem;
    for (int tries = 0; tries < 1000; tries++) {
        int letters[26], next = 0, depth[KNIGHTS_GROUPS] = {0}, link_count[KNIGHTS_GROUPS] = {0};
        char links[KNIGHTS_GROUPS][KNIGHTS_SIZE];
        uint32_t knight = lace_rng_u32(rng);
        bool good = true;
        *p = (struct lace_knights){.groups = knobs->difficulty.low + 1};
        for (int i = 0; i < 26; i++) letters[i] = 'a' + i;
        lace_rng_shuffle(rng, letters, 26);
        memset(p->home, -1, sizeof p->home);
        for (int g = 0; g < p->groups; g++) {
            struct lace_knights_group *group = &p->group[g];
            for (int i = 0; i < (g ? 3 : 4); i++) add_person(group, (char)letters[next++]);
            for (int i = 0; i < group->size; i++) {
                p->home[lace_knights_letter(group->person[i])] = (signed char)g;
                p->place[lace_knights_letter(group->person[i])] = (signed char)i;
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
static int code_group(const struct lace_knights *p, int g, uint8_t *code, int *place)
{
    const struct lace_knights_group *group = &p->group[g];
    uint64_t linked[KNIGHTS_SIZE] = {0};
    for (int i = 0; i < group->size; i++) {
        char other = lace_knights_outsider(p, g, &group->says[i]);
        uint8_t inner[1 + KNIGHTS_SIZE * CODED + 1];
        int places[KNIGHTS_SIZE];
        if (!other) continue;
        int count = code_group(p, p->home[lace_knights_letter(other)], inner, places);
        inner[count++] = (uint8_t)places[(int)p->place[lace_knights_letter(other)]];
        linked[i] = lace_hash(inner, (size_t)count);
    }
    int order[KNIGHTS_SIZE], count = 1 + group->size * CODED, orders = 1;
    for (int i = 2; i <= group->size; i++) orders *= i;
    for (int o = 0; o < orders; o++) {
        int left[KNIGHTS_SIZE], to[KNIGHTS_SIZE], rest = o;
        for (int i = 0; i < group->size; i++) left[i] = i;
        for (int i = 0; i < group->size; i++) { /* the o-th order */
            int k = rest % (group->size - i);
            rest /= group->size - i;
            order[i] = left[k];
            to[order[i]] = i;
            memmove(&left[k], &left[k + 1], (size_t)(group->size - i - k - 1) * sizeof *left);
        }
        uint8_t next[1 + KNIGHTS_SIZE * CODED] = {(uint8_t)group->size};
        for (int i = 0; i < group->size; i++) {
            const struct lace_knights_statement *s = &group->says[order[i]];
            uint8_t *at = &next[1 + i * CODED];
            int inside = 0;
            *at++ = (uint8_t)s->kind;
            for (int k = 0; k < 2; k++) { /* a set: who is like whom has no order */
                int member = lace_knights_place(p, g, s->about[k]);
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

int lace_knights_numbers(const void *problem, uint8_t *out)
{
    const struct lace_knights *p = problem;
    int place[KNIGHTS_SIZE];
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

static char *put_statement(char *at, const char *manner, char speaker, const struct lace_knights_statement *s,
                           uint32_t knight)
{
    for (const char *w = manner; *w; w++) {
        if (*w != '$') {
            *at++ = *w;
            continue;
        }
        char c = *++w == 's' ? speaker : s->about[*w == 'u'];
        *at++ = lace_knights_as(c, knight >> lace_knights_letter(c) & 1);
    }
    return at;
}

static char *put_groups(char *at, const struct lace_knights *p, const int *order, bool shuffled, int manner,
                        struct lace_rng *rng)
{
    for (int i = 0; i < p->groups; i++) {
        const struct lace_knights_group *group = &p->group[order[i]];
        int speakers[KNIGHTS_SIZE] = {0, 1, 2, 3};
        if (shuffled) lace_rng_shuffle(rng, speakers, group->size);
        if (i) at = lace_put_text(at, "; ");
        for (int k = 0; k < group->size; k++) {
            const struct lace_knights_statement *s = &group->says[speakers[k]];
            if (k) at = lace_put_text(at, ", ");
            at = put_statement(at, manners[manner][s->kind], group->person[speakers[k]], s, 0);
        }
    }
    return at;
}

/* Two more people, of whom nobody else speaks. */
static void distract(struct lace_knights *p, struct lace_rng *rng)
{
    int g = p->groups;
    for (int tries = 0; p->group[g].size < 2 && tries < 1000; tries++) {
        char c = (char)('a' + lace_rng_below(rng, 26));
        if (p->home[lace_knights_letter(c)] >= 0) continue;
        add_person(&p->group[g], c);
        p->home[lace_knights_letter(c)] = (signed char)g;
    }
    if (p->group[g].size < 2) return;
    draw_statements(&p->group[g], lace_rng_u32(rng), NULL, 0, rng);
    p->groups++;
}

void lace_knights_prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    struct lace_knights p = *(const struct lace_knights *)problem;
    int wording = 0, manner = 0, order[KNIGHTS_GROUPS];
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
    char text[128 + KNIGHTS_GROUPS * KNIGHTS_SIZE * 48], *at = text;
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

const char *lace_knights_get_as(const char *at, char *c, bool *knight)
{
    if (!at) return NULL;
    at = lace_skip_space(at);
    *knight = *at >= 'A' && *at <= 'Z';
    if (!*knight) return lace_get_letter(at, c);
    *c = (char)(*at - 'A' + 'a');
    return at + 1;
}

/* knight: bits of those in capitals. */
static const char *get_statement(const char *at, const char *manner, char *speaker, struct lace_knights_statement *s,
                                 uint32_t *knight)
{
    for (const char *w = manner; at && *w; w++) {
        char fixed[2] = {*w, 0}, c;
        bool is_knight;
        if (*w != '$') {
            at = lace_get_text(at, fixed);
            continue;
        }
        w++;
        if (!(at = lace_knights_get_as(at, &c, &is_knight))) break;
        *(*w == 's' ? speaker : &s->about[*w == 'u']) = c;
        *knight |= (uint32_t)is_knight << lace_knights_letter(c);
    }
    return at;
}

/* A statement in one of the manners of a row; NULL: none. Of several that fit the longest counts: one may begin
 * another. */
static const char *get_any(const char *at, int manner, char *speaker, struct lace_knights_statement *out,
                           uint32_t *knight)
{
    const char *best = NULL;
    for (int kind = KNIGHTS_LIES; kind <= KNIGHTS_LIKE && at; kind++) {
        struct lace_knights_statement s = {.kind = (enum lace_knights_kind)kind};
        char who;
        uint32_t capitals = 0;
        const char *end = get_statement(at, manners[manner][kind], &who, &s, &capitals);
        if (!end || (best && end <= best)) continue;
        best = end;
        *knight = capitals;
        *speaker = who;
        *out = s;
    }
    return best;
}

static const char *get_groups(const char *at, struct lace_knights *p, int manner)
{
    for (p->groups = 0; at; at = lace_get_text(at, ";")) {
        struct lace_knights_group *group = &p->group[p->groups];
        if (p->groups == KNIGHTS_GROUPS) return NULL;
        *group = (struct lace_knights_group){0};
        for (bool more = true; more;) {
            char speaker;
            struct lace_knights_statement s;
            uint32_t capitals = 0; /* of which a prompt has none */
            if (group->size == KNIGHTS_SIZE || !(at = get_any(at, manner, &speaker, &s, &capitals)) || capitals)
                return NULL;
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
            struct lace_knights_statement none;
            more = comma && get_any(comma, manner, &ignored, &none, &capitals);
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
        if (*count == KNIGHTS_SIZE) return NULL;
        at = lace_get_letter(at, &asked[(*count)++]);
        const char *comma = lace_get_text(at, ",");
        char next;
        /* "a, b, who are": a letter after the comma is asked for where no word begins with it. */
        const char *end = comma ? lace_get_letter(comma, &next) : NULL;
        if (!end || isalpha((unsigned char)*end)) return at;
    }
    return NULL;
}

static bool read_wording(const char *w, int manner, const char *at, struct lace_knights *p, char *asked, int *count)
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

static int check_letters(struct lace_knights *p, const char *asked, int count, struct lace_error *err)
{
    bool there[26] = {false};
    int home = -1;
    for (int g = 0; g < p->groups; g++)
        for (int i = 0; i < p->group[g].size; i++) {
            char c = p->group[g].person[i];
            if (there[lace_knights_letter(c)]) return lace_fail(err, LACE_BAD, "%c says two things; leave one.", c);
            there[lace_knights_letter(c)] = true;
            if (c == asked[0]) home = g;
        }
    for (int g = 0; g < p->groups; g++)
        for (int i = 0; i < p->group[g].size; i++) {
            const struct lace_knights_statement *s = &p->group[g].says[i];
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

int lace_knights_parse(void *problem, const char *text, struct lace_error *err)
{
    struct lace_knights *p = problem;
    char asked[KNIGHTS_SIZE];
    int count = 0;
    bool read = false;
    for (int i = 0; i < 2 * WORDINGS && !read; i++) {
        *p = (struct lace_knights){0};
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

void lace_knights_put_answer(const struct lace_knights_group *group, uint32_t knight, char *at)
{
    char *start = at;
    for (int i = 0; i < group->size; i++) {
        if (!(knight >> lace_knights_letter(group->person[i]) & 1)) continue;
        if (at > start) *at++ = ' ';
        *at++ = group->person[i];
    }
    if (at == start) at = lace_put_text(at, "none");
    *at = 0;
}

uint32_t lace_knights_truth(const struct lace_knights *p)
{
    uint32_t knight = 0;
    for (int i = 0; i < 26; i++) knight |= (uint32_t)p->truth[i] << i;
    return knight;
}

void lace_knights_solution(const void *problem, char *answer)
{
    const struct lace_knights *p = problem;
    lace_knights_put_answer(&p->group[p->asked], lace_knights_truth(p), answer);
}

bool lace_knights_accepts(const void *problem, const char *answer)
{
    const struct lace_knights *p = problem;
    const struct lace_knights_group *group = &p->group[p->asked];
    uint32_t named = 0, right = 0;
    for (int i = 0; i < group->size; i++)
        right |= (uint32_t)p->truth[lace_knights_letter(group->person[i])] << lace_knights_letter(group->person[i]);
    const char *at = lace_get_text(answer, "none");
    if (at && !*lace_skip_space(at)) return !right;
    for (at = answer; *lace_skip_space(at);) {
        char c;
        if (named) at = lace_skip_space(at), at += *at == ',';
        at = lace_get_letter(at, &c);
        if (!at || isalnum((unsigned char)*at) || named >> lace_knights_letter(c) & 1) return false;
        named |= 1u << lace_knights_letter(c);
    }
    return named && named == right;
}

/* ---- a statement in a line: in the first manner ---- */

char *lace_knights_put(char *at, char speaker, const struct lace_knights_statement *s, uint32_t knight)
{
    return put_statement(at, manners[0][s->kind], speaker, s, knight);
}

const char *lace_knights_get(const char *at, char *speaker, struct lace_knights_statement *s, uint32_t *knight)
{
    return at ? get_any(at, 0, speaker, s, knight) : NULL;
}
