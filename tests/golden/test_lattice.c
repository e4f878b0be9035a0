/* The lattice model against numpy in double precision (scripts/golden_lattice.py): logits, loss and the gradient of
 * every tensor, for each kind of visibility and on every level of the CPU.
 *
 * Tolerance. An f32 sum of n terms errs by about sqrt(n) 2^-24 of what is summed. The longest chain of sums here, down
 * three layers and up again, has some thirty of them with n up to 48: 30 * 7 * 6e-8 = 1.3e-5 of the largest value of a
 * tensor. 2e-5 leaves room for exp and the rotations; a wrong formula is off by 1e-2 and more. */
#include "model_test.h"
#include "io/safetensors.h"

#define TOLERANCE 2e-5
static const char root[] = "tests/golden/lattice_tiny";

struct golden {
    const char *name, *level;
    struct lace_safetensors file;
    void *copies[128]; /* of its tensors, for doubles need not be aligned in a file */
    int copy_count;
    double worst;
};

static const void *numbers(struct golden *c, const char *name, enum lace_tensor_type type, size_t *count)
{
    const struct lace_tensor *t = lace_safetensors_find(&c->file, name);
    if (!t) fail_msg("%s: there is no tensor %s", c->name, name);
    assert_int_equal(t->type, type);
    *count = t->bytes / lace_tensor_type_bytes(type);
    void *copy = lace_alloc(t->bytes);
    assert_true(copy && c->copy_count < 128);
    return memcpy(c->copies[c->copy_count++] = copy, t->data, t->bytes);
}

static void compare(struct golden *c, const char *what, const float *got, const double *want, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++) {
        double apart = fabs(got[i] - want[i]) / (1e-3 + most);
        if (!(apart <= TOLERANCE))
            fail_msg("%s on %s: %s[%zu] is %.9g, expected %.9g (largest %.3g)", c->name, c->level, what, i, got[i],
                     want[i], most);
        c->worst = fmax(c->worst, apart);
    }
}

static void read_story(struct golden *c, struct story *s)
{
    size_t count;
    const int *prompt = numbers(c, "prompt", LACE_T_I32, &count);
    *s = (struct story){.prompt_count = (int)count};
    memcpy(s->prompt, prompt, count * sizeof *prompt);
    const int *lengths = numbers(c, "lengths", LACE_T_I32, &count), *token = numbers(c, "token", LACE_T_I32, &count),
              *time = numbers(c, "time", LACE_T_I32, &count), *step = numbers(c, "step", LACE_T_I32, &count),
              *position = numbers(c, "position", LACE_T_I32, &count),
              *thread = numbers(c, "thread", LACE_T_I32, &count);
    for (size_t r = 0, n = 0; r < count; n++) {
        struct story_thread *t = &s->thread[s->threads++];
        t->count = lengths[n];
        t->index = thread[r];
        for (int j = 0; j < t->count; j++, r++) {
            assert_int_equal(position[r], s->prompt_count + j);
            t->token[j] = token[r];
            t->time[j] = time[r];
            t->step[j] = step[r];
        }
    }
}

static void check_case(struct golden *c, const struct lace_ops *ops)
{
    struct lace_error err;
    struct lace_model *m;
    struct story story;
    struct pass p;
    char path[256], name[128], text[96];
    size_t count;
    snprintf(path, sizeof path, "%s/%s/expected.safetensors", root, c->name);
    assert_works(lace_safetensors_open(&c->file, path, &err), err);
    snprintf(path, sizeof path, "%s/%s", root, c->name);
    assert_works(lace_model_load(&m, root, path, &(struct lace_model_options){true, LACE_F32, ops}, &err), err);
    read_story(c, &story);
    pass_open(&p, m, &story, 1);

    const double *logits = numbers(c, "logits", LACE_T_F64, &count);
    compare(c, "logits", pass_logits(&p, 0, 0, 0), logits, count);
    logits = numbers(c, "prompt_logits", LACE_T_F64, &count);
    compare(c, "prompt_logits", pass_logits(&p, 0, -1, 0), logits, count);

    const int *target = numbers(c, "target", LACE_T_I32, &count);
    int targets[MAX_ROWS], asked = 0;
    float logprob[MAX_ROWS], weight[MAX_ROWS], loss = 0, *grad = lace_alloc_array(m->values, sizeof *grad);
    for (size_t r = 0; r < count; r++) asked += target[r] >= 0;
    p.batch.outs = 0;
    for (size_t r = 0; r < count; r++)
        if (target[r] >= 0) {
            weight[p.batch.outs] = 1.0f / (float)asked;
            targets[p.batch.outs] = target[r];
            p.batch.out_row[p.batch.outs++] = (int)r;
        }
    p.state.out_cap = 4; /* the loss comes in pieces, the last of them short */
    pass_backward(&p, targets, weight, logprob, grad, false);
    for (int i = 0; i < asked; i++) loss -= logprob[i] / (float)asked;
    compare(c, "loss", &loss, numbers(c, "loss", LACE_T_F64, &count), 1);

    size_t compared = 0, expected = 0;
    for (size_t i = 0; i < c->file.count; i++) expected += !strncmp(c->file.tensors[i].name, "grad.", 5);
    for (int i = 0; i < m->count; i++, compared++) {
        const struct lace_weight *w = &m->weights[i];
        snprintf(name, sizeof name, "grad.%s", lace_weight_name(w, text));
        const double *want = numbers(c, name, LACE_T_F64, &count);
        assert_true(count <= (size_t)w->rows * w->cols);
        compare(c, name, grad + w->offset, want, count);
    }
    assert_int_equal(compared, expected);
    lace_free(grad);
    pass_close(&p);
    lace_model_free(&m);
    lace_safetensors_close(&c->file);
    while (c->copy_count) lace_free(c->copies[--c->copy_count]);
}

static const char *const cases[] = {"aligned", "window", "causal", "causal_self", "ring", "single", "full"};
enum { CASES = sizeof cases / sizeof *cases };

static void agrees_with_numpy(void **state)
{
    struct golden *c = *state;
    const struct lace_ops *ops = lace_ops_level(c->level);
    if (!ops) skip();
    check_case(c, ops);
    print_message("worst error %.1e of the largest value, %.0e is allowed\n", c->worst, TOLERANCE);
}

int main(void)
{
    static struct golden list[CASES * 16];
    static struct CMUnitTest tests[CASES * 16];
    static char names[CASES * 16][64];
    int count = 0;
    for (int l = 0; lace_ops_levels[l]; l++)
        for (int i = 0; i < CASES; i++, count++) {
            list[count] = (struct golden){cases[i], lace_ops_levels[l]};
            snprintf(names[count], sizeof names[count], "%s: %s", cases[i], lace_ops_levels[l]);
            tests[count] = (struct CMUnitTest){names[count], agrees_with_numpy, NULL, NULL, &list[count]};
        }
    return _cmocka_run_group_tests("lattice against numpy", tests, (size_t)count, NULL, NULL);
}
