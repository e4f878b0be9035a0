/* lace data: makes and looks at records. stdout carries records, tables or JSON and nothing else. */
#include "data_ask.h"
#include "data_step.h"
#include "interrupt.h"
#include "options.h"
#include "outlet.h"
#include "progress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *family = "search", *out, *split = "train", *policy = "shared", *strategy = "default", *moduli;
static struct cli_range difficulty, option_count, threads = {4, 4}, ambiguity, rounds;
static long count = 1000, first, seed, shown = 3, problems = 10000;
static int budget, width;
static double corrupt, flip = 1, forge = 1, miss = 1, astray, collide;
static bool json;

#define PROBLEMS                                                                                                        \
    {"family", 'f', CLI_TEXT, &family, "NAME", "The problem family; `lace data families` lists them."},                 \
        {"options", 0,                                                                                                  \
         CLI_RANGE, &option_count,                                                                                      \
         "A[:B]",                                                                                                       \
         "`search`, `bill`, `loan`, `toll`: each unknown is from 1 to this; `program`: steps to choose from. "          \
         "8 by default.",                                                                                               \
         .min = 2,  .max = 96},                                                                                         \
        {"moduli", 0,       CLI_TEXT,                                                                                   \
         &moduli,  "P,...", "Primes from which the modulus is drawn, for families that have one; `search`: 11,13."},    \
        {"seed", 's', CLI_LONG, &seed, "S", "The same seed makes the same problems.", .min = 0, .max = 9e15},           \
    {                                                                                                                   \
        "split", 0, CLI_CHOICE, &split, NULL, "The side of the split.", .choices = "train|test"                         \
    }

#define ERRORS                                                                                                         \
    {"corrupt", 0,       CLI_REAL, &corrupt, "SHARE", "Share of records (of the shared policy) with falsified steps.", \
     .min = 0,  .max = 1},                                                                                             \
        {"flip", 0, CLI_REAL, &flip, "W", "Weight of flipped verdicts among the falsehoods.", .min = 0, .max = 1e6},   \
        {"forge", 0, CLI_REAL, &forge, "W", "Weight of forged finds.", .min = 0, .max = 1e6},                          \
    {                                                                                                                  \
        "miss", 0, CLI_REAL, &miss, "W", "Weight of missed finds.", .min = 0, .max = 1e6                               \
    }

