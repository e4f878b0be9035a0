/* Filters over sequences. What Jinja makes a generator of is computed at once and can be walked once. */
#include "text/jinja_filter.h"

static bool given(const struct jinja_value *v) { return v->type != JINJA_ABSENT && v->type != JINJA_NONE; }

/* "a.b.0" of an item: attributes and indices in turn. */
static bool attribute(struct jinja *j, struct jinja_value item, const struct jinja_value *path,
                      const struct jinja_value *fallback, struct jinja_value *out)
{
    *out = item;
    if (!given(path)) return true;
    if (path->type != JINJA_STRING) return lace_jinja_item(j, &item, path, out);
    for (const char *at = path->text.bytes, *end = at + path->text.len; at <= end;) {
        const char *dot = memchr(at, '.', (size_t)(end - at));
        size_t len = (size_t)((dot ? dot : end) - at), digits = 0;
        int64_t index = 0;
        while (digits < len && digits < 18 && at[digits] >= '0' && at[digits] <= '9')
            index = index * 10 + at[digits++] - '0';
        struct jinja_value key = len && digits == len ? jinja_int(index) : jinja_string(at, len);
        item = *out;
        if (!lace_jinja_item(j, &item, &key, out)) return false;
        if (fallback && given(fallback) && out->type == JINJA_UNDEFINED) *out = *fallback;
        at += len + 1;
    }
    return true;
}

static bool without_case(struct jinja *j, const struct jinja_value *v, struct jinja_value *out)
{
    size_t mark = j->out->len;
    *out = *v;
    return v->type != JINJA_STRING || (lace_jinja_put_case(j, v->text, JINJA_LOWER) && lace_jinja_cut(j, mark, out));
}

LACE_JINJA_FILTER(length)
{
    int64_t length;
    if (!lace_jinja_length(j, &call->self, &length)) return false;
    *out = jinja_int(length);
    return true;
}

/* ---- single elements ---- */

LACE_JINJA_FILTER(first)
{
    struct jinja_seq items;
    size_t at = call->self.type == JINJA_ITERATOR ? call->self.seq->at : 0;
    if (!lace_jinja_walk(j, &call->self, &items)) return false;
    if (!items.count) return lace_jinja_undefined(j, out, "there is no first item: the sequence is empty");
    if (call->self.type == JINJA_ITERATOR) call->self.seq->at = at + 1;
    *out = items.item[0];
    return true;
}

LACE_JINJA_FILTER(last)
{
    struct jinja_seq items;
    if (call->self.type == JINJA_ITERATOR)
        return lace_jinja_fail(j, "a generator has no last item; the filter list makes it one");
    if (!lace_jinja_walk(j, &call->self, &items)) return false;
    if (!items.count) return lace_jinja_undefined(j, out, "there is no last item: the sequence is empty");
    *out = items.item[items.count - 1];
    return true;
}

static bool extreme(struct jinja *j, struct jinja_call *call, int sign, struct jinja_value *out)
{
    struct jinja_seq items;
    struct jinja_value best = {0}, key;
    int order = 0;
    if (!lace_jinja_walk(j, &call->self, &items)) return false;
    if (!items.count) return lace_jinja_undefined(j, out, "there is nothing to choose from: the sequence is empty");
    for (size_t i = 0; i < items.count; i++) {
        if (!attribute(j, items.item[i], &call->slot[1], NULL, &key) ||
            (!lace_jinja_truth(&call->slot[0]) && !without_case(j, &key, &key)) ||
            (i && !lace_jinja_order(j, &key, &best, 0, &order)))
            return false;
        if (i && order * sign != 1) continue;
        best = key;
        *out = items.item[i];
    }
    return true;
}

LACE_JINJA_FILTER(max) { return extreme(j, call, 1, out); }
LACE_JINJA_FILTER(min) { return extreme(j, call, -1, out); }

