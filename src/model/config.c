/* config.json. What it says beyond the fields read here is either known to change nothing, or refused: an unmodified
 * checkpoint runs as Transformers runs it, and a model that this engine would compute wrongly does not run at all. */
#include "model/config.h"
#include "io/json.h"
#include "io/model_dir.h"
#include "model/gguf_config.h"
#include <limits.h>
#include <math.h>
#include <string.h>

/* What Transformers takes where a field is missing. */
static const struct family {
    const char *model_type, *architecture;
    double theta;
    int context, head_dim, window;
    bool tied;
} families[] = {
    [LACE_QWEN3] = {"qwen3", "Qwen3ForCausalLM", 1e4, 32768, 128, 4096, false},
    [LACE_LLAMA] = {"llama", "LlamaForCausalLM", 1e4, 2048, 0, 0, false},
    [LACE_QWEN2] = {"qwen2", "Qwen2ForCausalLM", 1e4, 32768, 0, 4096, false},
    [LACE_MISTRAL] = {"mistral", "MistralForCausalLM", 1e4, 131072, 0, 4096, false},
    [LACE_SMOLLM3] = {"smollm3", "SmolLM3ForCausalLM", 2e6, 32768, 0, 0, true},
};
enum { FAMILIES = sizeof families / sizeof *families };

const char *const lace_dtype_names[] = {"float32", "bfloat16", "float16", NULL};

bool lace_config_qk_norm(const struct lace_config *c) { return c->family == LACE_QWEN3; }

int lace_config_context(const struct lace_config *c)
{
    double reach = c->max_position_embeddings;
    if (c->rope.type == LACE_ROPE_LINEAR || c->rope.type == LACE_ROPE_DYNAMIC) reach *= c->rope.factor;
    if (c->rope.type == LACE_ROPE_YARN) reach = fmax(reach, c->rope.original * c->rope.factor);
    return reach < 1 << 24 ? (int)reach : 1 << 24;
}

int lace_config_check(const struct lace_config *c, const char *what, struct lace_error *err)
{
    if (c->num_attention_heads % c->num_key_value_heads)
        return lace_fail(err, LACE_BAD, "%s: num_attention_heads %d is no multiple of num_key_value_heads %d.", what,
                         c->num_attention_heads, c->num_key_value_heads);
    if (c->head_dim % 2)
        return lace_fail(err, LACE_BAD, "%s: head_dim %d is odd; rotary embedding turns pairs.", what, c->head_dim);
    return 0;
}

/* ---- fields that nothing here reads ---- */

/* Read below, or without effect on what a model computes; the list keeps the words below from catching them. */
static const char *const known[] = {"attention_bias",
                                    "head_dim",
                                    "hidden_act",
                                    "layer_types",
                                    "max_position_embeddings",
                                    "max_window_layers",
                                    "mlp_bias",
                                    "no_rope_layer_interval",
                                    "no_rope_layers",
                                    "num_attention_heads",
                                    "num_hidden_layers",
                                    "num_key_value_heads",
                                    "original_max_position_embeddings",
                                    "output_attentions",
                                    "rms_norm_eps",
                                    "rope_parameters",
                                    "rope_scaling",
                                    "rope_theta",
                                    "sliding_window",
                                    "use_sliding_window",
                                    NULL};

/* An unknown field whose name speaks of what a layer computes changes the result, unless it is off. */
static const char *const telling[] = {
    "act_fn", "activation", "alibi", "attention", "attn",       "bias",    "cap",      "compress", "expert",
    "head",   "layer",      "moe",   "mtp",       "multiplier", "norm",    "parallel", "position", "quant",
    "query",  "residual",   "rope",  "rotary",    "scal",       "sliding", "window",   NULL};

static bool is_off(const json_t *v, const char *key)
{
    if (!v || json_is_null(v) || json_is_false(v)) return true;
    if (json_is_number(v)) /* a factor is off at 1 */
        return json_number_value(v) == (strstr(key, "factor") || strstr(key, "multiplier") || strstr(key, "scal"));
    return (json_is_array(v) && !json_array_size(v)) || (json_is_object(v) && !json_object_size(v));
}

