/* What must hold of a lattice whatever its weights: it starts silent, a thread alone is the backbone, nothing sees the
 * future or another group, and gradients do not depend on how groups are batched. Random small models, f32 and bf16,
 * both kinds, all visibilities. */
#include "model_test.h"
#include <stdio.h>
#include <unistd.h>

static const struct lace_config config = {.vocab_size = 80,
                                          .hidden_size = 64,
                                          .intermediate_size = 96,
                                          .num_hidden_layers = 4,
                                          .num_attention_heads = 4,
                                          .num_key_value_heads = 2,
                                          .head_dim = 16,
                                          .max_position_embeddings = 256,
                                          .rms_norm_eps = 1e-6,
                                          .rope_theta = 10000,
                                          .tie_word_embeddings = true};

struct variant {
    enum lace_dtype dtype;
    enum lace_kind kind;
    enum lace_visible visible;
    enum lace_topology topology;
    bool self;
};
static const struct variant variants[] = {
    {LACE_F32, LACE_KIND_LATTICE, LACE_CAUSAL, LACE_ALL, false},
    {LACE_BF16, LACE_KIND_LATTICE, LACE_CAUSAL, LACE_ALL, false},
    {LACE_F32, LACE_KIND_LATTICE, LACE_ALIGNED, LACE_ALL, false},
    {LACE_F32, LACE_KIND_LATTICE, LACE_WINDOW, LACE_ALL, false},
    {LACE_F32, LACE_KIND_LATTICE, LACE_CAUSAL, LACE_RING, false},
    {LACE_F32, LACE_KIND_LATTICE, LACE_CAUSAL, LACE_ALL, true},
    {LACE_F32, LACE_KIND_FULL, LACE_CAUSAL, LACE_ALL, false},
    {LACE_BF16, LACE_KIND_FULL, LACE_CAUSAL, LACE_ALL, false},
    {LACE_BF16, LACE_KIND_LATTICE, LACE_WINDOW, LACE_RING, false},
    {LACE_F32, LACE_KIND_FULL, LACE_WINDOW, LACE_RING, false},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static const char *name_of(const struct variant *v)
{
    static char text[96];
    snprintf(text, sizeof text, "%s %s %s %s%s", v->dtype == LACE_F32 ? "f32" : "bf16", lace_kind_names[v->kind],
             lace_visible_names[v->visible], lace_topology_names[v->topology], v->self ? " self" : "");
    return text;
}

static struct lace_lattice_config lattice_of(const struct variant *v)
{
    struct lace_lattice_config l = {.kind = v->kind,
                                    .layers = {1, 2},
                                    .layer_count = 2,
                                    .width = 32,
                                    .heads = 2,
                                    .visible = v->visible,
                                    .window = 3,
                                    .self = v->self,
                                    .topology = v->topology,
                                    .ring = 1,
                                    .axes = {8, 4, 4},
                                    .theta = {10000, 100, 100},
                                    .max_threads = 16};
    if (v->kind == LACE_KIND_FULL) l.width = 64, l.heads = 4;
    return l;
}

static struct lace_model *backbone(enum lace_dtype dtype)
{
    struct lace_model *m;
    struct lace_error err;
    assert_works(lace_model_create(&m, &config, 5, &(struct lace_model_options){true, (int)dtype, NULL}, &err), err);
    scramble(m, 0, 0);
    return m;
}

static struct lace_model *with_lattice(const struct variant *v, float alpha)
{
    struct lace_model *m = backbone(v->dtype);
    struct lace_error err;
    struct lace_lattice_config l = lattice_of(v);
    int first = m->count;
    assert_works(lace_model_attach(m, &l, &(struct lace_lattice_start){alpha, 0.5f, true, 3}, &err), err);
    if (alpha != 0) scramble(m, first, alpha);
    return m;
}

/* Threads of length or one less, that start late and pause now and then. */
static struct story random_story(uint64_t seed, int prompt, int threads, int length)
{
    struct story s = {.prompt_count = prompt, .threads = threads};
    struct lace_rng rng;
    lace_rng_init(&rng, seed, 0);
    for (int i = 0; i < prompt; i++) s.prompt[i] = (int)lace_rng_below(&rng, (uint32_t)config.vocab_size);
    for (int n = 0; n < threads; n++) {
        struct story_thread *t = &s.thread[n];
        *t = (struct story_thread){.count = length - n % 2, .index = n};
        for (int j = 0, time = (int)lace_rng_below(&rng, 3), step = 0; j < t->count; j++) {
            t->token[j] = (int)lace_rng_below(&rng, (uint32_t)config.vocab_size);
            t->time[j] = time;
            t->step[j] = step;
            time += 1 + (lace_rng_below(&rng, 6) == 0);
            step += lace_rng_below(&rng, 5) == 0;
        }
    }
    return s;
}

static void change(int *token) { *token = (*token + 1) % config.vocab_size; }
static size_t line(void) { return sizeof(float) * (size_t)config.vocab_size; }
static bool same_row(const struct pass *a, const struct pass *b, int ga, int gb, int n, int j)
{
    return !memcmp(pass_logits(a, ga, n, j), pass_logits(b, gb, n, j), line());
}
static void same_group(const char *what, const struct pass *a, int ga, const struct pass *b, int gb,
                       const struct story *s)
{
    for (int n = -1; n < s->threads; n++)
        for (int j = 0; j < (n < 0 ? s->prompt_count : s->thread[n].count); j++)
            if (!same_row(a, b, ga, gb, n, j)) fail_msg("%s: token %d of thread %d has other logits", what, j, n);
}

/* Four threads of 12 tokens are 54 rows with their prompt, of 48 are 198: there oneDNN multiplies. */
static int longest(int variant) { return variant < 2 || variants[variant].kind == LACE_KIND_FULL ? 48 : 12; }

/* ---- silence ---- */

static void a_fresh_lattice_changes_no_bit(void **state)
{
    for (int i = 0; i < VARIANTS; i++)
        for (int length = 12; length <= longest(i); length += 36) {
            struct story s = random_story(1, 8, 4, length);
            struct lace_model *plain = backbone(variants[i].dtype), *m = with_lattice(&variants[i], 0);
            struct pass a, b;
            pass_open(&a, plain, &s, 1);
            pass_open(&b, m, &s, 1);
            same_group(name_of(&variants[i]), &a, 0, &b, 0, &s);
            pass_close(&a);
            pass_close(&b);
            lace_model_free(&plain);
            lace_model_free(&m);
        }
}

static void a_thread_alone_and_the_prompt_are_the_backbone(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        struct story one = random_story(2, 8, 1, 20), many = random_story(2, 8, 4, 20);
        struct lace_model *plain = backbone(variants[i].dtype), *m = with_lattice(&variants[i], 0.8f);
        struct pass a, b;
        if (!variants[i].self) {
            pass_open(&a, plain, &one, 1);
            pass_open(&b, m, &one, 1);
            same_group(name_of(&variants[i]), &a, 0, &b, 0, &one);
            pass_close(&a);
            pass_close(&b);
        }
        pass_open(&a, plain, &many, 1);
        pass_open(&b, m, &many, 1);
        for (int j = 0; j < many.prompt_count; j++) assert_true(same_row(&a, &b, 0, 0, -1, j));
        assert_false(same_row(&a, &b, 0, 0, 0, 15)); /* among others the lattice does speak */
        pass_close(&a);
        pass_close(&b);
        lace_model_free(&plain);
        lace_model_free(&m);
    }
}

