#include "train/rl.h"
#include "decode/pick.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 64 }; /* of a worker's decoder */
#define NEED_NOTHING                                                                                                   \
    {                                                                                                                  \
        .threads = 1, .prompt = 1, .tokens = 1, .workers = 1                                                           \
    }

struct rollout {
    struct lace_script script;
    int problem, right; /* right: the picked thread's answer */
    double reward, advantage, coverage, format, diversity, agreement;
    long chosen; /* tokens */
};

struct problem {
    struct lace_record record;
    int *prompt, prompt_count, budget;
    size_t capacity;
};

struct place { /* of a rollout in a shard */
    int rollout, first_out;
};

struct lace_rl {
    struct lace_rl_options options;
    struct lace_trainer *trainer;       /* borrowed */
    const struct lace_model *reference; /* borrowed */
    lace_grade_fn *grade;
    void *user;
    int problem_count;                        /* this rank's share: problem i is number i * ranks.count + ranks.rank */
    struct problem *problems;                 /* (problems) */
    struct rollout *rollouts;                 /* (problems * rollouts) */
    int *order;                               /* of the rollouts, longest first */
    struct lace_decoder **decoders;           /* (workers) */
    struct lace_decoder_options room;         /* of each */
    struct lace_shard *shards;                /* (shard_cap) */
    struct place **places;                    /* (shard_cap) one for each group of the shard */
    float **reference_logprob, **old_logprob; /* (shard_cap) one for each out row */
    int shard_count, shard_cap;
    int epoch;
    struct tally { /* of a worker, while weights are made */
        double loss, kl, entropy, clipped, rows, gate[LACE_MAX_LAYERS];
    } * tallies;
};

void lace_rl_defaults(struct lace_rl_options *o)
{
    *o = (struct lace_rl_options){.problems = 16,
                                  .rollouts = 8,
                                  .epochs = 1,
                                  .temperature = 1,
                                  .level = 0.1,
                                  .kl = 0.02,
                                  .clip = 0.2,
                                  .format = 0.1,
                                  .diversity = 0.05};
}

void lace_rl_close(struct lace_rl **rl)
{
    struct lace_rl *r = *rl;
    if (!r) return;
    for (int i = 0; r->problems && i < r->problem_count; i++) {
        lace_record_release(&r->problems[i].record);
        free(r->problems[i].prompt);
    }
    for (int i = 0; r->rollouts && i < r->problem_count * r->options.rollouts; i++)
        lace_script_release(&r->rollouts[i].script);
    for (int k = 0; r->decoders && k < r->trainer->options.workers; k++) lace_decoder_close(&r->decoders[k]);
    for (int i = 0; i < r->shard_cap; i++) {
        lace_shard_release(&r->shards[i]);
        free(r->places[i]);
        free(r->reference_logprob[i]);
        free(r->old_logprob[i]);
    }
    free(r->problems);
    free(r->rollouts);
    free(r->order);
    free(r->decoders);
    free(r->shards);
    free(r->places);
    free(r->reference_logprob);
    free(r->old_logprob);
    free(r->tallies);
    free(r);
    *rl = NULL;
}

int lace_rl_open(struct lace_rl **rl, struct lace_trainer *trainer, const struct lace_model *reference,
                 const struct lace_rl_options *options, lace_grade_fn *grade, void *user, struct lace_error *err)
{
    struct lace_rl *r = calloc(1, sizeof *r);
    *rl = r;
    if (!r) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    const struct lace_ranks *ranks = &trainer->ranks;
    if (options->problems < ranks->count) {
        free(r);
        *rl = NULL;
        return lace_fail(err, LACE_BAD, "%d problems a step cannot be spread over %d ranks; raise rl.problems.",
                         options->problems, ranks->count);
    }
    int count = (options->problems - ranks->rank + ranks->count - 1) / ranks->count;
    size_t groups = (size_t)count * (size_t)options->rollouts, workers = (size_t)trainer->options.workers;
    *r = (struct lace_rl){.options = *options,
                          .trainer = trainer,
                          .reference = reference,
                          .grade = grade,
                          .user = user,
                          .problem_count = count,
                          .problems = calloc((size_t)count, sizeof *r->problems),
                          .rollouts = calloc(groups, sizeof *r->rollouts),
                          .order = calloc(groups, sizeof *r->order),
                          .decoders = calloc(workers, sizeof *r->decoders),
                          .tallies = calloc(workers, sizeof *r->tallies)};
    if (r->problems && r->rollouts && r->order && r->decoders && r->tallies) return 0;
    lace_rl_close(rl);
    return lace_fail(err, LACE_MEMORY, "Out of memory for %zu rollouts.", groups);
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

static int draw_problems(struct lace_rl *r, struct lace_error *err)
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
        for (int k = 0; k < r->trainer->options.workers; k++) lace_decoder_forget(r->decoders[k]); /* new weights */
        return 0;
    }
    need.kv = LACE_F32; /* the ratio to the policy of the rollouts is 1 at first: both must compute the same */
    need.groups = ROWS_AT_ONCE / need.threads > 1 ? ROWS_AT_ONCE / need.threads : 1;
    r->room = need;
    for (int k = 0; k < r->trainer->options.workers; k++) {
        lace_decoder_close(&r->decoders[k]);
        int code = lace_decoder_open(&r->decoders[k], r->trainer->model, r->trainer->format, &need, err);
        if (code) return code;
    }
    return 0;
}

