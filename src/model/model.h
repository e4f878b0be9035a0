/* A model: its configuration, one table of tensors, and the weights.
 *
 * lace_params[] describes every tensor once: its name in the checkpoint, where it occurs, its shape in the
 * letters of docs/model.md. The same table drives loading, allocation, saving, the optimiser and the gradient
 * tests. A weight is one occurrence of a row of the table. Matrices are packed for the products when they are
 * loaded, and the checkpoint's pages given back; the embedding is looked up in the file where it lies; f32 values are
 * kept for vectors, and for all weights where the model is trained. */
#ifndef LACE_MODEL_H
#define LACE_MODEL_H
#include "io/weights.h"
#include "model/config.h"
#include "ops/ops.h"

enum lace_param {
    P_EMBED,
    P_INPUT_NORM,
    P_Q,
    P_K,
    P_V,
    P_Q_BIAS,
    P_K_BIAS,
    P_V_BIAS,
    P_Q_NORM,
    P_K_NORM,
    P_O,
    P_O_BIAS,
    P_POST_NORM,
    P_GATE,
    P_UP,
    P_DOWN,
    P_GATE_BIAS,
    P_UP_BIAS,
    P_DOWN_BIAS,
    P_NORM,
    P_HEAD,
    P_LAT_NORM,
    P_LAT_DOWN,
    P_LAT_Q,
    P_LAT_K,
    P_LAT_V,
    P_LAT_GATE,
    P_LAT_GATE_BIAS,
    P_LAT_ALPHA,
    P_LAT_UP,
    P_COUNT
};

/* Letters of shapes: D width, V vocabulary, F feed-forward, Q = H*d queries, KV = K*d keys, HD = d one head,
 * R lattice width, M lattice heads, G the lattice gate's input (R; full: H*d). */
enum lace_letter { N_ONE, N_D, N_V, N_F, N_Q, N_KV, N_HD, N_R, N_M, N_G };
int lace_letter_size(enum lace_letter letter, const struct lace_config *config,
                     const struct lace_lattice_config *lattice);

enum lace_scope { ONCE, PER_LAYER, PER_LATTICE_LAYER };
enum lace_form { TABLE, MATRIX, VECTOR }; /* TABLE: rows are looked up (and, tied, it is the head's matrix too) */

struct lace_param_spec {
    const char *name; /* in the checkpoint; %d is the layer */
    enum lace_scope scope;
    enum lace_form form;
    enum lace_letter rows, cols;
    bool full;      /* full collaboration has it too (lattice tensors) */
    float constant; /* start of a vector in a new model: 1 for norms, 0 for gains */
};
extern const struct lace_param_spec lace_params[P_COUNT];
/* Whether a layer (of those that occur once: any) of such a model has the tensor. */
bool lace_param_present(const struct lace_config *config, const struct lace_lattice_config *lattice,
                        enum lace_param param, int layer);

struct lace_weight {
    enum lace_param param;
    int layer; /* -1: once */
    int rows, cols;
    size_t offset;             /* of its values in a flat block of all weights (master, gradient, moments) */
    float *value;              /* (rows, cols) f32, or NULL for a matrix or table that is not trained */
    enum lace_dtype packed;    /* the type of its matrix: the model's, or the blocks of the file */
    struct lace_matrix matrix; /* packed; .forward NULL for vectors */
    const void *table;         /* TABLE: rows for the lookup */
    enum lace_dtype table_type;
    bool mapped; /* the table lies in the model's file */
};

struct lace_model {
    struct lace_config config;
    struct lace_lattice_config lattice;
    char *config_json; /* as the directory had it, NULL: made here; saved again with the weights */
    const struct lace_ops *ops;
    enum lace_dtype dtype; /* of the products, apart from those with blocks */
    bool trained;          /* f32 masters and the backward packing exist */
    struct lace_weight *weights;
    int count;
    size_t values;         /* of all weights together: the length of a flat block */
    float *master;         /* (values) where trained, else NULL */
    int (*index)[P_COUNT]; /* (L + 1, P_COUNT) into weights, -1: not there; row L holds the tensors that occur once */
    struct lace_arena packed;   /* of all matrices, where nothing is trained: huge pages without a waste at each end */
    struct lace_weights source; /* open where the embedding is read in place */
    char *warning;              /* NULL, or a sentence: the lattice belongs to another backbone */
};

