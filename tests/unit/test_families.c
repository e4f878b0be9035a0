/* What every family that is made of moves (synth/work.h) has to keep, one row of the table each. */
#include "eval/stats.h"
#include "synth/data.h"
#include "synth/work.h"
#include "text/tokenizer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct row {
    const struct lace_family *family;
    bool several;        /* a problem may have several right answers */
    bool alike;          /* parts of a problem may be so alike that a changed line is true of another part */
    const char *good[4]; /* prompts with all spacing and case that is forgiven, */
    const char *answer;  /* whose answer this is */
    const char *bad[28]; /* prompts that are refused, NULL at the end */
};
static const struct row rows[] = {
    {.family = &lace_family_chain,
     .good = {"Find k (mod 13): f=c+3, k=c*f, c=5.", " find k( mod 13 ):f = c+3,\nk=c * f,c=5",
              "Coins are counted mod 13. Kim has Cy times Fay, Fay has Cy plus 3, Cy has 5. How many has Kim?",
              "Find k (mod 13): f=c+3, k=c*f, c=5, f=k+7, z=y+1."},
     .answer = "1",
     .bad = {"", ".", "Find", "Find k (mod 13):", "Find k (mod 13): .", "Find k (mod 13): f=c+3, k=c*f.",
             "Find c (mod 13): k=c+3, c=5.", /* no line leads to it */
             "Find k (mod 13): k=c+3, c=k+1.", "Find k (mod 13): k=k+3.", "Find k (mod 13): k=c+3, c=5, k=2.",
             "Find k (mod 1): k=0.", "Find k (mod 98): k=5.", "Find k (mod 13): k=13.", "Find K (mod 13): K=3.",
             "Find k (mod 13): k=c/3, c=5.", "Find k (mod 13): k=c+300, c=5.", "Find k (mod 13): k=5,, c=5.",
             "Find k (mod 13): k=5. And c?", "\xff\xfe\x01"}},
    {.family = &lace_family_countdown,
     .several = true,
     .good =
         {"Start at 22. Reach 12, 50 in turn, each by one number (+ - * /) and another (+ -) out of 2, 3, 4, 5, 10, "
          "14, "
          "none twice. How is 50 reached?",
          " start at 22 .reach 12,50 in turn, each by one number (+-*/) and another (+-) out of 14,2,3,4,5,10 , none "
          "twice.how is 50 reached",
          "With 2, 3, 4, 5, 10, 14, none twice, go from 22 to 12, 50 in turn, each by + - * / one number and + - "
          "another. How is 50 reached?"},
     .answer = " 12 * 5-10 ",
     .bad =
         {"", ".", "Start at 7.",
          "Start at 7. Reach in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, none twice. How is "
          "25 reached?",
          "Start at 7. Reach 99 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, none twice. How "
          "is 99 reached?", /* not to be reached */
          "Start at 7. Reach 14 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, 2, 5, none "
          "twice. How is 14 reached?", /* by different pairs */
          "Start at 7. Reach 14 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, 3, none twice. "
          "How is 14 reached?",
          "Start at 7. Reach 14 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, none twice. How "
          "is 15 reached?",
          "Start at 7. Reach 14, 14 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, 5, 6, none "
          "twice. How is 14 reached?",
          "Start at 7. Reach 7 in turn, each by one number (+ - * /) and another (+ -) out of 3, 3, none twice. How "
          "is 7 reached?",
          "Start at 0. Reach 7 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, none twice. How "
          "is 7 reached?",
          "Start at 7. Reach 14 in turn, each by one number (+ - * /) and another (+ -) out of 300, 4, none twice. "
          "How is 14 reached?",
          "There are 3 numbers, 3, 4, none to be used twice. From 7 reach 14 in turn, each by one number (+ - * /) "
          "and another (+ -). How is 14 reached?",
          "Start at -7. Reach 14 in turn, each by one number (+ - * /) and another (+ -) out of 3, 4, none twice. How "
          "is 14 reached?",
          "\xff\xfe\x01"}},
    {.family = &lace_family_knights,
     .good =
         {"Knights are honest, knaves lie: a says b lies, b says a like c, c says a honest; d says f unlike b, e says "
          "d like f, f says e lies. Who of d, e, f are knights?",
          "knights are honest,knaves lie:d says f unlike b,e says f like d,f says e lies;c says a honest,a says b "
          "lies, "
          "b says c like a.who of d,e,f are knights",
          "Name the knights among d, e, f, who are honest; knaves lie. You hear: a calls b a liar, b calls a and c "
          "alike, c "
          "calls a honest; d calls f and b different, e calls d and f alike, f calls e a liar; x calls y a liar, y "
          "calls x "
          "a liar."},
     .answer = " f ",
     .bad =
         {"", ".", "Knights are honest, knaves lie: . Who of a, b are knights?",
          "Knights are honest, knaves lie: a says b lies, b says a lies. Who of a, b are knights?",   /* either may */
          "Knights are honest, knaves lie: a says b lies, b says a honest. Who of a, b are knights?", /* no way */
          "Knights are honest, knaves lie: a says b lies. Who of a are knights?",
          "Knights are honest, knaves lie: a says a lies, b says a lies. Who of a, b are knights?",
          "Knights are honest, knaves lie: a says b lies, a says b honest. Who of a, b are knights?",
          "Knights are honest, knaves lie: a says b like b, b says a lies. Who of a, b are knights?",
          "Knights are honest, knaves lie: a says b lies, b says a like c, c says a honest. Who of a, b are knights?",
          "Knights are honest, knaves lie: a says b lies, b says a like c, c says a honest. Who of c, b, a are "
          "knights?",
          "Knights are honest, knaves lie: a says b lies, b says a like c, c says a honest. Who of d, e are knights?",
          "Knights are honest, knaves lie: a says z lies, b says a like c, c says a honest. Who of a, b, c are "
          "knights?",
          "Knights are honest, knaves lie: a says b like e, b says a lies; d says e like a, e says d lies. Who of a, "
          "b are knights?", /* a circle */
          "Knights are honest, knaves lie: A says b lies, b says a like c, c says a honest. Who of a, b, c are "
          "knights?",
          "Knights are honest, knaves lie: a says b lies, b says a like c, c says a honest. Who of a, b, c are "
          "knights? And d?",
          "\xff\xfe\x01"}},
    {.family = &lace_family_path,
     .good = {"Shortest from a to d: a3b, a5c, b4d, c1d.", " shortest from a to d:a 3 b ,a5c,\nb4d, c1d",
              "c1d, b4d, a5c, a3b, a1z, y2d. What is the way from a to d?",
              "Roads: k3b, k5c, b4x, c1x. Find the shortest way from k to x."},
     .answer = "6",
     .bad = {"", ".", "Shortest from a to d:", "Shortest from a to d: .", "Shortest from a to a: a3b.",
             "Shortest from a to d: a3b, c4d.",                     /* no way */
             "Shortest from a to d: b3a, d4b.",                     /* nor this way round */
             "Shortest from a to d: a3b, b4c, c1b, c2d.",           /* a circle */
             "Shortest from a to d: a3b, a3b, b4d.",                /* a road twice */
             "Shortest from a to d: a3b, a1c, a2e, b1d, c1d, e1d.", /* three roads out of a */
             "Shortest from a to d: a3a, a2d.", "Shortest from a to d: a0d.", "Shortest from a to d: a100d.",
             "Shortest from a to d: a99b, b99d.", "Shortest from a to D: a3D.", "Shortest from a to d: a3d,, a4b.",
             "Shortest from a to d: a3d. And b?", "Shortest from a to d: a(p)d.", "\xff\xfe\x01"}},
    {.family = &lace_family_product,
     .good = {"Find abc*xy: a=7, b=3, c=9, x=8, y=6.", "find 739*86", "What is pqr*st? t=6, s=8, k=5, p=7, q=3, r=9.",
              " x=8,y = 6,a=7, b=3, c=9 .Find abc * xy"},
     .answer = "63554",
     .bad = {"",
             ".",
             "Find z: z*4+a=b, a=3*0, b=7.",
             "Find a*xy: a=q, x=8, y=6.",
             "Find 739*8.",
             "Find 739*861.",
             "Find 12345678*86.",
             "Find 739+86.",
             "Find *86.",
             "Find abc*xy: a=7, b=3, c=9, x=8.",
             "Find abc*xy: a=7, b=3, c=9, x=8, y=16.",
             "Find abc*xy: a=7, b=3, c=9, x=8, y=6, y=6.",
             "Find aba*xy: a=7, b=3, x=8, y=6.",
             "Find abc*xy: a=7, b=3*2, c=9, x=8, y=6.",
             "Find z: z*4+a=b, a=3*7.",
             "Find z: z*4+a=b, a=3*7, b=20.",
             "Find z: z*4+a=b, a=3*7, b=24.",
             "Find z: z*0+a=b, a=3*7, b=21.",
             "Find z: z*4+a=b=c, a=1, b=5, c=5.",
             "Find z: z*4+z=b, z=1, b=5.",
             "Find z: z*4=b, b=8.",
             "Find z: z*4+a, a=1.",
             "Find z: z*4+a=b, a=3*17, b=90.",
             "Find z: z*4+a=b, a=1, b=5. And b?",
             "\xff\xfe\x01"}},
    {.family = &lace_family_program,
     .alike = true,
     .good =
         {"Steps: +1, double, reverse, sort. Find the program: 1: 3 1 2 to 2 1 3, 2: 5 2 4 to 8 4 10.",
          "steps:+1,double,reverse,sort.find the program:2:5 2 4 to 8 4 10,1:3  1 2 to 2 1 3",
          "Examples: 1: 3 1 2 to 2 1 3, 2: 5 2 4 to 8 4 10, 1: 9 0 8 7 to 7 8 0 9. Steps: double, +1, sort, reverse. "
          "Give the program."},
     .answer = "reverse, double",
     .bad = {"", ".", "Steps: +1. Find the program: .", "Steps: . Find the program: 1: 3 to 4.",
             "Steps: +1, +1. Find the program: 1: 3 to 4.", "Steps: +1, half. Find the program: 1: 3 to 4.",
             "Steps: +1. Find the program: 2: 3 to 5.",                /* nothing shows the first step */
             "Steps: +1, +2. Find the program: 1: 3 to 9.",            /* no step fits */
             "Steps: sort, reverse. Find the program: 1: 3 1 to 1 3.", /* two fit */
             "Steps: +1, +2. Find the program: 1: 3 to 4, 1: 5 to 7.", /* they do not agree */
             "Steps: +1. Find the program: 1: 3 to 4, 2: 2 to 4.",     /* one output twice */
             "Steps: +1. Find the program: 1: 3 1 2 4 5 to 4 2 3 5 6.", "Steps: +1. Find the program: 0: 3 to 4.",
             "Steps: +1. Find the program: 1: 300 to 4.", "Steps: +1. Find the program: 1: 3 to.",
             "Steps: +1. Find the program: 1: to 4.", "Steps: +1. Find the program: 1: 3 to 4, 3: 2 to 9.",
             "Steps: +1. Find the program: 1: 3 to 4. And then?", "\xff\xfe\x01"}},
    {.family = &lace_family_fare,
     .good =
         {"Find k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a(k)f, b(c)d, f3d.",
          " find k(mod 13):k = c*2,c=5.shortest from a to d:a7b, a( k )f, b(c)d,\nf3d",
          "Coins are counted mod 13. Kim has Cy times 2, Cy has 5. How many has Kim? Roads: f3d, a7b, a(k)f, b(c)d. "
          "Find the shortest way from a to d.",
          "How many coins has Kim, counted mod 13? Zoe has Kim plus 1, Kim has Cy times 2, Cy has 5, Kim has Cy plus "
          "5. f3d, b(c)d, a7b, a(k)f, a(k)z. What is the way from a to d?"},
     .answer = "12",
     .bad = {"", ".", "Find k (mod 13): k=c*2, c=5.", "Shortest from a to d: a3b, b4d.",
             "Shortest from a to d: a3b, b4d. Find k (mod 13): k=c*2, c=5.",
             "Find k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a(q)f, b4d, f3d.",      /* what is q? */
             "Find k (mod 13): k=c*2, c=5, z=4. Shortest from a to d: a7b, a(z)f, b4d, f3d.", /* leads not to k */
             "Find k (mod 13): k=c-5, c=5. Shortest from a to d: a7b, a(k)f, b4d, f3d.",      /* no length */
             "Find k (mod 13): k=c*2, c=k. Shortest from a to d: a7b, a(k)f, b4d, f3d.",
             "Find k (mod 97): k=c-6, c=5. Shortest from a to d: a(k)b, b4d.", /* too long */
             "Find k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a(k)f, f3e.",
             "Find k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a(k)f, b4d, f3d. And k?",
             "Find k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a(K)f, b4d, f3d.",
             "Find k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a()f, b4d, f3d.",
             "Find k (mod 13): k=c*2, c=5. Shortest from a to d: a7b, a(kc)f, b4d, f3d.",
             ". . . . . . . . . Find k (mod 13): k=c*2, c=5. Shortest from a to d: a(k)d.", "\xff\xfe\x01"}},
    {.family = &lace_family_bill,
     .alike = true,
     .good =
         {"Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find ab*xy: a=7, b=q, x=p, y=6.",
          " find q(each from 1 to 8,mod 11):p*3+4=5,q*7+p=2.find ab*xy:a = 7,b=q, x= p ,y=6",
          "Mod 11, with each unknown from 1 to 8: q*7+p=2, p*3+4=5. Find q. What is rs*tu? k=3, u=6, t=p, s=q, r=7.",
          "p*3+4=5, q*7+p=2 (mod 11, each from 1 to 8). Give q. y=6, x=p, b=q, a=7. Find ab*xy."},
     .answer = "3496",
     .bad = {"", ".", "Find p (each from 1 to 8, mod 11): p*3+4=5.", "Find a*xy: a=7, x=8, y=6.",
             "Find a*xy: a=p, x=8, y=6. Find p (each from 1 to 8, mod 11): p*3+4=5.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find a*xy: a=q, x=8, y=6.", /* what is q? */
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find a*xy: a=p*2, x=8, y=6.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find p*xy: p=3, x=p, y=6.", /* which p? */
             "Find p (each from 1 to 10, mod 11): p*3+4=5. Find a*xy: a=p, x=8, y=6.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find a*xy: a=p, x=8.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find a*xy: a=p, x=8, y=P.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find a*xy: a=pp, x=8, y=6.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find z: z*3+a=b, a=p, b=7.", /* not a product */
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find z: z*3+a=b, a=p*3, b=20.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find z: z*3+a=b, a=p*0, b=7.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find z: z*3+a=b, a=p*q, b=50.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find z: z*3+a=b, a=12*p, b=99.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find a*xy: a=p, x=8, y=6. And p?", "\xff\xfe\x01"}},
    {.family = &lace_family_tab,
     .good =
         {"Find k (mod 13): g=h+3, k=h*g, h=5. Find z: z*4+a=b, a=g*k, b=20.",
          " find k(mod 13):g = h+3,k=h*g,h=5.find z:z*4+a=b,a=g *k,b=20",
          "Coins are counted mod 13. Kim has Hal times Gus, Gus has Hal plus 3, Hal has 5. How many has Kim? What is "
          "z? z*4+a=b, a=k*g, b=20.",
          "How many coins has Kim, counted mod 13? Kim has Hal times Gus, Gus has Hal plus 3, Hal has 5. c=g*9, b=20, "
          "a=g*k, and z*4+a=b. Find z."},
     .answer = "3",
     .bad = {"", ".", "Find k (mod 13): k=h*2, h=4.", "Find ab*xy: a=7, b=2, x=8, y=6.",
             "Find ab*xy: a=7, b=k, x=8, y=6. Find k (mod 13): k=h*2, h=4.",
             "Find k (mod 13): k=h*2, h=4. Find ab*xy: a=7, b=g, x=8, y=6.",
             "Find k (mod 13): k=h*2, h=6. Find ab*xy: a=7, b=k, x=8, y=6.",      /* 12 is no digit */
             "Find k (mod 13): k=h*2, h=0. Find ab*xy: a=7, b=k, x=8, y=6.",      /* 0 is no factor of a term */
             "Find k (mod 13): k=h*2, h=4, j=3. Find ab*xy: a=7, b=j, x=8, y=6.", /* leads not to k */
             "Find k (mod 13): k=h*2, h=k. Find ab*xy: a=7, b=k, x=8, y=6.",
             "Find k (mod 13): k=a*2, a=4. Find ab*xy: a=7, b=k, x=8, y=6.", /* which a? */
             "Find k (mod 13): k=h*2, h=4. Find z: z*3+a=b, a=k, b=20.",
             "Find k (mod 13): k=h*2, h=4. Find ab*xy: a=7, b=k, x=8, y=6. And k?", "\xff\xfe\x01"}},
    {.family = &lace_family_loan,
     .alike = true,
     .good =
         {"Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find k (mod 13): c=5, f=c+q, k=f*p.",
          " find q(each from 1 to 8,mod 11):p*3+4=5,q*7+p=2.find k(mod 13):f = c+q,k=f *p,c=5",
          "Mod 11, with each unknown from 1 to 8: q*7+p=2, p*3+4=5. Find q. Coins are counted mod 13. Kim has Fay times "
          "Pam, Cy has 5, Fay has Cy plus Quin. How many has Kim?",
          "p*3+4=5, q*7+p=2 (mod 11, each from 1 to 8). Give q. f=c+q, z=q-x, f=p+7, k=f*p, c=5 (mod 13). Give k."},
     .answer = "5",
     .bad = {"", ".", "Find p (each from 1 to 8, mod 11): p*3+4=5.", "Find k (mod 13): c=5, k=c+2.",
             "Find k (mod 13): c=5, k=c+2. Find p (each from 1 to 8, mod 11): p*3+4=5.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): k=c*q, c=5.",      /* what is q? */
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): k=c*p, c=5, p=4.", /* which p? */
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find p (mod 13): k=c*p, c=5.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find c (mod 13): k=c*p, c=5.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): k=c*p, c=k.",
             "Find p (each from 1 to 8, mod 11): p*3+4=8. Find k (mod 5): k=c*p, c=3.", /* 5 is not below 5 */
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): k=c*p, c=5, k=p+1.",
             "Find p (each from 1 to 10, mod 11): p*3+4=5. Find k (mod 13): k=c*p, c=5.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): k=c*P, c=5.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): k=c*p, c=5. And p?",
             /* no room for p beside so many */
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Find k (mod 13): k=c*p, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, "
             "c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, "
             "c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5, c=5.",
             "\xff\xfe\x01"}},
    {.family = &lace_family_levy,
     .good =
         {"Find z: z*4+a=b, a=3*7, b=29. Shortest from a to d: a3b, a(z)c, b4d, c2d.",
          " find z:z*4+a=b,a= 3*7,b=29 .shortest from e to h:e3f, e( z )g, f4h,\ng2h",
          "b=29, a=3*7, k=5*2, and z*4+a=b. Find z. Roads: g2h, e3f, e(z)g, f4h, e(z)k. Find the shortest way from e to "
          "h.",
          "What is z? z*4+p=q, p=3*7, q=29. g2h, f4h, e3f, e(z)g. What is the way from e to h?"},
     .answer = "4",
     .bad = {"", ".", "Find z: z*4+a=b, a=3*7, b=29.", "Shortest from a to d: a3b, b4d.",
             "Shortest from a to d: a3b, b4d. Find z: z*4+a=b, a=3*7, b=29.",
             "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(a)g, f4h, g2h.", /* a is a term */
             "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(y)g, f4h, g2h.",
             "Find z: z*4+a=b, a=3*7, b=28. Shortest from e to h: e3f, e(z)g, f4h, g2h.",
             "Find z: z*4+a=b, a=3*7, b=21. Shortest from e to h: e3f, e(z)g, f4h, g2h.",          /* no length */
             "Find z: z*1+a=b+c, a=1, b=9*9, c=99. Shortest from e to h: e3f, e(z)g, f4h, g2h.",   /* too long */
             "Find z: z*1+a=b+c+d+e, a=1, b=9*9, c=9*9, d=8*9, e=23. Shortest from e to h: e(z)h.", /* 256 */
             "Find 7*86. Shortest from e to h: e3f, e(z)g, f4h, g2h.", "Find 7*86. Shortest from e to h: e3f, f4h.",
             "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(Z)g, f4h, g2h.",
             "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(z)g, f4h, g2h. And z?", "\xff\xfe\x01"}},
    {.family = &lace_family_toll,
     .alike = true,
     .good =
         {"Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(p)c, b4d, c2d.",
          " find p(each from 1 to 8,mod 11):p*3+4=5.shortest from a to d:a3b, a( p )c, b4d,\nc2d",
          "Mod 11, with each unknown from 1 to 8: p*3+4=5. Find p. Roads: c2d, a3b, a(p)c, b4d. Find the shortest way "
          "from a to d.",
          "What is q? Each unknown is from 1 to 8, mod 11: q*7+p=2, p*3+4=5. c2d, b4d, a3b, a(p)c, a(q)z. What is "
          "the way from a to d?"},
     .answer = "6",
     .bad = {"", ".", "Find p (each from 1 to 8, mod 11): p*3+4=5.", "Shortest from a to d: a3b, b4d.",
             "Shortest from a to d: a3b, b4d. Find p (each from 1 to 8, mod 11): p*3+4=5.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(q)c, b4d, c2d.", /* what is q? */
             "Find p (each from 1 to 8, mod 11): p*11+4=4. Shortest from a to d: a3b, a(p)c, b4d, c2d.",
             "Find p (each from 1 to 10, mod 11): p*3+4=5. Shortest from a to d: a3b, a(p)c, b4d, c2d.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(p)c, c2e.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(p)c, b4d, c2d. And p?",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(P)c, b4d, c2d.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a()c, b4d, c2d.",
             "Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a3b, a(pp)c, b4d, c2d.",
             ". . . . . . . . . Find p (each from 1 to 8, mod 11): p*3+4=5. Shortest from a to d: a(p)d.",
             "\xff\xfe\x01"}},
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct lace_data_knobs wide(const struct lace_family *family)
{
    struct lace_data_knobs knobs;
    lace_data_knobs_defaults(&knobs);
    knobs.difficulty = (struct lace_interval){family->easiest, family->hardest};
    knobs.threads = (struct lace_interval){1, 9};
    knobs.ambiguity = (struct lace_interval){0, 2};
    return knobs;
}

