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

static uint64_t hash(const struct lace_bpe *bpe, int left, int right)
{
    uint64_t x = bpe->vocab.seed ^ ((uint64_t)(uint32_t)left << 32 | (uint32_t)right); /* murmur's finalizer */
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

int lace_bpe_init(struct lace_bpe *bpe, size_t rules, struct lace_error *err)
{
    size_t size = 64;
    while (size / 2 < rules) size *= 2;
    bpe->rules = lace_alloc_array(size, sizeof *bpe->rules);
    bpe->filter = lace_alloc_array(size / 8, sizeof *bpe->filter); /* 8 bits for every slot */
    if (!bpe->rules || !bpe->filter) return lace_fail(err, LACE_MEMORY, "Out of memory for %zu merge rules.", rules);
    for (size_t i = 0; i < size; i++) bpe->rules[i].left = -1;
    bpe->mask = size - 1;
    bpe->filter_mask = 8 * size - 1;
    return 0;
}

static struct lace_bpe_rule *probe(const struct lace_bpe *bpe, uint64_t hash, int left, int right)
{
    size_t i = hash & bpe->mask;
    while (bpe->rules[i].left >= 0 && (bpe->rules[i].left != left || bpe->rules[i].right != right))
        i = (i + 1) & bpe->mask;
    return &bpe->rules[i];
}

void lace_bpe_add(struct lace_bpe *bpe, int left, int right, int rank, int id)
{
    uint64_t h = hash(bpe, left, right);
    size_t bit = h >> 24 & bpe->filter_mask;
    *probe(bpe, h, left, right) = (struct lace_bpe_rule){left, right, rank, id};
    bpe->filter[bit / 64] |= (uint64_t)1 << bit % 64;
}

static inline const struct lace_bpe_rule *find(const struct lace_bpe *bpe, int left, int right)
{
    uint64_t h = hash(bpe, left, right);
    size_t bit = h >> 24 & bpe->filter_mask;
    if (!(bpe->filter[bit / 64] >> bit % 64 & 1)) return NULL;
    const struct lace_bpe_rule *rule = probe(bpe, h, left, right);
    return rule->left < 0 ? NULL : rule;
}

/* The place of a character in lace_bpe.joins, or -1. */
static int joint(const char *bytes, size_t size)
{
    return size == 1 ? *bytes : size == 3 && !memcmp(bytes, "\xe2\x96\x81", 3) ? 128 : -1;
}

static int last_joint(const char *bytes, size_t len)
{
    size_t at = len ? lace_utf8_before(bytes, len) : 0;
    return len ? joint(bytes + at, len - at) : -1;
}

/* A merge across two characters that are tokens joins a symbol whose name ends with the one to a symbol whose name
 * begins with the other, because names are made by joining names. So what no rule says never happens; a character
 * that is no token is unknown or bytes, whose names say nothing, and joins everything. */
static void find_joins(struct lace_bpe *bpe)
{
    const struct lace_vocab *v = &bpe->vocab;
    bpe->cuts = !bpe->byte_level;
    for (int a = 0; a < 129; a++) {
        bool token =
            lace_vocab_find(v, LACE_TOKEN_MODEL, a < 128 ? (char[]){(char)a} : "\xe2\x96\x81", a < 128 ? 1 : 3) >= 0;
        for (int b = 0; b < 129 && !token; b++) bpe->joins[a][b] = bpe->joins[b][a] = true;
    }
    for (size_t i = 0; i <= bpe->mask && bpe->cuts; i++) {
        if (bpe->rules[i].left < 0) continue;
        const struct lace_token *left = &v->tokens[bpe->rules[i].left], *right = &v->tokens[bpe->rules[i].right];
        const char *begin = v->text.data + right->name;
        int a = last_joint(v->text.data + left->name, left->name_len),
            b = right->name_len ? joint(begin, lace_utf8_size(*begin)) : -1;
        if (a >= 0 && b >= 0) bpe->joins[a][b] = true;
    }
}

size_t lace_bpe_cut(const struct lace_bpe *bpe, const char *bytes, size_t len)
{
    int before = -1;
    for (size_t i = 0, n; i < len; i += n) {
        n = lace_utf8_size(bytes[i]);
        int here = joint(bytes + i, n);
        if (before >= 0 && here >= 0 && !bpe->joins[before][here]) return i;
        before = here;
    }
    return len;
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
    find_joins(bpe);
    bpe->whole = lace_alloc_array((size_t)bpe->vocab.size + 1, 1);
    if (!bpe->whole) return lace_fail(err, LACE_MEMORY, "Out of memory for a vocabulary.");
    return lace_word_cache_init(&bpe->cache, err);
}

void lace_bpe_release(struct lace_bpe *bpe)
{
    lace_vocab_release(&bpe->vocab);
    lace_free(bpe->rules);
    lace_free(bpe->filter);
    lace_free(bpe->whole);
    lace_word_cache_release(&bpe->cache);
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

/* What merging makes of a word. */
static int merge(const struct lace_bpe *bpe, struct lace_bpe_scratch *s, const char *bytes, size_t len)
{
    int n = symbols(bpe, s->symbols, bytes, len);
    return n <= SHORT ? merge_short(bpe, s->symbols, n) : merge_long(bpe, s, n);
}

int lace_bpe_word(const struct lace_bpe *bpe, struct lace_bpe_scratch *s, const char *bytes, size_t len, bool part,
                  size_t *count, struct lace_error *err)
{
    uint32_t ids[LACE_CACHED_IDS], hash = 0;
    int code, n, id = -1, state = UNKNOWN;
    bool brief = len <= LACE_CACHED_BYTES;
    *count = 0;
    if (!len) return 0;
    if (len > s->cap && (code = grow(s, len, err))) return code;
    if (brief || len <= bpe->vocab.longest) {
        hash = lace_vocab_hash(&bpe->vocab, LACE_TOKEN_MODEL, bytes, len);
        id = lace_vocab_find_hashed(&bpe->vocab, hash, LACE_TOKEN_MODEL, bytes, len);
        /* written by whoever finds out first, and always the same: relaxed is enough */
        if (id >= 0) state = __atomic_load_n(&bpe->whole[id], __ATOMIC_RELAXED);
    }
    if (state == WHOLE || (id >= 0 && bpe->ignore_merges && !part)) {
        s->symbols[0].id = id;
        *count = 1;
        return 0;
    }
    if (brief && (n = lace_word_cache_get(&bpe->cache, hash, bytes, len, ids))) {
        for (int i = 0; i < n; i++) s->symbols[i].id = (int)ids[i];
        *count = (size_t)n;
        return 0;
    }
    n = merge(bpe, s, bytes, len);
    for (int i = 0; i < n && i < LACE_CACHED_IDS; i++) ids[i] = (uint32_t)s->symbols[i].id;
    if (id >= 0 && state == UNKNOWN) {
        state = n == 1 && s->symbols[0].id == id ? WHOLE : DIVIDED;
        __atomic_store_n(&bpe->whole[id], state, __ATOMIC_RELAXED);
    }
    if (brief && state != WHOLE) lace_word_cache_put(&bpe->cache, hash, bytes, len, ids, n);
    *count = (size_t)n;
    return 0;
}

void lace_bpe_scratch_release(struct lace_bpe_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (struct lace_bpe_scratch){0};
}
