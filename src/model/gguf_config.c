/* The metadata of a GGUF file as the config.json of the checkpoint that it was made from, so that both have one reader and
 * are refused by the same rules. Some of it stands in the tensors only: the vocabulary's size, whether the head is tied,
 * which layers have biases, and the rotary scaling of Llama 3 (a divisor for each pair). */
#include "io/gguf.h"
#include "io/json.h"
#include "model/config.h"
#include "model/gguf_config.h"
#include <limits.h>
#include <math.h>
#include <string.h>

struct source {
    const struct lace_gguf *file;
    const char *arch; /* what the keys of the model begin with */
    struct lace_weights weights;
    json_t *o; /* config.json */
};

static const struct {
    const char *arch, *architecture; /* the latter as config.json has it */
} families[] = {{"llama", "LlamaForCausalLM"},
                {"qwen2", "Qwen2ForCausalLM"},
                {"qwen3", "Qwen3ForCausalLM"},
                {"smollm3", "SmolLM3ForCausalLM"}};
enum { FAMILIES = sizeof families / sizeof *families };

/* ---- reading ---- */

static const char *key_of(const struct source *s, const char *name, char key[96])
{
    snprintf(key, 96, "%s.%s", s->arch, name);
    return key;
}

static int missing(const struct source *s, const char *key, struct lace_error *err)
{
    return lace_fail(err, LACE_BAD, "%.200s: the metadata lack \"%s\"; the file holds no whole model.", s->file->path,
                     key);
}

/* fallback < 0: it must be there. */
static int whole(const struct source *s, const char *name, long fallback, long *out, struct lace_error *err)
{
    char key[96];
    int code = lace_gguf_int(s->file, key_of(s, name, key), fallback, 0, INT_MAX, out, err);
    return !code && *out < 0 ? missing(s, key, err) : code;
}

static int real(const struct source *s, const char *name, double fallback, double *out, struct lace_error *err)
{
    char key[96];
    int code = lace_gguf_real(s->file, key_of(s, name, key), fallback, -1e12, 1e12, out, err);
    return !code && isnan(*out) ? missing(s, key, err) : code;
}

static void set(struct source *s, const char *key, long value) { json_object_set_new(s->o, key, json_integer(value)); }

static int find_family(struct source *s, struct lace_error *err)
{
    struct lace_string type, arch;
    const char *path = s->file->path;
    int code = lace_gguf_string(s->file, "general.type", &type, err);
    if (code || (code = lace_gguf_string(s->file, "general.architecture", &arch, err))) return code;
    if (type.bytes && (type.len != 5 || memcmp(type.bytes, "model", 5)))
        return lace_fail(err, LACE_BAD, "%.200s holds a GGUF of type %.*s, not a model.", path,
                         (int)(type.len < 40 ? type.len : 40), type.bytes);
    if (!arch.bytes) return missing(s, "general.architecture", err);
    for (int i = 0; i < FAMILIES; i++)
        if (strlen(families[i].arch) == arch.len && !memcmp(families[i].arch, arch.bytes, arch.len)) {
            s->arch = families[i].arch;
            json_object_set_new(s->o, "model_type", json_string(s->arch));
            json_object_set_new(s->o, "architectures", json_pack("[s]", families[i].architecture));
            return 0;
        }
    return lace_fail(
        err, LACE_BAD,
        "%.200s: the architecture \"%.*s\" is not supported; of GGUF files lace runs llama (Llama, Mistral, "
        "SmolLM), qwen2, qwen3 and smollm3.",
        path, (int)(arch.len < 40 ? arch.len : 40), arch.bytes);
}

static int read_sizes(struct source *s, struct lace_error *err)
{
    static const struct {
        const char *name, *field;
    } sizes[] = {{"context_length", "max_position_embeddings"},
                 {"embedding_length", "hidden_size"},
                 {"block_count", "num_hidden_layers"},
                 {"feed_forward_length", "intermediate_size"},
                 {"attention.head_count", "num_attention_heads"}};
    long n[5], kv, key, value, turned;
    double eps;
    int code;
    for (int i = 0; i < 5; i++) {
        if ((code = whole(s, sizes[i].name, -1, &n[i], err))) return code;
        set(s, sizes[i].field, n[i]);
    }
    long head = n[4] > 0 ? n[1] / n[4] : 0;
    if ((code = whole(s, "attention.head_count_kv", n[4], &kv, err)) ||
        (code = whole(s, "attention.key_length", head, &key, err)) ||
        (code = whole(s, "attention.value_length", head, &value, err)) ||
        (code = whole(s, "rope.dimension_count", key, &turned, err)) ||
        (code = real(s, "attention.layer_norm_rms_epsilon", NAN, &eps, err)))
        return code;
    if (value != key || turned != key)
        return lace_fail(
            err, LACE_BAD,
            "%.200s: keys of width %ld, values of %ld and %ld turned dimensions; lace computes heads where "
            "the three are one.",
            s->file->path, key, value, turned);
    set(s, "num_key_value_heads", kv);
    set(s, "head_dim", key);
    json_object_set_new(s->o, "rms_norm_eps", json_real(eps));
    return 0;
}

