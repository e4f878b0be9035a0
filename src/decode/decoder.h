/* Groups of threads in lockstep: every step feeds one token of every running thread of every group in one
 * forward pass. A group's prompt is processed once, as a single row; its threads read it where it lies. Groups
 * come and go between steps and never see each other. Nothing is allocated after open. */
#ifndef LACE_DECODER_H
#define LACE_DECODER_H
#include "decode/format.h"
#include "decode/sampler.h"
#include "model/forward.h"

enum lace_see {
    LACE_SEE_OWN,
    LACE_SEE_NONE,
    LACE_SEE_FOREIGN
}; /* what the lattice shows: the group's threads; nothing (muted); the next group's */

struct lace_group_options {
    int threads;
    enum lace_see see;
    bool solo; /* every thread carries the tag of a thread alone */
    struct lace_sampling sampling;
    uint64_t seed;     /* a thread's random stream depends on (seed, thread) alone */
    bool barrier;      /* wait with the verdict until all threads have reached theirs */
    int budget;        /* tokens of a thread, its tag and verdict not counted; then its verdict is asked for */
    int group_budget;  /* of all its threads together; 0: none */
    double early_stop; /* without a barrier: end the group when a thread's probability of best reaches this; 0: never */
    const char *const *stops; /* a thread ends when its text ends with one of these */
    int stop_count;
    void *user;
};

enum lace_end { LACE_RUNNING, LACE_END_VERDICT, LACE_END_STOP, LACE_END_TOKEN, LACE_END_EARLY };

/* A thread as it stands; all that a caller reads. */
struct lace_thread {
    int *ids, count; /* its tokens, the tag first */
    int tag_count;
    int fed;               /* tokens whose keys and values are stored */
    struct lace_text text; /* what it wrote, the tag not included */
    enum lace_verdict verdict;
    float p[4];     /* probability of each verdict after the lead, [0] unused; zeros: never asked */
    double logprob; /* sum over the tokens that it chose itself */
    int chosen;     /* their number: the thread's tokens in any budget */
    int clock_end;  /* the group's clock when it ended: steps to solution */
    bool cut;       /* its budget ran out and the verdict was asked for */
    enum lace_end end;
    /* private */
    bool at_lead, released, judged; /* judged: p is known */
    int steps, slot, chosen_before_lead;
    const int *forced;
    int forced_count;
    struct lace_rng rng;
};

struct lace_decoder_options {
    int groups, threads; /* the most at once; groups * threads <= LACE_FEW_ROWS */
    int prompt, tokens;  /* the most tokens of a prompt, and of a thread with tag and verdict */
    int workers;         /* 0: all */
};

struct lace_decoder;
int lace_decoder_open(struct lace_decoder **decoder, const struct lace_model *model, const struct lace_format *format,
                      const struct lace_decoder_options *options, struct lace_error *err);
void lace_decoder_close(struct lace_decoder **decoder);

/* Prefills a prompt and starts its threads. Returns the group's index (from 0), or a negative code. */
int lace_decoder_add(struct lace_decoder *decoder, const int *prompt, int count,
                     const struct lace_group_options *options, struct lace_error *err);
/* One token for every running thread. Returns the number of groups that still run. on_token may be NULL. */
typedef void lace_token_fn(void *user, int group, int thread, const char *bytes, size_t len);
int lace_decoder_step(struct lace_decoder *decoder, lace_token_fn *on_token, struct lace_error *err);
bool lace_decoder_done(const struct lace_decoder *decoder, int group);
const struct lace_thread *lace_decoder_thread(const struct lace_decoder *decoder, int group, int thread);
void *lace_decoder_user(const struct lace_decoder *decoder, int group);
/* The next tokens of a thread are these, whatever the model says; ids stay the caller's and must outlive them. */
void lace_decoder_force(struct lace_decoder *decoder, int group, int thread, const int *ids, int count);
void lace_decoder_remove(struct lace_decoder *decoder, int group);
int lace_decoder_free_groups(const struct lace_decoder *decoder);
/* Bytes of keys and values of a group with this many threads: what the benchmark prints. */
size_t lace_decoder_group_bytes(const struct lace_decoder *decoder, int prompt, int threads, int tokens);
#endif