static int refuse(const char *key, const char *what, struct lace_error *err)
{
    return lace_fail(err, LACE_BAD,
                     "%.200s: the setting %.60s is not one that lace computes for this type of model; "
                     "it would run wrongly.",
                     what, key);
}

int lace_config_refuse_unknown(const json_t *o, const char *what, struct lace_error *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)o, key, v)
    {
        if (is_off(v, key) || lace_name_index(known, key) >= 0 || key[0] == '_' || strstr(key, "drop") ||
            strstr(key, "implementation"))
            continue;
        for (int i = 0; telling[i]; i++)
            if (strstr(key, telling[i])) return refuse(key, what, err);
    }
    return 0;
}

/* ---- rotary scaling ---- */

static int rope_number(const json_t *o, const char *key, double fallback, double low, double high, double *out,
                       const char *what, struct lace_error *err)
{
    int code = lace_json_double(o, key, fallback, low, high, out, what, err);
    if (!code && isnan(*out))
        return lace_fail(err, LACE_BAD, "%.200s: the rotary scaling needs the number \"%s\".", what, key);
    return code;
}

static double yarn_scale(double factor, double m) { return factor <= 1 ? 1 : 0.1 * m * log(factor) + 1; }

static int parse_yarn(struct lace_config *c, const json_t *r, const char *what, struct lace_error *err)
{
    double mscale, mscale_all, implied = c->max_position_embeddings / c->rope.original;
    bool truncate;
    int code;
    if ((code = lace_json_double(r, "factor", implied, 1, 1e6, &c->rope.factor, what, err)) ||
        (code = lace_json_double(r, "beta_fast", 32, 1e-6, 1e9, &c->rope.beta_fast, what, err)) ||
        (code = lace_json_double(r, "beta_slow", 1, 1e-6, 1e9, &c->rope.beta_slow, what, err)) ||
        (code = lace_json_double(r, "mscale", 0, 0, 1e6, &mscale, what, err)) ||
        (code = lace_json_double(r, "mscale_all_dim", 0, 0, 1e6, &mscale_all, what, err)) ||
        (code = lace_json_bool(r, "truncate", true, &truncate, what, err)))
        return code;
    double factor = c->rope.factor, inferred = mscale > 0 && mscale_all > 0
                                                   ? yarn_scale(factor, mscale) / yarn_scale(factor, mscale_all)
                                                   : yarn_scale(factor, 1);
    c->rope.exact_range = !truncate;
    if (c->rope_theta == 1) return lace_fail(err, LACE_BAD, "%.200s: rope_theta must be above 1 for yarn.", what);
    return lace_json_double(r, "attention_factor", inferred, 0, 1e6, &c->rope.attention_factor, what, err);
}

static int parse_llama3(struct lace_config *c, const json_t *r, const char *what, struct lace_error *err)
{
    int code;
    if ((code = rope_number(r, "factor", NAN, 1, 1e6, &c->rope.factor, what, err)) ||
        (code = rope_number(r, "low_freq_factor", NAN, 1e-6, 1e9, &c->rope.low_freq, what, err)) ||
        (code = rope_number(r, "high_freq_factor", NAN, 1e-6, 1e9, &c->rope.high_freq, what, err)))
        return code;
    if (c->rope.high_freq > c->rope.low_freq) return 0;
    return lace_fail(err, LACE_BAD, "%.200s: high_freq_factor %g must be above low_freq_factor %g.", what,
                     c->rope.high_freq, c->rope.low_freq);
}

/* The context of pre-training: beside the scaling, else in it, else the model's own. */
static int parse_original(struct lace_config *c, const json_t *o, const json_t *r, const char *what,
                          struct lace_error *err)
{
    static const char key[] = "original_max_position_embeddings";
    double *out = &c->rope.original;
    int code = lace_json_double(r, key, c->max_position_embeddings, 1, 1 << 24, out, what, err);
    return code ? code : lace_json_double(o, key, *out, 1, 1 << 24, out, what, err);
}