LACE_JINJA_FILTER(sum)
{
    struct jinja_seq items;
    struct jinja_value item, sum = call->slot[1].type == JINJA_ABSENT ? jinja_int(0) : call->slot[1];
    if (sum.type == JINJA_STRING) return lace_jinja_fail(j, "sum does not join strings; the filter join does");
    if (!lace_jinja_walk(j, &call->self, &items)) return false;
    for (size_t i = 0; i < items.count; i++) {
        struct jinja_value before = sum;
        if (!attribute(j, items.item[i], &call->slot[0], NULL, &item) ||
            !lace_jinja_binary(j, '+', &before, &item, &sum))
            return false;
    }
    *out = sum;
    return true;
}

LACE_JINJA_FILTER(join)
{
    struct jinja_seq items;
    struct jinja_value between = jinja_string("", 0), item, text;
    size_t mark;
    if (call->slot[0].type != JINJA_ABSENT && !lace_jinja_string(j, &call->slot[0], &between)) return false;
    if (!lace_jinja_walk(j, &call->self, &items)) return false;
    mark = j->out->len;
    for (size_t i = 0; i < items.count; i++)
        if ((i && !lace_jinja_put(j, between.text.bytes, between.text.len)) ||
            !attribute(j, items.item[i], &call->slot[1], NULL, &item) || !lace_jinja_string(j, &item, &text) ||
            !lace_jinja_put(j, text.text.bytes, text.text.len) || !lace_jinja_spend(j, 1))
            return false;
    return lace_jinja_cut(j, mark, out);
}

/* ---- whole sequences ---- */

LACE_JINJA_FILTER(list)
{
    struct jinja_seq items;
    if (!lace_jinja_walk(j, &call->self, &items) || !lace_jinja_list(j, JINJA_LIST, items.count, out)) return false;
    if (items.count) memcpy(out->seq->item, items.item, items.count * sizeof *items.item);
    return true;
}

LACE_JINJA_FILTER(items)
{
    struct jinja_value pair;
    size_t count = call->self.type == JINJA_DICT ? call->self.dict->count : 0;
    if (call->self.type != JINJA_DICT && call->self.type != JINJA_UNDEFINED)
        return lace_jinja_fail(j, "items takes a dict, not a %s", lace_jinja_type_name(&call->self));
    if (!lace_jinja_list(j, JINJA_ITERATOR, count, out)) return false;
    for (size_t i = 0; i < count; i++) {
        if (!lace_jinja_list(j, JINJA_TUPLE, 2, &pair)) return false;
        pair.seq->item[0] = call->self.dict->entry[i].key;
        pair.seq->item[1] = call->self.dict->entry[i].value;
        out->seq->item[i] = pair;
    }
    return true;
}

LACE_JINJA_FILTER(reverse)
{
    struct jinja_seq items;
    size_t size, mark = j->out->len;
    if (call->self.type == JINJA_STRING) {
        struct jinja_text text = call->self.text;
        for (size_t i = text.len; i;) {
            do i--;
            while ((text.bytes[i] & 0xc0) == 0x80);
            lace_jinja_point(text.bytes + i, text.len - i, &size);
            if (!lace_jinja_put(j, text.bytes + i, size)) return false;
        }
        return lace_jinja_spend(j, text.len) && lace_jinja_cut(j, mark, out);
    }
    if (!lace_jinja_walk(j, &call->self, &items)) return false;
    if (!lace_jinja_list(j, call->self.type == JINJA_ITERATOR ? JINJA_LIST : JINJA_ITERATOR, items.count, out))
        return false;
    for (size_t i = 0; i < items.count; i++) out->seq->item[i] = items.item[items.count - 1 - i];
    return true;
}

LACE_JINJA_FILTER(unique)
{
    struct jinja_seq items;
    struct jinja_value seen, key, *there;
    size_t count = 0;
    if (!lace_jinja_walk(j, &call->self, &items) || !lace_jinja_dict(j, 0, &seen) ||
        !lace_jinja_list(j, JINJA_ITERATOR, items.count, out))
        return false;
    for (size_t i = 0; i < items.count; i++) {
        if (!attribute(j, items.item[i], &call->slot[1], NULL, &key) ||
            (!lace_jinja_truth(&call->slot[0]) && !without_case(j, &key, &key)) ||
            !lace_jinja_dict_find(j, seen.dict, &key, &there))
            return false;
        if (there) continue;
        if (!lace_jinja_dict_put(j, seen.dict, &key, &key)) return false;
        out->seq->item[count++] = items.item[i];
    }
    out->seq->count = count;
    return true;
}