static const struct cli_option make_options[] = {
    {"Problems", .kind = CLI_SECTION},
    PROBLEMS,
    {"difficulty", 'd', CLI_RANGE, &difficulty, "A[:B]", "The family's difficulty; what it is trained on by default.",
     .min = 1, .max = 1000},
    {"ambiguity", 0, CLI_RANGE, &ambiguity, "A[:B]", "0: one wording; 1: others; 2: also shuffled, with a distraction.",
     .min = 0, .max = 2},
    {"count", 'c', CLI_LONG, &count, "N", "How many records.", .min = 1, .max = 9e15},
    {"first", 0, CLI_LONG, &first, "I", "The first record's number, to go on where another call ended.", .min = 0,
     .max = 9e15},
    {"Threads", .kind = CLI_SECTION},
    {"threads", 'n', CLI_RANGE, &threads, "A[:B]", "Reasoning threads.", .min = 1, .max = 64},
    {"policy", 0, CLI_CHOICE, &policy, NULL, "How the threads work together.", .choices = "shared|tagged|alone"},
    {"strategy", 0, CLI_TEXT, &strategy, "NAME",
     "The order of a thread's work; `lace data families` lists each family's."},
    {"budget", 0, CLI_INT, &budget, "R", "Rounds of a thread; 0: enough for 97 % of the problems.", .min = 0,
     .max = 4096},
    ERRORS,
    {"astray", 0, CLI_REAL, &astray, "SHARE",
     "Share of records in which some threads, fewer than half, end with a false line and the wrong answer.", .min = 0,
     .max = 1},
    {"collide", 0, CLI_REAL, &collide, "SHARE",
     "Share of records (not of search) in which threads often write what another writes in the same round.", .min = 0,
     .max = 1},
    {"Output", .kind = CLI_SECTION},
    {"out", 'o', CLI_TEXT, &out, "FILE", "Where to write; stdout by default. The file appears when it is complete."},
    {0},
};
static const struct cli_option json_options[] = {
    {"json", 'j', CLI_FLAG, &json, NULL, "JSON instead of a table."},
    {0},
};
static const struct cli_option show_options[] = {
    {"first", 0, CLI_LONG, &first, "I", "The first record to show, counted from 0.", .min = 0, .max = 9e15},
    {"count", 'c', CLI_LONG, &shown, "N", "How many; 0: all.", .min = 0, .max = 9e15},
    {"width", 'w', CLI_INT, &width, "N", "Columns; 0: the terminal's.", .min = 0, .max = 100000},
    {0},
};
static const struct cli_option ceiling_options[] = {
    PROBLEMS,
    {"difficulty", 'd', CLI_RANGE, &difficulty, "A[:B]", "The family's difficulty; the hardest trained on by default.",
     .min = 1, .max = 1000},
    {"threads", 'n', CLI_RANGE, &threads, "N", "Reasoning threads.", .min = 1, .max = 64},
    {"strategy", 0, CLI_TEXT, &strategy, "NAME", "The order of the sharing threads' work."},
    {"problems", 'c', CLI_LONG, &problems, "N", "How many problems.", .min = 1, .max = 1e9},
    {"rounds", 'r', CLI_RANGE, &rounds, "A[:B]", "The rounds to print; by default what tells the policies apart.",
     .min = 1, .max = 1024},
    ERRORS,
    {"json", 'j', CLI_FLAG, &json, NULL, "One JSON object a line."},
    {0},
};

static struct lace_interval interval(struct cli_range range) { return (struct lace_interval){range.lo, range.hi}; }

/* The options as knobs; 0 or an exit status. */
static int read_knobs(struct lace_data_knobs *knobs)
{
    lace_data_knobs_defaults(knobs);
    struct lace_error err;
    struct lace_data_family info;
    for (int i = 0; !lace_data_family(i, &info); i++)
        if (!strcmp(info.name, family)) knobs->difficulty = info.trained;
    if (difficulty.lo || difficulty.hi) knobs->difficulty = interval(difficulty);
    knobs->options = interval(option_count);
    knobs->threads = interval(threads);
    knobs->ambiguity = interval(ambiguity);
    knobs->policy = (enum lace_policy)cli_choice_index("shared|tagged|alone", policy);
    if (lace_data_strategy(family, strategy, &knobs->strategy, &err)) return cli_misuse("%s", err.text);
    knobs->budget = budget;
    knobs->corrupt = corrupt;
    knobs->astray = astray;
    knobs->collide = collide;
    knobs->weights[LACE_FALSE_FLIP] = flip;
    knobs->weights[LACE_FALSE_FORGE] = forge;
    knobs->weights[LACE_FALSE_MISS] = miss;
    knobs->seed = (uint64_t)seed;
    knobs->split = strcmp(split, "test") ? LACE_SPLIT_TRAIN : LACE_SPLIT_TEST;
    for (const char *at = moduli; at; at++) {
        char *end;
        long p = strtol(at, &end, 10);
        if (end == at || *at == ' ' || p < 2 || p > 97 || (*end && *end != ',') || knobs->modulus_count == 8)
            return cli_misuse("--moduli takes up to 8 primes of at most 97, separated by commas, not '%s'.", moduli);
        knobs->moduli[knobs->modulus_count++] = (int)p;
        at = end;
        if (!*at) return 0;
    }
    return 0;
}

struct sink {
    struct cli_outlet outlet;
    struct cli_progress progress;
    long done;
    bool counts;
};

