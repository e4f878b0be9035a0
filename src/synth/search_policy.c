/* Who tries which option in which round. The engine of work.h would not write the same lines: here threads by themselves
 * order the options of each stage anew, a round may try an option twice, and what was tried under a false c stays known
 * while the find that it rests on is struck. Models were trained on these records, so they stay what they are.
 *
 * alone, tagged: each thread goes through its order of options, moves on at its own yes, and answers
 * right after its last yes.
 *
 * shared: whatever was written in earlier rounds, by any thread, is known to all. A reader goes by the
 * written value and the target (v = t means yes), never by the written word: a flipped word is harmless.
 * The next line of thread n follows from its tag and from the lines before:
 *   1. Last stage, and a yes there in the last round: re-try that x (the finder too). Who reads yes
 *      from its own re-try answers.
 *   2. A yes of thread f in the last round at an earlier stage: go on to the next stage with c = x.
 *      Only thread f+1 (mod N) first re-tries x: a received find is verified.
 *   3. Its re-try said no in the last round: the find is struck, what was written at the next stage in
 *      that round is void, all are back at the stage.
 *   4. Otherwise try, at the current unknown and c, the first option of the own order that has no `no`
 *      there. When every option has one, all of these are forgotten.
 * Of several claims in a round that of the lowest thread wins; the others' x has no `no`, so it is
 * tried again if the winner is struck. A struck x has one, so it counts as tried. The memory belongs to
 * (unknown, c) as written, so that lines under a false c say nothing about the true one.
 * A thread alone re-tries nothing: there is no second opinion. */
#include "synth/scan.h"
#include "synth/search.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int lace_search_budget(int stages, int options, int threads)
{
    int B = options, N = threads;
    if (N == 1) return stages * B;
    /* Option x is first tried in round x - start + 1 of the thread whose share it is in. A verifier comes a
     * round late to the next stage, which costs about 1/N of a round (less where threads share a start);
     * the last find costs one re-try. The sum is close to normal: 1.88 and the two small constants make it
     * the 97 % quantile of `lace data ceiling`, never above it by more than two rounds and below it, by
     * one, in 1 % of the cases (K 1 to 12, B 4 to 16, N 2 to 16). K = 4, B = 8, N = 4: 10. */
    double mean = 0, square = 0;
    for (int x = 0, n = 0, start = 0; x < B; x++) {
        while (n < N && n * B / N <= x) start = n++ * B / N;
        double round = x - start + 1;
        mean += round / B;
        square += round * round / B;
    }
    double variance = fmax(square - mean * mean, 0), late = N < B ? 1.0 / N : N < 2 * B ? (2.0 * B - N) / B / B : 0;
    double sum = mean + (stages - 1) * (mean + late) + 1,
           spread = variance + (stages - 1) * (variance + (N < B ? 0.22 : late));
    return (int)ceil(sum + 1.88 * sqrt(spread) - 0.35);
}

/* orders: (N, K, B), options from 1. Up and down start where the thread's share of the options lies. */
static void fill_orders(uint8_t *orders, const struct lace_search *p, int threads, int strategy, struct lace_rng *rng)
{
    int B = p->options;
    for (int n = 0; n < threads; n++)
        for (int k = 0; k < p->stages; k++, orders += B) {
            int start = strategy == SEARCH_DOWN ? ((n + 1) * B / threads - 1 + B) % B : n * B / threads;
            for (int i = 0; i < B; i++)
                orders[i] = (uint8_t)(1 + (strategy == SEARCH_DOWN ? (start - i + B) % B : (start + i) % B));
            if (strategy != SEARCH_RANDOM) continue;
            for (int i = B - 1; i > 0; i--) {
                int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
                uint8_t t = orders[i];
                orders[i] = orders[j];
                orders[j] = t;
            }
        }
}

