/* Problems of every family: what their prompts keep, and what is refused. */
#include "family_test.h"
#include "text/tokenizer.h"

static void the_table_is_sound(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        assert_ptr_equal(lace_family_find(f->name, NULL), f);
        int strategies = 0;
        while (f->strategies[strategies]) strategies++;
        assert_true(strategies >= 3 && strategies == f->work->ranked + 1);
        assert_string_equal(f->strategies[strategies - 1], "random");
        assert_string_equal(f->errors[0], "right");
        assert_true(f->easiest <= f->trained_low && f->trained_low <= f->trained_high);
        assert_true(f->hardest >= f->trained_high * 3 / 2); /* well past the training range */
    }
}

static void the_solver_passes_the_checker(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        knobs.policy = LACE_POLICY_ALONE;
        knobs.threads = (struct lace_interval){1, 1};
        knobs.budget = 1;
        for (uint64_t k = 0; k < 10000; k++) {
            struct lace_record record = make(f, &knobs, k);
            struct lace_text answer;
            struct lace_error err = {""};
            lace_text_init(&answer);
            if (lace_family_solve(f, record.prompt, &answer, &err)) fail_msg("%s: %s", record.prompt, err.text);
            assert_int_equal(lace_family_check(f, record.prompt, answer.data, NULL), 1);
            assert_int_equal(lace_family_check(f, record.prompt, record.answer, NULL), 1);
            if (!rows[i].several) assert_string_equal(answer.data, record.answer);
            for (size_t at = 0; k < 1000 && answer.data[at]; at++) { /* any changed digit or letter makes it wrong */
                char old = answer.data[at];
                if (old >= '0' && old <= '9') answer.data[at] = (char)('0' + (old - '0' + 1) % 10);
                else if (old >= 'a' && old <= 'z') answer.data[at] = (char)('a' + (old - 'a' + 1) % 26);
                else continue;
                if (lace_family_check(f, record.prompt, answer.data, NULL) != 0)
                    fail_msg("%s\naccepts %s beside %s", record.prompt, answer.data, record.answer);
                answer.data[at] = old;
            }
            if (k < 1000) {
                assert_int_equal(lace_family_check(f, record.prompt, "", NULL), 0);
                assert_int_equal(lace_family_check(f, record.prompt, "what?", NULL), 0);
                lace_text_str(&answer, " x");
                assert_int_equal(lace_family_check(f, record.prompt, answer.data, NULL), 0);
            }
            lace_text_release(&answer);
            lace_record_release(&record);
        }
        assert_true(lace_family_check(f, "what?", "4", NULL) < 0);
    }
}

/* The canonical numbers of the prompt's problem, behind their length. */
struct numbers {
    uint8_t count[2], bytes[LACE_WORK_NUMBERS];
};

static struct numbers numbers_of(const struct lace_family *f, const char *prompt)
{
    struct numbers numbers = {{0}, {0}};
    void *problem = malloc(f->work->bytes);
    struct lace_error err = {""};
    if (f->work->parse(problem, prompt, &err)) fail_msg("%s: %s", prompt, err.text);
    int count = f->work->numbers(problem, numbers.bytes);
    assert_true(count <= LACE_WORK_NUMBERS);
    numbers.count[0] = (uint8_t)(count & 255);
    numbers.count[1] = (uint8_t)(count >> 8);
    free(problem);
    return numbers;
}

static int by_numbers(const void *a, const void *b) { return memcmp(a, b, sizeof(struct numbers)); }

static void train_and_test_share_no_problem(void **state)
{
    enum { EACH = 2000 };
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct numbers *all[2];
        for (int s = 0; s < 2; s++) {
            struct lace_data_knobs knobs = wide(f);
            knobs.difficulty.high = knobs.difficulty.low; /* the fewest problems */
            knobs.budget = 1;
            knobs.split = s;
            all[s] = malloc(EACH * sizeof **all);
            for (uint64_t k = 0; k < EACH; k++) {
                struct lace_record record = make(f, &knobs, k);
                enum lace_split side;
                assert_int_equal(lace_family_side(f, record.prompt, &side, NULL), 0);
                assert_int_equal(side, s);
                all[s][k] = numbers_of(f, record.prompt);
                lace_record_release(&record);
            }
            qsort(all[s], EACH, sizeof **all, by_numbers);
        }
        for (int a = 0, b = 0; a < EACH && b < EACH;) {
            int order = by_numbers(&all[0][a], &all[1][b]);
            assert_int_not_equal(order, 0);
            if (order < 0) a++;
            else b++;
        }
        free(all[0]);
        free(all[1]);
    }
}

static void every_wording_is_the_same_problem(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 400; k++) {
            struct numbers numbers[3];
            char *prompts[3];
            for (int a = 0; a < 3; a++) {
                knobs.ambiguity = (struct lace_interval){a, a};
                struct lace_record record = make(f, &knobs, k);
                numbers[a] = numbers_of(f, record.prompt);
                prompts[a] = strdup(record.prompt);
                if (by_numbers(&numbers[0], &numbers[a])) fail_msg("%s\n%s", prompts[0], prompts[a]);
                lace_record_release(&record);
            }
            assert_true(strcmp(prompts[0], prompts[1]) && strcmp(prompts[0], prompts[2]));
            for (int a = 0; a < 3; a++) free(prompts[a]);
        }
    }
}

