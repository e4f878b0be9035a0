#include "data/answer.h"
#include <ctype.h>
#include <string.h>

static bool starts(const char *at, const char *end, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(end - at) >= len && !memcmp(at, what, len);
}

static bool ends(const char *from, const char *to, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(to - from) >= len && !memcmp(to - len, what, len);
}

enum lace_box lace_answer_boxed(const char *text, const char **from, size_t *len)
{
    const char *end = text + strlen(text), *box = NULL;
    for (const char *at = text; (at = strchr(at, '\\')); at++)
        if (starts(at, end, "\\boxed") || starts(at, end, "\\fbox")) {
            const char *after = at + (at[1] == 'b' ? 6 : 5);
            if (*after == '{' || *after == ' ') box = after;
        }
    if (!box) return LACE_BOX_NONE;
    while (*box == ' ') box++;
    if (*box != '{') { /* \boxed 7$ */
        *from = box;
        *len = strcspn(box, "$ \n.,");
        return *len ? LACE_BOX_FOUND : LACE_BOX_NONE;
    }
    *from = ++box;
    for (int depth = 1; *box; box++) {
        if (*box == '\\' && box[1]) box++;
        else if (*box == '{') depth++;
        else if (*box == '}' && !--depth) {
            *len = (size_t)(box - *from);
            return LACE_BOX_FOUND;
        }
    }
    return LACE_BOX_OPEN;
}

/* The closing brace of the group that opens at from; NULL: it is not closed before to. */
static const char *closing(const char *from, const char *to)
{
    int depth = 0;
    for (const char *c = from; c < to; c++) {
        if (*c == '\\' && c + 1 < to) c++;
        else if (*c == '{') depth++;
        else if (*c == '}' && !--depth) return c;
    }
    return NULL;
}

static const char *trim(const char *from, const char **to)
{
    while (from < *to && (isspace((unsigned char)*from) || starts(from, *to, "\xc2\xa0")))
        from += starts(from, *to, "\xc2\xa0") ? 2 : 1;
    while (*to > from && (isspace((unsigned char)(*to)[-1]) || ends(from, *to, "\xc2\xa0")))
        *to -= ends(from, *to, "\xc2\xa0") ? 2 : 1;
    return from;
}

/* Takes one layer off: 1 where it did. */
static int peel(const char **from, const char **to)
{
    static const char *const pairs[][2] = {{"$$", "$$"},   {"$", "$"},   {"\\(", "\\)"},
                                           {"\\[", "\\]"}, {"**", "**"}, {"\\left(", NULL}};
    static const char *const wraps[] = {"\\text{", "\\mbox{", "\\textbf{", "\\mathrm{", "\\boxed{", "\\fbox{"};
    const char *before = *from, *after = *to;
    *from = trim(*from, to);
    for (int i = 0; pairs[i][1]; i++)
        if (starts(*from, *to, pairs[i][0]) && ends(*from, *to, pairs[i][1]) &&
            (size_t)(*to - *from) > strlen(pairs[i][0]) + strlen(pairs[i][1])) {
            *from += strlen(pairs[i][0]);
            *to -= strlen(pairs[i][1]);
            return 1;
        }
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++)
        if (starts(*from, *to, wraps[i]) && closing(*from + strlen(wraps[i]) - 1, *to) == *to - 1) {
            *from += strlen(wraps[i]);
            --*to;
            return 1;
        }
    while (*to > *from && (*to)[-1] == '.' && !ends(*from, *to, "...") && !ends(*from, *to, "\\.")) --*to;
    return *from != before || *to != after;
}

/* The bytes of a separator of thousands at c, 0: none. Digits before it, exactly three after it. */
static size_t separator(const char *start, const char *c, const char *end)
{
    static const char *const all[] = {"{,}", ",\\!", "\\,", ",", "\xe2\x80\xaf", "\xe2\x80\x89", "\xc2\xa0"};
    if (c == start || !isdigit((unsigned char)c[-1])) return 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t len = strlen(all[i]), digits = 0;
        if (!starts(c, end, all[i])) continue;
        while (c + len + digits < end && isdigit((unsigned char)c[len + digits])) digits++;
        return digits == 3 ? len : 0;
    }
    return 0;
}

void lace_answer_clean(const char *text, size_t len, struct lace_text *out)
{
    const char *from = text, *to = text + len;
    while (peel(&from, &to)) {
    }
    if (starts(from, to, "\\$")) from += 2;
    else if (starts(from, to, "$")) from++;
    /* "1,234" groups thousands, but "(1,234)" and "1,234,5" are lists: every comma must group, and nothing open. */
    bool groups = true;
    for (const char *c = from; c < to && groups;) {
        size_t skip = separator(from, c, to);
        groups = skip || !strchr(",([{;", *c);
        c += skip ? skip : 1;
    }
    for (const char *c = from; c < to;) {
        size_t skip = groups ? separator(from, c, to) : 0;
        if (skip) c += skip;
        else lace_text_add(out, c++, 1);
    }
}

bool lace_answer_number(const char *text, struct lace_text *number, struct lace_text *unit)
{
    const char *c = text, *digits, *end;
    if (*c == '-' || *c == '+') c++;
    if (*c == '\\' && c[1] == '$') c += 2;
    else if (*c == '$') c++;
    digits = c;
    while (isdigit((unsigned char)*c)) c++;
    if (*c == '.' && isdigit((unsigned char)c[1]))
        for (c++; isdigit((unsigned char)*c); c++) {
        }
    if (c == digits) return false;
    if (*c == '/' && isdigit((unsigned char)c[1]))
        for (c++; isdigit((unsigned char)*c); c++) {
        }
    end = c;
    while (*c == ' ') c++;
    /* What follows must look like a unit: words, a percent sign, a degree, with or without \text. */
    const char *rest = c;
    bool spelt = true, letters = !*c;
    for (; *c && spelt; c++) {
        bool letter = isalpha((unsigned char)*c) || (unsigned char)*c >= 0x80 || *c == '%';
        letters |= letter;
        spelt = letter || strchr(" \\{}^/.23'-", *c);
    }
    if (!spelt || !letters || (rest == end && isalpha((unsigned char)*rest) && strlen(rest) < 2))
        return false; /* "2x" */
    if (*text == '-') lace_text_str(number, "-");
    lace_text_add(number, digits, (size_t)(end - digits));
    if (unit) {
        const char *stop = rest + strlen(rest);
        while (peel(&rest, &stop)) {
        }
        while (rest < stop && *rest == '\\' && rest[1] == '%') rest++;
        lace_text_add(unit, rest, (size_t)(stop - rest));
    }
    return true;
}
