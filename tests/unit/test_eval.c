/* The evaluation against a plain reading of what it promises: one group at a time through a decoder of its own, answers
 * read and counted here. */
#include "eval_test.h"
#include "eval/stats.h"
#include <jansson.h>

static int in_rounds[PROBLEMS];

static struct lace_rollout rollout(int count, uint64_t seed, int workers)
{
    for (int i = 0; i < PROBLEMS; i++) in_rounds[i] = ROUNDS;
    return (struct lace_rollout){.problems = problems,
                                 .count = count,
                                 .threads = THREADS,
                                 .rounds = in_rounds,
                                 .temperature = 1,
                                 .seed = seed,
                                 .workers = workers};
}

/* ---- the plain reading ---- */

/* The whole matrix of the textbook. */
static double apart(const int *a, int n, const int *b, int m)
{
    int *d = calloc((size_t)(n + 1) * (m + 1), sizeof *d), w = m + 1;
    for (int i = 0; i <= n; i++)
        for (int j = 0; j <= m; j++) {
            if (!i || !j) {
                d[i * w + j] = i + j;
                continue;
            }
            int least = d[(i - 1) * w + j - 1] + (a[i - 1] != b[j - 1]);
            if (d[(i - 1) * w + j] + 1 < least) least = d[(i - 1) * w + j] + 1;
            if (d[i * w + j - 1] + 1 < least) least = d[i * w + j - 1] + 1;
            d[i * w + j] = least;
        }
    double share = n || m ? (double)d[n * w + m] / (n > m ? n : m) : 0;
    free(d);
    return share;
}

/* The number on the last line "Answer: ...", 0 where there is none. */
static int answer_of(const char *text)
{
    const char *at = NULL;
    for (const char *p = text; (p = strstr(p, "Answer: ")); p++) at = p;
    if (!at || !strchr(at, '\n')) return 0;
    char *end;
    long value = strtol(at + 8, &end, 10);
    return end > at + 8 && !strncmp(end, ".\n", 2) ? (int)value : -1; /* -1: something that is no number */
}

/* A thread's text without the NULs that noise may write. */
static const char *text_of(const struct lace_thread *t)
{
    static char text[8192];
    assert_true(t->text.len < sizeof text);
    for (size_t i = 0; i <= t->text.len; i++) text[i] = t->text.data[i] || i == t->text.len ? t->text.data[i] : ' ';
    return text;
}

static int tokens_in(const struct lace_engine *e, const char *text)
{
    int *ids = NULL;
    size_t capacity = 0, count;
    assert_int_equal(lace_tokenizer_encode(e->tokenizer, text, strlen(text), false, &ids, &capacity, &count, NULL), 0);
    free(ids);
    return (int)count;
}

static int budget_of(const struct lace_engine *e, const struct lace_record *p, int times, int rounds)
{
    int longest = 0;
    char line[64];
    for (int n = 0; n < p->thread_count; n++)
        for (int i = 0; i < p->threads[n].count; i++) {
            int count = tokens_in(e, p->threads[n].steps[i]);
            if (count > longest) longest = count;
        }
    snprintf(line, sizeof line, "Answer: %s.\n", p->answer);
    return times * rounds * longest + tokens_in(e, line) + e->format.lead_count;
}

struct injected { /* by the plain reading */
    char line[256];
    int thread;
};

