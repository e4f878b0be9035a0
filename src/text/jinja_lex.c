/* Text -> tokens, as Jinja's lexer divides it: data up to the next tag, with the blanks around tags taken away as the
 * signs - and +, lstrip_blocks (blanks before a block at a line's start) and trim_blocks (a line's end behind a block)
 * say; then the words inside the tag. */
#include "text/jinja_run.h"
#include "text/utf8.h"
#include <stdarg.h>
#include <stdlib.h>
#include <utf8proc.h>

bool lace_jinja_error(struct lace_error *err, const char *path, int line, const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    lace_fail(err, LACE_BAD, "%.200s, line %d: %s.", path, line, what);
    return false;
}

#define complain(l, ...) lace_jinja_error((l)->err, (l)->path, (l)->line, __VA_ARGS__)

static bool out_of_memory(struct jinja_lexer *l)
{
    lace_fail(l->err, LACE_MEMORY, "Out of memory while reading the template %.200s.", l->path);
    return false;
}

bool lace_jinja_lex_init(struct jinja_lexer *l, struct jinja_pool *pool, const char *source, size_t len,
                         const char *path, struct lace_error *err)
{
    *l = (struct jinja_lexer){.pool = pool, .path = path, .line = 1, .line_start = true, .err = err};
    if (len > JINJA_SOURCE) {
        lace_fail(err, LACE_BAD, "%.200s: a chat template of %zu bytes is too long; at most %zu are accepted.", path,
                  len, JINJA_SOURCE);
        return false;
    }
    if (!lace_utf8_valid(source, len) || memchr(source, 0, len)) {
        lace_fail(err, LACE_BAD, "%.200s: the chat template is not text in UTF-8.", path);
        return false;
    }
    char *text = lace_jinja_take_text(pool, len);
    if (!text) return out_of_memory(l);
    for (size_t i = 0; i < len; i++) {
        text[l->len++] = source[i] == '\r' ? '\n' : source[i];
        if (source[i] == '\r' && i + 1 < len && source[i + 1] == '\n') i++;
    }
    if (l->len && text[l->len - 1] == '\n') l->len--;
    l->source = text;
    return true;
}

/* ---- blanks and tags ---- */

static size_t blanks(const struct jinja_lexer *l, size_t at)
{
    size_t size;
    while (at < l->len && lace_jinja_is_space(lace_jinja_point(l->source + at, l->len - at, &size))) at += size;
    return at;
}

static bool is_at(const struct jinja_lexer *l, size_t at, const char *what)
{
    size_t n = strlen(what);
    return at <= l->len && l->len - at >= n && !memcmp(l->source + at, what, n);
}

static void advance(struct jinja_lexer *l, size_t to)
{
    for (; l->at < to; l->at++) l->line += l->source[l->at] == '\n';
    l->line_start = to && l->source[to - 1] == '\n';
}

/* Behind the word of a tag "{%- word %}" at `at`, its blanks taken as the end asks; 0: no such tag is there. */
static size_t word_tag(const struct jinja_lexer *l, size_t at, const char *word, bool trim)
{
    size_t i = at + 2;
    if (!is_at(l, at, "{%")) return 0;
    if (is_at(l, i, "-") || is_at(l, i, "+")) i++;
    i = blanks(l, i);
    if (!is_at(l, i, word)) return 0;
    i = blanks(l, i + strlen(word));
    if (is_at(l, i, "-%}")) return blanks(l, i + 3);
    if (trim && is_at(l, i, "+%}")) return i + 3;
    if (!is_at(l, i, "%}")) return 0;
    return i + 2 + (trim && is_at(l, i + 2, "\n"));
}

