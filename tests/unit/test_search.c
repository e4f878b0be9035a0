/* The family `search`: problems, their readers, and the policies, judged from the written lines alone. */
#include "synth/search.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct lace_family *const search = &lace_family_search;

static struct lace_data_knobs wide(void)
{
    struct lace_data_knobs knobs;
    lace_data_knobs_defaults(&knobs);
    knobs.difficulty = (struct lace_interval){1, 12};
    knobs.options = (struct lace_interval){2, 16};
    knobs.threads = (struct lace_interval){1, 9};
    knobs.ambiguity = (struct lace_interval){0, 2};
    knobs.modulus_count = 4;
    memcpy(knobs.moduli, (int[]){11, 13, 17, 97}, 4 * sizeof(int));
    return knobs;
}

static struct lace_record make(const struct lace_data_knobs *knobs, uint64_t index)
{
    struct lace_record record;
    struct lace_error err = {""};
    if (lace_family_make(search, knobs, index, &record, &err)) fail_msg("%s", err.text);
    return record;
}

/* What a line says. */
struct seen {
    int stage, option; /* stage from 0; -1: about nothing in the problem */
    bool claims;       /* says yes */
    bool believed;     /* the written value meets the target: what readers act on, whatever the verdict */
    int given;         /* the value that was carried over from the stage before, */
    bool on_path;      /* and whether it is the true one: a right step may follow from another's lie */
};

/* enum search_error, or LACE_STEP_NONE */
static int look(const char *prompt, const char *step, struct seen *out)
{
    struct lace_search p;
    struct lace_work_line line = {.move = -1};
    struct lace_step_check check;
    *out = (struct seen){.stage = -1};
    lace_family_check_step(search, prompt, step, &check);
    if (check.result == LACE_STEP_NONE) return LACE_STEP_NONE;
    assert_int_equal(lace_search_parse(&p, prompt, NULL), 0);
    assert_true(lace_search_read_line(&p, step, &line));
    if (line.move >= 0)
        *out = (struct seen){line.part[SEARCH_STAGE], line.part[SEARCH_X], check.claims,
                             check.believed,          line.part[SEARCH_C], !check.misled};
    return check.result;
}

static void the_solver_passes_the_checker(void **state)
{
    struct lace_data_knobs knobs = wide();
    knobs.policy = LACE_POLICY_ALONE;
    knobs.threads = (struct lace_interval){1, 1};
    knobs.budget = 1;
    size_t longest = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        struct lace_record record = make(&knobs, i);
        struct lace_text answer;
        struct lace_error err = {""};
        lace_text_init(&answer);
        if (lace_family_solve(search, record.prompt, &answer, &err)) fail_msg("%s: %s", record.prompt, err.text);
        assert_string_equal(answer.data, record.answer);
        for (int x = 0; x <= 17; x++) {
            char text[16];
            snprintf(text, sizeof text, "%d", x);
            assert_int_equal(lace_family_check(search, record.prompt, text, NULL), !strcmp(text, record.answer));
        }
        if (strlen(record.prompt) > longest) longest = strlen(record.prompt);
        lace_text_release(&answer);
        lace_record_release(&record);
    }
    assert_in_range(longest, 150, 250); /* 12 stages and a distraction */
    assert_int_equal(lace_family_check(search, "Find p (each from 1 to 8, mod 11): p*3+4=5.", " 4 ", NULL), 1);
    assert_int_equal(lace_family_check(search, "Find p (each from 1 to 8, mod 11): p*3+4=5.", "", NULL), 0);
    assert_int_equal(lace_family_check(search, "Find p (each from 1 to 8, mod 11): p*3+4=5.", "4x", NULL), 0);
    assert_true(lace_family_check(search, "what?", "4", NULL) < 0);
}

/* Is the step marked in meta[key]? Its kind, or NULL. */
static const char *marked(const struct lace_record *record, const char *key, int thread, int step)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(record->meta, key), i,
                       item) if (json_integer_value(json_array_get(item, 0)) == thread &&
                                 json_integer_value(json_array_get(item, 1)) ==
                                     step) return json_string_value(json_array_get(item, 2));
    return NULL;
}