static struct lace_work_line *add_line(const struct lace_search *p, struct lace_work_trace *trace, int n, int stage,
                                       int c, int x)
{
    int round = trace->count[n]++;
    struct lace_work_line *line = &trace->lines[n * trace->budget + round];
    *line = (struct lace_work_line){.uses = {-1}, .thread = (uint8_t)n, .round = (uint16_t)round};
    lace_search_try(p, stage, c, x, line);
    return line;
}

static void give_answer(struct lace_work_trace *trace, int n, int x)
{
    *lace_put_number(trace->answer[n], x) = 0;
    trace->answered[n] = true;
}

static void note_claim(const struct lace_search *p, struct lace_work_trace *trace, int n,
                       const struct lace_work_line *line)
{
    int last = p->stages - 1;
    if (line->find && line->move == lace_search_move(p, last, p->solution[last]) && !trace->claimed[n])
        trace->claimed[n] = trace->count[n];
}

static void run_apart(const struct lace_search *p, const uint8_t *orders, struct lace_work_trace *trace)
{
    for (int n = 0; n < trace->threads; n++) {
        int stage = 0, c = p->given, tried = 0;
        while (trace->count[n] < trace->budget && !trace->answered[n]) {
            int x = orders[(n * p->stages + stage) * p->options + tried++];
            const struct lace_work_line *line = add_line(p, trace, n, stage, c, x);
            note_claim(p, trace, n, line);
            if (!line->find) continue;
            if (++stage == p->stages) give_answer(trace, n, x);
            c = x;
            tried = 0;
        }
    }
}

/* What all threads of a group know; it follows from the written lines alone. */
struct group {
    const struct lace_search *p;
    struct lace_work_trace *trace;
    const uint8_t *orders;
    uint64_t *noes; /* (K, modulus, B): which threads wrote a no */
    uint8_t *first; /* likewise: who wrote the first */
    int stage, c;
    int finder, verifier, found; /* the find that waits for its re-try; found 0: none */
    int found_c;
    int claim, claimant;                                      /* the last unknown's claimed value; 0: none */
    uint8_t mark[LACE_WORK_THREADS], from[LACE_WORK_THREADS]; /* for each thread's next line */
};

static int memory(const struct group *g, int stage, int c, int x)
{
    return (stage * g->p->modulus + c) * g->p->options + x - 1;
}

static void forget_if_exhausted(struct group *g)
{
    uint64_t *noes = &g->noes[memory(g, g->stage, g->c, 1)];
    for (int i = 0; i < g->p->options; i++)
        if (!noes[i]) return;
    memset(noes, 0, sizeof *noes * (size_t)g->p->options);
}

static void mark(struct lace_work_line *line, int kind, int from)
{
    line->mark = (uint8_t)kind;
    line->from = (uint8_t)from;
}

static struct lace_work_line *write_line(const struct group *g, int n)
{
    const struct lace_search *p = g->p;
    struct lace_work_line *line;
    if (g->claim) {
        line = add_line(p, g->trace, n, g->stage, g->c, g->claim);
        if (n != g->claimant) mark(line, LACE_WORK_RECHECKED, g->claimant);
        return line;
    }
    if (g->found && n == g->verifier) {
        line = add_line(p, g->trace, n, g->stage - 1, g->found_c, g->found);
        mark(line, LACE_WORK_RECHECKED, g->finder);
        return line;
    }
    const uint8_t *order = &g->orders[(n * p->stages + g->stage) * p->options];
    int from = -1, i = 0;
    for (;; i++) {
        assert(i < p->options); /* forget_if_exhausted */
        int at = memory(g, g->stage, g->c, order[i]);
        if (!g->noes[at]) break;
        if (from < 0 && !(g->noes[at] >> n & 1)) from = g->first[at];
    }
    line = add_line(p, g->trace, n, g->stage, g->c, order[i]);
    if (g->mark[n]) mark(line, g->mark[n], g->from[n]);
    else if (from >= 0) mark(line, LACE_WORK_SKIPPED, from);
    return line;
}

