/* The metadata of GGUF files as configurations, and what is refused because it would run wrongly. */
#include "gguf_test.h"
#include "io/weights.h"
#include "model/config.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static const char base[] = "s:general.architecture 4:8 s:llama\n"
                           "s:general.type 4:8 s:model\n"
                           "s:llama.context_length 4:4 4:64\n"
                           "s:llama.embedding_length 4:4 4:16\n"
                           "s:llama.block_count 4:4 4:1\n"
                           "s:llama.feed_forward_length 4:4 4:32\n"
                           "s:llama.attention.head_count 4:4 4:2\n"
                           "s:llama.attention.layer_norm_rms_epsilon 4:6 4:0x3727c5ac\n";

#define EMBED   T("token_embd.weight", 16, 24, 0, 0)
#define ROPE(n) V("rope_freqs.weight", n, 0, 1536)
#define DATA    "p:32 z:1536 "
#define F(bits) "4:" #bits " "

static const struct {
    const char *pair; /* in place of the one of this key, or -key: without it; NULL: as above */
    int tensors;
    const char *table, *says; /* says NULL: accepted */
} cases[] = {
    {NULL, 1, EMBED DATA, NULL},
    {NULL, 2, EMBED T("output.weight", 16, 24, 0, 1536) DATA "z:1536", NULL},
    {"s:llama.expert_count 4:4 4:0", 1, EMBED DATA, NULL},
    {"s:llama.attention.causal 4:7 1:1", 1, EMBED DATA, NULL},
    {"s:llama.logit_scale 4:6 4:0x3f800000", 1, EMBED DATA, NULL},
    {"s:llama.rope.scaling.type 4:8 s:none", 1, EMBED DATA, NULL},
    {"s:llama.tensor_data_layout 4:8 s:any", 1, EMBED DATA, NULL},
    {"s:llama.use_parallel_residual 4:7 1:1", 1, EMBED DATA, NULL},
    /* what it is */
    {"-s:general.architecture", 1, EMBED DATA, "lack \"general.architecture\""},
    {"s:general.architecture 4:8 s:gemma3", 1, EMBED DATA, "\"gemma3\" is not supported"},
    {"s:general.architecture 4:8 s:qwen3moe", 1, EMBED DATA, "\"qwen3moe\" is not supported"},
    {"s:general.architecture 4:8 s:", 1, EMBED DATA, "\"\" is not supported"},
    {"s:general.architecture 4:4 4:1", 1, EMBED DATA, "must be a string"},
    {"s:general.type 4:8 s:adapter", 1, EMBED DATA, "of type adapter, not a model"},
    {"s:split.no 4:2 1:1 1:0", 1, EMBED DATA, "is part 2 of 1"},
    {"s:split.count 4:2 1:2 1:0", 1, EMBED DATA, "its name must end in"},
    /* sizes */
    {"-s:llama.context_length", 1, EMBED DATA, "lack \"llama.context_length\""},
    {"-s:llama.block_count", 1, EMBED DATA, "lack"},
    {"-s:llama.attention.layer_norm_rms_epsilon", 1, EMBED DATA, "lack"},
    {"s:llama.attention.layer_norm_rms_epsilon 4:6 4:0x7fc00000", 1, EMBED DATA, "must be from"},
    {"s:llama.block_count 4:4 4:0", 1, EMBED DATA, "num_hidden_layers"},
    {"s:llama.block_count 4:4 4:100000", 1, EMBED DATA, "num_hidden_layers"},
    {"s:llama.block_count 4:4 4:-1", 1, EMBED DATA, "must be from 0"},
    {"s:llama.block_count 4:5 4:-1", 1, EMBED DATA, "must be from 0"},
    {"s:llama.block_count 4:8 s:1", 1, EMBED DATA, "must be a whole number"},
    {"s:llama.attention.head_count 4:4 4:0", 1, EMBED DATA, "must be from 1"},
    {"s:llama.attention.head_count 4:9 4:4 8:1 4:2", 1, EMBED DATA, "must be a whole number"},
    {"s:llama.attention.head_count_kv 4:4 4:3", 1, EMBED DATA, "no multiple"},
    {"s:llama.attention.key_length 4:4 4:7", 1, EMBED DATA, "keys of width 7"},
    {"s:llama.attention.value_length 4:4 4:4", 1, EMBED DATA, "values of 4"},
    {"s:llama.rope.dimension_count 4:4 4:4", 1, EMBED DATA, "4 turned"},
    /* what would change the result */
    {"s:llama.expert_count 4:4 4:8", 1, EMBED DATA, "setting expert_count"},
    {"s:llama.attention.sliding_window 4:4 4:4096", 1, EMBED DATA, "setting attention.sliding_window"},
    {"s:llama.attention.causal 4:7 1:0", 1, EMBED DATA, "setting attention.causal"},
    {"s:llama.logit_scale 4:6 4:0x3f000000", 1, EMBED DATA, "setting logit_scale"},
    {"s:llama.final_logit_softcapping 4:6 4:0x41f00000", 1, EMBED DATA, "setting final_logit_softcapping"},
    {"s:llama.rope.dimension_sections 4:9 4:5 8:1 4:8", 1, EMBED DATA, "setting rope.dimension_sections"},
    {"s:llama.attention.max_alibi_bias 4:6 4:0x7fc00000", 1, EMBED DATA, "setting attention.max_alibi_bias"},
    {"s:llama.rope.scaling.type 4:8 s:longrope", 1, EMBED DATA, "\"longrope\" is not supported"},
    {"s:llama.rope.scaling.type 4:8 8:1 1:255", 1, EMBED DATA, "not UTF-8"},
    {"s:llama.rope.freq_base 4:6 4:0x7fc00000", 1, EMBED DATA, "must be from"},
    {"s:llama.rope.freq_base 4:6 4:0", 1, EMBED DATA, "rope_theta"},
    /* tensors */
    {NULL, 0, "", "holds no tensor token_embd.weight"},
    {NULL, 1, V("token_embd.weight", 16, 0, 0) "p:32 z:64", "holds no tensor token_embd.weight"},
    {NULL, 2, EMBED T("blk.0.ffn_gate_exps.weight", 16, 24, 0, 1536) DATA "z:1536",
     "blk.0.ffn_gate_exps.weight, which"},
    {NULL, 2, EMBED T("blk.00.attn_q.weight", 16, 24, 0, 1536) DATA "z:1536", "blk.00.attn_q.weight, which"},
    {NULL, 2, EMBED T("blk.+0.attn_q.weight", 16, 24, 0, 1536) DATA "z:1536", "blk.+0.attn_q.weight, which"},
    {NULL, 2, EMBED T("v.blk.0.attn_q.weight", 16, 24, 0, 1536) DATA "z:1536", "v.blk.0.attn_q.weight, which"},
    {NULL, 2, EMBED ROPE(3) DATA F(0x3f800000) F(0x3f800000) F(0x3f800000), "must hold 4 numbers"},
    {NULL, 2, EMBED ROPE(4) DATA F(0x3f800000) F(0x40000000) F(0x3f800000) F(0x41000000), "not those of Llama 3"},
    {NULL, 2, EMBED ROPE(4) DATA F(0x7fc00000) F(0x3f800000) F(0x3f800000) F(0x3f800000), "not those of Llama 3"},
    {NULL, 2, EMBED ROPE(4) DATA F(0) F(0) F(0) F(0), "not those of Llama 3"},
    {"s:llama.rope.scaling.type 4:8 s:linear", 2, EMBED ROPE(4) DATA "z:16", "has both"},
    {"s:llama.rope.scaling.factor 4:6 4:0x40000000", 2, EMBED ROPE(4) DATA "z:16", "has both"},
};

