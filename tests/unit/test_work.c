/* Threads of every family (synth/work.h): what their lines keep, and how soon they are done. */
#include "family_test.h"
#include "eval/stats.h"

/* Is the step marked in meta[key]? Its kind, or NULL. */
static const char *marked(const struct lace_record *record, const char *key, int thread, int step)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(record->meta, key), i, item)
    {
        if (json_integer_value(json_array_get(item, 0)) == thread &&
            json_integer_value(json_array_get(item, 1)) == step)
            return json_string_value(json_array_get(item, 2));
    }
    return NULL;
}

static void check_record(const struct row *row, const struct lace_record *record, bool errs, int *falsehoods)
{
    const struct lace_family *f = row->family;
    int best = 0, right_threads = 0, budget = (int)json_integer_value(json_object_get(record->meta, "budget"));
    for (int n = 0; n < record->thread_count; n++) {
        const struct lace_record_thread *thread = &record->threads[n];
        assert_true(thread->count >= 1 && thread->count <= budget);
        for (int s = 0; s < thread->count; s++) {
            struct lace_step_check seen = check(f, record->prompt, thread->steps[s]);
            const char *kind = marked(record, "corrupted", n, s);
            *falsehoods += kind != NULL;
            if (!kind ? seen.result != LACE_STEP_RIGHT || (seen.misled && !errs)
                      : seen.result == LACE_STEP_RIGHT || seen.result == LACE_STEP_NONE)
                fail_msg("%s\n%s%s: %s", record->prompt, thread->steps[s], kind ? kind : "no falsehood",
                         lace_family_result(f, seen.result));
            if (kind && !strcmp(kind, "flip")) assert_true(seen.claims != seen.believed);
            else assert_true(seen.claims == seen.believed);
            assert_true(strlen(thread->steps[s]) < LACE_WORK_LINE && strchr(thread->steps[s], '\n')[1] == 0);
        }
        bool right = thread->answer && lace_family_check(f, record->prompt, thread->answer, NULL) == 1;
        if (!errs) assert_true(right == (thread->answer != NULL));
        if (!thread->answer) assert_int_equal(thread->count, budget);
        assert_int_equal(thread->verdict != LACE_VERDICT_FAIL, right);
        best += thread->verdict == LACE_VERDICT_BEST;
        right_threads += right;
    }
    assert_int_equal(best, right_threads > 0);
}

static void every_strategy_replays_to_the_answer(void **state)
{
    for (int i = 0; i < ROWS; i++)
        for (int policy = LACE_POLICY_SHARED; policy <= LACE_POLICY_ALONE; policy++)
            for (int strategy = 0; strategy == 0 || rows[i].family->strategies[strategy - 1]; strategy++)
                for (int errs = 0; errs < 2; errs++) {
                    const struct lace_family *f = rows[i].family;
                    struct lace_data_knobs knobs = wide(f);
                    int falsehoods = 0, answered = 0, threads = 0;
                    knobs.policy = policy;
                    knobs.strategy = strategy;
                    knobs.corrupt = errs;
                    for (uint64_t k = 0; k < 60; k++) {
                        struct lace_record record = make(f, &knobs, k);
                        check_record(&rows[i], &record, errs, &falsehoods);
                        threads += record.thread_count;
                        for (int n = 0; n < record.thread_count; n++) answered += record.threads[n].answer != NULL;
                        lace_record_release(&record);
                    }
                    if (policy != LACE_POLICY_SHARED) assert_int_equal(answered, threads); /* their budget suffices */
                    else if (strategy < 2) assert_true(answered > threads * 9 / 10);
                    if (errs && policy == LACE_POLICY_SHARED) assert_true(falsehoods > 30);
                    else assert_int_equal(falsehoods, 0);
                }
}

