/* The methods of Python's str. Positions count characters, as there. */
#include "text/jinja_run.h"
#include <utf8proc.h>

#define METHOD(name) static bool name(struct jinja *j, struct jinja_call *call, struct jinja_value *out)

static bool want_string(struct jinja *j, const struct jinja_value *v, const char *method)
{
    return v->type == JINJA_STRING ||
           lace_jinja_fail(j, "the method \"%s\" takes a string, not a %s", method, lace_jinja_type_name(v));
}

/* A part of the object's own bytes */
static bool part(struct jinja_call *call, struct jinja_text text, struct jinja_value *out)
{
    *out = jinja_string(text.bytes, text.len);
    out->markup = call->self.markup;
    return true;
}

static bool finish(struct jinja *j, struct jinja_call *call, size_t mark, struct jinja_value *out)
{
    if (!lace_jinja_cut(j, mark, out)) return false;
    out->markup = call->self.markup;
    return true;
}

static bool whole_or(struct jinja *j, const struct jinja_value *v, int64_t fallback, int64_t *number)
{
    *number = v->type == JINJA_BOOL ? v->truth : v->type == JINJA_INT ? v->integer : fallback;
    return v->type == JINJA_ABSENT || v->type == JINJA_INT || v->type == JINJA_BOOL ||
           lace_jinja_fail(j, "a whole number is needed, not a %s", lace_jinja_type_name(v));
}

/* ---- case ---- */

static bool change_case(struct jinja *j, struct jinja_call *call, enum jinja_case to, struct jinja_value *out)
{
    size_t mark = j->out->len;
    return lace_jinja_put_case(j, call->self.text, to) && finish(j, call, mark, out);
}

METHOD(lower) { return change_case(j, call, JINJA_LOWER, out); }
METHOD(upper) { return change_case(j, call, JINJA_UPPER, out); }
METHOD(capitalize) { return change_case(j, call, JINJA_TITLE, out); }

/* The first letter of each run of letters in title case */
METHOD(title)
{
    struct jinja_text text = call->self.text;
    size_t size, mark = j->out->len;
    bool inside = false;
    for (size_t i = 0; i < text.len; i += size) {
        int32_t c = lace_jinja_point(text.bytes + i, text.len - i, &size);
        if (!(inside ? lace_jinja_put_lower(j, text, i) : lace_jinja_put_upper(j, c, true))) return false;
        inside = lace_jinja_is_cased(c);
    }
    return finish(j, call, mark, out);
}

METHOD(swapcase)
{
    struct jinja_text text = call->self.text;
    size_t size, mark = j->out->len;
    for (size_t i = 0; i < text.len; i += size) {
        int32_t c = lace_jinja_point(text.bytes + i, text.len - i, &size);
        bool fine = lace_jinja_is_upper(c)   ? lace_jinja_put_lower(j, text, i)
                    : lace_jinja_is_lower(c) ? lace_jinja_put_upper(j, c, false)
                                             : lace_jinja_put(j, text.bytes + i, size);
        if (!fine) return false;
    }
    return finish(j, call, mark, out);
}

/* ---- what a string is made of ---- */

enum kind_of_text { ALPHA, DIGIT, DECIMAL, ALNUM, SPACE, LOWER, UPPER };

static bool is_all(struct jinja *j, struct jinja_call *call, enum kind_of_text what, struct jinja_value *out)
{
    struct jinja_text text = call->self.text;
    bool all = text.len != 0, cased = false;
    size_t size;
    for (size_t i = 0; i < text.len && all; i += size) {
        int32_t c = lace_jinja_point(text.bytes + i, text.len - i, &size);
        utf8proc_category_t category = utf8proc_category(c);
        bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO,
             decimal = category == UTF8PROC_CATEGORY_ND, lower = lace_jinja_is_lower(c),
             upper = lace_jinja_is_upper(c) || category == UTF8PROC_CATEGORY_LT;
        if (category == UTF8PROC_CATEGORY_NO && (what == DIGIT || what == ALNUM))
            return lace_jinja_fail(j, "whether U+%04X is a digit is not known here", (unsigned)c);
        if (what == ALPHA) all = letter;
        else if (what == DIGIT || what == DECIMAL) all = decimal;
        else if (what == ALNUM) all = letter || decimal || category == UTF8PROC_CATEGORY_NL;
        else if (what == SPACE) all = lace_jinja_is_space(c);
        else all = what == LOWER ? !upper : !lower && category != UTF8PROC_CATEGORY_LT;
        cased |= lower || upper;
    }
    *out = jinja_bool(all && (cased || (what != LOWER && what != UPPER)));
    return lace_jinja_spend(j, text.len / 8);
}

