/* Threads in lockstep: what a step decodes is what one pass over the whole text computes; a group depends on nothing
 * but its prompt, its options and its seed; the barrier, budgets, stops and verdicts. Random small models. */
#include "decoder_test.h"
#include "text/utf8.h"

/* ---- a step against the whole ---- */

struct record { /* when each token of a group was read, and the log-probability of each that was chosen after it */
    int times[THREADS][TOKENS];
    double after[THREADS][TOKENS];
};

/* Runs all groups to their end; group g begins at step begins[g], its thread n with the given words. */
static void run_recorded(struct lace_decoder *d, const int *begins, const char *const *prompts,
                         const struct lace_group_options *options, const struct words (*forced)[THREADS], int groups,
                         struct record *record)
{
    int running = 1;
    for (int clock = 0; running; clock++) {
        int fed[GROUPS][THREADS];
        double logprob[GROUPS][THREADS];
        struct lace_error err;
        for (int g = 0; g < groups; g++) {
            if (begins[g] == clock) assert_int_equal(add(d, prompts[g], options[g]), g);
            for (int n = 0; n < options[g].threads && begins[g] == clock; n++)
                lace_decoder_force(d, g, n, forced[g][n].ids, forced[g][n].count);
            for (int n = 0; n < options[g].threads && clock >= begins[g]; n++) {
                fed[g][n] = lace_decoder_thread(d, g, n)->fed;
                logprob[g][n] = lace_decoder_thread(d, g, n)->logprob;
            }
        }
        assert_works(running = lace_decoder_step(d, NULL, &err), err);
        for (int g = 0; g < groups; g++)
            for (int n = 0; n < options[g].threads && clock >= begins[g]; n++) {
                const struct lace_thread *t = lace_decoder_thread(d, g, n);
                if (t->fed == fed[g][n]) continue;
                assert_int_equal(t->fed, fed[g][n] + 1);
                record[g].times[n][fed[g][n]] = clock - begins[g];
                record[g].after[n][fed[g][n]] = t->logprob - logprob[g][n];
            }
        for (int g = 0; g < groups; g++) running += clock < begins[g];
    }
}

static double log_softmax(const float *logits, int V, int id) { return logits[id] - lace_log_sum_exp(logits, V); }

/* The group's text again, in one training-style pass, must give each token the log-probability it had. */
static void compare_with_whole(const struct lace_model *m, const struct lace_decoder *d, int g, const char *prompt,
                               int threads, const struct record *record, double tolerance)
{
    struct story s = {.threads = threads};
    struct words p = words(prompt);
    struct pass pass;
    int V = m->config.vocab_size, chosen = 0;
    s.prompt_count = p.count;
    memcpy(s.prompt, p.ids, sizeof(int) * (size_t)p.count);
    for (int n = 0; n < threads; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, g, n);
        struct story_thread *w = &s.thread[n];
        w->count = t->fed;
        w->index = n;
        for (int j = 0, steps = 0; j < t->fed; j++) {
            w->token[j] = t->ids[j];
            w->time[j] = record->times[n][j];
            w->step[j] = steps;
            steps += format.ends_step[t->ids[j]];
        }
    }
    pass_open(&pass, m, &s, 1);
    for (int n = 0; n < threads; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, g, n);
        for (int j = 0; j < t->fed; j++) {
            const float *logits = pass_logits(&pass, 0, n, j);
            if (record->after[n][j] != 0) {
                double want = log_softmax(logits, V, t->ids[j + 1]);
                chosen++;
                if (!(fabs(record->after[n][j] - want) <= tolerance))
                    fail_msg("token %d of thread %d: log-probability %.7g in decoding, %.7g in one pass", j + 1, n,
                             record->after[n][j], want);
            }
            if (t->ids[j] != format.lead[format.lead_count - 1] || t->p[1] == 0) continue;
            for (int v = 1; v < 4; v++)
                if (!(fabs(log(t->p[v]) - log_softmax(logits, V, format.verdict[v])) <= tolerance))
                    fail_msg("p[%d] of thread %d is %g", v, n, t->p[v]);
        }
    }
    assert_true(chosen > 8);
    pass_close(&pass);
}

/* Decoding and the whole pass sum in another order: some 1e-6 of logits of size 5 in f32; in bf16 operands round the
 * other way now and then, which moves a logit by some 2^-8 of its size. */
