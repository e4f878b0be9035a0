/* Linear layers, y = x W^T: packing of the weights and the reference products that read them.
 *   dx = dy W,  dW = dy^T x
 * The packed form is documented at struct lace_matrix; lace_packed_index (cpu.h) is the one place that knows it. */
#include "ops/quant.h"

size_t lace_matrix_bytes(enum lace_dtype dtype, int in, int out)
{
    if (lace_dtype_has_blocks(dtype)) return lace_pad_out(out) / LACE_BLOCK_OUT * lace_quant_block(dtype, in);
    return lace_pad_in(dtype, in) * lace_pad_out(out) * (dtype == LACE_BF16 ? 2 : 4);
}

static float half_to_f32(uint16_t half, enum lace_dtype source)
{
    return source == LACE_F16 ? lace_f16_to_f32(half) : lace_bf16_to_f32(half);
}

/* count numbers of the source, from w[first], as bf16 or as f32. */
static __attribute__((noinline)) void convert(void *to, enum lace_dtype dtype, const void *w, enum lace_dtype source,
                                              size_t first, size_t count)
{
    const float *wide = (const float *)w + first;
    const uint16_t *half = (const uint16_t *)w + first;
    if (dtype == source) {
        if (dtype == LACE_BF16) memcpy(to, half, count * sizeof *half);
        else memcpy(to, wide, count * sizeof *wide);
    } else if (source == LACE_F32) {
        for (size_t i = 0; i < count; i++) ((uint16_t *)to)[i] = lace_f32_to_bf16(wide[i]);
    } else if (dtype == LACE_BF16) {
        for (size_t i = 0; i < count; i++) ((uint16_t *)to)[i] = lace_f32_to_bf16(lace_f16_to_f32(half[i]));
    } else {
        for (size_t i = 0; i < count; i++) ((float *)to)[i] = half_to_f32(half[i], source);
    }
}

/* y = x W^T reads, of one block, outputs `first` and on: rows of w, `in` long, each become a column of the block. */
static void pack_forward(uint32_t *block, enum lace_dtype dtype, int in, int out, const void *w, enum lace_dtype source,
                         size_t first)
{
    enum { SOME = 256 };
    union {
        uint32_t word[SOME];
        uint16_t half[2 * SOME];
    } row; /* a word is what the packed form keeps together: one f32, or a pair of bf16 */
    size_t per = dtype == LACE_BF16 ? 2 : 1;
    for (size_t i = 0; i < (size_t)in; i += SOME * per)
        for (size_t lane = 0; lane < LACE_BLOCK_OUT && first + lane < (size_t)out; lane++) {
            size_t count = in - i < SOME * per ? in - i : SOME * per;
            convert(&row, dtype, w, source, (first + lane) * in + i, count);
            if (per == 2 && count % 2) row.half[count] = 0;
            for (size_t word = 0; word < (count + per - 1) / per; word++)
                block[(i / per + word) * LACE_BLOCK_OUT + lane] = row.word[word];
        }
}

/* dx = dy W reads columns of w, which are rows of a block already, for bf16 two interleaved. A few rows of w (from
 * `row` to `end`) go to all blocks in turn: walking down all rows of one block would wait for memory at each step.
 * `depth` words make a block. */
static void pack_backward(uint32_t *packed, size_t depth, enum lace_dtype dtype, int in, size_t row, size_t end,
                          const void *w, enum lace_dtype source)
{
    for (size_t first = 0; first < (size_t)in; first += LACE_BLOCK_OUT) {
        size_t lanes = in - first < LACE_BLOCK_OUT ? in - first : LACE_BLOCK_OUT;
        uint32_t *block = packed + first / LACE_BLOCK_OUT * depth;
        for (size_t o = row; dtype == LACE_F32 && o < end; o++)
            convert(block + o * LACE_BLOCK_OUT, dtype, w, source, o * in + first, lanes);
        for (size_t o = row; dtype == LACE_BF16 && o < end; o += 2) {
            uint16_t even[LACE_BLOCK_OUT], odd[LACE_BLOCK_OUT] = {0};
            convert(even, dtype, w, source, o * in + first, lanes);
            if (o + 1 < end) convert(odd, dtype, w, source, (o + 1) * in + first, lanes);
            for (size_t lane = 0; lane < lanes; lane++)
                block[o / 2 * LACE_BLOCK_OUT + lane] = even[lane] | (uint32_t)odd[lane] << 16;
        }
    }
}

