/* lace_curves: the metrics of runs -> panels, one a key -> a script for gnuplot. A series is one run's values of a key;
 * a key like "gate" stands for all of "gate/1", "gate/3", ..., a series each. Raw values are pale, their smoothed line
 * is strong, and a run has the same colour in every panel. */
#include "io/plot.h"
#include "train/history.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PANELS = 16,
    BINS = 800,  /* along the x axis; of more points the lowest and the highest of each bin are drawn */
    SMOOTH = 20, /* by default a window is the run's length through this */
    LEAST = 3,   /* a window of fewer values is no smoothing */
};

static const char *const colours[LACE_CURVES_RUNS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                      "#b8860b", "#56b4e9", "#7f3c8d", "#555555"};

static const struct default_panel {
    const char *key;
    bool rl; /* of reinforcement, or of the other stages */
} defaults[] = {{"loss", false},    {"grad_norm", false}, {"lr", false},       {"tokens_per_second", false},
                {"reward", true},   {"kl", true},         {"entropy", true},   {"pick_accuracy", true},
                {"coverage", true}, {"diversity", true},  {"agreement", true}, {"gate", true},
                {"alpha", true}};
/* Falling over several powers of ten: only a logarithmic axis shows their second half. */
static const char *const wide_range[] = {"loss", "grad_norm", "kl"};

struct run {
    struct lace_history history;
    const char *path;
    char name[64]; /* in the legend */
};

struct curves {
    const struct lace_curves_options *options;
    struct run runs[LACE_CURVES_RUNS];
    int run_count;
    const char *panels[PANELS];
    int panel_count;
    struct lace_text script;
};

/* ---- what is drawn ---- */

/* Whether a run's key belongs to a panel: the key itself, or one of the keys that it stands for. */
static bool belongs(const char *name, const char *key)
{
    size_t len = strlen(key);
    return !strncmp(name, key, len) && (!name[len] || name[len] == '/');
}

static int series_of(const struct run *run, const char *key)
{
    int count = 0;
    for (int i = 0; i < run->history.count; i++) count += belongs(run->history.metrics[i].name, key);
    return count;
}

static bool anywhere(const struct curves *c, const char *key)
{
    for (int r = 0; r < c->run_count; r++)
        if (series_of(&c->runs[r], key)) return true;
    return false;
}

static int unknown_key(const struct curves *c, const char *key, struct lace_error *err)
{
    char nearest[LACE_HISTORY_NAME] = "";
    int least = INT_MAX;
    for (int r = 0; r < c->run_count; r++)
        for (int i = 0; i < c->runs[r].history.count; i++) {
            char name[LACE_HISTORY_NAME];
            strcpy(name, c->runs[r].history.metrics[i].name);
            for (char *slash = name; slash; (slash = strrchr(name, '/')) ? *slash = 0 : 0) { /* "gate/1", "gate" */
                int d = lace_text_distance(key, name);
                if (d < least) least = d, strcpy(nearest, name);
            }
        }
    return lace_fail(err, LACE_BAD, "No run has the key '%.60s'; did you mean %s?", key, nearest);
}

static int choose_panels(struct curves *c, struct lace_error *err)
{
    const char *const *keys = c->options->keys;
    bool rl = false, other = false;
    for (int i = 0; keys && keys[i]; i++) {
        if (!anywhere(c, keys[i])) return unknown_key(c, keys[i], err);
        if (c->panel_count == PANELS)
            return lace_fail(err, LACE_BAD, "A picture holds at most %d keys; draw two of them.", PANELS);
        c->panels[c->panel_count++] = keys[i];
    }
    if (c->panel_count) return 0;
    for (int r = 0; r < c->run_count; r++) *(series_of(&c->runs[r], "reward") ? &rl : &other) = true;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if ((defaults[i].rl ? rl : other) && anywhere(c, defaults[i].key))
            c->panels[c->panel_count++] = defaults[i].key;
    if (c->panel_count) return 0;
    return lace_fail(err, LACE_BAD, "%s has neither loss nor reward; name the keys to draw, such as %s.",
                     c->runs[0].path, c->runs[0].history.metrics[0].name);
}

/* The last part of the path, or, where two runs share it, the path's end. */
static void name_runs(struct curves *c)
{
    for (int r = 0; r < c->run_count; r++) {
        const char *path = c->runs[r].path, *slash;
        size_t len = strlen(path);
        while (len > 1 && path[len - 1] == '/') len--;
        slash = memrchr(path, '/', len);
        size_t from = slash && len > 1 ? (size_t)(slash - path) + 1 : 0;
        if (len - from > 6 && !memcmp(path + len - 6, ".jsonl", 6)) len -= 6;
        snprintf(c->runs[r].name, sizeof c->runs[r].name, "%.*s", (int)(len - from), path + from);
    }
    bool shared[LACE_CURVES_RUNS] = {false};
    for (int r = 0; r < c->run_count; r++)
        for (int k = 0; k < c->run_count; k++) shared[r] |= k != r && !strcmp(c->runs[r].name, c->runs[k].name);
    for (int r = 0; r < c->run_count; r++) {
        const char *path = c->runs[r].path;
        size_t len = strlen(path), most = sizeof c->runs[r].name - 1;
        if (shared[r]) snprintf(c->runs[r].name, most + 1, "%s", path + (len > most ? len - most : 0));
    }
}

