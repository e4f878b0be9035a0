/* Filters over one value: texts, numbers, defaults, JSON; and the table of all filters. */
#include "text/jinja_filter.h"
#include <math.h>
#include <stdlib.h>

bool lace_jinja_number(struct jinja *j, const struct jinja_value *v, int64_t fallback, int64_t *number)
{
    bool whole = v->type == JINJA_INT || v->type == JINJA_BOOL;
    *number = v->type == JINJA_BOOL ? v->truth : whole ? v->integer : fallback;
    return whole || v->type == JINJA_ABSENT || v->type == JINJA_NONE ||
           lace_jinja_fail(j, "a whole number is needed, not a %s", lace_jinja_type_name(v));
}

/* A string method on the text of any value */
static bool as_method(struct jinja *j, struct jinja_call *call, const char *method, struct jinja_value *out)
{
    return lace_jinja_string(j, &call->self, &call->self) &&
           lace_jinja_string_method((struct jinja_text){method, strlen(method)})->run(j, call, out);
}

FILTER(upper) { return as_method(j, call, "upper", out); }
FILTER(lower) { return as_method(j, call, "lower", out); }
FILTER(capitalize) { return as_method(j, call, "capitalize", out); }
FILTER(trim) { return as_method(j, call, "strip", out); }

FILTER(center)
{
    if (call->slot[0].type == JINJA_ABSENT) call->slot[0] = jinja_int(80);
    return as_method(j, call, "center", out);
}

FILTER(string) { return lace_jinja_string(j, &call->self, out); }

FILTER(replace)
{
    for (int i = 0; i < 2; i++)
        if (!lace_jinja_string(j, &call->slot[i], &call->slot[i])) return false;
    if (call->slot[2].type == JINJA_NONE) call->slot[2].type = JINJA_ABSENT;
    if (!lace_jinja_string(j, &call->self, &call->self)) return false;
    call->self.markup = false;
    return as_method(j, call, "replace", out);
}

/* Words begin behind blanks, hyphens and opening brackets. */
FILTER(title)
{
    size_t size, mark = j->out->len;
    bool start = true;
    struct jinja_value v;
    if (!lace_jinja_string(j, &call->self, &v)) return false;
    for (size_t i = 0; i < v.text.len; i += size) {
        int32_t c = lace_jinja_point(v.text.bytes + i, v.text.len - i, &size);
        bool divides = lace_jinja_is_space(c) || (c < 128 && c && strchr("-({[<", c));
        if (divides) {
            if (!lace_jinja_put(j, v.text.bytes + i, size)) return false;
        } else if (start) {
            if (!lace_jinja_put_upper(j, c, false)) return false;
        } else { /* the rest of the word, to know where a sigma is the last */
            struct jinja_text rest = {v.text.bytes + i, 0};
            for (size_t next = size; rest.len + i < v.text.len; rest.len += next) {
                int32_t e = lace_jinja_point(rest.bytes + rest.len, v.text.len - i - rest.len, &next);
                if (lace_jinja_is_space(e) || (e < 128 && e && strchr("-({[<", e))) break;
            }
            if (!lace_jinja_put_case(j, rest, JINJA_LOWER)) return false;
            size = rest.len;
        }
        start = divides;
    }
    if (!lace_jinja_cut(j, mark, out)) return false;
    out->markup = v.markup;
    return lace_jinja_spend(j, v.text.len / 8);
}

FILTER(indent)
{
    struct jinja_value width = call->slot[0], v = call->self;
    struct jinja_text by = {0};
    int64_t blanks = 4;
    bool first = lace_jinja_truth(&call->slot[1]), blank = lace_jinja_truth(&call->slot[2]);
    size_t mark = j->out->len, begin = 0, end;
    if (v.type != JINJA_STRING || v.markup) return lace_jinja_fail(j, "indent takes a string that is not marked safe");
    if (width.type == JINJA_STRING) by = width.text;
    else {
        char *spaces;
        if (!lace_jinja_number(j, &width, 4, &blanks)) return false;
        by.len = blanks < 0 ? 0 : blanks > 65536 ? 65536 : (size_t)blanks;
        if (!(spaces = lace_jinja_take_text(&j->pool, by.len))) return lace_jinja_no_memory(j);
        by.bytes = memset(spaces, ' ', by.len);
    }
    if (first && !lace_jinja_put(j, by.bytes, by.len)) return false;
    for (size_t i = 0; i <= v.text.len; i++) { /* a line's end is thought behind the text, as Jinja adds one */
        bool last = i == v.text.len;
        end = last ? 1 : (v.text.bytes[i] & 0xc0) == 0x80 ? 0 : lace_jinja_line_end(v.text, i);
        if (!end) continue;
        if (begin && (!jinja_puts(j, "\n") || ((blank || i > begin) && !lace_jinja_put(j, by.bytes, by.len))))
            return false;
        if (!lace_jinja_put(j, v.text.bytes + begin, i - begin)) return false;
        begin = i + end;
        i += end - 1;
    }
    return lace_jinja_cut(j, mark, out) && lace_jinja_spend(j, v.text.len / 8);
}

