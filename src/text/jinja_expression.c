/* Tokens -> expressions, level by level as Jinja's own parser binds them:
 * if-else, or, and, not, comparisons, + -, ~, * / // %, **, signs, then filters, tests, calls and subscripts. */
#include "text/jinja_run.h"

static struct jinja_node *expression_or(struct jinja_parser *p);
static struct jinja_node *unary(struct jinja_parser *p, bool with_filters);
static struct jinja_node *primary(struct jinja_parser *p, bool with_namespace);

/* Takes a word or an operator where it stands; *taken says whether. False: the lexer failed. */
static bool take_word(struct jinja_parser *p, const char *word, bool *taken)
{
    *taken = jinja_is_word(&p->now, word);
    return !*taken || lace_jinja_next(p);
}

static struct jinja_node *binary(struct jinja_parser *p, enum jinja_kind kind, int op, int line, struct jinja_node *a,
                                 struct jinja_node *b)
{
    struct jinja_node *n = b ? lace_jinja_node(p, kind) : NULL;
    if (!n) return NULL;
    n->op = op;
    n->line = line;
    n->a = a;
    n->b = b;
    return n;
}

/* ---- arguments ---- */

static bool argument(struct jinja_parser *p, struct jinja_node *call, struct jinja_node ***list,
                     struct jinja_node ***named)
{
    bool star = jinja_is_op(&p->now, '*'), stars = jinja_is_op(&p->now, JINJA_OP('*', '*'));
    if (star || stars) {
        if ((star && (call->b || call->c)) || (stars && call->c))
            return lace_jinja_complain(p, "* and ** arguments stand once, at the end of a call");
        if (!lace_jinja_next(p)) return false;
        struct jinja_node *value = lace_jinja_expression(p, true);
        *(star ? &call->b : &call->c) = value;
        return value != NULL;
    }
    if (p->now.kind == JINJA_TOKEN_NAME) {
        if (!lace_jinja_look(p)) return false;
        if (jinja_is_op(&p->ahead, '=')) {
            struct jinja_node *n = lace_jinja_node(p, JINJA_NAMED);
            if (!n) return false;
            if (call->c) return lace_jinja_complain(p, "an argument follows the ** of a call");
            n->name = p->now.text;
            if (!lace_jinja_next(p) || !lace_jinja_next(p) || !(n->a = lace_jinja_expression(p, true))) return false;
            **named = n;
            *named = &n->next;
            return true;
        }
    }
    if (call->b || call->c || call->named)
        return lace_jinja_complain(p, "an argument without a name follows one that has a name");
    struct jinja_node *value = lace_jinja_expression(p, true);
    if (!value) return false;
    **list = value;
    *list = &value->next;
    return true;
}

/* (a, b, name=c, *d, **e) into a call, filter or test */
static bool arguments(struct jinja_parser *p, struct jinja_node *call)
{
    struct jinja_node **list = &call->list, **named = &call->named;
    bool first = true;
    if (!lace_jinja_expect(p, '(')) return false;
    for (; !jinja_is_op(&p->now, ')'); first = false) {
        if (!first) {
            if (!lace_jinja_expect(p, ',')) return false;
            if (jinja_is_op(&p->now, ')')) break;
        }
        if (!argument(p, call, &list, &named)) return false;
    }
    return lace_jinja_expect(p, ')');
}

/* A dotted name; none of ours has a dot, so it is unknown later on. */
static bool dotted_name(struct jinja_parser *p, struct jinja_text *name, const char *what)
{
    if (p->now.kind != JINJA_TOKEN_NAME) {
        char room[60];
        return lace_jinja_complain(p, "the name of a %s is expected, not %s", what,
                                   lace_jinja_describe(&p->now, room, sizeof room));
    }
    *name = p->now.text;
    if (!lace_jinja_next(p)) return false;
    if (!jinja_is_op(&p->now, '.')) return true;
    return lace_jinja_complain(p, "the %s \"%.*s.\" with a dot in its name is not supported", what, (int)name->len,
                               name->bytes);
}

bool lace_jinja_filters(struct jinja_parser *p, struct jinja_node **node, bool is_inline)
{
    for (; is_inline || jinja_is_op(&p->now, '|'); is_inline = false) {
        bool known = false;
        if (!is_inline && !lace_jinja_next(p)) return false;
        struct jinja_node *n = lace_jinja_node(p, JINJA_FILTER);
        if (!n || !dotted_name(p, &n->name, "filter")) return false;
        n->a = *node;
        n->builtin = lace_jinja_filter(n->name, &known);
        if (!n->builtin && (known || !p->branch))
            return lace_jinja_complain(p,
                                       known ? "the filter \"%.*s\" is not supported" : "there is no filter \"%.*s\"",
                                       (int)n->name.len, n->name.bytes);
        if (jinja_is_op(&p->now, '(') && !arguments(p, n)) return false;
        *node = n;
    }
    return true;
}

