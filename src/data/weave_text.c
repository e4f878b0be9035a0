/* Drafts are replayed on one clock: the thread that has written least writes its next step, and knows what others had
 * finished by then, as in decoding. What it knows changes what it writes:
 *
 *   skipped     another has the same result already: the step becomes one line
 *   corrected   its own step was wrong (a slip), another has the right result: it restates that
 *   dead_end    its whole way came to something else than another's right answer: it says so, and takes that
 *   avoided     it comes to what another has called a dead end: it leaves that way
 *   rechecked   at its end, another has come to the same answer: it says so
 *
 * A slip is written only where the right result of another will be known in the next step, so that nothing is built on
 * what is false. Slips are marked as corrupted: the trainer does not learn them, only what follows. Threads are never
 * named by number, because training shuffles them. */
#include "data/flow.h"
#include "data/weave.h"
#include "decode/format.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIMS = 8 /* of a step */ };

enum what { RESULT, ANSWER, DEAD };
struct note { /* what somebody has written */
    enum what kind;
    struct lace_claim claim; /* without its text */
    int thread;
    long end; /* on the clock */
    bool right;
};

struct writer {
    const struct lace_record_thread *draft;
    int next; /* step of the draft */
    long clock;
    bool right, done;
    char *answer;            /* NULL: the draft's */
    bool repairs;            /* it has just written a slip */
    bool switches;           /* its own way is false: once it sees what is right it goes on as another does */
    struct lace_claim wrong; /* what it has to repair */
    char **steps;
    int count, room;
};

struct weave {
    struct lace_weaving *w;
    struct lace_record *record;
    struct writer *writers; /* (N) */
    int N;
    struct note *notes;
    int note_count, note_room;
    json_t *corrupted, *slips, *interactions;
    bool failed; /* no memory */
    int made_up; /* slips that nobody made, so far */
};

/* ---- slips ---- */

int lace_slips_add(struct lace_slip **slips, int *count, const char *text, bool written)
{
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        struct lace_claim claim[2];
        char *line = strndup(at, len);
        if (!line) return -1;
        at += len + (at[len] == '\n');
        if (lace_claims_read(line, claim, 2) == 1 && !claim->right && !strstr(line, "[[")) {
            struct lace_slip *longer = realloc(*slips, sizeof *longer * ((size_t)*count + 1));
            if (!longer) {
                free(line);
                return -1;
            }
            *slips = longer;
            claim->from = claim->to = NULL;
            longer[(*count)++] = (struct lace_slip){line, *claim, written};
        } else free(line);
    }
    return 0;
}

void lace_slips_release(struct lace_slip **slips, int *count)
{
    for (int i = 0; i < *count; i++) free((*slips)[i].step);
    free(*slips);
    *slips = NULL;
    *count = 0;
}

/* ---- writing ---- */

static void mark(struct weave *v, json_t *list, int thread, const char *kind, int from)
{
    json_t *item = json_pack("[i, i, s]", thread, v->writers[thread].count - 1, kind);
    if (!item || (from >= 0 && json_array_append_new(item, json_integer(from))) || json_array_append_new(list, item))
        v->failed = true;
    LACE_TALLY(v->w->report->changed, kind);
}

static void put_step(struct weave *v, int n, const char *text)
{
    struct writer *a = &v->writers[n];
    size_t len = strlen(text);
    bool ended = len && text[len - 1] == '\n';
    if (a->count == a->room) {
        char **steps = realloc(a->steps, sizeof *steps * (size_t)(a->room = 2 * a->room + 16));
        if (!steps) {
            v->failed = true;
            return;
        }
        a->steps = steps;
    }
    char *step = malloc(len + 2);
    if (!step) {
        v->failed = true;
        return;
    }
    memcpy(step, text, len);
    strcpy(step + len, ended ? "" : "\n");
    a->steps[a->count++] = step;
    a->clock += lace_measure(v->w->measure, step, strlen(step));
}

static void put_line(struct weave *v, int n, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put_line(struct weave *v, int n, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) text = NULL, v->failed = true;
    va_end(args);
    if (text) put_step(v, n, text);
    free(text);
}

static void tell(struct weave *v, int n, enum what kind, const struct lace_claim *claim, bool right)
{
    if (v->note_count == v->note_room) {
        struct note *notes = realloc(v->notes, sizeof *notes * (size_t)(v->note_room = 2 * v->note_room + 32));
        if (!notes) {
            v->failed = true;
            return;
        }
        v->notes = notes;
    }
    struct note *note = &v->notes[v->note_count++];
    *note = (struct note){.kind = kind, .thread = n, .end = v->writers[n].clock, .right = right};
    if (claim) note->claim = *claim;
    note->claim.from = note->claim.to = NULL;
}

