/* Questions to a teacher over HTTP: POST .../chat/completions, several at once through one curl multi handle.
 *
 * What a reply may do to us is bounded: its bytes, its time, its nesting; it is read once and refused where it is not what
 * the interface promises. Redirects are not followed, so that the key goes nowhere else. What fails for a while (429,
 * 5xx, a cut connection, silence, half a reply) is tried again after pauses that double, or after what Retry-After asks
 * for; what cannot succeed (no such model, a bad key) ends the step with the server's own words. */
#include "data/ask.h"
#include "io/json.h"
#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_PAUSE = 60, LONGEST_WISH = 3600 /* seconds that Retry-After may ask for */ };

struct lace_teacher {
    struct lace_ask_options o;
    char *url;
    struct curl_slist *headers;
    CURLM *multi;
    int lost; /* questions in a row that stayed without a reply */
};

struct request {
    struct lace_teacher *teacher;
    CURL *curl; /* NULL: not under way */
    int ask;    /* index of the question */
    int tries;
    double wait_until; /* lace_now() of the next try */
    char *body;
    struct lace_text reply;
    bool too_long;
    char error[CURL_ERROR_SIZE];
};

/* ---- opening ---- */

static int make_url(struct lace_teacher *h, struct lace_error *err)
{
    const char *base = h->o.teacher, *end = "/chat/completions";
    bool plain = !strncmp(base, "http://", 7), tls = !strncmp(base, "https://", 8);
    const char *host = base + (plain ? 7 : 8), *path = plain || tls ? strchr(host, '/') : NULL;
    size_t len = strlen(base);
    if (!plain && !tls)
        return lace_fail(err, LACE_BAD, "The teacher's address is '%.200s'; it must begin with http:// or https://.",
                         base);
    if (!*host || *host == '/') return lace_fail(err, LACE_BAD, "The teacher's address '%.200s' names no host.", base);
    while (len && base[len - 1] == '/') len--;
    const char *middle = !path || !path[1] ? "/v1" : "";
    if (len > strlen(end) && !strncmp(base + len - strlen(end), end, strlen(end))) middle = end = "";
    if (asprintf(&h->url, "%.*s%s%s", (int)len, base, middle, end) < 0) {
        h->url = NULL;
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    return 0;
}

static int make_headers(struct lace_teacher *h, struct lace_error *err)
{
    char *line = NULL;
    const char *key = h->o.api_key_env ? getenv(h->o.api_key_env) : NULL;
    if (h->o.api_key_env && (!key || !*key))
        return lace_fail(err, LACE_BAD,
                         "The environment variable %.100s, which is to hold the teacher's key, is not set.",
                         h->o.api_key_env);
    for (const char *c = key ? key : ""; *c; c++)
        if ((unsigned char)*c <= 32 || (unsigned char)*c >= 127)
            return lace_fail(err, LACE_BAD, "The key in %.100s holds a blank or a sign that no key has.",
                             h->o.api_key_env);
    if (key && asprintf(&line, "Authorization: Bearer %s", key) < 0)
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    const char *const all[] = {"Content-Type: application/json", "Accept: application/json", "Expect:", line};
    for (size_t i = 0; i < sizeof all / sizeof *all && all[i]; i++) {
        struct curl_slist *longer = curl_slist_append(h->headers, all[i]);
        if (!longer) {
            free(line);
            return lace_fail(err, LACE_MEMORY, "Out of memory.");
        }
        h->headers = longer;
    }
    free(line);
    return 0;
}

int lace_teacher_open(struct lace_teacher **teacher, const struct lace_ask_options *o, struct lace_error *err)
{
    static bool
        ready; /* curl_global_init is safe here only before there are other threads; a second call only counts */
    struct lace_teacher *h = *teacher = calloc(1, sizeof *h);
    if (!h) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    h->o = *o;
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT)) {
        lace_teacher_close(teacher);
        return lace_fail(err, LACE_SYSTEM, "libcurl cannot be used.");
    }
    ready = true;
    int code = make_url(h, err);
    if (!code) code = make_headers(h, err);
    if (!code && !(h->multi = curl_multi_init())) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (code) lace_teacher_close(teacher);
    return code;
}

