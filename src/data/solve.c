/* Diverse solving. Drafts of a problem are asked for one after the other (of many problems at once), each with the ways
 * that are used up in its prompt; what comes back too like an earlier draft, or without an answer, is asked for again. Only
 * the names of ways pass from draft to draft, never their steps or answers: drafts must differ before threads read
 * each other (weave.c). Problems of our own families are solved exactly, each thread by a strategy not used yet. */
#include "data/ask.h"
#include "data/flow.h"
#include "data/near.h"
#include "data/wording.h"
#include "synth/family.h"
#include <stdlib.h>
#include <string.h>

void lace_solve_defaults(struct lace_solve_options *o)
{
    *o = (struct lace_solve_options){.threads = 4, .tries = 2, .alike = 0.8};
    lace_ask_defaults(&o->ask);
    o->ask.tokens = 0;
}

/* ---- a draft from a reply ---- */

enum { APPROACH = 200 }; /* bytes of an approach's name */

/* A line that begins with the word, in capitals or not, behind marks of emphasis; NULL: none. What follows it is
 * returned. */
static const char *after_word(const char *line, const char *word)
{
    line += strspn(line, " \t*#");
    size_t len = strlen(word);
    if (strncasecmp(line, word, len)) return NULL;
    line += len;
    return line + strspn(line, "* \t");
}

/* Steps are lines; the line of the approach gives the strategy, the line of the answer ends the thread. */
static int read_draft(const struct lace_reply *whole, struct lace_record_thread *t, struct lace_error *err)
{
    const char *reply = whole->text;
    struct lace_text answer;
    int lines = 1;
    for (const char *c = reply; *c; c++) lines += *c == '\n';
    *t = (struct lace_record_thread){.steps = calloc((size_t)lines, sizeof *t->steps)};
    if (!t->steps) return lace_fail(err, LACE_MEMORY, "Out of memory while a draft is read.");
    for (const char *at = reply; *at;) {
        size_t len = strcspn(at, "\n");
        const char *way = after_word(at, "approach:");
        if (way && !t->strategy && way < at + len) {
            size_t most = (size_t)(at + len - way);
            while (most && strchr(" *.\r", way[most - 1])) most--;
            if (most > APPROACH) most = APPROACH;
            while (most && ((unsigned char)way[most] & 0xc0) == 0x80) most--; /* not inside a letter */
            t->strategy = strndup(way, most);
        } else if (after_word(at, "answer:")) break;
        else if (strspn(at, " \t\r") < len && asprintf(&t->steps[t->count], "%.*s\n", (int)len, at) >= 0) t->count++;
        at += len + (at[len] == '\n');
    }
    lace_text_init(&answer);
    if (lace_reply_answer(whole, &answer)) t->answer = strdup(answer.data);
    lace_text_release(&answer);
    return 0;
}

static void release_thread(struct lace_record_thread *t)
{
    for (int i = 0; i < t->count; i++) free(t->steps[i]);
    free(t->steps);
    free(t->answer);
    free(t->strategy);
}

/* How like the thread is to the most like of the record's. */
static double nearest(const struct lace_record *r, const struct lace_record_thread *t)
{
    double most = 0;
    struct lace_text text;
    size_t count, other_count;
    lace_text_init(&text);
    lace_record_thread_text(t, &text);
    uint32_t *own = lace_shingles(text.data ? text.data : "", &count);
    for (int n = 0; n < r->thread_count && own; n++) {
        lace_text_clear(&text);
        lace_record_thread_text(&r->threads[n], &text);
        uint32_t *other = lace_shingles(text.data ? text.data : "", &other_count);
        double j = other ? lace_jaccard(own, count, other, other_count) : 0;
        most = j > most ? j : most;
        free(other);
    }
    free(own);
    lace_text_release(&text);
    return most;
}

static int add_thread(struct lace_record *r, struct lace_record_thread *t, struct lace_error *err)
{
    struct lace_record_thread *threads = realloc(r->threads, ((size_t)r->thread_count + 1) * sizeof *threads);
    if (!threads) return lace_fail(err, LACE_MEMORY, "Out of memory while a draft is added.");
    r->threads = threads;
    threads[r->thread_count++] = *t;
    *t = (struct lace_record_thread){0};
    return 0;
}