/* The first note of another thread that thread n can have read at `clock`; key NULL: any. */
static const struct note *known(const struct weave *v, int n, long clock, enum what kind, const char *key, bool right)
{
    for (int i = 0; i < v->note_count; i++) {
        const struct note *note = &v->notes[i];
        if (note->kind == kind && note->thread != n && note->right == right && note->end + v->w->margin <= clock &&
            (!key || !strcmp(note->claim.key, key)))
            return note;
    }
    return NULL;
}

static bool drawn(struct weave *v, double share) { return lace_rng_uniform(v->w->rng) < share; }

/* ---- wrong steps ---- */

/* A number near the right one, as a hasty writer gets it; never the right one. */
static double near_miss(struct weave *v, double value)
{
    double off = drawn(v, 0.5) ? 1 : fabs(value) >= 20 ? 10 : 2;
    return value + (drawn(v, 0.5) ? off : -off);
}

/* A wrong step about the same as the draft's, to be freed; NULL: there is none. *own: somebody made that error. */
static char *find_slip(struct weave *v, const char *step, const struct lace_claim *claim, struct lace_claim *wrong,
                       bool *own)
{
    char *text = NULL;
    for (int i = 0; i < v->w->slip_count; i++) {
        struct lace_slip *slip = &v->w->slips[i];
        /* Now and then two threads share an error, so that the right one is not simply the more frequent. */
        if (strcmp(slip->claim.key, claim->key) || slip->uses > 1 || (slip->uses && (v->N < 3 || !drawn(v, 0.5))))
            continue;
        slip->uses++;
        *wrong = slip->claim;
        *own = true;
        return strdup(slip->step);
    }
    if (!v->w->made_up || v->made_up || !drawn(v, 0.5)) return NULL;
    v->made_up++;
    *wrong = *claim;
    wrong->value = near_miss(v, claim->value);
    wrong->right = false;
    *own = false;
    if (asprintf(&text, "%.*s%.10g%s", (int)(claim->from - step), step, wrong->value, claim->to) < 0) text = NULL;
    return text;
}

/* Writes a wrong step where the right result will be known right after it. */
static bool slip(struct weave *v, int n, const char *step, const struct lace_claim *claim)
{
    struct writer *a = &v->writers[n];
    if (!v->w->errs || !a->right) return false;
    long end = a->clock + lace_measure(v->w->measure, step, strlen(step));
    if (!known(v, n, end, RESULT, claim->key, true)) return false;
    bool own = false;
    char *text = find_slip(v, step, claim, &a->wrong, &own);
    if (!text) return false;
    /* The slip may be shorter than the step: then the other's result might come too late. */
    long own_end = a->clock + lace_measure(v->w->measure, text, strlen(text));
    if (!known(v, n, own_end, RESULT, claim->key, true)) {
        free(text);
        return false;
    }
    put_step(v, n, text);
    free(text);
    mark(v, v->corrupted, n, own ? "own" : "made_up", -1);
    if (own && json_array_append_new(v->slips, json_pack("[i, i]", n, a->count - 1))) v->failed = true;
    tell(v, n, RESULT, &a->wrong, false);
    a->repairs = true;
    return true;
}

/* After its wrong step a thread restates what another has. */
static void repair(struct weave *v, int n)
{
    struct writer *a = &v->writers[n];
    const struct note *other = known(v, n, a->clock, RESULT, a->wrong.key, true);
    a->repairs = false;
    if (!other) return;
    put_line(v, n, "Another thread has %s = %.10g, not %.10g: %s = %.10g.", a->wrong.key, other->claim.value,
             a->wrong.value, a->wrong.key, other->claim.value);
    int from = other->thread;
    struct lace_claim claim = other->claim;
    mark(v, v->interactions, n, "corrected", from);
    tell(v, n, RESULT, &claim, true);
    if (!a->switches) { /* the draft's own step is what has just been said */
        a->next++;
        return;
    }
    /* Its own draft goes on from the wrong number; the other's goes on from the right one. */
    const struct lace_record_thread *draft = v->writers[from].draft;
    struct lace_claim claims[CLAIMS];
    a->switches = false;
    if (!lace_record_right(v->record, draft->answer)) return; /* right in this, wrong in the end */
    for (int i = 0; i < draft->count; i++)
        for (int k = lace_claims_read(draft->steps[i], claims, CLAIMS); k-- > 0;)
            if (!strcmp(claims[k].key, claim.key)) {
                a->draft = draft;
                a->next = i + 1;
                a->right = true;
                if (!(a->answer = strdup(draft->answer))) v->failed = true;
                i = draft->count;
                break;
            }
}

