/* The family `path` as facts and moves: a node's distance from the start, its distance to the goal, and the way over
 * the cut. The strategies settle the one, the other, or both up to the cut. */
#include "synth/path.h"
#include "synth/scan.h"
#include <assert.h>
#include <string.h>

enum { MIDDLE = 1, FORWARD, BACKWARD, VIA = 2 * PATH_NODES };

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    struct lace_path_road roads[PATH_ROADS];
    int start, goal, count = lace_path_draw_roads(lace_family_draw(rng, knobs->difficulty), 0, rng, roads, &start, &goal);
    return lace_path_init(problem, start, goal, roads, count, err);
}

static int numbers(const void *problem, uint8_t *out)
{
    uint64_t shape = lace_path_shape(problem);
    memcpy(out, &shape, sizeof shape);
    return sizeof shape;
}

static int parse(void *problem, const char *prompt, struct lace_error *err)
{
    return lace_path_parse(problem, prompt, err);
}

static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    lace_path_prompt(problem, ambiguity, 0, rng, out);
}

static void solution(const void *problem, char *answer)
{
    const struct lace_path *p = problem;
    *lace_put_number(answer, p->from_start[p->goal]) = 0;
}

static bool accepts(const void *problem, const char *answer)
{
    const struct lace_path *p = problem;
    return lace_is_number(answer, 3, p->from_start[p->goal]);
}

/* ---- moves: To a to z, From a to z, Via ---- */

static int move_count(const void *problem) { return PATH_MOVES; }

static int rank_count(const void *problem) { return 2 * ((const struct lace_path *)problem)->node_count - 1; }

static int rank(const void *problem, int strategy, int move)
{
    const struct lace_path *p = problem;
    int last = p->node_count - 1, v = move % PATH_NODES;
    if (move == VIA) return 2 * last;
    if (move < PATH_NODES) return p->order[v] ? p->order[v] - 1 : 0;
    return last + (p->order[v] < last ? last - 1 - p->order[v] : 0);
}

/* Whether what a line about v builds on is known; base is the first move of its kind. */
static bool ready(const struct lace_path_end *end, int given, int base, lace_work_known known)
{
    for (int i = 0; i < end->count; i++)
        if (end->node[i] != given && !known[base + end->node[i]]) return false;
    return true;
}

static int useful(const void *problem, int strategy, lace_work_known known, short *moves)
{
    const struct lace_path *p = problem;
    int count = 0;
    bool middle = strategy == MIDDLE && p->cut[0] >= 0; /* without a cut, and at random, forward */
    for (int i = 0; i < p->node_count; i++) {
        int v = p->node[i];
        uint32_t bit = (uint32_t)1 << v;
        if (v != p->start && strategy != BACKWARD && (!middle || p->near & bit) && !known[v] &&
            ready(&p->in[v], p->start, 0, known))
            moves[count++] = (short)v;
        if (v != p->goal && (middle ? (p->far & bit) != 0 : strategy == BACKWARD) && !known[PATH_NODES + v] &&
            ready(&p->out[v], p->goal, PATH_NODES, known))
            moves[count++] = (short)(PATH_NODES + v);
    }
    bool meet = middle && !known[VIA];
    for (int i = 0; i < 2 && meet; i++) meet = known[p->cut[i]] && known[PATH_NODES + p->cut[i]];
    if (meet) moves[count++] = VIA;
    return count;
}

static void pack(const struct lace_path_line *line, struct lace_work_line *out)
{
    out->move = (short)(line->kind == PATH_VIA ? VIA : line->node + (line->kind == PATH_FROM ? PATH_NODES : 0));
    for (int i = 0; i < line->terms; i++) memcpy(&out->part[4 * i], &line->term[i], sizeof line->term[i]);
    out->part[8] = line->terms;
    out->part[9] = line->so;
    out->value = lace_path_value(line);
    out->yes = line->so == out->value; /* what it says is what its numbers bear out */
}

static void unpack(const struct lace_work_line *in, struct lace_path_line *line)
{
    *line = (struct lace_path_line){.kind = in->move == VIA         ? PATH_VIA
                                            : in->move < PATH_NODES ? PATH_TO
                                                                    : PATH_FROM,
                                    .node = in->move == VIA ? -1 : in->move % PATH_NODES,
                                    .terms = in->part[8],
                                    .so = in->part[9]};
    for (int i = 0; i < line->terms; i++) memcpy(&line->term[i], &in->part[4 * i], sizeof line->term[i]);
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *out)
{
    const struct lace_path *p = problem;
    struct lace_path_line line;
    int value[PATH_MOVES] = {0}, uses = 0;
    enum lace_path_kind kind = move == VIA ? PATH_VIA : move < PATH_NODES ? PATH_TO : PATH_FROM;
    int base = kind == PATH_FROM ? PATH_NODES : 0;
    for (int m = 0; m < VIA; m++)
        if (known[m]) value[m] = known[m]->value;
    lace_path_settle(p, kind, move == VIA ? -1 : move % PATH_NODES, &value[base], &value[PATH_NODES], &line);
    pack(&line, out);
    for (int i = 0; i < line.terms; i++) {
        int v = line.term[i].node;
        if (v != (base ? p->goal : p->start)) out->uses[uses++] = (short)(base + v);
        if (move == VIA) out->uses[uses++] = (short)(PATH_NODES + v);
    }
}

