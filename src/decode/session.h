/* Runs that share a decoder, so that the beginning of a prompt that one has read need not be read by the next. */
#ifndef LACE_SESSION_H
#define LACE_SESSION_H
#include "decode/decoder.h"
#include "decode/engine.h"

struct lace_session {
    const struct lace_engine *engine; /* borrowed */
    bool once;                        /* the only run: no more room than it needs */
    struct lace_decoder *decoder;     /* of that size; NULL: none yet */
    struct lace_decoder_options size;
};
#endif
