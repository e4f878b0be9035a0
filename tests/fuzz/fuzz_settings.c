/* Settings: what parses must write back to the same keys and values. Lines that begin with "=" are --set. */
#include "fuzz.h"
#include "io/settings.h"

static void compare(const struct lace_settings *a, const struct lace_settings *b)
{
    if (a->count != b->count) abort();
    for (int i = 0; i < a->count; i++) {
        int j = 0;
        while (j < b->count && strcmp(a->items[i].key, b->items[j].key)) j++;
        if (j == b->count || strcmp(a->items[i].value, b->items[j].value)) abort();
        if ((a->items[i].kind == LACE_SETTING_NULL) != (b->items[j].kind == LACE_SETTING_NULL)) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_settings s, back;
    struct lace_error err;
    struct lace_text out;
    size_t sets = 0;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    while (sets < size && text[sets] == '=') { /* assignments first, then the file */
        char *end = memchr(text + sets, '\n', size - sets);
        if (!end) break;
        *end = 0;
        sets = (size_t)(end + 1 - text);
    }
    if (!lace_settings_parse(&s, text + sets, size - sets, "input", &err)) {
        for (size_t at = 0; at < sets; at += strlen(text + at) + 1) lace_settings_set(&s, text + at + 1, &err);
        lace_text_init(&out);
        if (lace_settings_format(&s, &out, &err)) abort();
        if (lace_settings_parse(&back, out.data ? out.data : "", out.len, "written", &err)) {
            /* the rules' own limits may be met only by the written form */
            if (!strstr(err.text, "longer than")) abort();
        } else compare(&s, &back);
        lace_settings_release(&back);
        int number, numbers[8], count;
        double real;
        bool flag;
        for (int i = 0; i < s.count && i < 64; i++) {
            lace_settings_int(&s, s.items[i].key, -100, 100, &number, &err);
            lace_settings_double(&s, s.items[i].key, -1, 1e9, &real, &err);
            lace_settings_bool(&s, s.items[i].key, &flag, &err);
            lace_settings_ints(&s, s.items[i].key, -9, 9, numbers, 8, &count, &err);
        }
        lace_settings_unused(&s, &err);
        lace_settings_release(&s);
        lace_text_release(&out);
    }
    free(text);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "model:\n  layers: 4\n  name: 'a: b'\ntrain:\n  rate: 3e-4\n  ids: [1, 2,3]\n  from: null\n  words:\n  - a\n  "
        "- \"b c\"\n",
        "curriculum:\n- difficulty: 1\n  steps: {min: 2, max: 3}\n- difficulty: 2\ntop.dotted: 5\n",
        "=a.b=[1, x]\n=a.c=null\n=list.1.x=3\na: {b: 1}\nlist:\n- x: 1\n",
        "a: \"\\u2028\\x85 \\t\"\nb: |\n  text\n  more\nc: >-\n  folded\n",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
