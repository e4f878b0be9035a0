/* Falsehoods that one thread is made to write, and who believes them: by hand for every family, and over many problems
 * against what must hold of any. */
#include "eval/inject.h"
#include "synth/data.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SEARCH "Find f (each from 1 to 8, mod 13): e*7+1=9, f*4+e=7." /* e=3, f=1 */
#define CHAIN  "Find z (mod 13): z=b*w, d=2, w=s*q, b=u-g, s=d*7, u=k+q, g=d*k, q=6, k=6."
#define COUNTDOWN                                                                                                      \
    "Start at 5. Reach 34, 44 in turn, each by one number (+ - * /) and another (+ -) out of 4, 5, 8, 9, 18, 19, "     \
    "none "                                                                                                            \
    "twice. How is 44 reached?" /* 5*5+9, 34-8+18 */
#define KNIGHTS                                                                                                        \
    "Knights are honest, knaves lie: j says x like a, o says j honest, u says j like t, x says u unlike j; a says v "  \
    "lies, v says w unlike a, w says a lies; r says t honest, s says r like t, t says s honest. Who of j, o, u, x "    \
    "are "                                                                                                             \
    "knights?"
#define PATH    "Shortest from l to s: l3m, l7n, m4p, n4o, n1p, o9q, p5q, p2r, q2s, r2s."
#define PRODUCT "Find ab*xy: a=9, b=5, x=1, y=8."
#define PROGRAM                                                                                                        \
    "Steps: +1, +3, reverse, sort, turn, tail, take 2, sum. Find the program: 1: 4 8 6 5 to 5 9 7 6, 2: 7 4 6 to 9 6 " \
    "8."
#define TOLL                                                                                                           \
    "Find x (each from 1 to 8, mod 11): p*3+7=10, x*6+p=3. Shortest from g to n: g9h, g5i, h7j, h5k, i(p)j, i(x)k, "   \
    "j8l, k6l, k5m, l6n, m6n."

#define FARE "Find n (mod 13): s=12, m=1, n=w-m, w=s-m. Shortest from h to y: h7j, h2l, j6r, j3x, l(n)r, l7x, r8y, x3y."
#define BILL "Find h (each from 1 to 8, mod 13): h*4+8=10. Find a*xy: a=4, x=4, y=h."
#define LOAN "Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find k (mod 13): c=5, f=c+q, k=f*p."
#define LEVY "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(z)g, f4h, g2h."
#define TAB  "Find t (mod 13): n=k+c, t=n-11, k=1, c=0. Find a*xy: a=8, x=t, y=6."

