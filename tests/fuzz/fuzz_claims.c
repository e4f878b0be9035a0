/* Claims: keys fit, numbers are finite, what is pointed at lies in the text. */
#include "data/claims.h"
#include "fuzz.h"
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_claim claim[8];
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    int count = lace_claims_read(text, claim, 8);
    for (int i = 0; i < count; i++)
        if (!memchr(claim[i].key, 0, sizeof claim[i].key) || !isfinite(claim[i].truth) || claim[i].from < text ||
            claim[i].to > text + strlen(text) || claim[i].from >= claim[i].to)
            abort();
    free(text);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {"So 12 x 3 = 36, $1,250+50 = 1,300; (1+2)*3/4 = 2.25",
                                        "20% \\times 50 = 10 \xc3\xb7 2 = 5", "x - 3 + 4 = 10 \xe2\x88\x92 1"};
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
