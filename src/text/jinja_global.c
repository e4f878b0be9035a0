/* The functions that a template finds (range, namespace, raise_exception, ...), and the methods of dicts and lists. */
#include "text/jinja_run.h"

#define FUNCTION(name) static bool name(struct jinja *j, struct jinja_call *call, struct jinja_value *out)

/* ---- globals ---- */

static bool whole(struct jinja *j, const struct jinja_value *v, int64_t *number)
{
    if (v->type == JINJA_UNDEFINED) return lace_jinja_fail(j, "%.*s", (int)v->text.len, v->text.bytes);
    *number = v->type == JINJA_BOOL ? v->truth : v->integer;
    return v->type == JINJA_INT || v->type == JINJA_BOOL ||
           lace_jinja_fail(j, "a whole number is needed, not a %s", lace_jinja_type_name(v));
}

FUNCTION(range)
{
    int64_t start = 0, stop = 0, step = 1;
    int given = 1 + (call->slot[1].type != JINJA_ABSENT) + (call->slot[2].type != JINJA_ABSENT);
    if (!whole(j, &call->slot[0], given > 1 ? &start : &stop) || (given > 1 && !whole(j, &call->slot[1], &stop)) ||
        (given > 2 && !whole(j, &call->slot[2], &step)))
        return false;
    if (!step) return lace_jinja_fail(j, "the step of a range cannot be 0");
    uint64_t distance = step > 0       ? stop > start ? (uint64_t)stop - (uint64_t)start : 0
                        : start > stop ? (uint64_t)start - (uint64_t)stop
                                       : 0,
             stride = step > 0 ? (uint64_t)step : -(uint64_t)step, count = distance ? (distance - 1) / stride + 1 : 0;
    if (count > JINJA_RANGE_MAX)
        return lace_jinja_fail(j, "a range of %llu numbers is longer than the %d that it may be",
                               (unsigned long long)count, JINJA_RANGE_MAX);
    if (!lace_jinja_list(j, JINJA_RANGE, (size_t)count, out)) return false;
    for (size_t i = 0; i < count; i++) out->seq->item[i] = jinja_int((int64_t)((uint64_t)start + i * (uint64_t)step));
    out->seq->start = start;
    out->seq->stop = stop;
    out->seq->step = step;
    return true;
}

/* dict(pairs or a dict, name=value, ...) */
FUNCTION(make_dict)
{
    struct jinja_seq items, pair;
    if (call->count > 1) return lace_jinja_fail(j, "dict takes at most one value without a name");
    if (!lace_jinja_dict(j, 0, out)) return false;
    if (call->count && call->args[0].type == JINJA_DICT) {
        const struct jinja_dict *d = call->args[0].dict;
        for (size_t i = 0; i < d->count; i++)
            if (!lace_jinja_dict_put(j, out->dict, &d->entry[i].key, &d->entry[i].value)) return false;
    } else if (call->count) {
        if (!lace_jinja_walk(j, &call->args[0], &items)) return false;
        for (size_t i = 0; i < items.count; i++) {
            if (!lace_jinja_walk(j, &items.item[i], &pair)) return false;
            if (pair.count != 2) return lace_jinja_fail(j, "dict takes pairs, not %zu values", pair.count);
            if (!lace_jinja_dict_put(j, out->dict, &pair.item[0], &pair.item[1])) return false;
        }
    }
    for (int i = 0; i < call->named_count; i++) {
        struct jinja_value key = jinja_string(call->named[i].name.bytes, call->named[i].name.len);
        if (!lace_jinja_dict_put(j, out->dict, &key, &call->named[i].value)) return false;
    }
    return true;
}

FUNCTION(namespace)
{
    if (!make_dict(j, call, out)) return false;
    for (size_t i = 0; i < out->dict->count; i++) {
        const struct jinja_value *key = &out->dict->entry[i].key;
        if (key->type == JINJA_STRING && key->text.len && key->text.bytes[0] == '_')
            return lace_jinja_fail(j, "the attribute \"%.*s\" of a namespace begins with an underscore",
                                   (int)key->text.len, key->text.bytes);
    }
    out->type = JINJA_NAMESPACE;
    return true;
}

FUNCTION(raise_exception)
{
    struct jinja_value text;
    if (!lace_jinja_string(j, &call->slot[0], &text)) return false;
    j->code = lace_fail(j->err, LACE_BAD, "%.200s, line %d: the template refuses: %.*s", j->jinja->path, j->line,
                        text.text.len < 280 ? (int)text.text.len : 280, text.text.bytes);
    return false;
}

