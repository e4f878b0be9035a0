#include "eval_out.h"
#include "interrupt.h"
#include "options.h"
#include "progress.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lace_eval_options o;
#define ARMS "independent,isolated,exchange,serial,lace,muted,foreign"
static const char *arms, *families = "search", *model, *threads = "4", *temperature = "tuned", *trained_on, *inject;
static struct cli_range difficulty, ambiguity, choices;
static long seed = 1;
static bool json, robustness;
static const char *save;

static void prepare(void)
{
    lace_eval_defaults(&o);
    o.count = 1000;
}

static const struct cli_option options[] = {
    {"Problems", .kind = CLI_SECTION},
    {"data", 'd', CLI_TEXT, &o.data, "FILE",
     "Problems, as lace data make or import writes them; - is stdin. Without it they are made."},
    {"family", 'f', CLI_TEXT, &families, "F,...", "Families of the problems that are made."},
    {"difficulty", 0, CLI_RANGE, &difficulty, "A[:B]",
     "Difficulties of the problems that are made, each a row; by default the hardest that is trained on.", .min = 1,
     .max = 1000},
    {"ambiguity", 0, CLI_RANGE, &ambiguity, "A[:B]",
     "0: one wording; 1: others; 2: also shuffled, with more than is needed; each a row.", .min = 0, .max = 2},
    {"options", 0, CLI_RANGE, &choices, "A[:B]",
     "Options at each stage of `search`, `bill`, `loan`, `toll` and `program`; 8 by default.", .min = 2, .max = 1000},
    {"count", 'n', CLI_INT, &o.count, "N",
     "Problems of each family, spread over its difficulties and ambiguities; 0: all of the file.", .min = 0,
     .max = 1000000},
    {"robustness", 0, CLI_FLAG, &robustness, NULL,
     "Difficulties from the easiest to two beyond what is trained on, and all ambiguities, unless given: the scores."},
    {"trained-on", 0, CLI_TEXT, &trained_on, "FILE,...",
     "Training records: the evaluation refuses problems that are among them."},
    {"inject", 0, CLI_TEXT, &inject, "[KIND=]SHARE",
     "Share of the problems in which one thread is made to write something false, 0 to 1: claim, a find or value that "
     "is none; step, a wrong number in the working; verdict, [[best]] on a wrong answer or [[fail]] on a right one."},
    {"Arms", .kind = CLI_SECTION},
    {"model", 'm', CLI_TEXT, &model, "DIR,...",
     "The model with its lattice; its folders base, isolated, ... are the baselines. Several are training seeds."},
    {"arms", 'a', CLI_TEXT, &arms, "A,B,...",
     "What to compare; isolated=DIR names an arm's own model, lace:aligned another visible set. By default "
     "independent, isolated, exchange, serial, lace, muted and foreign."},
    {"threads", 't', CLI_TEXT, &threads, "N,...", "Reasoning threads, each a row; the first is the headline's."},
    {"rounds", 0, CLI_INT, &o.rounds, "R", "Budget of a thread in rounds, instead of the problem's own.", .min = 0,
     .max = 100000},
    {"budget", 0, CLI_INT, &o.budget, "TOKENS", "Budget of a thread in tokens.", .min = 0, .max = 10000000},
    {"temperature", 'T', CLI_TEXT, &temperature, "X",
     "Of every arm, or lace=X,...: of some. By default each arm's best on a development set."},
    {"development", 0, CLI_INT, &o.development, "N",
     "Problems of each family in that set; none of them is a test problem.", .min = 1, .max = 100000},
    {"development-data", 0, CLI_TEXT, &o.development_data, "FILE",
     "The first of these instead of problems that are made."},
    {"seed", 's', CLI_LONG, &seed, "S", "Of the problems, the threads and the intervals.", .min = 0, .max = 9e15},
    {"workers", 0, CLI_INT, &o.workers, "N", "OS threads; by default all cores.", .min = 0, .max = 1024},
    {"Output", .kind = CLI_SECTION},
    {"json", 'j', CLI_FLAG, &json, NULL, "Everything, as JSON."},
    {"save", 0, CLI_TEXT, &save, "FILE", "Writes the JSON there too, beside what is printed."},
    {"db", 0, CLI_TEXT, &o.db, "FILE", "Adds one row per problem and arm to this SQLite file, as a run."},
    {"html", 0, CLI_TEXT, &o.html, "FILE", "A report with pictures: one page that needs nothing else."},
    {"dump", 0, CLI_TEXT, &o.dump, "FILE", "Writes every thread's text and probabilities, a line a problem."},
    {0},
};

/* One bar for the whole evaluation, tuning included: groups are the problems of all arms. The arm at work stands behind. */
struct display {
    struct cli_progress bar;
    long total;
};

static int show(void *user, const char *what, long done, long total)
{
    struct display *d = user;
    if (!d->total) cli_progress_start(&d->bar, "eval", "groups", total);
    d->bar.total = d->total = total;
    cli_progress_update(&d->bar, done, what);
    return cli_interrupted;
}

/* The parts of a list in a copy of it, NULL-terminated; both are the program's to its end. NULL: it was too long. */
static const char *const *split(const char *text)
{
    char *rest = strdup(text);
    size_t count = 2;
    for (const char *c = text; *c; c++) count += *c == ',';
    const char **list = calloc(count, sizeof *list);
    for (size_t i = 0; list && rest && i + 1 < count; i++) list[i] = strsep(&rest, ",");
    return list;
}

