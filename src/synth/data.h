/* Records as files and for people: the implementation of the data section of lace.h. Files are read line by
 * line, so a set may be larger than memory. */
#ifndef LACE_DATA_H
#define LACE_DATA_H
#include "synth/family.h"

/* Edit distance in words as a share of the longer text: 0 the same, 1 nothing in common. Negative: no memory. */
double lace_data_distance(const struct lace_record_thread *a, const struct lace_record_thread *b);

/* Appends the record's threads side by side. */
void lace_data_render(const struct lace_record *record, int width, bool colour, struct lace_text *out);

/* Adds a record to the statistics; means are sums until lace_data_stats divides them. */
int lace_data_count(struct lace_data_stats *stats, const struct lace_record *record, struct lace_error *err);
#endif
