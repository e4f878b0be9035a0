/* Byte pair encoding trained in rounds: count the pairs of all words, make tokens of the most frequent quarter or so as many
 * as there are tokens, merge them, again. A pair at a time would give a slightly better vocabulary after a hundred times
 * the work. */
#include "bench/vocabulary.h"
#include "text/pretokenizer.h"
#include "text/utf8.h"
#include "text/vocab.h"
#include <stdlib.h>
#include <string.h>

struct word {
    size_t at; /* of its symbols */
    int count; /* of its symbols */
    long times;
};

struct pair {
    int left, right, rank; /* rank < 0: no rule yet */
    long times;
};

struct trainer {
    bool byte_level;
    struct lace_vocab seen; /* words, by text; ids are indices of words */
    struct word *words;
    int word_count, word_cap;
    int *symbols;
    size_t symbol_count, symbol_cap;
    struct lace_vocab tokens;
    int next;           /* id */
    struct pair *pairs; /* (pair_mask + 1) open addressing; left -1: empty */
    size_t pair_mask, pair_used;
    struct lace_text merges; /* as JSON */
    int rules;
};

static int no_memory(struct lace_error *err) { return lace_fail(err, LACE_MEMORY, "Out of memory for a vocabulary."); }

/* ---- words ---- */

static int add_token(struct trainer *t, const char *bytes, size_t len, int *id, struct lace_error *err)
{
    *id = lace_vocab_find(&t->tokens, LACE_TOKEN_MODEL, bytes, len);
    if (*id >= 0) return 0;
    *id = t->next++;
    return lace_vocab_add(&t->tokens, *id, LACE_TOKEN_MODEL, bytes, len, "The vocabulary", err);
}

static int add_symbols(struct trainer *t, struct word *w, const char *bytes, size_t len, struct lace_error *err)
{
    if (t->symbol_count + len + 1 > t->symbol_cap) {
        size_t cap = 2 * (t->symbol_cap + len + 1024);
        int *more = realloc(t->symbols, cap * sizeof *more);
        if (!more) return no_memory(err);
        t->symbols = more;
        t->symbol_cap = cap;
    }
    w->at = t->symbol_count;
    for (size_t i = 0, n; i < len; i += n) {
        bool space = !t->byte_level && bytes[i] == ' ';
        n = t->byte_level ? 1 : lace_utf8_size(bytes[i]);
        int code = add_token(t, space ? "\xe2\x96\x81" : bytes + i, space ? 3 : n, &t->symbols[t->symbol_count], err);
        if (code) return code;
        t->symbol_count++;
        w->count++;
    }
    return 0;
}

static int see_word(void *user, const char *bytes, size_t len, struct lace_error *err)
{
    struct trainer *t = user;
    if (len > 32 || (!t->byte_level && memchr(bytes, '\n', len))) return 0; /* SentencePiece knows lines alone */
    int id = lace_vocab_find(&t->seen, LACE_TOKEN_MODEL, bytes, len);
    if (id >= 0) {
        t->words[id].times++;
        return 0;
    }
    if (t->word_count == t->word_cap) {
        int cap = t->word_cap ? 2 * t->word_cap : 4096;
        struct word *more = realloc(t->words, (size_t)cap * sizeof *more);
        if (!more) return no_memory(err);
        t->words = more;
        t->word_cap = cap;
    }
    t->words[t->word_count] = (struct word){.times = 1};
    int code = add_symbols(t, &t->words[t->word_count], bytes, len, err);
    if (!code) code = lace_vocab_add(&t->seen, t->word_count, LACE_TOKEN_MODEL, bytes, len, "The text", err);
    t->word_count++;
    return code;
}

static int see_text(struct trainer *t, const char *text, size_t len, struct lace_error *err)
{
    struct lace_pretokenizer pre = {.count = 0};
    struct lace_matcher matcher;
    int code = lace_matcher_init(&matcher, err);
    if (!code) code = lace_pretokenizer_named(&pre, "llama-bpe", "The benchmark", err);
    struct lace_pretokenizer_run run = {.pre = &pre, .matcher = &matcher, .word = see_word, .user = t};
    if (!code) code = lace_pretokenize(&run, text, len, true, err);
    lace_pretokenizer_run_release(&run);
    lace_pretokenizer_release(&pre);
    lace_matcher_release(&matcher);
    return code;
}

