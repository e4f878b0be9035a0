#include "data/claims.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 16 /* of brackets */ };

/* A left side in one spelling is parsed as sum -> product -> number or bracket; percent divides by a hundred. */
struct parser {
    const char *at;
    int depth, operations;
    bool bad;
};

static double sum(struct parser *p);

static double atom(struct parser *p)
{
    double value = 0;
    if (*p->at == '(') {
        if (++p->depth > DEPTH) p->bad = true;
        p->at++;
        if (!p->bad) value = sum(p);
        if (*p->at != ')') p->bad = true;
        else p->at++;
        p->depth--;
    } else if (isdigit((unsigned char)*p->at) || (*p->at == '.' && isdigit((unsigned char)p->at[1]))) {
        char *end;
        char digits[32];
        size_t len = strspn(p->at, "0123456789.");
        if (len >= sizeof digits) {
            p->bad = true;
            return 0;
        }
        memcpy(digits, p->at, len);
        digits[len] = 0;
        value = strtod(digits, &end);
        if (*end) p->bad = true; /* two points */
        p->at += len;
    } else p->bad = true;
    for (; *p->at == '%' && !p->bad; p->at++) value /= 100;
    return value;
}

static double product(struct parser *p)
{
    double value = atom(p);
    while (!p->bad && (*p->at == '*' || *p->at == '/')) {
        char operation = *p->at++;
        double right = atom(p);
        p->operations++;
        if (operation == '/' && right == 0) p->bad = true;
        value = operation == '*' ? value * right : p->bad ? 0 : value / right;
    }
    return value;
}

static double sum(struct parser *p)
{
    double sign = *p->at == '-' ? -1 : 1;
    p->at += *p->at == '-';
    double value = sign * product(p);
    while (!p->bad && (*p->at == '+' || *p->at == '-')) {
        char operation = *p->at++;
        double right = product(p);
        p->operations++;
        value += operation == '+' ? right : -right;
    }
    return value;
}

/* The length of a sign that stands for a character of the one spelling; 0: it has no place in a formula. */
static size_t spell(const char *c, char *out)
{
    static const struct {
        const char *sign;
        char as;
    } all[] = {{"\xc3\x97", '*'},     {"\xc3\xb7", '/'},     {"\xc2\xb7", '*'},
               {"\xe2\x88\x92", '-'}, {"\xe2\x88\x99", '*'}, {"\\times", '*'},
               {"\\cdot", '*'},       {"\\div", '/'},        {"\\$", 0},
               {"\\%", '%'},          {"\\left(", '('},      {"\\right)", ')'},
               {"\xe2\x80\x89", 0}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strncmp(c, all[i].sign, strlen(all[i].sign))) {
            *out = all[i].as;
            return strlen(all[i].sign);
        }
    *out = *c;
    if (*c == ' ' || *c == '$') *out = 0;
    else if (*c == 'x') *out = '*';
    return *c && strchr("0123456789.+-*/()% $x", *c) ? 1 : 0;
}

/* A comma that groups thousands. */
static bool groups(const char *text, const char *c)
{
    return *c == ',' && c > text && isdigit((unsigned char)c[-1]) && strspn(c + 1, "0123456789") == 3;
}

/* Where the formula that ends before `end` begins: as far back as signs of formulas go. */
static const char *formula_start(const char *text, const char *end)
{
    enum { LONGEST = 256 }; /* a key has 63 signs; a chain of millions is nobody's step */
    const char *start = end;
    while (start > text) {
        if (end - start > LONGEST) return end;
        const char *c = start - 1;
        char as;
        size_t size = 0;
        for (size_t back = 1; back <= 7 && back <= (size_t)(start - text); back++)
            if (spell(start - back, &as) == back) size = back;
        if (!size && groups(text, c)) size = 1;
        if (size == 1 &&
            *c == 'x') { /* times, where a factor stands before it; else a letter of a word, or a variable */
            const char *before = c;
            while (before > text && before[-1] == ' ') before--;
            if (before == text || !strchr("0123456789)%", before[-1])) size = 0;
        }
        if (!size) break;
        start -= size;
    }
    return start;
}

static bool normal(const char *from, const char *to, char *key, size_t size)
{
    size_t n = 0;
    const char *text = from;
    while (from < to) {
        char as;
        size_t step = spell(from, &as);
        if (!step && groups(text, from)) step = 1, as = 0;
        if (!step || n + 1 >= size) return false;
        if (as) key[n++] = as;
        from += step;
    }
    key[n] = 0;
    return n > 0;
}

/* The number at c; the text after it, NULL: none. */
static const char *read_number(const char *c, double *value, const char **from)
{
    char digits[40];
    size_t n = 0;
    while (*c == ' ' || *c == '$' || (*c == '\\' && c[1] == '$')) c++;
    *from = c;
    if (*c == '-') digits[n++] = *c++;
    const char *start = c;
    for (; isdigit((unsigned char)*c) || groups(start, c) || (*c == '.' && isdigit((unsigned char)c[1])); c++) {
        if (n + 1 >= sizeof digits) return NULL;
        if (*c != ',') digits[n++] = *c;
    }
    digits[n] = 0;
    char *end;
    *value = strtod(digits, &end);
    return c > start && !*end ? c : NULL;
}

int lace_claims_read(const char *text, struct lace_claim *out, int most)
{
    int count = 0;
    for (const char *sign = text; count < most && (sign = strchr(sign, '=')); sign++) {
        struct lace_claim *claim = &out[count];
        const char *end = sign, *start = formula_start(text, sign);
        if ((sign > text && strchr("<>!=:", sign[-1])) || sign[1] == '=') continue;
        claim->to = read_number(sign + 1, &claim->value, &claim->from);
        if (!claim->to) continue;
        /* An operation or another term after the number: it is no result. */
        const char *after = claim->to + strspn(claim->to, " ");
        if (*after &&
            (strchr("*/+^(", *after) || *claim->to == '^' || isalpha((unsigned char)*claim->to) || *claim->to == '%'))
            continue;
        /* What stood before the formula may have left an open bracket, a stop or a dollar; an operation is part of it. */
        for (bool first = true; start < end; start++, first = false) {
            if (!first && !strchr(" (.$", start[-1])) break;
            struct parser p;
            if (!normal(start, end, claim->key, sizeof claim->key)) continue;
            const char *word = start; /* "x - 3": the sign belongs to what stands before */
            while (word > text && word[-1] == ' ') word--;
            if (*claim->key == '-' && word > text && (isalnum((unsigned char)word[-1]) || word[-1] == ')')) break;
            p = (struct parser){.at = claim->key};
            claim->truth = sum(&p);
            unsigned char before = start > text ? (unsigned char)start[-1] : ' ';
            bool inside = (isalnum(before) || before == '.' || before >= 0x80) &&
                          (isdigit((unsigned char)*start) || *start == '.');
            if (p.bad || *p.at || !p.operations || !isfinite(claim->truth) || inside) continue;
            claim->right = fabs(claim->truth - claim->value) <= 1e-9 * fmax(1, fabs(claim->truth));
            /* Rounded to as many places as are written is right too: 10/3 = 3.33. */
            const char *point = memchr(claim->from, '.', (size_t)(claim->to - claim->from));
            if (point)
                claim->right |= fabs(claim->truth - claim->value) <= 0.5001 * pow(10, -(double)(claim->to - point - 1));
            count++;
            break;
        }
    }
    return count;
}
