/* The vector of a level, so that the ops of x86/ are written once: L floats, 8 with AVX2, 16 with AVX-512.
 * Tails use masks, never scalar code: an element's result then does not depend on where it stands. */
#ifndef LACE_OPS_VEC_H
#define LACE_OPS_VEC_H
#include <immintrin.h>
#include <stdint.h>
#define INLINE static inline __attribute__((always_inline, unused))

#ifdef __AVX512F__
typedef __m512 vec;
typedef __m512i ivec;
typedef __mmask16 vmask;
enum { L = 16 };
INLINE vec vzero(void) { return _mm512_setzero_ps(); }
INLINE vec vset(float a) { return _mm512_set1_ps(a); }
INLINE vec vload(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vstore(float *p, vec a) { _mm512_storeu_ps(p, a); }
INLINE vmask vtail(size_t n) { return n >= L ? 0xffff : (vmask)((1u << n) - 1); }
INLINE vec vloadm(const float *p, vmask m) { return _mm512_maskz_loadu_ps(m, p); }
INLINE void vstorem(float *p, vec a, vmask m) { _mm512_mask_storeu_ps(p, m, a); }
INLINE vec vadd(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec vsub(vec a, vec b) { return _mm512_sub_ps(a, b); }
INLINE vec vmul(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec vdiv(vec a, vec b) { return _mm512_div_ps(a, b); }
INLINE vec vfma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec vfnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE vec vmax(vec a, vec b) { return _mm512_max_ps(a, b); } /* b where either is NaN */
INLINE vec vmin(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE vec vsqrt(vec a) { return _mm512_sqrt_ps(a); }
INLINE vec vround(vec a) { return _mm512_roundscale_ps(a, 0); }
INLINE vec vpow2(vec n) /* whole n in [-126, 127] */
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
INLINE vec vselect(vmask m, vec a, vec b) { return _mm512_mask_blend_ps(m, b, a); } /* m ? a : b */
INLINE vmask vless(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
INLINE ivec iset(int a) { return _mm512_set1_epi32(a); }
INLINE ivec iload(const int32_t *p) { return _mm512_loadu_si512(p); }
INLINE vmask vwithin(ivec lo, ivec i, ivec hi)
{
    return _mm512_cmple_epi32_mask(lo, i) & _mm512_cmplt_epi32_mask(i, hi);
}
/* The even and the odd bf16 of 32-bit pairs, widened. */
INLINE vec vwiden_even(ivec a) { return _mm512_castsi512_ps(_mm512_slli_epi32(a, 16)); }
INLINE vec vwiden_odd(ivec a) { return _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32((int)0xffff0000))); }
INLINE ivec iloadm(const int32_t *p, vmask m) { return _mm512_maskz_loadu_epi32(m, p); }
/* L bf16 that lie together, widened. */
INLINE vec vwiden(__m256i a) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a), 16)); }
INLINE vec vload_bf16(const uint16_t *p) { return vwiden(_mm256_loadu_si256((const __m256i *)p)); }
INLINE vec vloadm_bf16(const uint16_t *p, vmask m) { return vwiden(_mm256_maskz_loadu_epi16(m, p)); }
INLINE __m256 vhalf(vec a) { return _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1)); }
INLINE __m256 vhalf_max(vec a) { return _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1)); }
#else
typedef __m256 vec;
typedef __m256i ivec;
typedef __m256i vmask;
enum { L = 8 };
INLINE vec vzero(void) { return _mm256_setzero_ps(); }
INLINE vec vset(float a) { return _mm256_set1_ps(a); }
INLINE vec vload(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vstore(float *p, vec a) { _mm256_storeu_ps(p, a); }
INLINE vmask vtail(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n >= L ? L : (int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vec vloadm(const float *p, vmask m) { return _mm256_maskload_ps(p, m); }
INLINE void vstorem(float *p, vec a, vmask m) { _mm256_maskstore_ps(p, m, a); }
INLINE vec vadd(vec a, vec b) { return _mm256_add_ps(a, b); }
INLINE vec vsub(vec a, vec b) { return _mm256_sub_ps(a, b); }
INLINE vec vmul(vec a, vec b) { return _mm256_mul_ps(a, b); }
INLINE vec vdiv(vec a, vec b) { return _mm256_div_ps(a, b); }
INLINE vec vfma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vec vfnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
INLINE vec vmax(vec a, vec b) { return _mm256_max_ps(a, b); }
INLINE vec vmin(vec a, vec b) { return _mm256_min_ps(a, b); }
INLINE vec vsqrt(vec a) { return _mm256_sqrt_ps(a); }
INLINE vec vround(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vec vpow2(vec n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
INLINE vec vselect(vmask m, vec a, vec b) { return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(m)); }
INLINE vmask vless(vec a, vec b) { return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
INLINE ivec iset(int a) { return _mm256_set1_epi32(a); }
INLINE ivec iload(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE vmask vwithin(ivec lo, ivec i, ivec hi)
{
    return _mm256_andnot_si256(_mm256_cmpgt_epi32(lo, i), _mm256_cmpgt_epi32(hi, i));
}
INLINE vec vwiden_even(ivec a) { return _mm256_castsi256_ps(_mm256_slli_epi32(a, 16)); }
INLINE vec vwiden_odd(ivec a) { return _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32((int)0xffff0000))); }
INLINE ivec iloadm(const int32_t *p, vmask m) { return _mm256_maskload_epi32(p, m); }
INLINE vec vwiden(__m128i a) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(a), 16)); }
INLINE vec vload_bf16(const uint16_t *p) { return vwiden(_mm_loadu_si128((const __m128i *)p)); }
INLINE vec vloadm_bf16(const uint16_t *p, vmask m) /* there is no masked load of 16 bits */
{
    uint16_t some[L] = {0};
    int lanes = _mm256_movemask_ps(_mm256_castsi256_ps(m));
    for (int i = 0; i < L; i++)
        if (lanes >> i & 1) some[i] = p[i];
    return vload_bf16(some);
}
INLINE __m256 vhalf(vec a) { return a; }
INLINE __m256 vhalf_max(vec a) { return a; }
#endif

/* Over the lanes, halves first. */
INLINE float vsum(vec a)
{
    __m256 h = vhalf(a);
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
INLINE float vlargest(vec a)
{
    __m256 h = vhalf_max(a);
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

/* e^x to 2e-7 relative (Cephes' polynomial): x = n log 2 + r, |r| <= log(2)/2. Below -87.3 exactly 0, which
 * masked scores rely on; from 88.3 on constant; NaN stays NaN. */
INLINE vec vexp(vec x)
{
    vmask tiny = vless(x, vset(-87.33f));
    vec y = vmin(vset(88.3f), vmax(vset(-87.33f), x));
    vec n = vround(vmul(y, vset(1.44269504088896341f)));
    vec r = vfnma(n, vset(0.693359375f), y);
    r = vfnma(n, vset(-2.12194440e-4f), r);
    vec p = vset(1.9875691500e-4f);
    p = vfma(p, r, vset(1.3981999507e-3f));
    p = vfma(p, r, vset(8.3334519073e-3f));
    p = vfma(p, r, vset(4.1665795894e-2f));
    p = vfma(p, r, vset(1.6666665459e-1f));
    p = vfma(p, r, vset(5.0000001201e-1f));
    p = vadd(vfma(p, vmul(r, r), r), vset(1));
    return vselect(tiny, vzero(), vmul(p, vpow2(n)));
}
INLINE vec vsigmoid(vec x) { return vdiv(vset(1), vadd(vset(1), vexp(vsub(vzero(), x)))); }
#endif
