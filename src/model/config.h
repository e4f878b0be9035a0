/* What a model directory says about itself: config.json (Hugging Face's field names) and, beside a
 * backbone or in a directory of its own, lattice_config.json. Fields that would change the result and
 * are not implemented are refused by name. */
#ifndef LACE_CONFIG_H
#define LACE_CONFIG_H
#include "base/base.h"
#include <jansson.h>

#define LACE_MAX_LAYERS  256
#define LACE_MAX_THREADS 256

/* What the families differ in beyond their numbers: Qwen3 norms queries and keys per head, Qwen2 has biases on q, k
 * and v, SmolLM3 has layers without rotation. config.json's model_type names the family. */
enum lace_architecture { LACE_QWEN3, LACE_LLAMA, LACE_QWEN2, LACE_MISTRAL, LACE_SMOLLM3 };

/* How positions beyond those of pre-training are reached (rope.c has the formulas). */
enum lace_rope_type { LACE_ROPE_DEFAULT, LACE_ROPE_LINEAR, LACE_ROPE_DYNAMIC, LACE_ROPE_YARN, LACE_ROPE_LLAMA3 };
struct lace_rope {
    enum lace_rope_type type;
    double factor;
    double original;             /* yarn, llama3: the context of pre-training */
    double low_freq, high_freq;  /* llama3 */
    double beta_fast, beta_slow; /* yarn */
    double attention_factor;     /* yarn: scales cosine and sine */
    bool exact_range;            /* yarn: truncate is false */
};

struct lace_config {
    enum lace_architecture family;
    int vocab_size;              /* V */
    int hidden_size;             /* D */
    int intermediate_size;       /* F */
    int num_hidden_layers;       /* L */
    int num_attention_heads;     /* H */
    int num_key_value_heads;     /* K */
    int head_dim;                /* d */
    int max_position_embeddings; /* see lace_config_context */
    double rms_norm_eps, rope_theta;
    struct lace_rope rope;
    bool tie_word_embeddings;
    bool attention_bias;            /* q, k and v have biases */
    bool output_bias, mlp_bias;     /* o_proj; gate, up and down_proj */
    int sliding_window;             /* a row of a sliding layer sees so many tokens, itself included; 0: none slides */
    bool sliding[LACE_MAX_LAYERS];  /* by layer */
    bool unturned[LACE_MAX_LAYERS]; /* no rotation: `no_rope_layers` */
};

enum lace_kind { LACE_KIND_NONE, LACE_KIND_LATTICE, LACE_KIND_FULL };
enum lace_topology { LACE_ALL, LACE_RING };
enum { LACE_AXIS_TOKEN, LACE_AXIS_THREAD, LACE_AXIS_STEP, LACE_AXES };

/* See model/fingerprint.h. */
struct lace_fingerprint {
    struct lace_print {
        uint64_t hash;
        bool known;
    } vectors, matrices;
};

struct lace_lattice_config {
    enum lace_kind kind;         /* NONE: no lattice, all else is unused */
    int layers[LACE_MAX_LAYERS]; /* indices of the lattice layers, ascending */
    int layer_count;
    int width; /* r; full: H * d */
    int heads; /* M; full: H */
    enum lace_visible visible;
    int window;
    bool self; /* a thread's own past is visible too */
    enum lace_topology topology;
    int ring;            /* neighbours on each side */
    int axes[LACE_AXES]; /* dimensions of a head per axis, even, sum = width of a head */
    double theta[LACE_AXES];
    int max_threads;
    struct lace_fingerprint backbone; /* that it was trained with */
};

extern const char *const lace_kind_names[], *const lace_visible_names[], *const lace_topology_names[];
/* Index of name in a list ended by NULL, or -1. */
int lace_name_index(const char *const *names, const char *name);

/* Of a directory or a GGUF file. text: config.json itself (of a GGUF file, what it would be), for lace_config_write; the
 * caller frees it with lace_free. May be NULL. */
int lace_config_read(struct lace_config *config, const char *dir, char **text, struct lace_error *err);
int lace_config_parse(struct lace_config *config, const char *json, size_t len, const char *what,
                      struct lace_error *err);
int lace_config_check(const struct lace_config *config, const char *what, struct lace_error *err);
/* Refuses an object with a field that nothing here reads and whose name says that it would change the result. */
int lace_config_refuse_unknown(const json_t *object, const char *what, struct lace_error *err);
/* What Hugging Face calls the types of tensors, by enum lace_dtype: "float32", ... */
extern const char *const lace_dtype_names[];
/* base: the config.json that the configuration was read from, whose other fields stay as they are; NULL: none.
 * dtype: of the tensors beside it, "bfloat16". */
int lace_config_write(const struct lace_config *config, const char *base, const char *dtype, const char *dir,
                      struct lace_error *err);
/* Tokens that a text may have: max_position_embeddings, or more where rotary scaling reaches further. */
int lace_config_context(const struct lace_config *config);
bool lace_config_qk_norm(const struct lace_config *config); /* queries and keys are normed per head */

/* The angles per position of the head_dim / 2 rotary pairs for a token at this position; returns what cosine and sine
 * are multiplied by. Only `dynamic` scaling depends on the position. */
float lace_rope_frequencies(const struct lace_config *config, int position, float *frequency);

/* The defaults of design section 3 for a backbone: width D / 8 (at least 16, a multiple of 16), every second
 * layer from the middle up, causal. */
void lace_lattice_defaults(struct lace_lattice_config *lattice, const struct lace_config *config);
int lace_lattice_config_read(struct lace_lattice_config *lattice, const struct lace_config *config, const char *dir,
                             struct lace_error *err);
int lace_lattice_config_check(const struct lace_lattice_config *lattice, const struct lace_config *config,
                              const char *what, struct lace_error *err);
int lace_lattice_config_write(const struct lace_lattice_config *lattice, const char *dir, struct lace_error *err);
/* Position of layer l among the lattice layers, or -1. */
int lace_lattice_layer(const struct lace_lattice_config *lattice, int layer);
#endif
