/* Step decomposition: a thread's text becomes steps, each one thing and each on a line of its own, and threads that stay too
 * long go. Lines are steps already; a line that is too long is cut where sentences end, never inside a formula. What
 * would be read as the end of a thread ("Answer:", "[[") goes: the trainer writes it from the record. A model or a
 * teacher may be asked to compress first; what changes an answer on the way is not taken. */
#include "data/ask.h"
#include "data/flow.h"
#include "data/measure.h"
#include "data/wording.h"
#include "synth/family.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void lace_steps_defaults(struct lace_steps_options *o)
{
    *o = (struct lace_steps_options){.step_tokens = 128, .thread_tokens = 3000};
    lace_ask_defaults(&o->ask);
    o->ask.temperature = 0;
}

struct splitting {
    const struct lace_steps_options *o;
    struct lace_flow flow;
    struct lace_asker *asker;
    struct lace_measure measure;
};

/* ---- cutting ---- */

/* The end of the first sentence of at .. end, outside formulas: after a stop and before a blank and something that can
 * begin a sentence. Numbered lists ("3. "), initials and "e.g." end none. */
static const char *sentence_end(const char *at, const char *end)
{
    bool dollars = false;
    int open = 0;
    for (const char *c = at; c < end; c++) {
        if (*c == '\\' && c + 1 < end) {
            open += c[1] == '(' || c[1] == '[' ? 1 : c[1] == ')' || c[1] == ']' ? -1 : 0;
            c++;
            continue;
        }
        if (*c == '$') dollars = !dollars;
        if (!strchr(".!?;", *c) || dollars || open > 0 || c + 2 >= end || c[1] != ' ') continue;
        unsigned char next = (unsigned char)c[2];
        if (*c == ';' || *c == '!' || *c == '?') return c + 1;
        bool begins = isupper(next) || next == '$' || next == '\\' || next >= 0x80 || isdigit(next);
        const char *word = c;
        while (word > at && !isspace((unsigned char)word[-1])) word--;
        bool number = c > word, initial = c - word < 2 || (c - word < 4 && memchr(word, '.', (size_t)(c - word)));
        for (const char *d = word; d < c; d++) number &= isdigit((unsigned char)*d) != 0;
        if (begins && !initial && !(number && word == at)) return c + 1;
    }
    return end;
}

/* The end of the piece that begins at `at`: its line, or all lines of a displayed formula or a block of code. */
static const char *piece_end(const char *at)
{
    static const char *const blocks[][2] = {{"```", "```"}, {"$$", "$$"}, {"\\[", "\\]"}, {"\\begin{", "\\end{"}};
    const char *line = at + strcspn(at, "\n");
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        const char *open = strstr(at, blocks[i][0]);
        if (!open || open > line) continue;
        const char *close = strstr(open + strlen(blocks[i][0]), blocks[i][1]);
        if (close && close > line) return close + strcspn(close, "\n");
    }
    return line;
}

static bool says_answer(const char *at, const char *end)
{
    at += strspn(at, " \t*#");
    return end - at >= 7 && !strncasecmp(at, "answer:", 7);
}

/* Appends the piece as a step: without blanks around it, line ends inside as they are, "[[" parted. 0: it is empty. */
static int put_step(struct splitting *s, struct lace_record_thread *t, int *room, const char *at, const char *end)
{
    while (at < end && isspace((unsigned char)*at)) at++;
    while (end > at && isspace((unsigned char)end[-1])) end--;
    if (at == end) return 0;
    struct lace_text text;
    lace_text_init(&text);
    for (; at < end; at++) {
        lace_text_add(&text, at, 1);
        if (at[0] == '[' && at + 1 < end && at[1] == '[') {
            lace_text_str(&text, " ");
            LACE_TALLY(s->flow.report->changed, "brackets parted");
        }
    }
    lace_text_str(&text, "\n");
    if (t->count == *room) {
        char **steps = realloc(t->steps, sizeof *steps * (size_t)(*room = *room * 2 + 16));
        if (!steps) text.failed = true;
        else t->steps = steps;
    }
    if (text.failed) return LACE_MEMORY;
    t->steps[t->count++] = text.data;
    return 1;
}