static struct lace_outcome plain(const struct lace_arm *arm, const struct lace_rollout *r, int problem,
                                 struct injected *injected)
{
    const struct lace_record *p = &problems[problem];
    struct lace_outcome o = {{0}};
    struct lace_decoder *d;
    struct lace_error err;
    int *prompt, threads = arm->serial ? 1 : THREADS,
                 budget = budget_of(arm->engine, p, arm->serial ? THREADS : 1, r->rounds[problem]), forced[64];
    size_t count;
    struct lace_rng rng;
    assert_works(lace_engine_prompt(arm->engine, p->prompt, &prompt, &count, &err), err);
    assert_works(
        lace_decoder_open(&d, &arm->model, &arm->engine->format,
                          &(struct lace_decoder_options){1, threads, (int)count, budget + 64, 1, .kv = arm->engine->kv},
                          &err),
        err);
    struct lace_group_options g = {.threads = threads,
                                   .see = arm->see,
                                   .solo = arm->solo,
                                   .seed = r->seed * 1000003u + (uint64_t)problem,
                                   .barrier = true,
                                   .budget = budget,
                                   .sampling = {r->temperature, 0, 1, 0, 1}};
    assert_works(lace_decoder_add(d, prompt, (int)count, &g, &err), err);
    lace_rng_init(&rng, g.seed, 0x696e6a);
    int step_at = 0, victim = -1;
    if (lace_rng_uniform(&rng) < r->inject) {
        victim = (int)lace_rng_below(&rng, (uint32_t)threads);
        step_at = 1 + (int)lace_rng_below(&rng, 4);
    }
    while (!lace_decoder_done(d, 0)) {
        assert_works(lace_decoder_step(d, NULL, &err), err);
        if (victim < 0) continue;
        const struct lace_thread *t = lace_decoder_thread(d, 0, victim);
        int lines = 0;
        for (size_t i = 0; i < t->text.len; i++) lines += t->text.data[i] == '\n';
        if (t->end != LACE_RUNNING || lines < step_at || t->text.data[t->text.len - 1] != '\n') continue;
        if (!answer_of(text_of(t))) {
            struct lace_text line;
            char *so_far = strdup(t->text.data);
            lace_text_init(&line);
            lace_rng_init(&rng, r->seed + (uint64_t)problem, 0x666f72);
            assert_works(lace_family_forge(&lace_family_search, p->prompt, so_far, LACE_FALSE_FORGE, &rng, &line, &err),
                         err);
            int *ids = NULL;
            size_t capacity = 0, length;
            assert_works(lace_tokenizer_encode(tokenizer, line.data, line.len, false, &ids, &capacity, &length, &err),
                         err);
            assert_in_range(length, 1, 64);
            memcpy(forced, ids, length * sizeof *ids);
            lace_decoder_force(d, 0, victim, forced, (int)length);
            if (injected) {
                snprintf(injected->line, sizeof injected->line, "%s", line.data);
                injected->thread = victim;
            }
            free(ids);
            free(so_far);
            lace_text_release(&line);
        }
        victim = -1;
    }
    int answers[THREADS], best = -1, fluent = -1, votes[THREADS] = {0}, most = 0, winners = 0, right_votes = 0;
    struct lace_ballot ballots[THREADS];
    char said[THREADS][32];
    for (int n = 0; n < threads; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, 0, n), *other;
        answers[n] = answer_of(text_of(t));
        if (answers[n] < 0) answers[n] = 0; /* a word where a number is asked for is no candidate */
        bool right = answers[n] == atoi(p->answer);
        o.any = fmax(o.any, right);
        o.thread_right += (double)right / threads;
        o.format += (double)(t->verdict != LACE_VERDICT_NONE) / threads;
        o.tokens += t->chosen;
        o.steps = fmax(o.steps, t->clock_end);
        snprintf(said[n], sizeof said[n], "%d", answers[n]);
        ballots[n] = (struct lace_ballot){answers[n] ? said[n] : NULL, t->p[LACE_VERDICT_BEST],
                                          t->sampled ? t->logprob / t->sampled : 0};
        for (int m = 0; m < n; m++) {
            other = lace_decoder_thread(d, 0, m);
            o.diversity += apart(t->ids + t->tag_count, t->count - t->tag_count, other->ids + other->tag_count,
                                 other->count - other->tag_count) /
                           (threads * (threads - 1) / 2.0);
        }
        const char *line = text_of(t), *end;
        struct lace_step_check check;
        for (; (end = strchr(line, '\n')); line = end + 1) {
            char text[256];
            if (end - line > 200) continue;
            snprintf(text, sizeof text, "%.*s\n", (int)(end - line), line);
            lace_family_check_step(&lace_family_search, p->prompt, text, &check);
            o.trials += check.result != LACE_STEP_NONE;
            o.wrong += check.result != LACE_STEP_NONE && check.result != LACE_STEP_RIGHT;
        }
        if (!answers[n]) continue;
        if (ballots[n].p_best > 0 && (best < 0 || ballots[n].p_best > ballots[best].p_best)) best = n;
        if (fluent < 0 || ballots[n].logprob > ballots[fluent].logprob) fluent = n;
    }
    for (int n = 0; n < threads; n++)
        for (int m = 0; m < threads; m++) votes[n] += answers[n] && answers[n] == answers[m];
    for (int n = 0; n < threads; n++) most = votes[n] > most ? votes[n] : most;
    for (int n = 0; n < threads; n++) { /* ties: as many winners as threads that are not of the first's answer */
        bool first = votes[n] == most && most;
        for (int m = 0; m < n && first; m++) first = answers[m] != answers[n];
        winners += first;
        right_votes += first && answers[n] == atoi(p->answer);
    }
    int voted = lace_pick(ballots, threads, LACE_PICK_VOTE, r->seed + (uint64_t)problem);
    assert_true(!most ? voted < 0 : votes[voted] == most); /* invalid answers have no vote */
    o.right[LACE_PICK_VOTE] = winners == 1 ? right_votes : most && answers[voted] == atoi(p->answer);
    int by_verdict = best < 0 ? voted : best;
    o.right[LACE_PICK_VERDICT] = by_verdict >= 0 && answers[by_verdict] == atoi(p->answer);
    o.right[LACE_PICK_LOGPROB] = fluent >= 0 && answers[fluent] == atoi(p->answer);
    lace_decoder_close(&d);
    free(prompt);
    return o;
}