/* For the widest problem of this step. */
static int prepare_decoders(struct lace_rl *r, struct lace_error *err)
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
    int N = p->record.thread_count, best = 0, judged = 0, pairs = 0, alike = 0, failed = 0;
    struct lace_ballot ballots[LACE_FEW_ROWS] = {{0}};
    struct lace_text answers[LACE_FEW_ROWS];
    bool right[LACE_FEW_ROWS];
    o->chosen = 0;
    o->coverage = 0;
    for (int n = 0; n < N; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, group, n);
        lace_text_init(&answers[n]);
        bool there = lace_format_answer(t->text.data, t->text.len, &answers[n]);
        failed |= answers[n].failed;
        int grade = there && !failed ? r->grade(r->user, &p->record, answers[n].data) : -1;
        right[n] = grade == 1;
        ballots[n] = (struct lace_ballot){grade >= 0 ? answers[n].data : NULL, t->p[LACE_VERDICT_BEST],
                                          t->sampled ? t->logprob / t->sampled : 0};
        best += t->verdict == LACE_VERDICT_BEST;
        judged += t->verdict != LACE_VERDICT_NONE;
        o->chosen += t->chosen;
        if (right[n]) o->coverage = 1;
        for (int m = 0; m < n; m++, pairs++)
            alike += ballots[n].answer && ballots[m].answer && lace_format_same(ballots[n].answer, ballots[m].answer);
    }
    int picked = lace_pick(ballots, N, LACE_PICK_VERDICT, r->trainer->options.seed);
    o->right = picked >= 0 && right[picked];
    o->format = (double)judged / N * (best == 1); /* every thread judges itself, and exactly one is the best */
    o->agreement = pairs ? (double)alike / pairs : 0;
    for (int n = 0; n < N; n++) lace_text_release(&answers[n]);
    if (failed) return lace_fail(err, LACE_MEMORY, "Out of memory.");
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

static int roll_out(struct lace_rl *r, struct lace_error *err)
{
    int next = 0, stop = 0, code = 0;
    struct lace_error first = {{0}};
#pragma omp parallel num_threads(r->trainer->options.workers)
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
        for (int k = 0; k < r->trainer->options.workers; k++) lace_decoder_close(&r->decoders[k]);
    return code ? lace_fail(err, code, "%s", first.text) : 0;
}

/* ---- shards ---- */

static int grow_shards(struct lace_rl *r, struct lace_error *err)
{
    int rows = r->trainer->options.shard_rows, cap = r->shard_cap + 1;
    struct lace_shard *shards = realloc(r->shards, sizeof *shards * (size_t)cap);
    if (shards) r->shards = shards;
    struct place **places = realloc(r->places, sizeof *places * (size_t)cap);
    if (places) r->places = places;
    float **reference = realloc(r->reference_logprob, sizeof *reference * (size_t)cap);
    if (reference) r->reference_logprob = reference;
    float **old = realloc(r->old_logprob, sizeof *old * (size_t)cap);
    if (old) r->old_logprob = old;
    if (!shards || !places || !reference || !old) return lace_fail(err, LACE_MEMORY, "Out of memory for a shard.");
    int i = r->shard_cap, code = lace_shard_init(&r->shards[i], rows, err);
    if (code) return code;
    r->places[i] = calloc((size_t)rows / 16 + 2, sizeof **places); /* a shard's own limit of groups, and the end */
    r->reference_logprob[i] = calloc((size_t)rows, sizeof(float));
    r->old_logprob[i] = calloc((size_t)rows, sizeof(float));
    r->shard_cap++;
    if (r->places[i] && r->reference_logprob[i] && r->old_logprob[i]) return 0;
    return lace_fail(err, LACE_MEMORY, "Out of memory for a shard.");
}

