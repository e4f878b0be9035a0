/* Attention over a view for one vector level; the formulas are in ops/attention.c.
 *
 * A tile is up to L lines; a line is one query row with one of the G query heads that share a key head, so a
 * prompt's keys are read once for all threads of a group and all heads that use them. Scores lie as
 * score[slot][line], one lane per line, and everything about the softmax (mask, maximum, exponential, sum) goes
 * slot by slot in order, lane by lane: whatever other lines make the tile visit, a masked slot adds exactly 0,
 * so a line's bits depend only on its own visible slots. Forward, keys and values may be bf16 (`half`). */
#ifndef LACE_OPS_X86_ATTENTION_H
#define LACE_OPS_X86_ATTENTION_H
#include "ops/cpu.h"
#include "ops/x86/lines.h"
#include "ops/x86/outer.h"
#include <math.h>
#include <omp.h>
#include <string.h>

enum { SLOTS = 64 }; /* slots whose keys or values stay in the nearest cache while all lines meet them */

static void lines_of(struct lines *t, const struct lace_view_block *block, int H, int K, int head, int tile)
{
    int G = H / K, first = tile * L, all = block->rows * G;
    t->count = all - first < L ? all - first : L;
    for (int i = 0; i < L; i++) {
        int at = first + (i < t->count ? i : 0); /* idle lanes repeat the first line */
        t->row[i] = at / G;
        t->line[i] = (size_t)(block->row + at / G) * H + (size_t)head * G + at % G;
    }
}

/* What the lines see of one segment: lo <= slot < hi for some, from <= slot < to for all. */
struct span {
    int lo, hi, from, to;
    int first, last; /* lines first <= i < last see something; the others, nothing */
    ivec los, his;
};

static inline struct span span_of(const struct lines *t, const struct lace_view *view,
                                  const struct lace_view_block *block, int seg)
{
    int32_t los[L], his[L];
    struct span s = {INT32_MAX, 0, 0, INT32_MAX, L, 0, iset(0), iset(0)};
    for (int i = 0; i < L; i++) {
        struct lace_range r = view->range[block->first + (size_t)t->row[i] * block->segs + seg];
        if (r.lo >= r.hi) {
            r.lo = r.hi = 0;
        } else {
            if (r.lo < s.lo) s.lo = r.lo;
            if (r.hi > s.hi) s.hi = r.hi;
            if (i < s.first) s.first = i;
            if (i < t->count) s.last = i + 1;
        }
        if (r.lo > s.from) s.from = r.lo;
        if (r.hi < s.to) s.to = r.hi;
        los[i] = r.lo;
        his[i] = r.hi;
    }
    if (s.lo > s.hi) s.lo = s.hi;
    s.los = iload(los);
    s.his = iload(his);
    return s;
}
INLINE vmask visible(const struct span *s, int slot) { return vwithin(s->los, iset(slot), s->his); }

/* to (d, L) = factor * the lines' rows of x, transposed; and untransposed into rows (L, d) unless NULL. */
static void gather(float *to, float *rows, const float *x, const struct lines *t, int d, float factor)
{
    for (int i = 0; i < L; i++) {
        const float *from = x + t->line[i] * d;
        for (int c = 0; c < d; c++) to[(size_t)c * L + i] = factor * from[c];
        if (rows) memcpy(rows + (size_t)i * d, from, sizeof(float) * d);
    }
}

static __attribute__((unused)) size_t attention_scratch(const struct lace_view *view, int H, int K, int d)
{
    size_t backward = L * (5 * (size_t)d + 2 * (size_t)view->max_keys),
           forward = L * (2 * (size_t)d + (size_t)view->max_keys) + (size_t)SLOTS * d; /* the last: widened keys */
    return sizeof(float) * (backward > forward ? backward : forward) + 64;
}

#ifdef __AVX512F__
/* x[c] of lane i becomes x[i] of lane c. */
INLINE void turn_square(vec x[16])
{
    vec a[16];
#    pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
#    pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
        x[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xee);
        x[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        x[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
#    pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        vec low = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88), low2 = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88),
            high = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd), high2 = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xdd);
        a[i] = _mm512_shuffle_f32x4(low, low2, 0x88);
        a[i + 4] = _mm512_shuffle_f32x4(high, high2, 0x88);
        a[i + 8] = _mm512_shuffle_f32x4(low, low2, 0xdd);
        a[i + 12] = _mm512_shuffle_f32x4(high, high2, 0xdd);
    }
#    pragma GCC unroll 16
    for (int i = 0; i < 16; i++) x[i] = a[i];
}

