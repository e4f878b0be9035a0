/* The family `program` as facts and moves: the trial of an operation as a step, and the list of a later example after
 * the steps that are known. Strategies: the options upwards, downwards, or guided: first those that can mend the bug of
 * the list as it is. */
#include "synth/program.h"
#include "synth/scan.h"
#include "synth/work.h"
#include <string.h>

enum {
    UP = 1,
    DOWN,
    GUIDED,
    TRIALS = PROGRAM_STEPS * PROGRAM_OPERATIONS,    /* step * PROGRAM_OPERATIONS + operation */
    MOVES = TRIALS + PROGRAM_STEPS * PROGRAM_STEPS, /* then example * PROGRAM_STEPS + step */
};

static int draw(void *problem, const struct lace_data_knobs *knobs, struct lace_rng *rng, struct lace_error *err)
{
    return lace_program_draw(problem, knobs, rng, err);
}

static uint8_t *add_list(uint8_t *at, const struct lace_list *list)
{
    *at++ = list->count;
    memcpy(at, list->item, list->count);
    return at + list->count;
}

static int numbers(const void *problem, uint8_t *out)
{
    const struct lace_program *p = problem;
    uint8_t *at = out;
    uint16_t set = 0;
    for (int i = 0; i < p->options; i++) set |= (uint16_t)(1 << p->option[i]);
    *at++ = (uint8_t)set;
    *at++ = (uint8_t)(set >> 8);
    for (int k = 0; k < p->steps; k++) at = add_list(add_list(at, &p->example[k].in), &p->example[k].out);
    return (int)(at - out);
}

static void prompt(const void *problem, int ambiguity, struct lace_rng *rng, struct lace_text *out)
{
    lace_program_prompt(problem, ambiguity, rng, out);
}

static int parse(void *problem, const char *text, struct lace_error *err)
{
    return lace_program_parse(problem, text, err);
}

static void put_program(const uint8_t *operations, int count, char *at)
{
    for (int i = 0; i < count; i++) {
        if (i) at = lace_put_text(at, ", ");
        at = lace_put_text(at, lace_operation_names[operations[i]]);
    }
    *at = 0;
}

static void solution(const void *problem, char *answer)
{
    const struct lace_program *p = problem;
    put_program(p->solution, p->steps, answer);
}

static bool accepts(const void *problem, const char *answer)
{
    const struct lace_program *p = problem;
    uint8_t operations[PROGRAM_STEPS];
    return lace_program_read(answer, operations) == p->steps && lace_program_run(p, operations) == PROGRAM_PASSES;
}

/* The bug of an answer: PROGRAM_WRONG_ANSWER where it is no program of so many steps, then by enum lace_bug. */
static int fault(const struct lace_family *family, const char *prompt, const char *answer)
{
    struct lace_program p;
    uint8_t operations[PROGRAM_STEPS];
    if (lace_program_parse(&p, prompt, NULL)) return LACE_STEP_NONE;
    if (lace_program_read(answer, operations) != p.steps) return PROGRAM_WRONG_ANSWER;
    enum lace_bug bug = lace_program_run(&p, operations);
    return bug ? PROGRAM_WRONG_ANSWER + (int)bug : LACE_STEP_RIGHT;
}

/* ---- moves ---- */

static int move_count(const void *problem) { return MOVES; }

static int rank_count(const void *problem)
{
    const struct lace_program *p = problem;
    return (p->options + 1) * p->steps;
}

/* What kind of bug an operation mends. */
static enum lace_bug mends(enum lace_operation operation)
{
    return operation <= PROGRAM_DOUBLE ? PROGRAM_VALUES : operation <= PROGRAM_TURN ? PROGRAM_ORDER : PROGRAM_LENGTH;
}

static enum lace_bug bug_of(const struct lace_program *p, int step)
{
    struct lace_list list = p->example[step].in;
    for (int i = 0; i < step; i++) list = lace_operation_apply(p->solution[i], list);
    enum lace_bug bug = lace_list_compare(&list, &p->example[step].out);
    return bug == PROGRAM_OFFSET ? PROGRAM_VALUES : bug;
}

static int rank(const void *problem, int strategy, int move)
{
    const struct lace_program *p = problem;
    int B = p->options, K = p->steps, step = move / PROGRAM_OPERATIONS, operation = move % PROGRAM_OPERATIONS;
    if (move >= TRIALS) { /* whatever comes first is needed first */
        int example = (move - TRIALS) / PROGRAM_STEPS;
        return B * K + (example < K ? example : 0);
    }
    const uint8_t *at = memchr(p->option, operation, (size_t)B);
    if (!at || step >= K) return 0;
    int place = (int)(at - p->option);
    if (strategy == DOWN) place = B - 1 - place;
    if (strategy == GUIDED) {
        enum lace_bug bug = bug_of(p, step);
        int fit = 0, before = 0;
        for (int i = 0; i < B; i++) {
            fit += mends(p->option[i]) == bug;
            before += i < place && (mends(p->option[i]) == bug) == (mends(operation) == bug);
        }
        place = before + (mends(operation) == bug ? 0 : fit);
    }
    return place * K + step;
}

