/* Statements: what they print stands at the end of the output. A body with variables of its own gets a scope; an if has
 * none, and what a loop sets is forgotten at each turn. */
#include "text/jinja_run.h"
#include <locale.h>
#include <stdlib.h>

bool lace_jinja_bind(struct jinja *j, struct jinja_scope *scope, struct jinja_text name,
                     const struct jinja_value *value)
{
    uint64_t looked = 0;
    struct jinja_binding *b = scope->first;
    while (b && !jinja_text_same(b->name, name)) {
        b = b->next;
        looked++;
    }
    if (!b) {
        if (!(b = lace_jinja_take(&j->pool, 1, sizeof *b))) return lace_jinja_no_memory(j);
        b->name = name;
        b->next = scope->first;
        scope->first = b;
    }
    b->value = *value;
    return lace_jinja_spend(j, looked / 8);
}

static bool enter(struct jinja *j, struct jinja_scope *parent)
{
    struct jinja_scope *scope = lace_jinja_take(&j->pool, 1, sizeof *scope);
    if (!scope) return lace_jinja_no_memory(j);
    scope->parent = parent;
    j->scope = scope;
    return true;
}

static bool assign_attribute(struct jinja *j, const struct jinja_node *target, const struct jinja_value *value)
{
    struct jinja_node name = {.kind = JINJA_NAME, .line = target->line, .name = target->name};
    struct jinja_value object;
    if (!lace_jinja_eval(j, &name, &object)) return false;
    if (object.type != JINJA_NAMESPACE)
        return lace_jinja_fail(j, "\"%.*s\" is no namespace; its attributes cannot be set", (int)target->name.len,
                               target->name.bytes);
    if (target->constant.text.bytes[0] == '_')
        return lace_jinja_fail(j, "the attribute \"%.*s\" of a namespace begins with an underscore",
                               (int)target->constant.text.len, target->constant.text.bytes);
    return lace_jinja_dict_put(j, object.dict, &target->constant, value);
}

bool lace_jinja_assign(struct jinja *j, const struct jinja_node *target, const struct jinja_value *value)
{
    struct jinja_seq items;
    size_t count = 0;
    if (target->kind == JINJA_NAME) return lace_jinja_bind(j, j->scope, target->name, value);
    if (target->kind == JINJA_NSREF) return assign_attribute(j, target, value);
    for (const struct jinja_node *t = target->list; t; t = t->next) count++;
    j->line = target->line;
    if (value->type == JINJA_UNDEFINED) return lace_jinja_fail(j, "%.*s", (int)value->text.len, value->text.bytes);
    if (!lace_jinja_walk(j, value, &items)) return false;
    if (items.count != count) return lace_jinja_fail(j, "%zu values cannot be given to %zu names", items.count, count);
    count = 0;
    for (const struct jinja_node *t = target->list; t; t = t->next)
        if (!lace_jinja_assign(j, t, &items.item[count++])) return false;
    return true;
}

/* ---- loops ---- */

/* The next item that passes the loop's filter; *out ABSENT: none is left. */
static bool advance(struct jinja *j, struct jinja_loop *l, struct jinja_value *out)
{
    *out = (struct jinja_value){0};
    while (l->items.at < l->items.count) {
        struct jinja_value item = l->items.item[l->items.at++], test;
        if (l->node->c && !l->drained) {
            struct jinja_scope *before = j->scope;
            if (!enter(j, l->scope) || !lace_jinja_assign(j, l->node->a, &item) ||
                !lace_jinja_eval(j, l->node->c, &test))
                return false;
            j->scope = before;
            if (!lace_jinja_truth(&test)) continue;
        }
        *out = item;
        break;
    }
    return true;
}

static bool peek(struct jinja *j, struct jinja_loop *l)
{
    return l->ahead.type != JINJA_ABSENT || advance(j, l, &l->ahead);
}

static bool loop_length(struct jinja *j, struct jinja_loop *l)
{
    struct jinja_value rest, item;
    if (l->length >= 0) return true;
    if (!l->node->c) {
        l->length = (int64_t)l->items.count;
        return true;
    }
    if (!lace_jinja_list(j, JINJA_LIST, l->items.count - l->items.at, &rest)) return false;
    size_t count = 0;
    for (;;) {
        if (!advance(j, l, &item)) return false;
        if (item.type == JINJA_ABSENT) break;
        rest.seq->item[count++] = item;
    }
    l->length = (int64_t)count + l->index0 + 1 + (l->ahead.type != JINJA_ABSENT);
    l->items = *rest.seq;
    l->items.count = count;
    l->drained = true;
    return true;
}

