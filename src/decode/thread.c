/* What a thread writes: its next token, what that says of its end (verdict, stop string, end of text, budget), and the
 * text that may be handed on because no stop string can take it back.
 *
 *   tag, its own text ... "[["   the lead; with a barrier it waits here    verdict "]]"
 *
 * A thread whose budget runs out is made to write the lead, so that every thread is asked for its verdict. */
#include "decode/decoder_parts.h"
#include <math.h>
#include <string.h>

static bool ends_with(const struct lace_text *text, const char *what)
{
    size_t n = strlen(what);
    return text->len >= n && !memcmp(text->data + text->len - n, what, n);
}

/* ---- stop strings ---- */

/* The strings that end a thread's text: those of its options, and the lead of the verdict where none is wanted. */
static const char *stop_of(const struct lace_decoder *d, const struct lace_group_options *o, int i)
{
    if (i < o->stop_count) return o->stops[i];
    return i == o->stop_count && o->plain && d->format->special_tags ? "[[" : NULL;
}

/* Whether what was written from byte `before` on completes one; then the text ends before the first. */
static bool stops_at(const struct lace_decoder *d, struct lace_text *text, size_t before,
                     const struct lace_group_options *o)
{
    const char *first = NULL, *stop;
    for (int i = 0; (stop = stop_of(d, o, i)); i++) {
        size_t n = strlen(stop), from = before >= n ? before - n + 1 : 0;
        const char *found = n && text->len >= n ? memmem(text->data + from, text->len - from, stop, n) : NULL;
        if (found && (!first || found < first)) first = found;
    }
    if (!first) return false;
    text->len = (size_t)(first - text->data);
    text->data[text->len] = 0;
    return true;
}

/* How many of the last bytes may be the beginning of one. */
static size_t withheld(const struct lace_decoder *d, const struct lace_text *text, const struct lace_group_options *o)
{
    const char *stop;
    size_t most = 0;
    for (int i = 0; (stop = stop_of(d, o, i)); i++) {
        size_t n = strlen(stop), k = n ? n - 1 : 0;
        if (k > text->len) k = text->len;
        while (k > most && memcmp(text->data + text->len - k, stop, k)) k--;
        if (k > most) most = k;
    }
    return most;
}

void lace_decoder_hand_on(const struct lace_decoder *d, int g, int n, lace_token_fn *on_token)
{
    const struct lace_group_options *o = &d->groups[g].options;
    struct lace_thread *t = d->groups[g].thread[n];
    size_t to = t->text.len;
    if (t->sent == to) return;
    if (t->end == LACE_RUNNING) to -= withheld(d, &t->text, o);
    if (t->sent >= to) return;
    if (on_token) on_token(o->user, g, n, t->text.data + t->sent, to - t->sent);
    t->sent = to;
}

/* ---- the end ---- */

/* A character that is not whole when its thread ends will not become so; one behind a stop string was never said. */
static void end(struct lace_decoder *d, struct group *group, struct lace_thread *t, enum lace_end why)
{
    t->end = why;
    t->clock_end = group->clock;
    if (why == LACE_END_STOP) t->stream.held_len = 0;
    else lace_tokenizer_stream_end(d->format->tokenizer, &t->stream, &t->text);
}

static void end_by_verdict(struct lace_decoder *d, struct group *group, struct lace_thread *t)
{
    const struct lace_group_options *o = &group->options;
    end(d, group, t, LACE_END_VERDICT);
    if (o->barrier || !(o->early_stop > 0) || t->p[LACE_VERDICT_BEST] < o->early_stop) return;
    for (int m = 0; m < o->threads; m++)
        if (group->thread[m]->end == LACE_RUNNING) end(d, group, group->thread[m], LACE_END_EARLY);
}

/* ---- a token ---- */

static int choose(struct lace_decoder *d, struct group *group, struct lace_thread *t, const float *logits, double lse)
{
    int id;
    if (t->forced_count) {
        id = *t->forced++;
        t->forced_count--;
    } else {
        id = lace_sample(logits, d->model->config.vocab_size, &group->options.sampling, t->ids + t->tag_count,
                         t->count - t->tag_count, &t->rng, d->work);
        t->logprob += logits[id] - lse;
        t->sampled++;
    }
    t->chosen++;
    group->chosen++;
    return id;
}

