#include "eval/problems.h"
#include <stdlib.h>
#include <string.h>

#define DEVELOPMENT (UINT64_C(1) << 30) /* the first record of a development set, far from every training set */

void lace_problems_release(struct lace_problems *p)
{
    for (int i = 0; i < p->count; i++) lace_record_release(&p->records[i]);
    for (int t = 0; t < p->thread_count && p->rounds; t++) free(p->rounds[t]);
    free(p->rounds);
    free(p->records);
    free(p->cell);
    free(p->cells);
    *p = (struct lace_problems){0};
}

/* ---- reading ---- */

/* The first `most` (0: all) records of a file. */
static int read_records(struct lace_problems *p, const char *path, int most, struct lace_error *err)
{
    struct lace_record_file *file;
    struct lace_record record;
    int room = 0, code = lace_record_open(&file, path, err);
    if (code) return code;
    while ((!most || p->count < most) && (code = lace_record_next(file, &record, err)) > 0) {
        if (p->count == room) {
            struct lace_record *grown = realloc(p->records, sizeof *grown * (size_t)(room = room ? 2 * room : 256));
            if (!grown) {
                lace_record_release(&record);
                code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", path);
                break;
            }
            p->records = grown;
        }
        p->records[p->count++] = record;
    }
    lace_record_close(&file);
    if (code < 0) return code;
    return p->count ? 0 : lace_fail(err, LACE_BAD, "%s holds no problems.", path);
}

static int ambiguity_of(const struct lace_record *r)
{
    return r->meta ? (int)json_integer_value(json_object_get(r->meta, "ambiguity")) : 0;
}

static int by_cell(const void *a, const void *b)
{
    const struct lace_record *x = a, *y = b;
    int tasks = strcmp(x->task, y->task);
    if (tasks) return tasks;
    if (x->difficulty != y->difficulty) return x->difficulty < y->difficulty ? -1 : 1;
    return ambiguity_of(x) - ambiguity_of(y);
}

/* A stable sort into cells (families in the order of their names). */
static int sort_into_cells(struct lace_problems *p, struct lace_error *err)
{
    struct lace_record *sorted = malloc(sizeof *sorted * (size_t)p->count);
    int code = sorted ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
    p->cells = malloc(sizeof *p->cells * (size_t)p->count);
    p->cell = malloc(sizeof *p->cell * (size_t)p->count);
    if (!p->cells || !p->cell) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (!code) { /* merging runs of twice the length each time keeps equal ones in their order */
        for (int width = 1; width < p->count; width *= 2) {
            for (int from = 0; from < p->count; from += 2 * width) {
                int middle = from + width < p->count ? from + width : p->count,
                    to = middle + width < p->count ? middle + width : p->count;
                for (int i = from, j = middle, k = from; k < to; k++)
                    sorted[k] = j == to || (i < middle && by_cell(&p->records[i], &p->records[j]) <= 0)
                                    ? p->records[i++]
                                    : p->records[j++];
            }
            memcpy(p->records, sorted, sizeof *sorted * (size_t)p->count);
        }
        for (int i = 0; i < p->count; i++) {
            const struct lace_record *r = &p->records[i];
            if (!i || by_cell(&p->records[i - 1], r)) {
                struct lace_cell *c = &p->cells[p->cell_count++];
                *c = (struct lace_cell){.difficulty = r->difficulty, .ambiguity = ambiguity_of(r), .first = i};
                snprintf(c->family, sizeof c->family, "%s", r->task);
            }
            p->cells[p->cell_count - 1].count++;
            p->cell[i] = p->cell_count - 1;
        }
    }
    free(sorted);
    return code;
}

/* ---- making ---- */

static int levels(struct lace_interval i) { return i.high - i.low + 1; }

/* How many problems of the family level k of n gets. */
static int part_of(int count, int k, int n) { return count / n + (k < count % n); }

