/* Two ways to the same merges. Short words, nearly all, look for the best pair in an array each time. Long ones have a
 * heap of candidates over a linked list of symbols: O(n log n), so that a long run without a word boundary (a hostile
 * prompt) costs no more than a normal text. Stale candidates are dropped when they come up: the pair at that place no
 * longer gives the id that the candidate promised. */
#include "text/bpe.h"
#include "text/utf8.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN, WHOLE, DIVIDED }; /* of lace_bpe.whole */
enum { SHORT = 24 };              /* symbols */

/* ---- rules ---- */

static size_t slot(const struct lace_bpe *bpe, int left, int right)
{
    uint64_t x = bpe->vocab.seed ^ ((uint64_t)(uint32_t)left << 32 | (uint32_t)right); /* murmur's finalizer */
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

static const struct lace_bpe_rule *find(const struct lace_bpe *bpe, int left, int right)
{
    const struct lace_bpe_rule *rule = probe(bpe, left, right);
    return rule->left < 0 ? NULL : rule;
}

static bool starts_with(const struct lace_bpe *bpe, int id, const char *what, size_t len)
{
    return bpe->vocab.tokens[id].name_len >= len && !memcmp(lace_vocab_name(&bpe->vocab, id), what, len);
}

static bool ends_with(const struct lace_bpe *bpe, int id, const char *what, size_t len)
{
    size_t n = bpe->vocab.tokens[id].name_len;
    return n >= len && !memcmp(lace_vocab_name(&bpe->vocab, id) + n - len, what, len);
}

/* A merge joins a symbol that begins with U+2581 to one before it only if a rule says so; its left one then ends with
 * another character than U+2581, because runs of them stay together. Unknowns and byte tokens have names that end with
 * none, so rules that name them are counted among these. */
static void find_boundary(struct lace_bpe *bpe)
{
    static const char space[] = "\xe2\x96\x81";
    if (bpe->byte_level || lace_vocab_find(&bpe->vocab, LACE_TOKEN_MODEL, space, 3) < 0) return;
    if (bpe->unk >= 0 && ends_with(bpe, bpe->unk, space, 3)) return;
    for (size_t i = 0; i <= bpe->mask; i++)
        if (bpe->rules[i].left >= 0 && starts_with(bpe, bpe->rules[i].right, space, 3) &&
            !ends_with(bpe, bpe->rules[i].left, space, 3))
            return;
    memcpy(bpe->boundary, space, 3);
    bpe->boundary_len = 3;
}

int lace_bpe_finish(struct lace_bpe *bpe, struct lace_error *err)
{
    for (int b = 0; b < 256; b++) {
        char name[8] = {(char)b};
        size_t len = bpe->byte_level ? 1 : (size_t)snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        bpe->byte_ids[b] = lace_vocab_find(&bpe->vocab, LACE_TOKEN_MODEL, name, len);
        if (!bpe->byte_level && bpe->byte_fallback && bpe->byte_ids[b] >= 0) bpe->fallback = true;
    }
    for (int c = 0; c < 128; c++)
        bpe->ascii_ids[c] = lace_vocab_find(&bpe->vocab, LACE_TOKEN_MODEL, &(char){(char)c}, 1);
    find_boundary(bpe);
    bpe->whole = lace_alloc_array((size_t)bpe->vocab.size, 1);
    return bpe->whole || !bpe->vocab.size ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory for a vocabulary.");
}

void lace_bpe_release(struct lace_bpe *bpe)
{
    lace_vocab_release(&bpe->vocab);
    lace_free(bpe->rules);
    lace_free(bpe->whole);
    *bpe = (struct lace_bpe){.rules = NULL};
}

/* ---- symbols ---- */

static int character_id(const struct lace_bpe *bpe, const char *bytes, size_t len)
{
    return len == 1 ? bpe->ascii_ids[(unsigned char)*bytes & 127]
                    : lace_vocab_find(&bpe->vocab, LACE_TOKEN_MODEL, bytes, len);
}

/* Characters to symbols, as Tokenizers has it: an unknown is written when something known follows (so that unknowns can
 * fuse), yet the bytes of a fallback do not count as known. */
static int characters(const struct lace_bpe *bpe, struct lace_bpe_symbol *s, const char *bytes, size_t len)
{
    int n = 0;
    bool unknown = false;
    for (size_t i = 0, size; i < len; i += size) {
        size = lace_utf8_size(bytes[i]);
        int id = character_id(bpe, bytes + i, size);
        if (id >= 0) {
            if (unknown) s[n++].id = bpe->unk;
            unknown = false;
            s[n++].id = id;
            continue;
        }
        if (bpe->fallback) {
            size_t said = 0;
            while (said < size && bpe->byte_ids[(unsigned char)bytes[i + said]] >= 0) said++;
            if (said == size) {
                for (size_t k = 0; k < size; k++) s[n++].id = bpe->byte_ids[(unsigned char)bytes[i + k]];
                continue;
            }
        }
        if (bpe->unk < 0) continue;
        if (unknown && !bpe->fuse_unk) s[n++].id = bpe->unk;
        unknown = true;
    }
    if (unknown) s[n++].id = bpe->unk;
    return n;
}

static int symbols(const struct lace_bpe *bpe, struct lace_bpe_symbol *s, const char *bytes, size_t len)
{
    int n = 0;
    if (!bpe->byte_level) return characters(bpe, s, bytes, len);
    for (size_t i = 0; i < len; i++) {
        int id = bpe->byte_ids[(unsigned char)bytes[i]];
        if (id >= 0) s[n++].id = id; /* Tokenizers leaves out what the vocabulary cannot say */
    }
    return n;
}

/* ---- merging a short word ---- */

static int merge_short(const struct lace_bpe *bpe, struct lace_bpe_symbol *s, int n)
{
    const struct lace_bpe_rule *rule[SHORT]; /* of the pair that begins at a symbol */
    for (int i = 0; i + 1 < n; i++) rule[i] = find(bpe, s[i].id, s[i + 1].id);
    for (;;) {
        int best = -1, rank = INT_MAX;
        for (int i = 0; i + 1 < n; i++)
            if (rule[i] && rule[i]->rank < rank) rank = rule[i]->rank, best = i;
        if (best < 0) return n;
        s[best].id = rule[best]->id;
        n--;
        for (int i = best + 1; i < n; i++) s[i].id = s[i + 1].id, rule[i - 1] = rule[i];
        if (best) rule[best - 1] = find(bpe, s[best - 1].id, s[best].id);
        if (best + 1 < n) rule[best] = find(bpe, s[best].id, s[best + 1].id);
    }
}

/* ---- merging a long word ---- */

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
    const struct lace_bpe_rule *rule = find(bpe, s->symbols[left].id, s->symbols[s->symbols[left].after].id);
    if (rule) push(s->heap, size, (struct lace_bpe_pair){rule->rank, left, rule->id});
}