/* Somebody who may be listened to wrote, before this round, that x fits this stage. */
static bool was_found(const struct lace_record *record, int thread, int round, int stage, int x, bool shared)
{
    for (int n = 0; n < record->thread_count; n++)
        for (int i = 0; i < round && i < record->threads[n].count; i++) {
            struct seen seen;
            if (n != thread && !shared) continue;
            look(record->prompt, record->threads[n].steps[i], &seen);
            if (seen.stage == stage && seen.option == x && seen.believed) return true;
        }
    return false;
}

static void check_thread(const struct lace_record *record, int n, bool shared, uint64_t *falsehoods)
{
    const struct lace_record_thread *thread = &record->threads[n];
    int budget = (int)json_integer_value(json_object_get(record->meta, "budget"));
    struct seen seen = {0};
    assert_true(thread->count >= 1 && thread->count <= budget);
    for (int i = 0; i < thread->count; i++) {
        int result = look(record->prompt, thread->steps[i], &seen);
        const char *kind = marked(record, "corrupted", n, i);
        if (!kind) assert_int_equal(result, LACE_STEP_RIGHT);
        else if (!strcmp(kind, "flip")) assert_int_equal(result, SEARCH_VERDICT);
        else assert_true(result == SEARCH_PRODUCT || result == SEARCH_SUM);
        if (kind) {
            ++*falsehoods;
            assert_int_equal(seen.claims != seen.believed, !strcmp(kind, "flip"));
            if (strcmp(kind, "flip")) assert_int_equal(seen.claims, !strcmp(kind, "forge"));
        }
        if (seen.stage) assert_true(was_found(record, n, i, seen.stage - 1, seen.given, shared));
        assert_true(seen.stage < record->difficulty);
    }
    bool final = seen.believed && seen.stage == record->difficulty - 1, confirm = shared && record->thread_count > 1;
    if (final && confirm) final = was_found(record, n, thread->count - 1, seen.stage, seen.option, true);
    assert_int_equal(final, thread->answer != NULL);
    if (final) assert_int_equal(seen.option, atoi(thread->answer));
    else assert_int_equal(thread->count, budget);
    assert_int_equal(thread->verdict == LACE_VERDICT_FAIL, !thread->answer || strcmp(thread->answer, record->answer));
}

/* The round of the thread's first right claim of the last unknown; a large one without any. */
static int first_claim(const struct lace_record *record, int n)
{
    struct seen seen;
    for (int i = 0; i < record->threads[n].count; i++) {
        look(record->prompt, record->threads[n].steps[i], &seen);
        if (seen.stage == record->difficulty - 1 && seen.believed && seen.option == atoi(record->answer)) return i;
    }
    return 1 << 20;
}

static void every_policy_replays_to_its_answers(void **state)
{
    for (int policy = LACE_POLICY_SHARED; policy <= LACE_POLICY_ALONE; policy++)
        for (int strategy = SEARCH_DEFAULT; strategy <= SEARCH_RANDOM; strategy++)
            for (int errs = 0; errs < 2; errs++) {
                struct lace_data_knobs knobs = wide();
                knobs.difficulty.high = 6;
                knobs.policy = policy;
                knobs.strategy = strategy;
                knobs.corrupt = errs;
                uint64_t falsehoods = 0;
                for (uint64_t i = 0; i < 60; i++) {
                    struct lace_record record = make(&knobs, i);
                    int best = 0, right = 0;
                    for (int n = 0; n < record.thread_count; n++) {
                        check_thread(&record, n, policy == LACE_POLICY_SHARED, &falsehoods);
                        best += record.threads[n].verdict == LACE_VERDICT_BEST;
                        right += record.threads[n].verdict != LACE_VERDICT_FAIL;
                        if (record.threads[n].verdict != LACE_VERDICT_BEST) continue;
                        for (int m = 0; m < record.thread_count; m++)
                            if (record.threads[m].verdict == LACE_VERDICT_SUCCESS)
                                assert_true(first_claim(&record, m) >= first_claim(&record, n) + (m < n));
                    }
                    assert_int_equal(best, right > 0);
                    assert_int_equal(json_array_size(json_object_get(record.meta, "corrupted")) > 0 && policy, false);
                    lace_record_release(&record);
                }
                if (errs && policy == LACE_POLICY_SHARED) assert_true(falsehoods > 100);
            }
}

/* Without falsehoods: a line never repeats a `no` that stood there before, a find is re-tried by the next
 * thread while the others go on, and all read the last find once more. */