static void a_muted_group_is_the_backbone(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        struct story s[2] = {random_story(3, 6, 3, 12), random_story(4, 7, 3, 12)};
        s[0].see = 0;
        s[1].see = -1;
        struct lace_model *plain = backbone(variants[i].dtype), *m = with_lattice(&variants[i], 0.8f);
        struct pass a, b;
        pass_open(&a, plain, s, 2);
        pass_open(&b, m, s, 2);
        same_group(name_of(&variants[i]), &a, 1, &b, 1, &s[1]);
        pass_close(&a);
        pass_close(&b);
        lace_model_free(&plain);
        lace_model_free(&m);
    }
}

/* ---- who sees whom ---- */

/* Changes one token (thread, j) and finds which rows get other logits: none whose time is before the token's, and the
 * thread's own from there on. Returns how many rows of other threads changed. */
static int hear(const struct variant *v, const struct lace_model *m, const struct story *s, const struct pass *before,
                int thread, int j)
{
    struct story changed = *s;
    struct pass after;
    int others = 0, t = s->thread[thread].time[j];
    change(&changed.thread[thread].token[j]);
    pass_open(&after, m, &changed, 1);
    for (int n = 0; n < s->threads; n++)
        for (int i = 0; i < s->thread[n].count; i++) {
            bool same = same_row(before, &after, 0, 0, n, i);
            if (s->thread[n].time[i] < t && !same)
                fail_msg("%s: thread %d at %d knows what thread %d writes at %d", name_of(v), n, s->thread[n].time[i],
                         thread, t);
            if (n == thread && i >= j) assert_false(same);
            if (n != thread) others += !same;
            int apart = abs(n - thread);
            if (n != thread && s->thread[n].time[i] == t &&
                (v->topology == LACE_ALL || apart == 1 || apart == s->threads - 1) && same)
                fail_msg("%s: thread %d does not hear thread %d at %d", name_of(v), n, thread, t);
        }
    for (int i = 0; i < s->prompt_count; i++) assert_true(same_row(before, &after, 0, 0, -1, i));
    pass_close(&after);
    return others;
}