/* ---- by a model or a teacher ---- */

struct solving {
    const struct lace_solve_options *o;
    struct lace_flow flow;
    struct lace_asker *asker;
};

static int take_reply(struct solving *s, struct lace_record *r, const struct lace_reply *reply, struct lace_error *err)
{
    struct lace_data_report *report = s->flow.report;
    struct lace_record_thread draft;
    if (!reply->text) {
        LACE_TALLY(report->changed, "no reply");
        return 0;
    }
    int code = read_draft(reply, &draft, err);
    if (code) return code;
    if (!draft.answer) LACE_TALLY(report->changed, reply->cut ? "draft cut off" : "draft without answer");
    else if (!draft.count) LACE_TALLY(report->changed, "draft without steps");
    else if (nearest(r, &draft) >= s->o->alike) LACE_TALLY(report->changed, "draft like another");
    else {
        LACE_TALLY(report->changed, "draft");
        code = add_thread(r, &draft, err);
    }
    release_thread(&draft);
    return code;
}

/* The names of the ways that a record's threads went; a way without a name is named by its first step. */
static int used_ways(const struct lace_record *r, char **used)
{
    int count = 0;
    for (int n = 0; n < r->thread_count; n++) {
        const struct lace_record_thread *t = &r->threads[n];
        const char *way = t->strategy && strcmp(t->strategy, "reference") ? t->strategy : t->count ? t->steps[0] : "";
        size_t len = strcspn(way, "\n");
        if (len > APPROACH) len = APPROACH;
        while (len && ((unsigned char)way[len] & 0xc0) == 0x80) len--;
        if (len && (used[count] = strndup(way, len))) count++;
    }
    return count;
}

/* One more draft for every problem that lacks one: attempt k of the window. */
static int ask_once(struct solving *s, struct lace_record *records, int count, int attempt, struct lace_error *err)
{
    struct lace_ask *asks = calloc((size_t)count, sizeof *asks);
    struct lace_reply *replies = calloc((size_t)count, sizeof *replies);
    int *whose = calloc((size_t)count, sizeof *whose), asked = 0, code = 0;
    if (!asks || !replies || !whose) code = lace_fail(err, LACE_MEMORY, "Out of memory for %d questions.", count);
    bool ours = lace_asker_engine(s->asker) && lace_asker_engine(s->asker)->format.special_tags;
    for (int i = 0; i < count && !code; i++) {
        if (records[i].thread_count >= s->o->threads) continue;
        char *used[LACE_RECORD_THREADS];
        struct lace_text prompt;
        lace_text_init(&prompt);
        int ways = ours ? 0 : used_ways(&records[i], used);
        if (ours) lace_text_str(&prompt, records[i].prompt);
        else lace_wording_diverse(&prompt, records[i].prompt, used, ways);
        while (ways > 0) free(used[--ways]);
        if (prompt.failed) code = lace_fail(err, LACE_MEMORY, "Out of memory for a question.");
        whose[asked] = i;
        asks[asked++] = (struct lace_ask){.system = lace_wording_solve_new,
                                          .prompt = prompt.data,
                                          .tokens = lace_wording_budget(s->asker, &records[i], s->o->ask.tokens),
                                          .seed = s->o->ask.seed * 1000003u + (uint64_t)attempt};
    }
    if (!code) code = lace_ask(s->asker, asks, asked, replies, lace_flow_tick, &s->flow, err);
    for (int i = 0; i < asked && !code; i++) code = take_reply(s, &records[whose[i]], &replies[i], err);
    for (int i = 0; i < asked; i++) free((char *)asks[i].prompt);
    if (replies) lace_replies_release(replies, asked);
    free(asks);
    free(replies);
    free(whose);
    return code;
}