/* The line by which a step is known; NULL: it is not. */
static const struct lace_work_line *found(const struct lace_program *p, lace_work_known known, int step)
{
    for (int i = 0; i < p->options; i++) {
        const struct lace_work_line *line = known[step * PROGRAM_OPERATIONS + p->option[i]];
        if (line && line->find) return line;
    }
    return NULL;
}

/* The line that has the list of an example after so many steps; NULL for 0 steps, or where it is not known. */
static const struct lace_work_line *state(lace_work_known known, int example, int steps)
{
    return steps ? known[TRIALS + example * PROGRAM_STEPS + steps - 1] : NULL;
}

static int useful(const void *problem, int strategy, lace_work_known known, short *moves)
{
    const struct lace_program *p = problem;
    int count = 0;
    for (int step = 0; step < p->steps; step++) {
        if (found(p, known, step)) {
            for (int k = step + 1; k < p->steps; k++)
                if ((!step || state(known, k, step)) && !state(known, k, step + 1))
                    moves[count++] = (short)(TRIALS + k * PROGRAM_STEPS + step);
        } else if (!step || state(known, step, step)) {
            for (int i = 0; i < p->options; i++)
                if (!known[step * PROGRAM_OPERATIONS + p->option[i]])
                    moves[count++] = (short)(step * PROGRAM_OPERATIONS + p->option[i]);
        }
    }
    return count;
}

enum { EXAMPLE, STEP, OPERATION, TRIAL, IN, OUT, SAYS };

static void pack(const struct lace_program *p, const struct lace_program_line *line, struct lace_work_line *out)
{
    out->part[EXAMPLE] = line->example;
    out->part[STEP] = line->step;
    out->part[OPERATION] = line->operation;
    out->part[TRIAL] = line->trial;
    out->part[IN] = lace_list_pack(&line->in);
    out->value = out->part[OUT] = lace_list_pack(&line->out);
    out->part[SAYS] = line->says;
    out->yes = !line->trial || line->says == PROGRAM_PASSES;
    out->find = line->trial && line->example >= 0 && lace_list_equal(&line->out, &p->example[line->example].out);
    out->dead = line->trial && !out->find;
    int example = line->example < 0 ? -1 : p->example[line->example].steps - 1;
    if (example < 0 || line->step < 0 || line->step > example || line->trial != (line->step == example) ||
        !memchr(p->option, line->operation, (size_t)p->options))
        out->move = -1;
    else if (line->trial) out->move = (short)(line->step * PROGRAM_OPERATIONS + line->operation);
    else out->move = (short)(TRIALS + example * PROGRAM_STEPS + line->step);
}

static void unpack(const struct lace_work_line *in, struct lace_program_line *line)
{
    *line = (struct lace_program_line){.example = in->part[EXAMPLE],
                                       .step = in->part[STEP],
                                       .operation = in->part[OPERATION],
                                       .trial = in->part[TRIAL],
                                       .in = lace_list_unpack(in->part[IN]),
                                       .out = lace_list_unpack(in->part[OUT]),
                                       .says = (enum lace_bug)in->part[SAYS]};
}

static void perform(const void *problem, lace_work_known known, int move, struct lace_work_line *out)
{
    const struct lace_program *p = problem;
    struct lace_program_line line = {.trial = move < TRIALS};
    int uses = 0;
    if (line.trial) {
        line.step = line.example = move / PROGRAM_OPERATIONS;
        line.operation = move % PROGRAM_OPERATIONS;
    } else {
        line.example = (move - TRIALS) / PROGRAM_STEPS;
        line.step = (move - TRIALS) % PROGRAM_STEPS;
        const struct lace_work_line *find = found(p, known, line.step);
        line.operation = find ? find->part[OPERATION] : p->option[0];
        if (find) out->uses[uses++] = find->move;
    }
    const struct lace_work_line *from = state(known, line.example, line.step);
    line.in = from ? lace_list_unpack(from->value) : p->example[line.example].in;
    if (from) out->uses[uses++] = from->move;
    line.out = lace_operation_apply((enum lace_operation)line.operation, line.in);
    if (line.trial) line.says = lace_list_compare(&line.out, &p->example[line.example].out);
    pack(p, &line, out);
}

/* One number off, two exchanged, or the last one lost. */
static struct lace_list slip(struct lace_list list, struct lace_rng *rng)
{
    int n = list.count, i = n ? (int)lace_rng_below(rng, (uint32_t)n) : 0, kind = (int)lace_rng_below(rng, 4);
    if (kind == 0 && n > 1) list.count--;
    else if (kind == 1 && n > 1 && list.item[i] != list.item[(i + 1) % n]) {
        uint8_t t = list.item[i];
        list.item[i] = list.item[(i + 1) % n];
        list.item[(i + 1) % n] = t;
    } else if (n) list.item[i] = (uint8_t)(list.item[i] ? list.item[i] + (kind == 2 ? 1 : -1) : 1);
    else list = (struct lace_list){1, {(uint8_t)lace_rng_below(rng, 10)}};
    for (int k = 0; k < list.count; k++) list.item[k] %= 100;
    return list;
}