static int split_text(struct splitting *s, const char *text, struct lace_record_thread *t)
{
    int room = 0, code = 0;
    *t = (struct lace_record_thread){0};
    for (const char *at = text; *at && code >= 0;) {
        const char *end = piece_end(at);
        if (says_answer(at, end)) LACE_TALLY(s->flow.report->changed, "answer line removed");
        else if (memchr(at, '\n', (size_t)(end - at)) ||
                 lace_measure(&s->measure, at, (size_t)(end - at)) <= s->o->step_tokens)
            code = put_step(s, t, &room, at, end);
        else { /* as many sentences as fit into a step */
            for (const char *from = at, *to = at; from < end && code >= 0; from = to) {
                to = sentence_end(from, end);
                for (const char *more; to < end; to = more) {
                    more = sentence_end(to, end);
                    if (lace_measure(&s->measure, from, (size_t)(more - from)) > s->o->step_tokens) break;
                }
                code = put_step(s, t, &room, from, to);
            }
        }
        at = end + (*end == '\n');
    }
    return code < 0 ? code : 0;
}

/* ---- threads and records ---- */

static void free_steps(struct lace_record_thread *t)
{
    for (int i = 0; i < t->count; i++) free(t->steps[i]);
    free(t->steps);
    t->steps = NULL;
    t->count = 0;
}

/* NULL: the thread keeps; else why it goes. */
static const char *limit(struct splitting *s, const struct lace_record_thread *t)
{
    long sum = 0;
    for (int i = 0; i < t->count; i++) {
        int count = lace_measure(&s->measure, t->steps[i], strlen(t->steps[i]));
        if (count > s->o->step_tokens) return "step too long";
        sum += count;
    }
    return sum > s->o->thread_tokens ? "thread too long" : t->count ? NULL : "thread without steps";
}

static int split_thread(struct splitting *s, struct lace_record_thread *t, struct lace_error *err)
{
    struct lace_text text;
    struct lace_record_thread made;
    lace_text_init(&text);
    lace_record_thread_text(t, &text);
    int code = text.failed ? LACE_MEMORY : split_text(s, text.data ? text.data : "", &made);
    lace_text_release(&text);
    if (code) return lace_fail(err, LACE_MEMORY, "Out of memory while a thread is split.");
    if (made.count != t->count) LACE_TALLY(s->flow.report->changed, "thread split anew");
    free_steps(t);
    t->steps = made.steps;
    t->count = made.count;
    return 0;
}

static bool marked(const struct lace_record *r)
{
    return json_array_size(json_object_get(r->meta, "interactions")) ||
           json_array_size(json_object_get(r->meta, "corrupted"));
}

static int process(struct splitting *s, struct lace_record *r, struct lace_error *err)
{
    /* Steps of our own families are lines already, and where steps are marked their numbers must stay. */
    bool fixed = marked(r) || lace_family_find(r->task, NULL);
    int code = 0, before = r->thread_count;
    for (int n = 0; n < r->thread_count && !code;) {
        const char *reason;
        if (!fixed) code = split_thread(s, &r->threads[n], err);
        if (!code && (reason = limit(s, &r->threads[n]))) {
            LACE_TALLY(s->flow.report->changed, reason);
            code = lace_record_remove_thread(r, n, err);
        } else n++;
    }
    if (code) return code;
    if (!before) return lace_flow_drop(&s->flow, r, "no threads", err);
    if (!r->thread_count) return lace_flow_drop(&s->flow, r, "no thread left", err);
    return lace_flow_keep(&s->flow, r, err);
}

/* ---- compressing ---- */

static int take_compressed(struct splitting *s, struct lace_record *r, int n, const struct lace_reply *reply,
                           struct lace_error *err)
{
    struct lace_record_thread *t = &r->threads[n], made;
    struct lace_data_report *report = s->flow.report;
    struct lace_text answer;
    if (!reply->text || reply->cut) {
        LACE_TALLY(report->changed, reply->text ? "compression cut off" : "no reply");
        return 0;
    }
    lace_text_init(&answer);
    bool same = lace_reply_answer(reply, &answer) && t->answer && lace_format_same(answer.data, t->answer);
    lace_text_release(&answer);
    if (!same) {
        LACE_TALLY(report->changed, "compression lost answer");
        return 0;
    }
    if (split_text(s, reply->text, &made)) return lace_fail(err, LACE_MEMORY, "Out of memory while a thread is split.");
    if (!made.count) {
        free_steps(&made);
        return 0;
    }
    LACE_TALLY(report->changed, "thread compressed");
    free_steps(t);
    t->steps = made.steps;
    t->count = made.count;
    return 0;
}

