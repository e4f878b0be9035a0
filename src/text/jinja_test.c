/* What may stand behind `is`. */
#include "text/jinja_run.h"

#define TEST(name) static bool name(struct jinja *j, struct jinja_call *call, struct jinja_value *out)
#define SAY(truth) (*out = jinja_bool(truth), true)

static bool type_is(const struct jinja_call *call, enum jinja_type type) { return call->self.type == type; }

TEST(is_defined) { return SAY(!type_is(call, JINJA_UNDEFINED)); }
TEST(is_undefined) { return SAY(type_is(call, JINJA_UNDEFINED)); }
TEST(is_none) { return SAY(type_is(call, JINJA_NONE)); }
TEST(is_boolean) { return SAY(type_is(call, JINJA_BOOL)); }
TEST(is_true) { return SAY(type_is(call, JINJA_BOOL) && call->self.truth); }
TEST(is_false) { return SAY(type_is(call, JINJA_BOOL) && !call->self.truth); }
TEST(is_integer) { return SAY(type_is(call, JINJA_INT)); }
TEST(is_float) { return SAY(type_is(call, JINJA_FLOAT)); }
TEST(is_number) { return SAY(jinja_is_number(call->self.type)); }
TEST(is_string) { return SAY(type_is(call, JINJA_STRING)); }
TEST(is_mapping) { return SAY(type_is(call, JINJA_DICT)); }
TEST(is_escaped) { return SAY(call->self.markup); }

TEST(is_iterable)
{
    enum jinja_type t = call->self.type;
    return SAY(t == JINJA_UNDEFINED || t == JINJA_STRING || t == JINJA_DICT || t == JINJA_LOOP || jinja_is_seq(t));
}

TEST(is_sequence) /* has a length and elements: an undefined value too, and no view or generator */
{
    enum jinja_type t = call->self.type;
    return SAY(t == JINJA_UNDEFINED || t == JINJA_STRING || t == JINJA_DICT || t == JINJA_LIST || t == JINJA_TUPLE ||
               t == JINJA_RANGE);
}

TEST(is_callable)
{
    enum jinja_type t = call->self.type;
    return SAY(t == JINJA_UNDEFINED || t == JINJA_MACRO || t == JINJA_FUNCTION || t == JINJA_LOOP);
}

static bool remainder_is(struct jinja *j, struct jinja_call *call, int64_t by, int64_t rest, struct jinja_value *out)
{
    struct jinja_value divisor = jinja_int(by), wanted = jinja_int(rest), left;
    bool same;
    if (call->slot[0].type != JINJA_ABSENT) divisor = call->slot[0];
    if (!lace_jinja_binary(j, '%', &call->self, &divisor, &left) || !lace_jinja_equal(j, &left, &wanted, 0, &same))
        return false;
    return SAY(same);
}

TEST(is_odd) { return remainder_is(j, call, 2, 1, out); }
TEST(is_even) { return remainder_is(j, call, 2, 0, out); }
TEST(is_divisibleby) { return remainder_is(j, call, 1, 0, out); }

static bool as_method(struct jinja *j, struct jinja_call *call, const char *method, struct jinja_value *out)
{
    struct jinja_call on_text = {0};
    return lace_jinja_string(j, &call->self, &on_text.self) &&
           lace_jinja_string_method((struct jinja_text){method, strlen(method)})->run(j, &on_text, out);
}

TEST(is_lower) { return as_method(j, call, "islower", out); }
TEST(is_upper) { return as_method(j, call, "isupper", out); }

TEST(is_filter)
{
    bool known = false;
    if (!type_is(call, JINJA_STRING)) return SAY(false);
    return SAY(lace_jinja_filter(call->self.text, &known) || known);
}

TEST(is_test) { return SAY(type_is(call, JINJA_STRING) && lace_jinja_test(call->self.text)); }

TEST(is_sameas)
{
    const struct jinja_value *a = &call->self, *b = &call->slot[0];
    if (a->type != b->type) return SAY(false);
    if (a->type == JINJA_NONE || a->type == JINJA_UNDEFINED) return SAY(a->type == JINJA_NONE);
    if (a->type == JINJA_BOOL) return SAY(a->truth == b->truth);
    if (a->type == JINJA_INT && a->integer >= -5 && a->integer <= 256) return SAY(a->integer == b->integer);
    if (a->type <= JINJA_STRING)
        return lace_jinja_fail(j, "whether two %s are the same object is not known here", lace_jinja_type_name(a));
    return SAY(a->seq == b->seq);
}

TEST(is_in)
{
    bool found;
    return lace_jinja_contains(j, &call->slot[0], &call->self, &found) && SAY(found);
}

TEST(is_equal)
{
    bool same;
    return lace_jinja_equal(j, &call->self, &call->slot[0], 0, &same) && SAY(same);
}

TEST(is_unequal)
{
    bool same;
    return lace_jinja_equal(j, &call->self, &call->slot[0], 0, &same) && SAY(!same);
}

static bool ordered(struct jinja *j, struct jinja_call *call, int *order)
{
    return lace_jinja_order(j, &call->self, &call->slot[0], 0, order);
}

TEST(is_less)
{
    int order;
    return ordered(j, call, &order) && SAY(order < 0);
}

TEST(is_at_most)
{
    int order;
    return ordered(j, call, &order) && SAY(order <= 0);
}

TEST(is_greater)
{
    int order;
    return ordered(j, call, &order) && SAY(order == 1);
}

TEST(is_at_least)
{
    int order;
    return ordered(j, call, &order) && SAY(order == 0 || order == 1);
}

const struct jinja_builtin *lace_jinja_test(struct jinja_text name)
{
    static const struct jinja_builtin tests[] = {
        {"defined", "", 0, is_defined},
        {"undefined", "", 0, is_undefined},
        {"none", "", 0, is_none},
        {"boolean", "", 0, is_boolean},
        {"true", "", 0, is_true},
        {"false", "", 0, is_false},
        {"integer", "", 0, is_integer},
        {"float", "", 0, is_float},
        {"number", "", 0, is_number},
        {"string", "", 0, is_string},
        {"mapping", "", 0, is_mapping},
        {"iterable", "", 0, is_iterable},
        {"sequence", "", 0, is_sequence},
        {"callable", "", 0, is_callable},
        {"escaped", "", 0, is_escaped},
        {"odd", "", 0, is_odd},
        {"even", "", 0, is_even},
        {"divisibleby", "num", 1, is_divisibleby},
        {"lower", "", 0, is_lower},
        {"upper", "", 0, is_upper},
        {"filter", "", 0, is_filter},
        {"test", "", 0, is_test},
        {"sameas", "other", 1, is_sameas},
        {"in", "seq", 1, is_in},
        {"==", "b", 1, is_equal},
        {"eq", "b", 1, is_equal},
        {"equalto", "b", 1, is_equal},
        {"!=", "b", 1, is_unequal},
        {"ne", "b", 1, is_unequal},
        {">", "b", 1, is_greater},
        {"gt", "b", 1, is_greater},
        {"greaterthan", "b", 1, is_greater},
        {">=", "b", 1, is_at_least},
        {"ge", "b", 1, is_at_least},
        {"<", "b", 1, is_less},
        {"lt", "b", 1, is_less},
        {"lessthan", "b", 1, is_less},
        {"<=", "b", 1, is_at_most},
        {"le", "b", 1, is_at_most},
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (jinja_text_is(name, tests[i].name)) return &tests[i];
    return NULL;
}
