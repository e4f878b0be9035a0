/* Lattice GRPO: what the trainer computes of a rollout is what the decoder said when it chose it; the loss of a token
 * and its derivative; rewards, advantages and the rate of an update; resuming. */
#include "train_test.h"
#include "train/rl_parts.h"

static const char data[] =
    "data:\n  - {family: search, policy: shared, threads: [2, 3], difficulty: [1, 2], options: 4, "
    "moduli: [11]}\n";

/* ---- log-probabilities ---- */

/* Decodes groups that end in every way, then takes them through a training pass as one shard. */
static double worst_difference(enum lace_dtype dtype)
{
    struct lace_model *m = tiny_model((int)dtype, true, 3);
    struct lace_decoder *d;
    struct lace_shard shard;
    struct lace_cache cache;
    struct lace_state s;
    struct lace_script scripts[4] = {0};
    struct lace_error err;
    const char *const prompts[] = {"Find r.", "So q*5+7=9?", "t", "Find r (each from 1 to 8)."};
    enum { ROWS = 1200 };
    assert_works(lace_decoder_open(&d, m, &format, &(struct lace_decoder_options){4, 4, 40, 120, 1}, &err), err);
    assert_works(lace_shard_init(&shard, ROWS, &err), err);
    assert_works(lace_cache_init(&cache, m, ROWS, LACE_F32, &err), err);
    struct lace_state_options so = {ROWS, 512, ROWS, ROWS, 1, true};
    assert_works(lace_state_init(&s, m, &so, &err), err);
    lace_shard_clear(&shard);
    int first[5];
    double said[4][4];
    for (int g = 0; g < 4; g++) {
        int *ids = NULL;
        size_t capacity = 0, count;
        assert_works(lace_format_prompt(&format, prompts[g], &ids, &capacity, &count, &err), err);
        struct lace_group_options o = {.threads = 1 + g,
                                       .sampling = {1, 0, 1, 0, 1},
                                       .seed = 5u + (uint64_t)g,
                                       .barrier = true,
                                       .budget = 20 + 15 * g};
        int index = lace_decoder_add(d, ids, (int)count, &o, &err);
        assert_int_equal(index, g);
        while (!lace_decoder_done(d, g)) assert_works(lace_decoder_step(d, NULL, &err), err);
        assert_works(lace_script_take(&scripts[g], &format, d, g, o.threads, ids, (int)count, &err), err);
        for (int n = 0; n < o.threads; n++) said[g][n] = lace_decoder_thread(d, g, n)->logprob;
        first[g] = shard.batch.outs;
        assert_int_equal(lace_shard_lay(&shard, &format, &scripts[g], false, 512, &err), 1);
        free(ids);
    }
    first[4] = shard.batch.outs;
    lace_shard_close(&shard);
    assert_works(lace_shard_views(&shard, &cache, m, &err), err);
    lace_forward(m, &s, &cache, &shard.batch);
    float *logprob = calloc(ROWS, sizeof *logprob);
    lace_loss(m, &s, &shard.batch, shard.target, NULL, logprob, NULL, true);
    double worst = 0;
    for (int g = 0; g < 4; g++) {
        int i = first[g];
        for (int n = 0; n < scripts[g].threads; n++) {
            const struct lace_script_thread *t = &scripts[g].thread[n];
            double sum = 0;
            int chosen = 0;
            for (int k = 1; k < t->count; k++) {
                float weight = scripts[g].weight[t->first + k];
                if (weight < 0) continue;
                if (weight > 0) sum += logprob[i], chosen++;
                i++;
            }
            assert_int_equal(chosen, lace_decoder_thread(d, g, n)->chosen);
            worst = fmax(worst, fabs(sum - said[g][n]) / chosen);
        }
        assert_int_equal(i, first[g + 1]);
        lace_script_release(&scripts[g]);
    }
    free(logprob);
    lace_state_release(&s);
    lace_cache_release(&cache);
    lace_shard_release(&shard);
    lace_decoder_close(&d);
    lace_model_free(&m);
    return worst;
}

/* f32: the sums of a product run in another order when there are more than LACE_FEW_ROWS rows. bf16: such a difference
 * may round an operand the other way, 2^-9 of its value; a token's mean stays a hundred times below what a clip of 0.2
 * would notice. */
static void training_computes_what_the_decoder_said(void **state)
{
    double f32 = worst_difference(LACE_F32), bf16 = worst_difference(LACE_BF16);
    if (!(f32 < 1e-5)) fail_msg("f32: %g a token", f32);
    if (!(bf16 < 2e-3)) fail_msg("bf16: %g a token", bf16);
}

