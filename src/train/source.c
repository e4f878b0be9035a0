#include "train/source.h"
#include <stdlib.h>
#include <string.h>

static int read_interval(struct lace_settings *s, const char *key, int low, int high, struct lace_interval *out,
                         struct lace_error *err)
{
    int ends[2], count = 0;
    int code = lace_settings_ints(s, key, low, high, ends, 2, &count, err);
    if (code || !count) return code;
    *out = (struct lace_interval){ends[0], ends[count - 1]};
    if (out->low > out->high)
        return lace_fail(err, LACE_BAD, "%s: %s goes from %d down to %d; write the smaller number first.", s->path, key,
                         out->low, out->high);
    return 0;
}

/* Keeps the lines of a data file; each is parsed once here, so that a bad one is named before training starts. */
static int read_lines(struct lace_source *source, const char *path, struct lace_error *err)
{
    struct lace_record_file *file;
    struct lace_record record;
    size_t cap = 0;
    int code = lace_record_open(&file, path, err);
    if (code) return code;
    while ((code = lace_record_next(file, &record, err)) > 0) {
        struct lace_text line;
        lace_text_init(&line);
        const struct lace_family *family = lace_family_find(record.task, NULL);
        enum lace_split side;
        if (!record.thread_count)
            code = lace_fail(err, LACE_BAD, "%s: record %s has no threads to learn from.", path, record.id);
        else if (family && family->evaluation_only)
            code = lace_fail(err, LACE_BAD, "%s: record %s is of the family %s, which is for evaluation only.", path,
                             record.id, family->name);
        else if (family && !lace_family_side(family, record.prompt, &side, NULL) && side == LACE_SPLIT_TEST)
            code =
                lace_fail(err, LACE_BAD,
                          "%s: record %s lies on the test side of the split; train on records made with --split train.",
                          path, record.id);
        else code = lace_record_format(&record, &line, err);
        lace_record_release(&record);
        if (!code && source->line_count == cap) {
            char **grown = realloc(source->lines, sizeof *grown * (cap = cap ? 2 * cap : 1024));
            if (!grown) code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", path);
            else source->lines = grown;
        }
        if (code) {
            lace_text_release(&line);
            break;
        }
        source->lines[source->line_count++] = line.data;
    }
    lace_record_close(&file);
    if (!code && !source->line_count) code = lace_fail(err, LACE_BAD, "%s holds no records.", path);
    return code;
}

/* Makes a problem at each end of the options: what cannot be made is said before training starts. */
static int try_ends(const struct lace_family *family, const struct lace_data_knobs *knobs, struct lace_error *err)
{
    int code = lace_family_check_knobs(family, knobs, err);
    for (int end = 0; end < 2 && !code; end++) {
        struct lace_data_knobs one = *knobs;
        struct lace_record record;
        one.difficulty.high = one.difficulty.low;
        *(end ? &one.options.low : &one.options.high) = end ? one.options.high : one.options.low;
        code = lace_family_make(family, &one, 0, &record, err);
        if (!code) lace_record_release(&record);
    }
    return code;
}

#define KEY(name) (snprintf(key, sizeof key, "data.%d.%s", i, name), key)