FILTER(truncate)
{
    int64_t length, leeway;
    struct jinja_value v, ending = call->slot[2];
    if (!lace_jinja_number(j, &call->slot[0], 255, &length) || !lace_jinja_number(j, &call->slot[3], 5, &leeway))
        return false;
    if (ending.type == JINJA_ABSENT) ending = jinja_string("...", 3);
    if (call->self.type != JINJA_STRING || ending.type != JINJA_STRING)
        return lace_jinja_fail(j, "truncate takes strings");
    v = call->self;
    int64_t room = length - (int64_t)lace_jinja_count(ending.text);
    if (room < 0 || leeway < 0) return lace_jinja_fail(j, "truncate was given too short a length");
    *out = v;
    if ((int64_t)lace_jinja_count(v.text) <= length + leeway) return true;
    v.text.len = lace_jinja_offset(v.text, (size_t)room);
    if (!lace_jinja_truth(&call->slot[1])) { /* up to the last blank */
        const char *space = memrchr(v.text.bytes, ' ', v.text.len);
        if (space) v.text.len = (size_t)(space - v.text.bytes);
    }
    return lace_jinja_add(j, &v, &ending, out);
}

FILTER(wordcount)
{
    struct jinja_value v;
    int64_t words = 0;
    bool inside = false;
    if (!lace_jinja_string(j, &call->self, &v)) return false;
    for (size_t i = 0; i < v.text.len; i++) {
        unsigned char c = (unsigned char)v.text.bytes[i];
        if (c >= 128) return lace_jinja_fail(j, "wordcount of other than ASCII is not supported");
        bool word = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
        words += word && !inside;
        inside = word;
    }
    *out = jinja_int(words);
    return lace_jinja_spend(j, v.text.len / 8);
}

FILTER(safe)
{
    if (!lace_jinja_string(j, &call->self, out)) return false;
    out->markup = true;
    return true;
}

FILTER(escape) { return lace_jinja_escape(j, &call->self, out); }

FILTER(forceescape)
{
    call->self.markup = false;
    return lace_jinja_escape(j, &call->self, out);
}

FILTER(format)
{
    struct jinja_value args;
    if (call->named_count) return lace_jinja_fail(j, "format with names is not supported");
    if (!lace_jinja_string(j, &call->self, &call->self) || !lace_jinja_list(j, JINJA_TUPLE, (size_t)call->count, &args))
        return false;
    memcpy(args.seq->item, call->args, (size_t)call->count * sizeof args);
    return lace_jinja_percent(j, &call->self, &args, out);
}

FILTER(defaulted)
{
    const struct jinja_value *v = &call->self, *other = &call->slot[0];
    bool empty = v->type == JINJA_UNDEFINED || (lace_jinja_truth(&call->slot[1]) && !lace_jinja_truth(v));
    *out = !empty ? *v : other->type == JINJA_ABSENT ? jinja_string("", 0) : *other;
    return true;
}

FILTER(attr)
{
    struct jinja_value object = call->self;
    if (call->slot[0].type != JINJA_STRING) return lace_jinja_fail(j, "attr takes a name");
    if (object.type == JINJA_DICT) { /* the attributes of a dict, which are its methods, never its keys */
        struct jinja_value none;
        if (!lace_jinja_dict(j, 0, &none)) return false;
        bool unsafe;
        if (!lace_jinja_object_method(&object, call->slot[0].text, &unsafe)) object = none;
    }
    return lace_jinja_attr(j, &object, call->slot[0].text, out);
}

/* ---- numbers ---- */

static struct jinja_text stripped(const struct jinja_value *v, char *plain, size_t size)
{
    struct jinja_text text = lace_jinja_strip(v->text, NULL, true, true);
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < size; i++)
        if (text.bytes[i] != '_' || !i || i + 1 == text.len || text.bytes[i - 1] == '_') plain[n++] = text.bytes[i];
    plain[n] = 0;
    return text;
}

/* What Python's float() reads; false: not a number. */
static bool read_real(const struct jinja_value *v, double *real)
{
    char plain[400], *end;
    struct jinja_text text = stripped(v, plain, sizeof plain);
    const char *word = plain + (*plain == '+' || *plain == '-');
    bool named = !strcasecmp(word, "inf") || !strcasecmp(word, "infinity") || !strcasecmp(word, "nan");
    if (!text.len || text.len >= sizeof plain) return false;
    if (!named && strspn(plain, "0123456789+-.eE") != strlen(plain)) return false;
    *real = strtod(plain, &end);
    return !*end;
}

