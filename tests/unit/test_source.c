/* Where training groups come from: shares, the curriculum, files, and that no test problem is among them. */
#include "train_test.h"

static const char three[] = "data:\n"
                            "  - {family: search, weight: 1, threads: 1, difficulty: 1}\n"
                            "  - {family: search, weight: 2, threads: 2, difficulty: 1}\n"
                            "  - {family: search, weight: 5, threads: 3, difficulty: 1}\n"
                            "  - {family: search, weight: 0, threads: 4, difficulty: 1}\n";

static int draw(const struct lace_sources *s, struct lace_rng *rng, double progress, struct lace_record *record)
{
    const struct lace_source *source;
    struct lace_error err;
    assert_works(lace_sources_draw(s, rng, progress, record, &source, &err), err);
    return (int)(source - s->source);
}

static void shares_hold(void **state)
{
    enum { DRAWS = 16000 };
    struct lace_sources s = sources_of(three);
    struct lace_rng rng;
    int counts[4] = {0};
    lace_rng_init(&rng, 1, 2);
    assert_int_equal(s.count, 4);
    for (int i = 0; i < DRAWS; i++) {
        struct lace_record r;
        int k = draw(&s, &rng, 0.3, &r);
        assert_int_equal(r.thread_count, k + 1);
        counts[k]++;
        lace_record_release(&r);
    }
    static const double shares[] = {0.125, 0.25, 0.625};
    for (int k = 0; k < 3; k++) { /* four standard deviations */
        double expected = shares[k] * DRAWS, deviation = sqrt(DRAWS * shares[k] * (1 - shares[k]));
        if (!(fabs(counts[k] - expected) < 4 * deviation))
            fail_msg("source %d was drawn %d times, not %g", k, counts[k], expected);
    }
    assert_int_equal(counts[3], 0);
    lace_sources_release(&s);
}

static void a_draw_depends_on_its_generator_only(void **state)
{
    struct lace_sources s = sources_of(three), again = sources_of(three);
    int different = 0;
    for (uint64_t stream = 0; stream < 20; stream++) {
        struct lace_rng a, b;
        struct lace_record x, y;
        lace_rng_init(&a, 5, stream);
        lace_rng_init(&b, 5, stream);
        int k = draw(&s, &a, 0, &x);
        assert_int_equal(k, draw(&again, &b, 0, &y));
        assert_string_equal(x.prompt, y.prompt);
        assert_string_equal(x.id, y.id);
        lace_record_release(&y);
        draw(&s, &a, 0, &y);
        different += strcmp(x.prompt, y.prompt) != 0;
        lace_record_release(&x);
        lace_record_release(&y);
    }
    assert_true(different > 15);
    lace_sources_release(&s);
    lace_sources_release(&again);
}

static void sources_come_and_go(void **state)
{
    struct lace_sources s = sources_of("data:\n"
                                       "  - {family: search, threads: 1, difficulty: 1, until: 0.5}\n"
                                       "  - {family: search, threads: 2, difficulty: 1, from: 0.25, until: 0.75}\n"
                                       "  - {family: search, threads: 3, difficulty: 1, from: 0.75}\n");
    static const struct {
        double at;
        int active; /* a bit for each source */
    } moments[] = {{0, 1}, {0.2499, 1}, {0.25, 3}, {0.5, 3}, {0.5001, 2}, {0.75, 6}, {0.7501, 4}, {1, 4}};
    struct lace_rng rng;
    lace_rng_init(&rng, 1, 1);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        int seen = 0;
        for (int k = 0; k < 40; k++) {
            struct lace_record r;
            seen |= 1 << draw(&s, &rng, moments[i].at, &r);
            lace_record_release(&r);
        }
        assert_int_equal(seen, moments[i].active);
    }
    lace_sources_release(&s);
}

static void no_test_problem_is_drawn(void **state)
{
    struct lace_sources s =
        sources_of("data:\n"
                   "  - {family: search, policy: shared, difficulty: 1, options: [2, 8], ambiguity: [0, 2]}\n"
                   "  - {family: search, policy: alone, threads: 1, difficulty: [1, 2], options: [2, 8], ambiguity: "
                   "[0, 2], moduli: [11, 13]}\n"
                   "  - {family: search, policy: tagged, difficulty: [1, 4], ambiguity: 2, corrupt: 1}\n");
    struct lace_rng rng;
    enum lace_split side;
    lace_rng_init(&rng, 8, 1);
    for (int i = 0; i < 10000; i++) {
        struct lace_record r;
        const struct lace_family *family = s.source[draw(&s, &rng, 0.5, &r)].family;
        assert_int_equal(lace_family_side(family, r.prompt, &side, NULL), 0);
        if (side != LACE_SPLIT_TRAIN) fail_msg("%s: %s is a test problem", r.id, r.prompt);
        lace_record_release(&r);
    }
    lace_sources_release(&s);
}

