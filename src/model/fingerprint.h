/* By what a backbone is known again: an adapter of another one of the same shape would attach and compute nonsense.
 *
 * Two hashes over the names, the shapes and 256 numbers from the middle of every tensor, rounded to bf16, so that F32 and
 * BF16 files of the same weights agree: one of the vectors (norms, biases), one of the matrices. Quantised files keep
 * vectors in F32, so these tell models apart there too; matrices of blocks, and any tensor in F16, are rounded otherwise
 * and leave their hash unknown. The head is left out: a file may hold a tied one or not. */
#ifndef LACE_FINGERPRINT_H
#define LACE_FINGERPRINT_H
#include "model/model.h"

/* Of a model's tensors: those of open, checked files, or, source NULL, its own values as they are (of a model opened for
 * training; otherwise nothing is known). Reads a page or two of each tensor. */
int lace_fingerprint_take(struct lace_fingerprint *print, const struct lace_model *model, struct lace_weights *source,
                          struct lace_error *err);
/* Whether something that both know differs. */
bool lace_fingerprint_differs(const struct lace_fingerprint *a, const struct lace_fingerprint *b);
#endif
