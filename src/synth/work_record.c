/* What family.h promises of every family, by its struct lace_work: records, checks, forged lines, races.
 * Lines and marks are the bulk of the work of making data, so nothing here goes through printf but the id. */
#include "decode/format.h"
#include "synth/work.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEM = 16384 }; /* bytes of a family's problem */
union problem {
    char bytes[PROBLEM];
    long long align;
};

static const char *const mark_names[] = {"",       "moved_on", "rechecked", "corrected",
                                         "struck", "skipped",  "avoided",   "collided"};

static enum lace_split side_of(const struct lace_work *w, const void *problem)
{
    uint8_t numbers[LACE_WORK_NUMBERS];
    int count = w->numbers(problem, numbers);
    assert(count <= LACE_WORK_NUMBERS);
    return lace_family_side_of(numbers, (size_t)count);
}

static int draw(const struct lace_family *family, union problem *p, const struct lace_data_knobs *knobs,
                struct lace_rng *rng, struct lace_error *err)
{
    const struct lace_work *w = family->work;
    assert(w->bytes <= PROBLEM);
    for (int tries = 0; tries < 10000; tries++) {
        int code = w->draw(p, knobs, rng, err);
        if (code) return code;
        if (side_of(w, p) == knobs->split) return 0;
    }
    return lace_fail(err, LACE_BAD, "There are too few %s problems of difficulty %d for both sides of the split.",
                     family->name, knobs->difficulty.low);
}

/* ---- records ---- */

static int append(json_t *array, int thread, int step, json_t *kind, int from)
{
    json_t *item = json_array();
    int bad = json_array_append_new(item, json_integer(thread)) | json_array_append_new(item, json_integer(step)) |
              json_array_append_new(item, kind);
    if (from >= 0) bad |= json_array_append_new(item, json_integer(from));
    return bad | json_array_append_new(array, item);
}

/* Writes into meta what the trace is: "policy", "budget", "rounds", "corrupted", "slips", "interactions"; the last three
 * are absent where they would be empty. Non-zero: no memory. */
static int put_trace(json_t *meta, enum lace_policy policy, int budget, const struct lace_work_trace *trace)
{
    int rounds = 0, bad = 0;
    json_t *corrupted = json_array(), *slips = json_array(), *interactions = json_array();
    for (int n = 0; n < trace->threads; n++) {
        if (trace->count[n] > rounds) rounds = trace->count[n];
        for (int i = 0; i < trace->count[n]; i++) {
            const struct lace_work_line *line = &trace->lines[n * trace->budget + i];
            if (line->falsehood) bad |= append(corrupted, n, i, json_string(lace_falsehood_names[line->falsehood]), -1);
            if (line->slip) bad |= json_array_append_new(slips, json_pack("[i, i]", n, i));
            if (line->mark) bad |= append(interactions, n, i, json_string(mark_names[line->mark]), line->from);
        }
    }
    bad |= json_object_set_new(meta, "policy", json_string(lace_policy_names[policy])) |
           json_object_set_new(meta, "budget", json_integer(budget)) |
           json_object_set_new(meta, "rounds", json_integer(rounds));
    if (json_array_size(corrupted)) bad |= json_object_set(meta, "corrupted", corrupted);
    if (json_array_size(slips)) bad |= json_object_set(meta, "slips", slips);
    if (json_array_size(interactions)) bad |= json_object_set(meta, "interactions", interactions);
    json_decref(corrupted);
    json_decref(slips);
    json_decref(interactions);
    return bad;
}

/* {"family", the family's own, "ambiguity", and what put_trace adds} */
static json_t *make_meta(const struct lace_family *family, const void *problem, const struct lace_data_knobs *knobs,
                         int ambiguity, const struct lace_work_trace *trace)
{
    json_t *meta = json_object();
    int bad = json_object_set_new(meta, "family", json_string(family->name));
    if (family->work->meta) bad |= family->work->meta(problem, meta);
    bad |= json_object_set_new(meta, "ambiguity", json_integer(ambiguity)) |
           put_trace(meta, knobs->policy, trace->budget, trace);
    if (!bad) return meta;
    json_decref(meta);
    return NULL;
}

