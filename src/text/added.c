#include "text/added.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include <stdlib.h>

/* A new node's index, or 0 where memory ran out (the root, 0, is made first). */
static int new_node(struct lace_added_trie *trie, struct lace_added_node node)
{
    if (trie->count == trie->cap) {
        int cap = trie->cap ? trie->cap * 2 : 64;
        struct lace_added_node *nodes = realloc(trie->nodes, (size_t)cap * sizeof *nodes);
        if (!nodes) return 0;
        trie->nodes = nodes;
        trie->cap = cap;
    }
    trie->nodes[trie->count] = node;
    return trie->count++;
}

int lace_added_put(struct lace_added *added, bool normalized, const char *pattern, size_t len, int id,
                   struct lace_error *err)
{
    struct lace_added_trie *trie = normalized ? &added->normalized : &added->raw;
    int at = 0;
    if (!trie->count) new_node(trie, (struct lace_added_node){.id = -1});
    if (!trie->count) return lace_fail(err, LACE_MEMORY, "Out of memory for added tokens.");
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)pattern[i];
        int child = trie->nodes[at].child;
        while (child && trie->nodes[child].byte != byte) child = trie->nodes[child].sibling;
        if (!child) {
            child = new_node(trie, (struct lace_added_node){0, trie->nodes[at].child, -1, byte});
            if (!child) return lace_fail(err, LACE_MEMORY, "Out of memory for added tokens.");
            trie->nodes[at].child = child;
            if (!at) trie->first[byte] = child;
        }
        at = child;
    }
    if (trie->nodes[at].id >= 0) return lace_fail(err, LACE_BAD, "Two added tokens are sought by one pattern.");
    trie->nodes[at].id = id;
    return 0;
}

void lace_added_release(struct lace_added *added)
{
    free(added->raw.nodes);
    free(added->normalized.nodes);
    *added = (struct lace_added){.raw = {.nodes = NULL}};
}

/* The longest token at the start of bytes: its id and length, or -1. */
static int match(const struct lace_added_trie *trie, const char *bytes, size_t len, size_t *matched)
{
    int id = -1;
    size_t i = 0;
    for (int at = trie->first[(unsigned char)*bytes]; at;) {
        if (trie->nodes[at].id >= 0) {
            id = trie->nodes[at].id;
            *matched = i + 1;
        }
        if (++i == len) break;
        at = trie->nodes[at].child;
        while (at && trie->nodes[at].byte != (unsigned char)bytes[i]) at = trie->nodes[at].sibling;
    }
    return id;
}

static bool alone(const struct lace_added_scan *s, size_t start, size_t stop)
{
    size_t n;
    if (start && lace_unicode_word(lace_utf8_point(s->bytes + lace_utf8_before(s->bytes, start), &n))) return false;
    return stop == s->len || !lace_unicode_word(lace_utf8_point(s->bytes + stop, &n));
}

bool lace_added_next(struct lace_added_scan *s)
{
    const struct lace_added_trie *trie = s->trie;
    while (trie->count && s->at < s->len) {
        if (!trie->first[(unsigned char)s->bytes[s->at]]) {
            s->at++;
            continue;
        }
        size_t start = s->at, matched = 1, n;
        int id = match(trie, s->bytes + start, s->len - start, &matched);
        size_t stop = s->at = start + matched;
        if (id < 0) continue;
        const struct lace_token *t = &s->vocab->tokens[id];
        if ((t->special && !s->special) || (t->single_word && !alone(s, start, stop))) continue;
        if (t->lstrip && start < s->done) start = s->done; /* blanks that the last token took are its own */
        while (t->lstrip && start > s->done) {
            size_t before = lace_utf8_before(s->bytes, start);
            if (!lace_unicode_space(lace_utf8_point(s->bytes + before, &n))) break;
            start = before;
        }
        if (t->rstrip) {
            if (stop >= s->blank && stop < s->blank_end) stop = s->blank_end; /* a run is walked once */
            s->blank = stop;
            while (stop < s->len && lace_unicode_space(lace_utf8_point(s->bytes + stop, &n))) stop += n;
            s->blank_end = stop;
        }
        if (start >= stop) continue; /* it was one of those blanks */
        s->gap = s->done;
        s->gap_len = start > s->done ? start - s->done : 0;
        s->done = stop;
        s->id = id;
        return true;
    }
    s->gap = s->done;
    s->gap_len = s->len > s->done ? s->len - s->done : 0;
    return false;
}
