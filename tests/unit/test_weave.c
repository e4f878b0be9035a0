/* Interaction points: nobody reads what is not written yet, nothing is built on what is false, errors are somebody's own. */
#include "data/claims.h"
#include "data/measure.h"
#include "data/weave.h"
#include "data_test.h"
#include "synth/family.h"

static int weave(struct data_test *t, const char *lines, double errs, bool made_up, uint64_t seed)
{
    struct lace_weave_options o;
    struct lace_error err;
    lace_weave_defaults(&o);
    o.errs = errs;
    o.made_up = made_up;
    o.ask.seed = seed;
    data_test_open(t, lines);
    int code = lace_data_weave(&t->flow, &o, &t->report, &err);
    if (code) fail_msg("%s", err.text);
    return code;
}

#define RIGHT_A                                                                                                        \
    "{\"steps\":[\"12*3 = 36 rolls.\",\"36+4 = 40 rolls with the 4 more.\",\"40*2 = 80 is the "                        \
    "cost.\"],\"answer\":\"80\"}"
#define RIGHT_B                                                                                                        \
    "{\"steps\":[\"First the boxes: 3 times 12 is needed, that is 12*3 = 36.\",\"Adding the rest gives 36+4 = 40 "     \
    "rolls in "                                                                                                        \
    "all.\",\"Each of them costs 2, so 40*2 = 80.\"],\"answer\":\"80\"}"
#define WRONG                                                                                                          \
    "{\"steps\":[\"I count all boxes, which are 12, with 3 rolls in each of them, so 12*3 = 38.\",\"Then 38+4 = "      \
    "42.\",\"42*2 "                                                                                                    \
    "= 84.\"],\"answer\":\"84\"}"
#define LOST                                                                                                           \
    "{\"steps\":[\"I add what I see: 12+3 = 15.\",\"And once more I look at what there is: 15+4 = 19 it is, for the "  \
    "time "                                                                                                            \
    "being, and that is what I go on with.\",\"So 19*2 = 38.\"],\"answer\":\"38\"}"
#define LOST_LATER                                                                                                     \
    "{\"steps\":[\"There are many numbers here, so I read the whole of the problem once more from its beginning to "   \
    "its "                                                                                                             \
    "end, and then again, slowly, so that nothing is forgotten of what it says and asks; now I know all of it by "     \
    "heart, "                                                                                                          \
    "I think, and can begin.\",\"12+3 = 15.\",\"15+4 = 19.\",\"19*2 = 38.\"],\"answer\":\"38\"}"
#define RECORD(threads) "{\"id\":\"a\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"80\",\"threads\":[" threads "]}\n"

/* The tokens before step i of a thread, as the weaver counts them. */
static long start_of(const struct lace_record_thread *t, int i)
{
    struct lace_measure words = {0};
    long sum = 0;
    for (int j = 0; j < i; j++) sum += lace_measure(&words, t->steps[j], strlen(t->steps[j]));
    return sum;
}

static const char *mark_of(const struct lace_record *r, const char *key, int thread, int step, int *from)
{
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(r->meta, key), i, m) if (json_integer_value(json_array_get(m, 0)) == thread &&
                                                                json_integer_value(json_array_get(m, 1)) == step)
    {
        *from = (int)json_integer_value(json_array_get(m, 3));
        return json_string_value(json_array_get(m, 2));
    }
    return NULL;
}

/* What a line says of another thread must stand there, finished before the line begins. */
static void check_line(const struct lace_record *r, int n, int i, const char *kind, int from)
{
    const struct lace_record_thread *other = &r->threads[from];
    long now = start_of(&r->threads[n], i);
    struct lace_claim said, theirs[8];
    assert_int_not_equal(from, n);
    if (!strcmp(kind, "rechecked") || !strcmp(kind, "dead_end")) { /* the other had ended */
        assert_true(start_of(other, other->count) < now);
        assert_int_equal(strcmp(other->answer, "80"), 0);
        return;
    }
    if (!strcmp(kind, "avoided")) {
        bool dead = false;
        int of;
        for (int j = 0; j < other->count; j++) {
            const char *mark = mark_of(r, "interactions", from, j, &of);
            dead |= mark && !strcmp(mark, "dead_end") && start_of(other, j + 1) < now;
        }
        assert_true(dead);
        return;
    }
    assert_true(lace_claims_read(r->threads[n].steps[i], &said, 1) == 1 && said.right);
    bool there = false;
    for (int j = 0; j < other->count && start_of(other, j + 1) < now; j++)
        for (int k = lace_claims_read(other->steps[j], theirs, 8); k-- > 0;)
            there |= theirs[k].right && !strcmp(theirs[k].key, said.key);
    if (!there) fail_msg("thread %d, step %d, %s of %d: %s", n, i, kind, from, r->threads[n].steps[i]);
}

