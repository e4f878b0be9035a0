/* How records become rows: tokens, places on the clock, targets; and that a text is worth the same log-probabilities in
 * a shard as in the decoder that wrote it. */
#include "train_test.h"
#include "decode/decoder.h"

enum { MOST = 160 };
struct text { /* what a thread should hold: its tag first, the verdict's last token at the end */
    int ids[MOST], count;
    float weight[MOST]; /* of each token as a target; -1: none */
    int lead;           /* index of the lead's last token */
};

static void append(struct text *t, const char *what, float weight)
{
    int *ids = NULL;
    size_t capacity = 0, count;
    struct lace_error err;
    assert_works(lace_tokenizer_encode(tokenizer, what, strlen(what), true, &ids, &capacity, &count, &err), err);
    assert_true(t->count + (int)count <= MOST);
    for (size_t i = 0; i < count; i++) {
        t->weight[t->count] = weight;
        t->ids[t->count++] = ids[i];
    }
    free(ids);
}

static struct text read_prompt(const char *prompt)
{
    struct text t = {.count = 0};
    char line[128];
    snprintf(line, sizeof line, "%s\n", prompt);
    append(&t, line, -1);
    return t;
}

static struct lace_record parse(const char *json)
{
    struct lace_record r;
    struct lace_error err;
    assert_works(lace_record_parse(&r, json, strlen(json), "test", &err), err);
    return r;
}

static void shard_open(struct lace_shard *s, int rows)
{
    struct lace_error err;
    assert_works(lace_shard_init(s, rows, &err), err);
    lace_shard_clear(s);
}

static int add(struct lace_shard *s, const struct lace_record *r, struct lace_source source, uint64_t seed)
{
    struct lace_rng rng;
    struct lace_error err;
    lace_rng_init(&rng, seed, 0);
    int code = lace_shard_add(s, &format, r, &source, &rng, 512, &err);
    if (code < 0) fail_msg("%s", err.text);
    return code;
}

#define STEP_A "g*2+5=9, try 1: 2+5=7, no.\\n"
#define STEP_B "g*2+5=9, try 2: 4+5=9, yes.\\n"
static const char story[] =
    "{\"id\":\"a\",\"task\":\"t\",\"difficulty\":1,\"prompt\":\" Find g. \",\"answer\":\"2\",\"threads\":["
    "{\"steps\":[\"" STEP_A "\",\"" STEP_B "\"],\"answer\":\"2\",\"verdict\":\"best\"},"
    "{\"steps\":[\"" STEP_B "\"],\"answer\":null,\"verdict\":\"fail\"},"
    "{\"steps\":[\"" STEP_A "\"],\"answer\":\"2\"}],\"meta\":{\"corrupted\":[[0,1,\"flip\"]],"
    "\"interactions\":[[0,0,\"skipped\",1],[2,0,\"collided\",0]]}}";

/* The threads of the story as they should be laid out. */
static void tell(struct text t[3])
{
    static const char *const tags[] = {"<|1|><|of 3|>", "<|2|><|of 3|>", "<|3|><|of 3|>"};
    for (int n = 0; n < 3; n++) t[n].count = 0, append(&t[n], tags[n], -1);
    append(&t[0], "g*2+5=9, try 1: 2+5=7, no.\n", 1);
    append(&t[0], "g*2+5=9, try 2: 4+5=9, yes.\n", 0); /* falsified: read, not learned */
    append(&t[0], "Answer: 2.\n", 1);
    append(&t[0], "[[", 1);
    t[0].lead = t[0].count - 1;
    append(&t[0], "best]]", 1);
    append(&t[1], "g*2+5=9, try 2: 4+5=9, yes.\n", 1);
    append(&t[1], "[[", 0); /* cut off: it did not choose to end */
    t[1].lead = t[1].count - 1;
    append(&t[1], "fail]]", 1);
    append(&t[2], "g*2+5=9, try 1: 2+5=7, no.\n", 0); /* it did what another did: read, not learned */
    append(&t[2], "Answer: 2.\n", 1);
    append(&t[2], "[[", 1); /* no verdict: the lead is the last row */
    t[2].lead = t[2].count - 1;
}

