#include "data_step.h"
#include "interrupt.h"
#include "json_out.h"
#include "outlet.h"
#include "progress.h"
#include <stdlib.h>
#include <string.h>

struct cli_step_options cli_step;

struct step {
    struct cli_outlet kept, dropped;
    struct cli_progress bar;
    bool bar_runs;
    const char *name;
};

static int keep(void *user, const char *bytes, size_t len)
{
    struct step *s = user;
    cli_outlet_write(&s->kept, bytes, len);
    return s->kept.failed;
}

static int drop(void *user, const char *bytes, size_t len)
{
    struct step *s = user;
    cli_outlet_write(&s->dropped, bytes, len);
    return s->dropped.failed;
}

static int progress(void *user, uint64_t done, uint64_t total)
{
    struct step *s = user;
    if (!s->bar_runs) cli_progress_start(&s->bar, s->name, "records", (long)total);
    s->bar_runs = true;
    cli_progress_update(&s->bar, (long)done, NULL);
    return cli_interrupted;
}

static void print_tallies(FILE *to, const char *name, const struct lace_data_tally *list)
{
    if (cli_step.json) fprintf(to, ", \"%s\": {", name);
    for (int i = 0; list[i].name[0]; i++) {
        if (cli_step.json) {
            fputs(i ? ", " : "", to);
            cli_json_string(to, list[i].name);
            fprintf(to, ": %llu", (unsigned long long)list[i].count);
        } else fprintf(to, "%s%s %llu", i ? ", " : "", list[i].name, (unsigned long long)list[i].count);
    }
    if (cli_step.json) putc('}', to);
}

static void print_report(const struct step *s, const struct lace_data_report *r)
{
    FILE *to = cli_step.json && cli_step.out ? stdout : stderr;
    unsigned long long read = r->read, kept = r->kept;
    if (cli_step.json) {
        fprintf(to, "{\"step\": \"%s\", \"read\": %llu, \"kept\": %llu", s->name, read, kept);
        print_tallies(to, "dropped", r->dropped);
        print_tallies(to, "changed", r->changed);
        if (r->unanswered[0]) {
            fputs(", \"unanswered\": ", to);
            cli_json_string(to, r->unanswered);
        }
        fputs("}\n", to);
        return;
    }
    fprintf(to, "%s: %llu read, %llu kept", s->name, read, kept);
    if (r->dropped[0].name[0]) fputs("; dropped: ", to);
    print_tallies(to, "dropped", r->dropped);
    if (r->changed[0].name[0]) fputs("; changed: ", to);
    print_tallies(to, "changed", r->changed);
    putc('\n', to);
    if (r->unanswered[0]) fprintf(to, "The first question without a reply: %s\n", r->unanswered);
}

int cli_step_run(const char *name, int count, char **files, cli_step_fn *step)
{
    struct step s = {.name = name, .kept.file = stdout};
    struct lace_data_report report = {0};
    struct lace_error err;
    const char **in = calloc((size_t)count + 2, sizeof *in);
    if (!in) return cli_fail("Out of memory.");
    for (int i = 0; i < count; i++) in[i] = files[i];
    if (!count) in[0] = "-";
    struct lace_data_flow flow = {in, keep, cli_step.dropped ? drop : NULL, progress, &s};
    int status = cli_step.out ? cli_outlet_open(&s.kept, cli_step.out) : 0;
    if (!status && cli_step.dropped) status = cli_outlet_open(&s.dropped, cli_step.dropped);
    cli_catch_interrupts();
    if (!status) {
        int code = step(&flow, &report, &err);
        if (s.bar_runs) cli_progress_end(&s.bar);
        if (code) /* both files go, whichever could not be written */
            status = s.kept.failed      ? cli_outlet_complain(&s.kept)
                     : s.dropped.failed ? cli_outlet_complain(&s.dropped)
                                        : cli_fail("%s", err.text);
    }
    status = cli_outlet_close(&s.kept, status);
    status = cli_outlet_close(&s.dropped, status);
    if (!status) print_report(&s, &report);
    free(in);
    return status;
}
