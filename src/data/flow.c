#include "data/flow.h"
#include "decode/format.h"
#include "synth/family.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Lines of the file; 0 where counting would eat them (a pipe). */
static int count_lines(const char *path, uint64_t *count, struct lace_error *err)
{
    struct stat st;
    struct lace_lines lines;
    *count = 0;
    if (!strcmp(path, "-") || stat(path, &st) || !S_ISREG(st.st_mode)) return 0;
    int code = lace_lines_open(&lines, path, 0, err);
    if (code) return code;
    char block[1 << 16];
    size_t got, last = '\n';
    while ((got = fread(block, 1, sizeof block, lines.stream))) {
        for (const char *at = block; (at = memchr(at, '\n', (size_t)(block + got - at))); at++) ++*count;
        last = (unsigned char)block[got - 1];
    }
    *count += last != '\n';
    lace_lines_close(&lines);
    return 0;
}

int lace_flow_open(struct lace_flow *f, const struct lace_data_flow *o, struct lace_data_report *report,
                   struct lace_error *err)
{
    *f = (struct lace_flow){.o = o, .report = report};
    *report = (struct lace_data_report){0};
    lace_text_init(&f->line);
    bool known = true;
    for (int i = 0; o->in[i]; i++) {
        uint64_t count;
        int code = count_lines(o->in[i], &count, err);
        if (code) return code;
        known &= count > 0;
        f->total += count;
    }
    if (!known) f->total = 0;
    return o->in[0] ? 0 : lace_fail(err, LACE_BAD, "There is no file to read; name one, or - for stdin.");
}

int lace_flow_tick(void *flow)
{
    const struct lace_flow *f = flow;
    return f->o->progress ? f->o->progress(f->o->user, f->settled, f->total) : 0;
}

static int settle(struct lace_flow *f, struct lace_error *err)
{
    f->settled++;
    return lace_flow_tick(f)
               ? lace_fail(err, LACE_STOPPED, "Stopped after %llu records.", (unsigned long long)f->settled)
               : 0;
}

int lace_flow_next(struct lace_flow *f, struct lace_record *record, struct lace_error *err)
{
    for (;;) {
        struct lace_error said;
        int code;
        if (!f->records) {
            if (!f->o->in[f->file]) return 0;
            if ((code = lace_record_open(&f->records, f->o->in[f->file++], err))) return code;
        }
        code = lace_record_next(f->records, record, &said);
        if (!code) lace_record_close(&f->records);
        else if (code == LACE_BAD) {
            f->report->read++;
            if ((code = lace_flow_drop_line(f, "not a record", said.text, err))) return code;
        } else if (code < 0) return lace_fail(err, code, "%s", said.text);
        else {
            f->report->read++;
            return 1;
        }
    }
}

int lace_flow_next_line(struct lace_flow *f, size_t *len, struct lace_error *err)
{
    for (;;) {
        int code;
        if (!f->lines.stream) {
            if (!f->o->in[f->file]) return 0;
            if ((code = lace_lines_open(&f->lines, f->o->in[f->file++], LACE_RECORD_BYTES, err))) return code;
        }
        code = lace_lines_next(&f->lines, len, err);
        if (code < 0) return code;
        if (code) return 1;
        lace_lines_close(&f->lines);
    }
}

static int put(struct lace_flow *f, lace_data_write write, const struct lace_record *record, struct lace_error *err)
{
    if (!write) return 0;
    lace_text_clear(&f->line);
    int code = lace_record_format(record, &f->line, err);
    if (!code && write(f->o->user, f->line.data, f->line.len))
        code = lace_fail(err, LACE_STOPPED, "Stopped after %llu records.", (unsigned long long)f->settled);
    return code;
}

int lace_flow_keep(struct lace_flow *f, struct lace_record *record, struct lace_error *err)
{
    f->report->kept++;
    int code = put(f, f->o->keep, record, err);
    return code ? code : settle(f, err);
}

int lace_flow_drop(struct lace_flow *f, struct lace_record *record, const char *reason, struct lace_error *err)
{
    LACE_TALLY(f->report->dropped, reason);
    if (!f->o->drop) return settle(f, err);
    json_t *meta = lace_record_meta(record);
    if (!meta || json_object_set_new(meta, "dropped", json_string(reason)))
        return lace_fail(err, LACE_MEMORY, "Out of memory while a record is dropped.");
    int code = put(f, f->o->drop, record, err);
    return code ? code : settle(f, err);
}