static int put(void *user, const char *bytes, size_t len)
{
    struct sink *sink = user;
    cli_outlet_write(&sink->outlet, bytes, len);
    if (sink->counts && !sink->outlet.failed && ++sink->done % 256 == 0)
        cli_progress_update(&sink->progress, sink->done, NULL);
    return sink->outlet.failed || cli_interrupted;
}

static int run_make(int argc, char **argv)
{
    struct lace_data_knobs knobs;
    struct lace_error err;
    struct sink sink = {.outlet.file = stdout, .counts = true};
    int status = read_knobs(&knobs);
    if (!status && out) status = cli_outlet_open(&sink.outlet, out);
    if (status) return status;
    cli_progress_start(&sink.progress, "data", "records", count);
    cli_catch_interrupts(); /* so that the unfinished file goes, too */
    int code = lace_data_make(family, &knobs, (uint64_t)first, (uint64_t)count, put, &sink, &err);
    cli_progress_end(&sink.progress);
    if (code) status = sink.outlet.failed ? cli_outlet_complain(&sink.outlet) : cli_fail("%s", err.text);
    return cli_outlet_close(&sink.outlet, status);
}

static int run_families(int argc, char **argv)
{
    struct lace_data_family f;
    if (json) putchar('[');
    else printf("%-12s %-10s %-8s %s\n", "family", "difficulty", "trained", "summary");
    for (int i = 0; !lace_data_family(i, &f); i++) {
        if (json)
            printf("%s{\"name\": \"%s\", \"difficulty\": [%d, %d], \"trained\": [%d, %d], "
                   "\"evaluation_only\": %s, \"summary\": \"%s\", \"strategies\": [",
                   i ? ",\n " : "", f.name, f.difficulty.low, f.difficulty.high, f.trained.low, f.trained.high,
                   f.evaluation_only ? "true" : "false", f.summary);
        else if (f.evaluation_only)
            printf("%-12s %2d to %-4d %-8s %s", f.name, f.difficulty.low, f.difficulty.high, "never", f.summary);
        else
            printf("%-12s %2d to %-4d %2d to %-2d %s", f.name, f.difficulty.low, f.difficulty.high, f.trained.low,
                   f.trained.high, f.summary);
        for (int s = 0; f.strategies[s]; s++)
            printf(json ? "%s\"%s\"" : "%s%s", s ? ", " : json ? "" : "; strategies ", f.strategies[s]);
        fputs(json ? "]}" : "\n", stdout);
    }
    if (json) puts("]");
    return 0;
}

static int run_show(int argc, char **argv)
{
    struct lace_error err;
    struct winsize size;
    struct sink sink = {.outlet.file = stdout};
    bool terminal = isatty(STDOUT_FILENO), colour = terminal && !getenv("NO_COLOR");
    if (!width)
        width =
            terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 190; /* four threads */
    int code = lace_data_show(argv[0], (uint64_t)first, (uint64_t)shown, width, colour, put, &sink, &err);
    if (sink.outlet.failed) return cli_outlet_complain(&sink.outlet);
    return code ? cli_fail("%s", err.text) : 0;
}

static void print_estimate(const char *name, struct lace_estimate e)
{
    if (json) printf(", \"%s\": {\"share\": %.6g, \"ci\": [%.6g, %.6g]}", name, e.value, e.low, e.high);
    else printf("  %5.1f [%5.1f, %5.1f]", 100 * e.value, 100 * e.low, 100 * e.high);
}

static int print_row(void *user, const struct lace_ceiling_row *row)
{
    printf(json ? "{\"rounds\": %d" : "%6d", row->rounds);
    print_estimate("shared", row->shared);
    print_estimate("tagged", row->tagged);
    print_estimate("independent", row->alone);
    print_estimate("serial", row->serial);
    puts(json ? "}" : "");
    return 0;
}

