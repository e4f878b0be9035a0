/* What Python's values do among themselves: truth, equality, order, length, membership, dicts. */
#include "text/jinja_run.h"
#include <stdarg.h>

#define MAX_NESTING 200 /* of lists and dicts inside each other */
#define FEW         8   /* entries of a dict that are searched one by one */

/* ---- failing and bounding ---- */

bool lace_jinja_fail(struct jinja *j, const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    j->code = LACE_BAD;
    return lace_jinja_error(j->err, j->jinja->path, j->line, "%s", what);
}

bool lace_jinja_no_memory(struct jinja *j)
{
    if (!j->pool.full) {
        j->code = lace_fail(j->err, LACE_MEMORY, "Out of memory while rendering %.200s.", j->jinja->path);
        return false;
    }
    return lace_jinja_fail(j, "the template takes more than the %zu MiB of memory that it may", JINJA_MEMORY >> 20);
}

bool lace_jinja_spend(struct jinja *j, uint64_t work)
{
    j->work += work;
    return j->work <= JINJA_WORK || lace_jinja_fail(j, "the template takes more work than it may; it may have no end");
}

bool lace_jinja_undefined(struct jinja *j, struct jinja_value *out, const char *format, ...)
{
    char what[200];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (len >= (int)sizeof what) len = sizeof what - 1;
    char *text = lace_jinja_take_text(&j->pool, (size_t)len);
    if (!text) return lace_jinja_no_memory(j);
    memcpy(text, what, (size_t)len);
    *out = (struct jinja_value){.type = JINJA_UNDEFINED, .text = {text, (size_t)len}};
    return true;
}

/* ---- one value ---- */

const char *lace_jinja_type_name(const struct jinja_value *v)
{
    static const char *const names[] = {
        [JINJA_ABSENT] = "missing",    [JINJA_UNDEFINED] = "Undefined",
        [JINJA_NONE] = "NoneType",     [JINJA_BOOL] = "bool",
        [JINJA_INT] = "int",           [JINJA_FLOAT] = "float",
        [JINJA_STRING] = "str",        [JINJA_LIST] = "list",
        [JINJA_TUPLE] = "tuple",       [JINJA_RANGE] = "range",
        [JINJA_KEYS] = "dict_keys",    [JINJA_VALUES] = "dict_values",
        [JINJA_ITEMS] = "dict_items",  [JINJA_ITERATOR] = "generator",
        [JINJA_DICT] = "dict",         [JINJA_NAMESPACE] = "Namespace",
        [JINJA_LOOP] = "LoopContext",  [JINJA_MACRO] = "Macro",
        [JINJA_FUNCTION] = "function",
    };
    return names[v->type];
}

bool lace_jinja_truth(const struct jinja_value *v)
{
    switch (v->type) {
    case JINJA_ABSENT:
    case JINJA_UNDEFINED:
    case JINJA_NONE: return false;
    case JINJA_BOOL: return v->truth;
    case JINJA_INT: return v->integer != 0;
    case JINJA_FLOAT: return v->real != 0;
    case JINJA_STRING: return v->text.len != 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_RANGE:
    case JINJA_KEYS:
    case JINJA_VALUES:
    case JINJA_ITEMS: return v->seq->count != 0;
    case JINJA_DICT: return v->dict->count != 0;
    default: return true; /* a generator too, even one with nothing in it */
    }
}

bool lace_jinja_length(struct jinja *j, const struct jinja_value *v, int64_t *length)
{
    *length = 0;
    if (v->type == JINJA_UNDEFINED) return true;
    if (v->type == JINJA_STRING) *length = (int64_t)lace_jinja_count(v->text);
    else if (jinja_is_seq(v->type) && v->type != JINJA_ITERATOR) *length = (int64_t)v->seq->count;
    else if (v->type == JINJA_DICT) *length = (int64_t)v->dict->count;
    else return lace_jinja_fail(j, "a value of type %s has no length", lace_jinja_type_name(v));
    return v->type != JINJA_STRING || lace_jinja_spend(j, v->text.len / 32);
}

/* ---- sequences ---- */

