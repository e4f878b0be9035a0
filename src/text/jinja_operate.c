/* Operations on values: attributes and subscripts as the sandbox looks them up, slices, arithmetic. */
#include "text/jinja_run.h"
#include <math.h>

static bool undefined_use(struct jinja *j, const struct jinja_value *v)
{
    return lace_jinja_fail(j, "%.*s", (int)v->text.len, v->text.bytes);
}

/* ---- attributes and subscripts ---- */

static bool method(struct jinja *j, const struct jinja_value *object, struct jinja_text name, struct jinja_value *out,
                   bool *found)
{
    bool unsafe = false;
    const struct jinja_builtin *builtin = lace_jinja_object_method(object, name, &unsafe);
    *found = builtin || unsafe;
    if (unsafe)
        return lace_jinja_undefined(j, out, "the sandbox does not let \"%.*s\" of a %s be used", (int)name.len,
                                    name.bytes, lace_jinja_type_name(object));
    if (!builtin) return true;
    if (!builtin->run)
        return lace_jinja_fail(j, "the method \"%.*s\" of a %s is not supported", (int)name.len, name.bytes,
                               lace_jinja_type_name(object));
    struct jinja_function *f = lace_jinja_take(&j->pool, 1, sizeof *f);
    if (!f) return lace_jinja_no_memory(j);
    *f = (struct jinja_function){builtin, *object};
    *out = (struct jinja_value){.type = JINJA_FUNCTION, .function = f};
    return true;
}

static bool no_attribute(struct jinja *j, const struct jinja_value *object, struct jinja_text name,
                         struct jinja_value *out)
{
    return lace_jinja_undefined(j, out, "a %s has no \"%.*s\"", lace_jinja_type_name(object),
                                name.len < 60 ? (int)name.len : 60, name.bytes);
}

/* getattr() first, then the key: {"items": 1}.items is the method. */
bool lace_jinja_attr(struct jinja *j, const struct jinja_value *object, struct jinja_text name, struct jinja_value *out)
{
    bool found = false;
    struct jinja_value *value, key = jinja_string(name.bytes, name.len);
    if (object->type == JINJA_UNDEFINED) return undefined_use(j, object);
    if (object->type == JINJA_LOOP) {
        if (!lace_jinja_loop_attr(j, object->loop, name, out, &found)) return false;
        return found || no_attribute(j, object, name, out);
    }
    if (object->type == JINJA_MACRO && jinja_text_is(name, "name")) {
        *out = jinja_string(object->macro->node->name.bytes, object->macro->node->name.len);
        return true;
    }
    if (!method(j, object, name, out, &found) || found) return j->code == 0;
    if (object->type == JINJA_DICT || object->type == JINJA_NAMESPACE) {
        if (!lace_jinja_dict_find(j, object->dict, &key, &value)) return false;
        if (value) {
            *out = *value;
            return true;
        }
    }
    return no_attribute(j, object, name, out);
}

/* An index from the front or, below 0, from the back; false where nothing is there. */
static bool place(const struct jinja_value *key, size_t count, size_t *at)
{
    int64_t index = key->type == JINJA_BOOL ? key->truth : key->integer;
    if (index < 0) index += (int64_t)count;
    *at = (size_t)index;
    return index >= 0 && (size_t)index < count;
}

/* The element first, then, for a name, the attribute. */
bool lace_jinja_item(struct jinja *j, const struct jinja_value *object, const struct jinja_value *key,
                     struct jinja_value *out)
{
    struct jinja_value *value = NULL;
    bool whole = key->type == JINJA_INT || key->type == JINJA_BOOL, found = false;
    size_t at, size;
    if (object->type == JINJA_UNDEFINED) return undefined_use(j, object);
    if (object->type == JINJA_DICT) {
        if (key->type != JINJA_LIST && key->type != JINJA_DICT && !lace_jinja_dict_find(j, object->dict, key, &value))
            return false;
        if (value) {
            *out = *value;
            return true;
        }
    } else if (object->type == JINJA_STRING && whole) {
        if (!lace_jinja_spend(j, object->text.len / 32)) return false;
        if (place(key, lace_jinja_count(object->text), &at)) {
            const char *bytes = object->text.bytes + lace_jinja_offset(object->text, at);
            lace_jinja_point(bytes, 4, &size);
            *out = jinja_string(bytes, size);
            return true;
        }
    } else if ((object->type == JINJA_LIST || object->type == JINJA_TUPLE || object->type == JINJA_RANGE) && whole) {
        if (place(key, object->seq->count, &at)) {
            *out = object->seq->item[at];
            return true;
        }
    }
    if (key->type == JINJA_STRING) {
        if (object->type == JINJA_NAMESPACE || object->type == JINJA_LOOP || object->type == JINJA_MACRO)
            return lace_jinja_attr(j, object, key->text, out);
        if (!method(j, object, key->text, out, &found)) return false;
        return found || no_attribute(j, object, key->text, out);
    }
    return lace_jinja_undefined(j, out, "a %s has no such element", lace_jinja_type_name(object));
}

