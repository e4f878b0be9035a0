/* Problems of a step and the groups that solve them, on the decoder of `lace run`. */
#include "train/rl_parts.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 64 }; /* of a worker's decoder */
#define NEED_NOTHING                                                                                                   \
    {                                                                                                                  \
        .threads = 1, .prompt = 1, .tokens = 1, .workers = 1                                                           \
    }

/* ---- problems ---- */

/* Of problem i of this rank, among those of all. */
static uint64_t number_of(const struct lace_rl *r, int i)
{
    return (uint64_t)i * (uint64_t)r->trainer->ranks.count + (uint64_t)r->trainer->ranks.rank;
}

/* Problem i of this rank in a step, into p, which may hold an earlier one. */
static int draw_problem(const struct lace_rl *r, long step, int i, struct problem *p, struct lace_error *err)
{
    const struct lace_trainer *t = r->trainer;
    const struct lace_trainer_options *o = &t->options;
    double progress = o->steps > 1 ? (double)step / (o->steps - 1) : 0;
    const struct lace_source *source;
    struct lace_rng rng;
    size_t count;
    lace_record_release(&p->record);
    lace_rng_init(&rng, o->seed, (uint64_t)step * (uint64_t)r->options.problems + number_of(r, i));
    int code = lace_sources_draw(t->sources, &rng, progress, &p->record, &source, err);
    if (!code) code = lace_format_prompt(t->format, p->record.prompt, &p->prompt, &p->capacity, &count, err);
    if (!code) code = lace_format_budget(t->format, &p->record, r->options.rounds, &p->budget, err);
    if (!code) p->prompt_count = (int)count;
    return code;
}

int lace_rl_draw_problems(struct lace_rl *r, struct lace_error *err)
{
    int code = 0;
    for (int i = 0; i < r->problem_count && !code; i++)
        code = draw_problem(r, r->trainer->step, i, &r->problems[i], err);
    return code;
}

static void widen(struct lace_decoder_options *need, const struct problem *p)
{
    int tokens = p->budget + LACE_TAG_TOKENS + 16;
    if (p->record.thread_count > need->threads) need->threads = p->record.thread_count;
    if (p->prompt_count > need->prompt) need->prompt = p->prompt_count;
    if (tokens > need->tokens) need->tokens = tokens;
}

/* Decoders with room for all that is needed; they are kept while they suffice. */
static int open_decoders(struct lace_rl *r, struct lace_decoder_options need, struct lace_error *err)
{
    if (r->decoders[0] && need.threads <= r->room.threads && need.prompt <= r->room.prompt &&
        need.tokens <= r->room.tokens) {
        for (int k = 0; k < r->players; k++) lace_decoder_forget(r->decoders[k]); /* new weights */
        return 0;
    }
    need.kv = LACE_F32; /* the ratio to the policy of the rollouts is 1 at first: both must compute the same */
    int most = ROWS_AT_ONCE / need.threads > 1 ? ROWS_AT_ONCE / need.threads : 1,
        total = r->problem_count * r->options.rollouts, fair = (total + r->players - 1) / r->players;
    need.groups = most < fair ? most : fair; /* else the first players take all */
    r->room = need;
    for (int k = 0; k < r->players; k++) {
        lace_decoder_close(&r->decoders[k]);
        int code = lace_decoder_open(&r->decoders[k], r->trainer->model, r->trainer->format, &need, err);
        if (code) return code;
    }
    return 0;
}

int lace_rl_prepare_decoders(struct lace_rl *r, struct lace_error *err)
{
    struct lace_decoder_options need = NEED_NOTHING;
    for (int i = 0; i < r->problem_count; i++) widen(&need, &r->problems[i]);
    return open_decoders(r, need, err);
}

/* ---- the longest batch first ---- */

enum { LOOKS = 4096 };

/* A rollout of the problem whose threads write all that they may: tag, budget, lead and verdict. */
static int write_longest(struct lace_rl *r, const struct problem *p, struct lace_script *s, struct lace_error *err)
{
    const struct lace_format *f = r->trainer->format;
    int tag[LACE_TAG_TOKENS], tags = lace_format_tag(f, 0, p->record.thread_count, tag), N = p->record.thread_count,
                              each = tags + p->budget + f->lead_count + 1;
    *s = (struct lace_script){.name = "of the longest rollout",
                              .prompt = p->prompt,
                              .prompt_count = p->prompt_count,
                              .threads = N,
                              .count = N * each,
                              .token = calloc((size_t)N * (size_t)each, sizeof *s->token),
                              .weight = calloc((size_t)N * (size_t)each, sizeof *s->weight)};
    if (!s->token || !s->weight) return lace_fail(err, LACE_MEMORY, "Out of memory for a rollout.");
    for (int n = 0; n < N; n++) {
        s->thread[n] = (struct lace_script_thread){.first = n * each, .count = each, .wait = each - 2};
        for (int i = 0; i < each; i++) {
            s->token[n * each + i] = f->lead[0];
            s->weight[n * each + i] = i < tags ? -1 : 1;
        }
    }
    return 0;
}

static long rows_of(const struct problem *p) { return p->prompt_count + (long)p->record.thread_count * p->budget; }