static int read_threads(void)
{
    static int list[32];
    const char *const *texts = split(threads);
    if (!texts) return cli_fail("Out of memory.");
    o.threads = list;
    for (o.thread_count = 0; texts[o.thread_count]; o.thread_count++) {
        char *end;
        long n = strtol(texts[o.thread_count], &end, 10);
        if (*end || end == texts[o.thread_count] || n < 1 || n > 128)
            return cli_misuse("--threads %s is out of range; it takes numbers from 1 to 128, separated by commas.",
                              threads);
        if (o.thread_count == 32) return cli_misuse("--threads takes at most 32 numbers.");
        list[o.thread_count] = (int)n;
    }
    return 0;
}

static int read_temperature(void)
{
    char *end;
    double value = strtod(temperature, &end);
    if (!strcmp(temperature, "tuned")) return 0;
    if (strchr(temperature, '=')) return (o.temperatures = split(temperature)) ? 0 : cli_fail("Out of memory.");
    if (*end || end == temperature || !(value >= 0 && value <= 100))
        return cli_misuse("--temperature %s is out of range; it is from 0 to 100, or lace=X,independent=Y, or tuned.",
                          temperature);
    o.temperature = value;
    return 0;
}

static int read_inject(void)
{
    const char *equals = inject ? strchr(inject, '=') : NULL, *name;
    size_t len = equals ? (size_t)(equals - inject) : 0;
    char *end;
    int kind = LACE_INJECT_CLAIM;
    if (!inject) return 0;
    while (equals && (name = lace_inject_name(kind)) && (strlen(name) != len || strncmp(inject, name, len))) kind++;
    const char *share = equals ? equals + 1 : inject;
    o.inject = strtod(share, &end);
    o.inject_kind = (enum lace_inject)kind;
    if (lace_inject_name(kind) && end != share && !*end && o.inject >= 0 && o.inject <= 1) return 0;
    return cli_misuse("--inject %s is no share from 0 to 1; write claim=0.1, step=1 or verdict=1.", inject);
}

/* What was made to see whether it can be written, and was not. */
static void remove_empty(const char *path)
{
    struct stat st;
    if (!stat(path, &st) && S_ISREG(st.st_mode) && !st.st_size) remove(path);
}

static int run(int count, char **args)
{
    struct lace_eval_result result;
    struct lace_error err;
    struct display display = {{0}, 0};
    (void)count;
    (void)args;
    int status = read_threads();
    if (status || (status = read_temperature()) || (status = read_inject())) return status;
    o.robustness = robustness;
    o.seed = o.knobs.seed = (uint64_t)seed;
    o.knobs.difficulty = (struct lace_interval){difficulty.lo, difficulty.hi};
    o.knobs.ambiguity = (struct lace_interval){ambiguity.lo, ambiguity.hi};
    o.knobs.options = (struct lace_interval){choices.lo, choices.hi};
    o.families = split(families);
    o.arms = split(arms ? arms : ARMS);
    o.models = model ? split(model) : NULL;
    o.trained_on = trained_on ? split(trained_on) : NULL;
    if (!o.families || !o.arms || (model && !o.models) || (trained_on && !o.trained_on))
        return cli_fail("Out of memory.");
    const char *const files[] = {save, o.html};
    bool ours[2] = {false};
    cli_catch_interrupts();
    for (int i = 0; i < 2; i++) { /* better now than after a quarter of an hour */
        ours[i] = files[i] && access(files[i], F_OK);
        FILE *file = files[i] ? fopen(files[i], "a") : NULL;
        if (files[i] && (!file || fclose(file))) return cli_fail("Cannot write %s: %s.", files[i], strerror(errno));
    }
    o.progress = show;
    o.user = &display;
    int code = lace_eval(&o, &result, &err);
    if (display.total) cli_progress_end(&display.bar);
    if (result.sets) { /* also where another file could not be written */
        if (json) cli_eval_json(stdout, &result);
        else cli_eval_table(stdout, &result);
    }
    if (result.sets && save) {
        FILE *file = fopen(save, "w");
        if (file) cli_eval_json(file, &result);
        bool failed = !file || ferror(file);
        if ((file && fclose(file)) || failed) status = cli_fail("Cannot write %s: %s.", save, strerror(errno));
    }
    if (code) status = cli_fail("%s", err.text);
    for (int i = 0; i < 2; i++)
        if (ours[i]) remove_empty(files[i]);
    lace_eval_release(&result);
    return status;
}

const struct cli_command cmd_eval = {
    .name = "eval",
    .summary = "Compare the lattice with strong baselines on held-out problems",
    .usage = "[--data FILE | --family F,... --difficulty A[:B] --count N]\n[--arms A,B,...] [--threads N,...]",
    .description =
        "Every arm gets the same problems, seeds and tokens. independent: the clean model, N threads and a "
        "vote. trained: the same of a model that was trained for longer. isolated: threads that divide "
        "the work by their tags. exchange: no lattice, but every thread gets the others' steps pasted in as "
        "text. serial: one thread with N times the tokens. lace: threads with the lattice, answering by "
        "their own verdict. muted: its gates forced shut. foreign: each thread sees threads of another "
        "problem. docs/evaluation.md defines every figure.",
    .examples = "lace eval --difficulty 4 --count 1000\nlace eval --data test.jsonl --arms independent,lace --threads "
                "8 --json\n"
                "# Over difficulties and numbers of threads, kept for later questions\n"
                "lace eval --difficulty 1:6 --threads 4,1,2,8,16 --db results.sqlite --html report.html\n"
                "# Does a false line of one thread spread?\n"
                "lace eval --arms isolated,lace --inject step=1",
    .options = options,
    .args_min = 0,
    .args_max = 0,
    .prepare = prepare,
    .run = run,
};
