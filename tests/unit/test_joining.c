/* Groups that join a decoder while others run: whatever the order, the pieces in which prompts are read, what is
 * taken over from prompts in the cache and however often the blocks are moved, a group writes what it writes alone.
 * And plain continuations, stop strings, and the slots' book-keeping. */
#include "decoder_test.h"
#include "decode/room.h"

/* ---- slots ---- */

enum { SLOTS = 200, BLOCKS = 24 };

static void carry(void *user, int from, int to, int count)
{
    memmove((int *)user + to, (int *)user + from, sizeof(int) * (size_t)count);
}

/* Each slot of a block holds the block's number; nothing may ever overwrite another's. */
static void blocks_never_overlap(void **state)
{
    struct lace_room r;
    struct lace_rng rng;
    struct lace_error err;
    int owner[SLOTS] = {0}, refused = 0, packed = 0;
    assert_works(lace_room_init(&r, SLOTS, BLOCKS, &err), err);
    lace_rng_init(&rng, 7, 0);
    for (int i = 0; i < 20000; i++) {
        int b = (int)lace_rng_below(&rng, BLOCKS), count = 1 + (int)lace_rng_below(&rng, 40);
        if (r.block[b].count) {
            for (int s = 0; s < r.block[b].count; s++) assert_int_equal(owner[r.block[b].slot + s], b);
            if (count < r.block[b].count && count % 2) lace_room_shrink(&r, b, count);
            else lace_room_give(&r, b);
            continue;
        }
        int free = r.slots - r.taken, used = 0;
        for (int j = 0; j < BLOCKS; j++) used += r.block[j].count;
        assert_int_equal(used, r.taken);
        int got = lace_room_take(&r, count);
        if (got < 0 && count <= free) { /* scattered: after moving the blocks together it must fit */
            lace_room_pack(&r, carry, owner);
            packed++;
            assert_true((got = lace_room_take(&r, count)) >= 0);
        }
        if (got < 0) {
            refused++;
            continue;
        }
        assert_in_range(r.block[got].slot, 0, SLOTS - count);
        for (int s = 0; s < count; s++) owner[r.block[got].slot + s] = got;
    }
    assert_true(refused > 100 && packed > 100);
    assert_int_equal(lace_room_take(&r, 0), -1);
    assert_int_equal(lace_room_take(&r, SLOTS + 1), -1);
    lace_room_release(&r);
}

/* ---- joining ---- */

static const char *const prompts[] = {"Find x mod 7.\n",
                                      "Find x mod 12, from 12 to 19, and if so, what is it?\n",
                                      "Find x mod 12, from 12 to 19, and then it is not.\n",
                                      "So",
                                      "Find x mod 12, from 12",
                                      "What is it? No, what is 3 = 4, and what is it not?\n"};
enum { KINDS = 12 };

static struct lace_group_options kind(int i)
{
    struct lace_group_options o = defaults(1 + i % 4, (uint64_t)i);
    o.budget = 6 + 5 * (i % 3);
    if (i % 5 == 1) o.see = LACE_SEE_NONE;
    if (i % 5 == 2) {
        o.plain = true;
        o.threads = 1;
    }
    if (i % 5 == 3) o.show = (struct lace_show){true, i % 2 ? LACE_ALIGNED : LACE_WINDOW, 2};
    return o;
}
static const char *prompt_of(int i) { return prompts[i % 6]; }

static int join(struct lace_decoder *d, const char *prompt, struct lace_group_options o, int *cached)
{
    struct words p = words(prompt);
    struct lace_error err;
    if (!lace_decoder_fits(d, p.ids, p.count, &o)) return -1;
    int g = lace_decoder_join(d, p.ids, p.count, &o, cached, &err);
    if (g < 0) fail_msg("%s", err.text);
    return g;
}

