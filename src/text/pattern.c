#include "text/pattern.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include <ctype.h>
#include <string.h>

/* ---- Oniguruma's syntax to PCRE2's ---- */

/* Oniguruma's \w: also the superscripts and fractions of Latin-1. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

/* \p{...} at p: general categories as they are; longer names are scripts, which PCRE2 would read as extensions of
 * scripts. */
static const char *property(const char **p, struct lace_text *out)
{
    const char *name = *p + 2, *end = *p + 1;
    size_t len;
    if ((*p)[1] != '{' || !(end = strchr(name, '}'))) return "a property that is not written \\p{...}";
    bool negated = *name == '^';
    name += negated;
    len = (size_t)(end - name);
    for (size_t i = 0; i < len; i++)
        if (!isalpha((unsigned char)name[i]) && name[i] != '_') return "a property that is no category or script";
    if (!len) return "a property without a name";
    lace_text_print(out, "\\%c{%s%.*s}", (**p == 'P') != negated ? 'P' : 'p', len > 2 ? "sc:" : "", (int)len, name);
    *p = end;
    return NULL;
}

/* The escape whose letter is at *p; leaves *p at its last character. */
static const char *escape(const char **p, bool set, struct lace_text *out)
{
    switch (**p) {
    case 0: return "a backslash at its end";
    case 's': lace_text_str(out, "\\p{wspace}"); return NULL;
    case 'S': lace_text_str(out, "\\P{wspace}"); return NULL;
    case 'd': lace_text_str(out, "\\p{Nd}"); return NULL;
    case 'D': lace_text_str(out, "\\P{Nd}"); return NULL;
    case 'w': lace_text_str(out, set ? WORD : "[" WORD "]"); return NULL;
    case 'W':
        if (set) return "\\W inside a set";
        lace_text_str(out, "[^" WORD "]");
        return NULL;
    case 'p':
    case 'P': return property(p, out);
    case 'x':
        if ((*p)[1] != '{') return "\\x without braces"; /* a byte to Oniguruma, a character to PCRE2 */
        break;
    case 'u':
        for (int i = 1; i <= 4; i++)
            if (!isxdigit((unsigned char)(*p)[i])) return "\\u without four digits";
        lace_text_print(out, "\\x{%.4s}", *p + 1);
        *p += 4;
        return NULL;
    default:
        if (isalnum((unsigned char)**p) && (set || !strchr("AzZ", **p)) && !strchr("nrtf", **p))
            return "an escape that PCRE2 and Oniguruma read differently";
    }
    lace_text_print(out, "\\%c", **p);
    return NULL;
}

/* A set from its [ at *p to its ]. */
static const char *set(const char **p, struct lace_text *out)
{
    const char *why;
    lace_text_str(out, *++*p == '^' ? "[^" : "[");
    if (**p == '^') ++*p;
    if (**p == ']') return "a set that begins with ]";
    for (; **p != ']'; ++*p) {
        if (!**p) return "an open set";
        if (**p == '[') return "a set inside a set";
        if (**p == '&' && (*p)[1] == '&') return "an intersection of sets (&&)";
        if (**p != '\\') lace_text_add(out, *p, 1);
        else {
            ++*p;
            if ((why = escape(p, true, out))) return why;
        }
    }
    lace_text_str(out, "]");
    return NULL;
}

/* { at *p: an interval, or a brace that stands for itself. */
static const char *interval(const char **p, struct lace_text *out)
{
    const char *end = *p + 1 + strspn(*p + 1, "0123456789");
    bool exact = *end == '}';
    if ((*p)[1] == ',') return "an interval without a lower bound";
    if (*end == ',') end += 1 + strspn(end + 1, "0123456789");
    if (end == *p + 1 || *end != '}') {
        lace_text_str(out, "\\{");
        return NULL;
    }
    if (end[1] == '+' || (exact && end[1] == '?')) return "a sign after an interval, read differently by Oniguruma";
    lace_text_add(out, *p, (size_t)(end + 1 - *p));
    *p = end;
    return NULL;
}