static struct jinja_node *postfix(struct jinja_parser *p, struct jinja_node *n);

static struct jinja_node *test(struct jinja_parser *p, struct jinja_node *subject)
{
    bool negated;
    int line = p->now.line;
    if (!lace_jinja_next(p) || !take_word(p, "not", &negated)) return NULL;
    struct jinja_node *n = lace_jinja_node(p, JINJA_TEST);
    if (!n || !dotted_name(p, &n->name, "test")) return NULL;
    n->a = subject;
    n->line = line;
    n->builtin = lace_jinja_test(n->name);
    if (!n->builtin && !p->branch) {
        lace_jinja_complain(p, "there is no test \"%.*s\"", (int)n->name.len, n->name.bytes);
        return NULL;
    }
    const struct jinja_token *t = &p->now;
    if (jinja_is_op(t, '(')) {
        if (!arguments(p, n)) return NULL;
    } else if ((t->kind == JINJA_TOKEN_NAME && !jinja_is_word(t, "else") && !jinja_is_word(t, "or") &&
                !jinja_is_word(t, "and")) ||
               t->kind == JINJA_TOKEN_STRING || t->kind == JINJA_TOKEN_NUMBER || jinja_is_op(t, '[') ||
               jinja_is_op(t, '{')) {
        if (jinja_is_word(t, "is")) {
            lace_jinja_complain(p, "tests cannot be chained with \"is\"");
            return NULL;
        }
        if (!(n->list = primary(p, false)) || !(n->list = postfix(p, n->list))) return NULL;
    }
    if (!negated) return n;
    struct jinja_node *not = lace_jinja_node(p, JINJA_NOT);
    if (not ) not ->a = n;
    return not ;
}

/* ---- subscripts and calls ---- */

/* a[b] and a[b:c:d], the bracket taken already */
static struct jinja_node *bracket(struct jinja_parser *p, struct jinja_node *object)
{
    struct jinja_node *n = lace_jinja_node(p, JINJA_ITEM), **bound[3];
    if (!n) return NULL;
    n->a = object;
    bound[0] = &n->b, bound[1] = &n->c, bound[2] = &n->d;
    for (int i = 0; i < 3; i++) {
        if (!jinja_is_op(&p->now, ':') && !jinja_is_op(&p->now, ']') && !(*bound[i] = lace_jinja_expression(p, true)))
            return NULL;
        if (!jinja_is_op(&p->now, ':')) break;
        n->kind = JINJA_SLICE;
        if (i == 2) {
            lace_jinja_complain(p, "a slice has at most three parts");
            return NULL;
        }
        if (!lace_jinja_next(p)) return NULL;
    }
    if (n->kind == JINJA_ITEM && (!n->b || jinja_is_op(&p->now, ','))) {
        lace_jinja_complain(p, n->b ? "a subscript of several values is not supported" : "a subscript is empty");
        return NULL;
    }
    return lace_jinja_expect(p, ']') ? n : NULL;
}

static struct jinja_node *dot(struct jinja_parser *p, struct jinja_node *object)
{
    struct jinja_node *n = lace_jinja_node(p, JINJA_ATTR);
    if (!n) return NULL;
    n->a = object;
    if (p->now.kind == JINJA_TOKEN_NAME) n->name = p->now.text;
    else if (p->now.kind == JINJA_TOKEN_NUMBER && p->now.number.type == JINJA_INT) {
        n->kind = JINJA_ITEM;
        if (!(n->b = lace_jinja_node(p, JINJA_CONST))) return NULL;
        n->b->constant = p->now.number;
    } else {
        lace_jinja_complain(p, "a name or a number is expected after \".\"");
        return NULL;
    }
    return lace_jinja_next(p) ? n : NULL;
}

static struct jinja_node *call(struct jinja_parser *p, struct jinja_node *callee)
{
    struct jinja_node *n = lace_jinja_node(p, JINJA_CALL);
    if (!n) return NULL;
    n->a = callee;
    return arguments(p, n) ? n : NULL;
}

static struct jinja_node *postfix(struct jinja_parser *p, struct jinja_node *n)
{
    while (n) {
        if (jinja_is_op(&p->now, '(')) n = call(p, n);
        else if (jinja_is_op(&p->now, '.')) n = lace_jinja_next(p) ? dot(p, n) : NULL;
        else if (jinja_is_op(&p->now, '[')) n = lace_jinja_next(p) ? bracket(p, n) : NULL;
        else break;
    }
    return n;
}