static struct lace_record make(const struct lace_family *family, const struct lace_data_knobs *knobs, uint64_t index)
{
    struct lace_record record;
    struct lace_error err = {""};
    if (lace_family_make(family, knobs, index, &record, &err))
        fail_msg("%s %d: %s", family->name, (int)index, err.text);
    return record;
}

static struct lace_step_check check(const struct lace_family *family, const char *prompt, const char *step)
{
    struct lace_step_check seen;
    lace_family_check_step(family, prompt, step, &seen);
    return seen;
}

static void the_table_is_sound(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        assert_ptr_equal(lace_family_find(f->name, NULL), f);
        int strategies = 0;
        while (f->strategies[strategies]) strategies++;
        assert_true(strategies >= 3 && strategies == f->work->ranked + 1);
        assert_string_equal(f->strategies[strategies - 1], "random");
        assert_string_equal(f->errors[0], "right");
        assert_true(f->easiest <= f->trained_low && f->trained_low <= f->trained_high);
        assert_true(f->hardest >= f->trained_high * 3 / 2); /* well past the training range */
    }
}

static void the_solver_passes_the_checker(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        knobs.policy = LACE_POLICY_ALONE;
        knobs.threads = (struct lace_interval){1, 1};
        knobs.budget = 1;
        for (uint64_t k = 0; k < 10000; k++) {
            struct lace_record record = make(f, &knobs, k);
            struct lace_text answer;
            struct lace_error err = {""};
            lace_text_init(&answer);
            if (lace_family_solve(f, record.prompt, &answer, &err)) fail_msg("%s: %s", record.prompt, err.text);
            assert_int_equal(lace_family_check(f, record.prompt, answer.data, NULL), 1);
            assert_int_equal(lace_family_check(f, record.prompt, record.answer, NULL), 1);
            if (!rows[i].several) assert_string_equal(answer.data, record.answer);
            for (size_t at = 0; k < 1000 && answer.data[at]; at++) { /* any changed digit or letter makes it wrong */
                char old = answer.data[at];
                if (old >= '0' && old <= '9') answer.data[at] = (char)('0' + (old - '0' + 1) % 10);
                else if (old >= 'a' && old <= 'z') answer.data[at] = (char)('a' + (old - 'a' + 1) % 26);
                else continue;
                if (lace_family_check(f, record.prompt, answer.data, NULL) != 0)
                    fail_msg("%s\naccepts %s beside %s", record.prompt, answer.data, record.answer);
                answer.data[at] = old;
            }
            if (k < 1000) {
                assert_int_equal(lace_family_check(f, record.prompt, "", NULL), 0);
                assert_int_equal(lace_family_check(f, record.prompt, "what?", NULL), 0);
                lace_text_str(&answer, " x");
                assert_int_equal(lace_family_check(f, record.prompt, answer.data, NULL), 0);
            }
            lace_text_release(&answer);
            lace_record_release(&record);
        }
        assert_true(lace_family_check(f, "what?", "4", NULL) < 0);
    }
}

