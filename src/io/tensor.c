/* Types of elements, and numbers out of them. The data need not be aligned (a header's length decides), hence memcpy. */
#include "io/old_blocks.h"
#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
    enum lace_dtype dtype; /* LACE_DTYPES: none */
} types[] = {
    [LACE_T_F64] = {"F64", 8, LACE_DTYPES},   [LACE_T_F32] = {"F32", 4, LACE_F32},
    [LACE_T_F16] = {"F16", 2, LACE_F16},      [LACE_T_BF16] = {"BF16", 2, LACE_BF16},
    [LACE_T_I64] = {"I64", 8, LACE_DTYPES},   [LACE_T_I32] = {"I32", 4, LACE_DTYPES},
    [LACE_T_I16] = {"I16", 2, LACE_DTYPES},   [LACE_T_I8] = {"I8", 1, LACE_DTYPES},
    [LACE_T_U8] = {"U8", 1, LACE_DTYPES},     [LACE_T_BOOL] = {"BOOL", 1, LACE_DTYPES},
    [LACE_T_Q8_0] = {"Q8_0", 34, LACE_Q8_0},  [LACE_T_Q4_0] = {"Q4_0", 18, LACE_Q4_0},
    [LACE_T_Q4_K] = {"Q4_K", 144, LACE_Q4_K}, [LACE_T_Q5_K] = {"Q5_K", 176, LACE_Q5_K},
    [LACE_T_Q6_K] = {"Q6_K", 210, LACE_Q6_K}, [LACE_T_Q5_0] = {"Q5_0", 22, LACE_Q8_0},
    [LACE_T_Q4_1] = {"Q4_1", 20, LACE_F32},   [LACE_T_Q5_1] = {"Q5_1", 24, LACE_F32},
};

const char *lace_tensor_type_name(enum lace_tensor_type type) { return type < LACE_T_COUNT ? types[type].name : NULL; }
size_t lace_tensor_type_bytes(enum lace_tensor_type type) { return type < LACE_T_COUNT ? types[type].bytes : 0; }

size_t lace_tensor_type_block(enum lace_tensor_type type)
{
    if (lace_is_old_block(type)) return 32;
    return type < LACE_T_BLOCKS ? 1 : type < LACE_T_COUNT ? (size_t)lace_dtype_block(types[type].dtype) : 0;
}

bool lace_tensor_dtype(const struct lace_tensor *t, enum lace_dtype *dtype)
{
    *dtype = types[t->type].dtype;
    return *dtype != LACE_DTYPES;
}

bool lace_tensor_size(const struct lace_tensor *t, size_t *bytes)
{
    size_t block = lace_tensor_type_block(t->type);
    *bytes = lace_tensor_type_bytes(t->type);
    if (block > 1 && (!t->rank || t->shape[t->rank - 1] % block)) return false;
    for (int i = 0; i < t->rank; i++)
        if (!lace_mul(*bytes, i == t->rank - 1 ? t->shape[i] / block : t->shape[i], bytes)) return false;
    return true;
}

static void old_to_f32(const struct lace_tensor *t, enum lace_dtype dtype, size_t first, size_t count, float *out)
{
    float block[34];
    for (size_t end = first + count, some; first < end; first += some, out += some) {
        some = 32 - first % 32 < end - first ? 32 - first % 32 : end - first;
        lace_old_block_read(t->type, (const char *)t->data + first / 32 * types[t->type].bytes, block);
        lace_dtype_to_f32(dtype, block, first % 32, some, out);
    }
}

bool lace_tensor_in_place(const struct lace_tensor *t)
{
    enum lace_dtype dtype = types[t->type].dtype;
    return !t->turned && !lace_is_old_block(t->type) &&
           (lace_dtype_has_blocks(dtype) || (uintptr_t)t->data % (size_t)lace_dtype_bytes(dtype) == 0);
}

void lace_tensor_rows(const struct lace_tensor *t, size_t row, size_t rows, void *out)
{
    size_t line = t->bytes / (size_t)t->shape[0], size = types[t->type].bytes,
           made = lace_dtype_size(types[t->type].dtype, 32); /* of an old block */
    unsigned char *to = out;
    for (size_t end = row + rows; row < end; row++) {
        const unsigned char *from = (const unsigned char *)t->data + lace_tensor_row(t, row) * line;
        if (!lace_is_old_block(t->type)) {
            memcpy(to, from, line);
            to += line;
            continue;
        }
        for (size_t at = 0; at < line; at += size, to += made) lace_old_block_read(t->type, from + at, to);
    }
}

/* Elements as they lie in the file. Plain types may lie at any address there. */
static void to_f32(const struct lace_tensor *t, enum lace_dtype dtype, size_t first, size_t count, float *out)
{
    if (lace_is_old_block(t->type)) {
        old_to_f32(t, dtype, first, count, out);
        return;
    }
    if (lace_dtype_has_blocks(dtype)) {
        lace_dtype_to_f32(dtype, t->data, first, count, out);
        return;
    }
    size_t size = types[t->type].bytes;
    const unsigned char *from = (const unsigned char *)t->data + first * size;
    if (dtype == LACE_F32) {
        memcpy(out, from, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t h;
        memcpy(&h, from + 2 * i, 2);
        out[i] = dtype == LACE_F16 ? lace_f16_to_f32(h) : lace_bf16_to_f32(h);
    }
}

int lace_tensor_to_f32(const struct lace_tensor *tensor, size_t first, size_t count, float *out, struct lace_error *err)
{
    enum lace_dtype dtype;
    if (!lace_tensor_dtype(tensor, &dtype))
        return lace_fail(err, LACE_BAD, "Tensor \"%.100s\" has dtype %s; F32, F16 or BF16 is needed here.",
                         tensor->name, types[tensor->type].name);
    size_t total = tensor->bytes / types[tensor->type].bytes * lace_tensor_type_block(tensor->type);
    if (first > total || count > total - first)
        return lace_fail(err, LACE_BAD, "Tensor \"%.100s\" has %zu elements; %zu from %zu were asked for.",
                         tensor->name, total, count, first);
    if (!tensor->turned) {
        if (count) to_f32(tensor, dtype, first, count, out);
        return 0;
    }
    size_t cols = tensor->rank > 1 ? (size_t)tensor->shape[tensor->rank - 1] : 1;
    for (size_t at = first, end = first + count, some; at < end; at += some, out += some) { /* row by row */
        some = cols - at % cols < end - at ? cols - at % cols : end - at;
        to_f32(tensor, dtype, lace_tensor_row(tensor, at / cols) * cols + at % cols, some, out);
    }
    return 0;
}

int lace_tensor_convert(const struct lace_tensor *tensor, size_t first, size_t count, enum lace_tensor_type to,
                        void *out, struct lace_error *err)
{
    enum { SOME = 1024 };
    float wide[SOME];
    uint16_t *half = out;
    if (to == LACE_T_F32) return lace_tensor_to_f32(tensor, first, count, out, err);
    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < SOME ? count - at : SOME;
        int code = lace_tensor_to_f32(tensor, first + at, n, wide, err);
        if (code) return code;
        for (size_t i = 0; i < n; i++) {
            half[at + i] = to == LACE_T_F16 ? lace_f32_to_f16(wide[i]) : lace_f32_to_bf16(wide[i]);
            if (to == LACE_T_F16 && (half[at + i] & 0x7fff) == 0x7c00 && isfinite(wide[i]))
                return lace_fail(err, LACE_BAD, "Tensor \"%.100s\" holds %g, which F16 cannot; use BF16.", tensor->name,
                                 wide[i]);
        }
    }
    return 0;
}
