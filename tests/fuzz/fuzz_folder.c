/* Small files of a model's folder, by the first byte: L a lattice_config.json, I an index of shards, T a
 * tokenizer_config.json with its chat template. What passes must lie within the limits that the readers promise. */
#include "fuzz.h"
#include "io/weights.h"
#include "model/config.h"
#include "text/chat.h"
#include <limits.h>
#include <stdio.h>

static const struct lace_config backbone = {.vocab_size = 64,
                                            .hidden_size = 64,
                                            .intermediate_size = 128,
                                            .num_hidden_layers = 4,
                                            .num_attention_heads = 4,
                                            .num_key_value_heads = 2,
                                            .head_dim = 16};
static char folder[64];

/* One tensor "w" of two F32, in the shard that the index below names. */
static const char shard[] =
    "\x38\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  \0\0\0\0\0\0\0\0";

static void put(const char *name, const void *bytes, size_t len)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file)) abort();
}

static void take_away(const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    remove(path);
}

static void leave(void)
{
    take_away("model-00001-of-00001.safetensors");
    remove(folder);
}

static void read_lattice(void)
{
    struct lace_lattice_config l;
    struct lace_error err = {""};
    if (lace_lattice_config_read(&l, &backbone, folder, &err)) {
        if (!err.text[0]) abort();
        return;
    }
    if (l.layer_count < 1 || l.layer_count > backbone.num_hidden_layers || l.width % l.heads) abort();
    for (int i = 0; i < l.layer_count; i++)
        if (l.layers[i] < 0 || l.layers[i] >= backbone.num_hidden_layers) abort();
    if (l.axes[0] + l.axes[1] + l.axes[2] != l.width / l.heads || l.max_threads < 1) abort();
}

static void read_index(void)
{
    struct lace_weights w;
    struct lace_error err = {""};
    if (lace_weights_open_model(&w, folder, &err)) {
        if (!err.text[0]) abort();
        return;
    }
    for (size_t i = 0; i < w.count; i++)
        if (w.tensors[i].bytes != 8) abort();
    lace_weights_close(&w);
}

static void read_template(void)
{
    struct lace_chat_template *chat;
    struct lace_chat_options options = {.add_generation_prompt = 1, .now = 1};
    struct lace_error err = {""};
    struct lace_text out;
    if (lace_chat_template_open(&chat, folder, &err)) {
        if (!err.text[0]) abort();
        return;
    }
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "hi");
    lace_text_init(&out);
    if (lace_chat_template_render(chat, messages, &options, &out, &err) && !err.text[0]) abort();
    lace_text_release(&out);
    json_decref(messages);
    lace_chat_template_close(&chat);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        char first;
        const char *name;
        void (*read)(void);
    } doors[] = {{'L', "lattice_config.json", read_lattice},
                 {'I', "model.safetensors.index.json", read_index},
                 {'T', "tokenizer_config.json", read_template}};
    if (!folder[0]) {
        strcpy(folder, "/dev/shm/lace-fuzz-XXXXXX");
        if (!mkdtemp(folder)) abort();
        put("model-00001-of-00001.safetensors", shard, sizeof shard - 1);
        atexit(leave);
    }
    for (size_t i = 0; i < sizeof doors / sizeof *doors && size; i++)
        if (*data == doors[i].first) {
            put(doors[i].name, data + 1, size - 1);
            doors[i].read();
            take_away(doors[i].name);
        }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "L{\"lattice_type\":\"lattice\",\"layers\":[1,2],\"width\":16,\"heads\":1,\"visible\":\"window\",\"window\":3,"
        "\"self\":false,\"topology\":\"ring\",\"ring\":1,\"axes\":[8,4,4],\"theta\":[1e4,100,100],\"max_threads\":8}",
        "L{\"lattice_type\":\"full\",\"layers\":[3],\"axes\":[8,4,4]}",
        "I{\"metadata\":{\"total_size\":8},\"weight_map\":{\"w\":\"model-00001-of-00001.safetensors\"}}",
        "T{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"},\"extra_special_tokens\":{\"x_token\":\"<x>\"},"
        "\"chat_template\":\"{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}\"}",
        "T{\"chat_template\":[{\"name\":\"default\",\"template\":\"{{ eos_token }}\"},{\"name\":\"tool_use\","
        "\"template\":\"{% if tools %}t{% endif %}\"}]}",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
