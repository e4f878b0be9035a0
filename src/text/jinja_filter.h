/* The filters over sequences, for the table of filters. */
#ifndef LACE_JINJA_FILTER_H
#define LACE_JINJA_FILTER_H
#include "text/jinja_run.h"

#define FILTER(name) static bool name(struct jinja *j, struct jinja_call *call, struct jinja_value *out)
#define LACE_JINJA_FILTER(name)                                                                                        \
    bool lace_jinja_filter_##name(struct jinja *j, struct jinja_call *call, struct jinja_value *out)

LACE_JINJA_FILTER(dictsort);
LACE_JINJA_FILTER(first);
LACE_JINJA_FILTER(items);
LACE_JINJA_FILTER(join);
LACE_JINJA_FILTER(last);
LACE_JINJA_FILTER(length);
LACE_JINJA_FILTER(list);
LACE_JINJA_FILTER(map);
LACE_JINJA_FILTER(max);
LACE_JINJA_FILTER(min);
LACE_JINJA_FILTER(reject);
LACE_JINJA_FILTER(rejectattr);
LACE_JINJA_FILTER(reverse);
LACE_JINJA_FILTER(select);
LACE_JINJA_FILTER(selectattr);
LACE_JINJA_FILTER(sort);
LACE_JINJA_FILTER(sum);
LACE_JINJA_FILTER(unique);

/* A whole number; absent or none: the fallback. */
bool lace_jinja_number(struct jinja *j, const struct jinja_value *value, int64_t fallback, int64_t *number);
#endif
