/* A line counts where it was begun after the false one stood there: what was half written then may owe nothing to it.
 * A verdict needs no such rule: nobody gives one before the forced thread has (rollout.c). */
#include "eval/inject.h"
#include "decode/format.h"
#include <string.h>

const struct lace_inject_kind lace_inject_kinds[] = {
    [LACE_INJECT_CLAIM] = {"claim", false, LACE_FALSE_FORGE},
    [LACE_INJECT_STEP] = {"step", false, LACE_FALSE_MISS},
    [LACE_INJECT_VERDICT] = {"verdict", true, LACE_FALSE_NONE},
};

const char *lace_inject_name(int kind)
{
    int count = sizeof lace_inject_kinds / sizeof *lace_inject_kinds;
    return kind >= 0 && kind < count ? lace_inject_kinds[kind].name : NULL;
}

/* ---- writing ---- */

int lace_inject_write(enum lace_inject kind, const struct lace_record *p, const char *so_far, struct lace_rng *rng,
                      struct lace_text *out, struct lace_error *err)
{
    const struct lace_inject_kind *k = &lace_inject_kinds[kind];
    const struct lace_family *family = k->verdict ? NULL : lace_family_find(p->task, err);
    if (!k->verdict) return family ? lace_family_forge(family, p->prompt, so_far, k->line, rng, out, err) : LACE_BAD;
    struct lace_text answer;
    lace_text_init(&answer);
    if (lace_format_answer(so_far, strlen(so_far), &answer)) {
        bool right = lace_family_grade(p, answer.data) == 1;
        lace_text_print(out, "%s]]", lace_verdict_names[right ? LACE_VERDICT_FAIL : LACE_VERDICT_BEST]);
    }
    bool failed = answer.failed || out->failed;
    lace_text_release(&answer);
    return failed ? lace_fail(err, LACE_MEMORY, "Out of memory while a verdict is forged.") : 0;
}

/* ---- what the others make of a line ---- */

/* Looks through the lines that a thread began after `from`. */
static int hear_lines(const struct lace_family *family, const char *prompt, const char *lie, const struct lace_said *s,
                      size_t from, bool *believes, bool *rejects, struct lace_error *err)
{
    const char *end = s->text + s->len, *at = s->text + from, *stop;
    if (from > s->len) return 0;
    if (from && at[-1] != '\n') { /* in the middle of a line */
        if (!(stop = memchr(at, '\n', (size_t)(end - at)))) return 0;
        at = stop + 1;
    }
    for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
        char *line = strndup(at, (size_t)(stop + 1 - at));
        if (!line) return lace_fail(err, LACE_MEMORY, "Out of memory while threads are judged.");
        enum lace_stance stance = lace_family_stance(family, prompt, lie, line);
        *believes |= stance == LACE_STANCE_BELIEVES;
        *rejects |= stance == LACE_STANCE_REJECTS;
        free(line);
    }
    return 0;
}

/* ---- what the others make of a verdict ---- */

/* How a thread judges the answer of another, by the verdict that it gives its own: it speaks for that answer where it
 * stands by the same or fails a different one. */
static enum lace_stance judge_answer(const struct lace_said *s, const char *answer)
{
    enum lace_verdict verdict = lace_format_verdict(s->text, s->len);
    struct lace_text own;
    lace_text_init(&own);
    bool there = lace_format_answer(s->text, s->len, &own) && verdict != LACE_VERDICT_NONE,
         speaks_for = there && lace_format_same(own.data, answer) == (verdict != LACE_VERDICT_FAIL);
    lace_text_release(&own);
    return lace_stance_of(speaks_for, there);
}

int lace_judge_forced(const struct lace_record *p, const struct lace_said *said, int threads,
                      const struct lace_forced *f, struct lace_outcome *o, struct lace_error *err)
{
    if (f->thread < 0) return 0;
    const struct lace_said *liar = &said[f->thread];
    const struct lace_family *family = lace_family_find(p->task, NULL);
    bool verdict = lace_inject_kinds[f->kind].verdict;
    struct lace_text answer;
    lace_text_init(&answer);
    char *lie = strndup(liar->text + f->at, f->len);
    int code = lie ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory while threads are judged.");
    if (verdict && !code) lace_format_answer(liar->text, liar->len, &answer);
    for (int n = 0; n < threads && !code; n++) {
        bool believes = false, rejects = false;
        if (n == f->thread) continue;
        if (verdict) { /* "fail" was said of a right answer: whoever speaks for it does not believe that */
            enum lace_stance stance = judge_answer(&said[n], answer.data),
                             same = strncmp(lie, "fail", 4) ? LACE_STANCE_BELIEVES : LACE_STANCE_REJECTS;
            believes = stance != LACE_STANCE_NONE && stance == same;
            rejects = stance != LACE_STANCE_NONE && stance != same;
        } else if (family) code = hear_lines(family, p->prompt, lie, &said[n], f->before[n], &believes, &rejects, err);
        o->believed += (double)believes / (threads - 1);
        o->rejected += (double)rejects / (threads - 1);
    }
    o->injected = 1;
    lace_text_release(&answer);
    free(lie);
    return code;
}