struct lace_model_options {
    bool train;                 /* keep f32 masters and pack for the backward pass */
    int dtype;                  /* LACE_F32, LACE_BF16, or -1: what the CPU prefers */
    const struct lace_ops *ops; /* NULL: lace_ops_cpu() */
};

/* Reads a Hugging Face directory; lattice_dir NULL: without a lattice. On failure *model is NULL. */
int lace_model_load(struct lace_model **model, const char *dir, const char *lattice_dir,
                    const struct lace_model_options *options, struct lace_error *err);
/* What lace_model_load would say of the directory, without the work: its configuration, and whether all tensors are
 * there with the right shapes. print: the weights' fingerprint; may be NULL. */
int lace_model_examine(struct lace_config *config, struct lace_fingerprint *print, const char *dir,
                       struct lace_error *err);
/* A new backbone with random weights (normal, 0.02; projections into the residual stream scaled by 1/sqrt(2L)). */
int lace_model_create(struct lace_model **model, const struct lace_config *config, uint64_t seed,
                      const struct lace_model_options *options, struct lace_error *err);
/* A model of any shape with random weights that works only forward (options->train false): for measurements. type:
 * of the backbone's matrices and of its embedding; blocks, or options->dtype. */
int lace_model_random(struct lace_model **model, const struct lace_config *config,
                      const struct lace_lattice_config *lattice, enum lace_dtype type, uint64_t seed,
                      const struct lace_model_options *options, struct lace_error *err);
/* The same model with a lattice that changes nothing yet (alpha = 0 unless given): see lace_lattice_start.
 * The model must be a trained one; its flat blocks grow, so attach before the optimiser is made. */
struct lace_lattice_start {
    float alpha; /* scale of every head at the start */
    float gate;  /* the gate's value at the start, in (0, 1) */
    bool tied;   /* W_q = W_k, and W_up = (W_v W_down)^T, normalised: listening copies at once */
    uint64_t seed;
};
int lace_model_attach(struct lace_model *model, const struct lace_lattice_config *lattice,
                      const struct lace_lattice_start *start, struct lace_error *err);
/* The lattice that lace_model_attach would give to a backbone of this configuration, with the same values, and nothing
 * of the backbone: it can be saved, not run. */
int lace_model_lattice(struct lace_model **model, const struct lace_config *config,
                       const struct lace_lattice_config *lattice, const struct lace_lattice_start *start,
                       struct lace_error *err);
void lace_model_free(struct lace_model **model);

/* The weight of a tensor in a layer (any layer for those that occur once); NULL where the model has none.
 * The head of a tied model is its embedding. */
struct lace_weight *lace_model_weight(const struct lace_model *model, int layer, enum lace_param param);
/* The name in the checkpoint, into text (at least 96 bytes); returns text. */
const char *lace_weight_name(const struct lace_weight *weight, char *text);
bool lace_weight_is_lattice(const struct lace_weight *weight);
/* Packs all matrices again after the masters changed; lattice_only: the backbone is frozen. */
void lace_model_repack(struct lace_model *model, bool lattice_only);
/* Writes config.json and model.safetensors (of this type) into dir; the lattice, where there is one, into
 * lattice_dir (lattice_config.json, lattice_model.safetensors). Either may be NULL. */
int lace_model_save(const struct lace_model *model, const char *dir, const char *lattice_dir, enum lace_dtype type,
                    struct lace_error *err);
/* Copies the files of these names (NULL-terminated, may lead into folders) that exist from one directory to another. */
int lace_copy_files(const char *from, const char *to, const char *const *names, struct lace_error *err);
/* What Transformers and lace read beside a model's weights and config.json: tokenizer, templates, settings. */
extern const char *const lace_companions[];
/* The type that most weights of the products have: "bf16", "q4_k", ... */
const char *lace_model_dtype_name(const struct lace_model *model);
/* The type of keys and values that suits the model: f32 where its products are f32, so that nothing is rounded; else
 * bf16, as what they are made from was rounded at least as much. */
enum lace_dtype lace_model_kv_dtype(const struct lace_model *model);
/* Number of parameters: backbone, lattice. */
void lace_model_count(const struct lace_model *model, size_t *backbone, size_t *lattice);
#endif