static void a_record_becomes_rows(void **state)
{
    struct lace_record r = parse(story);
    struct lace_shard s;
    struct text t[3], prompt = read_prompt("Find g.");
    const struct lace_batch *b = &s.batch;
    tell(t);
    shard_open(&s, 400);
    assert_int_equal(add(&s, &r, (struct lace_source){0}, 1), 1);
    assert_int_equal(add(&s, &r, (struct lace_source){.shut = true}, 1), 1);
    int lattice_rows = b->rows, barrier = t[0].lead, out = 0;
    double weights = 0;
    lace_shard_close(&s);
    assert_int_equal(b->lattice_rows, lattice_rows);
    assert_int_equal(s.groups[0].see, 0);
    assert_int_equal(s.groups[1].see, -1);
    for (int g = 0, row = 0; g < 2; g++)
        for (int n = 0; n < 3; n++) {
            int rows = t[n].count - (n < 2), steps = 0; /* a verdict's last token is a target only */
            assert_memory_equal(&s.groups[g].thread[n], (&(struct lace_span){row, rows, row, 0}),
                                sizeof(struct lace_span));
            for (int j = 0; j < rows; j++, row++) {
                assert_int_equal(b->token[row], t[n].ids[j]);
                assert_int_equal(b->position[row], prompt.count + j);
                assert_int_equal(b->time[row], j < t[n].lead ? j : barrier + j - t[n].lead);
                assert_int_equal(b->thread[row], n);
                assert_int_equal(b->step[row], steps);
                assert_int_equal(b->slot[row], row);
                steps += format.ends_step[b->token[row]];
                if (j + 1 == t[n].count || t[n].weight[j + 1] < 0) continue;
                assert_int_equal(b->out_row[out], row);
                assert_int_equal(s.target[out], t[n].ids[j + 1]);
                assert_true(s.weight[out] == t[n].weight[j + 1]);
                weights += s.weight[out++];
            }
            assert_int_equal(steps, n ? 1 + (n == 2) : 3); /* the answer's line is a step too */
        }
    assert_int_equal(b->outs, out);
    assert_true(s.weights == weights);
    for (int g = 0, row = lattice_rows; g < 2; g++) {
        assert_memory_equal(&s.groups[g].prompt, (&(struct lace_span){row, prompt.count, row, 0}),
                            sizeof(struct lace_span));
        for (int i = 0; i < prompt.count; i++, row++) {
            assert_int_equal(b->token[row], prompt.ids[i]);
            assert_true(b->position[row] == i && b->time[row] == i && b->slot[row] == row && !b->thread[row] &&
                        !b->step[row]);
        }
        assert_true(g == 0 || row == b->rows);
    }
    lace_shard_release(&s);
    lace_record_release(&r);
}

/* Whatever is drawn: the row after an out row holds its target, clocks ascend, the leads stand together. */
static void check_shard(const struct lace_shard *s, const struct lace_source *source)
{
    const struct lace_batch *b = &s->batch;
    for (int i = 0; i < b->outs; i++) {
        int row = b->out_row[i];
        bool last = row + 1 == b->lattice_rows || b->thread[row + 1] != b->thread[row] ||
                    b->position[row + 1] != b->position[row] + 1;
        if (!last) assert_int_equal(s->target[i], b->token[row + 1]);
        else
            assert_true(s->target[i] == format.verdict[1] || s->target[i] == format.verdict[2] ||
                        s->target[i] == format.verdict[3]);
    }
    for (int g = 0; g < s->group_count; g++) {
        const struct lace_group *group = &s->groups[g];
        int tag[LACE_TAG_TOKENS], lead = -1, earliest = 1 << 30, latest = -1;
        for (int n = 0; n < group->threads; n++) {
            const struct lace_span *p = &group->thread[n];
            assert_int_equal(lace_format_tag(&format, n, group->threads, tag), 2);
            assert_true(b->token[p->row] == tag[0] && b->token[p->row + 1] == tag[1]);
            for (int j = 0; j < p->rows; j++) {
                int r = p->row + j;
                assert_int_equal(b->position[r], group->prompt.rows + j);
                if (j) assert_true(b->time[r] > b->time[r - 1]);
                if (j && j + 1 < p->rows) assert_int_equal(b->time[r], b->time[r - 1] + 1);
            }
            int end = p->row + p->rows - 1; /* "[[" is one token here, and a verdict's rest another */
            assert_int_equal(b->token[end], format.lead[0]);
            if (lead < 0) lead = b->time[end];
            assert_int_equal(b->time[end], lead);
            if (b->time[p->row] < earliest) earliest = b->time[p->row];
            if (b->time[p->row] > latest) latest = b->time[p->row];
        }
        assert_true(earliest >= 0 && latest - earliest <= source->jitter && latest <= source->start + source->jitter);
    }
}

