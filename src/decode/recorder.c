#include "decode/recorder.h"
#include <math.h>
#include <string.h>

/* ---- memory ---- */

static void lay_out(struct lace_recorder_thread *t, float **agreement, float **diversity, struct lace_arena *block,
                    int threads, int room)
{
    size_t numbers = sizeof(float) * (size_t)room;
    for (int n = 0; n < threads; n++) {
        struct lace_recorder_thread one = {.row = -1, .now = -1};
        one.from = lace_arena_take(block, numbers * (size_t)threads);
        one.gate = lace_arena_take(block, numbers);
        one.logprob = lace_arena_take(block, numbers);
        one.sink = lace_arena_take(block, numbers);
        one.time = lace_arena_take(block, numbers);
        one.end = lace_arena_take(block, numbers);
        if (t) t[n] = one;
    }
    *agreement = lace_arena_take(block, numbers);
    *diversity = lace_arena_take(block, numbers);
}

size_t lace_recorder_need(int threads, int room)
{
    struct lace_arena count = {0};
    float *unused;
    lay_out(NULL, &unused, &unused, &count, threads, room);
    return count.used;
}

static void take_memory(struct lace_recorder *r, size_t threads, size_t bytes)
{
    size_t L = (size_t)r->layers;
    r->thread = lace_arena_take(&r->memory, sizeof *r->thread * threads);
    r->gate = lace_arena_take(&r->memory, sizeof *r->gate * L);
    r->flow = lace_arena_take(&r->memory, sizeof *r->flow * L * threads * threads);
    r->rows = lace_arena_take(&r->memory, sizeof *r->rows * threads);
    r->mass = lace_arena_take(&r->memory, sizeof *r->mass * threads * threads);
    r->open = lace_arena_take(&r->memory, sizeof *r->open * threads);
    r->opened = lace_arena_take(&r->memory, sizeof *r->opened * threads);
    r->pool = lace_arena_take(&r->memory, sizeof *r->pool * threads * (size_t)r->width);
    r->block = (struct lace_arena){lace_arena_take(&r->memory, bytes), 0, bytes};
}

int lace_recorder_init(struct lace_recorder *r, int threads, size_t bytes, int layers, int width, int workers,
                       struct lace_error *err)
{
    *r = (struct lace_recorder){.layers = layers, .width = width, .workers = workers};
    take_memory(r, (size_t)threads, bytes); /* which only counts */
    size_t all = r->memory.used;
    int code = lace_arena_init(&r->memory, all, err);
    if (!code) take_memory(r, (size_t)threads, bytes);
    return code;
}

void lace_recorder_release(struct lace_recorder *r)
{
    lace_arena_release(&r->memory);
    *r = (struct lace_recorder){.busy = false};
}

void lace_recorder_begin(struct lace_recorder *r, int threads, int room, int layers)
{
    size_t N = (size_t)threads;
    r->busy = true;
    r->threads = threads;
    r->room = room;
    r->layers = layers;
    r->first = -1;
    r->steps = 0;
    r->elsewhere = r->residue = 0;
    r->block.used = 0;
    lay_out(r->thread, &r->agreement, &r->diversity, &r->block, threads, room);
    for (int l = 0; l < layers; l++) r->gate[l] = (struct lace_recorder_gate){.low = INFINITY, .high = -INFINITY};
    memset(r->flow, 0, sizeof *r->flow * (size_t)layers * N * N);
    memset(r->rows, 0, sizeof *r->rows * N);
    memset(r->pool, 0, sizeof *r->pool * N * (size_t)r->width);
}

/* ---- a step ---- */

/* A record as it is before anything is known of it. */
static void clear(struct lace_recorder *r, struct lace_recorder_thread *t, int index)
{
    memset(t->from + (size_t)index * (size_t)r->threads, 0, sizeof *t->from * (size_t)r->threads);
    t->gate[index] = 0;
    t->sink[index] = r->layers ? 0 : 1;
    t->logprob[index] = NAN;
    t->time[index] = t->end[index] = -1;
}

static void reach(struct lace_recorder *r, struct lace_recorder_thread *t, int index)
{
    while (t->count <= index) clear(r, t, t->count++);
}