static void nothing_depends_on_the_future(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        struct lace_model *m = with_lattice(&variants[i], 0.8f);
        for (int length = 12; length <= longest(i); length += 36) {
            struct story s = random_story(5, 8, 4, length);
            struct pass before;
            pass_open(&before, m, &s, 1);
            for (int n = 0; n < s.threads; n++)
                for (int j = n; j < s.thread[n].count; j += length / 3)
                    if (!hear(&variants[i], m, &s, &before, n, j) && j < length / 2)
                        fail_msg("%s: nobody hears thread %d at token %d", name_of(&variants[i]), n, j);
            pass_close(&before);
        }
        lace_model_free(&m);
    }
}

static void a_finished_thread_stays_visible(void **state)
{
    const struct variant v = variants[0];
    struct lace_model *m = with_lattice(&v, 0.8f);
    struct story s = random_story(6, 5, 2, 20), changed;
    s.thread[1].count = 4;
    changed = s;
    change(&changed.thread[1].token[1]);
    struct pass a, b;
    pass_open(&a, m, &s, 1);
    pass_open(&b, m, &changed, 1);
    assert_false(same_row(&a, &b, 0, 0, 0, 19));
    pass_close(&a);
    pass_close(&b);
    lace_model_free(&m);
}

static void groups_do_not_meet(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        struct lace_model *m = with_lattice(&variants[i], 0.8f);
        struct story s[3] = {random_story(7, 6, 3, 9), random_story(8, 4, 4, 7), random_story(9, 9, 2, 11)};
        struct pass together, other, alone;
        for (int g = 0; g < 3; g++) s[g].see = g;
        pass_open(&together, m, s, 3);
        for (int g = 0; g < 3; g++) {
            struct story one = s[g], changed[3] = {s[0], s[1], s[2]};
            one.see = 0;
            pass_open(&alone, m, &one, 1);
            same_group(name_of(&variants[i]), &together, g, &alone, 0, &s[g]);
            for (int h = 0; h < 3; h++)
                for (int n = 0; n < s[h].threads && h != g; n++)
                    for (int j = 0; j < s[h].thread[n].count; j++) change(&changed[h].thread[n].token[j]);
            pass_open(&other, m, changed, 3);
            same_group(name_of(&variants[i]), &together, g, &other, g, &s[g]);
            pass_close(&alone);
            pass_close(&other);
        }
        pass_close(&together);
        lace_model_free(&m);
    }
}