static void what_is_shuffled_and_late_stays_consistent(void **state)
{
    struct lace_sources sources = sources_of(
        "data:\n  - {family: search, policy: shared, threads: [2, 5], difficulty: [1, 2], options: 5, moduli: [11],"
        " corrupt: 0.5, start: 6, jitter: 4, shuffle: true, midstep: 0.5, budget: 4}\n");
    const struct lace_source *source;
    struct lace_rng rng;
    struct lace_shard s;
    struct lace_error err;
    int starts[11] = {0}, swapped = 0, groups = 0;
    lace_rng_init(&rng, 3, 3);
    shard_open(&s, 1000);
    for (int k = 0; k < 60; k++) {
        lace_shard_clear(&s);
        for (int fits = 1; fits > 0;) {
            struct lace_record r;
            assert_works(lace_sources_draw(&sources, &rng, 0.5, &r, &source, &err), err);
            assert_works(fits = lace_shard_add(&s, &format, &r, source, &rng, 512, &err), err);
            if (fits) { /* which thread tells its first step */
                struct text first = {.count = 0};
                append(&first, r.threads[0].steps[0], 1);
                const struct lace_span *p = &s.groups[s.group_count - 1].thread[0];
                swapped += memcmp(&s.batch.token[p->row + 2], first.ids,
                                  sizeof(int) * (size_t)(first.count < 5 ? first.count : 5) * 2) != 0;
                starts[s.batch.time[p->row]]++;
                groups++;
            }
            lace_record_release(&r);
        }
        lace_shard_close(&s);
        check_shard(&s, source);
    }
    for (int i = 0; i < 11; i++) assert_true(starts[i] > 0);
    assert_in_range(swapped, groups / 4, groups);
    lace_shard_release(&s);
    lace_sources_release(&sources);
}

