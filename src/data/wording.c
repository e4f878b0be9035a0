#include "data/wording.h"

const char lace_wording_solve[] =
    "Solve the problem step by step. Write each step on a line of its own, short and complete. End with a line "
    "\"Answer: X.\" where X is the final answer alone.";

const char lace_wording_solve_new[] = "Solve the problem step by step. First write a line \"Approach: \" that names "
                                      "your way of solving it in a few words. "
                                      "Then write each step on a line of its own, short and complete. End with a line "
                                      "\"Answer: X.\" where X is the final "
                                      "answer alone.";

const char lace_wording_compress[] =
    "Rewrite the solution as short steps: one step a line, each complete in itself, with every number and formula that "
    "matters and no other words. Keep its way and its errors; correct nothing. End with the line \"Answer: X.\" of the "
    "solution, unchanged.";

const char lace_wording_judge[] =
    "You compare solutions of one problem that were written at the same time. Say which one is best: correct, "
    "well-founded, without detours. Reply with one line for each solution, in their order: \"Thread N: \" and then "
    "[[best]] for exactly one of them, [[success]] for others that are correct, [[fail]] for those that are not.";

int lace_wording_budget(struct lace_asker *asker, const struct lace_record *record, int tokens)
{
    enum { USUAL = 2048 };
    struct lace_engine *engine = lace_asker_engine(asker);
    int own;
    if (tokens) return tokens;
    if (!engine || !engine->format.special_tags || !record->thread_count) return USUAL;
    return lace_format_budget(&engine->format, record, 0, &own, NULL) ? USUAL : own;
}

void lace_wording_diverse(struct lace_text *out, const char *problem, char *const *used, int count)
{
    lace_text_print(out, "Problem:\n%s\n", problem);
    if (count) lace_text_str(out, "\nSolutions cache. DO NOT USE any of these approaches again; find another one:\n");
    for (int i = 0; i < count; i++) lace_text_print(out, "- %s\n", used[i]);
}
