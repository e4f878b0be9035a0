/* What people hand over in place of a model: told in one sentence each, with what to do instead. */
#ifndef LACE_MODEL_DIR_H
#define LACE_MODEL_DIR_H
#include "base/base.h"

/* Whether a model is a GGUF file: the file itself, or a directory that holds one (all parts of one) and no safetensors.
 * 1: yes, path (PATH_MAX bytes) is the file, or its first part; 0: no; negative: several, or a path that is too long. */
int lace_model_gguf(const char *model, char *path, struct lace_error *err);
/* Refuses a GGUF file where a checkpoint's own files are needed; what: "Training", "lace export". */
int lace_model_not_gguf(const char *model, const char *what, struct lace_error *err);
/* A GGUF file, or a directory with config.json and weights in safetensors, or at least nothing that is known to be something else: what
 * is merely missing, its reader says. */
int lace_model_dir_check(const char *dir, struct lace_error *err);
/* The same of a lattice's directory. */
int lace_lattice_dir_check(const char *dir, struct lace_error *err);
/* A folder that is to become something new: not there yet, or empty. */
int lace_new_dir_check(const char *dir, const char *what, struct lace_error *err);
#endif
