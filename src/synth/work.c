/* Who makes which move in which round; work.h has the rules. */
#include "synth/work.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct group {
    const struct lace_work *w;
    const void *problem;
    struct lace_work_trace *trace;
    int moves, ranks, strategy;
    bool marks;
    const struct lace_work_line **known; /* (moves) what all know */
    const struct lace_work_line **self;  /* (moves) what a thread would know without the others: for marks */
    uint16_t *rank;                      /* (moves) */
    uint16_t *place;                     /* (N, ranks) a rank's place in the thread's own order */
    uint8_t *taken;                      /* (moves) by a lower thread of this round: its number + 1 */
    uint8_t *voided;                     /* (moves) struck in this round */
    uint8_t *built;                      /* (N, moves) the thread has built on this move */
    short useful[LACE_WORK_MOVES];
    int useful_count;
    int closing;                       /* the move that closed the problem; -1: open */
    const struct lace_work_line *held; /* its line when it did */
    int written[LACE_WORK_THREADS];    /* lines of each thread before this round */
    short watch[LACE_WORK_THREADS];    /* the move that a thread is to try again; -1: none */
    bool fooled[LACE_WORK_THREADS];    /* it will make the same mistake */
    short struck[LACE_WORK_THREADS];   /* who voided its last line; -1: nobody */
};

/* ---- orders ---- */

static void fill_orders(struct group *g, int strategy, struct lace_rng *rng)
{
    int N = g->trace->threads, R = g->ranks;
    bool random = strategy > g->w->ranked;
    for (int m = 0; m < g->moves; m++) {
        int rank = g->w->rank(g->problem, random ? 1 : strategy, m);
        assert(rank >= 0 && rank < R);
        g->rank[m] = (uint16_t)rank;
    }
    for (int n = 0; n < N; n++) {
        uint16_t *place = &g->place[n * R];
        int start = random ? 0 : n * R / N;
        for (int i = 0; i < R; i++) place[i] = (uint16_t)((i - start + R) % R);
        for (int i = R - 1; random && i > 0; i--) {
            int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
            uint16_t t = place[i];
            place[i] = place[j];
            place[j] = t;
        }
    }
}

/* The first of the listed moves in the thread's order, -1 where all are taken; of equal ranks the first listed. */
static int first_move(const struct group *g, int n, const short *list, int count, const uint8_t *taken)
{
    int best = -1, at = 0;
    for (int i = 0; i < count; i++) {
        if (taken && taken[list[i]]) continue;
        int place = g->place[n * g->ranks + g->rank[list[i]]];
        if (best < 0 || place < at) best = list[i], at = place;
    }
    return best;
}

static struct lace_work_line *add_line(struct group *g, int n, int round, int move, lace_work_known known)
{
    struct lace_work_trace *trace = g->trace;
    struct lace_work_line *line = &trace->lines[n * trace->budget + trace->count[n]++];
    *line = (struct lace_work_line){.move = (short)move, .thread = (uint8_t)n, .round = (uint16_t)round};
    for (int i = 0; i < LACE_WORK_USES; i++) line->uses[i] = -1;
    g->w->perform(g->problem, known, move, line);
    return line;
}

/* ---- alone and tagged ---- */

static void run_apart(struct group *g)
{
    struct lace_work_trace *trace = g->trace;
    for (int n = 0; n < trace->threads; n++) {
        memset(g->known, 0, sizeof *g->known * (size_t)g->moves);
        while (trace->count[n] < trace->budget && !trace->answered[n]) {
            int count = g->w->useful(g->problem, g->strategy, g->known, g->useful);
            int move = first_move(g, n, g->useful, count, NULL);
            if (move < 0) break;
            struct lace_work_line *line = add_line(g, n, trace->count[n], move, g->known);
            g->known[move] = line;
            trace->answered[n] = g->w->answer(g->problem, g->known, trace->answer[n]);
            if (trace->answered[n]) trace->claimed[n] = trace->count[n];
        }
    }
}

/* ---- shared: choosing ---- */

static void mark(struct lace_work_line *line, enum lace_work_mark kind, int from)
{
    line->mark = (uint8_t)kind;
    line->from = (uint8_t)from;
}