/* ---- steps ---- */

/* Whether a dead end that another called has this false claim. */
static const struct note *called_dead(const struct weave *v, int n, const struct lace_claim *claim)
{
    const struct writer *a = &v->writers[n];
    for (int i = 0; i < v->note_count; i++) {
        const struct note *note = &v->notes[i];
        if (note->kind == DEAD && note->thread != n && note->end + v->w->margin <= a->clock &&
            !strcmp(note->claim.key, claim->key) && fabs(note->claim.value - claim->value) < 1e-9)
            return note;
    }
    return NULL;
}

static bool on_a_right_way(const struct weave *v, const char *key)
{
    for (int m = 0; m < v->N; m++) {
        const struct writer *a = &v->writers[m];
        struct lace_claim claims[CLAIMS];
        for (int i = 0; i < a->draft->count && a->right; i++)
            for (int k = lace_claims_read(a->draft->steps[i], claims, CLAIMS); k-- > 0;)
                if (!strcmp(claims[k].key, key)) return true;
    }
    return false;
}

/* The way ends here: the right answer of another is taken over. */
static void take_over(struct weave *v, int n, const struct note *other)
{
    struct writer *a = &v->writers[n];
    const char *answer =
        v->writers[other->thread].answer ? v->writers[other->thread].answer : v->writers[other->thread].draft->answer;
    free(a->answer);
    if (!(a->answer = strdup(answer))) v->failed = true;
    a->right = a->done = true;
    tell(v, n, ANSWER, NULL, true);
}

static void write_draft_step(struct weave *v, int n)
{
    struct writer *a = &v->writers[n];
    const char *step = a->draft->steps[a->next];
    struct lace_claim claims[CLAIMS];
    int count = lace_claims_read(step, claims, CLAIMS);
    bool single = count == 1 && claims->right;
    const struct note *other = single ? known(v, n, a->clock, RESULT, claims->key, true) : NULL;
    if (single && slip(v, n, step, claims)) return; /* the draft's step stays for the repair */
    if (other && a->count && drawn(v, 0.5)) {
        int from = other->thread;
        put_line(v, n, "Another thread has %s = %.10g.", claims->key, claims->value);
        mark(v, v->interactions, n, "skipped", from);
        tell(v, n, RESULT, claims, true);
        a->next++;
        return;
    }
    const struct lace_claim *wrong = NULL;
    for (int k = 0; k < count && !wrong; k++)
        if (!claims[k].right) wrong = &claims[k];
    const struct note *dead = NULL, *answer = known(v, n, a->clock, ANSWER, NULL, true);
    const struct lace_claim *way = claims;
    for (int k = 0; k < count && !a->right && !dead; k++) dead = called_dead(v, n, way = &claims[k]);
    if (dead && answer) {
        int from = dead->thread;
        put_line(v, n, "Another thread ended in a dead end with %s = %.10g; I leave that way.", way->key, way->value);
        mark(v, v->interactions, n, "avoided", from);
        take_over(v, n, answer);
        return;
    }
    put_step(v, n, step);
    if (wrong) { /* the writer's own error, which nobody is to learn */
        mark(v, v->corrupted, n, "own", -1);
        if (json_array_append_new(v->slips, json_pack("[i, i]", n, a->count - 1))) v->failed = true;
    }
    for (int k = 0; k < count; k++) tell(v, n, RESULT, &claims[k], claims[k].right);
    a->next++;
    if (wrong && !a->right && !a->switches) { /* from now on it watches for what others have */
        a->wrong = *wrong;
        a->switches = true;
    }
}

