/* Problems of the family `path` as text: drawing, writing, reading, solving, reading and judging a line.
 * One table of wordings drives both the writer and the reader, so neither can know one more. */
#include "synth/path.h"
#include "synth/scan.h"
#include <string.h>

/* $s: the start; $g: the goal; $r: the roads. */
static const char *const wordings[] = {
    "Shortest from $s to $g: $r.",
    "How far is it from $s to $g? Roads: $r.",
    "Roads: $r. Find the shortest way from $s to $g.",
    "$r. What is the way from $s to $g?",
};
enum { WORDINGS = sizeof wordings / sizeof *wordings };

/* ---- the graph ---- */

static uint32_t bit(int node) { return (uint32_t)1 << node; }

/* The nodes that lead to, or are led to from, `seen`: a closure over the roads in one direction. */
static uint32_t closure(uint32_t seen, const struct lace_path_road *roads, int count, bool backward)
{
    for (uint32_t before = 0; before != seen;) {
        before = seen;
        for (int i = 0; i < count; i++) {
            uint32_t from = bit(backward ? roads[i].to : roads[i].from),
                     to = bit(backward ? roads[i].from : roads[i].to);
            if (seen & from) seen |= to;
        }
    }
    return seen;
}

static int add_end(struct lace_path_end *end, int node, const struct lace_path_road *road, const char *which, int at,
                   struct lace_error *err)
{
    if (end->count == 2) return lace_fail(err, LACE_BAD, "More than two roads lead %s %c; leave two.", which, 'a' + at);
    end->node[end->count] = (uint8_t)node;
    end->toll[end->count] = road->toll;
    end->length[end->count++] = road->length;
    return 0;
}

/* Orders the nodes so that roads lead onward; false: they lead in a circle. */
static bool order_nodes(struct lace_path *p, uint32_t useful)
{
    uint32_t placed = 0;
    p->node_count = 0;
    while (placed != useful) {
        uint32_t before = placed;
        for (int v = 0; v < PATH_NODES; v++) {
            if (!(useful & bit(v) & ~placed)) continue;
            bool ready = true;
            for (int i = 0; i < p->in[v].count; i++) ready &= (placed & bit(p->in[v].node[i])) != 0;
            if (!ready) continue;
            placed |= bit(v);
            p->order[v] = (uint8_t)p->node_count;
            p->node[p->node_count++] = (uint8_t)v;
        }
        if (placed == before) return false;
    }
    return true;
}

static int nearest(const struct lace_path_end *end, const int *known)
{
    int best = known[end->node[0]] + end->length[0];
    if (end->count == 2 && known[end->node[1]] + end->length[1] < best) best = known[end->node[1]] + end->length[1];
    return best;
}

/* Does every way pass u or v? */
static bool separates(const struct lace_path *p, int u, int v)
{
    uint32_t seen = bit(p->start);
    for (int i = 0; i < p->node_count; i++) {
        int w = p->node[i];
        if (w == u || w == v || !(seen & bit(w))) continue;
        for (int k = 0; k < p->out[w].count; k++) seen |= bit(p->out[w].node[k]);
    }
    return !(seen & bit(p->goal));
}

/* The pair for which as many nodes lie before as behind. */
static void find_cut(struct lace_path *p)
{
    uint32_t before[PATH_NODES] = {0}, behind[PATH_NODES] = {0}; /* with the node itself */
    for (int i = 0; i < p->node_count; i++) {
        int v = p->node[i];
        before[v] = bit(v);
        for (int k = 0; k < p->in[v].count; k++) before[v] |= before[p->in[v].node[k]];
    }
    for (int i = p->node_count; i-- > 0;) {
        int v = p->node[i];
        behind[v] = bit(v);
        for (int k = 0; k < p->out[v].count; k++) behind[v] |= behind[p->out[v].node[k]];
    }
    int best = 1 << 10;
    p->cut[0] = p->cut[1] = -1;
    for (int i = 1; i + 1 < p->node_count; i++)
        for (int k = i + 1; k + 1 < p->node_count; k++) {
            int u = p->node[i], v = p->node[k];
            if (before[v] & bit(u)) continue;
            int near = __builtin_popcount(before[u] | before[v]), far = __builtin_popcount(behind[u] | behind[v]);
            int cost = 4 * (near > far ? near - far : far - near) + near + far;
            if (cost >= best || !separates(p, u, v)) continue;
            best = cost;
            p->cut[0] = u;
            p->cut[1] = v;
            p->near = (before[u] | before[v]) & ~bit(p->start);
            p->far = (behind[u] | behind[v]) & ~bit(p->goal);
        }
}

