#include "run_options.h"
#include <string.h>

struct cli_run_options cli_run = {
    .top_k = -1, .seed = 1, .temperature = -1, .top_p = -1, .min_p = -1, .pick = "verdict"};

void cli_run_take(const struct lace_engine *engine, bool chat, struct lace_run_options *o)
{
    static const char *stops[CLI_LIST_MAX + 1]; /* ended by NULL */
    struct lace_engine_info info;
    lace_run_defaults(engine, o);
    lace_engine_info(engine, &info);
    o->chat = chat;
    o->seed = (uint64_t)cli_run.seed;
    if (chat && !strcmp(info.lattice, "none")) o->threads = 1;
    if (cli_run.threads > 0) o->threads = cli_run.threads;
    if (cli_run.temperature >= 0) o->sampling.temperature = cli_run.temperature;
    if (cli_run.top_k >= 0) o->sampling.top_k = cli_run.top_k;
    if (cli_run.top_p >= 0) o->sampling.top_p = cli_run.top_p;
    if (cli_run.min_p >= 0) o->sampling.min_p = cli_run.min_p;
    if (cli_run.budget) o->budget = cli_run.budget;
    o->barrier = !cli_run.no_barrier;
    o->pick = (enum lace_pick_by)cli_choice_index("verdict|vote|logprob", cli_run.pick);
    memcpy(stops, cli_run.stops.item, sizeof *stops * (size_t)cli_run.stops.count);
    if (cli_run.stops.count) o->stops = stops;
}
