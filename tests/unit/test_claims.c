/* Claims in steps: what is one, what it says, whether it is true. */
#include "data/claims.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void claims(void **state)
{
    static const struct {
        const char *text, *key;
        double value;
        bool right;
    } cases[] = {
        {"So 12*3 = 36 rolls.", "12*3", 36, true},
        {"So 12 x 3 = 38 rolls.", "12*3", 38, false},
        {"that is 48/2=24", "48/2", 24, true},
        {"48 \xc3\xb7 2 = 24.", "48/2", 24, true},
        {"48 \xc3\x97 2 = 96", "48*2", 96, true},
        {"$12 \\times (3+1) = 48$", "12*(3+1)", 48, true},
        {"It costs $1,250 + $50 = $1,300 now", "1250+50", 1300, true},
        {"20% * 50 = 10", "20%*50", 10, true},
        {"10/3 = 3.33", "10/3", 3.33, true},
        {"10/3 = 3.34", "10/3", 3.34, false},
        {"3 - 5 = -2", "3-5", -2, true},
        {"Tom has 3 + 4 = 7.", "3+4", 7, true},
        {"- 3 + 4 = 1", "-3+4", 1, true},
        {"max 3 + 4 = 7", "3+4", 7, true},
        {"1+1=2 and 2+2=5", "1+1", 2, true}, /* the first of two */
        {"x = 5", NULL, 0, false},
        {"7 = 7", NULL, 0, false}, /* nothing computed */
        {"x1+2 = 3", NULL, 0, false},
        {"2y+3 = 7", NULL, 0, false},
        {"3/0 = 1", NULL, 0, false},
        {"x - 3 + 4 = 10", NULL, 0, false},
        {"2x + 3 = 7", NULL, 0, false},
        {"5 - (3+4) = -2", "5-(3+4)", -2, true},
        {"ends. 3+4 = 7", "3+4", 7, true},
        {"1+1 == 2", NULL, 0, false},
        {"1+1 <= 2", NULL, 0, false},
        {"1+2 = 3x", NULL, 0, false},
        {"1+2 = 3 + y", NULL, 0, false},
        {"2*3 = 6^2", NULL, 0, false},
        {"1+ = 2", NULL, 0, false},
        {"(1+2 = 3", "1+2", 3, true},
        {"((((((((((((((((((1+2)))))))))))))))))) = 3", NULL, 0, false},
        {"1..2+3 = 4", NULL, 0, false},
        {"=", NULL, 0, false},
        {"", NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_claim claim[4];
        int count = lace_claims_read(cases[i].text, claim, 4);
        if (!count != !cases[i].key ||
            (count && (strcmp(claim->key, cases[i].key) || fabs(claim->value - cases[i].value) > 1e-9 ||
                       claim->right != cases[i].right)))
            fail_msg("%s: %d %s %g %d", cases[i].text, count, count ? claim->key : "", count ? claim->value : 0,
                     count && claim->right);
    }
    struct lace_claim claim[4];
    assert_int_equal(lace_claims_read("1+1=2 and 2+2=5, 3*3=9", claim, 4), 3);
    assert_true(claim[0].right && !claim[1].right && claim[2].right);
    assert_int_equal(lace_claims_read("1+1=2 and 2+2=5, 3*3=9", claim, 2), 2);
    assert_int_equal(lace_claims_read("6*7 = 1,042 in all", claim, 4), 1);
    assert_memory_equal(claim->from, "1,042 in", 8);
    assert_int_equal(claim->to - claim->from, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(claims)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
