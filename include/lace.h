/* lace: N reasoning threads of one transformer that attend to each other. This solves a problem with four of them:
 *
 *     #include <lace.h>
 *     #include <stdio.h>
 *
 *     int main(int argc, char **argv)
 *     {
 *         const char *problem = argc > 1 ? argv[1] : "Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6.";
 *         struct lace_engine *engine;
 *         struct lace_engine_options model;
 *         struct lace_run_options run;
 *         struct lace_run_result result = {0};
 *         struct lace_error err;
 *         lace_engine_defaults(&model);
 *         int code = lace_engine_open(&engine, &model, &err);
 *         if (!code) lace_run_defaults(engine, &run);
 *         if (!code) code = lace_run(engine, problem, &run, &result, &err);
 *         if (code) fprintf(stderr, "%s\n", err.text);
 *         else printf("%s\n", result.answer ? result.answer : "No thread has an answer.");
 *         lace_run_release(&result);
 *         lace_engine_close(&engine);
 *         return code != 0;
 *     }
 *
 *     cc solve.c $(pkg-config --cflags --libs lace) -o solve
 *
 * Texts are UTF-8, terminated unless a length stands beside them. Options that have a _defaults() function begin with
 * it, others zeroed. The library neither prints nor exits; what a failed call has given needs no release. Callbacks
 * come from the OS thread that called, unless their comment says otherwise. */
#ifndef LACE_H
#define LACE_H
#include <stddef.h>
#include <stdint.h>
#define LACE_VERSION "0.1.0" /* the one place; the build reads it from here */

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* liblace.so exports what this file declares, and nothing else */

/* What went wrong, as one complete sentence that names the file, flag or shape and the remedy.
 * Every fallible function takes one last, may be given NULL, and returns 0 or a negative code. */
struct lace_error {
    char text[512];
};

enum lace_code {
    LACE_OK = 0,
    LACE_BAD = -1,     /* bad input: a file, a flag, a request */
    LACE_MEMORY = -2,  /* an allocation failed */
    LACE_SYSTEM = -3,  /* the operating system refused: cannot open, write, map */
    LACE_STOPPED = -4, /* the caller asked to stop; what was reached is saved */
};

/* ---- a model, ready to run ---- */
/* A backbone with its tokenizer and, where there is one, its lattice. Immutable once open: several runs may share
 * it, each from a thread of its own. */
struct lace_engine;
enum lace_visible { LACE_ALIGNED, LACE_WINDOW, LACE_CAUSAL };
struct lace_engine_options {
    const char *model;   /* a Hugging Face directory or a GGUF file; NULL: $LACE_MODEL, or the one that ships */
    const char *lattice; /* an adapter directory; "off": none; NULL: MODEL/lattice where it exists */
    int visible;         /* enum lace_visible: show other positions than the lattice was trained with; -1: its own */
    int window;          /* with LACE_WINDOW: positions of each other thread, the present one counted; 1 or more */
    const char *dtype;   /* "bf16", "f32", or NULL: what this CPU is fast at */
    /* Type of the keys and values that decoding keeps: "bf16", "f32", or NULL: f32 where products are computed in f32, so
     * that nothing is rounded, and else bf16, which takes half of the memory. */
    const char *kv_dtype;
    /* The tokenizer and the chat template alone, of a model whose weights need not be there: nothing of the other options
     * is read but model, and what runs the model (lace_run, lace_score, ...) refuses. */
    int text_only;
};
/* Fills the options: the shipped model, its own lattice, the type of products that this CPU is fast at. */
void lace_engine_defaults(struct lace_engine_options *options);
/* Opens a model; on failure *engine is NULL. The caller closes it. */
int lace_engine_open(struct lace_engine **engine, const struct lace_engine_options *options, struct lace_error *err);
/* Releases everything; nothing that runs may still use it. */
void lace_engine_close(struct lace_engine **engine); /* NULL is fine; nulls the handle */

struct lace_engine_info {
    const char *path;        /* of the model's directory or file */
    const char *lattice;     /* kind of its lattice: "lattice", "full", or "none"; text_only: so, and all sizes are 0 */
    const char *isa, *dtype; /* the level of the operations in use; the type of most weights: "bf16", "q4_k", ... */
    const char *kv_dtype;    /* "bf16" or "f32" */
    size_t parameters, lattice_parameters; /* numbers in the backbone, and in the lattice beside it */
    int layers, width, vocabulary;
    int context;     /* tokens of a prompt and one thread together */
    int max_threads; /* of a run */
    const char *warning; /* a sentence: the lattice was made for other weights (docs/checkpoints.md); NULL: nothing to say */
};
/* Describes an open engine; the texts belong to it. */
void lace_engine_info(const struct lace_engine *engine, struct lace_engine_info *info);

/* ---- tokens ---- */
/* Ids of a text as Transformers gives them: special tokens written in it become their ids, and what the tokenizer's
 * template adds (a beginning of text, as a rule) is added. text may hold any bytes. The caller frees *ids with free();
 * it is NULL after an error. */
int lace_tokenize(const struct lace_engine *engine, const char *text, size_t len, int **ids, size_t *count,
                  struct lace_error *err);
/* The bytes that one token writes inside a text, not terminated, perhaps part of a character; NULL: no such id. They
 * belong to the engine. */
const char *lace_token_bytes(const struct lace_engine *engine, int id, size_t *len);
/* The text of ids, special tokens included; ids that no token has write nothing, as in Tokenizers. On success the
 * caller frees *text with free(); it is terminated. */
int lace_detokenize(const struct lace_engine *engine, const int *ids, size_t count, char **text, size_t *len,
                    struct lace_error *err);

struct lace_score_token {
    int id;
    float logprob;
};
/* logprobs (count): log-probability of every token given those before it, the first one's 0. best (count, top): the
 * most probable tokens in that place, in order; NULL with top 0. Natural logarithms. LACE_BAD: no ids, an id outside
 * of the vocabulary, more than the context. Safe from several OS threads. */