/* ---- slices ---- */

/* Python's rule: from..to in steps, clipped to the length. Returns how many there are. */
static bool slice_bounds(struct jinja *j, const struct jinja_value b[3], int64_t count, int64_t *from, int64_t *step,
                         size_t *taken)
{
    int64_t bound[3] = {0, 0, 1};
    for (int i = 0; i < 3; i++) {
        bool given = b[i].type != JINJA_ABSENT && b[i].type != JINJA_NONE;
        if (given && b[i].type == JINJA_UNDEFINED) return undefined_use(j, &b[i]);
        if (given && b[i].type != JINJA_INT && b[i].type != JINJA_BOOL)
            return lace_jinja_fail(j, "the bounds of a slice are whole numbers, not a %s", lace_jinja_type_name(&b[i]));
        if (given) bound[i] = b[i].type == JINJA_BOOL ? b[i].truth : b[i].integer;
        if (i < 2 && given) {
            if (bound[i] < 0) bound[i] = bound[i] < -count ? -1 : bound[i] + count;
        } else if (i < 2) bound[i] = INT64_MIN; /* the end that the step's sign asks for */
    }
    if (bound[2] == 0) return lace_jinja_fail(j, "the step of a slice cannot be 0");
    bool back = bound[2] < 0;
    int64_t low = back ? -1 : 0, high = back ? count - 1 : count;
    for (int i = 0; i < 2; i++) {
        bool open = bound[i] == INT64_MIN;
        if (open) bound[i] = (i == 0) == back ? high : low;
        else if (bound[i] < low) bound[i] = low;
        else if (bound[i] > high) bound[i] = high;
    }
    *from = bound[0];
    *step = bound[2];
    uint64_t distance = back ? (uint64_t)(bound[0] > bound[1] ? bound[0] - bound[1] : 0)
                             : (uint64_t)(bound[1] > bound[0] ? bound[1] - bound[0] : 0),
             stride = back ? -(uint64_t)bound[2] : (uint64_t)bound[2];
    *taken = distance ? (size_t)((distance - 1) / stride + 1) : 0;
    return true;
}

bool lace_jinja_slice(struct jinja *j, const struct jinja_value *object, const struct jinja_value bounds[3],
                      struct jinja_value *out)
{
    int64_t from, step;
    size_t taken, size;
    if (object->type == JINJA_UNDEFINED) return undefined_use(j, object);
    if (object->type == JINJA_LIST || object->type == JINJA_TUPLE) {
        if (!slice_bounds(j, bounds, (int64_t)object->seq->count, &from, &step, &taken) ||
            !lace_jinja_list(j, object->type, taken, out))
            return false;
        for (size_t i = 0; i < taken; i++) out->seq->item[i] = object->seq->item[from + (int64_t)i * step];
        return true;
    }
    if (object->type != JINJA_STRING)
        return lace_jinja_fail(j, "slices of a %s are not supported; the filter list makes it one",
                               lace_jinja_type_name(object));
    struct jinja_text text = object->text;
    if (!lace_jinja_spend(j, 1 + text.len / 16) ||
        !slice_bounds(j, bounds, (int64_t)lace_jinja_count(text), &from, &step, &taken))
        return false;
    if (step == 1) { /* a part of the same bytes */
        size_t begin = lace_jinja_offset(text, (size_t)from);
        struct jinja_text rest = {text.bytes + begin, text.len - begin};
        *out = jinja_string(rest.bytes, lace_jinja_offset(rest, taken));
        return true;
    }
    const char **at = lace_jinja_take(&j->pool, lace_jinja_count(text) + 1, sizeof *at);
    if (!at) return lace_jinja_no_memory(j);
    size_t mark = j->out->len, n = 0;
    for (size_t i = 0; i < text.len; i += size) {
        lace_jinja_point(text.bytes + i, text.len - i, &size);
        at[n++] = text.bytes + i;
    }
    for (size_t i = 0; i < taken; i++) {
        const char *c = at[from + (int64_t)i * step];
        lace_jinja_point(c, 4, &size);
        if (!lace_jinja_put(j, c, size)) return false;
    }
    return lace_jinja_cut(j, mark, out);
}

