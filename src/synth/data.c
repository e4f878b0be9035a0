/* Making, checking and counting records. */
#include "synth/data.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int lace_data_family_count(void) { return lace_family_count(); }

int lace_data_family(int i, struct lace_data_family *out)
{
    const struct lace_family *family = lace_family_at(i);
    if (!family) return LACE_BAD;
    *out = (struct lace_data_family){.name = family->name,
                                     .summary = family->summary,
                                     .difficulty = {family->easiest, family->hardest},
                                     .trained = {family->trained_low, family->trained_high},
                                     .strategies = family->strategies,
                                     .evaluation_only = family->evaluation_only};
    return 0;
}

int lace_data_make(const char *name, const struct lace_data_knobs *knobs, uint64_t first, uint64_t count,
                   lace_data_write write, void *user, struct lace_error *err)
{
    const struct lace_family *family = lace_family_find(name, err);
    if (!family) return LACE_BAD;
    struct lace_text line;
    int code = 0;
    lace_text_init(&line);
    for (uint64_t i = first; i - first < count && !code; i++) {
        struct lace_record record;
        if ((code = lace_family_make(family, knobs, i, &record, err))) break;
        lace_text_clear(&line);
        code = lace_record_format(&record, &line, err);
        if (!code && write(user, line.data, line.len))
            code = lace_fail(err, LACE_STOPPED, "Stopped after %llu records.", (unsigned long long)(i - first));
        lace_record_release(&record);
    }
    lace_text_release(&line);
    return code;
}

int lace_data_check(const char *name, const char *prompt, const char *answer, struct lace_error *err)
{
    const struct lace_family *family = lace_family_find(name, err);
    return family ? lace_family_check(family, prompt, answer, err) : LACE_BAD;
}