int lace_path_init(struct lace_path *p, int start, int goal, const struct lace_path_road *roads, int count,
                   struct lace_error *err)
{
    memset(p, 0, sizeof *p);
    p->start = start;
    p->goal = goal;
    if (start == goal)
        return lace_fail(err, LACE_BAD, "The way leads from %c to %c; give two nodes.", 'a' + start, 'a' + goal);
    uint32_t useful = closure(bit(start), roads, count, false) & closure(bit(goal), roads, count, true);
    if (!(useful & bit(goal)))
        return lace_fail(err, LACE_BAD, "No way leads from %c to %c; add roads.", 'a' + start, 'a' + goal);
    for (int i = 0; i < count; i++) {
        const struct lace_path_road *r = &roads[i];
        if (!(useful & bit(r->from)) || !(useful & bit(r->to))) continue;
        for (int k = 0; k < p->road_count; k++)
            if (p->road[k].from == r->from && p->road[k].to == r->to)
                return lace_fail(err, LACE_BAD, "Two roads lead from %c to %c; leave one.", 'a' + r->from, 'a' + r->to);
        p->road[p->road_count++] = *r;
        int code = add_end(&p->out[r->from], r->to, r, "out of", r->from, err);
        if (!code) code = add_end(&p->in[r->to], r->from, r, "into", r->to, err);
        if (code) return code;
    }
    if (!order_nodes(p, useful) || p->in[start].count || p->out[goal].count)
        return lace_fail(err, LACE_BAD, "The roads lead in a circle; every road must lead onward.");
    for (int i = 1; i < p->node_count; i++) {
        int v = p->node[i], w = p->node[p->node_count - 1 - i];
        p->from_start[v] = nearest(&p->in[v], p->from_start);
        p->to_goal[w] = nearest(&p->out[w], p->to_goal);
        if (p->from_start[v] > PATH_LENGTH || p->to_goal[w] > PATH_LENGTH)
            return lace_fail(err, LACE_BAD, "The way from %c to %c is longer than %d; shorten the roads.", 'a' + start,
                             'a' + goal, PATH_LENGTH);
    }
    find_cut(p);
    return 0;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t lace_path_shape(const struct lace_path *p)
{
    uint64_t shape[PATH_NODES] = {0}; /* of all that leads to a node */
    for (int i = 0; i < p->node_count; i++) {
        const struct lace_path_end *in = &p->in[p->node[i]];
        uint64_t sum = in->count; /* a sum, so that the order of the two does not count */
        for (int k = 0; k < in->count; k++)
            sum += mix(shape[in->node[k]] + in->length[k] + ((uint64_t)in->toll[k] << 8));
        shape[p->node[i]] = mix(sum + 0x9e3779b97f4a7c15u);
    }
    return shape[p->goal];
}

/* ---- drawing ---- */

int lace_path_draw_roads(int layers, uint32_t used, struct lace_rng *rng, struct lace_path_road *roads, int *start,
                         int *goal)
{
    uint8_t letter[PATH_NODES] = {0}, free[PATH_NODES] = {0};
    int frees = 0;
    for (int i = 0; i < PATH_NODES; i++)
        if (!(used & bit(i))) free[frees++] = (uint8_t)i;
    int need = 2 * layers + 2, count = 0, longest = PATH_LENGTH / (layers + 1) < 9 ? PATH_LENGTH / (layers + 1) : 9;
    if (lace_rng_below(rng, 2)) {
        int first = (int)lace_rng_below(rng, (uint32_t)(frees - need + 1));
        for (int i = 0; i < need; i++) letter[i] = free[first + i];
    } else
        for (int i = 0, left = need; i < frees && left; i++) /* any letters, in order */
            if ((int)lace_rng_below(rng, (uint32_t)(frees - i)) < left) letter[need - left--] = free[i];
    *start = letter[0];
    *goal = letter[need - 1];
    for (int i = 0; i <= layers; i++) {
        const uint8_t *near = i ? &letter[2 * i - 1] : letter, *far = &letter[2 * i + 1];
        int nears = i ? 2 : 1, fars = i < layers ? 2 : 1;
        int left_out =
            nears * fars == 4 ? (int)lace_rng_below(rng, 8) : 8; /* of four, one is missing half of the time */
        for (int k = 0; k < nears * fars; k++)
            if (k != left_out)
                roads[count++] = (struct lace_path_road){near[k / fars], far[k % fars],
                                                         (uint8_t)(1 + lace_rng_below(rng, (uint32_t)longest)), 0};
    }
    return count;
}

uint32_t lace_path_used(const struct lace_path_road *roads, int count)
{
    uint32_t used = 0;
    for (int i = 0; i < count; i++) used |= bit(roads[i].from) | bit(roads[i].to);
    return used;
}

static int distract(struct lace_path_road *roads, int count, uint32_t used, struct lace_rng *rng)
{
    int real = count;
    used |= lace_path_used(roads, real);
    for (int i = 0; i < 2 && used != bit(PATH_NODES) - 1; i++) {
        int strange, length = 1 + (int)lace_rng_below(rng, 9);
        do strange = (int)lace_rng_below(rng, PATH_NODES);
        while (used & bit(strange));
        used |= bit(strange);
        const struct lace_path_road *at = &roads[lace_rng_below(rng, (uint32_t)real)];
        /* Away from a way, or onto it: either is on none. */
        if (lace_rng_below(rng, 2))
            roads[count++] = (struct lace_path_road){at->from, (uint8_t)strange, (uint8_t)length, 0};
        else roads[count++] = (struct lace_path_road){(uint8_t)strange, at->to, (uint8_t)length, 0};
    }
    return count;
}

static void shuffle(struct lace_path_road *roads, int count, struct lace_rng *rng)
{
    for (int i = count - 1; i > 0; i--) {
        int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
        struct lace_path_road t = roads[i];
        roads[i] = roads[j];
        roads[j] = t;
    }
}

/* ---- writing ---- */

static char *put_roads(char *at, const struct lace_path_road *roads, int count)
{
    for (int i = 0; i < count; i++) {
        if (i) at = lace_put_text(at, ", ");
        *at++ = (char)('a' + roads[i].from);
        if (roads[i].toll) *at++ = '(', *at++ = roads[i].toll, *at++ = ')';
        else at = lace_put_number(at, roads[i].length);
        *at++ = (char)('a' + roads[i].to);
    }
    return at;
}

void lace_path_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng, struct lace_text *out)
{
    const struct lace_path *p = problem;
    struct lace_path_road roads[PATH_ROADS + 2];
    char text[128 + 8 * PATH_ROADS], *at = text;
    int count = p->road_count, wording = 0;
    memcpy(roads, p->road, sizeof p->road);
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, WORDINGS - 1);
    if (ambiguity == 2) {
        wording = (int)lace_rng_below(rng, WORDINGS);
        count = distract(roads, count, used, rng);
        shuffle(roads, count, rng);
    }
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 's') *at++ = (char)('a' + p->start);
        else if (*w == 'g') *at++ = (char)('a' + p->goal);
        else at = put_roads(at, roads, count);
    }
    lace_text_add(out, text, (size_t)(at - text));
}

