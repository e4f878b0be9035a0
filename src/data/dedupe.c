/* Near duplicates. The problems of our own families are one text with other numbers, and a pair that differs in one
 * number is two problems: they are duplicates where they are equal but for spacing and case. Everything else goes by
 * near.h. */
#include "data/flow.h"
#include "data/near.h"
#include "data/set.h"
#include "synth/family.h"
#include <stdlib.h>
#include <string.h>

struct dedupe {
    const struct lace_dedupe_options *o;
    struct lace_near *near, *against;
    struct lace_set own, own_against; /* problems of our families */
    struct lace_text scratch;
};

void lace_dedupe_defaults(struct lace_dedupe_options *o)
{
    *o = (struct lace_dedupe_options){.threshold = 0.8, .threads = 1};
}

static bool ours(const struct lace_record *r) { return lace_family_find(r->task, NULL) != NULL; }

/* 1: an earlier problem is the same or nearly so; else it is added (unless only). */
static int known(struct lace_near *near, struct lace_set *set, const struct lace_record *r, bool only,
                 struct lace_error *err)
{
    if (ours(r)) {
        uint64_t hash = lace_hash_folded(r->prompt);
        int added = only ? !lace_set_has(set, hash) : lace_set_add(set, hash);
        return added < 0 ? lace_fail(err, LACE_MEMORY, "Out of memory: %zu problems.", set->count) : !added;
    }
    long match;
    double alike;
    int code = lace_near_find(near, r->prompt, &match, &alike, err);
    if (code || match >= 0) return code ? code : 1;
    return only ? 0 : lace_near_add(near, r->prompt, err);
}

static int read_against(struct dedupe *d, struct lace_error *err)
{
    struct lace_record r;
    int code = lace_near_open(&d->against, d->o->threshold, err);
    for (int i = 0; !code && d->o->against && d->o->against[i]; i++) {
        struct lace_record_file *file;
        if ((code = lace_record_open(&file, d->o->against[i], err))) return code;
        while (!code && (code = lace_record_next(file, &r, err)) > 0) {
            code = known(d->against, &d->own_against, &r, false, err);
            if (code > 0) code = 0;
            lace_record_release(&r);
        }
        lace_record_close(&file);
    }
    return code;
}

/* Later threads that are near duplicates of earlier ones go. Our own families' lines differ by numbers only, so their
 * threads must be equal to go. */
static int thin(struct dedupe *d, struct lace_record *r, struct lace_data_report *report, struct lace_error *err)
{
    uint32_t *sets[LACE_RECORD_THREADS];
    size_t counts[LACE_RECORD_THREADS];
    int kept = 0, code = 0;
    double threshold = ours(r) ? 1 : d->o->threshold;
    for (int n = 0; n < r->thread_count && !code;) {
        lace_text_clear(&d->scratch);
        lace_record_thread_text(&r->threads[n], &d->scratch);
        sets[kept] = d->scratch.failed ? NULL : lace_shingles(d->scratch.data ? d->scratch.data : "", &counts[kept]);
        if (!sets[kept]) {
            code = lace_fail(err, LACE_MEMORY, "Out of memory while threads are compared.");
            break;
        }
        int same = 0;
        while (same < kept && lace_jaccard(sets[same], counts[same], sets[kept], counts[kept]) < threshold) same++;
        if (same == kept) kept++, n++;
        else {
            free(sets[kept]);
            LACE_TALLY(report->changed, "thread dropped");
            code = lace_record_remove_thread(r, n, err);
        }
    }
    while (kept > 0) free(sets[--kept]);
    return code;
}

static int run(struct dedupe *d, struct lace_flow *flow, struct lace_error *err)
{
    struct lace_record r;
    int code;
    while ((code = lace_flow_next(flow, &r, err)) > 0) {
        const char *reason = NULL;
        code = known(d->against, &d->own_against, &r, true, err);
        if (code > 0) reason = "in the other file";
        else if (!code && (code = known(d->near, &d->own, &r, false, err)) > 0) reason = "near duplicate";
        if (code >= 0) code = 0;
        if (!code && !reason && d->o->threads) code = thin(d, &r, flow->report, err);
        if (!code) code = reason ? lace_flow_drop(flow, &r, reason, err) : lace_flow_keep(flow, &r, err);
        lace_record_release(&r);
        if (code) return code;
    }
    return code;
}

int lace_data_dedupe(const struct lace_data_flow *flow, const struct lace_dedupe_options *o,
                     struct lace_data_report *report, struct lace_error *err)
{
    struct dedupe d = {.o = o};
    struct lace_flow f;
    lace_text_init(&d.scratch);
    int code = lace_flow_open(&f, flow, report, err);
    if (!code) code = lace_near_open(&d.near, o->threshold, err);
    if (!code) code = read_against(&d, err);
    if (!code) code = run(&d, &f, err);
    lace_near_close(&d.near);
    lace_near_close(&d.against);
    lace_set_release(&d.own);
    lace_set_release(&d.own_against);
    lace_text_release(&d.scratch);
    lace_flow_close(&f);
    return code;
}
