#include "data/ask.h"
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct lace_asker {
    struct lace_ask_options o;
    char *name, *identity; /* what makes its replies what they are */
    struct lace_engine *engine;
    struct lace_teacher *teacher;
    struct lace_journal *journal;
    struct lace_asking now;
    struct lace_ask_key *keys;
    char why[sizeof((struct lace_reply *)0)->why]; /* the first question without a reply has none */
};

void lace_ask_defaults(struct lace_ask_options *o)
{
    *o = (struct lace_ask_options){.parallel = 4,
                                   .retries = 5,
                                   .pause = 1,
                                   .timeout = 600,
                                   .reply_bytes = (size_t)4 << 20,
                                   .temperature = 1,
                                   .tokens = 2048,
                                   .seed = 1};
}

static int check(const struct lace_ask_options *o, struct lace_error *err)
{
    if (!o->model == !o->teacher)
        return lace_fail(err, LACE_BAD,
                         o->model ? "A model and a teacher are named; the step takes one of them."
                                  : "The step needs somebody to ask: a model that runs here, or a teacher.");
    if (o->teacher && !o->model_name)
        return lace_fail(err, LACE_BAD, "The teacher's model is not named; give its name.");
    if (!(o->temperature >= 0 && o->temperature <= 100))
        return lace_fail(err, LACE_BAD, "The temperature is %g; it must be from 0 to 100.", o->temperature);
    if (o->tokens < 0 || o->tokens > 1 << 20)
        return lace_fail(err, LACE_BAD, "A reply has %d tokens; it may have up to %d.", o->tokens, 1 << 20);
    if (o->parallel < 1 || o->parallel > 256)
        return lace_fail(err, LACE_BAD, "%d requests at once; from 1 to 256 are possible.", o->parallel);
    if (o->retries < 0 || o->retries > 100 || !(o->pause >= 0 && o->pause <= 60) ||
        !(o->timeout > 0 && o->timeout <= 86400) || o->reply_bytes < 1024 || o->reply_bytes > (size_t)1 << 30)
        return lace_fail(err, LACE_BAD,
                         "The teacher's limits are out of range: retries 0 to 100, pause up to 60 s, timeout up to a "
                         "day, replies from 1 KiB to 1 GiB.");
    return 0;
}

/* Folder, sizes and times of the weights: another model's replies must not be taken for this one's. */
static char *identify(const struct lace_engine *e)
{
    static const char *const files[] = {"config.json", "model.safetensors", "model.safetensors.index.json",
                                        "lattice/lattice_model.safetensors"};
    struct lace_text text;
    char path[PATH_MAX];
    struct stat st;
    char *real = realpath(e->path, NULL);
    lace_text_init(&text);
    lace_text_str(&text, real ? real : e->path);
    free(real);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!lace_join(path, e->path, files[i], NULL) && !stat(path, &st))
            lace_text_print(&text, " %lld:%lld.%09ld", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                            st.st_mtim.tv_nsec);
    return text.data;
}

static int open_model(struct lace_asker *a, struct lace_error *err)
{
    struct lace_engine_options options;
    lace_engine_defaults(&options);
    options.model = *a->o.model ? a->o.model : NULL;
    options.lattice = a->o.lattice;
    int code = lace_engine_open(&a->engine, &options, err);
    if (code) return code;
    const char *slash = strrchr(a->engine->path, '/');
    a->name = strdup(slash && slash[1] ? slash + 1 : a->engine->path);
    a->identity = identify(a->engine);
    return a->name && a->identity ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
}

static int open_teacher(struct lace_asker *a, struct lace_error *err)
{
    int code = lace_teacher_open(&a->teacher, &a->o, err);
    if (code) return code;
    a->name = strdup(a->o.model_name);
    if (asprintf(&a->identity, "%s %s", a->o.teacher, a->o.model_name) < 0) a->identity = NULL;
    return a->name && a->identity ? 0 : lace_fail(err, LACE_MEMORY, "Out of memory.");
}

int lace_asker_open(struct lace_asker **asker, const struct lace_ask_options *o, struct lace_error *err)
{
    *asker = NULL;
    int code = check(o, err);
    if (code) return code;
    struct lace_asker *a = *asker = calloc(1, sizeof *a);
    if (!a) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    a->o = *o;
    code = o->model ? open_model(a, err) : open_teacher(a, err);
    if (!code && o->journal) code = lace_journal_open(&a->journal, o->journal, err);
    if (code) lace_asker_close(asker, false, NULL);
    return code;
}

