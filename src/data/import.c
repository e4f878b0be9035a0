/* Every set calls the same three things differently: the problem, its solution, its answer. A table of names finds
 * them, whatever their capitals; what a set does besides (calculator marks, boxes, messages, an instruction around each
 * problem) is undone in a function of its own. */
#include "data/import.h"
#include "data/answer.h"
#include "io/json.h"
#include "text/utf8.h"
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 4096 }; /* of a written solution */

const char *const lace_import_formats[] = {"auto", "gsm8k", "math", "dapo", "aime", "plain", "record", NULL};

static const char *const problem_names[] = {"prompt", "problem", "question", "instruction", "input", NULL},
                         *const answer_names[] = {"answer", "final_answer", "expected_answer", "ground_truth",
                                                  "target", "label",        "output",          NULL},
                         *const solution_names[] = {"solution", "rationale", "reasoning", "explanation", NULL},
                         *const id_names[] = {"id", "unique_id", "question_id", "problem_id", "uuid", NULL},
                         *const level_names[] = {"level", "difficulty", NULL},
                         *const subject_names[] = {"subject", "type", "category", "data_source", NULL};

/* The first member of one of these names, in capitals or not; nulls and empty texts count as missing. */
static json_t *member(const json_t *object, const char *const *names)
{
    for (; *names; names++) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)object, key, value)
        {
            bool blank =
                json_is_string(value) && !json_string_value(value)[strspn(json_string_value(value), " \t\r\n")];
            if (!strcasecmp(key, *names) && !json_is_null(value) && !blank) return value;
        }
    }
    return NULL;
}

static json_t *named(const json_t *object, const char *name)
{
    return member(object, (const char *const[]){name, NULL});
}

/* A text or a number as text; false where it is something else. */
static bool scalar(const json_t *value, struct lace_text *out)
{
    if (json_is_string(value)) lace_text_str(out, json_string_value(value));
    else if (json_is_integer(value)) lace_text_print(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) lace_text_print(out, "%.15g", json_real_value(value));
    else return false;
    return true;
}

/* Line ends as we write them. */
static void plain_ends(struct lace_text *text)
{
    size_t to = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] == '\r' && i + 1 < text->len && text->data[i + 1] == '\n') continue;
        text->data[to++] = text->data[i] == '\r' ? '\n' : text->data[i];
    }
    if (text->data) text->data[text->len = to] = 0;
}

enum lace_import_format lace_import_detect(const json_t *object)
{
    static const char *const capitals[] = {"Problem", "Question", "Answer", NULL};
    const char *answer = json_string_value(named(object, "answer")), *from;
    size_t len;
    if (json_object_get(object, "task") && json_is_array(json_object_get(object, "threads"))) return LACE_IMPORT_RECORD;
    if (json_is_array(named(object, "prompt")) || named(object, "reward_model")) return LACE_IMPORT_DAPO;
    if (named(object, "question") && answer && strstr(answer, "####")) return LACE_IMPORT_GSM8K;
    const char *solution = json_string_value(named(object, "solution"));
    if (named(object, "problem") && solution && lace_answer_boxed(solution, &from, &len)) return LACE_IMPORT_MATH;
    for (int i = 0; capitals[i]; i++)
        if (json_object_get(object, capitals[i])) return LACE_IMPORT_AIME;
    return LACE_IMPORT_PLAIN;
}

/* ---- a record being put together ---- */

struct draft {
    const json_t *object;
    struct lace_text problem, solution, answer, unit;
    const char *system; /* borrowed */
};

static const char *take_answer(struct draft *d, const char *text, size_t len)
{
    lace_answer_clean(text, len, &d->answer);
    return d->answer.len ? NULL : "no answer";
}

/* The reasoning without <<48/2=24>>, and the number after the last ####. */
static const char *read_gsm8k(struct draft *d)
{
    const char *text = json_string_value(named(d->object, "answer")), *mark = NULL;
    if (!text) return "no answer";
    for (const char *at = text; (at = strstr(at, "####")); at += 4) mark = at;
    if (!mark) return "no ####";
    for (const char *at = text; at < mark;) {
        const char *open = strstr(at, "<<"), *close = open ? strstr(open, ">>") : NULL;
        if (!open || open >= mark || !close || close >= mark) open = close = mark;
        lace_text_add(&d->solution, at, (size_t)(open - at));
        at = close < mark ? close + 2 : mark;
    }
    struct lace_text raw;
    lace_text_init(&raw);
    mark += 4;
    lace_answer_clean(mark, strcspn(mark, "\n"), &raw);
    bool number = raw.data && lace_answer_number(raw.data, &d->answer, &d->unit);
    bool some = raw.len > 0;
    lace_text_release(&raw);
    return number ? NULL : some ? "answer is no number" : "no answer";
}

