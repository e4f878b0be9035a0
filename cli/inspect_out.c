#include "inspect_out.h"
#include "json_out.h"
#include "terminal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cli_terminal terminal;

/* Eight heights, or shades of signs where the locale has no others. */
static const char *height(double share)
{
    static const char *const bars[] = {" ",
                                       "\xe2\x96\x81",
                                       "\xe2\x96\x82",
                                       "\xe2\x96\x83",
                                       "\xe2\x96\x84",
                                       "\xe2\x96\x85",
                                       "\xe2\x96\x86",
                                       "\xe2\x96\x87",
                                       "\xe2\x96\x88"};
    static const char *const signs[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    int i = share > 0 ? (int)ceil(8 * fmin(share, 1)) : 0;
    return terminal.unicode ? bars[i] : signs[i];
}

static void bold(const char *text) { printf(terminal.colour ? "\033[1m%s\033[0m\n" : "%s\n", text); }

/* ---- mass ---- */

static void print_readers(const char *first, int N, const char *last)
{
    printf("  %-10s", first);
    for (int m = 0; m < N; m++) printf("%7d", m + 1);
    printf("%s\n", last);
}

/* One layer's table, or the mean over layers: layer -1. */
static void print_layer(const struct lace_trace *t, int layer)
{
    int N = t->thread_count, from = layer < 0 ? 0 : layer, to = layer < 0 ? t->layer_count : layer + 1;
    char name[32];
    if (layer < 0) snprintf(name, sizeof name, "all layers");
    else snprintf(name, sizeof name, "layer %d", t->layers[layer]);
    print_readers(name, N, "  nobody");
    for (int n = 0; n < N; n++) {
        double all = 0;
        printf("  %10d", n + 1);
        for (int m = 0; m < N; m++) {
            double mass = 0;
            for (int l = from; l < to; l++) mass += t->flow[(l * N + n) * N + m];
            mass /= to - from;
            all += mass;
            if (mass > 0) printf(" %5.2f%s", mass, height(mass));
            else printf("%6s ", "-");
        }
        printf(" %7.2f\n", fmax(0, 1 - all));
    }
}

static void print_mass(const struct lace_trace *t)
{
    bold("Attention mass: what a thread (row) drew from each thread (column), mean over its tokens");
    if (!t->layer_count) {
        puts("  There was no lattice, or it was off: no thread saw another.\n");
        return;
    }
    for (int l = 0; l < t->layer_count; l++) print_layer(t, l);
    if (t->layer_count > 1) print_layer(t, -1);
    puts("");
    bold("Gates: what is drawn counts so much (0 nothing, 1 all); over tokens and heads");
    printf("  %-10s%8s%8s%8s\n", "", "mean", "least", "most");
    for (int l = 0; l < t->layer_count; l++)
        printf("  layer %-4d%8.2f%8.2f%8.2f %s\n", t->layers[l], t->gates[l].mean, t->gates[l].least, t->gates[l].most,
               height(t->gates[l].mean));
    puts("");
}

/* ---- over time ---- */

/* A row of bars, each the mean of its share of the steps; scaled to the most. */
static void print_course(const char *name, const float *values, int steps, double most)
{
    int columns = terminal.width - 32, count = 0;
    double sum = 0;
    if (columns < 20) columns = 20;
    if (columns > steps) columns = steps;
    if (columns > 100) columns = 100;
    for (int i = 0; i < steps; i++)
        if (!isnan(values[i])) sum += values[i], count++;
    printf("  %-10s ", name);
    for (int c = 0; c < columns; c++) {
        double part = 0;
        int from = (int)((long)c * steps / columns), to = (int)((long)(c + 1) * steps / columns), known = 0;
        for (int i = from; i < to; i++)
            if (!isnan(values[i])) part += values[i], known++;
        fputs(known ? height(most > 0 ? part / known / most : 0) : " ", stdout);
    }
    if (count) printf("  mean %.3f\n", sum / count);
    else puts("  unknown: too few threads");
}

static void print_time(const struct lace_trace *t)
{
    double most = 0;
    for (int i = 0; i < t->steps; i++)
        if (t->diversity[i] > most) most = t->diversity[i];
    printf(terminal.colour ? "\033[1mOver time, %d steps\033[0m\n" : "Over time, %d steps\n", t->steps);
    print_course("agreement", t->agreement, t->steps, 1);
    print_course("diversity", t->diversity, t->steps, most);
    puts("  agreement: pairs of threads that chose the same token; diversity: cosine distance of what they hold, as "
         "bars");
    puts("  of its most. docs/trace.md defines both.\n");
}

/* ---- influence ---- */

struct strongest {
    int source, reader;
    float change;
};

static int by_change(const void *a, const void *b)
{
    float x = fabsf(((const struct strongest *)a)->change), y = fabsf(((const struct strongest *)b)->change);
    return x < y ? 1 : x > y ? -1 : 0;
}

static void print_token(const struct lace_run_result *r, int n, int token)
{
    const struct lace_trace_thread *t = &r->trace->threads[n];
    size_t from = token ? t->ends[token - 1] : 0;
    cli_json_text(stdout, r->threads[n].text + from, t->ends[token] - from);
}

static int print_strongest(const struct lace_run_result *r)
{
    enum { SHOWN = 5 };
    const struct lace_influence *f = r->trace->influence;
    int N = r->trace->thread_count, count = 0;
    struct strongest *list = malloc(sizeof *list * (size_t)N * (size_t)N);
    if (!list) return cli_fail("Out of memory.");
    for (int m = 0; m < N; m++)
        for (int n = 0; n < N; n++)
            if (f->token[m * N + n] >= 0) list[count++] = (struct strongest){m, n, f->change[m * N + n]};
    qsort(list, (size_t)count, sizeof *list, by_change);
    if (count) puts("  The tokens that changed most:");
    for (int i = 0; i < count && i < SHOWN; i++) {
        int m = list[i].source, n = list[i].reader, token = f->token[m * N + n];
        printf("    thread %d, step %d: ", n + 1, r->trace->threads[n].times[token]);
        print_token(r, n, token);
        printf(" loses %.3g without thread %d\n", list[i].change, m + 1);
    }
    free(list);
    return 0;
}

/* What rounds to nothing is a bare 0: what is something stands out. */
static void print_change(double x)
{
    if (fabs(x) < 0.0005) printf("%7s", "0");
    else printf("%7.3f", x);
}

static void print_influence(const struct lace_run_result *r)
{
    const struct lace_influence *f = r->trace->influence;
    int N = r->trace->thread_count;
    bold("Influence: log-probability that a thread's words (column) lose when a thread (row) is muted for the others");
    print_readers("muted", N, "");
    for (int m = 0; m < N; m++) {
        printf("  %10d", m + 1);
        for (int n = 0; n < N; n++)
            if (m == n) printf("%7s", "-");
            else print_change(f->mean[m * N + n]);
        puts("");
    }
    printf("  %10s", "everybody");
    for (int n = 0; n < N; n++) print_change(f->all[n]);
    puts("\n  Means over a thread's tokens, its text staying as it is; in nats.");
    if (f->drift > 1e-3)
        printf("  The texts' own log-probabilities are up to %.2g off: another model, lattice or type wrote them.\n",
               f->drift);
    print_strongest(r);
}

void cli_inspect_print(const struct lace_run_result *r)
{
    const struct lace_trace *t = r->trace;
    cli_terminal_look(&terminal);
    printf("%d thread%s, %d steps, %d tokens; ", r->thread_count, r->thread_count == 1 ? "" : "s", t->steps,
           r->completion_tokens);
    if (r->picked >= 0) {
        printf("thread %d was picked: ", r->picked + 1);
        cli_json_text(stdout, r->answer ? r->answer : "", r->answer ? strlen(r->answer) : 0);
        puts("\n");
    } else puts("no thread has an answer\n");
    print_mass(t);
    print_time(t);
    if (t->influence) print_influence(r);
    if (t->elsewhere > 0)
        printf("\nA token drew %.3g of its mass from keys of another group. This must not be; please report it.\n",
               t->elsewhere);
}
