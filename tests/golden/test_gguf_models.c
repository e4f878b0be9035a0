/* GGUF files of every architecture and type (scripts/golden_gguf.py). Those made of a checkpoint in tests/golden/models
 * must compute the same bits as that checkpoint, which test_models.c holds against Transformers: so names, shapes, the
 * order of q's and k's rows and the metadata are right. The quantised ones are held against Transformers on the same
 * numbers.
 *
 * Tolerances, as shares of the largest logit. Where the model is to be trained its blocks become f32, and 1e-5 holds as
 * in test_models.c. Else products run on the blocks, with their inputs rounded to 8 bits in groups of 32 (ops/quant.h);
 * the file has what Transformers computes of inputs so rounded. That is met to 1e-5 as well, until a sum in another order
 * turns the rounding of one input, which turns others in every layer above it and in the rows that attend to it: then
 * the difference is that of the rounding itself, 1 to 5 % in models as small as these. So some row must agree to 1e-5,
 * and all of them to 5e-2. */
#include "io/model_dir.h"
#include "io/safetensors.h"
#include "model_test.h"
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROMPT = 64, GREEDY = 16 };
#define GGUF "tests/golden/gguf/"

static const struct {
    const char *file, *checkpoint;
} copies[] = {
    {"llama3.gguf", "llama3"},   {"llama_bias.gguf", "llama_bias"},      {"mistral_nemo.gguf", "mistral_nemo"},
    {"smollm3.gguf", "smollm3"}, {"qwen2-00001-of-00002.gguf", "qwen2"}, {"qwen2_yarn.gguf", "qwen2_yarn"},
    {"qwen3.gguf", "qwen3"}};
enum { COPIES = sizeof copies / sizeof *copies };

static struct lace_model *open_model(const char *path, bool train, enum lace_dtype dtype)
{
    struct lace_model *m;
    struct lace_error err;
    assert_works(lace_model_load(&m, path, NULL, &(struct lace_model_options){train, (int)dtype, NULL}, &err), err);
    return m;
}

static struct story prompt_of(int count, int V)
{
    struct story s = {.prompt_count = count, .see = -1};
    for (int i = 0; i < count; i++) s.prompt[i] = (i * 37 + i * i % 11 + 5) % V;
    return s;
}

static void copies_compute_the_same_bits(void **state)
{
    for (int i = 0; i < COPIES; i++)
        for (int train = 0; train < 2; train++)
            for (enum lace_dtype dtype = LACE_F32; dtype <= LACE_BF16; dtype++) {
                char a_path[PATH_MAX], b_path[PATH_MAX];
                struct pass a, b;
                snprintf(a_path, sizeof a_path, "tests/golden/models/%s", copies[i].checkpoint);
                snprintf(b_path, sizeof b_path, GGUF "%s", copies[i].file);
                struct lace_model *checkpoint = open_model(a_path, train, dtype),
                                  *file = open_model(b_path, train, dtype);
                struct story s = prompt_of(PROMPT, checkpoint->config.vocab_size);
                assert_int_equal(lace_config_context(&file->config), lace_config_context(&checkpoint->config));
                assert_int_equal(file->values, checkpoint->values);
                pass_open(&a, checkpoint, &s, 1);
                pass_open(&b, file, &s, 1);
                if (memcmp(a.state.logits, b.state.logits,
                           sizeof(float) * PROMPT * (size_t)checkpoint->config.vocab_size))
                    fail_msg("%s computes something else than %s", b_path, a_path);
                pass_close(&a);
                pass_close(&b);
                lace_model_free(&checkpoint);
                lace_model_free(&file);
            }
}

/* The rows of q and k in the file's order give other logits: the comparison above would tell. */
static void the_order_of_rows_matters(void **state)
{
    struct lace_model *m = open_model(GGUF "llama3.gguf", true, LACE_F32);
    struct story s = prompt_of(PROMPT, m->config.vocab_size);
    struct pass right, wrong;
    size_t count = PROMPT * (size_t)m->config.vocab_size, row = (size_t)m->config.hidden_size;
    struct lace_tensor file = {.turned = m->config.head_dim};
    double most = 0, off = 0;
    pass_open(&right, m, &s, 1);
    for (int i = 0; i < m->count; i++) {
        struct lace_weight *w = &m->weights[i];
        if (w->param != P_Q && w->param != P_K) continue;
        float *old = malloc(sizeof(float) * row * (size_t)w->rows);
        memcpy(old, w->value, sizeof(float) * row * (size_t)w->rows);
        for (size_t r = 0; r < (size_t)w->rows; r++)
            memcpy(w->value + lace_tensor_row(&file, r) * row, old + r * row, sizeof(float) * row);
        free(old);
    }
    lace_model_repack(m, false);
    pass_open(&wrong, m, &s, 1);
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs(right.state.logits[i]));
        off = fmax(off, fabs(right.state.logits[i] - wrong.state.logits[i]));
    }
    assert_true(off > 0.05 * most);
    pass_close(&right);
    pass_close(&wrong);
    lace_model_free(&m);
}

static const void *values(const struct lace_safetensors *file, const char *name)
{
    const struct lace_tensor *t = lace_safetensors_find(file, name);
    assert_non_null(t);
    void *copy = lace_alloc(t->bytes);
    assert_non_null(copy);
    return memcpy(copy, t->data, t->bytes);
}