static char path[] = "/tmp/lace-gguf-config-XXXXXX";

static void what_would_run_wrongly_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_config c;
        struct lace_error err = {.text = ""};
        gguf_write(path, base, cases[i].pair, cases[i].tensors, cases[i].table);
        int code = lace_config_read(&c, path, NULL, &err);
        if (!cases[i].says && code) fail_msg("%s: %s", cases[i].pair, err.text);
        if (cases[i].says && (code != LACE_BAD || !strstr(err.text, cases[i].says)))
            fail_msg("%s, %s: %d %s", cases[i].pair, cases[i].table, code, err.text);
    }
}

static void read_one(const char *pairs, const char *pair, int tensors, const char *table, struct lace_config *c)
{
    struct lace_error err;
    gguf_write(path, pairs, pair, tensors, table);
    if (lace_config_read(c, path, NULL, &err)) fail_msg("%s", err.text);
}

static void fields_are_those_of_config_json(void **state)
{
    static const char qwen[] = "s:general.architecture 4:8 s:qwen2\n"
                               "s:qwen2.context_length 4:4 4:64\n"
                               "s:qwen2.embedding_length 4:4 4:16\n"
                               "s:qwen2.block_count 4:4 4:1\n"
                               "s:qwen2.feed_forward_length 4:4 4:32\n"
                               "s:qwen2.attention.head_count 4:4 4:4\n"
                               "s:qwen2.attention.head_count_kv 4:4 4:2\n"
                               "s:qwen2.rope.scaling.type 4:8 s:yarn\n"
                               "s:qwen2.rope.scaling.factor 4:6 4:0x40800000\n"
                               "s:qwen2.rope.scaling.original_context_length 4:4 4:16\n"
                               "s:qwen2.attention.layer_norm_rms_epsilon 4:6 4:0x3727c5ac\n";
    struct lace_config c;
    read_one(base, NULL, 1, EMBED DATA, &c);
    assert_int_equal(c.family, LACE_LLAMA);
    assert_int_equal(c.vocab_size, 24);
    assert_int_equal(c.hidden_size, 16);
    assert_int_equal(c.intermediate_size, 32);
    assert_int_equal(c.num_key_value_heads, 2);
    assert_int_equal(c.head_dim, 8);
    assert_int_equal(c.max_position_embeddings, 64);
    assert_true(c.rms_norm_eps == (double)1e-5f && c.rope_theta == 10000);
    assert_int_equal(c.rope.type, LACE_ROPE_DEFAULT);
    assert_true(c.tie_word_embeddings && !c.attention_bias && !c.mlp_bias && !c.sliding_window);

    read_one(base, NULL, 2, EMBED T("output.weight", 16, 24, 0, 1536) DATA "z:1536", &c);
    assert_false(c.tie_word_embeddings);
    read_one(base, NULL, 2, EMBED V("blk.0.attn_q.bias", 16, 0, 1536) DATA "z:64", &c);
    assert_true(c.attention_bias && c.output_bias && !c.mlp_bias);
    read_one(base, NULL, 2, EMBED V("blk.0.ffn_down.bias", 16, 0, 1536) DATA "z:64", &c);
    assert_true(c.mlp_bias && !c.attention_bias);
    read_one(base, "s:llama.rope.scale_linear 4:6 4:0x40000000", 1, EMBED DATA, &c);
    assert_true(c.rope.type == LACE_ROPE_LINEAR && c.rope.factor == 2);
    read_one(base, "s:llama.rope.scaling.factor 4:6 4:0x40400000", 1, EMBED DATA, &c);
    assert_true(c.rope.type == LACE_ROPE_LINEAR && c.rope.factor == 3);
    read_one(base, "s:llama.rope.scaling.factor 4:6 4:0", 1, EMBED DATA, &c);
    assert_int_equal(c.rope.type, LACE_ROPE_DEFAULT);

    read_one(qwen, NULL, 1, EMBED DATA, &c);
    assert_int_equal(c.family, LACE_QWEN2);
    assert_true(c.attention_bias && !c.output_bias);
    assert_int_equal(c.head_dim, 4);
    assert_int_equal(c.rope.type, LACE_ROPE_YARN);
    assert_true(c.rope.factor == 4 && c.rope.original == 16 && c.rope.beta_fast == 32 && c.rope.beta_slow == 1);
    assert_true(fabs(c.rope.attention_factor - (0.1 * log(4) + 1)) < 1e-12);
    read_one(qwen, "s:qwen2.rope.scaling.yarn_attn_factor 4:6 4:0x3fc00000", 1, EMBED DATA, &c);
    assert_true(c.rope.attention_factor == 1.5);
}