/* Without falsehoods, who shares does nothing twice but on purpose. */
static void sharing_threads_waste_nothing(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        int moved = 0, spared = 0;
        for (uint64_t k = 0; k < 200; k++) {
            struct lace_record record = make(f, &knobs, k);
            int rounds = (int)json_integer_value(json_object_get(record.meta, "rounds")), last = 0;
            uint64_t seen[4096];
            int count = 0, before = 0;
            for (int r = 0; r < rounds; r++, before = count)
                for (int n = 0; n < record.thread_count; n++) {
                    if (r >= record.threads[n].count) continue;
                    struct lace_step_check now = check(f, record.prompt, record.threads[n].steps[r]);
                    const char *mark = marked(&record, "interactions", n, r);
                    bool again = false;
                    for (int s = 0; s < before; s++) again |= seen[s] == now.key;
                    last = record.threads[n].count == r + 1; /* the finder looks again, too */
                    if (mark && !strcmp(mark, "rechecked")) assert_true(again);
                    else if (again) assert_true(record.thread_count > 1 && last);
                    moved += mark && !strcmp(mark, "moved_on");
                    spared += mark && (!strcmp(mark, "skipped") || !strcmp(mark, "avoided"));
                    assert_true(!mark || (strcmp(mark, "struck") && strcmp(mark, "corrected")));
                    if (count < 4096) seen[count++] = now.key;
                }
            lace_record_release(&record);
        }
        if (moved <= 100 || spared <= 50) fail_msg("%s: %d moved on, %d spared", f->name, moved, spared);
    }
}

static void falsehoods_are_corrected(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        int corrected = 0, struck = 0, answers = 0, right = 0;
        knobs.corrupt = 1;
        knobs.threads = (struct lace_interval){2, 9};
        for (uint64_t k = 0; k < 300; k++) {
            struct lace_record record = make(f, &knobs, k);
            for (int n = 0; n < record.thread_count; n++) {
                const struct lace_record_thread *thread = &record.threads[n];
                for (int s = 0; s < thread->count; s++) {
                    const char *mark = marked(&record, "interactions", n, s);
                    corrected += mark && !strcmp(mark, "corrected");
                    struck += mark && !strcmp(mark, "struck");
                }
                answers += thread->answer != NULL;
                right += thread->verdict != LACE_VERDICT_FAIL;
            }
            lace_record_release(&record);
        }
        assert_true(corrected > 150 && struck > 50);
        assert_true(right > answers * 95 / 100); /* a lie about the last move may be told by two */
    }
}

/* Threads that write what another writes in the same round lose time, not the problem. */
static void colliding_threads_do_what_is_left(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        int collided = 0, falsehoods = 0, threads = 0, answers = 0;
        if (f->work->run) continue; /* search goes its own way */
        knobs.collide = 1;
        knobs.threads = (struct lace_interval){2, 9};
        for (uint64_t k = 0; k < 200; k++) {
            struct lace_record record = make(f, &knobs, k);
            check_record(&rows[i], &record, false, &falsehoods);
            for (int n = 0; n < record.thread_count; n++) {
                const struct lace_record_thread *thread = &record.threads[n];
                for (int s = 0; s < thread->count; s++) {
                    const char *mark = marked(&record, "interactions", n, s);
                    bool there = false;
                    if (!mark || strcmp(mark, "collided")) continue;
                    for (int m = 0; m < n; m++)
                        there |= s < record.threads[m].count && !strcmp(record.threads[m].steps[s], thread->steps[s]);
                    assert_true(there);
                    collided++;
                }
                threads++;
                answers += thread->answer != NULL;
            }
            lace_record_release(&record);
        }
        assert_int_equal(falsehoods, 0);
        if (collided < 300 || answers < threads * 9 / 10)
            fail_msg("%s: %d lines collided, %d of %d threads answered", f->name, collided, answers, threads);
    }
}

/* Some threads, fewer than half, end with a false line and an answer that follows from it: the others are right, and
 * one of these is best. */
static void few_are_led_astray(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        int led = 0;
        knobs.astray = 1;
        knobs.threads = (struct lace_interval){3, 9};
        for (uint64_t k = 0; k < 100; k++) {
            struct lace_record record = make(f, &knobs, k);
            int wrong = 0, best = 0, rights = 0;
            for (int n = 0; n < record.thread_count; n++) {
                const struct lace_record_thread *thread = &record.threads[n];
                bool right = thread->answer && lace_family_check(f, record.prompt, thread->answer, NULL) == 1;
                assert_int_equal(thread->verdict != LACE_VERDICT_FAIL, right);
                rights += right;
                best += thread->verdict == LACE_VERDICT_BEST;
                if (!thread->answer || right) continue;
                wrong++;
                assert_string_equal(marked(&record, "corrupted", n, thread->count - 1), "forge");
                struct lace_step_check seen = check(f, record.prompt, thread->steps[thread->count - 1]);
                assert_true(seen.result != LACE_STEP_RIGHT || seen.misled);
            }
            assert_true(wrong <= (record.thread_count - 1) / 2);
            assert_int_equal(best, rights > 0);
            led += wrong > 0;
            lace_record_release(&record);
        }
        /* where all other ways to end are known to be dead (knights, countdown), nobody can be led into one */
        if (led < 10) fail_msg("%s: %d", f->name, led);
        knobs.threads = (struct lace_interval){2, 2};
        struct lace_record two = make(f, &knobs, 0);
        assert_null(json_object_get(two.meta, "corrupted")); /* of two nobody knows who is right */
        lace_record_release(&two);
    }
}

