/* Questions to a model that runs here: each is a plain continuation by one thread, many at once in one decoder. A model
 * of ours reads a problem as its threads do, one with a chat template reads a conversation, any other the bare text. */
#include "data/ask.h"
#include "decode/decoder.h"
#include "text/utf8.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 64, /* questions at once: enough for the products, few enough for the cache */
    ROOM = 64  /* tokens of a thread beside its budget: tag and end */
};
#define CACHE_BYTES ((size_t)2 << 30) /* of keys and values */

struct question {
    int *ids, *prefix; /* tokens */
    size_t count, prefix_count, prefix_bytes;
    int budget;
};

struct table { /* a run over the questions */
    struct lace_engine *engine;
    const struct lace_asking *asking;
    struct question *questions; /* (asking->count) */
    struct lace_decoder *decoder;
    int seat[ROWS]; /* the question of each group, -1: free */
};

/* The turn of the model, opened as its template does. NULL: it has no template that takes this. */
static char *conversation(const struct lace_engine *e, const struct lace_ask *ask)
{
    struct lace_chat_options o;
    char *text = NULL;
    size_t len;
    json_t *list = json_array();
    lace_chat_defaults(&o);
    if (ask->system) json_array_append_new(list, json_pack("{s:s, s:s}", "role", "system", "content", ask->system));
    json_array_append_new(list, json_pack("{s:s, s:s}", "role", "user", "content", ask->prompt));
    if (ask->prefix) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "role", "assistant", "content", ask->prefix));
        o.add_generation_prompt = 0;
        o.continue_final = 1;
    }
    char *messages = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (!messages || lace_chat_render(e, messages, &o, &text, &len, NULL)) text = NULL;
    free(messages);
    return text;
}

static int encode(const struct lace_engine *e, const char *text, int flags, int **ids, size_t *count,
                  struct lace_error *err)
{
    size_t capacity = 0;
    return lace_tokenizer_encode(e->tokenizer, text, strlen(text), flags, ids, &capacity, count, err);
}

static int prepare(const struct lace_engine *e, const struct lace_ask *ask, struct question *q, struct lace_error *err)
{
    int code = 0;
    if (e->format.special_tags) { /* its threads know problems, no instructions */
        code = lace_engine_prompt(e, ask->prompt, &q->ids, &q->count, err);
        if (!code && ask->prefix) code = encode(e, ask->prefix, LACE_ENCODE_INSIDE, &q->prefix, &q->prefix_count, err);
        q->prefix_bytes = ask->prefix ? strlen(ask->prefix) : 0;
    } else {
        char *text = e->chat && !lace_chat_check(e, NULL) ? conversation(e, ask) : NULL;
        bool chat = text != NULL;
        if (!text && asprintf(&text, "%s%s%s\n%s", ask->system ? ask->system : "", ask->system ? "\n\n" : "",
                              ask->prompt, ask->prefix ? ask->prefix : "") < 0)
            return lace_fail(err, LACE_MEMORY, "Out of memory.");
        code = encode(e, text, chat ? LACE_ENCODE_SPECIAL : LACE_ENCODE_BEGIN, &q->ids, &q->count, err);
        free(text);
    }
    q->budget = ask->tokens + (int)q->prefix_count;
    return code;
}

static int open_decoder(struct table *t, struct lace_error *err)
{
    const struct lace_config *c = &t->engine->model->config;
    struct lace_decoder_options o = {
        .threads = 1, .groups = t->asking->count < ROWS ? t->asking->count : ROWS, .kv = t->engine->kv};
    size_t slot = lace_cache_slot_bytes(t->engine->model, o.kv);
    for (int i = 0; i < t->asking->count; i++) {
        struct question *q = &t->questions[i];
        int room = c->max_position_embeddings - ROOM - (int)(q->count < 1 << 24 ? q->count : 1 << 24);
        if (q->budget > room) q->budget = room; /* too long a prompt is refused when its turn comes */
        if ((int)q->count > o.prompt && room > (int)q->prefix_count) o.prompt = (int)q->count;
        if (q->budget > o.tokens) o.tokens = q->budget;
    }
    o.tokens += ROOM;
    if (!o.prompt) o.prompt = 1;
    size_t slots = CACHE_BYTES / slot, all = (size_t)o.groups * ((size_t)o.prompt + (size_t)o.tokens);
    if (slots < (size_t)o.prompt + (size_t)o.tokens) slots = (size_t)o.prompt + (size_t)o.tokens;
    o.slots = (int)(slots < all ? slots : all);
    return lace_decoder_open(&t->decoder, t->engine->model, &t->engine->format, &o, err);
}