static void same_outcome(const char *arm, int i, const struct lace_outcome *a, const struct lace_outcome *b)
{
    const double x[] = {a->right[0], a->right[1], a->right[2], a->any,   a->thread_right, a->format,
                        a->tokens,   a->steps,    a->trials,   a->wrong, a->diversity},
                 y[] = {b->right[0], b->right[1], b->right[2], b->any,   b->thread_right, b->format,
                        b->tokens,   b->steps,    b->trials,   b->wrong, b->diversity};
    static const char *const names[] = {"verdict", "vote",  "logprob", "any",   "threads",  "format",
                                        "tokens",  "steps", "trials",  "wrong", "diversity"};
    int different = 0;
    for (int j = 0; j < 11; j++) {
        if (fabs(x[j] - y[j]) < 1e-12) continue;
        print_error("%s, problem %d: %s is %g, not %g\n", arm, i, names[j], x[j], y[j]);
        different++;
    }
    assert_int_equal(different, 0);
}

static const struct {
    const char *name, *dir;
    enum lace_see see;
    bool solo, serial;
    enum lace_pick_by own;
} arms[] = {
    {"independent", base_dir, LACE_SEE_NONE, true, false, LACE_PICK_VOTE},
    {"isolated", isolated_dir, LACE_SEE_NONE, false, false, LACE_PICK_VERDICT},
    {"serial", base_dir, LACE_SEE_NONE, true, true, LACE_PICK_VERDICT},
    {"lace", model_dir, LACE_SEE_OWN, false, false, LACE_PICK_VERDICT},
    {"muted", model_dir, LACE_SEE_NONE, false, false, LACE_PICK_VERDICT},
};
enum { ARMS = sizeof arms / sizeof *arms };

static struct lace_arm arm_of(int i, struct lace_engine *e)
{
    struct lace_arm a = {.engine = e,
                         .model = *e->model,
                         .see = arms[i].see,
                         .solo = arms[i].solo,
                         .serial = arms[i].serial,
                         .own_pick = arms[i].own};
    snprintf(a.name, sizeof a.name, "%s", arms[i].name);
    return a;
}

static struct lace_eval_options options_of(const char *const *names, int count)
{
    struct lace_eval_options o;
    lace_eval_defaults(&o);
    make_knobs(&o.knobs);
    static const int threads[] = {THREADS};
    static const char *const models[] = {model_dir, NULL};
    o.count = count;
    o.models = models;
    o.arms = names;
    o.threads = threads;
    o.rounds = ROUNDS;
    o.temperature = 1;
    o.seed = 5;
    return o;
}

