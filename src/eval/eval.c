/* Options -> problems -> for each model, number of threads and arm: a temperature chosen on development problems, then
 * all problems -> a study -> figures, files. */
#include "eval/arm.h"
#include "eval/problems.h"
#include "eval/report.h"
#include "eval/store.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const double temperatures[] = {0, 0.3, 0.5, 0.7, 1};
enum { TEMPERATURES = sizeof temperatures / sizeof *temperatures, ENGINES = 2 * LACE_EVAL_ARMS };

struct work {
    const struct lace_eval_options *options;
    struct lace_study study;
    struct lace_problems problems, *development; /* development: one for each family */
    int *family_cell;                            /* (families + 1): the first cell of each */
    int family_count;
    struct lace_arm_spec specs[LACE_EVAL_ARMS];
    struct lace_engine *engines[ENGINES]; /* of the model at hand */
    bool latticed[ENGINES];
    int engine_count;
    FILE *dump;
    long done, total; /* problems: those of all trials */
};

void lace_eval_defaults(struct lace_eval_options *o)
{
    static const char *const families[] = {"search", NULL};
    static const int threads[] = {4};
    *o = (struct lace_eval_options){
        .families = families, .threads = threads, .thread_count = 1, .temperature = -1, .development = 100, .seed = 1};
    lace_data_knobs_defaults(&o->knobs);
    o->knobs.difficulty = (struct lace_interval){0, 0};
}

/* ---- preparation ---- */

static int check_options(const struct lace_eval_options *o, struct lace_error *err)
{
    if (!o->threads || o->thread_count < 1 || o->thread_count > LACE_STUDY_LIST)
        return lace_fail(err, LACE_BAD, "From 1 to %d numbers of threads can be evaluated at once.", LACE_STUDY_LIST);
    for (int t = 0; t < o->thread_count; t++) {
        if (o->threads[t] < 1 || o->threads[t] > LACE_FEW_ROWS)
            return lace_fail(err, LACE_BAD, "The number of threads must be from 1 to %d, not %d.", LACE_FEW_ROWS,
                             o->threads[t]);
        for (int u = 0; u < t; u++)
            if (o->threads[u] == o->threads[t])
                return lace_fail(err, LACE_BAD, "%d threads are named twice.", o->threads[t]);
    }
    if (!o->arms || !o->arms[0])
        return lace_fail(err, LACE_BAD,
                         "No arms were named; give --arms independent,isolated,exchange,serial,lace,muted,foreign or "
                         "some of these.");
    return 0;
}

static int take_arms(struct work *w, struct lace_error *err)
{
    struct lace_study *s = &w->study;
    for (int i = 0; w->options->arms[i]; i++) {
        if (i == LACE_EVAL_ARMS)
            return lace_fail(err, LACE_BAD, "At most %d arms can be compared at once.", LACE_EVAL_ARMS);
        int code = lace_arm_parse(&w->specs[i], w->options->arms[i], err);
        if (code) return code;
        for (int j = 0; j < i; j++)
            if (!strcmp(w->specs[j].name, w->specs[i].name))
                return lace_fail(err, LACE_BAD, "The arm %s is named twice; its figures would stand under one name.",
                                 w->specs[i].name);
        s->arms[i] = (struct lace_study_arm){.own_pick = w->specs[i].kind.own_pick, .rival = w->specs[i].kind.rival};
        memcpy(s->arms[i].name, w->specs[i].name, sizeof s->arms[i].name);
        s->arm_count = i + 1;
    }
    return 0;
}