/* Seats the question; 1: there is no room for it now. */
static int start(struct table *t, int i, struct lace_error *err)
{
    static const char *const stops[] = {"[["};
    const struct lace_ask *ask = &t->asking->asks[t->asking->open[i]];
    struct lace_reply *reply = &t->asking->replies[t->asking->open[i]];
    struct question *q = &t->questions[i];
    struct lace_group_options o = {.threads = 1,
                                   .see = LACE_SEE_NONE,
                                   .solo = true,
                                   .plain = true,
                                   .sampling = {t->asking->temperature, 0, 1, 0, 1},
                                   .seed = ask->seed,
                                   .budget = q->budget,
                                   .stops = stops,
                                   .stop_count = t->engine->format.special_tags};
    struct lace_error why;
    if (q->budget <= (int)q->prefix_count || lace_decoder_check(t->decoder, q->ids, (int)q->count, &o, &why)) {
        snprintf(reply->why, sizeof reply->why, "The question has %zu tokens; the model's context holds %d.", q->count,
                 t->engine->model->config.max_position_embeddings);
        return 0;
    }
    if (!lace_decoder_fits(t->decoder, q->ids, (int)q->count, &o)) return 1;
    int g = lace_decoder_join(t->decoder, q->ids, (int)q->count, &o, NULL, err);
    if (g < 0) return g;
    t->seat[g] = i;
    if (q->prefix_count) lace_decoder_force(t->decoder, g, 0, q->prefix, (int)q->prefix_count);
    return 0;
}

static int take(struct table *t, int g, struct lace_error *err)
{
    const struct lace_thread *thread = lace_decoder_thread(t->decoder, g, 0);
    struct question *q = &t->questions[t->seat[g]];
    int index = t->asking->open[t->seat[g]];
    struct lace_text text;
    size_t skip = q->prefix_bytes < thread->text.len ? q->prefix_bytes : thread->text.len;
    lace_text_init(&text);
    lace_utf8_lossy(&text, thread->text.data + skip, thread->text.len - skip); /* a budget may end inside a letter */
    if (text.failed) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    t->asking->replies[index].text = text.data;
    t->asking->replies[index].cut = thread->cut;
    lace_decoder_remove(t->decoder, g);
    t->seat[g] = -1;
    return t->asking->replied(t->asking->asker, index, err);
}

static int run(struct table *t, struct lace_error *err)
{
    int next = 0, code = 0, seated;
    for (int g = 0; g < ROWS; g++) t->seat[g] = -1;
    while (!code) {
        while (next < t->asking->count && (code = start(t, next, err)) == 0) next++;
        if (code < 0) return code;
        seated = 0;
        for (int g = 0; g < ROWS; g++) seated += t->seat[g] >= 0;
        if (!seated) return code ? lace_fail(err, LACE_MEMORY, "The key/value cache has no room for a question.") : 0;
        int running = lace_decoder_step(t->decoder, NULL, err);
        code = running < 0 ? running : 0;
        for (int g = 0; g < ROWS && !code; g++)
            if (t->seat[g] >= 0 && lace_decoder_done(t->decoder, g)) code = take(t, g, err);
        if (!code && t->asking->tick && t->asking->tick(t->asking->user))
            code = lace_fail(err, LACE_STOPPED, "Stopped; the replies so far are kept where there is a journal.");
    }
    return code;
}

int lace_ask_local(struct lace_engine *engine, const struct lace_asking *asking, struct lace_error *err)
{
    struct table t = {.engine = engine, .asking = asking};
    int code = 0;
    if (!(t.questions = calloc((size_t)asking->count, sizeof *t.questions)))
        return lace_fail(err, LACE_MEMORY, "Out of memory: %d questions.", asking->count);
    for (int i = 0; i < asking->count && !code; i++)
        code = prepare(engine, &asking->asks[asking->open[i]], &t.questions[i], err);
    if (!code) code = open_decoder(&t, err);
    if (!code) code = run(&t, err);
    lace_decoder_close(&t.decoder);
    for (int i = 0; i < asking->count; i++) {
        free(t.questions[i].ids);
        free(t.questions[i].prefix);
    }
    free(t.questions);
    return code;
}
