/* Blocks of 32 numbers that GGUF files have and products do not read: the older formats, which quantised files still use
 * where a row is no multiple of 256 (Q5_0, Q5_1) or a layer is sensitive (Q4_1).
 *
 *   Q5_0   f16 d,        32 fifth bits, 16 bytes   d (code - 16)   becomes Q8_0, which holds the same numbers
 *   Q4_1   f16 d, f16 m,                16 bytes   d code + m      becomes f32
 *   Q5_1   f16 d, f16 m, 32 fifth bits, 16 bytes   d code + m      becomes f32
 *
 * The low halves of the bytes are the first 16 codes, the high halves the others. */
#ifndef LACE_OLD_BLOCKS_H
#define LACE_OLD_BLOCKS_H
#include "io/tensor.h"

static inline bool lace_is_old_block(enum lace_tensor_type type) { return type >= LACE_T_Q5_0 && type < LACE_T_COUNT; }
/* A block as lace_tensor_dtype names the type: 34 bytes of Q8_0, or 32 floats. */
void lace_old_block_read(enum lace_tensor_type type, const void *block, void *out);
#endif