static bool make_threads(const struct lace_work *w, const void *problem, const struct lace_work_trace *trace,
                         const char *strategy, struct lace_record *out)
{
    int best = -1;
    bool right[LACE_WORK_THREADS];
    assert(trace->threads > 0 && trace->threads <= LACE_WORK_THREADS);
    for (int n = 0; n < trace->threads; n++) {
        right[n] = trace->answered[n] && w->accepts(problem, trace->answer[n]);
        if (right[n] && (best < 0 || trace->claimed[n] < trace->claimed[best])) best = n;
    }
    out->threads = calloc((size_t)trace->threads, sizeof *out->threads);
    if (!out->threads) return false;
    out->thread_count = trace->threads;
    for (int n = 0; n < trace->threads; n++) {
        struct lace_record_thread *thread = &out->threads[n];
        thread->verdict = n == best ? LACE_VERDICT_BEST : right[n] ? LACE_VERDICT_SUCCESS : LACE_VERDICT_FAIL;
        thread->strategy = strdup(strategy);
        if (trace->answered[n] && !(thread->answer = strdup(trace->answer[n]))) return false;
        thread->steps = calloc((size_t)trace->count[n] + 1, sizeof *thread->steps);
        if (!thread->steps || !thread->strategy) return false;
        for (int i = 0; i < trace->count[n]; i++) {
            char text[LACE_WORK_LINE];
            size_t len = (size_t)w->write(problem, &trace->lines[n * trace->budget + i], text);
            assert(len < sizeof text);
            if (!(thread->steps[i] = malloc(len + 1))) return false;
            memcpy(thread->steps[i], text, len + 1);
            thread->count++;
        }
    }
    return true;
}

/* A thread alone has no second opinion, so only the kind that its own numbers contradict is fair to it. */
static const double *kinds(const struct lace_data_knobs *knobs, int threads)
{
    static const double flips[4] = {[LACE_FALSE_FLIP] = 1};
    return threads == 1 ? flips : knobs->weights;
}

static int open_trace(struct lace_work_trace *trace, struct lace_error *err)
{
    size_t N = (size_t)trace->threads, lines = N * (size_t)trace->budget * sizeof *trace->lines;
    trace->lines = malloc(lines + N * sizeof *trace->answer);
    if (!trace->lines)
        return lace_fail(err, LACE_MEMORY, "Out of memory: %d threads of %d rounds.", trace->threads, trace->budget);
    trace->answer = (void *)((char *)trace->lines + lines);
    return 0;
}

static int budget_of(const struct lace_family *family, const void *problem, const struct lace_data_knobs *knobs,
                     int threads)
{
    return family->work->budget ? family->work->budget(problem, threads) : family->budget(family, knobs, threads);
}

/* Writes the prompt and reads the problem from it: threads know what the prompt says and no more. Who begins with what
 * goes by the order in which it stands there; in the order in which it was drawn no reader could tell what the others
 * begin with. */
static int pose(const struct lace_work *w, union problem *p, int ambiguity, struct lace_rng *rng,
                struct lace_text *prompt, struct lace_error *err)
{
    w->prompt(p, ambiguity, rng, prompt);
    return w->parse(p, prompt->data, err);
}