static void append(struct lace_decoder *d, struct group *group, int n, int id)
{
    struct lace_thread *t = group->thread[n];
    t->pasted[t->count] = false;
    t->ids[t->count++] = id;
    lace_tokenizer_stream(d->format->tokenizer, &t->stream, id, true, &t->text);
    if (group->recorder) lace_recorder_token(group->recorder, n, t->count - 1 - t->tag_count, t->text.len);
}

/* The probability of each verdict, from the logits after the lead. */
static void ask(const struct lace_decoder *d, struct lace_thread *t, const float *logits, double lse)
{
    const int *verdict = d->format->verdict;
    if (t->judged) return;
    t->judged = true; /* not p != 0: all three may round to 0 */
    for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL; v++) t->p[v] = (float)exp(logits[verdict[v]] - lse);
    t->chosen_before_lead = t->chosen;
}

/* After the lead: a verdict, or none that could still come. */
static void judge(struct lace_decoder *d, struct group *group, struct lace_thread *t, int id)
{
    const struct lace_format *f = d->format;
    int tokens = t->chosen - t->chosen_before_lead;
    bool single = f->single[1] && f->single[2] && f->single[3];
    t->verdict = lace_format_verdict(t->text.data, t->text.len);
    if (t->verdict != LACE_VERDICT_NONE) end_by_verdict(d, group, t);
    else if (lace_format_is_end(f, id) || tokens >= LACE_VERDICT_TOKENS || (tokens == 1 && single))
        end(d, group, t, LACE_END_TOKEN);
}

static bool spent(const struct group *group, const struct lace_thread *t)
{
    const struct lace_group_options *o = &group->options;
    return t->chosen + (o->paste_spends ? t->heard : 0) >= o->budget ||
           (o->group_budget && group->chosen >= o->group_budget);
}

/* Its budget is used up: its verdict is asked for now. */
static void cut(struct lace_decoder *d, struct group *group, int n)
{
    const struct lace_format *f = d->format;
    struct lace_thread *t = group->thread[n];
    t->cut = true;
    t->forced_count = 0;
    if (group->options.plain) {
        end(d, group, t, LACE_END_BUDGET);
        t->said = t->text.len;
        return;
    }
    for (int i = 0; i < f->lead_count; i++) append(d, group, n, f->lead[i]);
    t->at_lead = true;
}

/* Its own text, which went on from byte `before`. */
static void go_on(struct lace_decoder *d, struct group *group, int n, int id, size_t before)
{
    struct lace_thread *t = group->thread[n];
    if (!group->options.plain && ends_with(&t->text, "[[")) {
        t->at_lead = true;
        t->said = t->text.len - 2;
        return;
    }
    if (lace_format_is_end(d->format, id)) end(d, group, t, LACE_END_TOKEN);
    else if (stops_at(d, &t->text, before, &group->options)) end(d, group, t, LACE_END_STOP);
    t->said = t->text.len;
    if (t->end == LACE_RUNNING && spent(group, t)) cut(d, group, n);
}

void lace_decoder_write(struct lace_decoder *d, struct group *group, int n, const float *logits, double lse)
{
    struct lace_thread *t = group->thread[n];
    size_t before = t->text.len;
    if (t->at_lead) ask(d, t, logits, lse);
    int id = choose(d, group, t, logits, lse);
    if (group->recorder) lace_recorder_chosen(group->recorder, n, id, logits[id] - lse);
    append(d, group, n, id);
    if (group->options.chosen) group->options.chosen(group->options.user, n, id, logits, lse);
    if (group->options.replay) {
        t->at_lead |= ends_with(&t->text, "[["); /* the barrier holds as it did */
        if (!t->forced_count) end(d, group, t, LACE_END_TOKEN);
    } else if (t->at_lead) judge(d, group, t, id);
    else go_on(d, group, n, id, before);
}