int lace_rl_try_longest(struct lace_rl *r, struct lace_train_trial *trial, struct lace_error *err)
{
    const struct lace_trainer *t = r->trainer;
    struct lace_decoder_options need = NEED_NOTHING;
    struct problem widest = {0}, one = {0};
    struct lace_script script = {0};
    long left = (t->options.steps - t->step) * r->problem_count, looks = left < LOOKS ? left : LOOKS;
    int code = 0;
    for (long i = 0; i < looks && !code; i++) {
        long at = (long)((double)left / (double)looks * (double)i);
        code = draw_problem(r, t->step + at / r->problem_count, (int)(at % r->problem_count), &one, err);
        if (code) break;
        widen(&need, &one);
        if (i && rows_of(&one) <= rows_of(&widest)) continue;
        struct problem spare = widest;
        widest = one;
        one = spare;
    }
    if (!code) code = open_decoders(r, need, err);
    if (!code) code = write_longest(r, &widest, &script, err);
    code = lace_ranks_agree(&t->ranks, code, err);
    if (!code) code = lace_trainer_try(r->trainer, &script, false, trial, err);
    free(script.token);
    free(script.weight);
    lace_record_release(&widest.record);
    lace_record_release(&one.record);
    free(widest.prompt);
    free(one.prompt);
    return code;
}

/* ---- rollouts ---- */

/* What a finished group reached, without its diversity. */
static int judge(const struct lace_rl *r, struct rollout *o, const struct lace_decoder *d, int group,
                 struct lace_error *err)
{
    const struct problem *p = &r->problems[o->problem];
    int N = p->record.thread_count, best = 0, judged = 0, pairs = 0, alike = 0, code = 0;
    struct lace_graded graded = {0};
    const struct lace_ballot *ballots = graded.ballots;
    o->chosen = 0;
    o->coverage = 0;
    for (int n = 0; n < N && !code; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, group, n);
        code = lace_graded_add(&graded, &p->record, r->grade, (struct lace_string){t->text.data, t->text.len},
                               t->p[LACE_VERDICT_BEST], t->sampled ? t->logprob / t->sampled : 0, err);
        best += t->verdict == LACE_VERDICT_BEST;
        judged += t->verdict != LACE_VERDICT_NONE;
        o->chosen += t->chosen;
        if (graded.right[n]) o->coverage = 1;
        for (int m = 0; m < n; m++, pairs++)
            alike += ballots[n].answer && ballots[m].answer && lace_format_same(ballots[n].answer, ballots[m].answer);
    }
    o->right = lace_graded_right(&graded, LACE_PICK_VERDICT, r->trainer->options.seed);
    o->format = (double)judged / N * (best == 1); /* every thread judges itself, and exactly one is the best */
    o->agreement = pairs ? (double)alike / pairs : 0;
    lace_graded_release(&graded);
    if (code) return code;
    return lace_script_take(&o->script, r->trainer->format, d, group, N, p->prompt, p->prompt_count, err);
}

/* Returns the group's index. */
static int start(struct lace_rl *r, struct lace_decoder *d, int index, struct lace_error *err)
{
    struct rollout *o = &r->rollouts[index];
    o->problem = index / r->options.rollouts;
    const struct problem *p = &r->problems[o->problem];
    struct lace_group_options group = {
        .threads = p->record.thread_count,
        .sampling = {r->options.temperature, 0, 1, 0, 1},
        .seed = (r->trainer->options.seed * 1000003u + (uint64_t)r->trainer->step) * 1000003u +
                number_of(r, o->problem) * (uint64_t)r->options.rollouts + (uint64_t)(index % r->options.rollouts),
        .barrier = true,
        .budget = p->budget};
    return lace_decoder_add(d, p->prompt, p->prompt_count, &group, err);
}

/* A group's text depends on its problem and seed alone, so it does not matter which worker takes it. */
static int play(struct lace_rl *r, struct lace_decoder *d, int *next, int *stop, struct lace_error *err)
{
    int total = r->problem_count * r->options.rollouts;
    struct rollout *seat[ROWS_AT_ONCE] = {0};
    for (;;) {
        while (lace_decoder_free_groups(d)) {
            int index, halt, g;
#pragma omp atomic capture
            index = (*next)++;
#pragma omp atomic read
            halt = *stop;
            if (index >= total || halt) break;
            if ((g = start(r, d, index, err)) < 0) return g;
            seat[g] = &r->rollouts[index];
        }
        if (lace_decoder_free_groups(d) == r->room.groups) return 0;
        int running = lace_decoder_step(d, NULL, err);
        if (running < 0) return running;
        for (int g = 0; g < r->room.groups; g++) {
            if (!seat[g] || !lace_decoder_done(d, g)) continue;
            int code = judge(r, seat[g], d, g, err);
            if (code) return code;
            lace_decoder_remove(d, g);
            seat[g] = NULL;
        }
    }
}

int lace_rl_roll_out(struct lace_rl *r, struct lace_error *err)
{
    int next = 0, stop = 0, code = 0;
    struct lace_error first = {{0}};
#pragma omp parallel num_threads(r->players)
    {
        struct lace_error own;
        int failed = play(r, r->decoders[omp_get_thread_num()], &next, &stop, &own);
        if (failed)
#pragma omp critical
        {
            code = failed, first = own;
#pragma omp atomic write
            stop = 1;
        }
    }
    if (code) /* groups that were left in the middle go with their decoders */
        for (int k = 0; k < r->players; k++) lace_decoder_close(&r->decoders[k]);
    return code ? lace_fail(err, code, "%s", first.text) : 0;
}