int lace_work_make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                   struct lace_record *out, struct lace_error *err)
{
    const struct lace_work *w = family->work;
    struct lace_rng rng;
    union problem p;
    struct lace_text prompt;
    struct lace_data_knobs own = *knobs;
    struct lace_work_trace trace = {0};
    char id[96], answer[LACE_WORK_ANSWER];
    lace_family_rng(&rng, knobs, index);
    own.difficulty.low = own.difficulty.high = lace_family_draw(&rng, knobs->difficulty);
    int code = draw(family, &p, &own, &rng, err);
    if (code) return code;
    int ambiguity = lace_family_draw(&rng, knobs->ambiguity);
    trace.threads = lace_family_draw(&rng, knobs->threads);
    bool shared = knobs->policy == LACE_POLICY_SHARED, errs = lace_rng_uniform(&rng) < knobs->corrupt && shared;
    int strategy = knobs->strategy ? knobs->strategy : knobs->policy == LACE_POLICY_ALONE ? w->ranked + 1 : 1;
    /* A thread by itself gets the time that one thread needs: its trace is to end with an answer. Falsehoods, and
     * doing things twice, cost about as many rounds again. */
    trace.budget = knobs->budget ? knobs->budget : budget_of(family, &p, &own, shared ? trace.threads : 1);
    trace.collide = knobs->collide > 0 && shared && lace_rng_uniform(&rng) < knobs->collide;
    if (!knobs->budget && (errs || trace.collide)) {
        int most = w->budget ? w->budget(&p, 1) : 2 * trace.budget;
        trace.budget = 2 * trace.budget < most ? 2 * trace.budget : most;
    }
    trace.astray = lace_family_astray(knobs, trace.threads, &rng);

    lace_text_init(&prompt);
    if ((code = open_trace(&trace, err))) return code;
    if ((code = pose(w, &p, ambiguity, &rng, &prompt, err))) goto fail;
    code = lace_work_run(w, &p, knobs->policy, strategy, errs ? kinds(knobs, trace.threads) : NULL, shared, &rng,
                         &trace, err);
    if (code) goto fail;
    snprintf(id, sizeof id, "%s-%d-%s-%llu-%llu", family->name, own.difficulty.low,
             knobs->split == LACE_SPLIT_TEST ? "test" : "train", (unsigned long long)knobs->seed,
             (unsigned long long)index);
    w->solution(&p, answer);
    out->difficulty = own.difficulty.low;
    out->prompt = prompt.data;
    prompt.data = NULL;
    out->id = strdup(id);
    out->task = strdup(family->name);
    out->answer = strdup(answer);
    out->meta = make_meta(family, &p, knobs, ambiguity, &trace);
    if (!out->prompt || !out->id || !out->task || !out->answer || !out->meta ||
        !make_threads(w, &p, &trace, lace_family_strategy(family, strategy), out)) {
        code = lace_fail(err, LACE_MEMORY, "Out of memory while a record of %d threads is made.", trace.threads);
        goto fail;
    }
    free(trace.lines);
    return 0;
fail:
    free(trace.lines);
    lace_text_release(&prompt);
    lace_record_release(out);
    return code;
}

/* Reads the slips that are of use: false in themselves, about something in the problem, on true operands. */
static int read_slips(const struct lace_work *w, const void *problem, const struct lace_family_plan *plan,
                      struct lace_work_line *lines)
{
    int count = 0;
    for (int i = 0; i < plan->slip_count; i++) {
        struct lace_work_line *line = &lines[count];
        struct lace_step_check check = {.result = LACE_STEP_RIGHT};
        *line = (struct lace_work_line){.move = -1};
        for (int k = 0; k < LACE_WORK_USES; k++) line->uses[k] = -1;
        if (!w->read(problem, plan->slips[i], line) || line->move < 0) continue;
        w->judge(problem, line, &check);
        count += check.result != LACE_STEP_RIGHT && check.result != LACE_STEP_NONE && check.result != w->lookup &&
                 !check.misled;
    }
    return count;
}

