/* Arms -> temperature of each on a development set -> all problems -> figures with their intervals. */
#include "eval/rollout.h"
#include "eval/stats.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double temperatures[] = {0, 0.3, 0.5, 0.7, 1};
enum { TEMPERATURES = sizeof temperatures / sizeof *temperatures };
static const char *const pick_names[LACE_EVAL_PICKS] = {"verdict", "vote", "logprob"};

struct study {
    const struct lace_eval_options *options;
    struct lace_record *problems, *development;
    int count, development_count;
    struct lace_arm arms[LACE_EVAL_ARMS];
    struct lace_engine *engines[LACE_EVAL_ARMS + 1]; /* each arm's own, and the shipped model's */
    int arm_count, engine_count;
    struct lace_outcome *outcomes[LACE_EVAL_ARMS];
};

void lace_eval_defaults(struct lace_eval_options *o)
{
    *o = (struct lace_eval_options){.threads = 4, .temperature = -1, .development = 100, .seed = 1};
    lace_data_knobs_defaults(&o->knobs);
}

/* ---- problems ---- */

static int read_problems(struct study *s, struct lace_error *err)
{
    const struct lace_eval_options *o = s->options;
    struct lace_record_file *file;
    struct lace_record record;
    int cap = 0, code = lace_record_open(&file, o->data, err);
    if (code) return code;
    while ((!o->count || s->count < o->count) && (code = lace_record_next(file, &record, err)) > 0) {
        if (s->count == cap) {
            struct lace_record *grown = realloc(s->problems, sizeof *grown * (size_t)(cap = cap ? 2 * cap : 256));
            if (!grown) {
                lace_record_release(&record);
                code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", o->data);
                break;
            }
            s->problems = grown;
        }
        s->problems[s->count++] = record;
    }
    lace_record_close(&file);
    if (code < 0) return code;
    return s->count ? 0 : lace_fail(err, LACE_BAD, "%s holds no problems.", o->data);
}

static int make_problems(const char *family_name, struct lace_data_knobs knobs, int threads, enum lace_split split,
                         int count, uint64_t first, struct lace_record **out, int *made, struct lace_error *err)
{
    const struct lace_family *family = lace_family_find(family_name, err);
    if (!family) return LACE_BAD;
    knobs.split = split;
    knobs.threads = (struct lace_interval){threads, threads}; /* the record's budget is for these */
    if (!(*out = calloc((size_t)(count ? count : 1), sizeof **out)))
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (*made = 0; *made < count; ++*made) {
        int code = lace_family_make(family, &knobs, first + (uint64_t)*made, &(*out)[*made], err);
        if (code) return code;
    }
    return 0;
}

/* Problems like the given ones, from the training side of the split: temperatures are never chosen on test problems. */
static int make_development(struct study *s, struct lace_error *err)
{
    const struct lace_eval_options *o = s->options;
    struct lace_data_knobs knobs = o->knobs;
    if (o->data) { /* of the same family and difficulties as the file's */
        int low = INT_MAX, high = 0;
        for (int i = 0; i < s->count; i++) {
            if (s->problems[i].difficulty < low) low = s->problems[i].difficulty;
            if (s->problems[i].difficulty > high) high = s->problems[i].difficulty;
        }
        knobs.difficulty = (struct lace_interval){low, high};
    }
    const char *family = o->data ? s->problems[0].task : o->family;
    if (o->data && !lace_family_find(family, NULL))
        return lace_fail(
            err, LACE_BAD,
            "No problems like those of %s can be made to choose temperatures on; give one with --temperature X.",
            o->data);
    return make_problems(family, knobs, o->threads, LACE_SPLIT_TRAIN, o->development, 1u << 30, &s->development,
                         &s->development_count, err);
}

/* A problem of our families that lies on the training side would flatter whoever was trained on it. */
static int check_split(const struct study *s, struct lace_error *err)
{
    for (int i = 0; i < s->count; i++) {
        const struct lace_family *family = lace_family_find(s->problems[i].task, NULL);
        enum lace_split side;
        if (family && family->side(family, s->problems[i].prompt, &side, NULL))
            return lace_fail(err, LACE_BAD,
                             "Problem %s is none that the family %s can read; its answers cannot be checked.",
                             s->problems[i].id, family->name);
        if (family && side != LACE_SPLIT_TEST)
            return lace_fail(err, LACE_BAD,
                             "Problem %s lies on the training side of the split; make test problems with --split test.",
                             s->problems[i].id);
    }
    return 0;
}