static void every_figure_is_the_plain_one(void **state)
{
    enum { COUNT = 10 };
    static const char *const names[] = {"independent", "isolated", "serial", "lace", "muted", NULL};
    static struct lace_eval_result result;
    struct lace_outcome outcomes[COUNT], want[ARMS][COUNT];
    struct lace_eval_options options = options_of(names, COUNT);
    struct lace_rollout r = rollout(COUNT, options.seed, 0);
    struct lace_error err;
    double verdicts = 0, answers = 0, heard = 0;
    options.rounds = 2; /* short enough that budgets end threads */
    for (int i = 0; i < PROBLEMS; i++) in_rounds[i] = 2;
    assert_works(lace_eval(&options, &result, &err), err);
    assert_true(result.problems == COUNT && result.arm_count == ARMS && result.set_count == 1);
    const struct lace_eval_set *set = &result.sets[0];
    assert_true(set->threads == THREADS && set->problems == COUNT && set->difficulty == 1 && set->ambiguity == 0);
    assert_string_equal(set->family, "search");
    for (int k = 0; k < ARMS; k++) {
        struct lace_engine *e = engine_of(arms[k].dir, NULL);
        struct lace_arm arm = arm_of(k, e);
        const struct lace_eval_arm *a = &set->arms[k];
        double sums[8] = {0}, solved = 0;
        r.label = arms[k].name;
        assert_works(lace_rollout_run(&arm, &r, outcomes, &err), err);
        for (int i = 0; i < COUNT; i++) {
            struct lace_outcome o = want[k][i] = plain(&arm, &r, i, NULL);
            same_outcome(arms[k].name, i, &outcomes[i], &o);
            const double values[] = {o.right[0],     o.right[1], o.right[2],  o.any,
                                     o.thread_right, o.format,   o.diversity, o.tokens};
            for (int j = 0; j < 8; j++) sums[j] += values[j] / COUNT;
            if (o.right[arms[k].own]) solved += o.steps;
            heard += k == 4 && o.tokens != want[3][i].tokens;
        }
        const double got[] = {a->pick[0].value,         a->pick[1].value, a->pick[2].value,   a->coverage.value,
                              a->thread_accuracy.value, a->format.value,  a->diversity.value, a->tokens};
        for (int j = 0; j < 8; j++)
            if (!(fabs(got[j] - sums[j]) < 1e-9)) fail_msg("%s: figure %d is %g, not %g", a->name, j, got[j], sums[j]);
        assert_string_equal(a->name, arms[k].name);
        assert_true(a->accuracy.value == a->pick[arms[k].own].value && a->temperature == 1);
        double hits = a->accuracy.value * COUNT;
        assert_true(hits < 0.5 ? a->steps_solved == 0 : fabs(a->steps_solved - solved / hits) < 1e-9);
        verdicts += sums[5];
        answers += sums[3];
        lace_engine_close(&e);
    }
    assert_true(verdicts > 0.5 * ARMS && answers > 0.3 * ARMS); /* the models do what they were written for */
    assert_true(heard > 0);                                     /* and the lattice carries something */
    int best = 0, best_by = 0;
    for (int k = 0; k < 2; k++)
        for (int by = 0; by < LACE_EVAL_PICKS; by++)
            if (set->arms[k].pick[by].value > set->arms[best].pick[best_by].value) best = k, best_by = by;
    char against[64];
    snprintf(against, sizeof against, "%s by %s", arms[best].name,
             (const char *[]){"verdict", "vote", "logprob"}[best_by]);
    assert_string_equal(set->against, against);
    assert_true(fabs(set->delta.value - 100 * (set->arms[3].accuracy.value - set->arms[best].pick[best_by].value)) <
                1e-9);
    assert_true(set->delta.low <= set->delta.value && set->delta.value <= set->delta.high);
    lace_eval_release(&result);
}

static void workers_change_nothing(void **state)
{
    struct lace_engine *e = engine_of(model_dir, NULL);
    struct lace_error err;
    int differ = 0;
    for (int see = LACE_SEE_OWN; see <= LACE_SEE_FOREIGN; see++) {
        struct lace_arm arm = arm_of(3, e);
        struct lace_outcome first[PROBLEMS], other[PROBLEMS];
        arm.see = (enum lace_see)see;
        for (int workers = 1; workers <= 5; workers += 2) {
            struct lace_rollout r = rollout(PROBLEMS - (see == LACE_SEE_FOREIGN ? 7 : 0), 9,
                                            workers); /* 17: 16 and one alone, were it not for wave_size */
            assert_works(lace_rollout_run(&arm, &r, workers == 1 ? first : other, &err), err);
            for (int i = 0; i < r.count && workers > 1; i++) same_outcome("workers", i, &first[i], &other[i]);
        }
        arm.see = LACE_SEE_NONE;
        struct lace_rollout r = rollout(17, 9, 2);
        assert_works(lace_rollout_run(&arm, &r, other, &err), err);
        differ += see == LACE_SEE_FOREIGN &&
                  (first[16].tokens != other[16].tokens || first[16].diversity != other[16].diversity);
    }
    assert_int_equal(differ, 1); /* the last problem was shown something */
    lace_engine_close(&e);
}

