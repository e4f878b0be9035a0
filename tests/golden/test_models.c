/* Checkpoints of every family and option against Transformers (scripts/golden_models.py): logits of a prompt, the tokens
 * that follow it through the cache, the gradient of every tensor; on every level of the CPU, in f32 and in bf16.
 *
 * Tolerances, as shares of the largest value. f32: sums of up to 64 terms in another order, some thirty of them in a
 * row, err by 1e-5 at most (test_lattice.c has the estimate); measured: 1e-6. A wrong formula is off by 1e-2 and more.
 * bf16: operands are rounded to 8 bits, 2^-9 of each value, some ten times on a path through two to four layers, and
 * softmax passes the error on: measured 1e-2 at most. Transformers' own bf16, which rounds every intermediate value as
 * well, is 0.7 to 1.9 % off (the script prints it). So ours is held to 2e-2 of the f32 truth, and to 4e-2 of theirs.
 * Gradients go through as many roundings again; those of a whole tensor cancel, and 2e-2 holds for its norm too. */
#include "model_test.h"
#include "io/safetensors.h"

#define F32_TOLERANCE  1e-5
#define BF16_TOLERANCE 2e-2
static const char root[] = "tests/golden/models";
enum { PROMPT = 64, GREEDY = 16 };

static const char *const names[] = {"llama2",        "llama3",     "llama3_2",     "llama_bias",
                                    "llama_dynamic", "llama_yarn", "smollm2",      "smollm3",
                                    "qwen2",         "qwen2_yarn", "qwen2_window", "qwen3",
                                    "qwen3_window",  "mistral",    "mistral_nemo", "mistral_types"};
enum { NAMES = sizeof names / sizeof *names };

struct golden {
    const char *name, *level;
    enum lace_dtype dtype;
    struct lace_safetensors file;
    double worst, worst_gradient;
};

static const void *values(struct golden *c, const char *name, size_t *count)
{
    const struct lace_tensor *t = lace_safetensors_find(&c->file, name);
    if (!t) fail_msg("%s: there is no tensor %s", c->name, name);
    assert_int_equal((uintptr_t)t->data % 2, 0);
    *count = t->bytes / lace_tensor_type_bytes(t->type);
    void *copy = lace_alloc(t->bytes);
    assert_non_null(copy);
    return memcpy(copy, t->data, t->bytes);
}

static void open_golden(struct golden *c, struct lace_model **m, bool train)
{
    struct lace_error err;
    char path[256], expected[280];
    snprintf(path, sizeof path, "%s/%s", root, c->name);
    snprintf(expected, sizeof expected, "%s/expected.safetensors", path);
    assert_works(lace_safetensors_open(&c->file, expected, &err), err);
    assert_works(lace_model_load(m, path, NULL,
                                 &(struct lace_model_options){train, (int)c->dtype, lace_ops_level(c->level)}, &err),
                 err);
}

/* Largest difference of two rows as a share of `most`. */
static double apart(const float *a, const float *b, int n, double most)
{
    double d = 0;
    for (int i = 0; i < n; i++) d = fmax(d, fabs((double)a[i] - b[i]) / most);
    return d;
}

static void check_logits(struct golden *c, const struct lace_model *m, const struct pass *p)
{
    size_t rows, count;
    int V = m->config.vocab_size;
    const int *row = values(c, "rows", &rows);
    const float *want = values(c, "logits", &count), *lse = values(c, "lse", &count);
    const uint16_t *half = values(c, "bf16", &count);
    double most = 0, tolerance = c->dtype == LACE_F32 ? F32_TOLERANCE : BF16_TOLERANCE;
    for (size_t i = 0; i < rows * (size_t)V; i++) most = fmax(most, fabs(want[i]));
    for (size_t r = 0; r < rows; r++) {
        const float *got = pass_logits(p, 0, -1, row[r]);
        double d = apart(got, want + r * V, V, most), other = 0;
        c->worst = fmax(c->worst, d);
        if (!(d <= tolerance)) fail_msg("%s on %s: logits of token %d are %.2e off", c->name, c->level, row[r], d);
        for (int i = 0; i < V; i++) other = fmax(other, fabs(got[i] - lace_bf16_to_f32(half[r * V + i])) / most);
        if (!(other <= 2 * BF16_TOLERANCE))
            fail_msg("%s on %s: logits of token %d are %.2e from Transformers' bf16", c->name, c->level, row[r], other);
    }
    for (int r = 0; r < PROMPT; r++) { /* of every position */
        const float *got = pass_logits(p, 0, -1, r);
        double sum = 0, top = got[0];
        for (int i = 1; i < V; i++) top = fmax(top, got[i]);
        for (int i = 0; i < V; i++) sum += exp(got[i] - top);
        double d = fabs(top + log(sum) - lse[r]) / most;
        if (!(d <= tolerance)) fail_msg("%s on %s: log sum exp of token %d is %.2e off", c->name, c->level, r, d);
    }
    lace_free((void *)row);
    lace_free((void *)want);
    lace_free((void *)lse);
    lace_free((void *)half);
}

