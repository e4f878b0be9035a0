/* The tokenizer alone, on one core: a text made here, and vocabularies of the size that models have, trained here on that
 * text (both from fixed seeds, so that two runs measure the same). Texts are encoded in pieces of a few kilobytes, as
 * prompts come. With options.files the text and the vocabularies are kept, for others to be measured on them
 * (scripts/bench_tokenizers.py). */
#include "bench/bench.h"
#include "bench/vocabulary.h"
#include "text/tokenizer.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEXICON = 60000, PIECE = 4096 };

/* ---- the text ---- */

static int below(struct lace_rng *rng, int bound) { return (int)lace_rng_below(rng, (uint32_t)bound); }

static void add_character(struct lace_text *out, uint32_t point)
{
    char bytes[3] = {(char)(0xe0 | point >> 12), (char)(0x80 | (point >> 6 & 63)), (char)(0x80 | (point & 63))};
    if (point >= 0x800) lace_text_add(out, bytes, 3);
    else lace_text_print(out, "%c%c", (char)(0xc0 | point >> 6), (char)(0x80 | (point & 63)));
}

/* A word of syllables; one in twelve is Cyrillic, and one in twenty a few Chinese characters. */
static void add_word(struct lace_text *out, struct lace_rng *rng)
{
    static const char *const onset[] = {"b", "c", "d", "f",  "g",  "h",  "l",  "m",  "n",  "p",  "r",  "s",
                                        "t", "v", "w", "st", "tr", "ch", "pr", "th", "sh", "cl", "gr", ""},
                             *const nucleus[] = {"a", "e", "i", "o", "u", "ea", "io", "ou", "ai", "e"},
                             *const coda[] = {"", "", "", "n", "r", "s", "t", "l", "ng", "st", "ment", "nd"};
    int kind = below(rng, 60), parts = 1 + below(rng, 4);
    if (kind < 5)
        for (int i = 0; i < 2 * parts; i++) add_character(out, (uint32_t)(0x430 + below(rng, 32)));
    else if (kind < 8)
        for (int i = 0; i < parts; i++) add_character(out, (uint32_t)(0x4e00 + below(rng, 3000)));
    else
        for (int i = 0; i < parts; i++)
            lace_text_print(out, "%s%s%s", onset[below(rng, 24)], nucleus[below(rng, 10)], coda[below(rng, 12)]);
}

static void make_text(struct lace_text *out, size_t size)
{
    struct lace_rng rng;
    struct lace_text words;
    size_t *at = calloc(LEXICON + 1, sizeof *at);
    lace_rng_init(&rng, 1, 0x746f6b);
    lace_text_init(&words);
    for (int i = 0; at && i < LEXICON; i++) {
        add_word(&words, &rng);
        at[i + 1] = words.len;
    }
    for (int i = 0; at && !words.failed && !out->failed && out->len < size; i++) {
        double u = lace_rng_uniform(&rng);
        int word = (int)(LEXICON * u * u * u * u), kind = below(&rng, 100); /* a few words are most of a text */
        const char *bytes = words.data + at[word];
        size_t len = at[word + 1] - at[word];
        if (kind < 3) lace_text_print(out, " %d", below(&rng, kind ? 3000 : 1 << 30));
        else if (kind < 6) lace_text_print(out, " %.*s_%d(%.*s[i])", (int)len, bytes, kind, (int)len, bytes);
        else if (kind < 12) {
            lace_text_print(out, " %c", (char)('A' + below(&rng, 26)));
            lace_text_add(out, bytes, len);
        } else {
            lace_text_str(out, " ");
            lace_text_add(out, bytes, len);
        }
        kind = below(&rng, 120);
        lace_text_str(out, kind < 10   ? ","
                           : kind < 16 ? "."
                           : kind < 18 ? ".\n\n"
                           : kind < 19 ? ";\n    "
                           : kind < 20 ? " \""
                                       : "");
    }
    free(at);
    if (!at || words.failed) {
        lace_text_release(out);
        out->failed = true;
    }
    lace_text_release(&words);
}

/* ---- files, or none ---- */

static int make_file(const char *name, const struct lace_text *text, bool byte_level, size_t size,
                     struct lace_text *out, struct lace_error *err)
{
    (void)name;
    if (text) return lace_vocabulary_train(out, text->data, text->len, byte_level, byte_level ? 64000 : 32000, err);
    make_text(out, size);
    return out->failed ? lace_fail(err, LACE_MEMORY, "Out of memory for a text of %zu bytes.", size) : 0;
}

/* The file of that name in options.files, made where there is none; without files it is made in memory. text NULL: it is
 * the text. */
