/* The arms against each other: an exchange of text is what it says, equal models get equal figures, and an evaluation
 * that is set up to flatter is found out. */
#include "eval_test.h"
#include "eval/arm.h"

static char talker[80];

/* A model whose threads write some lines before they answer. */
static struct lace_engine *open_talker(void)
{
    snprintf(talker, sizeof talker, "%s/talker", folder);
    shy = 2;
    write_model(talker, false, 2);
    shy = 0;
    return engine_of(talker, "f32"); /* as lace_score keeps keys and values, which the test compares with */
}

static struct lace_eval_options options_of(const char *const *arms, int count)
{
    static const int threads[] = {THREADS};
    static const char *const models[] = {model_dir, NULL};
    struct lace_eval_options o;
    lace_eval_defaults(&o);
    make_knobs(&o.knobs);
    o.count = count;
    o.models = models;
    o.arms = arms;
    o.threads = threads;
    o.rounds = ROUNDS;
    o.temperature = 0;
    o.seed = 5;
    return o;
}

/* ---- exchange, by a plain reading ---- */

enum { CONTEXT = 900 };

static bool contains(const struct lace_engine *e, const int *ids, int count, const int *line, int length)
{
    for (int i = 0; i + length <= count; i++)
        if ((!i || e->format.ends_step[ids[i - 1]]) && !memcmp(ids + i, line, sizeof *line * (size_t)length))
            return true;
    return false;
}

/* What the tokens that are its own (wrote; NULL: all) are worth in a thread's context, after the prompt and its tag. */
static double logprob_of(const struct lace_engine *e, const char *prompt, const int *context, const bool *wrote,
                         int count)
{
    int *ids, tag[LACE_TAG_TOKENS], all[CONTEXT + 200], tags = lace_format_tag(&e->format, 0, 1, tag);
    float logprobs[CONTEXT + 200];
    double sum = 0;
    size_t len;
    struct lace_error err;
    assert_works(lace_engine_prompt(e, prompt, &ids, &len, &err), err);
    memcpy(all, ids, len * sizeof *ids);
    memcpy(all + len, tag, (size_t)tags * sizeof *tag);
    memcpy(all + len + tags, context, (size_t)count * sizeof *context);
    assert_works(lace_score(e, all, len + (size_t)(tags + count), logprobs, NULL, 0, &err), err);
    for (int i = 0; i < count; i++) sum += !wrote || wrote[i] ? logprobs[len + (size_t)(tags + i)] : 0;
    free(ids);
    return sum;
}

/* Each thread's context is rebuilt from the texts by the rule in docs/evaluation.md; read by itself, as a single text, it
 * makes what the thread wrote exactly as probable as the thread found it. */