/* The record's budget with every number of threads. The problem itself must not depend on it. */
static int make_one(struct lace_problems *p, const struct lace_family *family, struct lace_data_knobs knobs,
                    const struct lace_eval_options *o, uint64_t index, struct lace_error *err)
{
    struct lace_record *first = &p->records[p->count], other;
    for (int t = 0; t < o->thread_count; t++) {
        knobs.threads = (struct lace_interval){o->threads[t], o->threads[t]};
        int code = lace_family_make(family, &knobs, index, t ? &other : first, err);
        if (code) {
            if (t) lace_record_release(first);
            return code;
        }
        const struct lace_record *r = t ? &other : first;
        p->rounds[t][p->count] = r->meta ? (int)json_integer_value(json_object_get(r->meta, "budget")) : 0;
        bool same = !strcmp(r->prompt, first->prompt);
        if (t) lace_record_release(&other);
        if (!same) {
            lace_record_release(first);
            return lace_fail(err, LACE_BAD,
                             "The family %s makes other problems for other numbers of threads; give one.",
                             family->name);
        }
    }
    p->count++;
    return 0;
}

/* count problems on a side of the split, spread evenly over the difficulties and ambiguities of the knobs. */
static int make_records(struct lace_problems *p, const struct lace_family *family, struct lace_data_knobs knobs,
                        enum lace_split side, int count, uint64_t first, const struct lace_eval_options *o,
                        struct lace_error *err)
{
    struct lace_interval d = knobs.difficulty, a = knobs.ambiguity;
    int n = levels(d) * levels(a), code = 0;
    knobs.split = side;
    for (int k = 0; k < n && !code; k++) {
        knobs.difficulty.low = knobs.difficulty.high = d.low + k / levels(a);
        knobs.ambiguity.low = knobs.ambiguity.high = a.low + k % levels(a);
        int part = part_of(count, k, n);
        for (int i = 0; i < part && !code; i++) code = make_one(p, family, knobs, o, first + (uint64_t)i, err);
        if (code) return code;
        if (!part) continue;
        struct lace_cell *c = &p->cells[p->cell_count];
        *c = (struct lace_cell){.difficulty = knobs.difficulty.low,
                                .ambiguity = knobs.ambiguity.low,
                                .first = p->count - part,
                                .count = part};
        snprintf(c->family, sizeof c->family, "%s", family->name);
        for (int i = c->first; i < p->count; i++) p->cell[i] = p->cell_count;
        p->cell_count++;
    }
    return code;
}

static int give_room(struct lace_problems *p, int count, int cells, const struct lace_eval_options *o,
                     struct lace_error *err)
{
    size_t most = (size_t)count + 1;
    bool ok = (p->rounds = calloc((size_t)o->thread_count, sizeof *p->rounds));
    p->thread_count = o->thread_count;
    for (int t = 0; t < o->thread_count && ok; t++) ok = (p->rounds[t] = calloc(most, sizeof(int)));
    if (cells) {
        ok &= (p->records = calloc(most, sizeof *p->records)) && (p->cell = calloc(most, sizeof *p->cell)) &&
              (p->cells = calloc((size_t)cells, sizeof *p->cells));
    }
    return ok ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for %d problems.", count);
}

static int knobs_of(const struct lace_eval_options *o, const struct lace_family *family, struct lace_data_knobs *knobs,
                    struct lace_error *err)
{
    *knobs = o->knobs;
    bool open = !knobs->difficulty.low && !knobs->difficulty.high;
    if (open) knobs->difficulty = (struct lace_interval){family->trained_high, family->trained_high};
    if (open && o->robustness) {
        int beyond = family->trained_high + 2;
        knobs->difficulty.low = family->easiest;
        knobs->difficulty.high = beyond < family->hardest ? beyond : family->hardest;
    }
    if (o->robustness && !knobs->ambiguity.high) knobs->ambiguity = (struct lace_interval){0, 2};
    knobs->threads = (struct lace_interval){o->threads[0], o->threads[0]};
    return lace_family_check_knobs(family, knobs, err);
}

