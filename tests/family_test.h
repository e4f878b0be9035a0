/* The families' prompts, one row of the table each, and what the tests of families share. */
#ifndef FAMILY_TEST_H
#define FAMILY_TEST_H
#include "synth/data.h"
#include "synth/work.h"
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
     .good = {"Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2. Find k (mod 13): c=5, f=c+q, k=f*p.",
              " find q(each from 1 to 8,mod 11):p*3+4=5,q*7+p=2.find k(mod 13):f = c+q,k=f *p,c=5",
              "Mod 11, with each unknown from 1 to 8: q*7+p=2, p*3+4=5. Find q. Coins are counted mod 13. Kim has Fay "
              "times "
              "Pam, Cy has 5, Fay has Cy plus Quin. How many has Kim?",
              "p*3+4=5, q*7+p=2 (mod 11, each from 1 to 8). Give q. f=c+q, z=q-x, f=p+7, k=f*p, c=5 (mod 13). Give k."},
     .answer = "5",
     .bad =
         {"", ".", "Find p (each from 1 to 8, mod 11): p*3+4=5.", "Find k (mod 13): c=5, k=c+2.",
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
     .good = {"Find z: z*4+a=b, a=3*7, b=29. Shortest from a to d: a3b, a(z)c, b4d, c2d.",
              " find z:z*4+a=b,a= 3*7,b=29 .shortest from e to h:e3f, e( z )g, f4h,\ng2h",
              "b=29, a=3*7, k=5*2, and z*4+a=b. Find z. Roads: g2h, e3f, e(z)g, f4h, e(z)k. Find the shortest way from "
              "e to "
              "h.",
              "What is z? z*4+p=q, p=3*7, q=29. g2h, f4h, e3f, e(z)g. What is the way from e to h?"},
     .answer = "4",
     .bad = {"", ".", "Find z: z*4+a=b, a=3*7, b=29.", "Shortest from a to d: a3b, b4d.",
             "Shortest from a to d: a3b, b4d. Find z: z*4+a=b, a=3*7, b=29.",
             "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(a)g, f4h, g2h.", /* a is a term */
             "Find z: z*4+a=b, a=3*7, b=29. Shortest from e to h: e3f, e(y)g, f4h, g2h.",
             "Find z: z*4+a=b, a=3*7, b=28. Shortest from e to h: e3f, e(z)g, f4h, g2h.",
             "Find z: z*4+a=b, a=3*7, b=21. Shortest from e to h: e3f, e(z)g, f4h, g2h.",           /* no length */
             "Find z: z*1+a=b+c, a=1, b=9*9, c=99. Shortest from e to h: e3f, e(z)g, f4h, g2h.",    /* too long */
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
#endif
