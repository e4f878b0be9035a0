/* Whether two answers say the same. Both are brought into a plain form first:
 *   - taken away: blanks, $ and \$, math delimiters, \left \right \displaystyle, spacing commands, degrees, the boxes and
 *     \text around a part, a closing full stop, "x=" in front;
 *   - made alike: \dfrac \tfrac \cfrac and \frac12 become a/b, words of one case.
 * Plain numbers (decimals, a/b, thousands separators, a per cent sign, a unit in words that the other lacks) are
 * compared by value, everything else as text. Nothing is computed: \sqrt{4} is not 2. */
#include "decode/format.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 4096 }; /* an answer that is longer is compared as it stands */

static size_t command(const char *at, const char *const *list)
{
    for (; *list; list++) {
        size_t n = strlen(*list);
        if (!strncmp(at, *list, n) && !(isalpha((unsigned char)(*list)[n - 1]) && isalpha((unsigned char)at[n])))
            return n;
    }
    return 0;
}

static const char *const dropped[] = {"\\left",    "\\right",  "\\displaystyle",
                                      "\\!",       "\\,",      "\\;",
                                      "\\:",       "\\ ",      "\\(",
                                      "\\)",       "\\[",      "\\]",
                                      "\\$",       "$",        "^\\circ",
                                      "^{\\circ}", "\\degree", "\xc2\xb0",
                                      "\xc2\xa0",  "**",       NULL};