bool lace_jinja_list(struct jinja *j, enum jinja_type type, size_t count, struct jinja_value *out)
{
    struct jinja_seq *seq = lace_jinja_take(&j->pool, 1, sizeof *seq);
    struct jinja_value *items = seq ? lace_jinja_take(&j->pool, count ? count : 1, sizeof *items) : NULL;
    if (!items) return lace_jinja_no_memory(j);
    *seq = (struct jinja_seq){.item = items, .count = count};
    *out = (struct jinja_value){.type = type, .seq = seq};
    return lace_jinja_spend(j, count / 4);
}

bool lace_jinja_walk(struct jinja *j, const struct jinja_value *v, struct jinja_seq *items)
{
    struct jinja_value list;
    size_t size;
    *items = (struct jinja_seq){0};
    if (v->type == JINJA_UNDEFINED) return true;
    if (jinja_is_seq(v->type)) {
        *items = *v->seq;
        items->item += items->at;
        items->count -= items->at;
        items->at = 0;
        if (v->type == JINJA_ITERATOR) v->seq->at = v->seq->count;
        return true;
    }
    if (v->type == JINJA_STRING) {
        if (!lace_jinja_list(j, JINJA_LIST, lace_jinja_count(v->text), &list)) return false;
        const char *at = v->text.bytes;
        for (size_t i = 0; i < list.seq->count; i++, at += size) {
            lace_jinja_point(at, v->text.len, &size);
            list.seq->item[i] = jinja_string(at, size);
        }
    } else if (v->type == JINJA_DICT) {
        if (!lace_jinja_list(j, JINJA_LIST, v->dict->count, &list)) return false;
        for (size_t i = 0; i < v->dict->count; i++) list.seq->item[i] = v->dict->entry[i].key;
    } else return lace_jinja_fail(j, "a value of type %s cannot be walked through", lace_jinja_type_name(v));
    *items = *list.seq;
    return true;
}

/* ---- dicts ---- */

/* Equal keys have equal hashes: 1, 1.0 and true are one key. */
static bool hash_value(struct jinja *j, const struct jinja_value *v, int depth, uint64_t *hash)
{
    double real = v->type == JINJA_FLOAT ? v->real : v->type == JINJA_BOOL ? v->truth : (double)v->integer;
    *hash = 1469598103934665603u ^ (uint64_t)v->type;
    if (depth > MAX_NESTING) return lace_jinja_fail(j, "values are nested deeper than %d levels", MAX_NESTING);
    if (v->type == JINJA_STRING) *hash = lace_hash(v->text.bytes, v->text.len);
    else if (jinja_is_number(v->type)) *hash = lace_hash(&(double){real + 0.0}, sizeof real);
    else if (v->type == JINJA_TUPLE)
        for (size_t i = 0; i < v->seq->count; i++) {
            uint64_t item;
            if (!hash_value(j, &v->seq->item[i], depth + 1, &item)) return false;
            *hash = (*hash ^ item) * 0x100000001b3u;
        }
    else if (v->type == JINJA_LIST || v->type == JINJA_DICT)
        return lace_jinja_fail(j, "a %s cannot be the key of a dict", lace_jinja_type_name(v));
    return lace_jinja_spend(j, 1 + (v->type == JINJA_STRING ? v->text.len / 32 : 0));
}

bool lace_jinja_dict(struct jinja *j, size_t room, struct jinja_value *out)
{
    struct jinja_dict *d = lace_jinja_take(&j->pool, 1, sizeof *d);
    if (!d || (room && !(d->entry = lace_jinja_take(&j->pool, room, sizeof *d->entry)))) return lace_jinja_no_memory(j);
    d->capacity = room;
    *out = (struct jinja_value){.type = JINJA_DICT, .dict = d};
    return true;
}

static bool find(struct jinja *j, const struct jinja_dict *d, const struct jinja_value *key, uint64_t hash,
                 struct jinja_value **found)
{
    bool same = false;
    size_t probes = 0;
    *found = NULL;
    for (size_t i = d->slot ? hash % d->slots : 0;; i = d->slot ? (i + 1) % d->slots : i + 1) {
        if (d->slot ? !d->slot[i] : i == d->count) break;
        struct jinja_entry *e = &d->entry[d->slot ? d->slot[i] - 1 : i];
        probes++;
        if (e->hash != hash) continue;
        if (!lace_jinja_equal(j, &e->key, key, 0, &same)) return false;
        if (!same) continue;
        *found = &e->value;
        break;
    }
    return lace_jinja_spend(j, probes / 4);
}