FILTER(integer)
{
    const struct jinja_value *v = &call->self;
    int64_t base;
    double real = 0;
    *out = call->slot[0].type == JINJA_ABSENT ? jinja_int(0) : call->slot[0];
    if (!lace_jinja_number(j, &call->slot[1], 10, &base)) return false;
    if (v->type == JINJA_UNDEFINED) return lace_jinja_fail(j, "%.*s", (int)v->text.len, v->text.bytes);
    if (v->type == JINJA_INT || v->type == JINJA_BOOL) {
        *out = jinja_int(v->type == JINJA_BOOL ? v->truth : v->integer);
        return true;
    }
    if (v->type == JINJA_STRING) {
        char plain[80];
        struct jinja_text text = stripped(v, plain, sizeof plain);
        size_t sign = *plain == '+' || *plain == '-';
        if (base != 10) return lace_jinja_fail(j, "the filter int with another base than 10 is not supported");
        if (text.len < sizeof plain && plain[sign] && strspn(plain + sign, "0123456789") == strlen(plain + sign)) {
            if (strlen(plain) - sign > 18)
                return lace_jinja_fail(j, "a number is beyond the 64 bits that are supported");
            *out = jinja_int(atoll(plain));
            return true;
        }
        if (!read_real(v, &real)) return true;
    } else if (v->type == JINJA_FLOAT) real = v->real;
    else return true;
    if (isnan(real) || isinf(real)) return true;
    if (fabs(real) >= 0x1p63) return lace_jinja_fail(j, "a number is beyond the 64 bits that are supported");
    *out = jinja_int((int64_t)real);
    return true;
}

FILTER(real)
{
    const struct jinja_value *v = &call->self;
    double number;
    *out = call->slot[0].type == JINJA_ABSENT ? jinja_float(0) : call->slot[0];
    if (v->type == JINJA_UNDEFINED) return lace_jinja_fail(j, "%.*s", (int)v->text.len, v->text.bytes);
    if (v->type == JINJA_FLOAT) *out = *v;
    else if (jinja_is_number(v->type)) *out = jinja_float(v->type == JINJA_BOOL ? v->truth : (double)v->integer);
    else if (v->type == JINJA_STRING && read_real(v, &number)) *out = jinja_float(number);
    return true;
}

FILTER(absolute)
{
    const struct jinja_value *v = &call->self;
    struct jinja_value zero = jinja_int(0);
    if (v->type == JINJA_FLOAT) *out = jinja_float(fabs(v->real));
    else if (v->type == JINJA_INT && v->integer < 0) return lace_jinja_binary(j, '-', &zero, v, out);
    else if (v->type == JINJA_INT || v->type == JINJA_BOOL)
        *out = jinja_int(v->type == JINJA_BOOL ? v->truth : v->integer);
    else return lace_jinja_fail(j, "abs takes a number, not a %s", lace_jinja_type_name(v));
    return true;
}

/* Python's round(): to even where two are as near; the digits decide, as they are written exactly. */
FILTER(rounded)
{
    const struct jinja_value *v = &call->self, *how = &call->slot[1];
    bool common = how->type == JINJA_ABSENT || (how->type == JINJA_STRING && jinja_text_is(how->text, "common"));
    int64_t digits;
    char text[400];
    if (!lace_jinja_number(j, &call->slot[0], 0, &digits)) return false;
    if (!jinja_is_number(v->type)) return lace_jinja_fail(j, "round takes a number, not a %s", lace_jinja_type_name(v));
    if (digits < 0 || digits > 30)
        return lace_jinja_fail(j, "round to %lld digits is not supported", (long long)digits);
    double x = v->type == JINJA_FLOAT ? v->real : v->type == JINJA_BOOL ? v->truth : (double)v->integer;
    if (!common) {
        bool up = how->type == JINJA_STRING && jinja_text_is(how->text, "ceil");
        if (!up && !(how->type == JINJA_STRING && jinja_text_is(how->text, "floor")))
            return lace_jinja_fail(j, "round knows the methods common, ceil and floor");
        double by = pow(10, (double)digits);
        *out = jinja_float((up ? ceil(x * by) : floor(x * by)) / by);
        return true;
    }
    if (v->type != JINJA_FLOAT) {
        *out = jinja_int(v->type == JINJA_BOOL ? v->truth : v->integer);
        return true;
    }
    if (fabs(x) < 1e300) {
        snprintf(text, sizeof text, "%.*f", (int)digits, x);
        x = strtod(text, NULL);
    }
    *out = jinja_float(x);
    return true;
}

/* ---- JSON ---- */