int lace_problems_open(struct lace_problems *p, const struct lace_eval_options *o, struct lace_error *err)
{
    *p = (struct lace_problems){0};
    int code = 0, families = 0, cells = 0;
    struct lace_data_knobs knobs;
    if (o->data) {
        if ((code = read_records(p, o->data, o->count, err)) || (code = sort_into_cells(p, err)) ||
            (code = give_room(p, p->count, 0, o, err)))
            goto failed;
        for (int t = 0; t < o->thread_count; t++)
            for (int i = 0; i < p->count; i++) p->rounds[t][i] = o->rounds;
        return 0;
    }
    for (; o->families && o->families[families]; families++) {
        const struct lace_family *family = lace_family_find(o->families[families], err);
        if (!family) return LACE_BAD;
        for (int i = 0; i < families; i++)
            if (!strcmp(o->families[i], family->name))
                return lace_fail(err, LACE_BAD, "The family %s is named twice.", family->name);
        if ((code = knobs_of(o, family, &knobs, err))) return code;
        cells += levels(knobs.difficulty) * levels(knobs.ambiguity);
    }
    if (o->count < 1)
        return lace_fail(err, LACE_BAD,
                         "Say how many problems are to be made with --count N, or name a file of problems.");
    if (!families) return lace_fail(err, LACE_BAD, "Name a family of problems, or a file of them.");
    if (o->count > (1 << 26) / families)
        return lace_fail(err, LACE_BAD, "%d problems of %d families are too many.", o->count, families);
    if ((code = give_room(p, o->count * families, cells, o, err))) goto failed;
    for (int f = 0; f < families && !code; f++) {
        const struct lace_family *family = lace_family_find(o->families[f], err);
        code = knobs_of(o, family, &knobs, err);
        if (!code) code = make_records(p, family, knobs, LACE_SPLIT_TEST, o->count, 0, o, err);
    }
    for (int t = 0; t < o->thread_count && o->rounds && !code; t++)
        for (int i = 0; i < p->count; i++) p->rounds[t][i] = o->rounds;
    if (!code) return 0;
failed:
    lace_problems_release(p);
    return code;
}

/* ---- finding a problem in another spelling of its file ---- */

struct print {
    uint64_t hash;
    int problem;
};

static int by_hash(const void *a, const void *b)
{
    const struct print *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* One of each problem, for find; the caller frees them. */
static struct print *take_prints(const struct lace_problems *p, struct lace_error *err)
{
    struct print *prints = malloc(sizeof *prints * (size_t)p->count);
    if (!prints) lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int i = 0; i < p->count && prints; i++) prints[i] = (struct print){lace_hash_folded(p->records[i].prompt), i};
    if (prints) qsort(prints, (size_t)p->count, sizeof *prints, by_hash);
    return prints;
}

/* The problem with that prompt; NULL: there is none. */
static const struct lace_record *find(const struct lace_problems *p, const struct print *prints, const char *prompt)
{
    struct print key = {lace_hash_folded(prompt), 0},
                 *same = bsearch(&key, prints, (size_t)p->count, sizeof key, by_hash);
    return same ? &p->records[same->problem] : NULL;
}

/* ---- development ---- */

/* Temperatures that are chosen on problems that are to be solved would flatter. */
static int check_apart(const struct lace_problems *p, const struct lace_problems *like, const char *path,
                       struct lace_error *err)
{
    struct print *prints = take_prints(like, err);
    int code = prints ? 0 : LACE_MEMORY;
    for (int i = 0; i < p->count && !code; i++)
        if (find(like, prints, p->records[i].prompt))
            code = lace_fail(err, LACE_BAD,
                             "Problem %s of %s is one of the problems to be solved; temperatures chosen on it would "
                             "flatter.",
                             p->records[i].id, path);
    free(prints);
    return code;
}

