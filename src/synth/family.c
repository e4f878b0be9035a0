/* The table of families, and what they all need: knobs, random streams, the split. */
#include "decode/format.h"
#include "synth/work.h"
#include <string.h>

static const struct lace_family *const families[] = {
    &lace_family_search,  &lace_family_chain,   &lace_family_countdown, &lace_family_knights, &lace_family_path,
    &lace_family_product, &lace_family_program, &lace_family_fare,      &lace_family_bill,    &lace_family_tab,
    &lace_family_loan,    &lace_family_levy,    &lace_family_toll,
};

const char *const lace_policy_names[] = {"shared", "tagged", "alone", NULL};
const char *const lace_falsehood_names[] = {"", "flip", "forge", "miss", NULL};
int lace_family_count(void) { return (int)(sizeof families / sizeof *families); }

const struct lace_family *lace_family_at(int i) { return i >= 0 && i < lace_family_count() ? families[i] : NULL; }

const struct lace_family *lace_family_find(const char *name, struct lace_error *err)
{
    for (int i = 0; i < lace_family_count(); i++)
        if (!strcmp(families[i]->name, name)) return families[i];
    lace_fail(err, LACE_BAD, "There is no problem family '%s'; `lace data families` lists them.", name);
    return NULL;
}

int lace_family_grade(const struct lace_record *p, const char *answer)
{
    const struct lace_family *family = lace_family_find(p->task, NULL);
    bool right = family ? lace_family_check(family, p->prompt, answer, NULL) == 1
                        : p->answer && lace_format_same(answer, p->answer);
    return right ? 1 : lace_format_possible(answer, p->answer) ? 0 : -1;
}

const char *lace_family_result(const struct lace_family *family, int result)
{
    return result == LACE_STEP_NONE ? "not a step" : family->errors[result];
}

const char *lace_family_strategy(const struct lace_family *family, int strategy)
{
    return strategy ? family->strategies[strategy - 1] : "default";
}

int lace_data_strategy(const char *name, const char *strategy, int *out, struct lace_error *err)
{
    const struct lace_family *family = lace_family_find(name, err);
    if (!family) return LACE_BAD;
    struct lace_text known;
    lace_text_init(&known);
    for (*out = 0; *out == 0 || family->strategies[*out - 1]; ++*out) {
        if (!strcmp(lace_family_strategy(family, *out), strategy)) {
            lace_text_release(&known);
            return 0;
        }
        lace_text_print(&known, *out ? ", %s" : "%s", lace_family_strategy(family, *out));
    }
    int code = lace_fail(err, LACE_BAD, "The family %s has no strategy '%.40s'; its strategies are %s.", name, strategy,
                         known.data ? known.data : "many");
    lace_text_release(&known);
    *out = 0;
    return code;
}

void lace_data_knobs_defaults(struct lace_data_knobs *knobs)
{
    *knobs = (struct lace_data_knobs){
        .difficulty = {4, 4},
        .threads = {4, 4},
        .weights = {0, 1, 1, 1},
    };
}

static int check_range(const char *name, struct lace_interval range, int low, int high, struct lace_error *err)
{
    if (range.low >= low && range.low <= range.high && range.high <= high) return 0;
    return lace_fail(err, LACE_BAD, "The range %s is %d:%d; it must lie within %d:%d.", name, range.low, range.high,
                     low, high);
}

int lace_family_astray(const struct lace_data_knobs *knobs, int threads, struct lace_rng *rng)
{
    if (!(knobs->astray > 0) || knobs->policy != LACE_POLICY_SHARED || threads < 3) return 0;
    if (!(lace_rng_uniform(rng) < knobs->astray)) return 0;
    return 1 + (int)lace_rng_below(rng, (uint32_t)(threads - 1) / 2);
}

