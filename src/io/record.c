/* Data records: one JSON object a line. Unknown members are refused, because a misspelt "threads" would
 * otherwise pass as a problem without any; what a tool wants to add goes into "meta". */
#include "io/record.h"
#include "io/json.h"
#include "io/lines.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STEPS 65536

const char *const lace_verdict_names[] = {"", "best", "success", "fail"};

static int copy(const json_t *object, const char *key, bool needed, char **out, const char *what,
                struct lace_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) {
        if (needed) return lace_fail(err, LACE_BAD, "%.300s: \"%s\" is missing; it must be a string.", what, key);
        return 0;
    }
    if (!json_is_string(value)) return lace_fail(err, LACE_BAD, "%.300s: \"%s\" must be a string.", what, key);
    *out = strdup(json_string_value(value));
    return *out ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory while reading %.300s.", what);
}

static int check_members(const json_t *object, const char *const *known, const char *what, struct lace_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        int i = 0;
        while (known[i] && strcmp(known[i], key)) i++;
        if (!known[i])
            return lace_fail(err, LACE_BAD,
                             "%.300s: \"%.60s\" is not a member of a record; additions go into \"meta\".", what, key);
    }
    return 0;
}

static int parse_thread(struct lace_record_thread *thread, const json_t *object, const char *what,
                        struct lace_error *err)
{
    static const char *const known[] = {"steps", "answer", "verdict", "strategy", NULL};
    if (!json_is_object(object)) return lace_fail(err, LACE_BAD, "%.300s must be an object.", what);
    int code = check_members(object, known, what, err);
    if (code) return code;
    const json_t *steps = json_object_get(object, "steps");
    if (!json_is_array(steps)) return lace_fail(err, LACE_BAD, "%.300s: \"steps\" must be a list of strings.", what);
    size_t count = json_array_size(steps);
    if (count > MAX_STEPS)
        return lace_fail(err, LACE_BAD, "%.300s has %zu steps; at most %d are accepted.", what, count, MAX_STEPS);
    thread->steps = calloc(count + 1, sizeof *thread->steps);
    if (!thread->steps) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.300s.", what);
    for (size_t i = 0; i < count; i++) {
        const char *step = json_string_value(json_array_get(steps, i));
        if (!step) return lace_fail(err, LACE_BAD, "%.300s: step %zu must be a string.", what, i + 1);
        if (!(thread->steps[i] = strdup(step)))
            return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.300s.", what);
        thread->count++;
    }
    const char *verdict;
    if ((code = copy(object, "answer", false, &thread->answer, what, err))) return code;
    if ((code = copy(object, "strategy", false, &thread->strategy, what, err))) return code;
    if ((code = lace_json_string(object, "verdict", "", &verdict, what, err))) return code;
    for (int i = 0; i < 4; i++)
        if (!strcmp(verdict, lace_verdict_names[i])) {
            thread->verdict = (enum lace_verdict)i;
            return 0;
        }
    return lace_fail(err, LACE_BAD, "%.300s: the verdict must be best, success, fail or empty, not \"%.40s\".", what,
                     verdict);
}

static int parse(struct lace_record *record, const json_t *root, const char *what, struct lace_error *err)
{
    static const char *const known[] = {"id", "task", "difficulty", "prompt", "answer", "threads", "meta", NULL};
    if (!json_is_object(root)) return lace_fail(err, LACE_BAD, "%.300s: a record must be a JSON object.", what);
    int code = check_members(root, known, what, err);
    if (code) return code;
    if ((code = copy(root, "id", true, &record->id, what, err))) return code;
    if ((code = copy(root, "task", true, &record->task, what, err))) return code;
    if ((code = copy(root, "prompt", true, &record->prompt, what, err))) return code;
    if ((code = copy(root, "answer", false, &record->answer, what, err))) return code;
    if ((code = lace_json_int(root, "difficulty", 0, INT_MIN, INT_MAX, &record->difficulty, what, err))) return code;

    const json_t *meta = json_object_get(root, "meta");
    if (meta && !json_is_null(meta)) {
        if (!json_is_object(meta)) return lace_fail(err, LACE_BAD, "%.300s: \"meta\" must be an object.", what);
        record->meta = json_incref((json_t *)meta);
    }
    const json_t *threads = json_object_get(root, "threads");
    if (!threads || json_is_null(threads)) return 0;
    if (!json_is_array(threads)) return lace_fail(err, LACE_BAD, "%.300s: \"threads\" must be a list.", what);
    size_t count = json_array_size(threads);
    if (count > LACE_RECORD_THREADS)
        return lace_fail(err, LACE_BAD, "%.300s has %zu threads; at most %d are accepted.", what, count,
                         LACE_RECORD_THREADS);
    record->threads = calloc(count + 1, sizeof *record->threads);
    if (!record->threads) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %.300s.", what);
    record->thread_count = (int)count;
    for (size_t i = 0; i < count; i++) {
        char name[340];
        snprintf(name, sizeof name, "%.300s, thread %zu", what, i + 1);
        if ((code = parse_thread(&record->threads[i], json_array_get(threads, i), name, err))) return code;
    }
    return 0;
}

int lace_record_parse(struct lace_record *record, const char *line, size_t len, const char *what,
                      struct lace_error *err)
{
    *record = (struct lace_record){0};
    if (len > LACE_RECORD_BYTES)
        return lace_fail(err, LACE_BAD, "%.300s is longer than the %zu bytes accepted for a record.", what,
                         LACE_RECORD_BYTES);
    json_t *root = lace_json_parse(line, len, what, err);
    if (!root) return LACE_BAD;
    int code = parse(record, root, what, err);
    json_decref(root);
    if (code) lace_record_release(record);
    return code;
}