static int settle(struct solving *s, struct lace_record *r, const char *by, struct lace_error *err)
{
    bool right = false;
    json_t *meta = lace_record_meta(r);
    if (!meta || json_object_set_new(meta, "solved_by", json_string(by)))
        return lace_fail(err, LACE_MEMORY, "Out of memory while a record is marked.");
    for (int n = 0; n < r->thread_count; n++) right |= !r->answer || lace_record_right(r, r->threads[n].answer);
    if (!r->thread_count) return lace_flow_drop(&s->flow, r, "no draft", err);
    if (r->thread_count < 2 && s->o->threads > 1) return lace_flow_drop(&s->flow, r, "only one way", err);
    if (!right && !s->o->any) return lace_flow_drop(&s->flow, r, "no right draft", err);
    return lace_flow_keep(&s->flow, r, err);
}

static int clear_threads(struct lace_record *r, const struct lace_solve_options *o, struct lace_error *err)
{
    int code = 0;
    while (r->thread_count > (o->keep ? o->threads : 0) && !code)
        code = lace_record_remove_thread(r, r->thread_count - 1, err);
    return code;
}

static int ask_all(struct solving *s, struct lace_error *err)
{
    int most = lace_asker_width(s->asker), count, code = 0;
    struct lace_record *records = calloc((size_t)most, sizeof *records);
    if (!records) return lace_fail(err, LACE_MEMORY, "Out of memory for %d problems.", most);
    while (!code && !(code = lace_flow_window(&s->flow, records, most, &count, err)) && count) {
        for (int i = 0; i < count && !code; i++) code = clear_threads(&records[i], s->o, err);
        for (int k = 0; k < s->o->threads * s->o->tries && !code; k++) code = ask_once(s, records, count, k, err);
        for (int i = 0; i < count && !code; i++) code = settle(s, &records[i], lace_asker_name(s->asker), err);
        for (int i = 0; i < count; i++) lace_record_release(&records[i]);
    }
    free(records);
    return code;
}

/* ---- exactly ---- */

static int solve_exactly(struct solving *s, struct lace_error *err)
{
    struct lace_record r;
    int code;
    while ((code = lace_flow_next(&s->flow, &r, err)) > 0) {
        const struct lace_family *family = lace_family_find(r.task, NULL);
        struct lace_error said;
        int drawn = -1;
        if (family) {
            struct lace_rng rng;
            lace_rng_init(&rng, s->o->ask.seed, lace_hash(r.prompt, strlen(r.prompt)));
            drawn = lace_family_drafts(family, &r, s->o->threads, &rng, &said);
        }
        if (drawn == LACE_MEMORY) code = lace_fail(err, LACE_MEMORY, "%s", said.text);
        else if (!family) code = lace_flow_drop(&s->flow, &r, "no exact solver", err);
        else if (drawn) code = lace_flow_drop(&s->flow, &r, "problem cannot be read", err);
        else code = settle(s, &r, "exact", err);
        lace_record_release(&r);
        if (code) return code;
    }
    return code;
}

int lace_data_solve(const struct lace_data_flow *flow, const struct lace_solve_options *o,
                    struct lace_data_report *report, struct lace_error *err)
{
    struct solving s = {.o = o};
    int code = 0;
    *report = (struct lace_data_report){0};
    if (o->threads < 1 || o->threads > 64 || o->tries < 1 || o->tries > 100)
        return lace_fail(err, LACE_BAD, "%d threads of %d tries; 1 to 64 threads and 1 to 100 tries are possible.",
                         o->threads, o->tries);
    if (!(o->alike > 0 && o->alike <= 1))
        return lace_fail(err, LACE_BAD, "The likeness of drafts is %g; it must lie within (0, 1].", o->alike);
    if (o->ask.model || o->ask.teacher) code = lace_asker_open(&s.asker, &o->ask, err);
    if (!code) code = lace_flow_open(&s.flow, flow, report, err);
    if (!code) code = s.asker ? ask_all(&s, err) : solve_exactly(&s, err);
    lace_flow_close(&s.flow);
    lace_asker_close(&s.asker, !code, report);
    return code;
}
