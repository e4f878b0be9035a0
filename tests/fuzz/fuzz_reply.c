/* A teacher's reply: whatever it is, it becomes a text or a complaint, never both. */
#include "data/ask.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text, *copy = malloc(size + 1); /* not terminated by luck */
    bool cut;
    memcpy(copy, data, size);
    const char *why = lace_teacher_read(copy, size, &text, &cut);
    free(copy);
    if (!why == !text) abort();
    if (text && strlen(text) > size * 3) abort(); /* \u escapes and replacement do not grow without bound */
    free(text);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"choices\":[{\"message\":{\"content\":\"<think>a</think>\\nAnswer: 1.\"},\"finish_reason\":\"length\"}]}",
        "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"\\u00e9\"},{\"text\":7}]}}]}",
        "{\"error\":{\"message\":\"no\"}}",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
