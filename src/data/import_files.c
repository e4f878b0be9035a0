/* Files of other data sets: a problem a line, one list, or one object over several lines. */
#include "data/flow.h"
#include "data/import.h"
#include "data/set.h"
#include "io/json.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 256 << 20 }; /* bytes of a file that is one JSON document */

struct import {
    struct lace_flow flow;
    const struct lace_import_options *o;
    bool any;                       /* no format was named */
    enum lace_import_format format; /* of the file at hand: its first good line decides */
    struct lace_set seen;           /* of ids */
};

static int import_one(struct import *im, const char *line, size_t len, struct lace_error *err)
{
    struct lace_record record;
    struct lace_error complaint;
    enum lace_import_format format = im->format;
    int code = 0;
    im->flow.report->read++;
    const char *reason = lace_import_line(&record, line, len, &format, im->o->solutions, &complaint);
    if (reason && !strcmp(reason, "out of memory")) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (reason) return lace_flow_drop_line(&im->flow, reason, complaint.text, err);
    im->format = format;
    if (im->o->task) code = lace_record_set(&record.task, im->o->task, err);
    int added = code ? 0 : lace_set_add(&im->seen, lace_hash(record.id, strlen(record.id)));
    if (added < 0) code = lace_fail(err, LACE_MEMORY, "Out of memory: %zu ids.", im->seen.count);
    if (!code)
        code =
            added ? lace_flow_keep(&im->flow, &record, err) : lace_flow_drop(&im->flow, &record, "duplicate id", err);
    lace_record_release(&record);
    return code;
}

/* The rest of the file belongs to one document: a list of problems, or one problem over several lines. */
static int import_whole(struct import *im, size_t len, struct lace_error *err)
{
    struct lace_text all;
    struct lace_error complaint = {{0}};
    int code = 0, more = 1;
    lace_text_init(&all);
    do {
        lace_text_add(&all, im->flow.lines.line, len);
        lace_text_str(&all, "\n");
        if (all.failed) code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", im->flow.lines.path);
        else if (all.len > WHOLE)
            code = lace_fail(err, LACE_BAD, "%s is one JSON document of more than %d bytes; write an object a line.",
                             im->flow.lines.path, WHOLE);
    } while (!code && (more = lace_lines_next(&im->flow.lines, &len, err)) > 0);
    if (!code && more < 0) code = more;
    json_t *root = code ? NULL : lace_json_parse(all.data, all.len, "the file", &complaint), *item;
    if (json_is_array(root)) {
        size_t i;
        json_array_foreach(root, i, item)
        {
            char *text = json_dumps(item, JSON_COMPACT | JSON_ENCODE_ANY);
            code = text ? import_one(im, text, strlen(text), err) : lace_fail(err, LACE_MEMORY, "Out of memory.");
            free(text);
            if (code) break;
        }
    } else if (!code) code = import_one(im, all.data, all.len, err);
    json_decref(root);
    lace_text_release(&all);
    return code;
}

static int import_lines(struct import *im, struct lace_error *err)
{
    int code, file = -1;
    size_t len;
    while ((code = lace_flow_next_line(&im->flow, &len, err)) > 0) {
        const char *line = im->flow.lines.line;
        size_t from = 0, to = len;
        while (from < to && isspace((unsigned char)line[from])) from++;
        while (to > from && isspace((unsigned char)line[to - 1])) to--;
        if (from == to) continue;
        bool first = file != im->flow.file;
        if (first && im->any) im->format = LACE_IMPORT_AUTO;
        file = im->flow.file;
        if (first && (line[from] == '[' || (line[from] == '{' && to == from + 1))) code = import_whole(im, len, err);
        else code = import_one(im, line, len, err);
        if (code) return code;
    }
    return code;
}

int lace_data_import(const struct lace_data_flow *flow, const struct lace_import_options *o,
                     struct lace_data_report *report, struct lace_error *err)
{
    struct import im = {.o = o};
    if (o->format && strcmp(o->format, "auto")) {
        while (lace_import_formats[im.format] && strcmp(lace_import_formats[im.format], o->format)) im.format++;
        if (!lace_import_formats[im.format])
            return lace_fail(err, LACE_BAD,
                             "There is no format '%s'; it is one of auto, gsm8k, math, dapo, aime, plain, record.",
                             o->format);
    }
    im.any = im.format == LACE_IMPORT_AUTO;
    int code = lace_flow_open(&im.flow, flow, report, err);
    if (!code) code = import_lines(&im, err);
    lace_set_release(&im.seen);
    lace_flow_close(&im.flow);
    return code;
}