/* The lanes of up to M lines' scores of `some` slots, to (some, L): what other lines have there is 0. */
INLINE void put_own(float *to, const vec *sum, int some, int first, int lines, const int M)
{
    float lane[4][L];
    for (int n = 0; n < M; n++) vstore(lane[n], sum[n]);
    for (int i = 0; i < some; i++, to += L) {
        vstore(to, vzero());
        for (int n = 0; n < lines; n++) to[first + n] = lane[n][i];
    }
}

/* score (count, L) of up to M lines from `first` on, with slots in the lanes: where only one row sees a segment, its own,
 * lines in the lanes would mostly compute what the mask discards. Each score is the chain that outer makes. */
INLINE void own_scores(float *score, const float *k, size_t stride, const float *qt, int d, int count, int first,
                       int lines, const int M)
{
    for (int slot = 0; slot < count; slot += L) {
        vec sum[4] = {vzero(), vzero(), vzero(), vzero()};
        int some = count - slot < L ? count - slot : L;
        const float *from = k + (size_t)slot * stride;
        for (int c = 0; c < d; c += L) {
            vec x[L];
#    pragma GCC unroll 16
            for (int i = 0; i < L; i++) x[i] = vload(from + (size_t)(i < some ? i : 0) * stride + c);
            turn_square(x);
#    pragma GCC unroll 16
            for (int i = 0; i < L; i++)
#    pragma GCC unroll 4
                for (int n = 0; n < M; n++) sum[n] = vfma(x[i], vset(qt[(size_t)(c + i) * L + first + n]), sum[n]);
        }
        put_own(score + (size_t)slot * L, sum, some, first, lines, M);
    }
}
/* False: the lines are too many for it to pay. */
static bool own_scores_fit(float *score, const float *k, size_t stride, const float *qt, int d, int count, int first,
                           int lines)
{
    if (d % L || lines > 4) return false;
    if (lines <= 2 && first + 2 <= L) own_scores(score, k, stride, qt, d, count, first, lines, 2);
    else if (first + 4 <= L) own_scores(score, k, stride, qt, d, count, first, lines, 4);
    else return false;
    return true;
}
#else
static bool own_scores_fit(float *score, const float *k, size_t stride, const float *qt, int d, int count, int first,
                           int lines)
{
    return false; /* eight lanes are filled by few rows */
}
#endif

#include "ops/x86/attention_bf16.h"

/* Element `index` of keys or values. */
INLINE const void *element(const void *rows, size_t index, const bool half)
{
    return (const char *)rows + index * (half ? sizeof(uint16_t) : sizeof(float));
}

/* Rows lie pages apart, where no prefetcher of the processor follows. */
INLINE void fetch_rows(const void *rows, size_t stride, int count, int d, const bool half)
{
    for (int i = 0; i < count; i++)
        for (int c = 0; c < d; c += half ? 32 : 16)
            _mm_prefetch((const char *)element(rows, (size_t)i * stride + c, half), _MM_HINT_T1);
}

