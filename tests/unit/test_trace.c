/* What is recorded of a group: it changes nothing, its masses and the sink are 1 together, and it names whose keys a
 * token drew from by where they lie: groups that run at once draw exactly nothing from each other. */
#include "decoder_test.h"
#include "decode/engine.h"
#include "decode/result.h"
#include "decode/saved.h"
#include "decode/trace.h"
#include "text/quote.h"
#include <math.h>

/* attention's log sum exp is f32 and sums in another order: a logit of 20 has an error of 2e-6, and so has its mass */
#define CLOSE 1e-4

static struct lace_decoder *open_traced(const struct lace_model *m, int traces)
{
    struct lace_decoder *d;
    struct lace_error err;
    assert_works(lace_decoder_open(
                     &d, m, &format,
                     &(struct lace_decoder_options){
                         GROUPS, THREADS, PROMPT, TOKENS, .traces = traces, .kv = kv_type},
                     &err),
                 err);
    return d;
}
static struct lace_group_options traced(int threads, uint64_t seed)
{
    struct lace_group_options o = defaults(threads, seed);
    o.trace = true;
    return o;
}

static const struct lace_lattice_config full = {.kind = LACE_KIND_FULL,
                                                .layers = {1, 3},
                                                .layer_count = 2,
                                                .width = 64,
                                                .heads = 4,
                                                .visible = LACE_CAUSAL,
                                                .window = 3,
                                                .topology = LACE_ALL,
                                                .ring = 1,
                                                .axes = {0, 8, 8},
                                                .theta = {10000, 100, 100},
                                                .max_threads = 16};
enum { VARIANTS = 6 };
static struct lace_lattice_config variant(int i)
{
    struct lace_lattice_config l = i == 5 ? full : causal;
    if (i == 1) l.visible = LACE_ALIGNED;
    if (i == 2) l.visible = LACE_WINDOW;
    if (i == 3) l.topology = LACE_RING;
    if (i == 4) l.self = true;
    return l;
}

/* Every record of every thread against what the lattice may show. */
static void check_masses(const struct lace_recorder *r, const struct lace_lattice_config *l, int threads)
{
    int heard = 0;
    assert_true(r->elsewhere == 0);
    assert_true(r->residue < CLOSE);
    for (int n = 0; n < threads; n++) {
        const struct lace_recorder_thread *t = &r->thread[n];
        assert_in_range(t->count, 3, TOKENS);
        for (int i = 0; i < t->count; i++) {
            double all = t->sink[i];
            for (int m = 0; m < threads; m++) {
                float mass = t->from[i * threads + m];
                int apart = abs(n - m) < threads - abs(n - m) ? abs(n - m) : threads - abs(n - m);
                assert_true(mass >= 0);
                if ((m == n && !l->self) || (l->topology == LACE_RING && apart > l->ring)) assert_true(mass == 0);
                heard += mass > 0;
                all += mass;
            }
            assert_true(fabs(all - 1) < CLOSE);
            assert_true(t->gate[i] > 0 && t->gate[i] < 1);
        }
    }
    assert_true(heard > 0);
}

static void tracing_changes_nothing_and_masses_are_whole(void **state)
{
    for (int run = 0; run < 2 * VARIANTS; run++) {
        int i = run / 2;
        kv_type = run & 1 ? LACE_BF16 : LACE_F32;
        struct lace_lattice_config l = variant(i);
        struct lace_model *m = make_model(i & 1 ? LACE_BF16 : LACE_F32, &l);
        struct lace_decoder *plain = make_decoder(m, GROUPS), *d = open_traced(m, 1);
        struct text expected = decode(plain, "q*5+7=9, r*4+q=10.", defaults(4, 7));
        int other = add(d, "h*2+g=9.", defaults(3, 5)), g = add(d, "q*5+7=9, r*4+q=10.", traced(4, 7));
        finish(d, g);
        struct text x = read_text(d, g, 4);
        assert_true(same_text(&x, &expected));
        check_masses(lace_decoder_trace(d, g), &l, 4);
        assert_null(lace_decoder_trace(d, other));
        lace_decoder_close(&d);
        lace_decoder_close(&plain);
        lace_model_free(&m);
    }
    kv_type = LACE_F32;
}

