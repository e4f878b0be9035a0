/* Interaction points. Problems of our own families are written anew by their policy of sharing threads, which knows what a
 * line builds on; of other texts the drafts are replayed on one clock (weave_text.c). Either way the wrong steps are, where
 * there are any, those that a model made: false lines of its samples, and of drafts. */
#include "data/weave.h"
#include "data/ask.h"
#include "data/flow.h"
#include "data/wording.h"
#include "synth/family.h"
#include <stdlib.h>
#include <string.h>

void lace_weave_defaults(struct lace_weave_options *o)
{
    *o = (struct lace_weave_options){.samples = 4, .errs = 0.5, .made_up = 1};
    lace_ask_defaults(&o->ask);
    o->ask.tokens = 0;
}

struct step {
    const struct lace_weave_options *o;
    struct lace_flow flow;
    struct lace_asker *asker;
    struct lace_measure measure;
};

/* ---- our own families ---- */

struct lines {
    char **list;
    int count;
};

/* Lines of the text that the family finds false in themselves. */
static int add_false_lines(const struct lace_family *family, const char *prompt, const char *text, struct lines *lines)
{
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        struct lace_step_check check;
        char *line = strndup(at, len + (at[len] == '\n'));
        if (!line) return LACE_MEMORY;
        at += len + (at[len] == '\n');
        lace_family_check_step(family, prompt, line, &check);
        char **longer = NULL;
        bool wrong = check.result != LACE_STEP_RIGHT && check.result != LACE_STEP_NONE && !check.misled;
        if (wrong && !(longer = realloc(lines->list, sizeof *longer * ((size_t)lines->count + 1)))) {
            free(line);
            return LACE_MEMORY;
        }
        if (!wrong) free(line);
        else {
            lines->list = longer;
            longer[lines->count++] = line;
        }
    }
    return 0;
}

static int gather_lines(const struct lace_family *family, const struct lace_record *r, const struct lace_reply *replies,
                        int samples, struct lines *lines)
{
    int code = 0;
    for (int k = 0; k < samples && !code; k++)
        if (replies[k].text) code = add_false_lines(family, r->prompt, replies[k].text, lines);
    for (int n = 0; n < r->thread_count && !code; n++)
        for (int i = 0; i < r->threads[n].count && !code; i++)
            code = add_false_lines(family, r->prompt, r->threads[n].steps[i], lines);
    return code;
}

static void count_marks(struct lace_flow *f, const struct lace_record *r)
{
    size_t i;
    json_t *item;
    size_t slips = json_array_size(json_object_get(r->meta, "slips")),
           corrupted = json_array_size(json_object_get(r->meta, "corrupted"));
    struct lace_data_tally *list = f->report->changed;
    int size = (int)(sizeof f->report->changed / sizeof *list);
    json_array_foreach(json_object_get(r->meta, "interactions"), i, item)
        lace_tally_add(list, size, json_string_value(json_array_get(item, 2)), 1);
    if (slips) lace_tally_add(list, size, "own", slips);
    if (corrupted > slips) lace_tally_add(list, size, "made_up", corrupted - slips);
}

static int weave_family(struct step *s, const struct lace_family *family, struct lace_record *r,
                        const struct lace_reply *replies, int samples, struct lace_rng *rng, struct lace_error *err)
{
    static const double made_up[4] = {0, 1, 1, 1}, slips_only[4] = {0};
    struct lines lines = {0};
    struct lace_error said;
    bool errs = lace_rng_uniform(rng) < s->o->errs;
    int threads = s->o->threads ? s->o->threads : r->thread_count > 1 ? r->thread_count : 2;
    int code = errs ? gather_lines(family, r, replies, samples, &lines) : 0;
    if (code) code = lace_fail(err, LACE_MEMORY, "Out of memory while wrong steps are gathered.");
    else {
        bool any = lines.count || s->o->made_up;
        struct lace_family_plan plan = {.policy = LACE_POLICY_SHARED,
                                        .threads = threads,
                                        .weights = !errs || !any ? NULL
                                                   : lines.count ? slips_only
                                                                 : made_up,
                                        .slips = (const char *const *)lines.list,
                                        .slip_count = lines.count};
        code = lace_family_write(family, r, &plan, rng, &said);
        if (code == LACE_BAD) code = lace_flow_drop(&s->flow, r, "problem cannot be read", err);
        else if (code) code = lace_fail(err, code, "%s", said.text);
        else {
            count_marks(&s->flow, r);
            for (int n = 0; n < r->thread_count; n++) r->threads[n].verdict = LACE_VERDICT_NONE;
            code = lace_flow_keep(&s->flow, r, err);
        }
    }
    while (lines.count > 0) free(lines.list[--lines.count]);
    free(lines.list);
    return code;
}

/* ---- other texts ---- */