/* Logits of the prompt, and that each of the greedy tokens is the best after those before it. */
static void check_quantised(const char *name, bool train, bool coded)
{
    char path[PATH_MAX];
    struct lace_safetensors file;
    struct lace_error err;
    struct pass p;
    snprintf(path, sizeof path, GGUF "%s.safetensors", name);
    assert_works(lace_safetensors_open(&file, path, &err), err);
    snprintf(path, sizeof path, GGUF "%s.gguf", name);
    struct lace_model *m = open_model(path, train, LACE_F32);
    int V = m->config.vocab_size, rows = (int)lace_safetensors_find(&file, "rows")->shape[0];
    const int *tokens = values(&file, "tokens"), *row = values(&file, "rows"), *greedy = values(&file, "greedy");
    const float *want = values(&file, coded ? "coded" : "logits");
    struct story s = {.prompt_count = PROMPT + GREEDY - 1, .see = -1};
    memcpy(s.prompt, tokens, sizeof *tokens * PROMPT);
    memcpy(s.prompt + PROMPT, greedy, sizeof *greedy * (GREEDY - 1));
    pass_open(&p, m, &s, 1);
    double most = 0, off = 0, least = 1;
    for (int i = 0; i < rows * V; i++) most = fmax(most, fabs(want[i]));
    for (int r = 0; r < rows; r++) {
        double d = 0;
        for (int i = 0; i < V; i++) d = fmax(d, fabs(pass_logits(&p, 0, -1, row[r])[i] - want[r * V + i]) / most);
        off = fmax(off, d);
        least = fmin(least, d);
    }
    if (!(off <= (coded ? 5e-2 : 1e-5)) || !(least <= 1e-5))
        fail_msg("%s: logits are %.2e to %.2e off", name, least, off);
    for (int step = 0; step < GREEDY; step++) {
        const float *logits = pass_logits(&p, 0, -1, PROMPT - 1 + step);
        int best = 0;
        for (int i = 1; i < V; i++)
            if (logits[i] > logits[best]) best = i;
        if (best != greedy[step]) fail_msg("%s: token %d is %d, not %d", name, step, best, greedy[step]);
    }
    print_message("%s, %s: logits %.1e to %.1e\n", name, coded ? "on blocks" : "as f32", least, off);
    pass_close(&p);
    lace_model_free(&m);
    lace_free((void *)tokens);
    lace_free((void *)row);
    lace_free((void *)greedy);
    lace_free((void *)want);
    lace_safetensors_close(&file);
}

static void quantised_files_agree_with_transformers(void **state)
{
    static const char *const names[] = {"q8_0", "q4_0", "q5_0", "k_mixed"};
    for (int i = 0; i < 4; i++) {
        check_quantised(names[i], true, false);
        check_quantised(names[i], false, true);
    }
    check_quantised("one_mixed", true, false); /* Q4_1 and Q5_1 are f32 to the products */
    check_quantised("one_mixed", false, false);
}

/* ---- what people hand over ---- */

static void copy_file(const char *from, const char *to, size_t most)
{
    struct lace_error err;
    char *bytes;
    size_t len;
    assert_works(lace_read_file(from, 1 << 20, &bytes, &len, &err), err);
    assert_works(lace_write_file(to, bytes, len < most ? len : most, &err), err);
    lace_free(bytes);
}

static void refused(const char *path, const char *says)
{
    struct lace_model *m;
    struct lace_error err;
    if (!lace_model_load(&m, path, NULL, NULL, &err)) fail_msg("%s: loaded", path);
    if (!strstr(err.text, says)) fail_msg("%s: %s", path, err.text);
}

static void folders_and_parts(void **state)
{
    static char dir[] = "/tmp/lace-gguf-models-XXXXXX";
    char a[64], b[64], one[64], two[64], path[PATH_MAX];
    struct lace_error err;
    assert_non_null(mkdtemp(dir));
    snprintf(a, sizeof a, "%s/a.gguf", dir);
    snprintf(b, sizeof b, "%s/b.gguf", dir);
    snprintf(one, sizeof one, "%s/m-00001-of-00002.gguf", dir);
    snprintf(two, sizeof two, "%s/m-00002-of-00002.gguf", dir);

    assert_int_equal(lace_model_gguf(dir, path, &err), 0); /* empty */
    copy_file(GGUF "qwen3.gguf", a, SIZE_MAX);
    assert_int_equal(lace_model_gguf(dir, path, &err), 1);
    assert_string_equal(path, a);
    struct lace_model *m = open_model(dir, false, LACE_F32);
    lace_model_free(&m);
    copy_file(GGUF "qwen3.gguf", b, SIZE_MAX);
    refused(dir, "holds 2 GGUF files; name one of them, like");
    unlink(b);

    unlink(a);
    copy_file(GGUF "qwen2-00001-of-00002.gguf", one, SIZE_MAX);
    refused(dir, "Part 2 of 2");
    copy_file(GGUF "qwen2-00002-of-00002.gguf", two, SIZE_MAX);
    m = open_model(dir, false, LACE_F32);
    lace_model_free(&m);
    refused(two, "is part 2 of 2 of a model; name the first part");
    copy_file(GGUF "qwen2-00001-of-00002.gguf", two, SIZE_MAX);
    refused(one, "is not part 2 of 2 of the model");
    rename(one, a);
    unlink(two);
    refused(a, "its name must end in -00001-of-00002.gguf");
    unlink(a);

    copy_file(GGUF "qwen3.gguf", a, 40000);
    refused(a, "cut short");
    copy_file("tests/golden/models/qwen3/config.json", a, SIZE_MAX);
    refused(a, "no GGUF file");
    refused(GGUF "vocab_llama2.gguf", "lack \"llama.context_length\"");
    unlink(a);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_compute_the_same_bits),
        cmocka_unit_test(the_order_of_rows_matters),
        cmocka_unit_test(quantised_files_agree_with_transformers),
        cmocka_unit_test(folders_and_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