static void decoding_equals_one_pass_over_the_text(void **state)
{
    struct lace_lattice_config kinds[5] = {causal, causal, causal, causal, causal};
    kinds[1].visible = LACE_WINDOW;
    kinds[2].topology = LACE_RING;
    kinds[3].visible = LACE_ALIGNED;
    kinds[4].kind = LACE_KIND_FULL;
    kinds[4].width = 64;
    kinds[4].heads = 4;
    static const char *const prompts[] = {"Find x mod 7.\n", "What is 3 = 4, from 12 to 19?\n", "So it is then.\n\n"};
    static const int begins[] = {0, 4, 9};
    /* thread 1 of group 0 reaches its verdict early and waits for the others; in group 2 nobody waits */
    const struct words forced[GROUPS][THREADS] = {{{.count = 0}, words("Answer: 12.\n[["), words("So\nit\nis")},
                                                  {{.count = 0}},
                                                  {words("[["), {.count = 0}, words("no.\n[[fail]]")}};
    for (int i = 0; i < 10; i++) {
        struct lace_model *m = make_model(i < 5 ? LACE_F32 : LACE_BF16, &kinds[i % 5]);
        struct lace_decoder *d = make_decoder(m, GROUPS);
        struct lace_group_options o[] = {defaults(4, 1), defaults(1, 2), defaults(3, 3)};
        struct record record[GROUPS] = {0};
        o[2].barrier = false;
        decode(d, "Answer: so it is. What is it?", defaults(4, 9)); /* its slots are used again */
        run_recorded(d, begins, prompts, o, forced, GROUPS, record);
        for (int g = 0; g < GROUPS; g++)
            compare_with_whole(m, d, g, prompts[g], o[g].threads, &record[g], i < 5 ? 2e-4 : 0.15);
        lace_decoder_close(&d);
        lace_model_free(&m);
    }
}

/* ---- what a group's text depends on ---- */

static void a_seed_gives_one_text(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    struct text a = decode(d, "Find x.\n", defaults(3, 1)), b = decode(d, "Find x.\n", defaults(3, 2)),
                c = decode(d, "Find x.\n", defaults(3, 1));
    assert_true(same_text(&a, &c));
    for (int n = 0; n < 3; n++) assert_memory_not_equal(a.ids[n] + 2, b.ids[n] + 2, 10 * sizeof(int));
    assert_memory_not_equal(a.ids[0] + 2, a.ids[1] + 2, 10 * sizeof(int));
    struct lace_group_options o = defaults(3, 1);
    o.sampling.temperature = 0;
    a = decode(d, "Find x.\n", o);
    o.seed = 2;
    b = decode(d, "Find x.\n", o);
    assert_true(same_text(&a, &b));
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void other_groups_and_workers_change_nothing(void **state)
{
    int workers = omp_get_max_threads();
    for (enum lace_dtype dtype = LACE_F32; dtype <= LACE_BF16; dtype++) {
        struct lace_model *m = make_model(dtype, &causal);
        struct lace_decoder *d = make_decoder(m, GROUPS);
        struct text alone = decode(d, "Find x mod 7.\n", defaults(4, 1));
        for (int late = 0; late < 8; late += 7) { /* in the company of others, who come first or later */
            if (!late) add(d, "What is it?", defaults(4, 5));
            int g = add(d, "Find x mod 7.\n", defaults(4, 1));
            for (int i = 0; i < late; i++) step(d);
            add(d, "So it is not.\n", defaults(2, 6));
            finish(d, g);
            struct text among = read_text(d, g, 4);
            assert_true(same_text(&alone, &among));
            for (int i = 0; i < GROUPS; i++) lace_decoder_remove(d, i);
        }
        lace_decoder_close(&d);
        for (int count = 1; count <= 2; count++) {
            omp_set_num_threads(count);
            d = make_decoder(m, GROUPS);
            struct text other = decode(d, "Find x mod 7.\n", defaults(4, 1));
            assert_true(same_text(&alone, &other));
            lace_decoder_close(&d);
        }
        omp_set_num_threads(workers);
        lace_model_free(&m);
    }
}

static void a_muted_group_runs_as_without_a_lattice(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal), *plain = make_model(LACE_F32, NULL);
    struct lace_decoder *d = make_decoder(m, 2), *off = make_decoder(plain, 2);
    struct lace_group_options muted = defaults(3, 1);
    muted.see = LACE_SEE_NONE;
    struct text a = decode(off, "Find x.\n", muted), b = decode(d, "Find x.\n", muted),
                heard = decode(d, "Find x.\n", defaults(3, 1));
    assert_true(same_text(&a, &b));
    assert_false(same_text(&a, &heard));
    add(d, "What is it?", defaults(4, 7)); /* beside a group that hears */
    b = decode(d, "Find x.\n", muted);
    assert_true(same_text(&a, &b));
    lace_decoder_close(&d);
    lace_decoder_close(&off);
    lace_model_free(&m);
    lace_model_free(&plain);
}