static void sharing_threads_waste_nothing(void **state)
{
    struct lace_data_knobs knobs = wide();
    knobs.difficulty = (struct lace_interval){1, 5};
    knobs.threads = (struct lace_interval){2, 6};
    for (uint64_t index = 0; index < 150; index++) {
        struct lace_record record = make(&knobs, index);
        struct seen now, before;
        int found_at[SEARCH_STAGES] = {0}; /* the round of the first find, from 1 */
        int N = record.thread_count;
        for (int r = 0; r < (int)json_integer_value(json_object_get(record.meta, "rounds")); r++)
            for (int n = 0; n < N; n++) {
                if (r >= record.threads[n].count) continue;
                look(record.prompt, record.threads[n].steps[r], &now);
                assert_true(now.on_path);
                for (int m = 0; m < N && !now.claims; m++)
                    for (int i = 0; i < r && i < record.threads[m].count; i++) {
                        look(record.prompt, record.threads[m].steps[i], &before);
                        assert_false(before.stage == now.stage && before.option == now.option);
                    }
                if (now.claims && !found_at[now.stage]) {
                    found_at[now.stage] = r + 1;
                    if (r + 1 == (int)json_integer_value(json_object_get(record.meta, "budget"))) continue;
                    for (int m = 0; m < N; m++) {
                        bool last = now.stage == record.difficulty - 1, verifier = m == (n + 1) % N;
                        look(record.prompt, record.threads[m].steps[r + 1], &before);
                        assert_int_equal(before.stage, now.stage + (!last && !verifier));
                        if (last || verifier) assert_int_equal(before.option, now.option);
                        const char *mark = marked(&record, "interactions", m, r + 1);
                        if (m == n) assert_true(!mark || strcmp(mark, "rechecked"));
                        else assert_string_equal(mark, last || verifier ? "rechecked" : "moved_on");
                    }
                } else if (now.claims)
                    assert_in_range(r, found_at[now.stage] - 1, found_at[now.stage]); /* a twin, or a re-try */
            }
        lace_record_release(&record);
    }
}

/* The rules of search_policy.c once more, read off the lines of the round before instead of kept as a state:
 * what every thread writes must follow from its tag and from what is written, falsehoods included. */
static void replay(const struct lace_record *record, bool down, int *struck)
{
    enum { ROUNDS = 200 };
    static struct seen seen[LACE_WORK_THREADS][ROUNDS];
    static bool no[SEARCH_STAGES][SEARCH_MODULUS][SEARCH_MODULUS]; /* stage, c, option */
    int N = record->thread_count, B = (int)json_integer_value(json_object_get(record->meta, "options"));
    int last = record->difficulty - 1, rounds = (int)json_integer_value(json_object_get(record->meta, "rounds"));
    assert_true(rounds <= ROUNDS);
    memset(no, 0, sizeof no);
    for (int n = 0; n < N; n++)
        for (int r = 0; r < record->threads[n].count; r++)
            look(record->prompt, record->threads[n].steps[r], &seen[n][r]);
    for (int r = 0; r < rounds; r++) {
        int front = 0, c = seen[0][0].given, finder = -1, x = 0, check = -1;
        for (int n = 0; r && n < N; n++)
            if (r <= record->threads[n].count && seen[n][r - 1].stage >= front)
                front = seen[n][r - 1].stage, c = seen[n][r - 1].given;
        for (int n = 0; r && n < N; n++) {
            if (r > record->threads[n].count) continue;
            const struct seen *line = &seen[n][r - 1];
            if (line->stage < front) check = n;
            else if (line->believed && finder < 0) finder = n, x = line->option;
        }
        if (check >= 0 && !seen[check][r - 1].believed) {
            front--;
            c = seen[check][r - 1].given;
            finder = -1;
            ++*struck;
        }
        int verifier = -1, given = c;
        if (finder >= 0 && front < last) {
            verifier = N > 1 ? (finder + 1) % N : -1;
            front++;
            c = x;
        }
        int left = 0;
        for (int i = 1; i <= B; i++) left += !no[front][c][i];
        if (!left) memset(no[front][c], 0, sizeof no[front][c]);
        for (int n = 0; n < N; n++) {
            if (r >= record->threads[n].count) continue;
            int stage = front, from = c, option = 0;
            if (n == verifier) stage = front - 1, from = given, option = x;
            else if (finder >= 0 && verifier < 0 && N > 1) option = x; /* the last find */
            int start = down ? ((n + 1) * B / N + B - 1) % B : n * B / N;
            for (int i = 0; !option; i++) {
                int next = 1 + (down ? start - i + B : start + i) % B;
                if (!no[stage][from][next]) option = next;
            }
            assert_int_equal(seen[n][r].stage, stage);
            assert_int_equal(seen[n][r].given, from);
            assert_int_equal(seen[n][r].option, option);
        }
        for (int n = 0; n < N; n++)
            if (r < record->threads[n].count && !seen[n][r].believed)
                no[seen[n][r].stage][seen[n][r].given][seen[n][r].option] = true;
    }
}

