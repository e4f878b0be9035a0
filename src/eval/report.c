#include "eval/report.h"
#include "eval/chart.h"
#include <math.h>
#include <string.h>

struct page {
    struct lace_text text;
    const struct lace_study *study;
    const struct lace_eval_result *r;
    int colour[LACE_EVAL_ARMS]; /* of each arm: lace has the first */
};

static const char *const style =
    ":root{--bg:#fcfcfb;--fg:#1c1b19;--soft:#6b6862;--line:#e4e1da;--box:#f3f1ec;--c0:#c2410c;--c1:#2563a8;--c2:#"
    "2e7d4f;"
    "--c3:#8e3fa8;--c4:#7a7468;--c5:#b0810a;--c6:#0b7f86;--c7:#c02a6b;--c8:#5b5bd6}"
    "@media(prefers-color-scheme:dark){:root{--bg:#171614;--fg:#ece9e2;--soft:#a29d92;--line:#35322d;--box:#211f1c;"
    "--c0:#ff8a4c;--c1:#7ab5f5;--c2:#6fce96;--c3:#d394ea;--c4:#aaa497;--c5:#e3b84a;--c6:#4ecbd2;--c7:#f582b4;"
    "--c8:#a3a3ff}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,sans-serif}"
    "main{max-width:1080px;margin:0 auto;padding:40px 24px 80px}h1{font-size:28px;margin:0 0 4px;letter-spacing:-.01em}"
    "h2{font-size:19px;margin:52px 0 6px}h3{font-size:14px;margin:0 0 2px;color:var(--soft);font-weight:600}"
    "p{margin:6px 0 14px;max-width:72ch}.soft,.about{color:var(--soft)}.about{font-size:14px}"
    ".lead{font-size:20px;margin:26px 0 6px}.lead b{font-size:34px;color:var(--c0);font-weight:650;margin-right:6px}"
    ".warn{border-left:3px solid var(--c5);background:var(--box);padding:10px 14px;margin:14px 0;font-size:14px}"
    ".warn p{margin:2px "
    "0}.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(430px,100%),1fr));gap:28px}"
    "figure{margin:0}svg{display:block;width:100%;height:auto;overflow:visible}"
    "svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg text.row{font-size:14px;fill:var(--fg)}"
    "svg text.note{fill:currentColor;font-weight:600}svg text.name{font-size:12px}"
    ".grid{stroke:var(--line);fill:none}.zero{stroke:var(--soft);stroke-dasharray:3 3;fill:none}"
    ".line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}"
    ".bar{fill:none;stroke:currentColor;stroke-width:1.5;opacity:.55}"
    ".span{fill:none;stroke:currentColor;stroke-width:7;opacity:.28;stroke-linecap:round}"
    ".mark{fill:none;stroke:currentColor;stroke-width:2}.dot{fill:currentColor}"
    ".ring{fill:var(--bg);stroke:currentColor;stroke-width:2}"
    ".a0{color:var(--c0)}.a1{color:var(--c1)}.a2{color:var(--c2)}.a3{color:var(--c3)}.a4{color:var(--c4)}"
    ".a5{color:var(--c5)}.a6{color:var(--c6)}.a7{color:var(--c7)}.a8{color:var(--c8)}"
    ".key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px;margin:4px 0 12px}"
    ".key "
    "span::before{content:'';display:inline-block;width:10px;height:10px;border-radius:50%;background:currentColor;"
    "margin-right:7px}.key i{font-style:normal;color:var(--fg)}"
    ".wide{overflow-x:auto;margin:8px "
    "0}table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums;"
    "min-width:100%}th,td{padding:5px 9px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}"
    "th{color:var(--soft);font-weight:600;text-align:right;vertical-align:bottom;white-space:normal}"
    "th:first-child,td:first-child{text-align:left}td "
    "small{color:var(--soft);font-size:11.5px;line-height:1.2;display:inline-block}td{vertical-align:top}"
    "td.best{font-weight:700}tr:last-child td{border-bottom:0}code{font-size:.92em}";

static void put(struct page *p, const char *text) { lace_text_str(&p->text, text); }
static void say(struct page *p, const char *text) { lace_html_text(&p->text, text); }