static int take_models(struct work *w, struct lace_error *err)
{
    char shipped[PATH_MAX];
    const char *const one[] = {shipped, NULL}, *const *models = w->options->models;
    struct lace_study *s = &w->study;
    if (!models || !models[0]) {
        int code = lace_engine_find(shipped, err);
        if (code) return code;
        models = one;
    }
    for (int i = 0; models[i]; i++) {
        if (i == LACE_STUDY_LIST)
            return lace_fail(err, LACE_BAD, "At most %d models can be evaluated at once.", LACE_STUDY_LIST);
        for (int j = 0; j < i; j++)
            if (!strcmp(models[j], models[i]))
                return lace_fail(err, LACE_BAD, "The model %s is named twice; a seed counts once.", models[i]);
        if (!(s->models[i] = strdup(models[i]))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
        s->model_count = i + 1;
    }
    for (int i = 0; i < w->options->thread_count; i++) s->threads[i] = w->options->threads[i];
    s->thread_count = w->options->thread_count;
    return 0;
}

/* The study's own copy of cells and problems. */
static int take_problems(struct work *w, struct lace_error *err)
{
    struct lace_study *s = &w->study;
    const struct lace_problems *p = &w->problems;
    s->cells = malloc(sizeof *s->cells * (size_t)p->cell_count);
    s->problems = calloc((size_t)p->count, sizeof *s->problems);
    w->family_cell = calloc((size_t)p->cell_count + 1, sizeof *w->family_cell);
    if (!s->cells || !s->problems || !w->family_cell) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    memcpy(s->cells, p->cells, sizeof *s->cells * (size_t)p->cell_count);
    s->cell_count = p->cell_count;
    s->problem_count = p->count;
    for (int i = 0; i < p->count; i++) {
        const struct lace_record *r = &p->records[i];
        s->problems[i] =
            (struct lace_problem){strdup(r->id), strdup(r->prompt), r->answer ? strdup(r->answer) : NULL, p->cell[i]};
        if (!s->problems[i].id || !s->problems[i].prompt || (r->answer && !s->problems[i].answer))
            return lace_fail(err, LACE_MEMORY, "Out of memory for %d problems.", p->count);
    }
    for (int c = 0; c < s->cell_count; c++)
        if (!c || strcmp(s->cells[c].family, s->cells[c - 1].family)) w->family_cell[w->family_count++] = c;
    w->family_cell[w->family_count] = s->cell_count;
    return 0;
}

/* ---- temperatures ---- */

/* The one that was given for an arm; negative: it is to be chosen. */
static int given_temperature(const struct lace_eval_options *o, const char *arm, double *out, struct lace_error *err)
{
    *out = o->temperature;
    for (int i = 0; o->temperatures && o->temperatures[i]; i++) {
        const char *equals = strrchr(o->temperatures[i], '=');
        char *end;
        double value = equals ? strtod(equals + 1, &end) : -1;
        if (!equals || end == equals + 1 || *end || !(value >= 0 && value <= 100))
            return lace_fail(err, LACE_BAD, "\"%.60s\" gives no arm a temperature; write lace=0.5, from 0 to 100.",
                             o->temperatures[i]);
        size_t len = (size_t)(equals - o->temperatures[i]);
        if (strlen(arm) == len && !strncmp(arm, o->temperatures[i], len)) *out = value;
    }
    return 0;
}

static int check_temperatures(struct work *w, struct lace_error *err)
{
    const struct lace_eval_options *o = w->options;
    const struct lace_study *s = &w->study;
    bool choose = false;
    double t;
    int code = 0;
    if (o->temperature >= 0)
        code = lace_study_warn(&w->study, err,
                               "One temperature (%g) was given for all arms, not chosen for each on development "
                               "problems: an arm away from its best temperature flatters the others.",
                               o->temperature);
    for (int a = 0; a < s->arm_count && !code; a++) {
        if ((code = given_temperature(o, s->arms[a].name, &t, err))) return code;
        choose |= t < 0;
        if (t >= 0 && t != o->temperature && (s->arms[a].rival || !strcmp(s->arms[a].name, "lace")))
            code = lace_study_warn(&w->study, err,
                                   "The temperature of %s was given (%g), not chosen on development problems: an arm "
                                   "away from its best temperature flatters the others.",
                                   s->arms[a].name, t);
    }
    for (int i = 0; o->temperatures && o->temperatures[i] && !code; i++) {
        bool known = false;
        for (int a = 0; a < s->arm_count; a++) {
            size_t len = strlen(s->arms[a].name);
            known |= !strncmp(s->arms[a].name, o->temperatures[i], len) && o->temperatures[i][len] == '=';
        }
        if (!known)
            code = lace_fail(err, LACE_BAD, "\"%.60s\" gives a temperature to an arm that is not compared.",
                             o->temperatures[i]);
    }
    if (code || !choose) return code;
    if (o->development < 1)
        return lace_fail(err, LACE_BAD,
                         "Choosing temperatures takes at least one problem: give --development N or --temperature X.");
    if (!(w->development = calloc((size_t)w->family_count, sizeof *w->development)))
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int f = 0; f < w->family_count && !code; f++)
        code = lace_problems_development(&w->development[f], &w->problems, w->family_cell[f], w->family_cell[f + 1], o,
                                         err);
    return code;
}