static void each_line_follows_from_the_lines_before(void **state)
{
    int struck = 0;
    for (int down = 0; down < 2; down++)
        for (int errs = 0; errs < 2; errs++) {
            struct lace_data_knobs knobs = wide();
            knobs.strategy = down ? SEARCH_DOWN : SEARCH_UP;
            knobs.difficulty.high = 8;
            knobs.corrupt = errs;
            for (uint64_t i = 0; i < 400; i++) {
                struct lace_record record = make(&knobs, i);
                replay(&record, down, &struck);
                lace_record_release(&record);
            }
        }
    assert_true(struck > 300);
}

static void any_changed_number_is_found(void **state)
{
    struct lace_data_knobs knobs = wide();
    knobs.threads = (struct lace_interval){2, 2};
    for (uint64_t i = 0; i < 200; i++) {
        struct lace_record record = make(&knobs, i);
        for (int k = 0; k < record.threads[0].count && k < 10; k++) {
            const char *step = record.threads[0].steps[k];
            for (size_t at = 0; step[at]; at++) {
                if (step[at] < '0' || step[at] > '9') continue;
                char changed[LACE_WORK_LINE];
                struct seen seen;
                snprintf(changed, sizeof changed, "%s", step);
                changed[at] = (char)('0' + (changed[at] - '0' + 1) % 10);
                int result = look(record.prompt, changed, &seen);
                assert_int_not_equal(result, LACE_STEP_NONE);
                assert_int_not_equal(result, LACE_STEP_RIGHT);
            }
        }
        lace_record_release(&record);
    }
    static const struct {
        const char *step;
        int result;
    } cases[] = {
        {"q*7+4=2, try 3: 10+4=3, no.\n", LACE_STEP_RIGHT},
        {" q * 7+4 =2 , TRY 3:10+4=3,no. ", LACE_STEP_RIGHT},
        {"q*7+4=2, try 6: 9+4=2, yes.\n", LACE_STEP_RIGHT},
        {"q*7+4=2, try 6: 9+4=2, no.\n", SEARCH_VERDICT},
        {"q*7+4=2, try 3: 9+4=2, yes.\n", SEARCH_PRODUCT},
        {"q*7+4=2, try 3: 10+4=2, yes.\n", SEARCH_SUM},
        {"q*6+4=2, try 3: 7+4=0, no.\n", SEARCH_LOOKUP},
        {"q*7+4=3, try 3: 10+4=3, yes.\n", SEARCH_LOOKUP},
        {"q*7+9=2, try 3: 10+9=8, no.\n", SEARCH_LOOKUP},
        {"q*7+4=2, try 9: 8+4=1, no.\n", SEARCH_LOOKUP},
        {"q*7+4=2, try 3: 10+5=4, no.\n", SEARCH_LOOKUP},
        {"z*7+4=2, try 3: 10+4=3, no.\n", SEARCH_LOOKUP},
        {"q*7+4=2, try 3: 10+4=3, maybe.\n", LACE_STEP_NONE},
        {"q*7+4=2, try 3: 10+4=3, no.\nand", LACE_STEP_NONE},
        {"Answer: 7.\n", LACE_STEP_NONE},
        {"", LACE_STEP_NONE},
        {"q*700+4=2, try 3: 10+4=3, no.\n", LACE_STEP_NONE},
        {"q*7+4=2, try 3: 10+4=3\n", LACE_STEP_NONE},
    };
    const char *prompt = "Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2.";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen;
        if (look(prompt, cases[i].step, &seen) != cases[i].result) fail_msg("%s", cases[i].step);
    }
    struct seen seen;
    assert_int_equal(look(prompt, "q*7+5=2, try 3: 10+5=4, no.", &seen), LACE_STEP_RIGHT);
    assert_false(seen.on_path); /* p is 4, but a lie may have said 5 */
    assert_int_equal(look("no problem", cases[0].step, &seen), LACE_STEP_NONE);
}