/* Is the step marked in meta[key]? Its kind, or NULL. */
static const char *marked(const struct lace_record *record, const char *key, int thread, int step)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(record->meta, key), i, item)
    {
        if (json_integer_value(json_array_get(item, 0)) == thread &&
            json_integer_value(json_array_get(item, 1)) == step)
            return json_string_value(json_array_get(item, 2));
    }
    return NULL;
}

static void check_record(const struct row *row, const struct lace_record *record, bool errs, int *falsehoods)
{
    const struct lace_family *f = row->family;
    int best = 0, right_threads = 0, budget = (int)json_integer_value(json_object_get(record->meta, "budget"));
    for (int n = 0; n < record->thread_count; n++) {
        const struct lace_record_thread *thread = &record->threads[n];
        assert_true(thread->count >= 1 && thread->count <= budget);
        for (int s = 0; s < thread->count; s++) {
            struct lace_step_check seen = check(f, record->prompt, thread->steps[s]);
            const char *kind = marked(record, "corrupted", n, s);
            *falsehoods += kind != NULL;
            if (!kind ? seen.result != LACE_STEP_RIGHT || (seen.misled && !errs)
                      : seen.result == LACE_STEP_RIGHT || seen.result == LACE_STEP_NONE)
                fail_msg("%s\n%s%s: %s", record->prompt, thread->steps[s], kind ? kind : "no falsehood",
                         lace_family_result(f, seen.result));
            if (kind && !strcmp(kind, "flip")) assert_true(seen.claims != seen.believed);
            else assert_true(seen.claims == seen.believed);
            assert_true(strlen(thread->steps[s]) < LACE_WORK_LINE && strchr(thread->steps[s], '\n')[1] == 0);
        }
        bool right = thread->answer && lace_family_check(f, record->prompt, thread->answer, NULL) == 1;
        if (!errs) assert_true(right == (thread->answer != NULL));
        if (!thread->answer) assert_int_equal(thread->count, budget);
        assert_int_equal(thread->verdict != LACE_VERDICT_FAIL, right);
        best += thread->verdict == LACE_VERDICT_BEST;
        right_threads += right;
    }
    assert_int_equal(best, right_threads > 0);
}