static void heading(struct page *p, const char *title, const char *explanation)
{
    put(p, "<h2>");
    say(p, title);
    put(p, "</h2>\n<p class=\"soft\">");
    say(p, explanation);
    put(p, "</p>\n");
}

static const char *share_text(char *text, size_t size, const char *name, struct lace_estimate e)
{
    snprintf(text, size, "%s%s%.1f %% [%.1f, %.1f]", name, name[0] ? ": " : "", 100 * e.value, 100 * e.low,
             100 * e.high);
    return text;
}

static void key(struct page *p)
{
    put(p, "<div class=\"key\">");
    for (int a = 0; a < p->r->arm_count; a++) {
        lace_text_print(&p->text, "<span class=\"a%d\"><i>", p->colour[a]);
        say(p, p->r->sets[0].arms[a].name);
        put(p, "</i></span>");
    }
    put(p, "</div>\n");
}

/* ---- the top ---- */

static void lead(struct page *p, const char *about)
{
    const struct lace_eval_set *set = &p->r->sets[0];
    lace_text_print(&p->text, "<h1>Evaluation</h1>\n<p class=\"about\">%d problems, %d threads, %d model%s",
                    p->r->problems, set->threads, p->r->model_count, p->r->model_count == 1 ? "" : "s");
    for (int c = 0; c < p->study->cell_count; c++)
        if (!c || strcmp(p->study->cells[c].family, p->study->cells[c - 1].family)) {
            put(p, c ? ", " : "; ");
            say(p, p->study->cells[c].family);
        }
    lace_text_print(&p->text, "; seed %llu", (unsigned long long)p->study->seed);
    if (about) {
        put(p, "; ");
        say(p, about);
    }
    put(p, "</p>\n");
    if (set->against[0]) {
        lace_text_print(&p->text, "<p class=\"lead\"><b>%+.1f</b>points [%.1f, %.1f]: lace by its own pick against ",
                        set->delta.value, set->delta.low, set->delta.high);
        say(p, set->against);
        put(p, ", the parallel baseline that did best on these problems.</p>\n");
    }
    if (!p->r->warning_count) return;
    put(p, "<div class=\"warn\">");
    for (int i = 0; i < p->r->warning_count; i++) {
        put(p, "<p>");
        say(p, p->r->warnings[i]);
        put(p, "</p>");
    }
    put(p, "</div>\n");
}

static void headline(struct page *p)
{
    const struct lace_eval_set *set = &p->r->sets[0];
    int A = p->r->arm_count;
    char text[128];
    heading(p, "Who solves how much",
            "Dot: accuracy by the arm's own pick, with its 95 % interval. Ring: by vote. Upright line: any thread is "
            "right (coverage). Small dot: the mean thread.");
    struct lace_chart c = {.width = 900,
                           .height = 62 + 38 * A,
                           .left = 150,
                           .right = 60,
                           .top = 26,
                           .bottom = 30,
                           .x1 = 100,
                           .y0 = A - 0.5,
                           .y1 = -0.5};
    put(p, "<figure class=\"wide\">");
    lace_chart_open(&c, &p->text, "Accuracy of every arm");
    for (int x = 0; x <= 100; x += 20) lace_chart_x_tick(&c, x, "%.0f %%");
    for (int a = 0; a < A; a++) {
        const struct lace_eval_arm *arm = &set->arms[a];
        lace_chart_row(&c, a, arm->name);
        lace_chart_span(&c, p->colour[a], 100 * arm->accuracy.low, 100 * arm->accuracy.high, a);
        lace_chart_mark(&c, p->colour[a], LACE_MARK_TICK, 100 * arm->coverage.value, a, 0,
                        share_text(text, sizeof text, "any thread", arm->coverage));
        lace_chart_mark(&c, p->colour[a], LACE_MARK_RING, 100 * arm->pick[LACE_PICK_VOTE].value, a, 0,
                        share_text(text, sizeof text, "vote", arm->pick[LACE_PICK_VOTE]));
        lace_chart_mark(&c, p->colour[a], LACE_MARK_SMALL, 100 * arm->thread_accuracy.value, a, 0,
                        share_text(text, sizeof text, "mean thread", arm->thread_accuracy));
        lace_chart_mark(&c, p->colour[a], LACE_MARK_DOT, 100 * arm->accuracy.value, a, 0,
                        share_text(text, sizeof text, arm->own_pick, arm->accuracy));
        snprintf(text, sizeof text, "%.1f", 100 * arm->accuracy.value);
        lace_chart_note(&c, p->colour[a], 100, a, 18, 4, text);
    }
    lace_chart_close(&c);
    put(p, "</figure>\n");
}