static int get_file(const struct lace_bench *b, const char *name, const struct lace_text *text, bool byte_level,
                    struct lace_text *out, struct lace_error *err)
{
    char path[PATH_MAX], *bytes;
    size_t len, size = b->options->quick ? (size_t)2 << 20 : (size_t)8 << 20;
    const char *files = b->options->files;
    int code;
    if (!files) return make_file(name, text, byte_level, size, out, err);
    if ((code = lace_make_dir(files, err)) || (code = lace_join(path, files, name, err))) return code;
    if (access(path, F_OK)) {
        if ((code = make_file(name, text, byte_level, size, out, err))) return code;
        return lace_write_file(path, out->data, out->len, err);
    }
    if ((code = lace_read_file(path, (size_t)1 << 28, &bytes, &len, err))) return code;
    lace_text_add(out, bytes, len);
    lace_free(bytes);
    return out->failed ? lace_fail(err, LACE_MEMORY, "Out of memory for %.200s.", path) : 0;
}

/* ---- measuring ---- */

/* The end of a piece of about PIECE bytes: before a blank, where a prompt may as well begin. */
static size_t piece_end(const char *text, size_t len, size_t at)
{
    size_t end = len - at < PIECE ? len : at + PIECE;
    while (end < len && text[end] != ' ') end++;
    return end;
}

struct pass {
    double encode, decode;
    size_t ids;
};

static int run_pass(const struct lace_tokenizer *t, const struct lace_text *text, struct pass *pass,
                    struct lace_error *err)
{
    int *ids = NULL, code = 0;
    size_t capacity = 0, count;
    struct lace_text out;
    lace_text_init(&out);
    *pass = (struct pass){.ids = 0};
    for (size_t at = 0, end; at < text->len && !code; at = end) {
        end = piece_end(text->data, text->len, at);
        double from = lace_now();
        code = lace_tokenizer_encode(t, text->data + at, end - at, LACE_ENCODE_SPECIAL, &ids, &capacity, &count, err);
        double middle = lace_now();
        lace_text_clear(&out);
        if (!code) code = lace_tokenizer_decode(t, ids, count, false, &out, err);
        pass->encode += middle - from;
        pass->decode += lace_now() - middle;
        pass->ids += code ? 0 : count;
    }
    lace_text_release(&out);
    free(ids);
    return code;
}

/* load: seconds that opening it took. */
static int measure(struct lace_bench *b, const struct lace_tokenizer *t, const char *kind, const struct lace_text *text,
                   double load, struct lace_error *err)
{
    char label[96];
    struct lace_samples encode = {.count = 0}, decode = {.count = 0};
    struct pass pass;
    struct lace_bench_figure f = {.part = "tokenizer", .name = "load", .unit = "s", .lattice = -1, .value = load};
    f.low = f.high = load;
    f.samples = 1;
    f.label = label;
    snprintf(label, sizeof label, "%s, %d tokens: loading", kind, lace_tokenizer_size(t));
    int code = lace_bench_put(b, &f, err);
    if (!code) code = run_pass(t, text, &pass, err); /* words are new once */
    for (int i = 0; i < (b->options->quick ? 3 : 9) && !code; i++) {
        code = run_pass(t, text, &pass, err);
        lace_samples_add(&encode, pass.encode);
        lace_samples_add(&decode, pass.decode);
    }
    if (code) return code;
    f = (struct lace_bench_figure){.part = "tokenizer", .name = "encode", .unit = "B/s", .lattice = -1, .label = label};
    snprintf(label, sizeof label, "  text to ids, one core");
    if ((code = lace_bench_rate(b, f, (double)text->len, &encode, err))) return code;
    f.name = "decode";
    snprintf(label, sizeof label, "  ids to text");
    if ((code = lace_bench_rate(b, f, (double)text->len, &decode, err))) return code;
    snprintf(label, sizeof label, "  ids of %.1f MB", 1e-6 * (double)text->len);
    f = (struct lace_bench_figure){.part = "tokenizer", .name = "ids", .unit = "ids", .lattice = -1, .label = label};
    f.value = f.low = f.high = (double)pass.ids;
    f.samples = 1;
    return lace_bench_put(b, &f, err);
}

int lace_bench_tokenizer(struct lace_bench *b, struct lace_error *err)
{
    static const char *const names[] = {"sentencepiece.json", "bytes.json"}, *const kinds[] = {"SentencePiece-style",
                                                                                               "byte-level"};
    struct lace_text text, json;
    lace_text_init(&text);
    lace_text_init(&json);
    int code = get_file(b, "text.txt", NULL, false, &text, err);
    for (int i = 0; i < (b->options->model ? 1 : 2) && !code; i++) {
        struct lace_tokenizer *t = NULL;
        lace_text_clear(&json);
        if (!b->options->model) code = get_file(b, names[i], &text, i, &json, err);
        double from = lace_now();
        if (!code && b->options->model) code = lace_tokenizer_open_folder(&t, b->options->model, err);
        else if (!code) code = lace_tokenizer_parse(&t, json.data, json.len, names[i], err);
        from = lace_now() - from;
        if (!code) code = measure(b, t, b->options->model ? "the model's own" : kinds[i], &text, from, err);
        lace_tokenizer_close(&t);
    }
    lace_text_release(&text);
    lace_text_release(&json);
    return code;
}
