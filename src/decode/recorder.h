/* What is recorded of a group while it decodes: from whose keys each of its rows drew, how far the gates were open,
 * what each token's probability was. It only reads what a step has computed anyway: attention's own log sum exp makes
 * every probability exact, so the attention itself runs as it does without a recorder.
 *
 * A record belongs to a token and to the row that chose it: the one that read the token before. Whose a key is says its
 * slot's place in the cache, not the mask; mass from slots that are none of the group's is added up apart. All memory
 * is given at init. */
#ifndef LACE_RECORDER_H
#define LACE_RECORDER_H
#include "model/forward.h"

struct lace_recorder_thread {
    float *from;                  /* (room, N) mass from each thread, mean over lattice layers and heads */
    float *gate, *logprob, *sink; /* (room) logprob NaN: the model did not choose it */
    int *time, *end;              /* (room) the clock of the row; bytes of the thread's text after the token */
    int count;                    /* records */
    int row, index;               /* of this step: in the batch, -1: none; the record that it makes */
    int now;                      /* the token chosen in this step, -1: none */
    long pooled;                  /* rows in its pool */
};
struct lace_recorder_gate {
    double sum, low, high;
    long count; /* of gates: rows * heads */
};

struct lace_recorder {
    bool busy;
    int workers;                      /* OpenMP workers that it may use */
    int threads, room, layers, width; /* N; records of a thread; lattice layers; D */
    int slot, per_thread; /* its threads' slots: thread m has per_thread of them from slot + m * per_thread */
    struct lace_recorder_thread *thread;
    struct lace_recorder_gate *gate; /* (layers) */
    double *flow;                    /* (layers, N, N): reader, source; sums over rows */
    long *rows;                      /* (N) */
    float *pool;                     /* (N, D) sums of the rows' last hidden states */
    float *agreement, *diversity;    /* (room) by step of the clock since `first` */
    int first, steps;                /* first: the clock when a thread first chose a token; -1: not yet */
    double elsewhere, residue;       /* the most that a row drew from slots of others; and was short of 1 in all */
    double *mass, *open;             /* (N, N), (N) scratch */
    long *opened;                    /* (N) scratch */
    struct lace_arena memory, block; /* block: of the records of the group at hand, a piece of memory */
};

/* Bytes of a group's records. */
size_t lace_recorder_need(int threads, int room);
/* For groups of at most so many threads whose records take at most so many bytes, with a model of so many lattice layers
 * and this width. */
int lace_recorder_init(struct lace_recorder *recorder, int threads, size_t bytes, int layers, int width, int workers,
                       struct lace_error *err);
void lace_recorder_release(struct lace_recorder *recorder);

/* layers: 0 where the group's lattice is shut. */
void lace_recorder_begin(struct lace_recorder *recorder, int threads, int room, int layers);
/* In a step: where the group lies; a thread's row, and which of its tokens (from 0, without its tag) that row is to
 * choose, negative: none of them. Every thread is named, row -1 for those without one. */
void lace_recorder_place(struct lace_recorder *recorder, int slot, int per_thread);
void lace_recorder_row(struct lace_recorder *recorder, int thread, int row, int index, int time);
void lace_recorder_lattice(struct lace_recorder *recorder, const struct lace_lattice_values *values);
/* A token as it is added to a thread: index, whatever row chooses it, and its text's length then. */
void lace_recorder_token(struct lace_recorder *recorder, int thread, int index, size_t end);
void lace_recorder_chosen(struct lace_recorder *recorder, int thread, int id, double logprob);
/* The step's end. last (rows, D): the stream after the last layer. */
void lace_recorder_step(struct lace_recorder *recorder, int time, const float *last);
#endif