int lace_score(const struct lace_engine *engine, const int *ids, size_t count, float *logprobs,
               struct lace_score_token *best, int top, struct lace_error *err);

/* ---- conversations ---- */
/* What a chat template is given besides the messages. Texts may be NULL. */
struct lace_chat_options {
    const char *tools;         /* JSON: a list of tools, as the OpenAI API has them */
    const char *documents;     /* JSON: a list of objects */
    const char *variables;     /* JSON: an object of the template's own variables: {"enable_thinking": false} */
    const char *name;          /* which of several templates; NULL: "tool_use" where there are tools, else "default" */
    int add_generation_prompt; /* the text ends where the model's reply begins */
    int continue_final;        /* the last message is left open, for the model to continue; the other one is 0 then */
    int64_t now;               /* for templates that name the day: seconds since 1970; 0: the clock */
};
/* No tools, the default template, add_generation_prompt. */
void lace_chat_defaults(struct lace_chat_options *options);
/* The text of a conversation as the model's own chat template writes it, as Transformers does (apply_chat_template
 * without tokenize). messages is JSON: a list of objects with "role" and "content", in their order, what else the
 * template reads ("tool_calls", ...) included. On success the caller frees *text with free(); it is terminated.
 * LACE_BAD: the model has no template, the template refuses the conversation (err has its words), uses what is not
 * supported or more than it may, or the JSON is wrong. Safe from any OS thread.
 * Special tokens that a message holds are not told from the template's own: lace_tokenize makes tokens of both, as
 * Transformers does. A server for people who do not trust each other looks for them first. */
int lace_chat_render(const struct lace_engine *engine, const char *messages, const struct lace_chat_options *options,
                     char **text, size_t *len, struct lace_error *err);
/* 0: the model has a chat template that can be used; otherwise err says what is missing. */
int lace_chat_check(const struct lace_engine *engine, struct lace_error *err);

/* ---- one problem, N threads ---- */
enum lace_verdict { LACE_VERDICT_NONE, LACE_VERDICT_BEST, LACE_VERDICT_SUCCESS, LACE_VERDICT_FAIL };
extern const char *const lace_verdict_names[]; /* "", "best", "success", "fail" */
enum lace_pick_by { LACE_PICK_VERDICT, LACE_PICK_VOTE, LACE_PICK_LOGPROB };

struct lace_sampling {
    double temperature;        /* 0: the most probable token */
    int top_k;                 /* 0: all */
    double top_p;              /* 1: all */
    double min_p;              /* 0: all */
    double repetition_penalty; /* 1: none */
};

struct lace_run_options {
    int threads;   /* reasoning threads, 1 to lace_engine_info's max_threads */
    uint64_t seed; /* a thread's random stream depends on (seed, thread) alone */
    struct lace_sampling sampling;
    enum lace_pick_by pick;
    int barrier;              /* all verdicts are decided in the same step, with every answer in view */
    int budget;               /* tokens of a thread; 0: the model's own limit */
    int group_budget;         /* of all threads together; 0: none */
    double early_stop;        /* without a barrier: end when a thread is best with this probability; 0: never */
    const char *const *stops; /* NULL-terminated list: a thread's text ends before any of these; or NULL */
    /* The prompt is what lace_chat_render wrote: its special tokens are recognised, nothing is added to it, and the
     * answer is all that the picked thread wrote before its verdict. One thread alone writes an ordinary continuation:
     * no tag, no verdict. */
    int chat;
    int trace; /* record what the threads draw from each other: result.trace. It changes nothing that they write */
    /* Called with each piece that a thread writes: whole characters, not terminated; may be NULL. Non-zero stops the
     * run: LACE_STOPPED. */
    int (*piece)(void *user, int thread, const char *bytes, size_t len);
    void *user;
};
/* The model's own settings (generation_config.json) over greedy decoding with 4 threads. */
void lace_run_defaults(const struct lace_engine *engine, struct lace_run_options *options);

struct lace_run_thread {
    char *text;   /* what it wrote, verdict included */
    size_t said;  /* bytes of it before the verdict */
    char *answer; /* NULL: none */
    enum lace_verdict verdict;
    double p_best;  /* probability of [[best]] in its place; 0: never asked */
    double logprob; /* mean over the tokens that it chose */
    int tokens;
    int cut; /* its budget ran out */
};
struct lace_run_result {
    char *answer; /* of the picked thread; NULL: no thread has one */
    int picked;   /* its index, or -1 */
    int thread_count;
    struct lace_run_thread *threads;
    int prompt_tokens, completion_tokens;
    int cached_tokens; /* of the prompt, that a session had read before */
    double prompt_seconds, decode_seconds;
    double first_seconds;     /* from the call until a thread had chosen its first token */
    int steps;                /* of the lockstep clock */
    struct lace_trace *trace; /* NULL: not asked for */
};
/* Solves one problem; on success the caller releases the result, on failure it is empty. LACE_BAD: options out of
 * range, or prompt and budget are longer than the context; LACE_MEMORY; LACE_STOPPED: piece said so. */
int lace_run(const struct lace_engine *engine, const char *prompt, const struct lace_run_options *options,
             struct lace_run_result *result, struct lace_error *err);
/* Frees what lace_run put into the result; a zeroed result is fine. */
void lace_run_release(struct lace_run_result *result);

/* Runs that follow each other, as the turns of a conversation do: what one has read of its prompt the next need not
 * read again. It writes what lace_run would. The engine must outlive it; one OS thread at a time may use it. */
struct lace_session;
/* On success the caller closes the session; on failure *session is NULL. */
int lace_session_open(struct lace_session **session, const struct lace_engine *engine, struct lace_error *err);
/* lace_run; result->cached_tokens of the prompt needed no reading. After an error the session can be used again. */
int lace_session_run(struct lace_session *session, const char *prompt, const struct lace_run_options *options,
                     struct lace_run_result *result, struct lace_error *err);