static void several_families_share_a_weight(void **state)
{
    struct lace_sources s = sources_of(
        "data:\n  - {family: [search, path, chain], difficulty: 1, weight: 3}\n  - {family: path, weight: 3}\n");
    static const char *const names[] = {"search", "path", "chain", "path"};
    struct lace_rng rng;
    int drawn[4] = {0};
    assert_int_equal(s.count, 4);
    lace_rng_init(&rng, 8, 1);
    for (int i = 0; i < 600; i++) {
        struct lace_record r;
        int k = draw(&s, &rng, 0.5, &r);
        assert_string_equal(r.task, names[k]);
        if (k < 3) assert_int_equal(r.difficulty, 1);
        drawn[k]++;
        lace_record_release(&r);
    }
    for (int k = 0; k < 3; k++) assert_in_range(drawn[k], 60, 140); /* 100 expected, 4 deviations of 9.1 */
    lace_sources_release(&s);
}

/* ---- files ---- */

static int to_file(void *user, const char *bytes, size_t len) { return fwrite(bytes, 1, len, user) != len; }

static void make_file(const char *path, enum lace_split split, int count)
{
    struct lace_data_knobs knobs;
    struct lace_error err;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    lace_data_knobs_defaults(&knobs);
    knobs.difficulty = (struct lace_interval){1, 2};
    knobs.split = split;
    assert_works(lace_data_make("search", &knobs, 0, (uint64_t)count, to_file, f, &err), err);
    fclose(f);
}

static void a_file_is_a_source(void **state)
{
    char yaml[400];
    make_file(in_folder("five.jsonl"), LACE_SPLIT_TRAIN, 5);
    snprintf(yaml, sizeof yaml,
             "data:\n  - {file: %s, shuffle: true}\n  - {family: search, threads: 1, difficulty: 3}\n",
             in_folder("five.jsonl"));
    struct lace_sources s = sources_of(yaml);
    struct lace_rng rng;
    int seen[5] = {0};
    lace_rng_init(&rng, 1, 1);
    assert_int_equal(s.source[0].line_count, 5);
    for (int i = 0; i < 400; i++) {
        struct lace_record r;
        int k = draw(&s, &rng, 0.5, &r);
        assert_true((r.difficulty == 3) == (k == 1));
        for (int j = 0; j < 5; j++) {
            struct lace_record line;
            struct lace_error err;
            assert_works(lace_record_parse(&line, s.source[0].lines[j], strlen(s.source[0].lines[j]), "line", &err),
                         err);
            seen[j] += k == 0 && !strcmp(line.id, r.id) && !strcmp(line.prompt, r.prompt) &&
                       line.thread_count == r.thread_count;
            lace_record_release(&line);
        }
        lace_record_release(&r);
    }
    for (int j = 0; j < 5; j++) assert_in_range(seen[j], 15, 70);
    lace_sources_release(&s);
}

/* ---- refusals ---- */

