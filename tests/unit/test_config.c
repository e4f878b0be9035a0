/* config.json: what is read of each family, with the defaults of Transformers; and what is refused, by name, because
 * lace would compute something else than the model. */
#include "model/config.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZES                                                                                                          \
    "\"vocab_size\": 100, \"hidden_size\": 64, \"intermediate_size\": 128, \"num_hidden_layers\": 4, "                 \
    "\"num_attention_heads\": 4"
#define MODEL(type, rest) "{\"model_type\": \"" type "\", " SIZES rest "}"

static int parse(struct lace_config *c, const char *json, struct lace_error *err)
{
    err->text[0] = 0;
    return lace_config_parse(c, json, strlen(json), "here", err);
}

static struct lace_config good(const char *json)
{
    struct lace_config c;
    struct lace_error err;
    if (parse(&c, json, &err)) fail_msg("%s: %s", json, err.text);
    return c;
}

static void families_have_their_defaults(void **state)
{
    struct lace_config c = good(MODEL("llama", ""));
    assert_int_equal(c.family, LACE_LLAMA);
    assert_int_equal(c.head_dim, 16);
    assert_int_equal(c.num_key_value_heads, 4);
    assert_int_equal(c.max_position_embeddings, 2048);
    assert_true(c.rope_theta == 10000 && c.rms_norm_eps == 1e-6);
    assert_false(c.attention_bias || c.output_bias || c.mlp_bias || c.tie_word_embeddings || c.sliding_window);
    assert_false(lace_config_qk_norm(&c));
    c = good(MODEL("llama", ", \"attention_bias\": true, \"mlp_bias\": true, \"num_key_value_heads\": null"));
    assert_true(c.attention_bias && c.output_bias && c.mlp_bias);
    c = good(MODEL("qwen2", ""));
    assert_true(c.attention_bias);
    assert_false(c.output_bias || c.sliding_window);
    c = good(MODEL("qwen3", ""));
    assert_int_equal(c.head_dim, 128);
    assert_true(lace_config_qk_norm(&c));
    c = good(MODEL("mistral", ""));
    assert_int_equal(c.sliding_window, 4096);
    assert_true(c.sliding[0] && c.sliding[3]);
    c = good(MODEL("mistral", ", \"sliding_window\": null"));
    assert_false(c.sliding_window || c.sliding[0]);
    c = good(MODEL("smollm3", ""));
    assert_true(c.tie_word_embeddings && c.rope_theta == 2e6);
    assert_true(!c.unturned[0] && !c.unturned[2] && c.unturned[3]);
    c = good(MODEL("smollm3", ", \"no_rope_layers\": [0, 1, 1, 0, 1]"));
    assert_true(c.unturned[0] && !c.unturned[1] && c.unturned[3]);
}

static void windows_slide_where_they_should(void **state)
{
    struct lace_config c =
        good(MODEL("qwen2", ", \"use_sliding_window\": true, \"sliding_window\": 9, \"max_window_layers\": 2"));
    assert_true(!c.sliding[0] && !c.sliding[1] && c.sliding[2] && c.sliding[3]);
    assert_int_equal(c.sliding_window, 9);
    c = good(MODEL("qwen2", ", \"use_sliding_window\": false, \"sliding_window\": 9, \"max_window_layers\": 0"));
    assert_false(c.sliding[3] || c.sliding_window);
    c = good(MODEL("qwen2", ", \"use_sliding_window\": true, \"sliding_window\": null, \"max_window_layers\": 0"));
    assert_false(c.sliding[3]);
    c = good(MODEL("qwen3", ", \"use_sliding_window\": true, \"layer_types\": [\"sliding_attention\", "
                            "\"full_attention\", \"full_attention\", \"sliding_attention\"]"));
    assert_int_equal(c.sliding_window, 4096);
    assert_true(c.sliding[0] && !c.sliding[1] && !c.sliding[2] && c.sliding[3]);
    c = good(MODEL("smollm3", ", \"use_sliding_window\": true, \"sliding_window\": 8"));
    assert_true(!c.sliding[0] && c.sliding[3]);
    c = good(MODEL("llama", ", \"layer_types\": [\"full_attention\", \"full_attention\", \"full_attention\", "
                            "\"full_attention\"], \"sliding_window\": 4096, \"use_sliding_window\": false"));
    assert_false(c.sliding[0]);
}