static void nobody_reads_the_future(void **state)
{
    static const char *const sets[] = {RECORD(RIGHT_A "," RIGHT_B), RECORD(RIGHT_A "," WRONG "," RIGHT_B),
                                       RECORD(RIGHT_A "," LOST "," LOST_LATER "," RIGHT_B),
                                       RECORD(WRONG "," RIGHT_B "," RIGHT_A "," WRONG "," LOST)};
    static const char *const kinds[] = {"skipped", "corrected", "dead_end", "avoided", "rechecked"};
    uint64_t seen[5] = {0}, own = 0, made_up = 0, shared = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct data_test t;
        struct lace_record r;
        weave(&t, sets[seed % 4], 0.7, true, seed);
        data_test_first(&t, &r);
        int errors = 0;
        for (int n = 0; n < r.thread_count; n++)
            for (int i = 0; i < r.threads[n].count; i++) {
                int from;
                struct lace_claim claim[8];
                const char *kind = mark_of(&r, "interactions", n, i, &from),
                           *wrong = mark_of(&r, "corrupted", n, i, &(int){0});
                if (kind) check_line(&r, n, i, kind, from);
                for (int k = 0; k < 5; k++) seen[k] += kind && !strcmp(kind, kinds[k]);
                /* What is marked is false, and what is false is marked. */
                bool false_claim = false;
                for (int k = lace_claims_read(r.threads[n].steps[i], claim, 8); k-- > 0;)
                    false_claim |= !claim[k].right;
                if (false_claim && !kind) assert_non_null(wrong); /* "I leave that way" names a false claim too */
                if (!wrong) continue;
                assert_true(false_claim);
                errors++;
                own += !strcmp(wrong, "own");
                made_up += !strcmp(wrong, "made_up");
                bool turned = strcmp(r.threads[n].answer, "80"); /* who ends right has turned round after it */
                for (int j = i + 1; j < r.threads[n].count && !turned; j++) {
                    const char *later = mark_of(&r, "interactions", n, j, &from);
                    turned = later &&
                             (!strcmp(later, "corrected") || !strcmp(later, "avoided") || !strcmp(later, "dead_end"));
                }
                assert_true(turned);
            }
        shared += errors > 1;
        for (int n = 0; n < r.thread_count; n++) assert_int_equal(r.threads[n].verdict, LACE_VERDICT_NONE);
        lace_record_release(&r);
        data_test_close(&t);
    }
    for (int k = 0; k < 5; k++)
        if (seen[k] < 10) fail_msg("%s: %d", kinds[k], (int)seen[k]);
    assert_true(own > 50 && made_up > 10 && shared > 10);
}

static void what_is_dropped(void **state)
{
    static const char lines[] = RECORD(RIGHT_A) RECORD(
        LOST
        "," WRONG) "{\"id\":\"b\",\"task\":\"t\",\"prompt\":\"p\",\"threads\":[" RIGHT_A "," RIGHT_B "]}\n"
                   "{\"id\":\"c\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"80\",\"threads\":[" RIGHT_A "," RIGHT_B
                   "],\"meta\":{\"interactions\":[[0,0,\"x\"]]}}\n"
                   "{\"id\":\"d\",\"task\":\"chain\",\"prompt\":\"no problem\",\"answer\":\"80\",\"threads\":[" RIGHT_A
                   "," RIGHT_B "]}\n"
                   "{\"id\":\"e\",\"task\":\"t\",\"prompt\":\"p\",\"answer\":\"7\",\"threads\":[{\"steps\":[\"a\"],"
                   "\"answer\":\"7\"},{\"steps\":["
                   "],\"answer\":\"7\"}]}\n";
    struct data_test t;
    weave(&t, lines, 0, false, 1);
    assert_true(t.report.read == 6 && t.report.kept == 1);
    assert_int_equal(data_test_count(t.report.dropped, "only one thread"), 1);
    assert_int_equal(data_test_count(t.report.dropped, "no right thread"), 1);
    assert_int_equal(data_test_count(t.report.dropped, "no answer"), 1);
    assert_int_equal(data_test_count(t.report.dropped, "woven already"), 1);
    assert_int_equal(data_test_count(t.report.dropped, "problem cannot be read"), 1);
    data_test_close(&t);
}

static void the_same_seed_weaves_the_same(void **state)
{
    struct data_test a, b;
    weave(&a, RECORD(RIGHT_A "," WRONG "," RIGHT_B), 1, true, 7);
    weave(&b, RECORD(RIGHT_A "," WRONG "," RIGHT_B), 1, true, 7);
    assert_string_equal(a.kept.data, b.kept.data);
    data_test_close(&a);
    data_test_close(&b);
    weave(&a, RECORD(RIGHT_A "," RIGHT_B), 1, false, 7); /* nobody erred, and nothing is made up */
    assert_int_equal(data_test_count(a.report.changed, "corrected") + data_test_count(a.report.changed, "made_up"), 0);
    data_test_close(&a);
}