/* Sixty groups of twelve kinds in random order through few slots. */
static void run_crowd(const struct lace_model *m, const struct text *alone, int slots, int prefill, uint64_t seed)
{
    enum { CROWD = 60, SEATS = 5 };
    struct lace_decoder *d;
    struct lace_error err;
    struct lace_rng rng;
    struct lace_decoder_use use;
    struct lace_decoder_options size = {SEATS, THREADS, PROMPT, TOKENS, 0, 8, slots};
    int seat[SEATS], began = 0, ended = 0, shared = 0, beside = 0, removed = 0;
    assert_works(lace_decoder_open(&d, m, &format, &size, &err), err);
    if (prefill) lace_decoder_prefill_rows(d, prefill);
    lace_rng_init(&rng, seed, 1);
    for (int i = 0; i < SEATS; i++) seat[i] = -1;
    while (ended < CROWD) {
        while (began < CROWD && lace_rng_below(&rng, 3)) {
            int k = (int)lace_rng_below(&rng, KINDS), cached, g = join(d, prompt_of(k), kind(k), &cached);
            if (g < 0) break;
            shared += cached;
            if (lace_rng_below(&rng, 8) == 0) { /* a client that hangs up at once */
                if (lace_rng_below(&rng, 2)) assert_works(lace_decoder_step(d, NULL, &err), err);
                lace_decoder_remove(d, g);
                removed++;
                continue;
            }
            seat[g] = k;
            began++;
        }
        assert_works(lace_decoder_step(d, NULL, &err), err);
        lace_decoder_use(d, &use);
        beside += use.thread_rows && use.prompt_rows;
        assert_true(use.thread_rows <= 8 && use.thread_rows + use.prompt_rows <= LACE_FEW_ROWS);
        assert_true(!prefill || !use.thread_rows || use.prompt_rows <= prefill);
        assert_true(use.slots_taken + use.slots_kept <= slots && use.rows_taken <= 8);
        for (int g = 0; g < SEATS; g++) {
            if (seat[g] < 0 || !lace_decoder_done(d, g)) continue;
            struct text x = read_text(d, g, kind(seat[g]).threads);
            if (!same_text(&x, &alone[seat[g]])) fail_msg("group of kind %d wrote something else", seat[g]);
            lace_decoder_remove(d, g);
            seat[g] = -1;
            ended++;
        }
    }
    lace_decoder_use(d, &use);
    assert_true(use.slots_taken == 0 && use.rows_taken == 0);
    assert_true(shared > 100 && beside && removed);
    lace_decoder_close(&d);
}

static void a_crowd_changes_nothing(void **state)
{
    for (enum lace_dtype dtype = LACE_F32; dtype <= LACE_BF16; dtype++) {
        struct lace_model *m = make_model(dtype, &causal);
        struct text alone[KINDS];
        for (int i = 0; i < KINDS; i++) {
            struct lace_decoder *d = make_decoder(m, 1); /* with nothing in its cache */
            alone[i] = decode(d, prompt_of(i), kind(i));
            lace_decoder_close(&d);
        }
        for (int i = 0; i < KINDS; i++)
            for (int j = 0; j < i; j++) assert_false(same_text(&alone[i], &alone[j]));
        run_crowd(m, alone, 1000, 0, 1);
        run_crowd(m, alone, 4 * (16 + 40) + 30, 3, 2); /* the widest group just fits: blocks are moved */
        run_crowd(m, alone, 400, 1, 3);
        lace_model_free(&m);
    }
}

static void a_beginning_in_the_cache_is_not_read_again(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 3);
    struct lace_group_options o = defaults(2, 1);
    struct words first = words(prompts[1]), second = words(prompts[2]), part = words(prompts[4]);
    int cached = -1, common = 0, steps = 0;
    while (first.ids[common] == second.ids[common]) common++;
    assert_in_range(common, 4, second.count - 2);
    int g = join(d, prompts[1], o, &cached);
    assert_int_equal(cached, 0);
    int again = join(d, prompts[1], o, &cached); /* the same prompt, not read yet: both wait for one reading */
    assert_int_equal(cached, 0);
    struct lace_decoder_use use;
    step(d);
    lace_decoder_use(d, &use);
    assert_int_equal(use.prompt_rows, first.count);
    finish(d, g);
    finish(d, again);
    struct text a = read_text(d, g, 2), b = read_text(d, again, 2);
    assert_true(same_text(&a, &b));
    lace_decoder_remove(d, g);
    int third = join(d, prompts[2], o, &cached); /* from a prompt that is still read, by `again` */
    assert_int_equal(cached, common);
    step(d);
    lace_decoder_use(d, &use);
    assert_int_equal(use.prompt_rows, second.count - common);
    lace_decoder_remove(d, again);
    lace_decoder_remove(d, third);
    g = join(d, prompts[1], o, &cached); /* from one that nobody reads */
    assert_int_equal(cached, first.count);
    assert_true(lace_decoder_started(d, g));
    finish(d, g);
    b = read_text(d, g, 2);
    assert_true(same_text(&a, &b));
    int inner = join(d, prompts[4], o, &cached); /* the beginning of one, where it lies */
    lace_decoder_use(d, &use);
    assert_int_equal(cached, part.count);
    assert_int_equal(use.slots_taken, first.count + 2 * 2 * (o.budget + 40));
    finish(d, inner);
    struct text x = read_text(d, inner, 2);
    lace_decoder_remove(d, g);
    lace_decoder_remove(d, inner);
    lace_decoder_close(&d);
    d = make_decoder(m, 1);
    b = decode(d, prompts[4], o);
    assert_true(same_text(&x, &b));
    /* a prompt whose group left in the middle is worth what was read of it */
    lace_decoder_prefill_rows(d, 3);
    lace_decoder_close(&d);
    d = make_decoder(m, 2);
    lace_decoder_prefill_rows(d, 3);
    g = join(d, "So", defaults(1, 3), &cached);
    step(d);
    again = join(d, prompts[2], o, &cached);
    for (; steps < 2; steps++) step(d);
    assert_false(lace_decoder_started(d, again));
    lace_decoder_remove(d, again);
    again = join(d, prompts[2], o, &cached);
    assert_int_equal(cached, 6);
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* ---- plain continuations ---- */

