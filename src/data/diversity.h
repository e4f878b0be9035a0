/* How different two threads are: in their words, and in what a model makes of them. */
#ifndef LACE_DIVERSITY_H
#define LACE_DIVERSITY_H
#include "decode/engine.h"
#include "io/record.h"

/* Edit distance in words as a share of the longer text: 0 the same, 1 nothing in common. Negative: no memory. */
double lace_data_distance(const struct lace_record_thread *a, const struct lace_record_thread *b);

/* Turns threads into vectors: the mean over a thread's tokens of the last hidden states, the problem before it and
 * the lattice shut; without an engine, hashed counts of words and pairs of words. */
struct lace_embedder {
    struct lace_engine *engine; /* NULL: hashed words */
    struct lace_embedder_pass *pass;
    int width;
};
enum { LACE_HASHED_WIDTH = 512 };
int lace_embedder_open(struct lace_embedder *embedder, const char *model,
                       struct lace_error *err); /* NULL: hashed words */
/* vectors (threads of the record, width): each of length 1, or zeros for a thread without words. Tokens beyond the
 * model's context do not count. */
int lace_embed(struct lace_embedder *embedder, const struct lace_record *record, float *vectors,
               struct lace_error *err);
void lace_embedder_close(struct lace_embedder *embedder);
/* 1 minus the cosine of two such vectors. */
double lace_embedding_distance(const float *a, const float *b, int width);
#endif