static int merge_long(const struct lace_bpe *bpe, struct lace_bpe_scratch *s, int n)
{
    size_t size = 0;
    int kept = 0;
    for (int i = 0; i < n; i++) {
        s->symbols[i].before = i - 1;
        s->symbols[i].after = i + 1 < n ? i + 1 : -1;
    }
    for (int i = 0; i < n - 1; i++) offer(bpe, s, &size, i);
    while (size) {
        struct lace_bpe_pair best = pop(s->heap, &size);
        struct lace_bpe_symbol *left = &s->symbols[best.at];
        if (left->id < 0 || left->after < 0) continue;
        struct lace_bpe_symbol *right = &s->symbols[left->after];
        const struct lace_bpe_rule *rule = find(bpe, left->id, right->id);
        if (!rule || rule->id != best.id) continue;
        left->id = best.id;
        left->after = right->after;
        right->id = -1; /* merged away */
        if (left->after >= 0) s->symbols[left->after].before = best.at;
        offer(bpe, s, &size, left->before);
        offer(bpe, s, &size, best.at);
    }
    for (int i = 0; i < n; i++)
        if (s->symbols[i].id >= 0) s->symbols[kept++].id = s->symbols[i].id;
    return kept;
}

/* ---- a word ---- */

static int grow(struct lace_bpe_scratch *s, size_t len, struct lace_error *err)
{
    size_t cap = len < 64 ? 64 : len * 2;
    struct lace_bpe_symbol *made = realloc(s->symbols, cap * sizeof *made);
    if (made) s->symbols = made;
    /* len - 1 pairs to begin with and two new ones for each of at most len - 1 merges */
    struct lace_bpe_pair *heap = realloc(s->heap, 3 * cap * sizeof *heap);
    if (heap) s->heap = heap;
    if (!made || !heap) return lace_fail(err, LACE_MEMORY, "Out of memory while encoding a word of %zu bytes.", len);
    s->cap = cap;
    return 0;
}

int lace_bpe_word(const struct lace_bpe *bpe, struct lace_bpe_scratch *s, const char *bytes, size_t len, bool part,
                  size_t *count, struct lace_error *err)
{
    int code, n, id = -1;
    *count = 0;
    if (!len) return 0;
    if (len > s->cap && (code = grow(s, len, err))) return code;
    if (len <= bpe->vocab.longest) id = lace_vocab_find(&bpe->vocab, LACE_TOKEN_MODEL, bytes, len);
    /* written by whoever finds out first, and always the same: relaxed is enough */
    if (id >= 0 && ((bpe->ignore_merges && !part) || __atomic_load_n(&bpe->whole[id], __ATOMIC_RELAXED) == WHOLE)) {
        s->symbols[0].id = id;
        *count = 1;
        return 0;
    }
    n = symbols(bpe, s->symbols, bytes, len);
    n = n <= SHORT ? merge_short(bpe, s->symbols, n) : merge_long(bpe, s, n);
    if (id >= 0)
        __atomic_store_n(&bpe->whole[id], n == 1 && s->symbols[0].id == id ? WHOLE : DIVIDED, __ATOMIC_RELAXED);
    *count = (size_t)n;
    return 0;
}

void lace_bpe_scratch_release(struct lace_bpe_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (struct lace_bpe_scratch){0};
}