int lace_path_write_line(const struct lace_path_line *line, char *text)
{
    static const char *const opening[] = {"To ", "From ", "Via"};
    char *at = lace_put_text(text, opening[line->kind]);
    if (line->kind != PATH_VIA) *at++ = (char)('a' + line->node);
    for (int i = 0; i < line->terms; i++) {
        at = lace_put_text(at, i ? ", " : ": ");
        *at++ = (char)('a' + line->term[i].node);
        at = lace_put_number(at, line->term[i].known);
        *at++ = '+';
        at = lace_put_number(at, line->term[i].add);
        *at++ = '=';
        at = lace_put_number(at, line->term[i].sum);
    }
    at = lace_put_number(lace_put_text(at, ", so "), line->so);
    at = lace_put_text(at, ".\n");
    *at = 0;
    return (int)(at - text);
}

/* ---- reading ---- */

static const char *get_node(const char *at, int *node)
{
    char letter;
    at = lace_get_letter(at, &letter);
    if (at) *node = letter - 'a';
    return at;
}

static const char *get_roads(const char *at, bool tolls, struct lace_path_road *roads, int *count)
{
    for (*count = 0;; at = lace_get_text(at, ",")) {
        int from, to, length = 0;
        char toll = 0;
        if (*count == PATH_ROADS || !(at = get_node(at, &from))) return NULL;
        const char *number = lace_get_number(at, 2, &length);
        if (!number && tolls) number = lace_get_text(lace_get_letter(lace_get_text(at, "("), &toll), ")");
        if (!(at = get_node(number, &to)) || (!toll && !length) || from == to) return NULL;
        roads[(*count)++] = (struct lace_path_road){(uint8_t)from, (uint8_t)to, (uint8_t)length, toll};
        if (!lace_get_text(at, ",")) return at;
    }
}

