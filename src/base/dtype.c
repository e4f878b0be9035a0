#include "base/dtype.h"
#include <string.h>

static const struct {
    const char *name;
    int block, bytes;
} types[LACE_DTYPES] = {
    [LACE_F32] = {"F32", 1, 4},       [LACE_BF16] = {"BF16", 1, 2},     [LACE_F16] = {"F16", 1, 2},
    [LACE_Q8_0] = {"Q8_0", 32, 34},   [LACE_Q4_0] = {"Q4_0", 32, 18},   [LACE_Q4_K] = {"Q4_K", 256, 144},
    [LACE_Q5_K] = {"Q5_K", 256, 176}, [LACE_Q6_K] = {"Q6_K", 256, 210},
};

const char *lace_dtype_name(enum lace_dtype type) { return (unsigned)type < LACE_DTYPES ? types[type].name : NULL; }
int lace_dtype_block(enum lace_dtype type) { return types[type].block; }
int lace_dtype_bytes(enum lace_dtype type) { return types[type].bytes; }

static uint16_t half_at(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

/* f16 d; 32 signed bytes. */
static void read_q8_0(struct lace_block_parts *b, const uint8_t *p)
{
    b->d = half_at(p);
    for (int i = 0; i < 32; i++) b->code[i] = p[2 + i] ^ 0x80;
}

/* f16 d; 16 bytes, whose low halves are the first 16 codes. */
static void read_q4_0(struct lace_block_parts *b, const uint8_t *p)
{
    b->d = half_at(p);
    for (int i = 0; i < 16; i++) b->code[i] = p[2 + i] & 15, b->code[16 + i] = p[2 + i] >> 4;
}

/* f16 d, f16 dmin; 12 bytes with 8 scales and 8 mins of 6 bits: bytes 0 to 3 and 4 to 7 hold scales 0 to 3 and mins 0
 * to 3 in their low 6 bits and, above, the upper 2 bits of scales and mins 4 to 7, whose low 4 bits are the low and
 * the high halves of bytes 8 to 11. [Q5_K: 32 bytes, bit g of byte i is bit 4 of code 32 g + i.] 128 bytes: of each 32
 * the low halves are 32 codes, the high halves the next 32. */
static void read_q45_k(struct lace_block_parts *b, const uint8_t *p, bool fifth)
{
    const uint8_t *s = p + 4, *high = p + 16, *low = p + (fifth ? 48 : 16);
    b->d = half_at(p);
    b->dmin = half_at(p + 2);
    for (int i = 0; i < 4; i++) {
        b->scale[i] = s[i] & 63;
        b->min[i] = s[4 + i] & 63;
        b->scale[4 + i] = (int8_t)((s[8 + i] & 15) | s[i] >> 6 << 4);
        b->min[4 + i] = (uint8_t)(s[8 + i] >> 4 | s[4 + i] >> 6 << 4);
    }
    for (int g = 0; g < 8; g++)
        for (int i = 0; i < 32; i++) {
            uint8_t half = low[g / 2 * 32 + i] >> (g % 2 * 4) & 15;
            b->code[g * 32 + i] = fifth ? (uint8_t)(half | (high[i] >> g & 1) << 4) : half;
        }
}

/* 128 bytes, 64 bytes, 16 signed scales, f16 d. Each half of the block, 128 codes, has 64 of the 128 bytes: low halves
 * are codes 0 to 63, high halves 64 to 127; and 32 of the 64: bits 2 q and 2 q + 1 of byte i go above code 32 q + i. */
static void read_q6_k(struct lace_block_parts *b, const uint8_t *p)
{
    b->d = half_at(p + 208);
    memcpy(b->scale, p + 192, 16);
    for (int i = 0; i < 256; i++) {
        int half = i / 128, at = i % 128;
        uint8_t low = p[half * 64 + at % 64] >> (at / 64 * 4) & 15, high = p[128 + half * 32 + at % 32];
        b->code[i] = (uint8_t)(low | (high >> (at / 32 * 2) & 3) << 4);
    }
}

void lace_block_read(struct lace_block_parts *b, enum lace_dtype type, const void *bytes)
{
    b->count = types[type].block;
    b->group = type == LACE_Q6_K ? 16 : 32;
    b->offset = type == LACE_Q8_0 ? 128 : type == LACE_Q4_0 ? 8 : type == LACE_Q6_K ? 32 : 0;
    b->dmin = 0;
    memset(b->scale, 1, sizeof b->scale);
    memset(b->min, 0, sizeof b->min);
    switch (type) {
    case LACE_Q8_0: read_q8_0(b, bytes); break;
    case LACE_Q4_0: read_q4_0(b, bytes); break;
    case LACE_Q4_K: read_q45_k(b, bytes, false); break;
    case LACE_Q5_K: read_q45_k(b, bytes, true); break;
    default: read_q6_k(b, bytes);
    }
}

static void block_to_f32(enum lace_dtype type, const void *bytes, int first, int count, float *out)
{
    struct lace_block_parts b;
    lace_block_read(&b, type, bytes);
    float d = lace_f16_to_f32(b.d), dmin = lace_f16_to_f32(b.dmin);
    for (int i = 0; i < count; i++) {
        int g = (first + i) / b.group;
        out[i] = d * b.scale[g] * (float)(b.code[first + i] - b.offset) - dmin * b.min[g];
    }
}

void lace_dtype_to_f32(enum lace_dtype type, const void *data, size_t first, size_t count, float *out)
{
    if (type == LACE_F32) {
        memcpy(out, (const float *)data + first, count * sizeof *out);
    } else if (type == LACE_BF16) {
        for (size_t i = 0; i < count; i++) out[i] = lace_bf16_to_f32(((const uint16_t *)data)[first + i]);
    } else if (type == LACE_F16) {
        for (size_t i = 0; i < count; i++) out[i] = lace_f16_to_f32(((const uint16_t *)data)[first + i]);
    } else {
        size_t block = (size_t)types[type].block;
        for (size_t at = first, end = first + count, some; at < end; at += some, out += some) {
            size_t within = at % block;
            some = end - at < block - within ? end - at : block - within;
            block_to_f32(type, (const char *)data + at / block * (size_t)types[type].bytes, (int)within, (int)some,
                         out);
        }
    }
}
