/* Products of many rows, by oneDNN: weights in our fixed packed form, so nothing is repacked per call.
 * A primitive is a compiled kernel for one shape; each worker keeps its own table of them, with its own
 * scratch, so that workers of a parallel region never share state and no lock is needed. oneDNN compiles a
 * shape once per process (its own cache), a table's entry is cheap. */
#include "ops/cpu.h"
#include <dnnl.h>
#include <omp.h>
#include <pthread.h>
#include <string.h>

enum kind { PRODUCT, WEIGHT };

struct shape {
    enum kind kind;
    enum lace_dtype dtype;
    int rows, in, out, accumulate, workers;
};

struct entry {
    struct shape shape;
    dnnl_primitive_t primitive; /* NULL: oneDNN has nothing fast for it */
    dnnl_memory_t source, weights, result, scratch;
    size_t scratch_bytes;
};

enum { ENTRIES = 1024, PROBES = 32 };

struct cache {
    dnnl_stream_t stream;
    struct entry *entry[ENTRIES];
    void *scratch, *wide; /* wide: operands widened to f32 */
    size_t scratch_bytes, wide_bytes;
};

static dnnl_engine_t engine;
static pthread_key_t cache_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread struct cache *mine;

static void entry_free(struct entry *e)
{
    if (!e) return;
    if (e->primitive) dnnl_primitive_destroy(e->primitive);
    if (e->source) dnnl_memory_destroy(e->source);
    if (e->weights) dnnl_memory_destroy(e->weights);
    if (e->result) dnnl_memory_destroy(e->result);
    if (e->scratch) dnnl_memory_destroy(e->scratch);
    lace_free(e);
}

static void cache_free(void *p)
{
    struct cache *c = p;
    for (int i = 0; i < ENTRIES; i++) entry_free(c->entry[i]);
    if (c->stream) dnnl_stream_destroy(c->stream);
    lace_free(c->scratch);
    lace_free(c->wide);
    lace_free(c);
}

static void start(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
    pthread_key_create(&cache_key, cache_free);
}

static struct cache *cache_get(void)
{
    if (mine) return mine;
    pthread_once(&once, start);
    struct cache *c = engine ? lace_alloc(sizeof *c) : NULL;
    if (!c) return NULL;
    if (dnnl_stream_create(&c->stream, engine, dnnl_stream_default_flags) != dnnl_success) {
        lace_free(c);
        return NULL;
    }
    pthread_setspecific(cache_key, c);
    return mine = c;
}

/* Grows a buffer that is only ever overwritten. */
static bool reserve(void **buffer, size_t *have, size_t need)
{
    if (*have >= need) return true;
    lace_free(*buffer);
    *buffer = lace_alloc(need);
    *have = *buffer ? need : 0;
    return *buffer;
}

/* product: result (rows, out) = source (rows, in) * packed; weight: result (out, in) += source (rows, out)^T * weights (rows, in). */
static bool build(struct entry *e)
{
    const struct shape *s = &e->shape;
    dnnl_data_type_t type = s->dtype == LACE_BF16 ? dnnl_bf16 : dnnl_f32;
    dnnl_memory_desc_t source, weights, result;
    if (s->kind == PRODUCT) {
        dnnl_format_tag_t packed = s->dtype == LACE_BF16 ? dnnl_BA16a64b2a : dnnl_BA16a64b;
        if (dnnl_memory_desc_init_by_tag(&source, 2, (dnnl_dims_t){s->rows, s->in}, type, dnnl_ab) ||
            dnnl_memory_desc_init_by_tag(&weights, 2, (dnnl_dims_t){s->in, s->out}, type, packed) ||
            dnnl_memory_desc_init_by_tag(&result, 2, (dnnl_dims_t){s->rows, s->out}, dnnl_f32, dnnl_ab) ||
            dnnl_memory_desc_get_size(&weights) != lace_matrix_bytes(s->dtype, s->in, s->out))
            return false;
    } else if (dnnl_memory_desc_init_by_tag(&source, 2, (dnnl_dims_t){s->out, s->rows}, type, dnnl_ba) ||
               dnnl_memory_desc_init_by_tag(&weights, 2, (dnnl_dims_t){s->rows, s->in}, type, dnnl_ab) ||
               dnnl_memory_desc_init_by_tag(&result, 2, (dnnl_dims_t){s->out, s->in}, dnnl_f32, dnnl_ab)) {
        return false;
    }

    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t post = NULL;
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_desc_t desc = NULL;
    bool ok = false;
    if (dnnl_primitive_attr_create(&attr) || dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user))
        goto done;
    if (s->accumulate && (dnnl_post_ops_create(&post) || dnnl_post_ops_append_sum(post, 1) ||
                          dnnl_primitive_attr_set_post_ops(attr, post)))
        goto done;
    if (dnnl_matmul_desc_init(&matmul, &source, &weights, NULL, &result) ||
        dnnl_primitive_desc_create(&desc, &matmul, attr, engine, NULL))
        goto done;
    const char *name = "";
    dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
    if (!strncmp(name, "ref", 3)) goto done; /* slower than our own kernels */
    const dnnl_memory_desc_t *pad = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    e->scratch_bytes = dnnl_memory_desc_get_size(pad);
    ok = !dnnl_memory_create(&e->source, &source, engine, DNNL_MEMORY_NONE) &&
         !dnnl_memory_create(&e->weights, &weights, engine, DNNL_MEMORY_NONE) &&
         !dnnl_memory_create(&e->result, &result, engine, DNNL_MEMORY_NONE) &&
         !dnnl_memory_create(&e->scratch, pad, engine, DNNL_MEMORY_NONE) && !dnnl_primitive_create(&e->primitive, desc);