static const char *const rope_keys[] = {"rope_type",
                                        "type",
                                        "rope_theta",
                                        "factor",
                                        "low_freq_factor",
                                        "high_freq_factor",
                                        "beta_fast",
                                        "beta_slow",
                                        "mscale",
                                        "mscale_all_dim",
                                        "truncate",
                                        "attention_factor",
                                        "finetuned",
                                        "original_max_position_embeddings",
                                        NULL};

/* `rope_scaling`, or `rope_parameters` as Transformers 5 writes it, with the type under `rope_type` or `type`. */
static int parse_rope(struct lace_config *c, const json_t *o, double theta, const char *what, struct lace_error *err)
{
    static const char *const names[] = {"default", "linear", "dynamic", "yarn", "llama3", NULL};
    const json_t *r = json_object_get(o, "rope_scaling"), *v;
    const char *type, *key;
    if (is_off(r, "")) r = json_object_get(o, "rope_parameters");
    if (is_off(r, "")) r = NULL;
    if (r && !json_is_object(r))
        return lace_fail(err, LACE_BAD, "%.200s: the rotary scaling is not a JSON object.", what);
    json_object_foreach((json_t *)r, key, v)
    {
        if (lace_name_index(rope_keys, key) < 0 && !is_off(v, key)) return refuse(key, what, err);
    }
    int code = lace_json_double(o, "rope_theta", theta, 1, 1e12, &theta, what, err);
    if (!code) code = lace_json_double(r, "rope_theta", theta, 1, 1e12, &c->rope_theta, what, err);
    if (!code) code = lace_json_string(r, "type", "default", &type, what, err);
    if (!code) code = lace_json_string(r, "rope_type", type, &type, what, err);
    if (code) return code;
    int found = lace_name_index(names, type);
    if (found < 0)
        return lace_fail(err, LACE_BAD,
                         "%.200s: the rotary scaling \"%.40s\" is not supported; lace computes default, "
                         "linear, dynamic, yarn and llama3.",
                         what, type);
    c->rope.type = (enum lace_rope_type)found;
    if ((c->rope.type == LACE_ROPE_YARN || c->rope.type == LACE_ROPE_LLAMA3) &&
        (code = parse_original(c, o, r, what, err)))
        return code;
    switch (c->rope.type) {
    case LACE_ROPE_DEFAULT: return 0;
    case LACE_ROPE_YARN: return parse_yarn(c, r, what, err);
    case LACE_ROPE_LLAMA3: return parse_llama3(c, r, what, err);
    case LACE_ROPE_DYNAMIC:
        if (c->head_dim < 4)
            return lace_fail(err, LACE_BAD, "%.200s: dynamic rotary scaling needs a head_dim of at least 4.", what);
        /* fall through */
    case LACE_ROPE_LINEAR: return rope_number(r, "factor", NAN, 1, 1e6, &c->rope.factor, what, err);
    }
    return 0;
}

/* ---- what differs from layer to layer ---- */

