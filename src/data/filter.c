/* The pass-rate filter: problems that the model solves sometimes, not always. Where it never succeeds there is nothing
 * to learn from its samples, where it mostly does there is nothing to gain by talking. */
#include "data/ask.h"
#include "data/flow.h"
#include "data/wording.h"
#include <stdlib.h>
#include <string.h>

void lace_filter_defaults(struct lace_filter_options *o)
{
    *o = (struct lace_filter_options){.samples = 8, .low = 0, .high = 0.5};
    lace_ask_defaults(&o->ask);
    o->ask.tokens = 0;
}

static int put_rate(struct lace_record *r, const struct lace_filter_options *o, const char *name, int right,
                    int samples, struct lace_error *err)
{
    json_t *meta = lace_record_meta(r);
    json_t *rate = json_pack("{s:f, s:i, s:f, s:s}", "rate", (double)right / samples, "samples", samples, "temperature",
                             o->ask.temperature, "by", name);
    if (meta && rate && !json_object_set_new(meta, "pass_rate", rate)) return 0;
    return lace_fail(err, LACE_MEMORY, "Out of memory while a rate is noted.");
}

/* Counts the right replies to one problem, and keeps or drops it. */
static int judge(struct lace_flow *f, const struct lace_filter_options *o, const char *name, struct lace_record *r,
                 const struct lace_reply *replies, struct lace_error *err)
{
    int right = 0, samples = 0;
    struct lace_text answer;
    lace_text_init(&answer);
    for (int k = 0; k < o->samples; k++) {
        if (!replies[k].text) continue;
        samples++;
        lace_text_clear(&answer);
        if (lace_reply_answer(&replies[k], &answer)) right += lace_record_right(r, answer.data);
    }
    lace_text_release(&answer);
    if (!samples) return lace_flow_drop(f, r, "no reply", err);
    int code = put_rate(r, o, name, right, samples, err);
    if (code) return code;
    double rate = (double)right / samples;
    if (rate > o->low && rate <= o->high) return lace_flow_keep(f, r, err);
    return lace_flow_drop(f, r,
                          !right           ? "never solved"
                          : rate > o->high ? "solved too often"
                                           : "solved too seldom",
                          err);
}

static int run(struct lace_flow *f, const struct lace_filter_options *o, struct lace_asker *asker,
               struct lace_error *err)
{
    int most = 4 * lace_asker_width(asker) / o->samples, count, code = 0;
    if (most < 1) most = 1;
    struct lace_record *records = calloc((size_t)most, sizeof *records);
    struct lace_ask *asks = calloc((size_t)most * (size_t)o->samples, sizeof *asks);
    struct lace_reply *replies = calloc((size_t)most * (size_t)o->samples, sizeof *replies);
    if (!records || !asks || !replies) code = lace_fail(err, LACE_MEMORY, "Out of memory for %d problems.", most);
    while (!code && !(code = lace_flow_window(f, records, most, &count, err)) && count) {
        int asked = 0;
        for (int i = 0; i < count && !code; i++) {
            int tokens = lace_wording_budget(asker, &records[i], o->ask.tokens);
            if (!records[i].answer) continue;
            for (int k = 0; k < o->samples; k++)
                asks[asked++] = (struct lace_ask){.system = lace_wording_solve,
                                                  .prompt = records[i].prompt,
                                                  .tokens = tokens,
                                                  .seed = o->ask.seed * 1000003u + (uint64_t)k};
        }
        if (!code) code = lace_ask(asker, asks, asked, replies, lace_flow_tick, f, err);
        for (int i = 0, at = 0; i < count && !code; i++) {
            if (!records[i].answer) code = lace_flow_drop(f, &records[i], "no answer", err);
            else code = judge(f, o, lace_asker_name(asker), &records[i], replies + o->samples * at++, err);
        }
        lace_replies_release(replies, asked);
        for (int i = 0; i < count; i++) lace_record_release(&records[i]);
    }
    free(records);
    free(asks);
    free(replies);
    return code;
}

int lace_data_filter(const struct lace_data_flow *flow, const struct lace_filter_options *o,
                     struct lace_data_report *report, struct lace_error *err)
{
    struct lace_flow f = {0};
    struct lace_asker *asker = NULL;
    *report = (struct lace_data_report){0};
    if (o->samples < 1 || o->samples > 1024)
        return lace_fail(err, LACE_BAD, "%d samples of a problem; from 1 to 1024 are possible.", o->samples);
    if (!(o->low >= 0 && o->low < o->high && o->high <= 1))
        return lace_fail(err, LACE_BAD, "The pass rates kept are (%g, %g]; they must lie within (0, 1].", o->low,
                         o->high);
    int code = lace_asker_open(&asker, &o->ask, err);
    if (!code) code = lace_flow_open(&f, flow, report, err);
    if (!code) code = run(&f, o, asker, err);
    lace_flow_close(&f);
    lace_asker_close(&asker, !code, report);
    return code;
}