/* The prompt is read in two pieces, then one thread writes on, a token at a time. */
static void check_greedy(struct golden *c, const struct lace_model *m, const int *prompt)
{
    struct lace_cache cache;
    struct lace_batch b;
    struct lace_state s;
    struct lace_error err;
    size_t count;
    const int *want = values(c, "greedy", &count);
    int slots = PROMPT + GREEDY, V = m->config.vocab_size, next = 0;
    assert_int_equal(count, GREEDY);
    struct lace_state_options o = {PROMPT, 1, slots, slots, omp_get_max_threads(), false};
    assert_works(lace_cache_init(&cache, m, slots, kv_type, &err), err);
    assert_works(lace_batch_init(&b, PROMPT, 1, PROMPT * 2, &err), err);
    assert_works(lace_state_init(&s, m, &o, &err), err);
    for (int read = 0, step = 0; step < GREEDY;) {
        bool writes = read == PROMPT;
        int rows = writes ? 1 : read ? PROMPT - 1 - read : 23; /* the last of the prompt is read as a thread's first */
        struct lace_span thread = {0, 1, PROMPT - 1, step};
        struct lace_group g = {.prompt = {0, rows, 0, read}, .see = -1};
        if (read >= PROMPT - 1) {
            writes = true;
            rows = 1;
            g.prompt = (struct lace_span){0, 0, 0, PROMPT - 1};
            g.thread = &thread;
            g.threads = 1;
        }
        b.rows = b.outs = b.lattice_rows = 0;
        for (int i = 0; i < rows; i++) {
            int at = writes ? PROMPT - 1 + step : read + i;
            put_row(&b, writes && step ? next : prompt[at], at, at, 0, 0);
            b.slot[i] = at;
        }
        if (writes) b.out_row[b.outs++] = 0;
        lace_batch_store_times(&b, &cache);
        assert_works(lace_view_build(&b, &g, 1, &cache, m, &err), err);
        lace_forward(m, &s, &cache, &b);
        if (!writes) {
            read += rows;
            continue;
        }
        lace_logits(m, &s, &b, 0, 1);
        next = 0;
        for (int i = 1; i < V; i++)
            if (s.logits[i] > s.logits[next]) next = i;
        if (next != want[step])
            fail_msg("%s on %s: token %d after the prompt is %d, not %d", c->name, c->level, step, next, want[step]);
        step++;
    }
    lace_state_release(&s);
    lace_batch_release(&b);
    lace_cache_release(&cache);
    lace_free((void *)want);
}

static void check_gradients(struct golden *c, const struct lace_model *m, struct pass *p, const int *tokens)
{
    int target[PROMPT];
    float weight[PROMPT], logprob[PROMPT], *grad = lace_alloc_array(m->values, sizeof *grad);
    double tolerance = c->dtype == LACE_F32 ? F32_TOLERANCE : BF16_TOLERANCE;
    size_t compared = 0, expected = 0, count;
    char name[128], text[96];
    p->batch.outs = 0;
    for (int r = 0; r + 1 < PROMPT; r++) {
        p->batch.out_row[p->batch.outs++] = r;
        target[r] = tokens[r + 1];
        weight[r] = 1.0f / (PROMPT - 1);
    }
    pass_backward(p, target, weight, logprob, grad, false);
    for (size_t i = 0; i < c->file.count; i++) expected += !strncmp(c->file.tensors[i].name, "grad.", 5);
    for (int i = 0; i < m->count; i++, compared++) {
        const struct lace_weight *w = &m->weights[i];
        double squares = 0, product = 0, probes = 0;
        snprintf(name, sizeof name, "grad.%s", lace_weight_name(w, text));
        const float *want = values(c, name, &count);
        for (int j = 0; j < w->rows * w->cols; j++) {
            double g = grad[w->offset + (size_t)j], probe = sin(0.7 * j + 1);
            squares += g * g;
            product += g * probe;
            probes += probe * probe;
        }
        double norm = fabs(sqrt(squares) - want[0]) / want[0],
               direction = fabs(product - want[1]) / want[0] / sqrt(probes);
        c->worst_gradient = fmax(c->worst_gradient, fmax(norm, direction));
        if (!(norm <= tolerance) || !(direction <= tolerance))
            fail_msg("%s on %s: the gradient of %s has norm %g and product %g, expected %g and %g", c->name, c->level,
                     text, sqrt(squares), product, want[0], want[1]);
        lace_free((void *)want);
    }
    assert_int_equal(compared, expected);
    lace_free(grad);
}