void lace_recorder_place(struct lace_recorder *r, int slot, int per_thread)
{
    r->slot = slot;
    r->per_thread = per_thread;
}

void lace_recorder_row(struct lace_recorder *r, int thread, int row, int index, int time)
{
    struct lace_recorder_thread *t = &r->thread[thread];
    t->now = t->row = -1;
    if (row < 0 || index < 0 || index >= r->room) return;
    reach(r, t, index);
    t->row = row;
    t->index = index;
    t->time[index] = time;
    r->rows[thread]++;
}

static float dot(const float *a, const float *b, int n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* As attention multiplies them: the scaled query is rounded, too. */
static float dot_bf16(const float *q, const uint16_t *k, float scale, int n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += lace_bf16_to_f32(lace_f32_to_bf16(scale * q[i])) * lace_bf16_to_f32(k[i]);
    return sum;
}

/* The probability of a slot, summed over the heads of a row. */
static double mass_of(const struct lace_lattice_values *v, int row, int slot)
{
    double sum = 0;
    for (int h = 0; h < v->heads; h++) {
        size_t line = (size_t)row * (size_t)v->heads + (size_t)h,
               key = ((size_t)slot * (size_t)v->key_heads + (size_t)(h * v->key_heads / v->heads)) * (size_t)v->width;
        const float *q = v->q + line * (size_t)v->width;
        float score = v->dtype == LACE_BF16 ? dot_bf16(q, (const uint16_t *)v->k + key, v->scale, v->width)
                                            : v->scale * dot(q, (const float *)v->k + key, v->width);
        sum += (double)expf(score - v->lse[line]);
    }
    return sum;
}

static const struct lace_view_block *block_of(const struct lace_view *view, int row)
{
    for (int b = 0; b < view->blocks; b++)
        if (row >= view->block[b].row && row < view->block[b].row + view->block[b].rows) return &view->block[b];
    return NULL;
}

/* Of a row and a layer: only its own thread's records are written, so that rows may be taken side by side. */
struct row_sums {
    double elsewhere, residue;
    struct lace_recorder_gate gate;
};

static struct row_sums record_row(struct lace_recorder *r, int n, const struct lace_lattice_values *v)
{
    struct lace_recorder_thread *t = &r->thread[n];
    const struct lace_view_block *block = t->row >= 0 ? block_of(v->view, t->row) : NULL;
    struct row_sums sums = {.gate = {.low = INFINITY, .high = -INFINITY}};
    if (!block) return sums;
    size_t N = (size_t)r->threads;
    const struct lace_range *range = v->view->range + block->first + (size_t)(t->row - block->row) * block->segs;
    const float *lse = v->lse + (size_t)t->row * v->heads, *gate = v->gate + (size_t)t->row * v->heads;
    double *mass = r->mass + (size_t)n * N, sink = 0, all = 0, share = 1.0 / v->heads, part = share / r->layers;
    memset(mass, 0, sizeof *mass * N);
    for (int s = 0; s < block->segs; s++)
        for (int slot = range[s].lo; slot < range[s].hi; slot++) {
            int owner = slot < r->slot ? -1 : (slot - r->slot) / r->per_thread;
            *(owner >= 0 && owner < r->threads ? &mass[owner] : &sums.elsewhere) += share * mass_of(v, t->row, slot);
        }
    for (int h = 0; h < v->heads; h++) {
        sink += share * exp(-(double)lse[h]);
        sums.gate.sum += gate[h];
        sums.gate.low = fmin(sums.gate.low, gate[h]);
        sums.gate.high = fmax(sums.gate.high, gate[h]);
        sums.gate.count++;
    }
    for (size_t m = 0; m < N; m++) {
        all += mass[m];
        t->from[(size_t)t->index * N + m] += (float)(mass[m] / r->layers);
        r->flow[((size_t)v->lattice * N + (size_t)n) * N + m] += mass[m];
    }
    t->sink[t->index] += (float)(sink / r->layers);
    t->gate[t->index] += (float)(part * sums.gate.sum);
    sums.residue = fabs(1 - all - sums.elsewhere - sink);
    return sums;
}

void lace_recorder_lattice(struct lace_recorder *r, const struct lace_lattice_values *v)
{
    struct lace_recorder_gate *g = &r->gate[v->lattice];
    if (!r->layers) return;
    double elsewhere = r->elsewhere, residue = r->residue, low = g->low, high = g->high;
#pragma omp parallel for schedule(static) num_threads(r->workers) reduction(max                                        \
                                                                            : elsewhere, residue, high)                \
    reduction(min                                                                                                      \
              : low)
    for (int n = 0; n < r->threads; n++) {
        struct row_sums sums = record_row(r, n, v);
        elsewhere = fmax(elsewhere, sums.elsewhere);
        residue = fmax(residue, sums.residue);
        low = fmin(low, sums.gate.low);
        high = fmax(high, sums.gate.high);
        r->open[n] =
            sums.gate.sum; /* added below in one order, so that a trace has the same bits whatever the workers */
        r->opened[n] = sums.gate.count;
    }
    r->elsewhere = elsewhere;
    r->residue = residue;
    g->low = low;
    g->high = high;
    for (int n = 0; n < r->threads; n++) {
        g->sum += r->open[n];
        g->count += r->opened[n];
    }
}