/* ---- tables ---- */

static void cell_share(struct page *p, struct lace_estimate e, bool best)
{
    lace_text_print(&p->text, "<td%s>%.1f<br><small>%.1f, %.1f</small></td>", best ? " class=\"best\"" : "",
                    100 * e.value, 100 * e.low, 100 * e.high);
}

static void tables(struct page *p)
{
    const struct lace_eval_set *set = &p->r->sets[0];
    heading(p, "Figures", "Shares in per cent with their 95 % intervals; a problem with its threads is the unit.");
    put(p,
        "<div class=\"wide\"><table><tr><th>arm<th>T<th>accuracy<th>by vote<th>by logprob<th>any thread<th>mean thread"
        "<th>verdict given<th>diversity<th>lace ahead by, points</tr>\n");
    for (int a = 0; a < p->r->arm_count; a++) {
        const struct lace_eval_arm *x = &set->arms[a];
        put(p, "<tr><td>");
        say(p, x->name);
        lace_text_print(&p->text, "</td><td>%.2g%s</td>", x->temperature, x->tuned ? "" : "*");
        cell_share(p, x->accuracy, true);
        cell_share(p, x->pick[LACE_PICK_VOTE], false);
        cell_share(p, x->pick[LACE_PICK_LOGPROB], false);
        cell_share(p, x->coverage, false);
        cell_share(p, x->thread_accuracy, false);
        cell_share(p, x->format, false);
        lace_text_print(&p->text, "<td>%.2f</td>", x->diversity.value);
        if (x->compared)
            lace_text_print(&p->text, "<td>%.1f<br><small>%.1f, %.1f</small></td></tr>\n", x->versus.value,
                            x->versus.low, x->versus.high);
        else put(p, "<td></td></tr>\n");
    }
    put(p, "</table></div>\n<div class=\"wide\"><table><tr><th>arm<th>tokens written<th>tokens pasted in<th>clock"
           "<th>tokens to solution<th>clock to solution<th>repeated trials, %<th>false steps, %<th>of these repaired, %"
           "<th>kinds of errors<th>memory, kB<th>time, s</tr>\n");
    for (int a = 0; a < p->r->arm_count; a++) {
        const struct lace_eval_arm *x = &set->arms[a];
        put(p, "<tr><td>");
        say(p, x->name);
        lace_text_print(&p->text, "</td><td>%.0f</td><td>%.0f</td><td>%.1f</td>", x->tokens, x->fed, x->steps);
        if (x->steps_solved > 0)
            lace_text_print(&p->text, "<td>%.0f</td><td>%.1f</td>", x->tokens_solved, x->steps_solved);
        else put(p, "<td>none</td><td>none</td>");
        lace_text_print(
            &p->text, "<td>%.1f</td><td>%.2f</td><td>%.1f</td><td>%.2f</td><td>%.0f</td><td>%.1f</td></tr>\n",
            100 * x->duplicates, 100 * x->wrong_steps, 100 * x->repaired, x->error_types, x->memory / 1024, x->seconds);
    }
    put(p,
        "</table></div>\n<p class=\"soft\">T: the temperature that was chosen on development problems; * it was given. "
        "Clock: lockstep tokens until the group ended.</p>\n");
}