void lace_matrix_pack(struct lace_matrix *m, const void *w, enum lace_dtype source)
{
    enum { FEW = 8 };
    if (lace_dtype_has_blocks(m->dtype)) {
        lace_quant_pack(m, w);
        return;
    }
    size_t depth = lace_pad_in(m->dtype, m->in) * LACE_BLOCK_OUT / (m->dtype == LACE_BF16 ? 2 : 1);
    bool large = (size_t)m->in * m->out > 65536, whole = m->in % 64 == 0 && m->out % 64 == 0;
    if (!whole) memset(m->forward, 0, lace_matrix_bytes(m->dtype, m->in, m->out));
#pragma omp parallel for schedule(static) if (large)
    for (int o = 0; o < m->out; o += LACE_BLOCK_OUT)
        pack_forward((uint32_t *)m->forward + o / LACE_BLOCK_OUT * depth, m->dtype, m->in, m->out, w, source, o);
    if (!m->backward) return;
    depth = lace_pad_in(m->dtype, m->out) * LACE_BLOCK_OUT / (m->dtype == LACE_BF16 ? 2 : 1);
    if (!whole) memset(m->backward, 0, lace_matrix_bytes(m->dtype, m->out, m->in));
#pragma omp parallel for schedule(static) if (large)
    for (int o = 0; o < m->out; o += FEW)
        pack_backward(m->backward, depth, m->dtype, m->in, o, m->out - o < FEW ? m->out : o + FEW, w, source);
}

void lace_operand_make(struct lace_operand *operand, const float *x, int rows)
{
    bool alone = operand->forward_only && rows <= LACE_FEW_ROWS;
    size_t n = (size_t)rows * operand->cols, padded = alone ? n : LACE_PAD_ROWS(rows) * operand->cols;
    if (operand->codes) lace_quant_code_rows(operand->codes, x, rows, operand->cols);
    if (operand->dtype == LACE_F32) {
        if (x != operand->data) memcpy(operand->data, x, n * sizeof(float));
        memset((float *)operand->data + n, 0, (padded - n) * sizeof(float));
        return;
    }
    uint16_t *to = operand->data;
    lace_to_bf16(to, x, n);
    memset(to + n, 0, (padded - n) * sizeof(uint16_t));
}

static float element(const struct lace_operand *x, size_t at)
{
    return x->dtype == LACE_BF16 ? lace_bf16_to_f32(((const uint16_t *)x->data)[at]) : ((const float *)x->data)[at];
}

void lace_product_reference(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                            bool accumulate)
{
    bool bf16 = x->dtype == LACE_BF16;
    size_t blocks = lace_pad_out(out) / LACE_BLOCK_OUT;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++)
        for (int r = 0; r < rows; r++) {
            float sum[LACE_BLOCK_OUT] = {0};
            size_t first = b * LACE_BLOCK_OUT;
            for (int i = 0; i < in; i++) {
                size_t at = lace_packed_index(x->dtype, in, first, i);
                float xi = element(x, (size_t)r * in + i);
                for (int o = 0; o < LACE_BLOCK_OUT; o++)
                    sum[o] += xi * (bf16 ? lace_bf16_to_f32(((const uint16_t *)packed)[at + 2 * o])
                                         : ((const float *)packed)[at + o]);
            }
            for (size_t o = 0; o < LACE_BLOCK_OUT && first + o < (size_t)out; o++) {
                float *to = y + (size_t)r * out + first + o;
                *to = accumulate ? *to + sum[o] : sum[o];
            }
        }
}

void lace_matrix_forward(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows, bool accumulate)
{
    if (lace_dtype_has_blocks(m->dtype)) lace_quant_reference(y, x, m, rows, accumulate);
    else lace_product_reference(y, x, m->forward, m->in, m->out, rows, accumulate);
}

void lace_matrix_backward_input(float *dx, const struct lace_operand *dy, const struct lace_matrix *m, int rows,
                                bool accumulate)
{
    lace_product_reference(dx, dy, m->backward, m->out, m->in, rows, accumulate);
}

void lace_matrix_backward_weight(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows)
{
    int out = dy->cols, in = x->cols;
#pragma omp parallel for schedule(static)
    for (int o = 0; o < out; o++)
        for (int r = 0; r < rows; r++) {
            float d = element(dy, (size_t)r * out + o);
            for (int i = 0; i < in; i++) dw[(size_t)o * in + i] += d * element(x, (size_t)r * in + i);
        }
}
