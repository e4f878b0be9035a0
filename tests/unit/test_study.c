/* Figures of a study against plain sums, and the robustness score against the example that docs/evaluation.md works by
 * hand. */
#include "study_test.h"

static double mean_of(const struct lace_study *s, int model, int threads, int arm, int cell, size_t member)
{
    double sum = 0;
    const struct lace_cell *c = &s->cells[cell];
    for (int i = c->first; i < c->first + c->count; i++)
        sum += *(const double *)((const char *)&lace_study_trial(s, model, threads, arm)->outcome[i] + member);
    return sum / c->count;
}
#define near(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static const struct lace_eval_set *find(const struct lace_eval_result *r, int threads, int model, const char *family,
                                        int difficulty)
{
    for (int i = 0; i < r->set_count; i++)
        if (r->sets[i].threads == threads && r->sets[i].model == model && !strcmp(r->sets[i].family, family) &&
            r->sets[i].difficulty == difficulty)
            return &r->sets[i];
    fail_msg("no set of %d threads, model %d, %s %d", threads, model, family, difficulty);
    return NULL;
}

static void every_set_has_its_means(void **state)
{
    static const struct made_cell cells[] = {{"chain", 1, 0, 20}, {"chain", 2, 0, 30}, {"search", 4, 0, 50}};
    static const int threads[] = {4, 2};
    struct lace_study s = make_study(cells, 3, usual_arms, 4, 2, threads, 2, usual_right);
    struct lace_eval_result r;
    struct lace_error err;
    assert_works(lace_study_summary(&s, &r, &err), err);
    /* of each number of threads: all, two models, two families, chain's two difficulties */
    assert_int_equal(r.set_count, 2 * (1 + 2 + 2 + 2));
    assert_true(r.sets[0].threads == 4 && r.sets[0].model == -1 && !r.sets[0].family[0] && r.sets[0].problems == 100);
    size_t vote = offsetof(struct lace_outcome, right) + LACE_PICK_VOTE * sizeof(double);
    for (int t = 0; t < 2; t++)
        for (int a = 0; a < 4; a++) {
            double chain = 0, search = 0, first = 0, tokens = 0;
            for (int m = 0; m < 2; m++) {
                chain += (20 * mean_of(&s, m, t, a, 0, vote) + 30 * mean_of(&s, m, t, a, 1, vote)) / 50 / 2;
                search += mean_of(&s, m, t, a, 2, vote) / 2;
                first += mean_of(&s, m, t, a, 0, vote) / 2;
                tokens += mean_of(&s, m, t, a, 2, offsetof(struct lace_outcome, tokens)) / 2;
            }
            near(find(&r, threads[t], -1, "", -1)->arms[a].pick[LACE_PICK_VOTE].value, (chain + search) / 2);
            near(find(&r, threads[t], -1, "chain", -1)->arms[a].pick[LACE_PICK_VOTE].value, chain);
            near(find(&r, threads[t], -1, "chain", 1)->arms[a].pick[LACE_PICK_VOTE].value, first);
            near(find(&r, threads[t], -1, "search", 4)->arms[a].pick[LACE_PICK_VOTE].value, search);
            near(find(&r, threads[t], -1, "search", 4)->arms[a].tokens, tokens);
            near(find(&r, threads[t], 1, "", -1)->arms[a].pick[LACE_PICK_VOTE].value,
                 ((20 * mean_of(&s, 1, t, a, 0, vote) + 30 * mean_of(&s, 1, t, a, 1, vote)) / 50 +
                  mean_of(&s, 1, t, a, 2, vote)) /
                     2);
        }
    lace_eval_release(&r);
    lace_study_release(&s);
}

