/* The lines of a tile of attention: what attention.h says they are. */
#ifndef LACE_OPS_X86_LINES_H
#define LACE_OPS_X86_LINES_H
#include "ops/x86/vec.h"
#include <stddef.h>

struct lines {
    int count;
    int row[L];     /* in the block */
    size_t line[L]; /* row * H + head, in the batch */
};
#endif