static void every_strategy_replays_to_the_answer(void **state)
{
    for (int i = 0; i < ROWS; i++)
        for (int policy = LACE_POLICY_SHARED; policy <= LACE_POLICY_ALONE; policy++)
            for (int strategy = 0; strategy == 0 || rows[i].family->strategies[strategy - 1]; strategy++)
                for (int errs = 0; errs < 2; errs++) {
                    const struct lace_family *f = rows[i].family;
                    struct lace_data_knobs knobs = wide(f);
                    int falsehoods = 0, answered = 0, threads = 0;
                    knobs.policy = policy;
                    knobs.strategy = strategy;
                    knobs.corrupt = errs;
                    for (uint64_t k = 0; k < 60; k++) {
                        struct lace_record record = make(f, &knobs, k);
                        check_record(&rows[i], &record, errs, &falsehoods);
                        threads += record.thread_count;
                        for (int n = 0; n < record.thread_count; n++) answered += record.threads[n].answer != NULL;
                        lace_record_release(&record);
                    }
                    if (policy != LACE_POLICY_SHARED) assert_int_equal(answered, threads); /* their budget suffices */
                    else if (strategy < 2) assert_true(answered > threads * 9 / 10);
                    if (errs && policy == LACE_POLICY_SHARED) assert_true(falsehoods > 30);
                    else assert_int_equal(falsehoods, 0);
                }
}

