/* The tensors of a model under their names in a Hugging Face checkpoint, whichever files hold them: one
 * model.safetensors, shards with an index, or a GGUF file, maybe in parts.
 *
 * The bytes stay in the files' read-only mappings; nothing is copied. Who has made what it needs of a tensor says so
 * with lace_weights_drop, which gives the pages back: a model is never in memory twice. */
#ifndef LACE_WEIGHTS_H
#define LACE_WEIGHTS_H
#include "io/tensor.h"

struct lace_weight_file {
    char *path;
    void *map; /* NULL: closed */
    size_t bytes;
};

struct lace_weights {
    struct lace_weight_file *files;
    int file_count;
    struct lace_tensor *tensors; /* sorted by name; .file is an index into files */
    size_t count;
    bool *taken; /* (count) */
    bool gguf;
};

/* Opens DIR/STEM.safetensors, or the shards that DIR/STEM.safetensors.index.json lists. On failure nothing is open. */
int lace_weights_open(struct lace_weights *weights, const char *dir, const char *stem, struct lace_error *err);
/* The parts of a GGUF file whose first is path. A tensor that no model of lace has is an error. */
int lace_weights_open_gguf(struct lace_weights *weights, const char *path, struct lace_error *err);
/* Those of a model, a directory or a GGUF file. */
int lace_weights_open_model(struct lace_weights *weights, const char *model, struct lace_error *err);
void lace_weights_close(struct lace_weights *weights);

/* The tensor of a name, marked as taken; NULL where there is none. */
const struct lace_tensor *lace_weights_take(struct lace_weights *weights, const char *name);
/* The file that holds a tensor, for messages. */
const char *lace_weights_path(const struct lace_weights *weights, const struct lace_tensor *tensor);
/* The bytes from .. from + bytes of a mapping will hardly be read again: the pages that lie wholly within leave
 * memory. They may still be read, and come back from the file then. */
void lace_weights_drop(const void *from, size_t bytes);
/* Whether what is read next lies scattered: otherwise the system reads megabytes ahead of every place. */
void lace_weights_scatter(const struct lace_weights *weights, bool scattered);
/* Closes the mappings of all files but one (-1: of all). Data of the others' tensors are gone. */
void lace_weights_close_files(struct lace_weights *weights, int keep);
/* The bytes of all files. */
size_t lace_weights_bytes(const struct lace_weights *weights);

/* ---- for the functions that open ---- */

/* One file more. Its path, mapping and names become the table's, also where this fails. */
int lace_weights_add(struct lace_weights *weights, char *path, void *map, size_t bytes,
                     const struct lace_tensor *tensors, size_t count, struct lace_error *err);
/* When all files are there: sorts, and refuses a tensor that is in two files. */
int lace_weights_finish(struct lace_weights *weights, struct lace_error *err);
#endif
