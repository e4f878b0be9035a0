#include "text/pretokenizer.h"
#include "io/json.h"
#include "text/unicode_table.h"
#include "text/utf8.h"
#include <string.h>

/* What ByteLevel, Whitespace and others of Tokenizers split by, in PCRE2's syntax. */
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"

/* ---- loading ---- */

static struct lace_pretokenizer_step *add(struct lace_pretokenizer *pre, const char *path, struct lace_error *err)
{
    if (pre->count == LACE_PRETOKENIZER_STEPS) {
        lace_fail(err, LACE_BAD, "%.200s: more than %d pre-tokenizers are not supported.", path,
                  LACE_PRETOKENIZER_STEPS);
        return NULL;
    }
    pre->steps[pre->count] = (struct lace_pretokenizer_step){.kind = LACE_STEP_SPLIT};
    return &pre->steps[pre->count++];
}

/* A split by a regular expression in Oniguruma's syntax. */
static int add_split(struct lace_pretokenizer *pre, const char *regex, enum lace_split_behavior behavior,
                     const char *path, struct lace_error *err)
{
    struct lace_pretokenizer_step *step = add(pre, path, err);
    if (!step) return LACE_BAD;
    step->behavior = behavior;
    return lace_pattern_regex(&step->pattern, regex, "a pre-tokenizer", path, err);
}

static int add_ours(struct lace_pretokenizer *pre, const char *regex, enum lace_split_behavior behavior, bool invert,
                    const char *path, struct lace_error *err)
{
    struct lace_pretokenizer_step *step = add(pre, path, err);
    if (!step) return LACE_BAD;
    step->behavior = behavior;
    step->invert = invert;
    return lace_pattern_ours(&step->pattern, regex, err);
}

static int load_behavior(const json_t *value, const char *fallback, enum lace_split_behavior *behavior,
                         const char *path, struct lace_error *err)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const char *name;
    int code = lace_json_string(value, "behavior", fallback, &name, path, err);
    for (int i = 0; i < 5 && !code; i++)
        if (!strcmp(name, names[i])) {
            *behavior = (enum lace_split_behavior)i;
            return 0;
        }
    return code ? code : lace_fail(err, LACE_BAD, "%.200s: there is no split behavior \"%.40s\".", path, name);
}

static int load_split(struct lace_pretokenizer *pre, const json_t *value, const char *path, struct lace_error *err)
{
    struct lace_pretokenizer_step *step = add(pre, path, err);
    if (!step) return LACE_BAD;
    int code = load_behavior(value, NULL, &step->behavior, path, err);
    if (!code) code = lace_json_bool(value, "invert", false, &step->invert, path, err);
    return code ? code : lace_pattern_load(&step->pattern, json_object_get(value, "pattern"), "a Split", path, err);
}

/* The old form says add_prefix_space, the new one prepend_scheme. */
static int load_metaspace(struct lace_pretokenizer *pre, const json_t *value, const char *path, struct lace_error *err)
{
    static const char *const schemes[] = {"first", "never", "always"};
    const char *replacement, *scheme;
    bool prefix;
    int code = lace_json_string(value, "replacement", NULL, &replacement, path, err);
    if (!code) code = lace_json_bool(value, "add_prefix_space", true, &prefix, path, err);
    if (!code) code = lace_json_string(value, "prepend_scheme", prefix ? "always" : "never", &scheme, path, err);
    if (code) return code;
    struct lace_pretokenizer_step *step = add(pre, path, err);
    if (!step) return LACE_BAD;
    step->kind = LACE_STEP_METASPACE;
    if (!*replacement || lace_utf8_size(*replacement) != strlen(replacement))
        return lace_fail(err, LACE_BAD, "%.200s: the replacement of Metaspace must be one character.", path);
    lace_text_str(&step->pattern.literal, replacement);
    if (!step->pattern.literal.data) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    step->behavior = LACE_SPLIT_WITH_NEXT;
    if ((code = lace_json_bool(value, "split", true, &step->split, path, err))) return code;
    for (int i = 0; i < 3; i++)
        if (!strcmp(scheme, schemes[i])) {
            step->scheme = (enum lace_prepend_scheme)i;
            if (!prefix && step->scheme != LACE_PREPEND_NEVER)
                return lace_fail(err, LACE_BAD, "%.200s: Metaspace says both add_prefix_space false and \"%s\".", path,
                                 scheme);
            return 0;
        }
    return lace_fail(err, LACE_BAD, "%.200s: there is no prepend_scheme \"%.40s\".", path, scheme);
}

static int load_byte_level(struct lace_pretokenizer *pre, const json_t *value, const char *path, struct lace_error *err)
{
    bool prefix, regex;
    int code = lace_json_bool(value, "add_prefix_space", true, &prefix, path, err);
    if (!code) code = lace_json_bool(value, "use_regex", true, &regex, path, err);
    if (code) return code;
    pre->byte_level = true;
    if (prefix) {
        struct lace_pretokenizer_step *step = add(pre, path, err);
        if (!step) return LACE_BAD;
        step->kind = LACE_STEP_PREFIX_SPACE;
    }
    return regex ? add_split(pre, GPT2, LACE_SPLIT_ISOLATED, path, err) : 0;
}