/* Which layers slide: by the list `layer_types`, or all of Mistral's, or the upper ones of a Qwen model. */
static int parse_windows(struct lace_config *c, const json_t *o, const char *what, struct lace_error *err)
{
    const struct family *f = &families[c->family];
    const json_t *types = json_object_get(o, "layer_types"), *window = json_object_get(o, "sliding_window");
    bool use;
    int first, code;
    if ((code = lace_json_bool(o, "use_sliding_window", c->family == LACE_MISTRAL, &use, what, err)) ||
        (code = lace_json_int(o, "max_window_layers", 28, 0, INT_MAX, &first, what, err)) ||
        (code = lace_json_int(o, "sliding_window", window ? 0 : f->window, 0, INT_MAX, &c->sliding_window, what, err)))
        return code;
    if (window && json_is_integer(window) && !c->sliding_window)
        return lace_fail(err, LACE_BAD, "%.200s: sliding_window is 0; a token sees itself at least.", what);
    if (c->family == LACE_LLAMA && (use || (c->sliding_window && !json_object_get(o, "use_sliding_window"))))
        return refuse("sliding_window", what, err); /* Transformers would leave it out */
    if (!use) c->sliding_window = 0;
    if (c->family == LACE_MISTRAL) first = 0;
    for (int i = 0; i < c->num_hidden_layers; i++)
        c->sliding[i] = c->sliding_window && (c->family == LACE_SMOLLM3 ? c->unturned[i] : i >= first);
    if (!types || json_is_null(types)) return 0;
    if (!json_is_array(types) || json_array_size(types) != (size_t)c->num_hidden_layers)
        return lace_fail(err, LACE_BAD, "%.200s: layer_types must list the %d layers.", what, c->num_hidden_layers);
    for (int i = 0; i < c->num_hidden_layers; i++) {
        const char *type = json_string_value(json_array_get(types, (size_t)i));
        c->sliding[i] = type && !strcmp(type, "sliding_attention");
        if (!c->sliding[i] && (!type || (strcmp(type, "full_attention") && strcmp(type, "attention"))))
            return lace_fail(err, LACE_BAD,
                             "%.200s: layer_types[%d] is \"%.40s\"; lace computes full_attention and "
                             "sliding_attention.",
                             what, i, type ? type : "?");
        if (c->sliding[i] && !c->sliding_window)
            return lace_fail(err, LACE_BAD,
                             "%.200s: layer_types names sliding_attention, but no sliding_window is set.", what);
    }
    return 0;
}

static int parse_unturned(struct lace_config *c, const json_t *o, const char *what, struct lace_error *err)
{
    const json_t *list = json_object_get(o, "no_rope_layers");
    int interval, code;
    if (c->family != LACE_SMOLLM3) return is_off(list, "") ? 0 : refuse("no_rope_layers", what, err);
    if ((code = lace_json_int(o, "no_rope_layer_interval", 4, 1, INT_MAX, &interval, what, err))) return code;
    for (int i = 0; i < c->num_hidden_layers; i++) c->unturned[i] = (i + 1) % interval == 0;
    if (!list || json_is_null(list)) return 0;
    if (!json_is_array(list) || json_array_size(list) < (size_t)c->num_hidden_layers)
        return lace_fail(err, LACE_BAD, "%.200s: no_rope_layers must list the %d layers.", what, c->num_hidden_layers);
    for (int i = 0; i < c->num_hidden_layers; i++) {
        const json_t *v = json_array_get(list, (size_t)i);
        if (!json_is_integer(v) || (json_integer_value(v) != 0 && json_integer_value(v) != 1))
            return lace_fail(err, LACE_BAD, "%.200s: no_rope_layers[%d] must be 1 (with rotation) or 0.", what, i);
        c->unturned[i] = !json_integer_value(v);
    }
    return 0;
}

/* ---- the whole ---- */

static int parse_family(struct lace_config *c, const json_t *o, const char *what, struct lace_error *err)
{
    const json_t *list = json_object_get(o, "architectures");
    const char *type, *architecture = json_string_value(json_array_get(list, 0));
    int code = lace_json_string(o, "model_type", NULL, &type, what, err), i = 0;
    if (code) return code;
    while (i < FAMILIES && strcmp(families[i].model_type, type)) i++;
    if (i == FAMILIES)
        return lace_fail(err, LACE_BAD,
                         "%.200s: model_type \"%.60s\" is not supported; lace runs llama, qwen2, qwen3, "
                         "mistral and smollm3.",
                         what, type);
    c->family = (enum lace_architecture)i;
    if (architecture && strcmp(architecture, families[i].architecture))
        return lace_fail(err, LACE_BAD,
                         "%.200s: the architecture \"%.60s\" is not supported; of this model_type lace "
                         "runs %s.",
                         what, architecture, families[i].architecture);
    return 0;
}

static int parse_biases(struct lace_config *c, const json_t *o, const char *what, struct lace_error *err)
{
    bool attention;
    int code = lace_json_bool(o, "attention_bias", false, &attention, what, err);
    if (!code) code = lace_json_bool(o, "mlp_bias", false, &c->mlp_bias, what, err);
    if (code) return code;
    if (attention && c->family == LACE_MISTRAL) return refuse("attention_bias", what, err);
    if (c->mlp_bias && c->family != LACE_LLAMA && c->family != LACE_SMOLLM3) return refuse("mlp_bias", what, err);
    c->attention_bias = attention || c->family == LACE_QWEN2; /* its biases are not optional */
    c->output_bias = attention && c->family != LACE_QWEN2;
    return 0;
}