/* ---- arithmetic ---- */

static double real_of(const struct jinja_value *v)
{
    return v->type == JINJA_FLOAT ? v->real : v->type == JINJA_BOOL ? v->truth : (double)v->integer;
}

static int64_t integer_of(const struct jinja_value *v) { return v->type == JINJA_BOOL ? v->truth : v->integer; }

static bool too_large(struct jinja *j)
{
    return lace_jinja_fail(j, "a number is beyond the 64 bits that are supported");
}

bool lace_jinja_escape(struct jinja *j, const struct jinja_value *v, struct jinja_value *out)
{
    size_t mark = j->out->len;
    struct jinja_value text;
    if (v->type == JINJA_STRING && v->markup) {
        *out = *v;
        return true;
    }
    if (!lace_jinja_string(j, v, &text)) return false;
    for (size_t i = 0; i < text.text.len; i++) {
        const char *c = text.text.bytes + i;
        const char *code = *c == '&'   ? "&amp;"
                           : *c == '<' ? "&lt;"
                           : *c == '>' ? "&gt;"
                           : *c == '"' ? "&#34;"
                                       : "&#39;";
        bool fine = memchr("&<>\"'", *c, 5) ? jinja_puts(j, code) : lace_jinja_put(j, c, 1);
        if (!fine) return false;
    }
    if (!lace_jinja_cut(j, mark, out)) return false;
    out->markup = true;
    return lace_jinja_spend(j, text.text.len);
}

static bool join(struct jinja *j, struct jinja_value a, struct jinja_value b, struct jinja_value *out)
{
    bool markup = a.markup || b.markup;
    if (markup && (!lace_jinja_escape(j, &a, &a) || !lace_jinja_escape(j, &b, &b))) return false;
    if (a.text.len > JINJA_OUTPUT - (b.text.len < JINJA_OUTPUT ? b.text.len : JINJA_OUTPUT))
        return lace_jinja_fail(j, "a text is longer than the %zu MiB that it may be", JINJA_OUTPUT >> 20);
    if (!lace_jinja_spend(j, b.text.len / 32)) return false;
    if (a.text.len && lace_jinja_extend(&j->pool, a.text.bytes + a.text.len, b.text.bytes, b.text.len)) {
        *out = jinja_string(a.text.bytes, a.text.len + b.text.len);
    } else {
        char *text = lace_jinja_take_text(&j->pool, a.text.len + b.text.len);
        if (!text) return lace_jinja_no_memory(j);
        memcpy(text, a.text.bytes, a.text.len);
        memcpy(text + a.text.len, b.text.bytes, b.text.len);
        *out = jinja_string(text, a.text.len + b.text.len);
        if (!lace_jinja_spend(j, a.text.len / 32)) return false;
    }
    out->markup = markup;
    return true;
}

bool lace_jinja_add(struct jinja *j, const struct jinja_value *a, const struct jinja_value *b, struct jinja_value *out)
{
    int64_t sum;
    if (a->type == JINJA_STRING && b->type == JINJA_STRING) return join(j, *a, *b, out);
    if (jinja_is_number(a->type) && jinja_is_number(b->type)) {
        if (a->type == JINJA_FLOAT || b->type == JINJA_FLOAT) *out = jinja_float(real_of(a) + real_of(b));
        else if (__builtin_add_overflow(integer_of(a), integer_of(b), &sum)) return too_large(j);
        else *out = jinja_int(sum);
        return true;
    }
    if (a->type == b->type && (a->type == JINJA_LIST || a->type == JINJA_TUPLE)) {
        if (!lace_jinja_list(j, a->type, a->seq->count + b->seq->count, out)) return false;
        memcpy(out->seq->item, a->seq->item, a->seq->count * sizeof *a->seq->item);
        memcpy(out->seq->item + a->seq->count, b->seq->item, b->seq->count * sizeof *b->seq->item);
        return true;
    }
    return lace_jinja_fail(j, "a %s and a %s cannot be added", lace_jinja_type_name(a), lace_jinja_type_name(b));
}