static bool loop_cycle(struct jinja *j, struct jinja_call *call, struct jinja_value *out)
{
    if (!call->count) return lace_jinja_fail(j, "loop.cycle takes the values to choose from");
    *out = call->args[call->self.loop->index0 % call->count];
    return true;
}

static bool loop_changed(struct jinja *j, struct jinja_call *call, struct jinja_value *out)
{
    struct jinja_loop *l = call->self.loop;
    struct jinja_value now;
    bool same = false;
    if (!lace_jinja_list(j, JINJA_TUPLE, (size_t)call->count, &now)) return false;
    memcpy(now.seq->item, call->args, (size_t)call->count * sizeof now);
    if (l->changed.type != JINJA_ABSENT && !lace_jinja_equal(j, &l->changed, &now, 0, &same)) return false;
    l->changed = now;
    *out = jinja_bool(!same);
    return true;
}

bool lace_jinja_loop_attr(struct jinja *j, struct jinja_loop *l, struct jinja_text name, struct jinja_value *out,
                          bool *known)
{
    static const struct jinja_builtin cycle = {"cycle", NULL, 0, loop_cycle},
                                      changed = {"changed", NULL, 0, loop_changed};
    static const char *const counts[] = {"index", "index0", "length", "revindex", "revindex0", "depth", "depth0"};
    *known = true;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (!jinja_text_is(name, counts[i])) continue;
        if (i >= 2 && i <= 4 && !loop_length(j, l)) return false;
        const int64_t value[] = {l->index0 + 1, l->index0, l->length, l->length - l->index0, l->length - l->index0 - 1,
                                 l->depth0 + 1, l->depth0};
        *out = jinja_int(value[i]);
        return true;
    }
    bool next = jinja_text_is(name, "nextitem"), before = jinja_text_is(name, "previtem");
    if (jinja_text_is(name, "first")) *out = jinja_bool(l->index0 == 0);
    else if (jinja_text_is(name, "last") || next) {
        if (!peek(j, l)) return false;
        if (!next) *out = jinja_bool(l->ahead.type == JINJA_ABSENT);
        else if (l->ahead.type == JINJA_ABSENT) return lace_jinja_undefined(j, out, "there is no next item");
        else *out = l->ahead;
    } else if (before) {
        if (l->index0 == 0) return lace_jinja_undefined(j, out, "there is no previous item");
        *out = l->before;
    } else if (jinja_text_is(name, "cycle") || jinja_text_is(name, "changed")) {
        struct jinja_function *f = lace_jinja_take(&j->pool, 1, sizeof *f);
        if (!f) return lace_jinja_no_memory(j);
        *f = (struct jinja_function){name.len == 5 ? &cycle : &changed, {.type = JINJA_LOOP, .loop = l}};
        *out = (struct jinja_value){.type = JINJA_FUNCTION, .function = f};
    } else *known = false;
    return true;
}

static enum jinja_flow turns(struct jinja *j, struct jinja_loop *l)
{
    struct jinja_value self = {.type = JINJA_LOOP, .loop = l}, item;
    for (;;) {
        item = l->ahead;
        l->ahead = (struct jinja_value){0};
        if (item.type == JINJA_ABSENT && !advance(j, l, &item)) return JINJA_FAILED;
        if (item.type == JINJA_ABSENT) return JINJA_DONE;
        l->index0++;
        l->before = l->current;
        l->current = item;
        if (!lace_jinja_spend(j, 1) || !enter(j, l->scope) ||
            !lace_jinja_bind(j, j->scope, (struct jinja_text){"loop", 4}, &self) ||
            !lace_jinja_assign(j, l->node->a, &item))
            return JINJA_FAILED;
        enum jinja_flow flow = lace_jinja_execute(j, l->node->body);
        if (flow == JINJA_FAILED) return JINJA_FAILED;
        if (flow == JINJA_BROKE) return JINJA_DONE;
    }
}

