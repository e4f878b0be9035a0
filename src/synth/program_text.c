/* Problems and lines of the family `program` as text. One table of wordings drives both the writer and the reader, so
 * neither can know one more. */
#include "synth/program.h"
#include "synth/scan.h"
#include <string.h>

/* $o: the operations; $e: the examples. */
static const char *const wordings[] = {
    "Steps: $o. Find the program: $e.",
    "Examples: $e. Which program has these steps: $o?",
    "Examples: $e. Steps: $o. Give the program.",
    "What is the program? Examples: $e. Steps: $o.",
};
enum { WORDINGS = sizeof wordings / sizeof *wordings };

/* ---- drawing ---- */

static struct lace_list draw_list(struct lace_rng *rng)
{
    struct lace_list list = {(uint8_t)(lace_rng_below(rng, 3) ? 3 : 4), {0}};
    for (int i = 0; i < list.count; i++) list.item[i] = (uint8_t)lace_rng_below(rng, 10);
    return list;
}

/* The one option that turns `in` into `out`; -1: there are none or several. */
static int only_fit(const struct lace_program *p, struct lace_list in, const struct lace_list *out)
{
    int fit = -1;
    for (int i = 0; i < p->options; i++) {
        struct lace_list made = lace_operation_apply(p->option[i], in);
        if (!lace_list_equal(&made, out)) continue;
        if (fit >= 0) return -1;
        fit = p->option[i];
    }
    return fit;
}

static struct lace_list run_steps(const struct lace_program *p, struct lace_list list, int steps)
{
    for (int i = 0; i < steps; i++) list = lace_operation_apply(p->solution[i], list);
    return list;
}

/* An example of `steps` steps, the last of which may still be open; false where the input does not tell. */
static bool draw_example(struct lace_program *p, int steps, int at, bool open, struct lace_rng *rng)
{
    struct lace_program_example *e = &p->example[at];
    *e = (struct lace_program_example){.steps = steps, .in = draw_list(rng)};
    struct lace_list list = run_steps(p, e->in, steps - 1); /* not empty: of nothing all operations make nothing */
    int operation = open ? p->option[lace_rng_below(rng, (uint32_t)p->options)] : p->solution[steps - 1];
    for (int i = 0; i < list.count; i++)
        if (list.item[i] > 49) return false; /* nothing wraps in a true line */
    e->out = lace_operation_apply((enum lace_operation)operation, list);
    p->solution[steps - 1] = (uint8_t)operation;
    if (!list.count || !e->out.count || only_fit(p, list, &e->out) != operation) return false;
    for (int i = 0; i < at; i++) /* lines name an example by its output */
        if (lace_list_equal(&p->example[i].out, &e->out)) return false;
    return true;
}

int lace_program_draw(struct lace_program *p, const struct lace_data_knobs *knobs, struct lace_rng *rng,
                      struct lace_error *err)
{
    struct lace_interval options = knobs->options;
    if (!options.low && !options.high)
        options = (struct lace_interval){PROGRAM_DEFAULT_OPTIONS, PROGRAM_DEFAULT_OPTIONS};
    if (options.low < 2 || options.low > options.high || options.high > PROGRAM_OPERATIONS)
        return lace_fail(err, LACE_BAD, "The range options is %d:%d; it must lie within 2:%d.", options.low,
                         options.high, PROGRAM_OPERATIONS);
    memset(p, 0, sizeof *p);
    p->steps = lace_family_draw(rng, knobs->difficulty);
    int count = lace_family_draw(rng, options);
    for (int tries = 0; tries < 10000; tries++) {
        p->options = p->examples = 0;
        for (int i = 0, left = count; i < PROGRAM_OPERATIONS; i++) /* each subset is equally likely, in order */
            if ((int)lace_rng_below(rng, (uint32_t)(PROGRAM_OPERATIONS - i)) < left)
                p->option[p->options++] = (uint8_t)i, left--;
        for (int misses = 0; p->examples < p->steps && misses < 20; misses++)
            if (draw_example(p, p->examples + 1, p->examples, true, rng)) p->examples++, misses = 0;
        if (p->examples == p->steps) return 0;
    }
    return lace_fail(err, LACE_BAD, "Found no program of %d steps and %d options; try more options.", p->steps, count);
}

