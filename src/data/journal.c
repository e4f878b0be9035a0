#include "data/journal.h"
#include "io/json.h"
#include "io/lines.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LINE = 32 << 20 };

struct place {
    struct lace_ask_key key; /* both 0: empty */
    long offset;
    size_t len;
};

struct lace_journal {
    char *path;
    FILE *file;
    struct place *places; /* open addressing */
    size_t count, cap;
};

static bool is_empty(const struct place *place) { return !place->key.a && !place->key.b; }

static struct place *find(const struct lace_journal *j, struct lace_ask_key key)
{
    size_t at = (size_t)(key.a >> 7) & (j->cap - 1);
    while (!is_empty(&j->places[at]) && (j->places[at].key.a != key.a || j->places[at].key.b != key.b))
        at = (at + 1) & (j->cap - 1);
    return &j->places[at];
}

static int put(struct lace_journal *j, struct lace_ask_key key, long offset, size_t len, struct lace_error *err)
{
    if (2 * j->count >= j->cap) {
        struct lace_journal larger = {.cap = j->cap ? j->cap * 2 : 1024};
        if (!(larger.places = calloc(larger.cap, sizeof *larger.places)))
            return lace_fail(err, LACE_MEMORY, "Out of memory: %s holds %zu replies.", j->path, j->count);
        for (size_t i = 0; i < j->cap; i++)
            if (!is_empty(&j->places[i])) *find(&larger, j->places[i].key) = j->places[i];
        free(j->places);
        j->places = larger.places;
        j->cap = larger.cap;
    }
    struct place *place = find(j, key);
    j->count += is_empty(place);
    *place = (struct place){key, offset, len};
    return 0;
}

/* A line as JSON: its key and text; NULL where it is none of ours. The caller lets go of the object. */
static json_t *read_entry(const char *line, size_t len, struct lace_ask_key *key, const char **text, bool *cut)
{
    json_t *entry = len <= LINE ? lace_json_parse(line, len, "a reply", NULL) : NULL;
    const char *hash = json_string_value(json_object_get(entry, "ask"));
    unsigned long long a, b;
    char end;
    *text = json_string_value(json_object_get(entry, "text"));
    *cut = json_is_true(json_object_get(entry, "cut"));
    if (*text && hash && sscanf(hash, "%16llx%16llx%c", &a, &b, &end) == 2 && (a || b)) {
        *key = (struct lace_ask_key){a, b};
        return entry;
    }
    json_decref(entry);
    return NULL;
}

static int read_all(struct lace_journal *j, struct lace_error *err)
{
    struct lace_lines lines;
    size_t len;
    bool ended = true, cut;
    int code = lace_lines_open(&lines, j->path, LINE, err), more;
    if (code) return code;
    for (long offset = 0; !code && (more = lace_lines_next(&lines, &len, err)); offset = ftell(lines.stream)) {
        struct lace_ask_key key;
        const char *text;
        if (more < 0) {
            code = more;
            break;
        }
        json_t *entry = read_entry(lines.line, len, &key, &text, &cut);
        if (entry) code = put(j, key, offset, len, err);
        json_decref(entry);
        fseek(lines.stream, -1, SEEK_CUR);
        ended = getc(lines.stream) == '\n';
    }
    lace_lines_close(&lines);
    if (!code && !ended &&
        (fputc('\n', j->file) == EOF || fflush(j->file))) /* else the next reply joins the half line */
        code = lace_fail(err, LACE_SYSTEM, "Cannot write %s: %s.", j->path, strerror(errno));
    return code;
}

int lace_journal_open(struct lace_journal **out, const char *path, struct lace_error *err)
{
    struct lace_journal *j = *out = calloc(1, sizeof *j);
    int code = 0;
    if (!j || !(j->path = strdup(path))) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    else if (!(j->file = fopen(path, "a+e")))
        code = lace_fail(err, LACE_SYSTEM, "Cannot write the replies to %s: %s.", path, strerror(errno));
    else if (flock(fileno(j->file), LOCK_EX | LOCK_NB))
        code = lace_fail(err, LACE_SYSTEM, "Another program writes to %s; wait for it, or name another file.", path);
    else code = read_all(j, err);
    if (code) lace_journal_close(out, false);
    return code;
}

int lace_journal_find(struct lace_journal *j, struct lace_ask_key key, char **text, bool *cut, struct lace_error *err)
{
    struct place *place = j->cap ? find(j, key) : NULL;
    struct lace_ask_key stored;
    const char *found;
    *text = NULL;
    if (!place || is_empty(place)) return 0;
    char *line = malloc(place->len + 1);
    if (!line) return lace_fail(err, LACE_MEMORY, "Out of memory while a reply is read again.");
    ssize_t got = pread(fileno(j->file), line, place->len, place->offset);
    json_t *entry = got == (ssize_t)place->len ? read_entry(line, place->len, &stored, &found, cut) : NULL;
    free(line);
    if (!entry) return lace_fail(err, LACE_SYSTEM, "%s was changed while it was in use.", j->path);
    *text = strdup(found);
    json_decref(entry);
    return *text ? 1 : lace_fail(err, LACE_MEMORY, "Out of memory while a reply is read again.");
}

int lace_journal_add(struct lace_journal *j, struct lace_ask_key key, const char *text, bool cut,
                     struct lace_error *err)
{
    char hash[40];
    snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)key.a, (unsigned long long)key.b);
    json_t *entry = json_pack("{s:s, s:s, s:b}", "ask", hash, "text", text, "cut", cut);
    char *line = entry ? json_dumps(entry, JSON_COMPACT) : NULL;
    json_decref(entry);
    if (!line) return lace_fail(err, LACE_BAD, "A reply is not UTF-8.");
    size_t len = strlen(line);
    long offset = fseek(j->file, 0, SEEK_END) ? -1 : ftell(j->file);
    line[len] = '\n'; /* in place of the end */
    bool bad = offset < 0 || fwrite(line, 1, len + 1, j->file) != len + 1 || fflush(j->file);
    free(line);
    if (bad) return lace_fail(err, LACE_SYSTEM, "Cannot write a reply to %s: %s.", j->path, strerror(errno));
    return put(j, key, offset, len, err);
}

void lace_journal_close(struct lace_journal **journal, bool remove_file)
{
    struct lace_journal *j = *journal;
    if (!j) return;
    if (j->file) {
        if (remove_file) unlink(j->path);
        fclose(j->file);
    }
    free(j->places);
    free(j->path);
    free(j);
    *journal = NULL;
}