/* NULL is fine; nulls the handle. */
void lace_session_close(struct lace_session **session);

/* ---- what flowed between the threads ---- */
/* A run with options.trace holds one; docs/trace.md defines every figure. N threads; a thread's tokens are those after
 * its tag, and what is told of a token is told of the row that chose it. */
struct lace_trace_thread {
    int count;
    int *ids;       /* (count) */
    size_t *ends;   /* (count) bytes of the thread's text up to the end of each token's piece */
    int *times;     /* (count) step of the lockstep clock, from the first token of any thread on; -1: never computed */
    float *from;    /* (count, N) attention mass drawn from each thread, mean over lattice layers and heads */
    float *gate;    /* (count) mean over layers and heads */
    float *logprob; /* (count) NaN: the model did not choose it */
};
struct lace_trace_gate {
    double mean, least, most; /* over tokens and heads */
};
/* What became of thread n's words when the others no longer saw thread m, the texts staying as they are: (N, N) by
 * source m, reader n; log-probability with m in view minus without, so above 0 where m made n's words more probable.
 * The diagonal is 0. */
struct lace_influence {
    float *mean;   /* over the reader's tokens */
    int *token;    /* (N, N) the reader's token that changed most; -1: none did */
    float *change; /* (N, N) by how much */
    float *all;    /* (N) the reader's mean when it sees nobody */
    double
        drift; /* how far the replay's log-probabilities are from the run's, at most; 0 with the same model and type */
};
struct lace_trace {
    int thread_count, layer_count, steps, prompt_count, barrier;
    int *prompt_ids;
    int *layers; /* (layer_count) the model's layers that hold a lattice; none where it was off */
    struct lace_trace_thread *threads;
    float *flow; /* (layer_count, N, N) reader, source: mean mass over the reader's tokens */
    struct lace_trace_gate *gates;
    float *agreement, *diversity;     /* (steps) over the group; NaN where fewer than two threads count */
    double elsewhere;                 /* the most that a token drew from keys of no thread of the group: 0 */
    double residue;                   /* how far a token's masses and the sink were from 1 together, at most */
    struct lace_influence *influence; /* NULL: not measured */
};
/* The result as JSON, as `lace run --trace --json` prints it under "trace"; the caller frees *json with free(). */
int lace_trace_json(const struct lace_run_result *result, char **json, size_t *len, struct lace_error *err);
/* Measures result->trace->influence with the model that wrote it: its texts are run through the model again, word by
 * word, once as they were and once for each thread with that thread muted for the others. LACE_BAD: the run has no
 * trace, or another model wrote it. */
int lace_trace_influence(const struct lace_engine *engine, struct lace_run_result *result, struct lace_error *err);
/* Reads what `lace run --trace --json` printed: threads, trace and, unless NULL, the prompt (NULL where there is none),
 * which the caller frees with free(). name is the file's, for errors. The caller releases the result. */
int lace_run_read(const char *json, size_t len, const char *name, struct lace_run_result *result, char **prompt,
                  struct lace_error *err);

/* ---- a lattice for a model that has none ---- */
/* Writes a new adapter for a backbone. It changes nothing until it is trained: alpha is 0, and the model's outputs are
 * the backbone's bit for bit. */
struct lace_attach_options {
    const char *model, *out; /* the backbone's directory, and the adapter's, which must not hold anything yet */
    const char *kind;        /* "lattice", or "full": the backbone's own heads see all threads */
    const char *layers;      /* "every:K", "every:K:from-middle", or indices "14,18,22" */
    int width, heads;        /* 0: D / 8, and 4 */
    enum lace_visible visible;
    int window; /* with LACE_WINDOW */
    int self;   /* a thread's own past is visible too */
    int ring;   /* neighbours on each side; 0: all threads see each other */
    int max_threads;
    double alpha, gate; /* start values: scale of the heads, openness of the gates in (0, 1) */
    int tied;           /* W_q = W_k, and W_up copies what W_v W_down reads */
    uint64_t seed;
};
struct lace_attach_report {
    size_t parameters, lattice_parameters; /* of the backbone and of the lattice */
    int layer_count, layers[256];          /* the lattice layers; each has layer_parameters */
    size_t layer_parameters;
    int backbone_layers, width, heads;
};
/* Fills the options with the lattice of docs/model.md: low rank, causal, every second layer from the middle up. */
void lace_attach_defaults(struct lace_attach_options *options);
/* report may be NULL. */
int lace_attach(const struct lace_attach_options *options, struct lace_attach_report *report, struct lace_error *err);

/* ---- a model in another type ---- */
/* Writes a Hugging Face directory with the model's tensors in one file of one type, and with what lies beside them:
 * tokenizer, templates, generation_config.json, the lattice. Transformers loads it. */
struct lace_export_options {
    const char *model, *out; /* a Hugging Face directory, and the new one, which must not hold anything yet */
    const char *dtype;       /* "bf16", "f16" or "f32"; NULL: "bf16". What F16 cannot hold is an error */
};
struct lace_export_report {
    size_t tensors, parameters, bytes; /* of the new file */
};
/* report may be NULL. */
int lace_export(const struct lace_export_options *options, struct lace_export_report *report, struct lace_error *err);

/* ---- training ---- */
/* One stage of training, as a YAML file describes it (recipes/ has the shipped models'; docs/training.md has every key):
 * "pretrain" makes a small backbone, "cpt" trains a new lattice on a frozen backbone, "sft" trains everything,
 * "rl" rewards whole groups for the answer that they pick (Lattice GRPO). */
struct lace_train_progress {
    const char *stage, *run; /* the run's folder */
    long step, steps;
    double loss, grad_norm, lr, tokens_per_second;
    int rank; /* under mpirun: which of the processes this is; the first one, 0, writes the folder */
};
/* Before the first step, also of a run that goes on, every worker takes the longest batch that the settings allow forward
 * and backward, and throws it away: what does not fit into memory fails at once. */