bool lace_jinja_dict_find(struct jinja *j, const struct jinja_dict *d, const struct jinja_value *key,
                          struct jinja_value **found)
{
    uint64_t hash;
    return hash_value(j, key, 0, &hash) && find(j, d, key, hash, found);
}

/* A table of at least twice the entries; full slots hold index + 1. */
static bool index_entries(struct jinja *j, struct jinja_dict *d)
{
    size_t slots = 4 * d->capacity;
    uint32_t *slot = lace_jinja_take(&j->pool, slots, sizeof *slot);
    if (!slot || d->capacity > UINT32_MAX / 8) return lace_jinja_no_memory(j);
    for (size_t i = 0; i < d->count; i++) {
        size_t at = d->entry[i].hash % slots;
        while (slot[at]) at = (at + 1) % slots;
        slot[at] = (uint32_t)i + 1;
    }
    d->slot = slot;
    d->slots = slots;
    return true;
}

bool lace_jinja_dict_put(struct jinja *j, struct jinja_dict *d, const struct jinja_value *key,
                         const struct jinja_value *value)
{
    struct jinja_value *old;
    uint64_t hash;
    if (!hash_value(j, key, 0, &hash) || !find(j, d, key, hash, &old)) return false;
    if (old) {
        *old = *value;
        return true;
    }
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : FEW;
        struct jinja_entry *entry = lace_jinja_take(&j->pool, capacity, sizeof *entry);
        if (!entry) return lace_jinja_no_memory(j);
        if (d->count) memcpy(entry, d->entry, d->count * sizeof *entry);
        d->entry = entry;
        d->capacity = capacity;
        d->slot = NULL;
    }
    d->entry[d->count++] = (struct jinja_entry){*key, *value, hash};
    if (d->count <= FEW) return true;
    if (!d->slot) return index_entries(j, d);
    size_t at = hash % d->slots;
    while (d->slot[at]) at = (at + 1) % d->slots;
    d->slot[at] = (uint32_t)d->count;
    return true;
}

/* ---- two values ---- */

static double real_of(const struct jinja_value *v)
{
    return v->type == JINJA_FLOAT ? v->real : v->type == JINJA_BOOL ? v->truth : (double)v->integer;
}

static int64_t integer_of(const struct jinja_value *v) { return v->type == JINJA_BOOL ? v->truth : v->integer; }

/* Below, equal, above: -1, 0, 1; 2 where one is not a number. */
static int order_numbers(const struct jinja_value *a, const struct jinja_value *b)
{
    if (a->type != JINJA_FLOAT && b->type != JINJA_FLOAT) {
        int64_t x = integer_of(a), y = integer_of(b);
        return x < y ? -1 : x > y;
    }
    double x = real_of(a), y = real_of(b);
    if (x != y || (a->type == JINJA_FLOAT && b->type == JINJA_FLOAT)) return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
    /* the integer may have been rounded: compare exactly where the float is whole and within range */
    const struct jinja_value *whole = a->type == JINJA_FLOAT ? b : a;
    if (x >= 0x1p63) return whole == a ? -1 : 1;
    int64_t near = (int64_t)x, exact = integer_of(whole);
    int order = exact < near ? -1 : exact > near;
    return whole == a ? order : -order;
}

static bool equal_dicts(struct jinja *j, const struct jinja_dict *a, const struct jinja_dict *b, int depth, bool *same)
{
    *same = a->count == b->count;
    for (size_t i = 0; *same && i < a->count; i++) {
        struct jinja_value *other;
        if (!find(j, b, &a->entry[i].key, a->entry[i].hash, &other)) return false;
        if (!other) *same = false;
        else if (!lace_jinja_equal(j, &a->entry[i].value, other, depth + 1, same)) return false;
    }
    return true;
}