METHOD(is_alpha) { return is_all(j, call, ALPHA, out); }
METHOD(is_digit) { return is_all(j, call, DIGIT, out); }
METHOD(is_decimal) { return is_all(j, call, DECIMAL, out); }
METHOD(is_alnum) { return is_all(j, call, ALNUM, out); }
METHOD(is_space) { return is_all(j, call, SPACE, out); }
METHOD(is_lower) { return is_all(j, call, LOWER, out); }
METHOD(is_upper) { return is_all(j, call, UPPER, out); }

METHOD(is_ascii)
{
    *out = jinja_bool(lace_jinja_count(call->self.text) == call->self.text.len);
    return lace_jinja_spend(j, call->self.text.len / 32);
}

/* ---- ends ---- */

static bool strip_ends(struct jinja *j, struct jinja_call *call, bool left, bool right, struct jinja_value *out)
{
    const struct jinja_value *chars = &call->slot[0];
    bool given = chars->type != JINJA_ABSENT && chars->type != JINJA_NONE;
    if (given && !want_string(j, chars, "strip")) return false;
    if (!lace_jinja_spend(j, call->self.text.len / 32)) return false;
    return part(call, lace_jinja_strip(call->self.text, given ? &chars->text : NULL, left, right), out);
}

METHOD(strip) { return strip_ends(j, call, true, true, out); }
METHOD(lstrip) { return strip_ends(j, call, true, false, out); }
METHOD(rstrip) { return strip_ends(j, call, false, true, out); }

static bool at_end(struct jinja_text text, struct jinja_text what, bool end)
{
    return what.len <= text.len && !memcmp(text.bytes + (end ? text.len - what.len : 0), what.bytes, what.len);
}

static bool has_end(struct jinja *j, struct jinja_call *call, bool end, struct jinja_value *out)
{
    const struct jinja_value *what = &call->slot[0];
    bool any = false;
    if (call->slot[1].type != JINJA_ABSENT)
        return lace_jinja_fail(j, "startswith and endswith with a position are not supported");
    if (what->type == JINJA_TUPLE) {
        for (size_t i = 0; i < what->seq->count; i++) {
            if (!want_string(j, &what->seq->item[i], "startswith")) return false;
            any |= at_end(call->self.text, what->seq->item[i].text, end);
        }
    } else if (!want_string(j, what, end ? "endswith" : "startswith")) return false;
    else any = at_end(call->self.text, what->text, end);
    *out = jinja_bool(any);
    return true;
}

METHOD(startswith) { return has_end(j, call, false, out); }
METHOD(endswith) { return has_end(j, call, true, out); }

static bool remove_end(struct jinja *j, struct jinja_call *call, bool end, struct jinja_value *out)
{
    struct jinja_text text = call->self.text, what = call->slot[0].text;
    if (!want_string(j, &call->slot[0], "removeprefix")) return false;
    if (at_end(text, what, end)) {
        text.len -= what.len;
        if (!end) text.bytes += what.len;
    }
    return part(call, text, out);
}

METHOD(removeprefix) { return remove_end(j, call, false, out); }
METHOD(removesuffix) { return remove_end(j, call, true, out); }

/* ---- search ---- */

static const char *first_of(struct jinja_text text, struct jinja_text what)
{
    return what.len ? memmem(text.bytes, text.len, what.bytes, what.len) : text.bytes;
}

/* The last place, or the first; *found NULL: none. There is no library function that looks backwards: each comparison
 * costs work, because many may nearly match. */