static void rotation_is_read_under_all_its_names(void **state)
{
    struct lace_config c = good(MODEL("llama", ", \"rope_theta\": 5e5, \"rope_scaling\": {\"type\": \"linear\", "
                                               "\"factor\": 4}"));
    assert_true(c.rope.type == LACE_ROPE_LINEAR && c.rope.factor == 4 && c.rope_theta == 5e5);
    assert_int_equal(lace_config_context(&c), 8192);
    c = good(MODEL("llama", ", \"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 4.0, \"rope_theta\": 7}"));
    assert_true(c.rope.type == LACE_ROPE_LINEAR && c.rope_theta == 7);
    c = good(MODEL("llama",
                   ", \"rope_scaling\": null, \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": "
                   "9.0}"));
    assert_true(c.rope.type == LACE_ROPE_DEFAULT && c.rope_theta == 9);
    assert_int_equal(lace_config_context(&c), 2048);
    c = good(MODEL("qwen2", ", \"max_position_embeddings\": 32768, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": "
                            "4.0, \"original_max_position_embeddings\": 32768}"));
    assert_true(c.rope.type == LACE_ROPE_YARN && c.rope.beta_fast == 32 && c.rope.beta_slow == 1);
    assert_true(fabs(c.rope.attention_factor - (0.1 * log(4) + 1)) < 1e-12);
    assert_int_equal(lace_config_context(&c), 131072);
    c = good(MODEL("llama", ", \"rope_scaling\": {\"type\": \"dynamic\", \"rope_type\": \"llama3\", \"factor\": 8, "
                            "\"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": "
                            "512}"));
    assert_true(c.rope.type == LACE_ROPE_LLAMA3 && c.rope.original == 512);
    c = good(MODEL("llama", ", \"original_max_position_embeddings\": 64, \"rope_scaling\": {\"rope_type\": \"llama3\", "
                            "\"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4}"));
    assert_true(c.rope.original == 64);
}

/* Fields that real checkpoints carry and that change nothing. */
static void harmless_fields_are_let_be(void **state)
{
    good(MODEL("llama",
               ", \"_name_or_path\": \"x\", \"_attn_implementation\": \"sdpa\", \"architectures\": "
               "[\"LlamaForCausalLM\"], \"attention_dropout\": 0.1, \"bos_token_id\": 1, \"eos_token_id\": "
               "[1, 2], \"head_dim\": null, \"hidden_act\": \"silu\", \"initializer_range\": 0.02, "
               "\"is_llama_config\": true, \"mlp_bias\": false, \"partial_rotary_factor\": 1.0, "
               "\"pretraining_tp\": 1, \"quantization_config\": null, \"rope_interleaved\": false, "
               "\"tokenizer_class\": \"T\", \"torch_dtype\": \"bfloat16\", \"transformers.js_config\": {\"a\": "
               "1}, \"transformers_version\": \"4\", \"unsloth_fixed\": true, \"use_cache\": true, "
               "\"attn_logit_softcapping\": null, \"num_experts\": 0, \"logits_scaling\": 1"));
}

