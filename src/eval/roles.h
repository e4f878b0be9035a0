/* Whether threads take roles: how much the index of a thread tells of what it does, in bits. docs/evaluation.md has the
 * definition. */
#ifndef LACE_ROLES_H
#define LACE_ROLES_H
#include "base/base.h"

enum { LACE_ROLE_SHUFFLES = 200, LACE_ROLE_PARTS = 8 };

/* label[i]: what the threads of problem i did, a character each. Problems of one table (from 0) are counted together;
 * the figures are means over the tables, each of which holds a problem. */
int lace_roles(const char *const *label, const int *table, int count, int tables, uint64_t seed,
               struct lace_eval_role *out, struct lace_error *err);
#endif