/* All problems side by side, each seeing the next one to the end, whichever ends first. */
static void foreign_threads_see_the_next_problem(void **state)
{
    enum { COUNT = 7 };
    struct lace_engine *e = engine_of(model_dir, NULL);
    struct lace_arm arm = arm_of(3, e);
    struct lace_rollout r = rollout(COUNT, 11, 1); /* some end before others */
    struct lace_outcome outcomes[COUNT];
    struct lace_decoder *d;
    struct lace_error err;
    int running = 1, ended = 0;
    arm.see = LACE_SEE_FOREIGN;
    assert_works(lace_rollout_run(&arm, &r, outcomes, &err), err);
    assert_works(lace_decoder_open(&d, &arm.model, &e->format,
                                   &(struct lace_decoder_options){COUNT, THREADS, 100, 400, 1, .kv = e->kv}, &err),
                 err);
    for (int i = 0; i < COUNT; i++) {
        int *prompt;
        size_t count;
        struct lace_group_options g = {.threads = THREADS,
                                       .see = LACE_SEE_FOREIGN,
                                       .seed = r.seed * 1000003u + (uint64_t)i,
                                       .barrier = true,
                                       .budget = budget_of(e, &problems[i], 1, ROUNDS),
                                       .sampling = {1, 0, 1, 0, 1}};
        assert_works(lace_engine_prompt(e, problems[i].prompt, &prompt, &count, &err), err);
        assert_int_equal(lace_decoder_add(d, prompt, (int)count, &g, &err), i);
        free(prompt);
    }
    while (running) {
        assert_works(running = lace_decoder_step(d, NULL, &err), err);
        ended += running && running < COUNT;
    }
    assert_true(ended > 0);
    for (int i = 0; i < COUNT; i++) {
        double tokens = 0, steps = 0;
        for (int n = 0; n < THREADS; n++) {
            tokens += lace_decoder_thread(d, i, n)->chosen;
            steps = fmax(steps, lace_decoder_thread(d, i, n)->clock_end);
        }
        assert_true(outcomes[i].tokens == tokens && outcomes[i].steps == steps);
    }
    lace_decoder_close(&d);
    lace_engine_close(&e);
}

static void an_injected_step_is_written_and_counted(void **state)
{
    struct lace_engine *e = engine_of(model_dir, NULL);
    struct lace_arm arm = arm_of(3, e);
    struct lace_rollout r = rollout(PROBLEMS, 21, 2);
    struct lace_outcome outcomes[PROBLEMS], without[PROBLEMS];
    struct lace_error err;
    int written = 0;
    assert_works(lace_rollout_run(&arm, &r, without, &err), err);
    r.inject = 1;
    assert_works(lace_rollout_run(&arm, &r, outcomes, &err), err);
    for (int i = 0; i < PROBLEMS; i++) {
        struct injected injected = {"", -1};
        struct lace_outcome o = plain(&arm, &r, i, &injected);
        struct lace_step_check check;
        same_outcome("injected", i, &outcomes[i], &o);
        assert_true(without[i].wrong == 0 && without[i].trials == 0);
        assert_true(o.wrong <= 1 && o.trials == o.wrong && (injected.thread >= 0 || o.wrong == 0));
        written += (int)o.wrong;
        if (injected.thread < 0) continue;
        lace_family_check_step(&lace_family_search, problems[i].prompt, injected.line, &check);
        assert_true(check.result != LACE_STEP_RIGHT && check.result != LACE_STEP_NONE && check.claims);
    }
    assert_true(written > PROBLEMS / 6);
    r.inject = 0.5;
    assert_works(lace_rollout_run(&arm, &r, outcomes, &err), err);
    double half = 0;
    for (int i = 0; i < PROBLEMS; i++) half += outcomes[i].wrong;
    assert_true(half > 0 && half < written);
    lace_engine_close(&e);
}

static json_t *dumped(const struct lace_text *line)
{
    struct lace_text whole;
    json_error_t error;
    lace_text_init(&whole);
    lace_text_print(&whole, "{%s}", line->data);
    json_t *j = json_loads(whole.data, JSON_ALLOW_NUL, &error);
    lace_text_release(&whole);
    assert_non_null(j);
    return j;
}

static const json_t *thread_of(const json_t *line, int n)
{
    return json_array_get(json_object_get(line, "threads"), n);
}