static void any_changed_number_is_found(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        knobs.threads = (struct lace_interval){2, 2};
        for (uint64_t k = 0; k < 200; k++) {
            struct lace_record record = make(f, &knobs, k);
            for (int s = 0; s < record.threads[0].count && s < 10; s++) {
                const char *step = record.threads[0].steps[s];
                for (size_t at = 0; step[at]; at++) {
                    char changed[LACE_WORK_LINE];
                    if (step[at] < '0' || step[at] > '9') continue;
                    snprintf(changed, sizeof changed, "%s", step);
                    changed[at] = (char)('0' + (changed[at] - '0' + 1) % 10);
                    struct lace_step_check seen = check(f, record.prompt, changed);
                    if (rows[i].alike && seen.key != check(f, record.prompt, step).key) continue;
                    if (seen.result == LACE_STEP_RIGHT && !seen.misled) fail_msg("%s\n%s", record.prompt, changed);
                }
                char longer[LACE_WORK_LINE + 8];
                snprintf(longer, sizeof longer, "%sand", step);
                assert_int_equal(check(f, record.prompt, longer).result, LACE_STEP_NONE);
                snprintf(longer, sizeof longer, "%.*s", (int)strlen(step) - 2, step);
                struct lace_step_check cut = check(f, record.prompt, longer);
                assert_int_not_equal(cut.result, LACE_STEP_RIGHT);
            }
            lace_record_release(&record);
        }
        struct lace_record record = make(f, &knobs, 1);
        assert_int_equal(check(f, "what?", record.threads[0].steps[0]).result, LACE_STEP_NONE);
        assert_int_equal(check(f, record.prompt, "").result, LACE_STEP_NONE);
        assert_int_equal(check(f, record.prompt, "Answer: 7.\n").result, LACE_STEP_NONE);
        lace_record_release(&record);
    }
}

static void a_forged_step_looks_right_and_is_wrong(void **state)
{
    struct lace_rng rng, again;
    lace_rng_init(&rng, 3, 0);
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 300; k++) {
            struct lace_record record = make(f, &knobs, k);
            const struct lace_record_thread *thread = &record.threads[0];
            struct lace_text so_far, lie, twin;
            struct lace_error err = {""};
            lace_text_init(&so_far);
            lace_text_init(&lie);
            lace_text_init(&twin);
            lace_text_str(&so_far, "");
            int steps = (int)lace_rng_below(&rng, (uint32_t)thread->count + 1);
            for (int s = 0; s < steps; s++) lace_text_str(&so_far, thread->steps[s]);
            again = rng;
            if (lace_family_forge(f, record.prompt, so_far.data, LACE_FALSE_FORGE, &rng, &lie, &err))
                fail_msg("%s\n%s%s", record.prompt, so_far.data, err.text);
            assert_int_equal(lace_family_forge(f, record.prompt, so_far.data, LACE_FALSE_FORGE, &again, &twin, NULL),
                             0);
            assert_string_equal(lie.data, twin.data);
            struct lace_step_check seen = check(f, record.prompt, lie.data);
            assert_true(seen.result != LACE_STEP_RIGHT && seen.result != LACE_STEP_NONE);
            assert_true(seen.claims && seen.believed && lie.data[lie.len - 1] == '\n');
            lace_text_release(&so_far);
            lace_text_release(&lie);
            lace_text_release(&twin);
            lace_record_release(&record);
        }
        struct lace_text out;
        lace_text_init(&out);
        assert_int_equal(lace_family_forge(f, "what?", "", LACE_FALSE_FORGE, &rng, &out, NULL), LACE_BAD);
        lace_text_release(&out);
    }
}