INLINE void forward_tile(float *out, float *lse, const float *q, const void *k, const void *v,
                         const struct lace_view *view, const struct lace_view_block *block, int H, int K, int d,
                         float scale, float sink, int head, int tile, float *scratch, const bool half)
{
    struct lines t;
    lines_of(&t, block, H, K, head, tile);
    float *qt = scratch, *o = qt + (size_t)L * d, *wide = o + (size_t)L * d, *score = wide + (half ? SLOTS * d : 0);
    size_t stride = (size_t)K * d, n = 0;
    if (!half) gather(qt, NULL, q, &t, d, scale);
    else if (in_pairs(d)) gather_pairs((int32_t *)qt, q, &t, d, scale);
    else gather_rounded(qt, q, &t, d, scale);

    vec max = vset(sink > 0 ? 0 : -INFINITY);
    for (int seg = 0; seg < block->segs; seg++) {
        struct span s = span_of(&t, view, block, seg);
        if (s.lo == s.hi) continue;
        float *x = score + n * L;
        fetch_rows(element(k, s.lo * stride + (size_t)head * d, half), stride,
                   s.hi - s.lo < SLOTS ? s.hi - s.lo : SLOTS, d, half);
        for (int slot = s.lo, some; slot < s.hi; slot += some) {
            const void *keys = element(k, slot * stride + (size_t)head * d, half);
            float *to = x + (slot - s.lo) * L;
            int left = s.hi - slot, lines = s.last - s.first;
            some = left < SLOTS ? left : SLOTS;
            fetch_rows(element(v, slot * stride + (size_t)head * d, half), stride, some, d, half);
            fetch_rows(element(keys, SLOTS * stride, half), stride, left - some < SLOTS ? left - some : SLOTS, d, half);
            if (half && in_pairs(d)) {
                scores_in_pairs(to, keys, stride, (const int32_t *)qt, d, some, s.first, lines);
                continue;
            }
            if (half) widen_rows(wide, keys, stride, some, d);
            const float *rows = half ? wide : keys;
            size_t apart = half ? (size_t)d : stride;
            if (!own_scores_fit(to, rows, apart, qt, d, some, s.first, lines))
                outer(to, L, (struct strided){rows, apart, 1}, qt, L, d, some, L, false);
        }
        for (int slot = s.lo; slot < s.hi; slot++, x += L) {
            vec a = vload(x);
            if (slot < s.from || slot >= s.to) vstore(x, a = vselect(visible(&s, slot), a, vset(-INFINITY)));
            max = vmax(a, max);
        }
        n += s.hi - s.lo;
    }
    max = vselect(vless(vset(-INFINITY), max), max, vzero()); /* a line that sees nothing */
    vec sum = sink > 0 ? vmul(vset(sink), vexp(vsub(vzero(), max))) : vzero();
    for (size_t i = 0; i < n; i++) {
        vec p = vexp(vsub(vload(score + i * L), max));
        vstore(score + i * L, p);
        sum = vadd(sum, p);
    }

    memset(o, 0, sizeof(float) * L * d);
    n = 0;
    for (int seg = 0; seg < block->segs; seg++) {
        struct span s = span_of(&t, view, block, seg);
        for (int slot = s.lo; slot < s.hi; slot += SLOTS) {
            int some = s.hi - slot < SLOTS ? s.hi - slot : SLOTS;
            const void *values = element(v, slot * stride + (size_t)head * d, half);
            struct strided p = {score + n * L + s.first, 1, L};
            /* In a thread's own slots the lines of the other threads would add zeros. */
            if (half) outer_bf16(o + (size_t)s.first * d, d, p, values, stride, some, s.last - s.first, d, true);
            else outer(o + (size_t)s.first * d, d, p, values, stride, some, s.last - s.first, d, true);
            n += some;
        }
    }
    float sums[L], maxes[L];
    vstore(sums, sum);
    vstore(maxes, max);
    for (int i = 0; i < t.count; i++) {
        float *to = out + t.line[i] * d, inverse = sums[i] > 0 ? 1 / sums[i] : 0;
        for (int c = 0; c < d; c++) to[c] = o[(size_t)i * d + c] * inverse;
        lse[t.line[i]] = sums[i] > 0 ? maxes[i] + logf(sums[i]) : -INFINITY;
    }
}

/* The share of the scratch for this worker, and whether a region may be opened here. */
struct share {
    bool alone;
    int caller;
};
static inline struct share share_of(void) { return (struct share){omp_in_parallel(), omp_get_thread_num()}; }
static inline float *scratch_of(const struct lace_scratch *scratch, struct share share)
{
    int worker = (share.alone ? share.caller : omp_get_thread_num()) % scratch->workers;
    return (float *)(scratch->base + worker * scratch->bytes_each);
}

/* A region's body is a function of its own, in which `half` is no constant: so each type gets its own tile here. */
typedef void tile_fn(float *out, float *lse, const float *q, const void *k, const void *v, const struct lace_view *view,
                     const struct lace_view_block *block, int H, int K, int d, float scale, float sink, int head,
                     int tile, float *scratch);
static __attribute__((noinline, unused)) void tile_f32(float *out, float *lse, const float *q, const void *k,
                                                       const void *v, const struct lace_view *view,
                                                       const struct lace_view_block *block, int H, int K, int d,
                                                       float scale, float sink, int head, int tile, float *scratch)
{
    forward_tile(out, lse, q, k, v, view, block, H, K, d, scale, sink, head, tile, scratch, false);
}
static __attribute__((noinline)) void tile_bf16(float *out, float *lse, const float *q, const void *k, const void *v,
                                                const struct lace_view *view, const struct lace_view_block *block,
                                                int H, int K, int d, float scale, float sink, int head, int tile,
                                                float *scratch)
{
    forward_tile(out, lse, q, k, v, view, block, H, K, d, scale, sink, head, tile, scratch, true);
}

