/* A study without a model: outcomes drawn at random, so that figures can be computed beside it. */
#ifndef STUDY_TEST_H
#define STUDY_TEST_H
#include "eval/stats.h"
#include "eval/study.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define assert_works(call, err)                                                                                        \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s", (err).text);                                                                    \
    } while (0)

struct made_cell {
    const char *family;
    int difficulty, ambiguity, count;
};
struct made_arm {
    const char *name;
    enum lace_pick_by own;
    bool rival;
};

/* right(model, threads, arm, cell) is the probability that a pick is right. */
static struct lace_study make_study(const struct made_cell *cells, int cell_count, const struct made_arm *arms,
                                    int arm_count, int models, const int *threads, int thread_count,
                                    double (*right)(int model, int threads, int arm, int cell))
{
    struct lace_study s = {.arm_count = arm_count,
                           .thread_count = thread_count,
                           .seed = 3,
                           .inject = 0.25,
                           .inject_kind = LACE_INJECT_STEP};
    struct lace_rng rng;
    struct lace_error err;
    char name[64];
    int total = 0;
    lace_rng_init(&rng, 11, 1);
    for (int c = 0; c < cell_count; c++) total += cells[c].count;
    s.cells = calloc((size_t)cell_count, sizeof *s.cells);
    s.problems = calloc((size_t)total, sizeof *s.problems);
    assert_true(s.cells && s.problems);
    for (int m = 0; m < models; m++) {
        snprintf(name, sizeof name, "models/seed \"%d\"", m);
        s.models[s.model_count++] = strdup(name);
    }
    for (int t = 0; t < thread_count; t++) s.threads[t] = threads[t];
    for (int a = 0; a < arm_count; a++) {
        s.arms[a] = (struct lace_study_arm){.own_pick = arms[a].own, .rival = arms[a].rival};
        snprintf(s.arms[a].name, sizeof s.arms[a].name, "%s", arms[a].name);
    }
    for (int c = 0; c < cell_count; c++) {
        s.cells[c] = (struct lace_cell){.difficulty = cells[c].difficulty,
                                        .ambiguity = cells[c].ambiguity,
                                        .first = s.problem_count,
                                        .count = cells[c].count};
        snprintf(s.cells[c].family, sizeof s.cells[c].family, "%s", cells[c].family);
        for (int i = 0; i < cells[c].count; i++) {
            snprintf(name, sizeof name, "%s-%d-%d", cells[c].family, cells[c].difficulty, i);
            s.problems[s.problem_count++] =
                (struct lace_problem){strdup(name), strdup("Find <x> & 'y'."), i % 7 ? strdup("7") : NULL, c};
        }
    }
    s.cell_count = cell_count;
    assert_works(lace_study_trials(&s, &err), err);
    for (int m = 0; m < models; m++)
        for (int t = 0; t < thread_count; t++)
            for (int a = 0; a < arm_count; a++) {
                struct lace_trial *trial = lace_study_trial(&s, m, t, a);
                trial->path = strdup("some/path");
                for (int c = 0; c < cell_count; c++) {
                    trial->temperature[c] = 0.1 * (m + 1) + 0.01 * c;
                    trial->tuned[c] = a != 0;
                    trial->seconds[c] = 1 + 0.125 * c;
                }
                for (int i = 0; i < total; i++) {
                    struct lace_outcome *o = &trial->outcome[i];
                    double p = right(m, t, a, s.problems[i].cell);
                    for (int by = 0; by < LACE_EVAL_PICKS; by++) {
                        o->right[by] = lace_rng_uniform(&rng) < p;
                        o->any = fmax(o->any, o->right[by]);
                    }
                    o->thread_right = (double)lace_rng_below(&rng, 5) / 4;
                    o->format = (double)lace_rng_below(&rng, 5) / 4;
                    o->diversity = lace_rng_uniform(&rng);
                    o->tokens = lace_rng_below(&rng, 700);
                    o->fed = lace_rng_below(&rng, 100);
                    o->steps = lace_rng_below(&rng, 200);
                    o->memory = 1e6 * lace_rng_uniform(&rng);
                    o->trials = 5 + lace_rng_below(&rng, 20);
                    o->duplicates = lace_rng_below(&rng, 5);
                    o->errors[1] = lace_rng_below(&rng, 3);
                    o->errors[4] = lace_rng_below(&rng, 2);
                    o->wrong = o->errors[1] + o->errors[4];
                    o->repaired = o->wrong ? lace_rng_below(&rng, (uint32_t)o->wrong + 1) : 0;
                    o->error_types = (o->errors[1] > 0) + (o->errors[4] > 0);
                    o->injected = i % 3 == 0;
                    o->believed = o->injected * (i % 4) / 3;
                    o->rejected = o->injected * (i % 2);
                    snprintf(o->start, sizeof o->start, i % 5 ? "0312" : "0-12");
                    snprintf(o->verdicts, sizeof o->verdicts, i % 2 ? "bsf-" : "sbf-");
                }
            }
    return s;
}

static const struct made_arm usual_arms[] = {{"independent", LACE_PICK_VOTE, true},
                                             {"isolated", LACE_PICK_VERDICT, true},
                                             {"serial", LACE_PICK_VERDICT, false},
                                             {"lace", LACE_PICK_VERDICT, false}};
static double usual_right(int model, int threads, int arm, int cell)
{
    return (arm == 3 ? 0.9 : arm == 2 ? 0.95 : 0.6) - 0.1 * cell - 0.02 * model * (arm == 3) - 0.05 * threads;
}
#endif
