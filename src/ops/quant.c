/* Packing of quantised matrices and the reference product on them; quant.h has the layout and the formula. */
#include "ops/quant.h"

/* Four codes as a word, to be taken from and put into bytes that belong to one output. */
static uint32_t quad(const uint8_t *codes, int j)
{
    uint32_t word;
    memcpy(&word, codes + 4 * j, sizeof word);
    return word;
}

/* The codes of one group of one output go to its lane of the group's bytes. */
static void pack_codes(uint32_t *low, size_t lane, struct lace_quant q, const uint8_t *codes)
{
    uint32_t *high = low + q.low / 4 * LACE_BLOCK_OUT, bits[2] = {0, 0};
    for (int j = 0; j < 8 && q.low == 32; j++) low[j * LACE_BLOCK_OUT + lane] = quad(codes, j);
    for (int j = 0; j < 4 && q.low == 16; j++)
        low[j * LACE_BLOCK_OUT + lane] = (quad(codes, j) & 0x0f0f0f0f) | (quad(codes, j + 4) & 0x0f0f0f0f) << 4;
    for (int j = 0; j < 8 && q.high == 4; j++) bits[0] |= (quad(codes, j) >> 4 & 0x01010101) << j;
    for (int j = 0; j < 8 && q.high == 8; j++) bits[j / 4] |= (quad(codes, j) >> 4 & 0x03030303) << (2 * (j % 4));
    for (int h = 0; h < q.high / 4; h++) high[h * LACE_BLOCK_OUT + lane] = bits[h];
}

void lace_quant_pack(struct lace_matrix *m, const void *blocks)
{
    struct lace_quant q = lace_quant(m->dtype);
    size_t line = lace_dtype_size(m->dtype, (size_t)m->in), block = lace_quant_block(m->dtype, m->in);
    int head = lace_quant_head(q), group = lace_quant_group(q), chunks = m->in / q.chunk;
#pragma omp parallel for schedule(static) if ((size_t)m->in * m->out > 65536)
    for (int first = 0; first < m->out; first += LACE_BLOCK_OUT) {
        uint8_t *to = (uint8_t *)m->forward + (size_t)(first / LACE_BLOCK_OUT) * block;
        int lanes = m->out - first < LACE_BLOCK_OUT ? m->out - first : LACE_BLOCK_OUT;
        if (lanes < LACE_BLOCK_OUT) memset(to, 0, block);
        for (int c = 0; c < chunks; c++, to += lace_quant_chunk(q))
            for (int lane = 0; lane < lanes; lane++) {
                struct lace_block_parts b;
                lace_block_read(&b, m->dtype,
                                (const char *)blocks + (size_t)(first + lane) * line +
                                    (size_t)c * (size_t)lace_dtype_bytes(m->dtype));
                ((uint16_t *)to)[lane] = b.d;
                if (q.mins) ((uint16_t *)to)[LACE_BLOCK_OUT + lane] = b.dmin;
                for (int g = 0; g < q.chunk / 32; g++) {
                    uint8_t *at = to + head + g * group;
                    for (int s = 0; s < q.scales; s++)
                        at[s * LACE_BLOCK_OUT + lane] = (uint8_t)b.scale[g * q.scales + s];
                    at += q.scales * LACE_BLOCK_OUT;
                    if (q.mins) at[lane] = b.min[g];
                    pack_codes((uint32_t *)(at + q.mins * LACE_BLOCK_OUT), (size_t)lane, q, b.code + g * 32);
                }
            }
    }
}

void lace_quant_code_rows(struct lace_coded *to, const float *x, int rows, int cols)
{
    for (size_t i = 0; i < (size_t)rows * (size_t)(cols / 32); i++) lace_code_inputs(to + i, x + 32 * i);
}

/* Code i of a group, of one output. */
static int code_at(const uint8_t *low, size_t lane, struct lace_quant q, int i)
{
    const uint8_t *high = low + q.low * LACE_BLOCK_OUT;
    int j = i / 4, b = i % 4, code;
    if (q.low == 32) return low[((size_t)j * LACE_BLOCK_OUT + lane) * 4 + b];
    code = low[((size_t)(j % 4) * LACE_BLOCK_OUT + lane) * 4 + b] >> (j / 4 * 4) & 15;
    if (q.high == 4) code |= (high[lane * 4 + b] >> j & 1) << 4;
    if (q.high == 8) code |= (high[((size_t)(j / 4) * LACE_BLOCK_OUT + lane) * 4 + b] >> (2 * (j % 4)) & 3) << 4;
    return code;
}

/* What one group adds to y of one output. */
static float add_group(float y, const uint8_t *head, const uint8_t *group, size_t lane, struct lace_quant q,
                       const struct lace_coded *x)
{
    float d = lace_f16_to_f32(((const uint16_t *)head)[lane]);
    const uint8_t *mins = group + q.scales * LACE_BLOCK_OUT, *low = mins + q.mins * LACE_BLOCK_OUT;
    int parts = q.scales == 2 ? 2 : 1, each = 32 / parts;
    for (int s = 0; s < parts; s++) {
        int32_t sum = 0, minus = parts == 2 ? x->minus[s] : x->minus[0] + x->minus[1];
        for (int i = s * each; i < (s + 1) * each; i++) sum += code_at(low, lane, q, i) * x->code[i];
        if (q.offset) sum += minus * (1 << q.offset);
        float scale = q.scales ? d * (float)(int8_t)group[s * LACE_BLOCK_OUT + lane] : d;
        y = fmaf((float)sum, scale * x->scale, y);
    }
    if (!q.mins) return y;
    return fmaf(-(lace_f16_to_f32(((const uint16_t *)head)[LACE_BLOCK_OUT + lane]) * mins[lane]), x->sum, y);
}

void lace_quant_reference(float *y, const struct lace_operand *x, const struct lace_matrix *m, int rows,
                          bool accumulate)
{
    struct lace_quant q = lace_quant(m->dtype);
    size_t block = lace_quant_block(m->dtype, m->in);
    int head = lace_quant_head(q), group = lace_quant_group(q), groups = m->in / 32;
#pragma omp parallel for schedule(static)
    for (int o = 0; o < m->out; o++) {
        const uint8_t *from = (const uint8_t *)m->forward + (size_t)(o / LACE_BLOCK_OUT) * block;
        for (int r = 0; r < rows; r++) {
            float *to = y + (size_t)r * m->out + o, sum = accumulate ? *to : 0;
            for (int i = 0; i < groups; i++) {
                const uint8_t *chunk = from + (size_t)(i / (q.chunk / 32)) * (size_t)lace_quant_chunk(q);
                sum = add_group(sum, chunk, chunk + head + i % (q.chunk / 32) * group, (size_t)o % LACE_BLOCK_OUT, q,
                                x->codes + (size_t)r * groups + i);
            }
            *to = sum;
        }
    }
}
