/* The list language of the family `program`: its operations, and what tells a wrong output from a right one. */
#include "synth/program.h"
#include <string.h>

const char *const lace_operation_names[PROGRAM_OPERATIONS] = {"+1",   "+2",   "+3",  "double", "reverse", "sort",
                                                              "turn", "even", "odd", "tail",   "take 2",  "sum"};
const char *const lace_bug_names[PROGRAM_BUGS] = {"yes", "length", "order", "offset", "values"};

static struct lace_list sorted(struct lace_list list)
{
    for (int i = 1; i < list.count; i++)
        for (int k = i; k > 0 && list.item[k - 1] > list.item[k]; k--) {
            uint8_t t = list.item[k];
            list.item[k] = list.item[k - 1];
            list.item[k - 1] = t;
        }
    return list;
}

struct lace_list lace_operation_apply(enum lace_operation operation, struct lace_list list)
{
    struct lace_list out = {list.count, {0}};
    int n = list.count, sum = 0;
    switch (operation) {
    case PROGRAM_ADD1:
    case PROGRAM_ADD2:
    case PROGRAM_ADD3:
        for (int i = 0; i < n; i++) out.item[i] = (uint8_t)((list.item[i] + operation - PROGRAM_ADD1 + 1) % 100);
        return out;
    case PROGRAM_DOUBLE:
        for (int i = 0; i < n; i++) out.item[i] = (uint8_t)(2 * list.item[i] % 100);
        return out;
    case PROGRAM_REVERSE:
        for (int i = 0; i < n; i++) out.item[i] = list.item[n - 1 - i];
        return out;
    case PROGRAM_SORT: return sorted(list);
    case PROGRAM_TURN:
        for (int i = 0; i < n; i++) out.item[i] = list.item[(i + 1) % n];
        return out;
    case PROGRAM_EVEN:
    case PROGRAM_ODD:
        out.count = 0;
        for (int i = 0; i < n; i++)
            if (list.item[i] % 2 == (operation == PROGRAM_ODD)) out.item[out.count++] = list.item[i];
        return out;
    case PROGRAM_TAIL:
        out.count = (uint8_t)(n ? n - 1 : 0);
        for (int i = 1; i < n; i++) out.item[i - 1] = list.item[i];
        return out;
    case PROGRAM_TAKE:
        out.count = (uint8_t)(n < 2 ? n : 2);
        for (int i = 0; i < out.count; i++) out.item[i] = list.item[i];
        return out;
    default: /* PROGRAM_SUM */
        for (int i = 0; i < n; i++) sum += list.item[i];
        out.count = 1;
        out.item[0] = (uint8_t)(sum % 100);
        return out;
    }
}

bool lace_list_equal(const struct lace_list *a, const struct lace_list *b)
{
    return a->count == b->count && !memcmp(a->item, b->item, a->count);
}

enum lace_bug lace_list_compare(const struct lace_list *out, const struct lace_list *wanted)
{
    if (lace_list_equal(out, wanted)) return PROGRAM_PASSES;
    if (out->count != wanted->count) return PROGRAM_LENGTH;
    struct lace_list a = sorted(*out), b = sorted(*wanted);
    if (lace_list_equal(&a, &b)) return PROGRAM_ORDER;
    for (int i = 1; i < out->count; i++)
        if (out->item[i] - wanted->item[i] != out->item[0] - wanted->item[0]) return PROGRAM_VALUES;
    return PROGRAM_OFFSET;
}

int lace_list_pack(const struct lace_list *list)
{
    int packed = list->count;
    for (int i = 0; i < PROGRAM_LIST; i++) packed = packed << 7 | (i < list->count ? list->item[i] : 0);
    return packed;
}

struct lace_list lace_list_unpack(int packed)
{
    struct lace_list list;
    for (int i = PROGRAM_LIST; i-- > 0; packed >>= 7) list.item[i] = packed & 127;
    list.count = (uint8_t)packed;
    return list;
}
