/* Calls: arguments, the parameters of builtins, macros. */
#include "text/jinja_run.h"

static bool out_of_room(struct jinja *j, struct jinja_call *call, size_t args, size_t named)
{
    if (args > 100000 || named > 1000) return !lace_jinja_fail(j, "a call has too many arguments");
    call->args = lace_jinja_take(&j->pool, args + 1, sizeof *call->args);
    call->named = lace_jinja_take(&j->pool, named + 1, sizeof *call->named);
    return (!call->args || !call->named) && !lace_jinja_no_memory(j);
}

bool lace_jinja_arguments(struct jinja *j, const struct jinja_node *n, struct jinja_call *call)
{
    struct jinja_value star = {0}, stars = {0};
    struct jinja_seq more = {0};
    size_t args = 0, named = 0;
    for (const struct jinja_node *a = n->list; a; a = a->next) args++;
    for (const struct jinja_node *a = n->named; a; a = a->next) named++;
    /* of a filter or test, a is its operand; of a call block there are no stars */
    if (n->b && (!lace_jinja_eval(j, n->b, &star) || !lace_jinja_walk(j, &star, &more))) return false;
    if (n->c) {
        if (!lace_jinja_eval(j, n->c, &stars)) return false;
        if (stars.type != JINJA_DICT) return lace_jinja_fail(j, "what follows ** must be a dict");
        named += stars.dict->count;
    }
    if (out_of_room(j, call, args + more.count, named)) return false;
    for (const struct jinja_node *a = n->list; a; a = a->next)
        if (!lace_jinja_eval(j, a, &call->args[call->count++])) return false;
    for (size_t i = 0; i < more.count; i++) call->args[call->count++] = more.item[i];
    for (const struct jinja_node *a = n->named; a; a = a->next) {
        call->named[call->named_count].name = a->name;
        if (!lace_jinja_eval(j, a->a, &call->named[call->named_count++].value)) return false;
    }
    for (size_t i = 0; n->c && i < stars.dict->count; i++) {
        const struct jinja_entry *e = &stars.dict->entry[i];
        if (e->key.type != JINJA_STRING) return lace_jinja_fail(j, "the keys of what follows ** must be strings");
        call->named[call->named_count++] = (struct jinja_argument){e->key.text, e->value};
    }
    return true;
}

/* The index of a name in "first|second", or -1. */
static int parameter(const char *params, struct jinja_text name)
{
    for (int i = 0; *params; i++) {
        size_t len = strcspn(params, "|");
        if (len == name.len && !memcmp(params, name.bytes, len)) return i;
        params += len + (params[len] == '|');
    }
    return -1;
}

bool lace_jinja_run(struct jinja *j, const struct jinja_builtin *b, const char *what, struct jinja_call *call,
                    struct jinja_value *out)
{
    int most = 0;
    if (!lace_jinja_spend(j, 1)) return false;
    if (!b->params) return b->run(j, call, out);
    for (const char *p = b->params; *p; p++) most += *p == '|';
    most += *b->params != 0;
    if (call->count > most)
        return lace_jinja_fail(j, "the %s \"%s\" takes at most %d argument%s, not %d", what, b->name, most,
                               most == 1 ? "" : "s", call->count);
    for (int i = 0; i < 6; i++) call->slot[i] = i < call->count ? call->args[i] : (struct jinja_value){0};
    for (int i = 0; i < call->named_count; i++) {
        struct jinja_text name = call->named[i].name;
        int at = parameter(b->params, name);
        if (at < 0 || call->slot[at].type != JINJA_ABSENT)
            return lace_jinja_fail(j, "the %s \"%s\" takes no%s argument \"%.*s\"", what, b->name,
                                   at < 0 ? "" : " second", name.len < 60 ? (int)name.len : 60, name.bytes);
        call->slot[at] = call->named[i].value;
    }
    for (int i = 0; i < b->required; i++)
        if (call->slot[i].type == JINJA_ABSENT)
            return lace_jinja_fail(j, "the %s \"%s\" lacks its argument %d", what, b->name, i + 1);
    return b->run(j, call, out);
}

bool lace_jinja_call(struct jinja *j, const struct jinja_value *callee, struct jinja_call *call,
                     struct jinja_value *out)
{
    switch (callee->type) {
    case JINJA_UNDEFINED: return lace_jinja_fail(j, "%.*s", (int)callee->text.len, callee->text.bytes);
    case JINJA_MACRO: return lace_jinja_macro_call(j, callee->macro, call, out);
    case JINJA_FUNCTION:
        call->self = callee->function->self;
        return lace_jinja_run(j, callee->function->builtin, call->self.type == JINJA_ABSENT ? "function" : "method",
                              call, out);
    case JINJA_LOOP:
        if (call->count != 1 || call->named_count)
            return lace_jinja_fail(j, "loop(...) takes the items of the next level");
        return lace_jinja_recurse(j, callee->loop, &call->args[0], out);
    default: return lace_jinja_fail(j, "a %s cannot be called", lace_jinja_type_name(callee));
    }
}