void lace_teacher_close(struct lace_teacher **teacher)
{
    struct lace_teacher *h = *teacher;
    if (!h) return;
    if (h->multi) curl_multi_cleanup(h->multi);
    curl_slist_free_all(h->headers);
    free(h->url);
    free(h);
    *teacher = NULL;
}

/* ---- one request ---- */

static size_t receive(char *bytes, size_t size, size_t count, void *user)
{
    struct request *r = user;
    (void)size;
    if (r->reply.len + count > r->teacher->o.reply_bytes) {
        r->too_long = true;
        return 0; /* curl ends the transfer */
    }
    lace_text_add(&r->reply, bytes, count);
    return r->reply.failed ? 0 : count;
}

static char *make_body(const struct lace_teacher *h, const struct lace_ask *ask, double temperature)
{
    json_t *messages = json_array();
    if (ask->system) json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "system", "content", ask->system));
    json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "user", "content", ask->prompt));
    /* Servers differ in what an open last message means; most go on with it or answer it, both will do. */
    if (ask->prefix)
        json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "assistant", "content", ask->prefix));
    json_t *body = json_pack("{s:s, s:o, s:f, s:i, s:I}", "model", h->o.model_name, "messages", messages, "temperature",
                             temperature, "max_tokens", ask->tokens, "seed", (json_int_t)(ask->seed & 0x7fffffff));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

static int send_request(struct request *r, struct lace_error *err)
{
    struct lace_teacher *h = r->teacher;
    CURL *c = r->curl = curl_easy_init();
    bool bad = !c;
    lace_text_clear(&r->reply);
    r->too_long = false;
    r->error[0] = 0;
    r->tries++;
#define SET(option, value) bad = bad || curl_easy_setopt(c, option, value)
    SET(CURLOPT_URL, h->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(1000 * fmin(h->o.timeout, 30)));
    SET(CURLOPT_TIMEOUT_MS, (long)(1000 * h->o.timeout));
    SET(CURLOPT_HTTPHEADER, h->headers);
    SET(CURLOPT_POSTFIELDS, r->body);
    SET(CURLOPT_WRITEFUNCTION, receive);
    SET(CURLOPT_WRITEDATA, (void *)r);
    SET(CURLOPT_ERRORBUFFER, r->error);
    SET(CURLOPT_PRIVATE, (void *)r);
    SET(CURLOPT_USERAGENT, "lace/" LACE_VERSION);
#undef SET
    if (!bad && !curl_multi_add_handle(h->multi, c)) return 0;
    curl_easy_cleanup(c);
    r->curl = NULL;
    return lace_fail(err, LACE_MEMORY, "A request to the teacher cannot be made.");
}

/* The first words of what a server says about an error, without what could command a terminal. */
static void server_words(const struct lace_text *reply, char *words, size_t size)
{
    json_t *root = reply->len ? lace_json_parse(reply->data, reply->len, "the reply", NULL) : NULL;
    const json_t *error = json_object_get(root, "error");
    const char *text = json_string_value(json_object_get(error, "message"));
    if (!text) text = json_string_value(error);
    if (!text) text = json_string_value(json_object_get(root, "message"));
    if (!text) text = root || !reply->data ? "" : reply->data;
    size_t n = 0;
    for (; *text && n + 1 < size; text++)
        if ((unsigned char)*text >= 32 && (unsigned char)*text < 127) words[n++] = *text;
    words[n] = 0;
    json_decref(root);
}