/* Problems that are never drawn: digits that are 0, a number beyond the modulus. */
static void steps_about_odd_numbers_can_be_forged(void **state)
{
    static const struct {
        const struct lace_family *family;
        const char *prompt, *so_far;
    } odd[] = {
        {&lace_family_product, "Find 7*00.", "a*y: 7*0=0.\na*x: 7*0=0.\nAll: 0+0=0, so 0.\n"},
        {&lace_family_product, "Find 0*80.", "a*y: 0*0=0.\na*x: 0*8=0.\nAll: 0+0=0, so 0.\n"},
        {&lace_family_search, "Find p (each from 1 to 8, mod 11): p*3+90=5.", ""},
        {&lace_family_bill, "Find p (each from 1 to 8, mod 11): p*3+90=5. Find a*xy: a=p, x=0, y=6.", ""},
        {&lace_family_bill, "Find p (each from 1 to 8, mod 11): p*3+90=5. Find a*xy: a=p, x=0, y=6.",
         "p*3+90=5, try 1: 3+90=5, yes.\na*x: 1*0=0.\na*y: 1*6=6.\nAll: 0+0=0, so 6.\n"},
        {&lace_family_toll, "Find p (each from 1 to 8, mod 11): p*3+90=5. Shortest from a to d: a3b, a(p)c, b4d, c2d.",
         ""},
    };
    struct lace_rng rng;
    lace_rng_init(&rng, 4, 0);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (int k = 0; k < 200; k++) {
            struct lace_text lie;
            struct lace_error err = {""};
            enum lace_falsehood kind = k % 2 ? LACE_FALSE_MISS : LACE_FALSE_FORGE;
            lace_text_init(&lie);
            if (lace_family_forge(odd[i].family, odd[i].prompt, odd[i].so_far, kind, &rng, &lie, &err))
                fail_msg("%s: %s", odd[i].prompt, err.text);
            int result = check(odd[i].family, odd[i].prompt, lie.data).result;
            if (result == LACE_STEP_RIGHT || result == LACE_STEP_NONE) fail_msg("%s\n%s", odd[i].prompt, lie.data);
            lace_text_release(&lie);
        }
}

static char *line_of(const struct lace_family *f, const struct lace_data_knobs *knobs, uint64_t index)
{
    struct lace_record record = make(f, knobs, index), again;
    struct lace_text line;
    lace_text_init(&line);
    assert_int_equal(lace_record_format(&record, &line, NULL), 0);
    assert_int_equal(lace_record_parse(&again, line.data, line.len, "itself", NULL), 0);
    lace_record_release(&again);
    lace_record_release(&record);
    return line.data;
}

/* What a seed makes stays what it was: figures of other days are of these problems and lines. Whoever changes them on
 * purpose puts the new number here and says so. */
static void records_are_what_they_were(void **state)
{
    static const struct {
        const struct lace_family *family;
        uint64_t hash;
    } were[] = {
        {&lace_family_search, 0xa52a147b1c611201},    {&lace_family_chain, 0xef352194a8dad761},
        {&lace_family_countdown, 0xe9af534dc677de8f}, {&lace_family_knights, 0xbff42e4fe7841491},
        {&lace_family_path, 0x87c518d2ec6f6897},      {&lace_family_product, 0x64bbc6131d055620},
        {&lace_family_program, 0x7ea8ca16c8f8dec6},   {&lace_family_fare, 0x10cb35574b953a4e},
        {&lace_family_bill, 0xd80f0656c84383cd},      {&lace_family_tab, 0x35f8645e4361f84f},
        {&lace_family_loan, 0x347c66e99fc871ea},      {&lace_family_levy, 0x1b9e2dde7f7d082a},
        {&lace_family_toll, 0xdc9479b358b9af66},
    };
    assert_int_equal(sizeof were / sizeof *were, lace_family_count());
    for (size_t i = 0; i < sizeof were / sizeof *were; i++) {
        struct lace_data_knobs knobs = wide(were[i].family);
        uint64_t hash = 0;
        knobs.corrupt = 0.5;
        knobs.split = LACE_SPLIT_TEST;
        for (uint64_t k = 0; k < 100; k++) {
            char *line = line_of(were[i].family, &knobs, k);
            hash = hash * 31 + lace_hash(line, strlen(line));
            free(line);
        }
        if (hash != were[i].hash) fail_msg("%s: 0x%016llx", were[i].family->name, (unsigned long long)hash);
    }
}