/* ---- a series ---- */

static void put_point(struct lace_text *out, const struct lace_metric_point *p)
{
    lace_text_print(out, "%.9g %.9g\n", p->step, p->value);
}

/* The lowest and the highest value of each bin, in their order: the picture of many points, in few. */
static void put_raw(struct lace_text *out, const struct lace_metric *m)
{
    size_t bins = m->count < BINS ? m->count : BINS;
    for (size_t b = 0; b < bins; b++) {
        size_t from = m->count * b / bins, to = m->count * (b + 1) / bins, low = from, high = from;
        for (size_t i = from; i < to; i++) {
            if (m->points[i].value < m->points[low].value) low = i;
            if (m->points[i].value > m->points[high].value) high = i;
        }
        put_point(out, &m->points[low < high ? low : high]);
        if (low != high) put_point(out, &m->points[low < high ? high : low]);
    }
}

/* The mean over a window around each point, cut off at the ends. */
static void put_smooth(struct lace_text *out, const struct lace_metric *m, size_t window)
{
    size_t half = window / 2, from = 0, to = 0, stride = m->count / BINS + 1;
    double sum = 0;
    for (size_t i = 0; i < m->count; i++) {
        for (; to < m->count && to <= i + half; to++) sum += m->points[to].value;
        for (; from + half < i; from++) sum -= m->points[from].value;
        double mean = sum / (double)(to - from);
        if ((i % stride == 0 || i == m->count - 1) && isfinite(mean))
            put_point(out, &(struct lace_metric_point){m->points[i].step, mean});
    }
}

/* The learning rate is a schedule, without noise that hides it: it is drawn as it is. */
static size_t window_of(const struct curves *c, const struct lace_metric *m)
{
    if (!strcmp(m->name, "lr")) return 1;
    return c->options->smooth ? (size_t)c->options->smooth : m->count / SMOOTH;
}

/* ---- a panel ---- */

/* From blue to orange over the layers; a run's own colour where several are compared. */
static void put_colour(struct lace_text *out, const struct curves *c, int run, int index, int count, bool pale)
{
    int rgb[3], along = count > 1 ? 255 * index / (count - 1) : 0;
    if (c->run_count > 1 || count == 1) sscanf(colours[run] + 1, "%2x%2x%2x", &rgb[0], &rgb[1], &rgb[2]);
    else rgb[0] = along * 213 / 255, rgb[1] = 114 - along * 20 / 255, rgb[2] = 178 - along * 178 / 255;
    for (int i = 0; i < 3 && pale; i++) rgb[i] += (255 - rgb[i]) * 7 / 10;
    lace_text_print(out, "lc rgb '#%02x%02x%02x'", rgb[0], rgb[1], rgb[2]);
}

struct series {
    int number, run;  /* in the panel; whose it is */
    int index, count; /* among those of its run in the panel */
    const struct lace_metric *metric;
};
#define SERIES_FIRST                                                                                                   \
    {                                                                                                                  \
        .number = -1, .index = -1                                                                                      \
    }

/* The series of a panel in their order; *at begins with 0. */
static bool next_series(const struct curves *c, const char *key, struct series *s, int *at)
{
    for (; s->run < c->run_count; s->run++, *at = 0, s->index = -1) {
        const struct lace_history *m = &c->runs[s->run].history;
        for (; *at < m->count; ++*at) {
            if (!belongs(m->metrics[*at].name, key)) continue;
            s->metric = &m->metrics[(*at)++];
            s->count = series_of(&c->runs[s->run], key);
            s->index++;
            s->number++;
            return true;
        }
    }
    return false;
}
#define SERIES_FIRST                                                                                                   \
    {                                                                                                                  \
        .number = -1, .index = -1                                                                                      \
    }

static bool logarithmic(const struct curves *c, const char *key)
{
    struct series s = SERIES_FIRST;
    double low = INFINITY, high = 0;
    bool may = false;
    int at = 0;
    for (size_t i = 0; i < sizeof wide_range / sizeof *wide_range; i++) may |= !strcmp(key, wide_range[i]);
    while (may && next_series(c, key, &s, &at))
        for (size_t i = 0; i < s.metric->count; i++) {
            low = fmin(low, s.metric->points[i].value);
            high = fmax(high, s.metric->points[i].value);
        }
    return may && low > 0 && high > 30 * low;
}

static void put_label(struct lace_text *out, const char *name)
{
    const char *slash = strrchr(name, '/');
    bool layer = slash && slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1);
    lace_text_str(out, layer ? "layer " : "");
    lace_plot_name(out, slash ? slash + 1 : name);
}