/* Without falsehoods, who shares does nothing twice but on purpose. */
static void sharing_threads_waste_nothing(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        int moved = 0, spared = 0;
        for (uint64_t k = 0; k < 200; k++) {
            struct lace_record record = make(f, &knobs, k);
            int rounds = (int)json_integer_value(json_object_get(record.meta, "rounds")), last = 0;
            uint64_t seen[4096];
            int count = 0, before = 0;
            for (int r = 0; r < rounds; r++, before = count)
                for (int n = 0; n < record.thread_count; n++) {
                    if (r >= record.threads[n].count) continue;
                    struct lace_step_check now = check(f, record.prompt, record.threads[n].steps[r]);
                    const char *mark = marked(&record, "interactions", n, r);
                    bool again = false;
                    for (int s = 0; s < before; s++) again |= seen[s] == now.key;
                    last = record.threads[n].count == r + 1; /* the finder looks again, too */
                    if (mark && !strcmp(mark, "rechecked")) assert_true(again);
                    else if (again) assert_true(record.thread_count > 1 && last);
                    moved += mark && !strcmp(mark, "moved_on");
                    spared += mark && (!strcmp(mark, "skipped") || !strcmp(mark, "avoided"));
                    assert_true(!mark || (strcmp(mark, "struck") && strcmp(mark, "corrected")));
                    if (count < 4096) seen[count++] = now.key;
                }
            lace_record_release(&record);
        }
        if (moved <= 100 || spared <= 50) fail_msg("%s: %d moved on, %d spared", f->name, moved, spared);
    }
}

static void falsehoods_are_corrected(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        int corrected = 0, struck = 0, answers = 0, right = 0;
        knobs.corrupt = 1;
        knobs.threads = (struct lace_interval){2, 9};
        for (uint64_t k = 0; k < 300; k++) {
            struct lace_record record = make(f, &knobs, k);
            for (int n = 0; n < record.thread_count; n++) {
                const struct lace_record_thread *thread = &record.threads[n];
                for (int s = 0; s < thread->count; s++) {
                    const char *mark = marked(&record, "interactions", n, s);
                    corrected += mark && !strcmp(mark, "corrected");
                    struck += mark && !strcmp(mark, "struck");
                }
                answers += thread->answer != NULL;
                right += thread->verdict != LACE_VERDICT_FAIL;
            }
            lace_record_release(&record);
        }
        assert_true(corrected > 150 && struck > 50);
        assert_true(right > answers * 95 / 100); /* a lie about the last move may be told by two */
    }
}

/* Some threads, fewer than half, end with a false line and an answer that follows from it: the others are right, and
 * one of these is best. */
static void few_are_led_astray(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        int led = 0;
        knobs.astray = 1;
        knobs.threads = (struct lace_interval){3, 9};
        for (uint64_t k = 0; k < 100; k++) {
            struct lace_record record = make(f, &knobs, k);
            int wrong = 0, best = 0, rights = 0;
            for (int n = 0; n < record.thread_count; n++) {
                const struct lace_record_thread *thread = &record.threads[n];
                bool right = thread->answer && lace_family_check(f, record.prompt, thread->answer, NULL) == 1;
                assert_int_equal(thread->verdict != LACE_VERDICT_FAIL, right);
                rights += right;
                best += thread->verdict == LACE_VERDICT_BEST;
                if (!thread->answer || right) continue;
                wrong++;
                assert_string_equal(marked(&record, "corrupted", n, thread->count - 1), "forge");
                struct lace_step_check seen = check(f, record.prompt, thread->steps[thread->count - 1]);
                assert_true(seen.result != LACE_STEP_RIGHT || seen.misled);
            }
            assert_true(wrong <= (record.thread_count - 1) / 2);
            assert_int_equal(best, rights > 0);
            led += wrong > 0;
            lace_record_release(&record);
        }
        /* where all other ways to end are known to be dead (knights, countdown), nobody can be led into one */
        if (led < 10) fail_msg("%s: %d", f->name, led);
        knobs.threads = (struct lace_interval){2, 2};
        struct lace_record two = make(f, &knobs, 0);
        assert_null(json_object_get(two.meta, "corrupted")); /* of two nobody knows who is right */
        lace_record_release(&two);
    }
}