static int weave_text(struct step *s, struct lace_record *r, const struct lace_reply *replies, int samples,
                      struct lace_rng *rng, struct lace_error *err)
{
    struct lace_slip *slips = NULL;
    int count = 0, code = 0, rights = 0;
    struct lace_text text;
    if (!r->answer) return lace_flow_drop(&s->flow, r, "no answer", err);
    if (r->thread_count < 2) return lace_flow_drop(&s->flow, r, "only one thread", err);
    if (json_array_size(json_object_get(r->meta, "interactions")))
        return lace_flow_drop(&s->flow, r, "woven already", err);
    for (int n = 0; n < r->thread_count; n++) rights += lace_record_right(r, r->threads[n].answer);
    if (!rights) return lace_flow_drop(&s->flow, r, "no right thread", err);
    lace_text_init(&text);
    for (int k = 0; k < samples && !code; k++)
        if (replies[k].text) code = lace_slips_add(&slips, &count, replies[k].text, false);
    for (int n = 0; n < r->thread_count && !code; n++) {
        lace_text_clear(&text);
        lace_record_thread_text(&r->threads[n], &text);
        code = text.failed ? -1 : lace_slips_add(&slips, &count, text.data ? text.data : "", true);
    }
    struct lace_weaving w = {.measure = &s->measure,
                             .margin = s->measure.tokenizer ? 0 : 4, /* words are not quite tokens */
                             .rng = rng,
                             .slips = slips,
                             .slip_count = count,
                             .errs = lace_rng_uniform(rng) < s->o->errs,
                             .made_up = s->o->made_up && !count,
                             .report = s->flow.report};
    if (code) code = lace_fail(err, LACE_MEMORY, "Out of memory while wrong steps are gathered.");
    else if (!(code = lace_weave_text(r, &w, err))) code = lace_flow_keep(&s->flow, r, err);
    lace_slips_release(&slips, &count);
    lace_text_release(&text);
    return code;
}

/* ---- all ---- */

static int run(struct step *s, struct lace_error *err)
{
    int samples = s->asker ? s->o->samples : 0, count, code = 0;
    int most = samples ? 4 * lace_asker_width(s->asker) / samples : 1;
    if (most < 1) most = 1;
    struct lace_record *records = calloc((size_t)most, sizeof *records);
    struct lace_ask *asks = calloc((size_t)most * (size_t)samples + 1, sizeof *asks);
    struct lace_reply *replies = calloc((size_t)most * (size_t)samples + 1, sizeof *replies);
    if (!records || !asks || !replies) code = lace_fail(err, LACE_MEMORY, "Out of memory for %d records.", most);
    while (!code && !(code = lace_flow_window(&s->flow, records, most, &count, err)) && count) {
        for (int i = 0; i < count; i++)
            for (int k = 0; k < samples; k++)
                asks[i * samples + k] =
                    (struct lace_ask){.system = lace_wording_solve,
                                      .prompt = records[i].prompt,
                                      .tokens = lace_wording_budget(s->asker, &records[i], s->o->ask.tokens),
                                      .seed = s->o->ask.seed * 1000003u + (uint64_t)k};
        if (samples) code = lace_ask(s->asker, asks, count * samples, replies, lace_flow_tick, &s->flow, err);
        for (int i = 0; i < count && !code; i++) {
            const struct lace_family *family = lace_family_find(records[i].task, NULL);
            struct lace_rng rng;
            lace_rng_init(&rng, s->o->ask.seed, lace_hash(records[i].prompt, strlen(records[i].prompt)));
            code = family ? weave_family(s, family, &records[i], replies + i * samples, samples, &rng, err)
                          : weave_text(s, &records[i], replies + i * samples, samples, &rng, err);
        }
        lace_replies_release(replies, count * samples);
        for (int i = 0; i < count; i++) lace_record_release(&records[i]);
    }
    free(records);
    free(asks);
    free(replies);
    return code;
}

int lace_data_weave(const struct lace_data_flow *flow, const struct lace_weave_options *o,
                    struct lace_data_report *report, struct lace_error *err)
{
    struct step s = {.o = o};
    int code = 0;
    *report = (struct lace_data_report){0};
    if (o->samples < 1 || o->samples > 1024 || o->threads < 0 || o->threads > 64)
        return lace_fail(err, LACE_BAD, "%d samples, %d threads; 1 to 1024 samples and up to 64 threads are possible.",
                         o->samples, o->threads);
    if (!(o->errs >= 0 && o->errs <= 1))
        return lace_fail(err, LACE_BAD, "The share of records with wrong steps is %g; it must lie within 0:1.",
                         o->errs);
    code = lace_measure_open(&s.measure, o->tokenizer, err);
    if (!code && (o->ask.model || o->ask.teacher)) code = lace_asker_open(&s.asker, &o->ask, err);
    if (!code) code = lace_flow_open(&s.flow, flow, report, err);
    if (!code) code = run(&s, err);
    lace_flow_close(&s.flow);
    lace_asker_close(&s.asker, !code, report);
    lace_measure_close(&s.measure);
    return code;
}