static bool find_text(struct jinja *j, struct jinja_text text, struct jinja_text what, bool last, const char **found)
{
    *found = last ? NULL : first_of(text, what);
    for (size_t i = last && text.len + 1 > what.len ? text.len + 1 - what.len : 0; i-- > 0;) {
        if (what.len && text.bytes[i] != *what.bytes) continue;
        if (!lace_jinja_spend(j, 1 + what.len / 32)) return false;
        if (memcmp(text.bytes + i, what.bytes, what.len)) continue;
        *found = text.bytes + i;
        break;
    }
    return lace_jinja_spend(j, text.len / 32);
}

static bool search(struct jinja *j, struct jinja_call *call, bool last, bool must, struct jinja_value *out)
{
    struct jinja_text text = call->self.text, what = call->slot[0].text;
    if (!want_string(j, &call->slot[0], "find")) return false;
    if (call->slot[1].type != JINJA_ABSENT)
        return lace_jinja_fail(j, "find and index with a position are not supported");
    const char *found;
    if (!find_text(j, text, what, last, &found)) return false;
    if (!found && must) return lace_jinja_fail(j, "the text that is sought is not there");
    *out = jinja_int(found ? (int64_t)lace_jinja_count((struct jinja_text){text.bytes, (size_t)(found - text.bytes)})
                           : -1);
    return lace_jinja_spend(j, text.len / 16);
}

METHOD(find) { return search(j, call, false, false, out); }
METHOD(rfind) { return search(j, call, true, false, out); }
METHOD(find_or_fail) { return search(j, call, false, true, out); }
METHOD(rfind_or_fail) { return search(j, call, true, true, out); }

METHOD(count)
{
    struct jinja_text text = call->self.text, what = call->slot[0].text;
    int64_t times = 0;
    if (!want_string(j, &call->slot[0], "count")) return false;
    if (call->slot[1].type != JINJA_ABSENT) return lace_jinja_fail(j, "count with a position is not supported");
    if (!what.len) times = (int64_t)lace_jinja_count(text) + 1;
    for (const char *found; what.len && (found = first_of(text, what)); times++) {
        text.len -= (size_t)(found - text.bytes) + what.len;
        text.bytes = found + what.len;
    }
    *out = jinja_int(times);
    return lace_jinja_spend(j, call->self.text.len / 16);
}

METHOD(replace)
{
    struct jinja_text text = call->self.text, old = call->slot[0].text, new = call->slot[1].text;
    size_t mark = j->out->len, size;
    int64_t times;
    if (!want_string(j, &call->slot[0], "replace") || !want_string(j, &call->slot[1], "replace") ||
        !whole_or(j, &call->slot[2], -1, &times))
        return false;
    if (call->self.markup) return lace_jinja_fail(j, "replace on a text marked safe is not supported");
    while (times-- != 0) {
        if (!old.len) { /* between all characters, and at both ends */
            if (!lace_jinja_put(j, new.bytes, new.len) || !lace_jinja_spend(j, 1)) return false;
            if (!text.len) break;
            lace_jinja_point(text.bytes, text.len, &size);
            if (!lace_jinja_put(j, text.bytes, size)) return false;
        } else {
            const char *found = first_of(text, old);
            if (!found) break;
            if (!lace_jinja_put(j, text.bytes, (size_t)(found - text.bytes)) ||
                !lace_jinja_put(j, new.bytes, new.len) || !lace_jinja_spend(j, 1))
                return false;
            size = (size_t)(found - text.bytes) + old.len;
        }
        text.bytes += size;
        text.len -= size;
    }
    return lace_jinja_put(j, text.bytes, text.len) && finish(j, call, mark, out);
}

static bool three_parts(struct jinja *j, struct jinja_call *call, bool last, struct jinja_value *out)
{
    struct jinja_text text = call->self.text, what = call->slot[0].text;
    if (!want_string(j, &call->slot[0], "partition")) return false;
    if (!what.len) return lace_jinja_fail(j, "the separator is empty");
    const char *found;
    if (!find_text(j, text, what, last, &found)) return false;
    if (!lace_jinja_list(j, JINJA_TUPLE, 3, out)) return false;
    struct jinja_value *piece = out->seq->item;
    piece[0] = piece[1] = piece[2] = jinja_string("", 0);
    if (found) {
        size_t before = (size_t)(found - text.bytes);
        piece[0].text = (struct jinja_text){text.bytes, before};
        piece[1].text = what;
        piece[2].text = (struct jinja_text){found + what.len, text.len - before - what.len};
    } else piece[last ? 2 : 0].text = text;
    return lace_jinja_spend(j, text.len / 16);
}

