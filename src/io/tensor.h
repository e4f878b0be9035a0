/* One named array of numbers in a checkpoint, whatever format the file has. */
#ifndef LACE_TENSOR_H
#define LACE_TENSOR_H
#include "base/dtype.h"

enum lace_tensor_type {
    LACE_T_F64,
    LACE_T_F32,
    LACE_T_F16,
    LACE_T_BF16,
    LACE_T_I64,
    LACE_T_I32,
    LACE_T_I16,
    LACE_T_I8,
    LACE_T_U8,
    LACE_T_BOOL,
    /* of GGUF: blocks of numbers, each with a scale of its own (base/dtype.h) */
    LACE_T_Q8_0,
    LACE_T_Q4_0,
    LACE_T_Q4_K,
    LACE_T_Q5_K,
    LACE_T_Q6_K,
    LACE_T_Q5_0, /* in files only (io/old_blocks.h) */
    LACE_T_Q4_1,
    LACE_T_Q5_1,
    LACE_T_COUNT
};
#define LACE_T_BLOCKS LACE_T_Q8_0 /* the first of the types that have blocks */
#define LACE_MAX_RANK 8

struct lace_tensor {
    char *name;
    enum lace_tensor_type type;
    int rank;
    uint64_t shape[LACE_MAX_RANK];
    const void *data; /* into a mapping (reader) or the caller's memory (writer); need not be aligned */
    size_t bytes;
    int file;   /* of those that hold a model's weights: see io/weights.h */
    int turned; /* d: of every d rows, those of a rotary pair lie side by side (see lace_tensor_row); 0: as usual */
};

/* "F32", "BF16", ...; NULL beyond the last type. */
const char *lace_tensor_type_name(enum lace_tensor_type type);
/* The elements of one block, and its bytes; a type without blocks has one element to a block. 0 beyond the last type. */
size_t lace_tensor_type_block(enum lace_tensor_type type);
size_t lace_tensor_type_bytes(enum lace_tensor_type type);
/* The bytes of a tensor of this type and shape. false: they do not fit, or a row is not of whole blocks. */
bool lace_tensor_size(const struct lace_tensor *tensor, size_t *bytes);
/* Where a row of a matrix (an element of a vector) lies in the file. Hugging Face's rows of a head of width d are the
 * first halves of its d / 2 rotary pairs, then the second halves: GGUF files of some families have every pair together,
 * row i + s d / 2 of a head at place 2 i + s. */
static inline size_t lace_tensor_row(const struct lace_tensor *tensor, size_t row)
{
    size_t d = (size_t)tensor->turned, in = d ? row % d : 0;
    return d ? row - in + (in < d / 2 ? 2 * in : 2 * (in - d / 2) + 1) : row;
}
/* What products and lookups can be made of: false for F64 and whole numbers. */
bool lace_tensor_dtype(const struct lace_tensor *tensor, enum lace_dtype *dtype);
/* Rows of such a matrix as that type has them, in Hugging Face's order. */
void lace_tensor_rows(const struct lace_tensor *tensor, size_t row, size_t rows, void *out);
/* Whether the file has them so already, at an address for their type. */
bool lace_tensor_in_place(const struct lace_tensor *tensor);
/* count elements of such a tensor from first on as f32, rows in Hugging Face's order. */
int lace_tensor_to_f32(const struct lace_tensor *tensor, size_t first, size_t count, float *out,
                       struct lace_error *err);
/* The same as numbers of another of these types; one that is finite and too large for F16 is an error. */
int lace_tensor_convert(const struct lace_tensor *tensor, size_t first, size_t count, enum lace_tensor_type to,
                        void *out, struct lace_error *err);
#endif