const char *lace_teacher_read(const char *bytes, size_t len, char **text, bool *cut)
{
    const char *why = NULL;
    struct lace_text out;
    *text = NULL;
    *cut = false;
    json_t *root = lace_json_parse(bytes, len, "the reply", NULL);
    if (!root) return "is not JSON";
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
    const json_t *message = json_object_get(choice, "message"), *content = json_object_get(message, "content"), *part;
    const char *finish = json_string_value(json_object_get(choice, "finish_reason")),
               *said = json_string_value(content);
    size_t i;
    lace_text_init(&out);
    if (said) lace_text_str(&out, said);
    json_array_foreach((json_t *)content, i, part)
    {
        const char *piece = json_string_value(json_object_get(part, "text"));
        if (piece) lace_text_str(&out, piece);
    }
    *cut = finish && !strcmp(finish, "length");
    if (!json_is_object(message)) why = "holds no message";
    else if (!said && !json_is_array(content)) why = "holds no text";
    else if (out.failed) why = "does not fit into memory";
    json_decref(root);
    /* What a model thinks before it answers is not its answer. */
    const char *after = out.data ? strstr(out.data, "</think>") : NULL;
    if (!why && after && strncmp(out.data + strspn(out.data, " \n"), "<think>", 7) == 0) {
        after += strlen("</think>");
        after += strspn(after, "\n ");
        *text = strdup(after);
    } else if (!why) *text = strdup(out.data ? out.data : "");
    lace_text_release(&out);
    return why || *text ? why : "does not fit into memory";
}

/* ---- all requests ---- */

struct talk {
    struct lace_teacher *teacher;
    const struct lace_asking *asking;
    struct request *requests; /* (parallel) */
    int next, running, waiting;
};

enum outcome { REPLIED, REFUSED, AGAIN };

/* What came of a transfer; a negative code where asking on has no sense. */
static int judge(struct talk *t, struct request *r, CURLcode result, double *wish, struct lace_error *err)
{
    struct lace_reply *reply = &t->asking->replies[r->ask];
    long status = 0;
    curl_off_t after = 0;
    char words[160];
    curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(r->curl, CURLINFO_RETRY_AFTER, &after); /* seconds, from a number or a date */
    *wish = after > 0 ? (double)after : 0;
    if (r->too_long) {
        snprintf(reply->why, sizeof reply->why, "The reply is longer than %zu bytes.", t->teacher->o.reply_bytes);
        return REFUSED;
    }
    if (result == CURLE_WRITE_ERROR) return lace_fail(err, LACE_MEMORY, "Out of memory while a reply is read.");
    if (result != CURLE_OK) {
        snprintf(reply->why, sizeof reply->why, "%.190s.", r->error[0] ? r->error : curl_easy_strerror(result));
        if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE)
            return lace_fail(err, LACE_SYSTEM, "The teacher's certificate is not trusted: %s", reply->why);
        return AGAIN;
    }
    if (status == 200) {
        const char *why =
            lace_teacher_read(r->reply.data ? r->reply.data : "", r->reply.len, &reply->text, &reply->cut);
        if (!why) return REPLIED;
        snprintf(reply->why, sizeof reply->why, "The reply %s.", why);
        return AGAIN;
    }
    server_words(&r->reply, words, sizeof words);
    snprintf(reply->why, sizeof reply->why, "The teacher answers %ld%s%s", status, words[0] ? ": " : ".", words);
    if (status == 408 || status == 409 || status == 425 || status == 429 || status >= 500) return AGAIN;
    if (status == 400 || status == 413 || status == 422) return REFUSED; /* this question, maybe not the next */
    return lace_fail(err, LACE_BAD, "%s answers %ld%s%s", t->teacher->url, status, words[0] ? ": " : ".", words);
}

static void end_transfer(struct talk *t, struct request *r)
{
    curl_multi_remove_handle(t->teacher->multi, r->curl);
    curl_easy_cleanup(r->curl);
    r->curl = NULL;
}