static int run_ceiling(int argc, char **argv)
{
    struct lace_data_knobs knobs;
    struct lace_error err;
    int status = read_knobs(&knobs);
    if (status) return status;
    if (!difficulty.lo) knobs.difficulty.low = knobs.difficulty.high; /* the hardest that is trained */
    if (!json)
        printf("%6s  %-20s  %-20s  %-20s  %-20s\n", "rounds", "shared", "tagged", "independent", "serial, N x rounds");
    int code = lace_data_ceiling(family, &knobs, (uint64_t)problems, interval(rounds), print_row, NULL, &err);
    return code ? cli_fail("%s", err.text) : 0;
}

static const struct cli_command commands[] = {
    {.name = "make",
     .summary = "Make records of a problem family",
     .usage = "[OPTION...]",
     .examples = "lace data make --difficulty 1:4 --count 100000 --seed 1 --split train -o train.jsonl\n"
                 "lace data make --difficulty 4 --threads 2:8 --corrupt 0.5 --count 5 | lace data show -",
     .options = make_options,
     .run = run_make},
    {.name = "families",
     .summary = "List the problem families",
     .usage = "[--json]",
     .options = json_options,
     .run = run_families},
    {.name = "show",
     .summary = "Print records with their threads side by side",
     .usage = "[OPTION...] FILE",
     .description =
         "FILE `-` is stdin. In colour: finds green, what came from another thread blue, falsified steps red.",
     .options = show_options,
     .args_min = 1,
     .args_max = 1,
     .run = run_show},
    {.name = "import",
     .summary = "Turn problems of other data sets into records",
     .usage = "[OPTION...] [FILE...]",
     .description =
         "Reads JSON, a problem a line (or one list, or one object). gsm8k: question, answer with ####; math: "
         "problem, solution with \\boxed; dapo: prompt as messages, reward_model.ground_truth; aime: Problem, "
         "Answer; plain: prompt, answer; record: our own, checked. Answers lose what never changes their value: "
         "signs of money, separators of thousands, math delimiters, a closing full stop.",
     .examples = "lace data import gsm8k/train.jsonl -o gsm8k.jsonl --dropped bad.jsonl\n"
                 "lace data import --format math MATH/train/algebra/*.json -o math.jsonl",
     .options = cli_import_options,
     .args_max = -1,
     .run = cli_import_run},
    {.name = "filter",
     .summary = "Keep problems that a model solves sometimes, not always",
     .usage = "--model DIR|--teacher URL [OPTION...] [FILE...]",
     .description =
         "Samples each problem, judges the answers, and keeps pass rates in (0, 0.5]. meta.pass_rate has the "
         "rate. Stopped and run again, it asks nothing twice.",
     .examples = "lace data filter --model models/lace-search --samples 8 all.jsonl -o hard.jsonl\n"
                 "lace data filter --teacher http://127.0.0.1:8000/v1 --model-name qwen3 all.jsonl -o hard.jsonl",
     .options = cli_filter_options,
     .args_max = -1,
     .prepare = cli_ask_prepare,
     .run = cli_filter_run},
    {.name = "solve",
     .summary = "Solve each problem in several different ways",
     .usage = "[--model DIR|--teacher URL] [OPTION...] [FILE...]",
     .description =
         "Writes drafts that know nothing of each other but which ways are used up: those are in the prompt of the "
         "next one. Without a model or a teacher, problems of our own families are solved exactly, each thread "
         "by a strategy not used yet. Models made here know problems and no instructions: their drafts differ "
         "by their samples.",
     .examples = "lace data solve --threads 4 hard.jsonl -o drafts.jsonl\n"
                 "lace data solve --teacher https://api.example.com/v1 --model-name big --api-key-env KEY --parallel 8 "
                 "hard.jsonl -o drafts.jsonl",
     .options = cli_solve_options,
     .args_max = -1,
     .prepare = cli_ask_prepare,
     .run = cli_solve_run},
    {.name = "dedupe",
     .summary = "Drop near duplicates, and what a test set holds",
     .usage = "[OPTION...] [FILE...]",
     .description =
         "Two problems are as alike as their sets of three words in a row: shared ones over all (case, width "
         "and spacing ignored). The first of near duplicates stays. Problems of our own families, which differ "
         "by numbers only, go where they are equal.",
     .examples = "lace data dedupe gsm8k.jsonl --against test.jsonl -o clean.jsonl",
     .options = cli_dedupe_options,
     .args_max = -1,
     .run = cli_dedupe_run},
    {.name = "steps",
     .summary = "Cut threads into steps and drop what is too long",
     .usage = "[OPTION...] [FILE...]",
     .description =
         "A line is a step; a longer one is cut where sentences end, never inside a formula or a block of code. "
         "With a model or a teacher each solution is first compressed into short steps; what loses its answer on "
         "the way is not taken.",
     .examples = "lace data steps --step-tokens 64 drafts.jsonl -o steps.jsonl",
     .options = cli_steps_options,
     .args_max = -1,
     .prepare = cli_ask_prepare_exact,
     .run = cli_steps_run},
    {.name = "weave",
     .summary = "Turn drafts into threads that read each other",
     .usage = "[OPTION...] [FILE...]",
     .description =
         "Wrong steps are corrected by what another wrote, work that another has done is left out, dead ends are "
         "announced and avoided, results rechecked; meta.interactions has [thread, step, kind, from]. Wrong steps "
         "are a model's own where there are any: of its samples (--model, --teacher) and of drafts. They are "
         "marked in meta.corrupted, and not learned.",
     .examples = "lace data weave --model models/lace-search drafts.jsonl -o woven.jsonl",
     .options = cli_weave_options,
     .args_max = -1,
     .prepare = cli_ask_prepare,
     .run = cli_weave_run},
    {.name = "label",
     .summary = "Compare the threads of each record: best, success, fail",
     .usage = "[OPTION...] [FILE...]",
     .description =
         "The record's answer decides who is right. The best is the right thread with the fewest errors, then "
         "steps, or the one that a judge chooses (a model or a teacher); a judge who chooses a wrong thread is "
         "overruled.",
     .examples = "lace data label --need-right woven.jsonl -o train.jsonl",
     .options = cli_label_options,
     .args_max = -1,
     .prepare = cli_ask_prepare_exact,
     .run = cli_label_run},
    {.name = "pipeline",
     .summary = "Run the steps of a YAML file in their order",
     .usage = "--config FILE [OPTION...]",
     .description =
         "Each entry of steps: names a step and its options. Results lie in the folder work:, the last one in out:; "
         "what is there and still fits is not made again, and a step that was stopped goes on.",
     .examples = "lace data pipeline --config recipes/pipeline.yaml\n"
                 "lace data pipeline --config recipes/pipeline.yaml --set steps.0.count=100 --dry-run",
     .options = cli_pipeline_options,
     .run = cli_pipeline_run},
    {.name = "stats",
     .summary = "Count what a file of records holds, and how different its threads are",
     .usage = "[OPTION...] FILE",
     .description =
         "Distances are means over the pairs of threads of a problem, beside the paper's (0.77 and 0.12): edit "
         "distance in words as a share of the longer thread, and 1 minus the cosine of the threads' embeddings "
         "(mean hidden states of --model, else hashed words and pairs of words).",
     .examples = "lace data stats train.jsonl --model models/lace-search --plot train.svg",
     .options = cli_stats_options,
     .args_min = 1,
     .args_max = 1,
     .run = cli_stats_run},
    {.name = "ceiling",
     .summary = "Measure what each policy solves within so many rounds, without a model",
     .usage = "[OPTION...]",
     .description =
         "The share of problems that some thread solves, in per cent with its 95 % interval. shared: every thread "
         "knows what all wrote before; tagged: each by itself, the options divided; independent: each by itself, in "
         "a random order; serial: one thread with the rounds of all.",
     .examples = "lace data ceiling --difficulty 4 --threads 4",
     .options = ceiling_options,
     .run = run_ceiling},
    {0},
};

const struct cli_command cmd_data = {
    .name = "data",
    .summary = "Make, show and count training data",
    .commands = commands,
};