static int compare_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void train_and_test_share_no_problem(void **state)
{
    enum { EACH = 3000 };
    char **texts[2];
    for (int s = 0; s < 2; s++) {
        struct lace_data_knobs knobs = wide();
        knobs.difficulty = (struct lace_interval){1, 2}; /* so few problems that chance alone would repeat them */
        knobs.options = (struct lace_interval){8, 8};
        knobs.modulus_count = 1;
        knobs.budget = 1;
        knobs.split = s;
        texts[s] = malloc(EACH * sizeof **texts);
        for (uint64_t i = 0; i < EACH; i++) {
            struct lace_record record = make(&knobs, i);
            struct lace_search p;
            enum lace_split side;
            assert_int_equal(lace_family_side(search, record.prompt, &side, NULL), 0);
            assert_int_equal(side, s);
            assert_int_equal(lace_search_parse(&p, record.prompt, NULL), 0);
            texts[s][i] = malloc(64);
            int len = snprintf(texts[s][i], 64, "%d %d %d", p.modulus, p.options, p.given);
            for (int k = 0; k < p.stages; k++)
                len += snprintf(texts[s][i] + len, 64 - (size_t)len, " %d %d", p.a[k], p.t[k]);
            lace_record_release(&record);
        }
        qsort(texts[s], EACH, sizeof **texts, compare_text);
    }
    for (int i = 0, j = 0; i < EACH && j < EACH;) {
        int order = strcmp(texts[0][i], texts[1][j]);
        assert_int_not_equal(order, 0);
        if (order < 0) i++;
        else j++;
    }
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < EACH; i++) free(texts[s][i]);
        free(texts[s]);
    }
    /* Letters and wording do not count. */
    static const char *const same[] = {"Find q (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2.",
                                       "what is b? each unknown is from 1 to 8, mod 11: b*7+a=2,a*3+4=5",
                                       "Mod 11, with each unknown from 1 to 8: z*3+4=5, y*7+z=2, c*2+z=9. Find y."};
    uint8_t numbers[2][LACE_WORK_NUMBERS];
    for (int i = 0; i < 3; i++) {
        struct lace_search p;
        assert_int_equal(lace_search_parse(&p, same[i], NULL), 0);
        assert_int_equal(lace_search_numbers(&p, numbers[i > 0]), 8);
        if (i) assert_memory_equal(numbers[0], numbers[1], 8);
    }
}

static char *line_of(const struct lace_data_knobs *knobs, uint64_t index)
{
    struct lace_record record = make(knobs, index);
    struct lace_text line;
    lace_text_init(&line);
    assert_int_equal(lace_record_format(&record, &line, NULL), 0);
    lace_record_release(&record);
    return line.data;
}

static void a_record_depends_on_its_number_alone(void **state)
{
    struct lace_data_knobs knobs = wide();
    knobs.corrupt = 0.5;
    char *sequence[40];
    for (uint64_t i = 0; i < 40; i++) sequence[i] = line_of(&knobs, i);
    for (uint64_t i = 40; i-- > 0;) {
        char *alone = line_of(&knobs, i);
        assert_string_equal(alone, sequence[i]);
        free(alone);
        struct lace_data_knobs other = knobs;
        other.seed = 1;
        alone = line_of(&other, i);
        assert_string_not_equal(strstr(alone, "\"prompt\""), strstr(sequence[i], "\"prompt\""));
        free(alone);
    }
    for (int i = 0; i < 40; i++) free(sequence[i]);
}

