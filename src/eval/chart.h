/* Pictures as inline SVG. Colours and fonts come from the page (class a0, a1, ... of an arm sets the colour), so that a
 * picture follows it into the dark; every mark carries a title that a pointer shows. */
#ifndef LACE_CHART_H
#define LACE_CHART_H
#include "base/base.h"

/* Text with the characters that mean something to HTML replaced. */
void lace_html_text(struct lace_text *out, const char *text);

struct lace_chart {
    struct lace_text *out;
    double width, height, left, right, top, bottom; /* the plane's margins */
    double x0, x1, y0, y1;                          /* the values at its edges */
    bool log2;                                      /* of x */
};
/* Opens a picture that says what it shows; the caller has set all but out. */
void lace_chart_open(struct lace_chart *chart, struct lace_text *out, const char *label);
void lace_chart_close(struct lace_chart *chart);

/* Lines across the plane with their values; format: "%g", "%.0f%%". */
void lace_chart_y_ticks(struct lace_chart *chart, double step, const char *format);
void lace_chart_x_tick(struct lace_chart *chart, double x, const char *format);
/* Names under the x axis and above the y axis. */
void lace_chart_names(struct lace_chart *chart, const char *x, const char *y);

/* Marks of arm `arm`. title: the text for the pointer. shift: pixels to the right, so that marks do not hide. */
void lace_chart_line(struct lace_chart *chart, int arm, const double *x, const double *y, int count, double shift);
void lace_chart_bar(struct lace_chart *chart, int arm, double x, double low, double high, double shift);
void lace_chart_span(struct lace_chart *chart, int arm, double low, double high, double y);
enum lace_mark { LACE_MARK_DOT, LACE_MARK_RING, LACE_MARK_TICK, LACE_MARK_SMALL };
void lace_chart_mark(struct lace_chart *chart, int arm, enum lace_mark mark, double x, double y, double shift,
                     const char *title);
/* A text in the plane's left margin at height y, or beside a mark. */
void lace_chart_row(struct lace_chart *chart, double y, const char *text);
void lace_chart_note(struct lace_chart *chart, int arm, double x, double y, double dx, double dy, const char *text);
/* A dashed line at x across the plane. */
void lace_chart_mark_x(struct lace_chart *chart, double x);
#endif
