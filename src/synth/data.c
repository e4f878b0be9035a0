/* Making, checking and counting records. */
#include "synth/data.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int lace_data_family_count(void) { return lace_family_count(); }

int lace_data_family(int i, struct lace_data_family *out)
{
    const struct lace_family *family = lace_family_at(i);
    if (!family) return LACE_BAD;
    *out = (struct lace_data_family){.name = family->name,
                                     .summary = family->summary,
                                     .difficulty = {family->easiest, family->hardest},
                                     .trained = {family->trained_low, family->trained_high},
                                     .strategies = family->strategies,
                                     .evaluation_only = family->evaluation_only};
    return 0;
}

int lace_data_make(const char *name, const struct lace_data_knobs *knobs, uint64_t first, uint64_t count,
                   lace_data_write write, void *user, struct lace_error *err)
{
    const struct lace_family *family = lace_family_find(name, err);
    if (!family) return LACE_BAD;
    struct lace_text line;
    int code = 0;
    lace_text_init(&line);
    for (uint64_t i = first; i - first < count && !code; i++) {
        struct lace_record record;
        if ((code = lace_family_make(family, knobs, i, &record, err))) break;
        lace_text_clear(&line);
        code = lace_record_format(&record, &line, err);
        if (!code && write(user, line.data, line.len))
            code = lace_fail(err, LACE_STOPPED, "Stopped after %llu records.", (unsigned long long)(i - first));
        lace_record_release(&record);
    }
    lace_text_release(&line);
    return code;
}

int lace_data_check(const char *name, const char *prompt, const char *answer, struct lace_error *err)
{
    const struct lace_family *family = lace_family_find(name, err);
    return family ? family->check(family, prompt, answer, err) : LACE_BAD;
}

/* ---- counting ---- */

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

static void tally(struct lace_data_tally *list, int size, const char *name)
{
    if (!name || !*name) return;
    for (int i = 0; i + 1 < size; i++) { /* the last one stays empty: the end */
        if (!list[i].name[0]) snprintf(list[i].name, sizeof list[i].name, "%s", name);
        if (strncmp(list[i].name, name, sizeof list[i].name - 1)) continue;
        list[i].count++;
        return;
    }
}

/* meta marks steps as [[thread, step, kind, ...], ...]. */
static size_t tally_marks(struct lace_data_tally *list, int size, const json_t *meta, const char *key)
{
    size_t i;
    json_t *item;
    const json_t *marks = json_object_get(meta, key);
    json_array_foreach((json_t *)marks, i, item) tally(list, size, json_string_value(json_array_get(item, 2)));
    return json_array_size(marks);
}

static int known(const char *task)
{
    for (int i = 0; task && i < lace_family_count(); i++)
        if (!strcmp(lace_family_at(i)->name, task)) return i;
    return -1;
}

#define TALLY(list, name)            tally(list, (int)(sizeof(list) / sizeof *(list)), name)
#define TALLY_MARKS(list, meta, key) tally_marks(list, (int)(sizeof(list) / sizeof *(list)), meta, key)

int lace_data_count(struct lace_data_stats *stats, const struct lace_record *record, struct lace_error *err)
{
    char difficulty[16];
    int pairs = 0, longest = 0;
    double distance = 0;
    enum lace_split side;
    const struct lace_family *family = lace_family_at(known(record->task));
    bool readable = family && record->prompt && !family->side(family, record->prompt, &side, NULL);
    stats->records++;
    if (!readable) stats->unread++;
    else if (side == LACE_SPLIT_TEST) stats->test_side++;
    snprintf(difficulty, sizeof difficulty, "%d", record->difficulty);
    TALLY(stats->difficulties, difficulty);
    if (TALLY_MARKS(stats->kinds, record->meta, "corrupted")) stats->corrupted++;
    TALLY_MARKS(stats->interactions, record->meta, "interactions");
    if (record->thread_count > stats->most_threads) stats->most_threads = record->thread_count;
    for (int n = 0; n < record->thread_count; n++) {
        const struct lace_record_thread *thread = &record->threads[n];
        stats->threads++;
        stats->steps += (uint64_t)thread->count;
        if (thread->count > longest) longest = thread->count;
        if (thread->answer) stats->answered++;
        if (thread->answer && readable)
            stats->right += family->check(family, record->prompt, thread->answer, NULL) == 1;
        else if (thread->answer && record->answer) stats->right += !strcmp(thread->answer, record->answer);
        TALLY(stats->verdicts, thread->verdict ? lace_verdict_names[thread->verdict] : "none");
        for (int i = 0; readable && i < thread->count; i++) {
            struct lace_step_check seen;
            family->check_step(family, record->prompt, thread->steps[i], &seen);
            TALLY(stats->checks, lace_family_result(family, seen.result));
        }
        for (int m = 0; m < n; m++, pairs++) {
            double d = lace_data_distance(thread, &record->threads[m]);
            if (d < 0) return lace_fail(err, LACE_MEMORY, "Out of memory while threads are compared.");
            distance += d;
        }
    }
    if (longest > stats->most_steps) stats->most_steps = longest;
    stats->rounds += longest;
    if (pairs) stats->diversity += distance / pairs;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct lace_data_tally *x = a, *y = b;
    return atoi(x->name) - atoi(y->name);
}

int lace_data_stats(const char *path, struct lace_data_stats *stats, struct lace_error *err)
{
    struct lace_record_file *file = NULL;
    struct lace_record record;
    *stats = (struct lace_data_stats){0};
    int code = lace_record_open(&file, path, err), more = 0;
    uint64_t groups = 0; /* records with two threads or more: only these have a diversity */
    if (code) return code;
    while (!code && (more = lace_record_next(file, &record, err)) > 0) {
        groups += record.thread_count > 1;
        code = lace_data_count(stats, &record, err);
        lace_record_release(&record);
    }
    lace_record_close(&file);
    if (code || more < 0) return code ? code : more;
    int used = 0;
    while (stats->difficulties[used].name[0]) used++;
    qsort(stats->difficulties, (size_t)used, sizeof *stats->difficulties, by_number);
    if (stats->records) stats->rounds /= (double)stats->records;
    if (groups) stats->diversity /= (double)groups;
    return 0;
}