static void malformed_prompts_are_refused(void **state)
{
    static const char *const good[] = {
        "Find r (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2, r*9+q=7.",
        "  find r(each from 1 to 8,mod 11):p*3+4=5,q * 7 + p = 2 ,\n r*9+q=7",
        "r*9+q=7, p*3+4=5, q*7+p=2 (mod 11, each from 1 to 8). Give r.",
        "Find r (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2, r*9+q=7, s*2+z=1.", /* what does not lead to r is not read */
    };
    static const char *const bad[] = {
        "",
        ".",
        "Find",
        "Find r",
        "Find r (each from 1 to 8, mod 11):",
        "Find r (each from 1 to 8, mod 11): .",
        "Find r (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2.", /* r has no equation */
        "Find r (each from 1 to 8, mod 11): p*3+4=5, r*9+q=7.", /* q has none */
        "Find r (each from 1 to 8, mod 11): r*3+4=5, r*9+4=7.", /* r has two */
        "Find r (each from 1 to 8, mod 11): r*3+r=5.",          /* a circle */
        "Find r (each from 1 to 8, mod 11): q*3+r=5, r*3+q=5.", /* a longer one */
        "Find r (each from 1 to 8, mod 11): r*11+4=4.",         /* every value fits */
        "Find r (each from 1 to 8, mod 11): r*3+4=12.",         /* none does */
        "Find r (each from 1 to 8, mod 12): r*3+4=10.",         /* several do */
        "Find r (each from 1 to 11, mod 11): r*3+4=5.",
        "Find r (each from 1 to 0, mod 11): r*3+4=5.",
        "Find r (each from 1 to 8, mod 0): r*3+4=5.",
        "Find r (each from 1 to 8, mod 98): r*3+4=10.",
        "Find r (each from 1 to 8, mod 11): r*300+4=5.",
        "Find r (each from 1 to 8, mod 11): r*3-4=5.",
        "Find R (each from 1 to 8, mod 11): R*3+4=5.",
        "Find r (each from 1 to 8, mod 11): r*3+4=5. And s?",
        "Find r (each from 1 to 8, mod 11): p*3+4=5,, r*9+p=7.",
        "\xff\xfe\x01",
    };
    struct lace_search p;
    struct lace_error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (lace_search_parse(&p, good[i], &err)) fail_msg("%s: %s", good[i], err.text);
        assert_int_equal(p.stages, 3);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err.text[0] = 0;
        if (lace_search_parse(&p, bad[i], &err) != LACE_BAD || !err.text[0]) fail_msg("accepted: %s", bad[i]);
    }
    for (size_t cut = 0; cut < strlen(good[0]); cut++) { /* truncated: refused, or a smaller problem */
        char text[128];
        snprintf(text, sizeof text, "%.*s", (int)cut, good[0]);
        lace_search_parse(&p, text, NULL);
    }
    char many[4096] = "Find a (each from 1 to 8, mod 11): ";
    for (int i = 0; i < 200; i++) strcat(many, "a*3+4=5, ");
    assert_int_equal(lace_search_parse(&p, many, &err), LACE_BAD);
}

static void a_forged_step_looks_right_and_is_wrong(void **state)
{
    struct lace_data_knobs knobs = wide();
    struct lace_rng rng, again;
    lace_rng_init(&rng, 3, 0);
    for (uint64_t i = 0; i < 500; i++) {
        struct lace_record record = make(&knobs, i);
        const struct lace_record_thread *thread = &record.threads[0];
        struct lace_text so_far, lie, twin;
        struct seen seen, last = {.stage = 0};
        lace_text_init(&so_far);
        lace_text_init(&lie);
        lace_text_init(&twin);
        lace_text_str(&so_far, "");
        int steps = (int)lace_rng_below(&rng, (uint32_t)thread->count + 1);
        for (int k = 0; k < steps; k++) {
            lace_text_str(&so_far, thread->steps[k]);
            look(record.prompt, thread->steps[k], &last);
        }
        again = rng;
        assert_int_equal(lace_family_forge(search, record.prompt, so_far.data, LACE_FALSE_FORGE, &rng, &lie, NULL), 0);
        assert_int_equal(lace_family_forge(search, record.prompt, so_far.data, LACE_FALSE_FORGE, &again, &twin, NULL),
                         0);
        assert_string_equal(lie.data, twin.data);
        int result = look(record.prompt, lie.data, &seen);
        assert_true(result == SEARCH_PRODUCT || result == SEARCH_SUM);
        assert_true(seen.claims && seen.believed && lie.data[lie.len - 1] == '\n');
        bool on = steps && last.believed && last.stage + 1 < record.difficulty;
        assert_int_equal(seen.stage, last.stage + on);
        lace_text_release(&so_far);
        lace_text_release(&lie);
        lace_text_release(&twin);
        lace_record_release(&record);
    }
    struct lace_text out;
    lace_text_init(&out);
    assert_int_equal(lace_family_forge(search, "what?", "", LACE_FALSE_FORGE, &rng, &out, NULL), LACE_BAD);
    lace_text_release(&out);
}