FILTER(tojson)
{
    const struct jinja_value *indent = &call->slot[1], *separators = &call->slot[2];
    struct jinja_json_style style = {.ascii = lace_jinja_truth(&call->slot[0]),
                                     .sorted = lace_jinja_truth(&call->slot[3])};
    size_t mark = j->out->len;
    int64_t width;
    bool given = indent->type != JINJA_ABSENT && indent->type != JINJA_NONE;
    if (given && indent->type == JINJA_STRING) {
        style.indent = indent->text.bytes;
        style.indent_len = indent->text.len;
    } else if (given) {
        if (!lace_jinja_number(j, indent, 0, &width)) return false;
        style.indent_len = width < 0 ? 0 : width > 1024 ? 1024 : (size_t)width;
        char *blanks = lace_jinja_take_text(&j->pool, style.indent_len);
        if (!blanks) return lace_jinja_no_memory(j);
        style.indent = memset(blanks, ' ', style.indent_len);
    }
    style.item = given ? (struct jinja_text){",", 1} : (struct jinja_text){", ", 2};
    style.key = (struct jinja_text){": ", 2};
    if (separators->type != JINJA_ABSENT && separators->type != JINJA_NONE) {
        const struct jinja_value *pair = jinja_is_seq(separators->type) ? separators->seq->item : NULL;
        if (!pair || separators->seq->count != 2 || pair[0].type != JINJA_STRING || pair[1].type != JINJA_STRING)
            return lace_jinja_fail(j, "the separators of tojson are a pair of strings");
        style.item = pair[0].text;
        style.key = pair[1].text;
    }
    return lace_jinja_json(j, &call->self, &style, 0) && lace_jinja_cut(j, mark, out);
}

/* ---- the table; sequences are in jinja_sequence.c ---- */

static const struct jinja_builtin filters[] = {
    {"abs", "", 0, absolute},
    {"attr", "name", 1, attr},
    {"batch"},
    {"capitalize", "", 0, capitalize},
    {"center", "width", 0, center},
    {"count", "", 0, lace_jinja_filter_length},
    {"d", "default_value|boolean", 0, defaulted},
    {"default", "default_value|boolean", 0, defaulted},
    {"dictsort", "case_sensitive|by|reverse", 0, lace_jinja_filter_dictsort},
    {"e", "", 0, escape},
    {"escape", "", 0, escape},
    {"filesizeformat"},
    {"first", "", 0, lace_jinja_filter_first},
    {"float", "default", 0, real},
    {"forceescape", "", 0, forceescape},
    {"format", NULL, 0, format},
    {"groupby"},
    {"indent", "width|first|blank", 0, indent},
    {"int", "default|base", 0, integer},
    {"items", "", 0, lace_jinja_filter_items},
    {"join", "d|attribute", 0, lace_jinja_filter_join},
    {"last", "", 0, lace_jinja_filter_last},
    {"length", "", 0, lace_jinja_filter_length},
    {"list", "", 0, lace_jinja_filter_list},
    {"lower", "", 0, lower},
    {"map", NULL, 0, lace_jinja_filter_map},
    {"max", "case_sensitive|attribute", 0, lace_jinja_filter_max},
    {"min", "case_sensitive|attribute", 0, lace_jinja_filter_min},
    {"pprint"},
    {"random"},
    {"reject", NULL, 0, lace_jinja_filter_reject},
    {"rejectattr", NULL, 0, lace_jinja_filter_rejectattr},
    {"replace", "old|new|count", 2, replace},
    {"reverse", "", 0, lace_jinja_filter_reverse},
    {"round", "precision|method", 0, rounded},
    {"safe", "", 0, safe},
    {"select", NULL, 0, lace_jinja_filter_select},
    {"selectattr", NULL, 0, lace_jinja_filter_selectattr},
    {"slice"},
    {"sort", "reverse|case_sensitive|attribute", 0, lace_jinja_filter_sort},
    {"string", "", 0, string},
    {"striptags"},
    {"sum", "attribute|start", 0, lace_jinja_filter_sum},
    {"title", "", 0, title},
    {"tojson", "ensure_ascii|indent|separators|sort_keys", 0, tojson},
    {"trim", "chars", 0, trim},
    {"truncate", "length|killwords|end|leeway", 0, truncate},
    {"unique", "case_sensitive|attribute", 0, lace_jinja_filter_unique},
    {"upper", "", 0, upper},
    {"urlencode"},
    {"urlize"},
    {"wordcount", "", 0, wordcount},
    {"wordwrap"},
    {"xmlattr"},
};

const struct jinja_builtin *lace_jinja_filter(struct jinja_text name, bool *known)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (!jinja_text_is(name, filters[i].name)) continue;
        if (known) *known = true;
        return filters[i].run ? &filters[i] : NULL;
    }
    return NULL;
}