int lace_pretokenizer_load(struct lace_pretokenizer *pre, const json_t *value, const char *path, struct lace_error *err)
{
    const char *type;
    bool individual;
    enum lace_split_behavior behavior = LACE_SPLIT_ISOLATED;
    int code;
    if (!value || json_is_null(value)) return 0;
    if ((code = lace_json_string(value, "type", NULL, &type, path, err))) return code;
    if (pre->byte_level) /* it would see the alphabet instead of text */
        return lace_fail(err, LACE_BAD, "%.200s: the pre-tokenizer %.40s after ByteLevel is not supported.", path,
                         type);
    if (!strcmp(type, "Sequence")) {
        const json_t *list = json_object_get(value, "pretokenizers");
        if (!json_is_array(list))
            return lace_fail(err, LACE_BAD, "%.200s: a Sequence of pre-tokenizers has no list.", path);
        for (size_t i = 0; i < json_array_size(list) && !code; i++)
            code = lace_pretokenizer_load(pre, json_array_get(list, i), path, err);
        return code;
    }
    if (!strcmp(type, "Split")) return load_split(pre, value, path, err);
    if (!strcmp(type, "ByteLevel")) return load_byte_level(pre, value, path, err);
    if (!strcmp(type, "Metaspace")) return load_metaspace(pre, value, path, err);
    if (!strcmp(type, "Digits")) {
        if ((code = lace_json_bool(value, "individual_digits", false, &individual, path, err))) return code;
        return add_ours(pre, individual ? "\\p{N}" : "\\p{N}+", LACE_SPLIT_ISOLATED, false, path, err);
    }
    if (!strcmp(type, "Punctuation")) {
        if ((code = load_behavior(value, "Isolated", &behavior, path, err))) return code;
        return add_ours(pre, LACE_PUNCTUATION, behavior, false, path, err);
    }
    if (!strcmp(type, "Whitespace"))
        return add_ours(pre, "[" WORD "]+|[^\\p{wspace}" WORD "]+", LACE_SPLIT_REMOVED, true, path, err);
    if (!strcmp(type, "WhitespaceSplit")) return add_ours(pre, "\\p{wspace}", LACE_SPLIT_REMOVED, false, path, err);
    return lace_fail(err, LACE_BAD, "%.200s: the pre-tokenizer %.40s is not supported; it would change the tokens.",
                     path, type);
}

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define REST         " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER        "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}"
#define LOWER        "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}"
#define TEKKEN                                                                                                         \
    "[^\\r\\n\\p{L}\\p{N}]?[" UPPER "]*[" LOWER "]+|[^\\r\\n\\p{L}\\p{N}]?[" UPPER "]+[" LOWER                         \
    "]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

