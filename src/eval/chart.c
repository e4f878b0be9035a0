#include "eval/chart.h"
#include <math.h>

void lace_html_text(struct lace_text *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '&') lace_text_str(out, "&amp;");
        else if (*c == '<') lace_text_str(out, "&lt;");
        else if (*c == '>') lace_text_str(out, "&gt;");
        else if (*c == '"') lace_text_str(out, "&quot;");
        else if ((unsigned char)*c >= 32 || *c == '\n') lace_text_add(out, c, 1);
        else lace_text_str(out, "\xef\xbf\xbd");
    }
}

static double at_x(const struct lace_chart *c, double x)
{
    double a = c->log2 ? log2(c->x0) : c->x0, b = c->log2 ? log2(c->x1) : c->x1, v = c->log2 ? log2(x) : x;
    return c->left + (b != a ? (v - a) / (b - a) : 0.5) * (c->width - c->left - c->right);
}

static double at_y(const struct lace_chart *c, double y)
{
    return c->height - c->bottom -
           (c->y1 != c->y0 ? (y - c->y0) / (c->y1 - c->y0) : 0.5) * (c->height - c->top - c->bottom);
}

void lace_chart_open(struct lace_chart *c, struct lace_text *out, const char *label)
{
    c->out = out;
    lace_text_print(out, "<svg viewBox=\"0 0 %g %g\" style=\"max-width:%gpx\" role=\"img\" aria-label=\"", c->width,
                    c->height, 1.25 * c->width);
    lace_html_text(out, label);
    lace_text_str(out, "\">\n");
}

void lace_chart_close(struct lace_chart *c) { lace_text_str(c->out, "</svg>\n"); }

void lace_chart_y_ticks(struct lace_chart *c, double step, const char *format)
{
    char text[32];
    for (double y = ceil(c->y0 / step - 1e-9) * step; y <= c->y1 + 1e-9 * step; y += step) {
        snprintf(text, sizeof text, format, fabs(y) < 1e-12 ? 0 : y);
        lace_text_print(c->out,
                        "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
                        "text-anchor=\"end\">%s</text>\n",
                        c->left, at_y(c, y), c->width - c->right, c->left - 6, at_y(c, y) + 4, text);
    }
}

void lace_chart_x_tick(struct lace_chart *c, double x, const char *format)
{
    char text[32];
    snprintf(text, sizeof text, format, fabs(x) < 1e-12 ? 0 : x);
    lace_text_print(c->out,
                    "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
                    "text-anchor=\"middle\">%s</text>\n",
                    at_x(c, x), c->top, c->height - c->bottom, at_x(c, x), c->height - c->bottom + 16, text);
}

void lace_chart_names(struct lace_chart *c, const char *x, const char *y)
{
    lace_text_print(c->out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                    (c->left + c->width - c->right) / 2, c->height - 6);
    lace_html_text(c->out, x);
    lace_text_print(c->out, "</text><text class=\"name\" x=\"%.1f\" y=\"%.1f\">", c->left, c->top - 10);
    lace_html_text(c->out, y);
    lace_text_str(c->out, "</text>\n");
}

void lace_chart_line(struct lace_chart *c, int arm, const double *x, const double *y, int count, double shift)
{
    lace_text_print(c->out, "<path class=\"line a%d\" d=\"", arm);
    for (int i = 0; i < count; i++)
        lace_text_print(c->out, "%c%.1f %.1f", i ? 'L' : 'M', at_x(c, x[i]) + shift, at_y(c, y[i]));
    lace_text_str(c->out, "\"/>\n");
}

void lace_chart_bar(struct lace_chart *c, int arm, double x, double low, double high, double shift)
{
    lace_text_print(c->out, "<path class=\"bar a%d\" d=\"M%.1f %.1fV%.1f\"/>\n", arm, at_x(c, x) + shift, at_y(c, low),
                    at_y(c, high));
}

void lace_chart_span(struct lace_chart *c, int arm, double low, double high, double y)
{
    lace_text_print(c->out, "<path class=\"span a%d\" d=\"M%.1f %.1fH%.1f\"/>\n", arm, at_x(c, low), at_y(c, y),
                    at_x(c, high));
}

void lace_chart_mark(struct lace_chart *c, int arm, enum lace_mark mark, double x, double y, double shift,
                     const char *title)
{
    double px = at_x(c, x) + shift, py = at_y(c, y);
    if (mark == LACE_MARK_TICK)
        lace_text_print(c->out, "<path class=\"mark a%d\" d=\"M%.1f %.1fV%.1f\">", arm, px, py - 7, py + 7);
    else
        lace_text_print(c->out, "<circle class=\"%s a%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%g\">",
                        mark == LACE_MARK_RING ? "ring" : "dot", arm, px, py, mark == LACE_MARK_SMALL ? 2.5 : 4.5);
    lace_text_str(c->out, "<title>");
    lace_html_text(c->out, title);
    lace_text_str(c->out, mark == LACE_MARK_TICK ? "</title></path>\n" : "</title></circle>\n");
}

void lace_chart_row(struct lace_chart *c, double y, const char *text)
{
    lace_text_print(c->out, "<text class=\"row\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", c->left - 12,
                    at_y(c, y) + 4);
    lace_html_text(c->out, text);
    lace_text_str(c->out, "</text>\n");
}

void lace_chart_note(struct lace_chart *c, int arm, double x, double y, double dx, double dy, const char *text)
{
    lace_text_print(c->out, "<text class=\"note a%d\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", arm, at_x(c, x) + dx,
                    at_y(c, y) + dy, dx < 0 ? "end" : "start");
    lace_html_text(c->out, text);
    lace_text_str(c->out, "</text>\n");
}

void lace_chart_mark_x(struct lace_chart *c, double x)
{
    lace_text_print(c->out, "<path class=\"zero\" d=\"M%.1f %.1fV%.1f\"/>\n", at_x(c, x), c->top,
                    c->height - c->bottom);
}
