/* Groups of threads in lockstep: every step feeds one token of every running thread of every group in one
 * forward pass. A group's prompt is processed once, as a single row; its threads read it where it lies, and so do
 * the threads of other groups with the same prompt. Groups come and go between steps and never see each other; the
 * prompts of those that join are read beside the running threads, some rows in each step. No step has more rows than
 * LACE_FEW_ROWS, so what a group writes depends on nothing but its prompt, its options and its seed. Nothing is
 * allocated after open, though what is never written takes no memory. */
#ifndef LACE_DECODER_H
#define LACE_DECODER_H
#include "decode/format.h"
#include "decode/recorder.h"
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
    /* An ordinary continuation by one thread: no tag, no verdict, "[[" is text like any other, the budget is exact. A
     * model whose tags are special tokens knows no text without them: there the thread carries the tag of a thread
     * alone, and its text ends before its verdict. */
    bool plain;
    struct lace_show show;
    struct lace_sampling sampling;
    uint64_t seed;     /* a thread's random stream depends on (seed, thread) alone */
    bool barrier;      /* wait with the verdict until all threads have reached theirs */
    int budget;        /* tokens of a thread, its tag and verdict not counted; then its verdict is asked for */
    int paste;         /* room in each thread for so many tokens that it does not write: lace_decoder_paste */
    bool paste_spends; /* and these use up the budget too */
    int group_budget;  /* of all its threads together; 0: none */
    int unheard;       /* 1 + a thread whose positions the others do not see; 0: none */
    /* Every thread writes what it is forced to (lace_decoder_force, before the first step) and ends with it, whatever
     * its options say of verdicts, stops and budgets; budget counts all of its tokens, with the tag. */
    bool replay;
    bool trace;        /* record what its threads draw from each other: lace_decoder_trace */
    double early_stop; /* without a barrier: end the group when a thread's probability of best reaches this; 0: never */
    const char *const *stops; /* a thread's text ends before the first of these */
    int stop_count;
    /* Every token that a thread chose or was made to write, with what it was chosen from: logits (V) and their log sum
     * exp, valid during the call. May be NULL. */
    void (*chosen)(void *user, int thread, int id, const float *logits, double lse);
    void *user;
};

enum lace_end { LACE_RUNNING, LACE_END_VERDICT, LACE_END_STOP, LACE_END_TOKEN, LACE_END_BUDGET, LACE_END_EARLY };

/* A thread as it stands; all that a caller reads. */
struct lace_thread {
    int *ids, count; /* its tokens, the tag first (plain, without a tag: the last token of the prompt) */
    int tag_count;
    bool *pasted;          /* (count): not its own */
    int fed;               /* tokens whose keys and values are stored */
    struct lace_text text; /* what it wrote, the tag not included: whole characters always */
    size_t sent;           /* bytes of it that on_token has had: no stop string can take them back */
    size_t said;           /* bytes of it before the verdict's lead; all of them while there is none */
    enum lace_verdict verdict;
    float p[4];     /* probability of each verdict after the lead, [0] unused; zeros: never asked */
    double logprob; /* sum over the tokens that it sampled */
    int sampled;    /* their number */
    int chosen;     /* these and the forced ones: the thread's tokens in any budget */
    int heard;      /* pasted ones */
    int clock_end;  /* the group's clock when it ended: steps to solution */
    bool cut;       /* its budget ran out (and the verdict was asked for) */
    enum lace_end end;
    /* private */
    struct lace_detokenizer_stream stream; /* what the end of text waits for */
    bool at_lead, released, judged, held;  /* judged: p is known */
    int steps, chosen_before_lead;
    const int *forced;
    int forced_count;
    struct lace_rng rng;
};

struct lace_decoder_options {
    int groups, threads; /* the most at once, and of one group */
    int prompt, tokens;  /* the most tokens of a prompt, and of a thread with tag and verdict */
    int workers;         /* 0: all */
    int rows;            /* the most threads at once, at most LACE_FEW_ROWS; 0: groups * threads */
    int slots;           /* of the key/value cache, in tokens; 0: as many as all groups at their widest can need */
    int traces;          /* groups that may be traced at once; 0: none, and nothing is kept for it */
    size_t trace_bytes;  /* records of each; 0: as many as a group of `threads` threads of `tokens` tokens needs */
    /* LACE_F32 (the default): what a thread computes is what the forward pass of training computes. LACE_BF16: keys and
     * values take half of the memory, rounded. */
    enum lace_dtype kv;
};