static void exchange_is_what_it_says(void **state)
{
    enum { COUNT = 6 };
    struct lace_engine *e = open_talker();
    struct lace_arm_spec spec;
    struct lace_arm arm;
    struct lace_error err;
    struct lace_outcome outcomes[COUNT];
    struct lace_text dump[COUNT];
    int rounds[COUNT], rebuilt = 0, pasted = 0;
    double worst = 0, apart = 0;
    assert_works(lace_arm_parse(&spec, "exchange", &err), err);
    assert_works(lace_arm_init(&arm, &spec, e, &err), err);
    for (int i = 0; i < COUNT; i++) {
        lace_text_init(&dump[i]);
        rounds[i] = 3;
    }
    struct lace_rollout r = {.problems = problems,
                             .rounds = rounds,
                             .count = COUNT,
                             .threads = THREADS,
                             .temperature = 1,
                             .seed = 5,
                             .workers = 2,
                             .dump = dump};
    assert_works(lace_rollout_run(&arm, &r, outcomes, &err), err);
    for (int i = 0; i < COUNT; i++) {
        char *line = malloc(dump[i].len + 3);
        assert_non_null(line);
        sprintf(line, "{%s}", dump[i].data);

        json_t *j = json_loads(line, 0, NULL), *threads = json_object_get(j, "threads");
        int own[THREADS][CONTEXT], count[THREADS], at[THREADS] = {0}, heard[THREADS] = {0};
        int context[THREADS][CONTEXT], size[THREADS] = {0}, budget;
        bool wrote[THREADS][CONTEXT] = {{false}};
        bool in[THREADS], any = true;
        assert_works(lace_format_budget(&e->format, &problems[i], 3, &budget, &err), err);
        for (int n = 0; n < THREADS; n++) {
            const json_t *ids = json_object_get(json_array_get(threads, (size_t)n), "ids");
            count[n] = (int)json_array_size(ids);
            in[n] = true;
            for (int k = 0; k < count[n]; k++) own[n][k] = (int)json_integer_value(json_array_get(ids, (size_t)k));
        }
        while (any) { /* a round: the lines as they were sampled, then what the others get of them */
            int from[THREADS], length[THREADS];
            any = false;
            for (int n = 0; n < THREADS; n++) {
                from[n] = at[n];
                bool whole = false, answer = false;
                while (in[n] && at[n] < count[n] && !whole) whole = e->format.ends_step[own[n][at[n]++]];
                length[n] = at[n] - from[n];
                for (int k = from[n]; k < at[n]; k++) answer |= own[n][k] == id_of("Answer: ");
                if (!whole || answer || at[n] >= budget) in[n] = false, length[n] = 0;
                int to = in[n] ? at[n] : count[n]; /* the rest of those that take no part any more */
                for (int k = from[n]; k < to; k++) {
                    wrote[n][size[n]] = true;
                    context[n][size[n]++] = own[n][k];
                }
                at[n] = to;
            }
            for (int n = 0; n < THREADS; n++) {
                int first = size[n];
                if (!in[n]) continue;
                any = true;
                for (int m = 0; m < THREADS; m++) {
                    if (m == n || !length[m] || contains(e, context[n], first, own[m] + from[m], length[m]) ||
                        contains(e, context[n] + first, size[n] - first, own[m] + from[m], length[m]))
                        continue;
                    memcpy(context[n] + size[n], own[m] + from[m], sizeof(int) * (size_t)length[m]);
                    size[n] += length[m];
                    heard[n] += length[m];
                }
            }
        }
        for (int n = 0; n < THREADS; n++) {
            const json_t *t = json_array_get(threads, (size_t)n);
            assert_int_equal(json_integer_value(json_object_get(t, "fed")), heard[n]);
            int length = count[n], tokens = (int)json_integer_value(json_object_get(t, "tokens"));
            if (length != tokens) continue; /* the lead was written for it */
            double sum = logprob_of(e, problems[i].prompt, context[n], wrote[n], size[n]),
                   said = tokens * json_real_value(json_object_get(t, "logprob"));
            worst = fmax(worst, fabs(sum - said));
            apart =
                fmax(apart, fabs(said - logprob_of(e, problems[i].prompt, own[n], NULL, count[n])) * (heard[n] > 0));
            rebuilt++;
            pasted += heard[n] > 0;
        }
        json_decref(j);
        free(line);
        lace_text_release(&dump[i]);
    }
    assert_true(rebuilt > COUNT * THREADS / 2 && pasted >= COUNT);
    assert_true(worst < 1e-4 && apart > 0.5); /* f32 sums in another order; without what was pasted it is far off */
    lace_engine_close(&e);
}

/* ---- flattery ---- */

static void write_problems(const char *path, int first, int count)
{
    struct lace_text text;
    struct lace_error err;
    lace_text_init(&text);
    for (int i = first; i < first + count; i++)
        lace_text_print(&text,
                        "{\"id\":\"q%d\",\"task\":\"other\",\"difficulty\":1,\"prompt\":\"What is number %d?\","
                        "\"answer\":\"2\",\"threads\":[]}\n",
                        i, i);
    assert_works(lace_write_file(path, text.data, text.len, &err), err);
    lace_text_release(&text);
}

/* A baseline that is good when it takes the most probable token and bad at temperature 1, a model that is good at
 * both. At one temperature for all the lattice seems to win by far. Chosen for each arm, it wins nothing; and that
 * the first was given, and not chosen, is said. */
static void one_temperature_for_all_flatters(void **state)
{
    static const char *const arms[] = {"independent", "lace", NULL};
    char data[128], development[128];
    struct lace_eval_result fixed, tuned;
    struct lace_error err;
    snprintf(data, sizeof data, "%s/two.jsonl", folder);
    snprintf(development, sizeof development, "%s/more.jsonl", folder);
    write_problems(data, 0, 80);
    write_problems(development, 1000, 30);
    shy = -4;     /* they answer at once */
    surer = 0.3f; /* most probable, but at temperature 1 hardly more often than the others */
    write_model(base_dir, false, 2);
    surer = 8;
    write_model(model_dir, true, 1);
    struct lace_eval_options o = options_of(arms, 0);
    o.data = data;
    o.development_data = development;
    o.development = 30;
    o.budget = 40;
    o.rounds = 0;
    o.temperature = 1;
    o.threads = (const int[]){1};
    assert_works(lace_eval(&o, &fixed, &err), err);
    o.temperature = -1;
    assert_works(lace_eval(&o, &tuned, &err), err);
    const struct lace_eval_set *f = &fixed.sets[0], *t = &tuned.sets[0];
    assert_true(f->delta.low > 10);
    assert_true(fixed.warning_count == 1 && strstr(fixed.warnings[0], "One temperature (1) was given for all arms"));
    assert_true(!f->arms[0].tuned && t->arms[0].tuned);
    assert_true(t->delta.low <= 0 && t->delta.value < f->delta.value - 10 && t->arms[0].temperature < 1);
    assert_int_equal(tuned.warning_count, 0);
    lace_eval_release(&fixed);
    lace_eval_release(&tuned);
    /* The same by giving the baseline alone a bad one. */
    static const char *const wrong[] = {"independent=1", "lace=0", NULL};
    o.temperatures = wrong;
    assert_works(lace_eval(&o, &fixed, &err), err);
    assert_true(fixed.sets[0].delta.low > 10 && fixed.warning_count == 2);
    lace_eval_release(&fixed);
    surer = shy = 0;
    write_model(base_dir, false, 2);
    write_model(model_dir, true, 1);
}