int lace_family_write(const struct lace_family *family, struct lace_record *record, const struct lace_family_plan *plan,
                      struct lace_rng *rng, struct lace_error *err)
{
    const struct lace_work *w = family->work;
    union problem p;
    struct lace_data_knobs knobs;
    struct lace_work_trace trace = {.threads = plan->threads};
    struct lace_record made = {0};
    bool shared = plan->policy == LACE_POLICY_SHARED;
    int code = w->parse(&p, record->prompt, err);
    if (code) return code;
    if (plan->threads < 1 || plan->threads > LACE_WORK_THREADS)
        return lace_fail(err, LACE_BAD, "%d threads cannot be written; at most %d can.", plan->threads,
                         LACE_WORK_THREADS);
    lace_data_knobs_defaults(&knobs);
    int difficulty = record->difficulty < family->easiest   ? family->easiest
                     : record->difficulty > family->hardest ? family->hardest
                                                            : record->difficulty;
    knobs.difficulty = (struct lace_interval){difficulty, difficulty};
    int budget = budget_of(family, &p, &knobs, shared ? plan->threads : 1);
    int strategy = plan->strategy ? plan->strategy : plan->policy == LACE_POLICY_ALONE ? w->ranked + 1 : 1;
    /* A thread ends when it has answered: this is room for errors and unlucky problems. */
    trace.budget = 4 * (w->budget ? w->budget(&p, 1) : budget);
    struct lace_work_line *slips = calloc((size_t)plan->slip_count + 1, sizeof *slips);
    if (!slips) return lace_fail(err, LACE_MEMORY, "Out of memory: %d wrong lines.", plan->slip_count);
    trace.slips = slips;
    trace.slip_count = read_slips(w, &p, plan, slips);
    if ((code = open_trace(&trace, err))) goto done;
    if ((code = lace_work_run(w, &p, plan->policy, strategy, plan->weights, shared, rng, &trace, err))) goto done;
    made.meta = record->meta ? json_deep_copy(record->meta) : json_object();
    json_object_del(made.meta, "corrupted");
    json_object_del(made.meta, "slips");
    json_object_del(made.meta, "interactions");
    if (!made.meta || put_trace(made.meta, plan->policy, plan->weights ? 2 * budget : budget, &trace) ||
        !make_threads(w, &p, &trace, lace_family_strategy(family, strategy), &made)) {
        code = lace_fail(err, LACE_MEMORY, "Out of memory while %d threads are written.", plan->threads);
        goto done;
    }
    lace_record_swap_threads(record, &made);
done:
    lace_record_release(&made);
    free(trace.lines);
    free(slips);
    return code;
}

int lace_family_race(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     enum lace_policy policy, int threads, int budget, int *round, struct lace_error *err)
{
    struct lace_rng rng;
    union problem p;
    struct lace_data_knobs own = *knobs;
    struct lace_work_trace trace = {.threads = threads, .budget = budget};
    *round = 0;
    lace_family_rng(&rng, knobs, index);
    own.difficulty.low = own.difficulty.high = lace_family_draw(&rng, knobs->difficulty);
    int code = draw(family, &p, &own, &rng, err);
    if (code || (code = open_trace(&trace, err))) return code;
    bool errs = lace_rng_uniform(&rng) < knobs->corrupt && policy == LACE_POLICY_SHARED;
    struct lace_text prompt;
    lace_text_init(&prompt);
    code = pose(family->work, &p, lace_family_draw(&rng, knobs->ambiguity), &rng, &prompt, err);
    lace_text_release(&prompt);
    if (!code)
        code = lace_work_run(family->work, &p, policy, knobs->strategy, errs ? kinds(knobs, threads) : NULL, false,
                             &rng, &trace, err);
    for (int n = 0; n < threads && !code; n++)
        if (trace.answered[n] && family->work->accepts(&p, trace.answer[n]) && (!*round || trace.count[n] < *round))
            *round = trace.count[n];
    free(trace.lines);
    return code;
}

/* ---- reading ---- */

int lace_family_check(const struct lace_family *family, const char *prompt, const char *answer, struct lace_error *err)
{
    union problem p;
    int code = family->work->parse(&p, prompt, err);
    return code ? code : family->work->accepts(&p, answer);
}

int lace_family_solve(const struct lace_family *family, const char *prompt, struct lace_text *answer,
                      struct lace_error *err)
{
    union problem p;
    char text[LACE_WORK_ANSWER];
    int code = family->work->parse(&p, prompt, err);
    if (code) return code;
    family->work->solution(&p, text);
    lace_text_str(answer, text);
    return answer->failed ? lace_fail(err, LACE_MEMORY, "Out of memory while an answer is written.") : 0;
}

