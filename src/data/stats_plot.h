/* The statistics of a file of records as a picture: distances, steps, what passed between the threads, verdicts. */
#ifndef LACE_STATS_PLOT_H
#define LACE_STATS_PLOT_H
#include "base/base.h"

int lace_stats_plot(const struct lace_data_stats *stats, const char *path, struct lace_error *err);
#endif