/* Whether a length that the line adds is a toll, which is not looked up in the prompt. */
static bool tolls(const struct lace_path *p, const struct lace_path_line *line)
{
    if (line->kind == PATH_VIA) return false;
    const struct lace_path_end *end = line->kind == PATH_TO ? &p->in[line->node] : &p->out[line->node];
    return end->toll[0] || end->toll[1];
}

static bool falsify(const void *problem, struct lace_work_line *out, enum lace_falsehood kind, struct lace_rng *rng)
{
    struct lace_path_line line;
    unpack(out, &line);
    if (kind == LACE_FALSE_FLIP) {
        if (line.terms < 2 || line.term[0].sum == line.term[1].sum) return false;
        line.so = line.term[0].sum + line.term[1].sum - line.so; /* the longer of the two */
    } else lace_path_slip(&line, kind == LACE_FALSE_FORGE, !tolls(problem, &line), rng);
    pack(&line, out);
    return true;
}

static int write_line(const void *problem, const struct lace_work_line *line, char *text)
{
    struct lace_path_line own;
    unpack(line, &own);
    return lace_path_write_line(&own, text);
}

static bool answer(const void *problem, lace_work_known known, char *out)
{
    const struct lace_path *p = problem;
    const struct lace_work_line *line = known[VIA]       ? known[VIA]
                                        : known[p->goal] ? known[p->goal]
                                                         : known[PATH_NODES + p->start];
    if (line) *lace_put_number(out, line->value) = 0;
    return line;
}

static bool read_line(const void *problem, const char *text, struct lace_work_line *out)
{
    const struct lace_path *p = problem;
    struct lace_path_line line;
    if (!lace_path_read_line(text, &line)) return false;
    pack(&line, out);
    bool there = line.kind == PATH_VIA ? p->cut[0] >= 0 : line.node == p->start || p->order[line.node];
    if (!there || (line.kind == PATH_TO && line.node == p->start) || (line.kind == PATH_FROM && line.node == p->goal))
        out->move = -1;
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    struct lace_path_line own;
    unpack(line, &own);
    out->result = lace_path_judge(problem, &own, &out->misled);
    out->believed = true;
}

int lace_path_terms(const struct lace_work_line *line, struct lace_path_term term[2])
{
    struct lace_path_line own;
    unpack(line, &own);
    memcpy(term, own.term, sizeof own.term);
    return own.terms;
}

static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct lace_path *p = problem;
    struct lace_path_line wrong, own;
    if (line->move == lie->move) return lace_stance_of(line->value == lie->value, line->value != lie->value);
    unpack(lie, &wrong);
    unpack(line, &own);
    if (wrong.kind == PATH_VIA) return LACE_STANCE_NONE; /* nothing builds on the whole way */
    int truth = wrong.kind == PATH_TO ? p->from_start[wrong.node] : p->to_goal[wrong.node];
    for (int i = 0; i < own.terms; i++) {
        if (own.term[i].node != wrong.node || (own.kind != PATH_VIA && own.kind != wrong.kind)) continue;
        bool added = own.kind == PATH_VIA && wrong.kind == PATH_FROM; /* the way on to the goal */
        int taken = added ? own.term[i].add : own.term[i].known;
        return lace_stance_of(taken == lie->value, taken == truth);
    }
    return LACE_STANCE_NONE;
}

/* ---- the family ---- */

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high;
    /* The least numbers of rounds in which sharing threads solve 97 % by `lace data ceiling`, or one more. */
    if (threads == 1) return 2 * d + 3; /* every line of `middle` */
    return threads == 2 ? d + 3 : threads == 3 ? (2 * d + 13) / 3 : 3 + d / 2;
}

const struct lace_work lace_path_work = {
    .bytes = sizeof(struct lace_path),
    .ranked = 3,
    .draw = draw,
    .numbers = numbers,
    .prompt = prompt,
    .parse = parse,
    .solution = solution,
    .accepts = accepts,
    .moves = move_count,
    .ranks = rank_count,
    .rank = rank,
    .useful = useful,
    .perform = perform,
    .falsify = falsify,
    .write = write_line,
    .answer = answer,
    .read = read_line,
    .judge = judge,
    .stance = stance,
    .lookup = PATH_LOOKUP,
};

static const char *const strategies[] = {"middle", "forward", "backward", "random", NULL};
static const char *const errors[] = {"right", "lookup error", "wrong sum", "wrong choice", NULL};

const struct lace_family lace_family_path = {
    .name = "path",
    .summary = "the length of the shortest way through one-way roads",
    .easiest = 1,
    .hardest = PATH_LAYERS,
    .trained_low = 1,
    .trained_high = 5,
    .strategies = strategies,
    .errors = errors,
    .work = &lace_path_work,
    .budget = budget,
};
