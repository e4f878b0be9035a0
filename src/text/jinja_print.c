/* Values as text: str() and repr() of Python, tojson of Transformers. Texts under construction stand at the end of the
 * output, above a mark; lace_jinja_cut turns them into a string. So nothing needs buffers of its own. */
#include "text/jinja_run.h"
#include <math.h>
#include <stdlib.h>

#define MAX_NESTING 200

bool lace_jinja_put(struct jinja *j, const char *bytes, size_t len)
{
    if (j->out->len - j->begin > JINJA_OUTPUT - (len < JINJA_OUTPUT ? len : JINJA_OUTPUT))
        return lace_jinja_fail(j, "the output is longer than the %zu MiB that it may be", JINJA_OUTPUT >> 20);
    lace_text_add(j->out, bytes, len);
    if (!j->out->failed) return lace_jinja_spend(j, 1 + len / 32);
    j->code = lace_fail(j->err, LACE_MEMORY, "Out of memory while rendering %.200s.", j->jinja->path);
    return false;
}

bool lace_jinja_cut(struct jinja *j, size_t mark, struct jinja_value *out)
{
    size_t len = j->out->len - mark;
    char *text = lace_jinja_take_text(&j->pool, len);
    if (!text) return lace_jinja_no_memory(j);
    if (len) memcpy(text, j->out->data + mark, len);
    j->out->len = mark;
    *out = jinja_string(text, len);
    return lace_jinja_spend(j, len / 32);
}

