/* What a model directory says about itself: config.json (Hugging Face's field names) and, beside a
 * backbone or in a directory of its own, lattice_config.json. Fields that would change the result and
 * are not implemented are refused by name. */
#ifndef LACE_CONFIG_H
#define LACE_CONFIG_H
#include "base/base.h"

#define LACE_MAX_LAYERS  256
#define LACE_MAX_THREADS 256

struct lace_config {
    int vocab_size;              /* V */
    int hidden_size;             /* D */
    int intermediate_size;       /* F */
    int num_hidden_layers;       /* L */
    int num_attention_heads;     /* H */
    int num_key_value_heads;     /* K */
    int head_dim;                /* d */
    int max_position_embeddings; /* the context */
    double rms_norm_eps, rope_theta;
    bool tie_word_embeddings;
};

enum lace_kind { LACE_KIND_NONE, LACE_KIND_LATTICE, LACE_KIND_FULL };
enum lace_topology { LACE_ALL, LACE_RING };
enum { LACE_AXIS_TOKEN, LACE_AXIS_THREAD, LACE_AXIS_STEP, LACE_AXES };

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
};

extern const char *const lace_kind_names[], *const lace_visible_names[], *const lace_topology_names[];
/* Index of name in a list ended by NULL, or -1. */
int lace_name_index(const char *const *names, const char *name);

int lace_config_read(struct lace_config *config, const char *dir, struct lace_error *err);
int lace_config_parse(struct lace_config *config, const char *json, size_t len, const char *what,
                      struct lace_error *err);
int lace_config_check(const struct lace_config *config, const char *what, struct lace_error *err);
int lace_config_write(const struct lace_config *config, const char *dir, struct lace_error *err);

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