static void end_thread(struct weave *v, int n)
{
    struct writer *a = &v->writers[n];
    const struct note *answer = known(v, n, a->clock, ANSWER, NULL, true);
    const char *own = a->draft->answer;
    a->done = true;
    if (a->right) {
        if (answer && drawn(v, 0.5)) {
            int from = answer->thread;
            put_line(v, n, "Another thread comes to %s too.", own);
            mark(v, v->interactions, n, "rechecked", from);
        }
        tell(v, n, ANSWER, NULL, true);
        return;
    }
    if (!answer || !drawn(v, 0.75)) return;
    int from = answer->thread;
    const char *theirs = v->writers[from].answer ? v->writers[from].answer : v->writers[from].draft->answer;
    if (own) put_line(v, n, "Dead end: this way comes to %s, another thread to %s.", own, theirs);
    else put_line(v, n, "Dead end: this way comes to nothing, another thread to %s.", theirs);
    mark(v, v->interactions, n, "dead_end", from);
    struct note taken = *answer;
    for (int i = 0; i < a->draft->count; i++) { /* what is false, or no right way goes through, others may avoid */
        struct lace_claim claims[CLAIMS];
        for (int k = lace_claims_read(a->draft->steps[i], claims, CLAIMS); k-- > 0;)
            if (!claims[k].right || !on_a_right_way(v, claims[k].key)) tell(v, n, DEAD, &claims[k], false);
    }
    take_over(v, n, &taken);
}

static void run(struct weave *v)
{
    for (;;) {
        int n = -1;
        for (int m = 0; m < v->N; m++)
            if (!v->writers[m].done && (n < 0 || v->writers[m].clock < v->writers[n].clock)) n = m;
        if (n < 0 || v->failed) return;
        struct writer *a = &v->writers[n];
        bool sees = a->switches && known(v, n, a->clock, RESULT, a->wrong.key, true);
        if (a->repairs || sees) repair(v, n);
        else if (a->next < a->draft->count) write_draft_step(v, n);
        else end_thread(v, n);
    }
}

/* ---- the record ---- */

static int put_marks(struct weave *v, json_t *meta)
{
    const struct {
        const char *name;
        json_t *list;
    } all[] = {{"corrupted", v->corrupted}, {"slips", v->slips}, {"interactions", v->interactions}};
    int bad = 0;
    for (int i = 0; i < 3; i++) {
        if (json_array_size(all[i].list)) bad |= json_object_set(meta, all[i].name, all[i].list);
        else json_object_del(meta, all[i].name);
    }
    return bad;
}

/* Exchanges the drafts for what the writers wrote; from here on nothing can fail. */
static void take_threads(struct weave *v)
{
    for (int n = 0; n < v->N; n++) {
        struct lace_record_thread *t = &v->record->threads[n];
        struct writer *a = &v->writers[n];
        for (int i = 0; i < t->count; i++) free(t->steps[i]);
        free(t->steps);
        t->steps = a->steps;
        t->count = a->count;
        a->steps = NULL;
        a->count = 0;
        if (a->answer) {
            free(t->answer);
            t->answer = a->answer;
            a->answer = NULL;
        }
        t->verdict = LACE_VERDICT_NONE;
    }
}

int lace_weave_text(struct lace_record *record, struct lace_weaving *w, struct lace_error *err)
{
    struct weave v = {.w = w, .record = record, .N = record->thread_count};
    struct lace_record_thread *drafts =
        malloc(sizeof *drafts * (size_t)v.N); /* several writers may go on in one draft */
    v.writers = calloc((size_t)v.N, sizeof *v.writers);
    v.corrupted = json_array();
    v.slips = json_array();
    v.interactions = json_array();
    v.failed = !drafts || !v.writers || !v.corrupted || !v.slips || !v.interactions;
    if (!v.failed) {
        memcpy(drafts, record->threads, sizeof *drafts * (size_t)v.N);
        for (int n = 0; n < v.N; n++) {
            v.writers[n].draft = &drafts[n];
            v.writers[n].right = lace_record_right(record, drafts[n].answer);
        }
        run(&v);
    }
    json_t *meta = v.failed ? NULL : lace_record_meta(record);
    if (!meta || v.failed || put_marks(&v, meta)) v.failed = true;
    else take_threads(&v);
    if (!v.failed && !json_array_size(v.interactions)) LACE_TALLY(w->report->changed, "no interaction");
    for (int n = 0; v.writers && n < v.N; n++) {
        for (int i = 0; i < v.writers[n].count; i++) free(v.writers[n].steps[i]);
        free(v.writers[n].steps);
        free(v.writers[n].answer);
    }
    json_decref(v.corrupted);
    json_decref(v.slips);
    json_decref(v.interactions);
    free(v.writers);
    free(v.notes);
    free(drafts);
    return v.failed ? lace_fail(err, LACE_MEMORY, "Out of memory while threads are woven.") : 0;
}