/* Largest difference of the logits of thread n of a and thread map[n] of b, as a share of the largest logit. */
static double apart(const struct pass *a, const struct pass *b, const struct story *s, const int *map)
{
    double most = 0, largest = 0;
    for (int n = 0; n < s->threads; n++)
        for (int j = 0; j < s->thread[n].count; j++)
            for (int i = 0; i < config.vocab_size; i++) {
                double x = pass_logits(a, 0, n, j)[i], y = pass_logits(b, 0, map[n], j)[i];
                most = fmax(most, fabs(x - y));
                largest = fmax(largest, fabs(x));
            }
    return most / largest;
}

/* Sums run in another order, so f32 agrees to its rounding (some 1e-6 here); in bf16 an operand may round the other
 * way, which is 2^-8 of a value, and several such meet. Another order of the indices changes 5 % and more. */
static void threads_may_be_listed_in_any_order(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        if (variants[i].topology == LACE_RING) continue; /* the order is the ring */
        struct lace_model *m = with_lattice(&variants[i], 0.8f);
        struct story s = random_story(10, 6, 4, 14), moved = s, shifted = s, swapped = s;
        static const int map[] = {2, 0, 3, 1}, same[] = {0, 1, 2, 3};
        for (int n = 0; n < 4; n++) {
            moved.thread[map[n]] = s.thread[n];
            shifted.thread[n].index += 5; /* only differences count */
            swapped.thread[n].index = map[n];
        }
        double tolerance = variants[i].dtype == LACE_F32 ? 2e-5 : 0.03;
        struct pass a, b, c, d;
        pass_open(&a, m, &s, 1);
        pass_open(&b, m, &moved, 1);
        pass_open(&c, m, &shifted, 1);
        pass_open(&d, m, &swapped, 1);
        if (!(apart(&a, &b, &s, map) <= tolerance))
            fail_msg("%s: listed in another order: %g apart", name_of(&variants[i]), apart(&a, &b, &s, map));
        if (!(apart(&a, &c, &s, same) <= tolerance))
            fail_msg("%s: all indices + 5: %g apart", name_of(&variants[i]), apart(&a, &c, &s, same));
        if (!(apart(&a, &d, &s, same) > 2e-3))
            fail_msg("%s: the indices do not matter: %g", name_of(&variants[i]), apart(&a, &d, &s, same));
        pass_close(&a);
        pass_close(&b);
        pass_close(&c);
        pass_close(&d);
        lace_model_free(&m);
    }
}

/* ---- gradients ---- */

/* Adds the gradient of the groups' loss to grad; the next token of a thread is its target, of weight 1/8. */
static void add_gradient(const struct lace_model *m, const struct story *stories, int count, float *grad, bool frozen)
{
    struct pass p;
    int target[MAX_ROWS];
    float weight[MAX_ROWS], logprob[MAX_ROWS];
    pass_open(&p, m, stories, count);
    p.batch.outs = 0;
    for (int g = 0; g < count; g++)
        for (int n = 0; n < stories[g].threads; n++)
            for (int j = 0; j + 1 < stories[g].thread[n].count; j++) {
                target[p.batch.outs] = stories[g].thread[n].token[j + 1];
                weight[p.batch.outs] = 0.125f;
                p.batch.out_row[p.batch.outs++] = p.span[g][n].row + j;
            }
    pass_backward(&p, target, weight, logprob, grad, frozen);
    pass_close(&p);
}

static void a_frozen_backbone_leaves_the_lattices_gradient(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        struct lace_model *m = with_lattice(&variants[i], 0.8f);
        struct story s = random_story(11, 6, 4, 14);
        float *whole = lace_alloc_array(m->values, sizeof(float)), *frozen = lace_alloc_array(m->values, sizeof(float));
        add_gradient(m, &s, 1, whole, false);
        add_gradient(m, &s, 1, frozen, true);
        for (int w = 0; w < m->count; w++) {
            size_t n = (size_t)m->weights[w].rows * m->weights[w].cols, at = m->weights[w].offset;
            char name[96];
            double size = 0;
            for (size_t j = 0; j < n; j++) size += fabs(whole[at + j]);
            if (!(size > 0))
                fail_msg("%s: %s has no gradient", name_of(&variants[i]), lace_weight_name(&m->weights[w], name));
            for (size_t j = 0; j < n; j++)
                if (frozen[at + j] != (lace_weight_is_lattice(&m->weights[w]) ? whole[at + j] : 0))
                    fail_msg("%s: frozen %s[%zu] is %g", name_of(&variants[i]), lace_weight_name(&m->weights[w], name),
                             j, frozen[at + j]);
        }
        lace_free(whole);
        lace_free(frozen);
        lace_model_free(&m);
    }
}

