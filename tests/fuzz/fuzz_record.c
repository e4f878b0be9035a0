/* Records: what parses must write, and what was written must parse to the same text. */
#include "fuzz.h"
#include "io/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_record record, again;
    struct lace_error err;
    struct lace_text first, second;
    if (lace_record_parse(&record, (const char *)data, size, "input", &err)) return 0;
    lace_text_init(&first);
    lace_text_init(&second);
    if (lace_record_format(&record, &first, &err)) abort();
    if (memchr(first.data, '\n', first.len) != first.data + first.len - 1) abort(); /* one line */
    if (lace_record_parse(&again, first.data, first.len, "written", &err)) abort();
    if (lace_record_format(&again, &second, &err)) abort();
    if (first.len != second.len || memcmp(first.data, second.data, first.len)) abort();
    lace_record_release(&record);
    lace_record_release(&again);
    lace_text_release(&first);
    lace_text_release(&second);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"id\":\"1\",\"task\":\"t\",\"prompt\":\"p\"}",
        "{\"id\":\"r1\",\"task\":\"sum\",\"difficulty\":3,\"prompt\":\"2+2?\\n\",\"answer\":\"4\",\"threads\":[{"
        "\"steps\":[\"a\\n\",\"\\u00e9\"],\"answer\":\"4\","
        "\"verdict\":\"best\",\"strategy\":\"up\"},{\"steps\":[],\"answer\":null,\"verdict\":\"\"}],\"meta\":{\"k\":[1,"
        "2.5e3,true,null]}}",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