/* Log-probabilities of what a plain thread wrote, against one pass over prompt and text. */
static void a_plain_thread_continues_the_prompt(void **state)
{
    struct lace_format plain = format;
    plain.special_tags = false;
    for (int tagged = 0; tagged < 2; tagged++) {
        struct lace_model *m = make_model(LACE_F32, &causal);
        struct lace_decoder *d;
        struct lace_error err;
        struct lace_decoder_options size = {2, THREADS, PROMPT, TOKENS, 0};
        assert_works(lace_decoder_open(&d, m, tagged ? &format : &plain, &size, &err), err);
        struct lace_group_options o = defaults(1, 4);
        o.plain = true;
        o.budget = 12;
        /* A model with special tags ends its text before the verdict; another may write what looks like one. */
        struct words p = words("Find x mod 7."), forced = words(tagged ? "[best]] So" : "[[best]] [[So");
        int g = add(d, "Find x mod 7.", o);
        lace_decoder_force(d, g, 0, forced.ids, forced.count);
        finish(d, g);
        const struct lace_thread *t = lace_decoder_thread(d, g, 0);
        assert_int_equal(t->end, LACE_END_BUDGET);
        assert_true(t->cut && t->chosen == 12 && t->verdict == LACE_VERDICT_NONE && t->p[1] == 0);
        assert_memory_equal(t->text.data, tagged ? "[best]] So" : "[[best]] [[So", 10);
        struct story s = {.threads = 1, .thread[0] = {.count = t->count, .index = 0}};
        s.prompt_count = p.count - !tagged;
        memcpy(s.prompt, p.ids, sizeof(int) * (size_t)s.prompt_count);
        memcpy(s.thread[0].token, t->ids, sizeof(int) * (size_t)t->count);
        if (!tagged) assert_int_equal(t->ids[0], p.ids[p.count - 1]);
        for (int j = 0; j < t->count; j++) s.thread[0].time[j] = j;
        struct pass pass;
        double sum = 0;
        pass_open(&pass, m, &s, 1);
        for (int j = t->tag_count + forced.count; j < t->count; j++) {
            const float *logits = pass_logits(&pass, 0, 0, j - 1);
            sum += logits[t->ids[j]] - lace_log_sum_exp(logits, m->config.vocab_size);
        }
        pass_close(&pass);
        if (!(fabs(sum - t->logprob) < 2e-4)) fail_msg("log-probability %.7g, in one pass %.7g", t->logprob, sum);
        lace_decoder_remove(d, g);
        struct words one = words("So"); /* a prompt of one token has nothing to be read beforehand */
        assert_int_equal(one.count, 1);
        g = add(d, "So", o);
        finish(d, g);
        assert_int_equal(lace_decoder_thread(d, g, 0)->chosen, 12);
        lace_decoder_remove(d, g);
        struct words ended = words("So it [is] [[best]]");
        g = add(d, "So", o);
        lace_decoder_force(d, g, 0, ended.ids, ended.count);
        finish(d, g);
        t = lace_decoder_thread(d, g, 0);
        if (tagged) assert_string_equal(t->text.data, "So it [is] ");
        assert_int_equal(t->end, tagged ? LACE_END_STOP : LACE_END_BUDGET);
        o.threads = 2;
        assert_true(lace_decoder_add(d, p.ids, p.count, &o, &err) < 0);
        lace_decoder_close(&d);
        lace_model_free(&m);
    }
}

