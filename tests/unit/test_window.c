/* The sliding window: which tokens a row depends on, found by changing one and looking for changed bits. Through each
 * sliding layer a token reaches window - 1 positions further, through one that does not slide to the end; in a pass over
 * the whole, where rows are read one by one, and backwards in the gradient. */
#include "model_test.h"

enum { V = 64, WINDOW = 5, PROMPT = 14, LENGTH = 12, THREADS = 2, END = PROMPT + LENGTH };

struct variant {
    const char *name;
    int layers;
    bool sliding[3];
    enum lace_dtype dtype;
};
static const struct variant variants[] = {
    {"one layer", 1, {true}, LACE_F32},
    {"two layers", 2, {true, true}, LACE_F32},
    {"two layers in bf16", 2, {true, true}, LACE_BF16},
    {"one of two", 2, {true, false}, LACE_F32},
    {"two of three", 3, {true, false, true}, LACE_F32},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static struct lace_model *model_of(const struct variant *v)
{
    struct lace_config c = {.vocab_size = V,
                            .hidden_size = 32,
                            .intermediate_size = 48,
                            .num_hidden_layers = v->layers,
                            .num_attention_heads = 4,
                            .num_key_value_heads = 2,
                            .head_dim = 8,
                            .max_position_embeddings = 64,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .sliding_window = WINDOW};
    struct lace_model *m;
    struct lace_error err;
    memcpy(c.sliding, v->sliding, sizeof v->sliding);
    assert_works(lace_model_create(&m, &c, 5, &(struct lace_model_options){true, (int)v->dtype, NULL}, &err), err);
    scramble(m, 0, 0);
    return m;
}

/* The last position that a token at `from` has a say in. */
static int reach(const struct variant *v, int from)
{
    for (int i = 0; i < v->layers; i++) from = v->sliding[i] ? from + WINDOW - 1 : END;
    return from;
}

static struct story the_story(void)
{
    struct story s = {.prompt_count = PROMPT, .threads = THREADS, .see = -1};
    for (int i = 0; i < PROMPT; i++) s.prompt[i] = i;
    for (int n = 0; n < THREADS; n++) {
        s.thread[n] = (struct story_thread){.count = LENGTH, .index = n};
        for (int j = 0; j < LENGTH; j++) {
            s.thread[n].token[j] = PROMPT + n * LENGTH + j; /* no token occurs twice */
            s.thread[n].time[j] = j;
        }
    }
    return s;
}

/* A token at a position of thread n's text, the prompt's for the first of them. */
static int *token_at(struct story *s, int n, int position)
{
    return position < PROMPT ? &s->prompt[position] : &s->thread[n].token[position - PROMPT];
}
static const float *logits_at(const struct pass *p, int n, int position)
{
    return position < PROMPT ? pass_logits(p, 0, -1, position) : pass_logits(p, 0, n, position - PROMPT);
}

static void a_pass_sees_the_window_and_no_more(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        const struct variant *v = &variants[i];
        struct lace_model *m = model_of(v);
        struct story s = the_story();
        struct pass before, after;
        pass_open(&before, m, &s, 1);
        for (int from = 0; from < END; from++) {
            struct story changed = s;
            *token_at(&changed, 1, from) = V - 1;
            pass_open(&after, m, &changed, 1);
            for (int n = 0; n < THREADS; n++)
                for (int at = 0; at < END; at++) {
                    bool same = !memcmp(logits_at(&before, n, at), logits_at(&after, n, at), V * sizeof(float)),
                         hears = at >= from && at <= reach(v, from) && (n == 1 || from < PROMPT);
                    if (same == hears)
                        fail_msg("%s: position %d of thread %d %s position %d", v->name, at, n,
                                 same ? "does not see" : "sees", from);
                }
            pass_close(&after);
        }
        pass_close(&before);
        lace_model_free(&m);
    }
}