/* ---- running ---- */

static int count_on(void *user, const char *what, long done, long total)
{
    struct work *w = user;
    (void)total;
    return w->options->progress ? w->options->progress(w->options->user, what, w->done + done, w->total) : 0;
}

static struct lace_rollout rollout_of(struct work *w, const struct lace_problems *p, int from, int count, int threads,
                                      double temperature)
{
    const struct lace_eval_options *o = w->options;
    return (struct lace_rollout){.problems = p->records + from,
                                 .rounds = p->rounds[threads] + from,
                                 .count = count,
                                 .first = from,
                                 .threads = o->threads[threads],
                                 .budget = o->budget,
                                 .temperature = temperature,
                                 .inject = o->inject,
                                 .inject_kind = o->inject_kind,
                                 .seed = o->seed,
                                 .workers = o->workers,
                                 .progress = count_on,
                                 .user = w};
}

/* The temperature with the best accuracy by the arm's best way of picking; the lower one of equals. */
static int tune(struct work *w, const struct lace_arm *arm, const struct lace_problems *p, int threads,
                double *temperature, struct lace_error *err)
{
    char label[96];
    double best = -1;
    struct lace_outcome *outcome = calloc((size_t)p->count, sizeof *outcome);
    int code = outcome ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int k = 0; k < TEMPERATURES && !code; k++) {
        struct lace_rollout r = rollout_of(w, p, 0, p->count, threads, temperatures[k]);
        snprintf(label, sizeof label, "%.63s, tuning at %.1f", arm->name, temperatures[k]);
        r.label = label;
        r.seed += 7777;
        code = lace_rollout_run(arm, &r, outcome, err);
        w->done += p->count;
        for (int by = 0; by < LACE_EVAL_PICKS && !code; by++) {
            double sum = 0;
            for (int i = 0; i < p->count; i++) sum += outcome[i].right[by];
            if (sum > best) best = sum, *temperature = temperatures[k];
        }
    }
    free(outcome);
    return code;
}

static int write_dump(struct work *w, const struct lace_trial *t, const struct lace_text *lines, int count,
                      double temperature, struct lace_error *err)
{
    const struct lace_study *s = &w->study;
    for (int i = 0; i < count; i++)
        fprintf(w->dump, "{\"arm\":\"%s\",\"model\":%d,\"group\":%d,\"temperature\":%.9g,%s}\n", s->arms[t->arm].name,
                t->model, s->threads[t->threads], temperature, lines[i].data);
    return ferror(w->dump)
               ? lace_fail(err, LACE_SYSTEM, "%s: cannot be written: %s.", w->options->dump, strerror(errno))
               : 0;
}

static int run_cell(struct work *w, const struct lace_arm *arm, struct lace_trial *t, int cell, struct lace_error *err)
{
    const struct lace_cell *c = &w->study.cells[cell];
    struct lace_rollout r = rollout_of(w, &w->problems, c->first, c->count, t->threads, t->temperature[cell]);
    char label[128];
    snprintf(label, sizeof label, w->study.thread_count > 1 ? "%s, %d threads" : "%s", arm->name, r.threads);
    r.label = label;
    int code = 0;
    if (w->dump && !(r.dump = calloc((size_t)c->count, sizeof *r.dump)))
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int i = 0; i < c->count && r.dump; i++) lace_text_init(&r.dump[i]);
    double start = lace_now();
    code = lace_rollout_run(arm, &r, t->outcome + c->first, err);
    t->seconds[cell] = lace_now() - start;
    w->done += c->count;
    if (!code && r.dump) code = write_dump(w, t, r.dump, c->count, r.temperature, err);
    for (int i = 0; i < c->count && r.dump; i++) lace_text_release(&r.dump[i]);
    free(r.dump);
    return code;
}

