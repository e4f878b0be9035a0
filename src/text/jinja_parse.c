/* Tokens -> statements, and a template opened and closed. */
#include "text/jinja_run.h"
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>

static struct jinja_node *statements(struct jinja_parser *p, const char *const *ends);

bool lace_jinja_complain(struct jinja_parser *p, const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return lace_jinja_error(p->err, p->lexer.path, p->now.line, "%s", what);
}

const char *lace_jinja_describe(const struct jinja_token *t, char *room, size_t size)
{
    switch (t->kind) {
    case JINJA_TOKEN_END: return "the template's end";
    case JINJA_TOKEN_DATA: return "text";
    case JINJA_TOKEN_PRINT_BEGIN: return "\"{{\"";
    case JINJA_TOKEN_PRINT_END: return "\"}}\"";
    case JINJA_TOKEN_BLOCK_BEGIN: return "\"{%\"";
    case JINJA_TOKEN_BLOCK_END: return "\"%}\"";
    case JINJA_TOKEN_STRING: return "a string";
    case JINJA_TOKEN_NUMBER: return "a number";
    case JINJA_TOKEN_NAME:
        snprintf(room, size, "\"%.*s\"", t->text.len < 40 ? (int)t->text.len : 40, t->text.bytes);
        break;
    case JINJA_TOKEN_OPERATOR: snprintf(room, size, "\"%c%s\"", t->op & 255, (char[2]){(char)(t->op >> 8), 0}); break;
    }
    return room;
}

bool lace_jinja_next(struct jinja_parser *p)
{
    if (!p->looked) return lace_jinja_lex(&p->lexer, &p->now);
    p->now = p->ahead;
    p->looked = false;
    return true;
}

bool lace_jinja_look(struct jinja_parser *p)
{
    if (!p->looked && !lace_jinja_lex(&p->lexer, &p->ahead)) return false;
    p->looked = true;
    return true;
}

bool lace_jinja_expect(struct jinja_parser *p, int op)
{
    char room[60], want[8] = {(char)op};
    if (jinja_is_op(&p->now, op)) return lace_jinja_next(p);
    return lace_jinja_complain(p, "\"%s\" is expected, not %s", want, lace_jinja_describe(&p->now, room, sizeof room));
}

struct jinja_node *lace_jinja_node(struct jinja_parser *p, enum jinja_kind kind)
{
    struct jinja_node *n = lace_jinja_take(p->lexer.pool, 1, sizeof *n);
    if (!n) {
        lace_fail(p->err, LACE_MEMORY, "The template %.200s takes more memory than there is.", p->lexer.path);
        return NULL;
    }
    n->kind = kind;
    n->line = p->now.line;
    n->name.bytes = "";
    return n;
}

/* ---- statements; each stands behind its own word and ends before the tag's end ---- */

static bool expect_kind(struct jinja_parser *p, enum jinja_token_kind kind, const char *what)
{
    char room[60];
    if (p->now.kind == kind) return lace_jinja_next(p);
    return lace_jinja_complain(p, "%s is expected, not %s", what, lace_jinja_describe(&p->now, room, sizeof room));
}

static bool take_name(struct jinja_parser *p, struct jinja_text *name)
{
    *name = p->now.text;
    return expect_kind(p, JINJA_TOKEN_NAME, "a name");
}

/* A body up to one of the words of ends, which stands then. An empty body is NULL with *body NULL. */
static bool body(struct jinja_parser *p, struct jinja_node **list, const char *const *ends)
{
    if (jinja_is_op(&p->now, ':') && !lace_jinja_next(p)) return false;
    if (!expect_kind(p, JINJA_TOKEN_BLOCK_END, "\"%}\"")) return false;
    struct jinja_node *holder = statements(p, ends);
    if (!holder) return false;
    *list = holder->next;
    return true;
}

/* A body up to its own end word, taken too. */
static bool closed_body(struct jinja_parser *p, struct jinja_node **list, const char *end)
{
    const char *const ends[] = {end, NULL};
    return body(p, list, ends) && lace_jinja_next(p);
}

static bool parse_set(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_SET;
    if (!(n->a = lace_jinja_target(p, NULL, true))) return false;
    if (jinja_is_op(&p->now, '=')) return lace_jinja_next(p) && (n->b = lace_jinja_tuple(p, true, NULL));
    n->kind = JINJA_SET_BLOCK;
    return lace_jinja_filters(p, &n->b, false) && closed_body(p, &n->body, "endset");
}

static bool parse_for(struct jinja_parser *p, struct jinja_node *n)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    n->kind = JINJA_FOR;
    if (!(n->a = lace_jinja_target(p, "in", false))) return false;
    if (!jinja_is_word(&p->now, "in")) return lace_jinja_complain(p, "\"in\" is expected in a for");
    if (!lace_jinja_next(p) || !(n->b = lace_jinja_tuple(p, false, "recursive"))) return false;
    if (jinja_is_word(&p->now, "if") && (!lace_jinja_next(p) || !(n->c = lace_jinja_expression(p, true)))) return false;
    if (jinja_is_word(&p->now, "recursive")) {
        n->op = 1;
        if (!lace_jinja_next(p)) return false;
    }
    p->loops++;
    if (!body(p, &n->body, ends)) return false;
    p->loops--;
    bool more = jinja_is_word(&p->now, "else");
    return lace_jinja_next(p) && (!more || closed_body(p, &n->otherwise, "endfor"));
}

