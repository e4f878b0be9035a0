/* Comparison and labels, after the paper's recipe: the threads of a problem are laid side by side, one is best, the other
 * right ones are a success, the wrong ones fail. Who is right is decided by the record's answer, never by a judge; a judge
 * (a model or a teacher) may only choose the best among the right ones. */
#include "data/ask.h"
#include "data/flow.h"
#include "data/wording.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void lace_label_defaults(struct lace_label_options *o)
{
    *o = (struct lace_label_options){0};
    lace_ask_defaults(&o->ask);
    o->ask.temperature = 0;
    o->ask.tokens = 256;
}

static int count_marks(const struct lace_record *r, const char *key, int thread)
{
    size_t i;
    json_t *mark;
    int count = 0;
    json_array_foreach(json_object_get(r->meta, key), i, mark) count +=
        json_integer_value(json_array_get(mark, 0)) == thread;
    return count;
}

/* The fewer the better: first errors that it wrote, then steps; the first of equals. */
static int by_rule(const struct lace_record *r, const bool *right)
{
    int best = -1;
    long least = LONG_MAX;
    for (int n = 0; n < r->thread_count; n++) {
        long cost = (long)count_marks(r, "corrupted", n) << 32 | r->threads[n].count;
        if (right[n] && cost < least) best = n, least = cost;
    }
    return best;
}

/* The thread that the judge's text calls best; -1: none, or more than one. Lines are "Thread N: ... [[best]]". */
static int judged_best(const char *text, int threads)
{
    int best = -1;
    for (const char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        size_t len = strcspn(at, "\n");
        const char *tag = memmem(at, len, "[[best]]", 8), *word = at + strspn(at, " \t*#-");
        char *end;
        if (!tag || strncasecmp(word, "thread", 6)) continue;
        long n = strtol(word + 6, &end, 10);
        if (end == word + 6 || n < 1 || n > threads || best >= 0) return -1;
        best = (int)n - 1;
    }
    return best;
}

static int settle(struct lace_flow *f, const struct lace_label_options *o, struct lace_record *r,
                  const struct lace_reply *judge, struct lace_error *err)
{
    bool right[LACE_RECORD_THREADS];
    int rights = 0;
    struct lace_data_report *report = f->report;
    if (!r->thread_count) return lace_flow_drop(f, r, "no threads", err);
    if (!r->answer) return lace_flow_drop(f, r, "no answer to compare", err);
    for (int n = 0; n < r->thread_count; n++) rights += right[n] = lace_record_right(r, r->threads[n].answer);
    if (!rights && o->need_right) return lace_flow_drop(f, r, "no right thread", err);
    int best = by_rule(r, right), chosen = judge && judge->text ? judged_best(judge->text, r->thread_count) : -1;
    if (judge) {
        if (chosen < 0) LACE_TALLY(report->changed, judge->text ? "judge unclear" : "judge silent");
        else if (!right[chosen]) LACE_TALLY(report->changed, "judge was wrong");
        else best = chosen;
    }
    for (int n = 0; n < r->thread_count; n++) {
        enum lace_verdict verdict = n == best ? LACE_VERDICT_BEST : right[n] ? LACE_VERDICT_SUCCESS : LACE_VERDICT_FAIL;
        r->threads[n].verdict = verdict;
        LACE_TALLY(report->changed, lace_verdict_names[verdict]);
    }
    return lace_flow_keep(f, r, err);
}

static int prompt_of(const struct lace_record *r, char **out, struct lace_error *err)
{
    struct lace_text text;
    lace_text_init(&text);
    lace_text_print(&text, "Problem:\n%s\n", r->prompt);
    for (int n = 0; n < r->thread_count; n++) {
        lace_text_print(&text, "\nThread %d:\n", n + 1);
        lace_record_thread_text(&r->threads[n], &text);
        if (r->threads[n].answer) lace_text_print(&text, "Answer: %s.\n", r->threads[n].answer);
    }
    *out = text.data;
    return text.failed ? lace_fail(err, LACE_MEMORY, "Out of memory for a question.") : 0;
}

static int run(struct lace_flow *f, const struct lace_label_options *o, struct lace_asker *asker,
               struct lace_error *err)
{
    enum { WINDOW = 64 };
    struct lace_record records[WINDOW];
    struct lace_ask asks[WINDOW];
    struct lace_reply replies[WINDOW];
    char *prompts[WINDOW];
    int count, code = 0;
    while (!code && !(code = lace_flow_window(f, records, asker ? WINDOW : 1, &count, err)) && count) {
        int asked = 0;
        memset(prompts, 0, sizeof prompts);
        memset(replies, 0, sizeof replies);
        for (int i = 0; i < count && asker && !code; i++) {
            if (records[i].thread_count < 2 || !records[i].answer) continue;
            code = prompt_of(&records[i], &prompts[asked], err);
            asks[asked] = (struct lace_ask){
                .system = lace_wording_judge, .prompt = prompts[asked], .tokens = o->ask.tokens, .seed = o->ask.seed};
            asked++;
        }
        if (!code && asked) code = lace_ask(asker, asks, asked, replies, lace_flow_tick, f, err);
        for (int i = 0, k = 0; i < count && !code; i++) {
            bool was_asked = asker && records[i].thread_count > 1 && records[i].answer;
            code = settle(f, o, &records[i], was_asked ? &replies[k++] : NULL, err);
        }
        lace_replies_release(replies, asked);
        for (int i = 0; i < asked; i++) free(prompts[i]);
        for (int i = 0; i < count; i++) lace_record_release(&records[i]);
    }
    return code;
}

int lace_data_label(const struct lace_data_flow *flow, const struct lace_label_options *o,
                    struct lace_data_report *report, struct lace_error *err)
{
    struct lace_flow f = {0};
    struct lace_asker *asker = NULL;
    int code = 0;
    *report = (struct lace_data_report){0};
    if (o->ask.model || o->ask.teacher) code = lace_asker_open(&asker, &o->ask, err);
    if (!code) code = lace_flow_open(&f, flow, report, err);
    if (!code) code = run(&f, o, asker, err);
    lace_flow_close(&f);
    lace_asker_close(&asker, !code, report);
    return code;
}