/* ( at *p. Flags may only be i, for a group or for the whole pattern: elsewhere their extent differs. */
static const char *group(const char **p, const char *start)
{
    const char *at = *p + 1;
    if (*at == '*') return "a verb (*...)";
    if (*at != '?') return NULL;
    at++;
    if (*at == '<' && (at[1] == '=' || at[1] == '!')) return NULL;
    if (strchr("=!>", *at) && *at) return NULL;
    at += strspn(at, "i-");
    if (*at == ':' || (*at == ')' && *p == start)) return NULL;
    return "a group or flag other than (?i) and look-around";
}

/* What Oniguruma's folding of case matches with one character, and PCRE2's does not. */
static bool folds_together(const char *regex)
{
    static const char *const pairs[] = {"ss", "st", "ff", "fi", "fl"};
    if (!strstr(regex, "(?i")) return false;
    for (size_t i = 0; i < 5; i++)
        if (strcasestr(regex, pairs[i])) return true;
    return false;
}

/* Fills out; returns what is not accepted, or NULL. */
static const char *translate(const char *regex, struct lace_text *out)
{
    const char *why = NULL;
    if (folds_together(regex)) return "letters under (?i) that fold into one";
    for (const char *p = regex; *p && !why; p++) {
        switch (*p) {
        case '\\':
            p++;
            why = escape(&p, false, out);
            break;
        case '[': why = set(&p, out); break;
        case '{': why = interval(&p, out); break;
        case '^':
        case '$': why = "an anchor (^ or $)"; break;
        case '(': why = group(&p, regex); /* fall through */
        default: lace_text_add(out, p, 1);
        }
        if (why || !*p) break;
    }
    return why;
}

static int compile(struct lace_pattern *pattern, const char *ours, const char *given, const char *who, const char *path,
                   struct lace_error *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int problem;
    PCRE2_SIZE where;
    pattern->code = pcre2_compile((PCRE2_SPTR)ours, PCRE2_ZERO_TERMINATED,
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &problem, &where, context);
    pcre2_compile_context_free(context);
    if (!pattern->code) {
        PCRE2_UCHAR text[120];
        pcre2_get_error_message(problem, text, sizeof text);
        return lace_fail(err, LACE_BAD, "%.200s: the pattern %.100s of %s is not accepted: %s.", path, given, who,
                         (char *)text);
    }
    pattern->jit =
        !pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE); /* where there is none the interpreter serves */
    return 0;
}

int lace_pattern_ours(struct lace_pattern *pattern, const char *regex, struct lace_error *err)
{
    *pattern = (struct lace_pattern){.code = NULL};
    return compile(pattern, regex, regex, "lace", "The tokenizer", err);
}

int lace_pattern_regex(struct lace_pattern *pattern, const char *regex, const char *who, const char *path,
                       struct lace_error *err)
{
    struct lace_text ours;
    *pattern = (struct lace_pattern){.code = NULL};
    lace_text_init(&ours);
    const char *why = translate(regex, &ours);
    int code;
    if (why)
        code = lace_fail(err, LACE_BAD, "%.200s: the pattern %.100s of %s has %s, which is not supported.", path, regex,
                         who, why);
    else if (!ours.data) code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
    else code = compile(pattern, ours.data, regex, who, path, err);
    lace_text_release(&ours);
    return code;
}

int lace_pattern_load(struct lace_pattern *pattern, const json_t *value, const char *who, const char *path,
                      struct lace_error *err)
{
    const json_t *text = json_object_get(value, "String");
    const char *regex = json_string_value(json_object_get(value, "Regex")), *literal = json_string_value(text);
    *pattern = (struct lace_pattern){.code = NULL};
    if (!regex == !literal || !*(regex ? regex : literal))
        return lace_fail(err, LACE_BAD, "%.200s: %s needs a pattern, either Regex or String.", path, who);
    if (regex) return lace_pattern_regex(pattern, regex, who, path, err);
    lace_text_add(&pattern->literal, literal, json_string_length(text));
    return pattern->literal.data ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory while reading %.200s.", path);
}