/* What passed between the threads so that thread n writes this line and no other. */
static void mark_line(struct group *g, struct lace_work_line *line)
{
    int n = line->thread;
    uint8_t *built = &g->built[n * g->moves];
    int from = -1;
    for (int i = 0; i < LACE_WORK_USES && line->uses[i] >= 0; i++) {
        int move = line->uses[i];
        if (!built[move] && g->known[move]->thread != n) from = g->known[move]->thread;
        built[move] = 1;
    }
    if (g->struck[n] >= 0) mark(line, LACE_WORK_STRUCK, g->struck[n]);
    else if (from >= 0) mark(line, LACE_WORK_MOVED_ON, from);
    else {
        for (int m = 0; m < g->moves; m++)
            g->self[m] = g->known[m] && (g->known[m]->thread == n || built[m]) ? g->known[m] : NULL;
        short list[LACE_WORK_MOVES];
        int move = first_move(g, n, list, g->w->useful(g->problem, g->strategy, g->self, list), NULL);
        const struct lace_work_line *done = move < 0 ? NULL : g->known[move];
        if (done && done->thread != n) mark(line, done->dead ? LACE_WORK_AVOIDED : LACE_WORK_SKIPPED, done->thread);
    }
}

static void try_again(struct group *g, int n, int round, int move)
{
    const struct lace_work_line *before = g->known[move];
    struct lace_work_line *line = add_line(g, n, round, move, g->known);
    if (g->fooled[n]) { /* the same slip, made by two */
        memcpy(line->part, before->part, sizeof line->part);
        line->value = before->value;
        line->yes = before->yes;
        line->find = before->find;
        line->dead = before->dead;
        line->falsehood = before->falsehood;
        line->slip = before->slip;
        g->fooled[n] = false;
    }
    if (before->thread != n)
        mark(line, line->value == before->value ? LACE_WORK_RECHECKED : LACE_WORK_CORRECTED, before->thread);
}

/* A move that thread n may try again where there is nothing else to do: of its neighbours' last lines the first that
 * was new, else any move, best one of others. */
static int spare_move(const struct group *g, int n)
{
    const struct lace_work_trace *trace = g->trace;
    int N = trace->threads, any = -1;
    for (int i = 1; i < N; i++) {
        int other = (n + N - i) % N;
        if (!g->written[other]) continue;
        const struct lace_work_line *line = &trace->lines[other * trace->budget + g->written[other] - 1];
        if (g->known[line->move] == line) return line->move;
    }
    for (int move = 0; move < g->moves; move++)
        if (g->known[move] && (any < 0 || g->known[any]->thread == n)) any = move;
    return any;
}

/* Whether what is known of a move was built on the other. */
static bool built_on(const struct group *g, int move, int other)
{
    const struct lace_work_line *line = g->known[move];
    for (int i = 0; line && i < LACE_WORK_USES && line->uses[i] >= 0; i++)
        if (line->uses[i] == other || built_on(g, line->uses[i], other)) return true;
    return false;
}

/* Threads that cannot tell whose turn a move is all begin with the same one. What is left then, and that nobody has done
 * it, has to be in the data to be learned. */
static bool collides(struct group *g, int n, int round, struct lace_rng *rng)
{
    int move = first_move(g, 0, g->useful, g->useful_count, NULL);
    if (move < 0 || !g->taken[move] || lace_rng_below(rng, 2)) return false;
    mark(add_line(g, n, round, move, g->known), LACE_WORK_COLLIDED, g->taken[move] - 1);
    return true;
}

static void write_line(struct group *g, int n, int round, struct lace_rng *rng)
{
    int watch = g->watch[n];
    if (watch >= 0 && g->closing >= 0 && !built_on(g, g->closing, watch)) watch = -1;
    if (watch >= 0 || g->closing >= 0) {
        int again = watch >= 0 ? watch : g->closing;
        try_again(g, n, round, again);
        g->taken[again] = (uint8_t)(n + 1);
        return;
    }
    if (g->trace->collide && collides(g, n, round, rng)) return;
    int move = first_move(g, n, g->useful, g->useful_count, g->taken);
    if (move < 0 && (move = spare_move(g, n)) >= 0) {
        try_again(g, n, round, move);
        return;
    }
    if (move < 0) move = first_move(g, n, g->useful, g->useful_count, NULL);
    assert(move >= 0); /* nothing is known, so something is useful */
    g->taken[move] = (uint8_t)(n + 1);
    struct lace_work_line *line = add_line(g, n, round, move, g->known);
    if (g->marks) mark_line(g, line);
}

/* ---- shared: falsehoods ---- */

static bool falsify_as(struct group *g, struct lace_work_line **round, int count, enum lace_falsehood kind,
                       struct lace_rng *rng)
{
    int start = (int)lace_rng_below(rng, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        struct lace_work_line *line = round[(start + i) % count], truth = *line;
        if (line->falsehood) continue;
        if (!g->w->falsify(g->problem, line, kind, rng)) {
            *line = truth;
            continue;
        }
        line->falsehood = (uint8_t)kind;
        if (kind != LACE_FALSE_FLIP && g->closing < 0 && g->trace->threads > 2 && lace_rng_below(rng, 4) == 0)
            g->fooled[(line->thread + 1) % g->trace->threads] = true;
        return true;
    }
    return false;
}