/* What the tensors say. */
static int read_tensors(struct source *s, struct lace_error *err)
{
    const struct lace_tensor *table = lace_weights_take(&s->weights, "model.embed_tokens.weight");
    if (!table || table->rank != 2 || table->shape[0] > INT_MAX)
        return lace_fail(err, LACE_BAD, "%.200s holds no tensor token_embd.weight; it is no whole model.",
                         s->file->path);
    set(s, "vocab_size", (long)table->shape[0]);
    bool tied = !lace_weights_take(&s->weights, "lm_head.weight"),
         bias = lace_weights_take(&s->weights, "model.layers.0.self_attn.q_proj.bias") != NULL,
         mlp_bias = lace_weights_take(&s->weights, "model.layers.0.mlp.down_proj.bias") != NULL;
    json_object_set_new(s->o, "tie_word_embeddings", json_boolean(tied));
    if (bias && strcmp(s->arch, "qwen2")) json_object_set_new(s->o, "attention_bias", json_true());
    if (mlp_bias) json_object_set_new(s->o, "mlp_bias", json_true());
    return 0;
}

/* ---- rotary embedding ---- */

/* What Llama 3's scaling divides the frequency of a pair by: 1 for those that turn often within the context of
 * pre-training, the factor for the slow ones, and between what rope.c has. low_freq_factor is 1 and high_freq_factor 4 in
 * all of these models. */
static double divisor(double theta, double factor, double original, int pair, int d)
{
    double turns = original / (2 * M_PI * pow(theta, 2.0 * pair / d)), smooth = (turns - 1) / (4 - 1);
    return turns > 4 ? 1 : turns < 1 ? factor : 1 / ((1 - smooth) / factor + smooth);
}

/* Finds the scaling that a table of divisors was made by. */
static int read_divisors(struct source *s, const struct lace_tensor *t, double theta, struct lace_error *err)
{
    float table[512];
    int d = (int)json_integer_value(json_object_get(s->o, "head_dim")), pairs = d / 2;
    double factor = 1;
    if (t->rank != 1 || t->shape[0] != (uint64_t)pairs || pairs < 1 || pairs > 512 || t->type != LACE_T_F32)
        return lace_fail(err, LACE_BAD, "%.200s: rope_freqs.weight must hold %d numbers of F32, one for each pair.",
                         s->file->path, pairs);
    int code = lace_tensor_to_f32(t, 0, (size_t)pairs, table, err);
    if (code) return code;
    for (int i = 0; i < pairs; i++) factor = fmax(factor, table[i]);
    for (long original = 1; original <= 1 << 24; original *= 2) {
        bool same = true;
        for (int i = 0; i < pairs && same; i++) /* they were rounded to f32, after sums in f32 */
            same = fabs(table[i] / divisor(theta, factor, (double)original, i, d) - 1) < 1e-5;
        if (!same) continue;
        json_object_set_new(s->o, "rope_scaling",
                            json_pack("{s:s, s:f, s:f, s:f, s:I}", "rope_type", "llama3", "factor", factor,
                                      "low_freq_factor", 1.0, "high_freq_factor", 4.0,
                                      "original_max_position_embeddings", (json_int_t)original));
        return 0;
    }
    return lace_fail(
        err, LACE_BAD,
        "%.200s: the divisors of rope_freqs.weight are not those of Llama 3's rotary scaling, which is the "
        "one that lace computes.",
        s->file->path);
}

static int read_yarn(struct source *s, json_t *scaling, struct lace_error *err)
{
    double fast, slow, attention;
    long original, context = (long)json_integer_value(json_object_get(s->o, "max_position_embeddings"));
    int code;
    if ((code = whole(s, "rope.scaling.original_context_length", context, &original, err)) ||
        (code = real(s, "rope.scaling.yarn_beta_fast", 32, &fast, err)) ||
        (code = real(s, "rope.scaling.yarn_beta_slow", 1, &slow, err)) ||
        (code = real(s, "rope.scaling.yarn_attn_factor", 0, &attention, err)))
        return code;
    if (attention != 0) json_object_set_new(scaling, "attention_factor", json_real(attention));
    json_object_set_new(scaling, "original_max_position_embeddings", json_integer(original));
    json_object_set_new(scaling, "beta_fast", json_real(fast));
    json_object_set_new(scaling, "beta_slow", json_real(slow));
    return 0;
}