static const char *const fractions[] = {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac", NULL};
static const char *const wraps[] = {"\\text", "\\mbox", "\\mathrm", "\\textbf", "\\boxed", "\\fbox", NULL};

/* First pass: what has no meaning goes; a unit's blank or \text becomes '~', which keeps "3 cm" apart from "3cm". */
static void strip(const char *from, struct lace_text *out)
{
    int depth = 0, skipped[64]; /* depths of wraps whose closing brace goes too */
    int skips = 0;
    for (const char *c = from; *c;) {
        size_t n = command(c, dropped);
        if (n || isspace((unsigned char)*c)) {
            bool unit = isspace((unsigned char)*c) && out->len && isalnum((unsigned char)out->data[out->len - 1]) &&
                        isalpha((unsigned char)c[1]);
            if (unit) lace_text_add(out, "~", 1);
            c += n ? n : 1;
            continue;
        }
        if ((n = command(c, wraps)) && c[n] == '{' && skips < 64) {
            if (out->len && isdigit((unsigned char)out->data[out->len - 1])) lace_text_add(out, "~", 1);
            skipped[skips++] = depth++;
            c += n + 1;
            continue;
        }
        if ((n = command(c, fractions))) {
            lace_text_str(out, "\\frac");
            c += n;
            continue;
        }
        if (*c == '{') depth++;
        if (*c == '}') {
            depth--;
            if (skips && skipped[skips - 1] == depth) {
                skips--;
                c++;
                continue;
            }
        }
        if (*c == '\\' && c[1] == '%') c++;
        lace_text_add(out, c++, 1);
    }
}

/* The argument of a command at *at: a group or a single character; false where there is none. */
static bool argument(const char **at, const char **from, size_t *len)
{
    const char *c = *at;
    if (*c != '{') {
        if (!isalnum((unsigned char)*c)) return false;
        *from = c;
        *len = 1;
        *at = c + 1;
        return true;
    }
    *from = ++c;
    for (int depth = 1; *c; c++) {
        if (*c == '{') depth++;
        else if (*c == '}' && !--depth) {
            *len = (size_t)(c - *from);
            *at = c + 1;
            return true;
        }
    }
    return false;
}

static void operand(const char *from, size_t len, struct lace_text *out)
{
    bool simple = true;
    for (size_t i = 0; i < len; i++)
        simple &= isalnum((unsigned char)from[i]) || from[i] == '.' || (!i && from[i] == '-');
    if (!simple) lace_text_add(out, "(", 1);
    lace_text_add(out, from, len);
    if (!simple) lace_text_add(out, ")", 1);
}

/* Second pass: fractions, innermost ones stay as they are; then the ends. */
static void plain(const char *answer, struct lace_text *out)
{
    struct lace_text stripped;
    lace_text_init(&stripped);
    strip(answer, &stripped);
    const char *c = stripped.data ? stripped.data : "";
    if (isalpha((unsigned char)c[0]) && c[1] == '=' && c[2]) c += 2;
    while (*c) {
        const char *after = c + 5, *top, *bottom;
        size_t above, below;
        if (!strncmp(c, "\\frac", 5) && argument(&after, &top, &above) && argument(&after, &bottom, &below)) {
            operand(top, above, out);
            lace_text_add(out, "/", 1);
            operand(bottom, below, out);
            c = after;
        } else lace_text_add(out, c++, 1);
    }
    while (out->len && out->data[out->len - 1] == '.') out->data[--out->len] = 0;
    bool words = out->len > 1;
    for (size_t i = 0; i < out->len; i++) words &= isalpha((unsigned char)out->data[i]) || out->data[i] == '~';
    for (size_t i = 0; i < out->len && words; i++) out->data[i] = (char)tolower((unsigned char)out->data[i]);
    if (stripped.failed) out->failed = true;
    lace_text_release(&stripped);
}

/* ---- numbers ---- */

/* Where a comma groups thousands: a digit before it, exactly three after it. "1,2" is a pair, not twelve. */
static bool groups_thousands(const char *start, const char *comma)
{
    return comma > start && isdigit((unsigned char)comma[-1]) && strspn(comma + 1, "0123456789") == 3;
}

/* A decimal number without an exponent, at most 63 bytes; the first byte behind it, NULL: none. */
static const char *decimal(const char *text, double *out)
{
    char digits[64];
    size_t n = 0, some = 0;
    const char *c = text;
    bool point = false;
    if (*c == '-' || *c == '+') digits[n++] = *c++;
    for (; n < sizeof digits - 1; c++) {
        if (*c == ',' && !point && groups_thousands(text, c)) continue;
        if (!strncmp(c, "{,}", 3) && isdigit((unsigned char)c[3])) {
            c += 2;
            continue;
        }
        if (*c == '.' && !point && isdigit((unsigned char)c[1])) point = true;
        else if (!isdigit((unsigned char)*c)) break;
        else some++;
        digits[n++] = *c;
    }
    if (!some || isdigit((unsigned char)*c)) return NULL;
    digits[n] = 0;
    *out = strtod(digits, NULL);
    return c;
}

struct quantity {
    double value;
    const char *unit; /* "" or "~..." or "%" */
};

static bool quantity(const char *text, struct quantity *q)
{
    const char *c = decimal(text, &q->value);
    double below;
    if (c && *c == '/') {
        c = decimal(c + 1, &below);
        if (!c || below == 0) return false;
        q->value /= below;
    }
    if (!c) return false;
    q->unit = c;
    if (*c == '~')
        for (c++; isalpha((unsigned char)*c) || *c == '~' || (*c == '^' && isdigit((unsigned char)c[1])) ||
                  (isdigit((unsigned char)*c) && c[-1] == '^');
             c++) {
        }
    else if (*c == '%') c++;
    return !*c;
}

static bool number(const char *answer, double *out)
{
    struct lace_text text;
    struct quantity q;
    lace_text_init(&text);
    plain(answer, &text);
    bool found = text.data && strlen(answer) <= LONGEST && quantity(text.data, &q);
    if (found) *out = q.value;
    lace_text_release(&text);
    return found;
}

bool lace_format_same(const char *a, const char *b)
{
    struct lace_text x, y;
    struct quantity p, q;
    if (!a || !b) return false;
    if (!strcmp(a, b)) return true;
    if (strlen(a) > LONGEST || strlen(b) > LONGEST) return false;
    lace_text_init(&x);
    lace_text_init(&y);
    plain(a, &x);
    plain(b, &y);
    bool same = false;
    if (!x.data || !y.data || x.failed || y.failed || !x.len || !y.len) same = false;
    else if (quantity(x.data, &p) && quantity(y.data, &q))
        same = fabs(p.value - q.value) <= 1e-9 * fmax(1, fmax(fabs(p.value), fabs(q.value))) &&
               (!*p.unit || !*q.unit || !strcmp(p.unit, q.unit));
    else same = !strcmp(x.data, y.data);
    lace_text_release(&x);
    lace_text_release(&y);
    return same;
}

bool lace_format_possible(const char *answer, const char *right)
{
    double x;
    return answer && (!right || !number(right, &x) || number(answer, &x));
}