static void threads_table(struct page *p)
{
    const struct lace_eval_set *set = &p->r->sets[0];
    bool lies = p->r->inject > 0;
    heading(
        p, "Between the threads",
        "Roles: how many bits a thread's index tells of where it begins, and of its verdict; in 95 of 100 cases chance "
        "alone stays below the small figure. Believed and rejected: shares of the other threads where one was made "
        "to write something false.");
    put(p, "<div class=\"wide\"><table><tr><th>arm<th>role: strategy<th>role: verdict");
    if (lies)
        lace_text_print(&p->text, "<th>false %s injected, %%<th>believed by others<th>rejected by others",
                        lace_inject_name(p->r->inject_kind));
    put(p, "</tr>\n");
    for (int a = 0; a < p->r->arm_count; a++) {
        const struct lace_eval_arm *x = &set->arms[a];
        put(p, "<tr><td>");
        say(p, x->name);
        lace_text_print(&p->text, "</td><td>%.3f<br><small>%.3f</small></td><td>%.3f<br><small>%.3f</small></td>",
                        x->role_strategy.bits, x->role_strategy.chance, x->role_verdict.bits, x->role_verdict.chance);
        if (lies) {
            lace_text_print(&p->text, "<td>%.1f</td>", 100 * x->injected);
            cell_share(p, x->believed, false);
            cell_share(p, x->rejected, false);
        }
        put(p, "</tr>\n");
    }
    put(p, "</table></div>\n");
}

/* ---- pictures over something ---- */

/* Accuracy of every arm over the sets of a list; x (count). */
static void curves(struct page *p, const char *title, const char *x_name, const struct lace_eval_set *const *sets,
                   const double *x, int count, bool log2)
{
    double edge = log2 ? pow(x[count - 1] / x[0], 0.06) : 0.06 * (x[count - 1] - x[0]);
    struct lace_chart c = {.width = 460,
                           .height = 300,
                           .left = 48,
                           .right = 18,
                           .top = 26,
                           .bottom = 44,
                           .x0 = log2 ? x[0] / edge : x[0] - edge, /* the marks at the edge want room */
                           .x1 = log2 ? x[count - 1] * edge : x[count - 1] + edge,
                           .y0 = 0,
                           .y1 = 100,
                           .log2 = log2};
    int A = p->r->arm_count;
    char text[192], share[96];
    put(p, "<figure><h3>");
    say(p, title);
    put(p, "</h3>");
    lace_chart_open(&c, &p->text, title);
    lace_chart_y_ticks(&c, 20, "%.0f");
    for (int i = 0; i < count; i++) lace_chart_x_tick(&c, x[i], "%g");
    lace_chart_names(&c, x_name, "accuracy, %");
    for (int a = 0; a < A; a++) {
        double y[64], shift = 3.0 * (a - (A - 1) / 2.0);
        for (int i = 0; i < count && i < 64; i++) y[i] = 100 * sets[i]->arms[a].accuracy.value;
        lace_chart_line(&c, p->colour[a], x, y, count, shift);
        for (int i = 0; i < count; i++) {
            const struct lace_estimate *e = &sets[i]->arms[a].accuracy;
            snprintf(text, sizeof text, "%s at %g: %s", sets[i]->arms[a].name, x[i],
                     share_text(share, sizeof share, "", *e));
            lace_chart_bar(&c, p->colour[a], x[i], 100 * e->low, 100 * e->high, shift);
            lace_chart_mark(&c, p->colour[a], LACE_MARK_SMALL, x[i], y[i], shift, text);
        }
    }
    lace_chart_close(&c);
    put(p, "</figure>\n");
}

/* For each family the sets of one ambiguity over difficulty, or of one difficulty over ambiguity, at the first number
 * of threads. */
static void over_levels(struct page *p, bool ambiguity)
{
    const struct lace_eval_result *r = p->r;
    bool begun = false;
    for (int i = 1; i < r->set_count; i++) {
        const struct lace_eval_set *first = &r->sets[i], *sets[64];
        double x[64];
        int count = 0;
        if (first->threads != r->sets[0].threads || first->model >= 0 || first->difficulty < 0 || first->ambiguity < 0)
            continue;
        bool drawn = false;
        for (int j = 1; j < r->set_count && count < 64; j++) {
            const struct lace_eval_set *s = &r->sets[j];
            if (s->threads != first->threads || s->model >= 0 || s->difficulty < 0 || s->ambiguity < 0 ||
                strcmp(s->family, first->family) ||
                (ambiguity ? s->difficulty != first->difficulty : s->ambiguity != first->ambiguity))
                continue;
            drawn |= j < i;
            x[count] = ambiguity ? s->ambiguity : s->difficulty;
            sets[count++] = s;
        }
        if (drawn || count < 2) continue;
        if (!begun) {
            heading(p, ambiguity ? "Over ambiguity" : "Over difficulty",
                    "Accuracy by the arm's own pick, with 95 % intervals; the marks of one level stand side by side.");
            key(p);
            put(p, "<div class=\"grid2\">");
            begun = true;
        }
        char title[96];
        if (ambiguity) snprintf(title, sizeof title, "%s, difficulty %d", first->family, first->difficulty);
        else if (first->ambiguity) snprintf(title, sizeof title, "%s, ambiguity %d", first->family, first->ambiguity);
        else snprintf(title, sizeof title, "%s", first->family);
        curves(p, title, ambiguity ? "ambiguity" : "difficulty", sets, x, count, false);
    }
    if (begun) put(p, "</div>\n");
}

