/* Requests as OpenAI's clients write them, read into plain values, and refusals in OpenAI's shape. Everything is
 * checked here against the server's limits, before anything is allocated for it; what would change the answer and is
 * not implemented is refused by name. No HTTP and no model: the fuzzer drives this file alone. */
#ifndef LACE_OPENAI_H
#define LACE_OPENAI_H
#include "io/json.h"
#include "text/quote.h"

enum lace_ask_kind { LACE_ASK_COMPLETION, LACE_ASK_CHAT, LACE_ASK_TOKENIZE, LACE_ASK_DETOKENIZE };
enum { LACE_ASK_STOPS = 16, LACE_ASK_STOP_BYTES = 256, LACE_ASK_TOP = 20 };

struct lace_ask_limits {
    const char *model;        /* the name that requests may give */
    int n, threads, messages; /* choices of a request, threads of a choice, messages of a chat */
    int tokens;               /* of a thread */
    int traces;               /* choices of a request that is traced */
    int prompt;               /* tokens of a prompt given as ids */
    int vocabulary;
    bool lattice;                            /* the model has one */
    int default_threads;                     /* of a request without `lace`; 0: an ordinary continuation */
    const struct lace_run_options *defaults; /* the model's own settings */
};

struct lace_ask_prompt {
    const char *text; /* NULL: ids */
    size_t len;
    int *ids, count;
};

struct lace_ask {
    json_t *root; /* owns all texts below */
    enum lace_ask_kind kind;
    struct lace_ask_prompt *prompt;
    int prompt_count;
    const json_t *messages, *template_arguments; /* of a chat; the latter may be NULL */
    int n;
    int max_tokens; /* 0: not given */
    bool logprobs;
    int top_logprobs;
    bool stream, include_usage;
    struct lace_sampling sampling;
    bool seeded;
    uint64_t seed;
    const char *stop[LACE_ASK_STOPS];
    int stop_count;
    bool special, pieces; /* of /tokenize: special tokens are read as such; the text of each token is wanted */
    /* our own object */
    bool group; /* N threads with tags and verdicts; otherwise n ordinary continuations */
    int threads;
    bool muted;       /* the lattice is off */
    bool visible_set; /* other positions than the lattice's own */
    enum lace_visible visible;
    int window;
    enum lace_pick_by pick;
    bool barrier;
    int budget, group_budget; /* 0: not given, none */
    double early_stop;
    bool return_threads, stream_threads, trace;
};

struct lace_refusal {
    int status;
    const char *type, *code; /* code may be NULL */
    char param[64];          /* "": none */
    char message[600];
    int retry_after;   /* seconds; 0: no such header */
    const char *allow; /* the methods of the route, with 405 */
};

/* Reads a body. On failure ask holds nothing, refusal says why. */
int lace_ask_parse(struct lace_ask *ask, enum lace_ask_kind kind, const char *body, size_t len,
                   const struct lace_ask_limits *limits, struct lace_refusal *refusal);
void lace_ask_release(struct lace_ask *ask);

/* Returns LACE_BAD. status decides the type: 401 authentication_error, 429 rate_limit_error, 500 and above
 * server_error, otherwise invalid_request_error. */
int lace_refuse(struct lace_refusal *refusal, int status, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* {"error": {"message", "type", "param", "code"}} */
void lace_refusal_write(struct lace_text *out, const struct lace_refusal *refusal);

/* The messages with contents in parts made one text, line by line, which is what chat templates read; the caller
 * releases them. NULL: out of memory. */
json_t *lace_ask_messages(const struct lace_ask *ask);
/* The text of the chat's last user message: what a model without a chat template is given. */
int lace_ask_last_user(const struct lace_ask *ask, struct lace_text *out, struct lace_refusal *refusal);
#endif