static enum jinja_flow run_loop(struct jinja *j, const struct jinja_node *n, struct jinja_scope *scope,
                                const struct jinja_value *items, int64_t depth0)
{
    struct jinja_loop *l = lace_jinja_take(&j->pool, 1, sizeof *l);
    struct jinja_scope *before = j->scope;
    if (!l) return lace_jinja_no_memory(j), JINJA_FAILED;
    *l = (struct jinja_loop){.node = n, .scope = scope, .index0 = -1, .depth0 = depth0, .length = -1};
    if (!lace_jinja_walk(j, items, &l->items)) return JINJA_FAILED;
    enum jinja_flow flow = turns(j, l);
    if (flow != JINJA_FAILED && l->index0 < 0 && n->otherwise) {
        if (!enter(j, scope)) return JINJA_FAILED;
        flow = lace_jinja_execute(j, n->otherwise);
    }
    j->scope = before;
    return flow;
}

bool lace_jinja_recurse(struct jinja *j, struct jinja_loop *l, const struct jinja_value *items, struct jinja_value *out)
{
    size_t mark = j->out->len;
    int line = j->line;
    if (!l->node->op) return lace_jinja_fail(j, "a loop that is called must be marked recursive");
    if (run_loop(j, l->node, l->scope, items, l->depth0 + 1) == JINJA_FAILED) return false;
    j->line = line;
    return lace_jinja_cut(j, mark, out);
}

/* ---- statements ---- */

static bool print(struct jinja *j, const struct jinja_node *n)
{
    struct jinja_value value;
    if (!lace_jinja_eval(j, n->a, &value)) return false;
    j->line = n->line;
    return lace_jinja_print(j, &value);
}

/* A body in a scope of its own: its text, or what it prints where text is NULL. */
static bool scoped(struct jinja *j, const struct jinja_node *body, struct jinja_value *text)
{
    struct jinja_scope *before = j->scope;
    size_t mark = j->out->len;
    if (!enter(j, before) || lace_jinja_execute(j, body) == JINJA_FAILED) return false;
    j->scope = before;
    return !text || lace_jinja_cut(j, mark, text);
}

static bool filtered(struct jinja *j, const struct jinja_node *filters, const struct jinja_node *n,
                     struct jinja_value *text)
{
    if (!scoped(j, n->body, text)) return false;
    j->line = n->line;
    return !filters || lace_jinja_apply_filters(j, filters, text, text);
}

static bool define(struct jinja *j, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_macro *macro = lace_jinja_take(&j->pool, 1, sizeof *macro);
    if (!macro) return lace_jinja_no_memory(j);
    *macro = (struct jinja_macro){n, j->scope};
    *out = (struct jinja_value){.type = JINJA_MACRO, .macro = macro};
    return true;
}

static bool call_block(struct jinja *j, const struct jinja_node *n)
{
    struct jinja_value callee, caller, text;
    struct jinja_call call = {0};
    if (!lace_jinja_eval(j, n->a->a, &callee) || !lace_jinja_arguments(j, n->a, &call) || !define(j, n, &caller))
        return false;
    call.named[call.named_count++] = (struct jinja_argument){{"caller", 6}, caller}; /* one place was left for it */
    j->line = n->line;
    return lace_jinja_call(j, &callee, &call, &text) && lace_jinja_print(j, &text);
}

/* All values are computed before the first name is set. */
static enum jinja_flow with(struct jinja *j, const struct jinja_node *n)
{
    struct jinja_scope *before = j->scope;
    struct jinja_value values;
    size_t count = 0;
    for (const struct jinja_node *s = n->list; s; s = s->next) count++;
    if (!lace_jinja_list(j, JINJA_LIST, count, &values)) return JINJA_FAILED;
    count = 0;
    for (const struct jinja_node *s = n->list; s; s = s->next)
        if (!lace_jinja_eval(j, s->b, &values.seq->item[count++])) return JINJA_FAILED;
    if (!enter(j, before)) return JINJA_FAILED;
    count = 0;
    for (const struct jinja_node *s = n->list; s; s = s->next)
        if (!lace_jinja_assign(j, s->a, &values.seq->item[count++])) return JINJA_FAILED;
    enum jinja_flow flow = lace_jinja_execute(j, n->body);
    j->scope = before;
    return flow;
}

