#include "data_ask.h"
#include "data_step.h"
#include <stdio.h>
#include <string.h>

struct lace_ask_options cli_ask;
long cli_ask_seed = 1, cli_ask_reply_kib = 4096;

void cli_ask_prepare(void)
{
    lace_ask_defaults(&cli_ask);
    cli_ask.tokens = 0;
}

void cli_ask_prepare_exact(void)
{
    cli_ask_prepare();
    cli_ask.temperature = 0;
}

int cli_ask_read(struct lace_ask_options *out, bool needed)
{
    static char journal[4096];
    if (cli_ask.model && cli_ask.teacher)
        return cli_misuse("--model and --teacher exclude each other; give one of them.");
    if (needed && !cli_ask.model && !cli_ask.teacher)
        return cli_misuse("The step asks somebody: give --model DIR (\"\" is the shipped one) or --teacher URL.");
    if (cli_ask.teacher && !cli_ask.model_name)
        return cli_misuse("--teacher needs the name of its model: --model-name NAME.");
    *out = cli_ask;
    out->seed = (uint64_t)cli_ask_seed;
    out->reply_bytes = (size_t)cli_ask_reply_kib << 10;
    out->keep_journal = cli_ask.journal != NULL;
    if (!cli_ask.journal && cli_step.out) {
        if ((size_t)snprintf(journal, sizeof journal, "%s.asked", cli_step.out) >= sizeof journal)
            return cli_misuse("The name of the output file is too long.");
        out->journal = journal;
    }
    return 0;
}
