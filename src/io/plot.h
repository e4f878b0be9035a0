/* Pictures by gnuplot, which is asked for only where somebody wants one. */
#ifndef LACE_PLOT_H
#define LACE_PLOT_H
#include "base/base.h"

/* Draws a script of gnuplot's language, without terminal and output, into a file of width x height pixels that ends in
 * .svg or .png. The file appears when it is complete. LACE_SYSTEM: gnuplot is not installed, or refuses the script (err
 * has its words). */
int lace_plot(const char *script, const char *path, int width, int height, struct lace_error *err);
/* A name from a file or a path, into a quoted text of a script: what is no letter, digit, '-', '_', '.' or '/' could end
 * the text and becomes a blank. */
void lace_plot_name(struct lace_text *script, const char *name);
#endif