static bool parse_if(struct jinja_parser *p, struct jinja_node *n)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    bool branch = p->branch;
    p->branch = true;
    for (;;) {
        n->kind = JINJA_IF;
        if (!(n->a = lace_jinja_tuple(p, false, NULL)) || !body(p, &n->body, ends)) return false;
        bool elif = jinja_is_word(&p->now, "elif"), other = jinja_is_word(&p->now, "else");
        if (!lace_jinja_next(p)) return false;
        if (other && !closed_body(p, &n->otherwise, "endif")) return false;
        if (!elif) break;
        n->op = 1; /* otherwise is the elif, an if of its own */
        if (!(n->otherwise = lace_jinja_node(p, JINJA_IF))) return false;
        n = n->otherwise;
    }
    p->branch = branch;
    return true;
}

/* (name, name=default, ...) */
static bool parameters(struct jinja_parser *p, struct jinja_node *n)
{
    struct jinja_node **last = &n->list;
    bool defaults = false;
    int count = 0;
    if (!lace_jinja_expect(p, '(')) return false;
    while (!jinja_is_op(&p->now, ')')) {
        if (n->list && !lace_jinja_expect(p, ',')) return false;
        struct jinja_node *one = lace_jinja_node(p, JINJA_PARAM);
        if (!one || !take_name(p, &one->name)) return false;
        if (++count > JINJA_PARAMETERS)
            return lace_jinja_complain(p, "more than %d parameters are not supported", JINJA_PARAMETERS);
        for (struct jinja_node *before = n->list; before; before = before->next)
            if (jinja_text_same(before->name, one->name))
                return lace_jinja_complain(p, "the parameter \"%.*s\" stands twice", (int)one->name.len,
                                           one->name.bytes);
        if (jinja_is_op(&p->now, '=')) {
            if (!lace_jinja_next(p) || !(one->a = lace_jinja_expression(p, true))) return false;
            defaults = true;
        } else if (defaults)
            return lace_jinja_complain(p, "a parameter without default follows one that has a default");
        *last = one;
        last = &one->next;
    }
    return lace_jinja_next(p);
}

/* The body of a function: loops outside of it cannot be left from inside. */
static bool function_body(struct jinja_parser *p, struct jinja_node *n, const char *end)
{
    struct jinja_node *around = p->macro;
    int loops = p->loops;
    p->macro = n;
    p->loops = 0;
    if (!closed_body(p, &n->body, end)) return false;
    p->macro = around;
    p->loops = loops;
    if (around) { /* Jinja looks for these names in all that the body holds */
        around->varargs |= n->varargs;
        around->kwargs |= n->kwargs;
        around->caller |= n->caller;
    }
    return true;
}

static bool parse_macro(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_MACRO_DEF;
    return take_name(p, &n->name) && parameters(p, n) && function_body(p, n, "endmacro");
}

static bool parse_call(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_CALL_BLOCK;
    if (jinja_is_op(&p->now, '(') && !parameters(p, n)) return false;
    if (!(n->a = lace_jinja_expression(p, true))) return false;
    if (n->a->kind != JINJA_CALL) return lace_jinja_complain(p, "a call block needs a call");
    return function_body(p, n, "endcall");
}

static bool parse_filter(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_FILTERED;
    return lace_jinja_filters(p, &n->a, true) && closed_body(p, &n->body, "endfilter");
}

static bool parse_with(struct jinja_parser *p, struct jinja_node *n)
{
    struct jinja_node **last = &n->list;
    n->kind = JINJA_WITH;
    while (p->now.kind != JINJA_TOKEN_BLOCK_END) {
        if (n->list && !lace_jinja_expect(p, ',')) return false;
        struct jinja_node *set = lace_jinja_node(p, JINJA_SET);
        if (!set || !(set->a = lace_jinja_target(p, NULL, false)) || !lace_jinja_expect(p, '=') ||
            !(set->b = lace_jinja_expression(p, true)))
            return false;
        *last = set;
        last = &set->next;
    }
    return closed_body(p, &n->body, "endwith");
}

static bool parse_print(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_PRINT;
    if (!(n->a = lace_jinja_node(p, JINJA_CONCAT))) return false;
    for (struct jinja_node **last = &n->a->list; p->now.kind != JINJA_TOKEN_BLOCK_END; last = &(*last)->next) {
        if (n->a->list && !lace_jinja_expect(p, ',')) return false;
        if (!(*last = lace_jinja_expression(p, true))) return false;
    }
    return true;
}

static bool parse_jump(struct jinja_parser *p, struct jinja_node *n, enum jinja_kind kind)
{
    n->kind = kind;
    if (p->loops) return true;
    return lace_jinja_complain(p, "\"%s\" stands outside of a loop", kind == JINJA_BREAK ? "break" : "continue");
}