static int needed(const json_t *o, const char *key, int most, int *out, const char *what, struct lace_error *err)
{
    int code = lace_json_int(o, key, 0, 1, most, out, what, err);
    if (code || *out) return code;
    return lace_fail(err, LACE_BAD, "%.200s: \"%s\" is missing; it must be a whole number.", what, key);
}

static int parse_numbers(struct lace_config *c, const json_t *o, const char *what, struct lace_error *err)
{
    const struct family *f = &families[c->family];
    const char *act;
    int code;
    if ((code = needed(o, "vocab_size", 1 << 22, &c->vocab_size, what, err)) ||
        (code = needed(o, "hidden_size", 1 << 17, &c->hidden_size, what, err)) ||
        (code = needed(o, "intermediate_size", 1 << 20, &c->intermediate_size, what, err)) ||
        (code = needed(o, "num_hidden_layers", LACE_MAX_LAYERS, &c->num_hidden_layers, what, err)) ||
        (code = needed(o, "num_attention_heads", 1024, &c->num_attention_heads, what, err)) ||
        (code = lace_json_int(o, "num_key_value_heads", c->num_attention_heads, 1, 1024, &c->num_key_value_heads, what,
                              err)))
        return code;
    int head = f->head_dim ? f->head_dim : c->hidden_size / c->num_attention_heads;
    const json_t *given = json_object_get(o, "head_dim");
    if ((!given || json_is_null(given)) && !f->head_dim && c->hidden_size % c->num_attention_heads)
        return lace_fail(err, LACE_BAD,
                         "%.200s: head_dim is missing and hidden_size %d is no multiple of the %d heads.", what,
                         c->hidden_size, c->num_attention_heads);
    if ((code = lace_json_int(o, "head_dim", head, 2, 1024, &c->head_dim, what, err)) ||
        (code = lace_json_int(o, "max_position_embeddings", f->context, 1, 1 << 24, &c->max_position_embeddings, what,
                              err)) ||
        (code = lace_json_double(o, "rms_norm_eps", 1e-6, 0, 1, &c->rms_norm_eps, what, err)) ||
        (code = lace_json_bool(o, "tie_word_embeddings", f->tied, &c->tie_word_embeddings, what, err)) ||
        (code = lace_json_string(o, "hidden_act", "silu", &act, what, err)))
        return code;
    if (strcmp(act, "silu"))
        return lace_fail(err, LACE_BAD, "%.200s: the hidden_act \"%.40s\" is not supported; lace computes silu.", what,
                         act);
    return 0;
}

int lace_config_parse(struct lace_config *c, const char *json, size_t len, const char *what, struct lace_error *err)
{
    json_t *o = lace_json_parse(json, len, what, err);
    *c = (struct lace_config){0};
    if (!o) return LACE_BAD;
    int code = json_is_object(o) ? 0 : lace_fail(err, LACE_BAD, "%.200s: a JSON object is expected.", what);
    if (!code) code = parse_family(c, o, what, err);
    if (!code) code = lace_config_refuse_unknown(o, what, err);
    if (!code) code = parse_numbers(c, o, what, err);
    if (!code) code = parse_rope(c, o, families[c->family].theta, what, err);
    if (!code) code = parse_biases(c, o, what, err);
    if (!code) code = parse_unturned(c, o, what, err);
    if (!code) code = parse_windows(c, o, what, err);
    if (!code) code = lace_config_check(c, what, err);
    json_decref(o);
    return code;
}