/* A given answer counts before the box; sets that have both agree but for typing. */
static const char *read_boxed(struct draft *d)
{
    const char *text = json_string_value(member(d->object, solution_names)), *from;
    size_t len;
    struct lace_text given;
    if (text) lace_text_str(&d->solution, text);
    lace_text_init(&given);
    const char *reason;
    if (scalar(member(d->object, answer_names), &given)) reason = take_answer(d, given.data, given.len);
    else if (!text) reason = member(d->object, answer_names) ? "no answer" : "no solution";
    else {
        enum lace_box box = lace_answer_boxed(text, &from, &len);
        reason = box == LACE_BOX_FOUND ? take_answer(d, from, len) : box == LACE_BOX_OPEN ? "unbalanced box" : "no box";
    }
    lace_text_release(&given);
    return reason;
}

/* Appends the text of a message: a string, or a list of parts of which those of type text count. */
static bool content(const json_t *message, struct lace_text *out)
{
    json_t *value = named(message, "content"), *part;
    size_t i;
    if (json_is_string(value)) lace_text_str(out, json_string_value(value));
    json_array_foreach(value, i, part)
    {
        const char *text = json_string_value(named(part, "text"));
        if (text) lace_text_str(out, text);
    }
    return out->len > 0;
}

/* The instruction that DAPO's set puts around every problem: the threads have their own way to end. */
static void unwrap(struct lace_text *problem)
{
    static const char before[] = "Solve the following math problem step by step.", gap[] = "\n\n",
                      after[] = "Remember to put your answer on its own line after \"Answer:\".";
    if (!problem->data || strncmp(problem->data, before, sizeof before - 1)) return;
    char *from = strstr(problem->data, gap), *to = from ? strstr(from, after) : NULL;
    if (!from) return;
    for (char *next = to; next; next = strstr(next + 1, after)) to = next;
    from += sizeof gap - 1;
    size_t len = (to && to > from ? (size_t)(to - problem->data) : problem->len) - (size_t)(from - problem->data);
    memmove(problem->data, from, len);
    problem->data[problem->len = len] = 0;
}

/* The last user's message is the problem; a list of one answer is that answer. */
static const char *read_dapo(struct draft *d)
{
    json_t *prompt = named(d->object, "prompt"), *message, *truth = NULL;
    size_t i;
    if (json_is_string(prompt)) lace_text_str(&d->problem, json_string_value(prompt));
    json_array_foreach(prompt, i, message)
    {
        const char *role = json_string_value(named(message, "role"));
        if (role && !strcmp(role, "system")) d->system = json_string_value(named(message, "content"));
        if (role && strcmp(role, "user")) continue;
        lace_text_clear(&d->problem);
        content(message, &d->problem);
    }
    unwrap(&d->problem);
    if (!d->problem.len) return "no problem text";
    json_t *reward = named(d->object, "reward_model");
    truth = json_is_object(reward) ? named(reward, "ground_truth") : NULL;
    if (!truth) truth = member(d->object, answer_names);
    if (json_is_array(truth) && json_array_size(truth) > 1) return "several answers";
    if (json_is_array(truth)) truth = json_array_get(truth, 0);
    struct lace_text raw;
    lace_text_init(&raw);
    const char *reason = scalar(truth, &raw) ? take_answer(d, raw.data, raw.len) : "no answer";
    lace_text_release(&raw);
    return reason;
}

static const char *read_plain(struct draft *d)
{
    if (member(d->object, answer_names) || member(d->object, solution_names)) return read_boxed(d);
    return "no answer";
}

/* Answers of the AIME are whole numbers up to 999, often written with three digits. */
static const char *read_aime(struct draft *d)
{
    const char *reason = read_plain(d);
    size_t zeros = reason || !d->answer.data ? 0 : strspn(d->answer.data, "0");
    if (zeros && strspn(d->answer.data, "0123456789") == d->answer.len) {
        if (zeros == d->answer.len) zeros--;
        memmove(d->answer.data, d->answer.data + zeros, d->answer.len - zeros + 1);
        d->answer.len -= zeros;
    }
    return reason;
}

/* "Level 5", 5, "5"; "Level ?" is none. */
static int level(const json_t *object)
{
    json_t *value = member(object, level_names);
    if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= INT_MAX)
        return (int)json_integer_value(value);
    const char *text = json_string_value(value);
    while (text && *text && !isdigit((unsigned char)*text)) text++;
    return text ? (int)strtol(text, NULL, 10) % 1000000 : 0;
}

/* The set's own id, or one that follows from the problem: the same problem has the same one in any file. */
static char *make_id(const struct draft *d, enum lace_import_format format)
{
    struct lace_text id;
    lace_text_init(&id);
    json_t *extra = named(d->object, "extra_info");
    if (!scalar(member(d->object, id_names), &id) && !scalar(json_is_object(extra) ? named(extra, "index") : NULL, &id))
        lace_text_print(&id, "%s-%016llx", lace_import_formats[format],
                        (unsigned long long)lace_hash(d->problem.data, d->problem.len));
    return id.data;
}

