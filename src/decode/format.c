#include "decode/format.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int encode(const struct lace_format *f, const char *text, int *ids, int most, struct lace_error *err)
{
    int *list = NULL;
    size_t capacity = 0, count = 0;
    int code = lace_tokenizer_encode(f->tokenizer, text, strlen(text), LACE_ENCODE_SPECIAL | LACE_ENCODE_INSIDE, &list,
                                     &capacity, &count, err);
    if (!code && count > (size_t)most)
        code =
            lace_fail(err, LACE_BAD, "The tokenizer splits \"%s\" into %zu tokens; at most %d fit.", text, count, most);
    if (!code) memcpy(ids, list, count * sizeof *ids);
    free(list);
    return code ? code : (int)count;
}

int lace_format_open(struct lace_format *f, const struct lace_tokenizer *tokenizer, int end, struct lace_error *err)
{
    int size = lace_tokenizer_size(tokenizer), ids[LACE_TAG_TOKENS];
    *f = (struct lace_format){.tokenizer = tokenizer};
    lace_format_add_end(f, end);
    f->special_tags = lace_tokenizer_id(tokenizer, "<|1|>") >= 0 && lace_tokenizer_id(tokenizer, "<|of 1|>") >= 0;
    if ((f->lead_count = encode(f, "[[", f->lead, LACE_TAG_TOKENS, err)) < 0) return f->lead_count;
    for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL; v++) {
        char rest[16];
        snprintf(rest, sizeof rest, "%s]]", lace_verdict_names[v]);
        int count = encode(f, rest, ids, LACE_TAG_TOKENS, err);
        if (count < 1)
            return count < 0 ? count : lace_fail(err, LACE_BAD, "The tokenizer gives no tokens for \"%s\".", rest);
        f->verdict[v] = ids[0];
        f->single[v] = count == 1;
    }
    if (!(f->ends_step = lace_alloc_array((size_t)size, 1))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    f->vocabulary = size;
    for (int i = 0; i < size; i++) {
        size_t len;
        const char *bytes = lace_tokenizer_bytes(tokenizer, i, &len);
        f->ends_step[i] = bytes && memchr(bytes, '\n', len) != NULL;
    }
    return 0;
}

bool lace_format_is_end(const struct lace_format *f, int id)
{
    bool end = false;
    for (int i = 0; i < f->end_count; i++) end |= f->ends[i] == id;
    return end;
}

void lace_format_add_end(struct lace_format *f, int id)
{
    if (id >= 0 && f->end_count < LACE_ENDS && !lace_format_is_end(f, id)) f->ends[f->end_count++] = id;
}

void lace_format_release(struct lace_format *f)
{
    lace_free(f->ends_step);
    *f = (struct lace_format){0};
}

int lace_format_tag(const struct lace_format *f, int thread, int threads, int *ids)
{
    char text[64];
    if (!f->special_tags) {
        snprintf(text, sizeof text, "Thread %d of %d.\n", thread + 1, threads);
        int count = encode(f, text, ids, LACE_TAG_TOKENS, NULL);
        return count < 0 ? 0 : count;
    }
    snprintf(text, sizeof text, "<|%d|>", thread + 1);
    ids[0] = lace_tokenizer_id(f->tokenizer, text);
    snprintf(text, sizeof text, "<|of %d|>", threads);
    ids[1] = lace_tokenizer_id(f->tokenizer, text);
    return ids[0] >= 0 && ids[1] >= 0 ? 2 : 0;
}

/* ---- reading what a thread wrote ---- */

static const char *last_of(const char *text, size_t len, const char *what)
{
    size_t n = strlen(what);
    for (size_t i = len + 1 > n ? len + 1 - n : 0; i-- > 0;)
        if (!memcmp(text + i, what, n)) return text + i;
    return NULL;
}

static void add_trimmed(struct lace_text *out, const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && strchr(" \t\r.", to[-1])) to--;
    lace_text_add(out, from, (size_t)(to - from));
}

