/* Where training groups come from: our families, made on the fly, and data files; a weighted mixture that may change
 * over the run (a curriculum is a list of sources with a from and an until). Group k of a run is a pure function of
 * (seed, k), so a resumed run sees what an uninterrupted one would. */
#ifndef LACE_SOURCE_H
#define LACE_SOURCE_H
#include "io/record.h"
#include "io/settings.h"
#include "synth/family.h"

struct lace_source {
    const struct lace_family *family; /* NULL: a file */
    struct lace_data_knobs knobs;
    char **lines; /* of the file */
    size_t line_count;
    double weight;      /* share of the groups among the sources that are active */
    double from, until; /* active part of the run, 0 to 1 */
    bool shut;          /* gates shut: these groups train the model without its lattice */
    int jitter;         /* each thread starts up to this many tokens late, drawn alone */
    int start;          /* all threads of the group start up to this late, together */
    int keep;           /* with the gates shut: only so many threads of a group, drawn at random; 0: all */
    bool shuffle;       /* permute which thread gets which index */
    double midstep;     /* share of the threads without an answer that end in the middle of their last step */
};

#define LACE_MAX_SOURCES 128
struct lace_sources {
    struct lace_source source[LACE_MAX_SOURCES];
    int count;
};
/* Reads data.0.family, data.0.weight, ...; an entry with a list of families becomes one source of each. */
int lace_sources_read(struct lace_sources *sources, struct lace_settings *settings, uint64_t seed,
                      struct lace_error *err);
void lace_sources_release(struct lace_sources *sources);
/* Draws a source for the moment `progress` (0 to 1) and makes the record. The caller releases it. */
int lace_sources_draw(const struct lace_sources *sources, struct lace_rng *rng, double progress,
                      struct lace_record *record, const struct lace_source **source, struct lace_error *err);
#endif