int lace_pretokenizer_named(struct lace_pretokenizer *pre, const char *name, const char *path, struct lace_error *err)
{
    static const struct {
        const char *names; /* each between two blanks */
        const char *regex[2];
    } known[] = {
        {" gpt-2 ", {GPT2}},
        {" smollm ", {"\\p{N}", GPT2}},
        {" llama3 llama-v3 llama-bpe ", {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|" REST}},
        {" qwen2 deepseek-r1-qwen ", {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" REST}},
        {" tekken ", {TEKKEN}},
    };
    char wanted[64];
    snprintf(wanted, sizeof wanted, " %.60s ", name);
    pre->byte_level = true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strstr(known[i].names, wanted)) continue;
        int code = 0;
        for (int k = 0; k < 2 && known[i].regex[k] && !code; k++)
            code = add_split(pre, known[i].regex[k], LACE_SPLIT_ISOLATED, path, err);
        return code;
    }
    return lace_fail(err, LACE_BAD,
                     "%.200s: the pre-tokenizer \"%.40s\" is not supported; gpt-2, smollm, llama-bpe, qwen2 and tekken "
                     "are.",
                     path, name);
}

void lace_pretokenizer_release(struct lace_pretokenizer *pre)
{
    for (int i = 0; i < pre->count; i++) lace_pattern_release(&pre->steps[i].pattern);
    *pre = (struct lace_pretokenizer){.count = 0};
}

/* ---- dividing ---- */

static int run_step(struct lace_pretokenizer_run *run, int step, const char *bytes, size_t len, bool begins,
                    struct lace_error *err);

/* Pieces of a text as a split makes them from matches and gaps in order; the last one is held back, because what
 * follows may join it. */
struct divider {
    struct lace_pretokenizer_run *run;
    int step;
    const char *bytes;
    bool begins;
    enum lace_split_behavior behavior;
    size_t start, end; /* of the held piece */
    bool held, was_match;
};

static int flush(struct divider *d, struct lace_error *err)
{
    bool any = d->held && d->end > d->start;
    d->held = false;
    return any ? run_step(d->run, d->step + 1, d->bytes + d->start, d->end - d->start, d->begins && !d->start, err) : 0;
}

static int put(struct divider *d, size_t start, size_t end, bool is_match, struct lace_error *err)
{
    bool joins = false;
    switch (d->behavior) {
    case LACE_SPLIT_ISOLATED: break;
    case LACE_SPLIT_REMOVED:
        if (is_match) return 0;
        break;
    case LACE_SPLIT_WITH_PREVIOUS: joins = is_match && !d->was_match; break;
    case LACE_SPLIT_WITH_NEXT: joins = !is_match && d->was_match; break;
    case LACE_SPLIT_CONTIGUOUS: joins = is_match == d->was_match; break;
    }
    d->was_match = is_match;
    if (joins && d->held) {
        d->end = end;
        return 0;
    }
    int code = flush(d, err);
    d->held = true;
    d->start = start;
    d->end = end;
    return code;
}

static int divide(struct lace_pretokenizer_run *run, int step, const char *bytes, size_t len, bool begins,
                  struct lace_error *err)
{
    const struct lace_pretokenizer_step *s = &run->pre->steps[step];
    struct divider d = {.run = run, .step = step, .bytes = bytes, .begins = begins, .behavior = s->behavior};
    struct lace_matches m;
    size_t done = 0;
    int got = 0, code = lace_matches_begin(&m, &s->pattern, run->matcher, bytes, len, err);
    while (!code && (got = lace_matches_next(&m, err)) == 1) {
        if (m.start > done) code = put(&d, done, m.start, s->invert, err);
        if (!code) code = put(&d, m.start, m.end, !s->invert, err);
        done = m.end;
    }
    lace_matches_end(&m);
    if (!code) code = got;
    if (!code && done < len) code = put(&d, done, len, s->invert, err);
    return code ? code : flush(&d, err);
}

static int metaspace(struct lace_pretokenizer_run *run, int step, const char *bytes, size_t len, bool begins,
                     struct lace_error *err)
{
    const struct lace_pretokenizer_step *s = &run->pre->steps[step];
    const struct lace_text *mark = &s->pattern.literal;
    struct lace_text *out = &run->room[step];
    bool prepends = !run->inside && (s->scheme == LACE_PREPEND_ALWAYS || (s->scheme == LACE_PREPEND_FIRST && begins));
    lace_text_clear(out);
    if (prepends && bytes[0] != ' ' && (len < mark->len || memcmp(bytes, mark->data, mark->len)))
        lace_text_add(out, mark->data, mark->len);
    for (size_t i = 0; i < len;) {
        const char *space = memchr(bytes + i, ' ', len - i);
        size_t end = space ? (size_t)(space - bytes) : len;
        lace_text_add(out, bytes + i, end - i);
        if (space) lace_text_add(out, mark->data, mark->len);
        i = end + (space != NULL);
    }
    if (out->failed) return lace_fail(err, LACE_MEMORY, "Out of memory while encoding a text.");
    if (s->split) return divide(run, step, out->data, out->len, begins, err);
    return run_step(run, step + 1, out->data, out->len, begins, err);
}

static int prefix_space(struct lace_pretokenizer_run *run, int step, const char *bytes, size_t len, bool begins,
                        struct lace_error *err)
{
    struct lace_text *out = &run->room[step];
    if (run->inside || bytes[0] == ' ') return run_step(run, step + 1, bytes, len, begins, err);
    lace_text_clear(out);
    lace_text_str(out, " ");
    lace_text_add(out, bytes, len);
    if (out->failed) return lace_fail(err, LACE_MEMORY, "Out of memory while encoding a text.");
    return run_step(run, step + 1, out->data, out->len, begins, err);
}

static int run_step(struct lace_pretokenizer_run *run, int step, const char *bytes, size_t len, bool begins,
                    struct lace_error *err)
{
    if (step == run->pre->count) return run->word(run->user, bytes, len, err);
    switch (run->pre->steps[step].kind) {
    case LACE_STEP_SPLIT: return divide(run, step, bytes, len, begins, err);
    case LACE_STEP_METASPACE: return metaspace(run, step, bytes, len, begins, err);
    default: return prefix_space(run, step, bytes, len, begins, err);
    }
}

int lace_pretokenize(struct lace_pretokenizer_run *run, const char *bytes, size_t len, bool begins,
                     struct lace_error *err)
{
    return len ? run_step(run, 0, bytes, len, begins, err) : 0;
}

void lace_pretokenizer_run_release(struct lace_pretokenizer_run *run)
{
    for (int i = 0; i < LACE_PRETOKENIZER_STEPS; i++) lace_text_release(&run->room[i]);
}