/* Writes a slip over a true line about the same, where there is one. */
static bool slip_in(const struct lace_work_trace *trace, struct lace_work_line **round, int count, struct lace_rng *rng)
{
    int start = trace->slip_count ? (int)lace_rng_below(rng, (uint32_t)trace->slip_count) : 0;
    for (int k = 0; k < trace->slip_count; k++)
        for (int i = 0; i < count; i++) {
            const struct lace_work_line *slip = &trace->slips[(start + k) % trace->slip_count];
            struct lace_work_line *line = round[i];
            if (line->move != slip->move || line->part[SEARCH_C] != slip->part[SEARCH_C]) continue;
            line->falsehood = line->value == slip->value ? LACE_FALSE_FLIP
                              : line->yes                ? LACE_FALSE_MISS
                                                         : LACE_FALSE_FORGE;
            line->slip = true;
            line->part[SEARCH_M] = slip->part[SEARCH_M];
            line->value = slip->value;
            line->yes = slip->yes;
            line->find = slip->find;
            return true;
        }
    return false;
}

/* Falsifies one line of the round: a kind is drawn among those that some line allows, then the line. */
static void falsify(const struct lace_search *p, struct lace_work_line **round, int count, const double *weights,
                    struct lace_rng *rng)
{
    int finds = 0;
    for (int i = 0; i < count; i++) finds += round[i]->yes;
    double flip = weights[LACE_FALSE_FLIP], forge = finds < count ? weights[LACE_FALSE_FORGE] : 0,
           miss = finds ? weights[LACE_FALSE_MISS] : 0, at = lace_rng_uniform(rng) * (flip + forge + miss);
    if (flip + forge + miss <= 0) return;
    int kind = at < flip ? LACE_FALSE_FLIP : at < flip + forge ? LACE_FALSE_FORGE : LACE_FALSE_MISS;
    int fit = kind == LACE_FALSE_FLIP ? count : kind == LACE_FALSE_FORGE ? count - finds : finds;
    int skip = (int)lace_rng_below(rng, (uint32_t)fit), i = 0;
    for (;; i++)
        if ((kind == LACE_FALSE_FLIP || round[i]->yes == (kind == LACE_FALSE_MISS)) && !skip--) break;
    round[i]->falsehood = (uint8_t)kind;
    lace_search_work.falsify(p, round[i], (enum lace_falsehood)kind, rng);
}

/* The last line of some threads claims another value, and they answer by it. Nobody reads it before all have answered. */
static void lead_astray(const struct lace_search *p, struct lace_work_trace *trace, struct lace_rng *rng)
{
    int last = 0, N = trace->threads, left = trace->astray, start = (int)lace_rng_below(rng, (uint32_t)N);
    for (int n = 0; n < N; n++)
        if (trace->count[n] > last) last = trace->count[n];
    for (int i = 0; i < N && left && p->options > 1; i++) {
        int n = (start + i) % N;
        if (!trace->answered[n] || trace->count[n] != last) continue;
        struct lace_work_line *line = &trace->lines[n * trace->budget + last - 1];
        struct lace_work_line lie = {.uses = {-1}, .thread = line->thread, .round = line->round};
        int x = 1 + (line->part[SEARCH_X] + (int)lace_rng_below(rng, (uint32_t)p->options - 1)) % p->options;
        lace_search_try(p, line->part[SEARCH_STAGE], line->part[SEARCH_C], x, &lie);
        if (line->falsehood || lie.yes) continue;
        lie.falsehood = LACE_FALSE_FORGE;
        lace_search_work.falsify(p, &lie, LACE_FALSE_FORGE, rng);
        *line = lie;
        give_answer(trace, n, x);
        trace->claimed[n] = 0;
        left--;
    }
}

static void mark_others(struct group *g, int except, int from, enum lace_work_mark kind)
{
    for (int n = 0; n < g->trace->threads; n++)
        if (n != except && n != from) g->mark[n] = (uint8_t)kind, g->from[n] = (uint8_t)from;
}