void lace_pattern_release(struct lace_pattern *pattern)
{
    pcre2_code_free(pattern->code);
    lace_text_release(&pattern->literal);
    *pattern = (struct lace_pattern){.code = NULL};
}

/* ---- matching ---- */

int lace_matcher_init(struct lace_matcher *m, struct lace_error *err)
{
    *m = (struct lace_matcher){.data = pcre2_match_data_create(1, NULL), .limits = pcre2_match_context_create(NULL)};
    if (!m->data || !m->limits) {
        lace_matcher_release(m);
        return lace_fail(err, LACE_MEMORY, "Out of memory while encoding a text.");
    }
    pcre2_set_match_limit(m->limits, 1000000); /* a pattern that backtracks without end becomes an error */
    return 0;
}

void lace_matcher_release(struct lace_matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->limits);
    *m = (struct lace_matcher){.data = NULL};
}

int lace_matches_begin(struct lace_matches *m, const struct lace_pattern *pattern, struct lace_matcher *matcher,
                       const char *bytes, size_t len, struct lace_error *err)
{
    *m = (struct lace_matches){.pattern = pattern, .matcher = matcher, .bytes = bytes, .len = len};
    if (!matcher->new_characters || !pattern->code || !lace_unicode_any_new(bytes, len)) return 0;
    lace_unicode_seen(&m->seen, bytes, len);
    m->bytes = m->seen.data;
    return m->bytes ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory while encoding a text.");
}

void lace_matches_end(struct lace_matches *m) { lace_text_release(&m->seen); }

static int find(struct lace_matches *m, size_t *start, size_t *end, struct lace_error *err)
{
    const struct lace_pattern *p = m->pattern;
    if (!p->code) {
        const char *found =
            m->from < m->len ? memmem(m->bytes + m->from, m->len - m->from, p->literal.data, p->literal.len) : NULL;
        if (!found) return 0;
        *start = (size_t)(found - m->bytes);
        *end = *start + p->literal.len;
        return 1;
    }
    PCRE2_SPTR bytes = (PCRE2_SPTR)m->bytes;
    pcre2_match_data *data = m->matcher->data;
    int got = PCRE2_ERROR_JIT_STACKLIMIT;
    if (p->jit) got = pcre2_jit_match(p->code, bytes, m->len, m->from, 0, data, m->matcher->limits);
    if (got == PCRE2_ERROR_JIT_STACKLIMIT) /* The text is known to be UTF-8; to check it at each match is quadratic. */
        got = pcre2_match(p->code, bytes, m->len, m->from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, m->matcher->limits);
    if (got == PCRE2_ERROR_NOMATCH) return 0;
    if (got < 0) {
        PCRE2_UCHAR text[120];
        pcre2_get_error_message(got, text, sizeof text);
        return lace_fail(err, LACE_BAD, "The tokenizer's pattern failed on a text of %zu bytes: %s.", m->len,
                         (char *)text);
    }
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(data);
    *start = range[0];
    *end = range[1];
    return 1;
}

int lace_matches_next(struct lace_matches *m, struct lace_error *err)
{
    size_t start = 0, end = 0;
    while (m->from <= m->len) {
        int got = find(m, &start, &end, err);
        if (got != 1) return got;
        bool repeated = m->any && start == end && end == m->end;
        m->from = start < end ? end : start < m->len ? start + lace_utf8_size(m->bytes[start]) : m->len + 1;
        if (repeated) continue;
        m->any = true;
        m->start = start;
        m->end = end;
        return 1;
    }
    return 0;
}