/* ---- arms ---- */

static int open_engine(struct study *s, const char *dir, const char *lattice, const struct lace_engine **out,
                       struct lace_error *err)
{
    struct lace_engine_options o;
    lace_engine_defaults(&o);
    o.model = dir;
    o.lattice = lattice;
    for (int i = 0; i < s->engine_count; i++) { /* arms share what is open already */
        bool same = (dir && !strcmp(s->engines[i]->path, dir)) &&
                    (s->engines[i]->model->lattice.kind == LACE_KIND_NONE) == (lattice != NULL);
        if (same) {
            *out = s->engines[i];
            return 0;
        }
    }
    int code = lace_engine_open(&s->engines[s->engine_count], &o, err);
    if (!code) *out = s->engines[s->engine_count++];
    return code;
}

static const struct arm_kind {
    const char *name, *folder; /* of the baseline beside the model */
    bool lattice, solo, serial;
    enum lace_see see;
    enum lace_pick_by own_pick;
} kinds[] = {
    {"independent", "base", false, true, false, LACE_SEE_NONE, LACE_PICK_VOTE},
    {"isolated", "isolated", false, false, false, LACE_SEE_NONE, LACE_PICK_VERDICT},
    {"serial", "base", false, true, true, LACE_SEE_NONE, LACE_PICK_VERDICT},
    {"lace", NULL, true, false, false, LACE_SEE_OWN, LACE_PICK_VERDICT},
    {"muted", NULL, true, false, false, LACE_SEE_NONE, LACE_PICK_VERDICT},
    {"foreign", NULL, true, false, false, LACE_SEE_FOREIGN, LACE_PICK_VERDICT},
};

/* "name", "name=DIR", "lace:aligned", "lace:window:4=DIR" */
static int add_arm(struct study *s, const char *text, const char *model, struct lace_error *err)
{
    if (s->arm_count == LACE_EVAL_ARMS)
        return lace_fail(err, LACE_BAD, "At most %d arms can be compared at once.", LACE_EVAL_ARMS);
    struct lace_arm *a = &s->arms[s->arm_count];
    const struct arm_kind *kind = NULL;
    const char *dir = strchr(text, '='), *show = memchr(text, ':', strcspn(text, "="));
    size_t len = strcspn(text, ":=");
    char folder[PATH_MAX], rest;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == len && !strncmp(kinds[i].name, text, len)) kind = &kinds[i];
    if (!kind || (show && !kind->lattice))
        return lace_fail(err, LACE_BAD,
                         "There is no arm \"%.60s\"; the arms are independent, isolated, serial, lace (also "
                         "lace:aligned, lace:causal, "
                         "lace:window:W), muted and foreign.",
                         text);
    if (dir) dir++;
    else if (!kind->folder) dir = model;
    else if (snprintf(folder, sizeof folder, "%s/%s", model, kind->folder) < PATH_MAX) dir = folder;
    if (!strchr(text, '=') && kind->folder && access(dir, F_OK))
        return lace_fail(err, LACE_BAD,
                         "The arm %s needs a model of its own, and %s is not there; name one with %s=DIR.", kind->name,
                         dir, kind->name);
    int code = open_engine(s, dir, kind->lattice ? NULL : "off", &a->engine, err);
    if (code) return code;
    if (kind->lattice && a->engine->model->lattice.kind == LACE_KIND_NONE)
        return lace_fail(err, LACE_BAD, "The arm %s needs a lattice, and %s has none beside it.", kind->name, dir);
    snprintf(a->name, sizeof a->name, "%.*s", (int)strcspn(text, "="), text);
    a->model = *a->engine->model;
    a->see = kind->see;
    a->solo = kind->solo;
    a->serial = kind->serial;
    a->own_pick = kind->own_pick;
    s->arm_count++;
    for (int i = 0; i + 1 < s->arm_count; i++)
        if (!strcmp(s->arms[i].name, a->name))
            return lace_fail(err, LACE_BAD, "The arm %s is named twice; its figures would stand under one name.",
                             a->name);
    if (!show) return 0;
    show = strchr(a->name, ':');
    if (!strcmp(show, ":aligned")) a->model.lattice.visible = LACE_ALIGNED;
    else if (!strcmp(show, ":causal")) a->model.lattice.visible = LACE_CAUSAL;
    else if (sscanf(show, ":window:%d%c", &a->model.lattice.window, &rest) == 1 && a->model.lattice.window > 0)
        a->model.lattice.visible = LACE_WINDOW;
    else
        return lace_fail(err, LACE_BAD,
                         "The arm \"%.60s\" names no visible set; they are aligned, causal and window:W.", text);
    return 0;
}