static int read_rope(struct source *s, struct lace_error *err)
{
    const struct lace_tensor *divisors = lace_weights_take(&s->weights, "rope_freqs.weight");
    struct lace_string type;
    char key[96];
    double theta, factor, old;
    int code;
    if ((code = real(s, "rope.freq_base", 10000, &theta, err)) ||
        (code = real(s, "rope.scale_linear", 1, &old, err)) || /* what older files have */
        (code = real(s, "rope.scaling.factor", old, &factor, err)) ||
        (code = lace_gguf_string(s->file, key_of(s, "rope.scaling.type", key), &type, err)))
        return code;
    json_object_set_new(s->o, "rope_theta", json_real(theta));
    /* a factor without a type is linear, and 0 counts as 1, as llama.cpp has it */
    bool none = type.bytes ? type.len == 4 && !memcmp(type.bytes, "none", 4) : factor == 1 || factor == 0;
    if (divisors && !none)
        return lace_fail(err, LACE_BAD, "%.200s has both rope_freqs.weight and \"%s\"; lace computes one scaling.",
                         s->file->path, type.bytes ? key : "rope.scaling.factor");
    if (divisors) return read_divisors(s, divisors, theta, err);
    if (none) return 0;
    json_t *scaling = json_pack("{s:f}", "factor", factor);
    json_object_set_new(s->o, "rope_scaling", scaling);
    /* config.c refuses a name that it does not know */
    json_object_set_new(scaling, "rope_type", type.bytes ? json_stringn(type.bytes, type.len) : json_string("linear"));
    if (!json_object_get(scaling, "rope_type"))
        return lace_fail(err, LACE_BAD, "%.200s: \"%s\" is not UTF-8.", s->file->path, key);
    return type.bytes && type.len == 4 && !memcmp(type.bytes, "yarn", 4) ? read_yarn(s, scaling, err) : 0;
}

/* ---- the rest ---- */

/* Keys of the model that nothing above reads are held to the rules for unknown fields of config.json. */
static int refuse_others(const struct source *s, struct lace_error *err)
{
    static const char *const read[] = {"attention.head_count",
                                       "attention.head_count_kv",
                                       "attention.key_length",
                                       "attention.layer_norm_rms_epsilon",
                                       "attention.value_length",
                                       "block_count",
                                       "context_length",
                                       "embedding_length",
                                       "feed_forward_length",
                                       "rope.dimension_count",
                                       "rope.freq_base",
                                       "rope.scale_linear",
                                       "rope.scaling.factor",
                                       "rope.scaling.finetuned",
                                       "rope.scaling.original_context_length",
                                       "rope.scaling.type",
                                       "rope.scaling.yarn_attn_factor",
                                       "rope.scaling.yarn_beta_fast",
                                       "rope.scaling.yarn_beta_slow",
                                       "use_parallel_residual", /* Qwen1.5's say so; it is of other architectures */
                                       "vocab_size",
                                       NULL};
    json_t *others = json_object();
    size_t len = strlen(s->arch);
    for (size_t i = 0; i < s->file->pair_count && others; i++) {
        const struct lace_gguf_pair *pair = &s->file->pairs[i];
        if (strncmp(pair->key, s->arch, len) || pair->key[len] != '.') continue;
        const char *name = pair->key + len + 1;
        json_t *value = pair->array                      ? json_pack("[i]", 1)
                        : pair->type == LACE_GGUF_STRING ? json_true()
                        : pair->type == LACE_GGUF_BOOL   ? json_boolean(pair->data[0])
                                                         : json_real(lace_gguf_number(pair, 0));
        if (!value) value = json_true();         /* a number that is none */
        if (!strcmp(name, "attention.causal")) { /* off is what would change the result */
            json_object_set_new(others, name, json_boolean(!json_is_true(value)));
            json_decref(value);
        } else if (lace_name_index(read, name) >= 0) json_decref(value);
        else json_object_set_new(others, name, value);
    }
    int code = others ? lace_config_refuse_unknown(others, s->file->path, err)
                      : lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", s->file->path);
    json_decref(others);
    return code;
}

static int read_all(struct source *s, struct lace_error *err)
{
    int code = lace_gguf_check_first(s->file, err);
    if (!code) code = find_family(s, err);
    if (!code) code = lace_weights_open_gguf(&s->weights, s->file->path, err);
    if (!code) code = read_sizes(s, err);
    if (!code) code = read_tensors(s, err);
    if (!code) code = read_rope(s, err);
    return code ? code : refuse_others(s, err);
}

int lace_gguf_config(const char *path, char **text, struct lace_error *err)
{
    struct lace_gguf file;
    struct source s = {.file = &file};
    *text = NULL;
    int code = lace_gguf_open(&file, path, err);
    if (code) return code;
    if (!(s.o = json_object())) code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    if (!code) code = read_all(&s, err);
    char *dumped = code ? NULL : json_dumps(s.o, JSON_COMPACT);
    if (dumped && (*text = lace_alloc(strlen(dumped) + 1))) strcpy(*text, dumped);
    if (!code && !*text) code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    free(dumped);
    json_decref(s.o);
    lace_weights_close(&s.weights);
    lace_gguf_close(&file);
    return code;
}