/* One cell: everything by plain sums, and who lace is compared with. */
static void costs_and_comparisons_by_plain_sums(void **state)
{
    static const struct made_cell cell = {"search", 4, 0, 40};
    struct lace_study s = make_study(&cell, 1, usual_arms, 4, 1, (int[]){4}, 1, usual_right);
    struct lace_eval_result r;
    struct lace_error err;
    assert_works(lace_study_summary(&s, &r, &err), err);
    assert_int_equal(r.set_count, 1);
    double best = -1;
    for (int a = 0; a < 4; a++) {
        const struct lace_outcome *o = lace_study_trial(&s, 0, 0, a)->outcome;
        const struct lace_eval_arm *arm = &r.sets[0].arms[a];
        double right[3] = {0}, fed = 0, memory = 0, solved = 0, steps = 0, tokens = 0, trials = 0, again = 0, wrong = 0,
               repaired = 0, kinds = 0, most = -1;
        for (int i = 0; i < 40; i++) {
            for (int by = 0; by < 3; by++) right[by] += o[i].right[by] / 40;
            fed += o[i].fed / 40, memory += o[i].memory / 40, kinds += o[i].error_types / 40;
            trials += o[i].trials, again += o[i].duplicates, wrong += o[i].wrong, repaired += o[i].repaired;
            if (o[i].right[usual_arms[a].own]) solved++, steps += o[i].steps, tokens += o[i].tokens;
        }
        near(arm->fed, fed);
        near(arm->memory, memory);
        near(arm->error_types, kinds);
        near(arm->steps_solved, steps / solved);
        near(arm->tokens_solved, tokens / solved);
        near(arm->duplicates, again / trials);
        near(arm->wrong_steps, wrong / trials);
        near(arm->repaired, repaired / wrong);
        near(arm->seconds, 1);
        near(arm->temperature, 0.1);
        assert_int_equal(arm->tuned, a != 0);
        for (int by = 0; by < 3; by++) most = fmax(most, right[by]);
        if (usual_arms[a].rival) best = fmax(best, most);
        if (a < 3) near(arm->versus.value, 100 * (r.sets[0].arms[3].accuracy.value - most));
        assert_int_equal(arm->compared, a < 3);
    }
    near(r.sets[0].delta.value, 100 * (r.sets[0].arms[3].accuracy.value - best));
    assert_true(r.sets[0].against[0] && !strstr(r.sets[0].against, "serial")); /* more steps: no parallel baseline */
    lace_eval_release(&r);
    lace_study_release(&s);
}

/* ---- robustness ---- */

/* The example of docs/evaluation.md: ten problems at difficulties 1, 2 and 4. */
static const struct made_cell example_cells[] = {{"search", 1, 0, 10}, {"search", 2, 0, 10}, {"search", 4, 0, 10}};
static const double example[2][3] = {{1, 0.5, 0}, {1, 0.9, 0.6}}; /* independent by vote, lace */

static void set_right(struct lace_study *s, int arm, int cell, double share)
{
    const struct lace_cell *c = &s->cells[cell];
    for (int i = 0; i < c->count; i++)
        for (int by = 0; by < LACE_EVAL_PICKS; by++)
            lace_study_trial(s, 0, 0, arm)->outcome[c->first + i].right[by] = i < share * c->count - 1e-9;
}

static void the_score_is_the_one_worked_by_hand(void **state)
{
    static const struct made_arm arms[] = {{"independent", LACE_PICK_VOTE, true}, {"lace", LACE_PICK_VERDICT, false}};
    struct lace_study s = make_study(example_cells, 3, arms, 2, 1, (int[]){4}, 1, usual_right);
    struct lace_eval_result r;
    struct lace_error err;
    for (int a = 0; a < 2; a++)
        for (int c = 0; c < 3; c++) set_right(&s, a, c, example[a][c]);
    assert_works(lace_study_summary(&s, &r, &err), err);
    assert_int_equal(r.robustness_count, 1);
    const struct lace_eval_robustness *x = &r.robustness[0];
    assert_string_equal(x->axis, "difficulty");
    assert_int_equal(x->threads, 4);
    /* independent: (1 + 0.5) / 2 * 1 + (0.5 + 0) / 2 * 2 = 1.25 of 3; lace: 0.95 + 1.5 = 2.45 of 3 */
    near(x->area[0].value, 1.25 / 3);
    near(x->area[1].value, 2.45 / 3);
    near(x->score[0].value, 0);
    near(x->score[1].value, (2.45 - 1.25) / (3 - 1.25));
    assert_true(x->score[1].low < x->score[1].value && x->score[1].value < x->score[1].high);
    assert_true(x->score[1].low > 0.3 && x->score[1].high < 0.95);
    lace_eval_release(&r);
    lace_study_release(&s);
}