bool lace_format_answer(const char *text, size_t len, struct lace_text *answer)
{
    const char *end = text + len, *line = last_of(text, len, "Answer: "), *boxed = last_of(text, len, "\\boxed{"),
               *marked = last_of(text, len, "#### ");
    size_t before = answer->len;
    if (line) {
        const char *from = line + strlen("Answer: "), *to = memchr(from, '\n', (size_t)(end - from));
        if (!to) return false; /* cut off in the middle of the line */
        add_trimmed(answer, from, to);
    } else if (boxed) {
        const char *from = boxed + strlen("\\boxed{"), *to = from;
        for (int depth = 1; to < end; to++) {
            depth += *to == '{' ? 1 : *to == '}' ? -1 : 0;
            if (!depth) break;
        }
        if (to == end) return false;
        add_trimmed(answer, from, to);
    } else if (marked) { /* GSM8K's form, which ends with the text */
        const char *from = marked + strlen("#### "), *to = memchr(from, '\n', (size_t)(end - from)),
                   *lead = memmem(from, (size_t)(end - from), "[[", 2);
        if (!to || (lead && lead < to)) to = lead ? lead : end;
        add_trimmed(answer, from, to);
    }
    return answer->len > before;
}

enum lace_verdict lace_format_verdict(const char *text, size_t len)
{
    for (int v = LACE_VERDICT_BEST; v <= LACE_VERDICT_FAIL; v++) {
        char tag[16];
        size_t n = (size_t)snprintf(tag, sizeof tag, "[[%s]]", lace_verdict_names[v]);
        if (len >= n && !memcmp(text + len - n, tag, n)) return (enum lace_verdict)v;
    }
    return LACE_VERDICT_NONE;
}

int lace_format_prompt(const struct lace_format *f, const char *problem, int **ids, size_t *capacity, size_t *count,
                       struct lace_error *err)
{
    static const char blank[] = " \t\r\n";
    const char *from = problem + strspn(problem, blank), *to = from + strlen(from);
    while (to > from && strchr(blank, to[-1])) to--;
    if (from == to)
        return lace_fail(err, LACE_BAD,
                         "The prompt is empty; write the problem after the options, or - to read it from stdin.");
    struct lace_text text;
    lace_text_init(&text);
    lace_text_add(&text, from, (size_t)(to - from));
    lace_text_add(&text, "\n", 1);
    int code =
        text.failed
            ? lace_fail(err, LACE_MEMORY, "Out of memory for a prompt of %zu bytes.", (size_t)(to - from))
            : lace_tokenizer_encode(f->tokenizer, text.data, text.len, LACE_ENCODE_BEGIN, ids, capacity, count, err);
    lace_text_release(&text);
    return code;
}

int lace_format_budget(const struct lace_format *f, const struct lace_record *p, int rounds, int *tokens,
                       struct lace_error *err)
{
    if (!rounds && p->meta) rounds = (int)json_integer_value(json_object_get(p->meta, "budget"));
    if (rounds < 1 || rounds > 1 << 16)
        return lace_fail(err, LACE_BAD, "Record %s holds no budget of rounds; give --budget TOKENS.", p->id);
    int *ids = NULL, code = 0;
    size_t capacity = 0, count = 0, step = 0;
    for (int n = 0; n < p->thread_count && !code; n++)
        for (int i = 0; i < p->threads[n].count && !code; i++) {
            const char *text = p->threads[n].steps[i];
            code = lace_tokenizer_encode(f->tokenizer, text, strlen(text), LACE_ENCODE_INSIDE, &ids, &capacity, &count,
                                         err);
            if (!code && count > step) step = count;
        }
    char line[128];
    snprintf(line, sizeof line, "Answer: %.80s.\n", p->answer ? p->answer : "0");
    if (!code)
        code =
            lace_tokenizer_encode(f->tokenizer, line, strlen(line), LACE_ENCODE_INSIDE, &ids, &capacity, &count, err);
    free(ids);
    if (!code && (!step || step > 1 << 12))
        code = lace_fail(err, LACE_BAD, "Record %s has no steps to measure a round by; give --budget TOKENS.", p->id);
    if (!code) *tokens = rounds * (int)step + (int)count + f->lead_count;
    return code;
}