/* The rows are the same, only the sum of a weight's gradient runs in pieces: f32 rounding, in bf16 as well. */
static void gradients_of_groups_add_up(void **state)
{
    for (int i = 0; i < VARIANTS; i++) {
        struct lace_model *m = with_lattice(&variants[i], 0.8f);
        struct story s[3] = {random_story(12, 6, 3, 9), random_story(13, 4, 4, 7), random_story(14, 9, 1, 11)};
        float *together = lace_alloc_array(m->values, sizeof(float)),
              *single = lace_alloc_array(m->values, sizeof(float));
        for (int g = 0; g < 3; g++) {
            s[g].see = 0;
            add_gradient(m, &s[g], 1, single, false);
        }
        for (int g = 0; g < 3; g++) s[g].see = g;
        add_gradient(m, s, 3, together, false);
        for (int w = 0; w < m->count; w++) {
            size_t n = (size_t)m->weights[w].rows * m->weights[w].cols, at = m->weights[w].offset;
            char name[96];
            double most = 0;
            for (size_t j = 0; j < n; j++) most = fmax(most, fabs(single[at + j]));
            for (size_t j = 0; j < n; j++)
                if (!(fabs(together[at + j] - single[at + j]) <= 2e-5 * most))
                    fail_msg("%s: %s[%zu] is %g together, %g one by one", name_of(&variants[i]),
                             lace_weight_name(&m->weights[w], name), j, together[at + j], single[at + j]);
        }
        lace_free(together);
        lace_free(single);
        lace_model_free(&m);
    }
}

/* ---- files and sizes ---- */

static void a_saved_model_comes_back(void **state)
{
    char root[] = "/tmp/lace-test-XXXXXX", dir[64], lattice_dir[64], path[128];
    struct lace_error err;
    assert_non_null(mkdtemp(root));
    snprintf(dir, sizeof dir, "%s/model", root);
    snprintf(lattice_dir, sizeof lattice_dir, "%s/lattice", root);
    for (int i = 0; i < VARIANTS; i++)
        for (enum lace_dtype type = LACE_F32; type <= LACE_BF16; type++) {
            struct lace_model *m = with_lattice(&variants[i], 0.8f), *loaded, *light;
            struct lace_model_options o = {true, (int)variants[i].dtype, NULL},
                                      decode = {false, (int)variants[i].dtype, NULL};
            assert_works(lace_model_save(m, dir, lattice_dir, type, &err), err);
            assert_works(lace_model_load(&loaded, dir, lattice_dir, &o, &err), err);
            assert_works(lace_model_load(&light, dir, lattice_dir, &decode, &err), err);
            assert_memory_equal(&loaded->config, &m->config, sizeof m->config);
            assert_memory_equal(&loaded->lattice, &m->lattice, offsetof(struct lace_lattice_config, backbone));
            assert_true(loaded->lattice.backbone.matrices.known && !loaded->warning); /* what was saved beside it */
            assert_int_equal(loaded->values, m->values);
            for (size_t j = 0; j < m->values; j++) {
                float want = type == LACE_F32 ? m->master[j] : lace_bf16_to_f32(lace_f32_to_bf16(m->master[j]));
                assert_memory_equal(&loaded->master[j], &want, sizeof want);
            }
            struct story s = random_story(15, 6, 3, 8);
            struct pass a, b;
            pass_open(&a, loaded, &s, 1);
            pass_open(&b, light, &s, 1);
            if (variants[i].dtype == LACE_F32) { /* bf16: without masters the embedding's rows are bf16 as well */
                same_group(name_of(&variants[i]), &a, 0, &b, 0, &s);
            } else {
                assert_true(apart(&a, &b, &s, (const int[]){0, 1, 2}) < 0.05);
            }
            pass_close(&a);
            pass_close(&b);
            assert_int_not_equal(lace_model_save(light, dir, NULL, type, &err), 0);
            lace_model_free(&m);
            lace_model_free(&loaded);
            lace_model_free(&light);
        }
    static const char *const files[] = {"model/config.json",
                                        "model/model.safetensors",
                                        "lattice/lattice_config.json",
                                        "lattice/lattice_model.safetensors",
                                        "model",
                                        "lattice",
                                        ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", root, files[i]);
        assert_int_equal(remove(path), 0);
    }
}