/* ---- our own families ---- */

static void families_write_slips_that_are_given(void **state)
{
    int written = 0, repaired = 0;
    for (int f = 0; f < lace_family_count(); f++) {
        const struct lace_family *family = lace_family_at(f);
        static const double none[4] = {0};
        struct lace_data_knobs knobs;
        struct lace_error err;
        int of_family = 0;
        lace_data_knobs_defaults(&knobs);
        knobs.difficulty = (struct lace_interval){family->trained_low, family->trained_high};
        if (family->evaluation_only) knobs.split = LACE_SPLIT_TEST;
        for (uint64_t index = 0; index < 40; index++) {
            struct lace_record r;
            struct lace_rng rng;
            char *slips[8];
            int count = 0;
            lace_rng_init(&rng, 3, index);
            if (lace_family_make(family, &knobs, index, &r, &err)) fail_msg("%s: %s", family->name, err.text);
            for (int k = 0; k < 8; k++) { /* false lines, as if a model had written them */
                struct lace_text so_far, line;
                lace_text_init(&so_far);
                lace_text_init(&line);
                lace_text_str(&so_far, "");
                for (int i = 0; i < r.threads[0].count && i < k; i++) lace_text_str(&so_far, r.threads[0].steps[i]);
                if (!lace_family_forge(family, r.prompt, so_far.data, LACE_FALSE_FORGE, &rng, &line, NULL))
                    slips[count++] = strdup(line.data);
                lace_text_release(&so_far);
                lace_text_release(&line);
            }
            struct lace_family_plan plan = {LACE_POLICY_SHARED, 0, 4, none, (const char *const *)slips, count};
            if (lace_family_write(family, &r, &plan, &rng, &err)) fail_msg("%s: %s", family->name, err.text);
            size_t i;
            json_t *mark;
            assert_int_equal(r.thread_count, 4);
            json_array_foreach(json_object_get(r.meta, "slips"), i, mark)
            {
                const struct lace_record_thread *t = &r.threads[json_integer_value(json_array_get(mark, 0))];
                const char *step = t->steps[json_integer_value(json_array_get(mark, 1))];
                struct lace_step_check check;
                bool given = false;
                for (int k = 0; k < count; k++) given |= !strcmp(slips[k], step);
                lace_family_check_step(family, r.prompt, step, &check);
                assert_true(given && check.result != LACE_STEP_RIGHT && check.result != LACE_STEP_NONE);
                of_family++;
            }
            assert_int_equal(json_array_size(json_object_get(r.meta, "slips")),
                             json_array_size(json_object_get(r.meta, "corrupted"))); /* none is made up */
            bool right = false;
            for (int n = 0; n < 4; n++)
                right |= r.threads[n].answer && lace_family_check(family, r.prompt, r.threads[n].answer, &err) == 1;
            repaired += right && json_array_size(json_object_get(r.meta, "slips"));
            while (count > 0) free(slips[--count]);
            lace_record_release(&r);
        }
        if (of_family < 5) fail_msg("%s writes %d slips", family->name, of_family);
        written += of_family;
    }
    assert_true(written > 100 && repaired > 50);
}

static void drafts_go_different_ways(void **state)
{
    for (int f = 0; f < lace_family_count(); f++) {
        const struct lace_family *family = lace_family_at(f);
        struct lace_data_knobs knobs;
        struct lace_error err;
        struct lace_record r;
        struct lace_rng rng;
        lace_data_knobs_defaults(&knobs);
        knobs.difficulty = (struct lace_interval){family->trained_high, family->trained_high};
        if (family->evaluation_only) knobs.split = LACE_SPLIT_TEST;
        lace_rng_init(&rng, 3, 3);
        assert_int_equal(lace_family_make(family, &knobs, 5, &r, &err), 0);
        if (lace_family_drafts(family, &r, 3, &rng, &err)) fail_msg("%s: %s", family->name, err.text);
        assert_int_equal(r.thread_count, 3);
        for (int n = 0; n < 3; n++) {
            assert_int_equal(lace_family_check(family, r.prompt, r.threads[n].answer, &err), 1);
            assert_string_equal(r.threads[n].strategy, family->strategies[n]);
            assert_int_equal(r.threads[n].verdict, LACE_VERDICT_NONE);
        }
        assert_null(json_object_get(r.meta, "interactions"));
        char *prompt = r.prompt;
        r.prompt = strdup("no problem of ours");
        assert_int_equal(lace_family_drafts(family, &r, 3, &rng, &err), LACE_BAD);
        assert_int_equal(r.thread_count, 3); /* as it was */
        free(prompt);
        lace_record_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_reads_the_future),       cmocka_unit_test(what_is_dropped),
        cmocka_unit_test(the_same_seed_weaves_the_same), cmocka_unit_test(families_write_slips_that_are_given),
        cmocka_unit_test(drafts_go_different_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