/* Longest first: what does not fit shows before anything is computed. Equal ones keep their order. */
static void sort_by_length(struct lace_rl *r, int total)
{
    for (int i = 0; i < total; i++) {
        int j = i;
        for (; j > 0 && r->rollouts[r->order[j - 1]].script.count < r->rollouts[i].script.count; j--)
            r->order[j] = r->order[j - 1];
        r->order[j] = i;
    }
}

static int fill_shards(struct lace_rl *r, struct lace_error *err)
{
    struct lace_trainer *t = r->trainer;
    int total = r->problem_count * r->options.rollouts, context = lace_config_context(&t->model->config);
    sort_by_length(r, total);
    r->shard_count = 0;
    for (int i = 0; i < total; i++) {
        struct rollout *o = &r->rollouts[r->order[i]];
        int fits = 0, code;
        while (!fits) {
            struct lace_shard *s = r->shard_count ? &r->shards[r->shard_count - 1] : NULL;
            if (s) {
                struct place place = {r->order[i], s->batch.outs};
                if ((fits = lace_shard_lay(s, t->format, &o->script, false, context, err)) < 0) return fits;
                if (fits) r->places[r->shard_count - 1][s->group_count - 1] = place;
            }
            if (fits) break;
            if (r->shard_count == r->shard_cap && (code = grow_shards(r, err))) return code;
            lace_shard_clear(&r->shards[r->shard_count++]);
        }
    }
    for (int i = 0; i < r->shard_count; i++) {
        r->places[i][r->shards[i].group_count].first_out = r->shards[i].batch.outs;
        lace_shard_close(&r->shards[i]);
    }
    return 0;
}

/* Mean pairwise cosine distance of the threads' mean hidden states, in last (rows, D). */
static double diversity(const struct lace_group *g, const float *last, int D, double *pool)
{
    int pairs = 0;
    double sum = 0;
    for (int n = 0; n < g->threads; n++) {
        double *mean = pool + (size_t)n * (size_t)D, square = 0;
        memset(mean, 0, sizeof *mean * (size_t)D);
        for (int i = 0; i < g->thread[n].rows; i++)
            for (int j = 0; j < D; j++) mean[j] += last[(size_t)(g->thread[n].row + i) * (size_t)D + (size_t)j];
        for (int j = 0; j < D; j++) square += mean[j] * mean[j];
        for (int j = 0; j < D; j++) mean[j] /= square > 0 ? sqrt(square) : 1;
        for (int m = 0; m < n; m++, pairs++) {
            double dot = 0;
            for (int j = 0; j < D; j++) dot += mean[j] * pool[(size_t)m * (size_t)D + (size_t)j];
            sum += 1 - dot;
        }
    }
    return pairs ? sum / pairs : 0;
}

/* The reference model's view of every rollout: log-probabilities for the distance, hidden states for the diversity. */
static int refer(struct lace_rl *r, struct lace_error *err)
{
    struct lace_trainer *t = r->trainer;
    const struct lace_model *m = r->reference;
    int code = 0, D = m->config.hidden_size;
    struct lace_error first = {{0}};
#pragma omp parallel for schedule(static, 1) num_threads(t->options.workers)
    for (int k = 0; k < t->options.workers; k++) {
        struct lace_worker *w = &t->workers[k];
        struct lace_error own;
        double *pool = malloc(sizeof *pool * (size_t)LACE_RECORD_THREADS * (size_t)D);
        int failed = pool ? 0 : lace_fail(&own, LACE_MEMORY, "Out of memory.");
        for (int i = k; i < r->shard_count && !failed; i += t->options.workers) {
            struct lace_shard *s = &r->shards[i];
            if ((failed = lace_shard_views(s, &w->cache, m, &own))) break;
            lace_forward(m, &w->state, &w->cache, &s->batch);
            for (int g = 0; g < s->group_count; g++)
                r->rollouts[r->places[i][g].rollout].diversity = diversity(&s->groups[g], w->state.last, D, pool);
            lace_loss(m, &w->state, &s->batch, s->target, NULL, r->reference_logprob[i], NULL, true);
        }
        free(pool);
        if (failed)
#pragma omp critical
            code = failed, first = own;
    }
    return code ? lace_fail(err, code, "%s", first.text) : 0;
}