/* The data from..to before a tag at `to`, without the blanks that the tag takes away. */
static struct jinja_text before_tag(const struct jinja_lexer *l, size_t from, size_t to)
{
    struct jinja_text text = {l->source + from, to - from};
    char sign = to + 2 < l->len ? l->source[to + 2] : 0;
    if (sign == '-') return lace_jinja_strip(text, NULL, false, true);
    if (sign == '+' || l->source[to + 1] == '{') return text;
    size_t line = text.len;
    while (line && text.bytes[line - 1] != '\n') line--;
    if (!line && !l->line_start) return text;
    if (lace_jinja_strip((struct jinja_text){text.bytes + line, text.len - line}, NULL, true, true).len == 0)
        text.len = line;
    return text;
}

static bool skip_comment(struct jinja_lexer *l)
{
    size_t i = l->tag + 2;
    if (is_at(l, i, "-") || is_at(l, i, "+")) i++;
    for (; i < l->len; i++) {
        if (is_at(l, i, "-#}")) return advance(l, blanks(l, i + 3)), true;
        if (is_at(l, i, "+#}")) return advance(l, i + 3), true;
        if (is_at(l, i, "#}")) return advance(l, i + 2 + is_at(l, i + 2, "\n")), true;
    }
    return complain(l, "a comment that begins here has no end \"#}\"");
}

static bool raw(struct jinja_lexer *l, size_t body, struct jinja_token *token)
{
    int line = l->line;
    advance(l, body);
    if (body == l->len) return true; /* Jinja does not miss the end of a block without anything in it */
    for (size_t i = body; i < l->len; i++) {
        size_t end = word_tag(l, i, "endraw", true);
        if (!end) continue;
        token->kind = JINJA_TOKEN_DATA;
        token->line = l->line;
        token->text = before_tag(l, body, i);
        advance(l, end);
        return true;
    }
    return lace_jinja_error(l->err, l->path, line, "a raw block that begins here has no \"endraw\"");
}

/* Data, or the beginning of the tag behind it. Comments and raw blocks are dealt with on the way. */
static bool lex_data(struct jinja_lexer *l, struct jinja_token *token)
{
    for (;;) {
        if (!l->tag_found) {
            size_t tag = l->at;
            while (tag < l->len && !is_at(l, tag, "{%") && !is_at(l, tag, "{{") && !is_at(l, tag, "{#")) tag++;
            bool end = tag == l->len;
            struct jinja_text data = {l->source + l->at, l->len - l->at};
            if (!end) data = before_tag(l, l->at, tag);
            token->line = l->line;
            advance(l, tag);
            l->tag = tag;
            l->tag_found = !end;
            if (data.len) {
                token->kind = JINJA_TOKEN_DATA;
                token->text = data;
                return true;
            }
            if (end) {
                token->kind = JINJA_TOKEN_END;
                return true;
            }
        }
        l->tag_found = false;
        token->line = l->line;
        char kind = l->source[l->tag + 1];
        size_t body = word_tag(l, l->tag, "raw", false);
        if (kind == '#') {
            if (!skip_comment(l)) return false;
            continue;
        }
        if (body) {
            if (!raw(l, body, token)) return false;
            if (token->text.len) return true;
            continue;
        }
        advance(l, l->tag + 2 + (is_at(l, l->tag + 2, "-") || is_at(l, l->tag + 2, "+")));
        l->state = kind == '{' ? JINJA_IN_PRINT : JINJA_IN_BLOCK;
        token->kind = kind == '{' ? JINJA_TOKEN_PRINT_BEGIN : JINJA_TOKEN_BLOCK_BEGIN;
        return true;
    }
}

/* ---- words inside a tag ---- */

static bool ends_tag(struct jinja_lexer *l, struct jinja_token *token)
{
    bool print = l->state == JINJA_IN_PRINT;
    const char *end = print ? "}}" : "%}";
    size_t at = l->at;
    if (l->open_count) return false;
    if (is_at(l, at, "-") && is_at(l, at + 1, end)) at = blanks(l, at + 3);
    else if (!print && is_at(l, at, "+") && is_at(l, at + 1, end)) at += 3;
    else if (is_at(l, at, end)) at += 2 + (!print && is_at(l, at + 2, "\n"));
    else return false;
    advance(l, at);
    l->state = JINJA_IN_DATA;
    token->kind = print ? JINJA_TOKEN_PRINT_END : JINJA_TOKEN_BLOCK_END;
    return true;
}

