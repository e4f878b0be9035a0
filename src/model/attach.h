/* A new lattice from a short description: which layers, how wide, how large in the end. From the configuration alone,
 * so that it can be asked of models that are not here. */
#ifndef LACE_ATTACH_H
#define LACE_ATTACH_H
#include "model/model.h"

/* "every:4": layers 3, 7, 11, ...; "every:2:from-middle": L/2, L/2 + 2, ...; "14,18,22": these. */
int lace_layers_parse(struct lace_lattice_config *lattice, const struct lace_config *config, const char *text,
                      struct lace_error *err);
/* The lattice that options describe, for a backbone of this configuration. */
int lace_attach_config(struct lace_lattice_config *lattice, const struct lace_config *config,
                       const struct lace_attach_options *options, struct lace_error *err);
/* Parameters of a model of this configuration: what lace_model_count says of the model itself. */
void lace_config_count(const struct lace_config *config, const struct lace_lattice_config *lattice, size_t *backbone,
                       size_t *in_lattice);
#endif
