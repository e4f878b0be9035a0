#include "eval/study.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct lace_trial *lace_study_trial(const struct lace_study *s, int model, int threads, int arm)
{
    return &s->trials[((size_t)model * (size_t)s->thread_count + (size_t)threads) * (size_t)s->arm_count + (size_t)arm];
}

int lace_study_trials(struct lace_study *s, struct lace_error *err)
{
    size_t cells = (size_t)s->cell_count,
           trials = (size_t)s->model_count * (size_t)s->thread_count * (size_t)s->arm_count;
    if (!(s->trials = calloc(trials ? trials : 1, sizeof *s->trials)))
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int m = 0; m < s->model_count; m++)
        for (int t = 0; t < s->thread_count; t++)
            for (int a = 0; a < s->arm_count; a++) {
                struct lace_trial *trial = lace_study_trial(s, m, t, a);
                *trial =
                    (struct lace_trial){.model = m,
                                        .threads = t,
                                        .arm = a,
                                        .temperature = calloc(cells, sizeof *trial->temperature),
                                        .tuned = calloc(cells, sizeof *trial->tuned),
                                        .seconds = calloc(cells, sizeof *trial->seconds),
                                        .outcome = lace_alloc_array((size_t)s->problem_count, sizeof *trial->outcome)};
                if (!trial->temperature || !trial->tuned || !trial->seconds || !trial->outcome)
                    return lace_fail(err, LACE_MEMORY, "Out of memory for the outcomes of %d problems.",
                                     s->problem_count);
            }
    return 0;
}

int lace_study_warn(struct lace_study *s, struct lace_error *err, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (int i = 0; i < s->warning_count; i++)
        if (!strcmp(s->warnings[i], text)) return 0;
    char **grown = realloc(s->warnings, sizeof *grown * ((size_t)s->warning_count + 1));
    if (grown) s->warnings = grown;
    if (!grown || !(grown[s->warning_count] = strdup(text))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    s->warning_count++;
    return 0;
}

void lace_study_release(struct lace_study *s)
{
    for (int i = 0; i < s->model_count * s->thread_count * s->arm_count && s->trials; i++) {
        struct lace_trial *trial = &s->trials[i];
        free(trial->path);
        free(trial->temperature);
        free(trial->tuned);
        free(trial->seconds);
        lace_free(trial->outcome);
    }
    for (int i = 0; i < s->problem_count && s->problems; i++) {
        free(s->problems[i].id);
        free(s->problems[i].prompt);
        free(s->problems[i].answer);
    }
    for (int i = 0; i < s->model_count; i++) free(s->models[i]);
    for (int i = 0; i < s->warning_count; i++) free(s->warnings[i]);
    free(s->warnings);
    free(s->trials);
    free(s->problems);
    free(s->cells);
    *s = (struct lace_study){0};
}
