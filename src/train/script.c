#include "train/script.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void lace_script_release(struct lace_script *s)
{
    free(s->prompt);
    free(s->token);
    free(s->weight);
    free(s->ids);
    lace_text_release(&s->text);
    *s = (struct lace_script){0};
}

static void clear(struct lace_script *s, const char *name, int threads)
{
    s->name = name;
    s->count = s->prompt_count = 0;
    s->threads = threads;
    memset(s->thread, 0, sizeof *s->thread * (size_t)threads);
}

static int put(struct lace_script *s, struct lace_script_thread *t, int id, float weight, struct lace_error *err)
{
    if (s->count == s->capacity) {
        int capacity = s->capacity ? 2 * s->capacity : 1024;
        int *token = s->capacity < INT_MAX / 16 ? realloc(s->token, sizeof *token * (size_t)capacity) : NULL;
        if (token) s->token = token;
        float *weights = token ? realloc(s->weight, sizeof *weights * (size_t)capacity) : NULL;
        if (!weights) return lace_fail(err, LACE_MEMORY, "Out of memory for a group of %d tokens.", s->count);
        s->weight = weights;
        s->capacity = capacity;
    }
    s->token[s->count] = id;
    s->weight[s->count++] = weight;
    t->count++;
    return 0;
}

static int put_text(struct lace_script *s, struct lace_script_thread *t, const struct lace_format *f, const char *text,
                    size_t len, size_t keep, float weight, struct lace_error *err)
{
    size_t count;
    int code =
        lace_tokenizer_encode(f->tokenizer, text, len, LACE_ENCODE_INSIDE, &s->ids, &s->id_capacity, &count, err);
    for (size_t i = 0; i < count && i < keep && !code; i++) code = put(s, t, s->ids[i], weight, err);
    return code;
}

/* ---- from a record ---- */

/* Whether a step is listed in the record's meta: [thread, step, kind, ...]; kind NULL: of any. */
static bool listed(const struct lace_record *record, const char *list, const char *kind, int thread, int step)
{
    size_t i;
    json_t *mark;
    json_array_foreach(record->meta ? json_object_get(record->meta, list) : NULL, i, mark)
    {
        const char *own = json_string_value(json_array_get(mark, 2));
        if (json_integer_value(json_array_get(mark, 0)) == thread &&
            json_integer_value(json_array_get(mark, 1)) == step && (!kind || (own && !strcmp(own, kind))))
            return true;
    }
    return false;
}

/* Falsehoods, and what another writes at the same time, are read and not learned. */
static bool to_be_learned(const struct lace_record *record, int thread, int step)
{
    return !listed(record, "corrupted", NULL, thread, step) &&
           !listed(record, "interactions", "collided", thread, step);
}

/* Thread `index` of the record, as thread `place` of the group. */
static int put_thread(struct lace_script *s, struct lace_script_thread *t, const struct lace_format *f,
                      const struct lace_record *record, int index, int place, const struct lace_source *source,
                      struct lace_rng *rng, struct lace_error *err)
{
    const struct lace_record_thread *from = &record->threads[index];
    int code = 0, tag[LACE_TAG_TOKENS], count = lace_format_tag(f, place, record->thread_count, tag);
    if (!count)
        return lace_fail(err, LACE_BAD, "The tokenizer has no tag for %d threads; train with fewer.",
                         record->thread_count);
    for (int i = 0; i < count && !code; i++) code = put(s, t, tag[i], -1, err);
    bool cut = !from->answer, midstep = cut && lace_rng_uniform(rng) < source->midstep;
    for (int i = 0; i < from->count && !code; i++) {
        size_t keep = midstep && i == from->count - 1 ? 1 + lace_rng_below(rng, 12) : (size_t)-1;
        code = put_text(s, t, f, from->steps[i], strlen(from->steps[i]), keep, to_be_learned(record, index, i), err);
    }
    if (from->answer && !code) {
        lace_text_clear(&s->text);
        lace_text_print(&s->text, "Answer: %s.\n", from->answer);
        if (s->text.failed) return lace_fail(err, LACE_MEMORY, "Out of memory.");
        bool wrong = from->verdict == LACE_VERDICT_FAIL; /* it shows what to say of it, not what to answer */
        code = put_text(s, t, f, s->text.data, s->text.len, (size_t)-1, wrong ? 0 : 1, err);
    }
    for (int i = 0; i < f->lead_count && !code; i++)
        code = put(s, t, f->lead[i], cut ? 0 : 1, err); /* a cut thread did not choose to end */
    t->wait = t->count - 1;
    t->read_last = from->verdict == LACE_VERDICT_NONE;
    if (code || t->read_last) return code;
    char rest[16];
    int len = snprintf(rest, sizeof rest, "%s]]", lace_verdict_names[from->verdict]);
    return put_text(s, t, f, rest, (size_t)len, (size_t)-1, 1, err);
}