static bool is_name(int32_t c)
{
    if (c < 128) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO; /* letters, marks, digits */
}

static bool digit(const struct jinja_lexer *l, size_t at)
{
    return at < l->len && l->source[at] >= '0' && l->source[at] <= '9';
}

/* Digits that underscores may divide; returns where they end. */
static size_t digits(const struct jinja_lexer *l, size_t at)
{
    while (digit(l, at) || (is_at(l, at, "_") && digit(l, at + 1))) at++;
    return at;
}

static size_t based_digits(const struct jinja_lexer *l, size_t at, const char *set)
{
    size_t i = at;
    for (;; i++) {
        if (i < l->len && l->source[i] == '_' && i + 1 < l->len && strchr(set, l->source[i + 1])) continue;
        if (i >= l->len || !strchr(set, l->source[i])) return i;
    }
}

static bool lex_number(struct jinja_lexer *l, struct jinja_token *token)
{
    char text[80];
    size_t end = digits(l, l->at), n = 0, exponent, from = l->at;
    int base = 10;
    bool real = false, after_dot = l->at && l->source[l->at - 1] == '.';
    if (is_at(l, end, ".") && digit(l, end + 1) && !after_dot) {
        end = digits(l, end + 1);
        real = true;
    }
    if ((is_at(l, end, "e") || is_at(l, end, "E")) && !after_dot) {
        exponent = end + 1 + (is_at(l, end + 1, "+") || is_at(l, end + 1, "-"));
        if (digit(l, exponent)) {
            end = digits(l, exponent);
            real = true;
        }
    }
    if (!real && l->source[l->at] == '0' && l->at + 1 < l->len) {
        char mark = (char)(l->source[l->at + 1] | 32);
        const char *set = mark == 'x' ? "0123456789abcdefABCDEF" : mark == 'o' ? "01234567" : mark == 'b' ? "01" : "";
        if (*set && based_digits(l, l->at + 2, set) > l->at + 2) {
            base = mark == 'x' ? 16 : mark == 'o' ? 8 : 2;
            from = l->at + 2;
            end = based_digits(l, from, set);
        } else /* as Jinja reads it: zeros, and what follows is another number */
            for (end = l->at + 1; is_at(l, end, "0") || is_at(l, end, "_0"); end++)
                ;
    }
    for (size_t i = from; i < end; i++) {
        if (l->source[i] == '_') continue;
        if (n + 1 >= sizeof text) return complain(l, "a number of more than %zu digits is not supported", sizeof text);
        text[n++] = l->source[i];
    }
    text[n] = 0;
    token->kind = JINJA_TOKEN_NUMBER;
    if (real) token->number = jinja_float(strtod(text, NULL));
    else {
        int64_t value = 0;
        for (size_t i = 0; i < n; i++) {
            int d = text[i] <= '9' ? text[i] - '0' : (text[i] | 32) - 'a' + 10;
            if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, d, &value))
                return complain(l, "the number %.*s is beyond the 64 bits that are supported", (int)n, text);
        }
        token->number = jinja_int(value);
    }
    advance(l, end);
    return true;
}

static bool put_point(char **to, uint32_t point)
{
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000) || !point) return false;
    *to += utf8proc_encode_char((int32_t)point, (utf8proc_uint8_t *)*to);
    return true;
}

