/* Every figure of an evaluation against a script that computes it from what the threads wrote
 * (scripts/golden_eval.py): what became of each problem under each arm, and the figures, intervals and scores of all. */
#include "../study_test.h"
#include "eval/inject.h"
#include <jansson.h>

#define FOLDER "tests/golden/eval/"
static json_t *expected, *lines; /* lines: an array of the dump's objects */
static struct lace_study study;

static double number(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) fail_msg("no number \"%s\"", key);
    return json_number_value(value);
}

static int set_up(void **state)
{
    char line[1 << 16];
    json_error_t error;
    expected = json_load_file(FOLDER "expected.json", 0, &error);
    lines = json_array();
    FILE *file = fopen(FOLDER "threads.jsonl", "r");
    if (!expected || !lines || !file) return -1;
    while (fgets(line, sizeof line, file)) {
        json_t *j = json_loads(line, 0, &error);
        if (!j || json_array_append_new(lines, j)) return -1;
    }
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    json_decref(expected);
    json_decref(lines);
    lace_study_release(&study);
    return 0;
}

static struct lace_outcome judge(const json_t *line)
{
    struct lace_said said[16] = {{0}};
    struct lace_outcome o;
    struct lace_error err;
    const json_t *threads = json_object_get(line, "threads");
    size_t count = json_array_size(threads);
    int *ids[16];
    assert_in_range(count, 1, 16);
    for (size_t n = 0; n < count; n++) {
        const json_t *t = json_array_get(threads, n), *list = json_object_get(t, "ids"),
                     *text = json_object_get(t, "text");
        ids[n] = calloc(json_array_size(list) + 1, sizeof(int));
        assert_non_null(ids[n]);
        for (size_t i = 0; i < json_array_size(list); i++) ids[n][i] = (int)json_integer_value(json_array_get(list, i));
        said[n] = (struct lace_said){.text = json_string_value(text),
                                     .len = json_string_length(text),
                                     .ids = ids[n],
                                     .count = (int)json_array_size(list),
                                     .verdict = json_is_true(json_object_get(t, "verdict")),
                                     .p_best = number(t, "p_best"),
                                     .logprob = number(t, "logprob"),
                                     .tokens = (int)number(t, "tokens"),
                                     .fed = (int)number(t, "fed"),
                                     .steps = (int)number(t, "steps")};
    }
    struct lace_record p = {.id = (char *)json_string_value(json_object_get(line, "id")),
                            .task = (char *)json_string_value(json_object_get(line, "family")),
                            .prompt = (char *)json_string_value(json_object_get(line, "prompt")),
                            .answer = (char *)json_string_value(json_object_get(line, "answer")),
                            .difficulty = (int)number(line, "difficulty")};
    assert_works(lace_judge(&p, said, (int)count, (uint64_t)number(line, "seed"), &o, &err), err);
    const json_t *forced = json_object_get(line, "forced");
    if (forced) {
        struct lace_forced f = {.kind = LACE_INJECT_CLAIM,
                                .thread = (int)number(forced, "thread"),
                                .at = (size_t)number(forced, "at"),
                                .len = (size_t)number(forced, "length")};
        for (size_t n = 0; n < count; n++)
            f.before[n] = (size_t)json_integer_value(json_array_get(json_object_get(forced, "before"), n));
        assert_works(lace_judge_forced(&p, said, (int)count, &f, &o, &err), err);
    }
    for (size_t n = 0; n < count; n++) free(ids[n]);
    return o;
}

/* Under each arm the same problems, difficulty by difficulty. */
static void every_outcome(void **state)
{
    const json_t *outcomes = json_object_get(expected, "outcomes");
    size_t count = json_array_size(lines);
    double least[32] = {0}, most[32] = {0};
    struct lace_error err;
    assert_int_equal(json_array_size(outcomes), count);
    assert_int_equal(count, 60);
    assert_true(lace_outcome_field_count <= 32);
    study =
        (struct lace_study){.thread_count = 1, .threads = {4}, .seed = 5, .model_count = 1, .models = {strdup("m")}};
    study.cells = calloc(2, sizeof *study.cells);
    study.problems = calloc(12, sizeof *study.problems);
    for (int c = 0; c < 2; c++) study.cells[c] = (struct lace_cell){"search", c + 1, 0, 6 * c, 6};
    study.cell_count = 2;
    study.problem_count = 12;
    for (size_t i = 0; i < count; i += 12) {
        struct lace_study_arm *a = &study.arms[study.arm_count++];
        const char *name = json_string_value(json_object_get(json_array_get(lines, i), "arm"));
        snprintf(a->name, sizeof a->name, "%s", name);
        a->rival = !strcmp(name, "independent") || !strcmp(name, "isolated") || !strcmp(name, "exchange");
        a->own_pick = !strcmp(name, "independent") || !strcmp(name, "exchange") ? LACE_PICK_VOTE : LACE_PICK_VERDICT;
    }
    assert_works(lace_study_trials(&study, &err), err);
    for (size_t i = 0; i < count; i++) {
        struct lace_outcome *o = &study.trials[i / 12].outcome[i % 12];
        const json_t *want = json_array_get(outcomes, i);
        *o = judge(json_array_get(lines, i));
        for (int k = 0; k < lace_outcome_field_count; k++) {
            const char *name = lace_outcome_fields[k].name;
            double got = *(const double *)((const char *)o + lace_outcome_fields[k].offset);
            if (!strcmp(name, "memory")) continue; /* the decoder's, not the threads' */
            if (!(fabs(got - number(want, name)) < 1e-9))
                fail_msg("line %zu, %s: %g, not %g", i + 1, name, got, number(want, name));
            least[k] = i ? fmin(least[k], got) : got;
            most[k] = i ? fmax(most[k], got) : got;
        }
    }
    for (int k = 0; k < lace_outcome_field_count; k++) /* the file shows something of everything */
        if (strcmp(lace_outcome_fields[k].name, "memory")) assert_true(least[k] < most[k]);
}

