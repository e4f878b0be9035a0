/* What a file of records holds: counts of all kinds, and how different the threads of a problem are. */
#include "data/diversity.h"
#include "data/flow.h"
#include "data/stats_plot.h"
#include "synth/family.h"
#include <stdlib.h>
#include <string.h>

struct counting {
    struct lace_data_stats *stats;
    struct lace_embedder embedder;
    float *vectors;  /* (threads of a record, width) */
    uint64_t groups; /* records with two threads or more: only these have a diversity */
};

/* meta marks steps as [[thread, step, kind, ...], ...]. */
static size_t tally_marks(struct lace_data_tally *list, int size, const json_t *meta, const char *key)
{
    size_t i;
    json_t *item;
    const json_t *marks = json_object_get(meta, key);
    json_array_foreach((json_t *)marks, i, item)
        lace_tally_add(list, size, json_string_value(json_array_get(item, 2)), 1);
    return json_array_size(marks);
}
#define TALLY_MARKS(list, meta, key) tally_marks(list, (int)(sizeof(list) / sizeof *(list)), meta, key)

static void count_share(uint64_t *histogram, double share)
{
    int bin = (int)(share * LACE_STATS_BINS);
    histogram[bin < 0 ? 0 : bin < LACE_STATS_BINS ? bin : LACE_STATS_BINS - 1]++;
}

static int compare_threads(struct counting *c, const struct lace_record *r, struct lace_error *err)
{
    int width = c->embedder.width, N = r->thread_count, pairs = N * (N - 1) / 2;
    double words = 0, meanings = 0;
    int code = lace_embed(&c->embedder, r, c->vectors, err);
    for (int n = 0; n < N && !code; n++)
        for (int m = 0; m < n && !code; m++) {
            double d = lace_data_distance(&r->threads[n], &r->threads[m]);
            double e = lace_embedding_distance(c->vectors + (size_t)n * width, c->vectors + (size_t)m * width, width);
            if (d < 0) code = lace_fail(err, LACE_MEMORY, "Out of memory while threads are compared.");
            count_share(c->stats->distances, d);
            count_share(c->stats->embedding_distances, e);
            words += d;
            meanings += e;
        }
    if (code || !pairs) return code;
    c->groups++;
    c->stats->diversity += words / pairs;
    c->stats->embedding_diversity += meanings / pairs;
    return 0;
}

static int count_record(struct counting *c, const struct lace_record *r, struct lace_error *err)
{
    struct lace_data_stats *stats = c->stats;
    char difficulty[16];
    int longest = 0;
    enum lace_split side;
    const struct lace_family *family = lace_family_find(r->task, NULL);
    bool readable = family && !lace_family_side(family, r->prompt, &side, NULL);
    stats->records++;
    if (!readable) stats->unread++;
    else if (side == LACE_SPLIT_TEST) stats->test_side++;
    snprintf(difficulty, sizeof difficulty, "%d", r->difficulty);
    LACE_TALLY(stats->difficulties, difficulty);
    LACE_TALLY(stats->tasks, r->task);
    if (TALLY_MARKS(stats->kinds, r->meta, "corrupted")) stats->corrupted++;
    stats->slips += json_array_size(json_object_get(r->meta, "slips"));
    TALLY_MARKS(stats->interactions, r->meta, "interactions");
    if (r->thread_count > stats->most_threads) stats->most_threads = r->thread_count;
    for (int n = 0; n < r->thread_count; n++) {
        const struct lace_record_thread *thread = &r->threads[n];
        stats->threads++;
        stats->steps += (uint64_t)thread->count;
        stats->thread_steps[thread->count < LACE_STATS_STEPS ? thread->count : LACE_STATS_STEPS]++;
        if (thread->count > longest) longest = thread->count;
        if (thread->answer) stats->answered++;
        if (r->answer || readable) stats->right += lace_record_right(r, thread->answer);
        LACE_TALLY(stats->verdicts, thread->verdict ? lace_verdict_names[thread->verdict] : "none");
        for (int i = 0; readable && i < thread->count; i++) {
            struct lace_step_check seen;
            lace_family_check_step(family, r->prompt, thread->steps[i], &seen);
            LACE_TALLY(stats->checks, lace_family_result(family, seen.result));
        }
    }
    if (longest > stats->most_steps) stats->most_steps = longest;
    stats->rounds += longest;
    return compare_threads(c, r, err);
}

static int by_number(const void *a, const void *b)
{
    const struct lace_data_tally *x = a, *y = b;
    return atoi(x->name) - atoi(y->name);
}

static int count_file(struct counting *c, const char *path, const struct lace_stats_options *o, struct lace_error *err)
{
    struct lace_record_file *file = NULL;
    struct lace_record record;
    int code = lace_record_open(&file, path, err), more = 0;
    while (!code && (more = lace_record_next(file, &record, err)) > 0) {
        code = count_record(c, &record, err);
        lace_record_release(&record);
        if (!code && o && o->progress && o->progress(o->user, c->stats->records))
            code = lace_fail(err, LACE_STOPPED, "Stopped after %llu records.", (unsigned long long)c->stats->records);
    }
    lace_record_close(&file);
    return code ? code : more;
}

int lace_data_stats(const char *path, const struct lace_stats_options *o, struct lace_data_stats *stats,
                    struct lace_error *err)
{
    struct counting c = {.stats = stats};
    *stats = (struct lace_data_stats){0};
    int code = lace_embedder_open(&c.embedder, o ? o->model : NULL, err);
    snprintf(stats->embedder, sizeof stats->embedder, "%s", c.embedder.engine ? "hidden states" : "hashed words");
    if (!code && !(c.vectors = lace_alloc_array(LACE_RECORD_THREADS, sizeof *c.vectors * (size_t)c.embedder.width)))
        code = lace_fail(err, LACE_MEMORY, "Out of memory for the vectors of %d threads.", LACE_RECORD_THREADS);
    if (!code) code = count_file(&c, path, o, err);
    lace_free(c.vectors);
    lace_embedder_close(&c.embedder);
    if (code) return code;
    int used = 0;
    while (stats->difficulties[used].name[0]) used++;
    qsort(stats->difficulties, (size_t)used, sizeof *stats->difficulties, by_number);
    if (stats->records) stats->rounds /= (double)stats->records;
    if (c.groups) stats->diversity /= (double)c.groups, stats->embedding_diversity /= (double)c.groups;
    return o && o->plot ? lace_stats_plot(stats, o->plot, err) : 0;
}