/* Draws the group's conclusions from the round that was just written. */
static void conclude(struct group *g)
{
    const struct lace_search *p = g->p;
    struct lace_work_trace *trace = g->trace;
    int N = trace->threads, claimant = -1, x = 0;
    memset(g->mark, 0, sizeof g->mark);
    bool retried = g->claim;
    for (int n = 0; n < N; n++) {
        if (trace->answered[n]) continue;
        const struct lace_work_line *line = &trace->lines[n * trace->budget + trace->count[n] - 1];
        int stage = line->part[SEARCH_STAGE];
        note_claim(p, trace, n, line);
        if (!line->find) {
            int at = memory(g, stage, line->part[SEARCH_C], line->part[SEARCH_X]);
            if (!g->noes[at]) g->first[at] = (uint8_t)n;
            g->noes[at] |= (uint64_t)1 << n;
        } else if (stage == g->stage) {
            if (claimant < 0) claimant = n, x = line->part[SEARCH_X];
            if (retried || (N == 1 && stage == p->stages - 1)) give_answer(trace, n, line->part[SEARCH_X]);
        }
    }
    if (g->found) {
        const struct lace_work_line *check = &trace->lines[g->verifier * trace->budget + trace->count[g->verifier] - 1];
        g->found = 0;
        if (!check->find) {
            g->stage--;
            g->c = g->found_c;
            mark_others(g, -1, g->verifier, LACE_WORK_STRUCK);
            return;
        }
        g->mark[g->verifier] = LACE_WORK_MOVED_ON, g->from[g->verifier] = (uint8_t)g->finder;
    }
    if (g->stage == p->stages - 1) {
        g->claim = claimant < 0 ? 0 : x;
        g->claimant = claimant;
    } else if (claimant >= 0) {
        g->finder = claimant;
        g->verifier = (claimant + 1) % N;
        g->found = N > 1 ? x : 0;
        g->found_c = g->c;
        g->stage++;
        g->c = x;
        mark_others(g, g->verifier, claimant, LACE_WORK_MOVED_ON);
    }
}

static void run_shared(struct group *g, const double *weights, struct lace_rng *rng)
{
    struct lace_work_trace *trace = g->trace;
    for (int r = 0; r < trace->budget; r++) {
        struct lace_work_line *round[LACE_WORK_THREADS];
        int count = 0;
        forget_if_exhausted(g);
        for (int n = 0; n < trace->threads; n++)
            if (!trace->answered[n]) round[count++] = write_line(g, n);
        if (!count) return;
        if (weights && lace_rng_below(rng, 3) == 0 && !slip_in(trace, round, count, rng))
            falsify(g->p, round, count, weights, rng);
        conclude(g);
    }
}

int lace_search_run(const void *problem, enum lace_policy policy, int strategy, const double *weights,
                    struct lace_rng *rng, struct lace_work_trace *trace, struct lace_error *err)
{
    const struct lace_search *p = problem;
    size_t cells = (size_t)p->stages * (size_t)p->modulus * (size_t)p->options;
    size_t orders = (size_t)trace->threads * (size_t)p->stages * (size_t)p->options;
    uint64_t *block = calloc(cells * 9 + orders, 1); /* noes, first, orders */
    if (!block)
        return lace_fail(err, LACE_MEMORY, "Out of memory: a problem of %d stages needs %zu bytes.", p->stages,
                         cells * 9 + orders);
    struct group g = {.p = p, .trace = trace, .noes = block, .first = (uint8_t *)(block + cells), .c = p->given};
    g.orders = g.first + cells;
    fill_orders(g.first + cells, p, trace->threads, strategy, rng);
    if (policy == LACE_POLICY_SHARED) run_shared(&g, weights, rng);
    else run_apart(p, g.orders, trace);
    if (trace->astray) lead_astray(p, trace, rng);
    free(block);
    return 0;
}