struct heard {
    int count, ids[TOKENS];
    double logprob;
};
static void hear(void *user, int thread, int id, const float *logits, double lse)
{
    struct heard *h = user;
    h->ids[h->count++] = id;
    h->logprob += logits[id] - lse;
}

static void every_choice_is_reported(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    struct heard h = {0};
    struct lace_group_options o = defaults(1, 4);
    o.chosen = hear;
    o.user = &h;
    int g = add(d, "Find x mod 7.", o);
    finish(d, g);
    const struct lace_thread *t = lace_decoder_thread(d, g, 0);
    assert_int_equal(h.count, t->chosen);
    assert_true(h.logprob == t->logprob);
    assert_memory_equal(h.ids, t->ids + t->tag_count, 15 * sizeof(int));
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* ---- stop strings ---- */

static void collect(void *user, int group, int thread, const char *bytes, size_t len)
{
    lace_text_add(user, bytes, len);
}

static void stop_strings_are_cut_and_never_sent(void **state)
{
    static const struct {
        const char *writes, *stops[3], *text;
    } cases[] = {
        {"So it is not then", {"is not"}, "So it "},
        {"So it is not then", {"not", "is not", "then"}, "So it "}, /* the one that begins first */
        {"So it is not then", {"So"}, ""},
        {"no no no then, no", {"no then"}, "no no "},
        {"no no no then, no", {"no no then"}, "no "}, /* it begins anew within itself */
        {"Find x mod 7.\n\nSo", {"\n\n"}, "Find x mod 7."},
        {"So it is", {"", "never"}, NULL},
    };
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int plain = 0; plain < 2; plain++) {
            struct words w = words(cases[i].writes);
            struct lace_group_options o = defaults(1, 4);
            struct lace_text sent;
            struct lace_error err;
            lace_text_init(&sent);
            o.plain = plain;
            o.stops = cases[i].stops;
            while (o.stop_count < 3 && cases[i].stops[o.stop_count]) o.stop_count++;
            o.user = &sent;
            int g = add(d, "Find x.\n", o);
            lace_decoder_force(d, g, 0, w.ids, w.count);
            const struct lace_thread *t = lace_decoder_thread(d, g, 0);
            while (!lace_decoder_done(d, g)) {
                assert_works(lace_decoder_step(d, collect, &err), err);
                assert_true(t->sent == sent.len && sent.len <= t->text.len); /* nothing is ever taken back */
            }
            assert_int_equal(t->end == LACE_END_STOP, cases[i].text != NULL);
            if (cases[i].text) assert_string_equal(t->text.data, cases[i].text);
            assert_int_equal(sent.len, t->text.len);
            if (sent.len) assert_memory_equal(sent.data, t->text.data, sent.len);
            lace_text_release(&sent);
            lace_decoder_remove(d, g);
        }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* ---- what one group sees ---- */

static void a_group_may_be_shown_other_positions(void **state)
{
    struct lace_lattice_config aligned = causal;
    aligned.visible = LACE_ALIGNED;
    struct lace_model *m = make_model(LACE_F32, &causal), *other = make_model(LACE_F32, &aligned);
    struct lace_decoder *d = make_decoder(m, 2), *want = make_decoder(other, 2);
    struct lace_group_options o = defaults(3, 1);
    struct text plain = decode(d, "Find x.\n", o), b = decode(want, "Find x.\n", o);
    o.show = (struct lace_show){true, LACE_ALIGNED, 0};
    add(d, "Find x.\n", defaults(3, 2)); /* beside one that sees as the lattice says */
    struct text a = decode(d, "Find x.\n", o);
    assert_true(same_text(&a, &b));
    assert_false(same_text(&a, &plain));
    lace_decoder_close(&d);
    lace_decoder_close(&want);
    lace_model_free(&m);
    lace_model_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_never_overlap),
        cmocka_unit_test(a_crowd_changes_nothing),
        cmocka_unit_test(a_beginning_in_the_cache_is_not_read_again),
        cmocka_unit_test(a_plain_thread_continues_the_prompt),
        cmocka_unit_test(every_choice_is_reported),
        cmocka_unit_test(stop_strings_are_cut_and_never_sent),
        cmocka_unit_test(a_group_may_be_shown_other_positions),
    };
    return cmocka_run_group_tests_name("joining", tests, open_all, close_all);
}
