/* The report: one HTML page with tables and pictures (inline SVG), light and dark, that needs nothing else: no network,
 * no script. */
#ifndef LACE_REPORT_H
#define LACE_REPORT_H
#include "eval/study.h"

int lace_report_write(const char *path, const struct lace_study *study, const struct lace_eval_result *result,
                      const char *about, struct lace_error *err); /* about: where and when, or NULL */
#endif