static void over_threads(struct page *p)
{
    const struct lace_eval_result *r = p->r;
    const struct lace_eval_set *sets[LACE_STUDY_LIST];
    double x[LACE_STUDY_LIST];
    int count = 0;
    for (int t = 0; t < p->study->thread_count; t++) { /* in ascending order */
        int least = -1;
        for (int i = 0; i < r->set_count; i++) {
            const struct lace_eval_set *s = &r->sets[i];
            bool whole = s->model < 0 && s->problems == r->problems;
            if (whole && (!count || s->threads > x[count - 1]) && (least < 0 || s->threads < r->sets[least].threads))
                least = i;
        }
        if (least < 0) break;
        sets[count] = &r->sets[least];
        x[count++] = r->sets[least].threads;
    }
    if (count < 2) return;
    heading(p, "Over the number of threads",
            "All problems. A serial thread has as many tokens as the threads together.");
    key(p);
    put(p, "<div class=\"grid2\">");
    curves(p, "all problems", "threads", sets, x, count, true);
    put(p, "</div>\n");
}

static double round_up(double x)
{
    double unit = pow(10, floor(log10(x > 0 ? x : 1)));
    for (double k = 1; k <= 10; k += k < 2 ? 0.5 : 1)
        if (k * unit >= x) return k * unit;
    return 10 * unit;
}

/* Accuracy against a price. */
static void price(struct page *p, const char *title, const char *x_name, const double *x)
{
    double most = 0;
    char text[160];
    int A = p->r->arm_count;
    for (int a = 0; a < A; a++) most = fmax(most, x[a]);
    struct lace_chart c = {.width = 460,
                           .height = 300,
                           .left = 48,
                           .right = 78,
                           .top = 26,
                           .bottom = 44,
                           .x0 = 0,
                           .x1 = round_up(most),
                           .y0 = 0,
                           .y1 = 100};
    put(p, "<figure><h3>");
    say(p, title);
    put(p, "</h3>");
    lace_chart_open(&c, &p->text, title);
    lace_chart_y_ticks(&c, 20, "%.0f");
    for (int i = 0; i <= 4; i++) lace_chart_x_tick(&c, c.x1 * i / 4, "%g");
    lace_chart_names(&c, x_name, "accuracy, %");
    double used[LACE_EVAL_ARMS][2];
    for (int a = 0; a < A; a++) {
        const struct lace_eval_arm *arm = &p->r->sets[0].arms[a];
        double y = 100 * arm->accuracy.value, dy = 4;
        for (int b = 0; b < a; b++) /* a name that would lie on another goes below it */
            if (fabs(used[b][0] - x[a]) < 0.22 * c.x1 && fabs(used[b][1] - (y - dy / 2.3)) < 5.5) dy += 13, b = -1;
        used[a][0] = x[a];
        used[a][1] = y - dy / 2.3;
        snprintf(text, sizeof text, "%s: %.1f %% at %.0f", arm->name, y, x[a]);
        lace_chart_mark(&c, p->colour[a], LACE_MARK_DOT, x[a], y, 0, text);
        lace_chart_note(&c, p->colour[a], x[a], y, 9, dy, arm->name);
    }
    lace_chart_close(&c);
    put(p, "</figure>\n");
}

static void prices(struct page *p)
{
    double clock[LACE_EVAL_ARMS], tokens[LACE_EVAL_ARMS], memory[LACE_EVAL_ARMS];
    for (int a = 0; a < p->r->arm_count; a++) {
        const struct lace_eval_arm *x = &p->r->sets[0].arms[a];
        clock[a] = x->steps;
        tokens[a] = x->tokens + x->fed;
        memory[a] = x->memory / 1024;
    }
    heading(
        p, "What it costs",
        "The clock counts lockstep tokens: the latency where threads run side by side. Tokens are all that go through "
        "the model after the prompt, written or pasted. Memory is keys and values at the end of a problem.");
    put(p, "<div class=\"grid2\">");
    price(p, "latency", "clock", clock);
    price(p, "work", "tokens written and pasted", tokens);
    price(p, "memory", "kB of keys and values", memory);
    put(p, "</div>\n");
}