/* ---- figures ---- */

static struct lace_rollout rollout_of(const struct study *s, const struct lace_record *problems, int count,
                                      double temperature)
{
    const struct lace_eval_options *o = s->options;
    return (struct lace_rollout){.problems = problems,
                                 .count = count,
                                 .threads = o->threads,
                                 .budget = o->budget,
                                 .rounds = o->rounds,
                                 .temperature = temperature,
                                 .inject = o->inject,
                                 .seed = o->seed,
                                 .workers = o->workers,
                                 .progress = o->progress,
                                 .user = o->user};
}

/* The temperature with the best accuracy by the arm's best way of picking; the lower one of equals. */
static int tune(struct study *s, struct lace_arm *arm, double *temperature, struct lace_error *err)
{
    char label[96];
    double best = -1;
    struct lace_outcome *outcome = calloc((size_t)s->development_count, sizeof *outcome);
    int code = outcome ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int k = 0; k < TEMPERATURES && !code; k++) {
        struct lace_rollout r = rollout_of(s, s->development, s->development_count, temperatures[k]);
        snprintf(label, sizeof label, "%s, tuning at %.1f", arm->name, temperatures[k]);
        r.label = label;
        r.seed += 7777;
        code = lace_rollout_run(arm, &r, outcome, err);
        for (int by = 0; by < LACE_EVAL_PICKS && !code; by++) {
            double sum = 0;
            for (int i = 0; i < s->development_count; i++) sum += outcome[i].right[by];
            if (sum > best) best = sum, *temperature = temperatures[k];
        }
    }
    free(outcome);
    return code;
}

/* The mean of one member of the outcomes with its interval. */
static int estimate(const struct lace_outcome *outcome, int count, size_t member, uint64_t seed,
                    struct lace_estimate *out, double *x, struct lace_error *err)
{
    for (int i = 0; i < count; i++) x[i] = *(const double *)((const char *)&outcome[i] + member);
    return lace_bootstrap_mean(x, count, seed, out, err);
}

static int summarise(const struct study *s, int index, struct lace_eval_arm *out, struct lace_error *err)
{
    const struct lace_outcome *o = s->outcomes[index];
    const struct lace_arm *arm = &s->arms[index];
    uint64_t seed = s->options->seed;
    double *x = calloc((size_t)s->count, sizeof *x), trials = 0, solved = 0;
    int code = x ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int by = 0; by < LACE_EVAL_PICKS && !code; by++)
        code = estimate(o, s->count, offsetof(struct lace_outcome, right) + (size_t)by * sizeof(double), seed,
                        &out->pick[by], x, err);
    if (!code) code = estimate(o, s->count, offsetof(struct lace_outcome, any), seed, &out->coverage, x, err);
    if (!code)
        code = estimate(o, s->count, offsetof(struct lace_outcome, thread_right), seed, &out->thread_accuracy, x, err);
    if (!code) code = estimate(o, s->count, offsetof(struct lace_outcome, format), seed, &out->format, x, err);
    if (!code) code = estimate(o, s->count, offsetof(struct lace_outcome, diversity), seed, &out->diversity, x, err);
    free(x);
    if (code) return code;
    snprintf(out->name, sizeof out->name, "%s", arm->name);
    out->own_pick = pick_names[arm->own_pick];
    out->accuracy = out->pick[arm->own_pick];
    for (int i = 0; i < s->count; i++) {
        out->tokens += o[i].tokens / s->count;
        out->steps += o[i].steps / s->count;
        if (o[i].right[arm->own_pick]) out->steps_solved += o[i].steps, solved++;
        trials += o[i].trials;
        out->duplicates += o[i].duplicates;
        out->wrong_steps += o[i].wrong;
    }
    out->steps_solved = solved ? out->steps_solved / solved : 0;
    out->duplicates = trials ? out->duplicates / trials : 0;
    out->wrong_steps = trials ? out->wrong_steps / trials : 0;
    return 0;
}

/* LACE's own pick against the parallel baseline and pick that did best on these very problems: the choice favours the
 * baseline. */