/* Both sides draw at random: the standard error of a 2.5 % point of 10,000 draws is sqrt(0.025 * 0.975 / 10000) /
 * 0.0584 = 0.027 standard deviations of the mean, a quarter of the interval's width; and the means lie on a grid, of
 * which one step is forgiven. */
static void near_bounds(const char *arm, const char *name, const json_t *want, const struct lace_estimate *got,
                        double step)
{
    double low = json_number_value(json_array_get(want, 0)), high = json_number_value(json_array_get(want, 1)),
           tolerance = 4 * 0.027 * (high - low) / 3.92 + step;
    if (!(fabs(got->low - low) < tolerance && fabs(got->high - high) < tolerance))
        fail_msg("%s %s: [%g, %g], not [%g, %g]", arm, name, got->low, got->high, low, high);
}

static void every_figure(void **state)
{
    struct lace_eval_result r;
    struct lace_error err;
    assert_works(lace_study_summary(&study, &r, &err), err);
    for (int a = 0; a < study.arm_count; a++) {
        const struct lace_eval_arm *x = &r.sets[0].arms[a];
        const json_t *want = json_object_get(json_object_get(expected, "arms"), x->name);
        const struct {
            const char *name, *ci;
            struct lace_estimate e;
        } estimates[] = {{"accuracy", "ci", x->accuracy},
                         {"verdict", "verdict_ci", x->pick[LACE_PICK_VERDICT]},
                         {"vote", "vote_ci", x->pick[LACE_PICK_VOTE]},
                         {"logprob", "logprob_ci", x->pick[LACE_PICK_LOGPROB]},
                         {"coverage", "coverage_ci", x->coverage},
                         {"thread_accuracy", "thread_accuracy_ci", x->thread_accuracy},
                         {"format", "format_ci", x->format},
                         {"diversity", "diversity_ci", x->diversity}};
        const struct {
            const char *name;
            double value;
        } means[] = {{"tokens", x->tokens},
                     {"fed", x->fed},
                     {"steps", x->steps},
                     {"tokens_solved", x->tokens_solved},
                     {"steps_solved", x->steps_solved},
                     {"duplicates", x->duplicates},
                     {"wrong_steps", x->wrong_steps},
                     {"repaired", x->repaired},
                     {"error_types", x->error_types},
                     {"injected", x->injected},
                     {"believed", x->believed.value},
                     {"rejected", x->rejected.value},
                     {"role_strategy", x->role_strategy.bits},
                     {"role_verdict", x->role_verdict.bits}};
        for (size_t i = 0; i < sizeof estimates / sizeof *estimates; i++) {
            if (!(fabs(estimates[i].e.value - number(want, estimates[i].name)) < 1e-9))
                fail_msg("%s %s: %g", x->name, estimates[i].name, estimates[i].e.value);
            near_bounds(x->name, estimates[i].ci, json_object_get(want, estimates[i].ci), &estimates[i].e, 1.0 / 14);
        }
        for (size_t i = 0; i < sizeof means / sizeof *means; i++)
            if (!(fabs(means[i].value - number(want, means[i].name)) < 1e-9))
                fail_msg("%s %s: %g", x->name, means[i].name, means[i].value);
        const json_t *score = json_object_get(json_object_get(expected, "robustness"), x->name);
        assert_true(fabs(r.robustness[0].area[a].value - number(score, "area")) < 1e-9);
        assert_true(fabs(r.robustness[0].score[a].value - number(score, "score")) < 1e-9);
    }
    const json_t *delta = json_object_get(expected, "delta");
    assert_true(fabs(r.sets[0].delta.value - number(delta, "points")) < 1e-9);
    near_bounds("delta", "ci", json_object_get(delta, "ci"), &r.sets[0].delta, 100.0 / 14);
    assert_string_equal(r.sets[0].against, json_string_value(json_object_get(delta, "against")));
    lace_eval_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome),
        cmocka_unit_test(every_figure),
    };
    return cmocka_run_group_tests_name("eval_figures", tests, set_up, tear_down);
}
