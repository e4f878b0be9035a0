/* The types that numbers of a model are kept in: plain ones, and the block formats of GGUF files, where a block of
 * 32 or 256 numbers is one unit of bytes:
 *
 *   x[i] = scale(i) * (code[i] - offset) - min(i)
 *
 *             block            code    scale                              offset  min                     bits
 *   Q8_0       32  34 bytes    8 bits  f16                                    128  -                       8.5
 *   Q4_0       32  18 bytes    4 bits  f16                                      8  -                       4.5
 *   Q4_K      256 144 bytes    4 bits  f16 times 6 bits for each 32             0  f16 times 6 bits        4.5
 *   Q5_K      256 176 bytes    5 bits  f16 times 6 bits for each 32             0  f16 times 6 bits        5.5
 *   Q6_K      256 210 bytes    6 bits  f16 times 8 bits, signed, for each 16   32  -                       6.5625
 *
 * What is computed here is the reference: exactly what the formats define, rounded once for each operation in f32. */
#ifndef LACE_DTYPE_H
#define LACE_DTYPE_H
#include "base/base.h"

enum lace_dtype { LACE_F32, LACE_BF16, LACE_F16, LACE_Q8_0, LACE_Q4_0, LACE_Q4_K, LACE_Q5_K, LACE_Q6_K, LACE_DTYPES };

/* "F32", "Q4_K", ...; NULL beyond the last type. */
const char *lace_dtype_name(enum lace_dtype type);
/* The numbers of a block and its bytes; of a plain type 1 and the bytes of a number. */
int lace_dtype_block(enum lace_dtype type);
int lace_dtype_bytes(enum lace_dtype type);
static inline bool lace_dtype_has_blocks(enum lace_dtype type) { return type >= LACE_Q8_0 && type < LACE_DTYPES; }
/* The bytes of count numbers, whole blocks of them. */
static inline size_t lace_dtype_size(enum lace_dtype type, size_t count)
{
    return count / (size_t)lace_dtype_block(type) * (size_t)lace_dtype_bytes(type);
}

/* Numbers first .. first + count - 1 of data as f32; either need not be a multiple of the block. Data of blocks need
 * not be aligned; plain types must be. */
void lace_dtype_to_f32(enum lace_dtype type, const void *data, size_t first, size_t count, float *out);

/* A block taken apart: scale(i) = f16(d) * scale[i / group], min(i) = f16(dmin) * min[i / group]. */
struct lace_block_parts {
    int count, group, offset;
    uint16_t d, dmin;
    int8_t scale[16];
    uint8_t min[16];
    uint8_t code[256];
};
void lace_block_read(struct lace_block_parts *block, enum lace_dtype type, const void *bytes);
#endif