/* ---- rounds ---- */

static struct pair *find(struct trainer *t, int left, int right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
    size_t i = (h ^ h >> 29) & t->pair_mask;
    while (t->pairs[i].left >= 0 && (t->pairs[i].left != left || t->pairs[i].right != right))
        i = (i + 1) & t->pair_mask;
    return &t->pairs[i];
}

static int count_pairs(struct trainer *t, struct lace_error *err)
{
    size_t size = 1024;
    while (size < 2 * t->symbol_count) size *= 2; /* there are no more pairs than symbols */
    lace_free(t->pairs);
    if (!(t->pairs = lace_alloc_array(size, sizeof *t->pairs))) return no_memory(err);
    t->pair_mask = size - 1;
    for (size_t i = 0; i < size; i++) t->pairs[i].left = -1;
    for (int w = 0; w < t->word_count; w++) {
        const int *s = t->symbols + t->words[w].at;
        for (int i = 0; i + 1 < t->words[w].count; i++) {
            struct pair *p = find(t, s[i], s[i + 1]);
            if (p->left < 0) *p = (struct pair){s[i], s[i + 1], -1, 0};
            p->times += t->words[w].times;
        }
    }
    return 0;
}

static int by_times(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->times != y->times) return x->times < y->times ? 1 : -1;
    return x->left != y->left ? (x->left > y->left) - (x->left < y->left)
                              : (x->right > y->right) - (x->right < y->right);
}

static void add_quoted(struct lace_text *out, const struct trainer *t, int id)
{
    const char *name = lace_vocab_name(&t->tokens, id);
    for (uint32_t i = 0; i < t->tokens.tokens[id].name_len; i++) {
        char written[2] = {name[i]};
        size_t n = t->byte_level ? (size_t)lace_alphabet_char((unsigned char)name[i], written) : 1;
        if (n == 1 && (*written == '"' || *written == '\\')) lace_text_str(out, "\\");
        if ((unsigned char)*written < ' ') lace_text_print(out, "\\u%04x", *written);
        else lace_text_add(out, written, n);
    }
}

/* Makes the best pairs rules; returns how many, or a negative code. */
static int make_rules(struct trainer *t, int most, struct lace_error *err)
{
    size_t count = 0;
    int made = 0, code = 0;
    struct pair *list = malloc((t->pair_mask + 1) * sizeof *list);
    if (!list) return no_memory(err);
    for (size_t i = 0; i <= t->pair_mask; i++)
        if (t->pairs[i].left >= 0 && t->pairs[i].times > 1) list[count++] = t->pairs[i];
    qsort(list, count, sizeof *list, by_times);
    for (size_t i = 0; i < count && made < most && !code; i++, made++) {
        char joined[128];
        const struct lace_token *l = &t->tokens.tokens[list[i].left], *r = &t->tokens.tokens[list[i].right];
        int id;
        if (l->name_len + r->name_len > sizeof joined) continue;
        memcpy(joined, lace_vocab_name(&t->tokens, list[i].left), l->name_len);
        memcpy(joined + l->name_len, lace_vocab_name(&t->tokens, list[i].right), r->name_len);
        size_t len = l->name_len + r->name_len;
        find(t, list[i].left, list[i].right)->rank = made;
        lace_text_str(&t->merges, t->rules++ ? ",\"" : "\"");
        add_quoted(&t->merges, t, list[i].left);
        lace_text_str(&t->merges, " ");
        add_quoted(&t->merges, t, list[i].right);
        lace_text_str(&t->merges, "\"");
        code = add_token(t, joined, len, &id, err);
        if (!code) find(t, list[i].left, list[i].right)->times = id; /* what it becomes, from here on */
    }
    free(list);
    return code ? code : made;
}

