/* A group's threads as tokens: what each writes, when it is read and what of it is learned. A script comes from a
 * record, whose text is tokenised here, or from a group that was decoded; a shard lays it out as a batch.
 *
 *     tag  step step ... lead  verdict      token i of a thread is read at the clock start + i, up to the lead's
 *     0 .........  wait  wait + 1 ...       last token: that one waits until every thread has come so far */
#ifndef LACE_SCRIPT_H
#define LACE_SCRIPT_H
#include "decode/decoder.h"
#include "train/source.h"

struct lace_script_thread {
    int first, count; /* its tokens: token[first] to token[first + count - 1], the tag first; 0: it is not there */
    int start;        /* the clock at its first token */
    int wait;         /* index of the token that waits at the barrier; count - 1 where it wrote no lead */
    bool read_last;   /* the last token is read too; otherwise it is only predicted */
};

struct lace_script {
    const char *name; /* of the record, for complaints; borrowed */
    int *prompt, prompt_count;
    int threads;
    struct lace_script_thread thread[LACE_RECORD_THREADS];
    int *token;    /* of all threads */
    float *weight; /* of each as a target: 0 is predicted and not learned, negative not predicted at all */
    int count;
    /* scratch */
    int capacity, *ids;
    size_t prompt_capacity, id_capacity;
    struct lace_text text;
};

void lace_script_release(struct lace_script *script); /* a zeroed one is fine */
/* Reads a record: its tokens, falsified steps not learned, as the source says. */
int lace_script_read(struct lace_script *script, const struct lace_format *format, const struct lace_record *record,
                     const struct lace_source *source, struct lace_rng *rng, struct lace_error *err);
/* Takes what a finished group wrote. Its own choices have the weight 1; what it was forced to write, 0. */
int lace_script_take(struct lace_script *script, const struct lace_format *format, const struct lace_decoder *decoder,
                     int group, int threads, const int *prompt, int prompt_count, struct lace_error *err);
#endif