static void what_would_run_wrongly_is_refused(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"", "JSON"},
        {"[]", "object"},
        {"1", "object"},
        {"{}", "model_type"},
        {"{\"model_type\": 3}", "model_type"},
        {"{\"model_type\": \"llama\"}", "vocab_size"},
        {"{\"model_type\": \"gemma\"}", "gemma"},
        {MODEL("mixtral", ""), "mixtral"},
        {MODEL("qwen2_moe", ""), "qwen2_moe"},
        {MODEL("llama", ", \"architectures\": [\"LlamaForSequenceClassification\"]"), "LlamaForSequenceClassification"},
        {MODEL("llama", ", \"architectures\": [\"MistralForCausalLM\"]"), "MistralForCausalLM"},
        {MODEL("llama", ", \"hidden_act\": \"gelu\""), "gelu"},
        {MODEL("llama", ", \"hidden_act\": 1"), "hidden_act"},
        {MODEL("llama", ", \"partial_rotary_factor\": 0.5"), "partial_rotary_factor"},
        {MODEL("llama", ", \"partial_rotary_factor\": 0"), "partial_rotary_factor"},
        {MODEL("llama", ", \"residual_multiplier\": 0"), "residual_multiplier"},
        {MODEL("llama", ", \"quantization_config\": {\"quant_method\": \"awq\"}"), "quantization_config"},
        {MODEL("llama", ", \"attn_logit_softcapping\": 50.0"), "attn_logit_softcapping"},
        {MODEL("llama", ", \"final_logit_softcapping\": 30.0"), "final_logit_softcapping"},
        {MODEL("llama", ", \"num_local_experts\": 8"), "num_local_experts"},
        {MODEL("llama", ", \"residual_multiplier\": 0.2"), "residual_multiplier"},
        {MODEL("llama", ", \"logits_scaling\": 8"), "logits_scaling"},
        {MODEL("llama", ", \"use_qk_norm\": true"), "use_qk_norm"},
        {MODEL("llama", ", \"sliding_window\": 64"), "sliding_window"},
        {MODEL("llama", ", \"no_rope_layers\": [1, 1, 1, 0]"), "no_rope_layers"},
        {MODEL("llama", ", \"sliding_window_pattern\": 6"), "sliding_window_pattern"},
        {MODEL("mistral", ", \"attention_bias\": true"), "attention_bias"},
        {MODEL("qwen3", ", \"mlp_bias\": true"), "mlp_bias"},
        {MODEL("mistral", ", \"sliding_window\": 0"), "sliding_window"},
        {MODEL("mistral", ", \"sliding_window\": -1"), "sliding_window"},
        {MODEL("mistral", ", \"sliding_window\": 1.5"), "sliding_window"},
        {MODEL("qwen2", ", \"layer_types\": [\"full_attention\"]"), "layer_types"},
        {MODEL("qwen2", ", \"layer_types\": {\"0\": \"full_attention\"}"), "layer_types"},
        {MODEL("qwen2", ", \"layer_types\": [\"full_attention\", \"full_attention\", \"full_attention\", 1]"),
         "layer_types[3]"},
        {MODEL("qwen2", ", \"layer_types\": [\"full_attention\", \"linear_attention\", \"full_attention\", "
                        "\"full_attention\"]"),
         "linear_attention"},
        {MODEL("qwen2", ", \"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\", "
                        "\"full_attention\"]"),
         "no sliding_window"},
        {MODEL("smollm3", ", \"no_rope_layers\": [1, 0]"), "no_rope_layers"},
        {MODEL("smollm3", ", \"no_rope_layers\": [1, 0, 2, 1]"), "no_rope_layers[2]"},
        {MODEL("smollm3", ", \"no_rope_layer_interval\": 0"), "no_rope_layer_interval"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"longrope\"}"), "longrope"},
        {MODEL("llama", ", \"rope_scaling\": {\"type\": \"su\", \"factor\": 2}"), "su"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": 1}"), "rope_type"},
        {MODEL("llama", ", \"rope_scaling\": [1]"), "rotary scaling"},
        {MODEL("llama", ", \"rope_scaling\": \"linear\""), "rotary scaling"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"linear\"}"), "factor"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 0.5}"), "factor"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 1e300}"), "factor"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": \"2\"}"), "factor"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2, \"mrope_section\": [1]}"),
         "mrope_section"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"default\", \"partial_rotary_factor\": 0.5}"),
         "partial_rotary_factor"},
        {MODEL("llama", ", \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"default\"}}"), "full_attention"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8}"), "low_freq_factor"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, "
                        "\"high_freq_factor\": 4}"),
         "high_freq_factor"},
        {MODEL("llama", ", \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4, "
                        "\"original_max_position_embeddings\": 0}"),
         "original_max_position_embeddings"},
        {MODEL("llama", ", \"rope_theta\": 1, \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}"),
         "rope_theta"},
        {MODEL("llama", ", \"head_dim\": 2, \"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 4}"),
         "head_dim"},
        {MODEL("llama", ", \"rope_theta\": 0"), "rope_theta"},
        {MODEL("llama", ", \"rope_theta\": \"1e4\""), "rope_theta"},
        {MODEL("llama", ", \"rms_norm_eps\": -1"), "rms_norm_eps"},
        {MODEL("llama", ", \"head_dim\": 15"), "odd"},
        {MODEL("llama", ", \"head_dim\": 0"), "head_dim"},
        {MODEL("llama", ", \"head_dim\": 4096"), "head_dim"},
        {MODEL("llama", ", \"num_key_value_heads\": 3"), "no multiple"},
        {MODEL("llama", ", \"num_key_value_heads\": 0"), "num_key_value_heads"},
        {MODEL("llama", ", \"tie_word_embeddings\": 1"), "tie_word_embeddings"},
        {MODEL("llama", ", \"max_position_embeddings\": 0"), "max_position_embeddings"},
        {MODEL("llama", ", \"max_position_embeddings\": 99999999999999999999"), "JSON"},
        {MODEL("llama", ", \"vocab_size\": 100"), "duplicate"},
        {"{\"model_type\": \"llama\", \"vocab_size\": 1e2}", "vocab_size"},
        {"{\"model_type\": \"llama\", \"vocab_size\": 2147483648}", "vocab_size"},
        {"{\"model_type\": \"llama\", \"vocab_size\": 1, \"hidden_size\": 6, \"intermediate_size\": 1, "
         "\"num_hidden_layers\": 1, \"num_attention_heads\": 4}",
         "no multiple of the 4 heads"},
        {"{\"model_type\": \"llama\", \"vocab_size\": 1, \"hidden_size\": 6, \"intermediate_size\": 1, "
         "\"num_hidden_layers\": 257, \"num_attention_heads\": 4}",
         "num_hidden_layers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_config c;
        struct lace_error err;
        int code = parse(&c, cases[i].json, &err);
        if (code != LACE_BAD || !strstr(err.text, cases[i].says) || memcmp(err.text, "here", 4))
            fail_msg("%s: %d %s", cases[i].json, code, err.text);
    }
}

