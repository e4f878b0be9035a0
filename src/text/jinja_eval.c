/* Expressions -> values, by a walk over the tree. */
#include "text/jinja_run.h"

static bool lookup(struct jinja *j, struct jinja_text name, struct jinja_value *out)
{
    uint64_t looked = 0;
    for (const struct jinja_scope *s = j->scope; s; s = s->parent, looked++)
        for (const struct jinja_binding *b = s->first; b; b = b->next, looked++)
            if (jinja_text_same(b->name, name)) {
                *out = b->value;
                return lace_jinja_spend(j, looked / 8);
            }
    const struct jinja_builtin *builtin = lace_jinja_global(name);
    if (!builtin)
        return lace_jinja_undefined(j, out, "\"%.*s\" is undefined", name.len < 60 ? (int)name.len : 60, name.bytes) &&
               lace_jinja_spend(j, looked / 8);
    struct jinja_function *f = lace_jinja_take(&j->pool, 1, sizeof *f);
    if (!f) return lace_jinja_no_memory(j);
    f->builtin = builtin;
    *out = (struct jinja_value){.type = JINJA_FUNCTION, .function = f};
    return true;
}

static bool eval_list(struct jinja *j, const struct jinja_node *n, enum jinja_type type, struct jinja_value *out)
{
    size_t count = 0;
    for (const struct jinja_node *item = n->list; item; item = item->next) count++;
    if (!lace_jinja_list(j, type, count, out)) return false;
    count = 0;
    for (const struct jinja_node *item = n->list; item; item = item->next)
        if (!lace_jinja_eval(j, item, &out->seq->item[count++])) return false;
    return true;
}

static bool eval_dict(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value key, value;
    if (!lace_jinja_dict(j, 0, out)) return false;
    for (const struct jinja_node *pair = n->list; pair; pair = pair->next)
        if (!lace_jinja_eval(j, pair->a, &key) || !lace_jinja_eval(j, pair->b, &value) ||
            !lace_jinja_dict_put(j, out->dict, &key, &value))
            return false;
    return true;
}

static bool eval_slice(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value object, bounds[3] = {0};
    if (!lace_jinja_eval(j, n->a, &object) || (n->b && !lace_jinja_eval(j, n->b, &bounds[0])) ||
        (n->c && !lace_jinja_eval(j, n->c, &bounds[1])) || (n->d && !lace_jinja_eval(j, n->d, &bounds[2])))
        return false;
    j->line = n->line;
    return lace_jinja_slice(j, &object, bounds, out);
}

static bool eval_call(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value callee;
    struct jinja_call call = {0};
    if (!lace_jinja_eval(j, n->a, &callee) || !lace_jinja_arguments(j, n, &call)) return false;
    j->line = n->line;
    return lace_jinja_call(j, &callee, &call, out);
}

/* A filter or a test */
static bool eval_builtin(struct jinja *j, const struct jinja_node *n, const struct jinja_value *self,
                         struct jinja_value *out)
{
    struct jinja_call call = {.self = *self};
    const char *what = n->kind == JINJA_FILTER ? "filter" : "test";
    if (!lace_jinja_arguments(j, n, &call)) return false;
    j->line = n->line;
    if (!n->builtin) return lace_jinja_fail(j, "there is no %s \"%.*s\"", what, (int)n->name.len, n->name.bytes);
    return lace_jinja_run(j, n->builtin, what, &call, out);
}

static bool eval_sign(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value v, zero = jinja_int(0);
    if (!lace_jinja_eval(j, n->a, &v)) return false;
    j->line = n->line;
    if (v.type == JINJA_UNDEFINED) return lace_jinja_fail(j, "%.*s", (int)v.text.len, v.text.bytes);
    if (!jinja_is_number(v.type)) return lace_jinja_fail(j, "a %s has no sign", lace_jinja_type_name(&v));
    if (v.type == JINJA_FLOAT) {
        *out = jinja_float(n->op == '-' ? -v.real : v.real);
        return true;
    }
    return lace_jinja_binary(j, n->op, &zero, &v, out);
}

static bool eval_concat(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value part, text;
    *out = jinja_string("", 0);
    for (const struct jinja_node *item = n->list; item; item = item->next) {
        if (!lace_jinja_eval(j, item, &part) || !lace_jinja_string(j, &part, &text)) return false;
        text.markup = false;
        j->line = n->line;
        if (item == n->list) *out = text;
        else if (!lace_jinja_add(j, out, &text, out)) return false;
    }
    return true;
}