/* A line by its first letter: + believes the falsehood, - rejects it, . has nothing to do with it. */
static const struct {
    const struct lace_family *family;
    const char *prompt, *lie, *lines[9];
} by_hand[] = {
    {&lace_family_search,
     SEARCH,
     "e*7+1=9, try 5: 8+1=9, yes.",
     {"+e*7+1=9, try 5: 8+1=9, yes.", "+f*4+5=7, try 1: 4+5=9, no.", "-e*7+1=9, try 5: 9+1=10, no.",
      "-f*4+3=7, try 1: 4+3=7, yes.", "-e*7+1=9, try 3: 8+1=9, yes.", ".e*7+1=9, try 7: 10+1=11, no.", ".Answer: 1.",
      ".nonsense"}},
    {&lace_family_search,
     SEARCH,
     "e*7+1=9, try 3: 9+1=10, no.",
     {"+e*7+1=9, try 3: 7+1=8, no.", "-e*7+1=9, try 3: 8+1=9, yes.", "-f*4+3=7, try 1: 4+3=7, yes.",
      ".f*4+5=7, try 1: 4+5=9, no.", ".e*7+1=9, try 7: 10+1=11, no."}},
    {&lace_family_search,
     SEARCH,
     "f*4+3=7, try 2: 4+3=7, yes.",
     {"+Answer: 2.", "-Answer: 1.", "-f*4+3=7, try 1: 4+3=7, yes.", ".f*4+5=7, try 2: 8+5=0, no.",
      ".e*7+1=9, try 3: 8+1=9, yes."}},
    {&lace_family_chain,
     CHAIN,
     "s=d*7=2*7, s=2.",
     {"+s=d*7=2*7, s=2.", "+w=s*q=2*6, w=12.", "-w=s*q=1*6, w=6.", "-s=d*7=2*7, s=1.", ".u=k+q=6+6, u=12.",
      ".w=s*q=5*6, w=4.", ".Answer: 0."}},
    {&lace_family_chain, CHAIN, "z=b*w=0*6, z=6.", {"+Answer: 6.", "-Answer: 0.", "-z=b*w=0*6, z=0."}},
    {&lace_family_countdown,
     COUNTDOWN,
     "4 5 8 9 18 19: 5+8=25+9=34, yes.",
     {"+4 5 8 9 18 19: 5+8=25+9=34, yes.", "+4 5 18 19: 34+4=38+6=44, no.", "-4 8 18 19: 34+4=38+6=44, no.",
      "-4 5 8 9 18 19: 5*5=25+9=34, yes.", "-4 5 8 9 18 19: 5+8=13+21=34, no.", ".4 5 8 9 18 19: 5+4=9+25=34, no.",
      ".Answer: 34-8+18."}},
    {&lace_family_countdown,
     COUNTDOWN,
     "4 5 8 9 18 19: 5*5=24+10=34, no.",
     {"+4 5 8 9 18 19: 5*5=23+11=34, no.", "-4 5 8 9 18 19: 5*5=25+9=34, yes.", "-4 8 18 19: 34+4=38+6=44, no.",
      ".4 5 8 9 18 19: 5+4=9+25=34, no."}},
    {&lace_family_knights,
     KNIGHTS,
     "R| R says t honest: T, so t.",
     {"+R| R says t honest: T, so t.", "+Rt| s says R like t: r, so s.", "+JxOt| u says J like t: j, so u.",
      "-R| R says t honest: T, so T.", "-RT| s says R like T: R, so S.", "-JxOT| u says J like T: J, so U.",
      ".r| r says t honest: T, so t.", ".rtS| t says S honest: S, so T, dead.", ".A| A says v lies: v, so v."}},
    {&lace_family_knights,
     KNIGHTS,
     "rtS| t says S honest: S, so t, yes.",
     {"+rtS| t says S honest: S, so t, yes.", "+JxOt| u says J like t: j, so u.",
      "-rtS| t says S honest: S, so T, dead.", "-RTS| t says S honest: S, so T, yes.",
      "-JxOT| u says J like T: J, so U.", ".R| R says t honest: T, so T.", ".A| A says v lies: v, so v."}},
    {&lace_family_path,
     PATH,
     "To p: m3+4=6, n7+1=8, so 6.",
     {"+To p: m3+4=6, n7+1=8, so 6.", "+Via: o11+11=22, p6+4=10, so 10.", "-Via: o11+11=22, p7+4=11, so 11.",
      "-To p: m3+4=7, n7+1=8, so 7.", ".To m: l0+3=3, so 3.", ".From p: q2+5=7, r2+2=4, so 4.", ".Answer: 11."}},
    {&lace_family_path,
     PATH,
     "From p: q2+5=7, r2+2=3, so 3.",
     {"+Via: o11+11=22, p7+3=10, so 10.", "-Via: o11+11=22, p7+4=11, so 11.", ".To p: m3+4=7, n7+1=8, so 7."}},
    {&lace_family_path, PATH, "Via: o11+11=22, p7+4=10, so 10.", {"+Answer: 10.", "-Answer: 11."}},
    {&lace_family_product,
     PRODUCT,
     "a*y: 9*8=62.",
     {"+a*y+b*x: 62+5=67.", "-a*y+b*x: 72+5=77.", "-a*y: 9*8=90-18=72.", ".b*y: 5*8=40.", ".Answer: 1710."}},
    {&lace_family_product,
     PRODUCT,
     "b*y: 5*8=48.",
     {"+b*y: 5*8=48.", "+From a: 77+4=81, so 818.", "-From a: 77+4=81, so 810.", ".a*y+b*x: 72+5=77."}},
    {&lace_family_product, PRODUCT, "All: 9+8=18, so 1810.", {"+Answer: 1810.", "-Answer: 1710."}},
    {&lace_family_program,
     PROGRAM,
     "4 8 6 5 to 5 9 7 6, step 1 try sort: 5 9 7 6, yes.",
     {"+4 8 6 5 to 5 9 7 6, step 1 try sort: 5 9 7 6, yes.", "+7 4 6 to 9 6 8, step 1 by sort: 4 6 7.",
      "-7 4 6 to 9 6 8, step 1 by +1: 8 5 7.", "-4 8 6 5 to 5 9 7 6, step 1 try sort: 4 5 6 8, values.",
      "-4 8 6 5 to 5 9 7 6, step 1 try +1: 5 9 7 6, yes.", ".4 8 6 5 to 5 9 7 6, step 1 try tail: 8 6 5, length."}},
    {&lace_family_program,
     PROGRAM,
     "4 8 6 5 to 5 9 7 6, step 1 try +1: 5 9 7 5, values.",
     {"+4 8 6 5 to 5 9 7 6, step 1 try +1: 5 9 6 7, order.", "-4 8 6 5 to 5 9 7 6, step 1 try +1: 5 9 7 6, yes.",
      "-7 4 6 to 9 6 8, step 1 by +1: 8 5 7.", ".4 8 6 5 to 5 9 7 6, step 1 try tail: 8 6 5, length."}},
    {&lace_family_program,
     PROGRAM,
     "7 4 6 to 9 6 8, step 1 by +1: 8 5 6.",
     {"+8 5 6 to 9 6 8, step 2 try turn: 5 6 8, order.", "-8 5 7 to 9 6 8, step 2 try +1: 9 6 8, yes.",
      "-7 4 6 to 9 6 8, step 1 by +1: 8 5 7.", ".4 8 6 5 to 5 9 7 6, step 1 try +1: 5 9 7 6, yes."}},
    {&lace_family_toll,
     TOLL,
     "p*3+7=10, try 2: 3+7=10, yes.",
     {"+To j: h9+7=16, i5+2=7, so 7.", "+x*6+2=3, try 1: 6+2=8, no.", "-To j: h9+7=16, i5+1=6, so 6.",
      "-x*6+1=3, try 1: 6+1=7, no.", "-p*3+7=10, try 2: 6+7=2, no.", ".To h: g0+9=9, so 9.",
      ".p*3+7=10, try 5: 4+7=0, no."}},
    {&lace_family_toll,
     TOLL,
     "To j: h9+7=16, i5+1=5, so 5.",
     {"+Via: j5+14=19, k9+11=20, so 19.", "-Via: j6+14=20, k9+11=20, so 20.", "-To j: h9+7=16, i5+1=6, so 6.",
      ".p*3+7=10, try 2: 6+7=2, no."}},
    {&lace_family_fare,
     FARE,
     "n=w-m=11-1, n=4.",
     {"+n=w-m=11-1, n=4.", "+From l: r8+4=12, x3+7=10, so 10.", "-From l: r8+10=18, x3+7=10, so 10.",
      "+To r: j7+6=13, l2+4=6, so 6.", "-n=w-m=11-1, n=10.", ".To j: h0+7=7, so 7.", ".w=s-m=12-1, w=11.",
      ".Answer: 12."}},
    {&lace_family_fare,
     FARE,
     "w=s-m=12-1, w=3.",
     {"+n=w-m=3-1, n=2.", "-n=w-m=11-1, n=10.", ".From l: r8+10=18, x3+7=10, so 10."}},
    {&lace_family_bill,
     BILL,
     "h*4+8=10, try 3: 2+8=10, yes.",
     {"+a*y: 4*3=12.", "-a*y: 4*7=28.", "-a*y: 4*7=35-7=28.", "-h*4+8=10, try 7: 2+8=10, yes.", ".a*x: 4*4=16.",
      ".All: 16+2=18, so 188."}},
    {&lace_family_bill, BILL, "h*4+8=10, try 7: 3+8=11, no.", {"-a*y: 4*7=28.", ".a*y: 4*3=12.", ".Answer: 188."}},
    {&lace_family_bill,
     BILL,
     "a*y: 4*7=21.",
     {"+All: 16+2=18, so 181.", "-All: 16+2=18, so 188.", "-a*y: 4*7=35-7=28.", ".h*4+8=10, try 7: 2+8=10, yes."}},
    {&lace_family_tab, TAB, "t=n-11=1-11, t=4.", {"+a*x: 8*4=32.", "-a*x: 8*3=24.", ".a*y: 8*6=48."}},
    {&lace_family_tab, TAB, "All: 24+4=29, so 298.", {"+Answer: 298.", "-Answer: 288.", ".n=k+c=1+0, n=1."}},
    {&lace_family_loan,
     LOAN,
     "q*7+4=2, try 5: 9+4=2, yes.",
     {"+f=c+q=5+5, f=10.", "-f=c+q=5+6, f=11.", "-q*7+4=2, try 6: 9+4=2, yes.", ".k=f*p=11*4, k=5.", ".Answer: 5."}},
    {&lace_family_loan,
     LOAN,
     "p*3+4=5, try 4: 1+4=6, no.",
     {"-k=f*p=11*4, k=5.", "-q*7+4=2, try 6: 9+4=2, yes.", ".f=c+q=5+6, f=11.", ".k=f*p=11*3, k=7."}},
    {&lace_family_loan,
     LOAN,
     "f=c+q=5+6, f=10.",
     {"+k=f*p=10*4, k=1.", "-k=f*p=11*4, k=5.", "-f=c+q=5+6, f=11.", ".q*7+4=2, try 6: 9+4=2, yes."}},
    {&lace_family_levy,
     LEVY,
     "z: 8/4=3.",
     {"+To g: e0+3=3, so 3.", "+From e: f4+3=7, g2+3=5, so 5.", "-To g: e0+2=2, so 2.", "-z: 8/4=2.",
      ".To f: e0+3=3, so 3.", ".a: 3*7=21.", ".Answer: 4."}},
    {&lace_family_levy,
     LEVY,
     "a: 3*7=22.",
     {"+z*4: 29-22=7.", "-z*4: 29-21=8.", "-a: 3*7=35-14=21.", ".To g: e0+2=2, so 2.", ".z: 8/4=2."}},
    {&lace_family_levy,
     LEVY,
     "To g: e0+2=3, so 3.",
     {"+Via: f3+4=7, g3+2=5, so 5.", "-Via: f3+4=7, g2+2=4, so 4.", ".z: 8/4=2.", ".From g: h0+2=2, so 2."}},
};