/* Whoever reads the prompt can tell what each of the threads begins with: nothing goes by an order that is not in it. */
static void threads_follow_from_the_prompt(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 60; k++) {
            struct lace_record record = make(f, &knobs, k), again = make(f, &knobs, k);
            struct lace_family_plan plan = {.policy = LACE_POLICY_SHARED, .threads = record.thread_count};
            struct lace_rng rng;
            lace_rng_init(&rng, k, 0);
            assert_int_equal(lace_family_write(f, &again, &plan, &rng, NULL), 0);
            for (int n = 0; n < record.thread_count; n++) {
                assert_true(record.threads[n].count > 0 && again.threads[n].count > 0);
                assert_string_equal(record.threads[n].steps[0], again.threads[n].steps[0]);
            }
            lace_record_release(&record);
            lace_record_release(&again);
        }
    }
}

static void a_record_depends_on_its_number_alone(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        knobs.corrupt = 0.5;
        char *sequence[40];
        for (uint64_t k = 0; k < 40; k++) sequence[k] = line_of(f, &knobs, k);
        for (uint64_t k = 40; k-- > 0;) {
            char *alone = line_of(f, &knobs, k);
            assert_string_equal(alone, sequence[k]);
            free(alone);
            struct lace_data_knobs other = knobs;
            other.seed = 1;
            alone = line_of(f, &other, k);
            assert_string_not_equal(strstr(alone, "\"prompt\""), strstr(sequence[k], "\"prompt\""));
            free(alone);
        }
        for (int k = 0; k < 40; k++) free(sequence[k]);
    }
}

static int keep(void *user, const struct lace_ceiling_row *row)
{
    *(struct lace_ceiling_row *)user = *row;
    return 0;
}

static struct lace_ceiling_row ceiling(const struct lace_family *f, int difficulty, int threads, uint64_t problems)
{
    struct lace_data_knobs knobs;
    struct lace_ceiling_row row;
    struct lace_error err = {""};
    lace_data_knobs_defaults(&knobs);
    knobs.difficulty = (struct lace_interval){difficulty, difficulty};
    knobs.threads = (struct lace_interval){threads, threads};
    int R = f->budget(f, &knobs, threads);
    if (lace_data_ceiling(f->name, &knobs, problems, (struct lace_interval){R, R}, keep, &row, &err))
        fail_msg("%s", err.text);
    return row;
}

static void the_budget_is_enough_for_those_who_share_and_for_no_others(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_ceiling_row row = ceiling(f, f->trained_high, 4, 600);
        double others = row.tagged.value > row.alone.value ? row.tagged.value : row.alone.value;
        if (row.shared.high < 0.97 || row.shared.value - others < 0.2)
            fail_msg("%s: %d rounds, shared %g, others %g", f->name, row.rounds, row.shared.value, others);
        for (int threads = 2; threads <= 16; threads += threads < 4 ? 1 : threads)
            for (int difficulty = f->easiest; difficulty <= f->hardest; difficulty++) {
                enum { PROBLEMS = 150 };
                struct lace_data_knobs knobs = wide(f);
                knobs.difficulty = (struct lace_interval){difficulty, difficulty};
                int solved = 0, round, budget = f->budget(f, &knobs, threads);
                for (uint64_t k = 0; k < PROBLEMS; k++) {
                    assert_int_equal(lace_family_race(f, &knobs, k, LACE_POLICY_SHARED, threads, budget, &round, NULL),
                                     0);
                    solved += round > 0;
                }
                if (lace_wilson((uint64_t)solved, PROBLEMS).high < 0.97)
                    fail_msg("%s: difficulty %d, %d threads: %d of %d in %d rounds", f->name, difficulty, threads,
                             solved, PROBLEMS, budget);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_strategy_replays_to_the_answer),
        cmocka_unit_test(sharing_threads_waste_nothing),
        cmocka_unit_test(falsehoods_are_corrected),
        cmocka_unit_test(colliding_threads_do_what_is_left),
        cmocka_unit_test(any_changed_number_is_found),
        cmocka_unit_test(a_forged_step_looks_right_and_is_wrong),
        cmocka_unit_test(steps_about_odd_numbers_can_be_forged),
        cmocka_unit_test(few_are_led_astray),
        cmocka_unit_test(a_record_depends_on_its_number_alone),
        cmocka_unit_test(records_are_what_they_were),
        cmocka_unit_test(threads_follow_from_the_prompt),
        cmocka_unit_test(the_budget_is_enough_for_those_who_share_and_for_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