/* ---- the loss of a token ---- */

static void the_weight_is_the_derivative(void **state)
{
    struct lace_rl_options o;
    lace_rl_defaults(&o);
    o.kl = 0.3;
    struct lace_rng rng;
    lace_rng_init(&rng, 1, 1);
    int clipped = 0, plain = 0;
    for (int i = 0; i < 2000; i++) {
        double A = lace_rng_normal(&rng), old = -2 * lace_rng_uniform(&rng), lp = old + 0.5 * lace_rng_normal(&rng),
               ref = lp + lace_rng_normal(&rng), h = 1e-6;
        struct lace_rl_token t = lace_rl_token(&o, A, lp, old, ref), up = lace_rl_token(&o, A, lp + h, old, ref),
                             down = lace_rl_token(&o, A, lp - h, old, ref);
        assert_true(t.kl >= 0);
        if (up.clipped != down.clipped) continue; /* the corner has no derivative */
        double numeric = (up.loss - down.loss) / (2 * h);
        if (fabs(numeric + t.weight) > 1e-6 * (1 + fabs(t.weight)))
            fail_msg("A %g ratio %g: weight %g, derivative %g", A, exp(lp - old), t.weight, numeric);
        clipped += t.clipped;
        plain += !t.clipped;
        assert_int_equal(t.clipped, A > 0 ? exp(lp - old) > 1.2 : exp(lp - old) < 0.8);
    }
    assert_true(clipped > 100 && plain > 100);
}

/* ---- steps ---- */

struct rig {
    struct lace_model *model, *reference;
    struct lace_sources sources;
    struct lace_trainer trainer;
    struct lace_rl *rl;
};

/* Right: an answer that the judge likes; here the parity of the problem's own length, so that some are and some not. */
static int by_length(const struct lace_record *problem, const char *answer)
{
    return (strlen(problem->prompt) + strlen(answer)) % 2 == 0;
}

static void rig_open(struct rig *r, struct lace_rl_options o, int workers)
{
    struct lace_error err;
    struct lace_trainer_options t;
    lace_trainer_defaults(&t);
    t.steps = 8;
    t.shard_rows = 800;
    t.workers = workers;
    t.shards = workers;
    *r = (struct rig){.model = tiny_model(LACE_F32, true, 3),
                      .reference = tiny_model(LACE_F32, true, 3),
                      .sources = sources_of(data)};
    assert_works(lace_trainer_init(&r->trainer, r->model, &format, &r->sources, &t, &err), err);
    assert_works(lace_rl_open(&r->rl, &r->trainer, r->reference, &o, by_length, &err), err);
}
static void rig_close(struct rig *r)
{
    lace_rl_close(&r->rl);
    lace_trainer_release(&r->trainer);
    lace_sources_release(&r->sources);
    lace_model_free(&r->model);
    lace_model_free(&r->reference);
}

static struct lace_rl_options few(void)
{
    struct lace_rl_options o;
    lace_rl_defaults(&o);
    o.problems = 2;
    o.rollouts = 3;
    o.rounds = 2;
    return o;
}

/* Two updates with the same rollouts: the first at ratio 1 and distance 0, the second not; and the same bits again. */
static void steps_are_repeatable(void **state)
{
    struct lace_rl_options o = few();
    o.epochs = 2;
    float *weights[2];
    struct lace_rl_report reports[2];
    size_t bytes = 0;
    for (int k = 0; k < 2; k++) {
        struct rig r;
        struct lace_step_report step;
        struct lace_error err;
        rig_open(&r, o, 2);
        for (int i = 0; i < 2; i++) assert_works(lace_rl_step(r.rl, &step, &reports[k], &err), err);
        assert_int_equal(r.trainer.step, 4);
        assert_true(reports[k].rollout_tokens > 0 && step.tokens > reports[k].rollout_tokens);
        bytes = r.model->values * sizeof(float);
        weights[k] = malloc(bytes);
        memcpy(weights[k], r.model->master, bytes);
        rig_close(&r);
    }
    assert_memory_equal(weights[0], weights[1], bytes);
    assert_true(reports[0].kl > 0); /* the model has left its reference */
    assert_true(reports[0].reward == reports[1].reward && reports[0].entropy > 0);
    free(weights[0]);
    free(weights[1]);
}