static void who_believes_a_line_by_hand(void **state)
{
    for (size_t i = 0; i < sizeof by_hand / sizeof *by_hand; i++) {
        const struct lace_family *f = by_hand[i].family;
        struct lace_step_check check;
        char lie[128], line[128];
        snprintf(lie, sizeof lie, "%s\n", by_hand[i].lie);
        lace_family_check_step(f, by_hand[i].prompt, lie, &check);
        if (check.result == LACE_STEP_NONE || check.result == LACE_STEP_RIGHT)
            fail_msg("%s: the example is no false line: %s", f->name, lie);
        for (int k = 0; k < 9 && by_hand[i].lines[k]; k++) {
            const char *want = by_hand[i].lines[k];
            snprintf(line, sizeof line, "%s\n", want + 1);
            lace_family_check_step(f, by_hand[i].prompt, line, &check);
            if (check.result == LACE_STEP_NONE && strncmp(want + 1, "Answer", 6) && strcmp(want, ".nonsense"))
                fail_msg("%s: the example is no line: %s", f->name, line);
            int got = lace_family_stance(f, by_hand[i].prompt, lie, line);
            if (".+-"[got] != want[0]) fail_msg("%s: %s%s is '%c'", f->name, lie, want, ".+-"[got]);
        }
        assert_int_equal(lace_family_stance(f, "what?", lie, lie), LACE_STANCE_NONE);
        assert_int_equal(lace_family_stance(f, by_hand[i].prompt, "what?\n", lie), LACE_STANCE_NONE);
        assert_int_equal(lace_family_stance(f, by_hand[i].prompt, lie, ""), LACE_STANCE_NONE);
    }
}