struct lace_train_trial {
    int rank;
    int rows;      /* tokens of a worker's batch */
    int threads;   /* of its groups */
    int longest;   /* tokens of a group, prompt and threads */
    size_t memory; /* bytes: the most that the process has held so far */
};
struct lace_train_options {
    const char *stage;       /* "pretrain", "cpt", "sft", "rl" */
    const char *config;      /* the YAML file */
    const char *const *sets; /* "key=value", override the file; NULL-terminated, may be NULL */
    int resume; /* go on from the last checkpoint, with the settings the run began with; without it a run that exists is refused */
    int workers; /* 0: all */
    /* Called after every step; non-zero ends the run after a checkpoint: the call returns LACE_STOPPED. May be NULL. */
    int (*progress)(void *user, const struct lace_train_progress *progress);
    void *user;
    void (*trial)(void *user,
                  const struct lace_train_trial *trial); /* called once, before the first step; may be NULL */
    /* A sentence about what is probably not meant: init.lattice was made for other weights. May be NULL. */
    void (*warn)(void *user, const char *line);
};
/* Runs a stage to its end and writes its folder. LACE_STOPPED: progress said so, and a checkpoint is saved. */
int lace_train(const struct lace_train_options *options, struct lace_error *err);

/* Curves of one or several runs in one picture, a panel for each key; gnuplot draws them. */
enum { LACE_CURVES_RUNS = 8 };
struct lace_curves_options {
    const char *const *runs; /* folders of runs, or their metrics.jsonl; NULL-terminated */
    const char *const *keys; /* "loss"; "gate": of every layer. NULL-terminated; NULL: what the runs' stages call for */
    const char *out;         /* ends in .svg or .png */
    int smooth; /* the strong line is a mean over so many lines of metrics; 0: a twentieth of them; 1: none */
};
/* LACE_BAD: no metrics, or a key that no run has; LACE_SYSTEM: no such run, or gnuplot is not installed. */
int lace_curves(const struct lace_curves_options *options, struct lace_error *err);

/* ---- data ---- */
/* Problems of our own families, solved in writing by several threads. A record is a line of JSON:
 *   {"id", "task", "difficulty", "prompt", "answer",
 *    "threads": [{"steps": [...], "answer", "verdict", "strategy"}, ...], "meta": {...}}
 * Record i of (family, knobs) depends on nothing else, so any part of a set can be made alone. */
enum lace_split { LACE_SPLIT_TRAIN, LACE_SPLIT_TEST };
enum lace_policy {
    LACE_POLICY_SHARED, /* every thread uses what any thread wrote in earlier rounds */
    LACE_POLICY_TAGGED, /* each by itself, the work divided by the thread's tag */
    LACE_POLICY_ALONE,  /* each by itself, in a random order */
};
enum lace_falsehood { LACE_FALSE_NONE, LACE_FALSE_FLIP, LACE_FALSE_FORGE, LACE_FALSE_MISS };
extern const char *const lace_policy_names[];    /* "shared", "tagged", "alone" */
extern const char *const lace_falsehood_names[]; /* "", "flip", "forge", "miss" */

struct lace_interval {
    int low, high;
};

struct lace_data_knobs {
    struct lace_interval difficulty; /* of the family; `search`: number of stages, 1 to 12 */
    struct lace_interval
        options; /* of an unknown (`search`, `bill`, `loan`, `toll`), of a step (`program`); 0:0 is the family's own, 8 */
    struct lace_interval threads;   /* 4 */
    struct lace_interval ambiguity; /* 0: one wording; 1: other wordings; 2: also shuffled, more than is needed */
    int moduli[8], modulus_count;   /* primes; count 0 is the family's own, for `search` 11 and 13 */
    enum lace_policy policy;
    int strategy;      /* by number, see lace_data_strategy; 0: the policy's own */
    int budget;        /* rounds of a thread; 0: the family's own */
    double corrupt;    /* share of the records (of the shared policy) with falsified steps */
    double weights[4]; /* of the kinds of falsehood, by enum lace_falsehood; a thread alone gets flips only */
    double astray; /* share of the records (shared, three threads or more) in which some, fewer than half, end with a
                          false line and the answer that follows from it */
    double collide; /* share of the records (shared, not of `search`) in which threads often write what another writes in
                           the same round */
    uint64_t seed;
    enum lace_split split; /* no problem is on both sides, whatever its wording */
};
/* Fills the knobs with the values that their comments name. */
void lace_data_knobs_defaults(struct lace_data_knobs *knobs);

struct lace_data_family {
    const char *name, *summary;
    struct lace_interval difficulty, trained; /* all of it, and what training sets cover */
    const char *const *strategies;            /* their names, NULL at the end */
    int evaluation_only;                      /* training refuses it */
};
/* The number of problem families. */
int lace_data_family_count(void);
/* Describes family i, 0 to count - 1; LACE_BAD where there is none of that index. Its texts are constants. */
int lace_data_family(int i, struct lace_data_family *family);
/* The number of a family's strategy; "default" is 0. */
int lace_data_strategy(const char *family, const char *strategy, int *out, struct lace_error *err);

/* Gets a piece of output; non-zero stops, and the call returns LACE_STOPPED. */
typedef int (*lace_data_write)(void *user, const char *bytes, size_t len);

/* Writes records first to first + count - 1, one line each. */
int lace_data_make(const char *family, const struct lace_data_knobs *knobs, uint64_t first, uint64_t count,
                   lace_data_write write, void *user, struct lace_error *err);
/* 1: the answer is right; 0: wrong; negative: no such family, or the prompt cannot be read. */
int lace_data_check(const char *family, const char *prompt, const char *answer, struct lace_error *err);

/* Prints records of a file ("-": stdin) for people: the threads side by side in width columns; count 0: all. */
int lace_data_show(const char *path, uint64_t first, uint64_t count, int width, int colour, lace_data_write write,
                   void *user, struct lace_error *err);