static enum jinja_flow choose(struct jinja *j, const struct jinja_node *n)
{
    struct jinja_value test;
    for (; n && n->kind == JINJA_IF; n = n->otherwise) {
        if (!lace_jinja_eval(j, n->a, &test)) return JINJA_FAILED;
        if (lace_jinja_truth(&test)) return lace_jinja_execute(j, n->body);
        if (!n->op) return lace_jinja_execute(j, n->otherwise); /* no elif */
    }
    return JINJA_DONE;
}

static enum jinja_flow statement(struct jinja *j, const struct jinja_node *n)
{
    struct jinja_value value;
    bool fine = true;
    j->line = n->line;
    switch (n->kind) {
    case JINJA_DATA: fine = lace_jinja_put(j, n->name.bytes, n->name.len); break;
    case JINJA_PRINT: fine = print(j, n); break;
    case JINJA_IF: return choose(j, n);
    case JINJA_FOR: return lace_jinja_eval(j, n->b, &value) ? run_loop(j, n, j->scope, &value, 0) : JINJA_FAILED;
    case JINJA_SET: fine = lace_jinja_eval(j, n->b, &value) && lace_jinja_assign(j, n->a, &value); break;
    case JINJA_SET_BLOCK: fine = filtered(j, n->b, n, &value) && lace_jinja_assign(j, n->a, &value); break;
    case JINJA_MACRO_DEF: fine = define(j, n, &value) && lace_jinja_bind(j, j->scope, n->name, &value); break;
    case JINJA_CALL_BLOCK: fine = call_block(j, n); break;
    case JINJA_FILTERED: fine = filtered(j, n->a, n, &value) && lace_jinja_print(j, &value); break;
    case JINJA_WITH: return with(j, n);
    case JINJA_BREAK: return JINJA_BROKE;
    case JINJA_CONTINUE: return JINJA_CONTINUED;
    case JINJA_GENERATION: fine = scoped(j, n->body, NULL); break;
    default: fine = lace_jinja_fail(j, "an expression stands where a statement is needed");
    }
    return fine ? JINJA_DONE : JINJA_FAILED;
}

enum jinja_flow lace_jinja_execute(struct jinja *j, const struct jinja_node *body)
{
    enum jinja_flow flow = JINJA_DONE;
    if (j->depth >= JINJA_DEPTH) {
        if (body) j->line = body->line;
        lace_jinja_fail(j, "more than %d evaluations are nested; a macro may call itself without end", JINJA_DEPTH);
        return JINJA_FAILED;
    }
    j->depth++;
    for (const struct jinja_node *n = body; n && flow == JINJA_DONE; n = n->next)
        flow = lace_jinja_spend(j, 1) ? statement(j, n) : JINJA_FAILED;
    j->depth--;
    return flow;
}

static bool render(struct jinja *j, const json_t *variables)
{
    struct jinja_scope root = {0};
    struct jinja_value value;
    const char *name;
    json_t *item;
    j->scope = &root;
    json_object_foreach(
        (json_t *)variables, name,
        item) if (!lace_jinja_from_json(j, item, 0, &value) ||
                  !lace_jinja_bind(j, &root, (struct jinja_text){name, strlen(name)}, &value)) return false;
    struct jinja_scope top = {.parent = &root}; /* so that `set` changes nothing that was given */
    j->scope = &top;
    return lace_jinja_execute(j, j->jinja->body) != JINJA_FAILED;
}

int lace_jinja_render(const struct lace_jinja *jinja, const json_t *variables, time_t now, struct lace_text *out,
                      struct lace_error *err)
{
    struct jinja j = {.jinja = jinja, .out = out, .begin = out->len, .now = now, .err = err, .line = 1};
    j.pool.limit = JINJA_MEMORY;
    locale_t plain = newlocale(LC_ALL_MASK, "C", NULL), before = plain ? uselocale(plain) : NULL;
    lace_text_str(out, ""); /* memory, so that an empty output is a text too */
    bool fine = render(&j, variables);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    lace_jinja_pool_release(&j.pool);
    if (!fine && !out->failed) out->len = j.begin;
    if (out->data) out->data[out->len] = 0;
    return fine ? 0 : j.code;
}