/* data.i, of this family or of this file. */
static int read_source(struct lace_source *o, struct lace_settings *s, int i, uint64_t seed, const char *family,
                       const char *file, struct lace_error *err)
{
    char key[64];
    int code, choice;
    *o = (struct lace_source){.weight = 1, .until = 1};
    if ((code = lace_settings_double(s, KEY("weight"), 0, 1e6, &o->weight, err)) ||
        (code = lace_settings_double(s, KEY("from"), 0, 1, &o->from, err)) ||
        (code = lace_settings_double(s, KEY("until"), 0, 1, &o->until, err)) ||
        (code = lace_settings_bool(s, KEY("shut"), &o->shut, err)) ||
        (code = lace_settings_int(s, KEY("jitter"), 0, 4096, &o->jitter, err)) ||
        (code = lace_settings_int(s, KEY("start"), 0, 4096, &o->start, err)) ||
        (code = lace_settings_int(s, KEY("keep"), 0, LACE_RECORD_THREADS, &o->keep, err)) ||
        (code = lace_settings_bool(s, KEY("shuffle"), &o->shuffle, err)) ||
        (code = lace_settings_double(s, KEY("midstep"), 0, 1, &o->midstep, err)))
        return code;
    if (o->keep && !o->shut)
        return lace_fail(err, LACE_BAD,
                         "%s: data.%d.keep leaves threads out, which the others would look for; it needs shut: true.",
                         s->path, i);
    if (file) return read_lines(o, file, err);

    struct lace_data_knobs *k = &o->knobs;
    if (!(o->family = lace_family_find(family, err))) return LACE_BAD;
    if (o->family->evaluation_only)
        return lace_fail(err, LACE_BAD, "%s: data.%d: the family %s is for evaluation only; train on another one.",
                         s->path, i, family);
    lace_data_knobs_defaults(k);
    k->difficulty = (struct lace_interval){o->family->trained_low, o->family->trained_high};
    k->split = LACE_SPLIT_TRAIN; /* never the test side, whatever the settings say */
    k->seed = seed;
    if ((code = read_interval(s, KEY("difficulty"), 1, 1000, &k->difficulty, err)) ||
        (code = read_interval(s, KEY("options"), 2, 96, &k->options, err)) ||
        (code = read_interval(s, KEY("threads"), 1, LACE_DATA_THREADS, &k->threads, err)) ||
        (code = read_interval(s, KEY("ambiguity"), 0, LACE_DATA_AMBIGUITY, &k->ambiguity, err)) ||
        (code = lace_settings_ints(s, KEY("moduli"), 2, 1000, k->moduli, 8, &k->modulus_count, err)) ||
        (code = lace_settings_int(s, KEY("budget"), 0, LACE_DATA_ROUNDS, &k->budget, err)) ||
        (code = lace_settings_double(s, KEY("corrupt"), 0, 1, &k->corrupt, err)) ||
        (code = lace_settings_double(s, KEY("astray"), 0, 1, &k->astray, err)) ||
        (code = lace_settings_double(s, KEY("collide"), 0, 1, &k->collide, err)) ||
        (code = lace_settings_double(s, KEY("flip"), 0, 1, &k->weights[LACE_FALSE_FLIP], err)) ||
        (code = lace_settings_double(s, KEY("forge"), 0, 1, &k->weights[LACE_FALSE_FORGE], err)) ||
        (code = lace_settings_double(s, KEY("miss"), 0, 1, &k->weights[LACE_FALSE_MISS], err)))
        return code;
    choice = k->policy;
    if ((code = lace_settings_choice(s, KEY("policy"), lace_policy_names, &choice, err))) return code;
    k->policy = (enum lace_policy)choice;
    const char *strategy = NULL;
    struct lace_error why;
    if ((code = lace_settings_string(s, KEY("strategy"), &strategy, err))) return code;
    if (strategy && lace_data_strategy(o->family->name, strategy, &k->strategy, &why))
        return lace_fail(err, LACE_BAD, "%s: data.%d: %.300s", s->path, i, why.text);
    return try_ends(o->family, k, err);
}