/* Only whole heads of pairs are put in another order: with others a row would lie outside. */
static void rows_of_whole_heads_are_turned(void **state)
{
    static const struct {
        const char *width, *table;
        int turned;
    } kinds[] = {
        {"s:llama.attention.key_length 4:4 4:8", EMBED T("blk.0.attn_q.weight", 16, 16, 0, 1536) DATA "z:1024", 8},
        {"s:llama.attention.key_length 4:4 4:8", EMBED T("blk.0.attn_v.weight", 16, 16, 0, 1536) DATA "z:1024", 0},
        {"s:llama.attention.key_length 4:4 4:7", EMBED T("blk.0.attn_q.weight", 16, 14, 0, 1536) DATA "z:896", 0},
        {"s:llama.attention.key_length 4:4 4:6", EMBED T("blk.0.attn_q.weight", 16, 14, 0, 1536) DATA "z:896", 0},
        {"s:llama.attention.key_length 4:4 4:0", EMBED T("blk.0.attn_q.weight", 16, 14, 0, 1536) DATA "z:896", 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct lace_weights w;
        struct lace_error err;
        gguf_write(path, base, kinds[i].width, 2, kinds[i].table);
        if (lace_weights_open_gguf(&w, path, &err)) fail_msg("%s", err.text);
        assert_int_equal(w.count, 2);
        assert_int_equal(w.tensors[0].turned + w.tensors[1].turned, kinds[i].turned);
        lace_weights_close(&w);
    }
}

static int make_path(void **state)
{
    int fd = mkstemp(path);
    return fd < 0 || close(fd);
}
static int remove_path(void **state) { return unlink(path); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_run_wrongly_is_refused),
        cmocka_unit_test(fields_are_those_of_config_json),
        cmocka_unit_test(rows_of_whole_heads_are_turned),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