/* Writes a slip over a true line about the same, where there is one. */
static bool slip_in(struct group *g, struct lace_work_line **round, int count, struct lace_rng *rng)
{
    const struct lace_work_trace *trace = g->trace;
    int start = trace->slip_count ? (int)lace_rng_below(rng, (uint32_t)trace->slip_count) : 0;
    for (int k = 0; k < trace->slip_count; k++)
        for (int i = 0; i < count; i++) {
            const struct lace_work_line *slip = &trace->slips[(start + k) % trace->slip_count];
            struct lace_work_line *line = round[i];
            struct lace_step_check truth = {.result = LACE_STEP_RIGHT}, said = truth;
            if (line->move != slip->move || line->falsehood) continue;
            g->w->judge(g->problem, line, &truth);
            if (truth.result != LACE_STEP_RIGHT || truth.misled) continue; /* other operands than the slip's */
            g->w->judge(g->problem, slip, &said);
            bool lost = line->find && !said.believed;
            line->falsehood = (uint8_t)(line->value == slip->value ? LACE_FALSE_FLIP
                                        : lost                     ? LACE_FALSE_MISS
                                                                   : LACE_FALSE_FORGE);
            line->slip = true;
            memcpy(line->part, slip->part, sizeof line->part);
            line->value = slip->value;
            line->yes = slip->yes;
            line->find = slip->find || (line->find && said.believed);
            line->dead = slip->dead;
            if (line->falsehood != LACE_FALSE_FLIP && g->closing < 0 && trace->threads > 2 && !lace_rng_below(rng, 4))
                g->fooled[(line->thread + 1) % trace->threads] = true;
            return true;
        }
    return false;
}

/* Falsifies one line of the round: a kind is drawn by weight, others follow where no line allows it. */
static void falsify(struct group *g, struct lace_work_line **round, int count, const double *weights,
                    struct lace_rng *rng)
{
    double left[4] = {0, weights[1], weights[2], weights[3]};
    if (slip_in(g, round, count, rng)) return;
    for (;;) {
        double sum = left[1] + left[2] + left[3], at = lace_rng_uniform(rng) * sum;
        if (!(sum > 0)) return;
        int kind = LACE_FALSE_FLIP;
        while (kind < LACE_FALSE_MISS && (!(left[kind] > 0) || at >= left[kind])) at -= left[kind++];
        if (falsify_as(g, round, count, (enum lace_falsehood)kind, rng)) return;
        left[kind] = 0;
    }
}

/* ---- shared: conclusions ---- */

/* A move came to something else: forgets what was built on it, and what was built on that. */
static void strike(struct group *g, int move, int by)
{
    g->voided[move] = 1;
    for (int m = 0; m < g->moves; m++) {
        const struct lace_work_line *line = g->known[m];
        for (int i = 0; line && i < LACE_WORK_USES && line->uses[i] >= 0; i++) {
            if (line->uses[i] != move) continue;
            g->known[m] = line = NULL;
            strike(g, m, by);
        }
    }
}

/* Second tries take the place of what they contradict, unless as many agree with it: those of this round, and threads
 * that have answered by it. */
static void settle_disputes(struct group *g, struct lace_work_line **round, int count)
{
    for (int i = 0; i < count; i++) {
        const struct lace_work_line *line = round[i], *before = g->known[line->move];
        if (!before || before->round == line->round || before->value == line->value) continue;
        int agree = 0, differ = 0;
        for (int j = 0; j < count; j++) {
            if (round[j]->move != line->move) continue;
            agree += round[j]->value == before->value;
            differ += round[j]->value != before->value;
        }
        for (int n = 0; n < g->trace->threads; n++) agree += g->trace->answered[n];
        if (agree >= differ) continue;
        strike(g, line->move, line->thread);
        g->known[line->move] = line;
        g->struck[before->thread] = line->thread;
    }
}