/* The same model in both arms, without its lattice's help: no difference may appear. */
static void equal_arms_are_equal(void **state)
{
    char spec[200];
    struct lace_eval_result r;
    struct lace_error err;
    snprintf(spec, sizeof spec, "isolated=%s", model_dir);
    const char *const arms[] = {spec, "muted", NULL};
    struct lace_eval_options o = options_of(arms, 12);
    o.temperature = 1;
    assert_works(lace_eval(&o, &r, &err), err);
    const struct lace_eval_arm *a = &r.sets[0].arms[0], *b = &r.sets[0].arms[1];
    for (int by = 0; by < LACE_EVAL_PICKS; by++) assert_true(a->pick[by].value == b->pick[by].value);
    assert_true(a->tokens == b->tokens && a->diversity.value == b->diversity.value && a->steps == b->steps);
    lace_eval_release(&r);
}

/* Verdicts that wait for nobody are the same where nobody sees another (the last thread ends the group in both), and
 * others where they do. */
static void haste_is_of_verdicts(void **state)
{
    static const char *const arms[] = {"muted", "muted:hasty", "lace", "lace:hasty", NULL};
    struct lace_eval_result r;
    struct lace_error err;
    struct lace_eval_options o = options_of(arms, 24);
    o.temperature = 1;
    assert_works(lace_eval(&o, &r, &err), err);
    const struct lace_eval_arm *a = r.sets[0].arms;
    for (int by = 0; by < LACE_EVAL_PICKS; by++) assert_true(a[0].pick[by].value == a[1].pick[by].value);
    assert_true(a[0].tokens == a[1].tokens && a[0].diversity.value == a[1].diversity.value);
    assert_true(a[0].steps == a[1].steps);
    assert_true(a[3].format.value != a[2].format.value || a[3].pick[0].value != a[2].pick[0].value ||
                a[3].pick[1].value != a[2].pick[1].value || a[3].pick[2].value != a[2].pick[2].value);
    lace_eval_release(&r);
}

/* Three seeds, of which two share a baseline; each is a row, and the interval is over all. */
static void training_seeds_are_rows(void **state)
{
    static const char *const arms[] = {"independent", "lace", NULL};
    char other[96], base[120];
    const char *models[] = {model_dir, other, NULL};
    struct lace_eval_result r, alone;
    struct lace_error err;
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(base, sizeof base, "%s/base", other);
    write_model(other, true, 8);
    write_model(base, false, 2);
    struct lace_eval_options o = options_of(arms, 12);
    o.temperature = 1;
    o.models = models;
    assert_works(lace_eval(&o, &r, &err), err);
    assert_true(r.model_count == 2 && r.set_count == 3 && r.sets[0].model == -1 && r.sets[2].model == 1);
    for (int m = 0; m < 2; m++) {
        o.models = (const char *const[]){models[m], NULL};
        assert_works(lace_eval(&o, &alone, &err), err);
        for (int a = 0; a < 2; a++)
            assert_true(alone.sets[0].arms[a].accuracy.value == r.sets[1 + m].arms[a].accuracy.value &&
                        alone.sets[0].arms[a].tokens == r.sets[1 + m].arms[a].tokens);
        lace_eval_release(&alone);
    }
    for (int a = 0; a < 2; a++)
        assert_true(fabs(r.sets[0].arms[a].accuracy.value -
                         (r.sets[1].arms[a].accuracy.value + r.sets[2].arms[a].accuracy.value) / 2) < 1e-12);
    lace_eval_release(&r);
    models[1] = model_dir;
    o.models = models;
    assert_int_equal(lace_eval(&o, &r, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "named twice; a seed counts once"));
}

int main(int count, char **argv)
{
    (void)count;
    wait_calmly(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange_is_what_it_says), cmocka_unit_test(one_temperature_for_all_flatters),
        cmocka_unit_test(equal_arms_are_equal),     cmocka_unit_test(haste_is_of_verdicts),
        cmocka_unit_test(training_seeds_are_rows),
    };
    return cmocka_run_group_tests_name("arms", tests, set_up, tear_down);
}