int lace_script_read(struct lace_script *s, const struct lace_format *f, const struct lace_record *record,
                     const struct lace_source *source, struct lace_rng *rng, struct lace_error *err)
{
    int N = record->thread_count, code, order[LACE_RECORD_THREADS], kept[LACE_RECORD_THREADS],
        start = source->start ? (int)lace_rng_below(rng, (uint32_t)source->start + 1) : 0;
    size_t prompt;
    clear(s, record->id, N);
    code = lace_format_prompt(f, record->prompt, &s->prompt, &s->prompt_capacity, &prompt, err);
    if (code) return code;
    s->prompt_count = (int)prompt;
    for (int n = 0; n < N; n++) order[n] = n;
    if (source->shuffle) lace_rng_shuffle(rng, order, N);
    for (int n = 0; n < N; n++) kept[n] = !source->keep || n < source->keep;
    if (source->keep) lace_rng_shuffle(rng, kept, N);
    for (int n = 0; n < N && !code; n++) {
        s->thread[n].first = s->count;
        if (!kept[n]) continue; /* a thread that is not there */
        s->thread[n].start = start + (source->jitter ? (int)lace_rng_below(rng, (uint32_t)source->jitter + 1) : 0);
        code = put_thread(s, &s->thread[n], f, record, order[n], n, source, rng, err);
    }
    return code;
}

/* ---- from a decoded group ---- */

int lace_script_take(struct lace_script *s, const struct lace_format *f, const struct lace_decoder *decoder, int group,
                     int threads, const int *prompt, int prompt_count, struct lace_error *err)
{
    clear(s, "of a rollout", threads);
    if (s->prompt_capacity < (size_t)prompt_count) {
        int *room = realloc(s->prompt, sizeof *room * (size_t)prompt_count);
        if (!room) return lace_fail(err, LACE_MEMORY, "Out of memory for a prompt of %d tokens.", prompt_count);
        s->prompt = room;
        s->prompt_capacity = (size_t)prompt_count;
    }
    memcpy(s->prompt, prompt, sizeof *prompt * (size_t)prompt_count);
    s->prompt_count = prompt_count;
    for (int n = 0; n < threads; n++) {
        const struct lace_thread *from = lace_decoder_thread(decoder, group, n);
        struct lace_script_thread *t = &s->thread[n];
        int forced = from->cut ? f->lead_count : 0, after = from->judged ? from->chosen - from->chosen_before_lead : 0,
            lead_end = from->count - after; /* the lead stands before what was chosen after it */
        t->first = s->count;
        for (int i = 0; i < from->count; i++) {
            float weight = i < from->tag_count ? -1 : i >= lead_end - forced && i < lead_end ? 0 : 1;
            int code = put(s, t, from->ids[i], weight, err);
            if (code) return code;
        }
        t->wait = from->judged ? lead_end - 1 : from->count - 1;
    }
    return 0;
}
