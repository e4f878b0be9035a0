/* A record for people: its threads in columns, one round a row, what passed between them in colour. */
#include "synth/data.h"
#include <string.h>

enum colour { NONE, GREEN, RED, BLUE, DIM };
static const char *const codes[] = {"", "\033[32m", "\033[1;31m", "\033[36m", "\033[2m"};

/* The kind of the mark of a step in meta[key], NULL where it has none. */
static const char *mark(const json_t *meta, const char *key, int thread, int step, int *from)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(meta, key), i, item)
    {
        if (json_integer_value(json_array_get(item, 0)) != thread ||
            json_integer_value(json_array_get(item, 1)) != step)
            continue;
        *from = json_array_size(item) > 3 ? (int)json_integer_value(json_array_get(item, 3)) : -1;
        return json_string_value(json_array_get(item, 2));
    }
    return NULL;
}

/* A cell of the table: cut or padded to width. Bytes that a terminal would obey are replaced: records are
 * imported from anywhere. */
static void cell(struct lace_text *out, const char *text, size_t len, int width, enum colour colour, bool coloured)
{
    int used = 0;
    size_t end = 0;
    if (coloured) lace_text_str(out, codes[colour]);
    for (; end < len && used < width; end++) {
        unsigned char c = (unsigned char)text[end];
        if (c < 32 || c == 127 || (c == 0xc2 && end + 1 < len && (unsigned char)text[end + 1] < 0xa0))
            lace_text_add(out, ".", 1);
        else lace_text_add(out, &text[end], 1);
        used += (c & 0xc0) != 0x80; /* UTF-8: following bytes take no column */
    }
    while (end < len && ((unsigned char)text[end] & 0xc0) == 0x80) lace_text_add(out, &text[end++], 1);
    if (coloured && colour != NONE) lace_text_str(out, "\033[0m");
    while (used++ < width) lace_text_add(out, " ", 1);
}

static void step_cell(const struct lace_record *record, int n, int i, int width, bool colour, struct lace_text *out)
{
    const struct lace_record_thread *thread = &record->threads[n];
    char text[512];
    const char *kind = NULL, *step = i < thread->count ? thread->steps[i] : "";
    int from = -1;
    enum colour shade = NONE;
    if (i < thread->count) {
        if ((kind = mark(record->meta, "corrupted", n, i, &from))) shade = RED;
        else if ((kind = mark(record->meta, "interactions", n, i, &from))) shade = BLUE;
        size_t len = strcspn(step, "\n");
        if (!shade && len >= 4 && !memcmp(step + len - 4, "yes.", 4)) shade = GREEN;
        if (kind && from >= 0)
            snprintf(text, sizeof text, "%.*s  <%s %d>", (int)(len < 400 ? len : 400), step, kind, from);
        else if (kind) snprintf(text, sizeof text, "%.*s  <%s>", (int)(len < 400 ? len : 400), step, kind);
        else snprintf(text, sizeof text, "%.*s", (int)(len < 500 ? len : 500), step);
    } else if (i == thread->count && thread->answer) {
        snprintf(text, sizeof text, "Answer: %.400s.", thread->answer);
        /* The verdict knows where several answers are right. */
        bool right = thread->verdict ? thread->verdict != LACE_VERDICT_FAIL
                                     : record->answer && !strcmp(thread->answer, record->answer);
        shade = right ? GREEN : thread->verdict || record->answer ? RED : NONE;
    } else if (i == thread->count + (thread->answer != NULL) && thread->verdict) {
        snprintf(text, sizeof text, "[[%s]]", lace_verdict_names[thread->verdict]);
        shade = thread->verdict == LACE_VERDICT_FAIL ? RED : GREEN;
    } else text[0] = 0;
    cell(out, text, strlen(text), width, shade, colour);
}

/* Wide enough for the longest step with a mark such as `  <rechecked 3>`. */
static int column_width(const struct lace_record *record)
{
    enum { LEAST = 30, MOST = 64, MARK = 16 };
    size_t longest = LEAST;
    for (int n = 0; n < record->thread_count; n++)
        for (int i = 0; i < record->threads[n].count; i++) {
            size_t len = strcspn(record->threads[n].steps[i], "\n");
            if (len > longest) longest = len < MOST ? len : MOST;
        }
    return (int)longest + MARK;
}

void lace_data_render(const struct lace_record *record, int width, bool colour, struct lace_text *out)
{
    enum { GAP = 2 };
    const char *id = record->id ? record->id : "?", *prompt = record->prompt ? record->prompt : "";
    int column = column_width(record), columns = (width + GAP) / (column + GAP);
    if (columns < 1) columns = 1;
    cell(out, id, strlen(id), 0 < strlen(id) ? (int)strlen(id) : 1, DIM, colour);
    lace_text_print(out, "  difficulty %d\n", record->difficulty);
    cell(out, prompt, strlen(prompt), (int)strlen(prompt), NONE, colour);
    lace_text_str(out, "\n");
    if (record->answer) {
        lace_text_str(out, "answer ");
        cell(out, record->answer, strlen(record->answer), (int)strlen(record->answer), GREEN, colour);
        lace_text_str(out, "\n");
    }
    for (int first = 0; first < record->thread_count; first += columns) {
        int last = first + columns < record->thread_count ? first + columns : record->thread_count, rows = 0;
        for (int n = first; n < last; n++) {
            char head[96];
            const struct lace_record_thread *thread = &record->threads[n];
            int need = thread->count + (thread->answer != NULL) + (thread->verdict != LACE_VERDICT_NONE);
            if (need > rows) rows = need;
            snprintf(head, sizeof head, "thread %d%s%.60s", n, thread->strategy ? ", " : "",
                     thread->strategy ? thread->strategy : "");
            cell(out, head, strlen(head), n + 1 < last ? column + GAP : column, DIM, colour);
        }
        lace_text_str(out, "\n");
        for (int i = 0; i < rows; i++) {
            for (int n = first; n < last; n++) {
                step_cell(record, n, i, column, colour, out);
                if (n + 1 < last) lace_text_str(out, "  ");
            }
            while (out->len && out->data[out->len - 1] == ' ') out->data[--out->len] = 0;
            lace_text_str(out, "\n");
        }
    }
    lace_text_str(out, "\n");
}

int lace_data_show(const char *path, uint64_t first, uint64_t count, int width, int colour, lace_data_write write,
                   void *user, struct lace_error *err)
{
    struct lace_record_file *file = NULL;
    struct lace_record record;
    struct lace_text text;
    int code = lace_record_open(&file, path, err), more = 0;
    if (code) return code;
    lace_text_init(&text);
    for (uint64_t i = 0; !code && (!count || i < first + count) && (more = lace_record_next(file, &record, err)) > 0;
         i++) {
        if (i >= first) {
            lace_text_clear(&text);
            lace_data_render(&record, width, colour, &text);
            if (text.failed) code = lace_fail(err, LACE_MEMORY, "Out of memory while a record is shown.");
            else if (write(user, text.data, text.len))
                code = lace_fail(err, LACE_STOPPED, "Stopped after record %llu.", (unsigned long long)i);
        }
        lace_record_release(&record);
    }
    lace_text_release(&text);
    lace_record_close(&file);
    return code ? code : more < 0 ? more : 0;
}
