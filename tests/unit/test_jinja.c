/* Templates: what Jinja2 makes of them (golden cases), what is refused by name, and hostile ones. */
#include "io/json.h"
#include "text/jinja.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CASES "tests/golden/jinja_cases.json"
#define CLOCK 1721984703 /* 2024-07-26 09:05:03 UTC */

static int render(const char *source, size_t len, const json_t *variables, struct lace_text *out,
                  struct lace_error *err)
{
    struct lace_jinja *jinja;
    int code = lace_jinja_parse(&jinja, source, len, "T", err);
    if (!code) code = lace_jinja_render(jinja, variables, CLOCK, out, err);
    lace_jinja_close(&jinja);
    return code;
}

static void outputs_equal_those_of_jinja2(void **state)
{
    struct lace_error err;
    json_t *root = lace_json_read(CASES, 1 << 20, &err);
    if (!root) fail_msg("%s", err.text);
    const json_t *cases = json_object_get(root, "cases"), *variables = json_object_get(root, "variables");
    int refused = 0;
    assert_true(json_array_size(cases) > 700);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i), *text = json_array_get(one, 1);
        const char *source = json_string_value(json_array_get(one, 0));
        struct lace_text out;
        lace_text_init(&out);
        int code = render(source, strlen(source), variables, &out, &err);
        if (json_is_null(text)) {
            const char *why = json_string_value(json_array_get(one, 2));
            refused++;
            if (code != LACE_BAD) fail_msg("%s: Jinja2 says %s", source, why);
            if (!strncmp(why, "raised: ", 8) && !strstr(err.text, why + 8)) fail_msg("%s: %s", source, err.text);
            if (!strstr(err.text, "T, line ")) fail_msg("%s: %s names no line", source, err.text);
            assert_int_equal(out.len, 0);
        } else {
            if (code) fail_msg("%s: %s", source, err.text);
            if (out.len != json_string_length(text) || memcmp(out.data, json_string_value(text), out.len))
                fail_msg("%s\nhas: %s\nnot: %s", source, out.data, json_string_value(text));
        }
        lace_text_release(&out);
    }
    assert_true(refused > 100);
    json_decref(root);
}

struct complaint {
    const char *source, *words;
};

