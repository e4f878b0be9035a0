#include "data/near.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { BANDS = 32, WORDS = 3 /* of a shingle */ };

struct text {
    size_t start;         /* of its shingles in the pool */
    uint32_t count;       /* of them */
    uint32_t asked;       /* the query that looked at it last */
    uint32_t next[BANDS]; /* the text before it in the same chain, +1; 0: none */
};

struct lace_near {
    double threshold;
    int rows;
    uint32_t *pool; /* the shingles of all texts */
    size_t used, cap;
    struct text *texts;
    size_t count, text_cap;
    uint32_t *heads; /* (BANDS, slots): the last text of the chain, +1 */
    size_t slots;
    uint32_t asked;
};

/* ---- shingles ---- */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

enum kind { SPACE, LETTER, DIGIT, SIGN };

static enum kind kind_of(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return DIGIT;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN: return SPACE;
    default: return SIGN;
    }
}

/* The words of a folded text as hashes, in place of its characters. */
static size_t words(utf8proc_uint8_t *folded, size_t len, uint32_t *out)
{
    size_t count = 0, start = 0;
    enum kind run = SPACE;
    for (size_t i = 0; i <= len;) {
        utf8proc_int32_t c = ' ';
        utf8proc_ssize_t size = i < len ? utf8proc_iterate(folded + i, (utf8proc_ssize_t)(len - i), &c) : 1;
        if (size < 1) size = 1, c = ' ';
        enum kind kind = i < len ? kind_of(c) : SPACE;
        if (run != SPACE && (kind != run || run == SIGN)) {
            uint64_t hash = lace_hash(folded + start, i - start);
            out[count++] = (uint32_t)(hash ^ hash >> 32);
            run = SPACE;
        }
        if (run == SPACE && kind != SPACE) start = i, run = kind;
        i += (size_t)size;
    }
    return count;
}

uint32_t *lace_shingles(const char *text, size_t *count)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)text, 0, &folded,
                                        UTF8PROC_NULLTERM | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    bool own = len >= 0; /* text that is not UTF-8 is taken as it is */
    if (!own) folded = (utf8proc_uint8_t *)text, len = (utf8proc_ssize_t)strlen(text);
    uint32_t *list = malloc(((size_t)len + 1) * sizeof *list);
    size_t n = list ? words(folded, (size_t)len, list) : 0, shingles = n > WORDS ? n - WORDS + 1 : n > 0, kept = 0;
    if (own) free(folded);
    for (size_t i = 0; i < shingles; i++) {
        uint64_t hash = 0;
        for (size_t j = i; j < i + WORDS && j < n; j++)
            hash = (hash ^ list[j]) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
        list[i] = (uint32_t)(hash ^ hash >> 32);
    }
    if (list) qsort(list, shingles, sizeof *list, by_value);
    for (size_t i = 0; i < shingles; i++)
        if (!kept || list[i] != list[kept - 1]) list[kept++] = list[i];
    *count = kept;
    return list;
}