/* Asks for all threads of a window of records; what cannot be compressed stays as it is, for the limits to judge. */
static int compress(struct splitting *s, struct lace_record *records, int count, struct lace_error *err)
{
    int asked = 0, code = 0, most = 0;
    for (int i = 0; i < count; i++) most += records[i].thread_count;
    struct lace_ask *asks = calloc((size_t)most + 1, sizeof *asks);
    struct lace_reply *replies = calloc((size_t)most + 1, sizeof *replies);
    struct whose {
        int record, thread;
    } *whose = calloc((size_t)most + 1, sizeof *whose);
    if (!asks || !replies || !whose) code = lace_fail(err, LACE_MEMORY, "Out of memory for %d questions.", most);
    for (int i = 0; i < count && !code; i++)
        for (int n = 0; n < records[i].thread_count && !marked(&records[i]) && !code; n++) {
            const struct lace_record_thread *t = &records[i].threads[n];
            if (!t->answer) continue;
            struct lace_text prompt;
            lace_text_init(&prompt);
            lace_text_print(&prompt, "Problem:\n%s\n\nSolution:\n", records[i].prompt);
            lace_record_thread_text(t, &prompt);
            lace_text_print(&prompt, "Answer: %s.\n", t->answer);
            if (prompt.failed) code = lace_fail(err, LACE_MEMORY, "Out of memory for a question.");
            whose[asked] = (struct whose){i, n};
            asks[asked++] = (struct lace_ask){.system = lace_wording_compress,
                                              .prompt = prompt.data,
                                              .tokens = s->o->ask.tokens ? s->o->ask.tokens : s->o->thread_tokens,
                                              .seed = s->o->ask.seed};
        }
    if (!code) code = lace_ask(s->asker, asks, asked, replies, lace_flow_tick, &s->flow, err);
    for (int k = 0; k < asked && !code; k++)
        code = take_compressed(s, &records[whose[k].record], whose[k].thread, &replies[k], err);
    for (int k = 0; k < asked; k++) free((char *)asks[k].prompt);
    if (replies) lace_replies_release(replies, asked);
    free(asks);
    free(replies);
    free(whose);
    return code;
}

static int run(struct splitting *s, struct lace_error *err)
{
    enum { WINDOW = 16 };
    struct lace_record records[WINDOW];
    int count, code = 0;
    while (!code && !(code = lace_flow_window(&s->flow, records, s->asker ? WINDOW : 1, &count, err)) && count) {
        if (s->asker) code = compress(s, records, count, err);
        for (int i = 0; i < count && !code; i++) code = process(s, &records[i], err);
        for (int i = 0; i < count; i++) lace_record_release(&records[i]);
    }
    return code;
}

int lace_data_steps(const struct lace_data_flow *flow, const struct lace_steps_options *o,
                    struct lace_data_report *report, struct lace_error *err)
{
    struct splitting s = {.o = o};
    int code = 0;
    *report = (struct lace_data_report){0};
    if (o->step_tokens < 1 || o->thread_tokens < 1)
        return lace_fail(err, LACE_BAD, "The limits are %d tokens a step and %d a thread; both must be at least 1.",
                         o->step_tokens, o->thread_tokens);
    code = lace_measure_open(&s.measure, o->tokenizer, err);
    if (!code && (o->ask.model || o->ask.teacher)) code = lace_asker_open(&s.asker, &o->ask, err);
    if (!code) code = lace_flow_open(&s.flow, flow, report, err);
    if (!code) code = run(&s, err);
    lace_flow_close(&s.flow);
    lace_asker_close(&s.asker, !code, report);
    lace_measure_close(&s.measure);
    return code;
}