/* ---- writing ---- */

static char *put_list(char *at, const struct lace_list *list)
{
    if (!list->count) return lace_put_text(at, "none");
    for (int i = 0; i < list->count; i++) {
        if (i) *at++ = ' ';
        at = lace_put_number(at, list->item[i]);
    }
    return at;
}

static char *put_options(char *at, const uint8_t *option, int count)
{
    for (int i = 0; i < count; i++) {
        if (i) at = lace_put_text(at, ", ");
        at = lace_put_text(at, lace_operation_names[option[i]]);
    }
    return at;
}

static char *put_examples(char *at, const struct lace_program_example *list, int count)
{
    for (int i = 0; i < count; i++) {
        if (i) at = lace_put_text(at, ", ");
        at = lace_put_text(lace_put_number(at, list[i].steps), ": ");
        at = put_list(lace_put_text(put_list(at, &list[i].in), " to "), &list[i].out);
    }
    return at;
}

void lace_program_prompt(const struct lace_program *p, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    struct lace_program all = *p;
    int wording = 0;
    if (ambiguity == 1) wording = 1 + (int)lace_rng_below(rng, WORDINGS - 1);
    if (ambiguity == 2) { /* another example of the same, anywhere */
        wording = (int)lace_rng_below(rng, WORDINGS);
        bool more = false;
        for (int tries = 0; tries < 20 && !more; tries++)
            more = draw_example(&all, 1 + (int)lace_rng_below(rng, (uint32_t)all.steps), all.examples, false, rng);
        struct lace_program_example extra = all.example[all.examples];
        all.examples += more;
        for (int i = all.examples - 1; i > 0; i--) {
            int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
            struct lace_program_example t = all.example[i];
            all.example[i] = all.example[j];
            all.example[j] = t;
        }
        /* The problem is made of the first example of each number of steps: the new one must not come before. */
        for (int i = 0, late = -1; more && i < all.examples; i++) {
            struct lace_program_example *e = &all.example[i], *twin = &all.example[late < 0 ? i : late];
            if (e->steps != extra.steps) continue;
            if (late < 0) late = i;
            else if (lace_list_equal(&twin->out, &extra.out)) {
                *twin = *e;
                *e = extra;
            }
        }
        for (int i = all.options - 1; i > 0; i--) {
            int j = (int)lace_rng_below(rng, (uint32_t)i + 1);
            uint8_t t = all.option[i];
            all.option[i] = all.option[j];
            all.option[j] = t;
        }
    }
    char text[1024], *at = text;
    for (const char *w = wordings[wording]; *w; w++) {
        if (*w != '$') *at++ = *w;
        else if (*++w == 'o') at = put_options(at, all.option, all.options);
        else at = put_examples(at, all.example, all.examples);
    }
    lace_text_add(out, text, (size_t)(at - text));
}

int lace_program_write_line(const struct lace_program *p, const struct lace_program_line *line, char *text)
{
    char *at = put_list(text, &line->in);
    at = put_list(lace_put_text(at, " to "), &p->example[line->example].out);
    at = lace_put_number(lace_put_text(at, ", step "), line->step + 1);
    at = lace_put_text(at, line->trial ? " try " : " by ");
    at = lace_put_text(lace_put_text(at, lace_operation_names[line->operation]), ": ");
    at = put_list(at, &line->out);
    if (line->trial) at = lace_put_text(lace_put_text(at, ", "), lace_bug_names[line->says]);
    at = lace_put_text(at, ".\n");
    *at = 0;
    return (int)(at - text);
}

/* ---- reading ---- */

