/* The tables of the CPU's levels and the choice among them. Each table starts as a copy of the one below
 * it; so an op that a level does not speed up is the best that the lower levels have. */
#include "ops/cpu.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

enum { GENERIC, AVX2, AVX512, AVX512_BF16, AMX, LEVELS };

const char *const lace_ops_levels[] = {"generic", "avx2", "avx512", "avx512_bf16", "amx", NULL};

static struct lace_ops tables[LEVELS] = {{
    .matrix_bytes = lace_matrix_bytes,
    .matrix_pack = lace_matrix_pack,
    .operand_make = lace_operand_make,
    .matrix_forward = lace_matrix_forward,
    .matrix_backward_input = lace_matrix_backward_input,
    .matrix_backward_weight = lace_matrix_backward_weight,
    .bias_forward = lace_bias_forward,
    .bias_backward = lace_bias_backward,
    .embedding_forward = lace_embedding_forward,
    .embedding_backward = lace_embedding_backward,
    .rmsnorm_forward = lace_rmsnorm_forward,
    .rmsnorm_backward = lace_rmsnorm_backward,
    .rope = lace_rope,
    .attention_scratch = lace_attention_scratch,
    .attention_forward = lace_attention_forward,
    .attention_forward_bf16 = lace_attention_forward_bf16,
    .attention_backward = lace_attention_backward,
    .swiglu_forward = lace_swiglu_forward,
    .swiglu_backward = lace_swiglu_backward,
    .gate_forward = lace_gate_forward,
    .gate_backward = lace_gate_backward,
    .cross_entropy_forward = lace_cross_entropy_forward,
    .cross_entropy_backward = lace_cross_entropy_backward,
    .to_bf16 = lace_to_bf16,
    .add = lace_add_vector,
    .sum_squares = lace_sum_squares,
    .adamw = lace_adamw,
    .muon = lace_muon,
}};
static int levels_here; /* how many of the levels this CPU has */
static pthread_once_t once = PTHREAD_ONCE_INIT;

#ifdef __x86_64__
static bool has_f16c(void) /* a name that clang 14's __builtin_cpu_supports does not know */
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

static bool cpu_has(int level)
{
#ifdef __x86_64__
    switch (level) {
    case GENERIC: return true;
    case AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case AVX512_BF16: return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
    case AMX: return lace_amx_permit();
    }
    return false;
#else
    return level == GENERIC;
#endif
}

static void fill(void)
{
#ifdef __x86_64__
    static void (*const override[LEVELS])(struct lace_ops *) = {NULL, lace_ops_fill_avx2, lace_ops_fill_avx512,
                                                                lace_ops_fill_avx512_bf16, lace_ops_fill_amx};
    __builtin_cpu_init();
#endif
    for (int level = 0; level < LEVELS && cpu_has(level); level++) {
#ifdef __x86_64__
        if (level) {
            tables[level] = tables[level - 1];
            override[level](&tables[level]);
        }
#endif
        tables[level].name = lace_ops_levels[level];
        levels_here = level + 1;
    }
}

const struct lace_ops *lace_ops_level(const char *name)
{
    pthread_once(&once, fill);
    for (int level = 0; level < levels_here; level++)
        if (!strcmp(name, lace_ops_levels[level])) return &tables[level];
    return NULL;
}

const struct lace_ops *lace_ops_cpu(struct lace_error *err)
{
    pthread_once(&once, fill);
    const char *forced = getenv("LACE_ISA");
    if (!forced || !*forced) return &tables[levels_here - 1];
    const struct lace_ops *ops = lace_ops_level(forced);
    if (!ops)
        lace_fail(err, LACE_BAD,
                  "LACE_ISA is '%s', but this CPU offers generic to %s; unset it or name one of generic, avx2, avx512, "
                  "avx512_bf16, amx.",
                  forced, lace_ops_levels[levels_here - 1]);
    return ops;
}

bool lace_ops_prefers_bf16(const struct lace_ops *ops) { return ops >= &tables[AVX512_BF16] && ops < &tables[LEVELS]; }