/* Python's strftime is C's, in the C locale, of a time without a zone: %z and %Z are nothing. */
FUNCTION(strftime_now)
{
    char format[256], text[1024];
    struct tm tm;
    const struct jinja_value *f = &call->slot[0];
    size_t n = 0, mark = j->out->len;
    if (f->type != JINJA_STRING) return lace_jinja_fail(j, "strftime_now takes a format");
    for (size_t i = 0; i < f->text.len && n + 4 < sizeof format; i++) {
        char c = f->text.bytes[i], of = c == '%' && i + 1 < f->text.len ? f->text.bytes[i + 1] : 0;
        if (of == 'f' || of == ':' || i + 1 + (c == '%') > f->text.len) n = sizeof format; /* refused below */
        else if (c != '%') format[n++] = c;
        else if (i++, of != 'z' && of != 'Z') {
            format[n++] = c;
            format[n++] = of;
        }
    }
    if (n + 4 >= sizeof format)
        return lace_jinja_fail(j, "the format \"%.*s\" of strftime_now is not supported",
                               f->text.len < 60 ? (int)f->text.len : 60, f->text.bytes);
    memcpy(format + n, ".", 2); /* so that an empty result is told from one too long */
    localtime_r(&j->now, &tm);
    size_t len = strftime(text, sizeof text, format, &tm);
    if (!len) return lace_jinja_fail(j, "the format of strftime_now makes too long a text");
    return lace_jinja_put(j, text, len - 1) && lace_jinja_cut(j, mark, out);
}

FUNCTION(refuse) { return lace_jinja_fail(j, "the functions cycler, joiner and lipsum are not supported"); }

const struct jinja_builtin *lace_jinja_global(struct jinja_text name)
{
    static const struct jinja_builtin globals[] = {
        {"range", "start|stop|step", 1, range},
        {"dict", NULL, 0, make_dict},
        {"namespace", NULL, 0, namespace},
        {"raise_exception", "message", 1, raise_exception},
        {"strftime_now", "format", 1, strftime_now},
        {"cycler", NULL, 0, refuse},
        {"joiner", NULL, 0, refuse},
        {"lipsum", NULL, 0, refuse},
    };
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (jinja_text_is(name, globals[i].name)) return &globals[i];
    return NULL;
}

/* ---- dicts and lists ---- */

static bool view(struct jinja *j, const struct jinja_dict *d, enum jinja_type type, struct jinja_value *out)
{
    struct jinja_value pair;
    if (!lace_jinja_list(j, type, d->count, out)) return false;
    for (size_t i = 0; i < d->count; i++) {
        if (type == JINJA_ITEMS) {
            if (!lace_jinja_list(j, JINJA_TUPLE, 2, &pair)) return false;
            pair.seq->item[0] = d->entry[i].key;
            pair.seq->item[1] = d->entry[i].value;
        }
        out->seq->item[i] = type == JINJA_ITEMS ? pair : type == JINJA_KEYS ? d->entry[i].key : d->entry[i].value;
    }
    return true;
}

FUNCTION(dict_items) { return view(j, call->self.dict, JINJA_ITEMS, out); }
FUNCTION(dict_keys) { return view(j, call->self.dict, JINJA_KEYS, out); }
FUNCTION(dict_values) { return view(j, call->self.dict, JINJA_VALUES, out); }
FUNCTION(copy)
{
    *out = call->self; /* nothing can change either of the two */
    return true;
}

FUNCTION(dict_get)
{
    struct jinja_value *value;
    if (!lace_jinja_dict_find(j, call->self.dict, &call->slot[0], &value)) return false;
    *out = value ? *value : call->slot[1].type != JINJA_ABSENT ? call->slot[1] : jinja_none();
    return true;
}

FUNCTION(list_count)
{
    int64_t times = 0;
    bool same;
    for (size_t i = 0; i < call->self.seq->count; i++) {
        if (!lace_jinja_equal(j, &call->self.seq->item[i], &call->slot[0], 0, &same)) return false;
        times += same;
    }
    *out = jinja_int(times);
    return true;
}

FUNCTION(list_index)
{
    bool same;
    for (size_t i = 0; i < call->self.seq->count; i++) {
        if (!lace_jinja_equal(j, &call->self.seq->item[i], &call->slot[0], 0, &same)) return false;
        *out = jinja_int((int64_t)i);
        if (same) return true;
    }
    return lace_jinja_fail(j, "the value that is sought is not in the list");
}

const struct jinja_builtin *lace_jinja_object_method(const struct jinja_value *object, struct jinja_text name,
                                                     bool *unsafe)
{
    static const struct jinja_builtin dict[] = {
        {"items", "", 0, dict_items},        {"keys", "", 0, dict_keys}, {"values", "", 0, dict_values},
        {"get", "key|default", 1, dict_get}, {"copy", "", 0, copy},      {"fromkeys"},
    };
    static const struct jinja_builtin list[] = {
        {"count", "value", 1, list_count},
        {"index", "value", 1, list_index},
        {"copy", "", 0, copy}, /* of lists alone */
    };
    static const char *const changes[] = {"clear",  "pop",     "popitem", "setdefault", "update", "append",
                                          "insert", "reverse", "sort",    "extend",     "remove"};
    bool is_dict = object->type == JINJA_DICT, is_list = object->type == JINJA_LIST;
    *unsafe = name.len > 2 && name.bytes[0] == '_' && name.bytes[1] == '_';
    if (object->type == JINJA_STRING) return *unsafe ? NULL : lace_jinja_string_method(name);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (jinja_text_is(name, changes[i])) *unsafe |= is_dict ? i < 5 : is_list && (i < 2 || i > 4);
    for (size_t i = 0; is_dict && i < sizeof dict / sizeof *dict; i++)
        if (jinja_text_is(name, dict[i].name)) return &dict[i];
    for (size_t i = 0; (is_list || object->type == JINJA_TUPLE) && i < (is_list ? 3u : 2u); i++)
        if (jinja_text_is(name, list[i].name)) return &list[i];
    return NULL;
}