static void agrees_with_transformers(void **state)
{
    struct golden *c = *state;
    struct lace_model *m;
    struct pass p;
    size_t count;
    if (!lace_ops_level(c->level)) skip();
    for (int train = 1; train >= 0; train--) {
        open_golden(c, &m, train);
        const int *tokens = values(c, "tokens", &count);
        struct story story = {.prompt_count = PROMPT, .see = -1};
        assert_int_equal(count, PROMPT);
        memcpy(story.prompt, tokens, sizeof *tokens * PROMPT);
        for (kv_type = LACE_F32; kv_type <= (train ? LACE_F32 : c->dtype); kv_type++) { /* bf16 products: both types */
            pass_open(&p, m, &story, 1);
            check_logits(c, m, &p);
            if (train) check_gradients(c, m, &p, tokens);
            else check_greedy(c, m, tokens);
            pass_close(&p);
        }
        kv_type = LACE_F32;
        lace_free((void *)tokens);
        lace_model_free(&m);
        lace_safetensors_close(&c->file);
    }
    print_message("logits %.1e, gradients %.1e\n", c->worst, c->worst_gradient);
}

/* ---- a fresh lattice ---- */

static struct story four_threads(int V)
{
    struct story s = {.prompt_count = 20, .threads = 4};
    for (int i = 0; i < 20; i++) s.prompt[i] = (i * 37 + 5) % V;
    for (int n = 0; n < 4; n++) {
        s.thread[n] = (struct story_thread){.count = 18 - n, .index = n};
        for (int j = 0; j < 18 - n; j++) {
            s.thread[n].token[j] = (j * 29 + n * 11 + 3) % V;
            s.thread[n].time[j] = j + n;
            s.thread[n].step[j] = j / 5;
        }
    }
    return s;
}

static struct lace_lattice_config lattice_for(const struct lace_config *c, int kind)
{
    struct lace_lattice_config l;
    lace_lattice_defaults(&l, c);
    if (kind == LACE_KIND_LATTICE) return l;
    l.kind = LACE_KIND_FULL;
    l.heads = c->num_attention_heads;
    l.width = l.heads * c->head_dim;
    l.axes[LACE_AXIS_THREAD] = l.axes[LACE_AXIS_STEP] = 2;
    l.axes[LACE_AXIS_TOKEN] = c->head_dim - 4;
    return l;
}

static void a_fresh_lattice_changes_no_bit(void **state)
{
    for (int i = 0; i < NAMES; i++)
        for (int kind = LACE_KIND_LATTICE; kind <= LACE_KIND_FULL; kind++)
            for (enum lace_dtype dtype = LACE_F32; dtype <= LACE_BF16; dtype++) {
                struct golden c = {.name = names[i], .level = lace_ops_cpu(NULL)->name, .dtype = dtype};
                struct lace_model *m;
                struct lace_error err;
                struct pass before, after;
                open_golden(&c, &m, true);
                struct lace_lattice_config l = lattice_for(&m->config, kind);
                struct story s = four_threads(m->config.vocab_size);
                pass_open(&before, m, &s, 1);
                struct lace_lattice_start start = {.alpha = 0, .gate = 0.2f, .tied = true, .seed = 1};
                assert_works(lace_model_attach(m, &l, &start, &err), err);
                pass_open(&after, m, &s, 1);
                if (memcmp(before.state.logits, after.state.logits,
                           sizeof(float) * (size_t)before.batch.outs * (size_t)m->config.vocab_size))
                    fail_msg("%s: the logits changed", names[i]);
                pass_close(&after);
                for (int w = 0; w < m->count; w++) /* the same lattice, open: it does take part */
                    for (int j = 0; j < m->weights[w].cols && m->weights[w].param == P_LAT_ALPHA; j++)
                        m->weights[w].value[j] = 1;
                pass_open(&after, m, &s, 1);
                assert_memory_not_equal(before.state.logits, after.state.logits, sizeof(float) * 1000);
                pass_close(&before);
                pass_close(&after);
                lace_model_free(&m);
                lace_safetensors_close(&c.file);
            }
}

/* ---- a lattice that speaks, and its gradient ---- */

/* The loss of every thread's next tokens, at a temperature (0: 1); with grad also its gradient. */
static double loss_of(const struct lace_model *m, const struct story *s, float temperature, float *grad)
{
    struct pass p;
    int target[MAX_ROWS];
    float weight[MAX_ROWS], logprob[MAX_ROWS];
    double loss = 0;
    pass_open(&p, m, s, 1);
    p.batch.temperature = temperature;
    p.batch.outs = 0;
    for (int n = 0; n < s->threads; n++)
        for (int j = 0; j + 1 < s->thread[n].count; j++) {
            target[p.batch.outs] = s->thread[n].token[j + 1];
            weight[p.batch.outs] = 0.02f;
            p.batch.out_row[p.batch.outs++] = p.span[0][n].row + j;
        }
    if (grad) pass_backward(&p, target, weight, logprob, grad, false);
    else lace_loss(m, &p.state, &p.batch, target, weight, logprob, NULL, false);
    for (int i = 0; i < p.batch.outs; i++) loss -= 0.02 * logprob[i];
    pass_close(&p);
    return loss;
}

