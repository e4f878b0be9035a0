/* The steps of a YAML file, one after another: each key of a step is an option of that step's command, so nothing about the
 * options is known here. Results lie in a folder, each beside a stamp that says from what it was made; a step whose stamp
 * still fits is not run again, so a pipeline that was stopped, or whose later steps were changed, goes on where it must. */
#include "data/flow.h"
#include "io/settings.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_STEPS = 64, MOST_ARGS = 256 };
static const char *const step_names[] = {"make",  "import", "filter", "solve", "steps",
                                         "weave", "label",  "dedupe", NULL};

struct pipeline {
    const struct lace_pipeline_options *o;
    struct lace_settings settings;
    const char *out, *work;
    int count;
    char before[PATH_MAX]; /* what the step before wrote; empty: there is none */
    uint64_t made_of;      /* hash of all that the result so far follows from */
};

struct arguments {
    char *list[MOST_ARGS + 1];
    int count;
};

static int add(struct arguments *a, struct lace_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int add(struct arguments *a, struct lace_error *err, const char *format, ...)
{
    va_list args;
    if (a->count == MOST_ARGS)
        return lace_fail(err, LACE_BAD, "A step of the pipeline has more than %d arguments.", MOST_ARGS);
    va_start(args, format);
    int len = vasprintf(&a->list[a->count], format, args);
    va_end(args);
    if (len < 0) {
        a->list[a->count] = NULL;
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    a->count++;
    return 0;
}

/* The parts of "a,b,c", one call each; a scalar is one part. */
static int add_parts(struct arguments *a, const struct lace_setting *setting, const char *option,
                     struct lace_error *err)
{
    int code = 0;
    for (const char *at = setting->value; !code; at++) {
        size_t len = setting->kind == LACE_SETTING_LIST ? strcspn(at, ",") : strlen(at);
        code = option ? add(a, err, "--%s=%.*s", option, (int)len, at) : add(a, err, "%.*s", (int)len, at);
        at += len;
        if (!*at) break;
    }
    return code;
}

/* The arguments of step i: its name, its options, its files. */
static int make_arguments(struct pipeline *p, int i, const char *name, const char *out, struct arguments *a,
                          struct lace_error *err)
{
    char prefix[32];
    const struct lace_setting *in = NULL;
    size_t len = (size_t)snprintf(prefix, sizeof prefix, "steps.%d.", i);
    int code = add(a, err, "%s", name);
    for (int k = 0; k < p->settings.count && !code; k++) {
        struct lace_setting *setting = &p->settings.items[k];
        const char *option = setting->key + len;
        if (strncmp(setting->key, prefix, len)) continue;
        p->settings.used[k] = true;
        if (strchr(option, '.'))
            code = lace_fail(err, LACE_BAD, "%s: %s is a map; a step takes texts, numbers, true or false, and lists.",
                             p->settings.path, setting->key);
        else if (!strcmp(option, "step") || setting->kind == LACE_SETTING_NULL || !strcmp(setting->value, "false"))
            continue;
        else if (!strcmp(option, "in")) in = setting;
        else if (!strcmp(option, "out"))
            code = lace_fail(err, LACE_BAD, "%s: %s: the pipeline names its files itself; leave it out.",
                             p->settings.path, setting->key);
        else if (!strcmp(setting->value, "true")) code = add(a, err, "--%s", option);
        else code = add_parts(a, setting, option, err);
    }
    if (!code) code = add(a, err, "--out=%s", out);
    if (!code && strcmp(name, "make")) code = add(a, err, "--");
    if (!code && in) code = add_parts(a, in, NULL, err);
    else if (!code && *p->before) code = add(a, err, "%s", p->before);
    if (code) return code;
    if (!strcmp(name, "make") && (in || *p->before))
        return lace_fail(err, LACE_BAD, "%s: step %d makes records out of nothing; it can only be the first.",
                         p->settings.path, i + 1);
    if (strcmp(name, "make") && !in && !*p->before)
        return lace_fail(err, LACE_BAD, "%s: the first step reads nothing; give it in: FILE, or let it be make.",
                         p->settings.path);
    return 0;
}

/* Arguments, and sizes and times of the files among them: a changed file makes another result. */
static uint64_t stamp(const struct pipeline *p, const struct arguments *a)
{
    uint64_t hash = p->made_of;
    for (int i = 0; i < a->count; i++) {
        const char *file =
            strchr(a->list[i], '=') && !strncmp(a->list[i], "--", 2) ? strchr(a->list[i], '=') + 1 : a->list[i];
        struct stat st;
        long long seen[3] = {0};
        hash = (hash ^ lace_hash(a->list[i], strlen(a->list[i]) + 1)) * 0x9e3779b97f4a7c15u;
        if (strncmp(a->list[i], "--out=", 6) && strcmp(file, p->before) && !stat(file, &st) && S_ISREG(st.st_mode))
            seen[0] = st.st_size, seen[1] = st.st_mtim.tv_sec, seen[2] = st.st_mtim.tv_nsec;
        hash = (hash ^ lace_hash(seen, sizeof seen)) * 0x9e3779b97f4a7c15u;
    }
    return hash;
}

static bool fits(const char *out, const char *path, const char *expected)
{
    char *text = NULL;
    size_t len;
    bool same = !access(out, R_OK) && !lace_read_file(path, 64, &text, &len, NULL) && !strcmp(text, expected);
    lace_free(text);
    return same;
}

static int run_step(struct pipeline *p, int i, struct lace_error *err)
{
    char key[32], out[PATH_MAX], mark[PATH_MAX], file[64], expected[32];
    const char *name = NULL;
    struct arguments a = {.count = 0};
    int known = 0;
    snprintf(key, sizeof key, "steps.%d.step", i);
    int code = lace_settings_string(&p->settings, key, &name, err);
    if (code) return code;
    while (name && step_names[known] && strcmp(step_names[known], name)) known++;
    if (!name || !step_names[known])
        return lace_fail(err, LACE_BAD,
                         "%s: %s is '%.40s'; it is one of make, import, filter, solve, steps, weave, label, dedupe.",
                         p->settings.path, key, name ? name : "");
    snprintf(file, sizeof file, "%d-%s.jsonl", i + 1, name);
    if (i + 1 < p->count) code = lace_join(out, p->work, file, err);
    else if (snprintf(out, sizeof out, "%s", p->out) >= (int)sizeof out)
        code = lace_fail(err, LACE_BAD, "out is too long.");
    snprintf(file, sizeof file, "%d-%s.stamp", i + 1, name);
    if (!code) code = lace_join(mark, p->work, file, err);
    if (!code) code = make_arguments(p, i, name, out, &a, err);
    if (!code) {
        p->made_of = stamp(p, &a);
        snprintf(expected, sizeof expected, "%016llx\n", (unsigned long long)p->made_of);
        bool done = !p->o->fresh && fits(out, mark, expected);
        struct lace_pipeline_step step = {i + 1, p->count, (const char *const *)a.list, a.count, done};
        if (!done) unlink(mark);
        if (p->o->run(p->o->user, &step))
            code = lace_fail(err, LACE_STOPPED,
                             "Step %d, %s, did not end well; run the same command again to go on there.", i + 1, name);
        else if (!done && !p->o->dry) code = lace_write_file(mark, expected, strlen(expected), err);
    }
    for (int k = 0; k < a.count; k++) free(a.list[k]);
    snprintf(p->before, sizeof p->before, "%s", out);
    return code;
}

static int run(struct pipeline *p, struct lace_error *err)
{
    int code = lace_settings_read(&p->settings, p->o->config, err);
    for (int i = 0; !code && p->o->sets && p->o->sets[i]; i++)
        code = lace_settings_set(&p->settings, p->o->sets[i], err);
    if (!code) code = lace_settings_string(&p->settings, "out", &p->out, err);
    if (!code) code = lace_settings_string(&p->settings, "work", &p->work, err);
    if (code) return code;
    for (char key[32];; p->count++) {
        snprintf(key, sizeof key, "steps.%d", p->count);
        if (!lace_settings_has(&p->settings, key)) break;
        if (p->count == MOST_STEPS)
            return lace_fail(err, LACE_BAD, "%s has more than %d steps.", p->o->config, MOST_STEPS);
    }
    if (!p->out || !p->work || !p->count)
        return lace_fail(err, LACE_BAD, "%s needs out: FILE, work: FOLDER, and steps: a list of steps.", p->o->config);
    if (!p->o->dry && (code = lace_make_dir(p->work, err))) return code;
    for (int i = 0; i < MOST_STEPS * 4; i++) { /* before hours of work: is every key somebody's? */
        char key[64];
        snprintf(key, sizeof key, "steps.%d", i);
        for (int k = 0; k < p->settings.count; k++)
            if (!strncmp(p->settings.items[k].key, key, strlen(key)) && p->settings.items[k].key[strlen(key)] == '.')
                p->settings.used[k] = true;
    }
    if ((code = lace_settings_unused(&p->settings, err))) return code;
    for (int i = 0; i < p->count && !code; i++) code = run_step(p, i, err);
    return code;
}

int lace_data_pipeline(const struct lace_pipeline_options *o, struct lace_error *err)
{
    struct pipeline p = {.o = o};
    int code = run(&p, err);
    lace_settings_release(&p.settings);
    return code;
}