static const char *get_list(const char *at, struct lace_list *list)
{
    *list = (struct lace_list){0};
    const char *none = lace_get_text(at, "none");
    if (none) return none;
    for (int item;; at = lace_skip_space(at)) {
        const char *next = lace_get_number(at, 2, &item);
        if (!next) return list->count ? at : NULL;
        if (list->count == PROGRAM_LIST) return NULL;
        list->item[list->count++] = (uint8_t)item;
        at = next;
    }
}

/* The longest name that fits; "+1" is not the beginning of "+12". */
static const char *get_operation(const char *at, int *operation)
{
    for (int i = 0; at && i < PROGRAM_OPERATIONS; i++) {
        const char *end = lace_get_text(at, lace_operation_names[i]);
        if (!end || (*end >= '0' && *end <= '9') || (*end >= 'a' && *end <= 'z')) continue;
        *operation = i;
        return end;
    }
    return NULL;
}

static const char *get_options(const char *at, uint8_t *option, int most, int *count)
{
    for (*count = 0;; at = lace_get_text(at, ",")) {
        int operation;
        if (*count == most || !(at = get_operation(at, &operation))) return NULL;
        option[(*count)++] = (uint8_t)operation;
        if (!lace_get_text(at, ",")) return at;
    }
}

static const char *get_examples(const char *at, struct lace_program *p)
{
    for (p->examples = 0;; at = lace_get_text(at, ",")) {
        if (p->examples == PROGRAM_EXAMPLES) return NULL;
        struct lace_program_example *e = &p->example[p->examples++];
        at = get_list(lace_get_text(lace_get_number(at, 1, &e->steps), ":"), &e->in);
        at = get_list(lace_get_text(at, "to"), &e->out);
        if (!at || e->steps < 1) return NULL;
        if (!lace_get_text(at, ",")) return at;
    }
}

static bool read_wording(const char *w, const char *at, struct lace_program *p)
{
    for (; at && *w; w++) {
        char fixed[2] = {*w, 0};
        if (*w != '$') {
            if (*w == '.' && !w[1] && !*lace_skip_space(at)) return true; /* a missing last full stop is forgiven */
            at = lace_get_text(at, fixed);
        } else if (*++w == 'o') at = get_options(at, p->option, PROGRAM_OPERATIONS, &p->options);
        else at = get_examples(at, p);
    }
    return at && !*lace_skip_space(at);
}

/* Puts the first example of each number of steps to its place, and the others behind. */
static bool order_examples(struct lace_program *p)
{
    struct lace_program_example list[PROGRAM_EXAMPLES];
    bool placed[PROGRAM_EXAMPLES] = {false};
    int count = 0;
    for (int steps = 1; count < p->examples; steps++) {
        int at = 0;
        while (at < p->examples && p->example[at].steps != steps) at++;
        if (at == p->examples) break;
        placed[at] = true;
        list[count++] = p->example[at];
    }
    p->steps = count;
    for (int i = 0; i < p->examples; i++) {
        if (placed[i]) continue;
        if (p->example[i].steps > p->steps) return false; /* a gap: nothing shows the step before */
        list[count++] = p->example[i];
    }
    memcpy(p->example, list, sizeof *list * (size_t)count);
    return p->steps > 0 && p->steps <= PROGRAM_STEPS;
}