static void merge_words(struct trainer *t)
{
    for (int w = 0; w < t->word_count; w++) {
        int *s = t->symbols + t->words[w].at, n = t->words[w].count;
        for (;;) {
            const struct pair *best = NULL;
            int at = 0;
            for (int i = 0; i + 1 < n; i++) {
                const struct pair *p = find(t, s[i], s[i + 1]);
                if (p->left < 0 || p->rank < 0 || (best && p->rank >= best->rank)) continue;
                best = p;
                at = i;
            }
            if (!best) break;
            s[at] = (int)best->times;
            memmove(s + at + 1, s + at + 2, (size_t)(--n - at - 1) * sizeof *s);
        }
        t->words[w].count = n;
    }
}

/* ---- the file ---- */

static const char *const head[] = {
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[{\"id\":0,\"content\":\"<unk>\","
    "\"single_"
    "word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}],\"normalizer\":{\"type\":"
    "\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"},{\"type\":\"Replace\","
    "\"pattern\":{"
    "\"String\":\" "
    "\"},\"content\":\"\xe2\x96\x81\"}]},\"pre_tokenizer\":null,\"post_processor\":null,\"decoder\":{\"type\":"
    "\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xe2\x96\x81\"},\"content\":\" \"},{"
    "\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]},"
    "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\"<unk>\",\"continuing_subword_prefix\":null,"
    "\"end_of_word_suffix\":null,\"fuse_unk\":true,\"byte_fallback\":true,\"ignore_merges\":false,\"vocab\":{",
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],\"normalizer\":null,\"pre_"
    "tokenizer\":{"
    "\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    "|[^"
    "\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|"
    "\\\\s+(?!\\\\S)|\\\\s+\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_"
    "space\":"
    "false,\"trim_offsets\":true,\"use_regex\":false}]},\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\","
    "\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true},\"model\":{\"type\":\"BPE\",\"dropout\":null,"
    "\"unk_token\":null,\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,"
    "\"byte_fallback\":false,\"ignore_merges\":true,\"vocab\":{"};

static void write_file(struct trainer *t, struct lace_text *out)
{
    lace_text_str(out, head[t->byte_level]);
    for (int id = 0; id < t->next; id++) {
        lace_text_str(out, id ? ",\"" : "\"");
        add_quoted(out, t, id);
        lace_text_print(out, "\":%d", id);
    }
    lace_text_str(out, "},\"merges\":[");
    lace_text_add(out, t->merges.data ? t->merges.data : "", t->merges.len);
    lace_text_str(out, "]}}");
}

/* What every vocabulary has: all bytes, as tokens or as what characters fall back to. */
static int add_bytes(struct trainer *t, struct lace_error *err)
{
    int id, code = t->byte_level ? 0 : add_token(t, "<unk>", 5, &id, err);
    for (int b = 0; b < 256 && !code; b++) {
        char name[8] = {(char)b};
        size_t len = t->byte_level ? 1 : (size_t)snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        code = add_token(t, name, len, &id, err);
    }
    return code;
}

int lace_vocabulary_train(struct lace_text *out, const char *text, size_t len, bool byte_level, int size,
                          struct lace_error *err)
{
    struct trainer t = {.byte_level = byte_level};
    int code = lace_vocab_init(&t.seen, 0, err), made = 1;
    if (!code) code = lace_vocab_init(&t.tokens, (size_t)size, err);
    if (!code) code = add_bytes(&t, err);
    if (!code) code = see_text(&t, text, len, err);
    while (!code && made > 0 && t.next < size) {
        int most = t.next / 4 < size - t.next ? t.next / 4 : size - t.next;
        if ((code = count_pairs(&t, err))) break;
        if ((made = make_rules(&t, most, err)) < 0) code = made;
        else merge_words(&t);
    }
    if (!code) write_file(&t, out);
    if (!code && (out->failed || t.merges.failed)) code = no_memory(err);
    lace_vocab_release(&t.seen);
    lace_vocab_release(&t.tokens);
    lace_text_release(&t.merges);
    lace_free(t.pairs);
    free(t.words);
    free(t.symbols);
    return code;
}