/* One shard, so one worker learns; any number of them plays, each with a decoder and its part of the rollouts. */
static void any_number_of_workers_plays(void **state)
{
    float *weights[3];
    struct lace_rl_report reports[3];
    size_t bytes = 0;
    for (int k = 0; k < 3; k++) {
        struct lace_rl_options o = few();
        struct rig r;
        struct lace_step_report step;
        struct lace_error err;
        o.workers = (const int[]){1, 4, 100}[k];
        rig_open(&r, o, 1);
        assert_int_equal(r.trainer.options.workers, 1);
        assert_int_equal(r.rl->players, ((const int[]){1, 4, 6}[k])); /* of 2 * 3 rollouts */
        for (int i = 0; i < 2; i++) assert_works(lace_rl_step(r.rl, &step, &reports[k], &err), err);
        for (int i = 0; i < r.rl->players; i++) assert_non_null(r.rl->decoders[i]);
        assert_int_equal(r.rl->room.groups, ((const int[]){6, 2, 1}[k]));
        bytes = r.model->values * sizeof(float);
        weights[k] = malloc(bytes);
        memcpy(weights[k], r.model->master, bytes);
        rig_close(&r);
    }
    for (int k = 1; k < 3; k++) {
        assert_memory_equal(weights[0], weights[k], bytes);
        assert_true(reports[0].reward == reports[k].reward && reports[0].entropy == reports[k].entropy);
        assert_int_equal(reports[0].rollout_tokens, reports[k].rollout_tokens);
    }
    for (int k = 0; k < 3; k++) free(weights[k]);
}

/* Without rewards that differ nothing is learned but the way back to the reference, where the model still is. */
static void alike_rewards_teach_nothing(void **state)
{
    struct lace_rl_options o = few();
    o.format = o.diversity = 0; /* a random model has no answers: every reward is 0 */
    struct rig r;
    struct lace_step_report step;
    struct lace_rl_report report;
    struct lace_error err;
    rig_open(&r, o, 1);
    r.trainer.options.weight_decay = 0;
    size_t bytes = r.model->values * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, r.model->master, bytes);
    assert_works(lace_rl_step(r.rl, &step, &report, &err), err);
    assert_true(report.frac_reward_zero_std == 1 && report.reward == 0 && report.reward_std == 0);
    assert_true(step.grad_norm == 0 && report.kl == 0 && report.clip_ratio == 0);
    assert_memory_equal(before, r.model->master, bytes);
    free(before);
    rig_close(&r);
}

static int honest(const struct lace_record *problem, const char *answer) { return !strcmp(problem->answer, answer); }

/* The loss over several updates with the same rollouts is lower than over the first alone: each makes what was rewarded
 * more probable. The shipped model at a temperature at which it errs. */
static void updates_follow_the_reward(void **state)
{
    double loss[2];
    for (int k = 0; k < 2; k++) {
        struct lace_rl_options o = few();
        o.epochs = k ? 4 : 1;
        o.problems = 3;
        o.rollouts = 4;
        o.rounds = 5;
        o.temperature = 2;
        o.kl = 0;
        struct rig r = {.sources = sources_of(data)};
        struct lace_trainer_options t;
        struct lace_step_report step;
        struct lace_rl_report report;
        struct lace_error err;
        struct lace_model_options options = {true, LACE_F32, NULL};
        static const char dir[] = "models/lace-search", lattice[] = "models/lace-search/lattice";
        lace_trainer_defaults(&t);
        t.shard_rows = 1000;
        t.shards = t.workers = 2;
        t.lr = 1e-4;
        t.warmup = 0;
        assert_works(lace_model_load(&r.model, dir, lattice, &options, &err), err);
        options.train = false;
        assert_works(lace_model_load(&r.reference, dir, lattice, &options, &err), err);
        assert_works(lace_trainer_init(&r.trainer, r.model, &format, &r.sources, &t, &err), err);
        assert_works(lace_rl_open(&r.rl, &r.trainer, r.reference, &o, honest, &err), err);
        assert_works(lace_rl_step(r.rl, &step, &report, &err), err);
        assert_true(report.frac_reward_zero_std < 1 && report.pick_accuracy > 0 && report.pick_accuracy < 1);
        assert_true(report.coverage >= report.pick_accuracy && report.format > 0 && report.gate[0] > 0);
        loss[k] = step.loss;
        rig_close(&r);
    }
    if (!(loss[1] < loss[0])) fail_msg("%g after four updates, %g after one", loss[1], loss[0]);
}

int main(int argc, char **argv)
{
    wait_calmly(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_computes_what_the_decoder_said),
        cmocka_unit_test(the_weight_is_the_derivative),
        cmocka_unit_test(steps_are_repeatable),
        cmocka_unit_test(any_number_of_workers_plays),
        cmocka_unit_test(alike_rewards_teach_nothing),
        cmocka_unit_test(updates_follow_the_reward),
    };
    return cmocka_run_group_tests_name("rl", tests, open_all, close_all);
}