/* ---- rewards ---- */

static void reward(struct lace_rl *r, struct lace_rl_report *report)
{
    int R = r->options.rollouts, P = r->options.problems, total = P * R; /* of all ranks */
    for (int p = 0; p < r->problem_count; p++) {
        struct rollout *o = r->rollouts + (size_t)p * (size_t)R;
        double mean = 0, square = 0;
        for (int i = 0; i < R; i++) {
            o[i].reward = o[i].right + r->options.format * o[i].format +
                          (o[i].coverage > 0 ? r->options.diversity * o[i].diversity : 0);
            mean += o[i].reward / R;
        }
        for (int i = 0; i < R; i++) square += (o[i].reward - mean) * (o[i].reward - mean) / R;
        double deviation = sqrt(square);
        report->reward_std += deviation / P;
        report->frac_reward_zero_std += (deviation < 1e-9) / (double)P; /* rounding of equal sums */
        for (int i = 0; i < R; i++) {
            o[i].advantage = deviation < 1e-9 ? 0 : (o[i].reward - mean) / (deviation + r->options.level);
            report->reward += o[i].reward / total;
            report->pick_accuracy += (double)o[i].right / total;
            report->coverage += o[i].coverage / total;
            report->format += o[i].format / total;
            report->diversity += o[i].diversity / total;
            report->agreement += o[i].agreement / total;
            report->mean_length += (double)o[i].chosen / r->problems[p].record.thread_count / total;
            report->rollout_tokens += o[i].chosen;
        }
    }
}

struct lace_rl_token lace_rl_token(const struct lace_rl_options *o, double A, double lp, double lp_old, double lp_ref)
{
    double ratio = exp(lp - lp_old), d = lp_ref - lp, kl = exp(d) - d - 1,
           near = fmin(fmax(ratio, 1 - o->clip), 1 + o->clip);
    bool clipped = near * A < ratio * A; /* the lesser of the two counts, and it does not depend on lp */
    return (struct lace_rl_token){.loss = o->kl * kl - (clipped ? near : ratio) * A,
                                  .kl = kl,
                                  .weight = (clipped ? 0 : ratio * A) + o->kl * (exp(d) - 1),
                                  .clipped = clipped};
}

/* Each chosen token's share in the gradient, from what the present model says of it. */
static void weigh(void *user, int index, struct lace_worker *w)
{
    struct lace_rl *r = user;
    struct lace_shard *s = &r->shards[index];
    struct tally *tally = &r->tallies[w - r->trainer->workers];
    const struct lace_model *m = r->trainer->model;
    float *old = r->old_logprob[index];
    if (r->epoch == 0) /* before the first update the model is the one that chose; NAN: it was forced */
        for (int i = 0; i < s->batch.outs; i++) old[i] = s->weight[i] > 0 ? w->logprob[i] : NAN;
    for (int g = 0; g < s->group_count; g++) {
        double A = r->rollouts[r->places[index][g].rollout].advantage;
        for (int i = r->places[index][g].first_out; i < r->places[index][g + 1].first_out; i++) {
            s->weight[i] = 0;
            if (isnan(old[i])) continue;
            struct lace_rl_token token =
                lace_rl_token(&r->options, A, w->logprob[i], old[i], r->reference_logprob[index][i]);
            s->weight[i] = (float)token.weight;
            tally->loss += token.loss;
            tally->kl += token.kl;
            tally->entropy -= w->logprob[i]; /* of the choices themselves: an unbiased estimate at temperature 1 */
            tally->clipped += token.clipped;
        }
    }
    for (int i = 0; i < m->lattice.layer_count; i++) {
        const float *gate = w->state.layers[m->lattice.layers[i]].lg;
        size_t count = (size_t)s->batch.lattice_rows * (size_t)m->lattice.heads;
        for (size_t j = 0; j < count; j++) tally->gate[i] += gate[j] / (double)m->lattice.heads;
    }
    tally->rows += s->batch.lattice_rows;
}