static int open_engine(struct work *w, const char *dir, bool lattice, const struct lace_engine **out,
                       struct lace_error *err)
{
    struct lace_engine_options o;
    lace_engine_defaults(&o);
    o.model = dir;
    o.lattice = lattice ? NULL : "off";
    for (int i = 0; i < w->engine_count; i++) /* arms share what is open already */
        if (!strcmp(w->engines[i]->path, dir) && w->latticed[i] == lattice) {
            *out = w->engines[i];
            return 0;
        }
    int code = lace_engine_open(&w->engines[w->engine_count], &o, err);
    if (code) return code;
    w->latticed[w->engine_count] = lattice;
    *out = w->engines[w->engine_count++];
    const char *warning = (*out)->model->warning;
    return warning ? lace_study_warn(&w->study, err, "%s", warning) : 0;
}

static void close_engines(struct work *w)
{
    for (int i = 0; i < w->engine_count; i++) lace_engine_close(&w->engines[i]);
    w->engine_count = 0;
}

/* What the same arm of an earlier model found, where it was the same model: several seeds may share a baseline. */
static const struct lace_trial *found_before(const struct work *w, const struct lace_trial *t)
{
    for (int m = 0; m < t->model; m++) {
        const struct lace_trial *u = lace_study_trial(&w->study, m, t->threads, t->arm);
        if (!strcmp(u->path, t->path)) return u;
    }
    return NULL;
}

static int run_trial(struct work *w, struct lace_trial *t, const struct lace_arm *arm, struct lace_error *err)
{
    const struct lace_study *s = &w->study;
    const struct lace_trial *same = found_before(w, t);
    size_t cells = (size_t)s->cell_count;
    double given = -1;
    int code = 0;
    if (same) {
        memcpy(t->temperature, same->temperature, cells * sizeof *t->temperature);
        memcpy(t->tuned, same->tuned, cells * sizeof *t->tuned);
        memcpy(t->seconds, same->seconds, cells * sizeof *t->seconds);
        memcpy(t->outcome, same->outcome, (size_t)s->problem_count * sizeof *t->outcome);
        w->total -= s->problem_count;
        for (int f = 0; f < w->family_count && w->development && given < 0; f++)
            w->total -= TEMPERATURES * w->development[f].count;
        return 0;
    }
    code = given_temperature(w->options, arm->name, &given, err);
    for (int f = 0; f < w->family_count && !code; f++) {
        double temperature = given;
        if (given < 0) code = tune(w, arm, &w->development[f], t->threads, &temperature, err);
        for (int c = w->family_cell[f]; c < w->family_cell[f + 1] && !code; c++) {
            t->temperature[c] = temperature;
            t->tuned[c] = given < 0;
            code = run_cell(w, arm, t, c, err);
        }
    }
    return code;
}