void lace_asker_close(struct lace_asker **asker, bool done, struct lace_data_report *report)
{
    struct lace_asker *a = *asker;
    if (!a) return;
    if (report) snprintf(report->unanswered, sizeof report->unanswered, "%s", a->why);
    lace_journal_close(&a->journal, done && !a->o.keep_journal);
    lace_teacher_close(&a->teacher);
    lace_engine_close(&a->engine);
    free(a->name);
    free(a->identity);
    free(a);
    *asker = NULL;
}

const char *lace_asker_name(const struct lace_asker *a) { return a->name; }
struct lace_engine *lace_asker_engine(struct lace_asker *a) { return a->engine; }
int lace_asker_width(const struct lace_asker *a) { return a->engine ? 64 : 4 * a->o.parallel; }

/* Parts with their lengths before them, so that no two questions give the same bytes. */
static struct lace_ask_key key_of(const struct lace_asker *a, const struct lace_ask *ask, struct lace_text *scratch)
{
    const char *parts[] = {a->identity, ask->system, ask->prompt, ask->prefix};
    lace_text_clear(scratch);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        lace_text_print(scratch, "%zd:%s\n", parts[i] ? (ssize_t)strlen(parts[i]) : -1, parts[i] ? parts[i] : "");
    lace_text_print(scratch, "%.17g %d %llu", a->o.temperature, ask->tokens, (unsigned long long)ask->seed);
    struct lace_ask_key key = {lace_hash(scratch->data, scratch->len), 0};
    lace_text_str(scratch, "\nagain");
    key.b = lace_hash(scratch->data, scratch->len) * 0x9e3779b97f4a7c15u ^ scratch->len;
    return key;
}

static int replied(void *user, int index, struct lace_error *err)
{
    struct lace_asker *a = user;
    const struct lace_reply *reply = &a->now.replies[index];
    if (!a->journal || !reply->text) return 0;
    return lace_journal_add(a->journal, a->keys[index], reply->text, reply->cut, err);
}

int lace_ask(struct lace_asker *a, const struct lace_ask *asks, int count, struct lace_reply *replies,
             int (*tick)(void *user), void *user, struct lace_error *err)
{
    struct lace_text scratch;
    int code = 0, open_count = 0, *open = malloc(sizeof *open * ((size_t)count + 1));
    a->keys = malloc(sizeof *a->keys * ((size_t)count + 1));
    lace_text_init(&scratch);
    memset(replies, 0, sizeof *replies * (size_t)count);
    if (!a->keys || !open) code = lace_fail(err, LACE_MEMORY, "Out of memory: %d questions.", count);
    for (int i = 0; i < count && !code; i++) {
        a->keys[i] = key_of(a, &asks[i], &scratch);
        int found = a->journal ? lace_journal_find(a->journal, a->keys[i], &replies[i].text, &replies[i].cut, err) : 0;
        if (scratch.failed) code = lace_fail(err, LACE_MEMORY, "Out of memory: %d questions.", count);
        else if (found < 0) code = found;
        else if (!found) open[open_count++] = i;
    }
    a->now = (struct lace_asking){asks, replies, open, open_count, a->o.temperature, tick, user, replied, a};
    if (!code && open_count)
        code = a->engine ? lace_ask_local(a->engine, &a->now, err) : lace_ask_teacher(a->teacher, &a->now, err);
    for (int i = 0; i < count && !code && !a->why[0]; i++)
        if (!replies[i].text) memcpy(a->why, replies[i].why, sizeof a->why);
    lace_text_release(&scratch);
    free(open);
    free(a->keys);
    a->keys = NULL;
    return code;
}

/* A last line without its end counts, unless the reply was cut off there. */
bool lace_reply_answer(const struct lace_reply *reply, struct lace_text *answer)
{
    struct lace_text whole;
    lace_text_init(&whole);
    lace_text_str(&whole, reply->text);
    if (!reply->cut) lace_text_str(&whole, "\n");
    bool found = whole.data && lace_format_answer(whole.data, whole.len, answer) && !strchr(answer->data, '\n');
    lace_text_release(&whole);
    return found;
}

void lace_replies_release(struct lace_reply *replies, int count)
{
    for (int i = 0; i < count; i++) free(replies[i].text);
    memset(replies, 0, sizeof *replies * (size_t)count);
}
