#include "serve/metrics.h"
#include "serve/openai.h"
#include <string.h>

static const double bounds[LACE_BUCKETS] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                            0.5,   1,     2,     5,    10,   30,   60,  120};
static const int statuses[LACE_STATUSES] = {200, 204, 400, 401, 403, 404, 405, 408, 413, 415, 429, 499, 500, 503, 504};

int lace_metrics_init(struct lace_metrics *m, struct lace_error *err)
{
    *m = (struct lace_metrics){.steps = 0};
    return pthread_mutex_init(&m->lock, NULL) ? lace_fail(err, LACE_MEMORY, "Out of memory.") : 0;
}

void lace_metrics_release(struct lace_metrics *m) { pthread_mutex_destroy(&m->lock); }

void lace_metrics_observe(struct lace_histogram *h, double seconds)
{
    int i = 0;
    while (i < LACE_BUCKETS && seconds > bounds[i]) i++;
    h->count[i]++;
    h->sum += seconds;
}

void lace_metrics_follow(struct lace_course *c, double value)
{
    c->sum += value;
    c->late += (value - c->late) / (double)(c->count < 15 ? c->count + 1 : 16);
    c->count++;
}

void lace_metrics_request(struct lace_metrics *m, int route, int status, double seconds)
{
    int i = 0;
    while (i < LACE_STATUSES - 1 && statuses[i] != status) i++;
    pthread_mutex_lock(&m->lock);
    m->requests[route][i]++;
    m->cancelled += status == 499;
    m->refused_full += status == 429;
    lace_metrics_observe(&m->request_seconds, seconds);
    pthread_mutex_unlock(&m->lock);
}

static void write_head(struct lace_text *out, const char *name, const char *type, const char *help)
{
    lace_text_print(out, "# HELP lace_%s %s\n# TYPE lace_%s %s\n", name, help, name, type);
}

static void write_one(struct lace_text *out, const char *name, const char *type, const char *help, double value)
{
    write_head(out, name, type, help);
    lace_text_print(out, "lace_%s %.17g\n", name, value);
}

static void write_histogram(struct lace_text *out, const char *name, const char *help, const struct lace_histogram *h)
{
    uint64_t sum = 0;
    write_head(out, name, "histogram", help);
    for (int i = 0; i < LACE_BUCKETS; i++)
        lace_text_print(out, "lace_%s_bucket{le=\"%g\"} %llu\n", name, bounds[i],
                        (unsigned long long)(sum += h->count[i]));
    sum += h->count[LACE_BUCKETS];
    lace_text_print(out, "lace_%s_bucket{le=\"+Inf\"} %llu\nlace_%s_sum %.9g\nlace_%s_count %llu\n", name,
                    (unsigned long long)sum, name, h->sum, name, (unsigned long long)sum);
}

static void write_course(struct lace_text *out, const char *name, const char *help, const struct lace_course *c)
{
    write_head(out, name, "summary", help);
    lace_text_print(out, "lace_%s_sum %.9g\nlace_%s_count %llu\n", name, c->sum, name, (unsigned long long)c->count);
    lace_text_print(out, "# HELP lace_%s_late The same of the last groups: each counts a sixteenth.\n", name);
    lace_text_print(out, "# TYPE lace_%s_late gauge\nlace_%s_late %.9g\n", name, name, c->late);
}

static void write_requests(struct lace_text *out, const struct lace_metrics *m, const char *const *routes)
{
    write_head(out, "requests_total", "counter", "Requests answered, by route and status; 499: the client left.");
    for (int r = 0; r < LACE_ROUTES; r++)
        for (int s = 0; s < LACE_STATUSES; s++)
            if (m->requests[r][s] && routes[r])
                lace_text_print(out, "lace_requests_total{route=\"%s\",status=\"%d\"} %llu\n", routes[r], statuses[s],
                                (unsigned long long)m->requests[r][s]);
}

void lace_metrics_write(struct lace_metrics *metrics, const char *const *routes, const char *model,
                        struct lace_text *out)
{
    pthread_mutex_lock(&metrics->lock);
    struct lace_metrics m = *metrics;
    pthread_mutex_unlock(&metrics->lock);
    const struct {
        const char *name, *type, *help;
        double value;
    } values[] = {
        {"requests_cancelled_total", "counter", "Requests whose client left before the answer.", (double)m.cancelled},
        {"requests_refused_total", "counter", "Requests refused because too many were waiting.",
         (double)m.refused_full},
        {"choices_total", "counter", "Choices completed: continuations and groups of threads.", (double)m.choices},
        {"prompt_tokens_total", "counter", "Tokens of prompts, those in the cache included.", (double)m.prompt_tokens},
        {"prompt_tokens_cached_total", "counter", "Tokens of prompts that were in the cache.", (double)m.cached_tokens},
        {"completion_tokens_total", "counter", "Tokens chosen, of all threads.", (double)m.completion_tokens},
        {"steps_total", "counter", "Steps of the model.", (double)m.steps},
        {"groups_running", "gauge", "Choices that run.", m.groups},
        {"requests_waiting", "gauge", "Requests that wait for room.", m.waiting},
        {"connections", "gauge", "Open connections.", m.connections},
        {"rows", "gauge", "Threads that can run at once.", m.use.rows},
        {"rows_taken", "gauge", "Threads that run, or wait for their prompt.", m.use.rows_taken},
        {"cache_tokens", "gauge", "Tokens that the key/value cache holds.", m.use.slots},
        {"cache_tokens_taken", "gauge", "Of these: taken by running choices.", m.use.slots_taken},
        {"cache_tokens_kept", "gauge", "Of these: prompts kept for later requests.", m.use.slots_kept},
    };
    write_head(out, "build_info", "gauge", "The version, and the model that is served.");
    lace_text_str(out, "lace_build_info{version=\"" LACE_VERSION "\",model=");
    lace_write_quoted(out, model, strlen(model));
    lace_text_str(out, "} 1\n");
    write_requests(out, &m, routes);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        write_one(out, values[i].name, values[i].type, values[i].help, values[i].value);
    write_head(out, "verdicts_total", "counter", "Threads of groups by the verdict they ended with.");
    for (int v = LACE_VERDICT_NONE; v <= LACE_VERDICT_FAIL; v++)
        lace_text_print(out, "lace_verdicts_total{verdict=\"%s\"} %llu\n", v ? lace_verdict_names[v] : "none",
                        (unsigned long long)m.verdicts[v]);
    write_course(out, "group_think", "Likeness of the threads of a group that give the same answer, 0 to 1.",
                 &m.group_think);
    write_course(out, "verdict_disagreement", "Share of a group's pairs of verdicts that cannot both be true.",
                 &m.disagreement);
    write_course(out, "cross_thread_mass", "Attention that a thread paid to the others; of traced groups.",
                 &m.cross_mass);
    write_histogram(out, "request_seconds", "From a request's first byte to its answer.", &m.request_seconds);
    write_histogram(out, "first_token_seconds", "From a request's place in the line to its first token.",
                    &m.first_token_seconds);
    write_histogram(out, "step_seconds", "A step of the model.", &m.step_seconds);
}
