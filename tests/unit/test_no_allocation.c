/* Nothing is allocated after a decoder is opened: this program counts the calls of malloc and its kin, which it
 * defines itself, while groups join, decode to their end and leave. */
#include "model_test.h"
#include "decode/decoder.h"

enum { GROUPS = 3, THREADS = 4, PROMPT = 400, TOKENS = 140 };
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool counting;
static long calls;
static void count(void)
{
    if (counting)
#pragma omp atomic
        calls++;
}
#ifdef __SANITIZE_THREAD__ /* has a malloc of its own, so that nothing can be counted */
#    define NEEDS_OWN_MALLOC skip()
#else
#    define NEEDS_OWN_MALLOC
void *malloc(size_t size) { return count(), __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return count(), __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { return count(), __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { return count(), __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return count(), __libc_memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size)
{
    count();
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : 12;
}
#endif

static struct lace_tokenizer *tokenizer;
static struct lace_format format;

static struct lace_model *make_model(enum lace_dtype dtype, bool full)
{
    struct lace_config c = {.vocab_size = lace_tokenizer_size(tokenizer),
                            .hidden_size = 64,
                            .intermediate_size = 96,
                            .num_hidden_layers = 4,
                            .num_attention_heads = 4,
                            .num_key_value_heads = 2,
                            .head_dim = 16,
                            .max_position_embeddings = 768,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .tie_word_embeddings = true};
    struct lace_lattice_config lattice = {.kind = full ? LACE_KIND_FULL : LACE_KIND_LATTICE,
                                          .layers = {1, 2},
                                          .layer_count = 2,
                                          .width = full ? 64 : 32,
                                          .heads = full ? 4 : 2,
                                          .visible = LACE_CAUSAL,
                                          .window = 3,
                                          .topology = LACE_ALL,
                                          .ring = 1,
                                          .axes = {full ? 0 : 8, full ? 8 : 4, full ? 8 : 4},
                                          .theta = {10000, 100, 100},
                                          .max_threads = 16};
    struct lace_model *m;
    struct lace_error err;
    assert_works(lace_model_create(&m, &c, 5, &(struct lace_model_options){true, (int)dtype, NULL}, &err), err);
    assert_works(lace_model_attach(m, &lattice, &(struct lace_lattice_start){0.5f, 0.5f, true, 3}, &err), err);
    scramble(m, 0, 0.8f);
    return m;
}

/* Three waves of groups that sample, are forced, are cut by their budgets and meet stop strings. */
static void decode_waves(struct lace_decoder *d, const int *prompt, int prompt_count, const int *forced)
{
    static const char *const stops[] = {"try 7", "zz"};
    struct lace_error err;
    for (int wave = 0; wave < 3; wave++) {
        for (int g = 0; g < GROUPS; g++) {
            struct lace_group_options o = {.threads = 1 + (wave + g) % THREADS,
                                           .sampling = {0.8, wave ? 20 : 0, wave ? 0.9 : 1, 0, g ? 1.1 : 1},
                                           .seed = (uint64_t)(wave * GROUPS + g),
                                           .barrier = g != 1,
                                           .budget = 100,
                                           .trace = g == 2,
                                           .stops = stops,
                                           .stop_count = 2};
            int index = lace_decoder_add(d, prompt, prompt_count - wave, &o, &err);
            if (index < 0) fail_msg("%s", err.text);
            lace_decoder_force(d, index, 0, forced, 90);
        }
        int running;
        do assert_works(running = lace_decoder_step(d, NULL, &err), err);
        while (running);
        for (int g = 0; g < GROUPS; g++) lace_decoder_remove(d, g);
    }
}

/* The longest piece of the vocabulary, again and again: as much text as a thread can hold. */
static int longest_piece(void)
{
    int best = 0;
    size_t most = 0;
    for (int id = 0; id < lace_tokenizer_size(tokenizer); id++) {
        size_t len = 0;
        if (lace_tokenizer_bytes(tokenizer, id, &len) && !lace_tokenizer_is_special(tokenizer, id) && len > most)
            most = len, best = id;
    }
    return best;
}

/* A prompt of more than LACE_FEW_ROWS tokens goes through oneDNN, which makes one primitive per matrix shape the first
 * time that it meets it, and keeps it: there the first waves are not counted. */
static void decode_counted(const char *text, bool first_too)
{
    NEEDS_OWN_MALLOC;
    struct lace_error err;
    int *prompt = NULL, forced[TOKENS];
    size_t capacity = 0, prompt_count = 0;
    assert_works(lace_tokenizer_encode(tokenizer, text, strlen(text), true, &prompt, &capacity, &prompt_count, &err),
                 err);
    assert_in_range(prompt_count, 30, PROMPT);
    assert_true((prompt_count <= LACE_FEW_ROWS) == first_too);
    for (int i = 0; i < TOKENS; i++) forced[i] = longest_piece();
    for (int kind = 0; kind < 4; kind++) {
        struct lace_model *m = make_model(kind & 1 ? LACE_BF16 : LACE_F32, kind & 2);
        struct lace_decoder *d;
        struct lace_decoder_options size = {GROUPS, THREADS, PROMPT, TOKENS, 2, .traces = 1, .kv = kind & 1 ? LACE_BF16 : LACE_F32};
        assert_works(lace_decoder_open(&d, m, &format, &size, &err), err);
        if (!first_too) decode_waves(d, prompt, (int)prompt_count, forced);
        calls = 0;
        counting = true;
        decode_waves(d, prompt, (int)prompt_count, forced);
        counting = false;
        if (calls) fail_msg("%s, %s: %ld allocations", kind & 1 ? "bf16" : "f32", kind & 2 ? "full" : "lattice", calls);
        lace_decoder_close(&d);
        lace_model_free(&m);
    }
    free(prompt);
}

#define PROBLEM "Find t (each from 1 to 8, mod 13): q*5+7=9, r*4+q=10, s*11+r=6, t*2+s=12. "
static void nothing_is_allocated_after_open(void **state) { decode_counted(PROBLEM, true); }
static void nor_for_long_prompts_once_their_shape_is_known(void **state)
{
    decode_counted(PROBLEM PROBLEM PROBLEM PROBLEM, false);
}

/* The counter counts: otherwise the test above could not fail. */
static void the_counter_counts(void **state)
{
    NEEDS_OWN_MALLOC;
    calls = 0;
    counting = true;
    void *volatile p = malloc(10), *volatile q = NULL; /* volatile: a compiler may leave out a pair that nobody sees */
    p = realloc(p, 4000);
    counting &= !posix_memalign((void **)&q, 64, 64);
    free(p);
    free(q);
    counting = false;
    assert_int_equal(calls, 3);
}

static int open_all(void **state)
{
    struct lace_error err;
    assert_works(lace_tokenizer_open(&tokenizer, "recipes/tokenizer.json", &err), err);
    assert_works(lace_format_open(&format, tokenizer, lace_tokenizer_id(tokenizer, "<|end|>"), &err), err);
    return 0;
}
static int close_all(void **state)
{
    lace_format_release(&format);
    lace_tokenizer_close(&tokenizer);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(nothing_is_allocated_after_open),
        cmocka_unit_test(nor_for_long_prompts_once_their_shape_is_known),
    };
    return cmocka_run_group_tests_name("no allocation", tests, open_all, close_all);
}