static void refuses(const char *yaml, const char *says)
{
    struct lace_settings settings;
    struct lace_sources sources;
    struct lace_error err;
    assert_works(lace_settings_parse(&settings, yaml, strlen(yaml), "t.yaml", &err), err);
    err.text[0] = 0;
    int code = lace_sources_read(&sources, &settings, 1, &err);
    if (!code) {
        lace_sources_release(&sources);
        code = lace_settings_unused(&settings, &err);
    }
    lace_settings_release(&settings);
    if (!code) fail_msg("accepted: %s", yaml);
    size_t len = strlen(err.text);
    if (!strstr(err.text, says) || (err.text[len - 1] != '.' && err.text[len - 1] != '?'))
        fail_msg("\"%s\" is not in: %s", says, err.text);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"steps: 1\n", "there is no data to train on"},
        {"data:\n  - {famly: search}\n", "data.0 says neither family: nor file:"},
        {"data:\n  - {family: search}\n  - {famly: search}\n", "data.1 says neither"},
        {"data:\n  - {family: search, file: x}\n", "data.0 names a family and a file"},
        {"data:\n  - {family: serach}\n", "no problem family 'serach'"},
        {"data:\n  - {family: [search, serach]}\n", "no problem family 'serach'"},
        {"data:\n  - {family: [search, toll]}\n", "the family toll is for evaluation only"},
        {"data:\n  - {family: [search, path], difficulty: 12}\n  - {family: [chain, path], difficulty: 12}\n",
         "must lie within 1:8"},
        {"data:\n  - {family: toll}\n", "the family toll is for evaluation only; train on another one"},
        {"data:\n  - {family: search, treads: 2}\n", "did you mean data.0.threads?"},
        {"data:\n  - {family: search, split: test}\n", "data.0.split is not a known setting"},
        {"data:\n  - {family: search, threads: [4, 2]}\n", "data.0.threads goes from 4 down to 2"},
        {"data:\n  - {family: search, policy: sharing}\n",
         "data.0.policy must be shared, tagged or alone, not \"sharing\""},
        {"data:\n  - {family: search, threads: [2, 65]}\n",
         "data.0.threads must be at most 2 whole numbers from 1 to 64,"},
        {"data:\n  - {family: search, options: 97}\n", "data.0.options must be at most 2 whole numbers from 2 to 96,"},
        {"data:\n  - {family: search, ambiguity: 3}\n",
         "data.0.ambiguity must be at most 2 whole numbers from 0 to 2,"},
        {"data:\n  - {family: search, budget: 4097}\n", "data.0.budget must be a whole number from 0 to 4096,"},
        {"data:\n  - {family: search, keep: 1}\n", "data.0.keep leaves threads out"},
        {"data:\n  - {family: search, weight: -1}\n", "data.0.weight must be"},
        {"data:\n  - {family: search, difficulty: 40}\n", "must lie within 1:12"},
        {"data:\n  - {family: search, moduli: [12]}\n", "modulus 12 is not a prime"},
        {"data:\n  - {family: search, moduli: [11], options: [2, 12]}\n", "No modulus exceeds 12 options"},
        {"data:\n  - {family: search, weight: 0}\n", "right after 0 %"},
        {"data:\n  - {family: search, from: 0.1}\n", "right after 0 %"},
        {"data:\n  - {family: search, until: 0.5}\n", "right after 50 %"},
        {"data:\n  - {family: search, from: 0.6}\n  - {family: search, until: 0.3}\n  - {family: search, until: 0.5, "
         "from: 0.2}\n",
         "right after 50 %"},
        {"data:\n  - {file: /nowhere.jsonl}\n", "/nowhere.jsonl"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) refuses(cases[i].yaml, cases[i].says);
}

static void bad_files_are_refused(void **state)
{
    static const char good[] = "{\"id\":\"a\",\"task\":\"t\",\"difficulty\":1,\"prompt\":\"p\",\"answer\":\"1\","
                               "\"threads\":[{\"steps\":[\"s\\n\"],\"answer\":\"1\"}]}\n";
    char yaml[400], text[600];
    const char *path = in_folder("bad.jsonl");
    snprintf(yaml, sizeof yaml, "data:\n  - {file: %s}\n", path);
    write_text(path, "");
    refuses(yaml, "bad.jsonl holds no records");
    snprintf(text, sizeof text, "%s{\"id\": 1}\n", good);
    write_text(path, text);
    refuses(yaml, "bad.jsonl, line 2");
    write_text(path,
               "{\"id\":\"b\",\"task\":\"t\",\"difficulty\":1,\"prompt\":\"p\",\"answer\":\"1\",\"threads\":[]}\n");
    refuses(yaml, "has no threads to learn from");
    write_text(path, "{\"id\":\"c\",\"task\":\"toll\",\"difficulty\":1,\"prompt\":\"p\",\"answer\":\"1\","
                     "\"threads\":[{\"steps\":[\"s\\n\"],\"answer\":\"1\"}]}\n");
    refuses(yaml, "record c is of the family toll, which is for evaluation only");
    make_file(path, LACE_SPLIT_TEST, 3);
    refuses(yaml, "lies on the test side of the split");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_hold),
        cmocka_unit_test(a_draw_depends_on_its_generator_only),
        cmocka_unit_test(sources_come_and_go),
        cmocka_unit_test(no_test_problem_is_drawn),
        cmocka_unit_test(several_families_share_a_weight),
        cmocka_unit_test(a_file_is_a_source),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(bad_files_are_refused),
    };
    return cmocka_run_group_tests_name("source", tests, open_all, close_all);
}