/* The means over all ranks; each has counted its share. */
static int report_tallies(const struct lace_rl *r, double tokens, struct lace_step_report *step,
                          struct lace_rl_report *report, struct lace_error *err)
{
    const struct lace_model *m = r->trainer->model;
    double times = tokens * r->options.epochs;
    struct {
        double rows, loss, kl, entropy, clipped, gate[LACE_MAX_LAYERS];
        double reward, reward_std, zero, length, pick, coverage, format, diversity, agreement, tokens;
    } sum = {.reward = report->reward,
             .reward_std = report->reward_std,
             .zero = report->frac_reward_zero_std,
             .length = report->mean_length,
             .pick = report->pick_accuracy,
             .coverage = report->coverage,
             .format = report->format,
             .diversity = report->diversity,
             .agreement = report->agreement,
             .tokens = (double)report->rollout_tokens};
    for (int k = 0; k < r->trainer->options.workers; k++) {
        const struct tally *t = &r->tallies[k];
        sum.rows += t->rows;
        sum.loss += t->loss;
        sum.kl += t->kl;
        sum.entropy += t->entropy;
        sum.clipped += t->clipped;
        for (int i = 0; i < m->lattice.layer_count; i++) sum.gate[i] += t->gate[i];
    }
    int code = lace_ranks_sum(&r->trainer->ranks, (double *)&sum, sizeof sum / sizeof(double), err);
    if (code) return code;
    step->loss = sum.loss / times;
    *report = (struct lace_rl_report){.reward = sum.reward,
                                      .reward_std = sum.reward_std,
                                      .frac_reward_zero_std = sum.zero,
                                      .kl = sum.kl / times,
                                      .entropy = sum.entropy / times,
                                      .clip_ratio = sum.clipped / times,
                                      .mean_length = sum.length,
                                      .pick_accuracy = sum.pick,
                                      .coverage = sum.coverage,
                                      .format = sum.format,
                                      .diversity = sum.diversity,
                                      .agreement = sum.agreement,
                                      .rollout_seconds = report->rollout_seconds,
                                      .rollout_tokens = (long)sum.tokens};
    for (int i = 0; i < m->lattice.layer_count; i++) {
        const float *alpha = lace_model_weight(m, m->lattice.layers[i], P_LAT_ALPHA)->value;
        report->gate[i] = sum.gate[i] / sum.rows;
        for (int j = 0; j < m->lattice.heads; j++) report->alpha[i] += fabs(alpha[j]) / m->lattice.heads;
    }
    return 0;
}

/* Everything of a step that one rank does alone. */
static int prepare(struct lace_rl *r, struct lace_rl_report *report, struct lace_error *err)
{
    double began = lace_now();
    int code = draw_problems(r, err);
    if (!code) code = prepare_decoders(r, err);
    if (!code) code = roll_out(r, err);
    report->rollout_seconds = lace_now() - began;
    if (!code) code = fill_shards(r, err);
    if (!code) code = refer(r, err);
    if (!code) reward(r, report);
    return code;
}

int lace_rl_step(struct lace_rl *r, struct lace_step_report *step, struct lace_rl_report *report,
                 struct lace_error *err)
{
    const struct lace_ranks *ranks = &r->trainer->ranks;
    double began = lace_now(), tokens = 0;
    *report = (struct lace_rl_report){0};
    *step = (struct lace_step_report){0};
    int code = lace_ranks_agree(ranks, prepare(r, report, err), err);
    for (int i = 0; i < r->shard_count; i++) tokens += r->shards[i].weights;
    if (code || (code = lace_ranks_sum(ranks, &tokens, 1, err))) return code;
    memset(r->tallies, 0, sizeof *r->tallies * (size_t)r->trainer->options.workers);
    for (r->epoch = 0; r->epoch < r->options.epochs; r->epoch++) {
        struct lace_lesson lesson = {r->shards, r->shard_count, tokens, weigh, r};
        struct lace_step_report one;
        if ((code = lace_trainer_learn(r->trainer, &lesson, &one, err))) {
            step->burst = one.burst;
            return code;
        }
        one.tokens += step->tokens;
        one.flops += step->flops;
        *step = one;
    }
    code = report_tallies(r, tokens, step, report, err);
    report->update_seconds = lace_now() - began - report->rollout_seconds;
    return code;
}
