/* What models are told. Models whose threads know nothing but problems (ours) get the problem alone; see ask_local.c. */
#ifndef LACE_WORDING_H
#define LACE_WORDING_H
#include "data/ask.h"

extern const char lace_wording_solve[];     /* solve step by step, end with "Answer: X." */
extern const char lace_wording_solve_new[]; /* the same, beginning with "Approach: ..." */
extern const char lace_wording_compress[];  /* a solution as short steps */
extern const char lace_wording_judge[];     /* which thread is best */

/* Tokens of a reply to the record's problem: tokens; 0: what the record's own rounds take, else 2048. */
int lace_wording_budget(struct lace_asker *asker, const struct lace_record *record, int tokens);
/* The prompt of another solution: the problem, and the approaches that are used up ("DO NOT USE"). */
void lace_wording_diverse(struct lace_text *out, const char *problem, char *const *used, int count);
#endif