static bool read_wording(const char *w, const char *at, bool tolls, int *start, int *goal, struct lace_path_road *roads,
                         int *count)
{
    for (; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (*w == '.' && !w[1] && !*lace_skip_space(at)) return true; /* a missing last full stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 's') at = get_node(at, start);
        else if (*w == 'g') at = get_node(at, goal);
        else at = get_roads(at, tolls, roads, count);
    }
    return at && !*lace_skip_space(at);
}

bool lace_path_read_prompt(const char *prompt, bool tolls, struct lace_path_road *roads, int *count, int *start,
                           int *goal)
{
    for (int i = 0; i < WORDINGS; i++)
        if (read_wording(wordings[i], prompt, tolls, start, goal, roads, count)) return true;
    return false;
}

int lace_path_parse(struct lace_path *p, const char *prompt, struct lace_error *err)
{
    struct lace_path_road roads[PATH_ROADS];
    int count = 0, start = 0, goal = 0;
    if (lace_path_read_prompt(prompt, false, roads, &count, &start, &goal))
        return lace_path_init(p, start, goal, roads, count, err);
    return lace_fail(err, LACE_BAD,
                     "The prompt is not a path problem; one reads `Shortest from a to d: a3b, a5c, b4d, c6d.`.");
}

bool lace_path_read_line(const char *text, struct lace_path_line *line)
{
    static const char *const opening[] = {"To", "From", "Via"};
    const char *at = NULL;
    memset(line, 0, sizeof *line);
    line->node = -1;
    for (int kind = PATH_TO; !at && kind <= PATH_VIA; kind++)
        if ((at = lace_get_text(text, opening[kind]))) line->kind = (enum lace_path_kind)kind;
    if (line->kind != PATH_VIA) at = get_node(at, &line->node);
    at = lace_get_text(at, ":");
    while (line->terms < 2 && at) {
        int node = 0, known, add, sum;
        at = lace_get_number(get_node(at, &node), 3, &known);
        at = lace_get_number(lace_get_text(at, "+"), 3, &add);
        at = lace_get_text(lace_get_number(lace_get_text(at, "="), 3, &sum), ",");
        if (!at) return false;
        line->term[line->terms].node = node;
        line->term[line->terms].known = known;
        line->term[line->terms].add = add;
        line->term[line->terms++].sum = sum;
        if (lace_get_text(at, "so")) break;
    }
    at = lace_get_text(lace_get_number(lace_get_text(at, "so"), 3, &line->so), ".");
    return at && !*lace_skip_space(at);
}

/* ---- lines ---- */

void lace_path_settle(const struct lace_path *p, enum lace_path_kind kind, int node, const int *known, const int *more,
                      struct lace_path_line *line)
{
    const struct lace_path_end *end = kind == PATH_TO ? &p->in[node] : kind == PATH_FROM ? &p->out[node] : NULL;
    *line = (struct lace_path_line){.kind = kind, .node = node, .terms = end ? end->count : 2};
    for (int i = 0; i < line->terms; i++) {
        struct lace_path_term *t = &line->term[i];
        t->node = end ? end->node[i] : p->cut[i];
        t->known = known[t->node];
        t->add = end ? end->length[i] : more[t->node];
        t->sum = t->known + t->add;
    }
    line->so = lace_path_value(line);
}

int lace_path_value(const struct lace_path_line *line)
{
    return line->terms == 2 && line->term[1].sum < line->term[0].sum ? line->term[1].sum : line->term[0].sum;
}

void lace_path_slip(struct lace_path_line *line, bool small, bool roads, struct lace_rng *rng)
{
    int value = lace_path_value(line), other = (int)lace_rng_below(rng, 3) ? 1 : 10; /* counted wrongly, or carried */
    for (int i = 0; i < line->terms; i++) {
        struct lace_path_term *t = &line->term[i];
        if (!small) {
            t->sum += other; /* both, where both are least or nearly so: else the value may stay */
            continue;
        }
        if (t->sum != value) continue;
        int less = value > other ? value - other : value > 1 ? value - 1 : value + 1;
        /* Half of the slips are in the road, and the sum fits them. */
        if (roads && line->kind != PATH_VIA && less >= t->known && lace_rng_below(rng, 2)) t->add = less - t->known;
        t->sum = less;
        break;
    }
    line->so = lace_path_value(line);
}

/* Is the term's node one of the ends, at this distance? Another distance for a toll may follow from a falsehood. */
static bool has_end(const struct lace_path_end *end, const struct lace_path_term *term, bool *misled)
{
    for (int i = 0; i < end->count; i++) {
        if (end->node[i] != term->node) continue;
        if (end->toll[i] && end->length[i] != term->add) *misled = true;
        return end->toll[i] || end->length[i] == term->add;
    }
    return false;
}

int lace_path_judge(const struct lace_path *p, const struct lace_path_line *line, bool *misled)
{
    const struct lace_path_end *end = line->kind == PATH_TO     ? &p->in[line->node]
                                      : line->kind == PATH_FROM ? &p->out[line->node]
                                                                : NULL;
    int result = 0;
    *misled = false;
    if (line->terms != (end ? end->count : 2) || (line->terms == 2 && line->term[0].node == line->term[1].node))
        return PATH_LOOKUP;
    for (int i = 0; i < line->terms; i++) {
        const struct lace_path_term *t = &line->term[i];
        const int *known = line->kind == PATH_FROM ? p->to_goal : p->from_start;
        if (end ? !has_end(end, t, misled) : t->node != p->cut[0] && t->node != p->cut[1]) return PATH_LOOKUP;
        if (end && t->node == (line->kind == PATH_TO ? p->start : p->goal) && t->known) return PATH_LOOKUP;
        if (t->known != known[t->node] || (!end && t->add != p->to_goal[t->node])) *misled = true;
        if (t->sum != t->known + t->add) result = PATH_SUM;
    }
    if (result) return result;
    return line->so == lace_path_value(line) ? 0 : PATH_CHOICE;
}