static void malformed_prompts_are_refused(void **state)
{
    struct lace_rng rng;
    lace_rng_init(&rng, 5, 0);
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_error err;
        for (int k = 0; k < 4 && rows[i].good[k]; k++) {
            int code = lace_family_check(f, rows[i].good[k], rows[i].answer, &err);
            if (code != 1) fail_msg("%s: %s", rows[i].good[k], code ? err.text : "wrong");
        }
        for (int k = 0; rows[i].bad[k]; k++) {
            err.text[0] = 0;
            if (lace_family_check(f, rows[i].bad[k], "1", &err) != LACE_BAD || !err.text[0])
                fail_msg("accepted: %s", rows[i].bad[k]);
        }
        /* Cut off or with any byte changed: refused, or another problem, and nothing breaks. */
        struct lace_data_knobs knobs = wide(f);
        for (uint64_t k = 0; k < 100; k++) {
            struct lace_record record = make(f, &knobs, k);
            size_t len = strlen(record.prompt);
            struct lace_text answer;
            lace_text_init(&answer);
            for (int tries = 0; tries < 60; tries++) {
                char *text = strdup(record.prompt);
                text[lace_rng_below(&rng, (uint32_t)len)] = tries < 20 ? 0 : (char)lace_rng_below(&rng, 256);
                if (tries >= 40) text[lace_rng_below(&rng, (uint32_t)len)] = (char)(' ' + lace_rng_below(&rng, 95));
                lace_family_solve(f, text, &answer, NULL);
                check(f, text, record.threads[0].steps[0]);
                free(text);
            }
            lace_text_release(&answer);
            lace_record_release(&record);
        }
        char *many = calloc(1, 40000);
        for (int k = 0; k < 4; k++)
            for (size_t at = 0; rows[i].good[k] && strlen(many) < 30000; at++) {
                strncat(many, rows[i].good[k] + at % strlen(rows[i].good[k]), 40);
                if (strlen(many) % 3 == 0) strcat(many, ", ");
            }
        assert_int_equal(lace_family_check(f, many, "1", &err), LACE_BAD);
        free(many);
    }
}

/* Rounds of all threads go in step, and a small model has to write them: lines and prompts are short in tokens, and
 * letters, numbers and words that carry meaning are one token each. */
static void lines_and_prompts_are_short(void **state)
{
    struct lace_tokenizer *t;
    struct lace_error err = {""};
    int *ids = NULL;
    size_t capacity = 0, count;
    if (lace_tokenizer_open(&t, "recipes/tokenizer-families.json", &err)) fail_msg("%s", err.text);
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs knobs;
        size_t tokens = 0, lines = 0, most = f->evaluation_only ? 180 : 150;
        lace_data_knobs_defaults(&knobs);
        knobs.difficulty = (struct lace_interval){f->trained_low, f->trained_high};
        knobs.ambiguity = (struct lace_interval){0, 2};
        for (uint64_t k = 0; k < 200; k++) {
            struct lace_record record = make(f, &knobs, k);
            lace_tokenizer_encode(t, record.prompt, strlen(record.prompt), true, &ids, &capacity, &count, &err);
            if (count > most) fail_msg("%zu tokens: %s", count, record.prompt);
            for (int n = 0; n < record.thread_count; n++)
                for (int s = 0; s < record.threads[n].count; s++, lines++) {
                    const char *line = record.threads[n].steps[s];
                    lace_tokenizer_encode(t, line, strlen(line), true, &ids, &capacity, &count, &err);
                    if (count > 32) fail_msg("%zu tokens: %s", count, line);
                    tokens += count;
                    for (size_t k = 0; k < count; k++) { /* no token is a piece of a word or of a number below 100 */
                        size_t len, next = 1;
                        const char *a = lace_tokenizer_bytes(t, ids[k], &len);
                        const char *b = k + 1 < count ? lace_tokenizer_bytes(t, ids[k + 1], &next) : ".";
                        if (a[len - 1] >= 'a' && a[len - 1] <= 'z' && b[0] >= 'a' && b[0] <= 'z' && len + next > 2)
                            fail_msg("%.*s|%s in %s", (int)len, a, b, line);
                    }
                }
            lace_record_release(&record);
        }
        if (tokens > 24 * lines) fail_msg("%s: %zu tokens in %zu lines", f->name, tokens, lines);
    }
    lace_tokenizer_close(&t);
    free(ids);
}

static void knobs_of_other_families_are_refused(void **state)
{
    for (int i = 0; i < ROWS; i++) {
        const struct lace_family *f = rows[i].family;
        struct lace_data_knobs k;
        struct lace_record record;
        struct lace_error err;
#define REFUSED(change)                                                                                                \
    k = wide(f), change, err.text[0] = 0;                                                                              \
    assert_int_equal(lace_family_make(f, &k, 0, &record, &err), LACE_BAD);                                             \
    assert_true(err.text[0] && !record.prompt && !record.threads)
        REFUSED(k.difficulty.low = f->easiest - 1);
        REFUSED(k.difficulty.high = f->hardest + 1);
        REFUSED(k.threads.high = 65);
        REFUSED(k.strategy = f->work->ranked + 2);
        if (!f->uses_options) {
            REFUSED(k.options = ((struct lace_interval){8, 8}));
        }
        if (!f->uses_moduli) {
            REFUSED((k.moduli[0] = 11, k.modulus_count = 1));
        } else {
            REFUSED((k.moduli[0] = 101, k.modulus_count = 1));
            REFUSED((k.moduli[0] = -7, k.modulus_count = 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(the_solver_passes_the_checker),
        cmocka_unit_test(train_and_test_share_no_problem),
        cmocka_unit_test(every_wording_is_the_same_problem),
        cmocka_unit_test(malformed_prompts_are_refused),
        cmocka_unit_test(knobs_of_other_families_are_refused),
        cmocka_unit_test(lines_and_prompts_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
