/* What the ways of making a model share. */
#ifndef LACE_MODEL_INTERNAL_H
#define LACE_MODEL_INTERNAL_H
#include "model/model.h"

/* The list of weights without memory. On failure what is there must be freed with lace_model_free. */
int lace_model_new(struct lace_model **model, const struct lace_config *config,
                   const struct lace_lattice_config *lattice, const struct lace_model_options *options,
                   struct lace_error *err);
/* The flat block of a trained model, for all weights listed so far; the first `kept` values stay. */
int lace_model_give_master(struct lace_model *model, size_t kept, struct lace_error *err);
/* One block for the packed matrices of all weights, whose types are known; lace_model_give takes from it. */
int lace_model_give_packed(struct lace_model *model, struct lace_error *err);
/* Memory of one weight besides the master and the table: values of a vector, packed matrices. */
int lace_model_give(struct lace_model *model, struct lace_weight *weight, struct lace_error *err);
/* All memory of the weights from index first on. */
int lace_model_give_all(struct lace_model *model, int first, struct lace_error *err);
/* The standard deviation of a weight's values in a new model. */
double lace_model_start_sigma(const struct lace_model *model, const struct lace_weight *weight);
/* A table of its own, where the checkpoint's cannot be read in place. */
int lace_model_give_table(struct lace_weight *weight, enum lace_dtype type, struct lace_error *err);
#endif
