/* Prompts, answers and lines of every problem family: the first line names the family, the second is the prompt, and what
 * follows is an answer, then lines of a thread. What is read must solve to an answer that its checker accepts, and a
 * forged line must be a line. */
#include "fuzz.h"
#include "synth/family.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *whole = malloc(size + 1), *text;
    memcpy(whole, data, size);
    whole[size] = 0;
    if ((text = strchr(whole, '\n'))) *text++ = 0;
    const struct lace_family *family = text ? lace_family_find(whole, NULL) : NULL;
    if (!family) {
        free(whole);
        return 0;
    }
    char *answer = strchr(text, '\n'), *lines = answer ? strchr(answer + 1, '\n') : NULL;
    if (answer) *answer++ = 0;
    if (lines) *lines++ = 0;
    struct lace_error err;
    struct lace_text out;
    enum lace_split side;
    lace_text_init(&out);
    if (!lace_family_solve(family, text, &out, &err)) {
        if (lace_family_check(family, text, out.data, &err) != 1 || lace_family_side(family, text, &side, &err))
            abort();
        if (answer) lace_family_check(family, text, answer, &err);
        for (char *at = lines; at && *at;) {
            struct lace_step_check seen;
            size_t len = strcspn(at, "\n");
            char end = at[len];
            at[len] = 0;
            lace_family_check_step(family, text, at, &seen);
            lace_family_result(family, seen.result);
            enum lace_stance own = lace_family_stance(family, text, at, at);
            if (seen.result == LACE_STEP_NONE && own != LACE_STANCE_NONE) abort();
            if (lines) lace_family_stance(family, text, lines, at); /* the first line, as the falsehood */
            if (lace_family_place(family, text, at, 4) > 3) abort();
            at[len] = end;
            at += len + (end != 0);
        }
        struct lace_rng rng;
        lace_rng_init(&rng, size, 0);
        lace_text_clear(&out);
        if (!lace_family_forge(family, text, lines ? lines : "", LACE_FALSE_FORGE, &rng, &out, &err)) {
            struct lace_step_check seen;
            lace_family_check_step(family, text, out.data, &seen);
            if (seen.result == LACE_STEP_NONE) abort();
        }
    } else if (lace_family_check(family, text, "1", &err) >= 0) abort();
    lace_text_release(&out);
    free(whole);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "search\nFind r (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2, r*9+q=7.\n2\nq*7+4=2, try 3: 10+4=3, no.\n",
        "chain\nFind k (mod 13): f=c+3, k=c*f, c=5.\n1\nf=c+3: 5+3=8.\n",
        "chain\nHow many coins has Kim, counted mod 13? Kim has Cy times Fay, Fay has Cy plus 3, Cy has 5.\n1\nk=c*f: "
        "5*8=1.\n",
        "countdown\nStart at 7. Reach 25, 40 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, 5, "
        "6, 9, 12, none "
        "twice. How is 40 reached?\n25+6+9\n3 5 9 12: 25+5=30+10=40, no.\n",
        "path\nShortest from a to h: a3b, a5c, b4d, c6d, b1e, c2e, d2h, e7h.\n9\nTo d: b3+4=7, c5+6=11, so 7.\n"
        "From e: h0+7=7, so 7.\nVia: d7+2=9, e4+7=11, so 9.\n",
        "product\nFind abc*xy: a=7, b=3, c=9, x=8, y=6.\n63554\nc*y: 9*6=60-6=54.\nb*y+c*x: 18+72=90.\nFrom b: "
        "90+5=95, so 954.\n",
        "product\nFind z: z*4+a+b=c+d, a=3*7, b=2*9, c=5*9, d=14.\n5\na to b: 21+18=39.\nz*4: 59-39=20.\nz: 20/4=5.\n",
        "program\nSteps: +1, double, reverse, sort. Find the program: 1: 3 1 2 to 2 1 3, 2: 5 2 4 to 8 4 10.\nreverse, "
        "double\n"
        "program\n 2 4 to 8 4 10, step 1 by reverse: 4 2 5.\n4 2 5 to 8 4 10, step 2 try sort: 2 4 5, values.\n",
        "knights\nKnights are honest, knaves lie: a says b lies, b says a like c, c says a honest; d says f unlike b, "
        "e says d like f, "
        "f says e lies. Who of d, e, f are knights?\nd f\nAbc| c says A honest: A, so C, dead.\n",
        "fare\nFind k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a(k)f, b(c)d, f3d.\n12\nk=c*2=5*2, k=10.\n"
        "To f: a0+10=10, so 10.\n",
        "bill\nFind q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find ab*xy: a=7, b=q, x=p, y=6.\n3496\n"
        "q*7+4=2, try 6: 9+4=2, yes.\nb*y: 6*6=60-24=36.\n",
        "tab\nFind k (mod 13): g=h+3, k=h*g, h=5. Find z: z*4+a=b, a=g*k, b=20.\n3\nk=h*g=5*8, k=1.\na: 8*1=8.\n",
        "loan\nFind q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find k (mod 13): c=5, f=c+q, k=f*p.\n5\n"
        "q*7+4=2, try 6: 9+4=2, yes.\nf=c+q=5+6, f=11.\n",
        "levy\nFind z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(z)g, f4h, g2h.\n4\nz: 8/4=2.\n"
        "To g: e0+2=2, so 2.\n",
        "toll\nFind p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(p)c, b4d, c2d.\n6\n"
        "p*3+4=5, try 4: 1+4=5, yes.\nTo c: a0+4=4, so 4.\n",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
