/* Pre-tokenizers: from tokenizer.json to a list of splits by PCRE2 patterns.
 * Tokenizers runs Oniguruma, whose syntax is almost PCRE2's; constructs that mean different things in the
 * two are refused, because they would change ids silently. Known rest: PCRE2's Unicode tables may be of
 * another version, and its \s knows U+180E. */
#include "io/json.h"
#include "text/tokenizer_internal.h"
#include <string.h>

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* What in a pattern means something else in Oniguruma; NULL: nothing. */
static const char *different(const char *pattern)
{
    bool class = false;
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\') {
            if (!*++p) return "a backslash at its end";
            if (strchr("hHRXKGkgNQEy", *p)) return "an escape that PCRE2 and Oniguruma read differently";
        } else if (class) {
            if (*p == '[' && p[1] != ':') return "a set inside a set";
            if (p[0] == '&' && p[1] == '&') return "an intersection of sets (&&)";
            if (*p == '[') { /* [:name:] */
                const char *end = strstr(p, ":]");
                if (!end) return "an open [:name:]";
                p = end + 1;
            } else if (*p == ']') class = false;
        } else if (*p == '[') {
            class = true;
            if (p[1] == '^') p++;
            if (p[1] == ']') return "a set that begins with ]";
        } else if (*p == '^' || *p == '$') return "an anchor (^ or $)";
        else if (*p == '(' && p[1] == '*') return "a verb (*...)";
        else if (*p == '(' && p[1] == '?') {
            size_t flags = strspn(p + 2, "i-");
            if (!strchr(":=!<>)", p[2 + flags]) || (p[2] == '<' && p[3] != '=' && p[3] != '!'))
                return "a group or flag other than (?i) and look-around";
        }
    }
    return NULL;
}

static int add_split(struct lace_tokenizer *t, const char *pattern, bool literal, bool removed, bool invert,
                     struct lace_error *err)
{
    if (t->step_count == LACE_TOKEN_STEPS)
        return lace_fail(err, LACE_BAD, "%.200s: more than %d pre-tokenizers are not supported.", t->path,
                         LACE_TOKEN_STEPS);
    const char *why = literal ? NULL : different(pattern);
    if (why)
        return lace_fail(err, LACE_BAD, "%.200s: the Split pattern %.100s has %s, which is not supported.", t->path,
                         pattern, why);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", t->path);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int problem;
    PCRE2_SIZE where;
    uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &problem, &where, context);
    pcre2_compile_context_free(context);
    if (!code) {
        PCRE2_UCHAR text[120];
        pcre2_get_error_message(problem, text, sizeof text);
        return lace_fail(err, LACE_BAD, "%.200s: the Split pattern %.100s is not accepted: %s.", t->path, pattern,
                         (char *)text);
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where there is no JIT the interpreter serves */
    t->steps[t->step_count++] = (struct lace_token_step){LACE_STEP_SPLIT, code, removed, invert};
    return 0;
}

static int load_split(struct lace_tokenizer *t, const json_t *pre, struct lace_error *err)
{
    const char *behavior;
    bool invert;
    int code = lace_json_string(pre, "behavior", NULL, &behavior, t->path, err);
    if (!code) code = lace_json_bool(pre, "invert", false, &invert, t->path, err);
    if (code) return code;
    bool removed = !strcmp(behavior, "Removed");
    if (!removed && strcmp(behavior, "Isolated"))
        return lace_fail(err, LACE_BAD, "%.200s: the Split behavior %.40s is not supported; Isolated and Removed are.",
                         t->path, behavior);
    const json_t *pattern = json_object_get(pre, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex")),
               *literal = json_string_value(json_object_get(pattern, "String"));
    if (!regex == !literal || !*(regex ? regex : literal))
        return lace_fail(err, LACE_BAD, "%.200s: a Split needs a pattern, either Regex or String.", t->path);
    return add_split(t, regex ? regex : literal, !regex, removed, invert, err);
}

/* done: ByteLevel was seen. What followed it would work on its alphabet instead of on text. */
static int load_one(struct lace_tokenizer *t, const json_t *pre, bool *done, struct lace_error *err)
{
    const char *type;
    bool flag;
    int code = lace_json_string(pre, "type", NULL, &type, t->path, err);
    if (code) return code;
    if (*done)
        return lace_fail(err, LACE_BAD, "%.200s: the pre-tokenizer %.40s after ByteLevel is not supported.", t->path,
                         type);
    if (!strcmp(type, "Sequence")) {
        const json_t *list = json_object_get(pre, "pretokenizers");
        if (!json_is_array(list))
            return lace_fail(err, LACE_BAD, "%.200s: a Sequence of pre-tokenizers has no list.", t->path);
        for (size_t i = 0; i < json_array_size(list); i++)
            if ((code = load_one(t, json_array_get(list, i), done, err))) return code;
        return 0;
    }
    if (!strcmp(type, "Split")) return load_split(t, pre, err);
    if (!strcmp(type, "Digits")) {
        if ((code = lace_json_bool(pre, "individual_digits", false, &flag, t->path, err))) return code;
        return add_split(t, flag ? "\\p{N}" : "\\p{N}+", false, false, false, err);
    }
    if (strcmp(type, "ByteLevel"))
        return lace_fail(err, LACE_BAD, "%.200s: the pre-tokenizer %.40s is not supported.", t->path, type);
    *done = true;
    if ((code = lace_json_bool(pre, "add_prefix_space", true, &flag, t->path, err))) return code;
    if (flag) {
        if (t->step_count == LACE_TOKEN_STEPS)
            return lace_fail(err, LACE_BAD, "%.200s: more than %d pre-tokenizers are not supported.", t->path,
                             LACE_TOKEN_STEPS);
        t->steps[t->step_count++] = (struct lace_token_step){.kind = LACE_STEP_PREFIX_SPACE};
    }
    if ((code = lace_json_bool(pre, "use_regex", true, &flag, t->path, err))) return code;
    return flag ? add_split(t, GPT2, false, false, false, err) : 0;
}

int lace_tokenizer_load_steps(struct lace_tokenizer *t, const json_t *pre, struct lace_error *err)
{
    bool done = false;
    int code = json_is_object(pre) ? load_one(t, pre, &done, err) : 0;
    if (!code && !done)
        code = lace_fail(err, LACE_BAD,
                         "%.200s: the pre-tokenizer has no ByteLevel; only byte-level vocabularies are supported.",
                         t->path);
    return code;
}