static void any_changed_number_is_found(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        knobs.threads = (struct lace_interval){2, 2};
        for (uint64_t k = 0; k < 200; k++) {
            struct lace_record record = make(f, &knobs, k);
            for (int s = 0; s < record.threads[0].count && s < 10; s++) {
                const char *step = record.threads[0].steps[s];
                for (size_t at = 0; step[at]; at++) {
                    char changed[LACE_WORK_LINE];
                    if (step[at] < '0' || step[at] > '9') continue;
                    snprintf(changed, sizeof changed, "%s", step);
                    changed[at] = (char)('0' + (changed[at] - '0' + 1) % 10);
                    struct lace_step_check seen = check(f, record.prompt, changed);
                    if (rows[i].alike && seen.key != check(f, record.prompt, step).key) continue;
                    if (seen.result == LACE_STEP_RIGHT && !seen.misled) fail_msg("%s\n%s", record.prompt, changed);
                }
                char longer[LACE_WORK_LINE + 8];
                snprintf(longer, sizeof longer, "%sand", step);
                assert_int_equal(check(f, record.prompt, longer).result, LACE_STEP_NONE);
                snprintf(longer, sizeof longer, "%.*s", (int)strlen(step) - 2, step);
                struct lace_step_check cut = check(f, record.prompt, longer);
                assert_int_not_equal(cut.result, LACE_STEP_RIGHT);
            }
            lace_record_release(&record);
        }
        struct lace_record record = make(f, &knobs, 1);
        assert_int_equal(check(f, "what?", record.threads[0].steps[0]).result, LACE_STEP_NONE);
        assert_int_equal(check(f, record.prompt, "").result, LACE_STEP_NONE);
        assert_int_equal(check(f, record.prompt, "Answer: 7.\n").result, LACE_STEP_NONE);
        lace_record_release(&record);
    }
}

static void a_forged_step_looks_right_and_is_wrong(void **state)
{
    struct lace_rng rng, again;
    lace_rng_init(&rng, 3, 0);
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 300; k++) {
            struct lace_record record = make(f, &knobs, k);
            const struct lace_record_thread *thread = &record.threads[0];
            struct lace_text so_far, lie, twin;
            struct lace_error err = {""};
            lace_text_init(&so_far);
            lace_text_init(&lie);
            lace_text_init(&twin);
            lace_text_str(&so_far, "");
            int steps = (int)lace_rng_below(&rng, (uint32_t)thread->count + 1);
            for (int s = 0; s < steps; s++) lace_text_str(&so_far, thread->steps[s]);
            again = rng;
            if (lace_family_forge(f, record.prompt, so_far.data, LACE_FALSE_FORGE, &rng, &lie, &err))
                fail_msg("%s\n%s%s", record.prompt, so_far.data, err.text);
            assert_int_equal(lace_family_forge(f, record.prompt, so_far.data, LACE_FALSE_FORGE, &again, &twin, NULL),
                             0);
            assert_string_equal(lie.data, twin.data);
            struct lace_step_check seen = check(f, record.prompt, lie.data);
            assert_true(seen.result != LACE_STEP_RIGHT && seen.result != LACE_STEP_NONE);
            assert_true(seen.claims && seen.believed && lie.data[lie.len - 1] == '\n');
            lace_text_release(&so_far);
            lace_text_release(&lie);
            lace_text_release(&twin);
            lace_record_release(&record);
        }
        struct lace_text out;
        lace_text_init(&out);
        assert_int_equal(lace_family_forge(f, "what?", "", LACE_FALSE_FORGE, &rng, &out, NULL), LACE_BAD);
        lace_text_release(&out);
    }
}

/* Problems that are never drawn: digits that are 0, a number beyond the modulus. */
static void steps_about_odd_numbers_can_be_forged(void **state)
{
    static const struct {
        const struct lace_family *family;
        const char *prompt, *so_far;
    } odd[] = {
        {&lace_family_product, "Find 7*00.", "a*y: 7*0=0.\na*x: 7*0=0.\nAll: 0+0=0, so 0.\n"},
        {&lace_family_product, "Find 0*80.", "a*y: 0*0=0.\na*x: 0*8=0.\nAll: 0+0=0, so 0.\n"},
        {&lace_family_search, "Find p (each from 1 to 8, mod 11): p*3+90=5.", ""},
        {&lace_family_bill, "Find p (each from 1 to 8, mod 11): p*3+90=5. Find a*xy: a=p, x=0, y=6.", ""},
        {&lace_family_bill, "Find p (each from 1 to 8, mod 11): p*3+90=5. Find a*xy: a=p, x=0, y=6.",
         "p*3+90=5, try 1: 3+90=5, yes.\na*x: 1*0=0.\na*y: 1*6=6.\nAll: 0+0=0, so 6.\n"},
        {&lace_family_toll, "Find p (each from 1 to 8, mod 11): p*3+90=5. Shortest from a to d: a3b, a(p)c, b4d, c2d.",
         ""},
    };
    struct lace_rng rng;
    lace_rng_init(&rng, 4, 0);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (int k = 0; k < 200; k++) {
            struct lace_text lie;
            struct lace_error err = {""};
            enum lace_falsehood kind = k % 2 ? LACE_FALSE_MISS : LACE_FALSE_FORGE;
            lace_text_init(&lie);
            if (lace_family_forge(odd[i].family, odd[i].prompt, odd[i].so_far, kind, &rng, &lie, &err))
                fail_msg("%s: %s", odd[i].prompt, err.text);
            int result = check(odd[i].family, odd[i].prompt, lie.data).result;
            if (result == LACE_STEP_RIGHT || result == LACE_STEP_NONE) fail_msg("%s\n%s", odd[i].prompt, lie.data);
            lace_text_release(&lie);
        }
}

/* The canonical numbers of the prompt's problem, behind their length. */
struct numbers {
    uint8_t count[2], bytes[LACE_WORK_NUMBERS];
};

static struct numbers numbers_of(const struct lace_family *f, const char *prompt)
{
    struct numbers numbers = {{0}, {0}};
    void *problem = malloc(f->work->bytes);
    struct lace_error err = {""};
    if (f->work->parse(problem, prompt, &err)) fail_msg("%s: %s", prompt, err.text);
    int count = f->work->numbers(problem, numbers.bytes);
    assert_true(count <= LACE_WORK_NUMBERS);
    numbers.count[0] = (uint8_t)(count & 255);
    numbers.count[1] = (uint8_t)(count >> 8);
    free(problem);
    return numbers;
}

static int by_numbers(const void *a, const void *b) { return memcmp(a, b, sizeof(struct numbers)); }

static void train_and_test_share_no_problem(void **state)
{
    enum { EACH = 2000 };
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct numbers *all[2];
        for (int s = 0; s < 2; s++) {
            struct lace_data_knobs knobs = wide(f);
            knobs.difficulty.high = knobs.difficulty.low; /* the fewest problems */
            knobs.budget = 1;
            knobs.split = s;
            all[s] = malloc(EACH * sizeof **all);
            for (uint64_t k = 0; k < EACH; k++) {
                struct lace_record record = make(f, &knobs, k);
                enum lace_split side;
                assert_int_equal(lace_family_side(f, record.prompt, &side, NULL), 0);
                assert_int_equal(side, s);
                all[s][k] = numbers_of(f, record.prompt);
                lace_record_release(&record);
            }
            qsort(all[s], EACH, sizeof **all, by_numbers);
        }
        for (int a = 0, b = 0; a < EACH && b < EACH;) {
            int order = by_numbers(&all[0][a], &all[1][b]);
            assert_int_not_equal(order, 0);
            if (order < 0) a++;
            else b++;
        }
        free(all[0]);
        free(all[1]);
    }
}