int lace_family_check_knobs(const struct lace_family *family, const struct lace_data_knobs *knobs,
                            struct lace_error *err)
{
    int code = check_range("difficulty", knobs->difficulty, family->easiest, family->hardest, err);
    if (!code) code = check_range("threads", knobs->threads, 1, LACE_DATA_THREADS, err);
    if (!code) code = check_range("ambiguity", knobs->ambiguity, 0, LACE_DATA_AMBIGUITY, err);
    if (code) return code;
    if (knobs->budget < 0 || knobs->budget > LACE_DATA_ROUNDS)
        return lace_fail(err, LACE_BAD, "The budget is %d rounds; it must lie within 0:%d.", knobs->budget,
                         LACE_DATA_ROUNDS);
    if (!(knobs->corrupt >= 0 && knobs->corrupt <= 1))
        return lace_fail(err, LACE_BAD, "The share of falsified records is %g; it must lie within 0:1.",
                         knobs->corrupt);
    if (!(knobs->astray >= 0 && knobs->astray <= 1))
        return lace_fail(err, LACE_BAD, "The share of records with threads led astray is %g; it must lie within 0:1.",
                         knobs->astray);
    if (!(knobs->collide >= 0 && knobs->collide <= 1))
        return lace_fail(err, LACE_BAD, "The share of records with threads that collide is %g; it must lie within 0:1.",
                         knobs->collide);
    for (int i = 0; i < knobs->strategy; i++)
        if (!family->strategies[i])
            return lace_fail(err, LACE_BAD, "The family %s has %d strategies; there is no number %d.", family->name, i,
                             knobs->strategy);
    if (knobs->strategy < 0) return lace_fail(err, LACE_BAD, "The strategy is %d; 0 is the least.", knobs->strategy);
    if (!family->uses_options && (knobs->options.low || knobs->options.high))
        return lace_fail(err, LACE_BAD, "Problems of the family %s have no options; leave the knob out.", family->name);
    if (!family->uses_moduli && knobs->modulus_count)
        return lace_fail(err, LACE_BAD, "Problems of the family %s have no modulus; leave the knob out.", family->name);
    if (knobs->modulus_count < 0 || knobs->modulus_count > (int)(sizeof knobs->moduli / sizeof *knobs->moduli))
        return lace_fail(err, LACE_BAD, "The number of moduli is %d; up to 8 fit.", knobs->modulus_count);
    for (int i = 1; i < 4; i++)
        if (!(knobs->weights[i] >= 0 && knobs->weights[i] <= 1e6))
            return lace_fail(err, LACE_BAD, "The weight of '%s' is %g; it must lie within 0:1000000.",
                             lace_falsehood_names[i], knobs->weights[i]);
    return 0;
}

int lace_family_make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index,
                     struct lace_record *out, struct lace_error *err)
{
    *out = (struct lace_record){0};
    int code = lace_family_check_knobs(family, knobs, err);
    return code ? code : lace_work_make(family, knobs, index, out, err);
}

int lace_family_drafts(const struct lace_family *family, struct lace_record *record, int threads, struct lace_rng *rng,
                       struct lace_error *err)
{
    struct lace_record all = {0}, one = {.prompt = record->prompt, .difficulty = record->difficulty};
    int strategies = 0, code = 0;
    while (family->strategies[strategies]) strategies++;
    all.threads = calloc((size_t)threads + 1, sizeof *all.threads);
    if (!all.threads) return lace_fail(err, LACE_MEMORY, "Out of memory: %d drafts.", threads);
    for (int n = 0; n < threads && !code; n++) {
        /* Once all are used, those that remain go in an order of their own (the last strategy is "random"). */
        struct lace_family_plan plan = {LACE_POLICY_ALONE, n < strategies ? n + 1 : strategies, 1, NULL, NULL, 0};
        code = lace_family_write(family, &one, &plan, rng, err);
        if (code) break;
        one.threads[0].verdict = LACE_VERDICT_NONE; /* nobody has compared them yet */
        all.threads[all.thread_count++] = one.threads[0];
        free(one.threads); /* its thread has moved */
        one.threads = NULL;
        one.thread_count = 0;
    }
    if (!code) {
        all.meta = record->meta ? json_deep_copy(record->meta) : json_object();
        static const char *const gone[] = {"corrupted", "slips", "interactions"}, *const taken[] = {"policy", "budget",
                                                                                                    "rounds"};
        for (int i = 0; i < 3; i++) json_object_del(all.meta, gone[i]);
        for (int i = 0; i < 3; i++) json_object_set(all.meta, taken[i], json_object_get(one.meta, taken[i]));
        if (!all.meta) code = lace_fail(err, LACE_MEMORY, "Out of memory while drafts are written.");
        else lace_record_swap_threads(record, &all);
    }
    lace_record_release(&all);
    one.prompt = NULL; /* the record's */
    lace_record_release(&one);
    return code;
}

void lace_family_rng(struct lace_rng *rng, const struct lace_data_knobs *knobs, uint64_t index)
{
    /* Streams of PCG with one seed and neighbouring numbers run in parallel (their states differ by
     * a constant at each step), so the index is mixed into the seed too: splitmix64's finaliser. */
    uint64_t mixed = index * 2 + (knobs->split == LACE_SPLIT_TEST) + 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    lace_rng_init(rng, knobs->seed ^ mixed ^ mixed >> 31, index);
}

int lace_family_draw(struct lace_rng *rng, struct lace_interval range)
{
    return range.low + (int)lace_rng_below(rng, (uint32_t)(range.high - range.low) + 1);
}

enum lace_split lace_family_side_of(const uint8_t *numbers, size_t count)
{
    /* The low bits of FNV-1a see only the low bits of the input; folding brings the others in. */
    uint64_t hash = lace_hash(numbers, count);
    hash ^= hash >> 32;
    hash ^= hash >> 16;
    return hash % 16 == 0 ? LACE_SPLIT_TEST : LACE_SPLIT_TRAIN;
}
