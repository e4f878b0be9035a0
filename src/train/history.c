#include "train/history.h"
#include "io/json.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void lace_history_release(struct lace_history *h)
{
    for (int i = 0; i < h->count; i++) free(h->metrics[i].points);
    free(h->metrics);
    *h = (struct lace_history){0};
}

const struct lace_metric *lace_history_find(const struct lace_history *h, const char *name)
{
    for (int i = 0; i < h->count; i++)
        if (!strcmp(h->metrics[i].name, name)) return &h->metrics[i];
    return NULL;
}

/* One more value of a key. Room is made for what is there, so that a file takes memory in proportion to its size. */
static int put(struct lace_history *h, const char *name, double step, double value, const char *where,
               struct lace_error *err)
{
    struct lace_metric *metric = (struct lace_metric *)lace_history_find(h, name);
    if (!metric) {
        if (h->count == LACE_HISTORY_KEYS || strlen(name) >= LACE_HISTORY_NAME)
            return lace_fail(err, LACE_BAD, "%s: a run has at most %d keys of less than %d bytes, and %.20s... is not.",
                             where, LACE_HISTORY_KEYS, LACE_HISTORY_NAME, name);
        struct lace_metric *grown = realloc(h->metrics, sizeof *grown * ((size_t)h->count + 1));
        if (!grown) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", where);
        h->metrics = grown;
        metric = &h->metrics[h->count++];
        *metric = (struct lace_metric){0};
        strcpy(metric->name, name);
    }
    if (metric->count == metric->cap) {
        size_t cap = metric->cap ? 2 * metric->cap : 16;
        struct lace_metric_point *grown = realloc(metric->points, sizeof *grown * cap);
        if (!grown) return lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", where);
        metric->points = grown;
        metric->cap = cap;
    }
    metric->points[metric->count++] = (struct lace_metric_point){step, value};
    return 0;
}

static int put_rate(struct lace_history *h, const json_t *line, const char *what, const char *seconds, const char *name,
                    double step, const char *where, struct lace_error *err)
{
    double n = json_number_value(json_object_get(line, what)), s = json_number_value(json_object_get(line, seconds));
    return n > 0 && s > 0 && isfinite(n / s) ? put(h, name, step, n / s, where, err) : 0;
}

static int read_line(struct lace_history *h, const char *bytes, size_t len, const char *where, struct lace_error *err)
{
    json_t *line = lace_json_parse(bytes, len, where, err);
    if (!line) return LACE_BAD;
    const json_t *at = json_object_get(line, "step");
    double step = json_number_value(at);
    int code = 0;
    const char *name;
    json_t *value;
    if (!json_is_number(at) || step < 0)
        code = lace_fail(err, LACE_BAD, "%s is no line of a run's metrics: it has no \"step\".", where);
    json_object_foreach(line, name, value) if (!code && strcmp(name, "step") && json_is_number(value)) code =
        put(h, name, step, json_number_value(value), where, err);
    if (!code) code = put_rate(h, line, "tokens", "seconds", "tokens_per_second", step, where, err);
    if (!code)
        code = put_rate(h, line, "rollout_tokens", "rollout_seconds", "rollout_tokens_per_second", step, where, err);
    json_decref(line);
    return code;
}

int lace_history_parse(struct lace_history *h, const char *bytes, size_t len, const char *path, struct lace_error *err)
{
    char where[300];
    int code = 0;
    *h = (struct lace_history){0};
    for (const char *end; len && (end = memchr(bytes, '\n', len)); len -= (size_t)(end + 1 - bytes), bytes = end + 1) {
        snprintf(where, sizeof where, "%.250s, line %zu", path, ++h->lines);
        if ((code = read_line(h, bytes, (size_t)(end - bytes), where, err))) break;
    }
    if (!code && !h->count)
        code = lace_fail(err, LACE_BAD, "%s holds no step yet; the curves begin with the first one.", path);
    if (code) lace_history_release(h);
    return code;
}

int lace_history_read(struct lace_history *h, const char *run, struct lace_error *err)
{
    char path[PATH_MAX], *bytes;
    struct stat status;
    size_t len;
    int code = 0;
    *h = (struct lace_history){0};
    if (stat(run, &status))
        return lace_fail(err, LACE_SYSTEM, "There is no run %s: %s; name the folder of a run, or its metrics.jsonl.",
                         run, strerror(errno));
    if (!S_ISDIR(status.st_mode)) {
        if (snprintf(path, sizeof path, "%s", run) >= PATH_MAX)
            return lace_fail(err, LACE_BAD, "The path %.100s... is too long.", run);
    } else if ((code = lace_join(path, run, "metrics.jsonl", err))) return code;
    if (S_ISDIR(status.st_mode) && access(path, F_OK))
        return lace_fail(err, LACE_BAD, "%s has no metrics.jsonl; name the folder that lace train wrote (its out:).",
                         run);
    if ((code = lace_read_file(path, (size_t)1 << 30, &bytes, &len, err))) return code;
    code = lace_history_parse(h, bytes, len, path, err);
    lace_free(bytes);
    return code;
}