/* Moves all tensors of one kind along their gradient. The loss, some 4, is exact to 5e-7, so the quotient over a distance
 * of 0.02 is to 3e-5; third derivatives add 2.5e-3 of it at most (measured; steps of half the size leave a quarter). */
static void derivatives_are_met(struct lace_model *m, const struct story *s, float temperature, const char *name,
                                const float *grad)
{
    for (enum lace_param p = 0; p < P_COUNT; p++) {
        double squares = 0, step = 0.01, loss[2];
        for (int i = 0; i < m->count; i++)
            for (int j = 0; m->weights[i].param == p && j < m->weights[i].rows * m->weights[i].cols; j++)
                squares += pow(grad[m->weights[i].offset + (size_t)j], 2);
        if (squares == 0) continue; /* the model has none of these */
        for (int side = 0; side < 2; side++) {
            double by = (side ? -2 : 1) * step / sqrt(squares);
            for (int i = 0; i < m->count; i++)
                for (int j = 0; m->weights[i].param == p && j < m->weights[i].rows * m->weights[i].cols; j++)
                    m->weights[i].value[j] += (float)(by * grad[m->weights[i].offset + (size_t)j]);
            lace_model_repack(m, false);
            loss[side] = loss_of(m, s, temperature, NULL);
        }
        for (int i = 0; i < m->count; i++)
            for (int j = 0; m->weights[i].param == p && j < m->weights[i].rows * m->weights[i].cols; j++)
                m->weights[i].value[j] += (float)(step / sqrt(squares) * grad[m->weights[i].offset + (size_t)j]);
        double slope = (loss[0] - loss[1]) / (2 * step), want = sqrt(squares);
        if (!(fabs(slope - want) <= 4e-3 * want + 3e-5))
            fail_msg("%s: along %s the loss rises by %g, its gradient is %g", name, lace_params[p].name, slope, want);
    }
}

static void the_gradient_through_a_lattice_is_a_derivative(void **state)
{
    static const char *const some[] = {"llama_bias",   "llama_yarn",   "smollm3",
                                       "qwen2_window", "qwen3_window", "mistral"};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        for (int kind = LACE_KIND_LATTICE; kind <= LACE_KIND_FULL; kind++) {
            struct golden c = {.name = some[i], .level = lace_ops_cpu(NULL)->name, .dtype = LACE_F32};
            struct lace_model *m;
            struct lace_error err;
            open_golden(&c, &m, true);
            struct lace_lattice_config l = lattice_for(&m->config, kind);
            int first = m->count;
            assert_works(lace_model_attach(m, &l, &(struct lace_lattice_start){0.5f, 0.5f, true, 1}, &err), err);
            scramble(m, first, 0.7f);
            struct story s = four_threads(m->config.vocab_size);
            float *grad = lace_alloc_array(m->values, sizeof *grad);
            float temperature = i % 2 ? 1.5f : 0;
            loss_of(m, &s, temperature, grad);
            derivatives_are_met(m, &s, temperature, some[i], grad);
            lace_free(grad);
            lace_model_free(&m);
            lace_safetensors_close(&c.file);
        }
}

int main(void)
{
    static struct golden list[NAMES * 16 * 2];
    static struct CMUnitTest tests[NAMES * 16 * 2 + 2];
    static char labels[NAMES * 16 * 2][64];
    int count = 0;
    omp_set_num_threads(1); /* such small products cost more in waiting for workers than in work */
    for (int l = 0; lace_ops_levels[l]; l++)
        for (int i = 0; i < NAMES; i++)
            for (enum lace_dtype t = LACE_F32; t <= LACE_BF16; t++, count++) {
                list[count] = (struct golden){.name = names[i], .level = lace_ops_levels[l], .dtype = t};
                snprintf(labels[count], sizeof labels[count], "%s in %s: %s", names[i], t == LACE_F32 ? "f32" : "bf16",
                         lace_ops_levels[l]);
                tests[count] = (struct CMUnitTest){labels[count], agrees_with_transformers, NULL, NULL, &list[count]};
            }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_fresh_lattice_changes_no_bit);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(the_gradient_through_a_lattice_is_a_derivative);
    return _cmocka_run_group_tests("models against Transformers", tests, (size_t)count, NULL, NULL);
}
