/* What a group reached, copied out of the decoder: what lace_run returns and what the server answers. */
#ifndef LACE_RESULT_H
#define LACE_RESULT_H
#include "decode/decoder.h"

/* Fills the threads, their answers, the pick and the completion's tokens of an empty result; the rest is left to the
 * caller, who releases it with lace_run_release, also after a failure. */
int lace_group_result(const struct lace_decoder *decoder, int group, int threads, enum lace_pick_by pick, uint64_t seed,
                      struct lace_run_result *result, struct lace_error *err);
#endif