/* Lines with bytes turned over, left out and doubled, as falsehoods and as what follows: no stance that is none. */
static void hostile_lines(void **state)
{
    struct lace_rng rng;
    int taken = 0;
    lace_rng_init(&rng, 8, 8);
    for (int round = 0; round < 5000; round++) {
        size_t i = lace_rng_below(&rng, sizeof by_hand / sizeof *by_hand);
        const struct lace_family *f = by_hand[i].family;
        char text[2][160];
        for (int k = 0; k < 2; k++) {
            int n = 0;
            while (n < 9 && by_hand[i].lines[n]) n++;
            const char *from = k ? by_hand[i].lines[lace_rng_below(&rng, (uint32_t)n)] + 1 : by_hand[i].lie;
            int len = snprintf(text[k], sizeof text[k], "%s\n", from);
            for (uint32_t turns = lace_rng_below(&rng, 3); turns; turns--) {
                int at = (int)lace_rng_below(&rng, (uint32_t)len);
                if (lace_rng_below(&rng, 2)) text[k][at] = (char)(1 + lace_rng_below(&rng, 255));
                else text[k][at] = text[k][lace_rng_below(&rng, (uint32_t)len)];
            }
        }
        int stance = lace_family_stance(f, by_hand[i].prompt, text[0], text[1]),
            place = lace_family_place(f, by_hand[i].prompt, text[1], 4);
        assert_in_range(stance, LACE_STANCE_NONE, LACE_STANCE_REJECTS);
        assert_true(place >= -1 && place < 4);
        taken += stance != LACE_STANCE_NONE;
    }
    assert_true(taken > 400); /* many are still lines */
}