double lace_jaccard(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    size_t i = 0, j = 0, both = 0;
    while (i < na && j < nb) {
        uint32_t x = a[i], y = b[j];
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    return na + nb ? (double)both / (double)(na + nb - both) : 1;
}

/* ---- the index ---- */

int lace_near_open(struct lace_near **out, double threshold, struct lace_error *err)
{
    *out = NULL;
    if (!(threshold >= LACE_NEAR_LEAST && threshold <= 1))
        return lace_fail(err, LACE_BAD, "The threshold of near duplicates is %g; it must be from %g to 1.", threshold,
                         LACE_NEAR_LEAST);
    struct lace_near *near = calloc(1, sizeof *near);
    if (!near) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    near->threshold = threshold;
    /* (1 - t^rows)^BANDS <= 1e-6; more rows mean fewer candidates, and 16 are few enough. */
    double least = 1 - pow(1e-6, 1.0 / BANDS);
    near->rows = 1;
    while (near->rows < 16 && pow(threshold, near->rows + 1) >= least) near->rows++;
    *out = near;
    return 0;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void band_keys(const struct lace_near *near, const uint32_t *set, size_t count, uint64_t keys[BANDS])
{
    for (int b = 0, f = 0; b < BANDS; b++) {
        uint64_t key = (uint64_t)b + 1;
        for (int r = 0; r < near->rows; r++, f++) {
            uint32_t least = UINT32_MAX;
            uint64_t salt = mix((uint64_t)f + 0x9e3779b97f4a7c15u) | 1;
            for (size_t i = 0; i < count; i++) {
                uint32_t h = (uint32_t)(((set[i] + (salt >> 32)) * salt) >> 32);
                h = (h ^ h >> 15) * 0x85ebca6bu; /* else the least is the same for many f */
                if (h < least) least = h;
            }
            key = mix(key ^ least);
        }
        keys[b] = key;
    }
}

int lace_near_find(struct lace_near *near, const char *text, long *match, double *alike, struct lace_error *err)
{
    size_t count;
    uint64_t keys[BANDS];
    uint32_t *set = lace_shingles(text, &count);
    *match = -1;
    *alike = 0;
    if (!set) return lace_fail(err, LACE_MEMORY, "Out of memory while near duplicates are sought.");
    band_keys(near, set, count, keys);
    near->asked++;
    for (int b = 0; b < BANDS && near->slots; b++)
        for (uint32_t at = near->heads[(size_t)b * near->slots + (keys[b] & (near->slots - 1))]; at;
             at = near->texts[at - 1].next[b]) {
            struct text *t = &near->texts[at - 1];
            if (t->asked == near->asked) continue;
            t->asked = near->asked;
            size_t less = t->count < count ? t->count : count, more = t->count < count ? count : t->count;
            if ((double)less < near->threshold * (double)more) continue;
            double j = lace_jaccard(set, count, near->pool + t->start, t->count);
            if (j < near->threshold || j < *alike || (j == *alike && *match >= 0 && *match < (long)at - 1)) continue;
            *alike = j;
            *match = (long)at - 1;
        }
    free(set);
    return 0;
}

static void link_bands(struct lace_near *near, size_t i)
{
    uint64_t keys[BANDS];
    struct text *t = &near->texts[i];
    band_keys(near, near->pool + t->start, t->count, keys);
    for (int b = 0; b < BANDS; b++) {
        uint32_t *head = &near->heads[(size_t)b * near->slots + (keys[b] & (near->slots - 1))];
        t->next[b] = *head;
        *head = (uint32_t)i + 1;
    }
}

/* Room for one more text, and for its shingles. */
static bool reserve(struct lace_near *near, size_t shingles)
{
    if (near->count == near->text_cap) {
        size_t cap = near->text_cap ? near->text_cap * 2 : 256;
        struct text *texts = realloc(near->texts, cap * sizeof *texts);
        if (!texts) return false;
        near->texts = texts;
        near->text_cap = cap;
    }
    if (near->used + shingles > near->cap) {
        size_t cap = (near->used + shingles) * 2;
        uint32_t *pool = realloc(near->pool, cap * sizeof *pool);
        if (!pool) return false;
        near->pool = pool;
        near->cap = cap;
    }
    if (near->count < near->slots) return true;
    size_t slots = near->slots ? near->slots * 4 : 1 << 10;
    uint32_t *heads = calloc(slots, BANDS * sizeof *heads);
    if (!heads) return false;
    free(near->heads);
    near->heads = heads;
    near->slots = slots;
    for (size_t i = 0; i < near->count; i++) link_bands(near, i);
    return true;
}

int lace_near_add(struct lace_near *near, const char *text, struct lace_error *err)
{
    size_t count;
    uint32_t *set = lace_shingles(text, &count);
    if (!set || near->count >= UINT32_MAX - 1 || !reserve(near, count)) {
        free(set);
        return lace_fail(err, LACE_MEMORY, "Out of memory: %zu texts are kept to find near duplicates.", near->count);
    }
    memcpy(near->pool + near->used, set, count * sizeof *set);
    near->texts[near->count] = (struct text){.start = near->used, .count = (uint32_t)count};
    near->used += count;
    link_bands(near, near->count++);
    free(set);
    return 0;
}

void lace_near_close(struct lace_near **near)
{
    if (!*near) return;
    free((*near)->pool);
    free((*near)->texts);
    free((*near)->heads);
    free(*near);
    *near = NULL;
}
