/* Import: whatever a line holds, it becomes a record that can be written and read again, or a short reason. */
#include "data/import.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_record record, again;
    struct lace_error err;
    struct lace_text line;
    enum lace_import_format format = size ? data[size - 1] % (LACE_IMPORT_RECORD + 1) : 0;
    char *copy = malloc(size + 1); /* not terminated by luck */
    memcpy(copy, data, size);
    const char *reason = lace_import_line(&record, copy, size ? size - 1 : 0, &format, size & 1, &err);
    free(copy);
    if (reason) {
        if (strlen(reason) > 23 || record.id) abort();
        return 0;
    }
    lace_text_init(&line);
    if (format == LACE_IMPORT_AUTO || !record.prompt) abort();
    if (lace_record_format(&record, &line, &err) || lace_record_parse(&again, line.data, line.len, "written", &err))
        abort();
    lace_record_release(&again);
    lace_record_release(&record);
    lace_text_release(&line);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"question\":\"a\",\"answer\":\"48/2 = <<48/2=24>>24\\n#### \\\\$1,234 apples.\"} ",
        "{\"problem\":\"a\",\"level\":\"Level 5\",\"type\":\"Algebra\",\"solution\":\"so "
        "$\\\\boxed{\\\\frac{1}{2}}$\"} ",
        "{\"prompt\":[{\"role\":\"user\",\"content\":\"Solve the following math problem step by "
        "step. x\\n\\n1+1?\\n\\nRemember to put your answer on its own line after "
        "\\\"Answer:\\\".\"}],\"reward_model\":{\"ground_truth\":[\"2\"]},\"extra_info\":{\"index\":1}} ",
        "{\"ID\":\"2024-I-1\",\"Problem\":\"a\",\"Answer\":\"025\",\"Solution\":\"\\\\boxed 25$\"} ",
        "{\"id\":1,\"prompt\":\"2+2?\",\"answer\":4.0} ",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