static void forge(const struct lace_family *f, const struct lace_record *r, int steps, enum lace_inject kind,
                  struct lace_rng *rng, struct lace_text *lie)
{
    struct lace_text so_far;
    struct lace_error err;
    lace_text_init(&so_far);
    lace_text_init(lie);
    lace_text_str(&so_far, "");
    for (int s = 0; s < steps; s++) lace_text_str(&so_far, r->threads[0].steps[s]);
    if (lace_inject_write(kind, r, so_far.data, rng, lie, &err)) fail_msg("%s: %s", f->name, err.text);
    lace_text_release(&so_far);
}

/* What is forged is false, says the same as itself, and no line of anybody who never errs believes it. */
static void the_truth_believes_no_falsehood(void **state)
{
    struct lace_rng rng;
    lace_rng_init(&rng, 5, 0);
    for (int i = 0; i < lace_family_count(); i++) {
        const struct lace_family *f = lace_family_at(i);
        struct lace_data_knobs knobs;
        int rejected[2] = {0}, quiet = 0;
        lace_data_knobs_defaults(&knobs);
        knobs.difficulty = (struct lace_interval){f->easiest, f->hardest};
        knobs.ambiguity = (struct lace_interval){0, 2};
        knobs.split = LACE_SPLIT_TEST;
        for (uint64_t k = 0; k < 60; k++) {
            struct lace_record r;
            struct lace_error err;
            if (lace_family_make(f, &knobs, k, &r, &err)) fail_msg("%s", err.text);
            for (int kind = LACE_INJECT_CLAIM; kind <= LACE_INJECT_STEP; kind++) {
                struct lace_text lie;
                struct lace_step_check check;
                char answer[192];
                bool rejects = false;
                forge(f, &r, (int)lace_rng_below(&rng, (uint32_t)r.threads[0].count), (enum lace_inject)kind, &rng,
                      &lie);
                lace_family_check_step(f, r.prompt, lie.data, &check);
                assert_true(check.result != LACE_STEP_NONE && check.result != LACE_STEP_RIGHT);
                assert_int_equal(lace_family_stance(f, r.prompt, lie.data, lie.data), LACE_STANCE_BELIEVES);
                quiet += kind == LACE_INJECT_STEP && !check.believed;
                for (int n = 0; n < r.thread_count; n++)
                    for (int s = 0; s < r.threads[n].count; s++) {
                        int stance = lace_family_stance(f, r.prompt, lie.data, r.threads[n].steps[s]);
                        if (stance == LACE_STANCE_BELIEVES)
                            fail_msg("%s\n%sis believed by the true line\n%s", r.prompt, lie.data,
                                     r.threads[n].steps[s]);
                        rejects |= stance == LACE_STANCE_REJECTS;
                    }
                snprintf(answer, sizeof answer, "Answer: %s.\n", r.answer);
                assert_int_not_equal(lace_family_stance(f, r.prompt, lie.data, answer), LACE_STANCE_BELIEVES);
                rejected[kind] += rejects;
                lace_text_release(&lie);
            }
            lace_record_release(&r);
        }
        /* Who shares tries a find again and builds on what is true: most falsehoods meet a line against them. */
        if (rejected[0] < 30 || rejected[1] < 30) fail_msg("%s: %d, %d", f->name, rejected[0], rejected[1]);
        /* Of chain, path and product, and of joints of them, every line has a value that others take; of knights all but
         * a dead case; of bill, loan and toll all but the trials of their search. */
        static const struct lace_family *const of_values[] = {
            &lace_family_chain, &lace_family_path, &lace_family_product, &lace_family_fare, &lace_family_tab, &lace_family_levy};
        static const struct lace_family *const searches[] = {&lace_family_bill, &lace_family_loan, &lace_family_toll};
        bool values = false, search = false;
        for (size_t k = 0; k < sizeof searches / sizeof *searches; k++) search |= f == searches[k];
        for (size_t k = 0; k < sizeof of_values / sizeof *of_values; k++) values |= f == of_values[k];
        int few = f == &lace_family_knights ? 1 : search ? 5 : 20;
        if (values ? quiet != 0 : quiet < few)
            fail_msg("%s: %d steps claim nothing", f->name, quiet);
    }
}

