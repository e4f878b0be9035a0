/* Records as files and for people: the implementation of the data section of lace.h. Files are read line by
 * line, so a set may be larger than memory. */
#ifndef LACE_DATA_H
#define LACE_DATA_H
#include "synth/family.h"

/* Appends the record's threads side by side. */
void lace_data_render(const struct lace_record *record, int width, bool colour, struct lace_text *out);
#endif
