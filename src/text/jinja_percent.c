/* "text %s" % values, as Python formats it: d i s r f e g x X o c %, with flags, width and precision. */
#include "text/jinja_run.h"

struct field {
    char flags[8], type;
    int width, precision; /* precision -1: none */
};

static bool read_field(struct jinja *j, struct jinja_text f, size_t *at, struct field *field)
{
    size_t n = 0, i = *at;
    *field = (struct field){.precision = -1};
    for (; i < f.len && memchr("-+ #0", f.bytes[i], 5); i++)
        if (!strchr(field->flags, f.bytes[i]) && n < sizeof field->flags - 1) field->flags[n++] = f.bytes[i];
    for (; i < f.len && f.bytes[i] >= '0' && f.bytes[i] <= '9' && field->width < 10000; i++)
        field->width = field->width * 10 + f.bytes[i] - '0';
    if (i < f.len && f.bytes[i] == '.')
        for (field->precision = 0, i++; i < f.len && f.bytes[i] >= '0' && f.bytes[i] <= '9' && field->precision < 100;
             i++)
            field->precision = field->precision * 10 + f.bytes[i] - '0';
    while (i < f.len && memchr("hlL", f.bytes[i], 3)) i++;
    if (i == f.len) return lace_jinja_fail(j, "a format ends inside of a field");
    field->type = f.bytes[i];
    *at = i;
    if (field->width < 10000 && field->precision < 100) return true;
    return lace_jinja_fail(j, "a field of a format is too wide");
}

static bool put_text(struct jinja *j, const struct field *f, const struct jinja_value *v)
{
    size_t mark = j->out->len;
    struct jinja_value text;
    if (!(f->type == 'r' ? lace_jinja_repr(j, v, 0) : lace_jinja_print(j, v)) || !lace_jinja_cut(j, mark, &text))
        return false;
    if (f->precision >= 0) text.text.len = lace_jinja_offset(text.text, (size_t)f->precision);
    int have = (int)lace_jinja_count(text.text), more = f->width > have ? f->width - have : 0;
    bool left = strchr(f->flags, '-');
    if (left && !lace_jinja_put(j, text.text.bytes, text.text.len)) return false;
    for (; more > 0; more--)
        if (!jinja_puts(j, " ")) return false;
    return left || lace_jinja_put(j, text.text.bytes, text.text.len);
}

static bool put_number(struct jinja *j, const struct field *f, const struct jinja_value *v)
{
    char format[40], text[12000];
    bool real = strchr("eEfFgG", f->type);
    if (!jinja_is_number(v->type))
        return lace_jinja_fail(j, "the field %%%c of a format takes a number, not a %s", f->type,
                               lace_jinja_type_name(v));
    if (!real && v->type == JINJA_FLOAT &&
        (strchr("xXo", f->type) || v->real >= 0x1p63 || v->real <= -0x1p63 || v->real != v->real))
        return lace_jinja_fail(j, "the field %%%c of a format takes a whole number", f->type);
    int64_t whole = v->type == JINJA_FLOAT ? (int64_t)v->real : v->type == JINJA_BOOL ? v->truth : v->integer;
    double number = v->type == JINJA_FLOAT ? v->real : (double)whole;
    if (strchr("xXo", f->type) && (whole < 0 || strchr(f->flags, '#')))
        return lace_jinja_fail(j, "the field %%%c of a format for a negative number, or with #, is not supported",
                               f->type);
    char precision[16] = "";
    if (f->precision >= 0) snprintf(precision, sizeof precision, ".%d", f->precision);
    snprintf(format, sizeof format, "%%%s%.0d%s%s%c", f->flags, f->width, precision, real ? "" : "ll",
             f->type == 'i' || f->type == 'u' ? 'd' : f->type);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int len =
        real ? snprintf(text, sizeof text, format, number) : snprintf(text, sizeof text, format, (long long)whole);
#pragma GCC diagnostic pop
    if (len < 0 || len >= (int)sizeof text) return lace_jinja_fail(j, "a field of a format is too wide");
    return lace_jinja_put(j, text, (size_t)len);
}

bool lace_jinja_percent(struct jinja *j, const struct jinja_value *format, const struct jinja_value *args,
                        struct jinja_value *out)
{
    struct jinja_text f = format->text;
    bool tuple = args->type == JINJA_TUPLE;
    size_t mark = j->out->len, count = tuple ? args->seq->count : 1, used = 0;
    struct field field;
    if (format->markup) return lace_jinja_fail(j, "formatting a text marked safe is not supported");
    for (size_t i = 0; i < f.len; i++) {
        if (f.bytes[i] != '%') {
            if (!lace_jinja_put(j, f.bytes + i, 1)) return false;
            continue;
        }
        i++;
        if (!read_field(j, f, &i, &field)) return false;
        if (field.type == '%') {
            if (!jinja_puts(j, "%")) return false;
            continue;
        }
        if (!strchr("diusreEfFgGxXo", field.type))
            return lace_jinja_fail(j, "the field %%%c of a format is not supported", field.type);
        if (used == count) return lace_jinja_fail(j, "a format has more fields than there are values");
        const struct jinja_value *v = tuple ? &args->seq->item[used] : args;
        used++;
        if (!(field.type == 's' || field.type == 'r' ? put_text(j, &field, v) : put_number(j, &field, v))) return false;
    }
    if (used < count && args->type != JINJA_DICT && args->type != JINJA_LIST)
        return lace_jinja_fail(j, "a format has fewer fields than there are values");
    return lace_jinja_cut(j, mark, out) && lace_jinja_spend(j, f.len / 8);
}