static bool falsify(const void *problem, struct lace_work_line *out, enum lace_falsehood kind, struct lace_rng *rng)
{
    const struct lace_program *p = problem;
    struct lace_program_line line;
    unpack(out, &line);
    const struct lace_list *wanted = &p->example[line.example].out;
    enum lace_bug truth = line.says;
    if (kind == LACE_FALSE_FLIP) {
        if (!line.trial) return false;
        line.says = truth ? PROGRAM_PASSES : (enum lace_bug)(1 + lace_rng_below(rng, PROGRAM_BUGS - 1));
    } else {
        if (line.trial && (truth == PROGRAM_PASSES) != (kind == LACE_FALSE_MISS)) return false;
        line.out = line.trial && kind == LACE_FALSE_FORGE ? *wanted : slip(line.out, rng);
        if (line.trial) line.says = lace_list_compare(&line.out, wanted);
    }
    pack(p, &line, out);
    return true;
}

static int write_line(const void *problem, const struct lace_work_line *line, char *text)
{
    struct lace_program_line own;
    unpack(line, &own);
    return lace_program_write_line(problem, &own, text);
}

static bool answer(const void *problem, lace_work_known known, char *out)
{
    const struct lace_program *p = problem;
    uint8_t operations[PROGRAM_STEPS];
    for (int step = 0; step < p->steps; step++) {
        const struct lace_work_line *line = found(p, known, step);
        if (!line) return false;
        operations[step] = (uint8_t)line->part[OPERATION];
    }
    put_program(operations, p->steps, out);
    return true;
}

static bool read_line(const void *problem, const char *text, struct lace_work_line *out)
{
    struct lace_program_line line;
    if (!lace_program_read_line(problem, text, &line)) return false;
    pack(problem, &line, out);
    return true;
}

static void judge(const void *problem, const struct lace_work_line *line, struct lace_step_check *out)
{
    struct lace_program_line own;
    unpack(line, &own);
    out->result = lace_program_judge(problem, &own, &out->misled);
    out->believed = !own.trial || line->find;
}

/* A trial that finds says which operation a step is, and lines that bring another example forward take it from there;
 * what these come to is the input of the step after. */
static enum lace_stance stance(const void *problem, const struct lace_work_line *lie, const struct lace_work_line *line)
{
    const struct lace_program *p = problem;
    struct lace_program_line wrong, own;
    unpack(lie, &wrong);
    unpack(line, &own);
    if (!wrong.trial) {
        if (line->move == lie->move) return lace_stance_of(line->value == lie->value, line->value != lie->value);
        if (own.example != wrong.example || own.step != wrong.step + 1) return LACE_STANCE_NONE;
        struct lace_list truth = p->example[own.example].in;
        for (int i = 0; i <= wrong.step; i++) truth = lace_operation_apply(p->solution[i], truth);
        return lace_stance_of(lace_list_equal(&own.in, &wrong.out), lace_list_equal(&own.in, &truth));
    }
    if (own.step != wrong.step) return LACE_STANCE_NONE;
    bool same = own.operation == wrong.operation, taken = !own.trial || line->find;
    if (lie->find) return lace_stance_of(same && taken, same != taken); /* exactly one operation explains a step */
    return lace_stance_of(same && !taken, same && taken);
}

/* ---- the family ---- */

static int budget(const struct lace_family *family, const struct lace_data_knobs *knobs, int threads)
{
    int d = knobs->difficulty.high, B = knobs->options.high ? knobs->options.high : PROGRAM_DEFAULT_OPTIONS;
    if (threads == 1) return d * B + d * (d - 1) / 2; /* every line there is */
    /* All options of a step, and the next example's list: rarely more in which sharing threads solve 97 % by
     * `lace data ceiling`, and never less. */
    return d * ((B + threads - 1) / threads + 1) + (threads == 2 ? d / 6 : 0);
}

static const struct lace_work work = {
    .bytes = sizeof(struct lace_program),
    .ranked = 3,
    .draw = draw,
    .numbers = numbers,
    .prompt = prompt,
    .parse = parse,
    .solution = solution,
    .accepts = accepts,
    .moves = move_count,
    .ranks = rank_count,
    .rank = rank,
    .useful = useful,
    .perform = perform,
    .falsify = falsify,
    .write = write_line,
    .answer = answer,
    .read = read_line,
    .judge = judge,
    .stance = stance,
    .lookup = PROGRAM_WRONG_LOOKUP,
};

static const char *const strategies[] = {"up", "down", "guided", "random", NULL};
static const char *const errors[] = {"right", "lookup error", "wrong output", "wrong verdict",
                                     /* of answers: */
                                     "no such program", "program: length", "program: order", "program: offset",
                                     "program: values", NULL};

const struct lace_family lace_family_program = {
    .name = "program",
    .summary = "a short program over lists from examples of its first steps",
    .easiest = 1,
    .hardest = PROGRAM_STEPS,
    .trained_low = 1,
    .trained_high = 3,
    .uses_options = true,
    .strategies = strategies,
    .errors = errors,
    .work = &work,
    .fault = fault,
    .budget = budget,
};