struct lace_estimate {
    double value, low, high; /* the 95 % interval */
};

struct lace_data_tally {
    char name[24];
    uint64_t count;
};
enum { LACE_STATS_BINS = 25, LACE_STATS_STEPS = 64 };
/* What a file of records holds. Lists of tallies end at an empty name. */
struct lace_data_stats {
    uint64_t records, threads, steps, answered, right; /* right: answers of threads that are the record's, or as good */
    uint64_t unread; /* records of families that are not ours, or that cannot be read */
    int most_threads, most_steps;
    uint64_t test_side;         /* problems on the test side of the split */
    uint64_t corrupted, slips;  /* records with falsified steps; steps that a model got wrong by itself */
    double diversity;           /* mean over pairs of threads: edit distance in words, as a share of the longer */
    double embedding_diversity; /* the same: 1 minus the cosine of their embeddings, */
    char embedder[32];          /* which are made of "hidden states" or of "hashed words" */
    double rounds;              /* mean of the longest thread's steps */
    struct lace_data_tally difficulties[66], tasks[17], verdicts[5], kinds[9], interactions[17];
    struct lace_data_tally checks[40]; /* the families' judgement of each step */
    uint64_t distances[LACE_STATS_BINS],
        embedding_distances[LACE_STATS_BINS];    /* pairs of threads, by distance 0 to 1 */
    uint64_t thread_steps[LACE_STATS_STEPS + 1]; /* threads by their number of steps; the last: as many or more */
};
struct lace_stats_options {
    const char *model; /* embeddings are means of its hidden states ("": the shipped one); NULL: hashed words */
    const char *plot;  /* a picture, .svg or .png, drawn by gnuplot; NULL: none */
    int (*progress)(void *user, uint64_t records); /* non-zero stops; may be NULL */
    void *user;
};
/* Counts a file of records ("-": stdin); options may be NULL. */
int lace_data_stats(const char *path, const struct lace_stats_options *options, struct lace_data_stats *stats,
                    struct lace_error *err);

/* What the policies solve without any model: the share of problems with a right answer in any thread. */
struct lace_ceiling_row {
    int rounds;
    struct lace_estimate shared, tagged, alone, serial; /* serial: one thread, N times the rounds */
};
/* One row for each number of rounds in the range; 0:0 takes what tells the policies apart. */
int lace_data_ceiling(const char *family, const struct lace_data_knobs *knobs, uint64_t problems,
                      struct lace_interval rounds, int (*row)(void *user, const struct lace_ceiling_row *row),
                      void *user, struct lace_error *err);

/* ---- the data pipeline ---- */
/* Every step reads records, passes on those that it keeps in the order in which they came, and counts the others by
 * reason. Its output follows from its input and its options. docs/data.md goes through the steps. */
struct lace_data_flow {
    const char *const *in; /* files, one after another; "-": stdin; NULL-terminated */
    lace_data_write keep;  /* gets each record that is kept, a line each */
    lace_data_write drop;  /* gets the others, with the reason as meta.dropped; may be NULL */
    /* Called with the records read so far and those there are (0: unknown); non-zero stops. May be NULL. */
    int (*progress)(void *user, uint64_t done, uint64_t total);
    void *user;
};
struct lace_data_report {
    uint64_t read, kept;
    struct lace_data_tally dropped[24]; /* records by reason; ends at an empty name */
    struct lace_data_tally changed[24]; /* what was done inside the records that were kept, likewise */
    char unanswered[200];               /* why the first question without a reply has none; empty: all were answered */
};

struct lace_import_options {
    const char *format; /* "gsm8k", "math", "dapo", "aime", "plain", "record"; NULL or "auto": each file's own */
    const char *task;   /* of the records; NULL: the format's name */
    int solutions;      /* a written solution becomes a thread */
};
/* Turns problems of other data sets into records. */
int lace_data_import(const struct lace_data_flow *flow, const struct lace_import_options *options,
                     struct lace_data_report *report, struct lace_error *err);

/* Who writes, tries or judges for a step: a model that runs here, or a teacher with the OpenAI interface. */
struct lace_ask_options {
    const char *model, *lattice; /* directories of a model ("": the shipped one) and of its lattice; NULL: none */
    const char *teacher;         /* "https://host/v1"; NULL: none */
    const char *model_name;      /* of the teacher */
    const char *api_key_env;     /* the environment variable that holds its key; NULL: no key */
    int parallel;                /* requests at once; 4 */
    int retries;                 /* of a request that failed: 429, 5xx, cut off, too slow, not JSON; 5 */
    double pause;        /* seconds before the first retry; doubled for each, at most 60; Retry-After counts; 1 */
    double timeout;      /* seconds of a request; 600 */
    size_t reply_bytes;  /* the longest response that is read; 4 MiB */
    const char *journal; /* file of replies: run again, a step asks for nothing twice. NULL: none */
    int keep_journal;    /* also when the step is done */
    double temperature;  /* 1 */
    int tokens;          /* the most of a reply; 0: what the record's own budget of rounds takes, else 2048 */
    uint64_t seed;       /* 1 */
};
/* Neither model nor teacher, and the values told beside the fields. */
void lace_ask_defaults(struct lace_ask_options *options);

struct lace_filter_options {
    struct lace_ask_options ask;
    int samples;      /* of each problem; 8 */
    double low, high; /* kept are pass rates above low, up to high: (0, 0.5] */
};
/* The values told beside the fields. */
void lace_filter_defaults(struct lace_filter_options *options);
/* Keeps problems that the model solves sometimes, not always; meta.pass_rate has the measured rate. */
int lace_data_filter(const struct lace_data_flow *flow, const struct lace_filter_options *options,
                     struct lace_data_report *report, struct lace_error *err);