METHOD(partition) { return three_parts(j, call, false, out); }
METHOD(rpartition) { return three_parts(j, call, true, out); }

/* ---- lists of pieces ---- */

struct pieces {
    struct jinja_value *item;
    size_t count, capacity;
};

static bool add_piece(struct jinja *j, struct pieces *p, const char *from, const char *to)
{
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 8;
        struct jinja_value *item = lace_jinja_take(&j->pool, capacity, sizeof *item);
        if (!item) return lace_jinja_no_memory(j);
        if (p->count) memcpy(item, p->item, p->count * sizeof *item);
        p->item = item;
        p->capacity = capacity;
    }
    p->item[p->count++] = jinja_string(from, (size_t)(to - from));
    return lace_jinja_spend(j, 1);
}

static bool finish_pieces(struct jinja *j, struct pieces *p, bool backwards, struct jinja_value *out)
{
    if (!lace_jinja_list(j, JINJA_LIST, p->count, out)) return false;
    for (size_t i = 0; i < p->count; i++) out->seq->item[i] = p->item[backwards ? p->count - 1 - i : i];
    return true;
}

/* At runs of blanks, without empty pieces; what is left after `most` cuts keeps its inner blanks. */
static bool split_blanks(struct jinja *j, struct jinja_text text, int64_t most, bool right, struct pieces *p)
{
    for (;;) {
        text = lace_jinja_strip(text, NULL, !right, right);
        if (!text.len) return true;
        if (most-- == 0) return add_piece(j, p, text.bytes, text.bytes + text.len);
        size_t size, at = right ? text.len : 0, cut = at;
        while (right ? at > 0 : at < text.len) {
            if (right) do
                    at--;
                while ((text.bytes[at] & 0xc0) == 0x80);
            bool space = lace_jinja_is_space(lace_jinja_point(text.bytes + at, text.len - at, &size));
            if (space) break;
            if (!right) at += size;
            cut = at;
        }
        const char *from = right ? text.bytes + cut : text.bytes,
                   *to = right ? text.bytes + text.len : text.bytes + cut;
        if (!add_piece(j, p, from, to)) return false;
        if (!right) text.bytes += cut;
        text.len = right ? cut : text.len - cut;
    }
}

static bool split_at(struct jinja *j, struct jinja_call *call, bool right, struct jinja_value *out)
{
    struct jinja_text text = call->self.text, what = call->slot[0].text;
    struct pieces p = {0};
    int64_t most;
    if (!whole_or(j, &call->slot[1], -1, &most) || !lace_jinja_spend(j, text.len / 16)) return false;
    if (call->slot[0].type == JINJA_ABSENT || call->slot[0].type == JINJA_NONE)
        return split_blanks(j, text, most < 0 ? INT64_MAX : most, right, &p) && finish_pieces(j, &p, right, out);
    if (!want_string(j, &call->slot[0], "split")) return false;
    if (!what.len) return lace_jinja_fail(j, "the separator is empty");
    while (most-- != 0) {
        const char *found = right ? NULL : first_of(text, what);
        if (right && !find_text(j, text, what, true, &found)) return false;
        if (!found) break;
        const char *end = text.bytes + text.len;
        if (!add_piece(j, &p, right ? found + what.len : text.bytes, right ? end : found)) return false;
        if (right) text.len = (size_t)(found - text.bytes);
        else text = (struct jinja_text){found + what.len, (size_t)(end - found) - what.len};
        if (right && !lace_jinja_spend(j, 1)) return false;
    }
    return add_piece(j, &p, text.bytes, text.bytes + text.len) && finish_pieces(j, &p, right, out);
}