struct lace_decoder;
int lace_decoder_open(struct lace_decoder **decoder, const struct lace_model *model, const struct lace_format *format,
                      const struct lace_decoder_options *options, struct lace_error *err);
void lace_decoder_close(struct lace_decoder **decoder);
/* Takes all memory now that the decoder may ever use; otherwise the system gives the pages of keys and values when they
 * are first written. For a server: where there is too little of it, that shows at the start. */
void lace_decoder_claim(struct lace_decoder *decoder);

/* Prefills a prompt and starts its threads. Returns the group's index (from 0), or a negative code. */
int lace_decoder_add(struct lace_decoder *decoder, const int *prompt, int count,
                     const struct lace_group_options *options, struct lace_error *err);
/* The same without the prefill: the next steps do it, beside the threads that run. *cached: tokens of the prompt that
 * need not be read, because they are in the cache (may be NULL). */
int lace_decoder_join(struct lace_decoder *decoder, const int *prompt, int count,
                      const struct lace_group_options *options, int *cached, struct lace_error *err);
/* Whether such a group may be added at all (from any OS thread), and (below) whether there is room for it now. */
int lace_decoder_check(const struct lace_decoder *decoder, const int *prompt, int count,
                       const struct lace_group_options *options, struct lace_error *err);
/* The largest budget that such a group may have; below 1: the prompt is too long already. */
int lace_decoder_most_tokens(const struct lace_decoder *decoder, int count, const struct lace_group_options *options);
bool lace_decoder_fits(const struct lace_decoder *decoder, const int *prompt, int count,
                       const struct lace_group_options *options);
/* At most this many rows of prompts in a step that also has threads: fewer make that step shorter, and the prompt's
 * way longer. At open it is what the rows of a step leave. */
void lace_decoder_prefill_rows(struct lace_decoder *decoder, int rows);
/* Whether the group's prompt has been read. */
bool lace_decoder_started(const struct lace_decoder *decoder, int group);
/* One token for every running thread. Returns the number of groups that still run. on_token may be NULL; it gets what
 * no stop string can take back. */
typedef void lace_token_fn(void *user, int group, int thread, const char *bytes, size_t len);
int lace_decoder_step(struct lace_decoder *decoder, lace_token_fn *on_token, struct lace_error *err);
bool lace_decoder_done(const struct lace_decoder *decoder, int group);
const struct lace_thread *lace_decoder_thread(const struct lace_decoder *decoder, int group, int thread);
/* What was recorded of a group with options.trace; NULL: nothing. */
const struct lace_recorder *lace_decoder_trace(const struct lace_decoder *decoder, int group);
const struct lace_model *lace_decoder_model(const struct lace_decoder *decoder);
/* The next tokens of a thread are these, whatever the model says; ids stay the caller's and must outlive them. */
void lace_decoder_force(struct lace_decoder *decoder, int group, int thread, const int *ids, int count);
/* A thread that stands at the lead of its verdict gives it now, whatever the others do. */
void lace_decoder_let_judge(struct lace_decoder *decoder, int group, int thread);
/* A held thread waits where it is until it is let go. */
void lace_decoder_hold(struct lace_decoder *decoder, int group, int thread, bool held);
/* Puts tokens that it did not write into a thread's context, after what it has written. They are read at once, as a
 * prompt is, take no step of the clock, and are no part of its text. For models without a lattice. */
int lace_decoder_paste(struct lace_decoder *decoder, int group, int thread, const int *ids, int count,
                       struct lace_error *err);
void lace_decoder_remove(struct lace_decoder *decoder, int group);
/* To be called when the model's weights have changed, without groups: prompts that are in the cache are read anew. */
void lace_decoder_forget(struct lace_decoder *decoder);
int lace_decoder_free_groups(const struct lace_decoder *decoder);
/* What the last step computed, and what the cache holds. */
struct lace_decoder_use {
    int thread_rows, prompt_rows;
    int rows, rows_taken;   /* of threads */
    int slots, slots_taken; /* by groups and their prompts */
    int slots_kept;         /* by prompts that no group reads any more */
};
void lace_decoder_use(const struct lace_decoder *decoder, struct lace_decoder_use *use);
/* Bytes of keys and values of a group with this many threads: what the benchmark prints. */
size_t lace_decoder_group_bytes(const struct lace_decoder *decoder, int prompt, int threads, int tokens);
#endif