/* What is written reads back the same, and what was read is written with the fields that lace does not know. */
static void configurations_go_round(void **state)
{
    static const char *const list[] = {
        MODEL("llama", ", \"attention_bias\": true, \"mlp_bias\": true, \"rope_scaling\": {\"rope_type\": \"llama3\", "
                       "\"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4, "
                       "\"original_max_position_embeddings\": 512}"),
        MODEL("qwen2", ", \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.5, \"truncate\": false}"),
        MODEL("qwen2", ", \"use_sliding_window\": true, \"sliding_window\": 9, \"max_window_layers\": 2"),
        MODEL("qwen3", ", \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}, \"attention_bias\": true"),
        MODEL("mistral", ", \"sliding_window\": null, \"head_dim\": 24"),
        MODEL("mistral", ", \"rope_theta\": 1000000.0, \"rms_norm_eps\": 1e-05"),
        MODEL("smollm3", ", \"no_rope_layers\": [0, 1, 1, 0]"),
    };
    char dir[] = "/tmp/lace-config-XXXXXX", *text;
    struct lace_error err;
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct lace_config c = good(list[i]), again;
        if (lace_config_write(&c, NULL, "bfloat16", dir, &err)) fail_msg("%s", err.text);
        if (lace_config_read(&again, dir, &text, &err)) fail_msg("%s: %s", list[i], err.text);
        assert_true(fabs(c.rope.attention_factor - again.rope.attention_factor) < 1e-12); /* 15 digits are written */
        again.rope.attention_factor = c.rope.attention_factor;
        assert_memory_equal(&c, &again, sizeof c);
        assert_non_null(strstr(text, "\"torch_dtype\": \"bfloat16\""));
        lace_free(text);
    }
    struct lace_config c = good(list[0]), again;
    static const char known[] = MODEL("llama", ", \"eos_token_id\": [7, 8], \"dtype\": \"float16\"");
    assert_int_equal(lace_config_write(&c, known, "float32", dir, &err), 0);
    assert_int_equal(lace_config_read(&again, dir, &text, &err), 0);
    assert_non_null(strstr(text, "\"eos_token_id\""));
    assert_non_null(strstr(text, "\"dtype\": \"float32\""));
    lace_free(text);
    lace_remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_have_their_defaults),         cmocka_unit_test(windows_slide_where_they_should),
        cmocka_unit_test(rotation_is_read_under_all_its_names), cmocka_unit_test(harmless_fields_are_let_be),
        cmocka_unit_test(what_would_run_wrongly_is_refused),    cmocka_unit_test(configurations_go_round),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
