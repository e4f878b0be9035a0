/* Answers: comparing any two ends, does not depend on their order, and an answer is the same as itself. */
#include "decode/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_text stated;
    char *a = malloc(size + 1), *b;
    memcpy(a, data, size);
    a[size] = 0;
    char *middle = memchr(a, '|', size);
    if (middle) *middle = 0;
    b = middle ? middle + 1 : a + size;
    if (!lace_format_same(a, a) || lace_format_same(a, b) != lace_format_same(b, a)) abort();
    lace_format_possible(a, b);
    lace_text_init(&stated);
    if (lace_format_answer((const char *)data, size, &stated) && !stated.len) abort();
    lace_text_release(&stated);
    free(a);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "\\frac{1}{2}|0.5",         "1,200|$1200$", "3\\text{ cm}|3 cm", "x = -\\dfrac34|-3/4", "Answer: 7.\n[[best]]",
        "so \\boxed{\\frac{a}{b}}", "#### 72"};
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
