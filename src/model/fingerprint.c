#include "model/fingerprint.h"

enum { NUMBERS = 256 };

/* What one tensor adds to a hash; without padding, all of it is hashed. */
struct sample {
    uint64_t before; /* the hash so far */
    char name[96];
    int32_t rows, cols;
    uint16_t bf16[NUMBERS];
};
_Static_assert(sizeof(struct sample) == 8 + 96 + 8 + 2 * NUMBERS, "a sample has no padding");

/* Its numbers as they lie in a file, or in memory. NULL: none that are compared. */
static const struct lace_tensor *numbers(const struct lace_weight *w, struct lace_weights *source, const char *name,
                                         struct lace_tensor *own)
{
    if (source) {
        const struct lace_tensor *t = lace_weights_take(source, name);
        return t && (t->type == LACE_T_F32 || t->type == LACE_T_BF16) ? t : NULL;
    }
    size_t count = (size_t)w->rows * w->cols;
    *own = (struct lace_tensor){.name = (char *)name,
                                .type = LACE_T_F32,
                                .rank = 1,
                                .shape = {count},
                                .data = w->value,
                                .bytes = count * sizeof(float)};
    return w->value ? own : NULL;
}

static int take(struct lace_fingerprint *print, const struct lace_model *m, struct lace_weights *source,
                struct lace_error *err)
{
    struct lace_print *parts[] = {&print->vectors, &print->matrices};
    int seen[2] = {0}, unknown[2] = {0};
    *print = (struct lace_fingerprint){0};
    for (int i = 0; i < m->count; i++) {
        const struct lace_weight *w = &m->weights[i];
        int part = lace_params[w->param].form != VECTOR, code;
        if (lace_weight_is_lattice(w) || w->param == P_HEAD) continue;
        size_t count = (size_t)w->rows * w->cols, some = count < NUMBERS ? count : NUMBERS;
        struct sample s = {.before = parts[part]->hash, .rows = w->rows, .cols = w->cols};
        struct lace_tensor own;
        const struct lace_tensor *t = numbers(w, source, lace_weight_name(w, s.name), &own);
        seen[part]++;
        if (!t) unknown[part]++;
        else if ((code = lace_tensor_convert(t, (count - some) / 2, some, LACE_T_BF16, s.bf16, err))) return code;
        parts[part]->hash = lace_hash(&s, sizeof s);
    }
    for (int part = 0; part < 2; part++) parts[part]->known = seen[part] && !unknown[part];
    return 0;
}

int lace_fingerprint_take(struct lace_fingerprint *print, const struct lace_model *m, struct lace_weights *source,
                          struct lace_error *err)
{
    if (!source) return take(print, m, NULL, err);
    lace_weights_scatter(source, true);
    int code = take(print, m, source, err);
    lace_weights_scatter(source, false);
    return code;
}

static bool differ(const struct lace_print *a, const struct lace_print *b)
{
    return a->known && b->known && a->hash != b->hash;
}

bool lace_fingerprint_differs(const struct lace_fingerprint *a, const struct lace_fingerprint *b)
{
    return differ(&a->vectors, &b->vectors) || differ(&a->matrices, &b->matrices);
}
