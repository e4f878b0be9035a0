/* How a thread is written, the same in training and in decoding:
 *
 *     <tag: which thread of how many> step \n step \n ... Answer: 7.\n [[best]]
 *
 * The tag is a pair of special tokens in models made here (<|2|><|of 4|>) and short text in others. "[[" is the
 * lead: a thread that has written it waits until all have, then all verdicts are decided in the same step. */
#ifndef LACE_FORMAT_H
#define LACE_FORMAT_H
#include "io/record.h"
#include "text/tokenizer.h"

#define LACE_TAG_TOKENS 32 /* room for a tag or a lead */
#define LACE_ENDS       16 /* tokens that end a text; models in use have up to three */

struct lace_format {
    const struct lace_tokenizer *tokenizer; /* borrowed */
    bool special_tags;
    int lead[LACE_TAG_TOKENS], lead_count;
    int verdict[4]; /* first token of each verdict's rest after the lead, by enum lace_verdict; [0] unused */
    bool single[4]; /* that token is the whole rest */
    int ends[LACE_ENDS], end_count; /* tokens that end a text */
    unsigned char *ends_step;       /* (vocabulary) tokens that hold a line's end */
    int vocabulary;                 /* the tokenizer's; a model may have room for more, and choose what is no token */
};
/* end: a token that ends a text, or -1. */
int lace_format_open(struct lace_format *format, const struct lace_tokenizer *tokenizer, int end,
                     struct lace_error *err);
/* One more token that ends a text; what is none, or stands there already, is left out. */
void lace_format_add_end(struct lace_format *format, int id);
bool lace_format_is_end(const struct lace_format *format, int id);
static inline bool lace_format_ends_step(const struct lace_format *format, int id)
{
    return id < format->vocabulary && format->ends_step[id];
}
void lace_format_release(struct lace_format *format);

/* The tag of thread (from 0) of threads; ids has room for LACE_TAG_TOKENS. Returns their number, 0 where the
 * model has no tag for that many threads. */
int lace_format_tag(const struct lace_format *format, int thread, int threads, int *ids);

/* Ids of a problem as its threads read it: the text without surrounding blanks, then a line's end. *ids grows to
 * *capacity; the caller frees it. */
int lace_format_prompt(const struct lace_format *format, const char *problem, int **ids, size_t *capacity,
                       size_t *count, struct lace_error *err);
/* Tokens that a thread needs for so many rounds of a record: its longest step in each, the answer's line, the lead.
 * rounds 0: the record's own budget. */
int lace_format_budget(const struct lace_format *format, const struct lace_record *record, int rounds, int *tokens,
                       struct lace_error *err);
/* The answer that a thread's text states: what follows the last "Answer: " up to the line's end, or the last
 * \boxed{...}, or what follows the last "#### "; without the closing full stop. Appends nothing and returns false where there is none. */
bool lace_format_answer(const char *text, size_t len, struct lace_text *answer);
/* The verdict at the end of a text: "[[best]]", "[[success]]", "[[fail]]"; NONE where there is none. */
enum lace_verdict lace_format_verdict(const char *text, size_t len);
/* Whether two answers say the same: equal as numbers where both are numbers ("1,000" = "$1000.0$", "1/2" = "0.5"), else
 * as text without what carries no meaning. The rules are in same.c. */
bool lace_format_same(const char *a, const char *b);
/* Whether an answer is of the kind that the right one is of: where that is a number, it must be one. The right answer
 * may be NULL: nothing is known. */
bool lace_format_possible(const char *answer, const char *right);
#endif