/* ---- lace against the best baseline, set by set ---- */

static void set_name(const struct page *p, const struct lace_eval_set *s, char *text, size_t size)
{
    int n = snprintf(text, size, "%s", s->family[0] ? s->family : "all");
    if (s->difficulty >= 0) n += snprintf(text + n, size - (size_t)n, " %d", s->difficulty);
    if (s->ambiguity > 0) n += snprintf(text + n, size - (size_t)n, ", ambiguity %d", s->ambiguity);
    if (s->model >= 0) n += snprintf(text + n, size - (size_t)n, ", model %d", s->model + 1);
    if (p->study->thread_count > 1) snprintf(text + n, size - (size_t)n, ", %d threads", s->threads);
}

static void forest(struct page *p)
{
    const struct lace_eval_result *r = p->r;
    int count = 0;
    char name[96], title[256];
    double low = 0, high = 0;
    for (int i = 0; i < r->set_count; i++)
        if (r->sets[i].against[0]) {
            count++;
            low = fmin(low, r->sets[i].delta.low);
            high = fmax(high, r->sets[i].delta.high);
        }
    if (count < 2) return;
    heading(p, "Lace against the best baseline",
            "Points by which lace's own pick is ahead, with 95 % intervals; in each row the baseline and the pick that "
            "did best there.");
    struct lace_chart c = {.width = 900,
                           .height = 56 + 22 * count,
                           .left = 190,
                           .right = 230,
                           .top = 12,
                           .bottom = 40,
                           .x0 = floor(low / 20) * 20,
                           .x1 = ceil(fmax(high, 1) / 20) * 20,
                           .y0 = count - 0.5,
                           .y1 = -0.5};
    put(p, "<figure class=\"wide\">");
    lace_chart_open(&c, &p->text, "Differences to the best baseline");
    for (double x = c.x0; x <= c.x1; x += 20) lace_chart_x_tick(&c, x, "%g");
    lace_chart_mark_x(&c, 0);
    lace_chart_names(&c, "points", "");
    for (int i = 0, row = 0; i < r->set_count; i++) {
        const struct lace_eval_set *s = &r->sets[i];
        if (!s->against[0]) continue;
        set_name(p, s, name, sizeof name);
        snprintf(title, sizeof title, "%s: %.1f [%.1f, %.1f] against %s", name, s->delta.value, s->delta.low,
                 s->delta.high, s->against);
        lace_chart_row(&c, row, name);
        lace_chart_span(&c, 0, s->delta.low, s->delta.high, row);
        lace_chart_mark(&c, 0, LACE_MARK_DOT, s->delta.value, row, 0, title);
        snprintf(title, sizeof title, "%.1f  %s", s->delta.value, s->against);
        lace_chart_note(&c, 0, c.x1, row++, 14, 4, title);
    }
    lace_chart_close(&c);
    put(p, "</figure>\n");
}

static void robustness(struct page *p)
{
    const struct lace_eval_result *r = p->r;
    if (!r->robustness_count) return;
    heading(
        p, "Reasoning Robustness Score",
        "The area under accuracy over the levels, and the share that an arm wins of what independent threads with a "
        "vote leave open: 0 % no more than they, 100 % all of it.");
    put(p, "<div class=\"wide\"><table><tr><th>arm");
    for (int i = 0; i < r->robustness_count; i++) {
        lace_text_print(&p->text, "<th>area, %s, %d threads<th>score", r->robustness[i].axis, r->robustness[i].threads);
    }
    put(p, "</tr>\n");
    for (int a = 0; a < r->arm_count; a++) {
        put(p, "<tr><td>");
        say(p, r->sets[0].arms[a].name);
        put(p, "</td>");
        for (int i = 0; i < r->robustness_count; i++) {
            cell_share(p, r->robustness[i].area[a], false);
            if (isfinite(r->robustness[i].score[a].value)) cell_share(p, r->robustness[i].score[a], true);
            else put(p, "<td>none</td>");
        }
        put(p, "</tr>\n");
    }
    put(p, "</table></div>\n");
}