struct lace_solve_options {
    struct lace_ask_options ask; /* neither model nor teacher: the exact solvers of our own families */
    int threads;                 /* drafts of each problem; 4 */
    int tries;    /* replies for each draft: one without an answer or too like another is asked again; 2 */
    double alike; /* from which likeness (as of dedupe) a draft is too like another; 0.8 */
    int keep;     /* threads that are there stay, as the first drafts */
    int any;      /* also problems that no draft solves */
};
/* The values told beside the fields. */
void lace_solve_defaults(struct lace_solve_options *options);
/* Solves each problem in different ways: what was used already is in a cache that the next draft must avoid. Drafts know
 * nothing of each other but that: consensus cannot level them. */
int lace_data_solve(const struct lace_data_flow *flow, const struct lace_solve_options *options,
                    struct lace_data_report *report, struct lace_error *err);

struct lace_weave_options {
    struct lace_ask_options ask; /* whose samples show which steps go wrong; neither model nor teacher: nobody's */
    int samples;                 /* of each problem; 4 */
    int threads;                 /* of problems of our own families; 0: as many as there are drafts, at least two */
    double errs;                 /* share of the records in which wrong steps are written; 0.5 */
    int made_up;                 /* where nobody made an error, one is made up */
    const char *tokenizer;       /* a model's directory: its tokens are the clock; NULL: words, numbers and signs */
};
/* Fills the options; errors are made up. */
void lace_weave_defaults(struct lace_weave_options *options);
/* Turns drafts into threads that read each other: wrong steps are corrected by what another wrote, work that another has
 * done is left out, dead ends are announced and avoided. Marks go into meta.interactions: [thread, step, kind, from]. */
int lace_data_weave(const struct lace_data_flow *flow, const struct lace_weave_options *options,
                    struct lace_data_report *report, struct lace_error *err);

struct lace_steps_options {
    struct lace_ask_options
        ask;               /* who compresses solutions into short steps first; neither model nor teacher: nobody */
    const char *tokenizer; /* a model's directory, whose tokens the limits count; NULL: words, numbers and signs */
    int step_tokens, thread_tokens; /* 128 and 3000 */
};
/* The values told beside the fields. */
void lace_steps_defaults(struct lace_steps_options *options);
/* Cuts threads into steps and drops those that are too long. Threads of our own families, and such as have marked steps,
 * are only measured. */
int lace_data_steps(const struct lace_data_flow *flow, const struct lace_steps_options *options,
                    struct lace_data_report *report, struct lace_error *err);

struct lace_label_options {
    struct lace_ask_options
        ask;        /* a judge, who chooses the best of the right threads; nobody: fewest errors and steps */
    int need_right; /* drop records without a right thread */
};
/* The values told beside the fields, and need_right off. */
void lace_label_defaults(struct lace_label_options *options);
/* Compares the threads of each record and sets their verdicts: one best, other right ones a success, the rest fail. */
int lace_data_label(const struct lace_data_flow *flow, const struct lace_label_options *options,
                    struct lace_data_report *report, struct lace_error *err);

struct lace_dedupe_options {
    double threshold;           /* near duplicates share at least so much: Jaccard similarity of three-word shingles */
    const char *const *against; /* files whose problems are dropped too, e.g. the test set; NULL-terminated, or NULL */
    int threads;                /* also threads of one record that are near duplicates: the later one goes */
};
/* Fills the options: 0.8, threads too. */
void lace_dedupe_defaults(struct lace_dedupe_options *options);
/* Drops records whose problem is a near duplicate of an earlier one. */
int lace_data_dedupe(const struct lace_data_flow *flow, const struct lace_dedupe_options *options,
                     struct lace_data_report *report, struct lace_error *err);

/* The steps of a YAML file in their order (recipes/pipeline.yaml): results lie in a folder, and what is there and still
 * fits is not made again. */
struct lace_pipeline_step {
    int number, count;
    const char *const *args; /* of `lace data`: the step's name, its options, its files; NULL-terminated */
    int arg_count;
    int done; /* its result is there: nothing is to be run */
};
struct lace_pipeline_options {
    const char *config;
    const char *const *sets; /* "key=value", override the file; NULL-terminated, may be NULL */
    int fresh;               /* run every step */
    int dry;                 /* only say what would be run */
    int (*run)(void *user, const struct lace_pipeline_step *step); /* runs a step; non-zero: it failed */
    void *user;
};
/* LACE_BAD names the file, the step and what is wrong with it; results of the steps before it stay. */
int lace_data_pipeline(const struct lace_pipeline_options *options, struct lace_error *err);

/* ---- evaluation ---- */
/* The same held-out problems, seeds and tokens for every arm:
 *   independent  the clean backbone, N threads that know of no others; the vote answers
 *   trained      the same with a backbone that was trained on as many more tokens as the lattice's
 *   isolated     trained on threads with tags, which divide the work by them; no lattice
 *   exchange     no lattice: after every step each thread gets the others' steps pasted into its context as text;
 *                exchange:tagged runs the isolated model; with :spend what is pasted uses up the budget
 *   serial       the clean backbone, one thread with N times the tokens
 *   lace         threads with the lattice; lace:aligned, lace:causal, lace:window:W change what it shows;
 *                lace:hasty: a thread that is ready judges at once, and does not wait until all are
 *   muted        the same with the gates forced shut
 *   foreign      the same, each thread seeing threads of another problem
 * docs/evaluation.md defines every figure. */
enum { LACE_EVAL_ARMS = 16, LACE_EVAL_PICKS = 3 };
/* What the index of a thread tells of what it does, in bits, and what it seems to tell by chance: of the values that come
 * out when the threads of each problem are put in random order 95 % lie below. */
