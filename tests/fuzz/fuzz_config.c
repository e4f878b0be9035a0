/* config.json: what passes must be a model whose rotation can be computed. */
#include "fuzz.h"
#include "model/config.h"
#include <math.h>

#define SIZES                                                                                                          \
    "\"vocab_size\":100,\"hidden_size\":64,\"intermediate_size\":128,\"num_hidden_layers\":4,\"num_attention_heads\":" \
    "4"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_config c;
    struct lace_error err;
    float frequency[1024];
    if (lace_config_parse(&c, (const char *)data, size, "input", &err)) {
        if (!err.text[0]) abort();
        return 0;
    }
    if (c.head_dim > 1024 || c.num_hidden_layers > LACE_MAX_LAYERS || lace_config_context(&c) < 1) abort();
    int positions[] = {0, c.max_position_embeddings, lace_config_context(&c)};
    for (int k = 0; k < 3; k++) {
        if (!isfinite(lace_rope_frequencies(&c, positions[k], frequency))) abort();
        for (int i = 0; i < c.head_dim / 2; i++)
            if (!(frequency[i] >= 0 && frequency[i] <= 1)) abort();
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"model_type\":\"llama\"," SIZES ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,"
        "\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_position_embeddings\":512}}",
        "{\"model_type\":\"qwen2\"," SIZES ",\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4,\"mscale\":1,"
        "\"mscale_all_dim\":2,\"truncate\":false},\"use_sliding_window\":true,\"max_window_layers\":2}",
        "{\"model_type\":\"mistral\"," SIZES ",\"sliding_window\":9,\"rope_parameters\":{\"rope_type\":\"dynamic\","
        "\"factor\":2,\"rope_theta\":1e5},\"layer_types\":[\"sliding_attention\",\"full_attention\","
        "\"full_attention\",\"full_attention\"]}",
        "{\"model_type\":\"smollm3\"," SIZES ",\"no_rope_layers\":[1,1,0,1],\"mlp_bias\":true,\"attention_bias\":true}",
        "{\"model_type\":\"qwen3\"," SIZES ",\"head_dim\":16,\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