static void every_wording_is_the_same_problem(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 400; k++) {
            struct numbers numbers[3];
            char *prompts[3];
            for (int a = 0; a < 3; a++) {
                knobs.ambiguity = (struct lace_interval){a, a};
                struct lace_record record = make(f, &knobs, k);
                numbers[a] = numbers_of(f, record.prompt);
                prompts[a] = strdup(record.prompt);
                if (by_numbers(&numbers[0], &numbers[a])) fail_msg("%s\n%s", prompts[0], prompts[a]);
                lace_record_release(&record);
            }
            assert_true(strcmp(prompts[0], prompts[1]) && strcmp(prompts[0], prompts[2]));
            for (int a = 0; a < 3; a++) free(prompts[a]);
        }
    }
}

static char *line_of(const struct lace_family *f, const struct lace_data_knobs *knobs, uint64_t index)
{
    struct lace_record record = make(f, knobs, index), again;
    struct lace_text line;
    lace_text_init(&line);
    assert_int_equal(lace_record_format(&record, &line, NULL), 0);
    assert_int_equal(lace_record_parse(&again, line.data, line.len, "itself", NULL), 0);
    lace_record_release(&again);
    lace_record_release(&record);
    return line.data;
}

/* What a seed makes stays what it was: figures of other days are of these problems and lines. Whoever changes them on
 * purpose puts the new number here and says so. */
static void records_are_what_they_were(void **state)
{
    static const struct {
        const struct lace_family *family;
        uint64_t hash;
    } were[] = {
        {&lace_family_search, 0xa52a147b1c611201},
        {&lace_family_chain, 0xef352194a8dad761},
        {&lace_family_countdown, 0xe9af534dc677de8f},
        {&lace_family_knights, 0xbff42e4fe7841491},
        {&lace_family_path, 0x87c518d2ec6f6897},
        {&lace_family_product, 0x64bbc6131d055620},
        {&lace_family_program, 0x7ea8ca16c8f8dec6},
        {&lace_family_fare, 0x10cb35574b953a4e},
        {&lace_family_bill, 0xd80f0656c84383cd},
        {&lace_family_tab, 0x35f8645e4361f84f},
        {&lace_family_loan, 0x347c66e99fc871ea},
        {&lace_family_levy, 0x1b9e2dde7f7d082a},
        {&lace_family_toll, 0xdc9479b358b9af66},
    };
    assert_int_equal(sizeof were / sizeof *were, lace_family_count());
    for (size_t i = 0; i < sizeof were / sizeof *were; i++) {
        struct lace_data_knobs knobs = wide(were[i].family);
        uint64_t hash = 0;
        knobs.corrupt = 0.5;
        knobs.split = LACE_SPLIT_TEST;
        for (uint64_t k = 0; k < 100; k++) {
            char *line = line_of(were[i].family, &knobs, k);
            hash = hash * 31 + lace_hash(line, strlen(line));
            free(line);
        }
        if (hash != were[i].hash) fail_msg("%s: 0x%016llx", were[i].family->name, (unsigned long long)hash);
    }
}

/* Whoever reads the prompt can tell what each of the threads begins with: nothing goes by an order that is not in it. */
static void threads_follow_from_the_prompt(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 60; k++) {
            struct lace_record record = make(f, &knobs, k), again = make(f, &knobs, k);
            struct lace_family_plan plan = {.policy = LACE_POLICY_SHARED, .threads = record.thread_count};
            struct lace_rng rng;
            lace_rng_init(&rng, k, 0);
            assert_int_equal(lace_family_write(f, &again, &plan, &rng, NULL), 0);
            for (int n = 0; n < record.thread_count; n++) {
                assert_true(record.threads[n].count > 0 && again.threads[n].count > 0);
                assert_string_equal(record.threads[n].steps[0], again.threads[n].steps[0]);
            }
            lace_record_release(&record);
            lace_record_release(&again);
        }
    }
}

static void a_record_depends_on_its_number_alone(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        knobs.corrupt = 0.5;
        char *sequence[40];
        for (uint64_t k = 0; k < 40; k++) sequence[k] = line_of(f, &knobs, k);
        for (uint64_t k = 40; k-- > 0;) {
            char *alone = line_of(f, &knobs, k);
            assert_string_equal(alone, sequence[k]);
            free(alone);
            struct lace_data_knobs other = knobs;
            other.seed = 1;
            alone = line_of(f, &other, k);
            assert_string_not_equal(strstr(alone, "\"prompt\""), strstr(sequence[k], "\"prompt\""));
            free(alone);
        }
        for (int k = 0; k < 40; k++) free(sequence[k]);
    }
}

static void malformed_prompts_are_refused(void **state)
{
    struct lace_rng rng;
    lace_rng_init(&rng, 5, 0);
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_error err;
        for (int k = 0; k < 4 && rows[i].good[k]; k++) {
            int code = lace_family_check(f, rows[i].good[k], rows[i].answer, &err);
            if (code != 1) fail_msg("%s: %s", rows[i].good[k], code ? err.text : "wrong");
        }
        for (int k = 0; rows[i].bad[k]; k++) {
            err.text[0] = 0;
            if (lace_family_check(f, rows[i].bad[k], "1", &err) != LACE_BAD || !err.text[0])
                fail_msg("accepted: %s", rows[i].bad[k]);
        }
        /* Cut off or with any byte changed: refused, or another problem, and nothing breaks. */
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 100; k++) {
            struct lace_record record = make(f, &knobs, k);
            size_t len = strlen(record.prompt);
            struct lace_text answer;
            lace_text_init(&answer);
            for (int tries = 0; tries < 60; tries++) {
                char *text = strdup(record.prompt);
                text[lace_rng_below(&rng, (uint32_t)len)] = tries < 20 ? 0 : (char)lace_rng_below(&rng, 256);
                if (tries >= 40) text[lace_rng_below(&rng, (uint32_t)len)] = (char)(' ' + lace_rng_below(&rng, 95));
                lace_family_solve(f, text, &answer, NULL);
                check(f, text, record.threads[0].steps[0]);
                free(text);
            }
            lace_text_release(&answer);
            lace_record_release(&record);
        }
        char *many = calloc(1, 40000);
        for (int k = 0; k < 4; k++)
            for (size_t at = 0; rows[i].good[k] && strlen(many) < 30000; at++) {
                strncat(many, rows[i].good[k] + at % strlen(rows[i].good[k]), 40);
                if (strlen(many) % 3 == 0) strcat(many, ", ");
            }
        assert_int_equal(lace_family_check(f, many, "1", &err), LACE_BAD);
        free(many);
    }
}