/* data.i: a file, a family, or several families (family: [search, path]), which share its weight. */
static int read_entry(struct lace_sources *sources, struct lace_settings *s, int i, uint64_t seed, bool *there,
                      struct lace_error *err)
{
    char key[64];
    const char *families = NULL, *file = NULL;
    int code, first = sources->count;
    *there = false;
    if ((code = lace_settings_string(s, KEY("family"), &families, err)) ||
        (code = lace_settings_string(s, KEY("file"), &file, err)))
        return code;
    snprintf(key, sizeof key, "data.%d", i);
    if (!families && !file && !lace_settings_has(s, key)) return 0;
    if (!families == !file)
        return lace_fail(err, LACE_BAD,
                         families ? "%s: %s names a family and a file; it can be one of them."
                                  : "%s: %s says neither family: nor file:; give it one of them.",
                         s->path, key);
    *there = true;
    for (const char *name = families ? families : file; !code && name;) {
        const char *comma = families ? strchr(name, ',') : NULL;
        char family[64];
        snprintf(family, sizeof family, "%.*s", (int)(comma && comma - name < 64 ? comma - name : 63), name);
        if (sources->count == LACE_MAX_SOURCES)
            return lace_fail(err, LACE_BAD, "%s: there are more than %d sources under data:.", s->path,
                             LACE_MAX_SOURCES);
        int at = sources->count++;
        code = read_source(&sources->source[at], s, i, seed + (uint64_t)at * 7919, families ? family : NULL, file, err);
        name = comma ? comma + 1 : NULL;
    }
    for (int at = first; at < sources->count; at++) sources->source[at].weight /= sources->count - first;
    return code;
}

int lace_sources_read(struct lace_sources *sources, struct lace_settings *s, uint64_t seed, struct lace_error *err)
{
    *sources = (struct lace_sources){0};
    bool there = true;
    for (int i = 0; there; i++) {
        int code = read_entry(sources, s, i, seed, &there, err);
        if (code) {
            lace_sources_release(sources);
            return code;
        }
    }
    double covered = sources->count ? 0 : -1; /* from the start up to here some source is active */
    for (bool grew = sources->count > 0; grew && covered < 1;) {
        grew = false;
        for (int i = 0; i < sources->count; i++) {
            const struct lace_source *o = &sources->source[i];
            if (!(o->weight > 0) || o->from > covered || o->until <= covered) continue;
            covered = o->until;
            grew = true;
        }
    }
    if (covered == 1) return 0;
    lace_sources_release(sources);
    if (covered < 0)
        return lace_fail(err, LACE_BAD, "%s: there is no data to train on; name a family or a file under data:.",
                         s->path);
    return lace_fail(
        err, LACE_BAD,
        "%s: no data source is active right after %.4g %% of the run; let from and until of the sources meet.", s->path,
        100 * covered);
}

void lace_sources_release(struct lace_sources *sources)
{
    for (int i = 0; i < sources->count; i++) {
        for (size_t j = 0; j < sources->source[i].line_count; j++) free(sources->source[i].lines[j]);
        free(sources->source[i].lines);
    }
    *sources = (struct lace_sources){0};
}

int lace_sources_draw(const struct lace_sources *sources, struct lace_rng *rng, double progress,
                      struct lace_record *record, const struct lace_source **source, struct lace_error *err)
{
    double sum = 0;
    const struct lace_source *chosen = NULL, *last = NULL;
    for (int i = 0; i < sources->count; i++) {
        const struct lace_source *o = &sources->source[i];
        if (progress >= o->from && progress <= o->until) sum += o->weight;
    }
    double draw = lace_rng_uniform(rng) * sum;
    for (int i = 0; i < sources->count && !chosen; i++) {
        const struct lace_source *o = &sources->source[i];
        if (progress < o->from || progress > o->until || !(o->weight > 0)) continue;
        last = o;
        if ((draw -= o->weight) < 0) chosen = o;
    }
    if (!chosen) chosen = last;
    if (!chosen)
        return lace_fail(err, LACE_BAD,
                         "No data source is active at %.0f %% of the run; let from and until of the sources meet.",
                         100 * progress);
    *source = chosen;
    uint64_t index = (uint64_t)lace_rng_u32(rng) << 20 ^ lace_rng_u32(rng);
    if (chosen->family) return lace_family_make(chosen->family, &chosen->knobs, index, record, err);
    const char *line = chosen->lines[index % chosen->line_count];
    return lace_record_parse(record, line, strlen(line), "a training record", err);
}