void lace_recorder_token(struct lace_recorder *r, int thread, int index, size_t end)
{
    struct lace_recorder_thread *t = &r->thread[thread];
    if (index < 0 || index >= r->room) return;
    reach(r, t, index);
    t->end[index] = (int)end;
}

void lace_recorder_chosen(struct lace_recorder *r, int thread, int id, double logprob)
{
    struct lace_recorder_thread *t = &r->thread[thread];
    if (t->row < 0) return;
    t->now = id;
    t->logprob[t->index] = (float)logprob;
}

/* Of the pairs of threads that chose a token in this step, the share that chose the same one. */
static double agreement(const struct lace_recorder *r)
{
    int pairs = 0, same = 0;
    for (int n = 0; n < r->threads; n++)
        for (int m = 0; m < n; m++) {
            if (r->thread[n].now < 0 || r->thread[m].now < 0) continue;
            pairs++;
            same += r->thread[n].now == r->thread[m].now;
        }
    return pairs ? (double)same / pairs : NAN;
}

/* Mean cosine distance between pairs of threads, each the mean of its rows' last hidden states so far. */
static double diversity(const struct lace_recorder *r)
{
    int pairs = 0, D = r->width;
    double sum = 0;
    for (int n = 0; n < r->threads; n++) {
        const float *a = r->pool + (size_t)n * (size_t)D;
        for (int m = 0; m < n && r->thread[n].pooled; m++) {
            const float *b = r->pool + (size_t)m * (size_t)D;
            double ab = 0, aa = 0, bb = 0;
            if (!r->thread[m].pooled) continue;
            for (int i = 0; i < D; i++) {
                ab += (double)a[i] * b[i];
                aa += (double)a[i] * a[i];
                bb += (double)b[i] * b[i];
            }
            pairs++;
            sum += 1 - (aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0);
        }
    }
    return pairs ? sum / pairs : NAN;
}

void lace_recorder_step(struct lace_recorder *r, int time, const float *last)
{
    bool chose = false, any = false;
    for (int n = 0; n < r->threads; n++) {
        struct lace_recorder_thread *t = &r->thread[n];
        if (t->row < 0) continue;
        const float *row = last + (size_t)t->row * (size_t)r->width;
        float *pool = r->pool + (size_t)n * (size_t)r->width;
        for (int i = 0; i < r->width; i++) pool[i] += row[i];
        t->pooled++;
        any = true;
        chose |= t->now >= 0;
    }
    if (r->first < 0 && chose) r->first = time;
    int step = time - r->first;
    if (!any || r->first < 0 || step >= r->room) return;
    while (r->steps <= step) r->agreement[r->steps] = r->diversity[r->steps] = NAN, r->steps++;
    r->agreement[step] = (float)agreement(r);
    r->diversity[step] = (float)diversity(r);
}
