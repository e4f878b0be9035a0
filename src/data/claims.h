/* What a step claims to have computed: "so 12 x 3 = 36 rolls" claims that 12*3 is 36. The left side is worked out, so a
 * false claim is known without anybody's help, and claims of the same left side are about the same thing. */
#ifndef LACE_CLAIMS_H
#define LACE_CLAIMS_H
#include "base/base.h"

struct lace_claim {
    char key[64];          /* the left side in one spelling: "12*3" */
    double value, truth;   /* what is claimed, and what the left side comes to */
    const char *from, *to; /* the claimed number in the text */
    bool right;
};
/* The first `most` claims of a text; returns their number. Only whole claims count: an operation on the left, a number on
 * the right, both readable to the last sign. */
int lace_claims_read(const char *text, struct lace_claim *out, int most);
#endif