static void knobs_out_of_range_are_refused(void **state)
{
    struct lace_data_knobs good = wide(), k;
    struct lace_record record;
    struct lace_error err;
#define REFUSED(change)                                                                                                \
    k = good, change, err.text[0] = 0;                                                                                 \
    assert_int_equal(lace_family_make(search, &k, 0, &record, &err), LACE_BAD);                                        \
    assert_true(err.text[0] && !record.prompt && !record.threads)
    REFUSED(k.difficulty.low = 0);
    REFUSED(k.difficulty.high = 13);
    REFUSED(k.difficulty.low = 13);
    REFUSED(k.threads.low = 0);
    REFUSED(k.threads.high = 65);
    REFUSED(k.options.low = 1);
    REFUSED(k.options = ((struct lace_interval){97, 97}));
    REFUSED(k.moduli[2] = 15);
    REFUSED(k.moduli[2] = 101);
    REFUSED(k.moduli[2] = -7);
    REFUSED(k.modulus_count = -1);
    REFUSED(k.modulus_count = 9);
    REFUSED(k.strategy = 4);
    REFUSED(k.strategy = -1);
    REFUSED(k.ambiguity.high = 3);
    REFUSED(k.budget = -1);
    REFUSED(k.corrupt = 1.5);
    REFUSED(k.corrupt = (double)NAN);
    REFUSED(k.weights[1] = -1);
    /* 3 options modulo 5 at one stage: 45 problems; both sides exist or the call says so, but it ends. */
    k = good;
    k.difficulty = (struct lace_interval){1, 1};
    k.options = (struct lace_interval){2, 2};
    k.modulus_count = 1;
    k.moduli[0] = 3;
    k.split = LACE_SPLIT_TEST;
    if (!lace_family_make(search, &k, 0, &record, &err)) lace_record_release(&record);
}

static int keep_ten(void *user, const struct lace_ceiling_row *row)
{
    *(struct lace_ceiling_row *)user = *row;
    return 0;
}

static void sharing_wins_at_the_default_budget(void **state)
{
    struct lace_data_knobs knobs;
    struct lace_ceiling_row row;
    struct lace_error err;
    lace_data_knobs_defaults(&knobs);
    assert_int_equal(lace_search_budget(4, 8, 4), 10);
    assert_int_equal(lace_search_budget(4, 8, 1), 32);
    assert_int_equal(lace_data_ceiling("search", &knobs, 3000, (struct lace_interval){10, 10}, keep_ten, &row, &err),
                     0);
    assert_int_equal(row.rounds, 10);
    assert_true(row.shared.low > 0.97 && row.tagged.high < 0.25 && row.alone.high < 0.25 && row.serial.value == 1);
    for (int threads = 2; threads <= 16; threads *= 2)
        for (int stages = 1; stages <= 12; stages++) {
            int R = lace_search_budget(stages, 8, threads);
            knobs.threads = (struct lace_interval){threads, threads};
            knobs.difficulty = (struct lace_interval){stages, stages};
            assert_int_equal(
                lace_data_ceiling("search", &knobs, 1000, (struct lace_interval){R, R}, keep_ten, &row, &err), 0);
            assert_true(row.shared.high > 0.97);
        }
    assert_int_equal(lace_data_ceiling("nothing", &knobs, 10, (struct lace_interval){1, 2}, keep_ten, &row, &err),
                     LACE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_solver_passes_the_checker),
        cmocka_unit_test(every_policy_replays_to_its_answers),
        cmocka_unit_test(sharing_threads_waste_nothing),
        cmocka_unit_test(each_line_follows_from_the_lines_before),
        cmocka_unit_test(any_changed_number_is_found),
        cmocka_unit_test(train_and_test_share_no_problem),
        cmocka_unit_test(a_record_depends_on_its_number_alone),
        cmocka_unit_test(malformed_prompts_are_refused),
        cmocka_unit_test(a_forged_step_looks_right_and_is_wrong),
        cmocka_unit_test(knobs_out_of_range_are_refused),
        cmocka_unit_test(sharing_wins_at_the_default_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