/* ---- order ---- */

struct keyed {
    struct jinja_value key, item;
};

/* A stable merge; backwards, what is equal keeps its order too. */
static bool merge_sort(struct jinja *j, struct keyed *e, struct keyed *room, size_t count, int sign)
{
    size_t half = count / 2, a = 0, b = half;
    int order;
    if (count < 2) return true;
    if (!merge_sort(j, e, room, half, sign) || !merge_sort(j, e + half, room, count - half, sign)) return false;
    for (size_t i = 0; i < count; i++) {
        bool left = b == count;
        if (!left && a < half) {
            if (!lace_jinja_order(j, &e[b].key, &e[a].key, 0, &order)) return false;
            left = order * sign != -1;
        }
        room[i] = e[left ? a++ : b++];
    }
    memcpy(e, room, count * sizeof *e);
    return true;
}

static bool sorted(struct jinja *j, struct keyed *e, size_t count, bool reverse, struct jinja_value *out)
{
    struct keyed *room = lace_jinja_take(&j->pool, count + 1, sizeof *room);
    if (!room) return lace_jinja_no_memory(j);
    if (!merge_sort(j, e, room, count, reverse ? -1 : 1) || !lace_jinja_list(j, JINJA_LIST, count, out)) return false;
    for (size_t i = 0; i < count; i++) out->seq->item[i] = e[i].item;
    return true;
}

/* The keys of "a,b": a list of what each names. */
static bool sort_key(struct jinja *j, const struct jinja_value *item, const struct jinja_value *path, bool exact,
                     struct jinja_value *out)
{
    size_t parts = 1, n = 0;
    struct jinja_value name = *path;
    if (path->type == JINJA_STRING)
        for (size_t i = 0; i < path->text.len; i++) parts += path->text.bytes[i] == ',';
    if (!lace_jinja_list(j, JINJA_LIST, parts, out)) return false;
    for (size_t begin = 0; n < parts; n++) {
        if (path->type == JINJA_STRING) {
            const char *from = path->text.bytes + begin, *comma = memchr(from, ',', path->text.len - begin);
            name.text = (struct jinja_text){from, comma ? (size_t)(comma - from) : path->text.len - begin};
            begin += name.text.len + 1;
        }
        struct jinja_value *key = &out->seq->item[n];
        if (!attribute(j, *item, &name, NULL, key) || (!exact && !without_case(j, key, key))) return false;
    }
    return true;
}

LACE_JINJA_FILTER(sort)
{
    struct jinja_seq items;
    if (!lace_jinja_walk(j, &call->self, &items)) return false;
    struct keyed *e = lace_jinja_take(&j->pool, items.count + 1, sizeof *e);
    if (!e) return lace_jinja_no_memory(j);
    for (size_t i = 0; i < items.count; i++) {
        e[i].item = items.item[i];
        if (!sort_key(j, &e[i].item, &call->slot[2], lace_jinja_truth(&call->slot[1]), &e[i].key)) return false;
    }
    return sorted(j, e, items.count, lace_jinja_truth(&call->slot[0]), out);
}

LACE_JINJA_FILTER(dictsort)
{
    const struct jinja_value *by = &call->slot[1];
    bool value = by->type == JINJA_STRING && jinja_text_is(by->text, "value");
    if (call->self.type != JINJA_DICT)
        return lace_jinja_fail(j, "dictsort takes a dict, not a %s", lace_jinja_type_name(&call->self));
    if (by->type != JINJA_ABSENT && !value && !(by->type == JINJA_STRING && jinja_text_is(by->text, "key")))
        return lace_jinja_fail(j, "dictsort sorts by \"key\" or by \"value\"");
    const struct jinja_dict *d = call->self.dict;
    struct keyed *e = lace_jinja_take(&j->pool, d->count + 1, sizeof *e);
    if (!e) return lace_jinja_no_memory(j);
    for (size_t i = 0; i < d->count; i++) {
        e[i].key = value ? d->entry[i].value : d->entry[i].key;
        if (!lace_jinja_truth(&call->slot[0]) && !without_case(j, &e[i].key, &e[i].key)) return false;
        if (!lace_jinja_list(j, JINJA_TUPLE, 2, &e[i].item)) return false;
        e[i].item.seq->item[0] = d->entry[i].key;
        e[i].item.seq->item[1] = d->entry[i].value;
    }
    return sorted(j, e, d->count, lace_jinja_truth(&call->slot[2]), out);
}