static struct jinja_node *filters_and_tests(struct jinja_parser *p, struct jinja_node *n)
{
    while (n) {
        if (jinja_is_op(&p->now, '|')) n = lace_jinja_filters(p, &n, false) ? n : NULL;
        else if (jinja_is_word(&p->now, "is")) n = test(p, n);
        else if (jinja_is_op(&p->now, '(')) n = call(p, n);
        else break;
    }
    return n;
}

/* ---- literals ---- */

/* Elements up to `close`; pairs where it is a brace. */
static struct jinja_node *collection(struct jinja_parser *p, enum jinja_kind kind, int close)
{
    struct jinja_node *n = lace_jinja_node(p, kind), **last = n ? &n->list : NULL;
    if (!n || !lace_jinja_next(p)) return NULL;
    for (bool first = true; !jinja_is_op(&p->now, close); first = false) {
        if (!first) {
            if (!lace_jinja_expect(p, ',')) return NULL;
            if (jinja_is_op(&p->now, close)) break;
        }
        struct jinja_node *item = lace_jinja_expression(p, true);
        if (item && close == '}') {
            int line = item->line;
            item =
                lace_jinja_expect(p, ':') ? binary(p, JINJA_PAIR, 0, line, item, lace_jinja_expression(p, true)) : NULL;
        }
        if (!item) return NULL;
        *last = item;
        last = &item->next;
    }
    return lace_jinja_expect(p, close) ? n : NULL;
}

/* Strings that follow each other are one. */
static struct jinja_node *strings(struct jinja_parser *p)
{
    struct jinja_node *n = lace_jinja_node(p, JINJA_CONST);
    if (!n) return NULL;
    n->constant = jinja_string(p->now.text.bytes, p->now.text.len);
    while (lace_jinja_next(p)) {
        if (p->now.kind != JINJA_TOKEN_STRING) return n;
        struct jinja_text *have = &n->constant.text;
        char *joined = lace_jinja_take_text(p->lexer.pool, have->len + p->now.text.len);
        if (!joined) {
            lace_fail(p->err, LACE_MEMORY, "Out of memory while reading the template %.200s.", p->lexer.path);
            return NULL;
        }
        memcpy(joined, have->bytes, have->len);
        memcpy(joined + have->len, p->now.text.bytes, p->now.text.len);
        *have = (struct jinja_text){joined, have->len + p->now.text.len};
    }
    return NULL;
}

static struct jinja_node *name(struct jinja_parser *p, bool with_namespace)
{
    struct jinja_node *n = lace_jinja_node(p, JINJA_CONST);
    if (!n) return NULL;
    const struct jinja_token *t = &p->now;
    if (jinja_is_word(t, "true") || jinja_is_word(t, "True")) n->constant = jinja_bool(true);
    else if (jinja_is_word(t, "false") || jinja_is_word(t, "False")) n->constant = jinja_bool(false);
    else if (jinja_is_word(t, "none") || jinja_is_word(t, "None")) n->constant = jinja_none();
    else {
        n->kind = JINJA_NAME;
        n->name = t->text;
        if (p->macro) { /* Jinja gives these to the macros that name them */
            p->macro->varargs |= jinja_is_word(t, "varargs");
            p->macro->kwargs |= jinja_is_word(t, "kwargs");
            p->macro->caller |= jinja_is_word(t, "caller");
        }
    }
    if (!lace_jinja_next(p)) return NULL;
    if (n->kind != JINJA_NAME || !with_namespace || !jinja_is_op(&p->now, '.')) return n;
    if (!lace_jinja_next(p)) return NULL;
    if (p->now.kind != JINJA_TOKEN_NAME) {
        lace_jinja_complain(p, "a name is expected after \".\"");
        return NULL;
    }
    n->kind = JINJA_NSREF;
    n->constant = jinja_string(p->now.text.bytes, p->now.text.len);
    return lace_jinja_next(p) ? n : NULL;
}