static void conclude(struct group *g, struct lace_work_line **round, int count)
{
    int N = g->trace->threads;
    for (int i = 0; i < N; i++) g->struck[i] = -1;
    memset(g->voided, 0, (size_t)g->moves);
    settle_disputes(g, round, count);
    for (int i = 0; i < count; i++) {
        const struct lace_work_line *line = round[i];
        int lost = -1; /* what it was built on and what is void since this round */
        for (int k = 0; k < LACE_WORK_USES && line->uses[k] >= 0; k++)
            if (g->voided[line->uses[k]]) lost = line->uses[k];
        if (lost >= 0 && g->known[lost]) g->struck[line->thread] = g->known[lost]->thread;
        if (lost < 0 && !g->known[line->move]) g->known[line->move] = line;
    }
    for (int n = 0; n < N; n++) g->watch[n] = -1;
    for (int i = 0; i < count; i++) {
        const struct lace_work_line *line = round[i], *held = g->known[line->move];
        bool wrong = line->falsehood > LACE_FALSE_FLIP, new = held == line && line->mark != LACE_WORK_CORRECTED;
        if (!held || held->value != line->value) continue;
        if (wrong || (N > 1 && line->find && new)) g->watch[(line->thread + 1) % N] = line->move;
    }
    for (int n = 0; n < N; n++) g->fooled[n] = g->fooled[n] && g->watch[n] >= 0 && N > 1;
}

/* The line of the round that the answer rests on: without it there would be none, or another; failing that a new one, as
 * where two lines of the round lead to it each. Rather one that announces no dead end. */
static int closing_move(struct group *g, const char *answer, struct lace_work_line **round, int count)
{
    char other[LACE_WORK_ANSWER];
    int best = -1, merit = -1;
    for (int i = 0; i < count; i++) {
        int move = round[i]->move;
        const struct lace_work_line *held = g->known[move];
        if (!held) continue;
        bool new = held->round == round[i]->round;
        g->known[move] = NULL;
        bool rests = new && (!g->w->answer(g->problem, g->known, other) || strcmp(answer, other));
        g->known[move] = held;
        int merits = 4 * rests + 2 * new + !held->dead;
        if (merits > merit) best = move, merit = merits;
    }
    return best;
}

static void close_problem(struct group *g, struct lace_work_line **round, int count)
{
    struct lace_work_trace *trace = g->trace;
    char answer[LACE_WORK_ANSWER];
    int tried = g->closing; /* and it came to the same as before */
    if (tried >= 0 && g->known[tried] != g->held) tried = -1;
    g->closing = -1;
    if (!g->w->answer(g->problem, g->known, answer)) return;
    g->closing = tried >= 0 ? tried : closing_move(g, answer, round, count);
    g->held = g->known[g->closing];
    for (int i = 0; i < count; i++) {
        const struct lace_work_line *line = round[i];
        int n = line->thread;
        if (trace->threads > 1 && (tried < 0 || line->move != tried || line->value != g->held->value)) continue;
        memcpy(trace->answer[n], answer, sizeof answer);
        trace->answered[n] = true;
    }
    for (int n = 0; n < trace->threads; n++) g->fooled[n] = false; /* the last look is everybody's own */
}

/* Whether the move, falsified, leads to a wrong answer; the line then is that falsehood. What it would take the place of
 * is not known. */
static bool misleads(struct group *g, int move, struct lace_work_line *line, char *answer, struct lace_rng *rng)
{
    const struct lace_work_line *held = g->known[move];
    for (int i = 0; i < LACE_WORK_USES; i++) line->uses[i] = -1;
    line->move = (short)move;
    g->w->perform(g->problem, g->known, move, line);
    if (!g->w->falsify(g->problem, line, LACE_FALSE_FORGE, rng)) return false;
    g->known[move] = line;
    bool follows = g->w->answer(g->problem, g->known, answer);
    g->known[move] = held;
    return follows && !g->w->accepts(g->problem, answer);
}

/* The last line of a thread becomes false, or a false find instead of the true one, and its answer follows from it; what
 * the thread said of the same before becomes false with it. Those who read that came to something else by themselves. */
static bool lead_astray(struct group *g, int n, struct lace_rng *rng)
{
    struct lace_work_trace *trace = g->trace;
    struct lace_work_line *lines = &trace->lines[n * trace->budget], *line = &lines[trace->count[n] - 1], truth = *line;
    struct lace_work_line lie = {.thread = truth.thread, .round = truth.round};
    char answer[LACE_WORK_ANSWER];
    bool led = false;
    if (truth.falsehood || !g->known[truth.move]) return false;
    g->known[truth.move] = NULL;
    led = misleads(g, truth.move, &lie, answer, rng);
    int count = led ? 0 : g->w->useful(g->problem, g->strategy, g->known, g->useful),
        start = count ? (int)lace_rng_below(rng, (uint32_t)count) : 0;
    for (int i = 0; i < count && !led; i++) led = misleads(g, g->useful[(start + i) % count], &lie, answer, rng);
    g->known[truth.move] = g->held;
    if (!led) return false;
    lie.falsehood = LACE_FALSE_FORGE;
    for (int i = 0; i < trace->count[n]; i++) {
        if (lines[i].move != truth.move || lines[i].value != truth.value) continue;
        if (memcmp(lines[i].uses, truth.uses, sizeof truth.uses)) continue;
        lie.round = lines[i].round;
        lines[i] = lie;
    }
    memcpy(trace->answer[n], answer, sizeof answer);
    trace->claimed[n] = 0;
    return true;
}

