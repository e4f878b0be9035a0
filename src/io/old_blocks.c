#include "io/old_blocks.h"
#include <string.h>

static float half_at(const unsigned char *p) { return lace_f16_to_f32((uint16_t)(p[0] | p[1] << 8)); }

void lace_old_block_read(enum lace_tensor_type type, const void *block, void *out)
{
    const unsigned char *p = block, *fifth = type == LACE_T_Q4_1 ? NULL : p + (type == LACE_T_Q5_0 ? 2 : 4),
                        *halves = type == LACE_T_Q5_0   ? p + 6
                                  : type == LACE_T_Q5_1 ? p + 8
                                                        : p + 4;
    int code[32];
    for (int i = 0; i < 32; i++) {
        code[i] = halves[i % 16] >> (i / 16 * 4) & 15;
        if (fifth) code[i] |= (fifth[i / 8] >> i % 8 & 1) << 4;
    }
    if (type == LACE_T_Q5_0) {
        unsigned char *to = memcpy(out, p, 2);
        for (int i = 0; i < 32; i++) to[2 + i] = (unsigned char)(code[i] - 16);
        return;
    }
    float d = half_at(p), m = half_at(p + 2);
    for (int i = 0; i < 32; i++) ((float *)out)[i] = d * (float)code[i] + m;
}