int lace_config_read(struct lace_config *config, const char *dir, char **text, struct lace_error *err)
{
    char path[PATH_MAX], *bytes;
    size_t len;
    *config = (struct lace_config){0};
    if (text) *text = NULL;
    int gguf = lace_model_gguf(dir, path, err), code = gguf < 0 ? gguf : 0;
    if (gguf > 0) code = lace_gguf_config(path, &bytes, err);
    else if (!gguf && !(code = lace_join(path, dir, "config.json", err)))
        code = lace_read_file(path, 1 << 20, &bytes, &len, err);
    if (code) return code;
    code = lace_config_parse(config, bytes, strlen(bytes), path, err);
    if (!code && text) *text = bytes;
    else lace_free(bytes);
    return code;
}

/* ---- writing ---- */

static void write_rope(json_t *o, const struct lace_config *c)
{
    const struct lace_rope *r = &c->rope;
    if (r->type == LACE_ROPE_DEFAULT) return;
    static const char *const names[] = {"default", "linear", "dynamic", "yarn", "llama3"};
    json_t *s = json_pack("{s:s, s:f}", "rope_type", names[r->type], "factor", r->factor);
    if (r->type == LACE_ROPE_YARN || r->type == LACE_ROPE_LLAMA3)
        json_object_set_new(s, "original_max_position_embeddings", json_integer((json_int_t)r->original));
    if (r->type == LACE_ROPE_LLAMA3) {
        json_object_set_new(s, "low_freq_factor", json_real(r->low_freq));
        json_object_set_new(s, "high_freq_factor", json_real(r->high_freq));
    }
    if (r->type == LACE_ROPE_YARN) {
        json_object_set_new(s, "beta_fast", json_real(r->beta_fast));
        json_object_set_new(s, "beta_slow", json_real(r->beta_slow));
        json_object_set_new(s, "attention_factor", json_real(r->attention_factor));
        json_object_set_new(s, "truncate", json_boolean(!r->exact_range));
    }
    json_object_set_new(o, "rope_scaling", s);
}

static void write_layers(json_t *o, const struct lace_config *c)
{
    if (c->sliding_window) {
        json_t *types = json_array();
        for (int i = 0; i < c->num_hidden_layers; i++)
            json_array_append_new(types, json_string(c->sliding[i] ? "sliding_attention" : "full_attention"));
        json_object_set_new(o, "sliding_window", json_integer(c->sliding_window));
        json_object_set_new(o, "use_sliding_window", json_true());
        json_object_set_new(o, "layer_types", types);
    } else if (c->family == LACE_MISTRAL) json_object_set_new(o, "sliding_window", json_null());
    if (c->family != LACE_SMOLLM3) return;
    json_t *list = json_array();
    for (int i = 0; i < c->num_hidden_layers; i++) json_array_append_new(list, json_integer(!c->unturned[i]));
    json_object_set_new(o, "no_rope_layers", list);
}

static json_t *from_nothing(const struct lace_config *c)
{
    const struct family *f = &families[c->family];
    json_t *o =
        json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:s, s:b}", "architectures",
                  f->architecture, "model_type", f->model_type, "vocab_size", c->vocab_size, "hidden_size",
                  c->hidden_size, "intermediate_size", c->intermediate_size, "num_hidden_layers", c->num_hidden_layers,
                  "num_attention_heads", c->num_attention_heads, "num_key_value_heads", c->num_key_value_heads,
                  "head_dim", c->head_dim, "max_position_embeddings", c->max_position_embeddings, "rms_norm_eps",
                  c->rms_norm_eps, "rope_theta", c->rope_theta, "tie_word_embeddings", c->tie_word_embeddings,
                  "hidden_act", "silu", "attention_bias", c->attention_bias);
    if (!o) return NULL;
    if (c->mlp_bias) json_object_set_new(o, "mlp_bias", json_true());
    write_rope(o, c);
    write_layers(o, c);
    return o;
}

int lace_config_write(const struct lace_config *c, const char *base, const char *dtype, const char *dir,
                      struct lace_error *err)
{
    json_t *o = base ? lace_json_parse(base, strlen(base), "config.json", err) : from_nothing(c);
    if (base && !o) return LACE_BAD;
    if (!o || !json_object_get(o, "dtype")) json_object_set_new(o, "torch_dtype", json_string(dtype));
    else json_object_set_new(o, "dtype", json_string(dtype));
    return lace_json_write(o, dir, "config.json", err);
}