void lace_record_release(struct lace_record *record)
{
    for (int i = 0; i < record->thread_count; i++) {
        struct lace_record_thread *thread = &record->threads[i];
        for (int j = 0; j < thread->count; j++) free(thread->steps[j]);
        free(thread->steps);
        free(thread->answer);
        free(thread->strategy);
    }
    free(record->threads);
    free(record->id);
    free(record->task);
    free(record->prompt);
    free(record->answer);
    json_decref(record->meta);
    *record = (struct lace_record){0};
}

void lace_record_swap_threads(struct lace_record *a, struct lace_record *b)
{
    struct lace_record t = *a;
    a->threads = b->threads, a->thread_count = b->thread_count, a->meta = b->meta;
    b->threads = t.threads, b->thread_count = t.thread_count, b->meta = t.meta;
}

/* ---- Writing ---- */

static int append(const char *bytes, size_t len, void *out)
{
    struct lace_text *text = out;
    lace_text_add(text, bytes, len);
    return text->failed ? -1 : 0;
}

/* A JSON string, null for NULL. Steps are most of a record, so what needs no thought is copied as it is; false: not
 * UTF-8. */
static bool put_string(struct lace_text *out, const char *text)
{
    if (!text) return lace_text_add(out, "null", 4), true;
    size_t len = strlen(text), from = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 128 || (c < 32 && c != '\n')) {
            json_t *string = json_string(text);
            bool good = string && !json_dump_callback(string, append, out, JSON_COMPACT | JSON_ENCODE_ANY);
            json_decref(string);
            return good;
        }
    }
    lace_text_add(out, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '"' && text[i] != '\\' && text[i] != '\n') continue;
        lace_text_add(out, text + from, i - from);
        lace_text_add(out, text[i] == '\n' ? "\\n" : text[i] == '"' ? "\\\"" : "\\\\", 2);
        from = i + 1;
    }
    lace_text_add(out, text + from, len - from);
    lace_text_add(out, "\"", 1);
    return true;
}

static bool put_member(struct lace_text *out, const char *before, const char *text)
{
    lace_text_str(out, before);
    return put_string(out, text);
}

static bool put_thread(struct lace_text *out, const struct lace_record_thread *thread)
{
    bool good = true;
    lace_text_str(out, "{\"steps\":[");
    for (int i = 0; good && i < thread->count; i++)
        good = thread->steps[i] && put_member(out, i ? "," : "", thread->steps[i]);
    good = good && put_member(out, "],\"answer\":", thread->answer) &&
           put_member(out, ",\"verdict\":", lace_verdict_names[thread->verdict]) &&
           (!thread->strategy || put_member(out, ",\"strategy\":", thread->strategy));
    lace_text_str(out, "}");
    return good;
}

int lace_record_format(const struct lace_record *record, struct lace_text *out, struct lace_error *err)
{
    size_t start = out->len;
    bool good = record->id && record->task && record->prompt && put_member(out, "{\"id\":", record->id) &&
                put_member(out, ",\"task\":", record->task);
    lace_text_print(out, ",\"difficulty\":%d", record->difficulty);
    good = good && put_member(out, ",\"prompt\":", record->prompt) && put_member(out, ",\"answer\":", record->answer);
    lace_text_str(out, ",\"threads\":[");
    for (int i = 0; good && i < record->thread_count; i++) {
        if (i) lace_text_str(out, ",");
        good = put_thread(out, &record->threads[i]);
    }
    lace_text_str(out, "]");
    if (good && record->meta) {
        lace_text_str(out, ",\"meta\":");
        good = !json_dump_callback(record->meta, append, out, JSON_COMPACT);
    }
    lace_text_str(out, "}\n");
    if (out->failed) return lace_fail(err, LACE_MEMORY, "Out of memory while writing a record.");
    if (good) return 0;
    out->data[out->len = start] = 0;
    return lace_fail(err, LACE_BAD, "Record \"%.100s\" cannot be written: a text in it is missing or not UTF-8.",
                     record->id ? record->id : "");
}

/* ---- A file ---- */

struct lace_record_file {
    struct lace_lines lines;
};

int lace_record_open(struct lace_record_file **out, const char *path, struct lace_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return lace_fail(err, LACE_MEMORY, "Out of memory while opening %s.", path);
    int code = lace_lines_open(&(*out)->lines, path, LACE_RECORD_BYTES, err);
    if (code) lace_record_close(out);
    return code;
}

/* After an error the next call goes on with the next line, so that a caller may count and skip. */
int lace_record_next(struct lace_record_file *file, struct lace_record *record, struct lace_error *err)
{
    struct lace_lines *lines = &file->lines;
    *record = (struct lace_record){0};
    for (;;) {
        size_t len, i = 0;
        int got = lace_lines_next(lines, &len, err);
        if (got <= 0) return got;
        while (i < len && strchr(" \t\r", lines->line[i]) && lines->line[i]) i++;
        if (i == len) continue; /* a blank line */
        char what[300];
        snprintf(what, sizeof what, "%.250s, line %ld", lines->path, lines->number);
        int code = lace_record_parse(record, lines->line, len, what, err);
        return code ? code : 1;
    }
}

long lace_record_line(const struct lace_record_file *file) { return file->lines.number; }

void lace_record_close(struct lace_record_file **file)
{
    if (!*file) return;
    lace_lines_close(&(*file)->lines);
    free(*file);
    *file = NULL;
}