bool lace_jinja_equal(struct jinja *j, const struct jinja_value *a, const struct jinja_value *b, int depth, bool *same)
{
    *same = false;
    if (depth > MAX_NESTING) return lace_jinja_fail(j, "values are nested deeper than %d levels", MAX_NESTING);
    if (!lace_jinja_spend(j, 1)) return false;
    if (jinja_is_number(a->type) && jinja_is_number(b->type)) {
        *same = order_numbers(a, b) == 0;
        return true;
    }
    if (a->type != b->type) return true;
    switch (a->type) {
    case JINJA_UNDEFINED:
    case JINJA_NONE: *same = true; return true;
    case JINJA_STRING:
        *same = jinja_text_same(a->text, b->text);
        return a->text.len != b->text.len || lace_jinja_spend(j, a->text.len / 32);
    case JINJA_DICT: return equal_dicts(j, a->dict, b->dict, depth, same);
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_RANGE:
        *same = a->seq->count == b->seq->count;
        for (size_t i = 0; *same && i < a->seq->count; i++)
            if (!lace_jinja_equal(j, &a->seq->item[i], &b->seq->item[i], depth + 1, same)) return false;
        return true;
    case JINJA_KEYS:
    case JINJA_ITEMS: return lace_jinja_fail(j, "comparing two %s is not supported", lace_jinja_type_name(a));
    case JINJA_FUNCTION:
        *same = a->function->builtin == b->function->builtin && a->function->self.type == b->function->self.type &&
                (a->function->self.type == JINJA_ABSENT || a->function->self.seq == b->function->self.seq);
        return true;
    default: *same = a->seq == b->seq; return true; /* objects are equal to themselves */
    }
}

bool lace_jinja_order(struct jinja *j, const struct jinja_value *a, const struct jinja_value *b, int depth, int *order)
{
    *order = 0;
    if (depth > MAX_NESTING) return lace_jinja_fail(j, "values are nested deeper than %d levels", MAX_NESTING);
    if (!lace_jinja_spend(j, 1)) return false;
    if (jinja_is_number(a->type) && jinja_is_number(b->type)) {
        *order = order_numbers(a, b);
        return true;
    }
    if (a->type == JINJA_STRING && b->type == JINJA_STRING) { /* UTF-8 orders as code points do */
        size_t least = a->text.len < b->text.len ? a->text.len : b->text.len;
        int bytes = memcmp(a->text.bytes, b->text.bytes, least);
        *order = bytes ? (bytes < 0 ? -1 : 1) : a->text.len < b->text.len ? -1 : a->text.len > b->text.len;
        return lace_jinja_spend(j, least / 32);
    }
    if (a->type == b->type && (a->type == JINJA_LIST || a->type == JINJA_TUPLE)) {
        for (size_t i = 0; i < a->seq->count && i < b->seq->count; i++) {
            bool same;
            if (!lace_jinja_equal(j, &a->seq->item[i], &b->seq->item[i], depth + 1, &same)) return false;
            if (!same) return lace_jinja_order(j, &a->seq->item[i], &b->seq->item[i], depth + 1, order);
        }
        *order = a->seq->count < b->seq->count ? -1 : a->seq->count > b->seq->count;
        return true;
    }
    for (int i = 0; i < 2; i++)
        if ((i ? b : a)->type == JINJA_UNDEFINED)
            return lace_jinja_fail(j, "%.*s", (int)(i ? b : a)->text.len, (i ? b : a)->text.bytes);
    return lace_jinja_fail(j, "a %s and a %s cannot be ordered", lace_jinja_type_name(a), lace_jinja_type_name(b));
}

bool lace_jinja_contains(struct jinja *j, const struct jinja_value *box, const struct jinja_value *item, bool *found)
{
    struct jinja_seq items;
    struct jinja_value *value;
    *found = false;
    if (box->type == JINJA_STRING) {
        if (item->type != JINJA_STRING)
            return lace_jinja_fail(j, "\"in\" a string takes a string, not a value of type %s",
                                   lace_jinja_type_name(item));
        *found = !item->text.len || memmem(box->text.bytes, box->text.len, item->text.bytes, item->text.len);
        return lace_jinja_spend(j, 1 + box->text.len / 32);
    }
    if (box->type == JINJA_DICT) {
        if (!lace_jinja_dict_find(j, box->dict, item, &value)) return false;
        *found = value != NULL;
        return true;
    }
    if (box->type != JINJA_UNDEFINED && !jinja_is_seq(box->type))
        return lace_jinja_fail(j, "\"in\" cannot look into a value of type %s", lace_jinja_type_name(box));
    if (!lace_jinja_walk(j, box, &items)) return false;
    for (size_t i = 0; i < items.count && !*found; i++)
        if (!lace_jinja_equal(j, &items.item[i], item, 0, found)) return false;
    return true;
}