static struct jinja_node *primary(struct jinja_parser *p, bool with_namespace)
{
    struct jinja_node *n;
    char room[60];
    if (p->now.kind == JINJA_TOKEN_NAME) return name(p, with_namespace);
    if (p->now.kind == JINJA_TOKEN_STRING) return strings(p);
    if (p->now.kind == JINJA_TOKEN_NUMBER) {
        if (!(n = lace_jinja_node(p, JINJA_CONST))) return NULL;
        n->constant = p->now.number;
        return lace_jinja_next(p) ? n : NULL;
    }
    if (jinja_is_op(&p->now, '[')) return collection(p, JINJA_LISTED, ']');
    if (jinja_is_op(&p->now, '{')) return collection(p, JINJA_DICTED, '}');
    if (jinja_is_op(&p->now, '(')) {
        if (!lace_jinja_next(p)) return NULL;
        if (jinja_is_op(&p->now, ')')) {
            n = lace_jinja_node(p, JINJA_TUPLED);
            return n && lace_jinja_next(p) ? n : NULL;
        }
        n = lace_jinja_tuple(p, true, NULL);
        return n && lace_jinja_expect(p, ')') ? n : NULL;
    }
    lace_jinja_complain(p, "an expression is expected, not %s", lace_jinja_describe(&p->now, room, sizeof room));
    return NULL;
}

/* ---- operators ---- */

static struct jinja_node *unary(struct jinja_parser *p, bool with_filters)
{
    struct jinja_node *n;
    if (jinja_is_op(&p->now, '-') || jinja_is_op(&p->now, '+')) {
        if (!(n = lace_jinja_node(p, JINJA_SIGN))) return NULL;
        n->op = p->now.op;
        if (++p->depth > JINJA_NESTING) {
            lace_jinja_complain(p, "expressions are nested deeper than %d levels", JINJA_NESTING);
            return NULL;
        }
        if (!lace_jinja_next(p) || !(n->a = unary(p, false))) return NULL;
        p->depth--;
    } else n = primary(p, false);
    n = n ? postfix(p, n) : NULL;
    return n && with_filters ? filters_and_tests(p, n) : n;
}

static struct jinja_node *power(struct jinja_parser *p)
{
    struct jinja_node *n = unary(p, true);
    while (n && jinja_is_op(&p->now, JINJA_OP('*', '*'))) {
        int line = p->now.line;
        n = lace_jinja_next(p) ? binary(p, JINJA_BINARY, JINJA_OP('*', '*'), line, n, unary(p, true)) : NULL;
    }
    return n;
}

static struct jinja_node *product(struct jinja_parser *p)
{
    struct jinja_node *n = power(p);
    while (n && p->now.kind == JINJA_TOKEN_OPERATOR &&
           (p->now.op == '*' || p->now.op == '/' || p->now.op == '%' || p->now.op == JINJA_OP('/', '/'))) {
        int line = p->now.line, op = p->now.op;
        n = lace_jinja_next(p) ? binary(p, JINJA_BINARY, op, line, n, power(p)) : NULL;
    }
    return n;
}

static struct jinja_node *concat(struct jinja_parser *p)
{
    struct jinja_node *first = product(p);
    if (!first || !jinja_is_op(&p->now, '~')) return first;
    struct jinja_node *n = lace_jinja_node(p, JINJA_CONCAT), *last = first;
    if (!n) return NULL;
    n->list = first;
    while (jinja_is_op(&p->now, '~')) {
        if (!lace_jinja_next(p) || !(last->next = product(p))) return NULL;
        last = last->next;
    }
    return n;
}

static struct jinja_node *sum(struct jinja_parser *p)
{
    struct jinja_node *n = concat(p);
    while (n && (jinja_is_op(&p->now, '+') || jinja_is_op(&p->now, '-'))) {
        int line = p->now.line, op = p->now.op;
        n = lace_jinja_next(p) ? binary(p, JINJA_BINARY, op, line, n, concat(p)) : NULL;
    }
    return n;
}

/* The comparison that stands here, taken: its operator, 0 where there is none, -1 where the lexer failed. */
static int comparison(struct jinja_parser *p)
{
    int op = p->now.op;
    if (p->now.kind == JINJA_TOKEN_OPERATOR) {
        if (op != JINJA_OP('=', '=') && op != JINJA_OP('!', '=') && op != '<' && op != '>' &&
            op != JINJA_OP('<', '=') && op != JINJA_OP('>', '='))
            return 0;
    } else if (jinja_is_word(&p->now, "in")) op = 'i';
    else if (jinja_is_word(&p->now, "not")) {
        if (!lace_jinja_look(p)) return -1;
        if (!jinja_is_word(&p->ahead, "in")) return 0;
        op = 'n';
        if (!lace_jinja_next(p)) return -1;
    } else return 0;
    return lace_jinja_next(p) ? op : -1;
}

static struct jinja_node *compare(struct jinja_parser *p)
{
    struct jinja_node *first = sum(p), *n = NULL, **last = NULL;
    int op = first ? comparison(p) : 0, line = p->now.line;
    if (!op) return first;
    if (op > 0 && (n = lace_jinja_node(p, JINJA_COMPARE))) {
        n->a = first;
        n->line = line;
        last = &n->list;
    }
    for (; n && op > 0; op = comparison(p)) {
        struct jinja_node *part = lace_jinja_node(p, JINJA_CASE);
        if (!part || !(part->a = sum(p))) return NULL;
        part->op = op;
        *last = part;
        last = &part->next;
    }
    return op < 0 ? NULL : n;
}

