/* One named array of numbers in a checkpoint, whatever format the file has. */
#ifndef LACE_TENSOR_H
#define LACE_TENSOR_H
#include "base/base.h"

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
    LACE_T_BOOL
};
#define LACE_MAX_RANK 8

struct lace_tensor {
    char *name;
    enum lace_tensor_type type;
    int rank;
    uint64_t shape[LACE_MAX_RANK];
    const void *data; /* into a mapping (reader) or the caller's memory (writer); need not be aligned */
    size_t bytes;
    int file; /* of those that hold a model's weights: see io/weights.h */
};

/* "F32", "BF16", ...; NULL beyond the last type. */
const char *lace_tensor_type_name(enum lace_tensor_type type);
/* The bytes of one element; 0 beyond the last type. */
size_t lace_tensor_type_bytes(enum lace_tensor_type type);
/* count elements of an F32, F16 or BF16 tensor from first on as f32. */
int lace_tensor_to_f32(const struct lace_tensor *tensor, size_t first, size_t count, float *out,
                       struct lace_error *err);
/* The same as numbers of another of these types; one that is finite and too large for F16 is an error. */
int lace_tensor_convert(const struct lace_tensor *tensor, size_t first, size_t count, enum lace_tensor_type to,
                        void *out, struct lace_error *err);
#endif