/* ---- groups ---- */

static struct lace_record problem = {.id = "p", .task = "search", .prompt = SEARCH, .answer = "1", .difficulty = 2};

static struct lace_outcome judge(const struct lace_record *p, const char *const *texts, int count,
                                 const struct lace_forced *f)
{
    struct lace_said said[8] = {{0}};
    struct lace_outcome o = {{0}};
    struct lace_error err;
    for (int n = 0; n < count; n++) said[n] = (struct lace_said){.text = texts[n], .len = strlen(texts[n])};
    if (lace_judge_forced(p, said, count, f, &o, &err)) fail_msg("%s", err.text);
    return o;
}

static void expect(struct lace_outcome o, double believed, double rejected)
{
    if (o.injected != 1 || fabs(o.believed - believed) > 1e-12 || fabs(o.rejected - rejected) > 1e-12)
        fail_msg("believed %g, not %g; rejected %g, not %g", o.believed, believed, o.rejected, rejected);
}

/* The example of docs/evaluation.md. */
static void a_group_by_hand(void **state)
{
#define FIRST "e*7+1=9, try 1: 7+1=8, no.\n"
#define LIE   "e*7+1=9, try 5: 8+1=9, yes.\n"
    const char *const texts[] = {
        FIRST LIE "f*4+5=7, try 1: 4+5=9, no.\nAnswer: 1.\n",
        FIRST "e*7+1=9, try 2: 1+1=2, no.\nf*4+5=7, try 3: 12+5=4, no.\nf*4+3=7, try 1: 4+3=7, yes.\n", /* both */
        FIRST "e*7+1=9, try 5: 9+1=10, no.\nAnswer: 1.\n",                                              /* rejects */
        FIRST "e*7+1=9, try 7: 10+1=11, no.\nAnswer: 1.\n[[best]]",                                     /* neither */
    };
    const size_t first = strlen(FIRST), stood = strlen(FIRST LIE);
    struct lace_forced f = {LACE_INJECT_CLAIM, 0, first, stood - first, {stood, stood - 1, first, stood}};
    expect(judge(&problem, texts, 4, &f), 1 / 3.0, 2 / 3.0);
    f.before[2]++; /* the line was begun before: it may owe nothing to the falsehood */
    expect(judge(&problem, texts, 4, &f), 1 / 3.0, 1 / 3.0);
    f.before[1] = strlen(texts[1]);
    expect(judge(&problem, texts, 4, &f), 0, 0);
    expect(judge(&problem, texts, 1, &f), 0, 0);
    f.thread = -1;
    assert_true(judge(&problem, texts, 4, &f).injected == 0);
}