static int compare(const struct study *s, struct lace_eval_result *r, struct lace_error *err)
{
    int lace = -1, best = -1, best_by = 0;
    for (int i = 0; i < s->arm_count; i++) {
        const char *name = r->arm[i].name;
        if (!strcmp(name, "lace")) lace = i;
        if (strcmp(name, "independent") && strcmp(name, "isolated")) continue;
        for (int by = 0; by < LACE_EVAL_PICKS; by++)
            if (best < 0 || r->arm[i].pick[by].value > r->arm[best].pick[best_by].value) best = i, best_by = by;
    }
    if (lace < 0 || best < 0) return 0;
    double *a = calloc((size_t)s->count, sizeof *a), *b = calloc((size_t)s->count, sizeof *b);
    int code = a && b ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int i = 0; i < s->count && !code; i++) {
        a[i] = 100 * s->outcomes[lace][i].right[LACE_PICK_VERDICT];
        b[i] = 100 * s->outcomes[best][i].right[best_by];
    }
    if (!code) code = lace_bootstrap_difference(a, b, s->count, s->options->seed, &r->delta, err);
    if (!code) snprintf(r->against, sizeof r->against, "%s by %s", r->arm[best].name, pick_names[best_by]);
    free(a);
    free(b);
    return code;
}

static void release(struct study *s)
{
    for (int i = 0; i < s->count; i++) lace_record_release(&s->problems[i]);
    for (int i = 0; i < s->development_count; i++) lace_record_release(&s->development[i]);
    for (int i = 0; i < s->engine_count; i++) lace_engine_close(&s->engines[i]);
    for (int i = 0; i < LACE_EVAL_ARMS; i++) free(s->outcomes[i]);
    free(s->problems);
    free(s->development);
}

static int prepare(struct study *s, struct lace_error *err)
{
    const struct lace_eval_options *o = s->options;
    if (o->threads < 1)
        return lace_fail(err, LACE_BAD, "The number of threads must be at least 1, not %d.", o->threads);
    if (!o->data && o->count < 1)
        return lace_fail(err, LACE_BAD,
                         "Say how many problems are to be made with --count N, or name a file of problems.");
    if (o->temperature < 0 && o->development < 1)
        return lace_fail(err, LACE_BAD,
                         "Choosing temperatures takes at least one problem: give --development N or --temperature X.");
    if (!o->arms || !o->arms[0])
        return lace_fail(
            err, LACE_BAD,
            "No arms were named; give --arms independent,isolated,serial,lace,muted,foreign or some of these.");
    int code = o->data ? read_problems(s, err)
                       : make_problems(o->family, o->knobs, o->threads, LACE_SPLIT_TEST, o->count, 0, &s->problems,
                                       &s->count, err);
    if (!code) code = check_split(s, err);
    if (!code && o->temperature < 0) code = make_development(s, err);
    const struct lace_engine *main_engine = NULL;
    char model[PATH_MAX];
    if (!code && !o->model) code = open_engine(s, NULL, NULL, &main_engine, err); /* the shipped one, wherever it is */
    if (!code) snprintf(model, sizeof model, "%s", o->model ? o->model : main_engine->path);
    for (int i = 0; !code && o->arms[i]; i++) code = add_arm(s, o->arms[i], model, err);
    return code;
}

int lace_eval(const struct lace_eval_options *options, struct lace_eval_result *result, struct lace_error *err)
{
    struct study s = {.options = options};
    *result = (struct lace_eval_result){.threads = options->threads};
    int code = prepare(&s, err);
    for (int i = 0; i < s.arm_count && !code; i++) {
        struct lace_eval_arm *out = &result->arm[i];
        out->temperature = options->temperature;
        if (options->temperature < 0) code = tune(&s, &s.arms[i], &out->temperature, err);
        if (code) break;
        s.outcomes[i] = calloc((size_t)s.count, sizeof *s.outcomes[i]);
        if (!s.outcomes[i]) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
        struct lace_rollout r = rollout_of(&s, s.problems, s.count, out->temperature);
        r.label = s.arms[i].name;
        double start = lace_now();
        if (!code) code = lace_rollout_run(&s.arms[i], &r, s.outcomes[i], err);
        out->seconds = lace_now() - start;
        if (!code) code = summarise(&s, i, out, err);
    }
    result->problems = s.count;
    result->arm_count = s.arm_count;
    if (!code) code = compare(&s, result, err);
    release(&s);
    return code;
}