static int keep(void *user, const struct lace_ceiling_row *row)
{
    *(struct lace_ceiling_row *)user = *row;
    return 0;
}

static struct lace_ceiling_row ceiling(const struct lace_family *f, int difficulty, int threads, uint64_t problems)
{
    struct lace_data_knobs knobs;
    struct lace_ceiling_row row;
    struct lace_error err = {""};
    lace_data_knobs_defaults(&knobs);
    knobs.difficulty = (struct lace_interval){difficulty, difficulty};
    knobs.threads = (struct lace_interval){threads, threads};
    int R = f->budget(f, &knobs, threads);
    if (lace_data_ceiling(f->name, &knobs, problems, (struct lace_interval){R, R}, keep, &row, &err))
        fail_msg("%s", err.text);
    return row;
}

static void the_budget_is_enough_for_those_who_share_and_for_no_others(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_ceiling_row row = ceiling(f, f->trained_high, 4, 600);
        double others = row.tagged.value > row.alone.value ? row.tagged.value : row.alone.value;
        if (row.shared.high < 0.97 || row.shared.value - others < 0.2)
            fail_msg("%s: %d rounds, shared %g, others %g", f->name, row.rounds, row.shared.value, others);
        for (int threads = 2; threads <= 16; threads += threads < 4 ? 1 : threads)
            for (int difficulty = f->easiest; difficulty <= f->hardest; difficulty++) {
                enum { PROBLEMS = 150 };
                struct lace_data_knobs knobs = wide(f);
                knobs.difficulty = (struct lace_interval){difficulty, difficulty};
                int solved = 0, round, budget = f->budget(f, &knobs, threads);
                for (uint64_t k = 0; k < PROBLEMS; k++) {
                    assert_int_equal(lace_family_race(f, &knobs, k, LACE_POLICY_SHARED, threads, budget, &round, NULL),
                                     0);
                    solved += round > 0;
                }
                if (lace_wilson((uint64_t)solved, PROBLEMS).high < 0.97)
                    fail_msg("%s: difficulty %d, %d threads: %d of %d in %d rounds", f->name, difficulty, threads,
                             solved, PROBLEMS, budget);
            }
    }
}

/* Rounds of all threads go in step, and a small model has to write them: lines and prompts are short in tokens, and
 * letters, numbers and words that carry meaning are one token each. */
static void lines_and_prompts_are_short(void **state)
{
    struct lace_tokenizer *t;
    struct lace_error err = {""};
    int *ids = NULL;
    size_t capacity = 0, count;
    if (lace_tokenizer_open(&t, "recipes/tokenizer-families.json", &err)) fail_msg("%s", err.text);
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs;
        size_t tokens = 0, lines = 0, most = f->evaluation_only ? 180 : 150;
        lace_data_knobs_defaults(&knobs);
        knobs.difficulty = (struct lace_interval){f->trained_low, f->trained_high};
        knobs.ambiguity = (struct lace_interval){0, 2};
        for (uint64_t k = 0; k < 200; k++) {
            struct lace_record record = make(f, &knobs, k);
            lace_tokenizer_encode(t, record.prompt, strlen(record.prompt), true, &ids, &capacity, &count, &err);
            if (count > most) fail_msg("%zu tokens: %s", count, record.prompt);
            for (int n = 0; n < record.thread_count; n++)
                for (int s = 0; s < record.threads[n].count; s++, lines++) {
                    const char *line = record.threads[n].steps[s];
                    lace_tokenizer_encode(t, line, strlen(line), true, &ids, &capacity, &count, &err);
                    if (count > 32) fail_msg("%zu tokens: %s", count, line);
                    tokens += count;
                    for (size_t k = 0; k < count; k++) { /* no token is a piece of a word or of a number below 100 */
                        size_t len, next = 1;
                        const char *a = lace_tokenizer_bytes(t, ids[k], &len);
                        const char *b = k + 1 < count ? lace_tokenizer_bytes(t, ids[k + 1], &next) : ".";
                        if (a[len - 1] >= 'a' && a[len - 1] <= 'z' && b[0] >= 'a' && b[0] <= 'z' && len + next > 2)
                            fail_msg("%.*s|%s in %s", (int)len, a, b, line);
                    }
                }
            lace_record_release(&record);
        }
        if (tokens > 24 * lines) fail_msg("%s: %zu tokens in %zu lines", f->name, tokens, lines);
    }
    lace_tokenizer_close(&t);
    free(ids);
}

static void knobs_of_other_families_are_refused(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs k;
        struct lace_record record;
        struct lace_error err;
#define REFUSED(change)                                                                                                \
    k = wide(f), change, err.text[0] = 0;                                                                              \
    assert_int_equal(lace_family_make(f, &k, 0, &record, &err), LACE_BAD);                                             \
    assert_true(err.text[0] && !record.prompt && !record.threads)
        REFUSED(k.difficulty.low = f->easiest - 1);
        REFUSED(k.difficulty.high = f->hardest + 1);
        REFUSED(k.threads.high = 65);
        REFUSED(k.strategy = f->work->ranked + 2);
        if (!f->uses_options) {
            REFUSED(k.options = ((struct lace_interval){8, 8}));
        }
        if (!f->uses_moduli) {
            REFUSED((k.moduli[0] = 11, k.modulus_count = 1));
        } else {
            REFUSED((k.moduli[0] = 101, k.modulus_count = 1));
            REFUSED((k.moduli[0] = -7, k.modulus_count = 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(the_solver_passes_the_checker),
        cmocka_unit_test(every_strategy_replays_to_the_answer),
        cmocka_unit_test(sharing_threads_waste_nothing),
        cmocka_unit_test(falsehoods_are_corrected),
        cmocka_unit_test(any_changed_number_is_found),
        cmocka_unit_test(a_forged_step_looks_right_and_is_wrong),
        cmocka_unit_test(steps_about_odd_numbers_can_be_forged),
        cmocka_unit_test(train_and_test_share_no_problem),
        cmocka_unit_test(every_wording_is_the_same_problem),
        cmocka_unit_test(few_are_led_astray),
        cmocka_unit_test(a_record_depends_on_its_number_alone),
        cmocka_unit_test(records_are_what_they_were),
        cmocka_unit_test(threads_follow_from_the_prompt),
        cmocka_unit_test(malformed_prompts_are_refused),
        cmocka_unit_test(the_budget_is_enough_for_those_who_share_and_for_no_others),
        cmocka_unit_test(knobs_of_other_families_are_refused),
        cmocka_unit_test(lines_and_prompts_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
