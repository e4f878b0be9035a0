/* The metrics of a run: whatever the file holds, every key's values are finite, or it is refused. */
#include "fuzz.h"
#include "train/history.h"
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_history h;
    struct lace_error err = {{0}};
    if (lace_history_parse(&h, (const char *)data, size, "fuzz", &err)) {
        if (h.metrics || !err.text[0]) abort();
        return 0;
    }
    for (int i = 0; i < h.count; i++) {
        if (!h.metrics[i].count || !memchr(h.metrics[i].name, 0, LACE_HISTORY_NAME)) abort();
        for (size_t j = 0; j < h.metrics[i].count; j++)
            if (!isfinite(h.metrics[i].points[j].step) || !isfinite(h.metrics[i].points[j].value)) abort();
    }
    lace_history_release(&h);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"step\": 1, \"loss\": 2.5, \"tokens\": 100, \"seconds\": 0.5, \"gate/1\": 1}\n",
        "{\"step\": 1, \"reward\": 1, \"rollout_tokens\": 9, \"rollout_seconds\": 1e-300}\n{\"step\": 2, \"reward\": "
        "1e300}\n"};
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