static int run_all(struct work *w, struct lace_error *err)
{
    struct lace_study *s = &w->study;
    char path[PATH_MAX];
    int code = 0;
    for (int a = 0; a < s->arm_count && !code; a++) {
        double given;
        long each = s->problem_count;
        code = given_temperature(w->options, s->arms[a].name, &given, err);
        for (int f = 0; f < w->family_count && given < 0; f++) each += TEMPERATURES * w->development[f].count;
        w->total += each * s->model_count * s->thread_count;
    }
    for (int m = 0; m < s->model_count && !code; m++) {
        struct lace_arm arms[LACE_EVAL_ARMS];
        for (int a = 0; a < s->arm_count && !code; a++) { /* what cannot be opened is said before the work begins */
            const struct lace_engine *engine;
            code = lace_arm_folder(&w->specs[a], s->models[m], path, err);
            if (!code) code = open_engine(w, path, w->specs[a].kind.lattice, &engine, err);
            if (!code) code = lace_arm_init(&arms[a], &w->specs[a], engine, err);
            for (int t = 0; t < s->thread_count && !code; t++)
                if (!(lace_study_trial(s, m, t, a)->path = strdup(path)))
                    code = lace_fail(err, LACE_MEMORY, "Out of memory.");
        }
        for (int t = 0; t < s->thread_count && !code; t++)
            for (int a = 0; a < s->arm_count && !code; a++)
                code = run_trial(w, lace_study_trial(s, m, t, a), &arms[a], err);
        close_engines(w);
    }
    return code;
}

/* ---- the whole ---- */

static int prepare(struct work *w, struct lace_error *err)
{
    const struct lace_eval_options *o = w->options;
    int code = check_options(o, err);
    w->study.seed = o->seed;
    w->study.inject = o->inject;
    w->study.inject_kind = o->inject_kind;
    if (!code) code = take_arms(w, err);
    if (!code) code = lace_problems_open(&w->problems, o, err);
    if (!code) code = lace_problems_check(&w->problems, o, err);
    if (!code) code = take_models(w, err);
    if (!code) code = take_problems(w, err);
    if (!code) code = check_temperatures(w, err);
    if (!code) code = lace_study_trials(&w->study, err);
    if (!code && o->db) code = lace_store_prepare(o->db, err); /* better now than after an hour */
    if (!code && o->dump && !(w->dump = fopen(o->dump, "w")))
        code = lace_fail(err, LACE_SYSTEM, "%s: cannot be written: %s.", o->dump, strerror(errno));
    return code;
}

static int close_dump(struct work *w, struct lace_error *err)
{
    FILE *dump = w->dump;
    w->dump = NULL;
    return dump && fclose(dump)
               ? lace_fail(err, LACE_SYSTEM, "%s: cannot be written: %s.", w->options->dump, strerror(errno))
               : 0;
}

/* One that fails takes no other along; the first is told of. */
static int write_files(struct work *w, const struct lace_eval_result *result, struct lace_error *err)
{
    const struct lace_eval_options *o = w->options;
    int dump = close_dump(w, err), db = 0, html = 0;
    if (o->db) db = lace_store_write(o->db, &w->study, o, dump ? NULL : err);
    if (o->html) html = lace_report_write(o->html, &w->study, result, NULL, dump || db ? NULL : err);
    return dump ? dump : db ? db : html;
}

int lace_eval(const struct lace_eval_options *options, struct lace_eval_result *result, struct lace_error *err)
{
    struct work w = {.options = options};
    *result = (struct lace_eval_result){0};
    int code = prepare(&w, err);
    if (!code) code = run_all(&w, err);
    if (!code) code = lace_study_summary(&w.study, result, err);
    if (code) lace_eval_release(result);
    else code = write_files(&w, result, err); /* the figures took hours: they stay whatever becomes of the files */
    close_dump(&w, NULL);
    close_engines(&w);
    for (int f = 0; f < w.family_count && w.development; f++) lace_problems_release(&w.development[f]);
    free(w.development);
    free(w.family_cell);
    lace_problems_release(&w.problems);
    lace_study_release(&w.study);
    return code;
}

int lace_eval_read(const char *db, long run, const char *html, struct lace_eval_result *result, struct lace_error *err)
{
    struct lace_study study;
    struct lace_store_about about;
    char text[128];
    *result = (struct lace_eval_result){0};
    int code = lace_store_read(db, run, &study, &about, err);
    if (code) return code;
    code = lace_study_summary(&study, result, err);
    snprintf(text, sizeof text, "run %ld of %s by lace %s", about.run, about.time, about.version);
    if (!code && html) code = lace_report_write(html, &study, result, text, err);
    if (code) lace_eval_release(result);
    lace_study_release(&study);
    return code;
}
