#include "eval/dump.h"
#include "text/utf8.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are no UTF-8 become U+FFFD: JSON cannot hold them. */
static json_t *text_of(const char *bytes, size_t len)
{
    struct lace_text valid;
    lace_text_init(&valid);
    lace_text_str(&valid, "");
    lace_utf8_lossy(&valid, bytes, len);
    json_t *text = valid.failed ? NULL : json_stringn(valid.data, valid.len);
    lace_text_release(&valid);
    return text;
}

static json_t *thread_of(const struct lace_said *s)
{
    json_t *ids = json_array();
    for (int i = 0; ids && i < s->count; i++)
        if (json_array_append_new(ids, json_integer(s->ids[i]))) {
            json_decref(ids);
            ids = NULL;
        }
    return json_pack("{s:o, s:o, s:b, s:f, s:f, s:i, s:i, s:i}", "text", text_of(s->text, s->len), "ids", ids,
                     "verdict", s->verdict, "p_best", s->p_best, "logprob", s->logprob, "tokens", s->tokens, "fed",
                     s->fed, "steps", s->steps);
}

static json_t *forced_of(const struct lace_forced *f, int threads)
{
    json_t *before = json_array();
    bool ok = before;
    for (int n = 0; n < threads && ok; n++) ok = !json_array_append_new(before, json_integer((json_int_t)f->before[n]));
    return json_pack("{s:s, s:i, s:I, s:I, s:o}", "kind", lace_inject_name(f->kind), "thread", f->thread, "at",
                     (json_int_t)f->at, "length", (json_int_t)f->len, "before", before);
}

int lace_dump_group(const struct lace_record *p, const struct lace_said *said, int threads, uint64_t seed,
                    const struct lace_forced *forced, const struct lace_outcome *o, struct lace_text *out,
                    struct lace_error *err)
{
    json_t *list = json_array(), *outcome = json_object(), *all = NULL;
    bool ok = list && outcome;
    for (int n = 0; n < threads && ok; n++) ok = !json_array_append_new(list, thread_of(&said[n]));
    for (int i = 0; i < lace_outcome_field_count && ok; i++)
        ok = !json_object_set_new(outcome, lace_outcome_fields[i].name,
                                  json_real(*(const double *)((const char *)o + lace_outcome_fields[i].offset)));
    if (ok)
        all = json_pack("{s:s, s:s, s:i, s:s, s:s?, s:I, s:O, s:O}", "id", p->id, "family", p->task, "difficulty",
                        p->difficulty, "prompt", p->prompt, "answer", p->answer, "seed", (json_int_t)seed, "threads",
                        list, "outcome", outcome);
    if (all && forced && json_object_set_new(all, "forced", forced_of(forced, threads))) {
        json_decref(all);
        all = NULL;
    }
    char *line = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    if (line) { /* without the braces */
        size_t len = strlen(line);
        lace_text_add(out, line + 1, len - 2);
    }
    free(line);
    json_decref(all);
    json_decref(list);
    json_decref(outcome);
    return line && !out->failed ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory while threads are written down.");
}