static json_int_t whole(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* What the chosen thread was made to write stands in its text where the dump says, and is what its kind promises; a
 * verdict contradicts the answer and comes before the verdicts of all others. */
static void every_kind_of_falsehood_is_written(void **state)
{
    struct lace_engine *e = engine_of(model_dir, NULL);
    struct lace_arm arm = arm_of(3, e);
    struct lace_rollout r = rollout(PROBLEMS, 21, 2);
    struct lace_outcome outcomes[PROBLEMS];
    struct lace_text lines[PROBLEMS];
    struct lace_error err;
    for (int kind = LACE_INJECT_CLAIM; kind <= LACE_INJECT_VERDICT; kind++) {
        int forced = 0, wrong = 0;
        for (int i = 0; i < PROBLEMS; i++) lace_text_init(&lines[i]);
        r.inject = 1;
        r.inject_kind = (enum lace_inject)kind;
        r.dump = lines;
        assert_works(lace_rollout_run(&arm, &r, outcomes, &err), err);
        for (int i = 0; i < PROBLEMS; i++) {
            json_t *j = dumped(&lines[i]);
            const json_t *f = json_object_get(j, "forced"), *liar = thread_of(j, (int)whole(f, "thread"));
            assert_true(outcomes[i].injected == (f != NULL) &&
                        json_string_length(json_object_get(liar, "text")) < 8000);
            char words[128], text[8192] = "";
            const json_t *said = json_object_get(liar, "text");
            for (size_t k = 0; k < json_string_length(said); k++) /* noise writes NULs, and bytes that are no text */
                text[k] = json_string_value(said)[k] ? json_string_value(said)[k] : ' ';
            text[json_string_length(said)] = 0;
            if (strstr(text, "\xef\xbf\xbd")) f = NULL; /* places are in bytes as they were */
            if (f) {
                struct lace_step_check check;
                forced++;
                assert_string_equal(json_string_value(json_object_get(f, "kind")), lace_inject_name(kind));
                snprintf(words, sizeof words, "%.*s", (int)whole(f, "length"), text + whole(f, "at"));
                lace_family_check_step(&lace_family_search, problems[i].prompt, words, &check);
                if (kind != LACE_INJECT_VERDICT)
                    assert_true(check.result > 0 && check.claims == (kind == LACE_INJECT_CLAIM));
            }
            if (f && kind == LACE_INJECT_VERDICT) {
                bool right = answer_of(text) == atoi(problems[i].answer);
                wrong += !right;
                assert_string_equal(words, right ? "fail]]" : "best]]");
                assert_true(json_number_value(json_object_get(liar, "p_best")) == !right);
                for (int n = 0; n < THREADS; n++)
                    if (thread_of(j, n) != liar && json_is_true(json_object_get(thread_of(j, n), "verdict")))
                        assert_true(whole(thread_of(j, n), "steps") > whole(liar, "steps"));
            }
            json_decref(j);
            lace_text_release(&lines[i]);
        }
        assert_true(forced > PROBLEMS / 6 && (kind != LACE_INJECT_VERDICT || (wrong > 0 && wrong < forced)));
    }
    lace_engine_close(&e);
}

/* Temperatures are chosen on problems of the training side: the same choice, made here. */
static void temperatures_are_chosen_elsewhere(void **state)
{
    enum { DEVELOPMENT = 12 };
    static const double temperatures[] = {0, 0.3, 0.5, 0.7, 1};
    static const char *const names[] = {"isolated", "muted", NULL};
    static struct lace_eval_result result;
    struct lace_eval_options o = options_of(names, 6);
    struct lace_record development[DEVELOPMENT];
    struct lace_data_knobs knobs = o.knobs;
    struct lace_error err;
    enum lace_split side;
    o.temperature = -1;
    o.development = DEVELOPMENT;
    assert_works(lace_eval(&o, &result, &err), err);
    knobs.split = LACE_SPLIT_TRAIN;
    for (int i = 0; i < DEVELOPMENT; i++) {
        assert_works(lace_family_make(&lace_family_search, &knobs, (1u << 30) + (uint64_t)i, &development[i], &err),
                     err);
        assert_int_equal(lace_family_side(&lace_family_search, development[i].prompt, &side, &err), 0);
        assert_int_equal(side, LACE_SPLIT_TRAIN);
    }
    for (int i = 0; i < PROBLEMS; i++) {
        assert_int_equal(lace_family_side(&lace_family_search, problems[i].prompt, &side, &err), 0);
        assert_int_equal(side, LACE_SPLIT_TEST);
    }
    for (int k = 0; k < 2; k++) {
        struct lace_engine *e = engine_of(arms[k ? 4 : 1].dir, NULL);
        struct lace_arm arm = arm_of(k ? 4 : 1, e);
        struct lace_outcome outcomes[DEVELOPMENT];
        double best = -1, temperature = -1;
        for (int j = 0; j < 5; j++) {
            struct lace_rollout r = rollout(DEVELOPMENT, o.seed + 7777, 1);
            r.problems = development;
            r.temperature = temperatures[j];
            assert_works(lace_rollout_run(&arm, &r, outcomes, &err), err);
            for (int by = 0; by < LACE_EVAL_PICKS; by++) {
                double right = 0;
                for (int i = 0; i < DEVELOPMENT; i++) right += outcomes[i].right[by];
                if (right > best) best = right, temperature = temperatures[j];
            }
        }
        assert_true(result.sets[0].arms[k].temperature == temperature && result.sets[0].arms[k].tuned);
        lace_engine_close(&e);
    }
    for (int i = 0; i < DEVELOPMENT; i++) lace_record_release(&development[i]);
    lace_eval_release(&result);
}

/* ---- small things ---- */

static void edit_distances_by_hand(void **state)
{
    static const struct {
        const char *a, *b;
        double share;
    } cases[] = {{"", "", 0},
                 {"abc", "abc", 0},
                 {"", "abc", 1},
                 {"abc", "", 1},
                 {"kitten", "sitting", 3 / 7.0},
                 {"ab", "ba", 1},
                 {"abc", "ac", 1 / 3.0},
                 {"abcd", "xbcd", 0.25},
                 {"aaaa", "aa", 0.5},
                 {"flaw", "lawn", 0.5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int a[16], b[16], row[17], n = (int)strlen(cases[i].a), m = (int)strlen(cases[i].b);
        for (int j = 0; j < n; j++) a[j] = cases[i].a[j];
        for (int j = 0; j < m; j++) b[j] = cases[i].b[j];
        assert_true(fabs(lace_edit_share(a, n, b, m, row) - cases[i].share) < 1e-12);
        assert_true(fabs(lace_edit_share(b, m, a, n, row) - cases[i].share) < 1e-12);
        assert_true(fabs(apart(a, n, b, m) - cases[i].share) < 1e-12);
    }
}

static void refuses(struct lace_eval_options o, const char *says)
{
    static struct lace_eval_result result;
    struct lace_error err = {""};
    if (!lace_eval(&o, &result, &err)) fail_msg("no complaint of: %s", says);
    size_t len = strlen(err.text);
    if (!strstr(err.text, says) || err.text[len - 1] != '.' || strchr(err.text, '\n'))
        fail_msg("\"%s\" is not in: %s", says, err.text);
}

static void write_records(const char *path, const struct lace_record *r, int count)
{
    struct lace_text text;
    struct lace_error err;
    lace_text_init(&text);
    lace_text_str(&text, "");
    for (int i = 0; i < count; i++) assert_works(lace_record_format(&r[i], &text, &err), err);
    write_text(path, text.data);
    lace_text_release(&text);
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const lace[] = {"lace", NULL}, *const wrong[] = {"lace", "independant", NULL},
                             *const nothing[] = {NULL};
    static const char *const shown[] = {"lace:sideways", NULL}, *const window[] = {"lace:window:0", NULL},
                             *const shows[] = {"isolated:aligned", NULL};
    static const char *const no_model[] = {"isolated=/nowhere", NULL}, *const baseline[] = {"isolated", NULL},
                             *const muted[] = {"muted", NULL};
    static const char *const junk[] = {"lace:window:3x", NULL}, *const twice[] = {"lace", "muted", "lace", NULL};
    struct lace_eval_options o = options_of(lace, 4);
    struct lace_data_knobs knobs = o.knobs;
    struct lace_error err;
    const char *path = in_folder("problems.jsonl");
    refuses(options_of(wrong, 4), "There is no arm \"independant\"");
    refuses(options_of(nothing, 4), "No arms were named");
    refuses(options_of(shown, 4), "names no visible set");
    refuses(options_of(window, 4), "names no visible set");
    refuses(options_of(junk, 4), "names no visible set");
    refuses(options_of(twice, 4), "The arm lace is named twice");
    refuses(options_of(shows, 4), "There is no arm \"isolated:aligned\"");
    refuses(options_of(no_model, 4), "/nowhere");
    static const char *const isolated_models[] = {isolated_dir, NULL}, *const base_models[] = {base_dir, NULL},
                             *const sudoku[] = {"sudoku", NULL};
    static const int none[] = {0}, many[] = {40}, same[] = {2, 2};
    o = options_of(baseline, 4), o.models = isolated_models;
    refuses(o, "name one with isolated=DIR");
    o = options_of(muted, 4), o.models = base_models;
    refuses(o, "needs a lattice");
    refuses(options_of(lace, 0), "--count");
    o = options_of(lace, 4), o.threads = none;
    refuses(o, "must be from 1 to 128");
    o = options_of(lace, 4), o.threads = same, o.thread_count = 2;
    refuses(o, "2 threads are named twice");
    o = options_of(lace, 4), o.threads = many;
    refuses(o, "at most 16 threads");
    o = options_of(lace, 4), o.families = sudoku;
    refuses(o, "no problem family 'sudoku'");
    o = options_of(lace, 4), o.temperature = -1, o.development = 0;
    refuses(o, "--development");
    o = options_of(lace, 4), o.budget = 5000;
    refuses(o, "longer than the model's context");
    o = options_of(lace, 0), o.data = path;
    write_text(path, "");
    refuses(o, "holds no problems");
    write_text(path, "nonsense\n");
    refuses(o, "line 1");
    struct lace_record r;
    knobs.split = LACE_SPLIT_TRAIN;
    assert_works(lace_family_make(&lace_family_search, &knobs, 1, &r, &err), err);
    write_records(path, &r, 1);
    refuses(o, "lies on the training side of the split");
    lace_record_release(&r);
    write_text(
        path,
        "{\"id\":\"q\",\"task\":\"search\",\"difficulty\":1,\"prompt\":\"What?\",\"answer\":\"1\",\"threads\":[]}\n");
    refuses(o, "Problem q is none that the family search can read");
    write_text(
        path,
        "{\"id\":\"q\",\"task\":\"other\",\"difficulty\":1,\"prompt\":\"What?\",\"answer\":\"1\",\"threads\":[]}\n");
    o.rounds = 0;
    refuses(o, "holds no budget of rounds");
    o.temperature = -1;
    refuses(o, "give one with --temperature X");
    o.data = in_folder("missing.jsonl");
    refuses(o, "missing.jsonl");
}

/* A file of foreign problems: answers are compared with the record's. And no more of it than was asked for. */
static void a_file_is_evaluated(void **state)
{
    static const char *const names[] = {"lace", NULL};
    static struct lace_eval_result made, read;
    struct lace_eval_options o = options_of(names, 6);
    struct lace_error err;
    const char *path = in_folder("six.jsonl");
    assert_works(lace_eval(&o, &made, &err), err);
    write_records(path, problems, PROBLEMS);
    o.data = path;
    assert_works(lace_eval(&o, &read, &err), err);
    assert_true(read.problems == 6 && !read.sets[0].against[0]);
    assert_true(read.sets[0].arms[0].tokens == made.sets[0].arms[0].tokens &&
                read.sets[0].arms[0].accuracy.value == made.sets[0].arms[0].accuracy.value);
    lace_eval_release(&made);
    lace_eval_release(&read);
    write_text(
        path,
        "{\"id\":\"q\",\"task\":\"other\",\"difficulty\":1,\"prompt\":\"What?\",\"answer\":\"2.0\",\"threads\":[]}\n");
    o.budget = 60;
    o.seed = 8;
    double right = 0;
    for (o.seed = 0; o.seed < 12; o.seed++) {
        assert_works(lace_eval(&o, &read, &err), err);
        right += read.sets[0].arms[0].coverage.value;
        assert_int_equal(read.problems, 1);
        lace_eval_release(&read);
    }
    assert_true(right > 2); /* "2" is as good as 2.0 */
}

int main(int count, char **argv)
{
    (void)count;
    wait_calmly(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_is_the_plain_one),
        cmocka_unit_test(workers_change_nothing),
        cmocka_unit_test(foreign_threads_see_the_next_problem),
        cmocka_unit_test(an_injected_step_is_written_and_counted),
        cmocka_unit_test(every_kind_of_falsehood_is_written),
        cmocka_unit_test(temperatures_are_chosen_elsewhere),
        cmocka_unit_test(edit_distances_by_hand),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_file_is_evaluated),
    };
    return cmocka_run_group_tests_name("eval", tests, set_up, tear_down);
}