int lace_program_parse(struct lace_program *p, const char *prompt, struct lace_error *err)
{
    bool read = false;
    for (int i = 0; i < WORDINGS && !read; i++) {
        memset(p, 0, sizeof *p);
        read = read_wording(wordings[i], prompt, p);
    }
    if (!read)
        return lace_fail(err, LACE_BAD,
                         "The prompt is not a program problem; one reads `Steps: +1, double, reverse. Find the "
                         "program: 1: 3 1 2 to 2 1 3, 2: 5 2 4 to 8 4 10.`.");
    for (int i = 0; i < p->options; i++)
        if (memchr(p->option, p->option[i], (size_t)i))
            return lace_fail(err, LACE_BAD, "The step '%s' stands twice; leave one.",
                             lace_operation_names[p->option[i]]);
    if (!order_examples(p))
        return lace_fail(err, LACE_BAD, "The examples must show 1 step, 2 steps, and so on, up to %d at most.",
                         PROGRAM_STEPS);
    for (int i = 0; i < p->examples; i++)
        for (int k = 0; k < i; k++)
            if (lace_list_equal(&p->example[i].out, &p->example[k].out))
                return lace_fail(err, LACE_BAD, "Two examples have the same output; change one.");
    for (int k = 0; k < p->steps; k++) {
        int fit = only_fit(p, run_steps(p, p->example[k].in, k), &p->example[k].out);
        if (fit < 0)
            return lace_fail(err, LACE_BAD, "Not exactly one of the steps explains the example of %d steps.", k + 1);
        p->solution[k] = (uint8_t)fit;
    }
    if (lace_program_run(p, p->solution) != PROGRAM_PASSES)
        return lace_fail(err, LACE_BAD, "No program explains all examples.");
    return 0;
}

int lace_program_read(const char *text, uint8_t *operations)
{
    int count;
    const char *at = get_options(text, operations, PROGRAM_STEPS, &count);
    if (at && *lace_skip_space(at) == '.') at = lace_skip_space(at) + 1;
    return at && !*lace_skip_space(at) ? count : -1;
}

enum lace_bug lace_program_run(const struct lace_program *p, const uint8_t *operations)
{
    for (int i = 0; i < p->examples; i++) {
        struct lace_list list = p->example[i].in;
        for (int k = 0; k < p->example[i].steps; k++) list = lace_operation_apply(operations[k], list);
        enum lace_bug bug = lace_list_compare(&list, &p->example[i].out);
        if (bug) return bug;
    }
    return PROGRAM_PASSES;
}

bool lace_program_read_line(const struct lace_program *p, const char *text, struct lace_program_line *line)
{
    struct lace_list wanted;
    *line = (struct lace_program_line){.example = -1};
    const char *at = get_list(lace_get_text(get_list(text, &line->in), "to"), &wanted), *next;
    at = lace_get_number(lace_get_text(at, ", step"), 1, &line->step);
    line->trial = (next = lace_get_text(at, "try"));
    if (!next) next = lace_get_text(at, "by");
    at = next;
    at = get_list(lace_get_text(get_operation(at, &line->operation), ":"), &line->out);
    if (line->trial) {
        const char *verdict = lace_get_text(at, ",");
        at = NULL;
        for (int i = 0; i < PROGRAM_BUGS && !at; i++)
            if ((at = lace_get_text(verdict, lace_bug_names[i]))) line->says = (enum lace_bug)i;
    }
    at = lace_get_text(at, ".");
    line->step--;
    for (int i = 0; i < p->examples; i++)
        if (lace_list_equal(&p->example[i].out, &wanted)) line->example = i;
    return at && !*lace_skip_space(at);
}

int lace_program_judge(const struct lace_program *p, const struct lace_program_line *line, bool *misled)
{
    const struct lace_program_example *e = &p->example[line->example];
    *misled = false;
    if (line->step < 0 || line->step >= e->steps || line->trial != (line->step == e->steps - 1) ||
        !memchr(p->option, line->operation, (size_t)p->options))
        return PROGRAM_WRONG_LOOKUP;
    if (!line->step && !lace_list_equal(&line->in, &e->in)) return PROGRAM_WRONG_LOOKUP;
    struct lace_list in = run_steps(p, e->in, line->step), out = lace_operation_apply(line->operation, line->in);
    *misled = !lace_list_equal(&line->in, &in) || (!line->trial && line->operation != p->solution[line->step]);
    if (!lace_list_equal(&line->out, &out)) return PROGRAM_WRONG_OUTPUT;
    if (line->trial && line->says != lace_list_compare(&line->out, &e->out)) return PROGRAM_WRONG_VERDICT;
    return 0;
}