static void groups_in_flight_draw_nothing_from_each_other(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = open_traced(m, 3);
    struct lace_group_options foreign = traced(2, 3);
    foreign.see = LACE_SEE_FOREIGN;
    int a = add(d, "The secret is SALT.", traced(4, 1)), b = add(d, "The secret is PEPPER.", traced(3, 2)),
        c = add(d, "The secret is SALT.", foreign);
    finish(d, c);
    assert_true(lace_decoder_trace(d, c)->elsewhere >
                0.01); /* it sees group a: the account does find strangers' keys */
    assert_true(lace_decoder_trace(d, c)->residue < CLOSE);
    for (int i = 0; i < lace_decoder_trace(d, c)->thread[0].count * 2; i++)
        assert_true(lace_decoder_trace(d, c)->thread[0].from[i] == 0);
    finish(d, a);
    finish(d, b);
    check_masses(lace_decoder_trace(d, a), &causal, 4);
    check_masses(lace_decoder_trace(d, b), &causal, 3);
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void a_shut_lattice_carries_nothing(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = open_traced(m, 1);
    struct lace_group_options o = traced(3, 3);
    o.see = LACE_SEE_NONE;
    int g = add(d, "h*2+g=9.", o);
    finish(d, g);
    const struct lace_recorder *r = lace_decoder_trace(d, g);
    assert_int_equal(r->layers, 0);
    for (int i = 0; i < r->thread[1].count; i++) {
        assert_true(r->thread[1].sink[i] == 1 && r->thread[1].gate[i] == 0);
        for (int k = 0; k < 3; k++) assert_true(r->thread[1].from[i * 3 + k] == 0);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* A result with its trace, as lace_run makes it. */
static struct lace_run_result result_of(struct lace_decoder *d, int g, int threads)
{
    struct lace_run_result r = {.picked = -1};
    struct lace_error err;
    int prompt[] = {1, 2};
    assert_works(lace_group_result(d, g, threads, LACE_PICK_VERDICT, 1, &r, &err), err);
    assert_works(lace_trace_take(d, g, prompt, 2, true, &r, &err), err);
    return r;
}

static void the_trace_tells_of_every_token(void **state)
{
    static const char *const stops[] = {"a", "e"};
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = open_traced(m, 1);
    struct lace_error err;
    for (int kind = 0; kind < 3; kind++) {
        struct lace_group_options o = traced(4, 11 + (uint64_t)kind);
        if (kind == 1) o.stops = stops, o.stop_count = 2;
        if (kind == 2) o.budget = 5;
        int g = add(d, "q*5+7=9.", o);
        finish(d, g);
        struct lace_run_result r = result_of(d, g, 4);
        const struct lace_trace *t = r.trace;
        double flow = 0;
        int least = 1 << 20;
        assert_int_equal(t->layer_count, 2);
        assert_int_equal(t->layers[1], 2);
        for (int n = 0; n < 4; n++) {
            const struct lace_thread *thread = lace_decoder_thread(d, g, n);
            const struct lace_trace_thread *x = &t->threads[n];
            double logprob = 0, mass = 0;
            assert_int_equal(x->count, thread->count - thread->tag_count);
            assert_true(x->ends[x->count - 1] == strlen(r.threads[n].text));
            for (int i = 0; i < x->count; i++) {
                assert_true(i == 0 || (x->ends[i] >= x->ends[i - 1] && x->times[i] > x->times[i - 1]));
                assert_in_range(x->times[i], 0, t->steps - 1);
                assert_int_equal(x->ids[i], thread->ids[thread->tag_count + i]);
                if (!isnan(x->logprob[i])) logprob += x->logprob[i];
                mass += x->from[i * 4 + (n + 1) % 4];
            }
            if (x->times[0] < least) least = x->times[0];
            /* the sum in the thread is of doubles, ours of floats */
            assert_true(fabs(logprob - thread->logprob) < 1e-5 * (1 + fabs(logprob)));
            flow = (double)t->flow[n * 4 + (n + 1) % 4] + (double)t->flow[16 + n * 4 + (n + 1) % 4];
            assert_true(fabs(flow / 2 - mass / x->count) < 1e-5);
        }
        assert_int_equal(least, 0);
        for (int l = 0; l < 2; l++)
            assert_true(0 < t->gates[l].least && t->gates[l].least < t->gates[l].mean &&
                        t->gates[l].mean < t->gates[l].most && t->gates[l].most < 1);
        assert_true(!isnan(t->agreement[0]) && !isnan(t->diversity[0]));
        char *json;
        size_t len;
        assert_works(lace_trace_json(&r, &json, &len, &err), err);
        assert_int_equal(strlen(json), len);
        assert_non_null(strstr(json, "\"prompt_ids\": [1,2]}"));
        if (kind == 2) assert_non_null(strstr(json, "null")); /* the lead of a verdict that was asked for */
        free(json);
        lace_run_release(&r);
        lace_decoder_remove(d, g);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void threads_that_write_the_same_agree(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *d = open_traced(m, 1);
    struct lace_group_options o = traced(3, 4);
    int same[16], other[16];
    for (int i = 0; i < 16; i++) same[i] = 40 + i, other[i] = 90 + i;
    int g = add(d, "q*5+7=9.", o);
    lace_decoder_force(d, g, 0, same, 16);
    lace_decoder_force(d, g, 1, same, 16);
    lace_decoder_force(d, g, 2, other, 16);
    finish(d, g);
    const struct lace_recorder *r = lace_decoder_trace(d, g);
    for (int t = 0; t < 10; t++) {
        assert_true(fabs((double)r->agreement[t] - 1.0 / 3) < 1e-6);
        assert_true(r->diversity[t] > 0 && r->diversity[t] <= 2);
    }
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void a_trace_has_its_capacity(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_decoder *none = make_decoder(m, 1), *d = open_traced(m, 1), *small;
    struct lace_group_options o = traced(3, 4);
    struct words p = words("q*5+7=9.");
    struct lace_error err;
    assert_int_equal(lace_decoder_check(none, p.ids, p.count, &o, &err), LACE_BAD);
    int g = add(d, "q*5+7=9.", o);
    assert_false(lace_decoder_fits(d, p.ids, p.count, &o)); /* the only recorder is taken */
    o.trace = false;
    assert_true(lace_decoder_fits(d, p.ids, p.count, &o));
    lace_decoder_remove(d, g);
    o.trace = true;
    assert_true(lace_decoder_fits(d, p.ids, p.count, &o));
    struct lace_decoder_options size = {
        .groups = 1, .threads = THREADS, .prompt = PROMPT, .tokens = TOKENS, .traces = 1, .trace_bytes = 5000};
    assert_works(lace_decoder_open(&small, m, &format, &size, &err), err);
    assert_int_equal(lace_decoder_check(small, p.ids, p.count, &o, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "5000 are kept"));
    o.threads = 1;
    assert_works(lace_decoder_check(small, p.ids, p.count, &o, &err), err);
    lace_decoder_close(&small);
    lace_decoder_close(&none);
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* ---- influence ---- */

/* The run of a group with its trace, taken with its real prompt. */
static struct lace_run_result run_of(struct lace_decoder *d, const char *prompt, struct lace_group_options o)
{
    struct lace_run_result r = {.picked = -1};
    struct lace_error err;
    struct words p = words(prompt);
    int g = add(d, prompt, o);
    finish(d, g);
    assert_works(lace_group_result(d, g, o.threads, LACE_PICK_VERDICT, 1, &r, &err), err);
    assert_works(lace_trace_take(d, g, p.ids, p.count, o.barrier, &r, &err), err);
    lace_decoder_remove(d, g);
    return r;
}

/* The texts replayed as they were give the run's own log-probabilities bit for bit, whatever the lattice shows and
 * however the threads waited for each other. */
static void a_replay_is_the_run(void **state)
{
    for (int run = 0; run < 2 * VARIANTS; run++) {
        int i = run / 2;
        kv_type = run & 1 ? LACE_BF16 : LACE_F32;
        struct lace_lattice_config l = variant(i);
        struct lace_model *m = make_model(i & 1 ? LACE_BF16 : LACE_F32, &l);
        struct lace_engine engine = {.model = m, .kv = kv_type, .tokenizer = tokenizer, .format = format};
        struct lace_decoder *d = open_traced(m, 1);
        struct lace_error err;
        struct lace_group_options o = traced(4, 7);
        o.budget = i == 2 ? 6 : 20; /* some are asked for their verdict */
        o.barrier = i != 4;
        struct lace_run_result r = run_of(d, "q*5+7=9.", o);
        struct lace_trace *t = r.trace;
        assert_works(lace_trace_influence(&engine, &r, &err), err);
        double moved = 0;
        for (int m2 = 0; m2 < 4; m2++)
            for (int n = 0; n < 4; n++) moved += fabs(t->influence->mean[m2 * 4 + n]) * (m2 != n);
        assert_true(moved > 1e-4);
        for (int n = 0; n < 4; n++) {
            assert_true(t->influence->mean[5 * n] == 0 && t->influence->token[5 * n] == -1);
            assert_true(t->influence->all[n] != 0);
        }
        assert_true(t->influence->drift == 0);
        lace_run_release(&r);
        lace_decoder_close(&d);
        lace_model_free(&m);
    }
    kv_type = LACE_F32;
}

static void an_open_gate_alone_has_no_influence(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_engine engine = {.model = m, .tokenizer = tokenizer, .format = format};
    struct lace_error err;
    for (int l = 1; l <= 2; l++) { /* alpha 0: gates stay open, masses stay what they were, nothing comes through */
        struct lace_weight *alpha = lace_model_weight(m, l, P_LAT_ALPHA);
        for (int i = 0; i < alpha->rows * alpha->cols; i++) alpha->value[i] = 0;
    }
    struct lace_decoder *d = open_traced(m, 1);
    struct lace_run_result r = run_of(d, "q*5+7=9.", traced(3, 2));
    assert_works(lace_trace_influence(&engine, &r, &err), err);
    assert_true(r.trace->gates[0].mean > 0.1 && r.trace->flow[1] > 0.01);
    for (int i = 0; i < 9; i++) assert_true(r.trace->influence->mean[i] == 0 && r.trace->influence->token[i] == -1);
    lace_run_release(&r);
    lace_decoder_close(&d);
    lace_model_free(&m);
}

static void muting_the_only_other_is_muting_all(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_engine engine = {.model = m, .tokenizer = tokenizer, .format = format};
    struct lace_error err;
    struct lace_decoder *d = open_traced(m, 1);
    struct lace_run_result r = run_of(d, "q*5+7=9.", traced(2, 2));
    assert_works(lace_trace_influence(&engine, &r, &err), err);
    const struct lace_influence *f = r.trace->influence;
    assert_true(f->mean[1 * 2 + 0] == f->all[0] && f->mean[0 * 2 + 1] == f->all[1] && f->all[0] != 0);
    r.trace->threads[0].ids[0] = 1 << 20;
    assert_int_equal(lace_trace_influence(&engine, &r, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "another model"));
    lace_run_release(&r);
    lace_decoder_close(&d);
    lace_model_free(&m);
}

/* ---- saved ---- */

static char *json_of(const struct lace_run_result *r, const char *more)
{
    struct lace_text out;
    struct lace_error err;
    char *trace;
    size_t len;
    lace_text_init(&out);
    lace_text_print(&out, "{\"answer\": null, \"picked\": null, \"prompt\": \"p\", \"threads\": [");
    for (int n = 0; n < r->thread_count; n++) {
        lace_text_str(&out, n ? ", {\"text\": " : "{\"text\": ");
        lace_write_quoted(&out, r->threads[n].text, strlen(r->threads[n].text));
        lace_text_str(&out, ", \"verdict\": \"best\"}");
    }
    assert_works(lace_trace_json(r, &trace, &len, &err), err);
    lace_text_print(&out, "]%s, \"trace\": %s}", more, trace);
    free(trace);
    assert_false(out.failed);
    return out.data;
}

static void a_saved_run_is_read_again(void **state)
{
    struct lace_model *m = make_model(LACE_F32, &causal);
    struct lace_engine engine = {.model = m, .tokenizer = tokenizer, .format = format};
    struct lace_error err;
    struct lace_decoder *d = open_traced(m, 1);
    struct lace_group_options o = traced(3, 2);
    o.budget = 7;
    struct lace_run_result r = run_of(d, "q*5+7=9.", o), again;
    assert_works(lace_trace_influence(&engine, &r, &err), err);
    char *json = json_of(&r, ""), *prompt, *second;
    assert_works(lace_run_read(json, strlen(json), "run.json", &again, &prompt, &err), err);
    assert_string_equal(prompt, "p");
    free(prompt);
    second = json_of(&again, "");
    assert_string_equal(second, json);
    struct lace_influence *before = r.trace->influence;
    assert_works(lace_trace_influence(&engine, &again, &err), err); /* measured from the file it is the same */
    assert_memory_equal(again.trace->influence->mean, before->mean, 9 * sizeof(float));
    lace_run_release(&again);

    /* every place of the file cut, or with another sign there: read, or refused with a sentence */
    size_t len = strlen(json);
    int refused = 0;
    for (size_t at = 0; at < len; at += 1 + at % 7) {
        static const char signs[] = "0-[{}],\"n9";
        char was = json[at];
        json[at] = signs[at % 10];
        for (int cut = 0; cut < 2; cut++) {
            err.text[0] = 0;
            int code = lace_run_read(json, cut ? at : len, "run.json", &again, NULL, &err);
            if (code) {
                assert_int_equal(code, LACE_BAD);
                assert_non_null(strstr(err.text, "run.json"));
                refused++;
            } else lace_run_release(&again);
        }
        json[at] = was;
    }
    assert_true(refused > 100);
    static const char *const bad[] = {
        "{}",
        "[]",
        "7",
        "{\"threads\": []}",
        "{\"threads\": [7]}",
        "{\"threads\": [{\"text\": \"a\"}]}",
        "{\"threads\": [{\"text\": \"a\"}], \"trace\": {}}",
        "{\"threads\": [{\"text\": \"a\"}], \"picked\": 1, \"trace\": {\"threads\": [{}]}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(lace_run_read(bad[i], strlen(bad[i]), "run.json", &again, NULL, &err), LACE_BAD);
        assert_null(again.threads);
    }
    free(json);
    free(second);
    lace_run_release(&r);
    lace_decoder_close(&d);
    lace_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracing_changes_nothing_and_masses_are_whole),
        cmocka_unit_test(groups_in_flight_draw_nothing_from_each_other),
        cmocka_unit_test(a_shut_lattice_carries_nothing),
        cmocka_unit_test(the_trace_tells_of_every_token),
        cmocka_unit_test(threads_that_write_the_same_agree),
        cmocka_unit_test(a_trace_has_its_capacity),
        cmocka_unit_test(a_replay_is_the_run),
        cmocka_unit_test(an_open_gate_alone_has_no_influence),
        cmocka_unit_test(muting_the_only_other_is_muting_all),
        cmocka_unit_test(a_saved_run_is_read_again),
    };
    return cmocka_run_group_tests_name("trace", tests, open_all, close_all);
}