struct lace_eval_role {
    double bits, chance;
};
struct lace_eval_arm { /* on the problems of a set */
    char name[64];
    const char *own_pick;                       /* "verdict" or "vote": what accuracy means for this arm */
    double temperature;                         /* it ran at; the mean where several were chosen */
    int tuned;                                  /* chosen on development problems, not given */
    struct lace_estimate accuracy;              /* by its own pick, as a share of the problems */
    struct lace_estimate pick[LACE_EVAL_PICKS]; /* by enum lace_pick_by */
    struct lace_estimate coverage;              /* any thread is right */
    struct lace_estimate thread_accuracy, format, diversity;
    double tokens, fed;                 /* per problem, all threads: written; pasted into contexts */
    double steps;                       /* of the clock until the group ended */
    double tokens_solved, steps_solved; /* the same of the solved alone, 0 without any */
    double duplicates, wrong_steps;     /* shares of the steps: trials made before; false ones */
    double repaired;                    /* share of the false steps that a later right one corrects */
    double error_types;                 /* different kinds of false steps in a problem, mean */
    double injected;                    /* share of the problems in which a thread was made to write something false */
    struct lace_estimate believed, rejected; /* there: shares of the other threads that believe it, reject it */
    struct lace_eval_role role_strategy, role_verdict; /* of where a thread begins, and of its verdict */
    double memory;                      /* bytes of keys and values of a problem at its end, mean */
    double seconds;                     /* wall time of all its problems */
    struct lace_estimate versus;        /* lace by its own pick minus this arm by its best pick, in points */
    int compared;                       /* versus is there */
};
/* The arms on some of the problems: at a number of threads, and a model, family, difficulty and ambiguity or all. */
struct lace_eval_set {
    int threads;
    int model;                 /* index; -1: all, and intervals are over both problems and models */
    char family[32];           /* "": all; a mean over families counts each alike */
    int difficulty, ambiguity; /* -1: all */
    int problems;
    struct lace_eval_arm *arms; /* (arm_count) */
    struct lace_estimate delta; /* lace by its own pick minus the best parallel baseline, in points */
    char against[96];           /* which baseline, by which pick; empty without both */
};
/* The area under an arm's accuracy over the levels of difficulty or ambiguity, as a share of what is possible; and how
 * much of the area that independent threads with a vote leave open it wins: 0 none, 1 all. */
struct lace_eval_robustness {
    const char *axis; /* "difficulty", "ambiguity" */
    int threads;
    struct lace_estimate area[LACE_EVAL_ARMS], score[LACE_EVAL_ARMS]; /* of result.sets[0].arms */
};
/* A false line that announces a find or a value; a line of working with a wrong number; a false verdict. */
enum lace_inject { LACE_INJECT_CLAIM, LACE_INJECT_STEP, LACE_INJECT_VERDICT };
/* "claim", "step", "verdict"; NULL: there is no such kind. */
const char *lace_inject_name(int kind);
struct lace_eval_result {
    int problems, arm_count, set_count, model_count, robustness_count, warning_count;
    struct lace_eval_set *sets; /* the first: all problems and models, at the first number of threads */
    struct lace_eval_robustness *robustness;
    double inject; /* as in the options */
    enum lace_inject inject_kind;
    char **models, **warnings; /* warnings: sentences about what may flatter somebody */
};
struct lace_eval_options {
    const char *data;             /* a file of records; NULL: problems are made */
    const char *const *families;  /* NULL-terminated */
    struct lace_data_knobs knobs; /* each difficulty and ambiguity is a set of its own; difficulty 0:0: the hardest
                                    * that the family is trained on. split is test, whatever it says */
    int robustness;               /* where the knobs leave them open: difficulties from the easiest to two beyond what
                                   * the family is trained on, and all ambiguities */
    int count;                    /* problems of each family, spread evenly; 0: all of the file */
    const char *const *models;    /* NULL-terminated directories with a lattice, one for each training seed; their
                                    * folders base, isolated, ... are the baselines. NULL: the shipped one */
    const char *const *arms;      /* NULL-terminated names; "isolated=DIR" names a model of its own */
    const int *threads;           /* numbers of threads; the first is the headline's */
    int thread_count;
    int budget;                      /* tokens of a thread; 0: what the record's budget of rounds takes */
    int rounds;                      /* instead of the record's budget; 0: the record's */
    double temperature;              /* of all arms; negative: each arm's best on a development set */
    const char *const *temperatures; /* "arm=X": of some arms, whatever the one above; NULL-terminated or NULL */
    int development;                 /* problems of each family in that set, made on the training side of the split */
    const char *development_data;    /* or the first ones of this file of records */
    const char *const *trained_on;   /* files of training records, NULL-terminated or NULL: none of the problems may be
                                    * in them */
    double inject;                   /* share of the problems in which one thread is made to write something false */
    enum lace_inject inject_kind;    /* and what */
    uint64_t seed;
    int workers;
    const char *dump; /* file: every thread's text and probabilities, a line of JSON a problem; NULL: none */
    const char *db;   /* SQLite file: the outcomes are added as a run; NULL: none */
    const char *html; /* file: the report, a page with pictures; NULL: none */
    int (*progress)(void *user, const char *what, long done, long total); /* non-zero stops; may be NULL */
    void *user;
};
/* Fills the options: four threads, each arm's temperature tuned on 100 development problems, seed 1. */
void lace_eval_defaults(struct lace_eval_options *options);
/* Runs every arm on the same problems; the caller releases the result. LACE_STOPPED: progress said so. Where all is done
 * and only dump, db or html cannot be written, it fails, and the result is there all the same: sets is not NULL. */
int lace_eval(const struct lace_eval_options *options, struct lace_eval_result *result, struct lace_error *err);
/* The result of a run in a database, as lace_eval gave it; run 0: the last. The caller releases it. html: a file for
 * its report, or NULL. */
int lace_eval_read(const char *db, long run, const char *html, struct lace_eval_result *result, struct lace_error *err);
/* Frees what a result holds; a zeroed one is fine. */
void lace_eval_release(struct lace_eval_result *result);

/* ---- a server ---- */
/* OpenAI's HTTP interface, with N collaborating threads as a field of the request; docs/serving.md explains it. One
 * worker owns the model; requests join and leave the running batch between tokens. */