METHOD(split) { return split_at(j, call, false, out); }
METHOD(rsplit) { return split_at(j, call, true, out); }

/* Bytes of the line's end at text.bytes[at], 0: none; as str.splitlines has them. */
size_t lace_jinja_line_end(struct jinja_text text, size_t at)
{
    size_t size;
    int32_t c = lace_jinja_point(text.bytes + at, text.len - at, &size);
    if (c == '\r' && at + 1 < text.len && text.bytes[at + 1] == '\n') return 2;
    return (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029 ? size : 0;
}

METHOD(splitlines)
{
    struct jinja_text text = call->self.text;
    bool keep = call->slot[0].type != JINJA_ABSENT && lace_jinja_truth(&call->slot[0]);
    struct pieces p = {0};
    size_t begin = 0, end;
    for (size_t i = 0; i < text.len; i += end ? end : 1) {
        end = (text.bytes[i] & 0xc0) == 0x80 ? 0 : lace_jinja_line_end(text, i);
        if (!end) continue;
        if (!add_piece(j, &p, text.bytes + begin, text.bytes + i + (keep ? end : 0))) return false;
        begin = i + end;
    }
    if (begin < text.len && !add_piece(j, &p, text.bytes + begin, text.bytes + text.len)) return false;
    return finish_pieces(j, &p, false, out) && lace_jinja_spend(j, text.len / 8);
}

METHOD(join)
{
    struct jinja_seq items;
    size_t mark = j->out->len;
    if (call->self.markup) return lace_jinja_fail(j, "join by a text marked safe is not supported");
    if (!lace_jinja_walk(j, &call->slot[0], &items)) return false;
    for (size_t i = 0; i < items.count; i++)
        if ((i && !lace_jinja_put(j, call->self.text.bytes, call->self.text.len)) ||
            !want_string(j, &items.item[i], "join") ||
            !lace_jinja_put(j, items.item[i].text.bytes, items.item[i].text.len) || !lace_jinja_spend(j, 1))
            return false;
    return lace_jinja_cut(j, mark, out);
}

/* ---- widths ---- */

static bool pad(struct jinja *j, struct jinja_call *call, int how, struct jinja_value *out)
{
    struct jinja_text text = call->self.text, fill = {" ", 1};
    int64_t width, have = (int64_t)lace_jinja_count(text);
    size_t mark = j->out->len;
    if (!whole_or(j, &call->slot[0], 0, &width)) return false;
    if (call->slot[1].type != JINJA_ABSENT) {
        if (!want_string(j, &call->slot[1], "center")) return false;
        fill = call->slot[1].text;
        if (lace_jinja_count(fill) != 1) return lace_jinja_fail(j, "the filling must be one character");
    }
    int64_t more = width > have ? width - have : 0, left = how == 'l'   ? 0
                                                           : how == 'r' ? more
                                                                        : more / 2 + (more & width & 1);
    for (int64_t i = 0; i <= more; i++) {
        if (i == left && !lace_jinja_put(j, text.bytes, text.len)) return false;
        if (i < more && (!lace_jinja_put(j, fill.bytes, fill.len) || !lace_jinja_spend(j, 1))) return false;
    }
    return finish(j, call, mark, out);
}

METHOD(ljust) { return pad(j, call, 'l', out); }
METHOD(rjust) { return pad(j, call, 'r', out); }
METHOD(center) { return pad(j, call, 'c', out); }

METHOD(zfill)
{
    struct jinja_text text = call->self.text;
    int64_t width, have = (int64_t)lace_jinja_count(text);
    size_t mark = j->out->len, sign = text.len && (*text.bytes == '+' || *text.bytes == '-');
    if (!whole_or(j, &call->slot[0], 0, &width) || !lace_jinja_put(j, text.bytes, sign)) return false;
    for (; have < width; have++)
        if (!jinja_puts(j, "0") || !lace_jinja_spend(j, 1)) return false;
    return lace_jinja_put(j, text.bytes + sign, text.len - sign) && finish(j, call, mark, out);
}

/* {} and {0} and {name}; what else a field may hold is refused */
METHOD(format)
{
    struct jinja_text text = call->self.text;
    size_t mark = j->out->len, next = 0;
    if (call->self.markup) return lace_jinja_fail(j, "format on a text marked safe is not supported");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.bytes[i];
        if (c != '{' && c != '}') {
            if (!lace_jinja_put(j, &c, 1)) return false;
            continue;
        }
        if (i + 1 < text.len && text.bytes[i + 1] == c) {
            if (!lace_jinja_put(j, &c, 1)) return false;
            i++;
            continue;
        }
        const char *end = c == '{' ? memchr(text.bytes + i, '}', text.len - i) : NULL;
        if (!end) return lace_jinja_fail(j, "a brace in the text of format has no partner");
        struct jinja_text field = {text.bytes + i + 1, (size_t)(end - text.bytes) - i - 1};
        const struct jinja_value *value = NULL;
        bool number = true;
        size_t index = 0;
        for (size_t k = 0; k < field.len; k++) {
            if (strchr(".[]:!{", field.bytes[k]))
                return lace_jinja_fail(j, "the field \"{%.*s}\" of format is not supported", (int)field.len,
                                       field.bytes);
            number &= field.bytes[k] >= '0' && field.bytes[k] <= '9';
            if (number && index < 100000) index = index * 10 + (size_t)(field.bytes[k] - '0');
        }
        if (!field.len) index = next++;
        if (number && index < (size_t)call->count) value = &call->args[index];
        for (int k = 0; !number && k < call->named_count; k++)
            if (jinja_text_same(call->named[k].name, field)) value = &call->named[k].value;
        if (!value)
            return lace_jinja_fail(j, "format was not given what \"{%.*s}\" asks for", (int)field.len, field.bytes);
        if (!lace_jinja_print(j, value)) return false;
        i += field.len + 1;
    }
    return lace_jinja_cut(j, mark, out);
}

