/* Chat templates: whatever the template, it ends with a text in UTF-8 or with a sentence, and a second rendering gives
 * the same. Mutations insert the words of the language, and now and then a template of the golden cases' kind. */
#include "fuzz.h"
#include "text/jinja.h"
#include "text/utf8.h"

static const char variables_json[] = "{\"messages\": [{\"role\": \"system\", \"content\": \" S\\u00e9 \"}, {\"role\": "
                                     "\"user\", \"content\": \"a b,c\\n\"},"
                                     "{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"function\": "
                                     "{\"name\": \"f\", \"arguments\": {\"x\": [1, 2.5,"
                                     "null, true, \"\\ud83d\\ude00\"]}}}]}], \"tools\": [{\"type\": \"function\", "
                                     "\"function\": {\"name\": \"f\"}}], \"bos_token\":"
                                     "\"<s>\", \"n\": 5, \"f\": 2.5, \"s\": \"Hello\", \"l\": [3, 1, 2], \"d\": "
                                     "{\"a\": 1, \"b\": {\"c\": \"d\"}}, \"z\": null}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *variables;
    struct lace_jinja *jinja;
    struct lace_error err = {""};
    struct lace_text out[2];
    if (!variables) variables = json_loads(variables_json, 0, NULL);
    if (!variables) abort();
    char *source = malloc(size); /* of its own size, so that reading behind it is seen */
    memcpy(source, data, size);
    int code = lace_jinja_parse(&jinja, source, size, "input", &err), again = 0;
    free(source);
    if (code && (jinja || !err.text[0])) abort();
    for (int i = 0; !code && i < 2; i++) {
        lace_text_init(&out[i]);
        int got = lace_jinja_render(jinja, variables, 1721984703, &out[i], &err);
        if (got ? out[i].len != 0 || !err.text[0] : !lace_utf8_valid(out[i].data, out[i].len)) abort();
        if (i && (got != again || out[0].len != out[1].len || memcmp(out[0].data, out[1].data, out[0].len))) abort();
        again = got;
    }
    for (int i = 0; !code && i < 2; i++) lace_text_release(&out[i]);
    lace_jinja_close(&jinja);
    return 0;
}

static size_t insert_word(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const words[] = {
        "{% for x in l %}",
        "{% endfor %}",
        "{% if n %}",
        "{% else %}",
        "{% elif s %}",
        "{% endif %}",
        "{% set x = ",
        "{% set x %}",
        "{% endset %}",
        "{% macro m(a, b=1) %}",
        "{% endmacro %}",
        "{{ m(",
        "{% call(x) m() %}",
        "{% endcall %}",
        "{% filter upper %}",
        "{% endfilter %}",
        "{% with a = n %}",
        "{% endwith %}",
        "{% break %}",
        "{% continue %}",
        "{% generation %}",
        "{% endgeneration %}",
        "{% raw %}",
        "{% endraw %}",
        "{# ",
        " #}",
        "{{ ",
        " }}",
        "{%- ",
        " -%}",
        "{%+ ",
        " %}",
        "messages",
        ".content",
        "['role']",
        "[::-1]",
        "[1:-1]",
        " | tojson(indent=2)",
        " | map(attribute='role')",
        " | list",
        " | join(',')",
        " | selectattr('role', 'eq', 'user')",
        " | default('x', true)",
        " | sort",
        " | replace('a', 'b')",
        " | indent(2, true)",
        " | title",
        " | dictsort",
        " | items",
        " | round(2)",
        " | int",
        " | safe",
        " | e",
        " is defined",
        " is not none",
        " is divisibleby 2",
        " not in ",
        " in ",
        " if n else ",
        " ~ ",
        " // ",
        " ** ",
        " % ",
        " == ",
        ".split(',')",
        ".strip()",
        ".startswith('a')",
        ".items()",
        ".get('a', 1)",
        ".format(1, a=2)",
        "namespace(x=1)",
        "ns.x",
        "range(3)",
        "dict(a=1)",
        "loop.index",
        "loop.last",
        "loop.nextitem",
        "loop.changed(x)",
        "loop.cycle(1, 2)",
        "recursive",
        "loop(l)",
        "caller()",
        "varargs",
        "kwargs",
        "raise_exception('x')",
        "strftime_now('%Y')",
        "'\\u00e9'",
        "1.5e3",
        "0x1f",
        "[1, 2]",
        "{'a': 1}",
        "(1, 2)",
        "*l",
        "**d",
        "true",
        "none",
        "'a' 'b'",
        "\xc3\xa9",
        "not ",
    };
    const char *word = words[seed % (sizeof words / sizeof *words)];
    size_t len = strlen(word), at = size ? (seed / 131) % (size + 1) : 0;
    if (size + len > max) return size;
    memmove(data + at + len, data + at, size - at);
    memcpy(data + at, word, len);
    return size + len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{%- for m in messages if m.content %}{{ loop.index ~ m['role'] | upper }}{% if not loop.last %}, {% endif "
        "%}{% endfor %}",
        "{% macro t(x, depth=0) %}{% if depth < 3 %}{{ t([x], depth + 1) }}{% endif %}{{ x | tojson(indent=2) }}{% "
        "endmacro %}{{ "
        "t(d) }}",
        "{% set ns = namespace(a=0) %}{% for x in l %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }}{{ s[::-1] }}",
        "  {%- set t | upper %}\n  {{ s.split('l')[0] }}\n  {% endset -%}\n{{ t }}{# c #}{% raw %}{{ {% endraw %}",
        "{% for x in [1, [2]] recursive %}{{ x if x is number else loop(x) }}{% endfor %}{{ '%5.2f|%s' % (f, l) }}",
        "{% call(x) m(1, *l, **d) %}{{ x }}{% endcall %}{{ {'a': (1, 2.5, none)} }}{{ l | sort | map('string') | join "
        "}}",
    };
    if (seed % 4 == 1) return insert_word(data, size, max, seed / 4);
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
