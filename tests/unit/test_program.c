/* The list language of the family `program`: its interpreter, and how outputs and answers are told apart. */
#include "synth/program.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct lace_list list_of(const char *text)
{
    struct lace_list list = {0};
    for (char *end; *text; text = *end ? end + 1 : end) list.item[list.count++] = (uint8_t)strtol(text, &end, 10);
    return list;
}

static void operations_do_what_they_say(void **state)
{
    static const struct {
        enum lace_operation operation;
        const char *in, *out;
    } cases[] = {
        {PROGRAM_ADD1, "3 1 2", "4 2 3"},
        {PROGRAM_ADD2, "3 98 99", "5 0 1"},
        {PROGRAM_ADD3, "", ""},
        {PROGRAM_DOUBLE, "3 49 50", "6 98 0"},
        {PROGRAM_REVERSE, "3 1 2 7", "7 2 1 3"},
        {PROGRAM_REVERSE, "5", "5"},
        {PROGRAM_SORT, "3 12 2 3", "2 3 3 12"},
        {PROGRAM_TURN, "3 1 2", "1 2 3"},
        {PROGRAM_TURN, "", ""},
        {PROGRAM_EVEN, "3 0 2 7", "0 2"},
        {PROGRAM_EVEN, "3 7", ""},
        {PROGRAM_ODD, "3 0 2 7", "3 7"},
        {PROGRAM_TAIL, "3 1 2", "1 2"},
        {PROGRAM_TAIL, "", ""},
        {PROGRAM_TAKE, "3 1 2", "3 1"},
        {PROGRAM_TAKE, "4", "4"},
        {PROGRAM_SUM, "3 1 2", "6"},
        {PROGRAM_SUM, "99 99", "98"},
        {PROGRAM_SUM, "", "0"},
    };
    bool seen[PROGRAM_OPERATIONS] = {false};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_list out = lace_operation_apply(cases[i].operation, list_of(cases[i].in)),
                         want = list_of(cases[i].out);
        if (!lace_list_equal(&out, &want)) fail_msg("%s of %s", lace_operation_names[cases[i].operation], cases[i].in);
        struct lace_list back = lace_list_unpack(lace_list_pack(&out));
        assert_true(lace_list_equal(&back, &out));
        seen[cases[i].operation] = true;
    }
    for (int i = 0; i < PROGRAM_OPERATIONS; i++) assert_true(seen[i]);
}

static void bugs_are_told_apart(void **state)
{
    static const struct {
        const char *out, *wanted;
        enum lace_bug bug;
    } cases[] = {
        {"3 1 2", "3 1 2", PROGRAM_PASSES}, {"", "", PROGRAM_PASSES},           {"3 1", "3 1 2", PROGRAM_LENGTH},
        {"", "3", PROGRAM_LENGTH},          {"1 2 3", "3 1 2", PROGRAM_ORDER},  {"4 2 3", "3 1 2", PROGRAM_OFFSET},
        {"6", "3", PROGRAM_OFFSET},         {"2 0 1", "3 1 2", PROGRAM_OFFSET}, {"6 2 4", "3 1 2", PROGRAM_VALUES},
        {"1 2 1", "2 1 2", PROGRAM_VALUES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_list out = list_of(cases[i].out), wanted = list_of(cases[i].wanted);
        if (lace_list_compare(&out, &wanted) != cases[i].bug) fail_msg("%s for %s", cases[i].out, cases[i].wanted);
    }
}

static void wrong_answers_have_a_type(void **state)
{
    static const struct {
        const char *answer, *fault;
    } cases[] = {
        {"reverse, double", "right"},
        {" Reverse,double. ", "right"},
        {"sort, double", "program: order"},
        {"reverse, sort", "program: values"},
        {"reverse, even", "program: length"},
        {"reverse, +1", "program: values"},
        {"+1, double", "program: values"},
        {"reverse", "no such program"},
        {"reverse, half", "no such program"},
        {"", "no such program"},
        {"reverse, double, sort", "no such program"},
        {"reverse, double, sort, sort, sort, sort, sort", "no such program"},
    };
    const struct lace_family *f = &lace_family_program;
    const char *prompt =
        "Steps: +1, double, reverse, sort, even. Find the program: 1: 3 1 2 to 2 1 3, 2: 5 2 4 to 8 4 10.";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *fault = lace_family_result(f, f->fault(f, prompt, cases[i].answer));
        if (strcmp(fault, cases[i].fault)) fail_msg("%s: %s", cases[i].answer, fault);
        assert_int_equal(lace_family_check(f, prompt, cases[i].answer, NULL), !strcmp(fault, "right"));
    }
    prompt = "Steps: +1, +2, sort. Find the program: 1: 3 1 to 4 2.";
    assert_string_equal(lace_family_result(f, f->fault(f, prompt, "+2")), "program: offset");
    assert_int_equal(f->fault(f, "what?", "+1"), LACE_STEP_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_do_what_they_say),
        cmocka_unit_test(bugs_are_told_apart),
        cmocka_unit_test(wrong_answers_have_a_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