int lace_flow_drop_line(struct lace_flow *f, const char *reason, const char *complaint, struct lace_error *err)
{
    const char *path = f->file ? f->o->in[f->file - 1] : "";
    char id[80];
    long line = f->records ? lace_record_line(f->records) : f->lines.number;
    snprintf(id, sizeof id, "line-%ld", line);
    struct lace_record record = {.id = id, .task = "unreadable", .prompt = "", .meta = json_object()};
    json_object_set_new(record.meta, "file", json_string(path)); /* left out where it is not UTF-8 */
    json_object_set_new(record.meta, "complaint", json_string(complaint));
    int code = lace_flow_drop(f, &record, reason, err);
    json_decref(record.meta);
    return code;
}

int lace_flow_window(struct lace_flow *f, struct lace_record *records, int most, int *count, struct lace_error *err)
{
    int code = 1;
    for (*count = 0; *count < most && (code = lace_flow_next(f, &records[*count], err)) > 0;) ++*count;
    return code < 0 ? code : 0;
}

void lace_flow_close(struct lace_flow *f)
{
    lace_record_close(&f->records);
    lace_lines_close(&f->lines);
    lace_text_release(&f->line);
}

void lace_tally_add(struct lace_data_tally *list, int size, const char *name, uint64_t count)
{
    if (!name || !*name) return;
    for (int i = 0; i + 1 < size; i++) { /* the last one stays empty: the end */
        if (!list[i].name[0]) snprintf(list[i].name, sizeof list[i].name, "%s", name);
        if (strncmp(list[i].name, name, sizeof list[i].name - 1)) continue;
        list[i].count += count;
        return;
    }
}

/* ---- records ---- */

json_t *lace_record_meta(struct lace_record *record)
{
    if (!record->meta) record->meta = json_object();
    return record->meta;
}

/* Marks are [[thread, step, kind, from], ...]; from may be missing. */
static int renumber(json_t *meta, const char *key, int gone)
{
    json_t *marks = json_object_get(meta, key);
    for (size_t i = json_array_size(marks); i-- > 0;) {
        json_t *mark = json_array_get(marks, i);
        json_int_t thread = json_integer_value(json_array_get(mark, 0));
        json_t *from = json_array_get(mark, 3);
        if (thread == gone) {
            if (json_array_remove(marks, i)) return -1;
            continue;
        }
        if (thread > gone && json_array_set_new(mark, 0, json_integer(thread - 1))) return -1;
        if (!json_is_integer(from)) continue;
        if (json_integer_value(from) == gone
                ? json_array_remove(mark, 3)
                : json_integer_value(from) > gone &&
                      json_array_set_new(mark, 3, json_integer(json_integer_value(from) - 1)))
            return -1;
    }
    return 0;
}

int lace_record_remove_thread(struct lace_record *record, int n, struct lace_error *err)
{
    struct lace_record_thread *t = &record->threads[n];
    for (int i = 0; i < t->count; i++) free(t->steps[i]);
    free(t->steps);
    free(t->answer);
    free(t->strategy);
    record->thread_count--;
    memmove(t, t + 1, (size_t)(record->thread_count - n) * sizeof *t);
    if (renumber(record->meta, "corrupted", n) || renumber(record->meta, "interactions", n))
        return lace_fail(err, LACE_MEMORY, "Out of memory while a thread is removed.");
    return 0;
}

bool lace_record_right(const struct lace_record *record, const char *answer)
{
    if (!answer) return false;
    const struct lace_family *family = lace_family_find(record->task, NULL);
    int right = family ? lace_family_check(family, record->prompt, answer, NULL) : -1;
    return right >= 0 ? right == 1 : lace_format_same(answer, record->answer);
}

void lace_record_thread_text(const struct lace_record_thread *thread, struct lace_text *out)
{
    for (int i = 0; i < thread->count; i++) lace_text_str(out, thread->steps[i]);
}

int lace_record_set(char **text, const char *value, struct lace_error *err)
{
    char *copy = strdup(value);
    if (!copy) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    free(*text);
    *text = copy;
    return 0;
}