static bool repeat(struct jinja *j, const struct jinja_value *what, int64_t times, struct jinja_value *out)
{
    size_t mark = j->out->len, count;
    if (times < 0) times = 0;
    if (what->type == JINJA_STRING) {
        for (int64_t i = 0; i < times && what->text.len; i++)
            if (!lace_jinja_put(j, what->text.bytes, what->text.len) || !lace_jinja_spend(j, 1)) return false;
        return lace_jinja_cut(j, mark, out);
    }
    if (!lace_mul(what->seq->count, (size_t)times, &count)) return lace_jinja_no_memory(j);
    if (!lace_jinja_list(j, what->type, count, out)) return false;
    for (size_t i = 0; i < count; i++) out->seq->item[i] = what->seq->item[i % what->seq->count];
    return true;
}

static bool power_of(struct jinja *j, int64_t base, int64_t exponent, struct jinja_value *out)
{
    int64_t result = 1;
    if (exponent < 0) {
        if (!base) return lace_jinja_fail(j, "0 has no negative power");
        *out = jinja_float(pow((double)base, (double)exponent));
        return true;
    }
    while (exponent) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) return too_large(j);
        exponent >>= 1;
        if (exponent && __builtin_mul_overflow(base, base, &base)) return too_large(j);
    }
    *out = jinja_int(result);
    return true;
}

static bool integers(struct jinja *j, int op, int64_t a, int64_t b, struct jinja_value *out)
{
    int64_t r;
    if (op == JINJA_OP('*', '*')) return power_of(j, a, b, out);
    if (op == '-' ? __builtin_sub_overflow(a, b, &r) : op == '*' ? __builtin_mul_overflow(a, b, &r) : false)
        return too_large(j);
    if (op == '-' || op == '*') {
        *out = jinja_int(r);
        return true;
    }
    if (!b) return lace_jinja_fail(j, "division by zero");
    if (op == '/') {
        *out = jinja_float((double)a / (double)b);
        return true;
    }
    if (b == -1) { /* the one quotient that overflows */
        if (op == '%') *out = jinja_int(0);
        else if (__builtin_sub_overflow((int64_t)0, a, &r)) return too_large(j);
        else *out = jinja_int(r);
        return true;
    }
    bool down = a % b != 0 && (a % b < 0) != (b < 0); /* towards minus infinity, as Python divides */
    *out = jinja_int(op == '%' ? a % b + (down ? b : 0) : a / b - down);
    return true;
}

static bool reals(struct jinja *j, int op, double a, double b, struct jinja_value *out)
{
    double r = 0;
    if ((op == '/' || op == '%' || op == JINJA_OP('/', '/')) && b == 0) return lace_jinja_fail(j, "division by zero");
    if (op == '-') r = a - b;
    else if (op == '*') r = a * b;
    else if (op == '/') r = a / b;
    else if (op == JINJA_OP('*', '*')) r = pow(a, b);
    else {
        double rest = fmod(a, b);
        if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
        else if (rest == 0) rest = copysign(0, b);
        r = (a - rest) / b;
        double floor_r = floor(r);
        if (r - floor_r > 0.5) floor_r += 1;
        r = op == '%' ? rest : r == 0 ? copysign(0, a / b) : floor_r;
    }
    if (op == JINJA_OP('*', '*') && (isnan(r) || isinf(r)) && !isnan(a) && !isinf(a) && !isnan(b) && !isinf(b))
        return lace_jinja_fail(j, "a power has no result that is a number");
    *out = jinja_float(r);
    return true;
}

bool lace_jinja_binary(struct jinja *j, int op, const struct jinja_value *a, const struct jinja_value *b,
                       struct jinja_value *out)
{
    if (a->type == JINJA_UNDEFINED) return undefined_use(j, a);
    if (op == '%' && a->type == JINJA_STRING) return lace_jinja_percent(j, a, b, out);
    if (b->type == JINJA_UNDEFINED) return undefined_use(j, b);
    if (op == '+') return lace_jinja_add(j, a, b, out);
    if (jinja_is_number(a->type) && jinja_is_number(b->type)) {
        if (a->type == JINJA_FLOAT || b->type == JINJA_FLOAT) return reals(j, op, real_of(a), real_of(b), out);
        return integers(j, op, integer_of(a), integer_of(b), out);
    }
    if (op == '*')
        for (int i = 0; i < 2; i++) {
            const struct jinja_value *what = i ? b : a, *times = i ? a : b;
            if ((times->type == JINJA_INT || times->type == JINJA_BOOL) &&
                (what->type == JINJA_STRING || what->type == JINJA_LIST || what->type == JINJA_TUPLE))
                return repeat(j, what, integer_of(times), out);
        }
    return lace_jinja_fail(j, "\"%c%s\" cannot be applied to a %s and a %s", op & 255, (char[2]){(char)(op >> 8), 0},
                           lace_jinja_type_name(a), lace_jinja_type_name(b));
}
