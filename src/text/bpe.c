/* A heap of candidate merges over a linked list of symbols: O(n log n), so that a long run without a word
 * boundary (a hostile prompt) costs no more than a normal text. Stale candidates are dropped when they
 * come up: the pair at that place no longer gives the id that the candidate promised. */
#include "text/bpe.h"
#include <stdlib.h>

static size_t slot(const struct lace_bpe *bpe, int left, int right)
{
    uint64_t x = (uint64_t)(uint32_t)left << 32 | (uint32_t)right; /* murmur's finalizer */
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
    return (size_t)(x ^ x >> 33) & bpe->mask;
}

int lace_bpe_init(struct lace_bpe *bpe, size_t rules, struct lace_error *err)
{
    size_t size = 16;
    while (size / 2 < rules) size *= 2;
    bpe->rules = lace_alloc_array(size, sizeof *bpe->rules);
    if (!bpe->rules) return lace_fail(err, LACE_MEMORY, "Out of memory for %zu merge rules.", rules);
    for (size_t i = 0; i < size; i++) bpe->rules[i].left = -1;
    bpe->mask = size - 1;
    return 0;
}

static struct lace_bpe_rule *probe(const struct lace_bpe *bpe, int left, int right)
{
    size_t i = slot(bpe, left, right);
    while (bpe->rules[i].left >= 0 && (bpe->rules[i].left != left || bpe->rules[i].right != right))
        i = (i + 1) & bpe->mask;
    return &bpe->rules[i];
}

void lace_bpe_add(struct lace_bpe *bpe, int left, int right, int rank, int id)
{
    *probe(bpe, left, right) = (struct lace_bpe_rule){left, right, rank, id};
}

const struct lace_bpe_rule *lace_bpe_find(const struct lace_bpe *bpe, int left, int right)
{
    const struct lace_bpe_rule *rule = probe(bpe, left, right);
    return rule->left < 0 ? NULL : rule;
}

void lace_bpe_release(struct lace_bpe *bpe)
{
    lace_free(bpe->rules);
    bpe->rules = NULL;
}

static bool sooner(const struct lace_bpe_pair *a, const struct lace_bpe_pair *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(struct lace_bpe_pair *heap, size_t *size, struct lace_bpe_pair pair)
{
    size_t i = (*size)++;
    for (; i && sooner(&pair, &heap[(i - 1) / 2]); i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = pair;
}

static struct lace_bpe_pair pop(struct lace_bpe_pair *heap, size_t *size)
{
    struct lace_bpe_pair top = heap[0], last = heap[--*size];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= *size) break;
        if (child + 1 < *size && sooner(&heap[child + 1], &heap[child])) child++;
        if (!sooner(&heap[child], &last)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

static void offer(const struct lace_bpe *bpe, struct lace_bpe_scratch *s, size_t *size, int left)
{
    if (left < 0 || s->symbols[left].after < 0) return;
    const struct lace_bpe_rule *rule = lace_bpe_find(bpe, s->symbols[left].id, s->symbols[s->symbols[left].after].id);
    if (rule) push(s->heap, size, (struct lace_bpe_pair){rule->rank, left, rule->id});
}

int lace_bpe_word(const struct lace_bpe *bpe, struct lace_bpe_scratch *s, const char *bytes, size_t len, size_t *count,
                  struct lace_error *err)
{
    *count = 0;
    if (len > s->cap) {
        size_t cap = len < 64 ? 64 : len * 2;
        struct lace_bpe_symbol *symbols = realloc(s->symbols, cap * sizeof *symbols);
        if (symbols) s->symbols = symbols;
        /* len - 1 pairs to begin with and two new ones for each of at most len - 1 merges */
        struct lace_bpe_pair *heap = realloc(s->heap, 3 * cap * sizeof *heap);
        if (heap) s->heap = heap;
        if (!symbols || !heap)
            return lace_fail(err, LACE_MEMORY, "Out of memory while encoding a word of %zu bytes.", len);
        s->cap = cap;
    }
    int n = 0;
    for (size_t i = 0; i < len; i++) {
        int id = bpe->byte_ids[(unsigned char)bytes[i]];
        if (id < 0) continue; /* Tokenizers leaves out what the vocabulary cannot say */
        s->symbols[n] = (struct lace_bpe_symbol){id, n - 1, n + 1};
        n++;
    }
    if (!n) return 0;
    s->symbols[n - 1].after = -1;
    size_t size = 0;
    for (int i = 0; i < n - 1; i++) offer(bpe, s, &size, i);
    while (size) {
        struct lace_bpe_pair best = pop(s->heap, &size);
        struct lace_bpe_symbol *left = &s->symbols[best.at];
        if (left->id < 0 || left->after < 0) continue;
        struct lace_bpe_symbol *right = &s->symbols[left->after];
        const struct lace_bpe_rule *rule = lace_bpe_find(bpe, left->id, right->id);
        if (!rule || rule->id != best.id) continue;
        left->id = best.id;
        left->after = right->after;
        right->id = -1; /* merged away */
        if (left->after >= 0) s->symbols[left->after].before = best.at;
        offer(bpe, s, &size, left->before);
        offer(bpe, s, &size, best.at);
    }
    for (int i = 0; i < n; i++)
        if (s->symbols[i].id >= 0) s->symbols[(*count)++].id = s->symbols[i].id;
    return 0;
}

void lace_bpe_scratch_release(struct lace_bpe_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (struct lace_bpe_scratch){0};
}