/* ---- the bottom ---- */

/* Which problems lace and the baseline solve: the pairs behind the difference. */
static void pairs(struct page *p)
{
    const struct lace_study *s = p->study;
    const struct lace_eval_set *set = &p->r->sets[0];
    int lace = -1, best = -1, by = 0;
    long count[2][2] = {{0}};
    const char *pick = strstr(set->against, " by ");
    for (int a = 0; a < s->arm_count && pick; a++) {
        size_t len = strlen(s->arms[a].name);
        if (!strcmp(s->arms[a].name, "lace")) lace = a;
        if (len == (size_t)(pick - set->against) && !strncmp(s->arms[a].name, set->against, len)) best = a;
    }
    if (lace < 0 || best < 0) return;
    by = !strcmp(pick, " by vote")      ? LACE_PICK_VOTE
         : !strcmp(pick, " by logprob") ? LACE_PICK_LOGPROB
                                        : LACE_PICK_VERDICT;
    for (int m = 0; m < s->model_count; m++)
        for (int i = 0; i < s->problem_count; i++)
            count[lace_study_trial(s, m, 0, lace)->outcome[i].right[LACE_PICK_VERDICT] > 0]
                 [lace_study_trial(s, m, 0, best)->outcome[i].right[by] > 0]++;
    heading(p, "Problem by problem", "The same problems under both arms: what the difference is made of.");
    put(p, "<div class=\"wide\"><table style=\"min-width:0\"><tr><th><th>");
    say(p, set->against);
    put(p, ": right<th>wrong</tr>\n");
    lace_text_print(&p->text, "<tr><td>lace: right</td><td>%ld</td><td>%ld</td></tr>\n", count[1][1], count[1][0]);
    lace_text_print(&p->text, "<tr><td>lace: wrong</td><td>%ld</td><td>%ld</td></tr></table></div>\n", count[0][1],
                    count[0][0]);
}

static void models(struct page *p)
{
    heading(p, "Models", "Where each arm's weights came from.");
    put(p, "<div class=\"wide\"><table style=\"min-width:0\"><tr><th>arm");
    for (int m = 0; m < p->study->model_count; m++)
        lace_text_print(&p->text, "<th style=\"text-align:left\">model %d", m + 1);
    put(p, "</tr>\n");
    for (int a = 0; a < p->study->arm_count; a++) {
        put(p, "<tr><td>");
        say(p, p->study->arms[a].name);
        put(p, "</td>");
        for (int m = 0; m < p->study->model_count; m++) {
            put(p, "<td style=\"text-align:left\"><code>");
            say(p, lace_study_trial(p->study, m, 0, a)->path);
            put(p, "</code></td>");
        }
        put(p, "</tr>\n");
    }
    put(p, "</table></div>\n<p class=\"about\">Written by lace " LACE_VERSION
           "; its docs/evaluation.md defines every figure.</p>\n");
}

int lace_report_write(const char *path, const struct lace_study *s, const struct lace_eval_result *r, const char *about,
                      struct lace_error *err)
{
    struct page p = {.study = s, .r = r};
    lace_text_init(&p.text);
    for (int a = 0, next = 1; a < r->arm_count; a++) {
        p.colour[a] = strcmp(r->sets[0].arms[a].name, "lace") ? next : 0;
        if (p.colour[a]) next = next % 8 + 1;
    }
    put(&p, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n<title>lace: evaluation</title>\n<style>");
    put(&p, style);
    put(&p, "</style></head>\n<body><main>\n");
    lead(&p, about);
    headline(&p);
    tables(&p);
    threads_table(&p);
    pairs(&p);
    over_levels(&p, false);
    over_levels(&p, true);
    over_threads(&p);
    prices(&p);
    forest(&p);
    robustness(&p);
    models(&p);
    put(&p, "</main></body></html>\n");
    int code = p.text.failed ? lace_fail(err, LACE_MEMORY, "Out of memory for the report.")
                             : lace_write_file(path, p.text.data, p.text.len, err);
    lace_text_release(&p.text);
    return code;
}
