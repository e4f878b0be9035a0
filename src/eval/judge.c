/* Answers are checked by the problem's family, or compared with the record's. An answer that cannot be right whatever
 * the problem (a word where numbers are asked for) is no candidate of any pick. */
#include "eval/judge.h"
#include "decode/format.h"
#include "eval/roles.h"
#include "eval/stats.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name, member)                                                                                            \
    {                                                                                                                  \
        name, offsetof(struct lace_outcome, member)                                                                    \
    }
const struct lace_outcome_field lace_outcome_fields[] = {
    FIELD("verdict", right[LACE_PICK_VERDICT]),
    FIELD("vote", right[LACE_PICK_VOTE]),
    FIELD("logprob", right[LACE_PICK_LOGPROB]),
    FIELD("coverage", any),
    FIELD("thread_accuracy", thread_right),
    FIELD("format", format),
    FIELD("diversity", diversity),
    FIELD("tokens", tokens),
    FIELD("fed", fed),
    FIELD("steps", steps),
    FIELD("memory", memory),
    FIELD("trials", trials),
    FIELD("duplicates", duplicates),
    FIELD("wrong_steps", wrong),
    FIELD("repaired", repaired),
    FIELD("error_types", error_types),
    FIELD("injected", injected),
    FIELD("believed", believed),
    FIELD("rejected", rejected),
};
const int lace_outcome_field_count = sizeof lace_outcome_fields / sizeof *lace_outcome_fields;

/* ---- steps ---- */

struct step {
    uint64_t key;
    bool wrong, repaired;
};

/* Reads a line of each thread in turn, a round. Only what stood there before the round can have been read, so only that
 * is a trial made before, or an error that a right step of the same key repairs. */
static int count_steps(const struct lace_family *family, const char *prompt, const struct lace_said *said, int threads,
                       struct lace_outcome *o, struct lace_error *err)
{
    const char *at[LACE_FEW_ROWS];
    struct step *steps = NULL;
    size_t count = 0, room = 0;
    for (int n = 0; n < threads; n++) at[n] = said[n].text;
    for (bool more = true; more;) {
        size_t before = count;
        more = false;
        for (int n = 0; n < threads; n++) {
            size_t left = at[n] ? said[n].len - (size_t)(at[n] - said[n].text) : 0, len;
            const char *end = left ? memchr(at[n], '\n', left) : NULL;
            char line[1024];
            struct lace_step_check check = {.result = LACE_STEP_NONE};
            if (!end) continue;
            more = true;
            if ((len = (size_t)(end + 1 - at[n])) < sizeof line) {
                memcpy(line, at[n], len);
                line[len] = 0;
                lace_family_check_step(family, prompt, line, &check);
            }
            at[n] = end + 1;
            if (check.result == LACE_STEP_NONE) continue;
            if (count == room) {
                struct step *grown = realloc(steps, sizeof *steps * (room = room ? 2 * room : 64));
                if (!grown) {
                    free(steps);
                    return lace_fail(err, LACE_MEMORY, "Out of memory.");
                }
                steps = grown;
            }
            bool wrong = check.result != LACE_STEP_RIGHT, again = false, repairs = false;
            for (size_t i = 0; i < before; i++) {
                if (steps[i].key != check.key) continue;
                again = true;
                if (wrong || !steps[i].wrong || steps[i].repaired) continue;
                repairs = steps[i].repaired = true;
                o->repaired++;
            }
            o->trials++;
            o->duplicates += again && !repairs; /* a correction is no idle repetition */
            o->wrong += wrong;
            if (wrong) o->errors[check.result < LACE_ERRORS ? check.result : LACE_ERRORS - 1]++;
            steps[count++] = (struct step){check.key, wrong, false};
        }
    }
    for (int i = 0; i < LACE_ERRORS; i++) o->error_types += o->errors[i] > 0;
    free(steps);
    return 0;
}

/* ---- roles ---- */

/* Where a thread begins: the place of its first step in the family's order. */
static char start_of(const struct lace_family *family, const char *prompt, const struct lace_said *s, int parts)
{
    const char *end = s->text + s->len, *stop;
    int place = -1;
    for (const char *at = s->text; place < 0 && at < end && (stop = memchr(at, '\n', (size_t)(end - at)));
         at = stop + 1) {
        char line[1024];
        size_t len = (size_t)(stop + 1 - at);
        if (len >= sizeof line) continue;
        memcpy(line, at, len);
        line[len] = 0;
        place = lace_family_place(family, prompt, line, parts);
    }
    return place < 0 ? '-' : (char)('0' + place);
}

static void note_roles(const struct lace_record *p, const struct lace_family *family, const struct lace_said *said,
                       int threads, struct lace_outcome *o)
{
    int parts = threads < LACE_ROLE_PARTS ? threads : LACE_ROLE_PARTS;
    for (int n = 0; n < threads; n++) {
        enum lace_verdict verdict = lace_format_verdict(said[n].text, said[n].len);
        o->start[n] = family ? start_of(family, p->prompt, &said[n], parts) : '-';
        o->verdicts[n] = verdict == LACE_VERDICT_NONE ? '-' : lace_verdict_names[verdict][0];
    }
}

/* ---- the group ---- */

static int spread(const struct lace_said *said, int threads, double *diversity, struct lace_error *err)
{
    int longest = 0;
    for (int n = 0; n < threads; n++)
        if (said[n].count > longest) longest = said[n].count;
    int *row = malloc(sizeof *row * ((size_t)longest + 1));
    if (!row) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    for (int n = 0; n < threads; n++)
        for (int m = 0; m < n; m++)
            *diversity += lace_edit_share(said[n].ids, said[n].count, said[m].ids, said[m].count, row) * 2 /
                          ((double)threads * (threads - 1));
    free(row);
    return 0;
}

int lace_judge(const struct lace_record *p, const struct lace_said *said, int threads, uint64_t seed,
               struct lace_outcome *o, struct lace_error *err)
{
    struct lace_graded graded = {0};
    const struct lace_family *family = lace_family_find(p->task, NULL);
    *o = (struct lace_outcome){0};
    if (threads < 1 || threads > LACE_FEW_ROWS)
        return lace_fail(err, LACE_BAD, "A group has from 1 to %d threads, not %d.", LACE_FEW_ROWS, threads);
    int code = 0;
    for (int n = 0; n < threads; n++) {
        code = lace_graded_add(&graded, p, lace_family_grade, (struct lace_string){said[n].text, said[n].len},
                               said[n].p_best, said[n].logprob, err);
        if (code) break;
        const char *answer = graded.ballots[n].answer;
        bool right = graded.right[n];
        int fault =
            answer && !right && family && family->fault ? family->fault(family, p->prompt, answer) : LACE_STEP_RIGHT;
        if (fault > 0) o->errors[fault < LACE_ERRORS ? fault : LACE_ERRORS - 1]++;
        o->any = right ? 1 : o->any;
        o->thread_right += (double)right / threads;
        o->format += (double)said[n].verdict / threads;
        o->tokens += said[n].tokens;
        o->fed += said[n].fed;
        if (said[n].steps > o->steps) o->steps = said[n].steps;
    }
    for (int by = 0; by < LACE_EVAL_PICKS && !code; by++)
        o->right[by] = lace_graded_right(&graded, (enum lace_pick_by)by, seed);
    lace_graded_release(&graded);
    if (code) return code;
    note_roles(p, family, said, threads, o);
    code = spread(said, threads, &o->diversity, err);
    if (!code && family) code = count_steps(family, p->prompt, said, threads, o, err);
    return code;
}
