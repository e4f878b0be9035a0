/* lace data stats: the statistics as a table, as JSON, and as a picture. */
#include "data_step.h"
#include "json_out.h"
#include "progress.h"
#include <stdio.h>

static bool json;
static const char *model, *plot;

const struct cli_option cli_stats_options[] = {
    {"model", 'm', CLI_TEXT, &model, "DIR", "Embed threads by this model's hidden states (\"\" is the shipped one)."},
    {"plot", 0, CLI_TEXT, &plot, "FILE", "Draw distances, steps, interactions and verdicts into a .svg or .png."},
    {"json", 'j', CLI_FLAG, &json, NULL, "JSON instead of a table."},
    {0},
};

/* Names come out of records, from anywhere: nothing in them may command a terminal. */
static void print_name(const char *name)
{
    for (; *name; name++) putchar((unsigned char)*name < 32 || *name == 127 ? '?' : *name);
}

static void print_tallies(const char *name, const struct lace_data_tally *list)
{
    if (json) printf(", \"%s\": {", name);
    else if (list->name[0]) printf("%-13s", name);
    for (int i = 0; list[i].name[0]; i++) {
        if (i) printf(", ");
        if (json) cli_json_string(stdout, list[i].name);
        else print_name(list[i].name);
        printf(json ? ": %llu" : " %llu", (unsigned long long)list[i].count);
    }
    if (json) putchar('}');
    else if (list->name[0]) putchar('\n');
}

static void print_histogram(const char *name, const uint64_t *counts, int bins)
{
    printf(", \"%s\": [", name);
    for (int i = 0; i < bins; i++) printf(i ? ", %llu" : "%llu", (unsigned long long)counts[i]);
    putchar(']');
}

static int progress(void *user, uint64_t records)
{
    cli_progress_update(user, (long)records, NULL);
    return 0;
}

static void print_table(const struct lace_data_stats *s)
{
    unsigned long long records = s->records, threads = s->threads, steps = s->steps, test_side = s->test_side;
    printf("records      %llu (%llu on the test side of the split, %llu of unknown families)\n", records, test_side,
           (unsigned long long)s->unread);
    printf("threads      %llu (at most %d)\n", threads, s->most_threads);
    printf("steps        %llu (at most %d in a thread; mean of the longest %.2f)\n", steps, s->most_steps, s->rounds);
    printf("answers      %llu, of which right %llu\n", (unsigned long long)s->answered, (unsigned long long)s->right);
    printf("corrupted    %llu records; %llu steps are a model's own errors\n", (unsigned long long)s->corrupted,
           (unsigned long long)s->slips);
    printf("diversity    %.3f edit distance between threads, in words (the paper's data: 0.77)\n", s->diversity);
    printf("             %.3f embedding distance, by %s (the paper's data: 0.12)\n", s->embedding_diversity,
           s->embedder);
}

static void print_json(const struct lace_data_stats *s)
{
    printf("{\"records\": %llu, \"threads\": %llu, \"steps\": %llu, \"answered\": %llu, \"right\": %llu, "
           "\"unread\": %llu, \"most_threads\": %d, \"most_steps\": %d, \"test_side\": %llu, \"corrupted\": %llu, "
           "\"slips\": %llu, \"rounds\": %.6g, \"diversity\": %.6g, \"embedding_diversity\": %.6g, \"embedder\": "
           "\"%s\"",
           (unsigned long long)s->records, (unsigned long long)s->threads, (unsigned long long)s->steps,
           (unsigned long long)s->answered, (unsigned long long)s->right, (unsigned long long)s->unread,
           s->most_threads, s->most_steps, (unsigned long long)s->test_side, (unsigned long long)s->corrupted,
           (unsigned long long)s->slips, s->rounds, s->diversity, s->embedding_diversity, s->embedder);
    print_histogram("distances", s->distances, LACE_STATS_BINS);
    print_histogram("embedding_distances", s->embedding_distances, LACE_STATS_BINS);
    print_histogram("thread_steps", s->thread_steps, LACE_STATS_STEPS + 1);
}

int cli_stats_run(int count, char **args)
{
    struct lace_error err;
    struct lace_data_stats s;
    struct cli_progress bar;
    struct lace_stats_options o = {model, plot, progress, &bar};
    (void)count;
    cli_progress_start(&bar, "stats", "records", 0);
    int code = lace_data_stats(args[0], &o, &s, &err);
    cli_progress_end(&bar);
    if (code) return cli_fail("%s", err.text);
    if (json) print_json(&s);
    else print_table(&s);
    print_tallies("tasks", s.tasks);
    print_tallies("difficulties", s.difficulties);
    print_tallies("verdicts", s.verdicts);
    print_tallies("checks", s.checks);
    print_tallies("falsehoods", s.kinds);
    print_tallies("interactions", s.interactions);
    if (json) puts("}");
    return 0;
}
