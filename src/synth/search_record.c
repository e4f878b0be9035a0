/* A record of the family `search`: a problem, a run of the policy, and both as text.
 * Lines and marks are the bulk of the work of making data, so nothing here goes through printf. */
#include "synth/search.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
static int put_trace(json_t *meta, enum lace_policy policy, int budget, const struct lace_search_trace *trace)
{
    int rounds = 0, bad = 0;
    json_t *corrupted = json_array(), *slips = json_array(), *interactions = json_array();
    for (int n = 0; n < trace->threads; n++) {
        if (trace->count[n] > rounds) rounds = trace->count[n];
        for (int i = 0; i < trace->count[n]; i++) {
            const struct lace_search_step *step = &trace->steps[n * trace->budget + i];
            if (step->falsehood) bad |= append(corrupted, n, i, json_string(lace_falsehood_names[step->falsehood]), -1);
            if (step->slip) bad |= json_array_append_new(slips, json_pack("[i, i]", n, i));
            if (step->mark)
                bad |= append(interactions, n, i, json_string(lace_search_mark_names[step->mark]), step->from);
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

/* {"family", "modulus", "options", "ambiguity", and what put_trace adds} */
static json_t *make_meta(const struct lace_search *p, const struct lace_data_knobs *knobs, int ambiguity,
                         const struct lace_search_trace *trace)
{
    json_t *meta = json_object();
    int bad = json_object_set_new(meta, "family", json_string("search")) |
              json_object_set_new(meta, "modulus", json_integer(p->modulus)) |
              json_object_set_new(meta, "options", json_integer(p->options)) |
              json_object_set_new(meta, "ambiguity", json_integer(ambiguity)) |
              put_trace(meta, knobs->policy, trace->budget, trace);
    if (!bad) return meta;
    json_decref(meta);
    return NULL;
}

static char *number_text(int n)
{
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    return strdup(text);
}

static bool make_threads(const struct lace_search *p, const struct lace_search_trace *trace,
                         enum search_strategy strategy, struct lace_record *out)
{
    int best = -1, right = p->solution[p->stages - 1];
    for (int n = 0; n < trace->threads; n++)
        if (trace->answer[n] == right && (best < 0 || trace->claimed[n] < trace->claimed[best])) best = n;
    assert(trace->threads > 0 && trace->threads <= SEARCH_THREADS);
    out->threads = calloc((size_t)trace->threads, sizeof *out->threads);
    if (!out->threads) return false;
    out->thread_count = trace->threads;
    for (int n = 0; n < trace->threads; n++) {
        struct lace_record_thread *thread = &out->threads[n];
        thread->verdict = n == best                   ? LACE_VERDICT_BEST
                          : trace->answer[n] == right ? LACE_VERDICT_SUCCESS
                                                      : LACE_VERDICT_FAIL;
        thread->strategy = strdup(lace_family_strategy(&lace_family_search, strategy));
        if (trace->answer[n] && !(thread->answer = number_text(trace->answer[n]))) return false;
        thread->steps = calloc((size_t)trace->count[n] + 1, sizeof *thread->steps);
        if (!thread->steps || !thread->strategy) return false;
        for (int i = 0; i < trace->count[n]; i++) {
            char line[SEARCH_LINE];
            size_t len = (size_t)lace_search_line(p, &trace->steps[n * trace->budget + i], line);
            if (!(thread->steps[i] = malloc(len + 1))) return false;
            memcpy(thread->steps[i], line, len + 1);
            thread->count++;
        }
    }
    return true;
}

/* A thread alone has no second opinion, so only the kind that its own values contradict is fair to it. */
static const double *kinds(const struct lace_data_knobs *knobs, int threads)
{
    static const double flips[4] = {[LACE_FALSE_FLIP] = 1};
    return threads == 1 ? flips : knobs->weights;
}

int lace_search_make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     struct lace_record *out, struct lace_error *err)
{
    struct lace_rng rng;
    struct lace_search p;
    struct lace_text prompt;
    lace_family_rng(&rng, knobs, index);
    int code = lace_search_draw(&p, knobs, &rng, err);
    if (code) return code;
    int ambiguity = lace_family_draw(&rng, knobs->ambiguity);
    struct lace_search_trace trace = {.threads = lace_family_draw(&rng, knobs->threads), .budget = knobs->budget};
    bool shared = knobs->policy == LACE_POLICY_SHARED, errs = lace_rng_uniform(&rng) < knobs->corrupt && shared;
    enum search_strategy strategy = (enum search_strategy)knobs->strategy;
    if (strategy == SEARCH_DEFAULT) strategy = knobs->policy == LACE_POLICY_ALONE ? SEARCH_RANDOM : SEARCH_UP;
    /* A thread by itself gets the time that one thread needs: its trace is to end with an answer. */
    if (!trace.budget) trace.budget = lace_search_budget(p.stages, p.options, shared ? trace.threads : 1);
    /* Falsehoods cost about as many rounds again (a missed find a whole sweep): K*B is enough in any case. */
    if (!knobs->budget && errs)
        trace.budget = trace.budget * 2 < p.stages * p.options ? trace.budget * 2 : p.stages * p.options;

    trace.astray = lace_family_astray(knobs, trace.threads, &rng);

    lace_text_init(&prompt);
    lace_search_prompt(&p, ambiguity, &rng, &prompt);
    trace.steps = malloc((size_t)trace.threads * (size_t)trace.budget * sizeof *trace.steps);
    if (!trace.steps) goto memory;
    code = lace_search_run(&p, knobs->policy, strategy, errs ? kinds(knobs, trace.threads) : NULL, &rng, &trace, err);
    if (code) goto fail;
    char id[80];
    snprintf(id, sizeof id, "search-%d-%s-%llu-%llu", p.stages, knobs->split == LACE_SPLIT_TEST ? "test" : "train",
             (unsigned long long)knobs->seed, (unsigned long long)index);
    out->difficulty = p.stages;
    out->prompt = prompt.data;
    prompt.data = NULL;
    out->id = strdup(id);
    out->task = strdup("search");
    out->answer = number_text(p.solution[p.stages - 1]);
    out->meta = make_meta(&p, knobs, ambiguity, &trace);
    if (!out->prompt || !out->id || !out->task || !out->answer || !out->meta ||
        !make_threads(&p, &trace, strategy, out))
        goto memory;
    free(trace.steps);
    return 0;
memory:
    code = lace_fail(err, LACE_MEMORY, "Out of memory while a record of %d threads is made.", trace.threads);
fail:
    free(trace.steps);
    lace_text_release(&prompt);
    lace_record_release(out);
    return code;
}

/* Reads the slips that are of use: false in themselves, about an option of the problem, on a true c. */
static int read_slips(const struct lace_search *p, const struct lace_family_plan *plan, struct lace_search_step *steps)
{
    int count = 0;
    for (int i = 0; i < plan->slip_count; i++) {
        struct lace_search_seen seen;
        int result = lace_search_check_line(p, plan->slips[i], &seen, &steps[count]);
        if (result != LACE_STEP_RIGHT && result != LACE_STEP_NONE && result != SEARCH_LOOKUP && seen.on_path) count++;
    }
    return count;
}

int lace_search_write(const struct lace_family *family, struct lace_record *record, const struct lace_family_plan *plan,
                      struct lace_rng *rng, struct lace_error *err)
{
    struct lace_search p;
    struct lace_search_trace trace = {.threads = plan->threads};
    struct lace_record made = {0};
    bool shared = plan->policy == LACE_POLICY_SHARED;
    int code = lace_search_parse(&p, record->prompt, err);
    if (code) return code;
    if (plan->threads < 1 || plan->threads > SEARCH_THREADS)
        return lace_fail(err, LACE_BAD, "%d threads cannot be written; at most %d can.", plan->threads, SEARCH_THREADS);
    enum search_strategy strategy = (enum search_strategy)plan->strategy;
    if (strategy == SEARCH_DEFAULT) strategy = plan->policy == LACE_POLICY_ALONE ? SEARCH_RANDOM : SEARCH_UP;
    int budget = lace_search_budget(p.stages, p.options, shared ? plan->threads : 1);
    trace.budget = 4 * p.stages * p.options; /* a thread ends when it has answered: this is room for errors */
    struct lace_search_step *slips = calloc((size_t)plan->slip_count + 1, sizeof *slips);
    trace.steps = malloc((size_t)trace.threads * (size_t)trace.budget * sizeof *trace.steps);
    if (!slips || !trace.steps) {
        code = lace_fail(err, LACE_MEMORY, "Out of memory: %d threads of %d rounds.", trace.threads, trace.budget);
        goto done;
    }
    trace.slips = slips;
    trace.slip_count = read_slips(&p, plan, slips);
    if ((code = lace_search_run(&p, plan->policy, strategy, plan->weights, rng, &trace, err))) goto done;
    made.meta = record->meta ? json_deep_copy(record->meta) : json_object();
    json_object_del(made.meta, "corrupted");
    json_object_del(made.meta, "slips");
    json_object_del(made.meta, "interactions");
    if (!made.meta || put_trace(made.meta, plan->policy, plan->weights ? 2 * budget : budget, &trace) ||
        !make_threads(&p, &trace, strategy, &made)) {
        code = lace_fail(err, LACE_MEMORY, "Out of memory while %d threads are written.", plan->threads);
        goto done;
    }
    lace_record_swap_threads(record, &made);
done:
    lace_record_release(&made);
    free(trace.steps);
    free(slips);
    return code;
}

int lace_search_race(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     enum lace_policy policy, int threads, int budget, int *round, struct lace_error *err)
{
    struct lace_rng rng;
    struct lace_search p;
    *round = 0;
    lace_family_rng(&rng, knobs, index);
    int code = lace_search_draw(&p, knobs, &rng, err);
    if (code) return code;
    struct lace_search_trace trace = {.threads = threads, .budget = budget};
    if (!(trace.steps = malloc((size_t)threads * (size_t)budget * sizeof *trace.steps)))
        return lace_fail(err, LACE_MEMORY, "Out of memory: %d threads of %d rounds.", threads, budget);
    bool errs = lace_rng_uniform(&rng) < knobs->corrupt && policy == LACE_POLICY_SHARED;
    code = lace_search_run(&p, policy, (enum search_strategy)knobs->strategy, errs ? kinds(knobs, threads) : NULL, &rng,
                           &trace, err);
    for (int n = 0; n < threads && !code; n++)
        if (trace.answer[n] == p.solution[p.stages - 1] && (!*round || trace.count[n] < *round))
            *round = trace.count[n];
    free(trace.steps);
    return code;
}