static void expect_complaints(const struct complaint *c, size_t count)
{
    json_t *variables = json_pack("{s:s, s:[i,i], s:{s:i}}", "s", "text", "l", 1, 2, "d", "a", 1);
    for (size_t i = 0; i < count; i++) {
        struct lace_error err = {""};
        struct lace_text out;
        lace_text_init(&out);
        lace_text_str(&out, "before");
        int code = render(c[i].source, strlen(c[i].source), variables, &out, &err);
        if (code != LACE_BAD) fail_msg("%s: not refused, but %s", c[i].source, out.data);
        if (!strstr(err.text, c[i].words)) fail_msg("%.200s: %s", c[i].source, err.text);
        assert_string_equal(out.data, "before");
        lace_text_release(&out);
    }
    json_decref(variables);
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* Jinja knows these; each is refused with its name and the line */
static void unsupported_things_are_named(void **state)
{
    static const struct complaint table[] = {
        {"{% block a %}x{% endblock %}", "line 1: the statement \"block\" is not supported"},
        {"\n{% include 'x' %}", "line 2: the statement \"include\" is not supported"},
        {"{% import 'x' as y %}", "\"import\" is not supported"},
        {"{% from 'x' import y %}", "\"from\" is not supported"},
        {"{% extends 'x' %}", "\"extends\" is not supported"},
        {"{% autoescape true %}{% endautoescape %}", "\"autoescape\" is not supported"},
        {"\n\n{{ s | urlize }}", "line 3: the filter \"urlize\" is not supported"},
        {"{{ s | groupby('a') }}", "the filter \"groupby\" is not supported"},
        {"{% if false %}{{ s | pprint }}{% endif %}", "the filter \"pprint\" is not supported"},
        {"{{ l | map('random') }}", "the filter \"random\" is not supported"},
        {"{{ s.encode() }}", "the method \"encode\" of a str is not supported"},
        {"{{ s.startswith('a', 1) }}", "not supported"},
        {"{{ joiner(', ') }}", "not supported"},
        {"{{ l[1,2] }}", "a subscript of several values is not supported"},
        {"{{ range(9)[1:2] }}", "slices of a range are not supported"},
        {"{{ l | map('string') }}", "a generator"},
        {"{{ 9223372036854775807 + 1 }}", "beyond the 64 bits"},
        {"{{ 99999999999999999999 }}", "beyond the 64 bits"},
        {"{{ 9223372036854775807 * 2 }}", "beyond the 64 bits"},
        {"{{ (-9223372036854775807 - 1) // -1 }}", "beyond the 64 bits"},
        {"{{ -(-9223372036854775807 - 1) }}", "beyond the 64 bits"},
        {"{{ 10 ** 19 }}", "beyond the 64 bits"},
        {"{{ '\\ud800' }}", "U+D800 is not supported"},
        {"{{ '\\x00' }}", "U+0000 is not supported"},
        {"{{ '\\N{DASH}' }}", "\\N in a string is not supported"},
        {"{{ '{a.b}'.format(a=1) }}", "is not supported"},
        {"{{ '%c' % 1 }}", "the field %c of a format is not supported"},
        {"{{ strftime_now('%f') }}", "not supported"},
        {"{{ '\u00b2'.isdigit() }}", "U+00B2"},
    };
    expect_complaints(table, COUNT(table));
}

static char *repeated(const char *before, const char *what, size_t times, const char *after)
{
    struct lace_text text;
    lace_text_init(&text);
    lace_text_str(&text, before);
    for (size_t i = 0; i < times; i++) lace_text_str(&text, what);
    lace_text_str(&text, after);
    assert_false(text.failed);
    return text.data;
}

/* A template that comes with a model may be made to hang, to fill the memory or to overrun the stack. */
static void hostile_templates_end(void **state)
{
    char parameters[4096];
    int n = sprintf(parameters, "{%% macro m(a0");
    for (int i = 1; i < 300; i++) n += sprintf(parameters + n, ", a%d", i);
    sprintf(parameters + n, ") %%}{%% endmacro %%}");
    char *parens = repeated("{{ ", "(", 100000, "1"), *lists = repeated("{{ ", "[", 5000, "1"),
         *nots = repeated("{{ ", "not ", 50000, "1 }}"), *minus = repeated("{{ ", "-", 100000, "1 }}"),
         *sums = repeated("{{ 1", "+1", 100000, " }}"), *dots = repeated("{{ s", ".a", 100000, " }}"),
         *bars = repeated("{{ s", "|list", 50000, " }}"), *ifs = repeated("", "{% if 1 %}", 30000, ""),
         *fors = repeated("", "{% for x in l %}", 30000, ""),
         *elifs = repeated("{% if 0 %}", "{% elif 0 %}", 30000, ""),
         *long_text = repeated("", "0123456789abcdef", 40000, ""),
         *conds = repeated("{{ ", "1 if 0 else ", 40000, "1 }}"),
         *filters = repeated("{% filter list", "|list", 50000, " %}{% endfilter %}"),
         *dicts = repeated("{{ ", "{1:", 5000, "1"), *calls = repeated("{{ s", "()", 100000, " }}"),
         *doubling =
             repeated("{% set ns = namespace(x='0123456789') %}", "{% set ns.x = ns.x ~ ns.x %}", 60, "{{ ns.x }}");
    const struct complaint table[] = {
        {parens, "nested deeper than"},
        {lists, "nested deeper than"},
        {dicts, "nested deeper than"},
        {nots, "nested deeper than"},
        {minus, "nested deeper than"},
        {conds, "nested deeper than"},
        {ifs, "nested deeper than"},
        {fors, "nested deeper than"},
        {sums, "evaluations are nested"},
        {dots, "evaluations are nested"},
        {calls, "evaluations are nested"},
        {bars, "evaluations are nested"},
        {filters, "filters follow each other"},
        {elifs, "without the \"endif\""},
        {long_text, "too long"},
        {doubling, "longer than"},
        {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "a macro may call itself without end"},
        {"{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}", "without end"},
        {"{% macro m() %}{% call m() %}{% endcall %}{{ caller }}{% endmacro %}{{ m() }}", "without end"},
        {"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "without end"},
        {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "the template takes more"},
        {"{{ range(1000000000) }}", "longer than the 100000"},
        {"{{ range(-9223372036854775807, 9223372036854775807) }}", "longer than the 100000"},
        {"{{ range(0, 9223372036854775807, 9223372036854775807)|list ~ range(1, 2, 0) }}", "cannot be 0"},
        {"{{ [1] * 1000000000000 }}", "the template takes more"},
        {"{{ [1] * 9223372036854775807 }}", "the template takes more"},
        {"{{ [] * 9223372036854775807 + 1 }}", "cannot be added"},
        {"{{ ('x' * 30000000).upper() ~ 'a' }}", "the template takes more"},
        {"{{ 'x'.ljust(100000000) }}", "the template takes more"},
        {"{{ '%100000d' % 1 }}", "too wide"},
        {"{{ '%.99999999999999999999d' % 1 }}", "too wide"},
        {"{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "nested deeper than"},
        {"{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
         "nested deeper than"},
        {"{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}",
         "nested deeper than"},
        {"{% set ns = namespace(x=[], y=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] "
         "%}{% endfor %}{{ ns.x == ns.y }}",
         "nested deeper than"},
        {"{% set ns = namespace(x=()) %}{% for i in range(1000) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}",
         "nested deeper than"},
        {"{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
         "it may"},
        {"{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
         "the template takes more"},
        {"{% set x = 'a' * 1000000 %}{% for i in range(100000) %}{% set y = 'b' ~ x %}{% endfor %}",
         "the template takes more"},
        {"{% set x = 'a' * 1000000 %}{% for i in range(100000) %}{{ 'ab' in x }}{% endfor %}",
         "the template takes more"},
        {"{{ ('a' * 100000).replace('', 'b' * 100000) }}", "longer than"},
        {"{% set x = 'a' * 100000 %}{{ ('b' ~ x) in (x ~ x) }}{{ (x ~ x).rfind('b' ~ x) }}{{ (x ~ x).rfind(x[1:] ~ "
         "'b') }}",
         "the template takes more"},
        {"{% macro t(x) %}{{ t([x] | string) }}{% endmacro %}{{ t('a') }}", "it may"},
        {parameters, "more than 200 parameters"},
        {"{{ m(**{}) }}", "undefined"},
        {"{{ dict(*range(9)) }}", "at most one value"},
        {"{{ s.x.y.z }}", "has no \"x\""},
        {"{{ s.__class__ }}{{ s.__class__.__mro__ }}", "__class__"},
        {"{{ d.__init__.__globals__ }}", "__init__"},
        {"{{ s['__class__'].x }}", "__class__"},
        {"{{ raise_exception('a' * 1000) }}", "the template refuses: aaaa"},
    };
    expect_complaints(table, COUNT(table));
    char *made[] = {parens, lists, nots,      minus, sums,    dots,  bars,  ifs,
                    fors,   elifs, long_text, conds, filters, dicts, calls, doubling};
    for (size_t i = 0; i < COUNT(made); i++) free(made[i]);
}

/* Every prefix of a template that uses everything: no crash, and an error names a line. */
static void unfinished_templates_are_refused(void **state)
{
    static const char source[] =
        "{%- macro m(a, b=[1, {'k': 2.5e3}], *) -%}{% endmacro %}{# c #}{% raw %}{{{% endraw %}"
        "{%- for k, (v, w) in d.items() if k is not none recursive %}{{ loop.index0 ~ k[1:-1:2] }}{% else %}{% endfor "
        "%}"
        "{% set ns.x, y = (1, 2) %}{% set z | upper %}{{ 'a\\u00e9' if x not in [1] else \"b\" }}{% endset %}"
        "{% call(q) m(1, b=2, *l, **d) %}{% endcall %}{% filter trim %}{% endfilter %}{% with a = 1 %}{% endwith %}"
        "{% generation %}{{ s | tojson(indent=2) | default('x', true) }}{% endgeneration %}";
    json_t *variables = json_object();
    for (size_t len = 0; len < sizeof source; len++) {
        struct lace_error err = {""};
        struct lace_text out;
        lace_text_init(&out);
        char *part = malloc(len + 1); /* of its own size, so that a sanitizer sees what reads behind it */
        memcpy(part, source, len);
        int code = render(part, len, variables, &out, &err);
        if (code && !strstr(err.text, "T")) fail_msg("%zu: %s", len, err.text);
        free(part);
        lace_text_release(&out);
    }
    json_decref(variables);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    struct lace_error err;
    struct lace_jinja *jinja;
    assert_int_equal(lace_jinja_parse(&jinja, "a\xff", 2, "T", &err), LACE_BAD);
    assert_null(jinja);
    assert_int_equal(lace_jinja_parse(&jinja, "a\0b", 3, "T", &err), LACE_BAD);
    assert_non_null(strstr(err.text, "UTF-8"));
}

/* One template, rendered twice: nothing of the first stays. */
static void a_template_can_be_rendered_again(void **state)
{
    static const char source[] = "{% set x = (x or 0) + 1 %}{{ x }}{% for y in l %}{{ y }}{% endfor %}";
    struct lace_error err;
    struct lace_jinja *jinja;
    struct lace_text out;
    lace_text_init(&out);
    json_t *variables = json_pack("{s:i, s:[s]}", "x", 1, "l", "\u00e9");
    assert_int_equal(lace_jinja_parse(&jinja, source, strlen(source), "T", &err), 0);
    for (int i = 0; i < 2; i++) assert_int_equal(lace_jinja_render(jinja, variables, CLOCK, &out, &err), 0);
    assert_string_equal(out.data, "2\u00e92\u00e9");
    lace_jinja_close(&jinja);
    lace_text_release(&out);
    json_decref(variables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_equal_those_of_jinja2),
        cmocka_unit_test(unsupported_things_are_named),
        cmocka_unit_test(hostile_templates_end),
        cmocka_unit_test(unfinished_templates_are_refused),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_template_can_be_rendered_again),
    };
    setenv("TZ", "UTC", 1); /* the golden clock's */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