done:
    if (desc) dnnl_primitive_desc_destroy(desc);
    if (post) dnnl_post_ops_destroy(post);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return ok;
}

static struct entry *find(struct cache *c, const struct shape *shape)
{
    size_t at = lace_hash(shape, sizeof *shape) % ENTRIES;
    for (int probe = 0; probe < PROBES; probe++) {
        struct entry **slot = &c->entry[(at + probe) % ENTRIES];
        if (*slot && probe == PROBES - 1 && memcmp(&(*slot)->shape, shape, sizeof *shape)) {
            entry_free(*slot); /* a full neighbourhood: the last one gives way */
            *slot = NULL;
        }
        if (!*slot) {
            if (!(*slot = lace_alloc(sizeof **slot))) return NULL;
            (*slot)->shape = *shape;
            if (!build(*slot)) {
                if ((*slot)->primitive) dnnl_primitive_destroy((*slot)->primitive);
                (*slot)->primitive = NULL;
            }
            return *slot;
        }
        if (!memcmp(&(*slot)->shape, shape, sizeof *shape)) return *slot;
    }
    return NULL;
}

static bool run(struct cache *c, struct shape shape, const void *source, const void *weights, float *result)
{
    /* oneDNN's results are wrong where OpenMP gives it fewer threads than it asks for (OMP_THREAD_LIMIT, OMP_DYNAMIC) */
    omp_set_dynamic(0);
    if (omp_get_max_threads() > omp_get_thread_limit()) omp_set_num_threads(omp_get_thread_limit());
    shape.workers = omp_in_parallel() ? 1 : omp_get_max_threads();
    struct entry *e = find(c, &shape);
    if (!e || !e->primitive || !reserve(&c->scratch, &c->scratch_bytes, e->scratch_bytes)) return false;
    dnnl_memory_set_data_handle(e->source, (void *)source);
    dnnl_memory_set_data_handle(e->weights, (void *)weights);
    dnnl_memory_set_data_handle(e->result, result);
    dnnl_memory_set_data_handle(e->scratch, c->scratch);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, e->source},
                              {DNNL_ARG_WEIGHTS, e->weights},
                              {DNNL_ARG_DST, e->result},
                              {DNNL_ARG_SCRATCHPAD, e->scratch}};
    return dnnl_primitive_execute(e->primitive, c->stream, 4, args) == dnnl_success &&
           dnnl_stream_wait(c->stream) == dnnl_success;
}

bool lace_dnn_product(float *y, const struct lace_operand *x, const void *packed, int in, int out, int rows,
                      bool accumulate)
{
    if (rows <= 0) return true; /* oneDNN divides by their number */
    struct cache *c = cache_get();
    struct shape shape = {.kind = PRODUCT,
                          .dtype = x->dtype,
                          .rows = (int)LACE_PAD_ROWS(rows),
                          .in = in,
                          .out = out,
                          .accumulate = accumulate};
    return c && run(c, shape, x->data, packed, y);
}

bool lace_dnn_weight(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows)
{
    if (rows <= 0) return true; /* oneDNN divides by their number */
    struct cache *c = cache_get();
    struct shape shape = {.kind = WEIGHT,
                          .dtype = x->dtype,
                          .rows = (int)LACE_PAD_ROWS(rows),
                          .in = x->cols,
                          .out = dy->cols,
                          .accumulate = 1};
    return c && run(c, shape, dy->data, x->data, dw);
}

void lace_dnn_backward_weight(float *dw, const struct lace_operand *dy, const struct lace_operand *x, int rows)
{
    if (lace_dnn_weight(dw, dy, x, rows)) return;
    struct cache *c = cache_get();
    size_t n = LACE_PAD_ROWS(rows) * dy->cols, m = LACE_PAD_ROWS(rows) * x->cols;
    if (x->dtype == LACE_BF16 && c && reserve(&c->wide, &c->wide_bytes, (n + m) * sizeof(float))) {
        float *wide = c->wide;
        for (size_t i = 0; i < n; i++) wide[i] = lace_bf16_to_f32(((const uint16_t *)dy->data)[i]);
        for (size_t i = 0; i < m; i++) wide[n + i] = lace_bf16_to_f32(((const uint16_t *)x->data)[i]);
        struct lace_operand a = {LACE_F32, dy->cols, wide}, b = {LACE_F32, x->cols, wide + n};
        if (lace_dnn_weight(dw, &a, &b, rows)) return;
    }
    lace_matrix_backward_weight(dw, dy, x, rows);
}

void lace_dnn_plain(bool turned, int rows, int cols, int in, float scale, const float *a, const float *b, float *c)
{
    dnnl_sgemm('N', turned ? 'T' : 'N', rows, cols, in, scale, a, in, b, turned ? in : cols, 0, c, cols);
}