/* Python's escapes; a backslash before anything else stays. No result is longer than what is written. */
static bool escape(struct jinja_lexer *l, const char **from, const char *end, char **to)
{
    static const char names[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    const char *s = *from; /* behind the backslash */
    for (const char *n = names; *n; n += 2)
        if (*s == *n) {
            *(*to)++ = n[1];
            *from = s + 1;
            return true;
        }
    uint32_t point = 0;
    int want = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0, got = 0;
    if (*s == '\n') {
        *from = s + 1;
        return true;
    }
    if (*s >= '0' && *s <= '7') {
        while (got < 3 && s + got < end && s[got] >= '0' && s[got] <= '7')
            point = point * 8 + (uint32_t)(s[got++] - '0');
        *from = s + got;
    } else if (want) {
        for (; got < want && s + 1 + got < end; got++) {
            char c = s[1 + got];
            int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
            if (d < 0) break;
            point = point << 4 | (uint32_t)d;
        }
        if (got < want) return complain(l, "the escape \\%c in a string takes %d hexadecimal digits", *s, want);
        *from = s + 1 + got;
    } else if (*s == 'N') return complain(l, "the escape \\N in a string is not supported");
    else {
        *(*to)++ = '\\';
        return true;
    }
    return put_point(to, point) || complain(l, "the escape in a string for U+%04X is not supported", (unsigned)point);
}

static bool lex_string(struct jinja_lexer *l, struct jinja_token *token)
{
    char quote = l->source[l->at];
    size_t end = l->at + 1;
    while (end < l->len && l->source[end] != quote) end += l->source[end] == '\\' ? 2 : 1;
    if (end >= l->len) return complain(l, "a string that begins here has no end");
    char *text = lace_jinja_take_text(l->pool, end - l->at - 1), *to = text;
    if (!text) return out_of_memory(l);
    for (const char *from = l->source + l->at + 1; from < l->source + end;) {
        if (*from != '\\') *to++ = *from++;
        else {
            from++;
            if (!escape(l, &from, l->source + end, &to)) return false;
        }
    }
    token->kind = JINJA_TOKEN_STRING;
    token->text = (struct jinja_text){text, (size_t)(to - text)};
    advance(l, end + 1);
    return true;
}

static bool lex_operator(struct jinja_lexer *l, struct jinja_token *token)
{
    static const char doubles[][3] = {"//", "**", "==", "!=", ">=", "<="};
    char c = l->source[l->at], closes = c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : 0;
    token->kind = JINJA_TOKEN_OPERATOR;
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        if (is_at(l, l->at, doubles[i])) {
            token->op = JINJA_OP(doubles[i][0], doubles[i][1]);
            advance(l, l->at + 2);
            return true;
        }
    if (!strchr("+-/*%~[](){}><=.:|,;", c)) {
        bool valid;
        size_t size = lace_utf8_next(l->source + l->at, l->len - l->at, &valid);
        return complain(l, "the character \"%.*s\" has no place in a tag", (int)size, l->source + l->at);
    }
    if (c == '(' || c == '[' || c == '{') {
        if (l->open_count == JINJA_NESTING)
            return complain(l, "brackets are nested deeper than %d levels", JINJA_NESTING);
        l->open[l->open_count++] = c;
    }
    if (closes && (!l->open_count || l->open[--l->open_count] != closes))
        return complain(l, "\"%c\" closes what is not open", c);
    token->op = c;
    advance(l, l->at + 1);
    return true;
}

bool lace_jinja_lex(struct jinja_lexer *l, struct jinja_token *token)
{
    *token = (struct jinja_token){.line = l->line};
    if (l->state == JINJA_IN_DATA) return lex_data(l, token);
    size_t size;
    if (ends_tag(l, token)) return true;
    advance(l, blanks(l, l->at));
    token->line = l->line;
    if (ends_tag(l, token)) return true;
    if (l->at == l->len) {
        token->kind = JINJA_TOKEN_END;
        return true;
    }
    char c = l->source[l->at];
    if (c >= '0' && c <= '9') return lex_number(l, token);
    if (c == '"' || c == '\'') return lex_string(l, token);
    size_t end = l->at;
    while (end < l->len && is_name(lace_jinja_point(l->source + end, l->len - end, &size))) end += size;
    if (end == l->at) return lex_operator(l, token);
    token->kind = JINJA_TOKEN_NAME;
    token->text = (struct jinja_text){l->source + l->at, end - l->at};
    advance(l, end);
    return true;
}