static bool compare(struct jinja *j, int op, const struct jinja_value *a, const struct jinja_value *b, bool *holds)
{
    int order;
    if (op == 'i' || op == 'n') {
        if (!lace_jinja_contains(j, b, a, holds)) return false;
        *holds = *holds == (op == 'i');
        return true;
    }
    if (op == JINJA_OP('=', '=') || op == JINJA_OP('!', '=')) {
        if (!lace_jinja_equal(j, a, b, 0, holds)) return false;
        *holds = *holds == (op == JINJA_OP('=', '='));
        return true;
    }
    if (!lace_jinja_order(j, a, b, 0, &order)) return false;
    if (order == 2) *holds = false; /* not a number */
    else *holds = op == '<' ? order < 0 : op == '>' ? order > 0 : op == JINJA_OP('<', '=') ? order <= 0 : order >= 0;
    return true;
}

/* a < b < c: each with its neighbour, up to the first that fails */
static bool eval_compare(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value left, right;
    bool holds = true;
    if (!lace_jinja_eval(j, n->a, &left)) return false;
    for (const struct jinja_node *part = n->list; part && holds; part = part->next, left = right) {
        if (!lace_jinja_eval(j, part->a, &right)) return false;
        j->line = n->line;
        if (!compare(j, part->op, &left, &right, &holds)) return false;
    }
    *out = jinja_bool(holds);
    return true;
}

static bool eval_choice(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value test;
    if (!lace_jinja_eval(j, n->a, &test)) return false;
    if (lace_jinja_truth(&test)) return lace_jinja_eval(j, n->b, out);
    if (n->c) return lace_jinja_eval(j, n->c, out);
    return lace_jinja_undefined(j, out, "the inline if in line %d has no else, and its condition does not hold",
                                n->line);
}

static bool eval(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value a, b;
    switch (n->kind) {
    case JINJA_CONST: *out = n->constant; return true;
    case JINJA_NAME: return lookup(j, n->name, out);
    case JINJA_LISTED: return eval_list(j, n, JINJA_LIST, out);
    case JINJA_TUPLED: return eval_list(j, n, JINJA_TUPLE, out);
    case JINJA_DICTED: return eval_dict(j, n, out);
    case JINJA_ATTR:
        if (!lace_jinja_eval(j, n->a, &a)) return false;
        j->line = n->line;
        return lace_jinja_attr(j, &a, n->name, out);
    case JINJA_ITEM:
        if (!lace_jinja_eval(j, n->a, &a) || !lace_jinja_eval(j, n->b, &b)) return false;
        j->line = n->line;
        return lace_jinja_item(j, &a, &b, out);
    case JINJA_SLICE: return eval_slice(j, n, out);
    case JINJA_CALL: return eval_call(j, n, out);
    case JINJA_FILTER:
    case JINJA_TEST: return lace_jinja_eval(j, n->a, &a) && eval_builtin(j, n, &a, out);
    case JINJA_NOT:
        if (!lace_jinja_eval(j, n->a, &a)) return false;
        *out = jinja_bool(!lace_jinja_truth(&a));
        return true;
    case JINJA_SIGN: return eval_sign(j, n, out);
    case JINJA_BINARY:
        if (!lace_jinja_eval(j, n->a, &a) || !lace_jinja_eval(j, n->b, &b)) return false;
        j->line = n->line;
        return lace_jinja_binary(j, n->op, &a, &b, out);
    case JINJA_CONCAT: return eval_concat(j, n, out);
    case JINJA_COMPARE: return eval_compare(j, n, out);
    case JINJA_AND:
    case JINJA_OR:
        if (!lace_jinja_eval(j, n->a, out)) return false;
        return lace_jinja_truth(out) == (n->kind == JINJA_OR) || lace_jinja_eval(j, n->b, out);
    case JINJA_COND: return eval_choice(j, n, out);
    default: return lace_jinja_fail(j, "a statement stands where a value is needed");
    }
}

bool lace_jinja_eval(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    j->line = n->line;
    if (j->depth >= JINJA_DEPTH)
        return lace_jinja_fail(j, "more than %d evaluations are nested; a macro may call itself without end",
                               JINJA_DEPTH);
    j->depth++;
    bool fine = lace_jinja_spend(j, 1) && eval(j, n, out);
    j->depth--;
    return fine;
}

/* The filters of a block over the text of its body: the innermost one has no operand of its own. */
bool lace_jinja_apply_filters(struct jinja *j, const struct jinja_node *n, const struct jinja_value *body,
                              struct jinja_value *out)
{
    struct jinja_value self = *body;
    if (j->depth >= JINJA_DEPTH) return lace_jinja_fail(j, "more than %d filters follow each other", JINJA_DEPTH);
    j->depth++;
    bool fine = (!n->a || lace_jinja_apply_filters(j, n->a, body, &self)) && eval_builtin(j, n, &self, out);
    j->depth--;
    return fine;
}