static struct jinja_node *expression_not(struct jinja_parser *p)
{
    if (!jinja_is_word(&p->now, "not")) return compare(p);
    struct jinja_node *n = lace_jinja_node(p, JINJA_NOT);
    if (++p->depth > JINJA_NESTING) {
        lace_jinja_complain(p, "expressions are nested deeper than %d levels", JINJA_NESTING);
        return NULL;
    }
    if (!n || !lace_jinja_next(p) || !(n->a = expression_not(p))) return NULL;
    p->depth--;
    return n;
}

static struct jinja_node *expression_and(struct jinja_parser *p)
{
    struct jinja_node *n = expression_not(p);
    while (n && jinja_is_word(&p->now, "and")) {
        int line = p->now.line;
        n = lace_jinja_next(p) ? binary(p, JINJA_AND, 0, line, n, expression_not(p)) : NULL;
    }
    return n;
}

static struct jinja_node *expression_or(struct jinja_parser *p)
{
    struct jinja_node *n = expression_and(p);
    while (n && jinja_is_word(&p->now, "or")) {
        int line = p->now.line;
        n = lace_jinja_next(p) ? binary(p, JINJA_OR, 0, line, n, expression_and(p)) : NULL;
    }
    return n;
}

struct jinja_node *lace_jinja_expression(struct jinja_parser *p, bool conditional)
{
    if (++p->depth > JINJA_NESTING) {
        lace_jinja_complain(p, "expressions are nested deeper than %d levels", JINJA_NESTING);
        return NULL;
    }
    bool taken, branch = p->branch;
    struct jinja_node *n = expression_or(p);
    while (n && conditional && jinja_is_word(&p->now, "if")) {
        struct jinja_node *choice = lace_jinja_node(p, JINJA_COND);
        if (!choice || !lace_jinja_next(p)) return NULL;
        choice->b = n;
        p->branch = true;
        if (!(choice->a = expression_or(p)) || !take_word(p, "else", &taken)) return NULL;
        if (taken && !(choice->c = lace_jinja_expression(p, true))) return NULL;
        p->branch = branch;
        n = choice;
    }
    p->depth--;
    return n;
}

/* ---- tuples and targets ---- */

static bool ends_tuple(const struct jinja_parser *p, const char *until)
{
    return p->now.kind == JINJA_TOKEN_PRINT_END || p->now.kind == JINJA_TOKEN_BLOCK_END || jinja_is_op(&p->now, ')') ||
           (until && jinja_is_word(&p->now, until));
}

static struct jinja_node *several(struct jinja_parser *p, bool target, bool conditional, bool with_namespace,
                                  const char *until)
{
    struct jinja_node *tuple = NULL, *first = NULL, **last = &first;
    char room[60];
    for (;;) {
        if (first && !lace_jinja_expect(p, ',')) return NULL;
        if (ends_tuple(p, until)) break;
        *last = target ? primary(p, with_namespace) : lace_jinja_expression(p, conditional);
        if (!*last) return NULL;
        last = &(*last)->next;
        if (!jinja_is_op(&p->now, ',')) break;
        if (!tuple && !(tuple = lace_jinja_node(p, JINJA_TUPLED))) return NULL;
    }
    if (!first) {
        lace_jinja_complain(p, "an expression is expected, not %s", lace_jinja_describe(&p->now, room, sizeof room));
        return NULL;
    }
    if (!tuple) return first;
    tuple->line = first->line;
    tuple->list = first;
    return tuple;
}

struct jinja_node *lace_jinja_tuple(struct jinja_parser *p, bool conditional, const char *until)
{
    return several(p, false, conditional, false, until);
}

static bool assignable(const struct jinja_node *n)
{
    bool fine = n->kind == JINJA_NAME || n->kind == JINJA_NSREF || n->kind == JINJA_TUPLED;
    if (n->kind == JINJA_TUPLED)
        for (const struct jinja_node *part = n->list; part; part = part->next) fine &= assignable(part);
    return fine;
}

struct jinja_node *lace_jinja_target(struct jinja_parser *p, const char *until, bool with_namespace)
{
    struct jinja_node *n = several(p, true, false, with_namespace, until);
    if (!n || assignable(n)) return n;
    lace_jinja_complain(p, "what is assigned to must be a name");
    return NULL;
}
