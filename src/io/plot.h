/* Pictures by gnuplot, which is asked for only where somebody wants one. */
#ifndef LACE_PLOT_H
#define LACE_PLOT_H
#include "base/base.h"

/* Draws a script of gnuplot's language, without terminal and output, into a file that ends in .svg or .png. The file
 * appears when it is complete. LACE_SYSTEM: gnuplot is not installed, or refuses the script (err has its words). */
int lace_plot(const char *script, const char *path, struct lace_error *err);
#endif
