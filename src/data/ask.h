/* Whoever writes or judges text for a step of the pipeline: a model that runs here, or a teacher over HTTP. A step asks
 * many questions at once and gets a reply to each; replies are kept in a journal, so nothing is asked twice.
 *
 *   step -> lace_ask -> journal: there -> the old reply
 *                              not there -> a model here: one decoder, as many threads at once as fit
 *                                           a teacher: `parallel` requests at once, tried again after growing pauses */
#ifndef LACE_ASK_H
#define LACE_ASK_H
#include "data/journal.h"
#include "decode/engine.h"

struct lace_ask {
    const char *system; /* NULL: none */
    const char *prompt;
    const char *prefix; /* what the reply has written already and goes on with; NULL: nothing */
    int tokens;         /* the most of the reply */
    uint64_t seed;
};

struct lace_reply {
    char *text;    /* without the prefix; NULL: there is none */
    bool cut;      /* its tokens ran out */
    char why[200]; /* without a text: why, as a sentence */
};

struct lace_asker;
/* options->model or options->teacher is set, not both. */
int lace_asker_open(struct lace_asker **asker, const struct lace_ask_options *options, struct lace_error *err);
/* Fills replies (count); the caller releases them also after an error. A reply without a text is no error: that one
 * question was refused, or answered with nonsense again and again. tick is called now and then (it may be NULL);
 * non-zero stops. */
int lace_ask(struct lace_asker *asker, const struct lace_ask *asks, int count, struct lace_reply *replies,
             int (*tick)(void *user), void *user, struct lace_error *err);
/* Appends the answer that the reply ends with; false: none. */
bool lace_reply_answer(const struct lace_reply *reply, struct lace_text *answer);
void lace_replies_release(struct lace_reply *replies, int count);
const char *lace_asker_name(const struct lace_asker *asker);     /* for meta: the model's folder, the teacher's model */
struct lace_engine *lace_asker_engine(struct lace_asker *asker); /* NULL: a teacher */
int lace_asker_width(const struct lace_asker *asker);            /* how many questions keep it busy */
/* done: every reply was used, so that a journal which is not to be kept may go. The report, where there is one, gets why
 * the first question without a reply has none. */
void lace_asker_close(struct lace_asker **asker, bool done, struct lace_data_report *report);

/* ---- the two kinds of respondents ---- */
struct lace_asking { /* questions under way */
    const struct lace_ask *asks;
    struct lace_reply *replies;
    const int *open; /* (count) the asks that have no reply yet */
    int count;
    double temperature;
    int (*tick)(void *user);
    void *user;
    /* Called with the index of an ask as soon as its reply is there; non-zero ends all with that code. */
    int (*replied)(void *asker, int index, struct lace_error *err);
    void *asker;
};
int lace_ask_local(struct lace_engine *engine, const struct lace_asking *asking, struct lace_error *err);

struct lace_teacher;
int lace_teacher_open(struct lace_teacher **teacher, const struct lace_ask_options *options, struct lace_error *err);
int lace_ask_teacher(struct lace_teacher *teacher, const struct lace_asking *asking, struct lace_error *err);
void lace_teacher_close(struct lace_teacher **teacher);
/* The text of a chat completion. NULL: there it is, for the caller to free; else what is wrong with it. */
const char *lace_teacher_read(const char *bytes, size_t len, char **text, bool *cut);
#endif
