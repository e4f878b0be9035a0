/* Problems and models for the tests of the evaluation. The models are written by hand: each token's row of the head
 * names its successors, so that threads write lines, answers and verdicts without having learned them; the rest is noise
 * that makes contexts differ. */
#ifndef EVAL_TEST_H
#define EVAL_TEST_H
#include "train_test.h"
#include "eval/rollout.h"

enum { PROBLEMS = 24, THREADS = 4, ROUNDS = 5 };
static struct lace_record problems[PROBLEMS];
static char model_dir[64], base_dir[80], isolated_dir[80];

/* ---- models ---- */

static int id_of(const char *text)
{
    int *ids = NULL, id;
    size_t capacity = 0, count;
    struct lace_error err;
    assert_works(lace_tokenizer_encode(tokenizer, text, strlen(text), true, &ids, &capacity, &count, &err), err);
    assert_int_equal(count, 1);
    id = ids[0];
    free(ids);
    return id;
}

/* "x" > "x" 2.0: after x comes x with this logit beyond 12. */
static const struct {
    const char *from, *to;
    float more;
} successors[] = {
    {"<|of 4|>", "x", 1},    {"<|of 4|>", "Answer: ", 0},
    {"<|of 1|>", "x", 1},    {"<|of 1|>", "Answer: ", 0},
    {"x", "x", 1},           {"x", "\n", 1},
    {"\n", "x", 2},          {"\n", "Answer: ", 1},
    {"\n", "[[", -1},        {"Answer: ", "1", 0},
    {"Answer: ", "2", 1},    {"Answer: ", "3", 1},
    {"Answer: ", "4", 0.5f}, {"1", ".\n", 1},
    {"2", ".\n", 1},         {"3", ".\n", 1},
    {"4", ".\n", 1},         {".\n", "[[", 2},
    {"[[", "best]]", 0},     {"[[", "success]]", 0.5f},
    {"[[", "fail]]", -0.5f},
};

/* In the models that are written next: how much surer of the answer 2, and how much later with any answer. */
static float surer, shy;

static void write_model(const char *dir, bool lattice, uint64_t seed)
{
    const struct lace_config c = {.vocab_size = 512,
                                  .hidden_size = 64,
                                  .intermediate_size = 64,
                                  .num_hidden_layers = 2,
                                  .num_attention_heads = 4,
                                  .num_key_value_heads = 2,
                                  .head_dim = 16,
                                  .max_position_embeddings = 1024,
                                  .rms_norm_eps = 1e-6,
                                  .rope_theta = 10000};
    const struct lace_lattice_config l = {.kind = LACE_KIND_LATTICE,
                                          .layers = {1},
                                          .layer_count = 1,
                                          .width = 16,
                                          .heads = 2,
                                          .visible = LACE_CAUSAL,
                                          .window = 1,
                                          .ring = 1,
                                          .axes = {4, 2, 2},
                                          .theta = {10000, 100, 100},
                                          .max_threads = 16};
    struct lace_model *m;
    struct lace_error err;
    char path[300], *bytes;
    size_t len;
    struct lace_rng rng;
    lace_rng_init(&rng, seed, 1);
    assert_works(lace_model_create(&m, &c, seed, &(struct lace_model_options){true, LACE_F32, NULL}, &err), err);
    if (lattice) assert_works(lace_model_attach(m, &l, &(struct lace_lattice_start){2, 0.5f, true, seed}, &err), err);
    struct lace_weight *embed = lace_model_weight(m, 0, P_EMBED), *head = lace_model_weight(m, 0, P_HEAD);
    for (int j = 0; j < 512 * 64; j++) {
        embed->value[j] = (float)(0.3 * lace_rng_normal(&rng));
        head->value[j] = (float)(0.15 * lace_rng_normal(&rng));
    }
    for (int k = 0; k < 2; k++) { /* the layers' share: some tenths of the stream */
        struct lace_weight *o = lace_model_weight(m, k, P_O), *down = lace_model_weight(m, k, P_DOWN);
        for (int j = 0; j < o->rows * o->cols; j++) o->value[j] *= 20;
        for (int j = 0; j < down->rows * down->cols; j++) down->value[j] *= 20;
    }
    for (size_t i = 0; i < sizeof successors / sizeof *successors; i++) {
        int from = id_of(successors[i].from), axis = 0; /* an axis for each token that has successors */
        for (size_t j = 0; j < i && strcmp(successors[j].from, successors[i].from); j++)
            axis += !j || strcmp(successors[j].from, successors[j - 1].from);
        embed->value[from * 64 + axis] = 6;
        float more = successors[i].more + (strcmp(successors[i].to, "2") ? 0 : surer) -
                     (strcmp(successors[i].to, "Answer: ") ? 0 : shy);
        head->value[id_of(successors[i].to) * 64 + axis] = (12 + more) / 8;
    }
    assert_works(lace_make_dir(dir, &err), err);
    snprintf(path, sizeof path, "%s/lattice", dir);
    assert_works(lace_model_save(m, dir, lattice ? path : NULL, LACE_F32, &err), err);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    assert_works(lace_read_file("recipes/tokenizer.json", 1 << 24, &bytes, &len, &err), err);
    assert_works(lace_write_file(path, bytes, len, &err), err);
    lace_free(bytes);
    lace_model_free(&m);
}

static void make_knobs(struct lace_data_knobs *knobs)
{
    lace_data_knobs_defaults(knobs);
    knobs->difficulty = (struct lace_interval){1, 1};
    knobs->options = (struct lace_interval){4, 4};
    knobs->seed = 3;
    knobs->split = LACE_SPLIT_TEST;
}

static int set_up(void **state)
{
    struct lace_data_knobs knobs;
    struct lace_error err;
    if (open_all(state)) return -1;
    make_knobs(&knobs);
    for (int i = 0; i < PROBLEMS; i++)
        assert_works(lace_family_make(&lace_family_search, &knobs, (uint64_t)i, &problems[i], &err), err);
    snprintf(model_dir, sizeof model_dir, "%s/model", folder);
    snprintf(base_dir, sizeof base_dir, "%s/base", model_dir);
    snprintf(isolated_dir, sizeof isolated_dir, "%s/isolated", model_dir);
    write_model(model_dir, true, 1);
    write_model(base_dir, false, 2);
    write_model(isolated_dir, false, 3);
    return 0;
}

static int tear_down(void **state)
{
    for (int i = 0; i < PROBLEMS; i++) lace_record_release(&problems[i]);
    return close_all(state);
}

static struct lace_engine *engine_of(const char *dir, const char *kv_dtype)
{
    struct lace_engine_options o;
    struct lace_engine *e;
    struct lace_error err;
    lace_engine_defaults(&o);
    o.model = dir;
    o.kv_dtype = kv_dtype;
    assert_works(lace_engine_open(&e, &o, &err), err);
    return e;
}
#endif