/* ---- map and select ---- */

LACE_JINJA_FILTER(map)
{
    struct jinja_seq items = {0};
    struct jinja_value path = {0}, fallback = {0};
    const struct jinja_builtin *filter = NULL;
    bool known = false;
    if (!call->count && call->named_count && jinja_text_is(call->named[0].name, "attribute")) {
        path = call->named[0].value;
        if (call->named_count > 1 && jinja_text_is(call->named[1].name, "default")) fallback = call->named[1].value;
        if (call->named_count > 1 + given(&fallback))
            return lace_jinja_fail(j, "map takes attribute and default alone");
    } else {
        if (!call->count || call->args[0].type != JINJA_STRING)
            return lace_jinja_fail(j, "map takes the name of a filter");
        if (!(filter = lace_jinja_filter(call->args[0].text, &known)))
            return lace_jinja_fail(j, known ? "the filter \"%.*s\" is not supported" : "there is no filter \"%.*s\"",
                                   (int)call->args[0].text.len, call->args[0].text.bytes);
    }
    if (lace_jinja_truth(&call->self) && !lace_jinja_walk(j, &call->self, &items)) return false;
    if (!lace_jinja_list(j, JINJA_ITERATOR, items.count, out)) return false;
    for (size_t i = 0; i < items.count; i++) {
        struct jinja_value *to = &out->seq->item[i];
        struct jinja_call each = {items.item[i], call->args + 1,    call->count - 1,
                                  call->named,   call->named_count, {{0}}};
        if (!(filter ? lace_jinja_run(j, filter, "filter", &each, to)
                     : attribute(j, items.item[i], &path, &fallback, to)))
            return false;
    }
    return true;
}

static bool choose(struct jinja *j, struct jinja_call *call, bool by_attribute, bool keep, struct jinja_value *out)
{
    struct jinja_seq items = {0};
    struct jinja_value value, holds;
    const struct jinja_builtin *test = NULL;
    int at = by_attribute;
    size_t count = 0;
    if (by_attribute && !call->count) return lace_jinja_fail(j, "the name of an attribute is missing");
    if (call->count > at) {
        const struct jinja_value *name = &call->args[at];
        if (name->type != JINJA_STRING || !(test = lace_jinja_test(name->text)))
            return lace_jinja_fail(j, "there is no test \"%.*s\"", name->type == JINJA_STRING ? (int)name->text.len : 0,
                                   name->text.bytes);
    }
    if (lace_jinja_truth(&call->self) && !lace_jinja_walk(j, &call->self, &items)) return false;
    if (!lace_jinja_list(j, JINJA_ITERATOR, items.count, out)) return false;
    for (size_t i = 0; i < items.count; i++) {
        value = items.item[i];
        if (by_attribute && !attribute(j, items.item[i], &call->args[0], NULL, &value)) return false;
        struct jinja_call each = {value,       call->args + at + 1, call->count - at - 1,
                                  call->named, call->named_count,   {{0}}};
        holds = value;
        if (test && !lace_jinja_run(j, test, "test", &each, &holds)) return false;
        if (lace_jinja_truth(&holds) == keep) out->seq->item[count++] = items.item[i];
    }
    out->seq->count = count;
    return true;
}

LACE_JINJA_FILTER(select) { return choose(j, call, false, true, out); }
LACE_JINJA_FILTER(reject) { return choose(j, call, false, false, out); }
LACE_JINJA_FILTER(selectattr) { return choose(j, call, true, true, out); }
LACE_JINJA_FILTER(rejectattr) { return choose(j, call, true, false, out); }