static void put_panel(struct curves *c, const char *key)
{
    struct lace_text *out = &c->script;
    struct series s = SERIES_FIRST;
    int at = 0, widest = 0;
    while (next_series(c, key, &s, &at)) {
        size_t window = window_of(c, s.metric);
        if (s.count > widest) widest = s.count;
        lace_text_print(out, "$raw%d << EOD\n", s.number);
        put_raw(out, s.metric);
        lace_text_str(out, "EOD\n");
        if (window < LEAST) continue;
        lace_text_print(out, "$smooth%d << EOD\n", s.number);
        put_smooth(out, s.metric, window);
        lace_text_str(out, "EOD\n");
    }
    lace_text_str(out, "set title '");
    lace_plot_name(out, key);
    lace_text_print(out, "'\n%s\nset key %s\nplot ", logarithmic(c, key) ? "set logscale y" : "unset logscale y",
                    widest > 1 ? "on outside below horizontal height 0.5 samplen 2" : "off");
    for (int strong = 0; strong < 2; strong++) {
        s = (struct series)SERIES_FIRST;
        for (at = 0; next_series(c, key, &s, &at);) {
            bool smooth = window_of(c, s.metric) >= LEAST;
            if (strong && !smooth) continue;
            lace_text_print(out, "%s$%s%d using 1:2 with %s lw %s ", strong || s.number ? ", " : "",
                            strong ? "smooth" : "raw", s.number, s.metric->count > 1 ? "lines" : "points pt 7",
                            strong || !smooth ? "2" : "1");
            put_colour(out, c, s.run, s.index, s.count, !strong && smooth);
            if (strong == smooth && c->run_count > 1 && s.count > 1) lace_text_print(out, " dt %d", s.index % 5 + 1);
            bool ends =
                s.count <= 8 || s.index == 0 || s.index == s.count - 1; /* of many layers the first and the last */
            if (strong == smooth && s.run == 0 && ends) {
                lace_text_str(out, " title '");
                put_label(out, s.metric->name);
                lace_text_str(out, "'");
            } else lace_text_str(out, " notitle");
        }
    }
    lace_text_str(out, "\nunset label\n");
}

/* The runs' names in their colours, over all panels: labels of the first one. */
static void put_legend(struct curves *c, int width)
{
    double x = 0.03;
    for (int r = 0; r < c->run_count; r++) {
        lace_text_print(&c->script, "set label %d '", r + 1);
        lace_plot_name(&c->script, c->runs[r].name);
        lace_text_print(&c->script, "' at screen %.4f, screen 0.98 textcolor rgb '%s'\n", x, colours[r]);
        x += (double)(strlen(c->runs[r].name) + 4) * 8 / width; /* a letter is about 8 pixels wide */
    }
}

static int draw(struct curves *c, struct lace_error *err)
{
    int columns = 1, rows;
    double last = 0;
    while (columns * columns < c->panel_count) columns++;
    rows = (c->panel_count + columns - 1) / columns;
    int width = columns == 1 ? 800 : 440 * columns, height = (rows == 1 ? 440 : 300 * rows) + 40;
    for (int r = 0; r < c->run_count; r++)
        for (int i = 0; i < c->runs[r].history.count; i++) {
            const struct lace_metric *m = &c->runs[r].history.metrics[i];
            last = fmax(last, m->points[m->count - 1].step);
        }
    lace_text_init(&c->script);
    lace_text_print(&c->script,
                    "set multiplot layout %d,%d title ' '\nset grid lc rgb '#dddddd'\nset border 3 lc rgb '#666666'\n"
                    "set tics nomirror\nset autoscale xfix\nset xlabel 'step'\nset xtics format '%s'\n",
                    rows, columns, last >= 10000 ? "%.1s%c" : "%h");
    put_legend(c, width);
    for (int i = 0; i < c->panel_count; i++) put_panel(c, c->panels[i]);
    lace_text_str(&c->script, "unset multiplot\n");
    int code = c->script.failed ? lace_fail(err, LACE_MEMORY, "Out of memory for a picture.")
                                : lace_plot(c->script.data, c->options->out, width, height, err);
    lace_text_release(&c->script);
    return code;
}

int lace_curves(const struct lace_curves_options *options, struct lace_error *err)
{
    struct curves c = {.options = options};
    int code = 0;
    for (; options->runs[c.run_count] && !code; c.run_count++) {
        if (c.run_count == LACE_CURVES_RUNS)
            return lace_fail(err, LACE_BAD, "More than %d runs cannot be told apart in one picture; draw two.",
                             LACE_CURVES_RUNS);
        c.runs[c.run_count].path = options->runs[c.run_count];
    }
    for (int r = 0; r < c.run_count && !code; r++) code = lace_history_read(&c.runs[r].history, c.runs[r].path, err);
    name_runs(&c);
    if (!code) code = choose_panels(&c, err);
    if (!code) code = draw(&c, err);
    for (int r = 0; r < c.run_count; r++) lace_history_release(&c.runs[r].history);
    return code;
}