/* Group 0 decodes while its thread 1 and group 1's thread 1 are made to write something; what does thread 0 hear? */
static double hear(struct lace_decoder *d, enum lace_see see, const char *own, const char *next)
{
    struct words mine = words(own), other = words(next);
    struct lace_group_options o = defaults(2, 1);
    o.see = see;
    int g = add(d, "Find x.\n", o), h = add(d, "What is it?", defaults(2, 2));
    lace_decoder_force(d, g, 1, mine.ids, mine.count);
    lace_decoder_force(d, h, 1, other.ids, other.count);
    for (int i = 0; i < 12; i++) step(d);
    double logprob = lace_decoder_thread(d, g, 0)->logprob;
    lace_decoder_remove(d, g);
    lace_decoder_remove(d, h);
    return logprob;
}

static void a_group_sees_itself_nobody_or_the_next(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 3);
    for (enum lace_see see = LACE_SEE_OWN; see <= LACE_SEE_FOREIGN; see++) {
        double base = hear(d, see, "no, none", "yes, yes");
        assert_true(base == hear(d, see, "no, none", "yes, yes"));
        assert_true((base != hear(d, see, "to find", "yes, yes")) == (see == LACE_SEE_OWN));
        assert_true((base != hear(d, see, "no, none", "to find")) == (see == LACE_SEE_FOREIGN));
    }
    struct lace_group_options alone = defaults(2, 1), muted = alone;
    alone.see = LACE_SEE_FOREIGN; /* no next group: nothing to see */
    muted.see = LACE_SEE_NONE;
    struct text a = decode(d, "Find x.\n", alone), b = decode(d, "Find x.\n", muted);
    assert_true(same_text(&a, &b));
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void a_finished_thread_is_still_heard(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    double logprob[3];
    static const char *const said[] = {"no.\n<|end|>", "yes.\n<|end|>", "no.\n<|end|>"};
    for (int i = 0; i < 3; i++) {
        struct words w = words(said[i]), first = words("So it is then, and so it is not, and it is"),
                     lead = words("[[");
        int g = add(d, "Find x.\n", defaults(2, 1));
        lace_decoder_force(d, g, 0, first.ids, first.count);
        lace_decoder_force(d, g, 1, w.ids, w.count);
        for (int j = 0; j < 12; j++) step(d);
        assert_int_equal(lace_decoder_thread(d, g, 1)->end, LACE_END_TOKEN);
        assert_int_equal(lace_decoder_thread(d, g, 0)->end, LACE_RUNNING);
        lace_decoder_force(d, g, 0, lead.ids, lead.count);
        finish(d, g);
        logprob[i] = lace_decoder_thread(d, g, 0)->p[1];
        assert_true(logprob[i] > 0);
        lace_decoder_remove(d, g);
    }
    assert_true(logprob[0] == logprob[2] && logprob[0] != logprob[1]);
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* ---- verdicts ---- */

static struct text judge(struct lace_decoder *d, bool barrier, const char *last)
{
    struct words w[] = {words("Answer: 7.\n[[best]]"), words("So it is then.\nAnswer: 7.\n[[success]]"), words(last)};
    struct lace_group_options o = defaults(3, 1);
    o.barrier = barrier;
    o.budget = 40;
    int g = add(d, "Find x.\n", o);
    for (int n = 0; n < 3; n++) lace_decoder_force(d, g, n, w[n].ids, w[n].count);
    finish(d, g);
    struct text x = read_text(d, g, 3);
    for (int n = 0; n < 3; n++) {
        const struct lace_thread *t = lace_decoder_thread(d, g, n);
        static const enum lace_verdict verdicts[] = {LACE_VERDICT_BEST, LACE_VERDICT_SUCCESS, LACE_VERDICT_FAIL};
        assert_int_equal(t->end, LACE_END_VERDICT);
        assert_int_equal(t->verdict, verdicts[n]);
        assert_false(t->cut);
        assert_true(t->p[1] > 0 && t->p[2] > 0 && t->p[3] > 0 && t->p[1] + t->p[2] + t->p[3] < 1);
        assert_int_equal(t->chosen, w[n].count);
        assert_true(t->logprob == 0); /* it chose nothing itself */
    }
    lace_decoder_remove(d, g);
    return x;
}

static void verdicts_are_decided_together(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 2);
    static const char one[] = "So it is then, and if so it is not the best.\nAnswer: 12.\n[[fail]]",
                      two[] = "So it is then, and if so it is not the best.\nAnswer: 13.\n[[fail]]";
    struct text a = judge(d, true, one), b = judge(d, true, two), c = judge(d, false, one), e = judge(d, false, two);
    for (int n = 1; n < 3; n++) {
        assert_int_equal(a.clock_end[n], a.clock_end[0]);
        assert_true(c.clock_end[n] > c.clock_end[n - 1]);
    }
    assert_int_equal(a.clock_end[0], c.clock_end[2]); /* the barrier costs no step */
    for (int n = 0; n < 2; n++) {
        assert_memory_not_equal(a.p[n], b.p[n], sizeof a.p[n]); /* the late answer is in view of the early thread */
        assert_memory_equal(c.p[n], e.p[n], sizeof c.p[n]);     /* without the barrier it is not */
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void a_spent_budget_asks_for_the_verdict(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    struct words none = words("So it is then, and if so it is not");
    for (int grouped = 0; grouped < 2; grouped++) {
        struct lace_group_options o = defaults(2, 1);
        o.budget = grouped ? 40 : 5;
        o.group_budget = grouped ? 10 : 0;
        int g = add(d, "Find x.\n", o);
        for (int n = 0; n < 2; n++) lace_decoder_force(d, g, n, none.ids, none.count);
        finish(d, g);
        for (int n = 0; n < 2; n++) {
            const struct lace_thread *t = lace_decoder_thread(d, g, n);
            assert_true(t->cut && t->p[1] > 0);
            assert_memory_equal(t->ids + t->tag_count, none.ids, 4 * sizeof(int));
            int before = grouped && n == 0 ? 6 : 5; /* the tenth token of both is thread 1's fifth */
            assert_int_equal(t->ids[t->tag_count + before], format.lead[0]);
            assert_in_range(t->chosen, before + 1, before + 8);
            assert_int_equal(t->end, t->verdict == LACE_VERDICT_NONE ? LACE_END_TOKEN : LACE_END_VERDICT);
        }
        lace_decoder_remove(d, g);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* A thread that is given a text goes on as one that wrote it; the text is no part of what it wrote. */
static void pasted_text_is_context(void **state)
{
    enum { MORE = 12 };
    struct lace_model *m = make_model(LACE_F32, NULL);
    struct lace_decoder *d = make_decoder(m, 2);
    struct words own = words("So it is then.\n"), other = words("q*7+4=2, try 3: 10+4=3, no.\n"), both = own;
    struct lace_group_options o = defaults(2, 1);
    struct lace_error err;
    memcpy(both.ids + own.count, other.ids, (size_t)other.count * sizeof *other.ids);
    both.count += other.count;
    o.sampling.temperature = 0;
    o.budget = own.count + MORE;
    o.paste = other.count;
    int g = add(d, "Find x.\n", o);
    o.budget += other.count;
    o.paste = 0;
    int wrote = add(d, "Find x.\n", o);
    for (int n = 0; n < 2; n++) {
        lace_decoder_force(d, g, n, own.ids, own.count);
        lace_decoder_force(d, wrote, n, both.ids, both.count);
    }
    const struct lace_thread *t = lace_decoder_thread(d, g, 0), *w = lace_decoder_thread(d, wrote, 0);
    while (t->chosen < own.count) step(d);
    lace_decoder_hold(d, g, 1, true);
    for (int i = 0; i < 3; i++) step(d);
    assert_int_equal(lace_decoder_thread(d, g, 1)->chosen, own.count); /* it waits */
    assert_int_equal(t->chosen, own.count + 3);
    lace_decoder_hold(d, g, 1, false);
    t = lace_decoder_thread(d, g, 1);
    w = lace_decoder_thread(d, wrote, 1);
    assert_works(lace_decoder_paste(d, g, 1, other.ids, other.count, &err), err);
    assert_int_equal(t->heard, other.count);
    assert_int_equal(t->chosen, own.count);
    assert_string_equal(t->text.data, "So it is then.\n");
    for (int i = 0; i < t->count; i++) assert_true(t->pasted[i] == (i >= t->tag_count + own.count));
    while (t->end == LACE_RUNNING || w->end == LACE_RUNNING) step(d);
    /* Up to the verdicts, which the other threads' lateness may shift: the same tokens as likely. */
    assert_memory_equal(t->ids, w->ids, sizeof(int) * (size_t)(t->tag_count + both.count + MORE));
    assert_int_equal(t->sampled, w->sampled);
    assert_true(fabs(t->logprob - w->logprob) < 1e-3 * fabs(w->logprob)); /* f32 products in other groupings */
    for (int v = 1; v < 4; v++) assert_true(fabsf(t->p[v] - w->p[v]) <= 1e-3f * w->p[v]);
    assert_memory_equal(t->text.data, "So it is then.\n", 15);
    assert_int_equal(memcmp(w->text.data + strlen("So it is then.\nq*7+4=2, try 3: 10+4=3, no.\n"), t->text.data + 15,
                            t->text.len - 15),
                     0);
    lace_decoder_remove(d, g);
    lace_decoder_remove(d, wrote);
    for (int counted = 0; counted < 2; counted++) { /* what was pasted may use up the budget */
        o.budget = own.count + other.count + 2;
        o.paste = other.count;
        o.paste_spends = counted;
        g = add(d, "Find x.\n", o);
        for (int n = 0; n < 2; n++) lace_decoder_force(d, g, n, own.ids, own.count);
        t = lace_decoder_thread(d, g, 0);
        while (t->chosen < own.count) step(d);
        assert_int_equal(lace_decoder_paste(d, g, 0, other.ids, other.count + 1, &err), LACE_BAD);
        assert_works(lace_decoder_paste(d, g, 0, other.ids, other.count, &err), err);
        assert_int_equal(lace_decoder_paste(d, g, 0, other.ids, 1, &err), LACE_BAD);
        finish(d, g);
        assert_true(t->cut && t->chosen - t->sampled == own.count);
        assert_in_range(t->chosen, o.budget + 1 - counted * other.count, o.budget + 8 - counted * other.count);
        lace_decoder_remove(d, g);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
    m = make_model(LACE_F32, &causal);
    d = make_decoder(m, 1);
    o = defaults(2, 1);
    o.paste = 8;
    assert_int_equal(lace_decoder_add(d, own.ids, own.count, &o, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "without a lattice"));
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void a_confident_thread_ends_its_group(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    struct words first = words("no\n[[best]]"), second = words("So it is then, and if so it is not");
    for (int i = 0; i < 2; i++) {
        struct lace_group_options o = defaults(2, 1);
        o.barrier = false;
        o.early_stop = i ? 0.999 : 1e-12;
        int g = add(d, "Find x.\n", o);
        lace_decoder_force(d, g, 0, first.ids, first.count);
        lace_decoder_force(d, g, 1, second.ids, second.count);
        finish(d, g);
        assert_int_equal(lace_decoder_thread(d, g, 0)->end, LACE_END_VERDICT);
        if (i) assert_int_not_equal(lace_decoder_thread(d, g, 1)->end, LACE_END_EARLY);
        else {
            assert_int_equal(lace_decoder_thread(d, g, 1)->end, LACE_END_EARLY);
            assert_int_equal(lace_decoder_thread(d, g, 1)->clock_end, lace_decoder_thread(d, g, 0)->clock_end);
        }
        lace_decoder_remove(d, g);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* ---- texts and limits ---- */

static void collect(void *user, int group, int thread, const char *bytes, size_t len)
{
    assert_true(lace_utf8_valid(bytes, len)); /* whole characters, whatever the tokens hold */
    lace_text_add((struct lace_text *)user + thread, bytes, len);
}

static void stops_and_tokens_end_a_thread(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    struct words w[] = {words("So it is not then, and"), words("to find<|end|>")};
    struct lace_text seen[2];
    struct lace_error err;
    static const char *const stops[] = {"nowhere", "is not"};
    struct lace_group_options o = defaults(2, 1);
    o.stops = stops;
    o.stop_count = 2;
    o.user = seen;
    lace_text_init(&seen[0]);
    lace_text_init(&seen[1]);
    int g = add(d, "Find x.\n", o);
    for (int n = 0; n < 2; n++) lace_decoder_force(d, g, n, w[n].ids, w[n].count);
    while (!lace_decoder_done(d, g)) assert_works(lace_decoder_step(d, collect, &err), err);
    assert_int_equal(lace_decoder_thread(d, g, 0)->end, LACE_END_STOP);
    assert_int_equal(lace_decoder_thread(d, g, 1)->end, LACE_END_TOKEN);
    assert_string_equal(lace_decoder_thread(d, g, 0)->text.data, "So it "); /* the stop string is cut off */
    assert_string_equal(lace_decoder_thread(d, g, 1)->text.data, "to find");
    for (int n = 0; n < 2; n++) {
        assert_string_equal(seen[n].data, lace_decoder_thread(d, g, n)->text.data);
        lace_text_release(&seen[n]);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void a_text_grows_by_whole_characters(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = make_decoder(m, 1);
    struct words w[] = {words("caf\u00e9 \u20ac \U0001f600<|end|>"), words("\u20ac<|end|>")};
    struct lace_text seen[2];
    struct lace_error err;
    struct lace_group_options o = defaults(2, 1);
    o.user = seen;
    lace_text_init(&seen[0]);
    lace_text_init(&seen[1]);
    assert_int_equal(w[1].count, 4); /* a byte is a token; the third never comes */
    w[1].ids[2] = w[1].ids[3];
    w[1].count = 3;
    int g = add(d, "Find x.\n", o);
    for (int n = 0; n < 2; n++) lace_decoder_force(d, g, n, w[n].ids, w[n].count);
    while (!lace_decoder_done(d, g)) assert_works(lace_decoder_step(d, collect, &err), err);
    assert_string_equal(lace_decoder_thread(d, g, 0)->text.data, "caf\u00e9 \u20ac \U0001f600");
    assert_string_equal(lace_decoder_thread(d, g, 1)->text.data, "\ufffd");
    for (int n = 0; n < 2; n++) {
        assert_string_equal(seen[n].data, lace_decoder_thread(d, g, n)->text.data);
        lace_text_release(&seen[n]);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void the_prompt_is_held_once(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal), *plain = make_model(LACE_F32, NULL);
    struct lace_decoder *d = make_decoder(m, 2), *off = make_decoder(plain, 2);
    size_t prompt = lace_decoder_group_bytes(d, 30, 1, 0), size = kv_type == LACE_BF16 ? 2 : 4,
           token = size * (4 * 2 * 32 + 2 * 2 * 32); /* L k v, two lattice layers' lk lv */
    assert_int_equal(prompt, 30 * token);
    for (int n = 1; n <= 4; n++)
        assert_int_equal(lace_decoder_group_bytes(d, 30, n, 10), prompt + (size_t)n * 10 * token);
    assert_int_equal(lace_decoder_group_bytes(off, 30, 2, 10), 50 * size * 4 * 2 * 32);
    lace_decoder_close(&d);
    lace_decoder_close(&off);
    lace_model_free(&m);
    lace_model_free(&plain);
}

/* The rows of a step, and no more: products want whole tiles of 64 rows only where there are many, or in training. */
static void few_rows_take_no_more_room(void **state)
{
    struct lace_model *m = make_model(LACE_BF16, &causal);
    struct lace_state_options one = {1, 1, 64, 64, 1, false}, some = {64, 64, 64, 64, 1, false};
    struct lace_state_options scratch = {0, 0, 64, 64, 1, false};
    size_t fixed = lace_state_bytes(m, &scratch);
    assert_true(lace_state_bytes(m, &some) - fixed > 32 * (lace_state_bytes(m, &one) - fixed)); /* each in 64 bytes */
    lace_model_free(&m);
}

static void refuses(struct lace_decoder *d, const int *prompt, int count, struct lace_group_options o, const char *word)
{
    struct lace_error err = {""};
    if (lace_decoder_add(d, prompt, count, &o, &err) >= 0) fail_msg("accepted, though: %s", word);
    if (!strstr(err.text, word)) fail_msg("\"%s\" does not name %s", err.text, word);
}

static void bad_requests_are_refused_and_leave_no_trace(void **state)
{
    struct lace_lattice_config narrow = causal;
    narrow.max_threads = 3;
    struct lace_model *m = make_model(LACE_F32, &narrow);
    struct lace_decoder *d = make_decoder(m, 2);
    struct text before = decode(d, "Find x.\n", defaults(3, 1));
    struct words p = words("Find x.\n");
    int longer[PROMPT + 1] = {0}, strange[] = {1, lace_tokenizer_size(tokenizer)};
    struct lace_group_options o = defaults(3, 1);
    refuses(d, p.ids, 0, o, "prompt is empty");
    refuses(d, longer, PROMPT + 1, o, "prompt has 41 tokens");
    refuses(d, strange, 2, o, "vocabulary");
    o.threads = 0;
    refuses(d, p.ids, p.count, o, "threads must be from 1 to 4, not 0");
    o.threads = THREADS + 1;
    refuses(d, p.ids, p.count, o, "not 5");
    o.threads = 4;
    refuses(d, p.ids, p.count, o, "at most 3 threads");
    o = defaults(3, 1);
    o.budget = 0;
    refuses(d, p.ids, p.count, o, "budget");
    o.budget = TOKENS;
    refuses(d, p.ids, p.count, o, "budget");
    o.budget = TOKENS - 40;
    m->config.max_position_embeddings = 60; /* a model of a shorter context */
    refuses(d, p.ids, p.count, o, "context of 60");
    m->config.max_position_embeddings = 128;
    o = defaults(3, 1);
    o.sampling.temperature = -1;
    refuses(d, p.ids, p.count, o, "temperature");
    assert_int_equal(lace_decoder_free_groups(d), 2);
    add(d, "So", defaults(3, 4));
    add(d, "So", defaults(3, 5));
    refuses(d, p.ids, p.count, defaults(3, 1), "busy");
    assert_int_equal(lace_decoder_free_groups(d), 0);
    lace_decoder_remove(d, 0);
    struct text after = decode(d, "Find x.\n", defaults(3, 1));
    assert_true(same_text(&before, &after));
    lace_decoder_close(&d);
    lace_decoder_close(&d); /* nothing to close */

    struct lace_error err = {""};
    static const struct lace_decoder_options bad[] = {{0, 1, 1, 1, 0}, {1, 0, 1, 1, 0},  {1, 1, 0, 1, 0},
                                                      {1, 1, 1, 0, 0}, {2, 65, 8, 8, 0}, {1, 128, 1 << 24, 1 << 24, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err.text[0] = 0;
        assert_true(lace_decoder_open(&d, m, &format, &bad[i], &err) < 0);
        assert_null(d);
        assert_true(err.text[0] && err.text[strlen(err.text) - 1] == '.');
    }
    lace_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_equals_one_pass_over_the_text),
        cmocka_unit_test(a_seed_gives_one_text),
        cmocka_unit_test(other_groups_and_workers_change_nothing),
        cmocka_unit_test(a_muted_group_runs_as_without_a_lattice),
        cmocka_unit_test(a_group_sees_itself_nobody_or_the_next),
        cmocka_unit_test(a_finished_thread_is_still_heard),
        cmocka_unit_test(verdicts_are_decided_together),
        cmocka_unit_test(a_spent_budget_asks_for_the_verdict),
        cmocka_unit_test(pasted_text_is_context),
        cmocka_unit_test(a_confident_thread_ends_its_group),
        cmocka_unit_test(stops_and_tokens_end_a_thread),
        cmocka_unit_test(a_text_grows_by_whole_characters),
        cmocka_unit_test(the_prompt_is_held_once),
        cmocka_unit_test(few_rows_take_no_more_room),
        cmocka_unit_test(bad_requests_are_refused_and_leave_no_trace),
    };
    int failed = cmocka_run_group_tests_name("decoder", tests, open_all, close_all);
    kv_type = LACE_BF16;
    return failed + cmocka_run_group_tests_name("decoder, keys and values in bf16", tests, open_all, close_all);
}