int lace_family_side(const struct lace_family *family, const char *prompt, enum lace_split *side,
                     struct lace_error *err)
{
    union problem p;
    int code = family->work->parse(&p, prompt, err);
    if (!code) *side = side_of(family->work, &p);
    return code;
}

void lace_family_check_step(const struct lace_family *family, const char *prompt, const char *step,
                            struct lace_step_check *out)
{
    const struct lace_work *w = family->work;
    union problem p;
    struct lace_work_line line = {.move = -1};
    for (int i = 0; i < LACE_WORK_USES; i++) line.uses[i] = -1;
    *out = (struct lace_step_check){.result = LACE_STEP_NONE};
    if (w->parse(&p, prompt, NULL) || !w->read(&p, step, &line)) return;
    out->claims = line.yes;
    out->result = w->lookup;
    if (line.move < 0) { /* about nothing in the problem: one trial where what was read of it is the same */
        out->key = lace_hash(line.part, sizeof line.part) | 1ull << 63;
        return;
    }
    out->key = (uint64_t)line.move + 1;
    w->judge(&p, &line, out);
    /* The same move with other operands is another trial. */
    size_t parts = w->operands ? (size_t)w->operands : LACE_WORK_PARTS;
    if (out->misled) out->key ^= lace_hash(line.part, parts * sizeof *line.part) << 16;
}

/* Reads a line about something in the problem. */
static bool read_known(const struct lace_work *w, const void *problem, const char *text, struct lace_work_line *line)
{
    *line = (struct lace_work_line){.move = -1};
    for (int i = 0; i < LACE_WORK_USES; i++) line->uses[i] = -1;
    return w->read(problem, text, line) && line->move >= 0;
}

/* An answer says the same as the line where the answer follows from that line alone. */
static enum lace_stance answer_stance(const struct lace_work *w, const void *problem, const struct lace_work_line *lie,
                                      const char *answer)
{
    if (w->answer_stance) return w->answer_stance(problem, lie, answer);
    const struct lace_work_line *known[LACE_WORK_MOVES] = {NULL};
    char follows[LACE_WORK_ANSWER];
    known[lie->move] = lie;
    if (!w->answer(problem, known, follows)) return LACE_STANCE_NONE;
    bool same = lace_format_same(answer, follows);
    return lace_stance_of(same, !same);
}

enum lace_stance lace_family_stance(const struct lace_family *family, const char *prompt, const char *lie,
                                    const char *text)
{
    const struct lace_work *w = family->work;
    union problem p;
    struct lace_work_line wrong, line;
    struct lace_text answer;
    if (w->parse(&p, prompt, NULL) || !read_known(w, &p, lie, &wrong)) return LACE_STANCE_NONE;
    lace_text_init(&answer);
    bool answers = lace_format_answer(text, strlen(text), &answer);
    enum lace_stance stance = answers                          ? answer_stance(w, &p, &wrong, answer.data)
                              : read_known(w, &p, text, &line) ? w->stance(&p, &wrong, &line)
                                                               : LACE_STANCE_NONE;
    lace_text_release(&answer);
    return stance;
}

int lace_family_place(const struct lace_family *family, const char *prompt, const char *text, int parts)
{
    const struct lace_work *w = family->work;
    union problem p;
    struct lace_work_line line;
    if (w->parse(&p, prompt, NULL) || !read_known(w, &p, text, &line)) return -1;
    return (int)((int64_t)w->rank(&p, 1, line.move) * parts / w->ranks(&p));
}

/* ---- forging ---- */

/* Puts a true line for the move among what is known, and for all that it builds on. */
static void learn(const struct lace_work_line **known, const struct lace_work_line *truth, const bool *there, int move)
{
    if (!there[move] || known[move]) return;
    known[move] = &truth[move];
    for (int i = 0; i < LACE_WORK_USES && truth[move].uses[i] >= 0; i++)
        learn(known, truth, there, truth[move].uses[i]);
}

/* A miss is a lost find or, in families where a line has no other last word than its value and in the middle of a
 * case, a wrong value that announces none. */
