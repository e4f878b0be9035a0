/* A study -> its figures. Every set of problems is summarised in the same way; problems are the unit, families count
 * alike, and all arms are drawn together by the bootstrap. */
#include "eval/roles.h"
#include "eval/stats.h"
#include "eval/study.h"
#include <stdlib.h>
#include <string.h>

static const char *const pick_names[LACE_EVAL_PICKS] = {"verdict", "vote", "logprob"};

/* Which outcomes a set is made of. */
struct part {
    const struct lace_study *study;
    int threads, first_model, models;
    int *problem, *stratum; /* (count) indices; the family's number among those of the set */
    int *size;              /* (strata) */
    int count, strata;
};

static const struct lace_outcome *outcome_of(const struct part *p, int model, int arm, int i)
{
    return &lace_study_trial(p->study, p->first_model + model, p->threads, arm)->outcome[p->problem[i]];
}

static void release_part(struct part *p)
{
    free(p->problem);
    free(p->stratum);
    free(p->size);
}

/* The problems of the cells from..to - 1. */
static int take_part(struct part *p, const struct lace_study *s, int from, int to, struct lace_error *err)
{
    *p = (struct part){.study = s, .models = s->model_count};
    p->problem = malloc(sizeof(int) * ((size_t)s->problem_count + 1));
    p->stratum = malloc(sizeof(int) * ((size_t)s->problem_count + 1));
    p->size = calloc((size_t)(to - from) + 1, sizeof(int));
    if (!p->problem || !p->stratum || !p->size) {
        release_part(p);
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    for (int c = from; c < to; c++) {
        if (c == from || strcmp(s->cells[c].family, s->cells[c - 1].family)) p->strata++;
        for (int i = 0; i < s->cells[c].count; i++) {
            p->problem[p->count] = s->cells[c].first + i;
            p->stratum[p->count++] = p->strata - 1;
            p->size[p->strata - 1]++;
        }
    }
    return 0;
}

/* ---- figures of the arms ---- */

enum { PICK, COVERAGE = PICK + LACE_EVAL_PICKS, THREAD, FORMAT, DIVERSITY, COLUMNS };

static void read_columns(const struct lace_outcome *o, double *x)
{
    for (int by = 0; by < LACE_EVAL_PICKS; by++) x[PICK + by] = o->right[by];
    x[COVERAGE] = o->any;
    x[THREAD] = o->thread_right;
    x[FORMAT] = o->format;
    x[DIVERSITY] = o->diversity;
}

static int estimate(const struct part *p, struct lace_eval_arm *arms, struct lace_error *err)
{
    int A = p->study->arm_count, C = A * COLUMNS;
    double *x = lace_alloc_array((size_t)p->models * (size_t)p->count, sizeof *x * (size_t)C);
    struct lace_estimate *e = calloc((size_t)C, sizeof *e);
    int code = x && e ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for the figures of %d problems.", p->count);
    for (int m = 0; m < p->models && !code; m++)
        for (int i = 0; i < p->count; i++)
            for (int a = 0; a < A; a++)
                read_columns(outcome_of(p, m, a, i), x + ((size_t)m * p->count + i) * C + a * COLUMNS);
    struct lace_sample sample = {x, p->models, p->count, C, p->stratum, p->strata, NULL, 0, 1};
    if (!code) code = lace_sample_estimate(&sample, p->study->seed, e, err);
    for (int a = 0; a < A && !code; a++) {
        const struct lace_estimate *own = e + a * COLUMNS;
        memcpy(arms[a].pick, own + PICK, sizeof arms[a].pick);
        arms[a].accuracy = arms[a].pick[p->study->arms[a].own_pick];
        arms[a].coverage = own[COVERAGE];
        arms[a].thread_accuracy = own[THREAD];
        arms[a].format = own[FORMAT];
        arms[a].diversity = own[DIVERSITY];
    }
    lace_free(x);
    free(e);
    return code;
}

/* Costs and counts: means over problems, families alike; shares of steps by the same weights. */
static void count(const struct part *p, int arm, int from, int to, struct lace_eval_arm *out)
{
    const struct lace_study *s = p->study;
    enum lace_pick_by by = s->arms[arm].own_pick;
    double solved = 0, trials = 0, wrong = 0, repaired = 0;
    for (int m = 0; m < p->models; m++)
        for (int i = 0; i < p->count; i++) {
            const struct lace_outcome *o = outcome_of(p, m, arm, i);
            double w = 1.0 / ((double)p->strata * p->size[p->stratum[i]] * p->models);
            out->tokens += w * o->tokens;
            out->fed += w * o->fed;
            out->steps += w * o->steps;
            out->memory += w * o->memory;
            out->error_types += w * o->error_types;
            out->injected += w * o->injected;
            out->tokens_solved += w * o->tokens * o->right[by];
            out->steps_solved += w * o->steps * o->right[by];
            out->duplicates += w * o->duplicates;
            solved += w * o->right[by];
            trials += w * o->trials;
            wrong += w * o->wrong;
            repaired += w * o->repaired;
        }
    out->tokens_solved = solved > 0 ? out->tokens_solved / solved : 0;
    out->steps_solved = solved > 0 ? out->steps_solved / solved : 0;
    out->duplicates = trials > 0 ? out->duplicates / trials : 0;
    out->wrong_steps = trials > 0 ? wrong / trials : 0;
    out->repaired = wrong > 0 ? repaired / wrong : 0;
    out->tuned = 1;
    for (int m = 0; m < p->models; m++) {
        const struct lace_trial *t = lace_study_trial(s, p->first_model + m, p->threads, arm);
        for (int c = from; c < to; c++) {
            out->seconds += t->seconds[c];
            out->temperature += t->temperature[c] / ((to - from) * p->models);
            out->tuned &= t->tuned[c];
        }
    }
}

/* Of the problems in which the thread wrote its falsehood whatever the model: with several, the same ones count in all.
 * Strata without any are left out. */
static int estimate_belief(const struct part *p, int arm, struct lace_eval_arm *out, struct lace_error *err)
{
    double *x = lace_alloc_array((size_t)p->models * (size_t)p->count, 2 * sizeof *x);
    int *problem = calloc((size_t)p->count + 1, sizeof *problem),
        *stratum = calloc((size_t)p->count + 1, sizeof *stratum), count = 0, strata = 0, last = -1, code = 0;
    struct lace_estimate e[2];
    if (!x || !problem || !stratum) code = lace_fail(err, LACE_MEMORY, "Out of memory for %d problems.", p->count);
    for (int i = 0; i < p->count && !code; i++) {
        bool all = true;
        for (int m = 0; m < p->models; m++) all &= outcome_of(p, m, arm, i)->injected > 0;
        if (!all) continue;
        if (p->stratum[i] != last) strata++;
        last = p->stratum[i];
        stratum[count] = strata - 1;
        problem[count++] = i;
    }
    for (int m = 0; m < p->models && !code; m++)
        for (int i = 0; i < count; i++) {
            const struct lace_outcome *o = outcome_of(p, m, arm, problem[i]);
            x[2 * (m * count + i)] = o->believed;
            x[2 * (m * count + i) + 1] = o->rejected;
        }
    struct lace_sample sample = {x, p->models, count, 2, stratum, strata, NULL, 0, 1};
    if (!code && count && !(code = lace_sample_estimate(&sample, p->study->seed, e, err))) {
        out->believed = e[0];
        out->rejected = e[1];
    }
    lace_free(x);
    free(problem);
    free(stratum);
    return code;
}

/* A table for each model and family: another model's threads may take other roles. */
static int find_roles(const struct part *p, int arm, struct lace_eval_arm *out, struct lace_error *err)
{
    int total = p->models * p->count, code = 0;
    const char **start = lace_alloc_array((size_t)total, sizeof *start),
               **verdict = lace_alloc_array((size_t)total, sizeof *verdict);
    int *table = lace_alloc_array((size_t)total, sizeof *table);
    if (!start || !verdict || !table) code = lace_fail(err, LACE_MEMORY, "Out of memory for %d problems.", p->count);
    for (int k = 0; k < total && !code; k++) {
        const struct lace_outcome *o = outcome_of(p, k / p->count, arm, k % p->count);
        start[k] = o->start;
        verdict[k] = o->verdicts;
        table[k] = k / p->count * p->strata + p->stratum[k % p->count];
    }
    if (!code) code = lace_roles(start, table, total, p->models * p->strata, p->study->seed, &out->role_strategy, err);
    if (!code) code = lace_roles(verdict, table, total, p->models * p->strata, p->study->seed, &out->role_verdict, err);
    lace_free(start);
    lace_free(verdict);
    lace_free(table);
    return code;
}

/* ---- lace against the others ---- */

static int best_pick(const struct lace_eval_arm *arm)
{
    int best = 0;
    for (int by = 1; by < LACE_EVAL_PICKS; by++)
        if (arm->pick[by].value > arm->pick[best].value) best = by;
    return best;
}

/* Each arm by the pick that did best on these very problems, and of the parallel baselines the best: both choices
 * favour the baseline. */
static int compare(const struct part *p, struct lace_eval_set *set, struct lace_error *err)
{
    const struct lace_study *s = p->study;
    int A = s->arm_count, lace = -1, best = -1, by[LACE_EVAL_ARMS];
    for (int a = 0; a < A; a++) {
        by[a] = best_pick(&set->arms[a]);
        if (!strcmp(s->arms[a].name, "lace")) lace = a;
        if (s->arms[a].rival && (best < 0 || set->arms[a].pick[by[a]].value > set->arms[best].pick[by[best]].value))
            best = a;
    }
    if (lace < 0) return 0;
    double *x = lace_alloc_array((size_t)p->models * (size_t)p->count, sizeof *x * (size_t)A);
    struct lace_estimate e[LACE_EVAL_ARMS];
    if (!x) return lace_fail(err, LACE_MEMORY, "Out of memory for the differences of %d problems.", p->count);
    for (int m = 0; m < p->models; m++)
        for (int i = 0; i < p->count; i++)
            for (int a = 0; a < A; a++)
                x[((size_t)m * p->count + i) * A + a] =
                    100 * (outcome_of(p, m, lace, i)->right[LACE_PICK_VERDICT] - outcome_of(p, m, a, i)->right[by[a]]);
    struct lace_sample sample = {x, p->models, p->count, A, p->stratum, p->strata, NULL, -100, 100};
    int code = lace_sample_estimate(&sample, s->seed, e, err);
    lace_free(x);
    for (int a = 0; a < A && !code; a++) {
        if (a == lace) continue;
        set->arms[a].versus = e[a];
        set->arms[a].compared = 1;
    }
    if (code || best < 0) return code;
    set->delta = e[best];
    snprintf(set->against, sizeof set->against, "%s by %s", s->arms[best].name, pick_names[by[best]]);
    return 0;
}

/* ---- sets ---- */

/* Models first_model.. (all: -1) on the cells from..to - 1. */
static int add_set(const struct lace_study *s, struct lace_eval_result *r, int threads, int model, int from, int to,
                   struct lace_error *err)
{
    struct part p;
    struct lace_eval_set *set = &r->sets[r->set_count];
    int code = take_part(&p, s, from, to, err);
    if (code) return code;
    p.threads = threads;
    if (model >= 0) p.first_model = model, p.models = 1;
    *set = (struct lace_eval_set){.threads = s->threads[threads],
                                  .model = model,
                                  .difficulty = s->cells[from].difficulty,
                                  .ambiguity = s->cells[from].ambiguity,
                                  .problems = p.count};
    for (int c = from; c < to; c++) {
        if (s->cells[c].difficulty != set->difficulty) set->difficulty = -1;
        if (s->cells[c].ambiguity != set->ambiguity) set->ambiguity = -1;
    }
    if (p.strata == 1) snprintf(set->family, sizeof set->family, "%s", s->cells[from].family);
    set->arms = calloc((size_t)s->arm_count, sizeof *set->arms);
    if (!set->arms) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    else r->set_count++;
    for (int a = 0; a < s->arm_count && !code; a++) {
        snprintf(set->arms[a].name, sizeof set->arms[a].name, "%s", s->arms[a].name);
        set->arms[a].own_pick = pick_names[s->arms[a].own_pick];
        count(&p, a, from, to, &set->arms[a]);
        code = estimate_belief(&p, a, &set->arms[a], err);
        if (!code) code = find_roles(&p, a, &set->arms[a], err);
    }
    if (!code) code = estimate(&p, set->arms, err);
    if (!code) code = compare(&p, set, err);
    release_part(&p);
    return code;
}

static int copy_list(char ***out, char *const *list, int count, int *made, struct lace_error *err)
{
    *out = calloc((size_t)count + 1, sizeof **out);
    if (!*out) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (*made = 0; *made < count; ++*made)
        if (!((*out)[*made] = strdup(list[*made]))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    return 0;
}

int lace_study_summary(const struct lace_study *s, struct lace_eval_result *r, struct lace_error *err)
{
    int cells = s->cell_count, code;
    *r = (struct lace_eval_result){
        .problems = s->problem_count, .arm_count = s->arm_count, .inject = s->inject, .inject_kind = s->inject_kind};
    size_t most = (size_t)s->thread_count * (1 + (size_t)s->model_count + 2 * (size_t)cells);
    if (!(r->sets = calloc(most, sizeof *r->sets))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    code = copy_list(&r->models, s->models, s->model_count, &r->model_count, err);
    if (!code) code = copy_list(&r->warnings, s->warnings, s->warning_count, &r->warning_count, err);
    for (int t = 0; t < s->thread_count && !code; t++) {
        code = add_set(s, r, t, -1, 0, cells, err);
        for (int m = 0; m < s->model_count && s->model_count > 1 && !code; m++)
            code = add_set(s, r, t, m, 0, cells, err);
        for (int from = 0, to; from < cells && !code; from = to) {
            for (to = from; to < cells && !strcmp(s->cells[to].family, s->cells[from].family);) to++;
            if (from > 0 || to < cells) code = add_set(s, r, t, -1, from, to, err);
            for (int c = from; c < to && to - from > 1 && !code; c++) code = add_set(s, r, t, -1, c, c + 1, err);
        }
    }
    if (!code) code = lace_study_robustness(s, r, err);
    if (code) lace_eval_release(r);
    return code;
}

void lace_eval_release(struct lace_eval_result *r)
{
    for (int i = 0; i < r->set_count; i++) free(r->sets[i].arms);
    for (int i = 0; i < r->model_count; i++) free(r->models[i]);
    for (int i = 0; i < r->warning_count; i++) free(r->warnings[i]);
    free(r->sets);
    free(r->robustness);
    free(r->models);
    free(r->warnings);
    *r = (struct lace_eval_result){0};
}