static int settle(struct talk *t, struct request *r, CURLcode result, struct lace_error *err)
{
    double wish;
    const struct lace_ask_options *o = &t->teacher->o;
    int outcome = judge(t, r, result, &wish, err);
    end_transfer(t, r);
    t->running--;
    if (outcome < 0) return outcome;
    if (outcome == AGAIN && r->tries <= o->retries) {
        double pause = o->pause * pow(2, r->tries - 1);
        pause = pause < LONGEST_PAUSE ? pause : LONGEST_PAUSE;
        if (wish > 0) pause = wish < LONGEST_WISH ? wish : LONGEST_WISH;
        r->wait_until = lace_now() + pause;
        t->waiting++;
        return 0;
    }
    /* A server that is gone would refuse every question of the night: better to stop and go on tomorrow. One that only
     * fails at this question goes on with the others. */
    t->teacher->lost = outcome == AGAIN ? t->teacher->lost + 1 : 0;
    bool gone = result != CURLE_OK && result != CURLE_OPERATION_TIMEDOUT && result != CURLE_PARTIAL_FILE;
    if (outcome == AGAIN && (gone || t->teacher->lost >= 3))
        return lace_fail(err, LACE_SYSTEM, "%s failed %d times: %s%s", t->teacher->url, r->tries,
                         t->asking->replies[r->ask].why,
                         o->journal ? " Run the same command again to go on; no reply is lost." : "");
    free(r->body);
    r->body = NULL;
    if (outcome == REPLIED) t->asking->replies[r->ask].why[0] = 0;
    return t->asking->replied(t->asking->asker, r->ask, err);
}

/* Free requests take the next questions; those whose pause is over are sent again. */
static int send_all(struct talk *t, struct lace_error *err)
{
    double now = lace_now();
    for (int i = 0; i < t->teacher->o.parallel; i++) {
        struct request *r = &t->requests[i];
        int code;
        if (r->curl) continue;
        if (r->body) {
            if (now < r->wait_until) continue;
            t->waiting--;
        } else {
            if (t->next == t->asking->count) continue;
            r->ask = t->asking->open[t->next++];
            r->tries = 0;
            r->teacher = t->teacher;
            if (!(r->body = make_body(t->teacher, &t->asking->asks[r->ask], t->asking->temperature)))
                return lace_fail(err, LACE_BAD, "A question cannot be written as JSON: it is not UTF-8.");
        }
        if ((code = send_request(r, err))) return code;
        t->running++;
    }
    return 0;
}

static int talk_on(struct talk *t, struct lace_error *err)
{
    int code = 0, left;
    CURLMsg *message;
    while (!code && !(code = send_all(t, err)) && (t->running || t->waiting)) {
        if (t->running && curl_multi_perform(t->teacher->multi, &left))
            return lace_fail(err, LACE_SYSTEM, "libcurl fails at the requests to %s.", t->teacher->url);
        while (!code && (message = curl_multi_info_read(t->teacher->multi, &left))) {
            struct request *r;
            if (message->msg != CURLMSG_DONE) continue;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
            code = settle(t, r, message->data.result, err);
        }
        if (!code && t->asking->tick && t->asking->tick(t->asking->user))
            return lace_fail(err, LACE_STOPPED, "Stopped; the replies so far are kept where there is a journal.");
        if (code) break;
        if (t->running) curl_multi_poll(t->teacher->multi, NULL, 0, 100, NULL);
        else if (t->waiting) usleep(20000); /* only pauses are left */
    }
    return code;
}

int lace_ask_teacher(struct lace_teacher *teacher, const struct lace_asking *asking, struct lace_error *err)
{
    struct talk t = {
        .teacher = teacher, .asking = asking, .requests = calloc((size_t)teacher->o.parallel, sizeof *t.requests)};
    if (!t.requests) return lace_fail(err, LACE_MEMORY, "Out of memory: %d requests.", teacher->o.parallel);
    for (int i = 0; i < teacher->o.parallel; i++) lace_text_init(&t.requests[i].reply);
    int code = talk_on(&t, err);
    for (int i = 0; i < teacher->o.parallel; i++) {
        if (t.requests[i].curl) end_transfer(&t, &t.requests[i]);
        free(t.requests[i].body);
        lace_text_release(&t.requests[i].reply);
    }
    free(t.requests);
    return code;
}