/* ---- macros ---- */

static bool take_named(struct jinja_call *call, const char *bytes, size_t len, struct jinja_value *out)
{
    for (int i = 0; i < call->named_count; i++) {
        if (!jinja_text_same(call->named[i].name, (struct jinja_text){bytes, len})) continue;
        *out = call->named[i].value;
        memmove(&call->named[i], &call->named[i + 1], (size_t)(--call->named_count - i) * sizeof *call->named);
        return true;
    }
    return false;
}

/* The names that Jinja fills by itself where a macro reads them: caller, kwargs, varargs. */
static bool bind_specials(struct jinja *j, const struct jinja_node *n, int taken, bool own_caller,
                          struct jinja_call *call)
{
    struct jinja_value value;
    if (n->caller && !own_caller) {
        if (!take_named(call, "caller", 6, &value) && !lace_jinja_undefined(j, &value, "no caller is defined"))
            return false;
        if (!lace_jinja_bind(j, j->scope, (struct jinja_text){"caller", 6}, &value)) return false;
    }
    if (n->kwargs) {
        if (!lace_jinja_dict(j, 0, &value)) return false;
        for (int i = 0; i < call->named_count; i++) {
            struct jinja_value key = jinja_string(call->named[i].name.bytes, call->named[i].name.len);
            if (!lace_jinja_dict_put(j, value.dict, &key, &call->named[i].value)) return false;
        }
        if (!lace_jinja_bind(j, j->scope, (struct jinja_text){"kwargs", 6}, &value)) return false;
    } else if (call->named_count)
        return lace_jinja_fail(j, "the macro \"%.*s\" takes no argument \"%.*s\"", (int)n->name.len, n->name.bytes,
                               (int)call->named[0].name.len, call->named[0].name.bytes);
    int more = call->count > taken ? call->count - taken : 0;
    if (n->varargs) {
        if (!lace_jinja_list(j, JINJA_TUPLE, (size_t)more, &value)) return false;
        memcpy(value.seq->item, call->args + taken, (size_t)more * sizeof value);
        return lace_jinja_bind(j, j->scope, (struct jinja_text){"varargs", 7}, &value);
    }
    return !more || lace_jinja_fail(j, "the macro \"%.*s\" takes at most %d arguments, not %d", (int)n->name.len,
                                    n->name.bytes, taken, call->count);
}

static bool bind_parameters(struct jinja *j, const struct jinja_node *n, struct jinja_call *call)
{
    int at = 0, count = 0;
    bool own_caller = false;
    for (const struct jinja_node *p = n->list; p; p = p->next) count++;
    struct jinja_value *value = lace_jinja_take(&j->pool, (size_t)count + 1, sizeof *value);
    if (!value) return lace_jinja_no_memory(j);
    for (const struct jinja_node *p = n->list; p; p = p->next, at++) {
        own_caller |= jinja_text_is(p->name, "caller");
        if (at < call->count) value[at] = call->args[at];
        else take_named(call, p->name.bytes, p->name.len, &value[at]);
    }
    if (!bind_specials(j, n, count, own_caller, call)) return false;
    at = 0;
    for (const struct jinja_node *p = n->list; p; p = p->next, at++) { /* a default sees the parameters before it */
        if (value[at].type == JINJA_ABSENT && p->a && !lace_jinja_eval(j, p->a, &value[at])) return false;
        if (value[at].type == JINJA_ABSENT &&
            !lace_jinja_undefined(j, &value[at], "the parameter \"%.*s\" was not given", (int)p->name.len,
                                  p->name.bytes))
            return false;
        if (!lace_jinja_bind(j, j->scope, p->name, &value[at])) return false;
    }
    return true;
}

bool lace_jinja_macro_call(struct jinja *j, const struct jinja_macro *macro, struct jinja_call *call,
                           struct jinja_value *out)
{
    struct jinja_scope *scope = lace_jinja_take(&j->pool, 1, sizeof *scope), *before = j->scope;
    size_t mark = j->out->len;
    int line = j->line;
    if (!scope) return lace_jinja_no_memory(j);
    scope->parent = macro->scope;
    j->scope = scope;
    if (!bind_parameters(j, macro->node, call) || lace_jinja_execute(j, macro->node->body) == JINJA_FAILED ||
        !lace_jinja_cut(j, mark, out))
        return false;
    j->scope = before;
    j->line = line;
    return true;
}