static bool parse_generation(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_GENERATION;
    return function_body(p, n, "endgeneration");
}

static bool statement(struct jinja_parser *p, struct jinja_node *n)
{
    static const char *const refused[] = {"block", "extends", "include", "import", "from", "autoescape", NULL};
    struct jinja_token t = p->now;
    if (t.kind != JINJA_TOKEN_NAME) return lace_jinja_complain(p, "the name of a statement is expected after \"{%%\"");
    for (int i = 0; refused[i]; i++)
        if (jinja_is_word(&t, refused[i]))
            return lace_jinja_complain(p, "the statement \"%s\" is not supported", refused[i]);
    if (!lace_jinja_next(p)) return false;
    if (jinja_is_word(&t, "set")) return parse_set(p, n);
    if (jinja_is_word(&t, "if")) return parse_if(p, n);
    if (jinja_is_word(&t, "for")) return parse_for(p, n);
    if (jinja_is_word(&t, "macro")) return parse_macro(p, n);
    if (jinja_is_word(&t, "call")) return parse_call(p, n);
    if (jinja_is_word(&t, "filter")) return parse_filter(p, n);
    if (jinja_is_word(&t, "with")) return parse_with(p, n);
    if (jinja_is_word(&t, "print")) return parse_print(p, n);
    if (jinja_is_word(&t, "break")) return parse_jump(p, n, JINJA_BREAK);
    if (jinja_is_word(&t, "continue")) return parse_jump(p, n, JINJA_CONTINUE);
    if (jinja_is_word(&t, "generation")) return parse_generation(p, n);
    p->now = t;
    return lace_jinja_complain(p, "the statement \"%.*s\" is unknown, or ends a block that is not open",
                               t.text.len < 40 ? (int)t.text.len : 40, t.text.bytes);
}

/* Statements up to one of ends (NULL: the template's end), behind a node that only holds the list. NULL: failed. */
static struct jinja_node *statements(struct jinja_parser *p, const char *const *ends)
{
    struct jinja_node *holder = lace_jinja_node(p, JINJA_DATA), *last = holder;
    if (!holder) return NULL;
    int begun = p->now.line;
    if (++p->depth > JINJA_NESTING) {
        lace_jinja_complain(p, "blocks are nested deeper than %d levels", JINJA_NESTING);
        return NULL;
    }
    for (;;) {
        struct jinja_node *n;
        if (p->now.kind == JINJA_TOKEN_END) {
            p->depth--;
            if (!ends) return holder;
            lace_jinja_complain(p, "the template ends without the \"%s\" of a block whose body begins in line %d",
                                ends[ends[1] && ends[2] ? 2 : 0], begun);
            return NULL;
        }
        if (!(n = lace_jinja_node(p, JINJA_DATA))) return NULL;
        if (p->now.kind == JINJA_TOKEN_DATA) {
            n->name = p->now.text;
            if (!lace_jinja_next(p)) return NULL;
        } else if (p->now.kind == JINJA_TOKEN_PRINT_BEGIN) {
            n->kind = JINJA_PRINT;
            if (!lace_jinja_next(p) || !(n->a = lace_jinja_tuple(p, true, NULL)) ||
                !expect_kind(p, JINJA_TOKEN_PRINT_END, "\"}}\""))
                return NULL;
        } else {
            if (!lace_jinja_next(p)) return NULL;
            for (int i = 0; ends && ends[i]; i++)
                if (jinja_is_word(&p->now, ends[i])) {
                    p->depth--;
                    return holder;
                }
            if (!statement(p, n) || !expect_kind(p, JINJA_TOKEN_BLOCK_END, "\"%}\"")) return NULL;
        }
        last->next = n;
        last = n;
    }
}

int lace_jinja_parse(struct lace_jinja **jinja, const char *source, size_t len, const char *path,
                     struct lace_error *err)
{
    struct jinja_parser p = {.err = err};
    struct lace_jinja *t = *jinja = calloc(1, sizeof *t);
    if (!t || !(t->path = strdup(path))) {
        lace_jinja_close(jinja);
        return lace_fail(err, LACE_MEMORY, "Out of memory while reading the template %.200s.", path);
    }
    t->pool.limit = JINJA_MEMORY;
    /* numbers are written with a point, whatever the caller's locale says */
    locale_t plain = newlocale(LC_ALL_MASK, "C", NULL), before = plain ? uselocale(plain) : NULL;
    struct jinja_node *holder = NULL;
    if (lace_jinja_lex_init(&p.lexer, &t->pool, source, len, t->path, err) && lace_jinja_next(&p))
        holder = statements(&p, NULL);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    if (!holder) {
        lace_jinja_close(jinja);
        return LACE_BAD;
    }
    t->body = holder->next;
    return 0;
}

void lace_jinja_close(struct lace_jinja **jinja)
{
    if (!*jinja) return;
    lace_jinja_pool_release(&(*jinja)->pool);
    free((*jinja)->path);
    free(*jinja);
    *jinja = NULL;
}