int lace_problems_development(struct lace_problems *p, const struct lace_problems *like, int from, int to,
                              const struct lace_eval_options *o, struct lace_error *err)
{
    *p = (struct lace_problems){0};
    const struct lace_cell *cell = &like->cells[from];
    const struct lace_family *family = lace_family_find(cell->family, NULL);
    int code;
    if (o->development_data) {
        struct lace_eval_options file = *o;
        file.data = o->development_data;
        file.count = o->development;
        if ((code = lace_problems_open(p, &file, err))) return code;
        if ((code = check_apart(p, like, o->development_data, err))) lace_problems_release(p);
        return code;
    }
    if (!family)
        return lace_fail(err, LACE_BAD,
                         "No problems like those of %s can be made to choose temperatures on; name some with "
                         "--development-data FILE, or give one with --temperature X.",
                         o->data);
    struct lace_data_knobs knobs = o->knobs;
    knobs.difficulty = (struct lace_interval){cell->difficulty, cell->difficulty};
    knobs.ambiguity = (struct lace_interval){cell->ambiguity, cell->ambiguity};
    for (int c = from; c < to; c++) {
        const struct lace_cell *x = &like->cells[c];
        if (x->difficulty < knobs.difficulty.low) knobs.difficulty.low = x->difficulty;
        if (x->difficulty > knobs.difficulty.high) knobs.difficulty.high = x->difficulty;
        if (x->ambiguity < knobs.ambiguity.low) knobs.ambiguity.low = x->ambiguity;
        if (x->ambiguity > knobs.ambiguity.high) knobs.ambiguity.high = x->ambiguity;
    }
    knobs.threads = (struct lace_interval){o->threads[0], o->threads[0]};
    if ((code = lace_family_check_knobs(family, &knobs, err)) ||
        (code = give_room(p, o->development, levels(knobs.difficulty) * levels(knobs.ambiguity), o, err)) ||
        (code = make_records(p, family, knobs, LACE_SPLIT_TRAIN, o->development, DEVELOPMENT, o, err)))
        lace_problems_release(p);
    for (int t = 0; t < o->thread_count && o->rounds && !code; t++)
        for (int i = 0; i < p->count; i++) p->rounds[t][i] = o->rounds;
    return code;
}

/* ---- what was trained on ---- */

static int check_file(const struct lace_problems *p, const struct print *prints, const char *path,
                      struct lace_error *err)
{
    struct lace_record_file *file;
    struct lace_record r;
    int code = lace_record_open(&file, path, err), ended;
    if (code) return code;
    while (!code && (ended = lace_record_next(file, &r, err)) > 0) {
        const struct lace_record *same = find(p, prints, r.prompt);
        const struct lace_family *family = lace_family_find(r.task, NULL);
        enum lace_split side = LACE_SPLIT_TRAIN;
        if (same)
            code = lace_fail(err, LACE_BAD,
                             "Problem %s is in the training data: it is record %s of %s. Its result would flatter.",
                             same->id, r.id, path);
        else if (family && !lace_family_side(family, r.prompt, &side, NULL) && side == LACE_SPLIT_TEST)
            code = lace_fail(err, LACE_BAD,
                             "Record %s of the training data %s lies on the test side of the split: what was trained "
                             "on it may know the test problems.",
                             r.id, path);
        lace_record_release(&r);
    }
    lace_record_close(&file);
    return code ? code : ended < 0 ? ended : 0;
}

int lace_problems_check(const struct lace_problems *p, const struct lace_eval_options *o, struct lace_error *err)
{
    int code = 0;
    for (int i = 0; i < p->count; i++) {
        const struct lace_family *family = lace_family_find(p->records[i].task, NULL);
        enum lace_split side;
        if (family && lace_family_side(family, p->records[i].prompt, &side, NULL))
            return lace_fail(err, LACE_BAD,
                             "Problem %s is none that the family %s can read; its answers cannot be checked.",
                             p->records[i].id, family->name);
        if (family && side != LACE_SPLIT_TEST)
            return lace_fail(err, LACE_BAD,
                             "Problem %s lies on the training side of the split; make test problems with --split test.",
                             p->records[i].id);
        if (!family && !p->records[i].answer)
            return lace_fail(err, LACE_BAD, "Problem %s has no answer to compare with.", p->records[i].id);
    }
    if (!o->trained_on || !o->trained_on[0]) return 0;
    struct print *prints = take_prints(p, err);
    if (!prints) return LACE_MEMORY;
    for (int i = 0; o->trained_on[i] && !code; i++) code = check_file(p, prints, o->trained_on[i], err);
    free(prints);
    return code;
}