static bool spoil(const struct lace_work *w, const void *problem, struct lace_work_line *line, enum lace_falsehood kind,
                  struct lace_rng *rng)
{
    struct lace_work_line truth = *line;
    if (w->falsify(problem, line, kind, rng)) return true;
    *line = truth;
    return kind == LACE_FALSE_MISS && !line->find && !line->dead && w->falsify(problem, line, LACE_FALSE_FORGE, rng) &&
           !line->find;
}

/* The thread is taken to know the truth about what it wrote of and about what that was built on; the new line is the
 * first useful one that can be forged, from a random place on. */
int lace_family_forge(const struct lace_family *family, const char *prompt, const char *so_far,
                      enum lace_falsehood kind, struct lace_rng *rng, struct lace_text *out, struct lace_error *err)
{
    const struct lace_work *w = family->work;
    union problem p;
    int code = w->parse(&p, prompt, err);
    if (code) return code;
    if (w->forge) return w->forge(&p, so_far, kind, rng, out, err);
    int moves = w->moves(&p);
    struct lace_work_trace trace = {.threads = 1, .budget = moves};
    struct {
        struct lace_work_line truth[LACE_WORK_MOVES];
        bool there[LACE_WORK_MOVES];
        const struct lace_work_line *known[LACE_WORK_MOVES];
        short list[2 * LACE_WORK_MOVES];
    } *s = calloc(1, sizeof *s);
    if (!s) return lace_fail(err, LACE_MEMORY, "Out of memory while a step is forged.");
    if ((code = open_trace(&trace, err)) ||
        (code = lace_work_run(w, &p, LACE_POLICY_ALONE, 1, NULL, false, rng, &trace, err)))
        goto done;
    for (int i = 0; i < trace.count[0]; i++) {
        s->truth[trace.lines[i].move] = trace.lines[i];
        s->there[trace.lines[i].move] = true;
    }
    for (const char *at = so_far; *at;) {
        size_t len = strcspn(at, "\n");
        char text[2 * LACE_WORK_LINE];
        struct lace_work_line line = {.move = -1};
        if (len < sizeof text) {
            memcpy(text, at, len);
            text[len] = 0;
            for (int i = 0; i < LACE_WORK_USES; i++) line.uses[i] = -1;
            if (w->read(&p, text, &line) && line.move >= 0) {
                if (!s->there[line.move]) { /* a dead end that the solution never meets */
                    s->truth[line.move] = line;
                    s->there[line.move] = true;
                }
                learn(s->known, s->truth, s->there, line.move);
            }
        }
        at += len + (at[len] == '\n');
    }
    int count = w->useful(&p, 1, s->known, s->list);
    for (int pass = 0; pass < 2; pass++) {
        if (pass) { /* nothing is left to do: other ways to end, or anything again, what came last first */
            memset(s->known, 0, sizeof s->known);
            for (int i = 0; i + 1 < trace.count[0]; i++) s->known[trace.lines[i].move] = &trace.lines[i];
            count = w->useful(&p, 1, s->known, s->list);
            for (int i = trace.count[0]; i-- > 0;) s->list[count++] = trace.lines[i].move;
        }
        int start = count && !pass ? (int)lace_rng_below(rng, (uint32_t)count) : 0;
        for (int i = 0; i < count; i++) {
            int move = s->list[(start + i) % count];
            struct lace_work_line line = {.move = (short)move};
            for (int k = 0; k < LACE_WORK_USES; k++) line.uses[k] = -1;
            w->perform(&p, s->known, move, &line);
            if (!spoil(w, &p, &line, kind, rng)) continue;
            char text[LACE_WORK_LINE];
            lace_text_add(out, text, (size_t)w->write(&p, &line, text));
            if (out->failed) code = lace_fail(err, LACE_MEMORY, "Out of memory while a step is forged.");
            goto done;
        }
    }
    code = lace_fail(err, LACE_BAD, "No step of this problem can be forged; give it a larger one.");
done:
    free(trace.lines);
    free(s);
    return code;
}