/* The shortest digits that read back as the same number, written as Python's repr() writes them. */
void lace_jinja_float_text(double value, char text[40])
{
    char digits[40], plain[24];
    int n = 0, exponent = 0;
    if (isnan(value) || isinf(value)) {
        strcpy(text, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    for (int precision = 0; precision < 17; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    for (const char *d = digits; *d; d++) {
        if (*d >= '0' && *d <= '9') plain[n++] = *d;
        else if (*d == 'e') {
            exponent = atoi(d + 1);
            break;
        }
    }
    while (n > 1 && plain[n - 1] == '0') n--;
    char *to = text;
    if (signbit(value)) *to++ = '-';
    if (exponent < -4 || exponent >= 16) {
        *to++ = plain[0];
        if (n > 1) *to++ = '.';
        memcpy(to, plain + 1, (size_t)n - 1);
        sprintf(to + n - 1, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    for (int i = exponent < 0 ? exponent : 0; i < n || i <= exponent; i++) {
        if (i == exponent + 1) *to++ = '.';
        *to++ = i >= 0 && i < n ? plain[i] : '0';
    }
    if (n <= exponent + 1) {
        *to++ = '.';
        *to++ = '0';
    }
    *to = 0;
}

/* ---- repr ---- */

static bool repr_string(struct jinja *j, struct jinja_text text)
{
    char quote = memchr(text.bytes, '\'', text.len) && !memchr(text.bytes, '"', text.len) ? '"' : '\'', code[16];
    size_t size, done = 0;
    if (!lace_jinja_put(j, &quote, 1) || !lace_jinja_spend(j, text.len / 8)) return false;
    for (size_t i = 0; i < text.len; i += size) {
        int32_t c = lace_jinja_point(text.bytes + i, text.len - i, &size);
        if (c == quote || c == '\\') snprintf(code, sizeof code, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(code, sizeof code, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (c < 127 ? c >= 32 : lace_jinja_is_printable(c)) continue;
        else snprintf(code, sizeof code, c < 256 ? "\\x%02x" : c < 65536 ? "\\u%04x" : "\\U%08x", (unsigned)c);
        if (!lace_jinja_put(j, text.bytes + done, i - done) || !jinja_puts(j, code)) return false;
        done = i + size;
    }
    return lace_jinja_put(j, text.bytes + done, text.len - done) && lace_jinja_put(j, &quote, 1);
}

static bool repr_seq(struct jinja *j, const struct jinja_value *v, int depth)
{
    bool tuple = v->type == JINJA_TUPLE, view = v->type != JINJA_LIST && !tuple;
    if (view && (!jinja_puts(j, lace_jinja_type_name(v)) || !jinja_puts(j, "("))) return false;
    if (!jinja_puts(j, tuple ? "(" : "[")) return false;
    for (size_t i = 0; i < v->seq->count; i++)
        if ((i && !jinja_puts(j, ", ")) || !lace_jinja_repr(j, &v->seq->item[i], depth + 1)) return false;
    return jinja_puts(j, tuple ? v->seq->count == 1 ? ",)" : ")" : view ? "])" : "]");
}

static bool repr_dict(struct jinja *j, const struct jinja_dict *d, int depth)
{
    if (!jinja_puts(j, "{")) return false;
    for (size_t i = 0; i < d->count; i++)
        if ((i && !jinja_puts(j, ", ")) || !lace_jinja_repr(j, &d->entry[i].key, depth + 1) || !jinja_puts(j, ": ") ||
            !lace_jinja_repr(j, &d->entry[i].value, depth + 1))
            return false;
    return jinja_puts(j, "}");
}

bool lace_jinja_repr(struct jinja *j, const struct jinja_value *v, int depth)
{
    char text[80];
    if (depth > MAX_NESTING) return lace_jinja_fail(j, "values are nested deeper than %d levels", MAX_NESTING);
    if (!lace_jinja_spend(j, 1)) return false;
    switch (v->type) {
    case JINJA_UNDEFINED: return jinja_puts(j, "Undefined");
    case JINJA_NONE: return jinja_puts(j, "None");
    case JINJA_BOOL: return jinja_puts(j, v->truth ? "True" : "False");
    case JINJA_INT: snprintf(text, sizeof text, "%lld", (long long)v->integer); return jinja_puts(j, text);
    case JINJA_FLOAT: lace_jinja_float_text(v->real, text); return lace_jinja_spend(j, 20) && jinja_puts(j, text);
    case JINJA_STRING:
        if (!v->markup) return repr_string(j, v->text);
        return jinja_puts(j, "Markup(") && repr_string(j, v->text) && jinja_puts(j, ")");
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_KEYS:
    case JINJA_VALUES:
    case JINJA_ITEMS: return repr_seq(j, v, depth);
    case JINJA_RANGE:
        if (v->seq->step == 1)
            snprintf(text, sizeof text, "range(%lld, %lld)", (long long)v->seq->start, (long long)v->seq->stop);
        else
            snprintf(text, sizeof text, "range(%lld, %lld, %lld)", (long long)v->seq->start, (long long)v->seq->stop,
                     (long long)v->seq->step);
        return jinja_puts(j, text);
    case JINJA_DICT: return repr_dict(j, v->dict, depth);
    case JINJA_NAMESPACE: return jinja_puts(j, "<Namespace ") && repr_dict(j, v->dict, depth) && jinja_puts(j, ">");
    case JINJA_MACRO: return jinja_puts(j, "<Macro ") && repr_string(j, v->macro->node->name) && jinja_puts(j, ">");
    case JINJA_ITERATOR:
        return lace_jinja_fail(
            j, "a generator (of map, select, ...) has no text of its own; the filter list makes it one");
    default: return lace_jinja_fail(j, "a value of type %s cannot be printed", lace_jinja_type_name(v));
    }
}

bool lace_jinja_print(struct jinja *j, const struct jinja_value *v)
{
    if (v->type == JINJA_STRING) return lace_jinja_put(j, v->text.bytes, v->text.len);
    if (v->type == JINJA_UNDEFINED) return true;
    return lace_jinja_repr(j, v, 0);
}

bool lace_jinja_string(struct jinja *j, const struct jinja_value *v, struct jinja_value *out)
{
    size_t mark = j->out->len;
    if (v->type == JINJA_STRING) {
        *out = *v;
        return true;
    }
    return lace_jinja_print(j, v) && lace_jinja_cut(j, mark, out);
}

/* ---- JSON ---- */

static bool write_string(struct jinja *j, struct jinja_text text, bool ascii)
{
    static const char names[] = "\"\"\\\\\nn\rr\tt\ff\bb";
    size_t size, done = 0;
    char code[16];
    if (!jinja_puts(j, "\"") || !lace_jinja_spend(j, text.len / 8)) return false;
    for (size_t i = 0; i < text.len; i += size) {
        uint32_t c = (uint32_t)lace_jinja_point(text.bytes + i, text.len - i, &size);
        if (c >= 32 && c != '"' && c != '\\' && (!ascii || c < 127)) continue;
        const char *n = names;
        while (*n && *n != (char)c) n += 2;
        if (*n && c < 127) snprintf(code, sizeof code, "\\%c", n[1]);
        else if (c < 65536) snprintf(code, sizeof code, "\\u%04x", c);
        else snprintf(code, sizeof code, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 1023));
        if (!lace_jinja_put(j, text.bytes + done, i - done) || !jinja_puts(j, code)) return false;
        done = i + size;
    }
    return lace_jinja_put(j, text.bytes + done, text.len - done) && jinja_puts(j, "\"");
}

static bool write_number(struct jinja *j, const struct jinja_value *v)
{
    char text[40];
    if (v->type == JINJA_BOOL) return jinja_puts(j, v->truth ? "true" : "false");
    if (v->type == JINJA_FLOAT && isnan(v->real)) return jinja_puts(j, "NaN");
    if (v->type == JINJA_FLOAT && isinf(v->real)) return jinja_puts(j, v->real < 0 ? "-Infinity" : "Infinity");
    if (v->type == JINJA_FLOAT) lace_jinja_float_text(v->real, text);
    else snprintf(text, sizeof text, "%lld", (long long)v->integer);
    return lace_jinja_spend(j, v->type == JINJA_FLOAT ? 20 : 1) && jinja_puts(j, text);
}

static bool write_break(struct jinja *j, const struct jinja_json_style *s, int depth)
{
    if (!s->indent) return true;
    if (!jinja_puts(j, "\n")) return false;
    for (int i = 0; i < depth; i++)
        if (!lace_jinja_put(j, s->indent, s->indent_len)) return false;
    return true;
}

static bool write_key(struct jinja *j, const struct jinja_value *key, bool ascii)
{
    if (key->type == JINJA_STRING) return write_string(j, key->text, ascii);
    if (key->type == JINJA_NONE) return jinja_puts(j, "\"null\"");
    if (jinja_is_number(key->type)) return jinja_puts(j, "\"") && write_number(j, key) && jinja_puts(j, "\"");
    return lace_jinja_fail(j, "a %s cannot be a key in JSON", lace_jinja_type_name(key));
}

/* Entries in the order of their keys, which must all be of a kind. */
static bool sort_entries(struct jinja *j, struct jinja_entry *e, struct jinja_entry *room, size_t count)
{
    size_t half = count / 2, a = 0, b = half;
    int order;
    if (count < 2) return true;
    if (!sort_entries(j, e, room, half) || !sort_entries(j, e + half, room, count - half)) return false;
    for (size_t i = 0; i < count; i++) {
        bool left = b == count;
        if (!left && a < half) {
            if (!lace_jinja_order(j, &e[b].key, &e[a].key, 0, &order)) return false;
            left = order >= 0;
        }
        room[i] = e[left ? a++ : b++];
    }
    memcpy(e, room, count * sizeof *e);
    return true;
}

static bool write_dict(struct jinja *j, const struct jinja_dict *d, const struct jinja_json_style *s, int depth)
{
    struct jinja_entry *e = d->entry;
    if (!d->count) return jinja_puts(j, "{}");
    if (s->sorted) {
        struct jinja_entry *copy = lace_jinja_take(&j->pool, 2 * d->count, sizeof *copy);
        if (!copy) return lace_jinja_no_memory(j);
        e = memcpy(copy, e, d->count * sizeof *e);
        if (!sort_entries(j, e, copy + d->count, d->count)) return false;
    }
    if (!jinja_puts(j, "{")) return false;
    for (size_t i = 0; i < d->count; i++)
        if ((i && !lace_jinja_put(j, s->item.bytes, s->item.len)) || !write_break(j, s, depth + 1) ||
            !write_key(j, &e[i].key, s->ascii) || !lace_jinja_put(j, s->key.bytes, s->key.len) ||
            !lace_jinja_json(j, &e[i].value, s, depth + 1))
            return false;
    return write_break(j, s, depth) && jinja_puts(j, "}");
}

bool lace_jinja_json(struct jinja *j, const struct jinja_value *v, const struct jinja_json_style *s, int depth)
{
    if (depth > MAX_NESTING) return lace_jinja_fail(j, "values are nested deeper than %d levels", MAX_NESTING);
    if (!lace_jinja_spend(j, 1)) return false;
    if (v->type == JINJA_NONE) return jinja_puts(j, "null");
    if (v->type == JINJA_STRING) return write_string(j, v->text, s->ascii);
    if (jinja_is_number(v->type)) return write_number(j, v);
    if (v->type == JINJA_DICT) return write_dict(j, v->dict, s, depth);
    if (v->type != JINJA_LIST && v->type != JINJA_TUPLE)
        return lace_jinja_fail(j, "a value of type %s cannot be written as JSON", lace_jinja_type_name(v));
    if (!v->seq->count) return jinja_puts(j, "[]");
    if (!jinja_puts(j, "[")) return false;
    for (size_t i = 0; i < v->seq->count; i++)
        if ((i && !lace_jinja_put(j, s->item.bytes, s->item.len)) || !write_break(j, s, depth + 1) ||
            !lace_jinja_json(j, &v->seq->item[i], s, depth + 1))
            return false;
    return write_break(j, s, depth) && jinja_puts(j, "]");
}

bool lace_jinja_from_json(struct jinja *j, const json_t *json, int depth, struct jinja_value *out)
{
    size_t i;
    const char *name;
    json_t *item;
    if (depth > MAX_NESTING) return lace_jinja_fail(j, "values are nested deeper than %d levels", MAX_NESTING);
    switch (json_typeof(json)) {
    case JSON_NULL: *out = jinja_none(); return true;
    case JSON_TRUE:
    case JSON_FALSE: *out = jinja_bool(json_is_true(json)); return true;
    case JSON_INTEGER: *out = jinja_int(json_integer_value(json)); return true;
    case JSON_REAL: *out = jinja_float(json_real_value(json)); return true;
    case JSON_STRING: *out = jinja_string(json_string_value(json), json_string_length(json)); return true;
    case JSON_ARRAY:
        if (!lace_jinja_list(j, JINJA_LIST, json_array_size(json), out)) return false;
        for (i = 0; i < json_array_size(json); i++)
            if (!lace_jinja_from_json(j, json_array_get(json, i), depth + 1, &out->seq->item[i])) return false;
        return true;
    case JSON_OBJECT:
        if (!lace_jinja_dict(j, json_object_size(json), out)) return false;
        json_object_foreach((json_t *)json, name, item)
        {
            struct jinja_value key = jinja_string(name, strlen(name)), value;
            if (!lace_jinja_from_json(j, item, depth + 1, &value) || !lace_jinja_dict_put(j, out->dict, &key, &value))
                return false;
        }
        return true;
    }
    return false;
}