static void over_tiles(tile_fn *one, float *out, float *lse, const float *q, const void *k, const void *v,
                       const struct lace_view *view, int H, int K, int d, float scale, float sink,
                       struct lace_scratch *scratch)
{
    struct share share = share_of();
#pragma omp parallel num_threads(scratch->workers) if (!share.alone)
    {
        float *mine = scratch_of(scratch, share);
        for (int b = 0; b < view->blocks; b++) {
            const struct lace_view_block *block = &view->block[b];
            int tiles = (int)(((size_t)block->rows * (H / K) + L - 1) / L);
#pragma omp for collapse(2) schedule(dynamic) nowait
            for (int head = 0; head < K; head++)
                for (int tile = 0; tile < tiles; tile++)
                    one(out, lse, q, k, v, view, block, H, K, d, scale, sink, head, tile, mine);
        }
    }
}
static __attribute__((unused)) void attention_forward(float *out, float *lse, const float *q, const float *k,
                                                      const float *v, const struct lace_view *view, int H, int K, int d,
                                                      float scale, float sink, struct lace_scratch *scratch)
{
    over_tiles(tile_f32, out, lse, q, k, v, view, H, K, d, scale, sink, scratch);
}
static void attention_forward_bf16(float *out, float *lse, const float *q, const uint16_t *k, const uint16_t *v,
                                   const struct lace_view *view, int H, int K, int d, float scale, float sink,
                                   struct lace_scratch *scratch)
{
    over_tiles(tile_bf16, out, lse, q, k, v, view, H, K, d, scale, sink, scratch);
}

static void backward_tile(float *dq, float *dk, float *dv, const float *dout, const float *out, const float *lse,
                          const float *q, const float *k, const float *v, const struct lace_view *view,
                          const struct lace_view_block *block, int H, int K, int d, float scale, int head, int tile,
                          float *scratch)
{
    struct lines t;
    lines_of(&t, block, H, K, head, tile);
    size_t one = (size_t)L * d, stride = (size_t)K * d;
    float *qt = scratch, *qr = qt + one, *dot = qr + one, *dor = dot + one, *dqr = dor + one;
    float *p = dqr + one, *ds = p + (size_t)view->max_keys * L;
    gather(qt, qr, q, &t, d, scale);
    gather(dot, dor, dout, &t, d, 1);
    memset(dqr, 0, sizeof(float) * one);

    float shifts[L], lses[L];
    for (int i = 0; i < L; i++) {
        float sum = 0;
        for (int c = 0; c < d; c++) sum += dor[(size_t)i * d + c] * out[t.line[i] * d + c];
        shifts[i] = sum;
        lses[i] = lse[t.line[i]] > -INFINITY ? lse[t.line[i]] : 0; /* a line that sees nothing */
    }
    vec D = vload(shifts), log_z = vload(lses);

    for (int seg = 0; seg < block->segs; seg++) {
        struct span s = span_of(&t, view, block, seg);
        for (int slot = s.lo; slot < s.hi; slot += SLOTS) {
            int some = s.hi - slot < SLOTS ? s.hi - slot : SLOTS;
            size_t at = slot * stride + (size_t)head * d;
            outer(p, L, (struct strided){k + at, stride, 1}, qt, L, d, some, L, false);
            outer(ds, L, (struct strided){v + at, stride, 1}, dot, L, d, some, L, false);
            for (int i = 0; i < some; i++) {
                vec a = vexp(vsub(vload(p + i * L), log_z));
                if (slot + i < s.from || slot + i >= s.to) a = vselect(visible(&s, slot + i), a, vzero());
                vstore(p + i * L, a);
                vstore(ds + i * L, vmul(vmul(a, vset(scale)), vsub(vload(ds + i * L), D)));
            }
            outer(dqr, d, (struct strided){ds, 1, L}, k + at, stride, some, t.count, d, true);
            outer(dk + at, stride, (struct strided){ds, L, 1}, qr, d, t.count, some, d, true);
            outer(dv + at, stride, (struct strided){p, L, 1}, dor, d, t.count, some, d, true);
        }
    }
    for (int i = 0; i < t.count; i++)
        for (int c = 0; c < d; c++) dq[t.line[i] * d + c] += dqr[(size_t)i * d + c];
}

/* Blocks may share keys, key heads never do: one worker per key head adds without conflict, in a fixed order. */
static __attribute__((unused)) void attention_backward(float *dq, float *dk, float *dv, const float *dout,
                                                       const float *out, const float *lse, const float *q,
                                                       const float *k, const float *v, const struct lace_view *view,
                                                       int H, int K, int d, float scale, float sink,
                                                       struct lace_scratch *scratch)
{
    struct share share = share_of();
#pragma omp parallel for num_threads(scratch->workers) if (!share.alone) schedule(dynamic)
    for (int head = 0; head < K; head++) {
        float *mine = scratch_of(scratch, share);
        for (int b = 0; b < view->blocks; b++) {
            const struct lace_view_block *block = &view->block[b];
            int tiles = (int)(((size_t)block->rows * (H / K) + L - 1) / L);
            for (int tile = 0; tile < tiles; tile++)
                backward_tile(dq, dk, dv, dout, out, lse, q, k, v, view, block, H, K, d, scale, head, tile, mine);
        }
    }
}
#endif