static const struct jinja_builtin methods[] = {
    {"capitalize", "", 0, capitalize},
    {"casefold"},
    {"center", "width|fillchar", 1, center},
    {"count", "sub|start|end", 1, count},
    {"encode"},
    {"endswith", "suffix|start|end", 1, endswith},
    {"expandtabs"},
    {"find", "sub|start|end", 1, find},
    {"format", NULL, 0, format},
    {"format_map"},
    {"index", "sub|start|end", 1, find_or_fail},
    {"isalnum", "", 0, is_alnum},
    {"isalpha", "", 0, is_alpha},
    {"isascii", "", 0, is_ascii},
    {"isdecimal", "", 0, is_decimal},
    {"isdigit", "", 0, is_digit},
    {"isidentifier"},
    {"islower", "", 0, is_lower},
    {"isnumeric"},
    {"isprintable"},
    {"isspace", "", 0, is_space},
    {"istitle"},
    {"isupper", "", 0, is_upper},
    {"join", "iterable", 1, join},
    {"ljust", "width|fillchar", 1, ljust},
    {"lower", "", 0, lower},
    {"lstrip", "chars", 0, lstrip},
    {"maketrans"},
    {"partition", "sep", 1, partition},
    {"removeprefix", "prefix", 1, removeprefix},
    {"removesuffix", "suffix", 1, removesuffix},
    {"replace", "old|new|count", 2, replace},
    {"rfind", "sub|start|end", 1, rfind},
    {"rindex", "sub|start|end", 1, rfind_or_fail},
    {"rjust", "width|fillchar", 1, rjust},
    {"rpartition", "sep", 1, rpartition},
    {"rsplit", "sep|maxsplit", 0, rsplit},
    {"rstrip", "chars", 0, rstrip},
    {"split", "sep|maxsplit", 0, split},
    {"splitlines", "keepends", 0, splitlines},
    {"startswith", "prefix|start|end", 1, startswith},
    {"strip", "chars", 0, strip},
    {"swapcase", "", 0, swapcase},
    {"title", "", 0, title},
    {"translate"},
    {"upper", "", 0, upper},
    {"zfill", "width", 1, zfill},
};

const struct jinja_builtin *lace_jinja_string_method(struct jinja_text name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (jinja_text_is(name, methods[i].name)) return &methods[i];
    return NULL;
}
