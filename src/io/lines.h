/* The lines of a file, each at most so long: getline would allocate whatever a hostile line asks for. */
#ifndef LACE_LINES_H
#define LACE_LINES_H
#include "base/base.h"

struct lace_lines {
    FILE *stream;
    char *path; /* as errors name it */
    char *line; /* the last one, without its end and without a byte order mark; not terminated */
    size_t cap, most;
    long number; /* of the last line, from 1 */
};
int lace_lines_open(struct lace_lines *lines, const char *path, size_t most, struct lace_error *err); /* "-": stdin */
/* 1: a line of *len bytes, of a longer one the first most + 1; 0: the end; negative: an error. */
int lace_lines_next(struct lace_lines *lines, size_t *len, struct lace_error *err);
void lace_lines_close(struct lace_lines *lines);
#endif