static void verdicts_by_hand(void **state)
{
    static const struct {
        const char *liar, *other;
        int believes; /* -1: rejects */
    } rows[] = {
        {"Answer: 5.\n[[best]]", "Answer: 5.\n[[success]]", 1},
        {"Answer: 5.\n[[best]]", "Answer: 5.\n[[best]]", 1},
        {"Answer: 5.\n[[best]]", "Answer: 5.\n[[fail]]", -1},
        {"Answer: 5.\n[[best]]", "Answer: 1.\n[[best]]", -1},
        {"Answer: 5.\n[[best]]", "Answer: 1.\n[[success]]", -1},
        {"Answer: 5.\n[[best]]", "Answer: 1.\n[[fail]]", 1},
        {"Answer: 5.\n[[best]]", "Answer: 1.\n", 0},
        {"Answer: 5.\n[[best]]", "[[fail]]", 0},
        {"Answer: 1.\n[[fail]]", "Answer: 1.\n[[success]]", -1},
        {"Answer: 1.\n[[fail]]", "Answer: 1.0\n[[best]]", -1},
        {"Answer: 1.\n[[fail]]", "Answer: 1.\n[[fail]]", 1},
        {"Answer: 1.\n[[fail]]", "Answer: 5.\n[[best]]", 1},
        {"Answer: 1.\n[[fail]]", "Answer: 5.\n[[fail]]", -1},
        {"Answer: 1.\n[[fail]]", "nothing", 0},
    };
    struct lace_record imported = {.id = "i", .task = "gsm8k", .prompt = "How many?", .answer = "1"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const texts[] = {rows[i].other, rows[i].liar};
        size_t at = (size_t)(strstr(rows[i].liar, "[[") - rows[i].liar) + 2;
        struct lace_forced f = {LACE_INJECT_VERDICT, 1, at, strlen(rows[i].liar) - at, {0}};
        expect(judge(&problem, texts, 2, &f), rows[i].believes == 1, rows[i].believes == -1);
        expect(judge(&imported, texts, 2, &f), rows[i].believes == 1, rows[i].believes == -1);
    }
}

static void a_verdict_is_forged_against_the_answer(void **state)
{
    static const char *const rows[][2] = {
        {"Answer: 1.\n[[", "fail]]"}, {"Answer: 5.\n[[", "best]]"}, {"[[", ""}, {FIRST "[[", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lace_text out;
        lace_text_init(&out);
        lace_text_str(&out, "");
        assert_int_equal(lace_inject_write(LACE_INJECT_VERDICT, &problem, rows[i][0], NULL, &out, NULL), 0);
        assert_string_equal(out.data, rows[i][1]);
        lace_text_release(&out);
    }
    assert_string_equal(lace_inject_name(LACE_INJECT_VERDICT), "verdict");
    assert_null(lace_inject_name(LACE_INJECT_VERDICT + 1));
    assert_null(lace_inject_name(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_believes_a_line_by_hand),
        cmocka_unit_test(the_truth_believes_no_falsehood),
        cmocka_unit_test(hostile_lines),
        cmocka_unit_test(a_group_by_hand),
        cmocka_unit_test(verdicts_by_hand),
        cmocka_unit_test(a_verdict_is_forged_against_the_answer),
    };
    return cmocka_run_group_tests_name("inject", tests, NULL, NULL);
}