/* Two families, of which one has a single difficulty, and two ambiguities: which cells count what. */
static void areas_of_several_families_and_axes(void **state)
{
    static const struct made_cell cells[] = {
        {"chain", 3, 0, 5}, {"search", 1, 0, 10}, {"search", 1, 1, 10}, {"search", 5, 0, 10}, {"search", 5, 1, 10}};
    static const double right[2][5] = {{0.2, 1, 0.8, 0.4, 0}, {0.6, 1, 1, 0.7, 0.5}};
    static const struct made_arm arms[] = {{"independent", LACE_PICK_VOTE, true}, {"lace", LACE_PICK_VERDICT, false}};
    struct lace_study s = make_study(cells, 5, arms, 2, 1, (int[]){4}, 1, usual_right);
    struct lace_eval_result r;
    struct lace_error err;
    for (int a = 0; a < 2; a++)
        for (int c = 0; c < 5; c++) set_right(&s, a, c, right[a][c]);
    assert_works(lace_study_summary(&s, &r, &err), err);
    assert_int_equal(r.robustness_count, 2);
    near(r.robustness[0].area[0].value, (1 + 0.8 + 0.4 + 0) / 4);
    near(r.robustness[0].area[1].value, (1 + 1 + 0.7 + 0.5) / 4);
    assert_string_equal(r.robustness[1].axis, "ambiguity");
    near(r.robustness[1].area[0].value, (1 + 0.8 + 0.4 + 0) / 4); /* two levels each: the same mean */
    lace_eval_release(&r);
    /* Where nothing is lost there is nothing to win. */
    for (int c = 0; c < 5; c++) set_right(&s, 0, c, 1);
    assert_works(lace_study_summary(&s, &r, &err), err);
    assert_true(isnan(r.robustness[0].score[1].value));
    lace_eval_release(&r);
    lace_study_release(&s);
}

/* Several training seeds: the linear part of the score gives about the interval that resampling gives. */
static void scores_of_several_seeds(void **state)
{
    static const struct made_cell cells[] = {{"search", 1, 0, 200}, {"search", 2, 0, 200}, {"search", 3, 0, 200}};
    struct lace_eval_result one, three;
    struct lace_error err;
    struct lace_study s = make_study(cells, 3, usual_arms, 4, 1, (int[]){4}, 1, usual_right);
    assert_works(lace_study_summary(&s, &one, &err), err);
    lace_study_release(&s);
    s = make_study(cells, 3, usual_arms, 4, 3, (int[]){4}, 1, usual_right);
    assert_works(lace_study_summary(&s, &three, &err), err);
    const struct lace_estimate *a = &one.robustness[0].score[3], *b = &three.robustness[0].score[3];
    assert_true(b->low < b->value && b->value < b->high);
    assert_true(b->high - b->low > 0.3 * (a->high - a->low) && b->high - b->low < 4 * (a->high - a->low));
    assert_true(a->low < b->high && b->low < a->high);
    lace_study_release(&s);
    lace_eval_release(&one);
    lace_eval_release(&three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_has_its_means),
        cmocka_unit_test(costs_and_comparisons_by_plain_sums),
        cmocka_unit_test(the_score_is_the_one_worked_by_hand),
        cmocka_unit_test(areas_of_several_families_and_axes),
        cmocka_unit_test(scores_of_several_seeds),
    };
    return cmocka_run_group_tests_name("study", tests, NULL, NULL);
}