static void the_default_lattice_is_small(void **state)
{
    const struct lace_config qwen = {.vocab_size = 151936,
                                     .hidden_size = 2048,
                                     .intermediate_size = 6144,
                                     .num_hidden_layers = 28,
                                     .num_attention_heads = 16,
                                     .num_key_value_heads = 8,
                                     .head_dim = 128,
                                     .max_position_embeddings = 40960,
                                     .tie_word_embeddings = true};
    struct lace_lattice_config l;
    struct lace_error err;
    lace_lattice_defaults(&l, &qwen);
    assert_works(lace_lattice_config_check(&l, &qwen, "The default", &err), err);
    double backbone_size = 0, lattice_size = 0;
    for (enum lace_param p = 0; p < P_COUNT; p++) {
        const struct lace_param_spec *spec = &lace_params[p];
        double size = (double)lace_letter_size(spec->rows, &qwen, &l) * lace_letter_size(spec->cols, &qwen, &l);
        if (p >= P_LAT_NORM) lattice_size += size * l.layer_count;
        else if (p != P_HEAD) backbone_size += size * (spec->scope == ONCE ? 1 : qwen.num_hidden_layers);
    }
    assert_int_equal(l.layer_count, 7);
    assert_true(backbone_size > 1.6e9 && lattice_size < 0.01 * backbone_size);
}

static void attaching_refuses_what_cannot_be(void **state)
{
    struct lace_model *m = with_lattice(&variants[0], 0);
    struct lace_lattice_config l = lattice_of(&variants[0]);
    struct lace_error err = {""};
    assert_true(lace_model_attach(m, &l, &(struct lace_lattice_start){0, 0.5f, true, 1}, &err) < 0);
    assert_non_null(strstr(err.text, "already"));
    lace_model_free(&m);
    m = backbone(LACE_F32);
    assert_true(lace_model_attach(m, &l, &(struct lace_lattice_start){0, 1, true, 1}, &err) < 0);
    assert_non_null(strstr(err.text, "gate"));
    l.layers[1] = 9;
    err.text[0] = 0;
    assert_true(lace_model_attach(m, &l, &(struct lace_lattice_start){0, 0.5f, true, 1}, &err) < 0);
    assert_true(err.text[0]);
    lace_model_free(&m);
    assert_true(lace_model_load(&m, "/nowhere/at/all", NULL, NULL, &err) < 0);
    assert_null(m);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_lattice_changes_no_bit),
        cmocka_unit_test(a_thread_alone_and_the_prompt_are_the_backbone),
        cmocka_unit_test(a_muted_group_is_the_backbone),
        cmocka_unit_test(nothing_depends_on_the_future),
        cmocka_unit_test(a_finished_thread_stays_visible),
        cmocka_unit_test(groups_do_not_meet),
        cmocka_unit_test(threads_may_be_listed_in_any_order),
        cmocka_unit_test(a_frozen_backbone_leaves_the_lattices_gradient),
        cmocka_unit_test(gradients_of_groups_add_up),
        cmocka_unit_test(a_saved_model_comes_back),
        cmocka_unit_test(the_default_lattice_is_small),
        cmocka_unit_test(attaching_refuses_what_cannot_be),
    };
    return cmocka_run_group_tests_name("lattice", tests, NULL, NULL);
}
