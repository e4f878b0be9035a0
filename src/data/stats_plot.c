#include "data/stats_plot.h"
#include "io/plot.h"
#include <string.h>

static void put_histogram(struct lace_text *out, const char *name, const uint64_t *counts, int bins, double width)
{
    lace_text_print(out, "$%s << EOD\n", name);
    for (int i = 0; i < bins; i++) lace_text_print(out, "%g %llu\n", (i + 0.5) * width, (unsigned long long)counts[i]);
    lace_text_str(out, "EOD\n");
}

static void put_tallies(struct lace_text *out, const char *name, const struct lace_data_tally *list)
{
    lace_text_print(out, "$%s << EOD\n", name);
    for (int i = 0; list[i].name[0]; i++) {
        lace_text_str(out, "\"");
        lace_plot_name(out, list[i].name);
        lace_text_print(out, "\" %llu\n", (unsigned long long)list[i].count);
    }
    if (!list[0].name[0]) lace_text_str(out, "\"none\" 0\n");
    lace_text_str(out, "EOD\n");
}

int lace_stats_plot(const struct lace_data_stats *s, const char *path, struct lace_error *err)
{
    struct lace_text script;
    int steps = LACE_STATS_STEPS + 1;
    while (steps > 8 && !s->thread_steps[steps - 1]) steps--;
    lace_text_init(&script);
    put_histogram(&script, "edit", s->distances, LACE_STATS_BINS, 1.0 / LACE_STATS_BINS);
    put_histogram(&script, "meaning", s->embedding_distances, LACE_STATS_BINS, 1.0 / LACE_STATS_BINS);
    put_histogram(&script, "steps", s->thread_steps, steps, 1);
    put_tallies(&script, "interactions", s->interactions);
    put_tallies(&script, "verdicts", s->verdicts);
    lace_text_print(&script,
                    "set multiplot layout 2,3 title \"%llu records, %llu threads\"\n"
                    "set style fill solid 0.6\nset boxwidth 0.9 relative\nset key off\nset yrange [0:*]\n"
                    "set xrange [0:1]\n"
                    "set title \"edit distance, mean %.2f (paper 0.77)\"\nplot $edit with boxes\n"
                    "set title \"embedding distance, mean %.2f (paper 0.12)\\n%s\"\nplot $meaning with boxes\n"
                    "set xrange [0:%d]\nset title \"steps of a thread\"\nplot $steps using ($1-0.5):2 with boxes\n"
                    "set xrange [*:*]\nset xtics rotate by -40\n"
                    "set title \"interactions\"\nplot $interactions using 0:2:xtic(1) with boxes\n"
                    "set title \"verdicts\"\nplot $verdicts using 0:2:xtic(1) with boxes\n"
                    "unset multiplot\n",
                    (unsigned long long)s->records, (unsigned long long)s->threads, s->diversity,
                    s->embedding_diversity, s->embedder, steps);
    int code = script.failed ? lace_fail(err, LACE_MEMORY, "Out of memory for a picture.")
                             : lace_plot(script.data, path, 1000, 720, err);
    lace_text_release(&script);
    return code;
}