static json_t *make_meta(const struct draft *d, enum lace_import_format format)
{
    json_t *meta = json_object(), *subject = member(d->object, subject_names);
    int bad = json_object_set_new(meta, "format", json_string(lace_import_formats[format]));
    if (json_is_string(subject)) bad |= json_object_set(meta, "subject", subject);
    if (d->unit.len) bad |= json_object_set_new(meta, "unit", json_string(d->unit.data));
    if (d->system) bad |= json_object_set_new(meta, "system", json_string(d->system));
    if (!bad) return meta;
    json_decref(meta);
    return NULL;
}

/* The written solution as a thread, a step each line. NULL: done. */
static const char *make_thread(struct lace_record *record, const struct lace_text *solution)
{
    int lines = 0;
    const char *at = solution->data;
    if (!at || !at[strspn(at, " \t\n")]) return NULL;
    record->threads = calloc(1, sizeof *record->threads);
    if (!record->threads) return "out of memory";
    record->thread_count = 1;
    struct lace_record_thread *thread = record->threads;
    for (const char *c = at; *c; c++) lines += *c == '\n';
    if (lines >= MOST_LINES) return "too many lines";
    thread->steps = calloc((size_t)lines + 1, sizeof *thread->steps);
    thread->answer = strdup(record->answer);
    thread->strategy = strdup("reference");
    if (!thread->steps || !thread->answer || !thread->strategy) return "out of memory";
    for (size_t len; *at; at += len) {
        len = strcspn(at, "\n");
        bool blank = strspn(at, " \t") == len, ended = at[len] == '\n';
        if (!blank && asprintf(&thread->steps[thread->count], "%.*s\n", (int)len, at) < 0) return "out of memory";
        thread->count += !blank;
        len += ended;
    }
    return NULL;
}

static const char *build(struct lace_record *record, struct draft *d, enum lace_import_format format, bool solutions)
{
    if (format != LACE_IMPORT_DAPO && !scalar(member(d->object, problem_names), &d->problem)) return "no problem text";
    const char *reason = format == LACE_IMPORT_GSM8K  ? read_gsm8k(d)
                         : format == LACE_IMPORT_MATH ? read_boxed(d)
                         : format == LACE_IMPORT_DAPO ? read_dapo(d)
                         : format == LACE_IMPORT_AIME ? read_aime(d)
                                                      : read_plain(d);
    if (reason) return reason;
    plain_ends(&d->problem);
    plain_ends(&d->solution);
    plain_ends(&d->answer);
    if (d->problem.failed || d->solution.failed || d->answer.failed || d->unit.failed) return "out of memory";
    if (!d->problem.len || !d->problem.data[strspn(d->problem.data, " \t\n")]) return "no problem text";
    if (strchr(d->answer.data, '\n')) return "answer of many lines"; /* a thread ends with a line "Answer: X." */
    record->id = make_id(d, format);
    record->task = strdup(lace_import_formats[format]);
    record->prompt = strdup(d->problem.data);
    record->answer = strdup(d->answer.data);
    record->meta = make_meta(d, format);
    record->difficulty = level(d->object);
    if (!record->id || !record->task || !record->prompt || !record->answer || !record->meta) return "out of memory";
    return solutions ? make_thread(record, &d->solution) : NULL;
}

const char *lace_import_line(struct lace_record *record, const char *line, size_t len, enum lace_import_format *format,
                             bool solutions, struct lace_error *complaint)
{
    const char *reason = NULL;
    *record = (struct lace_record){0};
    complaint->text[0] = 0;
    if (len > LACE_RECORD_BYTES) return "line too long";
    if (!lace_utf8_valid(line, len)) return "invalid UTF-8";
    json_t *object = lace_json_parse(line, len, "the line", complaint);
    if (!object) return "not JSON";
    if (!json_is_object(object)) reason = "not an object";
    else if (*format == LACE_IMPORT_AUTO) *format = lace_import_detect(object);
    if (!reason && *format == LACE_IMPORT_RECORD)
        reason = lace_record_parse(record, line, len, "the line", complaint) ? "not a record" : NULL;
    else if (!reason) {
        struct draft d = {.object = object};
        lace_text_init(&d.problem);
        lace_text_init(&d.solution);
        lace_text_init(&d.answer);
        lace_text_init(&d.unit);
        reason = build(record, &d, *format, solutions);
        lace_text_release(&d.problem);
        lace_text_release(&d.solution);
        lace_text_release(&d.answer);
        lace_text_release(&d.unit);
    }
    json_decref(object);
    if (reason) lace_record_release(record);
    return reason;
}