static void lead_some_astray(struct group *g, struct lace_rng *rng)
{
    struct lace_work_trace *trace = g->trace;
    struct lace_work_line held; /* a thread that is led astray may have written it */
    if (g->closing < 0) return;
    held = *g->held;
    g->held = &held;
    int last = 0, N = trace->threads, left = trace->astray, start = (int)lace_rng_below(rng, (uint32_t)N);
    for (int n = 0; n < N; n++)
        if (trace->count[n] > last) last = trace->count[n];
    for (int i = 0; i < N && left; i++) {
        int n = (start + i) % N;
        if (trace->answered[n] && trace->count[n] == last) left -= lead_astray(g, n, rng);
    }
}

static void run_shared(struct group *g, const double *weights, struct lace_rng *rng)
{
    struct lace_work_trace *trace = g->trace;
    int N = trace->threads, closed = -1;
    g->closing = -1;
    for (int n = 0; n < N; n++) g->watch[n] = g->struck[n] = -1;
    for (int r = 0; r < trace->budget; r++) {
        struct lace_work_line *round[LACE_WORK_THREADS];
        int count = 0;
        g->useful_count = g->closing < 0 ? g->w->useful(g->problem, g->strategy, g->known, g->useful) : 0;
        memset(g->taken, 0, (size_t)g->moves);
        memcpy(g->written, trace->count, sizeof g->written);
        for (int n = 0; n < N; n++) {
            if (trace->answered[n]) continue;
            round[count++] = &trace->lines[n * trace->budget + r];
            write_line(g, n, r, rng);
        }
        if (!count) break;
        if (weights && lace_rng_below(rng, 3) == 0) falsify(g, round, count, weights, rng);
        conclude(g, round, count);
        close_problem(g, round, count);
        if (g->closing >= 0) closed = g->closing;
    }
    for (int n = 0; n < N && closed >= 0; n++)
        for (int i = 0; i < trace->count[n] && !trace->claimed[n]; i++) {
            const struct lace_work_line *line = &trace->lines[n * trace->budget + i];
            if (line->move == closed && g->known[closed] && line->value == g->known[closed]->value)
                trace->claimed[n] = line->round + 1;
        }
    if (trace->astray) lead_some_astray(g, rng);
}

int lace_work_run(const struct lace_work *w, const void *problem, enum lace_policy policy, int strategy,
                  const double *weights, bool marks, struct lace_rng *rng, struct lace_work_trace *trace,
                  struct lace_error *err)
{
    if (!strategy) strategy = policy == LACE_POLICY_ALONE ? w->ranked + 1 : 1;
    memset(trace->count, 0, sizeof trace->count);
    memset(trace->answered, 0, sizeof trace->answered);
    memset(trace->claimed, 0, sizeof trace->claimed);
    if (w->run) return w->run(problem, policy, strategy, weights, rng, trace, err);
    struct group g = {.w = w, .problem = problem, .trace = trace, .marks = marks, .strategy = strategy};
    g.moves = w->moves(problem);
    g.ranks = w->ranks(problem);
    assert(g.moves <= LACE_WORK_MOVES && trace->threads <= LACE_WORK_THREADS);
    size_t N = (size_t)trace->threads, moves = (size_t)g.moves, ranks = (size_t)g.ranks;
    size_t bytes =
        moves * (2 * sizeof *g.known + sizeof *g.rank + 2 * sizeof *g.taken + N) + N * ranks * sizeof *g.place;
    void *block = calloc(1, bytes);
    if (!block)
        return lace_fail(err, LACE_MEMORY, "Out of memory: a problem of %d moves needs %zu bytes.", g.moves, bytes);
    g.known = block;
    g.self = g.known + moves;
    g.rank = (uint16_t *)(g.self + moves);
    g.place = g.rank + moves;
    g.taken = (uint8_t *)(g.place + N * ranks);
    g.voided = g.taken + moves;
    g.built = g.voided + moves;
    fill_orders(&g, strategy, rng);
    if (policy == LACE_POLICY_SHARED) run_shared(&g, weights, rng);
    else run_apart(&g);
    free(block);
    return 0;
}