/* keep: some threads of a group alone, under the tags they have in it. */
static void threads_may_be_left_out(void **state)
{
    struct lace_record r = parse(story);
    struct lace_shard s;
    struct lace_source source = {.shut = true, .keep = 1};
    int seen[3] = {0};
    shard_open(&s, 400);
    for (uint64_t seed = 0; seed < 30; seed++) {
        lace_shard_clear(&s);
        assert_int_equal(add(&s, &r, source, seed), 1);
        lace_shard_close(&s);
        int there = -1, tag[LACE_TAG_TOKENS];
        for (int n = 0; n < 3; n++) {
            if (!s.groups[0].thread[n].rows) continue;
            assert_int_equal(there, -1);
            there = n;
        }
        assert_in_range(there, 0, 2);
        seen[there]++;
        assert_int_equal(s.batch.lattice_rows, s.groups[0].thread[there].rows);
        assert_int_equal(lace_format_tag(&format, there, 3, tag), 2);
        assert_memory_equal(s.batch.token, tag, 2 * sizeof *tag);
        for (int i = 0; i < s.batch.lattice_rows; i++) assert_int_equal(s.batch.time[i], i); /* nobody to wait for */
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    lace_shard_release(&s);
    lace_record_release(&r);
}

static void what_does_not_fit_is_said(void **state)
{
    struct lace_record r = parse(story);
    struct lace_shard s;
    struct lace_source source = {0};
    struct lace_rng rng;
    struct lace_error err;
    lace_rng_init(&rng, 1, 1);
    shard_open(&s, 120);
    assert_int_equal(lace_shard_add(&s, &format, &r, &source, &rng, 512, &err), 1);
    int rows = s.batch.rows, outs = s.batch.outs, prompts = s.prompt_rows;
    double weights = s.weights;
    assert_int_equal(lace_shard_add(&s, &format, &r, &source, &rng, 512, &err), 0); /* full: the shard is as it was */
    assert_true(s.batch.rows == rows && s.batch.outs == outs && s.prompt_rows == prompts && s.weights == weights &&
                s.group_count == 1 && s.span_count == 3);
    assert_int_equal(lace_shard_add(&s, &format, &r, &source, &rng, 30, &err),
                     LACE_BAD); /* would never fit: not passed over in silence */
    lace_shard_clear(&s);
    assert_int_equal(lace_shard_add(&s, &format, &r, &source, &rng, 30, &err), LACE_BAD);
    assert_string_equal(err.text, "Record a is longer than the model's context of 30 tokens; take easier problems.");
    lace_shard_release(&s);
    shard_open(&s, 64);
    assert_int_equal(lace_shard_add(&s, &format, &r, &source, &rng, 512, &err), LACE_BAD);
    assert_string_equal(
        err.text,
        "Record a with its 3 threads does not fit a shard of 64 rows; raise shard_rows or take easier problems.");
    struct lace_record_thread many[40] = {{0}};
    struct lace_record wide = r;
    wide.threads = many;
    wide.thread_count = 16; /* more spans than so small a shard has */
    assert_int_equal(lace_shard_add(&s, &format, &wide, &source, &rng, 512, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "16 threads does not fit a shard of 64 rows"));
    wide.thread_count = 40;
    lace_shard_release(&s);
    shard_open(&s, 400);
    assert_int_equal(lace_shard_add(&s, &format, &wide, &source, &rng, 512, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "no tag for 40 threads"));
    lace_shard_release(&s);
    lace_record_release(&r);
}

/* ---- through the model ---- */

struct measured { /* log-probabilities of a shard's targets */
    float logprob[2048];
};

static struct measured *measure(struct lace_shard *s, const struct lace_model *m)
{
    struct measured *result = calloc(1, sizeof *result);
    struct lace_cache cache;
    struct lace_state st;
    struct lace_error err;
    int rows = s->batch.row_cap;
    assert_true(s->batch.outs <= 2048);
    assert_works(lace_cache_init(&cache, m, rows, LACE_F32, &err), err);
    assert_works(lace_state_init(&st, m, &(struct lace_state_options){rows, 512, rows, rows, 1, true}, &err), err);
    assert_works(lace_shard_views(s, &cache, m, &err), err);
    lace_forward(m, &st, &cache, &s->batch);
    lace_loss(m, &st, &s->batch, s->target, s->weight, result->logprob, NULL, false);
    lace_state_release(&st);
    lace_cache_release(&cache);
    return result;
}

/* Another token in a thread changes its group's later tokens, its own alone where the gates are shut, and no other's. */
static void groups_do_not_see_each_other(void **state)
{
    struct lace_record r = parse(story);
    struct lace_model *m = tiny_model(LACE_F32, true, 1);
    struct lace_shard s;
    shard_open(&s, 600);
    for (int g = 0; g < 4; g++) assert_int_equal(add(&s, &r, (struct lace_source){.shut = g == 2}, 1), 1);
    lace_shard_close(&s);
    struct measured *before = measure(&s, m);
    for (int changed = 1; changed < 3; changed++) {
        int row = s.groups[changed].thread[0].row + 4, differ[4][3] = {{0}};
        s.batch.token[row]++;
        struct measured *after = measure(&s, m);
        for (int i = 0; i < s.batch.outs; i++) {
            int out = s.batch.out_row[i], g = 0;
            while (g < 3 && out >= s.groups[g + 1].thread[0].row) g++;
            bool same = !memcmp(&before->logprob[i], &after->logprob[i], sizeof(float));
            if (s.batch.time[out] < s.batch.time[row] || g != changed) assert_true(same);
            differ[g][s.batch.thread[out]] += !same;
        }
        assert_true(differ[changed][0] > 20 && (changed == 2) == (differ[changed][1] == 0) &&
                    (changed == 2) == (differ[changed][2] == 0));
        s.batch.token[row]--;
        free(after);
    }
    free(before);
    lace_shard_release(&s);
    lace_model_free(&m);
    lace_record_release(&r);
}

/* A head of its own that gives capital letters and line ends only, so that what was sampled is encoded to the same
 * tokens again. */
static struct lace_model *model_of_capitals(int dtype)
{
    struct lace_model *tied = tiny_model(dtype, true, 1), *m;
    struct lace_config c = tied->config;
    struct lace_lattice_config l = tied->lattice;
    struct lace_error err;
    lace_model_free(&tied);
    c.tie_word_embeddings = false;
    assert_works(lace_model_create(&m, &c, 5, &(struct lace_model_options){true, dtype, NULL}, &err), err);
    assert_works(lace_model_attach(m, &l, &(struct lace_lattice_start){0.5f, 0.5f, true, 3}, &err), err);
    scramble(m, 0, 0.8f);
    struct lace_weight *embed = lace_model_weight(m, 0, P_EMBED), *head = lace_model_weight(m, 0, P_HEAD);
    for (int i = 0; i < embed->rows; i++) {
        size_t len = 0;
        const char *bytes = i < lace_tokenizer_size(tokenizer) && !lace_tokenizer_is_special(tokenizer, i)
                                ? lace_tokenizer_bytes(tokenizer, i, &len)
                                : NULL;
        bool allowed = bytes && len == 1 && ((*bytes >= 'A' && *bytes <= 'Z') || *bytes == '\n');
        embed->value[(size_t)i * embed->cols] = 6;
        head->value[(size_t)i * head->cols] = allowed ? 0 : -20;
        for (int j = 1; j < head->cols; j++) head->value[(size_t)i * head->cols + j] *= 2;
    }
    lace_model_repack(m, false);
    return m;
}

enum { THREADS = 3, GROUPS = 2 };
struct written { /* by the decoder */
    int times[THREADS][MOST];
    double after[THREADS][MOST]; /* log-probability of the token after; 0: it was forced */
    float p[THREADS][4];
    int count[THREADS], ids[THREADS][MOST];
    char text[THREADS][512];
};

static void write_groups(const struct lace_model *m, const struct text *prompt, const int (*length)[THREADS],
                         const struct text (*tail)[THREADS], struct written *out)
{
    struct lace_decoder *d;
    struct lace_error err;
    int running = 1, at[GROUPS][THREADS];
    assert_works(lace_decoder_open(&d, m, &format,
                                   &(struct lace_decoder_options){GROUPS, THREADS, prompt->count, MOST, 1}, &err),
                 err);
    for (int g = 0; g < GROUPS; g++) {
        struct lace_group_options o = {.threads = THREADS,
                                       .see = g ? LACE_SEE_NONE : LACE_SEE_OWN,
                                       .seed = (uint64_t)g + 11,
                                       .barrier = true,
                                       .budget = 100,
                                       .sampling = {1, 0, 1, 0, 1}};
        assert_int_equal(lace_decoder_add(d, prompt->ids, prompt->count, &o, &err), g);
    }
    for (int clock = 0; running; clock++) {
        double before[GROUPS][THREADS];
        for (int g = 0; g < GROUPS; g++)
            for (int n = 0; n < THREADS; n++) {
                const struct lace_thread *t = lace_decoder_thread(d, g, n);
                at[g][n] = t->fed;
                before[g][n] = t->logprob;
                if (t->count == length[g][n] && t->fed == t->count - 1)
                    lace_decoder_force(d, g, n, tail[g][n].ids, tail[g][n].count);
            }
        assert_works(running = lace_decoder_step(d, NULL, &err), err);
        for (int g = 0; g < GROUPS; g++)
            for (int n = 0; n < THREADS; n++) {
                const struct lace_thread *t = lace_decoder_thread(d, g, n);
                if (t->fed == at[g][n]) continue;
                out[g].times[n][at[g][n]] = clock;
                out[g].after[n][at[g][n]] = t->logprob - before[g][n];
            }
    }
    for (int g = 0; g < GROUPS; g++)
        for (int n = 0; n < THREADS; n++) {
            const struct lace_thread *t = lace_decoder_thread(d, g, n);
            assert_int_equal(t->end, LACE_END_VERDICT);
            memcpy(out[g].p[n], t->p, sizeof t->p);
            memcpy(out[g].ids[n], t->ids, sizeof(int) * (size_t)t->count);
            out[g].count[n] = t->count;
            snprintf(out[g].text[n], sizeof out[g].text[n], "%s", t->text.data);
        }
    lace_decoder_close(&d);
}

/* The decoder's text as a record: lines are steps; an answer's line and the verdict are written by the shard again. */
static void make_record(struct lace_record *r, const struct written *w, const enum lace_verdict *verdict,
                        struct lace_record_thread *threads, char *steps[][64])
{
    *r = (struct lace_record){
        .id = "x", .task = "t", .prompt = "Find A to Z mod 11", .threads = threads, .thread_count = THREADS};
    for (int n = 0; n < THREADS; n++) {
        char *text = (char *)w->text[n], *end = strstr(text, "Answer: ");
        threads[n] = (struct lace_record_thread){.steps = steps[n], .answer = end ? "5" : NULL, .verdict = verdict[n]};
        if (!end) end = strstr(text, "[[");
        for (char *line = text; line < end;) {
            char *next = memchr(line, '\n', (size_t)(end - line));
            next = next ? next + 1 : end;
            steps[n][threads[n].count++] = strndup(line, (size_t)(next - line));
            line = next;
        }
    }
}

/* In f32 the sums have another order: some 1e-6 of logits of size 5. In bf16 operands round the other way now and then. */
static void a_text_is_worth_the_same_in_both(void **state)
{
    static const int length[GROUPS][THREADS] = {{20, 45, 31}, {12, 33, 30}};
    static const enum lace_verdict verdicts[GROUPS][THREADS] = {{1, 3, 2}, {3, 3, 2}};
    struct text prompt = read_prompt("Find A to Z mod 11"), tail[GROUPS][THREADS];
    for (int g = 0; g < GROUPS; g++)
        for (int n = 0; n < THREADS; n++) {
            char text[64];
            snprintf(text, sizeof text, "%s[[%s]]", verdicts[g][n] == 3 ? "" : "\nAnswer: 5.\n",
                     lace_verdict_names[verdicts[g][n]]);
            tail[g][n].count = 0;
            append(&tail[g][n], text, 1);
        }
    for (int dtype = LACE_F32; dtype <= LACE_BF16; dtype++) {
        struct lace_model *m = model_of_capitals(dtype);
        struct written *w = calloc(GROUPS, sizeof *w);
        struct lace_record r;
        struct lace_record_thread threads[THREADS];
        struct lace_shard s;
        char *steps[THREADS][64];
        double tolerance = dtype == LACE_F32 ? 3e-5 : 0.1, most = 0;
        int compared = 0, lines = 0;
        write_groups(m, &prompt, length, tail, w);
        shard_open(&s, 400);
        for (int g = 0; g < GROUPS; g++) {
            make_record(&r, &w[g], verdicts[g], threads, steps);
            assert_int_equal(add(&s, &r, (struct lace_source){.shut = g == 1}, 1), 1);
            for (int n = 0; n < THREADS; n++)
                for (int i = 0; i < threads[n].count; i++, lines++) free(steps[n][i]);
        }
        assert_true(lines > 2 * GROUPS * THREADS); /* the clock of steps moves */
        lace_shard_close(&s);
        struct measured *x = measure(&s, m);
        for (int g = 0; g < GROUPS; g++)
            for (int n = 0; n < THREADS; n++) {
                const struct lace_span *p = &s.groups[g].thread[n];
                assert_int_equal(p->rows, w[g].count[n] - 1);
                for (int j = 0; j < p->rows; j++) {
                    assert_int_equal(s.batch.token[p->row + j], w[g].ids[n][j]);
                    assert_int_equal(s.batch.time[p->row + j], w[g].times[n][j]);
                }
                for (int i = 0; i < s.batch.outs; i++) {
                    int j = s.batch.out_row[i] - p->row;
                    if (j < 0 || j >= p->rows) continue;
                    assert_int_equal(s.target[i], w[g].ids[n][j + 1]);
                    double want = j == p->rows - 1 ? log(w[g].p[n][verdicts[g][n]]) : w[g].after[n][j];
                    if (want == 0) continue;
                    compared++;
                    most = fmax(most, fabs(want - x->logprob[i]));
                    if (!(fabs(want - x->logprob[i]) < tolerance * (1 + fabs(want) / 8))) /* verdicts are at -80 here */
                        fail_msg("group %d thread %d token %d: %g in decoding, %g in training", g, n, j + 1, want,
                                 x->logprob[i]);
                }
            }
        assert_int_equal(compared, 20 + 45 + 31 + 12 + 33 + 30 - 2 * 6 +
                                       6); /* all but tags and what was forced; and the verdicts */
        assert_true(most > 0);
        free(x);
        free(w);
        lace_shard_release(&s);
        lace_model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_becomes_rows),        cmocka_unit_test(what_is_shuffled_and_late_stays_consistent),
        cmocka_unit_test(threads_may_be_left_out),      cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(groups_do_not_see_each_other), cmocka_unit_test(a_text_is_worth_the_same_in_both),
    };
    return cmocka_run_group_tests_name("shard", tests, open_all, close_all);
}