/* Reads the text of thread 1 one token a pass: prompt rows, then rows of a thread. logits (END, V). */
static void read_one_by_one(const struct lace_model *m, struct story *s, float *logits)
{
    struct lace_cache cache;
    struct lace_batch b;
    struct lace_state state;
    struct lace_error err;
    struct lace_state_options o = {1, 1, END, END, omp_get_max_threads(), false};
    assert_works(lace_cache_init(&cache, m, END, LACE_F32, &err), err);
    assert_works(lace_batch_init(&b, 1, 1, 4, &err), err);
    assert_works(lace_state_init(&state, m, &o, &err), err);
    for (int at = 0; at < END; at++) {
        struct lace_span thread = {0, 1, PROMPT, at - PROMPT};
        struct lace_group g = {.prompt = {0, 1, 0, at}, .see = -1};
        if (at >= PROMPT)
            g = (struct lace_group){.prompt = {0, 0, 0, PROMPT}, .thread = &thread, .threads = 1, .see = -1};
        b.rows = 0;
        put_row(&b, *token_at(s, 1, at), at, at, 0, 0);
        b.slot[0] = at;
        b.outs = 1;
        b.out_row[0] = 0;
        lace_batch_store_times(&b, &cache);
        assert_works(lace_view_build(&b, &g, 1, &cache, m, &err), err);
        lace_forward(m, &state, &cache, &b);
        lace_logits(m, &state, &b, 0, 1);
        memcpy(logits + (size_t)at * V, state.logits, V * sizeof(float));
    }
    lace_state_release(&state);
    lace_batch_release(&b);
    lace_cache_release(&cache);
}

static void a_step_sees_the_window_and_no_more(void **state)
{
    static float before[END * V], after[END * V];
    for (int i = 0; i < VARIANTS; i++) {
        const struct variant *v = &variants[i];
        struct lace_model *m = model_of(v);
        struct story s = the_story();
        struct pass whole;
        pass_open(&whole, m, &s, 1);
        read_one_by_one(m, &s, before);
        for (int at = 0; at < END; at++) /* sums in another order: f32 to its rounding, bf16 to some 2^-9 */
            for (int k = 0; k < V; k++)
                if (!(fabs(before[at * V + k] - logits_at(&whole, 1, at)[k]) < (v->dtype == LACE_F32 ? 1e-4 : 0.2)))
                    fail_msg("%s: position %d has other logits than in one pass", v->name, at);
        pass_close(&whole);
        for (int from = 0; from < END; from++) {
            struct story changed = s;
            *token_at(&changed, 1, from) = V - 1;
            read_one_by_one(m, &changed, after);
            for (int at = 0; at < END; at++)
                assert_int_equal(memcmp(before + at * V, after + at * V, V * sizeof(float)) != 0,
                                 at >= from && at <= reach(v, from));
        }
        lace_model_free(&m);
    }
}

/* A loss on one row: the embedding's gradient of a token beyond the row's reach is exactly zero, of one within not. */
static void the_gradient_ends_there_too(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        const struct variant *v = &variants[i];
        struct lace_model *m = model_of(v);
        struct story s = the_story();
        struct pass p;
        float *grad = lace_alloc_array(m->values, sizeof *grad), weight = 1, logprob;
        pass_open(&p, m, &s, 1);
        int at = PROMPT + 6, target = V - 1;
        p.batch.outs = 1;
        p.batch.out_row[0] = p.span[0][1].row + 6;
        pass_backward(&p, &target, &weight, &logprob, grad, false);
        const struct lace_weight *embed = lace_model_weight(m, 0, P_EMBED);
        for (int n = 0; n < THREADS; n++)
            for (int from = n ? 0 : PROMPT; from < END; from++) {
                double size = 0;
                const float *g = grad + embed->offset + (size_t)*token_at(&s, n, from) * 32;
                for (int k = 0; k < 32; k++) size += fabs(g[k]);
                if ((size > 0) != (n == 1 && from <= at && reach(v, from) >= at))
                    fail_msg("%s: the gradient of position %d of thread %d is %g", v->name, from, n, size);
            }
        lace_free(grad);
        pass_close(&p);
        lace_model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pass_sees_the_window_and_no_more),
        cmocka_unit_test(a_step_sees_the_window_and_no_more),
        cmocka_unit_test(the_gradient_ends_there_too),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