struct lace_server;
struct lace_serve_options {      /* its texts must outlive the server */
    const char *host;            /* an address to listen on */
    int port;                    /* 0: any free one */
    const char *socket_path;     /* of a UNIX socket, instead of host and port; NULL: none */
    const int *sockets;          /* or sockets that listen already (systemd's), which stay the caller's */
    int socket_count;            /* 0: none */
    const char *tls_cert;        /* a PEM file; NULL: no TLS */
    const char *tls_key;         /* the same, of its key */
    const char *const *api_keys; /* all but /health and the page needs one of these; NULL-terminated or NULL */
    const char *api_key_file;    /* more of them, one on a line; NULL: none */
    const char *cors;            /* an origin whose pages may call; "*": any; NULL: none */
    const char *name;            /* of the model, as requests give it; NULL: the last part of its path */
    int threads;                 /* of requests that do not say how many; 0: ordinary continuations */
    int rows;                    /* threads that decode at once, at most 128 */
    int cache;                   /* tokens that the key/value cache holds; 0: what 512 MiB hold, or one request needs */
    int queue;                   /* requests that may wait */
    int workers;                 /* OS threads of the model; 0: all cores */
    int max_threads, max_n;      /* threads of a choice, choices of a request */
    int max_tokens;              /* of a thread; 0: the model's context */
    int traces;                  /* choices that may be traced at once, 2 MiB of records each; 0: none */
    int max_body, max_header;    /* bytes */
    int max_connections;
    double receive_seconds;   /* a request must have arrived after so long */
    double request_seconds;   /* and be answered after so long */
    double warn_group_think;  /* warn when groups of late are that much alike (docs/serving.md), 0 to 1; 0: never */
    double warn_disagreement; /* and when so many of their verdicts contradict each other */
    /* A sentence for each warning; may be NULL. Called from the model's worker, which waits for it. */
    void (*warn)(void *user, const char *line);
    /* One line for each request that was answered; may be NULL. Called from several OS threads. */
    void (*log)(void *user, const char *line);
    void *user;
};
/* Fills the options: 127.0.0.1, port 8080, no key, no TLS. */
void lace_serve_defaults(struct lace_serve_options *options);
/* Starts a server, which answers until it is closed; the engine must outlive it. */
int lace_serve_open(struct lace_server **server, const struct lace_engine *engine,
                    const struct lace_serve_options *options, struct lace_error *err);

struct lace_serve_info {
    const char *address; /* "http://127.0.0.1:8080"; belongs to the server */
    const char *name;    /* of the model */
    int rows, cache;     /* what it was opened with */
    size_t cache_bytes;
};
/* Describes an open server. */
void lace_serve_info(const struct lace_server *server, struct lace_serve_info *info);
/* Takes no more requests, and waits until those that are there are answered, at most for so many seconds. Returns how
 * many are left. */
int lace_serve_drain(struct lace_server *server, double seconds);
/* Ends what still runs, with an error to its client, and releases everything. */
void lace_serve_close(struct lace_server **server); /* NULL is fine; nulls the handle */

/* The server's page with a run inside, as one HTML file that loads nothing: json is what `lace run --json` prints or the
 * page saves, or {"runs": [...]} of two. On success the caller frees *html with free(); it is terminated. LACE_BAD: the
 * JSON is wrong, or no run. */
int lace_page_write(const char *json, size_t len, char **html, size_t *html_len, struct lace_error *err);

/* ---- benchmark ---- */
/* What this machine can do, measured first, and beside it what lace does: rates, and each as a share of its limit. */
enum {
    LACE_BENCH_DECODE = 1,
    LACE_BENCH_PREFILL = 2,
    LACE_BENCH_TRAIN = 4,
    LACE_BENCH_LOAD = 8,
    LACE_BENCH_TOKENIZER = 16,
    LACE_BENCH_ALL = 31
};
struct lace_bench_figure {
    const char *part;        /* "machine", "decode", "prefill", "train", "load", "tokenizer" */
    const char *name;        /* "product_rate", "read_bandwidth", "tokens", ...; "skipped": label says why */
    const char *label;       /* the setting in words */
    const char *unit;        /* "FLOP/s", "B/s", "tokens/s", "s", "B", "rows", "ids", "" (a ratio) */
    int threads;             /* reasoning threads; 0: does not apply */
    int lattice;             /* 1 on, 0 off, -1: does not apply */
    double value, low, high; /* median, least and most of the samples */
    int samples;
    double seconds; /* of one step, for rates; 0: does not apply */
    double share;   /* of what `of` names; 0: does not apply */
    const char *of; /* "product_rate", "read_bandwidth", "step", "total", "weight_file", or NULL */
};
struct lace_bench_options {
    int parts;         /* LACE_BENCH_* */
    const char *model; /* decode and prefill with this directory; load: NULL is the shipped model; tokenizer: its own */
    const char *shape; /* without a model: random weights of this shape; "qwen3-0.6b" */
    const char *dtype; /* "bf16", "f32", or NULL: what this CPU is fast at; of random weights also a format of blocks:
                           "q8_0", "q4_0", "q4_k", "q5_k", "q6_k" */
    const char *kv_dtype; /* of keys and values, as an engine's: "bf16", "f32", or NULL */
    const int *threads; /* decode with these numbers of reasoning threads */
    int thread_count;
    int groups;  /* of so many threads each, decoded together; 0: one */
    int steps;   /* to decode, so that the context grows as long; 0: 24 */
    int workers; /* 0: all */
    int quick;   /* fewer samples */
    /* tokenizer: the directory where its text and vocabularies are kept, made there if need be; NULL: nowhere */
    const char *files;
    /* Called with each figure as soon as it is known; its texts live as long as the call. Non-zero: LACE_STOPPED. */
    int (*figure)(void *user, const struct lace_bench_figure *figure);
    void *user;
};
/* Loading is measured in forked children: call this before anything else of lace in the process. */
int lace_bench(const struct lace_bench_options *options, struct lace_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
