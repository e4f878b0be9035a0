#include "data/diversity.h"
#include "model/forward.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

/* The thread's words as hashes; *count of them. NULL: no memory. */
static uint32_t *words(const struct lace_record_thread *thread, int *count)
{
    size_t bytes = 1;
    for (int i = 0; i < thread->count; i++) bytes += strlen(thread->steps[i]);
    uint32_t *list = malloc(bytes * sizeof *list); /* a word has at least one byte */
    *count = 0;
    for (int i = 0; list && i < thread->count; i++)
        for (const char *at = thread->steps[i] + strspn(thread->steps[i], " \n"); *at; at += strspn(at, " \n")) {
            size_t len = strcspn(at, " \n");
            list[(*count)++] = (uint32_t)lace_hash(at, len);
            at += len;
        }
    return list;
}

double lace_data_distance(const struct lace_record_thread *a, const struct lace_record_thread *b)
{
    enum { MOST = 4096 }; /* words of a thread that are compared: the cost is their product */
    int na, nb;
    uint32_t *wa = words(a, &na), *wb = words(b, &nb);
    if (na > MOST) na = MOST;
    if (nb > MOST) nb = MOST;
    int *row = malloc(((size_t)nb + 1) * sizeof *row);
    double distance = -1;
    if (!wa || !wb || !row) goto done;
    for (int j = 0; j <= nb; j++) row[j] = j;
    for (int i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int above = row[j], best = diagonal + (wa[i - 1] != wb[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    distance = na || nb ? (double)row[nb] / (na > nb ? na : nb) : 0;
done:
    free(wa);
    free(wb);
    free(row);
    return distance;
}

/* ---- embeddings ---- */

struct lace_embedder_pass {
    struct lace_cache cache;
    struct lace_batch batch;
    struct lace_state state;
    int rows;
};

int lace_embedder_open(struct lace_embedder *e, const char *model, struct lace_error *err)
{
    struct lace_engine_options options;
    *e = (struct lace_embedder){.width = LACE_HASHED_WIDTH};
    if (!model) return 0;
    lace_engine_defaults(&options);
    options.model = *model ? model : NULL;
    if (!(e->pass = calloc(1, sizeof *e->pass))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    int code = lace_engine_open(&e->engine, &options, err);
    if (!code) e->width = e->engine->model->config.hidden_size;
    return code;
}

static void release_pass(struct lace_embedder *e);
void lace_embedder_close(struct lace_embedder *e)
{
    if (e->pass) release_pass(e);
    free(e->pass);
    e->pass = NULL;
    lace_engine_close(&e->engine);
}

static void to_unit_length(float *vector, int width)
{
    double sum = 0;
    for (int i = 0; i < width; i++) sum += (double)vector[i] * vector[i];
    for (int i = 0; i < width && sum > 0; i++) vector[i] = (float)(vector[i] / sqrt(sum));
}

/* Every word and every pair of words adds 1 or -1, by its hash, to a place that its hash names. */
static int embed_words(const struct lace_record_thread *thread, float *vector, struct lace_error *err)
{
    int count;
    uint32_t *list = words(thread, &count);
    if (!list) return lace_fail(err, LACE_MEMORY, "Out of memory while threads are compared.");
    for (int i = 0; i < count; i++)
        for (int pair = 0; pair < 2 && i + pair < count; pair++) {
            uint32_t both[2] = {list[i], pair ? list[i + 1] : 0};
            uint64_t hash = lace_hash(both, sizeof both);
            hash ^= hash >> 29;
            vector[hash % LACE_HASHED_WIDTH] += hash >> 40 & 1 ? 1 : -1;
        }
    free(list);
    return 0;
}

static void release_pass(struct lace_embedder *e)
{
    lace_state_release(&e->pass->state);
    lace_batch_release(&e->pass->batch);
    lace_cache_release(&e->pass->cache);
    memset(e->pass, 0, sizeof *e->pass);
}

/* Room for so many rows in one pass; kept from record to record. */
static int reserve(struct lace_embedder *e, int rows, struct lace_error *err)
{
    const struct lace_model *m = e->engine->model;
    struct lace_state_options size = {rows, 1, rows, rows, omp_get_max_threads(), false};
    if (rows <= e->pass->rows) return 0;
    release_pass(e);
    int code = lace_cache_init(&e->pass->cache, m, rows, LACE_F32, err);
    if (!code) code = lace_batch_init(&e->pass->batch, rows, LACE_RECORD_THREADS, rows, err);
    if (!code) code = lace_state_init(&e->pass->state, m, &size, err);
    if (!code) e->pass->rows = rows;
    else release_pass(e);
    return code;
}

/* A thread behind its problem, as tokens; the mean is over those from `first` on. */
struct sequence {
    int *ids;
    int first, count;
};

/* One causal pass over several sequences that do not see each other. */
static int pool(struct lace_embedder *e, const struct sequence *list, int count, float *vectors, struct lace_error *err)
{
    struct lace_group groups[LACE_RECORD_THREADS];
    int rows = 0, D = e->width, code;
    for (int n = 0; n < count; n++) rows += list[n].count;
    if (!rows || (code = reserve(e, rows, err))) return rows ? code : 0;
    struct lace_batch *b = &e->pass->batch;
    b->rows = 0;
    for (int n = 0; n < count; n++) {
        groups[n] = (struct lace_group){.prompt = {b->rows, list[n].count, b->rows, 0}, .see = -1};
        for (int i = 0; i < list[n].count; i++) {
            int r = b->rows++;
            b->token[r] = list[n].ids[i];
            b->position[r] = b->time[r] = i;
            b->slot[r] = r;
        }
    }
    lace_batch_store_times(b, &e->pass->cache);
    if ((code = lace_view_build(b, groups, count, &e->pass->cache, e->engine->model, err))) return code;
    lace_forward(e->engine->model, &e->pass->state, &e->pass->cache, b);
    for (int n = 0; n < count; n++)
        for (int i = list[n].first; i < list[n].count; i++)
            for (int k = 0; k < D; k++)
                vectors[(size_t)n * D + k] += e->pass->state.last[(size_t)(groups[n].prompt.row + i) * D + k];
    return 0;
}

static int encode(const struct lace_engine *e, const char *problem, const struct lace_record_thread *thread,
                  struct sequence *out, struct lace_error *err)
{
    int *own = NULL;
    size_t prompt_cap = 0, own_cap = 0, prompt = 0, count = 0, most = (size_t)e->model->config.max_position_embeddings;
    struct lace_text text;
    *out = (struct sequence){0};
    lace_text_init(&text);
    for (int i = 0; i < thread->count; i++) lace_text_str(&text, thread->steps[i]);
    int code = text.failed ? lace_fail(err, LACE_MEMORY, "Out of memory while threads are compared.")
                           : lace_format_prompt(&e->format, problem, &out->ids, &prompt_cap, &prompt, err);
    if (!code && text.len)
        code = lace_tokenizer_encode(e->tokenizer, text.data, text.len, false, &own, &own_cap, &count, err);
    if (prompt > most / 2) prompt = most / 2;
    if (prompt + count > most) count = most - prompt;
    if (!code && count) {
        int *longer = realloc(out->ids, (prompt + count) * sizeof *longer);
        if (longer) {
            out->ids = longer;
            memcpy(longer + prompt, own, count * sizeof *longer);
            out->first = (int)prompt;
            out->count = (int)(prompt + count);
        } else code = lace_fail(err, LACE_MEMORY, "Out of memory while threads are compared.");
    }
    lace_text_release(&text);
    free(own);
    return code;
}

static int embed_by_model(struct lace_embedder *e, const struct lace_record *r, float *vectors, struct lace_error *err)
{
    enum { ROWS = 2048 }; /* of a pass, unless one sequence is longer */
    struct sequence list[LACE_RECORD_THREADS];
    int code = 0, made = 0;
    for (; made < r->thread_count && !code; made++)
        code = encode(e->engine, r->prompt, &r->threads[made], &list[made], err);
    for (int first = 0; first < made && !code;) {
        int rows = 0, last = first;
        while (last < made && (last == first || rows + list[last].count <= ROWS)) rows += list[last++].count;
        code = pool(e, list + first, last - first, vectors + (size_t)first * e->width, err);
        first = last;
    }
    while (made > 0) free(list[--made].ids);
    return code;
}

int lace_embed(struct lace_embedder *e, const struct lace_record *r, float *vectors, struct lace_error *err)
{
    int code = 0;
    memset(vectors, 0, sizeof *vectors * (size_t)e->width * (size_t)r->thread_count);
    if (e->engine) code = embed_by_model(e, r, vectors, err);
    for (int n = 0; n < r->thread_count && !code; n++) {
        float *vector = vectors + (size_t)n * e->width;
        if (!e->engine) code = embed_words(&r->threads[n], vector, err);
        if (!code) to_unit_length(vector, e->width);
    }
    return code;
}

double lace_embedding_distance(const float *a, const float *b, int width)
{
    double dot = 0;
    for (int i = 0; i < width; i++) dot += (double)a[i] * b[i];
    return 1 - dot;
}
